/*
 * Values of test scripts: bits, NaN patterns, references.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/wast_value.h"

static bool matches(const char *text, uint8_t valtype, union engine_value got)
{
    size_t error_offset;
    struct json_document *d = json_read(text, strlen(text), &error_offset);
    assert_non_null(d);
    bool result = wast_value_matches(json_root(d), valtype, &got);
    json_free(d);
    return result;
}

static void test_scalars(void **state)
{
    (void)state;
    const char *text = "{\"type\":\"i32\",\"value\":\"4294967295\"}";
    assert_true(matches(text, VALTYPE_I32, (union engine_value){.i32 = UINT32_MAX}));
    assert_false(matches(text, VALTYPE_I32, (union engine_value){.i32 = 0}));
    assert_false(matches(text, VALTYPE_I64, (union engine_value){.i64 = UINT32_MAX}));
}

static void test_nans(void **state)
{
    (void)state;
    const char *canonical = "{\"type\":\"f32\",\"value\":\"nan:canonical\"}";
    const char *arithmetic = "{\"type\":\"f32\",\"value\":\"nan:arithmetic\"}";
    assert_true(matches(canonical, VALTYPE_F32, (union engine_value){.f32 = 0x7fc00000}));
    assert_true(matches(canonical, VALTYPE_F32, (union engine_value){.f32 = 0xffc00000}));
    assert_false(matches(canonical, VALTYPE_F32, (union engine_value){.f32 = 0x7fc00001}));
    assert_true(matches(arithmetic, VALTYPE_F32, (union engine_value){.f32 = 0x7fc00001}));
    assert_false(matches(arithmetic, VALTYPE_F32, (union engine_value){.f32 = 0x7fa00000}));
    assert_false(matches(arithmetic, VALTYPE_F32, (union engine_value){.f32 = 0}));
    canonical = "{\"type\":\"f64\",\"value\":\"nan:canonical\"}";
    assert_true(matches(canonical, VALTYPE_F64, (union engine_value){.f64 = 0xfff8000000000000}));
    assert_false(matches(canonical, VALTYPE_F64, (union engine_value){.f64 = 0x7ff8000000000001}));
}

static void test_vectors(void **state)
{
    (void)state;
    const char *text = "{\"type\":\"v128\",\"lane_type\":\"i16\","
                       "\"value\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"65535\"]}";
    union engine_value got = {
        .v128 = {1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 255, 255},
    };
    assert_true(matches(text, VALTYPE_V128, got));
    got.v128[15] = 0;
    assert_false(matches(text, VALTYPE_V128, got));
}

static void test_references(void **state)
{
    (void)state;
    const char *null = "{\"type\":\"externref\",\"value\":\"null\"}";
    const char *one = "{\"type\":\"externref\",\"value\":\"1\"}";
    const char *some = "{\"type\":\"funcref\"}";
    assert_true(matches(null, VALTYPE_EXTERNREF, (union engine_value){.ref = 0}));
    assert_false(matches(null, VALTYPE_EXTERNREF, (union engine_value){.ref = 1}));
    assert_true(matches(one, VALTYPE_EXTERNREF, (union engine_value){.ref = 2}));
    assert_true(matches(some, VALTYPE_FUNCREF, (union engine_value){.ref = 7}));
    assert_false(matches(some, VALTYPE_FUNCREF, (union engine_value){.ref = 0}));
    assert_false(matches(some, VALTYPE_EXTERNREF, (union engine_value){.ref = 7}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_nans),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
