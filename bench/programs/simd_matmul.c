/*
 * A product of two float matrices written for 128-bit vectors (the compiler's portable vector
 * types): a tile of 4 rows by 8 columns stays in eight vector registers while k runs.
 */
#include "bench.h"

#define N_MAX 384

typedef float vec4 __attribute__((vector_size(16)));

static vec4 left[N_MAX][N_MAX / 4], right[N_MAX][N_MAX / 4], product[N_MAX][N_MAX / 4];

/* The four rows from `row`, the eight columns from `column` vectors on. */
static void tile_product(uint32_t row, uint32_t column, uint32_t n)
{
    vec4 acc[4][2] = {0};
    for (uint32_t k = 0; k < n; k++) {
        vec4 b0 = right[k][column], b1 = right[k][column + 1];
        for (uint32_t i = 0; i < 4; i++) {
            float a = ((const float *)left[row + i])[k];
            acc[i][0] += a * b0;
            acc[i][1] += a * b1;
        }
    }
    for (uint32_t i = 0; i < 4; i++) {
        product[row + i][column] = acc[i][0];
        product[row + i][column + 1] = acc[i][1];
    }
}

static void matmul(uint32_t n)
{
    for (uint32_t row = 0; row < n; row += 4)
        for (uint32_t column = 0; column < n / 4; column += 2)
            tile_product(row, column, n);
}

static uint64_t matmul_run(uint32_t n)
{
    for (uint32_t times = 0; times < 5; times++)
        matmul(n);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum = bench_mix(sum, bench_bits((double)product[i][(i * 7) % (n / 4)][i % 4]));
    return sum;
}

int main(void)
{
    uint32_t seed = 1;
    for (uint32_t i = 0; i < N_MAX; i++)
        for (uint32_t j = 0; j < N_MAX / 4; j++)
            for (uint32_t lane = 0; lane < 4; lane++) {
                left[i][j][lane] = (float)bench_rand_unit(&seed);
                right[i][j][lane] = (float)bench_rand_unit(&seed);
            }
    return bench_run(matmul_run, N_MAX);
}
