/*
 * Capability tables against a model that keeps a list of all capabilities ever made, each with the
 * one that it was lent from: random operations in several tables, and after each the same handles
 * are live with the same rights.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/object/cap.h"

#define N_TABLES 4u
#define N_OBJECTS 6u
#define MODEL_MAX 4096
#define N_STEPS 20000u

static struct block_area blocks;
static struct cell_area cells;
static struct object_area objects;
static const struct cap_memory memory = {&blocks, &cells};

static int setup(void **state)
{
    (void)state;
    assert_int_equal(block_area_init(&blocks, (size_t)1 << 30), STATUS_OK);
    assert_int_equal(cell_area_init(&cells), STATUS_OK);
    assert_int_equal(object_area_init(&objects, OBJECT_CHANNEL, 3, 200, 1000), STATUS_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(blocks.used_bytes, 0);
    assert_int_equal(cells.n_used, 0);
    assert_int_equal(objects.n_used, 0);
    object_area_release(&objects);
    cell_area_release(&cells);
    block_area_release(&blocks);
    return 0;
}

static struct object *channel_new(void)
{
    struct object *object;
    assert_int_equal(object_new(&objects, &object), STATUS_OK);
    return object;
}

static handle_t add(struct cap_table *table, const struct cap *cap)
{
    assert_int_equal(cap_reserve(table, &memory, 1), STATUS_OK);
    return cap_add(table, cap);
}

static void test_words(void **state)
{
    (void)state;
    struct object *object = channel_new();
    assert_int_equal(object_kind(object), OBJECT_CHANNEL);
    assert_int_equal(object_home(object), 3);
    assert_int_equal(object_state(object), 0);
    object_state_set(object, 200);
    assert_int_equal(object_state(object), 200);
    assert_int_equal(object_kind(object), OBJECT_CHANNEL);
    struct cap cap = cap_to(object, RIGHTS_ALL, 0);
    assert_true(cap_is_live(&cap));
    object_free(&objects, object);
    assert_false(cap_is_live(&cap));
    assert_ptr_equal(channel_new(), object); /* the place again, another incarnation */
    assert_false(cap_is_live(&cap));
    assert_int_equal(object_state(object), 0);
    object_free(&objects, object);
}

static void test_refusals(void **state)
{
    (void)state;
    struct cap_table table;
    struct object *object = channel_new();
    struct cap cap = cap_to(object, RIGHT_CHANNEL_CALL | RIGHT_ANY_DUPLICATE, 7), *found, copy;
    cap_table_init(&table);
    handle_t handle = add(&table, &cap);
    assert_int_equal(handle, 1);
    assert_int_equal(cap_find(&table, handle, PERMIT(OBJECT_CHANNEL, RIGHT_CHANNEL_CALL), &found),
                     STATUS_OK);
    assert_int_equal(found->badge, 7);
    assert_int_equal(cap_find(&table, handle, PERMIT(OBJECT_REGION, 0), &found), ERR_WRONG_KIND);
    assert_int_equal(cap_find(&table, handle, PERMIT(OBJECT_CHANNEL, RIGHT_CHANNEL_SEND), &found),
                     ERR_NO_RIGHT);
    const handle_t forged[] = {0, 2, 7, 8, 9, -1, INT32_MIN, INT32_MAX, 0x10001, 0xffff};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        assert_int_equal(cap_find(&table, forged[i], 0, &found), ERR_BAD_HANDLE);
        assert_int_equal(cap_close(&table, &memory, forged[i]), ERR_BAD_HANDLE);
        assert_int_equal(cap_revoke(&table, &memory, forged[i]), ERR_BAD_HANDLE);
    }
    assert_int_equal(cap_copy(&table, handle, RIGHT_CHANNEL_SEND, &copy), ERR_NO_RIGHT);
    assert_int_equal(cap_copy(&table, handle, RIGHT_CHANNEL_CALL, &copy), STATUS_OK);
    handle_t narrow = add(&table, &copy);
    assert_int_equal(cap_copy(&table, narrow, RIGHT_CHANNEL_CALL, &copy), ERR_NO_RIGHT);
    assert_int_equal(cap_close(&table, &memory, handle), STATUS_OK);
    assert_int_equal(cap_find(&table, handle, 0, &found), ERR_BAD_HANDLE);
    assert_int_equal(add(&table, &cap), 0x10001);
    object_free(&objects, object);
    assert_int_equal(cap_find(&table, narrow, 0, &found), ERR_REVOKED);
    assert_int_equal(cap_close(&table, &memory, narrow), STATUS_OK);
    cap_table_release(&table, &memory);
}

/* Handles of a place run out before they repeat; then the place isn't used any more. */
static void test_worn_out(void **state)
{
    (void)state;
    struct cap_table table;
    struct object *object = channel_new();
    struct cap cap = cap_to(object, RIGHTS_ALL, 0);
    cap_table_init(&table);
    for (int32_t n = 0; n <= 0x7fff; n++) {
        assert_int_equal(add(&table, &cap), n << HANDLE_INDEX_BITS | 1);
        assert_int_equal(cap_close(&table, &memory, n << HANDLE_INDEX_BITS | 1), STATUS_OK);
    }
    assert_int_equal(add(&table, &cap), 2);
    cap_table_release(&table, &memory);
    object_free(&objects, object);
}

static void test_depth(void **state)
{
    (void)state;
    struct cap_table table;
    struct object *object = channel_new();
    struct cap cap = cap_to(object, RIGHTS_ALL, 0);
    cap_table_init(&table);
    handle_t handle = add(&table, &cap), first = handle;
    for (uint32_t i = 0; i < CELL_DEPTH_MAX; i++) {
        assert_int_equal(cap_lend(&table, &memory, handle, RIGHTS_ALL, &cap), STATUS_OK);
        handle = add(&table, &cap);
    }
    assert_int_equal(cap_lend(&table, &memory, handle, RIGHTS_ALL, &cap), ERR_LIMIT);
    assert_int_equal(cap_revoke(&table, &memory, first), STATUS_OK);
    struct cap *found;
    assert_int_equal(cap_find(&table, handle, 0, &found), ERR_REVOKED);
    assert_int_equal(cap_find(&table, first, 0, &found), STATUS_OK);
    cap_table_release(&table, &memory);
    object_free(&objects, object);
}

/* ---- the model ---- */

struct model_cap {
    uint32_t table;
    handle_t handle;
    struct object *object;
    int32_t lender; /* whose revocation kills it; -1: nobody's */
    uint16_t rights;
    bool is_held; /* in its table */
    bool is_live; /* of those that aren't held too: what was lent from them was lent further */
};

struct model {
    struct cap_table tables[N_TABLES];
    struct object *objects[N_OBJECTS];
    struct model_cap caps[MODEL_MAX];
    int32_t n_caps;
};

static void model_add(struct model *m, const struct cap *cap, struct object *object, int32_t lender)
{
    uint32_t table = (uint32_t)rand() % N_TABLES;
    m->caps[m->n_caps++] = (struct model_cap){
        .table = table,
        .handle = add(&m->tables[table], cap),
        .object = object,
        .lender = lender,
        .rights = cap_rights(cap),
        .is_held = true,
        .is_live = true,
    };
}

/* Children are behind their lenders in the list. */
static void model_revoke(struct model *m, int32_t lender)
{
    for (int32_t i = lender + 1; i < m->n_caps; i++) {
        if (m->caps[i].lender == lender && m->caps[i].is_live) {
            m->caps[i].is_live = false;
            model_revoke(m, i);
        }
    }
}

static void model_check(const struct model *m)
{
    for (int32_t i = 0; i < m->n_caps; i++) {
        const struct model_cap *expected = &m->caps[i];
        if (!expected->is_held) {
            continue;
        }
        struct cap *found;
        status_t status = cap_find(&m->tables[expected->table], expected->handle,
                                   PERMIT(OBJECT_CHANNEL, expected->rights), &found);
        assert_int_equal(status, expected->is_live ? STATUS_OK : ERR_REVOKED);
        if (status == STATUS_OK) {
            assert_ptr_equal(found->object, expected->object);
            assert_int_equal(cap_rights(found), expected->rights);
        }
    }
}

static void model_copy(struct model *m, int32_t i, bool is_lent)
{
    struct model_cap *from = &m->caps[i];
    struct cap_table *table = &m->tables[from->table];
    uint16_t rights = (uint16_t)(rand() % 4 == 0 ? rand() & RIGHTS_ALL : from->rights);
    struct cap cap;
    status_t status = is_lent ? cap_lend(table, &memory, from->handle, rights, &cap)
                              : cap_copy(table, from->handle, rights, &cap);
    if (status == ERR_LIMIT) {
        assert_true(is_lent);
        return;
    }
    if (!from->is_live && (from->rights & rights) == rights && (from->rights & 1) != 0) {
        assert_int_equal(status, ERR_REVOKED);
    } else if ((from->rights & rights) != rights || (from->rights & 1) == 0) {
        assert_int_equal(status, ERR_NO_RIGHT);
    } else {
        assert_int_equal(status, STATUS_OK);
        model_add(m, &cap, from->object, is_lent ? i : from->lender);
    }
}

static void model_drop(struct model *m, int32_t i)
{
    struct model_cap *cap = &m->caps[i];
    assert_int_equal(cap_close(&m->tables[cap->table], &memory, cap->handle), STATUS_OK);
    cap->is_held = false;
    model_revoke(m, i);
}

static void model_object_end(struct model *m, uint32_t n)
{
    for (int32_t i = 0; i < m->n_caps; i++) {
        m->caps[i].is_live = m->caps[i].is_live && m->caps[i].object != m->objects[n];
    }
    object_free(&objects, m->objects[n]);
    m->objects[n] = channel_new();
}

static void model_step(struct model *m)
{
    int32_t i = m->n_caps == 0 ? 0 : rand() % m->n_caps;
    uint32_t what = (uint32_t)rand() % 100;
    if (m->n_caps < MODEL_MAX - 1 && (m->n_caps == 0 || what < 10)) {
        struct object *object = m->objects[(uint32_t)rand() % N_OBJECTS];
        struct cap cap = cap_to(object, RIGHTS_ALL, 0);
        model_add(m, &cap, object, -1);
    } else if (what >= 99) {
        model_object_end(m, (uint32_t)rand() % N_OBJECTS);
    } else if (!m->caps[i].is_held) {
        return;
    } else if (what < 70 && m->n_caps < MODEL_MAX - 1) {
        model_copy(m, i, what < 50);
    } else if (what < 85) {
        model_drop(m, i);
    } else {
        struct cap_table *table = &m->tables[m->caps[i].table];
        status_t status = cap_revoke(table, &memory, m->caps[i].handle);
        assert_int_equal(status, m->caps[i].is_live ? STATUS_OK : ERR_REVOKED);
        if (status == STATUS_OK) {
            model_revoke(m, i);
        }
    }
}

static void test_model(void **state)
{
    (void)state;
    static struct model m;
    srand(1);
    for (uint32_t i = 0; i < N_TABLES; i++) {
        cap_table_init(&m.tables[i]);
    }
    for (uint32_t i = 0; i < N_OBJECTS; i++) {
        m.objects[i] = channel_new();
    }
    for (uint32_t step = 0; step < N_STEPS; step++) {
        model_step(&m);
        if (step % 64 == 0) {
            model_check(&m);
        }
    }
    model_check(&m);
    for (uint32_t i = 0; i < N_TABLES; i++) {
        cap_table_release(&m.tables[i], &memory);
    }
    for (uint32_t i = 0; i < N_OBJECTS; i++) {
        object_free(&objects, m.objects[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_worn_out), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
