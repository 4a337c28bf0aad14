/*
 * The clocks that guests read.
 */
#ifndef KERNEL_CALL_CLOCK_H
#define KERNEL_CALL_CLOCK_H

#include <stdint.h>

/* Makes them ready, at the first call: takes some milliseconds. Before that they may not be read. */
void clock_start(void);

/* Native functions, entered by compiled code directly; monotonic nanoseconds both. */
uint64_t call_time_coarse(void);
uint64_t call_time_precise(void);

#endif
