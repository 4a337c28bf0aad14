/* Edit distance of two texts by rows: a minimum of three, each step needing the one before. */
#include "bench.h"

#define LEN_MAX 4000

static uint8_t first[LEN_MAX], second[LEN_MAX];
static uint32_t row[LEN_MAX + 1];

static uint32_t min2(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint64_t levenshtein_run(uint32_t len)
{
    for (uint32_t j = 0; j <= len; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= len; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= len; j++) {
            uint32_t replaced = diagonal + (first[i - 1] != second[j - 1]);
            diagonal = row[j];
            row[j] = min2(min2(row[j], row[j - 1]) + 1, replaced);
        }
    }
    return row[len];
}

int main(void)
{
    uint32_t seed = 12;
    for (uint32_t i = 0; i < LEN_MAX; i++) {
        first[i] = (uint8_t)('a' + (bench_rand(&seed) >> 8) % 6);
        second[i] = bench_rand(&seed) % 8 ? first[i] : (uint8_t)('a' + i % 6);
    }
    return bench_run(levenshtein_run, LEN_MAX);
}
