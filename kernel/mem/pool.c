/*
 * Pools: arenas with a reservation of their own.
 */
#include "kernel/mem/pool.h"
#include "kernel/arch.h"

status_t pool_new(struct arena *pool, size_t max_bytes)
{
    uint8_t *base;
    status_t status = arch_reserve(max_bytes, &base);
    if (status != STATUS_OK) {
        return status;
    }
    status = arch_commit(base, max_bytes);
    if (status != STATUS_OK) {
        arch_release(base, max_bytes);
        return status;
    }
    arena_init(pool, base, max_bytes);
    return STATUS_OK;
}

void pool_free(struct arena *pool)
{
    if (pool->base != NULL) {
        arch_release(pool->base, pool->cap_bytes);
        *pool = (struct arena){};
    }
}

static size_t page_end(size_t n_bytes)
{
    return (n_bytes + ARCH_PAGE_BYTES - 1) / ARCH_PAGE_BYTES * ARCH_PAGE_BYTES;
}

void pool_reset(struct arena *pool, size_t keep_bytes)
{
    size_t start_bytes = page_end(keep_bytes), end_bytes = page_end(pool->peak_bytes);
    if (end_bytes > start_bytes) {
        arch_discard(pool->base + start_bytes, end_bytes - start_bytes);
    }
    pool->used_bytes = 0;
    pool->peak_bytes = 0;
}
