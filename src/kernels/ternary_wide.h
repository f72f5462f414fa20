/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of t4 for one token, as nm_tables_t4 makes them, in vectors of 32 and 64 bytes, which
 * is 1.8 and 1.7 times as fast (Zen 4, 2048 columns).  Included after ternary_shuffle.h, with
 * V_AVERAGE of ternary_split.h and
 *
 *     V_LOW_64(a, b)             in each 16 bytes: a's lower half, b's lower half; V_HIGH_64: upper
 *
 * The four tables of a group are the four times 16 bytes of one vector, or of two.
 */
#define TABLE_VECTORS (NM_TABLE_BYTES / V_BYTES)

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

NM_TARGET(V_TARGET)
static void make_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    for (; n_triples; n_triples--, q += 12, tables += 3 * NM_TABLE_BYTES) {
        const vec columns = V_TABLE(q);
#pragma GCC unroll 2
        for (size_t at = 0; at < NM_TABLE_BYTES; at += V_BYTES) {
            const vec a = load(lower_trit + at), b = load(upper_trit + at);
            vec       h = split_columns(columns, at), minus = -h;
            vec       low = V_LOW_64(h, minus), high = V_HIGH_64(h, minus);
            vec      *to = (vec *)(tables + at);
            to[0] = V_SHUFFLE(low, a) + V_SHUFFLE(low, b) + load(first_bias + at);
            to[TABLE_VECTORS] = V_SHUFFLE(low, a + 4) + V_SHUFFLE(low, b + 4);
            to[2 * TABLE_VECTORS] = V_SHUFFLE(high, a) + V_SHUFFLE(high, b);
        }
    }
}
