/*
 * What a call of the kernel costs (row 2): loops over imports of module "tokamak_1" that do
 * nothing, or tell the time, against a direct call of an empty function. Built twice: to wasm,
 * where the imports are the host's; and natively (BENCH_NATIVE), where the same loops give the
 * yardsticks C (a direct call), a read of the time-stamp counter and S (a null system call).
 *
 * Prints a line per kind: its name, the least and the median time of a call in picoseconds over 31
 * rounds of a million calls, the kinds interleaved. Times include the loop around the call, on both
 * sides.
 */
#include <stdlib.h>

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

static int number_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static volatile uint8_t evict[EVICT_BYTES];

/*
 * One call of nop after other work has been through the data caches, less the clock's own time. The
 * clock is such a call too: what the two share (the import vector's line) is warm again by then.
 */
static void cold_measure(void)
{
    static uint64_t with[COLD_CALLS], without[COLD_CALLS];
    for (uint32_t i = 0; i < 2 * COLD_CALLS; i++) {
        for (uint32_t at = 0; at < EVICT_BYTES; at += 64)
            evict[at]++;
        uint64_t start = host_time_precise();
        if (i % 2)
            host_nop();
        uint64_t took = host_time_precise() - start;
        (i % 2 ? with : without)[i / 2] = took;
    }
    qsort(with, COLD_CALLS, sizeof *with, number_compare);
    qsort(without, COLD_CALLS, sizeof *without, number_compare);
    uint64_t clock_ns = without[COLD_CALLS / 2], both_ns = with[COLD_CALLS / 2];
    uint64_t cold_ns = both_ns > clock_ns ? both_ns - clock_ns : 0;
    printf("cold-nop %" PRIu64 " %" PRIu64 "\n", cold_ns * 1000, cold_ns * 1000);
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

int main(void)
{
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
    cold_measure();
    return 0;
}
