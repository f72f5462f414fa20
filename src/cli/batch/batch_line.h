/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nomul batch reads.  A line is a prompt as it stands or, if it begins with '{', a JSON object
 * with the prompt and options of its own.  Keys, ranges and defaults of the options are those of
 * the command line (text_options.h).  An answer of an earlier run says that its line is done.
 */
#ifndef NM_BATCH_LINE_H
#define NM_BATCH_LINE_H

#include "cli/text/buffer.h"
#include "cli/text/text_options.h"

#define NM_BATCH_ID_BYTES 1024 /* an id as spelled, at most */

/* Zeros are a beginning. */
typedef struct nm_batch_line {
    nm_buffer    prompt;
    nm_buffer    id;   /* a JSON value as the line spells it, or the line's number as a string */
    nm_text_args args; /* the defaults, and in their place what the line says */
    nm_buffer    stop_bytes; /* the line's own: what args.stops points to */
    const char **stops;
} nm_batch_line;

/*
 * Reads line `number`, counted from 0, into *line.  False: *err says what is wrong with it, and its
 * id is there all the same if it could be found; or NOMUL_E_MEMORY.
 */
bool nm_batch_line_read(nm_batch_line *line, const char *text, size_t n_bytes, uint64_t number,
                        const nm_text_args *defaults, nomul_error *err);

/* Also after an error.  Strings of args that the command line gave are not the line's. */
void nm_batch_line_free(nm_batch_line *line);

/* ---- Answers of an earlier run --------------------------------------------------------------- */

/* For --skip-done: which lines are not computed again.  Zeros are none. */
typedef struct nm_batch_done {
    nm_buffer hashes; /* uint64_t: XXH64 of an id as it is spelled, one for each answer, sorted */
} nm_batch_done;

/*
 * Reads the ids of all answers in a file that were not cancelled; none if there is no such file.
 * Lines that are no answers are passed over: the last one may be cut off.
 */
bool nm_batch_done_read(nm_batch_done *done, const char *path, nomul_error *err);

/* Has this id n_answers or more? */
bool nm_batch_done_has(const nm_batch_done *done, const nm_buffer *id, size_t n_answers);
void nm_batch_done_free(nm_batch_done *done);

#endif
