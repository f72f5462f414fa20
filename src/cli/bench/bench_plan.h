/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nomul bench was asked to measure: its command line, checked, with every list of counts
 * parsed, and whether the machine has the memory for it.
 */
#ifndef NM_BENCH_PLAN_H
#define NM_BENCH_PLAN_H

#include "cli/bench/figures.h"
#include "cli/open.h"

typedef struct nm_bench_args {
    nm_strings  models, shapes, n_prompt, n_gen, n_parallel, n_threads, n_batch;
    const char *kernels;
    int64_t     pack, n_repetitions, format;
    bool        no_warmup, ops, quick;
} nm_bench_args;

/* Does not change while tests run. */
typedef struct nm_bench_plan {
    const nm_bench_args *args;
    const char          *kernels;
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
