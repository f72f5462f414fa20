/* SPDX-License-Identifier: Apache-2.0 */
/* What an operation works with: who computes, and room for what only one operation needs. */
#ifndef NM_WORK_H
#define NM_WORK_H

#include "base/alloc.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "model/ahead.h"
#include "model/profile.h"

#include <stdatomic.h>

#define NM_MAX_PRODUCTS 3 /* bitlinears computed side by side: the i, f and g of the token mixer */

/* A thread's look-up tables, which product of which token they are of, and what it fetched. */
typedef struct nm_tables {
    _Alignas(NM_ALIGN) uint8_t *bytes;
    uint64_t made;
    nm_ahead ahead;
} nm_tables;

typedef struct nm_work {
    const nm_kernels *kernels;
    nm_pool          *pool;
    size_t            n_batch;
    nm_profile       *profile; /* NULL: nobody asks */

    /* Of bitlinear: */
    int8_t    *q; /* [NM_MAX_PRODUCTS][n_batch][q_stride] */
    size_t     q_stride;
    float     *q_scale;                        /* [NM_MAX_PRODUCTS][n_batch]: the a of each row */
    nm_tables *tables;                         /* [n_threads] */
    uint64_t   n_forwarded;                    /* tokens that went one by one, so far */
    _Atomic(const struct nm_bitlinear *) next; /* to compute; NULL: nothing to fetch ahead */
    int32_t                             *sums; /* [n_threads][sums_stride] */
    size_t                               sums_stride;
    uint8_t                             *scratch; /* [n_threads][scratch_stride]: of the kernels */
    size_t                               scratch_stride;
} nm_work;

/* A phase of the pass has ended. */
static inline void nm_work_done(nm_work *work, nm_phase phase)
{
    if (work->profile) nm_profile_mark(work->profile, phase);
}

#endif
