/*
 * The console, and the end of the machine.
 */
#ifndef ARCH_X86_64_PANIC_H
#define ARCH_X86_64_PANIC_H

#include <stdint.h>

struct x86_frame;

/* A line on the console. */
[[gnu::format(printf, 1, 2)]] void x86_log_line(const char *text, ...);

/* Stops the machine: says why, and where. */
[[noreturn, gnu::format(printf, 1, 2)]] void x86_panic(const char *text, ...);
/* The same for a fault, with the registers that were. addr: of the access, or 0. */
[[noreturn]] void x86_panic_frame(const struct x86_frame *frame, uint64_t addr, const char *text);

/* Ends the machine with an exit code, which is the last line on the console. */
[[noreturn]] void x86_machine_exit(int32_t code);
#define EXIT_PANIC 127

#endif
