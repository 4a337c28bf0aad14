/*
 * The front of a compiler: a scanner for a C-like language (character classes, keywords by a
 * switch, numbers, strings, comments) and a parser of expressions by precedence that folds them.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define SOURCE_BYTES (1 << 18)

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_KEYWORD,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_PERCENT,
    TOKEN_LESS,
    TOKEN_EQUAL,
    TOKEN_ASSIGN,
    TOKEN_SHIFT,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_SEMICOLON,
    TOKEN_KINDS,
};

struct scanner {
    const char *pos;
    enum token_kind kind;
    int64_t value;
    uint64_t names_sum;
    uint32_t counts[TOKEN_KINDS];
};

static char source[SOURCE_BYTES + 256];

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_keyword(const char *name, uint32_t len)
{
    switch (len << 8 | (uint8_t)*name) {
    case 2 << 8 | 'i': return name[1] == 'f';
    case 3 << 8 | 'i': return memcmp(name, "int", 3) == 0;
    case 3 << 8 | 'f': return memcmp(name, "for", 3) == 0;
    case 4 << 8 | 'e': return memcmp(name, "else", 4) == 0;
    case 5 << 8 | 'w': return memcmp(name, "while", 5) == 0;
    case 6 << 8 | 'r': return memcmp(name, "return", 6) == 0;
    default: return 0;
    }
}

static void blanks_skip(struct scanner *s)
{
    for (;;) {
        while (*s->pos == ' ' || *s->pos == '\n' || *s->pos == '\t')
            s->pos++;
        if (s->pos[0] != '/' || s->pos[1] != '*')
            return;
        for (s->pos += 2; s->pos[0] != '*' || s->pos[1] != '/'; s->pos++)
            ;
        s->pos += 2;
    }
}

static enum token_kind name_scan(struct scanner *s)
{
    const char *start = s->pos;
    uint32_t hash = 0;
    while (is_letter(*s->pos) || is_digit(*s->pos))
        hash = hash * 31 + (uint8_t)*s->pos++;
    s->value = hash % 1000;
    s->names_sum += hash;
    return is_keyword(start, (uint32_t)(s->pos - start)) ? TOKEN_KEYWORD : TOKEN_NAME;
}

static enum token_kind number_scan(struct scanner *s)
{
    int64_t value = 0;
    if (s->pos[0] == '0' && s->pos[1] == 'x') {
        for (s->pos += 2; is_digit(*s->pos) || (*s->pos >= 'a' && *s->pos <= 'f'); s->pos++)
            value = value * 16 + (is_digit(*s->pos) ? *s->pos - '0' : *s->pos - 'a' + 10);
    } else {
        while (is_digit(*s->pos))
            value = value * 10 + (*s->pos++ - '0');
    }
    s->value = value;
    return TOKEN_NUMBER;
}

static enum token_kind token_scan(struct scanner *s)
{
    blanks_skip(s);
    char c = *s->pos;
    if (is_letter(c))
        return name_scan(s);
    if (is_digit(c))
        return number_scan(s);
    if (c == 0)
        return TOKEN_END;
    s->pos++;
    switch (c) {
    case '+': return TOKEN_PLUS;
    case '-': return TOKEN_MINUS;
    case '*': return TOKEN_STAR;
    case '/': return TOKEN_SLASH;
    case '%': return TOKEN_PERCENT;
    case '&': return TOKEN_AND;
    case '|': return TOKEN_OR;
    case '(': return TOKEN_OPEN;
    case ')': return TOKEN_CLOSE;
    case ';': return TOKEN_SEMICOLON;
    case '<':
        if (*s->pos != '<')
            return TOKEN_LESS;
        s->pos++;
        return TOKEN_SHIFT;
    case '=':
        if (*s->pos != '=')
            return TOKEN_ASSIGN;
        s->pos++;
        return TOKEN_EQUAL;
    case '"':
        while (*s->pos != '"')
            s->pos += *s->pos == '\\' ? 2 : 1;
        s->pos++;
        return TOKEN_STRING;
    default: abort();
    }
}

static void token_next(struct scanner *s)
{
    s->kind = token_scan(s);
    s->counts[s->kind]++;
}

/* How tightly an infix binds; 0: not an operator. */
static const uint8_t precedence[TOKEN_KINDS] = {
    [TOKEN_ASSIGN] = 1, [TOKEN_OR] = 2,    [TOKEN_AND] = 3,     [TOKEN_EQUAL] = 4,
    [TOKEN_LESS] = 5,   [TOKEN_SHIFT] = 6, [TOKEN_PLUS] = 7,    [TOKEN_MINUS] = 7,
    [TOKEN_STAR] = 8,   [TOKEN_SLASH] = 8, [TOKEN_PERCENT] = 8,
};

static int64_t operator_fold(enum token_kind kind, int64_t a, int64_t b)
{
    switch ((uint32_t)kind) {
    case TOKEN_PLUS: return (a + b) & INT32_MAX;
    case TOKEN_MINUS: return (a - b) & INT32_MAX;
    case TOKEN_STAR: return (a * b) & INT32_MAX;
    case TOKEN_SLASH: return b ? a / b : 0;
    case TOKEN_PERCENT: return b ? a % b : 0;
    case TOKEN_LESS: return a < b;
    case TOKEN_EQUAL: return a == b;
    case TOKEN_SHIFT: return (a << (b & 7)) & INT32_MAX;
    case TOKEN_AND: return a & b;
    case TOKEN_OR: return a | b;
    default: return b;
    }
}

static int64_t expression_parse(struct scanner *s, uint32_t least);

static int64_t operand_parse(struct scanner *s)
{
    int64_t value = s->value;
    if (s->kind == TOKEN_OPEN) {
        token_next(s);
        value = expression_parse(s, 1);
        if (s->kind != TOKEN_CLOSE)
            abort();
    } else if (s->kind == TOKEN_STRING) {
        value = 1;
    }
    token_next(s);
    return value;
}

static int64_t expression_parse(struct scanner *s, uint32_t least)
{
    int64_t value = operand_parse(s);
    while (precedence[s->kind] >= least) {
        enum token_kind infix = s->kind;
        token_next(s);
        value = operator_fold(infix, value, expression_parse(s, precedence[infix] + 1u));
    }
    return value;
}

static uint64_t tokenizer_run(uint32_t times)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < times; n++) {
        struct scanner s = {.pos = source};
        token_next(&s);
        while (s.kind != TOKEN_END) {
            if (s.kind == TOKEN_KEYWORD)
                token_next(&s);
            sum = bench_mix(sum, (uint64_t)expression_parse(&s, 1));
            token_next(&s);
        }
        sum = bench_mix(sum, s.names_sum);
        for (int i = 0; i < TOKEN_KINDS; i++)
            sum = bench_mix(sum, s.counts[i]);
    }
    return sum;
}

int main(void)
{
    static const char *const names[] = {"x", "count", "buffer_len", "i", "node", "Parser_state_9"};
    static const char *const operators[] = {"+",   "-",    " * ", "/", "%",
                                            " < ", " == ", "<<",  "&", " | "};
    uint32_t seed = 29, len = 0;
    while (len < SOURCE_BYTES) {
        uint32_t r = bench_rand(&seed);
        const char *op1 = operators[r % 10], *op2 = operators[r / 16 % 10];
        const char *name = names[r / 256 % 6];
        if (r & 1)
            len += (uint32_t)sprintf(source + len, "int %s = (%u %s %s) %s 0x%x; /* %u */\n", name,
                                     r % 977, op1, name, op2, r % 4096, r % 100);
        else
            len += (uint32_t)sprintf(source + len, "return %s %s\t\"text\\n\" %s (%s %s 7) ;", name,
                                     op1, op2, name, op1);
    }
    return bench_run(tokenizer_run, 10);
}
