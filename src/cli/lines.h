/* SPDX-License-Identifier: Apache-2.0 */
/* stdin line by line, each as soon as it is there. */
#ifndef NM_LINES_H
#define NM_LINES_H

#include "cli/text.h"

/* Zeros are one that has read nothing. */
typedef struct nm_lines {
    nm_text buffer;
    size_t  at; /* where the next line begins in it */
    bool    ended;
} nm_lines;

/*
 * The next line without its newline, any bytes, good until the next call; the last one may have
 * none.  *line is NULL at the end.  NOMUL_E_CANCELLED if a signal says stop (interrupt.h).
 */
bool nm_lines_next(nm_lines *lines, const char **line, size_t *n_bytes, nomul_error *err);
void nm_lines_free(nm_lines *lines);

#endif
