/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share.  A target uses what it parsed: every byte that it was promised. */
#ifndef NM_FUZZ_H
#define NM_FUZZ_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* libFuzzer's entry, and replay.c's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert, it also counts where NDEBUG is defined. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Reads every byte, so that a sanitizer sees a view that leaves its file. */
static inline void fuzz_touch(const void *bytes, size_t n_bytes)
{
    const volatile uint8_t *p = bytes;
    for (size_t i = 0; i < n_bytes; i++) (void)p[i];
}

/*
 * A whole file, over the one of that name.  ext4 takes ten times as long to make a file anew, when
 * many were removed lately, or to fill one that was cut to nothing.
 */
static inline void fuzz_write_file(const char *path, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    MUST(ftruncate(fd, (off_t)size) == 0 && close(fd) == 0);
}

#endif
