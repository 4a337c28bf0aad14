/*
 * The contract between the kernel and a machine: all that a machine must supply, and what it may
 * call. Porting Tokamak is implementing this header.
 *
 * Everything runs on one CPU's kernel instance unless it says otherwise. "Guest stack" and
 * "kernel stack" say on which stack a function may be called; without a word, either will do.
 * Nothing here allocates on behalf of a guest without a limit, and nothing blocks except
 * arch_parallel and arch_word_wait.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define ARCH_PAGE_BYTES 4096u

/* ---- Address space ---- */

/*
 * Sets aside a run of addresses, page aligned, in which nothing is accessible. Costs no memory,
 * whatever its length. ERR_NO_MEMORY when there is no such run: the caller may ask for less.
 */
MUST_CHECK status_t arch_reserve(size_t len_bytes, uint8_t **out);
/* Gives a whole reservation back. */
void arch_release(void *start, size_t len_bytes);

/*
 * Pages of a reservation become readable and writable; they read as zero until written. The
 * machine may supply the pages only when they are touched, and must not charge for those that
 * never are; when it has none left then, guest code faults (ARCH_FAULT_NO_MEMORY) while there are
 * still some for the kernel. Committing what is committed changes nothing.
 */
MUST_CHECK status_t arch_commit(void *start, size_t len_bytes);
/* The contents are gone and the pages are inaccessible again. Not within arch_parallel, nor
 * arch_release: other CPUs may be filling pages near by. */
void arch_decommit(void *start, size_t len_bytes);
/* The contents are gone, the pages stay committed and read as zero. */
void arch_discard(void *start, size_t len_bytes);

/*
 * Committed pages become executable and readable (code), or only readable (constants), for good
 * until decommitted. No page is ever writable and executable at once.
 */
MUST_CHECK status_t arch_seal_code(void *start, size_t len_bytes);
MUST_CHECK status_t arch_seal_constants(void *start, size_t len_bytes);

/* ---- Guest code ---- */

/* One entry into guest code: where its end, or its trap, comes back to. */
struct arch_activation {
    uint64_t kernel_sp; /* the machine's */
};

/* Host to guest, in the C convention: an entry thunk of the engine, or a C function. */
typedef void (*arch_entry_fn)(const void *code, void *instance, void *values, const void *slot);

/*
 * Calls entry(code, instance, values, slot) on the stack that ends at stack_top (16-byte
 * aligned). 0 when it returned, 1 when arch_land or a fault ended it. Kernel stack, or the guest
 * stack of an outer activation.
 */
struct arch_call {
    arch_entry_fn entry;
    const void *code;
    void *instance;
    void *values;
    const void *slot;
    void *stack_top;
};
MUST_CHECK uint32_t arch_enter(struct arch_activation *activation, const struct arch_call *call);

/* Ends the activation: its arch_enter returns 1. Guest stack; what is on it is abandoned. */
[[noreturn]] void arch_land(struct arch_activation *activation);

/* ---- Flows of control ---- */

/*
 * A flow that doesn't run is a stack pointer. The loop is the one flow of a CPU that is on its
 * kernel stack; it waits in arch_resume, and that is where arch_land leads.
 */

/* A flow that will call fn(arg), which may not return, on a stack that ends at top (16-byte aligned). */
uint64_t arch_flow_new(void *top, void (*fn)(void *arg), void *arg);
/* Notes this flow in *from and goes on with the other. Returns when somebody goes on with this one. */
void arch_switch(uint64_t *from, uint64_t to);
/* From the loop: goes on with a flow until one comes back: 0 by arch_suspend, 1 by arch_land. */
MUST_CHECK uint32_t arch_resume(struct arch_activation *loop, uint64_t to);
/* Notes this flow in *from and goes on with the loop. */
void arch_suspend(uint64_t *from, struct arch_activation *loop);

/*
 * Told before arch_enter and after it. Machines whose tools watch stacks (sanitizers) need it;
 * for others it does nothing. was_cut: the activation didn't end by returning.
 */
void arch_stack_enter(void *low, size_t len_bytes, void **watcher);
void arch_stack_leave(void *low, size_t len_bytes, void **watcher, bool was_cut);
void arch_stack_forget(void **watcher);

/*
 * The same for flows: told just before a switch from one to another. A watcher belongs to a stack;
 * low: null for the loop's. from_ends: nothing of the old flow is needed any more.
 */
struct arch_watched {
    void **watcher;
    void *low;
    size_t len_bytes;
};
/* For functions that switch: what a sanitizer puts into others would use a stack just left. */
#define ARCH_SWITCHES [[clang::disable_sanitizer_instrumentation]]
void arch_flow_watch(const struct arch_watched *from, const struct arch_watched *to,
                     bool from_ends);

/*
 * Touches the stack that many bytes (up to 64 KiB) below the caller's frame: first thing in
 * whatever guest code calls. On a used-up stack it faults, with is_probe set (MECHANISMS 9). The
 * caller must have asked for its own frame address, so that it keeps a frame pointer.
 */
void arch_stack_probe_short(void); /* ARCH_PROBE_SHORT_BYTES: the kernel's own functions */
void arch_stack_probe_long(void);  /* ARCH_PROBE_LONG_BYTES: functions of an embedder */
#define ARCH_PROBE_SHORT_BYTES (8u << 10)
#define ARCH_PROBE_LONG_BYTES (64u << 10)

/*
 * arch_call_NAME, for each row of abi/calls.def that isn't a leaf: what compiled code calls. It
 * looks whether there are ARCH_PROBE_SHORT_BYTES of stack (else it faults, with is_probe set), and
 * calls sys_NAME(arguments, instance pointer), or, for CALL_REGS, sys_NAME(arguments, instance
 * pointer, results) with room for six results, which it hands on in registers.
 */

/* The trap number that stands behind the undefined instruction at pc in guest code. */
uint8_t arch_trap_code(const void *pc);

/*
 * How far the stack pointer is below the return address at pc in guest code, whose frame has
 * frame_bytes when it is whole: less while it is being made.
 */
uint32_t arch_frame_bytes(const void *pc, uint32_t frame_bytes);

/* ---- This machine ---- */

/* What the CPU can do, in the engine's words (enum engine_cpu_features). */
uint64_t arch_cpu_features(void);
uint32_t arch_cpu_count(void);

uint64_t arch_time_ns(void);      /* monotonic */
uint64_t arch_wall_time_ns(void); /* since 1970 */
/* Writes arch_time_ns into *word now and then about every millisecond, for good. Once. */
void arch_ticker_start(uint64_t *word);
/* Nothing else to do on this CPU until then. */
void arch_sleep_until(uint64_t deadline_ns);
/* Cycles of the CPU's constant-rate counter, and how they become nanoseconds. */
uint64_t arch_cycles(void);
uint64_t arch_cycles_per_second(void);

/* Fills with random bytes that nobody can guess; ERR_UNSUPPORTED rather than weak ones. */
MUST_CHECK status_t arch_entropy(void *buf, size_t len_bytes);

/* For people: a line of text for the machine's console. */
void arch_log(const char *text, size_t len_bytes);

/*
 * Runs work(ctx, i) for each i < n at once, one a CPU (as far as there are CPUs), and returns
 * when all have returned. i = 0 runs on the caller's CPU. Kernel stack.
 */
void arch_parallel(uint32_t n, void (*work)(void *ctx, uint32_t i), void *ctx);
/* Within arch_parallel: waits until *word may no longer be `seen`; wakes all who wait. */
void arch_word_wait(const uint32_t *word, uint32_t seen);
void arch_word_wake(const uint32_t *word);

/* The kernel instance of the CPU that this runs on, as kernel_start was given it. */
struct cpu *arch_cpu(void);
void arch_cpu_set(struct cpu *cpu);

/* ---- What the machine calls ---- */

struct kernel_options {
    size_t stack_bytes; /* of each guest stack; 0: the default */
    bool has_canaries;  /* watch the neighbourhood of every linear memory: for tests */
};

/* Once for each CPU, on its kernel stack; from then on kernel/embed.h can be used there. */
MUST_CHECK status_t kernel_start(const struct kernel_options *options);
void kernel_stop(void);

/* A machine that boots has one program to run, and hands it over like this. */
struct kernel_boot {
    const uint8_t *bytes; /* a module, or its image: whoever boots the machine vouches for it */
    size_t len_bytes;
    const char *command_line; /* the program's name for messages, and options: see boot.c */
    uint64_t start_cycles;    /* arch_cycles() when the machine entered the kernel */
};

/* Runs it to its end, after kernel_start. The exit code is that of `tokamak run`. */
int32_t kernel_boot(const struct kernel_boot *given);

enum arch_fault_kind : uint8_t {
    ARCH_FAULT_ACCESS,    /* a load, store or fetch at .addr */
    ARCH_FAULT_DIVIDE,    /* an integer division */
    ARCH_FAULT_UNDEFINED, /* an undefined instruction */
    ARCH_FAULT_NO_MEMORY, /* an access to a committed page, and the machine has none left */
    ARCH_FAULT_OTHER,
};

struct arch_fault {
    enum arch_fault_kind kind;
    bool is_probe; /* in arch_stack_probe_*: pc and sp are then those of the guest's call */
    uint64_t pc, sp;
    uint64_t addr;
};

/*
 * Called when this CPU faulted, on a stack that isn't the one that faulted. Returns the
 * activation to end (then the machine resumes as if arch_land had been called with it), or null:
 * the fault is nobody's, and the system must stop. Only classifies and takes notes: what needs
 * work is done after the landing.
 */
struct arch_activation *kernel_fault(const struct arch_fault *fault);

#endif
