/*
 * A store: a reservation that is handed out from the bottom up and committed as that goes on, in
 * steps. For what a kernel may need a great deal of, but most have little of: a machine may make
 * ready what is committed, so a whole area at once would cost at each boot.
 */
#ifndef KERNEL_MEM_STORE_H
#define KERNEL_MEM_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct store {
    uint8_t *base; /* fixed */
    size_t cap_bytes, committed_bytes, used_bytes;
};

MUST_CHECK status_t store_init(struct store *store, size_t max_bytes);
void store_release(struct store *store);

/* n_bytes, a multiple of 16, zero; null when the store is full or the machine has no memory. */
void *store_alloc(struct store *store, size_t n_bytes);

#endif
