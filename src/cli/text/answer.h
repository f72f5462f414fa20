/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a text generated after its last prompt, collected step by step, and how long it took; and
 * how that is reported: the statistics of run on stderr, and the JSON object of run and batch on
 * stdout, whose keys are those of llama.cpp's server where it has them.
 */
#ifndef NM_ANSWER_H
#define NM_ANSWER_H

#include "cli/open.h"
#include "cli/text/prompt.h"

/* How much was computed, and how long it took: of one answer, or the sum of several. */
typedef struct nm_effort {
    uint64_t n_read, n_generated;
    uint64_t n_steps; /* generated after the first: those that `seconds` measures */
    double   prompt_seconds, seconds;
} nm_effort;

void nm_effort_add(nm_effort *sum, const nm_effort *effort);

/* Begins as zeros. */
typedef struct nm_answer {
    bool         keep; /* bytes, ids and log-probabilities; else they are only counted */
    size_t       n_logprobs;
    nm_buffer    bytes;
    nm_buffer    ids;      /* int32_t, of the text, EOS too: what a stop string cuts is replaced */
    nm_buffer    logprobs; /* n_logprobs + 1 nomul_logprob for each sampled token */
    uint64_t     n_prompt;
    nm_effort    effort;
    nomul_finish finish;
    bool         closed; /* stdout takes no more: output.h knows why */
    double       began;  /* the caller's: when the prompt was given; 0: at nm_answer_run */
} nm_answer;

/*
 * After a step of the text: adds what it generated.  False: no memory; the counts are right all the
 * same.
 */
bool nm_answer_add(nm_answer *answer, const nomul_text *text, nomul_error *err);
void nm_answer_free(nm_answer *answer);

/*
 * Steps one text until it finishes.  stream: its bytes go to stdout; ends early if that is closed.
 */
bool nm_answer_run(nm_answer *answer, nomul_text *text, bool stream, nomul_error *err);

/* Those of the sampled token `index`: its own, then those of the most likely ids. */
const nomul_logprob *nm_answer_logprobs(const nm_answer *answer, size_t index);

/* ---- Reports --------------------------------------------------------------------------------- */

/*
 * On stderr: model, speeds, memory, seed.  The first line and the one of memory, n_bytes in all
 * with the state of "the text", are also for statistics of a caller's own.
 */
void nm_effort_begin(const nm_opened *opened);
void nm_effort_end(const nm_opened *opened, uint64_t n_bytes, const char *whose);
void nm_effort_print(const nm_effort *effort, const nm_opened *opened, uint64_t seed);

typedef struct nm_report {
    const nm_answer       *answer;
    const nomul_tokenizer *tokenizer;
    const char            *id; /* a JSON value as it is spelled, n_id bytes */
    size_t                 n_id;
    bool                   has_index;
    size_t                 index; /* among the continuations of one prompt */
    uint64_t               n_prompt;
    double                 load_seconds;
    uint64_t               seed;
    bool                   no_timings;
} nm_report;

/* One object on one line; false on an error. */
bool nm_report_json(const nm_report *report, nomul_error *err);

#endif
