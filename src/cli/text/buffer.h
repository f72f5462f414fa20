/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing byte buffers, and reading files or stdin into them: whole, in pieces, or line by line.
 * Reading waits for a pipe or a terminal as long as it takes, but a signal ends the wait.  Nothing
 * here knows what the bytes mean: not UTF-8, not tokens.  (A text that is being generated is a
 * nomul_text, of the library.)
 */
#ifndef NM_BUFFER_H
#define NM_BUFFER_H

#include "nomul.h"

/*
 * A text is at most so long: what can be tokenized, and for what there is memory now, as its tokens
 * take several times its bytes.  Shorter ones are not worth a look at the memory.
 */
#define NM_BUFFER_MOST ((size_t)1 << 29)
#define NM_BUFFER_SMALL ((size_t)1 << 22)
#define NM_BUFFER_COST 64 /* bytes of memory for a byte of text, at most */
size_t nm_buffer_most(void);

/* Zeros are an empty buffer. */
typedef struct nm_buffer {
    char  *data;
    size_t n_bytes, capacity;
} nm_buffer;

bool nm_buffer_add(nm_buffer *buffer, const char *data, size_t n_bytes, nomul_error *err);
void nm_buffer_drop(nm_buffer *buffer, size_t n_bytes); /* its first n_bytes; the rest moves up */
void nm_buffer_free(nm_buffer *buffer);

/* The length of a text without one newline at its end, and without a CR before that. */
size_t nm_buffer_without_newline(const char *text, size_t n_bytes);

/* The bytes of the byte order mark that a text of a file begins with: 3 or 0. */
size_t nm_buffer_mark(const char *text, size_t n_bytes);

/* \n \r \t \' \" \\ and \xHH become the byte; any other backslash stays.  It never grows. */
void nm_buffer_unescape(nm_buffer *buffer);

/*
 * Appends all of a file, or of stdin if the path is "-"; pipes and devices too.  Errors name the
 * file.  NOMUL_E_CANCELLED if a signal asked to stop (interrupt.h).
 */
bool nm_buffer_add_file(nm_buffer *buffer, const char *path, nomul_error *err);

/*
 * The same in pieces: opens a descriptor (-1: failed), then appends what is available, at least a
 * byte and at most 64 KiB; *n_bytes says how much, 0 at the end.  Errors of nm_buffer_read do not
 * name the file.
 */
int         nm_buffer_open(const char *path, nomul_error *err);
bool        nm_buffer_read(nm_buffer *buffer, int fd, size_t *n_bytes, nomul_error *err);
void        nm_buffer_close(int fd);
uint64_t    nm_buffer_size(int fd);           /* of a regular file; 0 of anything else */
const char *nm_buffer_name(const char *path); /* for error messages */

/* ---- Lines ----------------------------------------------------------------------------------- */

typedef enum nm_line {
    NM_LINE_READ,
    NM_LINE_LATER, /* none is available yet */
    NM_LINE_END,
    NM_LINE_FAILED,
} nm_line;

#define NM_LINE_MOST ((size_t)64 << 20) /* bytes of a line */

/* Begins as zeros and a descriptor; only the buffer is to be freed. */
typedef struct nm_lines {
    int       fd;
    nm_buffer buffer; /* what was read; the next line begins at `at`, [at, seen) has no newline */
    size_t    at, seen;
    bool      begun, ended;
} nm_lines;

/*
 * The next line without its newline and without a CR before that; the last line may lack a newline,
 * and a byte order mark is no part of the first.  It is valid until the next call.  wait: until a
 * line is available.  Memory is that of the longest line.  Errors do not name the file; a signal is
 * an error too (interrupt.h).
 */
nm_line nm_lines_next(nm_lines *lines, bool wait, const char **line, size_t *n_bytes,
                      nomul_error *err);

#endif
