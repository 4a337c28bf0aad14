/*
 * Instructions that become more than their row of insts.def: three-operand forms whose best
 * encoding depends on the registers they got, jumps, calls, traps, and code out of line.
 */
#include "engine/target/x86_64/encode.h"
#include "engine/target/x86_64/encode_float.h"

#define NEG_EXT 3
#define INC_EXT 0
#define DEC_EXT 1

static bool is_64(const struct mir_inst *inst)
{
    return inst->sub[0] == 8;
}

/* ---- Moves and sums ---- */

static void encode_mov(struct enc *e, const struct mir_inst *inst)
{
    unsigned dst = enc_loc(e, inst, 0), src = enc_loc(e, inst, 1);
    if (dst != src) {
        asm_mov(&e->a, dst, src, is_64(inst));
    }
}

static void encode_movv(struct enc *e, const struct mir_inst *inst)
{
    unsigned dst = enc_loc(e, inst, 0) & 15, src = enc_loc(e, inst, 1) & 15;
    if (dst != src) {
        asm_vec_move(&e->a, dst, src, e->has_avx);
    }
}

static void encode_movi(struct enc *e, const struct mir_inst *inst)
{
    asm_mov_imm(&e->a, enc_loc(e, inst, 0), inst->imm);
}

static void encode_zero(struct enc *e, const struct mir_inst *inst)
{
    unsigned dst = enc_loc(e, inst, 0);
    asm_simple(&e->a, 0x33, 0, dst, asm_reg(dst));
}

static void put_lea(struct enc *e, unsigned dst, unsigned base, unsigned index, unsigned scale,
                    int32_t disp, bool w)
{
    e->sets_flags = false;
    struct asm_rm rm = {.kind = RM_MEM,
                        .base = (uint8_t)base,
                        .index = (uint8_t)index,
                        .scale = (uint8_t)scale,
                        .disp = disp};
    if (scale == 0 && index != ASM_NO_REG && (base & 7) == 5 && disp == 0) {
        rm.base = (uint8_t)index;
        rm.index = (uint8_t)base;
    }
    asm_lea(&e->a, dst, rm, w);
}

static void encode_add3(struct enc *e, const struct mir_inst *inst)
{
    unsigned dst = enc_loc(e, inst, 0), a = enc_loc(e, inst, 1), b = enc_loc(e, inst, 2);
    uint32_t const_id;
    bool w = is_64(inst);
    e->sets_flags = true;
    if (b >= REG_VEC0) { /* in its slot, or a constant in memory */
        struct asm_rm rm = enc_rm(e, inst, 2, &const_id);
        if (dst != a) {
            asm_load(&e->a, dst, rm, w);
            if (const_id != ENC_NO_CONST) {
                enc_fix(e, 0, false, const_id);
            }
            rm = asm_reg(a);
            const_id = ENC_NO_CONST;
        }
        asm_simple(&e->a, 0x03, w, dst, rm);
        if (const_id != ENC_NO_CONST) {
            enc_fix(e, 0, false, const_id);
        }
    } else if (dst == a) {
        asm_simple(&e->a, 0x03, w, dst, asm_reg(b));
    } else if (dst == b) {
        asm_simple(&e->a, 0x03, w, dst, asm_reg(a));
    } else {
        put_lea(e, dst, a, b, 0, 0, w);
    }
}

static void encode_add3i(struct enc *e, const struct mir_inst *inst)
{
    unsigned dst = enc_loc(e, inst, 0), src = enc_loc(e, inst, 1);
    int32_t imm = (int32_t)inst->imm;
    bool w = is_64(inst);
    e->sets_flags = true;
    if (dst != src) {
        put_lea(e, dst, src, ASM_NO_REG, 0, imm, w);
    } else if (imm == 1 || imm == -1) {
        asm_simple(&e->a, 0xff, w, imm == 1 ? INC_EXT : DEC_EXT, asm_reg(dst));
    } else if (imm == 128) {
        asm_alu_imm(&e->a, 5, asm_reg(dst), -128, w);
    } else {
        asm_alu_imm(&e->a, 0, asm_reg(dst), imm, w);
    }
}

static void encode_shl3i(struct enc *e, const struct mir_inst *inst)
{
    unsigned dst = enc_loc(e, inst, 0), src = enc_loc(e, inst, 1);
    unsigned count = (unsigned)inst->imm;
    bool w = is_64(inst);
    e->sets_flags = true;
    if (dst != src && count == 1) {
        put_lea(e, dst, src, src, 0, 0, w);
        return;
    }
    if (dst != src && (count == 2 || count == 3)) {
        put_lea(e, dst, ASM_NO_REG, src, count, 0, w);
        return;
    }
    if (dst != src) {
        asm_mov(&e->a, dst, src, w);
    }
    if (count == 1) {
        asm_simple(&e->a, 0x03, w, dst, asm_reg(dst));
    } else if (count != 0) {
        asm_simple(&e->a, 0xc1, w, 4, asm_reg(dst));
        asm_byte(&e->a, count);
    } else if (!w && dst == src) {
        asm_mov(&e->a, dst, dst, 0); /* the upper half is promised to be zero */
    }
}

static void encode_bswap(struct enc *e, const struct mir_inst *inst)
{
    unsigned reg = enc_loc(e, inst, 0);
    unsigned rex = 0x40 | (unsigned)is_64(inst) << 3 | reg >> 3;
    if (rex != 0x40) {
        asm_byte(&e->a, rex);
    }
    asm_byte(&e->a, 0x0f);
    asm_byte(&e->a, 0xc8 | (reg & 7));
}

/* ---- Conditions ---- */

static void put_setcc(struct enc *e, unsigned cc, unsigned reg)
{
    struct asm_op op = {.map = 1, .opcode = (uint8_t)(0x90 | cc), .needs_rex = reg >= 4 && reg < 8};
    struct asm_rm rm = asm_reg(reg);
    asm_inst(&e->a, &op, 0, &rm);
}

static void encode_setcc(struct enc *e, const struct mir_inst *inst)
{
    unsigned dst = enc_loc(e, inst, 0), cc = inst->sub[3];
    if (cc < CC_E_AND_NP) {
        put_setcc(e, cc, dst);
        return;
    }
    unsigned t = enc_loc(e, inst, 2);
    bool is_and = cc == CC_E_AND_NP;
    put_setcc(e, is_and ? CC_NP : CC_P, t);
    put_setcc(e, is_and ? CC_E : CC_NE, dst);
    struct asm_op op = {.opcode = is_and ? 0x22 : 0x0a,
                        .needs_rex = (dst >= 4 && dst < 8) || (t >= 4 && t < 8)};
    struct asm_rm rm = asm_reg(t);
    asm_inst(&e->a, &op, dst, &rm);
}

static void put_cmov(struct enc *e, const struct mir_inst *inst, unsigned cc)
{
    uint32_t const_id;
    struct asm_rm rm = enc_rm(e, inst, 2, &const_id);
    struct asm_op op = {.map = 1, .opcode = (uint8_t)(0x40 | cc), .w = is_64(inst)};
    asm_inst(&e->a, &op, enc_loc(e, inst, 0), &rm);
    if (const_id != ENC_NO_CONST) {
        enc_fix(e, 0, false, const_id);
    }
}

static void encode_cmov(struct enc *e, const struct mir_inst *inst)
{
    assert(inst->sub[3] != CC_E_AND_NP);
    if (inst->sub[3] == CC_NE_OR_P) {
        put_cmov(e, inst, CC_NE);
        put_cmov(e, inst, CC_P);
    } else {
        put_cmov(e, inst, inst->sub[3]);
    }
}

/* ---- Jumps ---- */

/* The block that is encoded next, as a jump's target is named. */
static uint32_t next_block(const struct enc *e)
{
    uint32_t b = e->block + 1;
    while (b < e->mf->n_blocks && e->thread[b] != b) {
        b++;
    }
    return b;
}

static uint32_t edge_target(const struct enc *e, uint32_t k)
{
    const struct mir_func *mf = e->mf;
    return e->thread[mf->edges[mf->blocks[e->block].edges_start + k].to];
}

static void encode_jmp(struct enc *e, const struct mir_inst *inst)
{
    (void)inst;
    uint32_t to = edge_target(e, 0);
    if (to != next_block(e)) {
        enc_jump(e, to);
    }
}

static void encode_jcc(struct enc *e, const struct mir_inst *inst)
{
    enum x86_cc cc = (enum x86_cc)inst->sub[3];
    uint32_t yes = edge_target(e, 0), no = edge_target(e, 1), next = next_block(e);
    if (yes == no) {
        if (yes != next) {
            enc_jump(e, yes);
        }
        return;
    }
    if (yes == next) {
        uint32_t swap = yes;
        yes = no;
        no = swap;
        cc = (enum x86_cc)(cc ^ 1);
    }
    if (cc == CC_E_AND_NP) { /* where "no" falls through, a jump over the next jump reaches it */
        enc_jcc(e, CC_NE, no);
        enc_jcc(e, CC_NP, yes);
    } else {
        enc_jcc(e, cc, yes);
    }
    if (no != next) {
        enc_jump(e, no);
    }
}

static void encode_jtable(struct enc *e, const struct mir_inst *inst)
{
    unsigned index = enc_loc(e, inst, 0), t = enc_loc(e, inst, 1), base = enc_loc(e, inst, 2);
    if (!enc_grow(e, (void **)&e->tables, e->n_tables, &e->cap_tables, sizeof *e->tables)) {
        return;
    }
    e->tables[e->n_tables] =
        (struct enc_table){(uint32_t)inst->imm, inst->block_or_id, e->block, 0};
    struct asm_rm rip = {.kind = RM_RIP, .base = ASM_NO_REG, .index = ASM_NO_REG};
    asm_lea(&e->a, base, rip, 1);
    enc_fix(e, 0, true, e->n_tables++);
    struct asm_rm entry = {
        .kind = RM_MEM, .base = (uint8_t)base, .index = (uint8_t)index, .scale = 2};
    asm_simple(&e->a, 0x63, 1, t, entry);
    asm_simple(&e->a, 0x03, 1, t, asm_reg(base));
    asm_simple(&e->a, 0xff, 0, 4, asm_reg(t));
}

/* A few entries: each is compared with, but for those that go where the default goes. */
static void encode_jchain(struct enc *e, const struct mir_inst *inst)
{
    const uint32_t *entries = &e->cx->fn->pool[inst->imm];
    unsigned index = enc_loc(e, inst, 0);
    uint32_t last = inst->block_or_id - 1;
    uint32_t otherwise = edge_target(e, entries[last]);
    for (uint32_t i = 0; i < last; i++) {
        uint32_t to = edge_target(e, entries[i]);
        if (to == otherwise) {
            continue;
        }
        if (i == 0) {
            asm_simple(&e->a, 0x85, 0, index, asm_reg(index));
        } else {
            asm_alu_imm(&e->a, 7, asm_reg(index), (int32_t)i, 0);
        }
        enc_jcc(e, CC_E, to);
    }
    if (otherwise != next_block(e)) {
        enc_jump(e, otherwise);
    }
}

static void encode_ret(struct enc *e, const struct mir_inst *inst)
{
    (void)inst;
    enc_epilogue(e);
}

/* ---- Traps ---- */

static void put_ud2(struct enc *e, uint8_t trap, uint32_t pos)
{
    asm_byte(&e->a, 0x0f);
    asm_byte(&e->a, 0x0b);
    asm_byte(&e->a, trap);
    enc_position(e, pos);
}

static void encode_trap(struct enc *e, const struct mir_inst *inst)
{
    asm_byte(&e->a, 0x0f);
    asm_byte(&e->a, 0x0b);
    asm_byte(&e->a, inst->block_or_id);
}

static void encode_trapcc(struct enc *e, const struct mir_inst *inst)
{
    uint32_t label = enc_trap(e, (uint8_t)inst->block_or_id, enc_pos(e, inst->pos));
    if (inst->n_operands != 0 && e->status == STATUS_OK) {
        struct enc_late *late = &e->lates[e->n_lates - 1];
        late->kind = LATE_TYPE;
        late->reg = enc_loc(e, inst, 0);
    }
    enc_jcc(e, (enum x86_cc)inst->sub[3], label);
}

/* ---- Calls ---- */

static void encode_call(struct enc *e, const struct mir_inst *inst)
{
    asm_byte(&e->a, 0xe8);
    if (enc_grow(e, (void **)&e->calls, e->n_calls, &e->cap_calls, sizeof *e->calls)) {
        e->calls[e->n_calls++] = enc_here(e);
    }
    asm_u32(&e->a, inst->block_or_id);
}

static void encode_call_helper(struct enc *e, const struct mir_inst *inst)
{
    int32_t helpers = (int32_t)offsetof(struct engine_instance, helpers) -
                      (int32_t)sizeof(struct engine_instance);
    asm_mov(&e->a, RDI, R15, 1);
    asm_load(&e->a, RAX, asm_mem(R15, helpers), 1);
    asm_simple(&e->a, 0xff, 0, 2, asm_mem(RAX, (int32_t)inst->imm * 8));
}

/* ---- Division ---- */

/* A divisor of -1 goes out of line: the smallest number by -1 would raise the wrong trap. */
static void encode_sdiv(struct enc *e, const struct mir_inst *inst)
{
    uint32_t const_id;
    struct asm_rm divisor = enc_rm(e, inst, 0, &const_id);
    uint32_t out = enc_label(e), back = enc_label(e);
    assert(const_id == ENC_NO_CONST);
    asm_alu_imm(&e->a, 7, divisor, -1, is_64(inst));
    enc_jcc(e, CC_E, out);
    asm_simple(&e->a, 0xf7, is_64(inst), 7, divisor);
    enc_place(e, back);
    if (enc_grow(e, (void **)&e->lates, e->n_lates, &e->cap_lates, sizeof *e->lates)) {
        e->lates[e->n_lates++] = (struct enc_late){.kind = LATE_DIV,
                                                   .label = out,
                                                   .back = back,
                                                   .pos = enc_pos(e, inst->pos),
                                                   .inst = inst};
    }
}

static void put_late_div(struct enc *e, const struct enc_late *late)
{
    if ((late->inst->imm & DIV_IS_QUOTIENT) != 0) {
        asm_simple(&e->a, 0xf7, is_64(late->inst), NEG_EXT, asm_reg(RAX));
        enc_jcc(e, CC_O, enc_trap(e, TRAP_INT_OVERFLOW, late->pos));
    }
    if ((late->inst->imm & DIV_IS_REM) != 0) {
        asm_simple(&e->a, 0x33, 0, RDX, asm_reg(RDX));
    }
    enc_jump(e, late->back);
}

/* ---- Atomics ---- */

static void encode_lock_loop(struct enc *e, const struct mir_inst *inst)
{
    uint8_t size = inst->sub[0];
    unsigned value = enc_loc(e, inst, 1), t = enc_loc(e, inst, inst->n_operands - 1u);
    uint32_t const_id, start = e->a.len_bytes;
    bool w = size == 8;
    struct asm_rm mem = enc_rm(e, inst, 2, &const_id);
    asm_mov(&e->a, t, RAX, w);
    asm_simple(&e->a, (unsigned)inst->imm, w, t, asm_reg(value));
    struct asm_op op = {.map = 1,
                        .opcode = (uint8_t)(0xb1 - (size == 1)),
                        .w = w,
                        .is_16 = size == 2,
                        .is_lock = 1,
                        .needs_rex = size == 1};
    asm_inst(&e->a, &op, t, &mem);
    asm_byte(&e->a, 0x75); /* jne: somebody else was faster */
    asm_byte(&e->a, start - (e->a.len_bytes + 1));
}

/* A locked write to the top of the stack orders all, and is faster than mfence. */
static void encode_mfence(struct enc *e, const struct mir_inst *inst)
{
    (void)inst;
    asm_byte(&e->a, 0xf0);
    asm_alu_imm(&e->a, 1, asm_mem(RSP, 0), 0, 0);
}

static void encode_nothing(struct enc *e, const struct mir_inst *inst)
{
    (void)e;
    (void)inst;
}

/* ---- The table ---- */

typedef void pseudo_fn(struct enc *e, const struct mir_inst *inst);

static pseudo_fn *const pseudo_fns[X86_OP_COUNT] = {
    [X86_NOP] = encode_nothing,
    [X86_ENTRY] = encode_nothing,
    [X86_JMP] = encode_jmp,
    [X86_JCC] = encode_jcc,
    [X86_JTABLE] = encode_jtable,
    [X86_JCHAIN] = encode_jchain,
    [X86_RET] = encode_ret,
    [X86_TRAP] = encode_trap,
    [X86_TRAPCC] = encode_trapcc,
    [X86_CALL] = encode_call,
    [X86_CALL_HELPER] = encode_call_helper,
    [X86_MOV] = encode_mov,
    [X86_MOVV] = encode_movv,
    [X86_MOVI] = encode_movi,
    [X86_ZERO] = encode_zero,
    [X86_ADD3] = encode_add3,
    [X86_ADD3I] = encode_add3i,
    [X86_SHL3I] = encode_shl3i,
    [X86_BSWAP] = encode_bswap,
    [X86_SETCC] = encode_setcc,
    [X86_CMOV] = encode_cmov,
    [X86_SDIV] = encode_sdiv,
    [X86_LOCK_LOOP] = encode_lock_loop,
    [X86_MFENCE] = encode_mfence,
    [X86_FSEL] = enc_float_select,
    [X86_FMIN] = enc_float_minmax,
    [X86_FMAX] = enc_float_minmax,
    [X86_TRUNC] = enc_float_trunc,
    [X86_CVTU64] = enc_float_cvtu64,
};

void enc_pseudo(struct enc *e, const struct mir_inst *inst)
{
    pseudo_fn *fn = pseudo_fns[inst->op];
    assert(fn != NULL);
    fn(e, inst);
}

/* ---- Out of line ---- */

static void put_late(struct enc *e, const struct enc_late *late)
{
    enc_place(e, late->label);
    switch ((enum late_kind)late->kind) {
    case LATE_TRAP: put_ud2(e, late->trap, late->pos); break;
    case LATE_TYPE:
        asm_simple(&e->a, 0x85, 0, late->reg, asm_reg(late->reg));
        enc_jcc(e, CC_E, enc_trap(e, TRAP_INDIRECT_NULL, late->pos));
        put_ud2(e, late->trap, late->pos);
        break;
    case LATE_DIV: put_late_div(e, late); break;
    case LATE_FLOAT: enc_float_late(e, late); break;
    }
}

void enc_lates(struct enc *e)
{
    for (uint32_t i = 0; i < e->n_lates && e->status == STATUS_OK; i++) {
        struct enc_late late = e->lates[i]; /* the array may grow and move */
        if (!enc_reserve(e)) {
            return;
        }
        put_late(e, &late);
    }
}
