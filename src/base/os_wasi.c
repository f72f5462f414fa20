/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os.h for WebAssembly, where the host is a page or a runtime with a clock and random numbers and
 * nothing else: WASI's clock_time_get and random_get.  A few files live in memory, so that session
 * files are read and written by the same code as anywhere; there are no folders, no standard
 * streams and no threads.
 */
#if defined(__wasm__)
#define _GNU_SOURCE /* getentropy */
/* Half of the functions answer without a look at what they are asked. */
#pragma clang diagnostic ignored "-Wunused-parameter"

#include "base/os.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Memory ---------------------------------------------------------------------------------- */

/* wasi-libc stops the program when more than half of the address space is asked for at once. */
void *nm_os_alloc(size_t alignment, size_t n_bytes)
{
    if (n_bytes > PTRDIFF_MAX - ((size_t)1 << 20)) return NULL;
    return aligned_alloc(alignment, n_bytes);
}

void nm_os_free(void *block)
{
    free(block);
}

void nm_os_large_pages(const void *block, size_t n_bytes)
{
}

/* ---- Files ----------------------------------------------------------------------------------- */

#define N_FILES 8
#define NAME_BYTES 320 /* a name of 255 bytes and what a temporary file adds to it */

/* A removed file has no name and lives until it is closed. */
typedef struct memory_file {
    bool     exists;
    char     name[NAME_BYTES];
    unsigned n_open, mode;
    uint8_t *data;
    size_t   size, capacity;
} memory_file;

static memory_file files[N_FILES];

/* Descriptors are indices past those of the standard streams. */
#define FIRST_FD (NM_OS_STDERR + 1)

static memory_file *file_of(int fd)
{
    return fd >= FIRST_FD && fd < FIRST_FD + N_FILES ? &files[fd - FIRST_FD] : NULL;
}

/* All names are in one folder, which "", "." and "/" name. */
static const char *base_name(const char *path)
{
    while (*path == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0'))) path++;
    return path;
}

static memory_file *find(const char *path)
{
    const char *name = base_name(path);

    for (size_t i = 0; *name && i < N_FILES; i++)
        if (files[i].exists && strcmp(files[i].name, name) == 0) return &files[i];
    return NULL;
}

static void drop(memory_file *file)
{
    file->exists = false;
    file->name[0] = '\0';
    if (file->n_open) return;
    free(file->data);
    *file = (memory_file){0};
}

static void fill_status(nm_os_status *status, const memory_file *file)
{
    *status = (nm_os_status){.kind = NM_OS_REGULAR,
                             .mode = file->mode,
                             .size = file->size,
                             .number = (uint64_t)(file - files)};
}

int nm_os_stat(const char *path, nm_os_status *status)
{
    const memory_file *file = find(path);

    if (file)
        fill_status(status, file);
    else if (*path && *base_name(path) == '\0')
        *status = (nm_os_status){.kind = NM_OS_FOLDER, .mode = 0777, .number = N_FILES};
    else
        return ENOENT;
    return 0;
}

int nm_os_stat_open(int fd, nm_os_status *status)
{
    const memory_file *file = file_of(fd);

    if (!file) return EBADF;
    fill_status(status, file);
    return 0;
}

bool nm_os_is_link(const char *path)
{
    return false;
}

int nm_os_open(const char *path, int *fd)
{
    memory_file *file = find(path);

    *fd = file ? FIRST_FD + (int)(file - files) : -1;
    if (!file) return *path && *base_name(path) == '\0' ? EISDIR : ENOENT;
    file->n_open++;
    return 0;
}

int nm_os_make_folder(const char *path, unsigned mode)
{
    return find(path) ? EEXIST : ENOSYS;
}

int nm_os_create(const char *path, unsigned mode, int *fd)
{
    const char *name = base_name(path);

    *fd = -1;
    if (find(path)) return EEXIST;
    if (*name == '\0') return EISDIR;
    if (strlen(name) >= NAME_BYTES) return ENAMETOOLONG;
    for (int i = 0; i < N_FILES; i++) {
        if (files[i].exists || files[i].n_open) continue;
        files[i] = (memory_file){.exists = true, .n_open = 1, .mode = mode & 0777};
        memcpy(files[i].name, name, strlen(name) + 1);
        *fd = FIRST_FD + i;
        return 0;
    }
    return ENFILE;
}

int nm_os_may_write(const char *path)
{
    const memory_file *file = find(path);

    if (!file) return ENOENT;
    return file->mode & 0200 ? 0 : EACCES;
}

/* No name stands for a descriptor, and there is nothing to write through to. */
int nm_os_descriptor(const char *path)
{
    return -1;
}

int nm_os_open_through(const char *path, int *fd, uint64_t *at)
{
    *fd = -1, *at = UINT64_MAX;
    return ENOSYS;
}

int nm_os_close(int fd)
{
    memory_file *file = file_of(fd);

    if (!file || !file->n_open) return EBADF;
    if (--file->n_open == 0 && !file->exists) drop(file);
    return 0;
}

int nm_os_set_mode(int fd, unsigned mode)
{
    memory_file *file = file_of(fd);

    if (!file) return EBADF;
    file->mode = mode & 0777;
    return 0;
}

int nm_os_read_at(int fd, uint64_t offset, void *to, size_t n_bytes, size_t *n_done)
{
    const memory_file *file = file_of(fd);

    *n_done = 0;
    if (!file) return EBADF;
    if (offset >= file->size) return 0;
    size_t left = file->size - (size_t)offset;
    *n_done = n_bytes < left ? n_bytes : left;
    memcpy(to, file->data + offset, *n_done);
    return 0;
}

int nm_os_write_at(int fd, uint64_t offset, const void *from, size_t n_bytes, size_t *n_done)
{
    memory_file *file = file_of(fd);

    *n_done = 0;
    if (!file) return EBADF;
    if (offset > SIZE_MAX / 4 || n_bytes > SIZE_MAX / 4) return EFBIG;
    size_t end = (size_t)offset + n_bytes;
    if (end > file->capacity) {
        uint8_t *data = realloc(file->data, 2 * end);
        if (!data) return ENOSPC;
        file->data = data, file->capacity = 2 * end;
    }
    if (offset > file->size) memset(file->data + file->size, 0, (size_t)offset - file->size);
    memcpy(file->data + offset, from, n_bytes);
    if (end > file->size) file->size = end;
    *n_done = n_bytes;
    return 0;
}

int nm_os_write(int fd, const void *from, size_t n_bytes, size_t *n_done)
{
    *n_done = 0;
    return EBADF;
}

int nm_os_sync(int fd)
{
    return file_of(fd) ? 0 : EBADF;
}

void nm_os_sync_folder(const char *path)
{
}

int nm_os_replace(const char *from, const char *to)
{
    memory_file *file = find(from), *other = find(to);
    const char  *name = base_name(to);

    if (!file) return ENOENT;
    if (strlen(name) >= NAME_BYTES) return ENAMETOOLONG;
    if (other && other != file) drop(other);
    memcpy(file->name, name, strlen(name) + 1);
    return 0;
}

int nm_os_remove(const char *path)
{
    memory_file *file = find(path);

    if (!file) return ENOENT;
    drop(file);
    return 0;
}

int nm_os_remove_folder(const char *path)
{
    return ENOSYS;
}

/* There is no other process. */
int nm_os_lock(const char *path, int *fd)
{
    return find(path) ? nm_os_open(path, fd) : nm_os_create(path, 0666, fd);
}

int nm_os_real_path(const char *path, char real[NM_OS_PATH])
{
    nm_os_status status;
    int          number = nm_os_stat(path, &status);

    if (number == 0) snprintf(real, NM_OS_PATH, "/%s", base_name(path));
    return number;
}

size_t nm_os_name_at(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash + 1 - path) : 0;
}

/* A copy, since the file may grow and move. */
int nm_os_map(int fd, size_t n_bytes, void **at)
{
    size_t n_done = 0;

    *at = malloc(n_bytes);
    return *at ? nm_os_read_at(fd, 0, *at, n_bytes, &n_done) : ENOMEM;
}

void nm_os_unmap(void *at, size_t n_bytes)
{
    free(at);
}

/* ---- Streams: there are none ----------------------------------------------------------------- */

int nm_os_open_stream(const char *path, int *fd)
{
    return nm_os_open(path, fd);
}

int nm_os_wait_input(int fd, int milliseconds)
{
    return 0;
}

int nm_os_read(int fd, void *to, size_t n_bytes, size_t *n_done)
{
    *n_done = 0;
    return 0;
}

bool nm_os_is_terminal(int fd)
{
    return false;
}

bool nm_os_has_escapes(int fd)
{
    return false;
}

bool nm_os_terminal_size(int fd, size_t *columns, size_t *rows)
{
    return false;
}

int nm_os_keys_save(nm_os_keys *keys)
{
    return ENOTTY;
}

bool nm_os_keys_set(const nm_os_keys *keys, bool by_keys)
{
    return false;
}

bool nm_os_echoes(void)
{
    return false;
}

/* ---- Clocks and processors ------------------------------------------------------------------- */

uint64_t nm_os_nanoseconds(void)
{
    struct timespec t = {0, 0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t nm_os_thread_nanoseconds(void)
{
    return nm_os_nanoseconds();
}

uint64_t nm_os_unlike(void)
{
    uint64_t number = 0;

    return nm_os_random(&number, sizeof number) ? number : nm_os_nanoseconds();
}

bool nm_os_random(void *to, size_t n_bytes)
{
    return n_bytes <= 256 && getentropy(to, n_bytes) == 0; /* takes no more at once */
}

size_t nm_os_processors(void)
{
    return 1;
}

/* The memory of a module grows until the host refuses. */
uint64_t nm_os_available_memory(void)
{
    return UINT64_MAX;
}

void nm_os_processor_name(char *name, size_t size)
{
    snprintf(name, size, "WebAssembly");
}

uint64_t nm_os_process(void)
{
    return 1;
}

/*
 * What the pool (base/pool.c) asks of pthreads, where there are none: a second thread is refused,
 * and the only one never waits for another.
 */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument)
{
    return EAGAIN;
}

int pthread_join(pthread_t thread, void **result)
{
    return ESRCH;
}

int pthread_attr_init(pthread_attr_t *attributes)
{
    return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t n_bytes)
{
    return 0;
}

int pthread_attr_destroy(pthread_attr_t *attributes)
{
    return 0;
}

int pthread_mutex_init(pthread_mutex_t *lock, const pthread_mutexattr_t *attributes)
{
    return 0;
}

int pthread_mutex_lock(pthread_mutex_t *lock)
{
    return 0;
}

int pthread_mutex_unlock(pthread_mutex_t *lock)
{
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *lock)
{
    return 0;
}

int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    return 0;
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock)
{
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *condition)
{
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *condition)
{
    return 0;
}

int sched_yield(void)
{
    return 0;
}

/* ---- The program ----------------------------------------------------------------------------- */

void nm_os_begin(int *argc, char ***argv)
{
}

const char *nm_os_environment(const char *name)
{
    return NULL;
}

void nm_os_program_folder(const char *argv0, char folder[NM_OS_PATH])
{
    folder[0] = '\0';
}

void nm_os_error_text(int number, char *text, size_t size)
{
    if (strerror_r(number, text, size) != 0) snprintf(text, size, "error %d", number);
}

int nm_os_write_error(void)
{
    return errno;
}

void nm_os_on_stop(void (*handler)(int signal))
{
}

void nm_os_on_lost_file(void (*handler)(int signal))
{
}

void nm_os_on_leave(void (*leave)(int signal), void (*back)(int signal))
{
}

void nm_os_leave(int signal)
{
}

_Noreturn void nm_os_exit_now(int code)
{
    __builtin_trap();
}

void nm_os_say(const char *text)
{
}

#else
typedef int nm_os_wasi_is_empty; /* C forbids a file without a declaration */
#endif
