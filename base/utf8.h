/*
 * UTF-8, by the table of well-formed byte sequences of the Unicode standard (15.0, table 3-7):
 * no overlong forms, no surrogates, nothing above U+10FFFF. U+0000 is a character like any other.
 *
 * Called for each name in a module (wasm 2.0 §5.2.4), where nearly all of it is ASCII.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes from the start are well formed; less than len_bytes is where the first fault is. */
size_t utf8_valid_bytes(const uint8_t *text, size_t len_bytes);

/* Whether all of it is well formed. */
static inline bool utf8_is_valid(const uint8_t *text, size_t len_bytes)
{
    return utf8_valid_bytes(text, len_bytes) == len_bytes;
}

#endif
