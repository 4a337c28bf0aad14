/*
 * Faults, and where interrupts go. A touched page that is committed is filled, and the fault never
 * was. Anything else the kernel is asked about: a guest's trap resumes at the landing pad; what is
 * nobody's is a panic.
 */
#include "arch/x86_64/fault.h"

#include "arch/isa/x86_64/isa.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/x86.h"
#include "kernel/arch.h"

/* Of a page fault's error code (SDM 3A 4.7). */
#define ERROR_WRITE 2u
#define ERROR_BAD_ENTRY 8u
#define ERROR_FETCH 16u

/* What is nobody's ends the machine. The kernel may touch a page that must be filled: that fault
 * gets the lower half of this stack. Another one is a panic. */
static void fault_handle(struct x86_frame *frame, enum arch_fault_kind kind, uint64_t addr,
                         const char *text)
{
    struct x86_cpu *cpu = x86_cpu_self();
    if (cpu->is_in_fault) {
        x86_panic_frame(frame, addr, "a fault while handling a fault");
    }
    struct arch_fault fault = {.kind = kind, .pc = frame->rip, .sp = frame->rsp, .addr = addr};
    fault.is_probe = isa_probe_unwind(&fault.pc, &fault.sp, frame->rbp);
    cpu->is_in_fault = true;
    cpu->tss.ist[IST_FAULT - 1] -= IST_BYTES(IST_FAULT) / 2;
    struct arch_activation *activation = kernel_fault(&fault);
    cpu->tss.ist[IST_FAULT - 1] += IST_BYTES(IST_FAULT) / 2;
    cpu->is_in_fault = false;
    if (activation == NULL) {
        x86_panic_frame(frame, addr, text);
    }
    frame->rip = (uint64_t)isa_landing_pad;
    frame->rdi = (uint64_t)activation;
}

static void page_fault(struct x86_frame *frame)
{
    uint64_t addr = x86_cr2_read();
    if ((frame->error & ERROR_BAD_ENTRY) != 0) {
        x86_panic_frame(frame, addr, "a page table has a reserved bit set");
    }
    enum paging_access access = (frame->error & ERROR_FETCH) != 0   ? ACCESS_FETCH
                                : (frame->error & ERROR_WRITE) != 0 ? ACCESS_WRITE
                                                                    : ACCESS_READ;
    switch (x86_paging_touch(addr, access, image_is_code(frame->rip))) {
    case TOUCH_FILLED: return;
    case TOUCH_NO_MEMORY: fault_handle(frame, ARCH_FAULT_NO_MEMORY, addr, "out of memory"); return;
    case TOUCH_FORBIDDEN:
    default: fault_handle(frame, ARCH_FAULT_ACCESS, addr, "page fault"); return;
    }
}

void x86_vector_handle(struct x86_frame *frame)
{
    switch (frame->vector) {
    case VECTOR_PAGE_FAULT: page_fault(frame); return;
    case VECTOR_DIVIDE: fault_handle(frame, ARCH_FAULT_DIVIDE, 0, "divide error"); return;
    case VECTOR_UNDEFINED:
        fault_handle(frame, ARCH_FAULT_UNDEFINED, 0, "undefined instruction");
        return;
    case VECTOR_TIMER: x86_timer_interrupt(); return;
    case VECTOR_WAKE: x86_apic_acknowledge(); return;
    default:
        if (frame->vector < VECTOR_FIRST_INTERRUPT) {
            x86_panic_frame(frame, 0, "fault");
        }
        return; /* spurious: not acknowledged (SDM 3A 10.9) */
    }
}
