/*
 * Interrupts and faults: 50 entries that differ in the number they push, and the way to C and
 * back. The CPU has changed to the vector's IST stack and pushed ss, rsp, rflags, cs, rip, and for
 * some faults an error code (SDM 3A 6.14).
 *
 * Vector registers aren't saved: all C of this folder is compiled without them, and what isn't
 * resumes nothing (kernel_fault ends in a landing, a panic in the end).
 */
#define VECTORS 50
#define VECTORS_WITH_ERROR 0x60227d00 /* bit set: 8, 10-14, 17, 21, 29, 30 */

    .intel_syntax noprefix
    .text

    .globl x86_vector_entries
    .p2align 4
x86_vector_entries: /* 16 bytes each */
    .set n, 0
    .rept VECTORS
    .p2align 4
    .if n >= 32 || !((VECTORS_WITH_ERROR >> n) & 1)
    push 0
    .endif
    push n
    jmp vector_common
    .set n, n + 1
    .endr

    .p2align 4
vector_common: /* struct x86_frame, from its end */
    push r15
    push r14
    push r13
    push r12
    push r11
    push r10
    push r9
    push r8
    push rbp
    push rdi
    push rsi
    push rdx
    push rcx
    push rbx
    push rax
    cld
    mov rdi, rsp
    call x86_vector_handle
    pop rax
    pop rbx
    pop rcx
    pop rdx
    pop rsi
    pop rdi
    pop rbp
    pop r8
    pop r9
    pop r10
    pop r11
    pop r12
    pop r13
    pop r14
    pop r15
    add rsp, 16
    iretq

    .section .note.GNU-stack, "", @progbits
