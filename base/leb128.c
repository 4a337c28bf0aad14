/*
 * LEB128 integers of more than one byte: see leb128.h.
 *
 * `left` counts the bits of the integer that the bytes before haven't given yet. It is at most six
 * only at the last byte that is allowed, and that byte alone can be too large or too long; too
 * large is looked at first, as in the specification's own interpreter.
 */
#include "base/leb128.h"

status_t leb_read_unsigned(const uint8_t **pos, const uint8_t *end, unsigned bits, uint64_t *value)
{
    const uint8_t *at = *pos;
    uint64_t result = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned left = bits - shift;
        *pos = at;
        if (at >= end) {
            return ERR_TRUNCATED;
        }
        uint8_t byte = *at++;
        if (left < 7 && (byte & 0x7fu) >> left != 0) {
            return ERR_TOO_LARGE;
        }
        result |= (uint64_t)(byte & 0x7fu) << shift;
        if (byte < 0x80) {
            *pos = at;
            *value = result;
            return STATUS_OK;
        }
        if (left <= 7) {
            return ERR_TOO_LONG;
        }
    }
}

status_t leb_read_signed(const uint8_t **pos, const uint8_t *end, unsigned bits, int64_t *value)
{
    const uint8_t *at = *pos;
    uint64_t result = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned left = bits - shift;
        *pos = at;
        if (at >= end) {
            return ERR_TRUNCATED;
        }
        uint8_t byte = *at++;
        /* The sign bit and all above it, of the seven: all zeros or all ones. */
        uint8_t sign_mask = left < 7 ? (uint8_t)(0x7fu & ~((1u << (left - 1)) - 1)) : 0;
        if ((byte & sign_mask) != 0 && (byte & sign_mask) != sign_mask) {
            return ERR_TOO_LARGE;
        }
        result |= (uint64_t)(byte & 0x7fu) << shift;
        if (byte < 0x80) {
            if (shift < 57 && (byte & 0x40u) != 0) {
                result |= ~UINT64_C(0) << (shift + 7);
            }
            *pos = at;
            *value = (int64_t)result;
            return STATUS_OK;
        }
        if (left <= 7) {
            return ERR_TOO_LONG;
        }
    }
}
