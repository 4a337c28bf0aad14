/*
 * An extent area: one arena of the address layout, handed out in runs of pages. The runs are kept
 * in a list sorted by address, so that an address finds its run by binary search, also in a fault
 * handler. New runs come from behind the last one; when that is at the end of the area, from the
 * first gap that is large enough.
 */
#ifndef KERNEL_MEM_EXTENT_H
#define KERNEL_MEM_EXTENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct extent {
    uint8_t *start;
    size_t len_bytes;
    void *owner; /* the user's */
};

struct extent_area {
    uint8_t *base; /* fixed */
    size_t len_bytes;
    struct extent *list; /* [n], ascending */
    uint32_t n, cap;
};

/* Reserves up to max_bytes, less if Linux doesn't give that much, but at least min_bytes. */
MUST_CHECK status_t extent_area_init(struct extent_area *area, struct arena *heap, size_t max_bytes,
                                     size_t min_bytes, uint32_t cap);
void extent_area_release(struct extent_area *area);

/* A run of pages, reserved and not committed. ERR_NO_MEMORY: no gap, or too many runs. */
MUST_CHECK status_t extent_alloc(struct extent_area *area, size_t len_bytes, void *owner,
                                 uint8_t **out);
/* Keeps only the first len_bytes of the run that starts there. */
void extent_trim(struct extent_area *area, const uint8_t *start, size_t len_bytes);
/* The pages lose their contents. */
void extent_free(struct extent_area *area, const uint8_t *start);

/* The run that holds addr, or null. */
const struct extent *extent_find(const struct extent_area *area, uint64_t addr);

#endif
