/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logits to the next id: what the library itself needs of a sampler beyond nomul.h.  What the
 * contracts there leave open:
 *
 * Each step is llama.cpp's of the same name.  The candidates are always in falling order of their
 * logits, of equals the lower id first, so top-k, top-p and min-p each cut off the end of the list.
 * Exponentials are nm_exp's, and sums run over the candidates in that order in binary64: one seed
 * gives one text on every machine.
 *
 * A NaN counts as minus infinity, plus infinity as FLT_MAX.  Minus infinity is never sampled unless
 * there is nothing else; then it is the lowest id.  Temperature 0 takes no random number.
 */
#ifndef NM_SAMPLER_H
#define NM_SAMPLER_H

#include "format/sampler_fields.h"
#include "kernels/kernels.h"
#include "nomul.h"

/*
 * nomul_sampler_new; or, with a host, a sampler that works in the host's scratch memory: of its own
 * it has what the penalties see.  The host was made with top_k = 0 and the same n_vocab, and
 * outlives it.
 */
nomul_sampler *nm_sampler_new(size_t n_vocab, const nomul_sampler_options *options,
                              const nomul_sampler *host, const nm_float_ops *floats,
                              nomul_error *err);

/* Are penalties on? */
bool nm_sampler_penalizes(const nomul_sampler_options *options);

/* As given to nomul_sampler_new, defaults filled in. */
const nomul_sampler_options *nm_sampler_options(const nomul_sampler *sampler);

/* Where a sampler stands: enough to continue as it would have continued. */
typedef struct nm_sampler_history {
    uint64_t        rng[4]; /* xoshiro256**, not all zero */
    const int32_t  *ids;    /* [n_ids]: the last accepted, latest last */
    size_t          n_ids;
    const uint32_t *counts; /* [n_vocab] where penalties look back on all ids, else NULL */
} nm_sampler_history;

/* ids[n_ids] is the caller's; NULL to learn n_ids.  counts are the sampler's own. */
nm_sampler_history nm_sampler_get_history(const nomul_sampler *sampler, int32_t *ids);
void               nm_sampler_set_history(nomul_sampler *sampler, const nm_sampler_history *history,
                                          bool keep_generator);

#endif
