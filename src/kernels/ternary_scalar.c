/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ternary product, plainly: what every faster kernel must equal.  The sum that each of the 256
 * possible bytes stands for is made once a group, so that a row adds one number a group.
 */
#include "kernels/kernels.h"
#include "kernels/opaque.h"

#include <string.h>

#define N_CODES 256

typedef int16_t group_table[N_CODES]; /* |entry| <= 5 * 127 */

/*
 * Of each code's trit in one column: all bits set where it is +1, and where it is -1.  A mask takes
 * the place of a branch, which would be mispredicted every other time.
 */
typedef struct column_masks {
    int16_t plus[N_CODES], minus[N_CODES];
} column_masks;

/* entry += trit * q, without a product. */
static void add_column(group_table table, const column_masks *masks, int16_t q)
{
    for (size_t code = 0; code < N_CODES; code++)
        table[code] = (int16_t)(table[code] + (q & masks->plus[code]) - (q & masks->minus[code]));
}

static void fill_tables(nm_packing_id packing, group_table *table, group_table *end,
                        const int8_t *q)
{
    size_t       group_cols = nm_packings[packing].group_cols;
    column_masks masks[NM_MAX_GROUP_COLS];

    for (size_t code = 0; code < N_CODES; code++) {
        int8_t trits[NM_MAX_GROUP_COLS] = {0};
        nm_ternary_decode(packing, (uint8_t)code, trits);
        for (size_t j = 0; j < NM_MAX_GROUP_COLS; j++) {
            masks[j].plus[code] = trits[j] > 0 ? -1 : 0;
            masks[j].minus[code] = trits[j] < 0 ? -1 : 0;
        }
    }
    for (; table < end; table++, q += group_cols) {
        NM_OPAQUE(q);
        memset(*table, 0, sizeof *table);
        for (size_t j = 0; j < group_cols; j++) add_column(*table, &masks[j], q[j]);
    }
}

static void make_tables(nm_packing_id packing, uint8_t *tables, const int8_t *q, size_t n_triples)
{
    group_table *table = (group_table *)(void *)tables;

    fill_tables(packing, table, table + NM_TRIPLE_GROUPS * n_triples, q);
}

static void add_group(int32_t *y, const nm_ternary *w, size_t tile_begin, size_t tile_end,
                      size_t group, const group_table table)
{
    for (size_t tile = tile_begin; tile < tile_end; tile++, y += NM_TILE_ROWS) {
        const uint8_t *codes = w->codes + nm_ternary_offset(w, tile, group);
        for (size_t row = 0; row < NM_TILE_ROWS; row++) y[row] += table[codes[row]];
    }
}

static void gemv(int32_t *y, const nm_ternary *w, size_t tile_begin, size_t tile_end,
                 const uint8_t *tables)
{
    const group_table *table = (const group_table *)(const void *)tables;

    memset(y, 0, (tile_end - tile_begin) * NM_TILE_ROWS * sizeof *y);
    for (size_t group = 0; group < w->n_groups; group++)
        add_group(y, w, tile_begin, tile_end, group, table[group]);
}

static void make_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    make_tables(NM_T4, tables, q, n_triples);
}

static void make_tables_t5(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    make_tables(NM_T5, tables, q, n_triples);
}

#define BATCH_GROUPS (20 * NM_TRIPLE_GROUPS) /* whose tables gemm makes at once: 30 KB */

static size_t gemm_scratch(size_t n_tokens)
{
    (void)n_tokens;
    return BATCH_GROUPS * sizeof(group_table);
}

static void gemm(int32_t *y, size_t y_stride, const nm_ternary *w, size_t tile_begin,
                 size_t tile_end, const int8_t *q, size_t q_stride, size_t n_tokens, void *scratch)
{
    size_t       group_cols = nm_packings[w->packing].group_cols;
    group_table *tables = scratch;

    for (; n_tokens; n_tokens--, y += y_stride, q += q_stride) {
        const int8_t *x = q;
        memset(y, 0, (tile_end - tile_begin) * NM_TILE_ROWS * sizeof *y);
        for (size_t group = 0; group < w->n_groups; group += BATCH_GROUPS) {
            size_t left = w->n_groups - group, n = left < BATCH_GROUPS ? left : BATCH_GROUPS;
            fill_tables(w->packing, tables, tables + n, x);
            for (size_t i = 0; i < n; i++) {
                add_group(y, w, tile_begin, tile_end, group + i, tables[i]);
                x += group_cols;
                NM_OPAQUE(x);
            }
        }
    }
}

const nm_ternary_ops nm_scalar_ternary[NM_PACKINGS] = {
    [NM_T4] = {NM_TRIPLE_GROUPS * sizeof(group_table), make_tables_t4, gemv, gemm_scratch, gemm},
    [NM_T5] = {NM_TRIPLE_GROUPS * sizeof(group_table), make_tables_t5, gemv, gemm_scratch, gemm},
};
