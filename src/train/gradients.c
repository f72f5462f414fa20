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
extern const nm_gradient_ops nm_gradients_avx2, nm_gradients_avx512, nm_gradients_vnni;
#elif defined(__aarch64__)
extern const nm_gradient_ops nm_gradients_neon;
#endif

/* By the beginning of the kernel set's name, and what else the CPU has: the last row that fits. */
enum { FMA = 1, VNNI = 2 };
static const struct row {
    const char            *name;
    unsigned               needs;
    const nm_gradient_ops *ops;
} rows[] = {
    {"", 0, &nm_gradients_scalar},
#if defined(__x86_64__)
    {"avx2", FMA, &nm_gradients_avx2},
    {"avx512", FMA, &nm_gradients_avx512},
    {"avx512", FMA | VNNI, &nm_gradients_vnni},
#elif defined(__aarch64__)
    {"neon", 0, &nm_gradients_neon},
#endif
};

const nm_gradient_ops *nm_gradients_choose(const nm_kernels *kernels)
{
    size_t   i = sizeof rows / sizeof *rows - 1;
    unsigned has = 0; /* of the features that the engine does not ask for */

#if defined(__x86_64__)
    has = (__builtin_cpu_supports("fma") ? FMA : 0) |
          (__builtin_cpu_supports("avx512vnni") ? VNNI : 0);
#endif
    while (strncmp(kernels->name, rows[i].name, strlen(rows[i].name)) != 0 ||
           (rows[i].needs & ~has))
        i--;
    return rows[i].ops;
}

/* ---- Products -------------------------------------------------------------------------------- */

typedef struct product {
    const nm_gradient_ops *ops;
    const nm_matmul       *m;
    float                 *scratch;
    size_t                 block_rows, n_col_blocks;
} product;

/*
 * f[p] b[p..p+depth)[col..col+n) in strips of a tile's columns, zeros past the last column.  In 16
 * bits it is pairs of two rows, without f, and zeros past the last row, too:
 *
 *     floats    b[p][0] b[p][1] ..                      b[p + 1][0] b[p + 1][1] ..
 *     16 bits   b[p][0] b[p + 1][0] b[p][1] b[p + 1][1] ..
 */
static void pack_b(const product *x, float *to, size_t p, size_t depth, size_t col, size_t n)
{
    static const int8_t zeros[NM_MATMUL_MAX_COLS];
    const nm_matmul    *m = x->m;
    size_t              width = x->ops->cols;
    int16_t            *to16 = (int16_t *)(void *)to;

    for (size_t strip = 0; strip < n; strip += width) {
        size_t here = nm_smaller(width, n - strip), past = width - here;
        for (size_t k = 0; k < depth; k += 1 + m->in_16_bits) {
            const int8_t *b = m->b + (p + k) * m->b_stride + col + strip;
            if (m->in_16_bits) {
                x->ops->pairs(to16, b, k + 1 < depth ? b + m->b_stride : zeros, here);
                memset(to16 + 2 * here, 0, 2 * past * sizeof *to16);
                to16 += 2 * width;
            } else {
                x->ops->widen(to, b, m->f ? m->f[p + k] : m->b_factor, here);
                memset(to + here, 0, past * sizeof *to);
                to += width;
            }
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

/*
 * The same with f, row by row: first as floats in `floats`, then rounded to 16 bits.  scales are
 * those of the sums.
 */
static void pack_a16(const product *x, int16_t *to, float *scales, float *floats, size_t p,
                     size_t depth, size_t row, size_t n)
{
    const nm_matmul *m = x->m;
    const float     *from = m->a + row * m->a_row + p * m->a_step;
    bool             direct = m->a_step == 1 && !m->f;

    for (size_t k = 0; !direct && k < depth; k++) {
        float f = m->f ? m->f[p + k] : 1.0f;
        for (size_t i = 0; i < n; i++)
            floats[i * NM_MATMUL_DEPTH + k] = from[i * m->a_row + k * m->a_step] * f;
    }
    memset(to, 0, x->ops->rows * NM_MATMUL_DEPTH * sizeof *to);
    for (size_t i = 0; i < n; i++) {
        const float *values = direct ? from + i * m->a_row : floats + i * NM_MATMUL_DEPTH;
        scales[i] = x->ops->round16(to + i * NM_MATMUL_DEPTH, values, depth);
        if (!m->f) scales[i] *= m->b_factor;
    }
    for (size_t i = n; i < x->ops->rows; i++) scales[i] = 0;
}

/* c = tile, or c += tile, as far as the result reaches. */
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

/*
 * Blocks [begin, end) of the result, by the loops in the head of this file.  The scratch memory of
 * a thread, in floats:
 *
 *     b  BLOCK_COLS x DEPTH | a  MAX_ROWS x DEPTH | floats  the same | tile | scales  MAX_ROWS
 *
 * With 16 bits the integers are where a and b are, in half of the memory.
 */
static void multiply_blocks(void *context, size_t begin, size_t end, size_t thread)
{
    const product   *x = context;
    const nm_matmul *m = x->m;
    size_t           height = x->ops->rows, width = x->ops->cols;
    float           *b = x->scratch + thread * (NM_MATMUL_SCRATCH / sizeof(float));
    float           *a = b + NM_MATMUL_BLOCK_COLS * NM_MATMUL_DEPTH;
    float           *floats = a + NM_MATMUL_MAX_ROWS * NM_MATMUL_DEPTH;
    float           *tile = floats + NM_MATMUL_MAX_ROWS * NM_MATMUL_DEPTH;
    float           *scales = tile + NM_MATMUL_MAX_ROWS * NM_MATMUL_MAX_COLS;
    int16_t         *a16 = (int16_t *)(void *)a, *b16 = (int16_t *)(void *)b;

    for (size_t i = begin; i < end; i++) {
        size_t row = i / x->n_col_blocks * x->block_rows;
        size_t col = i % x->n_col_blocks * NM_MATMUL_BLOCK_COLS;
        size_t row_end = nm_smaller(row + x->block_rows, m->rows);
        size_t n_cols = nm_smaller(NM_MATMUL_BLOCK_COLS, m->cols - col);
        for (size_t p = 0, depth; p < m->depth; p += depth) {
            depth = nm_smaller(NM_MATMUL_DEPTH, m->depth - p);
            size_t even = (depth + 1) / 2 * 2; /* in 16 bits: whole pairs */
            pack_b(x, b, p, depth, col, n_cols);
            for (size_t r = row; r < row_end; r += height) {
                size_t n_rows = nm_smaller(height, row_end - r);
                m->in_16_bits ? pack_a16(x, a16, scales, floats, p, depth, r, n_rows)
                              : pack_a(x, a, p, depth, r, n_rows);
                for (size_t c = 0; c < n_cols; c += width) {
                    m->in_16_bits ? x->ops->tile16(tile, a16, scales, b16 + c * even, even)
                                  : x->ops->tile(tile, a, b + c * depth, depth);
                    store_tile(x, tile, r, n_rows, col + c, nm_smaller(width, n_cols - c),
                               m->add || p > 0);
                }
            }
        }
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
