/*
 * The start of the machine, in order: what the loader said, page tables, the kernel, the program.
 * And what is left of kernel/arch.h.
 */
#include <string.h>

#include "arch/x86_64/audit.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/parallel.h"
#include "arch/x86_64/pvh.h"
#include "arch/x86_64/serial.h"
#include "arch/x86_64/space.h"
#include "arch/x86_64/time.h"
#include "arch/x86_64/x86.h"
#include "kernel/arch.h"

[[noreturn]] void x86_machine_start(uint32_t start_info);
[[noreturn]] void x86_boot_stack_leave(uint64_t stack_end, void (*go_on)(void));

static void memory_exclude(const struct pvh_boot *boot)
{
    x86_page_exclude(0, PAGE_BYTES);
    x86_page_exclude(AP_START_PA, AP_START_PA + PAGE_BYTES);
    x86_page_exclude((uint64_t)image_text - IMAGE_START, (uint64_t)image_end - IMAGE_START);
    x86_page_exclude(boot->program.raw, boot->program.raw + boot->program_bytes);
}

static void machine_run(void)
{
    const struct pvh_boot *boot = x86_pvh_boot();
    if (x86_space_start() != STATUS_OK || kernel_start(&(struct kernel_options){}) != STATUS_OK) {
        x86_panic("no memory to start the kernel");
    }
    int32_t code = kernel_boot(&(struct kernel_boot){
        .bytes = direct_ptr(boot->program),
        .len_bytes = boot->program_bytes,
        .command_line = boot->command_line,
        .start_cycles = x86_time_start_cycles(),
    });
    kernel_stop();
    if (x86_audit_run() != 0) {
        x86_panic("the page tables aren't as they should be");
    }
    x86_machine_exit(code);
}

/* On the boot stack and the boot page tables, which see the first GiB. */
void x86_machine_start(uint32_t start_info)
{
    x86_time_init();
    x86_serial_start();
    x86_cpu_init(x86_cpu_at(0), 0);
    const struct pvh_boot *boot = x86_pvh_read((pa_t){start_info});
    x86_parallel_init(boot->rsdp);
    memory_exclude(boot);
    x86_paging_start();
    x86_boot_stack_leave(x86_cpu_stack_end(0), machine_run);
}

/* ---- entropy ---- */

#define TRIES 16u
#define FEATURE_RDRAND (1u << 30)

static bool random_word(uint64_t *out)
{
    for (uint32_t i = 0; i < TRIES; i++) {
        bool is_good;
        __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(is_good));
        if (is_good) {
            return true;
        }
    }
    return false;
}

status_t arch_entropy(void *buf, size_t len_bytes)
{
    uint8_t *to = buf;
    if ((x86_cpuid(1, 0).ecx & FEATURE_RDRAND) == 0) {
        return ERR_UNSUPPORTED;
    }
    while (len_bytes > 0) {
        uint64_t word;
        if (!random_word(&word)) {
            return ERR_UNSUPPORTED;
        }
        size_t n = len_bytes < sizeof word ? len_bytes : sizeof word;
        memcpy(to, &word, n);
        to += n;
        len_bytes -= n;
    }
    return STATUS_OK;
}

/* ---- stacks: nobody watches them here ---- */

void arch_stack_enter(void *low, size_t len_bytes, void **watcher)
{
    (void)low, (void)len_bytes, (void)watcher;
}

void arch_stack_leave(void *low, size_t len_bytes, void **watcher, bool was_cut)
{
    (void)low, (void)len_bytes, (void)watcher, (void)was_cut;
}

void arch_flow_watch(const struct arch_watched *from, const struct arch_watched *to, bool from_ends)
{
    (void)from, (void)to, (void)from_ends;
}

void arch_stack_forget(void **watcher)
{
    (void)watcher;
}
