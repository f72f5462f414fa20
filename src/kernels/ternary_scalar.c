/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ternary product, plainly: what every faster kernel must equal.  Additions and subtractions
 * only; the object is disassembled to see that it stays so.
 */
#include "kernels/scalar.h"

#include <string.h>

/*
 * What each code adds to a row's sum when its trit meets x.  Unsigned, so that q which no quantizer
 * makes can't overflow: they give a wrong sum and nothing else.
 */
static void fill_terms(uint32_t terms[4], int8_t x)
{
    uint32_t value = (uint32_t)(int32_t)x;

    terms[0] = 0, terms[1] = value, terms[2] = 0, terms[3] = 0 - value;
}

static void add_group(uint32_t sums[NM_TILE_ROWS], const uint8_t *codes, const int8_t q[4])
{
    uint32_t terms[4][4];

    for (size_t j = 0; j < 4; j++) fill_terms(terms[j], q[j]);
    for (size_t row = 0; row < NM_TILE_ROWS; row++) {
        unsigned code = codes[row];
        sums[row] += terms[0][code & 3] + terms[1][code >> 2 & 3] + terms[2][code >> 4 & 3] +
                     terms[3][code >> 6];
    }
}

static void tile_product(int32_t *y, const nm_ternary *w, size_t tile, const int8_t *q)
{
    uint32_t sums[NM_TILE_ROWS] = {0};

    for (size_t group = 0; group < w->n_groups; group++, q += 4)
        add_group(sums, w->codes + nm_ternary_offset(w, tile, group), q);
    memcpy(y, sums, sizeof sums);
}

void nm_scalar_ternary_product(int32_t *y, size_t y_stride, const nm_ternary *w, size_t tile_begin,
                               size_t tile_end, const int8_t *q, size_t q_stride, size_t n_tokens)
{
    for (; n_tokens; n_tokens--, y += y_stride, q += q_stride) {
        int32_t *rows = y;
        for (size_t tile = tile_begin; tile < tile_end; tile++, rows += NM_TILE_ROWS)
            tile_product(rows, w, tile, q);
    }
}
