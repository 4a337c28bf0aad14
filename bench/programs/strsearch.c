/* Searching strings in a text: byte by byte, by Horspool's skip table, and by a rolling hash. */
#include <string.h>

#include "bench.h"

#define TEXT_BYTES (1 << 19)

static uint8_t text[TEXT_BYTES];

static uint32_t count_plain(const uint8_t *needle, uint32_t len, uint32_t text_len)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i + len <= text_len; i++) {
        uint32_t j = 0;
        while (j < len && text[i + j] == needle[j])
            j++;
        found += j == len;
    }
    return found;
}

static uint32_t count_horspool(const uint8_t *needle, uint32_t len, uint32_t text_len)
{
    uint32_t skip[256], found = 0;
    for (uint32_t i = 0; i < 256; i++)
        skip[i] = len;
    for (uint32_t i = 0; i + 1 < len; i++)
        skip[needle[i]] = len - 1 - i;
    for (uint32_t i = 0; i + len <= text_len;) {
        uint8_t last = text[i + len - 1];
        if (last == needle[len - 1] && memcmp(text + i, needle, len - 1) == 0)
            found++;
        i += skip[last];
    }
    return found;
}

static uint32_t count_rolling(const uint8_t *needle, uint32_t len, uint32_t text_len)
{
    const uint32_t base = 257;
    uint32_t wanted = 0, hash = 0, top = 1, found = 0;
    for (uint32_t i = 0; i < len; i++) {
        wanted = wanted * base + needle[i];
        hash = hash * base + text[i];
        top = i ? top * base : 1;
    }
    for (uint32_t i = 0;; i++) {
        if (hash == wanted && memcmp(text + i, needle, len) == 0)
            found++;
        if (i + len >= text_len)
            return found;
        hash = (hash - text[i] * top) * base + text[i + len];
    }
}

static uint64_t strsearch_run(uint32_t len)
{
    uint64_t sum = 0;
    for (uint32_t needle_len = 2; needle_len < 40; needle_len += 6) {
        const uint8_t *needle = text + needle_len * 1009;
        sum = bench_mix(sum, count_plain(needle, needle_len, len));
        sum = bench_mix(sum, count_horspool(needle, needle_len, len));
        sum = bench_mix(sum, count_rolling(needle, needle_len, len));
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 17;
    for (uint32_t i = 0; i < TEXT_BYTES; i++)
        text[i] = (uint8_t)("etaoin shrdlu"[(bench_rand(&seed) >> 8) % 13]);
    return bench_run(strsearch_run, TEXT_BYTES);
}
