/*
 * Validation and SSA construction of a function body, in one walk: see build.h for the idea.
 *
 * This file has the walk itself, the operand stack, locals, constants and all instructions with a
 * fixed signature, which need no code of their own: ops.def says what they take and become.
 */
#include "engine/wasm/build.h"

#include <stdarg.h>
#include <string.h>

#include "base/format.h"
#include "engine/opt/fold.h"

/* Room made before each instruction: the most that one without a list of its own may take. */
#define INSTS_PER_OP 64
#define POOL_PER_OP 64
#define BLOCKS_PER_OP 4
#define STACK_PER_OP 8
/* The first room of a list, in elements. */
#define LIST_AT_FIRST 64

/* What edges may carry: see build_carry. */
#define CARRIED_BASE 2000000u
#define CARRIED_PER_BYTE 32u

status_t build_fail(struct builder *b, status_t status, const char *text, ...)
{
    struct engine_error *error = b->cx->error;
    error->status = status;
    error->offset = (uint64_t)(b->op_start - b->r.start);
    error->funcidx = b->cx->funcidx;
    va_list args;
    va_start(args, text);
    format_args(error->text, sizeof error->text, text, args);
    va_end(args);
    return status;
}

status_t build_reader_fail(struct builder *b, status_t status)
{
    b->cx->error->funcidx = b->cx->funcidx;
    return reader_fail(&b->r, status, "function body", b->cx->error);
}

status_t build_carry(struct builder *b, uint64_t n)
{
    b->n_carried += n;
    if (b->n_carried > b->max_carried) {
        return build_fail(b, ERR_LIMIT,
                          "too complex: branches, loops and calls carry more than %llu values",
                          (unsigned long long)b->max_carried);
    }
    return STATUS_OK;
}

status_t build_grow(struct builder *b, void **array, uint32_t *cap, uint32_t want, size_t size)
{
    if (want <= *cap) {
        return STATUS_OK;
    }
    uint64_t new_cap = (uint64_t)*cap * 2;
    if (new_cap < want) {
        new_cap = want;
    }
    if (new_cap < LIST_AT_FIRST) {
        new_cap = LIST_AT_FIRST;
    }
    void *p = new_cap > UINT32_MAX / 4
                  ? NULL
                  : arena_grow(b->cx->scratch, *array, *cap * size, (size_t)new_cap * size);
    if (p == NULL) {
        return build_fail(b, ERR_NO_MEMORY, "out of memory compiling a function");
    }
    *array = p;
    *cap = (uint32_t)new_cap;
    return STATUS_OK;
}

status_t build_grow_stack(struct builder *b, uint32_t n)
{
    uint32_t cap = b->cap_stack;
    void *values = b->values;
    status_t status = build_grow(b, &values, &cap, b->sp + n, sizeof *b->values);
    b->values = values;
    void *types = b->types;
    if (status == STATUS_OK) {
        status = build_grow(b, &types, &b->cap_stack, cap, 1);
        b->types = types;
    }
    return status;
}

status_t build_pop_slow(struct builder *b, uint8_t type, val_t *out, uint8_t *found)
{
    const struct frame *top = build_top(b);
    *out = VAL_NONE;
    if (b->sp == top->height) {
        *found = TYPE_UNKNOWN;
        if (top->is_unreachable) {
            return STATUS_OK;
        }
        return build_fail(b, ERR_INVALID, "type mismatch: an operand is missing");
    }
    b->sp--;
    *out = (val_t){b->values[b->sp]};
    *found = b->types[b->sp];
    if (type != TYPE_UNKNOWN && *found != TYPE_UNKNOWN && *found != type) {
        return build_fail(b, ERR_INVALID, "type mismatch: expected %s, found %s",
                          wasm_valtype_text(type), wasm_valtype_text(*found));
    }
    return STATUS_OK;
}

val_t build_emit(struct builder *b, enum ssa_op op, enum ssa_type type, val_t a0, val_t a1,
                 val_t a2, uint64_t imm, uint8_t sub)
{
    if (!b->is_live) {
        return VAL_NONE;
    }
    struct ssa_inst inst = {
        .op = op, .type = type, .sub = sub, .arg = {a0.i, a1.i, a2.i}, .imm = imm, .pos = b->pos};
    val_t same = fold_inst(b->fn, &inst);
    if (same.i != 0) {
        return same;
    }
    val_t v = ssa_new(b->fn, op, type);
    b->fn->insts[v.i] = inst;
    ssa_append(b->fn, b->block, v);
    return v;
}

status_t build_emit_list(struct builder *b, enum ssa_op op, enum ssa_type type,
                         const uint32_t *args, uint32_t n_args, uint64_t imm, val_t *out)
{
    *out = VAL_NONE;
    if (!b->is_live) {
        return STATUS_OK;
    }
    status_t status = ssa_reserve_pool(b->fn, n_args + POOL_PER_OP);
    if (status != STATUS_OK) {
        return build_fail(b, status, "out of memory compiling a function");
    }
    *out = ssa_new(b->fn, op, type);
    struct ssa_inst *inst = ssa_inst(b->fn, *out);
    inst->arg[0] = b->fn->n_pool;
    inst->arg[1] = n_args;
    inst->imm = imm;
    inst->pos = b->pos;
    for (uint32_t i = 0; i < n_args; i++) {
        b->fn->pool[b->fn->n_pool++] = args[i];
    }
    ssa_append(b->fn, b->block, *out);
    return STATUS_OK;
}

void build_trap_if(struct builder *b, val_t cond, enum engine_trap trap)
{
    uint64_t bits;
    if (!b->is_live || b->cx->options->is_unsafe ||
        (ssa_is_const(b->fn, cond, &bits) && bits == 0)) {
        return;
    }
    build_emit(b, SSA_TRAP_IF, T_VOID, cond, VAL_NONE, VAL_NONE, 0, trap);
}

/* ---- Locals ---- */

void build_set_local(struct builder *b, uint32_t local, val_t v)
{
    if (!b->is_live || b->locals[local] == v.i) {
        return;
    }
    uint32_t mark = b->local_mark[local];
    if (mark <= build_top(b)->trail_start) { /* marks count from 1 */
        b->trail[b->n_trail] = (struct trail_entry){local, b->locals[local], mark};
        b->n_trail++;
        b->local_mark[local] = b->n_trail;
    }
    b->locals[local] = v.i;
}

static status_t local_index(struct builder *b, uint32_t *local)
{
    status_t status = reader_u32(&b->r, local);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    if (*local >= b->n_locals) {
        return build_fail(b, ERR_INVALID, "unknown local %u", *local);
    }
    return STATUS_OK;
}

static status_t build_local(struct builder *b, uint32_t opcode)
{
    uint32_t local;
    status_t status = local_index(b, &local);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t type = b->local_types[local];
    if (opcode == OP_LOCAL_GET) {
        build_push(b, type, b->is_live ? (val_t){b->locals[local]} : VAL_NONE);
        return STATUS_OK;
    }
    val_t v;
    status = build_pop(b, type, &v);
    if (status != STATUS_OK) {
        return status;
    }
    void *trail = b->trail;
    status = build_grow(b, &trail, &b->cap_trail, b->n_trail + 1, sizeof *b->trail);
    b->trail = trail;
    build_set_local(b, local, v);
    if (opcode == OP_LOCAL_TEE) {
        build_push(b, type, v);
    }
    return status;
}

/* Reads the declarations (wasm 2.0 §5.4.13): the sum is checked before anything is allocated. */
static status_t count_locals(struct builder *b, const struct engine_functype *type)
{
    struct reader r = b->r;
    uint32_t n_groups;
    status_t status = reader_u32(&r, &n_groups);
    uint64_t n_locals = type->n_params;
    for (uint32_t i = 0; status == STATUS_OK && i < n_groups; i++) {
        uint32_t n;
        uint8_t valtype;
        status = reader_u32(&r, &n);
        n_locals += n;
        if (status == STATUS_OK) {
            status = reader_u8(&r, &valtype);
        }
        if (n_locals > UINT32_MAX) {
            b->op_start = r.pos;
            return build_fail(b, ERR_MALFORMED, "too many locals");
        }
    }
    if (status != STATUS_OK) {
        b->r = r;
        return build_reader_fail(b, status);
    }
    if (n_locals > engine_default_limits.max_locals + (uint64_t)type->n_params) {
        return build_fail(b, ERR_LIMIT, "a function with %llu locals, more than %u",
                          (unsigned long long)n_locals, engine_default_limits.max_locals);
    }
    b->n_locals = (uint32_t)n_locals;
    return STATUS_OK;
}

static status_t declare_locals(struct builder *b, const struct engine_functype *type)
{
    uint32_t n_groups, at = type->n_params;
    status_t status = reader_u32(&b->r, &n_groups);
    memcpy(b->local_types, type->params, type->n_params);
    for (uint32_t i = 0; status == STATUS_OK && i < n_groups; i++) {
        uint32_t n;
        uint8_t valtype;
        status = reader_u32(&b->r, &n);
        b->op_start = b->r.pos;
        if (status == STATUS_OK) {
            status = reader_u8(&b->r, &valtype);
        }
        if (status == STATUS_OK && !wasm_is_valtype(valtype)) {
            return build_fail(b, ERR_MALFORMED, "malformed value type 0x%02x", valtype);
        }
        if (status == STATUS_OK) {
            memset(b->local_types + at, valtype, n);
            at += n;
        }
    }
    return status != STATUS_OK ? build_reader_fail(b, status) : STATUS_OK;
}

static status_t init_local_values(struct builder *b, uint32_t n_params)
{
    struct ssa_func *fn = b->fn;
    status_t status = ssa_reserve_insts(fn, n_params + 16);
    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t i = 0; i < n_params; i++) {
        val_t v = ssa_new(fn, SSA_PARAM, wasm_ssa_type(b->local_types[i]));
        fn->insts[v.i].imm = i;
        ssa_append(fn, b->block, v);
        b->locals[i] = v.i;
    }
    uint32_t zero[T_COUNT] = {0};
    for (uint32_t i = n_params; i < b->n_locals; i++) {
        enum ssa_type type = wasm_ssa_type(b->local_types[i]);
        if (zero[type] == 0 && type == T_V128) {
            static const uint8_t bytes[16] = {0};
            val_t v;
            status = ssa_vconst(fn, bytes, &v);
            if (status != STATUS_OK) {
                return status;
            }
            zero[type] = v.i;
        } else if (zero[type] == 0) {
            zero[type] = ssa_const(fn, type, 0).i;
        }
        b->locals[i] = zero[type];
    }
    return STATUS_OK;
}

static status_t build_locals(struct builder *b, const struct engine_functype *type)
{
    status_t status = count_locals(b, type);
    if (status != STATUS_OK) {
        return status;
    }
    size_t n = (size_t)b->n_locals + 1;
    b->locals = arena_array(b->cx->scratch, n, sizeof *b->locals);
    b->local_types = arena_array(b->cx->scratch, n, 1);
    b->local_mark = arena_zalloc(b->cx->scratch, n, sizeof *b->local_mark);
    b->merge_stamp = arena_zalloc(b->cx->scratch, n, sizeof *b->merge_stamp);
    b->merge_row = arena_array(b->cx->scratch, n, sizeof *b->merge_row);
    if (b->locals == NULL || b->local_types == NULL || b->local_mark == NULL ||
        b->merge_stamp == NULL || b->merge_row == NULL) {
        return build_fail(b, ERR_NO_MEMORY, "out of memory for %u locals", b->n_locals);
    }
    status = declare_locals(b, type);
    if (status == STATUS_OK) {
        status = init_local_values(b, type->n_params);
    }
    return status;
}

/* ---- Instructions ---- */

static status_t build_constant(struct builder *b, uint32_t opcode)
{
    status_t status;
    uint64_t bits = 0;
    int32_t i32 = 0;
    int64_t i64 = 0;
    uint32_t f32 = 0;
    uint8_t type = VALTYPE_I32;
    if (opcode == OP_I32_CONST) {
        status = reader_s32(&b->r, &i32);
        bits = (uint32_t)i32;
    } else if (opcode == OP_I64_CONST) {
        status = reader_s64(&b->r, &i64);
        bits = (uint64_t)i64;
        type = VALTYPE_I64;
    } else if (opcode == OP_F32_CONST) {
        status = reader_f32(&b->r, &f32);
        bits = f32;
        type = VALTYPE_F32;
    } else {
        status = reader_f64(&b->r, &bits);
        type = VALTYPE_F64;
    }
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    build_push(b, type, build_const(b, wasm_ssa_type(type), bits));
    return STATUS_OK;
}

static status_t build_v128_const(struct builder *b)
{
    uint8_t bytes[16];
    status_t status = reader_v128(&b->r, bytes);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    val_t v = VAL_NONE;
    if (b->is_live) {
        status = ssa_vconst(b->fn, bytes, &v);
    }
    build_push(b, VALTYPE_V128, v);
    return status;
}

static status_t build_select(struct builder *b, bool is_typed)
{
    uint8_t type = TYPE_UNKNOWN, found1, found2;
    if (is_typed) {
        uint32_t n;
        status_t status = reader_u32(&b->r, &n);
        if (status != STATUS_OK) {
            return build_reader_fail(b, status);
        }
        if (n != 1) {
            return build_fail(b, ERR_INVALID, "invalid result arity of select: %u types", n);
        }
        status = reader_u8(&b->r, &type);
        if (status != STATUS_OK) {
            return build_reader_fail(b, status);
        }
        if (!wasm_is_valtype(type)) {
            return build_fail(b, ERR_MALFORMED, "malformed value type 0x%02x", type);
        }
    }
    val_t cond, if_zero, if_not;
    status_t status = build_pop(b, VALTYPE_I32, &cond);
    if (status == STATUS_OK) {
        status = build_pop_slow(b, type, &if_zero, &found2);
    }
    if (status == STATUS_OK) {
        status = build_pop_slow(b, type, &if_not, &found1);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (type == TYPE_UNKNOWN) {
        type = found1 != TYPE_UNKNOWN ? found1 : found2;
        if ((found2 != TYPE_UNKNOWN && found2 != type) || wasm_is_reftype(type)) {
            return build_fail(b, ERR_INVALID, "type mismatch: select of %s and %s",
                              wasm_valtype_text(found1), wasm_valtype_text(found2));
        }
    }
    val_t v = build_emit(b, SSA_SELECT, wasm_ssa_type(type), cond, if_not, if_zero, 0, 0);
    build_push(b, type, v);
    return STATUS_OK;
}

static status_t build_lane(struct builder *b, const struct wasm_op_info *op, uint8_t *lane)
{
    status_t status = reader_u8(&b->r, lane);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    if (*lane >= wasm_op_lanes(op)) {
        return build_fail(b, ERR_INVALID, "invalid lane index %u of %s", *lane, op->text);
    }
    return STATUS_OK;
}

static status_t build_shuffle(struct builder *b, uint64_t *imm)
{
    uint8_t lanes[16];
    status_t status = reader_v128(&b->r, lanes);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    for (uint32_t i = 0; i < 16; i++) {
        if (lanes[i] >= 32) {
            return build_fail(b, ERR_INVALID, "invalid lane index %u of i8x16.shuffle", lanes[i]);
        }
    }
    val_t v;
    status = ssa_vconst(b->fn, lanes, &v);
    *imm = status == STATUS_OK ? b->fn->insts[v.i].imm : 0;
    return status;
}

/* Everything that ops.def describes whole: pop the parameters, one instruction, push. */
static status_t build_plain(struct builder *b, const struct wasm_op_info *op)
{
    uint64_t imm = 0;
    uint8_t sub = 0;
    status_t status = STATUS_OK;
    if (op->imm == IMM_LANE) {
        status = build_lane(b, op, &sub);
    } else if (op->imm == IMM_SHUFFLE) {
        status = build_shuffle(b, &imm);
    }
    val_t args[3] = {VAL_NONE, VAL_NONE, VAL_NONE};
    for (uint32_t i = op->n_params; status == STATUS_OK && i-- > 0;) {
        status = build_pop(b, build_valtype(op->params[i]), &args[i]);
    }
    if (status != STATUS_OK) {
        return status;
    }
    val_t v = build_emit(b, op->ssa, op->result, args[0], args[1], args[2], imm, sub);
    if (op->result != T_VOID) {
        build_push(b, build_valtype(op->result), v);
    }
    return STATUS_OK;
}

static status_t build_special(struct builder *b, uint32_t opcode)
{
    val_t v;
    uint8_t type;
    switch (opcode) {
    case OP_UNREACHABLE: build_unreachable(b); return STATUS_OK;
    case OP_NOP: return STATUS_OK;
    case OP_BLOCK: return build_block(b, FRAME_BLOCK);
    case OP_LOOP: return build_block(b, FRAME_LOOP);
    case OP_IF: return build_block(b, FRAME_IF);
    case OP_ELSE: return build_else(b);
    case OP_END: return build_end(b);
    case OP_BR: return build_br(b);
    case OP_BR_IF: return build_br_if(b);
    case OP_BR_TABLE: return build_br_table(b);
    case OP_RETURN: return build_return(b);
    case OP_CALL: return build_call(b);
    case OP_CALL_INDIRECT: return build_call_indirect(b);
    case OP_DROP: return build_pop_any(b, &v, &type);
    case OP_SELECT: return build_select(b, false);
    case OP_SELECT_T: return build_select(b, true);
    case OP_LOCAL_GET:
    case OP_LOCAL_SET:
    case OP_LOCAL_TEE: return build_local(b, opcode);
    case OP_GLOBAL_GET: return build_global_get(b);
    case OP_GLOBAL_SET: return build_global_set(b);
    case OP_MEMORY_SIZE: return build_memory_size(b);
    case OP_MEMORY_GROW: return build_memory_grow(b);
    case OP_I32_CONST:
    case OP_I64_CONST:
    case OP_F32_CONST:
    case OP_F64_CONST: return build_constant(b, opcode);
    case OP_V128_CONST: return build_v128_const(b);
    case OP_REF_NULL:
    case OP_REF_IS_NULL:
    case OP_REF_FUNC: return build_ref(b, opcode);
    case OP_MEMORY_INIT:
    case OP_DATA_DROP:
    case OP_MEMORY_COPY:
    case OP_MEMORY_FILL: return build_bulk(b, opcode);
    default: return build_table_op(b, opcode);
    }
}

static status_t build_op(struct builder *b, uint32_t opcode, const struct wasm_op_info *op)
{
    if (op->is_special) {
        return build_special(b, opcode);
    }
    if (opcode >> WASM_PREFIX_SHIFT == WASM_PREFIX_FE) {
        return build_atomic(b, opcode, op);
    }
    if (op->imm == IMM_MEMARG || op->imm == IMM_MEMARG_LANE) {
        return build_memory(b, op);
    }
    return build_plain(b, op);
}

static status_t make_room(struct builder *b)
{
    status_t status = ssa_reserve_insts(b->fn, INSTS_PER_OP);
    if (status == STATUS_OK) {
        status = ssa_reserve_pool(b->fn, POOL_PER_OP);
    }
    if (status == STATUS_OK) {
        status = ssa_reserve_blocks(b->fn, BLOCKS_PER_OP);
    }
    if (status == STATUS_OK) {
        status = build_reserve_stack(b, STACK_PER_OP);
    }
    return status == STATUS_OK
               ? status
               : build_fail(b, status, "out of memory compiling a function of %zu bytes",
                            (size_t)(b->r.end - b->r.start));
}

static status_t build_body(struct builder *b)
{
    while (b->n_frames > 0) {
        b->op_start = b->r.pos;
        b->pos = (uint32_t)(b->op_start - b->r.start);
        uint32_t opcode;
        status_t status = reader_opcode(&b->r, &opcode);
        if (status == ERR_TRUNCATED) {
            return build_fail(b, ERR_MALFORMED,
                              "unexpected end of section or function: a body "
                              "without its end");
        }
        if (status != STATUS_OK) {
            return build_reader_fail(b, status);
        }
        const struct wasm_op_info *op = wasm_op_info(opcode);
        if (op == NULL) {
            return build_fail(b, ERR_MALFORMED, "illegal opcode %02x", *b->op_start);
        }
        status = make_room(b);
        if (status == STATUS_OK) {
            status = build_op(b, opcode, op);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (b->r.pos != b->r.end) {
        b->op_start = b->r.pos;
        return build_fail(b, ERR_MALFORMED,
                          "section size mismatch: operators remaining after end "
                          "of function");
    }
    return STATUS_OK;
}

/* The lists that are addressed even when nothing is in them. */
static status_t init_lists(struct builder *b)
{
    void *words = NULL;
    status_t status = build_grow(b, &words, &b->cap_words, 1, sizeof *b->words);
    b->words = words;
    return status;
}

static status_t init_types(struct builder *b, const struct engine_functype *type)
{
    uint8_t *types = arena_array(b->cx->arena, (size_t)type->n_params + type->n_results + 1, 1);
    if (types == NULL) {
        return ERR_NO_MEMORY;
    }
    b->fn->n_params = type->n_params;
    b->fn->param_types = types;
    for (uint32_t i = 0; i < type->n_params; i++) {
        *types++ = wasm_ssa_type(type->params[i]);
    }
    b->fn->n_results = type->n_results;
    b->fn->result_types = types;
    for (uint32_t i = 0; i < type->n_results; i++) {
        *types++ = wasm_ssa_type(type->results[i]);
    }
    return STATUS_OK;
}

status_t build_function(struct compile *cx)
{
    const struct engine_func *func = &cx->module->funcs[cx->funcidx];
    const struct engine_functype *type = &cx->module->types[func->typeidx];
    const uint8_t *body = cx->module->bytes + func->body_offset;
    struct builder b = {.cx = cx,
                        .module = cx->module,
                        .fn = cx->fn,
                        .r = {body, body + func->body_len_bytes, cx->module->bytes},
                        .op_start = body,
                        .is_live = true,
                        .max_carried =
                            CARRIED_BASE + (uint64_t)CARRIED_PER_BYTE * func->body_len_bytes};
    /* as much as most bodies take */
    uint32_t n = func->body_len_bytes;
    status_t status = ssa_func_init_sized(b.fn, cx->arena, n / 2 + 2 * INSTS_PER_OP,
                                          n / 8 + 4 * BLOCKS_PER_OP, n / 2 + 2 * POOL_PER_OP);
    if (status == STATUS_OK) {
        b.fn->funcidx = cx->funcidx;
        b.fn->typeidx = func->typeidx;
        b.fn->blocks[b.fn->n_blocks++] = (struct ssa_block){0};
        build_memory_init(&b);
        status = init_types(&b, type);
    }
    if (status == STATUS_OK) {
        status = init_lists(&b);
    }
    if (status == STATUS_OK) {
        status = build_locals(&b, type);
    }
    if (status == STATUS_OK) {
        status = build_push_frame(&b, FRAME_FUNC, type);
    }
    if (status == STATUS_OK) {
        status = build_body(&b);
    }
    if (status != STATUS_OK && cx->error->status == STATUS_OK) {
        return build_fail(&b, status, "%s", status_text(status));
    }
    return status;
}
