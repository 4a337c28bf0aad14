/*
 * The allocator under random programs: what runs before allocation must run the same after it,
 * and the checker must agree.
 */
#include "engine/ra/test_random.h"

#define ARENA_BYTES (64u << 20)
#define N_WAYS 3u
#define N_BLOCKS_MAX 400u

static struct arena arena_new(void)
{
    struct arena arena;
    void *base = aligned_alloc(4096, ARENA_BYTES);
    assert_non_null(base);
    arena_init(&arena, base, ARENA_BYTES);
    return arena;
}

static void complain(const char *what, uint64_t seed, const struct mir_func *mf,
                     const struct ra_machine *machine)
{
    print_program(mf, machine);
    fail_msg("seed %llu: %s", (unsigned long long)seed, what);
}

static void try_program(uint64_t seed, struct arena *arena, const struct ra_machine *machine,
                        const struct ra_options *options)
{
    struct mir_func mf;
    uint64_t before[N_WAYS];
    arena->used_bytes = 0;
    random_program(seed, arena, &mf);
    for (uint32_t way = 0; way < N_WAYS; way++) {
        before[way] = run_program(&mf, machine, false, mix(seed, way), N_BLOCKS_MAX);
    }
    status_t status = ra_allocate(&mf, machine, options);
    if (status != STATUS_OK) {
        complain(status_text(status), seed, &mf, machine);
    }
    uint32_t inst;
    const char *error = ra_check(&mf, machine, &inst);
    if (error != NULL) {
        print_message("instruction %u\n", inst);
        complain(error, seed, &mf, machine);
    }
    for (uint32_t way = 0; way < N_WAYS; way++) {
        if (run_program(&mf, machine, true, mix(seed, way), N_BLOCKS_MAX) != before[way]) {
            complain("runs differently", seed, &mf, machine);
        }
    }
}

static void try_many(uint32_t n, bool is_linear, bool is_shuffled)
{
    struct arena arena = arena_new();
    struct ra_machine machines[] = {test_machine_small(), test_machine_large()};
    const char *from = getenv("RA_SEED");
    uint64_t first = from != NULL ? strtoull(from, NULL, 10) : 1;
    const char *count = getenv("RA_COUNT");
    n = count != NULL ? (uint32_t)strtoul(count, NULL, 10) : from != NULL ? 1 : n;
    for (uint64_t seed = first; seed < first + n; seed++) {
        for (uint32_t m = 0; m < 2; m++) {
            struct ra_options options = {.is_linear = is_linear,
                                         .shuffle_seed = is_shuffled ? seed * 2 + m + 1 : 0};
            try_program(seed, &arena, &machines[m], &options);
        }
    }
    free(arena.base);
}

static void test_linear(void **state)
{
    (void)state;
    try_many(2000, true, false);
}

static void test_random(void **state)
{
    (void)state;
    try_many(6000, false, false);
}

static void test_shuffled(void **state)
{
    (void)state;
    try_many(6000, false, true);
}

/* With any amount of memory there is an answer. */
static void test_no_memory(void **state)
{
    (void)state;
    struct arena arena = arena_new();
    struct ra_machine machine = test_machine_small();
    for (uint64_t seed = 1; seed <= 20; seed++) {
        status_t status = ERR_NO_MEMORY;
        for (size_t room = 0; status != STATUS_OK; room += 97 + room / 16) {
            struct mir_func mf;
            arena = (struct arena){.base = arena.base, .cap_bytes = ARENA_BYTES};
            random_program(seed, &arena, &mf);
            arena.cap_bytes = arena.used_bytes + room;
            status = ra_allocate(&mf, &machine, &(struct ra_options){.is_linear = seed % 2 == 0});
            assert_true(status == STATUS_OK || status == ERR_NO_MEMORY);
        }
    }
    free(arena.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_shuffled),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
