/*
 * For unit tests around SSA: functions from text and to text. Included by *_test.c only.
 */
#ifndef ENGINE_SSA_TEST_SUPPORT_H
#define ENGINE_SSA_TEST_SUPPORT_H

#include "engine/ssa/ssa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A text that grows; .text is never null. */
struct test_text {
    char *text;
    size_t len_bytes, cap_bytes;
};

static inline void test_text_put(void *ctx, const char *text, size_t len_bytes)
{
    struct test_text *out = ctx;
    if (out->len_bytes + len_bytes >= out->cap_bytes) {
        out->cap_bytes = 2 * (out->cap_bytes + len_bytes) + 64;
        char *grown = realloc(out->text, out->cap_bytes);
        assert_non_null(grown);
        out->text = grown;
    }
    memcpy(out->text + out->len_bytes, text, len_bytes);
    out->len_bytes += len_bytes;
    out->text[out->len_bytes] = '\0';
}

[[gnu::format(printf, 2, 3)]] static inline void test_text_add(struct test_text *out,
                                                               const char *fmt, ...)
{
    char buf[256];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(buf, sizeof buf, fmt, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < sizeof buf);
    test_text_put(out, buf, (size_t)len);
}

/* The caller frees it. */
static inline char *test_print(const struct ssa_func *fn)
{
    struct test_text out = {0};
    test_text_put(&out, "", 0);
    ssa_print(fn, &(struct ssa_text){test_text_put, &out});
    return out.text;
}

static inline struct arena test_arena_new(size_t len_bytes)
{
    struct arena arena;
    void *base = aligned_alloc(4096, len_bytes);
    assert_non_null(base);
    arena_init(&arena, base, len_bytes);
    return arena;
}

static inline void test_arena_free(struct arena *arena)
{
    free(arena->base);
}

/* Reads a text that has to be right; name: what to say otherwise. */
static inline void test_parse(const char *text, struct arena *arena, const char *name,
                              struct ssa_func *fn)
{
    const char *error;
    uint32_t line;
    fn->arena = arena;
    if (ssa_parse(text, fn, &error, &line) != STATUS_OK) {
        fail_msg("%s: line %u: %s\n%s", name, line, error, text);
    }
}

/* Fails with the verifier's complaint and the function. */
static inline void test_verify(const struct ssa_func *fn, const char *name)
{
    uint32_t culprit;
    const char *error = ssa_verify(fn, &culprit);
    if (error != NULL) {
        char *text = test_print(fn);
        fail_msg("%s: %s (%u)\n%s", name, error, culprit, text);
        free(text);
    }
}

#endif
