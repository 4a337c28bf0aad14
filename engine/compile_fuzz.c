/*
 * Any module, under any options: the compiler refuses it or makes an image of it.
 *
 * An input is a module, or a header (struct header) with options for the compiler and then a
 * module. What has to hold: an error is one of those that a module may cause, the compiler's own
 * checkers find nothing, the image is whole, and a second compilation, in other memory full of
 * something else and without the checkers, gives the same bytes. It may take as long as a module of
 * its size is allowed to.
 *
 * Random bytes are rarely a module. So the mutator also works on one function's body and keeps the
 * sizes around it right. Most of what it does there leaves a valid module: an instruction becomes
 * another of the same types, or more follows it. Now and then it changes only the options.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "engine/ssa/ssa.h"
#include "engine/wasm/wasm.h"

#define HEADER_MAGIC "TK"
#define WORK_BYTES ((size_t)1 << 30) /* of addresses, in each arena */
#define SMALL_BYTES ((size_t)1 << 20)
#define OUT_BYTES ((size_t)256 << 20)
#define DIRT_BYTES ((size_t)256 << 10)

/* Loosely: sanitizers and checkers cost a lot. A function may declare locals by the thousand. */
#define TIME_BASE_NS UINT64_C(2000000000)
#define TIME_NS_PER_BYTE 200000u
#define TIME_NS_PER_FUNC 20000000u

enum header_flags : uint8_t {
    HEADER_DENSE = 1,
    HEADER_SMALL = 2, /* little memory: how far it gets is up to size_class */
};

struct header {
    char magic[2];
    uint8_t flags;
    uint8_t cpu_features;
    uint32_t passes_off;
    uint32_t ra_shuffle_seed;
    uint8_t size_class;
    uint8_t unused[3];
};
static_assert(sizeof(struct header) == 16);

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len_bytes, size_t cap_bytes);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len_bytes, size_t cap_bytes, unsigned seed);

/* ---- one compilation ---- */

/* All the memory of one compilation; kept between runs, with what the last ones left there. */
struct space {
    struct arena decode, side, work, scratch;
    uint8_t *out;
};

static void *memory_new(size_t len_bytes)
{
    void *p = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert(p != MAP_FAILED);
    return p;
}

static void space_init(struct space *space)
{
    if (space->out == NULL) {
        space->out = memory_new(OUT_BYTES);
        arena_init(&space->decode, memory_new(WORK_BYTES), WORK_BYTES);
        arena_init(&space->side, memory_new(WORK_BYTES), WORK_BYTES);
        arena_init(&space->work, memory_new(WORK_BYTES), WORK_BYTES);
        arena_init(&space->scratch, memory_new(WORK_BYTES), WORK_BYTES);
    }
    space->decode.used_bytes = space->side.used_bytes = 0;
    space->work.used_bytes = space->scratch.used_bytes = 0;
}

/* Fills what the first stages will take, so that nothing is zero by chance. */
static void space_dirty(struct space *space, int byte)
{
    memset(space->decode.base, byte, DIRT_BYTES);
    memset(space->side.base, byte, DIRT_BYTES);
    memset(space->out, byte, DIRT_BYTES);
    memset(space->scratch.base, byte, DIRT_BYTES);
    /* behind the room for results are the functions */
    memset(space->work.base + space->work.cap_bytes / 4, byte, DIRT_BYTES);
}

static status_t batches_compile(struct engine_compile *compile, struct space *space,
                                struct engine_error *error)
{
    for (uint32_t i = 0; i < compile->n_batches; i++) {
        struct engine_batch batch;
        size_t mark = arena_mark(&space->work);
        status_t status =
            engine_compile_batch(compile, i, &space->work, &space->scratch, &batch, error);
        if (status == STATUS_OK) {
            status = engine_compile_append(compile, &batch, error);
        }
        arena_release(&space->work, mark);
        if (status != STATUS_OK) {
            return status;
        }
    }
    static const uint8_t hash[32] = {1, 2, 3};
    return engine_compile_finish(compile, hash, hash, error);
}

/* Decodes and compiles; *len_bytes of the image are in space->out. */
static status_t module_compile(const uint8_t *bytes, size_t len_bytes,
                               const struct engine_options *options, struct space *space,
                               struct engine_module **module, size_t *image_len_bytes)
{
    struct engine_error error;
    struct engine_compile compile;
    status_t status =
        engine_decode(bytes, len_bytes, &engine_default_limits, 0, &space->decode, module, &error);
    if (status == STATUS_OK) {
        status = engine_compile_init(&compile, *module, options, &space->side, space->out,
                                     OUT_BYTES, &error);
    } else {
        *module = NULL;
    }
    if (status == STATUS_OK) {
        status = batches_compile(&compile, space, &error);
    }
    if (status == STATUS_OK) {
        *image_len_bytes = compile.out_len_bytes;
        return status;
    }
    assert(error.status == status && error.text[0] != 0 && error.offset <= len_bytes);
    assert(memchr(error.text, 0, sizeof error.text) != NULL);
    if (status != ERR_MALFORMED && status != ERR_INVALID && status != ERR_LIMIT &&
        status != ERR_NO_MEMORY && status != ERR_NO_SPACE && status != ERR_UNSUPPORTED) {
        (void)fprintf(stderr, "function %u, offset %llu: %s: %s\n", error.funcidx,
                      (unsigned long long)error.offset, status_text(status), error.text);
        abort();
    }
    return status;
}

/* ---- what an image has to be ---- */

static void func_check(const struct engine_image *image, const struct engine_module *module,
                       uint32_t i)
{
    const struct engine_image_func *func =
        (const struct engine_image_func *)((const uint8_t *)image + image->funcs_offset) + i;
    const struct engine_func *body = &module->funcs[module->n_func_imports + i];
    assert(func->code_len_bytes != 0 && func->code_offset < image->code_len_bytes);
    assert(func->code_len_bytes <= image->code_len_bytes - func->code_offset);
    uint32_t step = func->code_len_bytes / 64 + 1;
    for (uint32_t at = 0; at < func->code_len_bytes; at += step) {
        struct engine_place place;
        if (engine_image_find(image, func->code_offset + at, at % 2 != 0, &place)) {
            assert(place.func == i);
            assert(place.frame_bytes == func->frame_bytes || place.frame_bytes == 0);
            assert(place.wasm_offset == 0 ||
                   (place.wasm_offset >= body->body_offset &&
                    place.wasm_offset < body->body_offset + body->body_len_bytes));
        } else {
            assert(at == 0); /* which as a return address belongs to what is before */
        }
    }
}

static void image_check(const uint8_t *bytes, size_t len_bytes, const struct engine_module *module,
                        const struct engine_options *options)
{
    const struct engine_image *image;
    struct engine_place place;
    assert(engine_image_open(bytes, len_bytes, &image) == STATUS_OK);
    assert(engine_image_fits(image, options) && image->len_bytes == len_bytes);
    assert(image->n_funcs == module->n_funcs - module->n_func_imports);
    for (uint32_t i = 0; i < image->n_funcs; i++) {
        func_check(image, module, i);
    }
    (void)engine_image_find(image, image->code_len_bytes, false, &place);
    (void)engine_image_find(image, UINT64_MAX, true, &place);
}

/* ---- the target ---- */

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static bool header_read(const uint8_t *bytes, size_t len_bytes, struct header *header)
{
    *header = (struct header){.cpu_features = ENGINE_CPU_ALL};
    if (len_bytes < sizeof *header || memcmp(bytes, HEADER_MAGIC, sizeof header->magic) != 0) {
        return false;
    }
    memcpy(header, bytes, sizeof *header);
    return true;
}

static struct engine_options header_options(const struct header *header)
{
    uint32_t n_passes = 0;
    while (engine_pass_name(n_passes) != NULL) {
        n_passes++;
    }
    return (struct engine_options){
        .cpu_features = header->cpu_features & ENGINE_CPU_ALL,
        .passes_off = header->passes_off & ((UINT64_C(1) << n_passes) - 1),
        .ra_shuffle_seed = header->ra_shuffle_seed,
        .memory_kind = header->flags & HEADER_DENSE ? ENGINE_MEMORY_DENSE : ENGINE_MEMORY_GUARD,
        .is_checked = true,
    };
}

static void time_check(uint64_t since_ns, size_t len_bytes, const struct engine_module *module)
{
    uint64_t n_funcs = module == NULL ? 0 : module->n_funcs;
    uint64_t allowed_ns = TIME_BASE_NS + TIME_NS_PER_BYTE * len_bytes + TIME_NS_PER_FUNC * n_funcs;
    uint64_t taken_ns = now_ns() - since_ns;
    if (taken_ns > allowed_ns) {
        (void)fprintf(stderr, "%zu bytes took %llu ms\n", len_bytes,
                      (unsigned long long)(taken_ns / 1000000));
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    static struct space first, second;
    struct header header;
    if (header_read(bytes, len_bytes, &header)) {
        bytes += sizeof header;
        len_bytes -= sizeof header;
    }
    space_init(&first);
    space_init(&second);
    first.work.cap_bytes = header.flags & HEADER_SMALL
                               ? SMALL_BYTES + header.size_class * SMALL_BYTES / 16
                               : WORK_BYTES;
    second.work.cap_bytes = first.work.cap_bytes;
    space_dirty(&second, 0xd5);
    struct engine_options options = header_options(&header);
    struct engine_module *module, *again;
    size_t image_len_bytes = 0, again_len_bytes = 0;
    uint64_t start_ns = now_ns();
    status_t status = module_compile(bytes, len_bytes, &options, &first, &module, &image_len_bytes);
    time_check(start_ns, len_bytes, module);
    if (status == STATUS_OK) {
        image_check(first.out, image_len_bytes, module, &options);
    }
    options.is_checked = false;
    status_t status_again =
        module_compile(bytes, len_bytes, &options, &second, &again, &again_len_bytes);
    /* only the checkers may have needed more memory than there was */
    assert(status_again == status || status == ERR_NO_MEMORY || status == ERR_LIMIT);
    if (status == STATUS_OK) {
        assert(again_len_bytes == image_len_bytes);
        assert(memcmp(first.out, second.out, image_len_bytes) == 0);
    }
    return 0;
}

/* ---- the mutator ---- */

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Puts or changes a header. */
static size_t header_mutate(uint8_t *bytes, size_t len_bytes, size_t cap_bytes, uint32_t *state)
{
    struct header header;
    if (!header_read(bytes, len_bytes, &header)) {
        if (len_bytes + sizeof header > cap_bytes) {
            return len_bytes;
        }
        memmove(bytes + sizeof header, bytes, len_bytes);
        memcpy(header.magic, HEADER_MAGIC, sizeof header.magic);
        len_bytes += sizeof header;
    }
    switch (random_next(state) % 5) {
    case 0: header.flags ^= HEADER_DENSE; break;
    case 1: header.cpu_features = (uint8_t)random_next(state); break;
    case 2: header.passes_off ^= 1u << random_next(state) % 16; break;
    case 3: header.ra_shuffle_seed = random_next(state) % 4 == 0 ? 0 : random_next(state); break;
    default:
        header.flags ^= HEADER_SMALL;
        header.size_class = (uint8_t)random_next(state);
        break;
    }
    memcpy(bytes, &header, sizeof header);
    return len_bytes;
}

/* Where the number in LEB128 starts that ends at `end`; what is before it has no bit 7 set. */
static size_t leb_start(const uint8_t *bytes, size_t end)
{
    size_t at = end - 1;
    while (bytes[at - 1] >= 0x80) {
        at--;
    }
    return at;
}

/* Five bytes, whatever the value is. */
static uint8_t *leb_put(uint8_t *at, size_t value)
{
    for (int i = 0; i < 4; i++) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *bytes_put(uint8_t *at, const uint8_t *bytes, size_t len_bytes)
{
    memcpy(at, bytes, len_bytes);
    return at + len_bytes;
}

/* A function's body to be changed: offsets in a module. */
struct body {
    size_t section_size, section; /* the code section's size and contents */
    size_t size, start, end;      /* the body's size, its first byte, and behind it */
    size_t section_end;
    const struct engine_module *module;
    uint32_t funcidx;
};

static bool body_choose(const uint8_t *in, size_t len_bytes, uint32_t choice, struct body *body)
{
    static struct arena arena;
    struct engine_module *module;
    struct engine_error error;
    if (arena.base == NULL) {
        arena_init(&arena, memory_new(WORK_BYTES), WORK_BYTES);
    }
    arena.used_bytes = 0;
    if (engine_decode(in, len_bytes, &engine_default_limits, 0, &arena, &module, &error) !=
            STATUS_OK ||
        module->n_funcs == module->n_func_imports) {
        return false;
    }
    const struct engine_func *first = &module->funcs[module->n_func_imports];
    uint32_t n = module->n_funcs - module->n_func_imports;
    const struct engine_func *func = first + choice % n, *last = first + n - 1;
    *body = (struct body){
        .section_size = leb_start(in, module->code_offset),
        .section = module->code_offset,
        .size = leb_start(in, func->body_offset),
        .start = func->body_offset,
        .end = (size_t)func->body_offset + func->body_len_bytes,
        .section_end = (size_t)last->body_offset + last->body_len_bytes,
        .module = module,
        .funcidx = (uint32_t)(func - module->funcs),
    };
    return true;
}

/* ---- instructions of known types ---- */

#define INSTS_MAX_BYTES 64 /* of what is put into a body at a time */

/* The numbers at which code changes: powers of two and their neighbours, and small ones. */
static uint64_t number_choose(uint32_t *state)
{
    uint64_t near = (UINT64_C(1) << random_next(state) % 64) + random_next(state) % 3 - 1;
    switch (random_next(state) % 4) {
    case 0: return random_next(state) % 9;
    case 1: return 0 - near;
    default: return near;
    }
}

static uint8_t *signed_put(uint8_t *at, int64_t value)
{
    while (value < -64 || value > 63) {
        *at++ = (uint8_t)(value & 0x7f) | 0x80;
        value >>= 7;
    }
    *at++ = (uint8_t)value & 0x7f;
    return at;
}

static uint8_t *random_put(uint8_t *at, uint32_t n, uint32_t below, uint32_t *state)
{
    for (uint32_t i = 0; i < n; i++) {
        *at++ = (uint8_t)(random_next(state) % below);
    }
    return at;
}

static bool has_known_immediate(const struct wasm_op_info *op)
{
    return op->imm == IMM_NONE || op->imm == IMM_LANE || op->imm == IMM_SHUFFLE ||
           op->imm == IMM_MEMARG || op->imm == IMM_MEMARG_LANE;
}

static uint8_t *op_put(uint8_t *at, uint32_t index, uint32_t *state)
{
    static const uint32_t pages[] = {0, WASM_OPS_PLAIN, WASM_OPS_PLAIN + WASM_OPS_FC,
                                     WASM_OPS_PLAIN + WASM_OPS_FC + WASM_OPS_FD};
    static const uint8_t prefixes[] = {0, WASM_PREFIX_FC, WASM_PREFIX_FD, WASM_PREFIX_FE};
    uint32_t page = 3;
    while (index < pages[page]) {
        page--;
    }
    if (page == 0) {
        *at++ = (uint8_t)index;
    } else {
        *at++ = prefixes[page];
        at = leb_put(at, index - pages[page]);
    }
    const struct wasm_op_info *op = &wasm_ops[index];
    if (op->imm == IMM_MEMARG || op->imm == IMM_MEMARG_LANE) {
        at = leb_put(at, op->width);
        at = leb_put(at, (uint32_t)number_choose(state));
    }
    if (op->imm == IMM_LANE || op->imm == IMM_MEMARG_LANE) {
        at = random_put(at, 1, wasm_op_lanes(op), state);
    }
    return op->imm == IMM_SHUFFLE ? random_put(at, 16, 32, state) : at;
}

static uint8_t *const_put(uint8_t *at, uint8_t type, uint32_t *state)
{
    uint64_t number = number_choose(state);
    switch (type) {
    case T_I32: *at++ = OP_I32_CONST; return signed_put(at, (int32_t)number);
    case T_I64: *at++ = OP_I64_CONST; return signed_put(at, (int64_t)number);
    case T_F32: *at++ = OP_F32_CONST; return bytes_put(at, (uint8_t *)&number, 4);
    case T_F64: *at++ = OP_F64_CONST; return bytes_put(at, (uint8_t *)&number, 8);
    default:
        *at++ = WASM_PREFIX_FD;
        *at++ = 12; /* v128.const */
        return random_put(at, 16, 256, state);
    }
}

/* An instruction with a signature: its index in wasm_ops, or WASM_OPS_COUNT. */
static uint32_t op_choose(const struct engine_module *module, uint8_t n_params,
                          const uint8_t *params, uint8_t result, uint32_t *state)
{
    uint32_t chosen = WASM_OPS_COUNT, n = 0;
    for (uint32_t i = 0; i < WASM_OPS_COUNT; i++) {
        const struct wasm_op_info *op = &wasm_ops[i];
        if (op->is_defined && !op->is_special && has_known_immediate(op) &&
            op->n_params == n_params && op->result == result &&
            memcmp(op->params, params, n_params) == 0 &&
            (module->n_memories != 0 || (op->imm != IMM_MEMARG && op->imm != IMM_MEMARG_LANE)) &&
            random_next(state) % ++n == 0) {
            chosen = i;
        }
    }
    return chosen;
}

/* An instruction of a body, each as likely as the others. */
struct spot {
    size_t start, end; /* in the module; end is 0 until it is known */
    uint32_t n;
    uint32_t *state;
};

static void spot_see(void *ctx, uint32_t offset, uint32_t depth, const char *text, size_t len_bytes)
{
    (void)depth, (void)text, (void)len_bytes;
    struct spot *spot = ctx;
    if (spot->start != 0 && spot->end == 0) {
        spot->end = offset;
    }
    if (random_next(spot->state) % ++spot->n == 0) {
        spot->start = offset;
        spot->end = 0;
    }
}

/* What an instruction leaves on the stack, if it is one that is known to leave one value. */
static uint8_t result_of(uint32_t opcode, const struct wasm_op_info *op)
{
    switch (opcode) {
    case OP_I32_CONST: return T_I32;
    case OP_I64_CONST: return T_I64;
    case OP_F32_CONST: return T_F32;
    case OP_F64_CONST: return T_F64;
    default: return op->is_special ? T_VOID : op->result;
    }
}

/* Writes what the chosen instruction of a body becomes; the number of bytes, or 0. */
static size_t spot_change(const uint8_t *in, const struct body *body, struct spot *spot,
                          uint8_t *out)
{
    struct reader r = {in + spot->start, in + spot->end, in};
    uint32_t opcode;
    if (reader_opcode(&r, &opcode) != STATUS_OK || wasm_op_info(opcode) == NULL) {
        return 0;
    }
    const struct wasm_op_info *op = wasm_op_info(opcode);
    uint8_t type = result_of(opcode, op), *at = out;
    bool is_more = type != T_VOID && random_next(spot->state) % 2 == 0;
    if (is_more) { /* behind it: combined with a number */
        uint8_t params[] = {type, type};
        uint32_t index = op_choose(body->module, 2, params, type, spot->state);
        spot->start = spot->end;
        at = const_put(at, type, spot->state);
        return index == WASM_OPS_COUNT ? 0 : (size_t)(op_put(at, index, spot->state) - out);
    }
    if (op->is_special) {
        return type == T_VOID ? 0 : (size_t)(const_put(at, type, spot->state) - out);
    }
    uint32_t index = op_choose(body->module, op->n_params, op->params, op->result, spot->state);
    return index == WASM_OPS_COUNT ? 0 : (size_t)(op_put(at, index, spot->state) - out);
}

/* Changes one instruction of the body, copied to `to`; the new length, or 0. */
static size_t insts_mutate(const uint8_t *in, const struct body *body, uint8_t *to, uint32_t *state)
{
    struct spot spot = {.state = state};
    struct engine_listing listing = {spot_see, &spot};
    uint8_t bytes[INSTS_MAX_BYTES];
    if (engine_list_body(body->module, body->funcidx, &listing) != STATUS_OK || spot.end == 0) {
        return 0;
    }
    size_t n = spot_change(in, body, &spot, bytes);
    if (n == 0) {
        return 0;
    }
    uint8_t *at = bytes_put(to, in + body->start, spot.start - body->start);
    at = bytes_put(at, bytes, n);
    at = bytes_put(at, in + spot.end, body->end - spot.end);
    return (size_t)(at - to);
}

/* Mutates one body and rewrites its size and the section's; returns the new length, or 0 if there
 * is no such thing here. */
static size_t body_mutate(const uint8_t *in, size_t len_bytes, uint8_t *out, size_t cap_bytes,
                          uint32_t *state)
{
    struct body body;
    if (!body_choose(in, len_bytes, random_next(state), &body) ||
        len_bytes + 16 + INSTS_MAX_BYTES > cap_bytes) {
        return 0;
    }
    size_t body_len = body.end - body.start, room = cap_bytes - 16 - len_bytes + body_len;
    uint8_t *mutated = malloc(room + 1);
    assert(mutated != NULL);
    size_t changed_len = random_next(state) % 4 != 0 ? insts_mutate(in, &body, mutated, state) : 0;
    if (changed_len != 0) {
        body_len = changed_len;
    } else {
        memcpy(mutated, in + body.start, body_len);
        body_len = LLVMFuzzerMutate(mutated, body_len, room);
    }

    size_t before = body.size - body.section, after = body.section_end - body.end;
    uint8_t *at = bytes_put(out, in, body.section_size);
    at = leb_put(at, before + 5 + body_len + after);
    at = bytes_put(at, in + body.section, before);
    at = leb_put(at, body_len);
    at = bytes_put(at, mutated, body_len);
    at = bytes_put(at, in + body.end, len_bytes - body.end);
    free(mutated);
    return (size_t)(at - out);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len_bytes, size_t cap_bytes, unsigned seed)
{
    uint32_t state = seed;
    struct header header;
    uint32_t choice = random_next(&state) % 16;
    if (choice < 2) {
        return header_mutate(bytes, len_bytes, cap_bytes, &state);
    }
    if (choice < 5) {
        return LLVMFuzzerMutate(bytes, len_bytes, cap_bytes);
    }
    size_t skip = header_read(bytes, len_bytes, &header) ? sizeof header : 0;
    uint8_t *out = malloc(cap_bytes);
    assert(out != NULL);
    size_t n = body_mutate(bytes + skip, len_bytes - skip, out, cap_bytes - skip, &state);
    if (n != 0) {
        memcpy(bytes + skip, out, n);
        n += skip;
    } else {
        n = LLVMFuzzerMutate(bytes, len_bytes, cap_bytes);
    }
    free(out);
    return n;
}
