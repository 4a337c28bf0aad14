/*
 * Arithmetic on numbers that somebody else chose: sizes, offsets and counts from a module, a file
 * or a message. A sum that may wrap is never compared; it is asked here whether it holds.
 */
#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

#include <stddef.h>
#include <stdint.h>

/* Whether the bytes [off, off + len) lie wholly within [0, size). An empty run may lie at the end. */
[[nodiscard]] static inline bool range_ok(uint64_t off, uint64_t len, uint64_t size)
{
    return off <= size && len <= size - off;
}

/* True and the result in *out, or false when it doesn't fit; *out is then the wrapped value. */
[[nodiscard]] static inline bool add_ok_u32(uint32_t a, uint32_t b, uint32_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

[[nodiscard]] static inline bool add_ok_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

[[nodiscard]] static inline bool add_ok_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

[[nodiscard]] static inline bool mul_ok_u32(uint32_t a, uint32_t b, uint32_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

[[nodiscard]] static inline bool mul_ok_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

[[nodiscard]] static inline bool mul_ok_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* value rounded up to a multiple of align, a power of two; false when that doesn't fit. */
[[nodiscard]] static inline bool align_ok_u64(uint64_t value, uint64_t align, uint64_t *out)
{
    if (!add_ok_u64(value, align - 1, out)) {
        return false;
    }
    *out &= ~(align - 1);
    return true;
}

#endif
