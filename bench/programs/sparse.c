/*
 * Conjugate gradients with a sparse matrix in compressed rows: indirect loads of doubles, inner
 * products.
 */
#include "bench.h"

#define GRID 160
#define ROWS (GRID * GRID)
#define ENTRIES_MAX (5 * ROWS)

static double values[ENTRIES_MAX];
static uint32_t columns[ENTRIES_MAX], row_starts[ROWS + 1];
static double solution[ROWS], residual[ROWS], direction[ROWS], product[ROWS];

static void entry_add(uint32_t *count, uint32_t column, double value)
{
    columns[*count] = column;
    values[(*count)++] = value;
}

/* Poisson's equation on a square grid: 4 in the diagonal, -1 for each neighbour. */
static void matrix_init(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        row_starts[i] = count;
        if (i >= GRID)
            entry_add(&count, i - GRID, -1);
        if (i % GRID)
            entry_add(&count, i - 1, -1);
        entry_add(&count, i, 4);
        if (i % GRID != GRID - 1)
            entry_add(&count, i + 1, -1);
        if (i + GRID < ROWS)
            entry_add(&count, i + GRID, -1);
    }
    row_starts[ROWS] = count;
}

static void matrix_times(double *out, const double *in)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        double sum = 0;
        for (uint32_t k = row_starts[i]; k < row_starts[i + 1]; k++)
            sum += values[k] * in[columns[k]];
        out[i] = sum;
    }
}

static double inner(const double *a, const double *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < ROWS; i++)
        sum += a[i] * b[i];
    return sum;
}

static uint64_t sparse_run(uint32_t steps)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        solution[i] = 0;
        residual[i] = direction[i] = i % 97 == 0 ? 1 : 0.01;
    }
    double square = inner(residual, residual);
    for (uint32_t step = 0; step < steps; step++) {
        matrix_times(product, direction);
        double by = square / inner(direction, product);
        for (uint32_t i = 0; i < ROWS; i++) {
            solution[i] += by * direction[i];
            residual[i] -= by * product[i];
        }
        double before = square;
        square = inner(residual, residual);
        for (uint32_t i = 0; i < ROWS; i++)
            direction[i] = residual[i] + square / before * direction[i];
    }
    return bench_mix(bench_bits(square), bench_bits(solution[ROWS / 2]));
}

int main(void)
{
    matrix_init();
    return bench_run(sparse_run, 100);
}
