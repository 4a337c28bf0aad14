/*
 * Constant folding and algebraic simplification of a single instruction.
 */
#ifndef ENGINE_OPT_FOLD_H
#define ENGINE_OPT_FOLD_H

#include "engine/ssa/ssa.h"

/* fold_inst may make this many constants: reserve room for them before. */
#define FOLD_MAX_NEW 4

/* The largest value that an integer may have, by a short look at its definition. */
uint64_t fold_value_max(const struct ssa_func *fn, val_t v);

/* An i32 as a signed number; false if it may be anything. */
bool fold_value_bounds(const struct ssa_func *fn, val_t v, int64_t *low, int64_t *high);

/* The integer comparison with its arguments exchanged, and the opposite comparison (of floats too, where
 * there is one that NaNs don't tell from it); SSA_NOP if op is no such comparison. */
uint16_t fold_compare_swapped(uint16_t op);
uint16_t fold_compare_inverted(uint16_t op);

/*
 * Simplifies an instruction that need not be in a block: its arguments are looked at through
 * copies. Returns the existing value (or constant) that it equals; or VAL_NONE, and *inst may
 * then have become a simpler instruction over existing values.
 */
val_t fold_inst(struct ssa_func *fn, struct ssa_inst *inst);

#endif
