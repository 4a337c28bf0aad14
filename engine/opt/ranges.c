/*
 * Ranges of loop counters.
 *
 * A counter that starts at a constant, goes in constant steps and ends at a constant (or below a
 * value whose largest is known) can't exceed what follows from that. With such a bound an index
 * into a static array provably doesn't wrap around 2^32, so that the array's address becomes the
 * offset of the access and the element size its scale: one instruction instead of three.
 *
 * Looked at are loops with one latch whose branch decides about the next round, the form in which
 * LLVM leaves loops. The bound of a phi is kept in fn->phi_max, where folding finds it.
 */
#include <string.h>

#include "engine/opt/fold.h"
#include "engine/opt/opt.h"

/* "The next round happens if a op b", for unsigned or equality tests. */
struct test {
    uint16_t op;
    val_t a, b;
};

static uint16_t inverted(uint16_t op)
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
    default: return SSA_NOP;
    }
}

/* The test at the end of the latch, as it is when the loop goes on. */
static bool find_test(const struct ssa_func *fn, uint32_t latch, uint32_t header, struct test *out)
{
    const struct ssa_block *block = &fn->blocks[latch];
    const struct ssa_inst *end = &fn->insts[block->last];
    if (end->op != SSA_BRANCH) {
        return false;
    }
    bool goes_on = ssa_succs(fn, block)[0] == header;
    val_t cond = ssa_resolve(fn, (val_t){end->arg[0]});
    while (ssa_inst(fn, cond)->op == SSA_EQZ) {
        val_t of = ssa_resolve(fn, (val_t){ssa_inst(fn, cond)->arg[0]});
        if (!ssa_has(ssa_inst(fn, of), SSA_CMP)) {
            break;
        }
        cond = of;
        goes_on = !goes_on;
    }
    const struct ssa_inst *test = ssa_inst(fn, cond);
    if (test->op < SSA_EQ || test->op > SSA_GE_U) {
        return false;
    }
    *out = (struct test){goes_on ? test->op : inverted(test->op),
                         ssa_resolve(fn, (val_t){test->arg[0]}),
                         ssa_resolve(fn, (val_t){test->arg[1]})};
    return true;
}

/* A counter: phi(init, next), next = phi + step. */
struct counter {
    val_t phi, next;
    uint64_t init; /* its largest value */
    bool is_init_const;
    int64_t step;
};

static bool find_counter(const struct ssa_func *fn, uint32_t phi, uint32_t entry, uint32_t latch,
                         struct counter *c)
{
    const struct ssa_inst *inst = &fn->insts[phi];
    uint64_t step;
    val_t init = ssa_resolve(fn, (val_t){fn->pool[inst->arg[0] + entry]});
    c->phi = (val_t){phi};
    c->next = ssa_resolve(fn, (val_t){fn->pool[inst->arg[0] + latch]});
    const struct ssa_inst *next = ssa_inst(fn, c->next);
    if ((inst->type != T_I32 && inst->type != T_I64) || next->op != SSA_ADD ||
        ssa_resolve(fn, (val_t){next->arg[0]}).i != phi ||
        !ssa_is_const(fn, ssa_resolve(fn, (val_t){next->arg[1]}), &step)) {
        return false;
    }
    c->step = inst->type == T_I32 ? (int32_t)step : (int64_t)step;
    c->is_init_const = ssa_is_const(fn, init, &c->init);
    if (!c->is_init_const) {
        c->init = fold_value_max(fn, init);
    }
    return true;
}

/* Counting up while next (or the phi) differs from K: reaches it exactly, or is not bounded. */
static uint64_t max_until_equal(const struct counter *c, uint64_t k, bool is_next)
{
    uint64_t step = c->step > 0 ? (uint64_t)c->step : 0 - (uint64_t)c->step;
    if (!c->is_init_const || step == 0 || (c->step > 0 ? k <= c->init : k >= c->init) ||
        (c->step > 0 ? k - c->init : c->init - k) % step != 0) {
        return UINT64_MAX;
    }
    if (c->step < 0) {
        return c->init;
    }
    return is_next ? k - step : k;
}

/* The largest value of the phi, or UINT64_MAX. */
static uint64_t find_max(const struct ssa_func *fn, const struct counter *c, const struct test *t)
{
    bool is_next = t->a.i == c->next.i;
    uint64_t k, top = ssa_inst(fn, c->phi)->type == T_I32 ? INT32_MAX : INT64_MAX;
    if (!is_next && t->a.i != c->phi.i) {
        return UINT64_MAX;
    }
    bool is_const = ssa_is_const(fn, t->b, &k);
    if (t->op == SSA_NE) {
        return is_const ? max_until_equal(c, k, is_next) : UINT64_MAX;
    }
    k = is_const ? k : fold_value_max(fn, t->b);
    uint64_t step = (uint64_t)c->step;
    if (c->step <= 0 || c->init > top || k > top || step > top - k || step > top - c->init) {
        return UINT64_MAX; /* only rising counters that stay below the sign bit */
    }
    /* a non-negative counter: signed and unsigned tests say the same, if k is a non-negative
     * number too: a constant, or one known to be */
    bool is_below = t->op == SSA_LT_U || t->op == SSA_LT_S;
    if (!is_below && t->op != SSA_LE_U && t->op != SSA_LE_S) {
        return UINT64_MAX;
    }
    if (is_below && k == 0) {
        return c->init;
    }
    uint64_t last = (is_below ? k - 1 : k) + (is_next ? 0 : step);
    return last > c->init ? last : c->init;
}

static void look_at_loop(struct ssa_func *fn, uint32_t header)
{
    const struct ssa_block *block = &fn->blocks[header];
    if (block->n_preds != 2) {
        return;
    }
    uint32_t entry = ssa_preds(fn, block)[0] < header ? 0 : 1;
    uint32_t latch_block = ssa_preds(fn, block)[1 - entry];
    struct test test;
    if (latch_block < header || !find_test(fn, latch_block, header, &test)) {
        return;
    }
    for (uint32_t v = block->first; v != 0 && fn->insts[v].op == SSA_PHI; v = fn->insts[v].next) {
        struct counter c;
        if (find_counter(fn, v, entry, 1 - entry, &c)) {
            fn->phi_max[v] = find_max(fn, &c, &test);
        }
    }
}

status_t pass_ranges(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    if (fn->n_loops <= 1) {
        return STATUS_OK;
    }
    fn->phi_max = arena_array(cx->arena, fn->n_insts, sizeof *fn->phi_max);
    if (fn->phi_max == NULL) {
        return ERR_NO_MEMORY;
    }
    fn->n_phi_max = fn->n_insts;
    memset(fn->phi_max, 0xff, fn->n_phi_max * sizeof *fn->phi_max);
    for (uint32_t i = 1; i < fn->n_loops; i++) {
        look_at_loop(fn, fn->loops[i].header);
    }
    return STATUS_OK;
}
