/*
 * Returns where they happen: a block that does nothing but return is copied into the blocks that
 * jump to it.
 *
 * The copy costs the bytes of an epilogue and saves a jump and the moves to a common place. What
 * matters more: a path that leaves early, before the function has done anything that needs a
 * frame, then has a return of its own and need not make one (the encoder places prologues).
 */
#include "engine/opt/opt.h"

/* Larger results are moved once, in one place. */
#define RESULTS_MAX 1

static bool only_returns(const struct ssa_func *fn, const struct ssa_block *block)
{
    uint32_t v = block->first;
    while (v != 0 && fn->insts[v].op == SSA_PHI) {
        v = fn->insts[v].next;
    }
    return v != 0 && fn->insts[v].op == SSA_RETURN && fn->insts[v].arg[1] <= RESULTS_MAX &&
           block->n_preds > 1;
}

/* What the return gives when the block is entered from predecessor k. */
static uint32_t result_from(const struct ssa_func *fn, uint32_t b, uint32_t result, uint32_t k)
{
    result = ssa_resolve(fn, (val_t){result}).i;
    const struct ssa_inst *inst = &fn->insts[result];
    if (inst->op == SSA_PHI && inst->block == b) {
        return ssa_resolve(fn, (val_t){fn->pool[inst->arg[0] + k]}).i;
    }
    return result;
}

static void return_from(struct ssa_func *fn, uint32_t pred, uint32_t b, uint32_t k)
{
    const struct ssa_inst *ret = &fn->insts[fn->blocks[b].last];
    struct ssa_inst *jump = &fn->insts[fn->blocks[pred].last];
    jump->op = SSA_RETURN;
    jump->pos = ret->pos;
    jump->arg[1] = ret->arg[1];
    uint32_t start = fn->n_pool;
    for (uint32_t i = 0; i < ret->arg[1]; i++) {
        fn->pool[fn->n_pool++] = result_from(fn, b, fn->pool[ret->arg[0] + i], k);
    }
    jump->arg[0] = start;
    fn->blocks[pred].n_succs = 0;
}

/* The predecessor k is none any more: the lists close up. */
static void drop_pred(struct ssa_func *fn, uint32_t b, uint32_t k)
{
    struct ssa_block *block = &fn->blocks[b];
    uint32_t *preds = &fn->pool[block->pred_start];
    block->n_preds--;
    for (uint32_t i = k; i < block->n_preds; i++) {
        preds[i] = preds[i + 1];
    }
    for (uint32_t v = block->first; v != 0 && fn->insts[v].op == SSA_PHI; v = fn->insts[v].next) {
        uint32_t *args = &fn->pool[fn->insts[v].arg[0]];
        fn->insts[v].arg[1]--;
        for (uint32_t i = k; i < block->n_preds; i++) {
            args[i] = args[i + 1];
        }
    }
}

static void remove_block(struct ssa_func *fn, uint32_t b)
{
    uint32_t next;
    for (uint32_t v = fn->blocks[b].first; v != 0; v = next) {
        next = fn->insts[v].next;
        ssa_remove(fn, (val_t){v}, VAL_NONE);
    }
    fn->blocks[b].is_dead = 1;
}

status_t pass_returns(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    for (uint32_t b = 1; b < fn->n_blocks; b++) {
        if (!only_returns(fn, &fn->blocks[b])) {
            continue;
        }
        status_t status = ssa_reserve_pool(fn, fn->blocks[b].n_preds * RESULTS_MAX);
        if (status != STATUS_OK) {
            return status;
        }
        for (uint32_t k = fn->blocks[b].n_preds; k-- > 0;) {
            uint32_t pred = ssa_preds(fn, &fn->blocks[b])[k];
            if (fn->insts[fn->blocks[pred].last].op == SSA_JUMP) {
                return_from(fn, pred, b, k);
                drop_pred(fn, b, k);
            }
        }
        if (fn->blocks[b].n_preds == 0) {
            remove_block(fn, b);
        } else {
            ssa_find_dominator(fn, b);
        }
    }
    return STATUS_OK;
}
