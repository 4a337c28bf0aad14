/*
 * Dead code: what has no effect and no live user goes.
 *
 * One walk backwards marks what has effects and what these need: a definition stands above its
 * uses, so that it is met after them. Only what a phi gets around a loop has been passed by then,
 * and is looked at again with a worklist; phis that only feed each other die too. Arguments are
 * resolved past copies on the way, so that behind this pass none is left.
 */
#include "base/bitset.h"
#include "engine/opt/opt.h"

/* A division that can't trap: by a constant that is neither 0 nor, if signed, -1. */
static bool is_safe_division(const struct ssa_func *fn, const struct ssa_inst *inst)
{
    uint64_t c;
    if (inst->op < SSA_DIV_S || inst->op > SSA_REM_U ||
        !ssa_is_const(fn, (val_t){inst->arg[1]}, &c) || c == 0) {
        return false;
    }
    bool is_signed = inst->op == SSA_DIV_S || inst->op == SSA_REM_S;
    return !is_signed || c != (inst->type == T_I32 ? UINT32_MAX : UINT64_MAX);
}

bool opt_has_effect(const struct ssa_func *fn, const struct ssa_inst *inst)
{
    uint16_t flags = ssa_op_infos[inst->op].flags;
    if ((flags & (SSA_END | SSA_CALLS | SSA_WRITES)) != 0) {
        return true;
    }
    if ((flags & SSA_TRAPS) != 0) {
        return !is_safe_division(fn, inst);
    }
    return inst->op == SSA_INST_STORE || inst->op == SSA_PTR_STORE;
}

struct marker {
    struct ssa_func *fn;
    uint64_t *live;
    uint32_t block; /* the walk is here */
    uint32_t *work; /* live ones that the walk has passed: uses around a loop */
    uint32_t n_work;
    uint32_t *dead; /* those that nobody had asked for when the walk came by */
    uint32_t n_dead;
};

static void mark_args(struct marker *m, uint32_t v)
{
    struct ssa_inst *inst = &m->fn->insts[v];
    uint32_t *args = ssa_args(m->fn, inst);
    uint32_t n = ssa_n_args(inst);
    for (uint32_t i = 0; i < n; i++) {
        args[i] = ssa_resolve(m->fn, (val_t){args[i]}).i;
        bool is_new = !bitset_test(m->live, args[i]);
        bitset_set(m->live, args[i]);
        bool is_passed = m->fn->insts[args[i]].block >= m->block && inst->op == SSA_PHI;
        if (is_new && is_passed) {
            m->work[m->n_work++] = args[i];
        }
    }
}

/* What the walk has passed already asks for its arguments, all of which may have been passed. */
static void mark_work(struct marker *m)
{
    while (m->n_work > 0) {
        uint32_t v = m->work[--m->n_work];
        struct ssa_inst *inst = &m->fn->insts[v];
        uint32_t *args = ssa_args(m->fn, inst);
        uint32_t n = ssa_n_args(inst);
        for (uint32_t i = 0; i < n; i++) {
            args[i] = ssa_resolve(m->fn, (val_t){args[i]}).i;
            if (!bitset_test(m->live, args[i])) {
                bitset_set(m->live, args[i]);
                if (m->fn->insts[args[i]].block >= m->block) {
                    m->work[m->n_work++] = args[i];
                }
            }
        }
    }
}

static void walk_block(struct marker *m, uint32_t b)
{
    struct ssa_func *fn = m->fn;
    m->block = b;
    for (uint32_t v = fn->blocks[b].last; v != 0; v = fn->insts[v].prev) {
        const struct ssa_inst *inst = &fn->insts[v];
        if (bitset_test(m->live, v) || inst->op == SSA_PARAM || opt_has_effect(fn, inst)) {
            bitset_set(m->live, v);
            mark_args(m, v);
        } else {
            m->dead[m->n_dead++] = v;
        }
    }
    mark_work(m);
}

status_t pass_dce(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    struct marker m = {.fn = fn};
    m.live = arena_zalloc(cx->scratch, bitset_words(fn->n_insts), sizeof *m.live);
    m.work = arena_array(cx->scratch, fn->n_insts, sizeof *m.work);
    m.dead = arena_array(cx->scratch, fn->n_insts, sizeof *m.dead);
    if (m.live == NULL || m.work == NULL || m.dead == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t b = fn->n_blocks; b-- > 0;) {
        walk_block(&m, b);
    }
    for (uint32_t i = 0; i < m.n_dead; i++) {
        if (!bitset_test(m.live, m.dead[i])) {
            ssa_remove(fn, (val_t){m.dead[i]}, VAL_NONE);
        }
    }
    return STATUS_OK;
}

status_t opt_count_uses(struct compile *cx, uint32_t **n_uses)
{
    struct ssa_func *fn = cx->fn;
    uint32_t *n = arena_zalloc(cx->scratch, fn->n_insts, sizeof *n);
    *n_uses = n;
    if (n == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        for (uint32_t v = fn->blocks[b].first; v != 0; v = fn->insts[v].next) {
            struct ssa_inst *inst = &fn->insts[v];
            uint32_t *args = ssa_args(fn, inst);
            uint32_t n_args = ssa_n_args(inst);
            for (uint32_t i = 0; i < n_args; i++) {
                args[i] = ssa_resolve(fn, (val_t){args[i]}).i;
                n[args[i]]++;
            }
        }
    }
    return STATUS_OK;
}
