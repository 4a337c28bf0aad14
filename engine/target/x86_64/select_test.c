/*
 * Patterns of selection: a function in SSA text, the machine instructions that must come of it,
 * and that it still does the same as in the interpreter.
 */
#include "engine/target/x86_64/native_test.h"

#define ARENA_BYTES (16u << 20)
#define RUNS 200

static const struct pattern {
    const char *name;
    const char *text;
    const char *wanted;   /* names of instructions, in order, other ones may be between */
    const char *unwanted; /* none of these anywhere; may be null */
} patterns[] = {
    {"bswap32",
     "func 0 (i32) -> (i32)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v3 = shl v1, 24 : i32\n"
     "  v5 = and v1, 0xff00 : i32\n"
     "  v7 = shl v5, 8 : i32\n"
     "  v8 = or v3, v7 : i32\n"
     "  v9 = shr_u v1, 8 : i32\n"
     "  v10 = and v9, 0xff00 : i32\n"
     "  v11 = shr_u v1, 24 : i32\n"
     "  v12 = or v10, v11 : i32\n"
     "  v13 = or v8, v12 : i32\n"
     "  return v13\n",
     "bswap ret", "shl shr and or"},
    {"bswap64",
     "func 0 (i64) -> (i64)\n"
     "b0:\n"
     "  v1 = param 0 : i64\n"
     "  v2 = shl v1, 56 : i64\n"
     "  v3 = and v1, 0xff00 : i64\n"
     "  v4 = shl v3, 40 : i64\n"
     "  v5 = or v2, v4 : i64\n"
     "  v6 = and v1, 0xff0000 : i64\n"
     "  v7 = shl v6, 24 : i64\n"
     "  v8 = and v1, i64 0xff000000 : i64\n"
     "  v9 = shl v8, 8 : i64\n"
     "  v10 = or v7, v9 : i64\n"
     "  v11 = or v5, v10 : i64\n"
     "  v12 = shr_u v1, 8 : i64\n"
     "  v13 = and v12, i64 0xff000000 : i64\n"
     "  v14 = shr_u v1, 24 : i64\n"
     "  v15 = and v14, 0xff0000 : i64\n"
     "  v16 = or v13, v15 : i64\n"
     "  v17 = shr_u v1, 40 : i64\n"
     "  v18 = and v17, 0xff00 : i64\n"
     "  v19 = shr_u v1, 56 : i64\n"
     "  v20 = or v18, v19 : i64\n"
     "  v21 = or v16, v20 : i64\n"
     "  v22 = or v11, v21 : i64\n"
     "  return v22\n",
     "bswap ret", "shl shr and or"},
    {"not quite bswap32",
     "func 0 (i32) -> (i32)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v3 = shl v1, 24 : i32\n"
     "  v5 = and v1, 0xff00 : i32\n"
     "  v7 = shl v5, 8 : i32\n"
     "  v8 = or v3, v7 : i32\n"
     "  v9 = shr_u v1, 8 : i32\n"
     "  v10 = and v9, 0xfe00 : i32\n"
     "  v11 = shr_u v1, 24 : i32\n"
     "  v12 = or v10, v11 : i32\n"
     "  v13 = or v8, v12 : i32\n"
     "  return v13\n",
     "or ret", "bswap"},
    {"the carry of a sum",
     "func 0 (i64, i64, i64) -> (i64)\n"
     "b0:\n"
     "  v1 = param 0 : i64\n"
     "  v2 = param 1 : i64\n"
     "  v3 = param 2 : i64\n"
     "  v4 = lt_u v1, v2 : i32\n"
     "  v5 = extend_u v4 : i64\n"
     "  v6 = add v3, v5 : i64\n"
     "  return v6\n",
     "cmp adc ret", "set zero"},
    {"one more unless zero",
     "func 0 (i32, i32) -> (i32)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v2 = param 1 : i32\n"
     "  v3 = gt_u v2, 6 : i32\n"
     "  v4 = add v1, v3 : i32\n"
     "  v5 = eqz v2 : i32\n"
     "  v6 = sub v4, v5 : i32\n"
     "  return v6\n",
     "cmp sbb cmp sbb ret", "set zero"},
    {"bytes compared in memory",
     "func 0 (i32, i32) -> (i32)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v2 = param 1 : i32\n"
     "  v3 = and v1, 255 : i32\n"
     "  v4 = and v2, 255 : i32\n"
     "  v5 = load8_u v3 + 16 : i32\n"
     "  v6 = load8_u v4 + 300 : i32\n"
     "  v7 = lt_s v5, v6 : i32\n"
     "  v8 = select v7, v1, v2 : i32\n"
     "  return v8\n",
     "movzx cmp cmov ret", NULL},
    {"a sum kept in memory",
     "func 0 (i32, i32) -> ()\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v2 = param 1 : i32\n"
     "  v3 = and v1, 127 : i32\n"
     "  v4 = load8_u v3 + 7 : i32\n"
     "  v5 = add v4, v2 : i32\n"
     "  store8 v3 + 7, v5\n"
     "  v6 = load v3 + 100 : i32\n"
     "  v7 = or v6, 64 : i32\n"
     "  store v3 + 100, v7\n"
     "  return\n",
     "add or ret", "movzx"},
    {"both halves of a product",
     "func 0 (i64, i64) -> (i64, i64)\n"
     "b0:\n"
     "  v1 = param 0 : i64\n"
     "  v2 = param 1 : i64\n"
     "  v3 = mulhi_u v1, v2 : i64\n"
     "  v4 = mul v2, v1 : i64\n"
     "  return v4, v3\n",
     "mul ret", "imul"},
    {"quotient and remainder",
     "func 0 (i32, i32) -> (i32, i32)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v2 = param 1 : i32\n"
     "  v3 = rem_s v1, v2 : i32\n"
     "  v4 = div_s v1, v2 : i32\n"
     "  return v4, v3\n",
     "cdq sdiv ret", "idiv div"},
    {"the smallest number divided",
     "func 0 (i64) -> (i64, i64)\n"
     "b0:\n"
     "  v1 = param 0 : i64\n"
     "  v2 = or v1, i64 -2 : i64\n"
     "  v3 = rem_s i64 0x8000000000000000, v2 : i64\n"
     "  v4 = div_s i64 0x8000000000000000, v2 : i64\n"
     "  return v4, v3\n",
     "sdiv ret", NULL},
    {"products of two short instructions",
     "func 0 (i32, i64) -> (i32, i64, i32, i64)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v2 = param 1 : i64\n"
     "  v3 = mul v1, 10 : i32\n"
     "  v4 = mul v2, i64 81 : i64\n"
     "  v5 = mul v1, 17 : i32\n"
     "  v6 = mul v2, i64 63 : i64\n"
     "  return v3, v4, v5, v6\n",
     "ret", "imul"},
    {"a choice in memory",
     "func 0 (i32, i32) -> (i32)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v2 = param 1 : i32\n"
     "  v3 = and v1, 255 : i32\n"
     "  v4 = load v3 + 40 : i32\n"
     "  v5 = lt_s v1, v2 : i32\n"
     "  v6 = select v5, v1, v4 : i32\n"
     "  return v6\n",
     "cmp cmov ret", "mov j"},
    {"a bit by its number",
     "func 0 (i64, i64) -> (i32)\n"
     "b0:\n"
     "  v1 = param 0 : i64\n"
     "  v2 = param 1 : i64\n"
     "  v3 = shl i64 1, v2 : i64\n"
     "  v4 = and v1, v3 : i64\n"
     "  v5 = eqz v4 : i32\n"
     "  branch v5, b1, b2\n"
     "b1: (b0)\n"
     "  return 1\n"
     "b2: (b0)\n"
     "  return 2\n",
     "bt j", "shl shlx"},
    {"the lowest bit",
     "func 0 (i32, i64) -> (i32, i64, i32)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v2 = param 1 : i64\n"
     "  v3 = add v1, -1 : i32\n"
     "  v4 = and v1, v3 : i32\n"
     "  v5 = sub i64 0, v2 : i64\n"
     "  v6 = and v5, v2 : i64\n"
     "  v7 = add v1, -1 : i32\n"
     "  v8 = xor v7, v1 : i32\n"
     "  return v4, v6, v8\n",
     "ret", "neg sub and xor"},
    {"an index without clamp",
     "func 0 (i32) -> (i32)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v2 = and v1, 3 : i32\n"
     "  br_table v2, b1, b2, b3, b4, b1\n"
     "b1: (b0)\n"
     "  return 10\n"
     "b2: (b0)\n"
     "  return 20\n"
     "b3: (b0)\n"
     "  return 30\n"
     "b4: (b0)\n"
     "  return 40\n",
     "and jtable", "cmov cmp"},
    {"a small table",
     "func 0 (i32) -> (i32)\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  br_table v1, b1, b2, b1, b2\n"
     "b1: (b0)\n"
     "  return 10\n"
     "b2: (b0)\n"
     "  return 20\n",
     "jchain", "jtable cmov"},
    {"late terms last",
     "func 0 (i32, i32) -> (i32)\n"
     "loop 1: b1\n"
     "b0:\n"
     "  v1 = param 0 : i32\n"
     "  v2 = param 1 : i32\n"
     "  jump b1\n"
     "b1: (b0, b1) loop 1\n"
     "  v3 = phi 0, v4 : i32\n"
     "  v5 = phi v1, v12 : i32\n"
     "  v4 = add v3, 1 : i32\n"
     "  v6 = mul v3, v2 : i32\n"
     "  v7 = mul v6, v2 : i32\n"
     "  v8 = add v5, v7 : i32\n"
     "  v9 = add v8, v2 : i32\n"
     "  v12 = add v9, v3 : i32\n"
     "  v13 = lt_u v4, 9 : i32\n"
     "  branch v13, b1, b2\n"
     "b2: (b1)\n"
     "  return v12\n",
     "add add add j", NULL},
};

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; at != NULL && (at = strstr(at, word)) != NULL; at++) {
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static void check_mir(const struct native *n, const struct pattern *p)
{
    char names[2048] = "";
    const char *at = p->wanted;
    for (uint32_t i = 0; i < n->mf.n_insts; i++) {
        const char *name = target_x86_64.op_name(n->mf.insts[i].op);
        size_t len = strlen(name);
        snprintf(names + strlen(names), sizeof names - strlen(names), " %s", name);
        if (p->unwanted != NULL && has_word(p->unwanted, name)) {
            fail_msg("%s: unwanted: %s", p->name, names);
        }
        if (strncmp(at, name, len) == 0 && (at[len] == ' ' || at[len] == '\0')) {
            at += len + (at[len] == ' ');
        }
    }
    if (*at != '\0') {
        fail_msg("%s: no %s in%s", p->name, at, names);
    }
}

/* Numbers at the edges more often than others. */
static uint64_t number(uint64_t seed)
{
    static const uint64_t edges[] = {
        0,         1,          2,          6,         7,
        31,        32,         63,         64,        255,
        INT32_MAX, 0x80000000, UINT32_MAX, INT64_MAX, 0x8000000000000000,
        UINT64_MAX};
    uint64_t x = interp_random(seed, 5);
    return x % 3 == 0 ? edges[(x >> 8) % 16] : x % 3 == 1 ? x >> 16 & 0xff : interp_random(x, 1);
}

static void run_pattern(struct native *n, const struct pattern *p, uint64_t features)
{
    static struct interp expected, got;
    struct ssa_func fn;
    arena_release(n->arena, 0);
    test_parse(p->text, n->arena, p->name, &fn);
    test_verify(&fn, p->name);
    n->options.cpu_features = features;
    native_compile(n, &fn);
    if (features == ENGINE_CPU_ALL) {
        check_mir(n, p);
    }
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        union interp_value params[4] = {0};
        for (uint32_t i = 0; i < fn.n_params; i++) {
            params[i].bits = interp_narrow(fn.param_types[i], number(seed * 4 + i));
        }
        interp_run(&expected, &fn, params, seed, 1000, NULL);
        native_run(n, &got, &fn, params, seed);
        const char *difference = interp_compare(&expected, &got);
        if (difference != NULL) {
            fail_msg("%s, seed %u: %s", p->name, (unsigned)seed, difference);
        }
    }
}

static void all_patterns(void **state)
{
    (void)state;
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct native n;
    native_init(&n, &arena);
    for (uint32_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        run_pattern(&n, &patterns[i], ENGINE_CPU_ALL);
        run_pattern(&n, &patterns[i], 0);
    }
    native_free(&n);
    test_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_patterns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
