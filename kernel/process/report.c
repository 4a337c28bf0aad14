/*
 * Reports: why something was refused, for people.
 */
#include <stdarg.h>
#include <string.h>

#include "base/format.h"
#include "kernel/process/module.h"

status_t report_set(struct report *report, status_t status, uint64_t offset, const char *text, ...)
{
    report->status = status;
    report->offset = offset;
    report->funcidx = UINT32_MAX;
    va_list args;
    va_start(args, text);
    (void)format_args(report->text, sizeof report->text, text, args);
    va_end(args);
    return status;
}

status_t report_engine(struct report *report, const struct engine_error *error)
{
    report->status = error->status;
    report->offset = error->offset;
    report->funcidx = error->funcidx;
    memcpy(report->text, error->text, sizeof error->text);
    return error->status;
}
