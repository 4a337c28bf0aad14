/*
 * Loops over bytes as small programs have them, written out: length, copy, compare, find, upper
 * case, reverse, count of lines; and the same by libc's memcpy, memset and memmove with odd
 * lengths.
 */
#include <string.h>

#include "bench.h"

#define TEXT_BYTES (1 << 16)

static char text[TEXT_BYTES], copy[TEXT_BYTES];

static uint32_t string_len(const char *s)
{
    uint32_t len = 0;
    while (s[len])
        len++;
    return len;
}

static void string_copy(char *dst, const char *src)
{
    while ((*dst++ = *src++))
        ;
}

static int string_compare(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a - (uint8_t)*b;
}

static void string_upper(char *s)
{
    for (; *s; s++)
        if (*s >= 'a' && *s <= 'z')
            *s = (char)(*s - 32);
}

static void string_reverse(char *s, uint32_t len)
{
    for (uint32_t i = 0, j = len - 1; i < j; i++, j--) {
        char held = s[i];
        s[i] = s[j];
        s[j] = held;
    }
}

static uint32_t lines_count(const char *s, uint32_t len)
{
    uint32_t lines = 0;
    for (uint32_t i = 0; i < len; i++)
        lines += s[i] == '\n';
    return lines;
}

static uint32_t words_count(const char *s)
{
    uint32_t words = 0;
    int in_word = 0;
    for (; *s; s++) {
        int is_blank = *s == ' ' || *s == '\n' || *s == '\t';
        words += is_blank && in_word;
        in_word = !is_blank;
    }
    return words + (uint32_t)in_word;
}

/* Many copies of 1 to 64 bytes, as programs that handle names and small records make them. */
static void blocks_copy(uint32_t len)
{
    uint32_t seed = 1;
    for (uint32_t i = 0; i + 200 < len;) {
        uint32_t block = 1 + bench_rand(&seed) % 64;
        memcpy(copy + i, text + len - i - block - 1, block);
        memmove(copy + i + 3, copy + i, block);
        memset(copy + i + block, 'z', block / 4);
        i += block;
    }
}

static uint64_t bytes_run(uint32_t times)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < times; i++) {
        uint32_t len = string_len(text + i);
        string_copy(copy, text + i);
        sum += (uint32_t)string_compare(copy, text + i);
        string_upper(copy);
        string_reverse(copy, len);
        sum = bench_mix(sum, lines_count(copy, len));
        sum = bench_mix(sum, words_count(copy));
        blocks_copy(len);
        sum = bench_mix(sum, (uint8_t)copy[len / 3]);
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 23;
    for (uint32_t i = 0; i < TEXT_BYTES - 1; i++)
        text[i] = "abcdefgh IJKL\tmnop\nqrst uvw"[(bench_rand(&seed) >> 7) % 27];
    return bench_run(bytes_run, 40);
}
