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
#include <string.h>

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
    /* from the header of an inner loop that is behind this loop's end */
    value->next = s->mf->blocks[b].first +
                  (s->mf->blocks[b].is_loop_header ? LOOP_EXIT_PENALTY : AROUND_LOOP_DISTANCE);
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
    value->flags &= (uint16_t)~VALUE_CLEAN;
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
            arena_grow(s->ra->scratch, s->held, s->cap_held * sizeof *held, cap * sizeof *held);
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

/* How many values that are soon used here it has in registers: few, if it has called. */
static uint32_t count_near(const struct scan *s, uint32_t b, uint32_t pred)
{
    const struct block_info *info = &s->blocks[pred];
    uint32_t n = 0, last = s->mf->blocks[b].first + NEAR_MERGE;
    for (uint32_t i = 0; i < info->n_held; i++) {
        const struct value *value = &s->values[s->held[info->held + i].vreg];
        n += value->stamp == s->rank[b] + 1 && value->next <= last;
    }
    return n;
}

/* The finished predecessor to be like: the likeliest; the one with most in registers, since the
 * others' loads stand where something has been stored already; the one before. */
static uint32_t best_pred(const struct scan *s, uint32_t b)
{
    const struct mir_block *block = &s->mf->blocks[b];
    uint32_t best = NO_BLOCK, best_near = 0;
    for (uint32_t i = 0; i < block->n_preds; i++) {
        uint32_t pred = s->mf->preds[block->preds_start + i];
        if (!s->blocks[pred].is_done) {
            continue;
        }
        uint32_t near = block->n_preds > 1 ? count_near(s, b, pred) : 0;
        uint8_t weight = s->blocks[pred].weight;
        uint8_t best_weight = best == NO_BLOCK ? 0 : s->blocks[best].weight;
        bool is_better = weight != best_weight ? weight > best_weight
                         : near != best_near   ? near > best_near
                                               : pred + 1 == b;
        if (best == NO_BLOCK || is_better) {
            best = pred;
            best_near = near;
        }
    }
    return best;
}

/* There are no critical edges: it is the only one from there, or the only one to here. */
static const struct mir_edge *edge_between(const struct scan *s, uint32_t from, uint32_t to)
{
    const struct mir_block *block = &s->mf->blocks[from];
    return &s->mf->edges[block->n_edges == 1 ? block->edges_start : s->blocks[to].edge];
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

#define VOTES_MAX_PARAMS 16u

/* Where paths meet: in which registers the arguments of each parameter come. */
struct votes {
    uint32_t n_params;
    uint8_t votes[VOTES_MAX_PARAMS][64];
};

/* Marks what the predecessor's registers hold: value.origin, as long as the stamp is this. */
static void mark_held(struct scan *s, uint32_t pred)
{
    const struct block_info *info = &s->blocks[pred];
    s->stamp++;
    for (uint32_t i = 0; i < info->n_held; i++) {
        struct value *value = &s->values[s->held[info->held + i].vreg];
        value->touch = s->stamp;
        value->origin = s->held[info->held + i].reg;
    }
}

static void count_votes(struct scan *s, uint32_t b, uint32_t best, struct votes *votes)
{
    const struct mir_block *block = &s->mf->blocks[b];
    votes->n_params = block->n_params < VOTES_MAX_PARAMS ? block->n_params : VOTES_MAX_PARAMS;
    if (votes->n_params == 0) {
        return;
    }
    memset(votes->votes, 0, votes->n_params * sizeof votes->votes[0]);
    for (uint32_t i = 0; i < block->n_preds; i++) {
        uint32_t pred = s->mf->preds[block->preds_start + i];
        if (!s->blocks[pred].is_done || s->blocks[pred].weight == 0) {
            continue;
        }
        const struct mir_edge *edge = edge_between(s, pred, b);
        mark_held(s, pred);
        for (uint32_t k = 0; k < votes->n_params; k++) {
            const struct value *arg = &s->values[s->mf->edge_args[edge->args_start + k]];
            if (arg->touch == s->stamp) {
                uint32_t n = votes->votes[k][arg->origin] + (pred == best ? 3u : 2u);
                votes->votes[k][arg->origin] = (uint8_t)(n < 255 ? n : 255); /* best: for ties */
            }
        }
    }
}

/* The free register that most arguments come in, and the best predecessor's if none does. */
static uint8_t elect(const struct scan *s, const struct votes *votes, uint32_t param, regset_t set)
{
    uint8_t best = REG_NONE;
    for (set &= ~s->occupied; set != 0 && param < votes->n_params; set &= set - 1) {
        uint8_t reg = regset_first(set);
        uint32_t n = votes->votes[param][reg];
        if (n > 0 && (best == REG_NONE || n > votes->votes[param][best])) {
            best = reg;
        }
    }
    return best;
}

static void put_param(struct scan *s, uint32_t param, uint8_t reg)
{
    scan_set_home(s, param, reg);
    s->values[param].flags &= (uint16_t)~VALUE_CLEAN;
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

static void start_param(struct scan *s, uint32_t b, const struct votes *votes, uint32_t i,
                        uint32_t limit)
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
    const struct value *root = &s->values[scan_web(s->values, param)];
    uint16_t flags = value->flags;
    if (block->is_loop_header) { /* as those that will come around */
        value->flags |= root->web_flags & VALUE_CROSSES;
    }
    bool is_kept = (value->flags & VALUE_CROSSES) != 0;
    uint8_t like =
        elect(s, votes, i,
              scan_class_regs(s, param) & (is_kept ? s->machine->callee_saved : ~(regset_t)0));
    bool is_like_first =
        like != REG_NONE && root->web_weight < s->weight && value->hint == REG_NONE && s->rng == 0;
    if (is_like_first) {
        put_param(s, param, like);
    } else {
        take_for_param(s, param, like);
    }
    value->flags = flags & (uint16_t)~VALUE_CLEAN;
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

/* The nearest distances seen, of so many at most. */
struct nearest {
    uint32_t distances[64];
    uint32_t n, cap;
};

static void nearest_add(struct nearest *nearest, uint32_t distance)
{
    uint32_t n = nearest->n;
    if (n == nearest->cap) {
        if (n == 0 || nearest->distances[n - 1] <= distance) {
            return;
        }
        n--;
    }
    nearest->n = n + 1;
    for (; n > 0 && nearest->distances[n - 1] > distance; n--) {
        nearest->distances[n] = nearest->distances[n - 1];
    }
    nearest->distances[n] = distance;
}

/* Who may have a register in the loop: a value used in it whose next use is no further than the
 * limit; and of those that are only carried through, as many as there is room for. The same for
 * values that live across the loop's calls, and the registers that calls keep. */
struct limits {
    uint32_t any[2], kept[2];
    uint32_t room_any[2], room_kept[2];
};

static uint32_t limit_of(const struct nearest *nearest)
{
    bool is_full = nearest->n == nearest->cap && nearest->n > 0;
    return nearest->cap == 0 ? 0 : is_full ? nearest->distances[nearest->n - 1] : LOOP_EXIT_PENALTY;
}

static uint32_t count_regs(regset_t set)
{
    return (uint32_t)__builtin_popcountll(set);
}

static void find_limits(const struct scan *s, uint32_t b, struct limits *limits)
{
    const struct mir_block *block = &s->mf->blocks[b];
    const struct block_info *info = &s->blocks[b];
    struct nearest any[2], kept[2];
    uint32_t n_through[2] = {0}, n_invariant[2] = {0}; /* the latter: living across calls */
    for (uint32_t c = 0; c < 2; c++) {
        regset_t regs = s->machine->allocatable[c];
        any[c].n = kept[c].n = 0;
        any[c].cap = count_regs(regs);
        kept[c].cap = count_regs(regs & s->machine->callee_saved);
    }
    for (uint32_t i = 0; i < info->n_live + block->n_params; i++) {
        bool is_param = i >= info->n_live;
        uint32_t at = block->params_start + i - info->n_live;
        const struct value *value = &s->values[is_param ? s->mf->params[at] : info->live[i].vreg];
        uint32_t distance = is_param ? s->param_distance[at] : info->live[i].distance;
        if (distance >= LOOP_EXIT_PENALTY) {
            n_through[value_class(value)]++;
            continue;
        }
        nearest_add(&any[value_class(value)], distance);
        if (info->has_call && (value->flags & VALUE_CROSSES) != 0) {
            nearest_add(&kept[value_class(value)], distance);
            n_invariant[value_class(value)] += !is_param;
        }
    }
    for (uint32_t c = 0; c < 2; c++) {
        uint32_t n_used = info->pressure[c] - n_through[c];
        limits->any[c] = limit_of(&any[c]);
        limits->kept[c] = limit_of(&kept[c]);
        limits->room_any[c] = any[c].cap > n_used ? any[c].cap - n_used : 0;
        uint32_t n_kept = info->at_calls[c] + n_invariant[c];
        limits->room_kept[c] = kept[c].cap > n_kept ? kept[c].cap - n_kept : 0;
    }
}

static bool dreads_calls(const struct scan *s, uint32_t b, const struct value *value)
{
    return s->blocks[b].has_call && (value->flags & VALUE_CROSSES) != 0;
}

/* A value that the loop doesn't use, in a register before it. */
static bool may_pass(const struct scan *s, uint32_t b, uint8_t reg, struct limits *limits)
{
    uint32_t class = reg >= REG_VEC0;
    if (limits->room_any[class] == 0) {
        return false;
    }
    if (dreads_calls(s, b, &s->values[s->holds[reg]])) {
        if (limits->room_kept[class] == 0 || (s->machine->callee_saved >> reg & 1) == 0) {
            return false;
        }
        limits->room_kept[class]--;
    }
    limits->room_any[class]--;
    return true;
}

/* Who is in a register before the loop and too far away, leaves it. */
static void leave_loop(struct scan *s, uint32_t b, uint8_t reg, struct limits *limits)
{
    const struct value *value = &s->values[s->holds[reg]];
    uint32_t distance = value->next - s->mf->blocks[b].first, class = value_class(value);
    bool may_stay = distance <= limits->any[class];
    if (distance >= LOOP_EXIT_PENALTY) {
        may_stay = may_pass(s, b, reg, limits);
    } else if (dreads_calls(s, b, value) && distance > limits->kept[class]) {
        may_stay = distance <= NEAR_CALL;
    }
    if (!may_stay || (s->rng != 0 && scan_random(s, 4) == 0)) {
        scan_leave_home(s, s->holds[reg]);
    }
}

/* Who stays changes to a register that calls keep, if there are calls. */
static void keep_in_loop(struct scan *s, uint32_t b, uint8_t reg, const struct limits *limits)
{
    uint32_t vreg = s->holds[reg];
    const struct value *value = &s->values[vreg];
    uint32_t distance = value->next - s->mf->blocks[b].first;
    if (!dreads_calls(s, b, value) || (s->machine->callee_saved >> reg & 1) != 0) {
        return;
    }
    uint8_t kept = REG_NONE;
    if (distance <= limits->kept[value_class(value)]) {
        kept = scan_find_free(s, vreg, s->machine->callee_saved, REG_NONE);
    }
    if (kept != REG_NONE) {
        scan_set_home(s, vreg, kept);
    } else if (distance > NEAR_CALL) {
        scan_leave_home(s, vreg);
    }
}

/* Who is on the stack before the loop and used in it is loaded before it, if there is room. */
static void start_loaded(struct scan *s, uint32_t b, const struct limits *limits)
{
    const struct block_info *info = &s->blocks[b];
    for (uint32_t i = 0; i < info->n_live; i++) {
        uint32_t vreg = info->live[i].vreg, distance = info->live[i].distance;
        struct value *value = &s->values[vreg];
        bool dreads = dreads_calls(s, b, value);
        uint32_t limit = (dreads ? limits->kept : limits->any)[value_class(value)];
        if (value->home < 64 || distance > limit || distance >= LOOP_EXIT_PENALTY) {
            continue;
        }
        regset_t allowed = dreads ? s->machine->callee_saved : ~(regset_t)0;
        uint8_t reg = scan_find_free(s, vreg, allowed, REG_NONE);
        if (reg != REG_NONE) {
            scan_set_home(s, vreg, reg);
        }
    }
}

/* Who stays where a fixed operand of the loop would displace it every time, moves before it. */
static void avoid_fixed(struct scan *s, uint32_t b)
{
    regset_t fixed = s->blocks[b].fixed;
    for (regset_t set = s->occupied & fixed; set != 0; set &= set - 1) {
        uint32_t vreg = s->holds[regset_first(set)];
        uint8_t reg = REG_NONE;
        if (s->values[vreg].hint != regset_first(set)) {
            reg = scan_find_free(s, vreg, ~fixed, REG_NONE);
        }
        if (reg != REG_NONE) {
            scan_set_home(s, vreg, reg);
        }
    }
}

/* Constants that the loop uses stay in registers that are left over: if no call destroys them. */
static void hoist_constants(struct scan *s, uint32_t b, struct limits *limits)
{
    const struct block_info *info = &s->blocks[b];
    regset_t allowed = (~s->machine->callee_saved | s->opened) & ~info->fixed;
    for (uint32_t i = info->consts; i != 0 && !info->has_call; i = s->loop_consts[i - 1].next) {
        uint32_t vreg = s->loop_consts[i - 1].vreg;
        struct value *value = &s->values[vreg];
        uint32_t *room = &limits->room_any[value_class(value)];
        uint8_t reg = REG_NONE;
        value->next = s->at + AROUND_LOOP_DISTANCE;
        if (value->home >= 64 && *room > 0) {
            reg = scan_find_free(s, vreg, allowed, REG_NONE);
        }
        if (reg != REG_NONE) {
            scan_set_home(s, vreg, reg);
            s->constant |= reg_bit(reg);
            value->flags |= VALUE_HOISTED | VALUE_CLEAN;
            --*room;
        }
    }
}

static void start_loop(struct scan *s, uint32_t b, uint32_t pred)
{
    const struct mir_block *block = &s->mf->blocks[b];
    struct limits limits;
    struct votes votes;
    find_limits(s, b, &limits);
    count_votes(s, b, pred, &votes);
    for (regset_t set = s->occupied; set != 0; set &= set - 1) {
        leave_loop(s, b, regset_first(set), &limits);
    }
    for (regset_t set = s->occupied; set != 0; set &= set - 1) {
        keep_in_loop(s, b, regset_first(set), &limits);
    }
    if (s->rng == 0) {
        avoid_fixed(s, b);
    }
    for (uint32_t i = 0; i < block->n_params; i++) {
        uint32_t param = s->mf->params[block->params_start + i];
        start_param(s, b, &votes, i, limits.any[value_class(&s->values[param])]);
    }
    start_loaded(s, b, &limits);
    hoist_constants(s, b, &limits);
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
        scan_pair(
            s, (struct pair){
                   .from = held->reg, .to = LOC_STACK, .vreg = held->vreg, .vreg_to = held->vreg});
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
            value->flags &= (uint16_t)~VALUE_CLEAN;
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
        struct votes votes;
        count_votes(s, b, pred, &votes);
        if (block->n_preds > 1) {
            start_merge(s, b, pred);
        }
        for (uint32_t i = 0; i < block->n_params; i++) {
            start_param(s, b, &votes, i, DISTANCE_MAX);
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
    s->time = info->time - s->mf->blocks[b].first;
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
    uint32_t kept = block->loop_header != NO_BLOCK ? VALUE_HOISTED : 0;
    for (regset_t set = s->occupied & s->constant; set != 0; set &= set - 1) {
        uint32_t vreg = s->holds[regset_first(set)];
        if ((s->values[vreg].flags & (VALUE_CONST | kept)) == VALUE_CONST) {
            scan_leave_home(s, vreg); /* other constants live in one block */
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
