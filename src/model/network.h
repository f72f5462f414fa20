/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights of the network as the forward pass reads them (Zhu et al., arXiv 2406.02528): in each
 * layer the token mixer, which alone has a state, and the channel mixer.  The rows of the plan in
 * tensors.c name the fields, weights.c fills them.
 */
#ifndef NM_NETWORK_H
#define NM_NETWORK_H

#include "model/bitlinear.h"
#include "model/config.h"

/*
 * Of weights times tokens: with more, threads always gain, and while thread 0 normalizes, it pays
 * to let the others prefetch.  With less, signals and cache lines on their way matter more.
 */
#define NM_SMALL_BYTES 24000000

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

/* A zeroed struct is closed. */
typedef struct nm_weights {
    nm_config             config;
    nm_packing_id         packing;
    uint64_t              model_id;
    const uint8_t        *checksums;   /* n_tensors little-endian u64, in the order of the file */
    const nm_gguf_tensor *embedding;   /* [vocab, dim] */
    const float          *raw_bounds;  /* [n_layers][dim], as stored: beta before its softmax */
    nm_layer             *layers;      /* owned, as bounds are */
    const float          *output_gain; /* [dim] */
    nm_bitlinear          output;      /* [vocab, dim] */
    uint64_t              n_params, n_ternary_params;
    uint64_t              ternary_bytes; /* of codes, scales and counts, padding included */
    uint64_t              gain_bytes;
    float                *bounds; /* [n_layers][dim]: beta, if the model has lower bounds */
} nm_weights;

#endif
