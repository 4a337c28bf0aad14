/*
 * Starts and stops the hosted system.
 */
#include "arch/linux/hosted.h"
#include "arch/linux/kern/fault.h"
#include "kernel/arch.h"

status_t hosted_start(const struct hosted_options *options)
{
    status_t status = fault_start();
    if (status != STATUS_OK) {
        return status;
    }
    status = kernel_start(&(struct kernel_options){
        .stack_bytes = options->stack_bytes,
        .has_canaries = options->has_canaries,
    });
    if (status != STATUS_OK) {
        fault_stop();
    }
    return status;
}

void hosted_stop(void)
{
    kernel_stop();
    fault_stop();
}
