/*
 * The clocks that guests read. They run as native functions: what they need was written once,
 * when the clocks were started, but for the coarse time, which the machine keeps writing.
 */
#include "kernel/call/clock.h"

#include "kernel/arch.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define SCALE_SHIFT 32

static uint64_t coarse_ns;
static struct {
    uint64_t start_ns, start_cycles;
    uint64_t ns_per_cycle; /* times 2^SCALE_SHIFT; 0: not started */
} precise;                 /* fixed after clock_start */

void clock_start(void)
{
    if (precise.ns_per_cycle != 0) {
        return;
    }
    uint64_t rate = arch_cycles_per_second();
    arch_ticker_start(&coarse_ns);
    precise.start_ns = arch_time_ns();
    precise.start_cycles = arch_cycles();
    precise.ns_per_cycle = (uint64_t)(((unsigned __int128)NS_PER_SECOND << SCALE_SHIFT) / rate);
}

uint64_t call_time_coarse(void)
{
    return __atomic_load_n(&coarse_ns, __ATOMIC_RELAXED);
}

uint64_t call_time_precise(void)
{
    unsigned __int128 cycles = arch_cycles() - precise.start_cycles;
    return precise.start_ns + (uint64_t)(cycles * precise.ns_per_cycle >> SCALE_SHIFT);
}
