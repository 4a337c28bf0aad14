/*
 * The sections of types, imports, functions, tables, memories, globals, start, data count and
 * code (wasm 2.0 §5.5, §3.4).
 *
 * An index space begins with its imports: those are copied in front when the section that
 * completes the space is read.
 */
#include "base/bitset.h"
#include "engine/compile.h"
#include "engine/wasm/decode.h"

#define FORM_FUNC 0x60

#define LIMIT_HAS_MAX 1u
#define LIMIT_IS_SHARED 2u /* threads proposal: memories only */

/* ---- Types ---- */

/* A vector of value types, left where it is: one byte each. */
static status_t decode_valtypes(struct decode *d, const uint8_t **types, uint32_t *n, uint32_t max,
                                const char *what)
{
    status_t status = decode_count(d, n, what);
    if (status == STATUS_OK) {
        status = decode_check_limit(d, *n, max, what);
    }
    *types = d->r.pos;
    for (uint32_t i = 0; status == STATUS_OK && i < *n; i++) {
        uint8_t type;
        status = decode_valtype(d, &type);
    }
    return status;
}

static status_t decode_functype(struct decode *d, struct engine_functype *type)
{
    uint8_t form;
    uint64_t offset = reader_offset(&d->r);
    status_t status = decode_u8(d, &form, "form of a type");
    if (status != STATUS_OK) {
        return status;
    }
    if (form != FORM_FUNC) {
        return compile_fail(d->error, ERR_MALFORMED, offset,
                            form >= 0x80 ? "integer representation too long: form of a type 0x%02x"
                                         : "malformed function type: form 0x%02x",
                            form);
    }
    status =
        decode_valtypes(d, &type->params, &type->n_params, d->limits->max_params, "parameters");
    if (status != STATUS_OK) {
        return status;
    }
    return decode_valtypes(d, &type->results, &type->n_results, d->limits->max_results, "results");
}

status_t decode_types(struct decode *d, uint32_t n)
{
    status_t status = decode_check_limit(d, n, d->limits->max_types, "types");
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_functype *types = decode_array(d, n, sizeof *types);
    if (types == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; status == STATUS_OK && i < n; i++) {
        status = decode_functype(d, &types[i]);
    }
    d->module->types = types;
    d->module->n_types = n;
    return status;
}

/* ---- The types of what can be imported ---- */

static status_t decode_typeidx(struct decode *d, uint32_t *typeidx)
{
    uint64_t offset = reader_offset(&d->r);
    status_t status = decode_u32(d, typeidx, "type index");
    if (status == STATUS_OK && *typeidx >= d->module->n_types) {
        decode_invalid(d, offset, "unknown type %u of %u", *typeidx, d->module->n_types);
    }
    return status;
}

static void check_limit(struct decode *d, uint64_t offset, const struct engine_limit *limit)
{
    if (limit->has_max && limit->min > limit->max) {
        decode_invalid(d, offset, "size minimum must not be greater than maximum: %llu, %llu",
                       (unsigned long long)limit->min, (unsigned long long)limit->max);
    }
}

/* Limits (wasm 2.0 §5.3.7). The flags are an unsigned integer of as many bits as there are flags. */
static status_t decode_limit(struct decode *d, uint32_t known_flags, struct engine_limit *limit)
{
    uint8_t flags;
    uint32_t min;
    uint32_t max = 0;
    status_t status = decode_u8(d, &flags, "limits");
    if (status != STATUS_OK) {
        return status;
    }
    if ((flags & ~known_flags) != 0) {
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r) - 1,
                            flags >= 0x80 ? "integer representation too long: limits flags 0x%02x"
                                          : "integer too large: limits flags 0x%02x",
                            flags);
    }
    status = decode_u32(d, &min, "minimum");
    if (status == STATUS_OK && (flags & LIMIT_HAS_MAX) != 0) {
        status = decode_u32(d, &max, "maximum");
    }
    *limit = (struct engine_limit){
        .min = min,
        .max = (flags & LIMIT_HAS_MAX) != 0 ? max : UINT64_MAX,
        .has_max = (flags & LIMIT_HAS_MAX) != 0,
        .is_shared = (flags & LIMIT_IS_SHARED) != 0,
    };
    return status;
}

static status_t decode_memorytype(struct decode *d, struct engine_limit *limit)
{
    uint64_t offset = reader_offset(&d->r);
    status_t status = decode_limit(d, LIMIT_HAS_MAX | LIMIT_IS_SHARED, limit);
    if (status != STATUS_OK) {
        return status;
    }
    if (limit->is_shared && !limit->has_max) {
        decode_invalid(d, offset, "shared memory must have maximum");
    }
    if (limit->min > DECODE_MAX_PAGES || (limit->has_max && limit->max > DECODE_MAX_PAGES)) {
        decode_invalid(d, offset, "memory size must be at most 65536 pages (4GiB)");
        return STATUS_OK;
    }
    check_limit(d, offset, limit);
    return decode_check_limit(d, limit->min, d->limits->max_memory_pages, "pages of memory");
}

static status_t decode_tabletype(struct decode *d, struct engine_tabletype *type)
{
    status_t status = decode_reftype(d, &type->reftype);
    uint64_t offset = reader_offset(&d->r);
    if (status == STATUS_OK) {
        status = decode_limit(d, LIMIT_HAS_MAX, &type->limit);
    }
    if (status == STATUS_OK) {
        check_limit(d, offset, &type->limit);
    }
    return status;
}

static status_t decode_globaltype(struct decode *d, struct engine_globaltype *type)
{
    uint8_t mutability;
    status_t status = decode_valtype(d, &type->valtype);
    if (status == STATUS_OK) {
        status = decode_u8(d, &mutability, "mutability");
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (mutability > 1) {
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r) - 1,
                            "malformed mutability 0x%02x", mutability);
    }
    type->is_mutable = mutability == 1;
    return STATUS_OK;
}

/* ---- Imports ---- */

static status_t decode_import(struct decode *d, struct engine_import *import)
{
    struct engine_module *module = d->module;
    status_t status = decode_name(d, &import->module, "module name of an import");
    if (status == STATUS_OK) {
        status = decode_name(d, &import->name, "name of an import");
    }
    if (status == STATUS_OK) {
        status = decode_u8(d, &import->kind, "import kind");
    }
    if (status != STATUS_OK) {
        return status;
    }
    switch (import->kind) {
    case EXTERN_FUNC: module->n_func_imports++; return decode_typeidx(d, &import->typeidx);
    case EXTERN_TABLE: module->n_table_imports++; return decode_tabletype(d, &import->table);
    case EXTERN_MEMORY: module->n_memory_imports++; return decode_memorytype(d, &import->memory);
    case EXTERN_GLOBAL: module->n_global_imports++; return decode_globaltype(d, &import->global);
    default:
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r) - 1,
                            "malformed import kind 0x%02x", import->kind);
    }
}

status_t decode_imports(struct decode *d, uint32_t n)
{
    status_t status = decode_check_limit(d, n, d->limits->max_imports, "imports");
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_import *imports = decode_array(d, n, sizeof *imports);
    if (imports == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; status == STATUS_OK && i < n; i++) {
        status = decode_import(d, &imports[i]);
    }
    d->module->imports = imports;
    d->module->n_imports = n;
    return status;
}

/* The next import of a kind from *at on; the caller knows how many there are. */
static const struct engine_import *next_import(const struct engine_module *module, uint32_t *at,
                                               enum engine_extern kind)
{
    while (module->imports[*at].kind != kind) {
        ++*at;
    }
    return &module->imports[(*at)++];
}

/* ---- Functions ---- */

status_t decode_funcs(struct decode *d, uint32_t n)
{
    struct engine_module *module = d->module;
    uint32_t n_all = module->n_func_imports + n;
    status_t status = decode_check_limit(d, n_all, d->limits->max_funcs, "functions");
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t words = (uint32_t)bitset_words(n_all);
    d->funcs = decode_array(d, n_all, sizeof *d->funcs);
    d->declared = decode_array(d, words, sizeof *d->declared);
    if (d->funcs == NULL || d->declared == NULL) {
        return ERR_NO_MEMORY;
    }
    bitset_zero(d->declared, words);
    module->declared_funcs = d->declared;
    module->funcs = d->funcs;
    module->n_funcs = n_all;
    for (uint32_t i = 0, at = 0; i < module->n_func_imports; i++) {
        const struct engine_import *import = next_import(module, &at, EXTERN_FUNC);
        d->funcs[i] = (struct engine_func){.typeidx = import->typeidx};
    }
    for (uint32_t i = module->n_func_imports; status == STATUS_OK && i < n_all; i++) {
        d->funcs[i] = (struct engine_func){0};
        status = decode_typeidx(d, &d->funcs[i].typeidx);
    }
    return status;
}

void decode_declare_func(struct decode *d, uint32_t funcidx, uint64_t offset)
{
    if (funcidx >= d->module->n_funcs) {
        decode_invalid(d, offset, "unknown function %u of %u", funcidx, d->module->n_funcs);
        return;
    }
    bitset_set(d->declared, funcidx);
}

status_t decode_start(struct decode *d, uint32_t funcidx)
{
    struct engine_module *module = d->module;
    if (funcidx >= module->n_funcs) {
        decode_invalid(d, d->section, "unknown function %u of %u", funcidx, module->n_funcs);
        return STATUS_OK;
    }
    if (!d->is_invalid) { /* or the type may not exist */
        const struct engine_functype *type = &module->types[module->funcs[funcidx].typeidx];
        if (type->n_params != 0 || type->n_results != 0) {
            decode_invalid(d, d->section, "start function %u has parameters or results", funcidx);
        }
    }
    module->start = funcidx;
    return STATUS_OK;
}

/* The extents of bodies. In a skeleton there are none. */
status_t decode_bodies(struct decode *d, uint32_t n)
{
    struct engine_module *module = d->module;
    uint32_t n_defined = module->n_funcs - module->n_func_imports;
    bool is_skeleton = (d->flags & ENGINE_DECODE_SKELETON) != 0;
    if (is_skeleton && d->section == 0) {
        return STATUS_OK;
    }
    if (n != n_defined || is_skeleton) {
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r),
                            "function and code section have inconsistent lengths: %u and %u",
                            n_defined, n);
    }
    module->code_offset = d->section;
    for (uint32_t i = 0; i < n; i++) {
        struct engine_func *func = &d->funcs[module->n_func_imports + i];
        const uint8_t *body;
        status_t status = decode_u32(d, &func->body_len_bytes, "size of a function body");
        if (status != STATUS_OK) {
            return status;
        }
        func->body_offset = (uint32_t)reader_offset(&d->r);
        status = reader_bytes(&d->r, func->body_len_bytes, &body);
        if (status != STATUS_OK) {
            return reader_fail(&d->r, status, "function body", d->error);
        }
        status = decode_check_limit(d, func->body_len_bytes, d->limits->max_body_bytes,
                                    "bytes in a function body");
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* ---- Tables, memories, globals ---- */

status_t decode_tables(struct decode *d, uint32_t n)
{
    struct engine_module *module = d->module;
    uint32_t n_all = module->n_table_imports + n;
    status_t status = decode_check_limit(d, n_all, d->limits->max_tables, "tables");
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_tabletype *tables = decode_array(d, n_all, sizeof *tables);
    if (tables == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0, at = 0; status == STATUS_OK && i < n_all; i++) {
        if (i < module->n_table_imports) {
            tables[i] = next_import(module, &at, EXTERN_TABLE)->table;
        } else {
            status = decode_tabletype(d, &tables[i]);
        }
    }
    module->tables = tables;
    module->n_tables = n_all;
    return status;
}

status_t decode_memories(struct decode *d, uint32_t n)
{
    struct engine_module *module = d->module;
    uint32_t n_all = module->n_memory_imports + n;
    if (n_all > 1) {
        decode_invalid(d, reader_offset(&d->r), "multiple memories: %u", n_all);
    }
    struct engine_limit *memories = decode_array(d, n_all, sizeof *memories);
    if (memories == NULL) {
        return ERR_NO_MEMORY;
    }
    status_t status = STATUS_OK;
    for (uint32_t i = 0, at = 0; status == STATUS_OK && i < n_all; i++) {
        if (i < module->n_memory_imports) {
            memories[i] = next_import(module, &at, EXTERN_MEMORY)->memory;
        } else {
            status = decode_memorytype(d, &memories[i]);
        }
    }
    module->memories = memories;
    module->n_memories = n_all;
    return status;
}

static status_t decode_global(struct decode *d, struct engine_global *global)
{
    status_t status = decode_globaltype(d, &global->type);
    if (status != STATUS_OK) {
        return status;
    }
    return decode_const(d, global->type.valtype, &global->init);
}

status_t decode_globals(struct decode *d, uint32_t n)
{
    struct engine_module *module = d->module;
    uint32_t n_imports = module->n_global_imports;
    uint32_t n_all = n_imports + n;
    status_t status = decode_check_limit(d, n_all, d->limits->max_globals, "globals");
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_global *globals = decode_array(d, n_all, sizeof *globals);
    if (globals == NULL) {
        return ERR_NO_MEMORY;
    }
    module->globals = globals;
    module->n_globals = n_all;
    for (uint32_t i = 0, at = 0; status == STATUS_OK && i < n_all; i++) {
        globals[i] = (struct engine_global){0};
        if (i < n_imports) {
            globals[i].type = next_import(module, &at, EXTERN_GLOBAL)->global;
        } else {
            status = decode_global(d, &globals[i]);
        }
    }
    return status;
}

status_t decode_data_count(struct decode *d, uint32_t n)
{
    d->module->has_data_count = true;
    d->n_data_count = n;
    /* The number that bodies are validated against; decode_datas sees that it is true. */
    d->module->n_datas = n;
    return STATUS_OK;
}
