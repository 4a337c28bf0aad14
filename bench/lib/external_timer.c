/*
 * Times a program that knows nothing of us (bench/run.py --external): from before main to after it,
 * once, as its memory can't be set back for another round. The program's own output is its
 * checksum.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static uint64_t start_ns;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

__attribute__((constructor)) static void timer_start(void)
{
    start_ns = now_ns();
}

__attribute__((destructor)) static void timer_report(void)
{
    uint64_t took_ns = now_ns() - start_ns;
    fflush(stdout);
    fprintf(stderr, "TIME %" PRIu64 "\n", took_ns);
}
