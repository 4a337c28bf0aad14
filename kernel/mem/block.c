/*
 * Blocks by size class. A class without a free block takes one from the pool's end: classes never
 * split or merge, since what a kernel needs of each settles soon, and both would cost time that
 * depends on history.
 */
#include "kernel/mem/block.h"

#include <assert.h>

struct block_free {
    struct block_free *next;
};

status_t block_area_init(struct block_area *area, size_t max_bytes)
{
    *area = (struct block_area){};
    return store_init(&area->store, max_bytes);
}

void block_area_release(struct block_area *area)
{
    store_release(&area->store);
    *area = (struct block_area){};
}

static uint32_t block_shift(uint64_t n_bytes)
{
    if (n_bytes <= BLOCK_MIN_BYTES) {
        return BLOCK_MIN_SHIFT;
    }
    return 64 - (uint32_t)__builtin_clzll(n_bytes - 1);
}

uint64_t block_bytes(uint64_t n_bytes)
{
    return n_bytes <= BLOCK_MAX_BYTES ? UINT64_C(1) << block_shift(n_bytes) : 0;
}

status_t block_alloc(struct block_area *area, uint64_t n_bytes, void **out)
{
    if (n_bytes > BLOCK_MAX_BYTES) {
        return ERR_TOO_LARGE;
    }
    uint32_t shift = block_shift(n_bytes);
    struct block_free **list = &area->free[shift - BLOCK_MIN_SHIFT];
    if (*list != NULL) {
        *out = *list;
        *list = (*list)->next;
    } else {
        *out = store_alloc(&area->store, (size_t)1 << shift);
        if (*out == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    area->used_bytes += UINT64_C(1) << shift;
    return STATUS_OK;
}

void block_free(struct block_area *area, void *block, uint64_t n_bytes)
{
    uint32_t shift = block_shift(n_bytes);
    struct block_free **list = &area->free[shift - BLOCK_MIN_SHIFT];
    struct block_free *freed = block;
    assert(area->used_bytes >= UINT64_C(1) << shift);
    area->used_bytes -= UINT64_C(1) << shift;
    freed->next = *list;
    *list = freed;
}
