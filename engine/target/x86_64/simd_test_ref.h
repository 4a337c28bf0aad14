/*
 * What each vector operation is to do, lane by lane and in plain C (wasm 2.0 §4.3), for
 * simd_test.c. Lanes are zero-extended in uint64_t; results count up to the lane's width.
 */
#ifndef ENGINE_TARGET_X86_64_SIMD_TEST_REF_H
#define ENGINE_TARGET_X86_64_SIMD_TEST_REF_H

#include "engine/target/x86_64/vec_test_support.h"

#include <math.h>

struct vec {
    uint8_t b[16];
};

static inline uint64_t vec_lane(const struct vec *v, uint32_t bytes, uint32_t i)
{
    uint64_t x = 0;
    memcpy(&x, v->b + i * bytes, bytes);
    return x;
}

static inline void vec_set(struct vec *v, uint32_t bytes, uint32_t i, uint64_t x)
{
    memcpy(v->b + i * bytes, &x, bytes);
}

static inline int64_t ref_signed(uint64_t x, uint32_t bits)
{
    return (int64_t)(x << (64 - bits)) >> (64 - bits);
}

static inline uint64_t ref_mask(uint32_t bits)
{
    return UINT64_MAX >> (64 - bits);
}

static inline uint64_t ref_clamp(__int128 x, __int128 min, __int128 max)
{
    return (uint64_t)(x < min ? min : x > max ? max : x);
}

static inline uint64_t ref_sat_s(__int128 x, uint32_t bits)
{
    return ref_clamp(x, -((__int128)1 << (bits - 1)), ((__int128)1 << (bits - 1)) - 1);
}

static inline uint64_t ref_sat_u(__int128 x, uint32_t bits)
{
    return ref_clamp(x, 0, ((__int128)1 << bits) - 1);
}

/* ---- Floats as bits ---- */

static inline double ref_number(uint64_t x, uint32_t bits)
{
    float f;
    double d;
    uint32_t low = (uint32_t)x;
    memcpy(&f, &low, 4);
    memcpy(&d, &x, 8);
    return bits == 32 ? (double)f : d;
}

/* d is the exact result of an operation on f32, or rounds to the right one: bits of it. */
static inline uint64_t ref_bits(double d, uint32_t bits)
{
    uint64_t x;
    uint32_t low;
    float f = (float)d;
    memcpy(&low, &f, 4);
    memcpy(&x, &d, 8);
    return bits == 32 ? low : x;
}

static inline bool ref_is_nan(uint64_t x, uint32_t bits)
{
    return bits == 32 ? run_is_nan32((uint32_t)x) : run_is_nan64(x);
}

static inline uint64_t ref_nan(uint32_t bits)
{
    return bits == 32 ? 0x7fc00000 : 0x7ff8000000000000;
}

/* ---- Operations on lanes: (a, b, bits of the lane) ---- */

typedef uint64_t ref_fn(uint64_t a, uint64_t b, uint32_t bits);

#define REF(name, expr)                                                                            \
    static inline uint64_t ref_##name(uint64_t a, uint64_t b, uint32_t bits)                       \
    {                                                                                              \
        [[maybe_unused]] int64_t s = ref_signed(a, bits), t = ref_signed(b, bits);                 \
        (void)b;                                                                                   \
        return (uint64_t)(expr);                                                                   \
    }

REF(add, a + b)
REF(sub, a - b)
REF(mul, a *b)
REF(add_sat_s, ref_sat_s((__int128)s + t, bits))
REF(add_sat_u, ref_sat_u((__int128)a + b, bits))
REF(sub_sat_s, ref_sat_s((__int128)s - t, bits))
REF(sub_sat_u, ref_sat_u((__int128)a - b, bits))
REF(min_s, s < t ? s : t)
REF(min_u, a < b ? a : b)
REF(max_s, s > t ? s : t)
REF(max_u, a > b ? a : b)
REF(avgr_u, (a + b + 1) / 2)
REF(abs, s < 0 ? 0 - a : a)
REF(neg, 0 - a)
REF(popcnt, __builtin_popcountll(a))
REF(q15mulr_sat_s, ref_sat_s(((__int128)s * t + 0x4000) >> 15, 16))
REF(shl, a << (b % bits))
REF(shr_s, s >> (b % bits))
REF(shr_u, a >> (b % bits))
REF(eq, 0 - (uint64_t)(a == b))
REF(ne, 0 - (uint64_t)(a != b))
REF(lt_s, 0 - (uint64_t)(s < t))
REF(lt_u, 0 - (uint64_t)(a < b))
REF(gt_s, 0 - (uint64_t)(s > t))
REF(gt_u, 0 - (uint64_t)(a > b))
REF(le_s, 0 - (uint64_t)(s <= t))
REF(le_u, 0 - (uint64_t)(a <= b))
REF(ge_s, 0 - (uint64_t)(s >= t))
REF(ge_u, 0 - (uint64_t)(a >= b))
REF(and, a &b)
REF(or, a | b)
REF(xor, a ^ b)
REF(andnot, a & ~b)
REF(not, ~a)

#define REF_FLOAT(name, expr)                                                                      \
    static inline uint64_t ref_##name(uint64_t a, uint64_t b, uint32_t bits)                       \
    {                                                                                              \
        [[maybe_unused]] double x = ref_number(a, bits), y = ref_number(b, bits);                  \
        return (uint64_t)(expr);                                                                   \
    }

/* Rounding twice, to double and then to float, gives what rounding once does: 53 >= 2 * 24 + 2. */
REF_FLOAT(fadd, ref_bits(x + y, bits))
REF_FLOAT(fsub, ref_bits(x - y, bits))
REF_FLOAT(fmul, ref_bits(x *y, bits))
REF_FLOAT(fdiv, ref_bits(x / y, bits))
REF_FLOAT(fsqrt, ref_bits(sqrt(x), bits))
REF_FLOAT(fceil, ref_bits(ceil(x), bits))
REF_FLOAT(ffloor, ref_bits(floor(x), bits))
REF_FLOAT(ftrunc, ref_bits(trunc(x), bits))
REF_FLOAT(fnearest, ref_bits(nearbyint(x), bits))
REF_FLOAT(fabs, a &ref_mask(bits - 1))
REF_FLOAT(fneg, a ^ ((uint64_t)1 << (bits - 1)))
REF_FLOAT(fmin, ref_is_nan(a, bits) || ref_is_nan(b, bits) ? ref_nan(bits)
                : x == y                                   ? a | b
                : x < y                                    ? a
                                                           : b)
REF_FLOAT(fmax, ref_is_nan(a, bits) || ref_is_nan(b, bits) ? ref_nan(bits)
                : x == y                                   ? a & b
                : x > y                                    ? a
                                                           : b)
REF_FLOAT(fpmin, y < x ? b : a)
REF_FLOAT(fpmax, x < y ? b : a)
REF_FLOAT(feq, 0 - (uint64_t)(x == y))
REF_FLOAT(fne, 0 - (uint64_t)(x != y))
REF_FLOAT(flt, 0 - (uint64_t)(x < y))
REF_FLOAT(fgt, 0 - (uint64_t)(x > y))
REF_FLOAT(fle, 0 - (uint64_t)(x <= y))
REF_FLOAT(fge, 0 - (uint64_t)(x >= y))

struct ref_lanes {
    uint16_t op; /* SSA */
    uint8_t bytes;
    bool is_arithmetic; /* NaNs by the rules of arithmetic */
    ref_fn *fn;
};

#define ROW(shape, bytes, NAME, name) {SSA_V_##shape##_##NAME, bytes, false, ref_##name},
#define INT2(NAME, name) ROW(I8X16, 1, NAME, name) ROW(I16X8, 2, NAME, name)
#define INT3(NAME, name) INT2(NAME, name) ROW(I32X4, 4, NAME, name)
#define INT4(NAME, name) INT3(NAME, name) ROW(I64X2, 8, NAME, name)
#define FLOAT2(NAME, name) ROW(F32X4, 4, NAME, name) ROW(F64X2, 8, NAME, name)
#define ARITH2(NAME, name)                                                                         \
    {SSA_V_F32X4_##NAME, 4, true, ref_##name}, {SSA_V_F64X2_##NAME, 8, true, ref_##name},

static const struct ref_lanes ref_lanes[] = {
    INT4(ADD, add) INT4(SUB, sub) INT4(ABS, abs) INT4(NEG, neg) INT4(SHL, shl) INT4(
        SHR_S, shr_s) INT4(SHR_U, shr_u) INT4(EQ, eq) INT4(NE, ne) INT4(LT_S, lt_s) INT4(GT_S, gt_s)
        INT4(LE_S, le_s) INT4(GE_S, ge_s) INT3(LT_U, lt_u) INT3(GT_U, gt_u) INT3(LE_U, le_u) INT3(
            GE_U, ge_u) INT3(MIN_S, min_s) INT3(MIN_U, min_u) INT3(MAX_S, max_s) INT3(MAX_U, max_u)
            INT2(ADD_SAT_S, add_sat_s) INT2(ADD_SAT_U, add_sat_u) INT2(SUB_SAT_S, sub_sat_s)
                INT2(SUB_SAT_U, sub_sat_u) INT2(AVGR_U, avgr_u) ROW(I16X8, 2, MUL, mul)
                    ROW(I32X4, 4, MUL, mul) ROW(I64X2, 8, MUL, mul) ROW(I8X16, 1, POPCNT, popcnt)
                        ROW(I16X8, 2, Q15MULR_SAT_S, q15mulr_sat_s) ROW(V128, 8, AND, and)
                            ROW(V128, 8, OR, or) ROW(V128, 8, XOR, xor) ROW(V128, 8, ANDNOT, andnot)
                                ROW(V128, 8, NOT, not) FLOAT2(ABS, fabs) FLOAT2(NEG, fneg) FLOAT2(
                                    PMIN, fpmin) FLOAT2(PMAX, fpmax) FLOAT2(EQ, feq) FLOAT2(NE, fne)
                                    FLOAT2(LT, flt) FLOAT2(GT, fgt) FLOAT2(LE, fle) FLOAT2(GE, fge)
                                        ARITH2(ADD, fadd) ARITH2(SUB, fsub) ARITH2(MUL, fmul)
                                            ARITH2(DIV, fdiv) ARITH2(SQRT, fsqrt) ARITH2(MIN, fmin)
                                                ARITH2(MAX, fmax) ARITH2(CEIL, fceil)
                                                    ARITH2(FLOOR, ffloor) ARITH2(TRUNC, ftrunc)
                                                        ARITH2(NEAREST, fnearest)};

static inline const struct ref_lanes *ref_find_lanes(uint16_t op)
{
    for (uint32_t i = 0; i < RUN_COUNT(ref_lanes); i++) {
        if (ref_lanes[i].op == op) {
            return &ref_lanes[i];
        }
    }
    return NULL;
}

/* ---- Operations across widths ---- */

enum ref_cross { CROSS_EXTEND, CROSS_EXTMUL, CROSS_EXTADD, CROSS_NARROW };

/* from: bytes of a lane of the arguments */
static const struct ref_cross_row {
    uint16_t op;
    uint8_t kind, from;
    bool is_high, is_signed;
} ref_cross_rows[] = {
#define WIDEN(to, from, bytes)                                                                     \
    {SSA_V_##to##_EXTEND_LOW_##from##_S, CROSS_EXTEND, bytes, false, true},                        \
        {SSA_V_##to##_EXTEND_LOW_##from##_U, CROSS_EXTEND, bytes, false, false},                   \
        {SSA_V_##to##_EXTEND_HIGH_##from##_S, CROSS_EXTEND, bytes, true, true},                    \
        {SSA_V_##to##_EXTEND_HIGH_##from##_U, CROSS_EXTEND, bytes, true, false},                   \
        {SSA_V_##to##_EXTMUL_LOW_##from##_S, CROSS_EXTMUL, bytes, false, true},                    \
        {SSA_V_##to##_EXTMUL_LOW_##from##_U, CROSS_EXTMUL, bytes, false, false},                   \
        {SSA_V_##to##_EXTMUL_HIGH_##from##_S, CROSS_EXTMUL, bytes, true, true},                    \
        {SSA_V_##to##_EXTMUL_HIGH_##from##_U, CROSS_EXTMUL, bytes, true, false},
    WIDEN(I16X8, I8X16, 1) WIDEN(I32X4, I16X8, 2) WIDEN(I64X2, I32X4, 4)
#undef WIDEN
        {SSA_V_I16X8_EXTADD_PAIRWISE_I8X16_S, CROSS_EXTADD, 1, false, true},
    {SSA_V_I16X8_EXTADD_PAIRWISE_I8X16_U, CROSS_EXTADD, 1, false, false},
    {SSA_V_I32X4_EXTADD_PAIRWISE_I16X8_S, CROSS_EXTADD, 2, false, true},
    {SSA_V_I32X4_EXTADD_PAIRWISE_I16X8_U, CROSS_EXTADD, 2, false, false},
    {SSA_V_I8X16_NARROW_I16X8_S, CROSS_NARROW, 2, false, true},
    {SSA_V_I8X16_NARROW_I16X8_U, CROSS_NARROW, 2, false, false},
    {SSA_V_I16X8_NARROW_I32X4_S, CROSS_NARROW, 4, false, true},
    {SSA_V_I16X8_NARROW_I32X4_U, CROSS_NARROW, 4, false, false},
};

static inline uint64_t ref_widened(const struct vec *v, uint32_t bytes, uint32_t i, bool is_signed)
{
    uint64_t x = vec_lane(v, bytes, i);
    return is_signed ? (uint64_t)ref_signed(x, 8 * bytes) : x;
}

static inline bool ref_cross(uint16_t op, const struct vec *v, struct vec *out)
{
    const struct ref_cross_row *row = NULL;
    for (uint32_t i = 0; i < RUN_COUNT(ref_cross_rows); i++) {
        row = ref_cross_rows[i].op == op ? &ref_cross_rows[i] : row;
    }
    if (row == NULL) {
        return false;
    }
    uint32_t n = row->from, half = 8 / n, base = row->is_high ? half : 0;
    for (uint32_t i = 0; i < half && row->kind != CROSS_NARROW; i++) {
        uint32_t at = row->kind == CROSS_EXTADD ? 2 * i : base + i;
        uint64_t a = ref_widened(&v[0], n, at, row->is_signed);
        uint64_t b = row->kind == CROSS_EXTMUL   ? ref_widened(&v[1], n, at, row->is_signed)
                     : row->kind == CROSS_EXTADD ? ref_widened(&v[0], n, at + 1, row->is_signed)
                                                 : 0;
        vec_set(out, 2 * n, i, row->kind == CROSS_EXTMUL ? a * b : a + b);
    }
    for (uint32_t i = 0; i < 32 / n && row->kind == CROSS_NARROW; i++) {
        int64_t x = (int64_t)ref_widened(&v[i >= 16 / n], n, i % (16 / n), true);
        vec_set(out, n / 2, i, row->is_signed ? ref_sat_s(x, 4 * n) : ref_sat_u(x, 4 * n));
    }
    return true;
}

/* ---- The rest of those from vectors to a vector ---- */

static inline uint64_t ref_trunc_sat(uint64_t x, uint32_t bits, bool is_signed)
{
    double d = trunc(ref_number(x, bits));
    if (ref_is_nan(x, bits)) {
        return 0;
    }
    double min = is_signed ? -2147483648.0 : 0, max = is_signed ? 2147483647.0 : 4294967295.0;
    return (uint32_t)(int64_t)(d < min ? min : d > max ? max : d);
}

static inline uint64_t ref_convert(uint64_t x, uint32_t bits, bool is_signed)
{
    double d = is_signed ? (double)(int32_t)x : (double)(uint32_t)x;
    return ref_bits(d, bits);
}

static inline bool ref_converted(uint16_t op, const struct vec *v, struct vec *out)
{
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t x = vec_lane(&v[0], 4, i), y = i < 2 ? vec_lane(&v[0], 8, i) : 0;
        switch (op) {
        case SSA_V_I32X4_TRUNC_SAT_F32X4_S:
        case SSA_V_I32X4_TRUNC_SAT_F32X4_U:
            vec_set(out, 4, i, ref_trunc_sat(x, 32, op == SSA_V_I32X4_TRUNC_SAT_F32X4_S));
            break;
        case SSA_V_F32X4_CONVERT_I32X4_S:
        case SSA_V_F32X4_CONVERT_I32X4_U:
            vec_set(out, 4, i, ref_convert(x, 32, op == SSA_V_F32X4_CONVERT_I32X4_S));
            break;
        case SSA_V_I32X4_TRUNC_SAT_F64X2_S_ZERO:
        case SSA_V_I32X4_TRUNC_SAT_F64X2_U_ZERO:
            vec_set(out, 4, i, ref_trunc_sat(y, 64, op == SSA_V_I32X4_TRUNC_SAT_F64X2_S_ZERO));
            break;
        case SSA_V_F64X2_CONVERT_LOW_I32X4_S:
        case SSA_V_F64X2_CONVERT_LOW_I32X4_U:
            vec_set(
                out, 8, i & 1,
                ref_convert(vec_lane(&v[0], 4, i & 1), 64, op == SSA_V_F64X2_CONVERT_LOW_I32X4_S));
            break;
        case SSA_V_I32X4_DOT_I16X8_S: {
            uint64_t sum = 0;
            for (uint32_t k = 2 * i; k < 2 * i + 2; k++) {
                sum += ref_widened(&v[0], 2, k, true) * ref_widened(&v[1], 2, k, true);
            }
            vec_set(out, 4, i, sum);
            break;
        }
        default: return false;
        }
    }
    return true;
}

static inline void ref_bytes(uint16_t op, const struct vec *v, const uint8_t lanes[16],
                             struct vec *out)
{
    for (uint32_t i = 0; i < 16; i++) {
        if (op == SSA_V_I8X16_SHUFFLE) {
            out->b[i] = v[lanes[i] / 16].b[lanes[i] % 16];
        } else if (op == SSA_V_I8X16_SWIZZLE) {
            out->b[i] = v[1].b[i] < 16 ? v[0].b[v[1].b[i]] : 0;
        } else {
            out->b[i] = (uint8_t)((v[0].b[i] & v[2].b[i]) | (v[1].b[i] & ~v[2].b[i]));
        }
    }
}

/* ---- Vectors to a number ---- */

static inline uint64_t ref_truth(uint16_t op, const struct vec *v)
{
    uint32_t bytes = op == SSA_V_I8X16_ALL_TRUE || op == SSA_V_I8X16_BITMASK   ? 1
                     : op == SSA_V_I16X8_ALL_TRUE || op == SSA_V_I16X8_BITMASK ? 2
                     : op == SSA_V_I32X4_ALL_TRUE || op == SSA_V_I32X4_BITMASK ? 4
                                                                               : 8;
    uint64_t n_true = 0, mask = 0;
    for (uint32_t i = 0; i < 16 / bytes; i++) {
        uint64_t x = vec_lane(v, bytes, i);
        n_true += x != 0;
        mask |= (x >> (8 * bytes - 1)) << i;
    }
    switch (op) {
    case SSA_V_V128_ANY_TRUE: return n_true != 0;
    case SSA_V_I8X16_BITMASK:
    case SSA_V_I16X8_BITMASK:
    case SSA_V_I32X4_BITMASK:
    case SSA_V_I64X2_BITMASK: return mask;
    default: return n_true == 16 / bytes;
    }
}

#undef ROW
#undef INT2
#undef INT3
#undef INT4
#undef FLOAT2
#undef ARITH2

#endif
