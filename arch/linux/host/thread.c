/*
 * CPUs as threads, and waiting for a word to change.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/linux/host.h"

#define THREADS_MAX 256u
#define TICK_NS 1000000

uint32_t host_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : (uint32_t)n;
}

struct parallel_work {
    pthread_t thread;
    void (*work)(void *ctx, uint32_t i);
    void *ctx;
    uint32_t i;
};

static void *parallel_thread(void *argument)
{
    struct parallel_work *mine = argument;
    mine->work(mine->ctx, mine->i);
    return NULL;
}

/* A thread that can't be made just doesn't help: its share of the work is done by the others. */
void host_parallel(uint32_t n, void (*work)(void *ctx, uint32_t i), void *ctx)
{
    struct parallel_work workers[THREADS_MAX];
    uint32_t n_started = 0;
    for (uint32_t i = 1; i < n && i < THREADS_MAX; i++) {
        struct parallel_work *mine = &workers[n_started];
        *mine = (struct parallel_work){.work = work, .ctx = ctx, .i = i};
        if (pthread_create(&mine->thread, NULL, parallel_thread, mine) != 0) {
            break;
        }
        n_started++;
    }
    work(ctx, 0);
    for (uint32_t i = 0; i < n_started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
}

void host_word_wait(const uint32_t *word, uint32_t seen)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

void host_word_wake(const uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, __INT_MAX__, NULL, NULL, 0);
}

static void *ticker_thread(void *argument)
{
    uint64_t *word = argument;
    for (;;) {
        __atomic_store_n(word, host_time_ns(), __ATOMIC_RELAXED);
        nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
    }
    return NULL;
}

void host_ticker_start(uint64_t *word)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, ticker_thread, word) == 0) {
        (void)pthread_detach(thread);
    }
}
