/*
 * Passes by example: each file engine/opt/tests/NAME.ssa is a test, and holds cases
 *
 *     ;; pass: gvn dce           the passes to run, by name; "all" for all in their order
 *     func ...                   a function, in the form of engine/ssa/text.h
 *     ;; expect:
 *     func ...                   what becomes of it
 *
 * Values are compared by the order in which they appear, not by their numbers. Before and after
 * are also run by the interpreter, so that no case can ask for something wrong. A failing case
 * shows what came out in the form that stands in the file.
 */
#include <dirent.h>

#include "engine/opt/test_pass.h"
#include "engine/ssa/test_generate.h"

#define CASES_FOLDER "engine/opt/tests" /* unit tests are started in the project's root */
#define ARENA_BYTES (16u << 20)
#define MAX_FILES 64
#define N_RUNS 20
#define FUEL 100000

/* The text with its values numbered in the order in which they stand there. */
static char *renumbered(const char *text)
{
    struct test_text out = {0};
    uint32_t *numbers = calloc(1u << 16, sizeof *numbers), n = 0;
    test_text_put(&out, "", 0);
    for (const char *at = text; *at != '\0';) {
        char *end = NULL;
        bool is_word = at == text || strchr(" (,\n", at[-1]) != NULL;
        unsigned long v = is_word && *at == 'v' ? strtoul(at + 1, &end, 10) : 0;
        bool is_type = v == 128 && (at == text || strncmp(at - 2, ": ", 2) == 0 || n == 0);
        if (v == 0 || v >= 1u << 16 || is_type || *end == '.') {
            test_text_put(&out, at++, 1);
            continue;
        }
        if (numbers[v] == 0) {
            numbers[v] = ++n;
        }
        test_text_add(&out, "v%u", numbers[v]);
        at = end;
    }
    free(numbers);
    return out.text;
}

/* A part of a file, as a string of its own. */
static char *copy(const char *start, const char *end)
{
    char *text = calloc(1, (size_t)(end - start) + 1);
    memcpy(text, start, (size_t)(end - start));
    return text;
}

/* Runs the passes that a line names. */
static void run_passes(struct compile *cx, const char *names, const char *where)
{
    char *line = strdup(names);
    for (char *name = strtok(line, " "); name != NULL; name = strtok(NULL, " ")) {
        uint32_t i = 0;
        while (i < PASS_COUNT && strcmp(pass_infos[i].name, name) != 0) {
            i++;
        }
        if (strcmp(name, "all") == 0) {
            assert_int_equal(opt_run(cx), STATUS_OK);
            continue;
        }
        if (i == PASS_COUNT) {
            fail_msg("%s: no pass \"%s\"", where, name);
        }
        test_analyse(cx->fn);
        assert_int_equal(pass_infos[i].run(cx), STATUS_OK);
        test_verify(cx->fn, where);
    }
    free(line);
}

static void expect_same_runs(const struct ssa_func *before, const struct ssa_func *after,
                             const char *where)
{
    static struct interp a, b;
    for (uint64_t seed = 0; seed < N_RUNS; seed++) {
        union interp_value params[8];
        assert_in_range(before->n_params, 0, 8);
        gen_params(seed, before, params);
        interp_run(&a, before, params, seed, FUEL, NULL);
        interp_run(&b, after, params, seed, FUEL, NULL);
        const char *difference = interp_compare(&a, &b);
        if (difference != NULL) {
            char *text = test_print(after);
            fail_msg("%s: %s:\n%s", where, difference, text);
        }
    }
}

/* False if it ends as another function than wanted, which is shown then. */
static bool run_case(const char *passes, const char *input, const char *want, const char *where)
{
    struct arena arena = test_arena_new(ARENA_BYTES), wanted_arena = test_arena_new(ARENA_BYTES);
    struct ssa_func before, fn, wanted;
    struct test_compile compile;
    test_parse(want, &wanted_arena, where, &wanted);
    test_verify(&wanted, where);
    test_parse(input, &arena, where, &before);
    test_verify(&before, where);
    test_parse(input, &arena, where, &fn);
    run_passes(test_compile_init(&compile, &fn), passes, where);
    expect_same_runs(&before, &fn, where);
    char *printed = test_print(&fn), *wanted_text = test_print(&wanted);
    char *a = renumbered(printed), *b = renumbered(wanted_text);
    bool is_same = strcmp(a, b) == 0;
    if (!is_same) {
        fprintf(stderr, "%s: expects something else than\n%s\n", where, printed);
    }
    free(a);
    free(b);
    free(printed);
    free(wanted_text);
    test_arena_free(&arena);
    test_arena_free(&wanted_arena);
    return is_same;
}

static char *read_file(const char *path)
{
    struct test_text text = {0};
    char buf[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    test_text_put(&text, "", 0);
    for (size_t n; (n = fread(buf, 1, sizeof buf, file)) > 0;) {
        test_text_put(&text, buf, n);
    }
    fclose(file);
    return text.text;
}

#define PASS_MARK ";; pass:"
#define EXPECT_MARK ";; expect:"

static void test_file(void **state)
{
    char path[512], where[512];
    snprintf(path, sizeof path, "%s/%s", CASES_FOLDER, (const char *)*state);
    char *text = read_file(path);
    char *at = strstr(text, PASS_MARK);
    uint32_t n_cases = 0, n_failed = 0;
    while (at != NULL) {
        uint32_t line = 1;
        for (const char *c = text; c < at; c++) {
            line += *c == '\n';
        }
        snprintf(where, sizeof where, "%s:%u", path, line);
        char *line_end = strchr(at, '\n');
        char *expect = strstr(at, EXPECT_MARK);
        char *next = strstr(at + 1, PASS_MARK);
        if (line_end == NULL || expect == NULL || (next != NULL && next < expect)) {
            fail_msg("%s: a case without its \"%s\"", where, EXPECT_MARK);
        }
        char *passes = copy(at + strlen(PASS_MARK), line_end);
        char *input = copy(line_end, expect);
        char *want =
            copy(expect + strlen(EXPECT_MARK), next != NULL ? next : expect + strlen(expect));
        n_failed += !run_case(passes, input, want, where);
        free(passes);
        free(input);
        free(want);
        n_cases++;
        at = next;
    }
    free(text);
    assert_true(n_cases > 0);
    assert_int_equal(n_failed, 0);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

int main(void)
{
    struct CMUnitTest tests[MAX_FILES];
    size_t n = 0;
    DIR *folder = opendir(CASES_FOLDER);
    if (folder == NULL) {
        fprintf(stderr, "%s isn't here: start this test in the project's root\n", CASES_FOLDER);
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && n < MAX_FILES;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".ssa") == 0) {
            char *name = strdup(entry->d_name);
            tests[n++] =
                (struct CMUnitTest){.name = name, .test_func = test_file, .initial_state = name};
        }
    }
    closedir(folder);
    qsort(tests, n, sizeof *tests, compare_names);
    int n_failed = _cmocka_run_group_tests("passes by example", tests, n, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        free(tests[i].initial_state);
    }
    return n_failed;
}
