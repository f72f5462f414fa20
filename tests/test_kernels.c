/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of a ternary matrix, and the scalar operations against plain definitions. */
#include "test.h"

#include "base/rng.h"
#include "kernels/product.h"

#include <math.h>
#include <stdlib.h>

/* A random matrix, packed, and its trits row by row. */
typedef struct matrix {
    nm_ternary w;
    int8_t    *trits;
    uint8_t   *codes;
} matrix;

static matrix random_matrix(size_t rows, size_t cols, nm_rng *rng)
{
    matrix m;

    nm_ternary_init(&m.w, NM_T4, rows, cols);
    m.trits = malloc(rows * cols);
    m.codes = calloc(1, nm_ternary_bytes(&m.w));
    for (size_t i = 0; i < rows * cols; i++) m.trits[i] = (int8_t)((int)nm_rng_below(rng, 3) - 1);
    for (size_t row = 0; row < rows; row++)
        nm_ternary_pack_row(&m.w, m.codes, row, m.trits + row * cols);
    m.w.codes = m.codes;
    return m;
}

static void free_matrix(matrix *m)
{
    free(m->trits), free(m->codes);
}

/* The example of models/FORMAT.md, byte for byte. */
static void test_layout(void)
{
    nm_ternary w;
    size_t     row, col;
    uint8_t    codes[1536] = {0};
    int8_t     trits[13] = {1, -1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, -1};

    test_case("a matrix of 200 rows and 13 columns lies as models/FORMAT.md says");
    nm_ternary_init(&w, NM_T4, 200, 13);
    w.codes = codes;
    CHECK_INT(nm_ternary_bytes(&w), 1536);
    nm_ternary_pack_row(&w, codes, 130, trits);
    CHECK_INT(codes[768 + 2], 0x4D);           /* 01 00 11 01 */
    CHECK_INT(codes[768 + 3 * 128 + 2], 0x03); /* column 12 */
    CHECK(nm_ternary_check(&w, &row, &col));
    CHECK_INT(nm_ternary_offset(&w, 1, 0), 768);

    test_case("code 10, a row of padding and a column of padding are found");
    codes[5] = 0x80;
    CHECK(!nm_ternary_check(&w, &row, &col) && row == 5 && col == 3);
    codes[5] = 0, codes[768 + 72] = 1;
    CHECK(!nm_ternary_check(&w, &row, &col) && row == 200 && col == 0);
    codes[768 + 72] = 0, codes[3 * 128 + 7] = 0x04;
    CHECK(!nm_ternary_check(&w, &row, &col) && row == 7 && col == 13);

    test_case("a panel, a K block and a tile are where the formula puts them");
    nm_ternary_init(&w, NM_T4, 128 * 20, 500); /* 20 tiles: 16 and 4; 126 groups: 60, 60, 6 */
    CHECK_INT(nm_ternary_offset(&w, 3, 7), 128 * (3 * 60 + 7));
    CHECK_INT(nm_ternary_offset(&w, 3, 61), 128 * (16 * 60 + 3 * 60 + 1));
    CHECK_INT(nm_ternary_offset(&w, 3, 125), 128 * (16 * 120 + 3 * 6 + 5));
    CHECK_INT(nm_ternary_offset(&w, 17, 65), 128 * (16 * 126 + 4 * 60 + 1 * 60 + 5));
}

static void test_round_trip(nm_rng *rng)
{
    test_case("packing and unpacking, random shapes");
    for (int i = 0; i < 100; i++) {
        size_t rows = 1 + (size_t)nm_rng_below(rng, 300), cols = 1 + (size_t)nm_rng_below(rng, 700);
        matrix m = random_matrix(rows, cols, rng);
        int8_t *back = malloc(cols);
        size_t  row, col;
        for (size_t r = 0; r < rows; r++) {
            nm_ternary_unpack_row(&m.w, r, back);
            CHECK_MEM(back, m.trits + r * cols, cols, "a row");
        }
        CHECK(nm_ternary_check(&m.w, &row, &col));
        free(back);
        free_matrix(&m);
    }
}

/* extreme: every term has the largest value there is, so that any narrow sum would overflow. */
static void check_product(size_t rows, size_t cols, size_t n_tokens, bool extreme, nm_rng *rng)
{
    matrix   m = random_matrix(rows, cols, rng);
    size_t   q_stride = nm_q_stride(cols), y_stride = m.w.n_tiles * NM_TILE_ROWS;
    int8_t  *q = calloc(n_tokens, q_stride);
    int32_t *y = malloc(n_tokens * y_stride * sizeof *y);

    for (size_t t = 0; t < n_tokens; t++)
        for (size_t k = 0; k < cols; k++)
            q[t * q_stride + k] =
                (int8_t)(extreme ? 127 * m.trits[k] : (int)nm_rng_below(rng, 255) - 127);
    const nm_ternary_ops *ops = &nm_kernels_row(0)->ternary[NM_T4];
    uint8_t              *scratch = malloc(nm_product_scratch(ops, n_tokens));
    nm_product_gemm(ops, &(nm_gemm){.w = &m.w,
                                    .tile_end = m.w.n_tiles,
                                    .y = y,
                                    .y_stride = y_stride,
                                    .q = q,
                                    .q_stride = q_stride,
                                    .n_tokens = n_tokens,
                                    .scratch = scratch});
    for (size_t t = 0; t < n_tokens; t++) {
        for (size_t row = 0; row < y_stride; row++) {
            int64_t want = 0;
            for (size_t k = 0; k < cols && row < rows; k++)
                want += (int64_t)m.trits[row * cols + k] * q[t * q_stride + k];
            CHECK_INT(y[t * y_stride + row], want);
        }
    }
    free(q), free(y), free(scratch);
    free_matrix(&m);
}

static void test_product(nm_rng *rng)
{
    test_case("the ternary product, random shapes");
    for (int i = 0; i < 60; i++)
        check_product(1 + (size_t)nm_rng_below(rng, 300), 1 + (size_t)nm_rng_below(rng, 900),
                      1 + (size_t)nm_rng_below(rng, 3), false, rng);
    test_case("the ternary product where every term is the largest there is");
    check_product(2, 65536, 1, true, rng);
    check_product(1, NM_MAX_COLS, 1, true, rng);
}

static void test_floats(void)
{
    enum { N = 77 };
    const nm_float_ops *scalar = nm_kernels_row(0)->floats;
    float               x[N], y[N], gain[N];
    int8_t              q[N];
    double              sum = 0;

    test_case("rmsnorm against its definition");
    for (size_t i = 0; i < N; i++) x[i] = (float)i - 30.5f, gain[i] = 1 + (float)i / 8;
    for (size_t i = 0; i < N; i++) sum += (double)x[i] * (double)x[i];
    scalar->rmsnorm(y, x, gain, N, 1e-6f);
    for (size_t i = 0; i < N; i++)
        CHECK(fabs(y[i] - x[i] / sqrt(sum / (double)N + 1e-6) * gain[i]) <
              1e-5 * (1 + fabs((double)y[i])));

    test_case("quantize rounds ties to even and never makes -128");
    const float ties[6] = {254, -254, 1, 3, -1, -3}; /* a = 0.5 */
    float       a = scalar->quantize(q, ties, 6);
    CHECK(a == 0.5f);
    CHECK(q[0] == 127 && q[1] == -127 && q[2] == 0 && q[3] == 2 && q[4] == 0 && q[5] == -2);
    const float zeros[3] = {0, 0, -0.0f};
    CHECK(scalar->quantize(q, zeros, 3) == 127.0f / 1e-5f);
    CHECK(q[0] == 0 && q[1] == 0 && q[2] == 0);
}

void test_kernels(void)
{
    nm_rng rng;

    nm_rng_init(&rng, 7);
    test_layout();
    test_round_trip(&rng);
    test_product(&rng);
    test_floats();
}
