/*
 * Heap sort of random doubles: index arithmetic, two dependent loads and a compare at each level.
 */
#include <string.h>

#include "bench.h"

#define COUNT_MAX 150000

static double input[COUNT_MAX], heap[COUNT_MAX];

static void heap_sift(double *a, uint32_t root, uint32_t count)
{
    double held = a[root];
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count)
            break;
        if (child + 1 < count && a[child + 1] > a[child])
            child++;
        if (!(a[child] > held))
            break;
        a[root] = a[child];
        root = child;
    }
    a[root] = held;
}

static uint64_t heapsort_run(uint32_t count)
{
    memcpy(heap, input, count * sizeof *heap);
    for (uint32_t i = count / 2; i-- > 0;)
        heap_sift(heap, i, count);
    for (uint32_t end = count; end-- > 1;) {
        double top = heap[0];
        heap[0] = heap[end];
        heap[end] = top;
        heap_sift(heap, 0, end);
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i += 97)
        sum = bench_mix(sum, bench_bits(heap[i]));
    return sum;
}

int main(void)
{
    uint32_t seed = 7;
    for (uint32_t i = 0; i < COUNT_MAX; i++)
        input[i] = bench_rand_unit(&seed);
    return bench_run(heapsort_run, COUNT_MAX);
}
