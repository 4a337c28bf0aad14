/*
 * The JSON reader: what test scripts hold, and what must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/json.h"

static struct json_document *read(const char *text)
{
    size_t error_offset;
    return json_read(text, strlen(text), &error_offset);
}

static void refuse(const char *text)
{
    assert_null(read(text));
}

static void test_values(void **state)
{
    (void)state;
    struct json_document *d =
        read(" {\"a\": [1, \"2\", true, false, null, {}], \"b\" : {\"c\":-1.5e3}, \"\":\"e\" } ");
    assert_non_null(d);
    const struct json *list = json_get(json_root(d), "a");
    assert_int_equal(list->kind, JSON_ARRAY);
    uint64_t number;
    assert_true(json_u64(list->first, &number));
    assert_int_equal(number, 1);
    assert_true(json_u64(list->first->next, &number));
    assert_int_equal(number, 2);
    assert_int_equal(list->first->next->next->kind, JSON_TRUE);
    assert_int_equal(list->first->next->next->next->kind, JSON_FALSE);
    const struct json *c = json_get(json_get(json_root(d), "b"), "c");
    assert_int_equal(c->kind, JSON_NUMBER);
    assert_false(json_u64(c, &number));
    assert_true(json_is(json_get(json_root(d), ""), "e"));
    assert_null(json_get(json_root(d), "x"));
    json_free(d);
}

static void test_strings(void **state)
{
    (void)state;
    struct json_document *d =
        read("[\"a\\u0000b\", \"\\ud83d\\ude00\", \"\\n\\\"\\\\\\/\", \"\\u00e9\\u20ac\"]");
    assert_non_null(d);
    const struct json *s = json_root(d)->first;
    assert_int_equal(s->len_bytes, 3);
    assert_memory_equal(s->bytes, "a\0b", 3);
    s = s->next;
    assert_int_equal(s->len_bytes, 4);
    assert_memory_equal(s->bytes, "\xf0\x9f\x98\x80", 4);
    assert_true(json_is(s->next, "\n\"\\/"));
    assert_true(json_is(s->next->next, "\xc3\xa9\xe2\x82\xac"));
    json_free(d);
}

static void test_numbers(void **state)
{
    (void)state;
    struct json_document *d =
        read("[\"18446744073709551615\", \"18446744073709551616\", \"\", \"1x\"]");
    assert_non_null(d);
    uint64_t number;
    const struct json *s = json_root(d)->first;
    assert_true(json_u64(s, &number));
    assert_true(number == UINT64_MAX);
    for (s = s->next; s != NULL; s = s->next) {
        assert_false(json_u64(s, &number));
    }
    json_free(d);
}

static void test_refused(void **state)
{
    (void)state;
    refuse("");
    refuse("{");
    refuse("[1,]");
    refuse("{\"a\" 1}");
    refuse("{a:1}");
    refuse("\"abc");
    refuse("\"\\");
    refuse("\"\\u12\"");
    refuse("\"\\ud800\"");
    refuse("\"\\x\"");
    refuse("[1] 2");
    refuse("tru");
    char deep[200];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    refuse(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
