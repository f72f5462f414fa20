/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of an earlier run of nomul batch, for --skip-done: which lines are not computed
 * again.
 */
#ifndef NM_BATCH_DONE_H
#define NM_BATCH_DONE_H

#include "cli/text/buffer.h"

/* Zeros are none. */
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
