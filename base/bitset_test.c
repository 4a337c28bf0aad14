/*
 * The bit set against an array of bools.
 */
#include "base/bitset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define N_BITS 200u
#define N_WORDS 4u

static uint64_t random_next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1;
    return *seed >> 33;
}

static void fill(uint64_t *set, bool *model, uint64_t seed)
{
    bitset_zero(set, N_WORDS);
    memset(model, 0, N_BITS * sizeof *model);
    for (int i = 0; i < 60; i++) {
        size_t bit = random_next(&seed) % N_BITS;
        assert_int_equal(bitset_add(set, bit), !model[bit]);
        model[bit] = true;
        bit = random_next(&seed) % N_BITS;
        bitset_clear(set, bit);
        model[bit] = false;
    }
}

static void expect(const uint64_t *set, const bool *model)
{
    size_t next = bitset_next(set, N_WORDS, 0), n = 0;
    for (size_t i = 0; i < N_BITS; i++) {
        assert_int_equal(bitset_test(set, i), model[i]);
        if (model[i]) {
            assert_int_equal(next, i);
            next = bitset_next(set, N_WORDS, i + 1);
            n++;
        }
    }
    assert_true(next == BITSET_END);
    assert_int_equal(bitset_count(set, N_WORDS), n);
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(bitset_words(0), 0);
    assert_int_equal(bitset_words(1), 1);
    assert_int_equal(bitset_words(64), 1);
    assert_int_equal(bitset_words(65), 2);
    assert_int_equal(bitset_words(N_BITS), N_WORDS);
}

static void test_members(void **state)
{
    (void)state;
    uint64_t set[N_WORDS];
    bool model[N_BITS];
    for (uint64_t seed = 0; seed < 100; seed++) {
        fill(set, model, seed);
        expect(set, model);
    }
    assert_true(bitset_next(set, 0, 0) == BITSET_END);
}

static void test_algebra(void **state)
{
    (void)state;
    uint64_t a[N_WORDS], b[N_WORDS], c[N_WORDS];
    bool ma[N_BITS], mb[N_BITS], mc[N_BITS];
    for (uint64_t seed = 0; seed < 100; seed++) {
        fill(a, ma, seed);
        fill(b, mb, seed + 1000);
        for (size_t i = 0; i < N_BITS; i++) {
            mc[i] = ma[i] || mb[i];
        }
        bitset_copy(c, a, N_WORDS);
        assert_int_equal(bitset_union(c, b, N_WORDS), !bitset_equal(c, a, N_WORDS));
        assert_false(bitset_union(c, b, N_WORDS));
        expect(c, mc);
        bitset_subtract(c, b, N_WORDS);
        for (size_t i = 0; i < N_BITS; i++) {
            mc[i] = ma[i] && !mb[i];
        }
        expect(c, mc);
        bitset_intersect(a, b, N_WORDS);
        for (size_t i = 0; i < N_BITS; i++) {
            mc[i] = ma[i] && mb[i];
        }
        expect(a, mc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_algebra),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
