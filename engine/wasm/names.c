/*
 * The name section (wasm 2.0 §7.4.1): names of the module and of its functions, for backtraces.
 *
 * Nothing in it can make a module wrong. Reading stops at the first fault; the names before it
 * are kept.
 */
#include "base/utf8.h"
#include "engine/wasm/decode.h"

#define NAMES_MODULE 0
#define NAMES_FUNCS 1
#define NAME_MIN_BYTES 2 /* of a pair of index and name */

static bool read_name(struct reader *r, struct engine_name *name)
{
    return reader_u32(r, &name->len_bytes) == STATUS_OK &&
           reader_bytes(r, name->len_bytes, &name->bytes) == STATUS_OK &&
           utf8_is_valid(name->bytes, name->len_bytes);
}

/* Pairs of index and name; an index that isn't there is passed over. */
static void read_func_names(struct reader *r, struct engine_name *names, uint32_t n_funcs)
{
    uint32_t n;
    if (reader_u32(r, &n) != STATUS_OK) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t funcidx;
        struct engine_name name;
        if (reader_u32(r, &funcidx) != STATUS_OK || !read_name(r, &name)) {
            return;
        }
        if (funcidx < n_funcs) {
            names[funcidx] = name;
        }
    }
}

/* The id and contents of the next subsection; false at the end, or at a fault. */
static bool next_subsection(struct reader *r, uint8_t *id, struct reader *contents)
{
    uint32_t len_bytes;
    *contents = *r;
    if (reader_u8(r, id) != STATUS_OK || reader_u32(r, &len_bytes) != STATUS_OK ||
        reader_bytes(r, len_bytes, &contents->pos) != STATUS_OK) {
        return false;
    }
    contents->end = r->pos;
    return true;
}

status_t decode_func_names(struct decode *d)
{
    struct engine_module *module = d->module;
    struct engine_name *names = NULL;
    struct reader contents;
    uint8_t id;
    if (d->names.pos == NULL) {
        return STATUS_OK;
    }
    while (next_subsection(&d->names, &id, &contents)) {
        struct engine_name name;
        if (id == NAMES_MODULE && read_name(&contents, &name)) {
            module->module_name = name;
        }
        if (id == NAMES_FUNCS && names == NULL && module->n_funcs != 0) {
            names = decode_array(d, module->n_funcs, sizeof *names);
            if (names == NULL) {
                return ERR_NO_MEMORY;
            }
            memset(names, 0, module->n_funcs * sizeof *names);
            read_func_names(&contents, names, module->n_funcs);
        }
    }
    module->func_names = names;
    return STATUS_OK;
}
