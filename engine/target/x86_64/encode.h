/*
 * The encoder's state, shared by its files:
 *
 *   encode.c         the walk over blocks, instructions by their row of insts.def, moves
 *   encode_pseudo.c  instructions that are more than their row
 *   encode_float.c   those of them that compute with floats
 *   frame.c          the stack frame: what is in it, and which blocks make it
 *   relax.c          jumps: which are short, where everything ends up, the final copy
 *
 * Code is first written to a scratch buffer without any jumps: a jump (and the padding before a
 * loop) is a site, of a size that isn't known yet. A place in the code is a mark: bytes written
 * and sites passed before it. When all sites have their sizes, marks become offsets.
 */
#ifndef ENGINE_TARGET_X86_64_ENCODE_H
#define ENGINE_TARGET_X86_64_ENCODE_H

#include "engine/target/x86_64/asm.h"
#include "engine/target/x86_64/x86.h"

struct enc_mark {
    uint32_t offset; /* in the scratch buffer */
    uint32_t site;   /* how many sites stand before */
};

/* By block: runs without the frame, has it, or makes it first. */
enum frame_kind : uint8_t { FRAME_NONE, FRAME_HELD, FRAME_MADE };

enum site_kind : uint8_t { SITE_JMP, SITE_JCC, SITE_ALIGN };

struct enc_site {
    uint32_t offset;
    uint32_t label;
    uint8_t kind; /* enum site_kind */
    uint8_t cc;
    uint8_t size_bytes; /* the most it can take; final after relaxing */
};

/* A rip-relative displacement: the last 4 bytes before what follows it of its instruction. */
struct enc_fixup {
    struct enc_mark field;
    uint8_t tail_bytes; /* of the instruction behind the field */
    bool is_table;      /* of a jump table, else of a constant */
    uint32_t id;
};

struct enc_const {
    uint64_t low, high;
    uint32_t size_bytes; /* 4, 8, 16 */
    uint32_t next;       /* in its hash bucket */
    uint32_t offset;     /* of the whole function, final */
};

struct enc_table {
    uint32_t start, n; /* in fn->pool */
    uint32_t block;    /* of MIR */
    uint32_t offset;   /* final */
};

enum late_kind : uint8_t { LATE_TRAP, LATE_TYPE, LATE_DIV, LATE_FLOAT };

/* Code out of line, behind the last block. */
struct enc_late {
    uint8_t kind; /* enum late_kind */
    uint8_t reg;  /* LATE_TYPE: of the id */
    uint8_t trap;
    uint32_t label, back;
    uint32_t pos;
    const struct mir_inst *inst;
};

struct enc_pos {
    struct enc_mark mark;
    uint32_t wasm;
};

#define ENC_CONST_BUCKETS 64u

struct enc {
    struct compile *cx;
    const struct mir_func *mf;
    struct asm_buf a;
    bool has_avx;
    status_t status;              /* sticky */
    uint32_t block;               /* being encoded */
    uint32_t next_move;           /* in mf->moves */
    uint32_t next_before;         /* the instruction it is before; 0 at first: look */
    int32_t spill_at;             /* of the spill area from rsp */
    uint32_t n_pushes, rsp_bytes; /* the frame: pushes, then this off rsp */
    uint8_t *frame_of;            /* by block: enum frame_kind */
    uint8_t flags_reg;            /* ZF and SF are those of this register, or ASM_NO_REG */
    uint8_t flags_size;           /* of the operation that set them */
    bool sets_flags;              /* ADD3, ADD3I, SHL3I: the one just encoded did, it was no lea */
    uint32_t *thread;             /* block -> where a jump to it may go instead */
    struct enc_mark *labels;      /* blocks, then others */
    uint32_t n_labels, cap_labels;
    struct enc_site *sites;
    uint32_t n_sites, cap_sites;
    struct enc_fixup *fixups;
    uint32_t n_fixups, cap_fixups;
    struct enc_const *consts;
    uint32_t n_consts, cap_consts;
    uint32_t *buckets; /* [ENC_CONST_BUCKETS], made with the first constant */
    struct enc_table *tables;
    uint32_t n_tables, cap_tables;
    struct enc_late *lates;
    uint32_t n_lates, cap_lates;
    struct enc_pos *positions;
    uint32_t n_positions, cap_positions;
    struct enc_mark *calls;
    uint32_t n_calls, cap_calls;
};

/* Makes room for one more element; false when out of memory (enc.status says so). */
bool enc_grow_slow(struct enc *e, void **array, uint32_t *cap, size_t size);

static inline bool enc_grow(struct enc *e, void **array, uint32_t n, uint32_t *cap, size_t size)
{
    return n < *cap || enc_grow_slow(e, array, cap, size);
}

/* Room for any one instruction with what the encoder makes of it; false: enc.status. */
bool enc_reserve_slow(struct enc *e);

static inline bool enc_reserve(struct enc *e)
{
    return e->a.cap_bytes - e->a.len_bytes >= 8 * ASM_MAX_BYTES || enc_reserve_slow(e);
}

static inline struct enc_mark enc_here(const struct enc *e)
{
    return (struct enc_mark){e->a.len_bytes, e->n_sites};
}

uint32_t enc_label(struct enc *e); /* a new one, not yet placed */
void enc_place(struct enc *e, uint32_t label);
void enc_jump(struct enc *e, uint32_t label);
void enc_jcc(struct enc *e, enum x86_cc cc, uint32_t label); /* any condition */
void enc_align(struct enc *e);
void enc_position(struct enc *e, uint32_t wasm); /* ends here: may trap or is a call */
uint32_t enc_const(struct enc *e, uint64_t low, uint64_t high, uint32_t size_bytes);
void enc_fix(struct enc *e, uint32_t tail_bytes, bool is_table, uint32_t id);

/* The rm operand number k of an instruction, whichever mode it has. */
struct asm_rm enc_rm(struct enc *e, const struct mir_inst *inst, uint32_t k, uint32_t *const_id);
uint8_t enc_loc(const struct enc *e, const struct mir_inst *inst, uint32_t k);
/* The row's encoding with another opcode and operand registers as they are. */
void enc_generic(struct enc *e, const struct mir_inst *inst, const struct x86_info *info);
/* A label that traps: a stub behind the function. */
uint32_t enc_trap(struct enc *e, uint8_t trap, uint32_t pos);
struct asm_rm enc_in_args(const struct enc *e, int32_t offset);

void enc_pseudo(struct enc *e, const struct mir_inst *inst);
/* Lays out the frame and says which blocks make it; then: */
status_t enc_plan_frame(struct enc *e);
void enc_prologue(struct enc *e);
void enc_epilogue(struct enc *e);
/* The position of an instruction of the current block, marked if that has no frame. */
uint32_t enc_pos(const struct enc *e, uint32_t wasm);
void enc_lates(struct enc *e);

/* Jumps get their sizes, and all is appended to out. */
status_t enc_finish(struct enc *e, struct code_buf *out);

#define ENC_NO_CONST UINT32_MAX

#endif
