/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product with one token by 16-entry byte shuffles, for any width of vector.  A file of an
 * instruction set defines the width and a few operations, then includes this:
 *
 *     V_BYTES, V_TARGET          16, "ssse3" and so on
 *     V_PASS                     vectors of rows that go through the tables together
 *     V_SHUFFLE(table, index)    in each 16 bytes: table[index & 15], 0 where bit 7 is set
 *     V_TABLE(from)              16 bytes, repeated over the vector
 *     V_LESS(a, b)               0xFF where a < b as signed bytes
 *     V_NEGATE(v, sign)          -v where sign is negative; sign is 0 only where v is
 *     V_AHEAD(from)              prefetches a line
 *     V_AHEAD_ONCE(from)         the same, of codes that are read once and soon
 *     V_LOOK_UP_T4(lo, hi, codes, tables)      optional, in place of look_up_triple_of; V_PASS is 2
 *     V_OWN_TILE_T5                            the file has an add_tile_t5 of its own
 *
 * Two shuffles look up a group's sum of lo, two that of hi (ternary_sums.h).
 */
#include "kernels/ternary_sums.h"

/* Of one group's four tables, looked up for lo and for hi. */
INLINE void look_up_t4(vec codes, vec sign, const uint8_t *tables, vec *lo, vec *hi)
{
    vec a = codes & 15, b = (vec)((vec16)codes >> 4) & 15;

    (void)sign;
    *lo = V_SHUFFLE(V_TABLE(tables), a) + V_SHUFFLE(V_TABLE(tables + 16), b);
    *hi = V_SHUFFLE(V_TABLE(tables + 32), a) + V_SHUFFLE(V_TABLE(tables + 48), b);
}

/* An escape (n < 2) has bit 7 set in its pair's index, which makes the pair 0. */
INLINE void look_up_t5(vec codes, vec sign, const uint8_t *tables, vec *lo, vec *hi)
{
    vec n = codes & 15, p = (vec)((vec16)codes >> 3) & 14;
    vec escape = V_LESS(n, (vec){0} + 2), a = n | (p & escape), b = p | escape;

    *lo = V_NEGATE(V_SHUFFLE(V_TABLE(tables), a) + V_SHUFFLE(V_TABLE(tables + 16), b), sign);
    *hi = V_NEGATE(V_SHUFFLE(V_TABLE(tables + 32), a) + V_SHUFFLE(V_TABLE(tables + 48), b), sign);
}

/* Trits 0 to 2 of t5 by q and trits 3, 4 by the upper nibble, s and p3: two bits each, as in t4. */
static const uint8_t t5_first[16] = {0, 0, 0, 16, 52, 4, 20, 61, 13, 29, 49, 1, 17, 53, 5, 21};
static const uint8_t t5_last[16] = {15, 3, 7, 12, 4, 13, 1, 5, 5, 1, 13, 4, 12, 7, 3, 15};

/* Minus turns 01 into 11 and back, and 00 into 10, which is 0 too. */
INLINE void trits_of_t5(vec codes, vec *first, vec *last)
{
    vec n = codes & 15, upper = (vec)((vec16)codes >> 4) & 15;
    vec escape = V_LESS(n, (vec){0} + 2), minus = V_LESS(codes, (vec){0});
    vec q = n | ((upper + upper) & 14 & escape);

    *first = V_SHUFFLE(V_TABLE(t5_first), q) ^ (minus & 0x2A);
    *last = V_SHUFFLE(V_TABLE(t5_last), upper) & ~escape;
}

#define PASS_ROWS (V_PASS * V_BYTES)

/* One triple of PASS_ROWS rows.  The first group has a bias, with which a code 0 is not 0. */
INLINE void look_up_triple_of(nm_packing_id packing, vec lo[V_PASS], vec hi[V_PASS],
                              const uint8_t *codes, const uint8_t *tables)
{
#pragma GCC unroll 2
    for (int v = 0; v < V_PASS; v++) {
        vec c = load(codes + v * V_BYTES);
        (packing == NM_T4 ? look_up_t4 : look_up_t5)(c, c | 1, tables, &lo[v], &hi[v]);
    }
#pragma GCC unroll 2
    for (int g = 1; g < NM_TRIPLE_GROUPS; g++) {
        codes += NM_TILE_ROWS, tables += NM_TABLE_BYTES;
#pragma GCC unroll 2
        for (int v = 0; v < V_PASS; v++) {
            vec l, h, c = load(codes + v * V_BYTES);
            (packing == NM_T4 ? look_up_t4 : look_up_t5)(c, c, tables, &l, &h);
            lo[v] += l, hi[v] += h;
        }
    }
}

#ifndef V_LOOK_UP_T4
#define V_LOOK_UP_T4(lo, hi, codes, tables) look_up_triple_of(NM_T4, lo, hi, codes, tables)
#endif

/* nm_ternary_ops.add_tile: PASS_ROWS rows at a time. */
INLINE void add_tile(nm_packing_id packing, int32_t *y, const uint8_t *codes, const uint8_t *tables,
                     size_t n_triples, const uint8_t *ahead)
{
#ifdef __clang__
#pragma clang loop unroll(disable) /* 1 KB more, no faster */
#endif
    for (size_t row = 0; row < NM_TILE_ROWS; row += PASS_ROWS, y += PASS_ROWS) {
        const uint8_t *at = codes + row, *table = tables;
        sums           s[V_PASS];

#pragma GCC unroll 2
        for (int v = 0; v < V_PASS; v++) sums_start(&s[v], n_triples);
        for (size_t i = 0; i < n_triples; i++) {
            vec lo[V_PASS], hi[V_PASS];
            if (packing == NM_T4)
                V_LOOK_UP_T4(lo, hi, at, table);
            else
                look_up_triple_of(packing, lo, hi, at, table);
#pragma GCC unroll 2
            for (int v = 0; v < V_PASS; v++) sums_add(&s[v], lo[v], hi[v]);
#pragma GCC unroll 6
            for (int line = 0; line < 3 * PASS_ROWS; line += 64) V_AHEAD_ONCE(ahead + line);
            at += 3 * NM_TILE_ROWS, table += 3 * NM_TABLE_BYTES, ahead += 3 * PASS_ROWS;
        }
#pragma GCC unroll 2
        for (int v = 0; v < V_PASS; v++) sums_collect(&s[v], y + v * V_BYTES);
    }
}

NM_TARGET(V_TARGET)
static void add_tile_t4(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                        const uint8_t *ahead)
{
    add_tile(NM_T4, y, codes, tables, n_triples, ahead);
}

#ifndef V_OWN_TILE_T5
NM_TARGET(V_TARGET)
static void add_tile_t5(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                        const uint8_t *ahead)
{
    add_tile(NM_T5, y, codes, tables, n_triples, ahead);
}
#endif
