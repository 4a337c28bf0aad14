/*
 * No pass changes what a function does: random functions are run by the interpreter before and
 * after each pass alone, pairs of passes, all passes in their order, and the layout. Results,
 * traps, memory, instance fields and calls have to be the same, and the verifier content.
 *
 * TOKAMAK_SEEDS=N tries N functions instead of a few hundred, TOKAMAK_SEED=N begins with that one.
 */
#include "engine/opt/fold.h"
#include "engine/opt/test_pass.h"
#include "engine/ssa/test_generate.h"

#define ARENA_BYTES (256u << 20)
#define FUEL 100000
#define N_RUNS 4 /* of a function, with other arguments each */
#define N_SEEDS 400
#define N_COUNTER_SEEDS 6000 /* they are small */

struct subject {
    uint64_t seed;
    enum gen_kind kind;
    struct arena arena;
    struct ssa_func fn;
    struct test_compile compile;
    char *before; /* its text as it was generated */
    struct interp expected[N_RUNS];
};

/* What passes believe of an integer has to hold each time. */
static const char *watch(const struct ssa_func *fn, uint32_t v, uint64_t bits)
{
    int64_t low, high;
    if (fold_value_bounds(fn, (val_t){v}, &low, &high) &&
        ((int32_t)bits < low || (int32_t)bits > high)) {
        return "a signed integer outside of its bounds";
    }
    return bits > fold_value_max(fn, (val_t){v}) ? "an integer above what it can be" : NULL;
}

static void run(const struct subject *s, uint32_t i, struct interp *out)
{
    union interp_value params[8];
    gen_params(s->seed + i * 1000003u, &s->fn, params);
    interp_run(out, &s->fn, params, s->seed + i, FUEL, watch);
}

/* The function, new. */
static void generate(struct subject *s)
{
    arena_release(&s->arena, 0);
    gen_func(s->seed, s->kind, &s->arena, &s->fn);
    test_compile_init(&s->compile, &s->fn);
    test_analyse(&s->fn);
}

static void complain(const struct subject *s, const char *what, const char *why, uint32_t detail)
{
    char *after = test_print(&s->fn);
    fprintf(stderr, "%s\nbecame\n%s\n", s->before, after); /* too long for a message */
    free(after);
    fail_msg("seed %llu: %s: %s (%u)", (unsigned long long)s->seed, what, why, detail);
}

static void check(struct subject *s, const char *what)
{
    static struct interp m;
    for (uint32_t i = 0; i < N_RUNS; i++) {
        run(s, i, &m);
        const char *difference = interp_compare(&s->expected[i], &m);
        if (difference != NULL && s->expected[i].end != INTERP_NO_FUEL) {
            complain(s, what, difference, i);
        }
    }
}

static void run_pass(struct subject *s, uint32_t pass, const char *what)
{
    uint32_t culprit = 0;
    test_analyse(&s->fn);
    assert_int_equal(pass_infos[pass].run(&s->compile.cx), STATUS_OK);
    const char *error = ssa_verify(&s->fn, &culprit);
    if (error != NULL) {
        complain(s, what, error, culprit);
    }
}

static void check_each(struct subject *s)
{
    for (uint32_t i = 0; i < PASS_COUNT; i++) {
        generate(s);
        run_pass(s, i, pass_infos[i].name);
        check(s, pass_infos[i].name);
    }
}

/* Any passes in any order, which change from seed to seed. */
static void check_some(struct subject *s)
{
    char what[256] = "";
    generate(s);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t pass = (uint32_t)(interp_random(s->seed, i) % PASS_COUNT);
        strcat(strcat(what, " "), pass_infos[pass].name);
        run_pass(s, pass, what);
        check(s, what);
    }
}

/* Every edge that splits meets no edge that joins; the order has each live block once. */
static void check_layout(struct subject *s)
{
    uint32_t *order, n;
    struct ssa_func *fn = &s->fn;
    assert_int_equal(opt_layout(&s->compile.cx, &order, &n), STATUS_OK);
    uint8_t *seen = calloc(fn->n_blocks, 1);
    uint32_t n_live = 0;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        n_live += !fn->blocks[b].is_dead;
    }
    assert_int_equal(n, n_live);
    assert_int_equal(order[0], 0);
    for (uint32_t i = 0; i < n; i++) {
        const struct ssa_block *block = &fn->blocks[order[i]];
        assert_false(seen[order[i]]++ || block->is_dead);
        for (uint32_t k = 0; block->n_succs > 1 && k < block->n_succs; k++) {
            if (fn->blocks[ssa_succs(fn, block)[k]].n_preds != 1) {
                complain(s, "layout", "a critical edge", order[i]);
            }
        }
    }
    free(seen);
    check(s, "layout");
}

static void check_all(struct subject *s)
{
    generate(s);
    if (opt_run(&s->compile.cx) != STATUS_OK) {
        complain(s, "all passes", s->compile.error.text, 0);
    }
    check(s, "all passes");
    check_layout(s);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

static void each_subject(enum gen_kind kind, uint64_t n_seeds,
                         void (*check_subject)(struct subject *))
{
    struct subject *s = calloc(1, sizeof *s);
    s->kind = kind;
    s->arena = test_arena_new(ARENA_BYTES);
    uint64_t first = setting("TOKAMAK_SEED", 1);
    uint64_t end = first + setting("TOKAMAK_SEEDS", getenv("TOKAMAK_SEED") ? 1 : n_seeds);
    for (s->seed = first; s->seed < end; s->seed++) {
        generate(s);
        s->before = test_print(&s->fn);
        for (uint32_t i = 0; i < N_RUNS; i++) {
            run(s, i, &s->expected[i]);
        }
        check_subject(s);
        free(s->before);
    }
    test_arena_free(&s->arena);
    free(s);
}

static void test_each_pass(void **state)
{
    (void)state;
    each_subject(GEN_ANYTHING, N_SEEDS, check_each);
}

static void test_some_passes(void **state)
{
    (void)state;
    each_subject(GEN_ANYTHING, N_SEEDS, check_some);
}

static void test_all_passes(void **state)
{
    (void)state;
    each_subject(GEN_ANYTHING, N_SEEDS, check_all);
}

static void test_counters(void **state)
{
    (void)state;
    each_subject(GEN_COUNTERS, N_COUNTER_SEEDS, check_all);
}

static void test_constants(void **state)
{
    (void)state;
    each_subject(GEN_CONSTANTS, N_SEEDS, check_all);
}

/* ---- Divisions by constants ---- */

/* A function of one parameter that divides it by a constant. */
static void make_division(struct ssa_func *fn, struct arena *arena, uint16_t op, uint8_t type,
                          uint64_t divisor)
{
    static const uint8_t types[T_COUNT] = {T_VOID, T_I32, T_I64, T_F32, T_F64, T_V128};
    arena_release(arena, 0);
    assert_int_equal(ssa_func_init(fn, arena), STATUS_OK);
    fn->n_params = fn->n_results = 1;
    fn->param_types = fn->result_types = &types[type];
    fn->blocks[0] = (struct ssa_block){0};
    fn->n_blocks = 1;
    val_t x = ssa_new(fn, SSA_PARAM, type);
    ssa_append(fn, (blk_t){0}, x);
    val_t q = ssa_new(fn, op, type);
    fn->insts[q.i].arg[0] = x.i;
    fn->insts[q.i].arg[1] = ssa_const(fn, type, divisor).i;
    ssa_append(fn, (blk_t){0}, q);
    val_t end = ssa_new(fn, SSA_RETURN, T_VOID);
    fn->insts[end.i].arg[0] = fn->n_pool;
    fn->insts[end.i].arg[1] = 1;
    fn->pool[fn->n_pool++] = q.i;
    ssa_append(fn, (blk_t){0}, end);
}

/* The edges of the range, of multiples of the divisor, and anything. */
static uint64_t make_dividend(uint64_t divisor, uint32_t i)
{
    static const uint64_t edges[] = {0,          1,         2,        UINT64_MAX, INT64_MAX,
                                     1ull << 63, INT32_MAX, 1u << 31, UINT32_MAX, 1ull << 32};
    uint64_t multiple = divisor * (interp_random(divisor, i) >> (i * 3 % 64));
    switch (i % 4) {
    case 0: return multiple;
    case 1: return multiple - 1;
    case 2: return multiple + 1;
    default: return edges[i / 4 % (sizeof edges / sizeof *edges)] - (i / 40 % 2) * divisor;
    }
}

static void check_division(struct arena *arena, uint16_t op, uint8_t type, uint64_t divisor)
{
    struct ssa_func fn;
    struct test_compile compile;
    static struct interp m;
    divisor = interp_narrow(type, divisor);
    make_division(&fn, arena, op, type, divisor);
    test_compile_init(&compile, &fn);
    test_analyse(&fn);
    assert_int_equal(pass_strength(&compile.cx), STATUS_OK);
    test_verify(&fn, "strength");
    for (uint32_t i = 0; i < 80; i++) {
        union interp_value x = {{interp_narrow(type, make_dividend(divisor, i))}};
        struct interp want = {0};
        uint64_t quotient = 0;
        bool is_ok = interp_divide(&want, op, type, x.bits, divisor, &quotient);
        interp_run(&m, &fn, &x, 1, FUEL, watch);
        if (is_ok != (m.end == INTERP_RETURNED) || want.trap != m.trap ||
            (is_ok && interp_narrow(type, quotient) != m.results[0].bits)) {
            char *text = test_print(&fn);
            fprintf(stderr, "%s", text);
            free(text);
            fail_msg("%s of 0x%llx by 0x%llx: 0x%llx", ssa_op_infos[op].text,
                     (unsigned long long)x.bits, (unsigned long long)divisor,
                     (unsigned long long)m.results[0].bits);
        }
    }
}

static void test_divisions(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(1u << 20);
    for (uint32_t i = 0; i < 8; i++) {
        uint16_t op = SSA_DIV_S + i % 4;
        uint8_t type = i < 4 ? T_I32 : T_I64;
        for (uint64_t c = 0; c < 300; c++) {
            check_division(&arena, op, type, c);
            check_division(&arena, op, type, 0 - c);
            check_division(&arena, op, type, interp_random(i, c) >> (c % 64));
        }
        for (uint32_t k = 0; k < 64; k++) {
            check_division(&arena, op, type, (UINT64_C(1) << k) - 1);
            check_division(&arena, op, type, UINT64_C(1) << k);
            check_division(&arena, op, type, (UINT64_C(1) << k) + 1);
            check_division(&arena, op, type, 0 - (UINT64_C(1) << k));
        }
    }
    test_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_pass),  cmocka_unit_test(test_some_passes),
        cmocka_unit_test(test_all_passes), cmocka_unit_test(test_counters),
        cmocka_unit_test(test_constants),  cmocka_unit_test(test_divisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
