/*
 * A loop as data: see vector.h.
 *
 * A candidate is one block that is its own latch, with plain loads and stores, counters with
 * constant steps, and an exit decided by a counter. Addresses are followed through sums with
 * constants and products with them to a counter; accesses near each other that follow the same
 * counter are one stream.
 */
#include "engine/opt/fold.h"
#include "engine/opt/vector.h"

#define STREAM_GAP_BYTES 256 /* accesses further apart are different streams */
#define AFFINE_MAX_DEPTH 8
#define STEP_MAX_BYTES 128
/* Of an access from its stream's start: what a few vectors further is within the guard. */
#define OFFSET_MAX (ENGINE_GUARD_BYTES / 2)

/* ---- Values that follow a counter ---- */

/* One step down: value = factor * below + what went into out. False: a root, or foreign. */
static bool affine_step(const struct vectorizer *z, uint32_t *value, struct vector_affine *out)
{
    const struct ssa_inst *inst = &z->fn->insts[*value];
    uint64_t c;
    if (ssa_op_infos[inst->op].n_args != 2 || inst->type != T_I32) {
        return false;
    }
    uint32_t a = vector_arg(z, *value, 0), b = vector_arg(z, *value, 1);
    bool is_const = ssa_is_const(z->fn, (val_t){b}, &c);
    if (inst->op == SSA_ADD && is_const) {
        out->c += out->scale * (uint32_t)c;
    } else if (inst->op == SSA_SHL && is_const) {
        out->scale <<= c & 31;
    } else if (inst->op == SSA_MUL && is_const) {
        out->scale *= (uint32_t)c;
    } else if (inst->op == SSA_ADD && out->base == 0 && out->scale == 1 &&
               vector_is_inside(z, a) != vector_is_inside(z, b)) {
        out->base = vector_is_inside(z, a) ? b : a;
        a = vector_is_inside(z, a) ? a : b;
    } else {
        return false;
    }
    *value = a;
    return true;
}

bool vector_affine_of(const struct vectorizer *z, uint32_t value, struct vector_affine *out)
{
    *out = (struct vector_affine){.scale = 1};
    for (uint32_t depth = 0; vector_is_inside(z, value); depth++) {
        const struct ssa_inst *inst = &z->fn->insts[value];
        if (inst->op == SSA_PHI && inst->type == T_I32) {
            out->phi = value;
            return true;
        }
        if (depth == AFFINE_MAX_DEPTH || !affine_step(z, &value, out)) {
            return false;
        }
    }
    if (out->base != 0 || out->scale != 1 || z->fn->insts[value].type != T_I32) {
        return false;
    }
    out->base = value;
    return true;
}

static bool is_same_sequence(const struct vector_affine *a, const struct vector_affine *b)
{
    return a->phi == b->phi && a->base == b->base && a->scale == b->scale;
}

struct vector_phi *vector_phi_of(struct vectorizer *z, uint32_t value)
{
    for (uint32_t i = 0; i < z->n_phis; i++) {
        if (z->phis[i].phi == value) {
            return &z->phis[i];
        }
    }
    return NULL;
}

/* Bytes, or units, that an affine value goes on in a round. */
static int64_t step_of(struct vectorizer *z, const struct vector_affine *a)
{
    const struct vector_phi *phi = vector_phi_of(z, a->phi);
    return phi != NULL ? (int64_t)(int32_t)a->scale * phi->step : 0;
}

/* ---- Phis ---- */

/* Adds value's terms, if it is op of terms; the phi itself is found once. Worklist in terms[]. */
static bool find_terms(struct vectorizer *z, struct vector_phi *p)
{
    uint32_t work[VECTOR_MAX_TERMS + 1], n_work = 0, n_phi = 0;
    work[n_work++] = p->latch;
    while (n_work > 0) {
        uint32_t value = work[--n_work];
        const struct ssa_inst *inst = &z->fn->insts[value];
        if (value == p->phi) {
            n_phi++;
        } else if (vector_is_inside(z, value) && inst->op == p->op) {
            if (n_work + 2 > VECTOR_MAX_TERMS) {
                return false;
            }
            work[n_work++] = vector_arg(z, value, 1);
            work[n_work++] = vector_arg(z, value, 0);
        } else if (p->n_terms == VECTOR_MAX_TERMS) {
            return false;
        } else {
            p->terms[p->n_terms++] = value;
        }
    }
    return n_phi == 1 && p->n_terms > 0;
}

static bool look_at_phi(struct vectorizer *z, struct vector_phi *p)
{
    struct vector_affine a;
    if (vector_affine_of(z, p->latch, &a) && a.phi == p->phi && a.base == 0 && a.scale == 1 &&
        a.c != 0) {
        p->step = (int32_t)a.c;
        return true;
    }
    uint8_t type = z->fn->insts[p->phi].type;
    p->op = z->fn->insts[p->latch].op;
    switch (p->op) {
    case SSA_ADD:
    case SSA_AND:
    case SSA_OR:
    case SSA_XOR: return (type == T_I32 || type == T_I64) && find_terms(z, p);
    default: p->is_previous = true; return true;
    }
}

bool vector_is_sum(const struct vector_phi *p)
{
    return p->step == 0 && !p->is_previous;
}

static bool look_at_phis(struct vectorizer *z)
{
    for (uint32_t i = 0; i < z->n_phis; i++) {
        if (!look_at_phi(z, &z->phis[i])) {
            return false;
        }
    }
    return true;
}

/* ---- The exit's test ---- */

/* Tests that a counter going that way fails some time. */
static bool is_test_for(uint16_t op, int32_t step)
{
    switch (op) {
    case SSA_NE: return true;
    case SSA_LT_S:
    case SSA_LT_U:
    case SSA_LE_S:
    case SSA_LE_U: return step > 0;
    case SSA_GT_S:
    case SSA_GT_U:
    case SSA_GE_S:
    case SSA_GE_U: return step < 0;
    default: return false;
    }
}

static bool look_at_test(struct vectorizer *z)
{
    const struct ssa_func *fn = z->fn;
    const struct ssa_block *block = &fn->blocks[z->header];
    bool goes_on = ssa_succs(fn, block)[0] == z->header;
    uint32_t cond = vector_arg(z, block->last, 0);
    while (fn->insts[cond].op == SSA_EQZ && vector_is_inside(z, cond)) {
        cond = vector_arg(z, cond, 0);
        goes_on = !goes_on;
    }
    const struct ssa_inst *inst = &fn->insts[cond];
    uint32_t a = cond, b = 0;
    uint16_t op = SSA_NE;
    if (inst->op >= SSA_EQ && inst->op <= SSA_GE_U) {
        a = vector_arg(z, cond, 0);
        b = vector_arg(z, cond, 1);
        op = inst->op;
    }
    if (b != 0 && !vector_is_inside(z, a)) {
        uint32_t swap = a;
        a = b;
        b = swap;
        op = fold_compare_swapped(op);
    }
    struct vector_test *t = &z->test;
    t->op = goes_on ? op : fold_compare_inverted(op);
    t->b = b;
    if ((b != 0 && vector_is_inside(z, b)) || fn->insts[a].type != T_I32 ||
        !vector_affine_of(z, a, &t->a)) {
        return false;
    }
    int64_t step = step_of(z, &t->a);
    t->step = (int32_t)step;
    return step != 0 && step == t->step && step != INT32_MIN && is_test_for(t->op, t->step);
}

/* ---- Memory ---- */

static uint32_t access_bytes(const struct vectorizer *z, uint32_t v)
{
    const struct ssa_inst *inst = &z->fn->insts[v];
    uint8_t type = inst->op == SSA_STORE ? z->fn->insts[vector_arg(z, v, 1)].type : inst->type;
    switch (inst->op) {
    case SSA_LOAD8_S:
    case SSA_LOAD8_U:
    case SSA_STORE8: return 1;
    case SSA_LOAD16_S:
    case SSA_LOAD16_U:
    case SSA_STORE16: return 2;
    case SSA_LOAD:
    case SSA_STORE: return type == T_I32 || type == T_F32 ? 4 : 8;
    default: return 4;
    }
}

/* The stream of this sequence that reaches near offset, or a new one; NULL: too many. */
static struct vector_stream *find_stream(struct vectorizer *z, const struct vector_affine *a,
                                         int64_t imm)
{
    for (uint32_t i = 0; i < z->n_streams; i++) {
        struct vector_stream *s = &z->streams[i];
        int64_t offset = (int64_t)(int32_t)(a->c - s->at.c) + imm;
        if (is_same_sequence(a, &s->at) && offset >= s->low - STREAM_GAP_BYTES &&
            offset <= s->high + STREAM_GAP_BYTES) {
            return s;
        }
    }
    if (z->n_streams == VECTOR_MAX_STREAMS) {
        return NULL;
    }
    struct vector_stream *s = &z->streams[z->n_streams++];
    *s = (struct vector_stream){
        .at = *a, .low = imm, .high = imm, .step = step_of(z, a), .index_max = VECTOR_NO_INDEX_MAX};
    return s;
}

/* Puts the stream's start at distance (not above 0) from where it was. */
static void move_start(struct vectorizer *z, struct vector_stream *s, int64_t distance)
{
    s->at.c += (uint32_t)distance;
    s->low -= distance;
    s->high -= distance;
    for (uint32_t i = 0; i < z->n_accesses; i++) {
        if (z->accesses[i].stream == (uint32_t)(s - z->streams)) {
            z->accesses[i].offset -= distance;
        }
    }
    s->index_max += distance;
}

/* Finds the stream of an address; *distance: of this index from where the stream starts. */
static struct vector_stream *stream_of(struct vectorizer *z, uint32_t address, int64_t imm,
                                       int64_t *distance)
{
    struct vector_affine a;
    if (!vector_affine_of(z, address, &a) || (a.phi != 0 && step_of(z, &a) <= 0) ||
        step_of(z, &a) > STEP_MAX_BYTES) {
        return NULL;
    }
    struct vector_stream *s = find_stream(z, &a, imm);
    if (s != NULL) {
        *distance = (int32_t)(a.c - s->at.c);
        if (*distance < 0) {
            move_start(z, s, *distance);
            *distance = 0;
        }
    }
    return s;
}

static bool add_access(struct vectorizer *z, uint32_t v)
{
    const struct ssa_inst *inst = &z->fn->insts[v];
    bool is_store = ssa_has(inst, SSA_WRITES);
    int64_t distance, imm = (int64_t)inst->imm, n = access_bytes(z, v);
    struct vector_stream *s = z->n_accesses < VECTOR_MAX_ACCESSES
                                  ? stream_of(z, vector_arg(z, v, 0), imm, &distance)
                                  : NULL;
    if (s == NULL || (z->element_bytes != 0 && z->element_bytes != n) ||
        (is_store && s->step == 0)) {
        return false;
    }
    z->element_bytes = (uint32_t)n;
    imm += distance;
    if (imm > OFFSET_MAX) {
        return false;
    }
    s->low = s->has_access && s->low < imm ? s->low : imm;
    s->high = s->has_access && s->high > imm + n ? s->high : imm + n;
    s->has_access = true;
    s->has_store |= is_store;
    z->accesses[z->n_accesses++] = (struct vector_access){.inst = v,
                                                          .place = z->place[v],
                                                          .stream = (uint32_t)(s - z->streams),
                                                          .offset = imm,
                                                          .is_store = is_store};
    return true;
}

/* A check of a dense memory: a trap if the index is above a constant. */
static bool add_check(struct vectorizer *z, uint32_t v)
{
    uint32_t cond = vector_arg(z, v, 0);
    uint64_t max;
    if (z->fn->insts[cond].op != SSA_GT_U || !vector_is_inside(z, cond) ||
        !ssa_is_const(z->fn, (val_t){vector_arg(z, cond, 1)}, &max) ||
        z->fn->insts[vector_arg(z, cond, 0)].type != T_I32) {
        return false;
    }
    int64_t distance;
    struct vector_stream *s = stream_of(z, vector_arg(z, cond, 0), 0, &distance);
    if (s == NULL) {
        return false;
    }
    int64_t index_max = (int64_t)max - distance;
    s->index_max = index_max < s->index_max ? index_max : s->index_max;
    return true;
}

static bool look_at_memory(struct vectorizer *z)
{
    const struct ssa_func *fn = z->fn;
    for (uint32_t v = fn->blocks[z->header].first; v != 0; v = fn->insts[v].next) {
        bool is_access = ssa_has(&fn->insts[v], SSA_READS | SSA_WRITES);
        if ((is_access && !add_access(z, v)) ||
            (fn->insts[v].op == SSA_TRAP_IF && !add_check(z, v))) {
            return false;
        }
    }
    int64_t step = 0;
    for (uint32_t i = 0; i < z->n_streams; i++) {
        const struct vector_stream *s = &z->streams[i];
        if (!s->has_access) {
            continue;
        }
        if (s->step != 0 && step != 0 && s->step != step) {
            return false;
        }
        step = s->step != 0 ? s->step : step;
    }
    if (step == 0 || step % z->element_bytes != 0) {
        return false;
    }
    z->n_copies = (uint32_t)(step / z->element_bytes);
    return z->n_copies <= VECTOR_MAX_COPIES;
}

/* ---- The whole ---- */

static bool is_wanted(const struct ssa_inst *inst)
{
    if (inst->op >= SSA_V_V128_LOAD || inst->type == T_V128 || inst->op == SSA_COPY) {
        return false;
    }
    if ((inst->op >= SSA_LOAD && inst->op <= SSA_STORE32) || inst->op == SSA_TRAP_IF ||
        inst->op == SSA_PHI || inst->op == SSA_BRANCH) {
        return true;
    }
    return (ssa_op_infos[inst->op].flags & ~(SSA_COMM | SSA_CMP)) == SSA_PURE;
}

/* Numbers the instructions, gathers the phis. */
static bool walk(struct vectorizer *z)
{
    const struct ssa_func *fn = z->fn;
    bool has_access = false;
    for (uint32_t v = fn->blocks[z->header].first; v != 0; v = fn->insts[v].next) {
        const struct ssa_inst *inst = &fn->insts[v];
        if (!is_wanted(inst) || ++z->n_insts > VECTOR_MAX_INSTS) {
            return false;
        }
        has_access |= ssa_has(inst, SSA_READS | SSA_WRITES);
        z->place[v] = z->n_insts;
        if (inst->op != SSA_PHI) {
            continue;
        }
        if (z->n_phis == VECTOR_MAX_PHIS) {
            return false;
        }
        const uint32_t *args = &fn->pool[inst->arg[0]];
        z->phis[z->n_phis++] =
            (struct vector_phi){.phi = v,
                                .init = ssa_resolve(fn, (val_t){args[z->entry_slot]}).i,
                                .latch = ssa_resolve(fn, (val_t){args[1 - z->entry_slot]}).i};
    }
    return has_access;
}

bool vector_look(struct vectorizer *z, uint32_t header)
{
    const struct ssa_func *fn = z->fn;
    const struct ssa_block *block = &fn->blocks[header];
    const uint32_t *preds = ssa_preds(fn, block);
    z->header = header;
    z->n_insts = z->n_phis = z->n_accesses = z->n_streams = z->n_packs = z->element_bytes = 0;
    if (block->n_preds != 2 || (preds[0] != header && preds[1] != header) ||
        fn->insts[block->last].op != SSA_BRANCH) {
        return false;
    }
    z->entry_slot = preds[0] == header;
    z->entry = preds[z->entry_slot];
    return fn->insts[fn->blocks[z->entry].last].op == SSA_JUMP && walk(z) && look_at_phis(z) &&
           look_at_test(z) && look_at_memory(z);
}
