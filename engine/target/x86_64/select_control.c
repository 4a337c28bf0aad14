/*
 * Selection of conditions and of what ends blocks.
 *
 * A condition is emitted where its flags are used, once for each user (a compare costs no more
 * than testing a materialised one): branches, selects, traps and comparisons as values.
 */
#include "engine/opt/fold.h"
#include "engine/target/x86_64/abi.h"
#include "engine/target/x86_64/select.h"

static val_t arg(const struct select *s, val_t v, uint32_t k)
{
    return ssa_resolve(s->fn, x86_arg(s, v, k));
}

static uint32_t use(struct select *s, val_t v, uint8_t size)
{
    return size == 8 ? x86_use(s, v) : x86_use32(s, v);
}

/* ---- Conditions ---- */

static const uint8_t compare_ccs[] = {
    [SSA_EQZ - SSA_EQZ] = CC_E,   [SSA_EQ - SSA_EQZ] = CC_E,    [SSA_NE - SSA_EQZ] = CC_NE,
    [SSA_LT_S - SSA_EQZ] = CC_L,  [SSA_LT_U - SSA_EQZ] = CC_B,  [SSA_GT_S - SSA_EQZ] = CC_G,
    [SSA_GT_U - SSA_EQZ] = CC_A,  [SSA_LE_S - SSA_EQZ] = CC_LE, [SSA_LE_U - SSA_EQZ] = CC_BE,
    [SSA_GE_S - SSA_EQZ] = CC_GE, [SSA_GE_U - SSA_EQZ] = CC_AE,
};

/* The condition with the two sides exchanged. */
static enum x86_cc swap_cc(enum x86_cc cc)
{
    static const uint8_t swapped[16] = {
        [CC_E] = CC_E,   [CC_NE] = CC_NE, [CC_B] = CC_A, [CC_A] = CC_B,   [CC_AE] = CC_BE,
        [CC_BE] = CC_AE, [CC_L] = CC_G,   [CC_G] = CC_L, [CC_GE] = CC_LE, [CC_LE] = CC_GE,
    };
    return (enum x86_cc)swapped[cc];
}

static void emit_test_self(struct select *s, uint32_t vreg, uint8_t size)
{
    struct mir_inst *inst = emit(s, X86_TEST);
    inst->sub[0] = size;
    op_use(s, vreg);
    op_use(s, vreg);
}

/* A load of which a comparison reads only so many bytes: with zeros above. */
static uint8_t narrow_load_bytes(const struct ssa_inst *inst)
{
    return inst->op == SSA_LOAD8_U ? 1 : inst->op == SSA_LOAD16_U ? 2 : 0;
}

/* cmp or test of a narrow load in memory with a constant that fits. */
static bool emit_narrow(struct select *s, enum x86_op op, val_t a, uint64_t bits)
{
    struct x86_mem mem;
    uint8_t bytes = narrow_load_bytes(x86_inst(s, a));
    if (bytes == 0 || bits >> (8 * bytes) != 0 || !x86_fold_load(s, a, bytes, &mem)) {
        return false;
    }
    struct mir_inst *inst = emit(s, op);
    inst->imm = bits;
    inst->sub[0] = bytes;
    op_mem(s, &mem);
    return true;
}

static void emit_cmp_imm(struct select *s, val_t a, uint64_t bits, uint8_t size, bool may_fold)
{
    struct x86_mem mem;
    bool is_folded = may_fold && x86_fold_load(s, a, size, &mem);
    uint32_t reg = is_folded ? 0 : use(s, a, size);
    if (!is_folded && bits == 0) {
        emit_test_self(s, reg, size);
        return;
    }
    struct mir_inst *inst = emit(s, X86_CMPI);
    inst->imm = bits;
    inst->sub[0] = size;
    if (is_folded) {
        op_mem(s, &mem);
    } else {
        op_use_any(s, reg);
    }
}

static void emit_cmp_mem(struct select *s, enum x86_op op, uint32_t reg, const struct x86_mem *mem,
                         uint8_t size)
{
    struct mir_inst *inst = emit(s, op);
    inst->sub[0] = size;
    op_use(s, reg);
    op_mem(s, mem);
}

/* Flags of a & b. */
static enum x86_cc emit_test(struct select *s, val_t v, bool may_fold)
{
    uint8_t size = x86_inst(s, v)->type == T_I64 ? 8 : 4;
    val_t a = arg(s, v, 0), b = arg(s, v, 1);
    uint64_t bits;
    struct x86_mem mem;
    if (ssa_is_const(s->fn, b, &bits) && (bits <= UINT32_MAX || x86_fits_imm32(bits, size))) {
        if (may_fold && emit_narrow(s, X86_TESTI, a, bits)) {
            return CC_NE;
        }
        size = bits <= INT32_MAX ? 4 : size; /* the upper half would be and'ed with zeros */
        if (size == 8 && bits <= UINT32_MAX) {
            size = 4;
        }
        if (may_fold && x86_type_bytes(x86_type(s, a)) == size && x86_fold_load(s, a, size, &mem)) {
            struct mir_inst *inst = emit(s, X86_TESTI);
            inst->imm = bits;
            inst->sub[0] = size;
            op_mem(s, &mem);
            return CC_NE;
        }
        uint32_t reg = use(s, a, size);
        struct mir_inst *inst = emit(s, X86_TESTI);
        inst->imm = bits;
        inst->sub[0] = bits <= UINT8_MAX ? 1 : size;
        op_use_any(s, reg);
        return CC_NE;
    }
    if (may_fold && x86_fold_load(s, b, size, &mem)) {
        emit_cmp_mem(s, X86_TEST, use(s, a, size), &mem, size);
        return CC_NE;
    }
    if (may_fold && x86_fold_load(s, a, size, &mem)) {
        emit_cmp_mem(s, X86_TEST, use(s, b, size), &mem, size);
        return CC_NE;
    }
    uint32_t left = use(s, a, size), right = use(s, b, size);
    struct mir_inst *inst = emit(s, X86_TEST);
    inst->sub[0] = size;
    op_use(s, left);
    op_use_any(s, right);
    return CC_NE;
}

/* v is x & (1 << n), or (x >> n) & 1: bit n of x. */
static bool match_bit(const struct select *s, val_t v, val_t *x, val_t *n)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    uint64_t bits;
    if (inst->op != SSA_AND) {
        return false;
    }
    val_t a = arg(s, v, 0), b = arg(s, v, 1);
    if (ssa_is_const(s->fn, b, &bits)) {
        if (bits != 1 || x86_inst(s, a)->op != SSA_SHR_U ||
            ssa_is_const(s->fn, arg(s, a, 1), &bits) || s->n_uses[a.i] != 1) {
            return false;
        }
        *x = arg(s, a, 0);
        *n = arg(s, a, 1);
        return true;
    }
    for (uint32_t k = 0; k < 2; k++) {
        val_t shl = k == 0 ? b : a;
        if (x86_inst(s, shl)->op == SSA_SHL && s->n_uses[shl.i] == 1 &&
            ssa_is_const(s->fn, arg(s, shl, 0), &bits) && bits == 1) {
            *x = k == 0 ? a : b;
            *n = arg(s, shl, 1);
            return true;
        }
    }
    return false;
}

static enum x86_cc emit_bt(struct select *s, val_t x, val_t n, uint8_t size)
{
    uint32_t left = use(s, x, size), right = x86_use32(s, n);
    struct mir_inst *inst = emit(s, X86_BT);
    inst->sub[0] = size;
    op_use(s, left);
    op_use(s, right);
    return CC_B;
}

static bool is_compare(const struct ssa_inst *inst)
{
    return inst->op >= SSA_EQZ && inst->op <= SSA_FGE;
}

/* Flags of "v is not zero" for a v that isn't a comparison. */
static enum x86_cc emit_truth(struct select *s, val_t v, bool may_fold)
{
    uint8_t size = x86_inst(s, v)->type == T_I64 ? 8 : 4;
    val_t x, n;
    uint64_t bits;
    enum x86_cc cc;
    if (s->n_uses[v.i] == 1 && s->vreg_of[v.i] == 0 && x86_simd_condition(s, v, &cc)) {
        return cc;
    }
    if (x86_inst(s, v)->op == SSA_AND && s->n_uses[v.i] == 1 && s->vreg_of[v.i] == 0) {
        if (match_bit(s, v, &x, &n)) {
            return emit_bt(s, x, n, size);
        }
        val_t b = arg(s, v, 1);
        if (size == 8 && ssa_is_const(s->fn, b, &bits) && bits > INT32_MAX &&
            (bits & (bits - 1)) == 0) {
            uint32_t reg = x86_use(s, arg(s, v, 0));
            struct mir_inst *inst = emit(s, X86_BTI);
            inst->imm = (uint64_t)__builtin_ctzll(bits);
            inst->sub[0] = 8;
            op_use(s, reg);
            return CC_B;
        }
        return emit_test(s, v, may_fold);
    }
    if (may_fold && emit_narrow(s, X86_CMPI, v, 0)) {
        return CC_NE;
    }
    emit_cmp_imm(s, v, 0, size, may_fold);
    return CC_NE;
}

/* The same of two numbers that have no sign bit. */
static enum x86_cc unsigned_cc(enum x86_cc cc)
{
    static const uint8_t unsigned_ccs[4] = {
        [CC_L - CC_L] = CC_B, [CC_GE - CC_L] = CC_AE, [CC_LE - CC_L] = CC_BE, [CC_G - CC_L] = CC_A};
    return cc >= CC_L && cc <= CC_G ? (enum x86_cc)unsigned_ccs[cc - CC_L] : cc;
}

/* A value of so few bits with a narrow load, in memory. */
static bool emit_cmp_narrow(struct select *s, enum x86_op op, val_t reg, val_t load)
{
    struct x86_mem mem;
    uint8_t bytes = narrow_load_bytes(x86_inst(s, load));
    if (bytes == 0 || fold_value_max(s->fn, reg) >> (8 * bytes) != 0 ||
        !x86_fold_load(s, load, bytes, &mem)) {
        return false;
    }
    emit_cmp_mem(s, op, x86_use32(s, reg), &mem, bytes);
    return true;
}

static enum x86_cc emit_compare(struct select *s, val_t v, bool may_fold)
{
    enum x86_cc cc = (enum x86_cc)compare_ccs[x86_inst(s, v)->op - SSA_EQZ];
    val_t a = arg(s, v, 0), b = arg(s, v, 1);
    uint8_t size = x86_type_bytes(x86_type(s, a));
    uint64_t bits;
    struct x86_mem mem;
    if (ssa_is_const(s->fn, a, &bits) && !ssa_is_const(s->fn, b, &bits)) {
        val_t swap = a;
        a = b;
        b = swap;
        cc = swap_cc(cc);
    }
    if (ssa_is_const(s->fn, b, &bits) && x86_fits_imm32(bits, size)) {
        bool is_signed = cc >= CC_L;
        if (bits == 0 && (cc == CC_E || cc == CC_NE)) {
            enum x86_cc truth = emit_truth(s, a, may_fold);
            return cc == CC_NE ? truth : truth ^ 1;
        }
        if (may_fold && !is_signed && emit_narrow(s, X86_CMPI, a, bits)) {
            return cc;
        }
        if (bits == 0 && (cc == CC_L || cc == CC_GE)) {
            cc = cc == CC_L ? CC_S : CC_NS;
        }
        emit_cmp_imm(s, a, bits, size, may_fold);
        return cc;
    }
    if (may_fold && (emit_cmp_narrow(s, X86_CMP, a, b) || emit_cmp_narrow(s, X86_CMP_MR, b, a))) {
        return unsigned_cc(cc);
    }
    if (may_fold && x86_fold_load(s, b, size, &mem)) {
        emit_cmp_mem(s, X86_CMP, use(s, a, size), &mem, size);
        return cc;
    }
    if (may_fold && x86_fold_load(s, a, size, &mem)) {
        emit_cmp_mem(s, X86_CMP_MR, use(s, b, size), &mem, size);
        return cc;
    }
    uint32_t left = use(s, a, size), right = use(s, b, size);
    struct mir_inst *inst = emit(s, X86_CMP);
    inst->sub[0] = size;
    op_use(s, left);
    op_use_any(s, right);
    return cc;
}

enum x86_cc x86_condition(struct select *s, val_t v)
{
    uint8_t negate = 0;
    bool may_fold = true;
    for (v = ssa_resolve(s->fn, v);; v = arg(s, v, 0)) {
        const struct ssa_inst *inst = x86_inst(s, v);
        /* a comparison of several users may be emitted again: its loads may not; the one being
         * selected itself (as a value) is not yet emitted, but others may have been */
        may_fold = may_fold && s->n_uses[v.i] == 1;
        if (inst->op != SSA_EQZ) {
            break;
        }
        if (!is_compare(x86_inst(s, arg(s, v, 0)))) {
            may_fold = may_fold && inst->block == s->block;
            enum x86_cc cc = emit_truth(s, arg(s, v, 0), may_fold);
            return cc ^ 1 ^ negate;
        }
        negate ^= 1;
    }
    const struct ssa_inst *inst = x86_inst(s, v);
    if (!is_compare(inst)) {
        return emit_truth(s, v, may_fold) ^ negate;
    }
    enum x86_cc cc = inst->op >= SSA_FEQ ? x86_float_condition(s, v) : emit_compare(s, v, may_fold);
    return cc ^ negate;
}

/* ---- Carries ---- */

static void emit_below_imm(struct select *s, val_t a, uint64_t imm, uint8_t size)
{
    uint32_t reg = use(s, a, size);
    struct mir_inst *inst = emit(s, X86_CMPI);
    inst->imm = imm;
    inst->sub[0] = size;
    op_use_any(s, reg);
}

static void emit_below(struct select *s, val_t a, val_t b, uint8_t size)
{
    struct x86_mem mem;
    if (x86_fold_load(s, b, size, &mem)) {
        emit_cmp_mem(s, X86_CMP, use(s, a, size), &mem, size);
    } else if (x86_fold_load(s, a, size, &mem)) {
        emit_cmp_mem(s, X86_CMP_MR, use(s, b, size), &mem, size);
    } else {
        uint32_t left = use(s, a, size), right = use(s, b, size);
        struct mir_inst *inst = emit(s, X86_CMP);
        inst->sub[0] = size;
        op_use(s, left);
        op_use_any(s, right);
    }
}

/* v as a < b: its sides, and whether it is the opposite of that. A zero b.i stands for a < 1. */
static bool match_below(const struct select *s, val_t v, val_t *a, val_t *b, bool *is_not)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    *a = arg(s, v, 0);
    *b = VAL_NONE;
    *is_not = inst->op == SSA_GE_U || inst->op == SSA_LE_U;
    switch (inst->op) {
    case SSA_EQZ: return !is_compare(x86_inst(s, *a));
    case SSA_LT_U:
    case SSA_GE_U: *b = arg(s, v, 1); return true;
    case SSA_GT_U:
    case SSA_LE_U:
        *b = *a;
        *a = arg(s, v, 1);
        return true;
    default: return false;
    }
}

bool x86_emit_carry(struct select *s, val_t v, enum x86_cc *cc)
{
    val_t a, b;
    bool is_not;
    uint64_t bits;
    if (s->n_uses[v.i] != 1 || s->vreg_of[v.i] != 0 || !match_below(s, v, &a, &b, &is_not)) {
        return false;
    }
    uint8_t size = x86_type_bytes(x86_type(s, a));
    uint64_t max = size == 8 ? UINT64_MAX : UINT32_MAX;
    if (b.i == 0) {
        emit_below_imm(s, a, 1, size);
    } else if (ssa_is_const(s->fn, b, &bits)) {
        if (!x86_fits_imm32(bits, size)) {
            return false;
        }
        emit_below_imm(s, a, bits, size);
    } else if (ssa_is_const(s->fn, a, &bits)) { /* c < b is not b < c + 1 */
        if (bits == max || !x86_fits_imm32(bits + 1, size)) {
            return false;
        }
        emit_below_imm(s, b, bits + 1, size);
        is_not = !is_not;
    } else {
        emit_below(s, a, b, size);
    }
    *cc = is_not ? CC_AE : CC_B;
    return true;
}

/* ---- Traps ---- */

/* The call_indirect check: its stub tells null from mismatch by the id of the slot. */
static enum x86_cc emit_type_check(struct select *s, val_t cond, uint32_t *id)
{
    val_t a = arg(s, cond, 0), b = arg(s, cond, 1);
    struct x86_mem mem;
    if (x86_inst(s, a)->op != SSA_PTR_LOAD) {
        val_t swap = a;
        a = b;
        b = swap;
    }
    *id = x86_use(s, a);
    if (s->n_uses[cond.i] == 1 && x86_fold_load(s, b, 4, &mem)) {
        emit_cmp_mem(s, X86_CMP, *id, &mem, 4);
    } else {
        uint32_t right = x86_use(s, b);
        struct mir_inst *inst = emit(s, X86_CMP);
        inst->sub[0] = 4;
        op_use(s, *id);
        op_use_any(s, right);
    }
    return CC_NE;
}

static void select_trap_if(struct select *s, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    val_t cond = arg(s, v, 0);
    uint32_t id = 0;
    enum x86_cc cc = inst->sub == TRAP_INDIRECT_TYPE && x86_inst(s, cond)->op == SSA_NE
                         ? emit_type_check(s, cond, &id)
                         : x86_condition(s, cond);
    struct mir_inst *out = emit(s, X86_TRAPCC);
    out->sub[3] = cc;
    out->block_or_id = inst->sub;
    out->pos = inst->pos;
    if (id != 0) {
        op_use(s, id);
    }
}

/* ---- Ends ---- */

static void select_trap(struct select *s, val_t v)
{
    struct mir_inst *out = emit(s, X86_TRAP);
    out->block_or_id = x86_inst(s, v)->sub;
    out->pos = x86_inst(s, v)->pos;
    out->flags = MIR_END;
}

static void select_jump(struct select *s, val_t v)
{
    (void)v;
    emit(s, X86_JMP)->flags = MIR_END;
}

static void select_branch(struct select *s, val_t v)
{
    enum x86_cc cc = x86_condition(s, arg(s, v, 0));
    struct mir_inst *out = emit(s, X86_JCC);
    out->sub[3] = cc;
    out->flags = MIR_END;
}

#define TABLE_MIN 4 /* entries: fewer are compared one by one */

static uint32_t emit_clamp(struct select *s, uint32_t index, uint32_t last)
{
    uint32_t clamped = x86_vreg(s, CLASS_GPR, 4);
    struct mir_inst *out = emit(s, X86_CMPI);
    out->sub[0] = 4;
    out->imm = last;
    op_use(s, index);
    out = emit(s, X86_CMOV);
    out->sub[0] = 4;
    out->sub[3] = CC_B;
    op_def_tied(s, clamped, 1);
    op_use(s, x86_const_gpr(s, last, 4));
    op_use_any(s, index);
    return clamped;
}

/* The index, or the number of the last entry, which is the default's, if it is too large: no
 * branch that could be predicted wrongly guards the table. */
static void select_table(struct select *s, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    uint32_t last = inst->arg[1] - 1;
    val_t index = arg(s, v, 0);
    if (inst->arg[1] <= TABLE_MIN) {
        uint32_t vreg = x86_use32(s, index);
        struct mir_inst *chain = emit(s, X86_JCHAIN);
        chain->flags = MIR_END;
        chain->imm = inst->imm;
        chain->block_or_id = inst->arg[1];
        op_use(s, vreg);
        return;
    }
    bool is_bounded = fold_value_max(s->fn, index) <= last;
    uint32_t clamped = is_bounded ? x86_use(s, index) : emit_clamp(s, x86_use32(s, index), last);
    struct mir_inst *out = emit(s, X86_JTABLE);
    out->flags = MIR_END;
    out->imm = inst->imm;
    out->block_or_id = inst->arg[1];
    op_use(s, clamped);
    op_temp(s, CLASS_GPR);
    op_temp(s, CLASS_GPR);
}

static void emit_stack_result(struct select *s, uint32_t vreg, enum ssa_type type, uint32_t offset)
{
    static const uint16_t ops[T_COUNT] = {[T_I32] = X86_STORE,
                                          [T_I64] = X86_STORE,
                                          [T_F32] = X86_MOVSS_STORE,
                                          [T_F64] = X86_MOVSD_STORE,
                                          [T_V128] = X86_MOVUPS_STORE};
    struct x86_mem mem = {.mode = MODE_IN, .disp = (int32_t)offset};
    emit_store(s, (enum x86_op)ops[type], vreg, &mem)->sub[0] = x86_type_bytes(type);
}

static void select_return(struct select *s, val_t v)
{
    struct ssa_func *fn = s->fn;
    struct x86_abi args = x86_abi_args();
    for (uint32_t i = 0; i < fn->n_params; i++) {
        enum ssa_type type = (enum ssa_type)fn->param_types[i];
        (void)x86_abi_next(&args, x86_type_is_vec(type), x86_type_bytes(type));
    }
    struct x86_abi abi = x86_abi_results(args.stack_bytes);
    struct x86_abi again = abi;
    uint32_t n = fn->n_results;
    if (!x86_reserve(s, n + 1, n + n + 2, n + 2)) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) { /* the stores, before the registers are fixed */
        enum ssa_type type = (enum ssa_type)fn->result_types[i];
        struct x86_place place = x86_abi_next(&abi, x86_type_is_vec(type), x86_type_bytes(type));
        if (place.reg == REG_NONE) {
            emit_stack_result(s, x86_use(s, x86_arg(s, v, i)), type, place.offset);
        }
    }
    emit(s, X86_RET)->flags = MIR_END;
    for (uint32_t i = 0; i < n; i++) {
        enum ssa_type type = (enum ssa_type)fn->result_types[i];
        struct x86_place place = x86_abi_next(&again, x86_type_is_vec(type), x86_type_bytes(type));
        if (place.reg != REG_NONE) {
            uint32_t vreg = x86_use(s, x86_arg(s, v, i));
            op_use_fixed(s, vreg, place.reg);
            if (s->mf->vregs[vreg].hint == REG_NONE) {
                s->mf->vregs[vreg].hint = place.reg;
            }
        }
    }
}

status_t x86_select_end(struct select *s, val_t v)
{
    switch (x86_inst(s, v)->op) {
    case SSA_TRAP_IF: select_trap_if(s, v); break;
    case SSA_JUMP: select_jump(s, v); break;
    case SSA_BRANCH:
    case SSA_BR_TABLE:
        if (s->fn->blocks[s->block].n_succs == 1) {
            select_jump(s, v);
        } else if (x86_inst(s, v)->op == SSA_BRANCH) {
            select_branch(s, v);
        } else {
            select_table(s, v);
        }
        break;
    case SSA_RETURN: select_return(s, v); break;
    default: select_trap(s, v); break;
    }
    return s->status;
}
