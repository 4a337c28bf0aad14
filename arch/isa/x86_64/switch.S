/*
 * From one flow of control to another.
 *
 * A flow that doesn't run is a stack pointer: at it lie the registers that the C convention keeps,
 * and a return address. The loop of a CPU, which arch_land also comes back to, has the frame of
 * arch_enter instead (enter.S), so that both ways meet there.
 */
#include "arch/isa/x86_64/kept.inc"

    .intel_syntax noprefix
    .text

    .globl arch_switch
    .type arch_switch, @function
    .p2align 4
arch_switch: /* (rdi = where to note this one's stack pointer, rsi = the other's) */
    PUSH_KEPT
    mov [rdi], rsp
    mov rsp, rsi
    POP_KEPT
    ret
    .size arch_switch, . - arch_switch

    .globl arch_resume
    .type arch_resume, @function
    .p2align 4
arch_resume: /* (rdi = activation, rsi = stack pointer); arch_land and arch_suspend return from it */
    PUSH_WAITING
    mov [rdi], rsp
    mov rsp, rsi
    POP_KEPT
    ret
    .size arch_resume, . - arch_resume

    .globl arch_suspend
    .type arch_suspend, @function
    .p2align 4
arch_suspend: /* (rdi = where to note the stack pointer, rsi = activation) */
    PUSH_KEPT
    mov [rdi], rsp
    mov rsp, [rsi]
    xor eax, eax
    jmp isa_leave
    .size arch_suspend, . - arch_suspend

/* What a new flow starts at: its function in rbx, the argument in rbp. It leaves the place of its
 * first frame alone, so that a flow may be made anew while its stack is still in use. */
    .type flow_start, @function
    .p2align 4
flow_start:
    mov rdi, rbp
    xor ebp, ebp
    sub rsp, 64
    call rbx
    ud2 /* it may not return */
    .size flow_start, . - flow_start

    .globl arch_flow_new
    .type arch_flow_new, @function
    .p2align 4
arch_flow_new: /* (rdi = top of the stack, rsi = function, rdx = argument) -> stack pointer */
    lea rax, [rip + flow_start]
    mov [rdi - 8], rax
    mov [rdi - 16], rdx /* rbp */
    mov [rdi - 24], rsi /* rbx */
    lea rax, [rdi - 56] /* r12 to r15: whatever */
    ret
    .size arch_flow_new, . - arch_flow_new

    .section .note.GNU-stack, "", @progbits
