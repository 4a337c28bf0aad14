/*
 * The audit of page tables (MECHANISMS 31).
 */
#ifndef ARCH_X86_64_AUDIT_H
#define ARCH_X86_64_AUDIT_H

#include <stdint.h>

/* Looks at every entry and logs what must not be, and a line at the end. The number of findings. */
uint32_t x86_audit_run(void);

#endif
