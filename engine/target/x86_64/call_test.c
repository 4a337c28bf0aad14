/*
 * Calls of every kind with random signatures: direct, through a slot, to the host and to another
 * instance, these three also as calls of an import. The callee returns its arguments in another order, and a global of its instance; the
 * caller passes its own arguments on and returns what it gets.
 */
#include "engine/target/x86_64/native_test.h"

#define ARENA_BYTES (64u << 20)
#define SLOT_AT (-256)   /* struct engine_func_slot in the record */
#define GLOBAL_AT (-128) /* an i64 */

enum call_kind { CALL_DIRECT, CALL_SLOT, CALL_HOST, CALL_CROSS, CALL_KINDS };

struct signature {
    uint8_t params[NATIVE_MAX_VALUES], results[NATIVE_MAX_VALUES];
    uint32_t n_params, n_results;
    uint32_t from[NATIVE_MAX_VALUES]; /* result i is this parameter */
};

static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % n);
}

static struct signature make_signature(void)
{
    struct signature s = {.n_params = 1 + below(20), .n_results = 1 + below(20)};
    for (uint32_t i = 0; i < s.n_params; i++) {
        s.params[i] = T_I32 + (uint8_t)below(T_COUNT - 1);
    }
    for (uint32_t i = 0; i < s.n_results; i++) {
        s.from[i] = below(s.n_params);
        s.results[i] = s.params[s.from[i]];
    }
    s.results[s.n_results++] = T_I64; /* the global */
    return s;
}

/* ---- The two functions ---- */

static val_t append(struct ssa_func *fn, enum ssa_op op, enum ssa_type type)
{
    val_t v = ssa_new(fn, op, type);
    ssa_append(fn, (blk_t){0}, v);
    ssa_inst(fn, v)->pos = v.i;
    return v;
}

static void begin(struct ssa_func *fn, struct arena *arena, const struct signature *s,
                  val_t *params)
{
    *fn = (struct ssa_func){0};
    assert_int_equal(ssa_func_init(fn, arena), STATUS_OK);
    assert_int_equal(ssa_reserve_insts(fn, 256), STATUS_OK);
    assert_int_equal(ssa_reserve_pool(fn, 256), STATUS_OK);
    assert_int_equal(ssa_reserve_blocks(fn, 4), STATUS_OK);
    fn->blocks[0] = (struct ssa_block){0};
    fn->n_blocks = 1;
    fn->param_types = s->params;
    fn->result_types = s->results;
    fn->n_params = s->n_params;
    fn->n_results = s->n_results;
    for (uint32_t i = 0; i < s->n_params; i++) {
        params[i] = append(fn, SSA_PARAM, (enum ssa_type)s->params[i]);
        ssa_inst(fn, params[i])->imm = i;
    }
}

static void set_args(struct ssa_func *fn, val_t v, const val_t *args, uint32_t n)
{
    ssa_inst(fn, v)->arg[0] = fn->n_pool;
    ssa_inst(fn, v)->arg[1] = n;
    for (uint32_t i = 0; i < n; i++) {
        fn->pool[fn->n_pool++] = args[i].i;
    }
}

static void build_callee(struct ssa_func *fn, struct arena *arena, const struct signature *s)
{
    val_t params[NATIVE_MAX_VALUES], results[NATIVE_MAX_VALUES];
    begin(fn, arena, s, params);
    for (uint32_t i = 0; i + 1 < s->n_results; i++) {
        results[i] = params[s->from[i]];
    }
    val_t global = append(fn, SSA_INST_LOAD, T_I64);
    ssa_inst(fn, global)->imm = (uint64_t)GLOBAL_AT;
    results[s->n_results - 1] = global;
    val_t end = append(fn, SSA_RETURN, T_VOID);
    set_args(fn, end, results, s->n_results);
}

static void build_caller(struct ssa_func *fn, struct arena *arena, const struct signature *s,
                         bool is_direct)
{
    val_t params[NATIVE_MAX_VALUES + 1], results[NATIVE_MAX_VALUES];
    begin(fn, arena, s, params + 1);
    if (!is_direct) {
        params[0] = append(fn, SSA_INST_ADDR, T_I64);
        ssa_inst(fn, params[0])->imm = (uint64_t)SLOT_AT;
    }
    enum ssa_op op = is_direct ? SSA_CALL : SSA_CALL_SLOT;
    results[0] = append(fn, op, (enum ssa_type)s->results[0]);
    ssa_inst(fn, results[0])->imm = is_direct ? 1 : 0;
    uint32_t skip = is_direct;
    set_args(fn, results[0], params + skip, s->n_params + 1 - skip);
    for (uint32_t i = 1; i < s->n_results; i++) {
        results[i] = append(fn, SSA_RESULT, (enum ssa_type)s->results[i]);
        ssa_inst(fn, results[i])->arg[0] = results[0].i;
        ssa_inst(fn, results[i])->imm = i;
    }
    val_t end = append(fn, SSA_RETURN, T_VOID);
    set_args(fn, end, results, s->n_results);
}

/* ---- The host ---- */

static const struct signature *host_signature;

static void host_function(void *context, void *caller, union engine_value *values)
{
    union engine_value args[NATIVE_MAX_VALUES];
    const struct signature *s = host_signature;
    assert_ptr_equal(context, &host_signature);
    memcpy(args, values, sizeof args[0] * s->n_params);
    for (uint32_t i = 0; i + 1 < s->n_results; i++) {
        values[i] = args[s->from[i]];
    }
    memcpy(&values[s->n_results - 1].i64, (uint8_t *)caller + GLOBAL_AT, 8);
}

/* ---- Running ---- */

static uint32_t append_code(struct native *n, struct ssa_func *fn)
{
    while (n->code.len_bytes % target_x86_64.code_align != 0) {
        n->code.bytes[n->code.len_bytes++] = 0xcc;
    }
    uint32_t at = n->code.len_bytes;
    native_emit(n, fn);
    return at;
}

static uint32_t append_import_thunk(struct native *n)
{
    while (n->code.len_bytes % 16 != 0) {
        n->code.bytes[n->code.len_bytes++] = 0xcc;
    }
    uint32_t at = n->code.len_bytes;
    assert_int_equal(target_x86_64.import_thunk(SLOT_AT, &n->code), STATUS_OK);
    return at;
}

static uint32_t append_thunk(struct native *n, status_t (*make)(const struct engine_functype *,
                                                                struct arena *, struct code_buf *))
{
    while (n->code.len_bytes % target_x86_64.code_align != 0) {
        n->code.bytes[n->code.len_bytes++] = 0xcc;
    }
    uint32_t at = n->code.len_bytes;
    assert_int_equal(make(&n->type, n->arena, &n->code), STATUS_OK);
    assert_int_equal((n->code.frame_bytes + 8) % 16, 0);
    return at;
}

static void run_calls(struct native *n, const struct signature *s, enum call_kind kind)
{
    static struct engine_func_record records[2];
    static const uint64_t features[] = {ENGINE_CPU_ALL, 0};
    struct ssa_func caller, callee;
    arena_release(n->arena, 0);
    n->options.cpu_features = features[below(2)];
    n->ra.is_linear = below(2);
    native_code_init(n);
    build_callee(&callee, n->arena, s);
    bool is_direct = kind == CALL_DIRECT || below(2) != 0;
    build_caller(&caller, n->arena, s, is_direct);
    native_type(n, &caller);
    uint32_t callee_at = append_code(n, &callee);
    uint32_t caller_at = append_code(n, &caller);
    assert_int_equal(n->code.n_call_sites, is_direct);
    if (is_direct) {
        uint32_t to = kind == CALL_DIRECT ? callee_at : append_import_thunk(n);
        uint32_t site = n->code.call_sites[0], distance = to - (site + 4), funcidx;
        memcpy(&funcidx, n->code.bytes + site, 4);
        assert_int_equal(funcidx, 1);
        memcpy(n->code.bytes + site, &distance, 4);
    }
    uint32_t entry = append_thunk(n, target_x86_64.entry_thunk);
    uint32_t host = append_thunk(n, target_x86_64.host_thunk);
    uint32_t cross = append_thunk(n, target_x86_64.cross_thunk);
    memcpy(n->executable, n->code.bytes, n->code.len_bytes);

    struct engine_instance *record = (struct engine_instance *)(void *)n->p - 1;
    struct engine_func_slot *slot = (struct engine_func_slot *)(void *)(n->p + SLOT_AT);
    uint8_t *other = n->p + 2048; /* the other instance's P */
    record->func_records = records;
    *slot = (struct engine_func_slot){n->executable + callee_at, 1, 1};
    uint64_t global = 0x1234567890abcdef, other_global = 0xfedcba987654321;
    memcpy(n->p + GLOBAL_AT, &global, 8);
    memcpy(other + GLOBAL_AT, &other_global, 8);
    if (kind == CALL_HOST) {
        host_signature = s;
        slot->code = n->executable + host;
        records[1] = (struct engine_func_record){.code = (const void *)host_function,
                                                 .instance = &host_signature};
    } else if (kind == CALL_CROSS) {
        slot->code = n->executable + cross;
        records[1] =
            (struct engine_func_record){.code = n->executable + callee_at, .instance = other};
        global = other_global;
    }
    union engine_value values[NATIVE_MAX_VALUES + 1] = {0}, args[NATIVE_MAX_VALUES];
    for (uint32_t i = 0; i < s->n_params; i++) {
        uint8_t bytes = s->params[i] == T_V128                           ? 16
                        : s->params[i] == T_I32 || s->params[i] == T_F32 ? 4
                                                                         : 8;
        for (uint8_t k = 0; k < bytes; k++) {
            values[i].v128[k] = (uint8_t)below(256);
        }
        args[i] = values[i];
    }
    memset(&values[NATIVE_MAX_VALUES], 0x5a, 16);
    native_entry_fn *enter = (native_entry_fn *)(void *)(n->executable + entry);
    enter(n->executable + caller_at, n->p, values, NULL);
    for (uint32_t i = 0; i + 1 < s->n_results; i++) {
        uint8_t bytes = s->results[i] == T_V128                            ? 16
                        : s->results[i] == T_I32 || s->results[i] == T_F32 ? 4
                                                                           : 8;
        assert_memory_equal(&values[i], &args[s->from[i]], bytes);
    }
    assert_int_equal(values[s->n_results - 1].i64, global);
}

static void random_calls(void **unused)
{
    (void)unused;
    struct arena arena = test_arena_new(ARENA_BYTES);
    struct native n;
    native_init(&n, &arena);
    for (uint32_t i = 0; i < 4000; i++) {
        struct signature s = make_signature();
        run_calls(&n, &s, (enum call_kind)(i % CALL_KINDS));
    }
    native_free(&n);
    test_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_calls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
