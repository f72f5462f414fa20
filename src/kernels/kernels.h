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

#include "nomul.h"

/*
 * Room that the buffers of a ternary product need: q is readable up to nm_q_stride(cols), and zero
 * from cols on, for a packing's padding and a vector's reach; y has room for whole tiles.
 */
static inline size_t nm_q_stride(size_t cols)
{
    return (cols + NM_BLOCK_COLS + 63) / 64 * 64;
}

/* The products of one packing. */
typedef struct nm_ternary_ops {
    /*
     * One token.  Look-up tables are made of its q once, triple by triple (a triple is three
     * groups, each with tables of its own), and read by gemv for any tiles of any matrix with the
     * same cols and packing.
     */
    size_t table_bytes; /* of one triple, a multiple of 64 */
    void (*make_tables)(uint8_t *tables, const int8_t *q, size_t n_triples);
    /*
     * y[r] = sum over k of C[r][k] q[k] for the rows of tiles [tile_begin, tile_end), which lie in
     * one panel; r counts from the first of them; padding rows become 0.
     */
    void (*gemv)(int32_t *y, const nm_ternary *w, size_t tile_begin, size_t tile_end,
                 const uint8_t *tables);
    /*
     * The same for n_tokens at once: y[t][r], q[t][k] at y + t * y_stride, q + t * q_stride.
     * scratch: gemm_scratch(n_tokens) bytes, aligned to 64, of one thread alone.
     */
    size_t (*gemm_scratch)(size_t n_tokens);
    void (*gemm)(int32_t *y, size_t y_stride, const nm_ternary *w, size_t tile_begin,
                 size_t tile_end, const int8_t *q, size_t q_stride, size_t n_tokens, void *scratch);
} nm_ternary_ops;

/* What is not a ternary product.  Arrays have no alignment; n may be 0. */
typedef struct nm_float_ops {
    /* y = x / sqrt(mean(x^2) + eps) * gain, over n elements; y may be x. */
    void (*rmsnorm)(float *y, const float *x, const float *gain, size_t n, float eps);

    /* a = 127 / max(max|x|, 1e-5), q = round(x a), ties to even; gives a. */
    float (*quantize)(int8_t *q, const float *x, size_t n);

    /* rmsnorm, then quantize, of one row, with no array between: gives a. */
    float (*rmsnorm_quantize)(int8_t *q, const float *x, const float *gain, size_t n, float eps);

    /* y = sums * factor */
    void (*dequantize)(float *y, const int32_t *sums, float factor, size_t n);

    /*
     * One token of the MLGRU, element-wise over n: f = sigmoid(f), then f = bound + (1 - bound) f
     * unless bound is NULL; h = f h + silu(i) (1 - f); out = silu(h).  out may be f or i.
     */
    void (*mlgru_step)(float *out, float *h, const float *f, const float *i, const float *bound,
                       size_t n);

    /* y = silu(a) b; y may be a or b. */
    void (*glu)(float *y, const float *a, const float *b, size_t n);

    /* y = y + x;  y = y x; x may be y. */
    void (*add)(float *y, const float *x, size_t n);
    void (*multiply)(float *y, const float *x, size_t n);
} nm_float_ops;

/* A row of kernels.def: complete; what a variant has no better form of is the plainer one's. */
typedef struct nm_kernels {
    const char           *name;
    uint32_t              features; /* of cpu.h: what the CPU must have */
    const nm_ternary_ops *ternary;  /* [NM_PACKINGS], exact for |q| <= 127 */
    const nm_float_ops   *floats;
    nm_packing_id         best_packing; /* to prefer, where there is a choice */
} nm_kernels;

/* The n-th row of kernels.def that this build has, plainest first; NULL past the last. */
const nm_kernels *nm_kernels_row(size_t n);

/* Does this CPU run it?  If not, missing[size] says which features it lacks, cut to fit. */
bool nm_kernels_runs(const nm_kernels *kernels, char *missing, size_t size);

/* The last row that this CPU runs; the first one needs nothing. */
const nm_kernels *nm_kernels_best(void);

/* The row of this name, if there is one and this CPU runs it; the best if name is NULL. */
bool nm_kernels_choose(const nm_kernels **kernels, const char *name, nomul_error *err);

/* The tables that the rows are made of: nm_avx2_ternary, nm_avx2_floats, ... */
#define NM_KERNELS(name, ternary, floats, packing, features)                                       \
    extern const nm_ternary_ops nm_##ternary##_ternary[NM_PACKINGS];                               \
    extern const nm_float_ops   nm_##floats##_floats;
#include "kernels/kernels.def"
#undef NM_KERNELS

#endif
