/*
 * Selection of vector comparisons, and of what is done with masks: truth, bitmask, bitselect.
 *
 * A comparison gives lanes of all ones or all zeros. Where the machine only has the opposite, a
 * "not" follows, which the users of a mask here see through: they have both senses for free.
 */
#include "engine/target/x86_64/select_vec.h"

static val_t arg_of(const struct select *s, val_t v, uint32_t k)
{
    return ssa_resolve(s->fn, x86_arg(s, v, k));
}

static void emit_not(struct select *s, uint32_t def, uint32_t x)
{
    (void)emit_rvm(s, X86_PXOR, def, x, vec_ones(s));
}

void simd_not(struct select *s, val_t v, const struct simd_row *)
{
    emit_not(s, x86_def(s, v), vec_arg(s, v, 0));
}

/* ---- Comparisons ---- */

/* not op(a, b) */
void simd_compare_not(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v);
    emit_not(s, def, vec_rvm(s, (enum x86_op)row->op, vec_arg(s, v, 0), vec_arg(s, v, 1)));
}

/* a <= b is min(a, b) = a, and a >= b is max(a, b) = a. op: equal; op2: min or max */
static void emit_order(struct select *s, uint32_t def, val_t v, const struct simd_row *row)
{
    uint32_t a = vec_arg(s, v, 0);
    uint32_t extreme = vec_rvm(s, (enum x86_op)row->op2, a, vec_arg(s, v, 1));
    (void)emit_rvm(s, (enum x86_op)row->op, def, extreme, a);
}

void simd_compare_order(struct select *s, val_t v, const struct simd_row *row)
{
    emit_order(s, x86_def(s, v), v, row);
}

void simd_compare_order_not(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v), inverse = vec_new(s);
    emit_order(s, inverse, v, row);
    emit_not(s, def, inverse);
}

/*
 * a > b in 64 bits. pcmpgtq is SSE4.2. Without it: the upper halves decide, or if they are equal
 * the borrow of b - a, which then fills the upper half of the difference.
 */
static void emit_greater64(struct select *s, uint32_t def, uint32_t a, uint32_t b)
{
    if (vec_has(s, ENGINE_CPU_SSE42)) {
        (void)emit_rvm(s, X86_PCMPGTQ, def, a, b);
        return;
    }
    uint32_t equal = vec_rvm(s, X86_PCMPEQD, a, b);
    uint32_t borrow = vec_rvm(s, X86_PAND, vec_rvm(s, X86_PSUBQ, b, a), equal);
    uint32_t greater = vec_rvm(s, X86_PCMPGTD, a, b);
    uint32_t upper = vec_rvm(s, X86_POR, borrow, greater);
    emit_rm(s, X86_PSHUFD, def, upper)->imm = 0xf5;
}

/* a <= b or a >= b */
static bool is_not_greater64(const struct select *s, val_t v)
{
    uint16_t op = x86_inst(s, v)->op;
    return op == SSA_V_I64X2_LE_S || op == SSA_V_I64X2_GE_S;
}

/* v, or for these the opposite. */
static void emit_compare64(struct select *s, uint32_t def, val_t v)
{
    uint16_t op = x86_inst(s, v)->op;
    uint32_t left = op == SSA_V_I64X2_LT_S || op == SSA_V_I64X2_GE_S ? 1 : 0;
    emit_greater64(s, def, vec_arg(s, v, left), vec_arg(s, v, 1 - left));
}

void simd_i64x2_compare(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v);
    if (is_not_greater64(s, v)) {
        uint32_t inverse = vec_new(s);
        emit_compare64(s, inverse, v);
        emit_not(s, def, inverse);
    } else {
        emit_compare64(s, def, v);
    }
}

/* ---- Masks ---- */

/* The bytes of a lane if v is a comparison's result, else 0. */
static uint32_t compare_lane_bytes(const struct select *s, val_t v)
{
    uint16_t op = x86_inst(s, v)->op;
    if (op >= SSA_V_I8X16_EQ && op <= SSA_V_I8X16_GE_U) {
        return 1;
    }
    if (op >= SSA_V_I16X8_EQ && op <= SSA_V_I16X8_GE_U) {
        return 2;
    }
    if ((op >= SSA_V_I32X4_EQ && op <= SSA_V_I32X4_GE_U) ||
        (op >= SSA_V_F32X4_EQ && op <= SSA_V_F32X4_GE)) {
        return 4;
    }
    bool is_64 = (op >= SSA_V_I64X2_EQ && op <= SSA_V_I64X2_GE_S) ||
                 (op >= SSA_V_F64X2_EQ && op <= SSA_V_F64X2_GE);
    return is_64 ? 8 : 0;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The same for two comparisons joined, or one negated. */
static uint32_t mask_lane_bytes(const struct select *s, val_t v)
{
    switch (x86_inst(s, v)->op) {
    case SSA_V_V128_NOT: return compare_lane_bytes(s, arg_of(s, v, 0));
    case SSA_V_V128_AND:
    case SSA_V_V128_OR:
    case SSA_V_V128_XOR:
    case SSA_V_V128_ANDNOT:
        return smaller(compare_lane_bytes(s, arg_of(s, v, 0)),
                       compare_lane_bytes(s, arg_of(s, v, 1)));
    default: return compare_lane_bytes(s, v);
    }
}

/* v, or its opposite if that is cheaper for a user who doesn't mind. */
static uint32_t use_either_sense(struct select *s, val_t v, bool *is_negated)
{
    const struct simd_row *row = simd_row_of(s, v);
    *is_negated = row != NULL && vec_may_absorb(s, v);
    if (*is_negated && row->how == simd_not) {
        return vec_arg(s, v, 0);
    }
    if (*is_negated && row->how == simd_compare_not) {
        return vec_rvm(s, (enum x86_op)row->op, vec_arg(s, v, 0), vec_arg(s, v, 1));
    }
    if (*is_negated && row->how == simd_compare_order_not) {
        uint32_t inverse = vec_new(s);
        emit_order(s, inverse, v, row);
        return inverse;
    }
    if (*is_negated && is_not_greater64(s, v)) {
        uint32_t inverse = vec_new(s);
        emit_compare64(s, inverse, v);
        return inverse;
    }
    *is_negated = false;
    return x86_use(s, v);
}

/* c ? a : b, by bits; a mask's by bytes. */
void simd_bitselect(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v);
    val_t mask = arg_of(s, v, 2);
    bool is_mask = mask_lane_bytes(s, mask) != 0;
    bool is_negated;
    uint32_t c = use_either_sense(s, mask, &is_negated);
    uint32_t a = vec_arg(s, v, is_negated ? 1 : 0), b = vec_arg(s, v, is_negated ? 0 : 1);
    if (is_mask && s->has_avx) {
        emit(s, X86_PBLENDVB);
        op_def(s, def);
        op_use(s, b);
        op_use(s, c);
        op_use_any(s, a);
        return;
    }
    uint32_t if_one = vec_rvm(s, X86_PAND, a, c);
    uint32_t if_zero = vec_rvm(s, X86_PANDN, c, b);
    (void)emit_rvm(s, X86_POR, def, if_one, if_zero);
}

/* ---- Truth ---- */

/* Flags of the 16 sign bits: mask against none or all of them. */
static enum x86_cc mask_condition(struct select *s, val_t mask, bool is_all)
{
    bool is_negated;
    uint32_t x = use_either_sense(s, mask, &is_negated);
    uint32_t bits = x86_vreg(s, CLASS_GPR, 4);
    (void)emit_rr(s, X86_PMOVMSKB, bits, x);
    /* any of not x is: not all of x */
    bool against_all = is_all != is_negated;
    struct mir_inst *inst = emit(s, against_all ? X86_CMPI : X86_TEST);
    inst->sub[0] = 4;
    op_use(s, bits);
    if (against_all) {
        inst->imm = 0xffff;
    } else {
        op_use(s, bits);
    }
    return is_all ? CC_E : CC_NE;
}

/* E: x & y is zero. */
static void emit_ptest(struct select *s, uint32_t x, uint32_t y)
{
    emit(s, X86_PTEST);
    op_use(s, x);
    op_use(s, y);
}

static enum x86_cc any_condition(struct select *s, val_t x)
{
    if (x86_inst(s, x)->op == SSA_V_V128_AND && vec_may_absorb(s, x)) {
        emit_ptest(s, vec_arg(s, x, 0), vec_arg(s, x, 1));
    } else {
        uint32_t bits = x86_use(s, x);
        emit_ptest(s, bits, bits);
    }
    return CC_NE;
}

/* No lane equals zero. */
static enum x86_cc all_condition(struct select *s, val_t x, enum x86_op equal)
{
    uint32_t zeros = vec_rvm(s, equal, x86_use(s, x), vec_zero(s));
    emit_ptest(s, zeros, zeros);
    return CC_E;
}

bool x86_simd_condition(struct select *s, val_t v, enum x86_cc *out)
{
    static const struct {
        uint16_t ssa, equal, lane_bytes;
    } truths[] = {
        {SSA_V_V128_ANY_TRUE, X86_NOP, 0},      {SSA_V_I8X16_ALL_TRUE, X86_PCMPEQB, 1},
        {SSA_V_I16X8_ALL_TRUE, X86_PCMPEQW, 2}, {SSA_V_I32X4_ALL_TRUE, X86_PCMPEQD, 4},
        {SSA_V_I64X2_ALL_TRUE, X86_PCMPEQQ, 8},
    };
    for (uint32_t i = 0; i < sizeof truths / sizeof truths[0]; i++) {
        if (truths[i].ssa != x86_inst(s, v)->op) {
            continue;
        }
        val_t x = arg_of(s, v, 0);
        uint32_t mask_bytes = mask_lane_bytes(s, x);
        if (mask_bytes != 0 && mask_bytes >= truths[i].lane_bytes) {
            *out = mask_condition(s, x, i != 0);
        } else if (i == 0) {
            *out = any_condition(s, x);
        } else {
            *out = all_condition(s, x, (enum x86_op)truths[i].equal);
        }
        return true;
    }
    return false;
}

void simd_truth(struct select *s, val_t v, const struct simd_row *)
{
    enum x86_cc cc = CC_NE;
    uint32_t def = x86_def(s, v), zero = vec_zero_gpr(s);
    bool is_known = x86_simd_condition(s, v, &cc);
    assert(is_known);
    (void)is_known;
    vec_setcc(s, def, zero, cc);
}

/* op: gathers the signs of its lanes */
void simd_bitmask(struct select *s, val_t v, const struct simd_row *row)
{
    (void)emit_rr(s, (enum x86_op)row->op, x86_def(s, v), vec_arg(s, v, 0));
}

/* Narrowing with saturation keeps signs; zeros above are eight bits of nothing. */
void simd_i16x8_bitmask(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t bytes = vec_rvm(s, X86_PACKSSWB, vec_arg(s, v, 0), vec_zero(s));
    (void)emit_rr(s, X86_PMOVMSKB, x86_def(s, v), bytes);
}
