/*
 * Extent areas: runs don't overlap, are found by address, and gaps are used again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/arch.h"
#include "kernel/mem/extent.h"
#include "kernel/mem/pool.h"

#define AREA_BYTES ((size_t)1 << 24)

static struct arena heap;
static struct extent_area area;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(pool_new(&heap, 1 << 20), STATUS_OK);
    assert_int_equal(extent_area_init(&area, &heap, AREA_BYTES, AREA_BYTES, 64), STATUS_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    extent_area_release(&area);
    pool_free(&heap);
    return 0;
}

static uint8_t *alloc(size_t len_bytes)
{
    uint8_t *start;
    assert_int_equal(extent_alloc(&area, len_bytes, &area, &start), STATUS_OK);
    return start;
}

static void test_runs(void **state)
{
    (void)state;
    uint8_t *a = alloc(1), *b = alloc(3 * ARCH_PAGE_BYTES), *c = alloc(ARCH_PAGE_BYTES);
    assert_true(b >= a + ARCH_PAGE_BYTES && c >= b + 3 * ARCH_PAGE_BYTES);
    assert_ptr_equal(extent_find(&area, (uint64_t)b + 3 * ARCH_PAGE_BYTES - 1)->start, b);
    assert_null(extent_find(&area, (uint64_t)c + ARCH_PAGE_BYTES));
    assert_null(extent_find(&area, (uint64_t)a - 1));
    extent_free(&area, b);
    assert_null(extent_find(&area, (uint64_t)b));
    assert_ptr_equal(extent_find(&area, (uint64_t)c)->start, c);
}

static void test_gaps(void **state)
{
    (void)state;
    uint8_t *a = alloc(AREA_BYTES / 2), *b = alloc(AREA_BYTES / 2);
    uint8_t *none;
    assert_int_equal(extent_alloc(&area, 1, NULL, &none), ERR_NO_MEMORY);
    extent_free(&area, a);
    assert_ptr_equal(alloc(AREA_BYTES / 4), a);
    extent_trim(&area, b, ARCH_PAGE_BYTES);
    assert_ptr_equal(alloc(AREA_BYTES / 4), b + ARCH_PAGE_BYTES);
}

static void test_contents(void **state)
{
    (void)state;
    uint8_t *a = alloc(ARCH_PAGE_BYTES);
    assert_int_equal(arch_commit(a, ARCH_PAGE_BYTES), STATUS_OK);
    a[100] = 7;
    extent_free(&area, a);
    a = alloc(ARCH_PAGE_BYTES);
    assert_int_equal(arch_commit(a, ARCH_PAGE_BYTES), STATUS_OK);
    assert_int_equal(a[100], 0);
}

static void test_too_many(void **state)
{
    (void)state;
    uint8_t *start;
    for (int i = 0; i < 64; i++) {
        (void)alloc(1);
    }
    assert_int_equal(extent_alloc(&area, 1, NULL, &start), ERR_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gaps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_contents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
