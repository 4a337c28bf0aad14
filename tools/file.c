/*
 * Files: mapped whole for reading, written at once or not at all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool.h"

static bool file_refused(const char *path, int fd, const char *why)
{
    message_error("%s: %s", path, why);
    if (fd >= 0) {
        close(fd);
    }
    return false;
}

/* What can't be mapped (a pipe, say) is read. */
static bool file_read(struct file *file, int fd)
{
    size_t cap = 1 << 16, len = 0;
    uint8_t *bytes = malloc(cap);
    while (bytes != NULL) {
        ssize_t got = read(fd, bytes + len, cap - len);
        if (got < 0 && errno != EINTR) {
            free(bytes);
            return false;
        }
        if (got == 0) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
        if (len == cap) {
            cap *= 2;
            uint8_t *more = realloc(bytes, cap);
            if (more == NULL) {
                free(bytes);
            }
            bytes = more;
        }
    }
    file->bytes = bytes;
    file->len_bytes = len;
    return bytes != NULL;
}

bool file_open(struct file *file, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return file_refused(path, fd, strerror(errno));
    }
    struct stat stat;
    if (fstat(fd, &stat) != 0) {
        return file_refused(path, fd, strerror(errno));
    }
    if (S_ISDIR(stat.st_mode)) {
        return file_refused(path, fd, "is a directory");
    }
    *file = (struct file){};
    if (S_ISREG(stat.st_mode) && stat.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
            return file_refused(path, fd, strerror(errno));
        }
        file->bytes = bytes;
        file->len_bytes = (size_t)stat.st_size;
        file->is_mapped = true;
    } else if (!file_read(file, fd)) {
        return file_refused(path, fd, strerror(errno));
    }
    close(fd);
    return true;
}

void file_close(struct file *file)
{
    void *bytes = (void *)(uintptr_t)file->bytes; // NOLINT(performance-no-int-to-ptr)
    if (file->is_mapped) {
        munmap(bytes, file->len_bytes);
    } else {
        free(bytes);
    }
    *file = (struct file){};
}

static bool bytes_write(int fd, const uint8_t *bytes, size_t len_bytes)
{
    while (len_bytes > 0) {
        ssize_t put = write(fd, bytes, len_bytes);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        if (put > 0) {
            bytes += put;
            len_bytes -= (size_t)put;
        }
    }
    return true;
}

bool file_write(const char *path, const void *bytes, size_t len_bytes)
{
    char *aside;
    if (asprintf(&aside, "%s.%ld.tmp", path, (long)getpid()) < 0) {
        message_error("%s: %s", path, strerror(errno));
        return false;
    }
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool is_written = fd >= 0 && bytes_write(fd, bytes, len_bytes);
    if (fd >= 0 && close(fd) != 0) {
        is_written = false;
    }
    is_written = is_written && rename(aside, path) == 0;
    if (!is_written) {
        message_error("%s: %s", path, strerror(errno));
        if (fd >= 0) {
            unlink(aside);
        }
    }
    free(aside);
    return is_written;
}

enum file_kind file_kind(const struct file *file)
{
    static const uint8_t module_magic[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    if (file->len_bytes < sizeof module_magic) {
        return FILE_UNKNOWN;
    }
    if (memcmp(file->bytes, ENGINE_IMAGE_MAGIC, sizeof ENGINE_IMAGE_MAGIC - 1) == 0) {
        return FILE_IMAGE;
    }
    if (memcmp(file->bytes, module_magic, 4) != 0) {
        return FILE_UNKNOWN;
    }
    /* the version field of a component is a 16-bit version and a 16-bit layer, 1 */
    return file->bytes[6] == 1 && file->bytes[7] == 0 ? FILE_COMPONENT : FILE_MODULE;
}
