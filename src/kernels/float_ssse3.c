/* SPDX-License-Identifier: Apache-2.0 */
/* float_body.h in 128-bit registers of x86. */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>

#define FLOATS nm_ssse3_floats
#define TARGET NM_TARGET("ssse3")
#define WIDTH 4
#define v_max(a, b) ((vec)_mm_max_ps(a, b))
#define v_min(a, b) ((vec)_mm_min_ps(a, b))
#define i_store_bytes(p, i) _mm_storeu_si32((p), low_bytes((__m128i)(i)))

TARGET static inline __m128i low_bytes(__m128i i)
{
    return _mm_shuffle_epi8(i, _mm_set1_epi32(0x0C080400));
}

#include "kernels/float_body.h"

#endif
