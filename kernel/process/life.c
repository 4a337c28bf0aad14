/*
 * The life of a process: made, started, ended.
 *
 * What a process has, it gives back when it ends: fibers with their stacks, capabilities and what
 * was lent from them, channels, messages that wait for it, instances and memories. Who waits for
 * something of it learns that it is gone. The record stays until its maker has asked how it ended,
 * or ends itself.
 */
#include <assert.h>
#include <string.h>

#include "kernel/process/module.h"
#include "kernel/process/process.h"
#include "kernel/sched/message.h"
#include "kernel/sched/sched.h"

/* ---- starting ---- */

#define HANDLER_NAME "handle"
#define HANDLER_PARAMS (MESSAGE_WORDS + 2)  /* badge, tag, words */
#define HANDLER_RESULTS (MESSAGE_WORDS + 1) /* status, words */

static bool is_handler_type(const struct engine_functype *type)
{
    bool is_fit = type->n_params == HANDLER_PARAMS && type->n_results == HANDLER_RESULTS;
    for (uint32_t i = 0; is_fit && i < HANDLER_PARAMS; i++) {
        is_fit = type->params[i] == VALTYPE_I64;
    }
    for (uint32_t i = 0; is_fit && i < HANDLER_RESULTS; i++) {
        is_fit = type->results[i] == VALTYPE_I64;
    }
    return is_fit;
}

/* An exported function; UINT32_MAX if there is none of that name. */
static uint32_t exported_func(const struct instance *instance, const char *name)
{
    struct exported exported;
    if (instance_export(instance, engine_name_of(name), &exported) != STATUS_OK ||
        exported.kind != EXTERN_FUNC) {
        return UINT32_MAX;
    }
    return exported.index;
}

static const struct engine_functype *func_type(const struct instance *instance, uint32_t funcidx)
{
    const struct engine_module *contents = instance->module->contents;
    return &contents->types[contents->funcs[funcidx].typeidx];
}

/* What is called to enter a function. */
static status_t target_find(struct instance *instance, uint32_t funcidx, struct handler *out)
{
    uint32_t ref;
    status_t status = func_ref(instance, funcidx, &ref);
    if (status != STATUS_OK) {
        return status;
    }
    const struct process *process = instance->process;
    const struct func *func = &process->funcs[ref];
    uint32_t entry = module_thunks(func->module, func->typeidx)->entry;
    assert(entry != UINT32_MAX);
    out->entry = (arch_entry_fn)((uint64_t)module_code(func->module) + entry);
    out->code = process->records[ref].code;
    out->instance = process->records[ref].instance;
    return STATUS_OK;
}

/* What runs on the first fiber of a process that isn't a handler. */
static void start_run(void *argument)
{
    struct fiber *me = argument;
    me->entry(me->code, me->instance, me->values, NULL);
    me->process->exit_code = 0;
    sched_leave_process();
}

static status_t start_fiber(struct process *process, uint32_t funcidx)
{
    struct handler target;
    status_t status = target_find(process->main, funcidx, &target);
    struct fiber *fiber;
    if (status == STATUS_OK) {
        status = fiber_new(process, &fiber);
    }
    if (status != STATUS_OK) {
        return status;
    }
    fiber->entry = target.entry;
    fiber->code = target.code;
    fiber->instance = target.instance;
    fiber->values[0].i64 = process->argument;
    fiber->sp = arch_flow_new(fiber, start_run, fiber);
    sched_ready(fiber);
    return STATUS_OK;
}

static status_t start_handler(struct process *process, uint32_t funcidx)
{
    if (funcidx == UINT32_MAX || !is_handler_type(func_type(process->main, funcidx))) {
        return ERR_NOT_FOUND;
    }
    process->handler.n_max = 1;
    return target_find(process->main, funcidx, &process->handler);
}

static status_t start_program(struct process *process, uint32_t funcidx)
{
    if (funcidx == UINT32_MAX || func_type(process->main, funcidx)->n_params != 0 ||
        func_type(process->main, funcidx)->n_results != 0) {
        return ERR_NOT_FOUND;
    }
    return start_fiber(process, funcidx);
}

status_t process_start(struct process *process, uint64_t argument, bool prefers_program)
{
    if (process_state(process) != PROCESS_NEW) {
        return ERR_BUSY;
    }
    uint32_t handler = exported_func(process->main, HANDLER_NAME);
    uint32_t program = exported_func(process->main, "_start");
    process->argument = argument;
    status_t status =
        prefers_program ? start_program(process, program) : start_handler(process, handler);
    if (status == ERR_NOT_FOUND) {
        status =
            prefers_program ? start_handler(process, handler) : start_program(process, program);
    }
    if (status == STATUS_OK) {
        object_state_set(&process->object, PROCESS_RUNNING);
    }
    return status;
}

void process_stack_set(const struct process *process, const struct stack *stack)
{
    for (struct instance *i = process->instances; i != NULL; i = i->next) {
        if (i->ptr != NULL) {
            instance_fixed(i)->stack_limit = (uint64_t)stack->low;
        }
    }
}

/* ---- making ---- */

status_t process_make(struct process *maker, struct module *module, struct process **out)
{
    struct process *process;
    status_t status = process_new(&maker->options, &process);
    if (status != STATUS_OK) {
        return status;
    }
    struct report report;
    struct trap trap;
    process->is_embedders = false;
    process->maker = maker;
    process->priority = maker->priority;
    list_add(&maker->children, &process->of_maker);
    status = instance_new(process, module, &process->main, &report, &trap);
    if (status != STATUS_OK) {
        process_reap(process);
        return status;
    }
    *out = process;
    return STATUS_OK;
}

/* ---- ending ---- */

static void fibers_end(struct process *process)
{
    for (struct list *l = list_first(&process->fibers); l != NULL;
         l = list_first(&process->fibers)) {
        struct fiber *fiber = LIST_OWNER(l, struct fiber, of_process);
        sched_forget(fiber);
        message_abandon(fiber);
        fiber_free(fiber);
    }
}

static void channels_end(struct process *process)
{
    for (struct list *l = list_first(&process->channels); l != NULL;
         l = list_first(&process->channels)) {
        channel_free(LIST_OWNER(l, struct channel, of_maker));
    }
    for (struct list *l = list_first(&process->served); l != NULL;
         l = list_first(&process->served)) {
        LIST_OWNER(l, struct channel, of_server)->server = NULL;
        list_remove(l);
    }
}

static void waiters_wake(struct process *process)
{
    for (struct list *l = list_first(&process->waiters); l != NULL;
         l = list_first(&process->waiters)) {
        sched_wake(LIST_OWNER(l, struct fiber, link), STATUS_OK);
    }
}

static void replies_end(struct process *process)
{
    struct answer answer = {.status = ERR_PEER_DIED};
    for (struct list *l = list_first(&process->replies); l != NULL;
         l = list_first(&process->replies)) {
        reply_answer(LIST_OWNER(l, struct reply, of_holder), &answer);
    }
}

void process_end(struct process *process)
{
    if (process_state(process) == PROCESS_ENDED) {
        return;
    }
    object_state_set(&process->object, PROCESS_ENDED);
    fibers_end(process);
    channels_end(process);
    message_flush(process);
    replies_end(process);
    cap_table_release(&process->caps, &process->home->cap_memory);
    while (!list_is_empty(&process->children)) { /* they go on; their ends concern nobody now */
        struct process *child = LIST_OWNER(process->children.next, struct process, of_maker);
        child->maker = NULL;
        list_remove(&child->of_maker);
        if (process_state(child) == PROCESS_ENDED) {
            process_reap(child);
        }
    }
    process_release(process);
    waiters_wake(process);
    if (process->maker == NULL && !process->is_embedders) {
        process_reap(process);
    }
}

void process_reap(struct process *process)
{
    process_end(process);
    list_remove(&process->of_maker);
    object_free(&process->home->processes, &process->object);
}

void process_trapped(struct fiber *fiber)
{
    struct process *process = fiber->process;
    process->end_trap = fiber->activation.kind;
    if (process->on_trap != NULL) {
        trap_describe(&fiber->activation, process->on_trap);
    }
    process_end(process);
}

/* ---- for the embedder ---- */

static status_t grant(struct process *process, struct object *object)
{
    struct cap cap = cap_to(object, RIGHTS_ALL, 0);
    status_t status = cap_reserve(&process->caps, &process->home->cap_memory, 1);
    if (status == STATUS_OK) {
        (void)cap_add(&process->caps, &cap);
    }
    return status;
}

static status_t grant_module(struct process *process, struct module *module)
{
    struct object *object;
    status_t status = object_new(&process->home->modules, &object);
    if (status == STATUS_OK) {
        ((struct module_object *)object)->module = module;
        module->n_refs++;
        status = grant(process, object);
    }
    return status;
}

status_t process_run(struct process *process, struct instance *main, struct trap *trap)
{
    process->main = main;
    process->on_trap = trap;
    status_t status = grant(process, process->home->system);
    if (status == STATUS_OK) {
        status = grant_module(process, main->module);
    }
    if (status == STATUS_OK) {
        status = process_start(process, 0, true);
    }
    if (status == STATUS_OK) {
        status = sched_run(process);
    }
    if (status == STATUS_OK && process->end_trap != TRAP_NONE) {
        return ERR_TRAP;
    }
    return status;
}
