/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ternary products: scalar against a plain sum over trits, every other kernel against scalar,
 * in memory whose neighbouring bytes fault.
 */
#include "test.h"

#include "base/bytes.h"
#include "base/rng.h"
#include "guard.h"
#include "kernels/product.h"

#include <stdlib.h>

/* ---- Matrices and vectors -------------------------------------------------------------------- */

typedef enum fill { RANDOM, ALL_PLUS, ALL_MINUS, EXTREME, ZERO, SPARSE, N_FILLS } fill;

static const char *const fill_names[N_FILLS] = {
    "random", "all +1 x 127", "all -1 x 127", "random +-1 x +-127", "zero", "90 % zero",
};

static int8_t random_trit(fill f, nm_rng *rng)
{
    switch (f) {
    case ALL_PLUS: return 1;
    case ALL_MINUS: return -1;
    case EXTREME: return nm_rng_below(rng, 2) ? 1 : -1;
    case ZERO: return 0;
    case SPARSE: return (int8_t)(nm_rng_below(rng, 10) ? 0 : nm_rng_below(rng, 2) ? 1 : -1);
    default: return (int8_t)((int)nm_rng_below(rng, 3) - 1);
    }
}

static int8_t random_q(fill f, nm_rng *rng)
{
    switch (f) {
    case ALL_PLUS:
    case ALL_MINUS: return 127;
    case EXTREME: return nm_rng_below(rng, 2) ? 127 : -127;
    default: return (int8_t)((int)nm_rng_below(rng, 255) - 127);
    }
}

/* rows * cols; freed by the caller. */
static int8_t *random_trits(size_t rows, size_t cols, fill f, nm_rng *rng)
{
    int8_t *trits = malloc(rows * cols);
    for (size_t i = 0; i < rows * cols; i++) trits[i] = random_trit(f, rng);
    return trits;
}

/* Packed; the byte behind, or the one before, faults. */
static nm_ternary pack(nm_packing_id packing, size_t rows, size_t cols, const int8_t *trits,
                       bool at_front)
{
    nm_ternary w;

    nm_ternary_init(&w, packing, rows, cols);
    uint8_t *codes = (at_front ? guard_take_front : guard_take)(nm_ternary_bytes(&w));
    memset(codes, 0, nm_ternary_bytes(&w));
    for (size_t row = 0; row < rows; row++) nm_ternary_pack_row(&w, codes, row, trits + row * cols);
    guard_lock(codes);
    w.codes = codes;
    return w;
}

static void drop(nm_ternary *w)
{
    guard_drop((void *)(uintptr_t)w->codes);
}

static int8_t *random_vectors(size_t cols, size_t n_tokens, fill f, nm_rng *rng)
{
    size_t  stride = nm_q_stride(cols);
    int8_t *q = guard_take(n_tokens * stride);

    memset(q, 0, n_tokens * stride);
    for (size_t t = 0; t < n_tokens; t++)
        for (size_t col = 0; col < cols; col++) q[t * stride + col] = random_q(f, rng);
    guard_lock(q);
    return q;
}

/* ---- Products -------------------------------------------------------------------------------- */

#define LONG 10000               /* columns, of a matrix of few rows */
#define LONGEST_SCALAR (1 << 16) /* columns: its tables of a million are 128 MiB */

static bool runs[16]; /* by row of kernels.def: can this CPU run it? */

#define TOKEN_GAP 32 /* words between the tokens' sums, which nobody may touch */

/* Sums of the tiles given, a row of them per token; dropped by the caller. */
static int32_t *run_gemv(const nm_ternary_ops *ops, const nm_ternary *w, size_t tile_begin,
                         size_t tile_end, const int8_t *q, size_t n_tokens)
{
    size_t   n_rows = (tile_end - tile_begin) * NM_TILE_ROWS, half = w->n_triples / 2;
    size_t   triple_cols = NM_TRIPLE_GROUPS * nm_packings[w->packing].group_cols;
    int32_t *y = guard_take(n_tokens * (n_rows + TOKEN_GAP) * sizeof *y);
    uint8_t *tables = guard_take(w->n_triples * ops->table_bytes);

    for (size_t t = 0; t < n_tokens; t++) {
        const int8_t *x = q + t * nm_q_stride(w->cols);
        ops->make_tables(tables, x, half);
        ops->make_tables(tables + half * ops->table_bytes, x + half * triple_cols,
                         w->n_triples - half);
        nm_product_gemv(ops, y + t * (n_rows + TOKEN_GAP), w, tile_begin, tile_end, tables, NULL);
    }
    guard_drop(tables);
    return y;
}

/* The sums of one token and whole panels, each cut into parts at random steps. */
static int32_t *run_parts(const nm_ternary_ops *ops, const nm_ternary *w, size_t tile_begin,
                          size_t tile_end, const int8_t *q, nm_rng *rng)
{
    size_t    n_rows = (tile_end - tile_begin) * NM_TILE_ROWS, begin = 0, end = 0;
    size_t    n_steps = (tile_end - tile_begin) * w->n_triples;
    uint32_t *y = guard_take((n_rows + TOKEN_GAP) * sizeof *y);
    int32_t  *part = guard_take(n_rows * sizeof *part);
    uint8_t  *tables = guard_take(w->n_triples * ops->table_bytes);
    size_t    all_added[NM_PANEL_TILES] = {0};
    uint16_t  n_added[NM_PANEL_TILES];

    memset(y, 0, n_rows * sizeof *y);
    ops->make_tables(tables, q, w->n_triples);
    for (; begin < n_steps; begin = end) {
        end = begin + 1 + nm_rng_below(rng, n_steps - begin);
        nm_product_gemv_steps(ops, part, w, tile_begin, begin, end, tables, n_added, NULL);
        for (size_t i = 0; i < n_rows; i++) {
            if (n_added[i / NM_TILE_ROWS]) y[i] += (uint32_t)part[i];
            if (i % NM_TILE_ROWS == 0) all_added[i / NM_TILE_ROWS] += n_added[i / NM_TILE_ROWS];
        }
    }
    for (size_t i = 0; ops->finish && i < n_rows; i += 64)
        ops->finish((int32_t *)y + i, 64, all_added[i / NM_TILE_ROWS]);
    guard_drop(tables), guard_drop(part);
    return (int32_t *)y;
}

static int32_t *run_gemm(const nm_ternary_ops *ops, const nm_ternary *w, size_t tile_begin,
                         size_t tile_end, const int8_t *q, size_t n_tokens)
{
    size_t   stride = (tile_end - tile_begin) * NM_TILE_ROWS + TOKEN_GAP;
    int32_t *y = guard_take(n_tokens * stride * sizeof *y);
    uint8_t *scratch = guard_take(nm_product_scratch(ops, n_tokens));
    nm_gemm  gemm = {.w = w,
                     .tile_begin = tile_begin,
                     .tile_end = tile_end,
                     .y = y,
                     .y_stride = stride,
                     .q = q,
                     .q_stride = nm_q_stride(w->cols),
                     .n_tokens = n_tokens,
                     .scratch = scratch};

    nm_product_gemm(ops, &gemm);
    guard_drop(scratch);
    return y;
}

/* What run_gemm returns, one product after the other. */
static int32_t *sum_plainly(const nm_ternary *w, size_t tile_begin, size_t tile_end,
                            const int8_t *q, size_t n_tokens)
{
    size_t   n_rows = (tile_end - tile_begin) * NM_TILE_ROWS;
    int32_t *y = guard_take(n_tokens * (n_rows + TOKEN_GAP) * sizeof *y);
    int8_t  *trits = malloc(w->cols);

    for (size_t row = 0; row < n_rows; row++) {
        bool is_padding = tile_begin * NM_TILE_ROWS + row >= w->rows;
        if (!is_padding) nm_ternary_unpack_row(w, tile_begin * NM_TILE_ROWS + row, trits);
        for (size_t t = 0; t < n_tokens; t++) {
            int32_t sum = 0;
            for (size_t col = 0; !is_padding && col < w->cols; col++)
                sum += trits[col] * q[t * nm_q_stride(w->cols) + col];
            y[t * (n_rows + TOKEN_GAP) + row] = sum;
        }
    }
    free(trits);
    return y;
}

static void check_same(const char *name, const char *what, const nm_ternary *w, size_t tile_begin,
                       size_t tile_end, size_t n_tokens, const int32_t *got, const int32_t *want)
{
    size_t n_rows = (tile_end - tile_begin) * NM_TILE_ROWS + TOKEN_GAP;

    for (size_t i = 0; i < n_tokens * n_rows; i++) {
        if (got[i] == want[i]) continue;
        test_fail(__FILE__, __LINE__,
                  "%s %s of %s, %zu x %zu, tiles %zu to %zu: token %zu of %zu, row %zu: %d, not %d",
                  name, what, nm_packings[w->packing].name, w->rows, w->cols, tile_begin, tile_end,
                  i / n_rows, n_tokens, i % n_rows, got[i], want[i]);
        return;
    }
}

/*
 * Everything against scalar, for some tiles within one panel.  Few rows that are long are summed
 * plainly: scalar's tables would take longer than all other kernels.
 */
static void check_product(const nm_ternary *w, const int8_t *q, size_t n_tokens, nm_rng *rng)
{
    size_t panel = nm_rng_below(rng, (w->n_tiles + NM_PANEL_TILES - 1) / NM_PANEL_TILES);
    size_t begin = panel * NM_PANEL_TILES, end = begin + NM_PANEL_TILES;

    if (end > w->n_tiles) end = w->n_tiles;
    if (nm_rng_below(rng, 2)) begin += nm_rng_below(rng, end - begin);
    if (nm_rng_below(rng, 2)) end -= nm_rng_below(rng, end - begin);
    size_t            n_few = n_tokens < 3 ? n_tokens : 3;
    const nm_kernels *kernels = nm_kernels_row(0);
    int32_t          *want;
    if (w->cols >= LONG)
        want = sum_plainly(w, begin, end, q, n_tokens);
    else
        want = run_gemm(&kernels->ternary[w->packing], w, begin, end, q, n_tokens);
    for (size_t i = 0; (kernels = nm_kernels_row(i)); i++) {
        const nm_ternary_ops *ops = &kernels->ternary[w->packing];
        if (!runs[i]) continue;
        if (i == 0 && w->cols > LONGEST_SCALAR) continue;
        int32_t *got = run_gemv(ops, w, begin, end, q, n_few);
        check_same(kernels->name, "gemv", w, begin, end, n_few, got, want);
        if (begin % NM_PANEL_TILES == 0 && (end % NM_PANEL_TILES == 0 || end == w->n_tiles)) {
            int32_t *parts = run_parts(ops, w, begin, end, q, rng);
            check_same(kernels->name, "gemv in parts", w, begin, end, 1, parts, got);
            guard_drop(parts);
        }
        guard_drop(got);
        if (i == 0) continue;
        got = run_gemm(ops, w, begin, end, q, n_tokens);
        check_same(kernels->name, "gemm", w, begin, end, n_tokens, got, want);
        guard_drop(got);
    }
    guard_drop(want);
}

static void check_shape(size_t rows, size_t cols, size_t n_tokens, fill f, nm_rng *rng)
{
    int8_t *trits = random_trits(rows, cols, f, rng);
    int8_t *q = random_vectors(cols, n_tokens, f, rng);

    for (nm_packing_id packing = 0; packing < NM_PACKINGS; packing++) {
        nm_ternary w = pack(packing, rows, cols, trits, nm_rng_below(rng, 2));
        check_product(&w, q, n_tokens, rng);
        drop(&w);
    }
    guard_drop(q);
    free(trits);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void test_scalar(nm_rng *rng)
{
    for (int i = 0; i < test_trials(15, 200); i++) {
        size_t  rows = 1 + nm_rng_below(rng, 200), cols = 1 + nm_rng_below(rng, 600);
        fill    f = (fill)(i % N_FILLS);
        int8_t *trits = random_trits(rows, cols, f, rng), *q = random_vectors(cols, 1, f, rng);

        test_case("scalar, %zu x %zu, %s", rows, cols, fill_names[f]);
        for (nm_packing_id packing = 0; packing < NM_PACKINGS; packing++) {
            nm_ternary w = pack(packing, rows, cols, trits, false);
            int32_t   *y = run_gemv(&nm_kernels_row(0)->ternary[packing], &w, 0, w.n_tiles, q, 1);
            for (size_t row = 0; row < w.n_tiles * NM_TILE_ROWS; row++) {
                int32_t want = 0;
                for (size_t col = 0; col < cols && row < rows; col++)
                    want += trits[row * cols + col] * q[col];
                CHECK_INT(y[row], want);
            }
            guard_drop(y);
            drop(&w);
        }
        guard_drop(q);
        free(trits);
    }
}

static void test_random_shapes(nm_rng *rng)
{
    for (int i = 0; i < test_trials(24, 400); i++) {
        size_t rows = 1 + nm_rng_below(rng, i % 20 ? 300 : 4500);
        size_t cols = 1 + nm_rng_below(rng, i % 5 ? 700 : 5000);
        size_t n_tokens = 1 + nm_rng_below(rng, i % 4 ? 14 : 70);
        fill   f = (fill)nm_rng_below(rng, N_FILLS);

        test_case("%zu x %zu, %zu tokens, %s", rows, cols, n_tokens, fill_names[f]);
        if (rows > 300) cols = cols % 500 + 1, n_tokens = i % 40 ? 19 : 7; /* all ways of gemm */
        check_shape(rows, cols, n_tokens, f, rng);
    }
}

/* Every remainder of the K block, of the triple, of the row vectors. */
static void test_tails(nm_rng *rng)
{
    test_case("every number of columns up to 260, which is a K block and more, then up to 500");
    for (size_t cols = 1; cols <= 500; cols += cols < 260 ? 1 : (size_t)test_trials(5, 1))
        check_shape(1, cols, 1 + cols % 7, cols % 2 ? ALL_MINUS : RANDOM, rng);
    test_case("every number of tokens up to 26");
    for (size_t n_tokens = 1; n_tokens <= 26; n_tokens++)
        check_shape(129, 250, n_tokens, RANDOM, rng);
    test_case("every number of rows up to 130");
    for (size_t rows = 1; rows <= 130; rows++) check_shape(rows, 37, 2, RANDOM, rng);
}

static void test_long_sums(nm_rng *rng)
{
    static const struct {
        size_t cols, n_tokens;
        fill   f;
    } cases[] = {
        {1 << 16, 4, ALL_PLUS},     {1 << 16, 1, ALL_MINUS},     {65521, 2, EXTREME},
        {NM_MAX_COLS, 1, ALL_PLUS}, {NM_MAX_COLS, 1, ALL_MINUS},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_case("%zu columns, %s", cases[i].cols, fill_names[cases[i].f]);
        check_shape(2, cases[i].cols, cases[i].n_tokens, cases[i].f, rng);
    }
}

/* What no packer writes must not lead a kernel astray either: 10 counts as 0. */
static void test_all_codes(nm_rng *rng)
{
    for (nm_packing_id packing = 0; packing < NM_PACKINGS; packing++) {
        test_case("all 256 bytes of %s", nm_packings[packing].name);
        nm_ternary w;
        nm_ternary_init(&w, packing, 256, 1000);
        uint8_t *codes = guard_take(nm_ternary_bytes(&w));
        for (size_t i = 0; i < nm_ternary_bytes(&w); i++) codes[i] = (uint8_t)nm_rng_next(rng);
        w.codes = codes;
        int8_t *q = random_vectors(1000, 9, RANDOM, rng);
        check_product(&w, q, 9, rng);
        guard_drop(q);
        drop(&w);
    }
}

static void test_packing(nm_rng *rng)
{
    for (nm_packing_id packing = 0; packing < NM_PACKINGS; packing++) {
        test_case("%s packs, unpacks and is checked", nm_packings[packing].name);
        for (int i = 0; i < test_trials(6, 20); i++) {
            size_t     rows = 1 + nm_rng_below(rng, 2300), cols = 1 + nm_rng_below(rng, 300);
            int8_t    *trits = random_trits(rows, cols, RANDOM, rng), *back = malloc(cols);
            nm_ternary w = pack(packing, rows, cols, trits, false);
            size_t     row, col;
            CHECK(nm_ternary_check(&w, &row, &col));
            for (size_t r = 0; r < rows; r++) {
                nm_ternary_unpack_row(&w, r, back);
                CHECK_MEM(back, trits + r * cols, cols, "row");
            }
            drop(&w);
            free(trits), free(back);
        }
    }
    test_case("negated bytes are counted");
    int8_t     signs[2 * 15] = {-1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0};
    nm_ternary v = pack(NM_T5, 2, 15, signs, false);
    int32_t    neg[NM_TILE_ROWS];
    nm_ternary_neg(&v, 0, neg);
    for (size_t row = 0; row < NM_TILE_ROWS; row++) CHECK_INT(neg[row], row == 0);
    drop(&v);

    for (nm_packing_id packing = 0; packing < NM_PACKINGS; packing++) {
        size_t     group_cols = nm_packings[packing].group_cols, row = 1, col = 0;
        int8_t     ones[2 * NM_MAX_GROUP_COLS];
        uint8_t    bytes[NM_TRIPLE_GROUPS * NM_TILE_ROWS] = {0};
        nm_ternary full, cut;
        test_case("%s: a code of one group is wrong in the next, where columns end",
                  nm_packings[packing].name);
        memset(ones, 1, sizeof ones);
        nm_ternary_init(&full, packing, 1, 2 * group_cols);
        nm_ternary_init(&cut, packing, 1, group_cols + 1);
        nm_ternary_pack_row(&full, bytes, 0, ones);
        full.codes = cut.codes = bytes;
        CHECK(nm_ternary_check(&full, &row, &col) && !nm_ternary_check(&cut, &row, &col));
        CHECK_INT(row, 0);
        CHECK_INT(col, group_cols + 1);
    }

    test_case("t5: 243 vectors, 243 codes, the smallest ones");
    nm_ternary w;
    uint8_t    codes[3 * NM_TILE_ROWS], seen[256] = {0};
    nm_ternary_init(&w, NM_T5, 1, 5);
    w.codes = codes;
    for (int i = 0; i < 243; i++) {
        int8_t trits[5], back[5];
        for (int j = 0, n = i; j < 5; j++, n /= 3) trits[j] = (int8_t)(n % 3 - 1);
        memset(codes, 0, sizeof codes);
        nm_ternary_pack_row(&w, codes, 0, trits);
        CHECK(seen[codes[0]]++ == 0);
        for (unsigned smaller = 0; smaller < codes[0]; smaller++) {
            nm_packings[NM_T5].decode((uint8_t)smaller, back);
            CHECK(memcmp(back, trits, 5) != 0);
        }
        nm_ternary_unpack_row(&w, 0, back);
        CHECK_MEM(back, trits, 5, "vector");
    }
    for (unsigned code = 0; code < 256; code++) {
        size_t row, col;
        codes[0] = (uint8_t)code;
        CHECK_INT(nm_ternary_check(&w, &row, &col), seen[code]);
    }
}

/* Asked once: CPUID is slow under a hypervisor.  What this CPU cannot run is said and counted. */
static void ask_what_runs(void)
{
    const nm_kernels *kernels;
    char              missing[200];

    for (size_t i = 0; (kernels = nm_kernels_row(i)); i++) {
        runs[i] = nm_kernels_runs(kernels, missing, sizeof missing);
        if (runs[i]) continue;
        test_case("%s", kernels->name);
        test_skip("no %s", missing);
    }
}

void test_ternary(void)
{
    nm_rng rng;

    ask_what_runs();
    nm_rng_init(&rng, 7);
    test_packing(&rng);
    test_scalar(&rng);
    test_all_codes(&rng);
    test_tails(&rng);
    test_random_shapes(&rng);
    test_long_sums(&rng);
}
