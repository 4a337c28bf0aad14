/*
 * The table of statuses: numbers are negative and differ, every one has its text.
 */
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct row {
    status_t status;
    const char *text;
} ROWS[] = {
#define ERR(name, number, text) {ERR_##name, text},
#include "base/errors.def"
#undef ERR
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        assert_true(ROWS[i].status < 0);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(ROWS[i].status, ROWS[k].status);
        }
    }
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(status_text(STATUS_OK), "ok");
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        assert_string_equal(status_text(ROWS[i].status), ROWS[i].text);
    }
    assert_non_null(status_text(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
