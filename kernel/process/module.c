/*
 * The loader: bytes to module, by the compiler or from an image that it made before.
 */
#include "kernel/process/module.h"

#include <string.h>

#include "base/format.h"
#include "base/sha256.h"
#include "kernel/call/calls.h"
#include "kernel/cpu.h"
#include "kernel/mem/pool.h"
#include "kernel/process/compile.h"

#define MODULE_POOL_BYTES ((size_t)1 << 30)

/* How large an image can get. Usually it is 2-3 times the module; what branches may carry at most
 * (build_carry) makes some 1,200 bytes of moves for one of wasm. These are addresses, not memory,
 * and what isn't used is given back. */
#define IMAGE_BASE_BYTES ((size_t)64 << 20)
#define IMAGE_FACTOR 2048u
#define IMAGE_MAX_BYTES ((size_t)4 << 30)

uint64_t machine_cpu_features(void)
{
    return arch_cpu_features();
}

const struct engine_image *module_image(const struct module *module)
{
    return module->image;
}

const struct engine_module *module_contents(const struct module *module)
{
    return module->contents;
}

const struct module_statistics *module_statistics(const struct module *module)
{
    return &module->statistics;
}

struct engine_name module_name(const struct module *module)
{
    return module->contents->module_name.len_bytes != 0 ? module->contents->module_name
                                                        : module->name;
}

bool module_func_name(const struct module *module, uint32_t funcidx, struct engine_name *out)
{
    const struct engine_name *names = module->contents->func_names;
    if (names == NULL || names[funcidx].bytes == NULL) {
        return false;
    }
    *out = names[funcidx];
    return true;
}

const struct module *module_find(uint64_t addr)
{
    const struct extent *extent = extent_find(&cpu_self()->code, addr);
    if (extent == NULL || extent->owner == NULL) {
        return NULL;
    }
    const struct module *module = extent->owner;
    if (module->image == NULL) {
        return NULL;
    }
    return addr - (uint64_t)module_code(module) < module->image->code_len_bytes ? module : NULL;
}

/* ---- making the object ---- */

/* With what the kernel adds: what an image was compiled with, and is compared with. */
static struct engine_options engine_options(const struct module_options *options)
{
    struct engine_options all = options->engine;
    calls_put_templates(&all);
    return all;
}

static status_t module_alloc(const struct module_options *options, struct module **out)
{
    struct arena pool;
    status_t status = pool_new(&pool, MODULE_POOL_BYTES);
    if (status != STATUS_OK) {
        return status;
    }
    struct module *module = POOL_NEW(&pool, struct module);
    module->n_refs = 1;
    module->pool = pool;
    module->is_dense = options->engine.memory_kind == ENGINE_MEMORY_DENSE;
    if (options->name != NULL) {
        uint8_t *name = arena_alloc(&module->pool, options->name->len_bytes);
        if (name == NULL) {
            pool_free(&pool);
            return ERR_NO_MEMORY;
        }
        memcpy(name, options->name->bytes, options->name->len_bytes);
        module->name = (struct engine_name){name, options->name->len_bytes};
    }
    *out = module;
    return STATUS_OK;
}

void module_put(struct module *module)
{
    if (--module->n_refs != 0) {
        return;
    }
    if (module->image != NULL) {
        extent_free(&cpu_self()->code, (const uint8_t *)module->image);
    }
    struct arena pool = module->pool; /* the module lies in it */
    pool_free(&pool);
}

/* Image bytes stand in the code area, still writable: seals them and decodes the skeleton. */
static status_t module_finish(struct module *module, uint8_t *bytes, struct report *report)
{
    const struct engine_image *image = (const struct engine_image *)bytes;
    extent_trim(&cpu_self()->code, bytes, image->len_bytes);
    module->image = image;
    module->statistics.code_bytes = image->code_len_bytes;
    module->statistics.image_bytes = image->len_bytes;
    module->statistics.n_funcs = image->n_funcs;
    uint64_t code_end = (image->code_offset + image->code_len_bytes + ARCH_PAGE_BYTES - 1) /
                        ARCH_PAGE_BYTES * ARCH_PAGE_BYTES;
    uint64_t image_end =
        (image->len_bytes + ARCH_PAGE_BYTES - 1) / ARCH_PAGE_BYTES * ARCH_PAGE_BYTES;
    status_t status = arch_seal_constants(bytes, image->code_offset);
    if (status == STATUS_OK && image->code_len_bytes != 0) {
        status = arch_seal_code(bytes + image->code_offset, code_end - image->code_offset);
    }
    if (status == STATUS_OK && image_end > code_end) {
        status = arch_seal_constants(bytes + code_end, image_end - code_end);
    }
    if (status != STATUS_OK) {
        return report_set(report, status, REPORT_NO_OFFSET, "can't map code");
    }
    struct engine_error error;
    status = engine_decode(bytes + image->skeleton_offset, image->skeleton_len_bytes,
                           &engine_default_limits, ENGINE_DECODE_SKELETON, &module->pool,
                           &module->contents, &error);
    return status != STATUS_OK ? report_engine(report, &error) : STATUS_OK;
}

/* ---- compiling ---- */

static status_t image_write(struct compile_space *space, const uint8_t *bytes, size_t len_bytes,
                            const struct module_options *options, uint8_t *out, size_t cap_bytes,
                            uint32_t *n_threads, struct engine_error *error)
{
    struct engine_module *contents;
    status_t status =
        engine_decode(bytes, len_bytes, &engine_default_limits, 0, &space->side, &contents, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_compile compile = {};
    struct engine_options engine = engine_options(options);
    status = engine_compile_init(&compile, contents, &engine, &space->side, out, cap_bytes, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = compile_run(&compile, space, options->n_threads, n_threads, error);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t module_hash[SHA256_BYTES], abi_hash[SHA256_BYTES];
    sha256(bytes, len_bytes, module_hash);
    module_abi_hash(abi_hash);
    return engine_compile_finish(&compile, module_hash, abi_hash, error);
}

/* Compiles into a run of the code area, and makes it the module's. */
static status_t module_build(struct module *module, struct compile_space *space,
                             const uint8_t *bytes, size_t len_bytes,
                             const struct module_options *options, struct report *report)
{
    struct extent_area *area = &cpu_self()->code;
    size_t cap_bytes = IMAGE_BASE_BYTES + len_bytes * IMAGE_FACTOR;
    cap_bytes = cap_bytes > IMAGE_MAX_BYTES ? IMAGE_MAX_BYTES : cap_bytes;
    uint8_t *out;
    status_t status = extent_alloc(area, cap_bytes, module, &out);
    if (status != STATUS_OK) {
        return report_set(report, status, REPORT_NO_OFFSET, "no address space left for code");
    }
    status = arch_commit(out, cap_bytes);
    struct engine_error error = {.status = status, .funcidx = UINT32_MAX};
    if (status == STATUS_OK) {
        status = image_write(space, bytes, len_bytes, options, out, cap_bytes,
                             &module->statistics.n_threads, &error);
    }
    if (status != STATUS_OK) {
        extent_free(area, out);
        return report_engine(report, &error);
    }
    return module_finish(module, out, report);
}

status_t module_compile(const uint8_t *bytes, size_t len_bytes,
                        const struct module_options *options, struct module **out,
                        struct report *report)
{
    struct compile_space *space;
    struct module *module;
    status_t status = compile_space_get(cpu_self(), &space);
    if (status == STATUS_OK) {
        status = module_alloc(options, &module);
    }
    if (status != STATUS_OK) {
        return report_set(report, status, REPORT_NO_OFFSET, "%s", status_text(status));
    }
    uint64_t start_ns = arch_time_ns();
    status = module_build(module, space, bytes, len_bytes, options, report);
    module->statistics.compile_ns = arch_time_ns() - start_ns;
    module->statistics.wasm_bytes = len_bytes;
    module->statistics.workspace_bytes = compile_space_reset(space);
    if (status != STATUS_OK) {
        module_put(module);
        return status;
    }
    *out = module;
    return STATUS_OK;
}

/* ---- images ---- */

static status_t image_check(const struct engine_image *image, const struct module_options *options,
                            struct report *report)
{
    uint8_t abi_hash[SHA256_BYTES];
    module_abi_hash(abi_hash);
    if (image->engine_version != ENGINE_VERSION) {
        return report_set(report, ERR_MISMATCH, REPORT_NO_OFFSET,
                          "compiled by engine version %u, this is version %u",
                          image->engine_version, ENGINE_VERSION);
    }
    if (image->machine != engine_machine()) {
        return report_set(report, ERR_MISMATCH, REPORT_NO_OFFSET,
                          "compiled for machine %u, this is machine %u", image->machine,
                          engine_machine());
    }
    uint64_t missing = image->cpu_features & ~arch_cpu_features();
    if (missing != 0) {
        return report_set(report, ERR_MISMATCH, REPORT_NO_OFFSET,
                          "compiled for a CPU with features that this one lacks (0x%llx)",
                          (unsigned long long)missing);
    }
    struct engine_options engine = engine_options(options);
    uint64_t word = engine_options_word(&engine);
    if (image->options != word) {
        return report_set(report, ERR_MISMATCH, REPORT_NO_OFFSET,
                          "compiled with other engine options (0x%llx, now 0x%llx)",
                          (unsigned long long)image->options, (unsigned long long)word);
    }
    if (memcmp(image->abi_hash, abi_hash, sizeof abi_hash) != 0) {
        return report_set(report, ERR_MISMATCH, REPORT_NO_OFFSET,
                          "compiled against another table of kernel calls");
    }
    return STATUS_OK;
}

static status_t module_copy(struct module *module, const struct engine_image *image,
                            struct report *report)
{
    struct extent_area *area = &cpu_self()->code;
    uint8_t *out;
    status_t status = extent_alloc(area, image->len_bytes, module, &out);
    if (status != STATUS_OK) {
        return report_set(report, status, REPORT_NO_OFFSET, "no address space left for code");
    }
    uint64_t whole_bytes =
        (image->len_bytes + ARCH_PAGE_BYTES - 1) / ARCH_PAGE_BYTES * ARCH_PAGE_BYTES;
    status = arch_commit(out, whole_bytes);
    if (status != STATUS_OK) {
        extent_free(area, out);
        return report_set(report, status, REPORT_NO_OFFSET, "%s", status_text(status));
    }
    memcpy(out, image, image->len_bytes);
    return module_finish(module, out, report);
}

status_t module_open(const void *bytes, size_t len_bytes, const struct module_options *options,
                     struct module **out, struct report *report)
{
    const struct engine_image *image;
    status_t status = engine_image_open(bytes, len_bytes, &image);
    if (status != STATUS_OK) {
        return report_set(report, status, REPORT_NO_OFFSET, "not a whole code image");
    }
    status = image_check(image, options, report);
    if (status != STATUS_OK) {
        return status;
    }
    struct module *module;
    status = module_alloc(options, &module);
    if (status != STATUS_OK) {
        return report_set(report, status, REPORT_NO_OFFSET, "%s", status_text(status));
    }
    status = module_copy(module, image, report);
    if (status != STATUS_OK) {
        module_put(module);
        return status;
    }
    *out = module;
    return STATUS_OK;
}
