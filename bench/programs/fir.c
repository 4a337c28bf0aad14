/*
 * Digital filters: a finite one (inner products of 64 floats) and a recursive one (a dependency
 * chain).
 */
#include "bench.h"

#define SAMPLES 65536
#define TAPS 64

static float input[SAMPLES + TAPS], filtered[SAMPLES], taps[TAPS];

static void fir(uint32_t samples)
{
    for (uint32_t i = 0; i < samples; i++) {
        float acc = 0;
        for (uint32_t k = 0; k < TAPS; k++)
            acc += input[i + k] * taps[k];
        filtered[i] = acc;
    }
}

static void biquad(uint32_t samples)
{
    const float b0 = 0.2f, b1 = 0.4f, b2 = 0.2f, a1 = -0.5f, a2 = 0.3f;
    float z1 = 0, z2 = 0;
    for (uint32_t i = 0; i < samples; i++) {
        float in = filtered[i];
        float out = b0 * in + z1;
        z1 = b1 * in - a1 * out + z2;
        z2 = b2 * in - a2 * out;
        filtered[i] = out;
    }
}

static uint64_t fir_run(uint32_t samples)
{
    uint64_t sum = 0;
    for (int times = 0; times < 12; times++) {
        fir(samples);
        biquad(samples);
        for (uint32_t i = 0; i < samples; i += 31)
            sum = bench_mix(sum, bench_bits((double)filtered[i]));
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 10;
    for (uint32_t i = 0; i < SAMPLES + TAPS; i++)
        input[i] = (float)bench_rand_unit(&seed) - 0.5f;
    for (uint32_t k = 0; k < TAPS; k++)
        taps[k] = (float)bench_rand_unit(&seed) / TAPS;
    return bench_run(fir_run, SAMPLES);
}
