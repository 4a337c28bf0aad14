/*
 * The one program of a machine that boots: from its bytes to its exit code, with the messages and
 * codes of `tokamak run`. An embedder like the hosted command (kernel/embed.h), and as small as one
 * can be.
 *
 * The command line: NAME [--stats]. NAME is what messages call the program; --stats says at the
 * end what it took to compile it, and how many cycles of the CPU's counter passed from the start
 * of the kernel to the program's first instruction.
 */
#include <string.h>

#include "base/format.h"
#include "kernel/arch.h"
#include "kernel/embed.h"

#define EXIT_ERROR 1
#define EXIT_TRAP 134
#define EXIT_GUEST_MAX 125

#define NAME_DEFAULT "app.wasm"
#define NAME_MAX 64u
#define STATS " --stats"
#define LINE_MAX 200u

struct boot {
    const struct kernel_boot *given;
    char name[NAME_MAX];
    bool shows_stats;
    uint64_t first_cycles;
    struct report report;
    struct trap trap;
};

/* ---- messages ---- */

[[gnu::format(printf, 1, 2)]] static void say(const char *text, ...)
{
    char line[LINE_MAX];
    va_list args;
    va_start(args, text);
    size_t len_bytes = format_args(line, sizeof line, text, args);
    va_end(args);
    arch_log(line, len_bytes < sizeof line ? len_bytes : sizeof line - 1);
}

static void log_put(void *ctx, const char *text, size_t len_bytes)
{
    (void)ctx;
    arch_log(text, len_bytes);
}

static const struct text_out to_log = {.put = log_put};

static void say_trap(const struct boot *boot)
{
    say("error: %s: ", boot->name);
    trap_say(&boot->trap, &to_log);
}

static void say_report(const struct boot *boot)
{
    say("error: %s: ", boot->name);
    report_say(&boot->report, &to_log);
}

static void say_stats(const struct boot *boot, const struct module *module)
{
    const struct module_statistics *statistics = module_statistics(module);
    say("stats: %u functions, %llu bytes of code, compiled by %u threads of %u CPUs\n",
        statistics->n_funcs, (unsigned long long)statistics->code_bytes, statistics->n_threads,
        arch_cpu_count());
    say("stats: first instruction after %llu cycles\n",
        (unsigned long long)(boot->first_cycles - boot->given->start_cycles));
}

/* ---- running ---- */

static int32_t boot_trapped(const struct boot *boot)
{
    if (boot->trap.kind != TRAP_EXIT) {
        say_trap(boot);
        return EXIT_TRAP;
    }
    int32_t code = boot->trap.exit_code;
    return code < 0 || code > EXIT_GUEST_MAX ? EXIT_ERROR : code;
}

/* _start, if there is one. */
static int32_t boot_start(struct boot *boot, struct process *process, struct instance *instance)
{
    const struct engine_module *contents = module_contents(instance_module(instance));
    struct exported start;
    if (instance_export(instance, engine_name_of("_start"), &start) != STATUS_OK ||
        start.kind != EXTERN_FUNC) {
        return 0;
    }
    const struct engine_functype *type = &contents->types[contents->funcs[start.index].typeidx];
    if (type->n_params != 0 || type->n_results != 0) {
        say("error: %s: its '_start' has parameters or results\n", boot->name);
        return EXIT_ERROR;
    }
    boot->first_cycles = arch_cycles();
    status_t status = process_run(process, instance, &boot->trap);
    if (status != STATUS_OK && status != ERR_TRAP) {
        say("error: %s: %s\n", boot->name, status_text(status));
        return EXIT_ERROR;
    }
    return status == STATUS_OK ? 0 : boot_trapped(boot);
}

static int32_t boot_module(struct boot *boot, struct module *module)
{
    struct process *process;
    status_t status = process_new(&(struct process_options){}, &process);
    if (status != STATUS_OK) {
        say("error: %s: %s\n", boot->name, status_text(status));
        return EXIT_ERROR;
    }
    struct instance *instance;
    status = instance_new(process, module, &instance, &boot->report, &boot->trap);
    int32_t code = EXIT_ERROR;
    if (status == STATUS_OK) {
        code = boot_start(boot, process, instance);
    } else if (status == ERR_TRAP) {
        code = boot_trapped(boot);
    } else {
        say_report(boot);
    }
    process_free(process);
    return code;
}

static status_t boot_load(struct boot *boot, struct module **out)
{
    const struct kernel_boot *given = boot->given;
    struct engine_name name = engine_name_of(boot->name);
    struct module_options options = {
        .engine = {.cpu_features = machine_cpu_features()},
        .name = &name,
    };
    static const uint8_t magic[] = {0, 'a', 's', 'm'};
    bool is_module =
        given->len_bytes >= sizeof magic && memcmp(given->bytes, magic, sizeof magic) == 0;
    return is_module ? module_compile(given->bytes, given->len_bytes, &options, out, &boot->report)
                     : module_open(given->bytes, given->len_bytes, &options, out, &boot->report);
}

static void command_line_read(struct boot *boot)
{
    const char *line = boot->given->command_line;
    size_t n = 0;
    while (line[n] != '\0' && line[n] != ' ' && n + 1 < NAME_MAX) {
        boot->name[n] = line[n];
        n++;
    }
    if (n == 0) {
        memcpy(boot->name, NAME_DEFAULT, sizeof NAME_DEFAULT);
    }
    size_t left_bytes = strlen(line + n);
    boot->shows_stats = left_bytes == sizeof STATS - 1 && memcmp(line + n, STATS, left_bytes) == 0;
}

int32_t kernel_boot(const struct kernel_boot *given)
{
    struct boot boot = {.given = given};
    command_line_read(&boot);
    if (given->len_bytes == 0) {
        say("error: no program was given\n");
        return EXIT_ERROR;
    }
    struct module *module;
    if (boot_load(&boot, &module) != STATUS_OK) {
        say_report(&boot);
        return EXIT_ERROR;
    }
    int32_t code = boot_module(&boot, module);
    if (boot.shows_stats) {
        say_stats(&boot, module);
    }
    module_put(module);
    return code;
}
