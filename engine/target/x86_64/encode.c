/*
 * The encoder: allocated MIR to machine code. See encode.h for how jumps are dealt with.
 *
 * An instruction is encoded from its row of insts.def and the allocator's answers alone
 * (enc_generic); moves of the allocator are done before the instruction they precede. What moves
 * materialise must not touch the flags while these are live.
 *
 * Frames are made in frame.c.
 */
#include "engine/target/x86_64/encode.h"

#include <string.h>

/* ---- Room ---- */

bool enc_grow_slow(struct enc *e, void **array, uint32_t *cap, size_t size)
{
    uint32_t new_cap = *cap * 2 + 16;
    void *grown = new_cap > UINT32_MAX / 4
                      ? NULL
                      : arena_grow(e->cx->scratch, *array, *cap * size, new_cap * size);
    if (grown == NULL) {
        e->status = ERR_NO_MEMORY;
        return false;
    }
    *array = grown;
    *cap = new_cap;
    return true;
}

bool enc_reserve_slow(struct enc *e)
{
    uint32_t cap = e->a.cap_bytes * 2;
    uint8_t *grown =
        cap > UINT32_MAX / 4 ? NULL : arena_grow(e->cx->scratch, e->a.bytes, e->a.cap_bytes, cap);
    if (grown == NULL) {
        e->status = ERR_NO_MEMORY;
        return false;
    }
    e->a.bytes = grown;
    e->a.cap_bytes = cap;
    return true;
}

/* ---- Labels, jumps, positions ---- */

uint32_t enc_label(struct enc *e)
{
    if (!enc_grow(e, (void **)&e->labels, e->n_labels, &e->cap_labels, sizeof *e->labels)) {
        return 0;
    }
    e->labels[e->n_labels] = (struct enc_mark){0, 0};
    return e->n_labels++;
}

void enc_place(struct enc *e, uint32_t label)
{
    e->labels[label] = enc_here(e);
}

static void add_site(struct enc *e, enum site_kind kind, unsigned cc, uint32_t label)
{
    static const uint8_t sizes[] = {[SITE_JMP] = 5, [SITE_JCC] = 6, [SITE_ALIGN] = 31};
    if (enc_grow(e, (void **)&e->sites, e->n_sites, &e->cap_sites, sizeof *e->sites)) {
        e->sites[e->n_sites++] =
            (struct enc_site){e->a.len_bytes, label, kind, (uint8_t)cc, sizes[kind]};
    }
}

void enc_jump(struct enc *e, uint32_t label)
{
    add_site(e, SITE_JMP, 0, label);
}

void enc_jcc(struct enc *e, enum x86_cc cc, uint32_t label)
{
    if (cc == CC_NE_OR_P) {
        add_site(e, SITE_JCC, CC_NE, label);
        add_site(e, SITE_JCC, CC_P, label);
    } else if (cc == CC_E_AND_NP) {
        uint32_t skip = enc_label(e);
        add_site(e, SITE_JCC, CC_NE, skip);
        add_site(e, SITE_JCC, CC_NP, label);
        enc_place(e, skip);
    } else {
        add_site(e, SITE_JCC, cc, label);
    }
}

void enc_align(struct enc *e)
{
    add_site(e, SITE_ALIGN, 0, 0);
}

void enc_position(struct enc *e, uint32_t wasm)
{
    if (enc_grow(e, (void **)&e->positions, e->n_positions, &e->cap_positions,
                 sizeof *e->positions)) {
        e->positions[e->n_positions++] = (struct enc_pos){enc_here(e), wasm};
    }
}

uint32_t enc_trap(struct enc *e, uint8_t trap, uint32_t pos)
{
    uint32_t label = enc_label(e);
    if (enc_grow(e, (void **)&e->lates, e->n_lates, &e->cap_lates, sizeof *e->lates)) {
        e->lates[e->n_lates++] =
            (struct enc_late){.kind = LATE_TRAP, .trap = trap, .label = label, .pos = pos};
    }
    return label;
}

/* ---- Constants ---- */

uint32_t enc_const(struct enc *e, uint64_t low, uint64_t high, uint32_t size_bytes)
{
    if (e->buckets == NULL) {
        e->buckets = arena_array(e->cx->scratch, ENC_CONST_BUCKETS, sizeof *e->buckets);
        if (e->buckets == NULL) {
            e->status = ERR_NO_MEMORY;
            return 0;
        }
        memset(e->buckets, 0xff, ENC_CONST_BUCKETS * sizeof *e->buckets);
    }
    uint64_t mixed = (low ^ high * 31) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t *bucket = &e->buckets[mixed >> 58];
    for (uint32_t i = *bucket; i != UINT32_MAX; i = e->consts[i].next) {
        const struct enc_const *c = &e->consts[i];
        if (c->low == low && c->high == high && c->size_bytes == size_bytes) {
            return i;
        }
    }
    if (!enc_grow(e, (void **)&e->consts, e->n_consts, &e->cap_consts, sizeof *e->consts)) {
        return 0;
    }
    e->consts[e->n_consts] = (struct enc_const){low, high, size_bytes, *bucket, 0};
    *bucket = e->n_consts;
    return e->n_consts++;
}

static uint32_t vconst(struct enc *e, uint64_t index)
{
    uint64_t words[2];
    memcpy(words, e->mf->vconsts[index], sizeof words);
    return enc_const(e, words[0], words[1], 16);
}

/* The constant of a VREG_CONST, in memory. */
static uint32_t vreg_const(struct enc *e, const struct vreg *vreg)
{
    return (vreg->flags & VREG_VCONST) != 0 ? vconst(e, vreg->imm)
                                            : enc_const(e, vreg->imm, 0, vreg->size_bytes);
}

void enc_fix(struct enc *e, uint32_t tail_bytes, bool is_table, uint32_t id)
{
    if (enc_grow(e, (void **)&e->fixups, e->n_fixups, &e->cap_fixups, sizeof *e->fixups)) {
        struct enc_mark field = enc_here(e);
        field.offset -= 4 + tail_bytes;
        e->fixups[e->n_fixups++] = (struct enc_fixup){field, (uint8_t)tail_bytes, is_table, id};
    }
}

/* ---- Operands ---- */

uint8_t enc_loc(const struct enc *e, const struct mir_inst *inst, uint32_t k)
{
    return e->mf->operands[inst->first + k].loc;
}

struct asm_rm enc_in_args(const struct enc *e, int32_t offset)
{
    return asm_mem(RSP, offset + (int32_t)(e->rsp_bytes + 8 * e->n_pushes + 8));
}

static struct asm_rm slot_rm(const struct enc *e, const struct vreg *vreg)
{
    assert(vreg->slot >= 0);
    if (vreg->slot >= MIR_SLOT_INCOMING) {
        return enc_in_args(e, vreg->slot - MIR_SLOT_INCOMING);
    }
    return asm_mem(RSP, e->spill_at + vreg->slot);
}

static struct asm_rm operand_rm(struct enc *e, const struct mir_operand *op, uint32_t *const_id)
{
    const struct vreg *vreg = &e->mf->vregs[op->vreg];
    if (op->loc < 64) {
        return asm_reg(op->loc);
    }
    if (op->loc == LOC_CONST) {
        *const_id = vreg_const(e, vreg);
        return (struct asm_rm){.kind = RM_RIP, .base = ASM_NO_REG, .index = ASM_NO_REG};
    }
    assert(op->loc == LOC_STACK);
    return slot_rm(e, vreg);
}

struct asm_rm enc_rm(struct enc *e, const struct mir_inst *inst, uint32_t k, uint32_t *const_id)
{
    const struct mir_operand *ops = &e->mf->operands[inst->first + k];
    struct asm_rm rm = {.kind = RM_MEM,
                        .base = ASM_NO_REG,
                        .index = ASM_NO_REG,
                        .scale = inst->sub[2],
                        .disp = inst->disp};
    *const_id = ENC_NO_CONST;
    switch ((enum x86_mode)inst->sub[1]) {
    case MODE_REG: return operand_rm(e, ops, const_id);
    case MODE_P_INDEX:
        rm.index = ops[0].loc;
        rm.base = R15;
        return rm;
    case MODE_P: rm.base = R15; return rm;
    case MODE_M_INDEX:
        rm.index = ops[0].loc;
        rm.base = R14;
        return rm;
    case MODE_M: rm.base = R14; return rm;
    case MODE_BASE: rm.base = ops[0].loc; return rm;
    case MODE_BASE_INDEX:
        rm.base = ops[0].loc;
        rm.index = ops[1].loc;
        if (rm.scale == 0 && (rm.base & 7) == 5 && rm.disp == 0) { /* rbp, r13 need a disp */
            rm.base = ops[1].loc;
            rm.index = ops[0].loc;
        }
        return rm;
    case MODE_INDEX: rm.index = ops[0].loc; return rm;
    case MODE_CONST:
        *const_id = vconst(e, inst->block_or_id);
        rm.kind = RM_RIP;
        return rm;
    case MODE_OUT: rm.base = RSP; return rm;
    case MODE_IN: return enc_in_args(e, inst->disp);
    }
    return rm;
}

/* ---- Instructions by their row ---- */

/* Immediates: 8 bits sign-extended where that is enough. */
static uint32_t imm_bytes(uint32_t flags, uint8_t size, int64_t imm)
{
    if ((flags & X_IMM8) != 0 || ((flags & (X_IMM | X_IMM32)) != 0 && size == 1)) {
        return 1;
    }
    if ((flags & X_IMM) != 0 && imm == (int8_t)imm) {
        return 1;
    }
    if ((flags & (X_IMM | X_IMM32)) != 0) {
        return size == 2 ? 2 : 4;
    }
    return 0;
}

static void put_imm(struct enc *e, uint32_t n_bytes, uint64_t imm)
{
    memcpy(e->a.bytes + e->a.len_bytes, &imm, sizeof imm); /* what isn't meant is overwritten */
    e->a.len_bytes += n_bytes;
}

static int64_t sign_extend(uint64_t imm, uint8_t size)
{
    return size == 4   ? (int32_t)imm
           : size == 2 ? (int16_t)imm
           : size == 1 ? (int8_t)imm
                       : (int64_t)imm;
}

struct fields {
    uint8_t reg, vvvv, rm_at;
    uint8_t is4; /* FORM_RVRM: the register in the immediate */
};

static struct fields form_fields(const struct enc *e, const struct mir_inst *inst,
                                 const struct x86_info *info, bool is_vex)
{
    const struct mir_operand *ops = &e->mf->operands[inst->first];
    switch ((enum x86_form)info->form) {
    case FORM_RM: return (struct fields){.reg = ops[0].loc, .rm_at = 1};
    case FORM_RVM: return (struct fields){.reg = ops[0].loc, .vvvv = ops[1].loc, .rm_at = 2};
    case FORM_VM:
        return (struct fields){.reg = (uint8_t)info->ext, .vvvv = ops[0].loc, .rm_at = is_vex};
    case FORM_MR:
        if (inst->sub[1] == MODE_REG) {
            return (struct fields){.reg = ops[1].loc, .rm_at = 0};
        }
        return (struct fields){.reg = ops[0].loc, .rm_at = 1};
    case FORM_RVRM:
        return (struct fields){
            .reg = ops[0].loc, .vvvv = ops[1].loc, .rm_at = 3, .is4 = ops[2].loc & 15};
    case FORM_M: return (struct fields){.reg = (uint8_t)info->ext, .rm_at = 0};
    case FORM_XR: return (struct fields){.reg = ops[1].loc, .rm_at = 2};
    case FORM_RR: return (struct fields){.reg = ops[1].loc, .rm_at = 0};
    case FORM_NONE:
    case FORM_PSEUDO: break;
    }
    return (struct fields){};
}

static bool is_high_byte(uint8_t reg)
{
    return reg >= RSP && reg <= RDI; /* without REX these would be ah, ch, dh, bh */
}

static bool needs_rex(const struct fields *f, const struct x86_info *info, uint8_t size,
                      const struct asm_rm *rm)
{
    uint32_t flags = info->flags;
    bool is_byte = (flags & X_SZ) != 0 && size == 1;
    bool is_reg = info->form != FORM_M && (is_byte || (flags & X_BYTE_REG) != 0);
    return (is_reg && is_high_byte(f->reg)) ||
           ((is_byte || (flags & X_BYTE_RM) != 0) && rm->kind == RM_REG && is_high_byte(rm->base));
}

/* The low registers as rm make a VEX prefix shorter; operands 1 and 2 may change places. */
static void shorten_vex(const struct x86_info *info, struct fields *f, struct asm_rm *rm)
{
    if ((info->flags & X_COMM) != 0 && info->map == 1 && rm->kind == RM_REG && rm->base >= 8 &&
        (f->vvvv & 15) < 8) {
        uint8_t swap = f->vvvv;
        f->vvvv = rm->base;
        rm->base = swap & 15;
    }
}

/* rax, imm32 has a form without ModRM; a shift by 1 one without immediate. */
static bool put_short_form(struct enc *e, const struct x86_info *info, const struct asm_op *op,
                           const struct asm_rm *rm, uint32_t n_imm, uint64_t imm)
{
    if (info->form != FORM_M || rm->kind != RM_REG) {
        return false;
    }
    if ((info->opcode == 0x81 || info->opcode == 0xf7) && n_imm == 4 && rm->base == RAX) {
        if (op->w != 0) {
            asm_byte(&e->a, 0x48);
        }
        asm_byte(&e->a, info->opcode == 0x81 ? ((unsigned)info->ext << 3 | 5) : 0xa9);
        asm_u32(&e->a, (uint32_t)imm);
        return true;
    }
    if (info->opcode == 0xf7 && (info->flags & X_IMM32) != 0 && n_imm == 1 && rm->base == RAX) {
        asm_byte(&e->a, 0xa8);
        asm_byte(&e->a, (uint8_t)imm);
        return true;
    }
    return false;
}

void enc_generic(struct enc *e, const struct mir_inst *inst, const struct x86_info *info)
{
    uint32_t flags = info->flags;
    uint8_t size = inst->sub[0];
    bool is_vex = (flags & X_VEX_ONLY) != 0 || ((flags & X_VEX) != 0 && e->has_avx);
    struct asm_op op = {.prefix = info->prefix,
                        .map = info->map,
                        .opcode = info->opcode,
                        .w = (flags & X_W) != 0,
                        .is_lock = (flags & X_LOCK) != 0,
                        .is_vex = is_vex};
    struct fields f = form_fields(e, inst, info, is_vex);
    uint32_t const_id;
    struct asm_rm rm = enc_rm(e, inst, f.rm_at, &const_id);
    if ((flags & X_SZ) != 0) {
        op.w = size == 8;
        op.is_16 = size == 2;
        op.opcode -= size == 1;
    }
    if ((flags & X_CC) != 0) {
        op.opcode |= inst->sub[3];
    }
    if (is_vex) {
        if ((flags & X_MERGE) != 0) {
            f.vvvv = rm.kind == RM_REG ? rm.base : f.reg;
        }
        shorten_vex(info, &f, &rm);
        op.vvvv = f.vvvv & 15;
    } else {
        op.needs_rex = needs_rex(&f, info, size, &rm);
    }
    int64_t imm = (flags & X_SZ) != 0 ? sign_extend(inst->imm, size) : (int64_t)inst->imm;
    uint32_t n_imm = imm_bytes(flags, size, imm);
    if (n_imm != 0) {
        if (put_short_form(e, info, &op, &rm, n_imm, (uint64_t)imm)) {
            return;
        }
        if ((flags & X_IMM) != 0 && n_imm == 1 && size != 1) {
            op.opcode += 2;
        }
        if (info->opcode == 0xc1 && imm == 1 && info->form == FORM_M && info->map == 0) {
            op.opcode += 0x10;
            n_imm = 0;
        }
    } else if (info->form == FORM_RVRM && is_vex) {
        n_imm = 1;
        imm = f.is4 << 4;
    }
    asm_inst(&e->a, &op, f.reg & 15, &rm);
    put_imm(e, n_imm, (uint64_t)imm);
    if (const_id != ENC_NO_CONST) {
        enc_fix(e, n_imm, false, const_id);
    }
}

/* ---- Moves ---- */

/* Does what comes next read the flags? Looks ahead: nothing that reads them is ever far. */
static bool flags_are_live(const struct enc *e, uint32_t i)
{
    uint32_t end = e->mf->blocks[e->block].end;
    for (uint32_t n = 0; i < end; i++, n++) {
        uint32_t flags = x86_infos[e->mf->insts[i].op].flags;
        if ((flags & X_RF) != 0 || n == 16) {
            return true;
        }
        if ((flags & X_WF) != 0) {
            return false;
        }
    }
    return false;
}

static void move_const_gpr(struct enc *e, unsigned dst, uint64_t imm, uint32_t before)
{
    if (imm == 0 && !flags_are_live(e, before)) {
        asm_simple(&e->a, 0x33, 0, dst, asm_reg(dst));
    } else {
        asm_mov_imm(&e->a, dst, imm);
    }
}

static bool is_ones(const struct enc *e, const struct vreg *vreg)
{
    static const uint8_t ones[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return (vreg->flags & VREG_VCONST) != 0 && memcmp(e->mf->vconsts[vreg->imm], ones, 16) == 0;
}

static bool is_zero(const struct enc *e, const struct vreg *vreg)
{
    static const uint8_t zeros[16];
    return (vreg->flags & VREG_VCONST) != 0 ? memcmp(e->mf->vconsts[vreg->imm], zeros, 16) == 0
                                            : vreg->imm == 0;
}

static void move_const_vec(struct enc *e, unsigned dst, const struct vreg *vreg)
{
    bool zero = is_zero(e, vreg);
    dst &= 15;
    if (zero || is_ones(e, vreg)) { /* xorps, pcmpeqd */
        struct asm_op op = {.prefix = zero ? 0 : 0x66,
                            .map = 1,
                            .opcode = zero ? 0x57 : 0x76,
                            .is_vex = e->has_avx,
                            .vvvv = (uint8_t)dst};
        struct asm_rm rm = asm_reg(dst);
        asm_inst(&e->a, &op, dst, &rm);
        return;
    }
    struct asm_rm rm = {.kind = RM_RIP, .base = ASM_NO_REG, .index = ASM_NO_REG};
    uint32_t id = vreg_const(e, vreg);
    if (vreg->size_bytes == 16) {
        asm_vec(&e->a, 0x28, 0, e->has_avx, dst, rm);
    } else {
        asm_vec_load(&e->a, dst, rm, vreg->size_bytes, e->has_avx);
    }
    enc_fix(e, 0, false, id);
}

static void move_const_stack(struct enc *e, const struct vreg *vreg, struct asm_rm to,
                             uint8_t size_bytes)
{
    if (size_bytes == 16) {
        move_const_vec(e, XMM15, vreg);
        asm_vec_store(&e->a, XMM15, to, 16, e->has_avx);
        return;
    }
    bool is_wide = size_bytes == 8 && (int64_t)vreg->imm == (int32_t)vreg->imm;
    asm_simple(&e->a, 0xc7, is_wide, 0, to);
    asm_u32(&e->a, (uint32_t)vreg->imm);
    if (size_bytes == 8 && !is_wide) {
        to.disp += 4;
        asm_simple(&e->a, 0xc7, 0, 0, to);
        asm_u32(&e->a, (uint32_t)(vreg->imm >> 32));
    }
}

static void swap_registers(struct enc *e, const struct mir_move *m)
{
    if (m->from >= REG_VEC0) {
        asm_vec_move(&e->a, 15, m->from & 15, e->has_avx);
        asm_vec_move(&e->a, m->from & 15, m->to & 15, e->has_avx);
        asm_vec_move(&e->a, m->to & 15, 15, e->has_avx);
    } else {
        asm_simple(&e->a, 0x87, 1, m->from, asm_reg(m->to));
    }
}

static void move_to_stack(struct enc *e, const struct mir_move *m)
{
    const struct vreg *vreg = &e->mf->vregs[m->vreg];
    if (m->from == LOC_STACK) {
        const struct vreg *to = &e->mf->vregs[m->vreg_to];
        asm_vec_load(&e->a, 15, slot_rm(e, vreg), vreg->size_bytes, e->has_avx);
        asm_vec_store(&e->a, 15, slot_rm(e, to), to->size_bytes, e->has_avx);
        return;
    }
    if (m->from == LOC_CONST) {
        const struct vreg *to = m->vreg_to != 0 ? &e->mf->vregs[m->vreg_to] : vreg;
        move_const_stack(e, vreg, slot_rm(e, to), to->size_bytes);
        return;
    }
    if (m->from >= REG_VEC0) {
        asm_vec_store(&e->a, m->from & 15, slot_rm(e, vreg), vreg->size_bytes, e->has_avx);
    } else {
        asm_store(&e->a, m->from, slot_rm(e, vreg), vreg->size_bytes == 8);
    }
}

static bool is_64(const struct vreg *vreg)
{
    return (vreg->flags & VREG_I32) == 0;
}

static void encode_move(struct enc *e, const struct mir_move *m)
{
    const struct vreg *vreg = &e->mf->vregs[m->vreg];
    if (m->is_swap) {
        swap_registers(e, m);
    } else if (m->to == LOC_STACK) {
        move_to_stack(e, m);
    } else if (m->from == LOC_CONST) {
        if (m->to >= REG_VEC0) {
            move_const_vec(e, m->to, vreg);
        } else {
            move_const_gpr(e, m->to, vreg->imm, m->before);
        }
    } else if (m->from == LOC_STACK) {
        if (m->to >= REG_VEC0) {
            asm_vec_load(&e->a, m->to & 15, slot_rm(e, vreg), vreg->size_bytes, e->has_avx);
        } else {
            asm_load(&e->a, m->to, slot_rm(e, vreg), is_64(vreg));
        }
    } else if (m->from != m->to) {
        if (m->to >= REG_VEC0) {
            asm_vec_move(&e->a, m->to & 15, m->from & 15, e->has_avx);
        } else {
            asm_mov(&e->a, m->to, m->from, is_64(vreg));
        }
    }
}

static void encode_moves(struct enc *e, uint32_t before)
{
    const struct mir_func *mf = e->mf;
    uint32_t i = e->next_move;
    for (; i < mf->n_moves && mf->moves[i].before <= before && enc_reserve(e); i++) {
        const struct mir_move *m = &mf->moves[i];
        bool is_zero = m->from == LOC_CONST && m->to < REG_VEC0 && e->mf->vregs[m->vreg].imm == 0;
        if (m->to == e->flags_reg || (m->is_swap && m->from == e->flags_reg) || is_zero) {
            e->flags_reg = ASM_NO_REG; /* a zero may be made by xor */
        }
        encode_move(e, m);
    }
    e->next_move = i;
    e->next_before = i < mf->n_moves ? mf->moves[i].before : UINT32_MAX;
}

/* ---- Tests that say again what the flags say already ---- */

/* After an instruction of X_ZF: which register the flags are about. */
static void note_flags(struct enc *e, const struct mir_inst *inst)
{
    bool is_shift = inst->op == X86_SHLI || inst->op == X86_SHRI || inst->op == X86_SARI ||
                    inst->op == X86_SHL3I;
    if (inst->sub[1] != MODE_REG || (is_shift && inst->imm == 0)) {
        return;
    }
    bool is_lea =
        (inst->op == X86_ADD3 || inst->op == X86_ADD3I || inst->op == X86_SHL3I) && !e->sets_flags;
    uint8_t reg = enc_loc(e, inst, 0);
    if (!is_lea && reg < REG_VEC0) {
        e->flags_reg = reg;
        e->flags_size = inst->sub[0];
    }
}

static bool is_zero_condition(const struct mir_inst *inst)
{
    uint8_t cc = inst->sub[3];
    return (x86_infos[inst->op].flags & X_RF) == 0 ||
           ((x86_infos[inst->op].flags & X_CC) != 0 &&
            (cc == CC_E || cc == CC_NE || cc == CC_S || cc == CC_NS));
}

/* test r, r just behind what computed r, for users that ask for zero or sign only. */
static bool is_needless_test(const struct enc *e, uint32_t i)
{
    const struct mir_func *mf = e->mf;
    const struct mir_inst *inst = &mf->insts[i];
    uint32_t end = mf->blocks[e->block].end;
    if (e->flags_reg == ASM_NO_REG || inst->sub[0] != e->flags_size || inst->sub[1] != MODE_REG ||
        enc_loc(e, inst, 0) != e->flags_reg || enc_loc(e, inst, 1) != e->flags_reg) {
        return false;
    }
    for (uint32_t k = i + 1; k < end; k++) {
        if (!is_zero_condition(&mf->insts[k])) {
            return false;
        }
        if ((x86_infos[mf->insts[k].op].flags & X_WF) != 0) {
            return true;
        }
    }
    return true;
}

/* ---- Blocks ---- */

/* Where jumps to blocks that only jump may go. A loop of such blocks stays as it is. */
static status_t thread_jumps(struct enc *e)
{
    const struct mir_func *mf = e->mf;
    uint32_t n = mf->n_blocks, move = 0;
    e->thread = arena_array(e->cx->scratch, n + 1, sizeof *e->thread);
    if (e->thread == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t b = 0; b < n; b++) {
        const struct mir_block *block = &mf->blocks[b];
        while (move < mf->n_moves && mf->moves[move].before < block->first) {
            move++;
        }
        bool is_empty = block->end - block->first == 1 && b != 0 && e->frame_of[b] != FRAME_MADE &&
                        mf->insts[block->first].op == X86_JMP &&
                        (move == mf->n_moves || mf->moves[move].before > block->first);
        e->thread[b] = is_empty ? mf->edges[block->edges_start].to : b;
    }
    for (uint32_t b = n; b-- > 0;) { /* mostly forward edges: one or two steps each */
        uint32_t to = b;
        for (uint32_t steps = 0; e->thread[to] != to && steps < 64; steps++) {
            to = e->thread[to];
        }
        e->thread[b] = e->thread[to] == to ? to : b;
    }
    return STATUS_OK;
}

/* The target of a backward jump that encloses no deeper loop: worth an aligned fetch. */
static bool is_hot_loop(const struct mir_func *mf, uint32_t b)
{
    const struct mir_block *block = &mf->blocks[b];
    if (block->loop_depth == 0 || block->is_cold) {
        return false;
    }
    uint32_t last = 0;
    for (uint32_t k = 0; k < block->n_preds && k < 8; k++) {
        uint32_t pred = mf->preds[block->preds_start + k];
        last = pred >= b && pred > last ? pred : last;
    }
    if (last < b || last == 0 || last - b > 32) {
        return false;
    }
    for (uint32_t i = b; i <= last; i++) {
        if (mf->blocks[i].loop_depth > block->loop_depth) {
            return false;
        }
    }
    return true;
}

static void encode_block(struct enc *e, uint32_t b)
{
    const struct mir_func *mf = e->mf;
    const struct mir_block *block = &mf->blocks[b];
    e->block = b;
    if (b != 0 && is_hot_loop(mf, b)) {
        enc_align(e);
    }
    enc_place(e, b);
    if (e->frame_of[b] == FRAME_MADE) {
        enc_prologue(e);
    }
    e->flags_reg = ASM_NO_REG;
    for (uint32_t i = block->first; i < block->end && e->status == STATUS_OK; i++) {
        const struct mir_inst *inst = &mf->insts[i];
        if (i >= e->next_before) {
            encode_moves(e, i);
        }
        if (!enc_reserve(e)) {
            return;
        }
        const struct x86_info *info = &x86_infos[inst->op];
        if (inst->op == X86_TEST && is_needless_test(e, i)) {
            continue;
        }
        if (info->form == FORM_PSEUDO) {
            enc_pseudo(e, inst);
        } else if (info->form == FORM_NONE) {
            if (inst->sub[0] == 8 && (info->flags & X_SZ) != 0) {
                asm_byte(&e->a, 0x48);
            }
            if (info->map == 1) {
                asm_byte(&e->a, 0x0f);
            }
            asm_byte(&e->a, info->opcode);
        } else {
            enc_generic(e, inst, info);
        }
        e->flags_reg = ASM_NO_REG;
        if ((info->flags & X_ZF) != 0) {
            note_flags(e, inst);
        }
        if (inst->pos != 0 && inst->op != X86_TRAPCC) { /* that traps out of line */
            enc_position(e, enc_pos(e, inst->pos));
        }
    }
}

/* ---- The function ---- */

static status_t encode_init(struct enc *e, struct compile *cx, const struct mir_func *mf)
{
    *e = (struct enc){.cx = cx, .mf = mf, .has_avx = x86_has(cx, ENGINE_CPU_AVX)};
    e->a.cap_bytes = mf->n_insts * 6 + mf->n_moves * 6 + 16 * ASM_MAX_BYTES;
    e->a.bytes = arena_alloc(cx->scratch, e->a.cap_bytes);
    e->cap_labels = mf->n_blocks * 2 + 64;
    e->labels = arena_array(cx->scratch, e->cap_labels, sizeof *e->labels);
    e->n_labels = mf->n_blocks;
    e->cap_sites = mf->n_blocks * 2 + 64;
    e->sites = arena_array(cx->scratch, e->cap_sites, sizeof *e->sites);
    if (e->a.bytes == NULL || e->labels == NULL || e->sites == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(e->labels, 0, mf->n_blocks * sizeof *e->labels);
    status_t status = enc_plan_frame(e);
    return status == STATUS_OK ? thread_jumps(e) : status;
}

status_t x86_encode(struct compile *cx, const struct mir_func *mf, struct arena *arena,
                    struct code_buf *out)
{
    (void)arena;
    struct enc e;
    status_t status = encode_init(&e, cx, mf);
    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t b = 0; b < mf->n_blocks && e.status == STATUS_OK; b++) {
        if (e.thread[b] == b) {
            encode_block(&e, b);
        }
    }
    if (e.status == STATUS_OK) {
        enc_lates(&e);
    }
    if (e.status != STATUS_OK) {
        return e.status;
    }
    out->frame_bytes = e.rsp_bytes + 8 * e.n_pushes;
    return enc_finish(&e, out);
}
