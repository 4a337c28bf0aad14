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
                                 ? 0 : ssa_resolve(fn, (val_t){ssa_args(fn, inst)[0]}).i;
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
    ENGINE_CPU_ALL, 0, ENGINE_CPU_ALL & ~(uint64_t)ENGINE_CPU_AVX & ~(uint64_t)ENGINE_CPU_AVX2,
};

static uint64_t n_run, n_trapped;

static void run_seed(struct native *n, uint64_t seed)
{
    static struct interp expected, got;
    union interp_value params[16];
    struct ssa_func fn;
    n->seed = seed;
    arena_release(n->arena, 0);
    gen_func(seed, n->arena, &fn);
    simplify(&fn);
    n->options.cpu_features = features[seed % 3];
    n->ra = (struct ra_options){.is_linear = seed % 4 == 0, .shuffle_seed = seed % 5 == 0 ? seed : 0};
    bool is_compiled = false;
    for (uint64_t k = 0; k < 4; k++) {
        gen_params(seed + k * 1000003, &fn, params);
        interp_run(&expected, &fn, params, seed + k, 20000);
        if (expected.end == INTERP_NO_FUEL || expected.end == INTERP_BROKEN ||
            (expected.end == INTERP_TRAPPED && expected.trap == TRAP_UNALIGNED)) {
            continue;
        }
        if (!is_compiled) {
            if (native_wants_dump()) {
                ssa_print(&fn, &(struct ssa_text){native_put_file, stderr});
            }
            native_compile(n, &fn);
            is_compiled = true;
        }
        native_run(n, &got, &fn, params, seed + k);
        n_run++;
        n_trapped += got.end == INTERP_TRAPPED;
        const char *difference = interp_compare(&expected, &got);
        if (difference != NULL) {
            fail_msg("seed %llu, run %llu: %s (end %d/%d trap %u/%u)", (unsigned long long)seed,
                     (unsigned long long)k, difference, expected.end, got.end, expected.trap,
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
