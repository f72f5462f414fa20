/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product with many tokens by 16-entry byte shuffles, for any width of vector; included after
 * ternary_shuffle.h, by whose rules rows are summed.
 *
 * The codes of a tile's part of a K block are written once as *indices*, nibbles of two trits of
 * packing t4, for all packings.  They stay in the first cache while one token after the other goes
 * through them.  A triple is 6 indices (t4) or 8 (t5), and a token has two tables for each.
 *
 *     V_AHEAD(from)                            as in ternary_shuffle.h
 *     V_LEAST_TOKENS                           with fewer ternary_shuffle.h is faster
 *     V_MANY_PASS                              vectors of rows that go through the tables together
 *     V_LOOK_UP_6(lo, hi, indices, tables)     optional, in place of look_up_triple
 *     V_LOOK_UP_8(lo, hi, indices, tables)
 *     V_TABLES_T4                              optional, in place of nm_tables_t4
 *     V_LANES(packing)                         optional: its nm_lane_ops
 */
#define MANY_ROWS (V_MANY_PASS * V_BYTES)

/* Of a tile, and of a token, in a K block: those of t5, of which t4 uses 120 in 128. */
#define INDEX_BYTES (NM_BLOCK_COLS / 15 * 8 * NM_TILE_ROWS)
#define TOKEN_TABLE_BYTES (NM_BLOCK_COLS / 15 * 4 * NM_TABLE_BYTES)

/* ---- Indices --------------------------------------------------------------------------------- */

INLINE void store(uint8_t *to, vec v)
{
    *(vec *)to = v;
}

/* Columns (0, 1) (2, 3) of each group. */
INLINE void index_triple_t4(uint8_t *to, const uint8_t *codes)
{
    for (int g = 0; g < NM_TRIPLE_GROUPS; g++, codes += NM_TILE_ROWS, to += 2 * MANY_ROWS) {
        vec c = load(codes);
        store(to, c & 15);
        store(to + MANY_ROWS, (vec)((vec16)c >> 4) & 15);
    }
}

/* Columns (0, 1) (3, 4) of each group, (2, 7), 12 alone. */
INLINE void index_triple_t5(uint8_t *to, const uint8_t *codes)
{
    vec thirds[NM_TRIPLE_GROUPS];

    for (int g = 0; g < NM_TRIPLE_GROUPS; g++, codes += NM_TILE_ROWS, to += 2 * MANY_ROWS) {
        vec first, last;
        trits_of_t5(load(codes), &first, &last);
        store(to, first & 15);
        store(to + MANY_ROWS, last);
        thirds[g] = (vec)((vec16)first >> 4) & 3;
    }
    store(to, thirds[0] | (vec)((vec16)thirds[1] << 2));
    store(to + MANY_ROWS, thirds[2]);
}

/* A tile's part of a K block: MANY_ROWS rows with all their indices, then the next ones. */
INLINE void index_tile(nm_packing_id packing, uint8_t *to, const uint8_t *codes, size_t n_triples)
{
    for (size_t row = 0; row < NM_TILE_ROWS; row += MANY_ROWS) {
        const uint8_t *at = codes + row;
        for (size_t i = 0; i < n_triples; i++, at += 3 * NM_TILE_ROWS) {
            for (size_t v = 0; v < MANY_ROWS; v += V_BYTES) {
                if (packing == NM_T4)
                    index_triple_t4(to + v, at + v);
                else
                    index_triple_t5(to + v, at + v);
            }
            to += (packing == NM_T4 ? 6 : 8) * MANY_ROWS;
        }
    }
}

/* ---- Looking up ------------------------------------------------------------------------------ */

/* What an index is worth: tables of lo and, 32 bytes on, of hi; two indices share 64 bytes. */
INLINE void look_up_triple(int n_indices, vec lo[V_MANY_PASS], vec hi[V_MANY_PASS],
                           const uint8_t *indices, const uint8_t *tables)
{
#pragma GCC unroll 8
    for (int i = 0; i < n_indices; i++, indices += MANY_ROWS) {
        vec lo_table = V_TABLE(tables), hi_table = V_TABLE(tables + 32);
#pragma GCC unroll 2
        for (int v = 0; v < V_MANY_PASS; v++) {
            vec index = load(indices + v * V_BYTES);
            vec l = V_SHUFFLE(lo_table, index), h = V_SHUFFLE(hi_table, index);
            if (i)
                lo[v] += l, hi[v] += h;
            else
                lo[v] = l, hi[v] = h;
        }
        tables += i & 1 ? NM_TABLE_BYTES - 16 : 16;
    }
}

#ifndef V_LOOK_UP_6
#define V_LOOK_UP_6(lo, hi, indices, tables) look_up_triple(6, lo, hi, indices, tables)
#define V_LOOK_UP_8(lo, hi, indices, tables) look_up_triple(8, lo, hi, indices, tables)
#endif

/*
 * One token's sums of a tile's part of a K block: nm_many_ops.add_tile.  Prefetches a later tile's
 * codes, as many bytes.  Without it 4 tokens of 1.3B go at 80 tokens/s in place of 120 (Zen 5,
 * AVX2, one thread): making the indices reads the codes faster than the hardware looks ahead.
 */
INLINE void add_many_tile(nm_packing_id packing, const nm_many_tile *tile)
{
    const uint8_t *indices = tile->indices, *tables = tile->tables, *ahead = tile->ahead;
    size_t         n_triples = tile->n_triples;

    for (int32_t *y = tile->y, *end = y + NM_TILE_ROWS; y < end; y += MANY_ROWS) {
        const uint8_t *table = tables;
        sums           s[V_MANY_PASS];

#pragma GCC unroll 2
        for (int v = 0; v < V_MANY_PASS; v++) sums_start(&s[v], n_triples);
        for (size_t i = 0; i < n_triples; i++) {
            vec lo[V_MANY_PASS], hi[V_MANY_PASS];
            if (packing == NM_T4)
                V_LOOK_UP_6(lo, hi, indices, table);
            else
                V_LOOK_UP_8(lo, hi, indices, table);
#pragma GCC unroll 2
            for (int v = 0; v < V_MANY_PASS; v++) sums_add(&s[v], lo[v], hi[v]);
#pragma GCC unroll 3
            for (size_t line = 0; line < 3 * MANY_ROWS; line += 64) V_AHEAD(ahead + line);
            ahead += 3 * MANY_ROWS;
            indices += (packing == NM_T4 ? 6 : 8) * MANY_ROWS;
            table += (packing == NM_T4 ? 3 : 4) * NM_TABLE_BYTES;
        }
#pragma GCC unroll 2
        for (int v = 0; v < V_MANY_PASS; v++) sums_collect(&s[v], y + v * V_BYTES);
    }
}

/* ---- The parts of each packing --------------------------------------------------------------- */

#define MANY_OF(packing, tables)                                                                   \
    NM_TARGET(V_TARGET)                                                                            \
    static void index_tile_##packing(uint8_t *to, const uint8_t *codes, size_t n_triples)          \
    {                                                                                              \
        index_tile(NM_##packing, to, codes, n_triples);                                            \
    }                                                                                              \
    NM_TARGET(V_TARGET)                                                                            \
    static void add_many_tile_##packing(const nm_many_tile *tile)                                  \
    {                                                                                              \
        add_many_tile(NM_##packing, tile);                                                         \
    }                                                                                              \
    static const nm_many_ops many_##packing = {                                                    \
        .least_tokens = V_LEAST_TOKENS,                                                            \
        .most_tokens = 32,                                                                         \
        .least_alone = 32,                                                                         \
        .together = 1,                                                                             \
        .index_bytes = INDEX_BYTES,                                                                \
        .block_table_bytes = TOKEN_TABLE_BYTES,                                                    \
        .token_step = TOKEN_TABLE_BYTES,                                                           \
        .make_indices = index_tile_##packing,                                                      \
        .make_tables = tables,                                                                     \
        .add_tile = add_many_tile_##packing,                                                       \
        .lanes = V_LANES(packing),                                                                 \
    };

#ifndef V_TABLES_T4
#define V_TABLES_T4 nm_tables_t4
#endif
#ifndef V_LANES
#define V_LANES(packing) NULL
#endif

MANY_OF(T4, V_TABLES_T4)
MANY_OF(T5, nm_tables_pairs_t5)
