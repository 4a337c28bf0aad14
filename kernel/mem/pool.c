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

void pool_reset(struct arena *pool, size_t keep_bytes)
{
    if (pool->peak_bytes > keep_bytes) {
        size_t end_bytes =
            (pool->peak_bytes + ARCH_PAGE_BYTES - 1) / ARCH_PAGE_BYTES * ARCH_PAGE_BYTES;
        arch_discard(pool->base + keep_bytes, end_bytes - keep_bytes);
    }
    pool->used_bytes = 0;
    pool->peak_bytes = 0;
}
