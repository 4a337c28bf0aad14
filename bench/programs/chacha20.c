/* ChaCha20 (RFC 8439): 32-bit add, xor, rotate on sixteen words that want sixteen registers. */
#include <string.h>

#include "bench.h"

#define INPUT_BYTES (1 << 20)

static uint8_t input[INPUT_BYTES], output[INPUT_BYTES];

static uint32_t rotate_left(uint32_t x, uint32_t by)
{
    return x << by | x >> (32 - by);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b, *d = rotate_left(*d ^ *a, 16);
    *c += *d, *b = rotate_left(*b ^ *c, 12);
    *a += *b, *d = rotate_left(*d ^ *a, 8);
    *c += *d, *b = rotate_left(*b ^ *c, 7);
}

static void block_next(uint32_t state[16], uint32_t out[16])
{
    uint32_t x[16];
    memcpy(x, state, sizeof x);
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
        out[i] = x[i] + state[i];
    state[12]++;
}

static uint64_t chacha20_run(uint32_t len_bytes)
{
    uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (uint32_t i = 4; i < 16; i++)
        state[i] = 0x01020304 * i;
    uint32_t stream[16];
    for (uint32_t times = 0; times < 12; times++)
        for (uint32_t at = 0; at < len_bytes; at += 64) {
            block_next(state, stream);
            for (uint32_t i = 0; i < 64; i++)
                output[at + i] = input[at + i] ^ (uint8_t)(stream[i / 4] >> 8 * (i % 4));
        }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < len_bytes; i += 61)
        sum = bench_mix(sum, output[i]);
    return sum;
}

int main(void)
{
    for (uint32_t i = 0; i < INPUT_BYTES; i++)
        input[i] = (uint8_t)(i * 17 + (i >> 8));
    return bench_run(chacha20_run, INPUT_BYTES);
}
