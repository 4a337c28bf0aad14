/*
 * Quicksort of random integers: median of three, the smaller side by recursion, insertion sort for
 * the rest. Compares that no predictor guesses, and swaps.
 */
#include <string.h>

#include "bench.h"

#define COUNT_MAX 200000
#define SMALL 12

static uint32_t input[COUNT_MAX], items[COUNT_MAX];

static void insertion_sort(uint32_t *a, int32_t count)
{
    for (int32_t i = 1; i < count; i++) {
        uint32_t held = a[i];
        int32_t hole = i;
        for (; hole > 0 && a[hole - 1] > held; hole--)
            a[hole] = a[hole - 1];
        a[hole] = held;
    }
}

static uint32_t median_of_three(uint32_t a, uint32_t b, uint32_t c)
{
    if (a < b)
        return b < c ? b : a < c ? c : a;
    return a < c ? a : b < c ? c : b;
}

static void quicksort(uint32_t *a, int32_t count)
{
    while (count > SMALL) {
        uint32_t pivot = median_of_three(a[0], a[count / 2], a[count - 1]);
        int32_t low = 0, high = count - 1;
        while (low <= high) {
            while (a[low] < pivot)
                low++;
            while (a[high] > pivot)
                high--;
            if (low <= high) {
                uint32_t held = a[low];
                a[low++] = a[high];
                a[high--] = held;
            }
        }
        if (high + 1 < count - low) {
            quicksort(a, high + 1);
            a += low;
            count -= low;
        } else {
            quicksort(a + low, count - low);
            count = high + 1;
        }
    }
    insertion_sort(a, count);
}

static uint64_t quicksort_run(uint32_t count)
{
    memcpy(items, input, count * sizeof *items);
    quicksort(items, (int32_t)count);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i += 97)
        sum = bench_mix(sum, items[i]);
    return sum;
}

int main(void)
{
    uint32_t seed = 7;
    for (uint32_t i = 0; i < COUNT_MAX; i++)
        input[i] = bench_rand(&seed);
    return bench_run(quicksort_run, COUNT_MAX);
}
