/*
 * Traps: which one, and where (see trap.h).
 */
#include "kernel/process/trap.h"

#include <string.h>

#include "kernel/process/module.h"

/* A limit on walking, not on recursion: the stack is at most STACK_MAX_BYTES. */
#define WALK_MAX (UINT64_C(1) << 28)

static bool trap_is_known(uint8_t number)
{
    switch (number) {
#define TRAP(name, number, text) case number:
#include "engine/traps.def"
#undef TRAP
        return number != TRAP_NONE;
    default: return false;
    }
}

/* Whether addr is out of bounds of a memory of the process, but where its code may reach. What is
 * in bounds must not fault: then it isn't the guest's doing. */
static bool access_is_outside(const struct process *process, uint64_t addr)
{
    for (const struct memory *m = process->memories; m != NULL; m = m->next) {
        uint64_t offset = addr - (uint64_t)m->view.base;
        if (offset < m->slot.reach_bytes) {
            return offset >= m->view.size_bytes;
        }
    }
    return false;
}

/* Which trap a fault in guest code is; TRAP_NONE: something that compiled code never does. */
static enum engine_trap fault_trap(const struct activation *activation,
                                   const struct arch_fault *fault)
{
    switch (fault->kind) {
    case ARCH_FAULT_DIVIDE: return TRAP_DIV_ZERO;
    case ARCH_FAULT_UNDEFINED: {
        uint8_t number = arch_trap_code((const void *)fault->pc); // NOLINT
        return trap_is_known(number) ? (enum engine_trap)number : TRAP_NONE;
    }
    case ARCH_FAULT_ACCESS:
        if (stack_guards(activation->stack, fault->addr)) {
            return TRAP_STACK;
        }
        return access_is_outside(activation->process, fault->addr) ? TRAP_MEMORY : TRAP_NONE;
    case ARCH_FAULT_NO_MEMORY: return TRAP_HOST;
    case ARCH_FAULT_OTHER:
    default: return TRAP_NONE;
    }
}

#define ENTRY_PUSHES_MAX 8 /* words that a function's start may push, with some to spare */

/*
 * A function of ours that a guest called pushes its caller's registers before it can probe, and a
 * native one never probes. Nothing has happened yet, and the stack's guard is hit: that is the
 * guest's trap. Its return address is the first word on the stack that points behind a call in
 * guest code; a register that looks like one would but name a wrong place in the backtrace.
 */
static bool entry_unwind(const struct activation *activation, const struct arch_fault *fault,
                         struct guest_frame *frame)
{
    if (fault->kind != ARCH_FAULT_ACCESS || !stack_guards(activation->stack, fault->addr)) {
        return false;
    }
    *frame = (struct guest_frame){};
    uint64_t low = (uint64_t)activation->stack->low, start = fault->sp > low ? fault->sp : low;
    for (uint32_t i = 0; i < ENTRY_PUSHES_MAX; i++) {
        uint64_t at = start + i * sizeof(uint64_t), pc;
        if (!stack_holds(activation->stack, at, sizeof pc)) {
            break;
        }
        memcpy(&pc, (const void *)at, sizeof pc); // NOLINT(performance-no-int-to-ptr)
        if (module_find(pc - 1) != NULL) {
            *frame = (struct guest_frame){pc, at + sizeof pc, true};
            break;
        }
    }
    return true;
}

struct arch_activation *kernel_fault(const struct arch_fault *fault)
{
    struct cpu *cpu = cpu_self();
    struct activation *activation = cpu == NULL ? NULL : cpu->activation;
    if (activation == NULL) {
        return NULL;
    }
    enum engine_trap kind = TRAP_NONE;
    struct guest_frame frame = {fault->pc, fault->sp, fault->is_probe};
    if (fault->is_probe) {
        kind = stack_guards(activation->stack, fault->addr) ? TRAP_STACK : TRAP_NONE;
    } else if (module_find(fault->pc) != NULL) {
        kind = fault_trap(activation, fault);
    } else if (entry_unwind(activation, fault, &frame)) {
        kind = TRAP_STACK;
    }
    if (kind == TRAP_NONE) {
        return NULL;
    }
    activation->kind = kind;
    activation->status = kind == TRAP_HOST ? ERR_NO_MEMORY : STATUS_OK;
    activation->frame = frame;
    return activation->landing;
}

void trap_raise(enum engine_trap kind, status_t status, struct guest_frame frame)
{
    struct activation *activation = cpu_self()->activation;
    activation->kind = kind;
    activation->status = status;
    activation->frame = frame;
    arch_land(activation->landing);
}

/* ---- backtraces ---- */

/* Steps out of a frame of bytes to its caller's; false at the end of the stack. */
static bool frame_leave(const struct activation *activation, struct guest_frame *frame,
                        uint64_t bytes)
{
    uint64_t at = frame->sp + bytes;
    if (!stack_holds(activation->stack, at, sizeof frame->pc)) {
        return false;
    }
    memcpy(&frame->pc, (const void *)at, sizeof frame->pc); // NOLINT(performance-no-int-to-ptr)
    frame->sp = at + sizeof frame->pc;
    frame->is_return = true;
    return true;
}

static void trap_add_frame(struct trap *trap, const struct module *module,
                           const struct engine_place *place)
{
    if (trap->n_frames < TRAP_FRAMES_MAX) {
        trap->frames[trap->n_frames] = (struct trap_frame){
            .module = module,
            .funcidx = module->contents->n_func_imports + place->func,
            .wasm_offset = place->wasm_offset,
        };
    }
    trap->n_frames++;
}

/* frame_bytes: of the whole frame. */
static uint64_t frame_bytes_now(const struct guest_frame *frame, uint32_t frame_bytes)
{
    if (frame->is_return) {
        return frame_bytes;
    }
    return arch_frame_bytes((const void *)frame->pc, frame_bytes); // NOLINT
}

#define THUNK_ABSENT UINT32_MAX

/* A thunk of an image: where it starts, and its frame. Entry thunks have none that matters. */
struct thunk {
    uint64_t start;
    uint32_t frame_bytes;
    bool is_entry;
};

static void thunk_nearest(struct thunk *nearest, uint64_t offset, struct thunk candidate)
{
    if (candidate.start != THUNK_ABSENT && candidate.start <= offset &&
        candidate.start >= nearest->start) {
        *nearest = candidate;
    }
}

/* The thunk that the code offset lies in. They have no table by address: the nearest start at or
 * below is the one. */
static struct thunk thunk_find(const struct module *module, uint64_t offset)
{
    struct thunk nearest = {.is_entry = true};
    for (uint32_t i = 0; i < module->image->n_types; i++) {
        const struct engine_image_thunks *t = module_thunks(module, i);
        thunk_nearest(&nearest, offset, (struct thunk){t->entry, 0, true});
        thunk_nearest(&nearest, offset, (struct thunk){t->host, t->host_frame_bytes, false});
        thunk_nearest(&nearest, offset, (struct thunk){t->cross, t->cross_frame_bytes, false});
    }
    return nearest;
}

/* The frame of a host or cross thunk; false: an entry thunk, where the activation began. */
static bool thunk_frame_bytes(const struct module *module, const struct guest_frame *frame,
                              uint64_t *bytes)
{
    uint64_t offset = frame->pc - (uint64_t)module_code(module);
    struct thunk thunk = thunk_find(module, offset - (frame->is_return ? 1 : 0));
    if (thunk.is_entry) {
        return false;
    }
    *bytes = frame_bytes_now(frame, thunk.frame_bytes);
    return true;
}

static void trap_walk(const struct activation *activation, struct trap *trap)
{
    struct guest_frame frame = activation->frame;
    for (uint64_t i = 0; i < WALK_MAX; i++) {
        /* a call may be the last instruction of its image: look up a byte before its return */
        const struct module *module = module_find(frame.pc - (frame.is_return ? 1 : 0));
        if (module == NULL) {
            return;
        }
        struct engine_place place;
        uint64_t offset = frame.pc - (uint64_t)module_code(module), bytes;
        if (engine_image_find(module->image, offset, frame.is_return, &place)) {
            trap_add_frame(trap, module, &place);
            bytes = frame_bytes_now(&frame, place.frame_bytes);
        } else if (!thunk_frame_bytes(module, &frame, &bytes)) {
            return;
        }
        if (!frame_leave(activation, &frame, bytes)) {
            return;
        }
    }
}

void trap_describe(const struct activation *activation, struct trap *out)
{
    *out = (struct trap){
        .kind = activation->kind,
        .status = activation->status,
        .exit_code = activation->process->exit_code,
    };
    trap_walk(activation, out);
}
