/*
 * Instruction selection for vectors: the table of all operations, and the integer ones that need
 * more than one instruction. Comparisons are in simd_compare.c, shifts in simd_shift.c, float
 * minima and conversions in simd_float.c, lanes and memory in simd_lanes.c, shuffles in
 * simd_shuffle.c.
 *
 * SSE4.1 is the floor. Signs, minima and saturation of most widths exist there; what was left out
 * (bytes in shifts, 64-bit products and comparisons) is put together here.
 */
#include "engine/target/x86_64/select_vec.h"

#define ROW(v) [SSA_##v - SSA_V_V128_LOAD]

static const struct simd_row simd_rows[] = {
#define SIMD(v, how, op, op2, imm) ROW(v) = {simd_##how, X86_##op, X86_##op2, imm},
#include "engine/target/x86_64/simd_map.def"
#undef SIMD
};

const struct simd_row *simd_row_of(const struct select *s, val_t v)
{
    uint32_t i = (uint32_t)x86_inst(s, v)->op - SSA_V_V128_LOAD;
    bool is_row = i < sizeof simd_rows / sizeof simd_rows[0] && simd_rows[i].how != NULL;
    return is_row ? &simd_rows[i] : NULL;
}

status_t x86_select_simd(struct select *s, val_t v)
{
    const struct simd_row *row = simd_row_of(s, v);
    if (row == NULL) {
        return ERR_UNSUPPORTED;
    }
    row->how(s, v, row);
    return STATUS_OK;
}

uint32_t vec_const64(struct select *s, uint64_t half)
{
    uint64_t halves[2] = {half, half};
    uint8_t bytes[16];
    __builtin_memcpy(bytes, halves, sizeof bytes);
    return x86_vconst_vreg(s, bytes);
}

/* ---- One instruction ---- */

/* Legacy SSE can't read unaligned vectors as operands. */
static uint8_t fold_bytes(const struct select *s, uint16_t op)
{
    return s->has_avx && (x86_infos[op].flags & X_ALIGNED) != 0 ? 16 : 0;
}

static void emit_binary(struct select *s, val_t v, const struct simd_row *row, uint32_t left)
{
    val_t a = x86_arg(s, v, left), b = x86_arg(s, v, 1 - left);
    bool is_commutative = (x86_infos[row->op].flags & X_COMM) != 0;
    if (is_commutative && x86_inst(s, ssa_resolve(s->fn, a))->op == SSA_VCONST) {
        val_t swap = a;
        a = b;
        b = swap;
    }
    x86_emit_rvm(s, (enum x86_op)row->op, x86_def(s, v), a, b, fold_bytes(s, row->op))->imm =
        row->imm;
}

void simd_binary(struct select *s, val_t v, const struct simd_row *row)
{
    emit_binary(s, v, row, 0);
}

void simd_binary_swapped(struct select *s, val_t v, const struct simd_row *row)
{
    emit_binary(s, v, row, 1);
}

void simd_unary(struct select *s, val_t v, const struct simd_row *row)
{
    x86_emit_rm(s, (enum x86_op)row->op, x86_def(s, v), x86_arg(s, v, 0), fold_bytes(s, row->op))
        ->imm = row->imm;
}

/* ---- Integers ---- */

/* op: a - b */
void simd_negate(struct select *s, val_t v, const struct simd_row *row)
{
    (void)emit_rvm(s, (enum x86_op)row->op, x86_def(s, v), vec_zero(s), vec_arg(s, v, 0));
}

/* With AVX the argument itself says which of x and -x it is: blendvpd looks at signs alone. */
void simd_i64x2_abs(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    if (s->has_avx) {
        uint32_t negative = vec_rvm(s, X86_PSUBQ, vec_zero(s), x);
        emit(s, X86_BLENDVPD);
        op_def(s, def);
        op_use(s, x);
        op_use(s, x);
        op_use_any(s, negative);
        return;
    }
    uint32_t sign = vec_shift(s, X86_PSRADI, vec_rm_imm(s, X86_PSHUFD, x, 0xf5), 31);
    uint32_t flipped = vec_rvm(s, X86_PXOR, x, sign);
    (void)emit_rvm(s, X86_PSUBQ, def, flipped, sign);
}

/* al bl + ((ah bl + al bh) << 32) */
void simd_i64x2_mul(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), a = vec_arg(s, v, 0), b = vec_arg(s, v, 1);
    uint32_t cross_a = vec_rvm(s, X86_PMULUDQ, vec_shift(s, X86_PSRLQI, a, 32), b);
    uint32_t cross_b = vec_rvm(s, X86_PMULUDQ, vec_shift(s, X86_PSRLQI, b, 32), a);
    uint32_t cross = vec_rvm(s, X86_PADDQ, cross_a, cross_b);
    uint32_t upper = vec_shift(s, X86_PSLLQI, cross, 32);
    uint32_t lower = vec_rvm(s, X86_PMULUDQ, a, b);
    (void)emit_rvm(s, X86_PADDQ, def, upper, lower);
}

/* The sum of what a table says for the two halves of each byte. */
void simd_popcnt(struct select *s, val_t v, const struct simd_row *)
{
    static const uint8_t counts[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint32_t mask = vec_const8(s, 0x0f);
    uint32_t table = x86_vconst_vreg(s, counts);
    uint32_t lower = vec_rvm(s, X86_PAND, x, mask);
    uint32_t upper = vec_rvm(s, X86_PAND, vec_shift(s, X86_PSRLWI, x, 4), mask);
    uint32_t lower_count = vec_rvm(s, X86_PSHUFB, table, lower);
    uint32_t upper_count = vec_rvm(s, X86_PSHUFB, table, upper);
    (void)emit_rvm(s, X86_PADDB, def, lower_count, upper_count);
}

/* pmulhrsw but for -1 * -1: only that gives 0x8000. */
void simd_q15mulr(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v);
    uint32_t product = vec_rvm(s, X86_PMULHRSW, vec_arg(s, v, 0), vec_arg(s, v, 1));
    uint32_t wrong = vec_rvm(s, X86_PCMPEQW, product, vec_const16(s, 0x8000));
    (void)emit_rvm(s, X86_PXOR, def, product, wrong);
}

/* ---- Widening ---- */

/* pmaddubsw takes its first operand as unsigned, its second as signed. imm: 1 unsigned. */
void simd_extadd_i8x16(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0), one = vec_const8(s, 1);
    bool is_unsigned = row->imm != 0;
    (void)emit_rvm(s, X86_PMADDUBSW, def, is_unsigned ? x : one, is_unsigned ? one : x);
}

void simd_extadd_i16x8_s(struct select *s, val_t v, const struct simd_row *)
{
    (void)emit_rvm(s, X86_PMADDWD, x86_def(s, v), vec_arg(s, v, 0), vec_const16(s, 1));
}

void simd_extadd_i16x8_u(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint32_t odd = vec_shift(s, X86_PSRLDI, x, 16);
    uint32_t even = vec_rvm(s, X86_PAND, x, vec_const32(s, 0xffff));
    (void)emit_rvm(s, X86_PADDD, def, even, odd);
}

/* op: pmovsx* */
void simd_extend_high_s(struct select *s, val_t v, const struct simd_row *row)
{
    (void)emit_rm(s, (enum x86_op)row->op, x86_def(s, v), vec_high(s, vec_arg(s, v, 0)));
}

/* op: punpckh* */
void simd_extend_high_u(struct select *s, val_t v, const struct simd_row *row)
{
    (void)emit_rvr(s, (enum x86_op)row->op, x86_def(s, v), vec_arg(s, v, 0), vec_zero(s));
}

static uint32_t widen_bytes(struct select *s, enum x86_op op, uint32_t x, bool is_high)
{
    if (is_high && op == X86_PMOVZXBW) {
        return vec_rvm(s, X86_PUNPCKHBW, x, vec_zero(s));
    }
    return vec_rm(s, op, is_high ? vec_high(s, x) : x);
}

/* op: pmov*bw; imm: 1 upper lanes */
void simd_extmul_i8x16(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v);
    uint32_t a = widen_bytes(s, (enum x86_op)row->op, vec_arg(s, v, 0), row->imm != 0);
    uint32_t b = widen_bytes(s, (enum x86_op)row->op, vec_arg(s, v, 1), row->imm != 0);
    (void)emit_rvm(s, X86_PMULLW, def, a, b);
}

/* op: the upper halves of the products; op2: interleaves them with the lower ones. */
void simd_extmul_i16x8(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v), a = vec_arg(s, v, 0), b = vec_arg(s, v, 1);
    uint32_t lower = vec_rvm(s, X86_PMULLW, a, b);
    uint32_t upper = vec_rvm(s, (enum x86_op)row->op, a, b);
    (void)emit_rvm(s, (enum x86_op)row->op2, def, lower, upper);
}

/* op: of the even lanes; imm: which brings the right ones there */
void simd_extmul_i32x4(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v);
    uint32_t a = vec_rm_imm(s, X86_PSHUFD, vec_arg(s, v, 0), row->imm);
    uint32_t b = vec_rm_imm(s, X86_PSHUFD, vec_arg(s, v, 1), row->imm);
    (void)emit_rvm(s, (enum x86_op)row->op, def, a, b);
}
