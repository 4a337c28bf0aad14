/*
 * Entering another stack and coming back: by returning, by landing; and reading prologues.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/arch.h"

static _Alignas(64) uint8_t stack[1 << 18];
static struct arch_activation activation;

struct seen {
    const void *code, *slot;
    void *instance;
    uint8_t *sp;
};

static void entry_returns(const void *code, void *instance, void *values, const void *slot)
{
    *(struct seen *)values = (struct seen){code, slot, instance, __builtin_frame_address(0)};
}

static void entry_lands(const void *code, void *instance, void *values, const void *slot)
{
    entry_returns(code, instance, values, slot);
    arch_land(&activation);
}

static void test_return(void **state)
{
    (void)state;
    struct seen seen;
    struct arch_call call = {entry_returns, "c", stack, &seen, "s", stack + sizeof stack};
    assert_int_equal(arch_enter(&activation, &call), 0);
    assert_ptr_equal(seen.code, call.code);
    assert_ptr_equal(seen.slot, call.slot);
    assert_ptr_equal(seen.instance, stack);
    assert_true(seen.sp > stack && seen.sp < stack + sizeof stack);
}

static void test_land(void **state)
{
    (void)state;
    struct seen seen;
    struct arch_call call = {entry_lands, "c", stack, &seen, "s", stack + sizeof stack};
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(arch_enter(&activation, &call), 1);
    }
    assert_true(seen.sp > stack && seen.sp < stack + sizeof stack);
}

static void test_frame_bytes(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0x53,                   /*  0: push rbx */
        0x41, 0x54,             /*  1: push r12 */
        0x48, 0x83, 0xec, 0x18, /*  3: sub rsp, 24 */
        0x31, 0xc0,             /*  7: xor eax, eax */
    };
    uint32_t frame_bytes = 16 + 24;
    assert_int_equal(arch_frame_bytes(code, frame_bytes), 0);
    assert_int_equal(arch_frame_bytes(code + 1, frame_bytes), 8);
    assert_int_equal(arch_frame_bytes(code + 3, frame_bytes), 16);
    assert_int_equal(arch_frame_bytes(code + 7, frame_bytes), frame_bytes);
    static const uint8_t large[] = {0x55, 0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0xc3};
    assert_int_equal(arch_frame_bytes(large, 0x1008), 0);
    assert_int_equal(arch_frame_bytes(large + 1, 0x1008), 8);
    static const uint8_t short_128[] = {0x48, 0x83, 0xc4, 0x80, 0xc3};
    assert_int_equal(arch_frame_bytes(short_128, 128), 0);
    static const uint8_t epilogue[] = {0x48, 0x83, 0xc4, 0x18, 0x5b, 0xc3};
    assert_int_equal(arch_frame_bytes(epilogue, 32), 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_return),
        cmocka_unit_test(test_land),
        cmocka_unit_test(test_frame_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
