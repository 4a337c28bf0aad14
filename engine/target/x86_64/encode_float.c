/*
 * Pseudo instructions of floats, whose rare cases (NaNs, numbers that don't fit) are out of line.
 */
#include "engine/target/x86_64/encode_float.h"

#include "engine/target/x86_64/select_vec.h"

/* One of a pair, by the bytes of a float. */
static enum x86_op by_size(uint8_t size, enum x86_op f32, enum x86_op f64)
{
    return size == 4 ? f32 : f64;
}

/* An instruction by its row and registers; legacy: of three operands, reg must be vvvv. size: of
 * an integer operand. */
static void put(struct enc *e, enum x86_op x86_op, uint8_t size, uint8_t reg, uint8_t vvvv,
                const struct asm_rm *rm)
{
    const struct x86_info *info = &x86_infos[x86_op];
    bool is_vex = (info->flags & X_VEX) != 0 && e->has_avx;
    struct asm_op op = {.prefix = info->prefix,
                        .map = info->map,
                        .opcode = info->opcode,
                        .w = (info->flags & X_SZ) != 0 && size == 8,
                        .is_vex = is_vex,
                        .vvvv = is_vex ? vvvv & 15 : 0};
    asm_inst(&e->a, &op, reg & 15, rm);
}

static void put_reg(struct enc *e, enum x86_op op, uint8_t size, uint8_t reg, uint8_t vvvv,
                    uint8_t rm_reg)
{
    struct asm_rm rm = asm_reg(rm_reg);
    put(e, op, size, reg, vvvv, &rm);
}

/* With a float constant in memory. */
static void put_const(struct enc *e, enum x86_op op, uint8_t reg, uint8_t vvvv, uint64_t bits,
                      uint8_t size)
{
    struct asm_rm rm = {.kind = RM_RIP, .base = ASM_NO_REG, .index = ASM_NO_REG};
    uint32_t id = enc_const(e, bits, 0, size);
    put(e, op, 0, reg, vvvv, &rm);
    enc_fix(e, 0, false, id);
}

static void add_late(struct enc *e, const struct mir_inst *inst, uint32_t label, uint32_t back)
{
    if (enc_grow(e, (void **)&e->lates, e->n_lates, &e->cap_lates, sizeof *e->lates)) {
        e->lates[e->n_lates++] = (struct enc_late){.kind = LATE_FLOAT,
                                                   .label = label,
                                                   .back = back,
                                                   .pos = enc_pos(e, inst->pos),
                                                   .inst = inst};
    }
}

/* ---- Select ---- */

void enc_float_select(struct enc *e, const struct mir_inst *inst)
{
    uint32_t skip = enc_label(e);
    enc_jcc(e, (enum x86_cc)(inst->sub[3] ^ 1), skip);
    asm_vec_move(&e->a, enc_loc(e, inst, 0) & 15, enc_loc(e, inst, 2) & 15, e->has_avx);
    enc_place(e, skip);
}

/* ---- Minimum and maximum ---- */

/* ucomis sets ZF if the operands are equal or unordered: in no other case minsd is wrong. */
void enc_float_minmax(struct enc *e, const struct mir_inst *inst)
{
    uint8_t size = inst->sub[0];
    uint8_t def = enc_loc(e, inst, 0), a = enc_loc(e, inst, 1), b = enc_loc(e, inst, 2);
    uint32_t rare = enc_label(e), back = enc_label(e);
    enum x86_op op = inst->op == X86_FMIN ? by_size(size, X86_MINSS, X86_MINSD)
                                          : by_size(size, X86_MAXSS, X86_MAXSD);
    put_reg(e, by_size(size, X86_UCOMISS, X86_UCOMISD), 0, a, 0, b);
    enc_jcc(e, CC_E, rare);
    put_reg(e, op, 0, def, a, b);
    enc_place(e, back);
    add_late(e, inst, rare, back);
}

/* Equal operands differ at most in the sign of zero; an addition makes a NaN of a NaN. */
static void late_minmax(struct enc *e, const struct enc_late *late)
{
    const struct mir_inst *inst = late->inst;
    uint8_t def = enc_loc(e, inst, 0), a = enc_loc(e, inst, 1), b = enc_loc(e, inst, 2);
    uint32_t nan = enc_label(e);
    enc_jcc(e, CC_P, nan);
    put_reg(e, inst->op == X86_FMIN ? X86_ORPS : X86_ANDPS, 0, def, a, b);
    enc_jump(e, late->back);
    enc_place(e, nan);
    put_reg(e, by_size(inst->sub[0], X86_ADDSS, X86_ADDSD), 0, def, a, b);
    enc_jump(e, late->back);
}

/* ---- Floats to integers ---- */

struct trunc {
    uint8_t def, src, temp;
    uint8_t kind;       /* enum x86_trunc */
    uint8_t float_size; /* of the source */
    uint8_t w;          /* the result is an i64 */
};

static struct trunc trunc_of(const struct enc *e, const struct mir_inst *inst)
{
    uint8_t kind = (uint8_t)inst->imm;
    return (struct trunc){
        .def = enc_loc(e, inst, 0),
        .src = enc_loc(e, inst, 1),
        .temp = (kind & TRUNC_UNSIGNED) != 0 ? enc_loc(e, inst, 2) : 0,
        .kind = kind,
        .float_size = (kind & TRUNC_FROM_F64) != 0 ? 8 : 4,
        .w = (kind & TRUNC_TO_I64) != 0,
    };
}

static void put_cvtt(struct enc *e, const struct trunc *t, uint8_t size, uint8_t src)
{
    put_reg(e, by_size(t->float_size, X86_CVTTSS2SI, X86_CVTTSD2SI), size, t->def, 0, src);
}

/*
 * What doesn't fit comes out as the smallest integer of the size converted to. A signed result is
 * suspect if it is that (x - 1 overflows for no other); a u32 is converted as an i64, and bad if
 * it has upper bits; a u64 is bad if it is negative.
 */
void enc_float_trunc(struct enc *e, const struct mir_inst *inst)
{
    struct trunc t = trunc_of(e, inst);
    uint32_t rare = enc_label(e), back = enc_label(e);
    bool is_unsigned = (t.kind & TRUNC_UNSIGNED) != 0;
    put_cvtt(e, &t, t.w || is_unsigned ? 8 : 4, t.src);
    if (!is_unsigned) {
        asm_alu_imm(&e->a, 7, asm_reg(t.def), 1, t.w);
        enc_jcc(e, CC_O, rare);
    } else if (t.w) {
        asm_simple(&e->a, 0x85, 1, t.def, asm_reg(t.def));
        enc_jcc(e, CC_S, rare);
    } else {
        asm_mov(&e->a, t.temp, t.def, 0);
        asm_simple(&e->a, 0x3b, 1, t.temp, asm_reg(t.def));
        enc_jcc(e, CC_NE, rare);
    }
    enc_place(e, back);
    add_late(e, inst, rare, back);
}

static void put_ucomis_const(struct enc *e, const struct trunc *t, uint64_t bits)
{
    put_const(e, by_size(t->float_size, X86_UCOMISS, X86_UCOMISD), t->src, 0, bits, t->float_size);
}

static uint64_t two_to_63(const struct trunc *t)
{
    return t->float_size == 4 ? 0x5f000000 : 0x43e0000000000000;
}

/* def = x - 2^63 as an i64, negative if it doesn't fit: sets the sign flag. */
static void put_cvtt_above(struct enc *e, const struct trunc *t)
{
    if (!e->has_avx) {
        asm_vec_move(&e->a, t->temp & 15, t->src & 15, false);
    }
    put_const(e, by_size(t->float_size, X86_SUBSS, X86_SUBSD), t->temp, t->src, two_to_63(t),
              t->float_size);
    put_cvtt(e, t, 8, t->temp);
    asm_simple(&e->a, 0x85, 1, t->def, asm_reg(t->def));
}

/* btc def, 63 */
static void put_flip_sign(struct enc *e, const struct trunc *t)
{
    struct asm_op op = {.map = 1, .opcode = 0xba, .w = 1};
    struct asm_rm rm = asm_reg(t->def);
    asm_inst(&e->a, &op, 7, &rm);
    asm_byte(&e->a, 63);
}

/* Floats of either size around the signed integers: too small, too large. */
static const uint64_t signed_limits[2][2][2] = {
    {{0xcf000001, 0x4f000000}, {0xc1e0000000200000, 0x41e0000000000000}}, /* i32 of f32, f64 */
    {{0xdf000001, 0x5f000000}, {0xc3e0000000000001, 0x43e0000000000000}}, /* i64 */
};

static void late_trunc_trap(struct enc *e, const struct trunc *t, const struct enc_late *late)
{
    uint32_t overflow = enc_trap(e, TRAP_INT_OVERFLOW, late->pos);
    uint32_t bad = enc_trap(e, TRAP_BAD_CONVERSION, late->pos);
    if ((t->kind & TRUNC_UNSIGNED) == 0) {
        const uint64_t *limits = signed_limits[t->w][t->float_size == 8];
        put_ucomis_const(e, t, limits[0]);
        enc_jcc(e, CC_P, bad);
        enc_jcc(e, CC_BE, overflow);
        put_ucomis_const(e, t, limits[1]);
        enc_jcc(e, CC_AE, overflow);
    } else if (t->w) {
        put_ucomis_const(e, t, two_to_63(t));
        enc_jcc(e, CC_P, bad);
        enc_jcc(e, CC_B, overflow);
        put_cvtt_above(e, t);
        enc_jcc(e, CC_S, overflow);
        put_flip_sign(e, t);
    } else {
        put_reg(e, by_size(t->float_size, X86_UCOMISS, X86_UCOMISD), 0, t->src, 0, t->src);
        enc_jcc(e, CC_P, bad);
        enc_jump(e, overflow);
        return;
    }
    enc_jump(e, late->back);
}

/* not def: of the smallest signed integer, the largest; of 0, the largest unsigned one. */
static void put_not(struct enc *e, const struct trunc *t)
{
    asm_simple(&e->a, 0xf7, t->w, 2, asm_reg(t->def));
}

static void late_trunc_sat_u64(struct enc *e, const struct trunc *t, const struct enc_late *late)
{
    uint32_t zero = enc_label(e), fits = enc_label(e);
    put_ucomis_const(e, t, two_to_63(t));
    enc_jcc(e, CC_B, zero); /* NaNs too */
    put_cvtt_above(e, t);
    enc_jcc(e, CC_NS, fits);
    asm_mov_imm(&e->a, t->def, INT64_MAX);
    enc_place(e, fits);
    put_flip_sign(e, t);
    enc_jump(e, late->back);
    enc_place(e, zero);
    asm_mov_imm(&e->a, t->def, 0);
    enc_jump(e, late->back);
}

static void late_trunc_sat(struct enc *e, const struct trunc *t, const struct enc_late *late)
{
    if ((t->kind & TRUNC_UNSIGNED) != 0 && t->w) {
        late_trunc_sat_u64(e, t, late);
        return;
    }
    put_ucomis_const(e, t, 0);
    if ((t->kind & TRUNC_UNSIGNED) != 0) {
        asm_mov_imm(&e->a, t->def, 0);
        enc_jcc(e, CC_B, late->back); /* NaNs too */
        put_not(e, t);
    } else {
        uint32_t number = enc_label(e);
        enc_jcc(e, CC_NP, number);
        asm_mov_imm(&e->a, t->def, 0);
        enc_place(e, number);
        enc_jcc(e, CC_B, late->back); /* NaNs too */
        put_not(e, t);
    }
    enc_jump(e, late->back);
}

/* ---- Unsigned integers to floats ---- */

static void put_cvtsi(struct enc *e, const struct mir_inst *inst, uint8_t src)
{
    put_reg(e, by_size(inst->sub[0], X86_CVTSI2SS, X86_CVTSI2SD), 8, enc_loc(e, inst, 0),
            enc_loc(e, inst, 1), src);
}

void enc_float_cvtu64(struct enc *e, const struct mir_inst *inst)
{
    uint8_t src = enc_loc(e, inst, 2);
    uint32_t rare = enc_label(e), back = enc_label(e);
    asm_simple(&e->a, 0x85, 1, src, asm_reg(src));
    enc_jcc(e, CC_S, rare);
    put_cvtsi(e, inst, src);
    enc_place(e, back);
    add_late(e, inst, rare, back);
}

/* Half of it, and doubled again; the bit that fell out still counts for the rounding. */
static void late_cvtu64(struct enc *e, const struct enc_late *late)
{
    const struct mir_inst *inst = late->inst;
    uint8_t def = enc_loc(e, inst, 0), temp = enc_loc(e, inst, 3);
    uint32_t is_even = enc_label(e);
    asm_mov(&e->a, temp, enc_loc(e, inst, 2), 1);
    asm_simple(&e->a, 0xd1, 1, 5, asm_reg(temp));
    enc_jcc(e, CC_AE, is_even);
    asm_alu_imm(&e->a, 1, asm_reg(temp), 1, 1);
    enc_place(e, is_even);
    put_cvtsi(e, inst, temp);
    put_reg(e, by_size(inst->sub[0], X86_ADDSS, X86_ADDSD), 0, def, def, def);
    enc_jump(e, late->back);
}

/* ---- Out of line ---- */

void enc_float_late(struct enc *e, const struct enc_late *late)
{
    if (late->inst->op == X86_TRUNC) {
        struct trunc t = trunc_of(e, late->inst);
        if ((t.kind & TRUNC_SAT) != 0) {
            late_trunc_sat(e, &t, late);
        } else {
            late_trunc_trap(e, &t, late);
        }
    } else if (late->inst->op == X86_CVTU64) {
        late_cvtu64(e, late);
    } else {
        late_minmax(e, late);
    }
}
