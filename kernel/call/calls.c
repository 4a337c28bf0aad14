/*
 * The kernel's calls: importing them, and the hash of their table.
 */
#include "kernel/call/calls.h"

#include <string.h>

#include "base/sha256.h"
#include "kernel/call/clock.h"
#include "kernel/embed.h"

static void call_nop(void)
{
}

#define CALL(number, noun, types, text)                                                            \
    {                                                                                              \
        .module = CALLS_MODULE,                                                                    \
        .name = #noun,                                                                             \
        .signature = (types),                                                                      \
        .native = (native_fn)call_##noun,                                                          \
    },

static const struct provided_func calls[] = {
#include "abi/calls.def"
};
#undef CALL

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

/* The table as text, which is what images are bound to: numbers, names and types, no prose. */
#define CALL(number, noun, types, text) #number " " #noun " " types "\n"
static const char calls_text[] = CALLS_MODULE "\n"
#include "abi/calls.def"
    ;
#undef CALL

void module_abi_hash(uint8_t hash[static 32])
{
    sha256(calls_text, sizeof calls_text - 1, hash);
}
