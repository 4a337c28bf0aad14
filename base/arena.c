/*
 * The arena allocator: see arena.h.
 */
#include "base/arena.h"

#include <string.h>

#define ARENA_ALIGN 16u

void arena_init(struct arena *arena, void *base, size_t len_bytes)
{
    *arena = (struct arena){.base = base, .cap_bytes = len_bytes};
}

void *arena_alloc(struct arena *arena, size_t n_bytes)
{
    size_t start = (arena->used_bytes + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
    if (start > arena->cap_bytes || n_bytes > arena->cap_bytes - start) {
        return NULL;
    }
    arena->used_bytes = start + n_bytes;
    if (arena->used_bytes > arena->peak_bytes) {
        arena->peak_bytes = arena->used_bytes;
    }
    return arena->base + start;
}

void *arena_array(struct arena *arena, size_t n, size_t size)
{
    size_t n_bytes;
    if (__builtin_mul_overflow(n, size, &n_bytes)) {
        return NULL;
    }
    return arena_alloc(arena, n_bytes);
}

void *arena_zalloc(struct arena *arena, size_t n, size_t size)
{
    void *p = arena_array(arena, n, size);
    if (p != NULL) {
        memset(p, 0, n * size);
    }
    return p;
}

void *arena_grow(struct arena *arena, void *old, size_t old_bytes, size_t new_bytes)
{
    uint8_t *end = arena->base + arena->used_bytes;
    if (old != NULL && (uint8_t *)old + old_bytes == end) {
        size_t start = (size_t)((uint8_t *)old - arena->base);
        if (new_bytes > arena->cap_bytes - start) {
            return NULL;
        }
        arena->used_bytes = start + new_bytes;
        if (arena->used_bytes > arena->peak_bytes) {
            arena->peak_bytes = arena->used_bytes;
        }
        return old;
    }
    void *p = arena_alloc(arena, new_bytes);
    if (p != NULL && old_bytes != 0) {
        memcpy(p, old, old_bytes);
    }
    return p;
}
