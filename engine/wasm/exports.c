/*
 * The export section (wasm 2.0 §5.5.10, §3.4.10): every name once.
 *
 * Names are compared after sorting, by a hash first and then by length and bytes. A hash table
 * would be a little faster, but whoever writes a module can make its names collide; sorting is
 * n log n whatever they do.
 */
#include "base/hash.h"
#include "engine/compile.h"
#include "engine/wasm/decode.h"

struct export_key {
    uint64_t hash;
    uint32_t len_bytes;
    uint32_t export;
};

#define NAME_TEXT_BYTES 64

/* A name for a message: what isn't printable ASCII becomes '?'. */
static const char *name_text(const struct engine_name *name, char text[static NAME_TEXT_BYTES])
{
    size_t len = 0;
    for (; len < name->len_bytes && len < NAME_TEXT_BYTES - 1; len++) {
        uint8_t byte = name->bytes[len];
        text[len] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
    }
    text[len] = 0;
    return text;
}

static int key_compare(const struct engine_export *exports, const struct export_key *a,
                       const struct export_key *b)
{
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    if (a->len_bytes != b->len_bytes) {
        return a->len_bytes < b->len_bytes ? -1 : 1;
    }
    return memcmp(exports[a->export].name.bytes, exports[b->export].name.bytes, a->len_bytes);
}

/* Merges from[low, mid) and from[mid, high) into `to`; equal keys stay in order. */
static void keys_merge(const struct engine_export *exports, const struct export_key *from,
                       struct export_key *to, size_t low, size_t mid, size_t high)
{
    size_t left = low;
    size_t right = mid;
    for (size_t i = low; i < high; i++) {
        bool is_left =
            right == high || (left < mid && key_compare(exports, &from[left], &from[right]) <= 0);
        to[i] = is_left ? from[left++] : from[right++];
    }
}

/* Sorts bottom up, to and fro between two arrays; returns the one with the result. */
static const struct export_key *keys_sort(const struct engine_export *exports,
                                          struct export_key *keys, struct export_key *spare,
                                          size_t n)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t low = 0; low < n; low += 2 * width) {
            size_t mid = low + width < n ? low + width : n;
            size_t high = mid + width < n ? mid + width : n;
            keys_merge(exports, keys, spare, low, mid, high);
        }
        struct export_key *sorted = spare;
        spare = keys;
        keys = sorted;
    }
    return keys;
}

static status_t check_names(struct decode *d, const struct engine_export *exports, uint32_t n)
{
    size_t mark = arena_mark(d->arena);
    struct export_key *keys = decode_array(d, n, 2 * sizeof *keys);
    if (keys == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct engine_name *name = &exports[i].name;
        keys[i] = (struct export_key){.hash = hash_bytes(name->bytes, name->len_bytes),
                                      .len_bytes = name->len_bytes,
                                      .export = i};
    }
    const struct export_key *sorted = keys_sort(exports, keys, keys + n, n);
    for (uint32_t i = 1; i < n; i++) {
        if (key_compare(exports, &sorted[i - 1], &sorted[i]) == 0) {
            char text[NAME_TEXT_BYTES];
            const struct engine_name *name = &exports[sorted[i].export].name;
            decode_invalid(d, (uint64_t)(name->bytes - d->r.start), "duplicate export name \"%s\"",
                           name_text(name, text));
        }
    }
    arena_release(d->arena, mark);
    return STATUS_OK;
}

static void check_index(struct decode *d, uint64_t offset, const char *what, uint32_t index,
                        uint32_t n)
{
    if (index >= n) {
        decode_invalid(d, offset, "unknown %s %u of %u", what, index, n);
    }
}

static status_t decode_export(struct decode *d, struct engine_export *export)
{
    const struct engine_module *module = d->module;
    status_t status = decode_name(d, &export->name, "name of an export");
    if (status == STATUS_OK) {
        status = decode_u8(d, &export->kind, "export kind");
    }
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t offset = reader_offset(&d->r);
    if (export->kind > EXTERN_GLOBAL) {
        return compile_fail(d->error, ERR_MALFORMED, offset - 1, "malformed export kind 0x%02x",
                            export->kind);
    }
    status = decode_u32(d, &export->index, "export index");
    if (status != STATUS_OK) {
        return status;
    }
    switch (export->kind) {
    case EXTERN_FUNC: decode_declare_func(d, export->index, offset); break;
    case EXTERN_TABLE: check_index(d, offset, "table", export->index, module->n_tables); break;
    case EXTERN_MEMORY: check_index(d, offset, "memory", export->index, module->n_memories); break;
    default: check_index(d, offset, "global", export->index, module->n_globals); break;
    }
    return STATUS_OK;
}

status_t decode_exports(struct decode *d, uint32_t n)
{
    status_t status = decode_check_limit(d, n, d->limits->max_exports, "exports");
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_export *exports = decode_array(d, n, sizeof *exports);
    if (exports == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; status == STATUS_OK && i < n; i++) {
        status = decode_export(d, &exports[i]);
    }
    if (status == STATUS_OK) {
        status = check_names(d, exports, n);
    }
    d->module->exports = exports;
    d->module->n_exports = n;
    return status;
}
