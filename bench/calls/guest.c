/*
 * What a call of the kernel costs (row 2): loops over imports of module "tokamak_1" that do
 * nothing, or tell the time, against a direct call of an empty function. Built twice: to wasm,
 * where the imports are the host's; and natively (BENCH_NATIVE), where the same loops give the
 * yardsticks C (a direct call), a read of the time-stamp counter and S (a null system call).
 *
 * Prints a line per kind: its name, the least and the median time of a call in picoseconds over 31
 * rounds of a million calls, the kinds interleaved. Times include the loop around the call, on both
 * sides. With an argument it only measures the first calls, of which there is one a process.
 */
#include "bench.h"

#define ROUNDS 31
#define CALLS 1000000
#define COLD_CALLS 200
#define EVICT_BYTES (16 << 20)

typedef uint64_t loop_fn(uint32_t calls);

static __attribute__((noinline)) void call_direct(void)
{
    __asm__ volatile("" ::: "memory");
}

static uint64_t loop_direct(uint32_t calls)
{
    for (uint32_t i = 0; i < calls; i++)
        call_direct();
    return calls;
}

#ifdef BENCH_NATIVE

#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

static uint64_t loop_syscall(uint32_t calls)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < calls; i++)
        sum += (uint64_t)syscall(SYS_getppid);
    return sum;
}

static uint64_t loop_counter(uint32_t calls)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < calls; i++)
        sum += __rdtsc();
    return sum;
}

static uint64_t loop_vdso(uint32_t calls)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < calls; i++)
        sum += bench_now_ns();
    return sum;
}

#define KINDS                                                                                      \
    {"direct", loop_direct, CALLS}, {"syscall", loop_syscall, CALLS / 20},                         \
        {"counter", loop_counter, CALLS}, {"vdso", loop_vdso, CALLS / 10}

static void cold_measure(void)
{
}

#else

#define HOST(name) __attribute__((import_module("tokamak_1"), import_name(#name)))

HOST(nop) void host_nop(void);
HOST(time_coarse) uint64_t host_time_coarse(void);
HOST(time_precise) uint64_t host_time_precise(void);

static uint64_t loop_nop(uint32_t calls)
{
    for (uint32_t i = 0; i < calls; i++)
        host_nop();
    return calls;
}

static uint64_t loop_coarse(uint32_t calls)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < calls; i++)
        sum += host_time_coarse();
    return sum;
}

static uint64_t loop_precise(uint32_t calls)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < calls; i++)
        sum += host_time_precise();
    return sum;
}

#define KINDS                                                                                      \
    {"direct", loop_direct, CALLS}, {"nop", loop_nop, CALLS}, {"coarse", loop_coarse, CALLS},      \
    {                                                                                              \
        "precise", loop_precise, CALLS                                                             \
    }

/* Numbers of 200 call sites, from 100 on. */
#define TEN(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7) X(n##8) X(n##9)
#define HUNDRED(X, n)                                                                              \
    TEN(X, n##0)                                                                                   \
    TEN(X, n##1)                                                                                   \
    TEN(X, n##2)                                                                                   \
    TEN(X, n##3) TEN(X, n##4) TEN(X, n##5) TEN(X, n##6) TEN(X, n##7) TEN(X, n##8) TEN(X, n##9)
#define SITES(X) HUNDRED(X, 1) HUNDRED(X, 2)

/*
 * Each site is a function, once with the call and twice without, one beside the other: the pages of all
 * have been touched when the first has run, so that no page fault is taken for a call.
 */
#define SITE_DEFINE(n)                                                                             \
    static __attribute__((noinline)) uint64_t touch_##n(uint64_t x)                                \
    {                                                                                              \
        return x * (2 * n + 5) ^ n;                                                                \
    }                                                                                              \
    static __attribute__((noinline)) uint64_t twin_##n(uint64_t x)                                 \
    {                                                                                              \
        return x * (2 * n + 3) ^ n;                                                                \
    }                                                                                              \
    static __attribute__((noinline)) uint64_t site_##n(uint64_t x)                                 \
    {                                                                                              \
        host_nop();                                                                                \
        return x * (2 * n + 1) ^ n;                                                                \
    }
SITES(SITE_DEFINE)

static uint64_t touches_use(uint32_t start)
{
    uint64_t x = start;
#define TOUCH_USE(n) x = touch_##n(x);
    SITES(TOUCH_USE)
    return x;
}

static uint64_t twins_use(uint32_t start)
{
    uint64_t x = start;
#define TWIN_USE(n) x = twin_##n(x);
    SITES(TWIN_USE)
    return x;
}

static uint64_t sites_use(uint32_t start)
{
    uint64_t x = start;
#define SITE_USE(n) x = site_##n(x);
    SITES(SITE_USE)
    return x;
}

static volatile uint8_t evict[EVICT_BYTES];

static uint64_t first_use_ns(loop_fn *use)
{
    for (uint32_t at = 0; at < EVICT_BYTES; at += 64)
        evict[at]++;
    uint64_t start = bench_now_ns();
    bench_opaque(use((uint32_t)bench_opaque(1)));
    return bench_now_ns() - start;
}

/*
 * The first call from each of 200 places, after other work has been through the caches: what nothing
 * has fetched or predicted yet. Once per process, less the same without the calls: a difference of two
 * single times, which noise can make negative. The median over many processes is what counts.
 */
static void cold_measure(void)
{
    first_use_ns(touches_use);
    uint64_t without_ns = first_use_ns(twins_use), with_ns = first_use_ns(sites_use);
    int64_t cold_ps = ((int64_t)with_ns - (int64_t)without_ns) * 1000 / COLD_CALLS;
    printf("cold-nop %" PRId64 " %" PRId64 "\n", cold_ps, cold_ps);
}

#endif

static const struct kind {
    const char *name;
    loop_fn *loop;
    uint32_t calls;
} kinds[] = {KINDS};

#define KIND_COUNT (sizeof kinds / sizeof *kinds)

static uint64_t samples[KIND_COUNT][ROUNDS];

static void samples_sort(uint64_t *a)
{
    for (uint32_t i = 1; i < ROUNDS; i++)
        for (uint32_t j = i; j > 0 && a[j - 1] > a[j]; j--) {
            uint64_t held = a[j];
            a[j] = a[j - 1];
            a[j - 1] = held;
        }
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        cold_measure();
        return 0;
    }
    for (uint32_t round = 0; round < ROUNDS; round++)
        for (uint32_t k = 0; k < KIND_COUNT; k++) {
            uint32_t calls = (uint32_t)bench_opaque(kinds[k].calls);
            uint64_t start = bench_now_ns();
            bench_opaque(kinds[k].loop(calls));
            samples[k][round] = (bench_now_ns() - start) * 1000 / calls;
        }
    for (uint32_t k = 0; k < KIND_COUNT; k++) {
        samples_sort(samples[k]);
        printf("%s %" PRIu64 " %" PRIu64 "\n", kinds[k].name, samples[k][0],
               samples[k][ROUNDS / 2]);
    }
    return 0;
}
