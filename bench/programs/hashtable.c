/*
 * A hash table with open addressing and string keys: hash bytes, probe, compare, grow by rehashing.
 * Counts how often each of a few thousand generated words occurs, then looks all of them up again.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define WORD_COUNT 12000
#define WORD_MAX 16

struct entry {
    const char *key; /* NULL: free */
    uint32_t hash;
    uint32_t count;
};

struct table {
    struct entry *entries;
    uint32_t mask;
    uint32_t used;
};

static char words[WORD_COUNT][WORD_MAX];

static uint32_t string_hash(const char *s)
{
    uint32_t hash = 2166136261;
    for (; *s; s++)
        hash = (hash ^ (uint8_t)*s) * 16777619;
    return hash;
}

static struct entry *entry_find(const struct table *t, const char *key, uint32_t hash)
{
    for (uint32_t i = hash & t->mask;; i = (i + 1) & t->mask) {
        struct entry *e = &t->entries[i];
        if (!e->key || (e->hash == hash && strcmp(e->key, key) == 0))
            return e;
    }
}

static void table_init(struct table *t, uint32_t slots)
{
    t->entries = calloc(slots, sizeof *t->entries);
    t->mask = slots - 1;
    t->used = 0;
}

static void table_grow(struct table *t)
{
    struct table bigger;
    table_init(&bigger, 2 * (t->mask + 1));
    for (uint32_t i = 0; i <= t->mask; i++)
        if (t->entries[i].key)
            *entry_find(&bigger, t->entries[i].key, t->entries[i].hash) = t->entries[i];
    bigger.used = t->used;
    free(t->entries);
    *t = bigger;
}

static void table_count(struct table *t, const char *key)
{
    if (4 * t->used >= 3 * (t->mask + 1))
        table_grow(t);
    uint32_t hash = string_hash(key);
    struct entry *e = entry_find(t, key, hash);
    if (!e->key) {
        *e = (struct entry){key, hash, 0};
        t->used++;
    }
    e->count++;
}

static uint64_t hashtable_run(uint32_t inserts)
{
    struct table t;
    table_init(&t, 16);
    uint32_t seed = 99;
    for (uint32_t i = 0; i < inserts; i++) {
        uint32_t pick = bench_rand(&seed) % WORD_COUNT;
        table_count(&t, words[pick & bench_rand(&seed) % WORD_COUNT]);
    }
    uint64_t sum = t.used;
    for (uint32_t i = 0; i < WORD_COUNT; i++)
        sum = bench_mix(sum, entry_find(&t, words[i], string_hash(words[i]))->count);
    free(t.entries);
    return sum;
}

int main(void)
{
    uint32_t seed = 5;
    for (uint32_t i = 0; i < WORD_COUNT; i++) {
        uint32_t len = 3 + bench_rand(&seed) % (WORD_MAX - 4);
        for (uint32_t j = 0; j < len; j++)
            words[i][j] = (char)('a' + bench_rand(&seed) % 26);
    }
    return bench_run(hashtable_run, 500000);
}
