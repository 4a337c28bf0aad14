/*
 * Spill slots, shared by values that are never live at the same time.
 *
 * A value's life is taken as one interval of positions in the layout, from its first place to its
 * last. Values are visited in order of their starts and take a slot that has become free, first
 * of all the one of the parameter that they become, so that the move between them is none. Only
 * the last few slots are looked at: that bounds the time, and older ones are rarely free.
 */
#include "engine/ra/scan.h"

#define SLOTS_LOOKED_AT 48u

struct slot {
    uint32_t end;       /* of the life of who has it */
    uint32_t offset;
    uint8_t size_bytes; /* 8 or 16 */
};

struct slots {
    struct scan *s;
    uint32_t *start, *end; /* by vreg; start UINT32_MAX: never seen */
    struct slot *slots;
    uint32_t n_slots;
    uint32_t *slot_of;     /* by vreg: 1 + its place in slots */
    uint32_t bytes;
};

static void extend(struct slots *t, uint32_t vreg, uint32_t from, uint32_t to)
{
    if (t->s->needs_slot[vreg]) {
        t->start[vreg] = from < t->start[vreg] ? from : t->start[vreg];
        t->end[vreg] = to > t->end[vreg] ? to : t->end[vreg];
    }
}

static void find_lives(struct slots *t)
{
    struct mir_func *mf = t->s->mf;
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        const struct mir_block *block = &mf->blocks[b];
        const struct live_set *set = &t->s->l.live_in[b];
        for (uint32_t i = 0; i < set->n; i++) {
            extend(t, set->entries[i].vreg, block->first, block->first + 1);
        }
        for (uint32_t i = 0; i < block->n_params; i++) {
            extend(t, mf->params[block->params_start + i], block->first, block->first + 1);
        }
        for (uint32_t i = block->first; i < block->end; i++) {
            const struct mir_inst *inst = &mf->insts[i];
            for (uint32_t k = 0; k < inst->n_operands; k++) {
                const struct mir_operand *op = &mf->operands[inst->first + k];
                if (operand_is_use(op) || operand_is_def(op)) {
                    extend(t, op->vreg, i, i + 1);
                }
            }
        }
        for (uint32_t e = 0; e < block->n_edges; e++) {
            const struct mir_edge *edge = &mf->edges[block->edges_start + e];
            const struct mir_block *to = &mf->blocks[edge->to];
            const struct live_set *out = &t->s->l.live_in[edge->to];
            for (uint32_t i = 0; i < out->n; i++) {
                extend(t, out->entries[i].vreg, block->end - 1, block->end);
            }
            for (uint32_t i = 0; i < to->n_params; i++) { /* read, and then the other written */
                extend(t, mf->edge_args[edge->args_start + i], block->end - 1, block->end - 1);
                extend(t, mf->params[to->params_start + i], block->end - 1, block->end);
            }
        }
    }
}

static bool is_slot_fit(const struct slots *t, uint32_t at, uint32_t vreg, uint8_t size)
{
    return t->slots[at].size_bytes == size && t->slots[at].end <= t->start[vreg];
}

static uint32_t find_slot(const struct slots *t, uint32_t vreg, uint8_t size)
{
    uint32_t friend = t->s->mf->vregs[vreg].hint_vreg;
    if (friend != 0 && t->slot_of[friend] != 0 &&
        is_slot_fit(t, t->slot_of[friend] - 1, vreg, size)) {
        return t->slot_of[friend] - 1;
    }
    uint32_t low = t->n_slots > SLOTS_LOOKED_AT ? t->n_slots - SLOTS_LOOKED_AT : 0;
    for (uint32_t at = low; at < t->n_slots; at++) {
        if (is_slot_fit(t, at, vreg, size)) {
            return at;
        }
    }
    return UINT32_MAX;
}

static void give_slot(struct slots *t, uint32_t vreg)
{
    uint8_t size = t->s->mf->vregs[vreg].size_bytes == 16 ? 16 : 8;
    uint32_t at = find_slot(t, vreg, size);
    if (at == UINT32_MAX) {
        at = t->n_slots++;
        t->bytes = (t->bytes + size - 1) & ~(uint32_t)(size - 1);
        t->slots[at] = (struct slot){.offset = t->bytes, .size_bytes = size};
        t->bytes += size;
    }
    t->slots[at].end = t->end[vreg];
    t->slot_of[vreg] = at + 1;
    t->s->mf->vregs[vreg].slot = (int32_t)t->slots[at].offset;
}

/* The vregs that need a slot, by the start of their lives: a counting sort. */
static uint32_t *sort_by_start(struct slots *t, uint32_t *n_out)
{
    struct mir_func *mf = t->s->mf;
    uint32_t *counts = arena_zalloc(t->s->ra->arena, mf->n_insts + 2, sizeof *counts);
    uint32_t n = 0;
    for (uint32_t v = 1; v < mf->n_vregs && counts != NULL; v++) {
        if (t->start[v] != UINT32_MAX) {
            counts[t->start[v] + 1]++;
            n++;
        }
    }
    uint32_t *sorted = arena_array(t->s->ra->arena, n + 1, sizeof *sorted);
    if (counts == NULL || sorted == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < mf->n_insts; i++) {
        counts[i + 1] += counts[i];
    }
    for (uint32_t v = 1; v < mf->n_vregs; v++) {
        if (t->start[v] != UINT32_MAX) {
            sorted[counts[t->start[v]]++] = v;
        }
    }
    *n_out = n;
    return sorted;
}

status_t slots_assign(struct scan *s)
{
    struct mir_func *mf = s->mf;
    struct arena *a = s->ra->arena;
    uint32_t n = 0;
    for (uint32_t v = 1; v < mf->n_vregs; v++) {
        n += s->needs_slot[v];
    }
    if (n == 0) {
        return STATUS_OK;
    }
    struct slots t = {.s = s};
    t.start = arena_array(a, mf->n_vregs, sizeof *t.start);
    t.end = arena_zalloc(a, mf->n_vregs, sizeof *t.end);
    t.slot_of = arena_zalloc(a, mf->n_vregs, sizeof *t.slot_of);
    t.slots = arena_array(a, n, sizeof *t.slots);
    if (t.start == NULL || t.end == NULL || t.slot_of == NULL || t.slots == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t v = 0; v < mf->n_vregs; v++) {
        t.start[v] = UINT32_MAX;
    }
    find_lives(&t);
    uint32_t *sorted = sort_by_start(&t, &n);
    if (sorted == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        give_slot(&t, sorted[i]);
    }
    s->ra->spill_bytes = (t.bytes + 15) & ~15u;
    return STATUS_OK;
}
