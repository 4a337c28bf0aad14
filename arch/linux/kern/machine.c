/*
 * kernel/arch.h for a Linux process: the kernel half. It turns the kernel's requests into those
 * of host.h; the libc half (arch/linux/host) carries them out.
 */
#include "arch/isa/x86_64/isa.h"
#include "arch/linux/host.h"
#include "kernel/arch.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* The kernel instance of this thread: a thread is a CPU. */
static _Thread_local struct cpu *this_cpu;

struct cpu *arch_cpu(void)
{
    return this_cpu;
}

void arch_cpu_set(struct cpu *cpu)
{
    this_cpu = cpu;
}

status_t arch_reserve(size_t len_bytes, uint8_t **out)
{
    return host_reserve(len_bytes, out);
}

void arch_release(void *start, size_t len_bytes)
{
    host_release(start, len_bytes);
}

status_t arch_commit(void *start, size_t len_bytes)
{
    return host_protect(start, len_bytes, HOST_READ_WRITE);
}

void arch_decommit(void *start, size_t len_bytes)
{
    host_discard(start, len_bytes);
    if (host_protect(start, len_bytes, HOST_NONE) != STATUS_OK) {
        arch_log("decommit failed\n", sizeof "decommit failed\n" - 1);
        __builtin_trap();
    }
}

void arch_discard(void *start, size_t len_bytes)
{
    host_discard(start, len_bytes);
}

status_t arch_seal_code(void *start, size_t len_bytes)
{
    return host_protect(start, len_bytes, HOST_READ_EXECUTE);
}

status_t arch_seal_constants(void *start, size_t len_bytes)
{
    return host_protect(start, len_bytes, HOST_READ);
}

/* Not instrumented: a sanitizer would see a function that starts on one stack and ends on another. */
[[clang::disable_sanitizer_instrumentation]] void arch_stack_enter(void *low, size_t len_bytes,
                                                                   void **watcher)
{
    host_stack_enter(low, len_bytes, watcher);
}

[[clang::disable_sanitizer_instrumentation]] void arch_stack_leave(void *low, size_t len_bytes,
                                                                   void **watcher, bool was_cut)
{
    host_stack_leave(low, len_bytes, watcher, was_cut);
}

[[clang::disable_sanitizer_instrumentation]] void
arch_flow_watch(const struct arch_watched *from, const struct arch_watched *to, bool from_ends)
{
    host_flow_watch(from->watcher, to->watcher, to->low, to->len_bytes, from_ends);
}

void arch_stack_forget(void **watcher)
{
    host_stack_forget(watcher);
}

uint32_t arch_cpu_count(void)
{
    return host_cpu_count();
}

uint64_t arch_time_ns(void)
{
    return host_time_ns();
}

uint64_t arch_wall_time_ns(void)
{
    return host_wall_time_ns();
}

void arch_sleep_until(uint64_t deadline_ns)
{
    host_sleep_until(deadline_ns);
}

void arch_ticker_start(uint64_t *word)
{
    __atomic_store_n(word, host_time_ns(), __ATOMIC_RELAXED);
    host_ticker_start(word);
}

/* The counter against the clock over two milliseconds, the first time somebody asks. */
uint64_t arch_cycles_per_second(void)
{
    static uint64_t rate;
    if (rate == 0) {
        uint64_t start_ns = host_time_ns(), start_cycles = arch_cycles(), now_ns;
        do {
            now_ns = host_time_ns();
        } while (now_ns - start_ns < 2000000);
        rate = (arch_cycles() - start_cycles) * NS_PER_SECOND / (now_ns - start_ns);
    }
    return rate;
}

status_t arch_entropy(void *buf, size_t len_bytes)
{
    return host_entropy(buf, len_bytes);
}

void arch_log(const char *text, size_t len_bytes)
{
    host_log(text, len_bytes);
}

void arch_parallel(uint32_t n, void (*work)(void *ctx, uint32_t i), void *ctx)
{
    host_parallel(n, work, ctx);
}

void arch_word_wait(const uint32_t *word, uint32_t seen)
{
    host_word_wait(word, seen);
}

void arch_word_wake(const uint32_t *word)
{
    host_word_wake(word);
}
