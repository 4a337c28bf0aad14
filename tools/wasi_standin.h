/*
 * A stand-in for WASI, until the personality (DESIGN.md §6) is there.
 */
#ifndef TOOLS_WASI_STANDIN_H
#define TOOLS_WASI_STANDIN_H

#include "kernel/embed.h"

struct wasi_standin {
    const char *const *args; /* [n_args] */
    const char *const *env;  /* [n_env] NAME=VALUE */
    uint32_t n_args, n_env;
};

/* Makes wasi_snapshot_preview1 importable; the struct is kept by reference. */
MUST_CHECK status_t wasi_standin_provide(struct process *process, struct wasi_standin *wasi);

#endif
