/*
 * Any bytes at all: decoding refuses or accepts them, and what it accepts is whole.
 *
 * An accepted module is walked, so that ASan sees a pointer that leads nowhere; its skeleton has
 * to be a module of the same shape; and nothing in its instance record may overlap.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/bitset.h"
#include "engine/wasm/wasm.h"

#define FUZZ_ARENA_BYTES ((size_t)32 << 20)
#define RECORD_UNIT 4u /* everything in the record is a multiple of this */

static uint64_t walk_bytes(const uint8_t *bytes, uint64_t len_bytes)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < len_bytes; i++) {
        sum += bytes[i];
    }
    return sum;
}

static void walk_init(const struct engine_module *module, const struct engine_init *init)
{
    assert(init->kind <= INIT_FUNC && wasm_is_valtype(init->valtype));
    if (init->kind == INIT_FUNC) {
        assert(init->index < module->n_funcs && bitset_test(module->declared_funcs, init->index));
    }
    if (init->kind == INIT_GLOBAL) {
        assert(init->index < module->n_global_imports);
    }
}

static uint64_t walk_module(const struct engine_module *module)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < module->n_types; i++) {
        sum += walk_bytes(module->types[i].params, module->types[i].n_params);
        sum += walk_bytes(module->types[i].results, module->types[i].n_results);
    }
    for (uint32_t i = 0; i < module->n_imports; i++) {
        sum += walk_bytes(module->imports[i].module.bytes, module->imports[i].module.len_bytes);
        sum += walk_bytes(module->imports[i].name.bytes, module->imports[i].name.len_bytes);
    }
    for (uint32_t i = 0; i < module->n_funcs; i++) {
        const struct engine_func *func = &module->funcs[i];
        assert(func->typeidx < module->n_types);
        sum += walk_bytes(module->bytes + func->body_offset, func->body_len_bytes);
        if (module->func_names != NULL) {
            sum += walk_bytes(module->func_names[i].bytes, module->func_names[i].len_bytes);
        }
    }
    for (uint32_t i = module->n_global_imports; i < module->n_globals; i++) {
        walk_init(module, &module->globals[i].init);
    }
    for (uint32_t i = 0; i < module->n_exports; i++) {
        sum += walk_bytes(module->exports[i].name.bytes, module->exports[i].name.len_bytes);
    }
    for (uint32_t i = 0; i < module->n_elems; i++) {
        for (uint32_t k = 0; k < module->elems[i].n_inits; k++) {
            walk_init(module, &module->elems[i].inits[k]);
        }
    }
    for (uint32_t i = 0; i < module->n_datas; i++) {
        sum += walk_bytes(module->datas[i].bytes, module->datas[i].len_bytes);
    }
    return sum + walk_bytes(module->module_name.bytes, module->module_name.len_bytes);
}

/* Marks the bytes of the record at an offset from P as taken, once. */
static void take(uint64_t *taken, uint32_t size_bytes, int64_t offset, uint64_t len_bytes,
                 uint64_t align)
{
    int64_t from = (int64_t)size_bytes + offset;
    assert(from >= 0 && offset + (int64_t)len_bytes <= 0 && offset % (int64_t)align == 0);
    for (uint64_t i = 0; i < len_bytes; i += RECORD_UNIT) {
        assert(bitset_add(taken, ((uint64_t)from + i) / RECORD_UNIT));
    }
}

static void check_layout(const struct engine_module *module)
{
    const struct engine_layout *layout = &module->layout;
    uint32_t size_bytes = layout->size_bytes;
    assert(size_bytes % 64 == 0);
    uint64_t *taken = calloc(bitset_words(size_bytes / RECORD_UNIT), sizeof *taken);
    assert(taken != NULL);
    take(taken, size_bytes, -(int64_t)sizeof(struct engine_instance),
         sizeof(struct engine_instance), 64);
    for (uint32_t i = 0; i < module->n_globals; i++) {
        bool is_vector =
            i >= module->n_global_imports && module->globals[i].type.valtype == VALTYPE_V128;
        take(taken, size_bytes, layout->globals[i], is_vector ? 16 : 8, is_vector ? 16 : 8);
    }
    for (uint32_t i = 0; i < module->n_tables; i++) {
        bool is_import = i < module->n_table_imports;
        take(taken, size_bytes, layout->tables[i], is_import ? 8 : 16, is_import ? 8 : 16);
    }
    take(taken, size_bytes, layout->func_imports, 16 * (uint64_t)module->n_func_imports, 16);
    take(taken, size_bytes, layout->types, 4 * (uint64_t)module->n_types, 4);
    free(taken);
}

static void check_skeleton(const struct engine_module *module, struct arena *arena)
{
    size_t len_bytes;
    uint8_t *out = malloc(module->len_bytes);
    struct engine_module *again = NULL;
    struct engine_error error;
    assert(out != NULL);
    assert(engine_skeleton(module, out, module->len_bytes, &len_bytes) == STATUS_OK);
    status_t status = engine_decode(out, len_bytes, &engine_default_limits, ENGINE_DECODE_SKELETON,
                                    arena, &again, &error);
    assert(status == STATUS_OK || status == ERR_NO_MEMORY);
    if (status == STATUS_OK) {
        assert(again->n_funcs == module->n_funcs && again->n_datas == module->n_datas);
        assert(again->layout.size_bytes == module->layout.size_bytes);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    struct arena arena;
    struct engine_module *module = NULL;
    struct engine_error error;
    static void *memory; /* kept between runs: allocating it takes longer than they do */
    if (memory == NULL) {
        memory = aligned_alloc(16, FUZZ_ARENA_BYTES);
        assert(memory != NULL);
    }
    arena_init(&arena, memory, FUZZ_ARENA_BYTES);
    status_t status =
        engine_decode(bytes, len_bytes, &engine_default_limits, 0, &arena, &module, &error);
    if (status == STATUS_OK) {
        uint64_t sum = walk_module(module);
        __asm__ volatile("" : : "r"(sum)); /* so that the walk isn't optimised away */
        check_layout(module);
        check_skeleton(module, &arena);
    } else {
        assert(error.status == status && error.text[0] != 0 && error.offset <= len_bytes);
        assert(arena.used_bytes == 0);
    }
    return 0;
}
