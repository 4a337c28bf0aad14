/*
 * Spill slots, shared by values that are never live at the same time.
 *
 * A life is one interval of order time: it begins at the definition, and the scan has noted where
 * it has ended. Values are visited in the order of their beginnings and take a slot that has become
 * free, first of all the one of another of their web, so that a move between the two is none. Only
 * the last few slots are looked at: that bounds the time, and older ones are rarely free.
 */
#include "engine/ra/scan.h"

#define SLOTS_LOOKED_AT 48u

struct slot {
    uint32_t end; /* of the life of who has it */
    uint32_t offset;
    uint8_t size_bytes; /* 8 or 16 */
};

struct slots {
    struct scan *s;
    struct slot *slots;
    uint32_t n_slots;
    uint32_t *last; /* by root of a web: 1 + the slot that a member had last */
    uint32_t bytes;
};

static uint32_t start_of(const struct scan *s, uint32_t vreg)
{
    const struct value *value = &s->values[vreg];
    uint32_t b = s->order[value->def_rank];
    return s->blocks[b].time + value->def_at - s->mf->blocks[b].first;
}

static bool is_slot_fit(const struct slots *t, uint32_t at, uint32_t start, uint8_t size)
{
    return t->slots[at].size_bytes == size && t->slots[at].end <= start;
}

static uint32_t find_slot(const struct slots *t, uint32_t web, uint32_t start, uint8_t size)
{
    if (t->last[web] != 0 && is_slot_fit(t, t->last[web] - 1, start, size)) {
        return t->last[web] - 1;
    }
    uint32_t low = t->n_slots > SLOTS_LOOKED_AT ? t->n_slots - SLOTS_LOOKED_AT : 0;
    for (uint32_t at = low; at < t->n_slots; at++) {
        if (is_slot_fit(t, at, start, size)) {
            return at;
        }
    }
    return UINT32_MAX;
}

static void give_slot(struct slots *t, uint32_t vreg)
{
    struct vreg *v = &t->s->mf->vregs[vreg];
    uint8_t size = v->size_bytes == 16 ? 16 : 8;
    uint32_t web = scan_web(t->s->values, vreg);
    uint32_t at = find_slot(t, web, start_of(t->s, vreg), size);
    if (at == UINT32_MAX) {
        at = t->n_slots++;
        t->bytes = (t->bytes + size - 1) & ~(uint32_t)(size - 1);
        t->slots[at] = (struct slot){.offset = t->bytes, .size_bytes = size};
        t->bytes += size;
    }
    t->slots[at].end = t->s->values[vreg].end;
    t->last[web] = at + 1;
    v->slot = (int32_t)t->slots[at].offset;
}

static bool needs_slot(const struct scan *s, uint32_t vreg)
{
    return (s->values[vreg].flags & (VALUE_SLOT | VALUE_FREE)) == VALUE_SLOT;
}

/* The vregs that need a slot, by the beginnings of their lives: a counting sort. */
static uint32_t *sort_by_start(const struct scan *s, uint32_t n)
{
    struct mir_func *mf = s->mf;
    uint32_t *counts = arena_zalloc(mf->scratch, mf->n_insts + 2, sizeof *counts);
    uint32_t *sorted = arena_array(mf->scratch, n, sizeof *sorted);
    if (counts == NULL || sorted == NULL) {
        return NULL;
    }
    for (uint32_t v = 1; v < mf->n_vregs; v++) {
        if (needs_slot(s, v)) {
            counts[start_of(s, v) + 1]++;
        }
    }
    for (uint32_t i = 0; i < mf->n_insts; i++) {
        counts[i + 1] += counts[i];
    }
    for (uint32_t v = 1; v < mf->n_vregs; v++) {
        if (needs_slot(s, v)) {
            sorted[counts[start_of(s, v)]++] = v;
        }
    }
    return sorted;
}

status_t slots_assign(struct scan *s)
{
    struct mir_func *mf = s->mf;
    uint32_t n = 0;
    for (uint32_t v = 1; v < mf->n_vregs; v++) {
        n += needs_slot(s, v);
    }
    if (n == 0) {
        return STATUS_OK;
    }
    struct slots t = {.s = s};
    t.slots = arena_array(mf->scratch, n, sizeof *t.slots);
    t.last = arena_zalloc(mf->scratch, mf->n_vregs, sizeof *t.last);
    uint32_t *sorted = sort_by_start(s, n);
    if (t.slots == NULL || t.last == NULL || sorted == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        give_slot(&t, sorted[i]);
    }
    s->ra->spill_bytes = (t.bytes + 15) & ~15u;
    return STATUS_OK;
}
