/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#define _FILE_OFFSET_BITS 64

#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Told by one thread, to itself. */
static _Thread_local size_t      countdown, most;
static _Thread_local int         failure;
static _Thread_local const char *failed;
static _Thread_local bool        renamed, late;

void faults_at(size_t k, int number)
{
    countdown = k;
    failure = number;
    failed = NULL;
    renamed = late = false;
}

const char *faults_failed(void)
{
    return failed;
}

bool faults_renamed(void)
{
    return renamed;
}

bool faults_failed_late(void)
{
    return late;
}

void faults_trickle(size_t n_bytes)
{
    most = n_bytes;
}

bool faults_turn(const char *call)
{
    if (!countdown || --countdown) return false;
    failed = call;
    late = renamed;
    errno = failure;
    return true;
}

size_t faults_part(size_t n_bytes)
{
    return most && most < n_bytes ? most : n_bytes;
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
    return faults_turn("open") ? -1 : open(path, flags, mode);
}

static int faulty_stat(const char *path, struct stat *status)
{
    return faults_turn("stat") ? -1 : stat(path, status);
}

static int faulty_lstat(const char *path, struct stat *status)
{
    return faults_turn("lstat") ? -1 : lstat(path, status);
}

static int faulty_fstat(int fd, struct stat *status)
{
    return faults_turn("fstat") ? -1 : fstat(fd, status);
}

static int faulty_fchmod(int fd, mode_t mode)
{
    return faults_turn("fchmod") ? -1 : fchmod(fd, mode);
}

static char *faulty_realpath(const char *path, char *real)
{
    return faults_turn("realpath") ? NULL : realpath(path, real);
}

static ssize_t faulty_pread(int fd, void *to, size_t n_bytes, off_t offset)
{
    return faults_turn("pread") ? -1 : pread(fd, to, faults_part(n_bytes), offset);
}

static ssize_t faulty_pwrite(int fd, const void *from, size_t n_bytes, off_t offset)
{
    return faults_turn("pwrite") ? -1 : pwrite(fd, from, faults_part(n_bytes), offset);
}

static void *faulty_mmap(size_t n_bytes, int fd)
{
    return faults_turn("mmap") ? MAP_FAILED : mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
}

/* The disk is not waited for: no test pulls the plug. */
static int faulty_fsync(int fd)
{
    return faults_turn("fsync") ? -1 : fcntl(fd, F_GETFL) < 0 ? -1 : 0;
}

static int faulty_poll(struct pollfd *which, nfds_t n, int milliseconds)
{
    return faults_turn("poll") ? -1 : poll(which, n, milliseconds);
}

static ssize_t faulty_read(int fd, void *to, size_t n_bytes)
{
    return faults_turn("read") ? -1 : read(fd, to, faults_part(n_bytes));
}

/* As the systems do it: whatever is said, the file is closed. */
static int faulty_close(int fd)
{
    int result = close(fd);
    return faults_turn("close") ? -1 : result;
}

static int faulty_rename(const char *from, const char *to)
{
    if (faults_turn("rename")) return -1;
    int result = rename(from, to);
    if (result == 0) renamed = true;
    return result;
}

/* The names with arguments only: struct stat stays what it is.  open's mode may be left out. */
#define open(path, ...) faulty_open(path, FIRST_TWO(__VA_ARGS__, 0, 0))
#define FIRST_TWO(flags, mode, ...) flags, mode
#define stat(path, status) faulty_stat(path, status)
#define lstat(path, status) faulty_lstat(path, status)
#define fstat(fd, status) faulty_fstat(fd, status)
#define fchmod(fd, mode) faulty_fchmod(fd, mode)
#define realpath(path, real) faulty_realpath(path, real)
#define pread(fd, to, n_bytes, offset) faulty_pread(fd, to, n_bytes, offset)
#define pwrite(fd, from, n_bytes, offset) faulty_pwrite(fd, from, n_bytes, offset)
#define mmap(at, n_bytes, protection, flags, fd, offset) faulty_mmap(n_bytes, fd)
#define fsync(fd) faulty_fsync(fd)
#define close(fd) faulty_close(fd)
#define poll(which, n, milliseconds) faulty_poll(which, n, milliseconds)
#define read(fd, to, n_bytes) faulty_read(fd, to, n_bytes)
#define rename(from, to) faulty_rename(from, to)

#include "base/os_posix.c"

/* What os_posix.c does with the files of a system that looks like this. */
bool faults_quota(const char *root, size_t *quota, uint64_t *memory)
{
#ifdef __linux__
    cgroup_limits limits = see_groups(root);
    *quota = limits.processors;
    *memory = limits.memory;
    return true;
#else
    (void)root, (void)quota, (void)memory;
    return false;
#endif
}

bool faults_fast(const char *root, uint64_t *cpus)
{
#ifdef __linux__
    cpu_set_t set;

    CPU_ZERO(&set);
    for (size_t i = 0; i < 64; i++)
        if (*cpus >> i & 1) CPU_SET(i, &set);
    keep_fast(root, &set);
    *cpus = 0;
    for (size_t i = 0; i < 64; i++)
        if (CPU_ISSET(i, &set)) *cpus |= (uint64_t)1 << i;
    return true;
#else
    (void)root, (void)cpus;
    return false;
#endif
}
