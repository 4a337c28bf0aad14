/*
 * Clocks, entropy and the console.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "arch/linux/host.h"

#define NS_PER_SECOND UINT64_C(1000000000)

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t host_time_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t host_wall_time_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

void host_sleep_until(uint64_t deadline_ns)
{
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / NS_PER_SECOND),
        .tv_nsec = (long)(deadline_ns % NS_PER_SECOND),
    };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR) {
    }
}

status_t host_entropy(void *buf, size_t len_bytes)
{
    uint8_t *to = buf;
    while (len_bytes > 0) {
        ssize_t got = getrandom(to, len_bytes, 0);
        if (got < 0 && errno != EINTR) {
            return ERR_UNSUPPORTED;
        }
        if (got > 0) {
            to += got;
            len_bytes -= (size_t)got;
        }
    }
    return STATUS_OK;
}

void host_log(const char *text, size_t len_bytes)
{
    while (len_bytes > 0) {
        ssize_t put = write(STDERR_FILENO, text, len_bytes);
        if (put < 0 && errno != EINTR) {
            return;
        }
        if (put > 0) {
            text += put;
            len_bytes -= (size_t)put;
        }
    }
}
