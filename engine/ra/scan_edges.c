/*
 * Where blocks begin and end: who is where.
 *
 * The state between blocks is the list of registers that hold something at a block's end (struct
 * held); whatever else lives is in its valid slot, or made of nothing. A block with one predecessor
 * begins as that one ended. Where paths meet, the block takes over what the likeliest finished
 * predecessor has; a loop keeps in registers what it uses, nearest first, and gives up before it
 * starts what it only carries along, if it needs the room. Then the moves on the edges are known,
 * those of back edges when the loop's end is reached.
 *
 * A value on the stack where paths meet has been stored on all of them. In a loop nothing more is
 * to be done for that: what has a valid slot at the header keeps it all through the loop.
 */
#include "engine/ra/scan.h"

#define NEAR_MERGE 48u /* a reload at a merge pays if the next use is this near */
#define NEAR_CALL 8u   /* in loops with calls: worth a register that a call destroys */

/* ---- What lives here ---- */

static void stamp_live(struct scan *s, uint32_t b)
{
    const struct block_info *info = &s->blocks[b];
    uint32_t stamp = s->rank[b] + 1, first = s->mf->blocks[b].first;
    uint32_t end = s->mf->blocks[b].is_loop_header ? info->end_time : info->time + 1;
    for (uint32_t i = 0; i < info->n_live; i++) {
        struct value *value = &s->values[info->live[i].vreg];
        value->stamp = stamp;
        value->next = first + info->live[i].distance;
        value->end = value->end > end ? value->end : end;
    }
}

/* A value in a register at a predecessor's end lives on; if only around the loop, that is far. */
static bool lives_into(const struct scan *s, uint32_t b, struct value *value)
{
    const struct block_info *info = &s->blocks[b];
    if (value->stamp == s->rank[b] + 1) {
        return true;
    }
    if (info->parent == NO_BLOCK || value->def_rank >= s->rank[info->parent]) {
        return false;
    }
    value->next = s->mf->blocks[b].first + AROUND_LOOP_DISTANCE;
    return true;
}

/* ---- The state ---- */

static void clear_state(struct scan *s)
{
    for (regset_t set = s->occupied; set != 0; set &= set - 1) {
        uint8_t reg = regset_first(set);
        s->values[s->holds[reg]].home = LOC_STACK;
        s->holds[reg] = 0;
    }
    s->occupied = 0;
}

static void restore_one(struct scan *s, const struct held *held)
{
    struct value *value = &s->values[held->vreg];
    value->flags &= (uint8_t)~VALUE_CLEAN;
    value->flags |= held->is_clean ? VALUE_CLEAN : 0;
    value->home = held->reg;
    s->holds[held->reg] = held->vreg;
    s->occupied |= reg_bit(held->reg);
}

static void restore_state(struct scan *s, uint32_t b, uint32_t pred)
{
    const struct block_info *from = &s->blocks[pred];
    clear_state(s);
    for (uint32_t i = 0; i < from->n_held; i++) {
        const struct held *held = &s->held[from->held + i];
        if (lives_into(s, b, &s->values[held->vreg])) {
            restore_one(s, held);
        }
    }
}

static void restore_all(struct scan *s, uint32_t pred)
{
    const struct block_info *from = &s->blocks[pred];
    clear_state(s);
    for (uint32_t i = 0; i < from->n_held; i++) {
        restore_one(s, &s->held[from->held + i]);
    }
}

/* The predecessor is the block just scanned: its state is still there. */
static void filter_state(struct scan *s, uint32_t b)
{
    for (regset_t set = s->occupied; set != 0; set &= set - 1) {
        uint32_t vreg = s->holds[regset_first(set)];
        if (!lives_into(s, b, &s->values[vreg])) {
            scan_leave_home(s, vreg);
        }
    }
}

static void save_state(struct scan *s, uint32_t *start, uint32_t *n)
{
    if (s->n_held + 64 > s->cap_held) {
        uint32_t cap = 2 * s->cap_held + 64;
        struct held *held =
            arena_grow(s->ra->arena, s->held, s->cap_held * sizeof *held, cap * sizeof *held);
        if (held == NULL) {
            s->status = ERR_NO_MEMORY;
            return;
        }
        s->held = held;
        s->cap_held = cap;
    }
    *start = s->n_held;
    for (regset_t set = s->occupied; set != 0; set &= set - 1) {
        uint8_t reg = regset_first(set);
        bool is_clean =
            (s->values[s->holds[reg]].flags & (VALUE_CLEAN | VALUE_STORED | VALUE_FREE)) != 0;
        s->held[s->n_held++] = (struct held){s->holds[reg], reg, is_clean};
    }
    *n = s->n_held - *start;
}

/* ---- Predecessors ---- */

static bool is_better(const struct scan *s, uint32_t b, uint32_t pred, uint32_t than)
{
    uint8_t x = s->blocks[pred].weight, y = s->blocks[than].weight;
    return x != y ? x > y : pred + 1 == b;
}

/* The finished predecessor to be like. */
static uint32_t best_pred(const struct scan *s, uint32_t b)
{
    const struct mir_block *block = &s->mf->blocks[b];
    uint32_t best = NO_BLOCK;
    for (uint32_t i = 0; i < block->n_preds; i++) {
        uint32_t pred = s->mf->preds[block->preds_start + i];
        if (s->blocks[pred].is_done && (best == NO_BLOCK || is_better(s, b, pred, best))) {
            best = pred;
        }
    }
    return best;
}

static const struct mir_edge *edge_between(const struct scan *s, uint32_t from, uint32_t to)
{
    const struct mir_edge *edge = &s->mf->edges[s->mf->blocks[from].edges_start];
    while (edge->to != to) {
        edge++;
    }
    return edge;
}

/* Registers whose values are in registers at all other finished predecessors, too. */
static regset_t held_everywhere(const struct scan *s, uint32_t b, uint32_t best)
{
    const struct mir_block *block = &s->mf->blocks[b];
    regset_t everywhere = ~(regset_t)0;
    for (uint32_t i = 0; i < block->n_preds; i++) {
        uint32_t pred = s->mf->preds[block->preds_start + i];
        const struct block_info *info = &s->blocks[pred];
        if (pred == best || !info->is_done || info->weight == 0) {
            continue;
        }
        regset_t seen = 0;
        for (uint32_t k = 0; k < info->n_held; k++) {
            uint8_t home = s->values[s->held[info->held + k].vreg].home;
            seen |= home < 64 ? reg_bit(home) : 0;
        }
        everywhere &= seen;
    }
    return everywhere;
}

/* ---- Parameters ---- */

/* Where the argument is at the end of the predecessor; LOC_STACK also if it isn't in a register. */
static uint8_t find_held(const struct scan *s, uint32_t pred, uint32_t vreg)
{
    const struct block_info *info = &s->blocks[pred];
    for (uint32_t i = 0; i < info->n_held; i++) {
        if (s->held[info->held + i].vreg == vreg) {
            return s->held[info->held + i].reg;
        }
    }
    return LOC_STACK;
}

static void put_param(struct scan *s, uint32_t param, uint8_t reg)
{
    scan_set_home(s, param, reg);
    s->values[param].flags &= (uint8_t)~VALUE_CLEAN;
    scan_note_web(s, param, reg);
}

/* A register for a value that begins with the block; others may leave for it: nothing need be
 * stored here, since the edges see to that. */
static void take_for_param(struct scan *s, uint32_t param, uint8_t like)
{
    uint8_t reg = scan_find_free(s, param, ~(regset_t)0, like);
    if (reg != REG_NONE) {
        put_param(s, param, reg);
        return;
    }
    uint32_t victim = 0;
    for (regset_t set = s->occupied & scan_class_regs(s, param); set != 0; set &= set - 1) {
        uint32_t vreg = s->holds[regset_first(set)];
        if (victim == 0 || s->values[vreg].next > s->values[victim].next) {
            victim = vreg;
        }
    }
    bool is_nearer = victim != 0 && s->values[param].next < s->values[victim].next &&
                     (s->values[victim].flags & VALUE_VEC) == (s->values[param].flags & VALUE_VEC);
    if (!is_nearer) {
        s->values[param].home = LOC_STACK;
        return;
    }
    reg = s->values[victim].home;
    scan_leave_home(s, victim);
    put_param(s, param, reg);
}

static void start_param(struct scan *s, uint32_t b, uint32_t pred, uint32_t i, uint32_t limit)
{
    const struct mir_block *block = &s->mf->blocks[b];
    uint32_t param = s->mf->params[block->params_start + i];
    uint32_t distance = s->param_distance[block->params_start + i];
    struct value *value = &s->values[param];
    value->next = block->first + distance;
    value->home = LOC_STACK;
    if (distance == DISTANCE_MAX || distance > limit) {
        return;
    }
    uint32_t arg = s->mf->edge_args[edge_between(s, pred, b)->args_start + i];
    uint8_t like = find_held(s, pred, arg);
    const struct value *root = &s->values[scan_web(s->values, param)];
    uint8_t flags = value->flags;
    if (block->is_loop_header) { /* as those that will come around */
        value->flags |= root->web_flags & VALUE_CROSSES;
    }
    bool is_kept = like < 64 && (s->machine->callee_saved >> like & 1) != 0;
    bool is_like_first = like < 64 && root->web_weight < s->weight && value->hint == REG_NONE &&
                         (is_kept || (value->flags & VALUE_CROSSES) == 0) &&
                         (s->occupied >> like & 1) == 0 && s->rng == 0;
    if (is_like_first) {
        put_param(s, param, like);
    } else {
        take_for_param(s, param, like < 64 ? like : REG_NONE);
    }
    value->flags = flags & (uint8_t)~VALUE_CLEAN;
}

/* Notes where parameters begin; those on the stack are put there on the edges. */
static void note_params(struct scan *s, uint32_t b)
{
    const struct mir_block *block = &s->mf->blocks[b];
    for (uint32_t i = 0; i < block->n_params; i++) {
        uint32_t param = s->mf->params[block->params_start + i];
        struct value *value = &s->values[param];
        bool is_unused = s->param_distance[block->params_start + i] == DISTANCE_MAX;
        s->param_loc[block->params_start + i] = is_unused ? LOC_NONE : value->home;
        value->def_at = block->first;
        value->def_reg = value->home;
        value->end = value->end > s->blocks[b].time ? value->end : s->blocks[b].time + 1;
        if (value->home == LOC_STACK && !is_unused) {
            scan_store_at_definition(s, param);
        }
    }
}

/* ---- Beginnings ---- */

static void start_merge(struct scan *s, uint32_t b, uint32_t pred)
{
    uint32_t first = s->mf->blocks[b].first;
    regset_t everywhere = held_everywhere(s, b, pred);
    for (regset_t set = s->occupied; set != 0; set &= set - 1) {
        uint8_t reg = regset_first(set);
        bool is_near = s->values[s->holds[reg]].next - first <= NEAR_MERGE;
        bool is_random = s->rng != 0 && scan_random(s, 4) == 0;
        if ((!is_near && (everywhere >> reg & 1) == 0) || is_random) {
            scan_leave_home(s, s->holds[reg]);
        }
    }
}

/* How far the next use of a value may be at most to have a register in the loop. */
static uint32_t distance_limit(const struct scan *s, uint32_t b, enum reg_class class)
{
    const struct mir_block *block = &s->mf->blocks[b];
    const struct block_info *info = &s->blocks[b];
    uint32_t k = (uint32_t)__builtin_popcountll(s->machine->allocatable[class]);
    uint32_t nearest[64], n = 0;
    for (uint32_t i = 0; i < info->n_live + block->n_params; i++) {
        bool is_param = i >= info->n_live;
        uint32_t at = block->params_start + i - info->n_live;
        uint32_t vreg = is_param ? s->mf->params[at] : info->live[i].vreg;
        uint32_t distance = is_param ? s->param_distance[at] : info->live[i].distance;
        if (value_class(&s->values[vreg]) != class || (n == k && nearest[k - 1] <= distance)) {
            continue;
        }
        n = n < k ? n + 1 : n;
        uint32_t j = n - 1;
        for (; j > 0 && nearest[j - 1] > distance; j--) {
            nearest[j] = nearest[j - 1];
        }
        nearest[j] = distance;
    }
    uint32_t limit = n == k ? nearest[k - 1] : DISTANCE_MAX;
    /* no room for what is only carried through: it leaves before the loop */
    if (info->pressure[class] > k && limit >= LOOP_EXIT_PENALTY) {
        limit = LOOP_EXIT_PENALTY - 1;
    }
    return limit;
}

/* Who is in a register before the loop: it stays, changes to one that calls keep, or leaves. */
static void start_held(struct scan *s, uint32_t b, uint8_t reg, uint32_t limit)
{
    uint32_t vreg = s->holds[reg];
    const struct value *value = &s->values[vreg];
    uint32_t distance = value->next - s->mf->blocks[b].first;
    bool dreads_calls = s->blocks[b].has_call && (value->flags & VALUE_CROSSES) != 0 &&
                        (s->machine->callee_saved >> reg & 1) == 0;
    if (distance > limit || (s->rng != 0 && scan_random(s, 4) == 0)) {
        scan_leave_home(s, vreg);
    } else if (dreads_calls) {
        uint8_t kept = scan_find_free(s, vreg, s->machine->callee_saved, REG_NONE);
        if (kept != REG_NONE && distance < LOOP_EXIT_PENALTY) {
            scan_set_home(s, vreg, kept);
        } else if (distance > NEAR_CALL) {
            scan_leave_home(s, vreg);
        }
    }
}

/* Who is on the stack before the loop and used in it is loaded before it, if there is room. */
static void start_loaded(struct scan *s, uint32_t b, const uint32_t limit[2])
{
    const struct block_info *info = &s->blocks[b];
    for (uint32_t i = 0; i < info->n_live; i++) {
        uint32_t vreg = info->live[i].vreg, distance = info->live[i].distance;
        struct value *value = &s->values[vreg];
        if (value->home < 64 || distance > limit[value_class(value)] ||
            distance >= LOOP_EXIT_PENALTY) {
            continue;
        }
        bool dreads_calls = info->has_call && (value->flags & VALUE_CROSSES) != 0;
        regset_t allowed = dreads_calls ? s->machine->callee_saved : ~(regset_t)0;
        uint8_t reg = scan_find_free(s, vreg, allowed, REG_NONE);
        if (reg != REG_NONE) {
            scan_set_home(s, vreg, reg);
        }
    }
}

static void start_loop(struct scan *s, uint32_t b, uint32_t pred)
{
    const struct mir_block *block = &s->mf->blocks[b];
    uint32_t limit[2] = {distance_limit(s, b, CLASS_GPR), distance_limit(s, b, CLASS_VEC)};
    for (regset_t set = s->occupied; set != 0; set &= set - 1) {
        uint8_t reg = regset_first(set);
        start_held(s, b, reg, limit[reg >= REG_VEC0]);
    }
    for (uint32_t i = 0; i < block->n_params; i++) {
        uint32_t param = s->mf->params[block->params_start + i];
        start_param(s, b, pred, i, limit[value_class(&s->values[param])]);
    }
    start_loaded(s, b, limit);
}

/* ---- The moves on edges ---- */

struct edge_fix {
    const struct mir_edge *edge;
    uint32_t from;
};

static void begin_fix(struct scan *s, const struct edge_fix *fix)
{
    const struct mir_block *from = &s->mf->blocks[fix->from];
    if (from->n_edges == 1) {
        scan_begin_group(s, RANK_EXIT, from->end - 1);
    } else {
        scan_begin_group(s, RANK_ENTRY, s->mf->blocks[fix->edge->to].first);
    }
}

/* Where a value is at the source; its origin is known if it is in a register there. */
static uint8_t source_of(const struct scan *s, uint32_t vreg)
{
    const struct value *value = &s->values[vreg];
    uint8_t loc = value->touch == s->stamp ? value->origin : LOC_STACK;
    return loc == LOC_STACK && (value->flags & VALUE_REMAT) != 0 ? LOC_CONST : loc;
}

static void fix_params(struct scan *s, const struct edge_fix *fix)
{
    const struct mir_block *to = &s->mf->blocks[fix->edge->to];
    const struct block_info *info = &s->blocks[fix->from];
    uint32_t end = info->time + s->mf->blocks[fix->from].end - s->mf->blocks[fix->from].first;
    for (uint32_t i = 0; i < to->n_params; i++) {
        uint32_t arg = s->mf->edge_args[fix->edge->args_start + i];
        uint32_t param = s->mf->params[to->params_start + i];
        uint8_t from = source_of(s, arg), loc = s->param_loc[to->params_start + i];
        struct value *value = &s->values[arg];
        value->end = value->end > end ? value->end : end;
        if (loc != LOC_NONE && (loc != from || loc == LOC_STACK)) {
            scan_pair(s, (struct pair){.from = from, .to = loc, .vreg = arg, .vreg_to = param});
        }
    }
}

static void fix_held(struct scan *s, uint32_t vreg, uint8_t reg)
{
    uint8_t from = source_of(s, vreg);
    if (from != reg) {
        scan_pair(s, (struct pair){.from = from, .to = reg, .vreg = vreg, .vreg_to = vreg});
    }
}

/* A value in a register at the source, and on the stack at the destination. */
static void fix_stored(struct scan *s, const struct edge_fix *fix, const struct held *held)
{
    struct value *value = &s->values[held->vreg];
    if ((value->flags & VALUE_FREE) != 0 || !lives_into(s, fix->edge->to, value)) {
        return;
    }
    value->flags |= VALUE_SLOT;
    if (held->is_clean || (value->flags & VALUE_STORED) != 0) {
        return;
    }
    bool is_exit = s->mf->blocks[fix->from].n_edges == 1;
    uint8_t weight = s->blocks[is_exit ? fix->from : fix->edge->to].weight;
    if (weight > value->def_weight) {
        scan_store_at_definition(s, held->vreg);
    } else {
        scan_pair(s, (struct pair){.from = held->reg,
                                   .to = LOC_STACK,
                                   .vreg = held->vreg,
                                   .vreg_to = held->vreg});
    }
}

/* Most values are in the same register on both sides: they are seen once. */
static void fix_forward(struct scan *s, uint32_t from, uint32_t b)
{
    struct edge_fix fix = {.edge = edge_between(s, from, b), .from = from};
    const struct block_info *info = &s->blocks[from];
    regset_t taken = s->occupied, same = 0;
    s->stamp++;
    begin_fix(s, &fix);
    for (uint32_t i = 0; i < info->n_held; i++) {
        const struct held *held = &s->held[info->held + i];
        struct value *value = &s->values[held->vreg];
        value->touch = s->stamp;
        value->origin = held->reg;
        taken |= reg_bit(held->reg);
        same |= value->home == held->reg ? reg_bit(held->reg) : 0;
        if (value->home >= 64) {
            fix_stored(s, &fix, held);
        } else if (!held->is_clean) {
            value->flags &= (uint8_t)~VALUE_CLEAN;
        }
    }
    for (regset_t set = s->occupied & ~same; set != 0; set &= set - 1) {
        uint32_t vreg = s->holds[regset_first(set)];
        if (s->values[vreg].def_rank != s->rank[b]) { /* parameters come next */
            fix_held(s, vreg, regset_first(set));
        }
    }
    fix_params(s, &fix);
    scan_end_group(s, taken);
}

static void fix_back(struct scan *s, uint32_t from, const struct mir_edge *edge)
{
    struct edge_fix fix = {.edge = edge, .from = from};
    const struct block_info *to = &s->blocks[edge->to];
    regset_t taken = s->occupied;
    s->stamp++;
    begin_fix(s, &fix);
    for (regset_t set = s->occupied; set != 0; set &= set - 1) {
        struct value *value = &s->values[s->holds[regset_first(set)]];
        value->touch = s->stamp;
        value->origin = regset_first(set);
    }
    for (uint32_t i = 0; i < to->n_start; i++) {
        const struct held *held = &s->held[to->start + i];
        taken |= reg_bit(held->reg);
        if (s->values[held->vreg].def_rank < s->rank[edge->to]) {
            fix_held(s, held->vreg, held->reg);
        }
    }
    fix_params(s, &fix);
    scan_end_group(s, taken);
}

/* ---- Entering and leaving ---- */

static void start_block(struct scan *s, uint32_t b, uint32_t previous)
{
    const struct mir_block *block = &s->mf->blocks[b];
    if (block->n_preds == 0) {
        clear_state(s);
        return;
    }
    uint32_t pred = best_pred(s, b);
    if (pred == previous) {
        filter_state(s, b);
    } else {
        restore_state(s, b, pred);
    }
    if (block->n_preds == 1 && block->n_params == 0 && !block->is_loop_header) {
        return;
    }
    if (block->is_loop_header) {
        start_loop(s, b, pred);
    } else {
        if (block->n_preds > 1) {
            start_merge(s, b, pred);
        }
        for (uint32_t i = 0; i < block->n_params; i++) {
            start_param(s, b, pred, i, DISTANCE_MAX);
        }
    }
    note_params(s, b);
    for (regset_t set = s->occupied; set != 0 && block->n_preds > 1; set &= set - 1) {
        struct value *value = &s->values[s->holds[regset_first(set)]];
        if (value->def_rank != s->rank[b]) {
            value->flags |= VALUE_CLEAN; /* unless it isn't, at some predecessor */
        }
    }
    for (uint32_t i = 0; i < block->n_preds && (block->n_preds > 1 || block->n_params > 0); i++) {
        uint32_t from = s->mf->preds[block->preds_start + i];
        if (s->blocks[from].is_done) {
            fix_forward(s, from, b);
        }
    }
}

bool scan_pass_jump(struct scan *s, uint32_t b)
{
    struct block_info *info = &s->blocks[b];
    const struct mir_block *block = &s->mf->blocks[b];
    const struct mir_edge *edge = &s->mf->edges[block->edges_start];
    uint32_t pred = s->mf->preds[block->preds_start];
    if (!info->is_jump) {
        return false;
    }
    bool is_back = s->blocks[edge->to].is_done;
    if (is_back && s->block != pred) {
        restore_all(s, pred);
        s->block = pred;
    }
    info->held = s->blocks[pred].held; /* with some that have ended: each edge looks who lives */
    info->n_held = s->blocks[pred].n_held;
    info->is_done = true;
    if (is_back) {
        s->weight = info->weight;
        fix_back(s, b, edge);
    }
    return true;
}

void scan_enter_block(struct scan *s, uint32_t b)
{
    struct block_info *info = &s->blocks[b];
    uint32_t previous = s->block;
    s->block = b;
    s->weight = info->weight;
    s->at = s->mf->blocks[b].first;
    s->stamp++;
    s->busy = 0;
    s->n_touched = 0;
    s->claims = info->claims;
    s->n_claims = info->n_claims;
    stamp_live(s, b);
    start_block(s, b, previous);
    if (s->mf->blocks[b].is_loop_header) {
        save_state(s, &info->start, &info->n_start);
    }
}

void scan_leave_block(struct scan *s, uint32_t b)
{
    const struct mir_block *block = &s->mf->blocks[b];
    struct block_info *info = &s->blocks[b];
    for (regset_t set = s->occupied & s->constant; set != 0; set &= set - 1) {
        uint32_t vreg = s->holds[regset_first(set)];
        if ((s->values[vreg].flags & VALUE_CONST) != 0) { /* constants live in one block */
            scan_leave_home(s, vreg);
        }
    }
    s->constant = 0;
    info->is_done = true;
    if (block->n_edges == 0) {
        return;
    }
    save_state(s, &info->held, &info->n_held);
    for (uint32_t e = block->edges_start; e < block->edges_start + block->n_edges; e++) {
        if (s->blocks[s->mf->edges[e].to].is_done) {
            fix_back(s, b, &s->mf->edges[e]);
        }
    }
}
