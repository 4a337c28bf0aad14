#ifndef ARCH_X86_64_SPACE_H
#define ARCH_X86_64_SPACE_H

#include "base/status.h"

/* Before the first arch_reserve. ERR_NO_MEMORY. */
MUST_CHECK status_t x86_space_start(void);

#endif
