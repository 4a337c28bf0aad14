/*
 * Fannkuch: over all permutations of n numbers, the most reversals of the first k (k being the
 * first number) until a 1 comes first. Small arrays, short unpredictable loops, much shuffling of
 * ints.
 */
#include <string.h>

#include "bench.h"

#define N_MAX 12

static uint32_t flips_count(const int *perm, uint32_t n)
{
    int work[N_MAX];
    memcpy(work, perm, n * sizeof *perm);
    uint32_t flips = 0;
    while (work[0] != 0) {
        for (int low = 0, high = work[0]; low < high; low++, high--) {
            int held = work[low];
            work[low] = work[high];
            work[high] = held;
        }
        flips++;
    }
    return flips;
}

/* Steps to the next permutation in the order of rotations; 0 when all have been seen. */
static int perm_next(int *perm, uint32_t *count, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        int first = perm[0];
        for (uint32_t j = 0; j < i; j++)
            perm[j] = perm[j + 1];
        perm[i] = first;
        if (++count[i] <= i)
            return 1;
        count[i] = 0;
    }
    return 0;
}

static uint64_t fannkuch_run(uint32_t n)
{
    int perm[N_MAX];
    uint32_t count[N_MAX] = {0};
    for (uint32_t i = 0; i < n; i++)
        perm[i] = (int)i;
    uint32_t most = 0;
    uint32_t index = 0;
    int64_t sum = 0;
    do {
        uint32_t flips = flips_count(perm, n);
        if (flips > most)
            most = flips;
        sum += index++ % 2 ? -(int64_t)flips : (int64_t)flips;
    } while (perm_next(perm, count, n));
    return bench_mix((uint64_t)sum, most);
}

int main(void)
{
    return bench_run(fannkuch_run, 9);
}
