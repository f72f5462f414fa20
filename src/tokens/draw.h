/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A draw from many candidates without sorting them.  Sums of weights are those of the sampler, but
 * run in another order, so a sum that comes as near to its target as rounding can move it decides
 * nothing: the caller then sorts all candidates, which is the definition of a draw.
 */
#ifndef NM_DRAW_H
#define NM_DRAW_H

#include "base/arena.h"
#include "kernels/kernels.h"

/* Sums of the weights of a bucket. */
typedef struct nm_draw_sums {
    double plain, tempered;
} nm_draw_sums;

/* Scratch memory, arrays of n.  Weights are relative to that of the best. */
typedef struct nm_draw_work {
    nomul_logprob *list, *spare;     /* candidates; what is called logprob is their logit */
    float         *plain, *tempered; /* weights by id, at temperature 1 and at temp */
    uint16_t      *buckets;          /* of each id */
    nm_draw_sums  *sums;             /* of each bucket */
} nm_draw_work;

typedef struct nm_draw {
    const nm_float_ops *floats;
    const nm_draw_work *work;
    const float        *logits;
    size_t              n;
    float               max; /* of the logits, finite */
    float               temp;
    double              top_p, uniform;
} nm_draw;

/* How far two orders of adding n weights can be apart, and a product with a sum: 4 n roundings. */
static inline double nm_draw_margin(size_t n, double sum)
{
    return 0x1p-50 * (double)n * sum;
}

/* n_list < n: only the list, and the plain weights of it; nothing below works then. */
void nm_draw_place(nm_draw_work *work, nm_arena *arena, size_t n_list, size_t n);

/*
 * Candidates with at least this weight at temperature 1, sorted, into the list; returns how many.
 * *sum: of all weights.
 */
size_t nm_draw_above(const nm_draw *draw, float least, double *sum);

/* The id that top_p, the temperature and the random number choose; -1: too near to say. */
int32_t nm_draw_id(const nm_draw *draw);

#endif
