/*
 * A process: instances of modules, and all that they can reach. Everything in it comes from its
 * pool and goes with it.
 *
 * Functions are numbered in one space a process: a funcref value is an index into `records`, which
 * compiled code of all its instances reads; `funcs` holds beside each record what only the kernel
 * needs. Types are interned: equal function types have one number in a process.
 */
#ifndef KERNEL_PROCESS_PROCESS_H
#define KERNEL_PROCESS_PROCESS_H

#include "base/arena.h"
#include "base/list.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/embed.h"
#include "kernel/mem/memory.h"
#include "kernel/object/cap.h"
#include "kernel/sched/inbox.h"

/* ---- what can be imported ---- */

struct table {
    struct engine_table *view; /* in its owner's record, or own_view */
    struct engine_table own_view;
    struct engine_tabletype type; /* as declared */
    struct instance *owner;       /* null: the embedder's */
    bool is_shared; /* other instances call through it: their slots hold thunks, never code that
                       expects one certain instance */
    uint64_t cap;   /* of slots, elements */
    struct table *next;
};

struct global {
    struct engine_globaltype type;
    void *value; /* 8 or 16 bytes, of the type's */
};

struct external {
    enum engine_extern kind;
    union {
        uint32_t ref; /* function */
        struct table *table;
        struct memory *memory;
        struct global global;
    };
};

/* ---- functions ---- */

enum func_kind : uint8_t { FUNC_WASM, FUNC_HOST, FUNC_NATIVE };

struct host_func {
    host_fn fn;
    void *ctx;
};

struct func {
    enum func_kind kind;
    struct instance *instance; /* FUNC_WASM */
    struct host_func host;     /* FUNC_HOST */
    /* Whose thunks fit this function: its own module; for others the first that imported it. */
    const struct module *module;
    uint32_t typeidx; /* in module */
};

/* Addresses for each table of functions: 22 million of them. */
#define FUNC_POOL_BYTES ((size_t)1 << 30)

/* ---- names that modules can import ---- */

struct provided {
    struct provided *next; /* older */
    struct engine_name module, name;
    struct external external;
    struct instance *instance; /* not null: all its exports, under any name */
};

/* ---- the process ---- */

struct region { /* pages that belong to the process, outside its pool */
    struct region *next;
    uint8_t *start;
    size_t len_bytes;
};

enum process_state : uint8_t {
    PROCESS_NEW,     /* not started */
    PROCESS_RUNNING, /* has fibers, or gets messages */
    PROCESS_ENDED,   /* only the record is left, for who wants to know how */
};

struct process {
    struct object object; /* first; its state is an enum process_state */
    struct cpu *home;
    struct process_options options;
    struct arena pool;
    struct stack *stack;  /* for the embedder's calls; null until the first */
    bool is_embedders;    /* its record is freed by the embedder alone */
    struct trap *on_trap; /* the embedder's: is filled in when it traps; or null */

    struct cap_table caps;
    struct list fibers; /* fiber.of_process */
    uint32_t n_fibers;
    uint32_t priority;
    struct list receivers; /* fibers that wait for a message */
    struct list waiters;   /* fibers that wait for its end */
    struct process *maker; /* null: the embedder */
    struct list children;  /* process.of_maker: that it made, ended ones too */
    struct list of_maker;
    struct instance *main; /* what process_start starts */
    struct list channels;  /* channel.of_maker: that it made */
    struct list served;    /* channel.of_server: whose messages it gets */
    struct list replies;   /* reply.of_holder */
    uint64_t argument;     /* of process_start */

    /* The handler of a program that has one; else it receives by itself. */
    struct handler {
        arch_entry_fn entry;
        const void *code;
        void *instance;
        uint32_t n_running, n_max; /* fibers that are in it */
    } handler;
    struct inbox inbox;

    enum engine_trap end_trap; /* how it ended */

    struct arena record_pool, func_pool; /* hold nothing but: */
    struct engine_func_record *records;  /* [n_funcs]; 0 is null */
    struct func *funcs;                  /* [n_funcs] */
    uint32_t n_funcs;

    struct engine_functype *types; /* [n_types], number - 1 */
    uint32_t *type_hash;           /* [cap_types * 2] numbers, 0 empty */
    uint32_t n_types, cap_types;

    struct instance *instances;
    struct memory *memories;
    struct table *tables;
    struct region *regions;
    struct provided *provided;
    int32_t exit_code;
};

static inline enum process_state process_state(const struct process *process)
{
    return (enum process_state)object_state(&process->object);
}

/* ---- life.c ---- */

/* A process with these capabilities, and the module's instance in it; not started. ERR_UNLINKABLE,
 * ERR_NO_MEMORY, ERR_NO_SPACE. */
MUST_CHECK status_t process_make(struct process *maker, struct module *module,
                                 struct process **out);
/* As a state machine or as a program; if it exports what both want, as it is told. ERR_BUSY: it was
 * started before. ERR_NOT_FOUND: the module exports neither a handler nor _start. */
MUST_CHECK status_t process_start(struct process *process, uint64_t argument, bool prefers_program);
/* Its instances, memories and pools. */
void process_release(struct process *process);
/* Gives back everything that the process has, and tells who waits. Not on a stack of its own. */
void process_end(struct process *process);
/* The same, with its record. */
void process_reap(struct process *process);
/* Loop only: the process of a fiber that a trap cut. */
void process_trapped(struct fiber *fiber);
/* Its instances run on this stack from here on. */
void process_stack_set(const struct process *process, const struct stack *stack);

struct instance {
    struct process *process;
    struct module *module;
    struct instance *next;
    uint8_t *ptr;            /* P, the instance pointer */
    struct memory *memory;   /* memory 0; null without one */
    struct table **tables;   /* [n_tables] */
    uint32_t *func_refs;     /* [n_funcs]; 0: no record made yet */
    uint64_t *dropped_datas; /* bitset */
    uint64_t *dropped_elems; /* bitset */
};

static inline struct engine_instance *instance_fixed(const struct instance *instance)
{
    return (struct engine_instance *)(instance->ptr - sizeof(struct engine_instance));
}

/* The instance that an instance pointer belongs to. */
static inline struct instance *instance_of(void *ptr)
{
    return ((struct engine_instance *)((uint8_t *)ptr - sizeof(struct engine_instance)))->embedder;
}

/* The number of a function type; 0 when there is no memory for it. */
uint32_t process_type_id(struct process *process, const struct engine_functype *type);
static inline const struct engine_functype *process_type(const struct process *process, uint32_t id)
{
    return &process->types[id - 1];
}

/* A copy of bytes in the process's pool. ERR_NO_MEMORY. */
MUST_CHECK status_t process_copy_name(struct process *process, struct engine_name name,
                                      struct engine_name *out);

/* ---- func.c ---- */

/* A new function. *ref: its number. ERR_NO_MEMORY. */
MUST_CHECK status_t func_new(struct process *process, const struct engine_func_record *record,
                             const struct func *func, uint32_t *ref);
/* The funcref of a function of an instance. ERR_NO_MEMORY. */
MUST_CHECK status_t func_ref(struct instance *instance, uint32_t funcidx, uint32_t *ref);
/* What a slot for this function holds. caller: the one instance that calls through the slot, or
 * null when any may. */
struct engine_func_slot func_slot(const struct process *process, uint32_t ref,
                                  const struct instance *caller);

/* ---- table.c ---- */

/* Storage of a table whose view and type are set. */
MUST_CHECK status_t table_init(struct table *table, struct process *process);
/* Other instances will call through it. */
void table_share(struct table *table, struct process *process);
MUST_CHECK status_t table_grow(struct table *table, struct process *process, uint32_t delta,
                               uint64_t value, uint32_t *old_size);
/* In bounds, asserted: callers have checked. value: a funcref or externref. */
void table_set(struct table *table, const struct process *process, uint32_t i, uint64_t value);
uint64_t table_get(const struct table *table, uint32_t i);

/* ---- link.c ---- */

/* What each import of the module is; [n_imports]. ERR_UNLINKABLE and report. */
MUST_CHECK status_t link_resolve(struct process *process, struct module *module,
                                 struct external *out, struct report *report);

/* ---- instance.c ---- */

/* Export number i. ERR_NO_MEMORY */
MUST_CHECK status_t instance_external(struct instance *instance, enum engine_extern kind,
                                      uint32_t index, struct external *out);
/* The value of own or imported global. */
void *instance_global(const struct instance *instance, uint32_t globalidx);
/* Value of a constant expression. */
MUST_CHECK status_t instance_init_value(struct instance *instance, const struct engine_init *init,
                                        union engine_value *out);

/* Bounds are checked before anything is written; false: TRAP_TABLE, TRAP_MEMORY. */
MUST_CHECK status_t instance_table_init(struct instance *instance, uint32_t tableidx,
                                        uint32_t elemidx, uint32_t dst, uint32_t src, uint32_t n);
MUST_CHECK status_t instance_memory_init(struct instance *instance, uint32_t dataidx, uint32_t dst,
                                         uint32_t src, uint32_t n);

/* ---- call.c ---- */

/* What a host thunk calls: the code in every host function's record. context: its struct func. */
void host_gate(void *context, void *caller, union engine_value *values);

/* Calls any function of the process. ERR_TRAP and trap. */
MUST_CHECK status_t func_call(struct process *process, uint32_t ref, union engine_value *values,
                              struct trap *trap);

/* ---- helpers.c ---- */

extern void *const kernel_helpers[];

#endif
