/*
 * The clocks that guests read. What that needs was written once, when the clocks were started, but
 * for the coarse time, which the machine keeps writing.
 */
#include "kernel/call/clock.h"

#include "kernel/arch.h"

#define NS_PER_SECOND UINT64_C(1000000000)

static struct {
    uint64_t coarse_ns;
    uint64_t start_ns, start_cycles;
    /* A cycle is ns_per_cycle / 2^64 ns, shifted left by this: 0 for counters faster than 1 GHz. */
    uint64_t ns_per_cycle, cycle_shift;
} shared;

const void *clock_shared(void)
{
    return &shared;
}

void clock_start(void)
{
    if (shared.ns_per_cycle != 0) {
        return;
    }
    uint64_t rate = arch_cycles_per_second();
    arch_ticker_start(&shared.coarse_ns);
    while (rate <= NS_PER_SECOND >> shared.cycle_shift) {
        shared.cycle_shift++;
    }
    shared.start_ns = arch_time_ns();
    shared.start_cycles = arch_cycles();
    shared.ns_per_cycle =
        (uint64_t)(((unsigned __int128)NS_PER_SECOND << (64 - shared.cycle_shift)) / rate);
}

uint64_t call_time_coarse(void)
{
    return __atomic_load_n(&shared.coarse_ns, __ATOMIC_RELAXED);
}

uint64_t call_time_precise(void)
{
    uint64_t cycles = (arch_cycles() - shared.start_cycles) << shared.cycle_shift;
    return shared.start_ns + (uint64_t)((unsigned __int128)cycles * shared.ns_per_cycle >> 64);
}

#define LOAD(field) {ENGINE_TEMPLATE_LOAD, offsetof(typeof(shared), field)}

const struct engine_template_inst clock_coarse_template[CLOCK_COARSE_INSTS] = {LOAD(coarse_ns)};

const struct engine_template_inst clock_precise_template[CLOCK_PRECISE_INSTS] = {
    {ENGINE_TEMPLATE_CYCLES, 0}, LOAD(start_cycles),       {ENGINE_TEMPLATE_SUB, 0},
    LOAD(cycle_shift),           {ENGINE_TEMPLATE_SHL, 0}, LOAD(ns_per_cycle),
    {ENGINE_TEMPLATE_MULHI, 0},  LOAD(start_ns),           {ENGINE_TEMPLATE_ADD, 0},
};
