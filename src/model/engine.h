/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What computes: threads, scratch memory, and the tokens on their way through the layers.  Tokens
 * of several texts go together; of a text the engine knows only where its state is.
 *
 * engine.c makes and frees one, forward.c is the forward pass, strips.c shares out many tokens,
 * layer.c is a layer.
 */
#ifndef NM_ENGINE_H
#define NM_ENGINE_H

#include "base/cancel.h"
#include "base/refs.h"
#include "model/layer.h"
#include "model/trial.h"

#define NM_BATCH_STEP 64 /* the default batch is a multiple of this, up to 6 of them */
#define NM_MAX_BATCH 4096
#define NM_MAX_THREADS 1024
#define NM_STRIP_LEAST 32           /* with so many tokens for each thread there are strips */
#define NM_STRIP_MOST NM_BATCH_STEP /* of a strip: as many go through a product together */
#define NM_TRIAL_TOKENS 8           /* in a pass: with more, threads gain in any model */

/* The tokens that go through the layers together: segment after segment, no two of one text. */
typedef struct nm_pass {
    int32_t    *ids;      /* [n_batch] */
    nm_segment *segments; /* [n_batch] */
    size_t      n_segments, n_tokens;
    size_t     *wanted; /* [n_batch]: the tokens whose logits are wanted, ascending */
    size_t      n_wanted;
} nm_pass;

/*
 * Tokens of a pass that one thread at a time takes through the layers.  The counts say how many
 * layers have begun, have moved the states, and are done.
 */
typedef struct nm_strip {
    _Alignas(NM_ALIGN) atomic_size_t begun;
    atomic_size_t scanned, done;
    atomic_size_t owner; /* the thread that goes on with it, unless it falls behind */
    size_t        token; /* the first */
    nm_slice      slice;
} nm_strip;

typedef struct nm_engine {
    const nm_weights    *weights;
    size_t               n_batch; /* tokens that there is room for */
    nm_work              work;
    nm_bitlinear_scratch bitlinear;
    nm_activations       activations;
    nm_pass              pass;
    nm_strip            *strips; /* [n_batch / NM_STRIP_MOST + n_threads], of a large pass */
    size_t               n_strips;
    atomic_size_t        n_to_begin;                 /* layers of all strips */
    atomic_size_t        layer_us;                   /* of a strip, the last one; 0 at first */
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

/* The tokens of the pass from `token` on, computed by all threads. */
nm_slice nm_engine_slice(nm_engine *engine, size_t token, size_t n_tokens);

/*
 * Takes a pass of many tokens through the layers, each thread tokens of its own.  False, and
 * nothing is done, where there are too few: then the threads better share each step.
 */
bool   nm_engine_strips(nm_engine *engine);
size_t nm_engine_strip_least(const nm_engine *engine); /* how many each thread takes at least */

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
