/* SPDX-License-Identifier: Apache-2.0 */
/* The token mixer: MatMul-free linear gated recurrent unit (Zhu et al., arXiv 2406.02528). */
#ifndef NM_MLGRU_H
#define NM_MLGRU_H

#include "model/bitlinear.h"

typedef struct nm_mlgru {
    nm_bitlinear i_proj, f_proj, g_proj; /* [state_dim, dim] */
    nm_bitlinear o_proj;                 /* [dim, state_dim] */
    const float *g_gain;                 /* [state_dim] */
    const float *bound; /* [state_dim]: beta of this layer; NULL where it is zero */
    float        eps;
} nm_mlgru;

/* Room for n_batch tokens: each [n_batch][state_dim]. */
typedef struct nm_mlgru_scratch {
    float *f, *i, *g;
} nm_mlgru_scratch;

/* Tokens of one text, one behind the other. */
typedef struct nm_segment {
    float *state; /* of the text: [n_layers][state_dim] */
    size_t n_tokens;
} nm_segment;

/* Tokens that go through a layer together, segment behind segment; no two of one text. */
typedef struct nm_batch {
    nm_segment *segments;
    size_t      n_segments, n_tokens;
} nm_batch;

/*
 * y[n_tokens][dim] of u[n_tokens][dim], for the tokens of the batch; what each state has of this
 * layer, state_dim floats from `at` on, moves on by its segment's tokens.
 */
void nm_mlgru_forward(nm_work *work, const nm_mlgru *layer, const nm_mlgru_scratch *scratch,
                      float *y, const float *u, const nm_batch *batch, size_t at);

#endif
