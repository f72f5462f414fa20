/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ternary products with the 16-entry byte look-ups of NEON.
 *
 * How a row is summed, exactly for |q| <= 127: q = 16 hi + lo, lo in [-8, 7], hi in [-8, 8].  Two
 * look-ups give a group's sum of lo, two that of hi, as signed bytes.
 *  1. A triple's three groups are added as bytes: at most 15 columns, each of at most 8, and (t5)
 *     1 for each group that is negated as -v - 1: within 123 of 0.
 *  2. These are added to 16-bit words, one sum of lo and one of hi a row.  A K block has at most
 *     20 triples, 20 * 123 = 2460.
 *  3. The negated groups of a K block, at most 48, are counted: that is what lo and hi lack.
 *  4. A K block's result, lo + 16 hi, is at most 240 * 127 = 30480 in size: a 16-bit word still,
 *     whatever wraps on the way.  It is added to y.
 */
#include "kernels/kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

#define MANY 4 /* tokens that gemm decodes a code for */

/* Of tables. */
#define GROUP_BYTES 64
#define TRIPLE_BYTES (NM_TRIPLE_GROUPS * GROUP_BYTES)
#define BLOCK_BYTES (NM_BLOCK_COLS / 4 * GROUP_BYTES) /* t4's, t5 has fewer groups */

/* ---- Tables ---------------------------------------------------------------------------------- */

/*
 * A group's tables, 16 entries each: lo of the first columns, lo of the last ones, hi of both.  The
 * first are columns 0, 1 of t4, indexed by bits 0-3; 0 to 2 of t5, indexed by q.  The last are
 * columns 2, 3 of t4, indexed by bits 4-7; 3 and 4 of t5, indexed by 2 p3 (ternary.h).
 *
 * Entry i is the sum of three, or of two, of the columns of the group: c adds column c, 16 + c
 * subtracts it, NONE is 0.
 */
#define NONE 0x80
enum { FIRST = 0, LAST = 3, N_TERMS = 5 };
/* clang-format off */
static const uint8_t terms[NM_PACKINGS][N_TERMS][16] = {
    [NM_T4] = {{NONE, 0, NONE, 16, NONE, 0, NONE, 16, NONE, 0, NONE, 16, NONE, 0, NONE, 16},
               {NONE, NONE, NONE, NONE, 1, 1, 1, 1, NONE, NONE, NONE, NONE, 17, 17, 17, 17},
               {NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
                NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE},
               {NONE, 2, NONE, 18, NONE, 2, NONE, 18, NONE, 2, NONE, 18, NONE, 2, NONE, 18},
               {NONE, NONE, NONE, NONE, 3, 3, 3, 3, NONE, NONE, NONE, NONE, 19, 19, 19, 19}},
    [NM_T5] = {{NONE, NONE, NONE, NONE, NONE, NONE, NONE, 0, 0, 0, 0, 0, 0, 0, 0, 0},
               {NONE, NONE, NONE, NONE, 1, 1, 1, 17, 17, 17, NONE, NONE, NONE, 1, 1, 1},
               {NONE, NONE, NONE, 2, 18, NONE, 2, 18, NONE, 2, 18, NONE, 2, 18, NONE, 2},
               {19, NONE, 19, NONE, 19, NONE, NONE, NONE,
                NONE, NONE, 3, NONE, 3, NONE, 3, NONE},
               {20, NONE, NONE, NONE, 4, NONE, 20, NONE, 4, NONE, 20, NONE, NONE, NONE, 4, NONE}},
};
/* clang-format on */

/* A triple's tables of lo, or of hi: `columns` has that half of each column, and its negatives. */
INLINE void triple_tables(int8_t *to, nm_packing_id packing, int8x16x2_t columns)
{
    const uint8x16_t step = vdupq_n_u8((uint8_t)nm_packings[packing].group_cols);
    uint8x16_t       term[N_TERMS];

    for (size_t i = 0; i < N_TERMS; i++) term[i] = vld1q_u8(terms[packing][i]);
    for (size_t group = 0; group < NM_TRIPLE_GROUPS; group++, to += GROUP_BYTES) {
        int8x16_t value[N_TERMS];
        for (size_t i = 0; i < N_TERMS; i++) {
            value[i] = vqtbl2q_s8(columns, term[i]);
            term[i] = vaddq_u8(term[i], step); /* NONE stays beyond the 32 columns */
        }
        vst1q_s8(to, vaddq_s8(vaddq_s8(value[FIRST], value[FIRST + 1]), value[FIRST + 2]));
        vst1q_s8(to + 16, vaddq_s8(value[LAST], value[LAST + 1]));
    }
}

INLINE void make_tables(int8_t *tables, nm_packing_id packing, const int8_t *q, size_t n_triples)
{
    for (; n_triples; n_triples--, tables += TRIPLE_BYTES) {
        int8x16_t x = vld1q_s8(q);
        int8x16_t hi = vsubq_s8(vshrq_n_s8(x, 4), vshrq_n_s8(vshlq_n_s8(x, 4), 7));
        int8x16_t lo = vsubq_s8(x, vshlq_n_s8(hi, 4));
        triple_tables(tables, packing, (int8x16x2_t){{lo, vnegq_s8(lo)}});
        triple_tables(tables + 32, packing, (int8x16x2_t){{hi, vnegq_s8(hi)}});
        q += packing == NM_T4 ? 12 : 15;
    }
}

/* ---- A few rows of a K block ----------------------------------------------------------------- */

typedef struct indices {
    uint8x16_t first, last; /* beyond 15: 0 */
    int8x16_t  minus;       /* -1 where the group is negated */
} indices;

INLINE indices decode(nm_packing_id packing, uint8x16_t codes)
{
    uint8x16_t low = vandq_u8(codes, vdupq_n_u8(15));

    if (packing == NM_T4) return (indices){low, vshrq_n_u8(codes, 4), vdupq_n_s8(0)};

    uint8x16_t pair = vandq_u8(vshrq_n_u8(codes, 3), vdupq_n_u8(14));
    uint8x16_t escape = vcltq_u8(low, vdupq_n_u8(2));
    return (indices){vorrq_u8(low, vandq_u8(pair, escape)), vorrq_u8(pair, escape),
                     vshrq_n_s8(vreinterpretq_s8_u8(codes), 7)};
}

INLINE int8x16_t look_up(const int8_t *tables, indices at)
{
    int8x16_t first = vqtbl1q_s8(vld1q_s8(tables), at.first);
    int8x16_t last = vqtbl1q_s8(vld1q_s8(tables + 16), at.last);

    return veorq_s8(vaddq_s8(first, last), at.minus);
}

/* Sums of 16 rows. */
typedef struct tile_sums {
    int16x8_t lo[2], hi[2];
} tile_sums;

INLINE void add_triple(tile_sums *s, int8x16_t lo, int8x16_t hi)
{
    s->lo[0] = vaddw_s8(s->lo[0], vget_low_s8(lo));
    s->lo[1] = vaddw_high_s8(s->lo[1], lo);
    s->hi[0] = vaddw_s8(s->hi[0], vget_low_s8(hi));
    s->hi[1] = vaddw_high_s8(s->hi[1], hi);
}

/* minus_count: of negated groups, below 0. */
INLINE void add_to_rows(int32_t *y, const tile_sums *s, int8x16_t minus_count)
{
    const int16x8_t lack[2] = {vmovl_s8(vget_low_s8(minus_count)), vmovl_high_s8(minus_count)};

    for (size_t i = 0; i < 2; i++, y += 8) {
        int16x8_t lo = vsubq_s16(s->lo[i], lack[i]), hi = vsubq_s16(s->hi[i], lack[i]);
        int16x8_t words = vaddq_s16(lo, vshlq_n_s16(hi, 4));
        vst1q_s32(y, vaddw_s16(vld1q_s32(y), vget_low_s16(words)));
        vst1q_s32(y + 4, vaddw_high_s16(vld1q_s32(y + 4), words));
    }
}

/*
 * 16 * n_vectors rows times n_tokens, where one of the two is 1: a code is decoded once for all
 * tokens, and a table serves all rows.  The tables of consecutive tokens are BLOCK_BYTES apart.
 * Meanwhile as many bytes as it reads are prefetched at `ahead`, where nothing need exist.
 */
INLINE void rows_block(nm_packing_id packing, size_t n_vectors, size_t n_tokens, int32_t *y,
                       size_t y_stride, const uint8_t *codes, const int8_t *tables,
                       size_t n_triples, const uint8_t *ahead)
{
    const bool   many = n_tokens > 1;
    const size_t n = many ? n_tokens : n_vectors;
    const size_t table_step = many ? BLOCK_BYTES : 0, y_step = many ? y_stride : 16;
    tile_sums    s[MANY] = {0};
    int8x16_t    minus_count[MANY] = {0};

    for (; n_triples; n_triples--) {
        int8x16_t lo[MANY], hi[MANY];
#pragma GCC unroll 3
        for (size_t group = 0; group < NM_TRIPLE_GROUPS; group++) {
            const int8_t *table = tables;
            indices       at;
#pragma GCC unroll 4
            for (size_t i = 0; i < n; i++, table += table_step) {
                if (i < n_vectors) {
                    at = decode(packing, vld1q_u8(codes + 16 * i));
                    minus_count[i] = vaddq_s8(minus_count[i], at.minus);
                }
                int8x16_t l = look_up(table, at), h = look_up(table + 32, at);
                lo[i] = group ? vaddq_s8(lo[i], l) : l;
                hi[i] = group ? vaddq_s8(hi[i], h) : h;
            }
            codes += NM_TILE_ROWS, tables += GROUP_BYTES;
        }
#pragma GCC unroll 4
        for (size_t i = 0; i < n; i++) add_triple(&s[i], lo[i], hi[i]);
        for (size_t line = 0; line < 48 * n_vectors; line += 64) __builtin_prefetch(ahead + line);
        ahead += 48 * n_vectors;
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++, y += y_step) add_to_rows(y, &s[i], minus_count[many ? 0 : i]);
}

/* ---- A tile ---------------------------------------------------------------------------------- */

/* nm_ternary_ops.add_tile for one token, of 32 rows at a time; for n_tokens of 16. */
INLINE void add_rows(nm_packing_id packing, size_t n_tokens, int32_t *y, size_t y_stride,
                     const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                     const uint8_t *ahead)
{
    const size_t n_vectors = n_tokens == 1 ? 2 : 1, n_rows = 16 * n_vectors;

    for (size_t row = 0; row < NM_TILE_ROWS; row += n_rows) {
        rows_block(packing, n_vectors, n_tokens, y + row, y_stride, codes + row,
                   (const int8_t *)tables, n_triples, ahead);
        for (size_t i = 0; i < n_triples; i++) ahead += 3 * n_rows;
    }
}

INLINE void add_many_tile(nm_packing_id packing, const nm_many_tile *t)
{
    switch (t->n_tokens) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        add_rows(packing, n, t->y, t->y_stride, t->indices, t->tables, t->n_triples, t->ahead);    \
        break
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
    }
}

/* ---- The parts of each packing --------------------------------------------------------------- */

#define PARTS_OF(packing)                                                                          \
    static void make_tables_##packing(uint8_t *tables, const int8_t *q, size_t n_triples)          \
    {                                                                                              \
        make_tables((int8_t *)tables, NM_##packing, q, n_triples);                                 \
    }                                                                                              \
    static void add_tile_##packing(int32_t *y, const uint8_t *codes, const uint8_t *tables,        \
                                   size_t n_triples, const uint8_t *ahead)                         \
    {                                                                                              \
        add_rows(NM_##packing, 1, y, 0, codes, tables, n_triples, ahead);                          \
    }                                                                                              \
    static void add_many_tile_##packing(const nm_many_tile *tile)                                  \
    {                                                                                              \
        add_many_tile(NM_##packing, tile);                                                         \
    }                                                                                              \
    static const nm_many_ops many_##packing = {                                                    \
        .least_tokens = 3,                                                                         \
        .most_tokens = MANY,                                                                       \
        .together = MANY,                                                                          \
        .block_table_bytes = BLOCK_BYTES,                                                          \
        .token_step = BLOCK_BYTES,                                                                 \
        .least_alone = 32,                                                                         \
        .make_tables = make_tables_##packing,                                                      \
        .add_tile = add_many_tile_##packing,                                                       \
    };

PARTS_OF(T4)
PARTS_OF(T5)

const nm_ternary_ops nm_neon_ternary[NM_PACKINGS] = {
    [NM_T4] = {TRIPLE_BYTES, make_tables_T4, add_tile_T4, NULL, &many_T4},
    [NM_T5] = {TRIPLE_BYTES, make_tables_T5, add_tile_T5, NULL, &many_T5},
};

#endif
