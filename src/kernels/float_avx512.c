/* SPDX-License-Identifier: Apache-2.0 */
/* The words of float_body.h in 512-bit registers of x86. */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>

#define FLOATS nm_avx512_floats
#define TARGET NM_TARGET("avx512f")
#define WIDTH 16

typedef __m512  vec;
typedef __m512i ints;

/* clang-format off */
#define v_set(a)         _mm512_set1_ps(a)
#define v_load(p)        _mm512_loadu_ps(p)
#define v_store(p, v)    _mm512_storeu_ps(p, v)
#define v_add(a, b)      _mm512_add_ps(a, b)
#define v_sub(a, b)      _mm512_sub_ps(a, b)
#define v_mul(a, b)      _mm512_mul_ps(a, b)
#define v_div(a, b)      _mm512_div_ps(a, b)
#define v_max(a, b)      _mm512_max_ps(a, b)
#define v_min(a, b)      _mm512_min_ps(a, b)
#define v_abs(v)         _mm512_abs_ps(v)
#define v_of_bits(i)     _mm512_castsi512_ps(i)
#define i_of_bits(v)     _mm512_castps_si512(v)
#define v_of_ints(i)     _mm512_cvtepi32_ps(i)
#define i_set(a)         _mm512_set1_epi32(a)
#define i_load(p)        _mm512_loadu_si512(p)
#define i_add(a, b)      _mm512_add_epi32(a, b)
#define i_sub(a, b)      _mm512_sub_epi32(a, b)
#define i_halve(i)       _mm512_srai_epi32(i, 1)
#define i_to_exponent(i) _mm512_slli_epi32(i, 23)
/* clang-format on */

/* vxorps of 512 bits is not in AVX512F, vpxord is. */
TARGET static inline vec v_neg(vec v)
{
    return v_of_bits(_mm512_xor_si512(i_of_bits(v), i_set(INT32_MIN)));
}

TARGET static inline void i_store_bytes(int8_t *p, ints i)
{
    _mm_storeu_si128((void *)p, _mm512_cvtepi32_epi8(i));
}

#include "kernels/float_body.h"

#endif
