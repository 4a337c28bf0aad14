/*
 * A dense set of small numbers: bit i of an array of 64-bit words, which the caller owns. All
 * functions over whole sets take the number of words; sets of one universe have equally many.
 *
 *     uint64_t *live = arena_zalloc(arena, bitset_words(n_values), sizeof *live);
 *     for (size_t i = bitset_next(live, words, 0); i < BITSET_END; i = bitset_next(live, words, i + 1))
 */
#ifndef BASE_BITSET_H
#define BASE_BITSET_H

#include <stddef.h>
#include <stdint.h>

#define BITSET_WORD_BITS 64u
#define BITSET_END SIZE_MAX /* bitset_next: no more members */

/* How many words hold n_bits members. */
static inline size_t bitset_words(size_t n_bits)
{
    return n_bits / BITSET_WORD_BITS + (n_bits % BITSET_WORD_BITS != 0);
}

static inline void bitset_set(uint64_t *set, size_t i)
{
    set[i / BITSET_WORD_BITS] |= UINT64_C(1) << (i % BITSET_WORD_BITS);
}

static inline void bitset_clear(uint64_t *set, size_t i)
{
    set[i / BITSET_WORD_BITS] &= ~(UINT64_C(1) << (i % BITSET_WORD_BITS));
}

static inline bool bitset_test(const uint64_t *set, size_t i)
{
    return (set[i / BITSET_WORD_BITS] >> (i % BITSET_WORD_BITS) & 1) != 0;
}

/* Sets bit i; true when it wasn't set before. */
static inline bool bitset_add(uint64_t *set, size_t i)
{
    bool is_new = !bitset_test(set, i);
    bitset_set(set, i);
    return is_new;
}

static inline void bitset_zero(uint64_t *set, size_t words)
{
    for (size_t w = 0; w < words; w++) {
        set[w] = 0;
    }
}

static inline void bitset_copy(uint64_t *dst, const uint64_t *src, size_t words)
{
    for (size_t w = 0; w < words; w++) {
        dst[w] = src[w];
    }
}

/* dst |= src; true when dst changed, which is what a dataflow loop asks. */
static inline bool bitset_union(uint64_t *dst, const uint64_t *src, size_t words)
{
    uint64_t changed = 0;
    for (size_t w = 0; w < words; w++) {
        changed |= src[w] & ~dst[w];
        dst[w] |= src[w];
    }
    return changed != 0;
}

/* dst &= src */
static inline void bitset_intersect(uint64_t *dst, const uint64_t *src, size_t words)
{
    for (size_t w = 0; w < words; w++) {
        dst[w] &= src[w];
    }
}

/* dst &= ~src */
static inline void bitset_subtract(uint64_t *dst, const uint64_t *src, size_t words)
{
    for (size_t w = 0; w < words; w++) {
        dst[w] &= ~src[w];
    }
}

static inline bool bitset_equal(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t w = 0; w < words; w++) {
        if (a[w] != b[w]) {
            return false;
        }
    }
    return true;
}

/* The number of members. */
static inline size_t bitset_count(const uint64_t *set, size_t words)
{
    size_t n = 0;
    for (size_t w = 0; w < words; w++) {
        n += (size_t)__builtin_popcountll(set[w]);
    }
    return n;
}

/* The smallest member that is at least `from`, or BITSET_END. */
static inline size_t bitset_next(const uint64_t *set, size_t words, size_t from)
{
    size_t w = from / BITSET_WORD_BITS;
    if (w >= words) {
        return BITSET_END;
    }
    uint64_t word = set[w] & (~UINT64_C(0) << (from % BITSET_WORD_BITS));
    while (word == 0) {
        if (++w == words) {
            return BITSET_END;
        }
        word = set[w];
    }
    return w * BITSET_WORD_BITS + (size_t)__builtin_ctzll(word);
}

#endif
