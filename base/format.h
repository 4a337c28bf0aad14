/*
 * Text formatting without a libc: the part of printf that messages and dumps need.
 *
 *   %s %c %d %i %u %x %X %p %%    flags 0 and -    width and precision as a number or *
 *   lengths l, ll and z           precision for %s only: at most that many bytes are read
 *
 * The compiler checks arguments against the format. There are no floats, and no locale. Anything
 * else after a % is copied as it stands.
 */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Writes at most cap_bytes bytes including the terminating zero, which is always there unless
 * cap_bytes is 0. Returns the length that the whole text has, without the zero: it was cut when
 * that is cap_bytes or more. buf may be null when cap_bytes is 0.
 */
[[gnu::format(printf, 3, 4)]] size_t format(char *buf, size_t cap_bytes, const char *fmt, ...);

[[gnu::format(printf, 3, 0)]] size_t format_args(char *buf, size_t cap_bytes, const char *fmt,
                                                 va_list args);

#endif
