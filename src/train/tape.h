/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of training for some streams of tokens: the forward pass with the engine's own kernels,
 * which keeps what the backward pass needs, and the backward pass.  README.md in this folder has
 * the mathematics.
 *
 * A pass has n_streams rows of n_tokens; token t of stream s is row s * n_tokens + t of every
 * array.  States are carried from one pass to the next, gradients through them are not.
 */
#ifndef NM_TAPE_H
#define NM_TAPE_H

#include "train/gradients.h"
#include "train/latent.h"

/* What the backward pass needs of a layer: all else is computed again. */
typedef struct nm_taped_layer {
    float *x;       /* [rows][dim]: the layer's input */
    float *f, *i;   /* [rows][state]: inputs of the gates */
    float *g;       /* [rows][state]: the output gate, not normalized */
    float *h;       /* [rows][state]: the state after each token */
    float *middle;  /* [rows][dim]: input of the channel mixer */
    float *gate_up; /* [rows][2 ffn] */
    float *before;  /* [streams][state]: the state before the first token */
} nm_taped_layer;

/* Where the time of a pass went, for bench; added up from pass to pass. */
typedef struct nm_tape_times {
    double all, forward, products; /* seconds; products: of the backward pass */
    double flops;                  /* of these products */
} nm_tape_times;

typedef struct nm_tape {
    nm_latent             *latent;
    nm_work                work;
    const nm_gradient_ops *ops;
    bool                   in_16_bits;  /* the products of the backward pass; false at first */
    size_t n_streams, n_tokens, n_rows; /* of a pass at most, n_rows their product */

    nm_taped_layer *layers;
    float          *x, *d_x;  /* [rows][dim]: the residual stream, and its gradient */
    float          *d_bounds; /* [n_layers][dim]: of beta */

    /* Scratch memory, each [rows][of any operand], in this order of use. */
    float  *u, *y, *d_a, *d_b, *d_c;
    float  *d_wide;    /* [rows][2 ffn or state] */
    float  *d_normal;  /* of a BitLinear: the gradient of n */
    float  *q_scales;  /* [rows]: 1 / a of the q in bitlinear */
    float  *scales;    /* [rows]: r of an RMSNorm */
    float  *logits;    /* [head_rows][vocab] */
    double *losses;    /* [head_rows] */
    size_t  head_rows; /* that pass through the head together */

    nm_tape_times        times;
    nm_bitlinear_scratch bitlinear;
    void                *matmul;
    nm_arena             arena;
} nm_tape;

/* work: kernels and threads; the caller's, as the latent is. */
bool nm_tape_open(nm_tape *tape, nm_latent *latent, const nm_work *work, size_t n_streams,
                  size_t n_tokens, nomul_error *err);
void nm_tape_close(nm_tape *tape);

/*
 * The sum of the tokens' losses.  Gradients are added to latent->grads.  latent must be quantized.
 */
double nm_tape_run(nm_tape *tape, const nm_train_batch *batch);

/* Of it, cross-entropy: the loss of a token; its gradient, weighted, replaces the logits. */
double nm_tape_loss(const nm_gradient_ops *ops, float *logits, size_t n, int32_t target,
                    float weight);

/*
 * beta_l = p_1 + ... + p_l with p = softmax of the raw bounds over the layers: adds to grad, of the
 * raw bounds, from d_beta, which is overwritten.  All are [n_layers][n].
 */
void nm_tape_bounds_back(float *grad, float *d_beta, const float *beta, size_t n_layers, size_t n);

#endif
