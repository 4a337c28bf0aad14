/*
 * The allocator: one forward scan that assigns registers and evicts values together.
 *
 * Blocks are visited in reverse postorder. Who must leave a register is decided as Belady would,
 * by the furthest next use (Braun and Hack 2009), with liveness.c's distances; which register a
 * value gets follows the wishes of its users, of calls that it lives across, and of the parameters
 * that it becomes. A value may change registers at any instruction and be in different ones in
 * different blocks: live ranges are split where it happens to be needed, and edges are mended
 * afterwards by parallel moves (scan_edges.c).
 *
 * A value is stored where it first has to leave its registers, or, if that is in a deeper loop
 * than its definition, right behind the definition: no loop stores what it doesn't define. It has
 * one slot for all its life. A loop's parameter that gets no register lives in its slot.
 *
 * Invariants during the scan: holds and home are inverse; a value that lives but isn't at home in
 * a register can be had from its slot or from nothing (VALUE_FREE).
 */
#include "engine/ra/scan.h"

uint32_t scan_random(struct scan *s, uint32_t n)
{
    s->rng ^= s->rng << 13;
    s->rng ^= s->rng >> 7;
    s->rng ^= s->rng << 17;
    return (uint32_t)((s->rng >> 11) % n);
}

void scan_begin_group(struct scan *s, enum move_rank rank, uint32_t before)
{
    s->group.before = before;
    s->group.first = s->n_pairs;
    s->group.rank = rank;
}

static void push_group(struct scan *s)
{
    if (s->n_groups == s->cap_groups) {
        uint32_t cap = 2 * s->cap_groups + 64;
        struct group *groups = arena_grow(s->ra->scratch, s->groups, s->cap_groups * sizeof *groups,
                                          cap * sizeof *groups);
        if (groups == NULL) {
            s->status = ERR_NO_MEMORY;
            s->n_groups = 0; /* the result is void; stay within bounds */
            return;
        }
        s->groups = groups;
        s->cap_groups = cap;
    }
    s->groups[s->n_groups++] = s->group;
}

void scan_end_group(struct scan *s, regset_t taken)
{
    s->group.n = s->n_pairs - s->group.first;
    if (s->group.n > 0) {
        /* a callee-saved register isn't put to use for a cycle */
        s->group.free = ~taken & (~s->machine->callee_saved | s->opened);
        push_group(s);
    }
}

void scan_pair(struct scan *s, struct pair pair)
{
    if (s->n_pairs == s->cap_pairs) {
        uint32_t cap = 2 * s->cap_pairs + 128;
        struct pair *pairs =
            arena_grow(s->ra->scratch, s->pairs, s->cap_pairs * sizeof *pairs, cap * sizeof *pairs);
        if (pairs == NULL) {
            s->status = ERR_NO_MEMORY;
            s->n_pairs = s->group.first = 0;
            return;
        }
        s->pairs = pairs;
        s->cap_pairs = cap;
    }
    s->pairs[s->n_pairs++] = pair;
}

static status_t init_scan(struct scan *s, struct ra *ra)
{
    struct mir_func *mf = ra->mf;
    *s = (struct scan){.ra = ra,
                       .mf = mf,
                       .machine = ra->machine,
                       .rng = ra->options->shuffle_seed,
                       .stamp = mf->n_insts + 1, /* liveness counts calls in value.touch */
                       .block = NO_BLOCK};
    s->touched = arena_array(ra->scratch, mf->n_vregs + 2, sizeof *s->touched);
    s->cap_groups = mf->n_insts / 2 + 64;
    s->groups = arena_array(ra->scratch, s->cap_groups, sizeof *s->groups);
    s->cap_pairs = mf->n_insts + 64;
    s->pairs = arena_array(ra->scratch, s->cap_pairs, sizeof *s->pairs);
    if (s->touched == NULL || s->groups == NULL || s->pairs == NULL) {
        return ERR_NO_MEMORY;
    }
    return liveness_find(s);
}

/* What is stored where it is defined, once. */
static void store_definitions(struct scan *s)
{
    for (uint32_t v = 1; v < s->mf->n_vregs; v++) {
        const struct value *value = &s->values[v];
        if ((value->flags & VALUE_STORED) != 0 && value->def_reg < 64) {
            ra_move(s->ra, RANK_STORE,
                    (struct mir_move){.before = value->def_at,
                                      .vreg = v,
                                      .vreg_to = v,
                                      .from = value->def_reg,
                                      .to = LOC_STACK});
        }
    }
}

/* A store that is in vain: the value turned out to be stored at its definition. */
static bool is_superfluous(const struct scan *s, const struct pair *pair)
{
    return pair->to == LOC_STACK && pair->vreg == pair->vreg_to &&
           (s->values[pair->vreg].flags & VALUE_STORED) != 0;
}

/* No place is both read and written: the order doesn't matter, as most often. */
static bool is_independent(const struct pair *pairs, uint32_t n)
{
    regset_t from = 0, to = 0;
    bool reads_slots = false, writes_slots = false;
    for (uint32_t i = 0; i < n; i++) {
        from |= pairs[i].from < 64 ? reg_bit(pairs[i].from) : 0;
        to |= pairs[i].to < 64 ? reg_bit(pairs[i].to) : 0;
        reads_slots = reads_slots || pairs[i].from == LOC_STACK;
        writes_slots = writes_slots || pairs[i].to == LOC_STACK;
    }
    return (from & to) == 0 && !(reads_slots && writes_slots);
}

static status_t emit_parallel(struct scan *s, const struct group *group)
{
    status_t status = parallel_reserve(s->ra, group->n);
    for (uint32_t i = group->first; i < group->first + group->n && status == STATUS_OK; i++) {
        if (!is_superfluous(s, &s->pairs[i])) {
            parallel_add(s->ra, s->pairs[i]);
        }
    }
    if (status == STATUS_OK) {
        parallel_emit(s->ra, (enum move_rank)group->rank, group->before, group->free);
    }
    return status;
}

static status_t emit_groups(struct scan *s)
{
    status_t status = parallel_init(s->ra);
    for (uint32_t g = 0; g < s->n_groups && status == STATUS_OK; g++) {
        const struct group *group = &s->groups[g];
        const struct pair *pairs = &s->pairs[group->first];
        if (!is_independent(pairs, group->n)) {
            status = emit_parallel(s, group);
            continue;
        }
        for (uint32_t i = 0; i < group->n; i++) {
            if (!is_superfluous(s, &pairs[i])) {
                parallel_emit_one(s->ra, (enum move_rank)group->rank, group->before, &pairs[i]);
            }
        }
    }
    return status;
}

status_t scan_allocate(struct ra *ra)
{
    struct scan s;
    status_t status = init_scan(&s, ra);
    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t i = s.first; i < s.mf->n_blocks && s.status == STATUS_OK; i++) {
        uint32_t b = s.order[i];
        if (scan_pass_jump(&s, b)) {
            continue;
        }
        scan_enter_block(&s, b);
        for (uint32_t at = s.mf->blocks[b].first; at < s.mf->blocks[b].end; at++) {
            scan_inst(&s, at);
        }
        scan_leave_block(&s, b);
    }
    if (s.status != STATUS_OK) {
        return s.status;
    }
    ra->used_callee_saved = s.opened;
    status = slots_assign(&s);
    if (status == STATUS_OK) {
        store_definitions(&s);
        status = emit_groups(&s);
    }
    return status;
}
