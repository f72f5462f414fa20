/* SPDX-License-Identifier: Apache-2.0 */
/* The words of float_body.h in 256-bit registers of x86. */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>

#define FLOATS nm_avx2_floats
#define TARGET NM_TARGET("avx2")
#define WIDTH 8

typedef __m256  vec;
typedef __m256i ints;

/* clang-format off */
#define v_set(a)         _mm256_set1_ps(a)
#define v_load(p)        _mm256_loadu_ps(p)
#define v_store(p, v)    _mm256_storeu_ps(p, v)
#define v_add(a, b)      _mm256_add_ps(a, b)
#define v_sub(a, b)      _mm256_sub_ps(a, b)
#define v_mul(a, b)      _mm256_mul_ps(a, b)
#define v_div(a, b)      _mm256_div_ps(a, b)
#define v_max(a, b)      _mm256_max_ps(a, b)
#define v_min(a, b)      _mm256_min_ps(a, b)
#define v_abs(v)         _mm256_andnot_ps(v_set(-0.0f), v)
#define v_neg(v)         _mm256_xor_ps(v_set(-0.0f), v)
#define v_of_bits(i)     _mm256_castsi256_ps(i)
#define i_of_bits(v)     _mm256_castps_si256(v)
#define v_of_ints(i)     _mm256_cvtepi32_ps(i)
#define i_set(a)         _mm256_set1_epi32(a)
#define i_load(p)        _mm256_loadu_si256((const void *)(p))
#define i_add(a, b)      _mm256_add_epi32(a, b)
#define i_sub(a, b)      _mm256_sub_epi32(a, b)
#define i_halve(i)       _mm256_srai_epi32(i, 1)
#define i_to_exponent(i) _mm256_slli_epi32(i, 23)
/* clang-format on */

TARGET static inline void i_store_bytes(int8_t *p, ints i)
{
    ints    low = _mm256_and_si256(i, i_set(0xFF));
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));

    _mm_storel_epi64((void *)p, _mm_packus_epi16(words, words));
}

#include "kernels/float_body.h"

#endif
