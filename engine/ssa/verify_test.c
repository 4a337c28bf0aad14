/*
 * The verifier catches what it should: texts that read well and are wrong, and a right function
 * that is then damaged in one place, once for each promise of ssa.h.
 */
#include "engine/ssa/test_support.h"

#define ARENA_BYTES (16u << 20)

#define ANY UINT32_MAX

/* The text is refused, for this reason, and the culprit is this (of what has no name: ANY). */
static void expect_wrong(const char *text, const char *why, uint32_t culprit)
{
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct ssa_func fn;
    test_parse(text, &arena, why, &fn);
    uint32_t found = 0;
    const char *error = ssa_verify(&fn, &found);
    if (error == NULL) {
        fail_msg("not caught: %s\n%s", why, text);
    }
    assert_string_equal(error, why);
    if (culprit != ANY) {
        assert_int_equal(found, culprit);
    }
    test_arena_free(&arena);
}

/* The same with a function of one block that has a parameter of each type, v1 to v5. */
#define HEAD                                                                                       \
    "func 0 (i32, i64, f32, f64, v128) -> (i32)\nb0:\n"                                            \
    "  v1 = param 0 : i32\n  v2 = param 1 : i64\n  v3 = param 2 : f32\n"                           \
    "  v4 = param 3 : f64\n  v5 = param 4 : v128\n"

static void expect_wrong_inst(const char *line, const char *why)
{
    char text[512];
    snprintf(text, sizeof text, HEAD "  %s\n  return v1\n", line);
    expect_wrong(text, why, strstr(line, "v7 =") != NULL ? 7 : ANY);
}

static void expect_right_inst(const char *line)
{
    char text[512];
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct ssa_func fn;
    snprintf(text, sizeof text, HEAD "  %s\n  return v1\n", line);
    test_parse(text, &arena, line, &fn);
    test_verify(&fn, line);
    test_arena_free(&arena);
}

static const char arg_error[] = "an argument has the wrong type";
static const char result_error[] = "the result has the wrong type";

static void test_types(void **state)
{
    (void)state;
    expect_right_inst("v7 = add v2, i64 1 : i64");
    expect_wrong_inst("v7 = add v1, v2 : i32", arg_error);
    expect_wrong_inst("v7 = add v2, v2 : i32", result_error);
    expect_wrong_inst("v7 = add v3, v3 : f32", arg_error);
    expect_wrong_inst("v7 = fadd v1, v1 : i32", arg_error);
    expect_wrong_inst("v7 = fadd v3, v4 : f32", arg_error);
    expect_right_inst("v7 = eq v2, v2 : i32");
    expect_wrong_inst("v7 = eq v2, v2 : i64", result_error);
    expect_wrong_inst("v7 = eq v3, v3 : i32", arg_error);
    expect_wrong_inst("v7 = flt v2, v2 : i32", arg_error);
    expect_right_inst("v7 = addc v2, v2, i32 1 : i64");
    expect_wrong_inst("v7 = addc v2, v2, i64 1 : i64", arg_error);
    expect_right_inst("v7 = subb_out v2, v2, 1 : i32");
    expect_wrong_inst("v7 = addc_out v2, v2, 1 : i64", arg_error);
    expect_wrong_inst("v7 = sext32 v1 : i32", arg_error);
    expect_wrong_inst("v7 = wrap v1 : i32", arg_error);
    expect_wrong_inst("v7 = extend_u v1 : i32", result_error);
    expect_right_inst("v7 = trunc_s v4 : i32");
    expect_wrong_inst("v7 = trunc_s v4 : f32", result_error);
    expect_wrong_inst("v7 = convert_u v4 : f64", arg_error);
    expect_right_inst("v7 = bitcast v4 : i64");
    expect_wrong_inst("v7 = bitcast v4 : i32",
                      "a bitcast between types of another size, or of one kind");
    expect_right_inst("v7 = select v1, v5, #00000000000000000000000000000000 : v128");
    expect_wrong_inst("v7 = select v2, v5, v5 : v128", arg_error);
    expect_wrong_inst("v7 = select v1, v5, v4 : v128", arg_error);
    expect_right_inst("store v2 + 8, v4");
    expect_wrong_inst("store v2 + 8, v5", arg_error);
    expect_wrong_inst("store v3 + 8, v1", arg_error);
    expect_wrong_inst("store32 v1, v1", arg_error);
    expect_wrong_inst("v7 = load v1 : v128", result_error);
    expect_wrong_inst("v7 = load32_s v1 : i32", result_error);
    expect_wrong_inst("v7 = load v1 + 0x4000000 : i32", "an offset that reaches over the guard");
    expect_wrong_inst("v7 = ptr_load fixed v1 : i32", arg_error);
    expect_wrong_inst("trap_if v2, TABLE", arg_error);
    expect_wrong_inst("trap_if v1, NONE", "no such trap");
}

static void test_other_operations(void **state)
{
    (void)state;
    expect_right_inst("v7 = v128.load v2 : v128");
    expect_right_inst("v7 = v128.load64_lane v1, v5, lane 1 : v128");
    expect_wrong_inst("v7 = v128.load64_lane v1, v5, lane 2 : v128", "no such lane");
    expect_wrong_inst("v7 = v128.load v3 : v128", arg_error);
    expect_wrong_inst("v7 = i32x4.splat v2 : v128", arg_error);
    expect_right_inst("v7 = i64x2.extract_lane v5, lane 1 : i64");
    expect_wrong_inst("v7 = i64x2.extract_lane v5, lane 2 : i64", "no such lane");
    expect_wrong_inst("v7 = i8x16.extract_lane_s v5, lane 16 : i32", "no such lane");
    expect_wrong_inst("v7 = i8x16.shl v5, v2 : v128", arg_error);
    expect_wrong_inst("v7 = i8x16.all_true v5 : v128", result_error);
    expect_right_inst("v7 = i8x16.shuffle v5, v5, #000102030405060708090a0b0c0d1e1f : v128");
    expect_wrong_inst("v7 = i8x16.shuffle v5, v5, #000102030405060708090a0b0c0d0e20 : v128",
                      "a shuffle without its lanes");
    expect_right_inst("v7 = atomic_add.64 v1, v2 : i64");
    expect_wrong_inst("v7 = atomic_add.64 v1, v1 : i32", "an atomic access wider than its type");
    expect_wrong_inst("atomic_store.64 v1, v1", "an atomic access wider than its type");
    expect_wrong_inst("v7 = atomic_load.32 v1 : f32", result_error);
    expect_wrong_inst("v7 = param 5 : i32",
                      "no such parameter, of another type, or not in the entry");
    expect_wrong_inst("v7 = param 0 : i64",
                      "no such parameter, of another type, or not in the entry");
    expect_wrong_inst("v7 = result v1, 1 : i32",
                      "a result of what is no call, or the first result");
    expect_wrong_inst("v8 = call_slot t0(v2) : i32\n  v9 = result v8, 2 : i32\n"
                      "  v7 = result v8, 1 : i32",
                      "results that don't follow their call in ascending order");
    expect_right_inst("v7 = call_slot t0(v2, v1) : i32");
    expect_wrong_inst("v7 = call_slot t0(v1, v2) : i32", "a call through what is no address");
    expect_wrong_inst("v7 = call_slot t0() : i32", "a call through what is no address");
    expect_wrong_inst("v7 = phi : i32", "a phi behind what is none");
    expect_wrong_inst("v7 = add v7, v1 : i32", "an argument is defined behind its use");
    expect_wrong_inst("return", "the end of a block isn't at its end, or is missing");
    expect_wrong("func 0 () -> (i32)\nb0:\n  return i64 1\n", "a return of the wrong type", ANY);
    expect_wrong("func 0 () -> (i32)\nb0:\n  return 1, 2\n",
                 "a return of the wrong number of values", ANY);
}

static void test_wrong_blocks(void **state)
{
    (void)state;
    expect_wrong("func 0 () -> ()\nb0:\n  jump b0\n",
                 "block: the entry is missing, dead, or has a predecessor", 0);
    expect_wrong("func 0 () -> ()\nb0: dead\n",
                 "block: the entry is missing, dead, or has a predecessor", 0);
    expect_wrong("func 0 () -> ()\nb0:\n",
                 "block: it is empty, its last isn't the last, or it is dead and isn't empty", 0);
    expect_wrong("func 0 () -> ()\nb0:\n  branch 1, b1\nb1:\n  return\n",
                 "an end with the wrong number of successors", ANY);
    expect_wrong("func 0 () -> ()\nb0:\n  return\nb1:\n  return\n",
                 "block: unreachable, or not in reverse postorder", 1);
    expect_wrong("func 0 () -> ()\nb0:\n  jump b2\nb1:\n  return\nb2:\n  jump b1\n",
                 "block: unreachable, or not in reverse postorder", 1);
    expect_wrong("func 0 () -> ()\nb0:\n  jump b1\nb1: dead\n",
                 "block: a neighbour is dead or doesn't exist", 0);
    expect_wrong("func 0 () -> ()\nb0: cold\n  return\n", "block: cold, and returns", 0);
    expect_wrong("func 0 () -> ()\nb0: cold\n  jump b1\nb1:\n  return\n",
                 "block: cold, and leads to one that isn't", 0);
    /* a value that only one of two ways defines */
    expect_wrong("func 0 (i32) -> (i32)\nb0:\n  v1 = param 0 : i32\n  branch v1, b1, b2\n"
                 "b1:\n  v2 = add v1, 1 : i32\n  jump b2\nb2:\n  return v2\n",
                 "an argument's definition doesn't dominate its use", ANY);
    expect_wrong("func 0 (i32) -> (i32)\nb0:\n  v1 = param 0 : i32\n  branch v1, b1, b2\n"
                 "b1:\n  v2 = add v1, 1 : i32\n  jump b2\n"
                 "b2: (b1, b0)\n  v3 = phi v1, v2 : i32\n  return v3\n",
                 "an argument of a phi isn't defined at the end of its predecessor", 3);
    expect_wrong("func 0 (i32) -> (i32)\nb0:\n  v1 = param 0 : i32\n  jump b1\n"
                 "b1:\n  v3 = phi v1, v1 : i32\n  return v3\n",
                 "a phi that hasn't one argument for each predecessor", 3);
    expect_wrong("func 0 (i32) -> (i32)\nb0:\n  v1 = param 0 : i32\n  jump b1\n"
                 "b1:\n  v3 = phi i64 1 : i32\n  return v3\n",
                 "a phi of another type than an argument", 3);
}

#define LOOPS                                                                                      \
    "b0:\n  v1 = param 0 : i32\n  jump b1\n"                                                       \
    "b1: loop 1\n  jump b2\n"                                                                      \
    "b2: loop 2\n  branch v1, b2, b3\n"                                                            \
    "b3: loop 1\n  branch v1, b1, b4\n"                                                            \
    "b4:\n  return\n"

static void test_wrong_loops(void **state)
{
    (void)state;
    expect_wrong("func 0 (i32) -> ()\nloop 1: b1\nloop 2: b2 in 1\nloop 3: b3 in 1\n" LOOPS,
                 "loop: its header belongs to another loop", 3);
    expect_wrong("func 0 (i32) -> ()\nloop 1: b1\nloop 2: b2\n" LOOPS,
                 "block: its loop is entered from outside, not through the header", 3);
    expect_wrong("func 0 (i32) -> ()\nloop 1: b1\nloop 2: b2 in 1 calls\n" LOOPS,
                 "loop: it has a call or a store that its parent doesn't know of", 2);
    expect_wrong("func 0 (i32) -> ()\nloop 1: b2\nb0:\n  v1 = param 0 : i32\n  branch v1, b1, b2\n"
                 "b1:\n  jump b2\nb2: loop 1\n  branch v1, b2, b3\nb3:\n  return\n",
                 "loop: its header has more than one predecessor outside of it", 1);
    expect_wrong("func 0 (i32) -> ()\nb0:\n  v1 = param 0 : i32\n  jump b1\n"
                 "b1:\n  branch v1, b1, b2\nb2:\n  return\n",
                 "block: an edge goes back to what is no loop's header", 1);
    expect_wrong("func 0 (i32) -> ()\nloop 1: b1\nb0:\n  v1 = param 0 : i32\n  jump b1\n"
                 "b1: loop 1\n  branch v1, b1, b2\nb2: loop 1\n  jump b3\nb3:\n  v2 = call f1() : "
                 "i32\n  return\n"
                 "b4: loop 1\n  jump b3\n",
                 "block: unreachable, or not in reverse postorder", 4);
    expect_wrong("func 0 (i32) -> ()\nloop 1: b2\nb0:\n  v1 = param 0 : i32\n  jump b1\n"
                 "b1: loop 1\n  jump b2\nb2: loop 1\n  branch v1, b2, b3\nb3:\n  return\n",
                 "block: its loop is entered from outside, not through the header", 1);
    /* two entries */
    expect_wrong("func 0 (i32) -> ()\nloop 1: b1\nb0:\n  v1 = param 0 : i32\n  branch v1, b1, b2\n"
                 "b1: loop 1\n  jump b2\nb2:\n  branch v1, b1, b3\nb3:\n  return\n",
                 "block: an edge goes back to a header that doesn't dominate it", 2);
    expect_wrong("func 0 (i32) -> ()\nloop 1: b1\nb0:\n  v1 = param 0 : i32\n  jump b1\n"
                 "b1: loop 1\n  call f0(v1)\n  branch v1, b1, b2\nb2:\n  return\n",
                 "a call that its loop doesn't know of", ANY);
    expect_wrong("func 0 (i32) -> ()\nloop 1: b1\nb0:\n  v1 = param 0 : i32\n  jump b1\n"
                 "b1: loop 1\n  inst_store global [-8], v1\n  branch v1, b1, b2\nb2:\n  return\n",
                 "a store to the instance that its loop doesn't know of", ANY);
}

/* ---- Damage to a right function ---- */

static const char right_text[] = "func 0 (i32) -> (i32)\n"
                                 "loop 1: b1 calls\n"
                                 "loop 2: b2 in 1\n"
                                 "b0:\n"
                                 "  v1 = param 0 : i32\n"
                                 "  v2 = add v1, 5 : i32\n"
                                 "  jump b1\n"
                                 "b1: (b0, b4) loop 1\n"
                                 "  v3 = phi v1, v8 : i32\n"
                                 "  v4 = phi 0, v2 : i32\n"
                                 "  call f1(v3, v4)\n"
                                 "  jump b2\n"
                                 "b2: (b1, b2) loop 2\n"
                                 "  v5 = phi v3, v6 : i32\n"
                                 "  v6 = sub v5, 7 : i32\n"
                                 "  branch v6, b2, b3\n"
                                 "b3: (b2) loop 1\n"
                                 "  br_table v6, b4, b5, b4, b6\n"
                                 "b4: (b3) loop 1\n"
                                 "  v8 = mul v5, v5 : i32\n"
                                 "  jump b1\n"
                                 "b5: (b3)\n"
                                 "  return v6\n"
                                 "b6: (b3) cold\n"
                                 "  trap UNREACHABLE\n"
                                 "b7: dead\n";

/* The n-th instruction of a block. */
static struct ssa_inst *nth(struct ssa_func *fn, uint32_t block, uint32_t n)
{
    uint32_t i = fn->blocks[block].first;
    while (n-- > 0) {
        i = fn->insts[i].next;
    }
    return &fn->insts[i];
}

static uint32_t *succ(struct ssa_func *fn, uint32_t block, uint32_t n)
{
    return &fn->pool[fn->blocks[block].succ_start + n];
}

static uint32_t *pred(struct ssa_func *fn, uint32_t block, uint32_t n)
{
    return &fn->pool[fn->blocks[block].pred_start + n];
}

static void swap_args(struct ssa_func *fn, struct ssa_inst *inst)
{
    uint32_t *args = ssa_args(fn, inst);
    uint32_t old = args[0];
    args[0] = args[1];
    args[1] = old;
}

/* Each of these damages one thing, number n, and says what; null if there are no more. */
static const char *damage_graph(struct ssa_func *fn, int n)
{
    switch (n) {
    case 0: fn->blocks[3].succ_start = fn->n_pool; return "a list leaves the pool";
    case 1: *succ(fn, 0, 0) = 99; return "a successor that doesn't exist";
    case 2: *succ(fn, 0, 0) = 7; return "a successor that is dead";
    case 3: *succ(fn, 3, 0) = 5; return "an edge twice";
    case 4: *succ(fn, 4, 0) = 5; return "a successor replaced";
    case 5: *pred(fn, 5, 0) = 4; return "a predecessor replaced";
    case 6: fn->blocks[1].n_preds = 1; return "a predecessor missing";
    case 7: fn->blocks[5].n_preds = 2; return "a predecessor too many";
    case 8: fn->blocks[2].n_succs = 1; return "a successor missing";
    case 9: fn->blocks[4].idom = 0; return "no dominator";
    case 10: fn->blocks[6].idom = 5; return "a dominator too low";
    case 11: fn->blocks[0].idom = 1; return "the entry's dominator";
    case 12: fn->blocks[2].loop = 3; return "no loop of that number";
    case 13: fn->blocks[4].loop = 0; return "a block outside of its loop";
    case 14: fn->loops[1].header = 0; return "a header moved";
    case 15: fn->loops[2].header = 99; return "a header that doesn't exist";
    case 16: fn->loops[2].depth = 3; return "a wrong depth";
    case 17: fn->loops[0].depth = 1; return "the function's own depth";
    case 18: fn->loops[1].parent = 2; return "a parent behind";
    case 19: fn->loops[1].has_call = false; return "calls that a loop doesn't know of";
    case 20: fn->blocks[5].is_dead = true; return "a live block dead";
    case 21: fn->blocks[7].is_dead = false; return "a dead block live";
    case 22: fn->blocks[3].is_cold = true; return "a block cold that isn't";
    default: return NULL;
    }
}

static const char *damage_list(struct ssa_func *fn, int n)
{
    switch (n) {
    case 0: fn->blocks[2].first = fn->insts[fn->blocks[2].first].next; return "no first";
    case 1: fn->blocks[2].last = fn->blocks[2].first; return "a wrong last";
    case 2: nth(fn, 2, 1)->prev = 0; return "a wrong neighbour";
    case 3: nth(fn, 2, 1)->block = 1; return "a wrong block";
    case 4: nth(fn, 2, 1)->next = fn->blocks[2].first; return "a circle";
    case 5:
        nth(fn, 0, 2)->next = fn->blocks[1].first;
        return "a list that goes on in another block";
    case 6: nth(fn, 0, 1)->next = fn->n_insts + 7; return "a link out of the function";
    case 7: fn->insts[fn->blocks[0].last].op = SSA_ATOMIC_FENCE; return "no end";
    case 8: nth(fn, 1, 2)->op = SSA_RETURN; return "an end in the middle";
    case 9: nth(fn, 1, 0)->op = SSA_CALL; return "a phi behind others";
    case 10: nth(fn, 1, 0)->arg[1] = 1; return "a phi of too few";
    case 11: nth(fn, 1, 0)->arg[0] = fn->n_pool; return "a phi out of the pool";
    case 12: swap_args(fn, nth(fn, 1, 0)); return "a phi's arguments swapped";
    default: return NULL;
    }
}

static const char *damage_value(struct ssa_func *fn, int n)
{
    switch (n) {
    case 0: nth(fn, 0, 1)->op = SSA_OP_COUNT; return "no such operation";
    case 1: nth(fn, 0, 1)->op = SSA_V_V128_CONST; return "a vector constant as an operation";
    case 2: nth(fn, 0, 1)->type = T_COUNT; return "no such type";
    case 3: nth(fn, 0, 1)->type = T_I64; return "another type";
    case 4: nth(fn, 0, 1)->arg[1] = 0; return "no value";
    case 5: nth(fn, 0, 1)->arg[0] = fn->n_insts; return "a value that doesn't exist";
    case 6: nth(fn, 0, 1)->arg[0] = 2; return "a use of itself";
    case 7: nth(fn, 0, 1)->arg[0] = 6; return "a use of a later block";
    case 8: nth(fn, 4, 0)->arg[0] = fn->blocks[0].last; return "a use of what has no result";
    case 9: ssa_remove(fn, (val_t){8}, VAL_NONE); return "a definition removed";
    case 10: ssa_remove(fn, (val_t){8}, (val_t){8}); return "a copy of itself";
    case 11: ssa_remove(fn, (val_t){6}, (val_t){8}); return "a copy of what comes later";
    case 12: nth(fn, 0, 1)->op = SSA_COPY; return "a copy in a block";
    case 13: nth(fn, 0, 1)->op = SSA_CONST; return "a constant in a block";
    case 14: nth(fn, 0, 1)->op = SSA_NOP; return "nothing in a block";
    case 15: fn->insts[ssa_const(fn, T_I32, 9).i].imm = 5; return "a constant twice";
    case 16:
        fn->insts[ssa_const(fn, T_I32, 7).i].imm = UINT64_C(1) << 32;
        return "a constant too large";
    case 17: fn->insts[ssa_const(fn, T_I32, 7).i].type = T_VOID; return "a constant of no type";
    case 18:
        fn->insts[ssa_const(fn, T_I32, 9).i].op = SSA_VCONST;
        return "a vector constant without bytes";
    case 19: nth(fn, 2, 1)->op = SSA_PARAM; return "a parameter elsewhere";
    case 20: fn->insts[fn->blocks[3].last].imm = fn->n_pool; return "a table out of the pool";
    case 21: fn->insts[fn->blocks[3].last].arg[1] = 0; return "an empty table";
    case 22: fn->pool[fn->insts[fn->blocks[3].last].imm] = 3; return "a table that leads nowhere";
    case 23:
        fn->pool[fn->insts[fn->blocks[3].last].imm + 3] = 0;
        return "a successor not in the table";
    case 24: fn->insts[fn->blocks[2].last].imm = 3; return "a branch neither way";
    case 25: fn->insts[fn->blocks[6].last].sub = 0; return "a trap of no kind";
    case 26: fn->insts[fn->blocks[5].last].type = T_I32; return "a result of a return";
    default: return NULL;
    }
}

static void expect_all_caught(const char *(*damage)(struct ssa_func *, int))
{
    struct arena arena = test_arena_new(ARENA_BYTES);
    for (int n = 0;; n++) {
        struct ssa_func fn;
        uint32_t culprit;
        arena_release(&arena, 0);
        test_parse(right_text, &arena, "right", &fn);
        assert_int_equal(ssa_reserve_insts(&fn, 8), STATUS_OK);
        test_verify(&fn, "right");
        const char *name = damage(&fn, n);
        if (name == NULL) {
            break;
        }
        if (ssa_verify(&fn, &culprit) == NULL) {
            fail_msg("not caught: %s", name);
        }
        free(test_print(&fn)); /* damaged as it is, it can be printed */
    }
    test_arena_free(&arena);
}

static void test_damage(void **state)
{
    (void)state;
    expect_all_caught(damage_graph);
    expect_all_caught(damage_list);
    expect_all_caught(damage_value);
}

/* ---- Large functions ---- */

/* Many ways into each of many blocks: the checks must not multiply them. */
static void test_large(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct test_text text = {0};
    test_text_add(&text, "func 0 () -> ()\nb0:\n  br_table 1");
    for (int i = 1; i <= N; i++) {
        test_text_add(&text, ", b%d", i);
    }
    for (int i = 1; i < N; i++) {
        test_text_add(&text, "\nb%d:\n  branch 1, b%d, b%d", i, i + 1, N + 1);
    }
    test_text_add(&text, "\nb%d:\n  jump b%d\nb%d:\n  return\n", N, N + 1, N + 1);
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct ssa_func fn;
    test_parse(text.text, &arena, "large", &fn);
    size_t used_bytes = arena.used_bytes;
    test_verify(&fn, "large");
    assert_int_equal(arena.used_bytes, used_bytes);
    free(text.text);
    test_arena_free(&arena);
}

/* Without memory the verifier says so; it never says that all is well. */
static void test_no_memory(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct ssa_func fn;
    uint32_t culprit;
    test_parse(right_text, &arena, "right", &fn);
    const char *error = "";
    uint32_t n_refused = 0;
    for (arena.cap_bytes = arena.used_bytes; error != NULL; arena.cap_bytes += 16) {
        error = ssa_verify(&fn, &culprit);
        if (error != NULL) {
            assert_string_equal(error, "no memory left for the verifier");
            n_refused++;
        }
    }
    assert_true(n_refused > 5);
    test_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),        cmocka_unit_test(test_other_operations),
        cmocka_unit_test(test_wrong_blocks), cmocka_unit_test(test_wrong_loops),
        cmocka_unit_test(test_damage),       cmocka_unit_test(test_large),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
