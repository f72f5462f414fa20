/* SPDX-License-Identifier: Apache-2.0 */
/* One test of nomul bench, and its line in the formats of llama-bench. */
#ifndef NM_BENCH_RESULT_H
#define NM_BENCH_RESULT_H

#include "nomul.h"

#define NM_MOST_REPETITIONS 1000

typedef struct nm_bench_result {
    const char        *path; /* of the model */
    const nomul_model *model;
    uint64_t           weight_bytes; /* that a token reads */
    size_t             n_prompt, n_gen, n_threads, n_batch;
    size_t             n_parallel;    /* texts of n_gen tokens each */
    char               test_time[24]; /* when it began, ISO 8601 */
    size_t             n;             /* repetitions */
    double             seconds[NM_MOST_REPETITIONS];
    double             read_rate[NM_MOST_REPETITIONS]; /* bytes a second, around each */
} nm_bench_result;

typedef enum nm_bench_format {
    NM_BENCH_MD,
    NM_BENCH_CSV,
    NM_BENCH_JSON,
    NM_BENCH_JSONL,
} nm_bench_format;

typedef struct nm_bench_writer {
    nm_bench_format format;
    bool            show_batch; /* md: a column for n_batch */
    size_t          n_written;
} nm_bench_writer;

/* What a format has in front of all comes with the first, what it has behind them with the end. */
void nm_bench_write(nm_bench_writer *writer, const nm_bench_result *result);
void nm_bench_end(const nm_bench_writer *writer);

#endif
