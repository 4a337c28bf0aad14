/*
 * The demo: three small computations whose results are known, each with the time it took. A plain
 * WASI command; `make run` compiles it to WebAssembly and runs it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SIEVE_MAX 5000000u
#define QUEENS 12
#define PICTURE_COLS 78
#define PICTURE_ROWS 24
#define PICTURE_DEPTH 3000

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* How many primes there are up to max: the sieve of Eratosthenes. */
static unsigned primes_count(unsigned max)
{
    uint8_t *composite = calloc(max + 1, 1);
    unsigned n = 0;
    if (composite == NULL) {
        return 0;
    }
    for (unsigned i = 2; i <= max; i++) {
        if (composite[i]) {
            continue;
        }
        n++;
        for (uint64_t k = (uint64_t)i * i; k <= max; k += i) {
            composite[k] = 1;
        }
    }
    free(composite);
    return n;
}

/* In how many ways n queens stand on a board unattacked; sets are bits, a column each. */
static unsigned queens_count(unsigned all, unsigned columns, unsigned left, unsigned right)
{
    unsigned n = 0;
    if (columns == all) {
        return 1;
    }
    for (unsigned free = all & ~(columns | left | right); free != 0; free &= free - 1) {
        unsigned queen = free & -free;
        n += queens_count(all, columns | queen, (left | queen) << 1, (right | queen) >> 1);
    }
    return n;
}

/* The picture into rows of text, and how many points are in the set. */
static unsigned mandelbrot_draw(char picture[PICTURE_ROWS][PICTURE_COLS + 1])
{
    static const char shades[] = " .,:;=+*#%";
    unsigned n_inside = 0;
    for (int row = 0; row < PICTURE_ROWS; row++) {
        for (int col = 0; col < PICTURE_COLS; col++) {
            double re = col * 3.0 / PICTURE_COLS - 2.2, im = row * 2.4 / PICTURE_ROWS - 1.2;
            double x = 0, y = 0;
            int depth = 0;
            for (; depth < PICTURE_DEPTH && x * x + y * y <= 4; depth++) {
                double next = x * x - y * y + re;
                y = 2 * x * y + im;
                x = next;
            }
            n_inside += depth == PICTURE_DEPTH;
            picture[row][col] = depth == PICTURE_DEPTH ? '@' : shades[depth < 9 ? depth : 9];
        }
        picture[row][PICTURE_COLS] = '\0';
    }
    return n_inside;
}

int main(void)
{
    char picture[PICTURE_ROWS][PICTURE_COLS + 1];
    double start_ms = now_ms();
    unsigned n_primes = primes_count(SIEVE_MAX);
    double primes_ms = now_ms();
    unsigned n_ways = queens_count((1u << QUEENS) - 1, 0, 0, 0);
    double queens_ms = now_ms();
    unsigned n_inside = mandelbrot_draw(picture);
    double picture_ms = now_ms();

    for (int row = 0; row < PICTURE_ROWS; row++) {
        puts(picture[row]);
    }
    printf("%8.1f ms  %u of %d points are in the Mandelbrot set\n", picture_ms - queens_ms,
           n_inside, PICTURE_ROWS * PICTURE_COLS);
    printf("%8.1f ms  %u primes up to %u\n", primes_ms - start_ms, n_primes, SIEVE_MAX);
    printf("%8.1f ms  %u ways to place %d queens\n", queens_ms - primes_ms, n_ways, QUEENS);
    /* Known results: the program checks the machine it runs on. */
    return n_primes == 348513 && n_ways == 14200 ? 0 : 1;
}
