/*
 * For the allocator's tests: small machines, random programs for them, and an interpreter that
 * runs a program before and after allocation. Included by *_test.c only.
 *
 * An operation has no meaning but its number: results are a hash of the number and the inputs,
 * and so is the way that control takes. A run is the hash of all inputs ever read. Everything
 * that code may not rely on (temporaries, clobbered registers, the fresh spill area) is garbage.
 */
#ifndef ENGINE_RA_TEST_PROGRAM_H
#define ENGINE_RA_TEST_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/ra/mir.h"
#include "engine/ra/mir_print.h"

/* ---- Chance ---- */

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) + b;
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ x >> 32;
}

struct rng {
    uint64_t state;
};

static inline uint32_t rng_below(struct rng *rng, uint32_t n)
{
    rng->state = mix(rng->state, 1);
    return (uint32_t)((rng->state >> 20) % n);
}

static inline bool rng_percent(struct rng *rng, uint32_t percent)
{
    return rng_below(rng, 100) < percent;
}

/* ---- Machines ---- */

static const char *const test_names[64] = {
    "r0",  "r1",  "r2",  "r3",  "r4",  "r5",  "r6",  "r7",  "r8",  "r9",  "r10", "r11", "r12",
    "r13", "r14", "r15", "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23", "r24", "r25",
    "r26", "r27", "r28", "r29", "r30", "r31", "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",
    "x7",  "x8",  "x9",  "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19",
    "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "x31"};

#define SCRATCH_VEC 47
#define SCRATCH_GPR 14

/* 6 general registers, of which r3 to r5 are kept by calls; 4 vector registers. */
static inline struct ra_machine test_machine_small(void)
{
    static const uint8_t gprs[] = {0, 1, 2, 3, 4, 5, REG_NONE};
    static const uint8_t vecs[] = {32, 33, 34, 35, REG_NONE};
    return (struct ra_machine){
        .allocatable = {0x3f, UINT64_C(15) << REG_VEC0},
        .callee_saved = 0x38,
        .order = {gprs, vecs},
        .names = test_names,
        .has_gpr_swap = true,
        .scratch_vec = SCRATCH_VEC,
        .scratch_gpr = REG_NONE,
    };
}

/* 13 general registers, r8 to r12 kept, no exchange but a scratch; 15 vector registers. */
static inline struct ra_machine test_machine_large(void)
{
    static const uint8_t gprs[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, REG_NONE};
    static const uint8_t vecs[] = {32, 33, 34, 35, 36, 37, 38, 39,
                                   40, 41, 42, 43, 44, 45, 46, REG_NONE};
    return (struct ra_machine){
        .allocatable = {0x1fff, UINT64_C(0x7fff) << REG_VEC0},
        .callee_saved = 0x1f00,
        .order = {gprs, vecs},
        .names = test_names,
        .has_gpr_swap = false,
        .scratch_vec = SCRATCH_VEC,
        .scratch_gpr = SCRATCH_GPR,
    };
}

/* ---- Building programs ---- */

enum test_op : uint16_t { TEST_PLAIN, TEST_REMAT, TEST_MOVE, TEST_CALL, TEST_JUMP, TEST_BRANCH };

static inline const char *test_op_name(uint16_t op)
{
    static const char *const names[] = {"op", "remat", "move", "call", "jump", "branch"};
    return names[op];
}

#define BUILD_MAX_EDGES 65536u

struct build {
    struct mir_func *mf;
    struct arena *arena;
    uint32_t n_params, n_args;
    uint32_t loop_header, loop_depth; /* for new blocks */
    struct build_edge {
        uint32_t from, to, args_start;
    } *edges;
    uint32_t n_edges;
};

static const uint8_t build_vconsts[4][16] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}};

static inline void build_init(struct build *b, struct mir_func *mf, struct arena *arena,
                              uint32_t n_insts)
{
    uint32_t n = n_insts;
    *b = (struct build){.mf = mf, .arena = arena, .loop_header = UINT32_MAX};
    *mf =
        (struct mir_func){.arena = arena, .scratch = arena, .n_vregs = 1, .vconsts = build_vconsts};
    mf->cap_insts = n;
    mf->cap_operands = 6 * n;
    mf->cap_vregs = 6 * n;
    mf->insts = arena_zalloc(arena, n, sizeof *mf->insts);
    mf->operands = arena_zalloc(arena, mf->cap_operands, sizeof *mf->operands);
    mf->vregs = arena_zalloc(arena, mf->cap_vregs, sizeof *mf->vregs);
    mf->blocks = arena_zalloc(arena, n, sizeof *mf->blocks);
    mf->edge_args = arena_zalloc(arena, 8 * n, sizeof *mf->edge_args);
    mf->params = arena_zalloc(arena, 8 * n, sizeof *mf->params);
    b->edges = arena_zalloc(arena, 4 * n, sizeof *b->edges);
    assert_non_null(b->edges);
    mf->vregs[0] = (struct vreg){.slot = -1, .hint = REG_NONE};
}

static inline uint32_t build_vreg(struct build *b, uint8_t class, uint8_t size_bytes)
{
    struct mir_func *mf = b->mf;
    assert_true(mf->n_vregs < mf->cap_vregs);
    mf->vregs[mf->n_vregs] =
        (struct vreg){.class = class, .size_bytes = size_bytes, .hint = REG_NONE, .slot = -1};
    return mf->n_vregs++;
}

static inline uint32_t build_const(struct build *b, uint64_t imm)
{
    uint32_t v = build_vreg(b, CLASS_GPR, 8);
    b->mf->vregs[v].flags = VREG_CONST;
    b->mf->vregs[v].imm = imm;
    return v;
}

/* Begins a block, which ends with the next END instruction. */
static inline uint32_t build_block(struct build *b)
{
    struct mir_func *mf = b->mf;
    mf->blocks[mf->n_blocks] = (struct mir_block){.first = mf->n_insts,
                                                  .params_start = b->n_params,
                                                  .loop_header = b->loop_header,
                                                  .loop_depth = (uint16_t)b->loop_depth};
    return mf->n_blocks++;
}

/* Of the block just begun. */
static inline uint32_t build_param(struct build *b, uint8_t class, uint8_t size_bytes)
{
    uint32_t v = build_vreg(b, class, size_bytes);
    struct mir_block *block = &b->mf->blocks[b->mf->n_blocks - 1];
    b->mf->vregs[v].flags = VREG_PARAM;
    b->mf->params[b->n_params++] = v;
    block->n_params++;
    return v;
}

/* Begins the header of a loop; nothing to be done at the loop's end but restore the two fields. */
static inline uint32_t build_header(struct build *b)
{
    b->loop_header = b->mf->n_blocks;
    b->loop_depth++;
    uint32_t header = build_block(b);
    b->mf->blocks[header].is_loop_header = 1;
    return header;
}

static inline struct mir_inst *build_inst(struct build *b, enum test_op op, uint8_t flags)
{
    struct mir_func *mf = b->mf;
    assert_true(mf->n_insts < mf->cap_insts);
    mf->insts[mf->n_insts] =
        (struct mir_inst){.op = op, .flags = flags, .first = mf->n_operands, .imm = mf->n_insts};
    mf->has_calls = mf->has_calls || (flags & MIR_CALL) != 0;
    if ((flags & MIR_END) != 0) {
        mf->blocks[mf->n_blocks - 1].end = mf->n_insts + 1;
    }
    return &mf->insts[mf->n_insts++];
}

static inline void build_op(struct build *b, enum operand_kind kind, uint32_t vreg, uint8_t reg)
{
    struct mir_func *mf = b->mf;
    assert_true(mf->n_operands < mf->cap_operands);
    mf->operands[mf->n_operands++] =
        (struct mir_operand){.vreg = vreg, .kind = kind, .reg = reg, .loc = LOC_NONE};
    mf->insts[mf->n_insts - 1].n_operands++;
}

/* With as many arguments as the block `to` has (or will have) parameters. */
static inline void build_edge(struct build *b, uint32_t from, uint32_t to, const uint32_t *args,
                              uint32_t n_args)
{
    struct mir_func *mf = b->mf;
    b->edges[b->n_edges++] = (struct build_edge){from, to, b->n_args};
    for (uint32_t k = 0; k < n_args; k++) {
        mf->edge_args[b->n_args++] = args[k];
    }
}

/* ---- Finishing: the layout, edges and predecessors ---- */

static inline void build_layout(struct build *b, const uint32_t *order)
{
    struct mir_func *mf = b->mf;
    uint32_t n = mf->n_blocks;
    uint32_t *at = arena_zalloc(b->arena, n, sizeof *at);
    struct mir_block *blocks = arena_zalloc(b->arena, n, sizeof *blocks);
    struct mir_inst *insts = arena_zalloc(b->arena, mf->n_insts, sizeof *insts);
    uint32_t n_insts = 0;
    for (uint32_t i = 0; i < n; i++) {
        at[order[i]] = i;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct mir_block *old = &mf->blocks[order[i]];
        blocks[i] = *old;
        blocks[i].first = n_insts;
        for (uint32_t k = old->first; k < old->end; k++) {
            insts[n_insts++] = mf->insts[k];
        }
        blocks[i].end = n_insts;
        blocks[i].loop_header = old->loop_header == UINT32_MAX ? UINT32_MAX : at[old->loop_header];
    }
    for (uint32_t e = 0; e < b->n_edges; e++) {
        b->edges[e].from = at[b->edges[e].from];
        b->edges[e].to = at[b->edges[e].to];
    }
    mf->blocks = blocks;
    mf->insts = insts;
}

static inline void build_edges(struct build *b)
{
    struct mir_func *mf = b->mf;
    uint32_t n = 0;
    mf->edges = arena_zalloc(b->arena, b->n_edges + 1, sizeof *mf->edges);
    mf->preds = arena_zalloc(b->arena, b->n_edges + 1, sizeof *mf->preds);
    for (uint32_t e = 0; e < b->n_edges; e++) {
        mf->blocks[b->edges[e].from].n_edges++;
        mf->blocks[b->edges[e].to].n_preds++;
    }
    uint32_t n_preds = 0;
    for (uint32_t i = 0; i < mf->n_blocks; i++) {
        mf->blocks[i].edges_start = n;
        mf->blocks[i].preds_start = n_preds;
        n += mf->blocks[i].n_edges;
        n_preds += mf->blocks[i].n_preds;
        mf->blocks[i].n_edges = mf->blocks[i].n_preds = 0;
    }
    mf->n_edges = n;
    for (uint32_t e = 0; e < b->n_edges; e++) {
        struct mir_block *from = &mf->blocks[b->edges[e].from];
        struct mir_block *to = &mf->blocks[b->edges[e].to];
        mf->edges[from->edges_start + from->n_edges++] =
            (struct mir_edge){b->edges[e].to, b->edges[e].args_start};
        mf->preds[to->preds_start + to->n_preds++] = b->edges[e].from;
    }
}

/* Ends of loops, by walking from every block up the headers. */
static inline void build_loops(struct build *b)
{
    struct mir_func *mf = b->mf;
    for (uint32_t i = 0; i < mf->n_blocks; i++) {
        uint32_t h = mf->blocks[i].loop_header;
        while (h != UINT32_MAX) {
            mf->blocks[h].loop_end =
                i + 1 > mf->blocks[h].loop_end ? i + 1 : mf->blocks[h].loop_end;
            uint32_t next = UINT32_MAX; /* the loop around h: that of a predecessor outside */
            for (uint32_t k = 0; k < mf->blocks[h].n_preds; k++) {
                const struct mir_block *pred =
                    &mf->blocks[mf->preds[mf->blocks[h].preds_start + k]];
                if (pred->loop_depth < mf->blocks[h].loop_depth) {
                    next = pred->loop_header;
                }
            }
            h = next;
        }
    }
}

static inline void build_finish(struct build *b, const uint32_t *order)
{
    if (order != NULL) {
        build_layout(b, order);
    }
    build_edges(b);
    build_loops(b);
}

/* ---- Running programs ---- */

struct val {
    uint64_t low, high;
};

struct run {
    const struct mir_func *mf;
    const struct ra_machine *machine;
    bool is_allocated;
    struct val *values; /* by vreg: before allocation */
    struct val regs[64];
    uint8_t *spills;
    uint64_t trace;
    uint32_t next_move;
};

static inline struct val val_cut(struct val val, uint8_t size_bytes)
{
    val.high = size_bytes == 16 ? val.high : 0;
    val.low = size_bytes == 4 ? (uint32_t)val.low : val.low;
    return val;
}

static inline struct val run_const(const struct mir_func *mf, const struct vreg *vreg)
{
    struct val val = {.low = vreg->imm};
    if ((vreg->flags & VREG_VCONST) != 0) {
        memcpy(&val, mf->vconsts[vreg->imm], 16);
    }
    return val_cut(val, vreg->size_bytes);
}

static inline struct val run_incoming(const struct vreg *vreg)
{
    uint64_t at = (uint64_t)vreg->slot;
    return val_cut((struct val){mix(at, 7), mix(at, 8)}, vreg->size_bytes);
}

static inline struct val run_load(const struct run *r, const struct vreg *vreg)
{
    struct val val = {0};
    if (vreg->slot >= MIR_SLOT_INCOMING) {
        return run_incoming(vreg);
    }
    assert_true(vreg->slot >= 0 && vreg->slot + vreg->size_bytes <= (int32_t)r->mf->spill_bytes);
    memcpy(&val, r->spills + vreg->slot, vreg->size_bytes);
    return val;
}

static inline void run_store(struct run *r, const struct vreg *vreg, struct val val)
{
    assert_true(vreg->slot >= 0 && vreg->slot + vreg->size_bytes <= (int32_t)r->mf->spill_bytes);
    memcpy(r->spills + vreg->slot, &val, vreg->size_bytes);
}

static inline struct val run_garbage(const struct run *r, uint64_t what)
{
    return (struct val){mix(r->trace, what), mix(r->trace, what + 1000)};
}

static inline void run_move(struct run *r, const struct mir_move *move)
{
    const struct vreg *vreg = &r->mf->vregs[move->vreg];
    struct val val;
    if (move->is_swap) {
        val = r->regs[move->from];
        r->regs[move->from] = r->regs[move->to];
        r->regs[move->to] = val;
        return;
    }
    val = move->from == LOC_CONST   ? run_const(r->mf, vreg)
          : move->from == LOC_STACK ? run_load(r, vreg)
                                    : val_cut(r->regs[move->from], vreg->size_bytes);
    if (move->to == LOC_STACK) {
        run_store(r, move->from < 64 ? vreg : &r->mf->vregs[move->vreg_to], val);
    } else {
        r->regs[move->to] = val;
    }
}

static inline struct val run_read(const struct run *r, const struct mir_operand *op)
{
    const struct vreg *vreg = &r->mf->vregs[op->vreg];
    if (!r->is_allocated) {
        return (vreg->flags & VREG_CONST) != 0   ? run_const(r->mf, vreg)
               : vreg->slot >= MIR_SLOT_INCOMING ? run_incoming(vreg)
                                                 : r->values[op->vreg];
    }
    if (op->loc == LOC_STACK) {
        return run_load(r, vreg);
    }
    if (op->loc == LOC_CONST) {
        return run_const(r->mf, vreg);
    }
    assert_true(op->loc < 64);
    return val_cut(r->regs[op->loc], vreg->size_bytes);
}

static inline void run_clobber(struct run *r, const struct mir_inst *in)
{
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = &r->mf->operands[in->first + k];
        if (op->kind >= OPERAND_EARLY_DEF && op->loc < 64) {
            r->regs[op->loc] = run_garbage(r, k);
        }
    }
}

static inline uint64_t run_inputs(struct run *r, const struct mir_inst *in)
{
    uint64_t hash = 0, both = 0;
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = &r->mf->operands[in->first + k];
        if (op->kind > OPERAND_USE_ANY) {
            continue;
        }
        struct val val = run_read(r, op);
        if ((in->flags & MIR_MOVE) != 0) {
            return val.low;
        }
        if ((in->flags & MIR_COMMUTES) != 0 && (k == 1 || k == 2)) {
            both += mix(mix(3, val.low), val.high);
        } else {
            hash = mix(mix(hash, val.low), val.high);
        }
    }
    return mix(hash, both);
}

static inline void run_write(struct run *r, const struct mir_operand *op, struct val val)
{
    const struct vreg *vreg = &r->mf->vregs[op->vreg];
    val = val_cut(val, vreg->size_bytes);
    if (r->is_allocated) {
        r->regs[op->loc] = val;
    } else {
        r->values[op->vreg] = val;
    }
}

static inline void run_results(struct run *r, const struct mir_inst *in, uint64_t inputs)
{
    struct val moved = {0};
    if (in->op == TEST_MOVE) {
        moved = run_read(r, &r->mf->operands[in->first + 1]);
    }
    for (uint32_t k = 0; r->is_allocated && (in->flags & MIR_CALL) != 0 && k < 64; k++) {
        if ((r->machine->callee_saved >> k & 1) == 0) {
            r->regs[k] = run_garbage(r, k);
        }
    }
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = &r->mf->operands[in->first + k];
        if (op->kind < OPERAND_DEF || op->kind > OPERAND_EARLY_DEF) {
            continue;
        }
        uint64_t hash = mix(mix(inputs, in->imm), k);
        struct val val = {hash, mix(hash, 1)};
        val = in->op == TEST_MOVE ? moved : val;
        val = in->op == TEST_REMAT ? run_const(r->mf, &r->mf->vregs[op->vreg]) : val;
        run_write(r, op, val);
    }
}

static inline void run_inst(struct run *r, uint32_t i)
{
    const struct mir_inst *in = &r->mf->insts[i];
    while (r->is_allocated && r->next_move < r->mf->n_moves &&
           r->mf->moves[r->next_move].before == i) {
        run_move(r, &r->mf->moves[r->next_move++]);
    }
    if (r->is_allocated) {
        run_clobber(r, in);
    }
    uint64_t inputs = run_inputs(r, in);
    r->trace = mix(r->trace, inputs + in->imm);
    run_results(r, in, inputs);
    if (r->is_allocated) {
        r->regs[r->machine->scratch_vec] = run_garbage(r, 99);
        if (r->machine->scratch_gpr != REG_NONE) {
            r->regs[r->machine->scratch_gpr] = run_garbage(r, 99);
        }
    }
}

static inline void run_edge(struct run *r, const struct mir_edge *edge)
{
    const struct mir_func *mf = r->mf;
    const struct mir_block *to = &mf->blocks[edge->to];
    struct val vals[64];
    assert_true(to->n_params <= 64);
    for (uint32_t k = 0; !r->is_allocated && k < to->n_params; k++) {
        struct mir_operand op = {.vreg = mf->edge_args[edge->args_start + k]};
        vals[k] = run_read(r, &op);
    }
    for (uint32_t k = 0; !r->is_allocated && k < to->n_params; k++) {
        uint32_t v = mf->params[to->params_start + k];
        r->values[v] = val_cut(vals[k], mf->vregs[v].size_bytes);
    }
}

/* The moves before first come at next_move. */
static inline uint32_t run_find_moves(const struct mir_func *mf, uint32_t first)
{
    uint32_t low = 0, high = mf->n_moves;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        low = mf->moves[mid].before < first ? mid + 1 : low;
        high = mf->moves[mid].before < first ? high : mid;
    }
    return low;
}

/* The hash of a run of so many blocks at most. */
static inline uint64_t run_program(const struct mir_func *mf, const struct ra_machine *machine,
                                   bool is_allocated, uint64_t way, uint32_t n_blocks_max)
{
    struct run r = {.mf = mf, .machine = machine, .is_allocated = is_allocated, .trace = way};
    r.values = calloc(mf->n_vregs, sizeof *r.values);
    r.spills = malloc(mf->spill_bytes + 16);
    memset(r.spills, 0xab, mf->spill_bytes + 16);
    for (uint32_t k = 0; k < 64; k++) {
        r.regs[k] = run_garbage(&r, k);
    }
    uint32_t b = 0;
    for (uint32_t n = 0; n < n_blocks_max; n++) {
        const struct mir_block *block = &mf->blocks[b];
        r.next_move = run_find_moves(mf, block->first);
        for (uint32_t i = block->first; i < block->end; i++) {
            run_inst(&r, i);
        }
        if (block->n_edges == 0) {
            break;
        }
        const struct mir_edge *edge = &mf->edges[block->edges_start + r.trace % block->n_edges];
        run_edge(&r, edge);
        b = edge->to;
    }
    free(r.values);
    free(r.spills);
    return r.trace;
}

/* ---- Printing ---- */

static inline void print_put(void *ctx, const char *text, size_t len_bytes)
{
    fwrite(text, 1, len_bytes, ctx);
}

static inline void print_program(const struct mir_func *mf, const struct ra_machine *machine)
{
    mir_print(mf, machine, test_op_name, &(struct ssa_text){print_put, stderr});
}

#endif
