/*
 * A JSON parser: recursive descent over a generated text, a tree of values in an arena, then a walk
 * over the tree. A switch on bytes, short loops over digits and letters, small copies.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define TEXT_BYTES (1 << 20)
#define DEPTH_MAX 32

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_kind kind;
    uint32_t len;     /* bytes of a string, members of an array or object */
    const char *name; /* as a member of an object */
    uint32_t name_len;
    union {
        double number;
        const char *text;
        struct json *first;
    };
    struct json *next;
};

struct parser {
    const char *pos, *end;
    char *arena, *arena_end;
    uint32_t depth;
    int failed;
};

static char text[TEXT_BYTES + 256];
static char arena[8 * TEXT_BYTES];

static void *arena_alloc(struct parser *p, uint32_t bytes)
{
    char *block = p->arena;
    bytes = (bytes + 7) & ~7u;
    if ((uint32_t)(p->arena_end - block) < bytes)
        abort();
    p->arena += bytes;
    return block;
}

static void blanks_skip(struct parser *p)
{
    while (p->pos < p->end && (*p->pos == ' ' || *p->pos == '\n' || *p->pos == '\t'))
        p->pos++;
}

static int char_take(struct parser *p, char c)
{
    blanks_skip(p);
    if (p->pos >= p->end || *p->pos != c)
        return 0;
    p->pos++;
    return 1;
}

static uint32_t hex_digit(char c)
{
    return c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 32) - 'a' + 10);
}

/* The character after a backslash; \u is taken as Latin-1, as the generator writes no other. */
static char escape_parse(struct parser *p)
{
    char c = *p->pos++;
    switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'u': {
        uint32_t code = 0;
        for (int i = 0; i < 4; i++)
            code = code * 16 + hex_digit(*p->pos++);
        return (char)code;
    }
    default: return c;
    }
}

static const char *string_parse(struct parser *p, uint32_t *len)
{
    const char *close = p->pos;
    while (close < p->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    char *out = arena_alloc(p, (uint32_t)(close - p->pos) + 1);
    char *at = out;
    while (p->pos < close) {
        char c = *p->pos++;
        *at++ = c == '\\' ? escape_parse(p) : c;
    }
    *at = 0;
    p->pos++;
    *len = (uint32_t)(at - out);
    return out;
}

static double number_parse(struct parser *p)
{
    int negative = *p->pos == '-';
    p->pos += negative;
    double value = 0;
    while (*p->pos >= '0' && *p->pos <= '9')
        value = value * 10 + (*p->pos++ - '0');
    if (*p->pos == '.') {
        double unit = 1;
        for (p->pos++; *p->pos >= '0' && *p->pos <= '9'; p->pos++) {
            unit *= 10;
            value = value * 10 + (*p->pos - '0');
        }
        value /= unit;
    }
    return negative ? -value : value;
}

static int word_take(struct parser *p, const char *word, uint32_t len)
{
    if ((uint32_t)(p->end - p->pos) < len || memcmp(p->pos, word, len) != 0)
        return 0;
    p->pos += len;
    return 1;
}

static struct json *value_parse(struct parser *p);

static void members_parse(struct parser *p, struct json *parent, char close)
{
    struct json **link = &parent->first;
    *link = NULL;
    if (char_take(p, close))
        return;
    do {
        const char *name = NULL;
        uint32_t name_len = 0;
        if (close == '}') {
            p->failed |= !char_take(p, '"');
            name = string_parse(p, &name_len);
            p->failed |= !char_take(p, ':');
        }
        struct json *member = value_parse(p);
        member->name = name;
        member->name_len = name_len;
        *link = member;
        link = &member->next;
        parent->len++;
    } while (!p->failed && char_take(p, ','));
    p->failed |= !char_take(p, close);
}

static struct json *value_parse(struct parser *p)
{
    struct json *v = arena_alloc(p, sizeof *v);
    memset(v, 0, sizeof *v);
    blanks_skip(p);
    if (p->pos >= p->end || p->depth++ > DEPTH_MAX) {
        p->failed = 1;
        return v;
    }
    switch (*p->pos) {
    case '{':
        p->pos++;
        v->kind = JSON_OBJECT;
        members_parse(p, v, '}');
        break;
    case '[':
        p->pos++;
        v->kind = JSON_ARRAY;
        members_parse(p, v, ']');
        break;
    case '"':
        p->pos++;
        v->kind = JSON_STRING;
        v->text = string_parse(p, &v->len);
        break;
    case 't':
        v->kind = JSON_TRUE;
        p->failed |= !word_take(p, "true", 4);
        break;
    case 'f':
        v->kind = JSON_FALSE;
        p->failed |= !word_take(p, "false", 5);
        break;
    case 'n':
        v->kind = JSON_NULL;
        p->failed |= !word_take(p, "null", 4);
        break;
    default:
        v->kind = JSON_NUMBER;
        v->number = number_parse(p);
        break;
    }
    p->depth--;
    return v;
}

static uint64_t value_sum(const struct json *v, uint64_t sum)
{
    sum = bench_mix(sum, (uint64_t)v->kind * 31 + v->name_len);
    if (v->kind == JSON_NUMBER)
        return bench_mix(sum, bench_bits(v->number));
    if (v->kind == JSON_STRING)
        return bench_mix(sum, v->len + (v->len ? (uint8_t)v->text[v->len / 2] : 0));
    if (v->kind == JSON_ARRAY || v->kind == JSON_OBJECT)
        for (const struct json *m = v->first; m; m = m->next)
            sum = value_sum(m, sum);
    return sum;
}

static uint64_t json_run(uint32_t len)
{
    uint64_t sum = 0;
    for (int times = 0; times < 6; times++) {
        struct parser p = {text, text + len, arena, arena + sizeof arena, 0, 0};
        const struct json *root = value_parse(&p);
        sum = bench_mix(sum, p.failed ? 0 : value_sum(root, root->len));
    }
    return sum;
}

/* An array of records like those of a web service's answer. */
static uint32_t text_generate(void)
{
    static const char *const names[] = {"ada", "grace", "edsger", "tony", "barbara", "donald"};
    uint32_t seed = 3, len = 0;
    text[len++] = '[';
    for (uint32_t id = 0; len < TEXT_BYTES - 256; id++) {
        if (id)
            text[len++] = ',';
        len += (uint32_t)sprintf(
            text + len,
            "\n  {\"id\": %u, \"name\": \"%s\\u0041 \\\"%u\\\"\", \"active\": %s, \"score\": "
            "%s%u.%03u,"
            " \"tags\": [\"a\\tb\", \"x%u\", null], \"place\": {\"x\": %u, \"y\": -%u.5}}",
            id, names[bench_rand(&seed) % 6], bench_rand(&seed) % 1000,
            bench_rand(&seed) % 2 ? "true" : "false", bench_rand(&seed) % 2 ? "-" : "",
            bench_rand(&seed) % 100000, bench_rand(&seed) % 1000, bench_rand(&seed),
            bench_rand(&seed) % 640, bench_rand(&seed) % 480);
    }
    text[len++] = ']';
    return len;
}

int main(void)
{
    return bench_run(json_run, text_generate());
}
