/*
 * What the files of the allocator share; nobody else includes it.
 *
 *   ra.c        ra_allocate: which allocator, in which order its parts run
 *   scan.h      the real allocator: liveness.c, scan*.c, slots.c
 *   linear.c    the cheap allocator: every value lives in its slot between instructions
 *   parallel.c  sets of moves that happen at once become moves one after the other
 *   check.c     ra_check: follows every value through allocated code
 *
 * Moves are made in the order in which the parts come upon them, in one list per "rank"; at the
 * end they are sorted by place. Among the moves before one instruction the ranks run in order.
 */
#ifndef ENGINE_RA_RA_H
#define ENGINE_RA_RA_H

#include <assert.h>

#include "engine/ra/mir.h"

enum move_rank : uint8_t {
    RANK_ENTRY, /* of an edge, at the start of the block it leads to */
    RANK_STORE, /* a new value into its slot */
    RANK_PLACE, /* what the instruction needs */
    RANK_EXIT,  /* of an edge, at the end of the block it comes from */
    RANK_COUNT,
};

struct move_list {
    struct mir_move *moves;
    uint32_t n, cap;
};

/* A value that a parallel move takes from one place to another. */
struct pair {
    uint8_t from, to; /* a register, LOC_STACK, LOC_CONST */
    uint8_t is_done;
    uint32_t vreg;    /* the value before: the slot of from, the constant */
    uint32_t vreg_to; /* the value after, often the same: the slot of to */
};

/* The state of the parallel move resolver; place numbers: registers, then slots. */
struct parallel {
    struct pair *pairs;
    uint32_t n_pairs, cap_pairs;
    uint32_t *n_readers; /* by place: how many pairs that aren't done read it */
    uint32_t *writer;    /* by place: 1 + the pair that will write it */
    uint32_t *ready;     /* a stack of pairs whose destination nobody reads any more */
    uint32_t n_places;
    uint32_t spare[4]; /* vregs that own a slot to break cycles with, by size and class */
};

struct ra {
    struct mir_func *mf;
    const struct ra_machine *machine;
    const struct ra_options *options;
    struct arena *scratch;
    struct move_list lists[RANK_COUNT];
    struct parallel parallel;
    uint32_t spill_bytes;
    regset_t used_callee_saved;
    bool is_out_of_memory; /* sticky: looked at once per block */
};

/* ---- Moves (ra.c) ---- */

void ra_move(struct ra *ra, enum move_rank rank, struct mir_move move);

/* A new vreg for the allocator's own use; 0 when out of memory. */
uint32_t ra_new_vreg(struct ra *ra, enum reg_class class, uint8_t size_bytes);

/* ---- Parallel moves (parallel.c) ---- */

/* After the slots are known. */
MUST_CHECK status_t parallel_init(struct ra *ra);

static inline void parallel_add(struct ra *ra, struct pair pair)
{
    struct parallel *p = &ra->parallel;
    assert(p->n_pairs < p->cap_pairs);
    p->pairs[p->n_pairs++] = pair;
}

/* Room for n pairs. */
MUST_CHECK status_t parallel_reserve(struct ra *ra, uint32_t n);

/* A pair on its own, with two different places. */
void parallel_emit_one(struct ra *ra, enum move_rank rank, uint32_t before,
                       const struct pair *pair);

/* Emits the pairs added since the last time. free: registers that hold nothing before or after. */
void parallel_emit(struct ra *ra, enum move_rank rank, uint32_t before, regset_t free);

/* ---- Allocators ---- */

MUST_CHECK status_t scan_allocate(struct ra *ra);

MUST_CHECK status_t linear_allocate(struct ra *ra);

/* ---- Small things ---- */

static inline bool operand_is_use(const struct mir_operand *op)
{
    return op->kind <= OPERAND_USE_ANY;
}

static inline bool operand_is_def(const struct mir_operand *op)
{
    return op->kind >= OPERAND_DEF && op->kind <= OPERAND_EARLY_DEF;
}

static inline bool vreg_is_const(const struct vreg *vreg)
{
    return (vreg->flags & VREG_CONST) != 0;
}

/* Its value can be made from nothing: no slot is needed. */
static inline bool vreg_is_remat(const struct vreg *vreg)
{
    return (vreg->flags & (VREG_CONST | VREG_REMAT)) != 0;
}

static inline bool vreg_is_incoming(const struct vreg *vreg)
{
    return vreg->slot >= MIR_SLOT_INCOMING;
}

static inline regset_t reg_bit(uint8_t reg)
{
    return UINT64_C(1) << reg;
}

static inline uint8_t regset_first(regset_t set)
{
    return (uint8_t)__builtin_ctzll(set);
}

#endif
