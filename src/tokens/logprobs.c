/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log-probabilities: how likely each id was before any filter of the sampler.  The softmax is the
 * kernels', whose sum runs in an order that all of them keep, in binary64, so the figures are the
 * same on every machine.
 */
#include "tokens/logprobs.h"

#include "base/exp.h"
#include "tokens/candidates.h"

/* Natural logarithm of the softmax; where all logits are minus infinity, it is that of 1 / n. */
static float logprob_of(float logit, float max, double log_sum)
{
    return (float)((logit == max ? 0.0 : (double)logit - (double)max) - log_sum);
}

void nm_logprobs(const nm_float_ops *floats, const float *logits, size_t n_vocab,
                 nomul_logprob *best, size_t n_best, nomul_logprob *of)
{
    float  max = floats->largest(logits, n_vocab);
    double log_sum = nm_log(floats->softmax(NULL, logits, n_vocab, max, 1.0f));

    if (best) {
        if (n_best > n_vocab) n_best = n_vocab;
        nm_candidates_best(floats, logits, n_vocab, best, n_best);
        for (size_t i = 0; i < n_best; i++)
            best[i].logprob = logprob_of(best[i].logprob, max, log_sum);
    }
    if (of && of->id >= 0 && (size_t)of->id < n_vocab)
        of->logprob = logprob_of(nm_tame_logit(logits[of->id]), max, log_sum);
}

void nomul_logprobs(const float *logits, size_t n_vocab, nomul_logprob *best, size_t n_best,
                    nomul_logprob *of)
{
    if (logits && n_vocab > 0)
        nm_logprobs(nm_kernels_any_floats(), logits, n_vocab, best, n_best, of);
}
