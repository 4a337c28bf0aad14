/*
 * SHA-256 (FIPS 180-4 §6.2): the name of a module in the cache of compiled code.
 *
 * Use sha256() for one run of bytes, or init, add as often as needed, and finish. It is plain
 * portable C, not hardened against timing: what is hashed here is never secret.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32u
#define SHA256_BLOCK_BYTES 64u

struct sha256 {
    uint32_t state[8];
    uint64_t len_bytes;                /* of all that was added */
    uint8_t block[SHA256_BLOCK_BYTES]; /* the part of a block at the end, len_bytes % 64 bytes */
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t len_bytes);

/* Writes the digest; sha must be initialised again before its next use. */
void sha256_finish(struct sha256 *sha, uint8_t digest[static SHA256_BYTES]);

void sha256(const void *bytes, size_t len_bytes, uint8_t digest[static SHA256_BYTES]);

#endif
