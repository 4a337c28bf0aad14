/*
 * Guest stacks.
 */
#include "kernel/mem/stack.h"

#include "kernel/arch.h"

#define STACKS_MAX 1024u
#define STACKS_MIN 2u

status_t stack_area_init(struct stack_area *area, struct arena *heap, size_t stack_bytes)
{
    if (stack_bytes == 0) {
        stack_bytes = STACK_DEFAULT_BYTES;
    }
    if (stack_bytes < STACK_MIN_BYTES || stack_bytes > STACK_MAX_BYTES) {
        return ERR_BAD_ARGUMENT;
    }
    stack_bytes = (stack_bytes + ARCH_PAGE_BYTES - 1) / ARCH_PAGE_BYTES * ARCH_PAGE_BYTES;
    *area = (struct stack_area){.stack_bytes = stack_bytes, .n_stacks = STACKS_MAX};
    while (arch_reserve(area->n_stacks * (stack_bytes + STACK_GUARD_BYTES), &area->base) !=
           STATUS_OK) {
        area->n_stacks /= 2;
        if (area->n_stacks < STACKS_MIN) {
            area->n_stacks = 0;
            return ERR_NO_MEMORY;
        }
    }
    area->stacks = arena_array(heap, area->n_stacks, sizeof *area->stacks);
    return area->stacks == NULL ? ERR_NO_MEMORY : STATUS_OK;
}

void stack_area_release(struct stack_area *area)
{
    for (uint32_t i = 0; i < area->n_fresh; i++) {
        arch_stack_forget(&area->stacks[i].watcher);
    }
    if (area->n_stacks != 0) {
        arch_release(area->base, area->n_stacks * (area->stack_bytes + STACK_GUARD_BYTES));
        area->n_stacks = 0;
    }
}

/* One that was never used before. */
static status_t stack_make(struct stack_area *area, struct stack **out)
{
    if (area->n_fresh == area->n_stacks) {
        return ERR_NO_SPACE;
    }
    struct stack *stack = &area->stacks[area->n_fresh];
    uint8_t *guard = area->base + area->n_fresh * (area->stack_bytes + STACK_GUARD_BYTES);
    *stack = (struct stack){.low = guard + STACK_GUARD_BYTES};
    stack->top = stack->low + area->stack_bytes;
    status_t status = arch_commit(stack->low, area->stack_bytes);
    if (status == STATUS_OK) {
        area->n_fresh++;
        *out = stack;
    }
    return status;
}

status_t stack_alloc(struct stack_area *area, struct stack **out)
{
    if (area->free == NULL) {
        return stack_make(area, out);
    }
    *out = area->free;
    area->free = area->free->next_free;
    return STATUS_OK;
}

void stack_free(struct stack_area *area, struct stack *stack)
{
    stack->next_free = area->free;
    area->free = stack;
}
