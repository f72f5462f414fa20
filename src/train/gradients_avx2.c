/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The products of the trainer with AVX2 and FMA: gradients_body.h in 256-bit registers of x86, of
 * which 12 of 16 hold sums.  Here are only the sizes of a tile and the instructions of its inner
 * loop.
 */
#include "train/gradients.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>

#define OPS nm_gradients_avx2
#define TARGET NM_TARGET("avx2,fma")
#define WIDTH 8
#define ROWS 6
#define i_dot(c, a, b)                                                                             \
    ((ints)_mm256_add_epi32((__m256i)(c), _mm256_madd_epi16((__m256i)(a), (__m256i)(b))))
#define v_fma(a, b, c) ((vec)_mm256_fmadd_ps(a, b, c))

#include "train/gradients_body.h"

#endif
