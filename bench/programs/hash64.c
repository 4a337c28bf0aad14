/*
 * Hashes on 64-bit words: BLAKE2b (RFC 7693) of a buffer and SipHash-2-4 of many short keys. Adds,
 * xors and 64-bit rotates; BLAKE2b's sixteen words want more registers than there are.
 */
#include <string.h>

#include "bench.h"

#define INPUT_BYTES (1 << 20)

static uint8_t input[INPUT_BYTES];

static const uint64_t blake_start[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint8_t blake_order[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static uint64_t rotate_right(uint64_t x, uint32_t by)
{
    return x >> by | x << (64 - by);
}

static void blake_mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x, uint64_t y)
{
    *a += *b + x;
    *d = rotate_right(*d ^ *a, 32);
    *c += *d;
    *b = rotate_right(*b ^ *c, 24);
    *a += *b + y;
    *d = rotate_right(*d ^ *a, 16);
    *c += *d;
    *b = rotate_right(*b ^ *c, 63);
}

static void blake_block(uint64_t h[8], const uint8_t *block, uint64_t hashed_bytes, int is_last)
{
    uint64_t v[16], m[16];
    memcpy(m, block, sizeof m);
    memcpy(v, h, 8 * sizeof *v);
    memcpy(v + 8, blake_start, 8 * sizeof *v);
    v[12] ^= hashed_bytes;
    if (is_last)
        v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t *o = blake_order[round];
        blake_mix(&v[0], &v[4], &v[8], &v[12], m[o[0]], m[o[1]]);
        blake_mix(&v[1], &v[5], &v[9], &v[13], m[o[2]], m[o[3]]);
        blake_mix(&v[2], &v[6], &v[10], &v[14], m[o[4]], m[o[5]]);
        blake_mix(&v[3], &v[7], &v[11], &v[15], m[o[6]], m[o[7]]);
        blake_mix(&v[0], &v[5], &v[10], &v[15], m[o[8]], m[o[9]]);
        blake_mix(&v[1], &v[6], &v[11], &v[12], m[o[10]], m[o[11]]);
        blake_mix(&v[2], &v[7], &v[8], &v[13], m[o[12]], m[o[13]]);
        blake_mix(&v[3], &v[4], &v[9], &v[14], m[o[14]], m[o[15]]);
    }
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

static void blake2b(uint64_t h[8], const uint8_t *data, uint32_t len_bytes)
{
    memcpy(h, blake_start, sizeof blake_start);
    h[0] ^= 0x01010040; /* 64 bytes out, no key */
    uint32_t at = 0;
    for (; at + 128 < len_bytes; at += 128)
        blake_block(h, data + at, at + 128, 0);
    uint8_t last[128] = {0};
    memcpy(last, data + at, len_bytes - at);
    blake_block(h, last, len_bytes, 1);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate_right(v[1], 51) ^ v[0], v[0] = rotate_right(v[0], 32);
    v[2] += v[3], v[3] = rotate_right(v[3], 48) ^ v[2];
    v[0] += v[3], v[3] = rotate_right(v[3], 43) ^ v[0];
    v[2] += v[1], v[1] = rotate_right(v[1], 47) ^ v[2], v[2] = rotate_right(v[2], 32);
}

static uint64_t siphash(uint64_t k0, uint64_t k1, const uint8_t *data, uint32_t len_bytes)
{
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                     k1 ^ 0x7465646279746573};
    for (uint32_t at = 0; at <= len_bytes; at += 8) {
        uint64_t word = (uint64_t)len_bytes << 56;
        if (at + 8 <= len_bytes)
            memcpy(&word, data + at, 8);
        else
            for (uint32_t i = at; i < len_bytes; i++)
                word |= (uint64_t)data[i] << 8 * (i - at);
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t hash64_run(uint32_t len_bytes)
{
    uint64_t sum = 0, h[8];
    for (uint32_t times = 0; times < 6; times++) {
        blake2b(h, input, len_bytes - times);
        for (int i = 0; i < 8; i++)
            sum = bench_mix(sum, h[i]);
    }
    for (uint32_t at = 0; at + 64 < len_bytes; at += 8)
        sum ^= siphash(sum, at, input + at, 4 + at % 60);
    return sum;
}

int main(void)
{
    uint64_t h[8];
    blake2b(h, (const uint8_t *)"abc", 3);
    if (h[0] != 0x0d4d1c983fa580ba) /* RFC 7693, appendix A */
        return 1;
    for (uint32_t i = 0; i < INPUT_BYTES; i++)
        input[i] = (uint8_t)(i * 13 + (i >> 7));
    return bench_run(hash64_run, INPUT_BYTES);
}
