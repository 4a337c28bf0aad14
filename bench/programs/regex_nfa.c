/*
 * Regular expressions by simulating a non-deterministic automaton (Thompson's construction): the
 * expression becomes a program of splits and byte classes, and a list of states moves along the
 * text. Lists with generation marks, a stack of fragments, no backtracking.
 */
#include <string.h>

#include "bench.h"

#define TEXT_BYTES (1 << 17)
#define STATES_MAX 256
#define NONE UINT32_MAX

enum state_kind { STATE_BYTE, STATE_ANY, STATE_SPLIT, STATE_END };

struct state {
    enum state_kind kind;
    uint8_t byte;
    uint32_t out, out_other;
    uint32_t seen_at; /* the step at which it was last put on a list */
};

/*
 * A piece of automaton: its entry, and the list of states whose `out` is still open, chained by it.
 */
struct fragment {
    uint32_t start;
    uint32_t open;
};

struct automaton {
    struct state states[STATES_MAX];
    uint32_t count;
    uint32_t start;
    uint32_t step;
};

struct list {
    uint32_t ids[STATES_MAX];
    uint32_t count;
};

static uint8_t text[TEXT_BYTES];

static uint32_t state_new(struct automaton *a, enum state_kind kind, uint8_t byte)
{
    a->states[a->count] = (struct state){kind, byte, NONE, NONE, 0};
    return a->count++;
}

static void open_patch(struct automaton *a, uint32_t open, uint32_t target)
{
    while (open != NONE) {
        struct state *s = &a->states[open >> 1];
        uint32_t *arrow = open & 1 ? &s->out_other : &s->out;
        uint32_t next = *arrow;
        *arrow = target;
        open = next;
    }
}

static uint32_t open_join(struct automaton *a, uint32_t first, uint32_t second)
{
    uint32_t last = first;
    for (;;) {
        struct state *s = &a->states[last >> 1];
        uint32_t *arrow = last & 1 ? &s->out_other : &s->out;
        if (*arrow == NONE) {
            *arrow = second;
            return first;
        }
        last = *arrow;
    }
}

static struct fragment alternatives_parse(struct automaton *a, const char **re);

static struct fragment atom_parse(struct automaton *a, const char **re)
{
    if (**re == '(') {
        ++*re;
        struct fragment inner = alternatives_parse(a, re);
        ++*re;
        return inner;
    }
    uint32_t s = state_new(a, **re == '.' ? STATE_ANY : STATE_BYTE, (uint8_t)**re);
    ++*re;
    return (struct fragment){s, s << 1};
}

static struct fragment repeat_parse(struct automaton *a, const char **re)
{
    struct fragment f = atom_parse(a, re);
    for (; **re == '*' || **re == '+' || **re == '?'; ++*re) {
        uint32_t split = state_new(a, STATE_SPLIT, 0);
        a->states[split].out = f.start;
        if (**re == '?') {
            f = (struct fragment){split, open_join(a, f.open, split << 1 | 1)};
        } else {
            open_patch(a, f.open, split);
            f = (struct fragment){**re == '*' ? split : f.start, split << 1 | 1};
        }
    }
    return f;
}

static struct fragment sequence_parse(struct automaton *a, const char **re)
{
    struct fragment all = repeat_parse(a, re);
    while (**re && **re != '|' && **re != ')') {
        struct fragment next = repeat_parse(a, re);
        open_patch(a, all.open, next.start);
        all.open = next.open;
    }
    return all;
}

static struct fragment alternatives_parse(struct automaton *a, const char **re)
{
    struct fragment all = sequence_parse(a, re);
    while (**re == '|') {
        ++*re;
        struct fragment other = sequence_parse(a, re);
        uint32_t split = state_new(a, STATE_SPLIT, 0);
        a->states[split].out = all.start;
        a->states[split].out_other = other.start;
        all = (struct fragment){split, open_join(a, all.open, other.open)};
    }
    return all;
}

static void automaton_compile(struct automaton *a, const char *re)
{
    a->count = 0;
    a->step = 0;
    struct fragment all = alternatives_parse(a, &re);
    open_patch(a, all.open, state_new(a, STATE_END, 0));
    a->start = all.start;
}

/* Adds a state and what is reached from it without reading; 1 when the end is among them. */
static int list_add(struct automaton *a, struct list *list, uint32_t id)
{
    struct state *s = &a->states[id];
    if (s->seen_at == a->step)
        return 0;
    s->seen_at = a->step;
    if (s->kind == STATE_END)
        return 1;
    if (s->kind == STATE_SPLIT)
        return list_add(a, list, s->out) | list_add(a, list, s->out_other);
    list->ids[list->count++] = id;
    return 0;
}

/* How many positions of the text end a match; a new match may start at each position. */
static uint32_t match_ends_count(struct automaton *a, uint32_t len)
{
    static struct list lists[2];
    struct list *now = &lists[0], *next = &lists[1];
    uint32_t ends = 0;
    now->count = 0;
    for (uint32_t i = 0; i < len; i++) {
        list_add(a, now, a->start);
        a->step++;
        next->count = 0;
        int is_end = 0;
        for (uint32_t k = 0; k < now->count; k++) {
            const struct state *s = &a->states[now->ids[k]];
            if (s->kind == STATE_ANY || s->byte == text[i])
                is_end |= list_add(a, next, s->out);
        }
        ends += (uint32_t)is_end;
        struct list *held = now;
        now = next;
        next = held;
    }
    return ends;
}

static uint64_t regex_run(uint32_t len)
{
    static const char *const patterns[] = {
        "(ab|ba)+c", "a.*b.?c", "(a|b)*abb", "a?a?a?a?aaaa", "((a+b)+c)+d", "abcd|bcda|cdab|dabc",
    };
    static struct automaton a;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        automaton_compile(&a, patterns[i]);
        a.step = 1;
        sum = bench_mix(sum, match_ends_count(&a, len));
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 21;
    for (uint32_t i = 0; i < TEXT_BYTES; i++)
        text[i] = (uint8_t)('a' + (bench_rand(&seed) >> 9) % 4);
    return bench_run(regex_run, TEXT_BYTES);
}
