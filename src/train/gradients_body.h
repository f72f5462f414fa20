/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations of gradients.h for one instruction set.  Each gradients_<isa>.c defines the names
 * below and includes this.
 *
 *     OPS                the table's name
 *     TARGET             what a function of this instruction set is declared with
 *     WIDTH              floats of a vector: 4, 8 or 16
 *     ROWS               of a tile; its columns are two vectors
 *     v_fma(a, b, c)     a b + c, with one rounding or two
 *     i_dot(c, a, b)     c + a b of 16-bit integers, each pair of products added: exact
 *
 * The element-wise loops have no branch and no call, so that the compiler makes vectors of them;
 * their bits are the same in all instruction sets.  Sums run in NM_LANES lanes, as the engine's.
 */
#include "base/exp.h"
#include "kernels/floats.h"
#include "train/gradients.h"

#include <string.h>

typedef float   vec __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

/* Sums stay in registers over all of depth: ROWS x 2 vectors, and two more for a row of b. */
TARGET static void tile(float *out, const float *a, const float *b, size_t depth)
{
    vec sum[ROWS][2] = {{{0}}};

    for (size_t p = 0; p < depth; p++, a += ROWS, b += 2 * WIDTH) {
        vec left = *(const vec *)b, right = *(const vec *)(b + WIDTH);
#pragma GCC unroll 16
        for (size_t r = 0; r < ROWS; r++) {
            vec factor = a[r] - (vec){0};
            sum[r][0] = v_fma(factor, left, sum[r][0]);
            sum[r][1] = v_fma(factor, right, sum[r][1]);
        }
    }
#pragma GCC unroll 16
    for (size_t r = 0; r < ROWS; r++) {
        *(vec *)(out + 2 * WIDTH * r) = sum[r][0];
        *(vec *)(out + 2 * WIDTH * r + WIDTH) = sum[r][1];
    }
}

TARGET static void widen(float *y, const int8_t *b, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)b[i] * factor;
}

/* A pair of a row of a is a 32-bit element that goes to all lanes. */
TARGET static void tile16(float *out, const int16_t *a, const float *scales, const int16_t *b,
                          size_t depth)
{
    ints sum[ROWS][2] = {{{0}}};

    for (size_t p = 0; p < depth; p += 2, b += 4 * WIDTH) {
        ints left = *(const ints *)b, right = *(const ints *)(b + 2 * WIDTH);
#pragma GCC unroll 16
        for (size_t r = 0; r < ROWS; r++) {
            int32_t pair;
            memcpy(&pair, a + r * NM_MATMUL_DEPTH + p, sizeof pair);
            ints factor = pair - (ints){0};
            sum[r][0] = i_dot(sum[r][0], factor, left);
            sum[r][1] = i_dot(sum[r][1], factor, right);
        }
    }
    for (size_t r = 0; r < ROWS; r++)
        for (size_t k = 0; k < 2; k++)
            *(vec *)(out + (2 * r + k) * WIDTH) =
                __builtin_convertvector(sum[r][k], vec) * scales[r];
}

TARGET static void pairs(int16_t *restrict y, const int8_t *restrict first,
                         const int8_t *restrict second, size_t n)
{
    for (size_t i = 0; i < n; i++) y[2 * i] = first[i], y[2 * i + 1] = second[i];
}

/* Adding 1.5 * 2^23 rounds: the integer is in the low bits of the sum. */
TARGET static float round16(int16_t *restrict y, const float *restrict x, size_t n)
{
    int32_t most = 0; /* bits of a positive float are in the order of the floats */

    for (size_t i = 0; i < n; i++) {
        int32_t size = (int32_t)(nm_bits_of_float(x[i]) & 0x7FFFFFFF);
        most = size > most ? size : most;
    }
    float largest = nm_float_of_bits((uint32_t)most);
    float inverse = largest > 1e-30f ? 32767.0f / largest : 0.0f;
    for (size_t i = 0; i < n; i++)
        y[i] = (int16_t)(uint16_t)nm_bits_of_float(x[i] * inverse + NM_ROUNDER);
    return largest / 32767.0f;
}

/* As in all sums below, element i goes to lane i mod NM_LANES: vectors of any width can do that. */
TARGET static float exponents(float *x, float max, size_t n)
{
    float lane[NM_LANES] = {0};

    for (size_t i = 0; i < n; i++) x[i] = nm_exp_inline(x[i] - max);
    for (size_t i = 0; i + NM_LANES <= n; i += NM_LANES)
        for (size_t k = 0; k < NM_LANES; k++) lane[k] += x[i + k];
    for (size_t i = n / NM_LANES * NM_LANES; i < n; i++) lane[i % NM_LANES] += x[i];
    return nm_lanes_sum(lane);
}

TARGET static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + nm_exp_inline(-x));
}

/* silu(x) = x s with s = sigmoid(x); its derivative is s (1 + x (1 - s)). */
TARGET static inline float silu_slope(float x, float s)
{
    return s * (1.0f + x * (1.0f - s));
}

/* y = norm silu(h) */
TARGET static void gate(float *restrict d_norm, float *restrict d_h, const float *restrict d_o,
                        const float *restrict norm, const float *restrict h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float s = sigmoid(h[i]);
        d_norm[i] = d_o[i] * (h[i] * s);
        d_h[i] = d_o[i] * norm[i] * silu_slope(h[i], s);
    }
}

/* y = silu(a) b */
TARGET static void glu(float *restrict d_a, float *restrict d_b, const float *restrict d_y,
                       const float *restrict a, const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float s = sigmoid(a[i]);
        d_a[i] = d_y[i] * b[i] * silu_slope(a[i], s);
        d_b[i] = d_y[i] * (a[i] * s);
    }
}

/*
 * u = sigmoid(f), the gate f = beta + (1 - beta) u, the input silu(i) (1 - f):
 *
 *     d_gate = d_h (before - silu(i))        df = d_gate (1 - beta) u (1 - u)
 *     dbeta += d_gate (1 - u)                di = d_h (1 - f) silu'(i)
 */
TARGET static inline void scan_with(float *restrict d_f, float *restrict d_i, float *restrict d_h,
                                    float *restrict d_bound, const float *restrict f,
                                    const float *restrict i, const float *restrict before,
                                    const float *restrict bound, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        float u = sigmoid(f[k]), s = sigmoid(i[k]), beta = bound ? bound[k] : 0.0f;
        float forget = bound ? beta + (1.0f - beta) * u : u;
        float d_gate = d_h[k] * ((before ? before[k] : 0.0f) - i[k] * s);
        d_f[k] = d_gate * (1.0f - beta) * u * (1.0f - u);
        d_i[k] = d_h[k] * (1.0f - forget) * silu_slope(i[k], s);
        d_h[k] = before ? d_h[k] * forget : 0.0f;
        if (bound) d_bound[k] += d_gate * (1.0f - u);
    }
}

/* One loop for each case, without a condition in it. */
TARGET static void scan(float *d_f, float *d_i, float *d_h, float *d_bound, const float *f,
                        const float *i, const float *before, const float *bound, size_t n)
{
    if (before && bound)
        scan_with(d_f, d_i, d_h, d_bound, f, i, before, bound, n);
    else if (before)
        scan_with(d_f, d_i, d_h, NULL, f, i, before, NULL, n);
    else if (bound)
        scan_with(d_f, d_i, d_h, d_bound, f, i, NULL, bound, n);
    else
        scan_with(d_f, d_i, d_h, NULL, f, i, NULL, NULL, n);
}

/* dx += r (dy gain - x r mean), mean of dy gain x r over the row. */
TARGET static void rmsnorm(float *restrict d_x, const float *restrict d_y, const float *restrict x,
                           const float *restrict gain, float r, size_t n)
{
    float lane[NM_LANES] = {0};

    for (size_t i = 0; i + NM_LANES <= n; i += NM_LANES)
        for (size_t k = 0; k < NM_LANES; k++) lane[k] += d_y[i + k] * gain[i + k] * (x[i + k] * r);
    for (size_t i = n / NM_LANES * NM_LANES; i < n; i++)
        lane[i % NM_LANES] += d_y[i] * gain[i] * (x[i] * r);
    float mean = nm_lanes_sum(lane) / (float)n;
    for (size_t i = 0; i < n; i++) d_x[i] += r * (d_y[i] * gain[i] - x[i] * r * mean);
}

TARGET static void gain(float *restrict d_gain, const float *restrict d_y, const float *restrict x,
                        float r, size_t n)
{
    for (size_t i = 0; i < n; i++) d_gain[i] += d_y[i] * (x[i] * r);
}

TARGET static float norm_scale(const float *x, size_t n, float eps)
{
    float lane[NM_LANES] = {0};

    for (size_t i = 0; i + NM_LANES <= n; i += NM_LANES)
        for (size_t k = 0; k < NM_LANES; k++) lane[k] += x[i + k] * x[i + k];
    for (size_t i = n / NM_LANES * NM_LANES; i < n; i++) lane[i % NM_LANES] += x[i] * x[i];
    return nm_norm_scale(nm_lanes_sum(lane), n, eps);
}

TARGET static void adamw(float *restrict w, float *restrict m, float *restrict v,
                         const float *restrict g, const nm_adamw_factors *factors, size_t n)
{
    const nm_adamw_factors f = *factors;

    for (size_t i = 0; i < n; i++) {
        float d = g[i] * f.clip;
        m[i] = f.beta1 * m[i] + (1.0f - f.beta1) * d;
        v[i] = f.beta2 * v[i] + (1.0f - f.beta2) * (d * d);
        w[i] = w[i] * f.keep - f.rate * m[i] / (sqrtf(v[i]) * f.root + NM_ADAMW_EPS);
    }
}

/* Eight lanes of binary64: a norm over all gradients has millions of terms. */
TARGET static double squares(const float *x, size_t n)
{
    double lane[8] = {0};

    for (size_t i = 0; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++) lane[k] += (double)x[i + k] * (double)x[i + k];
    for (size_t i = n / 8 * 8; i < n; i++) lane[i % 8] += (double)x[i] * (double)x[i];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

const nm_gradient_ops OPS = {
    .rows = ROWS,
    .cols = 2 * WIDTH,
    .tile = tile,
    .widen = widen,
    .tile16 = tile16,
    .pairs = pairs,
    .round16 = round16,
    .exponents = exponents,
    .gate = gate,
    .glu = glu,
    .scan = scan,
    .rmsnorm = rmsnorm,
    .gain = gain,
    .norm_scale = norm_scale,
    .adamw = adamw,
    .squares = squares,
};
