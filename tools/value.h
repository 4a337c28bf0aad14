/*
 * Values on the command line.
 */
#ifndef TOOLS_VALUE_H
#define TOOLS_VALUE_H

#include "kernel/embed.h"

/* Reads a number as an argument of that type; false if it isn't one, or the type has no text. */
bool value_read(const char *text, uint8_t valtype, union engine_value *out);
void value_print(const union engine_value *value, uint8_t valtype);

#endif
