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
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/embed.h"
#include "kernel/mem/memory.h"

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

struct process {
    struct cpu *home;
    struct process_options options;
    struct arena pool;
    struct stack *stack;

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
