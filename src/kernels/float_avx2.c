/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The float operations with AVX2: float_body.h in 256-bit registers of x86, 8 floats each.  Here
 * are only the vector primitives that the body is written in.  No fused multiply-add: the bits are
 * those of float_scalar.c.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>

#define FLOATS nm_avx2_floats
#define TARGET NM_TARGET("avx2")
#define WIDTH 8
#define v_max(a, b) ((vec)_mm256_max_ps(a, b))
#define v_min(a, b) ((vec)_mm256_min_ps(a, b))
#define wide __m256d
#define v_low(v) _mm256_cvtps_pd(_mm256_castps256_ps128(v))
#define v_high(v) _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1))
#define i_store_bytes(p, i) store_8((void *)(p), (__m256i)(i))

TARGET static inline void store_8(void *p, __m256i i)
{
    __m256i low = _mm256_and_si256(i, _mm256_set1_epi32(0xFF));
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));

    _mm_storel_epi64(p, _mm_packus_epi16(words, words));
}

#include "kernels/float_body.h"

#endif
