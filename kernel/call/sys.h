/*
 * What the kernel's calls (sys_*.c) have in common.
 *
 * A call is entered from compiled code by the machine (arch.h, arch_call_NAME), on the caller's
 * stack, with the arguments that abi/calls.def declares and the instance pointer of the caller.
 * First it turns its arguments into checked ones, and may refuse; then it acts.
 */
#ifndef KERNEL_CALL_SYS_H
#define KERNEL_CALL_SYS_H

#include "kernel/cpu.h"
#include "kernel/process/process.h"
#include "kernel/process/trap.h"
#include "kernel/sched/fiber.h"

static inline struct process *sys_process(void *ptr)
{
    return instance_of(ptr)->process;
}

/* What sys_receive answers with: as many words as registers are left. */
struct received {
    int64_t status;
    uint64_t badge, tag;
    uint64_t words[3];
};

/* Puts a capability into the process's table: its handle, or a status. */
int32_t sys_handle_add(struct process *process, const struct cap *cap);

int32_t sys_handle_close(int32_t handle, void *ptr);
int32_t sys_handle_copy(int32_t handle, int32_t rights, void *ptr);
int32_t sys_handle_lend(int32_t handle, int32_t rights, void *ptr);
int32_t sys_handle_revoke(int32_t handle, void *ptr);
int32_t sys_handle_inspect(int32_t handle, void *ptr);
int32_t sys_channel_new(int32_t server, void *ptr);
int32_t sys_channel_badge(int32_t handle, int32_t rights, uint64_t badge, void *ptr);
int32_t sys_channel_send(int32_t handle, uint64_t tag, uint64_t w0, uint64_t w1, uint64_t w2,
                         uint64_t w3, void *ptr);
int32_t sys_reply_later(void *ptr);
int32_t sys_reply(int32_t handle, uint64_t status, uint64_t w0, uint64_t w1, uint64_t w2,
                  uint64_t w3, void *ptr);
int32_t sys_process_new(int32_t module, uint32_t address, uint32_t n, void *ptr);
int32_t sys_process_start(int32_t handle, uint64_t argument, void *ptr);
uint64_t sys_process_argument(void *ptr);
int32_t sys_process_kill(int32_t handle, void *ptr);
int64_t sys_process_wait(int32_t handle, uint64_t deadline_ns, void *ptr);
void sys_process_exit(int32_t code, void *ptr);
void sys_yield(void *ptr);
void sys_sleep_until(uint64_t deadline_ns, void *ptr);
int32_t sys_log(int32_t handle, uint32_t address, uint32_t len_bytes, void *ptr);
void sys_call(int32_t handle, uint64_t tag, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3,
              void *ptr, struct answer *out);
void sys_receive(uint64_t deadline_ns, void *ptr, struct received *out);

#endif
