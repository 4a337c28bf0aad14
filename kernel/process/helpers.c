/*
 * What compiled code asks of the kernel: helpers.def. Each helper looks first whether there is
 * stack for it, then whether the whole request is in bounds, and only then acts (MECHANISMS 9;
 * wasm 2.0 §4.4.7: bulk instructions trap before they write).
 */
#include <string.h>

#include "base/bitset.h"
#include "kernel/process/process.h"
#include "kernel/process/trap.h"

/* At the start of each helper: its stack, and where it was called. */
#define HELPER_ENTER()                                                                             \
    struct guest_frame frame = GUEST_FRAME();                                                      \
    arch_stack_probe_short()

#define HELPER_FN __attribute__((noinline)) static

#define GROW_FAILED UINT32_MAX

/* The instance's own table or memory is at hand; everything else is behind the record. */

HELPER_FN uint32_t helper_memory_grow(void *ptr, uint32_t delta_pages)
{
    HELPER_ENTER();
    (void)frame;
    uint64_t old_pages;
    return memory_grow(instance_of(ptr)->memory, delta_pages, &old_pages) ? (uint32_t)old_pages
                                                                          : GROW_FAILED;
}

HELPER_FN void helper_memory_copy(void *ptr, uint32_t dst, uint32_t src, uint32_t n)
{
    HELPER_ENTER();
    const struct memory *memory = instance_of(ptr)->memory;
    uint8_t *to = memory_range(memory, dst, n);
    const uint8_t *from = memory_range(memory, src, n);
    if (to == NULL || from == NULL) {
        trap_raise(TRAP_MEMORY, STATUS_OK, frame);
    }
    memmove(to, from, n);
}

HELPER_FN void helper_memory_fill(void *ptr, uint32_t dst, uint32_t byte, uint32_t n)
{
    HELPER_ENTER();
    uint8_t *to = memory_range(instance_of(ptr)->memory, dst, n);
    if (to == NULL) {
        trap_raise(TRAP_MEMORY, STATUS_OK, frame);
    }
    memset(to, (int)byte, n);
}

HELPER_FN void helper_memory_init(void *ptr, uint32_t dst, uint32_t src, uint32_t n,
                                  uint32_t dataidx)
{
    HELPER_ENTER();
    if (instance_memory_init(instance_of(ptr), dataidx, dst, src, n) != STATUS_OK) {
        trap_raise(TRAP_MEMORY, STATUS_OK, frame);
    }
}

HELPER_FN void helper_data_drop(void *ptr, uint32_t dataidx)
{
    HELPER_ENTER();
    (void)frame;
    bitset_set(instance_of(ptr)->dropped_datas, dataidx);
}

HELPER_FN uint64_t helper_table_get(void *ptr, uint32_t tableidx, uint32_t i)
{
    HELPER_ENTER();
    const struct table *table = instance_of(ptr)->tables[tableidx];
    if (i >= table->view->size) {
        trap_raise(TRAP_TABLE, STATUS_OK, frame);
    }
    return table_get(table, i);
}

HELPER_FN void helper_table_set(void *ptr, uint32_t i, uint64_t value, uint32_t tableidx)
{
    HELPER_ENTER();
    struct instance *instance = instance_of(ptr);
    struct table *table = instance->tables[tableidx];
    if (i >= table->view->size) {
        trap_raise(TRAP_TABLE, STATUS_OK, frame);
    }
    table_set(table, instance->process, i, value);
}

HELPER_FN uint32_t helper_table_grow(void *ptr, uint64_t value, uint32_t n, uint32_t tableidx)
{
    HELPER_ENTER();
    (void)frame;
    struct instance *instance = instance_of(ptr);
    uint32_t old_size;
    status_t status =
        table_grow(instance->tables[tableidx], instance->process, n, value, &old_size);
    return status == STATUS_OK ? old_size : GROW_FAILED;
}

HELPER_FN void helper_table_fill(void *ptr, uint32_t i, uint64_t value, uint32_t n,
                                 uint32_t tableidx)
{
    HELPER_ENTER();
    struct instance *instance = instance_of(ptr);
    struct table *table = instance->tables[tableidx];
    if (!range_ok(i, n, table->view->size)) {
        trap_raise(TRAP_TABLE, STATUS_OK, frame);
    }
    for (uint32_t k = 0; k < n; k++) {
        table_set(table, instance->process, i + k, value);
    }
}

HELPER_FN void helper_table_copy(void *ptr, uint32_t dst, uint32_t src, uint32_t n,
                                 uint32_t dst_tableidx, uint32_t src_tableidx)
{
    HELPER_ENTER();
    struct instance *instance = instance_of(ptr);
    struct table *to = instance->tables[dst_tableidx];
    const struct table *from = instance->tables[src_tableidx];
    if (!range_ok(dst, n, to->view->size) || !range_ok(src, n, from->view->size)) {
        trap_raise(TRAP_TABLE, STATUS_OK, frame);
    }
    for (uint32_t k = 0; k < n; k++) { /* downwards when upwards would overwrite the source */
        uint32_t i = dst <= src ? k : n - 1 - k;
        table_set(to, instance->process, dst + i, table_get(from, src + i));
    }
}

HELPER_FN void helper_table_init(void *ptr, uint32_t dst, uint32_t src, uint32_t n,
                                 uint32_t elemidx, uint32_t tableidx)
{
    HELPER_ENTER();
    if (instance_table_init(instance_of(ptr), tableidx, elemidx, dst, src, n) != STATUS_OK) {
        trap_raise(TRAP_TABLE, STATUS_OK, frame);
    }
}

HELPER_FN void helper_elem_drop(void *ptr, uint32_t elemidx)
{
    HELPER_ENTER();
    (void)frame;
    bitset_set(instance_of(ptr)->dropped_elems, elemidx);
}

HELPER_FN uint64_t helper_ref_func(void *ptr, uint32_t funcidx)
{
    HELPER_ENTER();
    uint32_t ref;
    status_t status = func_ref(instance_of(ptr), funcidx, &ref);
    if (status != STATUS_OK) {
        trap_raise(TRAP_HOST, status, frame);
    }
    return ref;
}

/*
 * Waiting and notifying (threads proposal). A process has one thread so far: nobody waits, so a
 * notification wakes none; and who waits is never woken, so only the timeout can end it.
 */

enum wait_result : uint32_t { WAIT_NOT_EQUAL = 1, WAIT_TIMED_OUT = 2 };

static const uint8_t *atomic_place(const struct memory *memory, uint32_t address, uint64_t offset,
                                   uint32_t size, struct guest_frame frame)
{
    uint64_t at = address + offset; /* offset < 2^32 */
    if (at % size != 0) {
        trap_raise(TRAP_UNALIGNED, STATUS_OK, frame);
    }
    const uint8_t *place = memory_range(memory, at, size);
    if (place == NULL) {
        trap_raise(TRAP_MEMORY, STATUS_OK, frame);
    }
    return place;
}

static enum wait_result atomic_wait(const struct memory *memory, bool is_equal, uint64_t timeout_ns,
                                    struct guest_frame frame)
{
    if (!memory->limit.is_shared) {
        trap_raise(TRAP_NOT_SHARED, STATUS_OK, frame);
    }
    if (!is_equal) {
        return WAIT_NOT_EQUAL;
    }
    uint64_t now_ns = arch_time_ns(), deadline_ns;
    if ((int64_t)timeout_ns < 0 || !add_ok_u64(now_ns, timeout_ns, &deadline_ns)) {
        trap_raise(TRAP_HOST, ERR_UNSUPPORTED, frame); /* it would wait forever */
    }
    arch_sleep_until(deadline_ns);
    return WAIT_TIMED_OUT;
}

HELPER_FN uint32_t helper_atomic_notify(void *ptr, uint32_t address, uint64_t offset,
                                        uint32_t count)
{
    HELPER_ENTER();
    (void)count;
    (void)atomic_place(instance_of(ptr)->memory, address, offset, sizeof(uint32_t), frame);
    return 0;
}

HELPER_FN uint32_t helper_atomic_wait32(void *ptr, uint32_t address, uint64_t offset,
                                        uint32_t expected, uint64_t timeout_ns)
{
    HELPER_ENTER();
    const struct memory *memory = instance_of(ptr)->memory;
    const void *place = atomic_place(memory, address, offset, sizeof expected, frame);
    bool is_equal = __atomic_load_n((const uint32_t *)place, __ATOMIC_SEQ_CST) == expected;
    return atomic_wait(memory, is_equal, timeout_ns, frame);
}

HELPER_FN uint32_t helper_atomic_wait64(void *ptr, uint32_t address, uint64_t offset,
                                        uint64_t expected, uint64_t timeout_ns)
{
    HELPER_ENTER();
    const struct memory *memory = instance_of(ptr)->memory;
    const void *place = atomic_place(memory, address, offset, sizeof expected, frame);
    bool is_equal = __atomic_load_n((const uint64_t *)place, __ATOMIC_SEQ_CST) == expected;
    return atomic_wait(memory, is_equal, timeout_ns, frame);
}

/* The names of helpers.def in lower case, in its order: the table is checked by its length. */
#define HELPER(name, signature) HELPER_##name,
enum helper_number {
#include "engine/helpers.def"
    N_HELPERS
};
#undef HELPER

void *const kernel_helpers[N_HELPERS] = {
    [HELPER_MEMORY_GROW] = (void *)helper_memory_grow,
    [HELPER_MEMORY_COPY] = (void *)helper_memory_copy,
    [HELPER_MEMORY_FILL] = (void *)helper_memory_fill,
    [HELPER_MEMORY_INIT] = (void *)helper_memory_init,
    [HELPER_DATA_DROP] = (void *)helper_data_drop,
    [HELPER_TABLE_GET] = (void *)helper_table_get,
    [HELPER_TABLE_SET] = (void *)helper_table_set,
    [HELPER_TABLE_GROW] = (void *)helper_table_grow,
    [HELPER_TABLE_FILL] = (void *)helper_table_fill,
    [HELPER_TABLE_COPY] = (void *)helper_table_copy,
    [HELPER_TABLE_INIT] = (void *)helper_table_init,
    [HELPER_ELEM_DROP] = (void *)helper_elem_drop,
    [HELPER_REF_FUNC] = (void *)helper_ref_func,
    [HELPER_ATOMIC_NOTIFY] = (void *)helper_atomic_notify,
    [HELPER_ATOMIC_WAIT32] = (void *)helper_atomic_wait32,
    [HELPER_ATOMIC_WAIT64] = (void *)helper_atomic_wait64,
};
