/*
 * ACPI tables (ACPI 6.5 §5.2): the CPUs, and switching off. They are a firmware's: every length is
 * checked, and what doesn't add up isn't used.
 */
#include "arch/x86_64/acpi.h"

#include <string.h>

#include "arch/x86_64/paging.h"
#include "arch/x86_64/x86.h"

struct acpi_root {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t len_bytes; /* from here on since revision 2 */
    uint64_t xsdt;
    uint8_t checksum_all, reserved[3];
} __attribute__((packed));
#define ROOT_BYTES_V1 20u

struct acpi_header {
    char signature[4];
    uint32_t len_bytes;
    uint8_t revision, checksum;
    char oem[26];
} __attribute__((packed));
static_assert(sizeof(struct acpi_header) == 36);

struct acpi_madt {
    struct acpi_header header;
    uint32_t apic_pa, flags;
} __attribute__((packed));

struct acpi_madt_cpu {
    uint8_t type, len_bytes, id, apic_id;
    uint32_t flags;
} __attribute__((packed));
#define MADT_CPU 0
#define MADT_CPU_ENABLED 1u

#define TABLE_MAX_BYTES (1u << 20)

static bool sum_is_zero(const void *start, size_t len_bytes)
{
    const uint8_t *bytes = start;
    uint8_t sum = 0;
    for (size_t i = 0; i < len_bytes; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum == 0;
}

/* A whole table, checked; null if it is none. */
static const struct acpi_header *table_map(uint64_t pa)
{
    const void *at;
    if (pa == 0 ||
        x86_paging_map_firmware((pa_t){pa}, sizeof(struct acpi_header), &at) != STATUS_OK) {
        return NULL;
    }
    uint32_t len_bytes = ((const struct acpi_header *)at)->len_bytes;
    if (len_bytes < sizeof(struct acpi_header) || len_bytes > TABLE_MAX_BYTES ||
        x86_paging_map_firmware((pa_t){pa}, len_bytes, &at) != STATUS_OK ||
        !sum_is_zero(at, len_bytes)) {
        return NULL;
    }
    return at;
}

/* ---- the root pointer ---- */

#define ROOT_AREA_START UINT64_C(0xe0000)
#define ROOT_AREA_BYTES UINT64_C(0x20000)
#define ROOT_ALIGN 16u

static bool root_is_good(const struct acpi_root *root)
{
    return memcmp(root->signature, "RSD PTR ", sizeof root->signature) == 0 &&
           sum_is_zero(root, ROOT_BYTES_V1);
}

/* Where a BIOS puts it (ACPI 6.5 §5.2.5.1). */
static const struct acpi_root *root_search(void)
{
    const void *area;
    if (x86_paging_map_firmware((pa_t){ROOT_AREA_START}, ROOT_AREA_BYTES, &area) != STATUS_OK) {
        return NULL;
    }
    const uint8_t *bytes = area;
    for (uint64_t i = 0; i + sizeof(struct acpi_root) <= ROOT_AREA_BYTES; i += ROOT_ALIGN) {
        const struct acpi_root *root = (const struct acpi_root *)(bytes + i);
        if (root_is_good(root)) {
            return root;
        }
    }
    return NULL;
}

static const struct acpi_root *root_find(pa_t rsdp)
{
    const void *at;
    if (rsdp.raw != 0 &&
        x86_paging_map_firmware(rsdp, sizeof(struct acpi_root), &at) == STATUS_OK &&
        root_is_good(at)) {
        return at;
    }
    return root_search();
}

/* ---- tables ---- */

/* The table with a signature that the root table lists. */
static const struct acpi_header *table_find(pa_t rsdp, const char *signature)
{
    const struct acpi_root *root = root_find(rsdp);
    if (root == NULL) {
        return NULL;
    }
    bool is_wide = root->revision >= 2 && root->xsdt != 0;
    uint32_t entry_bytes = is_wide ? 8 : 4;
    const struct acpi_header *list = table_map(is_wide ? root->xsdt : root->rsdt);
    if (list == NULL) {
        return NULL;
    }
    const uint8_t *entries = (const uint8_t *)(list + 1);
    for (uint32_t at = 0; at + entry_bytes <= list->len_bytes - sizeof *list; at += entry_bytes) {
        uint64_t pa = 0;
        memcpy(&pa, entries + at, entry_bytes);
        const struct acpi_header *table = table_map(pa);
        if (table != NULL && memcmp(table->signature, signature, sizeof table->signature) == 0) {
            return table;
        }
    }
    return NULL;
}

uint32_t x86_acpi_cpus(pa_t rsdp, uint32_t *apic_ids, uint32_t cap)
{
    const struct acpi_header *madt = table_find(rsdp, "APIC");
    uint32_t n = 0;
    if (madt == NULL || madt->len_bytes < sizeof(struct acpi_madt)) {
        return 0;
    }
    const uint8_t *bytes = (const uint8_t *)madt;
    uint32_t at = sizeof(struct acpi_madt);
    while (at + 2 <= madt->len_bytes && bytes[at + 1] >= 2) {
        uint8_t len_bytes = bytes[at + 1];
        struct acpi_madt_cpu cpu;
        if (bytes[at] == MADT_CPU && len_bytes >= sizeof cpu &&
            at + sizeof cpu <= madt->len_bytes) {
            memcpy(&cpu, bytes + at, sizeof cpu);
            if ((cpu.flags & MADT_CPU_ENABLED) != 0 && n < cap) {
                apic_ids[n++] = cpu.apic_id;
            }
        }
        at += len_bytes;
    }
    return n;
}

/* ---- switching off ---- */

/* The fixed description (§5.2.9), as far as it is read. */
struct acpi_fadt {
    struct acpi_header header;
    uint32_t facs, dsdt;
    uint8_t skipped[20];
    uint32_t pm1a_control; /* a port */
    uint8_t skipped_more[44];
    uint32_t flags;
    uint8_t skipped_again[128];
    uint8_t sleep_space, sleep_skipped[3]; /* "sleep control", where hardware is reduced */
    uint64_t sleep_address;
} __attribute__((packed));
static_assert(offsetof(struct acpi_fadt, pm1a_control) == 64);
static_assert(offsetof(struct acpi_fadt, flags) == 112);
static_assert(offsetof(struct acpi_fadt, sleep_space) == 244);
#define FADT_BYTES_V1 116u
#define FADT_REDUCED (1u << 20)
#define SPACE_MEMORY 0
#define SPACE_PORT 1
#define PM1_SLEEP (1u << 13) /* the type in bits 10 to 12, §4.8.3.2 */
#define SLEEP_NOW (1u << 5)  /* the type in bits 2 to 4, §4.8.3.7 */

/* The sleep type of state S5: the first element of the package \_S5, which compiled tables hold as
 * `08 "_S5_" 12 length elements, 0a type` or with 00 or 01 for the type (§20.2). */
static bool sleep_type(const struct acpi_header *dsdt, uint8_t *out)
{
    static const uint8_t name[] = {0x08, '_', 'S', '5', '_', 0x12};
    const uint8_t *bytes = (const uint8_t *)dsdt;
    for (uint32_t at = sizeof *dsdt; at + sizeof name + 7 <= dsdt->len_bytes; at++) {
        if (memcmp(bytes + at, name, sizeof name) != 0) {
            continue;
        }
        const uint8_t *element = bytes + at + sizeof name;
        element += 1 + (*element >> 6) + 1; /* the length's bytes, the number of elements */
        *out = *element == 0x0a ? element[1] : *element;
        return *out < 8;
    }
    return false;
}

static void sleep_write(const struct acpi_fadt *fadt, uint8_t type)
{
    if ((fadt->flags & FADT_REDUCED) == 0) {
        x86_out16((uint16_t)fadt->pm1a_control, (uint16_t)(type << 10 | PM1_SLEEP));
        return;
    }
    uint8_t value = (uint8_t)(type << 2 | SLEEP_NOW);
    volatile void *at;
    if (fadt->header.len_bytes < sizeof *fadt) {
        return;
    }
    if (fadt->sleep_space == SPACE_PORT) {
        x86_out8((uint16_t)fadt->sleep_address, value);
    } else if (fadt->sleep_space == SPACE_MEMORY &&
               x86_paging_map_device((pa_t){fadt->sleep_address}, 1, &at) == STATUS_OK) {
        *(volatile uint8_t *)at = value;
    }
}

void x86_acpi_power_off(pa_t rsdp)
{
    const struct acpi_header *table = table_find(rsdp, "FACP");
    if (table == NULL || table->len_bytes < FADT_BYTES_V1) {
        return;
    }
    const struct acpi_fadt *fadt = (const struct acpi_fadt *)table;
    const struct acpi_header *dsdt = table_map(fadt->dsdt);
    uint8_t type;
    if (dsdt != NULL && sleep_type(dsdt, &type)) {
        sleep_write(fadt, type);
    }
}
