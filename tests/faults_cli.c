/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's reading and writing, with its calls counted: see faults.h. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int faulty_open(const char *path, int flags)
{
    return faults_turn("open") ? -1 : open(path, flags);
}

static int faulty_poll(struct pollfd *which, nfds_t n, int milliseconds)
{
    return faults_turn("poll") ? -1 : poll(which, n, milliseconds);
}

static ssize_t faulty_read(int fd, void *to, size_t n_bytes)
{
    return faults_turn("read") ? -1 : read(fd, to, faults_part(n_bytes));
}

static size_t faulty_fwrite(const void *from, size_t size, size_t n, FILE *file)
{
    return faults_turn("fwrite") ? 0 : fwrite(from, size, n, file);
}

static int faulty_vprintf(const char *format, va_list args)
{
    return faults_turn("vprintf") ? -1 : vprintf(format, args);
}

static int faulty_fflush(FILE *file)
{
    return faults_turn("fflush") ? EOF : fflush(file);
}

#define open(path, flags) faulty_open(path, flags)
#define poll(which, n, milliseconds) faulty_poll(which, n, milliseconds)
#define read(fd, to, n_bytes) faulty_read(fd, to, n_bytes)
#define fwrite(from, size, n, file) faulty_fwrite(from, size, n, file)
#define vprintf(format, args) faulty_vprintf(format, args)
#define fflush(file) faulty_fflush(file)

#include "cli/output.c"
#include "cli/text/buffer.c"

void faults_forget_output(void)
{
    failure = 0;
}
