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
 * An index is the place of its vector in the table in bytes.  Those of four groups, a quad, are 64
 * bits, read at once and shifted out: a load for each would take as long as the addition.
 *
 *     quad of a tile's part of a K block > row, in the order of store_quad > index of four groups
 *
 * Included after ternary_shuffle.h; operations in each 16 bytes, where not said otherwise:
 *
 *     V_LOW_8(a, b)             a0 b0 a1 b1 ... of the lower halves; V_HIGH_8: of the upper halves
 *     V_LOW_16, V_HIGH_16       the same with words
 *     V_WORDS(from)             from V_BYTES / 2 signed bytes
 *     V_AHEAD(from)             as in ternary_shuffle.h
 *     V_EACH_16(from, step)     the vector of from[0..16), from[step..step + 16), ...
 */
#include "base/bytes.h"

#define LANES (V_BYTES / 2)
#define LANES_SHIFT (V_BYTES == 32 ? 5 : 6) /* V_BYTES as a power of two */
#define VECTORS 81
#define QUAD_ROWS_BYTES (NM_TILE_ROWS * sizeof(uint64_t))
#define MAX_QUADS 16 /* of a K block: 15 of t4, 16 of t5 */
#define TABLE_BYTES (VECTORS * V_BYTES)
#define PASS_TABLES 8
#define LEAST_TOKENS 11                                /* with fewer the other kernel is faster */
#define LANE_INDEX_BYTES (MAX_QUADS * QUAD_ROWS_BYTES) /* of a tile */

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
 * A quad of V_BYTES rows, the codes of which are given as t4.  Interleaving keeps to 16 bytes: the
 * vectors stored are rows 0, 1, 16, 17 ..., then 2, 3, 18, 19 ..., which is the order of sums.
 */
INLINE void store_quad(uint8_t *to, const vec codes[4])
{
    const vec nothing = {0};
    vec       places[4], pairs[4];

#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) places[g] = place_of(codes[g]);
    pairs[0] = V_LOW_8(places[0], places[1]), pairs[1] = V_LOW_8(places[2], places[3]);
    pairs[2] = V_HIGH_8(places[0], places[1]), pairs[3] = V_HIGH_8(places[2], places[3]);
#pragma GCC unroll 2
    for (int i = 0; i < 4; i += 2) {
        vec rows[2] = {V_LOW_16(pairs[i], pairs[i + 1]), V_HIGH_16(pairs[i], pairs[i + 1])};
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++, to += 2 * V_BYTES) {
            *(vec16 *)to = (vec16)V_LOW_8(rows[j], nothing) << LANES_SHIFT;
            *(vec16 *)(to + V_BYTES) = (vec16)V_HIGH_8(rows[j], nothing) << LANES_SHIFT;
        }
    }
}

/* t4: a quad is four groups, of which the last may have fewer; the rest of its columns are 0. */
INLINE void index_quad_t4(uint8_t *to, const uint8_t *codes, size_t n_groups)
{
    for (size_t row = 0; row < NM_TILE_ROWS; row += V_BYTES) {
        vec c[4] = {{0}};
#pragma GCC unroll 4
        for (size_t g = 0; g < 4; g++)
            if (g < n_groups) c[g] = load(codes + row + g * NM_TILE_ROWS);
        store_quad(to + row * sizeof(uint64_t), c);
    }
}

INLINE void index_quads_T4(uint8_t *to, const uint8_t *codes, size_t n_triples)
{
    size_t n_groups = n_triples + n_triples + n_triples;

    for (; n_groups >= 4; n_groups -= 4, codes += 4 * NM_TILE_ROWS, to += QUAD_ROWS_BYTES)
        index_quad_t4(to, codes, 4);
    if (n_groups) index_quad_t4(to, codes, n_groups);
}

/* t5: a triple is a quad, of columns 0 1 3 4, 5 6 8 9, 10 11 13 14 and 2 7 12 alone. */
INLINE void index_quads_T5(uint8_t *to, const uint8_t *codes, size_t n_triples)
{
    for (; n_triples; n_triples--, codes += 3 * NM_TILE_ROWS, to += QUAD_ROWS_BYTES) {
        for (size_t row = 0; row < NM_TILE_ROWS; row += V_BYTES) {
            vec c[4] = {{0}};
#pragma GCC unroll 3
            for (int g = 0; g < 3; g++) {
                vec first, last;
                trits_of_t5(load(codes + row + g * NM_TILE_ROWS), &first, &last);
                c[g] = (first & 15) | (vec)((vec16)last << 4);
                c[3] |= (vec)((vec16)first >> (4 - 2 * g)) & ((vec){0} + (uint8_t)(3 << 2 * g));
            }
            store_quad(to + row * sizeof(uint64_t), c);
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

/* Adds one or two quads to the sums of some rows, or starts them. */
INLINE void add_quads(vec16 *rows, size_t n_rows, const uint8_t *indices, const uint8_t *tables,
                      size_t n_quads, bool start)
{
    for (vec16 *end = rows + n_rows; rows < end; rows++, indices += sizeof(uint64_t)) {
        vec16 s = *rows;
        if (start) s = (vec16){0} + 32768;
#pragma GCC unroll 2
        for (size_t i = 0; i < n_quads; i++) {
            uint64_t quad = nm_load_u64(indices + i * QUAD_ROWS_BYTES);
            __asm__("" : "+r"(quad)); /* clang would load each index */
#pragma GCC unroll 4
            for (size_t g = 0; g < 4; g++) {
                s += *(const vec16 *)(tables + (4 * i + g) * TABLE_BYTES +
                                      (quad >> 16 * g & 0xFFFF));
                __asm__(""
                        : "+v"(s)); /* an addition each; gcc makes pairs, with loads of their own */
            }
        }
        *rows = s;
    }
}

#define ROWS_A_LINE 8 /* that share the prefetching of a line: two quads of t4 are 1 KB */

/* The same for all rows of a tile; prefetches 1 KB. */
INLINE void add_tile_quads(vec16 *rows, const uint8_t *indices, const uint8_t *tables,
                           const uint8_t *ahead, size_t n_quads, bool start)
{
    for (vec16 *end = rows + NM_TILE_ROWS; rows < end; rows += ROWS_A_LINE, ahead += 64) {
        V_AHEAD(ahead);
        add_quads(rows, ROWS_A_LINE, indices, tables, n_quads, start);
        indices += ROWS_A_LINE * sizeof(uint64_t);
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
        vec16         *rows = (vec16 *)(tables + PASS_TABLES * TABLE_BYTES);

        make_tables(tables, l, q, n);
        n_quads -= n, indices += 2 * QUAD_ROWS_BYTES, q += l->quad_cols + l->quad_cols;
        ahead += l->quad_cols == 15 ? 6 * NM_TILE_ROWS : 8 * NM_TILE_ROWS; /* of these quads */
        for (size_t tile = 0; tile < l->n_tiles; tile++) {
            if (n == 1)
                add_tile_quads(rows, at, tables, next, 1, start);
            else if (start)
                add_tile_quads(rows, at, tables, next, 2, true);
            else
                add_tile_quads(rows, at, tables, next, 2, false);
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
        index_quads_##packing(to, codes, n_triples);                                               \
    }                                                                                              \
    static const nm_lane_ops lanes_##packing = {                                                   \
        .n_lanes = LANES,                                                                          \
        .least_tokens = LEAST_TOKENS,                                                              \
        .index_bytes = LANE_INDEX_BYTES,                                                           \
        .scratch_bytes = PASS_TABLES * TABLE_BYTES + NM_PANEL_ROWS * V_BYTES,                      \
        .quad_cols = (cols),                                                                       \
        .make_indices = index_lanes_##packing,                                                     \
        .add_tiles = add_lanes,                                                                    \
    };

LANES_OF(T4, 16)
LANES_OF(T5, 15)
