/*
 * Why a module was refused, and the texts of traps.
 */
#include <stdarg.h>

#include "base/format.h"
#include "engine/compile.h"

/* funcidx is left alone: whoever knows which function it is has set it before. */
status_t compile_fail(struct engine_error *error, status_t status, uint64_t offset,
                      const char *text, ...)
{
    va_list args;
    va_start(args, text);
    error->status = status;
    error->offset = offset;
    (void)format_args(error->text, sizeof error->text, text, args);
    va_end(args);
    return status;
}

const char *engine_trap_text(enum engine_trap trap)
{
    switch (trap) {
#define TRAP(name, number, text)                                                                   \
    case TRAP_##name: return text;
#include "engine/traps.def"
#undef TRAP
    }
    return "unknown trap";
}
