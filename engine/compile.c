/*
 * The driver: from a decoded module to an image.
 *
 * Functions are compiled one by one, independently, in batches: a batch is the unit that a thread
 * takes. Its code is position independent but for direct calls, which hold the callee's index
 * until all functions have their places. Batches are appended in ascending order, so the image
 * doesn't depend on who compiled what when.
 */
#include "engine/compile.h"

#include <string.h>

#include "base/format.h"
#include "engine/opt/opt.h"
#include "engine/ra/mir.h"
#include "engine/ra/mir_print.h"
#include "engine/target/target.h"
#include "engine/wasm/build.h"

/* A batch ends with the function that brings it to this many bytes of wasm or functions. */
#define BATCH_BYTES 32768u
#define BATCH_FUNCS 256u

/* The share of a batch's arena that holds its results; the rest is scratch memory. */
#define RESULT_SHARE 4

/* ---- One function ---- */

static bool wants_dump(const struct compile *cx, const char *stage)
{
    const struct engine_dump *d = cx->options->dump;
    return d != NULL && d->wants(d->ctx, cx->funcidx, stage);
}

static void dump_mir(struct compile *cx, const struct mir_func *mf, const char *stage)
{
    if (wants_dump(cx, stage)) {
        struct ra_machine machine;
        cx->target->machine(cx, &machine);
        const struct engine_dump *d = cx->options->dump;
        mir_print(mf, &machine, cx->target->op_name, &(struct ssa_text){d->put, d->ctx});
    }
}

static status_t allocate(struct compile *cx, struct mir_func *mf)
{
    struct ra_machine machine;
    cx->target->machine(cx, &machine);
    struct ra_options options = {.is_checked = cx->options->is_checked,
                                 .shuffle_seed = cx->options->ra_shuffle_seed};
    status_t status = ra_allocate(mf, &machine, &options);
    if (status == ERR_LIMIT) { /* over budget: the cheap way, which has no limit */
        options.is_linear = true;
        status = ra_allocate(mf, &machine, &options);
    }
    if (status == ERR_INTERNAL) {
        uint32_t inst = 0;
        const char *wrong = ra_check(mf, &machine, &inst);
        return compile_fail(cx->error, status, 0, "function %u: register allocation at %u: %s",
                            cx->funcidx, inst, wrong != NULL ? wrong : "?");
    }
    return status;
}

/* From SSA to bytes at the end of out. What layout says is for the selection. */
static status_t generate(struct compile *cx, struct code_buf *out)
{
    uint32_t *order, n_order, *n_uses;
    struct mir_func mf;
    status_t status = opt_layout(cx, &order, &n_order);
    if (status == STATUS_OK) {
        status = opt_count_uses(cx, &n_uses);
    }
    if (status == STATUS_OK) {
        status = cx->target->select(cx, order, n_order, n_uses, &mf);
    }
    arena_release(cx->scratch, 0);
    if (status == STATUS_OK) {
        dump_mir(cx, &mf, "mir");
        status = allocate(cx, &mf);
    }
    if (status == STATUS_OK) {
        arena_release(cx->scratch, 0);
        dump_mir(cx, &mf, "ra");
        status = cx->target->encode(cx, &mf, cx->arena, out);
    }
    return status;
}

static status_t compile_function(struct compile *cx, struct code_buf *out)
{
    struct ssa_func fn;
    cx->fn = &fn;
    status_t status = build_function(cx);
    arena_release(cx->scratch, 0);
    if (status == STATUS_OK) {
        status = opt_run(cx);
    }
    if (status == STATUS_OK) {
        status = generate(cx, out);
        arena_release(cx->scratch, 0);
    }
    if (status != STATUS_OK && cx->error->status == STATUS_OK) {
        return compile_fail(cx->error, status, cx->module->funcs[cx->funcidx].body_offset,
                            "function %u: %s", cx->funcidx, status_text(status));
    }
    return status;
}

/* ---- Batches ---- */

static status_t plan_batches(struct engine_compile *compile)
{
    const struct engine_module *module = compile->module;
    uint32_t n_defined = module->n_funcs - module->n_func_imports;
    uint32_t *starts = arena_array(compile->side, (size_t)n_defined + 1, sizeof *starts);
    if (starts == NULL) {
        return ERR_NO_MEMORY;
    }
    uint32_t n = 0, n_bytes = 0, n_funcs = 0;
    for (uint32_t i = 0; i < n_defined; i++) {
        if (n_funcs == 0) {
            starts[n++] = i;
        }
        n_funcs++;
        n_bytes += module->funcs[module->n_func_imports + i].body_len_bytes;
        if (n_bytes >= BATCH_BYTES || n_funcs >= BATCH_FUNCS) {
            n_bytes = n_funcs = 0;
        }
    }
    starts[n] = n_defined;
    compile->batch_starts = starts;
    compile->n_batches = n;
    return STATUS_OK;
}

const struct engine_template *engine_template_find(const struct engine_options *options,
                                                   const struct engine_module *module,
                                                   const struct engine_import *import)
{
    if (import->kind != EXTERN_FUNC) {
        return NULL;
    }
    const struct engine_functype *type = &module->types[import->typeidx];
    if (type->n_params != 0 || type->n_results != 1 || type->results[0] != VALTYPE_I64) {
        return NULL;
    }
    for (uint32_t i = 0; i < options->n_templates; i++) {
        const struct engine_template *template = &options->templates[i];
        if (engine_name_equal(template->module, import->module) &&
            engine_name_equal(template->name, import->name)) {
            return template;
        }
    }
    return NULL;
}

static status_t find_templates(struct engine_compile *compile)
{
    const struct engine_module *module = compile->module;
    if (compile->options.n_templates == 0) {
        return STATUS_OK;
    }
    const struct engine_template **templates =
        arena_array(compile->side, (size_t)module->n_func_imports + 1, sizeof *templates);
    if (templates == NULL) {
        return ERR_NO_MEMORY;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < module->n_imports; i++) {
        if (module->imports[i].kind == EXTERN_FUNC) {
            templates[n++] = engine_template_find(&compile->options, module, &module->imports[i]);
        }
    }
    compile->import_templates = templates;
    return STATUS_OK;
}

status_t engine_compile_init(struct engine_compile *compile, const struct engine_module *module,
                             const struct engine_options *options, struct arena *side, void *out,
                             size_t out_cap_bytes, struct engine_error *error)
{
    uint32_t n_defined = module->n_funcs - module->n_func_imports;
    *error = (struct engine_error){.funcidx = UINT32_MAX};
    *compile = (struct engine_compile){.module = module,
                                       .options = *options,
                                       .side = side,
                                       .out = out,
                                       .out_cap_bytes = out_cap_bytes,
                                       .out_len_bytes = ENGINE_IMAGE_ALIGN};
    if (out_cap_bytes < ENGINE_IMAGE_ALIGN) {
        return compile_fail(error, ERR_NO_SPACE, 0, "no room for an image's header");
    }
    compile->funcs = arena_zalloc(side, (size_t)n_defined + 1, sizeof *compile->funcs);
    if (compile->funcs == NULL || plan_batches(compile) != STATUS_OK ||
        find_templates(compile) != STATUS_OK) {
        return compile_fail(error, ERR_NO_MEMORY, 0, "out of memory for %u functions", n_defined);
    }
    return STATUS_OK;
}

static uint8_t *put_leb(uint8_t *at, uint32_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* Pairs (code delta * 2 + is frameless, wasm delta as zigzag, since it may be negative); then 0. */
static uint8_t *put_positions(uint8_t *at, const struct code_buf *code, uint32_t code_start)
{
    uint32_t last_code = code_start, last_wasm = 0;
    for (uint32_t i = 0; i < code->n_positions; i++) {
        uint32_t wasm = code->positions[i].wasm & ~POSITION_FRAMELESS;
        uint32_t is_frameless = wasm != code->positions[i].wasm;
        int32_t delta = (int32_t)(wasm - last_wasm);
        at = put_leb(at, (code->positions[i].code - last_code) << 1 | is_frameless);
        at = put_leb(at, (uint32_t)delta << 1 ^ (uint32_t)(delta >> 31));
        last_code = code->positions[i].code;
        last_wasm = wasm;
    }
    return put_leb(at, 0);
}

/* A pair of deltas in LEB128 has at most this many bytes, and the end one. */
#define POSITION_MAX_BYTES 10

/* The results' memory: code, call sites, the positions of a function and of the batch. */
static status_t begin_results(struct arena *arena, struct engine_batch *batch, uint32_t n_funcs,
                              struct code_buf *code, uint32_t *cap_positions)
{
    size_t share = (arena->cap_bytes - arena->used_bytes) / RESULT_SHARE;
    if (share > UINT32_MAX / 2) {
        share = UINT32_MAX / 2;
    }
    *code =
        (struct code_buf){.cap_bytes = (uint32_t)(share / 2),
                          .cap_call_sites = (uint32_t)(share / 8 / sizeof(uint32_t)),
                          .cap_positions = (uint32_t)(share / 8 / sizeof(struct code_position))};
    *cap_positions = (uint32_t)(share / 8);
    batch->funcs = arena_array(arena, n_funcs, sizeof *batch->funcs);
    code->bytes = arena_array(arena, code->cap_bytes, 1);
    code->call_sites = arena_array(arena, code->cap_call_sites, sizeof(uint32_t));
    code->positions = arena_array(arena, code->cap_positions, sizeof(struct code_position));
    batch->positions = arena_array(arena, *cap_positions, 1);
    return batch->funcs == NULL || code->bytes == NULL || code->call_sites == NULL ||
                   code->positions == NULL || batch->positions == NULL
               ? ERR_NO_MEMORY
               : STATUS_OK;
}

static void align_code(struct code_buf *code, uint32_t align)
{
    while (code->len_bytes % align != 0 && code->len_bytes < code->cap_bytes) {
        code->bytes[code->len_bytes++] = 0xcc;
    }
}

/* Compiles function i of the batch and notes where everything of it is. */
static status_t add_function(struct compile *cx, struct engine_batch *batch, uint32_t i,
                             struct code_buf *code, uint32_t cap_positions)
{
    align_code(code, cx->target->code_align);
    uint32_t start = code->len_bytes;
    code->n_positions = 0;
    status_t status = compile_function(cx, code);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t n_max = (uint64_t)code->n_positions * POSITION_MAX_BYTES + 1;
    if (n_max > cap_positions - batch->n_positions) {
        return compile_fail(cx->error, ERR_NO_MEMORY, 0, "out of memory for positions");
    }
    batch->funcs[i] = (struct engine_image_func){.code_offset = start,
                                                 .code_len_bytes = code->len_bytes - start,
                                                 .frame_bytes = code->frame_bytes,
                                                 .positions = batch->n_positions};
    uint8_t *end = put_positions(batch->positions + batch->n_positions, code, start);
    batch->n_positions = (uint32_t)(end - batch->positions);
    return STATUS_OK;
}

status_t engine_compile_batch(const struct engine_compile *compile, uint32_t index,
                              struct arena *arena, struct arena *scratch,
                              struct engine_batch *batch, struct engine_error *error)
{
    *error = (struct engine_error){.funcidx = UINT32_MAX};
    uint32_t first = compile->batch_starts[index];
    *batch =
        (struct engine_batch){.index = index, .n_funcs = compile->batch_starts[index + 1] - first};
    struct code_buf code;
    uint32_t cap_positions;
    if (begin_results(arena, batch, batch->n_funcs, &code, &cap_positions) != STATUS_OK) {
        return compile_fail(error, ERR_NO_MEMORY, 0, "out of memory for a batch of functions");
    }
    struct compile cx = {.module = compile->module,
                         .options = &compile->options,
                         .target = &target_x86_64,
                         .arena = arena,
                         .scratch = scratch,
                         .error = error,
                         .import_templates = compile->import_templates};
    size_t mark = arena_mark(arena);
    status_t status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < batch->n_funcs; i++) {
        cx.funcidx = compile->module->n_func_imports + first + i;
        status = add_function(&cx, batch, i, &code, cap_positions);
        arena_release(arena, mark);
    }
    align_code(&code, cx.target->code_align);
    batch->code = code.bytes;
    batch->len_bytes = code.len_bytes;
    batch->call_sites = code.call_sites;
    batch->n_call_sites = code.n_call_sites;
    return status;
}

/* ---- The image ---- */

/* A multiple of four: no word is cut in two. */
#define CHUNK_BYTES 16384u

struct engine_chunk {
    struct engine_chunk *next;
    uint32_t len_bytes;
    uint8_t bytes[CHUNK_BYTES];
};

static status_t spool_add(struct engine_spool *spool, struct arena *arena, const uint8_t *bytes,
                          size_t len_bytes)
{
    while (len_bytes != 0) {
        struct engine_chunk *last = spool->last;
        if (last == NULL || last->len_bytes == CHUNK_BYTES) {
            struct engine_chunk *chunk = arena_alloc(arena, sizeof *chunk);
            if (chunk == NULL) {
                return ERR_NO_MEMORY;
            }
            chunk->next = NULL;
            chunk->len_bytes = 0;
            *(last == NULL ? &spool->first : &last->next) = chunk;
            spool->last = last = chunk;
        }
        size_t room = CHUNK_BYTES - last->len_bytes, n = len_bytes < room ? len_bytes : room;
        memcpy(last->bytes + last->len_bytes, bytes, n);
        last->len_bytes += (uint32_t)n;
        spool->len_bytes += n;
        bytes += n;
        len_bytes -= n;
    }
    return STATUS_OK;
}

static void put_distance(struct engine_compile *compile, uint32_t site, uint32_t to)
{
    uint32_t distance = to - (site + 4);
    memcpy(compile->out + ENGINE_IMAGE_ALIGN + site, &distance, sizeof distance);
}

static uint32_t func_place(const struct engine_compile *compile, uint32_t funcidx)
{
    return compile->funcs[funcidx - compile->module->n_func_imports].code_offset;
}

/* The fields of calls hold indices of functions. Calls of what isn't there yet, and of imports, are
 * kept for the end. */
static status_t append_calls(struct engine_compile *compile, const struct engine_batch *batch,
                             uint32_t code_offset)
{
    const uint8_t *code = compile->out + ENGINE_IMAGE_ALIGN;
    uint32_t n_imports = compile->module->n_func_imports;
    uint32_t n_known = n_imports + compile->batch_starts[batch->index] + batch->n_funcs;
    for (uint32_t i = 0; i < batch->n_call_sites; i++) {
        uint32_t site = code_offset + batch->call_sites[i], funcidx;
        memcpy(&funcidx, code + site, sizeof funcidx);
        if (funcidx >= n_imports && funcidx < n_known) {
            put_distance(compile, site, func_place(compile, funcidx));
            continue;
        }
        status_t status =
            spool_add(&compile->call_sites, compile->side, (const uint8_t *)&site, sizeof site);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

status_t engine_compile_append(struct engine_compile *compile, const struct engine_batch *batch,
                               struct engine_error *error)
{
    *error = (struct engine_error){.funcidx = UINT32_MAX};
    if (batch->index != compile->next_batch) {
        return compile_fail(error, ERR_BAD_ARGUMENT, 0, "batch %u appended where %u is due",
                            batch->index, compile->next_batch);
    }
    if (batch->len_bytes > compile->out_cap_bytes - compile->out_len_bytes) {
        return compile_fail(error, ERR_NO_SPACE, 0, "the image needs more than %zu bytes",
                            compile->out_cap_bytes);
    }
    uint64_t code_offset = compile->out_len_bytes - ENGINE_IMAGE_ALIGN;
    if (code_offset + batch->len_bytes > INT32_MAX) {
        return compile_fail(error, ERR_LIMIT, 0, "more than 2 GiB of machine code");
    }
    memcpy(compile->out + compile->out_len_bytes, batch->code, batch->len_bytes);
    struct engine_image_func *to = &compile->funcs[compile->batch_starts[batch->index]];
    for (uint32_t i = 0; i < batch->n_funcs; i++) {
        to[i] = batch->funcs[i];
        to[i].code_offset += (uint32_t)code_offset;
        to[i].positions += (uint32_t)compile->positions.len_bytes;
    }
    status_t status =
        spool_add(&compile->positions, compile->side, batch->positions, batch->n_positions);
    if (status == STATUS_OK) {
        status = append_calls(compile, batch, (uint32_t)code_offset);
    }
    if (status != STATUS_OK) {
        return compile_fail(error, status, 0, "out of memory for an image's tables");
    }
    compile->out_len_bytes += batch->len_bytes;
    compile->next_batch++;
    return STATUS_OK;
}

static struct code_buf begin_thunks(const struct engine_compile *compile)
{
    size_t cap = compile->out_cap_bytes - ENGINE_IMAGE_ALIGN;
    return (struct code_buf){.bytes = compile->out + ENGINE_IMAGE_ALIGN,
                             .len_bytes = (uint32_t)(compile->out_len_bytes - ENGINE_IMAGE_ALIGN),
                             .cap_bytes = cap > INT32_MAX ? INT32_MAX : (uint32_t)cap};
}

static void end_thunks(struct engine_compile *compile, const struct code_buf *code)
{
    compile->out_len_bytes = ENGINE_IMAGE_ALIGN + (size_t)code->len_bytes;
}

/* The thunk of an import, made at the first call of it. places: 0 where there is none yet. */
static status_t find_import_thunk(const struct engine_compile *compile, uint32_t funcidx,
                                  struct code_buf *code, uint32_t *places)
{
    if (places[funcidx] != 0) {
        return STATUS_OK;
    }
    align_code(code, target_x86_64.code_align);
    places[funcidx] = code->len_bytes;
    int32_t slot =
        compile->module->layout.func_imports + (int32_t)(funcidx * sizeof(struct engine_func_slot));
    return target_x86_64.import_thunk(slot, code);
}

/* The calls left get their distances, and imports that are called their thunks, behind the functions
 * (so never at 0). */
static status_t resolve_calls(struct engine_compile *compile)
{
    uint32_t n_imports = compile->module->n_func_imports;
    uint32_t *places = arena_zalloc(compile->side, (size_t)n_imports + 1, sizeof *places);
    if (places == NULL) {
        return ERR_NO_MEMORY;
    }
    struct code_buf code = begin_thunks(compile);
    status_t status = STATUS_OK;
    for (const struct engine_chunk *c = compile->call_sites.first; c != NULL; c = c->next) {
        for (uint32_t at = 0; status == STATUS_OK && at < c->len_bytes; at += sizeof(uint32_t)) {
            uint32_t site, funcidx;
            memcpy(&site, c->bytes + at, sizeof site);
            memcpy(&funcidx, code.bytes + site, sizeof funcidx);
            if (funcidx < n_imports) {
                status = find_import_thunk(compile, funcidx, &code, places);
            }
            put_distance(compile, site,
                         funcidx < n_imports ? places[funcidx] : func_place(compile, funcidx));
        }
    }
    end_thunks(compile, &code);
    return status;
}

static status_t
add_thunk(struct engine_compile *compile, struct code_buf *code, const struct engine_functype *type,
          status_t (*make)(const struct engine_functype *, struct arena *, struct code_buf *),
          uint32_t *offset)
{
    align_code(code, target_x86_64.code_align);
    *offset = code->len_bytes;
    size_t mark = arena_mark(compile->side);
    status_t status = make(type, compile->side, code);
    arena_release(compile->side, mark);
    return status;
}

/* The thunks of types follow those of imports; type_thunks says where. */
static status_t add_thunks(struct engine_compile *compile, struct engine_image_thunks *thunks)
{
    struct code_buf code = begin_thunks(compile);
    status_t status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < compile->module->n_types; i++) {
        const struct engine_functype *type = &compile->module->types[i];
        status = add_thunk(compile, &code, type, target_x86_64.entry_thunk, &thunks[i].entry);
        if (status == STATUS_OK) {
            status = add_thunk(compile, &code, type, target_x86_64.host_thunk, &thunks[i].host);
            thunks[i].host_frame_bytes = code.frame_bytes;
        }
        if (status == STATUS_OK) {
            status = add_thunk(compile, &code, type, target_x86_64.cross_thunk, &thunks[i].cross);
            thunks[i].cross_frame_bytes = code.frame_bytes;
        }
    }
    end_thunks(compile, &code);
    return status;
}

/* len_bytes at the next 16-byte boundary of the image; *offset is where. */
static status_t add_section(struct engine_compile *compile, const void *bytes, size_t len_bytes,
                            uint64_t *offset)
{
    size_t start = (compile->out_len_bytes + 15) & ~(size_t)15;
    if (start > compile->out_cap_bytes || len_bytes > compile->out_cap_bytes - start) {
        return ERR_NO_SPACE;
    }
    memset(compile->out + compile->out_len_bytes, 0, start - compile->out_len_bytes);
    if (bytes != NULL) {
        memcpy(compile->out + start, bytes, len_bytes);
    }
    *offset = start;
    compile->out_len_bytes = start + len_bytes;
    return STATUS_OK;
}

static status_t add_positions(struct engine_compile *compile, struct engine_image *image)
{
    image->positions_len_bytes = compile->positions.len_bytes;
    status_t status =
        add_section(compile, NULL, compile->positions.len_bytes, &image->positions_offset);
    uint8_t *to = compile->out + image->positions_offset;
    for (const struct engine_chunk *c = compile->positions.first; c != NULL && status == STATUS_OK;
         c = c->next) {
        memcpy(to, c->bytes, c->len_bytes);
        to += c->len_bytes;
    }
    return status;
}

uint32_t engine_machine(void)
{
    return target_x86_64.elf_machine;
}

uint64_t engine_options_word(const struct engine_options *options)
{
    return options->passes_off << 8 | (uint64_t)(options->n_templates != 0) << 2 |
           (uint64_t)options->is_unsafe << 1 | options->memory_kind;
}

bool engine_image_fits(const struct engine_image *image, const struct engine_options *options)
{
    return image->engine_version == ENGINE_VERSION && image->machine == target_x86_64.elf_machine &&
           (image->cpu_features & ~options->cpu_features) == 0;
}

static status_t add_skeleton(struct engine_compile *compile, struct engine_image *image)
{
    uint64_t offset;
    status_t status = add_section(compile, NULL, 0, &offset);
    size_t len_bytes = 0;
    if (status == STATUS_OK) {
        status = engine_skeleton(compile->module, compile->out + offset,
                                 compile->out_cap_bytes - offset, &len_bytes);
    }
    image->skeleton_offset = offset;
    image->skeleton_len_bytes = len_bytes;
    compile->out_len_bytes += status == STATUS_OK ? len_bytes : 0;
    return status;
}

/* Everything behind the code, in the order of the header's fields. */
static status_t add_tables(struct engine_compile *compile, const struct engine_image_thunks *thunks,
                           struct engine_image *image)
{
    image->code_offset = ENGINE_IMAGE_ALIGN;
    image->code_len_bytes = compile->out_len_bytes - ENGINE_IMAGE_ALIGN;
    size_t end =
        (compile->out_len_bytes + ENGINE_IMAGE_ALIGN - 1) & ~(size_t)(ENGINE_IMAGE_ALIGN - 1);
    if (end > compile->out_cap_bytes) {
        return ERR_NO_SPACE;
    }
    memset(compile->out + compile->out_len_bytes, 0xcc, end - compile->out_len_bytes);
    compile->out_len_bytes = end;
    status_t status = add_section(compile, compile->funcs, image->n_funcs * sizeof *compile->funcs,
                                  &image->funcs_offset);
    if (status == STATUS_OK) {
        status =
            add_section(compile, thunks, image->n_types * sizeof *thunks, &image->thunks_offset);
    }
    if (status == STATUS_OK) {
        status = add_positions(compile, image);
    }
    return status == STATUS_OK ? add_skeleton(compile, image) : status;
}

status_t engine_compile_finish(struct engine_compile *compile,
                               const uint8_t module_sha256[static 32],
                               const uint8_t abi_hash[static 32], struct engine_error *error)
{
    *error = (struct engine_error){.funcidx = UINT32_MAX};
    const struct engine_module *module = compile->module;
    if (compile->next_batch != compile->n_batches) {
        return compile_fail(error, ERR_BAD_ARGUMENT, 0, "%u of %u batches are missing",
                            compile->n_batches - compile->next_batch, compile->n_batches);
    }
    struct engine_image image = {.engine_version = ENGINE_VERSION,
                                 .machine = target_x86_64.elf_machine,
                                 .cpu_features = compile->options.cpu_features,
                                 .options = engine_options_word(&compile->options),
                                 .n_funcs = module->n_funcs - module->n_func_imports,
                                 .n_types = module->n_types};
    memcpy(image.magic, ENGINE_IMAGE_MAGIC, sizeof image.magic);
    memcpy(image.module_sha256, module_sha256, 32);
    memcpy(image.abi_hash, abi_hash, 32);
    struct engine_image_thunks *thunks =
        arena_array(compile->side, (size_t)module->n_types + 1, sizeof *thunks);
    status_t status = thunks != NULL ? resolve_calls(compile) : ERR_NO_MEMORY;
    if (status == STATUS_OK) {
        status = add_thunks(compile, thunks);
    }
    if (status == STATUS_OK) {
        status = add_tables(compile, thunks, &image);
    }
    if (status != STATUS_OK) {
        return compile_fail(error, status, 0, "writing the image: %s", status_text(status));
    }
    image.len_bytes = compile->out_len_bytes;
    memset(compile->out, 0, ENGINE_IMAGE_ALIGN);
    memcpy(compile->out, &image, sizeof image);
    return STATUS_OK;
}
