/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers around a measurement: the lists that say what to measure, in llama-bench's syntax,
 * and the statistics of what was measured.  It measures nothing itself.
 */
#ifndef NM_FIGURES_H
#define NM_FIGURES_H

#include "nomul.h"

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

#define NM_MOST_VALUES 1000

/* Of x[n], at most NM_MOST_VALUES; 0 of no values. */
double nm_mean(const double *x, size_t n);
double nm_deviation(const double *x, size_t n); /* of a sample: divided by n - 1; 0 of one value */
double nm_median(const double *x, size_t n);

#endif
