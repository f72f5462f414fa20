/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of tokens through all layers, with the scratch memory and the threads it takes.  Tokens
 * of several texts go together; of a text it knows no more than where its state is.
 */
#ifndef NM_ENGINE_H
#define NM_ENGINE_H

#include "base/refs.h"
#include "model/weights.h"

#define NM_BATCH_STEP 48 /* the default is a multiple of this, up to 8 of them */
#define NM_MAX_BATCH 4096
#define NM_MAX_THREADS 1024

typedef struct nm_engine {
    const nm_weights *weights;
    size_t            n_batch; /* tokens that there is room for */
    nm_batch          batch;
    size_t           *wanted; /* [n_batch]: tokens of the batch whose logits are, in order */
    size_t            n_wanted;
    uint64_t          n_calls; /* of nomul_session_feed_many */

    float           *x, *u, *y; /* [n_batch][dim]: residual stream, normalized, a mixer's output */
    nm_mlgru_scratch mlgru;
    nm_glu_scratch   glu;
    nm_work          work;
    nm_arena         arena; /* it lies in itself */

    nm_refs                   refs;  /* of the sessions that share it */
    const struct nomul_model *model; /* and the reference that keeps it open; set by the API */
    nm_refs                  *model_refs;
    const nomul_cancel       *cancel;
} nm_engine;

/* n_threads and n_batch inside their limits, not 0; SIZE_MAX if that can't be counted. */
size_t nm_engine_bytes(const nm_weights *weights, const nm_kernels *kernels, size_t n_threads,
                       size_t n_batch);
/* As many tokens as 32 MiB of memory hold, in whole steps. */
size_t     nm_engine_default_batch(const nm_weights *weights, const nm_kernels *kernels);
/* With one reference, the caller's; freed by dropping the last one. */
nm_engine *nm_engine_new(const nm_weights *weights, const nm_kernels *kernels, size_t n_threads,
                         size_t n_batch, nomul_error *err);

/*
 * One layer for the tokens of a batch: x[n_tokens][dim] becomes the layer's output, what each
 * state holds of this layer moves on.
 */
void nm_engine_layer(nm_engine *engine, size_t layer, float *x, const nm_batch *batch);

/* How many tokens more the batch has room for. */
size_t nm_engine_room(const nm_engine *engine);

/*
 * Puts tokens of one text into the batch, behind those that are there: 0 < n_ids <= room, inside
 * the vocabulary.  The logits of the last n_logits of them are wanted.
 */
void nm_engine_put(nm_engine *engine, float *state, const int32_t *ids, size_t n_ids,
                   size_t n_logits);

/*
 * Takes the batch through all layers and empties it.  The logits wanted are written to *logits, in
 * the order in which they were put, and it moves behind them.
 */
void nm_engine_run(nm_engine *engine, float **logits);

#endif
