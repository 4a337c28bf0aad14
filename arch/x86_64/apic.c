/*
 * The local APIC (SDM 3A 10), by its registers in memory: every CPU sees its own at one address.
 */
#include "arch/x86_64/apic.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/fault.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/x86.h"

#define APIC_PA UINT64_C(0xfee00000)

enum apic_register {
    APIC_ID = 0x20,
    APIC_ACKNOWLEDGE = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_COMMAND_LOW = 0x300,
    APIC_COMMAND_HIGH = 0x310,
    APIC_TIMER = 0x320,
    APIC_TIMER_START = 0x380,
    APIC_TIMER_NOW = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

#define APIC_ENABLE 0x100u
#define APIC_DIVIDE_BY_1 0xbu
#define COMMAND_PENDING 0x1000u
#define COMMAND_FIXED 0x4000u /* assert */
#define COMMAND_RESET 0x4500u
#define COMMAND_STARTUP 0x4600u
#define ID_SHIFT 24

static volatile uint32_t *registers; /* fixed after the first x86_apic_start */

static uint32_t apic_get(enum apic_register at)
{
    return registers[at / sizeof *registers];
}

static void apic_set(enum apic_register at, uint32_t value)
{
    registers[at / sizeof *registers] = value;
}

/* The two old controllers: moved away from the CPU's own vectors, since they may still raise
 * spurious interrupts, and masked. */
static void pic_mask(void)
{
    static const uint8_t words[][2] = {{0x11, 0x11}, {32, 40}, {4, 2}, {1, 1}, {0xff, 0xff}};
    x86_out8(0x20, words[0][0]);
    x86_out8(0xa0, words[0][1]);
    for (uint32_t i = 1; i < sizeof words / sizeof words[0]; i++) {
        x86_out8(0x21, words[i][0]);
        x86_out8(0xa1, words[i][1]);
    }
}

void x86_apic_start(void)
{
    struct x86_cpu *cpu = x86_cpu_self();
    if (cpu->has_apic) {
        return;
    }
    if (registers == NULL) {
        volatile void *at;
        if (x86_paging_map_device((pa_t){APIC_PA}, PAGE_BYTES, &at) != STATUS_OK) {
            x86_panic("no memory to map the local APIC");
        }
        registers = at;
        pic_mask();
    }
    apic_set(APIC_SPURIOUS, APIC_ENABLE | VECTOR_SPURIOUS);
    apic_set(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_set(APIC_TIMER, VECTOR_TIMER);
    cpu->apic_id = apic_get(APIC_ID) >> ID_SHIFT;
    cpu->has_apic = true;
}

void x86_apic_acknowledge(void)
{
    apic_set(APIC_ACKNOWLEDGE, 0);
}

void x86_apic_timer_set(uint32_t count)
{
    apic_set(APIC_TIMER_START, count);
}

uint32_t x86_apic_timer_get(void)
{
    return apic_get(APIC_TIMER_NOW);
}

/* Interrupts are off in between: a handler that sends, too, would change the other half. */
static void command_send(uint32_t apic_id, uint32_t command)
{
    uint64_t flags;
    __asm__ volatile("pushfq; pop %0; cli" : "=r"(flags)::"memory");
    apic_set(APIC_COMMAND_HIGH, apic_id << ID_SHIFT);
    apic_set(APIC_COMMAND_LOW, command);
    while ((apic_get(APIC_COMMAND_LOW) & COMMAND_PENDING) != 0) {
        x86_pause();
    }
    __asm__ volatile("push %0; popfq" ::"r"(flags) : "memory", "cc");
}

void x86_apic_wake(uint32_t apic_id)
{
    command_send(apic_id, COMMAND_FIXED | VECTOR_WAKE);
}

void x86_apic_reset(uint32_t apic_id)
{
    command_send(apic_id, COMMAND_RESET);
}

void x86_apic_startup(uint32_t apic_id, uint8_t page)
{
    command_send(apic_id, COMMAND_STARTUP | page);
}
