/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-up tables for byte shuffles, and the last step of the sums, in 128-bit registers: for all
 * x86 kernels whose tables have 16 entries.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/ternary_x86.h"

#include <string.h>

#define SSSE3 NM_TARGET("ssse3")
#define INLINE SSSE3 static inline __attribute__((always_inline))

/* ---- Sums ------------------------------------------------------------------------------------ */

#define BIAS(n) ((32768 - 2176 * (n)) & 0xFFFF)
#define START(n)                                                                                   \
    {                                                                                              \
        BIAS(n), (BIAS(n) + (BIAS(n) << 8)) & 0xFFFF                                               \
    }
#define START_4(n) START(n), START(n + 1), START(n + 2), START(n + 3)
const nm_x86_start nm_x86_starts[] = {
    START_4(0), START_4(4), START_4(8), START_4(12), START_4(16), START(20),
};

/* Words 2j and 2j + 1 of each sum, without their bias, of what nm_x86_finish_16 describes. */
INLINE void split_words(const int32_t *all, const int32_t *high, __m128i bias, __m128i *low_word,
                        __m128i *high_word)
{
    __m128i h = _mm_loadu_si128((const __m128i *)high);

    *low_word = _mm_sub_epi32(_mm_loadu_si128((const __m128i *)all), _mm_slli_epi32(h, 16));
    *low_word = _mm_sub_epi32(*low_word, bias);
    *high_word = _mm_sub_epi32(h, bias);
}

INLINE void finish(int32_t *y, size_t n_rows, size_t n_blocks, size_t width)
{
    __m128i      bias = _mm_set1_epi32((int32_t)(uint32_t)(n_blocks << 15));
    const size_t n = width / 4;
    int32_t      sums[32];

    for (int32_t *end = y + n_rows; y < end;) {
        memcpy(sums, y, width * sizeof *y);
        for (size_t i = 0; i < n; i += 4, y += 16) { /* 16 rows */
            __m128i e0, e1, o0, o1, *to = (__m128i *)(void *)y;
            split_words(sums + i, sums + i + n, bias, &e0, &e1);
            split_words(sums + i + 2 * n, sums + i + 3 * n, bias, &o0, &o1);
            __m128i a = _mm_unpacklo_epi32(e0, o0), b = _mm_unpacklo_epi32(e1, o1);
            __m128i c = _mm_unpackhi_epi32(e0, o0), d = _mm_unpackhi_epi32(e1, o1);
            _mm_storeu_si128(to, _mm_unpacklo_epi64(a, b));
            _mm_storeu_si128(to + 1, _mm_unpackhi_epi64(a, b));
            _mm_storeu_si128(to + 2, _mm_unpacklo_epi64(c, d));
            _mm_storeu_si128(to + 3, _mm_unpackhi_epi64(c, d));
        }
    }
}

SSSE3
void nm_x86_finish_16(int32_t *y, size_t n_rows, size_t n_blocks)
{
    finish(y, n_rows, n_blocks, 16);
}

SSSE3
void nm_x86_finish_32(int32_t *y, size_t n_rows, size_t n_blocks)
{
    finish(y, n_rows, n_blocks, 32);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

typedef uint8_t bytes __attribute__((vector_size(16)));
typedef int8_t  signed_bytes __attribute__((vector_size(16)));

/*
 * How the 16 entries of a table add up: entry i takes column index[i] & 7, negated if index[i] is 8
 * or more, nothing if it is NONE.
 */
#define NONE 0x80
typedef uint8_t column_of_entry[16];

INLINE bytes pick(__m128i columns, const column_of_entry index)
{
    return (bytes)_mm_shuffle_epi8(columns, _mm_loadu_si128((const __m128i *)(const void *)index));
}

static const column_of_entry t4_columns[4] = {
    {NONE, 0, NONE, 8, NONE, 0, NONE, 8, NONE, 0, NONE, 8, NONE, 0, NONE, 8},
    {NONE, NONE, NONE, NONE, 1, 1, 1, 1, NONE, NONE, NONE, NONE, 9, 9, 9, 9},
    {NONE, 2, NONE, 10, NONE, 2, NONE, 10, NONE, 2, NONE, 10, NONE, 2, NONE, 10},
    {NONE, NONE, NONE, NONE, 3, 3, 3, 3, NONE, NONE, NONE, NONE, 11, 11, 11, 11},
};

/* q and p of ternary.h */
static const column_of_entry t5_columns[5] = {
    {NONE, NONE, NONE, NONE, NONE, NONE, NONE, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {NONE, NONE, NONE, NONE, 1, 1, 1, 9, 9, 9, NONE, NONE, NONE, 1, 1, 1},
    {NONE, NONE, NONE, 2, 10, NONE, 2, 10, NONE, 2, 10, NONE, 2, 10, NONE, 2},
    {11, NONE, 11, NONE, 11, NONE, NONE, NONE, NONE, NONE, 3, NONE, 3, NONE, 3, NONE},
    {12, NONE, NONE, NONE, 4, NONE, 12, NONE, 4, NONE, 12, NONE, NONE, NONE, 4, NONE},
};

/*
 * Tables of n_groups groups in 16 columns, where q = 16 hi + lo as in ternary_sums.h.  The first
 * group has the bias of the triple in each entry of its first tables.
 */
INLINE void tables_of_columns(uint8_t *to, nm_packing_id packing, __m128i columns, int n_groups)
{
    const bytes q = (bytes)columns;
    bytes       halves[2] = {((q + 8) & 15) - 8, (bytes)((signed_bytes)q >> 4) + ((q >> 3) & 1)};

#pragma GCC unroll 4
    for (int g = 0; g < n_groups; g++) {
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++, to += 32) {
            __m128i both = _mm_unpacklo_epi64((__m128i)halves[h], (__m128i)-halves[h]);
            bytes  *table = (bytes *)(void *)to;
            if (packing == NM_T4) {
                table[0] = pick(both, t4_columns[0]) + pick(both, t4_columns[1]);
                table[1] = pick(both, t4_columns[2]) + pick(both, t4_columns[3]);
                halves[h] = (bytes)_mm_srli_si128((__m128i)halves[h], 4);
            } else {
                table[0] = pick(both, t5_columns[0]) + pick(both, t5_columns[1]) +
                           pick(both, t5_columns[2]);
                table[1] = pick(both, t5_columns[3]) + pick(both, t5_columns[4]);
                halves[h] = (bytes)_mm_srli_si128((__m128i)halves[h], 5);
            }
            if (g == 0) table[0] += 128;
        }
    }
}

SSSE3
void nm_x86_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    for (; n_triples; n_triples--, q += 12, tables += 3 * NM_TABLE_BYTES)
        tables_of_columns(tables, NM_T4, _mm_loadu_si128((const __m128i *)(const void *)q), 3);
}

SSSE3
void nm_x86_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    for (; n_triples; n_triples--, q += 15, tables += 3 * NM_TABLE_BYTES)
        tables_of_columns(tables, NM_T5, _mm_loadu_si128((const __m128i *)(const void *)q), 3);
}

SSSE3
void nm_x86_pair_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    const __m128i order =
        _mm_setr_epi8(0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 2, 7, 12, (char)NONE);

    for (; n_triples; n_triples--, q += 15, tables += 4 * NM_TABLE_BYTES) {
        __m128i columns = _mm_loadu_si128((const __m128i *)(const void *)q);
        tables_of_columns(tables, NM_T4, _mm_shuffle_epi8(columns, order), 4);
    }
}

#endif
