/*
 * A module: an image in the code area, and its decoded skeleton.
 */
#ifndef KERNEL_PROCESS_MODULE_H
#define KERNEL_PROCESS_MODULE_H

#include "kernel/embed.h"
#include "kernel/object/object.h"

struct module {
    uint32_t n_refs;
    const struct engine_image *image; /* in the code area, read-only */
    struct engine_module *contents;   /* decoded from the image's skeleton */
    struct arena pool;
    struct engine_name name;
    struct module_statistics statistics;
    bool is_dense; /* compiled for memories with a constant bound */
};

/* A module as an object that capabilities name. It keeps the module alive. */
struct module_object {
    struct object object;
    struct module *module;
};

static inline const uint8_t *module_code(const struct module *module)
{
    return engine_image_code(module->image);
}

static inline const struct engine_image_func *module_image_func(const struct module *module,
                                                                uint32_t defined)
{
    const uint8_t *image = (const uint8_t *)module->image;
    return (const struct engine_image_func *)(image + module->image->funcs_offset) + defined;
}

static inline const struct engine_image_thunks *module_thunks(const struct module *module,
                                                              uint32_t typeidx)
{
    const uint8_t *image = (const uint8_t *)module->image;
    return (const struct engine_image_thunks *)(image + module->image->thunks_offset) + typeidx;
}

/* The image in whose code addr lies; null if in none. */
const struct module *module_find(uint64_t addr);

/* Sets up a report; printf-like. Returns status. */
[[gnu::format(printf, 4, 5)]] status_t report_set(struct report *report, status_t status,
                                                  uint64_t offset, const char *text, ...);
status_t report_engine(struct report *report, const struct engine_error *error);

#endif
