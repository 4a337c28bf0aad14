/*
 * Register allocation: the entry, and the list of moves that all parts write to.
 */
#include "engine/ra/ra.h"

#include <string.h>

void ra_move(struct ra *ra, enum move_rank rank, struct mir_move move)
{
    struct move_list *list = &ra->lists[rank];
    if (list->n == list->cap) {
        uint32_t cap = 2 * list->cap + 64;
        struct mir_move *moves =
            arena_grow(ra->scratch, list->moves, list->cap * sizeof *moves, cap * sizeof *moves);
        if (moves == NULL) {
            ra->is_out_of_memory = true;
            return;
        }
        list->moves = moves;
        list->cap = cap;
    }
    list->moves[list->n++] = move;
}

uint32_t ra_new_vreg(struct ra *ra, enum reg_class class, uint8_t size_bytes)
{
    struct mir_func *mf = ra->mf;
    if (mf->n_vregs == mf->cap_vregs) {
        uint32_t cap = mf->cap_vregs + 16;
        struct vreg *vregs =
            arena_grow(mf->arena, mf->vregs, mf->cap_vregs * sizeof *vregs, cap * sizeof *vregs);
        if (vregs == NULL) {
            ra->is_out_of_memory = true;
            return 0;
        }
        mf->vregs = vregs;
        mf->cap_vregs = cap;
    }
    mf->vregs[mf->n_vregs] =
        (struct vreg){.class = class, .size_bytes = size_bytes, .hint = REG_NONE, .slot = -1};
    return mf->n_vregs++;
}

/* By place; each rank is in the order in which it was made, or, where parts of it were made in
 * another order than the layout's, in that order among the moves of one place. */
static status_t sort_moves(struct ra *ra)
{
    struct mir_func *mf = ra->mf;
    uint32_t *starts = arena_zalloc(ra->scratch, mf->n_insts + 2, sizeof *starts);
    uint32_t n = 0;
    for (uint32_t rank = 0; rank < RANK_COUNT; rank++) {
        n += ra->lists[rank].n;
    }
    mf->moves = arena_array(mf->arena, n + 1, sizeof *mf->moves);
    if (starts == NULL || mf->moves == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t rank = 0; rank < RANK_COUNT; rank++) {
        for (uint32_t i = 0; i < ra->lists[rank].n; i++) {
            starts[ra->lists[rank].moves[i].before + 1]++;
        }
    }
    for (uint32_t i = 0; i < mf->n_insts; i++) {
        starts[i + 1] += starts[i];
    }
    for (uint32_t rank = 0; rank < RANK_COUNT; rank++) {
        for (uint32_t i = 0; i < ra->lists[rank].n; i++) {
            const struct mir_move *move = &ra->lists[rank].moves[i];
            mf->moves[starts[move->before]++] = *move;
        }
    }
    mf->n_moves = n;
    mf->cap_moves = n + 1;
    return STATUS_OK;
}

status_t ra_allocate(struct mir_func *mf, const struct ra_machine *machine,
                     const struct ra_options *options)
{
    struct ra ra = {.mf = mf, .machine = machine, .options = options, .scratch = mf->scratch};
    size_t mark = arena_mark(mf->scratch);
    status_t status = options->is_linear ? linear_allocate(&ra) : scan_allocate(&ra);
    if (status == ERR_LIMIT) {
        arena_release(mf->scratch, mark); /* it has given up before it changed mf */
    }
    if (status == STATUS_OK) {
        status = ra.is_out_of_memory ? ERR_NO_MEMORY : sort_moves(&ra);
    }
    if (status != STATUS_OK) {
        return status;
    }
    mf->spill_bytes = (ra.spill_bytes + 15) & ~15u;
    mf->used_callee_saved = ra.used_callee_saved & machine->callee_saved;
    uint32_t culprit;
    if (options->is_checked && ra_check(mf, machine, &culprit) != NULL) {
        return ERR_INTERNAL;
    }
    return STATUS_OK;
}
