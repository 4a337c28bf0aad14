/* Conway's game of life on a torus of bytes: nine loads and a table lookup per cell. */
#include <string.h>

#include "bench.h"

#define SIZE 256

static uint8_t grids[2][SIZE][SIZE];

static void grid_step(uint8_t (*restrict next)[SIZE], uint8_t (*restrict now)[SIZE])
{
    static const uint8_t rule[2][9] = {{0, 0, 0, 1, 0, 0, 0, 0, 0}, {0, 0, 1, 1, 0, 0, 0, 0, 0}};
    for (uint32_t y = 0; y < SIZE; y++) {
        const uint8_t *above = now[(y + SIZE - 1) % SIZE], *row = now[y],
                      *below = now[(y + 1) % SIZE];
        for (uint32_t x = 0; x < SIZE; x++) {
            uint32_t left = (x + SIZE - 1) % SIZE, right = (x + 1) % SIZE;
            uint32_t neighbours = above[left] + above[x] + above[right] + row[left] + row[right] +
                                  below[left] + below[x] + below[right];
            next[y][x] = rule[row[x]][neighbours];
        }
    }
}

static uint64_t life_run(uint32_t steps)
{
    uint32_t seed = 42;
    for (uint32_t y = 0; y < SIZE; y++)
        for (uint32_t x = 0; x < SIZE; x++)
            grids[0][y][x] = bench_rand(&seed) >> 12 & 1;
    for (uint32_t i = 0; i < steps; i++)
        grid_step(grids[(i + 1) % 2], grids[i % 2]);
    uint64_t sum = 0;
    for (uint32_t y = 0; y < SIZE; y++)
        for (uint32_t x = 0; x < SIZE; x += 8) {
            uint64_t eight;
            memcpy(&eight, &grids[steps % 2][y][x], sizeof eight);
            sum = bench_mix(sum, eight);
        }
    return sum;
}

int main(void)
{
    return bench_run(life_run, 150);
}
