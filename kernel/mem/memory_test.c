/*
 * Slots and memories: sizes, growth, limits, ranges, canaries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/cpu.h"
#include "kernel/embed.h"
#include "kernel/mem/memory.h"

static int setup(void **state)
{
    (void)state;
    return kernel_start(&(struct kernel_options){.has_canaries = true});
}

static int teardown(void **state)
{
    (void)state;
    kernel_stop();
    return 0;
}

static void memory_make(struct memory *memory, bool is_dense, uint64_t min, uint64_t max)
{
    struct engine_limit limit = {.min = min, .max = max, .has_max = max != UINT64_MAX};
    assert_int_equal(memory_init(memory, cpu_self(), &limit, is_dense, 300, MEMORY_CAP_PAGES),
                     STATUS_OK);
}

static void test_grow(void **state)
{
    (void)state;
    struct memory memory;
    uint64_t old;
    memory_make(&memory, false, 1, 3);
    assert_true(memory_grow(&memory, 0, &old));
    assert_int_equal(old, 1);
    assert_false(memory_grow(&memory, 3, &old));
    assert_false(memory_grow(&memory, UINT64_MAX, &old));
    assert_true(memory_grow(&memory, 2, &old));
    assert_int_equal(old, 1);
    assert_int_equal(memory.view.size_bytes, 3 * ENGINE_PAGE_BYTES);
    memory.view.base[memory.view.size_bytes - 1] = 1;
    assert_false(memory_grow(&memory, 1, &old));
    memory_free(&memory, cpu_self());
}

static void test_cap(void **state)
{
    (void)state;
    struct memory memory;
    uint64_t old;
    memory_make(&memory, false, 0, UINT64_MAX);
    assert_false(memory_grow(&memory, MEMORY_CAP_PAGES + 1, &old));
    assert_true(memory_grow(&memory, MEMORY_CAP_PAGES, &old));
    assert_false(memory_grow(&memory, 1, &old));
    memory_free(&memory, cpu_self());
    /* what a module declares is given, the cap only limits growth */
    memory_make(&memory, false, MEMORY_PAGES_MAX, UINT64_MAX);
    memory.view.base[memory.view.size_bytes - 1] = 1;
    assert_false(memory_grow(&memory, 1, &old));
    memory_free(&memory, cpu_self());
}

static void test_range(void **state)
{
    (void)state;
    struct memory memory;
    memory_make(&memory, false, 1, UINT64_MAX);
    assert_non_null(memory_range(&memory, ENGINE_PAGE_BYTES, 0));
    assert_null(memory_range(&memory, ENGINE_PAGE_BYTES + 1, 0));
    assert_non_null(memory_range(&memory, ENGINE_PAGE_BYTES - 8, 8));
    assert_null(memory_range(&memory, ENGINE_PAGE_BYTES - 8, 9));
    assert_null(memory_range(&memory, UINT64_MAX, 2));
    memory_free(&memory, cpu_self());
}

static void test_slots_are_apart(void **state)
{
    (void)state;
    struct memory a, b;
    memory_make(&a, false, 1, UINT64_MAX);
    memory_make(&b, false, 1, UINT64_MAX);
    assert_true(b.view.base - a.view.base >= (int64_t)SLOT_STRIDE_BYTES);
    uint8_t *first = a.view.base;
    first[0] = 1;
    memory_free(&a, cpu_self());
    memory_make(&a, false, 1, UINT64_MAX);
    assert_ptr_equal(a.view.base, first);
    assert_int_equal(first[0], 0);
    memory_free(&a, cpu_self());
    memory_free(&b, cpu_self());
}

static void test_dense(void **state)
{
    (void)state;
    struct memory a, b;
    uint64_t old;
    memory_make(&a, true, 1, 2);
    memory_make(&b, true, 0, 0);
    assert_true(memory_grow(&a, 1, &old));
    assert_false(memory_grow(&b, 1, &old));
    assert_true(b.view.base - a.view.base < (int64_t)(1 << 20));
    memory_free(&a, cpu_self());
    memory_free(&b, cpu_self());
}

static void test_canaries(void **state)
{
    (void)state;
    struct memory memory;
    uint64_t where;
    memory_make(&memory, false, 1, UINT64_MAX);
    assert_true(kernel_canaries_check(&where));
    uint8_t *beyond = memory.view.base + SLOT_INDEX_BYTES + ENGINE_GUARD_BYTES;
    beyond[5] ^= 1;
    assert_false(kernel_canaries_check(&where));
    assert_int_equal(where, (uint64_t)beyond + 5);
    beyond[5] ^= 1;
    memory_free(&memory, cpu_self());
    memory_make(&memory, true, 1, 1);
    memory.view.base[ENGINE_PAGE_BYTES + ENGINE_DENSE_GUARD_BYTES] ^= 1;
    assert_false(kernel_canaries_check(&where));
    memory_free(&memory, cpu_self());
}

static void test_all_in_use(void **state)
{
    (void)state;
    struct slot slot;
    status_t status = STATUS_OK;
    uint32_t n = 0;
    while (status == STATUS_OK) {
        status = slot_alloc(cpu_self(), false, 0, 0, &slot);
        n++;
    }
    assert_true(status == ERR_NO_SPACE || status == ERR_NO_MEMORY);
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_range, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slots_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dense, setup, teardown),
        cmocka_unit_test_setup_teardown(test_canaries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_in_use, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
