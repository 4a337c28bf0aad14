/*
 * Looks at all page tables for what must never be: a page that is writable and executable, code
 * that can be written through the direct map, a page for ring 3, something near null, something
 * below a stack. And counts: every page that was handed out is a table or mapped by one, or it is
 * lost.
 */
#include "arch/x86_64/audit.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/entry.h"
#include "arch/x86_64/panic.h"

struct audit {
    uint64_t n_pages, n_code, n_findings;
    uint64_t n_owned; /* tables, and pages that came from the pool */
};

static void finding(struct audit *audit, const struct place *place, const char *text)
{
    audit->n_findings++;
    x86_log_line("audit: 0x%llx: %s (entry 0x%llx, level %u)", (unsigned long long)place->start,
                 text, (unsigned long long)place->value, place->level);
}

static void code_look(struct audit *audit, const struct place *place)
{
    uint64_t pa = entry_page(place->value).raw;
    for (uint64_t at = 0; at < place->span_bytes;) {
        struct place alias = x86_place_find(DIRECT_START + pa + at);
        if ((alias.value & ENTRY_PRESENT) != 0 && (alias.value & ENTRY_WRITE) != 0) {
            finding(audit, place, "code that the direct map can write");
            return;
        }
        at = place_end(&alias) - DIRECT_START - pa;
    }
    audit->n_code += place->span_bytes / PAGE_BYTES;
}

static bool is_of_pool(uint64_t va)
{
    return va < RESERVE_END || (va >= SPACE_START && va < DEVICES_START);
}

/* The tables that begin with this place. */
static uint32_t tables_begun(const struct place *place)
{
    uint32_t n = 0;
    for (uint32_t level = place->level;
         level < LEVEL_ROOT && place->start % level_span(level + 1) == 0; level++) {
        n++;
    }
    return n;
}

static void place_look(struct audit *audit, const struct place *place)
{
    audit->n_owned += tables_begun(place);
    if (place->value == 0) {
        return;
    }
    if (place->start < RESERVE_START) {
        finding(audit, place, "near null");
    }
    if ((place->value & ENTRY_PRESENT) == 0) {
        return;
    }
    audit->n_pages += place->span_bytes / PAGE_BYTES;
    audit->n_owned += is_of_pool(place->start) ? place->span_bytes / PAGE_BYTES : 0;
    if ((place->value & ENTRY_USER) != 0) {
        finding(audit, place, "for ring 3");
    }
    if ((place->value & ENTRY_NO_EXECUTE) == 0) {
        if ((place->value & ENTRY_WRITE) != 0) {
            finding(audit, place, "writable and executable");
        }
        code_look(audit, place);
    }
}

static void guard_look(struct audit *audit, uint64_t stack_start)
{
    struct place place = x86_place_find(stack_start - PAGE_BYTES);
    if (place.value != 0) {
        finding(audit, &place, "no guard below a stack");
    }
}

static void range_look(struct audit *audit, uint64_t start, uint64_t last)
{
    for (uint64_t va = start;;) {
        struct place place = x86_place_find(va);
        place_look(audit, &place);
        va = place_end(&place);
        if (va - 1 >= last) {
            return;
        }
    }
}

uint32_t x86_audit_run(void)
{
    struct audit audit = {.n_owned = 1}; /* the root */
    range_look(&audit, 0, RESERVE_END - 1);
    range_look(&audit, UPPER_START, UINT64_MAX);
    for (uint32_t n = 0; n < CPUS_MAX; n++) {
        uint64_t start = CPUS_START + (uint64_t)n * CPU_BYTES;
        guard_look(&audit, start + KERNEL_STACK_END - KERNEL_STACK_BYTES);
        for (uint32_t i = 1; i <= IST_LAST; i++) {
            guard_look(&audit, start + IST_END(i) - IST_BYTES(i));
        }
    }
    if (audit.n_owned != x86_page_count_used()) {
        x86_log_line("audit: %llu pages are in use, but %llu in the page tables",
                     (unsigned long long)x86_page_count_used(), (unsigned long long)audit.n_owned);
        audit.n_findings++;
    }
    x86_log_line("audit: %llu pages mapped, %llu of them code; %llu of %llu in use; %llu findings",
                 (unsigned long long)audit.n_pages, (unsigned long long)audit.n_code,
                 (unsigned long long)audit.n_owned, (unsigned long long)x86_page_count_all(),
                 (unsigned long long)audit.n_findings);
    return (uint32_t)audit.n_findings;
}
