/*
 * The pseudo instructions of floats, for the table of encode_pseudo.c.
 */
#ifndef ENGINE_TARGET_X86_64_ENCODE_FLOAT_H
#define ENGINE_TARGET_X86_64_ENCODE_FLOAT_H

#include "engine/target/x86_64/encode.h"

void enc_float_select(struct enc *e, const struct mir_inst *inst);
void enc_float_minmax(struct enc *e, const struct mir_inst *inst);
void enc_float_trunc(struct enc *e, const struct mir_inst *inst);
void enc_float_cvtu64(struct enc *e, const struct mir_inst *inst);

/* The rest of the last three, of LATE_FLOAT; *late is not in e->lates, which may move. */
void enc_float_late(struct enc *e, const struct enc_late *late);

#endif
