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

/* \n \r \t \' \" \\ and \xHH become the byte; any other backslash stays.  It never grows. */
void nm_text_unescape(nm_text *text);

#endif
