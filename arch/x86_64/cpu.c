/*
 * Setting up a CPU: segments, vectors, control registers.
 */
#include "arch/x86_64/cpu.h"

#include "arch/x86_64/fault.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/x86.h"
#include "kernel/arch.h"

/* The tables that the hardware reads: one vector table for all, the rest for each CPU. */
static struct x86_cpu cpus[CPUS_MAX];

struct x86_gate {
    uint16_t offset_low, segment;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};
static struct x86_gate gates[X86_VECTORS];

#define GATE_INTERRUPT 0x8e /* present, ring 0, interrupts off */
#define VECTOR_ENTRY_BYTES 16

struct x86_table_pointer {
    uint16_t len_bytes;
    uint64_t start;
} __attribute__((packed));

struct x86_cpu *x86_cpu_at(uint32_t n)
{
    return &cpus[n];
}

struct cpu *arch_cpu(void)
{
    struct cpu *kernel;
    __asm__("mov %%gs:%c1, %0" : "=r"(kernel) : "i"(offsetof(struct x86_cpu, kernel)));
    return kernel;
}

void arch_cpu_set(struct cpu *cpu)
{
    x86_cpu_self()->kernel = cpu;
}

/* ---- vectors ---- */

static uint8_t vector_ist(uint32_t vector)
{
    switch (vector) {
    case VECTOR_NMI: return IST_NMI;
    case VECTOR_DOUBLE_FAULT: return IST_DOUBLE_FAULT;
    case VECTOR_MACHINE_CHECK: return IST_MACHINE_CHECK;
    default: return vector < VECTOR_FIRST_INTERRUPT ? IST_FAULT : IST_INTERRUPT;
    }
}

static void gates_fill(void)
{
    for (uint32_t i = 0; i < X86_VECTORS; i++) {
        uint64_t entry = (uint64_t)x86_vector_entries + i * VECTOR_ENTRY_BYTES;
        gates[i] = (struct x86_gate){
            .offset_low = (uint16_t)entry,
            .offset_middle = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
            .segment = X86_CODE,
            .ist = vector_ist(i),
            .type = GATE_INTERRUPT,
        };
    }
}

/* ---- segments ---- */

#define GDT_CODE 0x00af9b000000ffff /* 64 bits, accessed */
#define GDT_DATA 0x00cf93000000ffff
#define GDT_TSS_TYPE (UINT64_C(0x89) << 40)

static void segments_load(struct x86_cpu *cpu)
{
    uint64_t tss = (uint64_t)&cpu->tss;
    cpu->gdt[X86_CODE / 8] = GDT_CODE;
    cpu->gdt[X86_DATA / 8] = GDT_DATA;
    cpu->gdt[X86_TSS / 8] =
        (sizeof cpu->tss - 1) | (tss & 0xffffff) << 16 | GDT_TSS_TYPE | (tss >> 24 & 0xff) << 56;
    cpu->gdt[X86_TSS / 8 + 1] = tss >> 32;
    cpu->tss.io_map_offset = sizeof cpu->tss;
    for (uint32_t i = 1; i <= IST_LAST; i++) {
        cpu->tss.ist[i - 1] = CPUS_START + (uint64_t)cpu->number * CPU_BYTES + IST_END(i);
    }
    struct x86_table_pointer gdt = {sizeof cpu->gdt - 1, (uint64_t)cpu->gdt};
    struct x86_table_pointer idt = {sizeof gates - 1, (uint64_t)gates};
    __asm__ volatile("lgdt %0; lidt %1" ::"m"(gdt), "m"(idt));
    __asm__ volatile("push %0\n" /* code's selector is changed by a far return */
                     "lea 1f(%%rip), %%rax\n"
                     "push %%rax\n"
                     "lretq\n"
                     "1: mov %1, %%ss\n"
                     "mov %1, %%ds\n"
                     "mov %1, %%es\n"
                     "mov %2, %%fs\n"
                     "mov %2, %%gs\n"
                     "ltr %3\n" ::"i"(X86_CODE),
                     "r"(X86_DATA), "r"(0), "r"((uint16_t)X86_TSS)
                     : "rax", "memory");
    x86_msr_write(MSR_GS_BASE, (uint64_t)cpu);
}

/* ---- features ---- */

#define XCR0_X87_SSE 0x3u
#define XCR0_AVX 0x4u
#define XCR0_AVX512 0xe0u
#define MXCSR_DEFAULT 0x1f80u

#define BIT(word, n) (((word) >> (n) & 1u) != 0)

/* All of the vector state that the CPU has, as far as it is architected to be used by C code
 * and by compiled guests (SDM 1 13.3). */
static void xcr0_write(void)
{
    uint32_t has = x86_cpuid(13, 0).eax;
    uint32_t use = XCR0_X87_SSE | (has & XCR0_AVX);
    if ((has & XCR0_AVX512) == XCR0_AVX512 && (has & XCR0_AVX) != 0) {
        use |= XCR0_AVX512;
    }
    __asm__ volatile("xsetbv" ::"c"(0), "a"(use), "d"(0));
}

static void features_enable(void)
{
    struct x86_cpuid basic = x86_cpuid(1, 0);
    struct x86_cpuid extended = x86_cpuid(0, 0).eax >= 7 ? x86_cpuid(7, 0) : (struct x86_cpuid){};
    uint64_t cr4 = x86_cr4_read() | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cr4 |= BIT(basic.ecx, 26) ? CR4_OSXSAVE : 0;
    cr4 |= BIT(extended.ebx, 7) ? CR4_SMEP : 0;
    cr4 |= BIT(extended.ebx, 20) ? CR4_SMAP : 0;
    cr4 |= BIT(extended.ecx, 2) ? CR4_UMIP : 0;
    x86_cr0_write((x86_cr0_read() & ~(uint64_t)(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP);
    x86_cr4_write(cr4);
    if ((cr4 & CR4_OSXSAVE) != 0) {
        xcr0_write();
    }
    uint32_t mxcsr = MXCSR_DEFAULT;
    __asm__ volatile("fninit; ldmxcsr %0" ::"m"(mxcsr));
    if (!BIT(basic.ecx, 19)) {
        x86_panic("this CPU has no SSE4.1, which compiled programs need");
    }
}

void x86_cpu_init(struct x86_cpu *cpu, uint32_t number)
{
    cpu->self = cpu;
    cpu->number = number;
    if (number == 0) {
        gates_fill();
    }
    segments_load(cpu);
    features_enable();
}

/* Of the kernel stack: what a CPU needs before it can have faults. */
#define START_BYTES PAGE_BYTES

status_t x86_cpu_stacks_make(uint32_t number)
{
    uint64_t start = CPUS_START + (uint64_t)number * CPU_BYTES;
    for (uint32_t i = 1; i <= IST_LAST; i++) {
        status_t status = x86_paging_fill_all(start + IST_END(i) - IST_BYTES(i), IST_BYTES(i));
        if (status != STATUS_OK) {
            return status;
        }
    }
    uint64_t end = start + KERNEL_STACK_END;
    status_t status = x86_paging_commit(end - KERNEL_STACK_BYTES, KERNEL_STACK_BYTES);
    return status == STATUS_OK ? x86_paging_fill_all(end - START_BYTES, START_BYTES) : status;
}
