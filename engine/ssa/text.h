/*
 * The text form of a function, as print.c writes it and parse.c reads it.
 *
 *   func 12 type 3 (i32, i64) -> (i32)
 *   loop 1: b1                          a loop and its header; "in 1" names a parent other than 0;
 *   loop 2: b4 in 1 calls stores        "calls" and "stores" are has_call and has_store
 *   b0:
 *     v1 = param 0 : i32
 *     v3 = add v1, 5 : i32
 *     jump b1
 *   b1: (b0, b3) loop 1                 predecessors, innermost loop, "cold"; or just "dead"
 *     v4 = phi v3, v9 : i32
 *     store v4 + 16, v3 @0x1a4          address and offset; @ the place in the module
 *     v6 = eq v5, i64 -1 : i32
 *     branch v6, b2, b3 likely
 *
 * A constant stands where it is used. A bare one has the type of the instruction's result, i32 if
 * there is none; another type is named before it. A float is decimal where that is short and
 * exact, otherwise its bits in hexadecimal; a vector is "#" and its 16 bytes in the order of
 * memory. Copies are printed as what they stand for. Instructions without a result have no name:
 * their numbers may change when a text is read back, all others stay.
 *
 * For who writes a text by hand: predecessors may be left out (they are then in ascending order,
 * which is a phi's order); ";" starts a comment; one instruction a line, other blanks don't matter.
 */
#ifndef ENGINE_SSA_TEXT_H
#define ENGINE_SSA_TEXT_H

#include "engine/engine.h"
#include "engine/ssa/ssa.h"

/* What the text of an operation has beside its arguments, in this order. */
enum text_form : uint16_t {
    TEXT_WIDTH = 1,   /* NAME.BITS: sub = log2 of the bytes */
    TEXT_INDEX = 2,   /* imm, a number, before the arguments */
    TEXT_FIELD = 4,   /* the name of sub = enum ssa_field */
    TEXT_PLACE = 8,   /* [imm]: a place in the instance record */
    TEXT_FUNC = 16,   /* fIMM(arguments) */
    TEXT_TYPE = 32,   /* tIMM(arguments) */
    TEXT_HELPER = 64, /* NAME(arguments): helper number imm */
    TEXT_CALL = TEXT_FUNC | TEXT_TYPE | TEXT_HELPER,
    TEXT_OFFSET = 128,   /* the first argument is an address: "v1 + imm" */
    TEXT_NUMBER = 256,   /* imm, a number, after the arguments */
    TEXT_LANE = 512,     /* lane SUB */
    TEXT_SHUFFLE = 1024, /* the bytes of vector constant number imm */
    TEXT_TRAP = 2048,    /* the name of trap number sub */
    TEXT_SUCCS = 4096,   /* the successors */
    TEXT_TABLE = 8192,   /* the successors in the order of the table, the default last */
    TEXT_LIKELY = 16384, /* imm: likely or unlikely */
};

#define TEXT_USES_IMM                                                                              \
    (TEXT_INDEX | TEXT_PLACE | TEXT_CALL | TEXT_OFFSET | TEXT_NUMBER | TEXT_SHUFFLE | TEXT_TABLE)
#define TEXT_USES_SUB (TEXT_WIDTH | TEXT_FIELD | TEXT_LANE | TEXT_TRAP)

#define TEXT_N_FIELDS 4
#define TEXT_N_TRAPS 16
#define TEXT_N_LIKELY 3

extern const uint16_t text_forms[SSA_OP_COUNT];
extern const char *const text_types[T_COUNT];
extern const char *const text_fields[TEXT_N_FIELDS]; /* by enum ssa_field */
extern const char *const text_likely[TEXT_N_LIKELY]; /* by imm of a branch */
extern const char *const text_traps[TEXT_N_TRAPS];   /* by enum engine_trap */
extern const char *const text_helpers[];             /* by enum engine_helper */
extern const uint32_t text_n_helpers;

/*
 * What an operation takes and gives: letters for arguments, '_', a letter for the result.
 *   i I f F v   i32 i64 f32 f64 v128
 *   a           an address: i32 or i64
 *   n           i32 or i64,  r   f32 or f64,  s   any but v128,  t   any
 * n, r, s and t are each the same type wherever they stand in one signature. Null for what has
 * rules of its own (calls, phis, bitcasts, returns). A vector operation's address is an 'i' here.
 */
extern const char *const ssa_signatures[SSA_OP_COUNT];

/* How many lanes sub chooses from, for operations that have one. */
extern const uint8_t ssa_n_lanes[SSA_OP_COUNT];

#endif
