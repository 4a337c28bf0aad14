/*
 * x86-64, as bare metal and the hosted build share it: entry to guest code, the landing pad, and
 * what can be read off machine code.
 */
#ifndef ARCH_ISA_X86_64_ISA_H
#define ARCH_ISA_X86_64_ISA_H

#include <stdbool.h>
#include <stdint.h>

/* Where a fault handler sends an activation that ends: with its address in rdi. */
void isa_landing_pad(void);

/* Whether *pc is in arch_stack_probe_*, or where an entry of a kernel's call probes. If so, *pc and
 * *sp become those of the guest's call; fp is the frame pointer of who called arch_stack_probe_*. */
bool isa_probe_unwind(uint64_t *pc, uint64_t *sp, uint64_t fp);

#endif
