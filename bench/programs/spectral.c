/*
 * Spectral norm of the infinite matrix a(i,j) = 1 / ((i+j)(i+j+1)/2 + i + 1), cut off at n by n, by
 * the power method. An integer expression turned into a double and divided, in a reduction.
 */
#include <math.h>

#include "bench.h"

#define N_MAX 512

static double vec_u[N_MAX], vec_v[N_MAX], vec_tmp[N_MAX];

static double matrix_at(uint32_t row, uint32_t column)
{
    uint32_t diagonal = row + column;
    return 1.0 / (diagonal * (diagonal + 1) / 2 + row + 1);
}

static void matrix_times(double *out, const double *in, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0;
        for (uint32_t j = 0; j < n; j++)
            sum += matrix_at(i, j) * in[j];
        out[i] = sum;
    }
}

static void transpose_times(double *out, const double *in, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0;
        for (uint32_t j = 0; j < n; j++)
            sum += matrix_at(j, i) * in[j];
        out[i] = sum;
    }
}

static void square_times(double *out, const double *in, uint32_t n)
{
    matrix_times(vec_tmp, in, n);
    transpose_times(out, vec_tmp, n);
}

static uint64_t spectral_run(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        vec_u[i] = 1;
    for (int i = 0; i < 10; i++) {
        square_times(vec_v, vec_u, n);
        square_times(vec_u, vec_v, n);
    }
    double uv = 0, vv = 0;
    for (uint32_t i = 0; i < n; i++) {
        uv += vec_u[i] * vec_v[i];
        vv += vec_v[i] * vec_v[i];
    }
    return bench_bits(sqrt(uv / vv));
}

int main(void)
{
    return bench_run(spectral_run, 500);
}
