/*
 * What the system tests share: a guest says `ok NAME` or `not ok NAME`, with what it got, for each thing
 * it looks at, and ends with exit code 1 if anything wasn't as it should be. tests/system/run counts
 * the lines.
 *
 * One module plays all roles: the first process has argument 0, and makes the others of the module
 * that it holds at handle MODULE.
 */
#ifndef CHECK_H
#define CHECK_H

#include "guest/tokamak.h"

enum { SYSTEM = 1, MODULE = 2 };

static int failures;

static size_t length(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0') {
        n++;
    }
    return n;
}

static void say(const char *text)
{
    (void)tk_log(SYSTEM, (int32_t)(intptr_t)text, (int32_t)length(text));
}

static void say_number(int64_t value)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (value < 0) {
        digits[--at] = '-';
    }
    say(digits + at);
}

static void check(const char *name, int64_t got, int64_t want)
{
    say(got == want ? "ok " : "not ok ");
    say(name);
    if (got != want) {
        failures++;
        say(": got ");
        say_number(got);
        say(", want ");
        say_number(want);
    }
    say("\n");
}

/* A process of this module, with the system and the module, not started. */
[[maybe_unused]] static int32_t child_new(void)
{
    const int32_t handles[] = {SYSTEM, MODULE};
    return tk_process_new(MODULE, (int32_t)(intptr_t)handles, 2);
}

[[noreturn]] static void finish(void)
{
    tk_process_exit(failures != 0);
    __builtin_unreachable();
}

#endif
