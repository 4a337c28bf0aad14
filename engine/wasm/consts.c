/*
 * Constant expressions (wasm 2.0 §3.3.10): the initial values of globals and of elements, and the
 * offsets of segments.
 *
 * By its grammar such an expression is any sequence of instructions up to an end. The rules leave
 * those that push one constant; exactly one of them makes a value of the right type.
 */
#include "engine/compile.h"
#include "engine/wasm/decode.h"

/* global.get: imported and immutable; own globals aren't there yet (wasm 2.0 §3.4.10, C'). */
static status_t const_global(struct decode *d, uint64_t offset, struct engine_init *init)
{
    const struct engine_module *module = d->module;
    status_t status = decode_u32(d, &init->index, "global index");
    if (status != STATUS_OK) {
        return status;
    }
    init->kind = INIT_GLOBAL;
    if (init->index >= module->n_global_imports) {
        decode_invalid(d, offset, "unknown global %u in a constant expression of %u imported ones",
                       init->index, module->n_global_imports);
        return STATUS_OK;
    }
    const struct engine_globaltype *type = &module->globals[init->index].type;
    init->valtype = type->valtype;
    if (type->is_mutable) {
        decode_invalid(d, offset, "constant expression required: global %u is mutable",
                       init->index);
    }
    return STATUS_OK;
}

static status_t const_func(struct decode *d, uint64_t offset, struct engine_init *init)
{
    status_t status = decode_u32(d, &init->index, "function index");
    init->kind = INIT_FUNC;
    init->valtype = VALTYPE_FUNCREF;
    if (status == STATUS_OK) {
        decode_declare_func(d, init->index, offset);
    }
    return status;
}

static status_t const_null(struct decode *d, struct engine_init *init)
{
    init->kind = INIT_NULL;
    return decode_reftype(d, &init->valtype);
}

/* t.const: the bits, of an i32 and f32 zero-extended. */
static status_t const_number(struct decode *d, uint32_t opcode, struct engine_init *init)
{
    status_t status = STATUS_OK;
    int32_t s32 = 0;
    int64_t s64 = 0;
    uint32_t f32 = 0;
    switch (opcode) {
    case OP_I32_CONST:
        init->valtype = VALTYPE_I32;
        status = reader_s32(&d->r, &s32);
        init->bits = (uint32_t)s32;
        break;
    case OP_I64_CONST:
        init->valtype = VALTYPE_I64;
        status = reader_s64(&d->r, &s64);
        init->bits = (uint64_t)s64;
        break;
    case OP_F32_CONST:
        init->valtype = VALTYPE_F32;
        status = reader_f32(&d->r, &f32);
        init->bits = f32;
        break;
    case OP_F64_CONST:
        init->valtype = VALTYPE_F64;
        status = reader_f64(&d->r, &init->bits);
        break;
    default: /* OP_V128_CONST */
        init->kind = INIT_V128;
        init->valtype = VALTYPE_V128;
        status = reader_v128(&d->r, init->v128);
        break;
    }
    return status == STATUS_OK ? status : reader_fail(&d->r, status, "constant", d->error);
}

/* What isn't constant ends decoding: its immediates are not looked at. */
static status_t const_other(struct decode *d, uint32_t opcode, uint64_t offset)
{
    const struct wasm_op_info *op = wasm_op_info(opcode);
    if (op == NULL) {
        return compile_fail(d->error, ERR_MALFORMED, offset, "illegal opcode 0x%02x",
                            d->r.start[offset]);
    }
    decode_invalid(d, offset, "constant expression required, not %s", op->text);
    return ERR_INVALID;
}

static status_t const_instruction(struct decode *d, uint32_t opcode, uint64_t offset,
                                  struct engine_init *init)
{
    *init = (struct engine_init){.kind = INIT_BITS};
    switch (opcode) {
    case OP_I32_CONST:
    case OP_I64_CONST:
    case OP_F32_CONST:
    case OP_F64_CONST:
    case OP_V128_CONST: return const_number(d, opcode, init);
    case OP_GLOBAL_GET: return const_global(d, offset, init);
    case OP_REF_NULL: return const_null(d, init);
    case OP_REF_FUNC: return const_func(d, offset, init);
    default: return const_other(d, opcode, offset);
    }
}

status_t decode_const(struct decode *d, uint8_t valtype, struct engine_init *init)
{
    uint64_t start = reader_offset(&d->r);
    *init = (struct engine_init){.kind = INIT_BITS};
    for (uint64_t n = 0;; n++) {
        uint32_t opcode;
        uint64_t offset = reader_offset(&d->r);
        status_t status = reader_opcode(&d->r, &opcode);
        if (status != STATUS_OK) {
            return reader_fail(&d->r, status, "constant expression", d->error);
        }
        if (opcode == OP_END) {
            if (n != 1) {
                decode_invalid(d, start,
                               "type mismatch: %llu values where a constant of type %s "
                               "is wanted",
                               (unsigned long long)n, wasm_valtype_text(valtype));
            } else if (init->valtype != valtype) {
                decode_invalid(d, start, "type mismatch: constant of type %s where %s is wanted",
                               wasm_valtype_text(init->valtype), wasm_valtype_text(valtype));
            }
            return STATUS_OK;
        }
        status = const_instruction(d, opcode, offset, init);
        if (status != STATUS_OK) {
            return status;
        }
    }
}
