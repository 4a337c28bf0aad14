/*
 * Tables of capabilities.
 */
#include "kernel/object/cap.h"

#include <assert.h>
#include <string.h>

#define N_USES_MAX 0x7fffu /* handles aren't negative */

/* Puts the places [first, mask] on the list of free ones, the lowest first. */
static void places_free(struct cap_table *table, uint32_t first)
{
    for (uint32_t i = table->mask; i >= first; i--) {
        table->caps[i] = (struct cap){.badge = table->first_free};
        table->first_free = i;
    }
}

void cap_table_init(struct cap_table *table)
{
    *table = (struct cap_table){.caps = table->own_caps, .mask = CAP_TABLE_INLINE - 1};
    places_free(table, 1);
}

static uint64_t caps_bytes(const struct cap_table *table)
{
    return (table->mask + UINT64_C(1)) * sizeof *table->caps;
}

static uint64_t lent_bytes(const struct cap_table *table)
{
    return (table->mask + UINT64_C(1)) * sizeof(struct cell *);
}

static void storage_free(struct cap_table *table, const struct cap_memory *memory)
{
    if (table->caps != table->own_caps) {
        block_free(memory->blocks, table->caps, caps_bytes(table));
    }
    if (table->lent != NULL) {
        block_free(memory->blocks, (void *)table->lent, lent_bytes(table));
    }
}

void cap_table_release(struct cap_table *table, const struct cap_memory *memory)
{
    for (uint32_t i = 0; table->lent != NULL && i <= table->mask; i++) {
        if (table->lent[i] != NULL) {
            cell_free(memory->cells, table->lent[i]);
        }
    }
    storage_free(table, memory);
    cap_table_init(table);
}

struct cap cap_to(struct object *object, uint16_t rights, uint64_t badge)
{
    return (struct cap){
        .object = object,
        .cell = &object->root,
        .badge = badge,
        .epoch = cell_epoch(&object->root),
        .permit = PERMIT(object_kind(object), rights),
    };
}

/* Twice the places. */
static status_t table_grow(struct cap_table *table, const struct cap_memory *memory)
{
    if (table->mask + 1 == CAP_TABLE_MAX) {
        return ERR_LIMIT;
    }
    struct cap_table larger = *table;
    larger.mask = table->mask * 2 + 1;
    void *caps, *lent = NULL;
    status_t status = block_alloc(memory->blocks, caps_bytes(&larger), &caps);
    if (status == STATUS_OK && table->lent != NULL) {
        status = block_alloc(memory->blocks, lent_bytes(&larger), &lent);
        if (status != STATUS_OK) {
            block_free(memory->blocks, caps, caps_bytes(&larger));
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    memcpy(caps, table->caps, caps_bytes(table));
    if (lent != NULL) {
        memset(lent, 0, lent_bytes(&larger));
        memcpy(lent, (void *)table->lent, lent_bytes(table));
    }
    storage_free(table, memory);
    uint32_t first_new = table->mask + 1;
    table->caps = caps;
    table->lent = lent;
    table->mask = larger.mask;
    places_free(table, first_new);
    return STATUS_OK;
}

status_t cap_reserve(struct cap_table *table, const struct cap_memory *memory, uint32_t n)
{
    while (table->mask - table->n_used < n) {
        status_t status = table_grow(table, memory);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

handle_t cap_add(struct cap_table *table, const struct cap *cap)
{
    uint32_t i = table->first_free;
    assert(i != 0);
    struct cap *place = &table->caps[i];
    uint16_t n_uses = place->n_uses;
    table->first_free = (uint32_t)place->badge;
    table->n_used++;
    *place = *cap;
    place->n_uses = n_uses;
    return (handle_t)((uint32_t)n_uses << HANDLE_INDEX_BITS | i);
}

/* The place that a handle names, whether or not it is live; null. */
static struct cap *place_find(const struct cap_table *table, handle_t handle)
{
    uint32_t i = (uint32_t)handle & (CAP_TABLE_MAX - 1);
    struct cap *place = &table->caps[i & table->mask]; /* masked: also in speculation */
    bool is_named = i <= table->mask && place->object != NULL && handle > 0 &&
                    place->n_uses == (uint32_t)handle >> HANDLE_INDEX_BITS;
    return is_named ? place : NULL;
}

status_t cap_find(const struct cap_table *table, handle_t handle, uint16_t permit, struct cap **out)
{
    struct cap *cap = place_find(table, handle);
    if (cap == NULL) {
        return ERR_BAD_HANDLE;
    }
    uint16_t rights = permit & RIGHTS_ALL;
    if (permit != rights && (cap->permit ^ permit) >> 12 != 0) {
        return ERR_WRONG_KIND;
    }
    if ((cap->permit & rights) != rights) {
        return ERR_NO_RIGHT;
    }
    if (!cap_is_live(cap)) {
        return ERR_REVOKED;
    }
    *out = cap;
    return STATUS_OK;
}

/* Empties a place. One whose handles would repeat is never used again. */
static void place_clear(struct cap_table *table, const struct cap_memory *memory, struct cap *place)
{
    uint32_t i = (uint32_t)(place - table->caps);
    if (table->lent != NULL && table->lent[i] != NULL) {
        cell_free(memory->cells, table->lent[i]);
        table->lent[i] = NULL;
    }
    uint16_t n_uses = place->n_uses;
    *place = (struct cap){.badge = table->first_free, .n_uses = (uint16_t)(n_uses + 1)};
    if (n_uses != N_USES_MAX) {
        table->first_free = i;
        table->n_used--;
    }
}

status_t cap_take(struct cap_table *table, const struct cap_memory *memory, handle_t handle,
                  struct cap *out)
{
    struct cap *place = place_find(table, handle);
    if (place == NULL) {
        return ERR_BAD_HANDLE;
    }
    *out = *place;
    place_clear(table, memory, place);
    return STATUS_OK;
}

status_t cap_close(struct cap_table *table, const struct cap_memory *memory, handle_t handle)
{
    struct cap closed;
    return cap_take(table, memory, handle, &closed);
}

status_t cap_copy(const struct cap_table *table, handle_t handle, uint16_t rights, struct cap *out)
{
    struct cap *cap;
    status_t status = cap_find(table, handle, RIGHT_ANY_DUPLICATE | (rights & RIGHTS_ALL), &cap);
    if (status != STATUS_OK) {
        return status;
    }
    *out = *cap;
    out->permit = PERMIT(cap_kind(cap), rights & RIGHTS_ALL);
    return STATUS_OK;
}

static status_t lent_make(struct cap_table *table, const struct cap_memory *memory)
{
    void *lent;
    status_t status = block_alloc(memory->blocks, lent_bytes(table), &lent);
    if (status == STATUS_OK) {
        memset(lent, 0, lent_bytes(table));
        table->lent = lent;
    }
    return status;
}

status_t cap_lend(struct cap_table *table, const struct cap_memory *memory, handle_t handle,
                  uint16_t rights, struct cap *out)
{
    status_t status = cap_copy(table, handle, rights, out);
    if (status == STATUS_OK && table->lent == NULL) {
        status = lent_make(table, memory);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct cell **lent = &table->lent[(uint32_t)handle & table->mask];
    if (*lent == NULL) {
        status = cell_new(memory->cells, out->cell, out->epoch, lent);
        if (status != STATUS_OK) {
            return status;
        }
    }
    out->cell = *lent;
    out->epoch = cell_epoch(*lent);
    return STATUS_OK;
}

status_t cap_revoke(struct cap_table *table, const struct cap_memory *memory, handle_t handle)
{
    struct cap *cap;
    status_t status = cap_find(table, handle, 0, &cap);
    if (status != STATUS_OK) {
        return status;
    }
    struct cell **lent = table->lent == NULL ? NULL : &table->lent[cap - table->caps];
    if (lent != NULL && *lent != NULL) {
        cell_free(memory->cells, *lent);
        *lent = NULL;
    }
    return STATUS_OK;
}
