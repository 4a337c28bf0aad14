/*
 * Templates: what stands instead of the call of an import that the embedder has given the code of
 * (engine.h, "A template"). Plain operations, so that the passes treat them as they do all others.
 */
#include <assert.h>
#include <stddef.h>

#include "engine/wasm/build.h"

#define SHARED_AT                                                                                  \
    ((int64_t)offsetof(struct engine_instance, shared) - (int64_t)sizeof(struct engine_instance))

static val_t shared_load(struct builder *b, uint32_t offset)
{
    val_t shared = build_emit(b, SSA_INST_LOAD, T_I64, VAL_NONE, VAL_NONE, VAL_NONE,
                              (uint64_t)SHARED_AT, FIELD_FIXED);
    return build_emit(b, SSA_PTR_LOAD, T_I64, shared, VAL_NONE, VAL_NONE, offset, FIELD_SHARED);
}

/* An instruction of two operands. */
static enum ssa_op binary_op(enum engine_template_op op)
{
    switch (op) {
    case ENGINE_TEMPLATE_ADD: return SSA_ADD;
    case ENGINE_TEMPLATE_SUB: return SSA_SUB;
    case ENGINE_TEMPLATE_SHL: return SSA_SHL;
    case ENGINE_TEMPLATE_MULHI: return SSA_MULHI_U;
    case ENGINE_TEMPLATE_LOAD:
    case ENGINE_TEMPLATE_CYCLES:
    default: return SSA_NOP;
    }
}

status_t build_template(struct builder *b, const struct engine_template *template)
{
    val_t stack[ENGINE_TEMPLATE_MAX];
    uint32_t sp = 0;
    assert(template->n_insts <= ENGINE_TEMPLATE_MAX);
    status_t status = ssa_reserve_insts(b->fn, 4 * ENGINE_TEMPLATE_MAX);
    if (status != STATUS_OK) {
        return build_fail(b, status, "out of memory for a call");
    }
    for (uint32_t i = 0; i < template->n_insts; i++) {
        const struct engine_template_inst *inst = &template->insts[i];
        if (inst->op == ENGINE_TEMPLATE_LOAD) {
            stack[sp++] = shared_load(b, inst->offset);
        } else if (inst->op == ENGINE_TEMPLATE_CYCLES) {
            stack[sp++] = build_emit(b, SSA_CYCLES, T_I64, VAL_NONE, VAL_NONE, VAL_NONE, 0, 0);
        } else {
            assert(sp >= 2);
            sp--;
            stack[sp - 1] = build_emit2(b, binary_op(inst->op), T_I64, stack[sp - 1], stack[sp]);
        }
    }
    assert(sp == 1);
    build_push(b, VALTYPE_I64, stack[0]);
    return STATUS_OK;
}
