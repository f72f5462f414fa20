/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of one token, as nm_tables_t4 and nm_tables_t5 make them, in vectors of 32 and 64
 * bytes, which is faster (src/kernels/README.md).  Included after ternary_shuffle.h, with
 * V_AVERAGE of ternary_split.h and
 *
 *     V_LOW_64(a, b)             in each 16 bytes: a's lower half, b's lower half; V_HIGH_64: upper
 *     V_DOWN(v, n)               in each 16 bytes: bytes n and up, then zeros
 *     V_PAIR(a, b)               of addresses: in each 32 bytes a[0..16), b[0..16)
 *
 * The four tables of a group are the four times 16 bytes of one vector, or of two.
 */
#include "kernels/ternary_split.h"

/*
 * Entry i of a group's tables is the sum of two columns, a trit of bits 0, 1 and one of bits 2, 3.
 * A place is a column of eight, or 8 more for its negative; nothing has bit 7 set.
 */
#define Z 0x80
#define LOWER(c) Z, c, Z, 8 + c, Z, c, Z, 8 + c, Z, c, Z, 8 + c, Z, c, Z, 8 + c
#define UPPER(c) Z, Z, Z, Z, c, c, c, c, Z, Z, Z, Z, 8 + c, 8 + c, 8 + c, 8 + c
static const uint8_t lower_trit[64] = {LOWER(0), LOWER(2), LOWER(0), LOWER(2)};
static const uint8_t upper_trit[64] = {UPPER(1), UPPER(3), UPPER(1), UPPER(3)};
static const uint8_t first_bias[64] = {EACH_16(128), EACH_16(0), EACH_16(128), EACH_16(0)};
#undef Z

/* Tables of n_groups of 16 columns; bit g of `first`: the g-th group is the first of a triple. */
INLINE void tables_of_16(uint8_t *tables, const int8_t *q, int n_groups, unsigned first)
{
    const vec columns = V_TABLE(q);

#pragma GCC unroll 2
    for (size_t at = 0; at < NM_TABLE_BYTES; at += V_BYTES) {
        const vec lower = load(lower_trit + at), upper = load(upper_trit + at);
        vec       h = split_columns(columns, at), minus = -h;
        vec       halves[2] = {V_LOW_64(h, minus), V_HIGH_64(h, minus)};
#pragma GCC unroll 4
        for (int g = 0; g < n_groups; g++) {
            const uint8_t place = (uint8_t)(g % 2 * 4);
            vec           v =
                V_SHUFFLE(halves[g / 2], lower + place) + V_SHUFFLE(halves[g / 2], upper + place);
            if (first >> g & 1) v += load(first_bias + at);
            *(vec *)(tables + at + (size_t)g * NM_TABLE_BYTES) = v;
        }
    }
}

/* Four triples are three times 16 columns. */
NM_TARGET(V_TARGET)
static void make_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    for (; n_triples >= 4; n_triples -= 4, q += 48, tables += 12 * NM_TABLE_BYTES) {
        tables_of_16(tables, q, 4, 1 | 8);
        tables_of_16(tables + 4 * NM_TABLE_BYTES, q + 16, 4, 4);
        tables_of_16(tables + 8 * NM_TABLE_BYTES, q + 32, 4, 2);
    }
    for (; n_triples; n_triples--, q += 12, tables += 3 * NM_TABLE_BYTES)
        tables_of_16(tables, q, 3, 1);
}

/* In each 32 bytes the table of a group's first columns, then that of its last ones. */
NM_TARGET(V_TARGET)
static void make_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    const uint8_t(*of)[16] = nm_tables_t5_columns;
    const vec terms[3] = {V_PAIR(of[0], of[3]), V_PAIR(of[1], of[4]), V_PAIR(of[2], of[5])};

    for (; n_triples; n_triples--, q += 15, tables += 3 * NM_TABLE_BYTES) {
#pragma GCC unroll 2
        for (size_t at = 0; at < NM_TABLE_BYTES; at += V_BYTES) {
            vec h = split_columns(V_TABLE(q), at);
#pragma GCC unroll 3
            for (size_t g = 0; g < 3; g++, h = V_DOWN(h, 5)) {
                vec columns = V_LOW_64(h, -h);
                vec v = V_SHUFFLE(columns, terms[0]) + V_SHUFFLE(columns, terms[1]) +
                        V_SHUFFLE(columns, terms[2]);
                if (g == 0) v += load(first_bias + at);
                *(vec *)(tables + at + g * NM_TABLE_BYTES) = v;
            }
        }
    }
}
