/*
 * Structured control: frames, branches, and where edges meet (wasm 2.0 §3.3.8, §4.4.8).
 *
 * A label's edges are kept with the values they carry until the label's block is known: at `end`
 * for blocks and ifs, where merge() makes phis for what differs; at the loop's start for loops,
 * whose phis exist from the beginning and get their arguments at the loop's end.
 */
#include <string.h>

#include "engine/wasm/build.h"

/* What may be put in the pool behind a loop before room is made again. */
#define POOL_AFTER_LOOP 64

/* Every value type as a list of one, for block types that are a single result. */
static const uint8_t single_type[] = {VALTYPE_EXTERNREF, VALTYPE_FUNCREF, VALTYPE_V128, VALTYPE_F64,
                                      VALTYPE_F32,       VALTYPE_I64,     VALTYPE_I32};

static const uint8_t *type_list_of(uint8_t valtype)
{
    for (uint32_t i = 0; i < sizeof single_type; i++) {
        if (single_type[i] == valtype) {
            return &single_type[i];
        }
    }
    return NULL;
}

static status_t reserve_words(struct builder *b, uint32_t n)
{
    void *words = b->words;
    status_t status = build_grow(b, &words, &b->cap_words, b->n_words + n, sizeof *b->words);
    b->words = words;
    return status;
}

/* Pops values of these types into words, in order; *start is where. */
static status_t pop_values(struct builder *b, const uint8_t *types, uint32_t n, uint32_t *start)
{
    status_t status = build_carry(b, n);
    if (status == STATUS_OK) {
        status = reserve_words(b, n);
    }
    *start = b->n_words;
    for (uint32_t i = n; status == STATUS_OK && i-- > 0;) {
        val_t v;
        status = build_pop(b, types[i], &v);
        b->words[*start + i] = v.i;
    }
    b->n_words += n;
    return status;
}

static status_t push_values(struct builder *b, const uint8_t *types, uint32_t n, uint32_t start)
{
    status_t status = build_reserve_stack(b, n);
    for (uint32_t i = 0; status == STATUS_OK && i < n; i++) {
        build_push(b, types[i], b->is_live ? (val_t){b->words[start + i]} : VAL_NONE);
    }
    return status;
}

/* Whether the operands on top have these types, without popping them. */
static status_t check_values(struct builder *b, const uint8_t *types, uint32_t n)
{
    uint32_t sp = b->sp;
    status_t status = STATUS_OK;
    for (uint32_t i = n; status == STATUS_OK && i-- > 0;) {
        val_t v;
        status = build_pop(b, types[i], &v);
    }
    b->sp = sp;
    return status;
}

static void label_types(const struct frame *f, const uint8_t **types, uint32_t *n)
{
    *types = f->kind == FRAME_LOOP ? f->params : f->results;
    *n = f->kind == FRAME_LOOP ? f->n_params : f->n_results;
}

/* ---- Blocks and edges ---- */

static blk_t new_block(struct builder *b)
{
    uint32_t i = b->fn->n_blocks++;
    b->fn->blocks[i] = (struct ssa_block){.loop = b->loop};
    return (blk_t){i};
}

static void set_single_pred(struct builder *b, blk_t block, uint32_t pred)
{
    struct ssa_block *to = &b->fn->blocks[block.i];
    to->pred_start = b->fn->n_pool;
    to->n_preds = 1;
    b->fn->pool[b->fn->n_pool++] = pred;
}

/* Ends the current block; the successors' slots, n of them, are consecutive from the answer. */
static uint32_t end_block(struct builder *b, enum ssa_op op, val_t arg, uint32_t n_succs)
{
    val_t v = ssa_new(b->fn, op, T_VOID);
    struct ssa_inst *inst = ssa_inst(b->fn, v);
    inst->arg[0] = arg.i;
    inst->pos = b->pos;
    ssa_append(b->fn, b->block, v);
    struct ssa_block *block = &b->fn->blocks[b->block.i];
    block->succ_start = b->fn->n_pool;
    block->n_succs = n_succs;
    for (uint32_t i = 0; i < n_succs; i++) {
        b->fn->pool[b->fn->n_pool++] = BLOCK_NONE.i;
    }
    return block->succ_start;
}

/* The locals changed since the frame began, with their values, into words. */
static status_t save_changed_locals(struct builder *b, const struct frame *f, struct edge *edge)
{
    uint32_t n_trail = b->n_trail - f->trail_start;
    status_t status = build_carry(b, n_trail);
    if (status == STATUS_OK) {
        status = reserve_words(b, 2 * n_trail);
    }
    if (status != STATUS_OK) {
        return status;
    }
    b->stamp++;
    edge->locals = b->n_words;
    edge->n_locals = 0;
    for (uint32_t i = b->n_trail; i-- > f->trail_start;) {
        uint32_t local = b->trail[i].local;
        if (b->merge_stamp[local] != b->stamp) {
            b->merge_stamp[local] = b->stamp;
            b->words[b->n_words++] = local;
            b->words[b->n_words++] = b->locals[local];
            edge->n_locals++;
        }
    }
    return STATUS_OK;
}

/* The locals of a loop's set, in its order, into words. */
static status_t save_set_locals(struct builder *b, uint32_t set, struct edge *edge)
{
    uint32_t n = set != 0 ? b->scan.loops[set].n : 0;
    status_t status = build_carry(b, n);
    if (status == STATUS_OK) {
        status = reserve_words(b, n);
    }
    edge->locals = b->n_words;
    edge->n_locals = n;
    for (uint32_t node = n != 0 ? b->scan.loops[set].first : 0; status == STATUS_OK && node != 0;
         node = b->scan.nodes[node].next) {
        b->words[b->n_words++] = b->locals[b->scan.nodes[node].local];
    }
    return status;
}

/* A branch from the current block to a label, with the values at words[values]. */
static status_t add_edge(struct builder *b, struct frame *f, uint32_t succ_slot, uint32_t values)
{
    void *edges = b->edges;
    status_t status = build_grow(b, &edges, &b->cap_edges, b->n_edges + 1, sizeof *b->edges);
    b->edges = edges;
    struct edge edge = {
        .from = b->block.i, .succ_slot = succ_slot, .next = NO_EDGE, .values = values};
    if (status == STATUS_OK) {
        status = f->kind == FRAME_LOOP ? save_set_locals(b, f->set, &edge)
                                       : save_changed_locals(b, f, &edge);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (f->kind == FRAME_LOOP) {
        b->fn->pool[succ_slot] = f->header;
    }
    uint32_t i = b->n_edges++;
    b->edges[i] = edge;
    if (f->first_edge == NO_EDGE) {
        f->first_edge = i;
    } else {
        b->edges[f->last_edge].next = i;
    }
    f->last_edge = i;
    f->n_edges++;
    return STATUS_OK;
}

static void undo_trail(struct builder *b, uint32_t to)
{
    while (b->n_trail > to) {
        const struct trail_entry *t = &b->trail[--b->n_trail];
        b->locals[t->local] = t->old_value;
        b->local_mark[t->local] = t->old_mark;
    }
}

/* A phi over a row of the pool, or the value that all of the row are. */
static val_t phi_of_row(struct builder *b, enum ssa_type type, uint32_t row, uint32_t n)
{
    const uint32_t *args = &b->fn->pool[row];
    uint32_t i = 1;
    while (i < n && args[i] == args[0]) {
        i++;
    }
    if (i == n) {
        return (val_t){args[0]};
    }
    val_t v = ssa_new(b->fn, SSA_PHI, type);
    struct ssa_inst *inst = ssa_inst(b->fn, v);
    inst->arg[0] = row;
    inst->arg[1] = n;
    ssa_append(b->fn, b->block, v);
    return v;
}

static status_t reserve_row(struct builder *b, uint32_t n)
{
    status_t status = build_carry(b, n);
    if (status != STATUS_OK) {
        return status;
    }
    status = ssa_reserve_pool(b->fn, n + 1);
    if (status == STATUS_OK) {
        status = ssa_reserve_insts(b->fn, 64);
    }
    return status == STATUS_OK
               ? status
               : build_fail(b, status, "out of memory: too many values meet at a label");
}

/* One row per local that any edge changed; the locals are listed in words from *start. */
static status_t merge_rows(struct builder *b, const struct frame *f, uint32_t *start)
{
    uint32_t n_words_before = b->n_words;
    uint32_t stamp = ++b->stamp;
    uint32_t column = 0;
    for (uint32_t e = f->first_edge; e != NO_EDGE; e = b->edges[e].next, column++) {
        for (uint32_t i = 0; i < b->edges[e].n_locals; i++) {
            uint32_t local = b->words[b->edges[e].locals + 2 * i];
            if (b->merge_stamp[local] != stamp) {
                status_t status = reserve_row(b, f->n_edges);
                if (status == STATUS_OK) {
                    status = reserve_words(b, 1);
                }
                if (status != STATUS_OK) {
                    return status;
                }
                b->merge_stamp[local] = stamp;
                b->merge_row[local] = b->fn->n_pool;
                b->words[b->n_words++] = local;
                for (uint32_t k = 0; k < f->n_edges; k++) {
                    b->fn->pool[b->fn->n_pool++] = b->locals[local];
                }
            }
            b->fn->pool[b->merge_row[local] + column] = b->words[b->edges[e].locals + 2 * i + 1];
        }
    }
    *start = n_words_before;
    return STATUS_OK;
}

/* The label's block begins: predecessors, and the entry state of the frame. */
static status_t begin_merge(struct builder *b, const struct frame *f)
{
    status_t status = ssa_reserve_pool(b->fn, f->n_edges + 64);
    if (status != STATUS_OK) {
        return build_fail(b, status, "out of memory compiling a function");
    }
    b->block = new_block(b);
    struct ssa_block *block = &b->fn->blocks[b->block.i];
    block->pred_start = b->fn->n_pool;
    block->n_preds = f->n_edges;
    for (uint32_t e = f->first_edge; e != NO_EDGE; e = b->edges[e].next) {
        b->fn->pool[b->edges[e].succ_slot] = b->block.i;
        b->fn->pool[b->fn->n_pool++] = b->edges[e].from;
    }
    undo_trail(b, f->trail_start);
    return STATUS_OK;
}

/* The results of the label, merged, are left in words at *start. */
static status_t merge_results(struct builder *b, const struct frame *f, uint32_t *start)
{
    status_t status = reserve_words(b, f->n_results);
    *start = b->n_words;
    b->n_words += status == STATUS_OK ? f->n_results : 0;
    for (uint32_t i = 0; status == STATUS_OK && i < f->n_results; i++) {
        status = reserve_row(b, f->n_edges);
        if (status != STATUS_OK) {
            break;
        }
        uint32_t row = b->fn->n_pool;
        for (uint32_t e = f->first_edge; e != NO_EDGE; e = b->edges[e].next) {
            b->fn->pool[b->fn->n_pool++] = b->words[b->edges[e].values + i];
        }
        val_t v = phi_of_row(b, wasm_ssa_type(f->results[i]), row, f->n_edges);
        b->words[*start + i] = v.i;
    }
    return status;
}

static status_t set_merged_locals(struct builder *b, uint32_t n_edges, uint32_t from, uint32_t to)
{
    void *trail = b->trail;
    status_t status =
        build_grow(b, &trail, &b->cap_trail, b->n_trail + (to - from), sizeof *b->trail);
    b->trail = trail;
    for (uint32_t i = from; status == STATUS_OK && i < to; i++) {
        uint32_t local = b->words[i];
        status = reserve_row(b, 0);
        if (status == STATUS_OK) {
            build_set_local(
                b, local,
                phi_of_row(b, wasm_ssa_type(b->local_types[local]), b->merge_row[local], n_edges));
        }
    }
    return status;
}

/*
 * All edges of a forward label meet in a new block, which becomes the current one. The frame is
 * popped; the merged results are in words at *values. Without edges nothing is live behind it.
 */
static status_t merge(struct builder *b, uint32_t *values)
{
    struct frame f = *build_top(b);
    *values = b->n_words;
    if (f.n_edges == 0) {
        undo_trail(b, f.trail_start);
        b->n_frames--;
        b->is_live = false;
        return STATUS_OK;
    }
    b->is_live = true;
    status_t status = begin_merge(b, &f);
    uint32_t locals_start = 0, locals_end = 0;
    if (status == STATUS_OK) {
        status = merge_rows(b, &f, &locals_start);
        locals_end = b->n_words;
    }
    if (status == STATUS_OK) {
        status = merge_results(b, &f, values);
    }
    b->n_frames--;
    if (status == STATUS_OK && b->n_frames > 0) {
        status = set_merged_locals(b, f.n_edges, locals_start, locals_end);
    }
    return status;
}

/* ---- Loops ---- */

static status_t begin_loop(struct builder *b, struct frame *f)
{
    uint32_t values;
    status_t status = pop_values(b, f->params, f->n_params, &values);
    uint32_t n_set = f->set != 0 ? b->scan.loops[f->set].n : 0;
    struct edge entry = {0};
    if (status == STATUS_OK) {
        status = save_set_locals(b, f->set, &entry); /* follows the params in words */
    }
    if (status == STATUS_OK) {
        status = ssa_reserve_insts(b->fn, f->n_params + n_set + 64);
    }
    void *trail = b->trail;
    if (status == STATUS_OK) {
        status = build_grow(b, &trail, &b->cap_trail, b->n_trail + n_set, sizeof *b->trail);
        b->trail = trail;
    }
    if (status != STATUS_OK) {
        return status;
    }
    f->else_params = values;
    f->else_from = b->block.i;
    uint32_t slot = end_block(b, SSA_JUMP, VAL_NONE, 1);
    b->block = new_block(b);
    f->header = b->fn->pool[slot] = b->block.i;
    f->first_phi = b->fn->n_insts;
    for (uint32_t i = 0; i < f->n_params; i++) {
        val_t v = ssa_new(b->fn, SSA_PHI, wasm_ssa_type(f->params[i]));
        ssa_append(b->fn, b->block, v);
        build_push(b, f->params[i], v);
    }
    for (uint32_t node = n_set != 0 ? b->scan.loops[f->set].first : 0; node != 0;
         node = b->scan.nodes[node].next) {
        uint32_t local = b->scan.nodes[node].local;
        val_t v = ssa_new(b->fn, SSA_PHI, wasm_ssa_type(b->local_types[local]));
        ssa_append(b->fn, b->block, v);
        build_set_local(b, local, v);
    }
    return STATUS_OK;
}

/* Gives the phis of a loop their arguments, now that all its back edges are known. */
static status_t finish_loop(struct builder *b, const struct frame *f)
{
    struct ssa_func *fn = b->fn;
    uint32_t n_preds = 1 + f->n_edges;
    uint32_t n_phis = f->n_params + (f->set != 0 ? b->scan.loops[f->set].n : 0);
    uint64_t n_words = (uint64_t)n_preds * (n_phis + 1);
    status_t status = build_carry(b, n_words);
    if (status != STATUS_OK) {
        return status;
    }
    if (n_words > UINT32_MAX / 4 ||
        ssa_reserve_pool(fn, (uint32_t)n_words + POOL_AFTER_LOOP) != STATUS_OK) {
        return build_fail(b, ERR_NO_MEMORY, "out of memory: too many values live in a loop");
    }
    struct ssa_block *header = &fn->blocks[f->header];
    header->pred_start = fn->n_pool;
    header->n_preds = n_preds;
    fn->pool[fn->n_pool++] = f->else_from;
    for (uint32_t e = f->first_edge; e != NO_EDGE; e = b->edges[e].next) {
        fn->pool[fn->n_pool++] = b->edges[e].from;
    }
    for (uint32_t i = 0; i < n_phis; i++) {
        struct ssa_inst *phi = &fn->insts[f->first_phi + i];
        phi->arg[0] = fn->n_pool;
        phi->arg[1] = n_preds;
        fn->pool[fn->n_pool++] = b->words[f->else_params + i];
        for (uint32_t e = f->first_edge; e != NO_EDGE; e = b->edges[e].next) {
            const struct edge *edge = &b->edges[e];
            fn->pool[fn->n_pool++] = i < f->n_params ? b->words[edge->values + i]
                                                     : b->words[edge->locals + (i - f->n_params)];
        }
    }
    return STATUS_OK;
}

/* ---- Frames ---- */

status_t build_push_frame(struct builder *b, enum frame_kind kind,
                          const struct engine_functype *type)
{
    void *frames = b->frames;
    status_t status = build_grow(b, &frames, &b->cap_frames, b->n_frames + 1, sizeof *b->frames);
    b->frames = frames;
    if (status != STATUS_OK) {
        return status;
    }
    b->frames[b->n_frames++] = (struct frame){.kind = kind,
                                              .is_dead = !b->is_live,
                                              .n_params = type->n_params,
                                              .n_results = type->n_results,
                                              .params = type->params,
                                              .results = type->results,
                                              .height = b->sp,
                                              .trail_start = b->n_trail,
                                              .first_edge = NO_EDGE};
    return STATUS_OK;
}

static status_t read_block_type(struct builder *b, struct engine_functype *type)
{
    int64_t code;
    status_t status = reader_s33(&b->r, &code);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    *type = (struct engine_functype){0};
    if (code >= 0) {
        if (code >= b->module->n_types) {
            return build_fail(b, ERR_INVALID, "unknown type %lld", (long long)code);
        }
        *type = b->module->types[code];
        return STATUS_OK;
    }
    if (code == -0x40) {
        return STATUS_OK;
    }
    uint8_t byte = (uint8_t)(code & 0x7f);
    if (code < -0x40 || !wasm_is_valtype(byte)) {
        return build_fail(b, ERR_MALFORMED, "malformed block type");
    }
    type->n_results = 1;
    type->results = type_list_of(byte);
    return STATUS_OK;
}

static status_t begin_if(struct builder *b, struct frame *f, val_t cond, uint32_t params)
{
    f->else_params = params;
    if (!b->is_live) {
        return STATUS_OK;
    }
    uint32_t from = b->block.i;
    uint32_t slot = end_block(b, SSA_BRANCH, cond, 2);
    f->else_slot = slot + 1;
    f->else_from = from;
    b->block = new_block(b);
    b->fn->pool[slot] = b->block.i;
    set_single_pred(b, b->block, from);
    return STATUS_OK;
}

status_t build_block(struct builder *b, enum frame_kind kind)
{
    struct engine_functype type;
    val_t cond = VAL_NONE;
    uint32_t params;
    status_t status = read_block_type(b, &type);
    if (status == STATUS_OK && kind == FRAME_IF) {
        status = build_pop(b, VALTYPE_I32, &cond);
    }
    if (status == STATUS_OK) {
        status = pop_values(b, type.params, type.n_params, &params);
    }
    if (status == STATUS_OK) {
        status = build_push_frame(b, kind, &type);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct frame *f = build_top(b);
    if (kind == FRAME_LOOP) {
        status = prescan_loop(b, &f->set);
    } else if (kind == FRAME_IF) {
        status = begin_if(b, f, cond, params);
    }
    if (status == STATUS_OK) {
        status = push_values(b, type.params, type.n_params, params);
    }
    return status == STATUS_OK && kind == FRAME_LOOP && b->is_live ? begin_loop(b, f) : status;
}

/* At the end of an arm: its results are on the stack and nothing else; a live end is an edge. */
static status_t end_arm(struct builder *b, struct frame *f)
{
    uint32_t values;
    status_t status = pop_values(b, f->results, f->n_results, &values);
    if (status != STATUS_OK) {
        return status;
    }
    if (b->sp != f->height) {
        return build_fail(b, ERR_INVALID, "type mismatch: %u values remain at the end of a block",
                          b->sp - f->height);
    }
    if (!b->is_live) {
        return STATUS_OK;
    }
    return add_edge(b, f, end_block(b, SSA_JUMP, VAL_NONE, 1), values);
}

/* The other arm begins as the if did. */
static void begin_else(struct builder *b, struct frame *f)
{
    undo_trail(b, f->trail_start);
    f->kind = FRAME_ELSE;
    f->is_unreachable = false;
    b->is_live = !f->is_dead;
    if (b->is_live) {
        b->block = new_block(b);
        b->fn->pool[f->else_slot] = b->block.i;
        set_single_pred(b, b->block, f->else_from);
    }
}

status_t build_else(struct builder *b)
{
    struct frame *f = build_top(b);
    if (f->kind != FRAME_IF) {
        return build_fail(b, ERR_MALFORMED, "else without if");
    }
    status_t status = end_arm(b, f);
    if (status != STATUS_OK) {
        return status;
    }
    begin_else(b, f);
    return push_values(b, f->params, f->n_params, f->else_params);
}

/* An if without else: its parameters pass through as its results. */
static status_t end_if(struct builder *b, struct frame *f)
{
    if (f->n_params != f->n_results || memcmp(f->params, f->results, f->n_params) != 0) {
        return build_fail(b, ERR_INVALID, "type mismatch: if without else changes its types");
    }
    status_t status = end_arm(b, f);
    if (status == STATUS_OK) {
        begin_else(b, f);
        status = push_values(b, f->params, f->n_params, f->else_params);
    }
    return status;
}

/* A block that nothing branches to needs no block of its own. */
static status_t end_straight(struct builder *b)
{
    struct frame *f = build_top(b);
    uint32_t values;
    status_t status = pop_values(b, f->results, f->n_results, &values);
    if (status != STATUS_OK) {
        return status;
    }
    if (b->sp != f->height) {
        return build_fail(b, ERR_INVALID, "type mismatch: %u values remain at the end of a block",
                          b->sp - f->height);
    }
    if (!b->is_live) {
        undo_trail(b, f->trail_start);
    } else if (f->kind == FRAME_LOOP) {
        status = finish_loop(b, f);
    }
    if (f->kind == FRAME_LOOP && !b->is_live && !f->is_dead && status == STATUS_OK) {
        status = finish_loop(b, f);
    }
    struct frame popped = *f;
    b->n_frames--;
    return status == STATUS_OK ? push_values(b, popped.results, popped.n_results, values) : status;
}

static status_t end_function(struct builder *b)
{
    struct frame *f = build_top(b);
    uint32_t values;
    status_t status;
    if (f->n_edges == 0) {
        status = pop_values(b, f->results, f->n_results, &values);
        if (status == STATUS_OK && b->sp != f->height) {
            return build_fail(b, ERR_INVALID,
                              "type mismatch: %u values remain at the end of a "
                              "function",
                              b->sp - f->height);
        }
        b->n_frames--;
    } else {
        status = end_arm(b, f);
        if (status == STATUS_OK) {
            status = merge(b, &values);
        }
    }
    val_t v;
    return status == STATUS_OK
               ? build_emit_list(b, SSA_RETURN, T_VOID, &b->words[values], b->fn->n_results, 0, &v)
               : status;
}

status_t build_end(struct builder *b)
{
    struct frame *f = build_top(b);
    if (f->kind == FRAME_FUNC) {
        return end_function(b);
    }
    if (f->kind == FRAME_LOOP || (f->kind == FRAME_BLOCK && f->n_edges == 0)) {
        return end_straight(b);
    }
    status_t status = STATUS_OK;
    if (f->kind == FRAME_IF) {
        status = end_if(b, f);
    }
    if (status == STATUS_OK) {
        status = end_arm(b, f);
    }
    struct frame popped = *f;
    uint32_t values;
    if (status == STATUS_OK) {
        status = merge(b, &values);
    }
    return status == STATUS_OK ? push_values(b, popped.results, popped.n_results, values) : status;
}

/* ---- Branches ---- */

static void set_unreachable(struct builder *b)
{
    struct frame *f = build_top(b);
    b->sp = f->height;
    f->is_unreachable = true;
    b->is_live = false;
}

void build_unreachable(struct builder *b)
{
    if (b->is_live) {
        end_block(b, SSA_TRAP, VAL_NONE, 0);
        b->fn->insts[b->fn->n_insts - 1].sub = TRAP_UNREACHABLE;
    }
    set_unreachable(b);
}

static status_t read_label(struct builder *b, struct frame **f)
{
    uint32_t depth;
    status_t status = reader_u32(&b->r, &depth);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    if (depth >= b->n_frames) {
        return build_fail(b, ERR_INVALID, "unknown label %u", depth);
    }
    *f = &b->frames[b->n_frames - 1 - depth];
    return STATUS_OK;
}

static status_t return_values(struct builder *b, uint32_t values)
{
    val_t v;
    status_t status =
        build_emit_list(b, SSA_RETURN, T_VOID, &b->words[values], b->fn->n_results, 0, &v);
    set_unreachable(b);
    return status;
}

status_t build_br(struct builder *b)
{
    struct frame *f;
    const uint8_t *types;
    uint32_t n, values;
    status_t status = read_label(b, &f);
    if (status != STATUS_OK) {
        return status;
    }
    label_types(f, &types, &n);
    status = pop_values(b, types, n, &values);
    if (status == STATUS_OK && f->kind == FRAME_FUNC) {
        return return_values(b, values);
    }
    if (status == STATUS_OK && b->is_live) {
        status = add_edge(b, f, end_block(b, SSA_JUMP, VAL_NONE, 1), values);
    }
    set_unreachable(b);
    return status;
}

status_t build_br_if(struct builder *b)
{
    struct frame *f;
    const uint8_t *types;
    uint32_t n, values;
    val_t cond;
    status_t status = read_label(b, &f);
    if (status == STATUS_OK) {
        status = build_pop(b, VALTYPE_I32, &cond);
    }
    if (status != STATUS_OK) {
        return status;
    }
    label_types(f, &types, &n);
    status = pop_values(b, types, n, &values);
    if (status == STATUS_OK && b->is_live) {
        uint32_t from = b->block.i;
        uint32_t slot = end_block(b, SSA_BRANCH, cond, 2);
        status = add_edge(b, f, slot, values);
        b->block = new_block(b);
        b->fn->pool[slot + 1] = b->block.i;
        set_single_pred(b, b->block, from);
    }
    return status == STATUS_OK ? push_values(b, types, n, values) : status;
}

status_t build_return(struct builder *b)
{
    uint32_t values;
    status_t status = pop_values(b, b->frames[0].results, b->frames[0].n_results, &values);
    return status == STATUS_OK ? return_values(b, values) : status;
}

/* One entry of a br_table: the successor that leads to the label, the same for equal labels. */
static status_t add_target(struct builder *b, struct frame *f, uint32_t arity, uint32_t *n_succs,
                           uint32_t *target)
{
    const uint8_t *types;
    uint32_t n;
    label_types(f, &types, &n);
    if (n != arity) {
        return build_fail(b, ERR_INVALID, "type mismatch: labels of br_table take %u and %u values",
                          arity, n);
    }
    if (f->table_stamp != b->table_stamp) {
        f->table_stamp = b->table_stamp;
        f->table_succ = (*n_succs)++;
        *target = f->table_succ;
        return check_values(b, types, n);
    }
    *target = f->table_succ;
    return STATUS_OK;
}

/* The labels: read twice, first for the default (which is last), then all. */
static status_t read_table(struct builder *b, uint32_t *n, struct reader *labels,
                           struct frame **last)
{
    status_t status = reader_u32(&b->r, n);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    if (!reader_has(&b->r, *n)) {
        return build_fail(b, ERR_MALFORMED, "unexpected end: br_table of %u labels", *n);
    }
    *labels = b->r;
    for (uint32_t i = 0; i <= *n; i++) {
        status = read_label(b, last);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* Ends the block with edges to every label used; words[order + k] is the frame of successor k. */
static status_t end_with_table(struct builder *b, val_t index, uint32_t n_succs, uint32_t order,
                               uint32_t table, uint32_t n_table, uint32_t values)
{
    status_t status = ssa_reserve_pool(b->fn, n_succs + n_table + 64);
    if (status != STATUS_OK) {
        return build_fail(b, status, "out of memory: br_table");
    }
    uint32_t start = b->fn->n_pool;
    for (uint32_t i = 0; i < n_table; i++) {
        b->fn->pool[b->fn->n_pool++] = b->words[table + i];
    }
    uint32_t slot = end_block(b, SSA_BR_TABLE, index, n_succs);
    struct ssa_inst *inst = &b->fn->insts[b->fn->n_insts - 1];
    inst->imm = start;
    inst->arg[1] = n_table;
    for (uint32_t k = 0; status == STATUS_OK && k < n_succs; k++) {
        status = add_edge(b, &b->frames[b->words[order + k]], slot + k, values);
    }
    return status;
}

status_t build_br_table(struct builder *b)
{
    uint32_t n = 0, arity, values = 0, n_succs = 0;
    struct reader labels;
    struct frame *last;
    const uint8_t *types;
    val_t index;
    status_t status = read_table(b, &n, &labels, &last);
    if (status == STATUS_OK) {
        status = build_pop(b, VALTYPE_I32, &index);
    }
    uint32_t max_succs = n + 1 < b->n_frames ? n + 1 : b->n_frames;
    if (status == STATUS_OK) {
        status = reserve_words(b, n + 1 + max_succs);
    }
    if (status != STATUS_OK) {
        return status;
    }
    label_types(last, &types, &arity);
    uint32_t table = b->n_words, order = table + n + 1;
    b->n_words = order + max_succs;
    b->table_stamp++;
    struct reader end = b->r;
    b->r = labels;
    for (uint32_t i = 0; status == STATUS_OK && i <= n; i++) {
        struct frame *f;
        uint32_t target = 0;
        status = read_label(b, &f);
        if (status == STATUS_OK) {
            status = add_target(b, f, arity, &n_succs, &target);
            b->words[table + i] = target;
            b->words[order + target] = (uint32_t)(f - b->frames);
        }
    }
    b->r = end;
    if (status == STATUS_OK) {
        status = pop_values(b, types, arity, &values);
    }
    if (status == STATUS_OK && b->is_live) {
        status = end_with_table(b, index, n_succs, order, table, n + 1, values);
    }
    set_unreachable(b);
    return status;
}
