/*
 * From the machine's start to C.
 *
 * PVH (xen/include/public/arch-x86/hvm/start_info.h): whoever loads this ELF file finds the note,
 * and enters x86_boot_entry with paging off, in 32-bit protected mode, ebx = struct hvm_start_info.
 * Application processors come from ap.S to x86_boot_ap, in 64-bit mode, with the boot page tables.
 *
 * The boot page tables map the first GiB three times: where it is, as the direct map, and as the
 * kernel's image. They stand in the file ready made, and are left for good by x86_paging_start.
 */
#include "arch/x86_64/layout.h"

#define PA(symbol) (symbol - IMAGE_START)

#define CR0_BITS 0x80010001 /* PG WP PE */
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME_NXE 0x900

#define ENTRY_TABLE 0x03 /* present, writable */
#define ENTRY_LARGE 0x83
#define LARGE_BYTES 0x200000

#define BOOT_STACK_BYTES 4096

    .intel_syntax noprefix

    .section .note.pvh, "a", @note
    .p2align 2
    .long 4, 4, 18 /* lengths of name and descriptor; XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long PA(x86_boot_entry)

    .section .text.boot, "ax"
    .code32
    .globl x86_boot_entry
    .type x86_boot_entry, @function
x86_boot_entry:
    cld
    mov edi, ebx
    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    lea eax, [PA(boot_tables)]
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LME_NXE
    wrmsr
    mov eax, cr0
    or eax, CR0_BITS
    mov cr0, eax
    lgdt [PA(boot_gdt_pointer)]
    .att_syntax /* intel syntax has no far jump to a constant that assemblers agree on */
    ljmp $8, $PA(boot_long)
    .intel_syntax noprefix

    .code64
boot_long:
    xor eax, eax
    mov ss, eax
    mov ds, eax
    mov es, eax
    movabs rsp, offset boot_stack_end
    movabs rax, offset x86_machine_start
    xor ebp, ebp
    push rbp /* the end of a backtrace */
    mov edi, edi
    jmp rax
    .size x86_boot_entry, . - x86_boot_entry

    .globl x86_boot_ap
    .type x86_boot_ap, @function
x86_boot_ap: /* (rdi = struct x86_cpu, rsi = the end of its stack, rdx = page tables) */
    mov cr3, rdx
    mov rsp, rsi
    xor ebp, ebp
    push rbp
    jmp x86_cpu_start
    .size x86_boot_ap, . - x86_boot_ap

/* Onto another stack, for good: (rdi = its end, rsi = function, never returns) */
    .globl x86_boot_stack_leave
    .type x86_boot_stack_leave, @function
x86_boot_stack_leave:
    mov rsp, rdi
    xor ebp, ebp
    push rbp
    jmp rsi
    .size x86_boot_stack_leave, . - x86_boot_stack_leave

    .section .rodata.boot, "a"
    .p2align 3
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff /* 64-bit code */
boot_gdt_pointer:
    .short boot_gdt_pointer - boot_gdt - 1
    .long PA(boot_gdt)

    .data
    .p2align 12
    .globl boot_tables
boot_tables:
    .quad PA(boot_low) + ENTRY_TABLE
    .fill 255, 8, 0
    .quad PA(boot_low) + ENTRY_TABLE /* DIRECT_START */
    .fill 254, 8, 0
    .quad PA(boot_high) + ENTRY_TABLE /* IMAGE_START */
boot_low:
    .quad PA(boot_gib) + ENTRY_TABLE
    .fill 511, 8, 0
boot_high:
    .fill 510, 8, 0
    .quad PA(boot_gib) + ENTRY_TABLE
    .quad 0
boot_gib:
    .set at, ENTRY_LARGE
    .rept 512
    .quad at
    .set at, at + LARGE_BYTES
    .endr

    .bss
    .p2align 4
    .skip BOOT_STACK_BYTES
boot_stack_end:

    .section .note.GNU-stack, "", @progbits
