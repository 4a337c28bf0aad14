/*
 * What the compiler calls by itself: words where it can, so that it is as fast under emulation,
 * where string instructions go byte by byte. Built so that no loop becomes a call of itself.
 */
#include <stdint.h>
#include <string.h>

/* Words that lie anywhere. */
typedef uint64_t __attribute__((aligned(1), may_alias)) word_t;

#define WORD sizeof(word_t)

void *memcpy(void *restrict dst, const void *restrict src, size_t len_bytes)
{
    return memmove(dst, src, len_bytes);
}

static void copy_up(uint8_t *to, const uint8_t *from, size_t len_bytes)
{
    size_t n = len_bytes / WORD;
#pragma clang loop unroll_count(8)
    for (size_t i = 0; i < n; i++) {
        ((word_t *)to)[i] = ((const word_t *)from)[i];
    }
    for (size_t i = n * WORD; i < len_bytes; i++) {
        to[i] = from[i];
    }
}

static void copy_down(uint8_t *to, const uint8_t *from, size_t len_bytes)
{
    for (; len_bytes >= WORD; len_bytes -= WORD) {
        *(word_t *)(to + len_bytes - WORD) = *(const word_t *)(from + len_bytes - WORD);
    }
    while (len_bytes-- > 0) {
        to[len_bytes] = from[len_bytes];
    }
}

void *memmove(void *dst, const void *src, size_t len_bytes)
{
    if ((uint64_t)dst - (uint64_t)src >= len_bytes) {
        copy_up(dst, src, len_bytes);
    } else {
        copy_down(dst, src, len_bytes);
    }
    return dst;
}

void *memset(void *dst, int byte, size_t len_bytes)
{
    uint8_t *to = dst;
    uint64_t word = UINT64_C(0x0101010101010101) * (uint8_t)byte;
    for (; len_bytes >= WORD; len_bytes -= WORD, to += WORD) {
        *(word_t *)to = word;
    }
    while (len_bytes-- > 0) {
        *to++ = (uint8_t)byte;
    }
    return dst;
}

int memcmp(const void *a, const void *b, size_t len_bytes)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < len_bytes; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

int bcmp(const void *a, const void *b, size_t len_bytes);
int bcmp(const void *a, const void *b, size_t len_bytes)
{
    return memcmp(a, b, len_bytes);
}

size_t strlen(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0') {
        n++;
    }
    return n;
}
