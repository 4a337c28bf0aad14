/*
 * Faults as signals. The handler runs on a stack of its own, only asks the kernel half what the
 * fault is, and changes where the thread goes on; everything else is done there (MECHANISMS 11).
 * A fault that is nobody's gets the action that was there before us, and happens again.
 *
 * The handlers are installed by the system call itself: ThreadSanitizer delays handlers that libc
 * knows of until the thread is back in code of its own, which a faulting guest never is.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "arch/linux/host.h"

#define HANDLER_STACK_BYTES (64u << 10)

/* What rt_sigaction takes (the libc's struct differs). */
struct kernel_sigaction {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};
#define KERNEL_SA_RESTORER 0x04000000ul

void host_signal_restorer(void);
__asm__(".text\n"
        ".globl host_signal_restorer\n"
        ".type host_signal_restorer, @function\n"
        "host_signal_restorer:\n"
        "    mov $15, %eax\n" /* rt_sigreturn */
        "    syscall\n");

static const struct {
    int number;
    enum host_fault_kind kind;
} fault_signals[] = {
    {SIGSEGV, HOST_FAULT_ACCESS},
    {SIGFPE, HOST_FAULT_DIVIDE},
    {SIGILL, HOST_FAULT_UNDEFINED},
};
#define N_FAULT_SIGNALS (sizeof fault_signals / sizeof fault_signals[0])

/* Signals belong to the whole process: one set of actions, and the actions before ours. */
static struct kernel_sigaction actions_before[N_FAULT_SIGNALS];
static host_fault_fn fault_callback;

static long sigaction_set(int number, const struct kernel_sigaction *action,
                          struct kernel_sigaction *before)
{
    return syscall(SYS_rt_sigaction, number, action, before, sizeof action->mask);
}

[[clang::disable_sanitizer_instrumentation]] static void fault_signal(int number, siginfo_t *info,
                                                                      void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    size_t row = 0;
    while (fault_signals[row].number != number) {
        row++;
    }
    struct host_fault fault = {
        .kind = fault_signals[row].kind,
        .pc = (uint64_t)regs[REG_RIP],
        .sp = (uint64_t)regs[REG_RSP],
        .fp = (uint64_t)regs[REG_RBP],
        .addr = (uint64_t)info->si_addr,
    };
    /* a signal that somebody sent isn't a fault */
    if (info->si_code > 0 && fault_callback(&fault)) {
        regs[REG_RIP] = (greg_t)fault.resume_pc;
        regs[REG_RDI] = (greg_t)fault.resume_argument;
        return;
    }
    (void)sigaction_set(number, &actions_before[row], NULL);
    if (info->si_code <= 0) {
        (void)syscall(SYS_tgkill, getpid(), gettid(), number);
    }
}

status_t host_faults_catch(host_fault_fn callback)
{
    size_t frame_bytes = getauxval(AT_MINSIGSTKSZ);
    size_t len_bytes = (frame_bytes + HANDLER_STACK_BYTES + 4095) & ~(size_t)4095;
    void *stack = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) {
        return ERR_NO_MEMORY;
    }
    if (sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = len_bytes}, NULL) != 0) {
        return ERR_INTERNAL;
    }
    fault_callback = callback;
    struct kernel_sigaction action = {
        .handler = fault_signal,
        .flags = SA_SIGINFO | SA_ONSTACK | KERNEL_SA_RESTORER,
        .restorer = host_signal_restorer,
        .mask = ~UINT64_C(0),
    };
    for (size_t i = 0; i < N_FAULT_SIGNALS; i++) {
        if (sigaction_set(fault_signals[i].number, &action, &actions_before[i]) != 0) {
            return ERR_INTERNAL;
        }
    }
    return STATUS_OK;
}

void host_faults_release(void)
{
    for (size_t i = 0; i < N_FAULT_SIGNALS; i++) {
        (void)sigaction_set(fault_signals[i].number, &actions_before[i], NULL);
    }
}
