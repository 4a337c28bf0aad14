/*
 * Guest stacks: each with a guard below it, in which a frame that doesn't fit any more faults
 * (TRAP_STACK). Frames up to ENGINE_STACK_GUARD_BYTES and probes up to ARCH_PROBE_LONG_BYTES
 * can't step over the guard, which is as long as it is so that stacks begin where large pages do.
 */
#ifndef KERNEL_MEM_STACK_H
#define KERNEL_MEM_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define STACK_GUARD_BYTES (UINT64_C(2) << 20)
#define STACK_DEFAULT_BYTES (UINT64_C(8) << 20)
#define STACK_MIN_BYTES (UINT64_C(256) << 10)
#define STACK_MAX_BYTES (UINT64_C(1) << 30)

struct stack {
    uint8_t *low; /* above the guard */
    uint8_t *top;
    void *watcher; /* the machine's, see arch_stack_enter */
    struct stack *next_free;
};

struct stack_area {
    uint8_t *base; /* fixed */
    size_t stack_bytes;
    struct stack *stacks; /* [n_fresh], room for n_stacks */
    uint32_t n_stacks, n_fresh;
    struct stack *free;
};

MUST_CHECK status_t stack_area_init(struct stack_area *area, struct arena *heap,
                                    size_t stack_bytes);
void stack_area_release(struct stack_area *area);

/* ERR_NO_SPACE: all are in use. */
MUST_CHECK status_t stack_alloc(struct stack_area *area, struct stack **out);
void stack_free(struct stack_area *area, struct stack *stack);

static inline bool stack_guards(const struct stack *stack, uint64_t addr)
{
    return addr < (uint64_t)stack->low && addr >= (uint64_t)stack->low - STACK_GUARD_BYTES;
}

static inline bool stack_holds(const struct stack *stack, uint64_t addr, uint64_t len_bytes)
{
    return addr >= (uint64_t)stack->low && addr <= (uint64_t)stack->top &&
           len_bytes <= (uint64_t)stack->top - addr;
}

#endif
