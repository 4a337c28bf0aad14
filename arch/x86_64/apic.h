/*
 * The local APIC: timer, and interrupts from CPU to CPU.
 */
#ifndef ARCH_X86_64_APIC_H
#define ARCH_X86_64_APIC_H

#include <stdint.h>

/* Switches this CPU's on; interrupts may be on from then on. Again: does nothing. */
void x86_apic_start(void);
void x86_apic_acknowledge(void);

/* Interrupts once, at VECTOR_TIMER, when the counter has counted that down. 0: never. */
void x86_apic_timer_set(uint32_t count);
uint32_t x86_apic_timer_get(void);

void x86_apic_wake(uint32_t apic_id);
/* Makes another CPU start in real mode at page (a physical address / 4096), after a reset. */
void x86_apic_reset(uint32_t apic_id);
void x86_apic_startup(uint32_t apic_id, uint8_t page);

/* From x86_vector_handle; in time.c. */
void x86_timer_interrupt(void);

#endif
