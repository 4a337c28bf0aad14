/*
 * Registers: which one a value gets, and who has to leave.
 */
#include "engine/ra/scan.h"

void scan_touch(struct scan *s, uint32_t vreg)
{
    if (s->origin_stamp[vreg] != s->stamp) {
        s->origin_stamp[vreg] = s->stamp;
        s->origin[vreg] = s->home[vreg];
        s->touched[s->n_touched++] = vreg;
    }
}

void scan_leave_home(struct scan *s, uint32_t vreg)
{
    uint8_t reg = s->home[vreg];
    if (reg < 64) {
        s->holds[reg] = 0;
        s->occupied &= ~reg_bit(reg);
    }
    s->home[vreg] = LOC_STACK;
}

void scan_set_home(struct scan *s, uint32_t vreg, uint8_t reg)
{
    scan_leave_home(s, vreg);
    s->home[vreg] = reg;
    s->holds[reg] = vreg;
    s->occupied |= reg_bit(reg);
    s->used_callee_saved |= reg_bit(reg) & s->machine->callee_saved;
}

void scan_evict(struct scan *s, uint32_t vreg)
{
    scan_touch(s, vreg);
    scan_leave_home(s, vreg);
    if (!vreg_is_remat(&s->mf->vregs[vreg]) && !vreg_is_incoming(&s->mf->vregs[vreg])) {
        s->needs_slot[vreg] = 1;
    }
}

static uint8_t random_of(struct scan *s, regset_t set)
{
    uint32_t n = scan_random(s, (uint32_t)__builtin_popcountll(set));
    while (n-- > 0) {
        set &= set - 1;
    }
    return regset_first(set);
}

/* The first of the machine's order that is in the set. */
static uint8_t first_of(const struct scan *s, uint8_t class, regset_t set)
{
    for (const uint8_t *reg = s->machine->order[class]; *reg != REG_NONE; reg++) {
        if ((set >> *reg & 1) != 0) {
            return *reg;
        }
    }
    return regset_first(set);
}

/* Registers that other values want soon: the hints of those in registers, by their own. */
static uint8_t hinted(const struct scan *s, const struct vreg *vreg, regset_t set)
{
    if (vreg->hint != REG_NONE && (set >> vreg->hint & 1) != 0) {
        return vreg->hint;
    }
    uint32_t other = vreg->hint_vreg;
    if (other != 0 && s->home[other] < 64 && (set >> s->home[other] & 1) != 0) {
        return s->home[other];
    }
    if (other != 0 && s->def_reg[other] < 64 && (set >> s->def_reg[other] & 1) != 0) {
        return s->def_reg[other];
    }
    return REG_NONE;
}

uint8_t scan_find_free(struct scan *s, uint32_t vreg, regset_t allowed)
{
    const struct vreg *v = &s->mf->vregs[vreg];
    regset_t set = allowed & scan_class_regs(s, vreg) & ~s->occupied & ~s->busy;
    if (set == 0) {
        return REG_NONE;
    }
    if (s->rng != 0) {
        return random_of(s, set);
    }
    regset_t kept = set & s->machine->callee_saved;
    if (s->l.crosses_call[vreg] && kept != 0) {
        uint8_t reg = hinted(s, v, kept);
        regset_t opened = kept & s->used_callee_saved;
        return reg != REG_NONE ? reg : first_of(s, v->class, opened != 0 ? opened : kept);
    }
    uint8_t reg = hinted(s, v, set);
    if (reg != REG_NONE) {
        return reg;
    }
    regset_t scratch = set & ~s->machine->callee_saved;
    regset_t opened = set & s->used_callee_saved;
    return first_of(s, v->class, scratch != 0 ? scratch : opened != 0 ? opened : set);
}

/* How good it is to evict: the further the next use the better; who needs no store is better. */
static uint32_t eviction_gain(const struct scan *s, uint32_t vreg)
{
    uint32_t next = s->next[vreg];
    uint32_t distance = next == POSITION_NEVER ? DISTANCE_MAX : next - s->at;
    const struct vreg *v = &s->mf->vregs[vreg];
    if (vreg_is_const(v) && v->class == CLASS_GPR) {
        return distance < DISTANCE_MAX / 16 ? distance * 16 + 64 : DISTANCE_MAX;
    }
    if (vreg_is_remat(v) || vreg_is_incoming(v) || s->needs_slot[vreg]) {
        return distance < DISTANCE_MAX / 2 ? distance * 2 : DISTANCE_MAX;
    }
    return distance;
}

static uint32_t choose_victim(struct scan *s, regset_t set)
{
    if (s->rng != 0) {
        return s->holds[random_of(s, set)];
    }
    uint32_t best = 0, best_gain = 0;
    for (; set != 0; set &= set - 1) {
        uint32_t vreg = s->holds[regset_first(set)];
        uint32_t gain = eviction_gain(s, vreg);
        if (best == 0 || gain > best_gain) {
            best = vreg;
            best_gain = gain;
        }
    }
    return best;
}

uint8_t scan_take(struct scan *s, uint32_t vreg, regset_t allowed)
{
    uint8_t reg = scan_find_free(s, vreg, allowed);
    if (reg != REG_NONE) {
        return reg;
    }
    regset_t set = allowed & scan_class_regs(s, vreg) & s->occupied & ~s->busy;
    if (set == 0) { /* the instruction demands more registers than there are */
        s->status = ERR_INTERNAL;
        return regset_first(scan_class_regs(s, vreg));
    }
    uint32_t victim = choose_victim(s, set);
    reg = s->home[victim];
    scan_evict(s, victim);
    return reg;
}
