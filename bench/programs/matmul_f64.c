/*
 * A product of two n by n matrices of doubles as it is written on paper: each cell is a row times a
 * column. The column's stride makes the loads strided, and the reduction may not be reordered.
 */
#include "bench.h"

#define N_MAX 320

static double left[N_MAX][N_MAX], right[N_MAX][N_MAX], product[N_MAX][N_MAX];

static uint64_t matmul_run(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            double cell = 0;
            for (uint32_t k = 0; k < n; k++)
                cell += left[i][k] * right[k][j];
            product[i][j] = cell;
        }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum = bench_mix(sum, bench_bits(product[i][(i * 7) % n]));
    return sum;
}

int main(void)
{
    uint32_t seed = 1;
    for (uint32_t i = 0; i < N_MAX; i++)
        for (uint32_t j = 0; j < N_MAX; j++) {
            left[i][j] = bench_rand_unit(&seed);
            right[i][j] = bench_rand_unit(&seed);
        }
    return bench_run(matmul_run, N_MAX);
}
