/*
 * What good allocation is, on small programs where the best is known.
 */
#include "engine/ra/test_program.h"

#define ARENA_BYTES (1u << 20)

struct fixture {
    struct arena arena;
    struct mir_func mf;
    struct build b;
    struct ra_machine machine;
};

static void begin(struct fixture *f)
{
    void *base = aligned_alloc(4096, ARENA_BYTES);
    assert_non_null(base);
    arena_init(&f->arena, base, ARENA_BYTES);
    f->machine = test_machine_small();
    build_init(&f->b, &f->mf, &f->arena, 256);
}

static void allocate(struct fixture *f)
{
    uint32_t inst;
    build_finish(&f->b, NULL);
    assert_int_equal(ra_allocate(&f->mf, &f->machine, &(struct ra_options){0}), STATUS_OK);
    const char *error = ra_check(&f->mf, &f->machine, &inst);
    if (error != NULL || getenv("RA_PRINT") != NULL) {
        print_program(&f->mf, &f->machine);
    }
    assert_null(error);
}

static void end(struct fixture *f)
{
    free(f->arena.base);
}

/* ---- Building ---- */

static uint32_t op(struct fixture *f, uint32_t a, uint32_t b)
{
    uint32_t def = build_vreg(&f->b, f->mf.vregs[a].class, 8);
    build_inst(&f->b, TEST_PLAIN, 0);
    build_op(&f->b, OPERAND_DEF, def, REG_NONE);
    build_op(&f->b, OPERAND_USE, a, REG_NONE);
    if (b != 0) {
        build_op(&f->b, OPERAND_USE, b, REG_NONE);
    }
    return def;
}

static uint32_t tied(struct fixture *f, uint32_t a, uint32_t b, uint8_t flags)
{
    uint32_t def = build_vreg(&f->b, f->mf.vregs[a].class, 8);
    build_inst(&f->b, TEST_PLAIN, flags);
    build_op(&f->b, OPERAND_DEF_TIED, def, 1);
    build_op(&f->b, OPERAND_USE, a, REG_NONE);
    if (b != 0) {
        build_op(&f->b, OPERAND_USE, b, REG_NONE);
    }
    return def;
}

static void use(struct fixture *f, uint32_t a)
{
    build_inst(&f->b, TEST_PLAIN, 0);
    build_op(&f->b, OPERAND_USE, a, REG_NONE);
}

static void jump(struct fixture *f)
{
    build_inst(&f->b, TEST_JUMP, MIR_END);
}

static void branch(struct fixture *f, uint32_t a)
{
    build_inst(&f->b, TEST_BRANCH, MIR_END);
    if (a != 0) {
        build_op(&f->b, OPERAND_USE, a, REG_NONE);
    }
}

/* n values that arrive in the first registers. */
static void arrive(struct fixture *f, uint32_t n, uint32_t *out)
{
    build_inst(&f->b, TEST_PLAIN, 0);
    for (uint32_t k = 0; k < n; k++) {
        out[k] = build_vreg(&f->b, CLASS_GPR, 8);
        build_op(&f->b, OPERAND_DEF_FIXED, out[k], (uint8_t)k);
    }
}

/* ---- Counting ---- */

static bool is_store(const struct mir_move *move)
{
    return move->to == LOC_STACK;
}

static bool is_load(const struct mir_move *move)
{
    return move->from == LOC_STACK;
}

static bool is_any(const struct mir_move *move)
{
    (void)move;
    return true;
}

/* Moves of a kind in a block. */
static uint32_t count(const struct fixture *f, uint32_t b, bool (*is_kind)(const struct mir_move *))
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->mf.n_moves; i++) {
        const struct mir_move *move = &f->mf.moves[i];
        n += move->before >= f->mf.blocks[b].first && move->before < f->mf.blocks[b].end &&
             is_kind(move);
    }
    return n;
}

/* ---- Cases ---- */

/* A loop that counts: b0 -> b1 <-> b2, b1 -> b3. Parameters: one from an argument. */
static void test_counted_loop(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[2];
    begin(&f);
    build_block(&f.b);
    arrive(&f, 2, n);
    uint32_t zero = build_const(&f.b, 0);
    jump(&f);
    build_header(&f.b);
    uint32_t i = build_param(&f.b, CLASS_GPR, 8), sum = build_param(&f.b, CLASS_GPR, 8);
    uint32_t sum2 = tied(&f, sum, i, MIR_COMMUTES);
    uint32_t i2 = tied(&f, i, 0, 0);
    use(&f, n[0]);
    branch(&f, i2);
    build_block(&f.b);
    jump(&f);
    f.b.loop_header = UINT32_MAX;
    f.b.loop_depth = 0;
    build_block(&f.b);
    branch(&f, sum2);
    build_edge(&f.b, 0, 1, (uint32_t[]){zero, n[1]}, 2);
    build_edge(&f.b, 1, 2, NULL, 0);
    build_edge(&f.b, 1, 3, NULL, 0);
    build_edge(&f.b, 2, 1, (uint32_t[]){i2, sum2}, 2);
    allocate(&f);
    assert_int_equal(count(&f, 1, is_any), 0);
    assert_int_equal(count(&f, 2, is_any), 0);
    end(&f);
}

/* More values live through a loop than there are registers, and the loop needs some itself. */
static void test_spill_before_loop(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[6], t[5];
    begin(&f);
    build_block(&f.b);
    arrive(&f, 6, n);
    jump(&f);
    build_header(&f.b);
    t[0] = op(&f, n[0], 0);
    for (uint32_t k = 1; k < 4; k++) {
        t[k] = op(&f, t[k - 1], n[0]);
    }
    for (uint32_t k = 0; k < 4; k++) {
        use(&f, t[k]);
    }
    branch(&f, 0);
    build_block(&f.b);
    jump(&f);
    f.b.loop_header = UINT32_MAX;
    f.b.loop_depth = 0;
    build_block(&f.b);
    for (uint32_t k = 0; k < 6; k++) {
        use(&f, n[k]);
    }
    branch(&f, 0);
    build_edge(&f.b, 0, 1, NULL, 0);
    build_edge(&f.b, 1, 2, NULL, 0);
    build_edge(&f.b, 1, 3, NULL, 0);
    build_edge(&f.b, 2, 1, NULL, 0);
    allocate(&f);
    assert_int_equal(count(&f, 1, is_any) + count(&f, 2, is_any), 0);
    assert_true(count(&f, 0, is_store) >= 2);
    end(&f);
}

static void test_across_call(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[2];
    begin(&f);
    build_block(&f.b);
    arrive(&f, 2, n);
    uint32_t kept = op(&f, n[0], n[1]);
    build_inst(&f.b, TEST_CALL, MIR_CALL);
    build_op(&f.b, OPERAND_USE_FIXED, n[1], 1);
    use(&f, kept);
    branch(&f, 0);
    allocate(&f);
    assert_int_equal(f.mf.n_moves, 0);
    assert_int_equal(__builtin_popcountll(f.mf.used_callee_saved), 1);
    end(&f);
}

/* What calls only on a cold path costs nothing on the other. */
static void test_cold_call(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[3], slow;
    begin(&f);
    build_block(&f.b);
    arrive(&f, 3, n);
    branch(&f, n[0]);
    build_block(&f.b);
    build_inst(&f.b, TEST_CALL, MIR_CALL);
    jump(&f);
    slow = f.mf.n_blocks - 1;
    f.mf.blocks[slow].is_cold = 1;
    build_block(&f.b);
    jump(&f);
    build_block(&f.b);
    for (uint32_t k = 0; k < 3; k++) {
        use(&f, n[k]);
    }
    branch(&f, 0);
    build_edge(&f.b, 0, 1, NULL, 0);
    build_edge(&f.b, 0, 2, NULL, 0);
    build_edge(&f.b, 1, 3, NULL, 0);
    build_edge(&f.b, 2, 3, NULL, 0);
    allocate(&f);
    assert_int_equal(count(&f, 0, is_any) + count(&f, 2, is_any) + count(&f, 3, is_any), 0);
    end(&f);
}

/* Where a path with a call meets one without, the loads are on the path with the call. */
static void test_call_on_one_path(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[5];
    begin(&f);
    build_block(&f.b);
    arrive(&f, 5, n);
    branch(&f, n[0]);
    build_block(&f.b);
    jump(&f);
    build_block(&f.b);
    build_inst(&f.b, TEST_CALL, MIR_CALL);
    jump(&f);
    build_block(&f.b);
    for (uint32_t k = 0; k < 5; k++) {
        use(&f, n[k]);
    }
    branch(&f, 0);
    build_edge(&f.b, 0, 1, NULL, 0);
    build_edge(&f.b, 0, 2, NULL, 0);
    build_edge(&f.b, 1, 3, NULL, 0);
    build_edge(&f.b, 2, 3, NULL, 0);
    allocate(&f);
    assert_int_equal(count(&f, 0, is_any) + count(&f, 1, is_any) + count(&f, 3, is_any), 0);
    end(&f);
}

/* What can be made again has no slot. */
static void test_remat(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[6];
    begin(&f);
    build_block(&f.b);
    uint32_t again = build_vreg(&f.b, CLASS_GPR, 8);
    f.mf.vregs[again].flags = VREG_REMAT;
    f.mf.vregs[again].imm = 77;
    build_inst(&f.b, TEST_REMAT, 0);
    build_op(&f.b, OPERAND_DEF, again, REG_NONE);
    arrive(&f, 6, n);
    for (uint32_t k = 0; k < 6; k++) {
        use(&f, n[k]);
    }
    use(&f, again);
    branch(&f, 0);
    allocate(&f);
    assert_int_equal(f.mf.spill_bytes, 0);
    assert_int_equal(f.mf.n_moves, 1);
    assert_int_equal(f.mf.moves[0].from, LOC_CONST);
    end(&f);
}

static void test_commute(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[2];
    begin(&f);
    build_block(&f.b);
    arrive(&f, 2, n);
    uint32_t def = tied(&f, n[0], n[1], MIR_COMMUTES);
    use(&f, n[0]);
    use(&f, def);
    branch(&f, 0);
    allocate(&f);
    assert_int_equal(f.mf.n_moves, 0);
    end(&f);
}

/* Two parameters that change places in each round. */
static void build_swap_loop(struct fixture *f)
{
    uint32_t n[2];
    build_block(&f->b);
    arrive(f, 2, n);
    jump(f);
    build_header(&f->b);
    uint32_t a = build_param(&f->b, CLASS_GPR, 8), b = build_param(&f->b, CLASS_GPR, 8);
    use(f, a);
    branch(f, b);
    build_block(&f->b);
    jump(f);
    f->b.loop_header = UINT32_MAX;
    f->b.loop_depth = 0;
    build_block(&f->b);
    branch(f, a);
    build_edge(&f->b, 0, 1, n, 2);
    build_edge(&f->b, 1, 2, NULL, 0);
    build_edge(&f->b, 1, 3, NULL, 0);
    build_edge(&f->b, 2, 1, (uint32_t[]){b, a}, 2);
}

static void test_swap(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    build_swap_loop(&f);
    allocate(&f);
    assert_int_equal(f.mf.n_moves, 1);
    assert_true(f.mf.moves[0].is_swap);
    end(&f);
}

static void test_swap_without_exchange(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.machine = test_machine_large();
    build_swap_loop(&f);
    allocate(&f);
    assert_int_equal(f.mf.n_moves, 3);
    end(&f);
}

/* A shift count is computed where the shift wants it, and the quotient stays where it comes. */
static void test_fixed(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[1];
    begin(&f);
    build_block(&f.b);
    arrive(&f, 1, n);
    uint32_t amount = op(&f, n[0], 0), more = op(&f, n[0], 0);
    uint32_t def = build_vreg(&f.b, CLASS_GPR, 8);
    build_inst(&f.b, TEST_PLAIN, 0);
    build_op(&f.b, OPERAND_DEF_TIED, def, 1);
    build_op(&f.b, OPERAND_USE, more, REG_NONE);
    build_op(&f.b, OPERAND_USE_FIXED, amount, 1);
    uint32_t low = build_vreg(&f.b, CLASS_GPR, 8), high = build_vreg(&f.b, CLASS_GPR, 8);
    build_inst(&f.b, TEST_PLAIN, 0);
    build_op(&f.b, OPERAND_USE_FIXED, def, 0);
    build_op(&f.b, OPERAND_DEF_FIXED, low, 0);
    build_op(&f.b, OPERAND_DEF_FIXED, high, 2);
    use(&f, high);
    use(&f, low);
    branch(&f, 0);
    allocate(&f);
    assert_int_equal(f.mf.n_moves, 0);
    end(&f);
}

/* A constant that a loop uses is made once, before it. */
static void test_loop_constant(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[1];
    begin(&f);
    build_block(&f.b);
    arrive(&f, 1, n);
    uint32_t constant = build_const(&f.b, 0x123456789abcdef);
    jump(&f);
    build_header(&f.b);
    uint32_t def = op(&f, n[0], constant);
    branch(&f, def);
    build_block(&f.b);
    jump(&f);
    f.b.loop_header = UINT32_MAX;
    f.b.loop_depth = 0;
    build_block(&f.b);
    branch(&f, 0);
    build_edge(&f.b, 0, 1, NULL, 0);
    build_edge(&f.b, 1, 2, NULL, 0);
    build_edge(&f.b, 1, 3, NULL, 0);
    build_edge(&f.b, 2, 1, NULL, 0);
    allocate(&f);
    assert_int_equal(count(&f, 1, is_any) + count(&f, 2, is_any), 0);
    end(&f);
}

/* In a loop with calls, what it uses has the registers that calls keep; the rest leaves before. */
static void test_loop_with_calls(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t n[6];
    begin(&f);
    build_block(&f.b);
    arrive(&f, 6, n);
    jump(&f);
    build_header(&f.b);
    build_inst(&f.b, TEST_CALL, MIR_CALL);
    for (uint32_t k = 0; k < 3; k++) {
        use(&f, n[k]);
    }
    branch(&f, 0);
    build_block(&f.b);
    jump(&f);
    f.b.loop_header = UINT32_MAX;
    f.b.loop_depth = 0;
    build_block(&f.b);
    for (uint32_t k = 0; k < 6; k++) {
        use(&f, n[k]);
    }
    branch(&f, 0);
    build_edge(&f.b, 0, 1, NULL, 0);
    build_edge(&f.b, 1, 2, NULL, 0);
    build_edge(&f.b, 1, 3, NULL, 0);
    build_edge(&f.b, 2, 1, NULL, 0);
    allocate(&f);
    assert_int_equal(count(&f, 1, is_any) + count(&f, 2, is_any), 0);
    assert_int_equal(count(&f, 3, is_load), 3);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted_loop),
        cmocka_unit_test(test_spill_before_loop),
        cmocka_unit_test(test_across_call),
        cmocka_unit_test(test_cold_call),
        cmocka_unit_test(test_call_on_one_path),
        cmocka_unit_test(test_remat),
        cmocka_unit_test(test_commute),
        cmocka_unit_test(test_swap),
        cmocka_unit_test(test_swap_without_exchange),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_loop_constant),
        cmocka_unit_test(test_loop_with_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
