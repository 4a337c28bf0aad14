/*
 * The instance record's layout: see struct engine_layout.
 *
 * From P downward: the fixed part of 64 bytes; own scalar globals by index, so that the first
 * eight, the stack pointer among them, are reached with one byte of displacement; addresses of
 * what is imported; own v128 globals and tables; slots of imported functions; type ids. P itself
 * is aligned to 64 bytes or more, so an offset's alignment is that of the address.
 */
#include "engine/compile.h"
#include "engine/wasm/decode.h"

#define RECORD_ALIGN 64u
#define RECORD_MAX_BYTES (UINT32_C(64) << 20) /* more than all limits of the JS API together */

static_assert(sizeof(struct engine_instance) == 64);
static_assert(sizeof(struct engine_table) == 16);
static_assert(sizeof(struct engine_func_slot) == 16);

/* Takes n_bytes further down, aligned, which is a power of two; the new offset from P. */
static int32_t record_take(uint32_t *used_bytes, uint32_t n_bytes, uint32_t align)
{
    *used_bytes = (*used_bytes + n_bytes + align - 1) & ~(align - 1);
    return -(int32_t)*used_bytes;
}

/* More than it takes, in 64 bits: the sums below can't wrap once this is within the limit. */
static uint64_t record_bound(const struct engine_module *module)
{
    return sizeof(struct engine_instance) + UINT64_C(16) * module->n_globals +
           sizeof(struct engine_table) * (uint64_t)module->n_tables +
           sizeof(struct engine_func_slot) * (uint64_t)module->n_func_imports +
           sizeof(uint32_t) * (uint64_t)module->n_types + 4 * (uint64_t)RECORD_ALIGN;
}

static void place_globals(const struct engine_module *module, uint32_t *used_bytes, bool is_vector,
                          int32_t *offsets)
{
    uint32_t size = is_vector ? 16 : 8;
    for (uint32_t i = module->n_global_imports; i < module->n_globals; i++) {
        if ((module->globals[i].type.valtype == VALTYPE_V128) == is_vector) {
            offsets[i] = record_take(used_bytes, size, size);
        }
    }
}

/* [from, to) of size bytes each. */
static void place_range(uint32_t *used_bytes, uint32_t from, uint32_t to, uint32_t size,
                        int32_t *offsets)
{
    for (uint32_t i = from; i < to; i++) {
        offsets[i] = record_take(used_bytes, size, size);
    }
}

status_t decode_layout(struct decode *d)
{
    struct engine_module *module = d->module;
    uint32_t used_bytes = sizeof(struct engine_instance);
    if (record_bound(module) > RECORD_MAX_BYTES) {
        return compile_fail(d->error, ERR_LIMIT, 0,
                            "instance record of up to %llu bytes; at most %u",
                            (unsigned long long)record_bound(module), RECORD_MAX_BYTES);
    }
    int32_t *globals = decode_array(d, module->n_globals, sizeof *globals);
    int32_t *tables = decode_array(d, module->n_tables, sizeof *tables);
    if (globals == NULL || tables == NULL) {
        return ERR_NO_MEMORY;
    }
    place_globals(module, &used_bytes, false, globals);
    place_range(&used_bytes, 0, module->n_global_imports, sizeof(void *), globals);
    place_range(&used_bytes, 0, module->n_table_imports, sizeof(void *), tables);
    place_globals(module, &used_bytes, true, globals);
    place_range(&used_bytes, module->n_table_imports, module->n_tables, sizeof(struct engine_table),
                tables);
    module->layout.globals = globals;
    module->layout.tables = tables;
    module->layout.func_imports = record_take(
        &used_bytes, module->n_func_imports * (uint32_t)sizeof(struct engine_func_slot), 16);
    module->layout.types =
        record_take(&used_bytes, module->n_types * (uint32_t)sizeof(uint32_t), 4);
    (void)record_take(&used_bytes, 0, RECORD_ALIGN);
    module->layout.size_bytes = used_bytes;
    return STATUS_OK;
}
