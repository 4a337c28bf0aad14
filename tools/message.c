/*
 * Messages on stderr: errors that name the file, the place and the way out.
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

static void stderr_put(void *ctx, const char *text, size_t len_bytes)
{
    (void)ctx;
    (void)fwrite(text, 1, len_bytes, stderr);
}

static const struct text_out to_stderr = {.put = stderr_put};

void message_report(const char *path, const struct report *report)
{
    error_begin();
    (void)fprintf(stderr, "%s: ", path);
    report_say(report, &to_stderr);
}

void message_trap(const char *path, const struct trap *trap)
{
    error_begin();
    (void)fprintf(stderr, "%s: ", path);
    trap_say(trap, &to_stderr);
}
