/*
 * Counters that come from below zero, as 64-bit numbers.
 *
 * LLVM likes loops that count from -N up to 0, since the end then needs no comparison, and puts
 * the end of the array into the address: base + N + i. Such a sum wraps around 2^32, so as a
 * 32-bit number it takes an instruction for each place that is accessed. Where the bounds of the
 * counter are known (see the pass ranges) and the constant is at least N, the sum of the counter
 * as a signed 64-bit number and of the constant is the same address without wrapping; and then
 * the constant is part of the access.
 *
 *     i = phi -N, i + 4 : i32              w = phi -N, w + 4 : i64
 *     load (i + C)                  =>     load (w + C)
 *     branch i + 4 != 0                    branch w + 4 != 0
 *
 * A comparison with a constant says the same of both, since all values and the constant keep
 * their order when they're extended by their sign. Whoever else uses the counter gets the low half
 * of w, which costs nothing for most operations; if it would cost as much as is saved, the counter
 * stays what it is.
 *
 * Two walks over the function, one that counts what is saved, one that changes; none if no loop
 * has such a counter.
 */
#include "engine/opt/fold.h"
#include "engine/opt/opt.h"

/* Constants that, with an access's own offset, stay displacements of it. */
#define ADDEND_MAX ((uint64_t)INT32_MAX - ENGINE_GUARD_BYTES)

struct counter {
    val_t phi, next;
    val_t wide_phi, wide_next;
    uint32_t header, entry; /* entry: which predecessor of the header is not the latch */
    int64_t step;
    uint32_t n_saved, n_costs;
};

struct counters {
    struct ssa_func *fn;
    struct counter *list;
    uint32_t n, n_sums, n_compares;
    uint32_t *counter_of; /* by value: 1 + the counter of a phi, a next, or a sum of such */
    uint32_t *wide_of;    /* by value: the sum as a 64-bit number; in the first walk, whether it is
                             used as an address (1) or otherwise (SUM_IS_NEEDED) */
    uint32_t n_values;
};

#define SUM_IS_ADDRESS 1u
#define SUM_IS_NEEDED 2u

/* ---- Which counters ---- */

/* Fills in a counter that a phi is; false if it is none from below zero with known bounds. */
static bool find_counter(const struct ssa_func *fn, uint32_t phi, uint32_t header,
                         struct counter *out)
{
    const struct ssa_block *block = &fn->blocks[header];
    const struct ssa_inst *inst = &fn->insts[phi];
    if (inst->type != T_I32 || phi >= fn->n_bounds || fn->bounds[phi].low >= 0 ||
        fn->bounds[phi].low > fn->bounds[phi].high || block->n_preds != 2) {
        return false;
    }
    uint64_t step;
    uint32_t entry = ssa_preds(fn, block)[0] < header ? 0 : 1;
    val_t next = ssa_resolve(fn, (val_t){fn->pool[inst->arg[0] + 1 - entry]});
    const struct ssa_inst *sum = ssa_inst(fn, next);
    if (sum->op != SSA_ADD || ssa_resolve(fn, (val_t){sum->arg[0]}).i != phi ||
        !ssa_is_const(fn, ssa_resolve(fn, (val_t){sum->arg[1]}), &step)) {
        return false;
    }
    *out = (struct counter){
        .phi = {phi}, .next = next, .header = header, .entry = entry, .step = (int32_t)step};
    return fn->bounds[phi].low + out->step >= INT32_MIN &&
           fn->bounds[phi].high + out->step <= INT32_MAX;
}

static uint32_t count_phis(const struct ssa_func *fn)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i < fn->n_loops; i++) {
        uint32_t v = fn->blocks[fn->loops[i].header].first;
        for (; v != 0 && fn->insts[v].op == SSA_PHI; v = fn->insts[v].next) {
            n += v < fn->n_bounds && fn->bounds[v].low < 0;
        }
    }
    return n;
}

/* The counters; none is no error. */
static status_t find_counters(struct counters *cs, struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    uint32_t cap = count_phis(fn);
    *cs = (struct counters){.fn = fn, .n_values = fn->n_insts};
    if (cap == 0) {
        return STATUS_OK;
    }
    cs->list = arena_array(cx->scratch, cap, sizeof *cs->list);
    cs->counter_of = arena_zalloc(cx->scratch, fn->n_insts, sizeof *cs->counter_of);
    cs->wide_of = arena_zalloc(cx->scratch, fn->n_insts, sizeof *cs->wide_of);
    if (cs->list == NULL || cs->counter_of == NULL || cs->wide_of == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 1; i < fn->n_loops; i++) {
        uint32_t header = fn->loops[i].header, v = fn->blocks[header].first;
        for (; v != 0 && fn->insts[v].op == SSA_PHI; v = fn->insts[v].next) {
            struct counter *c = &cs->list[cs->n];
            if (find_counter(fn, v, header, c)) {
                cs->n++;
                cs->counter_of[c->phi.i] = cs->counter_of[c->next.i] = cs->n;
            }
        }
    }
    return STATUS_OK;
}

static struct counter *counter_of(const struct counters *cs, uint32_t v)
{
    return v < cs->n_values && cs->counter_of[v] != 0 ? &cs->list[cs->counter_of[v] - 1] : NULL;
}

/* ---- What would be saved ---- */

static bool is_counter(const struct counter *c, uint32_t v)
{
    return c != NULL && (v == c->phi.i || v == c->next.i);
}

/* A counter plus a constant that, as integers, is a number of 32 bits without a sign: an address
 * that is the same of 64 bits. */
static bool is_sum(const struct counters *cs, const struct counter *c, const struct ssa_inst *inst)
{
    uint64_t addend;
    int64_t low, high;
    return inst->op == SSA_ADD && is_counter(c, inst->arg[0]) &&
           ssa_is_const(cs->fn, ssa_resolve(cs->fn, (val_t){inst->arg[1]}), &addend) &&
           addend <= ADDEND_MAX && fold_value_bounds(cs->fn, (val_t){inst->arg[0]}, &low, &high) &&
           low + (int64_t)addend >= 0;
}

static bool is_compare(const struct counters *cs, const struct counter *c,
                       const struct ssa_inst *inst)
{
    uint64_t bits;
    return is_counter(c, inst->arg[0]) &&
           (inst->op == SSA_EQZ ||
            (inst->op >= SSA_EQ && inst->op <= SSA_GE_U &&
             ssa_is_const(cs->fn, ssa_resolve(cs->fn, (val_t){inst->arg[1]}), &bits)));
}

static bool is_access(const struct ssa_inst *inst)
{
    return ssa_has(inst, SSA_READS | SSA_WRITES) && ssa_op_infos[inst->op].n_args != 0;
}

/* Operations that take the low half of a register as it is. */
static bool takes_low_half(const struct ssa_inst *inst, uint32_t k)
{
    return (inst->type == T_I32 && inst->op >= SSA_ADD && inst->op <= SSA_GE_U) ||
           (inst->op >= SSA_STORE && inst->op <= SSA_STORE32 && k == 1);
}

static void count_use(struct counters *cs, uint32_t user, uint32_t k, uint32_t v)
{
    const struct ssa_inst *inst = &cs->fn->insts[user];
    struct counter *c = counter_of(cs, v);
    if (c == NULL) {
        return;
    }
    if (!is_counter(c, v)) { /* a sum */
        cs->wide_of[v] |= is_access(inst) && k == 0 ? SUM_IS_ADDRESS : SUM_IS_NEEDED;
    } else if (inst->op == SSA_BRANCH || is_compare(cs, c, inst)) {
        cs->n_compares++;
    } else if (user != c->phi.i && user != c->next.i && cs->counter_of[user] != cs->counter_of[v]) {
        c->n_costs += !takes_low_half(inst, k);
    }
}

static void count(struct counters *cs)
{
    struct ssa_func *fn = cs->fn;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        for (uint32_t v = fn->blocks[b].first; v != 0; v = fn->insts[v].next) {
            struct ssa_inst *inst = &fn->insts[v];
            uint32_t *args = ssa_args(fn, inst), n_args = ssa_n_args(inst);
            for (uint32_t k = 0; k < n_args; k++) {
                args[k] = ssa_resolve(fn, (val_t){args[k]}).i;
            }
            struct counter *c = inst->op == SSA_ADD ? counter_of(cs, args[0]) : NULL;
            if (c != NULL && v != c->next.i && is_sum(cs, c, inst)) {
                cs->counter_of[v] = cs->counter_of[args[0]];
                cs->n_sums++;
            }
            for (uint32_t k = 0; k < n_args; k++) {
                count_use(cs, v, k, args[k]);
            }
        }
    }
    for (uint32_t v = 0; v < cs->n_values; v++) {
        struct counter *c = cs->wide_of[v] == SUM_IS_ADDRESS ? counter_of(cs, v) : NULL;
        if (c != NULL) {
            c->n_saved++;
        }
    }
}

/* ---- The change ---- */

static bool is_worth_it(const struct counter *c)
{
    return c->n_saved > c->n_costs;
}

static val_t emit_before(struct ssa_func *fn, val_t before, uint16_t op, uint8_t type, val_t a,
                         val_t b)
{
    val_t v = ssa_new(fn, op, type);
    struct ssa_inst *inst = ssa_inst(fn, v);
    inst->arg[0] = a.i;
    inst->arg[1] = b.i;
    inst->pos = ssa_inst(fn, before)->pos;
    ssa_insert_before(fn, before, v);
    return v;
}

/* The start as a 64-bit number, made before the loop if it's not there. Outer loops are first, so
 * that a counter which is the start of another is wide before. */
static val_t wide_start(const struct counters *cs, const struct counter *c)
{
    struct ssa_func *fn = cs->fn;
    uint64_t bits;
    uint32_t from = ssa_preds(fn, &fn->blocks[c->header])[c->entry];
    val_t start = {fn->pool[ssa_inst(fn, c->phi)->arg[0] + c->entry]};
    const struct counter *outer = counter_of(cs, start.i);
    if (ssa_is_const(fn, start, &bits)) {
        return ssa_const(fn, T_I64, (uint64_t)(int64_t)(int32_t)bits);
    }
    if (is_counter(outer, start.i) && is_worth_it(outer)) {
        return start.i == outer->phi.i ? outer->wide_phi : outer->wide_next;
    }
    return emit_before(fn, (val_t){fn->blocks[from].last}, SSA_EXTEND_S, T_I64, start, VAL_NONE);
}

/* The 64-bit counter, beside the one of 32 bits. */
static void make_wide(const struct counters *cs, struct counter *c)
{
    struct ssa_func *fn = cs->fn;
    c->wide_phi = ssa_new(fn, SSA_PHI, T_I64);
    c->wide_next = emit_before(fn, c->next, SSA_ADD, T_I64, c->wide_phi,
                               ssa_const(fn, T_I64, (uint64_t)c->step));
    uint32_t *args = &fn->pool[fn->n_pool];
    args[c->entry] = wide_start(cs, c).i;
    args[1 - c->entry] = c->wide_next.i;
    ssa_inst(fn, c->wide_phi)->arg[0] = fn->n_pool;
    ssa_inst(fn, c->wide_phi)->arg[1] = 2;
    fn->n_pool += 2;
    ssa_insert_phi(fn, (blk_t){c->header}, c->wide_phi);
}

/* A sum, a comparison, a branch, or an access, of a counter that is wide now. */
static void change_user(struct counters *cs, uint32_t v)
{
    struct ssa_func *fn = cs->fn;
    struct ssa_inst *inst = &fn->insts[v];
    const struct counter *c = ssa_n_args(inst) != 0 && ssa_op_infos[inst->op].n_args != SSA_VAR_ARGS
                                  ? counter_of(cs, inst->arg[0])
                                  : NULL;
    uint64_t bits = 0;
    if (c == NULL || !is_worth_it(c)) {
        return;
    }
    val_t wide = inst->arg[0] == c->phi.i ? c->wide_phi : c->wide_next;
    if (v < cs->n_values && cs->counter_of[v] != 0 && !is_counter(c, v)) {
        (void)ssa_is_const(fn, (val_t){inst->arg[1]}, &bits);
        cs->wide_of[v] =
            emit_before(fn, (val_t){v}, SSA_ADD, T_I64, wide, ssa_const(fn, T_I64, bits)).i;
    } else if (!is_counter(c, inst->arg[0])) {
        inst->arg[0] = is_access(inst) ? cs->wide_of[inst->arg[0]] : inst->arg[0];
    } else if (inst->op == SSA_BRANCH) {
        val_t is_on = emit_before(fn, (val_t){v}, SSA_NE, T_I32, wide, ssa_const(fn, T_I64, 0));
        fn->insts[v].arg[0] = is_on.i;
    } else if (is_compare(cs, c, inst)) {
        inst->arg[0] = wide.i;
        if (inst->op != SSA_EQZ) {
            (void)ssa_is_const(fn, (val_t){inst->arg[1]}, &bits);
            inst->arg[1] = ssa_const(fn, T_I64, (uint64_t)(int64_t)(int32_t)bits).i;
        }
    }
}

/* Whoever else uses the old counter gets the low half of the new one. */
static void replace_old(struct ssa_func *fn, const struct counter *c)
{
    uint32_t first = fn->blocks[c->header].first;
    while (fn->insts[first].op == SSA_PHI) {
        first = fn->insts[first].next;
    }
    val_t low = emit_before(fn, (val_t){first}, SSA_WRAP, T_I32, c->wide_phi, VAL_NONE);
    val_t low_next = emit_before(fn, c->next, SSA_WRAP, T_I32, c->wide_next, VAL_NONE);
    ssa_remove(fn, c->phi, low);
    ssa_remove(fn, c->next, low_next);
}

static status_t change(struct counters *cs)
{
    struct ssa_func *fn = cs->fn;
    /* the two numbers, their low halves, start and step; the sums and constants */
    status_t status = ssa_reserve_insts(fn, 8 * cs->n + 2 * cs->n_sums + 2 * cs->n_compares);
    if (status == STATUS_OK) {
        status = ssa_reserve_pool(fn, 2 * cs->n);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t i = 0; i < cs->n; i++) {
        if (is_worth_it(&cs->list[i])) {
            make_wide(cs, &cs->list[i]);
        }
    }
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        for (uint32_t v = fn->blocks[b].first; v != 0; v = fn->insts[v].next) {
            change_user(cs, v);
        }
    }
    for (uint32_t i = 0; i < cs->n; i++) {
        if (is_worth_it(&cs->list[i])) {
            replace_old(fn, &cs->list[i]);
        }
    }
    return STATUS_OK;
}

status_t pass_counters(struct compile *cx)
{
    struct counters cs;
    status_t status = find_counters(&cs, cx);
    if (status != STATUS_OK || cs.n == 0) {
        return status;
    }
    count(&cs);
    bool is_any_worth_it = false;
    for (uint32_t i = 0; i < cs.n; i++) {
        is_any_worth_it |= is_worth_it(&cs.list[i]);
    }
    return is_any_worth_it ? change(&cs) : STATUS_OK;
}
