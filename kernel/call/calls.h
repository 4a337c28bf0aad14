/*
 * The kernel's calls, as calls.def declares them.
 */
#ifndef KERNEL_CALL_CALLS_H
#define KERNEL_CALL_CALLS_H

#include "base/status.h"
#include "kernel/embed.h"

#define CALLS_MODULE "tokamak_1"

/* Provides the call that is imported, last of the process's names. ERR_NOT_FOUND: it is none;
 * ERR_NO_MEMORY. */
MUST_CHECK status_t calls_provide(struct process *process, const struct engine_import *import);

/* Modules are compiled with code instead of calls of these (struct engine_template). */
void calls_put_templates(struct engine_options *options);
/* The call that an import's code stands for; null: it is a real call. */
native_fn call_inlined(const struct engine_module *contents, const struct engine_import *import);

#endif
