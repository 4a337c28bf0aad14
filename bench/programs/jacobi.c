/*
 * Heat in a plate: Jacobi's five-point stencil over two grids of doubles, and the largest change.
 */
#include <string.h>

#include "bench.h"

#define SIZE 256

static double grids[2][SIZE][SIZE];

static double grid_step(double (*restrict next)[SIZE], double (*restrict now)[SIZE])
{
    double largest = 0;
    for (uint32_t y = 1; y < SIZE - 1; y++)
        for (uint32_t x = 1; x < SIZE - 1; x++) {
            double cell = 0.25 * (now[y - 1][x] + now[y + 1][x] + now[y][x - 1] + now[y][x + 1]);
            double change = cell > now[y][x] ? cell - now[y][x] : now[y][x] - cell;
            if (change > largest)
                largest = change;
            next[y][x] = cell;
        }
    return largest;
}

static uint64_t jacobi_run(uint32_t steps)
{
    memset(grids, 0, sizeof grids);
    for (uint32_t i = 0; i < SIZE; i++)
        for (uint32_t g = 0; g < 2; g++) {
            grids[g][0][i] = 100;
            grids[g][i][SIZE - 1] = i;
        }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < steps; i++)
        sum = bench_mix(sum, bench_bits(grid_step(grids[(i + 1) % 2], grids[i % 2])));
    return bench_mix(sum, bench_bits(grids[steps % 2][SIZE / 3][SIZE / 2]));
}

int main(void)
{
    return bench_run(jacobi_run, 200);
}
