/*
 * Calls, globals, tables and references: everything that reaches the instance record.
 *
 * An indirect call is made of plain parts, so that the passes see them: compare the index with
 * the table's size, find the slot, compare the slot's type with the expected one, call through
 * the slot. What can't change is loaded as fixed: a table that can't grow keeps base and size.
 */
#include "engine/wasm/build.h"

#define ADD_FIELD(offset, field, of)                                                               \
    (uint64_t)((int64_t)(offset) + (int64_t)offsetof(struct of, field))

static val_t inst_load(struct builder *b, enum ssa_type type, uint64_t offset, enum ssa_field field)
{
    return build_emit(b, SSA_INST_LOAD, type, VAL_NONE, VAL_NONE, VAL_NONE, offset, field);
}

static val_t ptr_load(struct builder *b, enum ssa_type type, val_t address, uint64_t offset,
                      enum ssa_field field)
{
    return build_emit(b, SSA_PTR_LOAD, type, address, VAL_NONE, VAL_NONE, offset, field);
}

static status_t read_index(struct builder *b, uint32_t n, const char *what, uint32_t *index)
{
    status_t status = reader_u32(&b->r, index);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    if (*index >= n) {
        return build_fail(b, ERR_INVALID, "unknown %s %u", what, *index);
    }
    return STATUS_OK;
}

status_t build_helper(struct builder *b, uint32_t helper, enum ssa_type type, const uint32_t *args,
                      uint32_t n_args, val_t *out)
{
    return build_emit_list(b, SSA_CALL_HELPER, type, args, n_args, helper, out);
}

/* ---- Calls ---- */

/* Pops the arguments to args[1..]; args[0] is left for a slot. The arena keeps them: calls are
 * no more than the bytes of the body. */
static status_t pop_args(struct builder *b, const struct engine_functype *type, uint32_t **args)
{
    *args = arena_array(b->cx->scratch, (size_t)type->n_params + 1, sizeof **args);
    if (*args == NULL) {
        return build_fail(b, ERR_NO_MEMORY, "out of memory for a call's arguments");
    }
    status_t status = STATUS_OK;
    for (uint32_t i = type->n_params; status == STATUS_OK && i-- > 0;) {
        val_t v;
        status = build_pop(b, type->params[i], &v);
        (*args)[i + 1] = v.i;
    }
    return status;
}

static status_t push_results(struct builder *b, const struct engine_functype *type, val_t call)
{
    status_t status = build_carry(b, (uint64_t)type->n_params + type->n_results);
    if (status == STATUS_OK) {
        status = build_reserve_stack(b, type->n_results + 8);
    }
    if (status == STATUS_OK) {
        status = ssa_reserve_insts(b->fn, type->n_results + 64);
    }
    if (status != STATUS_OK) {
        return status == ERR_LIMIT ? status
                                   : build_fail(b, status, "out of memory for a call's results");
    }
    for (uint32_t i = 0; i < type->n_results; i++) {
        val_t v = call;
        if (i > 0) {
            v = build_emit(b, SSA_RESULT, wasm_ssa_type(type->results[i]), call, VAL_NONE, VAL_NONE,
                           i, 0);
        }
        build_push(b, type->results[i], v);
    }
    return STATUS_OK;
}

static enum ssa_type first_result(const struct engine_functype *type)
{
    return type->n_results != 0 ? wasm_ssa_type(type->results[0]) : T_VOID;
}

status_t build_call(struct builder *b)
{
    uint32_t funcidx;
    status_t status = read_index(b, b->module->n_funcs, "function", &funcidx);
    if (status != STATUS_OK) {
        return status;
    }
    if (funcidx < b->module->n_func_imports && b->cx->import_templates != NULL &&
        b->cx->import_templates[funcidx] != NULL) {
        return build_template(b, b->cx->import_templates[funcidx]);
    }
    const struct engine_functype *type = &b->module->types[b->module->funcs[funcidx].typeidx];
    uint32_t *args;
    val_t call;
    status = pop_args(b, type, &args);
    if (status == STATUS_OK) {
        status = build_emit_list(b, SSA_CALL, first_result(type), args + 1, type->n_params, funcidx,
                                 &call);
    }
    return status == STATUS_OK ? push_results(b, type, call) : status;
}

struct table_view {
    val_t slots, size;
};

/* The base and size of a table. */
static struct table_view view_table(struct builder *b, uint32_t tableidx)
{
    struct table_view view = {VAL_NONE, VAL_NONE};
    if (!b->is_live) {
        return view;
    }
    int32_t at = b->module->layout.tables[tableidx];
    const struct engine_limit *limit = &b->module->tables[tableidx].limit;
    if (tableidx < b->module->n_table_imports) {
        val_t table = inst_load(b, T_I64, (uint64_t)(int64_t)at, FIELD_FIXED);
        view.slots = ptr_load(b, T_I64, table, offsetof(struct engine_table, slots), FIELD_SIZES);
        view.size = ptr_load(b, T_I32, table, offsetof(struct engine_table, size), FIELD_SIZES);
        return view;
    }
    bool is_fixed = limit->has_max && limit->max == limit->min;
    view.slots = inst_load(b, T_I64, ADD_FIELD(at, slots, engine_table),
                           is_fixed ? FIELD_FIXED : FIELD_SIZES);
    view.size = is_fixed ? build_const(b, T_I32, limit->min)
                         : inst_load(b, T_I32, ADD_FIELD(at, size, engine_table), FIELD_SIZES);
    return view;
}

/* The address of the slot to call through, after all checks. */
static val_t checked_slot(struct builder *b, uint32_t tableidx, uint32_t typeidx, val_t index)
{
    struct table_view table = view_table(b, tableidx);
    val_t is_outside = build_emit2(b, SSA_GE_U, T_I32, index, table.size);
    build_trap_if(b, is_outside, TRAP_TABLE_INDEX);
    if (!b->cx->options->is_unsafe) {
        index = build_emit2(b, SSA_INDEX_MASK, T_I32, index, table.size);
    }
    val_t wide = build_emit1(b, SSA_EXTEND_U, T_I64, index);
    val_t scaled = build_emit2(b, SSA_SHL, T_I64, wide, build_const(b, T_I64, 4));
    val_t slot = build_emit2(b, SSA_ADD, T_I64, table.slots, scaled);
    if (!b->cx->options->is_unsafe) {
        int64_t id_at = (int64_t)b->module->layout.types + 4 * (int64_t)typeidx;
        val_t found =
            ptr_load(b, T_I32, slot, offsetof(struct engine_func_slot, type_id), FIELD_SIZES);
        val_t wanted = inst_load(b, T_I32, (uint64_t)id_at, FIELD_FIXED);
        val_t is_other = build_emit2(b, SSA_NE, T_I32, found, wanted);
        build_trap_if(b, is_other, TRAP_INDIRECT_TYPE);
    }
    return slot;
}

status_t build_call_indirect(struct builder *b)
{
    uint32_t typeidx, tableidx;
    val_t index, call;
    status_t status = read_index(b, b->module->n_types, "type", &typeidx);
    if (status == STATUS_OK) {
        status = read_index(b, b->module->n_tables, "table", &tableidx);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (b->module->tables[tableidx].reftype != VALTYPE_FUNCREF) {
        return build_fail(b, ERR_INVALID, "type mismatch: call_indirect through a table of %s",
                          wasm_valtype_text(b->module->tables[tableidx].reftype));
    }
    const struct engine_functype *type = &b->module->types[typeidx];
    uint32_t *args;
    status = build_pop(b, VALTYPE_I32, &index);
    if (status == STATUS_OK) {
        status = pop_args(b, type, &args);
    }
    if (status == STATUS_OK) {
        args[0] = checked_slot(b, tableidx, typeidx, index).i;
        status = build_emit_list(b, SSA_CALL_SLOT, first_result(type), args, type->n_params + 1,
                                 typeidx, &call);
    }
    return status == STATUS_OK ? push_results(b, type, call) : status;
}

/* ---- Globals ---- */

/* A constant's value is known when compiling if it isn't another global's. */
static val_t constant_global(struct builder *b, const struct engine_global *global)
{
    val_t v = VAL_NONE;
    if (b->is_live && !global->type.is_mutable && global->init.kind == INIT_BITS) {
        v = ssa_const(b->fn, wasm_ssa_type(global->type.valtype), global->init.bits);
    }
    return v;
}

status_t build_global_get(struct builder *b)
{
    uint32_t index;
    status_t status = read_index(b, b->module->n_globals, "global", &index);
    if (status != STATUS_OK) {
        return status;
    }
    const struct engine_global *global = &b->module->globals[index];
    enum ssa_type type = wasm_ssa_type(global->type.valtype);
    uint64_t at = (uint64_t)(int64_t)b->module->layout.globals[index];
    enum ssa_field field = global->type.is_mutable ? FIELD_GLOBAL : FIELD_FIXED;
    val_t v = VAL_NONE;
    if (index < b->module->n_global_imports) {
        v = ptr_load(b, type, inst_load(b, T_I64, at, FIELD_FIXED), 0, field);
    } else {
        v = constant_global(b, global);
        if (v.i == 0) {
            v = inst_load(b, type, at, field);
        }
    }
    build_push(b, global->type.valtype, v);
    return STATUS_OK;
}

status_t build_global_set(struct builder *b)
{
    uint32_t index;
    val_t v;
    status_t status = read_index(b, b->module->n_globals, "global", &index);
    if (status != STATUS_OK) {
        return status;
    }
    const struct engine_global *global = &b->module->globals[index];
    if (!global->type.is_mutable) {
        return build_fail(b, ERR_INVALID, "global is immutable: global.set %u", index);
    }
    status = build_pop(b, global->type.valtype, &v);
    uint64_t at = (uint64_t)(int64_t)b->module->layout.globals[index];
    if (index < b->module->n_global_imports) {
        val_t address = inst_load(b, T_I64, at, FIELD_FIXED);
        build_emit(b, SSA_PTR_STORE, T_VOID, address, v, VAL_NONE, 0, FIELD_GLOBAL);
    } else {
        build_emit(b, SSA_INST_STORE, T_VOID, v, VAL_NONE, VAL_NONE, at, FIELD_GLOBAL);
    }
    return status;
}

/* ---- Tables and references ---- */

static status_t table_get_set(struct builder *b, uint32_t opcode, uint32_t tableidx)
{
    uint8_t reftype = b->module->tables[tableidx].reftype;
    val_t index, value = VAL_NONE, v;
    status_t status = STATUS_OK;
    if (opcode == OP_TABLE_SET) {
        status = build_pop(b, reftype, &value);
    }
    if (status == STATUS_OK) {
        status = build_pop(b, VALTYPE_I32, &index);
    }
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t table = build_const(b, T_I32, tableidx).i;
    if (opcode == OP_TABLE_SET) {
        uint32_t args[3] = {index.i, value.i, table};
        return build_helper(b, ENGINE_HELPER_TABLE_SET, T_VOID, args, 3, &v);
    }
    uint32_t args[2] = {table, index.i};
    status = build_helper(b, ENGINE_HELPER_TABLE_GET, T_I64, args, 2, &v);
    build_push(b, reftype, v);
    return status;
}

static status_t table_grow_fill(struct builder *b, uint32_t opcode, uint32_t tableidx)
{
    val_t n, value, index = VAL_NONE, v;
    status_t status = build_pop(b, VALTYPE_I32, &n);
    if (status == STATUS_OK) {
        status = build_pop(b, b->module->tables[tableidx].reftype, &value);
    }
    if (status == STATUS_OK && opcode == OP_TABLE_FILL) {
        status = build_pop(b, VALTYPE_I32, &index);
    }
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t table = build_const(b, T_I32, tableidx).i;
    if (opcode == OP_TABLE_FILL) {
        uint32_t args[4] = {index.i, value.i, n.i, table};
        return build_helper(b, ENGINE_HELPER_TABLE_FILL, T_VOID, args, 4, &v);
    }
    uint32_t args[3] = {value.i, n.i, table};
    status = build_helper(b, ENGINE_HELPER_TABLE_GROW, T_I32, args, 3, &v);
    build_push(b, VALTYPE_I32, v);
    return status;
}

/* Pops n, src, dst and asks the helper; the indices are constants behind them. */
static status_t table_bulk(struct builder *b, uint32_t helper, uint32_t index1, uint32_t index2)
{
    val_t args[3], v;
    status_t status = STATUS_OK;
    for (uint32_t i = 3; status == STATUS_OK && i-- > 0;) {
        status = build_pop(b, VALTYPE_I32, &args[i]);
    }
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t list[5] = {args[0].i, args[1].i, args[2].i, build_const(b, T_I32, index1).i,
                        build_const(b, T_I32, index2).i};
    return build_helper(b, helper, T_VOID, list, 5, &v);
}

static status_t table_init(struct builder *b)
{
    uint32_t elemidx, tableidx;
    status_t status = reader_u32(&b->r, &elemidx);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    status = read_index(b, b->module->n_tables, "table", &tableidx);
    if (status != STATUS_OK) {
        return status;
    }
    if (elemidx >= b->module->n_elems) {
        return build_fail(b, ERR_INVALID, "unknown elem segment %u", elemidx);
    }
    if (b->module->elems[elemidx].reftype != b->module->tables[tableidx].reftype) {
        return build_fail(b, ERR_INVALID, "type mismatch: table.init of table %u with elements %u",
                          tableidx, elemidx);
    }
    return table_bulk(b, ENGINE_HELPER_TABLE_INIT, elemidx, tableidx);
}

static status_t table_copy(struct builder *b)
{
    uint32_t dst, src;
    status_t status = read_index(b, b->module->n_tables, "table", &dst);
    if (status == STATUS_OK) {
        status = read_index(b, b->module->n_tables, "table", &src);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (b->module->tables[dst].reftype != b->module->tables[src].reftype) {
        return build_fail(b, ERR_INVALID, "type mismatch: table.copy between tables %u and %u", dst,
                          src);
    }
    return table_bulk(b, ENGINE_HELPER_TABLE_COPY, dst, src);
}

static status_t elem_drop(struct builder *b)
{
    uint32_t elemidx;
    val_t v;
    status_t status = read_index(b, b->module->n_elems, "elem segment", &elemidx);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t arg = build_const(b, T_I32, elemidx).i;
    return build_helper(b, ENGINE_HELPER_ELEM_DROP, T_VOID, &arg, 1, &v);
}

status_t build_table_op(struct builder *b, uint32_t opcode)
{
    if (opcode == OP_TABLE_INIT) {
        return table_init(b);
    }
    if (opcode == OP_TABLE_COPY) {
        return table_copy(b);
    }
    if (opcode == OP_ELEM_DROP) {
        return elem_drop(b);
    }
    uint32_t tableidx;
    status_t status = read_index(b, b->module->n_tables, "table", &tableidx);
    if (status != STATUS_OK) {
        return status;
    }
    if (opcode == OP_TABLE_SIZE) {
        build_push(b, VALTYPE_I32, view_table(b, tableidx).size);
        return STATUS_OK;
    }
    return opcode == OP_TABLE_GET || opcode == OP_TABLE_SET ? table_get_set(b, opcode, tableidx)
                                                            : table_grow_fill(b, opcode, tableidx);
}

static status_t ref_func(struct builder *b)
{
    uint32_t funcidx;
    val_t v;
    status_t status = read_index(b, b->module->n_funcs, "function", &funcidx);
    if (status != STATUS_OK) {
        return status;
    }
    if ((b->module->declared_funcs[funcidx / 64] >> (funcidx % 64) & 1) == 0) {
        return build_fail(b, ERR_INVALID, "undeclared function reference %u", funcidx);
    }
    uint32_t arg = build_const(b, T_I32, funcidx).i;
    status = build_helper(b, ENGINE_HELPER_REF_FUNC, T_I64, &arg, 1, &v);
    build_push(b, VALTYPE_FUNCREF, v);
    return status;
}

status_t build_ref(struct builder *b, uint32_t opcode)
{
    if (opcode == OP_REF_FUNC) {
        return ref_func(b);
    }
    status_t status;
    if (opcode == OP_REF_NULL) {
        uint8_t type;
        status = reader_u8(&b->r, &type);
        if (status != STATUS_OK) {
            return build_reader_fail(b, status);
        }
        if (!wasm_is_reftype(type)) {
            return build_fail(b, ERR_MALFORMED, "malformed reference type 0x%02x", type);
        }
        build_push(b, type, build_const(b, T_I64, 0));
        return STATUS_OK;
    }
    val_t v;
    uint8_t found;
    status = build_pop_any(b, &v, &found);
    if (status == STATUS_OK && found != TYPE_UNKNOWN && !wasm_is_reftype(found)) {
        return build_fail(b, ERR_INVALID, "type mismatch: ref.is_null of %s",
                          wasm_valtype_text(found));
    }
    if (status == STATUS_OK) {
        build_push(b, VALTYPE_I32, build_emit1(b, SSA_EQZ, T_I32, v));
    }
    return status;
}
