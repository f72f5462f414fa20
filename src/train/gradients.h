/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What training computes beside the forward pass, in several instruction sets: products of floats
 * and the derivatives of the element-wise operations.  Multiplications are allowed here.
 *
 * A product is cut into blocks of the result, which threads share; the sum of each element is
 * taken by one thread, in an order that depends on the instruction set only.  So the bits are the
 * same for any number of threads, and differ a little between instruction sets.
 */
#ifndef NM_GRADIENTS_H
#define NM_GRADIENTS_H

#include "base/arena.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "train/step.h"

#define NM_MATMUL_MAX_ROWS 16    /* of the result that a kernel computes at a time */
#define NM_MATMUL_MAX_COLS 32    /* columns of it */
#define NM_MATMUL_DEPTH 256      /* terms that are summed up in registers */
#define NM_MATMUL_BLOCK_ROWS 480 /* of a block, the work of one thread: a multiple of all rows */
#define NM_MATMUL_BLOCK_COLS 512

#define NM_ADAMW_EPS 1e-8f

/* One row of gradients.c: an instruction set. */
typedef struct nm_gradient_ops {
    size_t rows, cols; /* of a tile */

    /* tile[rows][cols] = sum over p of a[p][rows] b[p][cols] */
    void (*tile)(float *tile, const float *a, const float *b, size_t depth);
    /* y = factor * b */
    void (*widen)(float *y, const int8_t *b, float factor, size_t n);

    /*
     * The same in 16-bit integers, a[rows][NM_MATMUL_DEPTH] times a scale for each row, and b in
     * pairs of terms: b[p / 2][cols][2].  depth is even; at most 256 terms of 32767 * 127 fit.
     */
    void (*tile16)(float *tile, const int16_t *a, const float *scales, const int16_t *b,
                   size_t depth);
    /* y[cols][2] of two rows of b. */
    void (*pairs)(int16_t *y, const int8_t *first, const int8_t *second, size_t n);
    /* y = round(x / scale) with |y| <= 32767; returns scale. */
    float (*round16)(int16_t *y, const float *x, size_t n);

    /* x = e^(x - max); returns the sum of the results. */
    float (*exponents)(float *x, float max, size_t n);
    /* o = RMSNorm(g) silu(h), of which norm is the first factor: dnorm and dh of do. */
    void (*gate)(float *d_norm, float *d_h, const float *d_o, const float *norm, const float *h,
                 size_t n);
    /* y = silu(a) b: da and db of dy. */
    void (*glu)(float *d_a, float *d_b, const float *d_y, const float *a, const float *b, size_t n);
    /*
     * One token of the MLGRU, backwards.  d_h holds dh_t plus what later tokens sent; on return it
     * is what this token sends to the one before.  f and i are the inputs of the gates, before
     * comes from the token before (NULL: none).  d_bound is added to, unless bound is NULL.
     */
    void (*scan)(float *d_f, float *d_i, float *d_h, float *d_bound, const float *f, const float *i,
                 const float *before, const float *bound, size_t n);
    /* dx += the derivative of RMSNorm(x, gain) with scale r = 1 / sqrt(mean x^2 + eps). */
    void (*rmsnorm)(float *d_x, const float *d_y, const float *x, const float *gain, float r,
                    size_t n);
    /* dgain += dy x r */
    void (*gain)(float *d_gain, const float *d_y, const float *x, float r, size_t n);
    /* r of rmsnorm. */
    float (*norm_scale)(const float *x, size_t n, float eps);
    /* One step of AdamW, whose factors adamw.c makes. */
    void (*adamw)(float *w, float *m, float *v, const float *g, const nm_adamw_factors *factors,
                  size_t n);
    /* The sum of squares, in binary64. */
    double (*squares)(const float *x, size_t n);
} nm_gradient_ops;

/* Those that go with a kernel set of the engine. */
const nm_gradient_ops *nm_gradients_choose(const nm_kernels *kernels);

/*
 * c[i][k] = sum over p of a[i][p] f[p] b[p][k], or c += it: a is a[i * a_row + p * a_step], b of
 * integers from -127 to 127 is b[p * b_stride + k].  In 16 bits a[i][p] f[p] is rounded to
 * 1 / 32767 of the largest of DEPTH terms, and the sums are exact, so all instruction sets give the
 * same bits.
 */
typedef struct nm_matmul {
    size_t        rows, cols, depth;
    float        *c; /* dense */
    bool          add, in_16_bits;
    const float  *a;
    size_t        a_row, a_step;
    const int8_t *b;
    size_t        b_stride;
    const float  *f; /* NULL: b_factor */
    float         b_factor;
} nm_matmul;

/* Bytes of scratch memory of each thread. */
#define NM_MATMUL_SCRATCH                                                                          \
    ((NM_MATMUL_BLOCK_COLS * NM_MATMUL_DEPTH + 2 * NM_MATMUL_MAX_ROWS * NM_MATMUL_DEPTH +          \
      NM_MATMUL_MAX_ROWS * NM_MATMUL_MAX_COLS + NM_MATMUL_MAX_ROWS) *                              \
     sizeof(float))

/* scratch: NM_MATMUL_SCRATCH bytes for each thread of the pool. */
void nm_matmul_run(const nm_gradient_ops *ops, nm_pool *pool, void *scratch, const nm_matmul *m);

#endif
