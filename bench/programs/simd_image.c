/*
 * Image processing on vectors of sixteen bytes (the compiler's portable vector types): blending
 * with rounding, a threshold by compare and select, brightness with saturation, sums of absolute
 * differences.
 */
#include <string.h>

#include "bench.h"

#define PIXELS (1 << 18)

typedef uint8_t vec16 __attribute__((vector_size(16)));
typedef uint16_t wide16 __attribute__((vector_size(32)));
typedef uint32_t vec4 __attribute__((vector_size(16)));

static vec16 first[PIXELS / 16], second[PIXELS / 16], result[PIXELS / 16];

static vec16 vec_max(vec16 a, vec16 b)
{
    vec16 mask = (vec16)(a > b);
    return (a & mask) | (b & ~mask);
}

static vec16 vec_min(vec16 a, vec16 b)
{
    vec16 mask = (vec16)(a < b);
    return (a & mask) | (b & ~mask);
}

static void image_blend(uint32_t weight)
{
    for (uint32_t i = 0; i < PIXELS / 16; i++) {
        wide16 a = __builtin_convertvector(first[i], wide16);
        wide16 b = __builtin_convertvector(second[i], wide16);
        wide16 mixed = (a * (uint16_t)weight + b * (uint16_t)(256 - weight) + 128) >> 8;
        result[i] = __builtin_convertvector(mixed, vec16);
    }
}

static void image_brighten(uint8_t by)
{
    for (uint32_t i = 0; i < PIXELS / 16; i++) {
        vec16 sum = result[i] + by;
        result[i] = sum | (vec16)(sum < result[i]);
    }
}

static void image_threshold(uint8_t level)
{
    for (uint32_t i = 0; i < PIXELS / 16; i++) {
        vec16 mask = (vec16)(first[i] >= level);
        result[i] = (result[i] & mask) | (second[i] & ~mask);
    }
}

static uint32_t image_difference(void)
{
    vec4 sums = {0};
    for (uint32_t i = 0; i < PIXELS / 16; i++) {
        vec16 apart = vec_max(result[i], first[i]) - vec_min(result[i], first[i]);
        vec4 words;
        memcpy(&words, &apart, sizeof words);
        sums += (words & 0xff) + (words >> 8 & 0xff) + (words >> 16 & 0xff) + (words >> 24);
    }
    return sums[0] + sums[1] + sums[2] + sums[3];
}

static uint64_t image_run(uint32_t times)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < times; n++) {
        image_blend(n % 257);
        image_brighten((uint8_t)(n % 50));
        image_threshold((uint8_t)n);
        sum = bench_mix(sum, image_difference());
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 33;
    for (uint32_t i = 0; i < PIXELS / 16; i++)
        for (uint32_t lane = 0; lane < 16; lane++) {
            first[i][lane] = (uint8_t)(bench_rand(&seed) >> 9);
            second[i][lane] = (uint8_t)(i + lane * 5);
        }
    return bench_run(image_run, 200);
}
