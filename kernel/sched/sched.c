/*
 * Run queues, deadlines and the loop.
 */
#include "kernel/sched/sched.h"

#include <assert.h>

#include "base/checked.h"
#include "kernel/cpu.h"
#include "kernel/process/process.h"
#include "kernel/sched/fiber.h"
#include "kernel/sched/message.h"

status_t sched_init(struct sched *sched, struct arena *heap, uint32_t n_fibers)
{
    *sched = (struct sched){.cap_timers = n_fibers};
    for (uint32_t i = 0; i < SCHED_PRIORITIES; i++) {
        list_init(&sched->ready[i]);
    }
    sched->timers = arena_array(heap, (size_t)n_fibers + 1, sizeof *sched->timers);
    return sched->timers == NULL ? ERR_NO_MEMORY : STATUS_OK;
}

struct fiber *sched_current(void)
{
    return cpu_self()->sched.current;
}

/* ---- deadlines: a binary heap, the earliest first ---- */

static void timer_put(struct sched *sched, uint32_t place, struct fiber *fiber)
{
    sched->timers[place] = fiber;
    fiber->timer_place = place;
}

static void timer_up(struct sched *sched, struct fiber *fiber, uint32_t place)
{
    while (place > 1 && sched->timers[place / 2]->deadline_ns > fiber->deadline_ns) {
        timer_put(sched, place, sched->timers[place / 2]);
        place /= 2;
    }
    timer_put(sched, place, fiber);
}

static void timer_down(struct sched *sched, struct fiber *fiber, uint32_t place)
{
    for (;;) {
        uint32_t child = place * 2;
        if (child > sched->n_timers) {
            break;
        }
        if (child < sched->n_timers &&
            sched->timers[child + 1]->deadline_ns < sched->timers[child]->deadline_ns) {
            child++;
        }
        if (sched->timers[child]->deadline_ns >= fiber->deadline_ns) {
            break;
        }
        timer_put(sched, place, sched->timers[child]);
        place = child;
    }
    timer_put(sched, place, fiber);
}

static void timer_add(struct sched *sched, struct fiber *fiber, uint64_t deadline_ns)
{
    assert(fiber->timer_place == 0 && sched->n_timers < sched->cap_timers);
    fiber->deadline_ns = deadline_ns;
    timer_up(sched, fiber, ++sched->n_timers);
}

static void timer_remove(struct sched *sched, struct fiber *fiber)
{
    uint32_t place = fiber->timer_place;
    if (place == 0) {
        return;
    }
    fiber->timer_place = 0;
    struct fiber *last = sched->timers[sched->n_timers--];
    if (last == fiber) {
        return;
    }
    if (place > 1 && sched->timers[place / 2]->deadline_ns > last->deadline_ns) {
        timer_up(sched, last, place);
    } else {
        timer_down(sched, last, place);
    }
}

static void timers_run(struct sched *sched)
{
    if (sched->n_timers == 0) {
        return;
    }
    uint64_t now_ns = arch_time_ns();
    while (sched->n_timers != 0 && sched->timers[1]->deadline_ns <= now_ns) {
        sched_wake(sched->timers[1], ERR_TIMED_OUT);
    }
}

/* ---- who is ready ---- */

void sched_ready(struct fiber *fiber)
{
    struct sched *sched = &fiber->process->home->sched;
    uint32_t priority = fiber->process->priority;
    assert(list_is_empty(&fiber->link));
    fiber->state = FIBER_READY;
    list_add(&sched->ready[priority], &fiber->link);
    sched->ready_bits |= 1u << priority;
}

static void ready_remove(struct sched *sched, struct fiber *fiber)
{
    uint32_t priority = fiber->process->priority;
    list_remove(&fiber->link);
    if (list_is_empty(&sched->ready[priority])) {
        sched->ready_bits &= ~(1u << priority);
    }
}

/* The first of the highest queue, off it; null. */
static struct fiber *ready_take(struct sched *sched)
{
    if (sched->ready_bits == 0) {
        return NULL;
    }
    uint32_t priority = 31 - (uint32_t)__builtin_clz(sched->ready_bits);
    struct fiber *fiber = LIST_OWNER(sched->ready[priority].next, struct fiber, link);
    ready_remove(sched, fiber);
    return fiber;
}

/* Who runs next; null: the loop waits. */
static struct fiber *next_take(struct sched *sched)
{
    timers_run(sched);
    return ready_take(sched);
}

void sched_forget(struct fiber *fiber)
{
    struct sched *sched = &fiber->process->home->sched;
    timer_remove(sched, fiber);
    if (fiber->message.sender != NULL) {
        inbox_forget(&fiber->message);
    }
    if (fiber->state == FIBER_READY) {
        ready_remove(sched, fiber);
    } else {
        list_remove(&fiber->link);
    }
}

struct fiber *sched_take(struct fiber *fiber)
{
    ready_remove(&fiber->process->home->sched, fiber);
    return fiber;
}

void sched_wake(struct fiber *fiber, status_t status)
{
    assert(fiber->state > FIBER_RUNNING);
    sched_forget(fiber);
    fiber->call_number++;
    fiber->wake_status = status;
    sched_ready(fiber);
}

/* ---- switching ---- */

static void become(struct sched *sched, struct fiber *fiber)
{
    fiber->state = FIBER_RUNNING;
    sched->current = fiber;
    cpu_self()->activation = &fiber->activation;
    process_stack_set(fiber->process, fiber->activation.stack);
}

/* Null: the loop. */
ARCH_SWITCHES static struct arch_watched watched(struct sched *sched, const struct fiber *fiber)
{
    if (fiber == NULL) {
        return (struct arch_watched){.watcher = &sched->loop_watcher};
    }
    struct stack *stack = fiber->activation.stack;
    return (struct arch_watched){&stack->watcher, stack->low, (size_t)(stack->top - stack->low)};
}

ARCH_SWITCHES static void watch(struct sched *sched, const struct fiber *from,
                                const struct fiber *to, bool from_ends)
{
    struct arch_watched old = watched(sched, from), next = watched(sched, to);
    arch_flow_watch(&old, &next, from_ends);
}

/* Runs another fiber, or the loop, until somebody runs this one. */
ARCH_SWITCHES static void switch_from(struct fiber *from, struct fiber *to)
{
    struct sched *sched = &from->process->home->sched;
    if (to == from) {
        become(sched, from);
        return;
    }
    watch(sched, from, to, false);
    if (to == NULL) {
        arch_suspend(&from->sp, &sched->loop);
        return;
    }
    become(sched, to);
    arch_switch(&from->sp, to->sp);
}

/* Whoever waits for this fiber, directly or not, and hasn't got a deadline yet, gets one now. */
static void callers_arm(struct sched *sched, const struct fiber *fiber)
{
    for (struct fiber *f = message_caller(fiber); f != NULL && f->timeout_ns != 0;
         f = message_caller(f)) {
        uint64_t now_ns = arch_time_ns(), deadline_ns;
        if (add_ok_u64(now_ns, f->timeout_ns, &deadline_ns)) {
            timer_add(sched, f, deadline_ns);
        }
        f->timeout_ns = 0;
    }
}

status_t sched_block_for(struct fiber *next, uint64_t timeout_ns)
{
    struct fiber *me = sched_current();
    me->timeout_ns = timeout_ns;
    switch_from(me, next);
    me->timeout_ns = 0;
    return me->wake_status;
}

status_t sched_block(uint64_t deadline_ns)
{
    struct fiber *me = sched_current();
    struct sched *sched = &me->process->home->sched;
    if (deadline_ns < DEADLINE_NONE) {
        timer_add(sched, me, deadline_ns);
    }
    callers_arm(sched, me);
    switch_from(me, next_take(sched));
    return me->wake_status;
}

void sched_yield_now(void)
{
    struct fiber *me = sched_current();
    struct sched *sched = &me->process->home->sched;
    callers_arm(sched, me);
    sched_ready(me);
    switch_from(me, next_take(sched));
}

[[noreturn]] ARCH_SWITCHES static void leave_to_loop(struct sched *sched)
{
    uint64_t nobody;
    watch(sched, sched->current, NULL, true);
    arch_suspend(&nobody, &sched->loop);
    __builtin_unreachable();
}

[[noreturn]] void sched_leave_process(void)
{
    struct sched *sched = &cpu_self()->sched;
    sched->leaver = sched->current->process;
    leave_to_loop(sched);
}

[[noreturn]] ARCH_SWITCHES void sched_leave(struct fiber *next)
{
    struct sched *sched = &cpu_self()->sched;
    if (next == NULL) {
        next = next_take(sched);
    }
    if (next == NULL) {
        leave_to_loop(sched);
    }
    uint64_t nobody;
    if (next != sched->current) {
        watch(sched, sched->current, next, true);
    }
    become(sched, next);
    arch_switch(&nobody, next->sp);
    __builtin_unreachable();
}

/* ---- the loop ---- */

/* A fiber that came back by arch_land: whatever it was doing is over. */
ARCH_SWITCHES static void loop_run(struct sched *sched, struct fiber *fiber)
{
    watch(sched, NULL, fiber, false);
    become(sched, fiber);
    bool is_cut = arch_resume(&sched->loop, fiber->sp) != 0;
    struct fiber *cut = sched->current;
    if (is_cut) {
        watch(sched, cut, NULL, true);
    }
    cpu_self()->activation = NULL;
    sched->current = NULL;
    if (is_cut) {
        process_trapped(cut);
    } else if (sched->leaver != NULL) {
        struct process *leaver = sched->leaver;
        sched->leaver = NULL;
        process_end(leaver);
    }
}

status_t sched_run(const struct process *until)
{
    struct sched *sched = &until->home->sched;
    while (process_state(until) != PROCESS_ENDED) {
        struct fiber *fiber = next_take(sched);
        if (fiber != NULL) {
            loop_run(sched, fiber);
        } else if (sched->n_timers != 0) {
            arch_sleep_until(sched->timers[1]->deadline_ns);
        } else {
            return ERR_WOULD_DEADLOCK;
        }
    }
    return STATUS_OK;
}
