/*
 * status_t: how everything in Tokamak says whether it worked.
 *
 * 0 is success, a negative number is one row of errors.def. Values leave a function through
 * out-pointers; a status that is ignored is a compile error.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

enum status_code {
    STATUS_OK = 0,
#define ERR(name, number, text) ERR_##name = (number),
#include "base/errors.def"
#undef ERR
};

typedef int status_t;

#define MUST_CHECK [[nodiscard]]

/* The text of a status, in English, never null; static storage. */
const char *status_text(status_t status);

#endif
