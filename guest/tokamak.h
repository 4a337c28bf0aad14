/*
 * What a program written in C for Tokamak includes.
 *
 * A program either has a `_start`, which runs to its end and may wait in between, or a handler
 * (TK_HANDLER), which is given one message at a time. It finds its capabilities at handles 1, 2, and
 * so on, in the order in which whoever made it gave them.
 *
 * Compiled with -mmultivalue -Xclang -target-abi -Xclang experimental-mv: messages are returned in
 * registers.
 */
#ifndef TOKAMAK_H
#define TOKAMAK_H

#include <stddef.h>
#include <stdint.h>

#include "abi/object.h"
#include "tokamak_calls.h"

/* base/errors.def */
enum tk_status {
    TK_OK = 0,
#define ERR(name, number, text) TK_ERR_##name = (number),
#include "base/errors.def"
#undef ERR
};

#define TK_NEVER INT64_MAX

/* What a handler answers with: a status, which is the two programs' business, and four words. */
struct tk_results {
    int64_t status;
    uint64_t w0, w1, w2, w3;
};

/*
 * TK_HANDLER(badge, tag, w0, w1, w2, w3) { ...; return (struct tk_results){status, w0, w1, w2, w3}; }
 */
#define TK_HANDLER(badge, tag, w0, w1, w2, w3)                                                     \
    __attribute__((export_name("handle"))) struct tk_results handle(                               \
        uint64_t badge, uint64_t tag, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)

#define TK_START __attribute__((export_name("_start"))) void _start(void)

#endif
