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
 * A value that is ever out of its registers has one slot, and is stored there once, right behind
 * its definition; so a slot is valid wherever the value lives, eviction is free, and no loop stores
 * what it doesn't define. A loop's parameter that gets no register lives in its slot.
 *
 * Invariants during the scan: holds and home are inverse; a value that is live but not at home in
 * a register is constant, or incoming, or needs_slot.
 */
#include "engine/ra/scan.h"

#include <string.h>

uint32_t scan_random(struct scan *s, uint32_t n)
{
    s->rng ^= s->rng << 13;
    s->rng ^= s->rng >> 7;
    s->rng ^= s->rng << 17;
    return (uint32_t)((s->rng >> 11) % n);
}

void scan_group(struct scan *s, enum move_rank rank, uint32_t before)
{
    if (s->n_groups + 1 >= s->cap_groups) {
        uint32_t cap = 2 * s->cap_groups + 64;
        struct group *groups = arena_grow(s->ra->arena, s->groups,
                                          s->cap_groups * sizeof *groups, cap * sizeof *groups);
        if (groups == NULL) {
            s->status = ERR_NO_MEMORY;
            s->n_groups = 0; /* the result is void; stay within bounds */
            return;
        }
        s->groups = groups;
        s->cap_groups = cap;
    }
    s->groups[s->n_groups] = (struct group){.before = before, .first = s->n_pairs, .rank = rank};
}

void scan_pair(struct scan *s, struct pair pair)
{
    if (s->n_pairs == s->cap_pairs) {
        uint32_t cap = 2 * s->cap_pairs + 128;
        struct pair *pairs = arena_grow(s->ra->arena, s->pairs, s->cap_pairs * sizeof *pairs,
                                        cap * sizeof *pairs);
        if (pairs == NULL) {
            s->status = ERR_NO_MEMORY;
            s->n_pairs = 0;
            return;
        }
        s->pairs = pairs;
        s->cap_pairs = cap;
    }
    s->pairs[s->n_pairs++] = pair;
    s->groups[s->n_groups].n++;
}

static status_t init_scan(struct scan *s, struct ra *ra)
{
    struct mir_func *mf = ra->mf;
    *s = (struct scan){.ra = ra, .mf = mf, .machine = ra->machine, .rng = ra->options->shuffle_seed};
    for (uint32_t class = 0; class < 2; class++) {
        s->temp_vreg[class] = ra_new_vreg(ra, (enum reg_class)class, 8);
    }
    status_t status = ra->is_out_of_memory ? ERR_NO_MEMORY : liveness_find(ra, &s->l);
    if (status != STATUS_OK) {
        return status;
    }
    struct arena *a = ra->arena;
    uint32_t n = mf->n_vregs;
    s->home = arena_array(a, n, 1);
    s->origin = arena_array(a, n, 1);
    s->copy = arena_array(a, n, 1);
    s->def_reg = arena_array(a, n, 1);
    s->needs_slot = arena_zalloc(a, n, 1);
    s->next = s->l.next;
    s->out_next = arena_array(a, n, sizeof *s->out_next);
    s->out_stamp = arena_zalloc(a, n, sizeof *s->out_stamp);
    s->origin_stamp = arena_zalloc(a, n, sizeof *s->origin_stamp);
    s->copy_stamp = arena_zalloc(a, n, sizeof *s->copy_stamp);
    s->def_at = arena_zalloc(a, n, sizeof *s->def_at);
    s->touched = arena_array(a, n, sizeof *s->touched);
    s->exit_start = arena_array(a, mf->n_edges + 1, sizeof *s->exit_start);
    s->is_done = arena_zalloc(a, mf->n_blocks, 1);
    s->cap_exit_locs = 4 * mf->n_edges + 64;
    s->exit_locs = arena_array(a, s->cap_exit_locs, 1);
    if (s->home == NULL || s->origin == NULL || s->copy == NULL || s->def_reg == NULL ||
        s->needs_slot == NULL || s->out_next == NULL || s->out_stamp == NULL ||
        s->origin_stamp == NULL || s->copy_stamp == NULL || s->def_at == NULL ||
        s->touched == NULL || s->exit_start == NULL || s->is_done == NULL ||
        s->exit_locs == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(s->home, LOC_STACK, n);
    memset(s->def_reg, LOC_NONE, n);
    return STATUS_OK;
}

/* Everything that needs a slot is stored once, where it has just got its first register. */
static void store_definitions(struct scan *s)
{
    for (uint32_t v = 1; v < s->mf->n_vregs; v++) {
        if (s->needs_slot[v] && s->def_reg[v] < 64) {
            ra_move(s->ra, RANK_STORE,
                    (struct mir_move){.before = s->def_at[v],
                                      .vreg = v,
                                      .vreg_to = v,
                                      .from = s->def_reg[v],
                                      .to = LOC_STACK});
        }
    }
}

static status_t emit_groups(struct scan *s)
{
    status_t status = parallel_init(s->ra);
    for (uint32_t g = 0; g < s->n_groups && status == STATUS_OK; g++) {
        const struct group *group = &s->groups[g];
        status = parallel_reserve(s->ra, group->n);
        if (status == STATUS_OK) {
            for (uint32_t i = 0; i < group->n; i++) {
                parallel_add(s->ra, s->pairs[group->first + i]);
            }
            parallel_emit(s->ra, (enum move_rank)group->rank, group->before, group->free);
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
    for (uint32_t i = s.l.first; i < s.mf->n_blocks && s.status == STATUS_OK; i++) {
        uint32_t b = s.l.order[i];
        scan_enter_block(&s, b);
        for (uint32_t at = s.mf->blocks[b].first; at < s.mf->blocks[b].end; at++) {
            scan_inst(&s, at);
        }
        scan_leave_block(&s, b);
    }
    if (s.status == STATUS_OK) {
        scan_fix_edges(&s);
    }
    if (s.status != STATUS_OK) {
        return s.status;
    }
    status = slots_assign(&s);
    if (status == STATUS_OK) {
        store_definitions(&s);
        status = emit_groups(&s);
    }
    return status;
}
