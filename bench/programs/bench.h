/*
 * What every benchmark program shares: a clock, rounds, a checksum.
 *
 * A program is one function that does a fixed amount of work and returns a checksum. bench_run
 * calls it a few times, times each round, and prints the checksum to stdout and the time of the
 * quickest round to stderr ("TIME <ns>"): the quickest, because everything that disturbs a round
 * makes it longer. The same source is compiled natively and to wasm, so the checksum must not
 * depend on the width of a pointer or of `long`, nor on libm (whose last digit differs); sqrt is
 * exact and allowed.
 */
#ifndef BENCH_H
#define BENCH_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#ifndef BENCH_ROUNDS
#define BENCH_ROUNDS 7
#endif

/* A checksum of the work whose amount is `size`. Each call has to do the same work again. */
typedef uint64_t bench_work_fn(uint32_t size);

static uint64_t bench_start_ns;
static uint64_t bench_best_ns = UINT64_MAX;

static inline uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void bench_begin(void)
{
    bench_start_ns = bench_now_ns();
}

static inline void bench_end(void)
{
    uint64_t took_ns = bench_now_ns() - bench_start_ns;
    if (took_ns < bench_best_ns)
        bench_best_ns = took_ns;
}

static inline void bench_report(uint64_t checksum)
{
    printf("%016" PRIx64 "\n", checksum);
    fflush(stdout);
    fprintf(stderr, "TIME %" PRIu64 "\n", bench_best_ns);
}

/* Through a volatile, so that no compiler may move the work out of the rounds or fold it away. */
static inline uint64_t bench_opaque(uint64_t value)
{
    volatile uint64_t cell = value;
    return cell;
}

static inline int bench_run(bench_work_fn *work, uint32_t size)
{
    uint64_t checksum = 0;
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        bench_begin();
        checksum = bench_opaque(work((uint32_t)bench_opaque(size)));
        bench_end();
    }
    bench_report(checksum);
    return 0;
}

/* One step of a running checksum. */
static inline uint64_t bench_mix(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * 0x9e3779b97f4a7c15;
    return sum ^ (sum >> 29);
}

/* The bits of a double, for checksums of floating-point work. */
static inline uint64_t bench_bits(double value)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Input data: xorshift32; the state must not be 0. */
static inline uint32_t bench_rand(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

/* Evenly spread over [0, 1). */
static inline double bench_rand_unit(uint32_t *state)
{
    return (bench_rand(state) >> 8) * (1.0 / 16777216.0);
}

#endif
