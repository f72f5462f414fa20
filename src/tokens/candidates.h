/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates: ids with their logits, the higher logit first, of equals the lower id.  All of them
 * sorted, the best few, or what is left of them after a cut.  Sampling and log-probabilities take
 * their lists from here.
 */
#ifndef NM_CANDIDATES_H
#define NM_CANDIDATES_H

#include "kernels/floats.h"
#include "kernels/kernels.h"

/* The k best of n, k <= n.  What is called logprob is their logit, also below. */
void nm_candidates_best(const nm_float_ops *floats, const float *logits, size_t n,
                        nomul_logprob *best, size_t k);

/* All n, in the order of their ids. */
void nm_candidates_all(const float *logits, size_t n, nomul_logprob *all);

/* Sorts n candidates that are in the order of their ids.  spare[n] is overwritten. */
void nm_candidates_sort(nomul_logprob *candidates, nomul_logprob *spare, size_t n);

#endif
