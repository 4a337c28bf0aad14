/*
 * Processes: their storage, types and what they provide to imports.
 */
#include "kernel/process/process.h"

#include <string.h>

#include "base/hash.h"
#include "kernel/mem/pool.h"
#include "kernel/process/module.h"
#include "kernel/sched/sched.h"

#define PROCESS_POOL_BYTES ((size_t)4 << 30)

static status_t process_init(struct process *process)
{
    status_t status = pool_new(&process->pool, PROCESS_POOL_BYTES);
    if (status == STATUS_OK) {
        status = pool_new(&process->record_pool, FUNC_POOL_BYTES);
    }
    if (status == STATUS_OK) {
        status = pool_new(&process->func_pool, FUNC_POOL_BYTES);
    }
    if (status != STATUS_OK) {
        return status;
    }
    process->records = (struct engine_func_record *)process->record_pool.base;
    process->funcs = (struct func *)process->func_pool.base;
    uint32_t null_ref;
    return func_new(process, &(struct engine_func_record){}, &(struct func){}, &null_ref);
}

static void lists_init(struct process *process)
{
    list_init(&process->fibers);
    list_init(&process->receivers);
    list_init(&process->waiters);
    list_init(&process->children);
    list_init(&process->of_maker);
    list_init(&process->channels);
    list_init(&process->served);
    list_init(&process->replies);
    inbox_init(&process->inbox, &process->home->blocks);
    cap_table_init(&process->caps);
}

status_t process_new(const struct process_options *options, struct process **out)
{
    struct cpu *cpu = cpu_self();
    struct object *object;
    status_t status = object_new(&cpu->processes, &object);
    if (status != STATUS_OK) {
        return status;
    }
    struct process *process = (struct process *)object;
    process->home = cpu;
    process->is_embedders = true;
    process->priority = SCHED_PRIORITY_DEFAULT;
    process->options = *options;
    if (process->options.memory_cap_pages == 0) {
        process->options.memory_cap_pages = MEMORY_CAP_PAGES;
    }
    lists_init(process);
    status = process_init(process);
    if (status != STATUS_OK) {
        process_reap(process);
        return status;
    }
    *out = process;
    return STATUS_OK;
}

void process_release(struct process *process)
{
    for (struct instance *i = process->instances; i != NULL; i = i->next) {
        module_put(i->module);
    }
    for (struct memory *m = process->memories; m != NULL; m = m->next) {
        memory_free(m, process->home);
    }
    for (struct region *r = process->regions; r != NULL; r = r->next) {
        arch_release(r->start, r->len_bytes);
    }
    if (process->stack != NULL) {
        stack_free(&process->home->stacks, process->stack);
    }
    process->instances = process->main = NULL;
    process->memories = NULL;
    process->regions = NULL;
    process->stack = NULL;
    pool_free(&process->record_pool);
    pool_free(&process->func_pool);
    pool_free(&process->pool);
}

void process_free(struct process *process)
{
    process_end(process);
    process_reap(process);
}

status_t process_copy_name(struct process *process, struct engine_name name,
                           struct engine_name *out)
{
    uint8_t *copy = arena_alloc(&process->pool, name.len_bytes);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(copy, name.bytes, name.len_bytes);
    *out = (struct engine_name){copy, name.len_bytes};
    return STATUS_OK;
}

/* ---- types ---- */

static uint64_t type_hash(const struct engine_functype *type)
{
    uint64_t hash = hash_bytes(type->params, type->n_params);
    return hash_add(hash, hash_bytes(type->results, type->n_results));
}

static bool type_equal(const struct engine_functype *a, const struct engine_functype *b)
{
    return a->n_params == b->n_params && a->n_results == b->n_results &&
           memcmp(a->params, b->params, a->n_params) == 0 &&
           memcmp(a->results, b->results, a->n_results) == 0;
}

static uint32_t *type_place(const struct process *process, const struct engine_functype *type)
{
    uint32_t mask = process->cap_types * 2 - 1;
    uint32_t i = (uint32_t)type_hash(type) & mask;
    while (process->type_hash[i] != 0 &&
           !type_equal(type, process_type(process, process->type_hash[i]))) {
        i = (i + 1) & mask;
    }
    return &process->type_hash[i];
}

static bool types_grow(struct process *process)
{
    uint32_t cap = process->cap_types == 0 ? 64 : process->cap_types * 2;
    struct engine_functype *types = POOL_ARRAY(&process->pool, struct engine_functype, cap);
    uint32_t *hash = POOL_ARRAY(&process->pool, uint32_t, cap * 2);
    if (types == NULL || hash == NULL) {
        return false;
    }
    if (process->n_types != 0) {
        memcpy(types, process->types, process->n_types * sizeof *types);
    }
    process->types = types;
    process->type_hash = hash;
    process->cap_types = cap;
    for (uint32_t id = 1; id <= process->n_types; id++) {
        *type_place(process, process_type(process, id)) = id;
    }
    return true;
}

uint32_t process_type_id(struct process *process, const struct engine_functype *type)
{
    if (process->n_types == process->cap_types && !types_grow(process)) {
        return 0;
    }
    uint32_t *place = type_place(process, type);
    if (*place != 0) {
        return *place;
    }
    uint8_t *copy = arena_alloc(&process->pool, (size_t)type->n_params + type->n_results);
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, type->params, type->n_params);
    memcpy(copy + type->n_params, type->results, type->n_results);
    process->types[process->n_types] = (struct engine_functype){
        .params = copy,
        .results = copy + type->n_params,
        .n_params = type->n_params,
        .n_results = type->n_results,
    };
    *place = ++process->n_types;
    return *place;
}

/* ---- what is provided to imports ---- */

static status_t provided_add(struct process *process, struct engine_name module,
                             struct engine_name name, struct external external)
{
    struct provided *p = POOL_NEW(&process->pool, struct provided);
    if (p == NULL) {
        return ERR_NO_MEMORY;
    }
    *p = (struct provided){
        .next = process->provided,
        .module = module,
        .name = name,
        .external = external,
    };
    process->provided = p;
    return STATUS_OK;
}

static uint8_t valtype_of_letter(char letter)
{
    switch (letter) {
    case 'i': return VALTYPE_I32;
    case 'I': return VALTYPE_I64;
    case 'f': return VALTYPE_F32;
    case 'F': return VALTYPE_F64;
    case 'v': return VALTYPE_V128;
    case 'p': return VALTYPE_FUNCREF;
    case 'e': return VALTYPE_EXTERNREF;
    default: return 0;
    }
}

#define SIGNATURE_MAX 64u

static uint32_t type_id_of_text(struct process *process, const char *signature)
{
    uint8_t types[SIGNATURE_MAX];
    struct engine_functype type = {.params = types};
    uint32_t n = 0;
    for (const char *c = signature; *c != '\0'; c++) {
        if (*c == '_') {
            type.n_params = n;
            continue;
        }
        if (n == SIGNATURE_MAX || valtype_of_letter(*c) == 0) {
            return 0;
        }
        types[n++] = valtype_of_letter(*c);
    }
    type.results = types + type.n_params;
    type.n_results = n - type.n_params;
    return process_type_id(process, &type);
}

status_t process_provide_func(struct process *process, const struct provided_func *func)
{
    uint32_t type_id = type_id_of_text(process, func->signature);
    if (type_id == 0) {
        return ERR_BAD_ARGUMENT;
    }
    struct func made = {
        .kind = func->native != NULL ? FUNC_NATIVE : FUNC_HOST,
        .host = {.fn = func->host, .ctx = func->ctx},
    };
    struct engine_func_record record = {.code = (const void *)func->native, .type_id = type_id};
    struct external external = {.kind = EXTERN_FUNC};
    status_t status = func_new(process, &record, &made, &external.ref);
    if (status != STATUS_OK) {
        return status;
    }
    return provided_add(process, engine_name_of(func->module), engine_name_of(func->name),
                        external);
}

status_t process_provide_global(struct process *process, const char *module, const char *name,
                                char type, union engine_value value)
{
    union engine_value *place = POOL_NEW(&process->pool, union engine_value);
    if (place == NULL || valtype_of_letter(type) == 0) {
        return place == NULL ? ERR_NO_MEMORY : ERR_BAD_ARGUMENT;
    }
    *place = value;
    struct external external = {
        .kind = EXTERN_GLOBAL,
        .global = {.type = {.valtype = valtype_of_letter(type)}, .value = place},
    };
    return provided_add(process, engine_name_of(module), engine_name_of(name), external);
}

status_t process_provide_table(struct process *process, const char *module, const char *name,
                               struct engine_tabletype type)
{
    struct table *table = POOL_NEW(&process->pool, struct table);
    if (table == NULL) {
        return ERR_NO_MEMORY;
    }
    *table = (struct table){.view = &table->own_view, .type = type, .is_shared = true};
    status_t status = table_init(table, process);
    if (status != STATUS_OK) {
        return status;
    }
    return provided_add(process, engine_name_of(module), engine_name_of(name),
                        (struct external){.kind = EXTERN_TABLE, .table = table});
}

status_t process_provide_memory(struct process *process, const char *module, const char *name,
                                struct engine_limit limit)
{
    struct memory *memory = POOL_NEW(&process->pool, struct memory);
    if (memory == NULL) {
        return ERR_NO_MEMORY;
    }
    status_t status =
        memory_init(memory, process->home, &limit, false, 0, process->options.memory_cap_pages);
    if (status != STATUS_OK) {
        return status;
    }
    memory->next = process->memories;
    process->memories = memory;
    return provided_add(process, engine_name_of(module), engine_name_of(name),
                        (struct external){.kind = EXTERN_MEMORY, .memory = memory});
}

status_t process_provide_instance(struct process *process, struct engine_name name,
                                  struct instance *instance)
{
    struct provided *p = POOL_NEW(&process->pool, struct provided);
    struct engine_name copy;
    if (p == NULL || process_copy_name(process, name, &copy) != STATUS_OK) {
        return ERR_NO_MEMORY;
    }
    *p = (struct provided){.next = process->provided, .module = copy, .instance = instance};
    process->provided = p;
    return STATUS_OK;
}

struct provided *process_names_swap(struct process *process, struct provided *names)
{
    struct provided *old = process->provided;
    if (names != NULL) {
        process->provided = names;
    }
    return old;
}
