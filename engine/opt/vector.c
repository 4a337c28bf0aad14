/*
 * Vectors for loops over memory: an innermost loop that does the same with each of a row of
 * elements does it with 16 bytes of them at a time.
 *
 * The loop itself stays, for what is left at the end and for whenever a test says no; before it
 * comes one that does most of the rounds. That one can't trap and needs no check: it is entered
 * only if every address it will use is below the memory's size as it is now (nothing in the loop
 * changes it, and memories don't shrink), and if what it stores is apart from all else it
 * accesses, but for accesses whose order is known. So memory, results and traps are what they
 * were, bit for bit; floats are never summed in another order.
 *
 * Hard spot 4 of the design, accesses are made once: here an element may be read as part of two
 * vectors where the loop kept it in a register, or once where it read it twice. That is right,
 * since all of it lies below the memory's size, where no window of another program can be, and
 * what is read neither becomes an address nor decides about anything in this loop.
 *
 * O(instructions of innermost loops) to find them; each constant in vector.h bounds the work on
 * one that is found.
 */
#include "engine/opt/vector.h"

#include <string.h>

#include "engine/opt/fold.h"

/*
 * Whether the counter is known to go too few rounds: it begins and ends at constants, or at least
 * one of them and below what the other can be at most (what unrolling leaves over, say).
 */
static bool is_short(struct vectorizer *z)
{
    const struct vector_test *t = &z->test;
    if (t->a.base != 0 || t->a.scale != 1) {
        return false;
    }
    val_t init = {vector_phi_of(z, t->a.phi)->init}, last = {t->b};
    uint64_t first_const, last_const = 0;
    bool is_first_const = ssa_is_const(z->fn, init, &first_const);
    bool is_last_const = t->b == 0 || ssa_is_const(z->fn, last, &last_const);
    int64_t begin, end, step = t->step;
    if (is_first_const && is_last_const) {
        begin = (int32_t)((uint32_t)first_const + t->a.c);
        end = (int32_t)last_const;
    } else if (is_first_const && step > 0 && first_const <= INT32_MAX) {
        begin = (int64_t)first_const;
        end = (int64_t)fold_value_max(z->fn, last);
    } else if (is_last_const && step < 0 && last_const <= INT32_MAX) {
        begin = (int64_t)fold_value_max(z->fn, init);
        end = (int64_t)last_const;
    } else {
        return false;
    }
    return (end - begin) / step < 3 * (int64_t)z->n_rounds;
}

/* Where each block goes: new ones, in fives, before the header that they were made for. */
static void number_blocks(const struct ssa_func *fn, const uint32_t *headers, uint32_t n_old,
                          uint32_t *number)
{
    uint32_t n = 0, next = n_old;
    for (uint32_t b = 0; b < n_old; b++) {
        if (next < fn->n_blocks && headers[(next - n_old) / VECTOR_NEW_BLOCKS] == b) {
            for (uint32_t i = 0; i < VECTOR_NEW_BLOCKS; i++) {
                number[next++] = n++;
            }
        }
        number[b] = n++;
    }
}

static void rename_list(struct ssa_func *fn, uint32_t start, uint32_t n, const uint32_t *number)
{
    for (uint32_t i = start; i < start + n; i++) {
        fn->pool[i] = number[fn->pool[i]];
    }
}

static status_t put_in_order(struct vectorizer *z, const uint32_t *headers, uint32_t n_old)
{
    struct ssa_func *fn = z->fn;
    size_t mark = arena_mark(fn->arena);
    uint32_t n = fn->n_blocks;
    uint32_t *number = arena_array(fn->arena, n, sizeof *number);
    struct ssa_block *blocks = arena_array(fn->arena, n, sizeof *blocks);
    if (number == NULL || blocks == NULL) {
        return ERR_NO_MEMORY;
    }
    number_blocks(fn, headers, n_old, number);
    memcpy(blocks, fn->blocks, n * sizeof *blocks);
    for (uint32_t b = 0; b < n; b++) {
        const struct ssa_block *block = &blocks[b];
        fn->blocks[number[b]] = *block;
        if (block->is_dead) {
            continue;
        }
        rename_list(fn, block->pred_start, block->n_preds, number);
        rename_list(fn, block->succ_start, block->n_succs, number);
        for (uint32_t v = block->first; v != 0; v = fn->insts[v].next) {
            fn->insts[v].block = number[b];
        }
    }
    arena_release(fn->arena, mark);
    ssa_dominators(fn);
    return opt_find_loops(fn);
}

static bool is_innermost_block(const struct ssa_func *fn, uint32_t header)
{
    const struct ssa_block *block = &fn->blocks[header];
    const uint32_t *succs = ssa_succs(fn, block);
    return block->n_succs == 2 && (succs[0] == header || succs[1] == header);
}

static status_t vectorize_loops(struct vectorizer *z, uint32_t *headers)
{
    struct ssa_func *fn = z->fn;
    uint32_t n_loops = fn->n_loops, n_old = fn->n_blocks, n = 0;
    status_t status = STATUS_OK;
    for (uint32_t i = 1; i < n_loops && status == STATUS_OK; i++) {
        uint32_t header = fn->loops[i].header;
        if (is_innermost_block(fn, header) && vector_look(z, header) && vector_pack(z) &&
            !is_short(z)) {
            headers[n++] = header;
            status = vector_emit(z);
        }
    }
    return status == STATUS_OK && n != 0 ? put_in_order(z, headers, n_old) : status;
}

status_t pass_vector(struct compile *cx)
{
    struct ssa_func *fn = cx->fn;
    uint32_t n_candidates = 0;
    for (uint32_t i = 1; i < fn->n_loops; i++) {
        n_candidates += is_innermost_block(fn, fn->loops[i].header);
    }
    if (n_candidates == 0) {
        return STATUS_OK;
    }
    struct vectorizer *z = arena_array(fn->arena, 1, sizeof *z);
    uint32_t *headers = arena_array(fn->arena, n_candidates, sizeof *headers);
    if (z == NULL || headers == NULL) {
        return ERR_NO_MEMORY;
    }
    z->place = arena_array(fn->arena, fn->n_insts, sizeof *z->place);
    if (z->place == NULL) {
        return ERR_NO_MEMORY;
    }
    z->cx = cx;
    z->fn = fn;
    z->status = STATUS_OK;
    return vectorize_loops(z, headers);
}
