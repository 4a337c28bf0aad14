/*
 * STAND-IN: wasi_snapshot_preview1 as host functions, just enough for programs that compute:
 * arguments, environment, clocks, random numbers, and the three standard streams. Everything else
 * answers ENOSYS, except what wasi-libc asks while it starts. It goes away when the WASI
 * personality comes, and nothing but `tokamak run` may use it.
 */
#define _GNU_SOURCE
#include "tools/wasi_standin.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* WASI's own numbers (wasi_snapshot_preview1, "errno"). */
enum wasi_errno {
    WASI_OK = 0,
    WASI_EBADF = 8,
    WASI_EFAULT = 21,
    WASI_EINVAL = 28,
    WASI_EIO = 29,
    WASI_ENOSYS = 52,
    WASI_EPIPE = 64,
    WASI_ESPIPE = 70,
};

#define WASI_RIGHT_FD_READ UINT64_C(2)
#define WASI_RIGHT_FD_WRITE UINT64_C(64)
#define WASI_FILETYPE_CHARACTER_DEVICE 2
#define NS_PER_SECOND UINT64_C(1000000000)

/* One call: the numbered arguments, the caller's memory. */
struct call {
    struct wasi_standin *wasi;
    struct instance *caller;
    union engine_value *values;
};

typedef enum wasi_errno (*wasi_fn)(struct call *call);

static uint32_t arg(const struct call *call, uint32_t i)
{
    return call->values[i].i32;
}

static bool put(struct call *call, uint32_t to, const void *bytes, size_t len_bytes)
{
    uint8_t *memory = instance_memory(call->caller, to, len_bytes);
    if (memory != NULL) {
        memcpy(memory, bytes, len_bytes);
    }
    return memory != NULL;
}

static bool put_u32(struct call *call, uint32_t to, uint32_t value)
{
    return put(call, to, &value, sizeof value);
}

/* ---- arguments and environment ---- */

static enum wasi_errno texts_sizes(struct call *call, const char *const *texts, uint32_t n)
{
    uint32_t len_bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        len_bytes += (uint32_t)strlen(texts[i]) + 1;
    }
    bool is_put = put_u32(call, arg(call, 0), n) && put_u32(call, arg(call, 1), len_bytes);
    return is_put ? WASI_OK : WASI_EFAULT;
}

static enum wasi_errno texts_get(struct call *call, const char *const *texts, uint32_t n)
{
    uint32_t pointers = arg(call, 0), to = arg(call, 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len_bytes = (uint32_t)strlen(texts[i]) + 1;
        if (!put_u32(call, pointers + 4 * i, to) || !put(call, to, texts[i], len_bytes)) {
            return WASI_EFAULT;
        }
        to += len_bytes;
    }
    return WASI_OK;
}

static enum wasi_errno wasi_args_sizes_get(struct call *call)
{
    return texts_sizes(call, call->wasi->args, call->wasi->n_args);
}

static enum wasi_errno wasi_args_get(struct call *call)
{
    return texts_get(call, call->wasi->args, call->wasi->n_args);
}

static enum wasi_errno wasi_environ_sizes_get(struct call *call)
{
    return texts_sizes(call, call->wasi->env, call->wasi->n_env);
}

static enum wasi_errno wasi_environ_get(struct call *call)
{
    return texts_get(call, call->wasi->env, call->wasi->n_env);
}

/* ---- clocks, random numbers ---- */

static bool clock_find(uint32_t id, clockid_t *out)
{
    static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                    CLOCK_THREAD_CPUTIME_ID};
    if (id < sizeof ids / sizeof ids[0]) {
        *out = ids[id];
    }
    return id < sizeof ids / sizeof ids[0];
}

static enum wasi_errno time_put(struct call *call, uint32_t to, const struct timespec *time)
{
    uint64_t ns = (uint64_t)time->tv_sec * NS_PER_SECOND + (uint64_t)time->tv_nsec;
    return put(call, to, &ns, sizeof ns) ? WASI_OK : WASI_EFAULT;
}

static enum wasi_errno wasi_clock_res_get(struct call *call)
{
    clockid_t id;
    struct timespec time;
    if (!clock_find(arg(call, 0), &id) || clock_getres(id, &time) != 0) {
        return WASI_EINVAL;
    }
    return time_put(call, arg(call, 1), &time);
}

static enum wasi_errno wasi_clock_time_get(struct call *call)
{
    clockid_t id;
    struct timespec time;
    if (!clock_find(arg(call, 0), &id) || clock_gettime(id, &time) != 0) {
        return WASI_EINVAL;
    }
    return time_put(call, arg(call, 2), &time);
}

static enum wasi_errno wasi_random_get(struct call *call)
{
    uint32_t to = arg(call, 0), len_bytes = arg(call, 1);
    uint8_t *memory = instance_memory(call->caller, to, len_bytes);
    if (memory == NULL) {
        return WASI_EFAULT;
    }
    for (uint32_t done = 0; done < len_bytes;) {
        ssize_t got = getrandom(memory + done, len_bytes - done, 0);
        if (got < 0 && errno != EINTR) {
            return WASI_EIO;
        }
        done += got > 0 ? (uint32_t)got : 0;
    }
    return WASI_OK;
}

/* ---- streams ---- */

#define STREAMS 3u
#define IOVS_MAX 16u

/* The guest's list of buffers; more than IOVS_MAX are left for the next call. */
static enum wasi_errno iovs_get(struct call *call, struct iovec *iovs, int *n)
{
    uint32_t at = arg(call, 1), count = arg(call, 2);
    count = count > IOVS_MAX ? IOVS_MAX : count;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *pair = instance_memory(call->caller, (uint64_t)at + UINT64_C(8) * i, 8);
        if (pair == NULL) {
            return WASI_EFAULT;
        }
        uint32_t buf, len_bytes;
        memcpy(&buf, pair, sizeof buf);
        memcpy(&len_bytes, pair + 4, sizeof len_bytes);
        iovs[i].iov_base = instance_memory(call->caller, buf, len_bytes);
        iovs[i].iov_len = len_bytes;
        if (iovs[i].iov_base == NULL) {
            return WASI_EFAULT;
        }
    }
    *n = (int)count;
    return WASI_OK;
}

static enum wasi_errno stream_move(struct call *call,
                                   ssize_t (*move)(int, const struct iovec *, int))
{
    struct iovec iovs[IOVS_MAX];
    int n;
    if (arg(call, 0) >= STREAMS) {
        return WASI_EBADF;
    }
    enum wasi_errno status = iovs_get(call, iovs, &n);
    if (status != WASI_OK) {
        return status;
    }
    ssize_t moved;
    do {
        moved = move((int)arg(call, 0), iovs, n);
    } while (moved < 0 && errno == EINTR);
    if (moved < 0) {
        return errno == EPIPE ? WASI_EPIPE : errno == EBADF ? WASI_EBADF : WASI_EIO;
    }
    return put_u32(call, arg(call, 3), (uint32_t)moved) ? WASI_OK : WASI_EFAULT;
}

static enum wasi_errno wasi_fd_write(struct call *call)
{
    return stream_move(call, writev);
}

static enum wasi_errno wasi_fd_read(struct call *call)
{
    return stream_move(call, readv);
}

static enum wasi_errno wasi_fd_close(struct call *call)
{
    return arg(call, 0) < STREAMS ? WASI_OK : WASI_EBADF;
}

static enum wasi_errno wasi_fd_seek(struct call *call)
{
    return arg(call, 0) < STREAMS ? WASI_ESPIPE : WASI_EBADF;
}

static enum wasi_errno wasi_fd_fdstat_get(struct call *call)
{
    uint32_t fd = arg(call, 0);
    if (fd >= STREAMS) {
        return WASI_EBADF;
    }
    uint8_t stat[24] = {};
    stat[0] = isatty((int)fd) ? WASI_FILETYPE_CHARACTER_DEVICE : 0;
    uint64_t rights = fd == 0 ? WASI_RIGHT_FD_READ : WASI_RIGHT_FD_WRITE;
    memcpy(stat + 8, &rights, sizeof rights);
    return put(call, arg(call, 1), stat, sizeof stat) ? WASI_OK : WASI_EFAULT;
}

/* No folders are given: wasi-libc asks for number 3 on until it hears this. */
static enum wasi_errno wasi_fd_prestat_get(struct call *call)
{
    (void)call;
    return WASI_EBADF;
}

static enum wasi_errno wasi_sched_yield(struct call *call)
{
    (void)call;
    (void)sched_yield();
    return WASI_OK;
}

static enum wasi_errno wasi_enosys(struct call *call)
{
    (void)call;
    return WASI_ENOSYS;
}

/* ---- the table ---- */

static const struct wasi_call {
    const char *name, *signature;
    wasi_fn fn;
} calls[] = {
    {"args_get", "ii_i", wasi_args_get},
    {"args_sizes_get", "ii_i", wasi_args_sizes_get},
    {"environ_get", "ii_i", wasi_environ_get},
    {"environ_sizes_get", "ii_i", wasi_environ_sizes_get},
    {"clock_res_get", "ii_i", wasi_clock_res_get},
    {"clock_time_get", "iIi_i", wasi_clock_time_get},
    {"fd_advise", "iIIi_i", wasi_enosys},
    {"fd_allocate", "iII_i", wasi_enosys},
    {"fd_close", "i_i", wasi_fd_close},
    {"fd_datasync", "i_i", wasi_enosys},
    {"fd_fdstat_get", "ii_i", wasi_fd_fdstat_get},
    {"fd_fdstat_set_flags", "ii_i", wasi_enosys},
    {"fd_fdstat_set_rights", "iII_i", wasi_enosys},
    {"fd_filestat_get", "ii_i", wasi_enosys},
    {"fd_filestat_set_size", "iI_i", wasi_enosys},
    {"fd_filestat_set_times", "iIIi_i", wasi_enosys},
    {"fd_pread", "iiiIi_i", wasi_enosys},
    {"fd_prestat_get", "ii_i", wasi_fd_prestat_get},
    {"fd_prestat_dir_name", "iii_i", wasi_enosys},
    {"fd_pwrite", "iiiIi_i", wasi_enosys},
    {"fd_read", "iiii_i", wasi_fd_read},
    {"fd_readdir", "iiiIi_i", wasi_enosys},
    {"fd_renumber", "ii_i", wasi_enosys},
    {"fd_seek", "iIii_i", wasi_fd_seek},
    {"fd_sync", "i_i", wasi_enosys},
    {"fd_tell", "ii_i", wasi_enosys},
    {"fd_write", "iiii_i", wasi_fd_write},
    {"path_create_directory", "iii_i", wasi_enosys},
    {"path_filestat_get", "iiiii_i", wasi_enosys},
    {"path_filestat_set_times", "iiiiIIi_i", wasi_enosys},
    {"path_link", "iiiiiii_i", wasi_enosys},
    {"path_open", "iiiiiIIii_i", wasi_enosys},
    {"path_readlink", "iiiiii_i", wasi_enosys},
    {"path_remove_directory", "iii_i", wasi_enosys},
    {"path_rename", "iiiiii_i", wasi_enosys},
    {"path_symlink", "iiiii_i", wasi_enosys},
    {"path_unlink_file", "iii_i", wasi_enosys},
    {"poll_oneoff", "iiii_i", wasi_enosys},
    {"proc_raise", "i_i", wasi_enosys},
    {"random_get", "ii_i", wasi_random_get},
    {"sched_yield", "_i", wasi_sched_yield},
    {"sock_accept", "iii_i", wasi_enosys},
    {"sock_recv", "iiiiii_i", wasi_enosys},
    {"sock_send", "iiiii_i", wasi_enosys},
    {"sock_shutdown", "ii_i", wasi_enosys},
};
#define N_CALLS (sizeof calls / sizeof calls[0])

/* What a function's context points at: which call, of which stand-in. */
struct wasi_binding {
    struct wasi_standin *wasi;
    const struct wasi_call *call;
};

static status_t wasi_call(void *ctx, struct instance *caller, union engine_value *values)
{
    const struct wasi_binding *binding = ctx;
    struct call call = {binding->wasi, caller, values};
    enum wasi_errno status = binding->call->fn(&call);
    values[0] = (union engine_value){.i64 = status};
    return STATUS_OK;
}

static status_t wasi_proc_exit(void *ctx, struct instance *caller, union engine_value *values)
{
    (void)ctx;
    return instance_exit(caller, (int32_t)values[0].i32);
}

status_t wasi_standin_provide(struct process *process, struct wasi_standin *wasi)
{
    static struct wasi_binding bindings[N_CALLS]; /* one stand-in a run */
    static const char module[] = "wasi_snapshot_preview1";
    for (size_t i = 0; i < N_CALLS; i++) {
        bindings[i] = (struct wasi_binding){wasi, &calls[i]};
        status_t status = process_provide_func(process, &(struct provided_func){
                                                            .module = module,
                                                            .name = calls[i].name,
                                                            .signature = calls[i].signature,
                                                            .host = wasi_call,
                                                            .ctx = &bindings[i],
                                                        });
        if (status != STATUS_OK) {
            return status;
        }
    }
    return process_provide_func(process, &(struct provided_func){
                                             .module = module,
                                             .name = "proc_exit",
                                             .signature = "i_",
                                             .host = wasi_proc_exit,
                                         });
}
