/*
 * The pass driver: runs passes.def in order, makes the analyses each needs, and in checked
 * builds verifies the function after each.
 */
#include "engine/opt/opt.h"

#include <string.h>

#define LOOPS ANALYSIS_LOOPS
#define DOMS ANALYSIS_DOMS
const struct pass_info pass_infos[PASS_COUNT] = {
#define PASS(name, is_optional, needs, breaks) {#name, pass_##name, needs, breaks},
#include "engine/opt/passes.def"
#undef PASS
};
#undef LOOPS
#undef DOMS

const char *engine_pass_name(uint32_t i)
{
    return i < PASS_COUNT ? pass_infos[i].name : NULL;
}

static void dump(struct compile *cx, const char *stage)
{
    const struct engine_dump *d = cx->options->dump;
    if (d != NULL && d->wants(d->ctx, cx->funcidx, stage)) {
        ssa_print(cx->fn, &(struct ssa_text){d->put, d->ctx});
    }
}

static status_t verify(struct compile *cx, const char *stage)
{
    if (!cx->options->is_checked) {
        return STATUS_OK;
    }
    uint32_t culprit = 0;
    const char *wrong = ssa_verify(cx->fn, &culprit);
    if (wrong == NULL) {
        return STATUS_OK;
    }
    return compile_fail(cx->error, ERR_INTERNAL, 0, "after %s, function %u: v%u: %s", stage,
                        cx->funcidx, culprit, wrong);
}

static status_t make_analyses(struct compile *cx, uint8_t wanted)
{
    if ((wanted & ANALYSIS_DOMS) != 0) {
        ssa_dominators(cx->fn);
    }
    return (wanted & ANALYSIS_LOOPS) != 0 ? opt_find_loops(cx->fn) : STATUS_OK;
}

status_t opt_run(struct compile *cx)
{
    uint8_t valid = ANALYSIS_LOOPS | ANALYSIS_DOMS;
    status_t status = make_analyses(cx, valid);
    dump(cx, "ssa");
    if (status == STATUS_OK) {
        status = verify(cx, "ssa");
    }
    for (uint32_t i = 0; status == STATUS_OK && i < PASS_COUNT; i++) {
        const struct pass_info *pass = &pass_infos[i];
        if ((cx->options->passes_off >> i & 1) != 0) {
            continue;
        }
        status = make_analyses(cx, pass->needs & (uint8_t)~valid);
        valid |= pass->needs;
        size_t mark = arena_mark(cx->scratch);
        if (status == STATUS_OK) {
            status = pass->run(cx);
        }
        arena_release(cx->scratch, mark);
        valid &= (uint8_t)~pass->breaks;
        dump(cx, pass->name);
        if (status == STATUS_OK) {
            status = verify(cx, pass->name);
        }
    }
    return status;
}
