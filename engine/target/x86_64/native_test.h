/*
 * For unit tests: runs SSA functions as native code, in the world of engine/ssa/test_interp.h, so
 * that the two can be compared. Included by *_test.c only.
 *
 * Memory ends at inaccessible pages, as large as any address can reach; the instance record is
 * just before it. Functions are entered through the entry thunk of their type.
 */
#ifndef ENGINE_TARGET_X86_64_NATIVE_TEST_H
#define ENGINE_TARGET_X86_64_NATIVE_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#define INTERP_MEMORY_BYTES 4096u /* a page: what is behind it faults */

#include "engine/opt/opt.h"
#include "engine/ra/mir_print.h"
#include "engine/ssa/test_generate.h"
#include "engine/target/target.h"

#define NATIVE_CODE_BYTES (1u << 20)
#define NATIVE_RESERVE_BYTES (UINT64_C(0x108000000))
#define NATIVE_MAX_VALUES 24
#define NATIVE_SCRATCH_BYTES (4u << 20)

struct native {
    struct arena *arena;
    struct arena scratch;
    struct engine_module module;
    struct engine_functype type;
    uint8_t params[NATIVE_MAX_VALUES], results[NATIVE_MAX_VALUES];
    struct engine_func funcs[2];
    struct engine_options options;
    struct engine_error error;
    struct compile cx;
    struct code_buf code;
    struct mir_func mf;
    struct ra_options ra;
    uint8_t *executable;
    uint8_t *p;                         /* the instance pointer */
    uint64_t seed;                      /* of what is tested, for messages */
    uint32_t function_len_bytes, entry; /* offsets in code */
};

static inline void native_init(struct native *n, struct arena *arena)
{
    *n = (struct native){.arena = arena};
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    n->executable = mmap(NULL, NATIVE_CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
    n->p = (uint8_t *)(uintptr_t)INTERP_INSTANCE;
    uint8_t *space = mmap(n->p - 4096, NATIVE_RESERVE_BYTES, PROT_NONE,
                          flags | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    assert_true(n->executable != MAP_FAILED && space == n->p - 4096);
    assert_int_equal(mprotect(space, 4096 + INTERP_MEMORY_BYTES, PROT_READ | PROT_WRITE), 0);
}

static inline void native_free(struct native *n)
{
    munmap(n->executable, NATIVE_CODE_BYTES);
    munmap(n->p - 4096, NATIVE_RESERVE_BYTES);
}

static inline uint8_t native_valtype(uint8_t type)
{
    static const uint8_t valtypes[T_COUNT] = {0,           VALTYPE_I32, VALTYPE_I64,
                                              VALTYPE_F32, VALTYPE_F64, VALTYPE_V128};
    return valtypes[type];
}

static inline void native_type(struct native *n, const struct ssa_func *fn)
{
    for (uint32_t i = 0; i < fn->n_params; i++) {
        n->params[i] = native_valtype(fn->param_types[i]);
    }
    for (uint32_t i = 0; i < fn->n_results; i++) {
        n->results[i] = native_valtype(fn->result_types[i]);
    }
    n->type = (struct engine_functype){n->params, n->results, fn->n_params, fn->n_results};
    n->module =
        (struct engine_module){.n_types = 1, .n_funcs = 2, .types = &n->type, .funcs = n->funcs};
    n->funcs[0].body_offset = n->funcs[1].body_offset = 1;
}

static inline void native_put_file(void *ctx, const char *text, size_t len_bytes)
{
    fwrite(text, 1, len_bytes, ctx);
}

static inline bool native_wants_dump(void)
{
    return getenv("NATIVE_DUMP") != NULL;
}

static inline void native_dump_mir(struct native *n, const struct ra_machine *machine)
{
    if (native_wants_dump()) {
        mir_print(&n->mf, machine, target_x86_64.op_name,
                  &(struct ssa_text){native_put_file, stderr});
    }
}

static inline void native_code_init(struct native *n)
{
    n->code = (struct code_buf){.bytes = arena_alloc(n->arena, NATIVE_CODE_BYTES),
                                .cap_bytes = NATIVE_CODE_BYTES,
                                .call_sites = arena_array(n->arena, 65536, 4),
                                .cap_call_sites = 65536,
                                .positions = arena_array(n->arena, 65536, 8),
                                .cap_positions = 65536};
    assert_non_null(n->code.bytes);
    assert_non_null(n->code.positions);
}

static inline void native_scratch_init(struct native *n)
{
    arena_init(&n->scratch, arena_alloc(n->arena, NATIVE_SCRATCH_BYTES), NATIVE_SCRATCH_BYTES);
    assert_non_null(n->scratch.base);
}

/* From SSA to the end of n->code. */
static inline void native_emit(struct native *n, struct ssa_func *fn)
{
    const struct target *target = &target_x86_64;
    struct ra_machine machine;
    uint32_t *order, n_order, *n_uses;
    native_scratch_init(n);
    n->cx = (struct compile){.module = &n->module,
                             .options = &n->options,
                             .target = target,
                             .arena = n->arena,
                             .scratch = &n->scratch,
                             .error = &n->error,
                             .fn = fn};
    assert_int_equal(opt_layout(&n->cx, &order, &n_order), STATUS_OK);
    assert_int_equal(opt_count_uses(&n->cx, &n_uses), STATUS_OK);
    assert_int_equal(target->select(&n->cx, order, n_order, n_uses, &n->mf), STATUS_OK);
    target->machine(&n->cx, &machine);
    native_dump_mir(n, &machine);
    assert_int_equal(ra_allocate(&n->mf, &machine, &n->ra), STATUS_OK);
    uint32_t culprit = 0;
    const char *wrong = ra_check(&n->mf, &machine, &culprit);
    if (wrong != NULL) {
        native_dump_mir(n, &machine);
        fail_msg("seed %llu: ra_check: %s at %u", (unsigned long long)n->seed, wrong, culprit);
    }
    assert_int_equal(target->encode(&n->cx, &n->mf, n->arena, &n->code), STATUS_OK);
}

static inline void native_optimize(struct native *n, struct ssa_func *fn)
{
    native_type(n, fn);
    native_scratch_init(n);
    n->cx = (struct compile){.module = &n->module,
                             .options = &n->options,
                             .target = &target_x86_64,
                             .arena = n->arena,
                             .scratch = &n->scratch,
                             .error = &n->error,
                             .fn = fn};
    assert_int_equal(opt_run(&n->cx), STATUS_OK);
}

/* Code and entry thunk in n->executable. */
static inline void native_compile(struct native *n, struct ssa_func *fn)
{
    native_type(n, fn);
    native_code_init(n);
    native_emit(n, fn);
    n->function_len_bytes = n->code.len_bytes;
    while (n->code.len_bytes % 16 != 0) {
        n->code.bytes[n->code.len_bytes++] = 0xcc;
    }
    n->entry = n->code.len_bytes;
    assert_int_equal(target_x86_64.entry_thunk(&n->type, n->arena, &n->code), STATUS_OK);
    memcpy(n->executable, n->code.bytes, n->code.len_bytes);
    if (native_wants_dump()) {
        FILE *file = fopen(getenv("NATIVE_DUMP"), "wb");
        fwrite(n->code.bytes, 1, n->function_len_bytes, file);
        fclose(file);
    }
}

/* ---- Running ---- */

static sigjmp_buf native_landing;
static const uint8_t *native_fault_ip;

static inline void native_on_signal(int signal, siginfo_t *info, void *context)
{
    (void)info;
    const ucontext_t *uc = context;
    const uint8_t *ip = (const uint8_t *)uc->uc_mcontext.gregs[REG_RIP];
    native_fault_ip = ip;
    siglongjmp(native_landing, signal == SIGILL   ? 256 + ip[2]
                               : signal == SIGFPE ? 256 + TRAP_DIV_ZERO
                                                  : 256 + TRAP_MEMORY);
}

static inline void native_catch_signals(void)
{
    static const int signals[] = {SIGILL, SIGFPE, SIGSEGV, SIGBUS};
    struct sigaction action = {.sa_sigaction = native_on_signal, .sa_flags = SA_SIGINFO};
    for (uint32_t i = 0; i < 4; i++) {
        sigaction(signals[i], &action, NULL);
    }
}

typedef void native_entry_fn(const void *code, void *p, union engine_value *values,
                             const void *slot);

/* As interp_run: the end is in m, and what memory and record hold. */
static inline void native_run(struct native *n, struct interp *m, const struct ssa_func *fn,
                              const union interp_value *params, uint64_t seed)
{
    union engine_value values[NATIVE_MAX_VALUES] = {0};
    uint64_t pointed = (uint64_t)(uintptr_t)(n->p + INTERP_POINTED);
    memset(m, 0, sizeof *m);
    for (uint32_t i = 0; i < INTERP_MEMORY_BYTES; i++) {
        n->p[i] = (uint8_t)interp_random(seed, i);
    }
    for (uint32_t i = 0; i < INTERP_RECORD_BYTES; i++) {
        n->p[(int)i - (int)INTERP_RECORD_BYTES] = (uint8_t)interp_random(seed + 1, i);
    }
    memcpy(n->p - INTERP_RECORD_BYTES, &pointed, sizeof pointed);
    uint64_t size = INTERP_MEMORY_BYTES;
    memcpy(n->p + INTERP_SIZES, &size, sizeof size);
    for (uint32_t i = 0; i < fn->n_params; i++) {
        memcpy(&values[i], &params[i], 16);
    }
    native_entry_fn *enter = (native_entry_fn *)(void *)(n->executable + n->entry);
    native_catch_signals();
    int trap = sigsetjmp(native_landing, 1);
    if (trap == 0) {
        enter(n->executable, n->p, values, NULL);
        m->end = INTERP_RETURNED;
        m->n_results = fn->n_results;
        for (uint32_t i = 0; i < fn->n_results; i++) {
            bool is_32 = fn->result_types[i] == T_I32 || fn->result_types[i] == T_F32;
            memcpy(&m->results[i], &values[i], fn->result_types[i] == T_V128 ? 16 : is_32 ? 4 : 8);
            if (fn->result_types[i] == T_I32) { /* results are zero-extended */
                assert_int_equal(values[i].i64 >> 32, 0);
            }
        }
    } else {
        m->end = INTERP_TRAPPED;
        m->trap = (uint8_t)(trap - 256);
    }
    memcpy(m->memory, n->p, INTERP_MEMORY_BYTES);
    memcpy(m->record, n->p - INTERP_RECORD_BYTES, INTERP_RECORD_BYTES);
}

#endif
