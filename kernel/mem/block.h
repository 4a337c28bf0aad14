/*
 * Blocks: the kernel's small memory on one CPU, in powers of two from BLOCK_MIN_BYTES to
 * BLOCK_MAX_BYTES. Capability tables, payloads of messages and the like live in them. Taking and
 * giving back is a pop and a push. A block keeps its size class for good, so that a stale pointer
 * never meets the middle of something else. What is larger is a region, not a block.
 */
#ifndef KERNEL_MEM_BLOCK_H
#define KERNEL_MEM_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "kernel/mem/store.h"

#define BLOCK_MIN_SHIFT 5u
#define BLOCK_MAX_SHIFT 21u
#define BLOCK_MIN_BYTES (1u << BLOCK_MIN_SHIFT)
#define BLOCK_MAX_BYTES (1u << BLOCK_MAX_SHIFT)
#define BLOCK_CLASSES (BLOCK_MAX_SHIFT - BLOCK_MIN_SHIFT + 1)

struct block_free; /* a free block */

struct block_area {
    struct store store;
    struct block_free *free[BLOCK_CLASSES];
    uint64_t used_bytes; /* of blocks that are taken, whole */
};

MUST_CHECK status_t block_area_init(struct block_area *area, size_t max_bytes);
void block_area_release(struct block_area *area);

/* The size that a block for n_bytes has; 0 when none is large enough. */
uint64_t block_bytes(uint64_t n_bytes);

/* A block of at least n_bytes, whose contents are whatever was there. ERR_TOO_LARGE, ERR_NO_MEMORY. */
MUST_CHECK status_t block_alloc(struct block_area *area, uint64_t n_bytes, void **out);
/* n_bytes: as it was asked for. */
void block_free(struct block_area *area, void *block, uint64_t n_bytes);

#endif
