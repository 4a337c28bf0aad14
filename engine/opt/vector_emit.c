/*
 * The vector loop and what stands around it:
 *
 *     entry ──> checks ──> before ──> loop ──> after ──> rest ──> header (as it was)
 *       │          │                  └──┘                │
 *       └──────────┴──────────────────────────────────────┘
 *
 * entry    counts the rounds before the last; are they worth it?
 * checks   every stream is in memory and doesn't wrap, and stored ones touch no other
 * before   values from outside, in all lanes
 * loop     n_rounds rounds each time, as long as one at least remains for the old loop
 * after    counters and sums as they are then
 * rest     chooses between these and the old loop's own beginnings
 *
 * Sums are on 64 bits, where none of them wraps: counts are below 2^32, steps small.
 */
#include <string.h>

#include "engine/opt/fold.h"
#include "engine/opt/vector.h"

#define MIN_TIMES 2 /* that the vector loop must be worth going round */

#define INSTANCE_FIELD(field)                                                                      \
    (uint64_t)((int64_t)offsetof(struct engine_instance, field) -                                  \
               (int64_t)sizeof(struct engine_instance))

/* ---- Making instructions ---- */

static uint32_t loop_pos(const struct vectorizer *z)
{
    return z->fn->insts[z->fn->blocks[z->header].last].pos;
}

/* Folded, or appended to a block (before its end, if it has one). */
static val_t emit_inst(struct vectorizer *z, uint32_t block, struct ssa_inst inst)
{
    struct ssa_func *fn = z->fn;
    if (z->status == STATUS_OK) {
        z->status = ssa_reserve_insts(fn, FOLD_MAX_NEW + 1);
    }
    if (z->status != STATUS_OK) {
        return VAL_NONE;
    }
    bool is_scalar = inst.op < SSA_V_V128_LOAD && inst.type != T_V128;
    val_t v = is_scalar ? fold_inst(fn, &inst) : VAL_NONE;
    if (v.i != 0) {
        return v;
    }
    inst.pos = inst.pos != 0 ? inst.pos : loop_pos(z);
    v = ssa_new(fn, inst.op, inst.type);
    fn->insts[v.i] = inst;
    uint32_t last = fn->blocks[block].last;
    if (last != 0 && ssa_has(&fn->insts[last], SSA_END)) {
        ssa_insert_before(fn, (val_t){last}, v);
    } else {
        ssa_append(fn, (blk_t){block}, v);
    }
    return v;
}

static val_t emit(struct vectorizer *z, uint32_t block, uint16_t op, enum ssa_type type, val_t a,
                  val_t b)
{
    return emit_inst(z, block, (struct ssa_inst){.op = op, .type = type, .arg = {a.i, b.i}});
}

static val_t constant(struct vectorizer *z, enum ssa_type type, int64_t value)
{
    if (z->status == STATUS_OK) {
        z->status = ssa_reserve_insts(z->fn, 1);
    }
    return z->status == STATUS_OK ? ssa_const(z->fn, type, (uint64_t)value) : VAL_NONE;
}

/* 16 bytes, in 32-bit lanes first, first + step, ... */
static val_t lanes_constant(struct vectorizer *z, uint32_t first, uint32_t step)
{
    uint32_t lanes[4] = {first, first + step, first + 2 * step, first + 3 * step};
    uint8_t bytes[VECTOR_BYTES];
    val_t v = VAL_NONE;
    memcpy(bytes, lanes, sizeof bytes); /* lane 0 lowest, on machines that are little-endian too */
    if (z->status == STATUS_OK) {
        z->status = ssa_vconst(z->fn, bytes, &v);
    }
    return v;
}

/* A phi of n values; the blocks are the block's predecessors, in their order. */
static val_t emit_phi(struct vectorizer *z, uint32_t block, enum ssa_type type, uint32_t n,
                      const val_t *args)
{
    struct ssa_func *fn = z->fn;
    if (z->status == STATUS_OK) {
        z->status = ssa_reserve_insts(fn, 1);
    }
    if (z->status == STATUS_OK) {
        z->status = ssa_reserve_pool(fn, n);
    }
    if (z->status != STATUS_OK) {
        return VAL_NONE;
    }
    val_t v = ssa_new(fn, SSA_PHI, type);
    fn->insts[v.i].arg[0] = fn->n_pool;
    fn->insts[v.i].arg[1] = n;
    for (uint32_t i = 0; i < n; i++) {
        fn->pool[fn->n_pool++] = args[i].i;
    }
    ssa_insert_phi(fn, (blk_t){block}, v);
    return v;
}

static void set_phi_arg(struct vectorizer *z, val_t phi, uint32_t i, val_t value)
{
    if (z->status == STATUS_OK) {
        z->fn->pool[z->fn->insts[phi.i].arg[0] + i] = value.i;
    }
}

/* value * factor, on the value's bits. */
static val_t emit_times(struct vectorizer *z, uint32_t block, enum ssa_type type, val_t value,
                        int64_t factor)
{
    return emit(z, block, SSA_MUL, type, value, constant(z, type, factor));
}

/* What an affine value is in the loop's first round. */
static val_t emit_first(struct vectorizer *z, uint32_t block, const struct vector_affine *a)
{
    val_t sum = VAL_NONE;
    if (a->phi != 0) {
        val_t init = {vector_phi_of(z, a->phi)->init};
        sum = emit_times(z, block, T_I32, init, a->scale);
    }
    if (a->base != 0) {
        val_t base = {a->base};
        sum = a->phi != 0 ? emit(z, block, SSA_ADD, T_I32, sum, base) : base;
    }
    return emit(z, block, SSA_ADD, T_I32, sum, constant(z, T_I32, a->c));
}

/* ---- entry: how many rounds ---- */

static uint32_t log2_of(uint64_t n)
{
    return (uint32_t)__builtin_ctzll(n);
}

static bool is_power_of_2(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static val_t emit_quotient(struct vectorizer *z, enum ssa_type type, val_t n, uint32_t divisor)
{
    if (is_power_of_2(divisor)) {
        return emit(z, z->entry, SSA_SHR_U, type, n, constant(z, type, log2_of(divisor)));
    }
    return emit(z, z->entry, SSA_DIV_U, type, n, constant(z, type, divisor));
}

/* Until the counter is b: it must meet it, on the way that leads there without going around. */
static val_t count_until_equal(struct vectorizer *z, val_t first, val_t last)
{
    uint32_t step = (uint32_t)(z->test.step < 0 ? -z->test.step : z->test.step);
    val_t distance = z->test.step > 0 ? emit(z, z->entry, SSA_SUB, T_I32, last, first)
                                      : emit(z, z->entry, SSA_SUB, T_I32, first, last);
    val_t rounds = emit_quotient(z, T_I32, distance, step);
    val_t product = emit_times(z, z->entry, T_I32, rounds, step);
    z->rounds = emit(z, z->entry, SSA_EXTEND_U, T_I64, rounds, VAL_NONE);
    return emit(z, z->entry, SSA_EQ, T_I32, product, distance);
}

/*
 * While it is below (or above) b: b must be ahead, and the first value that isn't on this side of
 * it mustn't wrap, so b must be a step from the type's end.
 */
static val_t count_until_past(struct vectorizer *z, val_t first, val_t last)
{
    uint32_t e = z->entry;
    uint16_t op = z->test.op;
    bool is_signed = op == SSA_LT_S || op == SSA_LE_S || op == SSA_GT_S || op == SSA_GE_S;
    bool is_inclusive = op == SSA_LE_S || op == SSA_LE_U || op == SSA_GE_S || op == SSA_GE_U;
    bool is_up = z->test.step > 0;
    int64_t step = is_up ? z->test.step : -(int64_t)z->test.step;
    int64_t min = is_signed ? INT32_MIN : 0, max = is_signed ? INT32_MAX : UINT32_MAX;
    uint16_t extend = is_signed ? SSA_EXTEND_S : SSA_EXTEND_U;
    first = emit(z, e, extend, T_I64, first, VAL_NONE);
    last = emit(z, e, extend, T_I64, last, VAL_NONE);
    if (is_inclusive) {
        last = emit(z, e, SSA_ADD, T_I64, last, constant(z, T_I64, is_up ? 1 : -1));
    }
    val_t distance =
        is_up ? emit(z, e, SSA_SUB, T_I64, last, first) : emit(z, e, SSA_SUB, T_I64, first, last);
    val_t is_ahead = emit(z, e, SSA_GT_S, T_I32, distance, constant(z, T_I64, 0));
    val_t has_room = is_up ? emit(z, e, SSA_LE_S, T_I32, last, constant(z, T_I64, max - step + 1))
                           : emit(z, e, SSA_GE_S, T_I32, last, constant(z, T_I64, min + step - 1));
    distance = emit(z, e, SSA_ADD, T_I64, distance, constant(z, T_I64, step - 1));
    z->rounds = emit_quotient(z, T_I64, distance, (uint32_t)step);
    return emit(z, e, SSA_AND, T_I32, is_ahead, has_room);
}

static val_t emit_rounds(struct vectorizer *z)
{
    val_t first = emit_first(z, z->entry, &z->test.a);
    val_t last = z->test.b != 0 ? (val_t){z->test.b} : constant(z, T_I32, 0);
    val_t is_counted =
        z->test.op == SSA_NE ? count_until_equal(z, first, last) : count_until_past(z, first, last);
    val_t least = constant(z, T_I64, (int64_t)z->n_rounds * MIN_TIMES);
    val_t is_enough = emit(z, z->entry, SSA_GE_U, T_I32, z->rounds, least);
    return emit(z, z->entry, SSA_AND, T_I32, is_counted, is_enough);
}

/* ---- checks ---- */

static val_t emit_memory_size(struct vectorizer *z)
{
    struct ssa_inst load = {.op = SSA_INST_LOAD, .type = T_I64};
    if (!compile_memory_is_imported(z->cx)) {
        load.imm = INSTANCE_FIELD(memory_size);
        load.sub = FIELD_SIZES;
        return emit_inst(z, z->checks, load);
    }
    load.imm = INSTANCE_FIELD(imported_memory);
    load.sub = FIELD_FIXED;
    val_t memory = emit_inst(z, z->checks, load);
    return emit_inst(z, z->checks,
                     (struct ssa_inst){.op = SSA_PTR_LOAD,
                                       .type = T_I64,
                                       .sub = FIELD_SIZES,
                                       .arg = {memory.i},
                                       .imm = offsetof(struct engine_memory, size_bytes)});
}

static val_t both(struct vectorizer *z, val_t a, val_t b)
{
    return emit(z, z->checks, SSA_AND, T_I32, a, b);
}

static val_t emit_plus(struct vectorizer *z, val_t a, int64_t c)
{
    return emit(z, z->checks, SSA_ADD, T_I64, a, constant(z, T_I64, c));
}

/* The stream's bounds; returns whether it is in memory. */
static val_t emit_bounds(struct vectorizer *z, struct vector_stream *s, val_t size)
{
    uint32_t c = z->checks;
    val_t is_right = constant(z, T_I32, 1);
    s->first = emit_first(z, c, &s->at);
    val_t first = emit(z, c, SSA_EXTEND_U, T_I64, s->first, VAL_NONE);
    val_t last = s->step != 0 ? emit(z, c, SSA_ADD, T_I64, first, z->all_bytes) : first;
    if (s->has_access) {
        s->start = emit_plus(z, first, s->low);
        s->end = emit_plus(z, last, s->high);
        is_right = emit(z, c, SSA_LE_U, T_I32, s->end, size);
    }
    if (s->index_max != VECTOR_NO_INDEX_MAX) {
        val_t max = constant(z, T_I64, s->index_max);
        is_right = both(z, is_right, emit(z, c, SSA_LE_S, T_I32, last, max));
    }
    return is_right;
}

static val_t emit_checks(struct vectorizer *z)
{
    uint32_t c = z->checks;
    val_t is_right = constant(z, T_I32, 1), size = emit_memory_size(z);
    int64_t step = (int64_t)z->n_copies * z->element_bytes;
    z->all_bytes = emit_times(z, c, T_I64, z->rounds, step);
    for (uint32_t i = 0; i < z->n_streams; i++) {
        is_right = both(z, is_right, emit_bounds(z, &z->streams[i], size));
    }
    for (uint32_t i = 0; i < z->n_streams; i++) {
        const struct vector_stream *a = &z->streams[i];
        for (uint32_t k = i + 1; k < z->n_streams; k++) {
            const struct vector_stream *b = &z->streams[k];
            if (a->has_access && b->has_access && (a->has_store || b->has_store)) {
                val_t is_below = emit(z, c, SSA_LE_U, T_I32, a->end, b->start);
                val_t is_above = emit(z, c, SSA_LE_U, T_I32, b->end, a->start);
                val_t is_apart = emit(z, c, SSA_OR, T_I32, is_below, is_above);
                is_right = both(z, is_right, is_apart);
            }
        }
    }
    val_t mask = constant(z, T_I64, -(int64_t)z->n_rounds);
    z->done = emit(z, c, SSA_AND, T_I64, z->rounds, mask);
    return is_right;
}

/* ---- before, loop ---- */

static val_t emit_splat(struct vectorizer *z, val_t value, enum vector_lane lane)
{
    static const uint16_t ops[N_LANES] = {SSA_V_I8X16_SPLAT, SSA_V_I16X8_SPLAT, SSA_V_I32X4_SPLAT,
                                          SSA_V_I64X2_SPLAT, SSA_V_F32X4_SPLAT, SSA_V_F64X2_SPLAT};
    uint64_t bits;
    if (ssa_is_const(z->fn, value, &bits)) {
        bits = z->element_bytes == 1   ? (bits & 0xff) * UINT64_C(0x0101010101010101)
               : z->element_bytes == 2 ? (bits & 0xffff) * UINT64_C(0x0001000100010001)
               : z->element_bytes == 4 ? (bits & 0xffffffff) * UINT64_C(0x100000001)
                                       : bits;
        uint64_t halves[2] = {bits, bits};
        uint8_t bytes[VECTOR_BYTES];
        val_t v = VAL_NONE;
        memcpy(bytes, halves, sizeof bytes);
        if (z->status == STATUS_OK) {
            z->status = ssa_vconst(z->fn, bytes, &v);
        }
        return v;
    }
    return emit(z, z->before, ops[lane], T_V128, value, VAL_NONE);
}

static void set_all(struct vectorizer *z, struct vector_pack *p, val_t v)
{
    for (uint32_t m = 0; m < z->n_vectors; m++) {
        p->out[m] = v;
    }
}

/* A load or store of vector m of a pack. */
static val_t emit_access(struct vectorizer *z, const struct vector_pack *p, uint32_t m)
{
    struct ssa_inst inst = {.op = p->kind == PACK_LOAD ? SSA_V_V128_LOAD : SSA_V_V128_STORE,
                            .type = p->kind == PACK_LOAD ? T_V128 : T_VOID,
                            .arg = {z->streams[p->stream].pointer.i},
                            .imm = (uint64_t)p->offset + (uint64_t)m * VECTOR_BYTES,
                            .pos = z->fn->insts[p->lanes[0]].pos};
    if (p->kind == PACK_STORE) {
        inst.arg[1] = z->packs[p->arg[1]].out[m].i;
    }
    return emit_inst(z, z->loop, inst);
}

/* A load from the same place each round: once, since no store of the loop reaches it. */
static val_t emit_load_splat(struct vectorizer *z, const struct vector_pack *p)
{
    static const uint16_t ops[] = {SSA_V_V128_LOAD8_SPLAT, SSA_V_V128_LOAD16_SPLAT,
                                   SSA_V_V128_LOAD32_SPLAT, SSA_V_V128_LOAD64_SPLAT};
    struct ssa_inst inst = {.op = ops[log2_of(z->element_bytes)],
                            .type = T_V128,
                            .arg = {z->streams[p->stream].first.i},
                            .imm = (uint64_t)p->offset,
                            .pos = z->fn->insts[p->lanes[0]].pos};
    return emit_inst(z, z->before, inst);
}

/* A counter in lanes: carried from round to round, vector m so many elements further. */
static void emit_counter(struct vectorizer *z, struct vector_pack *p)
{
    const struct vector_phi *phi = vector_phi_of(z, p->affine.phi);
    uint32_t step = p->affine.scale * (uint32_t)phi->step; /* of a round */
    uint32_t unit = p->unit;
    uint32_t n_lanes = VECTOR_BYTES / z->element_bytes;
    val_t first = emit_first(z, z->before, &p->affine);
    first = emit(z, z->before, SSA_V_I32X4_ADD, T_V128, emit_splat(z, first, LANE_I32),
                 lanes_constant(z, 0, unit));
    p->carried = emit_phi(z, z->loop, T_V128, 2, (val_t[]){first, first});
    p->out[0] = p->carried;
    for (uint32_t m = 1; m < z->n_vectors; m++) {
        val_t distance = lanes_constant(z, m * n_lanes * unit, 0);
        p->out[m] = emit(z, z->loop, SSA_V_I32X4_ADD, T_V128, p->carried, distance);
    }
    val_t next = emit(z, z->loop, SSA_V_I32X4_ADD, T_V128, p->carried,
                      lanes_constant(z, z->n_rounds * step, 0));
    set_phi_arg(z, p->carried, 1, next);
}

/* Each element's predecessor: the last of one vector and all but the last of the next. */
static void emit_previous(struct vectorizer *z, struct vector_pack *p)
{
    const struct vector_pack *of = &z->packs[p->arg[0]];
    val_t init = emit_splat(z, (val_t){vector_phi_of(z, p->lanes[0])->init}, p->lane);
    uint8_t from[VECTOR_BYTES];
    for (uint32_t i = 0; i < VECTOR_BYTES; i++) {
        from[i] = (uint8_t)(VECTOR_BYTES - z->element_bytes + i);
    }
    val_t bytes = VAL_NONE;
    if (z->status == STATUS_OK) {
        z->status = ssa_vconst(z->fn, from, &bytes);
    }
    p->carried = emit_phi(z, z->loop, T_V128, 2, (val_t[]){init, of->out[z->n_vectors - 1]});
    for (uint32_t m = 0; m < z->n_vectors; m++) {
        val_t last = m == 0 ? p->carried : of->out[m - 1];
        p->out[m] = emit_inst(z, z->loop,
                              (struct ssa_inst){.op = SSA_V_I8X16_SHUFFLE,
                                                .type = T_V128,
                                                .arg = {last.i, of->out[m].i},
                                                .imm = z->fn->insts[bytes.i].imm});
    }
}

static val_t emit_shift_count(struct vectorizer *z, const struct vector_pack *p)
{
    val_t count = {p->arg[1]};
    return z->fn->insts[count.i].type == T_I64
               ? emit(z, z->before, SSA_WRAP, T_I32, count, VAL_NONE)
               : count;
}

static void emit_op(struct vectorizer *z, struct vector_pack *p)
{
    const struct ssa_inst *scalar = &z->fn->insts[p->lanes[0]];
    uint16_t op = scalar->op;
    uint32_t pos = scalar->pos, n_args = ssa_op_infos[op].n_args;
    bool is_shift = op == SSA_SHL || op == SSA_SHR_S || op == SSA_SHR_U;
    val_t count = is_shift ? emit_shift_count(z, p) : VAL_NONE;
    for (uint32_t m = 0; m < z->n_vectors; m++) {
        struct ssa_inst inst = {.op = vector_twin(op, p->lane), .type = T_V128, .pos = pos};
        for (uint32_t k = 0; k < n_args; k++) {
            inst.arg[k] = is_shift && k == 1 ? count.i : z->packs[p->arg[k]].out[m].i;
        }
        if (op == SSA_BITCAST) {
            p->out[m] = (val_t){inst.arg[0]};
            continue;
        }
        if (op == SSA_SELECT) { /* (mask, a, b) as bits of a and b by the mask */
            inst.op = SSA_V_V128_BITSELECT;
            uint32_t mask = inst.arg[0];
            inst.arg[0] = inst.arg[1];
            inst.arg[1] = inst.arg[2];
            inst.arg[2] = mask;
        }
        p->out[m] = emit_inst(z, z->loop, inst);
    }
}

static void emit_pack(struct vectorizer *z, struct vector_pack *p)
{
    switch (p->kind) {
    case PACK_SPLAT: set_all(z, p, emit_splat(z, (val_t){p->lanes[0]}, p->lane)); break;
    case PACK_AFFINE: emit_counter(z, p); break;
    case PACK_PREVIOUS: emit_previous(z, p); break;
    case PACK_OP: emit_op(z, p); break;
    case PACK_LOAD:
        if (z->streams[p->stream].step == 0) {
            set_all(z, p, emit_load_splat(z, p));
            break;
        }
        [[fallthrough]];
    case PACK_STORE:
        for (uint32_t m = 0; m < z->n_vectors; m++) {
            p->out[m] = emit_access(z, p, m);
        }
        break;
    }
}

/* Pointers to the streams that packs use; each goes on by the bytes of n_rounds rounds. */
static void emit_pointers(struct vectorizer *z)
{
    for (uint32_t i = 0; i < z->n_packs; i++) {
        struct vector_stream *s = &z->streams[z->packs[i].stream];
        enum vector_pack_kind kind = z->packs[i].kind;
        if ((kind == PACK_LOAD || kind == PACK_STORE) && s->step != 0 && s->pointer.i == 0) {
            s->pointer = emit_phi(z, z->loop, T_I32, 2, (val_t[]){s->first, s->first});
        }
    }
}

/* Moves the pointers; returns whether a round is left, which the first of them tells. */
static val_t emit_next(struct vectorizer *z)
{
    val_t goes_on = VAL_NONE;
    for (uint32_t i = 0; i < z->n_streams; i++) {
        struct vector_stream *s = &z->streams[i];
        if (s->pointer.i == 0) {
            continue;
        }
        val_t step = constant(z, T_I32, s->step * z->n_rounds);
        val_t next = emit(z, z->loop, SSA_ADD, T_I32, s->pointer, step);
        set_phi_arg(z, s->pointer, 1, next);
        if (goes_on.i == 0) {
            val_t done = emit(z, z->before, SSA_WRAP, T_I32, z->done, VAL_NONE);
            val_t n_bytes = emit_times(z, z->before, T_I32, done, s->step);
            val_t end = emit(z, z->before, SSA_ADD, T_I32, s->first, n_bytes);
            goes_on = emit(z, z->loop, SSA_NE, T_I32, next, end);
        }
    }
    return goes_on;
}

/* ---- Reductions ---- */

static enum vector_lane lane_of_phi(const struct vectorizer *z, const struct vector_phi *p)
{
    return z->fn->insts[p->phi].type == T_I32 ? LANE_I32 : LANE_I64;
}

/* Sums of their own in each lane, from what changes nothing: the phis. */
static void begin_sums(struct vectorizer *z)
{
    for (uint32_t i = 0; i < z->n_phis; i++) {
        struct vector_phi *p = &z->phis[i];
        val_t nothing = lanes_constant(z, p->op == SSA_AND ? UINT32_MAX : 0, 0);
        for (uint32_t m = 0; vector_is_sum(p) && m < z->n_vectors; m++) {
            p->acc[m] = emit_phi(z, z->loop, T_V128, 2, (val_t[]){nothing, nothing});
        }
    }
}

static void emit_sums(struct vectorizer *z)
{
    for (uint32_t i = 0; i < z->n_phis; i++) {
        struct vector_phi *p = &z->phis[i];
        for (uint32_t m = 0; vector_is_sum(p) && m < z->n_vectors; m++) {
            p->next[m] = p->acc[m];
            for (uint32_t k = 0; k < p->n_packs; k++) {
                p->next[m] = emit(z, z->loop, vector_twin(p->op, lane_of_phi(z, p)), T_V128,
                                  p->next[m], z->packs[p->packs[k]].out[m]);
            }
            set_phi_arg(z, p->acc[m], 1, p->next[m]);
        }
    }
}

/* The sum of all lanes and of what was there before. */
static val_t finish_sum(struct vectorizer *z, const struct vector_phi *p)
{
    enum vector_lane lane = lane_of_phi(z, p);
    enum ssa_type type = lane == LANE_I32 ? T_I32 : T_I64;
    uint16_t extract = lane == LANE_I32 ? SSA_V_I32X4_EXTRACT_LANE : SSA_V_I64X2_EXTRACT_LANE;
    val_t lanes = p->next[0], sum = {p->init};
    for (uint32_t m = 1; m < z->n_vectors; m++) {
        lanes = emit(z, z->after, vector_twin(p->op, lane), T_V128, lanes, p->next[m]);
    }
    for (uint32_t i = 0; i < VECTOR_BYTES / z->element_bytes; i++) {
        struct ssa_inst inst = {.op = extract, .type = type, .arg = {lanes.i}, .sub = (uint8_t)i};
        sum = emit(z, z->after, p->op, type, sum, emit_inst(z, z->after, inst));
    }
    return sum;
}

/* The last element's, for the next round of the old loop. */
static val_t finish_previous(struct vectorizer *z, const struct vector_phi *p)
{
    static const uint16_t ops[N_LANES] = {
        [LANE_I32] = SSA_V_I32X4_EXTRACT_LANE,
        [LANE_I64] = SSA_V_I64X2_EXTRACT_LANE,
        [LANE_F32] = SSA_V_F32X4_EXTRACT_LANE,
        [LANE_F64] = SSA_V_F64X2_EXTRACT_LANE,
    };
    const struct vector_pack *previous = &z->packs[p->previous];
    val_t last = z->packs[previous->arg[0]].out[z->n_vectors - 1];
    return emit_inst(z, z->after,
                     (struct ssa_inst){.op = ops[previous->lane],
                                       .type = z->fn->insts[p->phi].type,
                                       .sub = (uint8_t)(VECTOR_BYTES / z->element_bytes - 1),
                                       .arg = {last.i}});
}

/* ---- The blocks ---- */

static uint32_t add_block(struct vectorizer *z, uint32_t n_preds, const uint32_t *preds,
                          uint32_t n_succs, const uint32_t *succs)
{
    struct ssa_func *fn = z->fn;
    uint32_t b = fn->n_blocks++;
    fn->blocks[b] = (struct ssa_block){.pred_start = fn->n_pool,
                                       .n_preds = n_preds,
                                       .succ_start = fn->n_pool + n_preds,
                                       .n_succs = n_succs,
                                       .is_sealed = 1};
    for (uint32_t i = 0; i < n_preds; i++) {
        fn->pool[fn->n_pool++] = preds[i];
    }
    for (uint32_t i = 0; i < n_succs; i++) {
        fn->pool[fn->n_pool++] = succs[i];
    }
    return b;
}

/* The blocks of the picture above, without instructions; room was made. */
static void add_blocks(struct vectorizer *z)
{
    struct ssa_func *fn = z->fn;
    uint32_t n = fn->n_blocks, entry = z->entry;
    uint32_t checks = n, before = n + 1, loop = n + 2, after = n + 3, rest = n + 4;
    z->checks = add_block(z, 1, &entry, 2, (uint32_t[]){before, rest});
    z->before = add_block(z, 1, &checks, 1, &loop);
    z->loop = add_block(z, 2, (uint32_t[]){before, loop}, 2, (uint32_t[]){loop, after});
    z->after = add_block(z, 1, &loop, 1, &rest);
    z->rest = add_block(z, 3, (uint32_t[]){entry, checks, after}, 1, &z->header);
    fn->pool[fn->blocks[z->header].pred_start + z->entry_slot] = rest;
    fn->blocks[entry].succ_start = fn->n_pool;
    fn->blocks[entry].n_succs = 2;
    fn->pool[fn->n_pool++] = checks;
    fn->pool[fn->n_pool++] = rest;
}

static void end_block(struct vectorizer *z, uint32_t block, val_t cond)
{
    uint16_t op = cond.i != 0 ? SSA_BRANCH : SSA_JUMP;
    (void)emit_inst(z, block, (struct ssa_inst){.op = op, .type = T_VOID, .arg = {cond.i}});
}

/* Where the old loop begins now. */
static void emit_rest(struct vectorizer *z)
{
    val_t done = emit(z, z->after, SSA_WRAP, T_I32, z->done, VAL_NONE);
    for (uint32_t i = 0; i < z->n_phis; i++) {
        const struct vector_phi *p = &z->phis[i];
        val_t init = {p->init}, now;
        if (p->step != 0) {
            val_t distance = emit_times(z, z->after, T_I32, done, p->step);
            now = emit(z, z->after, SSA_ADD, T_I32, init, distance);
        } else {
            now = p->is_previous ? finish_previous(z, p) : finish_sum(z, p);
        }
        enum ssa_type type = z->fn->insts[p->phi].type;
        val_t begin = emit_phi(z, z->rest, type, 3, (val_t[]){init, init, now});
        set_phi_arg(z, (val_t){p->phi}, z->entry_slot, begin);
    }
    end_block(z, z->after, VAL_NONE);
    end_block(z, z->rest, VAL_NONE);
}

status_t vector_emit(struct vectorizer *z)
{
    struct ssa_func *fn = z->fn;
    z->status = ssa_reserve_blocks(fn, VECTOR_NEW_BLOCKS);
    if (z->status == STATUS_OK) {
        z->status = ssa_reserve_pool(fn, 4 * VECTOR_NEW_BLOCKS);
    }
    if (z->status != STATUS_OK) {
        return z->status;
    }
    val_t is_worth = emit_rounds(z);
    add_blocks(z);
    ssa_remove(fn, (val_t){fn->blocks[z->entry].last}, VAL_NONE);
    end_block(z, z->entry, is_worth);
    end_block(z, z->checks, emit_checks(z));
    emit_pointers(z);
    begin_sums(z);
    for (uint32_t i = 0; i < z->n_packs; i++) {
        emit_pack(z, &z->packs[z->order[i]]);
    }
    emit_sums(z);
    val_t goes_on = emit_next(z);
    end_block(z, z->before, VAL_NONE);
    end_block(z, z->loop, goes_on);
    emit_rest(z);
    return z->status;
}
