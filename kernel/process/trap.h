/*
 * Activations of guest code and how they end: by returning, or by a trap. There is one trap path.
 * A fault of guest code (kernel_fault) and a helper or host function that refuses (trap_raise)
 * both note kind and place in the activation and land it; the backtrace is made afterwards, from
 * the abandoned stack, by func_call.
 */
#ifndef KERNEL_PROCESS_TRAP_H
#define KERNEL_PROCESS_TRAP_H

#include "kernel/process/process.h"

/* A place in guest code, and the stack there. */
struct guest_frame {
    uint64_t pc;
    uint64_t sp;
    bool is_return; /* pc is where a call returns to, not where something happened */
};

/* In a function that guest code calls: where from. */
#define GUEST_FRAME()                                                                              \
    ((struct guest_frame){(uint64_t)__builtin_return_address(0), (uint64_t)__builtin_dwarf_cfa(),  \
                          true})

struct activation {
    struct arch_activation *landing; /* where its end comes back to */
    struct activation *outer;
    struct process *process;
    struct stack *stack;
    enum engine_trap kind; /* with the rest: how it ended, if by a trap */
    status_t status;
    struct guest_frame frame;
};

/* Ends the innermost activation. status: for TRAP_HOST. */
[[noreturn]] void trap_raise(enum engine_trap kind, status_t status, struct guest_frame frame);

/* The trap that ended an activation, with its backtrace. */
void trap_describe(const struct activation *activation, struct trap *out);

#endif
