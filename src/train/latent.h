/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model in training.  Its latent weights are binary32, all in one array; the optimizer, the
 * gradients and files see tensors of it.  The network of the forward pass is the engine's own
 * nm_weights, whose matrices are made of the latent ones after each step:
 *
 *     values   | embedding | bounds | gain | i_proj.weight | i_proj.norm | ...     the plan's order
 *     grads    | the same
 *                   |                           |
 *     weights  as it is stored            trits, packed codes, scale
 */
#ifndef NM_LATENT_H
#define NM_LATENT_H

#include "base/arena.h"
#include "base/pool.h"
#include "model/network.h"
#include "model/tensors.h"

/* A tensor as a checkpoint has it. */
typedef struct nm_latent_tensor {
    char   name[NM_TENSOR_NAME];
    size_t rows, cols; /* a gain has one row */
    size_t at;         /* in values */
    bool   is_matrix;  /* two-dimensional: decayed */
} nm_latent_tensor;

/* A BitLinear: where its tensors are, and what the forward pass reads. */
typedef struct nm_latent_matrix {
    nm_bitlinear *layer;
    size_t        rows, cols, weight_at, gain_at;
    int8_t       *trits; /* [rows][cols] */
    uint8_t      *codes; /* the same, packed */
} nm_latent_matrix;

typedef struct nm_latent_layer {
    const nm_latent_matrix *i, *f, *g, *o, *gate_up, *down;
} nm_latent_layer;

typedef struct nm_latent {
    nm_config         config;
    nm_latent_tensor *tensors; /* in the plan's order */
    size_t            n_tensors, n_values;
    float            *values, *grads; /* [n_values] */

    nm_latent_matrix *matrices;
    size_t            n_matrices;
    nm_latent_layer  *layers;
    nm_latent_matrix *head;
    size_t            embedding_at, bounds_at;
    nm_weights        weights;
    nm_gguf_tensor    embedding; /* of weights: as it will be stored */
    uint8_t          *stored;    /* its bytes */
    size_t            max_cols;
    nm_arena          tables, arena; /* of the tables and the arrays above */
} nm_latent;

/* values are zeros; embedding is the type in which the embedding will be stored. */
bool nm_latent_open(nm_latent *latent, const nm_config *config, nm_packing_id packing,
                    nm_gguf_type embedding, nomul_error *err);
void nm_latent_close(nm_latent *latent);

/*
 * Makes codes, scales, bounds and the stored embedding of the values.  Fails if a value is not a
 * number, or too large for the embedding's type.
 */
bool nm_latent_quantize(nm_latent *latent, nm_pool *pool, nomul_error *err);

/* Random values: normal with standard deviation 0.02, gains 1, bounds 0. */
void nm_latent_randomize(nm_latent *latent, uint64_t seed);

#endif
