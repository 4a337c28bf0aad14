/*
 * What can be read off machine code, and off the CPU: traps, prologues, features.
 */
#include "arch/isa/x86_64/isa.h"
#include "kernel/arch.h"

#include <string.h>

#define UD2_BYTES 2

uint8_t arch_trap_code(const void *pc)
{
    return ((const uint8_t *)pc)[UD2_BYTES];
}

extern const uint8_t isa_probe_start[], isa_probe_end[], isa_calls_start[], isa_calls_end[];

/* The frame that a frame pointer points at. */
struct frame {
    uint64_t outer_fp;
    uint64_t return_pc;
};

bool isa_probe_unwind(uint64_t *pc, uint64_t *sp, uint64_t fp)
{
    if (*pc >= (uint64_t)isa_calls_start && *pc < (uint64_t)isa_calls_end) {
        *pc = *(const uint64_t *)*sp; // NOLINT(performance-no-int-to-ptr)
        *sp += sizeof(uint64_t);
        return true;
    }
    if (*pc < (uint64_t)isa_probe_start || *pc >= (uint64_t)isa_probe_end) {
        return false;
    }
    *pc = ((const struct frame *)fp)->return_pc; // NOLINT(performance-no-int-to-ptr)
    *sp = fp + sizeof(struct frame);
    return true;
}

/* The length of `push reg` at code, or 0. */
static uint32_t push_bytes(const uint8_t *code)
{
    if ((code[0] & 0xf8) == 0x50) {
        return 1;
    }
    return code[0] == 0x41 && (code[1] & 0xf8) == 0x50 ? 2 : 0;
}

/* What `sub rsp, n` or `add rsp, -128` at code subtracts, or 0. */
static uint32_t subtracted_bytes(const uint8_t *code)
{
    uint32_t n_bytes = 0;
    if (code[0] != 0x48) {
        return 0;
    }
    if (code[1] == 0x83 && (code[2] == 0xec || (code[2] == 0xc4 && code[3] == 0x80))) {
        return code[3];
    }
    if (code[1] == 0x81 && code[2] == 0xec) {
        memcpy(&n_bytes, code + 3, sizeof n_bytes);
    }
    return n_bytes;
}

/*
 * A frame is made by push* and then a subtraction from rsp, and by nothing else in compiled code,
 * whether at the start of a function or later. Only pushes can fault before the frame is whole:
 * what is still to come, from pc on, is missing.
 */
uint32_t arch_frame_bytes(const void *pc, uint32_t frame_bytes)
{
    const uint8_t *at = pc;
    uint32_t missing_bytes = 0;
    for (uint32_t len_bytes = push_bytes(at); len_bytes != 0; len_bytes = push_bytes(at)) {
        missing_bytes += 8;
        at += len_bytes;
    }
    missing_bytes += subtracted_bytes(at);
    return missing_bytes <= frame_bytes ? frame_bytes - missing_bytes : 0;
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid id;
    __asm__ volatile("cpuid"
                     : "=a"(id.eax), "=b"(id.ebx), "=c"(id.ecx), "=d"(id.edx)
                     : "a"(leaf), "c"(subleaf));
    return id;
}

/* Bits of XCR0: the system keeps these registers (SDM 1 13.3). */
#define XCR0_SSE_AVX 0x6u

static uint32_t xcr0_read(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* The engine's feature bits, in the order of enum engine_cpu_features. */
#define FEATURE_SSE42 1u
#define FEATURE_AVX 2u
#define FEATURE_AVX2 4u
#define FEATURE_BMI1 8u
#define FEATURE_BMI2 16u
#define FEATURE_LZCNT 32u
#define FEATURE_POPCNT 64u
#define FEATURE_FMA 128u

#define BIT(word, n) (((word) >> (n) & 1u) != 0)

uint64_t arch_cpu_features(void)
{
    uint32_t max_leaf = cpuid(0, 0).eax;
    struct cpuid basic = cpuid(1, 0);
    struct cpuid extended = max_leaf >= 7 ? cpuid(7, 0) : (struct cpuid){};
    struct cpuid amd =
        cpuid(0x80000000u, 0).eax >= 0x80000001u ? cpuid(0x80000001u, 0) : (struct cpuid){};
    uint64_t features = 0;
    features |= BIT(basic.ecx, 20) ? FEATURE_SSE42 : 0;
    features |= BIT(basic.ecx, 23) ? FEATURE_POPCNT : 0;
    features |= BIT(extended.ebx, 3) ? FEATURE_BMI1 : 0;
    features |= BIT(extended.ebx, 8) ? FEATURE_BMI2 : 0;
    features |= BIT(amd.ecx, 5) ? FEATURE_LZCNT : 0;
    bool has_osxsave = BIT(basic.ecx, 27);
    if (has_osxsave && (xcr0_read() & XCR0_SSE_AVX) == XCR0_SSE_AVX && BIT(basic.ecx, 28)) {
        features |= FEATURE_AVX;
        features |= BIT(extended.ebx, 5) ? FEATURE_AVX2 : 0;
        features |= BIT(basic.ecx, 12) ? FEATURE_FMA : 0;
    }
    return features;
}

uint64_t arch_cycles(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}
