/*
 * Starting a hosted system: the kernel as a part of this Linux process. What can then be asked of
 * it is kernel/embed.h.
 */
#ifndef ARCH_LINUX_HOSTED_H
#define ARCH_LINUX_HOSTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct hosted_options {
    size_t stack_bytes; /* of guests; 0: the kernel's default */
    bool has_canaries;  /* watch the neighbourhood of every memory, see kernel_canaries_check */
};

/* Once, on the thread that will run guests. */
MUST_CHECK status_t hosted_start(const struct hosted_options *options);
void hosted_stop(void);

#endif
