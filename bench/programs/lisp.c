/*
 * A small Lisp: reader, evaluator over cells, and a program with recursion, closures and lists.
 * Memory is a heap of cells that is thrown away after each round. Tagged values, calls through a
 * table of primitives, linear search of environments.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define CELLS_MAX (1 << 21)
#define SYMBOLS_MAX 128
#define SYMBOL_LEN 16

/* A value: the low two bits say what the rest is. */
typedef uint32_t value;

enum tag { TAG_NUMBER, TAG_CELL, TAG_SYMBOL, TAG_PRIMITIVE };

#define NIL 1u /* cell 0 */

struct cell {
    value head, tail;
};

struct lisp {
    struct cell *cells;
    uint32_t cell_count;
    char symbols[SYMBOLS_MAX][SYMBOL_LEN];
    uint32_t symbol_count;
    value globals[SYMBOLS_MAX];
    value s_quote, s_if, s_lambda, s_define, s_let, s_true;
};

typedef value primitive_fn(struct lisp *l, value args);

static struct lisp lisp;

static enum tag tag_of(value v)
{
    return (enum tag)(v & 3);
}

static value number_make(int32_t n)
{
    return (uint32_t)n << 2 | TAG_NUMBER;
}

static int32_t number_of(value v)
{
    return (int32_t)v >> 2;
}

static struct cell *cell_of(struct lisp *l, value v)
{
    return &l->cells[v >> 2];
}

static value head(struct lisp *l, value v)
{
    return cell_of(l, v)->head;
}

static value tail(struct lisp *l, value v)
{
    return cell_of(l, v)->tail;
}

static value cons(struct lisp *l, value first, value rest)
{
    if (l->cell_count == CELLS_MAX)
        abort();
    l->cells[l->cell_count] = (struct cell){first, rest};
    return l->cell_count++ << 2 | TAG_CELL;
}

static value symbol_intern(struct lisp *l, const char *name, uint32_t len)
{
    for (uint32_t i = 0; i < l->symbol_count; i++)
        if (strncmp(l->symbols[i], name, len) == 0 && l->symbols[i][len] == 0)
            return i << 2 | TAG_SYMBOL;
    if (l->symbol_count == SYMBOLS_MAX || len >= SYMBOL_LEN)
        abort();
    memcpy(l->symbols[l->symbol_count], name, len);
    return l->symbol_count++ << 2 | TAG_SYMBOL;
}

static value read_value(struct lisp *l, const char **at);

static value read_list(struct lisp *l, const char **at)
{
    while (**at == ' ' || **at == '\n')
        ++*at;
    if (**at == ')') {
        ++*at;
        return NIL;
    }
    value first = read_value(l, at);
    return cons(l, first, read_list(l, at));
}

static value read_value(struct lisp *l, const char **at)
{
    while (**at == ' ' || **at == '\n')
        ++*at;
    if (**at == '(') {
        ++*at;
        return read_list(l, at);
    }
    const char *start = *at;
    while (**at && **at != ' ' && **at != '\n' && **at != '(' && **at != ')')
        ++*at;
    if (*start >= '0' && *start <= '9')
        return number_make((int32_t)strtol(start, NULL, 10));
    return symbol_intern(l, start, (uint32_t)(*at - start));
}

static int32_t argument(struct lisp *l, value args, int index)
{
    while (index--)
        args = tail(l, args);
    return number_of(head(l, args));
}

static value truth(struct lisp *l, int is_true)
{
    return is_true ? l->s_true : NIL;
}

static value prim_add(struct lisp *l, value args)
{
    int32_t sum = 0;
    for (; args != NIL; args = tail(l, args))
        sum += number_of(head(l, args));
    return number_make(sum);
}

static value prim_sub(struct lisp *l, value args)
{
    return number_make(argument(l, args, 0) - argument(l, args, 1));
}

static value prim_mul(struct lisp *l, value args)
{
    return number_make((int32_t)((uint32_t)argument(l, args, 0) * (uint32_t)argument(l, args, 1)));
}

static value prim_rem(struct lisp *l, value args)
{
    return number_make(argument(l, args, 0) % argument(l, args, 1));
}

static value prim_less(struct lisp *l, value args)
{
    return truth(l, argument(l, args, 0) < argument(l, args, 1));
}

static value prim_equal(struct lisp *l, value args)
{
    return truth(l, head(l, args) == head(l, tail(l, args)));
}

static value prim_cons(struct lisp *l, value args)
{
    return cons(l, head(l, args), head(l, tail(l, args)));
}

static value prim_head(struct lisp *l, value args)
{
    return head(l, head(l, args));
}

static value prim_tail(struct lisp *l, value args)
{
    return tail(l, head(l, args));
}

static const struct {
    const char *name;
    primitive_fn *call;
} primitives[] = {
    {"+", prim_add},     {"-", prim_sub},     {"*", prim_mul},
    {"rem", prim_rem},   {"<", prim_less},    {"=", prim_equal},
    {"cons", prim_cons}, {"head", prim_head}, {"tail", prim_tail},
};

/* An environment is a list of (symbol . value) pairs; what isn't there is global. */
static value symbol_lookup(struct lisp *l, value symbol, value env)
{
    for (; env != NIL; env = tail(l, env)) {
        value pair = head(l, env);
        if (head(l, pair) == symbol)
            return tail(l, pair);
    }
    return l->globals[symbol >> 2];
}

static value eval(struct lisp *l, value expr, value env);

static value eval_all(struct lisp *l, value exprs, value env)
{
    if (exprs == NIL)
        return NIL;
    value first = eval(l, head(l, exprs), env);
    return cons(l, first, eval_all(l, tail(l, exprs), env));
}

static value env_bind(struct lisp *l, value names, value values, value env)
{
    for (; names != NIL; names = tail(l, names), values = tail(l, values))
        env = cons(l, cons(l, head(l, names), head(l, values)), env);
    return env;
}

/* Tail calls loop. A closure is (lambda-marker . (env . (names . body))). */
static value eval(struct lisp *l, value expr, value env)
{
    for (;;) {
        if (tag_of(expr) == TAG_SYMBOL)
            return symbol_lookup(l, expr, env);
        if (tag_of(expr) != TAG_CELL || expr == NIL)
            return expr;
        value form = head(l, expr), rest = tail(l, expr);
        if (form == l->s_quote)
            return head(l, rest);
        if (form == l->s_if) {
            value is_true = eval(l, head(l, rest), env);
            rest = tail(l, rest);
            expr = head(l, is_true != NIL ? rest : tail(l, rest));
            continue;
        }
        if (form == l->s_lambda)
            return cons(l, l->s_lambda,
                        cons(l, env, cons(l, head(l, rest), head(l, tail(l, rest)))));
        if (form == l->s_define)
            return l->globals[head(l, rest) >> 2] = eval(l, head(l, tail(l, rest)), env);
        if (form == l->s_let) {
            value bound = eval(l, head(l, tail(l, rest)), env);
            env = cons(l, cons(l, head(l, rest), bound), env);
            expr = head(l, tail(l, tail(l, rest)));
            continue;
        }
        value callee = eval(l, form, env);
        value args = eval_all(l, rest, env);
        if (tag_of(callee) == TAG_PRIMITIVE)
            return primitives[callee >> 2].call(l, args);
        value closure = tail(l, callee);
        value function = tail(l, closure);
        env = env_bind(l, head(l, function), args, head(l, closure));
        expr = tail(l, function);
    }
}

static const char source[] =
    "(define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))"
    "(define range (lambda (a b) (if (< a b) (cons a (range (+ a 1) b)) (quote ()))))"
    "(define map (lambda (f l) (if (= l (quote ())) l (cons (f (head l)) (map f (tail l))))))"
    "(define fold (lambda (f x l) (if (= l (quote ())) x (fold f (f x (head l)) (tail l)))))"
    "(define adder (lambda (n) (lambda (x) (+ x n))))"
    "(define sort (lambda (l) (if (= l (quote ())) l"
    "  (let p (head l) (fold insert (quote ()) l)))))"
    "(define insert (lambda (l x) (if (= l (quote ())) (cons x l)"
    "  (if (< x (head l)) (cons x l) (cons (head l) (insert (tail l) x))))))"
    "(define loop (lambda (n x) (if (= n 0) x (loop (- n 1) (rem (+ (* x 31) n) 10007)))))"
    "(+ (fib 18) (loop 8000 1)"
    "   (fold + 0 (map (adder 7) (range 0 500)))"
    "   (fold (lambda (x y) (rem (+ (* x 3) y) 9973)) 1"
    "         (sort (map (lambda (x) (rem (* x 7919) 1009)) (range 0 150)))))";

static void lisp_init(struct lisp *l)
{
    l->cell_count = 1;
    l->symbol_count = 0;
    memset(l->symbols, 0, sizeof l->symbols);
    l->s_quote = symbol_intern(l, "quote", 5);
    l->s_if = symbol_intern(l, "if", 2);
    l->s_lambda = symbol_intern(l, "lambda", 6);
    l->s_define = symbol_intern(l, "define", 6);
    l->s_let = symbol_intern(l, "let", 3);
    l->s_true = symbol_intern(l, "t", 1);
    l->globals[l->s_true >> 2] = l->s_true;
    for (uint32_t i = 0; i < sizeof primitives / sizeof *primitives; i++) {
        value symbol = symbol_intern(l, primitives[i].name, (uint32_t)strlen(primitives[i].name));
        l->globals[symbol >> 2] = i << 2 | TAG_PRIMITIVE;
    }
}

static uint64_t lisp_run(uint32_t times)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < times; i++) {
        lisp_init(&lisp);
        value result = NIL;
        for (const char *at = source; *at;)
            result = eval(&lisp, read_value(&lisp, &at), NIL);
        sum = bench_mix(sum, (uint64_t)number_of(result));
        sum = bench_mix(sum, lisp.cell_count);
    }
    return sum;
}

int main(void)
{
    lisp.cells = calloc(CELLS_MAX, sizeof *lisp.cells);
    return lisp.cells ? bench_run(lisp_run, 5) : 1;
}
