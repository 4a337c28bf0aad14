/*
 * Page tables, physical pages, reservations and the audit, on memory of the test's own: the sources
 * are included, with a CPU and a direct map that are plain variables. Random requests are compared
 * with a model page by page; and the audit must find what was broken on purpose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/layout.h"

/* Physical memory: 16 MiB, the first of which isn't there. */
#define MEMORY_BYTES (16u << 20)
#define MEMORY_START (1u << 20)
static _Alignas(PAGE_BYTES) uint8_t memory_bytes[MEMORY_BYTES];
#undef DIRECT_START
#undef DIRECT_END
#define DIRECT_START ((uint64_t)memory_bytes)
#define DIRECT_END (DIRECT_START + MEMORY_BYTES)

#include "arch/x86_64/image.h"
#include "arch/x86_64/page.h"

/* In place of x86.h and cpu.h, whose instructions a process may not execute. */
#define ARCH_X86_64_X86_H
#define ARCH_X86_64_CPU_H
struct x86_cpu {
    struct page_list pages;
};
static struct x86_cpu the_cpu;
static struct x86_cpu *x86_cpu_self(void)
{
    return &the_cpu;
}
static struct x86_cpu *x86_cpu_at(uint32_t n)
{
    static struct x86_cpu others;
    return n == 0 ? &the_cpu : &others;
}
struct x86_cpuid {
    uint32_t eax, ebx, ecx, edx;
};
static struct x86_cpuid x86_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)leaf, (void)subleaf;
    return (struct x86_cpuid){.eax = 46};
}
static void x86_tlb_flush_page(uint64_t va)
{
    (void)va;
}
static void x86_cr3_write(uint64_t value)
{
    (void)value;
}
static status_t x86_cpu_stacks_make(uint32_t number)
{
    (void)number;
    return STATUS_OK;
}
void x86_page_fill(void *page, uint64_t word)
{
    for (uint32_t i = 0; i < PAGE_BYTES / sizeof word; i++) {
        memcpy((uint8_t *)page + i * sizeof word, &word, sizeof word);
    }
}
const uint8_t image_text[1], image_constants[1], image_data[1], image_end[1];

// NOLINTBEGIN(bugprone-suspicious-include)
#include "arch/x86_64/audit.c"
#include "arch/x86_64/page.c"
#include "arch/x86_64/paging.c"
// NOLINTEND(bugprone-suspicious-include)

static char said[4096];

void x86_log_line(const char *text, ...)
{
    size_t len_bytes = strlen(said);
    va_list args;
    va_start(args, text);
    (void)vsnprintf(said + len_bytes, sizeof said - len_bytes, text, args);
    va_end(args);
}

void x86_panic(const char *text, ...)
{
    print_error("panic: %s\n", text);
    abort();
}

static int start(void **state)
{
    (void)state;
    memset(&memory, 0, sizeof memory);
    memset(&the_cpu, 0, sizeof the_cpu);
    memset(memory_bytes, 0xee, sizeof memory_bytes);
    said[0] = '\0';
    x86_page_add(MEMORY_START, MEMORY_BYTES);
    return x86_page_zalloc(&root) == STATUS_OK ? 0 : -1;
}

/* ---- the model ---- */

enum page_state : uint8_t { ABSENT, COMMITTED, FILLED, SEALED };
#define MODEL_PAGES 2048u
#define MODEL_START (RESERVE_START + (UINT64_C(1) << 30) - MODEL_PAGES / 2 * PAGE_BYTES)
static enum page_state model[MODEL_PAGES];

static uint64_t va_of(uint32_t i)
{
    return MODEL_START + (uint64_t)i * PAGE_BYTES;
}

static enum page_state state_of(uint32_t i)
{
    uint64_t value = x86_place_find(va_of(i)).value;
    if ((value & ENTRY_PRESENT) == 0) {
        return value == 0 ? ABSENT : COMMITTED;
    }
    return (value & ENTRY_WRITE) != 0 ? FILLED : SEALED;
}

static void commit_random(uint32_t at, uint32_t n)
{
    assert_int_equal(x86_paging_commit(va_of(at), (uint64_t)n * PAGE_BYTES), STATUS_OK);
    for (uint32_t i = at; i < at + n; i++) {
        model[i] = model[i] == ABSENT ? COMMITTED : model[i];
    }
}

static void decommit_random(uint32_t at, uint32_t n)
{
    x86_paging_decommit(va_of(at), (uint64_t)n * PAGE_BYTES);
    for (uint32_t i = at; i < at + n; i++) {
        model[i] = ABSENT;
    }
}

static void discard_random(uint32_t at, uint32_t n)
{
    x86_paging_discard(va_of(at), (uint64_t)n * PAGE_BYTES);
    for (uint32_t i = at; i < at + n; i++) {
        model[i] = model[i] == ABSENT ? ABSENT : COMMITTED;
    }
}

/* A page that was never touched reads as zero, whatever was in it before. */
static void touch_random(uint32_t i)
{
    bool was_filled = model[i] == FILLED;
    enum paging_touch touch = x86_paging_touch(va_of(i), ACCESS_WRITE, true);
    bool may = model[i] == COMMITTED || model[i] == FILLED;
    assert_int_equal(touch, may ? TOUCH_FILLED : TOUCH_FORBIDDEN);
    if (may) {
        model[i] = FILLED;
        uint64_t *page = direct_ptr(entry_page(x86_place_find(va_of(i)).value));
        assert_int_equal(page[i % 512], was_filled ? va_of(i) : 0);
        page[i % 512] = va_of(i);
    }
}

static void model_check(void)
{
    for (uint32_t i = 0; i < MODEL_PAGES; i++) {
        assert_int_equal(state_of(i), model[i]);
    }
}

static void test_random(void **state)
{
    (void)state;
    srand(1);
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t at = (uint32_t)rand() % MODEL_PAGES;
        uint32_t n = (uint32_t)rand() % 700;
        n = n < MODEL_PAGES - at ? n : MODEL_PAGES - at;
        switch (rand() % 16) {
        case 0: commit_random(at, n); break;
        case 1: decommit_random(at, n); break;
        case 2: discard_random(at, n); break;
        default: touch_random(at); break;
        }
        if (round % 500 == 0) {
            model_check();
            if (x86_audit_run() != 0) {
                fail_msg("the audit said: %s", said);
            }
        }
    }
    decommit_random(0, MODEL_PAGES);
    model_check();
    assert_int_equal(x86_page_count_used(), 1); /* the root */
}

static void test_large(void **state)
{
    (void)state;
    uint64_t len_bytes = UINT64_C(1) << 40, start_va = RESERVE_START + (UINT64_C(1) << 30);
    assert_int_equal(x86_paging_commit(start_va, len_bytes), STATUS_OK);
    assert_true(x86_page_count_used() < 8);
    assert_int_equal(x86_paging_touch(start_va + len_bytes - 1, ACCESS_WRITE, true), TOUCH_FILLED);
    assert_int_equal(x86_paging_touch(start_va + len_bytes, ACCESS_READ, true), TOUCH_FORBIDDEN);
    assert_int_equal(x86_paging_touch(start_va - 1, ACCESS_READ, true), TOUCH_FORBIDDEN);
    assert_int_equal(x86_paging_touch(start_va, ACCESS_FETCH, true), TOUCH_FORBIDDEN);
    x86_paging_decommit(start_va, len_bytes);
    assert_int_equal(x86_page_count_used(), 1);
}

/* The direct map is needed for code's alias: entries for it stand where it is. */
static void direct_map_make(void)
{
    assert_int_equal(run_map(DIRECT_START, 0, MEMORY_BYTES, ENTRY_DATA, 1), STATUS_OK);
}

static void test_seal(void **state)
{
    (void)state;
    direct_map_make();
    uint64_t used = x86_page_count_used(), va = va_of(0);
    assert_int_equal(x86_paging_commit(va, 4 * PAGE_BYTES), STATUS_OK);
    assert_int_equal(x86_paging_seal(va, PAGE_BYTES, false), STATUS_OK);
    assert_int_equal(x86_paging_seal(va + PAGE_BYTES, 2 * PAGE_BYTES, true), STATUS_OK);
    assert_int_equal(x86_paging_touch(va, ACCESS_WRITE, true), TOUCH_FORBIDDEN);
    assert_int_equal(x86_paging_touch(va, ACCESS_FETCH, true), TOUCH_FORBIDDEN);
    assert_int_equal(x86_paging_touch(va + PAGE_BYTES, ACCESS_WRITE, true), TOUCH_FORBIDDEN);
    assert_int_equal(x86_paging_touch(va + PAGE_BYTES, ACCESS_FETCH, true), TOUCH_FILLED);
    pa_t page = entry_page(x86_place_find(va + PAGE_BYTES).value);
    assert_false(x86_place_find(DIRECT_START + page.raw).value & ENTRY_WRITE);
    x86_paging_decommit(va, 4 * PAGE_BYTES);
    assert_true(x86_place_find(DIRECT_START + page.raw).value & ENTRY_WRITE);
    assert_int_equal(x86_page_count_used(), used);
}

static void test_exhausted(void **state)
{
    (void)state;
    assert_int_equal(x86_paging_commit(RESERVE_START, UINT64_C(1) << 30), STATUS_OK);
    uint64_t va = RESERVE_START;
    while (x86_paging_touch(va, ACCESS_WRITE, false) == TOUCH_FILLED) {
        va += PAGE_BYTES;
    }
    assert_int_equal(x86_paging_touch(va, ACCESS_WRITE, false), TOUCH_NO_MEMORY);
    uint32_t n_reserve = 0;
    for (; x86_paging_touch(va, ACCESS_WRITE, true) == TOUCH_FILLED; va += PAGE_BYTES) {
        n_reserve++;
    }
    assert_in_range(n_reserve, RESERVE_PAGES - 2, RESERVE_PAGES);
    x86_paging_decommit(RESERVE_START, UINT64_C(1) << 30);
    assert_int_equal(x86_page_count_used(), 1);
}

/* ---- the audit ---- */

static void expect_finding(const char *text)
{
    said[0] = '\0';
    assert_int_not_equal(x86_audit_run(), 0);
    if (strstr(said, text) == NULL) {
        fail_msg("the audit said: %s", said);
    }
}

static void test_audit(void **state)
{
    (void)state;
    direct_map_make();
    uint64_t va = va_of(0);
    assert_int_equal(x86_paging_fill_all(va, 2 * PAGE_BYTES), STATUS_OK);
    assert_int_equal(x86_paging_seal(va, PAGE_BYTES, true), STATUS_OK);
    struct place code = x86_place_find(va), data = x86_place_find(va + PAGE_BYTES);

    *code.entry |= ENTRY_WRITE;
    expect_finding("writable and executable");
    *code.entry = code.value;
    *data.entry |= ENTRY_USER;
    expect_finding("for ring 3");
    *data.entry = data.value;
    assert_int_equal(direct_protect(entry_page(code.value), true), STATUS_OK);
    expect_finding("code that the direct map can write");
    assert_int_equal(direct_protect(entry_page(code.value), false), STATUS_OK);
    *data.entry = 0;
    expect_finding("pages are in use");
    *data.entry = data.value;
    assert_int_equal(x86_paging_commit(0, PAGE_BYTES), STATUS_OK);
    expect_finding("near null");
    x86_paging_decommit(0, PAGE_BYTES);
    uint64_t guard = CPUS_START + IST_END(IST_FAULT) - IST_BYTES(IST_FAULT) - PAGE_BYTES;
    assert_int_equal(x86_paging_fill_all(guard, PAGE_BYTES), STATUS_OK);
    expect_finding("no guard below a stack");
    x86_paging_decommit(guard, PAGE_BYTES);
}

/* Memory that isn't multiples of what CPUs take at once: no page is lost or given twice. */
static void test_pages(void **state)
{
    (void)state;
    memset(&memory, 0, sizeof memory);
    memset(&the_cpu, 0, sizeof the_cpu);
    x86_page_add(MEMORY_START + 100, MEMORY_START + 40 * PAGE_BYTES + 5);
    x86_page_add(MEMORY_START + 64 * PAGE_BYTES, MEMORY_START + 67 * PAGE_BYTES);
    x86_page_exclude(MEMORY_START + 10 * PAGE_BYTES + 1, MEMORY_START + 11 * PAGE_BYTES + 1);
    x86_page_exclude(0, MEMORY_START);
    static uint8_t seen[128];
    uint32_t n = 0;
    pa_t page;
    for (; x86_page_alloc(&page) == STATUS_OK; n++) {
        uint64_t i = (page.raw - MEMORY_START) / PAGE_BYTES;
        assert_true((i >= 1 && i < 10) || (i >= 12 && i < 40) || (i >= 64 && i < 67));
        assert_int_equal(seen[i]++, 0);
    }
    assert_int_equal(n, 9 + 28 + 3);
    assert_int_equal(x86_page_count_all(), n);
    assert_int_equal(x86_page_count_used(), n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_random, start), cmocka_unit_test_setup(test_large, start),
        cmocka_unit_test_setup(test_seal, start),   cmocka_unit_test_setup(test_exhausted, start),
        cmocka_unit_test_setup(test_audit, start),  cmocka_unit_test_setup(test_pages, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
