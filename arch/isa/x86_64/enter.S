/*
 * Into guest code and out again.
 *
 * arch_enter keeps the callee-saved registers on the kernel stack, notes the stack pointer in the
 * activation, and calls on the guest's stack. Either the call returns, or somebody (arch_land, or
 * a fault handler that resumes at isa_landing_pad) abandons the guest stack: then the noted stack
 * pointer leads back to the same epilogue, with 1 as the answer instead of 0.
 */

/* struct arch_call */
#define CALL_ENTRY 0
#define CALL_CODE 8
#define CALL_INSTANCE 16
#define CALL_VALUES 24
#define CALL_SLOT 32
#define CALL_STACK_TOP 40

#define PROBE_SHORT_BYTES (8 << 10)
#define PROBE_LONG_BYTES (64 << 10)

#include "arch/isa/x86_64/kept.inc"

    .intel_syntax noprefix
    .text

    .globl arch_enter
    .type arch_enter, @function
    .p2align 4
arch_enter: /* (rdi = activation, rsi = call) */
    PUSH_WAITING
    mov [rdi], rsp
    mov rbx, rdi
    mov rax, [rsi + CALL_ENTRY]
    mov rdi, [rsi + CALL_CODE]
    mov rdx, [rsi + CALL_VALUES]
    mov rcx, [rsi + CALL_SLOT]
    mov rsp, [rsi + CALL_STACK_TOP]
    mov rsi, [rsi + CALL_INSTANCE]
    call rax
    mov rsp, [rbx]
    xor eax, eax
    .globl isa_leave
isa_leave:
    POP_WAITING
    ret
    .size arch_enter, . - arch_enter

    .globl arch_land
    .globl isa_landing_pad
    .type arch_land, @function
    .type isa_landing_pad, @function
    .p2align 4
arch_land: /* (rdi = activation) */
isa_landing_pad:
    mov rsp, [rdi]
    cld
    mov eax, 1
    jmp isa_leave
    .size arch_land, . - arch_land

/* The caller's frame pointer is in rbp: it asks for its frame address. */
    .globl isa_probe_start
    .globl isa_probe_end
    .globl arch_stack_probe_short
    .globl arch_stack_probe_long
    .type arch_stack_probe_short, @function
    .type arch_stack_probe_long, @function
    .p2align 4
isa_probe_start:
arch_stack_probe_short:
    cmp byte ptr [rsp - PROBE_SHORT_BYTES], 0
    ret
arch_stack_probe_long:
    cmp byte ptr [rsp - PROBE_LONG_BYTES], 0
    ret
isa_probe_end:
    .size arch_stack_probe_short, . - arch_stack_probe_short

    .section .note.GNU-stack, "", @progbits
