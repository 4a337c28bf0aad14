/*
 * Parallel moves: all sources are read before any destination is written.
 *
 * A pair may run once nobody still reads its destination. When none may, what is left are cycles
 * in which every place is read once and written once. One value of a cycle is put aside: into a
 * free register if there is one; else cycles of registers are exchanges (general) or go through
 * the machine's scratch register; cycles with slots go through a slot of our own.
 *
 * Places are numbered: 64 registers, then the spill area in units of 8 bytes. Slots never overlap
 * partly (slots.c), so the first unit stands for the slot. Slots of the caller's frame are only
 * read: they have no number.
 */
#include <string.h>

#include "engine/ra/ra.h"

#define NO_PLACE UINT32_MAX
#define N_REGS 64u

static uint32_t place_of(const struct ra *ra, uint8_t loc, uint32_t vreg)
{
    if (loc < N_REGS) {
        return loc;
    }
    int32_t slot = ra->mf->vregs[vreg].slot;
    return loc == LOC_CONST || slot >= MIR_SLOT_INCOMING ? NO_PLACE : N_REGS + (uint32_t)slot / 8;
}

static uint32_t pair_source(const struct ra *ra, const struct pair *pair)
{
    return place_of(ra, pair->from, pair->vreg);
}

static uint32_t pair_target(const struct ra *ra, const struct pair *pair)
{
    return place_of(ra, pair->to, pair->vreg_to);
}

status_t parallel_init(struct ra *ra)
{
    struct parallel *p = &ra->parallel;
    p->n_places = N_REGS + ra->spill_bytes / 8;
    p->n_readers = arena_zalloc(ra->scratch, p->n_places, sizeof *p->n_readers);
    p->writer = arena_zalloc(ra->scratch, p->n_places, sizeof *p->writer);
    return p->n_readers == NULL || p->writer == NULL ? ERR_NO_MEMORY : STATUS_OK;
}

status_t parallel_reserve(struct ra *ra, uint32_t n)
{
    struct parallel *p = &ra->parallel;
    if (n <= p->cap_pairs) {
        return STATUS_OK;
    }
    uint32_t cap = 2 * n + 64;
    p->pairs = arena_array(ra->scratch, cap, sizeof *p->pairs);
    p->ready = arena_array(ra->scratch, cap, sizeof *p->ready);
    if (p->pairs == NULL || p->ready == NULL) {
        p->cap_pairs = 0;
        return ERR_NO_MEMORY;
    }
    p->cap_pairs = cap;
    return STATUS_OK;
}

/* ---- One pair ---- */

/* A move between registers is named after the value afterwards, which may be the wider one. */
void parallel_emit_one(struct ra *ra, enum move_rank rank, uint32_t before, const struct pair *pair)
{
    bool is_to = pair->from < N_REGS;
    ra_move(ra, rank,
            (struct mir_move){.before = before,
                              .vreg = is_to ? pair->vreg_to : pair->vreg,
                              .vreg_to = pair->vreg_to,
                              .from = pair->from,
                              .to = pair->to});
}

/* The same slot under two names, of which the second is wider: not all its bytes are there yet. */
static bool is_widening(const struct ra *ra, const struct pair *pair)
{
    const struct vreg *vregs = ra->mf->vregs;
    return pair->from == LOC_STACK && pair->to == LOC_STACK &&
           vregs[pair->vreg].size_bytes < vregs[pair->vreg_to].size_bytes;
}

/* ---- Cycles ---- */

struct cycle {
    enum move_rank rank;
    uint32_t before;
    regset_t free;
};

/* A slot to put a value of this vreg aside. */
static uint32_t spare_vreg(struct ra *ra, const struct vreg *vreg)
{
    bool is_wide = vreg->size_bytes == 16;
    uint32_t *spare = &ra->parallel.spare[vreg->class * 2 + is_wide];
    if (*spare == 0) {
        *spare = ra_new_vreg(ra, (enum reg_class)vreg->class, is_wide ? 16 : 8);
        if (*spare != 0) {
            ra->spill_bytes = (ra->spill_bytes + 15) & ~15u;
            ra->mf->vregs[*spare].slot = (int32_t)ra->spill_bytes;
            ra->spill_bytes += 16;
        }
    }
    return *spare;
}

/* Where the first value of the cycle waits; sets *vreg to the owner of the place. */
static uint8_t choose_aside(struct ra *ra, const struct cycle *cycle, const struct pair *first,
                            bool has_slot, uint32_t *vreg)
{
    const struct ra_machine *machine = ra->machine;
    const struct vreg *value = &ra->mf->vregs[first->vreg];
    regset_t free = cycle->free & machine->allocatable[value->class];
    *vreg = first->vreg;
    if (free != 0) {
        return regset_first(free);
    }
    uint8_t scratch = value->class == CLASS_VEC ? machine->scratch_vec : machine->scratch_gpr;
    if (!has_slot && scratch != REG_NONE) {
        return scratch;
    }
    *vreg = spare_vreg(ra, value);
    return LOC_STACK;
}

/* Registers of one cycle exchanged: from the pair that writes `at` backwards. */
static void exchange_cycle(struct ra *ra, const struct cycle *cycle, struct pair *first)
{
    struct parallel *p = &ra->parallel;
    struct pair *pair = first;
    while (pair->from != first->to) {
        ra_move(ra, cycle->rank,
                (struct mir_move){.before = cycle->before,
                                  .vreg = pair->vreg_to,
                                  .vreg_to = pair->vreg_to,
                                  .from = pair->from,
                                  .to = pair->to,
                                  .is_swap = 1});
        pair->is_done = 1;
        pair = &p->pairs[p->writer[pair->from] - 1];
    }
    pair->is_done = 1;
}

/* Runs the cycle with the old value of first's destination put aside. */
static void rotate_cycle(struct ra *ra, const struct cycle *cycle, struct pair *first,
                         bool has_slot)
{
    struct parallel *p = &ra->parallel;
    uint32_t start = pair_target(ra, first);
    struct pair *last = first; /* the one that reads first's destination */
    while (pair_source(ra, last) != start) {
        last = &p->pairs[p->writer[pair_source(ra, last)] - 1];
    }
    struct pair aside = {.from = last->from, .vreg = last->vreg};
    aside.to = choose_aside(ra, cycle, last, has_slot, &aside.vreg_to);
    parallel_emit_one(ra, cycle->rank, cycle->before, &aside);
    for (struct pair *pair = first; pair != last;
         pair = &p->pairs[p->writer[pair_source(ra, pair)] - 1]) {
        parallel_emit_one(ra, cycle->rank, cycle->before, pair);
        pair->is_done = 1;
    }
    struct pair back = {
        .from = aside.to, .to = last->to, .vreg = aside.vreg_to, .vreg_to = last->vreg_to};
    parallel_emit_one(ra, cycle->rank, cycle->before, &back);
    last->is_done = 1;
}

static void emit_cycle(struct ra *ra, const struct cycle *cycle, struct pair *first)
{
    struct parallel *p = &ra->parallel;
    bool has_slot = false;
    uint32_t length = 0;
    struct pair *pair = first;
    do {
        has_slot = has_slot || pair->from == LOC_STACK;
        length++;
        pair = &p->pairs[p->writer[pair_source(ra, pair)] - 1];
    } while (pair != first);
    uint8_t class = ra->mf->vregs[first->vreg].class;
    regset_t free = cycle->free & ra->machine->allocatable[class];
    bool is_exchange =
        !has_slot && class == CLASS_GPR && ra->machine->has_gpr_swap && (length == 2 || free == 0);
    if (is_exchange) {
        exchange_cycle(ra, cycle, first);
    } else {
        rotate_cycle(ra, cycle, first, has_slot);
    }
}

/* ---- All of them ---- */

static void count_places(struct ra *ra, enum move_rank rank, uint32_t before)
{
    struct parallel *p = &ra->parallel;
    for (uint32_t i = 0; i < p->n_pairs; i++) {
        struct pair *pair = &p->pairs[i];
        uint32_t from = pair_source(ra, pair), to = pair_target(ra, pair);
        pair->is_done = from == to;
        if (pair->is_done && is_widening(ra, pair)) {
            parallel_emit_one(ra, rank, before, pair);
        }
        if (!pair->is_done) {
            assert(p->writer[to] == 0);
            p->writer[to] = i + 1;
            if (from != NO_PLACE) {
                p->n_readers[from]++;
            }
        }
    }
}

static void emit_ready(struct ra *ra, enum move_rank rank, uint32_t before)
{
    struct parallel *p = &ra->parallel;
    uint32_t n_ready = 0;
    for (uint32_t i = p->n_pairs; i-- > 0;) {
        if (!p->pairs[i].is_done && p->n_readers[pair_target(ra, &p->pairs[i])] == 0) {
            p->ready[n_ready++] = i;
        }
    }
    while (n_ready > 0) {
        struct pair *pair = &p->pairs[p->ready[--n_ready]];
        uint32_t from = pair_source(ra, pair);
        parallel_emit_one(ra, rank, before, pair);
        pair->is_done = 1;
        if (from != NO_PLACE && --p->n_readers[from] == 0 && p->writer[from] != 0) {
            p->ready[n_ready++] = p->writer[from] - 1;
        }
    }
}

static void clear_places(struct ra *ra)
{
    struct parallel *p = &ra->parallel;
    for (uint32_t i = 0; i < p->n_pairs; i++) {
        uint32_t from = pair_source(ra, &p->pairs[i]), to = pair_target(ra, &p->pairs[i]);
        p->writer[to] = 0;
        if (from != NO_PLACE) {
            p->n_readers[from] = 0;
        }
    }
    p->n_pairs = 0;
}

void parallel_emit(struct ra *ra, enum move_rank rank, uint32_t before, regset_t free)
{
    struct parallel *p = &ra->parallel;
    if (p->n_pairs == 0) {
        return;
    }
    if (p->n_pairs == 1) {
        if (pair_source(ra, p->pairs) != pair_target(ra, p->pairs) || is_widening(ra, p->pairs)) {
            parallel_emit_one(ra, rank, before, p->pairs);
        }
        p->n_pairs = 0;
        return;
    }
    count_places(ra, rank, before);
    emit_ready(ra, rank, before);
    struct cycle cycle = {.rank = rank, .before = before, .free = free};
    for (uint32_t i = 0; i < p->n_pairs; i++) {
        if (!p->pairs[i].is_done) {
            emit_cycle(ra, &cycle, &p->pairs[i]);
        }
    }
    clear_places(ra);
}
