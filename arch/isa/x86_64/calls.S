/*
 * Entries of the kernel's calls, one for each row of abi/calls.def.
 *
 * Compiled code calls them as it calls its own functions: up to six integers in rdi rsi rdx rcx r8
 * r9, results in rax rdx rcx rsi rdi r8, the instance pointer in r15. The kernel's functions are C
 * and want the instance pointer behind their arguments; those under CALL_REGS write their results
 * to memory, which lies here on the stack and is loaded into the registers.
 */
#define PROBE_SHORT_BYTES (8 << 10)

    .intel_syntax noprefix
    .text

/* Counts the letters before and behind the '_': n_params, n_results. */
.macro COUNT types
    .set n_params, 0
    .set n_results, 0
    .set is_behind, 0
    .irpc letter, \types
    .ifc \letter,_
    .set is_behind, 1
    .else
    .if is_behind
    .set n_results, n_results + 1
    .else
    .set n_params, n_params + 1
    .endif
    .endif
    .endr
.endm

/* The first thing is to look whether there is stack for the kernel: on a used-up one that faults,
 * with nothing but the return address on it (isa_probe_unwind). */
.macro ENTRY noun
    .globl arch_call_\noun
    .type arch_call_\noun, @function
    .p2align 4
arch_call_\noun:
    cmp byte ptr [rsp - PROBE_SHORT_BYTES], 0
.endm

.macro PLAIN_CALL noun, types
    ENTRY \noun
    COUNT \types
    .if n_params == 0
    mov rdi, r15
    .elseif n_params == 1
    mov rsi, r15
    .elseif n_params == 2
    mov rdx, r15
    .elseif n_params == 3
    mov rcx, r15
    .elseif n_params == 4
    mov r8, r15
    .elseif n_params == 5
    mov r9, r15
    .else
    push r15
    call sys_\noun
    add rsp, 8
    ret
    .endif
    .if n_params < 6
    jmp sys_\noun
    .endif
    .size arch_call_\noun, . - arch_call_\noun
.endm

/* The results' place behind the instance pointer; both on the stack if the registers are used up. */
.macro REGS_CALL noun, types
    ENTRY \noun
    COUNT \types
    sub rsp, 56
    .if n_params == 1
    mov rsi, r15
    mov rdx, rsp
    call sys_\noun
    .else
    mov rax, rsp
    push rax
    push r15
    call sys_\noun
    add rsp, 16
    .endif
    mov rax, [rsp]
    mov rdx, [rsp + 8]
    mov rcx, [rsp + 16]
    mov rsi, [rsp + 24]
    mov rdi, [rsp + 32]
    mov r8, [rsp + 40]
    add rsp, 56
    ret
    .size arch_call_\noun, . - arch_call_\noun
.endm

    .globl isa_calls_start
    .globl isa_calls_end
isa_calls_start:
#define CALL_LEAF(number, noun, types, text)
#define CALL(number, noun, types, text) PLAIN_CALL noun, types
#define CALL_REGS(number, noun, types, text) REGS_CALL noun, types
#include "abi/calls.def"
isa_calls_end:

    .section .note.GNU-stack, "", @progbits
