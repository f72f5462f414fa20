/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measurements of one model: every number of threads with every batch size makes a session, in
 * which all tests run, or, for --ops, the phases of a token are timed.
 */
#ifndef NM_BENCH_MEASURE_H
#define NM_BENCH_MEASURE_H

#include "cli/bench/bench_plan.h"
#include "cli/bench/bench_result.h"

/* What is running: a model, and in it one session after another. */
typedef struct nm_bench {
    const nm_bench_plan *plan;
    nm_bench_writer      writer;
    nm_opened            opened;
    nomul_feed          *feeds;  /* n_texts; the first has the session, the others share with it */
    int32_t             *ids;    /* random, as many as the longest test takes */
    float               *logits; /* a row for each text */
    double               first;  /* seconds to the first logits of the last feed */
    nm_bench_result      result;
    nm_progress_bar      bar;           /* of all tests with this model */
    size_t               n_done, n_all; /* repetitions */
} nm_bench;

/* With the open model; results are written as they come. */
bool nm_bench_model(nm_bench *bench, nomul_error *err);

#endif
