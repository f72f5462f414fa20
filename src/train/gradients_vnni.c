/* SPDX-License-Identifier: Apache-2.0 */
/* gradients_avx512.c with an instruction of its own for sums of 16-bit products. */
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

#define OPS nm_gradients_vnni
#define TARGET NM_TARGET(NM_AVX512F ",avx512bw,avx512vnni" WIDE)
#define WIDTH 16
#define ROWS 12
#define i_dot(c, a, b) ((ints)_mm512_dpwssd_epi32((__m512i)(c), (__m512i)(a), (__m512i)(b)))
#define v_fma(a, b, c) ((vec)_mm512_fmadd_ps(a, b, c))

#include "train/gradients_body.h"

#endif
