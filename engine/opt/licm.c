/*
 * Loop-invariant code motion: pure instructions whose arguments are defined outside a loop move to
 * the block before it, and on outwards as far as that holds.
 *
 * What LLVM has compiled has had this done; what's left is what the builder put in: loads of
 * instance fields, addresses, sizes. So it is picky: whatever costs nothing where it is used (a
 * comparison fused with its branch, an extension, a load that folds into a comparison) stays, for
 * moving it would only cost a register; and a sum with a constant, which is one cycle, only leaves
 * innermost loops: LLVM has put such sums beside their uses on purpose.
 *
 * A loop's header has one predecessor outside the loop, and that ends in a jump: the builder
 * makes it so.
 */
#include "engine/opt/opt.h"

static uint32_t block_of(const struct ssa_func *fn, uint32_t v)
{
    return fn->insts[v].block;
}

/* Whether v is defined outside of the loop. Constants belong to no block. */
static bool is_outside(const struct ssa_func *fn, uint32_t v, uint32_t loop)
{
    const struct ssa_inst *inst = &fn->insts[v];
    if (inst->op == SSA_CONST || inst->op == SSA_VCONST) {
        return true;
    }
    return !opt_in_loop(fn, fn->blocks[block_of(fn, v)].loop, loop);
}

static bool is_field_fixed(const struct ssa_inst *inst, const struct ssa_loop *loop)
{
    switch (inst->sub) {
    case FIELD_FIXED: return true;
    case FIELD_SIZES: return !loop->has_call;
    case FIELD_SHARED: return false;
    default: return !loop->has_call && !loop->has_store;
    }
}

static bool is_movable(const struct ssa_func *fn, const struct ssa_inst *inst,
                       const struct ssa_loop *loop)
{
    if (inst->op == SSA_INST_LOAD) {
        return inst->type == T_I64 && is_field_fixed(inst, loop);
    }
    if (inst->op == SSA_PTR_LOAD) { /* through a fixed field only: always a good address */
        const struct ssa_inst *address = &fn->insts[inst->arg[0]];
        return address->op == SSA_INST_LOAD && address->sub == FIELD_FIXED && inst->type == T_I64 &&
               is_field_fixed(inst, loop);
    }
    if (inst->op == SSA_ADD && fn->insts[inst->arg[1]].op == SSA_CONST && loop->has_loop) {
        return false; /* an instruction at most; in the whole of a large loop, for a register */
    }
    return ssa_has(inst, SSA_PURE) && !ssa_has(inst, SSA_CMP) && inst->op != SSA_EXTEND_U &&
           inst->op != SSA_COPY && inst->op != SSA_INDEX_MASK && inst->op != SSA_SELECT &&
           inst->op != SSA_INST_ADDR;
}

/* The outermost loop from here that v can leave, or 0. */
static uint32_t loop_to_leave(const struct ssa_func *fn, uint32_t v, uint32_t loop)
{
    struct ssa_inst *inst = &fn->insts[v];
    const uint32_t *args = ssa_args(fn, inst);
    uint32_t n_args = ssa_n_args(inst), leave = 0;
    for (; loop != 0 && is_movable(fn, inst, &fn->loops[loop]); loop = fn->loops[loop].parent) {
        for (uint32_t i = 0; i < n_args; i++) {
            if (!is_outside(fn, args[i], loop)) {
                return leave;
            }
        }
        leave = loop;
    }
    return leave;
}

static void move_before(struct ssa_func *fn, uint32_t v, uint32_t loop)
{
    const struct ssa_block *header = &fn->blocks[fn->loops[loop].header];
    const uint32_t *preds = ssa_preds(fn, header);
    uint32_t before = UINT32_MAX;
    for (uint32_t i = 0; i < header->n_preds; i++) {
        before = preds[i] < before ? preds[i] : before;
    }
    if (fn->blocks[before].n_succs == 1) {
        ssa_unlink(fn, (val_t){v});
        ssa_insert_before(fn, (val_t){fn->blocks[before].last}, (val_t){v});
    }
}

status_t pass_licm(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    for (uint32_t b = 0; b < fn->n_blocks && fn->n_loops > 1; b++) {
        if (fn->blocks[b].loop == 0) {
            continue;
        }
        uint32_t next;
        for (uint32_t v = fn->blocks[b].first; v != 0; v = next) {
            next = fn->insts[v].next;
            struct ssa_inst *inst = &fn->insts[v];
            if (inst->op == SSA_PHI || ssa_has(inst, SSA_END)) {
                continue;
            }
            uint32_t *args = ssa_args(fn, inst);
            uint32_t n_args = ssa_n_args(inst);
            for (uint32_t i = 0; i < n_args; i++) {
                args[i] = ssa_resolve(fn, (val_t){args[i]}).i;
            }
            uint32_t leave = loop_to_leave(fn, v, fn->blocks[b].loop);
            if (leave != 0) {
                move_before(fn, v, leave);
            }
        }
    }
    return STATUS_OK;
}
