/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ternary products C q of whole panels, made of the parts that an instruction set provides
 * (nm_ternary_ops).  Exact for |q| <= 127.  The walk over blocks, tiles and tokens is here once for
 * all variants; the loops inside one tile are theirs.
 */
#ifndef NM_PRODUCT_H
#define NM_PRODUCT_H

#include "kernels/kernels.h"

/*
 * One token: y[r] = sum over k of C[r][k] q[k] for the rows of tiles [tile_begin, tile_end), which
 * lie in one panel; r counts from the first of them, padding rows become 0.  The tables are those
 * that ops->make_tables makes of all triples of q.  `next`, which is prefetched at the end: what
 * the thread reads afterwards; NULL: what follows in memory.
 */
void nm_product_gemv(const nm_ternary_ops *ops, int32_t *y, const nm_ternary *w, size_t tile_begin,
                     size_t tile_end, const uint8_t *tables, const uint8_t *next);

/*
 * A matrix is stored as a run of steps, each a triple of one tile, in the order panel, K block,
 * tile, triple.  This does steps [begin, end) of the panel that begins with tile `tile`.  Its i-th
 * tile gets n_added[i] parts of K blocks; where there are none, its y is 0.  These are
 * not the sums yet: who has all parts of a panel adds up y and n_added of all of them, mod 2^32,
 * and calls ops->finish, for a multiple of 64 rows.
 */
#define NM_STEP_BYTES (NM_TRIPLE_GROUPS * NM_TILE_ROWS)
void nm_product_gemv_steps(const nm_ternary_ops *ops, int32_t *y, const nm_ternary *w, size_t tile,
                           size_t begin, size_t end, const uint8_t *tables,
                           uint16_t n_added[NM_PANEL_TILES], const uint8_t *next);

/* The same for many tokens: y[t][r], q[t][k] at y + t * y_stride, q + t * q_stride. */
typedef struct nm_gemm {
    const nm_ternary *w;
    size_t            tile_begin, tile_end; /* in one panel */
    int32_t          *y;
    size_t            y_stride;
    const int8_t     *q;
    size_t            q_stride, n_tokens;
    const uint8_t    *next;    /* as of nm_product_gemv */
    uint8_t          *scratch; /* nm_product_scratch(ops, n_tokens) bytes, aligned to 64 */
} nm_gemm;

void   nm_product_gemm(const nm_ternary_ops *ops, const nm_gemm *gemm);
size_t nm_product_scratch(const nm_ternary_ops *ops, size_t n_tokens);

#endif
