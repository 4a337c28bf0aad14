/*
 * The <string.h> of code that is built without a libc: what the compiler itself may call.
 *
 * Whoever links supplies the functions: hosted it is the libc, on bare metal the machine. The
 * compiler expands the small ones in place. Parts that are built with a libc never see this file.
 */
#ifndef FREESTANDING_STRING_H
#define FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len_bytes);
void *memmove(void *dst, const void *src, size_t len_bytes);
void *memset(void *dst, int byte, size_t len_bytes);
int memcmp(const void *a, const void *b, size_t len_bytes);
size_t strlen(const char *text);

#endif
