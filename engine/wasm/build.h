/*
 * A function body on its way to SSA: the state that the files build*.c share.
 *
 * The body is validated (wasm 2.0 appendix 7.1) and translated in one walk. Structured control
 * makes SSA construction direct: no dominance frontiers, no incomplete phis.
 *
 *   - A local is the value it holds now: locals[i]. Each first change of a local within a frame
 *     is written on a trail with the old value, so that a frame's entry state can be had back by
 *     undoing, and the locals changed since a frame began are the trail from its start.
 *   - A branch forward records an edge: the values of the changed locals and of the label's
 *     results. At the frame's end all edges meet: where they differ there will be a phi.
 *   - A loop needs to know in advance what it changes: prescan.c reads ahead once per outermost
 *     loop and lists, for each loop, the locals that are set in it. They become phis.
 *   - Blocks are numbered when they begin, so that every forward edge goes to a higher number.
 *
 * Two kinds of dead code: after an unconditional branch the operand stack is polymorphic
 * (frame.is_unreachable, a matter of validation), and no instructions are made (!is_live). Values
 * popped there are VAL_NONE and never reach an instruction.
 */
#ifndef ENGINE_WASM_BUILD_H
#define ENGINE_WASM_BUILD_H

#include "engine/compile.h"
#include "engine/wasm/wasm.h"

enum frame_kind : uint8_t { FRAME_FUNC, FRAME_BLOCK, FRAME_LOOP, FRAME_IF, FRAME_ELSE };

#define TYPE_UNKNOWN 0 /* of an operand in unreachable code */
#define NO_EDGE UINT32_MAX

/* A branch to a label: from a block; its successor slot in fn->pool is patched when the label's
 * block is known. values and locals are in builder.words. */
struct edge {
    uint32_t from;
    uint32_t succ_slot;
    uint32_t next;   /* of the same label, or NO_EDGE */
    uint32_t values; /* as many as the label's types */
    uint32_t locals; /* forward: pairs (local, value); loops: values in the order of the set */
    uint32_t n_locals;
};

struct frame {
    uint8_t kind; /* enum frame_kind */
    bool is_unreachable;
    bool is_dead; /* began where nothing is live: no blocks at all */
    uint32_t n_params, n_results;
    const uint8_t *params, *results; /* value types */
    uint32_t height;                 /* of the operand stack at its start, without params */
    uint32_t trail_start;
    uint32_t first_edge, last_edge, n_edges;
    uint32_t table_stamp, table_succ; /* br_table: the successor that leads here */
    /* FRAME_LOOP */
    uint32_t header;     /* block */
    uint32_t set;        /* prescan's list */
    uint32_t first_phi;  /* values are consecutive: params, then the set's locals */
    uint32_t outer_loop; /* index in fn->loops */
    uint32_t loop;
    /* FRAME_IF */
    uint32_t else_slot;   /* in fn->pool: successor for a zero condition */
    uint32_t else_from;   /* block */
    uint32_t else_params; /* in words: the params' values */
};

struct trail_entry {
    uint32_t local, old_value, old_mark;
};

/* Locals set in a loop: a list in prescan.nodes. */
struct set_node {
    uint32_t local, next; /* next: index, 0 ends */
};

struct scan_loop {
    uint32_t first; /* set_node */
    uint32_t n;
    uint32_t parent;
};

struct prescan {
    struct scan_loop *loops; /* in the order in which they begin in the bytes; [0] unused */
    uint32_t n_loops, cap_loops;
    struct set_node *nodes; /* [0] unused */
    uint32_t n_nodes, cap_nodes;
    uint32_t next_loop;     /* the loop that the builder meets next */
    const uint8_t *done_to; /* loops that begin before this byte are scanned */
    uint32_t *seen;         /* [n_locals]: the last scan loop that has the local */
};

struct builder {
    struct compile *cx;
    const struct engine_module *module;
    struct ssa_func *fn;
    struct reader r;
    const uint8_t *op_start; /* of the current instruction */
    uint32_t pos;            /* the same as an offset in the module */
    bool is_live;
    bool is_dense; /* memory 0 has a constant bound, checked */
    uint64_t dense_bytes;
    blk_t block; /* where instructions go, if live */
    uint32_t loop;

    uint32_t *values; /* operand stack */
    uint8_t *types;
    uint32_t sp, cap_stack;
    struct frame *frames;
    uint32_t n_frames, cap_frames;
    uint32_t table_stamp;

    uint32_t n_locals;
    uint32_t *locals;     /* values */
    uint8_t *local_types; /* value types */
    uint32_t *local_mark; /* 1 + index of the local's newest trail entry, or 0 */
    struct trail_entry *trail;
    uint32_t n_trail, cap_trail;

    struct edge *edges;
    uint32_t n_edges, cap_edges;
    uint32_t *words;
    uint32_t n_words, cap_words;

    /* merging: per local, the phi row made for it, valid if stamped */
    uint32_t *merge_stamp, *merge_row;
    uint32_t stamp;
    uint64_t n_carried, max_carried; /* build_carry */

    struct prescan scan;
};

/* Builds cx->fn from the body of cx->funcidx. The only entry. */
MUST_CHECK status_t build_function(struct compile *cx);

/* ---- build.c: operands and instructions ---- */

[[gnu::format(printf, 3, 4)]] status_t build_fail(struct builder *b, status_t status,
                                                  const char *text, ...);
/* A reader's status, as the error at the reader's place. */
status_t build_reader_fail(struct builder *b, status_t status);

MUST_CHECK status_t build_grow(struct builder *b, void **array, uint32_t *cap, uint32_t want,
                               size_t size);

MUST_CHECK status_t build_grow_stack(struct builder *b, uint32_t n);

/* Pushing expects room: the main loop makes it for one instruction, calls and labels for more. */
MUST_CHECK static inline status_t build_reserve_stack(struct builder *b, uint32_t n)
{
    return n <= b->cap_stack - b->sp ? STATUS_OK : build_grow_stack(b, n);
}

/*
 * Counts n more values that edges carry to labels, or calls to and fro, or locals that loops set.
 * All that grows faster than a body does is bounded by their number: with many edges and many
 * locals it is the product of the two. ERR_LIMIT where it is out of proportion to the body, which
 * no compiler's output is.
 */
MUST_CHECK status_t build_carry(struct builder *b, uint64_t n);

static inline struct frame *build_top(struct builder *b)
{
    return &b->frames[b->n_frames - 1];
}

static inline void build_push(struct builder *b, uint8_t type, val_t v)
{
    b->types[b->sp] = type;
    b->values[b->sp] = v.i;
    b->sp++;
}

MUST_CHECK status_t build_pop_slow(struct builder *b, uint8_t type, val_t *out, uint8_t *found);

MUST_CHECK static inline status_t build_pop(struct builder *b, uint8_t type, val_t *out)
{
    if (b->sp > build_top(b)->height && b->types[b->sp - 1] == type) {
        *out = (val_t){b->values[--b->sp]};
        return STATUS_OK;
    }
    uint8_t found;
    return build_pop_slow(b, type, out, &found);
}

/* Any type: *found may be TYPE_UNKNOWN. */
MUST_CHECK static inline status_t build_pop_any(struct builder *b, val_t *out, uint8_t *found)
{
    return build_pop_slow(b, TYPE_UNKNOWN, out, found);
}

static inline uint8_t build_valtype(uint8_t ssa_type)
{
    return (uint8_t)(0x80 - ssa_type); /* T_I32 = 1 is 0x7f, and so on down */
}

/* A new instruction at the end of the current block; folded to an existing value if possible. */
val_t build_emit(struct builder *b, enum ssa_op op, enum ssa_type type, val_t a0, val_t a1,
                 val_t a2, uint64_t imm, uint8_t sub);

static inline val_t build_emit1(struct builder *b, enum ssa_op op, enum ssa_type type, val_t a0)
{
    return build_emit(b, op, type, a0, VAL_NONE, VAL_NONE, 0, 0);
}

static inline val_t build_emit2(struct builder *b, enum ssa_op op, enum ssa_type type, val_t a0,
                                val_t a1)
{
    return build_emit(b, op, type, a0, a1, VAL_NONE, 0, 0);
}

static inline val_t build_const(struct builder *b, enum ssa_type type, uint64_t bits)
{
    return b->is_live ? ssa_const(b->fn, type, bits) : VAL_NONE;
}

/* An instruction with its arguments in the pool, at the end of the current block. */
MUST_CHECK status_t build_emit_list(struct builder *b, enum ssa_op op, enum ssa_type type,
                                    const uint32_t *args, uint32_t n_args, uint64_t imm,
                                    val_t *out);

void build_trap_if(struct builder *b, val_t cond, enum engine_trap trap);
void build_set_local(struct builder *b, uint32_t local, val_t v);

/* ---- build_control.c ---- */

MUST_CHECK status_t build_block(struct builder *b, enum frame_kind kind);
MUST_CHECK status_t build_else(struct builder *b);
MUST_CHECK status_t build_end(struct builder *b);
MUST_CHECK status_t build_br(struct builder *b);
MUST_CHECK status_t build_br_if(struct builder *b);
MUST_CHECK status_t build_br_table(struct builder *b);
MUST_CHECK status_t build_return(struct builder *b);
void build_unreachable(struct builder *b);
MUST_CHECK status_t build_push_frame(struct builder *b, enum frame_kind kind,
                                     const struct engine_functype *type);

/* ---- build_memory.c ---- */

MUST_CHECK status_t build_memory(struct builder *b, const struct wasm_op_info *op);
MUST_CHECK status_t build_atomic(struct builder *b, uint32_t opcode, const struct wasm_op_info *op);
MUST_CHECK status_t build_memory_size(struct builder *b);
MUST_CHECK status_t build_memory_grow(struct builder *b);
MUST_CHECK status_t build_bulk(struct builder *b, uint32_t opcode);
void build_memory_init(struct builder *b);

/* ---- build_call.c ---- */

MUST_CHECK status_t build_call(struct builder *b);
MUST_CHECK status_t build_call_indirect(struct builder *b);
MUST_CHECK status_t build_global_get(struct builder *b);
MUST_CHECK status_t build_global_set(struct builder *b);
MUST_CHECK status_t build_table_op(struct builder *b, uint32_t opcode);
MUST_CHECK status_t build_ref(struct builder *b, uint32_t opcode);
MUST_CHECK status_t build_helper(struct builder *b, uint32_t helper, enum ssa_type type,
                                 const uint32_t *args, uint32_t n_args, val_t *out);

/* ---- build_template.c ---- */

/* Pushes what the template leaves. */
MUST_CHECK status_t build_template(struct builder *b, const struct engine_template *template);

enum engine_helper : uint8_t {
#define HELPER(name, sig) ENGINE_HELPER_##name,
#include "engine/helpers.def"
#undef HELPER
    ENGINE_HELPER_COUNT
};

/* ---- prescan.c ---- */

/* The list of the loop that begins at the reader (just behind its block type). */
MUST_CHECK status_t prescan_loop(struct builder *b, uint32_t *set);

#endif
