/*
 * Random programs for the allocator's tests: structured control (so the graph is reducible) with
 * loops, breaks, switches and cold traps; every kind of operand; parameters everywhere.
 */
#ifndef ENGINE_RA_TEST_RANDOM_H
#define ENGINE_RA_TEST_RANDOM_H

#include "engine/ra/test_program.h"

struct random {
    struct build b;
    struct rng rng;
    uint32_t avail[2][4096]; /* by class: values whose definitions dominate this place */
    uint32_t n_avail[2];
    uint32_t budget;   /* instructions that may still be made */
    uint32_t locality; /* percent of uses that are of recent values */
    uint32_t call_percent;
    uint32_t block; /* being made */
    bool is_cold[4096];
    struct random_exits {
        uint32_t from[16];
        uint32_t args[16][4];
        uint32_t n;
    } *exits; /* of the innermost loop: blocks that will jump behind it */
    uint8_t exit_class[4];
    uint32_t n_exit_params;
};

struct random_mark {
    uint32_t n[2];
};

static inline struct random_mark random_mark(const struct random *g)
{
    return (struct random_mark){{g->n_avail[0], g->n_avail[1]}};
}

static inline void random_release(struct random *g, struct random_mark mark)
{
    g->n_avail[0] = mark.n[0];
    g->n_avail[1] = mark.n[1];
}

static inline uint8_t random_size(struct random *g, uint8_t class)
{
    static const uint8_t sizes[2][4] = {{4, 8, 8, 8}, {4, 8, 8, 16}};
    return sizes[class][rng_below(&g->rng, 4)];
}

static inline uint32_t random_const(struct random *g, uint8_t class)
{
    uint32_t v = build_vreg(&g->b, class, class == CLASS_GPR ? 8 : random_size(g, class));
    struct vreg *vreg = &g->b.mf->vregs[v];
    vreg->flags = VREG_CONST;
    vreg->imm = rng_below(&g->rng, 1000);
    if (vreg->size_bytes == 16) {
        vreg->flags |= VREG_VCONST;
        vreg->imm %= 4;
    }
    return v;
}

static inline uint32_t random_use(struct random *g, uint8_t class)
{
    uint32_t n = g->n_avail[class];
    if (n == 0 || rng_percent(&g->rng, 8)) {
        uint32_t v = random_const(g, class);
        if (rng_percent(&g->rng, 50) && n < 4000) {
            g->avail[class][g->n_avail[class]++] = v;
        }
        return v;
    }
    if (rng_percent(&g->rng, g->locality)) {
        uint32_t recent = n < 6 ? n : 6;
        return g->avail[class][n - 1 - rng_below(&g->rng, recent)];
    }
    return g->avail[class][rng_below(&g->rng, n)];
}

static inline void random_add(struct random *g, uint32_t v)
{
    uint8_t class = g->b.mf->vregs[v].class;
    if (g->n_avail[class] < 4000) {
        g->avail[class][g->n_avail[class]++] = v;
    }
}

static inline uint32_t random_new(struct random *g, uint8_t class)
{
    return build_vreg(&g->b, class, random_size(g, class));
}

static inline void random_op(struct random *g, enum operand_kind kind, uint32_t v, uint8_t reg)
{
    build_op(&g->b, kind, v, reg);
}

/* ---- Instructions ---- */

static inline void random_plain(struct random *g)
{
    uint8_t class = rng_percent(&g->rng, 30);
    uint32_t def = random_new(g, class);
    build_inst(&g->b, TEST_PLAIN, 0);
    random_op(g, OPERAND_DEF, def, REG_NONE);
    random_op(g, OPERAND_USE, random_use(g, class), REG_NONE);
    random_op(g, rng_percent(&g->rng, 50) ? OPERAND_USE : OPERAND_USE_ANY,
              random_use(g, rng_percent(&g->rng, 20) ? !class : class), REG_NONE);
    random_add(g, def);
}

static inline void random_tied(struct random *g)
{
    uint8_t class = rng_percent(&g->rng, 30);
    uint32_t def = random_new(g, class);
    bool commutes = rng_percent(&g->rng, 50);
    build_inst(&g->b, TEST_PLAIN, commutes ? MIR_COMMUTES : 0);
    random_op(g, OPERAND_DEF_TIED, def, 1);
    random_op(g, OPERAND_USE, random_use(g, class), REG_NONE);
    random_op(g, rng_percent(&g->rng, 30) ? OPERAND_USE : OPERAND_USE_ANY, random_use(g, class),
              REG_NONE);
    random_add(g, def);
}

static inline void random_shift(struct random *g)
{
    uint32_t def = random_new(g, CLASS_GPR);
    build_inst(&g->b, TEST_PLAIN, 0);
    random_op(g, OPERAND_DEF_TIED, def, 1);
    random_op(g, OPERAND_USE, random_use(g, CLASS_GPR), REG_NONE);
    random_op(g, OPERAND_USE_FIXED, random_use(g, CLASS_GPR), 1);
    random_add(g, def);
}

static inline void random_divide(struct random *g)
{
    uint32_t low = random_new(g, CLASS_GPR), high = random_new(g, CLASS_GPR);
    build_inst(&g->b, TEST_PLAIN, 0);
    random_op(g, rng_percent(&g->rng, 50) ? OPERAND_USE : OPERAND_USE_ANY, random_use(g, CLASS_GPR),
              REG_NONE);
    random_op(g, OPERAND_USE_FIXED, random_use(g, CLASS_GPR), 0);
    random_op(g, OPERAND_USE_FIXED, random_use(g, CLASS_GPR), 2);
    random_op(g, OPERAND_DEF_FIXED, low, 0);
    random_op(g, OPERAND_DEF_FIXED, high, 2);
    random_add(g, rng_percent(&g->rng, 50) ? low : high);
}

static inline void random_call(struct random *g)
{
    static const uint8_t gprs[] = {2, 1, 0}, vecs[] = {32, 33};
    uint32_t results[3], n_results = 0;
    build_inst(&g->b, TEST_CALL, MIR_CALL);
    uint32_t n = rng_below(&g->rng, 4);
    for (uint32_t k = 0; k < n; k++) {
        random_op(g, OPERAND_USE_FIXED, random_use(g, CLASS_GPR), gprs[k]);
    }
    n = rng_below(&g->rng, 3);
    for (uint32_t k = 0; k < n; k++) {
        random_op(g, OPERAND_USE_FIXED, random_use(g, CLASS_VEC), vecs[k]);
    }
    if (rng_percent(&g->rng, 30)) {
        random_op(g, rng_percent(&g->rng, 50) ? OPERAND_USE : OPERAND_USE_ANY,
                  random_use(g, CLASS_GPR), REG_NONE);
    }
    n = rng_below(&g->rng, 3);
    for (uint32_t k = 0; k < n; k++) {
        results[n_results] = random_new(g, k == 1 ? CLASS_VEC : CLASS_GPR);
        random_op(g, OPERAND_DEF_FIXED, results[n_results++], k == 1 ? 32 : 0);
    }
    for (uint32_t k = 0; k < n_results; k++) {
        random_add(g, results[k]);
    }
}

static inline void random_early(struct random *g)
{
    uint32_t def = random_new(g, CLASS_VEC), other = random_new(g, CLASS_GPR);
    bool has_other = rng_percent(&g->rng, 50);
    build_inst(&g->b, TEST_PLAIN, 0);
    random_op(g, OPERAND_EARLY_DEF, def, REG_NONE);
    random_op(g, OPERAND_USE, random_use(g, CLASS_GPR), REG_NONE);
    random_op(g, OPERAND_TEMP, CLASS_GPR, REG_NONE);
    random_op(g, OPERAND_TEMP, CLASS_VEC, REG_NONE);
    if (has_other) {
        random_op(g, OPERAND_DEF, other, REG_NONE);
        random_add(g, other);
    }
    random_add(g, def);
}

static inline void random_temp_fixed(struct random *g)
{
    uint32_t def = random_new(g, CLASS_GPR);
    build_inst(&g->b, TEST_PLAIN, 0);
    random_op(g, OPERAND_TEMP_FIXED, 0, 1);
    random_op(g, OPERAND_DEF_TIED, def, 2);
    random_op(g, OPERAND_USE, random_use(g, CLASS_GPR), REG_NONE);
    random_op(g, OPERAND_USE, random_use(g, CLASS_GPR), REG_NONE);
    random_add(g, def);
}

static inline void random_move(struct random *g)
{
    uint8_t class = rng_percent(&g->rng, 30);
    uint32_t use = random_use(g, class);
    uint32_t def = build_vreg(&g->b, class, g->b.mf->vregs[use].size_bytes);
    build_inst(&g->b, TEST_MOVE, MIR_MOVE);
    random_op(g, OPERAND_DEF, def, REG_NONE);
    random_op(g, OPERAND_USE, use, REG_NONE);
    random_add(g, def);
}

static inline void random_store(struct random *g)
{
    build_inst(&g->b, TEST_PLAIN, 0);
    uint32_t n = 1 + rng_below(&g->rng, 3);
    for (uint32_t k = 0; k < n; k++) {
        random_op(g, OPERAND_USE, random_use(g, rng_percent(&g->rng, 30)), REG_NONE);
    }
}

static inline void random_remat(struct random *g)
{
    uint32_t def = random_new(g, CLASS_GPR);
    g->b.mf->vregs[def].flags = VREG_REMAT;
    g->b.mf->vregs[def].imm = rng_below(&g->rng, 5000);
    build_inst(&g->b, TEST_REMAT, 0);
    random_op(g, OPERAND_DEF, def, REG_NONE);
    random_add(g, def);
}

static inline void random_inst(struct random *g)
{
    static void (*const makers[])(struct random *g) = {
        random_plain,  random_plain, random_plain,      random_tied, random_tied,  random_shift,
        random_divide, random_early, random_temp_fixed, random_move, random_store, random_remat};
    if (rng_percent(&g->rng, g->call_percent)) {
        random_call(g);
    } else {
        makers[rng_below(&g->rng, sizeof makers / sizeof *makers)](g);
    }
}

static inline void random_insts(struct random *g)
{
    uint32_t n = rng_below(&g->rng, 7);
    for (uint32_t i = 0; i < n && g->budget > 0; i++, g->budget--) {
        random_inst(g);
    }
}

/* ---- Control ---- */

static inline void random_end(struct random *g, enum test_op op)
{
    build_inst(&g->b, op, MIR_END);
    if (op == TEST_BRANCH) {
        uint32_t n = rng_below(&g->rng, 2);
        for (uint32_t k = 0; k < n; k++) {
            random_op(g, rng_percent(&g->rng, 50) ? OPERAND_USE : OPERAND_USE_ANY,
                      random_use(g, CLASS_GPR), REG_NONE);
        }
        if (rng_percent(&g->rng, 20)) {
            random_op(g, OPERAND_TEMP, CLASS_GPR, REG_NONE);
        }
    }
}

static inline uint32_t random_block(struct random *g)
{
    g->block = build_block(&g->b);
    return g->block;
}

/* A general parameter of 8 bytes takes arguments of 4, too; vectors must be of one size. */
#define PARAM_VEC_BYTES 8

/* Classes of some parameters. */
static inline uint32_t random_classes(struct random *g, uint8_t classes[4])
{
    uint32_t n = rng_below(&g->rng, 5);
    for (uint32_t k = 0; k < n; k++) {
        classes[k] = rng_percent(&g->rng, 30);
    }
    return n;
}

static inline void random_args(struct random *g, const uint8_t *classes, uint32_t n, uint32_t *args)
{
    for (uint32_t k = 0; k < n; k++) {
        args[k] = random_use(g, classes[k]);
        while (classes[k] == CLASS_VEC && g->b.mf->vregs[args[k]].size_bytes != PARAM_VEC_BYTES) {
            args[k] =
                rng_percent(&g->rng, 80) ? random_use(g, CLASS_VEC) : random_const(g, CLASS_VEC);
        }
    }
}

static inline void random_params(struct random *g, const uint8_t *classes, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        random_add(g,
                   build_param(&g->b, classes[k], classes[k] == CLASS_GPR ? 8 : PARAM_VEC_BYTES));
    }
}

/* An edge from a branch to a block with this one predecessor, just begun. */
static inline void random_arm(struct random *g, uint32_t from, uint32_t to)
{
    uint32_t args[4];
    uint8_t classes[4];
    uint32_t n = rng_percent(&g->rng, 30) ? random_classes(g, classes) : 0;
    random_args(g, classes, n, args);
    build_edge(&g->b, from, to, args, n);
    random_params(g, classes, n);
}

static inline void random_body(struct random *g, uint32_t depth);

/* if, if-else, switch: n arms that meet; one may end in a trap. */
static inline void random_if(struct random *g, uint32_t depth)
{
    uint32_t n_arms = 2 + rng_below(&g->rng, 2), from[3], args[3][4], n_from = 0;
    uint8_t classes[4];
    uint32_t n_params = random_classes(g, classes);
    uint32_t branch = g->block;
    random_end(g, TEST_BRANCH);
    for (uint32_t k = 0; k < n_arms; k++) {
        struct random_mark mark = random_mark(g);
        random_arm(g, branch, random_block(g));
        random_body(g, depth + 1);
        if (n_from > 0 && k > 0 && rng_percent(&g->rng, 20)) {
            g->is_cold[g->block] = true;
            random_end(g, TEST_BRANCH); /* leads nowhere: a trap */
        } else {
            random_args(g, classes, n_params, args[n_from]);
            from[n_from++] = g->block;
            g->is_cold[g->block] = rng_percent(&g->rng, 10);
            random_end(g, TEST_JUMP);
        }
        random_release(g, mark);
    }
    random_block(g);
    for (uint32_t k = 0; k < n_from; k++) {
        build_edge(&g->b, from[k], g->block, args[k], n_params);
    }
    random_params(g, classes, n_params);
}

/* Leaves the innermost loop by a branch here; goes on in a new block. */
static inline void random_break(struct random *g, uint32_t outer_header, uint32_t outer_depth)
{
    struct random_exits *exits = g->exits;
    uint32_t branch = g->block, header = g->b.loop_header, depth = g->b.loop_depth;
    random_end(g, TEST_BRANCH);
    g->b.loop_header = outer_header;
    g->b.loop_depth = outer_depth;
    struct random_mark mark = random_mark(g);
    random_arm(g, branch, random_block(g));
    random_insts(g);
    random_args(g, g->exit_class, g->n_exit_params, exits->args[exits->n]);
    exits->from[exits->n++] = g->block;
    random_end(g, TEST_JUMP);
    random_release(g, mark);
    g->b.loop_header = header;
    g->b.loop_depth = depth;
    random_arm(g, branch, random_block(g));
}

static inline void random_loop(struct random *g, uint32_t depth)
{
    uint32_t args[4], outer_header = g->b.loop_header, outer_depth = g->b.loop_depth;
    uint8_t classes[4], saved_class[4];
    struct random_exits exits = {0}, *saved_exits = g->exits;
    uint32_t saved_n = g->n_exit_params, n_params = random_classes(g, classes);
    memcpy(saved_class, g->exit_class, 4);
    g->n_exit_params = random_classes(g, g->exit_class);
    g->exits = &exits;
    random_args(g, classes, n_params, args);
    uint32_t before = g->block;
    random_end(g, TEST_JUMP);
    struct random_mark mark = random_mark(g);
    uint32_t header = g->block = build_header(&g->b);
    build_edge(&g->b, before, header, args, n_params);
    random_params(g, classes, n_params);
    random_insts(g);
    bool is_while = rng_percent(&g->rng, 50);
    if (is_while) {
        random_break(g, outer_header, outer_depth);
    }
    random_body(g, depth + 1);
    if (rng_percent(&g->rng, 30)) {
        random_break(g, outer_header, outer_depth);
        random_body(g, depth + 1);
    }
    if (!is_while || rng_percent(&g->rng, 20)) {
        random_break(g, outer_header, outer_depth);
    }
    random_args(g, classes, n_params, args);
    build_edge(&g->b, g->block, header, args, n_params);
    random_end(g, TEST_JUMP);
    random_release(g, mark);
    g->b.loop_header = outer_header;
    g->b.loop_depth = outer_depth;
    random_block(g);
    for (uint32_t k = 0; k < exits.n; k++) {
        build_edge(&g->b, exits.from[k], g->block, exits.args[k], g->n_exit_params);
    }
    random_params(g, g->exit_class, g->n_exit_params);
    g->exits = saved_exits;
    g->n_exit_params = saved_n;
    memcpy(g->exit_class, saved_class, 4);
}

static inline void random_body(struct random *g, uint32_t depth)
{
    uint32_t n = 1 + rng_below(&g->rng, 3);
    random_insts(g);
    for (uint32_t i = 0; i < n && depth < 7 && g->budget > 0; i++) {
        if (rng_percent(&g->rng, 50)) {
            random_if(g, depth);
        } else {
            random_loop(g, depth);
        }
        random_insts(g);
    }
}

/* ---- Whole programs ---- */

/* What arrives: in registers, on the stack. */
static inline void random_entry(struct random *g)
{
    build_inst(&g->b, TEST_PLAIN, 0);
    uint32_t n = rng_below(&g->rng, 4);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t v = build_vreg(&g->b, k == 1, 8);
        random_op(g, OPERAND_DEF_FIXED, v, k == 1 ? 32 : (uint8_t)k);
        random_add(g, v);
    }
    n = rng_below(&g->rng, 3);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t v = build_vreg(&g->b, k == 1, 8);
        g->b.mf->vregs[v].slot = MIR_SLOT_INCOMING + 8 * (int32_t)k;
        random_add(g, v);
    }
}

/* Hints as a target would give them: phis and arguments, tied operands. */
static inline void random_hints(struct random *g)
{
    struct mir_func *mf = g->b.mf;
    for (uint32_t e = 0; e < mf->n_edges; e++) {
        const struct mir_block *to = &mf->blocks[mf->edges[e].to];
        for (uint32_t k = 0; k < to->n_params; k++) {
            uint32_t arg = mf->edge_args[mf->edges[e].args_start + k];
            uint32_t param = mf->params[to->params_start + k];
            if (mf->vregs[arg].hint_vreg == 0) {
                mf->vregs[arg].hint_vreg = param;
            }
            if (mf->vregs[param].hint_vreg == 0 && (mf->vregs[arg].flags & VREG_CONST) == 0) {
                mf->vregs[param].hint_vreg = arg;
            }
        }
    }
}

static inline void random_order(struct random *g)
{
    struct mir_func *mf = g->b.mf;
    uint32_t *order = arena_zalloc(g->b.arena, mf->n_blocks, sizeof *order), n = 0;
    for (uint32_t cold = 0; cold < 2; cold++) {
        for (uint32_t i = 0; i < mf->n_blocks; i++) {
            if ((g->is_cold[i] && !mf->blocks[i].is_loop_header && i != 0) == (cold != 0)) {
                mf->blocks[i].is_cold = cold != 0;
                order[n++] = i;
            }
        }
    }
    build_finish(&g->b, order);
}

/* The same seed makes the same program. */
static inline void random_program(uint64_t seed, struct arena *arena, struct mir_func *mf)
{
    struct random *g = calloc(1, sizeof *g);
    g->rng.state = mix(seed, 77);
    g->budget = 10 + rng_below(&g->rng, rng_percent(&g->rng, 20) ? 400 : 80);
    g->locality = rng_below(&g->rng, 100);
    g->call_percent = rng_percent(&g->rng, 50) ? 0 : rng_below(&g->rng, 20);
    build_init(&g->b, mf, arena, 8192);
    random_block(g);
    random_entry(g);
    while (g->budget > 0) {
        random_body(g, 0);
    }
    build_inst(&g->b, TEST_BRANCH, MIR_END);
    random_op(g, OPERAND_USE_FIXED, random_use(g, CLASS_GPR), 0);
    random_order(g);
    random_hints(g);
    free(g);
}

#endif
