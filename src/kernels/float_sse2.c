/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The float operations with SSE2, which every x86-64 has: float_body.h in 128-bit registers, 4
 * floats each.  Here are only the vector primitives that the body is written in.  The SSSE3 variant
 * uses it, too.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include <emmintrin.h>
#include <string.h>

#define FLOATS nm_sse2_floats
#define TARGET /* nothing: any x86-64 runs it */
#define WIDTH 4
#define v_max(a, b) ((vec)_mm_max_ps(a, b))
#define v_min(a, b) ((vec)_mm_min_ps(a, b))
#define wide __m128d
#define v_low(v) _mm_cvtps_pd(v)
#define v_high(v) _mm_cvtps_pd(_mm_movehl_ps(v, v))
#define i_store_bytes(p, i) store_4((p), (__m128i)(i))

static inline void store_4(int8_t *p, __m128i i)
{
    __m128i low = _mm_and_si128(i, _mm_set1_epi32(0xFF));
    __m128i words = _mm_packs_epi32(low, low);
    int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));

    memcpy(p, &four, sizeof four);
}

#include "kernels/float_body.h"

#endif
