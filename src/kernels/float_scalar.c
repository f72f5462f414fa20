/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The float operations, plainly: the specification of float_ops.def, order of operations included.
 * Sums run in 16 lanes that are folded at the end, as every vector width can (floats.h).  All other
 * variants must give these bits; make no change here that a result shows.
 */
#include "base/bytes.h"
#include "base/exp.h"
#include "kernels/floats.h"
#include "kernels/kernels.h"

#include <math.h>

static float sigmoid(float x)
{
    return 1.0f / (1.0f + nm_exp(-x));
}

static float silu(float x)
{
    return x * sigmoid(x);
}

static float sum_of_squares(const float *x, size_t n)
{
    float lane[NM_LANES] = {0};

    for (size_t i = 0; i < n; i++) lane[i % NM_LANES] += x[i] * x[i];
    return nm_lanes_sum(lane);
}

static float norm_scale(const float *x, size_t n, float eps)
{
    return nm_norm_scale(sum_of_squares(x, n), n, eps);
}

static void rmsnorm(float *y, const float *x, const float *gain, size_t n, float eps)
{
    float scale = norm_scale(x, n, eps);

    for (size_t i = 0; i < n; i++) y[i] = x[i] * scale * gain[i];
}

/* Ignores a NaN. */
static float larger_magnitude(float so_far, float x)
{
    return fabsf(x) > so_far ? fabsf(x) : so_far;
}

/* |x a| <= 127 (1 + 2^-23): no clipping is needed.  The low byte of the sum is the integer. */
static int8_t round_to_int8(float xa)
{
    return (int8_t)(uint8_t)nm_bits_of_float(xa + NM_ROUNDER);
}

static float quantize(int8_t *q, const float *x, size_t n)
{
    float absmax = NM_ABSMAX_LEAST;

    for (size_t i = 0; i < n; i++) absmax = larger_magnitude(absmax, x[i]);
    float a = 127.0f / absmax;
    for (size_t i = 0; i < n; i++) q[i] = round_to_int8(x[i] * a);
    return a;
}

static float rmsnorm_quantize(int8_t *q, const float *x, const float *gain, size_t n, float scale)
{
    float absmax = NM_ABSMAX_LEAST;

    for (size_t i = 0; i < n; i++) absmax = larger_magnitude(absmax, x[i] * scale * gain[i]);
    float a = 127.0f / absmax;
    for (size_t i = 0; i < n; i++) q[i] = round_to_int8(x[i] * scale * gain[i] * a);
    return a;
}

static void dequantize(float *y, const int32_t *sums, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)sums[i] * factor;
}

static void mlgru_step(float *out, float *h, const float *f, const float *i, const float *bound,
                       size_t n)
{
    for (size_t k = 0; k < n; k++) {
        float forget = sigmoid(f[k]);
        if (bound) forget = bound[k] + (1.0f - bound[k]) * forget;
        h[k] = forget * h[k] + silu(i[k]) * (1.0f - forget);
        out[k] = silu(h[k]);
    }
}

static void glu(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = silu(a[i]) * b[i];
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void multiply(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] *= x[i];
}

static float largest(const float *x, size_t n)
{
    float most = -INFINITY;

    for (size_t i = 0; i < n; i++) most = nm_tame_logit(x[i]) > most ? nm_tame_logit(x[i]) : most;
    return most + 0.0f;
}

static size_t argmax(const float *x, size_t n)
{
    float  most = -INFINITY;
    size_t at = 0;

    for (size_t i = 0; i < n; i++)
        if (nm_tame_logit(x[i]) > most) most = nm_tame_logit(x[i]), at = i;
    return at;
}

static double softmax(float *y, const float *x, size_t n, float max, float temp)
{
    double lane[NM_LANES] = {0};

    if (max < -FLT_MAX) return nm_softmax_even(y, n);
    for (size_t i = 0; i < n; i++) {
        float e = nm_exp_inline((nm_tame_logit(x[i]) - max) / temp);
        if (y) y[i] = e;
        lane[i % NM_LANES] += (double)e;
    }
    return nm_wide_lanes_sum(lane);
}

const nm_float_ops nm_scalar_floats = {
#define NM_FLOAT_OP(result, name, parameters, arguments) .name = name,
#include "kernels/float_ops.def"
};
