/*
 * Selection of calls: to functions, through slots, and of helpers.
 *
 * Arguments and results in registers are fixed operands of the call itself; those on the stack
 * are stored before it and loaded after it, in the area at the stack pointer.
 */
#include "engine/target/x86_64/abi.h"
#include "engine/target/x86_64/select.h"

static const uint16_t store_ops[T_COUNT] = {
    [T_I32] = X86_STORE,       [T_I64] = X86_STORE,         [T_F32] = X86_MOVSS_STORE,
    [T_F64] = X86_MOVSD_STORE, [T_V128] = X86_MOVUPS_STORE,
};
static const uint16_t load_ops[T_COUNT] = {
    [T_I32] = X86_LOAD,       [T_I64] = X86_LOAD,         [T_F32] = X86_MOVSS_LOAD,
    [T_F64] = X86_MOVSD_LOAD, [T_V128] = X86_MOVUPS_LOAD,
};

struct call {
    val_t v;
    uint32_t n_args; /* of the callee's type */
    const uint32_t *args;
    struct x86_abi arg_abi;
    uint32_t n_results;
    const uint8_t *results; /* enum engine_valtype; if there are several */
};

static void hint(struct select *s, uint32_t vreg, uint8_t reg)
{
    if (s->mf->vregs[vreg].hint == REG_NONE) {
        s->mf->vregs[vreg].hint = reg;
    }
}

static enum ssa_type type_of_valtype(uint8_t valtype)
{
    switch (valtype) {
    case VALTYPE_I32: return T_I32;
    case VALTYPE_F32: return T_F32;
    case VALTYPE_F64: return T_F64;
    case VALTYPE_V128: return T_V128;
    default: return T_I64;
    }
}

static struct x86_place next_place(struct x86_abi *abi, enum ssa_type type)
{
    return x86_abi_next(abi, x86_type_is_vec(type), x86_type_bytes(type));
}

/* Stores the arguments that go on the stack; answers how many bytes all those take. */
static uint32_t emit_stack_args(struct select *s, const struct call *call)
{
    struct x86_abi abi = call->arg_abi;
    for (uint32_t i = 0; i < call->n_args; i++) {
        val_t v = {call->args[i]};
        enum ssa_type type = x86_type(s, v);
        struct x86_place place = next_place(&abi, type);
        if (place.reg == REG_NONE) {
            struct x86_mem mem = {.mode = MODE_OUT, .disp = (int32_t)place.offset};
            /* an i32 as 8 bytes: the callee may use it as an i64 where it stands */
            emit_store(s, (enum x86_op)store_ops[type], x86_use(s, v), &mem)->sub[0] =
                type == T_I32 ? 8 : x86_type_bytes(type);
        }
    }
    return abi.stack_bytes;
}

static void op_register_args(struct select *s, const struct call *call)
{
    struct x86_abi abi = call->arg_abi;
    for (uint32_t i = 0; i < call->n_args; i++) {
        val_t v = {call->args[i]};
        struct x86_place place = next_place(&abi, x86_type(s, v));
        if (place.reg != REG_NONE) {
            uint32_t vreg = x86_use(s, v);
            op_use_fixed(s, vreg, place.reg);
            hint(s, vreg, place.reg);
        }
    }
}

/* The vreg wanted for result k; 0 if nobody uses it. *at is where to go on looking: results follow
 * their call in ascending order. */
static uint32_t result_vreg(const struct select *s, const struct call *call, uint32_t k,
                            uint32_t *at)
{
    if (k == 0) {
        return s->vreg_of[call->v.i];
    }
    while (*at != 0 && s->fn->insts[*at].op == SSA_RESULT && s->fn->insts[*at].imm < k) {
        *at = s->fn->insts[*at].next;
    }
    const struct ssa_inst *inst = &s->fn->insts[*at];
    return inst->op == SSA_RESULT && inst->arg[0] == call->v.i && inst->imm == k ? s->vreg_of[*at]
                                                                                 : 0;
}

static enum ssa_type result_type(const struct select *s, const struct call *call, uint32_t k)
{
    return k == 0 ? x86_type(s, call->v) : type_of_valtype(call->results[k]);
}

/* Defines the results in registers (operands of the call), or loads those on the stack. */
static uint32_t place_results(struct select *s, const struct call *call, uint32_t args_bytes,
                              bool is_stack)
{
    struct x86_abi abi = x86_abi_results(args_bytes);
    uint32_t at = x86_inst(s, call->v)->next;
    for (uint32_t k = 0; k < call->n_results; k++) {
        enum ssa_type type = result_type(s, call, k);
        struct x86_place place = next_place(&abi, type);
        if (is_stack != (place.reg == REG_NONE)) {
            continue;
        }
        uint32_t vreg = result_vreg(s, call, k, &at);
        if (vreg == 0) {
            continue;
        }
        if (is_stack) {
            struct x86_mem mem = {.mode = MODE_OUT, .disp = (int32_t)place.offset};
            emit_rm_mem(s, (enum x86_op)load_ops[type], vreg, &mem)->sub[0] = x86_type_bytes(type);
        } else {
            op_def_fixed(s, vreg, place.reg);
            hint(s, vreg, place.reg);
        }
    }
    return abi.stack_bytes;
}

static struct mir_inst *begin_call(struct select *s, const struct call *call, enum x86_op op)
{
    struct mir_inst *inst = emit(s, op);
    inst->flags = MIR_CALL;
    inst->pos = x86_inst(s, call->v)->pos;
    s->mf->has_calls = true;
    return inst;
}

static void end_call(struct select *s, const struct call *call, uint32_t args_bytes)
{
    op_register_args(s, call);
    (void)place_results(s, call, args_bytes, false);
    uint32_t bytes = place_results(s, call, args_bytes, true);
    if (s->mf->out_args_bytes < bytes) {
        s->mf->out_args_bytes = bytes;
    }
}

static void set_type(struct select *s, struct call *call, uint32_t typeidx)
{
    call->n_results = x86_type(s, call->v) != T_VOID;
    if (s->cx->module != NULL) {
        const struct engine_functype *type = &s->cx->module->types[typeidx];
        call->n_results = type->n_results;
        call->results = type->results;
    }
}

static bool reserve_call(struct select *s, const struct call *call)
{
    uint32_t n = call->n_args + call->n_results + 8;
    return x86_reserve(s, n, 2 * n, n);
}

static void select_direct(struct select *s, struct call *call)
{
    uint32_t funcidx = (uint32_t)x86_inst(s, call->v)->imm;
    set_type(s, call, s->cx->module != NULL ? s->cx->module->funcs[funcidx].typeidx : 0);
    if (!reserve_call(s, call)) {
        return;
    }
    uint32_t args_bytes = emit_stack_args(s, call);
    begin_call(s, call, X86_CALL)->block_or_id = funcidx;
    end_call(s, call, args_bytes);
}

static void select_slot(struct select *s, struct call *call)
{
    val_t slot = {call->args[0]};
    set_type(s, call, (uint32_t)x86_inst(s, call->v)->imm);
    call->args++;
    call->n_args--;
    if (!reserve_call(s, call)) {
        return;
    }
    uint32_t args_bytes = emit_stack_args(s, call);
    uint32_t vreg = x86_use(s, slot);
    begin_call(s, call, X86_CALL_MEM)->sub[1] = MODE_BASE;
    op_use_fixed(s, vreg, RAX);
    hint(s, vreg, RAX);
    end_call(s, call, args_bytes);
}

/* C functions leave anything in the upper half of an i32 result. */
static void select_helper(struct select *s, struct call *call)
{
    const struct ssa_inst *inst = x86_inst(s, call->v);
    call->arg_abi = x86_abi_helper_args();
    uint32_t wanted = s->vreg_of[call->v.i];
    if (!reserve_call(s, call)) {
        return;
    }
    uint32_t args_bytes = emit_stack_args(s, call);
    begin_call(s, call, X86_CALL_HELPER)->imm = inst->imm;
    op_register_args(s, call);
    if (s->mf->out_args_bytes < args_bytes) {
        s->mf->out_args_bytes = args_bytes;
    }
    if (wanted == 0) {
        return;
    }
    uint32_t raw = inst->type == T_I32 ? x86_vreg(s, CLASS_GPR, 8) : wanted;
    op_def_fixed(s, raw, RAX);
    if (raw != wanted) {
        emit_rm(s, X86_LOAD, wanted, raw)->sub[0] = 4;
    }
}

status_t x86_select_call(struct select *s, val_t v)
{
    struct ssa_inst *inst = x86_inst(s, v);
    struct call call = {
        .v = v, .n_args = inst->arg[1], .args = ssa_args(s->fn, inst), .arg_abi = x86_abi_args()};
    switch (inst->op) {
    case SSA_CALL: select_direct(s, &call); break;
    case SSA_CALL_SLOT: select_slot(s, &call); break;
    default: select_helper(s, &call); break;
    }
    return s->status;
}
