/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing byte buffers, and reading files or stdin into them: whole, by pieces, or line by line.
 * Reading waits for a pipe or a terminal as long as it takes, but a signal ends the wait.
 */
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

/* \n \r \t \' \" \\ and \xHH become the byte; any other backslash stays.  It never grows. */
void nm_text_unescape(nm_text *text);

/*
 * Adds all of a file, or of stdin if the path is "-"; pipes and devices too.  Errors name the file.
 * Ends with NOMUL_E_CANCELLED if a signal says stop (interrupt.h).
 */
bool nm_text_add_file(nm_text *text, const char *path, nomul_error *err);

/*
 * The same by pieces: opens a descriptor (-1: failed), then adds what is available, at least a byte
 * and at most some KiB, *n_bytes of it, 0 at the end.  Errors of nm_text_read do not name the file.
 */
int         nm_text_open(const char *path, nomul_error *err);
bool        nm_text_read(nm_text *text, int fd, size_t *n_bytes, nomul_error *err);
void        nm_text_close(int fd);
const char *nm_text_name(const char *path); /* for error messages */

/* ---- Lines ----------------------------------------------------------------------------------- */

typedef enum nm_line {
    NM_LINE_READ,
    NM_LINE_LATER, /* none is available yet */
    NM_LINE_END,
    NM_LINE_FAILED,
} nm_line;

/* Zeros and a descriptor are a beginning. */
typedef struct nm_lines {
    int     fd;
    nm_text text; /* what was read; the next line begins at `at`, [at, seen) has no newline */
    size_t  at, seen;
    bool    ended;
} nm_lines;

/*
 * The next line without its newline and without a CR before that; the last line may lack a newline.
 * It is valid until the next call.  wait: until a line is available.  Memory is that of the longest
 * line.  Errors do not name the file; a signal is an error too (interrupt.h).
 */
nm_line nm_lines_next(nm_lines *lines, bool wait, const char **line, size_t *n_bytes,
                      nomul_error *err);
void    nm_lines_free(nm_lines *lines);

#endif
