/*
 * The scheduler of one CPU: which fiber runs.
 *
 * Ready fibers wait in one queue a priority. Whoever blocks picks the next and switches to it,
 * on the spot: there is no scheduler to go through. The loop (sched_run) has the CPU when nobody
 * is ready, when a fiber trapped, and when a process is to be taken apart, which can't be done on
 * one of its own stacks.
 */
#ifndef KERNEL_SCHED_SCHED_H
#define KERNEL_SCHED_SCHED_H

#include "base/arena.h"
#include "base/list.h"
#include "kernel/arch.h"

struct fiber;
struct process;

#define SCHED_PRIORITIES 32u
#define SCHED_PRIORITY_DEFAULT 16u
#define DEADLINE_NONE ((uint64_t)INT64_MAX) /* or later */

struct sched {
    struct list ready[SCHED_PRIORITIES];
    uint32_t ready_bits;         /* queues that aren't empty */
    struct fiber *current;       /* null: the loop, or an embedder's activation */
    struct arch_activation loop; /* where the loop waits */
    void *loop_watcher;          /* the machine's, see arch_flow_watch */
    struct fiber **timers;       /* [n_timers + 1] a heap by deadline, from 1 */
    uint32_t n_timers, cap_timers;
    struct process *leaver; /* that the loop is to take apart; null */
};

MUST_CHECK status_t sched_init(struct sched *sched, struct arena *heap, uint32_t n_fibers);

/* Runs fibers until the process has ended. ERR_WOULD_DEADLOCK: nobody can run, ever. Kernel stack. */
MUST_CHECK status_t sched_run(const struct process *until);

/* The fiber whose kernel call this is; null in an embedder's activation. */
struct fiber *sched_current(void);

/* To the end of its queue. */
void sched_ready(struct fiber *fiber);
/* A waiting fiber goes on, with this status: off its list and without its deadline. */
void sched_wake(struct fiber *fiber, status_t status);

/*
 * The running fiber, whose state and list are set, waits until it is woken; returns wake_status.
 * deadline_ns: DEADLINE_NONE or when it is woken at the latest, with ERR_TIMED_OUT.
 */
MUST_CHECK status_t sched_block(uint64_t deadline_ns);
/*
 * The same, but this fiber, which does it a service, runs next, and it waits timeout_ns at most. The
 * time counts from when that fiber waits itself: a call that is answered at once needs no clock.
 */
MUST_CHECK status_t sched_block_for(struct fiber *next, uint64_t timeout_ns);
/* Lets those run that are ready. (sched_yield alone would stand in for the C library's.) */
void sched_yield_now(void);
/* The running fiber is over; it was freed. next: null for the first that is ready. */
[[noreturn]] void sched_leave(struct fiber *next);
/* The running fiber's process ends: the loop takes it apart. */
[[noreturn]] void sched_leave_process(void);

/* A ready fiber, off its queue, to be run at once. */
struct fiber *sched_take(struct fiber *fiber);
/* A fiber that is neither running nor woken any more: off every list. */
void sched_forget(struct fiber *fiber);

#endif
