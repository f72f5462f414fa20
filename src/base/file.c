/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700 /* realpath */
#define _FILE_OFFSET_BITS 64

/* POSIX files.  Everything that can fail with EINTR is retried. */
#include "base/file.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/pages.h"
#include "base/rng.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)256 << 10)
#define CALL_BYTES ((size_t)1 << 30) /* some systems refuse more than INT_MAX at once */

static bool fail_path(nomul_error *err, const char *path, int number)
{
    nm_fail_errno(err, NOMUL_E_IO, number);
    return nm_fail_in(err, "%s", path);
}

static bool check_regular(const char *path, const struct stat *status, nomul_error *err)
{
    if (S_ISREG(status->st_mode)) return true;
    if (S_ISDIR(status->st_mode)) return nm_fail(err, NOMUL_E_IO, "%s: is a directory", path);
    return nm_fail(err, NOMUL_E_IO, "%s: is not a regular file", path);
}

bool nm_file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static bool is_one_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool nm_file_same(const char *path, const char *other)
{
    struct stat a, b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && is_one_file(&a, &b);
}

/* ---- Reading --------------------------------------------------------------------------------- */

bool nm_file_open(nm_file *file, const char *path, nomul_error *err)
{
    struct stat status;

    *file = NM_FILE_CLOSED;
    /* O_NONBLOCK: opening a pipe must not block; it is refused below. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return fail_path(err, path, errno);
    bool ok =
        fstat(fd, &status) == 0 ? check_regular(path, &status, err) : fail_path(err, path, errno);
    if (!ok) {
        close(fd);
        return false;
    }
    file->fd = fd;
    file->size = (uint64_t)status.st_size;
    return true;
}

bool nm_file_read(const nm_file *file, uint64_t offset, void *to, size_t n_bytes, nomul_error *err)
{
    uint8_t *at = to;

    if (offset > INT64_MAX - CALL_BYTES || n_bytes > INT64_MAX - CALL_BYTES - offset)
        return nm_fail_errno(err, NOMUL_E_IO, EOVERFLOW);
    while (n_bytes) {
        size_t  part = n_bytes < CALL_BYTES ? n_bytes : CALL_BYTES;
        ssize_t n = pread(file->fd, at, part, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return nm_fail_errno(err, NOMUL_E_IO, errno);
        if (n == 0)
            return nm_fail(err, NOMUL_E_IO,
                           "ends after %" PRIu64 " bytes, where %zu more were to be read", offset,
                           n_bytes);
        at += n, n_bytes -= (size_t)n, offset += (uint64_t)n;
    }
    return true;
}

bool nm_file_is(const nm_file *file, const char *path)
{
    struct stat ours, named;

    return fstat(file->fd, &ours) == 0 && stat(path, &named) == 0 && is_one_file(&ours, &named);
}

void nm_file_close(nm_file *file)
{
    if (file->fd >= 0) close(file->fd);
    *file = NM_FILE_CLOSED;
}

bool nm_filemap_open(nm_filemap *map, const char *path, bool in_memory, nomul_error *err)
{
    nm_file file;
    bool    ok = true;

    *map = (nm_filemap){0};
    if (!nm_file_open(&file, path, err)) return false;
    map->size = (size_t)file.size;
    if (file.size > PTRDIFF_MAX) {
        ok = nm_fail(err, NOMUL_E_MEMORY, "%" PRIu64 " bytes do not fit the address space",
                     file.size);
    } else if (file.size == 0) { /* cannot be mapped */
        map->data = (const uint8_t *)"";
    } else if (in_memory) {
        map->data = map->read = nm_alloc(map->size);
        if (map->read) nm_pages_large(map->read, map->size);
        ok = map->read ? nm_file_read(&file, 0, map->read, map->size, err)
                       : nm_fail_memory(err, map->size);
    } else {
        void *mapped = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE, file.fd, 0);
        ok = mapped != MAP_FAILED || nm_fail_errno(err, NOMUL_E_IO, errno);
        if (ok) map->data = map->mapped = mapped;
        if (ok) nm_pages_large(mapped, map->size);
    }
    nm_file_close(&file);
    if (ok) return true;
    nm_filemap_close(map);
    return nm_fail_in(err, "%s", path);
}

void nm_filemap_close(nm_filemap *map)
{
    if (map->mapped) munmap(map->mapped, map->size);
    nm_free(map->read);
    *map = (nm_filemap){0};
}

/* ---- Writing --------------------------------------------------------------------------------- */

/*
 * The real path of a file to be written, real[PATH_MAX], and its mode if it exists, else 0.  A
 * dangling symbolic link is refused: the new file would replace the link.
 */
static bool find_target(const char *path, char *real, mode_t *mode, nomul_error *err)
{
    struct stat status;

    *mode = 0;
    if (stat(path, &status) == 0) {
        *mode = status.st_mode; /* never 0: it includes the file type */
        if (!check_regular(path, &status, err)) return false;
        return realpath(path, real) ? true : fail_path(err, path, errno);
    }
    if (errno != ENOENT || *path == '\0') return fail_path(err, path, errno);
    if (lstat(path, &status) == 0)
        return nm_fail(err, NOMUL_E_IO, "%s: is a symbolic link to nothing", path);

    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char        folder[PATH_MAX] = ".";
    size_t      n_folder = (size_t)(name - path), n_name = strlen(name);
    if (n_name == 0) return nm_fail(err, NOMUL_E_IO, "%s: is a directory", path);
    if (n_folder >= sizeof folder) return fail_path(err, path, ENAMETOOLONG);
    if (n_folder) memcpy(folder, path, n_folder), folder[n_folder] = '\0';
    if (!realpath(folder, real)) return fail_path(err, path, errno);
    size_t n_real = strlen(real);
    if (n_real + 1 + n_name >= PATH_MAX) return fail_path(err, path, ENAMETOOLONG);
    if (real[n_real - 1] != '/') real[n_real++] = '/'; /* only the root ends with one */
    memcpy(real + n_real, name, n_name + 1);
    return true;
}

/*
 * Creates the temporary file.  Not with mkstemp, whose files are private: their mode could be set
 * right only by reading the umask, which means setting it, for all threads.  O_EXCL makes sure that
 * the file is ours; the name need not be hard to guess.
 */
static bool create_temporary(nm_outfile *out, mode_t mode, nomul_error *err)
{
    static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct timespec   now = {0};
    struct stat       status;
    nm_rng            rng;
    char             *letters = out->temporary + strlen(out->temporary) - 6;
    mode_t            wanted = mode ? mode & 0777 : 0666;

    clock_gettime(CLOCK_REALTIME, &now);
    nm_rng_init(&rng, (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 9);
    for (int tries = 0; tries < 100; tries++) {
        for (int i = 0; i < 6; i++) letters[i] = all[nm_rng_below(&rng, sizeof all - 1)];
        out->fd = open(out->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, wanted);
        if (out->fd >= 0 || (errno != EEXIST && errno != EINTR)) break;
    }
    if (out->fd < 0) {
        out->temporary = NULL; /* not ours to remove */
        return fail_path(err, out->shown, errno);
    }
    /* A file that is replaced keeps its mode. */
    if (mode && fstat(out->fd, &status) == 0 && (status.st_mode & 0777) != wanted)
        if (fchmod(out->fd, wanted) != 0) return fail_path(err, out->shown, errno);
    return true;
}

/* One block: buffer | path as spelled | real path | folder/.name.nomul-XXXXXX */
static bool back_outfile(nm_outfile *out, const char *path, const char *real, nomul_error *err)
{
    static const char ending[] = ".nomul-XXXXXX";
    const char       *name = strrchr(real, '/') + 1;
    size_t            n_path = strlen(path) + 1, n_real = strlen(real) + 1;
    size_t            n_folder = (size_t)(name - real), n_name = strlen(name);
    size_t            n_bytes = BUFFER_BYTES + n_path + 2 * n_real + 1 + sizeof ending;

    if (n_name > 200) n_name = 200; /* names are limited to 255 bytes */
    out->buffer = nm_alloc(n_bytes);
    if (!out->buffer) return nm_fail_memory(err, n_bytes);
    out->shown = (char *)out->buffer + BUFFER_BYTES;
    out->path = out->shown + n_path;
    out->temporary = out->path + n_real;
    memcpy(out->shown, path, n_path);
    memcpy(out->path, real, n_real);
    memcpy(out->temporary, real, n_folder);
    out->temporary[n_folder] = '.';
    memcpy(out->temporary + n_folder + 1, name, n_name);
    memcpy(out->temporary + n_folder + 1 + n_name, ending, sizeof ending);
    return true;
}

bool nm_outfile_open(nm_outfile *out, const char *path, nomul_error *err)
{
    char   real[PATH_MAX];
    mode_t mode;

    *out = (nm_outfile){.fd = -1};
    if (!find_target(path, real, &mode, err)) return false;
    if (!back_outfile(out, path, real, err)) return nm_fail_in(err, "%s", path);
    if (create_temporary(out, mode, err)) return true;
    nm_outfile_abort(out);
    return false;
}

bool nm_outfile_try(const char *path, nomul_error *err)
{
    nm_outfile out;
    bool       ok = nm_outfile_open(&out, path, err);

    nm_outfile_abort(&out);
    return ok;
}

static bool write_at(nm_outfile *out, uint64_t offset, const void *data, size_t n_bytes,
                     nomul_error *err)
{
    const uint8_t *from = data;

    if (offset > INT64_MAX - CALL_BYTES || n_bytes > INT64_MAX - CALL_BYTES - offset)
        return fail_path(err, out->shown, EFBIG);
    while (n_bytes) {
        size_t  part = n_bytes < CALL_BYTES ? n_bytes : CALL_BYTES;
        ssize_t n = pwrite(out->fd, from, part, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail_path(err, out->shown, n < 0 ? errno : ENOSPC);
        from += n, n_bytes -= (size_t)n, offset += (uint64_t)n;
    }
    return true;
}

static bool flush(nm_outfile *out, nomul_error *err)
{
    if (!write_at(out, out->at - out->n_buffered, out->buffer, out->n_buffered, err)) return false;
    out->n_buffered = 0;
    return true;
}

/* Room for 1 to *n_bytes bytes in the buffer, already counted as appended: the caller fills it. */
static uint8_t *append(nm_outfile *out, size_t *n_bytes, nomul_error *err)
{
    if (out->n_buffered == BUFFER_BYTES && !flush(out, err)) return NULL;
    size_t   room = BUFFER_BYTES - out->n_buffered;
    uint8_t *to = out->buffer + out->n_buffered;
    if (*n_bytes > room) *n_bytes = room;
    out->n_buffered += *n_bytes;
    out->at += *n_bytes;
    return to;
}

bool nm_outfile_write(nm_outfile *out, const void *data, size_t n_bytes, nomul_error *err)
{
    for (const uint8_t *from = data; n_bytes;) {
        size_t   part = n_bytes;
        uint8_t *to = append(out, &part, err);
        if (!to) return false;
        memcpy(to, from, part);
        from += part, n_bytes -= part;
    }
    return true;
}

bool nm_outfile_zeros(nm_outfile *out, size_t n_bytes, nomul_error *err)
{
    while (n_bytes) {
        size_t   part = n_bytes;
        uint8_t *to = append(out, &part, err);
        if (!to) return false;
        memset(to, 0, part);
        n_bytes -= part;
    }
    return true;
}

bool nm_outfile_rewrite(nm_outfile *out, uint64_t offset, const void *data, size_t n_bytes,
                        nomul_error *err)
{
    if (offset > out->at || n_bytes > out->at - offset)
        return nm_fail(err, NOMUL_E_ARG,
                       "%s: %zu bytes to rewrite at %" PRIu64 ", only %" PRIu64 " are written",
                       out->shown, n_bytes, offset, out->at);
    return flush(out, err) && write_at(out, offset, data, n_bytes, err);
}

/* 0, or errno.  File systems that cannot sync return EINVAL, which is not an error here. */
static int sync_fd(int fd)
{
    int result;
    do result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL ? 0 : errno;
}

/*
 * Makes the rename survive a power failure.  The file is complete and in place by now: if this
 * fails, there is nothing that the caller could do.
 */
static void sync_folder(char *path)
{
    char *slash = strrchr(path, '/');

    slash[slash == path] = '\0'; /* the folder of "/name" is "/" */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    sync_fd(fd);
    close(fd);
}

bool nm_outfile_commit(nm_outfile *out, nomul_error *err)
{
    bool ok = flush(out, err);

    int number = ok ? sync_fd(out->fd) : 0;
    if (close(out->fd) != 0 && number == 0 && errno != EINTR) number = errno;
    out->fd = -1;
    if (ok && number == 0 && rename(out->temporary, out->path) != 0) number = errno;
    if (ok && number) ok = fail_path(err, out->shown, number);
    if (ok) {
        out->temporary = NULL;
        sync_folder(out->path);
    }
    nm_outfile_abort(out);
    return ok;
}

void nm_outfile_abort(nm_outfile *out)
{
    if (out->buffer && out->fd >= 0) close(out->fd); /* in a struct of zeros fd is not ours */
    if (out->temporary) unlink(out->temporary);
    nm_free(out->buffer);
    *out = (nm_outfile){.fd = -1};
}
