/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ternary products with 512-bit vectors and VBMI: t5 with one token.  Bits 0-6 of its codes are the
 * index of a table of 128 entries, which is what vpermi2b takes; bit 7 negates.  Such tables also
 * make the indices for many tokens, where one of 64 takes three trits of t4: 16 tokens are 3 %
 * faster with t4, 8 % with t5 (Zen 5).
 *
 * The rest is that of AVX-512 without VBMI.  For t4, vpermb on three columns at a time was a third
 * faster from the cache, but a tenth slower from memory: its tables are three times as large.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/ternary_avx512bw.h"

#define V_BYTES 64
#define V_TARGET NM_AVX512F ",avx512bw,avx512vbmi"

#include "kernels/ternary_sums.h"

#define V_AVERAGE(a, b) ((vec)_mm512_avg_epu8((__m512i)(a), (__m512i)(b)))

#include "kernels/ternary_split.h"

/* ---- Tables ---------------------------------------------------------------------------------- */

/*
 * Of a group first the sums of columns 0 to 2 (q, 16 entries) and of 3 and 4 (p, 8 of 16), for lo
 * and for hi, in one vector:
 *
 *     q of lo   p of lo   q of hi   p of hi
 *
 * Then the 128 entries for lo and the 128 for hi: each is the sum of a q and a p.  The first two
 * entries of q are 0 and stand for escapes (n < 2), which are another q and no p: a table is the
 * 16 entries of q again and again, plus a p, or that other q.
 */
typedef uint8_t places[64];

/* Places in  lo  -lo  hi  -hi,  16 columns each, of which the last is 0. */
#define N 15
#define M(column) (16 + (column))
#define Q_0 N, N, N, N, N, N, N, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define Q_1 N, N, N, N, 1, 1, 1, M(1), M(1), M(1), N, N, N, 1, 1, 1
#define Q_2 N, N, N, 2, M(2), N, 2, M(2), N, 2, M(2), N, 2, M(2), N, 2
#define P_0 M(3), N, M(3), N, M(3), N, N, N, N, N, 3, N, 3, N, 3, N
#define P_1 M(4), N, N, N, 4, N, M(4), N, 4, N, M(4), N, N, N, 4, N
#define NOTHING N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N

static const uint8_t terms[3][32] = {{Q_0, P_0}, {Q_1, P_1}, {Q_2, NOTHING}};
#undef N
#undef M

#define ROW_OF_4(f, i) f(i), f(i + 1), f(i + 2), f(i + 3)
#define ROW_OF_16(f, i) ROW_OF_4(f, i), ROW_OF_4(f, i + 4), ROW_OF_4(f, i + 8), ROW_OF_4(f, i + 12)
#define ROW_OF_64(f, i)                                                                            \
    ROW_OF_16(f, i), ROW_OF_16(f, i + 16), ROW_OF_16(f, i + 32), ROW_OF_16(f, i + 48)

/* What is added to q's entry i mod 16: the other q of an escape, or the pair. */
#define REST_OF(i) (((i)&15) < 2 ? (i) >> 4 << 1 | ((i)&1) : 16 + ((i) >> 4 << 1))

static const places rest_places[2] = {{ROW_OF_64(REST_OF, 0)}, {ROW_OF_64(REST_OF, 64)}};

INLINE vec pick(vec index, vec from)
{
    return (vec)_mm512_permutexvar_epi8((__m512i)index, (__m512i)from);
}

/* The places for hi are 32 further, but a 15 is as good as a 47. */
INLINE vec of_both(const uint8_t *of_lo)
{
    __m256i lo = _mm256_loadu_si256((const __m256i *)(const void *)of_lo);
    __m512i hi = _mm512_add_epi8(_mm512_broadcast_i64x4(lo), _mm512_set1_epi8(32));
    return (vec)_mm512_inserti64x4(hi, lo, 0);
}

#define GROUP_BYTES 256 /* 128 entries for lo, 128 for hi */
#define TRIPLE_BYTES (3 * GROUP_BYTES)

NM_TARGET(V_TARGET)
static void make_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    const __mmask64 negated = 0xFFFF0000FFFF0000, columns_15 = 0x7FFF7FFF7FFF7FFF;
    const __m512i   minus = _mm512_movm_epi8(negated);
    const vec       rest_0 = load(rest_places[0]), rest_64 = load(rest_places[1]);
    vec             t[3][3], *to = (vec *)tables;

    for (int i = 0; i < 3; i++) { /* five columns on, but not what is 0 */
        t[0][i] = of_both(terms[i]);
        t[1][i] = t[0][i] + ((vec)((t[0][i] & 15) != 15) & 5);
        t[2][i] = t[1][i] + ((vec)((t[1][i] & 15) != 15) & 5);
    }
    for (; n_triples; n_triples--, q += 15) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)q);
        __m512i halves = (__m512i)split_columns((vec)_mm512_broadcast_i32x4(x), 0);
        /* -x is (x ^ -1) + 1: clang 20 fails on a masked subtraction before these shuffles */
        halves = _mm512_sub_epi8(_mm512_xor_si512(halves, minus), minus);
        vec columns = (vec)_mm512_maskz_mov_epi8(columns_15, halves), bias = (vec){0} + 128;
#pragma GCC unroll 3
        for (int g = 0; g < 3; g++, to += 4) {
            vec sum = pick(t[g][0], columns) + pick(t[g][1], columns) + pick(t[g][2], columns);
            vec q_lo = (vec)_mm512_shuffle_i64x2((__m512i)sum, (__m512i)sum, 0x00);
            vec q_hi = (vec)_mm512_shuffle_i64x2((__m512i)sum, (__m512i)sum, 0xAA);
            if (g == 0) q_lo += bias, q_hi += bias;
            to[0] = q_lo + pick(rest_0, sum);
            to[1] = q_lo + pick(rest_64, sum);
            to[2] = q_hi + pick(rest_0 + 32, sum);
            to[3] = q_hi + pick(rest_64 + 32, sum);
        }
    }
}

/* ---- One token ------------------------------------------------------------------------------- */

/*
 * Volatile: tables are read once for both vectors, codes in ascending order, and prefetches come
 * after both.  In the order that compilers choose, Zen 5 loses a third of the memory bandwidth.
 */
INLINE vec load_now(const uint8_t *from)
{
    return *(volatile const vec *)from;
}

/*
 * A first-level cache of 48 KiB has room for the prefetched codes beside the tables of a K block:
 * 10 % faster on Zen 5.  In one of 32 KiB they evict the tables, and Zen 4 loses half its speed.
 */
INLINE void fetch_now(const uint8_t *ahead, bool into_first_level)
{
    if (into_first_level)
        __asm__ volatile("prefetchnta %0" : : "m"(*ahead));
    else
        __asm__ volatile("prefetcht1 %0" : : "m"(*ahead));
}

INLINE vec look_up(vec table_0, vec table_64, vec codes, __mmask64 minus)
{
    __m512i v = _mm512_permutex2var_epi8((__m512i)table_0, (__m512i)codes, (__m512i)table_64);
    return (vec)_mm512_mask_sub_epi8(v, minus, _mm512_setzero_si512(), v);
}

#define PASS 2 /* vectors of rows that go through the tables together: a tile */

INLINE void add_triple(sums s[PASS], const uint8_t *codes, const uint8_t *tables,
                       const uint8_t *ahead, bool into_first_level)
{
    vec lo[PASS] = {{0}}, hi[PASS] = {{0}};

#pragma GCC unroll 3
    for (int g = 0; g < 3; g++, tables += GROUP_BYTES) {
        vec lo_0 = load_now(tables), lo_64 = load_now(tables + 64);
        vec hi_0 = load_now(tables + 128), hi_64 = load_now(tables + 192);
#pragma GCC unroll 2
        for (int v = 0; v < PASS; v++, codes += V_BYTES) {
            vec       c = load_now(codes);
            __mmask64 minus = _mm512_movepi8_mask((__m512i)c);
            lo[v] += look_up(lo_0, lo_64, c, minus);
            hi[v] += look_up(hi_0, hi_64, c, minus);
        }
    }
#pragma GCC unroll 6
    for (int line = 0; line < 6; line++) fetch_now(ahead + line * 64, into_first_level);
#pragma GCC unroll 2
    for (int v = 0; v < PASS; v++) sums_add(&s[v], lo[v], hi[v]);
}

INLINE void add_tile(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                     const uint8_t *ahead, bool into_first_level)
{
    sums s[PASS];

    sums_start(&s[0], n_triples), sums_start(&s[1], n_triples);
    for (; n_triples; n_triples--) {
        add_triple(s, codes, tables, ahead, into_first_level);
        codes += 3 * NM_TILE_ROWS, ahead += 3 * NM_TILE_ROWS, tables += TRIPLE_BYTES;
    }
    sums_collect(&s[0], y), sums_collect(&s[1], y + V_BYTES);
}

NM_TARGET(V_TARGET)
static void add_tile_t5(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                        const uint8_t *ahead)
{
    add_tile(y, codes, tables, n_triples, ahead, false);
}

NM_TARGET(V_TARGET)
static void add_tile_t5_48k(int32_t *y, const uint8_t *codes, const uint8_t *tables,
                            size_t n_triples, const uint8_t *ahead)
{
    add_tile(y, codes, tables, n_triples, ahead, true);
}

/* ---- Many tokens: indices -------------------------------------------------------------------- */

/* What three trits of t4, two bits each, are worth: 9, 3 and 1 times. */
#define TRIT(i) ((i) == 1 ? 1 : (i) == 3 ? -1 : 0)
#define WORTH(i) (uint8_t)(9 * TRIT((i)&3) + 3 * TRIT((i) >> 2 & 3) + TRIT((i) >> 4))
static const places t4_worth = {ROW_OF_64(WORTH, 0)};

INLINE vec select_bits(uint8_t mask, vec a, vec b)
{
    return (vec)_mm512_ternarylogic_epi64(_mm512_set1_epi8((char)mask), (__m512i)a, (__m512i)b,
                                          0xCA);
}

INLINE void index_triple_t4(uint8_t *to, const uint8_t *codes)
{
    vec a = load(codes), b = load(codes + NM_TILE_ROWS), c = load(codes + 2 * NM_TILE_ROWS);
    vec table = load(t4_worth), *at = (vec *)to;
    vec ab = select_bits(0x03, (vec)((vec16)a >> 6), (vec)((vec16)b >> 4));

    at[0] = pick(a, table), at[2] = pick(b, table), at[4] = pick(c, table);
    at[6] = pick(select_bits(0x30, (vec)((vec16)c >> 2), ab), table); /* the last trits */
}

/*
 * What bits 0 to 6 of a code of t5 are worth: its triple 9, 3 and 1 times; its pair 9 and 3 times,
 * or one of the two.
 */
#define Q_OF(i) ((i) % 16 >= 2 ? (i) % 16 : (i) / 16 * 2 + (i) % 16)
#define PAIR_OF(i) ((i) % 16 < 2 ? 0 : (i) / 16 < 4 ? (i) / 16 - 4 : (i) / 16 - 3)
#define T5_9_3_1(i) (uint8_t)(Q_OF(i) < 3 ? 0 : Q_OF(i) - 2)
#define T5_9_3(i) (uint8_t)(3 * PAIR_OF(i))
#define T5_1_0(i) (uint8_t)((PAIR_OF(i) > 1) - (PAIR_OF(i) < -1))
#define T5_0_1(i) (uint8_t)(PAIR_OF(i) - 3 * ((PAIR_OF(i) > 1) - (PAIR_OF(i) < -1)))
typedef uint8_t     worths[128];
static const worths t5_9_3_1 = {ROW_OF_64(T5_9_3_1, 0), ROW_OF_64(T5_9_3_1, 64)};
static const worths t5_9_3 = {ROW_OF_64(T5_9_3, 0), ROW_OF_64(T5_9_3, 64)};
static const worths t5_1_0 = {ROW_OF_64(T5_1_0, 0), ROW_OF_64(T5_1_0, 64)};
static const worths t5_0_1 = {ROW_OF_64(T5_0_1, 0), ROW_OF_64(T5_0_1, 64)};

INLINE vec worth(const worths of, vec codes)
{
    return look_up(load(of), load(of + 64), codes, _mm512_movepi8_mask((__m512i)codes));
}

INLINE void index_triple_t5(uint8_t *to, const uint8_t *codes)
{
    vec  a = load(codes), b = load(codes + NM_TILE_ROWS), c = load(codes + 2 * NM_TILE_ROWS);
    vec *at = (vec *)to;

    at[0] = worth(t5_9_3_1, a), at[2] = worth(t5_9_3_1, b), at[4] = worth(t5_9_3_1, c);
    at[6] = worth(t5_9_3, a) + worth(t5_1_0, b);
    at[8] = worth(t5_9_3, c) + worth(t5_0_1, b);
}

NM_AVX512BW_DEFINE_MANY

/* clang-format off */
#define OPS(add_tile_t5)                                                                           \
    {                                                                                              \
        [NM_T4] = {3 * NM_TABLE_BYTES, nm_avx512bw_tables_t4, nm_avx512bw_add_tile_t4,             \
                   nm_avx512bw_finish, &many[NM_T4]},                                              \
        [NM_T5] = {TRIPLE_BYTES, make_tables_t5, add_tile_t5,                                      \
                   nm_avx512bw_finish, &many[NM_T5]},                                              \
    }
/* clang-format on */

const nm_ternary_ops nm_avx512_ternary[NM_PACKINGS] = OPS(add_tile_t5);
const nm_ternary_ops nm_avx512_48k_ternary[NM_PACKINGS] = OPS(add_tile_t5_48k);

#endif
