/*
 * Physical pages. Memory that was never used is handed to CPUs in runs, from the bottom up, so
 * that nothing has to be made for each page at the start; freed pages are in a list of their CPU.
 * Two CPUs meet only at one counter.
 */
#ifndef ARCH_X86_64_PAGE_H
#define ARCH_X86_64_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/layout.h"
#include "base/status.h"

/* A physical address. */
typedef struct {
    uint64_t raw;
} pa_t;

/* Physical memory through the direct map. */
static inline void *direct_ptr(pa_t pa)
{
    return (void *)(DIRECT_START + pa.raw); // NOLINT(performance-no-int-to-ptr)
}

/* Fills a page with a word. */
void x86_page_fill(void *page, uint64_t word);

/* A CPU's free pages. */
struct page_list {
    uint64_t run_start, run_end; /* physical: never used */
    struct page_link *first, *last;
    uint64_t n; /* in the list */
};

/* [start, end) is memory; [start, end) is not to be handed out. Before the first page is, the
 * memory first, ascending. Bounds needn't be whole pages. */
void x86_page_add(uint64_t start, uint64_t end);
void x86_page_exclude(uint64_t start, uint64_t end);

/* A page, with anything in it, or zeroed. ERR_NO_MEMORY. */
MUST_CHECK status_t x86_page_alloc(pa_t *out);
MUST_CHECK status_t x86_page_zalloc(pa_t *out);
void x86_page_free(pa_t page);

/* Whether this CPU has so few pages left that they are for the kernel only: it needs some to end
 * a program that took the others. */
bool x86_page_is_scarce(void);

/* Moves the free list of a CPU that does nothing now to this one's. */
void x86_page_list_take(struct page_list *from);

/* All pages, and those that are in use; while no other CPU works. */
uint64_t x86_page_count_all(void);
uint64_t x86_page_count_used(void);

#endif
