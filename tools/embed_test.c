/*
 * What the conformance suites don't reach: calls between instances and through host functions as
 * backtraces show them, nested calls, native functions as values, dense memories.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/linux/hosted.h"
#include "kernel/embed.h"
#include "tools/embed_test_modules.h"

static struct report report;
static struct trap trap;
static struct process *process;
static struct module_options options;

static struct engine_name name_of(const char *text)
{
    return (struct engine_name){(const uint8_t *)text, (uint32_t)strlen(text)};
}

/* In the tests, not around them: cmocka sets signal handlers of its own when a test begins. */
static void begin(void)
{
    options = (struct module_options){.engine.cpu_features = machine_cpu_features(),
                                      .engine.is_checked = true};
    assert_int_equal(hosted_start(&(struct hosted_options){.has_canaries = true}), STATUS_OK);
    assert_int_equal(process_new(&(struct process_options){}, &process), STATUS_OK);
}

static void end(void)
{
    uint64_t where;
    assert_true(kernel_canaries_check(&where));
    process_free(process);
    hosted_stop();
}

static struct instance *instance_make(const uint8_t *bytes, size_t len_bytes, status_t wanted)
{
    struct module *module;
    struct instance *instance = NULL;
    assert_int_equal(module_compile(bytes, len_bytes, &options, &module, &report), STATUS_OK);
    assert_int_equal(instance_new(process, module, &instance, &report, &trap), wanted);
    module_put(module); /* its instance keeps it */
    return instance;
}
#define MAKE(name, wanted) instance_make(name##_wasm, sizeof name##_wasm, wanted)

static status_t call(struct instance *instance, const char *name, union engine_value *values)
{
    struct exported exported;
    assert_int_equal(instance_export(instance, name_of(name), &exported), STATUS_OK);
    assert_int_equal(exported.kind, EXTERN_FUNC);
    return instance_call(instance, exported.index, values, &trap);
}

static void expect_frames(const char *const *names, uint32_t n)
{
    assert_int_equal(trap.n_frames, n);
    for (uint32_t i = 0; i < n; i++) {
        struct engine_name name;
        assert_true(module_func_name(trap.frames[i].module, trap.frames[i].funcidx, &name));
        assert_int_equal(name.len_bytes, strlen(names[i]));
        assert_memory_equal(name.bytes, names[i], name.len_bytes);
        assert_int_not_equal(trap.frames[i].wasm_offset, 0);
    }
}

static void test_between_instances(void **state)
{
    (void)state;
    begin();
    union engine_value values[10] = {};
    struct instance *callee = MAKE(callee, STATUS_OK);
    assert_int_equal(process_provide_instance(process, name_of("callee"), callee), STATUS_OK);
    struct instance *caller = MAKE(caller, STATUS_OK);
    assert_int_equal(call(caller, "fine", values), STATUS_OK);
    assert_int_equal(values[0].i64, 19);
    assert_int_equal(call(caller, "outer", values), ERR_TRAP);
    assert_int_equal(trap.kind, TRAP_UNREACHABLE);
    static const char *const names[] = {"boom", "inner", "outer"};
    expect_frames(names, 3);
    assert_ptr_equal(trap.frames[0].module, instance_module(callee));
    assert_ptr_equal(trap.frames[1].module, instance_module(caller));
    end();
}

/* Calls "down" again, until the argument is 0; then does what `at_end` says. */
static enum { END_RETURNS, END_FAILS, END_TRAPS, END_EXITS } at_end;
static struct trap inner_trap;

static status_t again(void *ctx, struct instance *caller, union engine_value *values)
{
    assert_ptr_equal(ctx, &at_end);
    uint32_t depth = values[0].i32;
    if (depth > 0) {
        struct exported exported;
        union engine_value inner[1] = {{.i32 = depth - 1}};
        assert_int_equal(instance_export(caller, name_of("down"), &exported), STATUS_OK);
        status_t status = instance_call(caller, exported.index, inner, &inner_trap);
        values[0].i32 = status == STATUS_OK ? inner[0].i32 : 1000;
        return STATUS_OK;
    }
    union engine_value load[1] = {{.i32 = 1u << 20}};
    struct exported exported;
    switch (at_end) {
    case END_FAILS: return ERR_IO;
    case END_EXITS: return instance_exit(caller, 42);
    case END_TRAPS:
        assert_int_equal(instance_export(caller, name_of("load"), &exported), STATUS_OK);
        return instance_call(caller, exported.index, load, &inner_trap);
    case END_RETURNS:
    default: return STATUS_OK;
    }
}

static struct instance *host_make(void)
{
    assert_int_equal(process_provide_func(process, &(struct provided_func){.module = "env",
                                                                           .name = "again",
                                                                           .signature = "i_i",
                                                                           .host = again,
                                                                           .ctx = &at_end}),
                     STATUS_OK);
    return MAKE(host, STATUS_OK);
}

static void test_nested(void **state)
{
    (void)state;
    begin();
    struct instance *instance = host_make();
    union engine_value values[1] = {{.i32 = 5}};
    at_end = END_RETURNS;
    assert_int_equal(call(instance, "down", values), STATUS_OK);
    assert_int_equal(values[0].i32, 6);
    end();
}

static void test_host_fails(void **state)
{
    (void)state;
    begin();
    struct instance *instance = host_make();
    union engine_value values[1] = {{.i32 = 0}};
    static const char *const names[] = {"down"};
    at_end = END_FAILS;
    assert_int_equal(call(instance, "down", values), ERR_TRAP);
    assert_int_equal(trap.kind, TRAP_HOST);
    assert_int_equal(trap.status, ERR_IO);
    expect_frames(names, 1);
    at_end = END_EXITS;
    values[0].i32 = 0;
    assert_int_equal(call(instance, "down", values), ERR_TRAP);
    assert_int_equal(trap.kind, TRAP_EXIT);
    assert_int_equal(trap.exit_code, 42);
    /* an inner call's end is its own */
    values[0].i32 = 2;
    assert_int_equal(call(instance, "down", values), STATUS_OK);
    assert_int_equal(values[0].i32, 1002);
    assert_int_equal(inner_trap.kind, TRAP_EXIT);
    end();
}

static void test_nested_trap(void **state)
{
    (void)state;
    begin();
    struct instance *instance = host_make();
    union engine_value values[1] = {{.i32 = 3}};
    static const char *const names[] = {"leaf", "load"};
    at_end = END_TRAPS;
    assert_int_equal(call(instance, "down", values), STATUS_OK);
    assert_int_equal(inner_trap.kind, TRAP_HOST); /* "again" hands the status on */
    values[0].i32 = 0;
    assert_int_equal(call(instance, "down", values), ERR_TRAP);
    trap = inner_trap;
    assert_int_equal(trap.kind, TRAP_MEMORY);
    expect_frames(names, 2);
    end();
}

static void test_functions_as_values(void **state)
{
    (void)state;
    begin();
    struct instance *instance = host_make();
    union engine_value values[2] = {{.i32 = 7}, {.i32 = 2}};
    at_end = END_RETURNS;
    assert_int_equal(call(instance, "indirect", values), STATUS_OK);
    assert_int_equal(values[0].i32, 0);
    values[0].i32 = 4;
    values[1].i32 = 1;
    assert_int_equal(call(instance, "indirect", values), STATUS_OK);
    assert_int_equal(values[0].i32, 4);
    assert_int_equal(call(instance, "indirect_nop", values), STATUS_OK);
    values[1].i32 = 0;
    assert_int_equal(call(instance, "indirect", values), ERR_TRAP);
    assert_int_equal(trap.kind, TRAP_INDIRECT_TYPE);
    /* imports, exported again, and called by the embedder */
    assert_int_equal(call(instance, "nop", values), STATUS_OK);
    values[0].i32 = 0;
    assert_int_equal(call(instance, "again", values), STATUS_OK);
    end();
}

static void test_dense(void **state)
{
    (void)state;
    begin();
    options.engine.memory_kind = ENGINE_MEMORY_DENSE;
    struct instance *owner = MAKE(mem, STATUS_OK);
    union engine_value values[1] = {{.i32 = 65532}};
    assert_int_equal(call(owner, "f", values), STATUS_OK);
    values[0].i32 = 65533;
    assert_int_equal(call(owner, "f", values), ERR_TRAP);
    assert_int_equal(trap.kind, TRAP_MEMORY);
    values[0].i32 = 3u << 16; /* what is there is no part of it */
    assert_int_equal(call(owner, "f", values), ERR_TRAP);
    assert_int_equal(trap.kind, TRAP_MEMORY);
    end();
}

static void test_dense_import(void **state)
{
    (void)state;
    begin();
    struct instance *owner;
    options.engine.memory_kind = ENGINE_MEMORY_DENSE;
    owner = MAKE(mem, STATUS_OK);
    assert_int_equal(process_provide_instance(process, name_of("mem"), owner), STATUS_OK);
    (void)MAKE(memuser, ERR_UNSUPPORTED); /* its code would reach to a third page */
    options.engine.memory_kind = ENGINE_MEMORY_GUARD;
    (void)MAKE(memuser, ERR_UNSUPPORTED);
    end();
}

/* However a function makes its frame, and wherever in it the stack ends: each frame is found. */
static void test_depth(void **state)
{
    (void)state;
    begin();
    struct instance *instance = MAKE(depth, STATUS_OK);
    struct exported depth;
    assert_int_equal(instance_export(instance, name_of("depth"), &depth), STATUS_OK);
    uint32_t before = 0;
    for (int k = '1'; k <= '9'; k++) {
        char name[] = {'r', 'e', 'c', (char)k, '\0'};
        union engine_value values[1] = {{.i64 = UINT64_MAX}}, now;
        assert_int_equal(call(instance, name, values), ERR_TRAP);
        assert_int_equal(trap.kind, TRAP_STACK);
        instance_global_get(instance, depth.index, &now);
        uint64_t made = now.i32 - before; /* and maybe one more, in the making */
        assert_in_range(trap.n_frames, made, made + 1);
        before = now.i32;
        values[0].i64 = 1000;
        assert_int_equal(call(instance, name, values), STATUS_OK);
        before += 1000;
    }
    end();
}

static void crash(void)
{
    *(volatile int *)8 = 1;
}

/* A fault of our own code isn't a guest's trap: the process dies of it. */
static void test_crash(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler would go on with the tests */
        begin();
        (void)freopen("/dev/null", "w", stderr);
        status_t status = process_provide_func(process, &(struct provided_func){
                                                            .module = "env",
                                                            .name = "again",
                                                            .signature = "i_i",
                                                            .native = (native_fn)crash,
                                                        });
        struct instance *instance = status == STATUS_OK ? MAKE(host, STATUS_OK) : NULL;
        (void)call(instance, "down", &(union engine_value){});
        _exit(0);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) ? WTERMSIG(how) == SIGSEGV : WEXITSTATUS(how) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between_instances),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_host_fails),
        cmocka_unit_test(test_nested_trap),
        cmocka_unit_test(test_functions_as_values),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_dense_import),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
