/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AVX-512 with VBMI takes from AVX-512 without: all but t5 with one token, where VBMI looks up
 * 7 bits of a code at once (ternary_avx512.c).  ternary_avx512bw.c defines what is declared here,
 * so code that several rows of kernels.def share is compiled once.
 */
#ifndef NM_TERNARY_AVX512BW_H
#define NM_TERNARY_AVX512BW_H

#include "kernels/kernels.h"

void nm_avx512bw_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples);
void nm_avx512bw_add_tile_t4(int32_t *y, const uint8_t *codes, const uint8_t *tables,
                             size_t n_triples, const uint8_t *ahead);
void nm_avx512bw_finish(int32_t *y, size_t n_rows, size_t n_blocks);

extern const nm_many_ops nm_avx512bw_many[NM_PACKINGS];

#endif
