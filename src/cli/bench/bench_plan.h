/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nomul bench was asked to measure: its command line, checked, with every list of counts
 * parsed, and whether the machine has the memory for it.  A plan is made before anything is
 * measured, so a mistake at the end of the line costs no time.
 */
#ifndef NM_BENCH_PLAN_H
#define NM_BENCH_PLAN_H

#include "cli/open.h"

/* ---- Lists of counts ------------------------------------------------------------------------- */

#define NM_MOST_COUNTS 64

/* Zeros are an empty list. */
typedef struct nm_counts {
    int64_t at[NM_MOST_COUNTS];
    size_t  n;
} nm_counts;

/*
 * Adds what a text lists in llama-bench's syntax: "512", "1,2,4", "2-8", "2-8+2", "2-16*2".  Each
 * value must be least to most, where 0 <= least and most <= 2^24.  On an error, whose text quotes
 * the list but not the option's name, counts may hold a part of it.
 */
bool    nm_counts_add(nm_counts *counts, const char *text, int64_t least, int64_t most,
                      nomul_error *err);
int64_t nm_counts_largest(const nm_counts *counts); /* 0 of none */

/* ---- The plan -------------------------------------------------------------------------------- */

typedef struct nm_bench_args {
    nm_strings  models, shapes, n_prompt, n_gen, n_parallel, n_threads, n_batch;
    const char *kernels;
    int64_t     pack, n_repetitions, format; /* pack -1: not given */
    bool        no_warmup, ops, quick;
} nm_bench_args;

/* Does not change while tests run. */
typedef struct nm_bench_plan {
    const nm_bench_args *args;
    const char          *kernels;
    int64_t              pack; /* of shapes */
    nm_counts            n_prompt, n_gen, n_parallel, n_threads, n_batch;
    size_t               n_texts; /* the most generated together */
} nm_bench_plan;

/* Checks the command line; returns the exit code, NM_EXIT_MISUSED with a message. */
int nm_bench_plan_make(nm_bench_plan *plan, const nm_bench_args *args);

/*
 * Do the model of this shape and its largest session fit into so many bytes?  If not, the error
 * says what would: the smaller packing, or the largest of the named shapes, or a smaller session.
 */
bool nm_bench_fits(const nm_bench_plan *plan, const char *shape, uint64_t available,
                   nomul_error *err);

/*
 * Opens a model file (NULL: the default one) or, with `shape`, makes one in *bytes, which is NULL
 * before and freed by nomul_bench_free after the model.  Returns the exit code so far.
 */
int nm_bench_open(nm_opened *opened, void **bytes, const nm_bench_plan *plan, const char *file,
                  const char *shape);

#endif
