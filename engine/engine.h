/*
 * The engine: turns the bytes of a WebAssembly module into native code.
 *
 * This is its one public header, and all an embedder needs. The engine is a set of pure
 * functions: it allocates only from arenas that the caller gives, keeps nothing between calls,
 * has no mutable state of its own, starts no threads, and never ends the process. Several
 * compilations may run at once, each with an arena of its own.
 *
 * How it is used:
 *
 *   1. engine_decode() reads everything but the function bodies and gives a struct engine_module:
 *      types, imports, exports, segments, limits, names, and where the bodies are.
 *   2. engine_compile_init() begins an image; engine_compile_batch() validates and compiles a
 *      batch of functions (any thread, any order, own arena); engine_compile_append() takes the
 *      batches' results in ascending order. engine_compile_finish() resolves calls and writes
 *      tables. The bytes of the image don't depend on how many threads there were.
 *   3. The embedder maps the image's code read-only and executable at any address, makes an
 *      instance record as struct engine_layout says, and enters functions through the image's
 *      entry thunks (engine_image_entry).
 *   4. A fault or an undefined instruction in the code is looked up with engine_image_find():
 *      which function, which wasm offset, which trap.
 *
 * What it generates relies on: an instance record just below the instance pointer, the helper
 * functions of helpers.def, and guard pages: see "The machine model" below.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/status.h"

#define ENGINE_VERSION 1u

/* ---- Errors ---- */

/* Where and why a module was refused. offset: bytes from the start of the module. */
struct engine_error {
    status_t status;
    uint64_t offset;
    uint32_t funcidx; /* UINT32_MAX if not in a function */
    char text[200];
};

enum engine_trap : uint8_t {
#define TRAP(name, number, text) TRAP_##name = (number),
#include "engine/traps.def"
#undef TRAP
};

const char *engine_trap_text(enum engine_trap trap);

/* ---- The module ---- */

/* wasm 2.0 §5.3: the bytes of the binary format */
enum engine_valtype : uint8_t {
    VALTYPE_I32 = 0x7f,
    VALTYPE_I64 = 0x7e,
    VALTYPE_F32 = 0x7d,
    VALTYPE_F64 = 0x7c,
    VALTYPE_V128 = 0x7b,
    VALTYPE_FUNCREF = 0x70,
    VALTYPE_EXTERNREF = 0x6f,
};

enum engine_extern : uint8_t { EXTERN_FUNC, EXTERN_TABLE, EXTERN_MEMORY, EXTERN_GLOBAL };

struct engine_name { /* UTF-8 in the module's bytes, not terminated; may hold any code point */
    const uint8_t *bytes;
    uint32_t len_bytes;
};

static inline bool engine_name_equal(struct engine_name a, struct engine_name b)
{
    return a.len_bytes == b.len_bytes && memcmp(a.bytes, b.bytes, a.len_bytes) == 0;
}

/* The text is kept by reference. */
static inline struct engine_name engine_name_of(const char *text)
{
    return (struct engine_name){(const uint8_t *)text, (uint32_t)strlen(text)};
}

struct engine_functype {
    const uint8_t *params;  /* enum engine_valtype */
    const uint8_t *results; /* enum engine_valtype */
    uint32_t n_params, n_results;
};

struct engine_limit {
    uint64_t min, max; /* pages or elements; max = UINT64_MAX if none is declared */
    bool has_max;
    bool is_shared;
};

struct engine_tabletype {
    struct engine_limit limit;
    uint8_t reftype; /* VALTYPE_FUNCREF or VALTYPE_EXTERNREF */
};

struct engine_globaltype {
    uint8_t valtype;
    bool is_mutable;
};

/* A constant expression (wasm 2.0 §3.3.10). */
enum engine_init_kind : uint8_t { INIT_BITS, INIT_V128, INIT_GLOBAL, INIT_NULL, INIT_FUNC };
struct engine_init {
    uint8_t kind;
    uint8_t valtype;
    uint32_t index; /* INIT_GLOBAL, INIT_FUNC */
    union {
        uint64_t bits;
        uint8_t v128[16];
    };
};

struct engine_import {
    struct engine_name module, name;
    uint8_t kind; /* enum engine_extern */
    union {
        uint32_t typeidx;
        struct engine_tabletype table;
        struct engine_limit memory;
        struct engine_globaltype global;
    };
};

struct engine_export {
    struct engine_name name;
    uint8_t kind; /* enum engine_extern */
    uint32_t index;
};

struct engine_global {
    struct engine_globaltype type;
    struct engine_init init; /* unused for imports */
};

enum engine_segment_mode : uint8_t { SEGMENT_ACTIVE, SEGMENT_PASSIVE, SEGMENT_DECLARED };

struct engine_elem {
    uint8_t mode; /* enum engine_segment_mode */
    uint8_t reftype;
    uint32_t tableidx;
    struct engine_init offset;
    uint32_t n_inits;
    const struct engine_init *inits;
};

struct engine_data {
    uint8_t mode;
    uint32_t memidx;
    struct engine_init offset;
    const uint8_t *bytes; /* in the module's bytes */
    uint32_t len_bytes;
};

struct engine_func {
    uint32_t typeidx;
    uint32_t body_offset; /* from the start of the module, after the body's size; 0 for imports */
    uint32_t body_len_bytes;
};

/*
 * The instance record: everything compiled code reaches, at negative offsets from the instance
 * pointer P. With an own (not imported) memory 0, P is also the base of that memory: the record
 * lies in the bytes just before the memory. Otherwise P is just the end of the record.
 *
 *   P - sizeof(struct engine_instance)   the fixed part, below
 *   layout.globals[i]                    own: the value, 8 or 16 bytes; imported: address of one
 *   layout.tables[i]                     own: struct engine_table; imported: address of one
 *   layout.funcs[i]                      import i: struct engine_func_slot
 *   layout.types                         uint32_t type_ids[n_types]: the embedder's number for
 *                                        each type, equal for structurally equal types, never 0
 */
struct engine_layout {
    uint32_t size_bytes;    /* of the record, all of it, a multiple of 64 */
    const int32_t *globals; /* [n_globals] offsets from P */
    const int32_t *tables;  /* [n_tables] */
    int32_t func_imports;   /* of import 0; the next are 16 bytes further up each */
    int32_t types;          /* of type id 0; ascending */
};

/* The target of an indirect call: an element of a table of functions, or an imported function. */
struct engine_func_slot {
    const void *code; /* entered with the address of this slot in the machine's slot register */
    uint32_t type_id; /* 0: null */
    uint32_t ref;     /* the funcref value: an index that the embedder gave; 0 is null */
};

/* A table of externref has uint64_t values in slots of the same size, in place of code. */
struct engine_table {
    struct engine_func_slot *slots;
    uint32_t size;
    uint32_t reserved;
};

/* The fixed part, at P - sizeof. Read by compiled code; written by the embedder. */
struct engine_instance {
    void *embedder;                        /* the embedder's own record of this instance */
    void *const *helpers;                  /* [n_helpers] in the order of helpers.def */
    const void *func_records;              /* struct engine_func_record[], indexed by funcref */
    uint8_t *memory_base;                  /* of memory 0; null without one */
    uint64_t memory_size;                  /* of memory 0, bytes */
    struct engine_memory *imported_memory; /* of memory 0 if imported; then the size is there */
    uint64_t stack_limit;                  /* the lowest address that a frame may reach */
    const void *shared;                    /* what templates read */
};

/* What imported memories share between instances. */
struct engine_memory {
    uint8_t *base;
    uint64_t size_bytes;
};

/*
 * What a funcref stands for. Slots whose function belongs to another instance, or to the host,
 * have a thunk of the image in .code, which finds this record through its slot's ref.
 */
struct engine_func_record {
    const void *code;  /* of the function itself, or of a host function (engine_host_fn) */
    void *instance;    /* P of its instance; for a host function: its context */
    void *memory_base; /* of memory 0 of its instance, if imported there */
    uint32_t type_id;
    uint32_t funcidx;
};

union engine_value {  /* how values cross between native code and wasm: 16 bytes each */
    uint8_t v128[16]; /* first: an initialiser of {} sets just the first member to zero */
    uint32_t i32;
    uint64_t i64;
    uint32_t f32; /* bits */
    uint64_t f64; /* bits */
    uint64_t ref; /* funcref: index; externref: 0 null, else the embedder's */
};

/* A host function behind a host thunk: values[] holds the arguments, and then the results. */
typedef void (*engine_host_fn)(void *context, void *caller_instance, union engine_value *values);

struct engine_module {
    const uint8_t *bytes;
    size_t len_bytes;
    uint32_t n_types, n_imports, n_funcs, n_tables, n_memories, n_globals;
    uint32_t n_exports, n_elems, n_datas;
    uint32_t n_func_imports, n_table_imports, n_memory_imports, n_global_imports;
    const struct engine_functype *types;
    const struct engine_import *imports;
    const struct engine_func *funcs; /* imports first, as in every index space */
    const struct engine_tabletype *tables;
    const struct engine_limit *memories;
    const struct engine_global *globals;
    const struct engine_export *exports;
    const struct engine_elem *elems;
    const struct engine_data *datas;
    const struct engine_name *func_names; /* [n_funcs] from the name section; may be null */
    struct engine_name module_name;
    uint32_t start; /* funcidx, or UINT32_MAX */
    bool has_data_count;
    const uint64_t *declared_funcs; /* bitset: functions that ref.func may name */
    uint32_t code_offset;           /* of the code section's contents; 0 without one */
    bool has_table_writes;          /* unused until code is compiled */
    struct engine_layout layout;
};

struct engine_limits {
    uint32_t max_types, max_funcs, max_imports, max_exports, max_globals, max_tables;
    uint32_t max_segments, max_body_bytes, max_locals, max_params, max_results, max_br_targets;
    uint64_t max_memory_pages;
};

/* The limits of the JavaScript embedding (wasm JS API §limits), where that has them. */
extern const struct engine_limits engine_default_limits;

enum engine_decode_flags : uint32_t {
    ENGINE_DECODE_SKELETON = 1, /* the module of an image: its code section was left out */
};

/*
 * Decodes and validates a module, except for the bodies of functions (their extents only). The
 * module points into bytes and into the arena; both stay the caller's. ERR_MALFORMED,
 * ERR_INVALID, ERR_LIMIT, ERR_NO_MEMORY; error is filled in then.
 */
MUST_CHECK status_t engine_decode(const uint8_t *bytes, size_t len_bytes,
                                  const struct engine_limits *limits, uint32_t flags,
                                  struct arena *arena, struct engine_module **out,
                                  struct engine_error *error);

/* ---- Compiling ---- */

/* x86-64; SSE4.1 is taken for granted */
enum engine_cpu_features : uint64_t {
    ENGINE_CPU_SSE42 = 1,
    ENGINE_CPU_AVX = 2,
    ENGINE_CPU_AVX2 = 4,
    ENGINE_CPU_BMI1 = 8,
    ENGINE_CPU_BMI2 = 16,
    ENGINE_CPU_LZCNT = 32,
    ENGINE_CPU_POPCNT = 64,
    ENGINE_CPU_FMA = 128,
    ENGINE_CPU_ALL = 255,
};

enum engine_memory_kind : uint8_t {
    /* 4 GiB of addresses and a guard of ENGINE_GUARD_BYTES: no checks */
    ENGINE_MEMORY_GUARD,
    /* reserved up to the declared maximum, and a small guard: a constant bound, checked in code */
    ENGINE_MEMORY_DENSE,
};

#define ENGINE_GUARD_BYTES (64u << 20)
/* Behind the declared maximum of a dense memory this much address space stays empty, too. */
#define ENGINE_DENSE_GUARD_BYTES (64u << 10)
#define ENGINE_PAGE_BYTES 65536u /* of WebAssembly */
/*
 * The top of the index space that no access reaches, which the embedder guarantees: memories don't
 * grow into it, windows aren't mapped there. An exception is a memory whose declared minimum
 * reaches into it (engine_memory_has_gap); a module that imports a memory with a smaller minimum
 * must not be given such a one.
 */
#define ENGINE_MEMORY_GAP_BYTES (1u << 20)
/* Frames larger than this compare with stack_limit; below the stack must be that much guard. */
#define ENGINE_STACK_GUARD_BYTES (64u << 10)

/* For tools and tests: sees the text of each stage of a function. */
struct engine_dump {
    /* stage: "ssa", a pass's name, "mir", "ra", "code" */
    bool (*wants)(void *ctx, uint32_t funcidx, const char *stage);
    void (*put)(void *ctx, const char *text, size_t len_bytes);
    void *ctx;
};

/*
 * A template: code that stands instead of the call of an imported function that takes nothing and
 * gives an i64. Its instructions work on a stack of i64 and leave the result there. They only read,
 * and only what .shared of the instance points to. The embedder promises that an import of this
 * name is this function: so it has to look, when it links, whether it is.
 */
enum engine_template_op : uint8_t {
    ENGINE_TEMPLATE_LOAD,   /* the word at this offset in .shared, as it is now: one atomic load */
    ENGINE_TEMPLATE_CYCLES, /* the CPU's cycle counter */
    ENGINE_TEMPLATE_ADD,
    ENGINE_TEMPLATE_SUB,
    ENGINE_TEMPLATE_SHL,
    ENGINE_TEMPLATE_MULHI, /* the upper half of the unsigned product */
};

struct engine_template_inst {
    enum engine_template_op op;
    uint32_t offset; /* ENGINE_TEMPLATE_LOAD */
};

#define ENGINE_TEMPLATE_MAX 16u /* instructions */

struct engine_template {
    struct engine_name module, name;
    const struct engine_template_inst *insts;
    uint32_t n_insts;
};

struct engine_options {
    const struct engine_template *templates; /* [n_templates]; kept by reference */
    uint32_t n_templates;
    uint64_t cpu_features;          /* enum engine_cpu_features */
    uint64_t passes_off;            /* bit i: pass number i of engine_pass_name() is left out */
    uint64_t ra_shuffle_seed;       /* 0: off */
    uint8_t memory_kind;            /* enum engine_memory_kind */
    bool is_unsafe;                 /* no checks at all: only to measure what they cost */
    bool is_checked;                /* verifiers between passes and after register allocation */
    const struct engine_dump *dump; /* or null */
};

/*
 * Whether memory 0 of a module compiled for this kind of memory is dense: its record and memory
 * then need address space for the declared maximum only. False: it needs a guard slot.
 */
bool engine_memory_is_dense(const struct engine_module *module, uint8_t memory_kind);

/* Whether the code of a module relies on the gap at the top of memory 0. */
bool engine_memory_has_gap(const struct engine_module *module);

/* The template for an import of a module, or null. */
const struct engine_template *engine_template_find(const struct engine_options *options,
                                                   const struct engine_module *module,
                                                   const struct engine_import *import);

/* The name of pass number i, or null past the last. */
const char *engine_pass_name(uint32_t i);

/* Bytes that come and are read in order. They grow in chunks, so that nothing is ever copied. */
struct engine_chunk;
struct engine_spool {
    struct engine_chunk *first, *last;
    size_t len_bytes;
};

/*
 * An image being made. out: one run of memory, the caller's, page-aligned, that becomes the image
 * from its start on; side: an arena for tables that are needed until engine_compile_finish.
 */
struct engine_compile {
    const struct engine_module *module;
    struct engine_options options;
    struct arena *side;
    uint8_t *out;
    size_t out_cap_bytes, out_len_bytes;
    uint32_t n_batches;
    uint32_t next_batch;    /* that engine_compile_append expects */
    uint32_t *batch_starts; /* [n_batches + 1] indices of defined functions */
    const struct engine_template **import_templates; /* [imported functions], or null */
    struct engine_spool call_sites;  /* uint32_t: code offsets of rel32 fields that hold the index
                                       of a function, in them or behind them */
    struct engine_image_func *funcs; /* [n_funcs - imports] */
    struct engine_spool positions;
};

/* The machine code of a batch, in the arena it was compiled with; appended, it may be dropped. */
struct engine_batch {
    uint32_t index;
    uint32_t n_funcs;
    uint8_t *code;
    uint32_t len_bytes;
    struct engine_image_func *funcs; /* offsets relative to the batch */
    uint32_t *call_sites;
    uint32_t n_call_sites;
    uint8_t *positions;
    uint32_t n_positions;
};

MUST_CHECK status_t engine_compile_init(struct engine_compile *compile,
                                        const struct engine_module *module,
                                        const struct engine_options *options, struct arena *side,
                                        void *out, size_t out_cap_bytes,
                                        struct engine_error *error);
/* Reads *compile only. The arena must be empty of anything that the caller still needs above
 * its current mark: the batch's results stay until the caller releases it. scratch is empty before
 * and behind. */
MUST_CHECK status_t engine_compile_batch(const struct engine_compile *compile, uint32_t index,
                                         struct arena *arena, struct arena *scratch,
                                         struct engine_batch *batch, struct engine_error *error);
MUST_CHECK status_t engine_compile_append(struct engine_compile *compile,
                                          const struct engine_batch *batch,
                                          struct engine_error *error);
MUST_CHECK status_t engine_compile_finish(struct engine_compile *compile,
                                          const uint8_t module_sha256[static 32],
                                          const uint8_t abi_hash[static 32],
                                          struct engine_error *error);

/* ---- Listings: the instructions of a body as text, for tools ---- */

struct engine_listing {
    /* offset: of the instruction, in the module; depth: of nesting */
    void (*put)(void *ctx, uint32_t offset, uint32_t depth, const char *text, size_t len_bytes);
    void *ctx;
};
/* A defined function's body, not validated: ERR_MALFORMED and such where it doesn't decode. */
MUST_CHECK status_t engine_list_body(const struct engine_module *module, uint32_t funcidx,
                                     const struct engine_listing *listing);

/* ---- Images ---- */

#define ENGINE_IMAGE_MAGIC "tokamak\1"
#define ENGINE_IMAGE_ALIGN 4096u

/*
 * An image is position independent and immutable:
 *   header | code (page aligned) | function table | type thunks | positions | skeleton
 * The skeleton is the module without its code section and without custom sections but "name".
 */
struct engine_image {
    char magic[8];
    uint32_t engine_version;
    uint32_t machine; /* ELF's e_machine */
    uint64_t cpu_features;
    uint64_t options; /* passes off, memory kind, is_unsafe, templates: what changes code */
    uint8_t module_sha256[32];
    uint8_t abi_hash[32];
    uint64_t len_bytes; /* of the whole image */
    uint64_t code_offset, code_len_bytes;
    uint64_t funcs_offset; /* struct engine_image_func[n_funcs] */
    uint32_t n_funcs;      /* defined functions */
    uint32_t n_types;
    uint64_t thunks_offset; /* struct engine_image_thunks[n_types] */
    uint64_t positions_offset, positions_len_bytes;
    uint64_t skeleton_offset, skeleton_len_bytes;
};

struct engine_image_func {
    uint32_t code_offset; /* from the start of the code */
    uint32_t code_len_bytes;
    uint32_t frame_bytes; /* from the stack pointer in the body to the return address */
    uint32_t positions;   /* offset of its positions: LEB128 pairs (code delta from the end of one
                             instruction to the next, times 2, plus 1 where the frame isn't
                             made yet; zigzag delta of wasm offsets, from 0),
                             and a 0 at the end */
};

/* Code offsets, by type. Absent types (UINT32_MAX) are those that no function here has. */
struct engine_image_thunks {
    uint32_t entry; /* host to wasm: void (const void *code, void *P, union engine_value *, slot) */
    uint32_t host;  /* wasm to host: what a slot's code is for an engine_host_fn */
    uint32_t cross; /* wasm to wasm of another instance */
    /* from the stack pointer at the thunk's own call to its return address, for backtraces */
    uint32_t host_frame_bytes, cross_frame_bytes;
};

/* The header of an image of len_bytes; checks structure and bounds, not fitness. ERR_MALFORMED. */
MUST_CHECK status_t engine_image_open(const void *bytes, size_t len_bytes,
                                      const struct engine_image **out);

/* What .machine and .options of an image made here, with these options, hold. */
uint32_t engine_machine(void);
uint64_t engine_options_word(const struct engine_options *options);

/* Whether this engine made the image, for this machine and for features that options have. */
bool engine_image_fits(const struct engine_image *image, const struct engine_options *options);

/* Where a code offset lies; false if in no function. */
struct engine_place {
    uint32_t func;        /* index among the defined functions */
    uint32_t wasm_offset; /* of the instruction, from the start of the module; 0 unknown */
    uint32_t frame_bytes;
};
/* is_return: the offset is a return address, the place wanted is the call before it. */
bool engine_image_find(const struct engine_image *image, uint64_t code_offset, bool is_return,
                       struct engine_place *out);

static inline const uint8_t *engine_image_code(const struct engine_image *image)
{
    return (const uint8_t *)image + image->code_offset;
}

/*
 * ---- The machine model ----
 *
 * x86-64. r15 = P, always. r14 = base of memory 0 if that is imported (otherwise an ordinary
 * register). Arguments: integers and references in rdi rsi rdx rcx r8 r9, floats and vectors in
 * xmm0-7, the rest on the stack, as in the System V ABI. Results: rax rdx rcx rsi rdi r8 and
 * xmm0-7, the rest in the caller's area after its stack arguments. i32 values are zero-extended
 * to 64 bits. rbx rbp r12 r13 (r14) r15 are kept by the callee. rax holds the address of the
 * engine_func_slot in a call through a slot. A call's stack pointer is 16-byte aligned.
 *
 * Traps. A load or store outside of memory faults (TRAP_MEMORY); a stack that is used up faults
 * in its guard (TRAP_STACK); an integer division by zero raises a divide error
 * (TRAP_DIV_ZERO); every other trap is the instruction ud2, followed by one byte: the kind.
 */
#define ENGINE_UD2_BYTES 2

#endif
