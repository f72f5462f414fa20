/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The speed of every operation of a set of kernels, one thread, each operation alone.
 *
 * Times are CPU times of the thread, so that another process on the same CPU disturbs little.  They
 * are given in cycles of the core, measured around every sample by a loop of dependent additions.
 */
#include "bench/bench.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/os.h"
#include "base/rng.h"
#include "kernels/float_cases.h"
#include "kernels/product.h"
#include "kernels/read.h"

#include <math.h>

#define HOT_ROWS 2048
#define HOT_COLS 2048
#define COLD_COLS 2560
#define MOST_TOKENS 512
#define N_FLOATS 2048
#define N_SAMPLES 9

/*
 * How long is measured.  The cold matrix of a quick run may fit into a cache: its figures are
 * coarse.
 */
typedef struct effort {
    double sample_seconds; /* of one sample, at least */
    size_t least_samples;
    double enough_seconds; /* after these, so many are enough */
    size_t cold_panels;    /* of the matrix that is read from memory; 120: far more than a cache */
} effort;

static const effort thorough = {0.004, 3, 1.0, 120}, quick_effort = {0.0002, 1, 0.0, 4};

static const size_t token_counts[] = {8, 64, MOST_TOKENS};

typedef struct bench {
    const nm_kernels  *kernels;
    const effort      *effort;
    nomul_bench_report report;
    void              *context;
    uint8_t           *codes;
    int8_t            *q;
    uint8_t           *tables, *scratch;
    int32_t           *y;
    nm_float_operands  operands;
    nm_arena           arena;
} bench;

/* What is timed. */
typedef struct subject {
    void (*run)(const struct subject *s);
    bench                *b;
    const nm_ternary_ops *ops;
    nm_ternary            w;
    size_t                n_tokens;
    const nm_float_case  *op;
    double                items; /* weights times tokens, or elements, of one run */
} subject;

/* ---- Clocks ---------------------------------------------------------------------------------- */

static double thread_seconds(void)
{
    return 1e-9 * (double)nm_os_thread_nanoseconds();
}

static inline uint64_t add_once(uint64_t sum, uint64_t one)
{
    sum += one;
    __asm__("" : "+r"(sum)); /* so that no addition is left out */
    return sum;
}

/* Eight dependent additions a turn take a cycle each; the rest of the turn runs beside them. */
static double seconds_per_cycle(void)
{
    enum { TURNS = 8000 };
    uint64_t sum = 0, one = 1;
    double   began = thread_seconds();

    __asm__("" : "+r"(one));
    for (int i = 0; i < TURNS; i++) {
        sum = add_once(add_once(add_once(add_once(sum, one), one), one), one);
        sum = add_once(add_once(add_once(add_once(sum, one), one), one), one);
    }
    __asm__ volatile("" : : "r"(sum)); /* so that the loop is not left out */
    return (thread_seconds() - began) / (8.0 * (double)TURNS);
}

/* Of a few values, which it sorts: larger ones move up, to make room for the next. */
static double median(double *x, size_t n)
{
    for (size_t i = 1, to; i < n; i++) {
        double next = x[i];
        for (to = i; to > 0 && x[to - 1] > next; to--) x[to] = x[to - 1];
        x[to] = next;
    }
    return x[n / 2];
}

/* Seconds of one run, averaged over a few milliseconds, since reading the clock takes time. */
static double time_run(const subject *s)
{
    for (size_t n = 1;; n *= 2) {
        double began = thread_seconds();
        for (size_t i = 0; i < n; i++) s->run(s);
        double seconds = thread_seconds() - began;
        if (seconds >= s->b->effort->sample_seconds) return seconds / (double)n;
    }
}

/* ---- What is timed --------------------------------------------------------------------------- */

static void run_gemv(const subject *s)
{
    const bench *b = s->b;

    for (size_t tile = 0; tile < s->w.n_tiles; tile += NM_PANEL_TILES)
        nm_product_gemv(s->ops, b->y, &s->w, tile, tile + NM_PANEL_TILES, b->tables, NULL);
}

static void run_gemm(const subject *s)
{
    const bench *b = s->b;

    for (size_t tile = 0; tile < s->w.n_tiles; tile += NM_PANEL_TILES) {
        const nm_gemm product = {.w = &s->w,
                                 .tile_begin = tile,
                                 .tile_end = tile + NM_PANEL_TILES,
                                 .y = b->y,
                                 .y_stride = HOT_ROWS,
                                 .q = b->q,
                                 .q_stride = nm_q_stride(s->w.cols),
                                 .n_tokens = s->n_tokens,
                                 .scratch = b->scratch};
        nm_product_gemm(s->ops, &product);
    }
}

static void run_tables(const subject *s)
{
    s->ops->make_tables(s->b->tables, s->b->q, s->w.n_triples);
}

static void run_read(const subject *s)
{
    nm_read_best()(s->b->codes, nm_ternary_bytes(&s->w) / NM_READ_STEP * NM_READ_STEP);
}

static void run_float(const subject *s)
{
    s->op->run(s->b->kernels->floats, &s->b->operands, N_FLOATS);
}

/* ---- Measuring ------------------------------------------------------------------------------- */

/*
 * Samples of a subject, reported as `speed`.  Not hot: one run is as long as a sample and reads
 * from memory; the loop that only reads the same bytes is timed before and after.
 */
static bool measure(const subject *s, nomul_bench_speed *speed)
{
    subject reader = *s;
    double  rates[N_SAMPLES], gbs[N_SAMPLES], read_gbs[N_SAMPLES], began = thread_seconds();
    double  giga = speed->hot ? 0 : (double)nm_ternary_bytes(&s->w) / 1e9, before = 0;
    size_t  n = 0;

    reader.run = run_read;
    if (speed->hot)
        s->run(s); /* fills the caches */
    else
        before = giga / time_run(&reader);
    do {
        double cycle = seconds_per_cycle();
        double seconds = time_run(s);
        cycle = fmin(cycle, seconds_per_cycle()); /* the other one was disturbed */
        double after = speed->hot ? 0 : giga / time_run(&reader);
        rates[n] = s->items / (seconds / cycle);
        gbs[n] = giga / seconds;
        read_gbs[n++] = (before + after) / 2;
        before = after;
    } while (n < N_SAMPLES && (n < s->b->effort->least_samples ||
                               thread_seconds() - began < s->b->effort->enough_seconds));
    speed->kernels = s->b->kernels->name;
    speed->per_cycle = median(rates, n);
    speed->best_per_cycle = rates[n - 1];
    speed->gbs = median(gbs, n);
    speed->read_gbs = median(read_gbs, n);
    return s->b->report(s->b->context, speed);
}

/* One operation on a matrix; items per element of it and token. */
static bool measure_product(subject *s, const char *op, void (*run)(const subject *s),
                            size_t n_tokens, double items)
{
    nomul_bench_speed speed = {.op = op,
                               .packing = nm_packings[s->w.packing].name,
                               .hot = s->w.rows == HOT_ROWS,
                               .rows = s->w.rows,
                               .cols = s->w.cols,
                               .n_tokens = n_tokens};

    s->run = run, s->n_tokens = n_tokens, s->items = items * (double)n_tokens;
    return measure(s, &speed);
}

/* The products of one packing: a matrix that stays in the caches, and one that does not. */
static bool measure_packing(bench *b, nm_packing_id packing)
{
    subject      s = {.b = b, .ops = &b->kernels->ternary[packing]};
    const double weights = (double)HOT_ROWS * HOT_COLS;

    nm_ternary_init(&s.w, packing, HOT_ROWS, HOT_COLS);
    s.w.codes = b->codes;
    if (!measure_product(&s, "tables", run_tables, 1, HOT_COLS) ||
        !measure_product(&s, "gemv", run_gemv, 1, weights))
        return false;
    for (size_t i = 0; i < sizeof token_counts / sizeof *token_counts; i++)
        if (!measure_product(&s, "gemm", run_gemm, token_counts[i], weights)) return false;

    nm_ternary_init(&s.w, packing, b->effort->cold_panels * NM_PANEL_ROWS, COLD_COLS);
    s.w.codes = b->codes;
    run_tables(&s);
    return measure_product(&s, "gemv", run_gemv, 1,
                           (double)b->effort->cold_panels * NM_PANEL_ROWS * COLD_COLS);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Memory for the largest subject; the floats share what the products need as well. */
static void place(bench *b)
{
    size_t n_codes = 0, n_tables = 0, n_scratch = 0;

    for (nm_packing_id p = 0; p < NM_PACKINGS; p++) {
        const nm_ternary_ops *ops = &b->kernels->ternary[p];
        nm_ternary            cold;
        nm_ternary_init(&cold, p, b->effort->cold_panels * NM_PANEL_ROWS, COLD_COLS);
        n_codes = nm_larger(n_codes, nm_ternary_bytes(&cold));
        n_tables = nm_larger(n_tables, cold.n_triples * ops->table_bytes);
        for (size_t i = 0; i < sizeof token_counts / sizeof *token_counts; i++)
            n_scratch = nm_larger(n_scratch, nm_product_scratch(ops, token_counts[i]));
    }
    b->codes = nm_arena_take(&b->arena, n_codes, 1);
    b->tables = nm_arena_take(&b->arena, n_tables, 1);
    b->scratch = nm_arena_take(&b->arena, n_scratch, 1);
    b->q = nm_arena_take(&b->arena, MOST_TOKENS, nm_q_stride(COLD_COLS));
    b->y = nm_arena_take(&b->arena, MOST_TOKENS * HOT_ROWS, sizeof *b->y);
    for (size_t i = 0; i < NM_FLOAT_ARRAYS; i++)
        b->operands.x[i] = nm_arena_take(&b->arena, N_FLOATS, sizeof(float));
    b->operands.q = b->q, b->operands.sums = b->y;
}

bool nm_speeds(const nm_kernels *kernels, bool quick, nomul_bench_report report, void *context,
               nomul_error *err)
{
    bench  b = {.kernels = kernels,
                .effort = quick ? &quick_effort : &thorough,
                .report = report,
                .context = context};
    nm_rng rng;

    place(&b);
    if (!nm_arena_back(&b.arena, err)) return false;
    place(&b);
    /* Random operands, the same for all operations.  Any byte is a code to a kernel, so one block
     * of codes serves for every packing and shape. */
    nm_rng_init(&rng, 1);
    for (uint8_t *to = b.codes; to < b.tables; to += 8) nm_store_u64(to, nm_rng_next(&rng));
    for (size_t i = 0; i < MOST_TOKENS * nm_q_stride(COLD_COLS); i++)
        b.q[i] = (int8_t)((int)nm_rng_below(&rng, 255) - 127);
    for (size_t i = 0; i < NM_FLOAT_ARRAYS; i++)
        for (size_t k = 0; k < N_FLOATS; k++) {
            float x = (float)(2 * nm_rng_double(&rng) - 1);
            b.operands.x[i][k] = i == 2 ? (x < 0 ? -1.0f : 1.0f) : x; /* C: see float_ops.def */
        }
    bool                 ok = true;
    const nm_float_case *op;
    for (size_t row = 0; ok && (op = nm_float_cases_row(row)); row++) {
        subject           s = {.run = run_float, .b = &b, .op = op, .items = N_FLOATS};
        nomul_bench_speed speed = {
            .op = op->name, .packing = "", .hot = true, .rows = 1, .cols = N_FLOATS, .n_tokens = 1};
        ok = !op->is_op || measure(&s, &speed);
    }
    for (nm_packing_id p = 0; p < NM_PACKINGS && ok; p++) ok = measure_packing(&b, p);
    nm_arena_free(&b.arena);
    return ok ? true : nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}
