/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-up tables for byte shuffles, and the last step of the sums, in 128-bit registers: for all
 * kernels of x86 and WebAssembly whose tables have 16 entries.  Both are a small part of the time,
 * so they are compiled once, for SSSE3 or SIMD128.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__) || defined(__wasm_simd128__)

#include "kernels/ternary_tables.h"

#include <string.h>

typedef uint8_t  bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef int8_t   signed_bytes __attribute__((vector_size(16)));
typedef uint32_t words __attribute__((vector_size(16), aligned(1), may_alias));

/*
 * SHUFFLE(v, index)          v[index], 0 where bit 7 of the index is set
 * DOWN(v, n)                 bytes n and up, then zeros
 * LOW_64(a, b)               a[0] b[0] of 64-bit halves; HIGH_64: a[1] b[1]
 * LOW_32(a, b)               a[0] b[0] a[1] b[1] of 32-bit words; HIGH_32: a[2] b[2] a[3] b[3]
 */
#if defined(__x86_64__)
#define TARGET NM_TARGET("ssse3")
#define SHUFFLE(v, index) ((bytes)_mm_shuffle_epi8((__m128i)(v), (__m128i)(index)))
#define DOWN(v, n) ((bytes)_mm_srli_si128((__m128i)(v), n))
#define LOW_64(a, b) _mm_unpacklo_epi64((__m128i)(a), (__m128i)(b))
#define HIGH_64(a, b) _mm_unpackhi_epi64((__m128i)(a), (__m128i)(b))
#define LOW_32(a, b) _mm_unpacklo_epi32((__m128i)(a), (__m128i)(b))
#define HIGH_32(a, b) _mm_unpackhi_epi32((__m128i)(a), (__m128i)(b))
#else
#define TARGET /* nothing: a module has SIMD or not */
#define SHUFFLE(v, index) ((bytes)wasm_i8x16_swizzle((v128_t)(v), (v128_t)(index)))
#define DOWN(v, n) SHUFFLE(v, ((bytes){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + (n)))
#define LOW_64(a, b) wasm_i64x2_shuffle((v128_t)(a), (v128_t)(b), 0, 2)
#define HIGH_64(a, b) wasm_i64x2_shuffle((v128_t)(a), (v128_t)(b), 1, 3)
#define LOW_32(a, b) wasm_i32x4_shuffle((v128_t)(a), (v128_t)(b), 0, 4, 1, 5)
#define HIGH_32(a, b) wasm_i32x4_shuffle((v128_t)(a), (v128_t)(b), 2, 6, 3, 7)
#endif

#define INLINE TARGET static inline __attribute__((always_inline))

/* ---- Sums ------------------------------------------------------------------------------------ */

#define BIAS(n) ((32768 - 2176 * (n)) & 0xFFFF)
#define START(n)                                                                                   \
    {                                                                                              \
        BIAS(n), (BIAS(n) + (BIAS(n) << 8)) & 0xFFFF                                               \
    }
#define START_4(n) START(n), START(n + 1), START(n + 2), START(n + 3)
const nm_tables_start nm_tables_starts[] = {
    START_4(0), START_4(4), START_4(8), START_4(12), START_4(16), START(20),
};

/* Words 2j and 2j + 1 of each sum, without their bias, of what nm_tables_finish_16 describes. */
INLINE void split_words(const int32_t *all, const int32_t *high, uint32_t bias, words *low_word,
                        words *high_word)
{
    words h = *(const words *)high;

    *low_word = *(const words *)all - (h << 16) - bias;
    *high_word = h - bias;
}

INLINE void finish(int32_t *y, size_t n_rows, size_t n_blocks, size_t width)
{
    const uint32_t bias = (uint32_t)(n_blocks << 15);
    const size_t   n = width / 4;
    int32_t        sums[32];

    for (int32_t *end = y + n_rows; y < end;) {
        memcpy(sums, y, width * sizeof *y);
        for (size_t i = 0; i < n; i += 4, y += 16) { /* 16 rows */
            words e0, e1, o0, o1, *to = (words *)y;
            split_words(sums + i, sums + i + n, bias, &e0, &e1);
            split_words(sums + i + 2 * n, sums + i + 3 * n, bias, &o0, &o1);
            words a = (words)LOW_32(e0, o0), b = (words)LOW_32(e1, o1);
            words c = (words)HIGH_32(e0, o0), d = (words)HIGH_32(e1, o1);
            to[0] = (words)LOW_64(a, b);
            to[1] = (words)HIGH_64(a, b);
            to[2] = (words)LOW_64(c, d);
            to[3] = (words)HIGH_64(c, d);
        }
    }
}

TARGET
void nm_tables_finish_16(int32_t *y, size_t n_rows, size_t n_blocks)
{
    finish(y, n_rows, n_blocks, 16);
}

TARGET
void nm_tables_finish_32(int32_t *y, size_t n_rows, size_t n_blocks)
{
    finish(y, n_rows, n_blocks, 32);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

/* The terms of tables, as nm_tables_t5_columns describes them. */
#define NONE 0x80
typedef uint8_t column_of_entry[16];

INLINE bytes pick(bytes columns, const column_of_entry index)
{
    return SHUFFLE(columns, *(const bytes *)index);
}

static const column_of_entry t4_columns[4] = {
    {NONE, 0, NONE, 8, NONE, 0, NONE, 8, NONE, 0, NONE, 8, NONE, 0, NONE, 8},
    {NONE, NONE, NONE, NONE, 1, 1, 1, 1, NONE, NONE, NONE, NONE, 9, 9, 9, 9},
    {NONE, 2, NONE, 10, NONE, 2, NONE, 10, NONE, 2, NONE, 10, NONE, 2, NONE, 10},
    {NONE, NONE, NONE, NONE, 3, 3, 3, 3, NONE, NONE, NONE, NONE, 11, 11, 11, 11},
};

const uint8_t nm_tables_t5_columns[6][16] = {
    {NONE, NONE, NONE, NONE, NONE, NONE, NONE, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {NONE, NONE, NONE, NONE, 1, 1, 1, 9, 9, 9, NONE, NONE, NONE, 1, 1, 1},
    {NONE, NONE, NONE, 2, 10, NONE, 2, 10, NONE, 2, 10, NONE, 2, 10, NONE, 2},
    {11, NONE, 11, NONE, 11, NONE, NONE, NONE, NONE, NONE, 3, NONE, 3, NONE, 3, NONE},
    {12, NONE, NONE, NONE, 4, NONE, 12, NONE, 4, NONE, 12, NONE, NONE, NONE, 4, NONE},
    {NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
     NONE},
};

/*
 * Tables of n_groups groups in 16 columns, where q = 16 hi + lo as in ternary_sums.h.  The first
 * group has the bias of the triple in each entry of its first tables.
 */
INLINE void tables_of_columns(uint8_t *to, nm_packing_id packing, bytes q, int n_groups)
{
    bytes halves[2] = {((q + 8) & 15) - 8, (bytes)((signed_bytes)q >> 4) + ((q >> 3) & 1)};

#pragma GCC unroll 4
    for (int g = 0; g < n_groups; g++) {
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++, to += 32) {
            bytes  both = (bytes)LOW_64(halves[h], -halves[h]);
            bytes *table = (bytes *)to;
            if (packing == NM_T4) {
                table[0] = pick(both, t4_columns[0]) + pick(both, t4_columns[1]);
                table[1] = pick(both, t4_columns[2]) + pick(both, t4_columns[3]);
                halves[h] = DOWN(halves[h], 4);
            } else {
                table[0] = pick(both, nm_tables_t5_columns[0]) +
                           pick(both, nm_tables_t5_columns[1]) +
                           pick(both, nm_tables_t5_columns[2]);
                table[1] =
                    pick(both, nm_tables_t5_columns[3]) + pick(both, nm_tables_t5_columns[4]);
                halves[h] = DOWN(halves[h], 5);
            }
            if (g == 0) table[0] += 128;
        }
    }
}

TARGET
void nm_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    for (; n_triples; n_triples--, q += 12, tables += 3 * NM_TABLE_BYTES)
        tables_of_columns(tables, NM_T4, *(const bytes *)q, 3);
}

TARGET
void nm_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    for (; n_triples; n_triples--, q += 15, tables += 3 * NM_TABLE_BYTES)
        tables_of_columns(tables, NM_T5, *(const bytes *)q, 3);
}

TARGET
void nm_tables_pairs_t5(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    static const column_of_entry order = {0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 2, 7, 12, NONE};

    for (; n_triples; n_triples--, q += 15, tables += 4 * NM_TABLE_BYTES) {
        tables_of_columns(tables, NM_T4, pick(*(const bytes *)q, order), 4);
    }
}

#endif
