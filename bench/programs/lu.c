/*
 * Linear equations by LU decomposition with row pivoting, and solving: as in Linpack, in doubles.
 */
#include <math.h>
#include <string.h>

#include "bench.h"

#define SIZE 300

static double matrix[SIZE][SIZE], work[SIZE][SIZE], right[SIZE];
static uint32_t pivots[SIZE];

static void rows_swap(uint32_t a, uint32_t b)
{
    for (uint32_t j = 0; j < SIZE; j++) {
        double held = work[a][j];
        work[a][j] = work[b][j];
        work[b][j] = held;
    }
}

static void lu_factor(void)
{
    for (uint32_t k = 0; k < SIZE; k++) {
        uint32_t pivot = k;
        for (uint32_t i = k + 1; i < SIZE; i++)
            if (fabs(work[i][k]) > fabs(work[pivot][k]))
                pivot = i;
        pivots[k] = pivot;
        if (pivot != k)
            rows_swap(pivot, k);
        for (uint32_t i = k + 1; i < SIZE; i++) {
            double factor = work[i][k] / work[k][k];
            work[i][k] = factor;
            for (uint32_t j = k + 1; j < SIZE; j++)
                work[i][j] -= factor * work[k][j];
        }
    }
}

static void lu_solve(double *x)
{
    for (uint32_t k = 0; k < SIZE; k++) {
        double held = x[k];
        x[k] = x[pivots[k]];
        x[pivots[k]] = held;
    }
    for (uint32_t i = 1; i < SIZE; i++)
        for (uint32_t j = 0; j < i; j++)
            x[i] -= work[i][j] * x[j];
    for (uint32_t i = SIZE; i-- > 0;) {
        for (uint32_t j = i + 1; j < SIZE; j++)
            x[i] -= work[i][j] * x[j];
        x[i] /= work[i][i];
    }
}

static uint64_t lu_run(uint32_t times)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < times; n++) {
        memcpy(work, matrix, sizeof work);
        for (uint32_t i = 0; i < SIZE; i++)
            right[i] = i + n;
        lu_factor();
        lu_solve(right);
        for (uint32_t i = 0; i < SIZE; i += 7)
            sum = bench_mix(sum, bench_bits(right[i]));
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 24;
    for (uint32_t i = 0; i < SIZE; i++)
        for (uint32_t j = 0; j < SIZE; j++)
            matrix[i][j] = bench_rand_unit(&seed) - 0.5;
    return bench_run(lu_run, 5);
}
