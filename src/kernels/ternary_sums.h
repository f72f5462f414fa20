/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of rows for vectors of V_BYTES (16, 32, 64) and functions for V_TARGET ("ssse3" ...), which
 * a source file defines before it includes this.
 *
 * How a row is summed, exactly for |q| <= 127: q = 16 hi + lo, lo in [-8, 7], hi in [-8, 8].
 * Tables give the sums of a group's columns as a byte of lo and a byte of hi.
 *  1. The bytes of a triple are added.  One of its look-ups holds 128 more than the sum, and
 *     -(v + 128) is 128 - v again; at most 15 columns, each of at most 8: the bytes are within 120
 *     of 128, so nothing wraps.
 *  2. Seen as 16-bit words, the bytes go into two sums: WORDS of the words, ODDS of words >> 8.
 *     ODDS is exact for the odd rows, WORDS - (ODDS << 8) for the even ones: a K block has at most
 *     20 triples, and 20 * 248 < 65536.
 *  3. A K block's result, lo + (hi << 4), is at most 240 * 127 = 30480 in size: with a bias of
 *     32768 it is a 16-bit word.
 *  4. These words are added to 32-bit sums, kept in y until `finish` puts the rows in order.
 */
#include "kernels/ternary_tables.h"

#define INLINE NM_TARGET(V_TARGET) static inline __attribute__((always_inline))

typedef uint8_t  vec __attribute__((vector_size(V_BYTES), aligned(1), may_alias));
typedef uint16_t vec16 __attribute__((vector_size(V_BYTES), aligned(1), may_alias));
typedef uint32_t vec32 __attribute__((vector_size(V_BYTES), aligned(1), may_alias));

INLINE vec load(const uint8_t *from)
{
    return *(const vec *)from;
}

/* Of one vector of rows: [0] lo, [1] hi. */
typedef struct sums {
    vec16 words[2], odds[2];
} sums;

INLINE void sums_start(sums *s, size_t n_triples)
{
    s->odds[0] = (vec16){0} + nm_tables_starts[n_triples].odds;
    s->words[0] = (vec16){0} + nm_tables_starts[n_triples].words;
    s->words[1] = s->odds[1] = (vec16){0};
}

INLINE void sums_add(sums *s, vec lo, vec hi)
{
    s->words[0] += (vec16)lo, s->odds[0] += (vec16)lo >> 8;
    s->words[1] += (vec16)hi, s->odds[1] += (vec16)hi >> 8;
}

/* Adds a K block's result to y, as nm_tables_finish_16 describes. */
INLINE void sums_collect(const sums *s, int32_t *y)
{
    vec16  odds = s->odds[0] + (s->odds[1] << 4);
    vec16  evens = s->words[0] + (s->words[1] << 4) - (odds << 8);
    vec32 *at = (vec32 *)y;

    at[0] += (vec32)evens, at[1] += (vec32)evens >> 16;
    at[2] += (vec32)odds, at[3] += (vec32)odds >> 16;
}
