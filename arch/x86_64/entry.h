/*
 * Entries of page tables (SDM 3A 4.5), and which of them there are here.
 */
#ifndef ARCH_X86_64_ENTRY_H
#define ARCH_X86_64_ENTRY_H

#include "arch/x86_64/page.h"

#define ENTRY_PRESENT UINT64_C(1)
#define ENTRY_WRITE (UINT64_C(1) << 1)
#define ENTRY_USER (UINT64_C(1) << 2)
#define ENTRY_UNCACHED (UINT64_C(3) << 3) /* PWT, PCD */
#define ENTRY_ACCESSED (UINT64_C(1) << 5)
#define ENTRY_DIRTY (UINT64_C(1) << 6)
#define ENTRY_LARGE (UINT64_C(1) << 7)
#define ENTRY_NO_EXECUTE (UINT64_C(1) << 63)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

/* Ours, in an entry that isn't present, which the CPU doesn't read: zeros until touched. */
#define ENTRY_COMMITTED (UINT64_C(1) << 9)

/* The kinds of pages. Accessed and dirty are set in advance, so that the CPU never writes an entry
 * and a compare and exchange never fails for it. */
#define ENTRY_TABLE (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_ACCESSED)
#define ENTRY_CODE (ENTRY_PRESENT | ENTRY_ACCESSED | ENTRY_DIRTY)
#define ENTRY_CONSTANT (ENTRY_CODE | ENTRY_NO_EXECUTE)
#define ENTRY_DATA (ENTRY_CONSTANT | ENTRY_WRITE)

#define TABLE_ENTRIES 512u
#define LEVEL_ROOT 4u

static inline uint64_t level_span(uint32_t level)
{
    return UINT64_C(1) << (12 + 9 * (level - 1));
}

static inline uint32_t entry_index(uint64_t va, uint32_t level)
{
    return va >> (12 + 9 * (level - 1)) & (TABLE_ENTRIES - 1);
}

static inline bool entry_is_table(uint64_t value, uint32_t level)
{
    return level > 1 && (value & (ENTRY_PRESENT | ENTRY_LARGE)) == ENTRY_PRESENT;
}

static inline pa_t entry_page(uint64_t value)
{
    return (pa_t){value & ENTRY_ADDRESS};
}

static inline uint64_t *entry_table(uint64_t value)
{
    return direct_ptr(entry_page(value));
}

/* An entry that isn't a table, and the addresses it stands for. */
struct place {
    uint64_t *entry;
    uint64_t value;
    uint64_t start, span_bytes;
    uint32_t level;
};

static inline uint64_t place_end(const struct place *place)
{
    return place->start + place->span_bytes;
}

/* The entry for an address, as deep as there are tables. */
struct place x86_place_find(uint64_t va);

/* The table that everything hangs on. */
uint64_t *x86_paging_root(void);

#endif
