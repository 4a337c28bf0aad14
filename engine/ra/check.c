/*
 * The checker: does every operand of allocated code read the value that it means?
 *
 * It knows nothing of how the allocators work. It goes backwards: an operand "wants" its value in
 * its place; a move hands the want on to its source; a definition satisfies it, or shows the error
 * if it writes another value into a place that something is wanted in. What is wanted at the start
 * of a block is wanted at the end of all its predecessors, parameters as the edge's arguments.
 * Blocks are visited until nothing new is wanted, so that all paths are covered; whatever is still
 * wanted at the function's start has no definition.
 *
 * A place is a register or 8 bytes of the spill area; a 16-byte slot is two. A place holds one
 * value: code in which two names of one value share a place is refused (the allocators don't).
 * A parameter of a block with one predecessor is just another name for its argument.
 */
#include <string.h>

#include "engine/ra/ra.h"

#define N_REGS 64u
#define WANTS_MAX (UINT32_C(1) << 24) /* more: too large to check; passes */
#define NO_INST UINT32_MAX

/* What is wanted in a place: 2 * vreg, + 1 for the upper half of 16 bytes; 0 nothing. */
struct want {
    uint32_t place, what;
    uint8_t bytes;
};

struct check {
    struct mir_func *mf;
    const struct ra_machine *machine;
    uint32_t *canon;       /* by vreg: the vreg whose value it always has */
    uint32_t *param_index; /* by vreg: which parameter of its block it is */
    uint32_t *n_wants;     /* by vreg: in how many places it is wanted */
    uint32_t *what;        /* by place */
    uint8_t *bytes;        /* by place, of slots: how many bytes will be read */
    uint32_t *index;       /* by place: in active */
    uint32_t *active;      /* places in which something is wanted */
    uint32_t n_active, n_places;
    regset_t wanted_regs;
    struct check_block {
        uint32_t start, n; /* in pool: what is wanted at its start */
        uint32_t bytes;    /* all together */
        bool is_dirty;
    } *blocks;
    struct want *pool;
    uint32_t n_pool, cap_pool;
    uint32_t n_moves_left; /* moves[0, n) come before the current place */
    uint32_t inst;         /* for the report */
    bool is_full;          /* gave up for size */
    const char *error;
};

static bool fail(struct check *c, const char *error)
{
    c->error = error;
    return false;
}

static const struct vreg *vreg_of(const struct check *c, uint32_t v)
{
    return &c->mf->vregs[v];
}

/* ---- Wants ---- */

static void want_remove(struct check *c, uint32_t place)
{
    uint32_t i = c->index[place], last = c->active[--c->n_active];
    c->active[i] = last;
    c->index[last] = i;
    c->n_wants[c->what[place] / 2]--;
    c->what[place] = 0;
    c->bytes[place] = 0;
    if (place < N_REGS) {
        c->wanted_regs &= ~reg_bit((uint8_t)place);
    }
}

static bool want_add(struct check *c, uint32_t place, uint32_t what)
{
    if (c->what[place] == what) {
        return true;
    }
    if (c->what[place] != 0) {
        return fail(c, "two values are wanted in one place");
    }
    c->what[place] = what;
    c->index[place] = c->n_active;
    c->active[c->n_active++] = place;
    c->n_wants[what / 2]++;
    if (place < N_REGS) {
        c->wanted_regs |= reg_bit((uint8_t)place);
    }
    return true;
}

/* The place of owner's slot, of so many bytes. */
static bool slot_place(struct check *c, uint32_t owner, uint32_t *place)
{
    int32_t slot = vreg_of(c, owner)->slot;
    uint32_t bytes = vreg_of(c, owner)->size_bytes == 16 ? 16 : 8;
    if (slot < 0 || (uint32_t)slot % bytes != 0 || (uint32_t)slot + bytes > c->mf->spill_bytes) {
        return fail(c, "there is no such slot");
    }
    *place = N_REGS + (uint32_t)slot / 8;
    return true;
}

static bool want_bytes(struct check *c, uint32_t place, uint32_t what, uint8_t bytes)
{
    if (!want_add(c, place, what)) {
        return false;
    }
    c->bytes[place] = bytes > c->bytes[place] ? bytes : c->bytes[place];
    return true;
}

/* v (canonical) is wanted in owner's slot, of which as much is read as owner has. */
static bool want_slot(struct check *c, uint32_t owner, uint32_t v)
{
    uint32_t place;
    if (vreg_is_incoming(vreg_of(c, owner))) {
        return c->canon[owner] == v || fail(c, "another value than the argument of the stack");
    }
    uint8_t bytes = vreg_of(c, owner)->size_bytes;
    return slot_place(c, owner, &place) && want_bytes(c, place, 2 * v, bytes) &&
           (bytes != 16 || want_bytes(c, place + 1, 2 * v + 1, bytes));
}

static bool is_const_of(const struct check *c, uint32_t from, uint32_t v)
{
    const struct vreg *a = vreg_of(c, from), *b = vreg_of(c, v);
    return from == v ||
           (vreg_is_remat(b) && a->imm == b->imm && ((a->flags ^ b->flags) & VREG_VCONST) == 0);
}

/* v is wanted where the move takes it from. */
static bool want_source(struct check *c, const struct mir_move *move, uint32_t v)
{
    if (move->from == LOC_CONST) {
        return (vreg_is_remat(vreg_of(c, move->vreg)) && is_const_of(c, move->vreg, v)) ||
               fail(c, "a constant is put where another value is wanted");
    }
    if (move->from == LOC_STACK) {
        return (vreg_of(c, v)->size_bytes <= vreg_of(c, move->vreg)->size_bytes ||
                fail(c, "a load is too narrow")) &&
               want_slot(c, move->vreg, v);
    }
    return want_add(c, move->from, 2 * v);
}

/* ---- Moves ---- */

static bool is_legal_register(const struct check *c, uint8_t reg, uint8_t class)
{
    const struct ra_machine *machine = c->machine;
    uint8_t scratch = class == CLASS_VEC ? machine->scratch_vec : machine->scratch_gpr;
    return reg < N_REGS && ((machine->allocatable[class] & reg_bit(reg)) != 0 || reg == scratch);
}

static bool undo_swap(struct check *c, const struct mir_move *move)
{
    uint32_t a = c->what[move->from], b = c->what[move->to];
    if (a != 0) {
        want_remove(c, move->from);
    }
    if (b != 0) {
        want_remove(c, move->to);
    }
    return (a == 0 || want_add(c, move->to, a)) && (b == 0 || want_add(c, move->from, b));
}

static bool undo_write_register(struct check *c, const struct mir_move *move)
{
    uint32_t what = c->what[move->to];
    if (what == 0) {
        return true; /* a move for nothing */
    }
    want_remove(c, move->to);
    return want_source(c, move, what / 2);
}

static bool undo_write_slot(struct check *c, const struct mir_move *move)
{
    uint32_t owner = move->from < N_REGS ? move->vreg : move->vreg_to, place;
    if (!slot_place(c, owner, &place)) {
        return false;
    }
    bool is_wide = vreg_of(c, owner)->size_bytes == 16;
    uint32_t what = c->what[place], high = is_wide ? c->what[place + 1] : 0;
    if (what == 0 && high == 0) {
        return true;
    }
    uint32_t v = what / 2;
    if (what % 2 != 0 || (high != 0 && high != what + 1) ||
        (c->bytes[place] == 16) != (high != 0)) {
        return fail(c, "a part of a slot is overwritten");
    }
    if (c->bytes[place] > vreg_of(c, owner)->size_bytes) {
        return fail(c, "a store is too narrow");
    }
    want_remove(c, place);
    if (high != 0) {
        want_remove(c, place + 1);
    }
    return want_source(c, move, v);
}

/* Moves that end in memory, and do not come from a register, destroy the scratch registers. */
static bool check_scratch(struct check *c, const struct mir_move *move)
{
    regset_t scratch = reg_bit(c->machine->scratch_vec);
    scratch |= c->machine->scratch_gpr == REG_NONE ? 0 : reg_bit(c->machine->scratch_gpr);
    bool uses = (move->to == LOC_STACK && move->from >= N_REGS) ||
                (move->is_swap && vreg_of(c, move->vreg)->class == CLASS_VEC);
    return !uses || (c->wanted_regs & scratch) == 0 || fail(c, "the scratch register is destroyed");
}

static bool undo_move(struct check *c, const struct mir_move *move)
{
    uint8_t class = vreg_of(c, move->vreg)->class;
    bool is_to_register = move->to != LOC_STACK;
    if (is_to_register && !is_legal_register(c, move->to, class)) {
        return fail(c, "a move to a register that it may not write");
    }
    if (move->from < LOC_CONST && !is_legal_register(c, move->from, class)) {
        return fail(c, "a move from a register that is none");
    }
    if (move->is_swap) {
        return ((move->from < N_REGS && is_to_register) || fail(c, "an exchange with memory")) &&
               check_scratch(c, move) && undo_swap(c, move);
    }
    return check_scratch(c, move) &&
           (is_to_register ? undo_write_register(c, move) : undo_write_slot(c, move));
}

/* ---- Instructions ---- */

static uint8_t operand_class(const struct check *c, const struct mir_operand *op)
{
    if (op->kind == OPERAND_TEMP || op->kind == OPERAND_TEMP_FIXED) {
        return op->kind == OPERAND_TEMP ? (uint8_t)op->vreg : op->reg >= REG_VEC0;
    }
    return vreg_of(c, op->vreg)->class;
}

/* The place is of a kind that the operand allows. */
static bool check_loc(struct check *c, const struct mir_inst *in, const struct mir_operand *op)
{
    if (op->kind == OPERAND_USE_ANY && op->loc == LOC_STACK) {
        return true;
    }
    if (op->kind == OPERAND_USE_ANY && op->loc == LOC_CONST) {
        return vreg_is_const(vreg_of(c, op->vreg)) || fail(c, "no constant");
    }
    bool is_fixed = op->kind == OPERAND_USE_FIXED || op->kind == OPERAND_DEF_FIXED ||
                    op->kind == OPERAND_TEMP_FIXED;
    if (is_fixed && op->loc != op->reg) {
        return fail(c, "not in its fixed register");
    }
    if (op->loc >= N_REGS ||
        (c->machine->allocatable[operand_class(c, op)] & reg_bit(op->loc)) == 0) {
        return fail(c, "not in a register of its class");
    }
    if (op->kind == OPERAND_DEF_TIED) {
        const struct mir_operand *use = &c->mf->operands[in->first + op->reg];
        return (operand_is_use(use) && use->loc == op->loc) || fail(c, "not where its use is");
    }
    return true;
}

/* Registers that the operands take at EARLY, at LATE, and both: none twice. */
static bool check_conflicts(struct check *c, const struct mir_inst *in)
{
    regset_t uses = 0, late = 0, both = 0;
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = &c->mf->operands[in->first + k];
        regset_t bit = op->loc < N_REGS ? reg_bit(op->loc) : 0;
        if (operand_is_use(op)) {
            uses |= bit;
            continue;
        }
        if ((late & bit) != 0) {
            return fail(c, "two results or temporaries share a register");
        }
        late |= bit;
        bool is_early = op->kind >= OPERAND_EARLY_DEF;
        both |= is_early ? bit : 0;
    }
    return (both & uses) == 0 || fail(c, "a temporary or early result overlaps a use");
}

static bool undo_def(struct check *c, const struct mir_operand *op)
{
    uint32_t v = op->vreg;
    if (c->what[op->loc] != 0) {
        if (c->what[op->loc] != 2 * c->canon[v]) {
            return fail(c, "a definition destroys another value");
        }
        want_remove(c, op->loc);
    }
    return c->n_wants[v] == 0 || fail(c, "a value is read where it was never put");
}

static bool undo_writes(struct check *c, const struct mir_inst *in)
{
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = &c->mf->operands[in->first + k];
        if (operand_is_def(op) && !undo_def(c, op)) {
            return false;
        }
    }
    if ((in->flags & MIR_CALL) != 0 && (c->wanted_regs & ~c->machine->callee_saved) != 0) {
        return fail(c, "a call destroys a value");
    }
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = &c->mf->operands[in->first + k];
        if (op->kind >= OPERAND_TEMP && c->what[op->loc] != 0) {
            return fail(c, "a temporary destroys a value");
        }
    }
    return true;
}

static bool undo_inst(struct check *c, const struct mir_inst *in)
{
    for (uint32_t k = 0; k < in->n_operands; k++) {
        if (!check_loc(c, in, &c->mf->operands[in->first + k])) {
            return false;
        }
    }
    if (!check_conflicts(c, in) || !undo_writes(c, in)) {
        return false;
    }
    for (uint32_t k = 0; k < in->n_operands; k++) {
        const struct mir_operand *op = &c->mf->operands[in->first + k];
        uint32_t v = c->canon[op->vreg];
        bool is_right =
            !operand_is_use(op) || op->loc == LOC_CONST ||
            (op->loc == LOC_STACK ? want_slot(c, op->vreg, v) : want_add(c, op->loc, 2 * v));
        if (!is_right) {
            return false;
        }
    }
    return true;
}

/* ---- Blocks ---- */

static void find_moves(struct check *c, const struct mir_block *block)
{
    uint32_t low = 0, high = c->mf->n_moves;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (c->mf->moves[mid].before < block->end) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    c->n_moves_left = low;
}

/* What a successor wants at its start, by this edge. */
static bool want_successor(struct check *c, const struct mir_edge *edge)
{
    const struct check_block *to = &c->blocks[edge->to];
    const struct mir_block *block = &c->mf->blocks[edge->to];
    for (uint32_t i = to->start; i < to->start + to->n; i++) {
        uint32_t v = c->pool[i].what / 2, half = c->pool[i].what % 2;
        uint32_t k = c->param_index[v];
        if (k < block->n_params && c->mf->params[block->params_start + k] == v) {
            v = c->canon[c->mf->edge_args[edge->args_start + k]];
        }
        if (!want_bytes(c, c->pool[i].place, 2 * v + half, c->pool[i].bytes)) {
            return false;
        }
    }
    return true;
}

static bool undo_block(struct check *c, const struct mir_block *block)
{
    c->inst = block->end - 1;
    for (uint32_t e = block->edges_start; e < block->edges_start + block->n_edges; e++) {
        if (!want_successor(c, &c->mf->edges[e])) {
            return false;
        }
    }
    find_moves(c, block);
    for (uint32_t i = block->end; i-- > block->first;) {
        c->inst = i;
        if (!undo_inst(c, &c->mf->insts[i])) {
            return false;
        }
        while (c->n_moves_left > 0 && c->mf->moves[c->n_moves_left - 1].before == i) {
            if (!undo_move(c, &c->mf->moves[--c->n_moves_left])) {
                return false;
            }
        }
    }
    return true;
}

static bool pool_grow(struct check *c, uint32_t n)
{
    if (n <= c->cap_pool) {
        return true;
    }
    uint32_t cap = 2 * n + 1024;
    struct want *pool =
        arena_grow(c->mf->arena, c->pool, c->cap_pool * sizeof *pool, cap * sizeof *pool);
    c->is_full = pool == NULL || cap > WANTS_MAX;
    if (!c->is_full) {
        c->pool = pool;
        c->cap_pool = cap;
    }
    return !c->is_full;
}

/* Wants only ever grow: as many and as wide are the same. */
static bool keep_wants(struct check *c, uint32_t b)
{
    struct check_block *block = &c->blocks[b];
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < c->n_active; i++) {
        bytes += c->bytes[c->active[i]];
    }
    if (block->n == c->n_active && block->bytes == bytes) {
        return true;
    }
    if (!pool_grow(c, c->n_pool + c->n_active)) {
        return false;
    }
    block->start = c->n_pool;
    block->n = c->n_active;
    block->bytes = bytes;
    for (uint32_t i = 0; i < c->n_active; i++) {
        uint32_t place = c->active[i];
        c->pool[c->n_pool++] = (struct want){place, c->what[place], c->bytes[place]};
    }
    const struct mir_block *in = &c->mf->blocks[b];
    for (uint32_t k = 0; k < in->n_preds; k++) {
        c->blocks[c->mf->preds[in->preds_start + k]].is_dirty = true;
    }
    return true;
}

static bool visit_block(struct check *c, uint32_t b)
{
    c->blocks[b].is_dirty = false;
    bool is_right = undo_block(c, &c->mf->blocks[b]) && keep_wants(c, b);
    c->inst = is_right && b == 0 ? 0 : c->inst;
    if (is_right && b == 0 && c->n_active != 0) {
        return fail(c, "a value is used that was never defined");
    }
    while (is_right && c->n_active > 0) {
        want_remove(c, c->active[c->n_active - 1]);
    }
    return is_right;
}

static void visit_all(struct check *c)
{
    bool is_again = true;
    while (is_again) {
        is_again = false;
        for (uint32_t b = c->mf->n_blocks; b-- > 0;) {
            bool is_dirty = c->blocks[b].is_dirty;
            is_again = is_again || is_dirty;
            if (is_dirty && !visit_block(c, b)) {
                return;
            }
        }
    }
}

/* ---- The function ---- */

static bool check_form(struct check *c)
{
    const struct mir_func *mf = c->mf;
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        const struct mir_block *block = &mf->blocks[b];
        c->inst = block->first;
        if (block->first >= block->end || (mf->insts[block->end - 1].flags & MIR_END) == 0) {
            return fail(c, "a block without an end");
        }
        if (block->n_edges == 1 && mf->insts[block->end - 1].n_operands != 0) {
            return fail(c, "the end of a block with one successor has operands");
        }
    }
    for (uint32_t i = 0; i < mf->n_moves; i++) {
        c->inst = mf->moves[i].before;
        if (c->inst >= mf->n_insts || (i > 0 && mf->moves[i - 1].before > c->inst)) {
            return fail(c, "moves are out of order");
        }
    }
    return true;
}

static bool check_callee_saved(struct check *c)
{
    const struct mir_func *mf = c->mf;
    regset_t written = 0;
    for (uint32_t i = 0; i < mf->n_operands; i++) {
        const struct mir_operand *op = &mf->operands[i];
        written |= !operand_is_use(op) && op->loc < N_REGS ? reg_bit(op->loc) : 0;
    }
    for (uint32_t i = 0; i < mf->n_moves; i++) {
        written |= mf->moves[i].to < N_REGS ? reg_bit(mf->moves[i].to) : 0;
        written |= mf->moves[i].is_swap ? reg_bit(mf->moves[i].from) : 0;
    }
    return (written & c->machine->callee_saved & ~mf->used_callee_saved) == 0 ||
           fail(c, "a callee-saved register is written and not reported");
}

static void name_params(struct check *c)
{
    const struct mir_func *mf = c->mf;
    for (uint32_t v = 0; v < mf->n_vregs; v++) {
        c->canon[v] = v;
        c->param_index[v] = UINT32_MAX;
    }
    for (uint32_t b = 0; b < mf->n_blocks; b++) {
        for (uint32_t k = 0; k < mf->blocks[b].n_params; k++) {
            c->param_index[mf->params[mf->blocks[b].params_start + k]] = k;
        }
    }
    for (uint32_t e = 0; e < mf->n_edges; e++) {
        const struct mir_block *to = &mf->blocks[mf->edges[e].to];
        for (uint32_t k = 0; k < to->n_params && to->n_preds == 1; k++) {
            c->canon[mf->params[to->params_start + k]] = mf->edge_args[mf->edges[e].args_start + k];
        }
    }
    for (uint32_t v = 0; v < mf->n_vregs; v++) {
        while (c->canon[c->canon[v]] != c->canon[v]) {
            c->canon[v] = c->canon[c->canon[v]];
        }
    }
}

static bool check_init(struct check *c)
{
    struct mir_func *mf = c->mf;
    struct arena *arena = mf->arena;
    c->n_places = N_REGS + mf->spill_bytes / 8;
    c->canon = arena_array(arena, mf->n_vregs, sizeof *c->canon);
    c->param_index = arena_array(arena, mf->n_vregs, sizeof *c->param_index);
    c->n_wants = arena_zalloc(arena, mf->n_vregs, sizeof *c->n_wants);
    c->what = arena_zalloc(arena, c->n_places, sizeof *c->what);
    c->bytes = arena_zalloc(arena, c->n_places, sizeof *c->bytes);
    c->index = arena_array(arena, c->n_places, sizeof *c->index);
    c->active = arena_array(arena, c->n_places, sizeof *c->active);
    c->blocks = arena_zalloc(arena, mf->n_blocks, sizeof *c->blocks);
    bool is_ok = c->canon != NULL && c->param_index != NULL && c->n_wants != NULL &&
                 c->what != NULL && c->bytes != NULL && c->index != NULL && c->active != NULL &&
                 c->blocks != NULL;
    if (is_ok) {
        name_params(c);
        for (uint32_t b = 0; b < mf->n_blocks; b++) {
            c->blocks[b].is_dirty = true;
        }
    }
    return is_ok;
}

const char *ra_check(struct mir_func *mf, const struct ra_machine *machine, uint32_t *inst)
{
    struct check c = {.mf = mf, .machine = machine, .inst = NO_INST};
    size_t mark = arena_mark(mf->arena);
    if (check_init(&c) && check_form(&c) && check_callee_saved(&c)) {
        visit_all(&c);
    }
    *inst = c.inst;
    arena_release(mf->arena, mark);
    return c.error;
}
