/* SPDX-License-Identifier: Apache-2.0 */
/* One running text: the state, the scratch memory, and the way of tokens through all layers. */
#ifndef NM_SESSION_H
#define NM_SESSION_H

#include "model/weights.h"

#define NM_BATCH_STEP 48 /* the default is a multiple of this, up to 8 of them */
#define NM_MAX_BATCH 4096
#define NM_MAX_THREADS 1024

struct nomul_session {
    const nm_weights *weights;
    uint64_t          n_tokens;
    size_t            n_batch;

    float           *state;     /* [n_layers][state_dim]: all that survives a token */
    float           *x, *u, *y; /* [n_batch][dim]: residual stream, normalized, a mixer's output */
    nm_mlgru_scratch mlgru;
    nm_glu_scratch   glu;
    nm_work          work;
    nm_arena         arena;
};

/* n_threads and n_batch inside their limits, not 0. */
size_t nm_session_bytes(const nm_weights *weights, const nm_kernels *kernels, size_t n_threads,
                        size_t n_batch);
/* As many tokens as 32 MiB of scratch memory hold, in whole steps. */
size_t nm_session_default_batch(const nm_weights *weights, const nm_kernels *kernels);
bool   nm_session_init(nomul_session *session, const nm_weights *weights, const nm_kernels *kernels,
                       size_t n_threads, size_t n_batch, nomul_error *err);
void   nm_session_close(nomul_session *session);

void nm_session_reset(nomul_session *session);

/*
 * n_tokens <= n_batch of them through one layer: x[n_tokens][dim] becomes the layer's output, the
 * layer's state moves on.
 */
void nm_session_layer(nomul_session *session, size_t layer, float *x, size_t n_tokens);

/* Ids inside the vocabulary; which and logits as nomul_session_feed has them. */
void nm_session_feed(nomul_session *session, const int32_t *ids, size_t n_ids, nomul_logits which,
                     float *logits);

#endif
