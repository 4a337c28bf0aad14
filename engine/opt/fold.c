/*
 * Constant folding and algebraic simplification.
 *
 * One instruction at a time, over arguments that are already simplified: since the builder and
 * the value numbering call it in order of definition, chains fold by themselves. Constants are
 * moved to the right, subtractions of constants become additions, comparisons get their few
 * canonical forms, so that equal computations look equal.
 *
 * Floats are folded only where the result is a matter of bits: arithmetic on NaNs is the CPU's.
 */
#include "engine/opt/fold.h"

/* How deep value_max looks through arguments. */
#define VALUE_MAX_DEPTH 4
/* Offsets of accesses stay below the guard, less the widest access. */
#define FOLD_OFFSET_MAX ((64u << 20) - 16u)

static uint64_t width_mask(uint8_t type)
{
    return type == T_I32 ? UINT32_MAX : UINT64_MAX;
}

static int64_t as_signed(uint8_t type, uint64_t bits)
{
    return type == T_I32 ? (int32_t)bits : (int64_t)bits;
}

static const struct ssa_inst *arg_inst(const struct ssa_func *fn, const struct ssa_inst *inst,
                                       uint32_t k)
{
    return &fn->insts[inst->arg[k]];
}

/* The largest value that an integer may have, as far as a short look tells. */
static uint64_t value_max(const struct ssa_func *fn, val_t v, uint32_t depth)
{
    v = ssa_resolve(fn, v);
    const struct ssa_inst *inst = ssa_inst(fn, v);
    uint64_t all = width_mask(inst->type), bits, other;
    if (ssa_has(inst, SSA_CMP)) {
        return 1;
    }
    switch (inst->op) {
    case SSA_CONST: return inst->imm;
    case SSA_PHI:
        return v.i < fn->n_bounds && fn->bounds[v.i].max < all ? fn->bounds[v.i].max : all;
    case SSA_LOAD8_U: return 0xff;
    case SSA_LOAD16_U: return 0xffff;
    case SSA_LOAD32_U: return UINT32_MAX;
    case SSA_CLZ:
    case SSA_CTZ:
    case SSA_POPCNT: return 64;
    case SSA_EXTEND_U:
        return depth == 0 ? UINT32_MAX : value_max(fn, (val_t){inst->arg[0]}, depth - 1);
    default: break;
    }
    if (depth == 0) {
        return all;
    }
    switch (inst->op) {
    case SSA_AND:
        bits = value_max(fn, (val_t){inst->arg[0]}, depth - 1);
        other = value_max(fn, (val_t){inst->arg[1]}, depth - 1);
        return bits < other ? bits : other;
    case SSA_SHR_U:
        bits = value_max(fn, (val_t){inst->arg[0]}, depth - 1);
        return ssa_is_const(fn, (val_t){inst->arg[1]}, &other)
                   ? bits >> (other & (inst->type == T_I32 ? 31 : 63))
                   : bits;
    case SSA_SHL:
        bits = value_max(fn, (val_t){inst->arg[0]}, depth - 1);
        if (!ssa_is_const(fn, (val_t){inst->arg[1]}, &other)) {
            return all;
        }
        other &= inst->type == T_I32 ? 31 : 63;
        return bits > all >> other ? all : bits << other;
    case SSA_ADD:
        bits = value_max(fn, (val_t){inst->arg[0]}, depth - 1);
        other = value_max(fn, (val_t){inst->arg[1]}, depth - 1);
        return bits > all - other ? all : bits + other;
    case SSA_SELECT:
        bits = value_max(fn, (val_t){inst->arg[1]}, depth - 1);
        other = value_max(fn, (val_t){inst->arg[2]}, depth - 1);
        return bits > other ? bits : other;
    case SSA_REM_U:
        return ssa_is_const(fn, (val_t){inst->arg[1]}, &other) && other != 0 ? other - 1 : all;
    default: return all;
    }
}

uint64_t fold_value_max(const struct ssa_func *fn, val_t v)
{
    return value_max(fn, v, VALUE_MAX_DEPTH);
}

bool fold_value_bounds(const struct ssa_func *fn, val_t v, int64_t *low, int64_t *high)
{
    uint64_t bits;
    int64_t addend = 0;
    v = ssa_resolve(fn, v);
    const struct ssa_inst *inst = ssa_inst(fn, v);
    if (inst->type != T_I32) {
        return false;
    }
    if (inst->op == SSA_ADD && ssa_is_const(fn, ssa_resolve(fn, (val_t){inst->arg[1]}), &bits)) {
        addend = (int32_t)bits;
        v = ssa_resolve(fn, (val_t){inst->arg[0]});
        inst = ssa_inst(fn, v);
    }
    uint64_t max = fold_value_max(fn, v);
    if (ssa_is_const(fn, v, &bits)) {
        *low = *high = (int32_t)bits;
    } else if (inst->op == SSA_PHI && v.i < fn->n_bounds &&
               fn->bounds[v.i].low <= fn->bounds[v.i].high) {
        *low = fn->bounds[v.i].low;
        *high = fn->bounds[v.i].high;
    } else {
        *low = 0;
        *high = (int64_t)max; /* of 32 bits */
    }
    *low += addend;
    *high += addend;
    return *low >= INT32_MIN && *high <= INT32_MAX;
}

/* ---- Arithmetic on constants ---- */

static uint64_t rotate_left(uint64_t a, uint64_t n, uint8_t type)
{
    if (type == T_I32) {
        n &= 31;
        return n == 0 ? a : (uint32_t)(a << n | a >> (32 - n));
    }
    n &= 63;
    return n == 0 ? a : a << n | a >> (64 - n);
}

static bool eval_compare(uint16_t op, uint8_t type, uint64_t a, uint64_t b, uint64_t *out)
{
    int64_t sa = as_signed(type, a), sb = as_signed(type, b);
    switch (op) {
    case SSA_EQ: *out = a == b; return true;
    case SSA_NE: *out = a != b; return true;
    case SSA_LT_S: *out = sa < sb; return true;
    case SSA_LT_U: *out = a < b; return true;
    case SSA_GT_S: *out = sa > sb; return true;
    case SSA_GT_U: *out = a > b; return true;
    case SSA_LE_S: *out = sa <= sb; return true;
    case SSA_LE_U: *out = a <= b; return true;
    case SSA_GE_S: *out = sa >= sb; return true;
    case SSA_GE_U: *out = a >= b; return true;
    default: return false;
    }
}

/* Divisions that trap stay as they are. */
static bool eval_divide(uint16_t op, uint8_t type, uint64_t a, uint64_t b, uint64_t *out)
{
    int64_t sa = as_signed(type, a), sb = as_signed(type, b);
    if (b == 0) {
        return false;
    }
    switch (op) {
    case SSA_DIV_U: *out = a / b; return true;
    case SSA_REM_U: *out = a % b; return true;
    case SSA_DIV_S:
        if (sb == -1) {
            *out = 0 - a;
            return sa != (type == T_I32 ? INT32_MIN : INT64_MIN);
        }
        *out = (uint64_t)(sa / sb);
        return true;
    case SSA_REM_S: *out = sb == -1 ? 0 : (uint64_t)(sa % sb); return true;
    default: return false;
    }
}

static bool eval_binary(uint16_t op, uint8_t type, uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t n = b & (type == T_I32 ? 31 : 63);
    switch (op) {
    case SSA_ADD: *out = a + b; return true;
    case SSA_SUB: *out = a - b; return true;
    case SSA_MUL: *out = a * b; return true;
    case SSA_AND: *out = a & b; return true;
    case SSA_OR: *out = a | b; return true;
    case SSA_XOR: *out = a ^ b; return true;
    case SSA_SHL: *out = a << n; return true;
    case SSA_SHR_U: *out = a >> n; return true;
    case SSA_SHR_S: *out = (uint64_t)(as_signed(type, a) >> n); return true;
    case SSA_ROTL: *out = rotate_left(a, n, type); return true;
    case SSA_ROTR: *out = rotate_left(a, (type == T_I32 ? 32 : 64) - n, type); return true;
    case SSA_MULHI_U:
        *out = type == T_I32 ? a * b >> 32 : (uint64_t)((unsigned __int128)a * b >> 64);
        return true;
    case SSA_MULHI_S:
        *out = type == T_I32 ? (uint64_t)((int64_t)(int32_t)a * (int32_t)b >> 32)
                             : (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64);
        return true;
    default: return eval_divide(op, type, a, b, out);
    }
}

static uint64_t count_ones(uint64_t a)
{
    return (uint64_t)__builtin_popcountll(a);
}

/* from: the argument's type, which conversions differ by. */
static bool eval_unary(uint16_t op, uint8_t type, uint8_t from, uint64_t a, uint64_t *out)
{
    uint64_t n = type == T_I32 ? 32 : 64;
    switch (op) {
    case SSA_EQZ: *out = a == 0; return true;
    case SSA_CLZ: *out = a == 0 ? n : (uint64_t)__builtin_clzll(a) - (64 - n); return true;
    case SSA_CTZ: *out = a == 0 ? n : (uint64_t)__builtin_ctzll(a); return true;
    case SSA_POPCNT: *out = count_ones(a); return true;
    case SSA_SEXT8: *out = (uint64_t)(int64_t)(int8_t)a; return true;
    case SSA_SEXT16: *out = (uint64_t)(int64_t)(int16_t)a; return true;
    case SSA_SEXT32:
    case SSA_EXTEND_S: *out = (uint64_t)(int64_t)(int32_t)a; return true;
    case SSA_WRAP:
    case SSA_EXTEND_U: *out = (uint32_t)a; return true;
    case SSA_BITCAST: *out = a; return true;
    case SSA_FNEG: *out = a ^ UINT64_C(1) << (from == T_F32 ? 31 : 63); return true;
    case SSA_FABS: *out = a & ~(UINT64_C(1) << (from == T_F32 ? 31 : 63)); return true;
    default: return false;
    }
}

static val_t make_const(struct ssa_func *fn, uint8_t type, uint64_t bits)
{
    return ssa_const(fn, type, bits);
}

static void become(struct ssa_inst *inst, uint16_t op, uint32_t a0, uint32_t a1)
{
    inst->op = op;
    inst->arg[0] = a0;
    inst->arg[1] = a1;
}

/* ---- Comparisons ---- */

uint16_t fold_compare_swapped(uint16_t op)
{
    switch (op) {
    case SSA_EQ:
    case SSA_NE: return op;
    case SSA_LT_S: return SSA_GT_S;
    case SSA_LT_U: return SSA_GT_U;
    case SSA_GT_S: return SSA_LT_S;
    case SSA_GT_U: return SSA_LT_U;
    case SSA_LE_S: return SSA_GE_S;
    case SSA_LE_U: return SSA_GE_U;
    case SSA_GE_S: return SSA_LE_S;
    case SSA_GE_U: return SSA_LE_U;
    default: return SSA_NOP;
    }
}

uint16_t fold_compare_inverted(uint16_t op)
{
    switch (op) {
    case SSA_EQ: return SSA_NE;
    case SSA_NE: return SSA_EQ;
    case SSA_LT_S: return SSA_GE_S;
    case SSA_LT_U: return SSA_GE_U;
    case SSA_GT_S: return SSA_LE_S;
    case SSA_GT_U: return SSA_LE_U;
    case SSA_LE_S: return SSA_GT_S;
    case SSA_LE_U: return SSA_GT_U;
    case SSA_GE_S: return SSA_LT_S;
    case SSA_GE_U: return SSA_LT_U;
    case SSA_FEQ: return SSA_FNE;
    case SSA_FNE: return SSA_FEQ;
    default: return SSA_NOP;
    }
}

static val_t fold_eqz(const struct ssa_func *fn, struct ssa_inst *inst)
{
    const struct ssa_inst *arg = arg_inst(fn, inst, 0);
    if (arg->op == SSA_EQZ && ssa_has(arg_inst(fn, arg, 0), SSA_CMP)) {
        return (val_t){arg->arg[0]};
    }
    uint16_t inverted = fold_compare_inverted(arg->op);
    if (inverted != SSA_NOP) {
        become(inst, inverted, arg->arg[0], arg->arg[1]);
    } else if (arg->op == SSA_EXTEND_U) {
        inst->arg[0] = arg->arg[0];
    }
    return VAL_NONE;
}

/* x op c, for a constant c on the right. */
static val_t fold_compare_const(struct ssa_func *fn, struct ssa_inst *inst, uint64_t c)
{
    const struct ssa_inst *arg = arg_inst(fn, inst, 0);
    uint64_t max = width_mask(arg->type);
    uint64_t bound = fold_value_max(fn, (val_t){inst->arg[0]});
    switch (inst->op) {
    case SSA_EQ:
        if (c == 0) {
            become(inst, SSA_EQZ, inst->arg[0], 0);
            return fold_eqz(fn, inst);
        }
        return bound < c ? make_const(fn, T_I32, 0) : VAL_NONE;
    case SSA_NE:
        if (c == 0 && ssa_has(arg, SSA_CMP)) {
            return (val_t){inst->arg[0]};
        }
        return bound < c ? make_const(fn, T_I32, 1) : VAL_NONE;
    case SSA_LE_U:
    case SSA_GT_U:
        if (c == max) {
            return make_const(fn, T_I32, inst->op == SSA_LE_U);
        }
        become(inst, inst->op == SSA_LE_U ? SSA_LT_U : SSA_GE_U, inst->arg[0],
               make_const(fn, arg->type, c + 1).i);
        return fold_compare_const(fn, inst, c + 1);
    case SSA_LT_U:
    case SSA_GE_U:
        if (c == 0 || bound < c) {
            return make_const(fn, T_I32, (c != 0) == (inst->op == SSA_LT_U));
        }
        if (c == 1 && inst->op == SSA_LT_U) {
            become(inst, SSA_EQZ, inst->arg[0], 0);
            return fold_eqz(fn, inst);
        }
        if (c == 1) {
            become(inst, SSA_NE, inst->arg[0], make_const(fn, arg->type, 0).i);
        }
        return VAL_NONE;
    default: return VAL_NONE;
    }
}

static val_t fold_compare(struct ssa_func *fn, struct ssa_inst *inst)
{
    uint64_t a, b, result;
    uint8_t type = arg_inst(fn, inst, 0)->type;
    bool is_const_a = ssa_is_const(fn, (val_t){inst->arg[0]}, &a);
    bool is_const_b = ssa_is_const(fn, (val_t){inst->arg[1]}, &b);
    if (is_const_a && is_const_b && eval_compare(inst->op, type, a, b, &result)) {
        return make_const(fn, T_I32, result);
    }
    if (inst->arg[0] == inst->arg[1]) {
        return make_const(fn, T_I32,
                          inst->op == SSA_EQ || inst->op == SSA_LE_S || inst->op == SSA_LE_U ||
                              inst->op == SSA_GE_S || inst->op == SSA_GE_U);
    }
    if (is_const_a) {
        become(inst, fold_compare_swapped(inst->op), inst->arg[1], inst->arg[0]);
        return fold_compare_const(fn, inst, a);
    }
    return is_const_b ? fold_compare_const(fn, inst, b) : VAL_NONE;
}

/* ---- Integers ---- */

/* (x op c1) op c for associative operations: x op (c1 op c). */
static bool fold_chain(struct ssa_func *fn, struct ssa_inst *inst, uint64_t c)
{
    const struct ssa_inst *arg = arg_inst(fn, inst, 0);
    uint64_t c1, result;
    if (arg->op != inst->op || !ssa_is_const(fn, (val_t){arg->arg[1]}, &c1) ||
        !eval_binary(inst->op, inst->type, c1, c, &result)) {
        return false;
    }
    uint32_t x = arg->arg[0];
    inst->arg[1] = make_const(fn, inst->type, result).i;
    inst->arg[0] = x;
    return true;
}

static val_t fold_and(struct ssa_func *fn, struct ssa_inst *inst, uint64_t c)
{
    uint64_t all = width_mask(inst->type);
    if (c == all) {
        return (val_t){inst->arg[0]};
    }
    if (c == 0) {
        return make_const(fn, inst->type, 0);
    }
    uint64_t bound = fold_value_max(fn, (val_t){inst->arg[0]});
    uint64_t covered = bound | bound >> 1; /* all bits up to the bound's highest */
    for (uint32_t n = 2; n < 64; n *= 2) {
        covered |= covered >> n;
    }
    return (covered & ~c) == 0 ? (val_t){inst->arg[0]} : VAL_NONE;
}

/* x << c >> c of the same c: the low bits of x, extended. */
static val_t fold_shift_pair(struct ssa_func *fn, struct ssa_inst *inst, uint64_t n)
{
    const struct ssa_inst *arg = arg_inst(fn, inst, 0);
    uint64_t n1, width = inst->type == T_I32 ? 32 : 64;
    if (arg->op != SSA_SHL || !ssa_is_const(fn, (val_t){arg->arg[1]}, &n1) ||
        (n1 & (width - 1)) != n) {
        return VAL_NONE;
    }
    uint32_t x = arg->arg[0];
    if (inst->op == SSA_SHR_U) {
        become(inst, SSA_AND, x, make_const(fn, inst->type, width_mask(inst->type) >> n).i);
    } else if (width - n == 8 || width - n == 16 || width - n == 32) {
        become(inst, width - n == 8 ? SSA_SEXT8 : width - n == 16 ? SSA_SEXT16 : SSA_SEXT32, x, 0);
    }
    return VAL_NONE;
}

static val_t fold_shift(struct ssa_func *fn, struct ssa_inst *inst, uint64_t c)
{
    uint64_t width = inst->type == T_I32 ? 32 : 64, n = c & (width - 1), n1;
    if (n == 0) {
        return (val_t){inst->arg[0]};
    }
    if (n != c) {
        inst->arg[1] = make_const(fn, inst->type, n).i;
    }
    const struct ssa_inst *arg = arg_inst(fn, inst, 0);
    if (arg->op == inst->op && inst->op != SSA_ROTL && inst->op != SSA_ROTR &&
        ssa_is_const(fn, (val_t){arg->arg[1]}, &n1) && (n1 & (width - 1)) + n < width) {
        uint32_t x = arg->arg[0];
        inst->arg[1] = make_const(fn, inst->type, (n1 & (width - 1)) + n).i;
        inst->arg[0] = x;
        return VAL_NONE;
    }
    return inst->op == SSA_SHR_U || inst->op == SSA_SHR_S ? fold_shift_pair(fn, inst, n) : VAL_NONE;
}

static val_t fold_mul(struct ssa_func *fn, struct ssa_inst *inst, uint64_t c)
{
    if (c == 0) {
        return make_const(fn, inst->type, 0);
    }
    if (c == 1) {
        return (val_t){inst->arg[0]};
    }
    if ((c & (c - 1)) == 0) {
        become(inst, SSA_SHL, inst->arg[0],
               make_const(fn, inst->type, (uint64_t)__builtin_ctzll(c)).i);
    }
    return VAL_NONE;
}

static val_t fold_div_rem(struct ssa_func *fn, struct ssa_inst *inst, uint64_t c)
{
    bool is_rem = inst->op == SSA_REM_U || inst->op == SSA_REM_S;
    if (c == 1) {
        return is_rem ? make_const(fn, inst->type, 0) : (val_t){inst->arg[0]};
    }
    if (c != 0 && (c & (c - 1)) == 0 && inst->op == SSA_DIV_U) {
        become(inst, SSA_SHR_U, inst->arg[0],
               make_const(fn, inst->type, (uint64_t)__builtin_ctzll(c)).i);
    } else if (c != 0 && (c & (c - 1)) == 0 && inst->op == SSA_REM_U) {
        become(inst, SSA_AND, inst->arg[0], make_const(fn, inst->type, c - 1).i);
    }
    return VAL_NONE;
}

/* x op c, for a constant c on the right. */
static val_t fold_binary_const(struct ssa_func *fn, struct ssa_inst *inst, uint64_t c)
{
    switch (inst->op) {
    case SSA_SUB:
        become(inst, SSA_ADD, inst->arg[0], make_const(fn, inst->type, 0 - c).i);
        return fold_binary_const(fn, inst, (0 - c) & width_mask(inst->type));
    case SSA_ADD:
        if (c == 0) {
            return (val_t){inst->arg[0]};
        }
        return fold_chain(fn, inst, c) ? fold_inst(fn, inst) : VAL_NONE;
    case SSA_OR:
        if (c == 0) {
            return (val_t){inst->arg[0]};
        }
        return c == width_mask(inst->type) ? make_const(fn, inst->type, c)
               : fold_chain(fn, inst, c)   ? fold_inst(fn, inst)
                                           : VAL_NONE;
    case SSA_XOR:
        if (c == 0) {
            return (val_t){inst->arg[0]};
        }
        return fold_chain(fn, inst, c) ? fold_inst(fn, inst) : VAL_NONE;
    case SSA_AND: return fold_chain(fn, inst, c) ? fold_inst(fn, inst) : fold_and(fn, inst, c);
    case SSA_MUL: return fold_mul(fn, inst, c);
    case SSA_SHL:
    case SSA_SHR_S:
    case SSA_SHR_U:
    case SSA_ROTL:
    case SSA_ROTR: return fold_shift(fn, inst, c);
    case SSA_DIV_S:
    case SSA_DIV_U:
    case SSA_REM_S:
    case SSA_REM_U: return fold_div_rem(fn, inst, c);
    default: return VAL_NONE;
    }
}

static val_t fold_same(struct ssa_func *fn, struct ssa_inst *inst)
{
    switch (inst->op) {
    case SSA_SUB:
    case SSA_XOR: return make_const(fn, inst->type, 0);
    case SSA_AND:
    case SSA_OR: return (val_t){inst->arg[0]};
    default: return VAL_NONE;
    }
}

static val_t fold_binary(struct ssa_func *fn, struct ssa_inst *inst)
{
    uint64_t a, b, result;
    bool is_const_a = ssa_is_const(fn, (val_t){inst->arg[0]}, &a);
    bool is_const_b = ssa_is_const(fn, (val_t){inst->arg[1]}, &b);
    if (is_const_a && is_const_b) {
        return eval_binary(inst->op, inst->type, a, b, &result) ? make_const(fn, inst->type, result)
                                                                : VAL_NONE;
    }
    if (is_const_a && ssa_has(inst, SSA_COMM)) {
        become(inst, inst->op, inst->arg[1], inst->arg[0]);
        b = a;
        is_const_b = true;
    }
    if (is_const_b) {
        return fold_binary_const(fn, inst, b);
    }
    return inst->arg[0] == inst->arg[1] ? fold_same(fn, inst) : VAL_NONE;
}

/* ---- The rest ---- */

static val_t fold_convert(struct ssa_func *fn, struct ssa_inst *inst)
{
    const struct ssa_inst *arg = arg_inst(fn, inst, 0);
    switch (inst->op) {
    case SSA_WRAP:
        if (arg->op == SSA_EXTEND_U || arg->op == SSA_EXTEND_S) {
            return (val_t){arg->arg[0]};
        }
        return VAL_NONE;
    case SSA_BITCAST:
        if (arg->op == SSA_BITCAST && arg_inst(fn, arg, 0)->type == inst->type) {
            return (val_t){arg->arg[0]};
        }
        return VAL_NONE;
    case SSA_SEXT8:
        return arg->op == SSA_SEXT8 || arg->op == SSA_LOAD8_S ? (val_t){inst->arg[0]} : VAL_NONE;
    case SSA_SEXT16:
        return arg->op == SSA_SEXT16 || arg->op == SSA_SEXT8 || arg->op == SSA_LOAD8_S ||
                       arg->op == SSA_LOAD16_S
                   ? (val_t){inst->arg[0]}
                   : VAL_NONE;
    case SSA_SEXT32:
        return arg->op == SSA_EXTEND_S || arg->op == SSA_LOAD32_S || arg->op == SSA_SEXT32
                   ? (val_t){inst->arg[0]}
                   : VAL_NONE;
    case SSA_EQZ: return fold_eqz(fn, inst);
    case SSA_CONVERT_U: /* what isn't negative either way: there is an instruction for signed */
        if (fold_value_max(fn, (val_t){inst->arg[0]}) <=
            (arg->type == T_I64 ? INT64_MAX : INT32_MAX)) {
            inst->op = SSA_CONVERT_S;
        }
        return VAL_NONE;
    case SSA_EXTEND_S: /* and the other costs nothing */
        if (fold_value_max(fn, (val_t){inst->arg[0]}) <= INT32_MAX) {
            inst->op = SSA_EXTEND_U;
        }
        return VAL_NONE;
    default: return VAL_NONE;
    }
}

static val_t fold_unary(struct ssa_func *fn, struct ssa_inst *inst)
{
    uint64_t a, result;
    uint8_t from = arg_inst(fn, inst, 0)->type;
    if (ssa_is_const(fn, (val_t){inst->arg[0]}, &a) &&
        eval_unary(inst->op, inst->type, from, a, &result)) {
        return make_const(fn, inst->type, result);
    }
    return fold_convert(fn, inst);
}

static val_t fold_select(const struct ssa_func *fn, struct ssa_inst *inst)
{
    uint64_t cond;
    if (ssa_is_const(fn, (val_t){inst->arg[0]}, &cond)) {
        return (val_t){cond != 0 ? inst->arg[1] : inst->arg[2]};
    }
    if (inst->arg[1] == inst->arg[2]) {
        return (val_t){inst->arg[1]};
    }
    const struct ssa_inst *arg = arg_inst(fn, inst, 0);
    if (arg->op == SSA_EQZ && arg_inst(fn, arg, 0)->type == T_I32) {
        uint32_t if_zero = inst->arg[1];
        inst->arg[0] = arg->arg[0];
        inst->arg[1] = inst->arg[2];
        inst->arg[2] = if_zero;
    } else if (arg->op == SSA_NE && arg_inst(fn, arg, 0)->type == T_I32 &&
               ssa_is_const(fn, (val_t){arg->arg[1]}, &cond) && cond == 0) {
        inst->arg[0] = arg->arg[0];
    }
    return VAL_NONE;
}

/* An index that is below its bound anyway is the index. */
static val_t fold_index_mask(const struct ssa_func *fn, const struct ssa_inst *inst)
{
    uint64_t bound;
    return ssa_is_const(fn, (val_t){inst->arg[1]}, &bound) &&
                   fold_value_max(fn, (val_t){inst->arg[0]}) < bound
               ? (val_t){inst->arg[0]}
               : VAL_NONE;
}

/* A load or store at a constant distance from what can't wrap: the distance is its offset. */
static void fold_address(struct ssa_func *fn, struct ssa_inst *inst)
{
    const struct ssa_inst *address = arg_inst(fn, inst, 0);
    uint64_t c;
    if (address->op == SSA_ADD && address->type == T_I32 &&
        ssa_is_const(fn, (val_t){address->arg[1]}, &c) &&
        fold_value_max(fn, (val_t){address->arg[0]}) + c <= UINT32_MAX &&
        inst->imm + c < FOLD_OFFSET_MAX) { /* no sum wraps: the bound was on 64 bits */
        inst->arg[0] = address->arg[0];
        inst->imm += c;
    }
}

val_t fold_inst(struct ssa_func *fn, struct ssa_inst *inst)
{
    uint8_t n_args = ssa_op_infos[inst->op].n_args;
    if (n_args == SSA_VAR_ARGS) {
        return VAL_NONE;
    }
    if (ssa_has(inst, SSA_READS | SSA_WRITES)) {
        if (n_args != 0) {
            fold_address(fn, inst);
        }
        return VAL_NONE;
    }
    if (inst->op == SSA_SELECT) {
        return fold_select(fn, inst);
    }
    if (inst->op >= SSA_EQ && inst->op <= SSA_GE_U) {
        return fold_compare(fn, inst);
    }
    if (inst->op >= SSA_ADD && inst->op <= SSA_MULHI_U && n_args == 2) {
        return fold_binary(fn, inst);
    }
    if (inst->op == SSA_INDEX_MASK) {
        return fold_index_mask(fn, inst);
    }
    return n_args == 1 && ssa_has(inst, SSA_PURE) ? fold_unary(fn, inst) : VAL_NONE;
}
