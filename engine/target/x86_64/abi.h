/*
 * Where arguments and results are in calls (engine.h, "The machine model"): the one place that
 * knows, for selection and thunks alike.
 *
 * Arguments on the stack stand from the stack pointer at the call upwards, 8 bytes each, vectors
 * 16 and aligned to 16; results that don't fit in registers follow them, aligned to 16.
 */
#ifndef ENGINE_TARGET_X86_64_ABI_H
#define ENGINE_TARGET_X86_64_ABI_H

#include "engine/target/x86_64/x86.h"

struct x86_place {
    uint8_t reg;     /* enum x86_reg, or REG_NONE: on the stack */
    uint32_t offset; /* on the stack, from the first argument */
};

struct x86_abi {
    const uint8_t *gprs;
    uint8_t n_gprs, next_gpr, next_vec;
    uint32_t stack_bytes;
};

static inline struct x86_abi x86_abi_args(void)
{
    static const uint8_t gprs[6] = {RDI, RSI, RDX, RCX, R8, R9};
    return (struct x86_abi){.gprs = gprs, .n_gprs = 6};
}

/* Helpers take the instance pointer in rdi. */
static inline struct x86_abi x86_abi_helper_args(void)
{
    struct x86_abi abi = x86_abi_args();
    abi.next_gpr = 1;
    return abi;
}

/* args_bytes: the stack_bytes of the arguments, all given out. */
static inline struct x86_abi x86_abi_results(uint32_t args_bytes)
{
    static const uint8_t gprs[6] = {RAX, RDX, RCX, RSI, RDI, R8};
    return (struct x86_abi){.gprs = gprs, .n_gprs = 6, .stack_bytes = (args_bytes + 15) & ~15u};
}

/* The place of the next value, of size_bytes 4, 8 or 16. */
static inline struct x86_place x86_abi_next(struct x86_abi *abi, bool is_vec, uint8_t size_bytes)
{
    if (is_vec && abi->next_vec < 8) {
        return (struct x86_place){(uint8_t)(XMM0 + abi->next_vec++), 0};
    }
    if (!is_vec && abi->next_gpr < abi->n_gprs) {
        return (struct x86_place){abi->gprs[abi->next_gpr++], 0};
    }
    uint32_t bytes = size_bytes == 16 ? 16 : 8;
    uint32_t offset = (abi->stack_bytes + bytes - 1) & ~(bytes - 1);
    abi->stack_bytes = offset + bytes;
    return (struct x86_place){REG_NONE, offset};
}

#endif
