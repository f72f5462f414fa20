/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a batch, and its jobs: a job is a line on its way from being read to being answered.
 * A line has one text that continues it or, with --n-best, a reader and several forks of it.
 */
#ifndef NM_BATCH_JOBS_H
#define NM_BATCH_JOBS_H

#include "cli/batch/batch_line.h"
#include "cli/text/answer.h"

#define NM_BATCH_MAX_PARALLEL 10000
#define NM_BATCH_WAITING 64 /* lines that may wait for an earlier one, for each of n_parallel */

typedef struct nm_batch_text nm_batch_text; /* a continuation */
typedef struct nm_batch_job  nm_batch_job;  /* a line: a prompt and its continuations */

/* What the command line asks for; the caller's. */
typedef struct nm_batch_options {
    const nomul_model  *model;
    const nomul_mark   *saved;    /* every text continues it; NULL: none */
    const nm_text_args *defaults; /* of lines; a seed of -1: random, or the saved generator */
    size_t              n_parallel, n_best, n_logprobs;
    bool                escapes;  /* in lines that are the prompt itself */
    bool                indexed;  /* answers say which of the n_best they are */
    bool                as_ready; /* in order of completion, else of the lines */
    bool                show;     /* progress, on stderr */
    double              load_seconds;
} nm_batch_options;

typedef struct nm_batch_counts {
    uint64_t n_lines, n_wrong, n_done; /* n_done: continuations */
    uint64_t n_prompt_ids, n_generated;
    size_t   most_texts; /* that ran together */
    double   seconds;
} nm_batch_counts;

typedef struct nm_batch {
    const nm_batch_options *options;
    nomul_text             *base; /* what all texts are forks of; the caller's */
    nm_lines                lines;
    nm_batch_counts         counts;

    double          shown;        /* when progress was */
    nm_batch_job   *first, *last; /* with answers to come, in the order of the lines */
    size_t          n_jobs;
    nm_batch_job   *first_read, *last_read; /* prompts read, with continuations to begin */
    nm_batch_text **running;                /* [n_parallel] */
    nomul_text    **texts;                  /* theirs, for a step */
    size_t          n_running;
    bool            ended; /* the lines */
    nomul_error     end;   /* why, if not by their end: code is not NOMUL_OK */
} nm_batch;

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
    nm_buffer     problem;  /* message, if the line is wrong; there are no texts then */
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
