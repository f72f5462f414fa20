/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many texts from lines of a file: up to n_parallel of them go on together, new ones join as others
 * end, and each answer is a line of JSON, the one nomul run would give.  Lines are read when there
 * is room for them, so memory is that of the texts that run, and of a number of answers that wait
 * for their turn.
 */
#ifndef NM_BATCH_H
#define NM_BATCH_H

#include "cli/batch/batch_line.h"
#include "cli/text/generate.h"
#include "cli/text/text.h"

#define NM_BATCH_MAX_PARALLEL 10000
#define NM_BATCH_WAITING 64 /* lines that may wait for one before them, for each of n_parallel */

typedef struct nm_batch_text nm_batch_text; /* a continuation */
typedef struct nm_batch_job  nm_batch_job;  /* a line: a prompt and its continuations */

typedef struct nm_batch {
    /* The caller's: */
    nomul_model           *model;
    const nomul_tokenizer *tokenizer;
    nomul_session         *host; /* others share with it; it is freed after nm_batch_free */
    const nomul_saved     *saved; /* what all texts go on from, as the host does; NULL: nothing */
    const nm_text_args    *defaults; /* no seed: that of `saved`, where its generator stood */
    size_t                 n_parallel, n_best, n_logprobs;
    bool                   escapes;   /* in lines that are the prompt itself */
    bool                   indexed;   /* answers say which of the n_best they are */
    bool                   as_ready;  /* in order of completion, else of the lines */
    bool                   show;      /* progress, on stderr */
    double                 load_seconds;
    nm_lines               lines;

    /* What comes of it. */
    uint64_t n_lines, n_wrong, n_done; /* n_done: continuations */
    uint64_t n_prompt_ids, n_drawn;
    size_t   n_sessions; /* beside the host's own text */
    double   seconds;

    /* Its own. */
    double          shown; /* when progress was */
    void           *beginning; /* the host's state, with `saved` */
    size_t          n_step; /* ids of a pass, at most */
    nm_batch_job   *first, *last; /* with answers to come, in the order of the lines */
    size_t          n_jobs;
    nm_batch_job   *first_read, *last_read; /* read, with continuations to begin */
    nm_batch_text **running;
    size_t          n_running, turn; /* turn: whose is the next place in a pass */
    nomul_session **sessions, **idle; /* all made; those without a text */
    size_t          n_idle;
    nomul_sampler  *drawer; /* in whose memory all of them draw */
    size_t          n_rows; /* of feeds, fed, logits */
    nomul_feed     *feeds;
    nm_batch_text **fed;
    float          *logits;
    bool            ended; /* the lines */
    nomul_error     end;   /* why, if not by their end: code is not NOMUL_OK */
} nm_batch;

/*
 * All of it.  Lines that are wrong get an object with `error`, and are counted.  False: it ended
 * before its time, by a signal (NOMUL_E_CANCELLED: what was running has been written as far as it
 * went), a failure of stdout (output.h), or another.
 */
bool nm_batch_run(nm_batch *batch, nomul_error *err);
void nm_batch_free(nm_batch *batch);

#endif
