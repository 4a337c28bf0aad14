/*
 * The module "spectest" (test/core/README of the specification): constants, a table, a memory,
 * and functions that print, here to nobody.
 */
#include "tools/spectest.h"

static const char module[] = "spectest";

static status_t print_nothing(void *ctx, struct instance *caller, union engine_value *values)
{
    (void)ctx, (void)caller, (void)values;
    return STATUS_OK;
}

static status_t functions_provide(struct process *process)
{
    static const struct {
        const char *name, *signature;
    } functions[] = {
        {"print", "_"},           {"print_i32", "i_"}, {"print_i64", "I_"},
        {"print_f32", "f_"},      {"print_f64", "F_"}, {"print_i32_f32", "if_"},
        {"print_f64_f64", "FF_"},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        status_t status = process_provide_func(process, &(struct provided_func){
                                                            .module = module,
                                                            .name = functions[i].name,
                                                            .signature = functions[i].signature,
                                                            .host = print_nothing,
                                                        });
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static status_t globals_provide(struct process *process)
{
    static const struct {
        const char *name;
        char type;
        union engine_value value;
    } globals[] = {
        {"global_i32", 'i', {.i32 = 666}},
        {"global_i64", 'I', {.i64 = 666}},
        {"global_f32", 'f', {.f32 = 0x4426a666}},
        {"global_f64", 'F', {.f64 = 0x4084d4cccccccccd}},
    };
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++) {
        status_t status = process_provide_global(process, module, globals[i].name, globals[i].type,
                                                 globals[i].value);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

status_t spectest_provide(struct process *process)
{
    status_t status = functions_provide(process);
    if (status == STATUS_OK) {
        status = globals_provide(process);
    }
    if (status == STATUS_OK) {
        struct engine_limit limit = {.min = 10, .max = 20, .has_max = true};
        status = process_provide_table(
            process, module, "table",
            (struct engine_tabletype){.limit = limit, .reftype = VALTYPE_FUNCREF});
    }
    if (status == STATUS_OK) {
        status = process_provide_memory(process, module, "memory",
                                        (struct engine_limit){.min = 1, .max = 2, .has_max = true});
    }
    return status;
}
