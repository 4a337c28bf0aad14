/*
 * The start of the kernel on one CPU.
 */
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/mem/pool.h"
#include "kernel/process/compile.h"
#include "kernel/process/module.h"
#include "kernel/process/process.h"
#include "kernel/sched/message.h"

#define CPU_HEAP_BYTES ((size_t)64 << 20)
#define DENSE_AREA_BYTES ((size_t)1 << 42)
#define CODE_AREA_BYTES ((size_t)1 << 38)
#define AREA_MIN_BYTES ((size_t)1 << 32)
#define EXTENTS_MAX 65536u
#define BLOCKS_BYTES ((size_t)1 << 36)
#define PROCESSES_MAX (4u << 20)
#define CHANNELS_MAX (8u << 20)
#define REPLIES_MAX (4u << 20)
#define MODULES_MAX (1u << 16)

static void cpu_stop(struct cpu *cpu)
{
    compile_space_free(cpu);
    arch_stack_forget(&cpu->sched.loop_watcher);
    object_area_release(&cpu->systems);
    object_area_release(&cpu->modules);
    object_area_release(&cpu->replies);
    object_area_release(&cpu->channels);
    object_area_release(&cpu->processes);
    cell_area_release(&cpu->cells);
    block_area_release(&cpu->blocks);
    stack_area_release(&cpu->stacks);
    extent_area_release(&cpu->code);
    extent_area_release(&cpu->dense);
    slot_area_release(&cpu->slots);
    struct arena heap = cpu->heap; /* the CPU's record lies in it */
    pool_free(&heap);
}

static status_t objects_init(struct cpu *cpu)
{
    const struct {
        struct object_area *area;
        enum object_kind kind;
        uint32_t object_bytes, n_max;
    } areas[] = {
        {&cpu->processes, OBJECT_PROCESS, sizeof(struct process), PROCESSES_MAX},
        {&cpu->channels, OBJECT_CHANNEL, sizeof(struct channel), CHANNELS_MAX},
        {&cpu->replies, OBJECT_REPLY, sizeof(struct reply), REPLIES_MAX},
        {&cpu->modules, OBJECT_MODULE, sizeof(struct module_object), MODULES_MAX},
        {&cpu->systems, OBJECT_SYSTEM, sizeof(struct object), 1},
    };
    status_t status = block_area_init(&cpu->blocks, BLOCKS_BYTES);
    if (status == STATUS_OK) {
        status = cell_area_init(&cpu->cells);
    }
    for (size_t i = 0; i < sizeof areas / sizeof *areas && status == STATUS_OK; i++) {
        status = object_area_init(areas[i].area, areas[i].kind, 0, areas[i].object_bytes,
                                  areas[i].n_max);
    }
    if (status == STATUS_OK) {
        status = object_new(&cpu->systems, &cpu->system);
    }
    cpu->cap_memory = (struct cap_memory){&cpu->blocks, &cpu->cells};
    return status;
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
    if (status == STATUS_OK) {
        status = objects_init(cpu);
    }
    if (status == STATUS_OK) {
        status = sched_init(&cpu->sched, heap, cpu->stacks.n_stacks);
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
