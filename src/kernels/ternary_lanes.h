/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product with as many tokens as a vector has words: 16 with 32 bytes, 32 with 64.  A lane is a
 * token.
 *
 * Four columns of one row are one of 81 vectors of trits, and what that is worth to every token is
 * one vector: sums of 16 bits, at most 508 in size.  All 81 are computed, each by one addition,
 * and every row then adds the one that its index names:
 *
 *     table of 4 columns, 81 vectors:   token 0   token 1   token 2  ...
 *                            -1-1-1-1     .          .         .
 *                            +0-1-1-1     .          .         .
 *     sums of row r  +=  table[index of row r]
 *
 * So an addition with a memory operand is worth 64 weights times tokens, or 128.  Eight tables are
 * in use at a time, which the first cache holds (21 KB); all rows of the panel go through them
 * before the next eight are made.  A K block has 240 columns: 240 * 127 fits into 16 bits.
 *
 * An index is the number of its vector in the table, a byte.  Those of eight groups, an octet, are
 * 64 bits, read at once and shifted out: a load for each would take as long as the addition.
 *
 *     octet of a tile's part of a K block > row, in the order of store_octet > index of each group
 *
 * Included after ternary_shuffle.h; operations in each 16 bytes, where not said otherwise:
 *
 *     V_LOW_8(a, b)             a0 b0 a1 b1 ... of the lower halves; V_HIGH_8: of the upper halves
 *     V_LOW_16, V_HIGH_16       the same with words, V_LOW_32, V_HIGH_32 with double words
 *     V_WORDS(from)             from V_BYTES / 2 signed bytes
 *     V_EACH_16(from, step)     the vector of from[0..16), from[step..step + 16), ...
 */
#include "base/bytes.h"

#define LANES (V_BYTES / 2)
#define LANES_SHIFT (V_BYTES == 32 ? 5 : 6) /* V_BYTES as a power of two */
#define VECTORS 81
#define OCTET 8 /* groups whose tables are in use at a time */
#define OCTET_ROWS_BYTES (NM_TILE_ROWS * OCTET)
#define MAX_OCTETS 8 /* of a K block: 7.5 of t4, 8 of t5 */
#define TABLE_BYTES (VECTORS * V_BYTES)
#define LEAST_TOKENS 11                                  /* with fewer the other kernel is faster */
#define LANE_INDEX_BYTES (MAX_OCTETS * OCTET_ROWS_BYTES) /* of a tile */

/* ---- Indices --------------------------------------------------------------------------------- */

/* The place of two trits, lower and upper, as nibbles: (t0 + 1) + 3 (t1 + 1), and 9 times that. */
static const uint8_t place_of_lower[16] = {4, 5, 4, 3, 7, 8, 7, 6, 4, 5, 4, 3, 1, 2, 1, 0};
static const uint8_t place_of_upper[16] = {36, 45, 36, 27, 63, 72, 63, 54,
                                           36, 45, 36, 27, 9,  18, 9,  0};

INLINE vec place_of(vec codes)
{
    return V_SHUFFLE(V_TABLE(place_of_lower), codes & 15) +
           V_SHUFFLE(V_TABLE(place_of_upper), (vec)((vec16)codes >> 4) & 15);
}

/*
 * An octet of V_BYTES rows, the codes of which are given as t4.  Interleaving keeps to 16 bytes:
 * the vectors stored are rows 0, 1, 16, 17 ..., then 2, 3, 18, 19 ..., which is the order of sums.
 */
INLINE void store_octet(uint8_t *to, const vec codes[OCTET])
{
    vec places[OCTET], pairs[OCTET], quads[OCTET]; /* of one, two, four groups */

#pragma GCC unroll 8
    for (int g = 0; g < OCTET; g++) places[g] = place_of(codes[g]);
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) { /* the lower half of the rows, then the upper */
        pairs[g] = V_LOW_8(places[2 * g], places[2 * g + 1]);
        pairs[g + 4] = V_HIGH_8(places[2 * g], places[2 * g + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < OCTET; i += 2) { /* one quarter, and the next */
        quads[i] = V_LOW_16(pairs[i], pairs[i + 1]);
        quads[i + 1] = V_HIGH_16(pairs[i], pairs[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++, to += 2 * V_BYTES) { /* groups 0 to 3 and 4 to 7 of a quarter */
        vec first = quads[i / 2 * 4 + i % 2], last = quads[i / 2 * 4 + 2 + i % 2];
        *(vec *)to = V_LOW_32(first, last);
        *(vec *)(to + V_BYTES) = V_HIGH_32(first, last);
    }
}

/* t4: an octet is eight groups, of which the last may have fewer; the rest of its columns are 0. */
INLINE void index_octet_t4(uint8_t *to, const uint8_t *codes, size_t n_groups)
{
    for (size_t row = 0; row < NM_TILE_ROWS; row += V_BYTES) {
        vec c[OCTET] = {{0}};
#pragma GCC unroll 8
        for (size_t g = 0; g < OCTET; g++)
            if (g < n_groups) c[g] = load(codes + row + g * NM_TILE_ROWS);
        store_octet(to + row * OCTET, c);
    }
}

INLINE void index_octets_T4(uint8_t *to, const uint8_t *codes, size_t n_triples)
{
    size_t n_groups = n_triples + n_triples + n_triples;

    for (; n_groups >= OCTET; n_groups -= OCTET, codes += OCTET * NM_TILE_ROWS) {
        index_octet_t4(to, codes, OCTET);
        to += OCTET_ROWS_BYTES;
    }
    if (n_groups) index_octet_t4(to, codes, n_groups);
}

/* t5: a triple is four groups, of columns 0 1 3 4, 5 6 8 9, 10 11 13 14 and 2 7 12 alone. */
INLINE void groups_of_t5(vec c[4], const uint8_t *codes)
{
    c[3] = (vec){0};
#pragma GCC unroll 3
    for (int g = 0; g < NM_TRIPLE_GROUPS; g++) {
        vec first, last;
        trits_of_t5(load(codes + g * NM_TILE_ROWS), &first, &last);
        c[g] = (first & 15) | (vec)((vec16)last << 4);
        c[3] |= (vec)((vec16)first >> (4 - 2 * g)) & ((vec){0} + (uint8_t)(3 << 2 * g));
    }
}

INLINE void index_octets_T5(uint8_t *to, const uint8_t *codes, size_t n_triples)
{
    const size_t triple = NM_TRIPLE_GROUPS * NM_TILE_ROWS;

    for (size_t n; n_triples; n_triples -= n, to += OCTET_ROWS_BYTES, codes += 2 * triple) {
        n = n_triples > 1 ? 2 : 1;
        for (size_t row = 0; row < NM_TILE_ROWS; row += V_BYTES) {
            vec c[OCTET] = {{0}};
            groups_of_t5(c, codes + row);
            if (n == 2) groups_of_t5(c + 4, codes + triple + row);
            store_octet(to + row * OCTET, c);
        }
    }
}

/* ---- Tables ---------------------------------------------------------------------------------- */

/* Sixteen columns of all tokens: [column][token]. */
typedef int8_t lane_columns[16][LANES];

/*
 * Interleaving sixteen vectors with those eight places on, four times, exchanges rows and columns.
 * Tokens from n_tokens on repeat the last one: nobody reads their sums.
 */
INLINE void transpose_columns(lane_columns to, const int8_t *q, size_t q_stride, size_t n_tokens)
{
    for (size_t lane = 0; lane < LANES; lane += 16) {
        __m128i x[16], next[16];
#pragma GCC unroll 16
        for (size_t t = 0; t < 16; t++) {
            x[t] = _mm_loadu_si128((const __m128i *)(const void *)q);
            if (lane + t + 1 < n_tokens) q += q_stride;
        }
#pragma GCC unroll 4
        for (int round = 0; round < 4; round++) {
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++) {
                next[2 * i] = _mm_unpacklo_epi8(x[i], x[i + 8]);
                next[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + 8]);
            }
            memcpy(x, next, sizeof x);
        }
#pragma GCC unroll 16
        for (int column = 0; column < 16; column++)
            _mm_storeu_si128((__m128i *)(void *)&to[column][lane], x[column]);
    }
}

/* All sums of four columns, the first trit running fastest. */
INLINE void make_table(vec16 *to, vec16 c0, vec16 c1, vec16 c2, vec16 c3)
{
    const vec16 up = c1 + c0, across = c1 - c0;
    const vec16 low[9] = {-up, -c1, -across, -c0, (vec16){0}, c0, across, c1, up};
    vec16       high = -c3 - c2;

#pragma GCC unroll 3
    for (int t3 = 0; t3 < 3; t3++, high += c3 - c2 - c2 - c2) {
#pragma GCC unroll 3
        for (int t2 = 0; t2 < 3; t2++, high += c2, to += 9) {
#pragma GCC unroll 9
            for (int i = 0; i < 9; i++) to[i] = high + low[i];
        }
    }
}

/* Tables of two quads, which are 32 columns of t4, 30 of t5; of one quad half of them. */
INLINE void make_tables(uint8_t *tables, const nm_lane_tiles *l, const int8_t *q, size_t n_quads)
{
    /* Of a quad, by group; column 15 is 0. */
    static const uint8_t of_16[4][4] = {
        {0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}, {12, 13, 14, 15}};
    static const uint8_t of_15[4][4] = {
        {0, 1, 3, 4}, {5, 6, 8, 9}, {10, 11, 13, 14}, {2, 7, 12, 15}};

    for (; n_quads; n_quads--, q += l->quad_cols) {
        lane_columns columns;
        transpose_columns(columns, q, l->q_stride, l->n_tokens);
        if (l->quad_cols == 15) memset(columns[15], 0, sizeof columns[15]);
        for (int g = 0; g < 4; g++, tables += TABLE_BYTES) {
            const uint8_t *c = (l->quad_cols == 15 ? of_15 : of_16)[g];
            make_table((vec16 *)tables, V_WORDS(columns[c[0]]), V_WORDS(columns[c[1]]),
                       V_WORDS(columns[c[2]]), V_WORDS(columns[c[3]]));
        }
    }
}

/* ---- Sums ------------------------------------------------------------------------------------ */

/*
 * Adds an octet, or the first half of one, to the sums of a tile, or starts them.  Prefetches as
 * many bytes as an octet of t4 has codes.
 */
INLINE void add_octet(vec16 *rows, const uint8_t *indices, const uint8_t *tables,
                      const uint8_t *ahead, size_t n_groups, bool start)
{
    for (size_t row = 0; row < NM_TILE_ROWS; row++, rows++, indices += OCTET) {
        uint64_t octet = nm_load_u64(indices);
        vec16    s = *rows;
        if (row % OCTET == 0) V_AHEAD(ahead), ahead += 64;
        if (start) s = (vec16){0} + 32768;
        __asm__("" : "+r"(octet)); /* clang would load each index */
#pragma GCC unroll 8
        for (size_t g = 0; g < n_groups; g++) {
            uint64_t at = g ? octet >> (8 * g - LANES_SHIFT) : octet << LANES_SHIFT;
            s += *(const vec16 *)(tables + g * TABLE_BYTES + (at & 0xFF << LANES_SHIFT));
            __asm__("" : "+v"(s)); /* an addition each; gcc makes pairs, with loads of their own */
        }
        *rows = s;
    }
}

/*
 * Adds the sums of V_BYTES rows and eight tokens to y, as nm_tables_finish_16 describes: of each
 * token a vector of the even rows, one of the odd ones.  Row 16 i + 2 j + odd, i < V_BYTES / 16, is
 * at 2 (V_BYTES / 16) j + 2 i + odd.
 */
INLINE void collect_8(int32_t *y, size_t y_stride, const uint8_t *rows, size_t n_tokens)
{
    for (int odd = 0; odd < 2; odd++, rows += V_BYTES, y += V_BYTES / 2) {
        vec      x[8], next[8];
        int32_t *to = y;
#pragma GCC unroll 8
        for (int j = 0; j < 8; j++) x[j] = V_EACH_16(rows + j * V_BYTES / 8 * V_BYTES, 2 * V_BYTES);
#pragma GCC unroll 3
        for (int round = 0; round < 3; round++) {
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                next[2 * i] = V_LOW_16(x[i], x[i + 4]);
                next[2 * i + 1] = V_HIGH_16(x[i], x[i + 4]);
            }
            memcpy(x, next, sizeof x);
        }
#pragma GCC unroll 8
        for (size_t t = 0; t < 8; t++, to += y_stride) {
            vec32 *at = (vec32 *)to;
            if (t >= n_tokens) break;
            at[0] += (vec32)x[t], at[1] += (vec32)x[t] >> 16;
        }
    }
}

/* All tokens of a tile. */
INLINE void collect_tile(const nm_lane_tiles *l, int32_t *y, const vec16 *rows)
{
    const size_t y_step = l->y_stride << 3;

    for (size_t t = 0; t < l->n_tokens; t += 8, y += y_step)
        for (size_t row = 0; row < NM_TILE_ROWS; row += V_BYTES)
            collect_8(y + row, l->y_stride, (const uint8_t *)(rows + row) + 2 * t, l->n_tokens - t);
}

/* nm_lane_ops.add_tiles */
NM_TARGET(V_TARGET)
static void add_lanes(const nm_lane_tiles *l)
{
    const uint8_t *indices = l->indices, *ahead = l->ahead;
    const int8_t  *q = l->q;
    uint8_t       *tables = l->scratch;
    size_t         n_groups = l->n_triples + l->n_triples + l->n_triples;
    size_t         n_quads = l->quad_cols == 15 ? l->n_triples : (n_groups + 3) >> 2;

    for (bool start = true; n_quads; start = false) {
        const size_t   n = n_quads > 1 ? 2 : 1;
        const uint8_t *at = indices, *next = ahead;
        int32_t       *y = l->y;
        vec16         *rows = (vec16 *)(tables + OCTET * TABLE_BYTES);

        make_tables(tables, l, q, n);
        n_quads -= n, indices += OCTET_ROWS_BYTES, q += l->quad_cols + l->quad_cols;
        ahead += l->quad_cols == 15 ? 6 * NM_TILE_ROWS : OCTET * NM_TILE_ROWS;
        for (size_t tile = 0; tile < l->n_tiles; tile++) {
            if (n == 1)
                add_octet(rows, at, tables, next, OCTET / 2, start);
            else if (start)
                add_octet(rows, at, tables, next, OCTET, true);
            else
                add_octet(rows, at, tables, next, OCTET, false);
            if (!n_quads) collect_tile(l, y, rows);
            rows += NM_TILE_ROWS, at += LANE_INDEX_BYTES, y += NM_TILE_ROWS;
            next += l->ahead_step;
        }
    }
}

#define LANES_OF(packing, cols)                                                                    \
    NM_TARGET(V_TARGET)                                                                            \
    static void index_lanes_##packing(uint8_t *to, const uint8_t *codes, size_t n_triples)         \
    {                                                                                              \
        index_octets_##packing(to, codes, n_triples);                                              \
    }                                                                                              \
    static const nm_lane_ops lanes_##packing = {                                                   \
        .n_lanes = LANES,                                                                          \
        .least_tokens = LEAST_TOKENS,                                                              \
        .index_bytes = LANE_INDEX_BYTES,                                                           \
        .scratch_bytes = OCTET * TABLE_BYTES + NM_PANEL_ROWS * V_BYTES,                            \
        .quad_cols = (cols),                                                                       \
        .make_indices = index_lanes_##packing,                                                     \
        .add_tiles = add_lanes,                                                                    \
    };

LANES_OF(T4, 16)
LANES_OF(T5, 15)
