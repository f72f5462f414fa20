/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul_logprobs for those who have a model, and so kernels for this CPU.  The function of nomul.h
 * takes the fastest operations that every CPU of the build runs; both give the same bits.  How
 * likely ids were is asked of the logits, before any filter of a sampler.
 */
#ifndef NM_LOGPROBS_H
#define NM_LOGPROBS_H

#include "kernels/kernels.h"

/* Of n_vocab > 0 logits; `best` and `of` may be NULL. */
void nm_logprobs(const nm_float_ops *floats, const float *logits, size_t n_vocab,
                 nomul_logprob *best, size_t n_best, nomul_logprob *of);

#endif
