/*
 * Revocation cells (MECHANISMS 16): the one word by which capabilities live and die.
 *
 * Each object has a root cell. A capability notes a cell and the epoch that the cell had; it is
 * live as long as the cell still has that epoch, and so on along the cell's parents up to the
 * root. Giving a cell its next epoch kills everything that noted an earlier one, at once and
 * wherever it is, without looking for it: so an object dies, and so what was lent is revoked.
 *
 * The word is written by the home CPU of the cell alone, and may be read by any. Cells are never
 * unmapped, and epochs only rise: a stale capability meets a higher epoch, whatever the cell is
 * used for by then. The other fields are fixed while the epoch is.
 */
#ifndef KERNEL_OBJECT_CELL_H
#define KERNEL_OBJECT_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "kernel/mem/store.h"

#define CELL_DEPTH_MAX 8u
#define CELL_EPOCH_LAST (UINT32_MAX - 1)

struct cell {
    uint64_t word;       /* epoch in its upper half; of an object's root: kind, state, home below */
    struct cell *parent; /* null: a root; of a free cell, the next free one */
    uint32_t parent_epoch;
    uint32_t depth; /* 0: a root */
};

static inline uint64_t cell_word(const struct cell *cell)
{
    return __atomic_load_n(&cell->word, __ATOMIC_ACQUIRE);
}

static inline uint32_t cell_epoch(const struct cell *cell)
{
    return (uint32_t)(cell_word(cell) >> 32);
}

/* The next epoch: whatever noted this one is dead. Home only. */
static inline void cell_advance(struct cell *cell)
{
    __atomic_store_n(&cell->word, cell->word + (UINT64_C(1) << 32), __ATOMIC_RELEASE);
}

/* Ends a cell that may be used again: false if it may not, since its epochs would repeat. Home only. */
[[nodiscard]] static inline bool cell_retire(struct cell *cell)
{
    cell_advance(cell);
    return cell_epoch(cell) != CELL_EPOCH_LAST;
}

/* Whether a capability that noted this epoch of the cell still stands. */
static inline bool cell_is_live(const struct cell *cell, uint32_t epoch)
{
    while (cell_epoch(cell) == epoch) {
        if (cell->parent == NULL) {
            return true;
        }
        epoch = cell->parent_epoch;
        cell = cell->parent;
    }
    return false;
}

/* The cells of one CPU that aren't roots. */
struct cell_area {
    struct store store;
    struct cell *free;
    uint32_t n_used;
};

MUST_CHECK status_t cell_area_init(struct cell_area *area);
void cell_area_release(struct cell_area *area);

/* A cell below parent, as of that epoch of it. ERR_LIMIT: too deep; ERR_NO_MEMORY. */
MUST_CHECK status_t cell_new(struct cell_area *area, struct cell *parent, uint32_t parent_epoch,
                             struct cell **out);
/* Kills what noted it, and gives it back. */
void cell_free(struct cell_area *area, struct cell *cell);

#endif
