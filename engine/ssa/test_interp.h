/*
 * Executes SSA functions, for tests of what must not change what a function does. Included by
 * *_test.c only.
 *
 * Scalar operations and traps are exact (wasm 2.0 §4.3); a NaN that arithmetic makes is always
 * the canonical one, so that runs can be compared. Of the vector operations, those that move
 * bytes or bits or do simple arithmetic are exact; the rest are some function of their arguments, always the same.
 * A call is answered from a hash of its arguments and all that was ever called before: whoever
 * loses, doubles or moves a call gets other answers; a call also changes memory and the instance,
 * and sometimes traps.
 *
 * Memory is small. Instance fields lie in a record before an address that means nothing else;
 * memory of the kernel's own is what that record's addresses reach.
 */
#ifndef ENGINE_SSA_TEST_INTERP_H
#define ENGINE_SSA_TEST_INTERP_H

#include <math.h>

#include "base/hash.h"
#include "engine/ssa/test_support.h"
#include "engine/ssa/text.h"
#include "engine/wasm/wasm.h"

#ifndef INTERP_MEMORY_BYTES
#define INTERP_MEMORY_BYTES 1024u
#endif
#define INTERP_RECORD_BYTES 256u
#define INTERP_INSTANCE UINT64_C(0x700000001000) /* the instance pointer P */

/* What lies where in the record, as offsets from P; all but the first part is changed by calls. */
#define INTERP_FIXED (-256)   /* 128 bytes; the first eight: the address of P + INTERP_POINTED */
#define INTERP_GLOBALS (-128) /* 64 bytes */
#define INTERP_POINTED (-64)  /* 32 bytes, reached by pointer only */
#define INTERP_SIZES (-32)    /* 32 bytes; the first eight: the size of memory, never changed */
#define INTERP_MAX_RESULTS 16

union interp_value {
    uint64_t half[2]; /* the first member, so that {0} is all of it */
    uint64_t bits;    /* of every scalar; narrower ones zero-extended */
    uint8_t bytes[16];
};

/* Looks at each integer as it is computed; what is wrong with it, or null. May be null itself. */
typedef const char *interp_watch_fn(const struct ssa_func *fn, uint32_t v, uint64_t bits);

enum interp_end { INTERP_RETURNED, INTERP_TRAPPED, INTERP_NO_FUEL, INTERP_BROKEN };

struct interp {
    const struct ssa_func *fn;
    union interp_value *values; /* [n_insts] */
    const union interp_value *params;
    uint8_t memory[INTERP_MEMORY_BYTES];
    uint8_t record[INTERP_RECORD_BYTES]; /* from P - sizeof on */
    uint64_t calls;                      /* hash of all calls so far */
    uint64_t n_steps;                    /* instructions executed */
    uint32_t fuel;                       /* blocks */
    enum interp_end end;
    uint8_t trap; /* enum engine_trap */
    const char *broken;
    interp_watch_fn *watch;
    uint32_t n_results;
    union interp_value results[INTERP_MAX_RESULTS];
};

static inline bool interp_trap(struct interp *m, enum engine_trap trap)
{
    m->end = INTERP_TRAPPED;
    m->trap = trap;
    return false;
}

/* What should never be: the function isn't right. */
static inline bool interp_break(struct interp *m, const char *why)
{
    m->end = INTERP_BROKEN;
    m->broken = why;
    return false;
}

static inline uint64_t interp_random(uint64_t seed, uint64_t k)
{
    return hash_mix(hash_add(seed, k + 1));
}

static inline uint64_t interp_narrow(uint8_t type, uint64_t bits)
{
    return type == T_I32 || type == T_F32 ? (uint32_t)bits : bits;
}

/* ---- Floats ---- */

static inline double interp_f64(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float interp_f32(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float x;
    memcpy(&x, &low, sizeof x);
    return x;
}

static inline uint64_t interp_from_f64(double x)
{
    uint64_t bits = UINT64_C(0x7ff8000000000000);
    if (!isnan(x)) {
        memcpy(&bits, &x, sizeof bits);
    }
    return bits;
}

static inline uint64_t interp_from_f32(float x)
{
    uint32_t bits = 0x7fc00000;
    if (!isnan(x)) {
        memcpy(&bits, &x, sizeof bits);
    }
    return bits;
}

/* The one that is less; -0 is less than +0; a NaN if one is (wasm 2.0 §4.3.3, fmin). */
static inline double interp_min(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return __builtin_nan("");
    }
    return a < b || (a == b && signbit(a)) ? a : b;
}

static inline double interp_max(double a, double b)
{
    return -interp_min(-a, -b);
}

static inline bool interp_float64(uint16_t op, uint64_t x, uint64_t y, uint64_t *out)
{
    double a = interp_f64(x), b = interp_f64(y), r;
    const uint64_t sign = UINT64_C(1) << 63;
    switch (op) {
    case SSA_FADD: r = a + b; break;
    case SSA_FSUB: r = a - b; break;
    case SSA_FMUL: r = a * b; break;
    case SSA_FDIV: r = a / b; break;
    case SSA_FMIN: r = interp_min(a, b); break;
    case SSA_FMAX: r = interp_max(a, b); break;
    case SSA_FCEIL: r = ceil(a); break;
    case SSA_FFLOOR: r = floor(a); break;
    case SSA_FTRUNC: r = trunc(a); break;
    case SSA_FNEAREST: r = nearbyint(a); break;
    case SSA_FSQRT: r = sqrt(a); break;
    case SSA_FCOPYSIGN: *out = (x & ~sign) | (y & sign); return true;
    case SSA_FABS: *out = x & ~sign; return true;
    case SSA_FNEG: *out = x ^ sign; return true;
    default: return false;
    }
    *out = interp_from_f64(r);
    return true;
}

static inline bool interp_float32(uint16_t op, uint64_t x, uint64_t y, uint64_t *out)
{
    float a = interp_f32(x), b = interp_f32(y), r;
    const uint64_t sign = UINT64_C(1) << 31;
    switch (op) {
    case SSA_FADD: r = a + b; break;
    case SSA_FSUB: r = a - b; break;
    case SSA_FMUL: r = a * b; break;
    case SSA_FDIV: r = a / b; break;
    case SSA_FMIN: r = (float)interp_min((double)a, (double)b); break;
    case SSA_FMAX: r = (float)interp_max((double)a, (double)b); break;
    case SSA_FCEIL: r = ceilf(a); break;
    case SSA_FFLOOR: r = floorf(a); break;
    case SSA_FTRUNC: r = truncf(a); break;
    case SSA_FNEAREST: r = nearbyintf(a); break;
    case SSA_FSQRT: r = sqrtf(a); break;
    case SSA_FCOPYSIGN: *out = (x & ~sign) | (y & sign); return true;
    case SSA_FABS: *out = x & ~sign; return true;
    case SSA_FNEG: *out = x ^ sign; return true;
    default: return false;
    }
    *out = interp_from_f32(r);
    return true;
}

static inline bool interp_float_compare(uint16_t op, uint8_t type, uint64_t x, uint64_t y,
                                        uint64_t *out)
{
    double a = type == T_F64 ? interp_f64(x) : (double)interp_f32(x);
    double b = type == T_F64 ? interp_f64(y) : (double)interp_f32(y);
    switch (op) {
    case SSA_FEQ: *out = a == b; return true;
    case SSA_FNE: *out = !(a == b); return true;
    case SSA_FLT: *out = a < b; return true;
    case SSA_FGT: *out = a > b; return true;
    case SSA_FLE: *out = a <= b; return true;
    case SSA_FGE: *out = a >= b; return true;
    default: return false;
    }
}

/* The integer part of x as an integer of n bits; false if it isn't one (wasm 2.0 §4.3.3, trunc). */
static inline bool interp_truncate(double x, bool is_signed, uint8_t type, uint64_t *out)
{
    unsigned n = type == T_I32 ? 32 : 64;
    double low = is_signed ? -ldexp(1.0, (int)n - 1) : 0.0;
    double end = ldexp(1.0, (int)n - (is_signed ? 1 : 0));
    double t = trunc(x);
    if (!(t >= low && t < end)) {
        return false;
    }
    *out = interp_narrow(type, is_signed ? (uint64_t)(int64_t)t : (uint64_t)t);
    return true;
}

static inline uint64_t interp_saturate(double x, bool is_signed, uint8_t type)
{
    uint64_t bits;
    if (isnan(x)) {
        return 0;
    }
    if (interp_truncate(x, is_signed, type, &bits)) {
        return bits;
    }
    uint64_t max = type == T_I32 ? UINT32_MAX : UINT64_MAX;
    return is_signed ? (max >> 1) + (x < 0) : x < 0 ? 0 : max;
}

/* ---- Integers ---- */

static inline int64_t interp_signed(uint8_t type, uint64_t bits)
{
    return type == T_I32 ? (int32_t)bits : (int64_t)bits;
}

static inline bool interp_divide(struct interp *m, uint16_t op, uint8_t type, uint64_t a,
                                 uint64_t b, uint64_t *out)
{
    int64_t sa = interp_signed(type, a), sb = interp_signed(type, b);
    if (b == 0) {
        return interp_trap(m, TRAP_DIV_ZERO);
    }
    if (op == SSA_DIV_S && sb == -1 && sa == (type == T_I32 ? INT32_MIN : INT64_MIN)) {
        return interp_trap(m, TRAP_INT_OVERFLOW);
    }
    switch (op) {
    case SSA_DIV_S: *out = (uint64_t)(sa / sb); break;
    case SSA_DIV_U: *out = a / b; break;
    case SSA_REM_S: *out = sb == -1 ? 0 : (uint64_t)(sa % sb); break;
    default: *out = a % b; break;
    }
    return true;
}

static inline bool interp_binary(uint16_t op, uint8_t type, uint64_t a, uint64_t b, uint64_t *out)
{
    unsigned width = type == T_I32 ? 32 : 64;
    unsigned n = (unsigned)b & (width - 1);
    int64_t sa = interp_signed(type, a), sb = interp_signed(type, b);
    switch (op) {
    case SSA_ADD: *out = a + b; return true;
    case SSA_SUB: *out = a - b; return true;
    case SSA_MUL: *out = a * b; return true;
    case SSA_AND: *out = a & b; return true;
    case SSA_OR: *out = a | b; return true;
    case SSA_XOR: *out = a ^ b; return true;
    case SSA_SHL: *out = a << n; return true;
    case SSA_SHR_S: *out = (uint64_t)(sa >> n); return true;
    case SSA_SHR_U: *out = a >> n; return true;
    case SSA_ROTL: *out = n == 0 ? a : a << n | a >> (width - n); return true;
    case SSA_ROTR: *out = n == 0 ? a : a >> n | a << (width - n); return true;
    case SSA_MULHI_S: *out = (uint64_t)((__int128)sa * sb >> width); return true;
    case SSA_MULHI_U: *out = (uint64_t)((unsigned __int128)a * b >> width); return true;
    case SSA_EQ: *out = a == b; return true;
    case SSA_NE: *out = a != b; return true;
    case SSA_LT_S: *out = sa < sb; return true;
    case SSA_LT_U: *out = a < b; return true;
    case SSA_GT_S: *out = sa > sb; return true;
    case SSA_GT_U: *out = a > b; return true;
    case SSA_LE_S: *out = sa <= sb; return true;
    case SSA_LE_U: *out = a <= b; return true;
    case SSA_GE_S: *out = sa >= sb; return true;
    case SSA_GE_U: *out = a >= b; return true;
    case SSA_INDEX_MASK: *out = a < b ? a : 0; return true;
    default: return false;
    }
}

static inline bool interp_unary(uint16_t op, uint8_t from, uint64_t a, uint64_t *out)
{
    unsigned width = from == T_I32 ? 32 : 64;
    switch (op) {
    case SSA_CLZ: *out = a == 0 ? width : (unsigned)__builtin_clzll(a) - (64 - width); return true;
    case SSA_CTZ: *out = a == 0 ? width : (unsigned)__builtin_ctzll(a); return true;
    case SSA_POPCNT: *out = (unsigned)__builtin_popcountll(a); return true;
    case SSA_SEXT8: *out = (uint64_t)(int8_t)a; return true;
    case SSA_SEXT16: *out = (uint64_t)(int16_t)a; return true;
    case SSA_SEXT32:
    case SSA_EXTEND_S: *out = (uint64_t)(int32_t)a; return true;
    case SSA_EQZ: *out = a == 0; return true;
    case SSA_WRAP:
    case SSA_EXTEND_U: *out = (uint32_t)a; return true;
    case SSA_BITCAST: *out = a; return true;
    default: return false;
    }
}

/* A carry or borrow is 0 or 1. */
static inline bool interp_carry(struct interp *m, uint16_t op, uint8_t type, uint64_t a, uint64_t b,
                                uint64_t c, uint64_t *out)
{
    unsigned width = type == T_I32 ? 32 : 64;
    if (c > 1) {
        return interp_break(m, "a carry that is neither 0 nor 1");
    }
    unsigned __int128 sum = (unsigned __int128)a + b + c;
    unsigned __int128 difference = (unsigned __int128)a - b - c;
    switch (op) {
    case SSA_ADDC: *out = (uint64_t)sum; break;
    case SSA_ADDC_OUT: *out = (uint64_t)(sum >> width); break;
    case SSA_SUBB: *out = (uint64_t)difference; break;
    default: *out = (uint64_t)(difference >> width) & 1; break;
    }
    return true;
}

static inline bool interp_convert(struct interp *m, uint16_t op, uint8_t from, uint8_t to,
                                  uint64_t a, uint64_t *out)
{
    double x = from == T_F32 ? (double)interp_f32(a) : from == T_F64 ? interp_f64(a) : 0;
    bool is_signed = op == SSA_TRUNC_S || op == SSA_TRUNC_SAT_S;
    switch (op) {
    case SSA_TRUNC_S:
    case SSA_TRUNC_U:
        if (isnan(x)) {
            return interp_trap(m, TRAP_BAD_CONVERSION);
        }
        return interp_truncate(x, is_signed, to, out) || interp_trap(m, TRAP_INT_OVERFLOW);
    case SSA_TRUNC_SAT_S:
    case SSA_TRUNC_SAT_U: *out = interp_saturate(x, is_signed, to); return true;
    case SSA_CONVERT_S:
        *out = to == T_F32 ? interp_from_f32((float)interp_signed(from, a))
                           : interp_from_f64((double)interp_signed(from, a));
        return true;
    case SSA_CONVERT_U:
        *out = to == T_F32 ? interp_from_f32((float)a) : interp_from_f64((double)a);
        return true;
    case SSA_DEMOTE: *out = interp_from_f32((float)interp_f64(a)); return true;
    case SSA_PROMOTE: *out = interp_from_f64((double)interp_f32(a)); return true;
    default: return interp_break(m, "an operation that the interpreter doesn't know");
    }
}

/* ---- Memory ---- */

static inline uint8_t *interp_address(struct interp *m, const struct ssa_inst *inst, uint64_t base,
                                      uint32_t n_bytes)
{
    uint64_t at;
    if (__builtin_add_overflow(base, inst->imm, &at) || at > INTERP_MEMORY_BYTES - n_bytes) {
        interp_trap(m, TRAP_MEMORY);
        return NULL;
    }
    return m->memory + at;
}

static inline uint64_t interp_read(const uint8_t *at, uint32_t n_bytes)
{
    uint64_t bits = 0;
    memcpy(&bits, at, n_bytes);
    return bits;
}

static inline uint32_t interp_type_bytes(uint8_t type)
{
    return type == T_V128 ? 16 : type == T_I64 || type == T_F64 ? 8 : 4;
}

/* Bytes of a plain access; as_signed: widened with its sign. */
static inline uint32_t interp_access_bytes(uint16_t op, uint8_t type, bool *as_signed)
{
    *as_signed = op == SSA_LOAD8_S || op == SSA_LOAD16_S || op == SSA_LOAD32_S;
    switch (op) {
    case SSA_LOAD8_S:
    case SSA_LOAD8_U:
    case SSA_STORE8: return 1;
    case SSA_LOAD16_S:
    case SSA_LOAD16_U:
    case SSA_STORE16: return 2;
    case SSA_LOAD32_S:
    case SSA_LOAD32_U:
    case SSA_STORE32: return 4;
    default: return interp_type_bytes(type);
    }
}

static inline bool interp_load(struct interp *m, const struct ssa_inst *inst, uint64_t base,
                               uint64_t *out)
{
    bool as_signed;
    uint32_t n = interp_access_bytes(inst->op, inst->type, &as_signed);
    const uint8_t *at = interp_address(m, inst, base, n);
    if (at == NULL) {
        return false;
    }
    *out = interp_read(at, n);
    if (as_signed) {
        *out = (uint64_t)((int64_t)(*out << (64 - 8 * n)) >> (64 - 8 * n));
    }
    return true;
}

static inline bool interp_store(struct interp *m, const struct ssa_inst *inst, uint64_t base,
                                uint8_t type, uint64_t value)
{
    bool as_signed;
    uint32_t n = interp_access_bytes(inst->op, type, &as_signed);
    uint8_t *at = interp_address(m, inst, base, n);
    if (at != NULL) {
        memcpy(at, &value, n);
    }
    return at != NULL;
}

static inline bool interp_atomic(struct interp *m, const struct ssa_inst *inst, uint64_t base,
                                 uint64_t a, uint64_t b, uint64_t *out)
{
    uint32_t n = 1u << inst->sub;
    if ((base + inst->imm) % n != 0) {
        return interp_trap(m, TRAP_UNALIGNED);
    }
    uint8_t *at = interp_address(m, inst, base, n);
    if (at == NULL) {
        return false;
    }
    uint64_t mask = n == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * n) - 1;
    uint64_t old = interp_read(at, n), value = old;
    switch (inst->op) {
    case SSA_ATOMIC_LOAD: break;
    case SSA_ATOMIC_STORE:
    case SSA_ATOMIC_XCHG: value = a; break;
    case SSA_ATOMIC_ADD: value = old + a; break;
    case SSA_ATOMIC_SUB: value = old - a; break;
    case SSA_ATOMIC_AND: value = old & a; break;
    case SSA_ATOMIC_OR: value = old | a; break;
    case SSA_ATOMIC_XOR: value = old ^ a; break;
    case SSA_ATOMIC_CMPXCHG: value = old == (a & mask) ? b : old; break;
    default: return interp_break(m, "an atomic operation that the interpreter doesn't know");
    }
    memcpy(at, &value, n);
    *out = old;
    return true;
}

/* A field of the record, by its address. */
static inline uint8_t *interp_field(struct interp *m, uint64_t address, uint32_t n_bytes)
{
    uint64_t at = address - (INTERP_INSTANCE - INTERP_RECORD_BYTES);
    if (at > INTERP_RECORD_BYTES - n_bytes) {
        interp_break(m, "an access outside of the instance record");
        return NULL;
    }
    return m->record + at;
}

static inline bool interp_instance(struct interp *m, const struct ssa_inst *inst,
                                   const union interp_value *a, uint8_t type,
                                   union interp_value *out)
{
    bool is_ptr = inst->op == SSA_PTR_LOAD || inst->op == SSA_PTR_STORE;
    bool is_load = inst->op == SSA_PTR_LOAD || inst->op == SSA_INST_LOAD;
    uint64_t address = (is_ptr ? a[0].bits : INTERP_INSTANCE) + inst->imm;
    if (inst->op == SSA_INST_ADDR) {
        out->bits = address;
        return true;
    }
    uint32_t n = interp_type_bytes(is_load ? inst->type : type);
    uint8_t *at = interp_field(m, address, n);
    if (at == NULL) {
        return false;
    }
    if (is_load) {
        memcpy(out->bytes, at, n);
    } else {
        memcpy(at, a[is_ptr ? 1 : 0].bytes, n);
    }
    return true;
}

/* ---- Vectors ---- */

static inline union interp_value interp_unknown(uint64_t seed)
{
    return (union interp_value){.half = {interp_random(seed, 0), interp_random(seed, 1)}};
}

/* The bytes of a lane of an operation with a lane or a splat: from its text. */
static inline uint32_t interp_lane_bytes(uint16_t op)
{
    const char *text = ssa_op_infos[op].text;
    return (uint32_t)strtoul(text + 1, NULL, 10) / 8;
}

static inline bool interp_vector_memory(struct interp *m, const struct ssa_inst *inst,
                                        const union interp_value *a, union interp_value *out)
{
    uint32_t k = 0;
    while (!wasm_ops[k].is_defined || wasm_ops[k].ssa != inst->op) {
        k++;
    }
    uint32_t n = 1u << wasm_ops[k].width;
    uint8_t *at = interp_address(m, inst, a[0].bits, n);
    if (at == NULL) {
        return false;
    }
    switch (inst->op) {
    case SSA_V_V128_LOAD: memcpy(out->bytes, at, 16); return true;
    case SSA_V_V128_STORE: memcpy(at, a[1].bytes, 16); return true;
    case SSA_V_V128_LOAD8_LANE:
    case SSA_V_V128_LOAD16_LANE:
    case SSA_V_V128_LOAD32_LANE:
    case SSA_V_V128_LOAD64_LANE:
        *out = a[1];
        memcpy(out->bytes + inst->sub * n, at, n);
        return true;
    case SSA_V_V128_STORE8_LANE:
    case SSA_V_V128_STORE16_LANE:
    case SSA_V_V128_STORE32_LANE:
    case SSA_V_V128_STORE64_LANE: memcpy(at, a[1].bytes + inst->sub * n, n); return true;
    case SSA_V_V128_LOAD8_SPLAT:
    case SSA_V_V128_LOAD16_SPLAT:
    case SSA_V_V128_LOAD32_SPLAT:
    case SSA_V_V128_LOAD64_SPLAT:
        for (uint32_t i = 0; i < 16; i += n) {
            memcpy(out->bytes + i, at, n);
        }
        return true;
    default: *out = interp_unknown(hash_add(inst->op, interp_read(at, n < 8 ? n : 8))); return true;
    }
}

/* The vector operations that do a scalar one in each lane. */
struct interp_lanes {
    uint16_t op, scalar;
    uint8_t type;
};

static const struct interp_lanes interp_lanes[] = {
#define INTERP_LANES(name, scalar)                                                                 \
    {SSA_V_I32X4_##name, SSA_##scalar, T_I32},                                                     \
    {                                                                                              \
        SSA_V_I64X2_##name, SSA_##scalar, T_I64                                                    \
    }
#define INTERP_FLANES(name)                                                                        \
    {SSA_V_F32X4_##name, SSA_F##name, T_F32},                                                      \
    {                                                                                              \
        SSA_V_F64X2_##name, SSA_F##name, T_F64                                                     \
    }
    INTERP_LANES(ADD, ADD),   INTERP_LANES(SUB, SUB),     INTERP_LANES(MUL, MUL),
    INTERP_LANES(SHL, SHL),   INTERP_LANES(SHR_S, SHR_S), INTERP_LANES(SHR_U, SHR_U),
    INTERP_LANES(EQ, EQ),     INTERP_LANES(NE, NE),       INTERP_LANES(LT_S, LT_S),
    INTERP_LANES(GT_S, GT_S), INTERP_LANES(LE_S, LE_S),   INTERP_LANES(GE_S, GE_S),
    INTERP_FLANES(ADD),       INTERP_FLANES(SUB),         INTERP_FLANES(MUL),
    INTERP_FLANES(DIV),       INTERP_FLANES(SQRT),        INTERP_FLANES(ABS),
    INTERP_FLANES(NEG),       INTERP_FLANES(LT),          INTERP_FLANES(GT),
#undef INTERP_LANES
#undef INTERP_FLANES
};

static inline bool interp_by_lane(const struct ssa_inst *inst, const union interp_value *a,
                                  union interp_value *out)
{
    const struct interp_lanes *row = interp_lanes;
    while (row->op != inst->op) {
        if (++row == interp_lanes + sizeof interp_lanes / sizeof *interp_lanes) {
            return false;
        }
    }
    bool is_shift = row->scalar == SSA_SHL || row->scalar == SSA_SHR_S || row->scalar == SSA_SHR_U;
    uint32_t n = interp_type_bytes(row->type);
    for (uint32_t i = 0; i < 16; i += n) {
        uint64_t x = interp_read(a[0].bytes + i, n), r = 0;
        uint64_t y = is_shift ? a[1].bits : interp_read(a[1].bytes + i, n);
        if (row->type == T_I32 || row->type == T_I64) {
            (void)interp_binary(row->scalar, row->type, x, y, &r);
        } else if (interp_float_compare(row->scalar, row->type, x, y, &r)) {
            r = 0 - r;
        } else if (row->type == T_F64) {
            (void)interp_float64(row->scalar, x, y, &r);
        } else {
            (void)interp_float32(row->scalar, x, y, &r);
        }
        r = row->scalar >= SSA_EQ && row->scalar <= SSA_GE_U ? 0 - r : r;
        memcpy(out->bytes + i, &r, n);
    }
    return true;
}

static inline void interp_vector(const struct ssa_func *fn, const struct ssa_inst *inst,
                                 const union interp_value *a, union interp_value *out)
{
    uint32_t n = interp_lane_bytes(inst->op);
    switch (inst->op) {
    case SSA_V_V128_NOT: *out = (union interp_value){.half = {~a->half[0], ~a->half[1]}}; return;
    case SSA_V_V128_AND:
    case SSA_V_V128_OR:
    case SSA_V_V128_XOR:
    case SSA_V_V128_ANDNOT:
        for (int i = 0; i < 2; i++) {
            uint64_t x = a[0].half[i], y = a[1].half[i];
            out->half[i] = inst->op == SSA_V_V128_AND   ? x & y
                           : inst->op == SSA_V_V128_OR  ? x | y
                           : inst->op == SSA_V_V128_XOR ? x ^ y
                                                        : x & ~y;
        }
        return;
    case SSA_V_I8X16_SHUFFLE:
        for (uint32_t i = 0; i < 16; i++) {
            uint8_t from = fn->vconsts[inst->imm][i];
            out->bytes[i] = a[from / 16].bytes[from % 16];
        }
        return;
    case SSA_V_V128_BITSELECT:
        for (int i = 0; i < 2; i++) {
            out->half[i] = (a[0].half[i] & a[2].half[i]) | (a[1].half[i] & ~a[2].half[i]);
        }
        return;
    case SSA_V_I8X16_SPLAT:
    case SSA_V_I16X8_SPLAT:
    case SSA_V_I32X4_SPLAT:
    case SSA_V_I64X2_SPLAT:
    case SSA_V_F32X4_SPLAT:
    case SSA_V_F64X2_SPLAT:
        for (uint32_t i = 0; i < 16; i += n) {
            memcpy(out->bytes + i, a->bytes, n);
        }
        return;
    case SSA_V_I32X4_EXTRACT_LANE:
    case SSA_V_I64X2_EXTRACT_LANE:
    case SSA_V_F32X4_EXTRACT_LANE:
    case SSA_V_F64X2_EXTRACT_LANE:
        out->bits = 0;
        memcpy(out->bytes, a->bytes + inst->sub * n, n);
        return;
    case SSA_V_I8X16_REPLACE_LANE:
    case SSA_V_I16X8_REPLACE_LANE:
    case SSA_V_I32X4_REPLACE_LANE:
    case SSA_V_I64X2_REPLACE_LANE:
    case SSA_V_F32X4_REPLACE_LANE:
    case SSA_V_F64X2_REPLACE_LANE:
        *out = a[0];
        memcpy(out->bytes + inst->sub * n, a[1].bytes, n);
        return;
    default: break;
    }
    if (interp_by_lane(inst, a, out)) {
        return;
    }
    uint64_t seed = hash_add(inst->op, inst->sub);
    for (uint32_t i = 0; i < ssa_op_infos[inst->op].n_args; i++) {
        seed = hash_add(hash_add(seed, a[i].half[0]), a[i].half[1]);
    }
    *out = interp_unknown(seed);
}

/* ---- Calls ---- */

static inline bool interp_call(struct interp *m, const struct ssa_inst *inst, const uint32_t *args,
                               uint32_t n, union interp_value *out)
{
    uint64_t hash = hash_add(hash_add(m->calls, inst->op), inst->imm);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t v = ssa_resolve(m->fn, (val_t){args[i]}).i;
        hash = hash_add(hash_add(hash, m->values[v].half[0]),
                        m->fn->insts[v].type == T_V128 ? m->values[v].half[1] : 0);
    }
    hash = hash_add(hash, hash_bytes(m->memory, sizeof m->memory));
    hash = hash_add(hash, hash_bytes(m->record, sizeof m->record));
    m->calls = hash;
    for (uint32_t at = 0; at < INTERP_MEMORY_BYTES; at += 32) { /* something everywhere */
        m->memory[at + interp_random(hash, at) % 32] ^= 1;
    }
    for (uint32_t at = INTERP_RECORD_BYTES + INTERP_GLOBALS; at < INTERP_RECORD_BYTES; at += 8) {
        bool is_size = at == INTERP_RECORD_BYTES + INTERP_SIZES;
        m->record[at + interp_random(hash, at) % 4] ^= !is_size;
    }
    if (interp_random(hash, 4) % 16 == 0) {
        return interp_trap(m, TRAP_HOST);
    }
    *out = interp_unknown(hash); /* the first result; the others are made from it */
    return true;
}

/* ---- Instructions ---- */

static inline bool interp_plain(struct interp *m, const struct ssa_inst *inst,
                                const union interp_value *a, const uint8_t *types,
                                union interp_value *out)
{
    uint8_t from = types[0];
    uint64_t *bits = &out->bits;
    if (inst->op == SSA_CYCLES) {
        interp_break(m, "the cycle counter");
        return false;
    }
    if (ssa_has(inst, SSA_STATE) || inst->op == SSA_INST_ADDR) {
        return interp_instance(m, inst, a, types[inst->op == SSA_PTR_STORE], out);
    }
    if (inst->op >= SSA_V_V128_LOAD && text_forms[inst->op] & TEXT_OFFSET) {
        return interp_vector_memory(m, inst, a, out);
    }
    if (inst->op >= SSA_V_V128_LOAD) {
        interp_vector(m->fn, inst, a, out);
        return true;
    }
    if (inst->op >= SSA_LOAD && inst->op <= SSA_LOAD32_U) {
        return interp_load(m, inst, a[0].bits, bits);
    }
    if (inst->op >= SSA_STORE && inst->op <= SSA_STORE32) {
        return interp_store(m, inst, a[0].bits, types[1], a[1].bits);
    }
    if (text_forms[inst->op] & TEXT_WIDTH) {
        return interp_atomic(m, inst, a[0].bits, a[1].bits, a[2].bits, bits);
    }
    if (inst->op >= SSA_DIV_S && inst->op <= SSA_REM_U) {
        return interp_divide(m, inst->op, inst->type, a[0].bits, a[1].bits, bits);
    }
    if (inst->op >= SSA_ADDC && inst->op <= SSA_SUBB_OUT) {
        return interp_carry(m, inst->op, from, a[0].bits, a[1].bits, a[2].bits, bits);
    }
    if (inst->op == SSA_TRAP_IF) {
        return a[0].bits == 0 || interp_trap(m, inst->sub);
    }
    if (inst->op == SSA_SELECT) {
        *out = a[a[0].bits != 0 ? 1 : 2];
        return true;
    }
    if (inst->op == SSA_ATOMIC_FENCE) {
        return true;
    }
    if (from == T_F32 || from == T_F64) {
        if (interp_float_compare(inst->op, from, a[0].bits, a[1].bits, bits) ||
            (from == T_F64 ? interp_float64(inst->op, a[0].bits, a[1].bits, bits)
                           : interp_float32(inst->op, a[0].bits, a[1].bits, bits))) {
            return true;
        }
    } else if (interp_binary(inst->op, from, a[0].bits, a[1].bits, bits)) {
        return true;
    }
    return interp_unary(inst->op, from, a[0].bits, bits) ||
           interp_convert(m, inst->op, from, inst->type, a[0].bits, bits);
}

static inline const union interp_value *interp_arg(const struct interp *m, uint32_t v)
{
    return &m->values[ssa_resolve(m->fn, (val_t){v}).i];
}

static inline bool interp_watched(struct interp *m, uint32_t v)
{
    uint8_t type = m->fn->insts[v].type;
    const char *wrong = m->watch != NULL && (type == T_I32 || type == T_I64)
                            ? m->watch(m->fn, v, m->values[v].bits)
                            : NULL;
    return wrong == NULL || interp_break(m, wrong);
}

/* One that is neither a phi nor the end of a block. */
static inline bool interp_inst(struct interp *m, uint32_t v)
{
    struct ssa_inst *inst = &m->fn->insts[v];
    union interp_value *out = &m->values[v];
    m->n_steps++;
    *out = (union interp_value){0};
    if (inst->op == SSA_PARAM) {
        *out = m->params[inst->imm];
    } else if (ssa_has(inst, SSA_CALLS)) {
        if (!interp_call(m, inst, ssa_args(m->fn, inst), ssa_n_args(inst), out)) {
            return false;
        }
    } else if (inst->op == SSA_RESULT) {
        *out = interp_unknown(hash_add(interp_arg(m, inst->arg[0])->half[1], inst->imm));
    } else {
        union interp_value a[3] = {0};
        uint8_t types[3] = {0};
        for (uint32_t i = 0; i < ssa_op_infos[inst->op].n_args; i++) {
            uint32_t arg = ssa_resolve(m->fn, (val_t){inst->arg[i]}).i;
            a[i] = m->values[arg];
            types[i] = m->fn->insts[arg].type;
        }
        if (!interp_plain(m, inst, a, types, out)) {
            return false;
        }
    }
    if (inst->type == T_I32 || inst->type == T_F32) {
        out->bits = (uint32_t)out->bits;
    }
    return interp_watched(m, v);
}

/* All phis of a block read before any is written. */
static inline bool interp_phis(struct interp *m, uint32_t b, uint32_t from)
{
    const struct ssa_func *fn = m->fn;
    const struct ssa_block *block = &fn->blocks[b];
    const uint32_t *preds = ssa_preds(fn, block);
    uint32_t k = 0, n = 0;
    while (k < block->n_preds && preds[k] != from) {
        k++;
    }
    for (uint32_t v = block->first; fn->insts[v].op == SSA_PHI; v = fn->insts[v].next) {
        n++;
    }
    if (n == 0) {
        return true;
    }
    if (k == block->n_preds) {
        return interp_break(m, "an edge that the block doesn't know");
    }
    union interp_value *old = malloc(n * sizeof *old);
    n = 0;
    for (uint32_t v = block->first; fn->insts[v].op == SSA_PHI; v = fn->insts[v].next) {
        old[n++] = *interp_arg(m, fn->pool[fn->insts[v].arg[0] + k]);
    }
    n = 0;
    for (uint32_t v = block->first; fn->insts[v].op == SSA_PHI; v = fn->insts[v].next) {
        m->values[v] = old[n++];
    }
    free(old);
    bool is_ok = true;
    for (uint32_t v = block->first; is_ok && fn->insts[v].op == SSA_PHI; v = fn->insts[v].next) {
        is_ok = interp_watched(m, v);
    }
    return is_ok;
}

/* The block that follows; false if that is none. */
static inline bool interp_end_block(struct interp *m, uint32_t b, uint32_t *next)
{
    const struct ssa_func *fn = m->fn;
    const struct ssa_block *block = &fn->blocks[b];
    struct ssa_inst *end = &fn->insts[block->last];
    const uint32_t *succs = ssa_succs(fn, block);
    uint32_t n = ssa_n_args(end), i;
    switch (end->op) {
    case SSA_JUMP: *next = succs[0]; return true;
    case SSA_BRANCH: *next = succs[interp_arg(m, end->arg[0])->bits != 0 ? 0 : 1]; return true;
    case SSA_BR_TABLE:
        i = (uint32_t)interp_arg(m, end->arg[0])->bits;
        *next = succs[fn->pool[end->imm + (i < end->arg[1] - 1 ? i : end->arg[1] - 1)]];
        return true;
    case SSA_TRAP: return interp_trap(m, end->sub);
    case SSA_RETURN:
        m->end = INTERP_RETURNED;
        m->n_results = n;
        for (i = 0; i < n && i < INTERP_MAX_RESULTS; i++) {
            m->results[i] = *interp_arg(m, ssa_args(fn, end)[i]);
            if (fn->result_types[i] != T_V128) {
                m->results[i].half[1] = 0;
            }
        }
        return false;
    default: return interp_break(m, "a block without an end");
    }
}

static inline void interp_constants(struct interp *m)
{
    const struct ssa_func *fn = m->fn;
    for (uint32_t v = 1; v < fn->n_insts; v++) {
        if (fn->insts[v].op == SSA_CONST) {
            m->values[v].bits = fn->insts[v].imm;
        } else if (fn->insts[v].op == SSA_VCONST) {
            memcpy(m->values[v].bytes, fn->vconsts[fn->insts[v].imm], 16);
        }
    }
}

/* Runs fn; what memory and record hold at first depends on the seed alone. fuel: of blocks. */
static inline void interp_run(struct interp *m, const struct ssa_func *fn,
                              const union interp_value *params, uint64_t seed, uint32_t fuel,
                              interp_watch_fn *watch)
{
    memset(m, 0, sizeof *m);
    m->fn = fn;
    m->watch = watch;
    m->params = params;
    m->values = calloc(fn->n_insts, sizeof *m->values);
    for (uint32_t i = 0; i < INTERP_MEMORY_BYTES; i++) {
        m->memory[i] = (uint8_t)interp_random(seed, i);
    }
    for (uint32_t i = 0; i < INTERP_RECORD_BYTES; i++) {
        m->record[i] = (uint8_t)interp_random(seed + 1, i);
    }
    uint64_t pointed = INTERP_INSTANCE + INTERP_POINTED;
    memcpy(m->record, &pointed, sizeof pointed);
    uint64_t size = INTERP_MEMORY_BYTES;
    memcpy(m->record + INTERP_RECORD_BYTES + INTERP_SIZES, &size, sizeof size);
    interp_constants(m);
    uint32_t b = 0, from = BLOCK_NONE.i, next;
    for (;; from = b, b = next) {
        if (m->fuel++ == fuel) {
            m->end = INTERP_NO_FUEL;
            break;
        }
        if (!interp_phis(m, b, from)) {
            break;
        }
        uint32_t v = fn->blocks[b].first;
        while (fn->insts[v].op == SSA_PHI) {
            v = fn->insts[v].next;
        }
        bool goes_on = true;
        for (; goes_on && v != fn->blocks[b].last; v = fn->insts[v].next) {
            goes_on = interp_inst(m, v);
        }
        if (!goes_on || !interp_end_block(m, b, &next)) {
            break;
        }
    }
    free(m->values);
    m->values = NULL;
}

/* What differs between two runs; null if nothing that the program's world could see does. */
static inline const char *interp_compare(const struct interp *a, const struct interp *b)
{
    if (b->end == INTERP_BROKEN) {
        return b->broken;
    }
    if (a->end != b->end) {
        return "one returns, one doesn't";
    }
    if (a->end == INTERP_TRAPPED && a->trap != b->trap) {
        return "another trap";
    }
    if (a->calls != b->calls) {
        return "other calls, or other arguments";
    }
    if (memcmp(a->memory, b->memory, sizeof a->memory) != 0) {
        return "other bytes in memory";
    }
    if (memcmp(a->record, b->record, sizeof a->record) != 0) {
        return "other instance fields";
    }
    for (uint32_t i = 0; a->end == INTERP_RETURNED && i < INTERP_MAX_RESULTS; i++) {
        if (a->n_results != b->n_results || a->results[i].half[0] != b->results[i].half[0] ||
            a->results[i].half[1] != b->results[i].half[1]) {
            return "other results";
        }
    }
    return NULL;
}

#endif
