/*
 * Modules (wasm 2.0 §5.5.16): a header, and sections in a fixed order.
 *
 * The table below is that order. A section that is absent is read as one of no items when its
 * place is passed, so that each index space is complete once its section has been passed, and
 * each section function runs exactly once.
 */
#include "engine/wasm/decode.h"

#include <stdarg.h>

#include "base/format.h"
#include "base/utf8.h"
#include "engine/compile.h"

const struct engine_limits engine_default_limits = {
    .max_types = 1000000,
    .max_funcs = 1000000,
    .max_imports = 1000000,
    .max_exports = 1000000,
    .max_globals = 1000000,
    .max_tables = 100000,
    .max_segments = 100000,
    .max_body_bytes = 7654321,
    .max_locals = 50000,
    .max_params = 1000,
    .max_results = 1000,
    .max_br_targets = 65520,
    .max_memory_pages = DECODE_MAX_PAGES,
};

#define SECTION_CUSTOM 0
#define SECTION_CODE 10

#define MODULE_HEADER_BYTES 8
static const uint8_t module_magic[4] = {0x00, 'a', 's', 'm'};
static const uint8_t module_version[4] = {0x01, 0x00, 0x00, 0x00};
static const uint8_t component_version[4] = {0x0d, 0x00, 0x01, 0x00}; /* layer 1 */

struct section {
    const char *text; /* what its number counts, or is */
    uint8_t id;
    bool is_vector; /* else its number counts nothing that follows */
    status_t (*read)(struct decode *d, uint32_t n);
};

static const struct section sections[] = {
    {"types", 1, true, decode_types},
    {"imports", 2, true, decode_imports},
    {"functions", 3, true, decode_funcs},
    {"tables", 4, true, decode_tables},
    {"memories", 5, true, decode_memories},
    {"globals", 6, true, decode_globals},
    {"exports", 7, true, decode_exports},
    {"start function", 8, false, decode_start},
    {"element segments", 9, true, decode_elems},
    {"data count", 12, false, decode_data_count},
    {"function bodies", SECTION_CODE, true, decode_bodies},
    {"data segments", 11, true, decode_datas},
};

#define SECTIONS_COUNT (sizeof sections / sizeof sections[0])

/* ---- Errors ---- */

void decode_invalid(struct decode *d, uint64_t offset, const char *text, ...)
{
    if (d->is_invalid) {
        return;
    }
    va_list args;
    va_start(args, text);
    d->is_invalid = true;
    d->error->status = ERR_INVALID;
    d->error->offset = offset;
    (void)format_args(d->error->text, sizeof d->error->text, text, args);
    va_end(args);
}

status_t reader_fail(const struct reader *r, status_t status, const char *what,
                     struct engine_error *error)
{
    const char *text =
        status == ERR_TRUNCATED ? "unexpected end of section or function" : status_text(status);
    return compile_fail(error, ERR_MALFORMED, reader_offset(r), "%s: %s", text, what);
}

status_t decode_check_limit(struct decode *d, uint64_t n, uint64_t max, const char *what)
{
    if (n > max) {
        return compile_fail(d->error, ERR_LIMIT, reader_offset(&d->r),
                            "too many %s: %llu; at most %llu", what, (unsigned long long)n,
                            (unsigned long long)max);
    }
    return STATUS_OK;
}

/* ---- Single items ---- */

status_t decode_u8(struct decode *d, uint8_t *value, const char *what)
{
    status_t status = reader_u8(&d->r, value);
    return status == STATUS_OK ? status : reader_fail(&d->r, status, what, d->error);
}

status_t decode_u32(struct decode *d, uint32_t *value, const char *what)
{
    status_t status = reader_u32(&d->r, value);
    return status == STATUS_OK ? status : reader_fail(&d->r, status, what, d->error);
}

status_t decode_name(struct decode *d, struct engine_name *name, const char *what)
{
    status_t status = decode_u32(d, &name->len_bytes, what);
    if (status != STATUS_OK) {
        return status;
    }
    if (reader_bytes(&d->r, name->len_bytes, &name->bytes) != STATUS_OK) {
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r),
                            "length out of bounds: %s of %u bytes", what, name->len_bytes);
    }
    size_t valid_bytes = utf8_valid_bytes(name->bytes, name->len_bytes);
    if (valid_bytes != name->len_bytes) {
        return compile_fail(d->error, ERR_MALFORMED,
                            (uint64_t)(name->bytes - d->r.start) + valid_bytes,
                            "malformed UTF-8 encoding: %s", what);
    }
    return STATUS_OK;
}

/* Types are signed integers of seven bits (wasm 2.0 §5.3): a byte with the top bit is too long. */
static status_t decode_type(struct decode *d, uint8_t *type, const char *what)
{
    status_t status = decode_u8(d, type, what);
    if (status == STATUS_OK && *type >= 0x80) {
        d->r.pos--;
        return reader_fail(&d->r, ERR_TOO_LONG, what, d->error);
    }
    return status;
}

status_t decode_valtype(struct decode *d, uint8_t *valtype)
{
    uint64_t offset = reader_offset(&d->r);
    status_t status = decode_type(d, valtype, "value type");
    if (status == STATUS_OK && !wasm_is_valtype(*valtype)) {
        return compile_fail(d->error, ERR_MALFORMED, offset, "malformed value type 0x%02x",
                            *valtype);
    }
    return status;
}

status_t decode_reftype(struct decode *d, uint8_t *reftype)
{
    uint64_t offset = reader_offset(&d->r);
    status_t status = decode_type(d, reftype, "reference type");
    if (status == STATUS_OK && !wasm_is_reftype(*reftype)) {
        return compile_fail(d->error, ERR_MALFORMED, offset, "malformed reference type 0x%02x",
                            *reftype);
    }
    return status;
}

status_t decode_count(struct decode *d, uint32_t *n, const char *what)
{
    status_t status = decode_u32(d, n, what);
    if (status == STATUS_OK && *n > reader_left(&d->r)) {
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r),
                            "unexpected end of section or function: %u %s in %llu bytes", *n, what,
                            (unsigned long long)reader_left(&d->r));
    }
    return status;
}

void *decode_array(struct decode *d, uint32_t n, size_t size)
{
    void *items = arena_array(d->arena, n, size);
    if (items == NULL) {
        (void)compile_fail(d->error, ERR_NO_MEMORY, reader_offset(&d->r),
                           "out of memory: %u items of %llu bytes", n, (unsigned long long)size);
    }
    return items;
}

/* ---- The module ---- */

static status_t decode_header(struct decode *d)
{
    const uint8_t *magic;
    const uint8_t *version;
    status_t status = reader_bytes(&d->r, sizeof module_magic, &magic);
    if (status != STATUS_OK) {
        return reader_fail(&d->r, status, "magic header", d->error);
    }
    if (memcmp(magic, module_magic, sizeof module_magic) != 0) {
        return compile_fail(d->error, ERR_MALFORMED, 0, "magic header not detected");
    }
    status = reader_bytes(&d->r, sizeof module_version, &version);
    if (status != STATUS_OK) {
        return reader_fail(&d->r, status, "binary version", d->error);
    }
    if (memcmp(version, component_version, sizeof component_version) == 0) {
        return compile_fail(d->error, ERR_MALFORMED, sizeof module_magic,
                            "unknown binary version: a WebAssembly component, where a core "
                            "module is wanted");
    }
    if (memcmp(version, module_version, sizeof module_version) != 0) {
        return compile_fail(d->error, ERR_MALFORMED, sizeof module_magic,
                            "unknown binary version %02x %02x %02x %02x", version[0], version[1],
                            version[2], version[3]);
    }
    return STATUS_OK;
}

/* d->r is the section's contents. Only its name can be wrong (wasm 2.0 §5.5.3). */
static status_t decode_custom(struct decode *d)
{
    struct engine_name name;
    status_t status = decode_name(d, &name, "name of a custom section");
    if (status == STATUS_OK && d->names.pos == NULL &&
        engine_name_equal(name, engine_name_of("name"))) {
        d->names = d->r;
    }
    d->r.pos = d->r.end;
    return status;
}

static status_t decode_section(struct decode *d, const struct section *section)
{
    uint32_t n;
    d->section = (uint32_t)reader_offset(&d->r);
    status_t status =
        section->is_vector ? decode_count(d, &n, section->text) : decode_u32(d, &n, section->text);
    if (status == STATUS_OK) {
        status = section->read(d, n);
    }
    d->section = 0;
    if (status == STATUS_OK && reader_left(&d->r) != 0) {
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r),
                            "section size mismatch: %llu bytes after the %s",
                            (unsigned long long)reader_left(&d->r), section->text);
    }
    return status;
}

/* Passes the places before `to`, whose sections are absent. */
static status_t decode_absent(struct decode *d, uint32_t *place, uint32_t to)
{
    for (; *place < to; ++*place) {
        const struct section *section = &sections[*place];
        status_t status = section->is_vector ? section->read(d, 0) : STATUS_OK;
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* The id and size of a section; d->r becomes its contents. */
static status_t decode_section_header(struct decode *d, uint8_t *id)
{
    uint32_t len_bytes;
    status_t status = decode_u8(d, id, "section id");
    if (status != STATUS_OK) {
        return status;
    }
    status = decode_u32(d, &len_bytes, "section size");
    if (status != STATUS_OK) {
        return status;
    }
    if (!reader_has(&d->r, len_bytes)) {
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r),
                            "length out of bounds: section %u of %u bytes", *id, len_bytes);
    }
    d->r.end = d->r.pos + len_bytes;
    return STATUS_OK;
}

/* Where in the order of sections this id stands; *place is the next one that may come. */
static status_t decode_find_section(struct decode *d, uint8_t id, uint64_t offset, uint32_t place,
                                    uint32_t *found)
{
    uint32_t at = 0;
    while (at < SECTIONS_COUNT && sections[at].id != id) {
        at++;
    }
    *found = at;
    if (at == SECTIONS_COUNT) {
        return compile_fail(d->error, ERR_MALFORMED, offset, "malformed section id %u", id);
    }
    if (at < place) {
        return compile_fail(d->error, ERR_MALFORMED, offset,
                            "unexpected content after last section: %s, out of order or twice",
                            sections[at].text);
    }
    return STATUS_OK;
}

static status_t decode_sections(struct decode *d)
{
    const uint8_t *end = d->r.end;
    uint32_t place = 0;
    while (d->r.pos != end) {
        uint8_t id;
        uint32_t found;
        uint64_t offset = reader_offset(&d->r);
        status_t status = decode_section_header(d, &id);
        if (status == STATUS_OK && id == SECTION_CUSTOM) {
            status = decode_custom(d);
        } else if (status == STATUS_OK &&
                   (status = decode_find_section(d, id, offset, place, &found)) == STATUS_OK &&
                   (status = decode_absent(d, &place, found)) == STATUS_OK) {
            place++;
            status = decode_section(d, &sections[found]);
        }
        if (status != STATUS_OK) {
            return status;
        }
        d->r.end = end;
    }
    return decode_absent(d, &place, SECTIONS_COUNT);
}

static status_t decode_module(struct decode *d)
{
    status_t status = decode_header(d);
    if (status != STATUS_OK) {
        return status;
    }
    status = decode_sections(d);
    if (status != STATUS_OK) {
        return status;
    }
    if (d->is_invalid) {
        return ERR_INVALID;
    }
    status = decode_func_names(d);
    if (status != STATUS_OK) {
        return status;
    }
    return decode_layout(d);
}

status_t engine_decode(const uint8_t *bytes, size_t len_bytes, const struct engine_limits *limits,
                       uint32_t flags, struct arena *arena, struct engine_module **out,
                       struct engine_error *error)
{
    *error = (struct engine_error){.funcidx = UINT32_MAX};
    if (len_bytes > DECODE_MAX_MODULE_BYTES) {
        return compile_fail(error, ERR_LIMIT, 0, "module of %llu bytes; at most %u",
                            (unsigned long long)len_bytes, DECODE_MAX_MODULE_BYTES);
    }
    size_t mark = arena_mark(arena);
    struct engine_module *module = arena_zalloc(arena, 1, sizeof *module);
    if (module == NULL) {
        return compile_fail(error, ERR_NO_MEMORY, 0, "out of memory");
    }
    module->bytes = bytes;
    module->len_bytes = len_bytes;
    module->start = UINT32_MAX;
    struct decode d = {
        .limits = limits,
        .arena = arena,
        .error = error,
        .flags = flags,
        .r = {.start = bytes, .pos = bytes, .end = bytes + len_bytes},
        .module = module,
    };
    status_t status = decode_module(&d);
    if (status != STATUS_OK) {
        arena_release(arena, mark);
        return status;
    }
    *out = module;
    return STATUS_OK;
}

/* ---- The skeleton ---- */

/* Whether a skeleton has this section; r is its contents, and is used up. */
static bool skeleton_has(uint8_t id, struct reader *r)
{
    uint32_t name_len;
    const uint8_t *name;
    if (id != SECTION_CUSTOM) {
        return id != SECTION_CODE;
    }
    return reader_u32(r, &name_len) == STATUS_OK && reader_bytes(r, name_len, &name) == STATUS_OK &&
           engine_name_equal((struct engine_name){.bytes = name, .len_bytes = name_len},
                             engine_name_of("name"));
}

/* Appends as much as fits; the length counts all of it. */
static void skeleton_put(uint8_t *out, size_t cap_bytes, size_t *len_bytes, const uint8_t *from,
                         size_t n_bytes)
{
    if (*len_bytes <= cap_bytes && n_bytes <= cap_bytes - *len_bytes && n_bytes != 0) {
        memcpy(out + *len_bytes, from, n_bytes);
    }
    *len_bytes += n_bytes;
}

status_t engine_skeleton(const struct engine_module *module, uint8_t *out, size_t cap_bytes,
                         size_t *len_bytes)
{
    struct reader r = {.start = module->bytes,
                       .pos = module->bytes + MODULE_HEADER_BYTES,
                       .end = module->bytes + module->len_bytes};
    *len_bytes = 0;
    skeleton_put(out, cap_bytes, len_bytes, module->bytes, MODULE_HEADER_BYTES);
    while (r.pos != r.end) {
        const uint8_t *from = r.pos;
        uint8_t id;
        uint32_t section_bytes;
        const uint8_t *contents;
        if (reader_u8(&r, &id) != STATUS_OK || reader_u32(&r, &section_bytes) != STATUS_OK ||
            reader_bytes(&r, section_bytes, &contents) != STATUS_OK) {
            return ERR_INTERNAL; /* it has been decoded: it can be read */
        }
        struct reader inner = {.start = r.start, .pos = contents, .end = r.pos};
        if (skeleton_has(id, &inner)) {
            skeleton_put(out, cap_bytes, len_bytes, from, (size_t)(r.pos - from));
        }
    }
    return *len_bytes <= cap_bytes ? STATUS_OK : ERR_NO_SPACE;
}
