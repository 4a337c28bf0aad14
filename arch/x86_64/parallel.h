#ifndef ARCH_X86_64_PARALLEL_H
#define ARCH_X86_64_PARALLEL_H

#include "arch/x86_64/page.h"

/* rsdp: where ACPI tables begin, or 0. */
void x86_parallel_init(pa_t rsdp);

#endif
