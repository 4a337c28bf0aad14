/*
 * AES-128 in counter mode with the usual four tables of 32-bit words: each round is sixteen byte
 * extractions and sixteen dependent table loads. The tables are computed, not written out.
 */
#include "bench.h"

#define INPUT_BYTES (1 << 20)
#define ROUNDS 10

static uint8_t sbox[256];
static uint32_t mix_table[4][256];
static uint32_t round_keys[4 * (ROUNDS + 1)];
static uint32_t buffer[INPUT_BYTES / 4];

static uint8_t field_double(uint8_t x)
{
    return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b);
}

static uint8_t rotate_left8(uint8_t x, int by)
{
    return (uint8_t)(x << by | x >> (8 - by));
}

/* Walks the field by the generator 3 and its inverse side by side, as in FIPS 197's definition. */
static void tables_init(void)
{
    uint8_t p = 1, q = 1;
    do {
        p = (uint8_t)(p ^ field_double(p));
        q = (uint8_t)(q ^ q << 1);
        q = (uint8_t)(q ^ q << 2);
        q = (uint8_t)(q ^ q << 4);
        q = (uint8_t)(q ^ (q >> 7) * 0x09);
        sbox[p] = (uint8_t)(q ^ rotate_left8(q, 1) ^ rotate_left8(q, 2) ^ rotate_left8(q, 3) ^
                            rotate_left8(q, 4) ^ 0x63);
    } while (p != 1);
    sbox[0] = 0x63;
    for (int i = 0; i < 256; i++) {
        uint8_t s = sbox[i], s2 = field_double(s);
        uint32_t word = (uint32_t)s2 << 24 | (uint32_t)s << 16 | (uint32_t)s << 8 | (s2 ^ s);
        for (int t = 0; t < 4; t++) {
            mix_table[t][i] = word;
            word = word >> 8 | word << 24;
        }
    }
}

static uint32_t word_substitute(uint32_t x)
{
    return (uint32_t)sbox[x >> 24] << 24 | (uint32_t)sbox[x >> 16 & 255] << 16 |
           (uint32_t)sbox[x >> 8 & 255] << 8 | sbox[x & 255];
}

static void key_expand(const uint32_t key[4])
{
    uint8_t round_constant = 1;
    for (int i = 0; i < 4 * (ROUNDS + 1); i++) {
        if (i < 4) {
            round_keys[i] = key[i];
            continue;
        }
        uint32_t last = round_keys[i - 1];
        if (i % 4 == 0) {
            last = word_substitute(last << 8 | last >> 24) ^ (uint32_t)round_constant << 24;
            round_constant = field_double(round_constant);
        }
        round_keys[i] = round_keys[i - 4] ^ last;
    }
}

static uint32_t column_mix(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t key)
{
    return mix_table[0][a >> 24] ^ mix_table[1][b >> 16 & 255] ^ mix_table[2][c >> 8 & 255] ^
           mix_table[3][d & 255] ^ key;
}

static uint32_t column_last(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t key)
{
    return ((uint32_t)sbox[a >> 24] << 24 | (uint32_t)sbox[b >> 16 & 255] << 16 |
            (uint32_t)sbox[c >> 8 & 255] << 8 | sbox[d & 255]) ^
           key;
}

static void block_encrypt(const uint32_t in[4], uint32_t out[4])
{
    const uint32_t *key = round_keys;
    uint32_t a = in[0] ^ key[0], b = in[1] ^ key[1], c = in[2] ^ key[2], d = in[3] ^ key[3];
    for (int round = 1; round < ROUNDS; round++) {
        key += 4;
        uint32_t na = column_mix(a, b, c, d, key[0]);
        uint32_t nb = column_mix(b, c, d, a, key[1]);
        uint32_t nc = column_mix(c, d, a, b, key[2]);
        uint32_t nd = column_mix(d, a, b, c, key[3]);
        a = na, b = nb, c = nc, d = nd;
    }
    key += 4;
    out[0] = column_last(a, b, c, d, key[0]);
    out[1] = column_last(b, c, d, a, key[1]);
    out[2] = column_last(c, d, a, b, key[2]);
    out[3] = column_last(d, a, b, c, key[3]);
}

static uint64_t aes_run(uint32_t len_bytes)
{
    uint32_t counter[4] = {1, 2, 3, 0};
    for (uint32_t i = 0; i < len_bytes / 4; i++)
        buffer[i] = i;
    for (uint32_t times = 0; times < 6; times++)
        for (uint32_t at = 0; at < len_bytes / 4; at += 4) {
            uint32_t stream[4];
            block_encrypt(counter, stream);
            counter[3]++;
            for (uint32_t i = 0; i < 4; i++)
                buffer[at + i] ^= stream[i];
        }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < len_bytes / 4; i += 61)
        sum = bench_mix(sum, buffer[i]);
    return sum;
}

int main(void)
{
    static const uint32_t key[4] = {0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f};
    static const uint32_t plain[4] = {0x00112233, 0x44556677, 0x8899aabb, 0xccddeeff};
    uint32_t cipher[4];
    tables_init();
    key_expand(key);
    block_encrypt(plain, cipher);
    if (cipher[0] != 0x69c4e0d8 || cipher[3] != 0x70b4c55a) /* FIPS 197, C.1 */
        return 1;
    return bench_run(aes_run, INPUT_BYTES);
}
