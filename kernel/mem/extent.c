/*
 * Extent areas: runs of pages in one arena of the address layout.
 */
#include "kernel/mem/extent.h"

#include <assert.h>
#include <string.h>

#include "kernel/arch.h"

status_t extent_area_init(struct extent_area *area, struct arena *heap, size_t max_bytes,
                          size_t min_bytes, uint32_t cap)
{
    *area = (struct extent_area){.cap = cap};
    area->list = arena_array(heap, cap, sizeof *area->list);
    if (area->list == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t len_bytes = max_bytes; len_bytes >= min_bytes; len_bytes /= 2) {
        if (arch_reserve(len_bytes, &area->base) == STATUS_OK) {
            area->len_bytes = len_bytes;
            return STATUS_OK;
        }
    }
    return ERR_NO_MEMORY;
}

void extent_area_release(struct extent_area *area)
{
    if (area->len_bytes != 0) {
        arch_release(area->base, area->len_bytes);
        area->len_bytes = 0;
    }
}

/* The first run that ends behind addr. */
static uint32_t extent_index(const struct extent_area *area, uint64_t addr)
{
    uint32_t low = 0, high = area->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct extent *e = &area->list[middle];
        if ((uint64_t)e->start + e->len_bytes <= addr) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint8_t *gap_start(const struct extent_area *area, uint32_t i)
{
    return i == 0 ? area->base : area->list[i - 1].start + area->list[i - 1].len_bytes;
}

/* Bytes free before run i, or at the end of the area. */
static size_t gap_bytes(const struct extent_area *area, uint32_t i)
{
    const uint8_t *end = i == area->n ? area->base + area->len_bytes : area->list[i].start;
    return (size_t)(end - gap_start(area, i));
}

status_t extent_alloc(struct extent_area *area, size_t len_bytes, void *owner, uint8_t **out)
{
    size_t need_bytes = (len_bytes + ARCH_PAGE_BYTES - 1) / ARCH_PAGE_BYTES * ARCH_PAGE_BYTES;
    if (area->n == area->cap || need_bytes < len_bytes) {
        return ERR_NO_MEMORY;
    }
    uint32_t i = area->n;
    if (gap_bytes(area, i) < need_bytes) {
        for (i = 0; i < area->n && gap_bytes(area, i) < need_bytes; i++) {
        }
        if (i == area->n) {
            return ERR_NO_MEMORY;
        }
    }
    uint8_t *start = gap_start(area, i);
    memmove(&area->list[i + 1], &area->list[i], (area->n - i) * sizeof *area->list);
    area->list[i] = (struct extent){.start = start, .len_bytes = need_bytes, .owner = owner};
    area->n++;
    *out = start;
    return STATUS_OK;
}

static struct extent *extent_at(struct extent_area *area, const uint8_t *start)
{
    uint32_t i = extent_index(area, (uint64_t)start);
    assert(i < area->n && area->list[i].start == start);
    return &area->list[i];
}

void extent_trim(struct extent_area *area, const uint8_t *start, size_t len_bytes)
{
    struct extent *e = extent_at(area, start);
    size_t keep_bytes = (len_bytes + ARCH_PAGE_BYTES - 1) / ARCH_PAGE_BYTES * ARCH_PAGE_BYTES;
    assert(keep_bytes != 0 && keep_bytes <= e->len_bytes);
    if (keep_bytes < e->len_bytes) {
        arch_decommit(e->start + keep_bytes, e->len_bytes - keep_bytes);
        e->len_bytes = keep_bytes;
    }
}

void extent_free(struct extent_area *area, const uint8_t *start)
{
    struct extent *e = extent_at(area, start);
    arch_decommit(e->start, e->len_bytes);
    uint32_t i = (uint32_t)(e - area->list);
    memmove(e, e + 1, (area->n - i - 1) * sizeof *e);
    area->n--;
}

const struct extent *extent_find(const struct extent_area *area, uint64_t addr)
{
    uint32_t i = extent_index(area, addr);
    if (i == area->n || (uint64_t)area->list[i].start > addr) {
        return NULL;
    }
    return &area->list[i];
}
