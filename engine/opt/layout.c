/*
 * The order of blocks in memory, and critical edges.
 *
 * Blocks stay in the order in which the module has them, which is what the compiler that made it
 * chose; cold ones go to the end. An edge from a block with several successors to a block with
 * several predecessors gets a block of its own, just behind its source, where the allocator can
 * put the moves of that edge; if there are none, the encoder lets the branch go straight through.
 */
#include "engine/opt/opt.h"

static uint32_t count_critical(const struct ssa_func *fn)
{
    uint32_t n = 0;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        const uint32_t *succs = ssa_succs(fn, &fn->blocks[b]);
        for (uint32_t i = 0; fn->blocks[b].n_succs > 1 && i < fn->blocks[b].n_succs; i++) {
            n += fn->blocks[succs[i]].n_preds > 1;
        }
    }
    return n;
}

/* The loop of an edge: that of the end which is further out. */
static uint32_t edge_loop(const struct ssa_func *fn, uint32_t from, uint32_t to)
{
    uint32_t a = fn->blocks[from].loop, b = fn->blocks[to].loop;
    if (opt_in_loop(fn, a, b)) {
        return b;
    }
    return opt_in_loop(fn, b, a) ? a : fn->loops[a].parent;
}

static void split_edge(struct ssa_func *fn, uint32_t from, uint32_t slot)
{
    uint32_t to = fn->pool[slot];
    uint32_t middle = fn->n_blocks++;
    fn->blocks[middle] = (struct ssa_block){.pred_start = fn->n_pool,
                                            .n_preds = 1,
                                            .succ_start = fn->n_pool + 1,
                                            .n_succs = 1,
                                            .idom = from,
                                            .loop = edge_loop(fn, from, to),
                                            .is_cold = fn->blocks[to].is_cold};
    fn->pool[fn->n_pool++] = from;
    fn->pool[fn->n_pool++] = to;
    ssa_append(fn, (blk_t){middle}, ssa_new(fn, SSA_JUMP, T_VOID));
    fn->pool[slot] = middle;
    uint32_t *preds = &fn->pool[fn->blocks[to].pred_start];
    for (uint32_t i = 0; i < fn->blocks[to].n_preds; i++) {
        if (preds[i] == from) {
            preds[i] = middle;
            return;
        }
    }
}

static void split_edges_of(struct ssa_func *fn, uint32_t b)
{
    for (uint32_t i = 0; fn->blocks[b].n_succs > 1 && i < fn->blocks[b].n_succs; i++) {
        uint32_t slot = fn->blocks[b].succ_start + i;
        if (fn->blocks[fn->pool[slot]].n_preds > 1) {
            split_edge(fn, b, slot);
        }
    }
}

status_t opt_layout(struct compile *cx, uint32_t **order, uint32_t *n_order)
{
    struct ssa_func *fn = cx->fn;
    uint32_t n_before = fn->n_blocks, n_critical = count_critical(fn);
    status_t status = ssa_reserve_blocks(fn, n_critical);
    if (status == STATUS_OK) {
        status = ssa_reserve_insts(fn, n_critical);
    }
    if (status == STATUS_OK) {
        status = ssa_reserve_pool(fn, 2 * n_critical);
    }
    if (status != STATUS_OK) {
        return status;
    }
    *order = arena_array(cx->arena, (size_t)n_before + n_critical, sizeof **order);
    if (*order == NULL) {
        return ERR_NO_MEMORY;
    }
    uint32_t n = 0;
    for (uint32_t b = 0; b < n_before; b++) {
        uint32_t first = fn->n_blocks;
        split_edges_of(fn, b);
        if (!fn->blocks[b].is_cold && !fn->blocks[b].is_dead) {
            (*order)[n++] = b;
        }
        for (uint32_t middle = first; middle < fn->n_blocks; middle++) {
            if (!fn->blocks[middle].is_cold) {
                (*order)[n++] = middle;
            }
        }
    }
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        if (fn->blocks[b].is_cold && !fn->blocks[b].is_dead) {
            (*order)[n++] = b;
        }
    }
    *n_order = n;
    return STATUS_OK;
}
