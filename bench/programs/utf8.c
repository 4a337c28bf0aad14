/*
 * UTF-8: checks a text by the rules (no overlong forms, no surrogates), decodes it to code points,
 * counts kinds of letters, and encodes it again. Nested byte tests with much-taken and rarely taken
 * branches.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define POINTS 200000
#define BAD UINT32_MAX

static uint32_t points[POINTS], decoded[POINTS];
static uint8_t text[4 * POINTS + 4];

static uint8_t *point_encode(uint8_t *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (uint8_t)point;
        return out;
    }
    if (point < 0x800) {
        *out++ = (uint8_t)(0xc0 | point >> 6);
    } else {
        if (point < 0x10000) {
            *out++ = (uint8_t)(0xe0 | point >> 12);
        } else {
            *out++ = (uint8_t)(0xf0 | point >> 18);
            *out++ = (uint8_t)(0x80 | (point >> 12 & 63));
        }
        *out++ = (uint8_t)(0x80 | (point >> 6 & 63));
    }
    *out++ = (uint8_t)(0x80 | (point & 63));
    return out;
}

static uint32_t point_decode(const uint8_t **in, const uint8_t *end)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *p = *in;
    uint32_t lead = *p++;
    if (lead < 0x80) {
        *in = p;
        return lead;
    }
    uint32_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || (uint32_t)(end - p) < more)
        return BAD;
    uint32_t point = lead & (0x3f >> more);
    for (uint32_t i = 0; i < more; i++) {
        if ((*p & 0xc0) != 0x80)
            return BAD;
        point = point << 6 | (*p++ & 0x3f);
    }
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return BAD;
    *in = p;
    return point;
}

static uint64_t utf8_run(uint32_t times)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < times; n++) {
        uint8_t *end = text;
        for (uint32_t i = 0; i < POINTS; i++)
            end = point_encode(end, points[i]);
        uint32_t count = 0, letters = 0;
        for (const uint8_t *at = text; at < end;) {
            uint32_t point = point_decode(&at, end);
            if (point == BAD)
                abort();
            letters += (point | 32) - 'a' < 26;
            decoded[count++] = point;
        }
        if (count != POINTS || memcmp(points, decoded, sizeof points) != 0)
            abort();
        sum = bench_mix(sum, (uint64_t)(end - text) * letters);
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 27;
    for (uint32_t i = 0; i < POINTS; i++) {
        uint32_t r = bench_rand(&seed), kind = r % 16;
        uint32_t within = r >> 8;
        points[i] = kind < 11   ? 32 + within % 95
                    : kind < 13 ? 0x80 + within % 0x700
                    : kind < 15 ? 0x4e00 + within % 0x5000
                                : 0x1f300 + within % 0x300;
    }
    return bench_run(utf8_run, 8);
}
