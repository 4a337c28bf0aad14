/*
 * A CPU: what the hardware wants in memory for each, and what this folder keeps for each. Found
 * through gs, which nothing else uses.
 */
#ifndef ARCH_X86_64_CPU_H
#define ARCH_X86_64_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/layout.h"
#include "arch/x86_64/page.h"
#include "base/status.h"

/* SDM 3A 8.7 */
struct x86_tss {
    uint32_t reserved_0;
    uint64_t rsp[3];
    uint64_t reserved_1;
    uint64_t ist[7]; /* [n - 1] */
    uint64_t reserved_2;
    uint16_t reserved_3, io_map_offset;
} __attribute__((packed));

enum x86_segment : uint16_t {
    X86_CODE = 0x08,
    X86_DATA = 0x10,
    X86_TSS = 0x18, /* takes two */
    X86_GDT_BYTES = 0x28,
};

struct x86_cpu {
    struct x86_cpu *self;
    struct cpu *kernel; /* what arch_cpu answers */
    uint32_t number;
    uint32_t apic_id;
    struct page_list pages;
    bool has_apic;
    bool is_in_fault; /* what isn't filled now is a mistake */
    uint64_t gdt[X86_GDT_BYTES / 8];
    struct x86_tss tss;

    bool is_up;     /* application processors; atomic */
    bool is_asleep; /* or about to be: to be woken by an interrupt; atomic */
};

/* The CPU that this runs on. */
static inline struct x86_cpu *x86_cpu_self(void)
{
    struct x86_cpu *self;
    __asm__("mov %%gs:%c1, %0" : "=r"(self) : "i"(offsetof(struct x86_cpu, self)));
    return self;
}

/* CPU number n, whether it is up or not. */
struct x86_cpu *x86_cpu_at(uint32_t n);

/* Sets up this CPU from its record, with interrupts off; the vectors stand from then on, their
 * stacks from x86_paging_start or x86_cpu_stacks_make on. */
void x86_cpu_init(struct x86_cpu *cpu, uint32_t number);
/* Maps the stacks of a CPU. ERR_NO_MEMORY. */
MUST_CHECK status_t x86_cpu_stacks_make(uint32_t number);
static inline uint64_t x86_cpu_stack_end(uint32_t number)
{
    return CPUS_START + (uint64_t)number * CPU_BYTES + KERNEL_STACK_END;
}

#endif
