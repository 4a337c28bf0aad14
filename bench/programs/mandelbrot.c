/*
 * The Mandelbrot set over a square of n by n points, at most 64 steps a point: a short loop of
 * dependent double multiplications with an early exit.
 */
#include "bench.h"

#define STEPS_MAX 64

static uint32_t point_steps(double cr, double ci)
{
    double zr = 0, zi = 0;
    for (uint32_t steps = 0; steps < STEPS_MAX; steps++) {
        double rr = zr * zr, ii = zi * zi;
        if (rr + ii > 4)
            return steps;
        zi = 2 * zr * zi + ci;
        zr = rr - ii + cr;
    }
    return STEPS_MAX;
}

static uint64_t mandelbrot_run(uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t y = 0; y < n; y++)
        for (uint32_t x = 0; x < n; x++)
            sum += point_steps(2.5 * x / n - 2, 2.5 * y / n - 1.25) * (x ^ y);
    return sum;
}

int main(void)
{
    return bench_run(mandelbrot_run, 640);
}
