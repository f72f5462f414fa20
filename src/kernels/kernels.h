/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations that a processor does for the network.  The scalar bodies are their specification;
 * whatever replaces one gives the same bits.
 *
 * Float sums run in 16 lanes, element i in lane i mod 16, folded 8-4-2-1 at the end: the order that
 * every vector width can keep.  No operation is contracted, none estimated.
 */
#ifndef NM_KERNELS_H
#define NM_KERNELS_H

#include "kernels/ternary.h"

#define NM_LANES 16

/*
 * Room that the buffers of a ternary product need: q is readable up to nm_q_stride(cols), and zero
 * from cols on, for a packing's padding and a vector's reach; y has room for whole tiles.
 */
static inline size_t nm_q_stride(size_t cols)
{
    return (cols + NM_BLOCK_COLS + 63) / 64 * 64;
}

typedef struct nm_kernels {
    const char *name;

    /*
     * y[t][r] = sum over k of C[r][k] q[t][k], for the rows of tiles [tile_begin, tile_end), r
     * counted from the first of them, and t < n_tokens; padding rows become 0.  q[t] is
     * q + t * q_stride, likewise y.  Exact for |q| <= 127.
     */
    void (*ternary_product)(int32_t *y, size_t y_stride, const nm_ternary *w, size_t tile_begin,
                            size_t tile_end, const int8_t *q, size_t q_stride, size_t n_tokens);

    /* y = x / sqrt(mean(x^2) + eps) * gain, over n elements; y may be x. */
    void (*rmsnorm)(float *y, const float *x, const float *gain, size_t n, float eps);

    /* a = 127 / max(max|x|, 1e-5), q = round(x a), ties to even; gives a. */
    float (*quantize)(int8_t *q, const float *x, size_t n);

    /* y = sums * factor */
    void (*dequantize)(float *y, const int32_t *sums, float factor, size_t n);

    /*
     * One token of the MLGRU, element-wise over n: f = sigmoid(f), then f = bound + (1 - bound) f
     * unless bound is NULL; h = f h + silu(i) (1 - f); out = silu(h).
     */
    void (*mlgru_step)(float *out, float *h, const float *f, const float *i, const float *bound,
                       size_t n);

    /* y = silu(a) b; y may be a or b. */
    void (*glu)(float *y, const float *a, const float *b, size_t n);

    /* y = y + x;  y = y x */
    void (*add)(float *y, const float *x, size_t n);
    void (*multiply)(float *y, const float *x, size_t n);
} nm_kernels;

extern const nm_kernels nm_kernels_scalar;

#endif
