/*
 * Capabilities, and the table of a process that holds them.
 *
 * A capability is an object, what may be done with it, and the cell by which it can be taken back.
 * A program names it by a handle: the place in its table, and how often that place was used
 * before, so that a handle kept too long names nothing instead of something else.
 *
 * Who holds a capability may copy it (cap_copy: the copy lives as long as the original would have)
 * or lend it (cap_lend: the copy, and all that is made from it, dies when the lender says
 * cap_revoke or closes its own). Both can narrow rights, and neither can widen them.
 */
#ifndef KERNEL_OBJECT_CAP_H
#define KERNEL_OBJECT_CAP_H

#include "kernel/mem/block.h"
#include "kernel/object/object.h"

struct cap {
    struct object *object; /* null: a free place */
    struct cell *cell;
    uint64_t badge;  /* what the receiver learns of who sent; of a free place, the next free one */
    uint32_t epoch;  /* of the cell */
    uint16_t permit; /* the object's kind in the upper 4 bits, rights in the lower 12 */
    uint16_t n_uses; /* of the place: the upper part of its handle */
};
static_assert(sizeof(struct cap) == 32);

#define PERMIT(kind, rights) ((uint16_t)((uint16_t)(kind) << 12 | (rights)))

static inline enum object_kind cap_kind(const struct cap *cap)
{
    return (enum object_kind)(cap->permit >> 12);
}

static inline uint16_t cap_rights(const struct cap *cap)
{
    return cap->permit & RIGHTS_ALL;
}

static inline bool cap_is_live(const struct cap *cap)
{
    return cell_is_live(cap->cell, cap->epoch);
}

#define CAP_TABLE_INLINE 8u
#define CAP_TABLE_MAX (1u << HANDLE_INDEX_BITS)

struct cap_table {
    struct cap *caps; /* [mask + 1], a power of two; place 0 is never used */
    uint32_t mask;
    uint32_t n_used;
    uint32_t first_free; /* 0: none */
    struct cell **lent;  /* [mask + 1] the cell of what was lent from this place; or null */
    struct cap own_caps[CAP_TABLE_INLINE];
};

/* The CPU's storage that tables use. */
struct cap_memory {
    struct block_area *blocks;
    struct cell_area *cells;
};

void cap_table_init(struct cap_table *table);
/* Closes all. */
void cap_table_release(struct cap_table *table, const struct cap_memory *memory);

/* The first capability to an object. */
struct cap cap_to(struct object *object, uint16_t rights, uint64_t badge);

/* Room for n more, which can then be added without fail. ERR_LIMIT, ERR_NO_MEMORY. */
MUST_CHECK status_t cap_reserve(struct cap_table *table, const struct cap_memory *memory,
                                uint32_t n);
/* There is room, asserted. */
handle_t cap_add(struct cap_table *table, const struct cap *cap);

/*
 * The capability behind a handle. permit: the kind it must be of (OBJECT_NONE: any), and the rights
 * it must have. ERR_BAD_HANDLE, ERR_WRONG_KIND, ERR_NO_RIGHT, ERR_REVOKED. The pointer is good until
 * the table changes.
 */
MUST_CHECK status_t cap_find(const struct cap_table *table, handle_t handle, uint16_t permit,
                             struct cap **out);

/* What was lent from it is revoked. ERR_BAD_HANDLE. */
MUST_CHECK status_t cap_close(struct cap_table *table, const struct cap_memory *memory,
                              handle_t handle);

/* A copy with these rights only. ERR_NO_RIGHT: more than it has, or it may not be copied. */
MUST_CHECK status_t cap_copy(const struct cap_table *table, handle_t handle, uint16_t rights,
                             struct cap *out);
/* A copy that cap_revoke takes back. Also ERR_LIMIT: lent too often in turn; ERR_NO_MEMORY. */
MUST_CHECK status_t cap_lend(struct cap_table *table, const struct cap_memory *memory,
                             handle_t handle, uint16_t rights, struct cap *out);
/* Kills what was lent from it, and all that came of that. ERR_BAD_HANDLE, ERR_REVOKED. */
MUST_CHECK status_t cap_revoke(struct cap_table *table, const struct cap_memory *memory,
                               handle_t handle);

/* Takes it out of the table, to be put into another; what was lent from it is revoked. */
MUST_CHECK status_t cap_take(struct cap_table *table, const struct cap_memory *memory,
                             handle_t handle, struct cap *out);

#endif
