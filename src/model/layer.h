/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer of the network for a slice of a pass: the token mixer (MLGRU), then the channel mixer
 * (ternary GLU), each with its residual.  Zhu et al., arXiv 2406.02528, and the authors' code.
 */
#ifndef NM_LAYER_H
#define NM_LAYER_H

#include "model/weights.h"

/* Consecutive tokens of one text. */
typedef struct nm_segment {
    float *state; /* of the text: [n_layers][state_dim] */
    size_t n_tokens;
} nm_segment;

/* What the layers compute, each [n_tokens][...]; layer.c says when each is valid. */
typedef struct nm_activations {
    float *x;         /* [dim]: residual stream */
    float *u;         /* [dim or state_dim]: x or g, normalized */
    float *y;         /* [dim]: output of a mixer */
    float *f, *i, *g; /* [state_dim]: gates of the token mixer */
    float *gate_up;   /* [2 ffn] */
    float *product;   /* [ffn] */
} nm_activations;

/*
 * Tokens that take each step together, and what computes them: a whole pass and all threads, or a
 * part of the pass and one thread.
 */
typedef struct nm_slice {
    const nm_weights     *weights;
    const nm_work        *work;
    nm_bitlinear_scratch *bitlinear;
    nm_activations        activations; /* of its tokens */
    const int32_t        *ids;
    size_t                n_tokens;
    const nm_segment     *segments; /* the first `skipped` tokens of the first are not in it */
    size_t                skipped;

    /* The layers that have moved the states: before a layer does, those of `before` are awaited. */
    atomic_size_t *scanned, *before; /* NULL: nobody waits, nobody is awaited */
} nm_slice;

/* x = embedding[id] */
void nm_slice_embed(const nm_slice *slice);

void nm_layer_forward(const nm_slice *slice, size_t layer);

/* u = RMSNorm(x), the first n tokens. */
void nm_slice_rmsnorm(const nm_slice *slice, const float *gain, size_t n);

#endif
