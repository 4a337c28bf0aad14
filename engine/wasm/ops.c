/*
 * The instructions as a table, made from ops.def: indexed by WASM_OP_INDEX. A row that no
 * instruction has is all zeros: is_defined is false there.
 */
#include "engine/wasm/wasm.h"

/* The signatures of ops.def; a row with one that is missing here doesn't compile. */
#define SIG1(a, r) .n_params = 1, .params = {a}, .result = (r)
#define SIG2(a, b, r) .n_params = 2, .params = {a, b}, .result = (r)
#define SIG3(a, b, c, r) .n_params = 3, .params = {a, b, c}, .result = (r)
#define SIG_special .is_special = true
#define SIG__ .n_params = 0, .result = T_VOID
#define SIG_i_i SIG1(T_I32, T_I32)
#define SIG_i_I SIG1(T_I32, T_I64)
#define SIG_i_f SIG1(T_I32, T_F32)
#define SIG_i_F SIG1(T_I32, T_F64)
#define SIG_i_v SIG1(T_I32, T_V128)
#define SIG_I_i SIG1(T_I64, T_I32)
#define SIG_I_I SIG1(T_I64, T_I64)
#define SIG_I_f SIG1(T_I64, T_F32)
#define SIG_I_F SIG1(T_I64, T_F64)
#define SIG_I_v SIG1(T_I64, T_V128)
#define SIG_f_i SIG1(T_F32, T_I32)
#define SIG_f_I SIG1(T_F32, T_I64)
#define SIG_f_f SIG1(T_F32, T_F32)
#define SIG_f_F SIG1(T_F32, T_F64)
#define SIG_f_v SIG1(T_F32, T_V128)
#define SIG_F_i SIG1(T_F64, T_I32)
#define SIG_F_I SIG1(T_F64, T_I64)
#define SIG_F_f SIG1(T_F64, T_F32)
#define SIG_F_F SIG1(T_F64, T_F64)
#define SIG_F_v SIG1(T_F64, T_V128)
#define SIG_v_i SIG1(T_V128, T_I32)
#define SIG_v_I SIG1(T_V128, T_I64)
#define SIG_v_f SIG1(T_V128, T_F32)
#define SIG_v_F SIG1(T_V128, T_F64)
#define SIG_v_v SIG1(T_V128, T_V128)
#define SIG_ii_ SIG2(T_I32, T_I32, T_VOID)
#define SIG_iI_ SIG2(T_I32, T_I64, T_VOID)
#define SIG_if_ SIG2(T_I32, T_F32, T_VOID)
#define SIG_iF_ SIG2(T_I32, T_F64, T_VOID)
#define SIG_iv_ SIG2(T_I32, T_V128, T_VOID)
#define SIG_ii_i SIG2(T_I32, T_I32, T_I32)
#define SIG_iI_I SIG2(T_I32, T_I64, T_I64)
#define SIG_iv_v SIG2(T_I32, T_V128, T_V128)
#define SIG_II_i SIG2(T_I64, T_I64, T_I32)
#define SIG_II_I SIG2(T_I64, T_I64, T_I64)
#define SIG_ff_i SIG2(T_F32, T_F32, T_I32)
#define SIG_ff_f SIG2(T_F32, T_F32, T_F32)
#define SIG_FF_i SIG2(T_F64, T_F64, T_I32)
#define SIG_FF_F SIG2(T_F64, T_F64, T_F64)
#define SIG_vi_v SIG2(T_V128, T_I32, T_V128)
#define SIG_vI_v SIG2(T_V128, T_I64, T_V128)
#define SIG_vf_v SIG2(T_V128, T_F32, T_V128)
#define SIG_vF_v SIG2(T_V128, T_F64, T_V128)
#define SIG_vv_v SIG2(T_V128, T_V128, T_V128)
#define SIG_iii_i SIG3(T_I32, T_I32, T_I32, T_I32)
#define SIG_iiI_i SIG3(T_I32, T_I32, T_I64, T_I32)
#define SIG_iII_i SIG3(T_I32, T_I64, T_I64, T_I32)
#define SIG_iII_I SIG3(T_I32, T_I64, T_I64, T_I64)
#define SIG_vvv_v SIG3(T_V128, T_V128, T_V128, T_V128)

const struct wasm_op_info wasm_ops[WASM_OPS_COUNT] = {
#define OP(code, name, text_, imm_, sig, ssa_, width_)                                             \
    [WASM_OP_INDEX(code)] = {                                                                      \
        .text = (text_),                                                                           \
        .imm = IMM_##imm_,                                                                         \
        SIG_##sig,                                                                                 \
        .width = (width_),                                                                         \
        .ssa = SSA_##ssa_,                                                                         \
        .is_defined = true,                                                                        \
    },
#include "engine/wasm/ops.def"
#undef OP
};

const struct wasm_op_info *wasm_op_info_prefixed(uint32_t opcode)
{
    uint32_t number = opcode & ((1u << WASM_PREFIX_SHIFT) - 1);
    const struct wasm_op_info *op = NULL;
    switch (opcode >> WASM_PREFIX_SHIFT) {
    case WASM_PREFIX_FC: op = number < WASM_OPS_FC ? &wasm_ops_fc[number] : NULL; break;
    case WASM_PREFIX_FD: op = number < WASM_OPS_FD ? &wasm_ops_fd[number] : NULL; break;
    case WASM_PREFIX_FE: op = number < WASM_OPS_FE ? &wasm_ops_fe[number] : NULL; break;
    default: break;
    }
    return op != NULL && op->is_defined ? op : NULL;
}

const char *wasm_valtype_text(uint8_t valtype)
{
    switch (valtype) {
    case VALTYPE_I32: return "i32";
    case VALTYPE_I64: return "i64";
    case VALTYPE_F32: return "f32";
    case VALTYPE_F64: return "f64";
    case VALTYPE_V128: return "v128";
    case VALTYPE_FUNCREF: return "funcref";
    case VALTYPE_EXTERNREF: return "externref";
    default: return "?";
    }
}
