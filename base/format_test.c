/*
 * Formatting against the libc's snprintf, which is compared over the part that format.h promises.
 */
#include "base/format.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The same call to both, whole and cut to a few sizes. */
#define SAME(...)                                                                                  \
    do {                                                                                           \
        char want[256], got[256];                                                                  \
        for (size_t cap = 0; cap < 40; cap++) {                                                    \
            memset(want, '#', sizeof want);                                                        \
            memset(got, '#', sizeof got);                                                          \
            size_t want_len = (size_t)snprintf(want, cap, __VA_ARGS__);                            \
            assert_int_equal(format(got, cap, __VA_ARGS__), want_len);                             \
            assert_memory_equal(got, want, sizeof got);                                            \
        }                                                                                          \
        snprintf(want, sizeof want, __VA_ARGS__);                                                  \
        format(got, sizeof got, __VA_ARGS__);                                                      \
        assert_string_equal(got, want);                                                            \
    } while (0)

static void test_numbers(void **state)
{
    (void)state;
    SAME("%d %d %d %i", 0, INT_MIN, INT_MAX, -7);
    SAME("%u %x %X", UINT_MAX, 0xdeadbeefu, 0xdeadbeefu);
    SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
    SAME("%lld %llu %llx", LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
    SAME("%zu %zx %zd", SIZE_MAX, SIZE_MAX, (ptrdiff_t)-1);
    SAME("%p", (void *)0x1234abcd);
}

static void test_widths(void **state)
{
    (void)state;
    SAME("[%5d][%-5d][%05d]", 42, 42, 42);
    SAME("[%5d][%-5d][%05d]", -42, -42, -42);
    SAME("[%016lx][%08x][%2x]", 0xabcul, 0xabcu, 0xabcu);
    SAME("[%*d][%-*d]", 7, 42, 7, 42);
    SAME("[%18p][%-18p]", (void *)0x10, (void *)0x10);
    SAME("[%3c][%-3c][%c]", 'x', 'y', 'z');
}

static void test_strings(void **state)
{
    (void)state;
    const char open[3] = {'a', 'b', 'c'};
    SAME("plain");
    SAME("100%% of %s", "it");
    SAME("[%10s][%-10s][%s]", "right", "left", "");
    SAME("[%.*s][%.2s][%.0s][%8.3s]", 3, open, "xyz", "xyz", "abcdef");
}

static void test_unknown_conversions_stay(void **state)
{
    (void)state;
    char got[64], odd[] = "?q ?-5y ?"; /* the compiler refuses these as a literal */
    for (size_t i = 0; i < sizeof odd; i++) {
        odd[i] = odd[i] == '?' ? '%' : odd[i];
    }
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-security"
    assert_int_equal(format(got, sizeof got, odd), strlen(odd));
#pragma clang diagnostic pop
    assert_string_equal(got, odd);
    assert_int_equal(format(NULL, 0, "%d", 12345), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_unknown_conversions_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
