/*
 * Packs: which scalars of a round become neighbours in a vector.
 *
 * LLVM unrolls loops, so a round often holds the code for several elements: U copies. A pack is
 * a value of each copy, lane u that of copy u. It begins with the stores, U to neighbouring
 * elements, and goes on to what they store: U times the same operation on U arguments each, down
 * to loads of neighbours, values from before the loop, and counters. (This is superword-level
 * parallelism, Larsen and Amarasinghe 2000, made a loop's.)
 *
 * Order. A pack stands where its lane 0 stood, so lane 0's arguments come before it. Streams are
 * proved disjoint at run time; within one stream, every two elements of one round of the vector
 * loop that share bytes, one of them stored, must be accessed in the order in which they were.
 * (Elements of different rounds are, since rounds of the vector loop are rounds in order.)
 */
#include "engine/opt/vector.h"

#define ANY(name) {SSA_V_V128_##name, SSA_V_V128_##name, SSA_V_V128_##name, SSA_V_V128_##name}
#define INTS(name) {SSA_V_I8X16_##name, SSA_V_I16X8_##name, SSA_V_I32X4_##name, SSA_V_I64X2_##name}
#define WIDE(name) {0, 0, SSA_V_I32X4_##name, SSA_V_I64X2_##name}
#define I32(name) {0, 0, SSA_V_I32X4_##name}
#define FLOATS(name) {0, 0, 0, 0, SSA_V_F32X4_##name, SSA_V_F64X2_##name}

/* Narrow lanes have what depends on no bits but the lane's own. */
static const uint16_t twins[][N_LANES] = {
    [SSA_ADD] = INTS(ADD),
    [SSA_SUB] = INTS(SUB),
    [SSA_MUL] = {0, SSA_V_I16X8_MUL, SSA_V_I32X4_MUL},
    [SSA_AND] = ANY(AND),
    [SSA_OR] = ANY(OR),
    [SSA_XOR] = ANY(XOR),
    [SSA_SHL] = INTS(SHL),
    [SSA_SHR_S] = WIDE(SHR_S),
    [SSA_SHR_U] = WIDE(SHR_U),
    [SSA_EQ] = WIDE(EQ),
    [SSA_NE] = WIDE(NE),
    [SSA_LT_S] = WIDE(LT_S),
    [SSA_LT_U] = I32(LT_U),
    [SSA_GT_S] = WIDE(GT_S),
    [SSA_GT_U] = I32(GT_U),
    [SSA_LE_S] = WIDE(LE_S),
    [SSA_LE_U] = I32(LE_U),
    [SSA_GE_S] = WIDE(GE_S),
    [SSA_GE_U] = I32(GE_U),
    [SSA_FEQ] = FLOATS(EQ),
    [SSA_FNE] = FLOATS(NE),
    [SSA_FLT] = FLOATS(LT),
    [SSA_FGT] = FLOATS(GT),
    [SSA_FLE] = FLOATS(LE),
    [SSA_FGE] = FLOATS(GE),
    [SSA_FADD] = FLOATS(ADD),
    [SSA_FSUB] = FLOATS(SUB),
    [SSA_FMUL] = FLOATS(MUL),
    [SSA_FDIV] = FLOATS(DIV),
    [SSA_FMIN] = FLOATS(MIN),
    [SSA_FMAX] = FLOATS(MAX),
    [SSA_FABS] = FLOATS(ABS),
    [SSA_FNEG] = FLOATS(NEG),
    [SSA_FCEIL] = FLOATS(CEIL),
    [SSA_FFLOOR] = FLOATS(FLOOR),
    [SSA_FTRUNC] = FLOATS(TRUNC),
    [SSA_FNEAREST] = FLOATS(NEAREST),
    [SSA_FSQRT] = FLOATS(SQRT),
    [SSA_TRUNC_SAT_S] = I32(TRUNC_SAT_F32X4_S),
    [SSA_TRUNC_SAT_U] = I32(TRUNC_SAT_F32X4_U),
    [SSA_CONVERT_S] = {[LANE_F32] = SSA_V_F32X4_CONVERT_I32X4_S},
    [SSA_CONVERT_U] = {[LANE_F32] = SSA_V_F32X4_CONVERT_I32X4_U},
};

uint16_t vector_twin(uint16_t op, enum vector_lane lane)
{
    return op < sizeof twins / sizeof twins[0] ? twins[op][lane] : SSA_NOP;
}

/* The lanes that hold a type's values, if elements have so many bytes; N_LANES if none do. */
static enum vector_lane lane_of(uint8_t type, uint32_t element_bytes)
{
    switch (type) {
    case T_I32:
        return element_bytes == 1   ? LANE_I8
               : element_bytes == 2 ? LANE_I16
               : element_bytes == 4 ? LANE_I32
                                    : N_LANES;
    case T_I64: return element_bytes == 8 ? LANE_I64 : N_LANES;
    case T_F32: return element_bytes == 4 ? LANE_F32 : N_LANES;
    case T_F64: return element_bytes == 8 ? LANE_F64 : N_LANES;
    default: return N_LANES;
    }
}

static struct vector_access *access_of(struct vectorizer *z, uint32_t inst)
{
    for (uint32_t i = 0; i < z->n_accesses; i++) {
        if (z->accesses[i].inst == inst) {
            return &z->accesses[i];
        }
    }
    return NULL;
}

/* ---- Making packs ---- */

static bool is_same_lanes(const struct vectorizer *z, const uint32_t *a, const uint32_t *b)
{
    for (uint32_t u = 0; u < z->n_copies; u++) {
        if (a[u] != b[u]) {
            return false;
        }
    }
    return true;
}

/* The pack of these lanes, to be looked at later if it is new. */
static bool pack_for(struct vectorizer *z, const uint32_t *lanes, uint32_t *out)
{
    for (*out = 0; *out < z->n_packs; ++*out) {
        if (is_same_lanes(z, z->packs[*out].lanes, lanes)) {
            return true;
        }
    }
    if (z->n_packs == VECTOR_MAX_PACKS) {
        return false;
    }
    struct vector_pack *p = &z->packs[z->n_packs++];
    *p = (struct vector_pack){.kind = PACK_OP};
    p->place = vector_is_inside(z, lanes[0]) ? z->place[lanes[0]] : 0;
    for (uint32_t u = 0; u < z->n_copies; u++) {
        p->lanes[u] = lanes[u];
    }
    return true;
}

static bool is_splat(const struct vectorizer *z, const struct vector_pack *p)
{
    for (uint32_t u = 0; u < z->n_copies; u++) {
        if (vector_is_inside(z, p->lanes[u]) || p->lanes[u] != p->lanes[0]) {
            return false;
        }
    }
    return true;
}

/* Whether the lanes are accesses of one kind to neighbours, or all to one place. */
static bool are_neighbours(struct vectorizer *z, struct vector_pack *p)
{
    const struct vector_access *first = access_of(z, p->lanes[0]);
    const struct ssa_inst *inst = &z->fn->insts[p->lanes[0]];
    const struct vector_stream *s = &z->streams[first->stream];
    for (uint32_t u = 1; u < z->n_copies; u++) {
        const struct vector_access *a = access_of(z, p->lanes[u]);
        int64_t distance = s->step == 0 ? 0 : (int64_t)u * z->element_bytes;
        if (a == NULL || a->stream != first->stream || a->offset != first->offset + distance ||
            z->fn->insts[a->inst].op != inst->op || z->fn->insts[a->inst].type != inst->type) {
            return false;
        }
    }
    p->stream = first->stream;
    p->offset = first->offset;
    return true;
}

/* Whether the lanes are a counter's values for elements in a row. */
static bool is_affine(struct vectorizer *z, struct vector_pack *p)
{
    const struct vector_affine *first = &p->affine;
    if (p->lane != LANE_I32 || !vector_affine_of(z, p->lanes[0], &p->affine) || first->phi == 0 ||
        vector_phi_of(z, first->phi)->step == 0) {
        return false;
    }
    /* all modulo 2^32, where a step isn't the sum of n equal units in one way only */
    uint32_t step = first->scale * (uint32_t)vector_phi_of(z, first->phi)->step;
    p->unit = step;
    for (uint32_t u = 1; u < z->n_copies; u++) {
        struct vector_affine a;
        if (!vector_affine_of(z, p->lanes[u], &a) || a.phi != first->phi || a.base != first->base ||
            a.scale != first->scale) {
            return false;
        }
        p->unit = u == 1 ? a.c - first->c : p->unit;
        if (a.c - first->c != p->unit * u) {
            return false;
        }
    }
    return p->unit * z->n_copies == step;
}

/* Argument k of each lane; those of copies whose operation commutes, the way lane 0 has them. */
static bool pack_arg(struct vectorizer *z, struct vector_pack *p, uint32_t k)
{
    uint32_t lanes[VECTOR_MAX_COPIES];
    const struct ssa_inst *first = &z->fn->insts[p->lanes[0]];
    uint32_t a = vector_arg(z, p->lanes[0], k);
    for (uint32_t u = 0; u < z->n_copies; u++) {
        lanes[u] = vector_arg(z, p->lanes[u], k);
        if (ssa_has(first, SSA_COMM) && k < 2 && u != 0) {
            uint32_t other = vector_arg(z, p->lanes[u], 1 - k);
            uint32_t b = vector_arg(z, p->lanes[0], 1 - k);
            bool is_crossed = z->fn->insts[lanes[u]].op != z->fn->insts[a].op &&
                              z->fn->insts[other].op == z->fn->insts[a].op &&
                              z->fn->insts[lanes[u]].op == z->fn->insts[b].op;
            lanes[u] = is_crossed ? other : lanes[u];
        }
    }
    return pack_for(z, lanes, &p->arg[k]);
}

/* A shift's count: one for all, and below the lane's width if that is narrower than the type. */
static bool pack_count(struct vectorizer *z, struct vector_pack *p)
{
    uint64_t c = UINT64_MAX;
    p->arg[1] = vector_arg(z, p->lanes[0], 1);
    for (uint32_t u = 0; u < z->n_copies; u++) {
        if (vector_arg(z, p->lanes[u], 1) != p->arg[1] || vector_is_inside(z, p->arg[1])) {
            return false;
        }
    }
    bool is_const = ssa_is_const(z->fn, (val_t){p->arg[1]}, &c);
    return p->lane >= LANE_I32 || (is_const && c < 8 * z->element_bytes);
}

/* The same operation in each copy, all in the loop. */
static bool is_same_op(const struct vectorizer *z, const struct vector_pack *p)
{
    const struct ssa_inst *first = &z->fn->insts[p->lanes[0]];
    for (uint32_t u = 0; u < z->n_copies; u++) {
        const struct ssa_inst *inst = &z->fn->insts[p->lanes[u]];
        if (!vector_is_inside(z, p->lanes[u]) || inst->op != first->op ||
            inst->type != first->type) {
            return false;
        }
    }
    return true;
}

/* The lanes that an operation's arguments lie in, which for a mask says how it compares. */
static enum vector_lane arg_lane(const struct vectorizer *z, uint32_t value)
{
    return lane_of(z->fn->insts[vector_arg(z, value, 0)].type, z->element_bytes);
}

static bool look_at_op(struct vectorizer *z, struct vector_pack *p)
{
    uint32_t value = p->lanes[0];
    const struct ssa_inst *inst = &z->fn->insts[value];
    bool is_select = inst->op == SSA_SELECT, is_cast = inst->op == SSA_BITCAST;
    p->is_mask = ssa_has(inst, SSA_CMP) && inst->op != SSA_EQZ;
    p->lane = p->is_mask || is_cast ? arg_lane(z, value) : p->lane;
    if (p->lane == N_LANES || inst->op == SSA_EQZ ||
        (!is_select && !is_cast && vector_twin(inst->op, p->lane) == SSA_NOP)) {
        return false;
    }
    if (inst->op == SSA_SHL || inst->op == SSA_SHR_S || inst->op == SSA_SHR_U) {
        return pack_count(z, p) && pack_arg(z, p, 0);
    }
    for (uint32_t k = 0; k < ssa_op_infos[inst->op].n_args; k++) {
        if (!pack_arg(z, p, k)) {
            return false;
        }
    }
    return true;
}

/* Lane 0 is what the round before left; the others then are what the copies before made. */
static bool look_at_previous(struct vectorizer *z, struct vector_pack *p)
{
    struct vector_phi *phi = vector_phi_of(z, p->lanes[0]);
    uint32_t lanes[VECTOR_MAX_COPIES];
    for (uint32_t u = 0; u < z->n_copies; u++) {
        lanes[u] = u + 1 < z->n_copies ? p->lanes[u + 1] : phi->latch;
    }
    p->kind = PACK_PREVIOUS;
    phi->previous = (uint32_t)(p - z->packs);
    return p->lane >= LANE_I32 && p->lane != N_LANES && pack_for(z, lanes, &p->arg[0]);
}

static bool is_previous(struct vectorizer *z, const struct vector_pack *p)
{
    const struct vector_phi *phi = vector_phi_of(z, p->lanes[0]);
    return phi != NULL && phi->is_previous;
}

/* What a pack is, from what its lanes are; its arguments become packs to look at. */
static bool look_at_pack(struct vectorizer *z, struct vector_pack *p)
{
    const struct ssa_inst *inst = &z->fn->insts[p->lanes[0]];
    p->lane = lane_of(inst->type, z->element_bytes);
    if (is_splat(z, p)) {
        p->kind = PACK_SPLAT;
        p->place = 0;
        return p->lane != N_LANES;
    }
    if (is_previous(z, p)) {
        return look_at_previous(z, p);
    }
    if (!is_same_op(z, p) && !is_affine(z, p)) {
        return false;
    }
    if (ssa_has(inst, SSA_READS)) {
        p->kind = PACK_LOAD;
        return p->lane != N_LANES && are_neighbours(z, p);
    }
    if (ssa_has(inst, SSA_WRITES)) {
        p->kind = PACK_STORE;
        return are_neighbours(z, p) && pack_arg(z, p, 1);
    }
    if (is_affine(z, p)) {
        p->kind = PACK_AFFINE;
        return true;
    }
    return inst->op != SSA_PHI && look_at_op(z, p);
}

/* ---- Where it begins: stores and reductions ---- */

/* The lowest store that no pack has yet, and its neighbours. */
static bool pack_stores(struct vectorizer *z)
{
    for (;;) {
        struct vector_access *low = NULL;
        for (uint32_t i = 0; i < z->n_accesses; i++) {
            struct vector_access *a = &z->accesses[i];
            if (a->is_store && !a->is_packed &&
                (low == NULL || (a->stream == low->stream && a->offset < low->offset))) {
                low = a;
            }
        }
        if (low == NULL) {
            return true;
        }
        uint32_t lanes[VECTOR_MAX_COPIES], pack, n = 0;
        for (uint32_t i = 0; n < z->n_copies && i < z->n_accesses; i++) {
            struct vector_access *a = &z->accesses[i];
            if (a->is_store && !a->is_packed && a->stream == low->stream &&
                a->offset == low->offset + (int64_t)n * z->element_bytes) {
                lanes[n++] = a->inst;
                a->is_packed = true;
                i = UINT32_MAX; /* the next may stand anywhere */
            }
        }
        if (n != z->n_copies || !pack_for(z, lanes, &pack)) {
            return false;
        }
    }
}

/* Terms in as many groups as there are copies: term k of each is a pack. */
static bool pack_terms(struct vectorizer *z, bool is_reversed)
{
    for (uint32_t i = 0; i < z->n_phis; i++) {
        struct vector_phi *p = &z->phis[i];
        uint32_t n = p->n_terms / z->n_copies;
        if (!vector_is_sum(p)) {
            continue;
        }
        if (n * z->n_copies != p->n_terms ||
            lane_of(z->fn->insts[p->phi].type, z->element_bytes) < LANE_I32) {
            return false;
        }
        for (uint32_t k = 0; k < n; k++) {
            uint32_t lanes[VECTOR_MAX_COPIES];
            for (uint32_t u = 0; u < z->n_copies; u++) {
                uint32_t copy = is_reversed ? z->n_copies - 1 - u : u;
                lanes[u] = p->terms[copy * n + k];
            }
            if (!pack_for(z, lanes, &p->packs[k])) {
                return false;
            }
        }
        p->n_packs = n;
    }
    return true;
}

/* ---- What must hold for all ---- */

/* A mask is no number: it goes into selects and other masks only. */
static bool are_masks_right(struct vectorizer *z)
{
    for (uint32_t i = 0; i < z->n_packs; i++) {
        const struct vector_pack *p = &z->packs[i];
        const struct ssa_inst *inst = &z->fn->insts[p->lanes[0]];
        uint32_t first = p->kind == PACK_STORE ? 1 : 0;
        uint32_t n = p->kind == PACK_STORE ? 2 : p->kind != PACK_OP ? 0 : ssa_n_args(inst);
        bool is_shift = inst->op == SSA_SHL || inst->op == SSA_SHR_S || inst->op == SSA_SHR_U;
        for (uint32_t k = first; k < n - (p->kind == PACK_OP && is_shift); k++) {
            bool wants_mask = inst->op == SSA_SELECT && k == 0;
            if (z->packs[p->arg[k]].is_mask != wants_mask) {
                return false;
            }
        }
    }
    for (uint32_t i = 0; i < z->n_phis; i++) {
        for (uint32_t k = 0; vector_is_sum(&z->phis[i]) && k < z->phis[i].n_packs; k++) {
            if (z->packs[z->phis[i].packs[k]].is_mask) {
                return false;
            }
        }
    }
    return true;
}

/* When element e of a pack is accessed: the round, and the place in it. */
static uint64_t time_of(const struct vectorizer *z, const struct vector_pack *p, int64_t e)
{
    uint64_t round = (uint64_t)e / z->n_copies;
    return round << 32 | z->place[p->lanes[(uint64_t)e % z->n_copies]];
}

/* Whether two packs of a stream, one of them stores, keep their order: see the top. */
static bool keep_order(const struct vectorizer *z, const struct vector_pack *a,
                       const struct vector_pack *b)
{
    int64_t distance = b->offset - a->offset, n_bytes = z->element_bytes;
    int64_t n_elements = (int64_t)z->n_rounds * z->n_copies;
    if (distance % n_bytes != 0) {
        return false;
    }
    if (distance >= n_elements * n_bytes || -distance >= n_elements * n_bytes) {
        return true; /* too far apart to meet in one round */
    }
    for (int64_t e = 0; e < n_elements; e++) {
        int64_t same = e + distance / n_bytes; /* the element of a at the place of b's e */
        if (same >= 0 && same < n_elements &&
            (time_of(z, a, same) < time_of(z, b, e)) != (a->place < b->place)) {
            return false;
        }
    }
    return true;
}

/* Puts packs of previous elements behind what they are made of; chains of them take turns. */
static bool place_previous(struct vectorizer *z)
{
    for (uint32_t turn = 0; turn < z->n_phis; turn++) {
        for (uint32_t i = 0; i < z->n_packs; i++) {
            struct vector_pack *p = &z->packs[i];
            if (p->kind == PACK_PREVIOUS) {
                p->place = z->packs[p->arg[0]].place;
                p->rank = z->packs[p->arg[0]].rank + 1;
            }
        }
    }
    for (uint32_t i = 0; i < z->n_phis; i++) {
        const struct vector_phi *p = &z->phis[i];
        if (p->is_previous &&
            (p->previous == UINT32_MAX || z->packs[z->packs[p->previous].arg[0]].is_mask)) {
            return false;
        }
    }
    return true;
}

/* Which of two packs is made first: lane 0's order. */
static bool is_before(const struct vector_pack *a, const struct vector_pack *b)
{
    return a->place < b->place || (a->place == b->place && a->rank < b->rank);
}

/* Whether what an operation needs is made before it: not so, if an element needs the last one. */
static bool are_args_before(const struct vectorizer *z)
{
    for (uint32_t i = 0; i < z->n_packs; i++) {
        const struct vector_pack *p = &z->packs[i];
        const struct ssa_inst *inst = &z->fn->insts[p->lanes[0]];
        bool is_shift = inst->op == SSA_SHL || inst->op == SSA_SHR_S || inst->op == SSA_SHR_U;
        uint32_t n = p->kind == PACK_OP ? ssa_op_infos[inst->op].n_args - is_shift : 0;
        for (uint32_t k = 0; k < n; k++) {
            if (z->packs[p->arg[k]].place != 0 && !is_before(&z->packs[p->arg[k]], p)) {
                return false;
            }
        }
        if ((p->kind == PACK_STORE && !is_before(&z->packs[p->arg[1]], p)) ||
            (p->kind == PACK_PREVIOUS && p->rank > z->n_phis)) {
            return false;
        }
    }
    return true;
}

static bool is_access(const struct vector_pack *p)
{
    return p->kind == PACK_LOAD || p->kind == PACK_STORE;
}

static bool is_order_kept(const struct vectorizer *z)
{
    for (uint32_t i = 0; i < z->n_packs; i++) {
        for (uint32_t k = i + 1; k < z->n_packs; k++) {
            const struct vector_pack *a = &z->packs[i], *b = &z->packs[k];
            if (is_access(a) && is_access(b) && a->stream == b->stream &&
                (a->kind == PACK_STORE || b->kind == PACK_STORE) && !keep_order(z, a, b)) {
                return false;
            }
        }
    }
    return true;
}

/* How many rounds and vectors: full vectors at least, and two of each where little is done. */
static bool choose_size(struct vectorizer *z)
{
    uint32_t n_lanes = VECTOR_BYTES / z->element_bytes, n_ops = 0;
    for (uint32_t i = 0; i < z->n_packs; i++) {
        n_ops += z->packs[i].place != 0;
    }
    uint32_t common = n_lanes; /* lanes are a power of two: the largest that divides the copies */
    while (z->n_copies % common != 0) {
        common /= 2;
    }
    z->n_rounds = n_lanes / common;
    z->n_vectors = z->n_copies / common;
    if (z->n_vectors == 1 && n_ops <= 12) {
        z->n_rounds *= 2;
        z->n_vectors = 2;
    }
    return z->n_vectors <= VECTOR_MAX_VECTORS && n_ops * z->n_vectors <= VECTOR_MAX_EMITTED;
}

/* Lane 0's order: arguments before users, accesses as they were. Few packs: by insertion. */
static void sort_packs(struct vectorizer *z)
{
    uint32_t *order = z->order;
    for (uint32_t i = 0; i < z->n_packs; i++) {
        uint32_t at = i;
        for (; at > 0 && is_before(&z->packs[i], &z->packs[order[at - 1]]); at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
}

/* Whether anything goes through memory: a loop may load for the traps' sake alone. */
static bool is_work(const struct vectorizer *z)
{
    for (uint32_t i = 0; i < z->n_packs; i++) {
        if (is_access(&z->packs[i]) && z->streams[z->packs[i].stream].step != 0) {
            return true;
        }
    }
    return false;
}

static bool pack_from(struct vectorizer *z, bool is_reversed)
{
    z->n_packs = 0;
    for (uint32_t i = 0; i < z->n_phis; i++) {
        z->phis[i].previous = UINT32_MAX;
    }
    for (uint32_t i = 0; i < z->n_accesses; i++) {
        z->accesses[i].is_packed = false;
    }
    if (!pack_stores(z) || !pack_terms(z, is_reversed)) {
        return false;
    }
    for (uint32_t i = 0; i < z->n_packs; i++) {
        if (!look_at_pack(z, &z->packs[i])) {
            return false;
        }
    }
    return is_work(z) && are_masks_right(z) && place_previous(z) && are_args_before(z) &&
           choose_size(z) && is_order_kept(z);
}

bool vector_pack(struct vectorizer *z)
{
    if (!pack_from(z, false) && !pack_from(z, true)) {
        return false;
    }
    sort_packs(z);
    return true;
}
