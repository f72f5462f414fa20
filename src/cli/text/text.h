/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow: what is read from a file or from stdin, and what a model has written. */
#ifndef NM_TEXT_H
#define NM_TEXT_H

#include "nomul.h"

/* Zeros are an empty one. */
typedef struct nm_text {
    char  *data;
    size_t n_bytes, capacity;
} nm_text;

bool nm_text_add(nm_text *text, const char *data, size_t n_bytes, nomul_error *err);
void nm_text_free(nm_text *text);

/*
 * Adds all of a file, or of stdin if the path is "-"; any kind of file, a pipe too.  An error names
 * it.  Ends with NOMUL_E_CANCELLED if a signal says stop (interrupt.h).
 */
bool nm_text_add_file(nm_text *text, const char *path, nomul_error *err);

/*
 * The same by pieces: a descriptor, or -1; then what has come, a byte at least, some KiB at most,
 * added as soon as it is there: *n_bytes of it, 0 at the end.  Errors of reading name nothing.
 */
int         nm_text_open(const char *path, nomul_error *err);
bool        nm_text_read(nm_text *text, int fd, size_t *n_bytes, nomul_error *err);
void        nm_text_close(int fd);
const char *nm_text_name(const char *path); /* what errors call it */

/* \n \r \t \' \" \\ and \xHH become the byte; any other backslash stays.  It never grows. */
void nm_text_unescape(nm_text *text);

/* ---- Lines ----------------------------------------------------------------------------------- */

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
