/*
 * The cheap allocator, for functions too large for the real one.
 *
 * Between instructions every value is in its slot. An instruction's operands get registers for
 * just that instruction: uses are loaded before it, definitions are stored after it. Each
 * instruction is looked at once and nothing is remembered: linear in whatever comes.
 *
 * A value that lives within one block shares slots with others of its kind; the rest have a slot
 * of their own. An argument of an edge goes from slot to slot.
 *
 * How registers are found: first the fixed ones are taken, then tied uses (which must avoid what
 * is written at the end), then the rest. `early` are those taken while uses are read, `late` while
 * definitions are written; a use takes early, a definition late, temporaries both.
 */
#include "engine/ra/ra.h"

#define NOT_LOCAL UINT32_MAX

struct linear {
    struct ra *ra;
    struct mir_func *mf;
    uint32_t *home;         /* by vreg: the block of its definition, NOT_LOCAL if used in another */
    uint32_t *last_use;     /* by vreg: instruction; 0 none */
    int32_t *free_slots[2]; /* of 8 and 16 bytes: stacks of slots of dead local values */
    uint32_t n_free[2];
    regset_t early, late;
};

/* ---- Where values live ---- */

static void see_operands(struct linear *l, uint32_t block, uint32_t inst)
{
    const struct mir_inst *in = &l->mf->insts[inst];
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = &l->mf->operands[in->first + k];
        if (operand_is_def(op)) {
            l->home[op->vreg] = block;
        } else if (operand_is_use(op)) {
            l->home[op->vreg] = l->home[op->vreg] == block ? block : NOT_LOCAL;
            l->last_use[op->vreg] = inst;
        }
    }
}

/* Layout order isn't quite dominance order: a use may be seen before its definition, which then
 * makes it local again; so two rounds, and the second never makes anything local. */
static void find_homes(struct linear *l)
{
    struct mir_func *mf = l->mf;
    for (uint32_t v = 0; v < mf->n_vregs; v++) {
        l->home[v] = NOT_LOCAL;
    }
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        for (uint32_t i = mf->blocks[b].first; i < mf->blocks[b].end; i++) {
            see_operands(l, b, i);
        }
    }
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        for (uint32_t i = mf->blocks[b].first; i < mf->blocks[b].end; i++) {
            const struct mir_inst *in = &mf->insts[i];
            for (uint32_t k = 0; k < in->n_operands; k++) {
                const struct mir_operand *op = &mf->operands[in->first + k];
                if (operand_is_use(op) && l->home[op->vreg] != b) {
                    l->home[op->vreg] = NOT_LOCAL;
                }
            }
        }
    }
}

/* Values that go along edges are not local. */
static void find_edge_homes(struct linear *l)
{
    struct mir_func *mf = l->mf;
    for (uint32_t e = 0; e < mf->n_edges; e++) {
        uint32_t n = mf->blocks[mf->edges[e].to].n_params;
        for (uint32_t k = 0; k < n; k++) {
            l->home[mf->edge_args[mf->edges[e].args_start + k]] = NOT_LOCAL;
        }
    }
}

static uint32_t slot_kind(const struct vreg *vreg)
{
    return vreg->size_bytes == 16;
}

static int32_t slot_new(struct linear *l, uint32_t kind)
{
    if (l->n_free[kind] > 0) {
        return l->free_slots[kind][--l->n_free[kind]];
    }
    uint32_t bytes = kind == 0 ? 8 : 16;
    uint32_t start = (l->ra->spill_bytes + bytes - 1) & ~(bytes - 1);
    l->ra->spill_bytes = start + bytes;
    return (int32_t)start;
}

static void give_slot(struct linear *l, uint32_t v)
{
    struct vreg *vreg = &l->mf->vregs[v];
    if (vreg->slot < 0) {
        vreg->slot = slot_new(l, slot_kind(vreg));
    }
}

/* After its last use, a local value's slot is free. */
static void free_slot(struct linear *l, uint32_t v, uint32_t inst)
{
    struct vreg *vreg = &l->mf->vregs[v];
    if (l->home[v] != NOT_LOCAL && l->last_use[v] <= inst && vreg->slot >= 0) {
        uint32_t kind = slot_kind(vreg);
        l->free_slots[kind][l->n_free[kind]++] = vreg->slot;
        l->home[v] = NOT_LOCAL; /* once */
    }
}

/* Slots of all that isn't local, before any local one: those are reused only among themselves. */
static void place_globals(struct linear *l)
{
    struct mir_func *mf = l->mf;
    for (uint32_t i = 0; i < mf->n_operands; i++) {
        const struct mir_operand *op = &mf->operands[i];
        if (operand_is_def(op) && l->home[op->vreg] == NOT_LOCAL) {
            give_slot(l, op->vreg);
        }
    }
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        for (uint32_t k = 0; k < mf->blocks[b].n_params; k++) {
            uint32_t v = mf->params[mf->blocks[b].params_start + k];
            l->home[v] = NOT_LOCAL;
            give_slot(l, v);
        }
    }
}

/* ---- One instruction ---- */

static struct mir_operand *operand(const struct linear *l, const struct mir_inst *in, uint32_t k)
{
    return &l->mf->operands[in->first + k];
}

static void take(struct linear *l, struct mir_operand *op, uint8_t reg, bool is_early, bool is_late)
{
    op->loc = reg;
    l->ra->used_callee_saved |= reg_bit(reg);
    l->early |= is_early ? reg_bit(reg) : 0;
    l->late |= is_late ? reg_bit(reg) : 0;
}

static void take_free(struct linear *l, struct mir_operand *op, enum reg_class class, bool is_early,
                      bool is_late)
{
    regset_t taken = (is_early ? l->early : 0) | (is_late ? l->late : 0);
    regset_t free = l->ra->machine->allocatable[class] & ~taken;
    assert(free != 0); /* the machine's instructions ask for more registers than there are */
    /* rather one that calls destroy: then it needn't be saved */
    regset_t cheap = free & ~l->ra->machine->callee_saved;
    take(l, op, regset_first(cheap != 0 ? cheap : free), is_early, is_late);
}

static void load(struct linear *l, const struct mir_operand *op, uint32_t inst)
{
    bool is_remat = vreg_is_remat(&l->mf->vregs[op->vreg]);
    ra_move(l->ra, RANK_PLACE,
            (struct mir_move){.before = inst,
                              .vreg = op->vreg,
                              .vreg_to = op->vreg,
                              .from = is_remat ? LOC_CONST : LOC_STACK,
                              .to = op->loc});
}

static void place_fixed(struct linear *l, const struct mir_inst *in)
{
    for (uint32_t k = 0; k < in->n_operands; k++) {
        struct mir_operand *op = operand(l, in, k);
        if (op->kind == OPERAND_USE_FIXED) {
            take(l, op, op->reg, true, false);
        } else if (op->kind == OPERAND_DEF_FIXED) {
            take(l, op, op->reg, false, true);
        } else if (op->kind == OPERAND_TEMP_FIXED) {
            take(l, op, op->reg, true, true);
        }
    }
}

static enum reg_class operand_class(const struct linear *l, const struct mir_operand *op)
{
    return (enum reg_class)l->mf->vregs[op->vreg].class;
}

static void place_tied(struct linear *l, const struct mir_inst *in)
{
    for (uint32_t k = 0; k < in->n_operands; k++) {
        struct mir_operand *def = operand(l, in, k);
        if (def->kind == OPERAND_DEF_TIED) {
            struct mir_operand *use = operand(l, in, def->reg);
            if (use->loc == LOC_NONE) {
                take_free(l, use, operand_class(l, use), true, true);
            }
            take(l, def, use->loc, true, true);
        }
    }
}

static void place_both(struct linear *l, const struct mir_inst *in)
{
    for (uint32_t k = 0; k < in->n_operands; k++) {
        struct mir_operand *op = operand(l, in, k);
        if (op->kind == OPERAND_TEMP) {
            take_free(l, op, (enum reg_class)op->vreg, true, true);
        } else if (op->kind == OPERAND_EARLY_DEF) {
            take_free(l, op, operand_class(l, op), true, true);
        }
    }
}

static void place_rest(struct linear *l, const struct mir_inst *in)
{
    for (uint32_t k = 0; k < in->n_operands; k++) {
        struct mir_operand *op = operand(l, in, k);
        const struct vreg *vreg = &l->mf->vregs[op->vreg];
        bool is_in_memory =
            op->kind == OPERAND_USE_ANY &&
            (!vreg_is_remat(vreg) || (vreg->class == CLASS_VEC && vreg_is_const(vreg)));
        if (op->loc != LOC_NONE) {
            continue;
        }
        if (is_in_memory) {
            op->loc = vreg_is_const(vreg) ? LOC_CONST : LOC_STACK;
        } else if (operand_is_use(op)) {
            take_free(l, op, (enum reg_class)vreg->class, true, false);
        } else {
            take_free(l, op, (enum reg_class)vreg->class, false, true);
        }
    }
}

static void load_uses(struct linear *l, const struct mir_inst *in, uint32_t inst)
{
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = operand(l, in, k);
        if (operand_is_use(op) && op->loc < 64) {
            load(l, op, inst);
        }
    }
}

/* Slots of uses that end here aren't yet free: a use in memory and a definition must differ. */
static void store_defs(struct linear *l, const struct mir_inst *in, uint32_t inst)
{
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = operand(l, in, k);
        if (operand_is_def(op) && !vreg_is_remat(&l->mf->vregs[op->vreg])) {
            assert((in->flags & MIR_END) == 0);
            give_slot(l, op->vreg);
            ra_move(l->ra, RANK_STORE,
                    (struct mir_move){.before = inst + 1,
                                      .vreg = op->vreg,
                                      .vreg_to = op->vreg,
                                      .from = op->loc,
                                      .to = LOC_STACK});
        }
    }
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = operand(l, in, k);
        if (operand_is_def(op) || operand_is_use(op)) {
            free_slot(l, op->vreg, inst);
        }
    }
}

static void place_inst(struct linear *l, uint32_t inst)
{
    const struct mir_inst *in = &l->mf->insts[inst];
    l->early = l->late = 0;
    for (uint32_t k = 0; k < in->n_operands; k++) {
        operand(l, in, k)->loc = LOC_NONE;
    }
    place_fixed(l, in);
    place_tied(l, in);
    place_both(l, in);
    place_rest(l, in);
    load_uses(l, in, inst);
    store_defs(l, in, inst);
}

/* ---- Edges ---- */

static status_t place_edges(struct linear *l, const struct mir_block *block)
{
    struct mir_func *mf = l->mf;
    for (uint32_t e = block->edges_start; e < block->edges_start + block->n_edges; e++) {
        const struct mir_block *to = &mf->blocks[mf->edges[e].to];
        status_t status = parallel_reserve(l->ra, to->n_params);
        if (status != STATUS_OK) {
            return status;
        }
        for (uint32_t k = 0; k < to->n_params; k++) {
            uint32_t arg = mf->edge_args[mf->edges[e].args_start + k];
            bool is_remat = vreg_is_remat(&mf->vregs[arg]);
            parallel_add(l->ra, (struct pair){.from = is_remat ? LOC_CONST : LOC_STACK,
                                              .to = LOC_STACK,
                                              .vreg = arg,
                                              .vreg_to = mf->params[to->params_start + k]});
        }
        bool is_exit = block->n_edges == 1;
        parallel_emit(l->ra, is_exit ? RANK_EXIT : RANK_ENTRY, is_exit ? block->end - 1 : to->first,
                      0);
    }
    return STATUS_OK;
}

/* ---- All ---- */

static status_t linear_init(struct linear *l, struct ra *ra)
{
    uint32_t n = ra->mf->n_vregs;
    *l = (struct linear){.ra = ra, .mf = ra->mf};
    l->home = arena_array(ra->scratch, n, sizeof *l->home);
    l->last_use = arena_zalloc(ra->scratch, n, sizeof *l->last_use);
    l->free_slots[0] = arena_array(ra->scratch, n, sizeof *l->free_slots[0]);
    l->free_slots[1] = arena_array(ra->scratch, n, sizeof *l->free_slots[1]);
    bool is_ok = l->home != NULL && l->last_use != NULL && l->free_slots[0] != NULL &&
                 l->free_slots[1] != NULL;
    return is_ok ? STATUS_OK : ERR_NO_MEMORY;
}

status_t linear_allocate(struct ra *ra)
{
    struct linear l;
    status_t status = linear_init(&l, ra);
    if (status != STATUS_OK) {
        return status;
    }
    struct mir_func *mf = ra->mf;
    find_homes(&l);
    find_edge_homes(&l);
    place_globals(&l);
    for (uint32_t i = 0; i < mf->n_insts; i++) {
        place_inst(&l, i);
    }
    status = parallel_init(ra);
    for (uint32_t b = 0; status == STATUS_OK && b < mf->n_blocks; b++) {
        status = place_edges(&l, &mf->blocks[b]);
    }
    return status;
}
