/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ternary products with 512-bit vectors and VBMI: t5 with one token.  Bits 0-6 of its codes are the
 * index of a table of 128 entries, which is what vpermi2b takes; bit 7 negates.
 *
 * The rest is taken over from AVX-512 without VBMI.  For t4, vpermb on three columns at a time was
 * a third faster in the cache and a tenth slower from memory: its tables are three times as large.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/ternary_avx512.h"

#define V_BYTES 64
#define V_TARGET "avx512f,avx512bw,avx512vbmi"

#include "kernels/ternary_sums.h"

/* ---- Tables ---------------------------------------------------------------------------------- */

/*
 * They are put together from the tables for shuffles (ternary_x86.h), 64 bytes a group: an entry is
 * the sum of what is found there at two places.
 */
typedef uint8_t places[64];

#define ROW_OF_4(f, i) f(i), f(i + 1), f(i + 2), f(i + 3)
#define ROW_OF_16(f, i) ROW_OF_4(f, i), ROW_OF_4(f, i + 4), ROW_OF_4(f, i + 8), ROW_OF_4(f, i + 12)
#define ROW_OF_64(f, i)                                                                            \
    ROW_OF_16(f, i), ROW_OF_16(f, i + 16), ROW_OF_16(f, i + 32), ROW_OF_16(f, i + 48)

/* Of entry i: q's place, and that of the pair, which is 0 at the odd place 17. */
#define Q_OF(i) (((i) & 15) < 2 ? (i) >> 4 << 1 | ((i) & 1) : (i) & 15)
#define P_OF(i) (16 + (((i) & 15) < 2 ? 1 : (i) >> 4 << 1))

static const places q_places[2] = {{ROW_OF_64(Q_OF, 0)}, {ROW_OF_64(Q_OF, 64)}};
static const places p_places[2] = {{ROW_OF_64(P_OF, 0)}, {ROW_OF_64(P_OF, 64)}};

/* half: 0 for lo, 32 for hi */
INLINE vec pick(const places p, int half, const uint8_t *from)
{
    vec index = load(p) + (uint8_t)half;
    return (vec)_mm512_permutexvar_epi8((__m512i)index, (__m512i)load(from));
}

#define GROUP_BYTES 256 /* 128 entries for lo, 128 for hi */
#define TRIPLE_BYTES (3 * GROUP_BYTES)

NM_TARGET(V_TARGET)
static void make_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    uint8_t from[3 * NM_TABLE_BYTES] __attribute__((aligned(64)));
    vec    *to = (vec *)tables;

    for (; n_triples; n_triples--, q += 15, to += 12) {
        nm_x86_tables_t5(from, q, 1);
#pragma GCC unroll 3
        for (int g = 0; g < 3; g++) {
            const uint8_t *group = from + g * NM_TABLE_BYTES;
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++)
                to[4 * g + j] = pick(q_places[j & 1], j < 2 ? 0 : 32, group) +
                                pick(p_places[j & 1], j < 2 ? 0 : 32, group);
        }
    }
}

/* ---- One token ------------------------------------------------------------------------------- */

/*
 * Tables are read once for both vectors, codes in the order in which they lie there, and what comes
 * later is fetched behind them, whatever the compiler thinks: otherwise Zen 5 loses a third of what
 * memory gives.
 */
INLINE vec load_now(const uint8_t *from)
{
    return *(volatile const vec *)from;
}

/*
 * A first-level cache of 48 KiB has room for what is fetched, beside the tables of a K block: a
 * tenth faster on Zen 5.  One of 32 KiB loses the tables to it, and Zen 4 half its speed.
 */
INLINE void fetch_now(const uint8_t *ahead, bool into_first_level)
{
    if (into_first_level)
        __asm__ volatile("prefetcht0 %0" : : "m"(*ahead));
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

INLINE void tile_block(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                       const uint8_t *ahead, bool into_first_level)
{
    size_t bias = nm_block_bias(n_triples);
    sums   s[PASS];

    sums_start(&s[0], bias), sums_start(&s[1], bias);
    for (; n_triples; n_triples--) {
        add_triple(s, codes, tables, ahead, into_first_level);
        codes += 3 * NM_TILE_ROWS, ahead += 3 * NM_TILE_ROWS, tables += TRIPLE_BYTES;
    }
    sums_collect(&s[0], y), sums_collect(&s[1], y + V_BYTES);
}

/* nm_tile_block */
NM_TARGET(V_TARGET)
static void tile_block_t5(int32_t *y, const uint8_t *codes, const uint8_t *tables,
                          size_t n_triples, const uint8_t *ahead)
{
    tile_block(y, codes, tables, n_triples, ahead, false);
}

NM_TARGET(V_TARGET)
static void tile_block_t5_48k(int32_t *y, const uint8_t *codes, const uint8_t *tables,
                              size_t n_triples, const uint8_t *ahead)
{
    tile_block(y, codes, tables, n_triples, ahead, true);
}

static void gemv_t5(int32_t *y, const nm_ternary *w, size_t tile_begin, size_t tile_end,
                    const uint8_t *tables)
{
    nm_x86_gemv(y, w, tile_begin, tile_end, tables, TRIPLE_BYTES, V_BYTES, tile_block_t5);
}

static void gemv_t5_48k(int32_t *y, const nm_ternary *w, size_t tile_begin, size_t tile_end,
                        const uint8_t *tables)
{
    nm_x86_gemv(y, w, tile_begin, tile_end, tables, TRIPLE_BYTES, V_BYTES, tile_block_t5_48k);
}

/* clang-format off */
#define OPS(gemv_t5)                                                                               \
    {[NM_T4] = {3 * NM_TABLE_BYTES, nm_x86_tables_t4, nm_avx512bw_gemv_t4,                         \
                nm_avx512bw_gemm_scratch, nm_avx512bw_gemm_t4},                                    \
     [NM_T5] = {TRIPLE_BYTES, make_tables_t5, gemv_t5,                                             \
                nm_avx512bw_gemm_scratch, nm_avx512bw_gemm_t5}}
/* clang-format on */

const nm_ternary_ops nm_avx512_ternary[NM_PACKINGS] = OPS(gemv_t5);
const nm_ternary_ops nm_avx512_48k_ternary[NM_PACKINGS] = OPS(gemv_t5_48k);

#endif
