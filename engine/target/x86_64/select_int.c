/*
 * Selection of integer operations.
 *
 * Each is a function of its own, found in a table by the SSA operation. The size of an operation
 * is its type's; 32-bit operations read the low half of their registers only and zero the upper
 * half of the result, so that WRAP and EXTEND_U of their operands and results cost nothing.
 */
#include "engine/target/x86_64/select.h"

static uint8_t size_of(const struct select *s, val_t v)
{
    return x86_inst(s, v)->type == T_I64 ? 8 : 4;
}

static val_t arg(const struct select *s, val_t v, uint32_t k)
{
    return ssa_resolve(s->fn, x86_arg(s, v, k));
}

static bool const_arg(const struct select *s, val_t v, uint32_t k, uint64_t *bits)
{
    return ssa_is_const(s->fn, arg(s, v, k), bits);
}

static uint32_t use(struct select *s, val_t v, uint8_t size)
{
    return size == 8 ? x86_use(s, v) : x86_use32(s, v);
}

static void hint_same(struct select *s, uint32_t def, uint32_t src)
{
    struct vreg *vregs = s->mf->vregs;
    if (vregs[def].hint_vreg == 0 && (vregs[src].flags & VREG_CONST) == 0) {
        vregs[def].hint_vreg = src;
    }
}

/* def = op(src, imm), tied. */
static void emit_tied_imm(struct select *s, enum x86_op op, uint32_t def, uint32_t src,
                          uint64_t imm, uint8_t size)
{
    struct mir_inst *inst = emit(s, op);
    inst->imm = imm;
    inst->sub[0] = size;
    op_def_tied(s, def, 1);
    op_use(s, src);
}

/* def = op(src, imm), untied: the encoder copies if it must. */
static void emit_free_imm(struct select *s, enum x86_op op, uint32_t def, uint32_t src,
                          uint64_t imm, uint8_t size)
{
    struct mir_inst *inst = emit(s, op);
    inst->imm = imm;
    inst->sub[0] = size;
    op_def(s, def);
    op_use(s, src);
    hint_same(s, def, src);
}

/* def = op(rm) for FORM_RM, with a load folded. */
static void emit_unary(struct select *s, enum x86_op op, uint32_t def, val_t src, uint8_t size,
                       uint8_t width)
{
    struct x86_mem mem;
    struct mir_inst *inst;
    if (width != 0 && x86_fold_load(s, src, width, &mem)) {
        inst = emit_rm_mem(s, op, def, &mem);
    } else {
        inst = emit_rm(s, op, def, width == 8 ? x86_use(s, src) : x86_use32(s, src));
    }
    inst->sub[0] = size;
}

/* def = op(a, b) for FORM_RVM: b may be a folded load or a slot. */
static struct mir_inst *emit_binary(struct select *s, enum x86_op op, uint32_t def, val_t a,
                                    val_t b, uint8_t size)
{
    struct x86_mem mem;
    struct mir_inst *inst;
    if (x86_fold_load(s, b, size, &mem)) {
        inst = emit_rvm_mem(s, op, def, use(s, a, size), &mem);
    } else if ((x86_infos[op].flags & X_COMM) != 0 && x86_fold_load(s, a, size, &mem)) {
        inst = emit_rvm_mem(s, op, def, use(s, b, size), &mem);
    } else {
        uint32_t left = use(s, a, size);
        inst = emit_rvm(s, op, def, left, use(s, b, size));
    }
    inst->sub[0] = size;
    return inst;
}

static void emit_lea(struct select *s, uint32_t def, uint32_t base, uint32_t index, uint8_t scale,
                     int32_t disp, uint8_t size)
{
    struct x86_mem mem = {.mode = base == 0    ? MODE_INDEX
                                  : index == 0 ? MODE_BASE
                                               : MODE_BASE_INDEX,
                          .scale = scale,
                          .disp = disp,
                          .base = base,
                          .index = index};
    emit_rm_mem(s, X86_LEA, def, &mem)->sub[0] = size;
}

/* ---- Sums ---- */

/* y << 1..3 of the same size: for lea. */
static bool match_shl(const struct select *s, val_t v, uint8_t size, val_t *y, uint8_t *scale)
{
    uint64_t bits;
    if (x86_inst(s, v)->op != SSA_SHL || size_of(s, v) != size || !const_arg(s, v, 1, &bits) ||
        bits < 1 || bits > 3) {
        return false;
    }
    *y = arg(s, v, 0);
    *scale = (uint8_t)bits;
    return true;
}

static bool select_add_shl(struct select *s, val_t v, val_t a, val_t b, uint8_t size)
{
    val_t y;
    uint8_t scale;
    if (s->n_uses[b.i] != 1 || s->vreg_of[b.i] != 0 || !match_shl(s, b, size, &y, &scale)) {
        return false;
    }
    uint32_t base = use(s, a, size);
    emit_lea(s, x86_def(s, v), base, use(s, y, size), scale, 0, size);
    return true;
}

/* (x << k) + c and (x + y) + c, (x + (y << k)) + c: one lea, if nobody else wants the part. */
static bool select_add_part(struct select *s, val_t v, val_t part, uint64_t c, uint8_t size)
{
    const struct ssa_inst *inst = x86_inst(s, part);
    uint64_t bits;
    val_t x, y;
    uint8_t scale;
    if (s->n_uses[part.i] != 1 || s->vreg_of[part.i] != 0 || size_of(s, part) != size) {
        return false;
    }
    if (match_shl(s, part, size, &y, &scale)) {
        emit_lea(s, x86_def(s, v), 0, use(s, y, size), scale, (int32_t)c, size);
        return true;
    }
    if (inst->op != SSA_ADD || const_arg(s, part, 1, &bits)) {
        return false;
    }
    x = arg(s, part, 0);
    y = arg(s, part, 1);
    if (s->n_uses[x.i] == 1 && s->vreg_of[x.i] == 0 && match_shl(s, x, size, &x, &scale)) {
        val_t swap = x;
        x = y;
        y = swap;
    } else if (s->n_uses[y.i] != 1 || s->vreg_of[y.i] != 0 || !match_shl(s, y, size, &y, &scale)) {
        scale = 0;
    }
    uint32_t base = use(s, x, size);
    emit_lea(s, x86_def(s, v), base, use(s, y, size), scale, (int32_t)c, size);
    return true;
}

/* x + c or x - c for a comparison c: by the carry flag it sets, without a register for c. */
static bool select_add_carry(struct select *s, val_t v, val_t x, val_t c, uint8_t size)
{
    enum x86_cc cc;
    if (x86_inst(s, c)->op == SSA_EXTEND_U && s->n_uses[c.i] == 1) {
        c = arg(s, c, 0);
    }
    uint32_t src = use(s, x, size);
    if (!x86_emit_carry(s, c, &cc)) {
        return false;
    }
    /* with the opposite in the carry flag: x + c = x - -1 - (1 - c) */
    bool is_add = (x86_inst(s, v)->op == SSA_ADD) == (cc == CC_B);
    emit_tied_imm(s, is_add ? X86_ADCI : X86_SBBI, x86_def(s, v), src, cc == CC_B ? 0 : UINT64_MAX,
                  size);
    return true;
}

static bool is_carry(const struct select *s, val_t c)
{
    if (x86_inst(s, c)->op == SSA_EXTEND_U && s->n_uses[c.i] == 1) {
        c = arg(s, c, 0);
    }
    uint16_t op = x86_inst(s, c)->op;
    return (op == SSA_EQZ || op == SSA_LT_U || op == SSA_GT_U || op == SSA_LE_U ||
            op == SSA_GE_U) &&
           s->n_uses[c.i] == 1;
}

static void select_add(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    val_t a = arg(s, v, 0), b = arg(s, v, 1);
    uint64_t bits;
    struct x86_mem mem;
    if (ssa_is_const(s->fn, b, &bits) && x86_fits_imm32(bits, size)) {
        if (select_add_part(s, v, a, bits, size)) {
            return;
        }
        emit_free_imm(s, X86_ADD3I, x86_def(s, v), use(s, a, size), bits, size);
        return;
    }
    if (x86_select_chain(s, v) || (is_carry(s, b) && select_add_carry(s, v, a, b, size)) ||
        (is_carry(s, a) && select_add_carry(s, v, b, a, size)) ||
        select_add_shl(s, v, a, b, size) || select_add_shl(s, v, b, a, size)) {
        return;
    }
    if (x86_fold_load(s, b, size, &mem)) {
        emit_rvm_mem(s, X86_ADD, x86_def(s, v), use(s, a, size), &mem)->sub[0] = size;
        return;
    }
    if (x86_fold_load(s, a, size, &mem)) {
        emit_rvm_mem(s, X86_ADD, x86_def(s, v), use(s, b, size), &mem)->sub[0] = size;
        return;
    }
    uint32_t left = use(s, a, size), right = use(s, b, size);
    struct mir_inst *inst = emit(s, X86_ADD3);
    inst->sub[0] = size;
    inst->flags = MIR_COMMUTES;
    op_def(s, x86_def(s, v));
    op_use(s, left);
    op_use_any(s, right);
    hint_same(s, x86_def(s, v), left);
}

static void select_sub(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    val_t a = arg(s, v, 0), b = arg(s, v, 1);
    uint64_t bits;
    if (ssa_is_const(s->fn, b, &bits) && x86_fits_imm32(0 - bits, size)) {
        emit_free_imm(s, X86_ADD3I, x86_def(s, v), use(s, a, size), 0 - bits, size);
    } else if (ssa_is_const(s->fn, a, &bits) && bits == 0) {
        struct mir_inst *inst = emit(s, X86_NEG);
        inst->sub[0] = size;
        uint32_t src = use(s, b, size);
        op_def_tied(s, x86_def(s, v), 1);
        op_use(s, src);
    } else if (!is_carry(s, b) || !select_add_carry(s, v, a, b, size)) {
        emit_binary(s, X86_SUB, x86_def(s, v), a, b, size);
    }
}

/* ---- Bits ---- */

static bool is_all_ones(uint64_t bits, uint8_t size)
{
    return size == 8 ? bits == UINT64_MAX : (uint32_t)bits == UINT32_MAX;
}

/* Masks that have an instruction of their own. */
static bool select_and_mask(struct select *s, val_t v, val_t a, uint64_t bits, uint8_t size)
{
    uint32_t def = x86_def(s, v);
    if (bits == 0xff) {
        emit_unary(s, X86_MOVZX8, def, a, 4, 0);
    } else if (bits == 0xffff) {
        emit_unary(s, X86_MOVZX16, def, a, 4, 0);
    } else if (size == 8 && bits == UINT32_MAX) {
        emit_unary(s, X86_LOAD, def, a, 4, 0);
    } else if (bits <= UINT32_MAX) {
        emit_tied_imm(s, X86_ANDI, def, x86_use32(s, a), bits, 4);
    } else if (x86_fits_imm32(bits, size)) {
        emit_tied_imm(s, X86_ANDI, def, use(s, a, size), bits, size);
    } else {
        return false;
    }
    return true;
}

/* x if v is x ^ -1, used here only. */
static bool match_not(const struct select *s, val_t v, uint8_t size, val_t *x)
{
    uint64_t bits;
    if (x86_inst(s, v)->op != SSA_XOR || s->n_uses[v.i] != 1 || !const_arg(s, v, 1, &bits) ||
        !is_all_ones(bits, size)) {
        return false;
    }
    *x = arg(s, v, 0);
    return true;
}

/* v is x + -1 (bias -1) or 0 - x (bias 0) of this very x, used here only. */
static bool is_lowest_bit(const struct select *s, val_t v, val_t x, uint8_t size, bool is_minus_one)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    uint64_t bits;
    if (s->n_uses[v.i] != 1) {
        return false;
    }
    if (is_minus_one) {
        return (inst->op == SSA_ADD && arg(s, v, 0).i == x.i && const_arg(s, v, 1, &bits) &&
                is_all_ones(bits, size)) ||
               (inst->op == SSA_SUB && arg(s, v, 0).i == x.i && const_arg(s, v, 1, &bits) &&
                bits == 1);
    }
    return inst->op == SSA_SUB && arg(s, v, 1).i == x.i && const_arg(s, v, 0, &bits) && bits == 0;
}

static bool select_bmi(struct select *s, val_t v, val_t a, val_t b, uint8_t size)
{
    bool is_and = x86_inst(s, v)->op == SSA_AND;
    val_t x;
    if (is_and && match_not(s, b, size, &x)) {
        uint32_t left = use(s, x, size);
        struct x86_mem mem;
        struct mir_inst *inst = x86_fold_load(s, a, size, &mem)
                                    ? emit_rvm_mem(s, X86_ANDN, x86_def(s, v), left, &mem)
                                    : emit_rvm(s, X86_ANDN, x86_def(s, v), left, use(s, a, size));
        inst->sub[0] = size;
        return true;
    }
    enum x86_op op = X86_NOP;
    if (is_lowest_bit(s, b, a, size, true)) {
        op = is_and ? X86_BLSR : x86_inst(s, v)->op == SSA_XOR ? X86_BLSMSK : X86_NOP;
    } else if (is_and && is_lowest_bit(s, b, a, size, false)) {
        op = X86_BLSI;
    }
    if (op == X86_NOP) {
        return false;
    }
    emit_rm(s, op, x86_def(s, v), use(s, a, size))->sub[0] = size;
    return true;
}

static void select_logic(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    uint16_t ssa = x86_inst(s, v)->op;
    val_t a = arg(s, v, 0), b = arg(s, v, 1);
    uint64_t bits;
    bool is_const = ssa_is_const(s->fn, b, &bits);
    if (is_const && ssa == SSA_AND && select_and_mask(s, v, a, bits, size)) {
        return;
    }
    if (is_const && ssa == SSA_XOR && is_all_ones(bits, size)) {
        emit_tied_imm(s, X86_NOT, x86_def(s, v), use(s, a, size), 0, size);
        return;
    }
    if (is_const && ssa != SSA_AND && x86_fits_imm32(bits, size)) {
        emit_tied_imm(s, ssa == SSA_OR ? X86_ORI : X86_XORI, x86_def(s, v), use(s, a, size), bits,
                      size);
        return;
    }
    if ((s->has_bmi1 && (select_bmi(s, v, a, b, size) || select_bmi(s, v, b, a, size))) ||
        (ssa == SSA_OR && x86_select_bswap(s, v)) || x86_select_chain(s, v)) {
        return;
    }
    enum x86_op op = ssa == SSA_AND ? X86_AND : ssa == SSA_OR ? X86_OR : X86_XOR;
    emit_binary(s, op, x86_def(s, v), a, b, size);
}

/* ---- Products ---- */

/* 3, 5, 9: x + (x << scale). */
static uint8_t lea_scale(uint64_t factor)
{
    return factor == 3 ? 1 : factor == 5 ? 2 : factor == 9 ? 3 : 0;
}

/* ---- Pairs ---- */

#define PAIR_DISTANCE 24 /* how far apart, in instructions */

static bool same_args(const struct select *s, val_t a, val_t b)
{
    uint32_t a0 = arg(s, a, 0).i, a1 = arg(s, a, 1).i, b0 = arg(s, b, 0).i, b1 = arg(s, b, 1).i;
    return (a0 == b0 && a1 == b1) || (ssa_has(x86_inst(s, a), SSA_COMM) && a0 == b1 && a1 == b0);
}

/* The later instruction that v computes too, or VAL_NONE. */
static val_t joined_later(const struct select *s, val_t v)
{
    for (uint32_t i = 0; i < s->n_pairs; i++) {
        if (s->pairs[i].first == v.i) {
            return (val_t){s->pairs[i].second};
        }
    }
    return VAL_NONE;
}

/*
 * One machine instruction has two results: both halves of a product, quotient and remainder. If
 * an earlier instruction of the block is the other one of such a pair, that will compute v too,
 * when its turn comes: then there is nothing left to do here.
 */
static bool join_earlier(struct select *s, val_t v, uint16_t partner)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    uint32_t i = inst->prev, n = 0;
    for (; i != 0 && n < PAIR_DISTANCE; n++, i = s->fn->insts[i].prev) {
        const struct ssa_inst *other = &s->fn->insts[i];
        if (other->op == partner && other->type == inst->type && s->n_uses[i] != 0 &&
            same_args(s, v, (val_t){i})) {
            break;
        }
        if (ssa_has(inst, SSA_TRAPS) &&
            ssa_has(other, SSA_TRAPS | SSA_WRITES | SSA_CALLS | SSA_STATE)) {
            return false; /* v's trap would pass it */
        }
    }
    uint32_t max = sizeof s->pairs / sizeof s->pairs[0];
    if (i == 0 || n == PAIR_DISTANCE || s->vreg_of[i] == VREG_FOLDED || s->n_pairs == max ||
        s->vreg_of[v.i] == 0 || joined_later(s, v).i != 0 || joined_later(s, (val_t){i}).i != 0) {
        return false;
    }
    (void)x86_def(s, (val_t){i});
    s->pairs[s->n_pairs++] = (struct select_pair){i, v.i};
    return true;
}

/* The vreg of the other result: wanted by a later instruction, or of no use. */
static uint32_t second_def(struct select *s, val_t v)
{
    val_t later = joined_later(s, v);
    return later.i != 0 ? x86_def(s, later) : x86_vreg(s, CLASS_GPR, size_of(s, v));
}

/* rdx:rax = rax * rm */
static void emit_wide_mul(struct select *s, val_t v, enum x86_op op, uint32_t low, uint32_t high)
{
    uint8_t size = size_of(s, v);
    uint32_t left = use(s, arg(s, v, 0), size), right = use(s, arg(s, v, 1), size);
    emit(s, op)->sub[0] = size;
    op_use_any(s, right);
    op_use_fixed(s, left, RAX);
    op_def_fixed(s, high, RDX);
    op_def_fixed(s, low, RAX);
}

static void select_mulhi(struct select *s, val_t v)
{
    if (!join_earlier(s, v, SSA_MUL)) {
        bool is_signed = x86_inst(s, v)->op == SSA_MULHI_S;
        uint32_t low = second_def(s, v);
        emit_wide_mul(s, v, is_signed ? X86_IMUL1 : X86_MUL1, low, x86_def(s, v));
    }
}

/* Products of two short instructions, which take one cycle each where imul takes three. */
static bool select_mul_const(struct select *s, val_t v, val_t a, uint64_t c, uint8_t size)
{
    uint32_t def = x86_def(s, v);
    uint32_t shift = c != 0 ? (uint32_t)__builtin_ctzll(c) : 0;
    if (lea_scale(c) != 0) {
        uint32_t x = use(s, a, size);
        emit_lea(s, def, x, x, lea_scale(c), 0, size);
        return true;
    }
    for (uint64_t f = 3; f <= 9; f = 2 * f - 1) { /* 3, 5, 9 */
        bool is_shifted = shift != 0 && c >> shift == f;
        if (!is_shifted && (c % f != 0 || lea_scale(c / f) == 0)) {
            continue;
        }
        uint32_t x = use(s, a, size), t = x86_vreg(s, CLASS_GPR, size);
        emit_lea(s, t, x, x, lea_scale(f), 0, size);
        if (is_shifted) {
            emit_free_imm(s, X86_SHL3I, def, t, shift, size);
        } else {
            emit_lea(s, def, t, t, lea_scale(c / f), 0, size);
        }
        return true;
    }
    bool is_above = c > 2 && ((c - 1) & (c - 2)) == 0; /* 2^n + 1 */
    bool is_below = c > 2 && ((c + 1) & c) == 0;       /* 2^n - 1 */
    if ((!is_above && !is_below) || c > INT32_MAX) {
        return false;
    }
    uint32_t x = use(s, a, size), t = x86_vreg(s, CLASS_GPR, size);
    uint32_t n = (uint32_t)__builtin_ctzll(is_above ? c - 1 : c + 1);
    emit_free_imm(s, X86_SHL3I, t, x, n, size);
    emit_rvm(s, is_above ? X86_ADD : X86_SUB, def, t, x)->sub[0] = size;
    return true;
}

static void select_mul(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    val_t a = arg(s, v, 0), b = arg(s, v, 1);
    uint64_t bits;
    struct x86_mem mem;
    bool is_imm = ssa_is_const(s->fn, b, &bits) && x86_fits_imm32(bits, size);
    val_t later = joined_later(s, v);
    if (later.i != 0) {
        bool is_signed = x86_inst(s, later)->op == SSA_MULHI_S;
        emit_wide_mul(s, v, is_signed ? X86_IMUL1 : X86_MUL1, x86_def(s, v), x86_def(s, later));
    } else if (join_earlier(s, v, SSA_MULHI_U) || join_earlier(s, v, SSA_MULHI_S)) {
        return;
    } else if (!is_imm) {
        emit_binary(s, X86_IMUL, x86_def(s, v), a, b, size);
    } else if (!select_mul_const(s, v, a, bits, size)) {
        struct mir_inst *inst = x86_fold_load(s, a, size, &mem)
                                    ? emit_rm_mem(s, X86_IMULI, x86_def(s, v), &mem)
                                    : emit_rm(s, X86_IMULI, x86_def(s, v), use(s, a, size));
        inst->sub[0] = size;
        inst->imm = bits;
    }
}

/* Emits what sets the carry flag to c (0 or 1). */
static void emit_carry(struct select *s, val_t c)
{
    uint32_t t = x86_vreg(s, CLASS_GPR, 4);
    emit_tied_imm(s, X86_ADDI, t, x86_use32(s, c), UINT32_MAX, 4);
}

/* ADDC, SUBB and the carries out of them. */
static void select_carry(struct select *s, val_t v)
{
    uint16_t ssa = x86_inst(s, v)->op;
    bool is_out = ssa == SSA_ADDC_OUT || ssa == SSA_SUBB_OUT;
    bool is_add = ssa == SSA_ADDC || ssa == SSA_ADDC_OUT;
    uint8_t size = x86_type_bytes(x86_type(s, arg(s, v, 0)));
    uint32_t left = use(s, arg(s, v, 0), size), right = use(s, arg(s, v, 1), size);
    uint64_t bits;
    bool has_carry = !const_arg(s, v, 2, &bits) || bits != 0;
    uint32_t zero = x86_vreg(s, CLASS_GPR, 4);
    if (is_out) {
        emit(s, X86_ZERO);
        op_def(s, zero);
    }
    if (has_carry) {
        emit_carry(s, arg(s, v, 2));
    }
    enum x86_op op = is_add ? (has_carry ? X86_ADC : X86_ADD) : has_carry ? X86_SBB : X86_SUB;
    uint32_t sum = is_out ? x86_vreg(s, CLASS_GPR, size) : x86_def(s, v);
    emit_rvm(s, op, sum, left, right)->sub[0] = size;
    if (is_out) {
        struct mir_inst *inst = emit(s, X86_SETCC);
        inst->sub[3] = CC_B;
        op_def_tied(s, x86_def(s, v), 1);
        op_use(s, zero);
    }
}

/* ---- Quotients ---- */

static uint16_t div_partner(uint16_t ssa)
{
    static const uint16_t partners[] = {
        [SSA_DIV_S - SSA_DIV_S] = SSA_REM_S,
        [SSA_DIV_U - SSA_DIV_S] = SSA_REM_U,
        [SSA_REM_S - SSA_DIV_S] = SSA_DIV_S,
        [SSA_REM_U - SSA_DIV_S] = SSA_DIV_U,
    };
    return partners[ssa - SSA_DIV_S];
}

static void select_div(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    uint16_t ssa = x86_inst(s, v)->op;
    bool is_signed = ssa == SSA_DIV_S || ssa == SSA_REM_S;
    bool is_rem = ssa == SSA_REM_S || ssa == SSA_REM_U;
    uint64_t bits;
    bool is_checked = is_signed && !(const_arg(s, v, 1, &bits) && !is_all_ones(bits, size));
    if (join_earlier(s, v, div_partner(ssa))) {
        return;
    }
    uint32_t pos = x86_inst(s, v)->pos;
    uint32_t left = use(s, arg(s, v, 0), size), right = use(s, arg(s, v, 1), size);
    uint32_t high;
    if (is_signed) {
        high = x86_vreg(s, CLASS_GPR, size);
        emit(s, X86_CDQ)->sub[0] = size;
        op_def_fixed(s, high, RDX);
        op_use_fixed(s, left, RAX);
    } else {
        high = x86_const_gpr(s, 0, size);
    }
    struct mir_inst *inst = emit(s, !is_signed ? X86_DIV1 : is_checked ? X86_SDIV : X86_IDIV1);
    inst->sub[0] = size;
    inst->pos = pos;
    inst->imm = (is_rem || joined_later(s, v).i != 0 ? DIV_IS_REM : 0) |
                (!is_rem || joined_later(s, v).i != 0 ? DIV_IS_QUOTIENT : 0);
    uint32_t other = second_def(s, v);
    op_use_any(s, right);
    op_use_fixed(s, left, RAX);
    op_use_fixed(s, high, RDX);
    op_def_fixed(s, is_rem ? other : x86_def(s, v), RAX);
    op_def_fixed(s, is_rem ? x86_def(s, v) : other, RDX);
}

/* ---- Shifts ---- */

/* The count's own mask is done by the machine. */
static val_t shift_count(const struct select *s, val_t v, uint8_t size)
{
    uint64_t need = size * 8u - 1, bits;
    for (;;) {
        v = ssa_resolve(s->fn, v);
        const struct ssa_inst *inst = x86_inst(s, v);
        bool is_mask = inst->op == SSA_AND && const_arg(s, v, 1, &bits) && (bits & need) == need;
        if (!is_mask && inst->op != SSA_WRAP && inst->op != SSA_EXTEND_U &&
            inst->op != SSA_EXTEND_S) {
            return v;
        }
        v = arg(s, v, 0);
    }
}

static const struct shift_op {
    uint16_t imm, cl, free; /* free: not tied, any count register (BMI2) */
} shift_ops[] = {
    [SSA_SHL - SSA_SHL] = {X86_SHL3I, X86_SHL, X86_SHLX},
    [SSA_SHR_S - SSA_SHL] = {X86_SARI, X86_SAR, X86_SARX},
    [SSA_SHR_U - SSA_SHL] = {X86_SHRI, X86_SHR, X86_SHRX},
    [SSA_ROTL - SSA_SHL] = {X86_ROLI, X86_ROL, X86_NOP},
    [SSA_ROTR - SSA_SHL] = {X86_RORI, X86_ROR, X86_NOP},
};

static void select_shift_imm(struct select *s, val_t v, uint64_t count, uint8_t size)
{
    uint16_t ssa = x86_inst(s, v)->op;
    val_t a = arg(s, v, 0);
    uint32_t def = x86_def(s, v);
    if (ssa == SSA_SHL) {
        emit_free_imm(s, X86_SHL3I, def, use(s, a, size), count, size);
    } else if ((ssa == SSA_ROTL || ssa == SSA_ROTR) && s->has_bmi2) {
        uint64_t right = ssa == SSA_ROTR ? count : (size * 8u - count) & (size * 8u - 1);
        emit_unary(s, X86_RORX, def, a, size, size);
        emit_last(s)->imm = right;
    } else {
        emit_tied_imm(s, (enum x86_op)shift_ops[ssa - SSA_SHL].imm, def, use(s, a, size), count,
                      size);
    }
}

static void select_shift(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    const struct shift_op *op = &shift_ops[x86_inst(s, v)->op - SSA_SHL];
    uint64_t bits;
    struct x86_mem mem;
    if (const_arg(s, v, 1, &bits)) {
        select_shift_imm(s, v, bits & (size * 8u - 1), size);
        return;
    }
    val_t a = arg(s, v, 0);
    uint32_t count = x86_use32(s, shift_count(s, arg(s, v, 1), size));
    if (op->free != X86_NOP && s->has_bmi2) {
        struct mir_inst *inst =
            x86_fold_load(s, a, size, &mem)
                ? emit_rvm_mem(s, (enum x86_op)op->free, x86_def(s, v), count, &mem)
                : emit_rvm(s, (enum x86_op)op->free, x86_def(s, v), count, use(s, a, size));
        inst->sub[0] = size;
        return;
    }
    uint32_t src = use(s, a, size);
    emit(s, (enum x86_op)op->cl)->sub[0] = size;
    op_def_tied(s, x86_def(s, v), 1);
    op_use(s, src);
    op_use_fixed(s, count, RCX);
}

/* ---- Counts of bits ---- */

/* bsr and bsf leave the result undefined for 0, but set ZF: then the constant is taken. */
static void emit_scan(struct select *s, enum x86_op op, uint32_t def, uint32_t src,
                      uint64_t if_zero, uint8_t size)
{
    uint32_t t = x86_vreg(s, CLASS_GPR, size);
    emit_rm(s, op, t, src)->sub[0] = size;
    struct mir_inst *inst = emit(s, X86_CMOV);
    inst->sub[0] = 4;
    inst->sub[3] = CC_E;
    op_def_tied(s, def, 1);
    op_use(s, t);
    op_use_any(s, x86_const_gpr(s, if_zero, 4));
}

static void select_clz(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    val_t a = arg(s, v, 0);
    if (s->has_lzcnt) {
        emit_unary(s, X86_LZCNT, x86_def(s, v), a, size, size);
        return;
    }
    uint32_t top = x86_vreg(s, CLASS_GPR, size);
    emit_scan(s, X86_BSR, top, use(s, a, size), size == 8 ? 127 : 63, size);
    emit_tied_imm(s, X86_XORI, x86_def(s, v), top, size * 8u - 1, 4);
}

static void select_ctz(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    val_t a = arg(s, v, 0);
    if (s->has_bmi1) {
        emit_unary(s, X86_TZCNT, x86_def(s, v), a, size, size);
    } else {
        emit_scan(s, X86_BSF, x86_def(s, v), use(s, a, size), size * 8u, size);
    }
}

/* x & mask, or x + y and such, in a new vreg: for sequences. */
static uint32_t seq_imm(struct select *s, enum x86_op op, uint32_t x, uint64_t imm, uint8_t size)
{
    uint32_t t = x86_vreg(s, CLASS_GPR, size);
    emit_tied_imm(s, op, t, x, imm, size);
    return t;
}

static uint32_t seq_and(struct select *s, uint32_t x, uint64_t mask, uint8_t size)
{
    uint32_t t = x86_vreg(s, CLASS_GPR, size);
    if (size == 4) {
        return seq_imm(s, X86_ANDI, x, (uint32_t)mask, size);
    }
    emit_rvm(s, X86_AND, t, x, x86_const_gpr(s, mask, size))->sub[0] = size;
    return t;
}

static uint32_t seq_op(struct select *s, enum x86_op op, uint32_t x, uint32_t y, uint8_t size)
{
    uint32_t t = x86_vreg(s, CLASS_GPR, size);
    emit_rvm(s, op, t, x, y)->sub[0] = size;
    return t;
}

/* Without the instruction: sums of neighbouring bits, pairs, nibbles, then one product. */
static void emit_popcnt(struct select *s, uint32_t def, uint32_t x, uint8_t size)
{
    uint32_t t = seq_and(s, seq_imm(s, X86_SHRI, x, 1, size), 0x5555555555555555, size);
    x = seq_op(s, X86_SUB, x, t, size);
    t = seq_and(s, seq_imm(s, X86_SHRI, x, 2, size), 0x3333333333333333, size);
    x = seq_op(s, X86_ADD, seq_and(s, x, 0x3333333333333333, size), t, size);
    x = seq_op(s, X86_ADD, x, seq_imm(s, X86_SHRI, x, 4, size), size);
    x = seq_and(s, x, 0x0f0f0f0f0f0f0f0f, size);
    x = seq_op(s, X86_IMUL, x, x86_const_gpr(s, size == 8 ? 0x0101010101010101 : 0x01010101, size),
               size);
    emit_tied_imm(s, X86_SHRI, def, x, size * 8u - 8, size);
}

static void select_popcnt(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    val_t a = arg(s, v, 0);
    if (s->has_popcnt) {
        emit_unary(s, X86_POPCNT, x86_def(s, v), a, size, size);
    } else {
        emit_popcnt(s, x86_def(s, v), use(s, a, size), size);
    }
}

/* ---- Conversions ---- */

static void select_sext(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    val_t a = arg(s, v, 0);
    switch (x86_inst(s, v)->op) {
    case SSA_SEXT8: emit_unary(s, X86_MOVSX8, x86_def(s, v), a, size, 0); break;
    case SSA_SEXT16: emit_unary(s, X86_MOVSX16, x86_def(s, v), a, size, 0); break;
    default: /* SEXT32, EXTEND_S */
        emit_unary(s, X86_MOVSXD, x86_def(s, v), a, 8, x86_type(s, a) == T_I32 ? 4 : 0);
        break;
    }
}

/* Only reached if somebody needs zeros above the low half. */
static void select_wrap(struct select *s, val_t v)
{
    emit_unary(s, X86_LOAD, x86_def(s, v), arg(s, v, 0), 4, 0);
}

static void select_inst_addr(struct select *s, val_t v)
{
    struct x86_mem mem = {.mode = MODE_P, .disp = (int32_t)x86_inst(s, v)->imm};
    emit_rm_mem(s, X86_LEA, x86_def(s, v), &mem)->sub[0] = 8;
}

/* ---- Choices ---- */

static void emit_zero(struct select *s, uint32_t def)
{
    emit(s, X86_ZERO);
    op_def(s, def);
}

static void emit_cmov(struct select *s, uint32_t def, uint32_t otherwise, uint32_t if_cc,
                      enum x86_cc cc, uint8_t size)
{
    if (cc == CC_E_AND_NP) { /* only the "or" of two conditions can be done by two cmovs */
        uint32_t swap = otherwise;
        otherwise = if_cc;
        if_cc = swap;
        cc = CC_NE_OR_P;
    }
    struct mir_inst *inst = emit(s, X86_CMOV);
    inst->sub[0] = size;
    inst->sub[3] = cc;
    op_def_tied(s, def, 1);
    op_use(s, otherwise);
    op_use_any(s, if_cc);
}

static void emit_setcc(struct select *s, uint32_t def, uint32_t zero, enum x86_cc cc)
{
    struct mir_inst *inst = emit(s, X86_SETCC);
    inst->sub[3] = cc;
    op_def_tied(s, def, 1);
    op_use(s, zero);
    if (cc >= CC_E_AND_NP) {
        op_temp(s, CLASS_GPR);
    }
}

static void select_cmp(struct select *s, val_t v)
{
    uint32_t zero = x86_vreg(s, CLASS_GPR, 4);
    emit_zero(s, zero);
    emit_setcc(s, x86_def(s, v), zero, x86_condition(s, v));
}

/* One side is zero: that is made before the comparison, by xor. */
static bool select_or_zero(struct select *s, val_t v, val_t a, val_t b, uint8_t size)
{
    uint64_t bits;
    bool is_a = ssa_is_const(s->fn, a, &bits) && bits == 0;
    bool is_b = ssa_is_const(s->fn, b, &bits) && bits == 0;
    val_t other = is_a ? b : a;
    if (is_a == is_b || x86_inst(s, other)->op == SSA_CONST) {
        return false;
    }
    uint32_t zero = x86_vreg(s, CLASS_GPR, size), x = use(s, other, size);
    emit_zero(s, zero);
    enum x86_cc cc = x86_condition(s, arg(s, v, 0)) ^ is_a;
    emit_cmov(s, x86_def(s, v), zero, x, cc, size);
    return true;
}

static void select_select(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    val_t a = arg(s, v, 1), b = arg(s, v, 2);
    struct x86_mem mem;
    bool is_swapped = false;
    if (select_or_zero(s, v, a, b, size)) {
        return;
    }
    bool is_folded = x86_fold_load(s, a, size, &mem);
    if (!is_folded && x86_fold_load(s, b, size, &mem)) {
        is_folded = is_swapped = true;
        a = b;
        b = arg(s, v, 1);
    }
    uint32_t no = use(s, b, size), yes = is_folded ? 0 : use(s, a, size);
    enum x86_cc cc = x86_condition(s, arg(s, v, 0)) ^ is_swapped;
    if (is_folded && cc == CC_E_AND_NP) { /* its cmov needs the sides the other way round */
        yes = x86_vreg(s, CLASS_GPR, size);
        emit_rm_mem(s, X86_LOAD, yes, &mem)->sub[0] = size;
        is_folded = false;
    }
    if (!is_folded) {
        emit_cmov(s, x86_def(s, v), no, yes, cc, size);
        return;
    }
    struct mir_inst *inst = emit(s, X86_CMOV);
    inst->sub[0] = size;
    inst->sub[3] = cc;
    op_def_tied(s, x86_def(s, v), 1);
    op_use(s, no);
    op_mem(s, &mem);
}

/* The TRAP_IF just before that checks the same index: both share a compare. */
static bool match_bounds_check(const struct select *s, val_t v, val_t *check)
{
    uint32_t prev = x86_inst(s, v)->prev;
    if (prev == 0 || s->fn->insts[prev].op != SSA_TRAP_IF ||
        s->fn->insts[prev].sub == TRAP_INDIRECT_TYPE) {
        return false;
    }
    val_t cmp = arg(s, (val_t){prev}, 0);
    *check = (val_t){prev};
    return x86_inst(s, cmp)->op == SSA_GE_U && arg(s, cmp, 0).i == arg(s, v, 0).i &&
           arg(s, cmp, 1).i == arg(s, v, 1).i;
}

static void select_index_mask(struct select *s, val_t v)
{
    uint8_t size = size_of(s, v);
    uint32_t zero = x86_vreg(s, CLASS_GPR, size);
    uint32_t index = use(s, arg(s, v, 0), size);
    uint64_t bits;
    bool is_const = const_arg(s, v, 1, &bits) && x86_fits_imm32(bits, size);
    uint32_t n = is_const ? 0 : use(s, arg(s, v, 1), size);
    val_t check;
    emit_zero(s, zero);
    struct mir_inst *inst = emit(s, is_const ? X86_CMPI : X86_CMP);
    inst->sub[0] = size;
    op_use(s, index);
    if (is_const) {
        inst->imm = bits;
    } else {
        op_use_any(s, n);
    }
    if (match_bounds_check(s, v, &check)) {
        s->vreg_of[check.i] = VREG_FOLDED;
        inst = emit(s, X86_TRAPCC);
        inst->sub[3] = CC_AE;
        inst->block_or_id = x86_inst(s, check)->sub;
        inst->pos = x86_inst(s, check)->pos;
    }
    emit_cmov(s, x86_def(s, v), zero, index, CC_B, size);
}

static void select_cycles(struct select *s, val_t v)
{
    uint32_t low = x86_vreg(s, CLASS_GPR, 8), high = x86_vreg(s, CLASS_GPR, 8);
    uint32_t shifted = x86_vreg(s, CLASS_GPR, 8);
    emit(s, X86_RDTSC);
    op_def_fixed(s, low, RAX);
    op_def_fixed(s, high, RDX);
    emit_tied_imm(s, X86_SHLI, shifted, high, 32, 8);
    emit_rvm(s, X86_OR, x86_def(s, v), low, shifted)->sub[0] = 8;
}

/* ---- The table ---- */

typedef void select_fn(struct select *s, val_t v);

static select_fn *const select_fns[] = {
    [SSA_ADD] = select_add,
    [SSA_SUB] = select_sub,
    [SSA_MUL] = select_mul,
    [SSA_DIV_S... SSA_REM_U] = select_div,
    [SSA_AND... SSA_XOR] = select_logic,
    [SSA_SHL... SSA_ROTR] = select_shift,
    [SSA_CLZ] = select_clz,
    [SSA_CTZ] = select_ctz,
    [SSA_POPCNT] = select_popcnt,
    [SSA_SEXT8... SSA_SEXT32] = select_sext,
    [SSA_MULHI_S... SSA_MULHI_U] = select_mulhi,
    [SSA_ADDC... SSA_SUBB_OUT] = select_carry,
    [SSA_EQZ... SSA_GE_U] = select_cmp,
    [SSA_WRAP] = select_wrap,
    [SSA_EXTEND_S] = select_sext,
    [SSA_SELECT] = select_select,
    [SSA_INST_ADDR] = select_inst_addr,
    [SSA_INDEX_MASK] = select_index_mask,
    [SSA_CYCLES] = select_cycles,
};

status_t x86_select_int(struct select *s, val_t v)
{
    select_fn *fn = select_fns[x86_inst(s, v)->op];
    if (fn == NULL) {
        return STATUS_OK; /* EXTEND_U: an alias */
    }
    fn(s, v);
    return STATUS_OK;
}
