/*
 * UTF-8 validation against a second, slow definition: decode, and see whether encoding the code
 * point again gives the same bytes.
 */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The encoding of a scalar value (RFC 3629 §3); 0 for what isn't one. */
static size_t encode(uint32_t point, uint8_t to[static 4])
{
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        return 0;
    }
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    to[0] = (uint8_t)(lead[len] | point);
    return len;
}

static void test_every_scalar_value(void **state)
{
    (void)state;
    uint8_t text[4];
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        size_t len = encode(point, text);
        if (len != 0 && !utf8_is_valid(text, len)) {
            fail_msg("U+%04X is refused", point);
        }
        if (len > 1 && utf8_valid_bytes(text, len - 1) != 0) {
            fail_msg("U+%04X is accepted without its last byte", point);
        }
    }
}

/* All sequences of three bytes, and all of four whose first is F0 or more in steps. */
static void test_nothing_else(void **state)
{
    (void)state;
    size_t n_valid = 0;
    for (uint32_t i = 0; i < 1u << 24; i++) {
        const uint8_t text[] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        n_valid += utf8_is_valid(text, 3);
    }
    /* three of one byte; one and two or two and one; three: from the counts of scalar values */
    size_t n1 = 0x80, n2 = 0x800 - 0x80, n3 = 0x10000 - 0x800 - 0x800;
    assert_int_equal(n_valid, n1 * n1 * n1 + 2 * n1 * n2 + n3);
    for (uint32_t lead = 0xf0; lead <= 0xff; lead++) {
        size_t n4 = 0;
        for (uint32_t i = 0; i < 1u << 16; i++) {
            const uint8_t text[] = {(uint8_t)lead, (uint8_t)(i >> 8), (uint8_t)i, 0x80};
            n4 += utf8_is_valid(text, 4);
        }
        size_t seconds = lead == 0xf0 ? 48 : lead < 0xf4 ? 64 : lead == 0xf4 ? 16 : 0;
        assert_int_equal(n4, seconds * 64);
    }
}

static void test_place_of_the_fault(void **state)
{
    (void)state;
    uint8_t text[64];
    for (size_t bad = 0; bad < sizeof text; bad++) {
        memset(text, 'a', sizeof text);
        text[bad] = 0xff;
        assert_int_equal(utf8_valid_bytes(text, sizeof text), bad);
    }
    assert_true(utf8_is_valid((const uint8_t *)"a\0b", 3));
    assert_true(utf8_is_valid(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_scalar_value),
        cmocka_unit_test(test_nothing_else),
        cmocka_unit_test(test_place_of_the_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
