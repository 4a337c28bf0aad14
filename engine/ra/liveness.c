/*
 * Liveness with distances to the next use, in one pass.
 *
 * Blocks are walked in postorder, backwards, each live set made of those of its successors; most
 * often the set of the block just walked is simply carried on. Back edges are left out. What that
 * misses is only what a loop carries around without its path from here to the loop's end using it
 * (Boissinot, Brandner, Darte, Dupont de Dinechin, Rastello, "Computing liveness sets for SSA-form
 * programs", 2011), and this is found without a second pass: a value that lives somewhere in a
 * reducible loop and is defined outside of it lives in all of the loop; and a definition that
 * dominates a block of the loop is outside of it exactly if its rank is below the header's.
 *
 * Distances are in instructions, as in Braun and Hack ("Register spilling and live-range splitting
 * for SSA-form programs", 2009): that of a use behind a loop's exit has a penalty added, so what is
 * used within the loop is always nearer. The walk has a clock that runs backwards, so that the sets
 * carried from block to block needn't be rewritten.
 *
 * On the way the pass notes which values live across calls, how many live at once in each loop,
 * which fixed register a value will be wanted in, and which values want the same (webs).
 */
#include <string.h>

#include "engine/ra/scan.h"

#define CLOCK_START UINT32_C(0x80000000)
#define FIXED_KINDS (1u << OPERAND_USE_FIXED | 1u << OPERAND_DEF_FIXED | 1u << OPERAND_TEMP_FIXED)

struct walk {
    struct scan *s;
    struct mir_func *mf;
    struct value *values;
    uint32_t *list; /* live vregs, in no order */
    uint32_t n_live;
    uint32_t n_calls;
    uint32_t block, header; /* the block, and its loop's header or NO_BLOCK */
    uint32_t rank;
    uint8_t weight;
    uint32_t header_rank; /* 0 if no loop: nothing is defined below it */
    uint32_t clock;       /* of the instruction looked at */
    uint32_t block_clock; /* of the block's end: later uses are behind it */
    uint32_t inside[2];   /* live values that are defined in this loop, by class */
    uint32_t max_inside[2];
    uint64_t n_entries, max_entries;
    struct claim *claims; /* of the block, last first */
    uint32_t n_claims;
};

/* ---- The order of blocks ---- */

/* Depth first from the entry; fills order with a reverse postorder. */
static status_t order_blocks(struct scan *s)
{
    struct mir_func *mf = s->mf;
    uint32_t n = mf->n_blocks;
    uint32_t *stack = arena_array(mf->scratch, n, sizeof *stack);
    uint32_t *edge = arena_zalloc(mf->scratch, n, sizeof *edge);
    s->order = arena_array(mf->scratch, n, sizeof *s->order);
    s->rank = arena_array(mf->scratch, n, sizeof *s->rank);
    s->blocks = arena_zalloc(mf->scratch, n, sizeof *s->blocks);
    if (stack == NULL || edge == NULL || s->order == NULL || s->rank == NULL || s->blocks == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(s->rank, 0xff, n * sizeof *s->rank); /* UINT32_MAX: not met; 0: on the stack */
    uint32_t n_stack = 1, next = n;
    stack[0] = 0;
    s->rank[0] = 0;
    while (n_stack > 0) {
        uint32_t b = stack[n_stack - 1];
        const struct mir_block *block = &mf->blocks[b];
        if (edge[b] < block->n_edges) {
            uint32_t e = block->edges_start + edge[b]++, to = mf->edges[e].to;
            s->blocks[to].edge = e;
            if (s->rank[to] == UINT32_MAX) {
                s->rank[to] = 0;
                stack[n_stack++] = to;
            }
        } else {
            s->order[--next] = b;
            n_stack--;
        }
    }
    s->first = next; /* blocks that can't be reached have no place */
    for (uint32_t i = next; i < n; i++) {
        s->rank[s->order[i]] = i;
    }
    return STATUS_OK;
}

/* The header of the loop around a header's loop, from the predecessor outside. */
static uint32_t outer_header(const struct scan *s, uint32_t b)
{
    const struct mir_func *mf = s->mf;
    const struct mir_block *block = &mf->blocks[b];
    uint32_t outer = NO_BLOCK;
    for (uint32_t k = 0; k < block->n_preds; k++) {
        uint32_t pred = mf->preds[block->preds_start + k];
        if (s->rank[pred] < s->rank[b]) {
            outer = mf->blocks[pred].loop_header;
        }
    }
    while (outer != NO_BLOCK && mf->blocks[outer].loop_depth >= block->loop_depth) {
        outer = s->blocks[outer].parent;
    }
    return outer;
}

static void note_block(struct scan *s, uint32_t rank, uint32_t *time)
{
    uint32_t b = s->order[rank];
    const struct mir_block *block = &s->mf->blocks[b];
    struct block_info *info = &s->blocks[b];
    uint32_t depth = block->loop_depth < 250 ? block->loop_depth : 250;
    info->weight = block->is_cold ? 0 : (uint8_t)(1 + depth);
    info->parent = block->is_loop_header ? outer_header(s, b) : block->loop_header;
    info->is_jump = block->end - block->first == 1 && block->n_params == 0 && block->n_preds == 1 &&
                    block->n_edges == 1 && s->mf->insts[block->first].n_operands == 0 &&
                    s->mf->insts[block->first].flags == MIR_END &&
                    s->mf->blocks[s->mf->edges[block->edges_start].to].n_preds > 1;
    info->time = *time;
    *time += block->end - block->first;
    info->end_time = *time;
}

/* What is defined in loops: all else is outside of every loop that it lives into. */
static void note_definitions(struct scan *s, uint32_t b)
{
    const struct mir_func *mf = s->mf;
    const struct mir_block *block = &mf->blocks[b];
    for (uint32_t k = 0; k < block->n_params; k++) {
        s->values[mf->params[block->params_start + k]].def_rank = s->rank[b];
    }
    for (uint32_t i = block->first; i < block->end; i++) {
        const struct mir_operand *op = &mf->operands[mf->insts[i].first];
        for (const struct mir_operand *end = op + mf->insts[i].n_operands; op < end; op++) {
            if (operand_is_def(op)) {
                s->values[op->vreg].def_rank = s->rank[b];
            }
        }
    }
}

static void note_all(struct scan *s)
{
    uint32_t time = 0;
    for (uint32_t i = s->first; i < s->mf->n_blocks; i++) {
        note_block(s, i, &time);
        if (s->mf->blocks[s->order[i]].loop_header != NO_BLOCK) {
            note_definitions(s, s->order[i]);
        }
    }
    for (uint32_t i = s->mf->n_blocks; i-- > s->first;) { /* inner headers before outer ones */
        const struct block_info *info = &s->blocks[s->order[i]];
        if (info->parent != NO_BLOCK && s->blocks[info->parent].end_time < info->end_time) {
            s->blocks[info->parent].end_time = info->end_time;
        }
    }
}

static void init_value(struct scan *s, uint32_t v, uint16_t flags)
{
    s->values[v] = (struct value){.next = NEXT_NONE,
                                  .web = v,
                                  .home = LOC_STACK,
                                  .def_reg = REG_NONE,
                                  .flags = flags,
                                  .hint = REG_NONE,
                                  .web_reg = REG_NONE};
}

static status_t init_values(struct scan *s)
{
    struct mir_func *mf = s->mf;
    s->values = arena_array(mf->scratch, mf->n_vregs + 2, sizeof *s->values);
    if (s->values == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t v = 0; v < mf->n_vregs; v++) {
        const struct vreg *vreg = &mf->vregs[v];
        bool is_const = (vreg->flags & VREG_CONST) != 0;
        bool is_remat = vreg_is_remat(vreg);
        init_value(s, v,
                   (uint16_t)((is_const ? VALUE_CONST : 0) | (is_remat ? VALUE_REMAT : 0) |
                              (is_remat || vreg_is_incoming(vreg) ? VALUE_FREE : 0) |
                              (vreg->class == CLASS_VEC ? VALUE_VEC : 0)));
    }
    init_value(s, mf->n_vregs + CLASS_GPR, 0);
    init_value(s, mf->n_vregs + CLASS_VEC, VALUE_VEC);
    return STATUS_OK;
}

/* ---- The live set ---- */

static void count_inside(struct walk *w, const struct value *value)
{
    if (w->header != NO_BLOCK && value->def_rank >= w->header_rank) {
        uint32_t class = value_class(value);
        if (++w->inside[class] > w->max_inside[class]) {
            w->max_inside[class] = w->inside[class];
        }
    }
}

static void add_live(struct walk *w, uint32_t vreg, uint32_t next)
{
    struct value *value = &w->values[vreg];
    if (value->stamp == 0) {
        w->list[w->n_live++] = vreg;
        value->stamp = w->n_live;
        value->next = next;
        value->touch = w->n_calls;
        count_inside(w, value);
    } else if (next < value->next) {
        value->next = next;
    }
}

static void remove_live(struct walk *w, struct value *value)
{
    if (value->stamp == 0) {
        return;
    }
    uint32_t at = value->stamp - 1, last = w->list[--w->n_live];
    w->list[at] = last;
    w->values[last].stamp = at + 1;
    value->stamp = 0;
    if (value->touch != w->n_calls) {
        value->flags |= VALUE_CROSSES;
    }
    if (w->header != NO_BLOCK && value->def_rank >= w->header_rank) {
        w->inside[value_class(value)]--;
    }
}

static void clear_live(struct walk *w)
{
    for (uint32_t i = 0; i < w->n_live; i++) {
        struct value *value = &w->values[w->list[i]];
        value->stamp = 0;
        value->flags |= value->touch != w->n_calls ? VALUE_CROSSES : 0;
    }
    w->n_live = 0;
}

/* ---- Webs ---- */

static void join_webs(struct walk *w, uint32_t a, uint32_t b)
{
    struct value *x = &w->values[a], *y = &w->values[b];
    if (((x->flags ^ y->flags) & VALUE_VEC) == 0 && ((x->flags | y->flags) & VALUE_CONST) == 0) {
        w->values[scan_web(w->values, b)].web = scan_web(w->values, a);
    }
}

/* ---- Beginnings (the ends of blocks) ---- */

static uint32_t edge_penalty(const struct scan *s, uint32_t from, uint32_t to)
{
    const struct mir_block *a = &s->mf->blocks[from], *b = &s->mf->blocks[to];
    return b->loop_depth < a->loop_depth ? LOOP_EXIT_PENALTY
           : b->is_cold && !a->is_cold   ? COLD_PENALTY
                                         : 0;
}

static void add_successor(struct walk *w, uint32_t to)
{
    const struct block_info *info = &w->s->blocks[to];
    w->n_entries += info->n_live / 4; /* the budget is one of time, too */
    uint32_t penalty = edge_penalty(w->s, w->block, to);
    for (uint32_t i = 0; i < info->n_live; i++) {
        const struct live_entry *e = &info->live[i];
        uint32_t distance = e->distance + penalty;
        add_live(w, e->vreg, w->clock + (distance < DISTANCE_MAX ? distance : DISTANCE_MAX));
    }
}

static void add_args(struct walk *w, const struct mir_edge *edge)
{
    const struct mir_block *to = &w->mf->blocks[edge->to];
    for (uint32_t i = 0; i < to->n_params; i++) {
        uint32_t arg = w->mf->edge_args[edge->args_start + i];
        if ((w->values[arg].flags & VALUE_CONST) == 0) {
            add_live(w, arg, w->clock);
            join_webs(w, w->mf->params[to->params_start + i], arg);
        }
    }
}

static void set_block(struct walk *w, uint32_t b, bool is_carried)
{
    uint32_t header = w->mf->blocks[b].loop_header;
    bool is_same_loop = header == w->header;
    w->block = b;
    w->rank = w->s->rank[b];
    w->weight = w->s->blocks[b].weight;
    w->header = header;
    w->header_rank = header == NO_BLOCK ? 0 : w->s->rank[header];
    w->block_clock = w->clock;
    if (!is_carried) {
        clear_live(w);
    }
    if (!is_carried || !is_same_loop) {
        w->inside[0] = w->inside[1] = 0;
        for (uint32_t i = 0; i < w->n_live; i++) {
            count_inside(w, &w->values[w->list[i]]);
        }
    }
    w->max_inside[0] = w->inside[0];
    w->max_inside[1] = w->inside[1];
    w->claims += w->n_claims;
    w->n_claims = 0;
}

/* An edge, or the one behind it if it leads to a mere jump. */
static const struct mir_edge *edge_through(const struct walk *w, const struct mir_edge *edge)
{
    const struct mir_block *to = &w->mf->blocks[edge->to];
    return w->s->blocks[edge->to].is_jump ? &w->mf->edges[to->edges_start] : edge;
}

/* What the successors need at the end of the block; back edges only their arguments. */
static void begin_block(struct walk *w, uint32_t b)
{
    const struct mir_block *block = &w->mf->blocks[b];
    const struct mir_edge *edges = &w->mf->edges[block->edges_start];
    uint32_t carried = NO_BLOCK;
    for (uint32_t e = 0; e < block->n_edges; e++) {
        const struct mir_edge *edge = edge_through(w, &edges[e]);
        if (edge->to == w->block && edge->to != b && edge_penalty(w->s, b, edge->to) == 0) {
            carried = edge->to;
        }
    }
    set_block(w, b, carried != NO_BLOCK);
    for (uint32_t e = 0; e < block->n_edges; e++) {
        const struct mir_edge *edge = edge_through(w, &edges[e]);
        if (edge->to != carried && w->s->rank[edge->to] > w->s->rank[b]) {
            add_successor(w, edge->to);
        }
        add_args(w, edge);
    }
}

/* ---- Instructions ---- */

static void visit_def(struct walk *w, struct mir_operand *op, uint32_t position)
{
    struct value *value = &w->values[op->vreg];
    value->def_rank = w->rank;
    value->def_weight = w->weight;
    op->next = value->stamp != 0 ? position + 1 + (value->next - w->clock) : NEXT_NONE;
    remove_live(w, value);
}

static void inherit_hint(struct walk *w, uint32_t vreg, const struct mir_operand *def, bool is_web)
{
    struct value *value = &w->values[vreg];
    const struct value *to = &w->values[def->vreg];
    if (((to->flags ^ value->flags) & VALUE_VEC) != 0) {
        return;
    }
    if (to->hint != REG_NONE && to->hint_weight >= value->hint_weight) {
        value->hint = to->hint;
        value->hint_weight = to->hint_weight;
    }
    if (is_web) {
        join_webs(w, def->vreg, vreg);
    }
}

/* Operand k is read here for the last time: who may have its register? It is wanted in the same. */
static void hint_from_heir(struct walk *w, const struct mir_inst *inst,
                           const struct mir_operand *ops, uint32_t k)
{
    const struct mir_operand *def = &ops[0]; /* heirs come first in all targets */
    bool may_swap =
        (inst->flags & MIR_COMMUTES) != 0 && k == 2 && w->values[ops[1].vreg].stamp != 0;
    if (def->kind == OPERAND_DEF_TIED && (def->reg == k || may_swap)) {
        inherit_hint(w, ops[k].vreg, def, true);
    } else if (def->kind == OPERAND_DEF && (k == 1 || may_swap)) {
        inherit_hint(w, ops[k].vreg, def, (inst->flags & MIR_MOVE) != 0);
    }
}

static void visit_fixed_use(struct walk *w, const struct mir_inst *inst, struct value *value,
                            uint8_t reg)
{
    bool ends = value->stamp == 0;
    if (w->weight >= value->hint_weight && (ends || (inst->flags & MIR_CALL) == 0)) {
        value->hint = reg;
        value->hint_weight = w->weight;
    }
}

/* A constant that would be made anew in each round of a loop. A zero costs next to nothing. */
static void note_loop_const(struct walk *w, uint32_t vreg)
{
    struct scan *s = w->s;
    struct value *value = &w->values[vreg];
    const struct vreg *v = &w->mf->vregs[vreg];
    bool is_zero = v->imm == 0 && (v->flags & VREG_VCONST) == 0;
    if (value->end == w->header + 1 || is_zero || s->n_loop_consts == s->cap_loop_consts) {
        return;
    }
    value->end = w->header + 1; /* listed already; the scan has no use for the end of a constant */
    struct block_info *loop = &s->blocks[w->header];
    s->loop_consts[s->n_loop_consts++] = (struct loop_const){vreg, loop->consts};
    loop->consts = s->n_loop_consts;
}

static void visit_const(struct walk *w, const struct mir_operand *ops, struct mir_operand *op,
                        uint32_t position)
{
    struct value *value = &w->values[op->vreg];
    bool is_tied = ops[0].kind == OPERAND_DEF_TIED && op == &ops[ops[0].reg];
    op->next = value->next < w->block_clock ? position + (value->next - w->clock) : NEXT_NONE;
    value->next = w->clock;
    if (w->header != NO_BLOCK && w->weight != 0 && op->kind != OPERAND_USE_FIXED && !is_tied) {
        note_loop_const(w, op->vreg);
    }
}

static void visit_use(struct walk *w, const struct mir_inst *inst, struct mir_operand *ops,
                      uint32_t k, uint32_t position)
{
    struct mir_operand *op = &ops[k];
    struct value *value = &w->values[op->vreg];
    if ((value->flags & VALUE_CONST) != 0) { /* its uses in this block only */
        visit_const(w, ops, op, position);
        return;
    }
    if (op->kind == OPERAND_USE_FIXED) {
        visit_fixed_use(w, inst, value, op->reg);
    } else if (value->stamp == 0) {
        hint_from_heir(w, inst, ops, k);
    }
    if (value->stamp != 0) {
        op->next = position + (value->next - w->clock);
        value->next = w->clock;
        return;
    }
    /* it ends here, unless the loop's next round needs it */
    op->next = value->def_rank < w->header_rank ? position + AROUND_LOOP_DISTANCE : NEXT_NONE;
    add_live(w, op->vreg, w->clock);
}

/* Remembers the fixed registers of an instruction: values that live past it avoid them. */
static void note_claim(struct walk *w, const struct mir_inst *inst, uint32_t position)
{
    const struct mir_operand *ops = &w->mf->operands[inst->first];
    regset_t regs = 0;
    for (uint32_t k = 0; k < inst->n_operands; k++) {
        regs |= (FIXED_KINDS >> ops[k].kind & 1) != 0 ? reg_bit(ops[k].reg) : 0;
    }
    if (w->header != NO_BLOCK && w->weight != 0) {
        w->s->blocks[w->header].fixed |= regs;
    }
    if ((inst->flags & MIR_CALL) != 0) {
        regs |= ~w->s->machine->callee_saved;
    }
    w->claims[w->n_claims++] = (struct claim){position, regs};
}

/* A count of values, as it is kept of loops. */
static void raise_count(uint16_t *count, uint32_t n)
{
    n = n < 1000 ? n : 1000;
    *count = *count > n ? *count : (uint16_t)n;
}

static void visit_call(struct walk *w)
{
    if (w->weight == 0) {
        return;
    }
    w->n_calls++;
    if (w->header != NO_BLOCK) {
        struct block_info *loop = &w->s->blocks[w->header];
        loop->has_call = true;
        raise_count(&loop->at_calls[0], w->inside[0]);
        raise_count(&loop->at_calls[1], w->inside[1]);
    }
}

static void visit_inst(struct walk *w, uint32_t position)
{
    struct mir_inst *inst = &w->mf->insts[position];
    struct mir_operand *ops = &w->mf->operands[inst->first];
    uint32_t n = inst->n_operands;
    bool is_fixed = (inst->flags & MIR_CALL) != 0;
    for (uint32_t k = 0; k < n; k++) {
        is_fixed = is_fixed || (FIXED_KINDS >> ops[k].kind & 1) != 0;
        if (operand_is_def(&ops[k])) {
            visit_def(w, &ops[k], position);
        }
    }
    if ((inst->flags & MIR_CALL) != 0) {
        visit_call(w);
    }
    w->clock--;
    for (uint32_t k = n; k-- > 0;) {
        if (operand_is_use(&ops[k])) {
            visit_use(w, inst, ops, k, position);
        }
    }
    if (is_fixed) {
        note_claim(w, inst, position);
    }
}

/* ---- Ends (the starts of blocks) ---- */

static void end_params(struct walk *w, const struct mir_block *block)
{
    for (uint32_t i = 0; i < block->n_params; i++) {
        struct value *param = &w->values[w->mf->params[block->params_start + i]];
        param->def_rank = w->rank;
        param->def_weight = w->weight;
        uint32_t distance = param->next - w->clock;
        w->s->param_distance[block->params_start + i] =
            param->stamp == 0 || distance > DISTANCE_MAX ? DISTANCE_MAX : distance;
        remove_live(w, param);
    }
}

static void note_pressure(struct walk *w, uint32_t b)
{
    struct block_info *loop = &w->s->blocks[w->header];
    for (uint32_t c = 0; c < 2 && w->s->blocks[b].weight != 0; c++) {
        raise_count(&loop->inside[c], w->max_inside[c]);
    }
}

/* The loop around has those of this loop, and what it defines itself and lives in this one. */
static void sum_up_loop(const struct block_info *info, struct block_info *outer,
                        const uint32_t n_outer[2])
{
    outer->has_call = outer->has_call || info->has_call;
    outer->fixed |= info->fixed;
    for (uint32_t c = 0; c < 2; c++) {
        raise_count(&outer->inside[c], info->inside[c] + n_outer[c]);
        if (info->has_call) {
            raise_count(&outer->at_calls[c], info->at_calls[c] + n_outer[c]);
        }
    }
}

/* All of the loop has been seen: what lives into the header lives in the whole loop. */
static void end_loop(struct walk *w, uint32_t b)
{
    struct block_info *info = &w->s->blocks[b];
    uint32_t outer_rank = info->parent == NO_BLOCK ? UINT32_MAX : w->s->rank[info->parent];
    uint32_t n[2] = {0}, n_outer[2] = {0};
    for (uint32_t i = 0; i < w->n_live; i++) {
        struct value *value = &w->values[w->list[i]];
        value->flags |= info->has_call ? VALUE_CROSSES : 0;
        n[value_class(value)]++;
        n_outer[value_class(value)] += value->def_rank >= outer_rank;
    }
    raise_count(&info->pressure[0], info->inside[0] + n[0]);
    raise_count(&info->pressure[1], info->inside[1] + n[1]);
    if (info->parent != NO_BLOCK && info->weight != 0) {
        sum_up_loop(info, &w->s->blocks[info->parent], n_outer);
    }
}

static status_t end_block(struct walk *w, uint32_t b)
{
    struct block_info *info = &w->s->blocks[b];
    end_params(w, &w->mf->blocks[b]);
    if (w->header != NO_BLOCK) {
        note_pressure(w, b);
    }
    if (w->mf->blocks[b].is_loop_header) {
        end_loop(w, b);
    }
    w->n_entries += w->n_live;
    if (w->n_entries > w->max_entries) {
        return ERR_LIMIT;
    }
    info->live = arena_array(w->mf->scratch, w->n_live, sizeof *info->live);
    if (info->live == NULL) {
        return ERR_NO_MEMORY;
    }
    info->n_live = w->n_live;
    info->claims = w->claims;
    info->n_claims = w->n_claims;
    for (uint32_t i = 0; i < w->n_live; i++) {
        uint32_t vreg = w->list[i];
        uint32_t distance = w->values[vreg].next - w->clock;
        info->live[i] =
            (struct live_entry){vreg, distance < DISTANCE_MAX ? distance : DISTANCE_MAX};
    }
    return STATUS_OK;
}

/* ---- All ---- */

static status_t init_walk(struct walk *w, struct scan *s)
{
    struct mir_func *mf = s->mf;
    uint32_t n_params = 0;
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        uint32_t end = mf->blocks[b].params_start + mf->blocks[b].n_params;
        n_params = end > n_params ? end : n_params;
    }
    *w = (struct walk){.s = s,
                       .mf = mf,
                       .values = s->values,
                       .clock = CLOCK_START,
                       .max_entries =
                           LIVENESS_MIN_ENTRIES + (uint64_t)LIVENESS_ENTRIES_PER_INST * mf->n_insts,
                       .block = NO_BLOCK,
                       .header = NO_BLOCK};
    if (w->max_entries > LIVENESS_MAX_ENTRIES) {
        w->max_entries = LIVENESS_MAX_ENTRIES;
    }
    w->list = arena_array(mf->scratch, mf->n_vregs, sizeof *w->list);
    w->claims = arena_array(mf->scratch, mf->n_insts, sizeof *w->claims);
    s->param_distance = arena_array(mf->scratch, n_params + 1, sizeof *s->param_distance);
    s->param_loc = arena_array(mf->scratch, n_params + 1, 1);
    s->cap_loop_consts = mf->n_insts / 8 + 16; /* enough; a loop has no room for many */
    s->loop_consts = arena_array(mf->scratch, s->cap_loop_consts, sizeof *s->loop_consts);
    bool is_ok = w->list != NULL && w->claims != NULL && s->param_distance != NULL &&
                 s->param_loc != NULL && s->loop_consts != NULL;
    return is_ok ? STATUS_OK : ERR_NO_MEMORY;
}

static status_t walk_blocks(struct walk *w)
{
    for (uint32_t i = w->mf->n_blocks; i-- > w->s->first;) {
        uint32_t b = w->s->order[i];
        if (w->s->blocks[b].is_jump) {
            continue;
        }
        begin_block(w, b);
        for (uint32_t at = w->mf->blocks[b].end; at-- > w->mf->blocks[b].first;) {
            visit_inst(w, at);
        }
        status_t status = end_block(w, b);
        if (status != STATUS_OK) {
            return status;
        }
    }
    clear_live(w);
    for (uint32_t v = 1; v < w->mf->n_vregs; v++) {
        if ((w->values[v].flags & VALUE_CROSSES) != 0) {
            w->values[scan_web(w->values, v)].web_flags |= VALUE_CROSSES;
        }
    }
    return STATUS_OK;
}

status_t liveness_find(struct scan *s)
{
    struct walk w;
    if (s->mf->blocks[0].n_preds != 0) {
        return ERR_LIMIT; /* an entry in a loop has no place before it; targets make none */
    }
    status_t status = order_blocks(s);
    if (status == STATUS_OK) {
        status = init_values(s);
    }
    if (status == STATUS_OK) {
        note_all(s);
        status = init_walk(&w, s);
    }
    return status == STATUS_OK ? walk_blocks(&w) : status;
}
