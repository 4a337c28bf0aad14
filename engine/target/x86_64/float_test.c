/*
 * Scalar floats: each operation as selected, encoded and run, on all pairs of edge-case values,
 * against what wasm 2.0 §4.3.3 says, for each kind of CPU; and once more with the arguments used
 * again afterwards (nothing may be overwritten, no load may be folded).
 */
#include "engine/target/x86_64/vec_test_support.h"

#include <math.h>

struct value {
    enum ssa_type type;
    uint64_t bits;
};

static float f32_of(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, 4);
    return f;
}

static double f64_of(uint64_t bits)
{
    double f;
    memcpy(&f, &bits, 8);
    return f;
}

static uint64_t bits32(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, 4);
    return bits;
}

static uint64_t bits64(double f)
{
    uint64_t bits;
    memcpy(&bits, &f, 8);
    return bits;
}

static bool is_nan(struct value v)
{
    return v.type == T_F32 ? run_is_nan32((uint32_t)v.bits)
                           : v.type == T_F64 && run_is_nan64(v.bits);
}

static bool has_payload(struct value v)
{
    return v.type == T_F32 ? run_has_payload32((uint32_t)v.bits)
                           : v.type == T_F64 && run_has_payload64(v.bits);
}

/* Its number: exact in a double for both types. */
static double number(struct value v)
{
    return v.type == T_F32 ? (double)f32_of(v.bits) : f64_of(v.bits);
}

static uint64_t sign_bit(enum ssa_type type)
{
    return type == T_F32 ? 0x80000000 : 0x8000000000000000;
}

/* ---- What the operations are to do ---- */

struct expected {
    uint64_t bits;
    enum engine_trap trap;
    bool is_arithmetic; /* NaNs by the rules of arithmetic, else to the bit */
};

static uint64_t ref_arithmetic(enum ssa_op op, enum ssa_type type, uint64_t a, uint64_t b)
{
    float x = f32_of(a), y = f32_of(b);
    double u = f64_of(a), w = f64_of(b);
    bool is_32 = type == T_F32;
    switch ((uint16_t)op) {
    case SSA_FADD: return is_32 ? bits32(x + y) : bits64(u + w);
    case SSA_FSUB: return is_32 ? bits32(x - y) : bits64(u - w);
    case SSA_FMUL: return is_32 ? bits32(x * y) : bits64(u * w);
    case SSA_FDIV: return is_32 ? bits32(x / y) : bits64(u / w);
    case SSA_FCEIL: return is_32 ? bits32(ceilf(x)) : bits64(ceil(u));
    case SSA_FFLOOR: return is_32 ? bits32(floorf(x)) : bits64(floor(u));
    case SSA_FTRUNC: return is_32 ? bits32(truncf(x)) : bits64(trunc(u));
    case SSA_FNEAREST: return is_32 ? bits32(nearbyintf(x)) : bits64(nearbyint(u));
    case SSA_FSQRT: return is_32 ? bits32(sqrtf(x)) : bits64(sqrt(u));
    default: fail(); return 0;
    }
}

static uint64_t ref_minmax(bool is_min, struct value a, struct value b)
{
    if (is_nan(a) || is_nan(b)) {
        return a.type == T_F32 ? 0x7fc00000 : 0x7ff8000000000000;
    }
    double x = number(a), y = number(b);
    if (x == y) {
        return is_min ? a.bits | b.bits : a.bits & b.bits;
    }
    return (x < y) == is_min ? a.bits : b.bits;
}

static bool ref_compare(enum ssa_op op, struct value a, struct value b)
{
    double x = number(a), y = number(b);
    switch ((uint16_t)op) {
    case SSA_FEQ: return x == y;
    case SSA_FNE: return x != y;
    case SSA_FLT: return x < y;
    case SSA_FGT: return x > y;
    case SSA_FLE: return x <= y;
    default: return x >= y;
    }
}

static struct expected ref_trunc(struct value a, enum ssa_type to, bool is_signed, bool is_sat)
{
    double min = !is_signed ? 0 : to == T_I32 ? -2147483648.0 : -9223372036854775808.0;
    double end = to == T_I32 ? (is_signed ? 2147483648.0 : 4294967296.0)
                             : (is_signed ? 9223372036854775808.0 : 18446744073709551616.0);
    uint64_t max = (to == T_I32 ? UINT32_MAX : UINT64_MAX) >> is_signed;
    uint64_t lowest = is_signed ? max + 1 : 0;
    double x = trunc(number(a));
    if (is_nan(a)) {
        return (struct expected){.trap = is_sat ? TRAP_NONE : TRAP_BAD_CONVERSION};
    }
    if (x < min || x >= end) {
        return (struct expected){.bits = x < min ? lowest : max,
                                 .trap = is_sat ? TRAP_NONE : TRAP_INT_OVERFLOW};
    }
    uint64_t bits = x < 0 ? (uint64_t)(int64_t)x : (uint64_t)x;
    return (struct expected){.bits = to == T_I32 ? (uint32_t)bits : bits};
}

static uint64_t ref_convert(struct value a, enum ssa_type to, bool is_signed)
{
    if (is_signed) {
        int64_t x = a.type == T_I32 ? (int32_t)a.bits : (int64_t)a.bits;
        return to == T_F32 ? bits32((float)x) : bits64((double)x);
    }
    return to == T_F32 ? bits32((float)a.bits) : bits64((double)a.bits);
}

static struct expected ref_op(enum ssa_op op, enum ssa_type to, const struct value *v)
{
    uint64_t a = v[0].bits, b = v[1].bits, sign = sign_bit(to);
    switch ((uint16_t)op) {
    case SSA_FMIN:
    case SSA_FMAX:
        return (struct expected){.bits = ref_minmax(op == SSA_FMIN, v[0], v[1]),
                                 .is_arithmetic = true};
    case SSA_FCOPYSIGN: return (struct expected){.bits = (a & ~sign) | (b & sign)};
    case SSA_FABS: return (struct expected){.bits = a & ~sign};
    case SSA_FNEG: return (struct expected){.bits = a ^ sign};
    case SSA_TRUNC_S:
    case SSA_TRUNC_U: return ref_trunc(v[0], to, op == SSA_TRUNC_S, false);
    case SSA_TRUNC_SAT_S:
    case SSA_TRUNC_SAT_U: return ref_trunc(v[0], to, op == SSA_TRUNC_SAT_S, true);
    case SSA_CONVERT_S:
    case SSA_CONVERT_U:
        return (struct expected){.bits = ref_convert(v[0], to, op == SSA_CONVERT_S)};
    case SSA_DEMOTE:
        return (struct expected){.bits = bits32((float)f64_of(a)), .is_arithmetic = true};
    case SSA_PROMOTE:
        return (struct expected){.bits = bits64((double)f32_of(a)), .is_arithmetic = true};
    case SSA_BITCAST: return (struct expected){.bits = a};
    default: break;
    }
    if (op >= SSA_FEQ && op <= SSA_FGE) {
        return (struct expected){.bits = ref_compare(op, v[0], v[1])};
    }
    return (struct expected){.bits = ref_arithmetic(op, to, a, b), .is_arithmetic = true};
}

/* ---- Running them ---- */

static const uint64_t i64s[] = {
    0,
    1,
    2,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0xfffffffe,
    0x1000001,
    0x1000003,
    0x7fffffbf,
    0xffffff7f,
    0xffffff80,
    1ull << 53,
    (1ull << 53) + 1,
    (1ull << 53) + 3,
    INT64_MAX,
    1ull << 63,
    UINT64_MAX,
    UINT64_MAX - 1023,
    UINT64_MAX - 1024,
    (1ull << 63) + 1024,
    (1ull << 63) + 1025,
    0x7fffff4000000001,
    0x8000008000000000,
    0x8000008000000001,
    0xffffff7fffffffff,
    0xffffff8000000000,
    0x0020000020000001,
    0x8000004000000001,
    0x4000004000000001,
};

static struct value value_at(enum ssa_type type, uint32_t i)
{
    switch ((uint8_t)type) {
    case T_F32: return (struct value){type, i < RUN_COUNT(run_f32s) ? run_f32s[i] : 0};
    case T_F64: return (struct value){type, i < RUN_COUNT(run_f64s) ? run_f64s[i] : 0};
    case T_I32: return (struct value){type, i < RUN_COUNT(i64s) ? (uint32_t)i64s[i] : 0};
    default: return (struct value){type, i < RUN_COUNT(i64s) ? i64s[i] : 0};
    }
}

static uint32_t n_values(enum ssa_type type)
{
    return type == T_F32   ? RUN_COUNT(run_f32s)
           : type == T_F64 ? RUN_COUNT(run_f64s)
                           : RUN_COUNT(i64s);
}

static uint32_t type_bytes(enum ssa_type type)
{
    return type == T_I32 || type == T_F32 ? 4 : 8;
}

struct test {
    enum ssa_op op;
    enum ssa_type from, to;
    uint32_t n_args;
};

static void check(struct run *run, const struct test *test, const struct value *v)
{
    struct expected want = ref_op(test->op, test->to, v);
    for (uint32_t k = 0; k < test->n_args; k++) {
        memset(run->memory + RUN_ARGS + 16 * k, 0xee, 16);
        memcpy(run->memory + RUN_ARGS + 16 * k, &v[k].bits, type_bytes(v[k].type));
    }
    memset(run->memory + RUN_RESULT, 0xcc, 16);
    enum engine_trap trap = run_code(run);
    struct value got = {test->to, 0};
    memcpy(&got.bits, run->memory + RUN_RESULT, type_bytes(test->to));
    bool is_ok = trap == want.trap;
    if (is_ok && trap == TRAP_NONE) {
        bool has = has_payload(v[0]) || (test->n_args > 1 && has_payload(v[1]));
        struct value wanted = {test->to, want.bits};
        if (want.is_arithmetic && is_nan(wanted)) {
            is_ok = test->to == T_F32 ? run_nan32_ok((uint32_t)got.bits, has)
                                      : run_nan64_ok(got.bits, has);
        } else {
            is_ok = got.bits == want.bits;
        }
    }
    if (!is_ok) {
        fail_msg("%s %s %u->%u (%llx, %llx): got %llx trap %d, want %llx trap %d", run->name,
                 ssa_op_infos[test->op].text, test->from, test->to, (unsigned long long)v[0].bits,
                 (unsigned long long)v[1].bits, (unsigned long long)got.bits, trap,
                 (unsigned long long)want.bits, want.trap);
    }
}

/* Each argument as it was, wherever it was kept meanwhile. */
static void check_copies(struct run *run, const struct test *test, const struct value *v)
{
    for (uint32_t k = 0; k < test->n_args; k++) {
        assert_memory_equal(run->memory + RUN_COPIES + 16 * k, &v[k].bits, type_bytes(v[k].type));
    }
}

static void compile_op(struct run *run, const struct test *test, bool has_copies)
{
    val_t args[2] = {VAL_NONE, VAL_NONE};
    for (uint32_t k = 0; k < test->n_args; k++) {
        args[k] = run_load(run, test->from, RUN_ARGS + 16 * k);
    }
    val_t v = run_inst(run, test->op, test->to, args[0], args[1], VAL_NONE);
    run_store(run, v, RUN_RESULT);
    for (uint32_t k = 0; k < test->n_args && has_copies; k++) {
        run_store(run, args[k], RUN_COPIES + 16 * k);
    }
    run_finish(run);
}

static void run_values(struct run *run, const struct test *test)
{
    uint32_t n = n_values(test->from);
    for (uint32_t cpu = 0; cpu < RUN_N_CPUS; cpu++) {
        for (uint32_t mode = 0; mode < 4; mode++) {
            run->name = run_cpus[cpu].name;
            run->is_linear = (mode & 2) != 0;
            run_begin(run, run_cpus[cpu].features);
            compile_op(run, test, (mode & 1) != 0);
            for (uint32_t i = 0; i < n; i++) {
                for (uint32_t k = 0; k < (test->n_args == 2 ? n : 1); k++) {
                    struct value v[2] = {value_at(test->from, i), value_at(test->from, k)};
                    check(run, test, v);
                    if ((mode & 1) != 0 && ref_op(test->op, test->to, v).trap == TRAP_NONE) {
                        check_copies(run, test, v);
                    }
                }
            }
        }
    }
}

static void test_operations(void **)
{
    struct run run;
    run_init(&run);
    for (enum ssa_type type = T_F32; type <= T_F64; type++) {
        for (uint32_t op = SSA_FADD; op <= SSA_FSQRT; op++) {
            uint32_t n_args = ssa_op_infos[op].n_args;
            run_values(&run, &(struct test){(enum ssa_op)op, type, type, n_args});
        }
        for (uint32_t op = SSA_FEQ; op <= SSA_FGE; op++) {
            run_values(&run, &(struct test){(enum ssa_op)op, type, T_I32, 2});
        }
    }
    run_free(&run);
}

static void test_conversions(void **)
{
    struct run run;
    run_init(&run);
    for (enum ssa_type f = T_F32; f <= T_F64; f++) {
        for (enum ssa_type i = T_I32; i <= T_I64; i++) {
            for (uint32_t op = SSA_TRUNC_S; op <= SSA_TRUNC_SAT_U; op++) {
                run_values(&run, &(struct test){(enum ssa_op)op, f, i, 1});
            }
            run_values(&run, &(struct test){SSA_CONVERT_S, i, f, 1});
            run_values(&run, &(struct test){SSA_CONVERT_U, i, f, 1});
        }
        enum ssa_type same = f == T_F32 ? T_I32 : T_I64;
        run_values(&run, &(struct test){SSA_BITCAST, same, f, 1});
        run_values(&run, &(struct test){SSA_BITCAST, f, same, 1});
    }
    run_values(&run, &(struct test){SSA_DEMOTE, T_F64, T_F32, 1});
    run_values(&run, &(struct test){SSA_PROMOTE, T_F32, T_F64, 1});
    run_free(&run);
}

/* copysign and store with a constant. */
static void test_constants(void **)
{
    struct run run;
    run_init(&run);
    for (uint32_t i = 0; i < RUN_N_CPUS * RUN_COUNT(run_f64s); i++) {
        struct value x = value_at(T_F64, i / RUN_N_CPUS), y = value_at(T_F32, i / RUN_N_CPUS);
        for (uint32_t k = 0; k < RUN_COUNT(run_f64s); k++) {
            struct value a = value_at(T_F64, k), b = value_at(T_F32, k);
            run.name = run_cpus[i % RUN_N_CPUS].name;
            run_begin(&run, run_cpus[i % RUN_N_CPUS].features);
            val_t x_const = ssa_const(&run.fn, T_F64, x.bits);
            val_t y_const = ssa_const(&run.fn, T_F32, y.bits);
            run_store(&run, x_const, RUN_RESULT);
            run_store(&run, y_const, RUN_RESULT + 8);
            val_t u = run_load(&run, T_F64, RUN_ARGS), w = run_load(&run, T_F32, RUN_ARGS + 16);
            run_store(&run, run_inst(&run, SSA_FCOPYSIGN, T_F64, u, x_const, VAL_NONE), RUN_COPIES);
            run_store(&run, run_inst(&run, SSA_FCOPYSIGN, T_F32, w, y_const, VAL_NONE),
                      RUN_COPIES + 8);
            run_finish(&run);
            memcpy(run.memory + RUN_ARGS, &a.bits, 8);
            memcpy(run.memory + RUN_ARGS + 16, &b.bits, 4);
            assert_int_equal(run_code(&run), TRAP_NONE);
            uint64_t want = ref_op(SSA_FCOPYSIGN, T_F64, (struct value[]){a, x}).bits;
            uint64_t want32 = ref_op(SSA_FCOPYSIGN, T_F32, (struct value[]){b, y}).bits;
            assert_memory_equal(run.memory + RUN_RESULT, &x.bits, 8);
            assert_memory_equal(run.memory + RUN_RESULT + 8, &y.bits, 4);
            assert_memory_equal(run.memory + RUN_COPIES, &want, 8);
            assert_memory_equal(run.memory + RUN_COPIES + 8, &want32, 4);
        }
    }
    run_free(&run);
}

/* ---- Conditions ---- */

/* What a select chooses between: the compared values, others, a constant. */
enum choice {
    CHOOSE_SAME,
    CHOOSE_CROSSED,
    CHOOSE_OTHER,
    CHOOSE_ZERO,
    CHOOSE_ZERO_FIRST,
    CHOOSE_VECTORS,
    CHOOSE_CONST, /* and from here on: compared with it, too */
    CHOOSE_CONST_ZERO,
    CHOOSE_CONST_MINUS_ZERO,
    CHOOSE_CONST_NAN,
    CHOOSE_COUNT,
};

static uint64_t const_bits(enum choice choice, enum ssa_type type)
{
    switch ((int)choice) {
    case CHOOSE_CONST_ZERO: return 0;
    case CHOOSE_CONST_MINUS_ZERO: return sign_bit(type);
    case CHOOSE_CONST_NAN: return type == T_F32 ? 0x7fc00000 : 0x7ff8000000000000;
    default: return type == T_F32 ? bits32(1.5f) : bits64(1.5);
    }
}

static val_t build_select(struct run *run, enum ssa_type type, enum choice choice, val_t cond,
                          val_t a, val_t b)
{
    val_t x = a, y = b;
    switch (choice) {
    case CHOOSE_CROSSED:
        x = b;
        y = a;
        break;
    case CHOOSE_OTHER:
        x = run_load(run, type, RUN_ARGS + 32);
        y = run_load(run, type, RUN_ARGS + 48);
        break;
    case CHOOSE_ZERO:
        x = run_load(run, type, RUN_ARGS + 32);
        y = ssa_const(&run->fn, type, 0);
        break;
    case CHOOSE_ZERO_FIRST:
        x = ssa_const(&run->fn, type, 0);
        y = run_load(run, type, RUN_ARGS + 32);
        break;
    case CHOOSE_VECTORS:
        type = T_V128;
        x = run_load(run, type, RUN_ARGS + 32);
        y = run_load(run, type, RUN_ARGS + 48);
        break;
    case CHOOSE_SAME:
    case CHOOSE_CONST:
    case CHOOSE_CONST_ZERO:
    case CHOOSE_CONST_MINUS_ZERO:
    case CHOOSE_CONST_NAN:
    case CHOOSE_COUNT: break; /* b is the constant, if there is one */
    }
    return run_inst(run, SSA_SELECT, type, cond, x, y);
}

static uint64_t ref_select(enum choice choice, bool cond, uint64_t a, uint64_t b, uint64_t c,
                           uint64_t d)
{
    switch (choice) {
    case CHOOSE_SAME: return cond ? a : b;
    case CHOOSE_CROSSED: return cond ? b : a;
    case CHOOSE_ZERO: return cond ? c : 0;
    case CHOOSE_ZERO_FIRST: return cond ? 0 : c;
    case CHOOSE_CONST:
    case CHOOSE_CONST_ZERO:
    case CHOOSE_CONST_MINUS_ZERO:
    case CHOOSE_CONST_NAN: return cond ? a : b;
    case CHOOSE_OTHER:
    case CHOOSE_VECTORS:
    case CHOOSE_COUNT: break;
    }
    return cond ? c : d;
}

static void run_selects(struct run *run, enum ssa_type type, enum ssa_op op, enum choice choice)
{
    uint32_t n = n_values(type), bytes = type_bytes(type);
    uint64_t c = 0x7ff4000000000123, d = 0xfff8000000004567;
    val_t a = run_load(run, type, RUN_ARGS), b = run_load(run, type, RUN_ARGS + 16);
    if (choice >= CHOOSE_CONST) {
        b = ssa_const(&run->fn, type, const_bits(choice, type));
    }
    val_t cond = run_inst(run, op, T_I32, a, b, VAL_NONE);
    run_store(run, build_select(run, type, choice, cond, a, b), RUN_RESULT);
    run_finish(run);
    memcpy(run->memory + RUN_ARGS + 32, &c, 8);
    memcpy(run->memory + RUN_ARGS + 48, &d, 8);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < n; k++) {
            struct value x = value_at(type, i), y = value_at(type, k);
            if (choice >= CHOOSE_CONST) {
                y.bits = const_bits(choice, type);
            }
            memcpy(run->memory + RUN_ARGS, &x.bits, bytes);
            memcpy(run->memory + RUN_ARGS + 16, &y.bits, bytes);
            assert_int_equal(run_code(run), TRAP_NONE);
            uint64_t want = ref_select(choice, ref_compare(op, x, y), x.bits, y.bits, c, d);
            if (memcmp(run->memory + RUN_RESULT, &want, bytes) != 0) {
                fail_msg("%s select %s choice %d type %d (%llx, %llx)", run->name,
                         ssa_op_infos[op].text, choice, type, (unsigned long long)x.bits,
                         (unsigned long long)y.bits);
            }
        }
    }
}

static void test_selects(void **)
{
    struct run run;
    run_init(&run);
    for (uint32_t cpu = 0; cpu < RUN_N_CPUS; cpu++) {
        for (enum ssa_type type = T_F32; type <= T_F64; type++) {
            for (uint32_t op = SSA_FEQ; op <= SSA_FGE; op++) {
                for (enum choice choice = 0; choice < CHOOSE_COUNT; choice++) {
                    run.name = run_cpus[cpu].name;
                    run_begin(&run, run_cpus[cpu].features);
                    run_selects(&run, type, (enum ssa_op)op, choice);
                }
            }
        }
    }
    run_free(&run);
}

/* A select by an integer, and a trap by a comparison: flags fused into the user. */
static void test_conditions(void **)
{
    struct run run;
    run_init(&run);
    for (uint32_t cpu = 0; cpu < RUN_N_CPUS; cpu++) {
        run.name = run_cpus[cpu].name;
        for (uint32_t op = SSA_FEQ; op <= SSA_FGE; op++) {
            run_begin(&run, run_cpus[cpu].features);
            val_t a = run_load(&run, T_F64, RUN_ARGS), b = run_load(&run, T_F64, RUN_ARGS + 16);
            val_t cond = run_inst(&run, (enum ssa_op)op, T_I32, a, b, VAL_NONE);
            val_t trap = run_inst(&run, SSA_TRAP_IF, T_VOID, cond, VAL_NONE, VAL_NONE);
            ssa_inst(&run.fn, trap)->sub = TRAP_UNREACHABLE;
            run_finish(&run);
            for (uint32_t i = 0; i < RUN_COUNT(run_f64s) * RUN_COUNT(run_f64s); i++) {
                struct value x = value_at(T_F64, i % RUN_COUNT(run_f64s));
                struct value y = value_at(T_F64, i / RUN_COUNT(run_f64s));
                memcpy(run.memory + RUN_ARGS, &x.bits, 8);
                memcpy(run.memory + RUN_ARGS + 16, &y.bits, 8);
                enum engine_trap want =
                    ref_compare((enum ssa_op)op, x, y) ? TRAP_UNREACHABLE : TRAP_NONE;
                assert_int_equal(run_code(&run), want);
            }
        }
        run_begin(&run, run_cpus[cpu].features);
        val_t cond = run_load(&run, T_I32, RUN_ARGS);
        val_t x = run_load(&run, T_F64, RUN_ARGS + 16), y = run_load(&run, T_F64, RUN_ARGS + 32);
        run_store(&run, run_inst(&run, SSA_SELECT, T_F64, cond, x, y), RUN_RESULT);
        run_finish(&run);
        for (uint32_t i = 0; i < 3; i++) {
            double pair[3] = {1.25, 0, 7.5};
            memcpy(run.memory + RUN_ARGS, &i, 4);
            memcpy(run.memory + RUN_ARGS + 16, pair, 8);
            memcpy(run.memory + RUN_ARGS + 32, pair + 2, 8);
            assert_int_equal(run_code(&run), TRAP_NONE);
            assert_memory_equal(run.memory + RUN_RESULT, i != 0 ? pair : pair + 2, 8);
        }
    }
    run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations), cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_constants),  cmocka_unit_test(test_selects),
        cmocka_unit_test(test_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
