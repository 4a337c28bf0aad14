/*
 * Checked arithmetic at the edges of each type.
 */
#include "base/checked.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_range(void **state)
{
    (void)state;
    assert_true(range_ok(0, 0, 0));
    assert_true(range_ok(10, 0, 10));
    assert_true(range_ok(3, 7, 10));
    assert_true(range_ok(0, UINT64_MAX, UINT64_MAX));
    assert_false(range_ok(11, 0, 10));
    assert_false(range_ok(3, 8, 10));
    assert_false(range_ok(UINT64_MAX, 2, 10));
    assert_false(range_ok(2, UINT64_MAX, 10));
    assert_false(range_ok(1, UINT64_MAX, UINT64_MAX));
}

static void test_add(void **state)
{
    (void)state;
    uint32_t u32;
    uint64_t u64;
    size_t size;
    assert_true(add_ok_u32(UINT32_MAX - 1, 1, &u32) && u32 == UINT32_MAX);
    assert_false(add_ok_u32(UINT32_MAX, 1, &u32));
    assert_true(add_ok_u64(UINT64_MAX - 1, 1, &u64) && u64 == UINT64_MAX);
    assert_false(add_ok_u64(UINT64_MAX, 1, &u64));
    assert_true(add_ok_size(SIZE_MAX - 1, 1, &size) && size == SIZE_MAX);
    assert_false(add_ok_size(SIZE_MAX, 1, &size));
}

static void test_mul(void **state)
{
    (void)state;
    uint32_t u32;
    uint64_t u64;
    size_t size;
    assert_true(mul_ok_u32(0xffff, 0x10001, &u32) && u32 == UINT32_MAX);
    assert_false(mul_ok_u32(0x10000, 0x10000, &u32));
    assert_true(mul_ok_u64(0xffffffff, 0x100000001, &u64) && u64 == UINT64_MAX);
    assert_false(mul_ok_u64(0x100000000, 0x100000000, &u64));
    assert_true(mul_ok_size(SIZE_MAX / 2, 2, &size) && size == SIZE_MAX - 1);
    assert_false(mul_ok_size(SIZE_MAX / 2 + 1, 2, &size));
}

static void test_align(void **state)
{
    (void)state;
    uint64_t out;
    assert_true(align_ok_u64(0, 16, &out) && out == 0);
    assert_true(align_ok_u64(1, 16, &out) && out == 16);
    assert_true(align_ok_u64(16, 16, &out) && out == 16);
    assert_true(align_ok_u64(UINT64_MAX - 15, 16, &out) && out == UINT64_MAX - 15);
    assert_false(align_ok_u64(UINT64_MAX - 14, 16, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_mul),
        cmocka_unit_test(test_align),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
