/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all float kernels share.  Sums run in 16 lanes, element i in lane i mod 16; then lanes are
 * added 8 apart, 4, 2, 1.  One register of 512 bits, two of 256 or four of 128 can keep that
 * order.  The last steps of a norm and of a softmax are here, as they must not differ either.
 */
#ifndef NM_FLOATS_H
#define NM_FLOATS_H

#include <float.h>
#include <math.h>
#include <stddef.h>

#define NM_LANES 16
#define NM_ABSMAX_LEAST 1e-5f

/* Overwrites the lanes. */
static inline float nm_lanes_sum(float lane[NM_LANES])
{
    for (size_t apart = NM_LANES / 2; apart; apart /= 2)
        for (size_t i = 0; i < apart; i++) lane[i] += lane[i + apart];
    return lane[0];
}

/* The same of binary64. */
static inline double nm_wide_lanes_sum(double lane[NM_LANES])
{
    for (size_t apart = NM_LANES / 2; apart; apart /= 2)
        for (size_t i = 0; i < apart; i++) lane[i] += lane[i + apart];
    return lane[0];
}

/* The factor of rmsnorm, from the sum of n squares. */
static inline float nm_norm_scale(float sum, size_t n, float eps)
{
    return 1.0f / sqrtf(sum / (float)n + eps);
}

/* A logit as it is compared: a NaN is minus infinity, plus infinity is FLT_MAX. */
static inline float nm_tame_logit(float x)
{
    x = x > -INFINITY ? x : -INFINITY;
    return x < FLT_MAX ? x : FLT_MAX;
}

/* The softmax of logits that are all minus infinity, where x - max would be NaN. */
static inline double nm_softmax_even(float *y, size_t n)
{
    for (size_t i = 0; y && i < n; i++) y[i] = 1.0f;
    return (double)n;
}

#endif
