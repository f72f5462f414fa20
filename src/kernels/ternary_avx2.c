/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ternary products with AVX2: 32 look-ups by one byte shuffle.  One token takes ternary_shuffle.h,
 * with the tables of ternary_wide.h; more take ternary_pairs.h, and from a number of them on
 * ternary_lanes.h.  This file has the instructions that those are written in, and the loop of t5
 * for one token.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>
#include <string.h>

#define V_BYTES 32
#define V_TARGET "avx2"
#define V_PASS 2
#define V_SHUFFLE(table, index) ((vec)_mm256_shuffle_epi8((__m256i)(table), (__m256i)(index)))
#define V_TABLE(from)                                                                              \
    ((vec)_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(from))))
#define V_LESS(a, b) ((vec)less((__m256i)(a), (__m256i)(b)))
#define V_NEGATE(v, sign) ((vec)_mm256_sign_epi8((__m256i)(v), (__m256i)(sign)))
#define V_AHEAD(from) _mm_prefetch((const char *)(from), _MM_HINT_T1)
#define V_AHEAD_ONCE(from) _mm_prefetch((const char *)(from), _MM_HINT_NTA)

/* gcc makes two instructions of a comparison with a constant: a minimum, and whether it is a. */
NM_TARGET("avx2")
static inline __m256i less(__m256i a, __m256i b)
{
    __m256i mask;

    __asm__("vpcmpgtb %1, %2, %0" : "=x"(mask) : "x"(a), "x"(b));
    return mask;
}

/*
 * Two vectors of rows go through the tables of a triple together, in assembly: their 8 sums of
 * words, 4 of bytes, 2 indices, a table and what is looked up fill the 16 registers, and gcc would
 * spill most of them (of t4 it spills one, for the mask).  LOOK_UP begins the sums of bytes, ADD
 * adds to them; the table of hi is 32 bytes after that of lo.  LOWER_NIBBLES makes indices of the
 * lower nibbles of a group's codes, UPPER_NIBBLES then of the upper ones.
 */
/* clang-format off */
#define HALF(table, into0, into1)                                                                  \
    "vbroadcasti128 " table "(%[tables]), %[t]\n"                                                  \
    "vpshufb %[index0], %[t], " into0 "\n vpshufb %[index1], %[t], " into1 "\n"
#define LOOK_UP(table) HALF(table, "%[lo0]", "%[lo1]") HALF(table "+32", "%[hi0]", "%[hi1]")
#define ADD(table)                                                                                 \
    HALF(table, "%[s]", "%[t]")                                                                    \
    "vpaddb %[s], %[lo0], %[lo0]\n vpaddb %[t], %[lo1], %[lo1]\n"                                  \
    HALF(table "+32", "%[s]", "%[t]")                                                              \
    "vpaddb %[s], %[hi0], %[hi0]\n vpaddb %[t], %[hi1], %[hi1]\n"
#define LOWER_NIBBLES(at)                                                                          \
    "vpand " at "(%[codes]), %[low], %[index0]\n vpand " at "+32(%[codes]), %[low], %[index1]\n"
#define UPPER_NIBBLES(at)                                                                          \
    "vpxor " at "(%[codes]), %[index0], %[index0]\n vpsrlw $4, %[index0], %[index0]\n"             \
    "vpxor " at "+32(%[codes]), %[index1], %[index1]\n vpsrlw $4, %[index1], %[index1]\n"
#define TRIPLE_T4                                                                                  \
    LOWER_NIBBLES("0") LOOK_UP("0") UPPER_NIBBLES("0") ADD("16")                                   \
    LOWER_NIBBLES("128") ADD("64") UPPER_NIBBLES("128") ADD("80")                                  \
    LOWER_NIBBLES("256") ADD("128") UPPER_NIBBLES("256") ADD("144")
/* clang-format on */

#define RUN(text, lo, hi, from, of, ...)                                                           \
    do {                                                                                           \
        vec s_, t_, index0_, index1_;                                                              \
        __asm__ volatile(text                                                                      \
                         : [lo0] "=&x"((lo)[0]), [lo1] "=&x"((lo)[1]), [hi0] "=&x"((hi)[0]),       \
                           [hi1] "=&x"((hi)[1]), [s] "=&x"(s_), [t] "=&x"(t_),                     \
                           [index0] "=&x"(index0_), [index1] "=&x"(index1_)                        \
                         : [codes] "r"(from), [tables] "r"(of)__VA_ARGS__                          \
                         : "memory");                                                              \
    } while (0)
#define V_LOOK_UP_T4(lo, hi, codes, tables)                                                        \
    RUN(TRIPLE_T4, lo, hi, codes, tables, , [low] "x"((vec){0} + 15))

#define V_OWN_TILE_T5

#include "kernels/ternary_shuffle.h"

_Static_assert(NM_TILE_ROWS == 128 && NM_TABLE_BYTES == 64, "offsets of groups and of tables");

/* ---- One token, t5 --------------------------------------------------------------------------- */

/*
 * look_up_t5 in assembly.  From a code to its sum it is a chain of nine instructions, each of which
 * takes Zen 5 two cycles, so the indices q and p of the next group are made while the present one
 * is looked up.  All registers serve one vector of rows: with two of them, which share the tables,
 * storing what has no register costs more than loading the tables again.
 */
/* clang-format off */
#define INDEX_1(codes, q, p)                                                                       \
    "vpand " codes ", %[low], " q "\n vpand " codes ", %[high], " p "\n vpsrlw $3, " p ", " p "\n"
#define INDEX_2(q) "vpcmpgtb " q ", %[two], %[escape]\n"
#define INDEX_3(q, p)                                                                              \
    "vpand " p ", %[escape], %[t]\n vpor %[escape], " p ", %[p]\n vpor %[t], " q ", %[q]\n"
#define TERMS(table)                                                                               \
    "vbroadcasti128 " table "(%[tables]), %[s]\n vbroadcasti128 " table "+16(%[tables]), %[t]\n"   \
    "vpshufb %[q], %[s], %[s]\n vpshufb %[p], %[t], %[t]\n"
#define ADD_TERMS(codes, sum)                                                                      \
    "vpaddb %[s], %[t], %[s]\n vpsignb " codes ", %[s], %[s]\n vpaddb %[s], " sum ", " sum "\n"
#define GROUP_T5(codes, table, next)                                                               \
    INDEX_1(next, "%[next_q]", "%[next_p]") TERMS(table)                                           \
    INDEX_2("%[next_q]") ADD_TERMS(codes, "%[lo]")                                                 \
    TERMS(table "+32") ADD_TERMS(codes, "%[hi]") INDEX_3("%[next_q]", "%[next_p]")
/* Has a bias, with which a code 0 is not 0: it takes the sign of code | 2. */
#define FIRST_GROUP_T5(codes, next)                                                                \
    INDEX_1(next, "%[next_q]", "%[next_p]") TERMS("0")                                             \
    INDEX_2("%[next_q]") "vpaddb %[s], %[t], %[lo]\n" TERMS("32") "vpaddb %[s], %[t], %[hi]\n"     \
    "vpor " codes ", %[two], %[s]\n vpsignb %[s], %[lo], %[lo]\n vpsignb %[s], %[hi], %[hi]\n"     \
    INDEX_3("%[next_q]", "%[next_p]")
#define WIDEN(sum, words, odds)                                                                    \
    "vpaddw " sum ", " words ", " words "\n vpsrlw $8, " sum ", " sum "\n"                         \
    "vpaddw " sum ", " odds ", " odds "\n"
#define TRIPLE_T5                                                                                  \
    FIRST_GROUP_T5("(%[codes])", "128(%[codes])")                                                  \
    GROUP_T5("128(%[codes])", "64", "256(%[codes])")                                               \
    GROUP_T5("256(%[codes])", "128", "(%[next])")                                                  \
    WIDEN("%[lo]", "%[words_lo]", "%[odds_lo]") WIDEN("%[hi]", "%[words_hi]", "%[odds_hi]")
/* clang-format on */

/*
 * nm_ternary_ops.add_tile.  The next group of the last triple is the first of the next 32 rows, and
 * of the last rows any.
 */
NM_TARGET(V_TARGET)
static void add_tile_t5(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                        const uint8_t *ahead)
{
    const vec low = (vec){0} + 15, two = (vec){0} + 2, high = (vec){0} + 0x70;
    vec       q, p, next_q, next_p, escape, s, t, lo, hi;

    __asm__ volatile(INDEX_1("(%[codes])", "%[q]", "%[p]") INDEX_2("%[q]") INDEX_3("%[q]", "%[p]")
                     : [q] "=&x"(q), [p] "=&x"(p), [escape] "=&x"(escape), [t] "=&x"(t)
                     : [codes] "r"(codes), [low] "x"(low), [two] "x"(two), [high] "x"(high)
                     : "memory");
    for (size_t row = 0; row < NM_TILE_ROWS; row += V_BYTES, y += V_BYTES) {
        const uint8_t *at = codes + row, *after = codes + (row + V_BYTES) % NM_TILE_ROWS;
        const uint8_t *table = tables;
        sums           of_rows;

        sums_start(&of_rows, n_triples);
        for (size_t left = n_triples; left; left--) {
            const uint8_t *next = left > 1 ? at + 3 * NM_TILE_ROWS : after;
            __asm__ volatile(TRIPLE_T5
                             : [q] "+&x"(q), [p] "+&x"(p), [next_q] "=&x"(next_q),
                               [next_p] "=&x"(next_p), [escape] "=&x"(escape), [s] "=&x"(s),
                               [t] "=&x"(t), [lo] "=&x"(lo), [hi] "=&x"(hi),
                               [words_lo] "+x"(of_rows.words[0]), [words_hi] "+x"(of_rows.words[1]),
                               [odds_lo] "+x"(of_rows.odds[0]), [odds_hi] "+x"(of_rows.odds[1])
                             : [codes] "r"(at), [next] "r"(next), [tables] "r"(table),
                               [low] "x"(low), [two] "x"(two), [high] "x"(high)
                             : "memory");
            V_AHEAD_ONCE(ahead), V_AHEAD_ONCE(ahead + 64);
            at = next, table += 3 * NM_TABLE_BYTES, ahead += 3 * V_BYTES;
        }
        sums_collect(&of_rows, y);
    }
}

/* ---- Tables ---------------------------------------------------------------------------------- */

#define V_AVERAGE(a, b) ((vec)_mm256_avg_epu8((__m256i)(a), (__m256i)(b)))
#define V_LOW_64(a, b) ((vec)_mm256_unpacklo_epi64((__m256i)(a), (__m256i)(b)))
#define V_HIGH_64(a, b) ((vec)_mm256_unpackhi_epi64((__m256i)(a), (__m256i)(b)))
#define V_DOWN(v, n) ((vec)_mm256_srli_si256((__m256i)(v), n))
#define V_PAIR(a, b)                                                                               \
    ((vec)_mm256_loadu2_m128i((const __m128i *)(const void *)(b),                                  \
                              (const __m128i *)(const void *)(a)))

#include "kernels/ternary_wide.h"

/* ---- Many tokens ----------------------------------------------------------------------------- */

#define V_LOW_8(a, b) ((vec)_mm256_unpacklo_epi8((__m256i)(a), (__m256i)(b)))
#define V_HIGH_8(a, b) ((vec)_mm256_unpackhi_epi8((__m256i)(a), (__m256i)(b)))
#define V_LOW_16(a, b) ((vec)_mm256_unpacklo_epi16((__m256i)(a), (__m256i)(b)))
#define V_HIGH_16(a, b) ((vec)_mm256_unpackhi_epi16((__m256i)(a), (__m256i)(b)))
#define V_WORDS(from)                                                                              \
    ((vec16)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(from))))
#define V_EACH_16(from, step)                                                                      \
    ((vec)_mm256_loadu2_m128i((const __m128i *)(const void *)((from) + (step)),                    \
                              (const __m128i *)(const void *)(from)))

#include "kernels/ternary_lanes.h"

#define V_LANES(packing) &lanes_##packing
#define V_LEAST_TOKENS 2
#define V_MANY_PASS 2
#define V_TABLES_T4 make_tables_t4

/* Indices are stored, 6 of a triple of t4 and 8 of t5. */
/* clang-format off */
#define STORED(at)                                                                                 \
    "vmovdqu " at "*32(%[codes]), %[index0]\n vmovdqu " at "*32+32(%[codes]), %[index1]\n"
#define LOOK_UP_6                                                                                  \
    STORED("0") LOOK_UP("0") STORED("2") ADD("16")                                                 \
    STORED("4") ADD("64") STORED("6") ADD("80")                                                    \
    STORED("8") ADD("128") STORED("10") ADD("144")
#define LOOK_UP_8 LOOK_UP_6 STORED("12") ADD("192") STORED("14") ADD("208")
/* clang-format on */
#define V_LOOK_UP_6(lo, hi, indices, tables) RUN(LOOK_UP_6, lo, hi, indices, tables, )
#define V_LOOK_UP_8(lo, hi, indices, tables) RUN(LOOK_UP_8, lo, hi, indices, tables, )

#include "kernels/ternary_pairs.h"

const nm_ternary_ops nm_avx2_ternary[NM_PACKINGS] = {
    [NM_T4] = {3 * NM_TABLE_BYTES, make_tables_t4, add_tile_t4, nm_tables_finish_32, &many_T4},
    [NM_T5] = {3 * NM_TABLE_BYTES, make_tables_t5, add_tile_t5, nm_tables_finish_32, &many_T5},
};

#endif
