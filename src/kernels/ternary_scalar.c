/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ternary product, plainly: what every faster kernel must equal.  A table per group holds the
 * sum that each of the 256 possible bytes stands for, so that a row adds one number a group.  It
 * runs everywhere and is the reference of nomul selftest and of all tests.
 */
#include "kernels/kernels.h"

#include <string.h>

#define N_CODES 256

typedef int16_t group_table[N_CODES]; /* |entry| <= 5 * 127 */

/*
 * The trits of each code as masks, all bits set where a column's trit is +1, and where it is -1: a
 * mask takes the place of a branch, which would be mispredicted every other time.
 */
static void make_tables(nm_packing_id packing, uint8_t *tables, const int8_t *q, size_t n_triples)
{
    group_table *table = (group_table *)(void *)tables, *end = table + 3 * n_triples;
    int16_t      plus[NM_MAX_GROUP_COLS][N_CODES], minus[NM_MAX_GROUP_COLS][N_CODES];

    for (size_t code = 0; code < N_CODES; code++) {
        int8_t trits[NM_MAX_GROUP_COLS] = {0};
        nm_packings[packing].decode((uint8_t)code, trits);
        for (size_t j = 0; j < NM_MAX_GROUP_COLS; j++) {
            plus[j][code] = trits[j] > 0 ? -1 : 0;
            minus[j][code] = trits[j] < 0 ? -1 : 0;
        }
    }
    for (; table < end; table++) {
        memset(*table, 0, sizeof *table);
        for (size_t j = 0; j < nm_packings[packing].group_cols; j++) {
            const int16_t x = *q++; /* a copy: what the loop writes can't change it */
            for (size_t code = 0; code < N_CODES; code++) /* entry += trit * x */
                (*table)[code] =
                    (int16_t)((*table)[code] + (x & plus[j][code]) - (x & minus[j][code]));
        }
    }
}

static void make_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    make_tables(NM_T4, tables, q, n_triples);
}

static void make_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    make_tables(NM_T5, tables, q, n_triples);
}

static void add_tile(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                     const uint8_t *ahead)
{
    const group_table *table = (const group_table *)(const void *)tables;

    (void)ahead;
    for (size_t groups = 3 * n_triples; groups; groups--, table++, codes += NM_TILE_ROWS)
        for (size_t row = 0; row < NM_TILE_ROWS; row++) y[row] += (*table)[codes[row]];
}

/* Many tokens: one by one, K block by K block. */
static void add_many_tile(const nm_many_tile *tile)
{
    add_tile(tile->y, tile->indices, tile->tables, tile->n_triples, NULL);
}

#define TRIPLE_BYTES (NM_TRIPLE_GROUPS * sizeof(group_table))
#define BLOCK_BYTES (NM_BLOCK_COLS / 12 * TRIPLE_BYTES) /* of t4, the packing with most triples */
#define MANY_OF(tables)                                                                            \
    {                                                                                              \
        .least_tokens = 3, .most_tokens = 1, .together = 1, .block_table_bytes = BLOCK_BYTES,      \
        .token_step = BLOCK_BYTES, .least_alone = 32, .make_tables = tables,                       \
        .add_tile = add_many_tile,                                                                 \
    }

static const nm_many_ops many_t4 = MANY_OF(make_tables_t4), many_t5 = MANY_OF(make_tables_t5);

const nm_ternary_ops nm_scalar_ternary[NM_PACKINGS] = {
    [NM_T4] = {TRIPLE_BYTES, make_tables_t4, add_tile, NULL, &many_t4},
    [NM_T5] = {TRIPLE_BYTES, make_tables_t5, add_tile, NULL, &many_t5},
};
