/*
 * Cells that aren't roots: their storage.
 */
#include "kernel/object/cell.h"

#include <assert.h>

#define CELLS_MAX (16u << 20)
#define CELL_BYTES 32u
static_assert(sizeof(struct cell) <= CELL_BYTES);

status_t cell_area_init(struct cell_area *area)
{
    *area = (struct cell_area){};
    return store_init(&area->store, (size_t)CELLS_MAX * CELL_BYTES);
}

void cell_area_release(struct cell_area *area)
{
    store_release(&area->store);
    *area = (struct cell_area){};
}

static struct cell *cell_take(struct cell_area *area)
{
    struct cell *cell = area->free;
    if (cell != NULL) {
        area->free = cell->parent;
        return cell;
    }
    return store_alloc(&area->store, CELL_BYTES); /* epoch 0 */
}

status_t cell_new(struct cell_area *area, struct cell *parent, uint32_t parent_epoch,
                  struct cell **out)
{
    if (parent->depth == CELL_DEPTH_MAX) {
        return ERR_LIMIT;
    }
    struct cell *cell = cell_take(area);
    if (cell == NULL) {
        return ERR_NO_MEMORY;
    }
    cell->parent = parent;
    cell->parent_epoch = parent_epoch;
    cell->depth = parent->depth + 1;
    area->n_used++;
    *out = cell;
    return STATUS_OK;
}

void cell_free(struct cell_area *area, struct cell *cell)
{
    assert(cell->depth != 0 && area->n_used != 0);
    area->n_used--;
    if (cell_retire(cell)) {
        cell->parent = area->free;
        area->free = cell;
    }
}
