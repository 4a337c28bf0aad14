/*
 * Selection of vector shifts. The count is taken modulo the lane's width (wasm 2.0 §4.3.2), where
 * the machine saturates it: so it is masked first, unless it is a constant. There are no shifts
 * of bytes, and none of signed 64-bit lanes.
 */
#include "engine/target/x86_64/select_vec.h"

static bool const_count(const struct select *s, val_t v, uint64_t max, uint64_t *count)
{
    if (!ssa_is_const(s->fn, ssa_resolve(s->fn, x86_arg(s, v, 1)), count)) {
        return false;
    }
    *count &= max;
    return true;
}

/* The count, modulo max + 1, in a GPR. */
static uint32_t masked_count(struct select *s, val_t v, uint64_t max)
{
    val_t count = ssa_resolve(s->fn, x86_arg(s, v, 1));
    const struct ssa_inst *inst = x86_inst(s, count);
    uint64_t mask;
    if (inst->op == SSA_AND &&
        ssa_is_const(s->fn, ssa_resolve(s->fn, (val_t){inst->arg[1]}), &mask) && mask <= max) {
        return x86_use(s, count);
    }
    uint32_t def = x86_vreg(s, CLASS_GPR, 4), src = x86_use32(s, count);
    struct mir_inst *out = emit(s, X86_ANDI);
    out->sub[0] = 4;
    out->imm = max;
    op_def_tied(s, def, 1);
    op_use(s, src);
    return def;
}

/* The same where shifts look for it: in the lower half of a vector. */
static uint32_t vector_count(struct select *s, val_t v, uint64_t max)
{
    return vec_rm(s, X86_MOVD_XR, masked_count(s, v, max));
}

/* op: by imm; op2: by a vector's lower half; imm: the largest count */
void simd_shift(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint64_t count;
    if (!const_count(s, v, row->imm, &count)) {
        (void)emit_rvm(s, (enum x86_op)row->op2, def, x, vector_count(s, v, row->imm));
    } else if (count == 0) {
        (void)emit_move(s, def, x);
    } else {
        (void)emit_vm(s, (enum x86_op)row->op, def, x, count);
    }
}

/* ---- Bytes: shifted in words, and what crossed over is masked off ---- */

static void bytes_by_const(struct select *s, uint32_t def, uint32_t x, enum x86_op op,
                           uint64_t count)
{
    if (count == 0) {
        (void)emit_move(s, def, x);
        return;
    }
    uint8_t mask = op == X86_PSLLWI ? (uint8_t)(0xffu << count) : (uint8_t)(0xffu >> count);
    (void)emit_rvm(s, X86_PAND, def, vec_shift(s, op, x, count), vec_const8(s, mask));
}

/* The mask is a word of ones shifted the same way; byte number byte of it for all. */
static void bytes_by_count(struct select *s, val_t v, enum x86_op op, uint8_t byte)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint32_t count = vector_count(s, v, 7);
    uint32_t shifted = vec_rvm(s, op, x, count);
    uint32_t ones = vec_rvm(s, op, vec_ones(s), count);
    uint32_t mask = vec_rvm(s, X86_PSHUFB, ones, vec_const8(s, byte));
    (void)emit_rvm(s, X86_PAND, def, shifted, mask);
}

void simd_i8x16_shl(struct select *s, val_t v, const struct simd_row *)
{
    uint64_t count;
    if (!const_count(s, v, 7, &count)) {
        bytes_by_count(s, v, X86_PSLLW, 0);
        return;
    }
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    if (count == 1) {
        (void)emit_rvm(s, X86_PADDB, def, x, x);
    } else {
        bytes_by_const(s, def, x, X86_PSLLWI, count);
    }
}

void simd_i8x16_shr_u(struct select *s, val_t v, const struct simd_row *)
{
    uint64_t count;
    if (const_count(s, v, 7, &count)) {
        bytes_by_const(s, x86_def(s, v), vec_arg(s, v, 0), X86_PSRLWI, count);
    } else {
        bytes_by_count(s, v, X86_PSRLW, 1);
    }
}

/* A logical shift, and then the sign bit, now further down, is extended: (x ^ m) - m. */
static void signed_bytes_by_const(struct select *s, uint32_t def, uint32_t x, uint64_t count)
{
    if (count == 0) {
        (void)emit_move(s, def, x);
    } else if (count == 7) {
        (void)emit_rvm(s, X86_PCMPGTB, def, vec_zero(s), x);
    } else {
        uint32_t shifted = vec_new(s);
        bytes_by_const(s, shifted, x, X86_PSRLWI, count);
        uint32_t sign = vec_const8(s, (uint8_t)(0x80u >> count));
        (void)emit_rvm(s, X86_PSUBB, def, vec_rvm(s, X86_PXOR, shifted, sign), sign);
    }
}

/* By a register: each byte becomes the upper one of a word, which is shifted 8 further. */
void simd_i8x16_shr_s(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint64_t bits;
    if (const_count(s, v, 7, &bits)) {
        signed_bytes_by_const(s, def, x, bits);
        return;
    }
    uint32_t masked = masked_count(s, v, 7), sum = x86_vreg(s, CLASS_GPR, 4);
    struct mir_inst *inst = emit(s, X86_ADD3I);
    inst->sub[0] = 4;
    inst->imm = 8;
    op_def(s, sum);
    op_use(s, masked);
    uint32_t count = vec_rm(s, X86_MOVD_XR, sum);
    uint32_t lower = vec_rvm(s, X86_PSRAW, vec_rvm(s, X86_PUNPCKLBW, x, x), count);
    uint32_t upper = vec_rvm(s, X86_PSRAW, vec_rvm(s, X86_PUNPCKHBW, x, x), count);
    (void)emit_rvm(s, X86_PACKSSWB, def, lower, upper);
}

/* ---- Signed 64-bit lanes ---- */

/* The upper halves shifted as 32-bit lanes; the lower get what comes down from above. */
static void signed64_by_const(struct select *s, uint32_t def, uint32_t x, uint64_t count)
{
    if (count == 0) {
        (void)emit_move(s, def, x);
        return;
    }
    if (count == 63) {
        if (vec_has(s, ENGINE_CPU_SSE42)) {
            (void)emit_rvm(s, X86_PCMPGTQ, def, vec_zero(s), x);
        } else {
            emit_rm(s, X86_PSHUFD, def, vec_shift(s, X86_PSRADI, x, 31))->imm = 0xf5;
        }
        return;
    }
    uint32_t upper, lower;
    if (count < 32) {
        upper = vec_shift(s, X86_PSRADI, x, count);
        lower = vec_shift(s, X86_PSRLQI, x, count);
    } else {
        upper = vec_shift(s, X86_PSRADI, x, 31);
        uint32_t shifted = count == 32 ? x : vec_shift(s, X86_PSRADI, x, count - 32);
        lower = vec_rm_imm(s, X86_PSHUFD, shifted, 0xf5);
    }
    emit_rvm(s, X86_PBLENDW, def, lower, upper)->imm = 0xcc;
}

void simd_i64x2_shr_s(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint64_t bits;
    if (const_count(s, v, 63, &bits)) {
        signed64_by_const(s, def, x, bits);
        return;
    }
    uint32_t count = vector_count(s, v, 63);
    uint32_t sign = vec_rvm(s, X86_PSRLQ, vec_const64(s, 0x8000000000000000), count);
    uint32_t shifted = vec_rvm(s, X86_PSRLQ, x, count);
    (void)emit_rvm(s, X86_PSUBQ, def, vec_rvm(s, X86_PXOR, shifted, sign), sign);
}
