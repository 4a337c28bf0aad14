/*
 * Where objects lie, and their incarnations.
 */
#include "kernel/object/object.h"

#include <assert.h>
#include <string.h>

#define OBJECT_ALIGN 64u

status_t object_area_init(struct object_area *area, enum object_kind kind, uint16_t home,
                          uint32_t object_bytes, uint32_t n_max)
{
    uint32_t whole_bytes = (object_bytes + OBJECT_ALIGN - 1) / OBJECT_ALIGN * OBJECT_ALIGN;
    *area = (struct object_area){.object_bytes = whole_bytes, .kind = kind, .home = home};
    return store_init(&area->store, (size_t)n_max * whole_bytes);
}

void object_area_release(struct object_area *area)
{
    store_release(&area->store);
    *area = (struct object_area){};
}

status_t object_new(struct object_area *area, struct object **out)
{
    struct object *object = area->free;
    uint64_t epoch = 1;
    if (object != NULL) {
        area->free = (struct object *)object->root.parent;
        epoch = cell_epoch(&object->root);
        memset(object + 1, 0, area->object_bytes - sizeof *object);
    } else {
        object = store_alloc(&area->store, area->object_bytes);
        if (object == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    object->root = (struct cell){
        .word = epoch << 32 | (uint64_t)area->kind << OBJECT_KIND_SHIFT |
                (uint64_t)area->home << OBJECT_HOME_SHIFT,
    };
    area->n_used++;
    *out = object;
    return STATUS_OK;
}

void object_free(struct object_area *area, struct object *object)
{
    assert(area->n_used != 0 && object_kind(object) == area->kind);
    area->n_used--;
    if (cell_retire(&object->root)) {
        object->root.parent = (struct cell *)area->free;
        area->free = object;
    }
}
