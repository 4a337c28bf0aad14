/*
 * Does nothing but what every benchmark program does at its start and end: the part of a count of
 * instructions that isn't the program's.
 */
#include "bench.h"

static uint64_t nothing_run(uint32_t size)
{
    return size;
}

int main(void)
{
    return bench_run(nothing_run, 1);
}
