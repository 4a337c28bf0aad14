/*
 * ChaCha20 with four blocks side by side in 128-bit vectors: sixteen vectors of four words, whose
 * rotates are shifts and ors where the machine has none, and a transposition at the end.
 */
#include <string.h>

#include "bench.h"

#define OUTPUT_BYTES (1 << 20)

typedef uint32_t vec4 __attribute__((vector_size(16)));

static uint8_t output[OUTPUT_BYTES];

static vec4 rotate_left(vec4 x, uint32_t by)
{
    return x << by | x >> (32 - by);
}

static void quarter_round(vec4 *a, vec4 *b, vec4 *c, vec4 *d)
{
    *a += *b, *d = rotate_left(*d ^ *a, 16);
    *c += *d, *b = rotate_left(*b ^ *c, 12);
    *a += *b, *d = rotate_left(*d ^ *a, 8);
    *c += *d, *b = rotate_left(*b ^ *c, 7);
}

/* Writes four words of each of the four blocks that lie in the lanes of `v`. */
static void lanes_write(uint8_t *out, const vec4 v[4])
{
    vec4 low01 = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5);
    vec4 low23 = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5);
    vec4 high01 = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
    vec4 high23 = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
    vec4 rows[4] = {
        __builtin_shufflevector(low01, low23, 0, 1, 4, 5),
        __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
        __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
        __builtin_shufflevector(high01, high23, 2, 3, 6, 7),
    };
    for (int block = 0; block < 4; block++) {
        vec4 mixed;
        memcpy(&mixed, out + 64 * block, sizeof mixed);
        mixed ^= rows[block];
        memcpy(out + 64 * block, &mixed, sizeof mixed);
    }
}

static void four_blocks(const uint32_t state[16], uint32_t counter, uint8_t *out)
{
    vec4 start[16], x[16];
    for (int i = 0; i < 16; i++)
        start[i] = (vec4){state[i], state[i], state[i], state[i]};
    start[12] = (vec4){counter, counter + 1, counter + 2, counter + 3};
    memcpy(x, start, sizeof x);
    for (int i = 0; i < 10; i++) {
        quarter_round(&x[0], &x[4], &x[8], &x[12]);
        quarter_round(&x[1], &x[5], &x[9], &x[13]);
        quarter_round(&x[2], &x[6], &x[10], &x[14]);
        quarter_round(&x[3], &x[7], &x[11], &x[15]);
        quarter_round(&x[0], &x[5], &x[10], &x[15]);
        quarter_round(&x[1], &x[6], &x[11], &x[12]);
        quarter_round(&x[2], &x[7], &x[8], &x[13]);
        quarter_round(&x[3], &x[4], &x[9], &x[14]);
    }
    for (int i = 0; i < 16; i++)
        x[i] += start[i];
    for (int i = 0; i < 16; i += 4)
        lanes_write(out + 4 * i, x + i);
}

static uint64_t chacha_run(uint32_t times)
{
    uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (uint32_t i = 4; i < 16; i++)
        state[i] = 0x01020304 * i;
    memset(output, 0, sizeof output);
    for (uint32_t n = 0; n < times; n++)
        for (uint32_t at = 0; at < OUTPUT_BYTES; at += 256)
            four_blocks(state, n * (OUTPUT_BYTES / 64) + at / 64, output + at);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < OUTPUT_BYTES; i += 61)
        sum = bench_mix(sum, output[i]);
    return sum;
}

int main(void)
{
    return bench_run(chacha_run, 20);
}
