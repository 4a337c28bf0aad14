/*
 * Interrupts and faults: what vectors.S pushes, and the numbers.
 */
#ifndef ARCH_X86_64_FAULT_H
#define ARCH_X86_64_FAULT_H

#include <stdint.h>

#define X86_VECTORS 50u

enum x86_vector : uint8_t {
    VECTOR_DIVIDE = 0,
    VECTOR_NMI = 2,
    VECTOR_UNDEFINED = 6,
    VECTOR_DOUBLE_FAULT = 8,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_MACHINE_CHECK = 18,
    VECTOR_FIRST_INTERRUPT = 32, /* 16 for the two old controllers, which are masked */
    VECTOR_SPURIOUS = 47,
    VECTOR_TIMER = 48,
    VECTOR_WAKE = 49,
};

/* What vectors.S leaves on the stack, from the lowest address up. */
struct x86_frame {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

extern const uint8_t x86_vector_entries[];

/* From vectors.S. */
void x86_vector_handle(struct x86_frame *frame);

#endif
