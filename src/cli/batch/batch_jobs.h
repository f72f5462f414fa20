/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a batch on their way from being read to being answered. */
#ifndef NM_BATCH_JOBS_H
#define NM_BATCH_JOBS_H

#include "cli/batch/batch.h"

struct nm_batch_text {
    nm_batch_job *job;
    size_t        index; /* among the continuations; NM_BATCH_READER: it only reads the prompt */
    nomul_text   *text;  /* NULL: not begun, or done */
    bool          done, written;
    uint64_t      seed;
    nm_answer     answer;
};

#define NM_BATCH_READER SIZE_MAX

/* With several continuations a text of its own reads the prompt, and they are forks of it. */
struct nm_batch_job {
    nm_batch_job *next, *previous, *next_read;
    nm_batch_line line;
    nm_batch_text reader;
    uint64_t      n_prompt; /* ids */
    nm_text       problem;  /* message, if the line is wrong; there are no texts then */
    size_t        n_texts, n_begun, n_written;
    nm_batch_text texts[];
};

/* After all others; the caller fills it.  NULL: no memory. */
nm_batch_job *nm_batch_add_job(nm_batch *batch, nomul_error *err);
void          nm_batch_free_job(nm_batch *batch, nm_batch_job *job);

/*
 * Something of this job is to be written: writes what may be written now, frees jobs that are done.
 */
bool nm_batch_answer(nm_batch *batch, nm_batch_job *job, nomul_error *err);

/* Nothing more will come: writes everything that is done, whatever its place. */
bool nm_batch_answer_all(nm_batch *batch, nomul_error *err);

#endif
