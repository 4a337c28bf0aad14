/*
 * Reports and traps as text, for people: traps as wasmtime prints them.
 */
#include <stdarg.h>

#include "base/format.h"
#include "kernel/embed.h"

#define PIECE_MAX 700u /* a report's text, and some */

[[gnu::format(printf, 2, 3)]] static void say(const struct text_out *out, const char *text, ...)
{
    char piece[PIECE_MAX];
    va_list args;
    va_start(args, text);
    size_t len_bytes = format_args(piece, sizeof piece, text, args);
    va_end(args);
    out->put(out->ctx, piece, len_bytes < sizeof piece ? len_bytes : sizeof piece - 1);
}

void report_say(const struct report *report, const struct text_out *out)
{
    if (report->status == ERR_MALFORMED || report->status == ERR_INVALID) {
        say(out, "%s: ", status_text(report->status));
    }
    say(out, "%s", report->text[0] != '\0' ? report->text : status_text(report->status));
    if (report->funcidx != UINT32_MAX) {
        say(out, " (in function %u, at offset 0x%llx)", report->funcidx,
            (unsigned long long)report->offset);
    } else if (report->offset != REPORT_NO_OFFSET) {
        say(out, " (at offset 0x%llx)", (unsigned long long)report->offset);
    }
    say(out, "\n");
}

/* Names come from modules: control characters don't reach the terminal. */
static void name_say(struct engine_name name, const struct text_out *out)
{
    for (uint32_t i = 0; i < name.len_bytes; i++) {
        uint8_t c = name.bytes[i];
        say(out, c < 0x20 || c == 0x7f ? "\\x%02x" : "%c", c);
    }
}

static void frame_say(uint32_t number, const struct trap_frame *frame, const struct text_out *out)
{
    say(out, "    %u: 0x%x - ", number, frame->wasm_offset);
    struct engine_name name = module_name(frame->module);
    if (name.len_bytes != 0) {
        name_say(name, out);
    } else {
        say(out, "<unknown>");
    }
    if (module_func_name(frame->module, frame->funcidx, &name)) {
        say(out, "!");
        name_say(name, out);
        say(out, "\n");
    } else {
        say(out, "!<wasm function %u>\n", frame->funcidx);
    }
}

void trap_say(const struct trap *trap, const struct text_out *out)
{
    say(out, "wasm trap: %s", engine_trap_text(trap->kind));
    if (trap->kind == TRAP_HOST) {
        say(out, ": %s", status_text(trap->status));
    }
    say(out, "\n");
    if (trap->n_frames == 0) {
        return;
    }
    say(out, "wasm backtrace:\n");
    for (uint32_t i = 0; i < trap->n_frames && i < TRAP_FRAMES_MAX; i++) {
        frame_say(i, &trap->frames[i], out);
    }
    if (trap->n_frames > TRAP_FRAMES_MAX) {
        say(out, "    ... and %llu more\n", (unsigned long long)(trap->n_frames - TRAP_FRAMES_MAX));
    }
}
