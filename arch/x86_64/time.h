#ifndef ARCH_X86_64_TIME_H
#define ARCH_X86_64_TIME_H

#include <stdint.h>

/* Notes when the machine started. */
void x86_time_init(void);
uint64_t x86_time_start_cycles(void);

#endif
