/*
 * Calls into guest code and out of it.
 *
 * In: func_call enters a function on a guest stack, through the entry thunk of its type, and comes
 * back when it has returned or trapped. Out: host functions are called through host_gate, which
 * sees to it that there is stack enough for C before anything happens.
 */
#include <assert.h>

#include "kernel/process/module.h"
#include "kernel/process/process.h"
#include "kernel/process/trap.h"

__attribute__((noinline)) void host_gate(void *context, void *caller, union engine_value *values)
{
    struct guest_frame frame = GUEST_FRAME();
    arch_stack_probe_long();
    const struct func *func = context;
    struct instance *instance = caller == NULL ? NULL : instance_of(caller);
    status_t status = func->host.fn(func->host.ctx, instance, values);
    if (status != STATUS_OK) {
        trap_raise(status == ERR_EXIT ? TRAP_EXIT : TRAP_HOST, status, frame);
    }
}

/* In place of an entry thunk, for a host function that the embedder itself calls. */
static void host_entry(const void *code, void *instance, void *values, const void *slot)
{
    (void)code, (void)slot;
    host_gate(instance, NULL, values);
}

static uint32_t activation_run(struct activation *activation, struct arch_call *call)
{
    struct cpu *cpu = activation->process->home;
    struct stack *stack = activation->stack;
    size_t stack_bytes = (size_t)(stack->top - stack->low);
    call->stack_top = stack->top;
    struct fiber *fiber = cpu->sched.current;
    activation->outer = cpu->activation;
    cpu->activation = activation;
    cpu->sched.current = NULL; /* kernel calls from here on can't wait */
    arch_stack_enter(stack->low, stack_bytes, &stack->watcher);
    struct arch_activation landing;
    activation->landing = &landing;
    uint32_t how = arch_enter(&landing, call);
    arch_stack_leave(stack->low, stack_bytes, &stack->watcher, how != 0);
    cpu->activation = activation->outer;
    cpu->sched.current = fiber;
    return how;
}

/* A call from within a host function runs on a stack of its own: the outer one is kept whole, so
 * that a trap's backtrace can be read from it. */
static status_t call_nested(struct activation *activation, struct arch_call *call, uint32_t *how)
{
    struct process *process = activation->process;
    status_t status = stack_alloc(&process->home->stacks, &activation->stack);
    if (status != STATUS_OK) {
        return status;
    }
    process_stack_set(process, activation->stack);
    *how = activation_run(activation, call);
    process_stack_set(process, process->home->activation->stack);
    stack_free(&process->home->stacks, activation->stack);
    return STATUS_OK;
}

status_t func_call(struct process *process, uint32_t ref, union engine_value *values,
                   struct trap *trap)
{
    const struct func *func = &process->funcs[ref];
    const struct engine_func_record *record = &process->records[ref];
    struct activation activation = {.process = process, .stack = process->stack};
    struct arch_call call = {
        .code = record->code,
        .instance = record->instance,
        .values = values,
    };
    if (func->kind == FUNC_NATIVE) {
        call.instance = process->instances->ptr; /* it doesn't care, its entry thunk does */
    }
    if (func->kind == FUNC_HOST) {
        call.entry = host_entry;
    } else {
        assert(func->module != NULL);
        uint32_t entry = module_thunks(func->module, func->typeidx)->entry;
        assert(entry != UINT32_MAX);
        call.entry = (arch_entry_fn)((uint64_t)module_code(func->module) + entry);
    }
    uint32_t how;
    if (process->home->activation == NULL) {
        if (process->stack == NULL &&
            stack_alloc(&process->home->stacks, &process->stack) != STATUS_OK) {
            *trap = (struct trap){.kind = TRAP_STACK};
            return ERR_TRAP;
        }
        activation.stack = process->stack;
        process_stack_set(process, process->stack);
        how = activation_run(&activation, &call);
    } else if (call_nested(&activation, &call, &how) != STATUS_OK) {
        *trap = (struct trap){.kind = TRAP_STACK};
        return ERR_TRAP;
    }
    if (how == 0) {
        return STATUS_OK;
    }
    trap_describe(&activation, trap);
    return ERR_TRAP;
}

status_t instance_call(struct instance *instance, uint32_t funcidx, union engine_value *values,
                       struct trap *trap)
{
    uint32_t ref;
    status_t status = func_ref(instance, funcidx, &ref);
    if (status != STATUS_OK) {
        *trap = (struct trap){.kind = TRAP_HOST, .status = status};
        return ERR_TRAP;
    }
    return func_call(instance->process, ref, values, trap);
}

status_t instance_exit(struct instance *instance, int32_t exit_code)
{
    instance->process->exit_code = exit_code;
    return ERR_EXIT;
}
