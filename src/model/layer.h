/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights of one layer (Zhu et al., arXiv 2406.02528): the token mixer, which alone has a
 * state, and the channel mixer.  forward.c computes with them.
 */
#ifndef NM_LAYER_H
#define NM_LAYER_H

#include "model/bitlinear.h"

/* MatMul-free linear gated recurrent unit. */
typedef struct nm_mlgru {
    nm_bitlinear i_proj, f_proj, g_proj; /* [state_dim, dim] */
    nm_bitlinear o_proj;                 /* [dim, state_dim] */
    const float *g_gain;                 /* [state_dim] */
    const float *bound; /* [state_dim]: beta of this layer; NULL where it is zero */
    float        eps;
} nm_mlgru;

/* Gated linear unit. */
typedef struct nm_glu {
    nm_bitlinear gate_up_proj; /* [2 ffn, dim]: rows 0..ffn-1 gate, the rest up */
    nm_bitlinear down_proj;    /* [dim, ffn] */
} nm_glu;

typedef struct nm_layer {
    const float *attn_gain; /* [dim] */
    nm_mlgru     mlgru;
    const float *ffn_gain; /* [dim] */
    nm_glu       glu;
} nm_layer;

#endif
