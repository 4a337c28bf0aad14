/*
 * What the selectors of floats and vectors share: select_float.c, select_simd.c and simd_*.c.
 *
 * A sequence is written as if every instruction had three operands; on a CPU without AVX the
 * emit_ helpers tie the first two and the allocator copies where it must. The vec_ helpers put a
 * result into a new vreg and answer that, so that sequences read as expressions; the last
 * instruction of a sequence goes into x86_def(v) through emit_*.
 */
#ifndef ENGINE_TARGET_X86_64_SELECT_VEC_H
#define ENGINE_TARGET_X86_64_SELECT_VEC_H

#include "engine/target/x86_64/select.h"

/* Predicates of CMPPS and its like (SDM 2A table 3-1); each also has its negation. */
enum x86_fcmp : uint8_t {
    FCMP_EQ,
    FCMP_LT,
    FCMP_LE,
    FCMP_UNORD,
    FCMP_NE,
    FCMP_NLT,
    FCMP_NLE,
    FCMP_ORD,
};

/* The imm of ROUNDSS and its like: the mode, and no inexact exception. */
enum x86_round : uint8_t { ROUND_NEAREST = 8, ROUND_FLOOR, ROUND_CEIL, ROUND_TRUNC };

/* The imm of X86_TRUNC, float to integer. */
enum x86_trunc : uint8_t {
    TRUNC_FROM_F64 = 1,
    TRUNC_TO_I64 = 2,
    TRUNC_UNSIGNED = 4,
    TRUNC_SAT = 8,
};

/* How one vector operation is selected: a row of simd_map.def. */
struct simd_row {
    void (*how)(struct select *s, val_t v, const struct simd_row *row);
    uint16_t op, op2; /* enum x86_op; what they are for, how says */
    uint8_t imm;
};

typedef void simd_how(struct select *s, val_t v, const struct simd_row *row);

/* The row of v, or null if it isn't a vector operation. */
const struct simd_row *simd_row_of(const struct select *s, val_t v);

/* v has one user, the one being selected, and need not be in a register for it. */
static inline bool vec_may_absorb(const struct select *s, val_t v)
{
    return s->n_uses[v.i] == 1 && s->vreg_of[v.i] == 0;
}

static inline bool vec_has(const struct select *s, uint64_t feature)
{
    return x86_has(s->cx, feature);
}

static inline uint32_t vec_new(struct select *s)
{
    return x86_vreg(s, CLASS_VEC, 16);
}

/* The vreg of argument k of v. */
static inline uint32_t vec_arg(struct select *s, val_t v, uint32_t k)
{
    return x86_use(s, x86_arg(s, v, k));
}

static inline uint32_t vec_rvm(struct select *s, enum x86_op op, uint32_t a, uint32_t b)
{
    uint32_t def = vec_new(s);
    (void)emit_rvm(s, op, def, a, b);
    return def;
}

static inline uint32_t vec_rvm_imm(struct select *s, enum x86_op op, uint32_t a, uint32_t b,
                                   uint64_t imm)
{
    uint32_t def = vec_new(s);
    emit_rvm(s, op, def, a, b)->imm = imm;
    return def;
}

static inline uint32_t vec_rm(struct select *s, enum x86_op op, uint32_t a)
{
    uint32_t def = vec_new(s);
    (void)emit_rm(s, op, def, a);
    return def;
}

static inline uint32_t vec_rm_imm(struct select *s, enum x86_op op, uint32_t a, uint64_t imm)
{
    uint32_t def = vec_new(s);
    emit_rm(s, op, def, a)->imm = imm;
    return def;
}

/* A shift by a constant. */
static inline uint32_t vec_shift(struct select *s, enum x86_op op, uint32_t a, uint64_t imm)
{
    uint32_t def = vec_new(s);
    (void)emit_vm(s, op, def, a, imm);
    return def;
}

/* What setcc writes the lowest byte of: made before the flags are. */
static inline uint32_t vec_zero_gpr(struct select *s)
{
    uint32_t zero = x86_vreg(s, CLASS_GPR, 4);
    emit(s, X86_ZERO);
    op_def(s, zero);
    return zero;
}

/* def = 0 or 1 by the flags; cc is one of the machine's. */
static inline void vec_setcc(struct select *s, uint32_t def, uint32_t zero, enum x86_cc cc)
{
    emit(s, X86_SETCC)->sub[3] = (uint8_t)cc;
    op_def_tied(s, def, 1);
    op_use(s, zero);
}

/* A constant of two equal halves, in a register where one is asked for. */
uint32_t vec_const64(struct select *s, uint64_t half);
static inline uint32_t vec_const32(struct select *s, uint32_t lane)
{
    return vec_const64(s, lane * 0x100000001ull);
}
static inline uint32_t vec_const16(struct select *s, uint16_t lane)
{
    return vec_const64(s, lane * 0x1000100010001ull);
}
static inline uint32_t vec_const8(struct select *s, uint8_t lane)
{
    return vec_const64(s, lane * 0x101010101010101ull);
}
static inline uint32_t vec_zero(struct select *s)
{
    return vec_const64(s, 0);
}
static inline uint32_t vec_ones(struct select *s)
{
    return vec_const64(s, UINT64_MAX);
}

/* The upper half of a becomes the lower. */
static inline uint32_t vec_high(struct select *s, uint32_t a)
{
    return vec_rm_imm(s, X86_PSHUFD, a, 0xee);
}

/* ---- The ways of simd_map.def ---- */
#define SIMD(v, how, op, op2, imm) extern simd_how simd_##how;
#include "engine/target/x86_64/simd_map.def"
#undef SIMD

#endif
