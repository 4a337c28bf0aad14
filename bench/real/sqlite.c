/*
 * SQLite's own speed test (test/speedtest1.c of its source) on a database in memory.
 *
 * The test is included, not copied: its main becomes a function that we call once a round, what it
 * prints (times) is dropped, and the hash of all query results is the checksum. SQLite is built
 * without an operating system (SQLITE_OS_OTHER), so that the native and the wasm build run the same
 * code and need no files; what remains of one is a clock and a refusal to open anything.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "sqlite3.h"

static int print_nothing(const char *format, ...)
{
    (void)format;
    return 0;
}

/*
 * The test is driven by arguments that name no files: without these it asks for no file calls
 * either.
 */
#define main speedtest_main
#define printf print_nothing
#define unlink(name) ((void)(name))
#define fopen(name, mode) NULL
#include "speedtest1.c"
#undef main
#undef printf

static int file_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *out_flags)
{
    (void)vfs, (void)name, (void)flags, (void)out_flags;
    file->pMethods = NULL;
    return SQLITE_CANTOPEN;
}

static int file_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs, (void)name, (void)sync_dir;
    return SQLITE_OK;
}

static int file_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs, (void)name, (void)flags;
    *out = 0;
    return SQLITE_OK;
}

static int path_full(sqlite3_vfs *vfs, const char *name, int room, char *out)
{
    (void)vfs;
    sqlite3_snprintf(room, out, "%s", name);
    return SQLITE_OK;
}

static int random_bytes(sqlite3_vfs *vfs, int count, char *out)
{
    (void)vfs;
    memset(out, 1, (size_t)count);
    return count;
}

static int time_now(sqlite3_vfs *vfs, sqlite3_int64 *out_ms)
{
    (void)vfs;
    *out_ms = (sqlite3_int64)(bench_now_ns() / 1000000);
    return SQLITE_OK;
}

static sqlite3_vfs vfs_none = {
    .iVersion = 2,
    .szOsFile = sizeof(sqlite3_file),
    .mxPathname = 64,
    .zName = "none",
    .xOpen = file_open,
    .xDelete = file_delete,
    .xAccess = file_access,
    .xFullPathname = path_full,
    .xRandomness = random_bytes,
    .xCurrentTimeInt64 = time_now,
};

int sqlite3_os_init(void)
{
    return sqlite3_vfs_register(&vfs_none, 1);
}

int sqlite3_os_end(void)
{
    return SQLITE_OK;
}

static uint64_t sqlite_run(uint32_t size)
{
    char size_text[12];
    snprintf(size_text, sizeof size_text, "%u", size);
    char *argv[] = {"speedtest1", "--memdb", "--verify", "--size", size_text, NULL};
    speedtest_main(5, argv);
    uint64_t sum = g.nResByte;
    for (int i = 0; i < 24; i++)
        sum = bench_mix(sum, g.hash.r[i]);
    return sum;
}

int main(void)
{
    return bench_run(sqlite_run, 2);
}
