/*
 * The arena: alignment, its end, overflow, marks, and growing in place.
 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static alignas(16) uint8_t memory[256];

static struct arena arena_make(void)
{
    struct arena arena;
    memset(memory, 0xaa, sizeof memory);
    arena_init(&arena, memory, sizeof memory);
    return arena;
}

static void test_alignment_and_end(void **state)
{
    (void)state;
    struct arena arena = arena_make();
    assert_ptr_equal(arena_alloc(&arena, 1), memory);
    assert_ptr_equal(arena_alloc(&arena, 17), memory + 16);
    assert_ptr_equal(arena_alloc(&arena, 208), memory + 48);
    assert_null(arena_alloc(&arena, 1));
    assert_int_equal(arena.peak_bytes, sizeof memory);
}

static void test_overflow_is_refused(void **state)
{
    (void)state;
    struct arena arena = arena_make();
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_array(&arena, SIZE_MAX / 2 + 1, 2));
    assert_null(arena_zalloc(&arena, SIZE_MAX / 8, 16));
    assert_int_equal(arena.used_bytes, 0);
}

static void test_zeroing(void **state)
{
    (void)state;
    struct arena arena = arena_make();
    uint8_t *bytes = arena_zalloc(&arena, 5, 4);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(bytes[i], 0);
    }
    assert_int_equal(bytes[20], 0xaa);
}

static void test_marks(void **state)
{
    (void)state;
    struct arena arena = arena_make();
    void *first = arena_alloc(&arena, 16);
    size_t mark = arena_mark(&arena);
    void *second = arena_alloc(&arena, 64);
    arena_release(&arena, mark);
    assert_ptr_equal(arena_alloc(&arena, 16), second);
    assert_ptr_not_equal(first, second);
    assert_int_equal(arena.peak_bytes, 80);
}

static void test_growing(void **state)
{
    (void)state;
    struct arena arena = arena_make();
    uint8_t *a = arena_grow(&arena, NULL, 0, 8);
    memcpy(a, "12345678", 8);
    assert_ptr_equal(arena_grow(&arena, a, 8, 32), a);
    void *between = arena_alloc(&arena, 16);
    uint8_t *moved = arena_grow(&arena, a, 32, 64);
    assert_ptr_not_equal(moved, a);
    assert_ptr_equal(between, memory + 32);
    assert_memory_equal(moved, "12345678", 8);
    assert_null(arena_grow(&arena, moved, 64, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment_and_end), cmocka_unit_test(test_overflow_is_refused),
        cmocka_unit_test(test_zeroing),           cmocka_unit_test(test_marks),
        cmocka_unit_test(test_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
