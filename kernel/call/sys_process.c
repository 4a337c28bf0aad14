/*
 * Calls about processes and time.
 */
#include <string.h>

#include "kernel/call/calls.h"
#include "kernel/call/sys.h"
#include "kernel/process/module.h"
#include "kernel/sched/sched.h"

#define HANDLES_MAX 64u
#define TRAP_SHIFT 32
#define LOG_MAX_BYTES 1024u

static status_t process_find(struct process *caller, handle_t handle, uint16_t rights,
                             struct process **out)
{
    struct cap *cap;
    status_t status = cap_find(&caller->caps, handle, PERMIT(OBJECT_PROCESS, rights), &cap);
    if (status == STATUS_OK) {
        *out = (struct process *)cap->object;
    }
    return status;
}

/* The handles of a list in the caller's memory, each once and to be given away. */
static status_t handles_read(struct instance *instance, uint32_t address, uint32_t n, handle_t *out)
{
    const uint8_t *from = instance_memory(instance, address, (uint64_t)n * sizeof *out);
    if (n > HANDLES_MAX) {
        return ERR_LIMIT;
    }
    if (from == NULL) {
        return ERR_BAD_RANGE;
    }
    memcpy(out, from, n * sizeof *out);
    for (uint32_t i = 0; i < n; i++) {
        struct cap *cap;
        status_t status = cap_find(&instance->process->caps, out[i], RIGHT_ANY_DUPLICATE, &cap);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* Copies of them for a new process, in this order from handle 1 on. */
static status_t handles_give(struct process *from, struct process *to, const handle_t *handles,
                             uint32_t n)
{
    status_t status = cap_reserve(&to->caps, &to->home->cap_memory, n);
    for (uint32_t i = 0; i < n && status == STATUS_OK; i++) {
        struct cap *cap;
        status = cap_find(&from->caps, handles[i], RIGHT_ANY_DUPLICATE, &cap);
        if (status == STATUS_OK) {
            (void)cap_add(&to->caps, cap);
        }
    }
    return status;
}

int32_t sys_process_new(int32_t module, uint32_t address, uint32_t n, void *ptr)
{
    struct process *maker = sys_process(ptr), *made;
    handle_t handles[HANDLES_MAX];
    struct cap *cap;
    status_t status = cap_find(&maker->caps, module, PERMIT(OBJECT_MODULE, RIGHT_MODULE_RUN), &cap);
    if (status == STATUS_OK) {
        status = handles_read(instance_of(ptr), address, n, handles);
    }
    if (status == STATUS_OK) {
        status = cap_reserve(&maker->caps, &maker->home->cap_memory, 1);
    }
    if (status == STATUS_OK) {
        status = process_make(maker, ((struct module_object *)cap->object)->module, &made);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = handles_give(maker, made, handles, n);
    if (status != STATUS_OK) {
        process_reap(made);
        return status;
    }
    struct cap to_made = cap_to(&made->object, RIGHTS_ALL, 0);
    return cap_add(&maker->caps, &to_made);
}

int32_t sys_process_start(int32_t handle, uint64_t argument, void *ptr)
{
    struct process *process;
    status_t status = process_find(sys_process(ptr), handle, RIGHT_PROCESS_START, &process);
    return status != STATUS_OK ? status : process_start(process, argument, false);
}

uint64_t sys_process_argument(void *ptr)
{
    return sys_process(ptr)->argument;
}

int32_t sys_process_kill(int32_t handle, void *ptr)
{
    struct process *process;
    status_t status = process_find(sys_process(ptr), handle, RIGHT_PROCESS_KILL, &process);
    if (status != STATUS_OK) {
        return status;
    }
    process->end_trap = TRAP_INTERRUPTED;
    if (process == sys_process(ptr)) {
        sched_leave_process();
    }
    process_end(process);
    return STATUS_OK;
}

int64_t sys_process_wait(int32_t handle, uint64_t deadline_ns, void *ptr)
{
    struct process *waiter = sys_process(ptr), *process;
    struct fiber *me = sched_current();
    status_t status = process_find(waiter, handle, RIGHT_PROCESS_WAIT, &process);
    if (status == STATUS_OK && (me == NULL || process == waiter)) {
        status = me == NULL ? ERR_UNSUPPORTED : ERR_WOULD_DEADLOCK;
    }
    if (status == STATUS_OK && process_state(process) != PROCESS_ENDED) {
        me->state = FIBER_WAITING;
        list_add(&process->waiters, &me->link);
        status = sched_block(deadline_ns);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (process_find(waiter, handle, 0, &process) != STATUS_OK) {
        return ERR_REVOKED; /* while it waited */
    }
    int64_t end = (int64_t)process->end_trap << TRAP_SHIFT | (uint32_t)process->exit_code;
    if (process->maker == waiter) {
        process_reap(process);
    }
    return end;
}

__attribute__((noinline)) void sys_process_exit(int32_t code, void *ptr)
{
    struct guest_frame frame = GUEST_FRAME();
    sys_process(ptr)->exit_code = code;
    trap_raise(TRAP_EXIT, STATUS_OK, frame);
}

void sys_yield(void *ptr)
{
    (void)ptr;
    if (sched_current() != NULL) {
        sched_yield_now();
    }
}

void sys_sleep_until(uint64_t deadline_ns, void *ptr)
{
    (void)ptr;
    struct fiber *me = sched_current();
    if (me == NULL) {
        arch_sleep_until(deadline_ns);
        return;
    }
    me->state = FIBER_WAITING;
    (void)sched_block(deadline_ns);
}

int32_t sys_log(int32_t handle, uint32_t address, uint32_t len_bytes, void *ptr)
{
    struct cap *cap;
    status_t status =
        cap_find(&sys_process(ptr)->caps, handle, PERMIT(OBJECT_SYSTEM, RIGHT_SYSTEM_LOG), &cap);
    if (status != STATUS_OK) {
        return status;
    }
    if (len_bytes > LOG_MAX_BYTES) {
        return ERR_LIMIT;
    }
    const uint8_t *text = instance_memory(instance_of(ptr), address, len_bytes);
    if (text == NULL) {
        return ERR_BAD_RANGE;
    }
    arch_log((const char *)text, len_bytes);
    return STATUS_OK;
}
