/*
 * The three thunks of a function type: see struct engine_image_thunks and struct
 * engine_func_record. They move values between registers, stack and arrays as abi.h says. And the
 * thunk of an imported function, which direct calls of it go to.
 *
 * A thunk's frame never moves once it is made, so that the unwinder can pass it by frame_bytes.
 * Registers free to use in all of them: r10 and r11; rax before a call.
 */
#include <stddef.h>

#include "engine/target/x86_64/abi.h"
#include "engine/target/x86_64/asm.h"

#define VALUE_BYTES 16 /* sizeof(union engine_value) */
#define RECORD_SHIFT 5

static_assert(sizeof(union engine_value) == VALUE_BYTES);
static_assert(sizeof(struct engine_func_record) == 1 << RECORD_SHIFT);

static const int32_t instance_bytes = (int32_t)sizeof(struct engine_instance);
#define INSTANCE_FIELD(field) ((int32_t)offsetof(struct engine_instance, field) - instance_bytes)

static bool valtype_is_vec(uint8_t valtype)
{
    return valtype == VALTYPE_F32 || valtype == VALTYPE_F64 || valtype == VALTYPE_V128;
}

static uint8_t valtype_bytes(uint8_t valtype)
{
    return valtype == VALTYPE_V128 ? 16 : valtype == VALTYPE_I32 || valtype == VALTYPE_F32 ? 4 : 8;
}

static struct x86_place next_place(struct x86_abi *abi, uint8_t valtype)
{
    return x86_abi_next(abi, valtype_is_vec(valtype), valtype_bytes(valtype));
}

/* How many bytes of stack a type's arguments take, and with its results behind them. */
static void stack_bytes(const struct engine_functype *type, uint32_t *args, uint32_t *all)
{
    struct x86_abi abi = x86_abi_args();
    for (uint32_t i = 0; i < type->n_params; i++) {
        (void)next_place(&abi, type->params[i]);
    }
    *args = abi.stack_bytes;
    abi = x86_abi_results(abi.stack_bytes);
    for (uint32_t i = 0; i < type->n_results; i++) {
        (void)next_place(&abi, type->results[i]);
    }
    *all = abi.stack_bytes;
}

static status_t begin_thunk(const struct engine_functype *type, struct arena *arena,
                            struct code_buf *out, struct asm_buf *a)
{
    uint32_t needed = (type->n_params + type->n_results) * 4 * ASM_MAX_BYTES + 512;
    (void)arena;
    if (out->cap_bytes - out->len_bytes < needed) {
        return ERR_NO_MEMORY;
    }
    *a = (struct asm_buf){out->bytes, out->len_bytes, out->cap_bytes};
    return STATUS_OK;
}

static status_t end_thunk(struct code_buf *out, const struct asm_buf *a, uint32_t frame_bytes)
{
    assert(a->len_bytes <= a->cap_bytes);
    out->len_bytes = a->len_bytes;
    out->frame_bytes = frame_bytes;
    return STATUS_OK;
}

/* ---- Pieces ---- */

static void copy_stack(struct asm_buf *a, struct asm_rm from, struct asm_rm to, uint8_t bytes)
{
    for (uint8_t done = 0; done < bytes || done == 0; done += 8) {
        asm_load(a, R11, from, bytes != 4);
        asm_store(a, R11, to, 1);
        from.disp += 8;
        to.disp += 8;
    }
}

static void load_value(struct asm_buf *a, uint8_t reg, struct asm_rm from, uint8_t bytes)
{
    if (reg >= REG_VEC0) {
        asm_vec_load(a, reg & 15, from, bytes, false);
    } else {
        asm_load(a, reg, from, bytes == 8);
    }
}

static void store_value(struct asm_buf *a, uint8_t reg, struct asm_rm to, uint8_t bytes)
{
    if (reg >= REG_VEC0) {
        asm_vec_store(a, reg & 15, to, bytes == 4 ? 8 : bytes, false);
    } else {
        asm_store(a, reg, to, 1);
    }
}

struct values {
    uint8_t base; /* register of the array, and offset */
    int32_t offset;
    int32_t stack; /* where stack arguments begin, from rsp */
};

/* values[] -> places, or places -> values[]; only those on the stack, or only registers. */
static void spread(struct asm_buf *a, struct x86_abi abi, const uint8_t *types, uint32_t n,
                   const struct values *v, bool is_to_values, bool is_stack)
{
    for (uint32_t i = 0; i < n; i++) {
        struct x86_place place = next_place(&abi, types[i]);
        uint8_t bytes = valtype_bytes(types[i]);
        struct asm_rm value = asm_mem(v->base, v->offset + (int32_t)i * VALUE_BYTES);
        struct asm_rm stack = asm_mem(RSP, v->stack + (int32_t)place.offset);
        if (is_stack != (place.reg == REG_NONE)) {
            continue;
        }
        if (is_stack && is_to_values) {
            copy_stack(a, stack, value, bytes);
        } else if (is_stack) {
            copy_stack(a, value, stack, bytes);
        } else if (is_to_values) {
            store_value(a, place.reg, value, bytes);
        } else {
            load_value(a, place.reg, value, bytes);
        }
    }
}

/* r10 = the record of the slot in rax, by the tables of the instance in r15. */
static void load_record(struct asm_buf *a)
{
    asm_load(a, R10, asm_mem(RAX, offsetof(struct engine_func_slot, ref)), 0);
    asm_simple(a, 0xc1, 1, 4, asm_reg(R10));
    asm_byte(a, RECORD_SHIFT);
    asm_simple(a, 0x03, 1, R10, asm_mem(R15, INSTANCE_FIELD(func_records)));
}

static void call_record(struct asm_buf *a)
{
    asm_simple(a, 0xff, 0, 2, asm_mem(R10, offsetof(struct engine_func_record, code)));
}

static uint32_t align16(uint32_t x)
{
    return (x + 15) & ~15u;
}

/* ---- The thunks ---- */

static const uint8_t entry_saves[] = {RBX, RBP, R12, R13, R14, R15};
#define ENTRY_SAVES 6

/* void (const void *code, void *P, union engine_value *values, const void *slot) */
status_t x86_entry_thunk(const struct engine_functype *type, struct arena *arena,
                         struct code_buf *out)
{
    struct asm_buf a;
    uint32_t args, all;
    status_t status = begin_thunk(type, arena, out, &a);
    if (status != STATUS_OK) {
        return status;
    }
    stack_bytes(type, &args, &all);
    uint32_t area = align16(all) + 8; /* with return address and saves: a multiple of 16 */
    struct values values = {.base = RBX};
    for (uint32_t i = 0; i < ENTRY_SAVES; i++) {
        asm_push(&a, entry_saves[i]);
    }
    asm_adjust_rsp(&a, -(int32_t)area);
    asm_mov(&a, RBX, RDX, 1);
    asm_mov(&a, R15, RSI, 1);
    asm_mov(&a, R10, RDI, 1);
    asm_mov(&a, RAX, RCX, 1);
    asm_load(&a, R14, asm_mem(R15, INSTANCE_FIELD(memory_base)), 1);
    spread(&a, x86_abi_args(), type->params, type->n_params, &values, false, true);
    spread(&a, x86_abi_args(), type->params, type->n_params, &values, false, false);
    asm_simple(&a, 0xff, 0, 2, asm_reg(R10));
    spread(&a, x86_abi_results(args), type->results, type->n_results, &values, true, false);
    spread(&a, x86_abi_results(args), type->results, type->n_results, &values, true, true);
    asm_adjust_rsp(&a, (int32_t)area);
    for (uint32_t i = ENTRY_SAVES; i-- > 0;) {
        asm_pop(&a, entry_saves[i]);
    }
    asm_byte(&a, 0xc3);
    return end_thunk(out, &a, area + 8 * ENTRY_SAVES);
}

/* What a slot's code is for an engine_host_fn: the arguments become an array on the stack. */
status_t x86_host_thunk(const struct engine_functype *type, struct arena *arena,
                        struct code_buf *out)
{
    struct asm_buf a;
    uint32_t args, all;
    status_t status = begin_thunk(type, arena, out, &a);
    if (status != STATUS_OK) {
        return status;
    }
    stack_bytes(type, &args, &all);
    uint32_t n = type->n_params > type->n_results ? type->n_params : type->n_results;
    uint32_t area = n * VALUE_BYTES + 8;
    struct values values = {.base = RSP, .stack = (int32_t)area + 8};
    asm_adjust_rsp(&a, -(int32_t)area);
    load_record(&a);
    spread(&a, x86_abi_args(), type->params, type->n_params, &values, true, false);
    spread(&a, x86_abi_args(), type->params, type->n_params, &values, true, true);
    asm_load(&a, RDI, asm_mem(R10, offsetof(struct engine_func_record, instance)), 1);
    asm_mov(&a, RSI, R15, 1);
    asm_mov(&a, RDX, RSP, 1);
    call_record(&a);
    spread(&a, x86_abi_results(args), type->results, type->n_results, &values, false, true);
    spread(&a, x86_abi_results(args), type->results, type->n_results, &values, false, false);
    asm_adjust_rsp(&a, (int32_t)area);
    asm_byte(&a, 0xc3);
    return end_thunk(out, &a, area);
}

/* Copies what a type has on the stack between this frame and the caller's. */
static void copy_places(struct asm_buf *a, struct x86_abi abi, const uint8_t *types, uint32_t n,
                        int32_t from, int32_t to)
{
    for (uint32_t i = 0; i < n; i++) {
        struct x86_place place = next_place(&abi, types[i]);
        if (place.reg == REG_NONE) {
            int32_t offset = (int32_t)place.offset;
            copy_stack(a, asm_mem(RSP, from + offset), asm_mem(RSP, to + offset),
                       types[i] == VALTYPE_V128 ? 16 : 8);
        }
    }
}

/* To another instance: its pointers in r15 and r14, ours kept; registers pass through. */
status_t x86_cross_thunk(const struct engine_functype *type, struct arena *arena,
                         struct code_buf *out)
{
    struct asm_buf a;
    uint32_t args, all;
    status_t status = begin_thunk(type, arena, out, &a);
    if (status != STATUS_OK) {
        return status;
    }
    stack_bytes(type, &args, &all);
    uint32_t area = align16(all) + 8;
    int32_t caller = (int32_t)area + 16 + 8; /* our frame, return address */
    asm_push(&a, R15);
    asm_push(&a, R14);
    asm_adjust_rsp(&a, -(int32_t)area);
    load_record(&a);
    copy_places(&a, x86_abi_args(), type->params, type->n_params, caller, 0);
    asm_load(&a, R15, asm_mem(R10, offsetof(struct engine_func_record, instance)), 1);
    asm_load(&a, R14, asm_mem(R10, offsetof(struct engine_func_record, memory_base)), 1);
    call_record(&a);
    copy_places(&a, x86_abi_results(args), type->results, type->n_results, 0, caller);
    asm_adjust_rsp(&a, (int32_t)area);
    asm_pop(&a, R14);
    asm_pop(&a, R15);
    asm_byte(&a, 0xc3);
    return end_thunk(out, &a, area + 16);
}

/*
 * A call of an import: by a direct call and this jump through its slot. That is shorter at each
 * call, and faster than a call through memory (measured: 2 cycles for both, 4 for the other).
 */
status_t x86_import_thunk(int32_t slot, struct code_buf *out)
{
    if (out->cap_bytes - out->len_bytes < 2 * ASM_MAX_BYTES) {
        return ERR_NO_MEMORY;
    }
    struct asm_buf a = {out->bytes, out->len_bytes, out->cap_bytes};
    asm_lea(&a, RAX, asm_mem(R15, slot), 1);
    asm_simple(&a, 0xff, 0, 4,
               asm_mem(R15, slot + (int32_t)offsetof(struct engine_func_slot, code)));
    return end_thunk(out, &a, 0);
}
