/*
 * A reader for JSON (RFC 8259), for test scripts. Strings may hold any code point, U+0000 too, so
 * they have a length; names of members are compared by it.
 */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind : uint8_t {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json {
    enum json_kind kind;
    uint32_t len_bytes;  /* of bytes */
    const char *bytes;   /* of a string, decoded; of a number, as it stands */
    uint32_t name_bytes; /* of name: within an object */
    const char *name;
    struct json *first, *next; /* children; siblings */
};

/* A whole document, or null, and *error_offset is where it went wrong. Free it with json_free. */
struct json_document;
struct json_document *json_read(const char *text, size_t len_bytes, size_t *error_offset);
const struct json *json_root(const struct json_document *document);
void json_free(struct json_document *document);

/* A member of an object; null if there is none (or it isn't one). */
const struct json *json_get(const struct json *object, const char *name);
bool json_is(const struct json *value, const char *text); /* that string */
/* A number, or a string of digits; false when it isn't a whole number from 0 to 2^64 - 1. */
bool json_u64(const struct json *value, uint64_t *out);

#endif
