/*
 * CRC-32 by one table (a chain of byte, xor, load) and by eight tables (eight bytes a step),
 * Adler-32.
 */
#include <string.h>

#include "bench.h"

#define INPUT_BYTES (1 << 20)

static uint32_t tables[8][256];
static uint8_t input[INPUT_BYTES];

static void tables_init(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        tables[0][i] = crc;
    }
    for (int t = 1; t < 8; t++)
        for (uint32_t i = 0; i < 256; i++)
            tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 255];
}

static uint32_t crc_bytes(uint32_t crc, const uint8_t *p, uint32_t len_bytes)
{
    for (uint32_t i = 0; i < len_bytes; i++)
        crc = crc >> 8 ^ tables[0][(crc ^ p[i]) & 255];
    return crc;
}

static uint32_t crc_eights(uint32_t crc, const uint8_t *p, uint32_t len_bytes)
{
    for (uint32_t i = 0; i < len_bytes; i += 8) {
        uint32_t low, high;
        memcpy(&low, p + i, sizeof low);
        memcpy(&high, p + i + 4, sizeof high);
        low ^= crc;
        crc = tables[7][low & 255] ^ tables[6][low >> 8 & 255] ^ tables[5][low >> 16 & 255] ^
              tables[4][low >> 24] ^ tables[3][high & 255] ^ tables[2][high >> 8 & 255] ^
              tables[1][high >> 16 & 255] ^ tables[0][high >> 24];
    }
    return crc;
}

static uint32_t adler32(const uint8_t *p, uint32_t len_bytes)
{
    uint32_t a = 1, b = 0;
    for (uint32_t i = 0; i < len_bytes;) {
        uint32_t end = len_bytes - i < 5552 ? len_bytes : i + 5552;
        for (; i < end; i++) {
            a += p[i];
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    return b << 16 | a;
}

static uint64_t crc32_run(uint32_t len_bytes)
{
    uint64_t sum = 0;
    for (uint32_t times = 0; times < 4; times++) {
        sum = bench_mix(sum, ~crc_bytes(~times, input, len_bytes));
        for (uint32_t again = 0; again < 3; again++)
            sum = bench_mix(sum, ~crc_eights(~(times + again), input, len_bytes));
        sum = bench_mix(sum, adler32(input + times, len_bytes - times));
    }
    return sum;
}

int main(void)
{
    tables_init();
    if (~crc_bytes(UINT32_MAX, (const uint8_t *)"123456789", 9) != 0xcbf43926)
        return 1;
    uint32_t seed = 2;
    for (uint32_t i = 0; i < INPUT_BYTES; i++)
        input[i] = (uint8_t)(bench_rand(&seed) >> 11);
    return bench_run(crc32_run, INPUT_BYTES);
}
