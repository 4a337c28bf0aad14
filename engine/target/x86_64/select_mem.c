/*
 * Selection of memory accesses: linear memory, the instance record, and pointers of the kernel.
 *
 * Linear memory is [r15 + index + disp] (r14 if imported): an i32 index is zero-extended in its
 * register, and index + disp ends in the guard at worst, so nothing is checked here. A sum may be
 * part of the address only if it is a 64-bit one, or known not to wrap.
 */
#include "engine/opt/fold.h"
#include "engine/target/x86_64/select.h"

/* ---- Addresses ---- */

static bool fits_int32(int64_t x)
{
    return x == (int32_t)x;
}

/* A 64-bit sum with a constant: x and the constant. */
static bool match_add_const(const struct select *s, val_t *v, int64_t *addend)
{
    const struct ssa_inst *inst = x86_inst(s, *v);
    uint64_t bits;
    if (inst->op != SSA_ADD || inst->type != T_I64 ||
        !ssa_is_const(s->fn, ssa_resolve(s->fn, (val_t){inst->arg[1]}), &bits) ||
        !fits_int32((int64_t)bits) || !fits_int32(*addend + (int64_t)bits)) {
        return false;
    }
    *addend += (int64_t)bits;
    *v = ssa_resolve(s->fn, (val_t){inst->arg[0]});
    return true;
}

/* A shift left by 1 to 3: of 64 bits, or of 32 if no bit is lost (see the pass ranges). */
static bool match_scale(const struct select *s, val_t *v, uint8_t *scale)
{
    const struct ssa_inst *inst = x86_inst(s, *v);
    uint64_t bits;
    if (inst->op != SSA_SHL ||
        !ssa_is_const(s->fn, ssa_resolve(s->fn, (val_t){inst->arg[1]}), &bits) || bits < 1 ||
        bits > 3) {
        return false;
    }
    val_t x = ssa_resolve(s->fn, (val_t){inst->arg[0]});
    if (inst->type != T_I64 && fold_value_max(s->fn, x) > UINT32_MAX >> bits) {
        return false;
    }
    *scale = (uint8_t)bits;
    *v = x;
    return true;
}

static struct x86_mem linear_address(struct select *s, val_t addr, uint64_t offset, uint32_t pos)
{
    uint8_t mode = s->is_memory_imported ? MODE_M : MODE_P;
    struct x86_mem mem = {.mode = mode, .pos = pos};
    int64_t disp = (int64_t)offset;
    uint64_t bits;
    addr = ssa_resolve(s->fn, addr);
    assert(fits_int32(disp));
    if (ssa_is_const(s->fn, addr, &bits) && bits <= INT32_MAX && fits_int32((int64_t)bits + disp)) {
        mem.disp = (int32_t)((int64_t)bits + disp);
        return mem;
    }
    if (x86_type(s, addr) == T_I64) {
        while (match_add_const(s, &addr, &disp)) {
        }
    }
    (void)match_scale(s, &addr, &mem.scale);
    mem.mode++; /* MODE_P_INDEX, MODE_M_INDEX */
    mem.index = x86_use(s, addr);
    mem.disp = (int32_t)disp;
    return mem;
}

/* base + index << scale + disp, as much of it as there is. */
static struct x86_mem pointer_address(struct select *s, val_t addr, uint64_t offset)
{
    struct x86_mem mem = {.mode = MODE_BASE};
    int64_t disp = (int64_t)offset;
    addr = ssa_resolve(s->fn, addr);
    while (match_add_const(s, &addr, &disp)) {
    }
    mem.disp = (int32_t)disp;
    const struct ssa_inst *inst = x86_inst(s, addr);
    if (inst->op == SSA_INST_ADDR && fits_int32(disp + (int64_t)inst->imm)) {
        mem.mode = MODE_P;
        mem.disp = (int32_t)(disp + (int64_t)inst->imm);
        return mem;
    }
    if (inst->op == SSA_ADD && s->n_uses[addr.i] == 1 && s->vreg_of[addr.i] == 0) {
        val_t base = ssa_resolve(s->fn, (val_t){inst->arg[0]});
        val_t index = ssa_resolve(s->fn, (val_t){inst->arg[1]});
        if (!match_scale(s, &index, &mem.scale) && match_scale(s, &base, &mem.scale)) {
            val_t swap = base;
            base = index;
            index = swap;
        }
        mem.mode = MODE_BASE_INDEX;
        mem.base = x86_use(s, base);
        mem.index = x86_use(s, index);
        return mem;
    }
    mem.base = x86_use(s, addr);
    return mem;
}

struct x86_mem x86_address(struct select *s, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    switch (inst->op) {
    case SSA_INST_LOAD:
    case SSA_INST_STORE: return (struct x86_mem){.mode = MODE_P, .disp = (int32_t)inst->imm};
    case SSA_PTR_LOAD:
    case SSA_PTR_STORE: return pointer_address(s, (val_t){inst->arg[0]}, inst->imm);
    default: return linear_address(s, (val_t){inst->arg[0]}, inst->imm, inst->pos);
    }
}

/* ---- Folding ---- */

static bool is_plain_load(const struct ssa_inst *inst, uint8_t width_bytes)
{
    switch (inst->op) {
    case SSA_LOAD:
    case SSA_INST_LOAD:
    case SSA_PTR_LOAD: return x86_type_bytes((enum ssa_type)inst->type) == width_bytes;
    case SSA_LOAD8_S:
    case SSA_LOAD8_U: return width_bytes == 1;
    case SSA_LOAD16_S:
    case SSA_LOAD16_U: return width_bytes == 2;
    case SSA_LOAD32_S:
    case SSA_LOAD32_U: return width_bytes == 4;
    case SSA_V_V128_LOAD: return width_bytes == 16;
    default: return false;
    }
}

#define SINK_DISTANCE 24 /* how far a load moves down, in instructions */

/* What a load must not be seen to pass: stores and whatever may end the function before. */
static bool is_barrier(const struct ssa_inst *inst, bool is_state)
{
    uint16_t flags = ssa_op_infos[inst->op].flags;
    if ((flags & (SSA_TRAPS | SSA_WRITES | SSA_CALLS | SSA_STATE)) == 0) {
        return false;
    }
    if ((flags & SSA_CALLS) != 0 || inst->op == SSA_INST_STORE || inst->op == SSA_PTR_STORE) {
        return true;
    }
    return !is_state &&
           ((flags & SSA_WRITES) != 0 || (flags & (SSA_TRAPS | SSA_READS)) == SSA_TRAPS);
}

/* The load may as well happen where the root is: nothing between could be seen to be passed. */
static bool may_sink(const struct select *s, val_t load)
{
    const struct ssa_inst *inst = x86_inst(s, load);
    if (inst->block != s->block || s->n_uses[load.i] != 1 || s->vreg_of[load.i] != 0) {
        return false;
    }
    bool is_state = inst->op == SSA_INST_LOAD || inst->op == SSA_PTR_LOAD;
    uint32_t i = inst->next;
    for (uint32_t n = 0; i != s->root; n++, i = s->fn->insts[i].next) {
        if (n == SINK_DISTANCE || i == 0 || is_barrier(&s->fn->insts[i], is_state)) {
            return false;
        }
    }
    return true;
}

bool x86_fold_load(struct select *s, val_t v, uint8_t width_bytes, struct x86_mem *mem)
{
    v = ssa_resolve(s->fn, v);
    if (!is_plain_load(x86_inst(s, v), width_bytes) || !may_sink(s, v)) {
        return false;
    }
    s->vreg_of[v.i] = VREG_FOLDED;
    *mem = x86_address(s, v);
    return true;
}

struct mir_inst *x86_emit_rm(struct select *s, enum x86_op op, uint32_t def, val_t src,
                             uint8_t width_bytes)
{
    struct x86_mem mem;
    if (width_bytes != 0 && x86_fold_load(s, src, width_bytes, &mem)) {
        return emit_rm_mem(s, op, def, &mem);
    }
    return emit_rm(s, op, def, x86_use(s, src));
}

struct mir_inst *x86_emit_rvm(struct select *s, enum x86_op op, uint32_t def, val_t a, val_t b,
                              uint8_t width_bytes)
{
    struct x86_mem mem;
    bool is_commutative = (x86_infos[op].flags & X_COMM) != 0;
    if (width_bytes != 0 && x86_fold_load(s, b, width_bytes, &mem)) {
        return emit_rvm_mem(s, op, def, x86_use(s, a), &mem);
    }
    if (width_bytes != 0 && is_commutative && x86_fold_load(s, a, width_bytes, &mem)) {
        return emit_rvm_mem(s, op, def, x86_use(s, b), &mem);
    }
    return emit_rvm(s, op, def, x86_use(s, a), x86_use(s, b));
}

/* ---- Loads ---- */

static const struct load_op {
    uint16_t op;
    uint8_t size; /* 0: that of the result */
} load_ops[] = {
    [SSA_LOAD - SSA_LOAD] = {X86_LOAD, 0},        [SSA_LOAD8_S - SSA_LOAD] = {X86_MOVSX8, 0},
    [SSA_LOAD8_U - SSA_LOAD] = {X86_MOVZX8, 4},   [SSA_LOAD16_S - SSA_LOAD] = {X86_MOVSX16, 0},
    [SSA_LOAD16_U - SSA_LOAD] = {X86_MOVZX16, 4}, [SSA_LOAD32_S - SSA_LOAD] = {X86_MOVSXD, 8},
    [SSA_LOAD32_U - SSA_LOAD] = {X86_LOAD, 4},
};

static void select_load(struct select *s, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    bool is_linear = inst->op >= SSA_LOAD && inst->op <= SSA_LOAD32_U;
    struct load_op load = load_ops[is_linear ? inst->op - SSA_LOAD : 0];
    uint32_t def = x86_def(s, v);
    struct x86_mem mem = x86_address(s, v);
    struct mir_inst *out = emit_rm_mem(s, (enum x86_op)load.op, def, &mem);
    out->sub[0] = load.size != 0 ? load.size : x86_type_bytes((enum ssa_type)inst->type);
}

/* ---- Stores ---- */

static uint8_t store_bytes(const struct select *s, const struct ssa_inst *inst, val_t value)
{
    switch (inst->op) {
    case SSA_STORE8: return 1;
    case SSA_STORE16: return 2;
    case SSA_STORE32: return 4;
    default: return x86_type_bytes(x86_type(s, value));
    }
}

/* Sees through what only changes bits that a store of so many bytes drops. is_private becomes
 * false where something seen through has other users: then what is behind it has, too. */
static val_t low_bytes(const struct select *s, val_t v, uint8_t size, bool *is_private)
{
    uint64_t keep = size == 1 ? 0xff : size == 2 ? 0xffff : UINT32_MAX;
    for (v = ssa_resolve(s->fn, v); size < 8; v = ssa_resolve(s->fn, x86_arg(s, v, 0))) {
        const struct ssa_inst *inst = x86_inst(s, v);
        uint64_t bits;
        bool drops = inst->op == SSA_WRAP || inst->op == SSA_EXTEND_U || inst->op == SSA_EXTEND_S ||
                     inst->op == SSA_SEXT32 || (inst->op == SSA_SEXT16 && size <= 2) ||
                     (inst->op == SSA_SEXT8 && size == 1) ||
                     (inst->op == SSA_AND && ssa_is_const(s->fn, (val_t){inst->arg[1]}, &bits) &&
                      (bits & keep) == keep);
        if (!drops) {
            break;
        }
        *is_private = *is_private && s->n_uses[v.i] == 1;
    }
    return v;
}

/* op [mem], reg and op [mem], imm of the operations that have such forms. */
static const struct rmw_op {
    uint16_t ssa;
    uint16_t reg, imm;
    uint8_t is_shift;
} rmw_ops[] = {
    {SSA_ADD, X86_ADD_MR, X86_ADDI, 0}, {SSA_SUB, X86_SUB_MR, X86_SUBI, 0},
    {SSA_AND, X86_AND_MR, X86_ANDI, 0}, {SSA_OR, X86_OR_MR, X86_ORI, 0},
    {SSA_XOR, X86_XOR_MR, X86_XORI, 0}, {SSA_SHL, X86_NOP, X86_SHLI, 1},
};

static const struct rmw_op *find_rmw(const struct ssa_inst *value)
{
    for (uint32_t i = 0; i < sizeof rmw_ops / sizeof rmw_ops[0]; i++) {
        if (rmw_ops[i].ssa == value->op) {
            return &rmw_ops[i];
        }
    }
    return NULL;
}

/* A load of just what the store writes, used for nothing else. */
static bool loads_same(const struct select *s, val_t load, const struct ssa_inst *store,
                       uint8_t size)
{
    const struct ssa_inst *inst = x86_inst(s, load);
    bool is_inst = store->op == SSA_INST_STORE;
    bool is_ptr = store->op == SSA_PTR_STORE;
    if (is_inst != (inst->op == SSA_INST_LOAD) || is_ptr != (inst->op == SSA_PTR_LOAD) ||
        inst->imm != store->imm || !is_plain_load(inst, size)) {
        return false;
    }
    return (is_inst || ssa_resolve(s->fn, (val_t){inst->arg[0]}).i ==
                           ssa_resolve(s->fn, (val_t){store->arg[0]}).i) &&
           may_sink(s, load);
}

bool x86_fits_imm32(uint64_t bits, uint8_t size)
{
    return size < 8 || fits_int32((int64_t)bits);
}

/* store(op(load a), x) as one instruction. */
static bool select_rmw(struct select *s, val_t v, val_t value, uint8_t size)
{
    const struct ssa_inst *store = x86_inst(s, v);
    const struct ssa_inst *inst = x86_inst(s, value);
    const struct rmw_op *op = find_rmw(inst);
    uint64_t bits;
    if (op == NULL || s->n_uses[value.i] != 1 || s->vreg_of[value.i] != 0 ||
        inst->block != s->block) {
        return false;
    }
    bool is_private[2] = {true, true};
    val_t load = low_bytes(s, (val_t){inst->arg[0]}, size, &is_private[0]);
    val_t other = low_bytes(s, (val_t){inst->arg[1]}, size, &is_private[1]);
    if (!is_private[0] || !loads_same(s, load, store, size)) {
        if (!ssa_has(inst, SSA_COMM) || !is_private[1] || !loads_same(s, other, store, size)) {
            return false;
        }
        val_t swap = load;
        load = other;
        other = swap;
    }
    bool is_const = ssa_is_const(s->fn, other, &bits) && x86_fits_imm32(bits, size);
    if (op->is_shift) {
        bits &= x86_type_bytes((enum ssa_type)inst->type) * 8u - 1;
        if (!is_const || bits >= size * 8u) {
            return false;
        }
    }
    s->vreg_of[load.i] = VREG_FOLDED;
    struct x86_mem mem = x86_address(s, v);
    struct mir_inst *out;
    if (is_const) {
        out = emit(s, (enum x86_op)op->imm);
        out->imm = bits;
        op_mem(s, &mem);
    } else {
        uint32_t reg = size < 8 ? x86_use32(s, other) : x86_use(s, other);
        out = emit_store(s, (enum x86_op)op->reg, reg, &mem);
    }
    out->sub[0] = size;
    return true;
}

static void select_store(struct select *s, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    val_t value = {inst->op == SSA_INST_STORE ? inst->arg[0] : inst->arg[1]};
    uint8_t size = store_bytes(s, inst, value);
    uint64_t bits;
    bool is_private = true;
    value = low_bytes(s, value, size, &is_private);
    if (is_private && select_rmw(s, v, value, size)) {
        return;
    }
    bool is_imm = ssa_is_const(s->fn, value, &bits) && x86_fits_imm32(bits, size);
    uint32_t reg = is_imm ? 0 : size < 8 ? x86_use32(s, value) : x86_use(s, value);
    struct x86_mem mem = x86_address(s, v);
    struct mir_inst *out;
    if (is_imm) {
        out = emit(s, X86_STOREI);
        out->imm = bits;
        op_mem(s, &mem);
    } else {
        out = emit_store(s, X86_STORE, reg, &mem);
    }
    out->sub[0] = size;
}

status_t x86_select_mem(struct select *s, val_t v)
{
    switch (x86_inst(s, v)->op) {
    case SSA_STORE:
    case SSA_STORE8:
    case SSA_STORE16:
    case SSA_STORE32:
    case SSA_INST_STORE:
    case SSA_PTR_STORE: select_store(s, v); return STATUS_OK;
    default: select_load(s, v); return STATUS_OK;
    }
}
