/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ternary products with SSSE3: 16 look-ups by one byte shuffle, for x86 without AVX2.  One token
 * takes the body of ternary_shuffle.h, more take ternary_pairs.h; this file has the instructions
 * that they are written in.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define V_BYTES 16
#define V_TARGET "ssse3"
#define V_PASS 1
#define V_SHUFFLE(table, index) ((vec)_mm_shuffle_epi8((__m128i)(table), (__m128i)(index)))
#define V_TABLE(from) ((vec)_mm_load_si128((const __m128i *)(const void *)(from)))
#define V_LESS(a, b) ((vec)_mm_cmpgt_epi8((__m128i)(b), (__m128i)(a)))
#define V_NEGATE(v, sign) ((vec)_mm_sign_epi8((__m128i)(v), (__m128i)(sign)))
#define V_AHEAD(from) _mm_prefetch((const char *)(from), _MM_HINT_T0)
#define V_AHEAD_ONCE(from) V_AHEAD(from)

#include "kernels/ternary_shuffle.h"

/* ---- Many tokens ----------------------------------------------------------------------------- */

#define V_LEAST_TOKENS 3
#define V_MANY_PASS 1

#include "kernels/ternary_pairs.h"

const nm_ternary_ops nm_ssse3_ternary[NM_PACKINGS] = {
    [NM_T4] = {3 * NM_TABLE_BYTES, nm_tables_t4, add_tile_t4, nm_tables_finish_16, &many_T4},
    [NM_T5] = {3 * NM_TABLE_BYTES, nm_tables_t5, add_tile_t5, nm_tables_finish_16, &many_T5},
};

#endif
