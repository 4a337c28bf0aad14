/*
 * Ranges of loop counters.
 *
 * A counter that starts at a constant, goes in constant steps and ends at a constant (or below a
 * value whose largest is known) can't exceed what follows from that. With such a bound an index
 * into a static array provably doesn't wrap around 2^32, so that the array's address becomes the
 * offset of the access and the element size its scale: one instruction instead of three.
 *
 * It also says how many rounds a loop has at most, and with that bounds every other value that
 * goes in constant steps there: pointers that walk along, and counters from below zero, as LLVM
 * likes them, of which the bounds as signed numbers are what counts (see the pass counters).
 *
 * Looked at are loops with one latch, and in them the branches out of the loop that each round
 * passes; outer loops first, whose counters inner ones start from. The bounds of a phi are kept in
 * fn->bounds, where folding finds them.
 */
#include "engine/opt/fold.h"
#include "engine/opt/opt.h"

#define TESTS_MAX 4u  /* of a loop */
#define BLOCKS_MAX 8u /* that are looked at for them */

/* "The next round happens if a op b", for unsigned or equality tests. */
struct test {
    uint16_t op;
    val_t a, b;
};

/* The test at the end of a block, as it is when the loop goes on; false if it can't be left there. */
static bool find_test(struct ssa_func *fn, uint32_t b, uint32_t loop, struct test *out)
{
    const struct ssa_block *block = &fn->blocks[b];
    const struct ssa_inst *end = &fn->insts[block->last];
    if (end->op != SSA_BRANCH || block->n_succs != 2) {
        return false;
    }
    const uint32_t *succs = ssa_succs(fn, block);
    bool goes_on = opt_in_loop(fn, fn->blocks[succs[0]].loop, loop);
    if (goes_on == opt_in_loop(fn, fn->blocks[succs[1]].loop, loop)) {
        return false;
    }
    val_t cond = ssa_resolve(fn, (val_t){end->arg[0]});
    while (ssa_inst(fn, cond)->op == SSA_EQZ) {
        cond = ssa_resolve(fn, (val_t){ssa_inst(fn, cond)->arg[0]});
        goes_on = !goes_on;
    }
    const struct ssa_inst *test = ssa_inst(fn, cond);
    if (test->op >= SSA_EQ && test->op <= SSA_GE_U) {
        *out = (struct test){goes_on ? test->op : fold_compare_inverted(test->op),
                             ssa_resolve(fn, (val_t){test->arg[0]}),
                             ssa_resolve(fn, (val_t){test->arg[1]})};
    } else {
        val_t zero = ssa_const(fn, test->type, 0);
        *out = (struct test){goes_on ? SSA_NE : SSA_EQ, cond, zero};
    }
    return true;
}

/* The tests that each round which is followed by another has passed: those at the end of blocks
 * that dominate the latch. Not all of them if they are many. */
static uint32_t find_tests(struct ssa_func *fn, uint32_t loop, uint32_t latch, struct test *tests)
{
    uint32_t n = 0, b = latch;
    for (uint32_t i = 0; i < BLOCKS_MAX && n < TESTS_MAX; i++, b = fn->blocks[b].idom) {
        if (fn->blocks[b].loop == loop) {
            n += find_test(fn, b, loop, &tests[n]);
        }
        if (b == fn->loops[loop].header) {
            break;
        }
    }
    return n;
}

/* A counter: phi(init, next), next = phi + step. */
struct counter {
    val_t phi, next, start;
    uint64_t init; /* the start's largest value */
    bool is_init_const;
    int64_t step;
};

/* No loop with more rounds than that has a bound that would be of use. */
#define ROUNDS_MAX UINT32_MAX

static bool find_counter(const struct ssa_func *fn, uint32_t phi, uint32_t entry, uint32_t latch,
                         struct counter *c)
{
    const struct ssa_inst *inst = &fn->insts[phi];
    uint64_t step;
    val_t init = ssa_resolve(fn, (val_t){fn->pool[inst->arg[0] + entry]});
    c->phi = (val_t){phi};
    c->start = init;
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

static uint64_t absolute(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

/*
 * Rounds until the counter has gone the distance, or beyond: the first round whose test fails is
 * the one in which next, or the phi, is there.
 */
static uint64_t rounds_for(const struct counter *c, uint64_t distance, bool is_next)
{
    uint64_t step = absolute(c->step);
    uint64_t steps = distance / step + (distance % step != 0);
    return is_next ? steps : steps + 1;
}

/* While it differs from k: modulo 2^32 it gets there first after distance / step, if that is
 * whole. The distance 0 from next is a whole turn: unknown. */
static uint64_t rounds_until_equal(const struct counter *c, uint64_t k, bool is_next)
{
    uint32_t distance = (uint32_t)(c->step > 0 ? k - c->init : c->init - k);
    return distance == 0 || distance % absolute(c->step) != 0 ? UINT64_MAX
                                                              : rounds_for(c, distance, is_next);
}

/* While it is below k, as signed numbers: the one that isn't any more must not have wrapped. */
static uint64_t rounds_while_below(const struct counter *c, int64_t k, bool is_next)
{
    int64_t init = (int32_t)c->init;
    if (c->step < 0 || (k > init ? k - 1 : init) + c->step > INT32_MAX) {
        return UINT64_MAX;
    }
    return k <= init ? 1 : rounds_for(c, (uint64_t)(k - init), is_next);
}

/* How often a loop's header runs at most each time that the loop is entered; UINT64_MAX unknown.
 * max: of the phi. */
static uint64_t max_rounds(const struct ssa_func *fn, const struct counter *c, const struct test *t,
                           uint64_t max)
{
    bool is_next = t->a.i == c->next.i;
    uint64_t k;
    if (c->step == 0 || ssa_inst(fn, c->phi)->type != T_I32 || (!is_next && t->a.i != c->phi.i)) {
        return UINT64_MAX;
    }
    bool is_const = c->is_init_const && ssa_is_const(fn, t->b, &k);
    if (is_const && t->op == SSA_NE) {
        return rounds_until_equal(c, k, is_next);
    }
    if (is_const && (t->op == SSA_LT_S || t->op == SSA_LE_S)) {
        return rounds_while_below(c, (int64_t)(int32_t)k + (t->op == SSA_LE_S), is_next);
    }
    return c->step > 0 && max != UINT64_MAX ? max / (uint64_t)c->step + 1 : UINT64_MAX;
}

/* What an i32 that starts so and goes so reaches in so many rounds. */
static void bound_by_rounds(struct ssa_func *fn, const struct counter *c, uint64_t rounds)
{
    struct ssa_bounds *bounds = &fn->bounds[c->phi.i];
    if (ssa_inst(fn, c->phi)->type != T_I32 || rounds == 0 || rounds > ROUNDS_MAX) {
        return;
    }
    int64_t span = (int64_t)(rounds - 1) * c->step, low, high; /* below 2^32 times 2^31 */
    if (span >= 0 && c->init + (uint64_t)span <= UINT32_MAX &&
        c->init + (uint64_t)span < bounds->max) {
        bounds->max = c->init + (uint64_t)span;
    }
    if (!fold_value_bounds(fn, c->start, &low, &high)) {
        return;
    }
    low += span < 0 ? span : 0;
    high += span > 0 ? span : 0;
    if (low >= INT32_MIN && high <= INT32_MAX) {
        bounds->low = (int32_t)low;
        bounds->high = (int32_t)high;
        if (low >= 0 && (uint64_t)high < bounds->max) {
            bounds->max = (uint64_t)high;
        }
    }
}

static void look_at_loop(struct ssa_func *fn, uint32_t loop)
{
    const struct ssa_block *block = &fn->blocks[fn->loops[loop].header];
    if (block->n_preds != 2) {
        return;
    }
    const uint32_t *preds = ssa_preds(fn, block);
    uint32_t entry = preds[0] < fn->loops[loop].header ? 0 : 1;
    struct test tests[TESTS_MAX];
    struct counter c;
    uint32_t n_tests = find_tests(fn, loop, preds[1 - entry], tests);
    uint64_t rounds = UINT64_MAX;
    for (uint32_t v = block->first; n_tests != 0 && fn->insts[v].op == SSA_PHI;
         v = fn->insts[v].next) {
        for (uint32_t i = 0; find_counter(fn, v, entry, 1 - entry, &c) && i < n_tests; i++) {
            uint64_t max = find_max(fn, &c, &tests[i]);
            uint64_t n = max_rounds(fn, &c, &tests[i], max);
            fn->bounds[v].max = max < fn->bounds[v].max ? max : fn->bounds[v].max;
            rounds = n < rounds ? n : rounds;
        }
    }
    for (uint32_t v = block->first; rounds != UINT64_MAX && fn->insts[v].op == SSA_PHI;
         v = fn->insts[v].next) {
        if (find_counter(fn, v, entry, 1 - entry, &c)) {
            bound_by_rounds(fn, &c, rounds);
        }
    }
}

status_t pass_ranges(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    if (fn->n_loops <= 1) {
        return STATUS_OK;
    }
    status_t status = ssa_reserve_insts(fn, 2); /* zeros, that integers are tested against */
    if (status != STATUS_OK) {
        return status;
    }
    fn->bounds = arena_array(cx->arena, fn->n_insts, sizeof *fn->bounds);
    if (fn->bounds == NULL) {
        return ERR_NO_MEMORY;
    }
    fn->n_bounds = fn->n_insts;
    for (uint32_t v = 0; v < fn->n_bounds; v++) {
        fn->bounds[v] = (struct ssa_bounds){.max = UINT64_MAX, .low = 1, .high = 0};
    }
    for (uint32_t i = 1; i < fn->n_loops; i++) {
        look_at_loop(fn, i);
    }
    return STATUS_OK;
}
