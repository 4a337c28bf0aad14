/* A product of two n by n matrices of floats; the inner loop runs along rows of both operands. */
#include "bench.h"

#define N_MAX 256

static float left[N_MAX][N_MAX], right[N_MAX][N_MAX], product[N_MAX][N_MAX];

static void matmul(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < n; j++)
            product[i][j] = 0;
        for (uint32_t k = 0; k < n; k++) {
            float factor = left[i][k];
            for (uint32_t j = 0; j < n; j++)
                product[i][j] += factor * right[k][j];
        }
    }
}

static uint64_t matmul_run(uint32_t n)
{
    for (uint32_t times = 0; times < 6; times++)
        matmul(n);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum = bench_mix(sum, bench_bits((double)product[i][(i * 7) % n]));
    return sum;
}

int main(void)
{
    uint32_t seed = 1;
    for (uint32_t i = 0; i < N_MAX; i++)
        for (uint32_t j = 0; j < N_MAX; j++) {
            left[i][j] = (float)bench_rand_unit(&seed);
            right[i][j] = (float)bench_rand_unit(&seed);
        }
    return bench_run(matmul_run, N_MAX);
}
