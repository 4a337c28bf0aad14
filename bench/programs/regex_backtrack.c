/*
 * A backtracking matcher of regular expressions ( . [] [^] * + ? ^ $ ) that works on the pattern's
 * text: recursion, byte loads and branches that depend on data. Searches a generated log for some
 * patterns.
 */
#include <string.h>

#include "bench.h"

#define TEXT_BYTES (1 << 18)

static char text[TEXT_BYTES + 1];

/* The end of the single-character expression at the start of `re`. */
static const char *atom_end(const char *re)
{
    if (*re == '\\')
        return re + 2;
    if (*re != '[')
        return re + 1;
    for (re += 2; *re != ']'; re++)
        ;
    return re + 1;
}

static int class_has(const char *re, const char *end, char c)
{
    int negated = re[1] == '^';
    int found = 0;
    for (re += 1 + negated; re < end - 1; re++) {
        if (re[1] == '-' && re + 2 < end - 1) {
            found |= re[0] <= c && c <= re[2];
            re += 2;
        } else {
            found |= *re == c;
        }
    }
    return found != negated;
}

static int atom_matches(const char *re, const char *end, char c)
{
    if (c == 0)
        return 0;
    switch (*re) {
    case '.': return c != '\n';
    case '[': return class_has(re, end, c);
    case '\\': return re[1] == c;
    default: return *re == c;
    }
}

/* The end of the match of `re` at `s`, or NULL. */
static const char *match_here(const char *re, const char *s)
{
    for (;;) {
        if (*re == 0)
            return s;
        if (re[0] == '$' && re[1] == 0)
            return *s == '\n' || *s == 0 ? s : NULL;
        const char *end = atom_end(re);
        if (*end == '*' || *end == '+' || *end == '?') {
            const char *at = s;
            const char *limit = *end == '?' ? s + 1 : text + TEXT_BYTES;
            while (at < limit && atom_matches(re, end, *at))
                at++;
            for (; at >= s + (*end == '+'); at--) {
                const char *found = match_here(end + 1, at);
                if (found)
                    return found;
            }
            return NULL;
        }
        if (!atom_matches(re, end, *s))
            return NULL;
        re = end;
        s++;
    }
}

static uint64_t matches_sum(const char *re, const char *start, const char *end)
{
    uint64_t sum = 0;
    uint32_t count = 0;
    int anchored = *re == '^';
    for (const char *s = start; s < end;) {
        const char *found = NULL;
        if (!anchored || s == start || s[-1] == '\n')
            found = match_here(re + anchored, s);
        if (found) {
            sum = bench_mix(sum, (uint64_t)(found - s));
            count++;
        }
        s = found && found > s ? found : s + 1;
    }
    return bench_mix(sum, count);
}

static uint64_t regex_run(uint32_t len)
{
    static const char *const patterns[] = {
        "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+",
        "^GET /[a-z/]*\\.html",
        "e.*r.*o.*r",
        "[a-z]+@[a-z]+\\.[a-z]+",
        "status=[45][0-9]?[0-9]$",
        "x*x*x*y",
    };
    uint64_t sum = 0;
    for (uint32_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        sum = bench_mix(sum, matches_sum(patterns[i], text, text + len));
    return sum;
}

static uint32_t text_generate(void)
{
    uint32_t seed = 11, len = 0;
    while (len < TEXT_BYTES - 200) {
        uint32_t r = bench_rand(&seed);
        len += (uint32_t)sprintf(
            text + len, "%u.%u.%u.%u user%u@host.org\n%s /a/b/p%c.html%s status=%u\n", r & 255,
            r >> 8 & 255, r >> 16 & 255, r >> 24, r % 97, r % 3 ? "GET" : "POST",
            'a' + (int)(r % 26), r % 5 ? " xxxx ok" : " an error xxy", 200 + r % 5 * 100);
    }
    return len;
}

int main(void)
{
    return bench_run(regex_run, text_generate());
}
