/*
 * Jumps and padding get their sizes, places their offsets; then everything is copied out.
 *
 * All jumps start long. Twice, from what is known so far, those whose distance fits in a byte are
 * made short: distances only shrink, so that a decision stays right (the padding before loops
 * counts as the most it can be). More rounds would find next to nothing.
 */
#include <string.h>

#include "engine/target/x86_64/encode.h"

#define ROUNDS 2

struct relax {
    struct enc *e;
    uint32_t *before; /* [n_sites + 1] bytes that the sites before this one take */
    uint32_t base;    /* of the function in out */
};

static void sum_sizes(struct relax *r)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < r->e->n_sites; i++) {
        r->before[i] = sum;
        sum += r->e->sites[i].size_bytes;
    }
    r->before[r->e->n_sites] = sum;
}

static uint32_t mark_offset(const struct relax *r, struct enc_mark mark)
{
    return mark.offset + r->before[mark.site];
}

static void shorten(struct relax *r)
{
    struct enc *e = r->e;
    for (uint32_t i = 0; i < e->n_sites; i++) {
        struct enc_site *site = &e->sites[i];
        if (site->kind == SITE_ALIGN || site->size_bytes == 2) {
            continue;
        }
        uint32_t at = site->offset + r->before[i];
        uint32_t to = mark_offset(r, e->labels[site->label]);
        bool is_forward = to > at;
        /* forward, the jump's own size is in between; backward it will be 2 */
        int64_t distance =
            is_forward ? (int64_t)to - (at + site->size_bytes) : (int64_t)to - (at + 2);
        if (distance == (int8_t)distance) {
            site->size_bytes = 2;
        }
    }
}

/* The padding is now exact, from the function's start, which is itself aligned. */
static void place_aligned(struct relax *r)
{
    uint32_t sum = 0;
    struct enc *e = r->e;
    for (uint32_t i = 0; i < e->n_sites; i++) {
        struct enc_site *site = &e->sites[i];
        r->before[i] = sum;
        if (site->kind == SITE_ALIGN) {
            site->size_bytes = (uint8_t)(-(site->offset + sum) & 31);
        }
        sum += site->size_bytes;
    }
    r->before[e->n_sites] = sum;
}

/* ---- The copy ---- */

/* Nops of 1 to 9 bytes (SDM 2B, NOP). */
static void put_nops(uint8_t *at, uint32_t n)
{
    static const uint8_t nops[9][9] = {
        {0x90},
        {0x66, 0x90},
        {0x0f, 0x1f, 0x00},
        {0x0f, 0x1f, 0x40, 0x00},
        {0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
        {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
    };
    while (n > 0) {
        uint32_t k = n < 9 ? n : 9;
        memcpy(at, nops[k - 1], k);
        at += k;
        n -= k;
    }
}

static void put_jump(const struct relax *r, const struct enc_site *site, uint32_t at, uint8_t *to)
{
    int32_t distance =
        (int32_t)(mark_offset(r, r->e->labels[site->label]) - (at + site->size_bytes));
    bool is_jmp = site->kind == SITE_JMP;
    if (site->size_bytes == 2) {
        to[0] = is_jmp ? 0xeb : 0x70 | site->cc;
        to[1] = (uint8_t)distance;
        return;
    }
    if (is_jmp) {
        to[0] = 0xe9;
    } else {
        to[0] = 0x0f;
        to[1] = 0x80 | site->cc;
    }
    memcpy(to + site->size_bytes - 4, &distance, 4);
}

static void copy_code(const struct relax *r, uint8_t *to)
{
    const struct enc *e = r->e;
    uint32_t from = 0;
    for (uint32_t i = 0; i <= e->n_sites; i++) {
        uint32_t end = i < e->n_sites ? e->sites[i].offset : e->a.len_bytes;
        memcpy(to + from + r->before[i], e->a.bytes + from, end - from);
        from = end;
        if (i == e->n_sites) {
            break;
        }
        const struct enc_site *site = &e->sites[i];
        uint32_t at = end + r->before[i];
        if (site->kind == SITE_ALIGN) {
            put_nops(to + at, site->size_bytes);
        } else {
            put_jump(r, site, at, to + at);
        }
    }
}

/* ---- Behind the code ---- */

static uint32_t align_up(uint32_t x, uint32_t align)
{
    return (x + align - 1) & ~(align - 1);
}

/* Constants, the widest first, then tables; the end of all. */
static uint32_t place_data(struct relax *r, uint32_t end)
{
    struct enc *e = r->e;
    for (uint32_t size = 16; size >= 4; size /= 2) {
        for (uint32_t i = 0; i < e->n_consts; i++) {
            if (e->consts[i].size_bytes == size) {
                end = align_up(end, size);
                e->consts[i].offset = end;
                end += size;
            }
        }
    }
    for (uint32_t i = 0; i < e->n_tables; i++) {
        end = align_up(end, 4);
        e->tables[i].offset = end;
        end += 4 * e->tables[i].n;
    }
    return end;
}

static void put_table(const struct relax *r, const struct enc_table *table, uint8_t *to)
{
    const struct enc *e = r->e;
    const struct mir_edge *edges = &e->mf->edges[e->mf->blocks[table->block].edges_start];
    for (uint32_t i = 0; i < table->n; i++) {
        uint32_t block = e->thread[edges[e->cx->fn->pool[table->start + i]].to];
        uint32_t distance = mark_offset(r, e->labels[block]) - table->offset;
        memcpy(to + table->offset + 4 * i, &distance, 4);
    }
}

static void put_data(const struct relax *r, uint8_t *to)
{
    const struct enc *e = r->e;
    for (uint32_t i = 0; i < e->n_consts; i++) {
        const struct enc_const *c = &e->consts[i];
        memcpy(to + c->offset, &c->low, c->size_bytes < 8 ? c->size_bytes : 8);
        if (c->size_bytes == 16) {
            memcpy(to + c->offset + 8, &c->high, 8);
        }
    }
    for (uint32_t i = 0; i < e->n_tables; i++) {
        put_table(r, &e->tables[i], to);
    }
}

static void fix_displacements(const struct relax *r, uint8_t *to)
{
    const struct enc *e = r->e;
    for (uint32_t i = 0; i < e->n_fixups; i++) {
        const struct enc_fixup *fixup = &e->fixups[i];
        uint32_t at = mark_offset(r, fixup->field), disp;
        uint32_t target =
            fixup->is_table ? e->tables[fixup->id].offset : e->consts[fixup->id].offset;
        memcpy(&disp, to + at, 4);
        disp += target - (at + 4 + fixup->tail_bytes);
        memcpy(to + at, &disp, 4);
    }
}

/* ---- Out ---- */

static void put_lists(const struct relax *r, struct code_buf *out)
{
    const struct enc *e = r->e;
    for (uint32_t i = 0; i < e->n_calls; i++) {
        out->call_sites[out->n_call_sites++] = r->base + mark_offset(r, e->calls[i]);
    }
    for (uint32_t i = 0; i < e->n_positions; i++) {
        out->positions[out->n_positions++] = (struct code_position){
            r->base + mark_offset(r, e->positions[i].mark), e->positions[i].wasm};
    }
}

status_t enc_finish(struct enc *e, struct code_buf *out)
{
    struct relax r = {.e = e};
    r.before = arena_array(e->cx->scratch, e->n_sites + 1, sizeof *r.before);
    if (r.before == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        sum_sizes(&r);
        shorten(&r);
    }
    place_aligned(&r);
    uint32_t code_bytes = e->a.len_bytes + r.before[e->n_sites];
    uint32_t end = place_data(&r, code_bytes);
    assert(out->len_bytes % target_x86_64.code_align == 0);
    if (out->cap_bytes - out->len_bytes < end ||
        out->cap_call_sites - out->n_call_sites < e->n_calls ||
        out->cap_positions - out->n_positions < e->n_positions) {
        return ERR_NO_MEMORY;
    }
    r.base = out->len_bytes;
    uint8_t *to = out->bytes + r.base;
    copy_code(&r, to);
    memset(to + code_bytes, 0xcc, end - code_bytes);
    put_data(&r, to);
    fix_displacements(&r, to);
    put_lists(&r, out);
    out->len_bytes = r.base + end;
    return STATUS_OK;
}
