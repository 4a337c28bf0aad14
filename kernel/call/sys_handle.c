/*
 * Calls on capabilities as such.
 */
#include "kernel/call/calls.h"
#include "kernel/call/sys.h"

#define KIND_SHIFT 12

int32_t sys_handle_add(struct process *process, const struct cap *cap)
{
    status_t status = cap_reserve(&process->caps, &process->home->cap_memory, 1);
    return status != STATUS_OK ? status : cap_add(&process->caps, cap);
}

int32_t sys_handle_close(int32_t handle, void *ptr)
{
    struct process *process = sys_process(ptr);
    return cap_close(&process->caps, &process->home->cap_memory, handle);
}

int32_t sys_handle_copy(int32_t handle, int32_t rights, void *ptr)
{
    struct process *process = sys_process(ptr);
    struct cap cap;
    status_t status = cap_copy(&process->caps, handle, (uint16_t)(rights & RIGHTS_ALL), &cap);
    return status != STATUS_OK ? status : sys_handle_add(process, &cap);
}

int32_t sys_handle_lend(int32_t handle, int32_t rights, void *ptr)
{
    struct process *process = sys_process(ptr);
    struct cap cap;
    status_t status = cap_lend(&process->caps, &process->home->cap_memory, handle,
                               (uint16_t)(rights & RIGHTS_ALL), &cap);
    return status != STATUS_OK ? status : sys_handle_add(process, &cap);
}

int32_t sys_handle_revoke(int32_t handle, void *ptr)
{
    struct process *process = sys_process(ptr);
    return cap_revoke(&process->caps, &process->home->cap_memory, handle);
}

int32_t sys_handle_inspect(int32_t handle, void *ptr)
{
    struct cap *cap;
    status_t status = cap_find(&sys_process(ptr)->caps, handle, 0, &cap);
    return status != STATUS_OK ? status : (int32_t)cap_kind(cap) << KIND_SHIFT | cap_rights(cap);
}
