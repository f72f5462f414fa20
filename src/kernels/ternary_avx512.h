/* SPDX-License-Identifier: Apache-2.0 */
/* What AVX-512 with VBMI takes over from AVX-512 without. */
#ifndef NM_TERNARY_AVX512_H
#define NM_TERNARY_AVX512_H

#include "kernels/kernels.h"

void   nm_avx512bw_gemv_t4(int32_t *y, const nm_ternary *w, size_t tile_begin, size_t tile_end,
                           const uint8_t *tables);
size_t nm_avx512bw_gemm_scratch(size_t n_tokens);
void   nm_avx512bw_gemm_t4(int32_t *y, size_t y_stride, const nm_ternary *w, size_t tile_begin,
                           size_t tile_end, const int8_t *q, size_t q_stride, size_t n_tokens,
                           void *scratch);
void   nm_avx512bw_gemm_t5(int32_t *y, size_t y_stride, const nm_ternary *w, size_t tile_begin,
                           size_t tile_end, const int8_t *q, size_t q_stride, size_t n_tokens,
                           void *scratch);

#endif
