/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The float operations with AVX-512: float_body.h in 512-bit registers of x86, 16 floats each, so
 * one register has all lanes of a sum.  Here are only the vector primitives that the body is
 * written in.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>

#define FLOATS nm_avx512_floats
#define TARGET NM_TARGET(NM_AVX512F)
#define WIDTH 16
#define v_max(a, b) ((vec)_mm512_max_ps(a, b))
#define v_min(a, b) ((vec)_mm512_min_ps(a, b))
#define wide __m512d
#define v_low(v) _mm512_cvtps_pd(_mm512_castps512_ps256(v))
#define v_high(v) _mm512_cvtps_pd(upper_8(v))
#define i_store_bytes(p, i) _mm_storeu_si128((void *)(p), _mm512_cvtepi32_epi8((__m512i)(i)))

TARGET static inline __m256 upper_8(__m512 v)
{
    return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
}

#include "kernels/float_body.h"

#endif
