/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares kernels with their specification, where no test suite is at hand: does this CPU, with
 * this build, compute the same bits?  Every case runs twice on the same random or extreme operands,
 * once with each set of kernels, and all results are compared:
 *
 *     products   codes, q -> gemm of the reference -> want_y
 *                         -> gemm of the tested    -> got_y    n_tokens of them
 *                         -> gemv of the tested    -> got_y    the first token again
 *     floats     arrays -> operation of each, in place; all arrays, also those it only reads
 *
 * The shapes cover every tail: of a block of columns, of a group of tokens, of a vector of floats.
 */
#include "bench/bench.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/rng.h"
#include "kernels/float_cases.h"
#include "kernels/product.h"

#include <math.h>
#include <string.h>

#define MOST_TOKENS 26
#define MOST_ROWS 2400
#define MOST_SHORT 5000 /* columns where rows and tokens are many */
#define MOST_FLOATS 5000

typedef struct tester {
    const nm_kernels *tested, *reference;
    uint64_t          n_compared;
    uint8_t          *codes;
    int8_t           *q;
    uint8_t          *tables, *scratch;
    int32_t          *got_y, *want_y; /* [MOST_TOKENS][MOST_ROWS]: sums of a product */
    nm_float_operands got, want;
    nm_rng            rng;
    nm_arena          arena;
    nomul_error      *err;
} tester;

/* ---- Ternary products ------------------------------------------------------------------------ */

typedef enum fill { RANDOM, ALL_PLUS, ALL_MINUS, N_FILLS } fill;

/* Codes and q.  Any byte is a code, for every kernel the same; padding does not matter here. */
static void fill_operands(tester *t, const nm_ternary *w, size_t n_tokens, fill f)
{
    size_t  stride = nm_q_stride(w->cols), n_bytes = nm_ternary_bytes(w);
    int8_t  trits[NM_MAX_GROUP_COLS];
    uint8_t one_row[NM_TRIPLE_GROUPS * NM_TILE_ROWS] = {0};

    if (f == RANDOM) {
        for (size_t i = 0; i < n_bytes; i += 8) nm_store_u64(t->codes + i, nm_rng_next(&t->rng));
    } else { /* the byte that pack writes for a whole group of +1 or -1 */
        nm_ternary row;
        nm_ternary_init(&row, w->packing, 1, nm_packings[w->packing].group_cols);
        for (size_t j = 0; j < NM_MAX_GROUP_COLS; j++) trits[j] = f == ALL_PLUS ? 1 : -1;
        nm_ternary_pack_row(&row, one_row, 0, trits);
        memset(t->codes, one_row[0], n_bytes);
    }
    memset(t->q, 0, n_tokens * stride);
    for (size_t i = 0; i < n_tokens; i++)
        for (size_t col = 0; col < w->cols; col++)
            t->q[i * stride + col] =
                (int8_t)(f == RANDOM ? (int)nm_rng_below(&t->rng, 255) - 127 : 127);
}

/* Padding rows too: they are computed like any other. */
static bool same_sums(tester *t, const nm_ternary *w, const char *op, size_t n_tokens)
{
    size_t n_rows = w->n_tiles * NM_TILE_ROWS;

    for (size_t i = 0; i < n_tokens * n_rows; i++) {
        t->n_compared++;
        if (t->got_y[i] == t->want_y[i]) continue;
        return nm_fail(t->err, NOMUL_E_UNSUPPORTED,
                       "kernels %s: %s of %s, %zu rows, %zu columns, token %zu of %zu, row %zu: "
                       "%d, but scalar has %d",
                       t->tested->name, op, nm_packings[w->packing].name, w->rows, w->cols,
                       i / n_rows, n_tokens, i % n_rows, t->got_y[i], t->want_y[i]);
    }
    return true;
}

/*
 * One shape: gemm panel by panel, as threads get them, then gemv of the first token.  Of extreme
 * operands the sums are known: scalar would take longer for a million columns than all else here.
 */
static bool check_product(tester *t, nm_packing_id packing, size_t rows, size_t cols,
                          size_t n_tokens, fill f)
{
    const nm_ternary_ops *tested = &t->tested->ternary[packing];
    const int32_t         known = (f == ALL_PLUS ? 127 : -127) * (int32_t)cols;
    nm_ternary            w;
    nm_gemm               gemm = {.w = &w,
                                  .q = t->q,
                                  .q_stride = nm_q_stride(cols),
                                  .n_tokens = n_tokens,
                                  .scratch = t->scratch};

    nm_ternary_init(&w, packing, rows, cols);
    w.codes = t->codes;
    gemm.y_stride = w.n_tiles * NM_TILE_ROWS;
    fill_operands(t, &w, n_tokens, f);
    for (size_t i = 0; f != RANDOM && i < n_tokens * gemm.y_stride; i++) t->want_y[i] = known;
    for (size_t tile = 0; tile < w.n_tiles; tile = gemm.tile_end) {
        gemm.tile_begin = tile;
        gemm.tile_end = nm_smaller(tile + NM_PANEL_TILES, w.n_tiles);
        gemm.y = t->want_y + tile * NM_TILE_ROWS;
        if (f == RANDOM) nm_product_gemm(&t->reference->ternary[packing], &gemm);
        gemm.y = t->got_y + tile * NM_TILE_ROWS;
        nm_product_gemm(tested, &gemm);
    }
    if (!same_sums(t, &w, "gemm", n_tokens)) return false;
    tested->make_tables(t->tables, t->q, w.n_triples);
    for (size_t tile = 0, end; tile < w.n_tiles; tile = end) {
        end = nm_smaller(tile + NM_PANEL_TILES, w.n_tiles);
        nm_product_gemv(tested, t->got_y + tile * NM_TILE_ROWS, &w, tile, end, t->tables, NULL);
    }
    return same_sums(t, &w, "gemv", 1);
}

/* ---- Floats ---------------------------------------------------------------------------------- */

/*
 * One operation on n random elements: usual ones, which are near 0, or any bits but those of an
 * infinity.  Every array is compared: none may write another's.
 */
static bool check_float(tester *t, const nm_float_case *c, size_t n, bool usual)
{
    nm_float_operands *want = &t->want, *got = &t->got;
    size_t             i = 0;

    for (size_t array = 0; array < NM_FLOAT_ARRAYS; array++) {
        for (size_t k = 0; k < n; k++) {
            float x = nm_float_of_bits((uint32_t)nm_rng_next(&t->rng));
            if (usual || !isfinite(x)) x = (float)(16 * nm_rng_double(&t->rng) - 8);
            want->x[array][k] = x;
        }
        memcpy(got->x[array], want->x[array], n * sizeof(float));
    }
    for (size_t k = 0; k < n; k++) want->sums[k] = (int32_t)nm_rng_next(&t->rng);
    memcpy(got->sums, want->sums, n * sizeof *got->sums);
    memset(got->q, 0, n);
    memset(want->q, 0, n);
    want->value = got->value = 0;

    c->run(t->reference->floats, want, n);
    c->run(t->tested->floats, got, n);
    bool same = got->value == want->value || (isnan(got->value) && isnan(want->value));
    for (; same && i < n; i += same) {
        same = got->q[i] == want->q[i];
        for (size_t array = 0; array < NM_FLOAT_ARRAYS; array++) {
            float a = got->x[array][i], b = want->x[array][i];
            same &= nm_bits_of_float(a) == nm_bits_of_float(b) || (isnan(a) && isnan(b));
        }
    }
    t->n_compared += i;
    if (same) return true;
    return nm_fail(t->err, NOMUL_E_UNSUPPORTED,
                   "kernels %s: %s of %zu: element %zu differs from scalar", t->tested->name,
                   c->name, n, i);
}

/* ---- All ------------------------------------------------------------------------------------- */

/* Memory for the largest cases above: few rows of very many columns, or many of few. */
static void place(tester *t)
{
    size_t n_codes = 0, n_tables = 0, n_scratch = 0, most_y = MOST_TOKENS * MOST_ROWS;

    for (nm_packing_id p = 0; p < NM_PACKINGS; p++) {
        nm_ternary longest, tall, wide;
        nm_ternary_init(&longest, p, 1, NM_MAX_COLS);
        nm_ternary_init(&tall, p, MOST_ROWS, 700);
        nm_ternary_init(&wide, p, 300, MOST_SHORT);
        n_codes = nm_larger(n_codes, nm_ternary_bytes(&longest));
        n_codes = nm_larger(n_codes, nm_larger(nm_ternary_bytes(&tall), nm_ternary_bytes(&wide)));
        n_tables = nm_larger(n_tables, longest.n_triples * t->tested->ternary[p].table_bytes);
        for (size_t n = 1; n <= MOST_TOKENS; n++) {
            n_scratch = nm_larger(n_scratch, nm_product_scratch(&t->tested->ternary[p], n));
            n_scratch = nm_larger(n_scratch, nm_product_scratch(&t->reference->ternary[p], n));
        }
    }
    t->codes = nm_arena_take(&t->arena, n_codes, 1);
    t->tables = nm_arena_take(&t->arena, n_tables, 1);
    t->scratch = nm_arena_take(&t->arena, n_scratch, 1);
    t->q = nm_arena_take(
        &t->arena, nm_larger(nm_q_stride(NM_MAX_COLS), MOST_TOKENS * nm_q_stride(MOST_SHORT)), 1);
    t->got_y = nm_arena_take(&t->arena, most_y, sizeof *t->got_y);
    t->want_y = nm_arena_take(&t->arena, most_y, sizeof *t->want_y);
    for (size_t i = 0; i < 2; i++) {
        nm_float_operands *o = i ? &t->got : &t->want;
        o->q = nm_arena_take(&t->arena, MOST_FLOATS, 1);
        o->sums = nm_arena_take(&t->arena, MOST_FLOATS, sizeof *o->sums);
        for (size_t k = 0; k < NM_FLOAT_ARRAYS; k++)
            o->x[k] = nm_arena_take(&t->arena, MOST_FLOATS, sizeof(float));
    }
}

bool nm_selftest(const nm_kernels *tested, const nm_kernels *reference, size_t n_random,
                 uint64_t *n_compared, nomul_error *err)
{
    tester t = {.tested = tested, .reference = reference, .err = err};

    t.arena.unset = true;
    nm_rng_init(&t.rng, 1);
    place(&t);
    if (!nm_arena_back(&t.arena, err)) return false;
    place(&t);
    bool                 ok = true;
    const nm_float_case *c;
    for (size_t row = 0; ok && (c = nm_float_cases_row(row)); row++) {
        for (size_t n = 0; ok && n <= 70; n++) /* every tail of a vector */
            ok = check_float(&t, c, n, n % 2);
        for (size_t i = 0; ok && i < 20; i++)
            ok = check_float(&t, c, (size_t)nm_rng_below(&t.rng, MOST_FLOATS), i % 2);
    }
    for (nm_packing_id p = 0; ok && p < NM_PACKINGS; p++) {
        for (size_t cols = 1; ok && cols <= 260; cols++) /* every tail of a K block */
            ok = check_product(&t, p, 1, cols, 1 + cols % 7, (fill)(cols % N_FILLS));
        for (size_t n = 1; ok && n <= MOST_TOKENS; n++) /* every tail of a group of tokens */
            ok = check_product(&t, p, 129, 250, n, RANDOM);
        for (size_t i = 0; ok && i < n_random; i++) {
            size_t rows = 1 + (size_t)nm_rng_below(&t.rng, i % 4 ? 300 : MOST_ROWS - NM_TILE_ROWS);
            size_t cols = 1 + (size_t)nm_rng_below(&t.rng, rows > 300 ? 700 : MOST_SHORT);
            ok = check_product(&t, p, rows, cols, 1 + i % 8, RANDOM);
        }
        ok = ok && check_product(&t, p, 1, 1 << 16, 2, ALL_PLUS) &&
             check_product(&t, p, 1, NM_MAX_COLS, 1, ALL_MINUS);
    }
    *n_compared = t.n_compared;
    nm_arena_free(&t.arena);
    return ok;
}
