/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test harness: one binary, one `void test_NAME(void)` per file test_NAME.c, one row each in
 * tests.def.  A file is a series of cases; a case passes if no check in it fails.
 */
#ifndef NM_TEST_H
#define NM_TEST_H

#include "nomul.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Begins a case (and so ends the one before); printf-like name. */
void test_case(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The case now is skipped, and counted as such, with the reason. */
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How often to try a property with random numbers: few in make check, many in make test-long. */
int test_trials(int few, int many);

void test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A file beneath tests/, e.g. test_path("golden/x.bin"); in a ring of 8 static buffers. */
const char *test_path(const char *name);
/* A file beside the project (../shared), or NULL if it is not there. */
const char *test_shared(const char *name);
/* A name for a file to write, in a scratch directory that is removed at the end. */
const char *test_scratch(const char *name);
bool        test_new_folder(const char *path); /* or it is there already */

/* A whole file, with a NUL behind it; freed by the caller.  A missing one fails the case. */
char *test_read_file(const char *path, size_t *size);
void  test_write_file(const char *path, const void *data, size_t size);
/* The same over the bytes of a file that nobody has open: faster, many times in a row. */
void test_rewrite_file(const char *path, const void *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) test_fail(__FILE__, __LINE__, "%s", #condition);                         \
    } while (0)

/* Like CHECK, with words of its own. */
#define CHECK_THAT(condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition)) test_fail(__FILE__, __LINE__, __VA_ARGS__);                              \
    } while (0)

#define CHECK_INT(got, want)                                                                       \
    do {                                                                                           \
        long long got_ = (long long)(got), want_ = (long long)(want);                              \
        if (got_ != want_)                                                                         \
            test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #got, got_, want_);              \
    } while (0)

#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        const char *got_ = (got), *want_ = (want);                                                 \
        if (strcmp(got_, want_) != 0)                                                              \
            test_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #got, got_, want_);          \
    } while (0)

#define CHECK_MEM(got, want, n_bytes, what)                                                        \
    do {                                                                                           \
        if (memcmp(got, want, n_bytes) != 0) test_fail(__FILE__, __LINE__, "%s differs", what);    \
    } while (0)

/* For what must succeed: shows the error where it doesn't. */
#define CHECK_OK(call, err)                                                                        \
    do {                                                                                           \
        if (!(call)) test_fail(__FILE__, __LINE__, "%s: %s", #call, (err).text);                   \
    } while (0)

/* For what must fail with exactly these words. */
#define CHECK_FAILS(call, err, words)                                                              \
    do {                                                                                           \
        (err).text[0] = '\0';                                                                      \
        if (call)                                                                                  \
            test_fail(__FILE__, __LINE__, "%s should have failed: %s", #call, words);              \
        else                                                                                       \
            CHECK_STR((err).text, words);                                                          \
    } while (0)

#endif
