/*
 * Storage and editing of the SSA form: see ssa.h.
 *
 * All arrays grow by doubling in the function's arena. Room is made in advance by the
 * ssa_reserve_* functions, one call per wasm instruction or pass, so that what creates
 * instructions needs no error path.
 */
#include "engine/ssa/ssa.h"

#include <string.h>

#include "base/hash.h"

const struct ssa_op_info ssa_op_infos[SSA_OP_COUNT] = {
#define VAR SSA_VAR_ARGS
#define PURE SSA_PURE
#define COMM SSA_COMM
#define CMP SSA_CMP
#define TRAPS SSA_TRAPS
#define READS SSA_READS
#define WRITES SSA_WRITES
#define CALL SSA_CALLS
#define STATE SSA_STATE
#define END SSA_END
#define SSA(name, text, n_args, flags) [SSA_##name] = {text, n_args, flags},
#include "engine/ssa/ssa_ops.def"
#undef SSA
#undef VAR
#undef PURE
#undef COMM
#undef CMP
#undef TRAPS
#undef READS
#undef WRITES
#undef CALL
#undef STATE
#undef END
/* Vector operations: the number of arguments is the length of the signature's left side ("special"
 * is no operation); those that have an address are the loads and stores. */
#define SIG_IS_SPECIAL(sig) (#sig[0] == 's')
#define SIG_ARGS(sig) (SIG_IS_SPECIAL(sig) ? 0 : sizeof(#sig) - (IS_STORE(sig) ? 2 : 3))
#define SIG_FLAGS(imm, sig) (IMM_FLAGS_##imm(sig))
#define IMM_FLAGS_NONE(sig) SSA_PURE
#define IMM_FLAGS_LANE(sig) SSA_PURE
#define IMM_FLAGS_SHUFFLE(sig) SSA_PURE
#define IMM_FLAGS_V128(sig) SSA_PURE
#define IS_STORE(sig) (#sig[sizeof(#sig) - 2] == '_')
#define IMM_FLAGS_MEMARG(sig)                                                                      \
    (uint16_t)(IS_STORE(sig) ? SSA_WRITES | SSA_TRAPS : SSA_READS | SSA_TRAPS)
#define IMM_FLAGS_MEMARG_LANE(sig) IMM_FLAGS_MEMARG(sig)
#define OP(code, name, text, imm, sig, ssa, width)                                                 \
    [SSA_##ssa] = {text, SIG_ARGS(sig), SIG_FLAGS(imm, sig)},
#include "engine/wasm/simd.def"
#undef OP
};

/* Room for n more elements of size bytes behind *n_used in an array that grows by doubling. */
static status_t reserve(struct arena *arena, void **array, uint32_t *cap, uint32_t n_used,
                        uint32_t n, size_t size)
{
    uint64_t want = (uint64_t)n_used + n;
    if (want <= *cap) {
        return STATUS_OK;
    }
    uint64_t new_cap = (uint64_t)*cap * 2;
    if (new_cap < want) {
        new_cap = want;
    }
    if (new_cap > UINT32_MAX / 2) {
        return ERR_LIMIT;
    }
    void *p = arena_grow(arena, *array, (size_t)*cap * size, (size_t)new_cap * size);
    if (p == NULL) {
        return ERR_NO_MEMORY;
    }
    *array = p;
    *cap = (uint32_t)new_cap;
    return STATUS_OK;
}

#define CONSTS_AT_FIRST 96u

/* The table of constants holds up to half as many as it has places, always a power of two. */
static status_t reserve_consts(struct ssa_func *fn, uint32_t n)
{
    if ((uint64_t)fn->n_consts + n <= fn->cap_const_table / 2) {
        return STATUS_OK;
    }
    uint64_t cap = fn->cap_const_table != 0 ? fn->cap_const_table : 64;
    while (cap / 2 < (uint64_t)fn->n_consts + n) {
        cap *= 2;
    }
    uint32_t *table = arena_zalloc(fn->arena, cap, sizeof *table);
    if (table == NULL) {
        return ERR_NO_MEMORY;
    }
    uint32_t mask = (uint32_t)cap - 1;
    for (uint32_t i = 0; i < fn->cap_const_table; i++) {
        uint32_t v = fn->const_table[i];
        if (v != 0) {
            const struct ssa_inst *inst = &fn->insts[v];
            uint32_t at = (uint32_t)hash_mix(inst->imm + inst->type) & mask;
            while (table[at] != 0) {
                at = (at + 1) & mask;
            }
            table[at] = v;
        }
    }
    fn->const_table = table;
    fn->cap_const_table = (uint32_t)cap;
    return STATUS_OK;
}

status_t ssa_func_init(struct ssa_func *fn, struct arena *arena)
{
    return ssa_func_init_sized(fn, arena, 64, 8, 64);
}

status_t ssa_func_init_sized(struct ssa_func *fn, struct arena *arena, uint32_t n_insts,
                             uint32_t n_blocks, uint32_t n_pool)
{
    *fn = (struct ssa_func){.arena = arena, .n_insts = 1};
    fn->insts = arena_array(arena, n_insts, sizeof *fn->insts);
    fn->cap_insts = n_insts;
    status_t status = fn->insts != NULL ? ssa_reserve_blocks(fn, n_blocks) : ERR_NO_MEMORY;
    if (status == STATUS_OK) {
        status = ssa_reserve_pool(fn, n_pool);
    }
    if (status == STATUS_OK) {
        status = reserve_consts(fn, CONSTS_AT_FIRST);
    }
    if (status == STATUS_OK) {
        status = ssa_reserve_loops(fn, 4);
    }
    if (status != STATUS_OK) {
        return status;
    }
    fn->insts[0] = (struct ssa_inst){.op = SSA_NOP};
    fn->loops[0] = (struct ssa_loop){0};
    fn->n_loops = 1;
    return STATUS_OK;
}

status_t ssa_grow_insts(struct ssa_func *fn, uint32_t n)
{
    void *insts = fn->insts;
    status_t status = reserve(fn->arena, &insts, &fn->cap_insts, fn->n_insts, n, sizeof *fn->insts);
    fn->insts = insts;
    return status != STATUS_OK ? status : reserve_consts(fn, n);
}

status_t ssa_grow_blocks(struct ssa_func *fn, uint32_t n)
{
    void *blocks = fn->blocks;
    status_t status =
        reserve(fn->arena, &blocks, &fn->cap_blocks, fn->n_blocks, n, sizeof *fn->blocks);
    fn->blocks = blocks;
    return status;
}

status_t ssa_grow_pool(struct ssa_func *fn, uint32_t n)
{
    void *pool = fn->pool;
    status_t status = reserve(fn->arena, &pool, &fn->cap_pool, fn->n_pool, n, sizeof *fn->pool);
    fn->pool = pool;
    return status;
}

status_t ssa_reserve_loops(struct ssa_func *fn, uint32_t n)
{
    void *loops = fn->loops;
    status_t status = reserve(fn->arena, &loops, &fn->cap_loops, fn->n_loops, n, sizeof *fn->loops);
    fn->loops = loops;
    return status;
}

val_t ssa_new(struct ssa_func *fn, enum ssa_op op, enum ssa_type type)
{
    uint32_t i = fn->n_insts++;
    fn->insts[i] = (struct ssa_inst){.op = op, .type = type};
    return (val_t){i};
}

void ssa_append(struct ssa_func *fn, blk_t block, val_t v)
{
    struct ssa_block *b = &fn->blocks[block.i];
    struct ssa_inst *inst = &fn->insts[v.i];
    inst->block = block.i;
    inst->prev = b->last;
    inst->next = 0;
    if (b->last != 0) {
        fn->insts[b->last].next = v.i;
    } else {
        b->first = v.i;
    }
    b->last = v.i;
}

void ssa_insert_before(struct ssa_func *fn, val_t before, val_t v)
{
    struct ssa_inst *at = &fn->insts[before.i];
    struct ssa_inst *inst = &fn->insts[v.i];
    inst->block = at->block;
    inst->next = before.i;
    inst->prev = at->prev;
    if (at->prev != 0) {
        fn->insts[at->prev].next = v.i;
    } else {
        fn->blocks[at->block].first = v.i;
    }
    at->prev = v.i;
}

void ssa_insert_phi(struct ssa_func *fn, blk_t block, val_t v)
{
    uint32_t at = fn->blocks[block.i].first;
    while (at != 0 && fn->insts[at].op == SSA_PHI) {
        at = fn->insts[at].next;
    }
    if (at == 0) {
        ssa_append(fn, block, v);
    } else {
        ssa_insert_before(fn, (val_t){at}, v);
    }
}

void ssa_unlink(struct ssa_func *fn, val_t v)
{
    struct ssa_inst *inst = &fn->insts[v.i];
    struct ssa_block *b = &fn->blocks[inst->block];
    if (inst->prev != 0) {
        fn->insts[inst->prev].next = inst->next;
    } else {
        b->first = inst->next;
    }
    if (inst->next != 0) {
        fn->insts[inst->next].prev = inst->prev;
    } else {
        b->last = inst->prev;
    }
    inst->next = inst->prev = 0;
}

void ssa_remove(struct ssa_func *fn, val_t v, val_t by)
{
    ssa_unlink(fn, v);
    struct ssa_inst *inst = &fn->insts[v.i];
    inst->op = by.i != 0 ? SSA_COPY : SSA_NOP;
    inst->arg[0] = by.i;
}

/* Constants are chosen by who wrote the module, so that they may all collide. After this many
 * others one is no longer looked for: it will be there twice, which is harmless. */
#define CONST_MAX_PROBES 64

static val_t const_intern(struct ssa_func *fn, enum ssa_op op, enum ssa_type type, uint64_t imm)
{
    uint32_t mask = fn->cap_const_table - 1, n_probes = 0;
    uint32_t at = (uint32_t)hash_mix(imm + type) & mask;
    while (fn->const_table[at] != 0 && n_probes++ < CONST_MAX_PROBES) {
        const struct ssa_inst *inst = &fn->insts[fn->const_table[at]];
        if (inst->imm == imm && inst->type == type && inst->op == op) {
            return (val_t){fn->const_table[at]};
        }
        at = (at + 1) & mask;
    }
    val_t v = ssa_new(fn, op, type);
    fn->insts[v.i].imm = imm;
    fn->insts[v.i].block = UINT32_MAX;
    if (fn->const_table[at] == 0) {
        fn->const_table[at] = v.i;
        fn->n_consts++;
    }
    return v;
}

val_t ssa_const(struct ssa_func *fn, enum ssa_type type, uint64_t bits)
{
    if (type == T_I32 || type == T_F32) {
        bits &= UINT32_MAX;
    }
    return const_intern(fn, SSA_CONST, type, bits);
}

status_t ssa_vconst(struct ssa_func *fn, const uint8_t bytes[static 16], val_t *out)
{
    uint32_t i = 0;
    /* the first few are compared, so that zero and the like are shared; the rest just added */
    while (i < fn->n_vconsts && i < 16 && memcmp(fn->vconsts[i], bytes, 16) != 0) {
        i++;
    }
    if (i == fn->n_vconsts || i == 16) {
        i = fn->n_vconsts;
        void *vconsts = fn->vconsts;
        status_t status = reserve(fn->arena, &vconsts, &fn->cap_vconsts, i, 1, 16);
        fn->vconsts = vconsts;
        if (status != STATUS_OK) {
            return status;
        }
        memcpy(fn->vconsts[i], bytes, 16);
        fn->n_vconsts++;
    }
    status_t status = ssa_reserve_insts(fn, 1);
    if (status == STATUS_OK) {
        *out = const_intern(fn, SSA_VCONST, T_V128, i);
    }
    return status;
}

/* Cooper, Harvey, Kennedy: two fingers up the tree. Reducible and in reverse postorder: once. */
static uint32_t common_dominator(const struct ssa_func *fn, uint32_t a, uint32_t b)
{
    while (a != b) {
        while (a > b) {
            a = fn->blocks[a].idom;
        }
        while (b > a) {
            b = fn->blocks[b].idom;
        }
    }
    return a;
}

void ssa_find_dominator(struct ssa_func *fn, uint32_t b)
{
    struct ssa_block *block = &fn->blocks[b];
    const uint32_t *preds = ssa_preds(fn, block);
    uint32_t idom = UINT32_MAX;
    for (uint32_t i = 0; i < block->n_preds; i++) {
        if (preds[i] < b) {
            idom = idom == UINT32_MAX ? preds[i] : common_dominator(fn, idom, preds[i]);
        }
    }
    block->idom = idom == UINT32_MAX ? 0 : idom;
}

void ssa_dominators(struct ssa_func *fn)
{
    fn->blocks[0].idom = 0;
    for (uint32_t b = 1; b < fn->n_blocks; b++) {
        ssa_find_dominator(fn, b);
    }
}

bool ssa_dominates(const struct ssa_func *fn, uint32_t above, uint32_t below)
{
    while (below > above) {
        below = fn->blocks[below].idom;
    }
    return below == above;
}
