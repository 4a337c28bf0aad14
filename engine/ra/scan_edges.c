/*
 * Where blocks begin and end: who is where.
 *
 * A block with one predecessor begins as that one ended. Where paths meet, the block takes over
 * what the likeliest finished predecessor has; a loop keeps in registers what it uses, nearest
 * first, and gives up before it starts what it only carries along, if it needs the room. Every
 * edge remembers where its values were at its source; when all blocks are done, parallel moves
 * take them to where the destination wants them.
 */
#include "engine/ra/scan.h"

#define NEAR_MERGE 48u /* a reload at a merge pays if the next use is this near */
#define NEAR_CALL 8u   /* in loops with calls: worth a register that a call destroys */

/* ---- Behind this block ---- */

static void note_out(struct scan *s, uint32_t vreg, uint32_t position)
{
    if (s->out_stamp[vreg] != s->block_stamp || position < s->out_next[vreg]) {
        s->out_stamp[vreg] = s->block_stamp;
        s->out_next[vreg] = position;
    }
}

static void note_successors(struct scan *s, const struct mir_block *block)
{
    s->block_stamp++;
    for (uint32_t e = 0; e < block->n_edges; e++) {
        const struct mir_edge *edge = &s->mf->edges[block->edges_start + e];
        const struct mir_block *to = &s->mf->blocks[edge->to];
        for (uint32_t i = 0; i < to->n_params; i++) {
            note_out(s, s->mf->edge_args[edge->args_start + i], block->end);
        }
        uint32_t penalty = to->loop_depth < block->loop_depth ? LOOP_EXIT_PENALTY
                           : to->is_cold && !block->is_cold   ? COLD_PENALTY
                                                              : 0;
        const struct live_set *set = &s->l.live_in[edge->to];
        for (uint32_t i = 0; i < set->n; i++) {
            note_out(s, set->entries[i].vreg, block->end + penalty + set->entries[i].distance);
        }
    }
}

/* ---- Beginnings ---- */

static uint32_t edge_from(const struct scan *s, uint32_t pred, uint32_t to)
{
    const struct mir_block *block = &s->mf->blocks[pred];
    for (uint32_t e = 0; e < block->n_edges; e++) {
        if (s->mf->edges[block->edges_start + e].to == to) {
            return block->edges_start + e;
        }
    }
    return UINT32_MAX;
}

static bool is_better(const struct scan *s, uint32_t b, uint32_t pred, uint32_t than)
{
    const struct mir_block *x = &s->mf->blocks[pred], *y = &s->mf->blocks[than];
    if (x->is_cold != y->is_cold) {
        return y->is_cold;
    }
    if (x->loop_depth != y->loop_depth) {
        return x->loop_depth > y->loop_depth;
    }
    return pred + 1 == b;
}

/* The finished predecessor to be like, as an edge. */
static uint32_t best_edge(const struct scan *s, uint32_t b)
{
    const struct mir_block *block = &s->mf->blocks[b];
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < block->n_preds; i++) {
        uint32_t pred = s->mf->preds[block->preds_start + i];
        if (s->is_done[pred] && (best == UINT32_MAX || is_better(s, b, pred, best))) {
            best = pred;
        }
    }
    return edge_from(s, best, b);
}

static void start_in(struct scan *s, uint32_t vreg, uint8_t reg)
{
    s->home[vreg] = reg;
    s->holds[reg] = vreg;
    s->occupied |= reg_bit(reg);
    s->used_callee_saved |= reg_bit(reg) & s->machine->callee_saved;
}

static void start_on_stack(struct scan *s, uint32_t vreg)
{
    s->home[vreg] = LOC_STACK;
    if (!vreg_is_remat(&s->mf->vregs[vreg]) && !vreg_is_incoming(&s->mf->vregs[vreg])) {
        s->needs_slot[vreg] = 1;
    }
}

static bool is_reg_free(const struct scan *s, uint8_t reg)
{
    return reg < 64 && (s->occupied >> reg & 1) == 0;
}

/* Some finished predecessor has the value on the stack only. */
static bool is_on_stack_somewhere(const struct scan *s, uint32_t b, uint32_t i)
{
    const struct mir_block *block = &s->mf->blocks[b];
    for (uint32_t k = 0; k < block->n_preds; k++) {
        uint32_t pred = s->mf->preds[block->preds_start + k];
        if (s->is_done[pred]) {
            uint32_t e = edge_from(s, pred, b);
            if (s->exit_locs[s->exit_start[e] + block->n_params + i] >= 64) {
                return true;
            }
        }
    }
    return false;
}

static void start_param(struct scan *s, uint32_t b, uint32_t edge, uint32_t i)
{
    const struct mir_block *block = &s->mf->blocks[b];
    uint32_t param = s->mf->params[block->params_start + i];
    s->next[param] = block->first + s->l.param_distance[block->params_start + i];
    s->home[param] = LOC_STACK;
    if (s->l.param_distance[block->params_start + i] == DISTANCE_MAX) {
        s->home[param] = LOC_NONE; /* nobody uses it */
        return;
    }
    uint8_t arg = s->exit_locs[s->exit_start[edge] + i];
    bool is_kept = arg < 64 && (s->machine->callee_saved >> arg & 1) != 0;
    const struct vreg *v = &s->mf->vregs[param];
    bool has_wish = is_reg_free(s, v->hint);
    if (is_reg_free(s, arg) && (is_kept || !s->l.crosses_call[param]) && !has_wish &&
        s->rng == 0) {
        start_in(s, param, arg);
        return;
    }
    bool is_near = s->l.param_distance[block->params_start + i] < LOOP_EXIT_PENALTY;
    uint8_t reg = is_near ? scan_take(s, param, ~(regset_t)0)
                          : scan_find_free(s, param, ~(regset_t)0);
    if (reg == REG_NONE) {
        start_on_stack(s, param);
    } else {
        start_in(s, param, reg);
    }
}

static void start_like(struct scan *s, uint32_t b, uint32_t edge)
{
    const struct mir_block *block = &s->mf->blocks[b];
    struct live_set *set = &s->l.live_in[b];
    const uint8_t *locs = &s->exit_locs[s->exit_start[edge] + block->n_params];
    bool is_merge = block->n_preds > 1;
    for (uint32_t i = 0; i < set->n; i++) {
        uint32_t vreg = set->entries[i].vreg;
        bool is_wanted = locs[i] < 64;
        if (is_wanted && is_merge && set->entries[i].distance > NEAR_MERGE) {
            is_wanted = !is_on_stack_somewhere(s, b, i);
        }
        if (is_wanted && is_merge && s->rng != 0) {
            is_wanted = scan_random(s, 4) != 0;
        }
        if (is_wanted) {
            start_in(s, vreg, locs[i]);
        } else {
            start_on_stack(s, vreg);
        }
    }
    for (uint32_t i = 0; i < block->n_params; i++) {
        start_param(s, b, edge, i);
    }
}

/* ---- Loops ---- */

/* How far the next use of a value may be at most to have a register in the loop. */
static uint32_t distance_limit(const struct scan *s, uint32_t b, uint8_t class)
{
    const struct mir_block *block = &s->mf->blocks[b];
    const struct live_set *set = &s->l.live_in[b];
    uint32_t k = (uint32_t)__builtin_popcountll(s->machine->allocatable[class]);
    uint32_t nearest[64], n = 0;
    for (uint32_t i = 0; i < set->n + block->n_params; i++) {
        uint32_t vreg = i < set->n ? set->entries[i].vreg
                                   : s->mf->params[block->params_start + i - set->n];
        uint32_t distance = i < set->n ? set->entries[i].distance
                                       : s->l.param_distance[block->params_start + i - set->n];
        if (s->mf->vregs[vreg].class != class) {
            continue;
        }
        uint32_t at = n;
        while (at > 0 && nearest[at - 1] > distance) {
            at--;
        }
        if (at == k) {
            continue;
        }
        n = n < k ? n + 1 : n;
        for (uint32_t j = n - 1; j > at; j--) {
            nearest[j] = nearest[j - 1];
        }
        nearest[at] = distance;
    }
    uint32_t limit = n == k ? nearest[k - 1] : DISTANCE_MAX;
    /* no room for what is only carried through: it leaves before the loop */
    if (s->l.loop_pressure[b][class] > k && limit >= LOOP_EXIT_PENALTY) {
        limit = LOOP_EXIT_PENALTY - 1;
    }
    return limit;
}

/* Which register a value had before the loop should have in it; LOC_STACK for none. */
static uint8_t loop_loc(struct scan *s, uint32_t b, uint32_t vreg, uint32_t distance, uint8_t loc)
{
    bool dreads_calls = s->l.has_call[b] && s->l.crosses_call[vreg];
    if (loc >= 64) {
        loc = distance < LOOP_EXIT_PENALTY ? scan_find_free(s, vreg, ~(regset_t)0) : REG_NONE;
        if (loc == REG_NONE) {
            return LOC_STACK;
        }
    }
    if (!dreads_calls || (s->machine->callee_saved >> loc & 1) != 0) {
        return loc;
    }
    uint8_t kept = scan_find_free(s, vreg, s->machine->callee_saved);
    if (kept != REG_NONE && distance < LOOP_EXIT_PENALTY) {
        return kept;
    }
    return distance <= NEAR_CALL ? loc : LOC_STACK;
}

static void start_loop(struct scan *s, uint32_t b, uint32_t edge)
{
    const struct mir_block *block = &s->mf->blocks[b];
    struct live_set *set = &s->l.live_in[b];
    const uint8_t *locs = &s->exit_locs[s->exit_start[edge] + block->n_params];
    uint32_t limit[2] = {distance_limit(s, b, CLASS_GPR), distance_limit(s, b, CLASS_VEC)};
    regset_t held = 0; /* nobody new takes the register of one who stays */
    for (uint32_t i = 0; i < set->n; i++) {
        const struct live_entry *e = &set->entries[i];
        if (locs[i] < 64 && e->distance <= limit[s->mf->vregs[e->vreg].class]) {
            held |= reg_bit(locs[i]);
        }
    }
    for (uint32_t pass = 0; pass < 2; pass++) { /* those in registers first */
        for (uint32_t i = 0; i < set->n; i++) {
            const struct live_entry *e = &set->entries[i];
            if ((locs[i] < 64) != (pass == 0)) {
                continue;
            }
            uint8_t loc = LOC_STACK;
            if (e->distance <= limit[s->mf->vregs[e->vreg].class]) {
                s->busy = held;
                loc = loop_loc(s, b, e->vreg, e->distance, locs[i]);
            }
            if (loc < 64) {
                held |= reg_bit(loc);
                start_in(s, e->vreg, loc);
            } else {
                start_on_stack(s, e->vreg);
            }
        }
        for (uint32_t i = 0; pass == 0 && i < block->n_params; i++) {
            s->busy = 0;
            uint32_t distance = s->l.param_distance[block->params_start + i];
            uint32_t param = s->mf->params[block->params_start + i];
            if (distance != DISTANCE_MAX && distance > limit[s->mf->vregs[param].class]) {
                s->next[param] = block->first + distance;
                start_on_stack(s, param);
            } else {
                start_param(s, b, edge, i);
            }
        }
    }
    s->busy = 0;
}

/* ---- Entering and leaving ---- */

static void record_start(struct scan *s, uint32_t b)
{
    const struct mir_block *block = &s->mf->blocks[b];
    struct live_set *set = &s->l.live_in[b];
    for (uint32_t i = 0; i < set->n; i++) {
        set->entries[i].loc = s->home[set->entries[i].vreg];
    }
    for (uint32_t i = 0; i < block->n_params; i++) {
        uint32_t param = s->mf->params[block->params_start + i];
        s->l.param_loc[block->params_start + i] = s->home[param];
        s->def_at[param] = block->first;
        s->def_reg[param] = s->home[param];
    }
}

void scan_enter_block(struct scan *s, uint32_t b)
{
    const struct mir_block *block = &s->mf->blocks[b];
    struct live_set *set = &s->l.live_in[b];
    for (; s->occupied != 0; s->occupied &= s->occupied - 1) {
        s->holds[regset_first(s->occupied)] = 0;
    }
    s->at = block->first;
    s->block_end = block->end;
    s->busy = 0;
    s->n_touched = 0;
    s->stamp++;
    note_successors(s, block);
    for (uint32_t i = 0; i < set->n; i++) {
        s->next[set->entries[i].vreg] = block->first + set->entries[i].distance;
    }
    if (block->n_preds == 0) { /* only what arrives on the stack lives at the entry */
        for (uint32_t i = 0; i < set->n; i++) {
            start_on_stack(s, set->entries[i].vreg);
        }
    } else if (block->is_loop_header) {
        start_loop(s, b, best_edge(s, b));
    } else {
        start_like(s, b, best_edge(s, b));
    }
    record_start(s, b);
}

static uint8_t exit_loc(struct scan *s, uint32_t vreg)
{
    if (scan_is_in_reg(s, vreg)) {
        return s->home[vreg];
    }
    if (vreg_is_remat(&s->mf->vregs[vreg])) {
        return LOC_CONST;
    }
    s->needs_slot[vreg] |= !vreg_is_incoming(&s->mf->vregs[vreg]);
    return LOC_STACK;
}

void scan_leave_block(struct scan *s, uint32_t b)
{
    const struct mir_block *block = &s->mf->blocks[b];
    for (uint32_t e = block->edges_start; e < block->edges_start + block->n_edges; e++) {
        const struct mir_edge *edge = &s->mf->edges[e];
        const struct mir_block *to = &s->mf->blocks[edge->to];
        const struct live_set *set = &s->l.live_in[edge->to];
        uint32_t n = s->n_exit_locs + to->n_params + set->n;
        if (n > s->cap_exit_locs) {
            uint8_t *locs = arena_grow(s->ra->arena, s->exit_locs, s->cap_exit_locs, 2 * n);
            if (locs == NULL) {
                s->status = ERR_NO_MEMORY;
                return;
            }
            s->exit_locs = locs;
            s->cap_exit_locs = 2 * n;
        }
        s->exit_start[e] = s->n_exit_locs;
        for (uint32_t i = 0; i < to->n_params; i++) {
            s->exit_locs[s->n_exit_locs++] = exit_loc(s, s->mf->edge_args[edge->args_start + i]);
        }
        for (uint32_t i = 0; i < set->n; i++) {
            s->exit_locs[s->n_exit_locs++] = exit_loc(s, set->entries[i].vreg);
        }
    }
    for (regset_t set = s->occupied; set != 0; set &= set - 1) { /* constants live in one block */
        uint32_t vreg = s->holds[regset_first(set)];
        if (vreg_is_const(&s->mf->vregs[vreg])) {
            s->home[vreg] = LOC_STACK;
        }
    }
    s->is_done[b] = 1;
}

/* ---- The moves on edges ---- */

static void fix_edge(struct scan *s, uint32_t b, uint32_t e)
{
    const struct mir_block *block = &s->mf->blocks[b];
    const struct mir_edge *edge = &s->mf->edges[e];
    const struct mir_block *to = &s->mf->blocks[edge->to];
    const struct live_set *set = &s->l.live_in[edge->to];
    const uint8_t *locs = &s->exit_locs[s->exit_start[e]];
    regset_t taken = 0;
    if (block->n_edges == 1) {
        scan_group(s, RANK_EXIT, block->end - 1);
    } else {
        scan_group(s, RANK_ENTRY, to->first);
    }
    for (uint32_t i = 0; i < to->n_params + set->n; i++) {
        bool is_param = i < to->n_params;
        uint32_t from_vreg = is_param ? s->mf->edge_args[edge->args_start + i]
                                      : set->entries[i - to->n_params].vreg;
        uint32_t to_vreg = is_param ? s->mf->params[to->params_start + i] : from_vreg;
        uint8_t to_loc = is_param ? s->l.param_loc[to->params_start + i]
                                  : set->entries[i - to->n_params].loc;
        taken |= locs[i] < 64 ? reg_bit(locs[i]) : 0;
        taken |= to_loc < 64 ? reg_bit(to_loc) : 0;
        if (to_loc == LOC_NONE || (to_loc == LOC_STACK && !is_param) || to_loc == locs[i]) {
            if (!(is_param && to_loc == LOC_STACK)) {
                continue;
            }
        }
        scan_pair(s, (struct pair){
                         .from = locs[i], .to = to_loc, .vreg = from_vreg, .vreg_to = to_vreg});
    }
    if (s->groups[s->n_groups].n > 0) {
        s->groups[s->n_groups++].free = ~taken;
    }
}

void scan_fix_edges(struct scan *s)
{
    for (uint32_t i = s->l.first; i < s->mf->n_blocks; i++) {
        uint32_t b = s->l.order[i];
        const struct mir_block *block = &s->mf->blocks[b];
        for (uint32_t e = 0; e < block->n_edges && s->status == STATUS_OK; e++) {
            fix_edge(s, b, block->edges_start + e);
        }
    }
}
