/*
 * From a file to a module.
 */
#include <string.h>

#include "tools/tool.h"

static struct engine_name base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    return (struct engine_name){(const uint8_t *)name, (uint32_t)strlen(name)};
}

static struct module *bytes_load(const char *path, const struct file *file, struct options *options)
{
    struct engine_name name = base_name(path);
    options->module.name = &name;
    struct module *module = NULL;
    status_t status = STATUS_OK;
    switch (file_kind(file)) {
    case FILE_MODULE:
        status = module_compile(file->bytes, file->len_bytes, &options->module, &module,
                                &options->report);
        break;
    case FILE_IMAGE:
        if (options->output != NULL) {
            message_error("%s: is compiled already", path);
            return NULL;
        }
        if (!options->allows_precompiled) {
            message_error("%s: is compiled code, which isn't checked again: to trust it, use "
                          "--allow-precompiled",
                          path);
            return NULL;
        }
        status =
            module_open(file->bytes, file->len_bytes, &options->module, &module, &options->report);
        break;
    case FILE_COMPONENT:
        message_error("%s: is a component; only core modules can be run", path);
        return NULL;
    case FILE_UNKNOWN:
    default:
        message_error("%s: is not a WebAssembly module (it doesn't begin with \\0asm)", path);
        return NULL;
    }
    if (status != STATUS_OK) {
        message_report(path, &options->report);
        return NULL;
    }
    return module;
}

struct module *tool_load(const char *path, struct options *options)
{
    struct file file;
    if (!file_open(&file, path)) {
        return NULL;
    }
    struct module *module = bytes_load(path, &file, options);
    options->module.name = NULL;
    file_close(&file);
    return module;
}
