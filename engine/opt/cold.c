/*
 * Marks blocks that only lead to a trap: they are laid out behind everything else, and what is
 * spilled for them is spilled there.
 */
#include "engine/opt/opt.h"

static bool is_cold(const struct ssa_func *fn, uint32_t b)
{
    const struct ssa_block *block = &fn->blocks[b];
    if (block->n_succs == 0) {
        return fn->insts[block->last].op == SSA_TRAP;
    }
    const uint32_t *succs = ssa_succs(fn, block);
    for (uint32_t i = 0; i < block->n_succs; i++) {
        if (succs[i] <= b || !fn->blocks[succs[i]].is_cold) {
            return false;
        }
    }
    return true;
}

status_t pass_cold(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    for (uint32_t b = fn->n_blocks; b-- > 1;) {
        fn->blocks[b].is_cold = is_cold(fn, b);
    }
    return STATUS_OK;
}
