/*
 * Random SSA functions for tests: any control flow that wasm can have, any operation, few traps,
 * all loops bounded. The same seed gives the same function. Included by *_test.c only.
 *
 * Values that dominate the current place are kept by type, as a stack: what was defined within a
 * construct is dropped at its end. Forward labels collect edges, each with values for the phis of
 * the label's block, as the builder of wasm functions does it.
 */
#ifndef ENGINE_SSA_TEST_GENERATE_H
#define ENGINE_SSA_TEST_GENERATE_H

#include "engine/ssa/test_interp.h"

#define GEN_MAX_VALUES 4096
#define GEN_MAX_EDGES 32
#define GEN_MAX_LABELS 16
#define GEN_PHIS 3                 /* of any type, at each label */
#define GEN_SUM GEN_PHIS           /* the place of the running sum, behind them */
#define GEN_COUNTER (GEN_PHIS + 1) /* and that of a loop's counter */
#define GEN_CARRIED (GEN_PHIS + 2)
#define GEN_MAX_INSTS 30000

struct gen_label {
    uint32_t n_edges;
    uint32_t from[GEN_MAX_EDGES], slot[GEN_MAX_EDGES];
    uint32_t values[GEN_MAX_EDGES][GEN_CARRIED];
    uint8_t types[GEN_CARRIED];
    uint32_t n_values[T_COUNT]; /* of the generator, when the label began */
    uint32_t header;            /* of a loop, or BLOCK_NONE: a forward label */
    uint32_t next;              /* of a loop: its counter for the next round */
    uint32_t limit;
    bool is_closed; /* nothing more may branch to it */
};

/* How often what is made, in percent; the rest is pure. */
struct gen_profile {
    uint8_t idiom, division, conversion, memory, instance, call, trap_if, vector, again;
    uint8_t loop; /* among statements */
};

static const struct gen_profile gen_profiles[] = {
    {10, 6, 4, 12, 6, 2, 1, 3, 6, 5},
    {2, 2, 2, 6, 50, 6, 1, 1, 15, 12}, /* the instance */
    {4, 2, 2, 50, 6, 2, 1, 8, 8, 5},   /* memory */
    {50, 20, 5, 2, 2, 0, 0, 0, 5, 3},  /* arithmetic */
};

struct gen {
    struct ssa_func *fn;
    uint64_t state;
    uint32_t block, loop;
    bool is_live;
    bool is_constant; /* no values but constants */
    uint32_t sum;     /* i64: of many of the values so far, so that they matter */
    const struct gen_profile *profile;
    uint32_t address; /* place among the i32 values of one that was the base of an address */
    uint64_t near[4]; /* numbers that matter to the counter of the loop around */
    uint32_t values[T_COUNT][GEN_MAX_VALUES];
    uint32_t n_values[T_COUNT];
    struct gen_label labels[GEN_MAX_LABELS];
    uint32_t n_labels;
    int budget; /* of statements */
};

static inline uint32_t gen_below(struct gen *g, uint32_t n)
{
    g->state = g->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((g->state >> 33) % n);
}

static inline bool gen_chance(struct gen *g, uint32_t percent)
{
    return gen_below(g, 100) < percent;
}

static inline uint64_t gen_u64(struct gen *g)
{
    uint64_t a = gen_below(g, 1u << 22), b = gen_below(g, 1u << 22);
    return a << 42 | b << 20 | gen_below(g, 1u << 20);
}

/* ---- Values ---- */

static inline uint64_t gen_integer(struct gen *g)
{
    static const uint64_t edges[] = {0,          1,          2,          3,          5,
                                     7,          10,         100,        255,        256,
                                     0x7f,       0xffff,     0x7fffffff, 0x80000000, 0xffffffff,
                                     0xfffffffe, UINT64_MAX, INT64_MAX,  1u << 16,   641};
    switch (gen_below(g, 4)) {
    case 0: return gen_below(g, 64);
    case 1: return UINT64_C(1) << gen_below(g, 64);
    case 2: return gen_u64(g) >> gen_below(g, 64);
    default: return edges[gen_below(g, sizeof edges / sizeof *edges)];
    }
}

static inline double gen_float(struct gen *g)
{
    static const double edges[] = {0.0,  -0.0, 1.0,   -1.0, 0.5,    1.5,   2.5,      3e9,
                                   -3e9, 1e19, -1e19, 0.1,  1e-310, 1e300, HUGE_VAL, -HUGE_VAL};
    return gen_chance(g, 50) ? edges[gen_below(g, sizeof edges / sizeof *edges)]
                             : (double)(int64_t)gen_u64(g) / (double)(1 + gen_below(g, 1u << 30));
}

static inline uint32_t gen_const(struct gen *g, uint8_t type)
{
    uint64_t bits = 0;
    if (type == T_V128) {
        uint64_t half[2] = {gen_u64(g), gen_integer(g)};
        uint8_t bytes[16];
        val_t v;
        memcpy(bytes, half, sizeof bytes);
        assert_int_equal(ssa_vconst(g->fn, bytes, &v), STATUS_OK);
        return v.i;
    }
    if (type == T_F32) {
        bits = interp_from_f32((float)gen_float(g));
    } else if (type == T_F64) {
        bits = interp_from_f64(gen_float(g));
    } else {
        bits = gen_integer(g);
        bits = gen_chance(g, 20) ? 0 - bits : bits;
    }
    return ssa_const(g->fn, type, bits).i;
}

/* One that is there, mostly a young one, or a constant. */
static inline uint32_t gen_value(struct gen *g, uint8_t type)
{
    uint32_t n = g->n_values[type];
    if (n == 0 || g->is_constant || gen_chance(g, 15)) {
        return gen_const(g, type);
    }
    uint32_t back = gen_chance(g, 60) ? gen_below(g, n < 6 ? n : 6) : gen_below(g, n);
    return g->values[type][n - 1 - back];
}

static inline void gen_keep(struct gen *g, uint32_t v)
{
    uint8_t type = g->fn->insts[v].type;
    if (type != T_VOID && g->n_values[type] < GEN_MAX_VALUES) {
        g->values[type][g->n_values[type]++] = v;
    }
}

/* ---- Instructions ---- */

static inline struct ssa_inst *gen_append(struct gen *g, uint16_t op, uint8_t type, uint32_t a0,
                                          uint32_t a1, uint32_t a2)
{
    val_t v = ssa_new(g->fn, op, type);
    struct ssa_inst *inst = &g->fn->insts[v.i];
    inst->arg[0] = a0;
    inst->arg[1] = a1;
    inst->arg[2] = a2;
    inst->pos = v.i;
    ssa_append(g->fn, (blk_t){g->block}, v);
    gen_keep(g, v.i);
    return inst;
}

/* The instruction that was just appended. */
static inline uint32_t gen_last(const struct gen *g)
{
    return g->fn->blocks[g->block].last;
}

/* Adds the value that was just defined to the sum. */
static inline void gen_observe(struct gen *g)
{
    uint32_t v = gen_last(g);
    uint8_t type = v != 0 ? g->fn->insts[v].type : T_VOID;
    if (type == T_V128) {
        gen_append(g, SSA_V_I64X2_EXTRACT_LANE, T_I64, v, 0, 0);
    } else if (type == T_F64) {
        gen_append(g, SSA_BITCAST, T_I64, v, 0, 0);
    } else if (type == T_F32) {
        gen_append(g, SSA_BITCAST, T_I32, v, 0, 0);
    }
    v = gen_last(g);
    if (type == T_F32 || type == T_I32) {
        gen_append(g, SSA_EXTEND_U, T_I64, v, 0, 0);
        v = gen_last(g);
    }
    if (type != T_VOID) {
        gen_append(g, gen_chance(g, 50) ? SSA_ADD : SSA_XOR, T_I64, g->sum, v, 0);
        g->sum = gen_last(g);
    }
}

static inline uint32_t gen_op(struct gen *g, uint16_t op, uint8_t type, uint32_t a0, uint32_t a1)
{
    gen_append(g, op, type, a0, a1, 0);
    return gen_last(g);
}

static inline uint8_t gen_type(struct gen *g, char letter, uint8_t bound[static 128])
{
    switch (letter) {
    case 'i': return T_I32;
    case 'I': return T_I64;
    case 'f': return T_F32;
    case 'F': return T_F64;
    case 'v': return T_V128;
    case '\0': return T_VOID;
    default: break;
    }
    uint8_t *type = &bound[(unsigned)letter];
    if (*type == T_VOID) {
        uint8_t low = letter == 'r' ? T_F32 : T_I32;
        uint8_t high = letter == 'n' || letter == 'a' ? T_I64 : letter == 't' ? T_V128 : T_F64;
        *type = low + (uint8_t)gen_below(g, high - low + 1u);
    }
    return *type;
}

/* An operation as its signature says, with any arguments. */
static inline struct ssa_inst *gen_signature(struct gen *g, uint16_t op)
{
    const char *signature = ssa_signatures[op];
    uint8_t bound[128] = {0};
    uint32_t args[3] = {0}, n = ssa_op_infos[op].n_args;
    for (uint32_t i = 0; i < n; i++) {
        args[i] = gen_value(g, gen_type(g, signature[i], bound));
    }
    uint8_t type = gen_type(g, signature[n + 1], bound);
    struct ssa_inst *inst = gen_append(g, op, type, args[0], args[1], args[2]);
    inst->sub = ssa_n_lanes[op] != 0 ? (uint8_t)gen_below(g, ssa_n_lanes[op]) : 0;
    return inst;
}

static inline uint32_t gen_bool(struct gen *g)
{
    if (gen_chance(g, 10)) {
        return ssa_const(g->fn, T_I32, gen_below(g, 2)).i;
    }
    uint8_t type = gen_chance(g, 80) ? T_I32 : T_I64;
    uint16_t op = SSA_EQZ + (uint16_t)gen_below(g, SSA_GE_U - SSA_EQZ + 1u);
    uint32_t a = gen_value(g, type), b = gen_value(g, type);
    return gen_op(g, op, T_I32, a, op == SSA_EQZ ? 0 : b);
}

static inline void gen_pure(struct gen *g)
{
    for (;;) {
        uint16_t op = SSA_ADD + (uint16_t)gen_below(g, SSA_SELECT - SSA_ADD + 1u);
        if (!(ssa_op_infos[op].flags & SSA_PURE) || ssa_signatures[op] == NULL) {
            continue;
        }
        if (op >= SSA_ADDC && op <= SSA_SUBB_OUT) {
            uint32_t carry = gen_bool(g);
            gen_signature(g, op);
            g->fn->insts[gen_last(g)].arg[2] = carry;
            return;
        }
        gen_signature(g, op);
        return;
    }
}

/* x op y, or y op x. */
static inline uint32_t gen_swapped(struct gen *g, uint16_t op, uint32_t x, uint32_t y)
{
    bool is_swapped = gen_chance(g, 40);
    return gen_op(g, op, T_I64, is_swapped ? y : x, is_swapped ? x : y);
}

/* Mostly the value itself, sometimes another of the four halves. */
static inline uint32_t gen_half(struct gen *g, uint32_t half, const uint32_t halves[static 4])
{
    return gen_chance(g, 96) ? half : halves[gen_below(g, 4)];
}

/* The product of two words in two words, from products of half words; sometimes not quite. */
static inline void gen_product(struct gen *g)
{
    uint32_t mask = ssa_const(g->fn, T_I64, gen_chance(g, 97) ? UINT32_MAX : INT32_MAX).i;
    uint32_t n = ssa_const(g->fn, T_I64, gen_chance(g, 97) ? 32 : 31).i;
    uint32_t a = gen_value(g, T_I64), b = gen_chance(g, 90) ? gen_value(g, T_I64) : a;
    uint32_t h[4] = {gen_op(g, SSA_AND, T_I64, a, mask), gen_op(g, SSA_SHR_U, T_I64, a, n),
                     gen_op(g, SSA_AND, T_I64, b, mask), gen_op(g, SSA_SHR_U, T_I64, b, n)};
    uint32_t ll = gen_swapped(g, SSA_MUL, gen_half(g, h[0], h), gen_half(g, h[2], h));
    uint32_t cross = gen_swapped(g, SSA_MUL, gen_half(g, h[1], h), gen_half(g, h[2], h));
    uint32_t m1 = gen_swapped(g, SSA_ADD, gen_op(g, SSA_SHR_U, T_I64, ll, n), cross);
    cross = gen_swapped(g, SSA_MUL, gen_half(g, h[0], h), gen_half(g, h[3], h));
    uint32_t m2 = gen_swapped(g, SSA_ADD, gen_op(g, SSA_AND, T_I64, m1, mask), cross);
    uint32_t high = gen_swapped(g, SSA_MUL, gen_half(g, h[1], h), gen_half(g, h[3], h));
    uint32_t terms[5] = {gen_op(g, SSA_SHR_U, T_I64, gen_chance(g, 97) ? m1 : m2, n),
                         gen_op(g, SSA_SHR_U, T_I64, gen_chance(g, 97) ? m2 : ll, n), high,
                         gen_value(g, T_I64), gen_value(g, T_I64)};
    uint32_t n_terms = 3 + gen_below(g, 3), first = gen_below(g, n_terms);
    uint32_t sum = terms[first];
    for (uint32_t i = 1; i < n_terms; i++) {
        sum = gen_swapped(g, SSA_ADD, sum, terms[(first + i) % n_terms]);
    }
    gen_observe(g);
    uint32_t low = gen_op(g, SSA_SHL, T_I64, gen_chance(g, 97) ? m2 : m1, n);
    gen_swapped(g, gen_chance(g, 90) ? SSA_OR : SSA_ADD, low,
                gen_op(g, SSA_AND, T_I64, gen_chance(g, 97) ? ll : m1, mask));
}

/* A short way from an address; over the end of the index space if that is near. */
static inline uint32_t gen_distance(struct gen *g, uint32_t base)
{
    uint64_t distance = 8 * gen_below(g, 40);
    distance = gen_chance(g, 80) ? distance : 0 - distance;
    return gen_op(g, SSA_ADD, T_I32, base, ssa_const(g->fn, T_I32, distance).i);
}

/* An address that is mostly in memory. */
static inline uint32_t gen_address(struct gen *g)
{
    if (gen_chance(g, 2)) {
        return gen_value(g, T_I32);
    }
    if (gen_chance(g, 30) && g->address < g->n_values[T_I32]) {
        uint32_t base = g->values[T_I32][g->address];
        return gen_chance(g, 80) ? gen_distance(g, base) : base;
    }
    uint64_t mask = INTERP_MEMORY_BYTES / 2 - 1;
    mask &= gen_chance(g, 50) ? ~UINT64_C(7) : ~UINT64_C(0);
    uint32_t x = gen_op(g, SSA_AND, T_I32, gen_value(g, T_I32), ssa_const(g->fn, T_I32, mask).i);
    bool is_high = gen_chance(g, 10); /* just below the end of the index space */
    if (is_high) {
        x = gen_op(g, SSA_OR, T_I32, x, ssa_const(g->fn, T_I32, 0xffffff00).i);
    }
    g->address = g->n_values[T_I32] - 1;
    if (is_high || gen_chance(g, 30)) {
        x = gen_distance(g, x);
    }
    return gen_chance(g, 90) ? x : gen_op(g, SSA_EXTEND_U, T_I64, x, 0);
}

/* A narrow load or a mask, and extensions of it. */
static inline void gen_extensions(struct gen *g)
{
    static const uint16_t narrow[] = {SSA_SEXT8,    SSA_SEXT16, SSA_SEXT32, SSA_EXTEND_U,
                                      SSA_EXTEND_S, SSA_WRAP,   SSA_AND};
    static const uint64_t masks[] = {0xff, 0xffff, 0x7f, 0x7fff, UINT32_MAX, 0xfff};
    uint8_t type = gen_chance(g, 50) ? T_I32 : T_I64;
    uint16_t load =
        SSA_LOAD +
        (uint16_t)gen_below(g, (type == T_I32 ? SSA_LOAD16_U : SSA_LOAD32_U) - SSA_LOAD + 1u);
    uint32_t x = gen_chance(g, 60) ? gen_op(g, load, type, gen_address(g), 0) : gen_value(g, type);
    for (uint32_t n = 1 + gen_below(g, 4); n > 0;) {
        uint16_t op = narrow[gen_below(g, sizeof narrow / sizeof *narrow)];
        bool is_wide = op == SSA_SEXT32 || op == SSA_WRAP;
        bool is_extend = op == SSA_EXTEND_U || op == SSA_EXTEND_S;
        if ((is_wide && type == T_I32) || (is_extend && type == T_I64)) {
            continue;
        }
        uint64_t mask = masks[gen_below(g, sizeof masks / sizeof *masks)];
        type = is_extend ? T_I64 : op == SSA_WRAP ? T_I32 : type;
        x = gen_op(g, op, type, x, op == SSA_AND ? ssa_const(g->fn, type, mask).i : 0);
        n--;
    }
}

/* Shapes that passes look for. */
static inline void gen_idiom(struct gen *g)
{
    uint8_t type = gen_chance(g, 50) ? T_I32 : T_I64;
    uint32_t x = gen_value(g, type), y = gen_value(g, type);
    uint32_t width = type == T_I32 ? 32 : 64;
    switch (gen_below(g, 8)) {
    case 0: { /* a sum of two words with its carry */
        uint32_t low = gen_op(g, SSA_ADD, type, x, y);
        uint32_t carry = gen_op(g, SSA_LT_U, T_I32, low, gen_chance(g, 50) ? x : y);
        carry = type == T_I64 ? gen_op(g, SSA_EXTEND_U, T_I64, carry, 0) : carry;
        uint32_t high = gen_op(g, SSA_ADD, type, gen_value(g, type), gen_value(g, type));
        gen_op(g, SSA_ADD, type, high, carry);
        break;
    }
    case 1: { /* a difference of two words with its borrow */
        uint32_t borrow = gen_op(g, SSA_LT_U, T_I32, x, y);
        gen_op(g, SSA_SUB, type, x, y);
        borrow = type == T_I64 ? gen_op(g, SSA_EXTEND_U, T_I64, borrow, 0) : borrow;
        uint32_t high = gen_op(g, SSA_SUB, type, gen_value(g, type), gen_value(g, type));
        gen_op(g, SSA_SUB, type, high, borrow);
        break;
    }
    case 2: { /* a field of bits */
        uint32_t n = ssa_const(g->fn, type, gen_below(g, width)).i;
        uint32_t m = gen_chance(g, 60) ? n : ssa_const(g->fn, type, gen_below(g, width)).i;
        uint32_t left = gen_op(g, SSA_SHL, type, x, n);
        gen_op(g, gen_chance(g, 50) ? SSA_SHR_U : SSA_SHR_S, type, left, m);
        break;
    }
    case 3: { /* a rotation by two shifts */
        uint32_t n = gen_below(g, width);
        uint32_t a = gen_op(g, SSA_SHL, type, x, ssa_const(g->fn, type, n).i);
        uint32_t b = gen_op(g, SSA_SHR_U, type, x, ssa_const(g->fn, type, width - n).i);
        gen_op(g, gen_chance(g, 50) ? SSA_OR : SSA_ADD, type, a, b);
        break;
    }
    case 4: gen_product(g); break;
    case 6: gen_extensions(g); break;
    case 5:
        y = gen_chance(g, 50) ? ssa_const(g->fn, T_I32, 1 + gen_below(g, 300)).i
                              : gen_value(g, T_I32);
        gen_op(g, SSA_INDEX_MASK, T_I32, gen_value(g, T_I32), y);
        break;
    default: { /* one operation of the same kind after another, by constants */
        static const uint16_t ops[] = {SSA_ADD, SSA_SUB,   SSA_AND,   SSA_OR,   SSA_XOR, SSA_MUL,
                                       SSA_SHL, SSA_SHR_U, SSA_SHR_S, SSA_ROTL, SSA_ROTR};
        uint16_t op = ops[gen_below(g, sizeof ops / sizeof *ops)];
        uint32_t first = gen_op(g, op, type, x, gen_const(g, type));
        gen_op(g, op, type, first, gen_const(g, type));
        break;
    }
    }
}

static inline void gen_division(struct gen *g)
{
    uint8_t type = gen_chance(g, 50) ? T_I32 : T_I64;
    uint16_t op = SSA_DIV_S + (uint16_t)gen_below(g, SSA_REM_U - SSA_DIV_S + 1u);
    uint32_t by = gen_const(g, type);
    if (gen_chance(g, 40)) {
        by = gen_op(g, SSA_OR, type, gen_value(g, type), ssa_const(g->fn, type, 1).i);
    } else if (g->fn->insts[by].imm == 0 && gen_chance(g, 90)) {
        by = ssa_const(g->fn, type, 1 + gen_below(g, 1000)).i;
    }
    uint32_t x = gen_value(g, type);
    if (gen_chance(g, 5)) { /* the one quotient that is too large */
        uint32_t cond = gen_bool(g);
        uint32_t least = ssa_const(g->fn, type, UINT64_C(1) << (type == T_I32 ? 31 : 63)).i;
        gen_append(g, SSA_SELECT, type, cond, least, x);
        x = gen_last(g);
        by = ssa_const(g->fn, type, UINT64_MAX).i;
    }
    gen_op(g, op, type, x, by);
}

static inline void gen_conversion(struct gen *g)
{
    uint8_t to = gen_chance(g, 50) ? T_I32 : T_I64;
    uint8_t from = gen_chance(g, 50) ? T_F32 : T_F64;
    if (gen_chance(g, 30)) {
        static const uint8_t partner[T_COUNT] = {
            [T_I32] = T_F32, [T_I64] = T_F64, [T_F32] = T_I32, [T_F64] = T_I64};
        uint8_t type = gen_chance(g, 50) ? to : from;
        gen_op(g, SSA_BITCAST, type, gen_value(g, partner[type]), 0);
        return;
    }
    uint32_t x = gen_value(g, from);
    if (gen_chance(g, 90)) { /* a small number, which doesn't trap */
        x = gen_op(g, SSA_AND, T_I32, gen_value(g, T_I32), ssa_const(g->fn, T_I32, 0xffffff).i);
        x = gen_op(g, SSA_CONVERT_S, from, x, 0);
    }
    gen_op(g, gen_chance(g, 50) ? SSA_TRUNC_S : SSA_TRUNC_U, to, x, 0);
}

static inline void gen_memory(struct gen *g)
{
    static const uint16_t ops[] = {SSA_LOAD,
                                   SSA_LOAD8_S,
                                   SSA_LOAD8_U,
                                   SSA_LOAD16_S,
                                   SSA_LOAD16_U,
                                   SSA_LOAD32_S,
                                   SSA_LOAD32_U,
                                   SSA_STORE,
                                   SSA_STORE8,
                                   SSA_STORE16,
                                   SSA_STORE32,
                                   SSA_STORE,
                                   SSA_LOAD,
                                   SSA_V_V128_LOAD,
                                   SSA_V_V128_STORE,
                                   SSA_V_V128_LOAD16_LANE,
                                   SSA_V_V128_STORE32_LANE,
                                   SSA_ATOMIC_ADD,
                                   SSA_ATOMIC_LOAD,
                                   SSA_ATOMIC_CMPXCHG,
                                   SSA_ATOMIC_STORE,
                                   SSA_ATOMIC_XCHG,
                                   SSA_ATOMIC_FENCE};
    uint16_t op = ops[gen_below(g, sizeof ops / sizeof *ops)];
    uint32_t address = op == SSA_ATOMIC_FENCE ? 0 : gen_address(g);
    gen_signature(g, op);
    struct ssa_inst *inst = &g->fn->insts[gen_last(g)];
    if (op == SSA_ATOMIC_FENCE) {
        return;
    }
    inst->arg[0] = address;
    inst->imm = gen_chance(g, 40) ? 0 : gen_below(g, 32) * (gen_chance(g, 70) ? 8 : 1);
    if (text_forms[op] & TEXT_WIDTH) {
        uint8_t type = inst->type != T_VOID ? inst->type : g->fn->insts[inst->arg[1]].type;
        inst->sub = (uint8_t)gen_below(g, type == T_I32 ? 3 : 4);
        inst->imm &= ~UINT64_C(7);
    }
}

static inline void gen_store_mark(struct gen *g)
{
    for (uint32_t l = g->loop; l != 0; l = g->fn->loops[l].parent) {
        g->fn->loops[l].has_store = true;
    }
}

/* A load of one field of a kind, added to the sum. */
static inline uint32_t gen_field(struct gen *g, enum ssa_field field, int offset)
{
    struct ssa_inst *inst = gen_append(g, SSA_INST_LOAD, T_I64, 0, 0, 0);
    inst->imm = (uint64_t)offset;
    inst->sub = field;
    uint32_t v = gen_last(g);
    gen_observe(g);
    return v;
}

static inline void gen_fields(struct gen *g)
{
    gen_field(g, FIELD_GLOBAL, INTERP_GLOBALS);
    gen_field(g, FIELD_SIZES, INTERP_SIZES);
}

/* One more or less in a global. */
static inline void gen_change(struct gen *g)
{
    uint32_t v = gen_field(g, FIELD_GLOBAL, INTERP_GLOBALS);
    v = gen_op(g, SSA_ADD, T_I64, v, gen_const(g, T_I64));
    struct ssa_inst *inst = gen_append(g, SSA_INST_STORE, T_VOID, v, 0, 0);
    inst->imm = (uint64_t)INTERP_GLOBALS;
    inst->sub = FIELD_GLOBAL;
    gen_store_mark(g);
}

/* Fields have one type each: eight bytes, and the last two of the globals are vectors. */
static inline void gen_instance(struct gen *g)
{
    static const uint8_t types[] = {T_I64, T_I32, T_I64, T_F64};
    uint32_t k = gen_below(g, 4);
    uint32_t at;
    struct ssa_inst *inst;
    switch (gen_below(g, 7)) {
    case 4: gen_change(g); return;
    case 0:
        inst = gen_append(g, SSA_INST_LOAD, T_I64, 0, 0, 0);
        inst->imm = (uint64_t)(INTERP_FIXED + 8 * (int)gen_below(g, 4));
        inst->sub = FIELD_FIXED;
        return;
    case 1:
        inst = gen_append(g, SSA_INST_LOAD, T_I64, 0, 0, 0);
        inst->imm = (uint64_t)(INTERP_SIZES + 8 * (int)gen_below(g, 4));
        inst->sub = gen_chance(g, 70) ? FIELD_SIZES : FIELD_SHARED;
        return;
    case 2:
        inst = gen_append(g, SSA_INST_LOAD, types[k], 0, 0, 0);
        inst->imm = (uint64_t)(INTERP_GLOBALS + 8 * (int)k);
        inst->sub = FIELD_GLOBAL;
        return;
    case 3:
        inst = gen_append(g, SSA_INST_STORE, T_VOID, gen_value(g, types[k]), 0, 0);
        inst->imm = (uint64_t)(INTERP_GLOBALS + 8 * (int)k);
        inst->sub = FIELD_GLOBAL;
        gen_store_mark(g);
        return;
    default:
        inst = gen_append(g, SSA_INST_LOAD, T_I64, 0, 0, 0);
        inst->imm = (uint64_t)INTERP_FIXED;
        inst->sub = FIELD_FIXED;
        at = gen_last(g);
        bool is_store = gen_chance(g, 40);
        inst = is_store ? gen_append(g, SSA_PTR_STORE, T_VOID, at, gen_value(g, types[k]), 0)
                        : gen_append(g, SSA_PTR_LOAD, types[k], at, 0, 0);
        inst->imm = 8 * k;
        inst->sub = FIELD_GLOBAL;
        if (is_store) {
            gen_store_mark(g);
        }
        return;
    }
}

static inline void gen_call(struct gen *g)
{
    uint32_t n = gen_below(g, 5);
    uint32_t args[4];
    for (uint32_t i = 0; i < n; i++) {
        args[i] = gen_value(g, T_I32 + (uint8_t)gen_below(g, T_COUNT - 1));
    }
    uint8_t type = (uint8_t)gen_below(g, T_COUNT);
    uint32_t start = g->fn->n_pool;
    memcpy(g->fn->pool + start, args, n * sizeof *args);
    g->fn->n_pool += n;
    struct ssa_inst *inst =
        gen_append(g, gen_chance(g, 70) ? SSA_CALL : SSA_CALL_HELPER, type, start, n, 0);
    inst->imm = gen_below(g, 8);
    for (uint32_t l = g->loop; l != 0; l = g->fn->loops[l].parent) {
        g->fn->loops[l].has_call = true;
    }
    uint32_t call = gen_last(g);
    if (type != T_VOID && gen_chance(g, 30)) {
        gen_append(g, SSA_RESULT, T_I32 + (uint8_t)gen_below(g, T_COUNT - 1), call, 0, 0)->imm = 1;
    }
}

static inline void gen_trap_if(struct gen *g)
{
    uint64_t c = gen_chance(g, 10) ? 0 : gen_u64(g);
    uint32_t cond = gen_op(g, SSA_EQ, T_I32, gen_value(g, T_I64), ssa_const(g->fn, T_I64, c).i);
    gen_append(g, SSA_TRAP_IF, T_VOID, cond, 0, 0)->sub = TRAP_TABLE_INDEX;
}

static inline void gen_vector(struct gen *g)
{
    for (;;) {
        uint16_t op = SSA_V_V128_LOAD + (uint16_t)gen_below(g, SSA_OP_COUNT - SSA_V_V128_LOAD);
        if (op == SSA_V_V128_CONST || op == SSA_V_I8X16_SHUFFLE || text_forms[op] & TEXT_OFFSET) {
            continue;
        }
        gen_signature(g, op);
        return;
    }
}

/* The same once more. */
static inline void gen_again(struct gen *g)
{
    uint32_t n = gen_below(g, 12);
    uint32_t v = gen_last(g);
    while (v != 0 && n-- > 0) {
        v = g->fn->insts[v].prev;
    }
    const struct ssa_inst *inst = &g->fn->insts[v];
    if (v != 0 && ssa_op_infos[inst->op].n_args != SSA_VAR_ARGS && inst->op != SSA_PARAM &&
        inst->op != SSA_RESULT) {
        struct ssa_inst copy = *inst;
        struct ssa_inst *again =
            gen_append(g, copy.op, copy.type, copy.arg[0], copy.arg[1], copy.arg[2]);
        again->imm = copy.imm;
        again->sub = copy.sub;
    }
}

static inline void gen_inst(struct gen *g)
{
    const struct gen_profile *p = g->profile;
    const struct {
        uint8_t percent;
        void (*make)(struct gen *);
    } kinds[] = {
        {p->idiom, gen_idiom},     {p->division, gen_division}, {p->conversion, gen_conversion},
        {p->memory, gen_memory},   {p->instance, gen_instance}, {p->call, gen_call},
        {p->trap_if, gen_trap_if}, {p->vector, gen_vector},     {p->again, gen_again},
        {100, gen_pure},
    };
    uint32_t n = gen_below(g, 100), i = 0;
    while (n >= kinds[i].percent) {
        n -= kinds[i++].percent;
    }
    kinds[i].make(g);
    if (gen_chance(g, 40)) {
        gen_observe(g);
    }
}

/* ---- Blocks ---- */

static inline uint32_t gen_block(struct gen *g)
{
    uint32_t b = g->fn->n_blocks++;
    g->fn->blocks[b] = (struct ssa_block){.loop = g->loop, .is_sealed = true};
    return b;
}

/* A block with one predecessor becomes the current one; slot: of the edge that leads here. */
static inline void gen_enter(struct gen *g, uint32_t from, uint32_t slot)
{
    struct ssa_func *fn = g->fn;
    g->block = gen_block(g);
    fn->pool[slot] = g->block;
    fn->blocks[g->block].pred_start = fn->n_pool;
    fn->blocks[g->block].n_preds = 1;
    fn->pool[fn->n_pool++] = from;
    g->is_live = true;
}

/* Ends the current block; its n successors are to be filled in from the answer on. */
static inline uint32_t gen_end(struct gen *g, uint16_t op, uint32_t arg, uint32_t n)
{
    gen_append(g, op, T_VOID, arg, 0, 0);
    struct ssa_block *block = &g->fn->blocks[g->block];
    block->succ_start = g->fn->n_pool;
    block->n_succs = n;
    g->fn->n_pool += n;
    g->is_live = false;
    return block->succ_start;
}

static inline struct gen_label *gen_begin_label(struct gen *g)
{
    struct gen_label *label = &g->labels[g->n_labels++];
    label->n_edges = 0;
    label->header = BLOCK_NONE.i;
    label->is_closed = false;
    memcpy(label->n_values, g->n_values, sizeof g->n_values);
    for (uint32_t i = 0; i < GEN_PHIS; i++) {
        label->types[i] = T_I32 + (uint8_t)gen_below(g, T_COUNT - 1);
    }
    label->types[GEN_SUM] = T_I64;
    label->types[GEN_COUNTER] = T_I32;
    return label;
}

static inline void gen_edge_values(struct gen *g, struct gen_label *label)
{
    for (uint32_t i = 0; i < GEN_PHIS; i++) {
        label->values[label->n_edges][i] = gen_value(g, label->types[i]);
    }
    label->values[label->n_edges][GEN_SUM] = g->sum;
    label->values[label->n_edges][GEN_COUNTER] = label->next;
}

/* An edge from the current block to a label. */
static inline void gen_edge(struct gen *g, struct gen_label *label, uint32_t slot)
{
    label->from[label->n_edges] = g->block;
    label->slot[label->n_edges] = slot;
    gen_edge_values(g, label);
    if (label->header != BLOCK_NONE.i) {
        g->fn->pool[slot] = label->header;
    }
    label->n_edges++;
}

static inline void gen_jump(struct gen *g, struct gen_label *label)
{
    gen_edge(g, label, gen_end(g, SSA_JUMP, 0, 1));
}

/* One argument list of a phi, or the predecessors. */
static inline uint32_t gen_row(struct gen *g, const uint32_t *words, uint32_t n, uint32_t stride)
{
    uint32_t start = g->fn->n_pool;
    for (uint32_t i = 0; i < n; i++) {
        g->fn->pool[g->fn->n_pool++] = words[i * stride];
    }
    return start;
}

/* The label's block begins, if anything leads there. */
static inline void gen_bind(struct gen *g)
{
    struct gen_label *label = &g->labels[--g->n_labels];
    struct ssa_func *fn = g->fn;
    memcpy(g->n_values, label->n_values, sizeof g->n_values);
    g->is_live = label->n_edges != 0;
    if (!g->is_live) {
        return;
    }
    g->block = gen_block(g);
    struct ssa_block *block = &fn->blocks[g->block];
    block->pred_start = gen_row(g, label->from, label->n_edges, 1);
    block->n_preds = label->n_edges;
    for (uint32_t i = 0; i < label->n_edges; i++) {
        fn->pool[label->slot[i]] = g->block;
    }
    for (uint32_t i = 0; i <= GEN_SUM; i++) {
        uint32_t row = gen_row(g, &label->values[0][i], label->n_edges, GEN_CARRIED);
        gen_append(g, SSA_PHI, label->types[i], row, label->n_edges, 0);
    }
    g->sum = gen_last(g);
}

/* ---- Statements ---- */

static inline void gen_body(struct gen *g, uint32_t n);

static inline bool gen_has_room(const struct gen_label *label)
{
    return label->n_edges + 1 < GEN_MAX_EDGES && !label->is_closed;
}

/* Whether a branch may be taken: into a loop only while its counter says so. */
static inline uint32_t gen_guarded(struct gen *g, const struct gen_label *label, uint32_t cond)
{
    if (label->header == BLOCK_NONE.i) {
        return cond;
    }
    uint32_t is_below = gen_op(g, SSA_LT_U, T_I32, label->next, label->limit);
    uint32_t is_true = gen_op(g, SSA_NE, T_I32, cond, ssa_const(g->fn, T_I32, 0).i);
    return gen_op(g, SSA_AND, T_I32, is_below, is_true);
}

static inline void gen_branch_if(struct gen *g)
{
    struct gen_label *label = &g->labels[gen_below(g, g->n_labels)];
    if (!gen_has_room(label)) {
        return;
    }
    uint32_t cond = gen_guarded(g, label, gen_bool(g));
    bool is_inverted = gen_chance(g, 30);
    if (is_inverted) {
        cond = gen_op(g, SSA_EQZ, T_I32, cond, 0);
    }
    uint32_t from = g->block;
    uint32_t slot = gen_end(g, SSA_BRANCH, cond, 2);
    gen_edge(g, label, slot + is_inverted);
    gen_enter(g, from, slot + !is_inverted);
}

static inline void gen_table(struct gen *g)
{
    uint32_t labels[GEN_MAX_LABELS], place[GEN_MAX_LABELS], n_succs = 0;
    for (uint32_t i = 0; i < g->n_labels; i++) {
        place[i] = UINT32_MAX;
    }
    uint32_t n = 1 + gen_below(g, 6), table = g->fn->n_pool;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t l = gen_below(g, g->n_labels);
        struct gen_label *label = &g->labels[l];
        if (!gen_has_room(label) || label->header != BLOCK_NONE.i) {
            return;
        }
        if (place[l] == UINT32_MAX) {
            labels[n_succs] = l;
            place[l] = n_succs++;
        }
        g->fn->pool[table + i] = place[l];
    }
    g->fn->n_pool += n;
    uint32_t index = gen_value(g, T_I32);
    index = gen_op(g, SSA_AND, T_I32, index, ssa_const(g->fn, T_I32, 7).i);
    uint32_t slot = gen_end(g, SSA_BR_TABLE, index, n_succs);
    struct ssa_inst *end = &g->fn->insts[gen_last(g)];
    end->imm = table;
    end->arg[1] = n;
    for (uint32_t k = 0; k < n_succs; k++) {
        gen_edge(g, &g->labels[labels[k]], slot + k);
    }
}

static inline void gen_return(struct gen *g)
{
    struct ssa_func *fn = g->fn;
    uint32_t args[8];
    if (gen_chance(g, 60)) { /* or it does nothing but return */
        gen_append(g, SSA_STORE, T_VOID, ssa_const(fn, T_I32, 0).i, g->sum, 0);
    }
    for (uint32_t i = 0; i < fn->n_results; i++) {
        bool is_sum = fn->result_types[i] == T_I64 && gen_chance(g, 60);
        args[i] = is_sum ? g->sum : gen_value(g, fn->result_types[i]);
    }
    uint32_t start = gen_row(g, args, fn->n_results, 1);
    gen_append(g, SSA_RETURN, T_VOID, start, fn->n_results, 0);
    g->is_live = false;
}

/* What ends a body early. */
static inline void gen_leave(struct gen *g)
{
    uint32_t n = gen_below(g, 10);
    struct gen_label *label = &g->labels[gen_below(g, g->n_labels)];
    if (n < 2) {
        gen_return(g);
    } else if (n < 3) {
        gen_append(g, SSA_TRAP, T_VOID, 0, 0, 0)->sub = TRAP_UNREACHABLE;
        g->is_live = false;
    } else if (n < 6) {
        gen_table(g);
    } else if (gen_has_room(label) && label->header == BLOCK_NONE.i) {
        gen_jump(g, label);
    }
}

static inline void gen_if(struct gen *g)
{
    uint32_t cond = gen_bool(g), from = g->block;
    uint32_t slot = gen_end(g, SSA_BRANCH, cond, 2);
    g->fn->insts[gen_last(g)].imm = gen_below(g, 3);
    struct gen_label *label = gen_begin_label(g);
    bool has_else = gen_chance(g, 60);
    uint32_t sum = g->sum;
    gen_enter(g, from, slot);
    gen_body(g, 1 + gen_below(g, 4));
    if (g->is_live) {
        gen_jump(g, label);
    }
    memcpy(g->n_values, label->n_values, sizeof g->n_values);
    g->sum = sum;
    gen_enter(g, from, slot + 1);
    if (gen_chance(g, 5)) {
        gen_call(g);
    }
    if (has_else) {
        gen_body(g, 1 + gen_below(g, 4));
    }
    if (g->is_live) {
        gen_jump(g, label);
    }
    gen_bind(g);
    if (g->is_live && gen_chance(g, 10)) {
        gen_fields(g);
    }
}

static inline void gen_straight(struct gen *g)
{
    struct gen_label *label = gen_begin_label(g);
    gen_body(g, 2 + gen_below(g, 5));
    if (g->is_live) {
        gen_jump(g, label);
    }
    gen_bind(g);
}

/* The header's phis get their arguments: what it was entered with, and what each round leaves. */
static inline void gen_close_loop(struct gen *g, const struct gen_label *label)
{
    struct ssa_func *fn = g->fn;
    struct ssa_block *header = &fn->blocks[label->header];
    header->pred_start = gen_row(g, label->from, label->n_edges, 1);
    header->n_preds = label->n_edges;
    uint32_t phi = header->first;
    for (uint32_t i = 0; i < GEN_CARRIED; i++, phi = fn->insts[phi].next) {
        fn->insts[phi].arg[0] = gen_row(g, &label->values[0][i], label->n_edges, GEN_CARRIED);
        fn->insts[phi].arg[1] = label->n_edges;
    }
}

/* A loop begins: the block of its header, with its phis. The last is the number of the round. */
static inline struct gen_label *gen_enter_loop(struct gen *g, uint32_t max_rounds)
{
    struct ssa_func *fn = g->fn;
    struct gen_label *label = &g->labels[g->n_labels - 1];
    label->next = ssa_const(fn, T_I32, 0).i;
    label->limit = ssa_const(fn, T_I32, gen_below(g, max_rounds)).i;
    gen_jump(g, label); /* the way in is the first edge */
    uint32_t outer = g->loop;
    g->loop = fn->n_loops++;
    fn->loops[g->loop] = (struct ssa_loop){
        .header = fn->n_blocks, .parent = outer, .depth = fn->loops[outer].depth + 1};
    g->block = label->header = gen_block(g);
    fn->pool[label->slot[0]] = g->block;
    g->is_live = true;
    for (uint32_t i = 0; i < GEN_CARRIED; i++) {
        gen_append(g, SSA_PHI, label->types[i], 0, 0, 0);
        g->sum = i == GEN_SUM ? gen_last(g) : g->sum;
    }
    label->next = gen_op(g, SSA_ADD, T_I32, gen_last(g), ssa_const(fn, T_I32, 1).i);
    return label;
}

/* Its last block ends: back to the header while cond is non-zero. */
static inline void gen_leave_loop(struct gen *g, struct gen_label *label, uint32_t cond,
                                  bool is_inverted)
{
    uint32_t outer = g->fn->loops[g->loop].parent;
    if (g->is_live) {
        uint32_t from = g->block, slot = gen_end(g, SSA_BRANCH, cond, 2);
        gen_edge(g, label, slot + is_inverted);
        g->loop = outer;
        gen_enter(g, from, slot + !is_inverted);
    }
    g->loop = outer;
    gen_close_loop(g, label);
    g->n_labels--;
}

static inline void gen_loop(struct gen *g)
{
    bool has_fields = gen_chance(g, 30); /* looked at before, within, and behind a change */
    if (has_fields) {
        gen_fields(g);
    }
    gen_begin_label(g);
    struct gen_label *label = gen_enter_loop(g, 7);
    uint32_t cond = 0;
    if (has_fields) {
        gen_fields(g);
    }
    gen_body(g, 2 + gen_below(g, 5));
    if (g->is_live && has_fields && gen_chance(g, 60)) {
        gen_change(g);
    } else if (g->is_live && has_fields) {
        gen_call(g);
    }
    if (g->is_live) {
        cond = gen_op(g, SSA_LT_U, T_I32, label->next, label->limit);
    }
    gen_leave_loop(g, label, cond, false);
}

/* Numbers that counters begin at and end at, and what they are compared with. */
static inline uint64_t gen_bound(struct gen *g, uint8_t type)
{
    uint64_t sign = UINT64_C(1) << (type == T_I32 ? 31 : 63);
    uint64_t edges[] = {0, 10, 100, sign >> 1, sign - 1, sign, sign << 1};
    uint64_t bound = gen_chance(g, 50) ? edges[gen_below(g, sizeof edges / sizeof *edges)]
                                       : g->near[gen_below(g, 4)];
    uint64_t distance = gen_below(g, gen_chance(g, 50) ? 2 : 16);
    return gen_chance(g, 50) ? bound + distance : bound - distance;
}

static inline uint64_t gen_step(struct gen *g)
{
    static const uint64_t steps[] = {1, 1, 2, 3, 4, 8, 1u << 29, 1u << 30, 1ull << 61, 1u << 31};
    uint64_t step = steps[gen_below(g, sizeof steps / sizeof *steps)];
    return gen_chance(g, 70) ? step : 0 - step;
}

/* What a bound on the counter would be used for: comparisons, masks, addresses. */
static inline void gen_counter_use(struct gen *g, uint8_t type, uint32_t counter)
{
    uint32_t x = counter;
    if (gen_chance(g, 50)) {
        x = gen_op(g, gen_chance(g, 70) ? SSA_SHL : SSA_SHR_U, type, x,
                   ssa_const(g->fn, type, gen_below(g, 4)).i);
    }
    if (gen_chance(g, 50)) {
        x = gen_op(g, SSA_ADD, type, x, ssa_const(g->fn, type, gen_below(g, 300)).i);
    }
    uint16_t op = SSA_EQ + (uint16_t)gen_below(g, SSA_GE_U - SSA_EQ + 1u);
    switch (gen_below(g, 4)) {
    case 0:
    case 1: gen_op(g, op, T_I32, x, ssa_const(g->fn, type, gen_bound(g, type)).i); break;
    case 2: gen_op(g, SSA_AND, type, x, ssa_const(g->fn, type, gen_bound(g, type)).i); break;
    default:
        if (type == T_I32) {
            gen_op(g, SSA_LOAD8_U, T_I32, x, 0);
        }
        break;
    }
    gen_observe(g);
}

/* The test of a counter at the end of a round; in *is_inverted whether the loop ends if it holds. */
static inline uint32_t gen_counter_test(struct gen *g, uint8_t type, uint32_t counter,
                                        bool *is_inverted)
{
    uint32_t k = ssa_const(g->fn, type, gen_chance(g, 50) ? g->near[2] : gen_bound(g, type)).i;
    if (gen_chance(g, 20)) {
        k = gen_op(g, SSA_AND, type, gen_value(g, type), k);
    }
    uint16_t op = SSA_EQ + (uint16_t)gen_below(g, SSA_GE_U - SSA_EQ + 1u);
    bool is_swapped = gen_chance(g, 20);
    *is_inverted = gen_chance(g, 40);
    if (type == T_I32 && gen_chance(g, 20)) {
        return gen_chance(g, 80) ? counter : gen_op(g, SSA_EQZ, T_I32, counter, 0);
    }
    uint32_t cond = gen_op(g, op, T_I32, is_swapped ? k : counter, is_swapped ? counter : k);
    return gen_chance(g, 20) ? gen_op(g, SSA_EQZ, T_I32, cond, 0) : cond;
}

/*
 * A loop whose only way back is a test of a counter: any start, step, and end. Since that may go
 * on for long, the loop is left as well after a few rounds, in its middle.
 */
static inline void gen_counter_loop(struct gen *g)
{
    struct ssa_func *fn = g->fn;
    uint8_t type = gen_chance(g, 70) ? T_I32 : T_I64;
    struct gen_label *out = gen_begin_label(g);
    gen_begin_label(g)->types[0] = type;
    struct gen_label *label = gen_enter_loop(g, 12);
    label->is_closed = true;
    uint32_t counter = fn->blocks[label->header].first;
    g->near[0] = gen_bound(g, type);
    g->near[1] = gen_step(g);
    g->near[2] = gen_bound(g, type);
    if (gen_chance(g, 20)) { /* from below zero up to it */
        g->near[1] = gen_below(g, 9);
        g->near[0] = 0 - g->near[1] * gen_below(g, 12);
        g->near[2] = 0;
    }
    g->near[3] = g->near[0] + g->near[1];
    if (gen_chance(g, 80)) {
        label->values[0][0] = ssa_const(fn, type, g->near[0]).i;
    }
    uint32_t next = gen_op(g, SSA_ADD, type, counter, ssa_const(fn, type, g->near[1]).i);
    uint32_t along = fn->insts[counter].next; /* what goes in steps of its own */
    uint8_t along_type = fn->insts[along].type;
    bool is_along = along_type == T_I32 || along_type == T_I64;
    uint32_t along_next = 0;
    if (is_along) {
        along_next =
            gen_op(g, SSA_ADD, along_type, along, ssa_const(fn, along_type, gen_step(g)).i);
        if (gen_chance(g, 60)) {
            label->values[0][1] = ssa_const(fn, along_type, gen_bound(g, along_type)).i;
        }
    }
    uint32_t cond = gen_op(g, SSA_GT_U, T_I32, label->next, label->limit);
    uint32_t from = g->block, slot = gen_end(g, SSA_BRANCH, cond, 2);
    gen_edge(g, out, slot);
    gen_enter(g, from, slot + 1);
    for (uint32_t i = 1 + gen_below(g, 4); i-- > 0;) {
        bool is_other = is_along && gen_chance(g, 30);
        gen_counter_use(g, is_other ? along_type : type,
                        is_other            ? along
                        : gen_chance(g, 80) ? counter
                                            : next);
    }
    gen_body(g, gen_below(g, 4));
    bool is_inverted = false;
    if (g->is_live) {
        cond = gen_counter_test(g, type, gen_chance(g, 70) ? next : counter, &is_inverted);
    }
    uint32_t n_edges = label->n_edges;
    if (g->is_live && gen_chance(g, 15)) {
        gen_jump(g, label); /* it is left in its middle only */
    }
    gen_leave_loop(g, label, cond, is_inverted);
    if (label->n_edges > n_edges) { /* whatever the edge carried: the counter goes on */
        fn->pool[fn->insts[counter].arg[0] + n_edges] = next;
        if (is_along) {
            fn->pool[fn->insts[along].arg[0] + n_edges] = along_next;
        }
    }
    if (g->is_live) {
        gen_jump(g, out);
    }
    gen_bind(g);
}

static inline void gen_statement(struct gen *g)
{
    uint32_t n = gen_below(g, 100);
    if (n < 70 || g->n_labels + 3 >= GEN_MAX_LABELS || g->fn->n_insts > GEN_MAX_INSTS / 2) {
        for (uint32_t k = 1 + gen_below(g, 4); k-- > 0;) {
            gen_inst(g);
        }
    } else if (n < 80) {
        gen_if(g);
    } else if (n < 80u + g->profile->loop) {
        if (gen_chance(g, 50)) {
            gen_counter_loop(g);
        } else {
            gen_loop(g);
        }
    } else if (n < 84u + g->profile->loop) {
        gen_straight(g);
    } else if (g->n_labels > 1 && n < 97) {
        gen_branch_if(g);
    } else if (g->n_labels > 1) {
        gen_leave(g);
    }
}

static inline void gen_body(struct gen *g, uint32_t n)
{
    while (n-- > 0 && g->is_live && g->budget-- > 0) {
        gen_statement(g);
    }
}

enum gen_kind {
    GEN_ANYTHING,
    GEN_COUNTERS,  /* nothing but loops with counters */
    GEN_CONSTANTS, /* nothing but operations on constants */
};

/* A function with up to six parameters of any type and up to three results. */
static inline void gen_func(uint64_t seed, enum gen_kind kind, struct arena *arena,
                            struct ssa_func *fn)
{
    struct gen *g = calloc(1, sizeof *g);
    uint8_t *types = arena_alloc(arena, 16);
    *g = (struct gen){.fn = fn, .state = seed * HASH_MULTIPLIER + 1, .is_live = true};
    assert_int_equal(ssa_func_init(fn, arena), STATUS_OK);
    assert_int_equal(ssa_reserve_insts(fn, GEN_MAX_INSTS), STATUS_OK);
    assert_int_equal(ssa_reserve_pool(fn, 4 * GEN_MAX_INSTS), STATUS_OK);
    assert_int_equal(ssa_reserve_blocks(fn, GEN_MAX_INSTS / 4), STATUS_OK);
    assert_int_equal(ssa_reserve_loops(fn, GEN_MAX_INSTS / 16), STATUS_OK);
    for (uint32_t i = 0; i < 16; i++) {
        types[i] = T_I32 + (uint8_t)gen_below(g, gen_chance(g, 70) ? 2 : T_COUNT - 1);
    }
    fn->n_params = 1 + gen_below(g, 6);
    fn->param_types = types;
    fn->n_results = gen_below(g, 4);
    fn->result_types = types + 8;
    fn->n_blocks = 0;
    g->block = gen_block(g);
    g->budget = 5 + (int)gen_below(g, 40);
    g->sum = ssa_const(fn, T_I64, 0).i;
    g->profile = &gen_profiles[gen_below(g, sizeof gen_profiles / sizeof *gen_profiles)];
    for (uint32_t i = 0; i < fn->n_params; i++) {
        gen_append(g, SSA_PARAM, types[i], 0, 0, 0)->imm = i;
    }
    gen_begin_label(g);
    if (kind == GEN_COUNTERS) {
        g->budget = 0;
        gen_counter_loop(g);
    }
    if (kind == GEN_CONSTANTS) {
        g->budget = 0;
        g->is_constant = true;
        for (uint32_t i = 0; i < 30; i++) {
            gen_pure(g);
            gen_observe(g);
        }
    }
    gen_body(g, (uint32_t)g->budget);
    if (g->is_live) {
        gen_jump(g, &g->labels[0]);
    }
    gen_bind(g);
    if (g->is_live) {
        gen_return(g);
    }
    ssa_dominators(fn);
    free(g);
}

/* Arguments for a function. */
static inline void gen_params(uint64_t seed, const struct ssa_func *fn, union interp_value *out)
{
    struct gen g = {.state = seed * HASH_MULTIPLIER + 7};
    for (uint32_t i = 0; i < fn->n_params; i++) {
        out[i] = (union interp_value){0};
        switch (fn->param_types[i]) {
        case T_F32: out[i].bits = interp_from_f32((float)gen_float(&g)); break;
        case T_F64: out[i].bits = interp_from_f64(gen_float(&g)); break;
        case T_V128: out[i] = interp_unknown(gen_u64(&g)); break;
        default: out[i].bits = interp_narrow(fn->param_types[i], gen_integer(&g)); break;
        }
    }
}

#endif
