/*
 * A module being decoded: what the files behind engine_decode() share.
 *
 *   decode.c    the order of sections, custom sections, and the reading of single items
 *   sections.c  each section but exports and segments
 *   exports.c   exports, and that their names differ
 *   segments.c  element and data segments
 *   consts.c    constant expressions
 *   names.c     the name section
 *   layout.c    where everything is in the instance record
 *
 * Two ways of failing. What can't be read is malformed, and ends decoding. What can be read but
 * breaks a rule is invalid: decode_invalid() notes the first such place and decoding goes on,
 * since a module that is also malformed further down counts as malformed (wasm 2.0 §7.1.4: decode
 * comes before validate). So code behind a check must stand what the check refused.
 *
 * Counts are hostile. Before n items are allocated, decode_count has seen that at least n bytes
 * are there, and decode_check_limit that n is within a limit. Sums of counts fit uint32_t because a
 * module is at most 1 GiB.
 */
#ifndef ENGINE_WASM_DECODE_H
#define ENGINE_WASM_DECODE_H

#include "engine/wasm/wasm.h"

#define DECODE_MAX_MODULE_BYTES (UINT32_C(1) << 30) /* wasm JS API §limits */
#define DECODE_MAX_ELEMENTS 10000000u               /* of one segment; as tables in the JS API */
#define DECODE_MAX_PAGES 65536u                     /* of 64 KiB: wasm 2.0 §3.2.5 */

struct decode {
    const struct engine_limits *limits; /* fixed, from here... */
    struct arena *arena;
    struct engine_error *error;
    uint32_t flags; /* ...to here */

    struct reader r;     /* in a section: ends where that does */
    bool is_invalid;     /* error holds the first rule that is broken */
    uint32_t section;    /* offset of the section's contents; 0: it is absent, its count 0 */
    struct reader names; /* contents of the first name section; pos null if there is none */
    uint32_t n_data_count;

    struct engine_module *module;
    struct engine_func *funcs; /* module->funcs, module->declared_funcs */
    uint64_t *declared;
};

/* Notes that the module is invalid. offset: from the start of the module. */
[[gnu::format(printf, 3, 4)]] void decode_invalid(struct decode *d, uint64_t offset,
                                                  const char *text, ...);

/* One item of the format. what: its name in messages. */
MUST_CHECK status_t decode_u8(struct decode *d, uint8_t *value, const char *what);
MUST_CHECK status_t decode_u32(struct decode *d, uint32_t *value, const char *what);
MUST_CHECK status_t decode_name(struct decode *d, struct engine_name *name, const char *what);
MUST_CHECK status_t decode_valtype(struct decode *d, uint8_t *valtype);
MUST_CHECK status_t decode_reftype(struct decode *d, uint8_t *reftype);

/* The number of items that follow; malformed if there aren't that many bytes. */
MUST_CHECK status_t decode_count(struct decode *d, uint32_t *n, const char *what);

/* ERR_LIMIT if n is more than max. */
MUST_CHECK status_t decode_check_limit(struct decode *d, uint64_t n, uint64_t max,
                                       const char *what);

/* n items of size bytes each, uninitialised; NULL when out of memory, which is then the error. */
void *decode_array(struct decode *d, uint32_t n, size_t size);

/* A constant expression of this type, or invalid. */
MUST_CHECK status_t decode_const(struct decode *d, uint8_t valtype, struct engine_init *init);

/* An index of a function that ref.func may name from now on (wasm 2.0 §3.4.10, C.refs). */
void decode_declare_func(struct decode *d, uint32_t funcidx, uint64_t offset);

/* Contents of sections; n is the number at their start: of items, or the only thing there. */
MUST_CHECK status_t decode_types(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_imports(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_funcs(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_tables(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_memories(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_globals(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_exports(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_start(struct decode *d, uint32_t funcidx);
MUST_CHECK status_t decode_elems(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_data_count(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_bodies(struct decode *d, uint32_t n);
MUST_CHECK status_t decode_datas(struct decode *d, uint32_t n);

/* When all sections have been read. */
MUST_CHECK status_t decode_func_names(struct decode *d);
MUST_CHECK status_t decode_layout(struct decode *d);

#endif
