/*
 * Instruction selection, the driver: walks the blocks, keeps the order, builds the graph of MIR.
 *
 * Values are visited after all their users (see select.h). The blocks' machine instructions are
 * emitted into one buffer in the order of visits, as groups, and put into the order of the layout
 * by a last copy.
 */
#include "engine/target/x86_64/select.h"

#include <string.h>

#include "engine/target/x86_64/abi.h"

#define NO_PLACE UINT32_MAX

enum select_kind : uint8_t {
    KIND_NONE, /* nothing to do when its turn comes: constants, phis, results */
    KIND_INT,
    KIND_TYPED, /* SELECT: by the type of the result */
    KIND_MEM,   /* by the type of the result or of the value stored */
    KIND_ATOMIC,
    KIND_CALL,
    KIND_END,
    KIND_FLOAT,
    KIND_SIMD,
};

static const uint8_t op_kinds[SSA_OP_COUNT] = {
    [SSA_ADD... SSA_SUBB_OUT] = KIND_INT,
    [SSA_EQZ... SSA_GE_U] = KIND_INT,
    [SSA_FEQ... SSA_FGE] = KIND_FLOAT,
    [SSA_FADD... SSA_FSQRT] = KIND_FLOAT,
    [SSA_WRAP... SSA_EXTEND_U] = KIND_INT,
    [SSA_TRUNC_S... SSA_BITCAST] = KIND_FLOAT,
    [SSA_SELECT] = KIND_TYPED,
    [SSA_LOAD... SSA_STORE32] = KIND_MEM,
    [SSA_ATOMIC_LOAD... SSA_ATOMIC_FENCE] = KIND_ATOMIC,
    [SSA_INST_LOAD... SSA_INST_STORE] = KIND_MEM,
    [SSA_INST_ADDR] = KIND_INT,
    [SSA_PTR_LOAD... SSA_PTR_STORE] = KIND_MEM,
    [SSA_CALL... SSA_CALL_HELPER] = KIND_CALL,
    [SSA_TRAP_IF] = KIND_END,
    [SSA_INDEX_MASK... SSA_CYCLES] = KIND_INT,
    [SSA_JUMP... SSA_TRAP] = KIND_END,
    [SSA_TRAP + 1 ... SSA_OP_COUNT - 1] = KIND_SIMD,
};

/* ---- Room ---- */

static bool grow(struct select *s, void **array, uint32_t *cap, uint32_t needed, size_t size)
{
    size_t new_cap = (size_t)*cap * 2 > needed ? (size_t)*cap * 2 : (size_t)needed * 2;
    void *grown = new_cap > UINT32_MAX / 2
                      ? NULL
                      : arena_grow(s->cx->arena, *array, *cap * size, new_cap * size);
    if (grown == NULL) {
        s->status = ERR_NO_MEMORY;
        return false;
    }
    *array = grown;
    *cap = (uint32_t)new_cap;
    return true;
}

bool x86_reserve(struct select *s, uint32_t n_insts, uint32_t n_operands, uint32_t n_vregs)
{
    struct mir_func *mf = s->mf;
    bool is_ok = s->status == STATUS_OK;
    if (is_ok && s->cap_insts - s->n_insts < n_insts) {
        is_ok = grow(s, (void **)&s->insts, &s->cap_insts, s->n_insts + n_insts, sizeof *s->insts);
    }
    if (is_ok && mf->cap_operands - mf->n_operands < n_operands) {
        is_ok = grow(s, (void **)&mf->operands, &mf->cap_operands, mf->n_operands + n_operands,
                     sizeof *mf->operands);
    }
    if (is_ok && mf->cap_vregs - mf->n_vregs < n_vregs) {
        is_ok =
            grow(s, (void **)&mf->vregs, &mf->cap_vregs, mf->n_vregs + n_vregs, sizeof *mf->vregs);
    }
    if (is_ok && s->cap_groups - s->n_groups < 2) {
        is_ok = grow(s, (void **)&s->groups, &s->cap_groups, s->n_groups + 2, sizeof *s->groups);
    }
    return is_ok;
}

/* ---- Values ---- */

static uint32_t const_vreg(struct select *s, uint64_t bits, enum reg_class class,
                           uint8_t size_bytes, uint8_t flags)
{
    uint32_t vreg = x86_vreg(s, class, size_bytes);
    s->mf->vregs[vreg].flags |= VREG_CONST | flags;
    s->mf->vregs[vreg].imm = bits;
    return vreg;
}

uint32_t x86_const_gpr(struct select *s, uint64_t bits, uint8_t size_bytes)
{
    return const_vreg(s, bits, CLASS_GPR, size_bytes, 0);
}

uint32_t x86_const_vec(struct select *s, uint64_t bits, uint8_t size_bytes)
{
    return const_vreg(s, bits, CLASS_VEC, size_bytes, 0);
}

uint32_t x86_vconst(struct select *s, const uint8_t bytes[static 16])
{
    struct ssa_func *fn = s->fn;
    for (uint32_t i = fn->n_vconsts; i-- > 0 && fn->n_vconsts - i < 32;) {
        if (memcmp(fn->vconsts[i], bytes, 16) == 0) {
            return i;
        }
    }
    if (fn->n_vconsts == s->cap_vconsts &&
        !grow(s, (void **)&fn->vconsts, &s->cap_vconsts, fn->n_vconsts + 1, 16)) {
        return 0;
    }
    fn->cap_vconsts = s->cap_vconsts;
    memcpy(fn->vconsts[fn->n_vconsts], bytes, 16);
    return fn->n_vconsts++;
}

uint32_t x86_vconst_vreg(struct select *s, const uint8_t bytes[static 16])
{
    return const_vreg(s, x86_vconst(s, bytes), CLASS_VEC, 16, VREG_VCONST);
}

static uint32_t new_value(struct select *s, const struct ssa_inst *inst)
{
    bool is_vec = x86_type_is_vec((enum ssa_type)inst->type);
    enum reg_class class = is_vec ? CLASS_VEC : CLASS_GPR;
    uint8_t size_bytes = x86_type_bytes((enum ssa_type)inst->type);
    switch (inst->op) {
    case SSA_CONST: return const_vreg(s, inst->imm, class, size_bytes, 0);
    case SSA_VCONST: return const_vreg(s, inst->imm, class, size_bytes, VREG_VCONST);
    default: return x86_vreg(s, class, size_bytes);
    }
}

bool x86_upper_is_zero(const struct select *s, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    uint64_t bits;
    switch (inst->op) {
    case SSA_EXTEND_U: return true;
    case SSA_LOAD8_U:
    case SSA_LOAD16_U:
    case SSA_LOAD32_U: return true;
    case SSA_CONST: return inst->imm <= UINT32_MAX;
    case SSA_AND: return ssa_is_const(s->fn, (val_t){inst->arg[1]}, &bits) && bits <= UINT32_MAX;
    case SSA_SHR_U: return ssa_is_const(s->fn, (val_t){inst->arg[1]}, &bits) && (bits & 63) >= 32;
    default: return inst->type == T_I32;
    }
}

uint32_t x86_use_slow(struct select *s, val_t v)
{
    for (;;) {
        const struct ssa_inst *inst = x86_inst(s, v);
        bool is_alias = inst->op == SSA_COPY || inst->op == SSA_EXTEND_U ||
                        (inst->op == SSA_WRAP &&
                         x86_upper_is_zero(s, ssa_resolve(s->fn, (val_t){inst->arg[0]})));
        if (!is_alias) {
            break;
        }
        v.i = inst->arg[0];
    }
    uint32_t vreg = s->vreg_of[v.i];
    assert(vreg != VREG_FOLDED);
    if (vreg == 0) {
        vreg = new_value(s, x86_inst(s, v));
        s->vreg_of[v.i] = vreg;
    }
    return vreg;
}

uint32_t x86_use32(struct select *s, val_t v)
{
    v = ssa_resolve(s->fn, v);
    while (x86_inst(s, v)->op == SSA_WRAP || x86_inst(s, v)->op == SSA_EXTEND_U) {
        v = ssa_resolve(s->fn, x86_arg(s, v, 0));
    }
    return x86_use(s, v);
}

/* ---- Instructions ---- */

static bool stores_float(const struct select *s, const struct ssa_inst *inst)
{
    uint32_t value = inst->op == SSA_INST_STORE ? inst->arg[0] : inst->arg[1];
    switch (inst->op) {
    case SSA_STORE:
    case SSA_INST_STORE:
    case SSA_PTR_STORE: return x86_type_is_vec((enum ssa_type)s->fn->insts[value].type);
    default: return x86_type_is_vec((enum ssa_type)inst->type);
    }
}

static bool has_effect(const struct ssa_inst *inst)
{
    return ssa_has(inst, SSA_TRAPS | SSA_WRITES | SSA_CALLS | SSA_END) ||
           inst->op == SSA_INST_STORE || inst->op == SSA_PTR_STORE;
}

static status_t select_inst(struct select *s, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    switch ((enum select_kind)op_kinds[inst->op]) {
    case KIND_NONE: return STATUS_OK;
    case KIND_INT: return x86_select_int(s, v);
    case KIND_TYPED:
        return x86_type_is_vec((enum ssa_type)inst->type) ? x86_select_float(s, v)
                                                          : x86_select_int(s, v);
    case KIND_MEM: return stores_float(s, inst) ? x86_select_float(s, v) : x86_select_mem(s, v);
    case KIND_ATOMIC: return x86_select_atomic(s, v);
    case KIND_CALL: return x86_select_call(s, v);
    case KIND_END: return x86_select_end(s, v);
    case KIND_FLOAT: return x86_select_float(s, v);
    case KIND_SIMD: return x86_select_simd(s, v);
    }
    return ERR_INTERNAL;
}

static void end_group(struct select *s)
{
    if (s->n_groups == 0 || s->groups[s->n_groups - 1] != s->n_insts) {
        s->groups[s->n_groups++] = s->n_insts;
    }
}

/* The parameters: fixed registers at the entry, or slots in the caller's frame. */
static void select_params(struct select *s, const struct ssa_block *block)
{
    struct x86_abi abi = x86_abi_args();
    struct ssa_func *fn = s->fn;
    if (!x86_reserve(s, 1, fn->n_params, fn->n_params)) {
        return;
    }
    uint32_t *params = arena_zalloc(s->cx->scratch, fn->n_params + 1, sizeof *params);
    if (params == NULL) {
        s->status = ERR_NO_MEMORY;
        return;
    }
    for (uint32_t i = block->first; i != 0; i = fn->insts[i].next) {
        if (fn->insts[i].op == SSA_PARAM) {
            params[fn->insts[i].imm] = s->vreg_of[i];
        }
    }
    emit(s, X86_ENTRY);
    uint32_t n_operands = 0;
    for (uint32_t i = 0; i < fn->n_params; i++) {
        enum ssa_type type = (enum ssa_type)fn->param_types[i];
        struct x86_place place = x86_abi_next(&abi, x86_type_is_vec(type), x86_type_bytes(type));
        if (params[i] == 0) {
            continue;
        }
        if (place.reg == REG_NONE) {
            s->mf->vregs[params[i]].slot = MIR_SLOT_INCOMING + (int32_t)place.offset;
        } else {
            op_def_fixed(s, params[i], place.reg);
            s->mf->vregs[params[i]].hint = place.reg;
            n_operands++;
        }
    }
    if (n_operands == 0) {
        s->n_insts--;
    }
    s->in_args_bytes = abi.stack_bytes;
    end_group(s);
}

/* ---- Edges ---- */

/* The argument and the parameter would like the same register. */
static void hint_edge(struct select *s, uint32_t param, uint32_t arg)
{
    struct vreg *vregs = s->mf->vregs;
    vregs[param].flags |= VREG_PARAM;
    if (vregs[arg].hint_vreg == 0) {
        vregs[arg].hint_vreg = param;
    }
    if (vregs[param].hint_vreg == 0 && (vregs[arg].flags & VREG_CONST) == 0) {
        vregs[param].hint_vreg = arg;
    }
}

static void select_edge_args(struct select *s, uint32_t b, uint32_t to)
{
    struct ssa_func *fn = s->fn;
    const struct ssa_block *succ = &fn->blocks[to];
    uint32_t from = succ->n_preds > 1 ? s->pred_index[b] : 0;
    for (uint32_t i = succ->first; i != 0 && fn->insts[i].op == SSA_PHI; i = fn->insts[i].next) {
        if (s->n_uses[i] == 0 || !x86_reserve(s, 0, 0, 4)) {
            continue;
        }
        uint32_t param = x86_use(s, (val_t){i});
        uint32_t arg = x86_use(s, (val_t){fn->pool[fn->insts[i].arg[0] + from]});
        hint_edge(s, param, arg);
        s->mf->edge_args[s->n_edge_args++] = arg;
    }
}

static void select_edges(struct select *s, uint32_t b, struct mir_block *out)
{
    struct mir_func *mf = s->mf;
    const struct ssa_block *block = &s->fn->blocks[b];
    const uint32_t *succs = ssa_succs(s->fn, block);
    const uint32_t *preds = ssa_preds(s->fn, block);
    out->edges_start = mf->n_edges;
    out->n_edges = block->n_succs;
    for (uint32_t k = 0; k < block->n_succs; k++) {
        mf->edges[mf->n_edges++] =
            (struct mir_edge){.to = s->block_at[succs[k]], .args_start = s->n_edge_args};
        select_edge_args(s, b, succs[k]);
    }
    out->preds_start = s->n_preds;
    out->n_preds = block->n_preds;
    for (uint32_t k = 0; k < block->n_preds; k++) {
        mf->preds[s->n_preds++] = s->block_at[preds[k]];
    }
}

static void select_phis(struct select *s, const struct ssa_block *block, struct mir_block *out)
{
    const struct ssa_func *fn = s->fn;
    out->params_start = s->n_params;
    for (uint32_t i = block->first; i != 0 && fn->insts[i].op == SSA_PHI; i = fn->insts[i].next) {
        if (s->n_uses[i] != 0 && x86_reserve(s, 0, 0, 4)) {
            s->mf->params[s->n_params++] = x86_use(s, (val_t){i});
        }
    }
    out->n_params = s->n_params - out->params_start;
}

/* ---- Blocks ---- */

static bool has_room(const struct select *s)
{
    const struct mir_func *mf = s->mf;
    return s->cap_insts - s->n_insts >= SELECT_ROOM_INSTS &&
           mf->cap_operands - mf->n_operands >= SELECT_ROOM_OPERANDS &&
           mf->cap_vregs - mf->n_vregs >= SELECT_ROOM_VREGS && s->cap_groups - s->n_groups >= 2;
}

static status_t select_block(struct select *s, uint32_t b)
{
    struct ssa_func *fn = s->fn;
    const struct ssa_block *block = &fn->blocks[b];
    s->block = b;
    s->n_pairs = 0;
    s->starts[2 * b] = s->n_groups;
    struct mir_block *out = &s->mf->blocks[s->block_at[b]];
    select_edges(s, b, out);
    for (uint32_t i = block->last; i != 0 && s->status == STATUS_OK; i = fn->insts[i].prev) {
        uint32_t vreg = s->vreg_of[i];
        if (vreg == VREG_FOLDED || (vreg == 0 && !has_effect(&fn->insts[i]))) {
            continue;
        }
        if (!has_room(s) &&
            !x86_reserve(s, SELECT_ROOM_INSTS, SELECT_ROOM_OPERANDS, SELECT_ROOM_VREGS)) {
            break;
        }
        s->root = i;
        status_t status = select_inst(s, (val_t){i});
        if (status != STATUS_OK) {
            return status;
        }
        end_group(s);
    }
    select_phis(s, block, out);
    if (b == 0 && s->status == STATUS_OK) {
        select_params(s, block);
    }
    s->starts[2 * b + 1] = s->n_groups;
    return s->status;
}

/* ---- The graph ---- */

/* Groups were made from the last to the first. */
static void copy_block(struct select *s, uint32_t b, struct mir_block *out)
{
    struct mir_func *mf = s->mf;
    struct mir_inst *to = mf->insts + mf->n_insts;
    out->first = mf->n_insts;
    for (uint32_t g = s->starts[2 * b + 1]; g-- > s->starts[2 * b];) {
        const struct mir_inst *from = s->insts + (g == 0 ? 0 : s->groups[g - 1]);
        const struct mir_inst *end = s->insts + s->groups[g];
        while (from != end) {
            *to++ = *from++;
        }
    }
    mf->n_insts = (uint32_t)(to - mf->insts);
    out->end = mf->n_insts;
}

/* Where each loop ends in the layout: a parent comes before its children. */
static status_t place_loops(struct select *s, const uint32_t *order, uint32_t n_order)
{
    struct ssa_func *fn = s->fn;
    struct mir_func *mf = s->mf;
    uint32_t *ends = arena_zalloc(s->cx->scratch, fn->n_loops + 1, sizeof *ends);
    if (ends == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < n_order; i++) {
        ends[fn->blocks[order[i]].loop] = i + 1;
    }
    for (uint32_t l = fn->n_loops; l-- > 1;) {
        uint32_t parent = fn->loops[l].parent;
        ends[parent] = ends[l] > ends[parent] ? ends[l] : ends[parent];
    }
    for (uint32_t i = 0; i < n_order; i++) {
        const struct ssa_block *block = &fn->blocks[order[i]];
        struct mir_block *out = &mf->blocks[i];
        out->is_cold = block->is_cold;
        out->loop_header = UINT32_MAX;
        if (block->loop != 0) {
            const struct ssa_loop *loop = &fn->loops[block->loop];
            out->loop_header = s->block_at[loop->header];
            out->loop_depth = loop->depth > UINT16_MAX ? UINT16_MAX : (uint16_t)loop->depth;
            out->is_loop_header = loop->header == order[i];
            out->loop_end = out->is_loop_header ? ends[block->loop] : 0;
        }
    }
    return STATUS_OK;
}

/* How much of each table the graph takes. */
static status_t alloc_graph(struct select *s, const uint32_t *order, uint32_t n_order)
{
    struct ssa_func *fn = s->fn;
    struct mir_func *mf = s->mf;
    size_t n_edges = 0, n_preds = 0, n_params = 0, n_args = 0;
    for (uint32_t i = 0; i < n_order; i++) {
        const struct ssa_block *block = &fn->blocks[order[i]];
        size_t n_phis = 0;
        for (uint32_t v = block->first; v != 0 && fn->insts[v].op == SSA_PHI;
             v = fn->insts[v].next) {
            n_phis += s->n_uses[v] != 0;
        }
        n_edges += block->n_succs;
        n_preds += block->n_preds;
        n_params += n_phis;
        n_args += n_phis * block->n_preds;
    }
    struct arena *arena = s->cx->arena;
    mf->blocks = arena_zalloc(arena, n_order + 1, sizeof *mf->blocks);
    mf->edges = arena_array(arena, n_edges + 1, sizeof *mf->edges);
    mf->edge_args = arena_array(arena, n_args + 1, sizeof *mf->edge_args);
    mf->params = arena_array(arena, n_params + 1, sizeof *mf->params);
    mf->preds = arena_array(arena, n_preds + 1, sizeof *mf->preds);
    mf->n_blocks = n_order;
    bool is_ok = mf->blocks != NULL && mf->edges != NULL && mf->edge_args != NULL &&
                 mf->params != NULL && mf->preds != NULL;
    return is_ok ? STATUS_OK : ERR_NO_MEMORY;
}

static status_t order_insts(struct select *s, const uint32_t *order, uint32_t n_order)
{
    struct mir_func *mf = s->mf;
    mf->insts = arena_array(s->cx->arena, s->n_insts + 1, sizeof *mf->insts);
    mf->cap_insts = s->n_insts + 1;
    if (mf->insts == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < n_order; i++) {
        copy_block(s, order[i], &mf->blocks[i]);
    }
    mf->vconsts = s->fn->vconsts;
    return STATUS_OK;
}

/* ---- The function ---- */

static status_t select_init(struct select *s, struct compile *cx, const uint32_t *n_uses,
                            struct mir_func *mf)
{
    struct ssa_func *fn = cx->fn;
    struct arena *arena = cx->arena, *scratch = cx->scratch;
    uint32_t n = fn->n_insts;
    *mf = (struct mir_func){
        .arena = cx->arena, .scratch = cx->scratch, .funcidx = cx->funcidx, .n_vregs = 1};
    *s = (struct select){
        .cx = cx, .fn = fn, .mf = mf, .n_uses = n_uses, .cap_vconsts = fn->cap_vconsts};
    s->has_avx = x86_has(cx, ENGINE_CPU_AVX);
    s->has_bmi1 = x86_has(cx, ENGINE_CPU_BMI1);
    s->has_bmi2 = x86_has(cx, ENGINE_CPU_BMI2);
    s->has_lzcnt = x86_has(cx, ENGINE_CPU_LZCNT);
    s->has_popcnt = x86_has(cx, ENGINE_CPU_POPCNT);
    s->is_memory_imported = compile_memory_is_imported(cx);
    s->vreg_of = arena_zalloc(scratch, n, sizeof *s->vreg_of);
    s->block_at = arena_array(scratch, fn->n_blocks, sizeof *s->block_at);
    s->pred_index = arena_zalloc(scratch, fn->n_blocks, sizeof *s->pred_index);
    s->starts = arena_zalloc(scratch, fn->n_blocks, 2 * sizeof *s->starts);
    if (s->vreg_of == NULL || s->block_at == NULL || s->pred_index == NULL || s->starts == NULL) {
        return ERR_NO_MEMORY;
    }
    s->cap_groups = n + 64;
    s->groups = arena_array(scratch, s->cap_groups, sizeof *s->groups);
    s->cap_insts = n + n / 2 + 4 * SELECT_ROOM_INSTS;
    s->insts = arena_array(scratch, s->cap_insts, sizeof *s->insts);
    mf->cap_operands = n + n / 2 + 2 * SELECT_ROOM_OPERANDS;
    mf->operands = arena_array(arena, mf->cap_operands, sizeof *mf->operands);
    mf->cap_vregs = n + 4 * SELECT_ROOM_VREGS;
    mf->vregs = arena_array(arena, mf->cap_vregs, sizeof *mf->vregs);
    bool is_ok = s->groups != NULL && s->insts != NULL && mf->operands != NULL && mf->vregs != NULL;
    if (is_ok) {
        mf->vregs[0] = (struct vreg){.slot = -1, .hint = REG_NONE};
    }
    return is_ok ? STATUS_OK : ERR_NO_MEMORY;
}

/* Blocks of several predecessors: the only edge of each of these leads to them. */
static void index_blocks(struct select *s, const uint32_t *order, uint32_t n_order)
{
    for (uint32_t b = 0; b < s->fn->n_blocks; b++) {
        s->block_at[b] = NO_PLACE;
    }
    for (uint32_t i = 0; i < n_order; i++) {
        const struct ssa_block *block = &s->fn->blocks[order[i]];
        const uint32_t *preds = ssa_preds(s->fn, block);
        s->block_at[order[i]] = i;
        for (uint32_t k = 0; k < block->n_preds && block->n_preds > 1; k++) {
            s->pred_index[preds[k]] = k;
        }
    }
}

status_t x86_select(struct compile *cx, const uint32_t *order, uint32_t n_order,
                    const uint32_t *n_uses, struct mir_func *mf)
{
    struct select s;
    status_t status = select_init(&s, cx, n_uses, mf);
    if (status == STATUS_OK) {
        index_blocks(&s, order, n_order);
        status = alloc_graph(&s, order, n_order);
    }
    if (status == STATUS_OK) {
        status = place_loops(&s, order, n_order);
    }
    for (uint32_t b = cx->fn->n_blocks; status == STATUS_OK && b-- > 0;) {
        if (s.block_at[b] != NO_PLACE) {
            status = select_block(&s, b);
        }
    }
    return status == STATUS_OK ? order_insts(&s, order, n_order) : status;
}
