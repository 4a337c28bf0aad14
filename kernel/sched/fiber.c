/*
 * Fibers: taken from the CPU and given back.
 */
#include "kernel/sched/fiber.h"

#include <assert.h>
#include <string.h>

#include "kernel/process/process.h"
#include "kernel/sched/sched.h"

#define FIBER_ALIGN 64u

static status_t fiber_make(struct cpu *cpu, struct fiber **out)
{
    struct stack *stack;
    status_t status = stack_alloc(&cpu->stacks, &stack);
    if (status != STATUS_OK) {
        return status;
    }
    size_t room_bytes = (sizeof(struct fiber) + FIBER_ALIGN - 1) / FIBER_ALIGN * FIBER_ALIGN;
    struct fiber *fiber = (struct fiber *)(stack->top - room_bytes);
    *fiber = (struct fiber){.activation = {.stack = stack, .landing = &cpu->sched.loop}};
    list_init(&fiber->link);
    list_init(&fiber->of_process);
    list_init(&fiber->message.link);
    *out = fiber;
    return STATUS_OK;
}

status_t fiber_new(struct process *process, struct fiber **out)
{
    struct cpu *cpu = process->home;
    struct fiber *fiber = cpu->free_fibers;
    if (fiber != NULL) {
        cpu->free_fibers = fiber->next_free;
    } else {
        status_t status = fiber_make(cpu, &fiber);
        if (status != STATUS_OK) {
            return status;
        }
    }
    assert(fiber->state == FIBER_FREE && fiber->caller == NULL && fiber->timer_place == 0);
    fiber->process = process;
    fiber->activation.process = process;
    list_add(&process->fibers, &fiber->of_process);
    process->n_fibers++;
    *out = fiber;
    return STATUS_OK;
}

void fiber_free(struct fiber *fiber)
{
    struct process *process = fiber->process;
    struct cpu *cpu = process->home;
    assert(process->n_fibers != 0);
    process->n_fibers--;
    list_remove(&fiber->of_process);
    fiber->call_number++;
    fiber->caller = NULL;
    fiber->process = NULL;
    fiber->state = FIBER_FREE;
    fiber->next_free = cpu->free_fibers;
    cpu->free_fibers = fiber;
}
