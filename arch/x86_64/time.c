/*
 * Time: the CPU's counter, calibrated against the oldest timer (PIT) when somebody first
 * asks for the time, which no program needs in order to start. The local APIC's timer is measured
 * on the way. The wall clock is read once (CMOS) and goes on by the counter.
 */
#include "arch/x86_64/time.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/x86.h"
#include "kernel/arch.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define TICK_NS UINT64_C(1000000)

/* All written by CPU 0, and fixed once has_rate; but for the tick. */
static struct {
    bool has_rate, has_wall;
    uint64_t start_cycles;
    uint64_t cycles_per_second, apic_per_second;
    uint64_t ns_per_cycle; /* times 2^32 */
    uint64_t wall_start_ns;
    uint64_t *tick_word; /* of arch_ticker_start */
} clock;

/* ---- calibration ---- */

#define PIT_HZ UINT64_C(1193182)
#define PIT_START UINT32_C(0xffff)
#define PIT_SPAN 4773u   /* 4 ms */
#define PIT_CHANNEL 0x40 /* 0: small machines have no gate for the others */
#define PIT_COMMAND 0x43
#define PIT_ONE_SHOT 0x30
#define PIT_LATCH 0x00
#define PIT_LATCH_STATUS 0xe2
#define PIT_STATUS_ENDED 0x80
#define POLLS_MAX 10000000u
#define SAMPLES 8u
#define TRIES_MAX 100u

static void pit_start(void)
{
    x86_out8(PIT_COMMAND, PIT_ONE_SHOT);
    x86_out8(PIT_CHANNEL, PIT_START & 0xff);
    x86_out8(PIT_CHANNEL, PIT_START >> 8);
}

static bool pit_has_ended(void)
{
    x86_out8(PIT_COMMAND, PIT_LATCH_STATUS);
    return (x86_in8(PIT_CHANNEL) & PIT_STATUS_ENDED) != 0;
}

/* What PIT and APIC timer, which count down, showed at a count of the CPU's counter. */
struct sample {
    uint64_t cycles, width_cycles;
    uint32_t pit, apic;
};

static struct sample sample_take(void)
{
    struct sample sample = {.cycles = arch_cycles()};
    x86_out8(PIT_COMMAND, PIT_LATCH);
    sample.apic = x86_apic_timer_get();
    sample.width_cycles = arch_cycles() - sample.cycles;
    sample.pit = x86_in8(PIT_CHANNEL);
    sample.pit |= (uint32_t)x86_in8(PIT_CHANNEL) << 8;
    return sample;
}

/* The one of some that was disturbed least: a virtual machine may be stopped at any time. */
static struct sample sample_best(void)
{
    struct sample best = sample_take();
    for (uint32_t i = 1; i < SAMPLES; i++) {
        struct sample sample = sample_take();
        best = sample.width_cycles < best.width_cycles ? sample : best;
    }
    return best;
}

/* Two samples PIT_SPAN apart; false: the PIT ended before, or doesn't count. */
static bool samples_take(struct sample *first, struct sample *last)
{
    pit_start();
    x86_apic_timer_set(UINT32_MAX);
    *first = sample_best();
    for (uint32_t i = 0; i < POLLS_MAX; i++) {
        if (first->pit - sample_take().pit >= PIT_SPAN) {
            *last = sample_best();
            return !pit_has_ended();
        }
    }
    return false;
}

static void rate_measure(void)
{
    struct sample first, last;
    x86_apic_start();
    for (uint32_t i = 0; !samples_take(&first, &last); i++) {
        if (i == TRIES_MAX) {
            x86_panic("no timer to calibrate the CPU's counter with");
        }
    }
    x86_apic_timer_set(0);
    uint64_t pit = first.pit - last.pit;
    clock.cycles_per_second = (last.cycles - first.cycles) * PIT_HZ / pit;
    clock.apic_per_second = (first.apic - last.apic) * PIT_HZ / pit;
    clock.ns_per_cycle =
        (uint64_t)(((unsigned __int128)NS_PER_SECOND << 32) / clock.cycles_per_second);
    clock.has_rate = true;
}

void x86_time_init(void)
{
    clock.start_cycles = arch_cycles();
}

uint64_t x86_time_start_cycles(void)
{
    return clock.start_cycles;
}

static void time_need(void)
{
    if (!clock.has_rate) {
        rate_measure();
    }
}

uint64_t arch_cycles_per_second(void)
{
    time_need();
    return clock.cycles_per_second;
}

uint64_t arch_time_ns(void)
{
    time_need();
    unsigned __int128 cycles = arch_cycles() - clock.start_cycles;
    return (uint64_t)(cycles * clock.ns_per_cycle >> 32);
}

/* ---- the wall clock ---- */

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71

enum cmos_register : uint8_t {
    CMOS_SECOND = 0,
    CMOS_MINUTE = 2,
    CMOS_HOUR = 4,
    CMOS_DAY = 7,
    CMOS_MONTH = 8,
    CMOS_YEAR = 9,
    CMOS_STATUS_A = 10,
    CMOS_STATUS_B = 11,
};
#define STATUS_A_UPDATING 0x80
#define STATUS_B_BINARY 0x04
#define STATUS_B_24_HOURS 0x02
#define HOUR_PM 0x80

static uint8_t cmos_get(enum cmos_register at)
{
    x86_out8(CMOS_INDEX, at);
    return x86_in8(CMOS_DATA);
}

struct date {
    uint32_t second, minute, hour, day, month, year;
};

static uint32_t cmos_number(uint8_t value, uint8_t status)
{
    return (status & STATUS_B_BINARY) != 0 ? value : (value >> 4) * 10u + (value & 15u);
}

static struct date date_read(void)
{
    uint8_t status = cmos_get(CMOS_STATUS_B), hour = cmos_get(CMOS_HOUR);
    struct date date = {
        .second = cmos_number(cmos_get(CMOS_SECOND), status),
        .minute = cmos_number(cmos_get(CMOS_MINUTE), status),
        .hour = cmos_number(hour & (uint8_t)~HOUR_PM, status),
        .day = cmos_number(cmos_get(CMOS_DAY), status),
        .month = cmos_number(cmos_get(CMOS_MONTH), status),
        .year = 2000 + cmos_number(cmos_get(CMOS_YEAR), status),
    };
    if ((status & STATUS_B_24_HOURS) == 0) {
        date.hour = date.hour % 12 + ((hour & HOUR_PM) != 0 ? 12 : 0);
    }
    return date;
}

/* Seconds since 1970: days of years that start in March, so that leap days come last. */
static uint64_t date_seconds(const struct date *date)
{
    uint64_t year = date->month <= 2 ? date->year - 1 : date->year;
    uint64_t month = (date->month + 9) % 12;
    uint64_t days =
        365 * year + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + date->day - 1;
    return ((days - 719468) * 24 + date->hour) * 3600 + date->minute * 60 + date->second;
}

/* The clock's registers change under the reader: until two readings agree. */
static uint64_t wall_read(void)
{
    uint64_t seconds = 0, before;
    do {
        before = seconds;
        for (uint32_t i = 0; i < POLLS_MAX; i++) {
            if ((cmos_get(CMOS_STATUS_A) & STATUS_A_UPDATING) == 0) {
                break;
            }
        }
        struct date date = date_read();
        seconds = date_seconds(&date);
    } while (seconds != before);
    return seconds;
}

uint64_t arch_wall_time_ns(void)
{
    if (!clock.has_wall) {
        clock.wall_start_ns = wall_read() * NS_PER_SECOND - arch_time_ns();
        clock.has_wall = true;
    }
    return clock.wall_start_ns + arch_time_ns();
}

/* ---- the timer ---- */

/* Interrupts after that long, or earlier: the counter has 32 bits. */
static void timer_arm(uint64_t ns)
{
    ns = ns < NS_PER_SECOND ? ns : NS_PER_SECOND;
    uint64_t count = ns * clock.apic_per_second / NS_PER_SECOND;
    count = count < UINT32_MAX ? count : UINT32_MAX;
    x86_apic_timer_set(count == 0 ? 1 : (uint32_t)count);
}

void x86_timer_interrupt(void)
{
    x86_apic_acknowledge();
    if (clock.tick_word != NULL) {
        __atomic_store_n(clock.tick_word, arch_time_ns(), __ATOMIC_RELAXED);
        timer_arm(TICK_NS);
    }
}

void arch_ticker_start(uint64_t *word)
{
    __atomic_store_n(word, arch_time_ns(), __ATOMIC_RELAXED);
    clock.tick_word = word;
    timer_arm(TICK_NS);
    x86_interrupts_on();
}

/* Every interrupt ends the sleep; then it is looked at the time again. */
void arch_sleep_until(uint64_t deadline_ns)
{
    for (;;) {
        x86_interrupts_off();
        uint64_t now_ns = arch_time_ns();
        if (now_ns >= deadline_ns) {
            break;
        }
        uint64_t left_ns = deadline_ns - now_ns;
        timer_arm(clock.tick_word != NULL && left_ns > TICK_NS ? TICK_NS : left_ns);
        x86_sleep();
    }
    if (clock.tick_word != NULL) {
        timer_arm(TICK_NS);
    }
    x86_interrupts_on();
}
