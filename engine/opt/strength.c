/*
 * Divisions by constants become multiplications.
 *
 * Granlund and Montgomery, "Division by invariant integers using multiplication" (PLDI 1994), and
 * Warren, "Hacker's Delight", chapter 10. 32-bit divisions are done in 64 bits, where the
 * multiplier always fits: with 2^s the power of two below c and m = floor(2^(32+s) / c) + 1,
 * x * m >> 32 + s is x / c for every |x| up to 2^31; for all 32 bits unsigned, where that m is
 * not exact enough, the upper half of x * (floor(2^64 / c) + 1) is.
 */
#include "engine/opt/fold.h"
#include "engine/opt/opt.h"

#define NEW_PER_DIVISION 16

struct site {
    struct ssa_func *fn;
    val_t before;
    uint32_t pos;
};

static val_t emit(struct site *s, enum ssa_op op, enum ssa_type type, val_t a, val_t b)
{
    struct ssa_inst inst = {.op = op, .type = type, .arg = {a.i, b.i}, .pos = s->pos, .block = 0};
    val_t same = fold_inst(s->fn, &inst);
    if (same.i != 0) {
        return same;
    }
    val_t v = ssa_new(s->fn, op, type);
    s->fn->insts[v.i] = inst;
    ssa_insert_before(s->fn, s->before, v);
    return v;
}

static val_t emit_const(struct site *s, enum ssa_op op, enum ssa_type type, val_t a, uint64_t c)
{
    return emit(s, op, type, a, ssa_const(s->fn, type, c));
}

static uint32_t floor_log2(uint64_t c)
{
    return 63 - (uint32_t)__builtin_clzll(c);
}

static val_t divide_u32(struct site *s, val_t x, uint32_t c)
{
    uint32_t shift = floor_log2(c);
    uint64_t m = (UINT64_C(1) << (32 + shift)) / c + 1;
    val_t wide = emit(s, SSA_EXTEND_U, T_I64, x, VAL_NONE);
    /* exact for all x if the error m * c - 2^(32+shift) is at most 2^shift (theorem 4.2) */
    if (m * c - (UINT64_C(1) << (32 + shift)) <= UINT64_C(1) << shift && m <= UINT32_MAX) {
        val_t product = emit_const(s, SSA_MUL, T_I64, wide, m);
        val_t q = emit_const(s, SSA_SHR_U, T_I64, product, 32 + shift);
        return emit(s, SSA_WRAP, T_I32, q, VAL_NONE);
    }
    val_t q = emit_const(s, SSA_MULHI_U, T_I64, wide, UINT64_MAX / c + 1);
    return emit(s, SSA_WRAP, T_I32, q, VAL_NONE);
}

static val_t divide_s32(struct site *s, val_t x, int32_t c)
{
    uint64_t size = c < 0 ? 0 - (uint64_t)c : (uint64_t)c;
    uint32_t shift = floor_log2(size);
    uint64_t m = (UINT64_C(1) << (32 + shift)) / size + 1; /* at most 2^32: no overflow */
    val_t wide = emit(s, SSA_EXTEND_S, T_I64, x, VAL_NONE);
    val_t product = emit_const(s, SSA_MUL, T_I64, wide, m);
    val_t q = emit_const(s, SSA_SHR_S, T_I64, product, 32 + shift);
    q = emit(s, SSA_WRAP, T_I32, q, VAL_NONE);
    val_t sign = emit_const(s, SSA_SHR_S, T_I32, x, 31);
    return c < 0 ? emit(s, SSA_SUB, T_I32, sign, q) : emit(s, SSA_SUB, T_I32, q, sign);
}

static val_t divide_u64(struct site *s, val_t x, uint64_t c)
{
    uint32_t shift = floor_log2(c);
    if (shift == 63) {
        return emit(s, SSA_EXTEND_U, T_I64, emit(s, SSA_GE_U, T_I32, x, ssa_const(s->fn, T_I64, c)),
                    VAL_NONE);
    }
    unsigned __int128 power = (unsigned __int128)1 << (64 + shift);
    uint64_t m = (uint64_t)(power / c) + 1;
    unsigned __int128 error = ((unsigned __int128)m) * c - power;
    if (error <= (unsigned __int128)1 << shift) {
        return emit_const(s, SSA_SHR_U, T_I64, emit_const(s, SSA_MULHI_U, T_I64, x, m), shift);
    }
    /* a multiplier of 65 bits, 2^64 + m: the sum's carry is kept by halving (Warren, 10-9) */
    m = (uint64_t)((power * 2 + c - 1) / c - ((unsigned __int128)1 << 64));
    val_t high = emit_const(s, SSA_MULHI_U, T_I64, x, m);
    val_t rest = emit_const(s, SSA_SHR_U, T_I64, emit(s, SSA_SUB, T_I64, x, high), 1);
    return emit_const(s, SSA_SHR_U, T_I64, emit(s, SSA_ADD, T_I64, rest, high), shift);
}

static val_t divide_s64(struct site *s, val_t x, int64_t c)
{
    uint64_t size = c < 0 ? 0 - (uint64_t)c : (uint64_t)c;
    uint32_t shift = floor_log2(size);
    unsigned __int128 power = (unsigned __int128)1 << (64 + shift);
    /* 64 bits with the top one set: taken as signed it is 2^64 too small, so x is added */
    uint64_t m = (uint64_t)(power / size) + 1;
    val_t high = emit_const(s, SSA_MULHI_S, T_I64, x, m);
    high = emit(s, SSA_ADD, T_I64, high, x);
    val_t q = emit_const(s, SSA_SHR_S, T_I64, high, shift);
    val_t sign = emit_const(s, SSA_SHR_S, T_I64, x, 63);
    return c < 0 ? emit(s, SSA_SUB, T_I64, sign, q) : emit(s, SSA_SUB, T_I64, q, sign);
}

/* By 2^k, rounding towards zero: negative dividends get 2^k - 1 added first. */
static val_t divide_power(struct site *s, enum ssa_type type, val_t x, uint32_t k, bool is_negated)
{
    uint32_t width = type == T_I32 ? 32 : 64;
    val_t sign = k == 1 ? x : emit_const(s, SSA_SHR_S, type, x, width - 1);
    val_t bias = emit_const(s, SSA_SHR_U, type, sign, width - k);
    val_t q = emit_const(s, SSA_SHR_S, type, emit(s, SSA_ADD, type, x, bias), k);
    return is_negated ? emit(s, SSA_SUB, type, ssa_const(s->fn, type, 0), q) : q;
}

static val_t divide_signed(struct site *s, enum ssa_type type, val_t x, int64_t c)
{
    uint64_t size = c < 0 ? 0 - (uint64_t)c : (uint64_t)c;
    if ((size & (size - 1)) == 0) {
        return divide_power(s, type, x, floor_log2(size), c < 0);
    }
    return type == T_I32 ? divide_s32(s, x, (int32_t)c) : divide_s64(s, x, c);
}

static val_t divide(struct site *s, const struct ssa_inst *inst, uint64_t bits)
{
    val_t x = {inst->arg[0]};
    if (inst->op == SSA_DIV_S || inst->op == SSA_REM_S) {
        return divide_signed(s, inst->type, x, inst->type == T_I32 ? (int32_t)bits : (int64_t)bits);
    }
    return inst->type == T_I32 ? divide_u32(s, x, (uint32_t)bits) : divide_u64(s, x, bits);
}

/* 0 and the two units are left alone: folding or the trap deals with them; so are unsigned
 * powers of two, which folding has made into shifts. */
static bool is_good_divisor(const struct ssa_inst *inst, uint64_t bits)
{
    int64_t c = inst->type == T_I32 ? (int32_t)bits : (int64_t)bits;
    bool is_signed = inst->op == SSA_DIV_S || inst->op == SSA_REM_S;
    return c != 0 && c != 1 && (is_signed ? c != -1 : (bits & (bits - 1)) != 0);
}

/* Quotients made in this block, the newest N_QUOTIENTS of them: x / c and x % c share one. */
#define N_QUOTIENTS 8

struct quotient {
    val_t x, q;
    uint64_t divisor;
    bool is_signed;
};

struct quotients {
    struct quotient newest[N_QUOTIENTS];
    uint32_t n;
};

static val_t find_quotient(struct site *s, struct quotients *made, const struct ssa_inst *inst,
                           uint64_t divisor)
{
    bool is_signed = inst->op == SSA_DIV_S || inst->op == SSA_REM_S;
    for (uint32_t i = 0; i < N_QUOTIENTS && i < made->n; i++) {
        const struct quotient *m = &made->newest[i];
        if (m->x.i == inst->arg[0] && m->divisor == divisor && m->is_signed == is_signed) {
            return m->q;
        }
    }
    val_t q = divide(s, inst, divisor);
    made->newest[made->n++ % N_QUOTIENTS] =
        (struct quotient){{inst->arg[0]}, q, divisor, is_signed};
    return q;
}

static status_t reduce_division(struct ssa_func *fn, uint32_t v, struct quotients *made)
{
    uint64_t bits;
    val_t x = ssa_resolve(fn, (val_t){fn->insts[v].arg[0]});
    val_t c = ssa_resolve(fn, (val_t){fn->insts[v].arg[1]});
    fn->insts[v].arg[0] = x.i;
    if (!ssa_is_const(fn, c, &bits) || !is_good_divisor(&fn->insts[v], bits)) {
        return STATUS_OK;
    }
    status_t status = ssa_reserve_insts(fn, NEW_PER_DIVISION * (1 + FOLD_MAX_NEW));
    if (status != STATUS_OK) {
        return status;
    }
    struct ssa_inst division = fn->insts[v];
    struct site s = {fn, {v}, division.pos};
    val_t q = find_quotient(&s, made, &division, bits);
    if (division.op == SSA_REM_S || division.op == SSA_REM_U) {
        val_t product = emit_const(&s, SSA_MUL, division.type, q, bits);
        q = emit(&s, SSA_SUB, division.type, x, product);
    }
    ssa_remove(fn, (val_t){v}, q);
    return STATUS_OK;
}

status_t pass_strength(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    status_t status = STATUS_OK;
    bool has_division = opt_has_op(fn, SSA_DIV_S, SSA_REM_U);
    for (uint32_t b = 0; has_division && b < fn->n_blocks; b++) {
        struct quotients made = {.n = 0};
        uint32_t next;
        for (uint32_t v = fn->blocks[b].first; v != 0 && status == STATUS_OK; v = next) {
            next = fn->insts[v].next;
            if (fn->insts[v].op >= SSA_DIV_S && fn->insts[v].op <= SSA_REM_U) {
                status = reduce_division(fn, v, &made);
            }
        }
    }
    return status;
}
