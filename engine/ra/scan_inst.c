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
    uint32_t def;   /* the usual case: number of the definition */
    uint32_t kinds; /* the other cases: bits of all operands' kinds */
};
#define NO_OPERAND UINT32_MAX

#define PLAIN_KINDS (1u << OPERAND_USE | 1u << OPERAND_USE_ANY)
#define TEMP_KINDS (1u << OPERAND_TEMP | 1u << OPERAND_TEMP_FIXED | 1u << OPERAND_EARLY_DEF)
#define CHOSEN_KINDS (1u << OPERAND_DEF | 1u << OPERAND_DEF_TIED | 1u << OPERAND_EARLY_DEF)
#define DEF_KINDS (CHOSEN_KINDS | 1u << OPERAND_DEF_FIXED)

/* A constant that the loop keeps is used in its next round at the latest. */
static uint32_t next_of(const struct scan *s, const struct value *value,
                        const struct mir_operand *op)
{
    if (op->next != NEXT_NONE || (value->flags & VALUE_HOISTED) == 0 ||
        s->mf->blocks[s->block].loop_header == NO_BLOCK) {
        return op->next;
    }
    return s->at + AROUND_LOOP_DISTANCE;
}

static bool dies(const struct scan *s, uint32_t vreg)
{
    return s->values[vreg].next == NEXT_NONE;
}

static bool is_plain_use(const struct mir_operand *op)
{
    return op->kind == OPERAND_USE || op->kind == OPERAND_USE_ANY;
}

static bool has_kinds(const struct place *p, uint32_t kinds)
{
    return (p->kinds & kinds) != 0;
}

static bool is_used_plainly(const struct place *p, uint32_t vreg)
{
    for (uint32_t k = 0; k < p->n && has_kinds(p, PLAIN_KINDS); k++) {
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
    const struct value *value = &s->values[vreg];
    uint8_t loc = value->touch == s->stamp ? value->origin : value->home;
    return loc == LOC_STACK && (value->flags & VALUE_REMAT) != 0 ? LOC_CONST : loc;
}

/* A copy in another register, for this instruction alone. */
static void add_copy(struct scan *s, uint32_t vreg, uint8_t reg)
{
    scan_pair(s,
              (struct pair){.from = source_of(s, vreg), .to = reg, .vreg = vreg, .vreg_to = vreg});
    s->opened |= reg_bit(reg) & s->machine->callee_saved;
}

/* ---- Before anything is placed ---- */

static void read_operands(struct scan *s, struct place *p)
{
    uint32_t time = s->time + s->at + 1;
    for (uint32_t k = 0; k < p->n; k++) {
        struct mir_operand *op = &p->ops[k];
        p->kinds |= 1u << op->kind;
        if (operand_is_use(op)) {
            struct value *value = &s->values[op->vreg];
            value->next = next_of(s, value, op);
            value->end = value->end > time ? value->end : time;
        } else if (operand_is_def(op)) {
            s->values[op->vreg].next = op->next;
        }
        if (op->kind == OPERAND_USE_FIXED || op->kind == OPERAND_TEMP_FIXED) {
            p->early |= reg_bit(op->reg);
        }
        if (op->kind == OPERAND_DEF_FIXED || op->kind == OPERAND_TEMP_FIXED) {
            p->late |= reg_bit(op->reg);
        }
    }
    if ((p->inst->flags & MIR_CALL) != 0) {
        p->late |=
            (s->machine->allocatable[0] | s->machine->allocatable[1]) & ~s->machine->callee_saved;
    }
}

static void pin_uses(struct scan *s, const struct place *p)
{
    for (uint32_t k = 0; k < p->n; k++) {
        const struct mir_operand *op = &p->ops[k];
        if (is_plain_use(op) && scan_is_in_reg(s, op->vreg)) {
            s->busy |= reg_bit(s->values[op->vreg].home) & ~p->early;
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
        const struct value *def = &s->values[p->ops[0].vreg];
        const struct value *root = &s->values[scan_web(s->values, p->ops[0].vreg)];
        bool is_b_wanted = def->hint == s->values[b->vreg].home ||
                           (def->hint == REG_NONE && root->web_reg == s->values[b->vreg].home);
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
    bool is_const = (s->values[vreg].flags & VALUE_CONST) != 0;
    uint8_t to = is_const ? REG_NONE : scan_find_free(s, vreg, allowed, REG_NONE);
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
    struct value *value = &s->values[vreg];
    if ((p->early >> reg & 1) == 0 || is_fixed_to(p, vreg, reg)) {
        value->copy = reg;
    }
    bool is_far = value->next - s->at >= COLD_PENALTY || (value->flags & VALUE_REMAT) != 0;
    uint8_t to = is_far ? REG_NONE : scan_find_free(s, vreg, ~p->early & ~p->late, REG_NONE);
    if (to == REG_NONE && !is_far) {
        to = scan_oust(s, vreg, ~p->early & ~p->late);
    }
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

/* From its slot, or out of nothing. */
static void reload(struct scan *s, uint32_t vreg, uint8_t reg)
{
    scan_touch(s, vreg);
    scan_set_home(s, vreg, reg);
    s->values[vreg].flags |= VALUE_CLEAN;
    s->constant |= (s->values[vreg].flags & VALUE_CONST) != 0 ? reg_bit(reg) : 0;
}

static void place_fixed(struct scan *s, const struct place *p)
{
    for (uint32_t k = 0; k < p->n; k++) {
        struct mir_operand *op = &p->ops[k];
        if (op->kind == OPERAND_TEMP_FIXED) {
            op->loc = op->reg;
            s->busy |= reg_bit(op->reg);
            s->opened |= reg_bit(op->reg) & s->machine->callee_saved;
        }
        if (op->kind != OPERAND_USE_FIXED) {
            continue;
        }
        op->loc = op->reg;
        s->busy |= reg_bit(op->reg);
        bool is_copy_there = scan_is_touched(s, op->vreg) && s->values[op->vreg].copy == op->reg;
        if (s->values[op->vreg].home == op->reg || is_copy_there) {
            continue;
        }
        bool may_stay = !dies(s, op->vreg) && s->values[op->vreg].home == LOC_STACK &&
                        (p->late >> op->reg & 1) == 0 && s->holds[op->reg] == 0 &&
                        !scan_is_touched(s, op->vreg);
        if (may_stay) {
            reload(s, op->vreg, op->reg);
        } else {
            add_copy(s, op->vreg, op->reg);
        }
    }
}

/* The definition that will take over operand k's register, or 0. */
static uint32_t heir_of(const struct place *p, uint32_t k)
{
    bool may_be = p->def != NO_OPERAND || has_kinds(p, 1u << OPERAND_DEF_TIED);
    for (uint32_t i = 0; i < p->n && may_be; i++) {
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
        op->loc = s->values[op->vreg].home;
        s->busy |= reg_bit(op->loc);
        return;
    }
    uint8_t reg = scan_take(s, heir_of(p, k), ~p->early & ~p->late, REG_NONE);
    s->busy |= reg_bit(reg);
    op->loc = reg;
    add_copy(s, op->vreg, reg);
}

/* A memory operand is better than a register: no further use is near, or there is no room. */
static bool reads_memory(struct scan *s, const struct place *p, const struct mir_operand *op)
{
    const struct value *value = &s->values[op->vreg];
    bool is_vec_const = (value->flags & (VALUE_CONST | VALUE_VEC)) == (VALUE_CONST | VALUE_VEC);
    if (op->kind != OPERAND_USE_ANY || ((value->flags & VALUE_REMAT) != 0 && !is_vec_const)) {
        return false;
    }
    if (s->rng != 0 && scan_random(s, 2) == 0) {
        return true;
    }
    if (value->next == NEXT_NONE || value->next - s->at > NEAR_USE) {
        return true;
    }
    regset_t free = scan_class_regs(s, op->vreg) & ~s->occupied & ~s->busy & ~p->early & ~p->late;
    return free == 0;
}

static void place_use(struct scan *s, const struct place *p, struct mir_operand *op)
{
    const struct value *value = &s->values[op->vreg];
    if (value->home < 64) {
        op->loc = value->home;
    } else if (value->touch == s->stamp && value->copy != REG_NONE) {
        op->loc = value->copy;
    } else if (reads_memory(s, p, op)) {
        op->loc = (value->flags & VALUE_CONST) != 0 ? LOC_CONST : LOC_STACK;
        return;
    } else {
        uint8_t reg = REG_NONE;
        if (!dies(s, op->vreg)) {
            reg = scan_find_free(s, op->vreg, ~p->early & ~p->late, REG_NONE);
        }
        if (reg == REG_NONE) {
            reg = scan_take(s, op->vreg, ~p->early, REG_NONE);
        }
        reload(s, op->vreg, reg);
        op->loc = reg;
    }
    s->busy |= reg_bit(op->loc);
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
            op->loc = scan_take(s, s->mf->n_vregs + op->vreg, ~p->early & ~p->late, REG_NONE);
            s->opened |= reg_bit(op->loc) & s->machine->callee_saved;
        } else if (op->kind == OPERAND_EARLY_DEF) {
            op->loc = scan_take(s, op->vreg, ~p->early & ~p->late, REG_NONE);
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

static regset_t add_moves(struct scan *s)
{
    regset_t origins = 0;
    for (uint32_t i = 0; i < s->n_touched; i++) {
        uint32_t vreg = s->touched[i];
        uint8_t from = s->values[vreg].origin, to = s->values[vreg].home;
        origins |= from < 64 ? reg_bit(from) : 0;
        if (to < 64 && from != to) {
            scan_pair(s, (struct pair){
                             .from = source_of(s, vreg), .to = to, .vreg = vreg, .vreg_to = vreg});
        }
    }
    return s->occupied | s->busy | origins;
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
static uint8_t first_source(const struct place *p, uint32_t k)
{
    bool has_source = k == 0 && p->n > 1 && operand_is_use(&p->ops[1]) && p->ops[1].loc < 64;
    return has_source ? p->ops[1].loc : REG_NONE;
}

static void place_def(struct scan *s, const struct place *p, uint32_t k)
{
    struct mir_operand *op = &p->ops[k];
    switch ((enum operand_kind)op->kind) {
    case OPERAND_DEF_FIXED: op->loc = op->reg; break;
    case OPERAND_DEF_TIED: op->loc = p->ops[op->reg].loc; break;
    case OPERAND_DEF: op->loc = scan_take(s, op->vreg, ~(regset_t)0, first_source(p, k)); break;
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
    struct value *value = &s->values[op->vreg];
    value->def_at = s->at + 1;
    value->def_reg = op->loc;
    value->flags &= (uint16_t)~VALUE_CLEAN;
    scan_set_home(s, op->vreg, op->loc);
    scan_note_web(s, op->vreg, op->loc);
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
    for (uint32_t k = 0; k < p->n && has_kinds(p, CHOSEN_KINDS); k++) {
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

/* ---- The usual case ---- */

/* Only plain uses and at most one plain or tied definition: nothing has to leave a register
 * before it, and nothing is destroyed behind it. */
static bool read_simple(struct scan *s, struct place *p)
{
    uint32_t time = s->time + s->at + 1, n_defs = 0;
    for (uint32_t k = 0; k < p->n; k++) {
        const struct mir_operand *op = &p->ops[k];
        struct value *value = &s->values[op->vreg];
        if (is_plain_use(op)) {
            value->next = next_of(s, value, op);
            value->end = value->end > time ? value->end : time;
            s->busy |= value->home < 64 ? reg_bit(value->home) : 0;
        } else if (op->kind == OPERAND_DEF || op->kind == OPERAND_DEF_TIED) {
            value->next = op->next;
            p->def = k;
            n_defs++;
        } else {
            return false;
        }
    }
    return n_defs <= 1 && (p->inst->flags & MIR_CALL) == 0;
}

static void place_simple(struct scan *s, struct place *p)
{
    uint32_t tied =
        p->def < p->n && p->ops[p->def].kind == OPERAND_DEF_TIED ? p->ops[p->def].reg : NO_OPERAND;
    commute(s, p);
    for (uint32_t k = 0; k < p->n; k++) { /* uses in registers are pinned already */
        if (k == tied) {
            place_tied(s, p, k);
        } else if (k != p->def) {
            place_use(s, p, &p->ops[k]);
        }
    }
    regset_t taken = s->n_touched != 0 ? add_moves(s) : s->occupied | s->busy;
    for (uint32_t k = 0; k < p->n; k++) {
        if (k != p->def && dies(s, p->ops[k].vreg)) {
            scan_leave_home(s, p->ops[k].vreg);
        }
    }
    if (p->def < p->n) {
        s->busy = tied < p->n ? reg_bit(p->ops[tied].loc) : 0;
        place_def(s, p, p->def);
        if (dies(s, p->ops[p->def].vreg)) {
            scan_leave_home(s, p->ops[p->def].vreg);
        }
    }
    scan_end_group(s, taken);
}

static void place_all(struct scan *s, struct place *p)
{
    regset_t kept = 0;
    read_operands(s, p);
    if (has_kinds(p, PLAIN_KINDS)) {
        pin_uses(s, p);
        commute(s, p);
    }
    clear_registers(s, p);
    place_fixed(s, p);
    if (has_kinds(p, PLAIN_KINDS)) {
        place_uses(s, p);
    }
    if (has_kinds(p, TEMP_KINDS)) {
        place_temps(s, p, &kept);
    }
    regset_t taken = add_moves(s);
    end_uses(s, p);
    if (has_kinds(p, DEF_KINDS)) {
        place_defs(s, p, kept);
    }
    scan_end_group(s, taken);
}

void scan_inst(struct scan *s, uint32_t position)
{
    const struct mir_inst *inst = &s->mf->insts[position];
    struct place p = {.inst = inst,
                      .ops = &s->mf->operands[inst->first],
                      .n = inst->n_operands,
                      .def = NO_OPERAND};
    if (p.n == 0 && (inst->flags & MIR_CALL) == 0) {
        return;
    }
    s->at = position;
    s->stamp++;
    s->n_touched = 0;
    s->busy = 0;
    while (s->n_claims > 0 && s->claims[s->n_claims - 1].at <= position) {
        s->n_claims--;
    }
    scan_begin_group(s, RANK_PLACE, position);
    if (read_simple(s, &p)) {
        place_simple(s, &p);
    } else {
        s->busy = 0;
        p.def = NO_OPERAND;
        place_all(s, &p);
    }
}
