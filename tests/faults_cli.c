/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's writing, with stdio's calls counted: see faults.h. */
#include "faults.h"

#include <stdarg.h>
#include <stdio.h>

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
    return file == stdout && faults_turn("fflush") ? EOF : fflush(file);
}

#define fwrite(from, size, n, file) faulty_fwrite(from, size, n, file)
#define vprintf(format, args) faulty_vprintf(format, args)
#define fflush(file) faulty_fflush(file)

#include "cli/output.c"

void faults_forget_output(void)
{
    failure = 0;
}
