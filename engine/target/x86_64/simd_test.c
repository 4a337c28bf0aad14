/*
 * Vectors: every operation of simd.def as selected, encoded and run, on corner cases and random
 * vectors, against simd_test_ref.h, for each kind of CPU. Each is compiled several times: its
 * arguments from memory and used once (so that loads may be folded), used again afterwards (so
 * that nothing may be overwritten), and where it matters with a constant.
 */
#include "engine/target/x86_64/simd_test_ref.h"

#include "engine/ssa/text.h"

#define N_ROUNDS 400u

enum sig {
    i_v,
    I_v,
    f_v,
    F_v,
    v_v,
    vv_v,
    vvv_v,
    vi_v,
    vI_v,
    vf_v,
    vF_v,
    v_i,
    v_I,
    v_f,
    v_F,
    iv_v,
    iv_,
    special
};

static const struct simd_op {
    uint16_t op;
    const char *text;
    enum sig sig;
    uint8_t width;
} simd_ops[] = {
#define OP(code, name, text, imm, sig, ssa, width) {SSA_##ssa, text, sig, width},
#include "engine/wasm/simd.def"
#undef OP
};

/* ---- Values ---- */

static uint64_t pick(uint64_t *seed, uint32_t kind, uint32_t *bytes)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0x8000,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     INT64_MAX,
                                     1ull << 63,
                                     UINT64_MAX,
                                     0x8080808080808080,
                                     0x7f7f7f7f7f7f7f7f,
                                     0x8000800080008000,
                                     0x00000000ffffffff,
                                     0xffffffff00000000,
                                     0x4b00000100000001};
    uint64_t r = run_random(seed);
    switch (kind) {
    case 0: *bytes = 8; return r;
    case 1: *bytes = 4; return run_f32s[r % RUN_COUNT(run_f32s)];
    case 2: *bytes = 8; return run_f64s[r % RUN_COUNT(run_f64s)];
    default: *bytes = 1u << (kind - 3) % 4; return edges[r % RUN_COUNT(edges)];
    }
}

static struct vec random_vec(uint64_t *seed)
{
    struct vec v;
    uint32_t kind = run_random(seed) % 7;
    for (uint32_t at = 0, bytes; at < 16; at += bytes) {
        uint64_t x = pick(seed, kind, &bytes);
        memcpy(v.b + at, &x, bytes);
    }
    return v;
}

/* Sometimes related to each other: equal lanes are a corner case of comparisons. */
static void random_args(uint64_t *seed, struct vec *v)
{
    for (uint32_t k = 0; k < 3; k++) {
        v[k] = random_vec(seed);
    }
    uint64_t r = run_random(seed);
    for (uint32_t i = 0; i < 16 && r % 4 == 0; i++) {
        v[1].b[i] = (r >> (8 + i / 4)) & 1 ? v[0].b[i] : v[1].b[i];
    }
    if (r % 16 == 1) {
        v[1] = v[0];
    }
}

/* ---- Comparing ---- */

static void show(const char *name, const struct vec *v)
{
    print_error("  %s", name);
    for (uint32_t i = 16; i-- > 0;) {
        print_error("%s%02x", (i + 1) % 4 == 0 ? " " : "", v->b[i]);
    }
    print_error("\n");
}

static bool lane_matches(const struct ref_lanes *row, uint64_t got, uint64_t want, uint64_t a,
                         uint64_t b, bool is_binary)
{
    uint32_t bits = 8u * row->bytes;
    if (!row->is_arithmetic || !ref_is_nan(want, bits)) {
        return got == (want & ref_mask(bits));
    }
    if (bits == 32) {
        bool has = run_has_payload32((uint32_t)a) || (is_binary && run_has_payload32((uint32_t)b));
        return run_nan32_ok((uint32_t)got, has);
    }
    return run_nan64_ok(got, run_has_payload64(a) || (is_binary && run_has_payload64(b)));
}

/* f32x4.demote_f64x2_zero and f64x2.promote_low_f32x4 */
static bool widths_match(uint16_t op, const struct vec *v, const struct vec *got)
{
    bool is_demote = op == SSA_V_F32X4_DEMOTE_F64X2_ZERO, is_ok = true;
    uint32_t from = is_demote ? 8 : 4, to = is_demote ? 4 : 8;
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t x = vec_lane(&v[0], from, i), y = vec_lane(got, to, i);
        if (!ref_is_nan(x, 8 * from)) {
            is_ok = is_ok && y == ref_bits(ref_number(x, 8 * from), 8 * to);
        } else if (is_demote) {
            is_ok = is_ok && run_nan32_ok((uint32_t)y, run_has_payload64(x));
        } else {
            is_ok = is_ok && run_nan64_ok(y, run_has_payload32((uint32_t)x));
        }
    }
    return is_ok && (!is_demote || vec_lane(got, 8, 1) == 0);
}

/* Operations from vectors (and a count) to a vector. */
static bool vector_matches(const struct simd_op *op, const struct vec *v, uint64_t count,
                           const uint8_t shuffle[16], const struct vec *got)
{
    const struct ref_lanes *row = ref_find_lanes(op->op);
    struct vec want = {0};
    if (row != NULL) {
        bool is_shift = op->sig == vi_v, is_ok = true;
        for (uint32_t i = 0; i < 16u / row->bytes; i++) {
            uint64_t a = vec_lane(&v[0], row->bytes, i);
            uint64_t b = is_shift ? count : vec_lane(&v[1], row->bytes, i);
            uint64_t x = row->fn(a, b, 8u * row->bytes);
            is_ok =
                is_ok && lane_matches(row, vec_lane(got, row->bytes, i), x, a, b, op->sig == vv_v);
        }
        return is_ok;
    }
    if (op->op == SSA_V_F32X4_DEMOTE_F64X2_ZERO || op->op == SSA_V_F64X2_PROMOTE_LOW_F32X4) {
        return widths_match(op->op, v, got);
    }
    if (!ref_cross(op->op, v, &want) && !ref_converted(op->op, v, &want)) {
        ref_bytes(op->op, v, shuffle, &want);
    }
    return memcmp(got, &want, 16) == 0;
}

/* ---- Operations on whole vectors ---- */

/* How the arguments come: bits of the number of a variant. */
enum variant {
    VARIANT_COPIES = 1, /* used again afterwards */
    VARIANT_LINEAR = 2, /* the other allocator: everything in memory */
    VARIANT_COUNT = 4,
};

static void begin(struct run *run, const struct run_cpu *cpu, uint32_t variant)
{
    run->name = cpu->name;
    run->is_linear = (variant & VARIANT_LINEAR) != 0;
    run_begin(run, cpu->features);
}

static uint32_t n_vectors(enum sig sig)
{
    return sig == vvv_v ? 3 : sig == vv_v ? 2 : 1;
}

/* const_at: this argument is the constant bytes; 3: none. */
static void compile_vectors(struct run *run, const struct simd_op *op, uint32_t variant,
                            uint32_t const_at, const struct vec *bytes, const uint8_t *shuffle)
{
    val_t args[3] = {VAL_NONE, VAL_NONE, VAL_NONE};
    uint32_t n = n_vectors(op->sig);
    for (uint32_t k = 0; k < n; k++) {
        if (k == const_at) {
            assert_int_equal(ssa_vconst(&run->fn, bytes->b, &args[k]), STATUS_OK);
        } else {
            args[k] = run_load(run, T_V128, RUN_ARGS + 16 * k);
        }
    }
    val_t v = run_inst(run, (enum ssa_op)op->op, T_V128, args[0], args[1], args[2]);
    if (shuffle != NULL) {
        val_t lanes;
        assert_int_equal(ssa_vconst(&run->fn, shuffle, &lanes), STATUS_OK);
        ssa_inst(&run->fn, v)->imm = ssa_inst(&run->fn, lanes)->imm;
    }
    run_store(run, v, RUN_RESULT);
    for (uint32_t k = 0; k < n && (variant & VARIANT_COPIES) != 0; k++) {
        run_store(run, args[k], RUN_COPIES + 16 * k);
    }
    run_finish(run);
}

static void run_vectors(struct run *run, const struct simd_op *op, uint32_t variant,
                        const struct vec *v, uint64_t count, const uint8_t *shuffle)
{
    uint32_t n = n_vectors(op->sig);
    memcpy(run->memory + RUN_ARGS, v, 16 * n);
    assert_int_equal(run_code(run), TRAP_NONE);
    struct vec got;
    memcpy(&got, run->memory + RUN_RESULT, 16);
    bool is_ok = vector_matches(op, v, count, shuffle, &got);
    if ((variant & VARIANT_COPIES) != 0) {
        is_ok = is_ok && memcmp(run->memory + RUN_COPIES, v, 16 * n) == 0;
    }
    if (!is_ok) {
        for (uint32_t k = 0; k < n; k++) {
            show("arg", &v[k]);
        }
        show("got", &got);
        fail_msg("%s %s variant %u count %llu", run->name, op->text, variant,
                 (unsigned long long)count);
    }
}

static void rounds_of_vectors(struct run *run, const struct simd_op *op, uint32_t variant,
                              uint32_t n_rounds, uint32_t const_at, const struct vec *bytes,
                              const uint8_t *shuffle)
{
    uint64_t seed = 0x9e3779b97f4a7c15 + op->op;
    for (uint32_t i = 0; i < n_rounds; i++) {
        struct vec v[3];
        random_args(&seed, v);
        if (const_at < 3) {
            v[const_at] = *bytes;
        }
        run_vectors(run, op, variant, v, 0, shuffle);
    }
}

static void test_vectors(void **)
{
    struct run run;
    run_init(&run);
    for (uint32_t i = 0; i < RUN_COUNT(simd_ops); i++) {
        const struct simd_op *op = &simd_ops[i];
        if ((op->sig != v_v && op->sig != vv_v && op->sig != vvv_v) ||
            op->op == SSA_V_I8X16_SHUFFLE) {
            continue;
        }
        for (uint32_t cpu = 0; cpu < RUN_N_CPUS; cpu++) {
            for (uint32_t variant = 0; variant < VARIANT_COUNT; variant++) {
                begin(&run, &run_cpus[cpu], variant);
                compile_vectors(&run, op, variant, 3, NULL, NULL);
                rounds_of_vectors(&run, op, variant, N_ROUNDS, 3, NULL, NULL);
            }
            uint64_t seed = 1 + op->op;
            for (uint32_t k = 0; k < n_vectors(op->sig) * 4; k++) {
                struct vec bytes = k % 4 == 0 ? (struct vec){0} : random_vec(&seed);
                begin(&run, &run_cpus[cpu], 0);
                compile_vectors(&run, op, 0, k / 4, &bytes, NULL);
                rounds_of_vectors(&run, op, 0, 16, k / 4, &bytes, NULL);
            }
        }
    }
    run_free(&run);
}

/* The same vector twice. */
static void test_same(void **)
{
    struct run run;
    run_init(&run);
    for (uint32_t i = 0; i < RUN_COUNT(simd_ops) * RUN_N_CPUS; i++) {
        const struct simd_op *op = &simd_ops[i / RUN_N_CPUS];
        if (op->sig != vv_v || op->op == SSA_V_I8X16_SHUFFLE) {
            continue;
        }
        begin(&run, &run_cpus[i % RUN_N_CPUS], 0);
        val_t x = run_load(&run, T_V128, RUN_ARGS);
        run_store(&run, run_inst(&run, (enum ssa_op)op->op, T_V128, x, x, VAL_NONE), RUN_RESULT);
        run_finish(&run);
        uint64_t seed = i + 1;
        for (uint32_t k = 0; k < 64; k++) {
            struct vec v[3];
            random_args(&seed, v);
            v[1] = v[0];
            run_vectors(&run, op, 0, v, 0, NULL);
        }
    }
    run_free(&run);
}

/* ---- Shuffles ---- */

/* Patterns that some instruction does, and others. */
static void make_shuffle(uint64_t *seed, uint32_t kind, uint8_t at[16])
{
    uint64_t r = run_random(seed);
    static const uint8_t widths[] = {1, 2, 4, 8};
    uint32_t n = widths[r % 4], base = (r >> 4) % 17;
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t x = (uint32_t)(run_random(seed) >> 11);
        switch (kind) {
        case 0: /* bytes from anywhere */ at[i] = x % 32; break;
        case 1: /* lanes from anywhere */
            at[i] = i % n == 0 ? (uint8_t)(x % (32 / n) * n) : at[i - 1] + 1;
            break;
        case 2: /* lanes where they were, of either */
            at[i] = i % n == 0 ? (uint8_t)(i + (x & 16)) : at[i - 1] + 1;
            break;
        case 3: /* in a row */ at[i] = (uint8_t)((base + i) % 32); break;
        case 4: /* in turns */
            at[i] = (uint8_t)((i / (2 * n) * n + i % n + (i / n % 2 != 0 ? 16 : 0) +
                               ((r >> 9) & 1) * 8) ^
                              ((r >> 10) & 1) * 16);
            break;
        case 5: /* lanes of one half */
            at[i] = (i < 8) == ((r >> 8 & 1) != 0) ? (uint8_t)i
                    : i % 2 == 0                   ? (uint8_t)((i & 8) + x % 4 * 2)
                                                   : at[i - 1] + 1;
            break;
        case 6: /* one lane */ at[i] = (uint8_t)(r >> 8 & 31 & ~(n - 1)) + (uint8_t)(i % n); break;
        case 7: /* some of b, anywhere, in place of a's */
            at[i] = (x & 0xe) == 0 ? (uint8_t)(16 + (x >> 8) % 16) : (uint8_t)i;
            break;
        default: /* words of b, anywhere, in place of a's */
            at[i] = i % 2 == 1       ? (at[i - 1] == i - 1 ? (uint8_t)i : 16 + x % 16)
                    : (x & 0xe) == 0 ? 16 + (x >> 8) % 16
                                     : (uint8_t)i;
            break;
        }
    }
}

static void test_shuffles(void **)
{
    const struct simd_op *op = &simd_ops[13];
    assert_int_equal(op->op, SSA_V_I8X16_SHUFFLE);
    struct run run;
    run_init(&run);
    uint64_t seed = 7;
    for (uint32_t i = 0; i < 30000; i++) {
        uint8_t at[16];
        make_shuffle(&seed, i % 9, at);
        uint32_t const_at = i / 9 % 8;
        struct vec bytes = {0};
        if (i / 72 % 4 == 3) {
            bytes = random_vec(&seed);
        }
        uint32_t variant = i / 576 % VARIANT_COUNT;
        begin(&run, &run_cpus[i / 9 % RUN_N_CPUS], variant);
        if (i % 5 == 4) { /* of one vector */
            for (uint32_t k = 0; k < 16; k++) {
                at[k] = (uint8_t)((at[k] & 15) | (i & 16));
            }
        }
        compile_vectors(&run, op, variant, const_at > 1 ? 3 : const_at, &bytes, at);
        rounds_of_vectors(&run, op, variant, 2, const_at > 1 ? 3 : const_at, &bytes, at);
    }
    run_free(&run);
}

/* ---- Shifts ---- */

/* const_mask: the count was masked already, with more or with less than the operation would. */
static void compile_shift(struct run *run, const struct simd_op *op, uint32_t variant,
                          const uint32_t *const_count, uint32_t const_mask)
{
    val_t x = run_load(run, T_V128, RUN_ARGS);
    val_t count = const_count != NULL ? ssa_const(&run->fn, T_I32, *const_count)
                                      : run_load(run, T_I32, RUN_ARGS + 48);
    if (const_mask != 0) {
        val_t mask = ssa_const(&run->fn, T_I32, const_mask);
        count = run_inst(run, SSA_AND, T_I32, count, mask, VAL_NONE);
    }
    run_store(run, run_inst(run, (enum ssa_op)op->op, T_V128, x, count, VAL_NONE), RUN_RESULT);
    if ((variant & VARIANT_COPIES) != 0) {
        run_store(run, x, RUN_COPIES);
    }
    run_finish(run);
}

static void rounds_of_shift(struct run *run, const struct simd_op *op, uint32_t variant,
                            uint32_t n_rounds, const uint32_t *const_count, uint32_t const_mask)
{
    uint64_t seed = op->op;
    for (uint32_t i = 0; i < n_rounds; i++) {
        struct vec v[3];
        random_args(&seed, v);
        uint32_t count = const_count != NULL ? *const_count : i;
        count = const_count == NULL && i >= 300 ? (uint32_t)run_random(&seed) : count;
        memcpy(run->memory + RUN_ARGS + 48, &count, 4);
        run_vectors(run, op, variant, v, const_mask != 0 ? count & const_mask : count, NULL);
    }
}

static void test_shifts(void **)
{
    struct run run;
    run_init(&run);
    for (uint32_t i = 0; i < RUN_COUNT(simd_ops) * RUN_N_CPUS; i++) {
        const struct simd_op *op = &simd_ops[i / RUN_N_CPUS];
        if (op->sig != vi_v || ref_find_lanes(op->op) == NULL) {
            continue;
        }
        for (uint32_t variant = 0; variant < VARIANT_COUNT; variant++) {
            begin(&run, &run_cpus[i % RUN_N_CPUS], variant);
            compile_shift(&run, op, variant, NULL, 0);
            rounds_of_shift(&run, op, variant, N_ROUNDS, NULL, 0);
            for (uint32_t mask = 3; mask < 128; mask = 2 * mask + 1) {
                begin(&run, &run_cpus[i % RUN_N_CPUS], variant);
                compile_shift(&run, op, variant, NULL, mask);
                rounds_of_shift(&run, op, variant, 130, NULL, mask);
            }
            for (uint32_t count = 0; count < 130; count++) {
                begin(&run, &run_cpus[i % RUN_N_CPUS], variant);
                compile_shift(&run, op, variant, &count, 0);
                rounds_of_shift(&run, op, variant, 16, &count, 0);
            }
        }
    }
    run_free(&run);
}

/* ---- Single lanes ---- */

static enum ssa_type scalar_of(enum sig sig)
{
    switch ((int)sig) {
    case I_v:
    case vI_v:
    case v_I: return T_I64;
    case f_v:
    case vf_v:
    case v_f: return T_F32;
    case F_v:
    case vF_v:
    case v_F: return T_F64;
    default: return T_I32;
    }
}

static uint32_t lane_bytes(const char *text)
{
    return text[1] == '8' ? 1 : text[1] == '1' ? 2 : text[1] == '3' ? 4 : 8;
}

/* The scalar argument: a constant, loaded as narrow as the lane, loaded, or used twice. */
static val_t scalar_arg(struct run *run, enum ssa_type type, uint32_t bytes, uint32_t how,
                        uint64_t bits)
{
    if (how == 0) {
        return ssa_const(&run->fn, type, bits);
    }
    if (how == 1 && type == T_I32 && bytes < 4) {
        val_t v = run_inst(run, bytes == 1 ? SSA_LOAD8_U : SSA_LOAD16_U, T_I32,
                           ssa_const(&run->fn, T_I32, 0), VAL_NONE, VAL_NONE);
        ssa_inst(&run->fn, v)->imm = RUN_ARGS + 48;
        return v;
    }
    return run_load(run, type, RUN_ARGS + 48);
}

/* Splats and replacements. */
static void check_put(struct run *run, const struct simd_op *op, uint32_t how, uint32_t lane,
                      uint64_t seed)
{
    bool is_splat = op->sig == i_v || op->sig == I_v || op->sig == f_v || op->sig == F_v;
    enum ssa_type type = scalar_of(op->sig);
    uint32_t bytes = lane_bytes(op->text), type_bytes = type == T_I64 || type == T_F64 ? 8 : 4;
    struct vec v[3];
    random_args(&seed, v);
    uint64_t bits = run_random(&seed) & (type_bytes == 4 ? UINT32_MAX : UINT64_MAX);
    val_t scalar = scalar_arg(run, type, bytes, how, bits);
    val_t x = is_splat ? VAL_NONE : run_load(run, T_V128, RUN_ARGS);
    val_t a = is_splat ? scalar : x, b = is_splat ? VAL_NONE : scalar;
    val_t result = run_inst(run, (enum ssa_op)op->op, T_V128, a, b, VAL_NONE);
    ssa_inst(&run->fn, result)->sub = (uint8_t)lane;
    run_store(run, result, RUN_RESULT);
    if (how == 3) {
        run_store(run, is_splat ? result : x, RUN_COPIES);
        run_store(run, scalar, RUN_COPIES + 16);
    }
    run_finish(run);
    memcpy(run->memory + RUN_ARGS, &v[0], 16);
    memcpy(run->memory + RUN_ARGS + 48, &bits, 8);
    assert_int_equal(run_code(run), TRAP_NONE);
    for (uint32_t i = 0; i < 16 / bytes; i++) {
        if (is_splat || i == lane) {
            vec_set(&v[0], bytes, i, bits);
        }
    }
    bool is_ok = memcmp(run->memory + RUN_RESULT, &v[0], 16) == 0;
    if (how == 3) {
        is_ok = is_ok && memcmp(run->memory + RUN_COPIES + 16, &bits, type_bytes) == 0;
    }
    if (!is_ok) {
        fail_msg("%s %s lane %u how %u", run->name, op->text, lane, how);
    }
}

static void check_extract(struct run *run, const struct simd_op *op, uint32_t lane, uint64_t seed)
{
    enum ssa_type type = scalar_of(op->sig);
    uint32_t bytes = lane_bytes(op->text), type_bytes = type == T_I64 || type == T_F64 ? 8 : 4;
    struct vec v[3];
    random_args(&seed, v);
    bool is_signed = op->op == SSA_V_I8X16_EXTRACT_LANE_S || op->op == SSA_V_I16X8_EXTRACT_LANE_S;
    val_t x = run_load(run, T_V128, RUN_ARGS);
    val_t result = run_inst(run, (enum ssa_op)op->op, type, x, VAL_NONE, VAL_NONE);
    ssa_inst(&run->fn, result)->sub = (uint8_t)lane;
    run_store(run, result, RUN_RESULT);
    if (seed % 2 == 0) { /* otherwise the store may take the lane itself */
        run_store(run, result, RUN_COPIES);
        run_store(run, x, RUN_COPIES + 16);
    }
    run_finish(run);
    memcpy(run->memory + RUN_ARGS, &v[0], 16);
    assert_int_equal(run_code(run), TRAP_NONE);
    uint64_t want = ref_widened(&v[0], bytes, lane, is_signed);
    if (memcmp(run->memory + RUN_RESULT, &want, type_bytes) != 0) {
        fail_msg("%s %s lane %u", run->name, op->text, lane);
    }
}

static void test_lanes(void **)
{
    struct run run;
    run_init(&run);
    for (uint32_t i = 0; i < RUN_COUNT(simd_ops) * RUN_N_CPUS; i++) {
        const struct simd_op *op = &simd_ops[i / RUN_N_CPUS];
        uint32_t n_lanes = ssa_n_lanes[op->op] != 0 ? ssa_n_lanes[op->op] : 1;
        bool is_load = op->sig == i_v && strstr(op->text, "load") != NULL;
        bool is_put =
            !is_load && (op->sig == i_v || op->sig == I_v || op->sig == f_v || op->sig == F_v ||
                         op->sig == vI_v || op->sig == vf_v || op->sig == vF_v ||
                         (op->sig == vi_v && ref_find_lanes(op->op) == NULL));
        bool is_extract = strstr(op->text, "extract") != NULL;
        for (uint32_t k = 0; k < n_lanes * 8 && (is_put || is_extract); k++) {
            begin(&run, &run_cpus[i % RUN_N_CPUS], k & VARIANT_LINEAR);
            if (is_put) {
                check_put(&run, op, k % 4, k / 8, k + 1);
            } else {
                check_extract(&run, op, k / 8, k + 1);
            }
        }
    }
    run_free(&run);
}

/* A lane of one vector replaces one of another. */
static void test_moved_lanes(void **)
{
    struct run run;
    run_init(&run);
    uint64_t seed = 11;
    for (uint32_t i = 0; i < RUN_N_CPUS * 20 * 4; i++) {
        uint32_t pair = i / RUN_N_CPUS % 20, bytes = pair < 16 ? 4 : 8, n = 16 / bytes;
        uint8_t to = (uint8_t)(pair % n), from = (uint8_t)(pair % 16 / n);
        enum ssa_type type = bytes == 4 ? T_F32 : T_F64;
        struct vec v[3];
        random_args(&seed, v);
        begin(&run, &run_cpus[i % RUN_N_CPUS], i / RUN_N_CPUS / 20 & VARIANT_LINEAR);
        val_t a = run_load(&run, T_V128, RUN_ARGS), b = run_load(&run, T_V128, RUN_ARGS + 16);
        val_t lane =
            run_inst(&run, bytes == 4 ? SSA_V_F32X4_EXTRACT_LANE : SSA_V_F64X2_EXTRACT_LANE, type,
                     b, VAL_NONE, VAL_NONE);
        ssa_inst(&run.fn, lane)->sub = from;
        val_t x = run_inst(&run, bytes == 4 ? SSA_V_F32X4_REPLACE_LANE : SSA_V_F64X2_REPLACE_LANE,
                           T_V128, a, lane, VAL_NONE);
        ssa_inst(&run.fn, x)->sub = to;
        run_store(&run, x, RUN_RESULT);
        run_finish(&run);
        memcpy(run.memory + RUN_ARGS, v, sizeof v);
        assert_int_equal(run_code(&run), TRAP_NONE);
        vec_set(&v[0], bytes, to, vec_lane(&v[1], bytes, from));
        assert_memory_equal(run.memory + RUN_RESULT, &v[0], 16);
    }
    run_free(&run);
}

/* ---- Truth ---- */

enum use { USE_VALUE, USE_TRAP, USE_SELECT, USE_COUNT };

/* A number made of a vector x: stored, or deciding over a trap or a select. */
static void check_truth(struct run *run, const struct simd_op *op, enum use use, val_t x,
                        const struct vec *wanted_of)
{
    val_t v = run_inst(run, (enum ssa_op)op->op, T_I32, x, VAL_NONE, VAL_NONE);
    if (use == USE_TRAP) {
        val_t trap = run_inst(run, SSA_TRAP_IF, T_VOID, v, VAL_NONE, VAL_NONE);
        ssa_inst(&run->fn, trap)->sub = TRAP_UNREACHABLE;
    } else if (use == USE_SELECT) {
        val_t a = ssa_const(&run->fn, T_I32, 77), b = ssa_const(&run->fn, T_I32, 88);
        run_store(run, run_inst(run, SSA_SELECT, T_I32, v, a, b), RUN_RESULT);
    } else {
        run_store(run, v, RUN_RESULT);
    }
    run_finish(run);
    uint64_t want = ref_truth(op->op, wanted_of);
    enum engine_trap trap = run_code(run);
    bool is_ok = trap == (use == USE_TRAP && want != 0 ? TRAP_UNREACHABLE : TRAP_NONE);
    want = use == USE_SELECT ? (want != 0 ? 77 : 88) : want;
    is_ok = is_ok && (use == USE_TRAP || memcmp(run->memory + RUN_RESULT, &want, 4) == 0);
    if (!is_ok) {
        show("of", wanted_of);
        fail_msg("%s %s use %d", run->name, op->text, use);
    }
}

#define N_MASKS (2 + 3 * 12u)

/* x is one vector, or the result of a comparison, one negated, or two joined, or bits of two. */
static val_t build_mask(struct run *run, uint32_t how, const struct vec *v, struct vec *out)
{
    static const struct {
        uint16_t op, bytes;
        ref_fn *fn;
    } compares[] = {
        {SSA_V_I8X16_EQ, 1, ref_eq},     {SSA_V_I8X16_NE, 1, ref_ne},
        {SSA_V_I16X8_GT_U, 2, ref_gt_u}, {SSA_V_I16X8_NE, 2, ref_ne},
        {SSA_V_I32X4_NE, 4, ref_ne},     {SSA_V_I32X4_LE_S, 4, ref_le_s},
        {SSA_V_F32X4_LT, 4, ref_flt},    {SSA_V_I64X2_NE, 8, ref_ne},
        {SSA_V_I64X2_EQ, 8, ref_eq},     {SSA_V_F64X2_NE, 8, ref_fne},
        {SSA_V_I8X16_LT_U, 1, ref_lt_u}, {SSA_V_I64X2_GE_S, 8, ref_ge_s},
    };
    val_t a = run_load(run, T_V128, RUN_ARGS), b = run_load(run, T_V128, RUN_ARGS + 16);
    *out = v[0];
    if (how == 0) {
        return a;
    }
    if (how == N_MASKS - 1) {
        for (uint32_t i = 0; i < 16; i++) {
            out->b[i] &= v[1].b[i];
        }
        return run_inst(run, SSA_V_V128_AND, T_V128, a, b, VAL_NONE);
    }
    uint32_t row = (how - 1) % RUN_COUNT(compares), bytes = compares[row].bytes;
    for (uint32_t i = 0; i < 16 / bytes; i++) {
        vec_set(out, bytes, i,
                compares[row].fn(vec_lane(&v[0], bytes, i), vec_lane(&v[1], bytes, i), 8 * bytes));
    }
    val_t x = run_inst(run, (enum ssa_op)compares[row].op, T_V128, a, b, VAL_NONE);
    if ((how - 1) / RUN_COUNT(compares) == 1) {
        for (uint32_t i = 0; i < 16; i++) {
            out->b[i] = (uint8_t)~out->b[i];
        }
        return run_inst(run, SSA_V_V128_NOT, T_V128, x, VAL_NONE, VAL_NONE);
    }
    if ((how - 1) / RUN_COUNT(compares) == 2) {
        for (uint32_t i = 0; i < 16; i++) {
            out->b[i] |= v[0].b[i] == v[2].b[i] ? 0xff : 0;
        }
        val_t c = run_load(run, T_V128, RUN_ARGS + 32);
        val_t y = run_inst(run, SSA_V_I8X16_EQ, T_V128, a, c, VAL_NONE);
        return run_inst(run, SSA_V_V128_OR, T_V128, x, y, VAL_NONE);
    }
    return x;
}

static void mask_args(uint64_t *seed, struct vec *v)
{
    random_args(seed, v);
    uint64_t r = run_random(seed);
    if (r % 4 == 0) { /* mostly, or wholly, equal */
        v[1] = v[0];
        v[1].b[r >> 8 & 15] ^= (uint8_t)(r >> 16 & 1);
    }
    if (r % 8 == 1) {
        memset(&v[0], 0, 16);
        v[0].b[r >> 8 & 15] = (uint8_t)(r >> 16 & 1);
    }
}

static void test_truth(void **)
{
    struct run run;
    run_init(&run);
    uint64_t seed = 3;
    for (uint32_t i = 0; i < RUN_COUNT(simd_ops) * RUN_N_CPUS; i++) {
        const struct simd_op *op = &simd_ops[i / RUN_N_CPUS];
        if (op->sig != v_i || strstr(op->text, "extract") != NULL) {
            continue;
        }
        for (uint32_t k = 0; k < 60 * N_MASKS; k++) {
            struct vec v[3], of;
            mask_args(&seed, v);
            begin(&run, &run_cpus[i % RUN_N_CPUS], k / N_MASKS & VARIANT_LINEAR);
            val_t x = build_mask(&run, k % N_MASKS, v, &of);
            memcpy(run.memory + RUN_ARGS, v, sizeof v);
            check_truth(&run, op, (enum use)(k / N_MASKS % USE_COUNT), x, &of);
        }
    }
    run_free(&run);
}

/* bitselect by a mask, and a select of whole vectors by its truth. */
static void test_masks(void **)
{
    struct run run;
    run_init(&run);
    uint64_t seed = 5;
    for (uint32_t i = 0; i < N_MASKS * RUN_N_CPUS * 40; i++) {
        struct vec v[3], mask, want;
        mask_args(&seed, v);
        begin(&run, &run_cpus[i / N_MASKS % RUN_N_CPUS], i / N_MASKS / RUN_N_CPUS & VARIANT_LINEAR);
        val_t c = build_mask(&run, i % N_MASKS, v, &mask);
        val_t a = run_load(&run, T_V128, RUN_ARGS + 16), b = run_load(&run, T_V128, RUN_ARGS + 32);
        memcpy(run.memory + RUN_ARGS, v, sizeof v);
        bool is_select = i / N_MASKS / RUN_N_CPUS % 4 == 3;
        val_t result;
        if (is_select) {
            val_t any = run_inst(&run, SSA_V_V128_ANY_TRUE, T_I32, c, VAL_NONE, VAL_NONE);
            result = run_inst(&run, SSA_SELECT, T_V128, any, a, b);
            want = ref_truth(SSA_V_V128_ANY_TRUE, &mask) != 0 ? v[1] : v[2];
        } else {
            result = run_inst(&run, SSA_V_V128_BITSELECT, T_V128, a, b, c);
            ref_bytes(SSA_V_V128_BITSELECT, (struct vec[]){v[1], v[2], mask}, NULL, &want);
        }
        run_store(&run, result, RUN_RESULT);
        run_finish(&run);
        assert_int_equal(run_code(&run), TRAP_NONE);
        if (memcmp(run.memory + RUN_RESULT, &want, 16) != 0) {
            fail_msg("%s mask %u select %d", run.name, i % N_MASKS, is_select);
        }
    }
    run_free(&run);
}

/* ---- Memory ---- */

/* What a load makes of the bytes; lane and old for those that replace one. */
static struct vec ref_load(const struct simd_op *op, const uint8_t *data, uint32_t lane,
                           const struct vec *old)
{
    struct vec v = {0};
    uint32_t bytes = 1u << op->width;
    if (op->sig == iv_v) {
        v = *old;
        memcpy(v.b + lane * bytes, data, bytes);
    } else if (strstr(op->text, "splat") != NULL) {
        for (uint32_t i = 0; i < 16; i++) {
            v.b[i] = data[i % bytes];
        }
    } else if (strchr(op->text, 'x') != NULL) { /* load8x8_s */
        uint32_t from = (uint32_t)atoi(op->text + 9) / 8;
        bool is_signed = op->text[strlen(op->text) - 1] == 's';
        struct vec source;
        memcpy(source.b, data, 8);
        for (uint32_t i = 0; i < 8 / from; i++) {
            vec_set(&v, 2 * from, i, ref_widened(&source, from, i, is_signed));
        }
    } else {
        memcpy(v.b, data, bytes);
    }
    return v;
}

static void check_memory(struct run *run, const struct simd_op *op, uint32_t lane, uint64_t seed)
{
    struct vec v[3];
    random_args(&seed, v);
    uint32_t address = RUN_DATA + run_random(&seed) % 64, offset = run_random(&seed) % 64;
    val_t at =
        seed % 2 == 0 ? run_load(run, T_I32, RUN_ARGS + 48) : ssa_const(&run->fn, T_I32, address);
    bool is_load = op->sig != iv_;
    val_t x = op->sig != i_v ? run_load(run, T_V128, RUN_ARGS) : VAL_NONE;
    val_t result = run_inst(run, (enum ssa_op)op->op, is_load ? T_V128 : T_VOID, at, x, VAL_NONE);
    ssa_inst(&run->fn, result)->sub = (uint8_t)lane;
    ssa_inst(&run->fn, result)->imm = offset;
    if (is_load) {
        run_store(run, result, RUN_RESULT);
    }
    run_finish(run);
    uint8_t *data = run->memory + RUN_DATA, before[256];
    for (uint32_t i = 0; i < sizeof before; i++) {
        data[i] = before[i] = (uint8_t)run_random(&seed);
    }
    memcpy(run->memory + RUN_ARGS, &v[0], 16);
    memcpy(run->memory + RUN_ARGS + 48, &address, 4);
    assert_int_equal(run_code(run), TRAP_NONE);
    uint32_t first = address + offset - RUN_DATA, bytes = 1u << op->width;
    bool is_ok = true;
    if (is_load) {
        struct vec want = ref_load(op, before + first, lane, &v[0]);
        is_ok = memcmp(run->memory + RUN_RESULT, &want, 16) == 0;
    } else {
        memcpy(before + first, v[0].b + lane * bytes, bytes);
    }
    if (!is_ok || memcmp(data, before, sizeof before) != 0) {
        fail_msg("%s %s lane %u", run->name, op->text, lane);
    }
}

static void test_memory(void **)
{
    struct run run;
    run_init(&run);
    for (uint32_t i = 0; i < RUN_COUNT(simd_ops) * RUN_N_CPUS; i++) {
        const struct simd_op *op = &simd_ops[i / RUN_N_CPUS];
        bool is_memory = op->sig == iv_ || op->sig == iv_v ||
                         (op->sig == i_v && strstr(op->text, "load") != NULL);
        uint32_t n_lanes = ssa_n_lanes[op->op] != 0 ? ssa_n_lanes[op->op] : 1;
        for (uint32_t k = 0; k < n_lanes * 16 && is_memory; k++) {
            begin(&run, &run_cpus[i % RUN_N_CPUS], k & VARIANT_LINEAR);
            check_memory(&run, op, k / 16, k + 1);
        }
    }
    run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),  cmocka_unit_test(test_same),
        cmocka_unit_test(test_shuffles), cmocka_unit_test(test_shifts),
        cmocka_unit_test(test_lanes),    cmocka_unit_test(test_moved_lanes),
        cmocka_unit_test(test_truth),    cmocka_unit_test(test_masks),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
