/*
 * Reading the binary format (wasm 2.0 §5): a cursor over bytes that somebody else chose.
 *
 * Every function either reads one item and moves behind it, or returns ERR_TRUNCATED,
 * ERR_TOO_LONG or ERR_TOO_LARGE with pos at the byte that is wrong. These three are all ways of
 * being malformed; reader_fail() turns them into the error that the embedder sees.
 *
 * Nothing is read at or behind `end`. A section or a body gets a reader of its own, with an end
 * of its own and the same start, so that offsets always count from the start of the module.
 */
#ifndef ENGINE_WASM_READER_H
#define ENGINE_WASM_READER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/leb128.h"
#include "base/status.h"

struct reader {
    const uint8_t *pos, *end;
    const uint8_t *start; /* of the module: what offsets count from */
};

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->pos);
}

static inline bool reader_has(const struct reader *r, size_t len_bytes)
{
    return len_bytes <= reader_left(r);
}

/* Where the reader is, in bytes from the start of the module. */
static inline uint64_t reader_offset(const struct reader *r)
{
    return (uint64_t)(r->pos - r->start);
}

MUST_CHECK static inline status_t reader_u8(struct reader *r, uint8_t *value)
{
    if (r->pos == r->end) {
        return ERR_TRUNCATED;
    }
    *value = *r->pos++;
    return STATUS_OK;
}

MUST_CHECK static inline status_t reader_u32(struct reader *r, uint32_t *value)
{
    return leb_u32(&r->pos, r->end, value);
}

MUST_CHECK static inline status_t reader_u64(struct reader *r, uint64_t *value)
{
    return leb_u64(&r->pos, r->end, value);
}

MUST_CHECK static inline status_t reader_s32(struct reader *r, int32_t *value)
{
    return leb_s32(&r->pos, r->end, value);
}

MUST_CHECK static inline status_t reader_s33(struct reader *r, int64_t *value)
{
    return leb_s33(&r->pos, r->end, value);
}

MUST_CHECK static inline status_t reader_s64(struct reader *r, int64_t *value)
{
    return leb_s64(&r->pos, r->end, value);
}

/* len_bytes bytes in place. */
MUST_CHECK static inline status_t reader_bytes(struct reader *r, size_t len_bytes,
                                               const uint8_t **bytes)
{
    if (!reader_has(r, len_bytes)) {
        return ERR_TRUNCATED;
    }
    *bytes = r->pos;
    r->pos += len_bytes;
    return STATUS_OK;
}

/* The bits of an f32 and an f64 (little-endian, wasm 2.0 §5.2.3), and of a v128. */
MUST_CHECK static inline status_t reader_f32(struct reader *r, uint32_t *bits)
{
    if (!reader_has(r, sizeof *bits)) {
        return ERR_TRUNCATED;
    }
    memcpy(bits, r->pos, sizeof *bits);
    r->pos += sizeof *bits;
    return STATUS_OK;
}

MUST_CHECK static inline status_t reader_f64(struct reader *r, uint64_t *bits)
{
    if (!reader_has(r, sizeof *bits)) {
        return ERR_TRUNCATED;
    }
    memcpy(bits, r->pos, sizeof *bits);
    r->pos += sizeof *bits;
    return STATUS_OK;
}

MUST_CHECK static inline status_t reader_v128(struct reader *r, uint8_t value[static 16])
{
    if (!reader_has(r, 16)) {
        return ERR_TRUNCATED;
    }
    memcpy(value, r->pos, 16);
    r->pos += 16;
    return STATUS_OK;
}

#endif
