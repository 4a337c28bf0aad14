/*
 * A B-tree of integers: insert with splits, lookup, walk in order. Node-wise binary search and
 * memmove.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define KEYS_MAX 31
#define NODES_MAX 20000
#define KEY_COUNT 100000

struct node {
    uint32_t count;
    int is_leaf;
    uint32_t keys[KEYS_MAX];
    uint32_t values[KEYS_MAX];
    uint32_t children[KEYS_MAX + 1]; /* indices of nodes */
};

struct btree {
    struct node nodes[NODES_MAX];
    uint32_t node_count;
    uint32_t root;
};

static struct btree tree;

static uint32_t node_new(struct btree *t, int is_leaf)
{
    if (t->node_count == NODES_MAX)
        abort();
    t->nodes[t->node_count].count = 0;
    t->nodes[t->node_count].is_leaf = is_leaf;
    return t->node_count++;
}

/* The place of the first key that isn't less. */
static uint32_t key_place(const struct node *n, uint32_t key)
{
    uint32_t low = 0, high = n->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (n->keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void slot_open(struct node *n, uint32_t at)
{
    uint32_t moved = n->count - at;
    memmove(&n->keys[at + 1], &n->keys[at], moved * sizeof *n->keys);
    memmove(&n->values[at + 1], &n->values[at], moved * sizeof *n->values);
    if (!n->is_leaf)
        memmove(&n->children[at + 2], &n->children[at + 1], moved * sizeof *n->children);
    n->count++;
}

/* Splits the full child at `at`; its middle key moves up into `parent`. */
static void child_split(struct btree *t, struct node *parent, uint32_t at)
{
    struct node *left = &t->nodes[parent->children[at]];
    uint32_t right_index = node_new(t, left->is_leaf);
    struct node *right = &t->nodes[right_index];
    uint32_t half = KEYS_MAX / 2;
    right->count = KEYS_MAX - half - 1;
    memcpy(right->keys, left->keys + half + 1, right->count * sizeof *right->keys);
    memcpy(right->values, left->values + half + 1, right->count * sizeof *right->values);
    if (!left->is_leaf)
        memcpy(right->children, left->children + half + 1,
               (right->count + 1) * sizeof *right->children);
    slot_open(parent, at);
    parent->keys[at] = left->keys[half];
    parent->values[at] = left->values[half];
    parent->children[at + 1] = right_index;
    left->count = half;
}

static void btree_put(struct btree *t, uint32_t key, uint32_t value)
{
    if (t->nodes[t->root].count == KEYS_MAX) {
        uint32_t root = node_new(t, 0);
        t->nodes[root].children[0] = t->root;
        child_split(t, &t->nodes[root], 0);
        t->root = root;
    }
    struct node *n = &t->nodes[t->root];
    for (;;) {
        uint32_t at = key_place(n, key);
        if (at < n->count && n->keys[at] == key) {
            n->values[at] += value;
            return;
        }
        if (n->is_leaf) {
            slot_open(n, at);
            n->keys[at] = key;
            n->values[at] = value;
            return;
        }
        if (t->nodes[n->children[at]].count == KEYS_MAX) {
            child_split(t, n, at);
            continue;
        }
        n = &t->nodes[n->children[at]];
    }
}

static uint32_t btree_get(const struct btree *t, uint32_t key)
{
    const struct node *n = &t->nodes[t->root];
    for (;;) {
        uint32_t at = key_place(n, key);
        if (at < n->count && n->keys[at] == key)
            return n->values[at];
        if (n->is_leaf)
            return 0;
        n = &t->nodes[n->children[at]];
    }
}

static uint64_t subtree_sum(const struct btree *t, const struct node *n, uint64_t sum)
{
    for (uint32_t i = 0; i < n->count; i++) {
        if (!n->is_leaf)
            sum = subtree_sum(t, &t->nodes[n->children[i]], sum);
        sum = bench_mix(sum, n->keys[i]);
    }
    return n->is_leaf ? sum : subtree_sum(t, &t->nodes[n->children[n->count]], sum);
}

static uint64_t btree_run(uint32_t count)
{
    tree.node_count = 0;
    tree.root = node_new(&tree, 1);
    uint32_t seed = 19;
    for (uint32_t i = 0; i < count; i++)
        btree_put(&tree, bench_rand(&seed) % (4 * count), i);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 2 * count; i++)
        sum += btree_get(&tree, bench_rand(&seed) % (4 * count));
    return subtree_sum(&tree, &tree.nodes[tree.root], sum);
}

int main(void)
{
    return bench_run(btree_run, KEY_COUNT);
}
