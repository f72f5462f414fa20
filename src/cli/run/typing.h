/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of stdin for nomul run -i: typed with the line editor and a history where stdin and
 * stderr are a terminal, else as they come from a pipe or file.  The caller does not see which of
 * the two it is.
 */
#ifndef NM_TYPING_H
#define NM_TYPING_H

#include "cli/run/line_edit.h"

typedef struct nm_typing {
    nm_lines     lines; /* what was read, whoever makes lines of it */
    nm_line_edit edit;
    nm_history   history;
    bool         on_terminal, by_keys;
} nm_typing;

/*
 * Begins as zeros.  style: an SGR sequence for what is typed, or "".  keep: with the history's
 * file; false if that could not be read, which spoils nothing else.
 */
bool nm_typing_begin(nm_typing *typing, const char *prompt, const char *style, bool keep,
                     nomul_error *err);

/*
 * As nm_lines_next, which waits.  On a terminal the prompt is printed first, and after the line the
 * cursor is at the beginning of a row.
 */
nm_line nm_typing_next(nm_typing *typing, const char **line, size_t *n_bytes, nomul_error *err);

/* Saves the history, and frees all; false if the file could not be written. */
bool nm_typing_end(nm_typing *typing, nomul_error *err);

#endif
