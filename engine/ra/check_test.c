/*
 * The checker itself: code that runs differently from what was allocated must not pass it. Correct
 * allocations are damaged in one place at random; whenever the interpreter notices on some way
 * through the program, the checker has to have complained.
 */
#include "engine/ra/test_random.h"

#define ARENA_BYTES (64u << 20)
#define N_PROGRAMS 400u
#define N_DAMAGES 24u
#define N_WAYS 4u
#define N_BLOCKS_MAX 100u

struct damage {
    struct mir_func *mf;
    struct rng rng;
};

static uint8_t any_register(struct damage *d, uint8_t loc)
{
    return (uint8_t)((loc >= REG_VEC0 ? REG_VEC0 : 0) + rng_below(&d->rng, 4));
}

static bool damage_operand(struct damage *d)
{
    struct mir_operand *op = &d->mf->operands[rng_below(&d->rng, d->mf->n_operands)];
    bool is_plain = op->kind == OPERAND_USE || op->kind == OPERAND_DEF;
    if (!is_plain || op->loc >= 64) {
        return false;
    }
    op->loc = any_register(d, op->loc);
    return true;
}

static bool damage_move(struct damage *d)
{
    if (d->mf->n_moves < 2) {
        return false;
    }
    struct mir_move *move = &d->mf->moves[rng_below(&d->rng, d->mf->n_moves - 1)];
    uint32_t before = move->before, what = rng_below(&d->rng, 3);
    if (what == 0 && move[1].before == before) { /* two in the wrong order */
        struct mir_move other = *move;
        *move = move[1];
        move[1] = other;
    } else if (what == 1 && move->to < 64) {
        move->to = any_register(d, move->to);
    } else if (what == 2 && move->from < 64) {
        move->from = any_register(d, move->from);
    } else {
        return false;
    }
    return true;
}

/* A move less: it becomes one that follows it. */
static bool drop_move(struct damage *d)
{
    if (d->mf->n_moves < 2) {
        return false;
    }
    uint32_t i = rng_below(&d->rng, d->mf->n_moves);
    memmove(&d->mf->moves[i], &d->mf->moves[i + 1],
            (d->mf->n_moves - i - 1) * sizeof *d->mf->moves);
    d->mf->n_moves--;
    return true;
}

/* Two values share a slot. */
static bool damage_slot(struct damage *d)
{
    uint32_t a = rng_below(&d->rng, d->mf->n_vregs), b = rng_below(&d->rng, d->mf->n_vregs);
    struct vreg *x = &d->mf->vregs[a], *y = &d->mf->vregs[b];
    if (x->slot < 0 || y->slot < 0 || x->slot >= MIR_SLOT_INCOMING ||
        y->slot >= MIR_SLOT_INCOMING || x->size_bytes != y->size_bytes) {
        return false;
    }
    x->slot = y->slot;
    return true;
}

static bool damage_somewhere(struct damage *d)
{
    switch (rng_below(&d->rng, 4)) {
    case 0: return damage_operand(d);
    case 1: return damage_move(d);
    case 2: return drop_move(d);
    default: return damage_slot(d);
    }
}

struct saved {
    struct mir_operand *operands;
    struct mir_move *moves;
    struct vreg *vregs;
    uint32_t n_moves;
};

static struct saved save(const struct mir_func *mf)
{
    struct saved s = {.n_moves = mf->n_moves};
    s.operands = malloc(mf->n_operands * sizeof *s.operands);
    s.moves = malloc(mf->n_moves * sizeof *s.moves + 1);
    s.vregs = malloc(mf->n_vregs * sizeof *s.vregs);
    memcpy(s.operands, mf->operands, mf->n_operands * sizeof *s.operands);
    memcpy(s.moves, mf->moves, mf->n_moves * sizeof *s.moves);
    memcpy(s.vregs, mf->vregs, mf->n_vregs * sizeof *s.vregs);
    return s;
}

static void restore(const struct saved *s, struct mir_func *mf)
{
    mf->n_moves = s->n_moves;
    memcpy(mf->operands, s->operands, mf->n_operands * sizeof *s->operands);
    memcpy(mf->moves, s->moves, mf->n_moves * sizeof *s->moves);
    memcpy(mf->vregs, s->vregs, mf->n_vregs * sizeof *s->vregs);
}

static bool runs_the_same(const struct mir_func *mf, const struct ra_machine *machine,
                          const uint64_t *runs)
{
    for (uint32_t way = 0; way < N_WAYS; way++) {
        if (run_program(mf, machine, true, way, N_BLOCKS_MAX) != runs[way]) {
            return false;
        }
    }
    return true;
}

/* How many damages were harmful. */
static uint32_t try_program(uint64_t seed, struct arena *arena)
{
    struct ra_machine machine = test_machine_small();
    struct mir_func mf;
    uint64_t runs[N_WAYS];
    uint32_t n_harmful = 0, inst;
    arena->used_bytes = 0;
    random_program(seed, arena, &mf);
    assert_int_equal(ra_allocate(&mf, &machine, &(struct ra_options){0}), STATUS_OK);
    assert_null(ra_check(&mf, &machine, &inst));
    for (uint32_t way = 0; way < N_WAYS; way++) {
        runs[way] = run_program(&mf, &machine, true, way, N_BLOCKS_MAX);
    }
    struct saved saved = save(&mf);
    struct damage damage = {.mf = &mf, .rng = {mix(seed, 3)}};
    for (uint32_t i = 0; i < N_DAMAGES; i++) {
        restore(&saved, &mf);
        if (!damage_somewhere(&damage)) {
            continue;
        }
        const char *error = ra_check(&mf, &machine, &inst);
        bool is_harmful = !runs_the_same(&mf, &machine, runs);
        n_harmful += is_harmful;
        if (is_harmful && error == NULL) {
            print_program(&mf, &machine);
            fail_msg("seed %llu, damage %u: not noticed", (unsigned long long)seed, i);
        }
    }
    free(saved.operands);
    free(saved.moves);
    free(saved.vregs);
    return n_harmful;
}

static void test_damage(void **state)
{
    (void)state;
    struct arena arena;
    void *base = aligned_alloc(4096, ARENA_BYTES);
    uint32_t n_harmful = 0;
    assert_non_null(base);
    arena_init(&arena, base, ARENA_BYTES);
    for (uint64_t seed = 1; seed <= N_PROGRAMS; seed++) {
        n_harmful += try_program(seed, &arena);
    }
    assert_true(n_harmful > N_PROGRAMS);
    free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
