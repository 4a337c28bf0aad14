/*
 * Huffman coding of a text: code lengths from a tree built over a heap, canonical codes, a bit
 * writer and a decoder with a lookup table. 64-bit bit buffers with shifts by variable amounts.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define INPUT_BYTES (1 << 19)
#define SYMBOLS 256
#define LEN_MAX 15

static uint8_t input[INPUT_BYTES], packed[INPUT_BYTES + 64], unpacked[INPUT_BYTES];

struct code {
    uint8_t len[SYMBOLS];
    uint16_t bits[SYMBOLS];
};

struct tree {
    uint32_t weight[2 * SYMBOLS];
    uint32_t parent[2 * SYMBOLS];
    uint32_t heap[SYMBOLS];
    uint32_t heap_count;
};

static void heap_sift(struct tree *t, uint32_t at)
{
    uint32_t node = t->heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= t->heap_count)
            break;
        if (child + 1 < t->heap_count && t->weight[t->heap[child + 1]] < t->weight[t->heap[child]])
            child++;
        if (t->weight[t->heap[child]] >= t->weight[node])
            break;
        t->heap[at] = t->heap[child];
        at = child;
    }
    t->heap[at] = node;
}

static uint32_t heap_take(struct tree *t)
{
    uint32_t first = t->heap[0];
    t->heap[0] = t->heap[--t->heap_count];
    heap_sift(t, 0);
    return first;
}

/*
 * Depths in the tree of the two lightest joined again and again; flattened weights keep them short.
 */
static void lengths_make(struct code *c, const uint32_t *counts)
{
    static struct tree t;
    t.heap_count = 0;
    for (uint32_t s = 0; s < SYMBOLS; s++) {
        c->len[s] = 0;
        t.weight[s] = counts[s] ? counts[s] + INPUT_BYTES / 4096 : 0;
        if (counts[s])
            t.heap[t.heap_count++] = s;
    }
    for (uint32_t i = t.heap_count / 2; i-- > 0;)
        heap_sift(&t, i);
    uint32_t next = SYMBOLS;
    while (t.heap_count > 1) {
        uint32_t a = heap_take(&t), b = heap_take(&t);
        t.weight[next] = t.weight[a] + t.weight[b];
        t.parent[a] = t.parent[b] = next;
        t.heap[t.heap_count] = next;
        for (uint32_t at = t.heap_count++; at; at = (at - 1) / 2) {
            uint32_t up = (at - 1) / 2;
            if (t.weight[t.heap[up]] <= t.weight[t.heap[at]])
                break;
            uint32_t held = t.heap[up];
            t.heap[up] = t.heap[at];
            t.heap[at] = held;
        }
        next++;
    }
    for (uint32_t s = 0; s < SYMBOLS; s++)
        for (uint32_t n = s; counts[s] && n != next - 1; n = t.parent[n])
            c->len[s]++;
}

/* Canonical codes, their bits reversed so that the first comes lowest. */
static void codes_make(struct code *c)
{
    uint32_t code = 0;
    for (uint32_t len = 1; len <= LEN_MAX; len++, code <<= 1)
        for (uint32_t s = 0; s < SYMBOLS; s++) {
            if (c->len[s] != len)
                continue;
            uint32_t reversed = 0;
            for (uint32_t bit = 0; bit < len; bit++)
                reversed |= (code >> bit & 1) << (len - 1 - bit);
            c->bits[s] = (uint16_t)reversed;
            code++;
        }
}

static uint32_t text_encode(const struct code *c, uint32_t len_bytes)
{
    uint64_t bits = 0;
    uint32_t have = 0, out = 0;
    for (uint32_t i = 0; i < len_bytes; i++) {
        bits |= (uint64_t)c->bits[input[i]] << have;
        have += c->len[input[i]];
        while (have >= 8) {
            packed[out++] = (uint8_t)bits;
            bits >>= 8;
            have -= 8;
        }
    }
    packed[out++] = (uint8_t)bits;
    return out;
}

static void text_decode(const struct code *c, uint32_t len_bytes)
{
    static uint16_t table[1 << LEN_MAX]; /* symbol and length by the next LEN_MAX bits */
    for (uint32_t s = 0; s < SYMBOLS; s++)
        for (uint32_t i = c->bits[s]; c->len[s] && i < 1u << LEN_MAX; i += 1u << c->len[s])
            table[i] = (uint16_t)(s << 4 | c->len[s]);
    uint64_t bits = 0;
    uint32_t have = 0, in = 0;
    for (uint32_t i = 0; i < len_bytes; i++) {
        while (have <= 56) {
            bits |= (uint64_t)packed[in++] << have;
            have += 8;
        }
        uint32_t entry = table[bits & ((1u << LEN_MAX) - 1)];
        unpacked[i] = (uint8_t)(entry >> 4);
        bits >>= entry & 15;
        have -= entry & 15;
    }
}

static uint64_t huffman_run(uint32_t len_bytes)
{
    uint64_t sum = 0;
    for (uint32_t times = 0; times < 3; times++) {
        uint32_t counts[SYMBOLS] = {0};
        struct code c;
        for (uint32_t i = 0; i < len_bytes; i++)
            counts[input[i]]++;
        lengths_make(&c, counts);
        codes_make(&c);
        uint32_t packed_bytes = text_encode(&c, len_bytes);
        text_decode(&c, len_bytes);
        if (memcmp(input, unpacked, len_bytes) != 0)
            abort();
        sum = bench_mix(bench_mix(sum, packed_bytes), packed[packed_bytes / 2]);
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 20;
    for (uint32_t i = 0; i < INPUT_BYTES; i++) {
        uint32_t r = bench_rand(&seed) >> 4;
        input[i] = (uint8_t)(r & 255 & r >> 8 & (r >> 16 | 0x55));
    }
    return bench_run(huffman_run, INPUT_BYTES);
}
