/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AdamW (Loshchilov, Hutter, arXiv 1711.05101) with clipping to a norm over all gradients.  Decay
 * is decoupled and applies to matrices only: embedding, lower bounds and latent ternary weights.
 * The factors of a step are computed here for the GPU, too.
 */
#ifndef NM_ADAMW_H
#define NM_ADAMW_H

#include "train/gradients.h"
#include "train/latent.h"

typedef struct nm_adamw_options {
    float beta1, beta2, weight_decay;
    float grad_clip; /* 0: off */
} nm_adamw_options;

typedef struct nm_adamw {
    float   *m, *v;   /* [n_values]: running means of the gradients and of their squares */
    double  *partial; /* sums of squares, of one block of values each */
    size_t   n_blocks;
    uint64_t n_steps;        /* done */
    double   power1, power2; /* beta1^n_steps, beta2^n_steps */
    nm_arena arena;
} nm_adamw;

bool nm_adamw_open(nm_adamw *adamw, const nm_latent *latent, nomul_error *err);
void nm_adamw_close(nm_adamw *adamw);

/* The norm of all gradients. */
double nm_adamw_norm(nm_adamw *adamw, const nm_latent *latent, const nm_gradient_ops *ops,
                     nm_pool *pool);

/* The factors of the next step, for gradients of this norm; counts the step. */
nm_adamw_factors nm_adamw_next(nm_adamw *adamw, const nm_adamw_options *options, float rate,
                               double norm);

/* One step with the gradients of latent, whose norm this is; they become zeros. */
void nm_adamw_step(nm_adamw *adamw, nm_latent *latent, const nm_gradient_ops *ops, nm_pool *pool,
                   const nm_adamw_options *options, float rate, double norm);

#endif
