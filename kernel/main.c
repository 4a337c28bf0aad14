/*
 * The start of the kernel on one CPU.
 */
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/mem/pool.h"
#include "kernel/process/compile.h"

#define CPU_HEAP_BYTES ((size_t)64 << 20)
#define DENSE_AREA_BYTES ((size_t)1 << 42)
#define CODE_AREA_BYTES ((size_t)1 << 38)
#define AREA_MIN_BYTES ((size_t)1 << 32)
#define EXTENTS_MAX 65536u

static void cpu_stop(struct cpu *cpu)
{
    compile_space_free(cpu);
    stack_area_release(&cpu->stacks);
    extent_area_release(&cpu->code);
    extent_area_release(&cpu->dense);
    slot_area_release(&cpu->slots);
    struct arena heap = cpu->heap; /* the CPU's record lies in it */
    pool_free(&heap);
}

static status_t cpu_start(struct cpu *cpu, const struct kernel_options *options)
{
    struct arena *heap = &cpu->heap;
    status_t status = slot_area_init(&cpu->slots, heap, options->has_canaries);
    if (status == STATUS_OK) {
        status = extent_area_init(&cpu->dense, heap, DENSE_AREA_BYTES, AREA_MIN_BYTES, EXTENTS_MAX);
    }
    if (status == STATUS_OK) {
        status = extent_area_init(&cpu->code, heap, CODE_AREA_BYTES, AREA_MIN_BYTES, EXTENTS_MAX);
    }
    if (status == STATUS_OK) {
        status = stack_area_init(&cpu->stacks, heap, options->stack_bytes);
    }
    return status;
}

status_t kernel_start(const struct kernel_options *options)
{
    struct arena heap;
    status_t status = pool_new(&heap, CPU_HEAP_BYTES);
    if (status != STATUS_OK) {
        return status;
    }
    struct cpu *cpu = POOL_NEW(&heap, struct cpu);
    cpu->heap = heap;
    status = cpu_start(cpu, options);
    if (status != STATUS_OK) {
        cpu_stop(cpu);
        return status;
    }
    arch_cpu_set(cpu);
    return STATUS_OK;
}

void kernel_stop(void)
{
    cpu_stop(cpu_self());
    arch_cpu_set(NULL);
}
