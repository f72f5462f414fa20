/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many texts from lines of a file: up to n_parallel of them are stepped together, new ones join as
 * others end, and each answer is a line of JSON, the one nomul run would give.  Lines are read when
 * there is room for them, so memory is that of the running texts and of a bounded number of answers
 * that wait for their turn.
 *
 *   line ─ batch_line.c ─> job: prompt, options ─> text, or a reader and its forks (--n-best)
 *                          answer, a line of JSON <─ finished <─ steps <─┘
 */
#ifndef NM_BATCH_H
#define NM_BATCH_H

#include "cli/batch/batch_line.h"
#include "cli/text/answer.h"

#define NM_BATCH_MAX_PARALLEL 10000
#define NM_BATCH_WAITING 64 /* lines that may wait for an earlier one, for each of n_parallel */

typedef struct nm_batch_text nm_batch_text; /* a continuation */
typedef struct nm_batch_job  nm_batch_job;  /* a line: a prompt and its continuations */

typedef struct nm_batch_args {
    const char  *file, *load, *done;
    nm_open_args open;
    nm_text_args text;
    int64_t      n_parallel, n_best, n_logprobs, n_ctx, max_predict;
    bool         as_ready, quiet, escapes, stable_ids, no_timings;
} nm_batch_args;

/* What follows from them; the caller's. */
typedef struct nm_batch_options {
    const nm_batch_args *args;
    const nomul_model   *model;
    const nomul_mark    *saved;    /* every text continues it; NULL: none */
    const nm_text_args  *defaults; /* of lines */
    size_t               n_parallel, n_best, n_logprobs;
    const nm_batch_done *done;    /* lines that are not computed again; NULL: none */
    uint64_t             n_input; /* bytes of the lines, for the time left; 0: not known */
    double               load_seconds;
} nm_batch_options;

typedef struct nm_batch_counts {
    uint64_t n_lines, n_skipped, n_wrong, n_done; /* n_done: continuations */
    uint64_t n_prompt_ids, n_generated;
    size_t   most_texts; /* that ran together */
    double   seconds;
} nm_batch_counts;

typedef struct nm_batch {
    const nm_batch_options *options;
    nomul_text             *base; /* what all texts are forks of; the caller's */
    nm_lines                lines;
    nm_batch_counts         counts;

    nm_progress_bar bar;          /* the caller says whether it is quiet */
    uint64_t        n_taken;      /* bytes of lines that were read */
    nm_batch_job   *first, *last; /* with answers to come, in the order of the lines */
    size_t          n_jobs;
    nm_batch_job   *first_read, *last_read; /* prompts read, with continuations to begin */
    nm_batch_text **running;                /* [n_parallel] */
    nomul_text    **texts;                  /* theirs, for a step */
    size_t          n_running;
    unsigned        noted; /* bits of nomul_text_missing that were told */
    bool            ended; /* the lines */
    nomul_error     end;   /* why, if not by their end: code is not NOMUL_OK */
} nm_batch;

struct nm_batch_text {
    nm_batch_job *job;   /* which it is a part of */
    size_t        index; /* among the continuations; NM_BATCH_READER: it only reads the prompt */
    nomul_text   *text;  /* NULL: not begun, or done */
    bool          done;  /* it has finished; the answer is complete */
    bool          written;
    uint64_t      seed;   /* that was used; for the answer */
    nm_answer     answer; /* grows with each step; freed when it is written */
};

#define NM_BATCH_READER SIZE_MAX

/* With several continuations a text of its own reads the prompt, and they are forks of it. */
struct nm_batch_job {
    nm_batch_job *next, *previous, *next_read;
    nm_batch_line line;
    nm_batch_text reader;
    uint64_t      n_prompt; /* ids */
    nm_buffer     problem;  /* message, if the line is wrong; there are no texts then */
    size_t        n_texts;  /* continuations, 0 if the line is wrong */
    size_t        n_begun, n_done, n_written;
    nm_batch_text texts[]; /* n_best */
};

/*
 * All of it; the caller has set options, base and lines.fd, the rest begins as zeros.  A line that
 * is wrong is answered with its error, and counted.  False: it ended early, by a signal
 * (NOMUL_E_CANCELLED: what was running is answered as far as it got), a failure of stdout
 * (output.h), or another; if reading failed, `end` says so too.
 */
bool nm_batch_run(nm_batch *batch, nomul_error *err);

/* Frees the jobs and what else nm_batch_run allocated, not the base and not the descriptor. */
void nm_batch_free(nm_batch *batch);

#endif
