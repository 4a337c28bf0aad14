/*
 * Frames: what is on the stack, and where it is made.
 *
 * From high addresses to low: return address, callee-saved registers, spill slots, outgoing
 * arguments. A function that can leave early, before it has called or saved anything, makes its
 * frame only where it goes on: blocks at the beginning that need none run without ("shrink
 * wrapping", Chow 1988, in its simplest form). Such blocks are entered from such blocks only, are
 * in no loop, and the frame is made at the start of each block that follows them.
 *
 * A backtrace has to know: positions in frameless code carry POSITION_FRAMELESS.
 */
#include "engine/target/x86_64/encode.h"

#include <string.h>

#define PLAN_ROUNDS_MAX 8

static const uint8_t callee_saved[] = {RBX, RBP, R12, R13, R14};

/* ---- Which blocks need a frame ---- */

static bool uses_frame(const struct enc *e, const struct mir_inst *inst)
{
    if ((inst->flags & MIR_CALL) != 0 || inst->op == X86_CALL || inst->op == X86_CALL_MEM ||
        inst->op == X86_CALL_HELPER || inst->op == X86_MFENCE || inst->sub[1] == MODE_OUT ||
        inst->sub[1] == MODE_IN) {
        return true;
    }
    for (uint32_t k = 0; k < inst->n_operands; k++) {
        uint8_t loc = e->mf->operands[inst->first + k].loc;
        if (loc == LOC_STACK || (loc < 64 && (e->mf->used_callee_saved >> loc & 1) != 0)) {
            return true;
        }
    }
    return false;
}

static bool moves_in_frame(const struct enc *e, const struct mir_move *move)
{
    uint64_t saved = e->mf->used_callee_saved;
    return move->from == LOC_STACK || move->to == LOC_STACK ||
           (move->from < 64 && (saved >> move->from & 1) != 0) ||
           (move->to < 64 && (saved >> move->to & 1) != 0);
}

/* Blocks that need a frame for themselves are FRAME_HELD; true if some other one returns. */
static bool find_needs(struct enc *e)
{
    const struct mir_func *mf = e->mf;
    uint32_t move = 0;
    bool has_early_return = false;
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        const struct mir_block *block = &mf->blocks[b];
        bool needs = block->loop_depth != 0;
        for (uint32_t i = block->first; i < block->end && !needs; i++) {
            needs = uses_frame(e, &mf->insts[i]);
        }
        while (move < mf->n_moves && mf->moves[move].before < block->end) {
            needs = needs || moves_in_frame(e, &mf->moves[move]);
            move++;
        }
        e->frame_of[b] = needs ? FRAME_HELD : FRAME_NONE;
        bool returns = block->end > block->first && mf->insts[block->end - 1].op == X86_RET;
        has_early_return = has_early_return || (returns && !needs);
    }
    return has_early_return;
}

/* One round of: frameless blocks follow frameless blocks only, and a block has all its frameless
 * predecessors or none. True if something changed. */
static bool settle(struct enc *e)
{
    const struct mir_func *mf = e->mf;
    bool has_changed = false;
    for (uint32_t b = 1; b < mf->n_blocks; b++) {
        const struct mir_block *block = &mf->blocks[b];
        const uint32_t *preds = &mf->preds[block->preds_start];
        uint32_t n_frameless = 0;
        for (uint32_t k = 0; k < block->n_preds; k++) {
            n_frameless += e->frame_of[preds[k]] == FRAME_NONE;
        }
        if (n_frameless == block->n_preds) {
            continue;
        }
        has_changed = has_changed || e->frame_of[b] == FRAME_NONE || n_frameless != 0;
        e->frame_of[b] = FRAME_HELD;
        for (uint32_t k = 0; k < block->n_preds; k++) {
            e->frame_of[preds[k]] = FRAME_HELD;
        }
    }
    return has_changed;
}

static bool has_frameless_return(const struct enc *e)
{
    const struct mir_func *mf = e->mf;
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        const struct mir_block *block = &mf->blocks[b];
        if (e->frame_of[b] == FRAME_NONE && block->end > block->first &&
            mf->insts[block->end - 1].op == X86_RET) {
            return true;
        }
    }
    return false;
}

static bool plan_late_frame(struct enc *e)
{
    bool is_large = e->rsp_bytes + 8 * e->n_pushes > ENGINE_STACK_GUARD_BYTES / 2;
    if (is_large || (e->n_pushes == 0 && e->rsp_bytes == 0) || !find_needs(e) ||
        e->frame_of[0] == FRAME_HELD) {
        return false;
    }
    uint32_t rounds = 0;
    while (settle(e)) {
        if (++rounds == PLAN_ROUNDS_MAX) {
            return false;
        }
    }
    return e->frame_of[0] == FRAME_NONE && has_frameless_return(e);
}

/* The first framed blocks behind frameless ones make the frame. */
static void mark_makers(struct enc *e)
{
    const struct mir_func *mf = e->mf;
    for (uint32_t b = 1; b < mf->n_blocks; b++) {
        const struct mir_block *block = &mf->blocks[b];
        if (e->frame_of[b] == FRAME_HELD && block->n_preds != 0 &&
            e->frame_of[mf->preds[block->preds_start]] == FRAME_NONE) {
            e->frame_of[b] = FRAME_MADE;
        }
    }
}

static void layout_frame(struct enc *e)
{
    const struct mir_func *mf = e->mf;
    e->n_pushes = (uint32_t)__builtin_popcountll(mf->used_callee_saved & 0xffff);
    e->spill_at = (int32_t)((mf->out_args_bytes + 15) & ~15u);
    e->rsp_bytes = (uint32_t)e->spill_at + mf->spill_bytes;
    bool is_aligned = (8 + 8 * e->n_pushes + e->rsp_bytes) % 16 == 0;
    if (!is_aligned && (mf->has_calls || mf->spill_bytes != 0)) {
        e->rsp_bytes += 8;
    }
}

status_t enc_plan_frame(struct enc *e)
{
    const struct mir_func *mf = e->mf;
    layout_frame(e);
    e->frame_of = arena_array(e->cx->scratch, mf->n_blocks + 1, 1);
    if (e->frame_of == NULL) {
        return ERR_NO_MEMORY;
    }
    if (plan_late_frame(e)) {
        mark_makers(e);
    } else {
        memset(e->frame_of, FRAME_HELD, mf->n_blocks + 1);
        e->frame_of[0] = FRAME_MADE;
    }
    return STATUS_OK;
}

/* ---- Making and leaving it ---- */

/* Compares what rsp will be with the limit: the guard below the stack is only so large. */
static void check_stack(struct enc *e, uint32_t frame_bytes)
{
    int32_t limit = (int32_t)offsetof(struct engine_instance, stack_limit) -
                    (int32_t)sizeof(struct engine_instance);
    const struct engine_module *module = e->cx->module;
    uint32_t pos = module != NULL ? module->funcs[e->cx->funcidx].body_offset : 0;
    asm_lea(&e->a, R11, asm_mem(RSP, -(int32_t)frame_bytes), 1);
    asm_simple(&e->a, 0x3b, 1, R11, asm_mem(R15, limit));
    enc_jcc(e, CC_B, enc_trap(e, TRAP_STACK, pos | POSITION_FRAMELESS));
}

void enc_prologue(struct enc *e)
{
    uint32_t frame_bytes = e->rsp_bytes + 8 * e->n_pushes;
    if (frame_bytes > ENGINE_STACK_GUARD_BYTES / 2 && !e->cx->options->is_unsafe) {
        check_stack(e, frame_bytes);
    }
    for (uint32_t i = 0; i < sizeof callee_saved; i++) {
        if (e->mf->used_callee_saved >> callee_saved[i] & 1) {
            asm_push(&e->a, callee_saved[i]);
        }
    }
    asm_adjust_rsp(&e->a, -(int32_t)e->rsp_bytes);
}

void enc_epilogue(struct enc *e)
{
    if (e->frame_of[e->block] != FRAME_NONE) {
        asm_adjust_rsp(&e->a, (int32_t)e->rsp_bytes);
        for (uint32_t i = sizeof callee_saved; i-- > 0;) {
            if (e->mf->used_callee_saved >> callee_saved[i] & 1) {
                asm_pop(&e->a, callee_saved[i]);
            }
        }
    }
    asm_byte(&e->a, 0xc3);
}

uint32_t enc_pos(const struct enc *e, uint32_t wasm)
{
    bool is_frameless = e->frame_of != NULL && e->frame_of[e->block] == FRAME_NONE;
    return wasm != 0 && is_frameless ? wasm | POSITION_FRAMELESS : wasm;
}
