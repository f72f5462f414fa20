/* SPDX-License-Identifier: Apache-2.0 */
/* The channel mixer: a gated linear unit of ternary weights (Zhu et al., arXiv 2406.02528). */
#ifndef NM_GLU_H
#define NM_GLU_H

#include "model/bitlinear.h"

typedef struct nm_glu {
    nm_bitlinear gate_up_proj; /* [2 ffn, dim]: rows 0..ffn-1 gate, the rest up */
    nm_bitlinear down_proj;    /* [dim, ffn] */
} nm_glu;

/* Room for n_batch tokens. */
typedef struct nm_glu_scratch {
    float *gate_up; /* [n_batch][2 ffn] */
    float *product; /* [n_batch][ffn] */
} nm_glu_scratch;

/* y[n_tokens][dim] of u[n_tokens][dim] */
void nm_glu_forward(nm_work *work, const nm_glu *layer, const nm_glu_scratch *scratch, float *y,
                    const float *u, size_t n_tokens);

#endif
