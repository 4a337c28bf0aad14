/*
 * Instances: wasm 2.0 §4.5.4. First everything that may be refused is looked at, then the record,
 * tables and memory are made and filled, then the segments are written in order, then the start
 * function runs. What a segment wrote stays when a later one traps, and the instance stays too:
 * its functions may by then be in somebody else's table.
 */
#include <assert.h>
#include <string.h>

#include "base/bitset.h"
#include "base/checked.h"
#include "kernel/call/clock.h"
#include "kernel/mem/pool.h"
#include "kernel/process/module.h"
#include "kernel/process/process.h"

#define RECORD_ALIGN 64u

/* ---- reading ---- */

void *instance_global(const struct instance *instance, uint32_t globalidx)
{
    const struct engine_module *contents = instance->module->contents;
    uint8_t *place = instance->ptr + contents->layout.globals[globalidx];
    if (globalidx >= contents->n_global_imports) {
        return place;
    }
    void *value;
    memcpy(&value, place, sizeof value);
    return value;
}

static size_t global_bytes(uint8_t valtype)
{
    return valtype == VALTYPE_V128 ? 16 : 8;
}

void instance_global_get(const struct instance *instance, uint32_t globalidx,
                         union engine_value *out)
{
    uint8_t valtype = instance->module->contents->globals[globalidx].type.valtype;
    *out = (union engine_value){};
    memcpy(out, instance_global(instance, globalidx), global_bytes(valtype));
}

status_t instance_export(const struct instance *instance, struct engine_name name,
                         struct exported *out)
{
    const struct engine_module *contents = instance->module->contents;
    for (uint32_t i = 0; i < contents->n_exports; i++) {
        const struct engine_export *export = &contents->exports[i];
        if (engine_name_equal(export->name, name)) {
            *out = (struct exported){export->kind, export->index};
            return STATUS_OK;
        }
    }
    return ERR_NOT_FOUND;
}

const struct module *instance_module(const struct instance *instance)
{
    return instance->module;
}

status_t instance_external(struct instance *instance, enum engine_extern kind, uint32_t index,
                           struct external *out)
{
    *out = (struct external){.kind = kind};
    switch (kind) {
    case EXTERN_FUNC: return func_ref(instance, index, &out->ref);
    case EXTERN_TABLE: out->table = instance->tables[index]; return STATUS_OK;
    case EXTERN_MEMORY: out->memory = instance->memory; return STATUS_OK;
    case EXTERN_GLOBAL:
    default:
        out->global.type = instance->module->contents->globals[index].type;
        out->global.value = instance_global(instance, index);
        return STATUS_OK;
    }
}

uint8_t *instance_memory(const struct instance *instance, uint64_t offset, uint64_t len_bytes)
{
    return instance->memory == NULL ? NULL : memory_range(instance->memory, offset, len_bytes);
}

uint64_t instance_memory_size(const struct instance *instance)
{
    return instance->memory == NULL ? 0 : instance->memory->view.size_bytes;
}

/* ---- segments ---- */

status_t instance_init_value(struct instance *instance, const struct engine_init *init,
                             union engine_value *out)
{
    *out = (union engine_value){};
    switch ((enum engine_init_kind)init->kind) {
    case INIT_BITS: out->i64 = init->bits; return STATUS_OK;
    case INIT_V128: memcpy(out->v128, init->v128, sizeof out->v128); return STATUS_OK;
    case INIT_GLOBAL: instance_global_get(instance, init->index, out); return STATUS_OK;
    case INIT_FUNC: {
        uint32_t ref;
        status_t status = func_ref(instance, init->index, &ref);
        out->ref = ref;
        return status;
    }
    case INIT_NULL:
    default: return STATUS_OK;
    }
}

status_t instance_table_init(struct instance *instance, uint32_t tableidx, uint32_t elemidx,
                             uint32_t dst, uint32_t src, uint32_t n)
{
    const struct engine_elem *elem = &instance->module->contents->elems[elemidx];
    struct table *table = instance->tables[tableidx];
    uint32_t n_inits = bitset_test(instance->dropped_elems, elemidx) ? 0 : elem->n_inits;
    if (!range_ok(src, n, n_inits) || !range_ok(dst, n, table->view->size)) {
        return ERR_BAD_RANGE;
    }
    for (uint32_t i = 0; i < n; i++) {
        union engine_value value;
        status_t status = instance_init_value(instance, &elem->inits[src + i], &value);
        if (status != STATUS_OK) {
            return status;
        }
        table_set(table, instance->process, dst + i, value.ref);
    }
    return STATUS_OK;
}

status_t instance_memory_init(struct instance *instance, uint32_t dataidx, uint32_t dst,
                              uint32_t src, uint32_t n)
{
    const struct engine_data *data = &instance->module->contents->datas[dataidx];
    uint32_t len_bytes = bitset_test(instance->dropped_datas, dataidx) ? 0 : data->len_bytes;
    uint8_t *to = memory_range(instance->memory, dst, n);
    if (to == NULL || !range_ok(src, n, len_bytes)) {
        return ERR_BAD_RANGE;
    }
    if (n != 0) {
        memcpy(to, data->bytes + src, n);
    }
    return STATUS_OK;
}

/* ---- making ---- */

static bool memory_is_exported(const struct engine_module *contents)
{
    for (uint32_t i = 0; i < contents->n_exports; i++) {
        if (contents->exports[i].kind == EXTERN_MEMORY) {
            return true;
        }
    }
    return false;
}

static bool module_has_own_memory(const struct engine_module *contents)
{
    return contents->n_memories != 0 && contents->n_memory_imports == 0;
}

/* The record goes into the slot of the instance's own memory, or into the pool. */
static status_t record_make(struct instance *instance)
{
    struct process *process = instance->process;
    const struct engine_module *contents = instance->module->contents;
    uint32_t size_bytes = contents->layout.size_bytes;
    if (!module_has_own_memory(contents)) {
        uint8_t *record = arena_zalloc(&process->pool, 1, (size_t)size_bytes + RECORD_ALIGN);
        if (record == NULL) {
            return ERR_NO_MEMORY;
        }
        uint64_t skew = -(uint64_t)record % RECORD_ALIGN;
        instance->ptr = record + skew + size_bytes;
        return STATUS_OK;
    }
    const struct engine_limit *limit = &contents->memories[0];
    uint8_t kind = instance->module->is_dense ? ENGINE_MEMORY_DENSE : ENGINE_MEMORY_GUARD;
    bool is_dense = engine_memory_is_dense(contents, kind) && /* the code asked the same */
                    !(process->options.is_linked_later && memory_is_exported(contents));
    struct memory *memory = POOL_NEW(&process->pool, struct memory);
    if (memory == NULL) {
        return ERR_NO_MEMORY;
    }
    status_t status = memory_init(memory, process->home, limit, is_dense, size_bytes,
                                  process->options.memory_cap_pages);
    if (status != STATUS_OK) {
        return status;
    }
    memory->next = process->memories;
    process->memories = memory;
    instance->memory = memory;
    instance->ptr = memory->view.base;
    memory->owner = instance_fixed(instance);
    return STATUS_OK;
}

static void record_fill_fixed(struct instance *instance)
{
    const struct engine_module *contents = instance->module->contents;
    struct engine_instance *fixed = instance_fixed(instance);
    fixed->embedder = instance;
    fixed->helpers = kernel_helpers;
    fixed->func_records = instance->process->records;
    fixed->shared = clock_shared();
    if (instance->memory != NULL) {
        fixed->memory_base = instance->memory->view.base;
        fixed->memory_size = instance->memory->view.size_bytes;
        if (contents->n_memory_imports != 0) {
            fixed->imported_memory = &instance->memory->view;
        }
    }
}

static status_t record_fill_types(struct instance *instance)
{
    const struct engine_module *contents = instance->module->contents;
    uint32_t *type_ids = (uint32_t *)(instance->ptr + contents->layout.types);
    for (uint32_t i = 0; i < contents->n_types; i++) {
        type_ids[i] = process_type_id(instance->process, &contents->types[i]);
        if (type_ids[i] == 0) {
            return ERR_NO_MEMORY;
        }
    }
    return STATUS_OK;
}

/* Where an imported table or global is, as the record holds it: its address. */
static void record_put_address(struct instance *instance, int32_t offset, const void *address)
{
    memcpy(instance->ptr + offset, &address, sizeof address);
}

static void func_import(struct instance *instance, uint32_t funcidx, uint32_t ref)
{
    struct process *process = instance->process;
    const struct engine_module *contents = instance->module->contents;
    struct func *func = &process->funcs[ref];
    if (func->module == NULL) {
        func->module = instance->module;
        func->typeidx = contents->funcs[funcidx].typeidx;
    }
    instance->func_refs[funcidx] = ref;
    struct engine_func_slot *slots =
        (struct engine_func_slot *)(instance->ptr + contents->layout.func_imports);
    slots[funcidx] = func_slot(process, ref, NULL);
}

static void record_fill_imports(struct instance *instance, const struct external *externals)
{
    const struct engine_module *contents = instance->module->contents;
    const struct engine_layout *layout = &contents->layout;
    uint32_t n_funcs = 0, n_tables = 0, n_globals = 0;
    for (uint32_t i = 0; i < contents->n_imports; i++) {
        const struct external *external = &externals[i];
        switch (external->kind) {
        case EXTERN_FUNC: func_import(instance, n_funcs++, external->ref); break;
        case EXTERN_TABLE:
            table_share(external->table, instance->process);
            record_put_address(instance, layout->tables[n_tables], external->table->view);
            instance->tables[n_tables++] = external->table;
            break;
        case EXTERN_GLOBAL:
            record_put_address(instance, layout->globals[n_globals++], external->global.value);
            break;
        case EXTERN_MEMORY:
        default: break; /* before the record was made */
        }
    }
}

static status_t tables_make(struct instance *instance)
{
    const struct engine_module *contents = instance->module->contents;
    for (uint32_t i = contents->n_table_imports; i < contents->n_tables; i++) {
        struct table *table = POOL_NEW(&instance->process->pool, struct table);
        if (table == NULL) {
            return ERR_NO_MEMORY;
        }
        table->view = (struct engine_table *)(instance->ptr + contents->layout.tables[i]);
        table->type = contents->tables[i];
        table->owner = instance;
        status_t status = table_init(table, instance->process);
        if (status != STATUS_OK) {
            return status;
        }
        instance->tables[i] = table;
    }
    return STATUS_OK;
}

static status_t globals_make(struct instance *instance)
{
    const struct engine_module *contents = instance->module->contents;
    for (uint32_t i = contents->n_global_imports; i < contents->n_globals; i++) {
        const struct engine_global *global = &contents->globals[i];
        union engine_value value;
        status_t status = instance_init_value(instance, &global->init, &value);
        if (status != STATUS_OK) {
            return status;
        }
        memcpy(instance_global(instance, i), &value, global_bytes(global->type.valtype));
    }
    return STATUS_OK;
}

static status_t instance_alloc(struct process *process, struct module *module,
                               struct instance **out)
{
    const struct engine_module *contents = module->contents;
    struct arena *pool = &process->pool;
    struct instance *instance = POOL_NEW(pool, struct instance);
    if (instance == NULL) {
        return ERR_NO_MEMORY;
    }
    instance->process = process;
    instance->module = module;
    instance->tables = POOL_ARRAY(pool, struct table *, contents->n_tables);
    instance->func_refs = POOL_ARRAY(pool, uint32_t, contents->n_funcs);
    instance->dropped_datas = POOL_ARRAY(pool, uint64_t, bitset_words(contents->n_datas));
    instance->dropped_elems = POOL_ARRAY(pool, uint64_t, bitset_words(contents->n_elems));
    *out = instance;
    bool is_whole = instance->tables != NULL && instance->func_refs != NULL &&
                    instance->dropped_datas != NULL && instance->dropped_elems != NULL;
    return is_whole ? STATUS_OK : ERR_NO_MEMORY;
}

/* Everything up to the segments. What fails here is for want of memory or slots. */
static status_t instance_build(struct instance *instance, const struct external *externals)
{
    const struct engine_module *contents = instance->module->contents;
    for (uint32_t i = 0; i < contents->n_imports; i++) {
        if (externals[i].kind == EXTERN_MEMORY) {
            instance->memory = externals[i].memory;
        }
    }
    status_t status = record_make(instance);
    if (status != STATUS_OK) {
        return status;
    }
    record_fill_fixed(instance);
    status = record_fill_types(instance);
    if (status != STATUS_OK) {
        return status;
    }
    record_fill_imports(instance, externals);
    status = tables_make(instance);
    return status != STATUS_OK ? status : globals_make(instance);
}

static status_t segments_write(struct instance *instance, struct trap *trap)
{
    const struct engine_module *contents = instance->module->contents;
    for (uint32_t i = 0; i < contents->n_elems; i++) {
        const struct engine_elem *elem = &contents->elems[i];
        union engine_value offset = {};
        status_t status = STATUS_OK;
        if (elem->mode == SEGMENT_ACTIVE) {
            status = instance_init_value(instance, &elem->offset, &offset);
        }
        if (status == STATUS_OK && elem->mode == SEGMENT_ACTIVE) {
            status = instance_table_init(instance, elem->tableidx, i, offset.i32, 0, elem->n_inits);
        }
        if (status != STATUS_OK) {
            trap->kind = TRAP_TABLE;
            return status;
        }
        if (elem->mode != SEGMENT_PASSIVE) {
            bitset_set(instance->dropped_elems, i);
        }
    }
    for (uint32_t i = 0; i < contents->n_datas; i++) {
        const struct engine_data *data = &contents->datas[i];
        if (data->mode != SEGMENT_ACTIVE) {
            continue;
        }
        union engine_value offset;
        status_t status = instance_init_value(instance, &data->offset, &offset);
        if (status == STATUS_OK) {
            status = instance_memory_init(instance, i, offset.i32, 0, data->len_bytes);
        }
        if (status != STATUS_OK) {
            trap->kind = TRAP_MEMORY;
            return status;
        }
        bitset_set(instance->dropped_datas, i);
    }
    return STATUS_OK;
}

static status_t refused(struct report *report, status_t status)
{
    if (status == ERR_NO_SPACE) {
        return report_set(report, status, REPORT_NO_OFFSET,
                          "all slots of the address space for linear memories are in use");
    }
    return report_set(report, status, REPORT_NO_OFFSET, "can't make an instance: %s",
                      status_text(status));
}

status_t instance_new(struct process *process, struct module *module, struct instance **out,
                      struct report *report, struct trap *trap)
{
    const struct engine_module *contents = module->contents;
    struct external *externals = POOL_ARRAY(&process->pool, struct external, contents->n_imports);
    if (externals == NULL) {
        return refused(report, ERR_NO_MEMORY);
    }
    status_t status = link_resolve(process, module, externals, report);
    if (status != STATUS_OK) {
        return status;
    }
    struct instance *instance;
    status = instance_alloc(process, module, &instance);
    if (status != STATUS_OK) {
        return refused(report, status);
    }
    module->n_refs++;
    instance->next = process->instances;
    process->instances = instance;
    status = instance_build(instance, externals);
    if (status != STATUS_OK) {
        return refused(report, status);
    }
    *trap = (struct trap){};
    status = segments_write(instance, trap);
    if (status != STATUS_OK) {
        return status == ERR_BAD_RANGE ? ERR_TRAP : refused(report, status);
    }
    *out = instance;
    if (contents->start == UINT32_MAX) {
        return STATUS_OK;
    }
    return instance_call(instance, contents->start, &(union engine_value){}, trap);
}
