/*
 * The kernel's calls, as calls.def declares them.
 */
#ifndef KERNEL_CALL_CALLS_H
#define KERNEL_CALL_CALLS_H

#include "base/status.h"

struct process;

#define CALLS_MODULE "tokamak_1"

/* Makes them importable in a process. ERR_NO_MEMORY. */
MUST_CHECK status_t calls_provide(struct process *process);

#endif
