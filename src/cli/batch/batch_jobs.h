/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a batch on their way from being read to being answered. */
#ifndef NM_BATCH_JOBS_H
#define NM_BATCH_JOBS_H

#include "cli/batch/batch.h"

struct nm_batch_text {
    nm_batch_job *job;
    size_t        index;
    bool          done, written;
    nm_generation generation;
};

/*
 * Its first continuation reads the prompt up to its last id; the others begin with a copy of the
 * state there, and that id.
 */
struct nm_batch_job {
    nm_batch_job *next, *previous, *next_read;
    nm_batch_line line;
    nm_ids        ids; /* of the prompt */
    uint64_t      seed;
    bool          is_read;
    void         *snapshot; /* while continuations are to begin with it */
    nm_text       problem;  /* words, if the line is wrong; there are no texts then */
    size_t        n_texts, n_begun, n_written;
    nm_batch_text texts[];
};

/* Behind all others; the caller fills it.  NULL: no memory. */
nm_batch_job *nm_batch_add_job(nm_batch *batch, nomul_error *err);
void          nm_batch_free_job(nm_batch *batch, nm_batch_job *job);

/* This job has something new to say: writes what may be written now; frees jobs that are done. */
bool nm_batch_answer(nm_batch *batch, nm_batch_job *job, nomul_error *err);

/* Nothing more will come: writes all that is done, whatever its place. */
bool nm_batch_answer_all(nm_batch *batch, nomul_error *err);

#endif
