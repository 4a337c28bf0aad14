/*
 * What the files of the pass "vector" share: a loop as it looks at it.
 *
 *   vector.c        which loops, how many lanes, the new blocks' places in the numbering
 *   vector_loop.c   the loop as data: counters, the exit's test, memory as streams
 *   vector_pack.c   which scalars become the lanes of one vector
 *   vector_emit.c   the tests before the loop, the vector loop, and what follows it
 */
#ifndef ENGINE_OPT_VECTOR_H
#define ENGINE_OPT_VECTOR_H

#include "engine/opt/opt.h"

#define VECTOR_BYTES 16u
#define VECTOR_MAX_INSTS 160u  /* of a loop */
#define VECTOR_MAX_COPIES 8u   /* of an element's code in one round: unrolled by so much */
#define VECTOR_MAX_VECTORS 4u  /* that a pack becomes in one round of the vector loop */
#define VECTOR_MAX_EMITTED 64u /* vector operations in that round */
#define VECTOR_MAX_PHIS 16u
#define VECTOR_MAX_ACCESSES 48u
#define VECTOR_MAX_STREAMS 8u
#define VECTOR_MAX_PACKS 48u
#define VECTOR_MAX_TERMS 16u /* of a reduction in one round */
#define VECTOR_NO_INDEX_MAX (INT64_MAX / 2)

enum vector_lane : uint8_t { LANE_I8, LANE_I16, LANE_I32, LANE_I64, LANE_F32, LANE_F64, N_LANES };

/* scale * phi + base + c, modulo 2^32; phi and base may be absent (0). */
struct vector_affine {
    uint32_t phi, base, scale, c;
};

/* A phi of the loop: a counter, or a sum (or the like) of all rounds, or what the element before
 * had: loads that were made in the round before are kept so. */
struct vector_phi {
    uint32_t phi, init, latch;
    int32_t step; /* of a counter; 0 of others */
    bool is_previous;
    uint32_t previous;                         /* a pack */
    uint16_t op;                               /* of a reduction */
    uint32_t terms[VECTOR_MAX_TERMS], n_terms; /* values */
    uint32_t packs[VECTOR_MAX_TERMS], n_packs; /* of terms */
    val_t acc[VECTOR_MAX_VECTORS];             /* in the vector loop */
    val_t next[VECTOR_MAX_VECTORS];
};

/* A load or store, or a check of an address. offset: from where its stream starts. */
struct vector_access {
    uint32_t inst, place, stream;
    int64_t offset;
    bool is_store, is_packed;
};

/*
 * Accesses that go in equal steps from near places: [first + low, first + high + rounds * step),
 * first being a 32-bit value zero-extended, from which on nothing wraps.
 */
struct vector_stream {
    struct vector_affine at; /* of the lowest */
    int64_t low, high;
    int64_t step;      /* bytes a round */
    int64_t index_max; /* first + rounds * step may be at most this: checks of dense memories */
    bool has_store, has_access;
    val_t first, start, end; /* i32, i64, i64; in the blocks before the loop */
    val_t pointer, next;     /* in the vector loop */
};

enum vector_pack_kind : uint8_t {
    PACK_SPLAT,
    PACK_LOAD,
    PACK_STORE,
    PACK_AFFINE,
    PACK_PREVIOUS, /* arg[0], one element further down */
    PACK_OP
};

/* Scalars of one round, one of each copy of the code, that are neighbours in a vector. */
struct vector_pack {
    uint32_t lanes[VECTOR_MAX_COPIES];
    uint32_t arg[3]; /* packs; of a shift, [1] is the count, a value */
    uint32_t place;  /* of lane 0 in the loop; 0: before it */
    uint32_t rank;   /* among packs of one place: what they wait for comes first */
    uint32_t stream;
    int64_t offset;
    struct vector_affine affine; /* PACK_AFFINE: of lane 0 */
    uint32_t unit;               /* what each lane has more than the one before */
    enum vector_pack_kind kind;
    enum vector_lane lane;
    bool is_mask; /* all ones or zeros, where the scalar is 1 or 0 */
    val_t out[VECTOR_MAX_VECTORS];
    val_t carried; /* PACK_AFFINE, PACK_PREVIOUS: its phi */
};

/* The next round happens if a op b, with a a counter. */
struct vector_test {
    uint16_t op;
    struct vector_affine a;
    uint32_t b;
    int32_t step;
};

struct vectorizer {
    struct compile *cx;
    struct ssa_func *fn;
    uint32_t *place;        /* by value: 1 + its place in the loop that is looked at */
    uint32_t header, entry; /* blocks; entry: the one before the loop */
    uint32_t checks, before, loop, after, rest; /* the new blocks, see vector_emit.c */
    uint32_t entry_slot;                        /* of entry among the header's predecessors */
    uint32_t n_insts;
    uint32_t element_bytes, n_copies;
    uint32_t n_rounds;  /* of the loop that one round of the vector loop does: a power of two */
    uint32_t n_vectors; /* that each pack becomes there */
    struct vector_test test;
    struct vector_phi phis[VECTOR_MAX_PHIS];
    struct vector_access accesses[VECTOR_MAX_ACCESSES];
    struct vector_stream streams[VECTOR_MAX_STREAMS];
    struct vector_pack packs[VECTOR_MAX_PACKS];
    uint32_t n_phis, n_accesses, n_streams, n_packs;
    uint32_t order[VECTOR_MAX_PACKS]; /* in which packs are emitted */
    val_t rounds, done;               /* all but the last; those of the vector loop: i64 */
    val_t all_bytes;                  /* rounds in bytes, i64 */
    status_t status; /* of making room; what is made after a failure is never used */
};

/* vector_loop.c: fills in everything above packs. False: not for us. */
bool vector_look(struct vectorizer *z, uint32_t header);
bool vector_affine_of(const struct vectorizer *z, uint32_t value, struct vector_affine *out);
struct vector_phi *vector_phi_of(struct vectorizer *z, uint32_t value);

/* vector_pack.c: finds the packs and their size. False: something isn't packed. */
bool vector_pack(struct vectorizer *z);
bool vector_is_sum(const struct vector_phi *p);
/* The vector operation that does op in each lane, or SSA_NOP. */
uint16_t vector_twin(uint16_t op, enum vector_lane lane);

/* vector_emit.c: five blocks at the end of fn->blocks, to be put before the header. */
#define VECTOR_NEW_BLOCKS 5u
MUST_CHECK status_t vector_emit(struct vectorizer *z);

static inline uint32_t vector_arg(const struct vectorizer *z, uint32_t value, uint32_t i)
{
    return ssa_resolve(z->fn, (val_t){z->fn->insts[value].arg[i]}).i;
}

static inline bool vector_is_inside(const struct vectorizer *z, uint32_t value)
{
    return z->fn->insts[value].block == z->header;
}

#endif
