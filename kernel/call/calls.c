/*
 * The kernel's calls: importing them, the code that stands instead of the cheapest, and the hash
 * of it all.
 */
#include "kernel/call/calls.h"

#include <string.h>

#include "base/hash.h"
#include "kernel/arch.h"
#include "kernel/call/clock.h"
#include "kernel/embed.h"

static void call_nop(void)
{
}

#define LOG_MAX_BYTES 1024u

static status_t call_log(void *ctx, struct instance *caller, union engine_value *values)
{
    (void)ctx;
    uint32_t address = values[0].i32, len_bytes = values[1].i32;
    const uint8_t *text = instance_memory(caller, address, len_bytes);
    status_t answer = len_bytes > LOG_MAX_BYTES ? ERR_LIMIT
                      : text == NULL            ? ERR_BAD_RANGE
                                                : STATUS_OK;
    if (answer == STATUS_OK) {
        arch_log((const char *)text, len_bytes);
    }
    values[0].i32 = (uint32_t)answer;
    return STATUS_OK;
}

#define CALL(number, noun, types, text)                                                            \
    {                                                                                              \
        .module = CALLS_MODULE,                                                                    \
        .name = #noun,                                                                             \
        .signature = (types),                                                                      \
        .native = (native_fn)call_##noun,                                                          \
    },
#define CALL_CALLER(number, noun, types, text)                                                     \
    {                                                                                              \
        .module = CALLS_MODULE,                                                                    \
        .name = #noun,                                                                             \
        .signature = (types),                                                                      \
        .host = call_##noun,                                                                       \
    },

static const struct provided_func calls[] = {
#include "abi/calls.def"
};
#undef CALL
#undef CALL_CALLER

status_t calls_provide(struct process *process)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        status_t status = process_provide_func(process, &calls[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
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
#define CALL(number, noun, types, text) #number " " #noun " " types "\n"
#define CALL_CALLER CALL
static const char calls_text[] = CALLS_MODULE "\n"
#include "abi/calls.def"
    ;
#undef CALL_CALLER
#undef CALL

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
