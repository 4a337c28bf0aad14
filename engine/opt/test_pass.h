/*
 * For unit tests of passes: what a pass needs around a function. Included by *_test.c only.
 */
#ifndef ENGINE_OPT_TEST_PASS_H
#define ENGINE_OPT_TEST_PASS_H

#include "engine/opt/opt.h"
#include "engine/ssa/test_support.h"

#define TEST_SCRATCH_BYTES (1u << 20)

struct test_compile {
    struct engine_module module; /* with a memory of a page */
    struct engine_limit memory;
    struct engine_options options;
    struct engine_error error;
    struct arena scratch;
    struct compile cx;
};

static inline struct compile *test_compile_init(struct test_compile *t, struct ssa_func *fn)
{
    memset(t, 0, sizeof *t);
    t->memory = (struct engine_limit){.min = 1, .max = UINT64_MAX};
    t->module.n_memories = 1;
    t->module.memories = &t->memory;
    t->options.cpu_features = ENGINE_CPU_ALL;
    t->options.is_checked = true;
    arena_init(&t->scratch, arena_alloc(fn->arena, TEST_SCRATCH_BYTES), TEST_SCRATCH_BYTES);
    t->cx = (struct compile){.module = &t->module,
                             .options = &t->options,
                             .arena = fn->arena,
                             .scratch = &t->scratch,
                             .error = &t->error,
                             .fn = fn};
    return &t->cx;
}

/* The analyses that passes may ask for. */
static inline void test_analyse(struct ssa_func *fn)
{
    ssa_dominators(fn);
    assert_int_equal(opt_find_loops(fn), STATUS_OK);
}

#endif
