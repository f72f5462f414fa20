/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many texts from lines of a file: up to n_parallel of them are stepped together, new ones join as
 * others end, and each answer is a line of JSON, the one nomul run would give.  Lines are read when
 * there is room for them, so memory is that of the running texts and of a number of answers that
 * wait for their turn.
 *
 *   batch.c        lines -> texts -> steps
 *   batch_jobs.c   lines on their way to their answers
 *   batch_line.c   a line as what it asks for
 */
#ifndef NM_BATCH_H
#define NM_BATCH_H

#include "cli/batch/batch_jobs.h"

/*
 * All of it.  A line that is wrong is answered with its error, and counted.  False: it ended early,
 * by a signal (NOMUL_E_CANCELLED: what was running is answered as far as it got), a failure of
 * stdout (output.h), or another.
 */
bool nm_batch_run(nm_batch *batch, nomul_error *err);
void nm_batch_free(nm_batch *batch);

#endif
