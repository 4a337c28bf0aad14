/*
 * Address space from Linux. Reservations are private anonymous mappings without accounting: Linux
 * fills pages when they are touched, and making 4 GiB writable costs one mprotect (MECHANISMS 12).
 * System calls are made directly: sanitizers would track each of these mappings.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/linux/host.h"

status_t host_reserve(size_t len_bytes, uint8_t **out)
{
    long got = syscall(SYS_mmap, NULL, len_bytes, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
    if (got == -1) {
        return ERR_NO_MEMORY;
    }
    *out = (uint8_t *)got; // NOLINT(performance-no-int-to-ptr)
    return STATUS_OK;
}

void host_release(void *start, size_t len_bytes)
{
    (void)syscall(SYS_munmap, start, len_bytes);
}

status_t host_protect(void *start, size_t len_bytes, enum host_access access)
{
    static const int prot[] = {
        [HOST_NONE] = PROT_NONE,
        [HOST_READ] = PROT_READ,
        [HOST_READ_WRITE] = PROT_READ | PROT_WRITE,
        [HOST_READ_EXECUTE] = PROT_READ | PROT_EXEC,
    };
    return syscall(SYS_mprotect, start, len_bytes, prot[access]) == 0 ? STATUS_OK : ERR_NO_MEMORY;
}

void host_discard(void *start, size_t len_bytes)
{
    (void)syscall(SYS_madvise, start, len_bytes, MADV_DONTNEED);
}
