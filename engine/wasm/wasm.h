/*
 * What the files of this folder share: the instructions as data, and how errors are reported.
 *
 * engine_decode() (decode.c and its neighbours) reads a module except for its bodies; build.c
 * validates a body and builds its SSA form. Both read through struct reader (reader.h) and look
 * instructions up here. ops.def and simd.def are the only lists of instructions; the enumeration
 * and the tables are made from them.
 */
#ifndef ENGINE_WASM_WASM_H
#define ENGINE_WASM_WASM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "engine/engine.h"
#include "engine/ssa/ssa.h"
#include "engine/wasm/reader.h"

/* ---- Instructions ---- */

/* An opcode as ops.def numbers them: one byte, or a prefix byte and a number. */
#define WASM_PREFIX_SHIFT 12
#define WASM_PREFIX_FC 0xfcu        /* saturating conversions, bulk memory, tables */
#define WASM_PREFIX_FD 0xfdu        /* vectors */
#define WASM_PREFIX_FE 0xfeu        /* atomics */
#define WASM_OPCODE_NONE UINT32_MAX /* no instruction has it */

enum wasm_opcode : uint32_t {
#define OP(code, name, text, imm, sig, ssa, width) OP_##name = (code),
#include "engine/wasm/ops.def"
#undef OP
};

/* What follows an opcode in the byte stream. */
enum wasm_imm : uint8_t {
    IMM_NONE,
    IMM_BLOCK,         /* a block type: s33 */
    IMM_LABEL,         /* u32 */
    IMM_BR_TABLE,      /* vector of u32, and one more */
    IMM_FUNC,          /* u32 */
    IMM_CALL_INDIRECT, /* typeidx, tableidx */
    IMM_SELECT_T,      /* vector of value types */
    IMM_LOCAL,         /* u32 */
    IMM_GLOBAL,        /* u32 */
    IMM_TABLE,         /* u32 */
    IMM_MEMARG,        /* align u32, offset u32 */
    IMM_MEMARG_LANE,   /* the same, and a lane byte */
    IMM_LANE,          /* a byte */
    IMM_SHUFFLE,       /* 16 lane bytes, each < 32 */
    IMM_MEM,           /* a zero byte */
    IMM_MEM_MEM,       /* two zero bytes */
    IMM_ZERO,          /* a zero byte that stands for nothing yet: atomic.fence */
    IMM_DATA,          /* dataidx */
    IMM_DATA_MEM,      /* dataidx, zero byte */
    IMM_ELEM,          /* elemidx */
    IMM_ELEM_TABLE,    /* elemidx, tableidx */
    IMM_TABLE_TABLE,   /* destination, source */
    IMM_REFTYPE,       /* a byte */
    IMM_I32,           /* s32 */
    IMM_I64,           /* s64 */
    IMM_F32,           /* 4 bytes */
    IMM_F64,           /* 8 bytes */
    IMM_V128,          /* 16 bytes */
};

struct wasm_op_info {
    const char *text;
    uint8_t imm; /* enum wasm_imm */
    uint8_t n_params;
    uint8_t params[3]; /* enum ssa_type */
    uint8_t result;    /* enum ssa_type; T_VOID without one */
    uint8_t width;     /* of a memory access: log2 of its bytes */
    uint16_t ssa;      /* enum ssa_op; SSA_NOP if there is no single one */
    bool is_special;   /* has no fixed signature: params and result mean nothing */
    bool is_defined;
};

/* One table, with a page for the plain opcodes and one for each prefix. */
#define WASM_OPS_PLAIN 256
#define WASM_OPS_FC 32
#define WASM_OPS_FD 512
#define WASM_OPS_FE 128
#define WASM_OPS_COUNT (WASM_OPS_PLAIN + WASM_OPS_FC + WASM_OPS_FD + WASM_OPS_FE)

/* The place of an opcode that ops.def has. */
#define WASM_OP_INDEX(code)                                                                        \
    (((code) & ((1 << WASM_PREFIX_SHIFT) - 1)) +                                                   \
     ((code) >= WASM_PREFIX_FC << WASM_PREFIX_SHIFT ? WASM_OPS_PLAIN : 0) +                        \
     ((code) >= WASM_PREFIX_FD << WASM_PREFIX_SHIFT ? WASM_OPS_FC : 0) +                           \
     ((code) >= WASM_PREFIX_FE << WASM_PREFIX_SHIFT ? WASM_OPS_FD : 0))

extern const struct wasm_op_info wasm_ops[WASM_OPS_COUNT];

/* The pages, indexed by the opcode, or by the number after the prefix once it is known < size. */
static const struct wasm_op_info *const wasm_ops_plain = wasm_ops;
static const struct wasm_op_info *const wasm_ops_fc = wasm_ops + WASM_OPS_PLAIN;
static const struct wasm_op_info *const wasm_ops_fd = wasm_ops + WASM_OPS_PLAIN + WASM_OPS_FC;
static const struct wasm_op_info *const wasm_ops_fe =
    wasm_ops + WASM_OPS_PLAIN + WASM_OPS_FC + WASM_OPS_FD;

const struct wasm_op_info *wasm_op_info_prefixed(uint32_t opcode);

/* NULL if there is no such instruction. */
static inline const struct wasm_op_info *wasm_op_info(uint32_t opcode)
{
    if (opcode >= WASM_OPS_PLAIN) {
        return wasm_op_info_prefixed(opcode);
    }
    return wasm_ops_plain[opcode].is_defined ? &wasm_ops_plain[opcode] : NULL;
}

/*
 * Reads an opcode, of two parts if prefixed. The number of a prefixed one is a u32, padded as it
 * likes (wasm 2.0 §5.4.5); one too large to be any is read as WASM_OPCODE_NONE.
 */
MUST_CHECK static inline status_t reader_opcode(struct reader *r, uint32_t *opcode)
{
    uint8_t byte;
    status_t status = reader_u8(r, &byte);
    if (status != STATUS_OK || byte < WASM_PREFIX_FC || byte > WASM_PREFIX_FE) {
        *opcode = status == STATUS_OK ? byte : WASM_OPCODE_NONE;
        return status;
    }
    uint32_t number;
    status = reader_u32(r, &number);
    if (status != STATUS_OK || number >= 1u << WASM_PREFIX_SHIFT) {
        *opcode = WASM_OPCODE_NONE;
        return status;
    }
    *opcode = (uint32_t)byte << WASM_PREFIX_SHIFT | number;
    return STATUS_OK;
}

/* How many lanes an instruction with a lane immediate chooses from: its text says ("i8x16.…"). */
static inline uint8_t wasm_op_lanes(const struct wasm_op_info *op)
{
    if (op->imm == IMM_MEMARG_LANE) {
        return (uint8_t)(16u >> op->width);
    }
    const char *at = op->text;
    while (*at != 'x') {
        at++;
    }
    uint8_t n = (uint8_t)(at[1] - '0');
    return n == 1 ? 16 : n;
}

/* The type in the compiler of a value type: references are 64-bit integers there. */
static inline enum ssa_type wasm_ssa_type(uint8_t valtype)
{
    switch (valtype) {
    case VALTYPE_I32: return T_I32;
    case VALTYPE_I64:
    case VALTYPE_FUNCREF:
    case VALTYPE_EXTERNREF: return T_I64;
    case VALTYPE_F32: return T_F32;
    case VALTYPE_F64: return T_F64;
    case VALTYPE_V128: return T_V128;
    default: return T_VOID;
    }
}

static inline bool wasm_is_reftype(uint8_t byte)
{
    return byte == VALTYPE_FUNCREF || byte == VALTYPE_EXTERNREF;
}

static inline bool wasm_is_valtype(uint8_t byte)
{
    return (byte >= VALTYPE_V128 && byte <= VALTYPE_I32) || wasm_is_reftype(byte);
}

/* "i32", ..., for messages; "?" if it is none. */
const char *wasm_valtype_text(uint8_t valtype);

/* ---- Errors ---- */

/*
 * A reader's status as the embedder's: ERR_MALFORMED at the reader's place, its text that of the
 * specification's suite. what: what was being read, for people.
 */
MUST_CHECK status_t reader_fail(const struct reader *r, status_t status, const char *what,
                                struct engine_error *error);

/* ---- Modules ---- */

/*
 * Writes the module without its code section and without custom sections other than "name":
 * what an image keeps of it (ENGINE_DECODE_SKELETON reads it back). *len_bytes is the length also
 * if that is more than cap_bytes: then ERR_NO_SPACE, and what is in out means nothing.
 */
MUST_CHECK status_t engine_skeleton(const struct engine_module *module, uint8_t *out,
                                    size_t cap_bytes, size_t *len_bytes);

#endif
