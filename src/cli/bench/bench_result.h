/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of one test of nomul bench, and the four formats in which it is printed.  Markdown is
 * a table, whose cells a caller writes one after the other; CSV, JSON and JSON lines are records
 * with the same fields, which a caller lists once.  Columns, keys, their order and the format of
 * numbers are llama-bench's, so that tables can be compared and read by the same scripts; nomul's
 * own columns follow them.
 */
#ifndef NM_BENCH_RESULT_H
#define NM_BENCH_RESULT_H

#include "cli/record.h"

#define NM_MOST_REPETITIONS 1000

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

/* Of x[n], at most NM_MOST_REPETITIONS; 0 of no values. */
double nm_mean(const double *x, size_t n);
double nm_deviation(const double *x, size_t n); /* of a sample: divided by n - 1; 0 of one value */
double nm_median(const double *x, size_t n);

/* ---- Formats --------------------------------------------------------------------------------- */

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
    size_t          n_written;  /* records, or rows of the table */
} nm_bench_writer;

/* The lines of a table: before the first row of values its header and the rule below it. */
typedef enum nm_md_line { NM_MD_HEADER, NM_MD_RULE, NM_MD_VALUES } nm_md_line;

/*
 * One cell of a line, whichever it is, and the bar after it: so the columns are named where their
 * values are, and header, rule and values agree.  A negative width aligns left, as in printf; a
 * width of 0 is no column.
 *
 *   | model                          |       size |     NM_MD_HEADER
 *   | ------------------------------ | ---------: |     NM_MD_RULE, ':' where a column aligns right
 *   | hgrn_bit 77M t5                |  19.50 MiB |     NM_MD_VALUES
 */
void nm_bench_cell(nm_md_line line, const char *name, int width, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds the fields of a result to a record. */
typedef void (*nm_bench_fields)(nm_record *record, const void *result);

/* Writes a record in any other format, before the first one what the format begins with. */
void nm_bench_record(nm_bench_writer *writer, nm_bench_fields fields, const void *result);

/* A field that is a number with so many decimals, or nothing. */
void nm_bench_number(nm_record *record, const char *name, bool known, int decimals, double value);

/* After the last result: what the format ends with. */
void nm_bench_end(const nm_bench_writer *writer);

/* Writes a result to stdout and flushes it, since the next one may take minutes. */
void nm_bench_write(nm_bench_writer *writer, const nm_bench_result *result);

#endif
