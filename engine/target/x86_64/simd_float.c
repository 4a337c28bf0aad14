/*
 * Selection of vector minima and maxima of floats, and conversions.
 *
 * Constants are written as bits. NaNs are what decides in all of these: minps and maxps answer
 * their second operand if either is a NaN or both are zeros; cvtt*2dq answers 0x80000000 for
 * whatever doesn't fit.
 */
#include "engine/target/x86_64/select_vec.h"

#define F32_2_31 0x4f000000u         /* 2^31 */
#define F64_2_52 0x4330000000000000u /* 2^52: its lowest bit is worth 1 */
#define F64_MAX_I32 0x41dfffffffc00000u
#define F64_MAX_U32 0x41efffffffe00000u

static uint32_t emit_compare(struct select *s, enum x86_op op, uint32_t a, uint32_t b,
                             enum x86_fcmp predicate)
{
    return vec_rvm_imm(s, op, a, b, predicate);
}

/* op: andps or xorps */
void simd_float_sign(struct select *s, val_t v, const struct simd_row *row)
{
    bool is_abs = row->op == X86_ANDPS;
    uint32_t mask = row->imm == 32 ? vec_const32(s, is_abs ? 0x7fffffff : 0x80000000)
                                   : vec_const64(s, is_abs ? INT64_MAX : 0x8000000000000000);
    (void)emit_rvm(s, (enum x86_op)row->op, x86_def(s, v), vec_arg(s, v, 0), mask);
}

/*
 * NaNs become quiet, their payload 0 (canonical): so whatever the inputs were, wasm 2.0 §4.3.3
 * is kept. nans: any bits, unordered with itself where the result is to be a NaN.
 */
static void canonicalise(struct select *s, uint32_t def, uint32_t x, uint32_t nans, uint8_t bits)
{
    uint32_t payload =
        vec_shift(s, bits == 32 ? X86_PSRLDI : X86_PSRLQI, nans, bits == 32 ? 10 : 13);
    (void)emit_rvm(s, X86_ANDNPS, def, payload, x);
}

/*
 * The minimum both ways round: where they differ there is a NaN, and "or" gives a NaN, or there
 * are zeros of both signs, and "or" gives -0. op: min; op2: cmp; imm: bits of a lane
 */
void simd_float_min(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v), a = vec_arg(s, v, 0), b = vec_arg(s, v, 1);
    uint32_t one = vec_rvm(s, (enum x86_op)row->op, a, b);
    uint32_t other = vec_rvm(s, (enum x86_op)row->op, b, a);
    uint32_t both = vec_rvm(s, X86_ORPS, one, other);
    uint32_t nans = emit_compare(s, (enum x86_op)row->op2, other, both, FCMP_UNORD);
    uint32_t quiet = vec_rvm(s, X86_ORPS, both, nans);
    canonicalise(s, def, quiet, nans, row->imm);
}

/* As above; the difference is subtracted again: +0 of -0 - -0, and NaNs become quiet. */
void simd_float_max(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v), a = vec_arg(s, v, 0), b = vec_arg(s, v, 1);
    uint32_t one = vec_rvm(s, (enum x86_op)row->op, a, b);
    uint32_t other = vec_rvm(s, (enum x86_op)row->op, b, a);
    uint32_t difference = vec_rvm(s, X86_XORPS, one, other);
    uint32_t both = vec_rvm(s, X86_ORPS, one, difference);
    uint32_t sum = vec_rvm(s, row->imm == 32 ? X86_SUBPS : X86_SUBPD, both, difference);
    uint32_t nans = emit_compare(s, (enum x86_op)row->op2, difference, sum, FCMP_UNORD);
    canonicalise(s, def, sum, nans, row->imm);
}

/* ---- Conversions of 32-bit lanes ---- */

/* NaNs to 0 before, 0x80000000 to 0x7fffffff after where it was too large. */
void simd_trunc_sat_f32x4_s(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint32_t ordered = emit_compare(s, X86_CMPPS, x, x, FCMP_EQ);
    uint32_t number = vec_rvm(s, X86_ANDPS, ordered, x);
    uint32_t too_large = emit_compare(s, X86_CMPPS, number, vec_const32(s, F32_2_31), FCMP_NLT);
    uint32_t result = vec_rm(s, X86_CVTTPS2DQ, number);
    (void)emit_rvm(s, X86_PXOR, def, result, too_large);
}

/*
 * x, at least 0, converts up to 2^31, above which it gives 0x80000000; x - 2^31 gives what is to
 * be added to that, and 0x7fffffff at most.
 */
void simd_trunc_sat_f32x4_u(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), zero = vec_zero(s), limit = vec_const32(s, F32_2_31);
    uint32_t x = vec_rvm(s, X86_MAXPS, vec_arg(s, v, 0), zero); /* NaNs: the second, 0 */
    uint32_t above = vec_rvm(s, X86_SUBPS, x, limit);
    uint32_t too_large = emit_compare(s, X86_CMPPS, above, limit, FCMP_NLT);
    uint32_t rest = vec_rvm(s, X86_PXOR, vec_rm(s, X86_CVTTPS2DQ, above), too_large);
    uint32_t addend = vec_rvm(s, X86_PMAXSD, rest, zero);
    uint32_t result = vec_rm(s, X86_CVTTPS2DQ, x);
    (void)emit_rvm(s, X86_PADDD, def, result, addend);
}

/*
 * The lower 16 bits as the mantissa of 2^23, the upper as that of 2^39; their sum less 2^39 and
 * 2^23 is rounded only once: what is subtracted from the upper part leaves an exact number.
 */
void simd_convert_i32x4_u(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint32_t lower = vec_rvm_imm(s, X86_PBLENDW, x, vec_const32(s, 0x4b000000), 0xaa);
    uint32_t shifted = vec_shift(s, X86_PSRLDI, x, 16);
    uint32_t upper = vec_rvm_imm(s, X86_PBLENDW, shifted, vec_const32(s, 0x53000000), 0xaa);
    uint32_t offset = vec_rvm(s, X86_SUBPS, upper, vec_const32(s, 0x53000080));
    (void)emit_rvm(s, X86_ADDPS, def, offset, lower);
}

/* ---- Conversions of 64-bit lanes; the upper half of the result is 0 ---- */

/* The limit, or 0 for NaNs, is the second operand of minpd, which NaNs answer. */
void simd_trunc_sat_f64x2_s(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint32_t ordered = emit_compare(s, X86_CMPPD, x, x, FCMP_EQ);
    uint32_t limit = vec_rvm(s, X86_ANDPS, ordered, vec_const64(s, F64_MAX_I32));
    (void)emit_rm(s, X86_CVTTPD2DQ, def, vec_rvm(s, X86_MINPD, x, limit));
}

/* An integer up to 2^32 - 1 plus 2^52 has its bits in the lower half. */
void simd_trunc_sat_f64x2_u(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), zero = vec_zero(s);
    uint32_t x = vec_rvm(s, X86_MAXPD, vec_arg(s, v, 0), zero); /* NaNs: the second, 0 */
    uint32_t clamped = vec_rvm(s, X86_MINPD, x, vec_const64(s, F64_MAX_U32));
    uint32_t whole = vec_rm_imm(s, X86_ROUNDPD, clamped, ROUND_TRUNC);
    uint32_t bits = vec_rvm(s, X86_ADDPD, whole, vec_const64(s, F64_2_52));
    emit_rvr(s, X86_SHUFPS, def, bits, zero)->imm = 0x88;
}

void simd_convert_low_i32x4_u(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v);
    uint32_t upper = vec_const32(s, F64_2_52 >> 32);
    uint32_t biased = vec_rvm(s, X86_UNPCKLPS, vec_arg(s, v, 0), upper);
    (void)emit_rvm(s, X86_SUBPD, def, biased, vec_const64(s, F64_2_52));
}
