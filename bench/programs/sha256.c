/* SHA-256 (FIPS 180-4) of a buffer: rotates by constants, 32-bit sums, byte-swapped loads. */
#include <string.h>

#include "bench.h"

#define INPUT_BYTES (1 << 20)

static uint8_t input[INPUT_BYTES];
static uint32_t round_keys[64];

/* The first 32 bits of the fraction of the cube root of the n-th prime, in integers. */
static uint32_t root_fraction(uint32_t prime)
{
    unsigned __int128 scaled = (unsigned __int128)prime << 96;
    uint64_t root = 0;
    for (uint64_t bit = 1ull << 35; bit; bit >>= 1) {
        unsigned __int128 guess = root | bit;
        if (guess * guess * guess <= scaled)
            root |= bit;
    }
    return (uint32_t)root;
}

static void round_keys_init(void)
{
    uint32_t found = 0;
    for (uint32_t n = 2; found < 64; n++) {
        uint32_t divisor = 2;
        while (n % divisor)
            divisor++;
        if (divisor == n)
            round_keys[found++] = root_fraction(n);
    }
}

static uint32_t rotate_right(uint32_t x, uint32_t by)
{
    return x >> by | x << (32 - by);
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void block_hash(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = load_be32(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate_right(w[i - 15], 7) ^ rotate_right(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate_right(w[i - 2], 17) ^ rotate_right(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + round_keys[i] + w[i];
        uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void sha256(uint32_t state[8], const uint8_t *data, uint32_t len_bytes)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(state, start, sizeof start);
    uint32_t whole = len_bytes & ~63u;
    for (uint32_t i = 0; i < whole; i += 64)
        block_hash(state, data + i);
    uint8_t last[128] = {0};
    uint32_t rest = len_bytes - whole;
    memcpy(last, data + whole, rest);
    last[rest] = 0x80;
    uint32_t last_bytes = rest < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)len_bytes * 8;
    for (uint32_t i = 0; i < 8; i++)
        last[last_bytes - 1 - i] = (uint8_t)(bits >> 8 * i);
    for (uint32_t i = 0; i < last_bytes; i += 64)
        block_hash(state, last + i);
}

static uint64_t sha256_run(uint32_t len_bytes)
{
    uint32_t state[8];
    uint64_t sum = 0;
    for (uint32_t times = 0; times < 8; times++) {
        sha256(state, input, len_bytes - times);
        for (int i = 0; i < 8; i++)
            sum = bench_mix(sum, state[i]);
    }
    return sum;
}

int main(void)
{
    round_keys_init();
    uint32_t state[8];
    sha256(state, (const uint8_t *)"abc", 3);
    if (state[0] != 0xba7816bf || state[7] != 0xf20015ad)
        return 1;
    for (uint32_t i = 0; i < INPUT_BYTES; i++)
        input[i] = (uint8_t)(i * 31 + (i >> 9));
    return bench_run(sha256_run, INPUT_BYTES);
}
