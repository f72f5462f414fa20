/* SPDX-License-Identifier: Apache-2.0 */
/* What an operation works with: who computes, and room for what only one operation needs. */
#ifndef NM_WORK_H
#define NM_WORK_H

#include "base/pool.h"
#include "kernels/kernels.h"

typedef struct nm_work {
    const nm_kernels *kernels;
    nm_pool          *pool;

    /* Of bitlinear, for n_batch tokens: */
    int8_t  *q; /* [n_batch][q_stride], zero behind each row's columns */
    size_t   q_stride;
    float   *q_scale; /* [n_batch]: the a of each row */
    float   *normed;  /* [n_threads][max_cols] */
    size_t   max_cols;
    int32_t *sums; /* [n_threads][n_batch][NM_TILE_ROWS] */
    size_t   n_batch;
} nm_work;

#endif
