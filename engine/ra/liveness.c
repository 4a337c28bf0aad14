/*
 * Liveness with distances to the next use.
 *
 * For a reducible graph two passes are enough (Brandner, Boissinot, Darte, Dupont de Dinechin,
 * Rastello, "Computing liveness sets for SSA-form programs", 2011): one over the blocks in
 * postorder that ignores back edges, and one that gives all blocks of a loop what is live at its
 * header. The sets are sparse: a list of (vreg, distance) per block.
 *
 * Distances are in instructions, as in Braun and Hack ("Register spilling and live-range splitting
 * for SSA-form programs", 2009): that of a use behind a loop's exit has a penalty added, so what is
 * used within the loop is always nearer. On the way the pass notes which values live across calls,
 * how many live at once, and which fixed register a value will be wanted in next.
 */
#include "engine/ra/ra.h"

#include <string.h>

struct walk {
    struct ra *ra;
    struct liveness *l;
    uint32_t *list;   /* live vregs, in no order */
    uint32_t *index;  /* by vreg: 1 + place in the list, 0 if not live */
    uint32_t n_live;
    uint32_t n_class[2];
    uint32_t max_class[2];
    uint32_t end;     /* of the block, as a position */
};

/* ---- The order of blocks ---- */

/* Depth first from the entry; fills l->order with a reverse postorder. */
static status_t order_blocks(struct ra *ra, struct liveness *l)
{
    struct mir_func *mf = ra->mf;
    uint32_t n = mf->n_blocks;
    uint32_t *stack = arena_array(ra->arena, n, sizeof *stack);
    uint32_t *edge = arena_zalloc(ra->arena, n, sizeof *edge);
    l->order = arena_array(ra->arena, n, sizeof *l->order);
    l->rank = arena_array(ra->arena, n, sizeof *l->rank);
    if (stack == NULL || edge == NULL || l->order == NULL || l->rank == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(l->rank, 0xff, n * sizeof *l->rank); /* UINT32_MAX: not met; 0: on the stack */
    uint32_t n_stack = 1, next = n;
    stack[0] = 0;
    l->rank[0] = 0;
    while (n_stack > 0) {
        uint32_t b = stack[n_stack - 1];
        const struct mir_block *block = &mf->blocks[b];
        if (edge[b] < block->n_edges) {
            /* the successor visited last follows its block in the order: that is where a branch
             * falls through, and stays in the loop */
            uint32_t to = mf->edges[block->edges_start + edge[b]++].to;
            if (l->rank[to] == UINT32_MAX) {
                l->rank[to] = 0;
                stack[n_stack++] = to;
            }
        } else {
            l->order[--next] = b;
            n_stack--;
        }
    }
    l->first = next; /* blocks that can't be reached have no place */
    for (uint32_t i = next; i < n; i++) {
        l->rank[l->order[i]] = i;
    }
    return STATUS_OK;
}

/* The header of the loop around each header's loop, from the predecessor outside. */
static status_t find_parents(struct ra *ra, struct liveness *l)
{
    struct mir_func *mf = ra->mf;
    l->parent = arena_array(ra->arena, mf->n_blocks, sizeof *l->parent);
    if (l->parent == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = l->first; i < mf->n_blocks; i++) {
        uint32_t b = l->order[i];
        const struct mir_block *block = &mf->blocks[b];
        if (!block->is_loop_header) {
            l->parent[b] = block->loop_header;
            continue;
        }
        uint32_t outer = UINT32_MAX;
        for (uint32_t k = 0; k < block->n_preds; k++) {
            uint32_t pred = mf->preds[block->preds_start + k];
            if (l->rank[pred] < i) {
                outer = mf->blocks[pred].loop_header;
            }
        }
        while (outer != UINT32_MAX && mf->blocks[outer].loop_depth >= block->loop_depth) {
            outer = l->parent[outer];
        }
        l->parent[b] = outer;
    }
    return STATUS_OK;
}

/* ---- The live set ---- */

static bool is_tracked(const struct walk *w, uint32_t vreg)
{
    return !vreg_is_const(&w->ra->mf->vregs[vreg]);
}

static void add_live(struct walk *w, uint32_t vreg, uint32_t position)
{
    uint32_t *next = &w->l->next[vreg];
    if (w->index[vreg] == 0) {
        w->list[w->n_live++] = vreg;
        w->index[vreg] = w->n_live;
        uint8_t class = w->ra->mf->vregs[vreg].class;
        w->n_class[class]++;
        if (w->n_class[class] > w->max_class[class]) {
            w->max_class[class] = w->n_class[class];
        }
        *next = position;
    } else if (position < *next) {
        *next = position;
    }
}

static void remove_live(struct walk *w, uint32_t vreg)
{
    if (w->index[vreg] == 0) {
        return;
    }
    uint32_t at = w->index[vreg] - 1, last = w->list[--w->n_live];
    w->list[at] = last;
    w->index[last] = at + 1;
    w->index[vreg] = 0;
    w->n_class[w->ra->mf->vregs[vreg].class]--;
}

static uint32_t add_distance(uint32_t position, uint32_t distance)
{
    return distance > DISTANCE_MAX - position ? DISTANCE_MAX : position + distance;
}

/* What the successors need at the end of the block; a back edge only its arguments. */
static void begin_block(struct walk *w, uint32_t b)
{
    struct mir_func *mf = w->ra->mf;
    const struct mir_block *block = &mf->blocks[b];
    for (uint32_t e = 0; e < block->n_edges; e++) {
        const struct mir_edge *edge = &mf->edges[block->edges_start + e];
        const struct mir_block *to = &mf->blocks[edge->to];
        for (uint32_t i = 0; i < to->n_params; i++) {
            uint32_t arg = mf->edge_args[edge->args_start + i];
            if (is_tracked(w, arg)) {
                add_live(w, arg, w->end);
            }
        }
        if (w->l->rank[edge->to] <= w->l->rank[b]) {
            continue;
        }
        uint32_t penalty = to->loop_depth < block->loop_depth ? LOOP_EXIT_PENALTY
                           : to->is_cold && !block->is_cold   ? COLD_PENALTY
                                                              : 0;
        const struct live_set *set = &w->l->live_in[edge->to];
        for (uint32_t i = 0; i < set->n; i++) {
            add_live(w, set->entries[i].vreg,
                     add_distance(w->end + penalty, set->entries[i].distance));
        }
    }
}

/* ---- Instructions ---- */

static void note_call(struct walk *w)
{
    for (uint32_t i = 0; i < w->n_live; i++) {
        w->l->crosses_call[w->list[i]] = 1;
    }
}

/* A definition ends the range above it. What it is wanted in next, its source may be in already. */
static void visit_defs(struct walk *w, struct mir_inst *inst)
{
    struct mir_func *mf = w->ra->mf;
    for (uint32_t k = 0; k < inst->n_operands; k++) {
        struct mir_operand *op = &mf->operands[inst->first + k];
        if (operand_is_def(op)) {
            op->next = w->index[op->vreg] != 0 ? w->l->next[op->vreg] : NEXT_NONE;
            if (op->next >= w->end) {
                op->next = op->next == NEXT_NONE ? NEXT_NONE : NEXT_OUT;
            }
            remove_live(w, op->vreg);
        }
    }
}

static void hint_from_def(struct walk *w, const struct mir_inst *inst, uint32_t k)
{
    struct mir_func *mf = w->ra->mf;
    const struct mir_operand *use = &mf->operands[inst->first + k];
    struct vreg *vreg = &mf->vregs[use->vreg];
    for (uint32_t i = 0; i < inst->n_operands; i++) {
        const struct mir_operand *def = &mf->operands[inst->first + i];
        bool is_heir = (def->kind == OPERAND_DEF_TIED && def->reg == k) ||
                       (def->kind == OPERAND_DEF && (k == 1 || (inst->flags & MIR_MOVE) != 0));
        const struct vreg *to = &mf->vregs[def->vreg];
        if (!is_heir || to->class != vreg->class) {
            continue;
        }
        if (vreg->hint == REG_NONE) {
            vreg->hint = to->hint;
        }
        if (vreg->hint_vreg == 0) {
            vreg->hint_vreg = to->hint_vreg;
        }
    }
}

static void visit_uses(struct walk *w, struct mir_inst *inst, uint32_t position)
{
    struct mir_func *mf = w->ra->mf;
    for (uint32_t k = inst->n_operands; k-- > 0;) {
        struct mir_operand *op = &mf->operands[inst->first + k];
        if (!operand_is_use(op)) {
            continue;
        }
        struct vreg *vreg = &mf->vregs[op->vreg];
        if (!is_tracked(w, op->vreg)) { /* constants: next use within the block */
            op->next = w->l->next[op->vreg] >= position && w->l->next[op->vreg] < w->end
                           ? w->l->next[op->vreg]
                           : NEXT_NONE;
            w->l->next[op->vreg] = position;
            continue;
        }
        if (op->kind == OPERAND_USE_FIXED) {
            vreg->hint = op->reg;
        } else if (w->index[op->vreg] == 0) { /* it ends here */
            hint_from_def(w, inst, k);
        }
        op->next = w->index[op->vreg] == 0           ? NEXT_NONE
                   : w->l->next[op->vreg] >= w->end ? NEXT_OUT
                                                     : w->l->next[op->vreg];
        add_live(w, op->vreg, position);
        w->l->next[op->vreg] = position;
    }
}

static status_t end_block(struct walk *w, uint32_t b)
{
    struct mir_func *mf = w->ra->mf;
    const struct mir_block *block = &mf->blocks[b];
    for (uint32_t i = 0; i < block->n_params; i++) {
        uint32_t param = mf->params[block->params_start + i];
        uint32_t next = w->index[param] != 0 ? w->l->next[param] : NEXT_NONE;
        w->l->param_distance[block->params_start + i] =
            next == NEXT_NONE ? DISTANCE_MAX : next - block->first;
        remove_live(w, param);
    }
    struct live_set *set = &w->l->live_in[b];
    set->entries = arena_array(w->ra->arena, w->n_live, sizeof *set->entries);
    if (set->entries == NULL) {
        return ERR_NO_MEMORY;
    }
    w->l->n_entries += w->n_live;
    set->n = w->n_live;
    for (uint32_t i = 0; i < w->n_live; i++) {
        uint32_t vreg = w->list[i];
        set->entries[i] = (struct live_entry){vreg, w->l->next[vreg] - block->first, LOC_NONE};
        w->index[vreg] = 0;
    }
    w->l->pressure[b][0] = w->max_class[0];
    w->l->pressure[b][1] = w->max_class[1];
    return w->l->n_entries > LIVENESS_MAX_ENTRIES ? ERR_LIMIT : STATUS_OK;
}

static status_t visit_block(struct walk *w, uint32_t b)
{
    struct mir_func *mf = w->ra->mf;
    const struct mir_block *block = &mf->blocks[b];
    w->n_live = w->n_class[0] = w->n_class[1] = w->max_class[0] = w->max_class[1] = 0;
    w->end = block->end;
    begin_block(w, b);
    for (uint32_t i = block->end; i-- > block->first;) {
        struct mir_inst *inst = &mf->insts[i];
        visit_defs(w, inst);
        if ((inst->flags & MIR_CALL) != 0) {
            w->l->has_call[b] = 1;
            note_call(w);
        }
        visit_uses(w, inst, i);
    }
    return end_block(w, b);
}

/* ---- Loops ---- */

/* Gives block b what is live at the header of the loop that it lies in. */
static status_t add_from_header(struct ra *ra, struct liveness *l, uint32_t b, uint32_t header,
                                uint32_t *stamp)
{
    struct live_set *set = &l->live_in[b];
    const struct live_set *from = &l->live_in[header];
    uint32_t n_missing = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        stamp[set->entries[i].vreg] = b + 1;
    }
    for (uint32_t i = 0; i < from->n; i++) {
        n_missing += stamp[from->entries[i].vreg] != b + 1;
    }
    if (n_missing == 0) {
        return STATUS_OK;
    }
    struct live_entry *entries = arena_array(ra->arena, set->n + n_missing, sizeof *entries);
    if (entries == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(entries, set->entries, set->n * sizeof *entries);
    uint32_t n = set->n;
    for (uint32_t i = 0; i < from->n; i++) {
        const struct live_entry *e = &from->entries[i];
        if (stamp[e->vreg] != b + 1) {
            entries[n++] = (struct live_entry){
                e->vreg, add_distance(AROUND_LOOP_DISTANCE, e->distance), LOC_NONE};
            l->pressure[b][ra->mf->vregs[e->vreg].class]++;
        }
    }
    l->n_entries += n_missing;
    *set = (struct live_set){entries, n};
    return l->n_entries > LIVENESS_MAX_ENTRIES ? ERR_LIMIT : STATUS_OK;
}

/* Headers know whether their loop calls, and its highest pressure. */
static void sum_up_loops(struct ra *ra, struct liveness *l)
{
    struct mir_func *mf = ra->mf;
    for (uint32_t i = mf->n_blocks; i-- > l->first;) {
        uint32_t b = l->order[i];
        for (uint32_t h = mf->blocks[b].is_loop_header ? b : mf->blocks[b].loop_header;
             h != UINT32_MAX; h = l->parent[h]) {
            bool has_news = false;
            if (l->has_call[b] && !mf->blocks[b].is_cold && !l->has_call[h]) {
                l->has_call[h] = 1;
                has_news = true;
            }
            for (uint32_t c = 0; c < 2; c++) {
                if (l->loop_pressure[h][c] < l->pressure[b][c]) {
                    l->loop_pressure[h][c] = l->pressure[b][c];
                    has_news = true;
                }
            }
            if (!has_news) {
                break;
            }
        }
    }
}

static status_t spread_loops(struct ra *ra, struct liveness *l)
{
    struct mir_func *mf = ra->mf;
    uint32_t *stamp = arena_zalloc(ra->arena, mf->n_vregs, sizeof *stamp);
    if (stamp == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = l->first; i < mf->n_blocks; i++) {
        uint32_t b = l->order[i], header = l->parent[b];
        if (header == UINT32_MAX || header == b) {
            continue;
        }
        status_t status = add_from_header(ra, l, b, header, stamp);
        if (status != STATUS_OK) {
            return status;
        }
    }
    sum_up_loops(ra, l);
    for (uint32_t i = l->first; i < mf->n_blocks; i++) {
        uint32_t b = l->order[i];
        if (mf->blocks[b].is_loop_header && l->has_call[b]) {
            for (uint32_t k = 0; k < l->live_in[b].n; k++) {
                l->crosses_call[l->live_in[b].entries[k].vreg] = 1;
            }
        }
    }
    return STATUS_OK;
}

static status_t alloc_tables(struct ra *ra, struct liveness *l)
{
    struct mir_func *mf = ra->mf;
    uint32_t n_params = 0;
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        uint32_t end = mf->blocks[b].params_start + mf->blocks[b].n_params;
        n_params = end > n_params ? end : n_params;
    }
    l->live_in = arena_zalloc(ra->arena, mf->n_blocks, sizeof *l->live_in);
    l->param_distance = arena_array(ra->arena, n_params + 1, sizeof *l->param_distance);
    l->param_loc = arena_array(ra->arena, n_params + 1, 1);
    l->crosses_call = arena_zalloc(ra->arena, mf->n_vregs, 1);
    l->has_call = arena_zalloc(ra->arena, mf->n_blocks, 1);
    l->pressure = arena_zalloc(ra->arena, mf->n_blocks, sizeof *l->pressure);
    l->loop_pressure = arena_zalloc(ra->arena, mf->n_blocks, sizeof *l->loop_pressure);
    l->next = arena_array(ra->arena, mf->n_vregs, sizeof *l->next);
    if (l->next == NULL || l->live_in == NULL || l->param_distance == NULL ||
        l->param_loc == NULL || l->crosses_call == NULL || l->has_call == NULL ||
        l->pressure == NULL || l->loop_pressure == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(l->next, 0xff, mf->n_vregs * sizeof *l->next);
    return STATUS_OK;
}

status_t liveness_find(struct ra *ra, struct liveness *l)
{
    struct mir_func *mf = ra->mf;
    *l = (struct liveness){0};
    status_t status = order_blocks(ra, l);
    if (status == STATUS_OK) {
        status = find_parents(ra, l);
    }
    if (status == STATUS_OK) {
        status = alloc_tables(ra, l);
    }
    struct walk w = {.ra = ra, .l = l};
    w.list = arena_array(ra->arena, mf->n_vregs, sizeof *w.list);
    w.index = arena_zalloc(ra->arena, mf->n_vregs, sizeof *w.index);
    if (status == STATUS_OK && (w.list == NULL || w.index == NULL)) {
        status = ERR_NO_MEMORY;
    }
    for (uint32_t i = mf->n_blocks; status == STATUS_OK && i-- > l->first;) {
        status = visit_block(&w, l->order[i]);
    }
    return status == STATUS_OK ? spread_loops(ra, l) : status;
}
