/* Base64 there and back: table lookups, three bytes against four characters, shifts and masks. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define INPUT_BYTES (3 << 18)
#define INVALID 0xff

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint8_t values[256];
static uint8_t input[INPUT_BYTES], decoded[INPUT_BYTES];
static char encoded[INPUT_BYTES / 3 * 4 + 4];

static uint32_t base64_encode(char *out, const uint8_t *in, uint32_t len_bytes)
{
    char *at = out;
    uint32_t i = 0;
    for (; i + 3 <= len_bytes; i += 3) {
        uint32_t bits = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        *at++ = alphabet[bits >> 18];
        *at++ = alphabet[bits >> 12 & 63];
        *at++ = alphabet[bits >> 6 & 63];
        *at++ = alphabet[bits & 63];
    }
    if (i < len_bytes) {
        int has_two = i + 2 == len_bytes;
        uint32_t bits = (uint32_t)in[i] << 16 | (has_two ? (uint32_t)in[i + 1] << 8 : 0);
        *at++ = alphabet[bits >> 18];
        *at++ = alphabet[bits >> 12 & 63];
        *at++ = has_two ? alphabet[bits >> 6 & 63] : '=';
        *at++ = '=';
    }
    return (uint32_t)(at - out);
}

static uint32_t base64_decode(uint8_t *out, const char *in, uint32_t len)
{
    uint8_t *at = out;
    uint32_t bits = 0, have = 0;
    for (uint32_t i = 0; i < len && in[i] != '='; i++) {
        uint8_t value = values[(uint8_t)in[i]];
        if (value == INVALID)
            return 0;
        bits = bits << 6 | value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *at++ = (uint8_t)(bits >> have);
        }
    }
    return (uint32_t)(at - out);
}

static uint64_t base64_run(uint32_t len_bytes)
{
    uint64_t sum = 0;
    for (uint32_t times = 0; times < 6; times++) {
        uint32_t bytes = len_bytes - times;
        uint32_t len = base64_encode(encoded, input, bytes);
        if (base64_decode(decoded, encoded, len) != bytes || memcmp(decoded, input, bytes) != 0)
            abort();
        for (uint32_t i = 0; i < len; i += 101)
            sum = bench_mix(sum, (uint8_t)encoded[i]);
    }
    return sum;
}

int main(void)
{
    memset(values, INVALID, sizeof values);
    for (uint32_t i = 0; i < 64; i++)
        values[(uint8_t)alphabet[i]] = (uint8_t)i;
    uint32_t seed = 3;
    for (uint32_t i = 0; i < INPUT_BYTES; i++)
        input[i] = (uint8_t)(bench_rand(&seed) >> 10);
    return bench_run(base64_run, INPUT_BYTES);
}
