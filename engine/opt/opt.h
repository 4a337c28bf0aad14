/*
 * The passes and the analyses they need.
 */
#ifndef ENGINE_OPT_OPT_H
#define ENGINE_OPT_OPT_H

#include "engine/compile.h"

enum pass_analysis : uint8_t { ANALYSIS_LOOPS = 1, ANALYSIS_DOMS = 2 };

enum pass_id : uint8_t {
#define PASS(name, is_optional, needs, breaks) PASS_##name,
#include "engine/opt/passes.def"
#undef PASS
    PASS_COUNT
};

#define PASS(name, is_optional, needs, breaks) MUST_CHECK status_t pass_##name(struct compile *cx);
#include "engine/opt/passes.def"
#undef PASS

struct pass_info {
    const char *name;
    status_t (*run)(struct compile *cx);
    uint8_t needs, breaks; /* enum pass_analysis */
};

extern const struct pass_info pass_infos[PASS_COUNT];

/* Runs all passes that the options leave on, with verification and dumps as they ask. */
MUST_CHECK status_t opt_run(struct compile *cx);

/* Makes fn->loops, the loop of each block, and the loops' effects. Scratch from the arena. */
MUST_CHECK status_t opt_find_loops(struct ssa_func *fn);

/* How often each value is used, as an array by value; arguments are resolved on the way. In the
 * scratch arena, as the order below. */
MUST_CHECK status_t opt_count_uses(struct compile *cx, uint32_t **n_uses);

/*
 * The order in which code is laid out, critical edges split (blocks are added at the end, so the
 * numbering is no reverse postorder afterwards).
 */
MUST_CHECK status_t opt_layout(struct compile *cx, uint32_t **order, uint32_t *n_order);

/* Whether an instruction must stay though nobody uses its value. */
bool opt_has_effect(const struct ssa_func *fn, const struct ssa_inst *inst);

/* Whether there may be an instruction from first to last, in the order of their numbers. */
static inline bool opt_has_op(const struct ssa_func *fn, uint16_t first, uint16_t last)
{
    bool has_op = false;
    for (uint32_t i = 1; i < fn->n_insts; i++) {
        has_op |= fn->insts[i].op >= first && fn->insts[i].op <= last;
    }
    return has_op;
}

static inline bool opt_in_loop(const struct ssa_func *fn, uint32_t loop, uint32_t outer)
{
    while (fn->loops[loop].depth > fn->loops[outer].depth) {
        loop = fn->loops[loop].parent;
    }
    return loop == outer;
}

#endif
