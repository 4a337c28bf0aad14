/*
 * Calls and nothing else: Takeuchi's and Ackermann's functions, Fibonacci numbers, towers of Hanoi.
 */
#include "bench.h"

static int32_t takeuchi(int32_t x, int32_t y, int32_t z)
{
    if (y >= x)
        return z;
    return takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y));
}

static uint32_t ackermann(uint32_t m, uint32_t n)
{
    if (!m)
        return n + 1;
    return ackermann(m - 1, n ? ackermann(m, n - 1) : 1);
}

static uint32_t fibonacci(uint32_t n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static double fibonacci_double(double n)
{
    return n < 2 ? n : fibonacci_double(n - 1) + fibonacci_double(n - 2);
}

static uint64_t hanoi(uint32_t disks, uint32_t from, uint32_t to, uint32_t spare)
{
    if (!disks)
        return 0;
    return hanoi(disks - 1, from, spare, to) + (from * 3 + to) + hanoi(disks - 1, spare, to, from);
}

static uint64_t recursion_run(uint32_t n)
{
    uint64_t sum = (uint64_t)takeuchi((int32_t)n - 8, (int32_t)n / 2, 6);
    sum = bench_mix(sum, ackermann(2, 8 * n));
    sum = bench_mix(sum, fibonacci(n + 2));
    sum = bench_mix(sum, bench_bits(fibonacci_double(n)));
    return bench_mix(sum, hanoi(n - 8, 0, 1, 2));
}

int main(void)
{
    return bench_run(recursion_run, 29);
}
