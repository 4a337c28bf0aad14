/*
 * The state of the forward scan: see scan.c.
 */
#ifndef ENGINE_RA_SCAN_H
#define ENGINE_RA_SCAN_H

#include "engine/ra/ra.h"

/* Moves that happen at once at one place; emitted when all slots are known. */
struct group {
    uint32_t before;
    uint32_t first, n; /* in scan.pairs */
    uint8_t rank;      /* enum move_rank */
    regset_t free;
};

struct scan {
    struct ra *ra;
    struct mir_func *mf;
    const struct ra_machine *machine;
    struct liveness l;
    uint64_t rng; /* 0: no shuffling */

    /* now */
    uint32_t at;        /* position of the instruction */
    uint32_t block_end;
    uint32_t holds[64]; /* by register: the vreg at home in it, or 0 */
    regset_t occupied;  /* registers that hold something */
    regset_t used_callee_saved;

    /* by vreg */
    uint8_t *home;      /* its register, or LOC_STACK; meaningful while live */
    uint32_t *next;     /* position of its next use */
    uint32_t *out_next; /* position of its next use behind this block, if out_stamp is now */
    uint32_t *out_stamp;
    uint8_t *origin;    /* where it was before the moves of this instruction, if stamped */
    uint32_t *origin_stamp;
    uint8_t *copy;      /* a second register that holds it at this instruction, if stamped */
    uint32_t *copy_stamp;
    uint32_t *def_at;   /* position behind its definition; its first register */
    uint8_t *def_reg;
    uint8_t *needs_slot;
    uint32_t temp_vreg[2]; /* by class: stands for a temporary */
    uint32_t stamp, block_stamp;

    /* of the current instruction */
    regset_t busy;      /* registers that nothing more may be put in before it */
    uint32_t *touched;  /* vregs whose origin is stamped */
    uint32_t n_touched;

    /* exits: where the values are that a successor wants, by edge */
    uint8_t *exit_locs;
    uint32_t n_exit_locs, cap_exit_locs;
    uint32_t *exit_start; /* by edge: args first, then the successor's live-ins */
    uint8_t *is_done;     /* by block */

    struct pair *pairs;
    uint32_t n_pairs, cap_pairs;
    struct group *groups;
    uint32_t n_groups, cap_groups;
    status_t status; /* sticky */
};

#define POSITION_NEVER UINT32_MAX

/* ---- scan_regs.c: choosing and freeing registers ---- */

/* A register of the class within allowed, made free if need be; it is not yet taken. */
uint8_t scan_take(struct scan *s, uint32_t vreg, regset_t allowed);
/* The same, only if one is free; REG_NONE. */
uint8_t scan_find_free(struct scan *s, uint32_t vreg, regset_t allowed);
void scan_set_home(struct scan *s, uint32_t vreg, uint8_t reg);
void scan_leave_home(struct scan *s, uint32_t vreg);
/* The value stays only in its slot. */
void scan_evict(struct scan *s, uint32_t vreg);
void scan_touch(struct scan *s, uint32_t vreg);

static inline regset_t scan_class_regs(const struct scan *s, uint32_t vreg)
{
    return s->machine->allocatable[s->mf->vregs[vreg].class];
}

static inline bool scan_is_in_reg(const struct scan *s, uint32_t vreg)
{
    return s->home[vreg] < 64;
}

/* ---- scan_inst.c ---- */

void scan_inst(struct scan *s, uint32_t position);

/* ---- scan_edges.c ---- */

void scan_enter_block(struct scan *s, uint32_t b);
void scan_leave_block(struct scan *s, uint32_t b);
/* The moves on all edges, as groups. */
void scan_fix_edges(struct scan *s);

/* ---- scan.c ---- */

/* Begins a group of simultaneous moves; scan_pair adds to the newest. */
void scan_group(struct scan *s, enum move_rank rank, uint32_t before);
void scan_pair(struct scan *s, struct pair pair);
uint32_t scan_random(struct scan *s, uint32_t n);

/* ---- slots.c ---- */

/* Slots for all vregs that need one, shared by those that are never live together. */
MUST_CHECK status_t slots_assign(struct scan *s);

#endif
