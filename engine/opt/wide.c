/*
 * Multi-word multiplication: the 128-bit product of two 64-bit numbers, which WebAssembly 2.0 can
 * only say in four 32-bit products, becomes the CPU's own.
 *
 * With a = ah:al and b = bh:bl, all of 32 bits, compilers' runtimes (__multi3) and hand-written
 * code compute (Knuth, TAOCP 4.3.1, algorithm M):
 *
 *     ll  = al * bl
 *     m1  = (ll >> 32) + ah * bl
 *     m2  = (m1 & M) + al * bh
 *     low  = m2 << 32 | ll & M                  = a * b
 *     high = ah * bh + (m1 >> 32) + (m2 >> 32)  = mulhi_u(a, b)
 *
 * The pass looks at each m2 >> 32, recognises a and b behind it, and then, among the terms of the
 * sum that it is part of (in any order, with others in between), the two that belong to it. The
 * low word is found by its shift. What is left over is dead.
 */
#include "engine/opt/opt.h"

#define LOW_MASK UINT64_C(0xffffffff)
#define TERMS_MAX 8

struct product {
    val_t a, b, m1, ll;
};

static bool is_op(const struct ssa_func *fn, val_t v, enum ssa_op op)
{
    return ssa_inst(fn, v)->op == op && ssa_inst(fn, v)->type == T_I64;
}

static val_t arg(const struct ssa_func *fn, val_t v, uint32_t k)
{
    return ssa_resolve(fn, (val_t){ssa_inst(fn, v)->arg[k]});
}

static bool is_binary_const(const struct ssa_func *fn, val_t v, enum ssa_op op, uint64_t c)
{
    uint64_t bits;
    return is_op(fn, v, op) && ssa_is_const(fn, arg(fn, v, 1), &bits) && bits == c;
}

static bool is_high_half(const struct ssa_func *fn, val_t v, val_t *of)
{
    *of = is_binary_const(fn, v, SSA_SHR_U, 32) ? arg(fn, v, 0) : VAL_NONE;
    return of->i != 0;
}

static bool is_low_half(const struct ssa_func *fn, val_t v, val_t *of)
{
    *of = is_binary_const(fn, v, SSA_AND, LOW_MASK) ? arg(fn, v, 0) : VAL_NONE;
    return of->i != 0;
}

/* v = the low half of one number times the high half of another. */
static bool is_cross(const struct ssa_func *fn, val_t v, val_t *low_of, val_t *high_of)
{
    if (!is_op(fn, v, SSA_MUL)) {
        return false;
    }
    val_t x = arg(fn, v, 0), y = arg(fn, v, 1);
    return (is_low_half(fn, x, low_of) && is_high_half(fn, y, high_of)) ||
           (is_low_half(fn, y, low_of) && is_high_half(fn, x, high_of));
}

/* m1 = (ll >> 32) + high(a) * low(b), in either order. */
static bool is_first_middle(const struct ssa_func *fn, val_t v, struct product *p)
{
    if (!is_op(fn, v, SSA_ADD)) {
        return false;
    }
    for (uint32_t k = 0; k < 2; k++) {
        val_t x, y;
        if (is_high_half(fn, arg(fn, v, k), &p->ll) &&
            is_cross(fn, arg(fn, v, 1 - k), &p->b, &p->a) && is_op(fn, p->ll, SSA_MUL) &&
            is_low_half(fn, arg(fn, p->ll, 0), &x) && is_low_half(fn, arg(fn, p->ll, 1), &y)) {
            return (x.i == p->a.i && y.i == p->b.i) || (x.i == p->b.i && y.i == p->a.i);
        }
    }
    return false;
}

/* m2 = (m1 & M) + low(a) * high(b). */
static bool is_second_middle(const struct ssa_func *fn, val_t v, struct product *p)
{
    if (!is_op(fn, v, SSA_ADD)) {
        return false;
    }
    for (uint32_t k = 0; k < 2; k++) {
        val_t low_of, high_of;
        if (is_low_half(fn, arg(fn, v, k), &p->m1) && is_first_middle(fn, p->m1, p) &&
            is_cross(fn, arg(fn, v, 1 - k), &low_of, &high_of)) {
            return low_of.i == p->a.i && high_of.i == p->b.i;
        }
    }
    return false;
}

static bool is_high_product(const struct ssa_func *fn, val_t v, const struct product *p)
{
    val_t x, y;
    return is_op(fn, v, SSA_MUL) && is_high_half(fn, arg(fn, v, 0), &x) &&
           is_high_half(fn, arg(fn, v, 1), &y) &&
           ((x.i == p->a.i && y.i == p->b.i) || (x.i == p->b.i && y.i == p->a.i));
}

static bool is_high_of(const struct ssa_func *fn, val_t v, val_t of)
{
    val_t x;
    return is_high_half(fn, v, &x) && x.i == of.i;
}

static val_t new_before(struct ssa_func *fn, uint32_t before, enum ssa_op op, val_t a, val_t b)
{
    val_t v = ssa_new(fn, op, T_I64);
    fn->insts[v.i].arg[0] = a.i;
    fn->insts[v.i].arg[1] = b.i;
    fn->insts[v.i].pos = fn->insts[before].pos;
    ssa_insert_before(fn, (val_t){before}, v);
    return v;
}

/* The terms of a sum, its inner sums opened. */
static uint32_t list_terms(const struct ssa_func *fn, val_t sum, val_t terms[TERMS_MAX])
{
    uint32_t n = 1;
    terms[0] = sum;
    for (uint32_t i = 0; i < n;) {
        if (is_op(fn, terms[i], SSA_ADD) && n < TERMS_MAX) {
            val_t v = terms[i];
            terms[i] = arg(fn, v, 0);
            terms[n++] = arg(fn, v, 1);
        } else {
            i++;
        }
    }
    return n;
}

/* The place of the first of three kinds of terms; n if there is none. */
static uint32_t find_term(const struct ssa_func *fn, const val_t *terms, uint32_t n,
                          const struct product *p, val_t half_of)
{
    uint32_t i = 0;
    while (i < n && !(half_of.i != 0 ? is_high_of(fn, terms[i], half_of)
                                     : is_high_product(fn, terms[i], p))) {
        i++;
    }
    return i;
}

/* A sum that has all of the high word's terms, and others: mulhi_u and the others. */
static void rewrite_high(struct ssa_func *fn, uint32_t sum)
{
    val_t terms[TERMS_MAX];
    uint32_t n = list_terms(fn, (val_t){sum}, terms);
    for (uint32_t i = 0; i < n; i++) {
        struct product p;
        val_t m2;
        if (!is_high_half(fn, terms[i], &m2) || !is_second_middle(fn, m2, &p)) {
            continue;
        }
        uint32_t j = find_term(fn, terms, n, &p, p.m1), k = find_term(fn, terms, n, &p, VAL_NONE);
        if (j == n || k == n || j == i) {
            continue;
        }
        val_t total = new_before(fn, sum, SSA_MULHI_U, p.a, p.b);
        for (uint32_t t = 0; t < n; t++) {
            if (t != i && t != j && t != k) {
                total = new_before(fn, sum, SSA_ADD, total, terms[t]);
            }
        }
        ssa_remove(fn, (val_t){sum}, total);
        return;
    }
}

/* m2 << 32 | ll & M: the low word. Also as a sum. */
static void rewrite_low(struct ssa_func *fn, uint32_t v)
{
    for (uint32_t k = 0; k < 2; k++) {
        struct product p;
        val_t ll, shifted = arg(fn, (val_t){v}, k);
        if (is_binary_const(fn, shifted, SSA_SHL, 32) &&
            is_second_middle(fn, arg(fn, shifted, 0), &p) &&
            is_low_half(fn, arg(fn, (val_t){v}, 1 - k), &ll) && ll.i == p.ll.i) {
            ssa_remove(fn, (val_t){v}, new_before(fn, v, SSA_MUL, p.a, p.b));
            return;
        }
    }
}

status_t pass_wide(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    bool has_cross = false; /* most functions have nothing of the kind */
    for (uint32_t i = 1; i < fn->n_insts && !has_cross; i++) {
        val_t x, y;
        has_cross = is_cross(fn, (val_t){i}, &x, &y);
    }
    for (uint32_t b = 0; has_cross && b < fn->n_blocks; b++) {
        uint32_t prev;
        for (uint32_t v = fn->blocks[b].last; v != 0; v = prev) { /* whole sums before parts */
            prev = fn->insts[v].prev;
            if (fn->insts[v].type != T_I64) {
                continue;
            }
            status_t status = ssa_reserve_insts(fn, TERMS_MAX + 1);
            if (status != STATUS_OK) {
                return status;
            }
            if (fn->insts[v].op == SSA_ADD) {
                rewrite_high(fn, v);
            } else if (fn->insts[v].op == SSA_OR) {
                rewrite_low(fn, v);
            }
        }
    }
    return STATUS_OK;
}
