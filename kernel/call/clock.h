/*
 * The clocks that guests read: by native functions, or by templates, which do the same in the
 * guest's own code.
 */
#ifndef KERNEL_CALL_CLOCK_H
#define KERNEL_CALL_CLOCK_H

#include <stdint.h>

#include "engine/engine.h"

/* Makes them ready, at the first call: takes some milliseconds. Before that they may not be read. */
void clock_start(void);

/* What templates read: the .shared of every instance. */
const void *clock_shared(void);

/* Native functions, entered by compiled code directly; monotonic nanoseconds both. */
uint64_t call_time_coarse(void);
uint64_t call_time_precise(void);

#define CLOCK_COARSE_INSTS 1
#define CLOCK_PRECISE_INSTS 9
extern const struct engine_template_inst clock_coarse_template[CLOCK_COARSE_INSTS];
extern const struct engine_template_inst clock_precise_template[CLOCK_PRECISE_INSTS];

#endif
