/*
 * The tests' own tools: the interpreter's corner cases, and that generated functions are right,
 * end, do something, and survive being printed and read.
 */
#include "engine/ssa/test_generate.h"

#define ARENA_BYTES (64u << 20)
#define FUEL 100000

static struct interp run(const char *text, struct arena *arena, uint64_t a, uint64_t b)
{
    static struct interp m;
    struct ssa_func fn;
    union interp_value params[2] = {{{a}}, {{b}}};
    arena_release(arena, 0);
    test_parse(text, arena, "interp", &fn);
    test_verify(&fn, "interp");
    interp_run(&m, &fn, params, 1, FUEL, NULL);
    return m;
}

struct sample {
    const char *op;
    const char *type; /* of the parameters */
    const char *result;
    uint64_t a, b, want;
    enum engine_trap trap;
};

#define F32_NAN 0x7fc00000
#define F64_NAN UINT64_C(0x7ff8000000000000)

static const struct sample samples[] = {
    {"add", "i32", "i32", 0xffffffff, 2, 1, TRAP_NONE},
    {"div_s", "i32", "i32", 0xfffffff9, 2, 0xfffffffd, TRAP_NONE},
    {"div_s", "i32", "i32", 0x80000000, 0xffffffff, 0, TRAP_INT_OVERFLOW},
    {"rem_s", "i32", "i32", 0x80000000, 0xffffffff, 0, TRAP_NONE},
    {"rem_s", "i64", "i64", (uint64_t)-7, 2, (uint64_t)-1, TRAP_NONE},
    {"div_u", "i64", "i64", 1, 0, 0, TRAP_DIV_ZERO},
    {"shl", "i32", "i32", 1, 33, 2, TRAP_NONE},
    {"shr_s", "i32", "i32", 0x80000000, 31, 0xffffffff, TRAP_NONE},
    {"rotl", "i32", "i32", 0x80000001, 1, 3, TRAP_NONE},
    {"rotr", "i64", "i64", 1, 64, 1, TRAP_NONE},
    {"mulhi_s", "i32", "i32", 0xffffffff, 0xffffffff, 0, TRAP_NONE},
    {"mulhi_u", "i64", "i64", UINT64_MAX, UINT64_MAX, UINT64_MAX - 1, TRAP_NONE},
    {"lt_s", "i32", "i32", 0x80000000, 0, 1, TRAP_NONE},
    {"lt_u", "i32", "i32", 0x80000000, 0, 0, TRAP_NONE},
    {"index_mask", "i32", "i32", 5, 5, 0, TRAP_NONE},
    {"fadd", "f32", "f32", 0x7f800000, 0xff800000, F32_NAN, TRAP_NONE},
    {"fmin", "f64", "f64", 0, UINT64_C(1) << 63, UINT64_C(1) << 63, TRAP_NONE},
    {"fmax", "f32", "f32", 0x80000000, 0, 0, TRAP_NONE},
    {"fmax", "f64", "f64", F64_NAN | 5, 0, F64_NAN, TRAP_NONE},
    {"fcopysign", "f32", "f32", 0x7fc00001, 0x80000000, 0xffc00001, TRAP_NONE},
    {"flt", "f64", "i32", F64_NAN, 0, 0, TRAP_NONE},
    {"fne", "f64", "i32", F64_NAN, F64_NAN, 1, TRAP_NONE},
    {"clz", "i32", "i32", 1, 0, 31, TRAP_NONE},
    {"clz", "i32", "i32", 0, 0, 32, TRAP_NONE},
    {"ctz", "i64", "i64", 0, 0, 64, TRAP_NONE},
    {"popcnt", "i64", "i64", UINT64_MAX, 0, 64, TRAP_NONE},
    {"sext8", "i32", "i32", 0x80, 0, 0xffffff80, TRAP_NONE},
    {"sext32", "i64", "i64", 0x80000000, 0, 0xffffffff80000000, TRAP_NONE},
    {"extend_s", "i32", "i64", 0x80000000, 0, 0xffffffff80000000, TRAP_NONE},
    {"wrap", "i64", "i32", 0x123456789, 0, 0x23456789, TRAP_NONE},
    {"fnearest", "f64", "f64", 0x4004000000000000, 0, 0x4000000000000000, TRAP_NONE},
    {"fceil", "f32", "f32", 0xbf000000, 0, 0x80000000, TRAP_NONE},
    {"trunc_s", "f64", "i32", 0x41dfffffffc00000, 0, 0x7fffffff, TRAP_NONE},
    {"trunc_s", "f64", "i32", 0xc1e00000001fffff, 0, 0x80000000, TRAP_NONE},
    {"trunc_s", "f64", "i32", 0x41e0000000000000, 0, 0, TRAP_INT_OVERFLOW},
    {"trunc_u", "f32", "i32", 0xbf7fffff, 0, 0, TRAP_NONE},
    {"trunc_u", "f32", "i64", 0xbf800000, 0, 0, TRAP_INT_OVERFLOW},
    {"trunc_s", "f32", "i64", F32_NAN, 0, 0, TRAP_BAD_CONVERSION},
    {"trunc_s", "f32", "i64", 0xdf000000, 0, 0x8000000000000000, TRAP_NONE},
    {"trunc_sat_s", "f64", "i32", 0xc1f0000000000000, 0, 0x80000000, TRAP_NONE},
    {"trunc_sat_u", "f32", "i32", 0x7f800000, 0, 0xffffffff, TRAP_NONE},
    {"trunc_sat_u", "f64", "i64", F64_NAN, 0, 0, TRAP_NONE},
    {"convert_u", "i64", "f32", UINT64_MAX, 0, 0x5f800000, TRAP_NONE},
    {"convert_s", "i32", "f32", 0xffffffff, 0, 0xbf800000, TRAP_NONE},
    {"demote", "f64", "f32", 0x3ff0000010000000, 0, 0x3f800000, TRAP_NONE},
    {"promote", "f32", "f64", 0x3f800000, 0, 0x3ff0000000000000, TRAP_NONE},
    {"bitcast", "f32", "i32", 0x7fc00001, 0, 0x7fc00001, TRAP_NONE},
};

static void test_operations(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(ARENA_BYTES);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const struct sample *s = &samples[i];
        char text[512];
        bool is_binary = strncmp(s->op, "index", 5) == 0;
        for (uint32_t op = 0; op < SSA_OP_COUNT; op++) {
            is_binary |= strcmp(ssa_op_infos[op].text, s->op) == 0 && ssa_op_infos[op].n_args == 2;
        }
        snprintf(text, sizeof text,
                 "func 0 (%s, %s) -> (%s)\nb0:\n  v1 = param 0 : %s\n  v2 = param 1 : %s\n"
                 "  v3 = %s v1%s : %s\n  return v3\n",
                 s->type, s->type, s->result, s->type, s->type, s->op, is_binary ? ", v2" : "",
                 s->result);
        struct interp m = run(text, &arena, s->a, s->b);
        if (m.trap != s->trap || m.results[0].bits != s->want) {
            fail_msg("%s %s: trap %u, result 0x%llx", s->op, s->type, m.trap,
                     (unsigned long long)m.results[0].bits);
        }
    }
    test_arena_free(&arena);
}

static void test_control(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(ARENA_BYTES);
    /* two values that change places in each round: phis are read before any is written */
    struct interp m = run("func 0 (i32, i32) -> (i32, i32)\n"
                          "loop 1: b1\n"
                          "b0:\n"
                          "  v1 = param 0 : i32\n"
                          "  v2 = param 1 : i32\n"
                          "  jump b1\n"
                          "b1: loop 1\n"
                          "  v3 = phi v1, v4 : i32\n"
                          "  v4 = phi v2, v3 : i32\n"
                          "  v5 = phi 0, v6 : i32\n"
                          "  v6 = add v5, 1 : i32\n"
                          "  v7 = lt_u v6, 4 : i32\n"
                          "  branch v7, b1, b2\n"
                          "b2:\n"
                          "  return v3, v4\n",
                          &arena, 10, 20);
    assert_int_equal(m.end, INTERP_RETURNED);
    assert_int_equal(m.results[0].bits, 20);
    assert_int_equal(m.results[1].bits, 10);
    static const uint64_t wants[][2] = {{0, 7}, {1, 8}, {2, 7}, {3, 9}, {0xffffffff, 9}};
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
        m = run("func 0 (i32, i32) -> (i32)\n"
                "b0:\n"
                "  v1 = param 0 : i32\n"
                "  br_table v1, b1, b2, b1, b3\n"
                "b1:\n  return 7\nb2:\n  return 8\nb3:\n  return 9\n",
                &arena, wants[i][0], 0);
        assert_int_equal(m.results[0].bits, wants[i][1]);
    }
    m = run("func 0 (i32, i64) -> (i64)\n"
            "b0:\n"
            "  v1 = param 0 : i32\n"
            "  v2 = param 1 : i64\n"
            "  store16 v1 + 4, v2\n"
            "  v3 = load16_s v1 + 4 : i64\n"
            "  store v1 + 0x3ffff00, v2\n"
            "  return v3\n",
            &arena, 8, 0xffff8000);
    assert_int_equal(m.end, INTERP_TRAPPED);
    assert_int_equal(m.trap, TRAP_MEMORY);
    assert_int_equal(m.memory[13], 0x80);
    test_arena_free(&arena);
}

static void test_generated(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(ARENA_BYTES);
    uint32_t n_ends[4] = {0}, n_loops = 0, n_blocks = 0;
    uint64_t n_steps = 0;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        char name[32];
        struct ssa_func fn, again;
        union interp_value params[8];
        static struct interp a, b;
        snprintf(name, sizeof name, "seed %llu", (unsigned long long)seed);
        arena_release(&arena, 0);
        gen_func(seed, seed % 5 == 0 ? GEN_COUNTERS : GEN_ANYTHING, &arena, &fn);
        test_verify(&fn, name);
        char *text = test_print(&fn);
        test_parse(text, &arena, name, &again);
        test_verify(&again, name);
        char *second = test_print(&again);
        assert_string_equal(second, text);
        gen_params(seed, &fn, params);
        interp_run(&a, &fn, params, seed, FUEL, NULL);
        interp_run(&b, &again, params, seed, FUEL, NULL);
        const char *difference = interp_compare(&a, &b);
        if (difference != NULL) {
            fail_msg("%s: %s\n%s", name, difference, text);
        }
        n_ends[a.end]++;
        n_steps += a.n_steps;
        n_blocks += fn.n_blocks;
        n_loops += fn.n_loops - 1;
        free(text);
        free(second);
    }
    print_message("%u returned, %u trapped, %u without an end; %llu steps, %u blocks, %u loops\n",
                  n_ends[0], n_ends[1], n_ends[2], (unsigned long long)n_steps, n_blocks, n_loops);
    assert_true(n_ends[INTERP_RETURNED] > 700); /* most go to their end */
    assert_int_equal(n_ends[INTERP_NO_FUEL], 0);
    test_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_generated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
