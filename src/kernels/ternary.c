/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/ternary.h"

#include <string.h>

#define TRIPLE_GROUPS 3 /* groups are padded to a multiple of this */

const nm_packing nm_packings[NM_PACKINGS] = {
    [NM_T4] = {"t4", 4, NM_BLOCK_COLS / 4},
};

static size_t divide_up(size_t n, size_t by)
{
    return (n + by - 1) / by;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void nm_ternary_init(nm_ternary *w, nm_packing_id packing, size_t rows, size_t cols)
{
    size_t triple_cols = TRIPLE_GROUPS * nm_packings[packing].group_cols;

    *w = (nm_ternary){
        .rows = rows,
        .cols = cols,
        .n_groups = TRIPLE_GROUPS * divide_up(cols, triple_cols),
        .n_tiles = divide_up(rows, NM_TILE_ROWS),
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
    size_t panel = tile / NM_PANEL_TILES;
    size_t block = group / block_groups;
    size_t panel_tiles = smaller(NM_PANEL_TILES, w->n_tiles - panel * NM_PANEL_TILES);
    size_t groups_here = smaller(block_groups, w->n_groups - block * block_groups);

    return NM_TILE_ROWS * (panel * NM_PANEL_TILES * w->n_groups + /* panels before */
                           block * panel_tiles * block_groups +   /* K blocks before */
                           tile % NM_PANEL_TILES * groups_here +  /* tiles before */
                           group % block_groups);
}

static unsigned code_of(int8_t trit)
{
    return (unsigned)trit & 3;
}

static int8_t trit_of(unsigned code)
{
    static const int8_t trits[4] = {0, 1, 0, -1};
    return trits[code & 3];
}

void nm_ternary_pack_row(const nm_ternary *w, uint8_t *codes, size_t row, const int8_t *trits)
{
    for (size_t col = 0; col < w->cols; col++) {
        size_t at = nm_ternary_offset(w, row / NM_TILE_ROWS, col / 4) + row % NM_TILE_ROWS;
        codes[at] = (uint8_t)(codes[at] | code_of(trits[col]) << 2 * (col % 4));
    }
}

void nm_ternary_unpack_row(const nm_ternary *w, size_t row, int8_t *trits)
{
    for (size_t col = 0; col < w->cols; col++) {
        size_t at = nm_ternary_offset(w, row / NM_TILE_ROWS, col / 4) + row % NM_TILE_ROWS;
        trits[col] = trit_of((unsigned)w->codes[at] >> 2 * (col % 4));
    }
}

/* May this code stand at this place: no 10 anywhere, nothing but 00 in the padding? */
static bool code_is_good(const nm_ternary *w, unsigned code, size_t row, size_t col)
{
    return row < w->rows && col < w->cols ? code != 2 : code == 0;
}

bool nm_ternary_check(const nm_ternary *w, size_t *row, size_t *col)
{
    for (size_t tile = 0; tile < w->n_tiles; tile++) {
        for (size_t group = 0; group < w->n_groups; group++) {
            const uint8_t *codes = w->codes + nm_ternary_offset(w, tile, group);
            for (size_t i = 0; i < 4 * NM_TILE_ROWS; i++) {
                *row = tile * NM_TILE_ROWS + i / 4, *col = 4 * group + i % 4;
                unsigned code = (unsigned)codes[i / 4] >> 2 * (i % 4) & 3;
                if (!code_is_good(w, code, *row, *col)) return false;
            }
        }
    }
    return true;
}
