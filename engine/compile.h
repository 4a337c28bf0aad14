/*
 * One function on its way through the compiler: what every stage gets.
 */
#ifndef ENGINE_COMPILE_H
#define ENGINE_COMPILE_H

#include "engine/engine.h"
#include "engine/ssa/ssa.h"

struct mir_func;
struct target;

struct compile {
    const struct engine_module *module;
    const struct engine_options *options;
    const struct target *target;
    struct arena *arena;   /* reset after each function */
    struct arena *scratch; /* reset after each stage and each pass: nothing in it outlives them */
    struct engine_error *error;
    const struct engine_template *const *import_templates; /* as in struct engine_compile */
    uint32_t funcidx;
    struct ssa_func *fn;
};

/* Records why a module is refused, and returns status. printf-like; offset in module bytes. */
[[gnu::format(printf, 4, 5)]] status_t compile_fail(struct engine_error *error, status_t status,
                                                    uint64_t offset, const char *text, ...);

/* Feature tests. */
static inline bool compile_has_cpu(const struct compile *cx, uint64_t feature)
{
    return (cx->options->cpu_features & feature) == feature;
}

/* Memory 0 is imported: its base is not the instance pointer. */
static inline bool compile_memory_is_imported(const struct compile *cx)
{
    return cx->module->n_memory_imports != 0;
}

#endif
