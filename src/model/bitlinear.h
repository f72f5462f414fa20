/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BitLinear (Zhu et al., arXiv 2406.02528): normalize with a gain of its own, round to 8 bits, add
 * and subtract, scale back.
 */
#ifndef NM_BITLINEAR_H
#define NM_BITLINEAR_H

#include "base/arena.h"
#include "model/work.h"

#define NM_BITLINEAR_EPS 1e-6f /* always, whatever the model's rms_norm_eps */

typedef struct nm_bitlinear {
    nm_ternary   w;
    const float *gain; /* [cols] */

    /* For fetching ahead: what a token goes through after it, NULL after the last. */
    const struct nm_bitlinear *next;
    size_t n_together; /* of a first one: so many are computed side by side, it and the next */
} nm_bitlinear;

/* y[n_tokens][rows] = (C q) s / a, with q and a from x[n_tokens][cols]; both arrays are dense. */
typedef struct nm_product {
    const nm_bitlinear *layer;
    float              *y;
    const float        *x;
} nm_product;

/* Computes up to NM_MAX_PRODUCTS side by side, n_tokens <= n_batch of each. */
void nm_bitlinear_forward(nm_work *work, const nm_product *products, size_t n_products,
                          size_t n_tokens);

/* nm_pool_idle of the work's pool */
bool nm_bitlinear_idle(void *work, size_t thread);

/* Takes its part of the work's memory, for matrices of up to max_cols columns. */
void nm_bitlinear_place(nm_work *work, nm_arena *arena, nm_packing_id packing, size_t max_cols,
                        size_t n_threads);

#endif
