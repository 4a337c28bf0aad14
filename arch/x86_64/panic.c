/*
 * The end of the machine: in order, or by a panic with registers and a backtrace through the frame
 * pointers, with names from the table that the build puts into the image (symbols.py).
 */
#include "arch/x86_64/panic.h"

#include <stdarg.h>
#include <stddef.h>

#include "arch/x86_64/acpi.h"
#include "arch/x86_64/fault.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/pvh.h"
#include "arch/x86_64/x86.h"
#include "base/format.h"
#include "kernel/arch.h"

#define LINE_MAX 256u
#define FRAMES_MAX 32u

static void log_args(const char *text, va_list args)
{
    char line[LINE_MAX];
    size_t len_bytes = format_args(line, sizeof line - 1, text, args);
    len_bytes = len_bytes < sizeof line - 1 ? len_bytes : sizeof line - 2;
    line[len_bytes] = '\n';
    arch_log(line, len_bytes + 1);
}

void x86_log_line(const char *text, ...)
{
    va_list args;
    va_start(args, text);
    log_args(text, args);
    va_end(args);
}

/* ---- exit ---- */

#define DEBUG_EXIT_PORT 0xf4
#define DEBUG_EXIT_MAX 127 /* its status is (value << 1 | 1) & 255 */

void x86_machine_exit(int32_t code)
{
    static bool is_second; /* what follows may panic, too */
    x86_log_line("tokamak: exit %d", code);
    x86_interrupts_off();
    x86_out32(DEBUG_EXIT_PORT, (uint32_t)code & DEBUG_EXIT_MAX);
    if (!is_second) {
        is_second = true;
        x86_acpi_power_off(x86_pvh_boot()->rsdp);
    }
    for (;;) {
        __asm__ volatile("hlt");
    }
}

/* ---- backtraces ---- */

/* Made by symbols.py: functions by ascending address. */
extern const uint32_t symbol_count, symbol_offsets[], symbol_names[];
extern const char symbol_text[];

static void frame_log(uint32_t number, uint64_t pc)
{
    uint64_t offset = pc - (uint64_t)image_text;
    uint32_t low = 0, high = symbol_count;
    while (low < high) { /* the first function behind pc */
        uint32_t middle = low + (high - low) / 2;
        if (symbol_offsets[middle] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (!image_is_code(pc) || low == 0) {
        x86_log_line("    %u: 0x%llx", number, (unsigned long long)pc);
        return;
    }
    x86_log_line("    %u: 0x%llx - %s+0x%llx", number, (unsigned long long)pc,
                 symbol_text + symbol_names[low - 1],
                 (unsigned long long)offset - symbol_offsets[low - 1]);
}

/* Frame pointers of C code lie on one stack, each above the last; anything else ends the walk:
 * compiled guests use rbp for other things. */
static void backtrace(uint64_t pc, uint64_t sp, uint64_t fp)
{
    x86_log_line("kernel backtrace:");
    for (uint32_t i = 0; i < FRAMES_MAX; i++) {
        frame_log(i, pc);
        if (!image_is_code(pc) || fp % 8 != 0 || fp < sp || fp - sp > UINT64_C(1) << 20) {
            return;
        }
        const uint64_t *frame = (const uint64_t *)fp; // NOLINT(performance-no-int-to-ptr)
        sp = fp;
        fp = frame[0];
        pc = frame[1];
        if (pc == 0) {
            return;
        }
    }
}

void x86_panic(const char *text, ...)
{
    x86_interrupts_off();
    char line[LINE_MAX];
    va_list args;
    va_start(args, text);
    (void)format_args(line, sizeof line, text, args);
    va_end(args);
    x86_log_line("panic: %s", line);
    uint64_t fp = (uint64_t)__builtin_frame_address(0);
    backtrace((uint64_t)__builtin_return_address(0), fp, *(const uint64_t *)fp); // NOLINT
    x86_machine_exit(EXIT_PANIC);
}

void x86_panic_frame(const struct x86_frame *f, uint64_t addr, const char *text)
{
    x86_interrupts_off();
    static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8 ",
                                        "r9 ", "r10", "r11", "r12", "r13", "r14", "r15"};
    x86_log_line("panic: %s (vector %u, error 0x%x) at 0x%llx, address 0x%llx", text,
                 (unsigned)f->vector, (unsigned)f->error, (unsigned long long)f->rip,
                 (unsigned long long)addr);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        x86_log_line("  %s %016llx", names[i], (unsigned long long)(&f->rax)[i]);
    }
    x86_log_line("  rsp %016llx", (unsigned long long)f->rsp);
    x86_log_line("  rflags %llx cr3 %llx", (unsigned long long)f->rflags,
                 (unsigned long long)x86_cr3_read());
    backtrace(f->rip, f->rsp, f->rbp);
    x86_machine_exit(EXIT_PANIC);
}

[[noreturn]] void __assert_fail(const char *text, const char *file, unsigned line,
                                const char *function);
void __assert_fail(const char *text, const char *file, unsigned line, const char *function)
{
    x86_panic("%s:%u: %s: this doesn't hold: %s", file, line, function, text);
}
