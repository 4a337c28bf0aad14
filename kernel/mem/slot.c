/*
 * Slots of linear memories, and the canaries between them.
 */
#include "kernel/mem/slot.h"

#include <assert.h>
#include <string.h>

#include "base/bitset.h"
#include "base/checked.h"
#include "engine/engine.h"
#include "kernel/cpu.h"
#include "kernel/embed.h"

#define SLOTS_MAX 15000u
#define SLOTS_MIN 4u
#define CANARY_BYTES ENGINE_PAGE_BYTES
#define CANARY_BYTE 0xa5

status_t slot_area_init(struct slot_area *area, struct arena *heap, bool has_canaries)
{
    *area = (struct slot_area){.has_canaries = has_canaries};
    uint32_t n = SLOTS_MAX;
    while (arch_reserve(n * SLOT_STRIDE_BYTES, &area->base) != STATUS_OK) {
        n /= 2;
        if (n < SLOTS_MIN) {
            return ERR_NO_MEMORY;
        }
    }
    area->n_slots = n;
    area->free_list = arena_array(heap, n, sizeof *area->free_list);
    if (has_canaries) {
        area->has_canary = arena_zalloc(heap, bitset_words(n), sizeof *area->has_canary);
    }
    bool is_whole = area->free_list != NULL && (area->has_canary != NULL || !has_canaries);
    return is_whole ? STATUS_OK : ERR_NO_MEMORY;
}

void slot_area_release(struct slot_area *area)
{
    if (area->n_slots != 0) {
        arch_release(area->base, area->n_slots * SLOT_STRIDE_BYTES);
        area->n_slots = 0;
    }
}

/* ---- canaries ---- */

static status_t canary_fill(uint8_t *at)
{
    status_t status = arch_commit(at, CANARY_BYTES);
    if (status == STATUS_OK) {
        memset(at, CANARY_BYTE, CANARY_BYTES);
    }
    return status;
}

static bool canary_is_whole(const uint8_t *at, uint64_t *where)
{
    for (uint32_t i = 0; i < CANARY_BYTES; i++) {
        if (at[i] != CANARY_BYTE) {
            *where = (uint64_t)(at + i);
            return false;
        }
    }
    return true;
}

static uint8_t *slot_start(const struct slot_area *area, uint32_t i)
{
    return area->base + i * SLOT_STRIDE_BYTES;
}

static status_t canary_slot_fill(struct slot_area *area, uint32_t i)
{
    if (i >= area->n_slots || !bitset_add(area->has_canary, i)) {
        return STATUS_OK;
    }
    status_t status = canary_fill(slot_start(area, i));
    if (status == STATUS_OK) {
        status = canary_fill(slot_start(area, i) + SLOT_STRIDE_BYTES - CANARY_BYTES);
    }
    return status;
}

bool kernel_canaries_check(uint64_t *where)
{
    const struct cpu *cpu = cpu_self();
    const struct slot_area *area = &cpu->slots;
    if (!area->has_canaries) {
        return true;
    }
    size_t words = bitset_words(area->n_slots);
    for (size_t i = bitset_next(area->has_canary, words, 0); i != BITSET_END;
         i = bitset_next(area->has_canary, words, i + 1)) {
        const uint8_t *start = slot_start(area, (uint32_t)i);
        if (!canary_is_whole(start, where) ||
            !canary_is_whole(start + SLOT_STRIDE_BYTES - CANARY_BYTES, where)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < cpu->dense.n; i++) {
        const struct extent *e = &cpu->dense.list[i];
        if (!canary_is_whole(e->start, where) ||
            !canary_is_whole(e->start + e->len_bytes - CANARY_BYTES, where)) {
            return false;
        }
    }
    return true;
}

/* ---- guard slots ---- */

/* The number of an unused slot, or n_slots. With canaries only odd ones are used. */
static uint32_t guard_slot_take(struct slot_area *area)
{
    if (area->n_free > 0) {
        return area->free_list[--area->n_free];
    }
    uint32_t i = area->n_fresh + (area->has_canaries ? 1 : 0);
    if (i >= area->n_slots) {
        return area->n_slots;
    }
    area->n_fresh = i + 1;
    return i;
}

static status_t guard_slot_alloc(struct slot_area *area, uint64_t record_bytes, struct slot *out)
{
    if (record_bytes > SLOT_ROOM_BYTES) {
        return ERR_LIMIT;
    }
    uint32_t i = guard_slot_take(area);
    if (i == area->n_slots) {
        return ERR_NO_SPACE;
    }
    *out = (struct slot){
        .base = slot_start(area, i) + SLOT_ROOM_BYTES,
        .record_bytes = record_bytes,
        .reach_bytes = SLOT_INDEX_BYTES + ENGINE_GUARD_BYTES,
    };
    status_t status = STATUS_OK;
    if (record_bytes != 0) {
        status = arch_commit(out->base - record_bytes, record_bytes);
    }
    if (status == STATUS_OK && area->has_canaries) {
        status = canary_slot_fill(area, i - 1);
    }
    if (status == STATUS_OK && area->has_canaries) {
        status = canary_slot_fill(area, i + 1);
    }
    if (status != STATUS_OK) {
        area->free_list[area->n_free++] = i;
    }
    return status;
}

static void guard_slot_free(struct slot_area *area, const struct slot *slot)
{
    arch_decommit(slot->base - slot->record_bytes, slot->record_bytes + SLOT_INDEX_BYTES);
    size_t offset = (size_t)(slot->base - area->base);
    area->free_list[area->n_free++] = (uint32_t)(offset / SLOT_STRIDE_BYTES);
}

/* ---- dense slots ---- */

static status_t dense_slot_alloc(struct cpu *cpu, uint64_t record_bytes, uint64_t max_bytes,
                                 struct slot *out)
{
    size_t border_bytes = cpu->slots.has_canaries ? CANARY_BYTES : 0;
    size_t reach_bytes = max_bytes + ENGINE_DENSE_GUARD_BYTES;
    size_t len_bytes = record_bytes + reach_bytes + 2 * border_bytes;
    uint8_t *start;
    status_t status = extent_alloc(&cpu->dense, len_bytes, NULL, &start);
    if (status != STATUS_OK) {
        return ERR_NO_SPACE;
    }
    *out = (struct slot){
        .base = start + border_bytes + record_bytes,
        .record_bytes = record_bytes,
        .reach_bytes = reach_bytes,
        .is_dense = true,
    };
    if (record_bytes != 0) {
        status = arch_commit(start + border_bytes, record_bytes);
    }
    if (status == STATUS_OK && border_bytes != 0) {
        status = canary_fill(start);
    }
    if (status == STATUS_OK && border_bytes != 0) {
        status = canary_fill(start + len_bytes - border_bytes);
    }
    if (status != STATUS_OK) {
        extent_free(&cpu->dense, start);
    }
    return status;
}

/* ---- both ---- */

status_t slot_alloc(struct cpu *cpu, bool is_dense, uint64_t record_bytes, uint64_t max_bytes,
                    struct slot *out)
{
    uint64_t whole_bytes;
    if (!align_ok_u64(record_bytes, ARCH_PAGE_BYTES, &whole_bytes)) {
        return ERR_LIMIT;
    }
    if (is_dense) {
        return dense_slot_alloc(cpu, whole_bytes, max_bytes, out);
    }
    return guard_slot_alloc(&cpu->slots, whole_bytes, out);
}

void slot_free(struct cpu *cpu, const struct slot *slot)
{
    if (!slot->is_dense) {
        guard_slot_free(&cpu->slots, slot);
        return;
    }
    size_t border_bytes = cpu->slots.has_canaries ? CANARY_BYTES : 0;
    extent_free(&cpu->dense, slot->base - slot->record_bytes - border_bytes);
}
