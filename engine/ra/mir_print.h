/*
 * The text of machine instructions, before or after allocation; for people.
 *
 *   b2: (b1, b4) loop b2 depth 1       predecessors, innermost loop
 *     params v7
 *     [r12 -> slot v9]                 a move that the allocator inserted
 *     5: v8 rax tied 1 = add, v7 rax, v3 rdi
 *     -> b3, b4(v8)
 */
#ifndef ENGINE_RA_MIR_PRINT_H
#define ENGINE_RA_MIR_PRINT_H

#include "engine/ra/mir.h"
#include "engine/ssa/ssa.h"

void mir_print(const struct mir_func *mf, const struct ra_machine *machine,
               const char *(*op_name)(uint16_t op), const struct ssa_text *to);

#endif
