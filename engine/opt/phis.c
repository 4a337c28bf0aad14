/*
 * Removes phis that are no choice: all arguments are one value, or the phi itself.
 *
 * Loops are built with a phi for every local that is set in them; many of these turn out to be
 * set to what they were. Removing one may make another trivial, so it goes on while it finds any,
 * with a bound; what is left over costs a register at most.
 */
#include "engine/opt/opt.h"

#define ROUNDS_MAX 8

/* The one value that a phi always is, or none. */
static val_t only_value(const struct ssa_func *fn, uint32_t phi)
{
    const struct ssa_inst *inst = &fn->insts[phi];
    val_t only = VAL_NONE;
    for (uint32_t i = 0; i < inst->arg[1]; i++) {
        val_t arg = ssa_resolve(fn, (val_t){fn->pool[inst->arg[0] + i]});
        if (arg.i == phi || arg.i == only.i) {
            continue;
        }
        if (only.i != 0) {
            return VAL_NONE;
        }
        only = arg;
    }
    return only;
}

static bool remove_trivial(struct ssa_func *fn)
{
    bool has_changed = false;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        uint32_t next;
        for (uint32_t v = fn->blocks[b].first; v != 0 && fn->insts[v].op == SSA_PHI; v = next) {
            next = fn->insts[v].next;
            val_t only = only_value(fn, v);
            if (only.i != 0) {
                ssa_remove(fn, (val_t){v}, only);
                has_changed = true;
            }
        }
    }
    return has_changed;
}

status_t pass_phis(struct compile *cx)
{
    for (uint32_t i = 0; i < ROUNDS_MAX && remove_trivial(cx->fn); i++) {
    }
    return STATUS_OK;
}
