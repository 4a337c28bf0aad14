/*
 * An arena: one run of memory that the caller owns, handed out from the bottom up.
 *
 * The compiler's whole working memory is an arena that its embedder gives it: the host reserves
 * address space and lets Linux commit pages on touch, the kernel gives pages. Nothing is freed
 * singly; a user takes a mark and goes back to it. Memory handed out is NOT zeroed unless the
 * call says so. Running out is an ordinary answer (NULL), since guests choose how much is needed.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
    uint8_t *base; /* fixed after init */
    size_t cap_bytes;
    size_t used_bytes;
    size_t peak_bytes; /* the most that was ever used */
};

/* Takes over len_bytes of memory at base (16-byte aligned); the caller keeps ownership of it. */
void arena_init(struct arena *arena, void *base, size_t len_bytes);

/* n_bytes, 16-byte aligned, uninitialised; NULL when the arena is full. */
void *arena_alloc(struct arena *arena, size_t n_bytes);

/* n elements of size bytes each, zeroed; NULL when full or when n * size overflows. */
void *arena_zalloc(struct arena *arena, size_t n, size_t size);

/* n elements of size bytes each, uninitialised; NULL when full or on overflow. */
void *arena_array(struct arena *arena, size_t n, size_t size);

/*
 * Grows an allocation from old_bytes to new_bytes: in place if it was the last one, else a copy.
 * NULL when full; the old memory is then still valid. old may be NULL with old_bytes 0.
 */
void *arena_grow(struct arena *arena, void *old, size_t old_bytes, size_t new_bytes);

/* Marks nest like a stack: arena_release(a, m) gives back all handed out since m was taken. */
static inline size_t arena_mark(const struct arena *arena)
{
    return arena->used_bytes;
}

static inline void arena_release(struct arena *arena, size_t mark)
{
    arena->used_bytes = mark;
}

#endif
