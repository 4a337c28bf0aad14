/*
 * The text form: what is printed is read back and printed the same; what is malformed is refused
 * at its line; and no text whatever makes the reader or the printer crash.
 */
#include "engine/ssa/test_support.h"

#define ARENA_BYTES (16u << 20)

/* The text is right, and is exactly what is printed. */
static void expect_same(const char *text)
{
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct ssa_func fn;
    test_parse(text, &arena, "same", &fn);
    char *printed = test_print(&fn);
    assert_string_equal(printed, text);
    test_verify(&fn, "same");
    free(printed);
    test_arena_free(&arena);
}

static void expect_printed(const char *text, const char *want)
{
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct ssa_func fn;
    test_parse(text, &arena, "printed", &fn);
    char *printed = test_print(&fn);
    assert_string_equal(printed, want);
    free(printed);
    test_arena_free(&arena);
    expect_same(want);
}

static void expect_refused(const char *text, uint32_t at_line, const char *why)
{
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct ssa_func fn = {.arena = &arena};
    const char *error;
    uint32_t line;
    assert_int_equal(ssa_parse(text, &fn, &error, &line), ERR_MALFORMED);
    assert_string_equal(error, why);
    assert_int_equal(line, at_line);
    test_arena_free(&arena);
}

static const char loops_text[] = "func 12 type 3 (i32, i64) -> (i32)\n"
                                 "loop 1: b1 calls stores\n"
                                 "loop 2: b2 in 1 calls\n"
                                 "b0:\n"
                                 "  v1 = param 0 : i32\n"
                                 "  v3 = add v1, 5 : i32 @0x1a4\n"
                                 "  jump b1\n"
                                 "b1: (b0, b3) loop 1\n"
                                 "  v4 = phi v3, v9 : i32\n"
                                 "  store v4 + 16, v3 @0x1a6\n"
                                 "  inst_store global [-64], v4\n"
                                 "  jump b2\n"
                                 "b2: (b1, b2) loop 2\n"
                                 "  v6 = phi 0, v7 : i32\n"
                                 "  v7 = call f5(v6, i64 -1) : i32\n"
                                 "  v8 = result v7, 1 : i64\n"
                                 "  v10 = eq v8, i64 0x100000000 : i32\n"
                                 "  branch v10, b2, b3 unlikely\n"
                                 "b3: (b2) loop 1\n"
                                 "  v9 = sub v7, 1 : i32\n"
                                 "  br_table v9, b4, b1, b4, b5\n"
                                 "b4: (b3)\n"
                                 "  return v9\n"
                                 "b5: (b3) cold\n"
                                 "  trap UNREACHABLE @0x1b0\n"
                                 "b6: dead\n";

static const char forms_text[] =
    "func 0 (i32, v128, f32, f64) -> (f32, v128)\n"
    "b0:\n"
    "  v1 = param 0 : i32\n"
    "  v2 = param 1 : v128\n"
    "  v3 = param 2 : f32\n"
    "  v4 = param 3 : f64\n"
    "  v5 = load v1 : i64\n"
    "  v6 = load8_s v5 + 12 : i64\n"
    "  store v1 + 4, f64 1.5\n"
    "  v7 = atomic_add.16 v1 + 2, 7 : i32\n"
    "  v8 = atomic_cmpxchg.64 v1, 1, v5 : i64\n"
    "  atomic_store.8 v1, i64 3\n"
    "  atomic_fence\n"
    "  v9 = inst_load fixed [-128] : i64\n"
    "  v10 = inst_addr sizes [-4096] : i64\n"
    "  v11 = ptr_load sizes v10 + -8 : v128\n"
    "  ptr_store global v9, v11\n"
    "  v12 = call_slot t3(v9, v1, v2) : v128\n"
    "  v13 = call_helper MEMORY_GROW(v1) : i32\n"
    "  call f1()\n"
    "  trap_if v13, TABLE_INDEX\n"
    "  v14 = i8x16.extract_lane_s v12, lane 15 : i32\n"
    "  v15 = v128.load16_lane v1 + 100000, v2, lane 7 : v128\n"
    "  v16 = i8x16.shuffle v15, v2, #000102030405060708090a0b0c0d1e1f : v128\n"
    "  v17 = v128.and v16, #ffffffffffffffff0000000000000000 : v128\n"
    "  v18 = f64x2.replace_lane v17, f64 -0.0, lane 1 : v128\n"
    "  v19 = fadd v3, 0.25 : f32\n"
    "  v20 = fmul v19, 0x7fc00001 : f32\n"
    "  v21 = fdiv v4, 0x3fb999999999999a : f64\n"
    "  v22 = fsub v21, 100.0009765625 : f64\n"
    "  v23 = select i32 1, v22, 9007199254740991.0 : f64\n"
    "  v24 = trunc_s v23 : i32\n"
    "  v25 = flt v4, f64 0x7ff0000000000000 : i32\n"
    "  v26 = select v25, v20, -3.0 : f32\n"
    "  v128 = xor v24, 0x80000000 : i32\n"
    "  v129 = or v128, v128 : i32\n"
    "  store v128 + 8, v129\n"
    "  v130 = fabs 0x1 : f32\n"
    "  return v26, v18\n";

static void test_round_trip(void **state)
{
    (void)state;
    expect_same(loops_text);
    expect_same(forms_text);
    expect_same("func 0 () -> ()\nb0:\n  return\n");
}

static void test_by_hand(void **state)
{
    (void)state;
    expect_printed("; a comment\n"
                   "\n"
                   "func 0 () -> (f32, i64) ; with another\n"
                   "b0:\n"
                   "\tbranch 0x1 , b2,b1   likely; no predecessors below\n"
                   "b1:\n"
                   "jump b3\r\n"
                   "b2:\n"
                   "jump b3\n"
                   "b3:\n"
                   " v3 = phi 0010.50 , -1: f32\n"
                   " v4 = shr_s i64 -1, 0xffffffffffffffff:i64@7\n"
                   " return v3, v4",
                   "func 0 () -> (f32, i64)\n"
                   "b0:\n"
                   "  branch 1, b2, b1 likely\n"
                   "b1: (b0)\n"
                   "  jump b3\n"
                   "b2: (b0)\n"
                   "  jump b3\n"
                   "b3: (b1, b2)\n"
                   "  v3 = phi 10.5, -1.0 : f32\n"
                   "  v4 = shr_s -1, -1 : i64 @0x7\n"
                   "  return v3, v4\n");
}

static void test_copies_are_seen_through(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct ssa_func fn;
    test_parse("func 0 (i32) -> (i32)\n"
               "b0:\n"
               "  v1 = param 0 : i32\n"
               "  v2 = add v1, 0 : i32\n"
               "  v3 = mul v2, 1 : i32\n"
               "  return v3\n",
               &arena, "copies", &fn);
    ssa_remove(&fn, (val_t){2}, (val_t){1});
    ssa_remove(&fn, (val_t){3}, (val_t){2});
    char *text = test_print(&fn);
    assert_string_equal(text, "func 0 (i32) -> (i32)\n"
                              "b0:\n"
                              "  v1 = param 0 : i32\n"
                              "  return v1\n");
    test_verify(&fn, "copies");
    free(text);
    test_arena_free(&arena);
}

#define HEAD "func 0 (i32) -> ()\nb0:\n  v1 = param 0 : i32\n"

static void test_refused(void **state)
{
    (void)state;
    expect_refused("", 1, "func N (types) -> (types) expected");
    expect_refused("func 0 (i32 i32) -> ()\nb0:\n", 1, ", or ) expected");
    expect_refused("func 0 () -> ()\n", 2, "a function without a block");
    expect_refused("func 0 () -> ()\nb1:\n", 2,
                   "blocks are numbered from 0 up, and stand in that order");
    expect_refused(HEAD "  frobnicate v1\n", 4, "no such operation");
    expect_refused(HEAD "  v2 = add v1 : i32\n", 4, ", expected");
    expect_refused(HEAD "  v2 = add v1, v1\n", 4, "the type of the value is missing, or is none");
    expect_refused(HEAD "  add v1, v1 : i32\n", 4, "a value without a name");
    expect_refused(HEAD "  v1 = add v1, v1 : i32\n", 4, "this value is already defined");
    expect_refused(HEAD "  v0 = add v1, v1 : i32\n", 4, "v0 is no value");
    expect_refused(HEAD "  v2 = add v1, v9 : i32\n  return\n", 4, "a value that isn't defined");
    expect_refused(HEAD "  v2 = add v1, 0x1ffffffff : i32\n", 4, "too large for an i32");
    expect_refused(HEAD "  v2 = add v1, -0x80000001 : i32\n", 4, "too large for an i32");
    expect_refused(HEAD "  v2 = add v1, 18446744073709551616 : i32\n", 4, "a number expected");
    expect_refused(HEAD "  v2 = fabs 0.1 : f64\n", 4,
                   "not the exact value of a float; write its bits: 0x...");
    expect_refused(HEAD "  v2 = fabs 16777217 : f32\n", 4,
                   "not the exact value of a float; write its bits: 0x...");
    expect_refused(HEAD "  v2 = fabs 0x100000000 : f32\n", 4, "not the bits of a float");
    expect_refused(HEAD "  v2 = atomic_load v1 : i32\n", 4, "the width is missing: NAME.BITS");
    expect_refused(HEAD "  v2 = atomic_load.24 v1 : i32\n", 4, "no such operation");
    expect_refused(HEAD "  v2 = copy v1 : i32\n", 4, "no such operation");
    expect_refused(HEAD "  trap NONSENSE\n", 4, "the name of a trap expected");
    expect_refused(HEAD "  jump b7\n", 4, "a block of this function expected");
    expect_refused(HEAD "  branch v1, b1, b1\nb1:\n return\n", 4,
                   "a block leads to another only once");
    expect_refused(HEAD "  jump b1\n  jump b1\nb1:\n return\n", 5, "a block has one end");
    expect_refused(HEAD "  return v1 v1\n", 4, "something is left at the line's end");
    expect_refused(HEAD "  jump b1\nb1: (b0, b0)\n  return\n", 5,
                   "a predecessor is named twice or doesn't lead here");
    expect_refused(HEAD "  branch v1, b1, b2\nb1: (b0)\n  jump b2\nb2: (b1)\n  return\n", 7,
                   "a predecessor is missing");
    expect_refused("func 0 () -> ()\nb0: loop 1\n", 2, "no such loop");
    expect_refused("func 0 () -> ()\nloop 1: b0 in 1\nb0: loop 1\n", 2,
                   "a loop's parent comes before it");
    expect_refused("func 0 () -> ()\nb0: dead\n  return\n", 3,
                   "an instruction outside of any block");
    expect_refused(HEAD "  v2 = v128.not #00 : v128\n", 4, "a vector constant has 32 digits");
}

static void test_no_memory(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct ssa_func fn = {.arena = &arena};
    const char *error;
    uint32_t line;
    assert_int_equal(ssa_parse(HEAD "  v4000000000 = add v1, 1 : i32\n", &fn, &error, &line),
                     ERR_LIMIT);
    size_t cap_bytes = arena.cap_bytes;
    status_t status = ERR_NO_MEMORY;
    for (arena.cap_bytes = 0; status == ERR_NO_MEMORY; arena.cap_bytes += 512) {
        arena_release(&arena, 0);
        status = ssa_parse(forms_text, &fn, &error, &line);
        assert_non_null(status == STATUS_OK ? "" : error);
        assert_true(arena.cap_bytes < cap_bytes);
    }
    assert_int_equal(status, STATUS_OK);
    test_arena_free(&arena);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* Pieces that mean something to the reader, for the mutations below. */
static const char *const pieces[] = {
    "v1", "v9", "b0", "b3", "0x",     "-",   ":", "i32", "v128", "#",   ",",   "phi", "= add",
    "(",  ")",  "\n", "@",  "loop 1", "+ 1", ";", "[",   "jump", "f64", "1.5", "in",  "cold"};

static void mutate(char *text, size_t cap_bytes, uint64_t *seed)
{
    size_t len = strlen(text);
    size_t at = next_random(seed) % (len + 1);
    size_t n = next_random(seed) % 8;
    n = n < len - at ? n : len - at;
    char piece[32] = "";
    switch (next_random(seed) % 4) {
    case 0: strcpy(piece, pieces[next_random(seed) % (sizeof pieces / sizeof *pieces)]); break;
    case 1: snprintf(piece, sizeof piece, "%c", (char)(1 + next_random(seed) % 126)); break;
    case 2: snprintf(piece, sizeof piece, "%u", (unsigned)(next_random(seed) % 40)); break;
    default: break;
    }
    if (len - n + strlen(piece) + 1 < cap_bytes) {
        memmove(text + at + strlen(piece), text + at + n, len - at - n + 1);
        memcpy(text + at, piece, strlen(piece));
    }
}

/* Whatever can be read is printed, verified without a crash, and once printed stays the same. */
static void test_mutations(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(ARENA_BYTES);
    uint64_t seed = 1;
    uint32_t n_read = 0;
    for (int i = 0; i < 20000; i++) {
        char text[4096];
        strcpy(text, i % 2 ? loops_text : forms_text);
        for (uint64_t k = next_random(&seed) % 4; k < 4; k++) {
            mutate(text, sizeof text, &seed);
        }
        struct ssa_func fn = {.arena = &arena};
        const char *error = NULL;
        uint32_t line, culprit;
        arena_release(&arena, 0);
        if (ssa_parse(text, &fn, &error, &line) != STATUS_OK) {
            assert_non_null(error);
            assert_true(line >= 1 && line < 100);
            continue;
        }
        n_read++;
        (void)!ssa_verify(&fn, &culprit);
        char *first = test_print(&fn);
        arena_release(&arena, 0);
        test_parse(first, &arena, "mutation", &fn);
        char *second = test_print(&fn);
        assert_string_equal(second, first);
        free(first);
        free(second);
    }
    assert_true(n_read > 100); /* or the mutations are too wild */
    test_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_copies_are_seen_through),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
