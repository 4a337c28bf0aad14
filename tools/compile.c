/*
 * tokamak compile: a module into an image that `run --allow-precompiled` takes.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "arch/linux/hosted.h"
#include "tools/tool.h"

static void statistics_print(const struct module *module)
{
    const struct module_statistics *s = module_statistics(module);
    double seconds = (double)s->compile_ns / 1e9;
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    double cpu_seconds = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("functions   %u\n", s->n_funcs);
    printf("wasm        %llu bytes\n", (unsigned long long)s->wasm_bytes);
    printf("code        %llu bytes\n", (unsigned long long)s->code_bytes);
    printf("image       %llu bytes\n", (unsigned long long)s->image_bytes);
    printf("threads     %u\n", s->n_threads);
    printf("time        %.3f s, of CPU %.3f s\n", seconds, cpu_seconds);
    printf("speed       %.2f MB/s, %.2f MB per CPU second\n", (double)s->wasm_bytes / 1e6 / seconds,
           (double)s->wasm_bytes / 1e6 / cpu_seconds);
    printf("workspace   %.1f MiB\n", (double)s->workspace_bytes / (1 << 20));
    printf("peak RSS    %.1f MiB\n", (double)usage.ru_maxrss / 1024);
}

static int compile_file(const char *path, struct options *options)
{
    struct module *module = tool_load(path, options);
    if (module == NULL) {
        return EXIT_ERROR;
    }
    const struct engine_image *image = module_image(module);
    bool is_written = file_write(options->output, image, image->len_bytes);
    if (is_written && options->is_verbose) {
        statistics_print(module);
    }
    module_put(module);
    return is_written ? 0 : EXIT_ERROR;
}

int command_compile(int argc, char **argv)
{
    static struct options options;
    options_init(&options);
    const char *path = NULL;
    int at = 1;
    while (at < argc) {
        if (!options_read(&options, "co", argc, argv, &at)) {
            return EXIT_USAGE;
        }
        if (at < argc && path != NULL) {
            return message_usage("compile: one file at a time");
        }
        path = at < argc ? argv[at++] : path;
    }
    if (path == NULL) {
        return message_usage("compile: which file?");
    }
    if (options.output == NULL) {
        return message_usage("compile: where to? (-o FILE.cwasm)");
    }
    if (!options_start(&options)) {
        return EXIT_ERROR;
    }
    int code = compile_file(path, &options);
    hosted_stop();
    return code;
}
