/*
 * What ACPI tables say about the machine. rsdp is where the loader said that they begin, or 0.
 */
#ifndef ARCH_X86_64_ACPI_H
#define ARCH_X86_64_ACPI_H

#include "arch/x86_64/page.h"

/* The APIC ids of the CPUs that may be used, in the order of the table; at most cap. Returns how
 * many: 0 when there are no tables. */
uint32_t x86_acpi_cpus(pa_t rsdp, uint32_t *apic_ids, uint32_t cap);

/* Switches the machine off; returns if it can't. */
void x86_acpi_power_off(pa_t rsdp);

#endif
