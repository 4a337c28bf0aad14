/*
 * Linear memory (wasm 2.0 §4.4.7).
 *
 * With a guard slot an access needs no check: its address is the base plus a 32-bit index plus an
 * offset below the guard's size, and what lies past the memory's end faults. Two cases need an
 * explicit check: offsets that reach past the guard, and dense memories, which are reserved up to
 * their declared maximum only. Both compare the index with a constant.
 *
 * Behind a dense memory is a small guard, so that all accesses with small offsets need the same
 * check of an index: that it is below the maximum. Passes may then leave out the check of an index
 * plus a constant, too, as far as the guard reaches: in the check's imm is how many bytes behind
 * the index it is for.
 */
#include "engine/wasm/build.h"

/* The widest access is 16 bytes; an offset up to this stays within the guard. */
#define OFFSET_MAX (ENGINE_GUARD_BYTES - 16u)
/* Memories with a larger declared maximum have guard slots always. */
#define DENSE_MAX_PAGES 16384u

bool engine_memory_is_dense(const struct engine_module *module, uint8_t memory_kind)
{
    return memory_kind == ENGINE_MEMORY_DENSE && module->n_memory_imports == 0 &&
           module->n_memories != 0 && module->memories[0].has_max &&
           module->memories[0].max <= DENSE_MAX_PAGES;
}

bool engine_memory_has_gap(const struct engine_module *module)
{
    uint64_t max_bytes = (UINT64_C(1) << 32) - ENGINE_MEMORY_GAP_BYTES;
    return module != NULL && module->n_memories != 0 &&
           module->memories[0].min <= max_bytes / ENGINE_PAGE_BYTES;
}

void build_memory_init(struct builder *b)
{
    b->is_dense = engine_memory_is_dense(b->module, b->cx->options->memory_kind);
    b->dense_bytes = b->is_dense ? b->module->memories[0].max * ENGINE_PAGE_BYTES : 0;
}

struct memarg {
    uint32_t offset;
    uint32_t align;
};

static status_t read_memarg(struct builder *b, const struct wasm_op_info *op, struct memarg *out)
{
    status_t status = reader_u32(&b->r, &out->align);
    if (status == STATUS_OK && out->align >= 32) {
        return build_fail(b, ERR_MALFORMED, "malformed memop flags 0x%x", out->align);
    }
    if (status == STATUS_OK) {
        status = reader_u32(&b->r, &out->offset);
    }
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    if (b->module->n_memories == 0) {
        return build_fail(b, ERR_INVALID, "unknown memory 0");
    }
    if (out->align > op->width) {
        return build_fail(b, ERR_INVALID, "alignment must not be larger than natural: 2^%u in %s",
                          out->align, op->text);
    }
    return STATUS_OK;
}

/* Traps unless index + offset + width is at most limit. */
static void check_limit(struct builder *b, val_t index, uint64_t offset, uint32_t n_bytes,
                        uint64_t limit)
{
    val_t is_outside;
    if (offset + n_bytes > limit) {
        is_outside = build_const(b, T_I32, 1);
    } else {
        val_t last = build_const(b, T_I32, limit - offset - n_bytes);
        is_outside = build_emit2(b, SSA_GT_U, T_I32, index, last);
    }
    build_trap_if(b, is_outside, TRAP_MEMORY);
}

/* The check of a dense memory that its guard completes. */
static void check_dense(struct builder *b, val_t index, uint64_t reach)
{
    val_t is_outside =
        build_emit2(b, SSA_GE_U, T_I32, index, build_const(b, T_I32, b->dense_bytes));
    uint64_t bits;
    if (!b->cx->options->is_unsafe && !(ssa_is_const(b->fn, is_outside, &bits) && bits == 0)) {
        build_emit(b, SSA_TRAP_IF, T_VOID, is_outside, VAL_NONE, VAL_NONE, reach, TRAP_MEMORY);
    }
}

/* The address for an access: checked where no guard does it; *offset is what is left to add. */
static val_t check_address(struct builder *b, val_t index, uint32_t n_bytes, uint64_t *offset)
{
    if (!b->is_live) {
        return VAL_NONE;
    }
    uint64_t constant;
    if (ssa_is_const(b->fn, index, &constant) && constant + *offset < OFFSET_MAX) {
        *offset += constant;
        index = ssa_const(b->fn, T_I32, 0);
    }
    if (b->is_dense && b->dense_bytes != 0 && *offset + n_bytes <= ENGINE_DENSE_GUARD_BYTES) {
        check_dense(b, index, *offset + n_bytes);
    } else if (b->is_dense) {
        check_limit(b, index, *offset, n_bytes, b->dense_bytes);
    }
    if (*offset <= OFFSET_MAX) {
        return index;
    }
    if (!b->is_dense) {
        check_limit(b, index, *offset, n_bytes, UINT64_C(1) << 32);
    }
    val_t wide = build_emit1(b, SSA_EXTEND_U, T_I64, index);
    val_t far = build_emit2(b, SSA_ADD, T_I64, wide, build_const(b, T_I64, *offset));
    *offset = 0;
    return far;
}

status_t build_memory(struct builder *b, const struct wasm_op_info *op)
{
    struct memarg memarg;
    uint8_t lane = 0;
    status_t status = read_memarg(b, op, &memarg);
    if (status == STATUS_OK && op->imm == IMM_MEMARG_LANE) {
        status = reader_u8(&b->r, &lane);
        if (status != STATUS_OK) {
            return build_reader_fail(b, status);
        }
        if (lane >= wasm_op_lanes(op)) {
            return build_fail(b, ERR_INVALID, "invalid lane index %u of %s", lane, op->text);
        }
    }
    val_t value = VAL_NONE, index;
    if (status == STATUS_OK && op->n_params == 2) {
        status = build_pop(b, build_valtype(op->params[1]), &value);
    }
    if (status == STATUS_OK) {
        status = build_pop(b, VALTYPE_I32, &index);
    }
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t offset = memarg.offset;
    val_t address = check_address(b, index, 1u << op->width, &offset);
    val_t v = build_emit(b, op->ssa, op->result, address, value, VAL_NONE, offset, lane);
    if (op->result != T_VOID) {
        build_push(b, build_valtype(op->result), v);
    }
    return STATUS_OK;
}

/* ---- Atomics (threads proposal), on memories that are not shared ---- */

static status_t build_fence(struct builder *b)
{
    uint8_t zero;
    status_t status = reader_u8(&b->r, &zero);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    if (zero != 0) {
        return build_fail(b, ERR_MALFORMED, "zero byte expected");
    }
    build_emit(b, SSA_ATOMIC_FENCE, T_VOID, VAL_NONE, VAL_NONE, VAL_NONE, 0, 0);
    return STATUS_OK;
}

/* The helpers that wait and wake take the index and the offset, and check both. */
static status_t build_wait_notify(struct builder *b, uint32_t opcode, const val_t *args,
                                  uint32_t offset, val_t *out)
{
    uint32_t helper = opcode == OP_MEMORY_ATOMIC_NOTIFY   ? ENGINE_HELPER_ATOMIC_NOTIFY
                      : opcode == OP_MEMORY_ATOMIC_WAIT32 ? ENGINE_HELPER_ATOMIC_WAIT32
                                                          : ENGINE_HELPER_ATOMIC_WAIT64;
    uint32_t list[4] = {args[0].i, build_const(b, T_I64, offset).i, args[1].i, args[2].i};
    return build_helper(b, helper, T_I32, list, helper == ENGINE_HELPER_ATOMIC_NOTIFY ? 3 : 4, out);
}

status_t build_atomic(struct builder *b, uint32_t opcode, const struct wasm_op_info *op)
{
    if (opcode == OP_ATOMIC_FENCE) {
        return build_fence(b);
    }
    struct memarg memarg;
    val_t args[3] = {VAL_NONE, VAL_NONE, VAL_NONE};
    status_t status = read_memarg(b, op, &memarg);
    if (status == STATUS_OK && memarg.align != op->width) {
        return build_fail(b, ERR_INVALID, "alignment must be natural: 2^%u in %s", memarg.align,
                          op->text);
    }
    for (uint32_t i = op->n_params; status == STATUS_OK && i-- > 0;) {
        status = build_pop(b, build_valtype(op->params[i]), &args[i]);
    }
    if (status != STATUS_OK) {
        return status;
    }
    val_t v = VAL_NONE;
    if (op->ssa == SSA_NOP) {
        status = build_wait_notify(b, opcode, args, memarg.offset, &v);
    } else if (b->is_live) {
        uint64_t offset = memarg.offset;
        val_t low = build_emit2(b, SSA_ADD, T_I32, args[0], build_const(b, T_I32, offset));
        val_t mask = build_const(b, T_I32, (1u << op->width) - 1);
        val_t unaligned = build_emit2(b, SSA_AND, T_I32, low, mask);
        build_trap_if(b, unaligned, TRAP_UNALIGNED);
        val_t address = check_address(b, args[0], 1u << op->width, &offset);
        v = build_emit(b, op->ssa, op->result, address, args[1], args[2], offset, op->width);
    }
    if (op->result != T_VOID) {
        build_push(b, build_valtype(op->result), v);
    }
    return status;
}

/* ---- Size, grow, bulk ---- */

static status_t read_memory_index(struct builder *b)
{
    uint8_t index;
    status_t status = reader_u8(&b->r, &index);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    if (index != 0) {
        return build_fail(b, ERR_MALFORMED, "zero byte expected");
    }
    if (b->module->n_memories == 0) {
        return build_fail(b, ERR_INVALID, "unknown memory 0");
    }
    return STATUS_OK;
}

#define INSTANCE_FIELD(field)                                                                      \
    (uint64_t)((int64_t)offsetof(struct engine_instance, field) -                                  \
               (int64_t)sizeof(struct engine_instance))

status_t build_memory_size(struct builder *b)
{
    status_t status = read_memory_index(b);
    if (status != STATUS_OK) {
        return status;
    }
    val_t bytes;
    if (compile_memory_is_imported(b->cx)) {
        val_t memory = build_emit(b, SSA_INST_LOAD, T_I64, VAL_NONE, VAL_NONE, VAL_NONE,
                                  INSTANCE_FIELD(imported_memory), FIELD_FIXED);
        bytes = build_emit(b, SSA_PTR_LOAD, T_I64, memory, VAL_NONE, VAL_NONE,
                           offsetof(struct engine_memory, size_bytes), FIELD_SIZES);
    } else {
        bytes = build_emit(b, SSA_INST_LOAD, T_I64, VAL_NONE, VAL_NONE, VAL_NONE,
                           INSTANCE_FIELD(memory_size), FIELD_SIZES);
    }
    val_t pages = build_emit2(b, SSA_SHR_U, T_I64, bytes, build_const(b, T_I64, 16));
    build_push(b, VALTYPE_I32, build_emit1(b, SSA_WRAP, T_I32, pages));
    return STATUS_OK;
}

status_t build_memory_grow(struct builder *b)
{
    val_t delta, v;
    status_t status = read_memory_index(b);
    if (status == STATUS_OK) {
        status = build_pop(b, VALTYPE_I32, &delta);
    }
    if (status == STATUS_OK) {
        status = build_helper(b, ENGINE_HELPER_MEMORY_GROW, T_I32, &delta.i, 1, &v);
    }
    if (status == STATUS_OK) {
        build_push(b, VALTYPE_I32, v);
    }
    return status;
}

static status_t read_data_index(struct builder *b, uint32_t *dataidx)
{
    status_t status = reader_u32(&b->r, dataidx);
    if (status != STATUS_OK) {
        return build_reader_fail(b, status);
    }
    if (!b->module->has_data_count) {
        return build_fail(b, ERR_MALFORMED, "data count section required");
    }
    if (*dataidx >= b->module->n_datas) {
        return build_fail(b, ERR_INVALID, "unknown data segment %u", *dataidx);
    }
    return STATUS_OK;
}

status_t build_bulk(struct builder *b, uint32_t opcode)
{
    uint32_t dataidx = 0, helper = ENGINE_HELPER_MEMORY_FILL;
    status_t status = STATUS_OK;
    if (opcode == OP_MEMORY_INIT || opcode == OP_DATA_DROP) {
        status = read_data_index(b, &dataidx);
        helper = ENGINE_HELPER_MEMORY_INIT;
    }
    if (status == STATUS_OK && opcode == OP_MEMORY_COPY) {
        status = read_memory_index(b);
        helper = ENGINE_HELPER_MEMORY_COPY;
    }
    if (status == STATUS_OK && opcode != OP_DATA_DROP) {
        status = read_memory_index(b);
    }
    val_t args[3], v, index = build_const(b, T_I32, dataidx);
    if (status == STATUS_OK && opcode == OP_DATA_DROP) {
        return build_helper(b, ENGINE_HELPER_DATA_DROP, T_VOID, &index.i, 1, &v);
    }
    for (uint32_t i = 3; status == STATUS_OK && i-- > 0;) {
        status = build_pop(b, VALTYPE_I32, &args[i]);
    }
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t list[4] = {args[0].i, args[1].i, args[2].i, index.i};
    return build_helper(b, helper, T_VOID, list, opcode == OP_MEMORY_INIT ? 4 : 3, &v);
}
