/*
 * Stores.
 */
#include "kernel/mem/store.h"

#include "kernel/arch.h"

#define STEP_BYTES ((size_t)256 << 10)

status_t store_init(struct store *store, size_t max_bytes)
{
    *store = (struct store){};
    size_t cap_bytes = (max_bytes + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES;
    status_t status = arch_reserve(cap_bytes, &store->base);
    if (status == STATUS_OK) {
        store->cap_bytes = cap_bytes;
    }
    return status;
}

void store_release(struct store *store)
{
    if (store->cap_bytes != 0) {
        arch_release(store->base, store->cap_bytes);
    }
    *store = (struct store){};
}

void *store_alloc(struct store *store, size_t n_bytes)
{
    if (n_bytes > store->cap_bytes - store->used_bytes) {
        return NULL;
    }
    size_t end_bytes = store->used_bytes + n_bytes;
    if (end_bytes > store->committed_bytes) {
        size_t more_bytes =
            (end_bytes - store->committed_bytes + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES;
        if (arch_commit(store->base + store->committed_bytes, more_bytes) != STATUS_OK) {
            return NULL;
        }
        store->committed_bytes += more_bytes;
    }
    void *out = store->base + store->used_bytes;
    store->used_bytes = end_bytes;
    return out;
}
