/*
 * The <assert.h> of code that is built without a libc: assertions of our own promises.
 *
 * Whoever links supplies __assert_fail: hosted it is the libc's (hence the name), on bare metal
 * the kernel's panic. Assertions stay on in the release build.
 */
#ifndef FREESTANDING_ASSERT_H
#define FREESTANDING_ASSERT_H

[[noreturn]] void __assert_fail(const char *text, const char *file, unsigned line,
                                const char *function);

#define assert(claim) ((claim) ? (void)0 : __assert_fail(#claim, __FILE__, __LINE__, __func__))

#endif
