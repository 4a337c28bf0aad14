/*
 * Random numbers and what they are drawn for: pi by points in a square, from xoshiro256++ (64-bit
 * rotates, xors, sums), and a random walk from a multiplying generator (128-bit product).
 */
#include "bench.h"

struct xoshiro {
    uint64_t s[4];
};

static uint64_t rotate_left(uint64_t x, uint32_t by)
{
    return x << by | x >> (64 - by);
}

static uint64_t xoshiro_next(struct xoshiro *x)
{
    uint64_t *s = x->s;
    uint64_t result = rotate_left(s[0] + s[3], 23) + s[0];
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

static uint64_t wyrand_next(uint64_t *state)
{
    *state += 0xa0761d6478bd642f;
    unsigned __int128 product = (unsigned __int128)*state * (*state ^ 0xe7037ed1a0b428db);
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static uint64_t montecarlo_run(uint32_t points)
{
    struct xoshiro x = {{1, 2, 3, 4}};
    uint32_t inside = 0;
    for (uint32_t i = 0; i < points; i++) {
        double a = (double)(xoshiro_next(&x) >> 11) * 0x1p-53;
        double b = (double)(xoshiro_next(&x) >> 11) * 0x1p-53;
        inside += a * a + b * b < 1;
    }
    uint64_t state = 9;
    int64_t at = 0, farthest = 0;
    for (uint32_t i = 0; i < points; i++) {
        at += wyrand_next(&state) & 1 ? 1 : -1;
        int64_t away = at < 0 ? -at : at;
        if (away > farthest)
            farthest = away;
    }
    return bench_mix(inside, (uint64_t)farthest);
}

int main(void)
{
    return bench_run(montecarlo_run, 3000000);
}
