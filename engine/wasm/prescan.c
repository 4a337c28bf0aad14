/*
 * Which locals a loop sets, known before the loop is translated.
 *
 * At the first loop that hasn't been looked at, the bytes up to its matching end are skimmed
 * once, nested loops included; so each byte of a body is skimmed at most once. Nothing is
 * validated here: on anything strange the skimming stops, since the builder will stop there too.
 *
 * Each loop has a list of locals without duplicates. A local set in a loop is set in all loops
 * around it: the walk outward stops at the first that has the local. `seen` remembers the last
 * loop that got it; loops are numbered in the order they begin, so an open loop contains the
 * remembered one, closed or not, exactly if its number is at most that one's.
 */
#include "engine/wasm/build.h"

/* Skips the immediates of an instruction; false at anything malformed. */
static bool skip_leb(struct reader *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t byte;
        do {
            if (reader_u8(r, &byte) != STATUS_OK) {
                return false;
            }
        } while (byte >= 0x80);
    }
    return true;
}

static bool skip_bytes(struct reader *r, uint32_t n)
{
    const uint8_t *bytes;
    return reader_bytes(r, n, &bytes) == STATUS_OK;
}

static bool skip_list(struct reader *r, uint32_t n_more)
{
    uint32_t n;
    if (reader_u32(r, &n) != STATUS_OK || !reader_has(r, n)) {
        return false;
    }
    return skip_leb(r, n + n_more);
}

static bool skip_immediates(struct reader *r, uint8_t imm)
{
    switch ((enum wasm_imm)imm) {
    case IMM_NONE: return true;
    case IMM_BLOCK:
    case IMM_LABEL:
    case IMM_FUNC:
    case IMM_LOCAL:
    case IMM_GLOBAL:
    case IMM_TABLE:
    case IMM_DATA:
    case IMM_ELEM:
    case IMM_I32:
    case IMM_I64: return skip_leb(r, 1);
    case IMM_CALL_INDIRECT:
    case IMM_MEMARG:
    case IMM_ELEM_TABLE:
    case IMM_TABLE_TABLE: return skip_leb(r, 2);
    case IMM_MEMARG_LANE: return skip_leb(r, 2) && skip_bytes(r, 1);
    case IMM_LANE:
    case IMM_MEM:
    case IMM_ZERO:
    case IMM_REFTYPE: return skip_bytes(r, 1);
    case IMM_MEM_MEM: return skip_bytes(r, 2);
    case IMM_DATA_MEM: return skip_leb(r, 1) && skip_bytes(r, 1);
    case IMM_BR_TABLE: return skip_list(r, 1);
    case IMM_SELECT_T: return skip_list(r, 0);
    case IMM_SHUFFLE:
    case IMM_V128: return skip_bytes(r, 16);
    case IMM_F32: return skip_bytes(r, 4);
    case IMM_F64: return skip_bytes(r, 8);
    }
    return false;
}

static status_t add_local(struct builder *b, uint32_t loop, uint32_t local)
{
    struct prescan *s = &b->scan;
    while (loop != 0 && s->seen[local] < loop) {
        void *nodes = s->nodes;
        status_t status = build_grow(b, &nodes, &s->cap_nodes, s->n_nodes + 1, sizeof *s->nodes);
        s->nodes = nodes;
        if (status == STATUS_OK) {
            status = build_carry(b, 1);
        }
        if (status != STATUS_OK) {
            return status;
        }
        struct scan_loop *l = &s->loops[loop];
        s->nodes[s->n_nodes] = (struct set_node){local, l->first};
        l->first = s->n_nodes++;
        l->n++;
        loop = l->parent;
    }
    return STATUS_OK;
}

static status_t open_loop(struct builder *b, uint32_t parent, uint32_t *out)
{
    struct prescan *s = &b->scan;
    void *loops = s->loops;
    status_t status = build_grow(b, &loops, &s->cap_loops, s->n_loops + 1, sizeof *s->loops);
    s->loops = loops;
    if (status == STATUS_OK) {
        *out = s->n_loops++;
        s->loops[*out] = (struct scan_loop){.parent = parent};
    }
    return status;
}

/* Where a control construct ended: which of the open ones are loops, as a stack of bits. */
struct nest {
    uint64_t *bits;
    uint32_t depth, cap_words;
};

static status_t nest_push(struct builder *b, struct nest *nest, bool is_loop)
{
    if (nest->depth / 64 >= nest->cap_words) {
        void *bits = nest->bits;
        status_t status =
            build_grow(b, &bits, &nest->cap_words, nest->depth / 64 + 1, sizeof *nest->bits);
        nest->bits = bits;
        if (status != STATUS_OK) {
            return status;
        }
    }
    uint64_t bit = UINT64_C(1) << (nest->depth % 64);
    uint64_t *word = &nest->bits[nest->depth / 64];
    *word = is_loop ? *word | bit : *word & ~bit;
    nest->depth++;
    return STATUS_OK;
}

static bool nest_pop(struct nest *nest)
{
    nest->depth--;
    return (nest->bits[nest->depth / 64] >> (nest->depth % 64) & 1) != 0;
}

/* Reads from behind a loop's block type up to its end; *done_to is where it stopped. */
static status_t scan(struct builder *b, struct reader r, const uint8_t **done_to)
{
    struct nest nest = {0};
    uint32_t loop;
    status_t status = open_loop(b, 0, &loop);
    if (status == STATUS_OK) {
        status = nest_push(b, &nest, true);
    }
    while (status == STATUS_OK && nest.depth > 0) {
        uint32_t opcode;
        if (reader_opcode(&r, &opcode) != STATUS_OK) {
            break;
        }
        const struct wasm_op_info *op = wasm_op_info(opcode);
        uint32_t local = 0;
        if (op == NULL) {
            break;
        }
        if (op->imm == IMM_LOCAL ? reader_u32(&r, &local) != STATUS_OK
                                 : !skip_immediates(&r, op->imm)) {
            break;
        }
        if (opcode == OP_LOCAL_SET || opcode == OP_LOCAL_TEE) {
            if (local < b->n_locals) {
                status = add_local(b, loop, local);
                b->scan.seen[local] = loop;
            }
        } else if (opcode == OP_LOOP) {
            status = open_loop(b, loop, &loop);
            if (status == STATUS_OK) {
                status = nest_push(b, &nest, true);
            }
        } else if (opcode == OP_BLOCK || opcode == OP_IF) {
            status = nest_push(b, &nest, false);
        } else if (opcode == OP_END && nest_pop(&nest)) {
            loop = b->scan.loops[loop].parent;
        }
    }
    *done_to = r.pos;
    return status;
}

status_t prescan_loop(struct builder *b, uint32_t *set)
{
    struct prescan *s = &b->scan;
    if (s->seen == NULL) {
        s->seen = arena_zalloc(b->cx->scratch, (size_t)b->n_locals + 1, sizeof *s->seen);
        s->n_loops = s->n_nodes = s->next_loop = 1;
        if (s->seen == NULL) {
            return build_fail(b, ERR_NO_MEMORY, "out of memory for %u locals", b->n_locals);
        }
    }
    if (s->done_to <= b->r.pos) {
        s->next_loop = s->n_loops;
        status_t status = scan(b, b->r, &s->done_to);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *set = s->next_loop < s->n_loops ? s->next_loop++ : 0;
    return STATUS_OK;
}
