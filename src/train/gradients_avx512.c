/* SPDX-License-Identifier: Apache-2.0 */
/* gradients_body.h in 512-bit registers of x86: 24 of 32 hold sums. */
#include "train/gradients.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>

/* gcc would make vectors of 256 bits of the loops. */
#if defined(__clang__)
#define WIDE
#else
#define WIDE ",prefer-vector-width=512"
#endif

#define OPS nm_gradients_avx512
#define TARGET NM_TARGET(NM_AVX512F ",avx512bw" WIDE)
#define WIDTH 16
#define ROWS 12
#define i_dot(c, a, b)                                                                             \
    ((ints)_mm512_add_epi32((__m512i)(c), _mm512_madd_epi16((__m512i)(a), (__m512i)(b))))
#define v_fma(a, b, c) ((vec)_mm512_fmadd_ps(a, b, c))

#include "train/gradients_body.h"

#endif
