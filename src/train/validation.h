/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good a model is by now: the loss on a text that it never trains on, and a sample.  The
 * trainer measures at the intervals that its options set, and at the end; without such a text there
 * is no loss.
 */
#ifndef NM_VALIDATION_H
#define NM_VALIDATION_H

#include "train/export.h"
#include "train/token_cache.h"
#include "train/train_options.h"

/* What is measured, and by which engine; all is the caller's. */
typedef struct nm_validation {
    const nm_latent        *latent;
    const nm_hf_tokenizer  *tokenizer;
    const nm_token_cache   *valid; /* of no ids: no loss */
    const nm_train_options *options;
    const char             *kernels;
    size_t                  n_threads;
} nm_validation;

typedef struct nm_validation_loss {
    double nats, bits_per_byte; /* a token; a byte of text */
    size_t n_tokens;            /* 0: not measured */
} nm_validation_loss;

/*
 * Writes the model to memory, as it would be stored, and lets the engine measure the loss and
 * continue options->sample on stderr, unless options->quiet.
 */
bool nm_validation_run(const nm_validation *v, nm_validation_loss *result, nomul_error *err);

#endif
