/*
 * Selection of i8x16.shuffle and i8x16.swizzle.
 *
 * A shuffle is brought into a normal form: 16 numbers, 0-15 bytes of a, 16-31 of b, ANY_ZERO for
 * a byte of a constant that is zero there; a is all there is if one vector alone is read. Then
 * patterns are tried from the cheapest on: each is one function that emits and answers true, or
 * answers false and has done nothing. pshufb with a constant, or two of them, does the rest.
 */
#include "engine/target/x86_64/select_vec.h"

#define ANY_ZERO 0x80

struct shuffle {
    uint8_t at[16];
    uint32_t def;
    uint32_t a, b; /* vregs; b 0 if only a is read */
};

/* at in lanes of n bytes, if it can be said in them; ANY_ZERO for lanes of zeros. */
static bool in_lanes(const struct shuffle *sh, uint32_t n, uint8_t out[static 8])
{
    for (uint32_t i = 0; i < 16 / n; i++) {
        uint8_t first = sh->at[i * n];
        bool is_zero = first == ANY_ZERO;
        if (!is_zero && first % n != 0) {
            return false;
        }
        for (uint32_t k = 1; k < n; k++) {
            if (sh->at[i * n + k] != (is_zero ? ANY_ZERO : first + k)) {
                return false;
            }
        }
        out[i] = is_zero ? ANY_ZERO : (uint8_t)(first / n);
    }
    return true;
}

static bool has_zeros(const struct shuffle *sh)
{
    for (uint32_t i = 0; i < 16; i++) {
        if (sh->at[i] == ANY_ZERO) {
            return true;
        }
    }
    return false;
}

/* The two sources change places. */
static struct shuffle commuted(const struct shuffle *sh)
{
    struct shuffle out = *sh;
    out.a = sh->b;
    out.b = sh->a;
    for (uint32_t i = 0; i < 16; i++) {
        out.at[i] = sh->at[i] == ANY_ZERO ? ANY_ZERO : sh->at[i] ^ 16;
    }
    return out;
}

static uint8_t shuffle_imm(const uint8_t lanes[static 4])
{
    uint8_t imm = 0;
    for (uint32_t i = 0; i < 4; i++) {
        imm |= (uint8_t)((lanes[i] & 3) << (2 * i));
    }
    return imm;
}

/* ---- One source ---- */

static bool try_identity(struct select *s, const struct shuffle *sh)
{
    for (uint32_t i = 0; i < 16; i++) {
        if (sh->at[i] != i) {
            return false;
        }
    }
    (void)emit_move(s, sh->def, sh->a);
    return true;
}

static bool try_pshufd(struct select *s, const struct shuffle *sh)
{
    uint8_t lanes[8];
    if (has_zeros(sh) || !in_lanes(sh, 4, lanes)) {
        return false;
    }
    emit_rm(s, X86_PSHUFD, sh->def, sh->a)->imm = shuffle_imm(lanes);
    return true;
}

/* Words within one half, the other half as it was. */
static bool try_pshufw(struct select *s, const struct shuffle *sh)
{
    uint8_t lanes[8], imm_lanes[4];
    if (has_zeros(sh) || !in_lanes(sh, 2, lanes)) {
        return false;
    }
    bool is_low = true, is_high = true;
    for (uint32_t i = 0; i < 4; i++) {
        is_low = is_low && lanes[i] < 4 && lanes[i + 4] == i + 4;
        is_high = is_high && lanes[i] == i && lanes[i + 4] >= 4;
    }
    if (!is_low && !is_high) {
        return false;
    }
    for (uint32_t i = 0; i < 4; i++) {
        imm_lanes[i] = is_low ? lanes[i] : lanes[i + 4] - 4;
    }
    emit_rm(s, is_low ? X86_PSHUFLW : X86_PSHUFHW, sh->def, sh->a)->imm = shuffle_imm(imm_lanes);
    return true;
}

static bool try_broadcast(struct select *s, const struct shuffle *sh)
{
    uint8_t lanes[8] = {0};
    bool is_word = sh->at[0] == 0 && sh->at[1] == 1 && in_lanes(sh, 2, lanes);
    for (uint32_t i = 0; i < 16; i++) {
        if (sh->at[i] != (is_word ? i % 2 : 0)) {
            return false;
        }
    }
    if (!vec_has(s, ENGINE_CPU_AVX2)) {
        return false;
    }
    (void)emit_rr(s, is_word ? X86_PBROADCASTW : X86_PBROADCASTB, sh->def, sh->a);
    return true;
}

static void emit_pshufb(struct select *s, uint32_t def, uint32_t x, const uint8_t at[static 16])
{
    (void)emit_rvm(s, X86_PSHUFB, def, x, x86_vconst_vreg(s, at));
}

/* ---- Zeros moved in ---- */

/* All bytes moved up or down by so many, zeros in their place. */
static bool try_byte_shift(struct select *s, const struct shuffle *sh)
{
    for (uint32_t n = 1; n < 16; n++) {
        bool is_right = true, is_left = true;
        for (uint32_t i = 0; i < 16; i++) {
            is_right = is_right && sh->at[i] == (i + n < 16 ? i + n : ANY_ZERO);
            is_left = is_left && sh->at[i] == (i >= n ? i - n : ANY_ZERO);
        }
        if (is_right || is_left) {
            (void)emit_vm(s, is_right ? X86_PSRLDQI : X86_PSLLDQI, sh->def, sh->a, n);
            return true;
        }
    }
    return false;
}

/* The lower lanes of n bytes, zeros between them. */
static bool try_zero_extend(struct select *s, const struct shuffle *sh)
{
    static const struct {
        uint16_t op;
        uint8_t lane_bytes;
    } ops[] = {{X86_PMOVZXBW, 1}, {X86_PMOVZXWD, 2}, {X86_PMOVZXDQ, 4}};
    for (uint32_t k = 0; k < 3; k++) {
        uint32_t n = ops[k].lane_bytes;
        bool is_match = true;
        for (uint32_t i = 0; i < 16; i++) {
            uint32_t lane = i / (2 * n), byte = i % (2 * n);
            is_match = is_match && sh->at[i] == (byte < n ? lane * n + byte : ANY_ZERO);
        }
        if (is_match) {
            (void)emit_rm(s, (enum x86_op)ops[k].op, sh->def, sh->a);
            return true;
        }
    }
    return false;
}

/* ---- Two sources; also a source with itself ---- */

/* Lanes of both halves in turns: of a, of b. */
static bool try_unpack(struct select *s, const struct shuffle *sh)
{
    static const struct {
        uint16_t low, high;
        uint8_t lane_bytes;
    } ops[] = {
        {X86_PUNPCKLQDQ, X86_PUNPCKHQDQ, 8},
        {X86_PUNPCKLDQ, X86_PUNPCKHDQ, 4},
        {X86_PUNPCKLWD, X86_PUNPCKHWD, 2},
        {X86_PUNPCKLBW, X86_PUNPCKHBW, 1},
    };
    uint32_t second = sh->b == 0 ? 0 : 16; /* how its bytes are numbered */
    for (uint32_t k = 0; k < 4; k++) {
        uint32_t n = ops[k].lane_bytes;
        bool is_low = true, is_high = true;
        for (uint32_t i = 0; i < 16; i++) {
            uint32_t from = i / (2 * n) * n + i % n + (i / n % 2 != 0 ? second : 0);
            is_low = is_low && sh->at[i] == from;
            is_high = is_high && sh->at[i] == from + 8;
        }
        if (is_low || is_high) {
            uint32_t b = sh->b == 0 ? sh->a : sh->b;
            (void)emit_rvm(s, (enum x86_op)(is_low ? ops[k].low : ops[k].high), sh->def, sh->a, b);
            return true;
        }
    }
    return false;
}

/* 16 bytes in a row out of a and then b. */
static bool try_align(struct select *s, const struct shuffle *sh)
{
    uint32_t n = sh->at[0], wrap = sh->b == 0 ? 16 : 32;
    if (n == 0 || n >= 16) {
        return false;
    }
    for (uint32_t i = 1; i < 16; i++) {
        if (sh->at[i] != (n + i) % wrap) {
            return false;
        }
    }
    emit_rvm(s, X86_PALIGNR, sh->def, sh->b == 0 ? sh->a : sh->b, sh->a)->imm = n;
    return true;
}

/* Every byte where it was, in a or in b. */
static bool is_blend(const struct shuffle *sh)
{
    for (uint32_t i = 0; i < 16; i++) {
        if ((sh->at[i] & 15) != i || sh->at[i] == ANY_ZERO) {
            return false;
        }
    }
    return true;
}

static bool try_blend(struct select *s, const struct shuffle *sh)
{
    uint8_t lanes[8], mask[16], imm = 0;
    if (!is_blend(sh)) {
        return false;
    }
    bool is_wide = in_lanes(sh, 4, lanes);
    if (is_wide || in_lanes(sh, 2, lanes)) {
        uint32_t n = is_wide ? 4 : 8;
        for (uint32_t i = 0; i < n; i++) {
            imm |= (uint8_t)((lanes[i] >= n) << i);
        }
        emit_rvm(s, is_wide ? X86_BLENDPS : X86_PBLENDW, sh->def, sh->a, sh->b)->imm = imm;
        return true;
    }
    for (uint32_t i = 0; i < 16; i++) {
        mask[i] = sh->at[i] >= 16 ? 0xff : 0;
    }
    uint32_t from_b = x86_vconst_vreg(s, mask);
    if (s->has_avx) {
        emit(s, X86_PBLENDVB);
        op_def(s, sh->def);
        op_use(s, sh->a);
        op_use(s, from_b);
        op_use_any(s, sh->b);
        return true;
    }
    for (uint32_t i = 0; i < 16; i++) {
        mask[i] = (uint8_t)~mask[i];
    }
    uint32_t a = vec_rvm(s, X86_PAND, sh->a, x86_vconst_vreg(s, mask));
    uint32_t b = vec_rvm(s, X86_PAND, sh->b, from_b);
    (void)emit_rvm(s, X86_POR, sh->def, a, b);
    return true;
}

/* The lower two 32-bit lanes of a, the upper two of b. */
static bool try_shufps(struct select *s, const struct shuffle *sh)
{
    uint8_t lanes[8];
    if (has_zeros(sh) || !in_lanes(sh, 4, lanes) || lanes[0] >= 4 || lanes[1] >= 4 ||
        lanes[2] < 4 || lanes[3] < 4) {
        return false;
    }
    emit_rvm(s, X86_SHUFPS, sh->def, sh->a, sh->b)->imm = shuffle_imm(lanes);
    return true;
}

/* 32-bit lanes of either source brought to their places, if they aren't there already. */
static uint32_t lanes_in_place(struct select *s, uint32_t x, const uint8_t lanes[static 4],
                               uint8_t base)
{
    uint8_t places[4];
    bool is_there = true;
    for (uint8_t i = 0; i < 4; i++) {
        bool is_mine = (lanes[i] & 4) == base;
        places[i] = is_mine ? lanes[i] & 3 : i;
        is_there = is_there && places[i] == i;
    }
    return is_there ? x : vec_rm_imm(s, X86_PSHUFD, x, shuffle_imm(places));
}

static bool try_lanes(struct select *s, const struct shuffle *sh)
{
    uint8_t lanes[8], imm = 0;
    if (has_zeros(sh) || !in_lanes(sh, 4, lanes)) {
        return false;
    }
    for (uint32_t i = 0; i < 4; i++) {
        imm |= (uint8_t)((lanes[i] >= 4) << i);
    }
    uint32_t a = lanes_in_place(s, sh->a, lanes, 0);
    uint32_t b = lanes_in_place(s, sh->b, lanes, 4);
    emit_rvm(s, X86_BLENDPS, sh->def, a, b)->imm = imm;
    return true;
}

/* a's words where they were, those of b from anywhere. */
static bool try_shuffle_blend(struct select *s, const struct shuffle *sh)
{
    uint8_t at[16], imm = 0;
    for (uint32_t i = 0; i < 16; i++) {
        bool is_b = sh->at[i] >= 16;
        if (sh->at[i] == ANY_ZERO || (!is_b && sh->at[i] != i) || is_b != (sh->at[i & ~1u] >= 16)) {
            return false;
        }
        at[i] = is_b ? sh->at[i] - 16 : ANY_ZERO;
        imm |= (uint8_t)(is_b << (i / 2));
    }
    uint32_t b = vec_new(s);
    emit_pshufb(s, b, sh->b, at);
    emit_rvm(s, X86_PBLENDW, sh->def, sh->a, b)->imm = imm;
    return true;
}

static void emit_general(struct select *s, const struct shuffle *sh)
{
    uint8_t of_a[16], of_b[16];
    for (uint32_t i = 0; i < 16; i++) {
        of_a[i] = sh->at[i] < 16 ? sh->at[i] : ANY_ZERO;
        of_b[i] = sh->at[i] >= 16 && sh->at[i] < 32 ? sh->at[i] - 16 : ANY_ZERO;
    }
    uint32_t a = vec_new(s), b = vec_new(s);
    emit_pshufb(s, a, sh->a, of_a);
    emit_pshufb(s, b, sh->b, of_b);
    (void)emit_rvm(s, X86_POR, sh->def, a, b);
}

/* ---- All of them ---- */

typedef bool shuffle_try(struct select *s, const struct shuffle *sh);

static bool try_all(struct select *s, const struct shuffle *sh, shuffle_try *const *tries)
{
    for (; *tries != NULL; tries++) {
        if ((*tries)(s, sh)) {
            return true;
        }
    }
    return false;
}

static void select_one_source(struct select *s, const struct shuffle *sh)
{
    static shuffle_try *const tries[] = {
        try_identity, try_broadcast,  try_pshufd,      try_pshufw, try_unpack,
        try_align,    try_byte_shift, try_zero_extend, NULL,
    };
    if (!try_all(s, sh, tries)) {
        emit_pshufb(s, sh->def, sh->a, sh->at);
    }
}

static void select_two_sources(struct select *s, const struct shuffle *sh)
{
    static shuffle_try *const tries[] = {
        try_unpack, try_align, try_blend, try_shufps, NULL,
    };
    static shuffle_try *const longer[] = {try_shuffle_blend, NULL};
    struct shuffle other = commuted(sh);
    bool is_done = try_all(s, sh, tries) || try_all(s, &other, tries) || try_lanes(s, sh) ||
                   try_all(s, sh, longer) || try_all(s, &other, longer);
    if (!is_done) {
        emit_general(s, sh);
    }
}

/* Which bytes of a vector value are known to be zero; bit i for byte i. */
static uint32_t zero_bytes(const struct select *s, val_t v)
{
    const struct ssa_inst *inst = x86_inst(s, v);
    uint32_t zeros = 0;
    for (uint32_t i = 0; inst->op == SSA_VCONST && i < 16; i++) {
        zeros |= (uint32_t)(s->fn->vconsts[inst->imm][i] == 0) << i;
    }
    return zeros;
}

void simd_shuffle(struct select *s, val_t v, const struct simd_row *)
{
    struct shuffle sh = {.def = x86_def(s, v)};
    val_t a = ssa_resolve(s->fn, x86_arg(s, v, 0)), b = ssa_resolve(s->fn, x86_arg(s, v, 1));
    uint32_t zeros = zero_bytes(s, a) | zero_bytes(s, b) << 16;
    bool uses_a = false, uses_b = false;
    for (uint32_t i = 0; i < 16; i++) {
        uint8_t at = s->fn->vconsts[x86_inst(s, v)->imm][i];
        sh.at[i] = (zeros >> at & 1) != 0 ? ANY_ZERO : a.i == b.i ? at & 15 : at;
        uses_a = uses_a || sh.at[i] < 16;
        uses_b = uses_b || (sh.at[i] >= 16 && sh.at[i] < 32);
    }
    if (uses_a && uses_b) {
        sh.a = x86_use(s, a);
        sh.b = x86_use(s, b);
        select_two_sources(s, &sh);
        return;
    }
    for (uint32_t i = 0; i < 16 && uses_b; i++) {
        sh.at[i] &= ANY_ZERO | 15;
    }
    sh.a = x86_use(s, uses_b ? b : a);
    select_one_source(s, &sh);
}

/* An index past 15 gives 0: pshufb does so from 128 on, which adding 0x70 with saturation makes. */
void simd_swizzle(struct select *s, val_t v, const struct simd_row *)
{
    uint32_t def = x86_def(s, v), x = vec_arg(s, v, 0);
    val_t index = ssa_resolve(s->fn, x86_arg(s, v, 1));
    if (x86_inst(s, index)->op == SSA_VCONST) {
        uint8_t at[16];
        for (uint32_t i = 0; i < 16; i++) {
            uint8_t byte = s->fn->vconsts[x86_inst(s, index)->imm][i];
            at[i] = byte < 16 ? byte : ANY_ZERO;
        }
        emit_pshufb(s, def, x, at);
        return;
    }
    uint32_t clamped = vec_rvm(s, X86_PADDUSB, x86_use(s, index), vec_const8(s, 0x70));
    (void)emit_rvm(s, X86_PSHUFB, def, x, clamped);
}
