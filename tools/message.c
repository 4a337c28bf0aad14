/*
 * Messages on stderr: errors that name the file, the place and the way out; traps as wasmtime
 * prints them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/tool.h"

static void error_begin(void)
{
    (void)fflush(stdout);
    (void)fputs(isatty(STDERR_FILENO) ? "\033[1;31merror:\033[0m " : "error: ", stderr);
}

void message_error(const char *text, ...)
{
    error_begin();
    va_list args;
    va_start(args, text);
    (void)vfprintf(stderr, text, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

int message_usage(const char *text, ...)
{
    error_begin();
    va_list args;
    va_start(args, text);
    (void)vfprintf(stderr, text, args);
    va_end(args);
    (void)fputs("\nTry 'tokamak help'.\n", stderr);
    return EXIT_USAGE;
}

void message_report(const char *path, const struct report *report)
{
    error_begin();
    (void)fprintf(stderr, "%s: ", path);
    if (report->status == ERR_MALFORMED || report->status == ERR_INVALID) {
        (void)fprintf(stderr, "%s: ", status_text(report->status));
    }
    (void)fputs(report->text[0] != '\0' ? report->text : status_text(report->status), stderr);
    if (report->funcidx != UINT32_MAX) {
        (void)fprintf(stderr, " (in function %u", report->funcidx);
        (void)fprintf(stderr, ", at offset 0x%llx)", (unsigned long long)report->offset);
    } else if (report->offset != REPORT_NO_OFFSET) {
        (void)fprintf(stderr, " (at offset 0x%llx)", (unsigned long long)report->offset);
    }
    (void)fputc('\n', stderr);
}

/* Names come from modules: control characters don't reach the terminal. */
static void name_print(struct engine_name name)
{
    for (uint32_t i = 0; i < name.len_bytes; i++) {
        uint8_t c = name.bytes[i];
        if (c < 0x20 || c == 0x7f) {
            (void)fprintf(stderr, "\\x%02x", c);
        } else {
            (void)fputc(c, stderr);
        }
    }
}

static void frame_print(uint32_t number, const struct trap_frame *frame)
{
    (void)fprintf(stderr, "    %u: 0x%x - ", number, frame->wasm_offset);
    struct engine_name name = module_name(frame->module);
    if (name.len_bytes != 0) {
        name_print(name);
    } else {
        (void)fputs("<unknown>", stderr);
    }
    if (module_func_name(frame->module, frame->funcidx, &name)) {
        (void)fputc('!', stderr);
        name_print(name);
        (void)fputc('\n', stderr);
    } else {
        (void)fprintf(stderr, "!<wasm function %u>\n", frame->funcidx);
    }
}

void message_trap(const char *path, const struct trap *trap)
{
    error_begin();
    (void)fprintf(stderr, "%s: wasm trap: %s", path, engine_trap_text(trap->kind));
    if (trap->kind == TRAP_HOST) {
        (void)fprintf(stderr, ": %s", status_text(trap->status));
    }
    (void)fputc('\n', stderr);
    if (trap->n_frames == 0) {
        return;
    }
    (void)fputs("wasm backtrace:\n", stderr);
    for (uint32_t i = 0; i < trap->n_frames && i < TRAP_FRAMES_MAX; i++) {
        frame_print(i, &trap->frames[i]);
    }
    if (trap->n_frames > TRAP_FRAMES_MAX) {
        (void)fprintf(stderr, "    ... and %llu more\n",
                      (unsigned long long)(trap->n_frames - TRAP_FRAMES_MAX));
    }
}
