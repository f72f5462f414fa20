/* SPDX-License-Identifier: Apache-2.0 */
/* What the x86 ternary kernels share: tables of 16 bytes, the walk over a matrix, sums in y. */
#ifndef NM_TERNARY_X86_H
#define NM_TERNARY_X86_H

#if defined(__x86_64__)

#include "kernels/kernels.h"
#include "kernels/opaque.h"
#include "kernels/target.h"

#include <immintrin.h>

/*
 * A group's tables for shuffles: 16 entries each of
 *
 *     lo of the columns before   lo of the columns behind   hi before   hi behind
 *
 * t4: before are columns 0 and 1, index bits 0-3; behind 2 and 3, index bits 4-7.
 * t5: before are columns 0 to 2, index q; behind 3 and 4, index 2 p3 (odd entries are 0).
 */
#define NM_TABLE_BYTES 64

/*
 * Where 16-bit sums start (mod 2^16) so that a K block ends with a bias of 32768: each of its
 * triples brings 128 of lo, and 128 of hi, which weighs 16.
 */
static inline size_t nm_block_bias(size_t n_triples)
{
    size_t of_lo = n_triples << 7, of_hi = of_lo << 4;

    NM_OPAQUE(of_hi);
    return (32768 - of_lo - of_hi) & 0xFFFF;
}

/*
 * Adds a tile's part of a K block to y, which for each `width` rows holds, as 32-bit words, what is
 * to be put in order at the end: with words of 16 bits e[i] for row 2 i and o[i] for row 2 i + 1,
 * biased by 32768, sums of
 *
 *     width/4 of e[2j] + (e[2j+1] << 16)   width/4 of e[2j+1]   the same two of o
 *
 * Meanwhile it fetches the equally large tile `ahead`; what lies there need not exist.
 */
typedef void (*nm_tile_block)(int32_t *y, const uint8_t *codes, const uint8_t *tables,
                              size_t n_triples, const uint8_t *ahead);

/* A gemv (kernels.h) made of tile_block; table_bytes are those of a triple. */
void nm_x86_gemv(int32_t *y, const nm_ternary *w, size_t tile_begin, size_t tile_end,
                 const uint8_t *tables, size_t table_bytes, size_t width, nm_tile_block tile_block);

/* What nm_tile_block left of n_blocks K blocks becomes the rows' sums. */
void nm_x86_finish(int32_t *y, size_t n_rows, size_t width, size_t n_blocks);

/* make_tables (kernels.h) for shuffles: 3 NM_TABLE_BYTES a triple */
void nm_x86_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples);
void nm_x86_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples);

/*
 * Tables of t5 by pairs of columns, as t4's, 4 NM_TABLE_BYTES a triple: the triple's columns in the
 * order 0 1 3 4, 5 6 8 9, 10 11 13 14, 2 7 12 and nothing.
 */
void nm_x86_pair_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples);

/* The tokens of a gemm (kernels.h); q and y move on from one to the next. */
typedef struct nm_product {
    int32_t      *y;
    size_t        y_stride, n_rows;
    const int8_t *q;
    size_t        q_stride, n_tokens;
} nm_product;

static inline void nm_product_step(nm_product *p)
{
    p->y += p->y_stride;
    p->q += p->q_stride;
    NM_OPAQUE(p->y);
    NM_OPAQUE(p->q);
}

/* Where a K block of a range of tiles lies. */
typedef struct nm_block {
    const uint8_t *codes; /* of the first tile */
    size_t         number, n_triples, tile_bytes;
    size_t         stride, triples_left; /* to the next full block; behind this one */
} nm_block;

/* for (nm_block b = nm_block_first(w, tile); b.n_triples; nm_block_next(&b, w, tile)) */
nm_block nm_block_first(const nm_ternary *w, size_t tile);
void     nm_block_next(nm_block *block, const nm_ternary *w, size_t tile);

#endif
#endif
