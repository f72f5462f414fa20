/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file or of stdin as they come: what is not there yet need not be waited for. */
#ifndef NM_LINES_H
#define NM_LINES_H

#include "cli/text/text.h"

typedef enum nm_line {
    NM_LINE_READ,
    NM_LINE_LATER, /* none is there yet */
    NM_LINE_END,
    NM_LINE_FAILED,
} nm_line;

/* Zeros and a descriptor are a beginning. */
typedef struct nm_lines {
    int     fd;
    nm_text text; /* what was read; lines begin at `at`, no newline lies in [at, seen) */
    size_t  at, seen;
    bool    ended;
} nm_lines;

/*
 * The next line without its newline and without a CR in front of that; the last one may go without
 * a newline.  It lasts until the next call.  wait: for one that is not there yet.  The memory is
 * that of the longest line.  Errors of reading name nothing; a signal is one (interrupt.h).
 */
nm_line nm_lines_next(nm_lines *lines, bool wait, const char **line, size_t *n_bytes,
                      nomul_error *err);
void    nm_lines_free(nm_lines *lines);

#endif
