/*
 * The texts of errors.def.
 */
#include "base/status.h"

const char *status_text(status_t status)
{
    switch (status) {
    case STATUS_OK: return "ok";
#define ERR(name, number, text)                                                                    \
    case ERR_##name: return text;
#include "base/errors.def"
#undef ERR
    default: return "unknown status";
    }
}
