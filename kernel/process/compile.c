/*
 * Driving the compiler. Workers take batch numbers from a counter and compile each into an arena
 * of their own. Results must be appended in ascending order, so that the image doesn't depend on
 * who was faster. A worker whose batch isn't due yet keeps a copy of the result and goes on with
 * other batches, until it holds more than KEEP_BYTES; then it waits.
 *
 * One word, `turn`, says which batch is next. Only the worker that holds that batch writes the
 * image, and only it moves the word on: so nothing here needs a lock.
 */
#include "kernel/process/compile.h"

#include <assert.h>
#include <string.h>

#include "kernel/mem/pool.h"

#define SIDE_BYTES ((size_t)8 << 30)
#define WORK_BYTES ((size_t)8 << 30)
#define KEPT_BYTES ((size_t)1 << 30)
#define KEEP_BYTES ((size_t)2 << 20)   /* finished batches that a worker holds back */
#define RETAIN_BYTES ((size_t)8 << 20) /* of its arena, from one batch to the next */
#define QUEUE_MAX 32u
#define TURN_NEVER UINT32_MAX
/* Below that much code, starting threads costs more than they bring. */
#define THREAD_MIN_BYTES (64u << 10)

status_t compile_space_get(struct cpu *cpu, struct compile_space **out)
{
    if (cpu->compile_space == NULL) {
        struct compile_space *space = POOL_NEW(&cpu->heap, struct compile_space);
        if (space == NULL) {
            return ERR_NO_MEMORY;
        }
        status_t status = pool_new(&space->side, SIDE_BYTES);
        if (status != STATUS_OK) {
            return status;
        }
        cpu->compile_space = space;
    }
    *out = cpu->compile_space;
    return STATUS_OK;
}

uint64_t compile_space_reset(struct compile_space *space)
{
    uint64_t used_bytes = space->side.peak_bytes;
    pool_reset(&space->side, RETAIN_BYTES);
    for (uint32_t i = 0; i < COMPILE_THREADS_MAX; i++) {
        used_bytes += space->workers[i].used_bytes;
        space->workers[i].used_bytes = 0;
    }
    return used_bytes;
}

void compile_space_free(struct cpu *cpu)
{
    struct compile_space *space = cpu->compile_space;
    if (space == NULL) {
        return;
    }
    pool_free(&space->side);
    for (uint32_t i = 0; i < COMPILE_THREADS_MAX; i++) {
        pool_free(&space->workers[i].work);
        pool_free(&space->workers[i].scratch);
        pool_free(&space->workers[i].kept);
    }
    cpu->compile_space = NULL;
}

struct compile_job {
    struct engine_compile *compile;
    struct compile_space *space;
    uint32_t n_workers;
    uint32_t next;   /* batch to be compiled; atomic */
    uint32_t turn;   /* batch to be appended; atomic */
    uint32_t failed; /* the first batch that failed, or UINT32_MAX; atomic, only falls */
    struct engine_error errors[COMPILE_THREADS_MAX]; /* a worker's first own error... */
    uint32_t error_batches[COMPILE_THREADS_MAX];     /* ...and where; UINT32_MAX: none */
};

struct worker {
    struct compile_job *job;
    struct compile_worker *space;
    uint32_t number;
    struct engine_batch queue[QUEUE_MAX]; /* finished, ascending; their parts in space->kept */
    uint32_t first, n;
};

static uint32_t word_get(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void turn_pass(struct compile_job *job, uint32_t turn)
{
    __atomic_store_n(&job->turn, turn, __ATOMIC_RELEASE);
    if (job->n_workers > 1) {
        arch_word_wake(&job->turn);
    }
}

/* Batches behind a failed one needn't be compiled; those before it must: the error that counts is
 * the first in the module. */
static void job_fail(struct worker *worker, uint32_t batch)
{
    struct compile_job *job = worker->job;
    job->error_batches[worker->number] = batch;
    uint32_t seen = word_get(&job->failed);
    while (batch < seen && !__atomic_compare_exchange_n(&job->failed, &seen, batch, false,
                                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
    turn_pass(job, TURN_NEVER); /* nobody waits for a turn that won't come */
}

static void batch_append(struct worker *worker, const struct engine_batch *batch)
{
    struct compile_job *job = worker->job;
    status_t status = engine_compile_append(job->compile, batch, &job->errors[worker->number]);
    if (status != STATUS_OK) {
        job_fail(worker, batch->index);
    } else {
        turn_pass(job, batch->index + 1);
    }
}

static bool job_has_failed(const struct compile_job *job)
{
    return word_get(&job->failed) != UINT32_MAX;
}

/* Appends what is due. is_waiting: and waits until something is. */
static void queue_flush(struct worker *worker, bool is_waiting)
{
    struct compile_job *job = worker->job;
    while (worker->n != 0) {
        uint32_t turn = word_get(&job->turn);
        if (job_has_failed(job)) {
            worker->n = 0; /* there will be no image */
        } else if (turn == worker->queue[worker->first % QUEUE_MAX].index) {
            batch_append(worker, &worker->queue[worker->first % QUEUE_MAX]);
            worker->first++;
            worker->n--;
            is_waiting = false;
        } else if (is_waiting) {
            arch_word_wait(&job->turn, turn);
        } else {
            return;
        }
    }
    pool_reset(&worker->space->kept, KEEP_BYTES);
}

static void *part_keep(struct arena *kept, const void *bytes, size_t len_bytes)
{
    void *copy = arena_alloc(kept, len_bytes);
    if (copy != NULL && len_bytes != 0) {
        memcpy(copy, bytes, len_bytes);
    }
    return copy;
}

/* Copies a finished batch to the end of the queue; false: no memory for it. */
static bool queue_push(struct worker *worker, const struct engine_batch *batch)
{
    struct arena *kept = &worker->space->kept;
    struct engine_batch *copy = &worker->queue[(worker->first + worker->n) % QUEUE_MAX];
    *copy = *batch;
    copy->code = part_keep(kept, batch->code, batch->len_bytes);
    copy->funcs = part_keep(kept, batch->funcs, batch->n_funcs * sizeof *batch->funcs);
    copy->call_sites =
        part_keep(kept, batch->call_sites, batch->n_call_sites * sizeof *batch->call_sites);
    copy->positions = part_keep(kept, batch->positions, batch->n_positions);
    worker->n++;
    return copy->code != NULL && copy->funcs != NULL && copy->call_sites != NULL &&
           copy->positions != NULL;
}

/* A finished batch: appended at once if it is its turn, else kept for later. */
static void batch_done(struct worker *worker, const struct engine_batch *batch)
{
    struct compile_job *job = worker->job;
    queue_flush(worker, false);
    if (word_get(&job->turn) == batch->index) {
        assert(worker->n == 0);
        batch_append(worker, batch);
        return;
    }
    if (!queue_push(worker, batch)) {
        job->errors[worker->number] =
            (struct engine_error){.status = ERR_NO_MEMORY, .funcidx = UINT32_MAX};
        job_fail(worker, batch->index);
        return;
    }
    while (worker->n == QUEUE_MAX ||
           (worker->n != 0 && worker->space->kept.used_bytes > KEEP_BYTES)) {
        queue_flush(worker, true);
    }
}

/* Empties the arenas; after a giant function most of its pages go back. used: what the last batch
 * touched, since its results and its functions lie far apart. */
static void work_reset(struct worker *worker, const struct engine_batch *batch)
{
    struct arena *work = &worker->space->work, *scratch = &worker->space->scratch;
    size_t used_bytes = batch->len_bytes + batch->n_positions +
                        batch->n_call_sites * sizeof *batch->call_sites +
                        (work->peak_bytes - work->used_bytes) + scratch->peak_bytes;
    if (used_bytes > worker->space->used_bytes) {
        worker->space->used_bytes = used_bytes;
    }
    pool_reset(work, work->used_bytes + RETAIN_BYTES);
    pool_reset(scratch, RETAIN_BYTES);
}

static void worker_run(struct worker *worker)
{
    struct compile_job *job = worker->job;
    for (;;) {
        uint32_t number = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
        if (number >= job->compile->n_batches || number > word_get(&job->failed)) {
            break;
        }
        struct engine_batch batch;
        status_t status =
            engine_compile_batch(job->compile, number, &worker->space->work,
                                 &worker->space->scratch, &batch, &job->errors[worker->number]);
        if (status == STATUS_OK) {
            batch_done(worker, &batch);
        } else {
            job_fail(worker, number);
        }
        work_reset(worker, &batch);
        if (status != STATUS_OK) {
            break; /* its later batches would be behind this one */
        }
    }
    while (worker->n != 0) {
        queue_flush(worker, true);
    }
}

static void compile_work(void *ctx, uint32_t i)
{
    struct compile_job *job = ctx;
    struct worker worker = {.job = job, .space = &job->space->workers[i], .number = i};
    worker_run(&worker);
}

static uint32_t threads_for(const struct engine_compile *compile, uint32_t wanted)
{
    const struct engine_module *module = compile->module;
    uint64_t code_bytes = 0;
    for (uint32_t i = module->n_func_imports; i < module->n_funcs; i++) {
        code_bytes += module->funcs[i].body_len_bytes;
    }
    uint32_t n = wanted == 0 ? arch_cpu_count() : wanted;
    n = wanted == 0 && code_bytes < THREAD_MIN_BYTES ? 1 : n;
    n = n > compile->n_batches ? compile->n_batches : n;
    n = n > COMPILE_THREADS_MAX ? COMPILE_THREADS_MAX : n;
    return n == 0 ? 1 : n;
}

static status_t job_result(const struct compile_job *job, uint32_t n, struct engine_error *error)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < n; i++) {
        first = job->error_batches[i] < job->error_batches[first] ? i : first;
    }
    if (job->error_batches[first] == UINT32_MAX) {
        return STATUS_OK;
    }
    *error = job->errors[first];
    return error->status;
}

static bool worker_space_get(struct compile_worker *space)
{
    if (space->work.base == NULL && pool_new(&space->work, WORK_BYTES) != STATUS_OK) {
        return false;
    }
    if (space->scratch.base == NULL && pool_new(&space->scratch, WORK_BYTES) != STATUS_OK) {
        return false;
    }
    return space->kept.base != NULL || pool_new(&space->kept, KEPT_BYTES) == STATUS_OK;
}

status_t compile_run(struct engine_compile *compile, struct compile_space *space,
                     uint32_t n_threads, uint32_t *n_threads_used, struct engine_error *error)
{
    uint32_t n = threads_for(compile, n_threads);
    *n_threads_used = n;
    for (uint32_t i = 0; i < n; i++) {
        if (!worker_space_get(&space->workers[i])) {
            *error = (struct engine_error){.status = ERR_NO_MEMORY, .funcidx = UINT32_MAX};
            return ERR_NO_MEMORY;
        }
    }
    struct compile_job *job = POOL_NEW(&space->side, struct compile_job);
    if (job == NULL) {
        *error = (struct engine_error){.status = ERR_NO_MEMORY, .funcidx = UINT32_MAX};
        return ERR_NO_MEMORY;
    }
    job->compile = compile;
    job->space = space;
    job->n_workers = n;
    job->failed = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        job->error_batches[i] = UINT32_MAX;
    }
    if (n == 1) {
        compile_work(job, 0);
    } else {
        arch_parallel(n, compile_work, job);
    }
    return job_result(job, n, error);
}
