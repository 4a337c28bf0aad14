/*
 * Selection of trees of operations that are more than the sum of their nodes: sums and bitwise
 * operations whose terms may be taken in another order, and the reversal of bytes.
 *
 * a + b + c + d as written is computed from left to right, and waits for b even if c and d were
 * ready long ago. Here the terms that are late are added last: those at the end of long
 * computations, and the loop's own sum of the round before, which is what the next round waits
 * for.
 */
#include "engine/target/x86_64/select.h"

#define CHAIN_MAX 6u     /* terms; what goes beyond is a term itself */
#define DEPTH_LIMIT 6u   /* how far back lateness is looked at */
#define DEPTH_CARRIED 16 /* of a term that comes from the round before */

struct chain {
    uint16_t op;
    uint8_t type;
    uint32_t n;
    val_t terms[CHAIN_MAX];
    uint32_t depths[CHAIN_MAX];
    bool is_carried; /* a term is this very sum, of the round before */
};

static val_t arg(const struct select *s, val_t v, uint32_t k)
{
    return ssa_resolve(s->fn, x86_arg(s, v, k));
}

static uint32_t max(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* ---- How late a value is ---- */

static uint32_t latency(const struct ssa_inst *inst)
{
    if (inst->op == SSA_MUL || inst->op == SSA_MULHI_U || inst->op == SSA_MULHI_S) {
        return 3;
    }
    if (inst->op == SSA_WRAP || inst->op == SSA_EXTEND_U || inst->op == SSA_COPY) {
        return 0;
    }
    bool is_plain = inst->op >= SSA_ADD && inst->op <= SSA_GE_U;
    return is_plain || inst->op == SSA_SELECT || inst->op == SSA_EXTEND_S ? 1 : 4;
}

/*
 * In cycles or so, from the start of the block. A load whose address is nearly there from the
 * start counts as there: such addresses are those of loop counters, which run ahead.
 */
static uint32_t depth_of(const struct select *s, val_t v, uint32_t limit)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    if (limit == 0 || inst->block != s->block || ssa_op_infos[inst->op].n_args == SSA_VAR_ARGS) {
        return 0;
    }
    uint32_t n = ssa_n_args(inst), depth = 0;
    for (uint32_t k = 0; k < n; k++) {
        depth = max(depth, depth_of(s, (val_t){inst->arg[k]}, limit - 1));
    }
    if (ssa_has(inst, SSA_READS | SSA_STATE)) {
        return depth <= 2 ? 0 : depth + 5;
    }
    return n == 0 ? 0 : depth + latency(inst);
}

/* A phi of this block that the sum becomes in the next round. */
static bool is_carried(const struct select *s, val_t phi, val_t sum)
{
    const struct ssa_inst *inst = x86_inst(s, phi);
    if (inst->op != SSA_PHI || inst->arg[1] != 2) {
        return false;
    }
    return arg(s, phi, 0).i == sum.i || arg(s, phi, 1).i == sum.i;
}

/* ---- Sums and such ---- */

static bool is_inner(const struct select *s, const struct chain *c, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    return inst->op == c->op && inst->type == c->type && inst->block == s->block &&
           s->n_uses[v.i] == 1 && s->vreg_of[v.i] == 0;
}

/* Collects the terms below v, of which some more will come from further up; answers when v would
 * be ready as it is written. */
static uint32_t flatten(const struct select *s, struct chain *c, val_t root, val_t v, uint32_t more)
{
    uint32_t ready = 0;
    for (uint32_t k = 0; k < 2; k++) {
        val_t term = arg(s, v, k);
        uint32_t others = more + (k == 0);
        if (is_inner(s, c, term) && c->n + 2 + others <= CHAIN_MAX) {
            ready = max(ready, flatten(s, c, root, term, others));
            continue;
        }
        bool carried = is_carried(s, term, root);
        uint32_t depth = carried ? DEPTH_CARRIED : depth_of(s, term, DEPTH_LIMIT);
        c->is_carried = c->is_carried || carried;
        ready = max(ready, depth);
        assert(c->n < CHAIN_MAX);
        c->terms[c->n] = term;
        c->depths[c->n++] = depth;
    }
    return ready + 1;
}

/* The late ones last; answers when the sum is ready then. */
static uint32_t sort_terms(struct chain *c)
{
    for (uint32_t i = 1; i < c->n; i++) {
        val_t term = c->terms[i];
        uint32_t depth = c->depths[i], k = i;
        for (; k > 0 && c->depths[k - 1] > depth; k--) {
            c->terms[k] = c->terms[k - 1];
            c->depths[k] = c->depths[k - 1];
        }
        c->terms[k] = term;
        c->depths[k] = depth;
    }
    uint32_t ready = c->depths[0];
    for (uint32_t i = 1; i < c->n; i++) {
        ready = max(ready, c->depths[i]) + 1;
    }
    return ready;
}

static void emit_chain(struct select *s, val_t v, const struct chain *c)
{
    static const uint16_t ops[] = {[SSA_ADD - SSA_ADD] = X86_ADD,
                                   [SSA_AND - SSA_ADD] = X86_AND,
                                   [SSA_OR - SSA_ADD] = X86_OR,
                                   [SSA_XOR - SSA_ADD] = X86_XOR};
    uint8_t size = x86_type_bytes((enum ssa_type)c->type);
    enum x86_op op = (enum x86_op)ops[c->op - SSA_ADD];
    uint32_t sum = size == 8 ? x86_use(s, c->terms[0]) : x86_use32(s, c->terms[0]);
    for (uint32_t i = 1; i < c->n; i++) {
        uint32_t next = i + 1 == c->n ? x86_def(s, v) : x86_vreg(s, CLASS_GPR, size);
        struct x86_mem mem;
        struct mir_inst *inst;
        if (x86_fold_load(s, c->terms[i], size, &mem)) {
            inst = emit_rvm_mem(s, op, next, sum, &mem);
        } else {
            uint32_t term = size == 8 ? x86_use(s, c->terms[i]) : x86_use32(s, c->terms[i]);
            inst = emit_rvm(s, op, next, sum, term);
        }
        inst->sub[0] = size;
        sum = next;
    }
}

static bool has_better_form(const struct select *s, const struct chain *c)
{
    uint64_t bits;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct ssa_inst *inst = x86_inst(s, c->terms[i]);
        bool is_scaled = inst->op == SSA_SHL && s->n_uses[c->terms[i].i] == 1 &&
                         ssa_is_const(s->fn, arg(s, c->terms[i], 1), &bits) && bits <= 3;
        if (inst->op == SSA_CONST || is_scaled) {
            return true; /* lea, immediates */
        }
    }
    return false;
}

bool x86_select_chain(struct select *s, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    struct chain c = {.op = inst->op, .type = inst->type};
    if (s->fn->blocks[s->block].loop == 0 ||
        (!is_inner(s, &c, arg(s, v, 0)) && !is_inner(s, &c, arg(s, v, 1)))) {
        return false;
    }
    uint32_t as_written = flatten(s, &c, v, v, 0);
    if (has_better_form(s, &c)) {
        return false;
    }
    uint32_t sorted = sort_terms(&c);
    if (sorted + (c.is_carried ? 1 : 2) > as_written) {
        return false;
    }
    emit_chain(s, v, &c);
    return true;
}

/* ---- Reversal of bytes ---- */

#define BYTE_ZERO 0xff

/*
 * Where each byte of a value comes from: byte i is byte from[i] of one source, or zero. False if
 * that can't be said.
 */
static bool trace_bytes(const struct select *s, val_t v, uint32_t limit, val_t *source,
                        uint8_t from[static 8])
{
    const struct ssa_inst *inst = x86_inst(s, v);
    uint32_t n = x86_type_bytes((enum ssa_type)inst->type);
    uint8_t a[8], b[8];
    uint64_t bits;
    bool is_part = inst->op == SSA_OR || inst->op == SSA_AND || inst->op == SSA_SHL ||
                   inst->op == SSA_SHR_U || inst->op == SSA_ROTL;
    bool is_const = is_part && ssa_is_const(s->fn, arg(s, v, 1), &bits);
    if (!is_part || limit == 0 || (inst->op != SSA_OR && !is_const)) {
        if (source->i != 0 && source->i != v.i) {
            return false;
        }
        *source = v;
        for (uint32_t i = 0; i < n; i++) {
            from[i] = (uint8_t)i;
        }
        return true;
    }
    if (!trace_bytes(s, arg(s, v, 0), limit - 1, source, a) ||
        (inst->op == SSA_OR && !trace_bytes(s, arg(s, v, 1), limit - 1, source, b))) {
        return false;
    }
    uint32_t shift = (uint32_t)(bits / 8) % n;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t mask = inst->op == SSA_AND ? bits >> (8 * i) & 0xff : 0;
        switch (inst->op) {
        case SSA_OR:
            if (a[i] != BYTE_ZERO && b[i] != BYTE_ZERO) {
                return false;
            }
            from[i] = a[i] != BYTE_ZERO ? a[i] : b[i];
            break;
        case SSA_AND:
            if (mask != 0 && mask != 0xff) {
                return false;
            }
            from[i] = mask != 0 ? a[i] : BYTE_ZERO;
            break;
        case SSA_SHL: from[i] = i >= shift ? a[i - shift] : BYTE_ZERO; break;
        case SSA_SHR_U: from[i] = i + shift < n ? a[i + shift] : BYTE_ZERO; break;
        default: from[i] = a[(i + n - shift) % n]; break;
        }
    }
    return inst->op == SSA_OR || inst->op == SSA_AND || bits % 8 == 0;
}

/* A quick look before the long one: an "or" of bytes shifted, deep enough. */
static bool may_reverse(const struct select *s, val_t v)
{
    val_t a = arg(s, v, 0), b = arg(s, v, 1);
    uint16_t x = x86_inst(s, a)->op, y = x86_inst(s, b)->op;
    bool is_x = x == SSA_OR || x == SSA_AND || x == SSA_SHL || x == SSA_SHR_U;
    bool is_y = y == SSA_OR || y == SSA_AND || y == SSA_SHL || y == SSA_SHR_U;
    return is_x && is_y && (x == SSA_OR || y == SSA_OR || x == SSA_AND) && s->n_uses[a.i] == 1 &&
           s->n_uses[b.i] == 1;
}

bool x86_select_bswap(struct select *s, val_t v)
{
    uint8_t from[8], size = x86_type_bytes(x86_type(s, v));
    val_t source = VAL_NONE;
    if (!may_reverse(s, v) || !trace_bytes(s, v, size == 8 ? 6 : 4, &source, from)) {
        return false;
    }
    for (uint32_t i = 0; i < size; i++) {
        if (from[i] != size - 1 - i) {
            return false;
        }
    }
    uint32_t src = size == 8 ? x86_use(s, source) : x86_use32(s, source);
    emit(s, X86_BSWAP)->sub[0] = size;
    op_def_tied(s, x86_def(s, v), 1);
    op_use(s, src);
    return true;
}
