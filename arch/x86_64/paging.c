/*
 * Page tables: see paging.h. Every operation goes along its range in steps: find the entry for an
 * address as deep as there are tables, split it if it stands for more than the range, change it,
 * go on behind what it stands for. So a range of terabytes in which nothing is costs a step for
 * every 512 GiB.
 */
#include "arch/x86_64/paging.h"

#include <assert.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/entry.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/x86.h"

static pa_t root; /* fixed after x86_paging_start */

uint64_t *x86_paging_root(void)
{
    return direct_ptr(root);
}

static uint64_t entry_get(const uint64_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

/* Changes an entry unless another CPU was faster. */
static bool entry_change(uint64_t *entry, uint64_t old, uint64_t value)
{
    return __atomic_compare_exchange_n(entry, &old, value, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* ---- places ---- */

struct place x86_place_find(uint64_t va)
{
    uint64_t *table = x86_paging_root();
    for (uint32_t level = LEVEL_ROOT;; level--) {
        uint64_t *entry = &table[entry_index(va, level)];
        uint64_t value = entry_get(entry);
        if (!entry_is_table(value, level)) {
            uint64_t span_bytes = level_span(level);
            return (struct place){entry, value, va & -span_bytes, span_bytes, level};
        }
        table = entry_table(value);
    }
}

/* What the entry stands for, in 512 shares. */
static void table_fill(uint64_t *table, const struct place *place)
{
    uint64_t value = place->value;
    if ((value & ENTRY_PRESENT) == 0) {
        x86_page_fill(table, value);
        return;
    }
    uint64_t step = level_span(place->level - 1);
    value &= place->level == 2 ? ~ENTRY_LARGE : ~UINT64_C(0);
    for (uint32_t i = 0; i < TABLE_ENTRIES; i++) {
        table[i] = value + i * step;
    }
}

/* Makes the entry a table of 512, each of which stands for its share of the same. */
static status_t place_split(const struct place *place)
{
    pa_t page;
    status_t status = x86_page_alloc(&page);
    if (status != STATUS_OK) {
        return status;
    }
    table_fill(direct_ptr(page), place);
    if (!entry_change(place->entry, place->value, page.raw | ENTRY_TABLE)) {
        x86_page_free(page);
    }
    return STATUS_OK;
}

/* The entry for va, split until it stands for nothing outside of [va, end). */
static status_t place_within(uint64_t va, uint64_t end, struct place *out)
{
    for (;;) {
        *out = x86_place_find(va);
        if (out->start == va && out->span_bytes <= end - va) {
            return STATUS_OK;
        }
        status_t status = place_split(out);
        if (status != STATUS_OK) {
            return status;
        }
    }
}

/* ---- the direct map ---- */

/* Sets the rights of a page's alias in the direct map, so that code can't be written there. */
static status_t direct_protect(pa_t page, bool is_writable)
{
    uint64_t va = DIRECT_START + page.raw;
    struct place place;
    status_t status = place_within(va, va + PAGE_BYTES, &place);
    if (status == STATUS_OK) {
        *place.entry = is_writable ? place.value | ENTRY_WRITE : place.value & ~ENTRY_WRITE;
        x86_tlb_flush_page(va);
    }
    return status;
}

/* ---- committing ---- */

/* How many entries there are from a place on, in its table and before end. */
static uint64_t place_siblings(const struct place *place, uint64_t end)
{
    uint64_t in_table = TABLE_ENTRIES - (uint64_t)place->entry % PAGE_BYTES / sizeof *place->entry;
    uint64_t in_range = (end - place->start) / place->span_bytes;
    return in_range < in_table ? in_range : in_table;
}

/* Commits the entry, and those behind it as far as they are empty: nobody else changes such ones.
 * Where the range goes on. */
static uint64_t entries_commit(const struct place *place, uint64_t end)
{
    uint64_t *entry = place->entry;
    uint64_t n = place_siblings(place, end), i = 0;
    do {
        entry[i++] = ENTRY_COMMITTED;
    } while (i < n && entry[i] == 0);
    return place->start + i * place->span_bytes;
}

status_t x86_paging_commit(uint64_t start, uint64_t len_bytes)
{
    uint64_t end = start + len_bytes;
    for (uint64_t va = start; va < end;) {
        struct place place = x86_place_find(va);
        if (place.value == 0) {
            status_t status = place_within(va, end, &place);
            if (status != STATUS_OK) {
                return status;
            }
            va = entries_commit(&place, end);
        } else {
            va = place_end(&place);
        }
    }
    return STATUS_OK;
}

/* Gives a present page back; its entry becomes value. */
static void page_leave(const struct place *place, uint64_t value)
{
    pa_t page = entry_page(place->value);
    *place->entry = value;
    x86_tlb_flush_page(place->start);
    if ((place->value & ENTRY_NO_EXECUTE) == 0 && direct_protect(page, true) != STATUS_OK) {
        x86_panic("the direct map's entry of a code page is gone");
    }
    x86_page_free(page);
}

static bool table_is_empty(const uint64_t *table)
{
    for (uint32_t i = 0; i < TABLE_ENTRIES; i++) {
        if (table[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Frees the empty tables on the way to va, from the deepest up. */
static void tables_prune(uint64_t va)
{
    for (;;) {
        uint64_t *table = x86_paging_root(), *entry = NULL;
        uint32_t level = LEVEL_ROOT;
        while (level > 1 && entry_is_table(table[entry_index(va, level)], level)) {
            entry = &table[entry_index(va, level)];
            table = entry_table(*entry);
            level--;
        }
        if (entry == NULL || !table_is_empty(table)) {
            return;
        }
        pa_t page = entry_page(*entry);
        *entry = 0;
        x86_tlb_flush_page(va); /* and what the CPU remembers of the tables (SDM 3A 4.10.4.1) */
        x86_page_free(page);
    }
}

void x86_paging_decommit(uint64_t start, uint64_t len_bytes)
{
    uint64_t end = start + len_bytes;
    for (uint64_t va = start; va < end;) {
        struct place place = x86_place_find(va);
        if (place.value != 0) {
            if (place_within(va, end, &place) != STATUS_OK) {
                x86_panic("no memory for a page table");
            }
            if ((place.value & ENTRY_PRESENT) != 0) {
                page_leave(&place, 0);
            } else {
                *place.entry = 0;
            }
        }
        uint64_t next = place_end(&place);
        bool leaves_table = place.level < LEVEL_ROOT && next % level_span(place.level + 1) == 0;
        if (leaves_table || next >= end) {
            tables_prune(va);
        }
        va = next;
    }
}

void x86_paging_discard(uint64_t start, uint64_t len_bytes)
{
    uint64_t end = start + len_bytes;
    for (uint64_t va = start; va < end;) {
        struct place place = x86_place_find(va);
        if ((place.value & ENTRY_PRESENT) != 0) {
            assert(place.level == 1);
            page_leave(&place, ENTRY_COMMITTED);
        }
        va = place_end(&place);
    }
}

/* ---- filling ---- */

static status_t place_fill(const struct place *place)
{
    pa_t page;
    status_t status = x86_page_zalloc(&page);
    if (status == STATUS_OK && !entry_change(place->entry, place->value, page.raw | ENTRY_DATA)) {
        x86_page_free(page);
    }
    return status;
}

static bool entry_allows(uint64_t value, enum paging_access access)
{
    switch (access) {
    case ACCESS_WRITE: return (value & ENTRY_WRITE) != 0;
    case ACCESS_FETCH: return (value & ENTRY_NO_EXECUTE) == 0;
    case ACCESS_READ:
    default: return true;
    }
}

enum paging_touch x86_paging_touch(uint64_t va, enum paging_access access, bool is_kernel)
{
    for (;;) {
        struct place place = x86_place_find(va);
        if ((place.value & ENTRY_PRESENT) != 0) { /* filled by another CPU meanwhile? */
            return entry_allows(place.value, access) ? TOUCH_FILLED : TOUCH_FORBIDDEN;
        }
        if ((place.value & ENTRY_COMMITTED) == 0 || access == ACCESS_FETCH) {
            return TOUCH_FORBIDDEN;
        }
        if (!is_kernel && x86_page_is_scarce()) {
            return TOUCH_NO_MEMORY;
        }
        status_t status = place.level > 1 ? place_split(&place) : place_fill(&place);
        if (status != STATUS_OK) {
            return TOUCH_NO_MEMORY;
        }
    }
}

/* The present page of a committed address. */
static status_t page_get(uint64_t va, struct place *out)
{
    if (x86_paging_touch(va, ACCESS_READ, true) != TOUCH_FILLED) {
        return ERR_NO_MEMORY;
    }
    *out = x86_place_find(va);
    return STATUS_OK;
}

status_t x86_paging_fill_all(uint64_t start, uint64_t len_bytes)
{
    status_t status = x86_paging_commit(start, len_bytes);
    struct place place;
    for (uint64_t va = start; va < start + len_bytes && status == STATUS_OK; va += PAGE_BYTES) {
        status = page_get(va, &place);
    }
    return status;
}

status_t x86_paging_seal(uint64_t start, uint64_t len_bytes, bool is_code)
{
    for (uint64_t va = start; va < start + len_bytes; va += PAGE_BYTES) {
        struct place place;
        status_t status = page_get(va, &place);
        pa_t page = entry_page(place.value);
        if (status == STATUS_OK && is_code) {
            status = direct_protect(page, false);
        }
        if (status != STATUS_OK) {
            return status;
        }
        *place.entry = page.raw | (is_code ? ENTRY_CODE : ENTRY_CONSTANT);
        x86_tlb_flush_page(va);
    }
    return STATUS_OK;
}

/* ---- fixed mappings ---- */

/* Maps entries from a place on, as far as they are no tables; n at most. How many. */
static uint64_t entries_map(const struct place *place, uint64_t n, uint64_t value)
{
    uint64_t *entry = place->entry, i = 0;
    if (place->level == 1) {
#pragma clang loop unroll_count(8)
        for (; i < n; i++) {
            entry[i] = value + i * PAGE_BYTES;
        }
        return n;
    }
    for (; i < n && !entry_is_table(entry[i], place->level); i++) {
        entry[i] = (value + i * place->span_bytes) | ENTRY_LARGE;
    }
    return i;
}

/* Maps [va, va + len) to pa on, by the largest pages that fit, none larger than max_level's. */
static status_t run_map(uint64_t va, uint64_t pa, uint64_t len_bytes, uint64_t rights,
                        uint32_t max_level)
{
    uint64_t end = va + len_bytes;
    while (va < end) {
        struct place place = x86_place_find(va);
        if (place.level > max_level || place.start != va || place.span_bytes > end - va ||
            pa % place.span_bytes != 0) {
            status_t status = place_split(&place);
            if (status != STATUS_OK) {
                return status;
            }
            continue;
        }
        uint64_t n = entries_map(&place, place_siblings(&place, end), pa | rights);
        va += n * place.span_bytes;
        pa += n * place.span_bytes;
    }
    return STATUS_OK;
}

#define DIRECT_RUNS_MAX 64u

/* Memory to be mapped; and the next free address for devices. */
static struct {
    struct {
        uint64_t start, end;
    } runs[DIRECT_RUNS_MAX];
    uint32_t n_runs;
    uint64_t devices_end;
} direct = {.devices_end = DEVICES_START};

void x86_direct_map(uint64_t start, uint64_t end)
{
    start &= ~(uint64_t)(PAGE_BYTES - 1);
    end = (end + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    end = end < DIRECT_END - DIRECT_START ? end : DIRECT_END - DIRECT_START;
    if (start < end && direct.n_runs < DIRECT_RUNS_MAX) {
        direct.runs[direct.n_runs].start = start;
        direct.runs[direct.n_runs++].end = end;
    }
}

/* Addresses come from firmware: the CPU must have that many bits of them (SDM 2A, CPUID). */
static bool pa_is_valid(pa_t pa, uint64_t len_bytes)
{
    uint64_t end = UINT64_C(1) << (x86_cpuid(0x80000008u, 0).eax & 63);
    return pa.raw < end && len_bytes <= end - pa.raw;
}

static status_t device_map(pa_t pa, uint64_t len_bytes, uint64_t rights, uint64_t *out)
{
    uint64_t skew = pa.raw % PAGE_BYTES, va = direct.devices_end;
    uint64_t whole_bytes = (skew + len_bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    if (!pa_is_valid(pa, len_bytes) || len_bytes > DEVICES_END - DEVICES_START ||
        whole_bytes > DEVICES_END - va) {
        return ERR_NO_MEMORY;
    }
    *out = va + skew;
    direct.devices_end += whole_bytes;
    return run_map(va, pa.raw - skew, whole_bytes, rights, 1);
}

status_t x86_paging_map_device(pa_t pa, uint64_t len_bytes, volatile void **out)
{
    uint64_t va;
    status_t status = device_map(pa, len_bytes, ENTRY_DATA | ENTRY_UNCACHED, &va);
    *out = (volatile void *)va; // NOLINT(performance-no-int-to-ptr)
    return status;
}

status_t x86_paging_map_firmware(pa_t pa, uint64_t len_bytes, const void **out)
{
    uint64_t va;
    status_t status = device_map(pa, len_bytes, ENTRY_CONSTANT, &va);
    *out = (const void *)va; // NOLINT(performance-no-int-to-ptr)
    return status;
}

/* ---- the start ---- */

static status_t image_map(const uint8_t *start, const uint8_t *end, uint64_t rights)
{
    uint64_t va = (uint64_t)start;
    return run_map(va, va - IMAGE_START, (uint64_t)(end - start), rights, 1);
}

static status_t direct_map_all(void)
{
    bool has_gib_pages = (x86_cpuid(0x80000001u, 0).edx >> 26 & 1) != 0;
    for (uint32_t i = 0; i < direct.n_runs; i++) {
        uint64_t start = direct.runs[i].start;
        status_t status = run_map(DIRECT_START + start, start, direct.runs[i].end - start,
                                  ENTRY_DATA, has_gib_pages ? 3 : 2);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static status_t tables_build(void)
{
    status_t status = image_map(image_text, image_constants, ENTRY_CODE);
    if (status == STATUS_OK) {
        status = image_map(image_constants, image_data, ENTRY_CONSTANT);
    }
    if (status == STATUS_OK) {
        status = image_map(image_data, image_end, ENTRY_DATA);
    }
    if (status == STATUS_OK) {
        status = direct_map_all();
    }
    if (status == STATUS_OK) { /* code can't be written there either */
        uint64_t pa = (uint64_t)image_text - IMAGE_START;
        status = run_map(DIRECT_START + pa, pa, (uint64_t)(image_constants - image_text),
                         ENTRY_CONSTANT, 1);
    }
    return status == STATUS_OK ? x86_cpu_stacks_make(0) : status;
}

void x86_paging_enter(void)
{
    x86_cr3_write(root.raw);
}

void x86_paging_start(void)
{
    if (x86_page_zalloc(&root) != STATUS_OK || tables_build() != STATUS_OK) {
        x86_panic("no memory for the page tables");
    }
    x86_paging_enter();
}
