/*
 * Instructions as text, for tools: a walk over a body with the table of instructions, without
 * validation. What doesn't decode ends the listing.
 */
#include "base/format.h"
#include "engine/wasm/wasm.h"

#define LINE_BYTES 200u

struct line {
    char text[LINE_BYTES];
    size_t len_bytes;
};

[[gnu::format(printf, 2, 3)]] static void line_add(struct line *line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t room = sizeof line->text - line->len_bytes;
    size_t wanted = format_args(line->text + line->len_bytes, room, fmt, args);
    va_end(args);
    line->len_bytes += wanted < room ? wanted : room - 1;
}

/* n indices, each behind a blank. */
static status_t add_indices(struct reader *r, struct line *line, uint32_t n)
{
    status_t status = STATUS_OK;
    for (uint32_t i = 0; i < n && status == STATUS_OK; i++) {
        uint32_t index;
        status = reader_u32(r, &index);
        if (status == STATUS_OK) {
            line_add(line, " %u", index);
        }
    }
    return status;
}

static status_t add_vector(struct reader *r, struct line *line, uint32_t n_more)
{
    uint32_t n;
    status_t status = reader_u32(r, &n);
    return status != STATUS_OK ? status : add_indices(r, line, n + n_more);
}

static status_t add_bytes(struct reader *r, struct line *line, uint32_t n)
{
    status_t status = STATUS_OK;
    for (uint32_t i = 0; i < n && status == STATUS_OK; i++) {
        uint8_t byte;
        status = reader_u8(r, &byte);
        if (status == STATUS_OK) {
            line_add(line, " %u", byte);
        }
    }
    return status;
}

static status_t skip_bytes(struct reader *r, uint32_t n)
{
    const uint8_t *skipped;
    return reader_bytes(r, n, &skipped);
}

static status_t add_block_type(struct reader *r, struct line *line)
{
    int64_t type;
    status_t status = reader_s33(r, &type);
    if (status == STATUS_OK && type >= 0) {
        line_add(line, " type %u", (uint32_t)type);
    } else if (status == STATUS_OK && type != -64) { /* 0x40: no value */
        line_add(line, " %s", wasm_valtype_text((uint8_t)(type & 0x7f)));
    }
    return status;
}

static status_t add_types(struct reader *r, struct line *line)
{
    uint32_t n;
    status_t status = reader_u32(r, &n);
    for (uint32_t i = 0; i < n && status == STATUS_OK; i++) {
        uint8_t type;
        status = reader_u8(r, &type);
        line_add(line, " %s", status == STATUS_OK ? wasm_valtype_text(type) : "");
    }
    return status;
}

static status_t add_memarg(struct reader *r, struct line *line)
{
    uint32_t align, offset;
    status_t status = reader_u32(r, &align);
    if (status == STATUS_OK) {
        status = reader_u32(r, &offset);
    }
    if (status == STATUS_OK) {
        line_add(line, " align=%u offset=%u", align < 32 ? 1u << align : 0, offset);
    }
    return status;
}

static status_t add_i32(struct reader *r, struct line *line)
{
    int32_t value = 0;
    status_t status = reader_s32(r, &value);
    line_add(line, " %d", value);
    return status;
}

static status_t add_i64(struct reader *r, struct line *line)
{
    int64_t value = 0;
    status_t status = reader_s64(r, &value);
    line_add(line, " %lld", (long long)value);
    return status;
}

static status_t add_f32(struct reader *r, struct line *line)
{
    uint32_t bits = 0;
    status_t status = reader_f32(r, &bits);
    line_add(line, " bits 0x%08x", bits);
    return status;
}

static status_t add_f64(struct reader *r, struct line *line)
{
    uint64_t bits = 0;
    status_t status = reader_f64(r, &bits);
    line_add(line, " bits 0x%016llx", (unsigned long long)bits);
    return status;
}

static status_t add_immediate(struct reader *r, struct line *line, enum wasm_imm imm)
{
    status_t status;
    switch (imm) {
    case IMM_NONE: return STATUS_OK;
    case IMM_BLOCK: return add_block_type(r, line);
    case IMM_BR_TABLE: return add_vector(r, line, 1);
    case IMM_SELECT_T: return add_types(r, line);
    case IMM_LABEL:
    case IMM_FUNC:
    case IMM_LOCAL:
    case IMM_GLOBAL:
    case IMM_TABLE:
    case IMM_DATA:
    case IMM_ELEM: return add_indices(r, line, 1);
    case IMM_CALL_INDIRECT:
    case IMM_ELEM_TABLE:
    case IMM_TABLE_TABLE: return add_indices(r, line, 2);
    case IMM_MEMARG: return add_memarg(r, line);
    case IMM_MEMARG_LANE:
        status = add_memarg(r, line);
        return status != STATUS_OK ? status : add_bytes(r, line, 1);
    case IMM_LANE: return add_bytes(r, line, 1);
    case IMM_SHUFFLE:
    case IMM_V128: return add_bytes(r, line, 16);
    case IMM_MEM:
    case IMM_ZERO: return skip_bytes(r, 1);
    case IMM_MEM_MEM: return skip_bytes(r, 2);
    case IMM_DATA_MEM:
        status = add_indices(r, line, 1);
        return status != STATUS_OK ? status : skip_bytes(r, 1);
    case IMM_REFTYPE: {
        uint8_t type = 0;
        status = reader_u8(r, &type);
        line_add(line, " %s", wasm_valtype_text(type));
        return status;
    }
    case IMM_I32: return add_i32(r, line);
    case IMM_I64: return add_i64(r, line);
    case IMM_F32: return add_f32(r, line);
    case IMM_F64: return add_f64(r, line);
    default: return ERR_INTERNAL;
    }
}

/* The local variables, as the body declares them. */
static status_t list_locals(struct reader *r, const struct engine_listing *listing)
{
    uint32_t offset = (uint32_t)reader_offset(r), n_groups;
    status_t status = reader_u32(r, &n_groups);
    for (uint32_t i = 0; i < n_groups && status == STATUS_OK; i++) {
        struct line line = {};
        uint32_t n;
        uint8_t type;
        status = reader_u32(r, &n);
        if (status == STATUS_OK) {
            status = reader_u8(r, &type);
        }
        if (status == STATUS_OK) {
            line_add(&line, "local %u x %s", n, wasm_valtype_text(type));
            listing->put(listing->ctx, offset, 0, line.text, line.len_bytes);
            offset = (uint32_t)reader_offset(r);
        }
    }
    return status;
}

static status_t list_instruction(struct reader *r, uint32_t *depth,
                                 const struct engine_listing *listing)
{
    struct line line = {};
    uint32_t offset = (uint32_t)reader_offset(r), opcode;
    status_t status = reader_opcode(r, &opcode);
    if (status != STATUS_OK) {
        return status;
    }
    const struct wasm_op_info *op = wasm_op_info(opcode);
    if (op == NULL) {
        return ERR_MALFORMED;
    }
    if ((opcode == OP_END || opcode == OP_ELSE) && *depth > 0) {
        (*depth)--;
    }
    line_add(&line, "%s", op->text);
    status = add_immediate(r, &line, op->imm);
    if (status == STATUS_OK) {
        listing->put(listing->ctx, offset, *depth, line.text, line.len_bytes);
    }
    if (op->imm == IMM_BLOCK || opcode == OP_ELSE) {
        (*depth)++;
    }
    return status;
}

status_t engine_list_body(const struct engine_module *module, uint32_t funcidx,
                          const struct engine_listing *listing)
{
    const struct engine_func *func = &module->funcs[funcidx];
    const uint8_t *body = module->bytes + func->body_offset;
    struct reader r = {.pos = body, .end = body + func->body_len_bytes, .start = module->bytes};
    uint32_t depth = 1;
    status_t status = list_locals(&r, listing);
    while (status == STATUS_OK && r.pos < r.end) {
        status = list_instruction(&r, &depth, listing);
    }
    return status;
}
