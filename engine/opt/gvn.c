/*
 * Global value numbering, with folding, in one walk over the blocks in reverse postorder.
 *
 * An instruction that computes what an earlier, dominating one did becomes a copy of it. Pure
 * operations are keyed by what they are; what depends on state is keyed by the state's number too:
 *
 *   - fields of the instance: two numbers, for globals and for sizes, which change with stores
 *     and calls, at loops that contain such, and where paths with different numbers meet;
 *   - what others write at any time: a number that is never again the same;
 *   - linear memory: a number that is new for each block, store and call: plain loads are merged
 *     only within a block without calls in between (design, hard spot 4: another program may
 *     write a window, and a value used after its check must be the one that was checked).
 *
 * A check (TRAP_IF) or a trapping operation that is dominated by its like can't trap again.
 *
 * An access that was made also tells something: its address is below the top of the index space,
 * of which a part is never accessible (ENGINE_MEMORY_GAP_BYTES). So where an access at x dominates,
 * x plus a smaller constant doesn't wrap, and the constant becomes the offset of the access there.
 * Within a loop that goes for siblings too: behind an access at x + 4, the one at x + 12 is at
 * x + 4 with 8 more offset.
 *
 * So does a check of a dense memory's: behind that of x needs none what is a constant further, as
 * long as the access doesn't reach over the guard. x may itself be a value plus a constant, which
 * may be negative: known is that x doesn't lie outside, however that came about.
 *
 * The table is open addressed and remembers the newest of equal ones; one that doesn't dominate
 * is replaced. Dominance is two comparisons of numbers in the dominator tree.
 */
#include <string.h>

#include "base/hash.h"
#include "engine/opt/fold.h"
#include "engine/opt/opt.h"

struct entry {
    uint32_t value; /* 0: free */
    uint32_t state;
    val_t stands_for; /* usually value; for a store, what was stored */
};

/* A dense memory's check, of a value plus a constant. */
struct check {
    uint32_t block;
    int32_t constant;
    uint32_t next; /* the one before it of the same value, or NO_CHECK */
};

#define NO_CHECK UINT32_MAX
#define CHECKS_LOOKED_AT 4 /* of one value: the newest */

struct numbering {
    struct compile *cx;
    struct ssa_func *fn;
    struct entry *table;
    uint32_t mask, n_entries;
    uint32_t *pre, *end; /* by block: its subtree in the dominator tree is [pre, end) */
    uint32_t *accessed;  /* by value: 1 + a block in which memory is accessed at it */
    uint32_t *sibling;   /* by value x: the newest x + c, for a constant c, with an access at it */
    uint32_t n_accessed;
    struct check *checks; /* [n_values]; null until there is one */
    uint32_t *newest;     /* [n_values] of a value: its newest check */
    uint32_t n_checks, n_values;
    uint32_t *globals_out, *sizes_out; /* by block: numbers at its end */
    uint32_t globals, sizes, memory;   /* numbers now */
    uint32_t next_state;
};

static bool dominates(const struct numbering *n, uint32_t above, uint32_t below)
{
    return n->pre[above] <= n->pre[below] && n->pre[below] < n->end[above];
}

/* ---- The table ---- */

static uint64_t hash_inst(const struct ssa_inst *inst, uint8_t n_args, uint32_t state)
{
    uint64_t h = (uint64_t)inst->op << 32 | (uint64_t)inst->type << 16 | inst->sub;
    h = hash_add(h, inst->imm);
    if (n_args > 0) {
        h = hash_add(h, (uint64_t)inst->arg[0] << 32 | (n_args > 1 ? inst->arg[1] : 0));
    }
    return hash_add(h, (uint64_t)state << 32 | (n_args > 2 ? inst->arg[2] : 0));
}

static bool is_same(const struct ssa_inst *a, const struct ssa_inst *b, uint8_t n_args)
{
    if (a->op != b->op || a->type != b->type || a->sub != b->sub || a->imm != b->imm) {
        return false;
    }
    for (uint8_t i = 0; i < n_args; i++) {
        if (a->arg[i] != b->arg[i]) {
            return false;
        }
    }
    return true;
}

/* Whoever writes a module can make its instructions collide: past that many, none is looked for. */
#define MAX_PROBES 64

/* The dominating equal of v's instruction; or none, and v is now the one to find. */
static val_t find_or_add(struct numbering *n, const struct ssa_inst *key, uint8_t n_args,
                         uint32_t state, uint32_t v, val_t stands_for)
{
    uint32_t at = (uint32_t)hash_inst(key, n_args, state) & n->mask;
    uint32_t n_probes = 0;
    for (; n->table[at].value != 0; at = (at + 1) & n->mask) {
        if (n_probes++ == MAX_PROBES) {
            return VAL_NONE;
        }
        const struct entry *e = &n->table[at];
        if (e->state == state && is_same(&n->fn->insts[e->value], key, n_args)) {
            if (dominates(n, n->fn->insts[e->value].block, key->block)) {
                return ssa_resolve(n->fn, e->stands_for);
            }
            break;
        }
    }
    n->table[at] = (struct entry){v, state, stands_for};
    return VAL_NONE;
}

/* ---- States ---- */

static void new_state(struct numbering *n, bool has_globals, bool has_sizes)
{
    if (has_globals) {
        n->globals = n->next_state++;
    }
    if (has_sizes) {
        n->sizes = n->next_state++;
    }
    n->memory = n->next_state++;
}

static void enter_block(struct numbering *n, uint32_t b)
{
    const struct ssa_func *fn = n->fn;
    const struct ssa_block *block = &fn->blocks[b];
    const struct ssa_loop *loop = &fn->loops[block->loop];
    bool is_header = block->loop != 0 && loop->header == b;
    n->memory = n->next_state++;
    if (block->n_preds == 0) {
        new_state(n, true, true);
        return;
    }
    const uint32_t *preds = ssa_preds(fn, block);
    uint32_t first = preds[0]; /* of a loop's header it may be a latch, which isn't numbered yet */
    for (uint32_t i = 1; i < block->n_preds; i++) {
        first = preds[i] < first ? preds[i] : first;
    }
    n->globals = n->globals_out[first];
    n->sizes = n->sizes_out[first];
    bool has_globals = is_header && (loop->has_call || loop->has_store);
    bool has_sizes = is_header && loop->has_call;
    for (uint32_t i = 0; i < block->n_preds; i++) {
        if (preds[i] < b) {
            has_globals |= n->globals_out[preds[i]] != n->globals;
            has_sizes |= n->sizes_out[preds[i]] != n->sizes;
        }
    }
    new_state(n, has_globals, has_sizes);
}

/* The number of the state that an instruction reads; 0 if it is a matter of arguments alone. */
static uint32_t state_read(struct numbering *n, const struct ssa_inst *inst)
{
    if (ssa_has(inst, SSA_READS)) {
        return n->memory;
    }
    if (inst->op != SSA_INST_LOAD && inst->op != SSA_PTR_LOAD) {
        return 0;
    }
    switch ((enum ssa_field)inst->sub) {
    case FIELD_GLOBAL: return n->globals;
    case FIELD_SIZES: return n->sizes;
    case FIELD_SHARED: return n->next_state++;
    case FIELD_FIXED:
    default: return 0;
    }
}

/* ---- Instructions ---- */

static bool is_numbered(const struct ssa_inst *inst)
{
    uint16_t flags = ssa_op_infos[inst->op].flags;
    if ((flags & (SSA_CALLS | SSA_WRITES | SSA_END)) != 0) {
        return false;
    }
    if ((flags & SSA_PURE) != 0) {
        return inst->op != SSA_CONST && inst->op != SSA_VCONST && inst->op != SSA_COPY;
    }
    return (flags & SSA_TRAPS) != 0 || inst->op == SSA_INST_LOAD || inst->op == SSA_PTR_LOAD;
}

/* What a load of the same place would give after this store: found as if it had been loaded. */
static void forward_store(struct numbering *n, uint32_t v)
{
    struct ssa_inst *inst = &n->fn->insts[v];
    if (inst->op != SSA_INST_STORE || inst->sub != FIELD_GLOBAL) {
        return;
    }
    struct ssa_inst load = {.op = SSA_INST_LOAD,
                            .type = n->fn->insts[inst->arg[0]].type,
                            .sub = FIELD_GLOBAL,
                            .imm = inst->imm,
                            .block = inst->block};
    uint32_t at = (uint32_t)hash_inst(&load, 0, n->globals) & n->mask;
    for (uint32_t n_probes = 0; n->table[at].value != 0; at = (at + 1) & n->mask) {
        if (n_probes++ == MAX_PROBES) {
            return;
        }
    }
    /* the table compares with the instruction of .value: the store can't be it, so an unlinked
     * load stands there */
    val_t shadow = ssa_new(n->fn, SSA_INST_LOAD, load.type);
    val_t stored = {n->fn->insts[v].arg[0]};
    n->fn->insts[shadow.i] = load;
    n->table[at] = (struct entry){shadow.i, n->globals, stored};
}

static void change_states(struct numbering *n, uint32_t v)
{
    const struct ssa_inst *inst = &n->fn->insts[v];
    if (ssa_has(inst, SSA_CALLS)) {
        new_state(n, true, true);
    } else if (inst->op == SSA_INST_STORE || inst->op == SSA_PTR_STORE) {
        new_state(n, true, inst->sub == FIELD_SIZES);
        forward_store(n, v);
    } else if (ssa_has(inst, SSA_WRITES)) {
        n->memory = n->next_state++;
    }
}

static bool was_accessed(const struct numbering *n, uint32_t v, uint32_t block)
{
    return v < n->n_accessed && n->accessed[v] != 0 && dominates(n, n->accessed[v] - 1, block);
}

/* ---- Addresses ---- */

#define SIBLINGS_MAX 8 /* roots of addresses that are looked at together */

/* v as a value, the root, plus a constant modulo 2^32. */
static val_t split_sum(const struct ssa_func *fn, val_t v, int32_t *constant)
{
    const struct ssa_inst *inst = ssa_inst(fn, v);
    uint64_t c;
    *constant = 0;
    if (inst->op == SSA_ADD && ssa_is_const(fn, ssa_resolve(fn, (val_t){inst->arg[1]}), &c)) {
        *constant = (int32_t)(uint32_t)c;
        return ssa_resolve(fn, (val_t){inst->arg[0]});
    }
    return v;
}

/* Makes it an access at base, if it's known that base + distance is its address as integers. */
static bool rebase(struct ssa_inst *inst, uint32_t base, uint32_t distance)
{
    if (distance >= ENGINE_MEMORY_GAP_BYTES || inst->imm + distance >= ENGINE_GUARD_BYTES - 16) {
        return false;
    }
    inst->arg[0] = base;
    inst->imm += distance;
    return true;
}

static bool is_same_loop(const struct ssa_func *fn, uint32_t v, const struct ssa_inst *inst)
{
    return fn->blocks[fn->insts[v].block].loop == fn->blocks[inst->block].loop;
}

/*
 * The access at x + c, where x was accessed before: at x, with c more offset. The same for an
 * x + c' of this loop, with c - c'; one from before it would be one more value to carry through.
 */
static void number_access(struct numbering *n, struct ssa_inst *inst)
{
    const struct ssa_func *fn = n->fn;
    uint32_t address = inst->arg[0];
    if (fn->insts[address].type != T_I32) {
        return;
    }
    int32_t constant, other;
    uint32_t root = split_sum(fn, (val_t){address}, &constant).i;
    if (root < n->n_accessed && constant != 0) {
        uint32_t sibling = n->sibling[root];
        if (was_accessed(n, root, inst->block) && rebase(inst, root, (uint32_t)constant)) {
            return;
        }
        if (sibling != 0 && was_accessed(n, sibling, inst->block) &&
            is_same_loop(fn, sibling, inst)) {
            (void)split_sum(fn, (val_t){sibling}, &other);
            if (rebase(inst, sibling, (uint32_t)constant - (uint32_t)other)) {
                return;
            }
        }
        if (address < n->n_accessed) {
            n->sibling[root] = address;
        }
    }
    if (address < n->n_accessed && !was_accessed(n, address, inst->block)) {
        n->accessed[address] = inst->block + 1;
    }
}

/* The accesses of a run that have a root in common. */
struct siblings {
    uint32_t root, first; /* first: the instruction */
    uint32_t constant;    /* of the first */
    uint32_t below;       /* how much less the smallest has */
};

static void add_sibling(const struct ssa_func *fn, struct siblings *list, uint32_t *n, uint32_t v)
{
    val_t address = ssa_resolve(fn, (val_t){fn->insts[v].arg[0]});
    int32_t constant;
    uint32_t root = split_sum(fn, address, &constant).i, i = 0;
    if (ssa_inst(fn, address)->type != T_I32) {
        return;
    }
    while (i < *n && list[i].root != root) {
        i++;
    }
    if (i < *n) {
        uint32_t below = list[i].constant - (uint32_t)constant;
        bool is_lower = below < ENGINE_MEMORY_GAP_BYTES && below > list[i].below;
        list[i].below = is_lower ? below : list[i].below;
    } else if (*n < SIBLINGS_MAX) {
        list[(*n)++] = (struct siblings){root, v, (uint32_t)constant, 0};
    }
}

/* The first of each root becomes an access at the smallest sum: the others follow when they are
 * numbered. */
static status_t lower_first(struct ssa_func *fn, const struct siblings *list, uint32_t n)
{
    status_t status = ssa_reserve_insts(fn, 2 * SIBLINGS_MAX);
    for (uint32_t i = 0; i < n && status == STATUS_OK; i++) {
        const struct siblings *s = &list[i];
        uint32_t constant = s->constant - s->below;
        if (s->below == 0) {
            continue;
        }
        val_t base = {s->root};
        if (constant != 0) {
            base = ssa_new(fn, SSA_ADD, T_I32);
            ssa_inst(fn, base)->arg[0] = s->root;
            ssa_inst(fn, base)->arg[1] = ssa_const(fn, T_I32, constant).i;
            ssa_inst(fn, base)->pos = fn->insts[s->first].pos;
        }
        if (rebase(&fn->insts[s->first], base.i, s->below) && constant != 0) {
            ssa_insert_before(fn, (val_t){s->first}, base);
        }
    }
    return status;
}

/*
 * Of a run of loads, perhaps with a store at its end, the one at the smallest of x + c, x + c', ...
 * should come first, for all others to be at a distance from it. It needn't: if the smallest lies
 * so high that the sum with a distance isn't below 2^32, it's in the part that isn't accessible,
 * and the run ends in a trap whatever comes before; then the first access traps instead, as what
 * it accesses lies in the guard.
 */
static status_t order_siblings(struct ssa_func *fn, uint32_t b)
{
    struct siblings list[SIBLINGS_MAX];
    uint32_t n_list = 0;
    status_t status = STATUS_OK;
    for (uint32_t v = fn->blocks[b].first; v != 0 && status == STATUS_OK; v = fn->insts[v].next) {
        const struct ssa_inst *inst = &fn->insts[v];
        uint16_t kind =
            ssa_op_infos[inst->op].flags & (SSA_READS | SSA_WRITES | SSA_TRAPS | SSA_CALLS);
        bool is_store = kind == (SSA_WRITES | SSA_TRAPS);
        if (is_store || kind == (SSA_READS | SSA_TRAPS)) {
            add_sibling(fn, list, &n_list, v);
        }
        bool is_end = is_store || (kind != 0 && kind != (SSA_READS | SSA_TRAPS)) ||
                      inst->op == SSA_INST_STORE || inst->op == SSA_PTR_STORE;
        if (is_end || inst->next == 0) {
            status = lower_first(fn, list, n_list);
            n_list = 0;
        }
    }
    return status;
}

/* ---- Checks of dense memories ---- */

static bool is_dense_check(const struct ssa_inst *inst)
{
    return inst->op == SSA_TRAP_IF && inst->sub == TRAP_MEMORY && inst->imm != 0;
}

static status_t make_checks(struct numbering *n)
{
    uint32_t n_values = n->fn->n_insts;
    n->checks = arena_array(n->cx->arena, n_values, sizeof *n->checks);
    n->newest = arena_array(n->cx->arena, n_values, sizeof *n->newest);
    if (n->checks == NULL || n->newest == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(n->newest, 0xff, n_values * sizeof *n->newest);
    n->n_values = n_values;
    return STATUS_OK;
}

/*
 * Whether the check tells nothing new; if it does, it is remembered. Where the one before was of
 * x + a, this is of x + b: x + a is below the maximum, so x + b = (x + a) + (b - a) doesn't wrap
 * for a small b - a, and lies as much behind it at most.
 */
static status_t number_check(struct numbering *n, const struct ssa_inst *inst, bool *is_known)
{
    struct ssa_func *fn = n->fn;
    const struct ssa_inst *compare = ssa_inst(fn, (val_t){inst->arg[0]});
    uint64_t bound;
    *is_known = false;
    if (compare->op != SSA_GE_U || !ssa_is_const(fn, (val_t){compare->arg[1]}, &bound)) {
        return STATUS_OK;
    }
    val_t index = ssa_resolve(fn, (val_t){compare->arg[0]});
    if (ssa_inst(fn, index)->type != T_I32) {
        return STATUS_OK;
    }
    if (n->checks == NULL && make_checks(n) != STATUS_OK) {
        return ERR_NO_MEMORY;
    }
    int32_t constant;
    uint32_t x = split_sum(fn, index, &constant).i;
    if (fold_value_max(fn, index) < bound) {
        *is_known = true;
        return STATUS_OK;
    }
    if (x >= n->n_values || n->n_checks == n->n_values) {
        return STATUS_OK; /* a value that folding has made */
    }
    uint32_t looked_at = 0;
    for (uint32_t i = n->newest[x]; i != NO_CHECK && looked_at < CHECKS_LOOKED_AT; looked_at++) {
        const struct check *check = &n->checks[i];
        int64_t distance = (int64_t)constant - check->constant;
        if (distance >= 0 && (uint64_t)distance + inst->imm <= ENGINE_DENSE_GUARD_BYTES &&
            dominates(n, check->block, inst->block)) {
            *is_known = true;
            return STATUS_OK;
        }
        i = check->next;
    }
    n->checks[n->n_checks] = (struct check){inst->block, constant, n->newest[x]};
    n->newest[x] = n->n_checks++;
    return STATUS_OK;
}

static void order_commutative(struct ssa_inst *inst)
{
    if (ssa_has(inst, SSA_COMM) && inst->arg[0] > inst->arg[1] && inst->op != SSA_NOP) {
        uint32_t a = inst->arg[0];
        inst->arg[0] = inst->arg[1];
        inst->arg[1] = a;
    }
}

/* A constant stays on the right, where the folding has put it. */
static bool has_const(const struct ssa_func *fn, const struct ssa_inst *inst)
{
    return fn->insts[inst->arg[1]].op == SSA_CONST || fn->insts[inst->arg[0]].op == SSA_CONST;
}

static status_t number_inst(struct numbering *n, uint32_t v)
{
    struct ssa_func *fn = n->fn;
    struct ssa_inst *inst = &fn->insts[v];
    uint32_t *args = ssa_args(fn, inst);
    uint32_t n_args = ssa_n_args(inst);
    for (uint32_t i = 0; i < n_args; i++) {
        args[i] = ssa_resolve(fn, (val_t){args[i]}).i;
    }
    bool is_access = n->accessed != NULL && n_args != 0 && ssa_has(inst, SSA_READS | SSA_WRITES);
    if (is_numbered(inst)) {
        val_t same = fold_inst(fn, inst);
        if (is_access) {
            number_access(n, inst);
        }
        if (same.i != 0) {
            ssa_remove(fn, (val_t){v}, same);
            return STATUS_OK;
        }
        uint64_t cond;
        if (inst->op == SSA_TRAP_IF && ssa_is_const(fn, (val_t){inst->arg[0]}, &cond) &&
            cond == 0) {
            ssa_remove(fn, (val_t){v}, VAL_NONE);
            return STATUS_OK;
        }
        if (is_dense_check(inst)) {
            bool is_known;
            status_t status = number_check(n, inst, &is_known);
            if (status == STATUS_OK && is_known) {
                ssa_remove(fn, (val_t){v}, VAL_NONE);
            }
            return status;
        }
        n_args = ssa_n_args(inst);
        if (n_args == 2 && ssa_has(inst, SSA_COMM) && !has_const(fn, inst)) {
            order_commutative(inst);
        }
        same = find_or_add(n, inst, (uint8_t)n_args, state_read(n, inst), v, (val_t){v});
        if (same.i != 0) {
            ssa_remove(fn, (val_t){v}, inst->type == T_VOID ? VAL_NONE : same);
        }
    } else {
        if (ssa_has(inst, SSA_WRITES)) {
            (void)fold_inst(fn, inst); /* its address, perhaps */
        }
        if (is_access) {
            number_access(n, inst);
        }
        change_states(n, v);
    }
    return STATUS_OK;
}

/* Intervals of the dominator tree, from parents that have lower numbers than their children. */
static void number_tree(struct numbering *n)
{
    const struct ssa_func *fn = n->fn;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        n->end[b] = 1; /* the size of the subtree, for now */
    }
    for (uint32_t b = fn->n_blocks; b-- > 1;) {
        n->end[fn->blocks[b].idom] += n->end[b];
    }
    uint32_t *next = n->globals_out; /* free until the walk */
    n->pre[0] = 0;
    next[0] = 1;
    for (uint32_t b = 1; b < fn->n_blocks; b++) {
        uint32_t parent = fn->blocks[b].idom;
        n->pre[b] = next[parent];
        next[parent] += n->end[b];
        next[b] = n->pre[b] + 1;
    }
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        n->end[b] += n->pre[b];
    }
}

static status_t init_numbering(struct numbering *n, struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    uint64_t cap = 64;
    while (cap < (uint64_t)fn->n_insts + fn->n_insts / 2) {
        cap *= 2;
    }
    *n = (struct numbering){.cx = cx, .fn = fn, .mask = (uint32_t)cap - 1, .next_state = 1};
    if (engine_memory_has_gap(cx->module)) {
        n->accessed = arena_zalloc(cx->scratch, fn->n_insts, sizeof *n->accessed);
        n->sibling = arena_zalloc(cx->scratch, fn->n_insts, sizeof *n->sibling);
        if (n->accessed == NULL || n->sibling == NULL) {
            return ERR_NO_MEMORY;
        }
        n->n_accessed = fn->n_insts;
    }
    n->table = arena_zalloc(cx->scratch, cap, sizeof *n->table);
    n->pre = arena_array(cx->scratch, fn->n_blocks, sizeof *n->pre);
    n->end = arena_array(cx->scratch, fn->n_blocks, sizeof *n->end);
    n->globals_out = arena_array(cx->scratch, fn->n_blocks, sizeof *n->globals_out);
    n->sizes_out = arena_array(cx->scratch, fn->n_blocks, sizeof *n->sizes_out);
    return n->table == NULL || n->pre == NULL || n->end == NULL || n->globals_out == NULL ||
                   n->sizes_out == NULL
               ? ERR_NO_MEMORY
               : STATUS_OK;
}

status_t pass_gvn(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    bool has_guard = engine_memory_has_gap(cx->module) &&
                     !engine_memory_is_dense(cx->module, cx->options->memory_kind);
    for (uint32_t b = 0; has_guard && b < fn->n_blocks; b++) {
        status_t status = order_siblings(fn, b);
        if (status != STATUS_OK) {
            return status;
        }
    }
    /* one constant or shadow per instruction and fold; room is made as it is used */
    status_t status = ssa_reserve_insts(fn, 2 * FOLD_MAX_NEW);
    struct numbering n;
    if (status == STATUS_OK) {
        status = init_numbering(&n, cx);
    }
    if (status != STATUS_OK) {
        return status;
    }
    number_tree(&n);
    for (uint32_t b = 0; b < fn->n_blocks && status == STATUS_OK; b++) {
        enter_block(&n, b);
        uint32_t next;
        for (uint32_t v = fn->blocks[b].first; v != 0 && status == STATUS_OK; v = next) {
            next = fn->insts[v].next;
            status = ssa_reserve_insts(fn, 2 * FOLD_MAX_NEW);
            if (status == STATUS_OK && fn->insts[v].op != SSA_PHI) {
                status = number_inst(&n, v);
            }
        }
        n.globals_out[b] = n.globals;
        n.sizes_out[b] = n.sizes;
    }
    return status;
}
