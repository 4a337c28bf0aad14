/*
 * Time: the CPU's counter, calibrated against the oldest timer (PIT channel 2) when somebody first
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
#define PIT_COUNT 4773u /* 4 ms */
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND 0x43
#define PIT_ONE_SHOT_2 0xb0
#define SPEAKER_PORT 0x61
#define SPEAKER_GATE 0x01
#define SPEAKER_ON 0x02
#define SPEAKER_OUT 0x20
#define POLLS_MAX 10000000u

/* Waits for PIT_COUNT of the PIT; false: there is none. */
static bool pit_wait(void)
{
    for (uint32_t i = 0; i < POLLS_MAX; i++) {
        if ((x86_in8(SPEAKER_PORT) & SPEAKER_OUT) != 0) {
            return true;
        }
    }
    return false;
}

static void rate_measure(void)
{
    apic_start();
    x86_out8(SPEAKER_PORT, (x86_in8(SPEAKER_PORT) & ~SPEAKER_ON) | SPEAKER_GATE);
    x86_out8(PIT_COMMAND, PIT_ONE_SHOT_2);
    x86_out8(PIT_CHANNEL_2, PIT_COUNT & 0xff);
    apic_timer_set(UINT32_MAX);
    x86_out8(PIT_CHANNEL_2, PIT_COUNT >> 8);
    uint64_t start_cycles = arch_cycles();
    uint32_t start_apic = apic_timer_get();
    if (!pit_wait()) {
        panic("no timer to calibrate the CPU's counter with");
    }
    uint64_t cycles = arch_cycles() - start_cycles;
    uint64_t apic = start_apic - apic_timer_get();
    apic_timer_set(0);
    clock.cycles_per_second = cycles * PIT_HZ / PIT_COUNT;
    clock.apic_per_second = apic * PIT_HZ / PIT_COUNT;
    clock.ns_per_cycle =
        (uint64_t)(((unsigned __int128)NS_PER_SECOND << 32) / clock.cycles_per_second);
    clock.has_rate = true;
}

void time_init(void)
{
    clock.start_cycles = arch_cycles();
}

uint64_t time_start_cycles(void)
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
    apic_timer_set(count == 0 ? 1 : (uint32_t)count);
}

void timer_interrupt(void)
{
    apic_acknowledge();
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
