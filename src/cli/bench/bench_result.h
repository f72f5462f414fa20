/* SPDX-License-Identifier: Apache-2.0 */
/* The result of one test of nomul bench: what was measured, and what follows from it. */
#ifndef NM_BENCH_RESULT_H
#define NM_BENCH_RESULT_H

#include "cli/bench/figures.h"

#define NM_MOST_REPETITIONS NM_MOST_VALUES

/* A test as it was run, and what was measured; nothing that can be computed from these. */
typedef struct nm_bench_result {
    const char        *path; /* of the model */
    const nomul_model *model;
    uint64_t           weight_bytes; /* read for one token */
    uint64_t           logits_hash;  /* of the fixed prompt */
    size_t             n_threads, n_batch;
    size_t             n_prompt, n_gen; /* one of them is 0 */
    size_t             n_parallel;      /* texts of n_gen tokens each */
    char               test_time[24];   /* when it began, ISO 8601 */
    size_t             n;               /* repetitions */
    double             seconds[NM_MOST_REPETITIONS];
    double             first[NM_MOST_REPETITIONS];     /* seconds to the first logits of each */
    double             read_rate[NM_MOST_REPETITIONS]; /* bytes per second, around each */
    size_t             n_signals;                      /* answered in time; 0 with one thread */
    double             signal[NM_MOST_REPETITIONS];    /* seconds, of these */
} nm_bench_result;

/* What the formats print beside these fields, computed once. */
typedef struct nm_bench_summary {
    const nm_bench_result *result;
    char                   model_type[64], test[64]; /* "hgrn_bit 370M t4", "tg128 x8" */
    uint64_t               model_size;               /* of all tensors, as llama-bench counts it */
    double                 ns[NM_MOST_REPETITIONS], ts[NM_MOST_REPETITIONS];
    double                 read_gbs, percent; /* medians; percent is of generation only */
} nm_bench_summary;

void nm_bench_summarize(nm_bench_summary *summary, const nm_bench_result *result);

#endif
