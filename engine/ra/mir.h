/*
 * Machine instructions before and after register allocation.
 *
 * A target's instruction selection turns SSA into this, the allocator (engine/ra) gives each
 * operand a register or stack slot, and the target's encoder writes bytes. The form is the same
 * for every CPU: an instruction is a target opcode, up to 255 operands, and immediates that only
 * the target understands; an operand is a virtual register and what is demanded of its place.
 *
 * Virtual registers are in SSA form too: one definition each, block parameters instead of phis:
 * the blocks' params get their values along each edge from the arguments of that edge (the
 * allocator resolves them into parallel moves). A constant is a vreg without any definition
 * (flag VREG_CONST): wherever it must be in a register, the allocator materialises it.
 *
 * Time at an instruction has two points. EARLY: all uses are read. LATE: defs are written and the
 * clobbers happen. A TEMP holds a register from EARLY to LATE; an EARLY_DEF as well (it may
 * overlap no use). A plain DEF may share the register of a use that ends here.
 */
#ifndef ENGINE_RA_MIR_H
#define ENGINE_RA_MIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* Physical registers: 0-31 general, 32-63 vector; a set is a 64-bit mask. */
typedef uint64_t regset_t;
#define REG_NONE 0xff
#define REG_VEC0 32

enum reg_class : uint8_t { CLASS_GPR, CLASS_VEC };

enum vreg_flags : uint8_t {
    VREG_CONST = 1,  /* no definition: materialised from imm (integer, float) or a pool index */
    VREG_VCONST = 2, /* with VREG_CONST: imm is the index of a 16-byte constant */
    VREG_REMAT = 4,  /* has a definition, but can be had again from imm as a VREG_CONST can */
    VREG_PARAM = 8,  /* is a block's parameter (phi) */
    VREG_I32 = 16,   /* in a GPR: bits above 32 are zero, a copy may leave them to the machine */
};

struct vreg {
    uint64_t imm;       /* VREG_CONST, VREG_REMAT: the bits or the pool index */
    uint8_t class;      /* enum reg_class */
    uint8_t size_bytes; /* 4, 8 or 16: what a spill must keep; upper bits of 4 in a GPR are zero */
    uint8_t flags;      /* enum vreg_flags */
    uint8_t hint;       /* a register that a use or definition would like, or REG_NONE */
    uint32_t hint_vreg; /* a vreg whose register it would like (phi and argument, tied); 0 none */
    int32_t slot;       /* allocator: spill slot, byte offset in the spill area; -1 none;
                           an incoming stack argument: see MIR_SLOT_INCOMING */
};
/* A vreg that arrives in the caller's frame is born spilled: slot = MIR_SLOT_INCOMING + offset. */
#define MIR_SLOT_INCOMING 0x40000000

enum operand_kind : uint8_t {
    OPERAND_USE,        /* in any register of its class */
    OPERAND_USE_FIXED,  /* in register .reg */
    OPERAND_USE_ANY,    /* in a register or in its spill slot (a memory operand) */
    OPERAND_DEF,        /* any register of its class */
    OPERAND_DEF_FIXED,  /* register .reg */
    OPERAND_DEF_TIED,   /* the register of operand number .reg, a USE, whose old value is lost */
    OPERAND_EARLY_DEF,  /* any register that no use of this instruction has */
    OPERAND_TEMP,       /* a scratch register of .class (in vreg: 0 GPR, 1 VEC) */
    OPERAND_TEMP_FIXED, /* register .reg is destroyed and free to use between EARLY and LATE */
};

/* What the allocator answers in operand.loc: a register number, or, only for USE_ANY, LOC_STACK, or
 * LOC_CONST (below) for a VREG_CONST of CLASS_VEC: its constant in memory. */
#define LOC_STACK 0xfe /* in the vreg's slot */
#define LOC_NONE 0xff

struct mir_operand {
    uint32_t vreg;
    uint32_t next; /* allocator's own: where the value is used next */
    uint8_t kind;  /* enum operand_kind */
    uint8_t reg;   /* FIXED: the register; TIED: the operand's number in this instruction */
    uint8_t loc;   /* allocator's answer */
    uint8_t flags; /* allocator's own: last use and such */
};

enum mir_flags : uint8_t {
    MIR_CALL = 1,     /* clobbers all of the target's caller-saved registers at LATE */
    MIR_COMMUTES = 2, /* operands 1 and 2 (the tied use and the next) may change places */
    MIR_MOVE = 4,     /* operand 0 = DEF, 1 = USE, a plain copy: the allocator may merge them */
    MIR_END = 8,      /* a jump, branch, table jump, return or trap at the end of a block */
};

struct mir_inst {
    uint16_t op; /* the target's own */
    uint8_t n_operands;
    uint8_t flags;        /* enum mir_flags */
    uint32_t first;       /* first operand; defs may stand anywhere among them */
    uint32_t pos;         /* wasm offset for traps and backtraces; 0 none */
    int32_t disp;         /* the target's */
    uint64_t imm;         /* the target's */
    uint8_t sub[4];       /* the target's: condition, scale, width, ... */
    uint32_t block_or_id; /* the target's: branch target, constant, callee */
};

/* Values for the parameters of a successor, in its order. */
struct mir_edge {
    uint32_t to;         /* block */
    uint32_t args_start; /* in mf->edge_args: vregs, as many as the block has params */
};

/*
 * In layout order: block b falls through to b + 1 if the target so chooses. No critical edges: an
 * edge from a block with several successors goes to a block with one predecessor. Each block ends
 * in one MIR_END instruction; it has no operands if it has one successor, for whose sake moves may
 * stand before it. Nothing leads to block 0. Loops are entered through their headers alone.
 */
struct mir_block {
    uint32_t first, end;             /* instructions [first, end) */
    uint32_t params_start, n_params; /* in mf->params: vregs */
    uint32_t edges_start, n_edges;   /* in mf->edges */
    uint32_t preds_start, n_preds;   /* in mf->preds: blocks */
    uint32_t loop_header;            /* the header block of the innermost loop, or UINT32_MAX */
    uint32_t loop_end;               /* headers: one past the last block of the loop, in layout */
    uint16_t loop_depth;
    uint8_t is_cold;
    uint8_t is_loop_header;
};

/* A move that the allocator inserts. from and to: a register, LOC_STACK (the vreg's slot), or,
 * for from, LOC_CONST (materialise the vreg's constant). */
#define LOC_CONST 0xfd
struct mir_move {
    uint32_t before;  /* the instruction that it precedes, in execution order among equals */
    uint32_t vreg;    /* says the class and size; the slot, if from or to is LOC_STACK and the
                        stack side belongs to it */
    uint32_t vreg_to; /* the vreg of the destination: its slot, for LOC_STACK or LOC_CONST to
                         LOC_STACK; loads are as wide as vreg, stores as vreg_to */
    uint8_t from, to;
    uint8_t is_swap; /* registers from and to change places */
};

struct mir_func {
    struct arena *arena;   /* of what is in here */
    struct arena *scratch; /* of what a stage needs for itself */
    struct mir_inst *insts;
    uint32_t n_insts, cap_insts;
    struct mir_operand *operands;
    uint32_t n_operands, cap_operands;
    struct mir_block *blocks; /* in layout order */
    uint32_t n_blocks;
    struct mir_edge *edges;
    uint32_t n_edges;
    uint32_t *edge_args, *params, *preds;
    struct vreg *vregs; /* [1..n_vregs) */
    uint32_t n_vregs, cap_vregs;
    const uint8_t (*vconsts)[16];
    uint32_t funcidx;
    uint32_t out_args_bytes; /* the largest area for outgoing stack arguments and results */
    bool has_calls;

    /* the allocator's answers */
    struct mir_move *moves; /* ordered by .before */
    uint32_t n_moves, cap_moves;
    uint32_t spill_bytes; /* size of the spill area, a multiple of 16 */
    regset_t used_callee_saved;
};

/* What the allocator must know of a machine. */
struct ra_machine {
    regset_t allocatable[2];  /* by enum reg_class, in no order */
    regset_t callee_saved;    /* kept by calls; the function saves those it uses */
    const uint8_t *order[2];  /* registers in the order of preference, REG_NONE ends */
    const char *const *names; /* [64] */
    bool has_gpr_swap;        /* exchanging two GPRs is one cheap instruction */
    /* Vector registers are exchanged, and stack moved to stack, through these: never allocated. */
    uint8_t scratch_vec;
    uint8_t scratch_gpr; /* REG_NONE: stack to stack goes through scratch_vec */
};

struct ra_options {
    bool is_checked;       /* run ra_check afterwards; a failure is ERR_INTERNAL */
    bool is_linear;        /* the cheap allocator, for functions over budget */
    uint64_t shuffle_seed; /* not 0: choose registers, victims and spills at random */
};

/*
 * Gives every operand its place. Fills loc of all operands, moves, slots, spill_bytes,
 * used_callee_saved. ERR_NO_MEMORY; ERR_LIMIT if over budget (call again with is_linear).
 */
MUST_CHECK status_t ra_allocate(struct mir_func *mf, const struct ra_machine *machine,
                                const struct ra_options *options);

/* Follows every value through the allocated code; a text that says what is wrong, or NULL. */
const char *ra_check(struct mir_func *mf, const struct ra_machine *machine, uint32_t *inst);

#endif
