/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice of an instruction set, and the way of a product over blocks, depth and tiles:
 *
 *     for each block of c, BLOCK_ROWS x BLOCK_COLS: the work of one thread
 *         for each DEPTH terms
 *             pack b[DEPTH][BLOCK_COLS] in strips of a tile's columns     in the second-level cache
 *             for each tile's rows of the block
 *                 pack a[DEPTH][rows]                                     in the first-level cache
 *                 for each strip: tile, c = tile or c += tile
 */
#include "train/gradients.h"

#include "base/bytes.h"

#include <string.h>

extern const nm_gradient_ops nm_gradients_scalar;
#if defined(__x86_64__)
extern const nm_gradient_ops nm_gradients_avx2, nm_gradients_avx512;
#elif defined(__aarch64__)
extern const nm_gradient_ops nm_gradients_neon;
#endif

/* By the beginning of the kernel set's name; the first row is for all others. */
static const struct row {
    const char            *name;
    const nm_gradient_ops *ops;
} rows[] = {
    {"", &nm_gradients_scalar},
#if defined(__x86_64__)
    {"avx2", &nm_gradients_avx2},
    {"avx512", &nm_gradients_avx512},
#elif defined(__aarch64__)
    {"neon", &nm_gradients_neon},
#endif
};

const nm_gradient_ops *nm_gradients_choose(const nm_kernels *kernels)
{
    size_t i = sizeof rows / sizeof *rows - 1;

    while (strncmp(kernels->name, rows[i].name, strlen(rows[i].name)) != 0) i--;
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("fma")) i = 0; /* no feature of its own to the engine */
#endif
    return rows[i].ops;
}

/* ---- Products -------------------------------------------------------------------------------- */

typedef struct product {
    const nm_gradient_ops *ops;
    const nm_matmul       *m;
    float                 *scratch;
    size_t                 block_rows, n_col_blocks;
} product;

/* b[p..p+depth)[col..col+n) in strips of ops->cols columns, zeros past the last column. */
static void pack_b(const product *x, float *to, size_t p, size_t depth, size_t col, size_t n)
{
    const nm_matmul *m = x->m;
    size_t           width = x->ops->cols;

    for (size_t strip = 0; strip < n; strip += width, to += depth * width) {
        size_t here = nm_smaller(width, n - strip);
        for (size_t k = 0; k < depth; k++) {
            float *row = to + k * width;
            size_t at = (p + k) * m->cols + col + strip;
            if (m->trits)
                x->ops->widen(row, m->trits + at, m->b_factor, here);
            else
                memcpy(row, m->b + at, here * sizeof *row);
            for (size_t i = here; i < width; i++) row[i] = 0;
        }
    }
}

/* a[row..row+n)[p..p+depth), the tile's rows running fastest, zeros past the last row. */
static void pack_a(const product *x, float *to, size_t p, size_t depth, size_t row, size_t n)
{
    const nm_matmul *m = x->m;
    size_t           width = x->ops->rows;
    const float     *from = m->a + row * m->a_row + p * m->a_step;

    if (n < width) memset(to, 0, depth * width * sizeof *to);
    if (m->a_row == 1)
        for (size_t k = 0; k < depth; k++)
            memcpy(to + k * width, from + k * m->a_step, n * sizeof *to);
    else
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < depth; k++)
                to[k * width + i] = from[i * m->a_row + k * m->a_step];
}

static void store_tile(const product *x, const float *tile, size_t row, size_t n_rows, size_t col,
                       size_t n_cols, bool add)
{
    for (size_t i = 0; i < n_rows; i++, tile += x->ops->cols) {
        float *c = x->m->c + (row + i) * x->m->cols + col;
        if (add)
            for (size_t k = 0; k < n_cols; k++) c[k] += tile[k];
        else
            memcpy(c, tile, n_cols * sizeof *c);
    }
}

static void multiply_block(const product *x, float *scratch, size_t row, size_t row_end, size_t col,
                           size_t col_end)
{
    const nm_matmul *m = x->m;
    size_t           height = x->ops->rows, width = x->ops->cols;
    float           *b = scratch, *a = b + NM_MATMUL_BLOCK_COLS * NM_MATMUL_DEPTH;
    float           *tile = a + NM_MATMUL_MAX_ROWS * NM_MATMUL_DEPTH;

    for (size_t p = 0, depth; p < m->depth; p += depth) {
        depth = nm_smaller(NM_MATMUL_DEPTH, m->depth - p);
        pack_b(x, b, p, depth, col, col_end - col);
        for (size_t r = row; r < row_end; r += height) {
            size_t n_rows = nm_smaller(height, row_end - r);
            pack_a(x, a, p, depth, r, n_rows);
            for (size_t c = col; c < col_end; c += width) {
                x->ops->tile(tile, a, b + (c - col) * depth, depth);
                store_tile(x, tile, r, n_rows, c, nm_smaller(width, col_end - c), m->add || p > 0);
            }
        }
    }
}

static void multiply_blocks(void *context, size_t begin, size_t end, size_t thread)
{
    const product *x = context;
    float         *scratch = x->scratch + thread * (NM_MATMUL_SCRATCH / sizeof(float));

    for (size_t i = begin; i < end; i++) {
        size_t row = i / x->n_col_blocks * x->block_rows;
        size_t col = i % x->n_col_blocks * NM_MATMUL_BLOCK_COLS;
        multiply_block(x, scratch, row, nm_smaller(row + x->block_rows, x->m->rows), col,
                       nm_smaller(col + NM_MATMUL_BLOCK_COLS, x->m->cols));
    }
}

/* Blocks are lower where there would be fewer than two for each thread. */
void nm_matmul_run(const nm_gradient_ops *ops, nm_pool *pool, void *scratch, const nm_matmul *m)
{
    product x = {.ops = ops, .m = m, .scratch = scratch, .block_rows = NM_MATMUL_BLOCK_ROWS};
    size_t  wanted = 2 * nm_pool_threads(pool), n_row_blocks;

    x.n_col_blocks = (m->cols + NM_MATMUL_BLOCK_COLS - 1) / NM_MATMUL_BLOCK_COLS;
    for (;; x.block_rows /= 2) {
        n_row_blocks = (m->rows + x.block_rows - 1) / x.block_rows;
        if (n_row_blocks * x.n_col_blocks >= wanted || x.block_rows <= 60) break;
    }
    nm_pool_run(pool, multiply_blocks, &x, n_row_blocks * x.n_col_blocks, 1);
}
