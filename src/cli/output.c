/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int failure; /* errno of the first one */

static void check(bool ok)
{
    if (!ok && !failure) failure = errno ? errno : EIO;
}

void nm_output_write(const void *data, size_t n_bytes)
{
    errno = 0;
    if (n_bytes > 0) check(fwrite(data, 1, n_bytes, stdout) == n_bytes);
}

void nm_output_print(const char *format, ...)
{
    va_list args;

    errno = 0;
    va_start(args, format);
    check(vprintf(format, args) >= 0);
    va_end(args);
}

bool nm_output_flush(void)
{
    errno = 0;
    check(fflush(stdout) == 0);
    return !failure;
}

int nm_output_end(int code)
{
    if (nm_output_flush()) return code;
    if (failure == EPIPE) return code;
    fprintf(stderr, "nomul: standard output: %s\n", strerror(failure));
    return 1;
}
