/*
 * Input for the compressors: a text like a log with its repetitions, and stretches that don't
 * compress. Generated, so that nothing is read and each build sees the same bytes.
 */
#ifndef BENCH_TEXT_H
#define BENCH_TEXT_H

#include <stdint.h>

#include "bench.h"

static void text_generate(uint8_t *out, uint32_t len_bytes)
{
    static const char *const words[] = {
        "request ",    "response ",   "from ",   "client ",   "to ",      "server ",
        "status=200 ", "status=404 ", "took ",   "queue ",    "worker-7", "GET /",
        "index",       ".html ",      "error: ", "retry\n",   "the ",     "of ",
        "and ",        "value ",      "missing", "\n[INFO] ",
    };
    uint32_t seed = 123456789, at = 0;
    while (at < len_bytes) {
        uint32_t r = bench_rand(&seed);
        if (r % 16 == 0) {
            for (uint32_t i = 0; i < r >> 26 && at < len_bytes; i++)
                out[at++] = (uint8_t)(bench_rand(&seed) >> 11);
        } else if (r % 16 < 4) {
            for (uint32_t n = r >> 8; n && at < len_bytes; n /= 10)
                out[at++] = (uint8_t)('0' + n % 10);
        } else {
            const char *word = words[(r >> 8) % (sizeof words / sizeof *words)];
            while (*word && at < len_bytes)
                out[at++] = (uint8_t)*word++;
        }
    }
}

/* A checksum of bytes that reads all of them. */
static uint64_t bytes_sum(const uint8_t *bytes, uint64_t len_bytes)
{
    uint64_t sum = len_bytes;
    for (uint64_t i = 0; i < len_bytes; i += 16)
        sum = bench_mix(sum, bytes[i]);
    return sum;
}

#endif
