/*
 * Binary trees made node by node with malloc, walked, and freed: the allocator's code and pointer
 * chasing. (A pointer of half the size is where wasm beats the native build.)
 */
#include <stdlib.h>

#include "bench.h"

struct node {
    struct node *left, *right;
};

static struct node *tree_new(uint32_t depth)
{
    struct node *n = malloc(sizeof *n);
    if (!n)
        abort();
    n->left = depth ? tree_new(depth - 1) : NULL;
    n->right = depth ? tree_new(depth - 1) : NULL;
    return n;
}

static uint32_t tree_count(const struct node *n)
{
    return n->left ? 1 + tree_count(n->left) + tree_count(n->right) : 1;
}

static void tree_free(struct node *n)
{
    if (n->left) {
        tree_free(n->left);
        tree_free(n->right);
    }
    free(n);
}

static uint64_t bintrees_run(uint32_t depth_max)
{
    uint64_t sum = 0;
    struct node *lasting = tree_new(depth_max);
    for (uint32_t depth = 4; depth <= depth_max; depth += 4) {
        uint32_t trees = 1u << (depth_max - depth + 2);
        for (uint32_t i = 0; i < trees; i++) {
            struct node *short_lived = tree_new(depth);
            sum = bench_mix(sum, tree_count(short_lived));
            tree_free(short_lived);
        }
    }
    sum = bench_mix(sum, tree_count(lasting));
    tree_free(lasting);
    return sum;
}

int main(void)
{
    return bench_run(bintrees_run, 16);
}
