/*
 * Decoding: each section once as it should be, and each of its rules broken.
 *
 * Modules are put together byte by byte: begin(), then section() for each. What the
 * specification's suite covers anyway (LEB128, UTF-8) has a row or two here, no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bitset.h"
#include "engine/compile.h"
#include "engine/wasm/wasm.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define MODULE_BYTES 4096

struct fixture {
    uint8_t bytes[MODULE_BYTES];
    size_t len_bytes;
    struct arena arena;
    struct engine_module *module;
    struct engine_error error;
    struct engine_limits limits;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    arena_init(&f->arena, aligned_alloc(16, ARENA_BYTES), ARENA_BYTES);
    f->limits = engine_default_limits;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    free(f->arena.base);
    free(f);
    return 0;
}

/* ---- Making modules ---- */

#define LIST(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

static void put(struct fixture *f, const uint8_t *bytes, size_t len_bytes)
{
    assert_true(f->len_bytes + len_bytes <= MODULE_BYTES);
    memcpy(f->bytes + f->len_bytes, bytes, len_bytes);
    f->len_bytes += len_bytes;
}

static void begin(struct fixture *f)
{
    f->len_bytes = 0;
    put(f, LIST(0, 'a', 's', 'm', 1, 0, 0, 0));
}

/* Contents of less than 2^14 bytes; the size is always written in two. */
static void section(struct fixture *f, uint8_t id, const uint8_t *contents, size_t len_bytes)
{
    put(f, LIST(id, (uint8_t)(len_bytes & 0x7f) | 0x80, (uint8_t)(len_bytes >> 7)));
    put(f, contents, len_bytes);
}

#define SECTION(id, ...) section(f, id, LIST(__VA_ARGS__))

/* ---- Decoding ---- */

/* From an allocation of exactly this size, so that ASan sees a read beyond it; kept till the end. */
static status_t decode_flags(struct fixture *f, uint32_t flags)
{
    uint8_t *copy = test_malloc(f->len_bytes + 1);
    memcpy(copy + 1, f->bytes, f->len_bytes);
    f->arena.used_bytes = 0;
    f->module = NULL;
    status_t status =
        engine_decode(copy + 1, f->len_bytes, &f->limits, flags, &f->arena, &f->module, &f->error);
    if (status != STATUS_OK) {
        assert_int_equal(f->arena.used_bytes, 0);
        assert_int_equal(f->error.status, status);
        assert_int_equal(f->error.funcidx, UINT32_MAX);
    } else {
        f->module->bytes = f->bytes; /* the same bytes, without the copy to keep */
    }
    test_free(copy);
    return status;
}

static void accept(struct fixture *f)
{
    if (decode_flags(f, 0) != STATUS_OK) {
        fail_msg("refused: %s", f->error.text);
    }
}

/* The text begins with this one; the offset is counted from the start of the module. */
static void refuse_at(struct fixture *f, status_t status, const char *text, size_t offset)
{
    assert_int_equal(decode_flags(f, 0), status);
    if (strncmp(f->error.text, text, strlen(text)) != 0) {
        fail_msg("\"%s\", not \"%s\"", f->error.text, text);
    }
    if (offset != SIZE_MAX) {
        assert_int_equal(f->error.offset, offset);
    }
}

static void refuse(struct fixture *f, status_t status, const char *text)
{
    refuse_at(f, status, text, SIZE_MAX);
}

/* ---- Headers and sections ---- */

static void test_header(void **state)
{
    struct fixture *f = *state;
    begin(f);
    accept(f);
    for (f->len_bytes = 0; f->len_bytes < 8; f->len_bytes++) {
        refuse(f, ERR_MALFORMED, "unexpected end");
    }
    f->len_bytes = 8;
    f->bytes[4] = 2;
    refuse_at(f, ERR_MALFORMED, "unknown binary version", 4);
    memcpy(f->bytes + 4, (const uint8_t[]){0x0d, 0, 1, 0}, 4);
    refuse_at(f, ERR_MALFORMED, "unknown binary version: a WebAssembly component", 4);
    f->bytes[0] = 1;
    refuse_at(f, ERR_MALFORMED, "magic header not detected", 0);
}

static void test_section_order(void **state)
{
    struct fixture *f = *state;
    static const uint8_t order[] = {1, 2, 3, 4, 5, 6, 7, 9, 12, 10, 11};
    begin(f);
    for (size_t i = 0; i < sizeof order; i++) {
        SECTION(order[i], 0);
        SECTION(0, 1, 'x', 7);
    }
    accept(f);
    for (size_t i = 0; i < sizeof order; i++) {
        for (size_t k = i; k < sizeof order; k++) {
            begin(f);
            SECTION(order[k], 0);
            SECTION(order[i], 0);
            refuse_at(f, ERR_MALFORMED, "unexpected content after last section", 12);
        }
    }
    begin(f);
    SECTION(13, 0);
    refuse_at(f, ERR_MALFORMED, "malformed section id 13", 8);
}

static void test_section_size(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(1, 0, 0);
    refuse_at(f, ERR_MALFORMED, "section size mismatch", 12);
    begin(f);
    put(f, LIST(1, 2, 0));
    refuse(f, ERR_MALFORMED, "length out of bounds");
    begin(f);
    put(f, LIST(1));
    refuse(f, ERR_MALFORMED, "unexpected end");
    begin(f);
    put(f, LIST(1, 0x80, 0x80, 0x80, 0x80, 0x80));
    refuse_at(f, ERR_MALFORMED, "integer representation too long", 13);
    begin(f);
    put(f, LIST(1, 0x80, 0x80, 0x80, 0x80, 0x10));
    refuse_at(f, ERR_MALFORMED, "integer too large", 13);
    begin(f);
    section(f, 1, (const uint8_t *)"", 0);
    refuse(f, ERR_MALFORMED, "unexpected end");
}

static void test_custom(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(0, 3, 'a', 0xc3, 0x28);
    refuse_at(f, ERR_MALFORMED, "malformed UTF-8 encoding", 13);
    begin(f);
    SECTION(0, 4, 'a', 'b', 'c');
    refuse(f, ERR_MALFORMED, "length out of bounds");
    begin(f);
    section(f, 0, (const uint8_t *)"", 0);
    refuse(f, ERR_MALFORMED, "unexpected end");
    begin(f);
    SECTION(0, 0);
    accept(f);
}

/* ---- A whole module ---- */

#define FUNC_TYPE_VOID 0x60, 0, 0

/* Two of everything that there may be two of, and one of each form of segment. */
static void build_all(struct fixture *f)
{
    begin(f);
    SECTION(1, 2, FUNC_TYPE_VOID, 0x60, 2, 0x7f, 0x7b, 1, 0x6f);
    SECTION(2, 6,                             /* */
            1, 'm', 1, 'f', 0, 1,             /* function 0, of type 1 */
            1, 'm', 1, 't', 1, 0x70, 1, 1, 2, /* table 0: funcref 1..2 */
            1, 'm', 1, 'g', 3, 0x7f, 0,       /* global 0: i32 */
            1, 'm', 1, 'v', 3, 0x7b, 1,       /* global 1: v128 var */
            1, 'm', 0, 2, 1, 3, 9,            /* memory 0 */
            0, 2, 0xc3, 0xa4, 0, 0);          /* function 1, of type 0 */
    SECTION(3, 2, 0, 1);                      /* functions 2, 3 */
    SECTION(4, 1, 0x6f, 0, 5);                /* table 1: externref 5.. */
    SECTION(6, 5,                             /* */
            0x7f, 1, 0x23, 0, 0x0b,           /* global 2: i32 var = global 0 */
            0x7e, 0, 0x42, 0x7f, 0x0b,        /* global 3: i64 = -1 */
            0x70, 0, 0xd2, 3, 0x0b,           /* global 4: funcref = function 3 */
            0x7b, 0, 0xfd, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x0b, 0x7d, 0,
            0x43, 1, 2, 3, 4, 0x0b);                    /* global 6: f32 */
    SECTION(7, 3, 1, 'a', 0, 2, 0, 2, 0, 1, 'b', 3, 2); /* function 2, memory 0, global 2 */
    SECTION(8, 2);                                      /* */
    SECTION(9, 8,                                       /* */
            0, 0x41, 7, 0x0b, 2, 0, 1,                  /* table 0 at 7: functions 0 1 */
            1, 0, 1, 0,                                 /* passive */
            2, 0, 0x23, 0, 0x0b, 0, 0,                  /* table 0 at global 0 */
            3, 0, 1, 1,                                 /* declared */
            4, 0x41, 0, 0x0b, 1, 0xd0, 0x70, 0x0b,      /* table 0: null */
            5, 0x6f, 1, 0xd0, 0x6f, 0x0b,               /* passive externref */
            6, 1, 0x41, 0x7f, 0x0b, 0x6f, 0,            /* table 1 at -1 */
            7, 0x70, 1, 0xd2, 1, 0x0b);                 /* declared funcref */
    SECTION(12, 3);                                     /* */
    SECTION(10, 2, 2, 0, 0x0b, 3, 0, 0, 0x0b);          /* */
    SECTION(11, 3,                                      /* */
            0, 0x41, 0x7f, 0x0b, 3, 'x', 'y', 'z',      /* memory 0 at -1 */
            1, 1, 'p',                                  /* passive */
            2, 0, 0x23, 0, 0x0b, 0);                    /* memory 0 at global 0 */
    SECTION(0, 4, 'n', 'a', 'm', 'e',                   /* */
            0, 4, 3, 'm', 'o', 'd',                     /* */
            1, 9, 3, 0, 1, 'i', 2, 0, 99, 1, '?',       /* function 99 isn't there */
            2, 1, 0);
}

static void test_all_spaces(void **state)
{
    struct fixture *f = *state;
    build_all(f);
    accept(f);
    const struct engine_module *m = f->module;
    assert_int_equal(m->n_types, 2);
    assert_int_equal(m->types[1].n_params, 2);
    assert_int_equal(m->types[1].n_results, 1);
    assert_int_equal(m->n_imports, 6);
    assert_int_equal(m->imports[5].module.len_bytes, 0);
    assert_int_equal(m->imports[5].name.len_bytes, 2);
    assert_int_equal(m->n_funcs, 4);
    assert_int_equal(m->n_func_imports, 2);
    assert_int_equal(m->funcs[0].typeidx, 1);
    assert_int_equal(m->funcs[1].typeidx, 0);
    assert_int_equal(m->funcs[3].typeidx, 1);
    assert_int_equal(m->funcs[1].body_offset, 0);
    assert_int_equal(m->funcs[2].body_len_bytes, 2);
    assert_int_equal(m->bytes[m->funcs[3].body_offset + 2], 0x0b);
    assert_int_equal(m->funcs[2].body_offset, m->code_offset + 2);
    assert_int_equal(m->start, 2);
    assert_int_equal(m->n_tables, 2);
    assert_int_equal(m->tables[0].limit.max, 2);
    assert_int_equal(m->tables[1].reftype, VALTYPE_EXTERNREF);
    assert_true(!m->tables[1].limit.has_max && m->tables[1].limit.max == UINT64_MAX);
    assert_int_equal(m->n_memories, 1);
    assert_int_equal(m->memories[0].min, 3);
    assert_int_equal(m->memories[0].max, 9);
    assert_int_equal(m->n_exports, 3);
    assert_int_equal(m->exports[1].kind, EXTERN_MEMORY);
    assert_int_equal(m->exports[2].index, 2);
}

static void test_all_values(void **state)
{
    struct fixture *f = *state;
    build_all(f);
    accept(f);
    const struct engine_module *m = f->module;
    assert_int_equal(m->n_globals, 7);
    assert_true(!m->globals[0].type.is_mutable && m->globals[1].type.is_mutable);
    assert_int_equal(m->globals[2].init.kind, INIT_GLOBAL);
    assert_int_equal(m->globals[2].init.valtype, VALTYPE_I32);
    assert_true(m->globals[3].init.bits == UINT64_MAX);
    assert_int_equal(m->globals[4].init.kind, INIT_FUNC);
    assert_int_equal(m->globals[4].init.index, 3);
    assert_int_equal(m->globals[5].init.kind, INIT_V128);
    assert_int_equal(m->globals[5].init.v128[15], 16);
    assert_int_equal(m->globals[6].init.bits, 0x04030201);
    static const uint8_t modes[] = {SEGMENT_ACTIVE,   SEGMENT_PASSIVE, SEGMENT_ACTIVE,
                                    SEGMENT_DECLARED, SEGMENT_ACTIVE,  SEGMENT_PASSIVE,
                                    SEGMENT_ACTIVE,   SEGMENT_DECLARED};
    assert_int_equal(m->n_elems, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(m->elems[i].mode, modes[i]);
    }
    assert_int_equal(m->elems[0].offset.bits, 7);
    assert_int_equal(m->elems[0].inits[1].index, 1);
    assert_int_equal(m->elems[2].offset.kind, INIT_GLOBAL);
    assert_int_equal(m->elems[4].inits[0].kind, INIT_NULL);
    assert_int_equal(m->elems[6].tableidx, 1);
    assert_true(m->elems[6].offset.bits == UINT32_MAX);
    assert_int_equal(m->n_datas, 3);
    assert_true(m->has_data_count);
    assert_int_equal(m->datas[0].len_bytes, 3);
    assert_int_equal(m->datas[1].mode, SEGMENT_PASSIVE);
    assert_int_equal(m->datas[2].offset.kind, INIT_GLOBAL);
    assert_int_equal(m->declared_funcs[0], 0xf); /* 0, 1 elements; 2 an export; 3 a global */
    assert_int_equal(m->module_name.len_bytes, 3);
    assert_int_equal(m->func_names[0].len_bytes, 1);
    assert_null(m->func_names[1].bytes);
}

/* Every shorter module is refused or is one; every byte changed is, too. No read is out of bounds. */
static void test_all_damaged(void **state)
{
    struct fixture *f = *state;
    build_all(f);
    size_t len_bytes = f->len_bytes;
    for (f->len_bytes = 0; f->len_bytes < len_bytes; f->len_bytes++) {
        (void)decode_flags(f, 0);
    }
    for (size_t i = 0; i < len_bytes; i++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            f->bytes[i] ^= (uint8_t)flip;
            (void)decode_flags(f, 0);
            f->bytes[i] ^= (uint8_t)flip;
        }
    }
    accept(f);
}

/* With less memory than needed, by any amount, it says so and has touched nothing beyond. */
static void test_no_memory(void **state)
{
    struct fixture *f = *state;
    build_all(f);
    accept(f);
    size_t need_bytes = f->arena.peak_bytes;
    for (size_t cap = 0; cap < need_bytes; cap++) {
        f->arena.cap_bytes = cap;
        refuse(f, ERR_NO_MEMORY, "out of memory");
    }
    f->arena.cap_bytes = need_bytes;
    accept(f);
}

static void test_skeleton(void **state)
{
    struct fixture *f = *state;
    uint8_t out[MODULE_BYTES];
    size_t len_bytes;
    build_all(f);
    SECTION(0, 5, 'o', 't', 'h', 'e', 'r', 1, 2, 3);
    accept(f);
    assert_int_equal(engine_skeleton(f->module, NULL, 0, &len_bytes), ERR_NO_SPACE);
    assert_int_equal(engine_skeleton(f->module, out, len_bytes - 1, &len_bytes), ERR_NO_SPACE);
    assert_int_equal(engine_skeleton(f->module, out, len_bytes, &len_bytes), STATUS_OK);
    assert_int_equal(len_bytes, f->len_bytes - 11 - 12); /* the custom and the code section */
    assert_int_equal(decode_flags(f, ENGINE_DECODE_SKELETON), ERR_MALFORMED);

    memcpy(f->bytes, out, len_bytes);
    f->len_bytes = len_bytes;
    refuse(f, ERR_MALFORMED, "function and code section have inconsistent lengths");
    assert_int_equal(decode_flags(f, ENGINE_DECODE_SKELETON), STATUS_OK);
    assert_int_equal(f->module->n_funcs, 4);
    assert_int_equal(f->module->code_offset, 0);
    assert_int_equal(f->module->funcs[3].body_offset, 0);
    assert_int_equal(f->module->n_datas, 3);
    assert_int_equal(f->module->func_names[0].len_bytes, 1);
}

/* ---- The rules, section by section ---- */

static void test_types(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(1, 1, 0x5f, 0, 0);
    refuse_at(f, ERR_MALFORMED, "malformed function type", 12);
    begin(f);
    SECTION(1, 1, 0xe0, 0x7f, 0);
    refuse(f, ERR_MALFORMED, "integer representation too long");
    begin(f);
    SECTION(1, 1, 0x60, 1, 0x7a, 0);
    refuse_at(f, ERR_MALFORMED, "malformed value type", 14);
    begin(f);
    SECTION(1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x60, 0, 0);
    refuse(f, ERR_MALFORMED, "unexpected end");
    begin(f);
    SECTION(1, 2, FUNC_TYPE_VOID, 0x60, 3, 0x7f, 0x7f, 0x7f, 0);
    accept(f);
    f->limits.max_params = 2;
    refuse(f, ERR_LIMIT, "too many parameters: 3");
    f->limits.max_types = 1;
    refuse(f, ERR_LIMIT, "too many types: 2");
}

static void test_imports(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(2, 1, 0, 0, 4, 0);
    refuse_at(f, ERR_MALFORMED, "malformed import kind", 14);
    begin(f);
    SECTION(2, 1, 0, 0, 0, 0);
    refuse_at(f, ERR_INVALID, "unknown type 0", 15);
    begin(f);
    SECTION(2, 1, 0, 1, 0xff, 3, 0x7f, 0);
    refuse(f, ERR_MALFORMED, "malformed UTF-8 encoding");
    begin(f);
    SECTION(2, 1, 0, 0, 3, 0x7f, 2);
    refuse(f, ERR_MALFORMED, "malformed mutability");
    begin(f);
    SECTION(2, 2, 0, 0, 2, 0, 1, 0, 0, 2, 0, 1);
    refuse(f, ERR_INVALID, "multiple memories");
}

static void memory_is(struct fixture *f, status_t status, const char *text, const uint8_t *type,
                      size_t len_bytes)
{
    begin(f);
    put(f, LIST(5, (uint8_t)(len_bytes + 1), 1));
    put(f, type, len_bytes);
    if (status == STATUS_OK) {
        accept(f);
    } else {
        refuse_at(f, status, text, 11);
    }
}

static void test_memories(void **state)
{
    struct fixture *f = *state;
    const char *size_text = "memory size must be at most 65536 pages (4GiB)";
    memory_is(f, STATUS_OK, "", LIST(0, 0x80, 0x80, 4));
    memory_is(f, ERR_INVALID, size_text, LIST(0, 0x81, 0x80, 4));
    memory_is(f, ERR_INVALID, size_text, LIST(1, 0, 0x81, 0x80, 4));
    memory_is(f, ERR_INVALID, "size minimum must not be greater than maximum", LIST(1, 2, 1));
    memory_is(f, STATUS_OK, "", LIST(3, 2, 2));
    assert_true(f->module->memories[0].is_shared);
    memory_is(f, ERR_INVALID, "shared memory must have maximum", LIST(2, 2));
    memory_is(f, ERR_MALFORMED, "integer too large", LIST(4, 2));
    memory_is(f, ERR_MALFORMED, "integer representation too long", LIST(0x81, 0, 2));
    f->limits.max_memory_pages = 100;
    memory_is(f, STATUS_OK, "", LIST(1, 100, 0x80, 0x80, 4));
    begin(f);
    SECTION(5, 1, 0, 101);
    refuse(f, ERR_LIMIT, "too many pages of memory: 101");
}

static void test_tables(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(4, 1, 0x7f, 0, 0);
    refuse_at(f, ERR_MALFORMED, "malformed reference type", 12);
    begin(f);
    SECTION(4, 1, 0x70, 2, 0);
    refuse_at(f, ERR_MALFORMED, "integer too large", 13);
    begin(f);
    SECTION(4, 1, 0x70, 1, 2, 1);
    refuse_at(f, ERR_INVALID, "size minimum must not be greater than maximum", 13);
    begin(f);
    SECTION(4, 1, 0x70, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f);
    accept(f);
}

/* One global of type i32, after an immutable and a mutable imported one. */
static void global_is(struct fixture *f, status_t status, const char *text, const uint8_t *init,
                      size_t len_bytes)
{
    begin(f);
    SECTION(2, 2, 0, 0, 3, 0x7f, 0, 0, 0, 3, 0x7f, 1);
    put(f, LIST(6, (uint8_t)(len_bytes + 3), 1, 0x7f, 0));
    put(f, init, len_bytes);
    if (status == STATUS_OK) {
        accept(f);
    } else {
        refuse(f, status, text);
    }
}

static void test_constants(void **state)
{
    struct fixture *f = *state;
    global_is(f, STATUS_OK, "", LIST(0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x0b));
    assert_true(f->module->globals[2].init.bits == 0x80000000u);
    global_is(f, STATUS_OK, "", LIST(0x23, 0, 0x0b));
    global_is(f, ERR_INVALID, "constant expression required", LIST(0x23, 1, 0x0b));
    global_is(f, ERR_INVALID, "unknown global 2", LIST(0x23, 2, 0x0b));
    global_is(f, ERR_INVALID, "type mismatch", LIST(0x0b));
    global_is(f, ERR_INVALID, "type mismatch", LIST(0x42, 0, 0x0b));
    global_is(f, ERR_INVALID, "type mismatch", LIST(0x41, 0, 0x41, 0, 0x0b));
    global_is(f, ERR_INVALID, "constant expression required, not i32.add",
              LIST(0x41, 0, 0x41, 0, 0x6a, 0x0b));
    global_is(f, ERR_INVALID, "unknown function 0", LIST(0xd2, 0, 0x0b));
    global_is(f, ERR_MALFORMED, "malformed reference type", LIST(0xd0, 0x7f, 0x0b));
    global_is(f, ERR_MALFORMED, "illegal opcode", LIST(0xff, 0x0b));
    global_is(f, ERR_MALFORMED, "illegal opcode", LIST(0xfd, 0xff, 0x7f, 0x0b));
    global_is(f, ERR_MALFORMED, "unexpected end", LIST(0x41, 0));
    global_is(f, ERR_MALFORMED, "integer too large",
              LIST(0x41, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0b));
    global_is(f, ERR_MALFORMED, "unexpected end", LIST(0x43, 0, 0, 0));
}

/* What can't be read counts more than what breaks a rule, wherever it is. */
static void test_malformed_wins(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(2, 2, 0, 0, 0, 7, 0, 0, 0, 8);
    refuse_at(f, ERR_INVALID, "unknown type 7", 15); /* the first of two */
    SECTION(11, 1, 3);
    refuse_at(f, ERR_MALFORMED, "malformed data segment kind", 24);
    /* and a start function whose type isn't there doesn't disturb */
    begin(f);
    SECTION(3, 1, 7);
    SECTION(8, 0);
    SECTION(10, 1, 2, 0, 0x0b);
    refuse_at(f, ERR_INVALID, "unknown type 7", 12);
}

static void test_exports(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(2, 1, 0, 0, 3, 0x7f, 0);
    size_t start = f->len_bytes;
    SECTION(7, 3, 1, 'a', 3, 0, 1, 'b', 3, 0, 1, 'c', 3, 0);
    accept(f);
    f->bytes[start + 9] = 'a';
    refuse_at(f, ERR_INVALID, "duplicate export name \"a\"", start + 9);
    static const char *const texts[] = {"unknown function 0", "unknown table 0", "unknown memory 0",
                                        "unknown global 0"};
    for (uint8_t kind = 0; kind < 4; kind++) {
        begin(f);
        SECTION(7, 1, 0, kind, 0);
        refuse_at(f, ERR_INVALID, texts[kind], 14);
    }
    begin(f);
    SECTION(7, 1, 0, 4, 0);
    refuse_at(f, ERR_MALFORMED, "malformed export kind", 13);
    begin(f);
    SECTION(2, 1, 0, 0, 3, 0x7f, 0);
    SECTION(7, 2, 2, 0x1b, 0, 3, 0, 2, 0x1b, 0, 3, 0); /* nothing raw in the message */
    refuse(f, ERR_INVALID, "duplicate export name \"?\?\"");
}

/* All numbers of exports, with the duplicate at every place. */
static void test_many_exports(void **state)
{
    struct fixture *f = *state;
    for (uint8_t n = 1; n < 40; n++) {
        begin(f);
        SECTION(2, 1, 0, 0, 3, 0x7f, 0);
        put(f, LIST(7, (uint8_t)(5 * n + 1) | 0x80, (uint8_t)((5 * n + 1) >> 7), n));
        size_t start = f->len_bytes;
        for (uint8_t i = 0; i < n; i++) {
            put(f, LIST(2, 'x', (uint8_t)(i * 7 % 101), 3, 0));
        }
        accept(f);
        for (uint8_t i = 1; i < n; i++) {
            uint8_t *name = &f->bytes[start + 5u * i + 2];
            uint8_t kept = *name;
            *name = f->bytes[start + 2];
            refuse(f, ERR_INVALID, "duplicate export name");
            *name = kept;
        }
    }
}

static void test_start(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(1, 2, FUNC_TYPE_VOID, 0x60, 0, 1, 0x7f);
    SECTION(3, 1, 1);
    size_t start = f->len_bytes;
    SECTION(8, 1);
    SECTION(10, 1, 2, 0, 0x0b);
    refuse_at(f, ERR_INVALID, "unknown function 1", start + 3);
    f->bytes[start + 3] = 0;
    refuse_at(f, ERR_INVALID, "start function", start + 3);
    f->bytes[start - 1] = 0;
    accept(f);
    assert_int_equal(f->module->start, 0);
    begin(f);
    accept(f);
    assert_int_equal(f->module->start, UINT32_MAX);
}

static void test_elems(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(9, 1, 8, 0);
    refuse_at(f, ERR_MALFORMED, "malformed elements segment kind", 12);
    begin(f);
    SECTION(9, 1, 1, 1, 0);
    refuse_at(f, ERR_MALFORMED, "malformed element kind", 13);
    begin(f);
    SECTION(9, 1, 0, 0x41, 0, 0x0b, 0);
    refuse(f, ERR_INVALID, "unknown table 0");
    begin(f);
    SECTION(4, 1, 0x6f, 0, 0);
    SECTION(9, 1, 0, 0x41, 0, 0x0b, 0);
    refuse(f, ERR_INVALID, "type mismatch: segment of funcref for a table of externref");
    begin(f);
    SECTION(9, 1, 5, 0x6f, 1, 0xd0, 0x70, 0x0b);
    refuse(f, ERR_INVALID, "type mismatch: constant of type funcref where externref is wanted");
    begin(f);
    SECTION(9, 1, 1, 0, 1, 0);
    refuse_at(f, ERR_INVALID, "unknown function 0", 15);
    begin(f);
    SECTION(9, 1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f);
    refuse(f, ERR_MALFORMED, "unexpected end");
}

static void test_datas(void **state)
{
    struct fixture *f = *state;
    begin(f);
    SECTION(11, 1, 0, 0x41, 0, 0x0b, 0);
    refuse(f, ERR_INVALID, "unknown memory 0");
    begin(f);
    SECTION(5, 1, 0, 1);
    SECTION(11, 1, 2, 1, 0x41, 0, 0x0b, 0);
    refuse(f, ERR_INVALID, "unknown memory 1");
    begin(f);
    SECTION(11, 1, 1, 3, 'x', 'y');
    refuse(f, ERR_MALFORMED, "unexpected end");
    begin(f);
    SECTION(12, 1);
    refuse(f, ERR_MALFORMED, "data count and data section have inconsistent lengths");
    SECTION(11, 1, 1, 0);
    accept(f);
    begin(f);
    SECTION(11, 1, 1, 0);
    accept(f);
    assert_false(f->module->has_data_count);
}

static void test_bodies(void **state)
{
    struct fixture *f = *state;
    const char *text = "function and code section have inconsistent lengths";
    begin(f);
    SECTION(1, 1, FUNC_TYPE_VOID);
    SECTION(3, 2, 0, 0);
    refuse(f, ERR_MALFORMED, text);
    SECTION(10, 1, 2, 0, 0x0b);
    refuse(f, ERR_MALFORMED, text);
    begin(f);
    SECTION(10, 1, 2, 0, 0x0b);
    refuse(f, ERR_MALFORMED, text);
    begin(f);
    SECTION(1, 1, FUNC_TYPE_VOID);
    SECTION(3, 1, 0);
    size_t size_at = f->len_bytes + 4;
    SECTION(10, 1, 2, 0, 0x0b);
    accept(f);
    f->limits.max_body_bytes = 1;
    refuse(f, ERR_LIMIT, "too many bytes in a function body: 2");
    f->limits = engine_default_limits;
    f->bytes[size_at] = 3;
    refuse_at(f, ERR_MALFORMED, "unexpected end", size_at + 1);
    f->bytes[size_at] = 1;
    refuse(f, ERR_MALFORMED, "section size mismatch");
}

/* Whatever is wrong in a name section, the module is accepted. */
static void test_names(void **state)
{
    struct fixture *f = *state;
    build_all(f);
    size_t end = f->len_bytes;
    size_t contents = end - 20;
    for (size_t i = contents; i < end; i++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            f->bytes[i] ^= (uint8_t)flip;
            accept(f);
            f->bytes[i] ^= (uint8_t)flip;
        }
    }
    /* before what it names, and without any */
    begin(f);
    SECTION(0, 4, 'n', 'a', 'm', 'e', 1, 4, 1, 0, 1, 'f');
    accept(f);
    assert_null(f->module->func_names);
    SECTION(1, 1, FUNC_TYPE_VOID);
    SECTION(2, 1, 0, 0, 0, 0);
    accept(f);
    assert_int_equal(f->module->func_names[0].len_bytes, 1);
}

/* ---- The layout ---- */

static void test_layout(void **state)
{
    struct fixture *f = *state;
    build_all(f);
    accept(f);
    const struct engine_layout *layout = &f->module->layout;
    assert_int_equal(layout->globals[2], -72); /* own scalars first */
    assert_int_equal(layout->globals[3], -80);
    assert_int_equal(layout->globals[4], -88);
    assert_int_equal(layout->globals[6], -96);
    assert_int_equal(layout->globals[0], -104); /* addresses of imports */
    assert_int_equal(layout->globals[1], -112);
    assert_int_equal(layout->tables[0], -120);
    assert_int_equal(layout->globals[5], -144); /* own v128 */
    assert_int_equal(layout->tables[1], -160);
    assert_int_equal(layout->func_imports, -192);
    assert_int_equal(layout->types, -200);
    assert_int_equal(layout->size_bytes, 256);
    begin(f);
    accept(f);
    assert_int_equal(f->module->layout.size_bytes, 64);
}

static void test_texts(void **state)
{
    (void)state;
    struct engine_error error = {.funcidx = 5};
    assert_string_equal(engine_trap_text(TRAP_STACK), "call stack exhausted");
    assert_string_equal(engine_trap_text(TRAP_NONE), "no trap");
    assert_int_equal(compile_fail(&error, ERR_LIMIT, 77, "%s %d", "text", 3), ERR_LIMIT);
    assert_string_equal(error.text, "text 3");
    assert_int_equal(error.offset, 77);
    assert_int_equal(error.funcidx, 5);
    assert_string_equal(wasm_valtype_text(VALTYPE_V128), "v128");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_header),      TEST(test_section_order), TEST(test_section_size),
        TEST(test_custom),      TEST(test_all_spaces),    TEST(test_all_values),
        TEST(test_all_damaged), TEST(test_no_memory),     TEST(test_skeleton),
        TEST(test_types),       TEST(test_imports),       TEST(test_memories),
        TEST(test_tables),      TEST(test_constants),     TEST(test_malformed_wins),
        TEST(test_exports),     TEST(test_many_exports),  TEST(test_start),
        TEST(test_elems),       TEST(test_datas),         TEST(test_bodies),
        TEST(test_names),       TEST(test_layout),        TEST(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
