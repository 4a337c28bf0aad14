/*
 * For unit tests of the generated code: a function of one block is built in SSA, selected,
 * allocated, encoded and run against a small linear memory. Included by *_test.c only.
 */
#ifndef ENGINE_TARGET_X86_64_VEC_TEST_SUPPORT_H
#define ENGINE_TARGET_X86_64_VEC_TEST_SUPPORT_H

#define _GNU_SOURCE /* REG_RIP */

#include "engine/ssa/test_support.h"
#include "engine/target/x86_64/x86.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#define RUN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RUN_CODE_BYTES (64u << 10)
#define RUN_MEMORY_BYTES (64u << 10)
#define RUN_RECORD_BYTES 4096u
#define RUN_ARENA_BYTES (8u << 20)

/* Where things are in the memory of a run. */
enum run_place : uint32_t {
    RUN_ARGS = 0,     /* 16 bytes for each argument */
    RUN_RESULT = 64,  /* 16 bytes */
    RUN_COPIES = 128, /* the arguments once more, stored after the operation */
    RUN_DATA = 1024,  /* what memory instructions access */
};

/* The features that code is generated for, a row for each kind of CPU that is tested. */
static const struct run_cpu {
    const char *name;
    uint64_t features;
} run_cpus[] = {
    {"sse4.1", 0},
    {"sse4.2", ENGINE_CPU_SSE42},
    {"avx", ENGINE_CPU_SSE42 | ENGINE_CPU_AVX},
    {"all", ENGINE_CPU_ALL},
};
#define RUN_N_CPUS (sizeof run_cpus / sizeof run_cpus[0])

struct run {
    struct arena arena;
    struct engine_module module;
    struct engine_options options;
    struct engine_error error;
    struct compile cx;
    struct ssa_func fn;
    blk_t block;
    uint8_t *code;    /* executable */
    uint8_t *memory;  /* P */
    bool is_linear;   /* which allocator */
    const char *name; /* of what is tested, for messages */
};

/* Calls code with r15 = p. */
void run_call(const void *code, void *p);
__asm__(".text\n.globl run_call\n.type run_call, @function\nrun_call:\n"
        "  pushq %r15\n  movq %rsi, %r15\n  call *%rdi\n  popq %r15\n  ret\n");

static inline void run_init(struct run *run)
{
    int prot = PROT_READ | PROT_WRITE;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    *run = (struct run){.arena = test_arena_new(RUN_ARENA_BYTES)};
    run->code = mmap(NULL, RUN_CODE_BYTES, prot | PROT_EXEC, flags, -1, 0);
    uint8_t *record = mmap(NULL, RUN_RECORD_BYTES + RUN_MEMORY_BYTES, prot, flags, -1, 0);
    assert_true(run->code != MAP_FAILED && record != MAP_FAILED);
    run->memory = record + RUN_RECORD_BYTES;
}

static inline void run_free(struct run *run)
{
    munmap(run->code, RUN_CODE_BYTES);
    munmap(run->memory - RUN_RECORD_BYTES, RUN_RECORD_BYTES + RUN_MEMORY_BYTES);
    test_arena_free(&run->arena);
}

/* ---- Building ---- */

static inline void run_begin(struct run *run, uint64_t cpu_features)
{
    arena_release(&run->arena, 0);
    run->options = (struct engine_options){.cpu_features = cpu_features};
    run->fn = (struct ssa_func){0};
    assert_int_equal(ssa_func_init(&run->fn, &run->arena), STATUS_OK);
    assert_int_equal(ssa_reserve_insts(&run->fn, 64), STATUS_OK);
    assert_int_equal(ssa_reserve_pool(&run->fn, 64), STATUS_OK);
    run->fn.blocks[0] = (struct ssa_block){0};
    run->fn.n_blocks = 1;
    run->block = (blk_t){0};
}

static inline val_t run_inst(struct run *run, enum ssa_op op, enum ssa_type type, val_t a, val_t b,
                             val_t c)
{
    val_t v = ssa_new(&run->fn, op, type);
    struct ssa_inst *inst = ssa_inst(&run->fn, v);
    inst->arg[0] = a.i;
    inst->arg[1] = b.i;
    inst->arg[2] = c.i;
    inst->pos = 1;
    ssa_append(&run->fn, run->block, v);
    return v;
}

static inline val_t run_load(struct run *run, enum ssa_type type, uint32_t place)
{
    enum ssa_op op = type == T_V128 ? SSA_V_V128_LOAD : SSA_LOAD;
    val_t v = run_inst(run, op, type, ssa_const(&run->fn, T_I32, 0), VAL_NONE, VAL_NONE);
    ssa_inst(&run->fn, v)->imm = place;
    return v;
}

static inline void run_store(struct run *run, val_t value, uint32_t place)
{
    bool is_v128 = ssa_inst(&run->fn, value)->type == T_V128;
    val_t v = run_inst(run, is_v128 ? SSA_V_V128_STORE : SSA_STORE, T_VOID,
                       ssa_const(&run->fn, T_I32, 0), value, VAL_NONE);
    ssa_inst(&run->fn, v)->imm = place;
}

/* ---- Compiling ---- */

static inline void run_count_uses(struct run *run, uint32_t *n_uses)
{
    struct ssa_func *fn = &run->fn;
    for (uint32_t i = fn->blocks[0].first; i != 0; i = fn->insts[i].next) {
        const uint32_t *args = ssa_args(fn, &fn->insts[i]);
        for (uint32_t k = 0; k < ssa_n_args(&fn->insts[i]); k++) {
            n_uses[args[k]]++;
        }
    }
}

/* Ends the function and makes run->code of it. */
static inline void run_finish(struct run *run)
{
    val_t end = run_inst(run, SSA_RETURN, T_VOID, VAL_NONE, VAL_NONE, VAL_NONE);
    (void)end;
    run->cx = (struct compile){.module = &run->module,
                               .options = &run->options,
                               .target = &target_x86_64,
                               .arena = &run->arena,
                               .scratch = &run->arena,
                               .error = &run->error,
                               .fn = &run->fn};
    uint32_t *n_uses = arena_zalloc(&run->arena, run->fn.n_insts + 1, sizeof *n_uses);
    run_count_uses(run, n_uses);
    static const uint32_t order[1] = {0};
    struct mir_func mf;
    struct ra_machine machine;
    struct code_position positions[64];
    struct code_buf out = {.bytes = run->code,
                           .cap_bytes = RUN_CODE_BYTES,
                           .positions = positions,
                           .cap_positions = RUN_COUNT(positions)};
    const struct target *target = &target_x86_64;
    assert_int_equal(target->select(&run->cx, order, 1, n_uses, &mf), STATUS_OK);
    target->machine(&run->cx, &machine);
    struct ra_options options = {.is_linear = run->is_linear};
    assert_int_equal(ra_allocate(&mf, &machine, &options), STATUS_OK);
    uint32_t culprit;
    const char *error = ra_check(&mf, &machine, &culprit);
    if (error != NULL) {
        fail_msg("%s: inst %u %s: %s", run->name, culprit, target->op_name(mf.insts[culprit].op),
                 error);
    }
    assert_int_equal(target->encode(&run->cx, &mf, &run->arena, &out), STATUS_OK);
}

/* ---- Running ---- */

static sigjmp_buf run_trap_return;

static inline void run_on_trap(int, siginfo_t *, void *context)
{
    const ucontext_t *uc = context;
    const uint8_t *rip = (const uint8_t *)uc->uc_mcontext.gregs[REG_RIP];
    siglongjmp(run_trap_return, 0x100 | rip[2]);
}

/* The trap's kind, or TRAP_NONE. */
static inline enum engine_trap run_code(struct run *run)
{
    struct sigaction action = {.sa_sigaction = run_on_trap, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
    int trap = sigsetjmp(run_trap_return, 1);
    if (trap == 0) {
        run_call(run->code, run->memory);
    }
    return (enum engine_trap)(trap & 0xff);
}

/* ---- Values ---- */

static inline uint64_t run_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Floats worth trying, as bits. */
static const uint32_t run_f32s[] = {
    0,          0x80000000, 1,          0x80000001, 0x007fffff, 0x00800000, 0x3f000000, 0xbf000000,
    0x3f7fffff, 0x3f800000, 0xbf800000, 0xbf7fffff, 0x3fc00000, 0xbfc00000, 0x40200000, 0x4effffff,
    0x4f000000, 0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000, 0x5effffff, 0x5f000000, 0xdf000000,
    0xdf000001, 0x5f7fffff, 0x5f800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
    0xffc00000, 0x7fa00000, 0xffa00001, 0x7fffffff, 0x4b000001, 0xcb000001, 0x437f8000, 0xc37f8000,
};
static const uint64_t run_f64s[] = {
    0,
    0x8000000000000000,
    1,
    0x8000000000000001,
    0x000fffffffffffff,
    0x3fe0000000000000,
    0xbfe0000000000000,
    0x3fefffffffffffff,
    0x3ff0000000000000,
    0xbff0000000000000,
    0xbfefffffffffffff,
    0x3ff8000000000000,
    0xbff8000000000000,
    0x4004000000000000,
    0x41dfffffffc00000,
    0x41dfffffffffffff,
    0x41e0000000000000,
    0xc1e0000000000000,
    0xc1e00000001fffff,
    0xc1e0000000200000,
    0x41efffffffe00000,
    0x41efffffffffffff,
    0x41f0000000000000,
    0x43dfffffffffffff,
    0x43e0000000000000,
    0xc3e0000000000000,
    0xc3e0000000000001,
    0x43efffffffffffff,
    0x43f0000000000000,
    0x7fefffffffffffff,
    0xffefffffffffffff,
    0x7ff0000000000000,
    0xfff0000000000000,
    0x7ff8000000000000,
    0xfff8000000000000,
    0x7ff4000000000000,
    0xfff4000000000001,
    0x7fffffffffffffff,
    0x4330000000000001,
    0x47efffffe0000000,
    0x47efffffefffffff,
    0x47effffff0000000,
    0x36a0000000000000,
    0x380fffffe0000000,
};

static inline bool run_is_nan32(uint32_t x)
{
    return (x & 0x7fffffff) > 0x7f800000;
}

static inline bool run_is_nan64(uint64_t x)
{
    return (x & INT64_MAX) > 0x7ff0000000000000;
}

/* Whether got is a result that wasm 2.0 §4.3.3 allows for a NaN; has_payload: an input was a NaN
 * that isn't canonical. */
static inline bool run_nan32_ok(uint32_t got, bool has_payload)
{
    return has_payload ? (got & 0x7fc00000) == 0x7fc00000 : (got & 0x7fffffff) == 0x7fc00000;
}

static inline bool run_nan64_ok(uint64_t got, bool has_payload)
{
    return has_payload ? (got & 0x7ff8000000000000) == 0x7ff8000000000000
                       : (got & INT64_MAX) == 0x7ff8000000000000;
}

static inline bool run_has_payload32(uint32_t x)
{
    return run_is_nan32(x) && (x & 0x7fffffff) != 0x7fc00000;
}

static inline bool run_has_payload64(uint64_t x)
{
    return run_is_nan64(x) && (x & INT64_MAX) != 0x7ff8000000000000;
}

#endif
