/* Faults of the hosted machine. */
#ifndef ARCH_LINUX_KERN_FAULT_H
#define ARCH_LINUX_KERN_FAULT_H

#include "base/status.h"

/* From here on faults of this thread reach kernel_fault. */
MUST_CHECK status_t fault_start(void);
void fault_stop(void);

#endif
