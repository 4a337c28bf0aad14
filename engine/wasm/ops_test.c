/*
 * The instructions as tables: every row is found by its opcode, and by nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/wasm/wasm.h"

static uint32_t count_defined(const struct wasm_op_info *ops, uint32_t n)
{
    uint32_t n_defined = 0;
    for (uint32_t i = 0; i < n; i++) {
        n_defined += ops[i].is_defined;
    }
    return n_defined;
}

static void test_counts(void **state)
{
    (void)state;
    assert_int_equal(count_defined(wasm_ops_plain, WASM_OPS_PLAIN), 183);
    assert_int_equal(count_defined(wasm_ops_fc, WASM_OPS_FC), 18);
    assert_int_equal(count_defined(wasm_ops_fd, WASM_OPS_FD), 236);
    assert_int_equal(count_defined(wasm_ops_fe, WASM_OPS_FE), 67);
}

static void test_every_row(void **state)
{
    (void)state;
#define OP(code, name, text_, imm_, sig, ssa_, width_)                                             \
    assert_string_equal(wasm_op_info(OP_##name)->text, text_);                                     \
    assert_int_equal(wasm_op_info(OP_##name)->imm, IMM_##imm_);                                    \
    assert_int_equal(wasm_op_info(OP_##name)->width, width_);                                      \
    assert_int_equal(wasm_op_info(OP_##name)->ssa, SSA_##ssa_);                                    \
    assert_int_equal(wasm_op_info(OP_##name)->is_special, strcmp(#sig, "special") == 0);
#include "engine/wasm/ops.def"
#undef OP
}

/* A signature's letter. */
static char type_letter(uint8_t type)
{
    return "\0iIfFv"[type];
}

static void test_signatures(void **state)
{
    (void)state;
#define OP(code, name, text_, imm_, sig, ssa_, width_)                                             \
    if (strcmp(#sig, "special") != 0) {                                                            \
        const struct wasm_op_info *op = wasm_op_info(OP_##name);                                   \
        char made[8] = {0};                                                                        \
        for (uint32_t i = 0; i < op->n_params; i++) {                                              \
            made[i] = type_letter(op->params[i]);                                                  \
        }                                                                                          \
        made[op->n_params] = '_';                                                                  \
        made[op->n_params + 1] = type_letter(op->result);                                          \
        assert_string_equal(made, #sig);                                                           \
    }
#include "engine/wasm/ops.def"
#undef OP
}

static void test_undefined(void **state)
{
    (void)state;
    static const uint32_t codes[] = {0x06,     0x12,
                                     0x27,     0xc5,
                                     0xd3,     0xfc,
                                     0xfd,     0xff,
                                     0x100,    0xfff,
                                     0xfc012,  0xfc020,
                                     0xfd09a,  0xfd100,
                                     0xfd200,  0xfdfff,
                                     0xfe004,  0xfe04f,
                                     0xfe080,  0xff000,
                                     0x1fd000, WASM_OPCODE_NONE};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_null(wasm_op_info(codes[i]));
    }
}

static void test_lanes(void **state)
{
    (void)state;
    assert_int_equal(wasm_op_lanes(wasm_op_info(OP_I8X16_EXTRACT_LANE_S)), 16);
    assert_int_equal(wasm_op_lanes(wasm_op_info(OP_I16X8_REPLACE_LANE)), 8);
    assert_int_equal(wasm_op_lanes(wasm_op_info(OP_F32X4_EXTRACT_LANE)), 4);
    assert_int_equal(wasm_op_lanes(wasm_op_info(OP_I64X2_REPLACE_LANE)), 2);
    assert_int_equal(wasm_op_lanes(wasm_op_info(OP_V128_LOAD8_LANE)), 16);
    assert_int_equal(wasm_op_lanes(wasm_op_info(OP_V128_STORE64_LANE)), 2);
}

static void expect_opcode(const uint8_t *bytes, size_t len_bytes, status_t status, uint32_t opcode)
{
    struct reader r = {.start = bytes, .pos = bytes, .end = bytes + len_bytes};
    uint32_t got;
    assert_int_equal(reader_opcode(&r, &got), status);
    assert_int_equal(got, opcode);
    if (status == STATUS_OK) {
        assert_int_equal(reader_left(&r), 0);
    }
}

static void test_reader_opcode(void **state)
{
    (void)state;
    expect_opcode((const uint8_t[]){0x6a}, 1, STATUS_OK, OP_I32_ADD);
    expect_opcode((const uint8_t[]){0xff}, 1, STATUS_OK, 0xff);
    expect_opcode((const uint8_t[]){0xfc, 0x0a}, 2, STATUS_OK, OP_MEMORY_COPY);
    expect_opcode((const uint8_t[]){0xfd, 0xff, 0x01}, 3, STATUS_OK, OP_F64X2_CONVERT_LOW_I32X4_U);
    expect_opcode((const uint8_t[]){0xfd, 0x80, 0x80, 0x80, 0x80, 0x00}, 6, STATUS_OK,
                  OP_V128_LOAD);
    /* a number with more bits than the table's must not look like another instruction */
    expect_opcode((const uint8_t[]){0xfc, 0x80, 0x20}, 3, STATUS_OK, WASM_OPCODE_NONE);
    expect_opcode((const uint8_t[]){0xfc, 0x80, 0x80, 0x80, 0x80, 0x0f}, 6, STATUS_OK,
                  WASM_OPCODE_NONE);
    expect_opcode((const uint8_t[]){0xfe}, 1, ERR_TRUNCATED, WASM_OPCODE_NONE);
    expect_opcode((const uint8_t[]){0}, 0, ERR_TRUNCATED, WASM_OPCODE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),     cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_signatures), cmocka_unit_test(test_undefined),
        cmocka_unit_test(test_lanes),      cmocka_unit_test(test_reader_opcode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
