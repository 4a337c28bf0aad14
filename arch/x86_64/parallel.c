/*
 * The other CPUs: started when there is work for them, and then waiting for a job's number to
 * change. Every CPU that is up takes part in every job, if only to say that it is done.
 */
#include "arch/x86_64/parallel.h"

#include <string.h>

#include "arch/x86_64/acpi.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/entry.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/x86.h"
#include "kernel/arch.h"

#define NS_PER_MS UINT64_C(1000000)
#define RESET_NS (10 * NS_PER_MS)
#define START_NS (200 * NS_PER_MS)
#define STARTUPS_MAX 10u

/* Written by CPU 0 between jobs, but for the atomic words. */
static struct {
    pa_t rsdp;
    uint32_t n_listed; /* in the machine's tables; 0: not yet looked */
    uint32_t apic_ids[CPUS_MAX];
    bool is_started;
    uint32_t n_up;                /* with CPU 0 */
    struct x86_cpu *up[CPUS_MAX]; /* [n_up] */

    void (*work)(void *ctx, uint32_t i);
    void *ctx;
    uint32_t n;
    uint32_t number;    /* of the job: a new one is a job to do; atomic */
    uint32_t n_running; /* other CPUs that aren't done; atomic */
} machine = {.n_up = 1};

void x86_parallel_init(pa_t rsdp)
{
    machine.rsdp = rsdp;
    machine.up[0] = x86_cpu_self();
}

static uint32_t cpus_list(void)
{
    if (machine.n_listed == 0) {
        uint32_t n = x86_acpi_cpus(machine.rsdp, machine.apic_ids, CPUS_MAX);
        machine.n_listed = n == 0 ? 1 : n;
    }
    return machine.n_listed;
}

uint32_t arch_cpu_count(void)
{
    return machine.is_started ? machine.n_up : cpus_list();
}

/* ---- waiting ---- */

/* is_asleep before the look at the word, the word before the look at is_asleep: one of both sees
 * the other, so no wake-up is lost (MECHANISMS 10, 15). */
void arch_word_wait(const uint32_t *word, uint32_t seen)
{
    struct x86_cpu *cpu = x86_cpu_self();
    x86_interrupts_off();
    __atomic_store_n(&cpu->is_asleep, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == seen) {
        x86_sleep();
    }
    __atomic_store_n(&cpu->is_asleep, false, __ATOMIC_RELAXED);
    x86_interrupts_on();
}

void arch_word_wake(const uint32_t *word)
{
    (void)word; /* who waits for another looks at it and sleeps on */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < machine.n_up; i++) {
        struct x86_cpu *cpu = machine.up[i];
        if (cpu != x86_cpu_self() && __atomic_load_n(&cpu->is_asleep, __ATOMIC_RELAXED)) {
            x86_apic_wake(cpu->apic_id);
        }
    }
}

/* ---- starting ---- */

struct ap_mailbox {
    struct x86_cpu *cpu;
    uint64_t stack_end;
    uint64_t tables;
};

extern const uint8_t ap_start[], ap_mailbox[], ap_end[];

static void delay(uint64_t ns)
{
    uint64_t deadline_ns = arch_time_ns() + ns;
    while (arch_time_ns() < deadline_ns) {
        x86_pause();
    }
}

static bool cpu_comes_up(const struct x86_cpu *cpu)
{
    uint64_t deadline_ns = arch_time_ns() + START_NS;
    while (!__atomic_load_n(&cpu->is_up, __ATOMIC_ACQUIRE)) {
        if (arch_time_ns() >= deadline_ns) {
            return false;
        }
        x86_pause();
    }
    return true;
}

/* The mailbox in the page where CPUs start. Who starts takes the record out of it: one that comes
 * too late finds none, or that of the next, and either is good. */
static struct ap_mailbox *mailbox_at(void)
{
    uint8_t *page = direct_ptr((pa_t){AP_START_PA});
    return (struct ap_mailbox *)(page + (ap_mailbox - ap_start));
}

static void mailbox_put(struct x86_cpu *cpu)
{
    memcpy(direct_ptr((pa_t){AP_START_PA}), ap_start, (size_t)(ap_end - ap_start));
    struct ap_mailbox *mailbox = mailbox_at();
    mailbox->stack_end = x86_cpu_stack_end(cpu->number);
    mailbox->tables = x86_cr3_read();
    __atomic_store_n(&mailbox->cpu, cpu, __ATOMIC_SEQ_CST);
}

/* SDM 3A 8.4.4: INIT, 10 ms, then a start-up message; another one is ignored by a CPU that
 * runs. One CPU at a time: they start in the same page. */
static bool cpu_boot(struct x86_cpu *cpu, uint32_t number, uint32_t apic_id)
{
    cpu->number = number;
    if (x86_cpu_stacks_make(number) != STATUS_OK) {
        return false;
    }
    mailbox_put(cpu);
    x86_apic_reset(apic_id);
    delay(RESET_NS);
    for (uint32_t i = 0; i < STARTUPS_MAX; i++) {
        x86_apic_startup(apic_id, AP_START_PA / PAGE_BYTES);
        if (cpu_comes_up(cpu)) {
            return true;
        }
    }
    if (__atomic_exchange_n(&mailbox_at()->cpu, NULL, __ATOMIC_SEQ_CST) != NULL) {
        return false;
    }
    while (!cpu_comes_up(cpu)) { /* it is on its way */
    }
    return true;
}

static void cpus_start(void)
{
    x86_apic_start();
    uint32_t self = x86_cpu_self()->apic_id;
    for (uint32_t i = 0; i < cpus_list(); i++) {
        if (machine.apic_ids[i] == self || machine.n_up == CPUS_MAX) {
            continue;
        }
        struct x86_cpu *cpu = x86_cpu_at(machine.n_up);
        if (!cpu_boot(cpu, machine.n_up, machine.apic_ids[i])) {
            x86_log_line("cpu with APIC id %u doesn't start", machine.apic_ids[i]);
            continue;
        }
        machine.up[machine.n_up++] = cpu;
    }
    machine.is_started = true;
}

/* ---- jobs ---- */

/* A CPU's share: i = number, number + n_up, and so on. */
static void job_share(uint32_t number)
{
    for (uint32_t i = number; i < machine.n; i += machine.n_up) {
        machine.work(machine.ctx, i);
    }
}

[[noreturn]] void x86_cpu_start(struct x86_cpu *cpu);
void x86_cpu_start(struct x86_cpu *cpu)
{
    x86_cpu_init(cpu, cpu->number);
    x86_apic_start();
    uint32_t seen = __atomic_load_n(&machine.number, __ATOMIC_ACQUIRE);
    __atomic_store_n(&cpu->is_up, true, __ATOMIC_RELEASE);
    for (;;) {
        while (__atomic_load_n(&machine.number, __ATOMIC_ACQUIRE) == seen) {
            arch_word_wait(&machine.number, seen);
        }
        seen++;
        x86_tlb_flush();
        job_share(cpu->number);
        __atomic_sub_fetch(&machine.n_running, 1, __ATOMIC_RELEASE);
        arch_word_wake(&machine.n_running);
    }
}

void arch_parallel(uint32_t n, void (*work)(void *ctx, uint32_t i), void *ctx)
{
    if (!machine.is_started) {
        cpus_start();
    }
    machine.work = work;
    machine.ctx = ctx;
    machine.n = n;
    machine.n_running = machine.n_up - 1;
    __atomic_add_fetch(&machine.number, 1, __ATOMIC_SEQ_CST);
    arch_word_wake(&machine.number);
    job_share(0);
    uint32_t running;
    while ((running = __atomic_load_n(&machine.n_running, __ATOMIC_ACQUIRE)) != 0) {
        arch_word_wait(&machine.n_running, running);
    }
    for (uint32_t i = 1; i < machine.n_up; i++) {
        x86_page_list_take(&machine.up[i]->pages);
    }
}
