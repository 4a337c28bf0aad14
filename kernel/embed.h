/*
 * What an embedder may ask of the kernel: the hosted command and the test runner load, link and
 * run modules through these functions, which are the kernel's own loader, linker and trap path.
 *
 * An embedder runs on a CPU's kernel stack, after kernel_start. Nothing here may be called from
 * two threads at once. Objects are opaque; a process and all that is in it (instances, memories,
 * tables, functions) live until process_free, whoever still names them: instances are kept by
 * reachability, and within one process everything may be reachable.
 */
#ifndef KERNEL_EMBED_H
#define KERNEL_EMBED_H

#include "base/status.h"
#include "engine/engine.h"

struct module;
struct process;
struct instance;

/* Why something was refused. */
struct report {
    status_t status;
    uint64_t offset;  /* in the module; REPORT_NO_OFFSET when it has nothing to do with bytes */
    uint32_t funcidx; /* UINT32_MAX if not in a function */
    char text[600];
};
#define REPORT_NO_OFFSET UINT64_MAX

/* ---- Modules: validated, compiled, immutable; shared by the processes that run them ---- */

struct module_options {
    struct engine_options engine;
    uint32_t n_threads;             /* 0: one a CPU */
    const struct engine_name *name; /* for backtraces, if the module has none; or null */
};

struct module_statistics {
    uint64_t wasm_bytes, code_bytes, image_bytes;
    uint32_t n_funcs, n_threads;
    uint64_t compile_ns;
    uint64_t workspace_bytes; /* the most that compiling used, beyond input and output */
};

/* Decodes, validates and compiles. The bytes are no longer needed afterwards. */
MUST_CHECK status_t module_compile(const uint8_t *bytes, size_t len_bytes,
                                   const struct module_options *options, struct module **out,
                                   struct report *report);
/* A module from the bytes of its image (struct engine_image), which are copied. The embedder vouches for
 * them: code is not verified. ERR_MALFORMED, ERR_MISMATCH if it was made for something else. */
MUST_CHECK status_t module_open(const void *bytes, size_t len_bytes,
                                const struct module_options *options, struct module **out,
                                struct report *report);
void module_put(struct module *module);

const struct engine_image *module_image(const struct module *module);
const struct engine_module *module_contents(const struct module *module);
const struct module_statistics *module_statistics(const struct module *module);
/* What backtraces call it; and a function of it: false when it has no name. */
struct engine_name module_name(const struct module *module);
bool module_func_name(const struct module *module, uint32_t funcidx, struct engine_name *out);

/* The hash of abi/calls.def, which is a part of every image. */
void module_abi_hash(uint8_t hash[static 32]);
/* What this CPU can do, for struct engine_options. */
uint64_t machine_cpu_features(void);

/* ---- Traps ---- */

#define TRAP_FRAMES_MAX 64u

struct trap_frame {
    const struct module *module;
    uint32_t funcidx;
    uint32_t wasm_offset; /* of the instruction, from the start of the module; 0 unknown */
};

struct trap {
    enum engine_trap kind;
    int32_t exit_code; /* TRAP_EXIT */
    status_t status;   /* TRAP_HOST: what the host function returned */
    uint64_t n_frames; /* how many there were; the innermost TRAP_FRAMES_MAX are kept */
    struct trap_frame frames[TRAP_FRAMES_MAX];
};

/* ---- Both for people ---- */

/* Where text goes, piece by piece. */
struct text_out {
    void (*put)(void *ctx, const char *text, size_t len_bytes);
    void *ctx;
};
/* What comes behind "error: NAME: ", in lines. */
void report_say(const struct report *report, const struct text_out *out);
void trap_say(const struct trap *trap, const struct text_out *out);

/* ---- Processes ---- */

struct process_options {
    uint64_t memory_cap_pages; /* no memory grows beyond; 0: the default, 3 GiB */
    bool is_linked_later; /* exported memories may be imported by modules not yet known: they get
                             guard slots also if their module was compiled for dense ones */
};
MUST_CHECK status_t process_new(const struct process_options *options, struct process **out);
void process_free(struct process *process);

/*
 * Links, makes an instance and runs its start function. ERR_UNLINKABLE and report; ERR_TRAP and
 * trap, when a segment or the start function traps; ERR_LIMIT, ERR_NO_MEMORY and report.
 */
MUST_CHECK status_t instance_new(struct process *process, struct module *module,
                                 struct instance **out, struct report *report, struct trap *trap);

/*
 * Starts the process at an instance: the _start or else the handler that it exports. It has a capability
 * to the whole system at handle 1, and to its module at handle 2. Then runs the system until the
 * process has ended. ERR_TRAP and trap: by a trap, or by its exit. ERR_NOT_FOUND: nothing to
 * start. ERR_WOULD_DEADLOCK: all processes wait, and for nothing that can come.
 */
MUST_CHECK status_t process_run(struct process *process, struct instance *main, struct trap *trap);

/* ---- What imports are satisfied with ---- */

/* A function of the embedder. values: the arguments, then the results. Runs on the guest's stack
 * with ARCH_PROBE_LONG_BYTES left at least. Anything but STATUS_OK ends the call with a trap. */
typedef status_t (*host_fn)(void *ctx, struct instance *caller, union engine_value *values);
/* A function in the machine's own C convention, entered by compiled code directly. It gets the
 * arguments and nothing else, must not touch guests and can't end the call. */
typedef void (*native_fn)(void);

/* Types as text: params_results of i = i32, I = i64, f = f32, F = f64, v = v128, p = funcref,
 * e = externref. Texts are kept by reference. Later ones win over earlier ones. */
struct provided_func {
    const char *module, *name, *signature;
    host_fn host; /* one of the two */
    native_fn native;
    void *ctx;
};
MUST_CHECK status_t process_provide_func(struct process *process, const struct provided_func *func);
MUST_CHECK status_t process_provide_global(struct process *process, const char *module,
                                           const char *name, char type, union engine_value value);
MUST_CHECK status_t process_provide_table(struct process *process, const char *module,
                                          const char *name, struct engine_tabletype type);
MUST_CHECK status_t process_provide_memory(struct process *process, const char *module,
                                           const char *name, struct engine_limit limit);
/* All exports of an instance, under a module name. The name is copied. */
MUST_CHECK status_t process_provide_instance(struct process *process, struct engine_name name,
                                             struct instance *instance);

/*
 * What is provided, as one thing: returns all names of the process, and makes `names` (from an
 * earlier call) those it has from now on; null changes nothing.
 */
struct provided;
struct provided *process_names_swap(struct process *process, struct provided *names);

/* ---- Using instances ---- */

/* What an instance exports under a name; ERR_NOT_FOUND. */
struct exported {
    enum engine_extern kind;
    uint32_t index; /* in the instance's index space */
};
MUST_CHECK status_t instance_export(const struct instance *instance, struct engine_name name,
                                    struct exported *out);
const struct module *instance_module(const struct instance *instance);

/*
 * Calls function funcidx. values holds the arguments and gets the results: as many as the larger
 * of both. ERR_TRAP and trap.
 */
MUST_CHECK status_t instance_call(struct instance *instance, uint32_t funcidx,
                                  union engine_value *values, struct trap *trap);
void instance_global_get(const struct instance *instance, uint32_t globalidx,
                         union engine_value *out);

/* Bytes [offset, offset + len) of the instance's memory; null if they aren't all in bounds. */
uint8_t *instance_memory(const struct instance *instance, uint64_t offset, uint64_t len_bytes);
uint64_t instance_memory_size(const struct instance *instance);

/* To be returned by a host function: the process ends, with this exit code. */
MUST_CHECK status_t instance_exit(struct instance *instance, int32_t exit_code);

/* ---- Tests ---- */

/* Whether all canaries around linear memories are whole; false and where the first isn't. */
bool kernel_canaries_check(uint64_t *where);

#endif
