/*
 * Reservations: a list of runs of addresses, ascending, in memory of its own. Reserving is
 * finding a gap in it, and touches no page table; what lies in the runs is paging.c's.
 */
#include <assert.h>

#include "arch/x86_64/layout.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/space.h"
#include "kernel/arch.h"

struct run {
    uint64_t start, end;
};

#define RUNS ((struct run *)SPACE_START)
#define RUNS_MAX (SPACE_BYTES / sizeof(struct run))

static uint64_t n_runs;

/* Large runs begin where a large entry does, so that committing them takes few. */
static uint64_t run_align(uint64_t len_bytes)
{
    return len_bytes >= UINT64_C(1) << 30   ? UINT64_C(1) << 30
           : len_bytes >= UINT64_C(1) << 21 ? UINT64_C(1) << 21
                                            : PAGE_BYTES;
}

status_t x86_space_start(void)
{
    return x86_paging_commit(SPACE_START, SPACE_BYTES);
}

/* The first gap that is large enough: which run follows it, and where it starts. */
static bool gap_find(uint64_t len_bytes, uint64_t *at, uint64_t *start)
{
    uint64_t align = run_align(len_bytes), gap = RESERVE_START;
    for (uint64_t i = 0; i <= n_runs; i++) {
        uint64_t end = i == n_runs ? RESERVE_END : RUNS[i].start;
        uint64_t aligned = (gap + align - 1) & -align;
        if (aligned <= end && end - aligned >= len_bytes) {
            *at = i;
            *start = aligned;
            return true;
        }
        gap = i == n_runs ? end : RUNS[i].end;
    }
    return false;
}

status_t arch_reserve(size_t len_bytes, uint8_t **out)
{
    uint64_t at, start;
    if (len_bytes == 0 || len_bytes > RESERVE_END - RESERVE_START || n_runs == RUNS_MAX) {
        return ERR_NO_MEMORY;
    }
    uint64_t whole_bytes = (len_bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    if (!gap_find(whole_bytes, &at, &start)) {
        return ERR_NO_MEMORY;
    }
    for (uint64_t i = n_runs; i > at; i--) {
        RUNS[i] = RUNS[i - 1];
    }
    RUNS[at] = (struct run){start, start + whole_bytes};
    n_runs++;
    *out = (uint8_t *)start; // NOLINT(performance-no-int-to-ptr)
    return STATUS_OK;
}

void arch_release(void *start, size_t len_bytes)
{
    (void)len_bytes;
    uint64_t low = 0, high = n_runs;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (RUNS[middle].start < (uint64_t)start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    assert(low < n_runs && RUNS[low].start == (uint64_t)start);
    x86_paging_decommit(RUNS[low].start, RUNS[low].end - RUNS[low].start);
    n_runs--;
    for (uint64_t i = low; i < n_runs; i++) {
        RUNS[i] = RUNS[i + 1];
    }
}

/* ---- what lies in them, by whole pages ---- */

static uint64_t page_round(size_t len_bytes)
{
    return (len_bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

status_t arch_commit(void *start, size_t len_bytes)
{
    return x86_paging_commit((uint64_t)start, page_round(len_bytes));
}

void arch_decommit(void *start, size_t len_bytes)
{
    x86_paging_decommit((uint64_t)start, page_round(len_bytes));
}

void arch_discard(void *start, size_t len_bytes)
{
    x86_paging_discard((uint64_t)start, page_round(len_bytes));
}

status_t arch_seal_code(void *start, size_t len_bytes)
{
    return x86_paging_seal((uint64_t)start, page_round(len_bytes), true);
}

status_t arch_seal_constants(void *start, size_t len_bytes)
{
    return x86_paging_seal((uint64_t)start, page_round(len_bytes), false);
}
