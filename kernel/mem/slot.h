/*
 * Slots: where linear memories lie.
 *
 * A guard slot is 4 GiB of index space and a guard of 64 MiB, which stand instead of bounds
 * checks; before them is room for the record of the instance whose memory it is, which ends
 * exactly at the memory's base (engine.h, "The instance record"):
 *
 *     | room | record | memory, 4 GiB of addresses | guard 64 MiB |
 *              ^ pages committed up to memory.size
 *
 * A 32-bit index plus an offset below the guard's size plus 16 bytes stays within the slot, and
 * nothing is mapped in it but the record and the memory. Dense slots hold memories whose code
 * checks a constant bound itself: record, declared maximum, and a guard of 64 KiB.
 *
 * For tests an area can have canaries: every second guard slot is left free and has a pattern in
 * its first and last 64 KiB, and dense slots have one on both sides; kernel_canaries_check
 * compares them.
 */
#ifndef KERNEL_MEM_SLOT_H
#define KERNEL_MEM_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct cpu;

#define SLOT_INDEX_BYTES (UINT64_C(1) << 32)
#define SLOT_ROOM_BYTES (UINT64_C(64) << 20)
#define SLOT_STRIDE_BYTES (SLOT_ROOM_BYTES + SLOT_INDEX_BYTES + ENGINE_GUARD_BYTES)

struct slot_area {
    uint8_t *base; /* fixed */
    uint32_t n_slots;
    bool has_canaries;
    uint32_t n_fresh;    /* slots below were used before */
    uint32_t *free_list; /* [n_free] */
    uint32_t n_free;
    uint64_t *has_canary; /* bitset: slots with a pattern in them; null without */
};

struct slot {
    uint8_t *base;         /* of the memory: the record ends here */
    uint64_t record_bytes; /* whole pages */
    uint64_t reach_bytes;  /* how far behind base nothing else can be */
    bool is_dense;
};

MUST_CHECK status_t slot_area_init(struct slot_area *area, struct arena *heap, bool has_canaries);
void slot_area_release(struct slot_area *area);

/*
 * A slot with its record, committed, for record_bytes before the memory. For a dense one,
 * max_bytes is the memory's. ERR_NO_SPACE: all slots are in use.
 */
MUST_CHECK status_t slot_alloc(struct cpu *cpu, bool is_dense, uint64_t record_bytes,
                               uint64_t max_bytes, struct slot *out);
void slot_free(struct cpu *cpu, const struct slot *slot);

#endif
