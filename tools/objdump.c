/*
 * tokamak objdump: looks into a module. Sections and instructions come from the decoder; the
 * compiler's own forms from its dump hook, while it compiles; machine code from the image.
 */
#define _GNU_SOURCE
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/linux/hosted.h"
#include "tools/tool.h"

#define ARENA_BYTES ((size_t)8 << 30)

struct dump {
    struct options options;
    const char *path;
    const struct engine_module *contents; /* of the file, or of the image's skeleton */
    bool has_bodies;
    uint32_t only;  /* funcidx, or UINT32_MAX: all */
    uint32_t shown; /* by the dump hook: the last function whose name was printed */
};

static void name_print(const struct engine_name *name)
{
    for (uint32_t i = 0; i < name->len_bytes; i++) {
        uint8_t c = name->bytes[i];
        if (c < 0x20 || c == 0x7f) {
            printf("\\%02x", c);
        } else {
            putchar(c);
        }
    }
}

static void func_name_print(const struct dump *dump, uint32_t funcidx)
{
    const struct engine_name *names = dump->contents->func_names;
    printf("function %u", funcidx);
    if (names != NULL && names[funcidx].bytes != NULL) {
        printf(" <");
        name_print(&names[funcidx]);
        putchar('>');
    }
}

static bool func_is_wanted(const struct dump *dump, uint32_t funcidx)
{
    return dump->only == UINT32_MAX || dump->only == funcidx;
}

/* ---- headers ---- */

static const char *valtype_text(uint8_t type)
{
    switch (type) {
    case VALTYPE_I32: return "i32";
    case VALTYPE_I64: return "i64";
    case VALTYPE_F32: return "f32";
    case VALTYPE_F64: return "f64";
    case VALTYPE_V128: return "v128";
    case VALTYPE_FUNCREF: return "funcref";
    case VALTYPE_EXTERNREF: return "externref";
    default: return "?";
    }
}

static void valtypes_print(const uint8_t *types, uint32_t n)
{
    putchar('(');
    for (uint32_t i = 0; i < n; i++) {
        printf("%s%s", i == 0 ? "" : " ", valtype_text(types[i]));
    }
    putchar(')');
}

static void functype_print(const struct engine_functype *type)
{
    valtypes_print(type->params, type->n_params);
    printf(" -> ");
    valtypes_print(type->results, type->n_results);
}

static void limit_print(const struct engine_limit *limit)
{
    printf("%llu", (unsigned long long)limit->min);
    if (limit->has_max) {
        printf("..%llu", (unsigned long long)limit->max);
    } else {
        printf("..");
    }
}

static void import_print(const struct engine_module *m, const struct engine_import *import)
{
    printf("  \"");
    name_print(&import->module);
    printf("\" \"");
    name_print(&import->name);
    printf("\" ");
    switch ((enum engine_extern)import->kind) {
    case EXTERN_FUNC:
        printf("func ");
        functype_print(&m->types[import->typeidx]);
        break;
    case EXTERN_TABLE:
        printf("table ");
        limit_print(&import->table.limit);
        printf(" %s", valtype_text(import->table.reftype));
        break;
    case EXTERN_MEMORY:
        printf("memory ");
        limit_print(&import->memory);
        printf(" pages");
        break;
    case EXTERN_GLOBAL:
        printf("global %s%s", import->global.is_mutable ? "mut " : "",
               valtype_text(import->global.valtype));
        break;
    }
    putchar('\n');
}

static void exports_print(const struct engine_module *m)
{
    static const char *const kinds[] = {"func", "table", "memory", "global"};
    printf("exports: %u\n", m->n_exports);
    for (uint32_t i = 0; i < m->n_exports; i++) {
        printf("  \"");
        name_print(&m->exports[i].name);
        printf("\" %s %u\n", kinds[m->exports[i].kind], m->exports[i].index);
    }
}

static void spaces_print(const struct engine_module *m)
{
    printf("functions: %u, of them imported %u\n", m->n_funcs, m->n_func_imports);
    for (uint32_t i = 0; i < m->n_tables; i++) {
        printf("table %u: ", i);
        limit_print(&m->tables[i].limit);
        printf(" %s\n", valtype_text(m->tables[i].reftype));
    }
    for (uint32_t i = 0; i < m->n_memories; i++) {
        printf("memory %u: ", i);
        limit_print(&m->memories[i]);
        printf(" pages\n");
    }
    printf("globals: %u\n", m->n_globals);
    printf("element segments: %u\ndata segments: %u\n", m->n_elems, m->n_datas);
    for (uint32_t i = 0; i < m->n_datas; i++) {
        printf("  %u: %s, %u bytes\n", i, m->datas[i].mode == SEGMENT_ACTIVE ? "active" : "passive",
               m->datas[i].len_bytes);
    }
    if (m->start != UINT32_MAX) {
        printf("start: %u\n", m->start);
    }
}

static void headers_print(const struct dump *dump)
{
    const struct engine_module *m = dump->contents;
    printf("types: %u\n", m->n_types);
    for (uint32_t i = 0; i < m->n_types; i++) {
        printf("  %u: ", i);
        functype_print(&m->types[i]);
        putchar('\n');
    }
    printf("imports: %u\n", m->n_imports);
    for (uint32_t i = 0; i < m->n_imports; i++) {
        import_print(m, &m->imports[i]);
    }
    spaces_print(m);
    exports_print(m);
    printf("instance record: %u bytes\n", m->layout.size_bytes);
}

/* ---- instructions ---- */

static void instruction_print(void *ctx, uint32_t offset, uint32_t depth, const char *text,
                              size_t len_bytes)
{
    (void)ctx;
    printf("  %6x  %*s%.*s\n", offset, (int)(2 * depth), "", (int)len_bytes, text);
}

static void bodies_print(struct dump *dump)
{
    const struct engine_module *m = dump->contents;
    struct engine_listing listing = {.put = instruction_print};
    for (uint32_t i = m->n_func_imports; i < m->n_funcs; i++) {
        if (!func_is_wanted(dump, i)) {
            continue;
        }
        func_name_print(dump, i);
        putchar(' ');
        functype_print(&m->types[m->funcs[i].typeidx]);
        printf(":\n");
        status_t status = engine_list_body(m, i, &listing);
        if (status != STATUS_OK) {
            printf("  (ends here: %s)\n", status_text(status));
        }
    }
}

/* ---- the compiler's forms ---- */

static bool dump_wants(void *ctx, uint32_t funcidx, const char *stage)
{
    struct dump *dump = ctx;
    if (!func_is_wanted(dump, funcidx) || strcmp(stage, dump->options.stage) != 0) {
        return false;
    }
    if (dump->shown != funcidx) {
        dump->shown = funcidx;
        func_name_print(dump, funcidx);
        printf(", %s:\n", stage);
    }
    return true;
}

static void dump_put(void *ctx, const char *text, size_t len_bytes)
{
    (void)ctx;
    (void)fwrite(text, 1, len_bytes, stdout);
}

/* ---- machine code ---- */

/* Where instructions that may trap or call are in the module; each is printed once. */
static void place_print(const struct engine_image *image, uint64_t offset, uint64_t next,
                        uint32_t *last)
{
    struct engine_place here, there;
    bool is_here = engine_image_find(image, offset, false, &here);
    bool is_there = engine_image_find(image, next, false, &there);
    if (is_here && here.wasm_offset != 0 && here.wasm_offset != *last &&
        (!is_there || there.func != here.func || there.wasm_offset != here.wasm_offset)) {
        printf("    ; wasm 0x%x", here.wasm_offset);
        *last = here.wasm_offset;
    }
}

/* After a trap's ud2 stands its kind. */
static bool trap_print(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 3 || at[0] != 0x0f || at[1] != 0x0b) {
        return false;
    }
    printf("trap      %s", engine_trap_text((enum engine_trap)at[2]));
    return true;
}

static void code_disassemble(csh capstone, cs_insn *insn, const struct engine_image *image,
                             const struct engine_image_func *func)
{
    const uint8_t *code = engine_image_code(image), *at = code + func->code_offset;
    const uint8_t *end = at + func->code_len_bytes;
    uint32_t last_place = 0;
    while (at < end) {
        uint64_t offset = (uint64_t)(at - code);
        printf("  %6llx  ", (unsigned long long)offset);
        const uint8_t *next = at;
        size_t left = (size_t)(end - at);
        uint64_t address = offset;
        if (trap_print(at, end)) {
            next = at + 3;
        } else if (cs_disasm_iter(capstone, &next, &left, &address, insn)) {
            printf("%-9s %s", insn->mnemonic, insn->op_str);
        } else {
            printf("byte      0x%02x", *at);
            next = at + 1;
        }
        place_print(image, offset, (uint64_t)(next - code), &last_place);
        putchar('\n');
        at = next;
    }
}

static bool code_print(struct dump *dump, const struct module *module)
{
    csh capstone;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &capstone) != CS_ERR_OK) {
        message_error("libcapstone doesn't start");
        return false;
    }
    cs_insn *insn = cs_malloc(capstone);
    const struct engine_image *image = module_image(module);
    const struct engine_image_func *funcs =
        (const struct engine_image_func *)((const uint8_t *)image + image->funcs_offset);
    uint32_t n_imports = dump->contents->n_func_imports;
    for (uint32_t i = 0; i < image->n_funcs; i++) {
        if (func_is_wanted(dump, n_imports + i)) {
            func_name_print(dump, n_imports + i);
            printf(": %u bytes, frame %u\n", funcs[i].code_len_bytes, funcs[i].frame_bytes);
            code_disassemble(capstone, insn, image, &funcs[i]);
        }
    }
    cs_free(insn, 1);
    cs_close(&capstone);
    return true;
}

/* ---- the command ---- */

/* --func N or NAME. */
static bool only_find(struct dump *dump)
{
    const char *wanted = dump->options.func;
    dump->only = UINT32_MAX;
    if (wanted == NULL) {
        return true;
    }
    const struct engine_module *m = dump->contents;
    char *end;
    unsigned long number = strtoul(wanted, &end, 0);
    if (*end == '\0' && end != wanted && number < m->n_funcs) {
        dump->only = (uint32_t)number;
        return true;
    }
    size_t len = strlen(wanted);
    for (uint32_t i = 0; m->func_names != NULL && i < m->n_funcs; i++) {
        if (m->func_names[i].len_bytes == len && memcmp(m->func_names[i].bytes, wanted, len) == 0) {
            dump->only = i;
            return true;
        }
    }
    for (uint32_t i = 0; i < m->n_exports; i++) {
        if (m->exports[i].kind == EXTERN_FUNC && m->exports[i].name.len_bytes == len &&
            memcmp(m->exports[i].name.bytes, wanted, len) == 0) {
            dump->only = m->exports[i].index;
            return true;
        }
    }
    message_error("%s: no function is called '%s'", dump->path, wanted);
    return false;
}

static bool stage_is_known(const char *stage)
{
    static const char *const others[] = {"ssa", "mir", "ra", "code"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(others[i], stage) == 0) {
            return true;
        }
    }
    for (uint32_t i = 0; engine_pass_name(i) != NULL; i++) {
        if (strcmp(engine_pass_name(i), stage) == 0) {
            return true;
        }
    }
    (void)message_usage("no pass is called '%s' (tokamak run --list-passes)", stage);
    return false;
}

/* What needs the compiler. */
static int dump_compiled(struct dump *dump)
{
    struct engine_dump hook = {.wants = dump_wants, .put = dump_put, .ctx = dump};
    dump->shown = UINT32_MAX;
    if (dump->options.stage != NULL) {
        dump->options.module.engine.dump = &hook;
        dump->options.module.n_threads = 1;
    }
    struct module *module = tool_load(dump->path, &dump->options);
    if (module == NULL) {
        return EXIT_ERROR;
    }
    bool is_done = true;
    if (dump->options.shows_code) {
        is_done = code_print(dump, module);
    }
    module_put(module);
    return is_done ? 0 : EXIT_ERROR;
}

static int dump_image(struct dump *dump)
{
    dump->options.allows_precompiled = true; /* nothing of it is run */
    struct module *module = tool_load(dump->path, &dump->options);
    if (module == NULL) {
        return EXIT_ERROR;
    }
    dump->contents = module_contents(module);
    int code = EXIT_ERROR;
    if (only_find(dump)) {
        if (dump->options.shows_headers) {
            headers_print(dump);
        }
        code = !dump->options.shows_code || code_print(dump, module) ? 0 : EXIT_ERROR;
    }
    module_put(module);
    return code;
}

static int dump_module(struct dump *dump, const struct file *file)
{
    struct arena arena;
    void *memory = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        message_error("%s: out of memory", dump->path);
        return EXIT_ERROR;
    }
    arena_init(&arena, memory, ARENA_BYTES);
    struct engine_error error;
    struct engine_module *contents;
    status_t status = engine_decode(file->bytes, file->len_bytes, &engine_default_limits, 0, &arena,
                                    &contents, &error);
    if (status != STATUS_OK) {
        struct report report = {
            .status = error.status, .offset = error.offset, .funcidx = error.funcidx};
        memcpy(report.text, error.text, sizeof error.text);
        message_report(dump->path, &report);
        return EXIT_ERROR;
    }
    dump->contents = contents;
    if (!only_find(dump)) {
        return EXIT_ERROR;
    }
    if (dump->options.shows_headers) {
        headers_print(dump);
    }
    if (dump->options.shows_wasm) {
        bodies_print(dump);
    }
    bool is_compiled = dump->options.stage != NULL || dump->options.shows_code;
    return is_compiled ? dump_compiled(dump) : 0;
}

static int dump_file(struct dump *dump)
{
    struct file file;
    if (!file_open(&file, dump->path)) {
        return EXIT_ERROR;
    }
    enum file_kind kind = file_kind(&file);
    int code;
    if (kind == FILE_IMAGE) {
        code = dump_image(dump);
    } else if (kind == FILE_MODULE) {
        code = dump_module(dump, &file);
    } else {
        code = tool_load(dump->path, &dump->options) == NULL ? EXIT_ERROR : 0; /* says why not */
    }
    file_close(&file);
    return code;
}

int command_objdump(int argc, char **argv)
{
    static struct dump dump;
    struct options *options = &dump.options;
    options_init(options);
    int at = 1;
    while (at < argc) {
        if (!options_read(options, "dc", argc, argv, &at)) {
            return EXIT_USAGE;
        }
        if (at < argc && dump.path != NULL) {
            return message_usage("objdump: one file at a time");
        }
        dump.path = at < argc ? argv[at++] : dump.path;
    }
    if (dump.path == NULL) {
        return message_usage("objdump: which file?");
    }
    if (options->stage != NULL && !stage_is_known(options->stage)) {
        return EXIT_USAGE;
    }
    if (!options->shows_wasm && !options->shows_code && options->stage == NULL) {
        options->shows_headers = true;
    }
    if (!options_start(options)) {
        return EXIT_ERROR;
    }
    int code = dump_file(&dump);
    hosted_stop();
    return fflush(stdout) == 0 ? code : EXIT_ERROR;
}
