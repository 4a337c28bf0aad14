/*
 * The kernel's calls: importing them, the code that stands instead of the cheapest, and the hash
 * of it all.
 */
#include "kernel/call/calls.h"

#include <string.h>

#include "base/hash.h"
#include "kernel/call/clock.h"
#include "kernel/embed.h"

static void call_nop(void)
{
}

/* The machine's entries (arch.h). */
#define CALL_LEAF(number, noun, types, text)
#define CALL(number, noun, types, text) void arch_call_##noun(void);
#define CALL_REGS CALL
#include "abi/calls.def"
#undef CALL
#undef CALL_LEAF

#define PROVIDED(noun, types, fn)                                                                  \
    {                                                                                              \
        .module = CALLS_MODULE,                                                                    \
        .name = #noun,                                                                             \
        .signature = #types,                                                                       \
        .native = (native_fn)(fn),                                                                 \
    },
#define CALL_LEAF(number, noun, types, text) PROVIDED(noun, types, call_##noun)
#define CALL(number, noun, types, text) PROVIDED(noun, types, arch_call_##noun)

static const struct provided_func calls[] = {
#include "abi/calls.def"
};
#undef CALL
#undef CALL_LEAF

status_t calls_provide(struct process *process, const struct engine_import *import)
{
    if (!engine_name_equal(import->module, engine_name_of(CALLS_MODULE))) {
        return ERR_NOT_FOUND;
    }
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (engine_name_equal(import->name, engine_name_of(calls[i].name))) {
            return process_provide_func(process, &calls[i]);
        }
    }
    return ERR_NOT_FOUND;
}

/* ---- templates ---- */

#define TEMPLATE(noun, code)                                                                       \
    {                                                                                              \
        .module = {(const uint8_t *)CALLS_MODULE, sizeof CALLS_MODULE - 1},                        \
        .name = {(const uint8_t *)#noun, sizeof #noun - 1},                                        \
        .insts = (code),                                                                           \
        .n_insts = sizeof(code) / sizeof *(code),                                                  \
    },
#define TEMPLATES                                                                                  \
    TEMPLATE(time_coarse, clock_coarse_template)                                                   \
    TEMPLATE(time_precise, clock_precise_template)

static const struct engine_template templates[] = {TEMPLATES};
#undef TEMPLATE

#define TEMPLATE(noun, code) (native_fn) call_##noun,
static const native_fn template_fns[] = {TEMPLATES};
#undef TEMPLATE

void calls_put_templates(struct engine_options *options)
{
    options->templates = templates;
    options->n_templates = sizeof templates / sizeof templates[0];
}

native_fn call_inlined(const struct engine_module *contents, const struct engine_import *import)
{
    struct engine_options options = {};
    calls_put_templates(&options);
    const struct engine_template *template = engine_template_find(&options, contents, import);
    return template == NULL ? NULL : template_fns[template - templates];
}

/* ---- the hash ---- */

/* The table as text, which is what images are bound to: numbers, names and types, no prose. */
#define CALL(number, noun, types, text) #number " " #noun " " #types "\n"
#define CALL_LEAF CALL
static const char calls_text[] = CALLS_MODULE "\n"
#include "abi/calls.def"
    ;
#undef CALL
#undef CALL_LEAF
#undef CALL_REGS

/* Not a cryptographic hash: who made an image is trusted not to forge it, and every start of a
 * program from one looks here. */
void module_abi_hash(uint8_t hash[static 32])
{
    uint64_t sum = hash_bytes(calls_text, sizeof calls_text - 1);
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++) {
        for (uint32_t k = 0; k < templates[i].n_insts; k++) {
            const struct engine_template_inst *inst = &templates[i].insts[k];
            sum = hash_add(sum, (uint64_t)inst->op << 32 | inst->offset);
        }
    }
    memset(hash, 0, 32);
    memcpy(hash, &sum, sizeof sum);
}
