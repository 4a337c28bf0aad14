/*
 * A linear memory: a slot, of which the first size_bytes are committed.
 *
 * The one function that says what is in bounds is memory_range: bulk instructions, host functions
 * and later kernel calls all ask it (MECHANISMS 3).
 */
#ifndef KERNEL_MEM_MEMORY_H
#define KERNEL_MEM_MEMORY_H

#include "base/checked.h"
#include "engine/engine.h"
#include "kernel/mem/slot.h"

#define MEMORY_PAGES_MAX UINT64_C(65536)
#define MEMORY_CAP_PAGES UINT64_C(49152) /* 3 GiB: nothing grows beyond, by default */

struct memory {
    struct engine_memory view;     /* what compiled code of importing instances reads */
    struct engine_instance *owner; /* whose record repeats the size; null: an embedder's */
    struct engine_limit limit;     /* as declared */
    uint64_t cap_pages;
    struct slot slot;
    struct memory *next; /* of the same process */
};

/* The top of its index space is never accessible: code may rely on that, see engine.h. */
bool memory_has_gap(const struct memory *memory);

/*
 * Makes a memory of limit.min pages, in a slot with record_bytes before it. ERR_NO_SPACE (of
 * slots), ERR_NO_MEMORY, ERR_LIMIT.
 */
MUST_CHECK status_t memory_init(struct memory *memory, struct cpu *cpu,
                                const struct engine_limit *limit, bool is_dense,
                                uint64_t record_bytes, uint64_t cap_pages);
void memory_free(struct memory *memory, struct cpu *cpu);

/* Adds pages; false, and nothing happened, when they are too many. *old_pages: the size before. */
bool memory_grow(struct memory *memory, uint64_t delta_pages, uint64_t *old_pages);

/* The bytes [offset, offset + len): null if they aren't all in bounds. */
static inline uint8_t *memory_range(const struct memory *memory, uint64_t offset,
                                    uint64_t len_bytes)
{
    return range_ok(offset, len_bytes, memory->view.size_bytes) ? memory->view.base + offset : NULL;
}

#endif
