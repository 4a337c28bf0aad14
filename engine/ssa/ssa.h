/*
 * The compiler's intermediate form: one function in static single assignment.
 *
 * A value is an instruction: a val_t is its index. Instructions of a block form a doubly linked
 * list (phis first, exactly one END instruction last); constants belong to no block and are
 * unique per function, unless they were chosen to collide (const_intern). Everything lives in
 * arrays in one arena and dies with the function.
 *
 * Invariants (checked by ssa_verify in test builds, between passes):
 *   - block 0 of a value's list is its block; an argument's definition dominates its use;
 *   - a phi has one argument per predecessor, in the order of the predecessors;
 *   - edges are unique: a block is at most once among another's successors;
 *   - the graph is reducible, as wasm's is: a loop is entered through its header alone.
 */
#ifndef ENGINE_SSA_SSA_H
#define ENGINE_SSA_SSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct {
    uint32_t i; /* 0 is no value */
} val_t;

typedef struct {
    uint32_t i; /* 0 is the entry block; BLOCK_NONE none */
} blk_t;

#define VAL_NONE ((val_t){0})
#define BLOCK_NONE ((blk_t){UINT32_MAX})

enum ssa_type : uint8_t { T_VOID, T_I32, T_I64, T_F32, T_F64, T_V128, T_COUNT };

enum ssa_op : uint16_t {
#define SSA(name, text, n_args, flags) SSA_##name,
#include "engine/ssa/ssa_ops.def"
#undef SSA
#define OP(code, name, text, imm, sig, ssa, width) SSA_##ssa,
#include "engine/wasm/simd.def"
#undef OP
    SSA_OP_COUNT
};

enum ssa_flags : uint16_t {
    SSA_PURE = 1,
    SSA_COMM = 2,
    SSA_CMP = 4,
    SSA_TRAPS = 8,
    SSA_READS = 16,
    SSA_WRITES = 32,
    SSA_CALLS = 64,
    SSA_STATE = 128,
    SSA_END = 256,
};

#define SSA_VAR_ARGS 0xff

struct ssa_op_info {
    const char *text;
    uint8_t n_args; /* or SSA_VAR_ARGS */
    uint16_t flags; /* enum ssa_flags */
};

extern const struct ssa_op_info ssa_op_infos[SSA_OP_COUNT];

/* Which events change a field of the instance record; the sub of INST_LOAD and INST_STORE. */
enum ssa_field : uint8_t {
    FIELD_FIXED,  /* nothing: set before the instance runs */
    FIELD_GLOBAL, /* a store to the same field, or a call */
    FIELD_SIZES,  /* calls and helpers: sizes and bases of tables and memories */
    FIELD_SHARED, /* others at any time: each load is made once, where it stands */
};

struct ssa_inst {
    uint16_t op;  /* enum ssa_op */
    uint8_t type; /* enum ssa_type of the result */
    uint8_t sub;  /* a detail of the operation: lane, log2 width, trap kind, ... */
    uint32_t block;
    uint32_t arg[3]; /* values; for SSA_VAR_ARGS: [0] = start in fn->pool, [1] = count */
    uint32_t pos;    /* byte offset of the wasm instruction in the module; 0 if none */
    uint64_t imm;
    uint32_t next, prev; /* in the block; 0 ends the list */
};

struct ssa_block {
    uint32_t first, last;         /* instructions; 0 while empty */
    uint32_t pred_start, n_preds; /* in fn->pool: block indices */
    uint32_t succ_start, n_succs; /* in fn->pool: block indices, each once */
    uint32_t idom;                /* immediate dominator; of the entry: itself */
    uint32_t loop;                /* innermost loop, index in fn->loops; 0 is none */
    uint8_t is_cold;              /* ends in a trap, or leads only to such blocks */
    uint8_t is_dead;              /* unreachable, removed */
    uint8_t is_sealed;            /* builder: predecessors are complete */
};

/* loops[0] stands for the function outside any loop. A parent comes before its children. */
struct ssa_loop {
    uint32_t header;
    uint32_t parent;
    uint32_t depth;    /* of loops[0]: 0 */
    uint8_t has_call;  /* calls or helpers anywhere within */
    uint8_t has_store; /* stores to instance fields anywhere within */
    uint8_t has_loop;  /* another loop within */
};

/* What is known of an integer phi; low > high: nothing of it as a signed number. */
struct ssa_bounds {
    uint64_t max; /* unsigned; UINT64_MAX unknown */
    int32_t low, high;
};

/* Blocks are numbered in reverse postorder: every edge that isn't a loop's back edge goes up. */
struct ssa_func {
    struct arena *arena;
    struct ssa_inst *insts; /* [1..n_insts) */
    uint32_t n_insts, cap_insts;
    struct ssa_block *blocks;
    uint32_t n_blocks, cap_blocks;
    struct ssa_loop *loops;
    uint32_t n_loops, cap_loops;
    uint32_t *pool; /* argument lists, predecessor and successor lists, br_table targets */
    uint32_t n_pool, cap_pool;
    uint8_t (*vconsts)[16];
    uint32_t n_vconsts, cap_vconsts;
    uint32_t *const_table; /* hash set of CONST and VCONST values */
    uint32_t n_consts, cap_const_table;
    struct ssa_bounds *bounds; /* by value, [n_bounds], of phis; null until the pass ranges */
    uint32_t n_bounds;
    uint32_t funcidx;
    uint32_t typeidx;
    uint32_t n_params;
    const uint8_t *param_types; /* enum ssa_type */
    uint32_t n_results;
    const uint8_t *result_types; /* enum ssa_type */
};

static inline struct ssa_inst *ssa_inst(const struct ssa_func *fn, val_t v)
{
    return &fn->insts[v.i];
}

static inline bool ssa_has(const struct ssa_inst *inst, uint16_t flags)
{
    return (ssa_op_infos[inst->op].flags & flags) != 0;
}

/* The value that v stands for, past all copies. */
static inline val_t ssa_resolve(const struct ssa_func *fn, val_t v)
{
    while (fn->insts[v.i].op == SSA_COPY) {
        v.i = fn->insts[v.i].arg[0];
    }
    return v;
}

/* The number of arguments of an instruction and where they are. */
static inline uint32_t ssa_n_args(const struct ssa_inst *inst)
{
    uint8_t n = ssa_op_infos[inst->op].n_args;
    return n == SSA_VAR_ARGS ? inst->arg[1] : n;
}

static inline uint32_t *ssa_args(const struct ssa_func *fn, struct ssa_inst *inst)
{
    return ssa_op_infos[inst->op].n_args == SSA_VAR_ARGS ? &fn->pool[inst->arg[0]] : inst->arg;
}

static inline const uint32_t *ssa_succs(const struct ssa_func *fn, const struct ssa_block *block)
{
    return &fn->pool[block->succ_start];
}

static inline const uint32_t *ssa_preds(const struct ssa_func *fn, const struct ssa_block *block)
{
    return &fn->pool[block->pred_start];
}

/* A function without blocks, and loops[0] alone; ERR_NO_MEMORY. */
MUST_CHECK status_t ssa_func_init(struct ssa_func *fn, struct arena *arena);
/* The same with room for so many (n_insts > 0); what grows beyond it is copied. */
MUST_CHECK status_t ssa_func_init_sized(struct ssa_func *fn, struct arena *arena, uint32_t n_insts,
                                        uint32_t n_blocks, uint32_t n_pool);

/*
 * Room for n more instructions, blocks, pool words. All creating functions below expect that room
 * was made: they can't fail. There mostly is some: only ssa_grow_* is a call.
 */
MUST_CHECK status_t ssa_grow_insts(struct ssa_func *fn, uint32_t n);
MUST_CHECK status_t ssa_grow_blocks(struct ssa_func *fn, uint32_t n);
MUST_CHECK status_t ssa_grow_pool(struct ssa_func *fn, uint32_t n);
MUST_CHECK status_t ssa_reserve_loops(struct ssa_func *fn, uint32_t n);

MUST_CHECK static inline status_t ssa_reserve_insts(struct ssa_func *fn, uint32_t n)
{
    bool has_room = n <= fn->cap_insts - fn->n_insts && n <= fn->cap_const_table / 2 - fn->n_consts;
    return has_room ? STATUS_OK : ssa_grow_insts(fn, n);
}

MUST_CHECK static inline status_t ssa_reserve_blocks(struct ssa_func *fn, uint32_t n)
{
    return n <= fn->cap_blocks - fn->n_blocks ? STATUS_OK : ssa_grow_blocks(fn, n);
}

MUST_CHECK static inline status_t ssa_reserve_pool(struct ssa_func *fn, uint32_t n)
{
    return n <= fn->cap_pool - fn->n_pool ? STATUS_OK : ssa_grow_pool(fn, n);
}

/* A new instruction in no block. */
val_t ssa_new(struct ssa_func *fn, enum ssa_op op, enum ssa_type type);

/* Puts v last in a block, before another instruction, or first (after the phis). */
void ssa_append(struct ssa_func *fn, blk_t block, val_t v);
void ssa_insert_before(struct ssa_func *fn, val_t before, val_t v);
void ssa_insert_phi(struct ssa_func *fn, blk_t block, val_t v);

/* Takes v out of its block; it becomes a NOP or, if by is a value, a COPY of that. */
void ssa_remove(struct ssa_func *fn, val_t v, val_t by);
/* Only unlinks, to be put elsewhere. */
void ssa_unlink(struct ssa_func *fn, val_t v);

/* The function's only constant of this type and these bits; needs room for one instruction. */
val_t ssa_const(struct ssa_func *fn, enum ssa_type type, uint64_t bits);
MUST_CHECK status_t ssa_vconst(struct ssa_func *fn, const uint8_t bytes[static 16], val_t *out);

static inline bool ssa_is_const(const struct ssa_func *fn, val_t v, uint64_t *bits)
{
    const struct ssa_inst *inst = &fn->insts[v.i];
    if (inst->op != SSA_CONST) {
        return false;
    }
    *bits = inst->imm;
    return true;
}

/* The immediate dominators (needs final predecessors and block numbers). */
void ssa_dominators(struct ssa_func *fn);
/* The same for one block, whose predecessors' dominators are right. */
void ssa_find_dominator(struct ssa_func *fn, uint32_t b);
bool ssa_dominates(const struct ssa_func *fn, uint32_t above, uint32_t below);

/* The text of a function, for people and tests; ssa_parse reads the same back. */
struct ssa_text {
    void (*put)(void *ctx, const char *text, size_t len_bytes);
    void *ctx;
};
void ssa_print(const struct ssa_func *fn, const struct ssa_text *to);
MUST_CHECK status_t ssa_parse(const char *text, struct ssa_func *fn, const char **error,
                              uint32_t *line);

/* Every invariant above; a text that says what is wrong, or NULL. Needs scratch memory. */
const char *ssa_verify(const struct ssa_func *fn, uint32_t *culprit);

#endif
