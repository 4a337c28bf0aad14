/*
 * Random functions, run natively and by the interpreter of SSA: results, traps, memory and
 * instance fields are the same, for every set of CPU features.
 */
#include "engine/target/x86_64/native_test.h"

#define ARENA_BYTES (64u << 20)

/* What the interpreter doesn't do exactly, or the tests here have no callee for, becomes something
 * simple. */
static bool is_inexact(const struct ssa_inst *inst)
{
    return (inst->op >= SSA_FADD && inst->op <= SSA_FSQRT) || inst->op == SSA_DEMOTE ||
           inst->op == SSA_PROMOTE || ssa_has(inst, SSA_CALLS) || inst->op == SSA_RESULT ||
           (inst->op > SSA_TRAP && inst->op != SSA_V_V128_LOAD && inst->op != SSA_V_V128_STORE);
}

static void simplify(struct ssa_func *fn)
{
    static const uint8_t zeros[16];
    assert_int_equal(ssa_reserve_insts(fn, 64), STATUS_OK);
    uint32_t n = fn->n_insts;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        for (uint32_t i = fn->blocks[b].first, next; i != 0; i = next) {
            struct ssa_inst *inst = &fn->insts[i];
            next = inst->next;
            if (i >= n || !is_inexact(inst)) {
                continue;
            }
            val_t by = VAL_NONE;
            uint32_t first = inst->op == SSA_RESULT || ssa_n_args(inst) == 0
                                 ? 0
                                 : ssa_resolve(fn, (val_t){ssa_args(fn, inst)[0]}).i;
            if (inst->type == T_VOID) {
                by = VAL_NONE;
            } else if (first != 0 && fn->insts[first].type == inst->type) {
                by.i = first;
            } else if (inst->type == T_V128) {
                assert_int_equal(ssa_vconst(fn, zeros, &by), STATUS_OK);
            } else {
                by = ssa_const(fn, (enum ssa_type)inst->type, 7);
            }
            ssa_remove(fn, (val_t){i}, by);
        }
    }
}

static const uint64_t features[] = {
    ENGINE_CPU_ALL,
    0,
    ENGINE_CPU_ALL & ~(uint64_t)ENGINE_CPU_AVX & ~(uint64_t)ENGINE_CPU_AVX2,
};

static uint64_t n_run, n_trapped;

#define RUNS 4 /* of a function */

/* Whether the run can be repeated natively: it ends, and not by what isn't checked here. */
static bool is_repeatable(const struct interp *m)
{
    return m->end != INTERP_NO_FUEL && m->end != INTERP_BROKEN &&
           !(m->end == INTERP_TRAPPED && m->trap == TRAP_UNALIGNED);
}

static void make_code(struct native *n, uint64_t seed, struct ssa_func *fn)
{
    n->options.cpu_features = features[seed % 3];
    const char *off = getenv("NATIVE_PASSES_OFF");
    n->options.passes_off = off != NULL ? strtoull(off, NULL, 0) : 0;
    n->ra =
        (struct ra_options){.is_linear = seed % 8 == 0, .shuffle_seed = seed % 5 == 0 ? seed : 0};
    if (seed % 2 != 0) {
        native_optimize(n, fn);
    }
    if (native_wants_dump()) {
        ssa_print(fn, &(struct ssa_text){native_put_file, stderr});
    }
    native_compile(n, fn);
}

static void run_seed(struct native *n, uint64_t seed)
{
    static struct interp expected[RUNS], got;
    union interp_value params[RUNS][16];
    struct ssa_func fn;
    bool is_any = false;
    n->seed = seed;
    arena_release(n->arena, 0);
    gen_func(seed, seed % 7 == 0 ? GEN_COUNTERS : GEN_ANYTHING, n->arena, &fn);
    simplify(&fn);
    for (uint64_t k = 0; k < RUNS; k++) {
        gen_params(seed + k * 1000003, &fn, params[k]);
        interp_run(&expected[k], &fn, params[k], seed + k, 20000, NULL);
        is_any = is_any || is_repeatable(&expected[k]);
    }
    if (!is_any) {
        return;
    }
    make_code(n, seed, &fn);
    for (uint64_t k = 0; k < RUNS; k++) {
        if (!is_repeatable(&expected[k])) {
            continue;
        }
        interp_run(&got, &fn, params[k], seed + k, 40000, NULL); /* the passes' fault? */
        if (interp_compare(&expected[k], &got) != NULL) {
            fail_msg("seed %llu: the passes changed what it does: %s", (unsigned long long)seed,
                     interp_compare(&expected[k], &got));
        }
        native_run(n, &got, &fn, params[k], seed + k);
        n_run++;
        n_trapped += got.end == INTERP_TRAPPED;
        const char *difference = interp_compare(&expected[k], &got);
        if (difference != NULL) {
            fail_msg("seed %llu, run %llu: %s (end %d/%d trap %u/%u)", (unsigned long long)seed,
                     (unsigned long long)k, difference, expected[k].end, got.end, expected[k].trap,
                     got.trap);
        }
    }
}

static void random_functions(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct native n;
    native_init(&n, &arena);
    const char *from = getenv("NATIVE_SEED"), *count = getenv("NATIVE_COUNT");
    uint64_t first = from != NULL ? strtoull(from, NULL, 0) : 1;
    uint64_t many = count != NULL ? strtoull(count, NULL, 0) : 3000;
    for (uint64_t seed = first; seed < first + many; seed++) {
        run_seed(&n, seed);
    }
    if (count != NULL) {
        fprintf(stderr, "%llu runs, %llu trapped\n", (unsigned long long)n_run,
                (unsigned long long)n_trapped);
    }
    native_free(&n);
    test_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_functions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
