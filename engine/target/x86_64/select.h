/*
 * Instruction selection for x86-64: the state, and the helpers that all select_*.c share.
 *
 * Blocks are visited in descending number and each from its last instruction to its first, so
 * that a value's users come before the value. Asking for a value's register (x86_use) makes it
 * live; an instruction without side effects that nobody asked for when its turn comes was either
 * dead or folded into its users, and is left out. While one SSA instruction is selected, machine
 * instructions are emitted in their natural order ("group"); the driver puts groups in order.
 *
 * To write a selector: for each SSA instruction, x86_def() is the vreg of its result; emit_*()
 * begin instructions; the op_*() helpers add operands to the last instruction begun, in the order
 * of its form (x86.h). Flags: nothing may be emitted between a compare and the user of its flags
 * that writes flags (X_WF); moves that the allocator inserts don't.
 *
 * Memory never runs out halfway: the driver keeps room for SELECT_ROOM_* per SSA instruction.
 */
#ifndef ENGINE_TARGET_X86_64_SELECT_H
#define ENGINE_TARGET_X86_64_SELECT_H

#include <assert.h>

#include "engine/target/x86_64/x86.h"

#define SELECT_ROOM_INSTS 64u
#define SELECT_ROOM_OPERANDS 256u
#define SELECT_ROOM_VREGS 64u
#define VREG_FOLDED UINT32_MAX /* in vreg_of: became part of its only user */

struct select {
    struct compile *cx;
    struct ssa_func *fn;
    struct mir_func *mf;
    const uint32_t *n_uses; /* by SSA value */
    uint32_t *vreg_of;      /* by SSA value: 0 not (yet) wanted, VREG_FOLDED */
    struct mir_inst *insts; /* of this block, group by group, groups last to first */
    uint32_t n_insts, cap_insts;
    uint32_t *groups; /* starts of groups in insts */
    uint32_t n_groups, cap_groups;
    uint32_t *block_at;   /* SSA block -> place in the layout */
    uint32_t *pred_index; /* SSA block -> which predecessor of its only successor it is */
    uint32_t *starts;     /* SSA block -> its groups, [2 b] up to [2 b + 1] */
    uint32_t n_params, n_edge_args, n_preds; /* filled so far in mf */
    uint32_t in_args_bytes;                  /* stack arguments of this function */
    struct select_pair {
        uint32_t first, second;
    } pairs[4]; /* of this block: the instruction of first computes second too */
    uint32_t n_pairs;
    uint32_t block; /* the SSA block being selected */
    uint32_t root;  /* the SSA instruction being selected */
    uint32_t cap_vconsts;
    bool has_avx, has_bmi1, has_bmi2, has_lzcnt, has_popcnt;
    bool is_memory_imported;
    status_t status; /* sticky */
};

/* ---- Values and vregs ---- */

static inline struct ssa_inst *x86_inst(const struct select *s, val_t v)
{
    return &s->fn->insts[v.i];
}

static inline val_t x86_arg(const struct select *s, val_t v, uint32_t k)
{
    return (val_t){ssa_args(s->fn, &s->fn->insts[v.i])[k]};
}

static inline enum ssa_type x86_type(const struct select *s, val_t v)
{
    return (enum ssa_type)s->fn->insts[v.i].type;
}

static inline uint8_t x86_type_bytes(enum ssa_type type)
{
    return (const uint8_t[T_COUNT]){0, 4, 8, 4, 8, 16}[type];
}

static inline bool x86_type_is_vec(enum ssa_type type)
{
    return type >= T_F32;
}

/*
 * A new vreg; size_bytes 4, 8 or 16. An i32 is kept with its zeros when spilled, since it may be
 * used as an i64 too.
 */
static inline uint32_t x86_vreg(struct select *s, enum reg_class class, uint8_t size_bytes)
{
    struct mir_func *mf = s->mf;
    assert(mf->n_vregs < mf->cap_vregs);
    bool is_i32 = class == CLASS_GPR && size_bytes == 4;
    mf->vregs[mf->n_vregs] = (struct vreg){.class = class,
                                           .size_bytes = is_i32 ? 8 : size_bytes,
                                           .flags = is_i32 ? VREG_I32 : 0,
                                           .hint = REG_NONE,
                                           .slot = -1};
    return mf->n_vregs++;
}

/* The vreg of v, for a use: v is live from now on. Sees through COPY and EXTEND_U. */
uint32_t x86_use_slow(struct select *s, val_t v);

static inline uint32_t x86_use(struct select *s, val_t v)
{
    uint32_t vreg = s->vreg_of[v.i];
    return vreg != 0 && vreg != VREG_FOLDED ? vreg : x86_use_slow(s, v);
}

/* Only for the low 32 bits of v: sees through WRAP too. The instruction must not read more. */
uint32_t x86_use32(struct select *s, val_t v);

/* The vreg that the instruction v, whose turn it is, must define. */
static inline uint32_t x86_def(struct select *s, val_t v)
{
    uint32_t vreg = s->vreg_of[v.i];
    if (vreg == 0) { /* unused, but executed for its effects */
        enum ssa_type type = x86_type(s, v);
        vreg = x86_vreg(s, x86_type_is_vec(type) ? CLASS_VEC : CLASS_GPR, x86_type_bytes(type));
        s->vreg_of[v.i] = vreg;
    }
    return vreg;
}

/* An integer constant in a register (VREG_CONST); not shared. */
uint32_t x86_const_gpr(struct select *s, uint64_t bits, uint8_t size_bytes);
/* A float (4, 8) constant in a vector register. */
uint32_t x86_const_vec(struct select *s, uint64_t bits, uint8_t size_bytes);
/* A 16-byte constant: its index for MODE_CONST, and as a VREG_CONST in a register. */
uint32_t x86_vconst(struct select *s, const uint8_t bytes[static 16]);
uint32_t x86_vconst_vreg(struct select *s, const uint8_t bytes[static 16]);

/* The bits of v above the low 32 are known to be zero. */
bool x86_upper_is_zero(const struct select *s, val_t v);

/* Room beyond the usual, before a loop over calls' arguments and such; false: s->status. */
bool x86_reserve(struct select *s, uint32_t n_insts, uint32_t n_operands, uint32_t n_vregs);

/* ---- Emitting ---- */

/* Begins an instruction; never null. */
static inline struct mir_inst *emit(struct select *s, enum x86_op op)
{
    assert(s->n_insts < s->cap_insts);
    struct mir_inst *inst = &s->insts[s->n_insts++];
    *inst = (struct mir_inst){.op = op, .first = s->mf->n_operands};
    return inst;
}

static inline struct mir_inst *emit_last(struct select *s)
{
    return &s->insts[s->n_insts - 1];
}

static inline void op_add(struct select *s, enum operand_kind kind, uint32_t vreg, uint8_t reg)
{
    struct mir_func *mf = s->mf;
    assert(mf->n_operands < mf->cap_operands);
    mf->operands[mf->n_operands++] =
        (struct mir_operand){.vreg = vreg, .kind = kind, .reg = reg, .loc = LOC_NONE};
    s->insts[s->n_insts - 1].n_operands++;
}

static inline void op_use(struct select *s, uint32_t vreg)
{
    op_add(s, OPERAND_USE, vreg, REG_NONE);
}

static inline void op_use_any(struct select *s, uint32_t vreg)
{
    op_add(s, OPERAND_USE_ANY, vreg, REG_NONE);
}

static inline void op_use_fixed(struct select *s, uint32_t vreg, uint8_t reg)
{
    op_add(s, OPERAND_USE_FIXED, vreg, reg);
}

static inline void op_def(struct select *s, uint32_t vreg)
{
    op_add(s, OPERAND_DEF, vreg, REG_NONE);
}

static inline void op_early_def(struct select *s, uint32_t vreg)
{
    op_add(s, OPERAND_EARLY_DEF, vreg, REG_NONE);
}

static inline void op_def_fixed(struct select *s, uint32_t vreg, uint8_t reg)
{
    op_add(s, OPERAND_DEF_FIXED, vreg, reg);
}

/* Tied to operand number k of this instruction. */
static inline void op_def_tied(struct select *s, uint32_t vreg, uint8_t k)
{
    op_add(s, OPERAND_DEF_TIED, vreg, k);
}

static inline void op_temp(struct select *s, enum reg_class class)
{
    op_add(s, OPERAND_TEMP, class, REG_NONE);
}

static inline void op_temp_fixed(struct select *s, uint8_t reg)
{
    op_add(s, OPERAND_TEMP_FIXED, 0, reg);
}

/* The address in place of the rm operand of the last instruction. */
static inline void op_mem(struct select *s, const struct x86_mem *mem)
{
    struct mir_inst *inst = emit_last(s);
    inst->sub[1] = mem->mode;
    inst->sub[2] = mem->scale;
    inst->disp = mem->disp;
    if (mem->mode == MODE_CONST) {
        inst->block_or_id = mem->id;
    }
    if (mem->pos != 0) {
        inst->pos = mem->pos;
    }
    if (mem->base != 0) {
        op_use(s, mem->base);
    }
    if (mem->index != 0) {
        op_use(s, mem->index);
    }
}

/* Operand 0 of FORM_RVM and FORM_VM: tied to operand 1 unless the encoding is VEX. */
static inline void op_def_rvm(struct select *s, uint32_t def)
{
    uint32_t flags = x86_infos[emit_last(s)->op].flags;
    if ((flags & X_VEX_ONLY) != 0 || ((flags & X_VEX) != 0 && s->has_avx)) {
        op_def(s, def);
    } else {
        op_def_tied(s, def, 1);
    }
}

/* def = op(src) */
static inline struct mir_inst *emit_rm(struct select *s, enum x86_op op, uint32_t def, uint32_t src)
{
    struct mir_inst *inst = emit(s, op);
    op_def(s, def);
    op_use_any(s, src);
    return inst;
}

/* The same where rm must be a register (MOVHLPS; anything of X_ALIGNED or that reads more bytes
 * than the vreg has, if without AVX). */
static inline struct mir_inst *emit_rr(struct select *s, enum x86_op op, uint32_t def, uint32_t src)
{
    struct mir_inst *inst = emit(s, op);
    op_def(s, def);
    op_use(s, src);
    return inst;
}

static inline struct mir_inst *emit_rm_mem(struct select *s, enum x86_op op, uint32_t def,
                                           const struct x86_mem *mem)
{
    struct mir_inst *inst = emit(s, op);
    op_def(s, def);
    op_mem(s, mem);
    return inst;
}

/* def = op(a, b); b in a register or slot. The slot has only the bytes of its vreg. */
static inline struct mir_inst *emit_rvm(struct select *s, enum x86_op op, uint32_t def, uint32_t a,
                                        uint32_t b)
{
    struct mir_inst *inst = emit(s, op);
    inst->flags = (x86_infos[op].flags & X_COMM) != 0 ? MIR_COMMUTES : 0;
    op_def_rvm(s, def);
    op_use(s, a);
    op_use_any(s, b);
    return inst;
}

/* The same with b in a register for certain. */
static inline struct mir_inst *emit_rvr(struct select *s, enum x86_op op, uint32_t def, uint32_t a,
                                        uint32_t b)
{
    struct mir_inst *inst = emit_rvm(s, op, def, a, b);
    s->mf->operands[inst->first + 2].kind = OPERAND_USE;
    return inst;
}

static inline struct mir_inst *emit_rvm_mem(struct select *s, enum x86_op op, uint32_t def,
                                            uint32_t a, const struct x86_mem *mem)
{
    struct mir_inst *inst = emit(s, op);
    op_def_rvm(s, def);
    op_use(s, a);
    op_mem(s, mem);
    return inst;
}

/* def = op(a, imm): shifts of vectors by a constant (FORM_VM). */
static inline struct mir_inst *emit_vm(struct select *s, enum x86_op op, uint32_t def, uint32_t a,
                                       uint64_t imm)
{
    struct mir_inst *inst = emit(s, op);
    inst->imm = imm;
    op_def_rvm(s, def);
    op_use(s, a);
    return inst;
}

/* def (rm) = op(src) (reg): movd, pextrd (FORM_MR). */
static inline struct mir_inst *emit_mr(struct select *s, enum x86_op op, uint32_t def, uint32_t src)
{
    struct mir_inst *inst = emit(s, op);
    op_def(s, def);
    op_use(s, src);
    return inst;
}

/* Stores src: FORM_RM stores, FORM_MR with a memory address. */
static inline struct mir_inst *emit_store(struct select *s, enum x86_op op, uint32_t src,
                                          const struct x86_mem *mem)
{
    struct mir_inst *inst = emit(s, op);
    op_use(s, src);
    op_mem(s, mem);
    return inst;
}

/* A copy between vregs of a class; the allocator merges what it can. */
static inline struct mir_inst *emit_move(struct select *s, uint32_t def, uint32_t src)
{
    bool is_vec = s->mf->vregs[def].class == CLASS_VEC;
    struct mir_inst *inst = emit(s, is_vec ? X86_MOVV : X86_MOV);
    inst->flags = MIR_MOVE;
    inst->sub[0] = s->mf->vregs[def].size_bytes;
    op_def(s, def);
    op_use(s, src);
    return inst;
}

/* The constant number id of mf->vconsts, as an address. */
static inline struct x86_mem x86_const_mem(uint32_t id)
{
    return (struct x86_mem){.mode = MODE_CONST, .id = id};
}

/* ---- Memory (select_mem.c) ---- */

/* The address that the memory instruction v accesses: linear memory, record, or pointer. */
struct x86_mem x86_address(struct select *s, val_t v);

/*
 * v as a memory operand of width_bytes of the instruction now being selected, if v is a plain
 * load of just that width with this one use, and nothing between forbids that it happens now.
 * True: v is folded, *mem its address. Call it right before using *mem.
 */
bool x86_fold_load(struct select *s, val_t v, uint8_t width_bytes, struct x86_mem *mem);

/* bits can be a 32-bit immediate, sign-extended, of an operation on so many bytes. */
bool x86_fits_imm32(uint64_t bits, uint8_t size);

/* emit_rm and emit_rvm that fold a load if they can; width_bytes as above, 0 never. */
struct mir_inst *x86_emit_rm(struct select *s, enum x86_op op, uint32_t def, val_t src,
                             uint8_t width_bytes);
struct mir_inst *x86_emit_rvm(struct select *s, enum x86_op op, uint32_t def, val_t a, val_t b,
                              uint8_t width_bytes);

/* ---- Conditions (select_control.c) ---- */

/*
 * Emits what sets the flags for "v is not zero", and says which condition that is. The very next
 * instructions (that write no flags) may use it.
 */
enum x86_cc x86_condition(struct select *s, val_t v);

/*
 * Emits a comparison that sets the carry flag to what v says (*cc = CC_B) or to its opposite
 * (CC_AE), if v is an unsigned comparison or a test for zero that nobody else wants.
 */
bool x86_emit_carry(struct select *s, val_t v, enum x86_cc *cc);

/* ---- Trees (select_chain.c) ---- */

/* ADD, AND, OR, XOR: emitted with its terms in a better order; false if the written one is good. */
bool x86_select_chain(struct select *s, val_t v);
/* OR: emitted if it reverses the bytes of a value. */
bool x86_select_bswap(struct select *s, val_t v);

/* ---- The selectors, one per family ---- */

status_t x86_select_int(struct select *s, val_t v);
status_t x86_select_mem(struct select *s, val_t v);
status_t x86_select_atomic(struct select *s, val_t v);
status_t x86_select_call(struct select *s, val_t v);
status_t x86_select_end(struct select *s, val_t v);

/*
 * The float and vector part (select_float.c, select_simd.c):
 *   float: F*, CONVERT_*, TRUNC_*, TRUNC_SAT_*, DEMOTE, PROMOTE, BITCAST, and of types f32, f64,
 *          v128: SELECT, LOAD, STORE, INST_LOAD, INST_STORE, PTR_LOAD, PTR_STORE;
 *          FEQ..FGE as values
 *   simd:  V_*
 * They are called only for instructions with a used result or with effects. ERR_UNSUPPORTED for
 * what they don't know.
 */
status_t x86_select_float(struct select *s, val_t v);
status_t x86_select_simd(struct select *s, val_t v);
/* v is FEQ..FGE: emits ucomis* and answers the condition (CC_E_AND_NP, CC_NE_OR_P, CC_A ...). */
enum x86_cc x86_float_condition(struct select *s, val_t v);
/* v is V_V128_ANY_TRUE or V_*_ALL_TRUE: likewise. False for any other v: nothing was emitted. */
bool x86_simd_condition(struct select *s, val_t v, enum x86_cc *out);

#endif
