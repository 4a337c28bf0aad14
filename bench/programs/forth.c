/*
 * A Forth: words compiled to threaded code whose inner interpreter calls primitives by pointer, the
 * other way to write an interpreter (interp.c has the switch). State lives in memory between the
 * calls.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define STACK_MAX 500 /* no multiple of 4 KiB lies between what is used together */
#define CODE_MAX 600
#define WORDS_MAX 64
#define VARIABLES 16

struct forth;
typedef void primitive_fn(struct forth *f);

struct word {
    char name[12];
    primitive_fn *call; /* NULL: threaded code from `start` */
    uint32_t start;
};

struct forth {
    uint64_t executed;
    int32_t *sp; /* at the next free cell */
    uint32_t *rp;
    const uint32_t *ip;
    uint32_t code[CODE_MAX];
    uint32_t code_len;
    struct word words[WORDS_MAX];
    uint32_t word_count;
    int32_t variables[VARIABLES];
    int32_t stack[STACK_MAX];
    uint32_t returns[STACK_MAX];
};

static struct forth forth;

static void prim_literal(struct forth *f)
{
    *f->sp++ = (int32_t)*f->ip++;
}

static void prim_add(struct forth *f)
{
    f->sp--;
    f->sp[-1] += f->sp[0];
}

static void prim_sub(struct forth *f)
{
    f->sp--;
    f->sp[-1] -= f->sp[0];
}

static void prim_mul(struct forth *f)
{
    f->sp--;
    f->sp[-1] = (int32_t)((uint32_t)f->sp[-1] * (uint32_t)f->sp[0]);
}

static void prim_mod(struct forth *f)
{
    f->sp--;
    f->sp[-1] %= f->sp[0];
}

static void prim_less(struct forth *f)
{
    f->sp--;
    f->sp[-1] = f->sp[-1] < f->sp[0];
}

static void prim_dup(struct forth *f)
{
    f->sp[0] = f->sp[-1];
    f->sp++;
}

static void prim_drop(struct forth *f)
{
    f->sp--;
}

static void prim_swap(struct forth *f)
{
    int32_t held = f->sp[-1];
    f->sp[-1] = f->sp[-2];
    f->sp[-2] = held;
}

static void prim_over(struct forth *f)
{
    f->sp[0] = f->sp[-2];
    f->sp++;
}

static void prim_fetch(struct forth *f)
{
    f->sp[-1] = f->variables[(uint32_t)f->sp[-1] % VARIABLES];
}

static void prim_store(struct forth *f)
{
    f->sp -= 2;
    f->variables[(uint32_t)f->sp[1] % VARIABLES] = f->sp[0];
}

static void prim_branch(struct forth *f)
{
    f->ip = f->code + *f->ip;
}

static void prim_branch_zero(struct forth *f)
{
    f->ip = *--f->sp ? f->ip + 1 : f->code + *f->ip;
}

static void prim_return(struct forth *f)
{
    f->ip = f->code + *--f->rp;
}

static void word_define(struct forth *f, const char *name, primitive_fn *call)
{
    struct word *w = &f->words[f->word_count++];
    strncpy(w->name, name, sizeof w->name - 1);
    w->call = call;
    w->start = f->code_len;
}

static uint32_t word_find(const struct forth *f, const char *name)
{
    for (uint32_t i = f->word_count; i-- > 0;)
        if (strcmp(f->words[i].name, name) == 0)
            return i;
    abort();
}

static void code_add(struct forth *f, uint32_t cell)
{
    if (f->code_len == CODE_MAX)
        abort();
    f->code[f->code_len++] = cell;
}

/* Compiles one token; `open` is the stack of places that if, else and begin leave behind. */
static void token_compile(struct forth *f, const char *token, uint32_t **open)
{
    if (strcmp(token, "if") == 0) {
        code_add(f, word_find(f, "0branch"));
        *(*open)++ = f->code_len;
        code_add(f, 0);
    } else if (strcmp(token, "else") == 0) {
        code_add(f, word_find(f, "branch"));
        code_add(f, 0);
        f->code[(*open)[-1]] = f->code_len;
        (*open)[-1] = f->code_len - 1;
    } else if (strcmp(token, "then") == 0) {
        f->code[*--*open] = f->code_len;
    } else if (strcmp(token, "begin") == 0) {
        *(*open)++ = f->code_len;
    } else if (strcmp(token, "until") == 0) {
        code_add(f, word_find(f, "0branch"));
        code_add(f, *--*open);
    } else if (*token >= '0' && *token <= '9') {
        code_add(f, word_find(f, "literal"));
        code_add(f, (uint32_t)strtol(token, NULL, 10));
    } else {
        code_add(f, word_find(f, token));
    }
}

static void source_compile(struct forth *f, const char *source)
{
    char token[12];
    uint32_t open_places[16];
    uint32_t *open = open_places;
    int is_naming = 0;
    while (*source) {
        uint32_t len = 0;
        while (*source && *source != ' ' && len < sizeof token - 1)
            token[len++] = *source++;
        token[len] = 0;
        while (*source == ' ')
            source++;
        if (is_naming)
            word_define(f, token, NULL);
        is_naming = !is_naming && strcmp(token, ":") == 0;
        int was_name = f->word_count && f->code_len == f->words[f->word_count - 1].start &&
                       strcmp(token, f->words[f->word_count - 1].name) == 0 &&
                       !f->words[f->word_count - 1].call;
        if (is_naming || was_name)
            continue;
        if (strcmp(token, ";") == 0)
            code_add(f, word_find(f, "return"));
        else
            token_compile(f, token, &open);
    }
}

static int32_t word_run(struct forth *f, const char *name, int32_t argument)
{
    f->sp = f->stack;
    f->rp = f->returns;
    *f->sp++ = argument;
    *f->rp++ = CODE_MAX - 1; /* whoever returns there has finished */
    f->ip = f->code + f->words[word_find(f, name)].start;
    while (f->ip != f->code + CODE_MAX - 1) {
        const struct word *w = &f->words[*f->ip++];
        f->executed++;
        if (w->call) {
            w->call(f);
        } else {
            *f->rp++ = (uint32_t)(f->ip - f->code);
            f->ip = f->code + w->start;
        }
    }
    return f->sp[-1];
}

static const char source[] =
    ": fib dup 2 < if else dup 1 - fib swap 2 - fib + then ; "
    ": gcd begin swap over mod dup 0 swap < if 0 else 1 then until drop ; "
    ": gcds 0 1 ! begin dup 360 gcd 1 @ + 1 ! 1 - dup 1 < until drop 1 @ ; "
    ": lcg 7 2 ! begin 2 @ 1103 * 12345 + 65536 mod 2 ! 1 - dup 1 < until drop 2 @ ; ";

static void primitives_define(struct forth *f)
{
    static const struct {
        const char *name;
        primitive_fn *call;
    } primitives[] = {
        {"literal", prim_literal}, {"+", prim_add},
        {"-", prim_sub},           {"*", prim_mul},
        {"mod", prim_mod},         {"<", prim_less},
        {"dup", prim_dup},         {"drop", prim_drop},
        {"swap", prim_swap},       {"over", prim_over},
        {"@", prim_fetch},         {"!", prim_store},
        {"branch", prim_branch},   {"0branch", prim_branch_zero},
        {"return", prim_return},
    };
    for (uint32_t i = 0; i < sizeof primitives / sizeof *primitives; i++)
        word_define(f, primitives[i].name, primitives[i].call);
}

static uint64_t forth_run(uint32_t n)
{
    memset(&forth, 0, sizeof forth);
    primitives_define(&forth);
    source_compile(&forth, source);
    uint64_t sum = (uint64_t)word_run(&forth, "fib", (int32_t)n);
    sum = bench_mix(sum, (uint64_t)word_run(&forth, "gcds", 10000));
    sum = bench_mix(sum, (uint64_t)word_run(&forth, "lcg", 100000));
    return bench_mix(sum, forth.executed);
}

int main(void)
{
    return bench_run(forth_run, 24);
}
