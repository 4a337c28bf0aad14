/*
 * tokamak run: a program as a part of this process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/linux/hosted.h"
#include "tools/tool.h"
#include "tools/value.h"
#include "tools/wasi_standin.h"

#define VALUES_MAX 1024u

struct run {
    struct options options;
    const char *path;
    char **args; /* [n_args] of the program, without its name */
    int n_args;
    struct wasi_standin wasi;
    struct trap trap;
};

/* How a call that didn't return ends the command. */
static int run_trapped(const struct run *run)
{
    if (run->trap.kind != TRAP_EXIT) {
        message_trap(run->path, &run->trap);
        return EXIT_TRAP;
    }
    int32_t code = run->trap.exit_code;
    if (code < 0 || code > EXIT_GUEST_MAX) {
        message_error("%s: exited with %d, which is not from 0 to %d", run->path, code,
                      EXIT_GUEST_MAX);
        return EXIT_ERROR;
    }
    return code;
}

static const struct engine_functype *func_type(const struct instance *instance, uint32_t funcidx)
{
    const struct engine_module *contents = module_contents(instance_module(instance));
    return &contents->types[contents->funcs[funcidx].typeidx];
}

/* --invoke: arguments are read from the command line, results printed. */
static int run_invoke(struct run *run, struct instance *instance, uint32_t funcidx)
{
    const struct engine_functype *type = func_type(instance, funcidx);
    static union engine_value values[VALUES_MAX];
    if (type->n_params > VALUES_MAX || type->n_results > VALUES_MAX) {
        message_error("%s: '%s' has too many parameters", run->path, run->options.invoke);
        return EXIT_ERROR;
    }
    if ((uint32_t)run->n_args != type->n_params) {
        return message_usage("%s: '%s' takes %u arguments, not %d", run->path, run->options.invoke,
                             type->n_params, run->n_args);
    }
    for (uint32_t i = 0; i < type->n_params; i++) {
        if (!value_read(run->args[i], type->params[i], &values[i])) {
            return message_usage("%s: '%s' can't be argument %u of '%s'", run->path, run->args[i],
                                 i + 1, run->options.invoke);
        }
    }
    if (instance_call(instance, funcidx, values, &run->trap) != STATUS_OK) {
        return run_trapped(run);
    }
    for (uint32_t i = 0; i < type->n_results; i++) {
        value_print(&values[i], type->results[i]);
    }
    return 0;
}

static bool func_find(const struct instance *instance, const char *name, uint32_t *funcidx)
{
    struct exported exported;
    if (instance_export(instance, engine_name_of(name), &exported) != STATUS_OK ||
        exported.kind != EXTERN_FUNC) {
        return false;
    }
    *funcidx = exported.index;
    return true;
}

/* A function without parameters and results; a module that hasn't got it has nothing to do. */
static int run_plain(struct run *run, struct instance *instance, const char *name)
{
    uint32_t funcidx;
    if (!func_find(instance, name, &funcidx)) {
        return 0;
    }
    const struct engine_functype *type = func_type(instance, funcidx);
    if (type->n_params != 0 || type->n_results != 0) {
        message_error("%s: its '%s' has parameters or results", run->path, name);
        return EXIT_ERROR;
    }
    if (instance_call(instance, funcidx, &(union engine_value){}, &run->trap) != STATUS_OK) {
        return run_trapped(run);
    }
    return 0;
}

/* The program as a process: its _start, or its handler; one that has neither has nothing to do. */
static int run_process(struct run *run, struct process *process, struct instance *instance)
{
    status_t status = process_run(process, instance, &run->trap);
    switch (status) {
    case STATUS_OK: return 0;
    case ERR_TRAP: return run_trapped(run);
    case ERR_NOT_FOUND: return run_plain(run, instance, "_start"); /* says what is wrong with it */
    case ERR_WOULD_DEADLOCK:
        message_error("%s: all processes wait for each other, or for messages that nobody sends",
                      run->path);
        return EXIT_ERROR;
    default: message_error("%s: %s", run->path, status_text(status)); return EXIT_ERROR;
    }
}

static int run_instance(struct run *run, struct process *process, struct instance *instance)
{
    const char *invoke = run->options.invoke;
    if (invoke == NULL) {
        return run_process(run, process, instance);
    }
    uint32_t funcidx;
    if (!func_find(instance, invoke, &funcidx)) {
        message_error("%s: exports no function '%s'", run->path, invoke);
        return EXIT_ERROR;
    }
    int code = run_plain(run, instance, "_initialize");
    return code != 0 ? code : run_invoke(run, instance, funcidx);
}

static int run_module(struct run *run, struct module *module)
{
    struct process *process;
    status_t status = process_new(&(struct process_options){}, &process);
    if (status == STATUS_OK) {
        status = wasi_standin_provide(process, &run->wasi);
    }
    if (status != STATUS_OK) {
        message_error("%s: %s", run->path, status_text(status));
        return EXIT_ERROR;
    }
    struct instance *instance;
    status = instance_new(process, module, &instance, &run->options.report, &run->trap);
    int code;
    if (status == STATUS_OK) {
        code = run_instance(run, process, instance);
    } else if (status == ERR_TRAP) {
        code = run_trapped(run);
    } else {
        message_report(run->path, &run->options.report);
        code = EXIT_ERROR;
    }
    process_free(process);
    return code;
}

int command_run(int argc, char **argv)
{
    static struct run run;
    options_init(&run.options);
    int at = 1;
    if (!options_read(&run.options, "rca", argc, argv, &at)) {
        return EXIT_USAGE;
    }
    if (at == argc) {
        return message_usage("run: which file?");
    }
    run.path = argv[at];
    run.args = argv + at + 1;
    run.n_args = argc - at - 1;
    char *slash = strrchr(argv[at], '/');
    argv[at] = slash == NULL ? argv[at] : slash + 1;
    if (run.options.argv0 != NULL) {
        argv[at] = (char *)(uintptr_t)run.options.argv0; // NOLINT(performance-no-int-to-ptr)
    }
    run.wasi = (struct wasi_standin){
        .args = (const char *const *)(argv + at),
        .env = run.options.env,
        .n_args = (uint32_t)(argc - at),
        .n_env = run.options.n_env,
    };
    if (!options_start(&run.options)) {
        return EXIT_ERROR;
    }
    struct module *module = tool_load(run.path, &run.options);
    int code = EXIT_ERROR;
    if (module != NULL) {
        code = run_module(&run, module);
        module_put(module);
    }
    hosted_stop();
    if (fflush(stdout) != 0) {
        message_error("can't write the output");
        return code == 0 ? EXIT_ERROR : code;
    }
    return code;
}
