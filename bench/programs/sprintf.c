/*
 * Building strings: a growing buffer, numbers and words formatted into it by snprintf, by our own
 * conversion of integers, and by appending; then parsed again with strtol and split. Runs the libc
 * of each side, so part of the difference is the libc's.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct text {
    char *bytes;
    uint32_t len, room;
};

static void text_append(struct text *t, const char *bytes, uint32_t len)
{
    if (t->len + len + 1 > t->room) {
        while (t->len + len + 1 > t->room)
            t->room = t->room ? 2 * t->room : 64;
        t->bytes = realloc(t->bytes, t->room);
        if (!t->bytes)
            abort();
    }
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->bytes[t->len] = 0;
}

static void text_append_number(struct text *t, uint32_t n)
{
    char digits[10];
    uint32_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    text_append(t, digits + at, (uint32_t)sizeof digits - at);
}

static void record_append(struct text *t, uint32_t id, uint32_t value)
{
    char line[96];
    int len = snprintf(line, sizeof line, "%05u|%-8s|%08x|%+d|", id, id % 3 ? "even" : "third",
                       value, (int)(value % 2001) - 1000);
    text_append(t, line, (uint32_t)len);
    text_append_number(t, value);
    text_append(t, "\n", 1);
}

/* Sums the fields of all lines, each by its own base. */
static uint64_t text_sum(const struct text *t)
{
    uint64_t sum = 0;
    for (const char *line = t->bytes; *line;) {
        char *end;
        sum += strtoul(line, &end, 10);
        const char *field = end + 1;
        field = strchr(field, '|') + 1;
        sum = bench_mix(sum, strtoul(field, &end, 16));
        sum += (uint64_t)(int64_t)strtol(end + 1, &end, 10);
        sum = bench_mix(sum, strtoul(end + 1, &end, 10));
        line = end + 1;
    }
    return sum;
}

static uint64_t sprintf_run(uint32_t lines)
{
    struct text t = {0};
    uint32_t seed = 14;
    for (uint32_t i = 0; i < lines; i++)
        record_append(&t, i, bench_rand(&seed));
    uint64_t sum = bench_mix(text_sum(&t), t.len);
    free(t.bytes);
    return sum;
}

int main(void)
{
    return bench_run(sprintf_run, 40000);
}
