/*
 * Linear memories.
 */
#include "kernel/mem/memory.h"

#include "kernel/cpu.h"

/* Pages below the gap at the top of the index space, see engine.h. */
#define MEMORY_PAGES_BELOW_GAP (MEMORY_PAGES_MAX - ENGINE_MEMORY_GAP_BYTES / ENGINE_PAGE_BYTES)

bool memory_has_gap(const struct memory *memory)
{
    return memory->limit.min <= MEMORY_PAGES_BELOW_GAP;
}

static uint64_t memory_max_pages(const struct engine_limit *limit)
{
    return limit->has_max && limit->max < MEMORY_PAGES_MAX ? limit->max : MEMORY_PAGES_MAX;
}

status_t memory_init(struct memory *memory, struct cpu *cpu, const struct engine_limit *limit,
                     bool is_dense, uint64_t record_bytes, uint64_t cap_pages)
{
    *memory = (struct memory){.limit = *limit, .cap_pages = cap_pages};
    if (limit->min > MEMORY_PAGES_MAX) {
        return ERR_LIMIT;
    }
    status_t status = slot_alloc(cpu, is_dense, record_bytes,
                                 memory_max_pages(limit) * ENGINE_PAGE_BYTES, &memory->slot);
    if (status != STATUS_OK) {
        return status;
    }
    memory->view.base = memory->slot.base;
    memory->view.size_bytes = limit->min * ENGINE_PAGE_BYTES;
    if (limit->min != 0) {
        status = arch_commit(memory->view.base, memory->view.size_bytes);
    }
    if (status != STATUS_OK) {
        slot_free(cpu, &memory->slot);
    }
    return status;
}

void memory_free(struct memory *memory, struct cpu *cpu)
{
    slot_free(cpu, &memory->slot);
}

bool memory_grow(struct memory *memory, uint64_t delta_pages, uint64_t *old_pages)
{
    uint64_t size_pages = memory->view.size_bytes / ENGINE_PAGE_BYTES;
    *old_pages = size_pages;
    if (delta_pages == 0) {
        return true;
    }
    uint64_t max_pages = memory_max_pages(&memory->limit);
    if (memory->cap_pages < max_pages) {
        max_pages = memory->cap_pages;
    }
    if (memory_has_gap(memory) && max_pages > MEMORY_PAGES_BELOW_GAP) {
        max_pages = MEMORY_PAGES_BELOW_GAP;
    }
    if (size_pages > max_pages || delta_pages > max_pages - size_pages) {
        return false;
    }
    uint64_t delta_bytes = delta_pages * ENGINE_PAGE_BYTES;
    if (arch_commit(memory->view.base + memory->view.size_bytes, delta_bytes) != STATUS_OK) {
        return false;
    }
    memory->view.size_bytes += delta_bytes;
    if (memory->owner != NULL) {
        memory->owner->memory_size = memory->view.size_bytes;
    }
    return true;
}
