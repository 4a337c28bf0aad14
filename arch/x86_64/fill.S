/*
 * Fills a page with a word. In 16-byte stores, for the number of instructions (emulated machines,
 * and the first of all boots), and without losing the one vector register that takes: the fault
 * handler comes here from any code.
 */
#define PAGE_BYTES 4096

    .intel_syntax noprefix
    .text

    .globl x86_page_fill
    .type x86_page_fill, @function
    .p2align 4
x86_page_fill: /* (rdi = page, rsi = word) */
    sub rsp, 24
    movups [rsp], xmm0
    movq xmm0, rsi
    punpcklqdq xmm0, xmm0
    lea rax, [rdi + PAGE_BYTES]
.Lfill:
    .set at, 0
    .rept 32
    movaps [rdi + at], xmm0
    .set at, at + 16
    .endr
    add rdi, at
    cmp rdi, rax
    jne .Lfill
    movups xmm0, [rsp]
    add rsp, 24
    ret
    .size x86_page_fill, . - x86_page_fill

    .section .note.GNU-stack, "", @progbits
