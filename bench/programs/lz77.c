/*
 * A compressor of the LZ77 family and its decompressor: hash chains, lengths of matches, byte
 * copies that may overlap. The format: a byte of flags, then eight literals or (distance, length)
 * pairs.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define INPUT_BYTES (1 << 19)
#define HASH_BITS 13
#define WINDOW (1 << 15)
#define MATCH_MIN 4
#define MATCH_MAX (MATCH_MIN + 255)
#define CHAIN_MAX 12

static uint8_t input[INPUT_BYTES], packed[INPUT_BYTES * 2], unpacked[INPUT_BYTES];
static uint32_t head[1 << HASH_BITS], chain[WINDOW];

static uint32_t hash_at(const uint8_t *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return four * 2654435761u >> (32 - HASH_BITS);
}

static uint32_t match_len(const uint8_t *a, const uint8_t *b, uint32_t limit)
{
    uint32_t len = 0;
    while (len < limit && a[len] == b[len])
        len++;
    return len;
}

static void position_insert(uint32_t pos)
{
    uint32_t h = hash_at(input + pos);
    chain[pos % WINDOW] = head[h];
    head[h] = pos + 1;
}

/* The longest earlier match for `pos`, of those at the head of its chain. */
static uint32_t match_find(uint32_t pos, uint32_t len_bytes, uint32_t *distance)
{
    uint32_t limit = len_bytes - pos < MATCH_MAX ? len_bytes - pos : MATCH_MAX;
    uint32_t best = 0;
    uint32_t candidate = head[hash_at(input + pos)];
    for (uint32_t tries = 0; candidate && tries < CHAIN_MAX; tries++) {
        uint32_t at = candidate - 1;
        if (pos - at >= WINDOW)
            break;
        uint32_t len = match_len(input + at, input + pos, limit);
        if (len > best) {
            best = len;
            *distance = pos - at;
        }
        candidate = chain[at % WINDOW];
    }
    return best;
}

static uint32_t compress(uint32_t len_bytes)
{
    uint8_t *out = packed;
    uint8_t *flags = NULL;
    uint32_t bit = 8;
    memset(head, 0, sizeof head);
    for (uint32_t pos = 0; pos < len_bytes;) {
        if (bit == 8) {
            flags = out++;
            *flags = 0;
            bit = 0;
        }
        uint32_t distance = 0;
        uint32_t len = pos + MATCH_MIN <= len_bytes ? match_find(pos, len_bytes, &distance) : 0;
        if (len < MATCH_MIN) {
            len = 1;
            *out++ = input[pos];
        } else {
            *flags = (uint8_t)(*flags | 1 << bit);
            *out++ = (uint8_t)distance;
            *out++ = (uint8_t)(distance >> 8);
            *out++ = (uint8_t)(len - MATCH_MIN);
        }
        bit++;
        for (uint32_t end = pos + len; pos < end; pos++)
            if (pos + MATCH_MIN <= len_bytes)
                position_insert(pos);
    }
    return (uint32_t)(out - packed);
}

static uint32_t decompress(uint32_t packed_bytes)
{
    const uint8_t *in = packed, *end = packed + packed_bytes;
    uint8_t *out = unpacked;
    while (in < end) {
        uint32_t flags = *in++;
        for (uint32_t bit = 0; bit < 8 && in < end; bit++, flags >>= 1) {
            if (!(flags & 1)) {
                *out++ = *in++;
                continue;
            }
            uint32_t distance = in[0] | (uint32_t)in[1] << 8;
            uint32_t len = in[2] + MATCH_MIN;
            in += 3;
            for (const uint8_t *from = out - distance; len; len--)
                *out++ = *from++;
        }
    }
    return (uint32_t)(out - unpacked);
}

static uint64_t lz77_run(uint32_t len_bytes)
{
    uint32_t packed_bytes = compress(len_bytes);
    for (int times = 0; times < 4; times++)
        if (decompress(packed_bytes) != len_bytes || memcmp(input, unpacked, len_bytes) != 0)
            abort();
    return bench_mix(packed_bytes, packed[packed_bytes / 2]);
}

int main(void)
{
    static const char *const words[] = {"the ",   "compiler ", "writes ",  "a block ", "of code, ",
                                        "reads ", "and then ", "memory\n", "stack ",   "register "};
    uint32_t seed = 6, len = 0;
    while (len < INPUT_BYTES) {
        uint32_t r = bench_rand(&seed);
        const char *word = words[r % 10];
        for (uint32_t i = 0; word[i] && len < INPUT_BYTES; i++)
            input[len++] = (uint8_t)word[i];
        if (r >> 28 == 0 && len < INPUT_BYTES)
            input[len++] = (uint8_t)(r >> 8);
    }
    return bench_run(lz77_run, INPUT_BYTES);
}
