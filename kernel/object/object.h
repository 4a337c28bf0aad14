/*
 * Kernel objects: what capabilities name.
 *
 * An object begins with its root cell, whose word says all that another CPU may know of it: which
 * incarnation of its place this is (epoch), its kind, its state (whatever the kind makes of it),
 * and its home. The rest of an object is its home CPU's alone.
 *
 * Objects of a kind lie in an area of their own and stay objects of that kind: a stale pointer
 * meets the same word, with a later epoch (MECHANISMS 14).
 */
#ifndef KERNEL_OBJECT_OBJECT_H
#define KERNEL_OBJECT_OBJECT_H

#include "abi/object.h"
#include "kernel/object/cell.h"

struct object {
    struct cell root;
};

#define OBJECT_HOME_SHIFT 0   /* 16 bits */
#define OBJECT_STATE_SHIFT 16 /* 8 bits */
#define OBJECT_KIND_SHIFT 24  /* 8 bits */

static inline uint64_t object_word(const struct object *object)
{
    return cell_word(&object->root);
}

static inline enum object_kind object_kind(const struct object *object)
{
    return (enum object_kind)(uint8_t)(object_word(object) >> OBJECT_KIND_SHIFT);
}

static inline uint8_t object_state(const struct object *object)
{
    return (uint8_t)(object_word(object) >> OBJECT_STATE_SHIFT);
}

static inline uint16_t object_home(const struct object *object)
{
    return (uint16_t)(object_word(object) >> OBJECT_HOME_SHIFT);
}

/* Home only. */
static inline void object_state_set(struct object *object, uint8_t state)
{
    uint64_t word = object->root.word & ~(UINT64_C(0xff) << OBJECT_STATE_SHIFT);
    word |= (uint64_t)state << OBJECT_STATE_SHIFT;
    __atomic_store_n(&object->root.word, word, __ATOMIC_RELEASE);
}

/* The objects of one kind on one CPU. */
struct object_area {
    struct store store;
    struct object *free; /* linked by root.parent, which is null in a used one */
    uint32_t object_bytes;
    uint32_t n_used;
    enum object_kind kind;
    uint16_t home;
};

MUST_CHECK status_t object_area_init(struct object_area *area, enum object_kind kind, uint16_t home,
                                     uint32_t object_bytes, uint32_t n_max);
void object_area_release(struct object_area *area);

/* A new object, zero but for its root, in state 0. ERR_NO_MEMORY. */
MUST_CHECK status_t object_new(struct object_area *area, struct object **out);
/* All capabilities to it are dead from here on. */
void object_free(struct object_area *area, struct object *object);

#endif
