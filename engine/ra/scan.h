/*
 * The real allocator: what liveness.c finds, and the state of the forward scan (scan.c).
 *
 * Time has three scales. A position is an instruction's index; "next" at a position p is p plus
 * the distance to the next use, so it may lie behind the block. A rank is a block's place in the
 * reverse postorder. An order time counts the instructions of the blocks in that order: lives are
 * intervals of it.
 */
#ifndef ENGINE_RA_SCAN_H
#define ENGINE_RA_SCAN_H

#include "engine/ra/ra.h"

#define NEXT_NONE UINT32_MAX
#define DISTANCE_MAX 0x3fffffffu
#define LOOP_EXIT_PENALTY (1u << 20)   /* uses behind a loop are further than any in it */
#define COLD_PENALTY (1u << 14)        /* uses on a path to a trap */
#define AROUND_LOOP_DISTANCE (1u << 9) /* to the next round of a loop */
/* The budget, in members of all live sets: more is for the linear allocator. Real code has 1 to 5
 * for an instruction. */
#define LIVENESS_MAX_ENTRIES (3u << 20)
#define LIVENESS_MIN_ENTRIES (1u << 17)
#define LIVENESS_ENTRIES_PER_INST 128u
#define CLAIMS_LOOKED_AT 12u

enum value_flags : uint16_t {
    VALUE_CONST = 1,
    VALUE_FREE = 2,      /* needs no slot: constant, rematerialised, or incoming on the stack */
    VALUE_REMAT = 4,     /* its moves come from LOC_CONST */
    VALUE_CROSSES = 8,   /* lives across a call that isn't cold */
    VALUE_SLOT = 16,     /* has a slot */
    VALUE_STORED = 32,   /* is stored right behind its definition: the slot is valid everywhere */
    VALUE_CLEAN = 64,    /* scan, here: the slot is valid (or not needed) */
    VALUE_VEC = 128,     /* its class */
    VALUE_HOISTED = 256, /* a constant that a loop keeps in a register */
};

/* All about one vreg, in one place: that is what the scan's speed depends on. */
struct value {
    uint32_t next;     /* liveness: virtual time of the next use; scan: position */
    uint32_t stamp;    /* liveness: 1 + place in the live list; scan: block that it lives into */
    uint32_t touch;    /* liveness: calls seen when it began to live; scan: when it was touched */
    uint32_t def_rank; /* of the block of its definition */
    uint32_t def_at;   /* position behind its definition */
    uint32_t web;      /* union-find: values that would like one register */
    uint32_t end;      /* order time at which its life has ended */
    uint8_t home;      /* its register, or LOC_STACK */
    uint8_t origin;    /* if touched now: where it was before the moves of this instruction */
    uint8_t copy;      /* if touched now: a second register that holds it, or REG_NONE */
    uint8_t def_reg;   /* its first register */
    uint16_t flags;    /* enum value_flags */
    uint8_t hint, hint_weight;   /* a fixed operand's register; the weight of its block */
    uint8_t def_weight;          /* the weight of the block of its definition */
    uint8_t web_reg, web_weight; /* of a web's root: where a member was last put */
    uint8_t web_flags;           /* of a web's root: VALUE_CROSSES */
};

/* A constant that a loop uses: a list for each header. */
struct loop_const {
    uint32_t vreg;
    uint32_t next; /* 1 + place in scan.loop_consts; 0 ends the list */
};

struct live_entry {
    uint32_t vreg;
    uint32_t distance; /* to the next use, from the block's start */
};

/* A register at a block's start or end. */
struct held {
    uint32_t vreg;
    uint8_t reg;
    bool is_clean;
};

/* Fixed registers of an instruction. */
struct claim {
    uint32_t at;
    regset_t regs;
};

struct block_info {
    struct live_entry *live; /* at its start: without parameters and constants, and without what
                                is only carried around a loop that the block is in */
    uint32_t n_live;
    uint32_t n_claims;
    struct claim *claims;    /* last first */
    uint32_t parent;         /* header of its loop; of a header: of the loop around; or NONE */
    uint32_t edge;           /* in mf->edges: one that leads here */
    uint32_t time;           /* order time of its start */
    uint32_t end_time;       /* headers: where the loop ends */
    uint32_t held, n_held;   /* in scan.held: registers at its end */
    uint32_t start, n_start; /* headers: registers at its start */
    uint32_t consts;         /* headers: 1 + place in scan.loop_consts, or 0 */
    regset_t fixed;          /* headers: registers that fixed operands take in the loop */
    uint16_t pressure[2];    /* headers: most values live at once in the loop, by class */
    uint16_t inside[2];      /* headers: of those defined in the loop */
    uint16_t at_calls[2];    /* headers: of those that live across one of the loop's calls */
    uint8_t weight;          /* how often it runs: 0 cold, 1 + depth */
    bool has_call;           /* headers: the loop calls */
    bool is_done;            /* the scan has been here */
    bool is_jump;            /* nothing but a jump to where paths meet: liveness looks through it,
                                and its state is its predecessor's */
};
#define NO_BLOCK UINT32_MAX

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
    uint64_t rng; /* 0: no shuffling */

    /* found by liveness.c */
    uint32_t *order, *rank; /* reverse postorder in [first, n_blocks), and back */
    uint32_t first;
    struct block_info *blocks;
    struct value *values;     /* by vreg; two more stand for temporaries of each class */
    uint32_t *param_distance; /* by place in mf->params */
    struct loop_const *loop_consts;
    uint32_t n_loop_consts, cap_loop_consts;

    /* now */
    uint32_t block;
    uint32_t at;        /* position of the instruction */
    uint32_t stamp;     /* changes with every instruction */
    uint8_t weight;     /* of the block */
    uint32_t time;      /* order time of position 0, if the block began there */
    uint32_t holds[64]; /* by register: the vreg at home in it, or 0 */
    regset_t occupied;  /* registers that hold something */
    regset_t opened;    /* callee-saved registers in use */
    regset_t constant;  /* registers that may hold constants */
    regset_t busy;      /* registers that nothing more may be put in before this instruction */
    uint32_t *touched;  /* vregs touched by this instruction */
    uint32_t n_touched;
    const struct claim *claims; /* those ahead in the block, the next one last */
    uint32_t n_claims;

    struct held *held;
    uint32_t n_held, cap_held;
    uint8_t *param_loc; /* by place in mf->params: where it starts */
    struct pair *pairs;
    uint32_t n_pairs, cap_pairs;
    struct group *groups;
    uint32_t n_groups, cap_groups;
    struct group group; /* being made */
    status_t status;    /* sticky */
};

/* ---- liveness.c ---- */

/* Fills in what is found there, all operands' next, hints and webs. ERR_LIMIT over budget. */
MUST_CHECK status_t liveness_find(struct scan *s);

/* ---- scan_regs.c: choosing and freeing registers ---- */

/* A register of the class within allowed, made free if need be; it is not yet taken. like: one
 * that it would be good to have, or REG_NONE. */
uint8_t scan_take(struct scan *s, uint32_t vreg, regset_t allowed, uint8_t like);
/* The same, only if one is free; REG_NONE. */
uint8_t scan_find_free(struct scan *s, uint32_t vreg, regset_t allowed, uint8_t like);
/* The register of a value that is used so much later that it should leave for this one, which it
 * then does; or REG_NONE. */
uint8_t scan_oust(struct scan *s, uint32_t vreg, regset_t allowed);
/* The value stays only in its slot. */
void scan_evict(struct scan *s, uint32_t vreg);
/* Its slot will be read: it must be valid everywhere. */
void scan_store_at_definition(struct scan *s, uint32_t vreg);
/* Remembers where it is before the moves of this instruction. */
void scan_touch(struct scan *s, uint32_t vreg);

static inline struct value *scan_value(const struct scan *s, uint32_t vreg)
{
    return &s->values[vreg];
}

static inline enum reg_class value_class(const struct value *value)
{
    return (value->flags & VALUE_VEC) != 0 ? CLASS_VEC : CLASS_GPR;
}

static inline regset_t scan_class_regs(const struct scan *s, uint32_t vreg)
{
    return s->machine->allocatable[value_class(&s->values[vreg])];
}

static inline bool scan_is_in_reg(const struct scan *s, uint32_t vreg)
{
    return s->values[vreg].home < 64;
}

static inline bool scan_is_touched(const struct scan *s, uint32_t vreg)
{
    return s->values[vreg].touch == s->stamp;
}

/* The root of a value's web; halves the path to it. */
static inline uint32_t scan_web(struct value *values, uint32_t vreg)
{
    while (values[vreg].web != vreg) {
        values[vreg].web = values[values[vreg].web].web;
        vreg = values[vreg].web;
    }
    return vreg;
}

/* From now on the value is only in its slot, or nowhere: it has ended. */
static inline void scan_leave_home(struct scan *s, uint32_t vreg)
{
    uint8_t reg = s->values[vreg].home;
    if (reg < 64) {
        s->holds[reg] = 0;
        s->occupied &= ~reg_bit(reg);
        s->values[vreg].home = LOC_STACK;
    }
}

static inline void scan_set_home(struct scan *s, uint32_t vreg, uint8_t reg)
{
    scan_leave_home(s, vreg);
    s->values[vreg].home = reg;
    s->holds[reg] = vreg;
    s->occupied |= reg_bit(reg);
    s->opened |= reg_bit(reg) & s->machine->callee_saved;
}

/* The value begins in this register: its web would like the same. */
static inline void scan_note_web(struct scan *s, uint32_t vreg, uint8_t reg)
{
    struct value *root = &s->values[scan_web(s->values, vreg)];
    if (s->weight > root->web_weight || root->web_reg == REG_NONE) {
        root->web_weight = s->weight;
        root->web_reg = reg;
    }
}

/* ---- scan_inst.c ---- */

void scan_inst(struct scan *s, uint32_t position);

/* ---- scan_edges.c ---- */

/* A block that is only a jump may be done without being entered. */
bool scan_pass_jump(struct scan *s, uint32_t b);
void scan_enter_block(struct scan *s, uint32_t b);
void scan_leave_block(struct scan *s, uint32_t b);

/* ---- scan.c ---- */

/* Begins a group of simultaneous moves; scan_pair adds to it, scan_end_group keeps it. */
void scan_begin_group(struct scan *s, enum move_rank rank, uint32_t before);
void scan_pair(struct scan *s, struct pair pair);
void scan_end_group(struct scan *s, regset_t taken);
uint32_t scan_random(struct scan *s, uint32_t n);

/* ---- slots.c ---- */

/* Slots for all that needs one, shared by those that are never live together. */
MUST_CHECK status_t slots_assign(struct scan *s);

#endif
