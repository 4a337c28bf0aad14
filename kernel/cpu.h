/*
 * A CPU's instance of the kernel: everything it owns. There is no other state, and no other CPU
 * writes any of this. The arenas of the address layout are here, so that "what does this address
 * belong to?" is arithmetic, or a search in a sorted list.
 */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include "base/arena.h"
#include "kernel/arch.h"
#include "kernel/mem/block.h"
#include "kernel/mem/extent.h"
#include "kernel/mem/slot.h"
#include "kernel/mem/stack.h"
#include "kernel/object/cap.h"
#include "kernel/sched/sched.h"

struct activation;
struct compile_space;

struct cpu {
    struct arena heap;        /* what lives as long as the CPU */
    struct slot_area slots;   /* linear memories with a guard */
    struct extent_area dense; /* linear memories without, and their records; owner: unused */
    struct extent_area code;  /* images of modules; owner: struct module */
    struct stack_area stacks;
    struct block_area blocks;
    struct cell_area cells;
    struct cap_memory cap_memory; /* both */
    struct object_area processes, channels, replies, modules, systems;
    struct object *system; /* what rights to the whole system are rights to */
    struct sched sched;
    struct fiber *free_fibers;
    struct activation *activation;       /* the innermost; null: no guest runs here */
    struct compile_space *compile_space; /* kept between compilations */
};

static inline struct cpu *cpu_self(void)
{
    return arch_cpu();
}

#endif
