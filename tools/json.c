/*
 * A reader for JSON. Recursive descent with a limit on depth; all it makes lies in blocks that
 * the document owns.
 */
#include "tools/json.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64u
#define BLOCK_BYTES ((size_t)1 << 16)

struct block {
    struct block *next;
    size_t used, cap;
    char bytes[];
};

struct json_document {
    struct block *blocks;
    struct json *root;
};

struct reader {
    struct json_document *document;
    const char *at, *end;
    uint32_t depth;
};

static struct json *value_read(struct reader *r);

static void *block_alloc(struct json_document *document, size_t len_bytes)
{
    len_bytes = (len_bytes + 7) & ~(size_t)7;
    struct block *block = document->blocks;
    if (block == NULL || block->cap - block->used < len_bytes) {
        size_t cap = len_bytes > BLOCK_BYTES ? len_bytes : BLOCK_BYTES;
        block = malloc(sizeof *block + cap);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct block){.next = document->blocks, .cap = cap};
        document->blocks = block;
    }
    void *p = block->bytes + block->used;
    block->used += len_bytes;
    return p;
}

static void blanks_skip(struct reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) {
        r->at++;
    }
}

static bool take(struct reader *r, char c)
{
    blanks_skip(r);
    if (r->at < r->end && *r->at == c) {
        r->at++;
        return true;
    }
    return false;
}

static struct json *value_new(struct reader *r, enum json_kind kind)
{
    struct json *value = block_alloc(r->document, sizeof *value);
    if (value != NULL) {
        *value = (struct json){.kind = kind};
    }
    return value;
}

/* ---- strings ---- */

static bool hex4_read(struct reader *r, uint32_t *out)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        if (r->at == r->end) {
            return false;
        }
        char c = *r->at++;
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (uint32_t)((c | 0x20) - 'a') + 10;
        } else {
            return false;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

/* Behind \u: one code point, of two escapes if the first is a high surrogate. */
static bool code_point_read(struct reader *r, uint32_t *out)
{
    uint32_t low;
    if (!hex4_read(r, out)) {
        return false;
    }
    if (*out < 0xd800 || *out > 0xdbff) {
        return true;
    }
    if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u') {
        return false;
    }
    r->at += 2;
    if (!hex4_read(r, &low) || low < 0xdc00 || low > 0xdfff) {
        return false;
    }
    *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static char *utf8_put(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

static bool escape_read(struct reader *r, char **to)
{
    static const char from_letters[] = "\"\\/bfnrt", to_bytes[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->end) {
        return false;
    }
    char c = *r->at++;
    if (c == 'u') {
        uint32_t code_point;
        if (!code_point_read(r, &code_point)) {
            return false;
        }
        *to = utf8_put(*to, code_point);
        return true;
    }
    const char *letter = c == '\0' ? NULL : strchr(from_letters, c);
    if (letter == NULL) {
        return false;
    }
    *(*to)++ = to_bytes[letter - from_letters];
    return true;
}

/* Behind the opening quote. What is decoded is never longer than what stands there. */
static bool string_read(struct reader *r, const char **bytes, uint32_t *len_bytes)
{
    const char *close = r->at;
    while (close < r->end && *close != '"') {
        close += *close == '\\' && close + 1 < r->end ? 2 : 1;
    }
    if (close >= r->end) {
        return false;
    }
    char *copy = block_alloc(r->document, (size_t)(close - r->at) + 1);
    if (copy == NULL) {
        return false;
    }
    char *to = copy;
    while (*r->at != '"') {
        char c = *r->at++;
        if (c == '\\') {
            if (!escape_read(r, &to)) {
                return false;
            }
        } else {
            *to++ = c;
        }
    }
    r->at++;
    *bytes = copy;
    *len_bytes = (uint32_t)(to - copy);
    return true;
}

/* ---- values ---- */

static struct json *word_read(struct reader *r, const char *word, enum json_kind kind)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0) {
        return NULL;
    }
    r->at += len;
    return value_new(r, kind);
}

static struct json *number_read(struct reader *r)
{
    const char *start = r->at;
    while (r->at < r->end && *r->at != '\0' && strchr("+-.eE0123456789", *r->at) != NULL) {
        r->at++;
    }
    struct json *value = r->at == start ? NULL : value_new(r, JSON_NUMBER);
    if (value != NULL) {
        value->bytes = start;
        value->len_bytes = (uint32_t)(r->at - start);
    }
    return value;
}

static struct json *member_read(struct reader *r, bool is_object)
{
    const char *name = NULL;
    uint32_t name_bytes = 0;
    if (is_object && (!take(r, '"') || !string_read(r, &name, &name_bytes) || !take(r, ':'))) {
        return NULL;
    }
    struct json *value = value_read(r);
    if (value != NULL) {
        value->name = name;
        value->name_bytes = name_bytes;
    }
    return value;
}

/* Behind the opening bracket. */
static struct json *members_read(struct reader *r, bool is_object)
{
    char close = is_object ? '}' : ']';
    struct json *value = value_new(r, is_object ? JSON_OBJECT : JSON_ARRAY);
    if (value == NULL || take(r, close)) {
        return value;
    }
    struct json **link = &value->first;
    do {
        *link = member_read(r, is_object);
        if (*link == NULL) {
            return NULL;
        }
        link = &(*link)->next;
    } while (take(r, ','));
    return take(r, close) ? value : NULL;
}

static struct json *nested_read(struct reader *r, bool is_object)
{
    if (r->depth == DEPTH_MAX) {
        return NULL;
    }
    r->at++;
    r->depth++;
    struct json *value = members_read(r, is_object);
    r->depth--;
    return value;
}

// NOLINTNEXTLINE(misc-no-recursion)
static struct json *value_read(struct reader *r)
{
    blanks_skip(r);
    if (r->at == r->end) {
        return NULL;
    }
    switch (*r->at) {
    case '{':
    case '[': return nested_read(r, *r->at == '{');
    case '"': {
        r->at++;
        struct json *value = value_new(r, JSON_STRING);
        return value != NULL && string_read(r, &value->bytes, &value->len_bytes) ? value : NULL;
    }
    case 't': return word_read(r, "true", JSON_TRUE);
    case 'f': return word_read(r, "false", JSON_FALSE);
    case 'n': return word_read(r, "null", JSON_NULL);
    default: return number_read(r);
    }
}

struct json_document *json_read(const char *text, size_t len_bytes, size_t *error_offset)
{
    struct json_document *document = calloc(1, sizeof *document);
    if (document == NULL) {
        *error_offset = 0;
        return NULL;
    }
    struct reader r = {.document = document, .at = text, .end = text + len_bytes};
    document->root = value_read(&r);
    blanks_skip(&r);
    if (document->root == NULL || r.at != r.end) {
        *error_offset = (size_t)(r.at - text);
        json_free(document);
        return NULL;
    }
    return document;
}

const struct json *json_root(const struct json_document *document)
{
    return document->root;
}

void json_free(struct json_document *document)
{
    for (struct block *block = document->blocks; block != NULL;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(document);
}

/* ---- looking ---- */

const struct json *json_get(const struct json *object, const char *name)
{
    if (object == NULL || object->kind != JSON_OBJECT) {
        return NULL;
    }
    size_t len = strlen(name);
    for (const struct json *value = object->first; value != NULL; value = value->next) {
        if (value->name_bytes == len && memcmp(value->name, name, len) == 0) {
            return value;
        }
    }
    return NULL;
}

bool json_is(const struct json *value, const char *text)
{
    size_t len = strlen(text);
    return value != NULL && value->kind == JSON_STRING && value->len_bytes == len &&
           memcmp(value->bytes, text, len) == 0;
}

bool json_u64(const struct json *value, uint64_t *out)
{
    if (value == NULL || (value->kind != JSON_NUMBER && value->kind != JSON_STRING) ||
        value->len_bytes == 0) {
        return false;
    }
    uint64_t number = 0;
    for (uint32_t i = 0; i < value->len_bytes; i++) {
        char c = value->bytes[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(c - '0'), &number)) {
            return false;
        }
    }
    *out = number;
    return true;
}
