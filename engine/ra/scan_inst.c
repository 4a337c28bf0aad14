/*
 * One instruction of the scan: every operand gets its place.
 *
 * In this order: who stands in a register that the instruction needs for itself leaves it; who
 * lives on behind it leaves what it destroys; fixed uses are copied to their registers; the other
 * uses are placed; temporaries; then all moves so far happen at once before the instruction. What
 * ends here frees its register, and the definitions are placed.
 *
 * While this goes on, home says where a value will be when the moves are done, and origin, if
 * stamped, where it was before them: the source of its move.
 */
#include "engine/ra/scan.h"

/* A value in this much time at the latest is worth a register rather than a memory operand. */
#define NEAR_USE 24u

struct place {
    const struct mir_inst *inst;
    struct mir_operand *ops;
    uint32_t n;
    regset_t early; /* registers that fixed uses and temporaries take before it */
    regset_t late;  /* registers that it destroys or defines */
};

static uint32_t resolve_next(const struct scan *s, const struct mir_operand *op)
{
    if (op->next < s->block_end) {
        return op->next;
    }
    return s->out_stamp[op->vreg] == s->block_stamp ? s->out_next[op->vreg] : POSITION_NEVER;
}

static bool dies(const struct scan *s, uint32_t vreg)
{
    return s->next[vreg] == POSITION_NEVER;
}

static bool is_plain_use(const struct mir_operand *op)
{
    return op->kind == OPERAND_USE || op->kind == OPERAND_USE_ANY;
}

static bool is_used_plainly(const struct place *p, uint32_t vreg)
{
    for (uint32_t k = 0; k < p->n; k++) {
        if (is_plain_use(&p->ops[k]) && p->ops[k].vreg == vreg) {
            return true;
        }
    }
    return false;
}

static bool is_fixed_to(const struct place *p, uint32_t vreg, uint8_t reg)
{
    for (uint32_t k = 0; k < p->n; k++) {
        if (p->ops[k].kind == OPERAND_USE_FIXED && p->ops[k].vreg == vreg && p->ops[k].reg == reg) {
            return true;
        }
    }
    return false;
}

/* Where the value comes from if a move of this instruction reads it. */
static uint8_t source_of(const struct scan *s, uint32_t vreg)
{
    uint8_t loc = s->origin_stamp[vreg] == s->stamp ? s->origin[vreg] : s->home[vreg];
    return loc == LOC_STACK && vreg_is_remat(&s->mf->vregs[vreg]) ? LOC_CONST : loc;
}

/* A copy in another register, for this instruction alone. */
static void add_copy(struct scan *s, uint32_t vreg, uint8_t reg)
{
    uint8_t from = source_of(s, vreg);
    if (from == LOC_STACK && !vreg_is_incoming(&s->mf->vregs[vreg])) {
        s->needs_slot[vreg] = 1;
    }
    scan_pair(s, (struct pair){.from = from, .to = reg, .vreg = vreg, .vreg_to = vreg});
    s->used_callee_saved |= reg_bit(reg) & s->machine->callee_saved;
}

/* ---- Before anything is placed ---- */

static void read_operands(struct scan *s, struct place *p)
{
    for (uint32_t k = 0; k < p->n; k++) {
        struct mir_operand *op = &p->ops[k];
        if (operand_is_use(op)) {
            s->next[op->vreg] = resolve_next(s, op);
        }
        if (op->kind == OPERAND_USE_FIXED || op->kind == OPERAND_TEMP_FIXED) {
            p->early |= reg_bit(op->reg);
        }
        if (op->kind == OPERAND_DEF_FIXED || op->kind == OPERAND_TEMP_FIXED) {
            p->late |= reg_bit(op->reg);
        }
    }
    if ((p->inst->flags & MIR_CALL) != 0) {
        p->late |= (s->machine->allocatable[0] | s->machine->allocatable[1]) &
                   ~s->machine->callee_saved;
    }
}

static void pin_uses(struct scan *s, const struct place *p)
{
    for (uint32_t k = 0; k < p->n; k++) {
        const struct mir_operand *op = &p->ops[k];
        if (is_plain_use(op) && scan_is_in_reg(s, op->vreg)) {
            s->busy |= reg_bit(s->home[op->vreg]) & ~p->early;
        }
    }
}

/* The tied operand should end here and be in a register; an exchange may make it so. */
static bool is_good_first(const struct scan *s, const struct mir_operand *op)
{
    return dies(s, op->vreg) && scan_is_in_reg(s, op->vreg);
}

static void commute(struct scan *s, struct place *p)
{
    struct mir_operand *a = &p->ops[1], *b = &p->ops[2];
    if ((p->inst->flags & MIR_COMMUTES) == 0 || p->n < 3 || p->ops[0].kind != OPERAND_DEF_TIED ||
        p->ops[0].reg != 1 || !is_plain_use(a) || !is_plain_use(b) || a->vreg == b->vreg ||
        !is_good_first(s, b)) {
        return;
    }
    if (is_good_first(s, a)) {
        const struct vreg *def = &s->mf->vregs[p->ops[0].vreg];
        bool is_b_wanted = def->hint == s->home[b->vreg] ||
                           (def->hint_vreg != 0 && s->def_reg[def->hint_vreg] == s->home[b->vreg]);
        if (!is_b_wanted) {
            return;
        }
    } else if (!scan_is_in_reg(s, a->vreg) && b->kind != OPERAND_USE_ANY) {
        return;
    }
    uint32_t vreg = a->vreg, next = a->next;
    a->vreg = b->vreg;
    a->next = b->next;
    b->vreg = vreg;
    b->next = next;
}

/* ---- Leaving ---- */

/* Out of a register that the instruction needs before it begins. */
static void displace(struct scan *s, const struct place *p, uint8_t reg)
{
    uint32_t vreg = s->holds[reg];
    if (vreg == 0 || is_fixed_to(p, vreg, reg)) {
        return;
    }
    scan_touch(s, vreg);
    if (dies(s, vreg) && !is_used_plainly(p, vreg)) {
        scan_leave_home(s, vreg); /* its other fixed uses read it where it was */
        return;
    }
    regset_t allowed = ~p->early & (dies(s, vreg) ? ~(regset_t)0 : ~p->late);
    uint8_t to = scan_find_free(s, vreg, allowed);
    if (to == REG_NONE) {
        scan_evict(s, vreg);
        return;
    }
    scan_set_home(s, vreg, to);
    if (is_used_plainly(p, vreg)) {
        s->busy |= reg_bit(to);
    }
}

/* Out of a register that the instruction destroys; the old copy serves the instruction itself. */
static void survive(struct scan *s, const struct place *p, uint8_t reg)
{
    uint32_t vreg = s->holds[reg];
    if (vreg == 0 || dies(s, vreg)) {
        return;
    }
    scan_touch(s, vreg);
    if ((p->early >> reg & 1) == 0 || is_fixed_to(p, vreg, reg)) {
        s->copy[vreg] = reg;
        s->copy_stamp[vreg] = s->stamp;
    }
    bool is_far = s->next[vreg] - s->at >= COLD_PENALTY || vreg_is_remat(&s->mf->vregs[vreg]);
    uint8_t to = is_far ? REG_NONE : scan_find_free(s, vreg, ~p->early & ~p->late);
    if (to == REG_NONE) {
        scan_evict(s, vreg);
    } else {
        scan_set_home(s, vreg, to);
    }
}

static void clear_registers(struct scan *s, const struct place *p)
{
    for (regset_t set = p->early & s->occupied; set != 0; set &= set - 1) {
        displace(s, p, regset_first(set));
    }
    for (regset_t set = p->late & s->occupied; set != 0; set &= set - 1) {
        survive(s, p, regset_first(set));
    }
}

/* ---- Uses ---- */

static void place_fixed(struct scan *s, const struct place *p)
{
    for (uint32_t k = 0; k < p->n; k++) {
        struct mir_operand *op = &p->ops[k];
        if (op->kind == OPERAND_TEMP_FIXED) {
            op->loc = op->reg;
            s->busy |= reg_bit(op->reg);
            s->used_callee_saved |= reg_bit(op->reg) & s->machine->callee_saved;
        }
        if (op->kind != OPERAND_USE_FIXED) {
            continue;
        }
        op->loc = op->reg;
        s->busy |= reg_bit(op->reg);
        bool is_copy_there =
            s->copy_stamp[op->vreg] == s->stamp && s->copy[op->vreg] == op->reg;
        if (s->home[op->vreg] == op->reg || is_copy_there) {
            continue;
        }
        bool may_stay = !dies(s, op->vreg) && s->home[op->vreg] == LOC_STACK &&
                        (p->late >> op->reg & 1) == 0 && s->holds[op->reg] == 0 &&
                        s->origin_stamp[op->vreg] != s->stamp;
        if (may_stay) {
            scan_touch(s, op->vreg);
            scan_set_home(s, op->vreg, op->reg);
        } else {
            add_copy(s, op->vreg, op->reg);
        }
    }
}

/* The definition that will take over operand k's register, or 0. */
static uint32_t heir_of(const struct place *p, uint32_t k)
{
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->ops[i].kind == OPERAND_DEF_TIED && p->ops[i].reg == k) {
            return p->ops[i].vreg;
        }
    }
    return 0;
}

/* A register that the instruction may overwrite: the value's own if it ends here. */
static void place_tied(struct scan *s, const struct place *p, uint32_t k)
{
    struct mir_operand *op = &p->ops[k];
    bool is_here = scan_is_in_reg(s, op->vreg);
    if (is_here && dies(s, op->vreg)) {
        op->loc = s->home[op->vreg];
        s->busy |= reg_bit(op->loc);
        return;
    }
    uint8_t reg = scan_take(s, heir_of(p, k), ~p->early & ~p->late);
    s->busy |= reg_bit(reg);
    op->loc = reg;
    add_copy(s, op->vreg, reg);
}

static bool reads_slot(struct scan *s, const struct place *p, const struct mir_operand *op)
{
    const struct vreg *v = &s->mf->vregs[op->vreg];
    if (op->kind != OPERAND_USE_ANY || vreg_is_remat(v)) {
        return false;
    }
    if (s->rng != 0 && scan_random(s, 2) == 0) {
        return true;
    }
    if (dies(s, op->vreg) || s->next[op->vreg] - s->at > NEAR_USE) {
        return true;
    }
    regset_t free = scan_class_regs(s, op->vreg) & ~s->occupied & ~s->busy & ~p->early & ~p->late;
    return free == 0;
}

static void place_use(struct scan *s, const struct place *p, struct mir_operand *op)
{
    if (scan_is_in_reg(s, op->vreg)) {
        op->loc = s->home[op->vreg];
        s->busy |= reg_bit(op->loc);
        return;
    }
    if (s->copy_stamp[op->vreg] == s->stamp) {
        op->loc = s->copy[op->vreg];
        s->busy |= reg_bit(op->loc);
        return;
    }
    if (reads_slot(s, p, op)) {
        op->loc = LOC_STACK;
        s->needs_slot[op->vreg] |= !vreg_is_incoming(&s->mf->vregs[op->vreg]);
        return;
    }
    regset_t allowed = ~p->early;
    uint8_t reg = dies(s, op->vreg) ? REG_NONE : scan_find_free(s, op->vreg, allowed & ~p->late);
    if (reg == REG_NONE) {
        reg = scan_take(s, op->vreg, allowed);
    }
    scan_touch(s, op->vreg);
    if (s->origin[op->vreg] == LOC_STACK && !vreg_is_remat(&s->mf->vregs[op->vreg]) &&
        !vreg_is_incoming(&s->mf->vregs[op->vreg])) {
        s->needs_slot[op->vreg] = 1;
    }
    scan_set_home(s, op->vreg, reg);
    op->loc = reg;
    s->busy |= reg_bit(reg);
}

static void place_uses(struct scan *s, const struct place *p)
{
    for (uint32_t k = 0; k < p->n; k++) { /* what is in registers first: they are then pinned */
        struct mir_operand *op = &p->ops[k];
        if (is_plain_use(op) && heir_of(p, k) == 0 && scan_is_in_reg(s, op->vreg)) {
            place_use(s, p, op);
        }
    }
    for (uint32_t k = 0; k < p->n; k++) {
        struct mir_operand *op = &p->ops[k];
        if (!is_plain_use(op)) {
            continue;
        }
        if (heir_of(p, k) != 0) {
            place_tied(s, p, k);
        } else {
            place_use(s, p, op);
        }
    }
}

static void place_temps(struct scan *s, const struct place *p, regset_t *kept)
{
    for (uint32_t k = 0; k < p->n; k++) {
        struct mir_operand *op = &p->ops[k];
        if (op->kind == OPERAND_TEMP) {
            op->loc = scan_take(s, s->temp_vreg[op->vreg], ~p->early & ~p->late);
            s->used_callee_saved |= reg_bit(op->loc) & s->machine->callee_saved;
        } else if (op->kind == OPERAND_EARLY_DEF) {
            op->loc = scan_take(s, op->vreg, ~p->early & ~p->late);
        } else if (op->kind == OPERAND_TEMP_FIXED) {
            op->loc = op->reg;
        } else {
            continue;
        }
        s->busy |= reg_bit(op->loc);
        *kept |= reg_bit(op->loc);
    }
}

/* ---- The moves ---- */

static void add_moves(struct scan *s)
{
    regset_t origins = 0;
    for (uint32_t i = 0; i < s->n_touched; i++) {
        uint32_t vreg = s->touched[i];
        uint8_t from = s->origin[vreg], to = s->home[vreg];
        origins |= from < 64 ? reg_bit(from) : 0;
        if (to < 64 && from != to) {
            scan_pair(s, (struct pair){
                             .from = source_of(s, vreg), .to = to, .vreg = vreg, .vreg_to = vreg});
        }
    }
    if (s->groups[s->n_groups].n > 0) {
        s->groups[s->n_groups].free = ~(s->occupied | s->busy | origins);
        s->n_groups++;
    }
}

/* ---- Behind it ---- */

static void end_uses(struct scan *s, const struct place *p)
{
    for (uint32_t k = 0; k < p->n; k++) {
        const struct mir_operand *op = &p->ops[k];
        if (operand_is_use(op) && dies(s, op->vreg)) {
            scan_leave_home(s, op->vreg);
        }
    }
    for (regset_t set = p->late & s->occupied; set != 0; set &= set - 1) {
        scan_evict(s, s->holds[regset_first(set)]);
    }
}

/* The register of the first source, if it has just become free: no move, a shorter form. */
static uint8_t inherit(const struct scan *s, const struct place *p, uint32_t k)
{
    uint32_t vreg = p->ops[k].vreg;
    const struct vreg *v = &s->mf->vregs[vreg];
    if (k != 0 || p->n < 2 || !operand_is_use(&p->ops[1]) || p->ops[1].loc >= 64 || s->rng != 0) {
        return REG_NONE;
    }
    uint8_t reg = p->ops[1].loc;
    regset_t set = scan_class_regs(s, vreg) & ~s->occupied & ~s->busy;
    bool is_kept = (s->machine->callee_saved >> reg & 1) != 0;
    if ((set >> reg & 1) == 0 || (s->l.crosses_call[vreg] && !is_kept)) {
        return REG_NONE;
    }
    bool has_wish = (v->hint != REG_NONE && (set >> v->hint & 1) != 0) ||
                    (v->hint_vreg != 0 && s->def_reg[v->hint_vreg] < 64 &&
                     (set >> s->def_reg[v->hint_vreg] & 1) != 0);
    return has_wish ? REG_NONE : reg;
}

static void place_def(struct scan *s, const struct place *p, uint32_t k)
{
    struct mir_operand *op = &p->ops[k];
    switch ((enum operand_kind)op->kind) {
    case OPERAND_DEF_FIXED: op->loc = op->reg; break;
    case OPERAND_DEF_TIED: op->loc = p->ops[op->reg].loc; break;
    case OPERAND_DEF:
        op->loc = inherit(s, p, k);
        if (op->loc == REG_NONE) {
            op->loc = scan_take(s, op->vreg, ~(regset_t)0);
        }
        break;
    case OPERAND_EARLY_DEF: break;
    case OPERAND_USE:
    case OPERAND_USE_FIXED:
    case OPERAND_USE_ANY:
    case OPERAND_TEMP:
    case OPERAND_TEMP_FIXED: return;
    }
    if (s->holds[op->loc] != 0 && s->holds[op->loc] != op->vreg) {
        s->status = ERR_INTERNAL;
    }
    s->next[op->vreg] = resolve_next(s, op);
    s->def_at[op->vreg] = s->at + 1;
    s->def_reg[op->vreg] = op->loc;
    scan_set_home(s, op->vreg, op->loc);
    s->busy |= reg_bit(op->loc);
}

/* First those that have no choice. */
static void place_defs(struct scan *s, const struct place *p, regset_t kept)
{
    s->busy = kept | p->late;
    for (uint32_t k = 0; k < p->n; k++) {
        if (p->ops[k].kind == OPERAND_DEF_TIED) {
            s->busy |= reg_bit(p->ops[p->ops[k].reg].loc);
        }
    }
    for (uint32_t k = 0; k < p->n; k++) {
        if (p->ops[k].kind == OPERAND_DEF_FIXED) {
            place_def(s, p, k);
        }
    }
    if ((p->inst->flags & MIR_CALL) != 0) { /* what it destroys is free for other results */
        s->busy = kept;
        for (uint32_t k = 0; k < p->n; k++) {
            s->busy |= p->ops[k].kind == OPERAND_DEF_FIXED ? reg_bit(p->ops[k].reg) : 0;
        }
    }
    for (uint32_t k = 0; k < p->n; k++) {
        if (p->ops[k].kind != OPERAND_DEF_FIXED) {
            place_def(s, p, k);
        }
    }
    for (uint32_t k = 0; k < p->n; k++) {
        if (operand_is_def(&p->ops[k]) && dies(s, p->ops[k].vreg)) {
            scan_leave_home(s, p->ops[k].vreg);
        }
    }
}

void scan_inst(struct scan *s, uint32_t position)
{
    const struct mir_inst *inst = &s->mf->insts[position];
    struct place p = {.inst = inst,
                      .ops = &s->mf->operands[inst->first],
                      .n = inst->n_operands};
    regset_t kept = 0;
    s->at = position;
    s->stamp++;
    s->n_touched = 0;
    s->busy = 0;
    scan_group(s, RANK_PLACE, position);
    read_operands(s, &p);
    pin_uses(s, &p);
    commute(s, &p);
    clear_registers(s, &p);
    place_fixed(s, &p);
    place_uses(s, &p);
    place_temps(s, &p, &kept);
    add_moves(s);
    end_uses(s, &p);
    place_defs(s, &p, kept);
}
