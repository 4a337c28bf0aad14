/*
 * Bytes of x86-64 machine code: prefixes, REX, VEX, ModRM, SIB and displacement (SDM 2A 2.1-2.3).
 *
 * The caller sees to it that there is room for ASM_MAX_BYTES.
 */
#ifndef ENGINE_TARGET_X86_64_ASM_H
#define ENGINE_TARGET_X86_64_ASM_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define ASM_MAX_BYTES 16u /* of one instruction */
#define ASM_NO_REG 0x10   /* without bit 3, which would go into a REX prefix */

struct asm_buf {
    uint8_t *bytes;
    uint32_t len_bytes, cap_bytes;
};

enum asm_rm_kind : uint8_t { RM_REG, RM_MEM, RM_RIP };

struct asm_rm {
    uint8_t kind;  /* enum asm_rm_kind */
    uint8_t base;  /* RM_REG: the register itself; 0-15 */
    uint8_t index; /* or ASM_NO_REG */
    uint8_t scale; /* log2 */
    int32_t disp;  /* RM_RIP: from the end of the instruction */
};

/* What an instruction is, without its operands. */
struct asm_op {
    uint8_t prefix; /* mandatory: 0, 66, f3, f2 */
    uint8_t map;    /* 0 one byte, 1 0F, 2 0F38, 3 0F3A */
    uint8_t opcode;
    uint8_t w;     /* REX.W, VEX.W */
    uint8_t is_16; /* operand size prefix 66 */
    uint8_t is_lock;
    uint8_t needs_rex; /* a byte register spl, bpl, sil, dil is among the operands */
    uint8_t is_vex;
    uint8_t vvvv; /* VEX: register 0-15; 0 also if unused, by the encoding's complement */
};

static inline void asm_byte(struct asm_buf *a, unsigned byte)
{
    a->bytes[a->len_bytes++] = (uint8_t)byte;
}

static inline void asm_u32(struct asm_buf *a, uint32_t x)
{
    __builtin_memcpy(a->bytes + a->len_bytes, &x, 4);
    a->len_bytes += 4;
}

static inline void asm_u64(struct asm_buf *a, uint64_t x)
{
    __builtin_memcpy(a->bytes + a->len_bytes, &x, 8);
    a->len_bytes += 8;
}

static inline struct asm_rm asm_reg(unsigned reg)
{
    return (struct asm_rm){.kind = RM_REG, .base = reg & 15, .index = ASM_NO_REG};
}

static inline struct asm_rm asm_mem(unsigned base, int32_t disp)
{
    return (struct asm_rm){
        .kind = RM_MEM, .base = (uint8_t)base, .index = ASM_NO_REG, .disp = disp};
}

/* What follows writes at a pointer and answers how far it came: bytes are written one by one, and
 * the compiler must assume that each might change the buffer's own fields. */

/* ModRM and what belongs to it. reg: 0-15, of which the low three bits stand here. */
static inline uint8_t *asm_put_modrm(uint8_t *p, unsigned reg, const struct asm_rm *rm)
{
    unsigned field = (reg & 7) << 3;
    if (rm->kind == RM_REG) {
        *p++ = (uint8_t)(0xc0 | field | (rm->base & 7));
        return p;
    }
    unsigned base = rm->base & 7, mod;
    unsigned index = rm->index == ASM_NO_REG ? 4 : rm->index & 7;
    if (rm->kind == RM_RIP) {
        *p++ = (uint8_t)(field | 5);
        mod = 2;
    } else if (rm->base == ASM_NO_REG) { /* index << scale + disp32 */
        *p++ = (uint8_t)(field | 4);
        *p++ = (uint8_t)((unsigned)rm->scale << 6 | index << 3 | 5);
        mod = 2;
    } else {
        mod = rm->disp == 0 && base != 5 ? 0 : rm->disp == (int8_t)rm->disp ? 1 : 2;
        if (base == 4 || rm->index != ASM_NO_REG) {
            *p++ = (uint8_t)(mod << 6 | field | 4);
            *p++ = (uint8_t)((unsigned)rm->scale << 6 | index << 3 | base);
        } else {
            *p++ = (uint8_t)(mod << 6 | field | base);
        }
    }
    __builtin_memcpy(p, &rm->disp, 4); /* there is room; what isn't meant is overwritten */
    return p + (mod == 2 ? 4 : mod);
}

/* REX.R/X/B of the operands, as bits 2, 1, 0. */
static inline unsigned asm_rxb(unsigned reg, const struct asm_rm *rm)
{
    return (reg & 8) >> 1 | (rm->index & 8u) >> 2 | (rm->base & 8u) >> 3;
}

static inline uint8_t *asm_put_vex(uint8_t *p, const struct asm_op *op, unsigned rxb)
{
    static const uint8_t pps[] = {[0x66 & 15] = 1, [0xf3 & 15] = 2, [0xf2 & 15] = 3, [0] = 0};
    unsigned pp = pps[op->prefix & 15];
    unsigned rest = (~op->vvvv & 15u) << 3 | pp;
    if (op->map == 1 && op->w == 0 && (rxb & 3) == 0) {
        *p++ = 0xc5;
        *p++ = (uint8_t)((~rxb & 4u) << 5 | rest);
    } else {
        *p++ = 0xc4;
        *p++ = (uint8_t)((~rxb & 7u) << 5 | op->map);
        *p++ = (uint8_t)((unsigned)op->w << 7 | rest);
    }
    *p++ = op->opcode;
    return p;
}

static inline uint8_t *asm_put_legacy(uint8_t *p, const struct asm_op *op, unsigned rxb)
{
    if (op->is_lock) {
        *p++ = 0xf0;
    }
    if (op->is_16) {
        *p++ = 0x66;
    }
    if (op->prefix != 0) {
        *p++ = op->prefix;
    }
    rxb |= (unsigned)op->w << 3;
    if (rxb != 0 || op->needs_rex) {
        *p++ = (uint8_t)(0x40 | rxb);
    }
    if (op->map != 0) {
        *p++ = 0x0f;
        if (op->map != 1) {
            *p++ = op->map == 2 ? 0x38 : 0x3a;
        }
    }
    *p++ = op->opcode;
    return p;
}

/* All but the immediate. */
static inline void asm_inst(struct asm_buf *a, const struct asm_op *op, unsigned reg,
                            const struct asm_rm *rm)
{
    uint8_t *p = a->bytes + a->len_bytes;
    unsigned rxb = asm_rxb(reg, rm);
    p = op->is_vex ? asm_put_vex(p, op, rxb) : asm_put_legacy(p, op, rxb);
    p = asm_put_modrm(p, reg, rm);
    a->len_bytes = (uint32_t)(p - a->bytes);
}

/* ---- Instructions that thunks, prologues and moves are made of ---- */

/* One opcode byte, no prefix. */
static inline void asm_simple(struct asm_buf *a, unsigned opcode, unsigned w, unsigned reg,
                              struct asm_rm rm)
{
    uint8_t *p = a->bytes + a->len_bytes;
    unsigned rex = w << 3 | asm_rxb(reg, &rm);
    if (rex != 0) {
        *p++ = (uint8_t)(0x40 | rex);
    }
    *p++ = (uint8_t)opcode;
    p = asm_put_modrm(p, reg, &rm);
    a->len_bytes = (uint32_t)(p - a->bytes);
}

static inline void asm_mov(struct asm_buf *a, unsigned dst, unsigned src, unsigned w)
{
    asm_simple(a, 0x8b, w, dst, asm_reg(src));
}

static inline void asm_load(struct asm_buf *a, unsigned dst, struct asm_rm from, unsigned w)
{
    asm_simple(a, 0x8b, w, dst, from);
}

static inline void asm_store(struct asm_buf *a, unsigned src, struct asm_rm to, unsigned w)
{
    asm_simple(a, 0x89, w, src, to);
}

static inline void asm_lea(struct asm_buf *a, unsigned dst, struct asm_rm from, unsigned w)
{
    asm_simple(a, 0x8d, w, dst, from);
}

/* op reg, imm of the group 81: 0 add, 1 or, 4 and, 5 sub, 6 xor, 7 cmp. */
static inline void asm_alu_imm(struct asm_buf *a, unsigned ext, struct asm_rm rm, int32_t imm,
                               unsigned w)
{
    if (imm == (int8_t)imm) {
        asm_simple(a, 0x83, w, ext, rm);
        asm_byte(a, (uint8_t)imm);
    } else {
        asm_simple(a, 0x81, w, ext, rm);
        asm_u32(a, (uint32_t)imm);
    }
}

/* The shortest that doesn't touch the flags. */
static inline void asm_mov_imm(struct asm_buf *a, unsigned dst, uint64_t imm)
{
    if (imm <= UINT32_MAX) {
        if (dst & 8) {
            asm_byte(a, 0x41);
        }
        asm_byte(a, 0xb8 | (dst & 7));
        asm_u32(a, (uint32_t)imm);
    } else if ((int64_t)imm == (int32_t)imm) {
        asm_simple(a, 0xc7, 1, 0, asm_reg(dst));
        asm_u32(a, (uint32_t)imm);
    } else {
        asm_byte(a, 0x48 | (dst >> 3 & 1));
        asm_byte(a, 0xb8 | (dst & 7));
        asm_u64(a, imm);
    }
}

static inline void asm_push(struct asm_buf *a, unsigned reg)
{
    if (reg & 8) {
        asm_byte(a, 0x41);
    }
    asm_byte(a, 0x50 | (reg & 7));
}

static inline void asm_pop(struct asm_buf *a, unsigned reg)
{
    if (reg & 8) {
        asm_byte(a, 0x41);
    }
    asm_byte(a, 0x58 | (reg & 7));
}

static inline void asm_adjust_rsp(struct asm_buf *a, int32_t by)
{
    if (by > 0) {
        asm_alu_imm(a, 0, asm_reg(4), by, 1);
    } else if (by == -128) { /* add rsp, -128 has the short immediate */
        asm_alu_imm(a, 0, asm_reg(4), by, 1);
    } else if (by < 0) {
        asm_alu_imm(a, 5, asm_reg(4), -by, 1);
    }
}

/* Loads, stores and copies of xmm registers, 4, 8 or 16 bytes; is_vex by the CPU. */
static inline void asm_vec(struct asm_buf *a, unsigned opcode, unsigned prefix, bool is_vex,
                           unsigned reg, struct asm_rm rm)
{
    struct asm_op op = {
        .prefix = (uint8_t)prefix, .map = 1, .opcode = (uint8_t)opcode, .is_vex = is_vex};
    asm_inst(a, &op, reg & 15, &rm);
}

static inline unsigned asm_vec_prefix(unsigned size_bytes)
{
    return size_bytes == 4 ? 0xf3 : size_bytes == 8 ? 0xf2 : 0;
}

static inline void asm_vec_load(struct asm_buf *a, unsigned reg, struct asm_rm from,
                                unsigned size_bytes, bool is_vex)
{
    asm_vec(a, 0x10, asm_vec_prefix(size_bytes), is_vex, reg, from);
}

static inline void asm_vec_store(struct asm_buf *a, unsigned reg, struct asm_rm to,
                                 unsigned size_bytes, bool is_vex)
{
    asm_vec(a, 0x11, asm_vec_prefix(size_bytes), is_vex, reg, to);
}

static inline void asm_vec_move(struct asm_buf *a, unsigned dst, unsigned src, bool is_vex)
{
    if (is_vex && (src & 8) && !(dst & 8)) { /* the store form lets the two-byte VEX do */
        asm_vec(a, 0x29, 0, is_vex, src, asm_reg(dst));
    } else {
        asm_vec(a, 0x28, 0, is_vex, dst, asm_reg(src));
    }
}

#endif
