/*
 * The clocks that guests read. Both run as native functions, entered by compiled code directly: no
 * state but what was written once, when the clocks were started.
 */
#include "kernel/arch.h"
#include "kernel/embed.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define SCALE_SHIFT 32

static struct {
    const uint64_t *coarse;
    uint64_t start_ns, start_cycles;
    uint64_t ns_per_cycle; /* times 2^SCALE_SHIFT; 0: not started */
} clock; /* fixed after clock_start */

void clock_start(void)
{
    if (clock.ns_per_cycle != 0) {
        return;
    }
    uint64_t rate = arch_cycles_per_second();
    clock.coarse = arch_time_coarse();
    clock.start_ns = arch_time_ns();
    clock.start_cycles = arch_cycles();
    clock.ns_per_cycle = (uint64_t)(((unsigned __int128)NS_PER_SECOND << SCALE_SHIFT) / rate);
}

uint64_t clock_coarse_ns(void)
{
    return __atomic_load_n(clock.coarse, __ATOMIC_RELAXED);
}

uint64_t clock_precise_ns(void)
{
    unsigned __int128 cycles = arch_cycles() - clock.start_cycles;
    return clock.start_ns + (uint64_t)(cycles * clock.ns_per_cycle >> SCALE_SHIFT);
}
