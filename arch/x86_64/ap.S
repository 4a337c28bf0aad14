/*
 * Where an application processor starts: in real mode, at a page below 1 MiB that this is copied
 * to (parallel.c). It has no stack and a mailbox, at its end.
 */
#include "arch/x86_64/layout.h"

#define AT(symbol) (AP_START_PA + (symbol - ap_start))
#define PA(symbol) (symbol - IMAGE_START)

#define CR0_BITS 0x80010001 /* PG WP PE */
#define CR0_CACHE_OFF 0x60000000
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME_NXE 0x900

    .section .rodata.ap, "a"
    .globl ap_start
    .globl ap_mailbox
    .globl ap_end
    .att_syntax
    .code16
    .p2align 4
ap_start:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl AT(ap_gdt_pointer)
    movl %cr4, %eax
    orl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $PA(boot_tables), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME_NXE, %eax
    wrmsr
    movl %cr0, %eax
    andl $~CR0_CACHE_OFF, %eax
    orl $CR0_BITS, %eax
    movl %eax, %cr0
    ljmpl $8, $AT(ap_long)

    .code64
ap_long:
    xorl %eax, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    xorl %edi, %edi
    xchgq %rdi, AT(ap_mailbox)
    testq %rdi, %rdi
    jz ap_halt
    movq AT(ap_mailbox) + 8, %rsi
    movq AT(ap_mailbox) + 16, %rdx
    movabsq $x86_boot_ap, %rax
    jmpq *%rax
ap_halt: /* too late: nobody waits any more */
    hlt
    jmp ap_halt

    .p2align 3
ap_gdt:
    .quad 0
    .quad 0x00af9a000000ffff
ap_gdt_pointer:
    .short ap_gdt_pointer - ap_gdt - 1
    .long AT(ap_gdt)

    .p2align 3
ap_mailbox: /* struct ap_mailbox */
    .quad 0, 0, 0
ap_end:

    .section .note.GNU-stack, "", @progbits
