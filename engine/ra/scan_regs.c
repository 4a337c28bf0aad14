/*
 * Registers: which one a value gets, and who has to leave.
 *
 * A value likes, in this order: the register that a fixed operand will want it in, or one of its
 * web's (whichever is in the hotter code); if it lives across calls, one that calls keep; else one
 * that no fixed operand claims while the value lives, of those that needn't be saved.
 *
 * An eviction stores the value there and then, unless its slot is valid already; but one in hotter
 * code than the definition has the store right behind the definition instead.
 */
#include "engine/ra/scan.h"

/* ---- Being somewhere ---- */

void scan_touch(struct scan *s, uint32_t vreg)
{
    struct value *value = &s->values[vreg];
    if (value->touch != s->stamp) {
        value->touch = s->stamp;
        value->origin = value->home;
        value->copy = REG_NONE;
        s->touched[s->n_touched++] = vreg;
    }
}

void scan_store_at_definition(struct scan *s, uint32_t vreg)
{
    if ((s->values[vreg].flags & VALUE_FREE) == 0) {
        s->values[vreg].flags |= VALUE_SLOT | VALUE_STORED;
    }
}

void scan_evict(struct scan *s, uint32_t vreg)
{
    struct value *value = &s->values[vreg];
    scan_touch(s, vreg);
    scan_leave_home(s, vreg);
    if ((value->flags & VALUE_FREE) != 0) {
        return;
    }
    value->flags |= VALUE_SLOT;
    if (value->origin >= 64 || (value->flags & (VALUE_CLEAN | VALUE_STORED)) != 0) {
        return;
    }
    if (s->weight > value->def_weight) {
        scan_store_at_definition(s, vreg);
    } else {
        scan_pair(s, (struct pair){
                         .from = value->origin, .to = LOC_STACK, .vreg = vreg, .vreg_to = vreg});
    }
}

/* ---- Choosing ---- */

static uint8_t random_of(struct scan *s, regset_t set)
{
    uint32_t n = scan_random(s, (uint32_t)__builtin_popcountll(set));
    while (n-- > 0) {
        set &= set - 1;
    }
    return regset_first(set);
}

/* The first of the machine's order that is in the set. */
static uint8_t first_of(const struct scan *s, enum reg_class class, regset_t set)
{
    for (const uint8_t *reg = s->machine->order[class]; *reg != REG_NONE; reg++) {
        if ((set >> *reg & 1) != 0) {
            return *reg;
        }
    }
    return regset_first(set);
}

/* like: the third best. */
static uint8_t liked(const struct scan *s, const struct value *value, regset_t set, uint8_t like)
{
    const struct value *root = &s->values[scan_web(s->values, (uint32_t)(value - s->values))];
    bool has_hint = value->hint != REG_NONE && (set >> value->hint & 1) != 0;
    bool has_web = root->web_reg != REG_NONE && (set >> root->web_reg & 1) != 0;
    if (has_hint && has_web) {
        return root->web_weight > value->hint_weight ? root->web_reg : value->hint;
    }
    return has_hint                                     ? value->hint
           : has_web                                    ? root->web_reg
           : like != REG_NONE && (set >> like & 1) != 0 ? like
                                                        : REG_NONE;
}

/* Registers that fixed operands want between here and the value's next use, and at that. */
static regset_t claimed(const struct scan *s, const struct value *value)
{
    regset_t regs = 0;
    uint32_t low = s->n_claims > CLAIMS_LOOKED_AT ? s->n_claims - CLAIMS_LOOKED_AT : 0;
    for (uint32_t i = s->n_claims; i > low && s->claims[i - 1].at <= value->next; i--) {
        regs |= s->claims[i - 1].regs;
    }
    return value->next == NEXT_NONE ? 0 : regs;
}

uint8_t scan_find_free(struct scan *s, uint32_t vreg, regset_t allowed, uint8_t like)
{
    const struct value *value = &s->values[vreg];
    enum reg_class class = value_class(value);
    regset_t set = allowed & s->machine->allocatable[class] & ~s->occupied & ~s->busy;
    if (set == 0) {
        return REG_NONE;
    }
    if (s->rng != 0) {
        return random_of(s, set);
    }
    regset_t kept = set & s->machine->callee_saved;
    if ((value->flags & VALUE_CROSSES) != 0 && kept != 0) {
        uint8_t reg = liked(s, value, kept, like);
        return reg != REG_NONE           ? reg
               : (kept & s->opened) != 0 ? first_of(s, class, kept & s->opened)
                                         : first_of(s, class, kept);
    }
    uint8_t reg = liked(s, value, set, like);
    if (reg != REG_NONE) {
        return reg;
    }
    regset_t cheap = set & (~s->machine->callee_saved | s->opened);
    regset_t quiet = cheap & ~claimed(s, value);
    if ((quiet & ~s->machine->callee_saved) != 0) {
        quiet &= ~s->machine->callee_saved;
    }
    return first_of(s, class, quiet != 0 ? quiet : cheap != 0 ? cheap : set);
}

/* How good it is to evict: the further the next use the better; who needs no store is better. */
static uint32_t eviction_gain(const struct scan *s, uint32_t vreg)
{
    const struct value *value = &s->values[vreg];
    uint32_t distance = value->next == NEXT_NONE ? DISTANCE_MAX : value->next - s->at;
    if ((value->flags & (VALUE_CONST | VALUE_VEC | VALUE_HOISTED)) == VALUE_CONST) {
        return distance < DISTANCE_MAX / 16 ? distance * 16 + 64 : DISTANCE_MAX;
    }
    if ((value->flags & (VALUE_FREE | VALUE_STORED | VALUE_CLEAN)) != 0) {
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

/* Makes a victim leave. One that ends here is only read by fixed operands, from where it was. */
static uint8_t expel(struct scan *s, uint32_t victim)
{
    uint8_t reg = s->values[victim].home;
    if (s->values[victim].next == NEXT_NONE) {
        scan_touch(s, victim);
        scan_leave_home(s, victim);
    } else {
        scan_evict(s, victim);
    }
    return reg;
}

uint8_t scan_take(struct scan *s, uint32_t vreg, regset_t allowed, uint8_t like)
{
    uint8_t reg = scan_find_free(s, vreg, allowed, like);
    if (reg != REG_NONE) {
        return reg;
    }
    regset_t set = allowed & scan_class_regs(s, vreg) & s->occupied & ~s->busy;
    if (set == 0) { /* the instruction demands more registers than there are */
        s->status = ERR_INTERNAL;
        return regset_first(scan_class_regs(s, vreg));
    }
    return expel(s, choose_victim(s, set));
}

uint8_t scan_oust(struct scan *s, uint32_t vreg, regset_t allowed)
{
    regset_t set = allowed & scan_class_regs(s, vreg) & s->occupied & ~s->busy;
    if (set == 0 || s->rng != 0) {
        return REG_NONE;
    }
    uint32_t victim = choose_victim(s, set);
    if (eviction_gain(s, victim) / 4 <= s->values[vreg].next - s->at + 8) {
        return REG_NONE;
    }
    return expel(s, victim);
}
