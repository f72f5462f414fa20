/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored form of a ternary matrix: where a byte is, what it means; packing, unpacking, and the
 * check that a byte is one that packing writes.  No product is computed here, so plain address
 * arithmetic is allowed; the files of the products are ternary_SET.c.
 */
#include "kernels/ternary.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

/* q and p of packing t5 as ternary.h lists them. */
static const int8_t t5_triples[16][3] = {
    {0, 0, 0},  {0, 0, 0},  {0, 0, 0},  {0, 0, 1}, {0, 1, -1}, {0, 1, 0},  {0, 1, 1}, {1, -1, -1},
    {1, -1, 0}, {1, -1, 1}, {1, 0, -1}, {1, 0, 0}, {1, 0, 1},  {1, 1, -1}, {1, 1, 0}, {1, 1, 1},
};
static const int8_t t5_pairs[8][2] = {
    {-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 1}, {1, -1}, {1, 0}, {1, 1},
};

void nm_ternary_init(nm_ternary *w, nm_packing_id packing, size_t rows, size_t cols)
{
    size_t triple_cols = NM_TRIPLE_GROUPS * nm_packings[packing].group_cols;
    size_t n_triples = (cols + triple_cols - 1) / triple_cols;

    *w = (nm_ternary){
        .rows = rows,
        .cols = cols,
        .n_groups = NM_TRIPLE_GROUPS * n_triples,
        .n_triples = n_triples,
        .n_tiles = (rows + NM_TILE_ROWS - 1) / NM_TILE_ROWS,
        .packing = packing,
    };
}

size_t nm_ternary_bytes(const nm_ternary *w)
{
    return w->n_tiles * w->n_groups * NM_TILE_ROWS;
}

size_t nm_ternary_offset(const nm_ternary *w, size_t tile, size_t group)
{
    size_t block_groups = nm_packings[w->packing].block_groups;
    size_t panel_tile = tile / NM_PANEL_TILES * NM_PANEL_TILES;
    size_t panel_tiles = nm_smaller(NM_PANEL_TILES, w->n_tiles - panel_tile);
    size_t block_group = group / block_groups * block_groups;
    size_t groups_here = nm_smaller(block_groups, w->n_groups - block_group);

    return NM_TILE_ROWS * (w->n_groups * panel_tile +          /* panels before */
                           block_group * panel_tiles +         /* K blocks before */
                           groups_here * (tile - panel_tile) + /* tiles before */
                           group - block_group);
}

static void decode_t4(uint8_t code, int8_t *trits)
{
    static const int8_t trit_of[4] = {0, 1, 0, -1};

    for (size_t j = 0; j < 4; j++) trits[j] = trit_of[code >> 2 * j & 3];
}

static void decode_t5(uint8_t code, int8_t *trits)
{
    unsigned n = code & 15, p3 = code >> 4 & 7;
    bool     escape = n < 2, minus = code >> 7;

    memcpy(trits, t5_triples[escape ? p3 << 1 | n : n], 3);
    memcpy(trits + 3, escape ? t5_triples[0] : t5_pairs[p3], 2);
    for (size_t j = 0; j < 5; j++) trits[j] = (int8_t)(minus ? -trits[j] : trits[j]);
}

static uint8_t encode_t4(const int8_t *trits)
{
    return (uint8_t)((trits[0] & 3) | (trits[1] & 3) << 2 | (trits[2] & 3) << 4 |
                     (trits[3] & 3) << 6);
}

/*
 * As a number to the base 3, trit0 first, the triple q is -13 to 13 and the pair p is -4 to 4.
 * Where q < 0 all is negated.  Then row q + 2 of t5_triples is the triple, and row p + 4 of
 * t5_pairs the pair, or p + 3 past the missing 0.  Row 2 is (0,0,0) with any pair, 0x00 all zeros.
 */
static uint8_t encode_t5(const int8_t *trits)
{
    int q = 9 * trits[0] + 3 * trits[1] + trits[2], p = 3 * trits[3] + trits[4], minus = q < 0;

    if (minus) q = -q, p = -p;
    if (p == 0) return (uint8_t)(q ? minus << 7 | (q + 2) >> 1 << 4 | ((q + 2) & 1) : 0);
    return (uint8_t)(minus << 7 | (p + 4 - (p > 0)) << 4 | (q + 2));
}

const nm_packing nm_packings[NM_PACKINGS] = {
#define NM_PACKING(id, name, option, group_cols, has_neg, decode, encode)                          \
    {name,                                                                                         \
     option,                                                                                       \
     group_cols,                                                                                   \
     NM_BLOCK_COLS / (group_cols),                                                                 \
     NM_BLOCK_COLS / (group_cols) / NM_TRIPLE_GROUPS,                                              \
     has_neg,                                                                                      \
     decode,                                                                                       \
     encode},
#include "kernels/packings.def"
};

bool nm_packing_find(const char *name, size_t n_name, nm_packing_id *packing)
{
    for (*packing = 0; *packing < NM_PACKINGS; ++*packing) {
        const char *ours = nm_packings[*packing].name;
        if (n_name == strlen(ours) && memcmp(name, ours, n_name) == 0) return true;
    }
    return false;
}

bool nm_packing_named(const char *name, nm_packing_id *packing)
{
    *packing = 0;
    if (!name || nm_packing_find(name, strlen(name), packing)) return true;
    for (*packing = 0; *packing < NM_PACKINGS; ++*packing)
        if (strcmp(name, nm_packings[*packing].option) == 0) return true;
    return false;
}

const char *nm_packing_list(char out[NM_PACKING_LIST], bool options, const char *between)
{
    *out = '\0';
    for (size_t i = 0; i < NM_PACKINGS; i++) {
        if (i) strcat(out, between);
        strcat(out, options ? nm_packings[i].option : nm_packings[i].name);
    }
    return out;
}

/* Where a row's byte of a group is, given that of the group before; one offset a K block. */
static size_t byte_of(const nm_ternary *w, size_t row, size_t group, size_t before)
{
    if (group % nm_packings[w->packing].block_groups) return before + NM_TILE_ROWS;
    return nm_ternary_offset(w, row / NM_TILE_ROWS, group) + row % NM_TILE_ROWS;
}

void nm_ternary_pack_row(const nm_ternary *w, uint8_t *codes, size_t row, const int8_t *trits)
{
    size_t group_cols = nm_packings[w->packing].group_cols, at = 0;

    for (size_t col = 0, group = 0; col < w->cols; col += group_cols, group++) {
        int8_t last[NM_MAX_GROUP_COLS] = {0};
        bool   is_whole = col + group_cols <= w->cols;
        if (!is_whole) memcpy(last, trits + col, w->cols - col);
        at = byte_of(w, row, group, at);
        codes[at] = nm_packings[w->packing].encode(is_whole ? trits + col : last);
    }
}

void nm_ternary_unpack_row(const nm_ternary *w, size_t row, int8_t *trits)
{
    size_t group_cols = nm_packings[w->packing].group_cols, at = 0;

    for (size_t col = 0, group = 0; col < w->cols; col += group_cols, group++) {
        int8_t last[NM_MAX_GROUP_COLS];
        bool   is_whole = col + group_cols <= w->cols;
        at = byte_of(w, row, group, at);
        nm_packings[w->packing].decode(w->codes[at], is_whole ? trits + col : last);
        if (!is_whole) memcpy(trits + col, last, w->cols - col);
    }
}

void nm_ternary_neg(const nm_ternary *w, size_t tile, int32_t neg[NM_TILE_ROWS])
{
    memset(neg, 0, NM_TILE_ROWS * sizeof *neg);
    for (size_t group = 0; group < w->n_groups; group++) {
        const uint8_t *codes = w->codes + nm_ternary_offset(w, tile, group);
        for (size_t row = 0; row < NM_TILE_ROWS; row++) neg[row] += codes[row] >> 7;
    }
}

/* The first trit of a byte that pack does not write, or not 0 in the padding; -1 if none. */
static int bad_trit(const nm_ternary *w, uint8_t code, size_t row, size_t col)
{
    size_t group_cols = nm_packings[w->packing].group_cols;
    int8_t trits[NM_MAX_GROUP_COLS];

    nm_packings[w->packing].decode(code, trits);
    bool canonical = nm_packings[w->packing].encode(trits) == code;
    for (size_t j = 0; j < group_cols; j++) {
        bool padding = row >= w->rows || col + j >= w->cols;
        bool reserved = w->packing == NM_T4 ? (code >> 2 * j & 3) == 2 : !canonical;
        if (reserved || (padding && trits[j] != 0)) return (int)j;
    }
    return -1;
}

bool nm_ternary_check(const nm_ternary *w, size_t *row, size_t *col)
{
    size_t group_cols = nm_packings[w->packing].group_cols;
    bool   is_sound[256] = {false}; /* where there is no padding: it was seen, and is */

    for (size_t tile = 0; tile < w->n_tiles; tile++) {
        *col = 0;
        for (size_t group = 0; group < w->n_groups; group++, *col += group_cols) {
            const uint8_t *codes = w->codes + nm_ternary_offset(w, tile, group);
            for (size_t i = 0; i < NM_TILE_ROWS; i++) {
                *row = tile * NM_TILE_ROWS + i;
                bool is_inner = *row < w->rows && *col + group_cols <= w->cols;
                if (is_inner && is_sound[codes[i]]) continue;
                int bad = bad_trit(w, codes[i], *row, *col);
                if (bad >= 0) return *col += (size_t)bad, false;
                is_sound[codes[i]] = true;
            }
        }
    }
    return true;
}
