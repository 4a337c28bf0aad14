/*
 * tokamak wast: runs test scripts in the form of ../shared/corpus/README.md, and the rules of
 * run_spec.mjs beside it, but stricter: a malformed module must be refused as malformed and an
 * invalid one as invalid, and a trap must have the script's text.
 *
 * Each file has a process of its own, with a fresh "spectest". A command passes, fails, or is
 * skipped, if it is one that this command doesn't know.
 */
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/linux/hosted.h"
#include "tools/json.h"
#include "tools/spectest.h"
#include "tools/tool.h"
#include "tools/wast_value.h"

#define REASON_MAX 900u
#define VALUES_MAX 1024u

enum outcome { FAILED, PASSED, SKIPPED };

/* A name of the script, or the latest: a definition, an instance. */
struct named {
    struct named *next;
    const struct json *name; /* null: the latest */
    struct module *module;
    struct instance *instance;
};

struct held { /* modules to be put at the end */
    struct held *next;
    struct module *module;
};

struct script {
    struct options *options;
    const char *folder;
    struct process *process;
    struct named *definitions, *instances; /* newest first */
    struct held *held;
    struct provided *spectest; /* what every thread begins with */
    bool is_blocked;           /* a command waits for a second thread: the rest is skipped */
    const char *path;
    uint64_t counts[3];
    char reason[REASON_MAX];
    struct report report;
    struct trap trap;
    union engine_value values[VALUES_MAX];
};

[[gnu::format(printf, 2, 3)]] static enum outcome fail(struct script *script, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    (void)vsnprintf(script->reason, sizeof script->reason, text, args);
    va_end(args);
    return FAILED;
}

static enum outcome outcome_of(bool has_passed)
{
    return has_passed ? PASSED : FAILED;
}

/* ---- names ---- */

static bool names_equal(const struct json *a, const struct json *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return a->len_bytes == b->len_bytes && memcmp(a->bytes, b->bytes, a->len_bytes) == 0;
}

static void name_add(struct named **list, struct named entry)
{
    struct named *made = malloc(sizeof *made);
    if (made == NULL) {
        abort();
    }
    *made = entry;
    made->next = *list;
    *list = made;
}

static const struct named *name_find(const struct named *list, const struct json *name)
{
    while (list != NULL && !names_equal(list->name, name)) {
        list = list->next;
    }
    return list;
}

static void names_free(struct named *list)
{
    while (list != NULL) {
        struct named *next = list->next;
        free(list);
        list = next;
    }
}

static struct engine_name name_of(const struct json *text)
{
    return (struct engine_name){(const uint8_t *)text->bytes, text->len_bytes};
}

/* ---- modules ---- */

static status_t script_load(struct script *script, const struct json *command, struct module **out)
{
    const struct json *filename = json_get(command, "filename");
    char path[4096];
    if (filename == NULL || filename->kind != JSON_STRING) {
        (void)snprintf(script->report.text, sizeof script->report.text, "no filename");
        return ERR_NOT_FOUND;
    }
    (void)snprintf(path, sizeof path, "%s/%.*s", script->folder, (int)filename->len_bytes,
                   filename->bytes);
    struct file file;
    if (!file_open(&file, path)) {
        (void)snprintf(script->report.text, sizeof script->report.text, "no such file");
        return ERR_NOT_FOUND;
    }
    status_t status =
        module_compile(file.bytes, file.len_bytes, &script->options->module, out, &script->report);
    file_close(&file);
    if (status == STATUS_OK) {
        struct held *held = malloc(sizeof *held);
        if (held == NULL) {
            abort();
        }
        *held = (struct held){script->held, *out};
        script->held = held;
    }
    return status;
}

static enum outcome fail_report(struct script *script, const char *what, status_t status)
{
    return fail(script, "%s: %s: %s", what, status_text(status), script->report.text);
}

static enum outcome fail_trap(struct script *script, const char *what)
{
    return fail(script, "%s trapped: %s", what, engine_trap_text(script->trap.kind));
}

static enum outcome instantiate(struct script *script, struct module *module,
                                const struct json *name)
{
    struct instance *instance = NULL;
    status_t status =
        instance_new(script->process, module, &instance, &script->report, &script->trap);
    if (status == ERR_TRAP) {
        return fail_trap(script, "instantiation");
    }
    if (status != STATUS_OK) {
        return fail_report(script, "instantiation", status);
    }
    name_add(&script->instances, (struct named){.instance = instance});
    if (name != NULL) {
        name_add(&script->instances, (struct named){.name = name, .instance = instance});
    }
    return PASSED;
}

static enum outcome command_module(struct script *script, const struct json *command,
                                   bool is_definition)
{
    const struct json *name = json_get(command, "name");
    /* a module that fails leaves no latest instance, and none of its name */
    name_add(&script->instances, (struct named){});
    if (name != NULL && !is_definition) {
        name_add(&script->instances, (struct named){.name = name});
    }
    struct module *module;
    status_t status = script_load(script, command, &module);
    if (status != STATUS_OK) {
        return fail_report(script, "module", status);
    }
    name_add(&script->definitions, (struct named){.module = module});
    if (name != NULL) {
        name_add(&script->definitions, (struct named){.name = name, .module = module});
    }
    return is_definition ? PASSED : instantiate(script, module, name);
}

static enum outcome command_instance(struct script *script, const struct json *command)
{
    const struct named *found = name_find(script->definitions, json_get(command, "module"));
    if (found == NULL) {
        return fail(script, "no such definition");
    }
    return instantiate(script, found->module, json_get(command, "instance"));
}

static enum outcome command_register(struct script *script, const struct json *command)
{
    const struct named *found = name_find(script->instances, json_get(command, "name"));
    const struct json *as = json_get(command, "as");
    if (found == NULL || found->instance == NULL || as == NULL) {
        return fail(script, "no instance to register");
    }
    status_t status = process_provide_instance(script->process, name_of(as), found->instance);
    return status == STATUS_OK ? PASSED : fail(script, "%s", status_text(status));
}

static enum outcome command_refused(struct script *script, const struct json *command,
                                    status_t wanted)
{
    if (json_is(json_get(command, "module_type"), "text")) {
        return SKIPPED;
    }
    struct module *module;
    status_t status = script_load(script, command, &module);
    if (status == wanted) {
        return PASSED;
    }
    const struct json *text = json_get(command, "text");
    return fail(script, "want \"%.*s\", got %s: %s", text == NULL ? 0 : (int)text->len_bytes,
                text == NULL ? "" : text->bytes, status_text(status),
                status == STATUS_OK ? "" : script->report.text);
}

/* ---- actions ---- */

enum ending { ENDED_BROKEN, ENDED_RETURN, ENDED_TRAP };

struct result {
    enum ending ending;
    const uint8_t *types; /* [n] of script->values */
    uint32_t n;
};

static bool arguments_read(struct script *script, const struct json *action,
                           const struct engine_functype *type)
{
    const struct json *args = json_get(action, "args");
    const struct json *argument = args == NULL ? NULL : args->first;
    if (type->n_params > VALUES_MAX || type->n_results > VALUES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < type->n_params; i++) {
        if (argument == NULL || !wast_value_read(argument, type->params[i], &script->values[i])) {
            return false;
        }
        argument = argument->next;
    }
    return argument == NULL;
}

static struct result action_invoke(struct script *script, const struct json *action,
                                   struct instance *instance, uint32_t funcidx)
{
    const struct engine_module *contents = module_contents(instance_module(instance));
    const struct engine_functype *type = &contents->types[contents->funcs[funcidx].typeidx];
    if (!arguments_read(script, action, type)) {
        (void)fail(script, "the arguments aren't those of the function");
        return (struct result){};
    }
    if (instance_call(instance, funcidx, script->values, &script->trap) != STATUS_OK) {
        script->is_blocked = script->trap.kind == TRAP_HOST;
        (void)fail_trap(script, "it");
        return (struct result){.ending = ENDED_TRAP};
    }
    return (struct result){ENDED_RETURN, type->results, type->n_results};
}

static struct result action_run(struct script *script, const struct json *action)
{
    const struct named *found = name_find(script->instances, json_get(action, "module"));
    const struct json *field = json_get(action, "field");
    struct exported exported;
    if (found == NULL || found->instance == NULL || field == NULL) {
        (void)fail(script, "no such instance");
        return (struct result){};
    }
    status_t status = instance_export(found->instance, name_of(field), &exported);
    bool is_get = json_is(json_get(action, "type"), "get");
    if (status != STATUS_OK || exported.kind != (is_get ? EXTERN_GLOBAL : EXTERN_FUNC)) {
        (void)fail(script, "no such export");
        return (struct result){};
    }
    if (!is_get) {
        return action_invoke(script, action, found->instance, exported.index);
    }
    const struct engine_module *contents = module_contents(instance_module(found->instance));
    instance_global_get(found->instance, exported.index, &script->values[0]);
    return (struct result){ENDED_RETURN, &contents->globals[exported.index].type.valtype, 1};
}

static enum outcome results_match(struct script *script, const struct json *expected,
                                  const struct result *result)
{
    const struct json *pattern = expected == NULL ? NULL : expected->first;
    for (uint32_t i = 0; i < result->n; i++) {
        if (pattern == NULL || !wast_value_matches(pattern, result->types[i], &script->values[i])) {
            char text[64];
            wast_value_text(&script->values[i], result->types[i], text, sizeof text);
            return fail(script, "result %u is %s", i, text);
        }
        pattern = pattern->next;
    }
    return pattern == NULL ? PASSED : fail(script, "too few results");
}

static enum outcome command_action(struct script *script, const struct json *command)
{
    struct result result = action_run(script, json_get(command, "action"));
    return outcome_of(result.ending == ENDED_RETURN);
}

static enum outcome command_return(struct script *script, const struct json *command)
{
    struct result result = action_run(script, json_get(command, "action"));
    if (result.ending != ENDED_RETURN) {
        return FAILED;
    }
    return results_match(script, json_get(command, "expected"), &result);
}

/* One text begins with the other: scripts cut some, and add details to others. */
static bool trap_has_text(const struct script *script, const struct json *text)
{
    if (text == NULL) {
        return true;
    }
    const char *ours = engine_trap_text(script->trap.kind);
    size_t len = strlen(ours);
    len = len < text->len_bytes ? len : text->len_bytes;
    return memcmp(ours, text->bytes, len) == 0;
}

static enum outcome trap_matches(struct script *script, const struct json *command)
{
    const struct json *text = json_get(command, "text");
    if (trap_has_text(script, text)) {
        return PASSED;
    }
    return fail(script, "trapped with \"%s\", want \"%.*s\"", engine_trap_text(script->trap.kind),
                (int)text->len_bytes, text->bytes);
}

static enum outcome command_trap(struct script *script, const struct json *command,
                                 bool is_exhaustion)
{
    struct result result = action_run(script, json_get(command, "action"));
    if (result.ending == ENDED_RETURN) {
        return fail(script, "it returned");
    }
    if (result.ending != ENDED_TRAP) {
        return FAILED;
    }
    if (is_exhaustion != (script->trap.kind == TRAP_STACK)) {
        return fail_trap(script, "it");
    }
    return trap_matches(script, command);
}

/* ---- modules that don't come to life ---- */

static enum outcome command_unlinkable(struct script *script, const struct json *command,
                                       bool is_trap_wanted)
{
    struct module *module;
    struct instance *instance;
    status_t status = script_load(script, command, &module);
    if (status != STATUS_OK) {
        return fail_report(script, "module", status);
    }
    status = instance_new(script->process, module, &instance, &script->report, &script->trap);
    if (is_trap_wanted) {
        return status == ERR_TRAP ? trap_matches(script, command)
                                  : fail(script, "want a trap, got: %s", status_text(status));
    }
    return status == ERR_UNLINKABLE
               ? PASSED
               : fail(script, "want a link error, got: %s", status_text(status));
}

/* ---- commands ---- */

static void commands_run(struct script *script, const struct json *commands);

/* A thread's commands, run at once to their end: one of the interleavings that are allowed. Of
 * what there is it sees spectest and the shared instance. */
// NOLINTNEXTLINE(misc-no-recursion)
static enum outcome command_thread(struct script *script, const struct json *command)
{
    const struct json *shared = json_get(command, "shared_module");
    const struct json *commands = json_get(command, "commands");
    const struct named *found = name_find(script->instances, shared);
    struct named *definitions = script->definitions, *instances = script->instances;
    struct provided *names = process_names_swap(script->process, script->spectest);
    script->definitions = NULL;
    script->instances = NULL;
    if (shared != NULL && found != NULL) {
        name_add(&script->instances, (struct named){.name = shared, .instance = found->instance});
    }
    if (commands != NULL) {
        commands_run(script, commands);
    }
    names_free(script->definitions);
    names_free(script->instances);
    script->definitions = definitions;
    script->instances = instances;
    (void)process_names_swap(script->process, names);
    return script->is_blocked ? SKIPPED : PASSED;
}

// NOLINTNEXTLINE(misc-no-recursion)
static enum outcome command_one(struct script *script, const struct json *command)
{
    const struct json *type = json_get(command, "type");
    script->reason[0] = '\0';
    if (json_is(type, "module") || json_is(type, "module_definition")) {
        return command_module(script, command, json_is(type, "module_definition"));
    }
    if (json_is(type, "module_instance")) {
        return command_instance(script, command);
    }
    if (json_is(type, "register")) {
        return command_register(script, command);
    }
    if (json_is(type, "action")) {
        return command_action(script, command);
    }
    if (json_is(type, "assert_return")) {
        return command_return(script, command);
    }
    if (json_is(type, "assert_trap") || json_is(type, "assert_exhaustion")) {
        return command_trap(script, command, json_is(type, "assert_exhaustion"));
    }
    if (json_is(type, "assert_malformed") || json_is(type, "assert_invalid")) {
        bool is_malformed = json_is(type, "assert_malformed");
        return command_refused(script, command, is_malformed ? ERR_MALFORMED : ERR_INVALID);
    }
    if (json_is(type, "assert_unlinkable") || json_is(type, "assert_uninstantiable")) {
        return command_unlinkable(script, command, json_is(type, "assert_uninstantiable"));
    }
    if (json_is(type, "thread")) {
        return command_thread(script, command);
    }
    return json_is(type, "wait") ? PASSED : SKIPPED;
}

static void failure_print(const char *path, const struct json *command, const struct script *script)
{
    const struct json *type = json_get(command, "type"), *line = json_get(command, "line");
    printf("  %s:%.*s: %.*s: %s\n", path, line == NULL ? 0 : (int)line->len_bytes,
           line == NULL ? "" : line->bytes, type == NULL ? 0 : (int)type->len_bytes,
           type == NULL ? "" : type->bytes, script->reason);
}

static bool script_start(struct script *script)
{
    status_t status =
        process_new(&(struct process_options){.is_linked_later = true}, &script->process);
    if (status == STATUS_OK) {
        status = spectest_provide(script->process);
    }
    if (status != STATUS_OK) {
        message_error("can't make a process: %s", status_text(status));
    }
    return status == STATUS_OK;
}

static void script_end(struct script *script)
{
    process_free(script->process);
    names_free(script->definitions);
    names_free(script->instances);
    while (script->held != NULL) {
        struct held *next = script->held->next;
        module_put(script->held->module);
        free(script->held);
        script->held = next;
    }
}

// NOLINTNEXTLINE(misc-no-recursion)
static void commands_run(struct script *script, const struct json *commands)
{
    for (const struct json *c = commands->first; c != NULL; c = c->next) {
        enum outcome outcome = script->is_blocked ? SKIPPED : command_one(script, c);
        outcome = script->is_blocked ? SKIPPED : outcome;
        script->counts[outcome]++;
        if (outcome == FAILED && script->options->is_verbose) {
            failure_print(script->path, c, script);
        }
    }
}

static void script_run(struct script *script, const char *path, const struct json *commands)
{
    script->spectest = process_names_swap(script->process, NULL);
    script->path = path;
    commands_run(script, commands);
    uint64_t where;
    if (!kernel_canaries_check(&where)) {
        script->counts[FAILED]++;
        printf("  %s: something wrote outside of every memory, at 0x%llx\n", path,
               (unsigned long long)where);
    }
}

/* The commands of one file; their counts are added. False: there is no kernel to run them. */
static bool script_play(const char *path, const struct json *commands, struct options *options,
                        uint64_t *counts)
{
    static struct script script;
    char *copy = strdup(path);
    script = (struct script){.options = options, .folder = dirname(copy)};
    bool is_started = script_start(&script);
    if (is_started) {
        script_run(&script, path, commands);
        script_end(&script);
        printf("%s: %llu passed, %llu failed, %llu skipped\n", path,
               (unsigned long long)script.counts[PASSED], (unsigned long long)script.counts[FAILED],
               (unsigned long long)script.counts[SKIPPED]);
        for (int i = 0; i < 3; i++) {
            counts[i] += script.counts[i];
        }
    }
    free(copy);
    return is_started;
}

/* False: the file couldn't be read or run. */
static bool file_run(const char *path, struct options *options, uint64_t *counts)
{
    struct file file;
    size_t error_offset;
    if (!file_open(&file, path)) {
        return false;
    }
    bool is_run = false;
    struct json_document *document =
        json_read((const char *)file.bytes, file.len_bytes, &error_offset);
    const struct json *commands =
        document == NULL ? NULL : json_get(json_root(document), "commands");
    if (document == NULL) {
        message_error("%s: is not a test script (bad JSON at byte %zu)", path, error_offset);
    } else if (commands == NULL) {
        message_error("%s: is not a test script (no \"commands\")", path);
    } else {
        is_run = script_play(path, commands, options, counts);
    }
    if (document != NULL) {
        json_free(document);
    }
    file_close(&file);
    return is_run;
}

int command_wast(int argc, char **argv)
{
    static struct options options;
    options_init(&options);
    uint64_t counts[3] = {};
    int at = 1;
    if (!options_read(&options, "wc", argc, argv, &at)) {
        return EXIT_USAGE;
    }
    if (at == argc) {
        return message_usage("wast: which files?");
    }
    if (!options_start(&options)) {
        return EXIT_ERROR;
    }
    bool is_all_read = true;
    for (; at < argc; at++) {
        if (!file_run(argv[at], &options, counts)) {
            is_all_read = false;
            counts[FAILED]++;
        }
        (void)fflush(stdout);
    }
    printf("%llu passed, %llu failed, %llu skipped\n", (unsigned long long)counts[PASSED],
           (unsigned long long)counts[FAILED], (unsigned long long)counts[SKIPPED]);
    hosted_stop();
    return is_all_read && counts[FAILED] == 0 ? 0 : EXIT_ERROR;
}
