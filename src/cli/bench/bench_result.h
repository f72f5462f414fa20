/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of one test of nomul bench, written in one of llama-bench's formats.  Columns, keys,
 * their order and the format of numbers are llama-bench's, so that tables can be compared and read
 * by the same scripts; nomul's own columns follow them.
 */
#ifndef NM_BENCH_RESULT_H
#define NM_BENCH_RESULT_H

#include "nomul.h"

#define NM_MOST_REPETITIONS 1000

/* A test as it was run, and what was measured; nothing that can be computed from these. */
typedef struct nm_bench_result {
    const char        *path; /* of the model */
    const nomul_model *model;
    uint64_t           weight_bytes; /* read for one token */
    size_t             n_threads, n_batch;
    size_t             n_prompt, n_gen; /* one of them is 0 */
    size_t             n_parallel;      /* texts of n_gen tokens each */
    char               test_time[24];   /* when it began, ISO 8601 */
    size_t             n;               /* repetitions */
    double             seconds[NM_MOST_REPETITIONS];
    double             read_rate[NM_MOST_REPETITIONS]; /* bytes per second, around each */
    double             signal[NM_MOST_REPETITIONS];    /* seconds, after each; 0: one thread */
} nm_bench_result;

/* In the order of the choices of --output. */
typedef enum nm_bench_format {
    NM_BENCH_MD,
    NM_BENCH_CSV,
    NM_BENCH_JSON,
    NM_BENCH_JSONL,
} nm_bench_format;

/* The caller sets what stands before n_written. */
typedef struct nm_bench_writer {
    nm_bench_format format;
    bool            show_batch; /* md: a column for n_batch */
    bool            narrow;     /* md: for a terminal, without what is the same in all rows */
    size_t          n_written;
} nm_bench_writer;

/*
 * Writes a result to stdout and flushes it, since the next one may take minutes.  The first one
 * brings what the format needs before all, nm_bench_end what it needs after, if there was any.
 */
void nm_bench_write(nm_bench_writer *writer, const nm_bench_result *result);
void nm_bench_end(const nm_bench_writer *writer);

#endif
