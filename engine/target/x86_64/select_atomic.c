/*
 * Selection of atomic accesses. On x86 a plain load is an acquire and, as all stores here are
 * exchanges, sequentially consistent; read-modify-write is one locked instruction, or a loop
 * around lock cmpxchg where the old value is wanted of an operation that has no fetching form.
 * Alignment was checked before.
 */
#include "engine/target/x86_64/select.h"

static uint8_t width_of(const struct select *s, val_t v)
{
    return (uint8_t)(1u << x86_inst(s, v)->sub);
}

/* wanted = the low bytes of raw. */
static void emit_narrow(struct select *s, uint32_t wanted, uint32_t raw, uint8_t width)
{
    emit_rm(s, width == 1 ? X86_MOVZX8 : X86_MOVZX16, wanted, raw)->sub[0] = 4;
}

/* The vreg that an instruction which leaves upper bits undefined defines; finish narrows it. */
static uint32_t raw_def(struct select *s, val_t v, uint8_t width)
{
    return width < 4 ? x86_vreg(s, CLASS_GPR, 8) : x86_def(s, v);
}

static void finish(struct select *s, val_t v, uint32_t raw, uint8_t width)
{
    if (width < 4 && s->vreg_of[v.i] != 0) {
        emit_narrow(s, x86_def(s, v), raw, width);
    }
}

static uint32_t use(struct select *s, val_t v, uint32_t k, uint8_t width)
{
    val_t arg = x86_arg(s, v, k);
    return width == 8 ? x86_use(s, arg) : x86_use32(s, arg);
}

static void select_load(struct select *s, val_t v)
{
    uint8_t width = width_of(s, v);
    struct x86_mem mem = x86_address(s, v);
    enum x86_op op = width == 1 ? X86_MOVZX8 : width == 2 ? X86_MOVZX16 : X86_LOAD;
    emit_rm_mem(s, op, x86_def(s, v), &mem)->sub[0] = width;
}

/* xchg, lock xadd: the register gets the old value. */
static void emit_exchange(struct select *s, enum x86_op op, uint32_t def, uint32_t value,
                          const struct x86_mem *mem, uint8_t width)
{
    struct mir_inst *inst = emit(s, op);
    inst->sub[0] = width;
    op_def_tied(s, def, 1);
    op_use(s, value);
    op_mem(s, mem);
}

static void select_store(struct select *s, val_t v)
{
    uint8_t width = width_of(s, v);
    uint32_t value = use(s, v, 1, width);
    struct x86_mem mem = x86_address(s, v);
    emit_exchange(s, X86_XCHG_MR, x86_vreg(s, CLASS_GPR, 8), value, &mem, width);
}

static void select_xchg(struct select *s, val_t v)
{
    uint8_t width = width_of(s, v);
    uint32_t value = use(s, v, 1, width);
    struct x86_mem mem = x86_address(s, v);
    uint32_t raw = raw_def(s, v, width);
    emit_exchange(s, X86_XCHG_MR, raw, value, &mem, width);
    finish(s, v, raw, width);
}

static const struct lock_op {
    uint16_t plain; /* lock op [mem], reg: the old value isn't wanted */
    uint8_t opcode; /* of op reg, rm: for the loop */
} lock_ops[] = {
    [SSA_ATOMIC_ADD - SSA_ATOMIC_ADD] = {X86_LOCK_ADD_MR, 0x03},
    [SSA_ATOMIC_SUB - SSA_ATOMIC_ADD] = {X86_LOCK_SUB_MR, 0x2b},
    [SSA_ATOMIC_AND - SSA_ATOMIC_ADD] = {X86_LOCK_AND_MR, 0x23},
    [SSA_ATOMIC_OR - SSA_ATOMIC_ADD] = {X86_LOCK_OR_MR, 0x0b},
    [SSA_ATOMIC_XOR - SSA_ATOMIC_ADD] = {X86_LOCK_XOR_MR, 0x33},
};

static void select_xadd(struct select *s, val_t v, uint32_t value, const struct x86_mem *mem,
                        uint8_t width)
{
    uint32_t raw = raw_def(s, v, width);
    if (x86_inst(s, v)->op == SSA_ATOMIC_SUB) {
        uint32_t negated = x86_vreg(s, CLASS_GPR, 8);
        emit(s, X86_NEG)->sub[0] = width == 8 ? 8 : 4;
        op_def_tied(s, negated, 1);
        op_use(s, value);
        value = negated;
    }
    emit_exchange(s, X86_LOCK_XADD, raw, value, mem, width);
    finish(s, v, raw, width);
}

static void select_loop(struct select *s, val_t v, uint32_t value, const struct x86_mem *mem,
                        uint8_t width)
{
    uint32_t guess = x86_vreg(s, CLASS_GPR, 8);
    uint32_t raw = raw_def(s, v, width);
    enum x86_op load = width == 1 ? X86_MOVZX8 : width == 2 ? X86_MOVZX16 : X86_LOAD;
    emit_rm_mem(s, load, guess, mem)->sub[0] = width;
    struct mir_inst *inst = emit(s, X86_LOCK_LOOP);
    inst->sub[0] = width;
    inst->imm = lock_ops[x86_inst(s, v)->op - SSA_ATOMIC_ADD].opcode;
    op_def_fixed(s, raw, RAX);
    op_use(s, value);
    op_mem(s, mem);
    op_use_fixed(s, guess, RAX);
    op_temp(s, CLASS_GPR);
    finish(s, v, raw, width);
}

static void select_rmw(struct select *s, val_t v)
{
    uint16_t ssa = x86_inst(s, v)->op;
    uint8_t width = width_of(s, v);
    uint32_t value = use(s, v, 1, width);
    struct x86_mem mem = x86_address(s, v);
    if (s->vreg_of[v.i] == 0) {
        enum x86_op op = (enum x86_op)lock_ops[ssa - SSA_ATOMIC_ADD].plain;
        emit_store(s, op, value, &mem)->sub[0] = width;
    } else if (ssa == SSA_ATOMIC_ADD || ssa == SSA_ATOMIC_SUB) {
        select_xadd(s, v, value, &mem, width);
    } else {
        select_loop(s, v, value, &mem, width);
    }
}

/* The expected value is wrapped to the width, as the value is (threads proposal, "cmpxchg"). */
static void select_cmpxchg(struct select *s, val_t v)
{
    uint8_t width = width_of(s, v);
    uint32_t expected = use(s, v, 1, width), value = use(s, v, 2, width);
    struct x86_mem mem = x86_address(s, v);
    /* rax stays as it was if nothing was loaded into it: whatever the upper half of an i64 was */
    uint32_t raw = width == 8 ? x86_def(s, v) : x86_vreg(s, CLASS_GPR, 8);
    struct mir_inst *inst = emit(s, X86_LOCK_CMPXCHG);
    inst->sub[0] = width;
    op_def_fixed(s, raw, RAX);
    op_use(s, value);
    op_mem(s, &mem);
    op_use_fixed(s, expected, RAX);
    if (width == 4) {
        emit_rm(s, X86_LOAD, x86_def(s, v), raw)->sub[0] = 4;
    } else {
        finish(s, v, raw, width);
    }
}

status_t x86_select_atomic(struct select *s, val_t v)
{
    switch (x86_inst(s, v)->op) {
    case SSA_ATOMIC_LOAD: select_load(s, v); break;
    case SSA_ATOMIC_STORE: select_store(s, v); break;
    case SSA_ATOMIC_XCHG: select_xchg(s, v); break;
    case SSA_ATOMIC_CMPXCHG: select_cmpxchg(s, v); break;
    case SSA_ATOMIC_FENCE: emit(s, X86_MFENCE); break;
    default: select_rmw(s, v); break;
    }
    return STATUS_OK;
}
