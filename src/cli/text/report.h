/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics of run on stderr, and the JSON object of run and batch on stdout. */
#ifndef NM_REPORT_H
#define NM_REPORT_H

#include "cli/text/answer.h"

/* Sums of answers. */
typedef struct nm_effort {
    uint64_t n_read, n_generated;
    uint64_t n_steps; /* within `seconds` */
    double   prompt_seconds, seconds;
} nm_effort;

void nm_effort_add(nm_effort *effort, const nm_answer *answer);

typedef struct nm_statistics {
    nm_effort          effort;
    const nomul_model *model;
    const char        *path;
    size_t             session_bytes, n_threads;
    double             load_seconds;
    uint64_t           seed;
} nm_statistics;

void nm_statistics_print(const nm_statistics *statistics);

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
} nm_report;

/* One object on one line; false on an error. */
bool nm_report_json(const nm_report *report, nomul_error *err);

#endif
