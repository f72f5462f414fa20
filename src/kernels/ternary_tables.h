/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ternary kernels of x86 and WebAssembly share: tables of 16 bytes, and the form of the
 * sums in y before the last step puts the rows in order.  ternary_tables.c makes both; what happens
 * between them is the business of each kernel.
 */
#ifndef NM_TERNARY_TABLES_H
#define NM_TERNARY_TABLES_H

#if defined(__x86_64__) || defined(__wasm_simd128__)

#include "kernels/kernels.h"
#include "kernels/target.h"

#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <wasm_simd128.h>
#endif

/*
 * A group's tables for shuffles: 16 entries each of
 *
 *     lo of the first columns   lo of the last columns   hi of the first   hi of the last
 *
 * t4: columns 0 and 1 come first, index bits 0-3; columns 2 and 3 last, index bits 4-7.
 * t5: columns 0 to 2 come first, index q; columns 3 and 4 last, index 2 p3 (odd entries are 0).
 */
#define NM_TABLE_BYTES 64

/*
 * Where the 16-bit sums of ternary_sums.h start (mod 2^16) so that a K block of n_triples ends with
 * a bias of 32768 in each half of a word: each triple adds 128 of lo, and 128 of hi, which weighs
 * 16.  A table, because computing it would multiply.
 */
typedef struct nm_tables_start {
    uint16_t odds, words;
} nm_tables_start;

extern const nm_tables_start nm_tables_starts[NM_BLOCK_COLS / 12 + 1];

/*
 * nm_ternary_ops.finish for vectors of 16 and 32 bytes.  For each `width` rows y holds, as 32-bit
 * words, with words of 16 bits e[i] for row 2 i and o[i] for row 2 i + 1, biased by 32768, sums of
 *
 *     width/4 of e[2j] + (e[2j+1] << 16)   width/4 of e[2j+1]   the same two of o
 */
void nm_tables_finish_16(int32_t *y, size_t n_rows, size_t n_blocks);
void nm_tables_finish_32(int32_t *y, size_t n_rows, size_t n_blocks);

/* make_tables (kernels.h) for shuffles: 3 NM_TABLE_BYTES a triple */
void nm_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples);
void nm_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples);

/*
 * How the tables of a group of t5 add up: entry i takes column c[i] & 7, negated if c[i] is 8 or
 * more, nothing if it is 0x80.  [0] to [2] are the terms of the first columns (q of ternary.h), [3]
 * and [4] of the last ones (p); [5] is nothing.
 */
extern const uint8_t nm_tables_t5_columns[6][16];

/*
 * Tables of t5 by pairs of columns, as t4's, 4 NM_TABLE_BYTES a triple: the triple's columns in the
 * order 0 1 3 4, 5 6 8 9, 10 11 13 14, 2 7 12 and nothing.
 */
void nm_tables_pairs_t5(uint8_t *tables, const int8_t *q, size_t n_triples);

#endif
#endif
