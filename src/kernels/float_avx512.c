/* SPDX-License-Identifier: Apache-2.0 */
/* float_body.h in 512-bit registers of x86. */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>

#define FLOATS nm_avx512_floats
#define TARGET NM_TARGET(NM_AVX512F)
#define WIDTH 16
#define v_max(a, b) ((vec)_mm512_max_ps(a, b))
#define v_min(a, b) ((vec)_mm512_min_ps(a, b))
#define i_store_bytes(p, i) _mm_storeu_si128((void *)(p), _mm512_cvtepi32_epi8((__m512i)(i)))

#include "kernels/float_body.h"

#endif
