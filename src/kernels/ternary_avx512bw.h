/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AVX-512 with VBMI takes from AVX-512 without (ternary_avx512.c has the rest).
 * ternary_avx512bw.c defines what is declared here, so code that several rows of kernels.def share
 * is compiled once.
 */
#ifndef NM_TERNARY_AVX512BW_H
#define NM_TERNARY_AVX512BW_H

#include "kernels/kernels.h"

void nm_avx512bw_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples);
void nm_avx512bw_add_tile_t4(int32_t *y, const uint8_t *codes, const uint8_t *tables,
                             size_t n_triples, const uint8_t *ahead);
void nm_avx512bw_finish(int32_t *y, size_t n_rows, size_t n_blocks);

/*
 * Many tokens.  The indices of a triple of t4 are of columns (0, 1, 2) (4, 5, 6) (8, 9, 10)
 * (3, 7, 11), those of t5 (0, 1, 2) (5, 6, 7) (10, 11, 12) (3, 4, 8) (13, 14, 9); the index of
 * trits a, b, c is a byte 9 a + 3 b + c.
 */
#define NM_AVX512BW_TOKENS 6   /* that look up together */
#define NM_AVX512BW_INDICES 80 /* of a row in a K block */
#define NM_AVX512BW_ENTRIES 64 /* bytes of a token's table for one index */

void nm_avx512bw_fill_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples);
void nm_avx512bw_fill_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples);
void nm_avx512bw_add_many(const nm_many_tile *tile);

/*
 * Prefetches what is read a page later into the first-level cache: the hardware stops at the end of
 * each page of 4 KiB.  4 tokens are 4 to 8 % faster, 16 and more the same (Zen 5).
 */
static inline void nm_avx512bw_fetch_triple(const uint8_t *codes)
{
    for (uintptr_t line = 4096; line < 4096 + 3 * NM_TILE_ROWS; line += 64)
        __builtin_prefetch((const char *)((uintptr_t)codes + line), 0, 3);
}

/* clang-format off */
#define NM_AVX512BW_INDEX_TILE(packing, per_triple)                                                \
    NM_TARGET(V_TARGET)                                                                            \
    static void index_tile_##packing(uint8_t *to, const uint8_t *codes, size_t n_triples)          \
    {                                                                                              \
        for (; n_triples; n_triples--, to += per_triple * NM_TILE_ROWS) {                          \
            nm_avx512bw_fetch_triple(codes);                                                       \
            index_triple_##packing(to, codes);                                                     \
            index_triple_##packing(to + V_BYTES, codes + V_BYTES);                                 \
            codes += 3 * NM_TILE_ROWS;                                                             \
        }                                                                                          \
    }

#define NM_AVX512BW_MANY_OF(packing, per_triple)                                                   \
    {                                                                                              \
        .least_tokens = 2, .most_tokens = NM_AVX512BW_TOKENS, .together = NM_AVX512BW_TOKENS,      \
        .index_bytes = NM_AVX512BW_INDICES * NM_TILE_ROWS, .indices_per_triple = per_triple,       \
        .block_table_bytes = NM_AVX512BW_INDICES * NM_AVX512BW_ENTRIES,                            \
        .token_step = NM_AVX512BW_ENTRIES, .least_alone = 16,                                      \
        .make_indices = index_tile_##packing,                                                      \
        .make_tables = nm_avx512bw_fill_tables_##packing, .add_tile = nm_avx512bw_add_many,        \
    }

/* For a file that has index_triple_t4 and index_triple_t5, of V_BYTES rows. */
#define NM_AVX512BW_DEFINE_MANY                                                                    \
    NM_AVX512BW_INDEX_TILE(t4, 4)                                                                  \
    NM_AVX512BW_INDEX_TILE(t5, 5)                                                                  \
    static const nm_many_ops many[NM_PACKINGS] = {                                                 \
        [NM_T4] = NM_AVX512BW_MANY_OF(t4, 4), [NM_T5] = NM_AVX512BW_MANY_OF(t5, 5)};
/* clang-format on */

#endif
