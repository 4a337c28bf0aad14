/*
 * The address space, bare: 48 bits, 4-level page tables, everything for ring 0.
 *
 *     0000'0000'0000'0000   512 GiB   nothing, ever: null and what lies near it
 *     0000'0080'0000'0000   127 TiB   reservations (arch_reserve): linear memories, code, guests'
 *                                     stacks, the kernel's pools; pages are filled when touched
 *     ffff'8000'0000'0000    64 TiB   direct map: physical memory, in order
 *     ffff'c000'0000'0000     2 MiB   the list of reservations
 *     ffff'c000'0100'0000     1 GiB   CPUs: 16 MiB each, see below
 *     ffff'e000'0000'0000     1 GiB   device registers, uncached
 *     ffff'ffff'8000'0000     1 GiB   the kernel's image, as it lies in physical memory
 *
 * A CPU's 16 MiB: its kernel stack ends at 8 MiB and is filled when touched; the stacks of
 * interrupts and faults (IST 1 to 5) end 64, 128, ... 320 KiB behind it and stand ready. Between
 * stacks nothing is mapped. What lies close together shares page tables.
 *
 * Also read by assembly.
 */
#ifndef ARCH_X86_64_LAYOUT_H
#define ARCH_X86_64_LAYOUT_H

#define PAGE_BYTES 4096

#define RESERVE_START 0x0000008000000000
#define RESERVE_END 0x0000800000000000
#define UPPER_START 0xffff800000000000 /* of the upper half */
#define DIRECT_START UPPER_START
#define DIRECT_END 0xffffc00000000000
#define SPACE_START 0xffffc00000000000
#define SPACE_BYTES 0x200000
#define CPUS_START 0xffffc00001000000
#define CPU_BYTES 0x1000000
#define DEVICES_START 0xffffe00000000000
#define DEVICES_END 0xffffe00040000000
#define IMAGE_START 0xffffffff80000000

#define CPUS_MAX 64

#define KERNEL_STACK_BYTES 0x200000
#define KERNEL_STACK_END 0x800000
#define IST_BYTES(n) ((n) == IST_FAULT ? 0x2000 : 0x1000)
#define IST_END(n) (KERNEL_STACK_END + (n) * 0x10000)

/* Every vector has a stack (MECHANISMS 9): what may strike inside another has its own. */
#define IST_FAULT 1
#define IST_INTERRUPT 2
#define IST_NMI 3
#define IST_DOUBLE_FAULT 4
#define IST_MACHINE_CHECK 5
#define IST_LAST 5

/* Physical: where an application processor starts, in real mode. Kept out of the page pool. */
#define AP_START_PA 0x8000

#endif
