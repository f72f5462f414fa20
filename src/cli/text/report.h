/* SPDX-License-Identifier: Apache-2.0 */
/* What a run says when it is over: the statistics on stderr, or the JSON object on stdout. */
#ifndef NM_REPORT_H
#define NM_REPORT_H

#include "cli/text/generate.h"

/* What was done, and how long it took. */
typedef struct nm_effort {
    uint64_t n_read, n_made;
    uint64_t n_steps; /* passes within `seconds` */
    double   prompt_seconds, seconds;
} nm_effort;

void nm_effort_add(nm_effort *effort, const nm_generation *generation);

typedef struct nm_report {
    const nm_generation *generation;
    const char          *id; /* a JSON value as it is spelled, n_id bytes */
    size_t               n_id;
    bool                 has_index;
    size_t               index; /* among the continuations of one prompt */
    const nomul_model   *model;
    const char          *path;
    size_t               session_bytes;
    size_t               n_threads;
    double               load_seconds;
    uint64_t             seed;
    nm_effort            effort; /* what the statistics are about; JSON is about the generation */
} nm_report;

void nm_report_statistics(const nm_report *report);

/* One object on one line; false on an error. */
bool nm_report_json(const nm_report *report, nomul_error *err);

#endif
