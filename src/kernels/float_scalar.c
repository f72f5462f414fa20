/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of the pass that is not a ternary product, in the order of operations that counts. */
#include "base/bytes.h"
#include "base/exp.h"
#include "kernels/scalar.h"

#include <math.h>

static float sigmoid(float x)
{
    return 1.0f / (1.0f + nm_exp(-x));
}

static float silu(float x)
{
    return x * sigmoid(x);
}

/* The defined order: element i in lane i mod 16; then lanes 8 apart, 4, 2, 1. */
static float sum_of_squares(const float *x, size_t n)
{
    float lane[NM_LANES] = {0};

    for (size_t i = 0; i < n; i++) lane[i % NM_LANES] += x[i] * x[i];
    for (size_t apart = NM_LANES / 2; apart; apart /= 2)
        for (size_t i = 0; i < apart; i++) lane[i] += lane[i + apart];
    return lane[0];
}

void nm_scalar_rmsnorm(float *y, const float *x, const float *gain, size_t n, float eps)
{
    float scale = 1.0f / sqrtf(sum_of_squares(x, n) / (float)n + eps);

    for (size_t i = 0; i < n; i++) y[i] = x[i] * scale * gain[i];
}

float nm_scalar_quantize(int8_t *q, const float *x, size_t n)
{
    const float rounder = 12582912.0f; /* 1.5 * 2^23: see nm_exp */
    float       absmax = 1e-5f;

    for (size_t i = 0; i < n; i++) absmax = fabsf(x[i]) > absmax ? fabsf(x[i]) : absmax;
    float a = 127.0f / absmax;
    /* |x a| <= 127 (1 + 2^-23): nothing needs clipping; the sum's low byte is the integer. */
    for (size_t i = 0; i < n; i++) q[i] = (int8_t)(uint8_t)nm_bits_of_float(x[i] * a + rounder);
    return a;
}

void nm_scalar_dequantize(float *y, const int32_t *sums, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)sums[i] * factor;
}

void nm_scalar_mlgru_step(float *out, float *h, const float *f, const float *i, const float *bound,
                          size_t n)
{
    for (size_t k = 0; k < n; k++) {
        float forget = sigmoid(f[k]);
        if (bound) forget = bound[k] + (1.0f - bound[k]) * forget;
        h[k] = forget * h[k] + silu(i[k]) * (1.0f - forget);
        out[k] = silu(h[k]);
    }
}

void nm_scalar_glu(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = silu(a[i]) * b[i];
}

void nm_scalar_add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

void nm_scalar_multiply(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] *= x[i];
}
