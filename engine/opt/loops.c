/*
 * Natural loops of a reducible graph whose blocks are numbered in reverse postorder.
 *
 * A header is a block with a predecessor at or behind it. Headers are taken from the last to the
 * first, so inner loops come before outer ones; each collects its blocks walking backwards from
 * its latches, and a loop met on the way is stepped over whole, through its header. Loops found
 * so far form a forest whose roots are kept short by halving paths.
 */
#include "engine/opt/opt.h"

struct finder {
    struct ssa_func *fn;
    uint32_t *parent; /* by header: header of the loop around it; itself while there is none */
    uint32_t *root;   /* the same with shortcuts */
    uint32_t *header; /* by block: header of its innermost loop, UINT32_MAX none */
    uint32_t *work;
    uint32_t n_work;
};

static uint32_t find_root(struct finder *f, uint32_t h)
{
    while (f->root[h] != h) {
        f->root[h] = f->root[f->root[h]];
        h = f->root[h];
    }
    return h;
}

static void push_preds(struct finder *f, uint32_t block, uint32_t at_least)
{
    const struct ssa_block *b = &f->fn->blocks[block];
    const uint32_t *preds = ssa_preds(f->fn, b);
    for (uint32_t i = 0; i < b->n_preds; i++) {
        if (preds[i] >= at_least) {
            f->work[f->n_work++] = preds[i];
        }
    }
}

static void collect(struct finder *f, uint32_t h)
{
    f->header[h] = h;
    f->n_work = 0;
    push_preds(f, h, h);
    while (f->n_work > 0) {
        uint32_t x = f->work[--f->n_work];
        if (x == h) {
            continue;
        }
        if (f->header[x] == UINT32_MAX) {
            f->header[x] = h;
            push_preds(f, x, 0);
            continue;
        }
        uint32_t r = find_root(f, f->header[x]);
        if (r != h) {
            f->parent[r] = h;
            f->root[r] = h;
            push_preds(f, r, 0);
        }
    }
}

static bool is_header(const struct ssa_func *fn, uint32_t b)
{
    const uint32_t *preds = ssa_preds(fn, &fn->blocks[b]);
    for (uint32_t i = 0; i < fn->blocks[b].n_preds; i++) {
        if (preds[i] >= b) {
            return true;
        }
    }
    return false;
}

/* Numbers the loops by their headers, so that parents come first. */
static status_t number_loops(struct finder *f)
{
    struct ssa_func *fn = f->fn;
    fn->n_loops = 1;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        uint32_t h = f->header[b];
        if (h == b) {
            status_t status = ssa_reserve_loops(fn, 1);
            if (status != STATUS_OK) {
                return status;
            }
            uint32_t parent = f->parent[b] == b ? 0 : fn->blocks[f->parent[b]].loop;
            fn->loops[fn->n_loops] = (struct ssa_loop){
                .header = b, .parent = parent, .depth = fn->loops[parent].depth + 1};
            fn->blocks[b].loop = fn->n_loops++;
        } else {
            fn->blocks[b].loop = h == UINT32_MAX ? 0 : fn->blocks[h].loop;
        }
    }
    return STATUS_OK;
}

/* Of what is in a loop: of the function outside of them nobody asks. */
static void find_effects(struct ssa_func *fn)
{
    for (uint32_t b = 0; b < fn->n_blocks && fn->n_loops > 1; b++) {
        if (fn->blocks[b].loop == 0) {
            continue;
        }
        struct ssa_loop *loop = &fn->loops[fn->blocks[b].loop];
        for (uint32_t v = fn->blocks[b].first; v != 0; v = fn->insts[v].next) {
            const struct ssa_inst *inst = &fn->insts[v];
            loop->has_call |= ssa_has(inst, SSA_CALLS);
            loop->has_store |= inst->op == SSA_INST_STORE || inst->op == SSA_PTR_STORE;
        }
    }
    for (uint32_t i = fn->n_loops; i-- > 1;) {
        struct ssa_loop *parent = &fn->loops[fn->loops[i].parent];
        parent->has_call |= fn->loops[i].has_call;
        parent->has_store |= fn->loops[i].has_store;
        parent->has_loop = true;
    }
}

/* The room for the worklist: each block's predecessors are pushed at most twice, as a block and
 * as a header, and a header's latches once more. */
static uint32_t count_work(const struct ssa_func *fn)
{
    uint32_t n = 1;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        n += 3 * fn->blocks[b].n_preds;
    }
    return n;
}

status_t opt_find_loops(struct ssa_func *fn)
{
    fn->loops[0] = (struct ssa_loop){0};
    bool has_loops = false;
    for (uint32_t b = 0; b < fn->n_blocks && !has_loops; b++) {
        has_loops = is_header(fn, b);
    }
    size_t mark = arena_mark(fn->arena);
    uint32_t n = fn->n_blocks;
    struct finder f = {.fn = fn};
    if (has_loops) {
        /* loops[] may grow in the arena: room for all of it first, so the mark can be released */
        status_t status = ssa_reserve_loops(fn, n);
        mark = arena_mark(fn->arena);
        if (status != STATUS_OK) {
            return status;
        }
    }
    f.parent = arena_array(fn->arena, n, sizeof *f.parent);
    f.root = arena_array(fn->arena, n, sizeof *f.root);
    f.header = arena_array(fn->arena, n, sizeof *f.header);
    f.work = arena_array(fn->arena, has_loops ? count_work(fn) : 1, sizeof *f.work);
    if (f.parent == NULL || f.root == NULL || f.header == NULL || f.work == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t b = 0; b < n; b++) {
        f.parent[b] = f.root[b] = b;
        f.header[b] = UINT32_MAX;
    }
    for (uint32_t b = has_loops ? n : 0; b-- > 0;) {
        if (is_header(fn, b)) {
            collect(&f, b);
        }
    }
    status_t status = number_loops(&f);
    arena_release(fn->arena, mark);
    if (status == STATUS_OK) {
        find_effects(fn);
    }
    return status;
}
