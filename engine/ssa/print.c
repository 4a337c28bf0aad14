/*
 * Prints a function in the form that text.h describes.
 *
 * Its readers are people who look for a fault in a pass, so it must print functions that aren't
 * right: nothing here trusts an index, follows a list without end, or stops at what is missing.
 */
#include "base/format.h"
#include "engine/ssa/text.h"

const uint16_t text_forms[SSA_OP_COUNT] = {
    [SSA_PARAM] = TEXT_INDEX,
    [SSA_RESULT] = TEXT_NUMBER,
    [SSA_LOAD] = TEXT_OFFSET,
    [SSA_LOAD8_S] = TEXT_OFFSET,
    [SSA_LOAD8_U] = TEXT_OFFSET,
    [SSA_LOAD16_S] = TEXT_OFFSET,
    [SSA_LOAD16_U] = TEXT_OFFSET,
    [SSA_LOAD32_S] = TEXT_OFFSET,
    [SSA_LOAD32_U] = TEXT_OFFSET,
    [SSA_STORE] = TEXT_OFFSET,
    [SSA_STORE8] = TEXT_OFFSET,
    [SSA_STORE16] = TEXT_OFFSET,
    [SSA_STORE32] = TEXT_OFFSET,
    [SSA_ATOMIC_LOAD] = TEXT_WIDTH | TEXT_OFFSET,
    [SSA_ATOMIC_STORE] = TEXT_WIDTH | TEXT_OFFSET,
    [SSA_ATOMIC_ADD] = TEXT_WIDTH | TEXT_OFFSET,
    [SSA_ATOMIC_SUB] = TEXT_WIDTH | TEXT_OFFSET,
    [SSA_ATOMIC_AND] = TEXT_WIDTH | TEXT_OFFSET,
    [SSA_ATOMIC_OR] = TEXT_WIDTH | TEXT_OFFSET,
    [SSA_ATOMIC_XOR] = TEXT_WIDTH | TEXT_OFFSET,
    [SSA_ATOMIC_XCHG] = TEXT_WIDTH | TEXT_OFFSET,
    [SSA_ATOMIC_CMPXCHG] = TEXT_WIDTH | TEXT_OFFSET,
    [SSA_INST_LOAD] = TEXT_FIELD | TEXT_PLACE,
    [SSA_INST_STORE] = TEXT_FIELD | TEXT_PLACE,
    [SSA_INST_ADDR] = TEXT_FIELD | TEXT_PLACE,
    [SSA_PTR_LOAD] = TEXT_FIELD | TEXT_OFFSET,
    [SSA_PTR_STORE] = TEXT_FIELD | TEXT_OFFSET,
    [SSA_CALL] = TEXT_FUNC,
    [SSA_CALL_SLOT] = TEXT_TYPE,
    [SSA_CALL_HELPER] = TEXT_HELPER,
    [SSA_TRAP_IF] = TEXT_OFFSET | TEXT_TRAP,
    [SSA_JUMP] = TEXT_SUCCS,
    [SSA_BRANCH] = TEXT_SUCCS | TEXT_LIKELY,
    [SSA_BR_TABLE] = TEXT_TABLE,
    [SSA_TRAP] = TEXT_TRAP,
/* Vector operations, by what follows them in the byte stream. */
#define FORM_NONE 0
#define FORM_V128 0
#define FORM_LANE TEXT_LANE
#define FORM_SHUFFLE TEXT_SHUFFLE
#define FORM_MEMARG TEXT_OFFSET
#define FORM_MEMARG_LANE TEXT_OFFSET | TEXT_LANE
#define OP(code, name, text, imm, sig, ssa, width) [SSA_##ssa] = FORM_##imm,
#include "engine/wasm/simd.def"
#undef OP
};

const char *const text_types[T_COUNT] = {
    [T_VOID] = "void", [T_I32] = "i32", [T_I64] = "i64",
    [T_F32] = "f32",   [T_F64] = "f64", [T_V128] = "v128",
};

const char *const text_fields[TEXT_N_FIELDS] = {
    [FIELD_FIXED] = "fixed",
    [FIELD_GLOBAL] = "global",
    [FIELD_SIZES] = "sizes",
    [FIELD_SHARED] = "shared",
};

const char *const text_likely[TEXT_N_LIKELY] = {[1] = "likely", [2] = "unlikely"};

const char *const text_traps[TEXT_N_TRAPS] = {
#define TRAP(name, number, text) [number] = #name,
#include "engine/traps.def"
#undef TRAP
};

const char *const text_helpers[] = {
#define HELPER(name, signature) #name,
#include "engine/helpers.def"
#undef HELPER
};
const uint32_t text_n_helpers = sizeof text_helpers / sizeof *text_helpers;

struct printer {
    const struct ssa_func *fn;
    const struct ssa_text *to;
    const char *separator; /* before the next operand */
};

#define PRINT_MAX_BYTES 128 /* of one call of emit() */

[[gnu::format(printf, 2, 3)]] static void emit(const struct printer *p, const char *fmt, ...)
{
    char buf[PRINT_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    size_t len_bytes = format_args(buf, sizeof buf, fmt, args);
    va_end(args);
    p->to->put(p->to->ctx, buf, len_bytes < sizeof buf ? len_bytes : sizeof buf - 1);
}

/* The separator that the next operand needs. */
static void emit_separator(struct printer *p)
{
    emit(p, "%s", p->separator);
    p->separator = ", ";
}

static const char *type_text(uint8_t type)
{
    return type < T_COUNT ? text_types[type] : "?";
}

/* What v stands for; 0 if its copies lead nowhere. */
static uint32_t resolved(const struct ssa_func *fn, uint32_t v)
{
    for (uint32_t i = 0; i < fn->n_insts && v < fn->n_insts; i++) {
        if (fn->insts[v].op != SSA_COPY) {
            return v;
        }
        v = fn->insts[v].arg[0];
    }
    return 0;
}

/* n words of the pool from start; null if they aren't all in it. */
static const uint32_t *pool_words(const struct ssa_func *fn, uint64_t start, uint32_t n)
{
    return start <= fn->n_pool && n <= fn->n_pool - start ? &fn->pool[start] : NULL;
}

/* ---- Constants ---- */

#define PRINT_DECIMAL_MAX 99999 /* integers beyond are easier to read in hexadecimal */

static void print_integer(struct printer *p, uint8_t type, uint64_t bits)
{
    int64_t value = type == T_I32 ? (int32_t)bits : (int64_t)bits;
    if (value >= -PRINT_DECIMAL_MAX && value <= PRINT_DECIMAL_MAX) {
        emit(p, "%lld", (long long)value);
    } else {
        emit(p, "0x%llx", (unsigned long long)bits);
    }
}

#define PRINT_FRACTION_BITS 10

/* Decimal if the float has at most ten bits behind the point and fits 2^53: that is exact. */
static void print_float(struct printer *p, uint8_t type, uint64_t bits)
{
    int n_mantissa = type == T_F32 ? 23 : 52;
    int n_exponent = type == T_F32 ? 8 : 11;
    uint64_t mantissa = bits & ((UINT64_C(1) << n_mantissa) - 1);
    int exponent = (int)(bits >> n_mantissa) & ((1 << n_exponent) - 1);
    const char *sign = bits >> (n_mantissa + n_exponent) & 1 ? "-" : "";
    if (exponent == 0 && mantissa == 0) {
        emit(p, "%s0.0", sign);
        return;
    }
    mantissa |= UINT64_C(1) << n_mantissa;
    int point = n_mantissa - (exponent - ((1 << (n_exponent - 1)) - 1)); /* bits behind it */
    int n_zeros = __builtin_ctzll(mantissa);
    mantissa >>= n_zeros;
    point -= n_zeros;
    int top = 63 - __builtin_clzll(mantissa) - point; /* the value is at least 2^top */
    if (exponent == 0 || point > PRINT_FRACTION_BITS || top > 52) {
        emit(p, "0x%llx", (unsigned long long)bits);
    } else if (point <= 0) {
        mantissa <<= -point;
        emit(p, "%s%llu.0", sign, (unsigned long long)mantissa);
    } else {
        uint64_t fraction = mantissa & ((UINT64_C(1) << point) - 1);
        for (int i = 0; i < point; i++) {
            fraction *= 5; /* x / 2^n = x * 5^n / 10^n */
        }
        emit(p, "%s%llu.%0*llu", sign, (unsigned long long)(mantissa >> point), point,
             (unsigned long long)fraction);
    }
}

static void print_bytes(struct printer *p, uint64_t index)
{
    if (index >= p->fn->n_vconsts) {
        emit(p, "#?");
        return;
    }
    emit(p, "#");
    for (int i = 0; i < 16; i++) {
        emit(p, "%02x", p->fn->vconsts[index][i]);
    }
}

/* bare: the type of a constant that needs no name. */
static void print_value(struct printer *p, uint32_t v, uint8_t bare)
{
    const struct ssa_func *fn = p->fn;
    uint32_t value = resolved(fn, v);
    const struct ssa_inst *inst = &fn->insts[value];
    if (inst->op == SSA_VCONST) {
        print_bytes(p, inst->imm);
    } else if (inst->op == SSA_CONST) {
        if (inst->type != bare) {
            emit(p, "%s ", type_text(inst->type));
        }
        if (inst->type == T_F32 || inst->type == T_F64) {
            print_float(p, inst->type, inst->imm);
        } else {
            print_integer(p, inst->type, inst->imm);
        }
    } else {
        emit(p, "v%u", value);
    }
}

/* ---- Instructions ---- */

/* What stands between the operation's name and its arguments. */
static void print_subject(struct printer *p, const struct ssa_inst *inst, uint16_t form)
{
    if (form & TEXT_WIDTH && inst->sub < 4) {
        emit(p, ".%u", 8u << inst->sub);
    }
    if (form & TEXT_INDEX) {
        emit_separator(p);
        emit(p, "%llu", (unsigned long long)inst->imm);
    }
    if (form & TEXT_FIELD) {
        emit(p, " %s", inst->sub < TEXT_N_FIELDS ? text_fields[inst->sub] : "?");
    }
    if (form & TEXT_PLACE) {
        emit_separator(p);
        emit(p, "[%lld]", (long long)inst->imm);
    }
    if (form & (TEXT_FUNC | TEXT_TYPE)) {
        emit(p, " %s%llu(", form & TEXT_FUNC ? "f" : "t", (unsigned long long)inst->imm);
        p->separator = "";
    }
    if (form & TEXT_HELPER) {
        emit(p, " %s(", inst->imm < text_n_helpers ? text_helpers[inst->imm] : "?");
        p->separator = "";
    }
}

static void print_args(struct printer *p, const struct ssa_inst *inst, uint16_t form)
{
    const struct ssa_func *fn = p->fn;
    uint8_t n_fixed = ssa_op_infos[inst->op].n_args;
    const uint32_t *args = inst->arg;
    uint32_t n = n_fixed < 3 ? n_fixed : 3;
    if (n_fixed == SSA_VAR_ARGS) {
        n = inst->arg[1];
        args = pool_words(fn, inst->arg[0], n);
    }
    for (uint32_t i = 0; args != NULL && i < n; i++) {
        emit_separator(p);
        print_value(p, args[i], inst->type == T_VOID ? (uint8_t)T_I32 : inst->type);
        if (i == 0 && form & TEXT_OFFSET && inst->imm != 0) {
            emit(p, " + %lld", (long long)inst->imm);
        }
    }
    if (form & TEXT_CALL) {
        emit(p, ")");
    }
}

static void print_succs(struct printer *p, const struct ssa_inst *inst, uint16_t form,
                        const struct ssa_block *block)
{
    const struct ssa_func *fn = p->fn;
    const uint32_t *succs = pool_words(fn, block->succ_start, block->n_succs);
    if (form & TEXT_SUCCS) {
        for (uint32_t i = 0; succs != NULL && i < block->n_succs; i++) {
            emit_separator(p);
            emit(p, "b%u", succs[i]);
        }
    }
    if (form & TEXT_TABLE) {
        const uint32_t *table = pool_words(fn, inst->imm, inst->arg[1]);
        for (uint32_t i = 0; table != NULL && i < inst->arg[1]; i++) {
            emit_separator(p);
            emit(p, "b%u", succs != NULL && table[i] < block->n_succs ? succs[table[i]] : ~0u);
        }
    }
    if (form & TEXT_LIKELY && inst->imm != 0 && inst->imm < TEXT_N_LIKELY) {
        emit(p, " %s", text_likely[inst->imm]);
    }
}

/* What stands behind the arguments. */
static void print_details(struct printer *p, const struct ssa_inst *inst, uint16_t form)
{
    if (form & TEXT_NUMBER) {
        emit_separator(p);
        emit(p, "%llu", (unsigned long long)inst->imm);
    }
    if (form & TEXT_LANE) {
        emit_separator(p);
        emit(p, "lane %u", inst->sub);
    }
    if (form & TEXT_SHUFFLE) {
        emit_separator(p);
        print_bytes(p, inst->imm);
    }
    if (form & TEXT_TRAP) {
        emit_separator(p);
        emit(p, "%s",
             inst->sub < TEXT_N_TRAPS && text_traps[inst->sub] != NULL ? text_traps[inst->sub]
                                                                       : "?");
    }
    bool is_likely = form & TEXT_LIKELY && inst->imm < TEXT_N_LIKELY;
    if (!(form & TEXT_USES_SUB) && inst->sub != 0) {
        emit(p, " sub=%u", inst->sub);
    }
    if (!(form & TEXT_USES_IMM) && !is_likely && inst->imm != 0) {
        emit(p, " imm=0x%llx", (unsigned long long)inst->imm);
    }
}

static void print_inst(struct printer *p, uint32_t v, const struct ssa_block *block)
{
    const struct ssa_inst *inst = &p->fn->insts[v];
    if (inst->op >= SSA_OP_COUNT) {
        emit(p, "  v%u = ?\n", v);
        return;
    }
    emit(p, "  ");
    if (inst->type != T_VOID) {
        emit(p, "v%u = ", v);
    }
    emit(p, "%s", ssa_op_infos[inst->op].text);
    uint16_t form = text_forms[inst->op];
    p->separator = " ";
    print_subject(p, inst, form);
    print_args(p, inst, form);
    print_succs(p, inst, form, block);
    print_details(p, inst, form);
    if (inst->type != T_VOID) {
        emit(p, " : %s", type_text(inst->type));
    }
    if (inst->pos != 0) {
        emit(p, " @0x%x", inst->pos);
    }
    emit(p, "\n");
}

/* ---- Blocks and functions ---- */

static void print_block(struct printer *p, uint32_t b)
{
    const struct ssa_func *fn = p->fn;
    const struct ssa_block *block = &fn->blocks[b];
    emit(p, "b%u:", b);
    if (block->is_dead) {
        emit(p, " dead\n");
        return;
    }
    const uint32_t *preds = pool_words(fn, block->pred_start, block->n_preds);
    for (uint32_t i = 0; preds != NULL && i < block->n_preds; i++) {
        emit(p, "%sb%u%s", i == 0 ? " (" : ", ", preds[i], i + 1 == block->n_preds ? ")" : "");
    }
    if (block->loop != 0) {
        emit(p, " loop %u", block->loop);
    }
    emit(p, "%s\n", block->is_cold ? " cold" : "");
    uint32_t n = 0;
    for (uint32_t v = block->first; v != 0 && v < fn->n_insts; v = fn->insts[v].next) {
        print_inst(p, v, block);
        if (n++ > fn->n_insts) {
            emit(p, "  ?\n");
            break;
        }
    }
}

static void print_types(struct printer *p, const uint8_t *types, uint32_t n)
{
    emit(p, "(");
    for (uint32_t i = 0; i < n; i++) {
        emit(p, "%s%s", i == 0 ? "" : ", ", type_text(types[i]));
    }
    emit(p, ")");
}

static void print_loop(struct printer *p, uint32_t i)
{
    const struct ssa_loop *loop = &p->fn->loops[i];
    emit(p, "loop %u: b%u", i, loop->header);
    if (loop->parent != 0) {
        emit(p, " in %u", loop->parent);
    }
    emit(p, "%s%s\n", loop->has_call ? " calls" : "", loop->has_store ? " stores" : "");
}

void ssa_print(const struct ssa_func *fn, const struct ssa_text *to)
{
    struct printer p = {.fn = fn, .to = to};
    emit(&p, "func %u ", fn->funcidx);
    if (fn->typeidx != 0) {
        emit(&p, "type %u ", fn->typeidx);
    }
    print_types(&p, fn->param_types, fn->n_params);
    emit(&p, " -> ");
    print_types(&p, fn->result_types, fn->n_results);
    emit(&p, "\n");
    for (uint32_t i = 1; i < fn->n_loops; i++) {
        print_loop(&p, i);
    }
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        print_block(&p, b);
    }
}
