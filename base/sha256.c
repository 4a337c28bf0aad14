/*
 * SHA-256: see sha256.h. Names and numbers are those of FIPS 180-4.
 */
#include "base/sha256.h"

#include <string.h>

/* FIPS 180-4 §4.2.2: the first 32 bits of the fractional parts of the cube roots of 64 primes. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_be32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void store_be32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/* §6.2.2 step 3, one round: the variables don't move on by one place, their names do. */
#define ROUND(a, b, c, d, e, f, g, h, x)                                                           \
    do {                                                                                           \
        (h) += (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((((f) ^ (g)) & (e)) ^ (g)) + (x);       \
        (d) += (h);                                                                                \
        (h) += (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + (((a) & (b)) | (((a) | (b)) & (c)));     \
    } while (0)

/* §6.2.2 step 1: the next word of the message schedule, in the place of the one 16 before it. */
static inline uint32_t schedule(uint32_t w[static 16], unsigned t)
{
    uint32_t x = w[(t + 1) % 16], y = w[(t + 14) % 16];
    uint32_t s0 = rotr(x, 7) ^ rotr(x, 18) ^ x >> 3;
    uint32_t s1 = rotr(y, 17) ^ rotr(y, 19) ^ y >> 10;
    return w[t % 16] += s1 + w[(t + 9) % 16] + s0;
}

/* §6.2.2 steps 2 to 4: one block of 64 bytes into the state. */
static void block_add(uint32_t state[static 8], const uint8_t *block)
{
    uint32_t w[16];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (unsigned t = 0; t < 16; t++) {
        w[t] = load_be32(block + (size_t)4 * t);
    }
#define WORD(t) (K[t] + ((t) < 16 ? w[t] : schedule(w, t)))
#pragma clang loop unroll(full)
    for (unsigned t = 0; t < 64; t += 8) {
        ROUND(a, b, c, d, e, f, g, h, WORD(t));
        ROUND(h, a, b, c, d, e, f, g, WORD(t + 1));
        ROUND(g, h, a, b, c, d, e, f, WORD(t + 2));
        ROUND(f, g, h, a, b, c, d, e, WORD(t + 3));
        ROUND(e, f, g, h, a, b, c, d, WORD(t + 4));
        ROUND(d, e, f, g, h, a, b, c, WORD(t + 5));
        ROUND(c, d, e, f, g, h, a, b, WORD(t + 6));
        ROUND(b, c, d, e, f, g, h, a, WORD(t + 7));
    }
#undef WORD
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

void sha256_init(struct sha256 *sha)
{
    /* §5.3.3 */
    *sha = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                     0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t len_bytes)
{
    const uint8_t *from = bytes;
    size_t have = sha->len_bytes % SHA256_BLOCK_BYTES;
    sha->len_bytes += len_bytes;
    if (have != 0) {
        size_t fill = SHA256_BLOCK_BYTES - have;
        size_t take = len_bytes < fill ? len_bytes : fill;
        memcpy(sha->block + have, from, take);
        if (take < fill) {
            return;
        }
        block_add(sha->state, sha->block);
        from += take;
        len_bytes -= take;
    }
    for (; len_bytes >= SHA256_BLOCK_BYTES; len_bytes -= SHA256_BLOCK_BYTES) {
        block_add(sha->state, from);
        from += SHA256_BLOCK_BYTES;
    }
    if (len_bytes != 0) {
        memcpy(sha->block, from, len_bytes);
    }
}

void sha256_finish(struct sha256 *sha, uint8_t digest[static SHA256_BYTES])
{
    /* §5.1.1: a one bit, zeros, and the length in bits as 64 bits at the end of a block. */
    static const uint8_t padding[SHA256_BLOCK_BYTES] = {0x80};
    uint64_t len_bits = sha->len_bytes * 8;
    size_t have = sha->len_bytes % SHA256_BLOCK_BYTES;
    uint8_t tail[8];
    store_be32(tail, (uint32_t)(len_bits >> 32));
    store_be32(tail + 4, (uint32_t)len_bits);
    sha256_add(sha, padding, have < 56 ? 56 - have : 120 - have);
    sha256_add(sha, tail, sizeof tail);
    for (unsigned i = 0; i < 8; i++) {
        store_be32(digest + (size_t)4 * i, sha->state[i]);
    }
}

void sha256(const void *bytes, size_t len_bytes, uint8_t digest[static SHA256_BYTES])
{
    struct sha256 sha;
    sha256_init(&sha);
    sha256_add(&sha, bytes, len_bytes);
    sha256_finish(&sha, digest);
}
