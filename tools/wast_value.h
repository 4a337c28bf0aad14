/*
 * Values of test scripts: arguments, expected results, and what came instead.
 */
#ifndef TOOLS_WAST_VALUE_H
#define TOOLS_WAST_VALUE_H

#include "kernel/embed.h"
#include "tools/json.h"

/* An argument of a script, for a parameter of that type; false: it isn't one. */
bool wast_value_read(const struct json *argument, uint8_t valtype, union engine_value *out);
/* Whether a result of that type is what is expected. */
bool wast_value_matches(const struct json *expected, uint8_t valtype,
                        const union engine_value *got);
/* As text, for messages. */
void wast_value_text(const union engine_value *value, uint8_t valtype, char *text, size_t cap);

#endif
