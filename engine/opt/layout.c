/*
 * The order of blocks in memory, and critical edges.
 *
 * Blocks stay in the order in which the module has them, which is what the compiler that made it
 * chose; cold ones go to the end. An edge from a block with several successors to a block with
 * several predecessors gets a block of its own, where the allocator can put the moves of that edge;
 * if there are none, the encoder lets the branch go straight through. It stands just behind its
 * source, but that of a loop's back edge just before the header: so that the loop goes round with
 * one taken jump.
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

/* The block that a split block follows, or, on a back edge, that it precedes. */
static uint32_t anchor_of(const struct ssa_func *fn, uint32_t middle)
{
    uint32_t from = ssa_preds(fn, &fn->blocks[middle])[0];
    uint32_t to = ssa_succs(fn, &fn->blocks[middle])[0];
    return to <= from ? to : from;
}

struct placement {
    const struct ssa_func *fn;
    uint32_t *order;
    uint32_t n;
};

static void place(struct placement *p, uint32_t b, bool is_cold)
{
    const struct ssa_block *block = &p->fn->blocks[b];
    if (!block->is_dead && (block->is_cold != 0) == is_cold) {
        p->order[p->n++] = b;
    }
}

/* Split blocks are listed by the block that they stand beside. */
static status_t place_blocks(struct compile *cx, uint32_t n_before, uint32_t *order,
                             uint32_t *n_order)
{
    struct ssa_func *fn = cx->fn;
    size_t mark = arena_mark(cx->scratch);
    uint32_t n_split = fn->n_blocks - n_before;
    uint32_t *first = arena_zalloc(cx->scratch, n_before, sizeof *first);
    uint32_t *next = arena_array(cx->scratch, n_split + 1, sizeof *next);
    if (first == NULL || next == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = n_split; i-- > 0;) {
        uint32_t anchor = anchor_of(fn, n_before + i);
        next[i] = first[anchor];
        first[anchor] = n_before + i; /* never 0 */
    }
    struct placement p = {.fn = fn, .order = order};
    for (uint32_t is_cold = 0; is_cold < 2; is_cold++) {
        for (uint32_t b = 0; b < n_before; b++) {
            for (uint32_t m = first[b]; m != 0; m = next[m - n_before]) {
                if (ssa_succs(fn, &fn->blocks[m])[0] == b) {
                    place(&p, m, is_cold != 0);
                }
            }
            place(&p, b, is_cold != 0);
            for (uint32_t m = first[b]; m != 0; m = next[m - n_before]) {
                if (ssa_succs(fn, &fn->blocks[m])[0] != b) {
                    place(&p, m, is_cold != 0);
                }
            }
        }
    }
    *n_order = p.n;
    arena_release(cx->scratch, mark);
    return STATUS_OK;
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
    *order = arena_array(cx->scratch, (size_t)n_before + n_critical, sizeof **order);
    if (*order == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t b = 0; b < n_before; b++) {
        split_edges_of(fn, b);
    }
    return place_blocks(cx, n_before, *order, n_order);
}
