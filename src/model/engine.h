/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What computes: threads, scratch memory, and the tokens on their way through the layers.  Tokens
 * of several texts go together; of a text the engine knows only where its state is.
 *
 * engine.c makes and frees one, forward.c is the forward pass.
 */
#ifndef NM_ENGINE_H
#define NM_ENGINE_H

#include "base/cancel.h"
#include "base/refs.h"
#include "model/trial.h"
#include "model/weights.h"

#define NM_BATCH_STEP 48 /* the default batch is a multiple of this, up to 8 of them */
#define NM_MAX_BATCH 4096
#define NM_MAX_THREADS 1024
#define NM_TRIAL_TOKENS 8 /* in a pass: with more, threads gain in any model */

/* Consecutive tokens of one text. */
typedef struct nm_segment {
    float *state; /* of the text: [n_layers][state_dim] */
    size_t n_tokens;
} nm_segment;

/* The tokens that go through the layers together: segment after segment, no two of one text. */
typedef struct nm_pass {
    nm_segment *segments; /* [n_batch] */
    size_t      n_segments, n_tokens;
    size_t     *wanted; /* [n_batch]: the tokens whose logits are wanted, ascending */
    size_t      n_wanted;
} nm_pass;

/* What the layers compute, each [n_batch][...]; forward.c says when each is valid. */
typedef struct nm_activations {
    float *x;         /* [dim]: residual stream */
    float *u;         /* [dim or state_dim]: x or g, normalized */
    float *y;         /* [dim]: output of a mixer */
    float *f, *i, *g; /* [state_dim]: gates of the token mixer */
    float *gate_up;   /* [2 ffn] */
    float *product;   /* [ffn] */
} nm_activations;

typedef struct nm_engine {
    const nm_weights    *weights;
    size_t               n_batch; /* tokens that there is room for */
    nm_work              work;
    nm_bitlinear_scratch bitlinear;
    nm_activations       activations;
    nm_pass              pass;
    nm_trial             trials[2][NM_TRIAL_TOKENS]; /* all threads or one, for so few tokens */
    uint64_t             n_calls;                    /* of nomul_session_feed_many */
    nm_arena             arena;                      /* of all of this, the engine included */

    nm_refs                   refs;  /* of the sessions that share it */
    const struct nomul_model *model; /* and the reference that keeps it open; set by the API */
    nm_refs                  *model_refs;
    const nomul_cancel       *cancel;
    nm_pace                   pace; /* of nomul_session_feed, where there is a cancel flag */
} nm_engine;

/* Of an engine; n_threads and n_batch within their limits, not 0.  SIZE_MAX if it overflows. */
size_t nm_engine_bytes(const nm_weights *weights, const nm_kernels *kernels, size_t n_threads,
                       size_t n_batch);
/* The batch that 32 MiB of memory hold, in whole steps. */
size_t nm_engine_default_batch(const nm_weights *weights, const nm_kernels *kernels);
/*
 * The pace of long calls.  The first piece is 16 * 10^9 weights times tokens: less than a tenth of
 * a second with AVX-512, less than one with SSSE3 or NEON, on one thread.
 */
nm_pace nm_engine_pace(const nm_engine *engine, const nomul_cancel *cancel);

/* With one reference, the caller's; freed by dropping the last one. */
nm_engine *nm_engine_new(const nm_weights *weights, const nm_kernels *kernels, size_t n_threads,
                         size_t n_batch, nomul_error *err);

/*
 * Appends tokens of one text to the pass: 0 < n_ids <= n_batch - pass.n_tokens, ids inside the
 * vocabulary.  The logits of the last n_logits of them are wanted.
 */
void nm_engine_append(nm_engine *engine, float *state, const int32_t *ids, size_t n_ids,
                      size_t n_logits);

/*
 * The forward pass: takes the tokens appended through all layers, moves the states of their texts,
 * writes the logits wanted in the order of the tokens, and empties the pass.  Returns the end of
 * what it wrote.
 */
float *nm_engine_forward(nm_engine *engine, float *logits);

#endif
