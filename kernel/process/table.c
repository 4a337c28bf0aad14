/*
 * Tables. Elements are 16 bytes: for functions what compiled code calls through, for externref
 * the value alone.
 */
#include <assert.h>
#include <string.h>

#include "kernel/mem/pool.h"
#include "kernel/process/process.h"

#define TABLE_ELEMENTS_MAX UINT64_C(10000000) /* as the JavaScript embedding has it */
#define SLOT_BYTES sizeof(struct engine_func_slot)

static_assert(SLOT_BYTES == 16, "compiled code scales by 16");

/* Tables are rarely small and grow rarely: each has pages of its own. */
static status_t table_reserve(struct table *table, struct process *process, uint64_t cap)
{
    size_t len_bytes = (cap * SLOT_BYTES + ARCH_PAGE_BYTES - 1) / ARCH_PAGE_BYTES * ARCH_PAGE_BYTES;
    struct region *region = POOL_NEW(&process->pool, struct region);
    if (region == NULL) {
        return ERR_NO_MEMORY;
    }
    status_t status = arch_reserve(len_bytes, &region->start);
    if (status != STATUS_OK) {
        return status;
    }
    region->len_bytes = len_bytes;
    region->next = process->regions;
    process->regions = region;
    status = arch_commit(region->start, len_bytes);
    if (status != STATUS_OK) {
        return status;
    }
    if (table->view->size != 0) {
        memcpy(region->start, table->view->slots, table->view->size * SLOT_BYTES);
    }
    table->view->slots = (struct engine_func_slot *)region->start;
    table->cap = len_bytes / SLOT_BYTES;
    return STATUS_OK;
}

#define TABLE_SMALL 64u

status_t table_init(struct table *table, struct process *process)
{
    uint64_t size = table->type.limit.min;
    if (size > TABLE_ELEMENTS_MAX) {
        return ERR_LIMIT;
    }
    *table->view = (struct engine_table){};
    if (size <= TABLE_SMALL) {
        table->view->slots = POOL_ARRAY(&process->pool, struct engine_func_slot, size + 1);
        if (table->view->slots == NULL) {
            return ERR_NO_MEMORY;
        }
        table->cap = size;
    } else {
        status_t status = table_reserve(table, process, size);
        if (status != STATUS_OK) {
            return status;
        }
    }
    table->view->size = (uint32_t)size;
    table->next = process->tables;
    process->tables = table;
    return STATUS_OK;
}

void table_set(struct table *table, const struct process *process, uint32_t i, uint64_t value)
{
    assert(i < table->view->size);
    if (table->type.reftype == VALTYPE_EXTERNREF) {
        memcpy(&table->view->slots[i], &value, sizeof value);
        return;
    }
    const struct instance *caller = table->is_shared ? NULL : table->owner;
    table->view->slots[i] = func_slot(process, (uint32_t)value, caller);
}

uint64_t table_get(const struct table *table, uint32_t i)
{
    assert(i < table->view->size);
    if (table->type.reftype == VALTYPE_EXTERNREF) {
        uint64_t value;
        memcpy(&value, &table->view->slots[i], sizeof value);
        return value;
    }
    return table->view->slots[i].ref;
}

void table_share(struct table *table, struct process *process)
{
    if (table->is_shared) {
        return;
    }
    table->is_shared = true;
    for (uint32_t i = 0; i < table->view->size; i++) {
        table_set(table, process, i, table_get(table, i));
    }
}

status_t table_grow(struct table *table, struct process *process, uint32_t delta, uint64_t value,
                    uint32_t *old_size)
{
    uint64_t size = table->view->size;
    uint64_t max = TABLE_ELEMENTS_MAX;
    if (table->type.limit.has_max && table->type.limit.max < max) {
        max = table->type.limit.max;
    }
    *old_size = (uint32_t)size;
    if (size > max || delta > max - size) {
        return ERR_LIMIT;
    }
    if (size + delta > table->cap) {
        uint64_t cap = size + delta > 2 * table->cap ? size + delta : 2 * table->cap;
        status_t status = table_reserve(table, process, cap);
        if (status != STATUS_OK) {
            return status;
        }
    }
    table->view->size = (uint32_t)(size + delta);
    for (uint32_t i = 0; i < delta; i++) {
        table_set(table, process, (uint32_t)size + i, value);
    }
    return STATUS_OK;
}
