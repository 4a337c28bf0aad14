/*
 * Physical pages: see page.h.
 */
#include "arch/x86_64/page.h"

#include "arch/x86_64/cpu.h"

#define RUNS_MAX 64u
#define RUN_PAGES 16u
#define RESERVE_PAGES 32u

struct page_run {
    uint64_t start, end; /* physical, whole pages, ascending */
};

struct page_link {
    struct page_link *next;
};

/* What the machine has. The runs are fixed once pages are handed out; n_taken is the only word
 * that two CPUs write. */
static struct {
    struct page_run runs[RUNS_MAX];
    uint32_t n_runs;
    uint64_t n_pages, n_numbers; /* see run_numbers */
    uint64_t n_taken;            /* of n_numbers; atomic */
} memory;

/* Pages are numbered through all runs of memory. Each run begins at a multiple of RUN_PAGES, so
 * that what a CPU takes at once lies in one of them. */
static uint64_t run_numbers(const struct page_run *run)
{
    uint64_t n = (run->end - run->start) / PAGE_BYTES;
    return (n + RUN_PAGES - 1) / RUN_PAGES * RUN_PAGES;
}

static void run_add(uint64_t start, uint64_t end)
{
    start = (start + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    end &= ~(uint64_t)(PAGE_BYTES - 1);
    if (start < end && memory.n_runs < RUNS_MAX) {
        memory.runs[memory.n_runs++] = (struct page_run){start, end};
        memory.n_pages += (end - start) / PAGE_BYTES;
        memory.n_numbers += run_numbers(&memory.runs[memory.n_runs - 1]);
    }
}

void x86_page_add(uint64_t start, uint64_t end)
{
    run_add(start, end);
}

void x86_page_exclude(uint64_t start, uint64_t end)
{
    start &= ~(uint64_t)(PAGE_BYTES - 1);
    end = (end + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    uint32_t n = memory.n_runs;
    struct page_run old[RUNS_MAX];
    for (uint32_t i = 0; i < n; i++) {
        old[i] = memory.runs[i];
    }
    memory.n_runs = 0;
    memory.n_pages = 0;
    memory.n_numbers = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (start >= old[i].end || end <= old[i].start) {
            run_add(old[i].start, old[i].end);
            continue;
        }
        run_add(old[i].start, start < old[i].start ? old[i].start : start);
        run_add(end > old[i].end ? old[i].end : end, old[i].end);
    }
}

/* Gives the CPU the next pages that were never used. */
static bool run_refill(struct page_list *list)
{
    uint64_t number = __atomic_fetch_add(&memory.n_taken, RUN_PAGES, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < memory.n_runs; i++) {
        const struct page_run *run = &memory.runs[i];
        if (number >= run_numbers(run)) {
            number -= run_numbers(run);
            continue;
        }
        list->run_start = run->start + number * PAGE_BYTES;
        list->run_end = list->run_start + RUN_PAGES * PAGE_BYTES;
        list->run_end = list->run_end < run->end ? list->run_end : run->end;
        return true;
    }
    /* so that asking forever doesn't wrap it */
    __atomic_fetch_sub(&memory.n_taken, RUN_PAGES, __ATOMIC_RELAXED);
    return false;
}

status_t x86_page_alloc(pa_t *out)
{
    struct page_list *list = &x86_cpu_self()->pages;
    if (list->first != NULL) {
        struct page_link *page = list->first;
        list->first = page->next;
        list->n--;
        out->raw = (uint64_t)page - DIRECT_START;
        return STATUS_OK;
    }
    if (list->run_start == list->run_end && !run_refill(list)) {
        return ERR_NO_MEMORY;
    }
    out->raw = list->run_start;
    list->run_start += PAGE_BYTES;
    return STATUS_OK;
}

status_t x86_page_zalloc(pa_t *out)
{
    status_t status = x86_page_alloc(out);
    if (status == STATUS_OK) {
        x86_page_fill(direct_ptr(*out), 0);
    }
    return status;
}

bool x86_page_is_scarce(void)
{
    const struct page_list *list = &x86_cpu_self()->pages;
    uint64_t taken = __atomic_load_n(&memory.n_taken, __ATOMIC_RELAXED);
    uint64_t n = taken < memory.n_numbers ? memory.n_numbers - taken : 0;
    return n + list->n + (list->run_end - list->run_start) / PAGE_BYTES < RESERVE_PAGES;
}

void x86_page_free(pa_t page)
{
    struct page_list *list = &x86_cpu_self()->pages;
    struct page_link *link = direct_ptr(page);
    link->next = list->first;
    if (list->first == NULL) {
        list->last = link;
    }
    list->first = link;
    list->n++;
}

void x86_page_list_take(struct page_list *from)
{
    struct page_list *list = &x86_cpu_self()->pages;
    if (from->first == NULL) {
        return;
    }
    from->last->next = list->first;
    if (list->first == NULL) {
        list->last = from->last;
    }
    list->first = from->first;
    list->n += from->n;
    from->first = NULL;
    from->n = 0;
}

uint64_t x86_page_count_all(void)
{
    return memory.n_pages;
}

/* What was handed to CPUs, less what they have left. */
uint64_t x86_page_count_used(void)
{
    uint64_t taken = __atomic_load_n(&memory.n_taken, __ATOMIC_RELAXED), n = 0;
    for (uint32_t i = 0; i < memory.n_runs; i++) {
        const struct page_run *run = &memory.runs[i];
        uint64_t n_run = (run->end - run->start) / PAGE_BYTES;
        n += taken < n_run ? taken : n_run;
        taken -= taken < run_numbers(run) ? taken : run_numbers(run);
    }
    for (uint32_t i = 0; i < CPUS_MAX; i++) {
        const struct page_list *list = &x86_cpu_at(i)->pages;
        n -= list->n + (list->run_end - list->run_start) / PAGE_BYTES;
    }
    return n;
}
