/*
 * Prints machine instructions: mir_print.h has the form.
 *
 * Its readers look for faults, so it prints code that isn't right, too.
 */
#include "engine/ra/mir_print.h"

#include "base/format.h"
#include "engine/ra/ra.h"

struct printer {
    const struct mir_func *mf;
    const struct ra_machine *machine;
    const char *(*op_name)(uint16_t op);
    const struct ssa_text *to;
    uint32_t next_move;
};

[[gnu::format(printf, 2, 3)]] static void put(struct printer *p, const char *fmt, ...)
{
    char text[128];
    va_list args;
    va_start(args, fmt);
    size_t n = format_args(text, sizeof text, fmt, args);
    va_end(args);
    p->to->put(p->to->ctx, text, n < sizeof text ? n : sizeof text - 1);
}

static void put_place(struct printer *p, uint8_t loc, uint32_t vreg)
{
    if (loc < 64) {
        put(p, "%s", p->machine->names[loc]);
    } else if (loc == LOC_STACK) {
        int32_t slot = vreg < p->mf->n_vregs ? p->mf->vregs[vreg].slot : -1;
        bool is_incoming = slot >= MIR_SLOT_INCOMING;
        put(p, "%s %d", is_incoming ? "incoming" : "slot",
            is_incoming ? slot - MIR_SLOT_INCOMING : slot);
    } else {
        put(p, loc == LOC_CONST ? "const" : "?");
    }
}

static void put_vreg(struct printer *p, uint32_t v)
{
    const struct vreg *vreg = &p->mf->vregs[v];
    if (v >= p->mf->n_vregs) {
        put(p, "v%u!", v);
    } else if (vreg_is_const(vreg)) {
        put(p, "v%u{%llx}", v, (unsigned long long)vreg->imm);
    } else {
        put(p, "v%u%s", v, vreg->class == CLASS_VEC ? "x" : "");
    }
}

static void put_move(struct printer *p, const struct mir_move *move)
{
    put(p, "    [");
    put_place(p, move->from, move->vreg);
    put(p, move->is_swap ? " <-> " : " -> ");
    bool is_between = move->from >= 64 && move->to >= 64;
    put_place(p, move->to, is_between ? move->vreg_to : move->vreg);
    put(p, "  ");
    put_vreg(p, move->vreg);
    if (is_between && move->vreg != move->vreg_to) {
        put(p, " to ");
        put_vreg(p, move->vreg_to);
    }
    put(p, "]\n");
}

static void put_operand(struct printer *p, const struct mir_operand *op)
{
    static const char *const kinds[] = {
        [OPERAND_USE] = "",
        [OPERAND_USE_FIXED] = "=",
        [OPERAND_USE_ANY] = " any",
        [OPERAND_DEF] = "",
        [OPERAND_DEF_FIXED] = "=",
        [OPERAND_DEF_TIED] = " tied ",
        [OPERAND_EARLY_DEF] = " early",
        [OPERAND_TEMP] = "",
        [OPERAND_TEMP_FIXED] = "=",
    };
    bool is_fixed = op->kind == OPERAND_USE_FIXED || op->kind == OPERAND_DEF_FIXED ||
                    op->kind == OPERAND_TEMP_FIXED;
    put(p, "%s", operand_is_def(op) ? " def " : op->kind >= OPERAND_TEMP ? " temp " : " ");
    if (op->kind < OPERAND_TEMP) {
        put_vreg(p, op->vreg);
    }
    put(p, "%s", op->kind <= OPERAND_TEMP_FIXED ? kinds[op->kind] : "?");
    if (is_fixed && op->reg < 64) {
        put(p, "%s", p->machine->names[op->reg]);
    } else if (op->kind == OPERAND_DEF_TIED) {
        put(p, "%u", op->reg);
    }
    if (op->loc != LOC_NONE) {
        put(p, ":");
        put_place(p, op->loc, op->vreg);
    }
}

static void put_inst(struct printer *p, uint32_t i)
{
    const struct mir_func *mf = p->mf;
    const struct mir_inst *in = &mf->insts[i];
    while (p->next_move < mf->n_moves && mf->moves[p->next_move].before <= i) {
        put_move(p, &mf->moves[p->next_move++]);
    }
    put(p, "  %u: %s", i, p->op_name(in->op));
    put(p, "%s%s%s", (in->flags & MIR_CALL) != 0 ? " call" : "",
        (in->flags & MIR_COMMUTES) != 0 ? " commutes" : "",
        (in->flags & MIR_MOVE) != 0 ? " move" : "");
    for (uint32_t k = 0; k < in->n_operands; k++) {
        put(p, "%s", k == 0 ? "" : ",");
        put_operand(p, &mf->operands[in->first + k]);
    }
    put(p, "\n");
}

static void put_edges(struct printer *p, const struct mir_block *block)
{
    const struct mir_func *mf = p->mf;
    for (uint32_t e = block->edges_start; e < block->edges_start + block->n_edges; e++) {
        const struct mir_edge *edge = &mf->edges[e];
        put(p, "%s b%u", e == block->edges_start ? "    ->" : ",", edge->to);
        for (uint32_t k = 0; k < mf->blocks[edge->to].n_params; k++) {
            put(p, k == 0 ? "(" : ", ");
            put_vreg(p, mf->edge_args[edge->args_start + k]);
            put(p, k + 1 == mf->blocks[edge->to].n_params ? ")" : "");
        }
    }
    put(p, "%s", block->n_edges == 0 ? "" : "\n");
}

static void put_block(struct printer *p, uint32_t b)
{
    const struct mir_func *mf = p->mf;
    const struct mir_block *block = &mf->blocks[b];
    put(p, "b%u: (", b);
    for (uint32_t k = 0; k < block->n_preds; k++) {
        put(p, "%sb%u", k == 0 ? "" : ", ", mf->preds[block->preds_start + k]);
    }
    put(p, ")");
    if (block->loop_header != UINT32_MAX) {
        put(p, " loop b%u depth %u", block->loop_header, block->loop_depth);
    }
    put(p, "%s\n", block->is_cold ? " cold" : "");
    for (uint32_t k = 0; k < block->n_params; k++) {
        put(p, "%s", k == 0 ? "    params " : ", ");
        put_vreg(p, mf->params[block->params_start + k]);
    }
    put(p, "%s", block->n_params == 0 ? "" : "\n");
    for (uint32_t i = block->first; i < block->end; i++) {
        put_inst(p, i);
    }
    put_edges(p, block);
}

void mir_print(const struct mir_func *mf, const struct ra_machine *machine,
               const char *(*op_name)(uint16_t op), const struct ssa_text *to)
{
    struct printer p = {.mf = mf, .machine = machine, .op_name = op_name, .to = to};
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        put_block(&p, b);
    }
}
