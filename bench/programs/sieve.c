/*
 * The sieve of Eratosthenes over odd numbers, as a bitmap: shifts, masks, read-modify-write of
 * words.
 */
#include <string.h>

#include "bench.h"

#define LIMIT_MAX 8000000

static uint32_t composite[LIMIT_MAX / 64 + 1];

static uint64_t sieve_run(uint32_t limit)
{
    memset(composite, 0, sizeof composite);
    uint64_t sum = 2;
    uint32_t count = 1;
    for (uint32_t n = 3; n < limit; n += 2) {
        if (composite[n / 64] >> (n / 2 % 32) & 1)
            continue;
        count++;
        sum += n;
        if (n < 65536)
            for (uint32_t m = n * n; m < limit; m += 2 * n)
                composite[m / 64] |= 1u << (m / 2 % 32);
    }
    return bench_mix(sum, count);
}

int main(void)
{
    return bench_run(sieve_run, LIMIT_MAX);
}
