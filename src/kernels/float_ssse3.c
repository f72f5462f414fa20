/* SPDX-License-Identifier: Apache-2.0 */
/* The words of float_body.h in 128-bit registers of x86. */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>
#include <string.h>

#define FLOATS nm_ssse3_floats
#define TARGET NM_TARGET("ssse3")
#define WIDTH 4

typedef __m128  vec;
typedef __m128i ints;

/* clang-format off */
#define v_set(a)         _mm_set1_ps(a)
#define v_load(p)        _mm_loadu_ps(p)
#define v_store(p, v)    _mm_storeu_ps(p, v)
#define v_add(a, b)      _mm_add_ps(a, b)
#define v_sub(a, b)      _mm_sub_ps(a, b)
#define v_mul(a, b)      _mm_mul_ps(a, b)
#define v_div(a, b)      _mm_div_ps(a, b)
#define v_max(a, b)      _mm_max_ps(a, b)
#define v_min(a, b)      _mm_min_ps(a, b)
#define v_abs(v)         _mm_andnot_ps(v_set(-0.0f), v)
#define v_neg(v)         _mm_xor_ps(v_set(-0.0f), v)
#define v_of_bits(i)     _mm_castsi128_ps(i)
#define i_of_bits(v)     _mm_castps_si128(v)
#define v_of_ints(i)     _mm_cvtepi32_ps(i)
#define i_set(a)         _mm_set1_epi32(a)
#define i_load(p)        _mm_loadu_si128((const void *)(p))
#define i_add(a, b)      _mm_add_epi32(a, b)
#define i_sub(a, b)      _mm_sub_epi32(a, b)
#define i_halve(i)       _mm_srai_epi32(i, 1)
#define i_to_exponent(i) _mm_slli_epi32(i, 23)
/* clang-format on */

TARGET static inline void i_store_bytes(int8_t *p, ints i)
{
    const ints low_bytes = _mm_set1_epi32(0x0C080400);
    int32_t    four = _mm_cvtsi128_si32(_mm_shuffle_epi8(i, low_bytes));

    memcpy(p, &four, sizeof four);
}

#include "kernels/float_body.h"

#endif
