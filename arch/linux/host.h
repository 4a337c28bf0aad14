/*
 * Where the two halves of the hosted machine meet: the kernel half (arch/linux/kern: no libc) asks
 * Linux through these functions, which the libc half (arch/linux/host: no kernel) supplies. Both
 * include only this header of the other.
 *
 * Of these, only the memory functions, host_log and the clocks may be called while a guest
 * waits; none blocks, except host_parallel, host_word_wait and host_sleep_until.
 */
#ifndef ARCH_LINUX_HOST_H
#define ARCH_LINUX_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Memory. Lengths and addresses are multiples of 4096. */
enum host_access : uint8_t { HOST_NONE, HOST_READ, HOST_READ_WRITE, HOST_READ_EXECUTE };
MUST_CHECK status_t host_reserve(size_t len_bytes, uint8_t **out);
void host_release(void *start, size_t len_bytes);
MUST_CHECK status_t host_protect(void *start, size_t len_bytes, enum host_access access);
void host_discard(void *start, size_t len_bytes);

/* Faults. The callback runs in the signal handler, on a stack of its own. */
enum host_fault_kind : uint8_t { HOST_FAULT_ACCESS, HOST_FAULT_DIVIDE, HOST_FAULT_UNDEFINED };
struct host_fault {
    enum host_fault_kind kind;
    uint64_t pc, sp, fp, addr;
    /* the answer, when the callback returns true: go on there, with that first argument */
    uint64_t resume_pc, resume_argument;
};
typedef bool (*host_fault_fn)(struct host_fault *fault);
MUST_CHECK status_t host_faults_catch(host_fault_fn callback);
void host_faults_release(void);

/* Sanitizers are told of stacks; without one these do nothing. */
void host_stack_enter(void *low, size_t len_bytes, void **watcher);
void host_stack_leave(void *low, size_t len_bytes, void **watcher, bool was_cut);
void host_stack_forget(void **watcher);
/* From one flow of control to another; low null: back to a stack that was left this way. */
void host_flow_watch(void **from, void **to, void *low, size_t len_bytes, bool from_ends);

/* Clocks, entropy, console. */
uint64_t host_time_ns(void);
uint64_t host_wall_time_ns(void);
void host_sleep_until(uint64_t deadline_ns);
/* Writes host_time_ns() into *word about every millisecond from now on, on a thread. */
void host_ticker_start(uint64_t *word);
MUST_CHECK status_t host_entropy(void *buf, size_t len_bytes);
void host_log(const char *text, size_t len_bytes);

/* CPUs. */
uint32_t host_cpu_count(void);
void host_parallel(uint32_t n, void (*work)(void *ctx, uint32_t i), void *ctx);
void host_word_wait(const uint32_t *word, uint32_t seen);
void host_word_wake(const uint32_t *word);

#endif
