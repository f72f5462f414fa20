/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logits to the next id: nomul_sampler_* and nomul_logprobs, whose contracts are in nomul.h.  What
 * they leave open:
 *
 * Each step is llama.cpp's of the same name.  The candidates are always in falling order of their
 * logits, the lower id first among equals, so top-k, top-p and min-p each cut the list's end off.
 * Exponentials are nm_exp's and sums run over the candidates in that order, in binary64: one seed,
 * one text, on every machine.
 *
 * A NaN counts as minus infinity, plus infinity as FLT_MAX.  Minus infinity is never drawn unless
 * there is nothing else; then it is the lowest id.  Temperature 0 draws no number.
 */
#ifndef NM_SAMPLER_H
#define NM_SAMPLER_H

#include "nomul.h"

/* Limit of repeat_last_n: that many ids are kept. */
#define NM_SAMPLER_MAX_LAST_N (1 << 20)

/* As given to nomul_sampler_new, defaults filled in. */
const nomul_sampler_options *nm_sampler_settings(const nomul_sampler *sampler);

/* What nomul_sampler_new checks of options, the biases aside; no field but those is read. */
bool nm_sampler_check_settings(const nomul_sampler_options *options, nomul_error *err);

/* What nomul_sampler_set_state checks; n_vocab > 0. */
bool nm_sampler_check_state(const nomul_sampler_state *state, size_t n_vocab, nomul_error *err);

#endif
