/*
 * Driving the compiler: batches of functions on all CPUs, appended in order.
 */
#ifndef KERNEL_PROCESS_COMPILE_H
#define KERNEL_PROCESS_COMPILE_H

#include "kernel/cpu.h"
#include "kernel/embed.h"

#define COMPILE_THREADS_MAX 64u

/* Working memory, kept from one compilation to the next. */
struct compile_worker {
    struct arena work; /* for one batch at a time; made when it is first needed */
    struct arena scratch;
    struct arena kept;   /* results that wait for their turn */
    uint64_t used_bytes; /* the most of both that a batch of this compilation used */
};

struct compile_space {
    struct arena side; /* the module, and tables of the whole image */
    struct compile_worker workers[COMPILE_THREADS_MAX];
};

MUST_CHECK status_t compile_space_get(struct cpu *cpu, struct compile_space **out);
/* Empties it; large parts go back to the machine. Returns the most that was in use. */
uint64_t compile_space_reset(struct compile_space *space);
void compile_space_free(struct cpu *cpu);

/* Compiles all batches into *compile, on up to n_threads CPUs (0: all). The error is the one that
 * one thread would have found first. *n_threads_used is set. */
MUST_CHECK status_t compile_run(struct engine_compile *compile, struct compile_space *space,
                                uint32_t n_threads, uint32_t *n_threads_used,
                                struct engine_error *error);

#endif
