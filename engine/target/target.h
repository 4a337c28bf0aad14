/*
 * A CPU, as the rest of the compiler sees it. A new one implements this struct in a folder of its
 * own; nothing in front of it changes.
 */
#ifndef ENGINE_TARGET_TARGET_H
#define ENGINE_TARGET_TARGET_H

#include "engine/compile.h"
#include "engine/ra/mir.h"

/* In a position's wasm offset: the code there runs before its function's frame is made. */
#define POSITION_FRAMELESS 0x80000000u

/*
 * Machine code of one function or thunk being written. Offsets are from the start of bytes. All
 * arrays are the caller's, of fixed size: what doesn't fit any more is ERR_NO_MEMORY.
 */
struct code_buf {
    uint8_t *bytes;
    uint32_t len_bytes, cap_bytes;
    uint32_t *call_sites; /* rel32 fields that hold the callee's funcidx, to be resolved */
    uint32_t n_call_sites, cap_call_sites;
    /*
     * (code offset of the instruction's END, wasm offset) for everything that may trap or call,
     * in ascending order of code. So a fault at ip belongs to the first position with code > ip,
     * and a return address is the code of its call's position. ud2's end is that of its kind byte.
     */
    struct code_position {
        uint32_t code, wasm;
    } *positions;
    uint32_t n_positions, cap_positions;
    uint32_t frame_bytes; /* answer: see engine_image_func */
};

struct target {
    const char *name;
    uint32_t elf_machine;
    uint32_t code_align; /* of functions, bytes */

    /* Registers for this module and these options. */
    void (*machine)(const struct compile *cx, struct ra_machine *out);

    /*
     * Instruction selection: the blocks of fn in the given layout order become mf. order[i] is
     * the SSA block at place i; critical edges are split (a block with one predecessor and one
     * successor may be empty). n_uses[v] counts the uses of each value.
     */
    status_t (*select)(struct compile *cx, const uint32_t *order, uint32_t n_order,
                       const uint32_t *n_uses, struct mir_func *mf);

    /* Writes allocated code, constants behind it; appends to out, whose length is a multiple of
     * code_align. Its scratch memory is cx->arena's. ERR_NO_MEMORY, ERR_LIMIT. */
    status_t (*encode)(struct compile *cx, const struct mir_func *mf, struct arena *arena,
                       struct code_buf *out);

    /* The three thunks of a type, see struct engine_image_thunks. */
    status_t (*entry_thunk)(const struct engine_functype *type, struct arena *arena,
                            struct code_buf *out);
    status_t (*host_thunk)(const struct engine_functype *type, struct arena *arena,
                           struct code_buf *out);
    status_t (*cross_thunk)(const struct engine_functype *type, struct arena *arena,
                            struct code_buf *out);
    /* Where direct calls of an imported function go: on to what its slot holds, at this offset from
     * P. It has no frame. */
    status_t (*import_thunk)(int32_t slot, struct code_buf *out);

    /* Names of opcodes, for dumps. */
    const char *(*op_name)(uint16_t op);
};

extern const struct target target_x86_64;

#endif
