#ifndef ARCH_X86_64_TIME_H
#define ARCH_X86_64_TIME_H

#include <stdint.h>

/* Notes when the machine started. */
void time_init(void);
uint64_t time_start_cycles(void);

#endif
