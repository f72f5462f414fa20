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

/* All else, one pointer for each row of float_ops.def, which says what each operation does. */
typedef struct nm_float_ops {
#define NM_FLOAT_OP(result, name, parameters, arguments) result(*name) parameters;
#include "kernels/float_ops.def"
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

#endif
