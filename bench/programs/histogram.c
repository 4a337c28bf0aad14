/*
 * Histograms of a picture: counts of bytes (each a load, add, store that may hit the one before),
 * the cumulative sum, equalisation by a table, and an integral image.
 */
#include <string.h>

#include "bench.h"

#define WIDTH 1024
#define HEIGHT 512

static uint8_t picture[HEIGHT][WIDTH], evened[HEIGHT][WIDTH];
static uint32_t integral[HEIGHT + 1][WIDTH + 1];

static void picture_equalise(void)
{
    uint32_t counts[256] = {0};
    uint8_t level[256];
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            counts[picture[y][x]]++;
    uint32_t below = 0;
    for (uint32_t i = 0; i < 256; i++) {
        below += counts[i];
        level[i] = (uint8_t)((uint64_t)below * 255 / (WIDTH * HEIGHT));
    }
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            evened[y][x] = level[picture[y][x]];
}

static void integral_make(void)
{
    for (uint32_t y = 0; y < HEIGHT; y++) {
        uint32_t row = 0;
        for (uint32_t x = 0; x < WIDTH; x++) {
            row += evened[y][x];
            integral[y + 1][x + 1] = integral[y][x + 1] + row;
        }
    }
}

static uint64_t histogram_run(uint32_t times)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < times; i++) {
        picture[i % HEIGHT][i % WIDTH] ^= 1;
        picture_equalise();
        integral_make();
        for (uint32_t y = 16; y <= HEIGHT; y += 16)
            for (uint32_t x = 16; x <= WIDTH; x += 16)
                sum = bench_mix(sum, integral[y][x] - integral[y - 16][x] - integral[y][x - 16] +
                                         integral[y - 16][x - 16]);
        picture[i % HEIGHT][i % WIDTH] ^= 1;
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 16;
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            picture[y][x] = (uint8_t)((x + y) / 12 + bench_rand(&seed) % 64);
    return bench_run(histogram_run, 30);
}
