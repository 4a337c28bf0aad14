/*
 * Selection of single lanes: splats, extracts, replacements, and vectors' ways from and to memory.
 */
#include "engine/target/x86_64/select_vec.h"

/* ---- Splats ---- */

/* The lowest lane of so many bytes everywhere; the register is a whole vector. */
static void emit_splat_low(struct select *s, uint32_t def, uint32_t x, uint8_t lane_bytes)
{
    bool has_avx2 = vec_has(s, ENGINE_CPU_AVX2);
    switch (lane_bytes) {
    case 1:
        if (has_avx2) {
            (void)emit_rr(s, X86_PBROADCASTB, def, x);
        } else {
            (void)emit_rvr(s, X86_PSHUFB, def, x, vec_zero(s));
        }
        break;
    case 2:
        if (has_avx2) {
            (void)emit_rr(s, X86_PBROADCASTW, def, x);
        } else {
            emit_rm(s, X86_PSHUFD, def, vec_rm_imm(s, X86_PSHUFLW, x, 0))->imm = 0;
        }
        break;
    case 4: emit_rm(s, X86_PSHUFD, def, x)->imm = 0; break;
    default: emit_rm(s, X86_PSHUFD, def, x)->imm = 0x44; break;
    }
}

static void emit_splat_mem(struct select *s, uint32_t def, const struct x86_mem *mem,
                           uint8_t lane_bytes)
{
    bool has_avx2 = vec_has(s, ENGINE_CPU_AVX2);
    if (lane_bytes == 8) {
        (void)emit_rm_mem(s, X86_MOVDDUP, def, mem);
    } else if (lane_bytes == 4 && s->has_avx) {
        (void)emit_rm_mem(s, X86_BROADCASTSS, def, mem);
    } else if (lane_bytes == 4) {
        uint32_t lane = vec_new(s);
        (void)emit_rm_mem(s, X86_MOVSS_LOAD, lane, mem);
        emit_rvr(s, X86_SHUFPS, def, lane, lane)->imm = 0;
    } else if (has_avx2) {
        (void)emit_rm_mem(s, lane_bytes == 1 ? X86_PBROADCASTB : X86_PBROADCASTW, def, mem);
    } else {
        uint32_t lane = vec_new(s);
        emit_rvm_mem(s, lane_bytes == 1 ? X86_PINSRB : X86_PINSRW, lane, vec_zero(s), mem)->imm = 0;
        emit_splat_low(s, def, lane, lane_bytes);
    }
}

/* A constant needs no instruction: its vreg becomes one. */
static void splat_const(struct select *s, uint32_t def, uint64_t bits, uint8_t lane_bytes)
{
    uint8_t bytes[16];
    for (uint32_t i = 0; i < 16; i++) {
        bytes[i] = (uint8_t)(bits >> (i % lane_bytes * 8));
    }
    uint32_t index = x86_vconst(s, bytes);
    struct vreg *vreg = &s->mf->vregs[def];
    vreg->flags |= VREG_CONST | VREG_VCONST;
    vreg->imm = index;
}

/* imm: bytes of a lane */
void simd_splat(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v);
    val_t src = ssa_resolve(s->fn, x86_arg(s, v, 0));
    uint8_t lane_bytes = row->imm;
    struct x86_mem mem;
    uint64_t bits;
    if (ssa_is_const(s->fn, src, &bits)) {
        splat_const(s, def, bits, lane_bytes);
    } else if (x86_fold_load(s, src, lane_bytes, &mem)) {
        emit_splat_mem(s, def, &mem, lane_bytes);
    } else if (x86_type(s, src) == T_F32) {
        uint32_t x = x86_use(s, src);
        if (vec_has(s, ENGINE_CPU_AVX2)) {
            (void)emit_rm(s, X86_BROADCASTSS, def, x);
        } else {
            emit_rvr(s, X86_SHUFPS, def, x, x)->imm = 0;
        }
    } else if (x86_type(s, src) == T_F64) {
        (void)emit_rm(s, X86_MOVDDUP, def, x86_use(s, src));
    } else {
        bool is_64 = lane_bytes == 8;
        uint32_t x = is_64 ? x86_use(s, src) : x86_use32(s, src);
        emit_splat_low(s, def, vec_rm(s, is_64 ? X86_MOVQ_XR : X86_MOVD_XR, x), lane_bytes);
    }
}

/* ---- Extracts ---- */

/* op: zero-extends; op2: sign-extends that, or NOP */
void simd_extract_small(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    bool is_signed = row->op2 != X86_NOP;
    uint32_t lane = is_signed ? x86_vreg(s, CLASS_GPR, 4) : def;
    emit_rr(s, (enum x86_op)row->op, lane, x)->imm = x86_inst(s, v)->sub;
    if (is_signed) {
        emit_rr(s, (enum x86_op)row->op2, def, lane)->sub[0] = 4;
    }
}

/* op: any lane; op2: the lowest */
void simd_extract(struct select *s, val_t v, const struct simd_row *row)
{
    uint8_t lane = x86_inst(s, v)->sub;
    emit_mr(s, (enum x86_op)(lane == 0 ? row->op2 : row->op), x86_def(s, v), vec_arg(s, v, 0))
        ->imm = lane;
}

void simd_extract_f32(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    switch (x86_inst(s, v)->sub) {
    case 0: (void)emit_move(s, def, x); break;
    case 1: (void)emit_rm(s, X86_MOVSHDUP, def, x); break;
    case 2:
        emit_rr(s, s->has_avx ? X86_PERMILPD : X86_PSHUFD, def, x)->imm = s->has_avx ? 1 : 0xee;
        break;
    default: emit_rr(s, s->has_avx ? X86_PERMILPS : X86_PSHUFD, def, x)->imm = 0xff; break;
    }
}

void simd_extract_f64(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    if (x86_inst(s, v)->sub == 0) {
        (void)emit_move(s, def, x);
    } else {
        emit_rr(s, s->has_avx ? X86_PERMILPD : X86_PSHUFD, def, x)->imm = s->has_avx ? 1 : 0xee;
    }
}

/* ---- Replacements ---- */

/* op: pinsr*; imm: bytes of a lane */
void simd_replace(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    val_t value = x86_arg(s, v, 1);
    struct x86_mem mem;
    struct mir_inst *inst;
    if (x86_fold_load(s, value, row->imm, &mem)) {
        inst = emit_rvm_mem(s, (enum x86_op)row->op, def, x, &mem);
    } else {
        uint32_t src = row->imm == 8 ? x86_use(s, value) : x86_use32(s, value);
        inst = emit_rvm(s, (enum x86_op)row->op, def, x, src);
    }
    inst->imm = x86_inst(s, v)->sub;
}

/* value is a lane of another vector that nobody else wants by itself: its number. */
static bool is_lane_of(const struct select *s, val_t value, enum ssa_op extract, uint8_t *lane)
{
    const struct ssa_inst *inst = x86_inst(s, value);
    *lane = inst->sub;
    return inst->op == extract && vec_may_absorb(s, value);
}

/* The lowest lane by a blend, which any port can do; the others by insertps. */
void simd_replace_f32(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint8_t lane = x86_inst(s, v)->sub, from;
    val_t value = ssa_resolve(s->fn, x86_arg(s, v, 1));
    struct x86_mem mem;
    if (is_lane_of(s, value, SSA_V_F32X4_EXTRACT_LANE, &from)) {
        emit_rvr(s, X86_INSERTPS, def, x, vec_arg(s, value, 0))->imm =
            (uint64_t)from << 6 | (uint64_t)lane << 4;
    } else if (x86_fold_load(s, value, 4, &mem)) {
        emit_rvm_mem(s, X86_INSERTPS, def, x, &mem)->imm = (uint64_t)lane << 4;
    } else if (lane == 0) {
        emit_rvr(s, X86_BLENDPS, def, x, x86_use(s, value))->imm = 1;
    } else {
        emit_rvm(s, X86_INSERTPS, def, x, x86_use(s, value))->imm = (uint64_t)lane << 4;
    }
}

/* Lane lane of x replaced by lane from of y. */
static void emit_lane_of(struct select *s, uint32_t def, uint32_t x, uint8_t lane, uint32_t y,
                         uint8_t from)
{
    if (lane == from) {
        emit_rvm(s, X86_BLENDPS, def, x, y)->imm = lane == 0 ? 3 : 0xc;
    } else if (lane == 1) {
        (void)emit_rvr(s, X86_MOVHPS, def, x, y);
    } else {
        emit_rvm(s, X86_SHUFPD, def, y, x)->imm = 3;
    }
}

void simd_replace_f64(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    uint8_t lane = x86_inst(s, v)->sub, from;
    val_t value = ssa_resolve(s->fn, x86_arg(s, v, 1));
    struct x86_mem mem;
    if (is_lane_of(s, value, SSA_V_F64X2_EXTRACT_LANE, &from)) {
        emit_lane_of(s, def, x, lane, vec_arg(s, value, 0), from);
    } else if (x86_fold_load(s, value, 8, &mem)) {
        (void)emit_rvm_mem(s, lane == 0 ? X86_MOVLPS : X86_MOVHPS, def, x, &mem);
    } else if (lane == 0) {
        emit_rvr(s, X86_BLENDPS, def, x, x86_use(s, value))->imm = 3;
    } else {
        (void)emit_rvm(s, X86_MOVHPS, def, x, x86_use(s, value));
    }
}

/* ---- Memory ---- */

void simd_load(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v);
    struct x86_mem mem = x86_address(s, v);
    (void)emit_rm_mem(s, (enum x86_op)row->op, def, &mem);
}

void simd_store(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t src = vec_arg(s, v, 1);
    struct x86_mem mem = x86_address(s, v);
    (void)emit_store(s, (enum x86_op)row->op, src, &mem);
}

/* imm: bytes of a lane */
void simd_load_splat(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v);
    struct x86_mem mem = x86_address(s, v);
    emit_splat_mem(s, def, &mem, row->imm);
}

/* op: pinsr* */
void simd_load_lane(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 1);
    struct x86_mem mem = x86_address(s, v);
    emit_rvm_mem(s, (enum x86_op)row->op, def, x, &mem)->imm = x86_inst(s, v)->sub;
}

void simd_load_lane64(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 1);
    struct x86_mem mem = x86_address(s, v);
    enum x86_op op = x86_inst(s, v)->sub == 0 ? X86_MOVLPS : X86_MOVHPS;
    (void)emit_rvm_mem(s, op, def, x, &mem);
}

/* op: any lane (of 64 bits: the upper); op2: the lowest */
void simd_store_lane(struct select *s, val_t v, const struct simd_row *row)
{
    uint32_t src = vec_arg(s, v, 1);
    uint8_t lane = x86_inst(s, v)->sub;
    struct x86_mem mem = x86_address(s, v);
    emit_store(s, (enum x86_op)(lane == 0 ? row->op2 : row->op), src, &mem)->imm = lane;
}
