/*
 * Instruction selection for scalar floats, and for the moves of vectors: loads, stores, SELECT.
 *
 * NaNs. Arithmetic instructions of SSE answer a quiet NaN made from an operand, or the default
 * NaN, which is what wasm 2.0 §4.3.3 allows; moves, and sign operations through and/or/xor, keep
 * every bit. Exceptions are masked and MXCSR is never changed.
 *
 * Partial registers. Scalar instructions of one operand leave the upper part of their
 * destination: so they wait for whoever wrote it. That's why integers are converted into a zeroed
 * register, and why those marked X_MERGE don't read memory.
 */
#include "engine/target/x86_64/select_vec.h"

#define F32_SIGN 0x80000000u
#define F64_SIGN 0x8000000000000000ull

/* Where the tables of arithmetic and of comparisons begin. */
enum { FIRST_ARITHMETIC = SSA_FADD, FIRST_COMPARE = SSA_FEQ };

/* One of a pair of opcodes, by the type that is computed with. */
static enum x86_op by_type(enum ssa_type type, enum x86_op f32, enum x86_op f64)
{
    return type == T_F32 ? f32 : f64;
}

static val_t arg_of(const struct select *s, val_t v, uint32_t k)
{
    return ssa_resolve(s->fn, x86_arg(s, v, k));
}

static uint32_t new_scalar(struct select *s, enum ssa_type type)
{
    return x86_vreg(s, CLASS_VEC, x86_type_bytes(type));
}

/* ---- Arithmetic ---- */

/* The machine's instruction does it: FADD..FDIV and the unary ones. */
struct float_op {
    uint16_t f32, f64; /* enum x86_op; NOP: not in this table */
    uint8_t imm;
};

static const struct float_op float_ops[] = {
    [SSA_FADD - FIRST_ARITHMETIC] = {X86_ADDSS, X86_ADDSD, 0},
    [SSA_FSUB - FIRST_ARITHMETIC] = {X86_SUBSS, X86_SUBSD, 0},
    [SSA_FMUL - FIRST_ARITHMETIC] = {X86_MULSS, X86_MULSD, 0},
    [SSA_FDIV - FIRST_ARITHMETIC] = {X86_DIVSS, X86_DIVSD, 0},
    [SSA_FCEIL - FIRST_ARITHMETIC] = {X86_ROUNDSS, X86_ROUNDSD, ROUND_CEIL},
    [SSA_FFLOOR - FIRST_ARITHMETIC] = {X86_ROUNDSS, X86_ROUNDSD, ROUND_FLOOR},
    [SSA_FTRUNC - FIRST_ARITHMETIC] = {X86_ROUNDSS, X86_ROUNDSD, ROUND_TRUNC},
    [SSA_FNEAREST - FIRST_ARITHMETIC] = {X86_ROUNDSS, X86_ROUNDSD, ROUND_NEAREST},
    [SSA_FSQRT - FIRST_ARITHMETIC] = {X86_SQRTSS, X86_SQRTSD, 0},
};

static void select_binary(struct select *s, val_t v)
{
    const struct float_op *row = &float_ops[x86_inst(s, v)->op - FIRST_ARITHMETIC];
    enum ssa_type type = x86_type(s, v);
    (void)x86_emit_rvm(s, by_type(type, row->f32, row->f64), x86_def(s, v), x86_arg(s, v, 0),
                       x86_arg(s, v, 1), x86_type_bytes(type));
}

/* An instruction of X_MERGE: the result best takes the register of the argument. */
static void emit_merge(struct select *s, enum x86_op op, val_t v, uint64_t imm)
{
    uint32_t def = x86_def(s, v);
    uint32_t src = vec_arg(s, v, 0);
    struct vreg *vreg = &s->mf->vregs[def];
    if (vreg->hint_vreg == 0 && !s->has_avx) {
        vreg->hint_vreg = src;
    }
    emit_rr(s, op, def, src)->imm = imm;
}

static void select_unary(struct select *s, val_t v)
{
    const struct float_op *row = &float_ops[x86_inst(s, v)->op - FIRST_ARITHMETIC];
    emit_merge(s, by_type(x86_type(s, v), row->f32, row->f64), v, row->imm);
}

/* fmin and fmax: minsd, but for NaNs and equal operands (zeros), which the encoder puts aside. */
static void select_minmax(struct select *s, val_t v)
{
    uint32_t def = x86_def(s, v);
    uint32_t a = vec_arg(s, v, 0), b = vec_arg(s, v, 1);
    struct mir_inst *inst = emit(s, x86_inst(s, v)->op == SSA_FMIN ? X86_FMIN : X86_FMAX);
    inst->sub[0] = x86_type_bytes(x86_type(s, v));
    op_def_rvm(s, def);
    op_use(s, a);
    op_use(s, b);
}

/* ---- Signs ---- */

static uint32_t sign_mask(struct select *s, enum ssa_type type)
{
    return type == T_F32 ? vec_const32(s, F32_SIGN) : vec_const64(s, F64_SIGN);
}

static uint32_t magnitude_mask(struct select *s, enum ssa_type type)
{
    return type == T_F32 ? vec_const32(s, ~F32_SIGN) : vec_const64(s, ~F64_SIGN);
}

static void select_sign(struct select *s, val_t v)
{
    enum ssa_type type = x86_type(s, v);
    bool is_abs = x86_inst(s, v)->op == SSA_FABS;
    uint32_t mask = is_abs ? magnitude_mask(s, type) : sign_mask(s, type);
    (void)emit_rvm(s, is_abs ? X86_ANDPS : X86_XORPS, x86_def(s, v), vec_arg(s, v, 0), mask);
}

static void select_copysign(struct select *s, val_t v)
{
    enum ssa_type type = x86_type(s, v);
    uint32_t def = x86_def(s, v);
    uint32_t a = vec_arg(s, v, 0);
    uint64_t bits;
    if (ssa_is_const(s->fn, arg_of(s, v, 1), &bits)) {
        bool is_negative = (bits & (type == T_F32 ? F32_SIGN : F64_SIGN)) != 0;
        uint32_t mask = is_negative ? sign_mask(s, type) : magnitude_mask(s, type);
        (void)emit_rvm(s, is_negative ? X86_ORPS : X86_ANDPS, def, a, mask);
        return;
    }
    uint32_t b = vec_arg(s, v, 1);
    uint32_t magnitude = vec_rvm(s, X86_ANDPS, a, magnitude_mask(s, type));
    uint32_t sign = vec_rvm(s, X86_ANDPS, b, sign_mask(s, type));
    (void)emit_rvm(s, X86_ORPS, def, magnitude, sign);
}

/* ---- Comparisons ---- */

/*
 * A comparison may be emitted once for each user. A load it reads may become part of it only if
 * there is no other: if what is being selected is its only user, or itself.
 */
static bool may_fold_into(const struct select *s, val_t compare)
{
    val_t root = {s->root};
    return s->n_uses[compare.i] == 1 && (root.i == compare.i || arg_of(s, root, 0).i == compare.i);
}

/*
 * ucomis sets CF, ZF and PF, all three if unordered: so "above" and "above or equal" are false
 * for NaNs, and < and <= become those with the operands exchanged.
 */
enum x86_cc x86_float_condition(struct select *s, val_t v)
{
    static const struct {
        uint8_t cc;
        bool is_swapped;
    } conditions[] = {
        [SSA_FEQ - FIRST_COMPARE] = {CC_E_AND_NP, false},
        [SSA_FNE - FIRST_COMPARE] = {CC_NE_OR_P, false},
        [SSA_FLT - FIRST_COMPARE] = {CC_A, true},
        [SSA_FGT - FIRST_COMPARE] = {CC_A, false},
        [SSA_FLE - FIRST_COMPARE] = {CC_AE, true},
        [SSA_FGE - FIRST_COMPARE] = {CC_AE, false},
    };
    const uint32_t i = (uint32_t)x86_inst(s, v)->op - FIRST_COMPARE;
    assert(i < sizeof conditions / sizeof conditions[0]);
    uint32_t left = conditions[i].is_swapped ? 1 : 0;
    enum ssa_type type = x86_type(s, arg_of(s, v, 0));
    val_t rm = arg_of(s, v, 1 - left);
    uint32_t reg = vec_arg(s, v, left);
    enum x86_op op = by_type(type, X86_UCOMISS, X86_UCOMISD);
    struct x86_mem mem;
    if (may_fold_into(s, v) && x86_fold_load(s, rm, x86_type_bytes(type), &mem)) {
        emit(s, op);
        op_use(s, reg);
        op_mem(s, &mem);
    } else {
        uint32_t src = x86_use(s, rm);
        emit(s, op);
        op_use(s, reg);
        op_use_any(s, src);
    }
    return (enum x86_cc)conditions[i].cc;
}

/* The comparison v as a mask of ones or zeros in a vector register. */
static uint32_t emit_mask(struct select *s, val_t v)
{
    static const struct {
        uint8_t predicate;
        bool is_swapped;
    } predicates[] = {
        [SSA_FEQ - FIRST_COMPARE] = {FCMP_EQ, false}, [SSA_FNE - FIRST_COMPARE] = {FCMP_NE, false},
        [SSA_FLT - FIRST_COMPARE] = {FCMP_LT, false}, [SSA_FGT - FIRST_COMPARE] = {FCMP_LT, true},
        [SSA_FLE - FIRST_COMPARE] = {FCMP_LE, false}, [SSA_FGE - FIRST_COMPARE] = {FCMP_LE, true},
    };
    uint32_t i = (uint32_t)x86_inst(s, v)->op - FIRST_COMPARE;
    uint32_t left = predicates[i].is_swapped ? 1 : 0;
    enum ssa_type type = x86_type(s, arg_of(s, v, 0));
    uint32_t mask = new_scalar(s, type);
    x86_emit_rvm(s, by_type(type, X86_CMPSS, X86_CMPSD), mask, arg_of(s, v, left),
                 arg_of(s, v, 1 - left), may_fold_into(s, v) ? x86_type_bytes(type) : 0)
        ->imm = predicates[i].predicate;
    return mask;
}

/* As 0 or 1. == and != would need two conditions: they take the mask's lowest bit. */
static void select_compare(struct select *s, val_t v)
{
    uint32_t def = x86_def(s, v);
    uint16_t ssa_op = x86_inst(s, v)->op;
    if (ssa_op == SSA_FEQ || ssa_op == SSA_FNE) {
        uint32_t bits = x86_vreg(s, CLASS_GPR, 4);
        uint32_t mask = emit_mask(s, v);
        (void)emit_mr(s, X86_MOVD_RX, bits, mask);
        struct mir_inst *inst = emit(s, X86_ANDI);
        inst->sub[0] = 4;
        inst->imm = 1;
        op_def_tied(s, def, 1);
        op_use(s, bits);
        return;
    }
    uint32_t zero = vec_zero_gpr(s);
    vec_setcc(s, def, zero, x86_float_condition(s, v));
}

/* ---- Select ---- */

static bool is_float_compare(const struct ssa_inst *inst)
{
    return inst->op >= SSA_FEQ && inst->op <= SSA_FGE;
}

static bool is_plus_zero(const struct select *s, val_t v)
{
    uint64_t bits;
    return ssa_is_const(s->fn, v, &bits) && bits == 0;
}

/* A constant that equals nothing but itself: no NaN, no zero. */
static bool is_plain_const(const struct select *s, val_t v)
{
    uint64_t bits;
    if (!ssa_is_const(s->fn, v, &bits)) {
        return false;
    }
    bool is_f32 = x86_type(s, v) == T_F32;
    uint64_t magnitude = bits & (is_f32 ? ~F32_SIGN : ~F64_SIGN);
    return magnitude != 0 && magnitude <= (is_f32 ? 0x7f800000ull : 0x7ff0000000000000ull);
}

/*
 * minsd(x, y) is x < y ? x : y, to the bit: y if either is a NaN or both are zeros (SDM 2B,
 * MINSD); maxsd likewise. With <= they differ only where x and y are equal and not the same.
 */
static bool select_as_minmax(struct select *s, val_t v, val_t compare)
{
    val_t x = arg_of(s, v, 1), y = arg_of(s, v, 2);
    val_t a = arg_of(s, compare, 0), b = arg_of(s, compare, 1);
    bool is_same = x.i == a.i && y.i == b.i;
    bool is_crossed = x.i == b.i && y.i == a.i;
    if (!is_same && !is_crossed) {
        return false;
    }
    bool is_less;
    switch (x86_inst(s, compare)->op) {
    case SSA_FLT:
    case SSA_FLE: is_less = is_same; break;
    case SSA_FGT:
    case SSA_FGE: is_less = !is_same; break;
    default: return false;
    }
    bool is_strict = x86_inst(s, compare)->op == SSA_FLT || x86_inst(s, compare)->op == SSA_FGT;
    if (!is_strict && !is_plain_const(s, x) && !is_plain_const(s, y)) {
        return false;
    }
    enum ssa_type type = x86_type(s, v);
    enum x86_op op =
        is_less ? by_type(type, X86_MINSS, X86_MINSD) : by_type(type, X86_MAXSS, X86_MAXSD);
    (void)x86_emit_rvm(s, op, x86_def(s, v), x, y, x86_type_bytes(type));
    return true;
}

/* def = mask ? x : y, without a branch; all in registers, as masks are as short as floats. */
static void select_by_mask(struct select *s, val_t v, val_t compare)
{
    uint32_t def = x86_def(s, v);
    enum ssa_type type = x86_type(s, v);
    val_t x = arg_of(s, v, 1), y = arg_of(s, v, 2);
    uint32_t mask = emit_mask(s, compare);
    if (is_plus_zero(s, y)) {
        (void)emit_rvr(s, X86_ANDPS, def, mask, x86_use(s, x));
    } else if (is_plus_zero(s, x)) {
        (void)emit_rvr(s, X86_ANDNPS, def, mask, x86_use(s, y));
    } else if (s->has_avx) {
        uint32_t if_true = x86_use(s, x), if_false = x86_use(s, y);
        emit(s, by_type(type, X86_BLENDVPS, X86_BLENDVPD));
        op_def(s, def);
        op_use(s, if_false);
        op_use(s, mask);
        op_use(s, if_true);
    } else {
        uint32_t if_true = new_scalar(s, type), if_false = new_scalar(s, type);
        (void)emit_rvr(s, X86_ANDPS, if_true, x86_use(s, x), mask);
        (void)emit_rvr(s, X86_ANDNPS, if_false, mask, x86_use(s, y));
        (void)emit_rvr(s, X86_ORPS, def, if_true, if_false);
    }
}

static void select_select(struct select *s, val_t v)
{
    val_t cond = arg_of(s, v, 0);
    if (is_float_compare(x86_inst(s, cond)) && x86_type(s, arg_of(s, cond, 0)) == x86_type(s, v)) {
        if (!select_as_minmax(s, v, cond)) {
            select_by_mask(s, v, cond);
        }
        return;
    }
    uint32_t def = x86_def(s, v);
    uint32_t if_true = vec_arg(s, v, 1), if_false = vec_arg(s, v, 2);
    enum x86_cc cc = x86_condition(s, cond);
    emit(s, X86_FSEL)->sub[3] = (uint8_t)cc;
    op_def_tied(s, def, 1);
    op_use(s, if_false);
    op_use(s, if_true);
}

/* ---- Conversions ---- */

/* cvtt* and a look at its result; what is done about a bad one is in encode_float.c. */
static void select_trunc(struct select *s, val_t v, uint64_t kind)
{
    uint32_t def = x86_def(s, v);
    uint32_t src = vec_arg(s, v, 0);
    kind |= x86_type(s, arg_of(s, v, 0)) == T_F64 ? TRUNC_FROM_F64 : 0;
    kind |= x86_type(s, v) == T_I64 ? TRUNC_TO_I64 : 0;
    struct mir_inst *inst = emit(s, X86_TRUNC);
    inst->imm = kind;
    inst->pos = x86_inst(s, v)->pos;
    op_early_def(s, def);
    op_use(s, src);
    if ((kind & TRUNC_UNSIGNED) != 0) {
        op_temp(s, (kind & TRUNC_TO_I64) != 0 ? CLASS_VEC : CLASS_GPR);
    }
}

static void select_convert_s(struct select *s, val_t v)
{
    uint32_t def = x86_def(s, v);
    val_t src = arg_of(s, v, 0);
    uint8_t src_bytes = x86_type_bytes(x86_type(s, src));
    enum x86_op op = by_type(x86_type(s, v), X86_CVTSI2SS, X86_CVTSI2SD);
    uint32_t zero = x86_const_vec(s, 0, x86_type_bytes(x86_type(s, v)));
    struct x86_mem mem;
    struct mir_inst *inst;
    if (x86_fold_load(s, src, src_bytes, &mem)) {
        inst = emit_rvm_mem(s, op, def, zero, &mem);
    } else {
        uint32_t reg = src_bytes == 4 ? x86_use32(s, src) : x86_use(s, src);
        inst = emit_rvm(s, op, def, zero, reg);
    }
    inst->sub[0] = src_bytes;
}

/* An unsigned i32 is a small i64, as it is kept zero-extended; only an i64 needs more. */
static void select_convert_u(struct select *s, val_t v)
{
    uint32_t def = x86_def(s, v);
    enum ssa_type type = x86_type(s, v);
    uint32_t src = vec_arg(s, v, 0);
    uint32_t zero = x86_const_vec(s, 0, x86_type_bytes(type));
    if (x86_type(s, arg_of(s, v, 0)) == T_I32) {
        enum x86_op op = by_type(type, X86_CVTSI2SS, X86_CVTSI2SD);
        emit_rvr(s, op, def, zero, src)->sub[0] = 8;
        return;
    }
    emit(s, X86_CVTU64)->sub[0] = x86_type_bytes(type);
    op_def_rvm(s, def);
    op_use(s, zero);
    op_use(s, src);
    op_temp(s, CLASS_GPR);
}

static void select_bitcast(struct select *s, val_t v)
{
    uint32_t def = x86_def(s, v);
    val_t src = arg_of(s, v, 0);
    enum ssa_type type = x86_type(s, v);
    uint8_t bytes = x86_type_bytes(type);
    bool is_to_float = x86_type_is_vec(type);
    struct x86_mem mem;
    if (x86_fold_load(s, src, bytes, &mem)) {
        enum x86_op load = bytes == 4 ? X86_MOVSS_LOAD : X86_MOVSD_LOAD;
        emit_rm_mem(s, is_to_float ? load : X86_LOAD, def, &mem)->sub[0] = bytes;
    } else if (is_to_float) {
        (void)emit_rm(s, bytes == 4 ? X86_MOVD_XR : X86_MOVQ_XR, def, x86_use(s, src));
    } else {
        (void)emit_mr(s, bytes == 4 ? X86_MOVD_RX : X86_MOVQ_RX, def, x86_use(s, src));
    }
}

/* ---- Loads and stores, of vectors too ---- */

static void select_load(struct select *s, val_t v)
{
    static const uint16_t ops[T_COUNT] = {
        [T_F32] = X86_MOVSS_LOAD, [T_F64] = X86_MOVSD_LOAD, [T_V128] = X86_MOVUPS_LOAD};
    uint32_t def = x86_def(s, v);
    struct x86_mem mem = x86_address(s, v);
    (void)emit_rm_mem(s, (enum x86_op)ops[x86_type(s, v)], def, &mem);
}

/* A constant whose bytes an integer store's immediate can give. */
static bool store_const(struct select *s, val_t v, val_t value)
{
    uint64_t bits;
    enum ssa_type type = x86_type(s, value);
    if (!ssa_is_const(s->fn, value, &bits) ||
        (type == T_F64 && (uint64_t)(int64_t)(int32_t)bits != bits)) {
        return false;
    }
    struct x86_mem mem = x86_address(s, v);
    struct mir_inst *inst = emit(s, X86_STOREI);
    inst->sub[0] = x86_type_bytes(type);
    inst->imm = bits;
    op_mem(s, &mem);
    return true;
}

/* The upper lane of a vector, asked for by nobody else, needn't be extracted first. */
static bool store_upper_lane(struct select *s, val_t v, val_t value)
{
    const struct ssa_inst *inst = x86_inst(s, value);
    if (inst->op != SSA_V_F64X2_EXTRACT_LANE || inst->sub != 1 || !vec_may_absorb(s, value)) {
        return false;
    }
    uint32_t src = vec_arg(s, value, 0);
    struct x86_mem mem = x86_address(s, v);
    (void)emit_store(s, X86_MOVHPS_STORE, src, &mem);
    return true;
}

static void select_store(struct select *s, val_t v)
{
    static const uint16_t ops[T_COUNT] = {
        [T_F32] = X86_MOVSS_STORE, [T_F64] = X86_MOVSD_STORE, [T_V128] = X86_MOVUPS_STORE};
    val_t value = arg_of(s, v, x86_inst(s, v)->op == SSA_INST_STORE ? 0 : 1);
    if (store_const(s, v, value) || store_upper_lane(s, v, value)) {
        return;
    }
    uint32_t src = x86_use(s, value);
    struct x86_mem mem = x86_address(s, v);
    (void)emit_store(s, (enum x86_op)ops[x86_type(s, value)], src, &mem);
}

status_t x86_select_float(struct select *s, val_t v)
{
    switch (x86_inst(s, v)->op) {
    case SSA_FADD:
    case SSA_FSUB:
    case SSA_FMUL:
    case SSA_FDIV: select_binary(s, v); break;
    case SSA_FCEIL:
    case SSA_FFLOOR:
    case SSA_FTRUNC:
    case SSA_FNEAREST:
    case SSA_FSQRT: select_unary(s, v); break;
    case SSA_FMIN:
    case SSA_FMAX: select_minmax(s, v); break;
    case SSA_FABS:
    case SSA_FNEG: select_sign(s, v); break;
    case SSA_FCOPYSIGN: select_copysign(s, v); break;
    case SSA_FEQ:
    case SSA_FNE:
    case SSA_FLT:
    case SSA_FGT:
    case SSA_FLE:
    case SSA_FGE: select_compare(s, v); break;
    case SSA_SELECT: select_select(s, v); break;
    case SSA_TRUNC_S: select_trunc(s, v, 0); break;
    case SSA_TRUNC_U: select_trunc(s, v, TRUNC_UNSIGNED); break;
    case SSA_TRUNC_SAT_S: select_trunc(s, v, TRUNC_SAT); break;
    case SSA_TRUNC_SAT_U: select_trunc(s, v, TRUNC_SAT | TRUNC_UNSIGNED); break;
    case SSA_CONVERT_S: select_convert_s(s, v); break;
    case SSA_CONVERT_U: select_convert_u(s, v); break;
    case SSA_DEMOTE: emit_merge(s, X86_CVTSD2SS, v, 0); break;
    case SSA_PROMOTE: emit_merge(s, X86_CVTSS2SD, v, 0); break;
    case SSA_BITCAST: select_bitcast(s, v); break;
    case SSA_LOAD:
    case SSA_INST_LOAD:
    case SSA_PTR_LOAD: select_load(s, v); break;
    case SSA_STORE:
    case SSA_INST_STORE:
    case SSA_PTR_STORE: select_store(s, v); break;
    default: return ERR_UNSUPPORTED;
    }
    return STATUS_OK;
}
