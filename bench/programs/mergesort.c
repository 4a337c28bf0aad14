/*
 * Merge sort of records by a comparison function that is handed in, as qsort has it: 16-byte copies
 * and an indirect call per comparison.
 */
#include <string.h>

#include "bench.h"

#define COUNT_MAX 100000

struct record {
    uint32_t key;
    uint32_t order;
    double weight;
};

typedef int record_compare_fn(const struct record *a, const struct record *b);

static struct record input[COUNT_MAX], records[COUNT_MAX], spare[COUNT_MAX];

static int compare_key(const struct record *a, const struct record *b)
{
    return a->key < b->key ? -1 : a->key > b->key;
}

static int compare_weight(const struct record *a, const struct record *b)
{
    return a->weight < b->weight ? -1 : a->weight > b->weight;
}

static void merge_sort(struct record *a, struct record *tmp, uint32_t count,
                       record_compare_fn *compare)
{
    if (count < 2)
        return;
    uint32_t half = count / 2;
    merge_sort(a, tmp, half, compare);
    merge_sort(a + half, tmp, count - half, compare);
    memcpy(tmp, a, half * sizeof *a);
    uint32_t left = 0, right = half, out = 0;
    while (left < half && right < count)
        a[out++] = compare(&tmp[left], &a[right]) <= 0 ? tmp[left++] : a[right++];
    while (left < half)
        a[out++] = tmp[left++];
}

static uint64_t mergesort_run(uint32_t count)
{
    static record_compare_fn *const volatile by[] = {compare_key, compare_weight};
    uint64_t sum = 0;
    for (uint32_t pass = 0; pass < 2; pass++) {
        memcpy(records, input, count * sizeof *records);
        merge_sort(records, spare, count, by[pass]);
        for (uint32_t i = 0; i < count; i += 97)
            sum = bench_mix(sum, records[i].order);
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 7;
    for (uint32_t i = 0; i < COUNT_MAX; i++)
        input[i] = (struct record){bench_rand(&seed) % 5000, i, bench_rand_unit(&seed)};
    return bench_run(mergesort_run, COUNT_MAX);
}
