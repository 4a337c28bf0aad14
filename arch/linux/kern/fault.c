/*
 * Faults of the hosted machine: what Linux reports as a signal becomes a struct arch_fault, and the
 * kernel's answer becomes the place where the interrupted thread goes on.
 */
#include "arch/linux/kern/fault.h"
#include "arch/isa/x86_64/isa.h"
#include "arch/linux/host.h"
#include "kernel/arch.h"

static bool fault_handle(struct host_fault *fault)
{
    static const enum arch_fault_kind kinds[] = {
        [HOST_FAULT_ACCESS] = ARCH_FAULT_ACCESS,
        [HOST_FAULT_DIVIDE] = ARCH_FAULT_DIVIDE,
        [HOST_FAULT_UNDEFINED] = ARCH_FAULT_UNDEFINED,
    };
    struct arch_fault seen = {
        .kind = kinds[fault->kind],
        .pc = fault->pc,
        .sp = fault->sp,
        .addr = fault->addr,
    };
    seen.is_probe = isa_probe_unwind(&seen.pc, &seen.sp, fault->fp);
    struct arch_activation *activation = kernel_fault(&seen);
    fault->resume_pc = (uint64_t)isa_landing_pad;
    fault->resume_argument = (uint64_t)activation;
    return activation != NULL;
}

status_t fault_start(void)
{
    return host_faults_catch(fault_handle);
}

void fault_stop(void)
{
    host_faults_release();
}
