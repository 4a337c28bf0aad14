/*
 * LEB128: each rule at its edge, and every encoding of every short integer against arithmetic.
 */
#include "base/leb128.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

enum kind { U32, U64, S32, S33, S64 };

static const unsigned KIND_BITS[] = {[U32] = 32, [U64] = 64, [S32] = 32, [S33] = 33, [S64] = 64};

/* Reads one integer of the kind; the value as the 64 bits of an int64_t. */
static status_t read_kind(enum kind kind, const uint8_t **pos, const uint8_t *end, int64_t *value)
{
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    int32_t s32 = 0;
    status_t status = STATUS_OK;
    switch (kind) {
    case U32:
        status = leb_u32(pos, end, &u32);
        *value = u32;
        break;
    case U64:
        status = leb_u64(pos, end, &u64);
        *value = (int64_t)u64;
        break;
    case S32:
        status = leb_s32(pos, end, &s32);
        *value = s32;
        break;
    case S33: status = leb_s33(pos, end, value); break;
    case S64: status = leb_s64(pos, end, value); break;
    }
    return status;
}

/* The bytes stand at the very end of an allocation, so that ASan sees a read beyond them. */
static void expect(enum kind kind, status_t status, int64_t value, size_t used,
                   const uint8_t *bytes, size_t len_bytes)
{
    uint8_t *copy = malloc(len_bytes + 1);
    assert_non_null(copy);
    memcpy(copy + 1, bytes, len_bytes);
    const uint8_t *pos = copy + 1;
    int64_t got = 0;
    assert_int_equal(read_kind(kind, &pos, copy + 1 + len_bytes, &got), status);
    assert_int_equal(pos - copy - 1, used);
    if (status == STATUS_OK) {
        assert_true(got == value);
    }
    free(copy);
}

static void test_values(void **state)
{
    (void)state;
    expect(U32, STATUS_OK, 0, 1, BYTES(0));
    expect(U32, STATUS_OK, 127, 1, BYTES(0x7f));
    expect(U32, STATUS_OK, 624485, 3, BYTES(0xe5, 0x8e, 0x26));
    expect(U32, STATUS_OK, UINT32_MAX, 5, BYTES(0xff, 0xff, 0xff, 0xff, 0x0f));
    expect(U64, STATUS_OK, -1, 10,
           BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01));
    expect(S32, STATUS_OK, -1, 1, BYTES(0x7f));
    expect(S32, STATUS_OK, -64, 1, BYTES(0x40));
    expect(S32, STATUS_OK, 63, 1, BYTES(0x3f));
    expect(S32, STATUS_OK, -123456, 3, BYTES(0xc0, 0xbb, 0x78));
    expect(S32, STATUS_OK, INT32_MIN, 5, BYTES(0x80, 0x80, 0x80, 0x80, 0x78));
    expect(S32, STATUS_OK, INT32_MAX, 5, BYTES(0xff, 0xff, 0xff, 0xff, 0x07));
    expect(S33, STATUS_OK, -64, 1, BYTES(0x40));
    expect(S33, STATUS_OK, UINT32_MAX, 5, BYTES(0xff, 0xff, 0xff, 0xff, 0x0f));
    expect(S33, STATUS_OK, -INT64_C(0x100000000), 5, BYTES(0x80, 0x80, 0x80, 0x80, 0x70));
    expect(S64, STATUS_OK, INT64_MIN, 10,
           BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f));
    expect(S64, STATUS_OK, INT64_MAX, 10,
           BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00));
}

static void test_padding_is_allowed(void **state)
{
    (void)state;
    expect(U32, STATUS_OK, 3, 5, BYTES(0x83, 0x80, 0x80, 0x80, 0x00));
    expect(S32, STATUS_OK, -2, 5, BYTES(0xfe, 0xff, 0xff, 0xff, 0x7f));
    expect(S64, STATUS_OK, -2, 10,
           BYTES(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f));
    expect(U64, STATUS_OK, 3, 10,
           BYTES(0x83, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00));
}

static void test_too_large(void **state)
{
    (void)state;
    expect(U32, ERR_TOO_LARGE, 0, 4, BYTES(0x80, 0x80, 0x80, 0x80, 0x10));
    expect(U32, ERR_TOO_LARGE, 0, 4, BYTES(0x80, 0x80, 0x80, 0x80, 0x70));
    expect(U32, ERR_TOO_LARGE, 0, 4, BYTES(0x80, 0x80, 0x80, 0x80, 0xf0, 0x00));
    expect(S32, ERR_TOO_LARGE, 0, 4, BYTES(0x80, 0x80, 0x80, 0x80, 0x08));
    expect(S32, ERR_TOO_LARGE, 0, 4, BYTES(0xff, 0xff, 0xff, 0xff, 0x4f));
    expect(S33, ERR_TOO_LARGE, 0, 4, BYTES(0x80, 0x80, 0x80, 0x80, 0x20));
    expect(S33, ERR_TOO_LARGE, 0, 4, BYTES(0xff, 0xff, 0xff, 0xff, 0x5f));
    expect(U64, ERR_TOO_LARGE, 0, 9,
           BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02));
    expect(S64, ERR_TOO_LARGE, 0, 9,
           BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01));
    expect(S64, ERR_TOO_LARGE, 0, 9,
           BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7e));
}

static void test_too_long(void **state)
{
    (void)state;
    expect(U32, ERR_TOO_LONG, 0, 4, BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x00));
    expect(U32, ERR_TOO_LONG, 0, 4, BYTES(0x80, 0x80, 0x80, 0x80, 0x80));
    expect(S32, ERR_TOO_LONG, 0, 4, BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0x7f));
    expect(S33, ERR_TOO_LONG, 0, 4, BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x00));
    expect(U64, ERR_TOO_LONG, 0, 9,
           BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00));
    expect(S64, ERR_TOO_LONG, 0, 9,
           BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f));
}

static void test_truncated(void **state)
{
    (void)state;
    for (enum kind kind = U32; kind <= S64; kind++) {
        uint8_t bytes[10];
        memset(bytes, 0x80, sizeof bytes);
        for (size_t len = 0; len < (KIND_BITS[kind] + 6) / 7; len++) {
            expect(kind, ERR_TRUNCATED, 0, len, bytes, len);
        }
    }
}

/* Writes value in exactly len_bytes bytes, padded with its sign. */
static void write_padded(uint8_t *to, int64_t value, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++) {
        to[i] = (uint8_t)((value & 0x7f) | (i + 1 < len_bytes ? 0x80 : 0));
        value >>= 7;
    }
}

static void test_every_short_value_in_every_length(void **state)
{
    (void)state;
    uint8_t bytes[10];
    for (enum kind kind = U32; kind <= S64; kind++) {
        int64_t first = kind == U32 || kind == U64 ? 0 : -8192;
        for (int64_t value = first; value < 8192; value++) {
            size_t shortest = value >= -64 && value < (first == 0 ? 128 : 64) ? 1 : 2;
            for (size_t len = shortest; len <= (KIND_BITS[kind] + 6) / 7; len++) {
                write_padded(bytes, value, len);
                const uint8_t *pos = bytes;
                int64_t got = 0;
                assert_int_equal(read_kind(kind, &pos, bytes + sizeof bytes, &got), STATUS_OK);
                assert_true(got == value && pos == bytes + len);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),    cmocka_unit_test(test_padding_is_allowed),
        cmocka_unit_test(test_too_large), cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_every_short_value_in_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
