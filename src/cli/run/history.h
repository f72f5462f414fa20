/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines that were typed, in memory and in a file that only its owner can read: one line each,
 * oldest first, with \n and \\ for newlines and backslashes.  The file is read at the beginning and
 * written at the end, together with what other sessions have added meanwhile.
 */
#ifndef NM_HISTORY_H
#define NM_HISTORY_H

#include "base/os.h"
#include "cli/text/buffer.h"

enum { NM_HISTORY_MAX = 1000 }; /* lines in the file */

/* Zeros are an empty one that is not kept. */
typedef struct nm_history {
    char     *path;  /* NULL: no file */
    nm_buffer lines; /* as in the file */
    size_t    n_old; /* bytes of them that came from the file */
    size_t    n;     /* lines */
} nm_history;

/*
 * The file: $NOMUL_HISTORY if it is set, none ("") if that is empty; else nomul/history in
 * $XDG_STATE_HOME, %LOCALAPPDATA% or ~/.local/state.
 */
void nm_history_path(char path[NM_OS_PATH]);

/*
 * Reads it, if it is there; "" is none.  False if that failed: the history is then empty and not
 * kept.
 */
bool nm_history_open(nm_history *history, const char *path, nomul_error *err);

/* An empty line, or one like the last, is not added. */
bool nm_history_add(nm_history *history, const char *line, size_t n_bytes, nomul_error *err);

/* The line so far back, 1 to n, into an empty buffer. */
bool nm_history_get(const nm_history *history, size_t back, nm_buffer *line, nomul_error *err);

/* Writes the file, if a line was added. */
bool nm_history_save(nm_history *history, nomul_error *err);
void nm_history_free(nm_history *history);

#endif
