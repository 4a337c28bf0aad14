/*
 * A pool: an arena (base/arena.h) with a reservation of its own. Since committed pages cost
 * nothing until they are touched, a pool is as large as its owner may ever need. Everything whose
 * life ends with that of a process, or of a module, comes from its pool and is freed with it.
 */
#ifndef KERNEL_MEM_POOL_H
#define KERNEL_MEM_POOL_H

#include "base/arena.h"
#include "base/status.h"

MUST_CHECK status_t pool_new(struct arena *pool, size_t max_bytes);
void pool_free(struct arena *pool);

/* Empties it; gives pages back when more than keep_bytes were in use. */
void pool_reset(struct arena *pool, size_t keep_bytes);

#define POOL_NEW(pool, type) ((type *)arena_zalloc((pool), 1, sizeof(type)))
#define POOL_ARRAY(pool, type, n) ((type *)arena_zalloc((pool), (n), sizeof(type)))

#endif
