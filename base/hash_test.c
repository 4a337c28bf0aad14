/*
 * The hash: small keys spread over small tables.
 */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Sequential, strided and high keys into 1,024 buckets: none holds many more than its share. */
static void test_spread(void **state)
{
    (void)state;
    static const unsigned shifts[] = {0, 4, 12, 32, 48};
    for (size_t s = 0; s < sizeof shifts / sizeof *shifts; s++) {
        unsigned low[1024] = {0}, high[1024] = {0};
        for (uint64_t key = 0; key < 16384; key++) {
            uint64_t hash = hash_mix(key << shifts[s]);
            low[hash % 1024]++;
            high[hash >> 54]++;
        }
        for (size_t i = 0; i < 1024; i++) {
            assert_in_range(low[i], 1, 40); /* 16 on average */
            assert_in_range(high[i], 1, 40);
        }
    }
}

static void test_bytes(void **state)
{
    (void)state;
    uint8_t a[40], b[40];
    for (size_t i = 0; i < sizeof a; i++) {
        a[i] = (uint8_t)i;
    }
    for (size_t len = 0; len <= sizeof a; len++) {
        memcpy(b, a, sizeof a);
        assert_true(hash_bytes(a, len) == hash_bytes(b, len));
        for (size_t i = 0; i < len; i++) {
            b[i] ^= 1;
            assert_true(hash_bytes(a, len) != hash_bytes(b, len));
            b[i] ^= 1;
        }
        assert_true(len == 0 || hash_bytes(a, len) != hash_bytes(a, len - 1));
    }
}

static void test_order_matters(void **state)
{
    (void)state;
    assert_true(hash_add(hash_add(0, 1), 2) != hash_add(hash_add(0, 2), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_order_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
