/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files over base/os.h: what is refused, loops over partial reads and writes, temporary files.
 *
 * An output file appears whole or not at all, even if the program is killed or the power fails:
 *
 *     open     folder/.name.nomul-XXXXXX is created beside the target, so that a rename suffices
 *     write    through one buffer, which is written out when it is full
 *     commit   the buffer, fsync, close; then rename(temporary, target), which replaces an older
 *              file in one step; then fsync of the folder, which makes the rename permanent
 *     abort    the temporary file is removed; the target is as it was
 *
 * A crash before the rename leaves the temporary file, and that is all.
 */
#include "base/file.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/os.h"
#include "base/rng.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)256 << 10)
#define READ_BYTES ((size_t)8 << 20) /* of a file that is read into memory, at a time */

static bool fail_path(nomul_error *err, const char *path, int number)
{
    if (*path == '\0') return nm_fail(err, NOMUL_E_IO, "the file name is empty");
    nm_fail_errno(err, NOMUL_E_IO, number);
    return nm_fail_in(err, "%s", path);
}

static bool check_regular(const char *path, const nm_os_status *status, nomul_error *err)
{
    if (status->kind == NM_OS_REGULAR) return true;
    if (status->kind == NM_OS_FOLDER) return nm_fail(err, NOMUL_E_IO, "%s: is a directory", path);
    return nm_fail(err, NOMUL_E_IO, "%s: is not a regular file", path);
}

bool nm_file_exists(const char *path)
{
    nm_os_status status = {0};
    int          number = nm_os_stat(path, &status);

    return number != ENOENT && number != ENOTDIR;
}

bool nm_file_is_directory(const char *path)
{
    nm_os_status status = {0};

    return nm_os_stat(path, &status) == 0 && status.kind == NM_OS_FOLDER;
}

static bool is_one_file(const nm_os_status *a, const nm_os_status *b)
{
    return a->volume == b->volume && a->number == b->number;
}

bool nm_file_same(const char *path, const char *other)
{
    nm_os_status a = {0}, b = {0};

    return nm_os_stat(path, &a) == 0 && nm_os_stat(other, &b) == 0 && a.kind == NM_OS_REGULAR &&
           is_one_file(&a, &b);
}

static bool is_folder_of(const char *path, const nm_os_status *folder)
{
    char         parent[NM_OS_PATH] = ".";
    size_t       n = nm_os_name_at(path);
    nm_os_status status = {0};

    if (n >= sizeof parent) return false;
    if (n > 0) memcpy(parent, path, n), parent[n] = '\0';
    return nm_os_stat(parent, &status) == 0 && is_one_file(&status, folder);
}

bool nm_file_in_folder(const char *path, const char *folder)
{
    char         real[NM_OS_PATH];
    nm_os_status status = {0};

    if (nm_os_stat(folder, &status) != 0) return false;
    return is_folder_of(path, &status) ||
           (nm_os_real_path(path, real) == 0 && is_folder_of(real, &status));
}

/* ---- Reading --------------------------------------------------------------------------------- */

bool nm_file_open(nm_file *file, const char *path, nomul_error *err)
{
    nm_os_status status = {0};
    int          fd, number = nm_os_open(path, &fd);

    *file = NM_FILE_CLOSED;
    if (number) return fail_path(err, path, number);
    number = nm_os_stat_open(fd, &status);
    if (number ? !fail_path(err, path, number) : !check_regular(path, &status, err)) {
        nm_os_close(fd);
        return false;
    }
    file->fd = fd;
    file->size = status.size;
    return true;
}

bool nm_file_read(const nm_file *file, uint64_t offset, void *to, size_t n_bytes, nomul_error *err)
{
    uint8_t *at = to;
    size_t   n;

    if (offset > INT64_MAX || n_bytes > INT64_MAX - offset)
        return nm_fail_errno(err, NOMUL_E_IO, EOVERFLOW);
    for (; n_bytes; at += n, n_bytes -= n, offset += n) {
        int number = nm_os_read_at(file->fd, offset, at, n_bytes, &n);
        if (number) return nm_fail_errno(err, NOMUL_E_IO, number);
        if (n == 0)
            return nm_fail(err, NOMUL_E_IO,
                           "ends after %" PRIu64 " bytes, where %zu more were to be read", offset,
                           n_bytes);
    }
    return true;
}

bool nm_file_is(const nm_file *file, const char *path)
{
    nm_os_status ours = {0}, named = {0};

    return nm_os_stat_open(file->fd, &ours) == 0 && nm_os_stat(path, &named) == 0 &&
           ours.kind == NM_OS_REGULAR && is_one_file(&ours, &named);
}

void nm_file_close(nm_file *file)
{
    if (file->fd >= 0) nm_os_close(file->fd);
    *file = NM_FILE_CLOSED;
}

bool nm_filemap_open(nm_filemap *map, const char *path, bool in_memory, const nm_watched *watched,
                     nomul_error *err)
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
    } else if (in_memory) { /* in pieces of some ms, between which a request to cancel is seen */
        map->data = map->read = nm_alloc(map->size);
        ok = map->read || nm_fail_memory(err, map->size);
        if (ok) nm_os_large_pages(map->read, map->size);
        for (size_t at = 0, n; ok && at < map->size; at += n) {
            n = nm_smaller(map->size - at, READ_BYTES);
            ok = nm_watched_step(watched, at, map->size, err) &&
                 nm_file_read(&file, at, (uint8_t *)map->read + at, n, err);
        }
    } else {
        int number = nm_os_map(file.fd, map->size, &map->mapped);
        ok = number == 0 || nm_fail_errno(err, NOMUL_E_IO, number);
        if (ok) nm_os_large_pages(map->mapped, map->size);
        map->data = map->mapped;
    }
    nm_file_close(&file);
    if (ok) return true;
    nm_filemap_close(map);
    return nm_fail_in(err, "%s", path);
}

void nm_filemap_close(nm_filemap *map)
{
    if (map->mapped) nm_os_unmap(map->mapped, map->size);
    nm_free(map->read);
    *map = (nm_filemap){0};
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Where a file is written: its real path, and what is there. */
typedef struct target {
    char     real[NM_OS_PATH];
    size_t   n_folder; /* of them before the name */
    unsigned mode;     /* of the file that is replaced, if there is one */
    bool     exists;
    bool     through; /* it is not replaced, but written as it is; real is "" */
} target;

/* A dangling symbolic link is refused: the new file would replace the link. */
static bool find_target(const char *path, target *t, nomul_error *err)
{
    nm_os_status status = {0};
    size_t       n_folder = nm_os_name_at(path), n_name = strlen(path + n_folder);
    char         folder[NM_OS_PATH] = ".";
    int          number = nm_os_stat(path, &status);

    *t = (target){.exists = number == 0, .through = nm_os_descriptor(path) >= 0};
    if (t->exists && status.kind == NM_OS_OTHER) t->through = true;
    if (t->through || (t->exists && status.kind == NM_OS_REGULAR)) {
        number = nm_os_may_write(path);
        if (number || t->through) return number == 0 || fail_path(err, path, number);
    }
    if (t->exists) {
        if (!check_regular(path, &status, err)) return false;
        t->mode = status.mode;
        number = nm_os_real_path(path, t->real);
        t->n_folder = number ? 0 : nm_os_name_at(t->real);
        return number == 0 || fail_path(err, path, number);
    }
    if (number != ENOENT || *path == '\0') return fail_path(err, path, number);
    if (nm_os_is_link(path))
        return nm_fail(err, NOMUL_E_IO, "%s: is a symbolic link to nothing", path);
    if (n_name == 0) return nm_fail(err, NOMUL_E_IO, "%s: is a directory", path);
    if (n_folder >= sizeof folder) return fail_path(err, path, ENAMETOOLONG);
    if (n_folder) memcpy(folder, path, n_folder), folder[n_folder] = '\0';
    number = nm_os_real_path(folder, t->real);
    if (number) return fail_path(err, path, number);
    size_t n = strlen(t->real);
    if (n + 1 + n_name >= sizeof t->real) return fail_path(err, path, ENAMETOOLONG);
    if (t->real[n - 1] != '/') t->real[n++] = '/'; /* only a root ends with one */
    memcpy(t->real + n, path + n_folder, n_name + 1);
    t->n_folder = n;
    return true;
}

static void tell(const nm_outfile *out, const char *temporary)
{
    if (out->watch.tell) out->watch.tell(out->watch.context, temporary);
}

/*
 * Creates the temporary file.  Not with mkstemp, whose files are private: their mode could be set
 * right only by reading the umask, which means setting it, for all threads.  nm_os_create makes
 * sure that the file is ours; the name need not be hard to guess.  It is told before there is a
 * file: a signal that comes just after would leave one that nobody knows.
 */
static bool create_temporary(nm_outfile *out, const target *t, nomul_error *err)
{
    static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    nm_os_status      status = {0};
    nm_rng            rng;
    char             *letters = out->temporary + strlen(out->temporary) - 6;
    unsigned          wanted = t->exists ? t->mode : 0666;
    int               number = EEXIST;

    nm_rng_init(&rng, nm_os_unlike());
    for (int tries = 0; tries < 100 && number == EEXIST; tries++) {
        for (int i = 0; i < 6; i++) letters[i] = all[nm_rng_below(&rng, sizeof all - 1)];
        tell(out, out->temporary);
        number = nm_os_create(out->temporary, wanted, &out->fd);
    }
    if (number) {
        tell(out, NULL);
        out->temporary = NULL; /* not ours to remove */
        return fail_path(err, out->shown, number);
    }
    /* A file that is replaced keeps its mode. */
    if (t->exists && nm_os_stat_open(out->fd, &status) == 0 && status.mode != wanted)
        number = nm_os_set_mode(out->fd, wanted);
    return number == 0 || fail_path(err, out->shown, number);
}

bool nm_outfile_open(nm_outfile *out, const char *path, nm_watch watch, nomul_error *err)
{
    target t;

    *out = (nm_outfile){.fd = -1, .watch = watch};
    if (!find_target(path, &t, err)) return false;

    /* One block: buffer | path as spelled | real path | folder/.name.nomul-XXXXXX */
    size_t n_path = strlen(path) + 1, n_real = strlen(t.real) + 1;
    size_t n_temporary = n_real + sizeof "..nomul-XXXXXX";
    size_t n_bytes = BUFFER_BYTES + n_path + n_real + n_temporary;
    out->buffer = nm_alloc(n_bytes);
    if (!out->buffer) return nm_fail_memory(err, n_bytes), nm_fail_in(err, "%s", path);
    out->shown = (char *)out->buffer + BUFFER_BYTES;
    out->path = out->shown + n_path;
    out->temporary = out->path + n_real;
    out->n_folder = t.n_folder;
    memcpy(out->shown, path, n_path);
    memcpy(out->path, t.real, n_real);
    snprintf(out->temporary, n_temporary, "%.*s.%.200s.nomul-XXXXXX", (int)t.n_folder, t.real,
             t.real + t.n_folder); /* names are limited to 255 bytes */
    bool ok;
    if (t.through) {
        int number = nm_os_open_through(path, &out->fd, &out->base);
        out->through = true;
        out->temporary = NULL;
        ok = number == 0 ||
             (number == ENXIO ? nm_fail(err, NOMUL_E_IO, "%s: nobody reads from it", path)
                              : fail_path(err, path, number));
    } else {
        ok = create_temporary(out, &t, err);
    }
    if (!ok) nm_outfile_abort(out);
    return ok;
}

bool nm_outfile_try(const char *path, nm_watch watch, nomul_error *err)
{
    nm_outfile out;
    target     t;

    if (!find_target(path, &t, err)) return false;
    if (t.through) return true;
    bool ok = nm_outfile_open(&out, path, watch, err);

    nm_outfile_abort(&out);
    return ok;
}

/* Anywhere, but at the end of what is written through. */
static bool write_at(nm_outfile *out, uint64_t offset, const void *data, size_t n_bytes,
                     nomul_error *err)
{
    const uint8_t *from = data;
    bool           next = out->through && offset == out->at - out->n_buffered;
    uint64_t       base = out->through ? out->base : 0;
    size_t         n;

    if (offset > INT64_MAX || n_bytes > INT64_MAX - offset)
        return fail_path(err, out->shown, EFBIG);
    for (; n_bytes; from += n, n_bytes -= n, offset += n) {
        int number = next ? nm_os_write(out->fd, from, n_bytes, &n)
                          : nm_os_write_at(out->fd, base + offset, from, n_bytes, &n);
        if (number || n == 0) return fail_path(err, out->shown, number ? number : ENOSPC);
    }
    return true;
}

static bool flush(nm_outfile *out, nomul_error *err)
{
    if (!write_at(out, out->at - out->n_buffered, out->buffer, out->n_buffered, err)) return false;
    out->n_buffered = 0;
    return true;
}

bool nm_outfile_write(nm_outfile *out, const void *data, size_t n_bytes, nomul_error *err)
{
    const uint8_t *from = data;

    for (size_t n; n_bytes; from += n, n_bytes -= n) {
        if (out->n_buffered == BUFFER_BYTES && !flush(out, err)) return false;
        n = nm_smaller(n_bytes, BUFFER_BYTES - out->n_buffered);
        memcpy(out->buffer + out->n_buffered, from, n);
        out->n_buffered += n;
        out->at += n;
    }
    return true;
}

bool nm_outfile_can_rewrite(const nm_outfile *out)
{
    return !out->through || out->base != UINT64_MAX;
}

bool nm_outfile_rewrite(nm_outfile *out, uint64_t offset, const void *data, size_t n_bytes,
                        nomul_error *err)
{
    if (offset > out->at || n_bytes > out->at - offset)
        return nm_fail(err, NOMUL_E_ARG,
                       "%s: %zu bytes to rewrite at %" PRIu64 ", only %" PRIu64 " are written",
                       out->shown, n_bytes, offset, out->at);
    if (!nm_outfile_can_rewrite(out))
        return nm_fail(err, NOMUL_E_IO, "%s: what is written to it cannot be changed", out->shown);
    return flush(out, err) && write_at(out, offset, data, n_bytes, err);
}

static void forget_temporary(nm_outfile *out)
{
    if (out->temporary) tell(out, NULL);
    out->temporary = NULL;
}

/* Renamed, the file is complete and in place: a folder that can't be synced is no error. */
bool nm_outfile_commit(nm_outfile *out, nomul_error *err)
{
    bool ok = flush(out, err);
    int  number = ok ? nm_os_sync(out->fd) : 0;
    int  closed = nm_os_close(out->fd);

    out->fd = -1;
    if (number == 0) number = closed;
    if (ok && number == 0 && !out->through) number = nm_os_replace(out->temporary, out->path);
    if (ok && number) ok = fail_path(err, out->shown, number);
    if (ok && !out->through) {
        forget_temporary(out);
        out->path[out->n_folder] = '\0';
        nm_os_sync_folder(out->path);
    }
    nm_outfile_abort(out);
    return ok;
}

void nm_outfile_abort(nm_outfile *out)
{
    if (out->buffer && out->fd >= 0) nm_os_close(out->fd); /* in a struct of zeros fd is not ours */
    if (out->temporary) nm_os_remove(out->temporary);
    forget_temporary(out);
    nm_free(out->buffer);
    *out = (nm_outfile){.fd = -1};
}
