/*
 * A fast hash for tables inside one run: value numbering, symbol maps. Not for anything that a
 * guest may attack by choosing keys, and not stable between versions: nothing stores it.
 *
 * The mix is a multiplication by an odd constant between two xor-shifts, which spreads the low
 * bits of a key up by the product and its high bits down by the shift, so that both a mask and a
 * top-bits index see all of the key.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_MULTIPLIER UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio, odd */

/* One 64-bit key, well mixed. */
static inline uint64_t hash_mix(uint64_t key)
{
    key ^= key >> 32;
    key *= HASH_MULTIPLIER;
    key ^= key >> 29;
    key *= HASH_MULTIPLIER;
    return key ^ (key >> 32);
}

/* A running hash: hash = hash_add(hash, next) for each part of a key, from any start value. */
static inline uint64_t hash_add(uint64_t hash, uint64_t next)
{
    return hash_mix(((hash << 7) | (hash >> 57)) ^ next);
}

/* len_bytes bytes, read in words. */
static inline uint64_t hash_bytes(const void *bytes, size_t len_bytes)
{
    const uint8_t *from = bytes;
    uint64_t hash = len_bytes;
    uint64_t word;
    for (; len_bytes >= sizeof word; from += sizeof word, len_bytes -= sizeof word) {
        __builtin_memcpy(&word, from, sizeof word);
        hash = hash_add(hash, word);
    }
    word = 0;
    for (size_t i = 0; i < len_bytes; i++) {
        word |= (uint64_t)from[i] << (8 * i);
    }
    return hash_add(hash, word);
}

#endif
