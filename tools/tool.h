/*
 * What the parts of the command share: exit codes, messages, options, files.
 */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/embed.h"

/* Exit codes; a program's own are 0 to 125. */
#define EXIT_ERROR 1 /* the file is missing, refused, can't be linked */
#define EXIT_USAGE 2
#define EXIT_TRAP 134 /* 128 + SIGABRT, as wasmtime has it */
#define EXIT_GUEST_MAX 125

/* "error: " and the text on stderr, in colour on a terminal. */
[[gnu::format(printf, 1, 2)]] void message_error(const char *text, ...);
/* The same, and a hint at `tokamak help`. Returns EXIT_USAGE. */
[[gnu::format(printf, 1, 2)]] int message_usage(const char *text, ...);
/* What a report says about a file. */
void message_report(const char *path, const struct report *report);
/* A trap with its backtrace. */
void message_trap(const char *path, const struct trap *trap);

/* ---- files ---- */

struct file {
    const uint8_t *bytes;
    size_t len_bytes;
    bool is_mapped;
};

/* Maps a whole file for reading. False, and a message was printed, if it can't be. */
bool file_open(struct file *file, const char *path);
void file_close(struct file *file);
/* Writes a file at once or not at all: beside it, then renamed. */
bool file_write(const char *path, const void *bytes, size_t len_bytes);

enum file_kind { FILE_MODULE, FILE_IMAGE, FILE_COMPONENT, FILE_UNKNOWN };
enum file_kind file_kind(const struct file *file);

/* ---- options ---- */

#define LIST_MAX 256u

struct options {
    struct module_options module;
    struct report report; /* of whatever is done first */
    size_t stack_bytes;
    bool allows_precompiled, has_canaries, is_verbose;
    const char *invoke, *argv0, *output;
    const char *env[LIST_MAX];
    uint32_t n_env;
    /* objdump */
    const char *func, *stage;
    bool shows_wasm, shows_code, shows_mir, shows_headers;
};

/* What holds where no option says otherwise: this CPU; checks in builds that check themselves. */
void options_init(struct options *options);

/*
 * Reads options from argv[*at] on, up to the first argument that isn't one; *at is then there.
 * allowed: letters of the groups that the command knows, see options.c. False, and a message was
 * printed, when one is unknown or wrong.
 */
bool options_read(struct options *options, const char *allowed, int argc, char **argv, int *at);

/* Starts the hosted system as the options say; false and a message if that failed. */
bool options_start(const struct options *options);

/* Loads a module or (if allowed) an image; null, and a message was printed, if it is refused. */
struct module *tool_load(const char *path, struct options *options);

/* ---- commands: main's arguments from the command's name on ---- */

int command_run(int argc, char **argv);
int command_compile(int argc, char **argv);
int command_wast(int argc, char **argv);
int command_objdump(int argc, char **argv);

#endif
