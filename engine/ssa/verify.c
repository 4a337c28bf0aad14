/*
 * Checks every invariant of the SSA form: see ssa.h. Runs between passes in test builds.
 *
 * Nothing is believed before it is checked: ranges first, then the graph, then dominance (found
 * again, from nothing but the edges), loops, and at last instructions, of which every argument is
 * looked at. Dominance is answered by intervals of a numbering of the dominator tree, so all of
 * it is linear but for a logarithm where branches of that tree meet.
 *
 * The culprit is a block if the text begins with "block", a loop if with "loop", else a value.
 */
#include "base/bitset.h"
#include "base/hash.h"
#include "engine/ssa/text.h"

/* A node of a numbered tree: the numbers of all that hang on it are [first, first + n). */
struct interval {
    uint32_t first, n;
};

struct verifier {
    const struct ssa_func *fn;
    const char *error;
    uint32_t culprit;
    uint32_t *order;              /* [by value] 1 + its place in its block; 0: it is in none */
    uint32_t *mark;               /* [by block or loop] scratch of one step */
    uint32_t *idom;               /* [by block] */
    uint32_t *depth, *jump;       /* [by block] in the dominator tree */
    struct interval *below_block; /* in the dominator tree */
    struct interval *below_loop;  /* in the loop tree */
};

static bool fail(struct verifier *v, uint32_t culprit, const char *error)
{
    v->error = error;
    v->culprit = culprit;
    return false;
}

static bool in_pool(const struct ssa_func *fn, uint64_t start, uint32_t n)
{
    return start <= fn->n_pool && n <= fn->n_pool - start;
}

static bool is_live(const struct ssa_func *fn, uint32_t b)
{
    return b < fn->n_blocks && !fn->blocks[b].is_dead;
}

static bool is_below(const struct interval *below, uint32_t node, uint32_t above)
{
    return below[node].first - below[above].first < below[above].n;
}

/* Numbers a tree whose nodes have n = 1 and come after their parents; next is scratch. */
static void number_tree(struct interval *below, const uint32_t *parents, uint32_t n, uint32_t *next)
{
    for (uint32_t i = n; i-- > 1;) {
        below[parents[i]].n += below[i].n;
    }
    below[0].first = 0;
    next[0] = 1;
    for (uint32_t i = 1; i < n; i++) {
        below[i].first = next[parents[i]];
        next[parents[i]] += below[i].n;
        next[i] = below[i].first + 1;
    }
}

/* ---- The graph ---- */

/* A list of blocks: in the pool, each live, each once. */
static bool check_list(struct verifier *v, uint32_t b, uint32_t start, uint32_t n)
{
    if (!in_pool(v->fn, start, n)) {
        return fail(v, b, "block: a list of neighbours isn't in the pool");
    }
    const uint32_t *list = &v->fn->pool[start];
    for (uint32_t i = 0; i < n; i++) {
        if (!is_live(v->fn, list[i])) {
            return fail(v, b, "block: a neighbour is dead or doesn't exist");
        }
        if (v->mark[list[i]] == b + 1) {
            return fail(v, b, "block: an edge is there twice");
        }
        v->mark[list[i]] = b + 1;
    }
    return true;
}

static void clear_marks(struct verifier *v)
{
    for (uint32_t b = 0; b < v->fn->n_blocks; b++) {
        v->mark[b] = 0;
    }
}

static bool check_lists(struct verifier *v)
{
    const struct ssa_func *fn = v->fn;
    clear_marks(v);
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        const struct ssa_block *block = &fn->blocks[b];
        if (!block->is_dead && !check_list(v, b, block->succ_start, block->n_succs)) {
            return false;
        }
    }
    clear_marks(v);
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        const struct ssa_block *block = &fn->blocks[b];
        if (!block->is_dead && !check_list(v, b, block->pred_start, block->n_preds)) {
            return false;
        }
    }
    return true;
}

/*
 * Every successor has the block as a predecessor and the other way round. Edges are gathered by
 * where they lead, in words[starts[b]..]; lists without duplicates are the same set if as long
 * and one holds the other.
 */
static bool check_edges(struct verifier *v, uint32_t *starts, uint32_t *words)
{
    const struct ssa_func *fn = v->fn;
    uint32_t n = 0;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        starts[b] = n;
        n += fn->blocks[b].is_dead ? 0 : fn->blocks[b].n_preds;
        v->mark[b] = 0; /* how many are there already */
    }
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        const uint32_t *succs = ssa_succs(fn, &fn->blocks[b]);
        for (uint32_t i = 0; !fn->blocks[b].is_dead && i < fn->blocks[b].n_succs; i++) {
            uint32_t to = succs[i];
            if (v->mark[to] == fn->blocks[to].n_preds) {
                return fail(v, b, "block: a successor doesn't know it as a predecessor");
            }
            words[starts[to] + v->mark[to]++] = b;
        }
    }
    clear_marks(v);
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        const struct ssa_block *block = &fn->blocks[b];
        const uint32_t *preds = ssa_preds(fn, block);
        uint32_t n_edges = (b + 1 < fn->n_blocks ? starts[b + 1] : n) - starts[b];
        for (uint32_t i = 0; i < n_edges; i++) {
            v->mark[words[starts[b] + i]] = b + 1;
        }
        for (uint32_t i = 0; !block->is_dead && i < block->n_preds; i++) {
            if (v->mark[preds[i]] != b + 1) {
                return fail(v, b, "block: a predecessor doesn't lead to it");
            }
        }
    }
    return true;
}

static bool check_graph(struct verifier *v)
{
    const struct ssa_func *fn = v->fn;
    if (fn->n_blocks == 0 || fn->blocks[0].is_dead || fn->blocks[0].n_preds != 0) {
        return fail(v, 0, "block: the entry is missing, dead, or has a predecessor");
    }
    if (!check_lists(v)) {
        return false;
    }
    uint64_t n_edges = 0;
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        n_edges += fn->blocks[b].is_dead ? 0 : fn->blocks[b].n_preds;
    }
    uint32_t *starts = arena_array(fn->arena, fn->n_blocks, sizeof *starts);
    uint32_t *words = arena_array(fn->arena, n_edges + 1, sizeof *words);
    if (starts == NULL || words == NULL) {
        return fail(v, 0, "no memory left for the verifier");
    }
    for (uint64_t i = 0; i < n_edges; i++) {
        words[i] = 0; /* a predecessor without an edge finds nothing here */
    }
    return check_edges(v, starts, words);
}

/* ---- Dominators ---- */

/*
 * The lowest block above both. Besides its parent each node has a jump to an ancestor further up
 * (Myers 1983): nodes of equal depth jump equally far, so both can climb together.
 */
static uint32_t common_dominator(const struct verifier *v, uint32_t a, uint32_t b)
{
    const uint32_t *depth = v->depth;
    if (depth[a] < depth[b]) {
        uint32_t swap = a;
        a = b;
        b = swap;
    }
    while (depth[a] > depth[b]) {
        a = depth[v->jump[a]] >= depth[b] ? v->jump[a] : v->idom[a];
    }
    while (a != b) {
        bool is_far = v->jump[a] != v->jump[b];
        a = is_far ? v->jump[a] : v->idom[a];
        b = is_far ? v->jump[b] : v->idom[b];
    }
    return a;
}

static void hang_below(struct verifier *v, uint32_t b, uint32_t parent)
{
    uint32_t up = v->jump[parent];
    bool is_even = v->depth[parent] - v->depth[up] == v->depth[up] - v->depth[v->jump[up]];
    v->idom[b] = parent;
    v->depth[b] = v->depth[parent] + 1;
    v->jump[b] = is_even ? v->jump[up] : parent;
    v->below_block[b].n = 1;
}

/* One walk is enough: edges down the numbering can't change dominators if they go to a block that
 * dominates where they come from, which is checked right after. */
static bool check_dominators(struct verifier *v)
{
    const struct ssa_func *fn = v->fn;
    v->below_block[0].n = 1;
    for (uint32_t b = 1; b < fn->n_blocks; b++) {
        const struct ssa_block *block = &fn->blocks[b];
        const uint32_t *preds = ssa_preds(fn, block);
        uint32_t idom = BLOCK_NONE.i;
        for (uint32_t i = 0; !block->is_dead && i < block->n_preds; i++) {
            if (preds[i] < b) {
                idom = idom == BLOCK_NONE.i ? preds[i] : common_dominator(v, idom, preds[i]);
            }
        }
        if (!block->is_dead && idom == BLOCK_NONE.i) {
            return fail(v, b, "block: unreachable, or not in reverse postorder");
        }
        if (!block->is_dead && block->idom != idom) {
            return fail(v, b, "block: its immediate dominator is wrong");
        }
        if (!block->is_dead) {
            hang_below(v, b, idom);
        }
    }
    number_tree(v->below_block, v->idom, fn->n_blocks, v->mark);
    return fn->blocks[0].idom == 0 || fail(v, 0, "block: the entry's dominator is itself");
}

/* ---- Loops ---- */

static bool check_loop(struct verifier *v, uint32_t i)
{
    const struct ssa_func *fn = v->fn;
    const struct ssa_loop *loop = &fn->loops[i];
    if (loop->parent >= i) {
        return fail(v, i, "loop: its parent comes after it");
    }
    const struct ssa_loop *parent = &fn->loops[loop->parent];
    if (loop->depth != parent->depth + 1) {
        return fail(v, i, "loop: its depth isn't one more than its parent's");
    }
    if (loop->header >= fn->n_blocks) {
        return fail(v, i, "loop: its header doesn't exist");
    }
    if (fn->blocks[loop->header].is_dead) {
        return fail(v, i, "loop: its header is dead");
    }
    if (fn->blocks[loop->header].loop != i) {
        return fail(v, i, "loop: its header belongs to another loop");
    }
    if (loop->parent != 0 && !is_below(v->below_block, loop->header, parent->header)) {
        return fail(v, i, "loop: its header isn't dominated by its parent's");
    }
    if (loop->parent != 0 &&
        ((loop->has_call && !parent->has_call) || (loop->has_store && !parent->has_store))) {
        return fail(v, i, "loop: it has a call or a store that its parent doesn't know of");
    }
    return true;
}

static bool is_header(const struct ssa_func *fn, uint32_t b)
{
    return fn->blocks[b].loop != 0 && fn->loops[fn->blocks[b].loop].header == b;
}

/* Code is moved out of a loop to where it is entered from: that is one block. */
static bool check_entry(struct verifier *v, uint32_t i)
{
    const struct ssa_func *fn = v->fn;
    uint32_t header = fn->loops[i].header, n = 0;
    const uint32_t *preds = ssa_preds(fn, &fn->blocks[header]);
    for (uint32_t k = 0; k < fn->blocks[header].n_preds; k++) {
        n += preds[k] < header;
    }
    return n == 1 || fail(v, i, "loop: its header has more than one predecessor outside of it");
}

/* An edge goes up the numbering and enters loops through their headers only, or is a back edge. */
static bool check_edge(struct verifier *v, uint32_t from, uint32_t to)
{
    const struct ssa_func *fn = v->fn;
    uint32_t loop = fn->blocks[to].loop;
    if (from >= to) {
        if (!is_header(fn, to)) {
            return fail(v, from, "block: an edge goes back to what is no loop's header");
        }
        if (!is_below(v->below_block, from, to)) {
            return fail(v, from, "block: an edge goes back to a header that doesn't dominate it");
        }
    } else if (is_header(fn, to)) {
        loop = fn->loops[loop].parent; /* entered from outside, or from within */
    }
    return is_below(v->below_loop, fn->blocks[from].loop, loop) ||
           fail(v, to, "block: its loop is entered from outside, not through the header");
}

static bool check_block_loop(struct verifier *v, uint32_t b)
{
    const struct ssa_func *fn = v->fn;
    const struct ssa_block *block = &fn->blocks[b];
    if (block->loop != 0 && !is_below(v->below_block, b, fn->loops[block->loop].header)) {
        return fail(v, b, "block: it isn't dominated by the header of its loop");
    }
    const uint32_t *succs = ssa_succs(fn, block);
    for (uint32_t i = 0; i < block->n_succs; i++) {
        if (!check_edge(v, b, succs[i])) {
            return false;
        }
    }
    return true;
}

static bool check_loops(struct verifier *v)
{
    const struct ssa_func *fn = v->fn;
    if (fn->n_loops == 0 || fn->loops[0].depth != 0) {
        return fail(v, 0, "loop: the function's own is missing");
    }
    uint32_t *parents = arena_array(fn->arena, fn->n_loops, sizeof *parents);
    uint32_t *next = arena_array(fn->arena, fn->n_loops, sizeof *next);
    if (parents == NULL || next == NULL) {
        return fail(v, 0, "no memory left for the verifier");
    }
    for (uint32_t i = 0; i < fn->n_loops; i++) {
        if (i != 0 && (!check_loop(v, i) || !check_entry(v, i))) {
            return false;
        }
        parents[i] = fn->loops[i].parent;
        v->below_loop[i].n = 1;
    }
    number_tree(v->below_loop, parents, fn->n_loops, next);
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        if (!fn->blocks[b].is_dead && !check_block_loop(v, b)) {
            return false;
        }
    }
    return true;
}

/* ---- The lists of instructions ---- */

/* A link of a block's list: who it is, where it stands. */
static bool check_link(struct verifier *v, uint32_t b, uint32_t i, uint32_t prev, bool are_phis)
{
    const struct ssa_func *fn = v->fn;
    if (i >= fn->n_insts || v->order[i] != 0) {
        return fail(v, b, "block: its list leads out of the function or to an instruction again");
    }
    const struct ssa_inst *inst = &fn->insts[i];
    if (inst->op >= SSA_OP_COUNT || inst->type >= T_COUNT) {
        return fail(v, i, "no such operation or type");
    }
    if (inst->prev != prev || inst->block != b) {
        return fail(v, i, "it is in a block's list but doesn't know the block or its neighbour");
    }
    if (inst->op == SSA_PHI && !are_phis) {
        return fail(v, i, "a phi behind what is none");
    }
    if (inst->op == SSA_CONST || inst->op == SSA_VCONST || inst->op == SSA_NOP ||
        inst->op == SSA_COPY) {
        return fail(v, i, "a constant, a copy or nothing, in a block");
    }
    if (ssa_has(inst, SSA_END) != (inst->next == 0)) {
        return fail(v, i, "the end of a block isn't at its end, or is missing");
    }
    return true;
}

static bool check_block_list(struct verifier *v, uint32_t b)
{
    const struct ssa_func *fn = v->fn;
    const struct ssa_block *block = &fn->blocks[b];
    uint32_t prev = 0, place = 1;
    bool are_phis = true;
    for (uint32_t i = block->first; i != 0; i = fn->insts[i].next) {
        if (!check_link(v, b, i, prev, are_phis)) {
            return false;
        }
        are_phis = fn->insts[i].op == SSA_PHI;
        v->order[i] = place++;
        prev = i;
    }
    return (block->last == prev && (prev != 0) == !block->is_dead) ||
           fail(v, b, "block: it is empty, its last isn't the last, or it is dead and isn't empty");
}

/* The number of successors that an end wants; a br_table's words are all used and in range. */
static bool check_end(struct verifier *v, uint32_t b)
{
    const struct ssa_func *fn = v->fn;
    const struct ssa_block *block = &fn->blocks[b];
    const struct ssa_inst *end = &fn->insts[block->last];
    if (end->op == SSA_JUMP || end->op == SSA_BRANCH) {
        return block->n_succs == (end->op == SSA_JUMP ? 1 : 2) ||
               fail(v, block->last, "an end with the wrong number of successors");
    }
    if (end->op != SSA_BR_TABLE) {
        return block->n_succs == 0 ||
               fail(v, block->last, "an end that has no successors has some");
    }
    if (end->arg[1] == 0 || !in_pool(fn, end->imm, end->arg[1])) {
        return fail(v, block->last, "a table that isn't in the pool");
    }
    uint32_t n_used = 0;
    for (uint32_t i = 0; i < end->arg[1]; i++) {
        uint32_t succ = fn->pool[end->imm + i];
        if (succ >= block->n_succs) {
            return fail(v, block->last, "a table that leads to no successor");
        }
        n_used += v->mark[succ] != b + 1;
        v->mark[succ] = b + 1;
    }
    return n_used == block->n_succs || fail(v, block->last, "a successor that isn't in the table");
}

/* Cold blocks end in a trap or lead to cold ones. */
static bool check_cold(struct verifier *v, uint32_t b)
{
    const struct ssa_func *fn = v->fn;
    const struct ssa_block *block = &fn->blocks[b];
    const uint32_t *succs = ssa_succs(fn, block);
    if (!block->is_cold || fn->insts[block->last].op == SSA_TRAP) {
        return true;
    }
    for (uint32_t i = 0; i < block->n_succs; i++) {
        if (!fn->blocks[succs[i]].is_cold) {
            return fail(v, b, "block: cold, and leads to one that isn't");
        }
    }
    return block->n_succs != 0 || fail(v, b, "block: cold, and returns");
}

static bool check_blocks(struct verifier *v)
{
    clear_marks(v);
    for (uint32_t b = 0; b < v->fn->n_blocks; b++) {
        if (!check_block_list(v, b)) {
            return false;
        }
        if (!v->fn->blocks[b].is_dead && (!check_end(v, b) || !check_cold(v, b))) {
            return false;
        }
    }
    return true;
}

/* ---- Constants ---- */

static bool check_const(struct verifier *v, uint32_t i)
{
    const struct ssa_inst *inst = &v->fn->insts[i];
    if (inst->op == SSA_VCONST) {
        return (inst->type == T_V128 && inst->imm < v->fn->n_vconsts) ||
               fail(v, i, "a vector constant without its bytes");
    }
    if (inst->type == T_VOID || inst->type >= T_V128) {
        return fail(v, i, "a constant of no scalar type");
    }
    bool is_narrow = inst->type == T_I32 || inst->type == T_F32;
    return !is_narrow || inst->imm <= UINT32_MAX ||
           fail(v, i, "a constant of 32 bits with more of them");
}

/* Each once: a hash set, open, at most half full. */
static bool check_consts(struct verifier *v)
{
    const struct ssa_func *fn = v->fn;
    uint32_t n = 0;
    for (uint32_t i = 1; i < fn->n_insts; i++) {
        n += fn->insts[i].op == SSA_CONST || fn->insts[i].op == SSA_VCONST;
    }
    uint64_t n_places = 16;
    while (n_places < (uint64_t)n * 2) {
        n_places *= 2;
    }
    uint32_t *set = arena_zalloc(fn->arena, n_places, sizeof *set);
    if (set == NULL) {
        return fail(v, 0, "no memory left for the verifier");
    }
    for (uint32_t i = 1; i < fn->n_insts; i++) {
        const struct ssa_inst *inst = &fn->insts[i];
        if (inst->op != SSA_CONST && inst->op != SSA_VCONST) {
            continue;
        }
        if (!check_const(v, i)) {
            return false;
        }
        uint64_t place = hash_add(inst->op * T_COUNT + inst->type, inst->imm) & (n_places - 1);
        for (; set[place] != 0; place = (place + 1) & (n_places - 1)) {
            const struct ssa_inst *other = &fn->insts[set[place]];
            if (other->op == inst->op && other->type == inst->type && other->imm == inst->imm) {
                return fail(v, i, "a constant that is there twice");
            }
        }
        set[place] = i;
    }
    return true;
}

/* ---- Types ---- */

const char *const ssa_signatures[SSA_OP_COUNT] = {
    [SSA_PARAM] = "_t",
    [SSA_ADD] = "nn_n",
    [SSA_SUB] = "nn_n",
    [SSA_MUL] = "nn_n",
    [SSA_DIV_S] = "nn_n",
    [SSA_DIV_U] = "nn_n",
    [SSA_REM_S] = "nn_n",
    [SSA_REM_U] = "nn_n",
    [SSA_AND] = "nn_n",
    [SSA_OR] = "nn_n",
    [SSA_XOR] = "nn_n",
    [SSA_SHL] = "nn_n",
    [SSA_SHR_S] = "nn_n",
    [SSA_SHR_U] = "nn_n",
    [SSA_ROTL] = "nn_n",
    [SSA_ROTR] = "nn_n",
    [SSA_CLZ] = "n_n",
    [SSA_CTZ] = "n_n",
    [SSA_POPCNT] = "n_n",
    [SSA_SEXT8] = "n_n",
    [SSA_SEXT16] = "n_n",
    [SSA_SEXT32] = "I_I",
    [SSA_MULHI_S] = "nn_n",
    [SSA_MULHI_U] = "nn_n",
    [SSA_ADDC] = "nni_n",
    [SSA_ADDC_OUT] = "nni_i",
    [SSA_SUBB] = "nni_n",
    [SSA_SUBB_OUT] = "nni_i",
    [SSA_EQZ] = "n_i",
    [SSA_EQ] = "nn_i",
    [SSA_NE] = "nn_i",
    [SSA_LT_S] = "nn_i",
    [SSA_LT_U] = "nn_i",
    [SSA_GT_S] = "nn_i",
    [SSA_GT_U] = "nn_i",
    [SSA_LE_S] = "nn_i",
    [SSA_LE_U] = "nn_i",
    [SSA_GE_S] = "nn_i",
    [SSA_GE_U] = "nn_i",
    [SSA_FEQ] = "rr_i",
    [SSA_FNE] = "rr_i",
    [SSA_FLT] = "rr_i",
    [SSA_FGT] = "rr_i",
    [SSA_FLE] = "rr_i",
    [SSA_FGE] = "rr_i",
    [SSA_FADD] = "rr_r",
    [SSA_FSUB] = "rr_r",
    [SSA_FMUL] = "rr_r",
    [SSA_FDIV] = "rr_r",
    [SSA_FMIN] = "rr_r",
    [SSA_FMAX] = "rr_r",
    [SSA_FCOPYSIGN] = "rr_r",
    [SSA_FABS] = "r_r",
    [SSA_FNEG] = "r_r",
    [SSA_FCEIL] = "r_r",
    [SSA_FFLOOR] = "r_r",
    [SSA_FTRUNC] = "r_r",
    [SSA_FNEAREST] = "r_r",
    [SSA_FSQRT] = "r_r",
    [SSA_WRAP] = "I_i",
    [SSA_EXTEND_S] = "i_I",
    [SSA_EXTEND_U] = "i_I",
    [SSA_TRUNC_S] = "r_n",
    [SSA_TRUNC_U] = "r_n",
    [SSA_TRUNC_SAT_S] = "r_n",
    [SSA_TRUNC_SAT_U] = "r_n",
    [SSA_CONVERT_S] = "n_r",
    [SSA_CONVERT_U] = "n_r",
    [SSA_DEMOTE] = "F_f",
    [SSA_PROMOTE] = "f_F",
    [SSA_SELECT] = "itt_t",
    [SSA_LOAD] = "a_s",
    [SSA_LOAD8_S] = "a_n",
    [SSA_LOAD8_U] = "a_n",
    [SSA_LOAD16_S] = "a_n",
    [SSA_LOAD16_U] = "a_n",
    [SSA_LOAD32_S] = "a_I",
    [SSA_LOAD32_U] = "a_I",
    [SSA_STORE] = "as_",
    [SSA_STORE8] = "an_",
    [SSA_STORE16] = "an_",
    [SSA_STORE32] = "aI_",
    [SSA_ATOMIC_LOAD] = "a_n",
    [SSA_ATOMIC_STORE] = "an_",
    [SSA_ATOMIC_ADD] = "an_n",
    [SSA_ATOMIC_SUB] = "an_n",
    [SSA_ATOMIC_AND] = "an_n",
    [SSA_ATOMIC_OR] = "an_n",
    [SSA_ATOMIC_XOR] = "an_n",
    [SSA_ATOMIC_XCHG] = "an_n",
    [SSA_ATOMIC_CMPXCHG] = "ann_n",
    [SSA_ATOMIC_FENCE] = "_",
    [SSA_INST_LOAD] = "_t",
    [SSA_INST_STORE] = "t_",
    [SSA_INST_ADDR] = "_I",
    [SSA_PTR_LOAD] = "I_t",
    [SSA_PTR_STORE] = "It_",
    [SSA_TRAP_IF] = "i_",
    [SSA_INDEX_MASK] = "nn_n",
    [SSA_CYCLES] = "_I",
    [SSA_JUMP] = "_",
    [SSA_BRANCH] = "i_",
    [SSA_BR_TABLE] = "i_",
    [SSA_TRAP] = "_",
/* Vector operations; an address is known by the immediate. */
#define OP(code, name, text, imm, sig, ssa, width) [SSA_##ssa] = #sig,
#include "engine/wasm/simd.def"
#undef OP
};

const uint8_t ssa_n_lanes[SSA_OP_COUNT] = {
/* "i8x16.extract_lane_s": the number behind the x, which is 16 or one digit; or 16 bytes by width */
#define LANES_OF_SHAPE(t) ((t)[2] == 'x' ? 16 : (t)[4] - '0')
#define LANES_NONE(t, width) 0
#define LANES_V128(t, width) 0
#define LANES_SHUFFLE(t, width) 0
#define LANES_MEMARG(t, width) 0
#define LANES_LANE(t, width) LANES_OF_SHAPE(t)
#define LANES_MEMARG_LANE(t, width) (16 >> (width))
#define OP(code, name, text, imm, sig, ssa, width) [SSA_##ssa] = LANES_##imm(text, width),
#include "engine/wasm/simd.def"
#undef OP
};

/* Types that letters of one signature stand for. */
struct binding {
    uint8_t n, r, s, t;
};

static bool bind(uint8_t *bound, uint8_t type, uint8_t low, uint8_t high)
{
    if (type < low || type > high || (*bound != T_VOID && *bound != type)) {
        return false;
    }
    *bound = type;
    return true;
}

static bool type_fits(char letter, uint8_t type, struct binding *binding)
{
    switch (letter) {
    case 'i': return type == T_I32;
    case 'I': return type == T_I64;
    case 'f': return type == T_F32;
    case 'F': return type == T_F64;
    case 'v': return type == T_V128;
    case 'a': return type == T_I32 || type == T_I64;
    case 'n': return bind(&binding->n, type, T_I32, T_I64);
    case 'r': return bind(&binding->r, type, T_F32, T_F64);
    case 's': return bind(&binding->s, type, T_I32, T_F64);
    case 't': return bind(&binding->t, type, T_I32, T_V128);
    case '\0': return type == T_VOID;
    default: return false;
    }
}

static uint8_t arg_type(const struct ssa_func *fn, uint32_t arg)
{
    return ssa_inst(fn, ssa_resolve(fn, (val_t){arg}))->type;
}

static bool check_signature(struct verifier *v, uint32_t i, const char *signature)
{
    const struct ssa_inst *inst = &v->fn->insts[i];
    struct binding binding = {0};
    uint32_t n = ssa_op_infos[inst->op].n_args;
    bool is_address = inst->op >= SSA_V_V128_LOAD && (text_forms[inst->op] & TEXT_OFFSET);
    for (uint32_t k = 0; k < n; k++) {
        char letter = k == 0 && is_address ? 'a' : signature[k];
        if (!type_fits(letter, arg_type(v->fn, inst->arg[k]), &binding)) {
            return fail(v, i, "an argument has the wrong type");
        }
    }
    return (signature[n] == '_' && type_fits(signature[n + 1], inst->type, &binding)) ||
           fail(v, i, "the result has the wrong type");
}

static bool is_call(uint16_t op)
{
    return op == SSA_CALL || op == SSA_CALL_SLOT || op == SSA_CALL_HELPER;
}

static bool check_return(struct verifier *v, uint32_t i, const uint32_t *args, uint32_t n)
{
    const struct ssa_func *fn = v->fn;
    if (n != fn->n_results || fn->insts[i].type != T_VOID) {
        return fail(v, i, "a return of the wrong number of values");
    }
    for (uint32_t k = 0; k < n; k++) {
        if (arg_type(fn, args[k]) != fn->result_types[k]) {
            return fail(v, i, "a return of the wrong type");
        }
    }
    return true;
}

static bool check_phi(struct verifier *v, uint32_t i, const uint32_t *args, uint32_t n)
{
    const struct ssa_inst *inst = &v->fn->insts[i];
    if (n != v->fn->blocks[inst->block].n_preds || n == 0) {
        return fail(v, i, "a phi that hasn't one argument for each predecessor");
    }
    for (uint32_t k = 0; k < n; k++) {
        if (arg_type(v->fn, args[k]) != inst->type) {
            return fail(v, i, "a phi of another type than an argument");
        }
    }
    return inst->type != T_VOID || fail(v, i, "a phi without a type");
}

/* Bits that stay bits: i32 and f32, i64 and f64. */
static bool is_bitcast(uint8_t from, uint8_t to)
{
    return (from == T_I32 && to == T_F32) || (from == T_F32 && to == T_I32) ||
           (from == T_I64 && to == T_F64) || (from == T_F64 && to == T_I64);
}

static bool check_result(struct verifier *v, uint32_t i)
{
    const struct ssa_func *fn = v->fn;
    const struct ssa_inst *inst = &fn->insts[i], *before = &fn->insts[inst->prev];
    uint32_t call = ssa_resolve(fn, (val_t){inst->arg[0]}).i;
    if (!is_call(fn->insts[call].op) || inst->imm == 0 || inst->type == T_VOID) {
        return fail(v, i, "a result of what is no call, or the first result");
    }
    bool is_in_order = before->op == SSA_RESULT && before->imm < inst->imm &&
                       ssa_resolve(fn, (val_t){before->arg[0]}).i == call;
    return inst->prev == call || is_in_order ||
           fail(v, i, "results that don't follow their call in ascending order");
}

/* Operations without a signature. */
static bool check_special(struct verifier *v, uint32_t i, const uint32_t *args, uint32_t n)
{
    const struct ssa_func *fn = v->fn;
    const struct ssa_inst *inst = &fn->insts[i];
    if (inst->op == SSA_PHI) {
        return check_phi(v, i, args, n);
    }
    if (inst->op == SSA_RETURN) {
        return check_return(v, i, args, n);
    }
    if (inst->op == SSA_BITCAST) {
        return is_bitcast(arg_type(fn, args[0]), inst->type) ||
               fail(v, i, "a bitcast between types of another size, or of one kind");
    }
    if (inst->op == SSA_RESULT) {
        return check_result(v, i);
    }
    if (inst->op == SSA_CALL_SLOT && (n == 0 || arg_type(fn, args[0]) != T_I64)) {
        return fail(v, i, "a call through what is no address");
    }
    if (inst->op == SSA_CALL_HELPER && inst->imm >= text_n_helpers) {
        return fail(v, i, "a call of no helper");
    }
    return is_call(inst->op) || fail(v, i, "an operation that can't stand in a block");
}

/* ---- Details ---- */

static bool check_atomic(struct verifier *v, uint32_t i)
{
    const struct ssa_inst *inst = &v->fn->insts[i];
    uint8_t type = inst->type != T_VOID ? inst->type : arg_type(v->fn, inst->arg[1]);
    return inst->sub <= (type == T_I32 ? 2 : 3) ||
           fail(v, i, "an atomic access wider than its type");
}

static bool check_shuffle(struct verifier *v, uint32_t i)
{
    const struct ssa_inst *inst = &v->fn->insts[i];
    bool is_ok = inst->imm < v->fn->n_vconsts;
    for (uint32_t k = 0; is_ok && k < 16; k++) {
        is_ok = v->fn->vconsts[inst->imm][k] < 32;
    }
    return is_ok || fail(v, i, "a shuffle without its lanes");
}

/* What imm and sub may be. */
static bool check_detail(struct verifier *v, uint32_t i)
{
    const struct ssa_func *fn = v->fn;
    const struct ssa_inst *inst = &fn->insts[i];
    uint16_t form = text_forms[inst->op];
    if (form & TEXT_OFFSET && ssa_has(inst, SSA_READS | SSA_WRITES) &&
        inst->imm >= ENGINE_GUARD_BYTES) {
        return fail(v, i, "an offset that reaches over the guard");
    }
    if (form & TEXT_FIELD && inst->sub >= TEXT_N_FIELDS) {
        return fail(v, i, "no such kind of field");
    }
    if (form & TEXT_TRAP && (inst->sub == TRAP_NONE || inst->sub >= TEXT_N_TRAPS)) {
        return fail(v, i, "no such trap");
    }
    if (form & TEXT_LANE && inst->sub >= ssa_n_lanes[inst->op]) {
        return fail(v, i, "no such lane");
    }
    if (form & TEXT_LIKELY && inst->imm >= TEXT_N_LIKELY) {
        return fail(v, i, "a branch neither likely nor unlikely");
    }
    if (inst->op == SSA_PARAM && (inst->block != 0 || inst->imm >= fn->n_params ||
                                  inst->type != fn->param_types[inst->imm])) {
        return fail(v, i, "no such parameter, of another type, or not in the entry");
    }
    if (form & TEXT_SHUFFLE) {
        return check_shuffle(v, i);
    }
    return !(form & TEXT_WIDTH) || check_atomic(v, i);
}

/* The loops around it have to know of calls and of stores to the instance. */
static bool check_effects(struct verifier *v, uint32_t i)
{
    const struct ssa_inst *inst = &v->fn->insts[i];
    uint32_t l = v->fn->blocks[inst->block].loop;
    const struct ssa_loop *loop = &v->fn->loops[l];
    if (l == 0) {
        return true;
    }
    if (ssa_has(inst, SSA_CALLS) && !loop->has_call) {
        return fail(v, i, "a call that its loop doesn't know of");
    }
    return (inst->op != SSA_INST_STORE && inst->op != SSA_PTR_STORE) || loop->has_store ||
           fail(v, i, "a store to the instance that its loop doesn't know of");
}

/* ---- Uses ---- */

/* The value that arg stands for: 0 if its copies lead in a circle or out of the function. */
static uint32_t resolved(const struct ssa_func *fn, uint32_t arg)
{
    for (uint32_t n = 0; n < fn->n_insts && arg < fn->n_insts; n++) {
        if (fn->insts[arg].op != SSA_COPY) {
            return arg;
        }
        arg = fn->insts[arg].arg[0];
    }
    return 0;
}

/* The definition of argument k of instruction i has to dominate the place where it is used. */
static bool check_use(struct verifier *v, uint32_t i, uint32_t k, uint32_t arg)
{
    const struct ssa_func *fn = v->fn;
    const struct ssa_inst *inst = &fn->insts[i];
    uint32_t def = resolved(fn, arg);
    const struct ssa_inst *from = &fn->insts[def];
    if (def == 0) {
        return fail(v, i, "an argument is no value");
    }
    if (from->op == SSA_CONST || from->op == SSA_VCONST) {
        return true;
    }
    if (v->order[def] == 0 || from->type == T_VOID) {
        return fail(v, i, "an argument was removed, or has no result");
    }
    if (inst->op == SSA_PHI) {
        uint32_t pred = ssa_preds(fn, &fn->blocks[inst->block])[k];
        return is_below(v->below_block, pred, from->block) ||
               fail(v, i, "an argument of a phi isn't defined at the end of its predecessor");
    }
    if (from->block == inst->block) {
        return v->order[def] < v->order[i] || fail(v, i, "an argument is defined behind its use");
    }
    return is_below(v->below_block, inst->block, from->block) ||
           fail(v, i, "an argument's definition doesn't dominate its use");
}

static bool check_inst(struct verifier *v, uint32_t i)
{
    const struct ssa_func *fn = v->fn;
    struct ssa_inst *inst = &fn->insts[i];
    uint32_t n = ssa_n_args(inst);
    if (inst->op == SSA_V_V128_CONST ||
        (ssa_op_infos[inst->op].n_args == SSA_VAR_ARGS && !in_pool(fn, inst->arg[0], n))) {
        return fail(v, i, "its arguments aren't in the pool, or it is no operation");
    }
    if (inst->op == SSA_PHI && n != fn->blocks[inst->block].n_preds) {
        return fail(v, i, "a phi that hasn't one argument for each predecessor");
    }
    const uint32_t *args = ssa_args(fn, inst);
    for (uint32_t k = 0; k < n; k++) {
        if (!check_use(v, i, k, args[k])) {
            return false;
        }
    }
    const char *signature = ssa_signatures[inst->op];
    if (!(signature != NULL ? check_signature(v, i, signature) : check_special(v, i, args, n))) {
        return false;
    }
    return check_detail(v, i) && check_effects(v, i);
}

static bool check_insts(struct verifier *v)
{
    for (uint32_t i = 1; i < v->fn->n_insts; i++) {
        if (v->order[i] != 0 && !check_inst(v, i)) {
            return false;
        }
    }
    return true;
}

static bool check_func(struct verifier *v)
{
    const struct ssa_func *fn = v->fn;
    struct arena *arena = fn->arena;
    v->order = arena_zalloc(arena, fn->n_insts, sizeof *v->order);
    v->mark = arena_zalloc(arena, fn->n_blocks + 1, sizeof *v->mark);
    v->idom = arena_zalloc(arena, fn->n_blocks + 1, sizeof *v->idom);
    v->depth = arena_zalloc(arena, fn->n_blocks + 1, sizeof *v->depth);
    v->jump = arena_zalloc(arena, fn->n_blocks + 1, sizeof *v->jump);
    v->below_block = arena_zalloc(arena, fn->n_blocks + 1, sizeof *v->below_block);
    v->below_loop = arena_zalloc(arena, fn->n_loops + 1, sizeof *v->below_loop);
    if (v->order == NULL || v->mark == NULL || v->idom == NULL || v->depth == NULL ||
        v->jump == NULL || v->below_block == NULL || v->below_loop == NULL) {
        return fail(v, 0, "no memory left for the verifier");
    }
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        if (fn->blocks[b].loop >= fn->n_loops) {
            return fail(v, b, "block: no such loop");
        }
    }
    return check_graph(v) && check_blocks(v) && check_dominators(v) && check_loops(v) &&
           check_consts(v) && check_insts(v);
}

const char *ssa_verify(const struct ssa_func *fn, uint32_t *culprit)
{
    struct verifier v = {.fn = fn};
    size_t mark = arena_mark(fn->arena);
    bool is_ok = check_func(&v);
    arena_release(fn->arena, mark);
    *culprit = v.culprit;
    return is_ok ? NULL : v.error;
}
