/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BitLinear (Zhu et al., arXiv 2406.02528): normalize with a gain of its
 * own, round to 8 bits, add and subtract, scale back.
 */
#ifndef NM_BITLINEAR_H
#define NM_BITLINEAR_H

#include "model/work.h"

#define NM_BITLINEAR_EPS 1e-6f /* always, whatever the model's rms_norm_eps */

typedef struct nm_bitlinear {
    nm_ternary   w;
    const float *gain; /* [cols] */
} nm_bitlinear;

/* y[n_tokens][rows] = (C q) s / a, with q and a from x[n_tokens][cols]; both arrays are dense. */
void nm_bitlinear_forward(nm_work *work, const nm_bitlinear *layer, float *y, const float *x,
                          size_t n_tokens);

#endif
