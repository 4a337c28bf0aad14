/*
 * LEB128 integers, bounded, with the rules of WebAssembly (wasm 2.0 §5.2.2):
 *
 *   - an N-bit integer takes at most ceil(N / 7) bytes             else ERR_TOO_LONG
 *   - the bits of the last byte beyond N are zero (unsigned) or
 *     copies of the sign bit (signed)                              else ERR_TOO_LARGE
 *   - no byte at or after `end` is read                            else ERR_TRUNCATED
 *
 * Padding below the length limit is allowed: linkers write indices in five bytes. On success *pos
 * is behind the integer; on failure it is at the byte that is wrong, for the error's offset, and
 * *value is as it was.
 *
 * The callers are the module decoder, where most integers have one byte: that case is inline.
 */
#ifndef BASE_LEB128_H
#define BASE_LEB128_H

#include <stdint.h>

#include "base/status.h"

/* Any length; bits is N. The signed one returns the value sign-extended to 64 bits. */
MUST_CHECK status_t leb_read_unsigned(const uint8_t **pos, const uint8_t *end, unsigned bits,
                                      uint64_t *value);
MUST_CHECK status_t leb_read_signed(const uint8_t **pos, const uint8_t *end, unsigned bits,
                                    int64_t *value);

/* Whether one byte at pos is a whole integer. */
static inline bool leb_is_short(const uint8_t *pos, const uint8_t *end)
{
    return pos < end && *pos < 0x80;
}

/* The value of a one-byte signed integer: seven bits, the top one its sign. */
static inline int32_t leb_short_signed(uint8_t byte)
{
    return (int32_t)(byte ^ 0x40u) - 0x40;
}

MUST_CHECK static inline status_t leb_u32(const uint8_t **pos, const uint8_t *end, uint32_t *value)
{
    if (leb_is_short(*pos, end)) {
        *value = *(*pos)++;
        return STATUS_OK;
    }
    uint64_t wide;
    status_t status = leb_read_unsigned(pos, end, 32, &wide);
    if (status == STATUS_OK) {
        *value = (uint32_t)wide;
    }
    return status;
}

MUST_CHECK static inline status_t leb_u64(const uint8_t **pos, const uint8_t *end, uint64_t *value)
{
    if (leb_is_short(*pos, end)) {
        *value = *(*pos)++;
        return STATUS_OK;
    }
    return leb_read_unsigned(pos, end, 64, value);
}

MUST_CHECK static inline status_t leb_s32(const uint8_t **pos, const uint8_t *end, int32_t *value)
{
    if (leb_is_short(*pos, end)) {
        *value = leb_short_signed(*(*pos)++);
        return STATUS_OK;
    }
    int64_t wide;
    status_t status = leb_read_signed(pos, end, 32, &wide);
    if (status == STATUS_OK) {
        *value = (int32_t)wide;
    }
    return status;
}

/* 33 bits: the block type, which is a type index or a negative one-byte code (wasm 2.0 §5.4.1). */
MUST_CHECK static inline status_t leb_s33(const uint8_t **pos, const uint8_t *end, int64_t *value)
{
    if (leb_is_short(*pos, end)) {
        *value = leb_short_signed(*(*pos)++);
        return STATUS_OK;
    }
    return leb_read_signed(pos, end, 33, value);
}

MUST_CHECK static inline status_t leb_s64(const uint8_t **pos, const uint8_t *end, int64_t *value)
{
    if (leb_is_short(*pos, end)) {
        *value = leb_short_signed(*(*pos)++);
        return STATUS_OK;
    }
    return leb_read_signed(pos, end, 64, value);
}

#endif
