/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of an evaluation: how many items, and how many of them were right by each metric. */
#ifndef NM_EVAL_TALLY_H
#define NM_EVAL_TALLY_H

#include "cli/eval/evaluate.h"

/* Zeros are none.  Items that have no acc_norm are judged by acc alone. */
typedef struct nm_eval_tally {
    uint64_t n_items, n_judged[NM_EVAL_METRICS], n_right[NM_EVAL_METRICS];
    uint64_t n_scored, n_tokens; /* in this run: items, tokens computed */
    double   seconds;
} nm_eval_tally;

void nm_eval_tally_add(nm_eval_tally *tally, size_t n_metrics, const bool right[NM_EVAL_METRICS]);

/*
 * Prints each metric with its standard error, which one item does not have; in lines or as a JSON
 * object, and then the speed on stderr unless it is to be quiet.
 */
void nm_eval_tally_print(const nm_eval_tally *tally, nm_eval_task task, bool json, bool quiet);

#endif
