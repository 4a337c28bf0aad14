/*
 * The options of the commands. One table: which there are, for whom, what they take.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/linux/hosted.h"
#include "tools/tool.h"

/* ---- --engine-opt ---- */

static const struct {
    const char *name;
    uint64_t bit;
} cpu_names[] = {
    {"sse41", 0},
    {"sse42", ENGINE_CPU_SSE42},
    {"avx", ENGINE_CPU_AVX},
    {"avx2", ENGINE_CPU_AVX2},
    {"bmi1", ENGINE_CPU_BMI1},
    {"bmi2", ENGINE_CPU_BMI2},
    {"lzcnt", ENGINE_CPU_LZCNT},
    {"popcnt", ENGINE_CPU_POPCNT},
    {"fma", ENGINE_CPU_FMA},
};

/* "native", or features joined by commas. */
static bool cpu_read(struct engine_options *engine, const char *text)
{
    if (strcmp(text, "native") == 0) {
        engine->cpu_features = machine_cpu_features();
        return true;
    }
    engine->cpu_features = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        size_t i = 0;
        while (i < sizeof cpu_names / sizeof cpu_names[0] &&
               (strncmp(cpu_names[i].name, text, len) != 0 || cpu_names[i].name[len] != '\0')) {
            i++;
        }
        if (i == sizeof cpu_names / sizeof cpu_names[0]) {
            (void)message_usage("no CPU feature is called '%.*s'", (int)len, text);
            return false;
        }
        engine->cpu_features |= cpu_names[i].bit;
        text += len + (text[len] == ',');
    }
    uint64_t missing = engine->cpu_features & ~machine_cpu_features();
    if (missing != 0) {
        message_error("this CPU doesn't have all of these features");
    }
    return missing == 0;
}

static bool number_read(const char *what, const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value > max) {
        (void)message_usage("%s wants a number up to %llu, not '%s'", what, (unsigned long long)max,
                            text);
        return false;
    }
    *out = value;
    return true;
}

static bool threads_read(struct options *options, const char *text)
{
    uint64_t n;
    if (!number_read("--threads", text, 256, &n)) {
        return false;
    }
    options->module.n_threads = (uint32_t)n;
    return true;
}

static bool pass_off(struct engine_options *engine, const char *name)
{
    for (uint32_t i = 0; engine_pass_name(i) != NULL; i++) {
        if (strcmp(engine_pass_name(i), name) == 0) {
            engine->passes_off |= UINT64_C(1) << i;
            return true;
        }
    }
    (void)message_usage("no pass is called '%s' (tokamak run --list-passes)", name);
    return false;
}

static bool engine_option_read(struct options *options, const char *text)
{
    struct engine_options *engine = &options->module.engine;
    const char *value = strchr(text, '=');
    size_t len = value == NULL ? strlen(text) : (size_t)(value - text);
    value = value == NULL ? "" : value + 1;
    if (strncmp(text, "no-", 3) == 0) {
        return pass_off(engine, text + 3);
    }
    if (len == 10 && strncmp(text, "ra-shuffle", len) == 0) {
        return number_read("ra-shuffle", value, UINT64_MAX, &engine->ra_shuffle_seed);
    }
    if (len == 3 && strncmp(text, "cpu", len) == 0) {
        return cpu_read(engine, value);
    }
    if (len == 7 && strncmp(text, "threads", len) == 0) {
        return threads_read(options, value);
    }
    if (strcmp(text, "dense") == 0) {
        engine->memory_kind = ENGINE_MEMORY_DENSE;
        return true;
    }
    if (strcmp(text, "unsafe-no-checks") == 0) {
        engine->is_unsafe = true;
        return true;
    }
    if (strcmp(text, "checked") == 0) {
        engine->is_checked = true;
        return true;
    }
    (void)message_usage("no engine option is called '%s'", text);
    return false;
}

/* ---- the rest ---- */

static bool env_read(struct options *options, const char *text)
{
    if (strchr(text, '=') == NULL) {
        (void)message_usage("--env wants NAME=VALUE, not '%s'", text);
        return false;
    }
    if (options->n_env == LIST_MAX) {
        (void)message_usage("too many --env");
        return false;
    }
    options->env[options->n_env++] = text;
    return true;
}

static bool dir_refuse(struct options *options, const char *text)
{
    (void)options;
    message_error("--dir %s: programs can't be given folders yet: that needs the WASI personality",
                  text);
    return false;
}

static bool stack_read(struct options *options, const char *text)
{
    uint64_t value;
    if (!number_read("--max-wasm-stack", text, UINT64_C(1) << 30, &value)) {
        return false;
    }
    options->stack_bytes = value;
    return true;
}

static bool invoke_read(struct options *options, const char *text)
{
    options->invoke = text;
    return true;
}

static bool argv0_read(struct options *options, const char *text)
{
    options->argv0 = text;
    return true;
}

static bool output_read(struct options *options, const char *text)
{
    options->output = text;
    return true;
}

static bool func_read(struct options *options, const char *text)
{
    options->func = text;
    return true;
}

static bool stage_read(struct options *options, const char *text)
{
    options->stage = text == NULL ? "ssa" : text;
    return true;
}

static bool allow_read(struct options *options, const char *text)
{
    (void)text;
    options->allows_precompiled = true;
    return true;
}

static bool canaries_read(struct options *options, const char *text)
{
    (void)text;
    options->has_canaries = true;
    return true;
}

static bool verbose_read(struct options *options, const char *text)
{
    (void)text;
    options->is_verbose = true;
    return true;
}

static bool wasm_read(struct options *options, const char *text)
{
    (void)text;
    options->shows_wasm = true;
    return true;
}

static bool code_read(struct options *options, const char *text)
{
    (void)text;
    options->shows_code = true;
    return true;
}

static bool headers_read(struct options *options, const char *text)
{
    (void)text;
    options->shows_headers = true;
    return true;
}

static bool mir_read(struct options *options, const char *text)
{
    (void)text;
    options->stage = "mir";
    return true;
}

static bool passes_list(struct options *options, const char *text)
{
    (void)options, (void)text;
    for (uint32_t i = 0; engine_pass_name(i) != NULL; i++) {
        puts(engine_pass_name(i));
    }
    exit(0);
}

enum takes { TAKES_NOTHING, TAKES_VALUE, MAY_TAKE_VALUE };

/* groups: r = runs guests, c = compiles, w = wast, d = objdump, o = writes a file, a = any */
static const struct {
    const char *name;
    const char *groups;
    enum takes takes;
    bool (*read)(struct options *options, const char *text);
} table[] = {
    {"--invoke", "r", TAKES_VALUE, invoke_read},
    {"--allow-precompiled", "r", TAKES_NOTHING, allow_read},
    {"--env", "r", TAKES_VALUE, env_read},
    {"--dir", "r", TAKES_VALUE, dir_refuse},
    {"--argv0", "r", TAKES_VALUE, argv0_read},
    {"--max-wasm-stack", "rw", TAKES_VALUE, stack_read},
    {"--threads", "c", TAKES_VALUE, threads_read},
    {"--engine-opt", "c", TAKES_VALUE, engine_option_read},
    {"--list-passes", "c", TAKES_NOTHING, passes_list},
    {"--canaries", "w", TAKES_NOTHING, canaries_read},
    {"-o", "o", TAKES_VALUE, output_read},
    {"--output", "o", TAKES_VALUE, output_read},
    {"-v", "wod", TAKES_NOTHING, verbose_read},
    {"--func", "d", TAKES_VALUE, func_read},
    {"--wasm", "d", TAKES_NOTHING, wasm_read},
    {"--headers", "d", TAKES_NOTHING, headers_read},
    {"--ssa", "d", MAY_TAKE_VALUE, stage_read},
    {"--mir", "d", TAKES_NOTHING, mir_read},
    {"--code", "d", TAKES_NOTHING, code_read},
};

static bool is_in_groups(const char *groups, const char *allowed)
{
    return strpbrk(groups, allowed) != NULL;
}

void options_init(struct options *options)
{
    options->module.engine.cpu_features = machine_cpu_features();
    options->module.engine.is_checked = TOKAMAK_CHECKS;
}

bool options_read(struct options *options, const char *allowed, int argc, char **argv, int *at)
{
    while (*at < argc && argv[*at][0] == '-' && argv[*at][1] != '\0') {
        const char *argument = argv[(*at)++];
        if (strcmp(argument, "--") == 0) {
            return true;
        }
        size_t len = strcspn(argument, "=");
        const char *value = argument[len] == '=' ? argument + len + 1 : NULL;
        size_t i = 0, n = sizeof table / sizeof table[0];
        while (i < n && (strncmp(table[i].name, argument, len) != 0 || table[i].name[len] != '\0' ||
                         !is_in_groups(table[i].groups, allowed))) {
            i++;
        }
        if (i == n) {
            (void)message_usage("%s: unknown option '%s'", argv[0], argument);
            return false;
        }
        if (value == NULL && table[i].takes == TAKES_VALUE) {
            if (*at == argc) {
                (void)message_usage("%s wants a value", argument);
                return false;
            }
            value = argv[(*at)++];
        }
        if (value != NULL && table[i].takes == TAKES_NOTHING) {
            (void)message_usage("%s takes no value", table[i].name);
            return false;
        }
        if (!table[i].read(options, value)) {
            return false;
        }
    }
    return true;
}

bool options_start(const struct options *options)
{
    status_t status = hosted_start(&(struct hosted_options){
        .stack_bytes = options->stack_bytes,
        .has_canaries = options->has_canaries,
    });
    if (status == ERR_BAD_ARGUMENT) {
        message_error("--max-wasm-stack: too small or too large");
    } else if (status != STATUS_OK) {
        message_error("can't start: %s (is the address space limited, ulimit -v?)",
                      status_text(status));
    }
    return status == STATUS_OK;
}
