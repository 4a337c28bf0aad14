/*
 * Functions as values: the records that funcrefs are indices of, and the slots that are called
 * through (tables, import vectors).
 *
 * A slot's code is entered with the caller's instance in place. So a function's own code can only
 * stand in a slot that nobody but its own instance calls through; everywhere else stands a thunk,
 * which finds the function's record and changes the instance. Native functions don't care.
 */
#include <assert.h>

#include "kernel/process/module.h"
#include "kernel/process/process.h"

#define THUNK_ABSENT UINT32_MAX

status_t func_new(struct process *process, const struct engine_func_record *record,
                  const struct func *func, uint32_t *ref)
{
    struct engine_func_record *new_record = arena_alloc(&process->record_pool, sizeof *record);
    struct func *new_func = arena_alloc(&process->func_pool, sizeof *func);
    if (new_record == NULL || new_func == NULL) {
        return ERR_NO_MEMORY;
    }
    *new_record = *record;
    *new_func = *func;
    if (process->n_funcs != 0 && func->kind == FUNC_HOST) {
        new_record->code = (const void *)host_gate;
        new_record->instance = new_func;
    }
    *ref = process->n_funcs++;
    assert(new_record == &process->records[*ref] && new_func == &process->funcs[*ref]);
    return STATUS_OK;
}

status_t func_ref(struct instance *instance, uint32_t funcidx, uint32_t *ref)
{
    if (instance->func_refs[funcidx] != 0) {
        *ref = instance->func_refs[funcidx];
        return STATUS_OK;
    }
    const struct module *module = instance->module;
    const struct engine_module *contents = module->contents;
    uint32_t typeidx = contents->funcs[funcidx].typeidx;
    const struct engine_image_func *code =
        module_image_func(module, funcidx - contents->n_func_imports);
    const uint32_t *type_ids = (const uint32_t *)(instance->ptr + contents->layout.types);
    struct engine_func_record record = {
        .code = module_code(module) + code->code_offset,
        .instance = instance->ptr,
        .memory_base = contents->n_memory_imports != 0 ? instance->memory->view.base : NULL,
        .type_id = type_ids[typeidx],
        .funcidx = funcidx,
    };
    struct func func = {
        .kind = FUNC_WASM,
        .instance = instance,
        .module = module,
        .typeidx = typeidx,
    };
    status_t status = func_new(instance->process, &record, &func, ref);
    if (status == STATUS_OK) {
        instance->func_refs[funcidx] = *ref;
    }
    return status;
}

struct engine_func_slot func_slot(const struct process *process, uint32_t ref,
                                  const struct instance *caller)
{
    if (ref == 0) {
        return (struct engine_func_slot){};
    }
    const struct func *func = &process->funcs[ref];
    const struct engine_func_record *record = &process->records[ref];
    struct engine_func_slot slot = {.type_id = record->type_id, .ref = ref};
    if (func->kind == FUNC_NATIVE || (func->kind == FUNC_WASM && func->instance == caller)) {
        slot.code = record->code;
        return slot;
    }
    const struct engine_image_thunks *thunks = module_thunks(func->module, func->typeidx);
    uint32_t offset = func->kind == FUNC_WASM ? thunks->cross : thunks->host;
    assert(offset != THUNK_ABSENT);
    slot.code = module_code(func->module) + offset;
    return slot;
}
