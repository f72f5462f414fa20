/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BitLinear for a pass: quantize the tokens, multiply by trits, scale back.
 *
 * One token goes through look-up tables made of its q (gemv), which reads the weights once a token,
 * and so do two where that is faster; more go together (gemm), which reads them once for all.
 * Threads share rows, tokens or bytes of weights; sums of integers are split between them, those of
 * floats never.
 */
#include "model/bitlinear.h"

#include "base/bytes.h"
#include "kernels/product.h"

#include <string.h>

#define QUANTIZE_GRAIN 8 /* rows: fewer are done before another thread wakes up */
#define GEMM_TOKENS 64   /* tokens of one gemm: 512 KiB of sums, in a second-level cache of 1 MiB */

/* What parts cost, in halves of the time of a step of a product. */
#define LEAD_COLS 13 /* columns normalized and quantized */
#define TABLE_COST 8 /* the tables of a K block */
#define PANEL_COST 8 /* to begin another panel; to begin a tile's part of a K block: 1 */

/*
 * Bytes between what two threads write again and again.  Hardware that prefetches along a table
 * runs past its end, across pages, and takes the lines behind it from the thread that writes there:
 * 16 % of its time in a prompt where CPUs are far apart (Zen 5; 4 KiB are too few, 64 enough).
 */
#define APART ((size_t)64 << 10)

#define AHEAD_STEP 4096 /* bytes: about what arrives while the tables of a K block are made */
#define AHEAD_MAX ((size_t)192 << 10) /* bytes: fits a second-level cache beside the tables */

/* The work of one call, shared out among the threads. */
typedef struct bundle {
    nm_bitlinear_scratch   *s;
    const nm_bitlinear_job *jobs;
    size_t                  n_jobs, n_tokens;
    size_t                  token;   /* gemv: the one computed now */
    size_t                  n_tiles; /* of all jobs; where they are computed in runs, of a run */
    bool                    each;    /* gemv: the threads quantize, each for itself */
    const nm_around        *around;  /* what comes before and after in the same round; or NULL */
} bundle;

static int8_t *q_of(const bundle *b, size_t job, size_t row)
{
    return b->s->q + (job * b->s->n_rows + row) * b->s->q_stride;
}

static float *q_scale_of(const bundle *b, size_t job, size_t row)
{
    return b->s->q_scale + (job * b->s->n_rows + row) * (NM_ALIGN / sizeof(float));
}

static const nm_ternary_ops *ops_of(const bundle *b, size_t job)
{
    return &b->s->work->kernels->ternary[b->jobs[job].layer->w.packing];
}

/* An input, and its norm: products side by side have the same. */
typedef struct normed {
    const float *x;
    float        scale;
} normed;

/* q and a of row `row` of the j-th job; *last is what the call before had, or no input. */
static void quantize_row(const bundle *b, size_t j, size_t row, const float *x, normed *last)
{
    const nm_float_ops *floats = b->s->work->kernels->floats;
    const nm_bitlinear *layer = b->jobs[j].layer;
    size_t              cols = layer->w.cols;
    int8_t             *q = q_of(b, j, row);

    if (x != last->x) *last = (normed){x, floats->norm_scale(x, cols, NM_BITLINEAR_EPS)};
    *q_scale_of(b, j, row) = floats->rmsnorm_quantize(q, x, layer->gain, cols, last->scale);
    /* Zero the padding, which a wider layer may have left dirty. */
    memset(q + cols, 0, nm_q_stride(cols) - cols);
}

/* Rows [begin, end): those of the first token for all jobs, then those of the next. */
static void quantize_rows(void *context, size_t begin, size_t end, size_t thread)
{
    const bundle *b = context;
    normed        last = {0};

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const nm_bitlinear_job *job = &b->jobs[i % b->n_jobs];
        size_t                  t = i / b->n_jobs;
        quantize_row(b, i % b->n_jobs, t, job->x + t * job->layer->w.cols, &last);
    }
}

/* Its own row of inputs and of q: those of two threads lie as far apart as n_batch allows. */
static size_t own_row(const nm_bitlinear_scratch *s, size_t thread)
{
    return thread * (s->n_rows / nm_pool_threads(s->work->pool));
}

/* The row of q that a thread reads. */
static size_t row_of(const bundle *b, size_t thread)
{
    return b->each ? own_row(b->s, thread) : b->token;
}

/* ---- How threads share a product of one token ------------------------------------------------ */

/*
 * Threads share the tiles, panel by panel.  Or a product is cut into one part a thread, a run of
 * steps (product.h), and so of bytes, of all jobs one after the other.  All parts take equally
 * long, as thread 0's can have any size (learn_extra), and a part of less than a panel needs the
 * tables of some columns only.  nm_bitlinear_collect adds up the sums of a panel that is cut:
 * integers are exact in any order.
 *
 * Whole tiles cost a thread whole tables, a quarter of a tile's time with AVX2, and some get one
 * tile more than others or none.  That is a tenth of the work where a thread gets three tiles; so
 * many or fewer are cut.  More are not, because sums must be fetched from the caches of the
 * threads that share a panel: 5 to 20 % of a token with 4 and 8 threads.  Two threads share one
 * panel only, whatever the size, and always gain: 7 % of a token of 1.3B.
 */
#define CUT_TILES 3 /* a thread, where there are more than two */

static bool is_cut(size_t n_tiles, size_t n_threads)
{
    return n_threads == 2 || (n_threads > 2 && n_tiles <= CUT_TILES * n_threads);
}

/* The tiles of a run of rows where a product is computed in one round; else 0. */
static size_t run_tiles(const nm_bitlinear *first, size_t n_threads)
{
    size_t n_rows = first->n_together * first->w.rows;
    size_t n_tiles = first->n_runs ? n_rows / first->n_runs / NM_TILE_ROWS : 0;
    bool   even = n_rows == n_tiles * first->n_runs * NM_TILE_ROWS && n_tiles % n_threads == 0;

    return even && is_cut(n_tiles * first->n_runs, n_threads) ? n_tiles : 0;
}

static size_t n_steps(const nm_bitlinear *layer)
{
    return layer->w.n_tiles * layer->w.n_triples;
}

static size_t n_blocks(const nm_ternary *w)
{
    size_t full = nm_packings[w->packing].block_triples;

    return (w->n_triples + full - 1) / full;
}

static size_t n_panels(const nm_ternary *w)
{
    return (w->n_tiles + NM_PANEL_TILES - 1) / NM_PANEL_TILES;
}

/* Products that are cut, and into how many parts. */
typedef struct cutting {
    const nm_bitlinear_job *jobs;
    size_t                  n_jobs, n_parts;
    int64_t                 extra; /* nm_lesson */
} cutting;

/* What the products cost, in halves of a step, less what every part has where it begins. */
static int64_t work_of(const cutting *c)
{
    size_t all = 0;

    for (size_t j = 0; j < c->n_jobs; j++) {
        const nm_ternary *w = &c->jobs[j].layer->w;
        all += 2 * n_steps(c->jobs[j].layer) + n_blocks(w) * w->n_tiles +
               n_panels(w) * (PANEL_COST + n_blocks(w) * TABLE_COST);
    }
    return (int64_t)all - PANEL_COST - TABLE_COST;
}

/*
 * The steps where parts [part, part_end) begin.  Unless each thread quantizes, thread 0 has
 * normalized and quantized before the product, while the others have prefetched: it gets fewer, but
 * for what it is to have in addition.  A part inside which a K block or a panel begins gets fewer,
 * too; one that would begin just before a block begins with it.
 */
static void part_begins(size_t *begins, const cutting *c, size_t part, size_t part_end)
{
    const nm_bitlinear *first = c->jobs[0].layer;
    size_t              lead = first->each_quantizes ? 0 : c->n_jobs * first->w.cols / LEAD_COLS;
    int64_t             cost = (int64_t)lead - c->extra, all = work_of(c) + cost;
    size_t              step = 0;

    if (part == 0) *begins++ = 0, part++; /* also where `cost` is below 0 */
    for (size_t j = 0; j < c->n_jobs; j++) {
        const nm_ternary *w = &c->jobs[j].layer->w;
        size_t            full = nm_packings[w->packing].block_triples;
        for (size_t tile = 0, n_tiles; tile < w->n_tiles && part < part_end; tile += n_tiles) {
            n_tiles = nm_smaller(NM_PANEL_TILES, w->n_tiles - tile);
            for (size_t triple = 0, n; triple < w->n_triples; triple += full, step += n) {
                if (step) cost += triple ? TABLE_COST : TABLE_COST + PANEL_COST;
                n = n_tiles * nm_smaller(full, w->n_triples - triple);
                int64_t here = (int64_t)(2 * n + n_tiles);
                for (; part < part_end; part++) {
                    int64_t at = all * (int64_t)part / (int64_t)c->n_parts;
                    if (at >= cost + here) break;
                    *begins++ = step + (at > cost ? (size_t)((at - cost) * (int64_t)n / here) : 0);
                }
                cost += here;
            }
        }
    }
    for (; part < part_end; part++) *begins++ = step; /* where the last part ends */
}

/* ---- Look-ahead ------------------------------------------------------------------------------ */

/*
 * To gcc a function that only prefetches has no effect, and it removes the calls of one that is not
 * inlined.  An assembly statement is an effect; `make check-prefetch` looks for the calls.
 */
__attribute__((noinline)) static void fetch(const void *bytes, size_t n_bytes)
{
    __asm__ volatile("");
#pragma GCC unroll 8
    for (size_t i = 0; i < n_bytes; i += 64) __builtin_prefetch((const char *)bytes + i, 0, 2);
}

/*
 * Where a thread's share of the tiles begins, of all matrices computed side by side that begin with
 * `first`: the matrix, and the tile in it.
 */
static const nm_ternary *share_begins(const nm_bitlinear *first, size_t thread, size_t n_threads,
                                      size_t *tile)
{
    const nm_bitlinear *layer = first;
    size_t              n_all = 0;

    for (size_t i = 0; i < first->n_together; i++, layer = layer->next) n_all += layer->w.n_tiles;
    *tile = nm_pool_share(n_all, thread, n_threads);
    for (layer = first; *tile >= layer->w.n_tiles; layer = layer->next) *tile -= layer->w.n_tiles;
    return &layer->w;
}

/* The share that a thread reads first of `first` and what is computed with it: in one panel. */
static void begin_share(nm_ahead *a, const nm_bitlinear *first, size_t thread, size_t n_threads,
                        int64_t extra)
{
    const nm_bitlinear *layer = first;
    nm_bitlinear_job    jobs[NM_MAX_JOBS] = {{.layer = first}};
    size_t              n_all = 0, in_run = run_tiles(first, n_threads), end;

    for (size_t i = 0; i < first->n_together; i++, layer = layer->next)
        n_all += layer->w.n_tiles, jobs[i].layer = layer;
    *a = (nm_ahead){.first = first, .w = &first->w, .left = AHEAD_MAX};
    if (!in_run && is_cut(n_all, n_threads)) { /* a run of bytes: as a K block past the last */
        size_t        step[2] = {0, 0}, i = 0;
        const cutting c = {jobs, first->n_together, n_threads, extra};
        part_begins(step, &c, thread, thread + 2);
        for (; i + 1 < c.n_jobs && step[0] >= n_steps(jobs[i].layer); i++)
            step[0] -= n_steps(jobs[i].layer), step[1] -= n_steps(jobs[i].layer);
        a->w = &jobs[i].layer->w;
        a->at = step[0] * NM_STEP_BYTES;
        a->end = nm_smaller(step[1], n_steps(jobs[i].layer)) * NM_STEP_BYTES;
        return;
    }
    if (in_run) {
        a->tile = nm_pool_share(in_run, thread, n_threads);
        end = nm_pool_share(in_run, thread + 1, n_threads);
    } else {
        a->w = share_begins(first, thread, n_threads, &a->tile);
        end = a->w->n_tiles;
    }
    a->n_tiles = nm_smaller(end, (a->tile / NM_PANEL_TILES + 1) * NM_PANEL_TILES) - a->tile;
}

bool nm_ahead_fetch(nm_ahead *a, const nm_bitlinear *first, size_t thread, size_t n_threads,
                    int64_t extra)
{
    if (a->first != first) begin_share(a, first, thread, n_threads, extra);
    if (!a->n_tiles && a->at == a->end) return a->left = 0, false;
    if (a->left && a->at == a->end) { /* to the next K block, if there is one */
        size_t block_groups = nm_packings[a->w->packing].block_groups;
        if (a->end) a->group += block_groups;
        if (a->group >= a->w->n_groups) return a->left = 0, false;
        a->at = 0;
        a->end = a->n_tiles * NM_TILE_ROWS * nm_smaller(block_groups, a->w->n_groups - a->group);
    }
    size_t n = nm_smaller(AHEAD_STEP, nm_smaller(a->left, a->end - a->at));
    if (!n) return false;
    fetch(a->w->codes + nm_ternary_offset(a->w, a->tile, a->group) + a->at, n);
    a->at += n, a->left -= n;
    return true;
}

const uint8_t *nm_ahead_first(const nm_bitlinear *first, size_t thread, size_t n_threads)
{
    size_t            tile;
    const nm_ternary *w = share_begins(first, thread, n_threads, &tile);

    return w->codes + nm_ternary_offset(w, tile, 0);
}

/* ---- One token ------------------------------------------------------------------------------- */

/* Adds the look-up tables of the token's q in K blocks [block, end). */
static void add_tables(const bundle *b, size_t j, size_t block, size_t end, size_t thread)
{
    const nm_ternary     *w = &b->jobs[j].layer->w;
    const nm_packing     *packing = &nm_packings[w->packing];
    const nm_ternary_ops *ops = ops_of(b, j);
    size_t                triple = block * packing->block_triples;

    ops->make_tables(b->s->tables[thread].bytes + triple * ops->table_bytes,
                     q_of(b, j, row_of(b, thread)) +
                         triple * NM_TRIPLE_GROUPS * packing->group_cols,
                     nm_smaller(end * packing->block_triples, w->n_triples) - triple);
}

/*
 * The tables, of at least K blocks [block, end).  Each thread makes its own when it comes to a job:
 * sharing them would cost a barrier and the transfer between caches, which is more.
 */
static const uint8_t *make_tables(const bundle *b, size_t j, size_t block, size_t end,
                                  size_t thread)
{
    nm_tables *tables = &b->s->tables[thread];
    uint64_t   wanted = b->s->n_forwarded * NM_MAX_JOBS + j;

    if (tables->made != wanted || block > tables->block_end || end < tables->block) /* forget */
        tables->block = tables->block_end = block, tables->made = wanted;
    if (block < tables->block) {
        add_tables(b, j, block, tables->block, thread);
        tables->block = block;
    }
    if (end > tables->block_end) {
        add_tables(b, j, tables->block_end, end, thread);
        tables->block_end = end;
    }
    return tables->bytes;
}

/* Sums of rows from `row` on, of a range of tiles, scaled back into y. */
static void put_rows(const bundle *b, size_t j, size_t row, size_t row_end, const int32_t *sums,
                     size_t thread)
{
    const nm_ternary *w = &b->jobs[j].layer->w;

    row_end = nm_smaller(row_end, w->rows);
    b->s->work->kernels->floats->dequantize(b->jobs[j].y + b->token * w->rows + row, sums,
                                            w->scale / *q_scale_of(b, j, row_of(b, thread)),
                                            row_end - row);
}

/* Is `end` the end of the thread's share of the tiles? */
static bool ends_share(const bundle *b, size_t end, size_t thread)
{
    return end == nm_pool_share(b->n_tiles, thread + 1, nm_work_threads(b->s->work));
}

/* What the thread reads first of the token's next product and has not prefetched; NULL: unknown. */
static const uint8_t *next_codes(const bundle *b, size_t thread)
{
    nm_bitlinear_scratch *s = b->s;
    const nm_bitlinear   *next = b->jobs[b->n_jobs - 1].layer->next;
    nm_ahead             *a = &s->tables[thread].ahead;

    if (!next || b->n_tokens > 1) return NULL;
    if (a->first != next)
        begin_share(a, next, thread, nm_work_threads(s->work),
                    atomic_load_explicit(&s->next_extra, memory_order_relaxed));
    return a->w->codes + nm_ternary_offset(a->w, a->tile, a->group) + a->at;
}

/*
 * Tiles [begin, end), those of all jobs counted one after the other; panel by panel.  `next` is
 * what the thread reads afterwards, as of nm_product_gemv.
 */
static void gemv_tiles(const bundle *b, size_t begin, size_t end, const uint8_t *next,
                       size_t thread)
{
    int32_t *sums = b->s->sums + thread * b->s->sums_stride;
    size_t   base = 0; /* tiles of the jobs before this one */

    for (size_t j = 0; j < b->n_jobs && base < end; j++) {
        const nm_ternary *w = &b->jobs[j].layer->w;
        size_t            tile = begin > base ? begin - base : 0;
        size_t            tile_end = nm_smaller(end - base, w->n_tiles);

        base += w->n_tiles;
        if (tile >= tile_end) continue;
        const uint8_t *tables = make_tables(b, j, 0, n_blocks(w), thread);
        for (size_t here; tile < tile_end; tile = here) {
            here = nm_smaller(tile_end, (tile / NM_PANEL_TILES + 1) * NM_PANEL_TILES);
            nm_product_gemv(ops_of(b, j), sums, w, tile, here, tables,
                            base >= end && here == tile_end ? next : NULL);
            put_rows(b, j, tile * NM_TILE_ROWS, here * NM_TILE_ROWS, sums, thread);
        }
    }
}

static void gemv(void *context, size_t begin, size_t end, size_t thread)
{
    const bundle *b = context;

    gemv_tiles(b, begin, end, ends_share(b, end, thread) ? next_codes(b, thread) : NULL, thread);
}

/*
 * What a thread does before its parts of a round, once, also if it takes several.  Thread 0 always
 * takes one, so nm_bitlinear_collect can scale with its q's factor, which is that of all.
 */
static void prepare(const bundle *b, size_t thread)
{
    uint64_t *prepared = &b->s->tables[thread].prepared;

    if (!b->each || *prepared == b->s->n_forwarded) return;
    size_t row = own_row(b->s, thread), x_row = b->around ? row : 0;
    normed last = {0};
    *prepared = b->s->n_forwarded;
    if (b->around) b->around->before(b->around->context, row, row + 1, thread);
    for (size_t j = 0; j < b->n_jobs; j++)
        quantize_row(b, j, row, b->jobs[j].x + x_row * b->jobs[j].layer->w.cols, &last);
}

/* Parts [begin, end) of each run, and what comes after them. */
static void gemv_runs(void *context, size_t begin, size_t end, size_t thread)
{
    const bundle *b = context;
    size_t        n_threads = nm_work_threads(b->s->work), n_after = NM_TILE_ROWS / NM_AFTER_ROWS;

    prepare(b, thread);
    begin = nm_pool_share(b->n_tiles, begin, n_threads);
    end = nm_pool_share(b->n_tiles, end, n_threads);
    for (size_t i = 0, base = 0; i < b->jobs[0].layer->n_runs; i++, base += b->n_tiles)
        gemv_tiles(b, base + begin, base + end,
                   i + 1 == b->jobs[0].layer->n_runs ? next_codes(b, thread) : NULL, thread);
    b->around->after(b->around->context, begin * n_after, end * n_after, thread);
}

/*
 * Of a part: steps [begin, end) of the panel of the j-th job that begins with `tile`.  A part has
 * two areas for sums: 0 of the panel in which it begins, 1 of the others, of which only the last
 * one is to be collected.
 */
typedef struct piece {
    size_t         j, tile, begin, end;
    size_t         part, area;
    const uint8_t *next; /* as of nm_product_gemv_steps */
} piece;

static void gemv_piece(const bundle *b, const piece *p, size_t thread)
{
    const nm_ternary     *w = &b->jobs[p->j].layer->w;
    const nm_ternary_ops *ops = ops_of(b, p->j);
    size_t                n_tiles = nm_smaller(NM_PANEL_TILES, w->n_tiles - p->tile);
    size_t                block_steps = n_tiles * nm_packings[w->packing].block_triples;
    int32_t              *sums = b->s->sums + p->part * b->s->sums_stride + p->area * NM_PANEL_ROWS;

    const uint8_t *tables = make_tables(b, p->j, p->begin / block_steps,
                                        (p->end + block_steps - 1) / block_steps, thread);
    nm_product_gemv_steps(ops, sums, w, p->tile, p->begin, p->end, tables,
                          b->s->parts[p->part].n_added[p->area], p->next);
    if (p->begin == 0 && p->end == n_tiles * w->n_triples) { /* nothing to be collected */
        if (ops->finish) ops->finish(sums, n_tiles * NM_TILE_ROWS, n_blocks(w));
        put_rows(b, p->j, p->tile * NM_TILE_ROWS, (p->tile + n_tiles) * NM_TILE_ROWS, sums, thread);
    }
}

static void gemv_parts(void *context, size_t begin, size_t end, size_t thread)
{
    const bundle *b = context;

    prepare(b, thread);
    for (size_t part = begin; part < end; part++) {
        size_t step = b->s->now->begins[part], left = b->s->now->begins[part + 1] - step;
        size_t area = 0;

        memset(&b->s->parts[part], 0, sizeof b->s->parts[part]);
        for (size_t j = 0; left; j++) {
            size_t n_triples = b->jobs[j].layer->w.n_triples, n = n_steps(b->jobs[j].layer);
            size_t panel_steps = NM_PANEL_TILES * n_triples;
            for (size_t to; step < n && left; step = to, area = 1) {
                size_t panel = step / panel_steps, first = panel * panel_steps;
                to = nm_smaller(nm_smaller(step + left, n), first + panel_steps);
                left -= to - step;
                piece p = {j, panel * NM_PANEL_TILES, step - first, to - first, part, area, NULL};
                if (left && to == n) p.next = b->jobs[j + 1].layer->w.codes;
                /* Finding the next part takes 800 instructions: 2 % of a part of 16 threads. */
                if (!left && part + 1 == end && nm_work_threads(b->s->work) == 2)
                    p.next = next_codes(b, thread);
                gemv_piece(b, &p, thread);
            }
            step -= n;
        }
    }
}

typedef uint32_t words __attribute__((vector_size(16), may_alias));

#define COLLECT_ROWS 64 /* at a time: a multiple of the rows that `finish` puts in order together */

/* The sums of COLLECT_ROWS rows of a tile, from that row of the panel on; how many K blocks. */
static size_t add_parts(const nm_bitlinear_scratch *s, const nm_cut_panel *panel, size_t row,
                        words sums[COLLECT_ROWS / 4])
{
    size_t n_added = 0, area = panel->area, part_end = panel->part + panel->n_parts;
    words  all[COLLECT_ROWS / 4] = {{0}};

    for (size_t part = panel->part; part < part_end; part++, area = 0) {
        const int32_t *from = s->sums + part * s->sums_stride + area * NM_PANEL_ROWS + row;
        const words   *more = (const words *)from;
        size_t         n_more = s->parts[part].n_added[area][row / NM_TILE_ROWS];
        if (n_more == 0) continue;
        n_added += n_more;
#pragma GCC unroll 16 /* so that they stay in registers */
        for (size_t i = 0; i < COLLECT_ROWS / 4; i++) all[i] += more[i];
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < COLLECT_ROWS / 4; i++) sums[i] = all[i];
    return n_added;
}

void nm_bitlinear_collect(nm_bitlinear_scratch *s, size_t j, size_t begin, size_t end)
{
    bundle b = {.s = s, .jobs = s->cut, .n_jobs = s->n_cut};

    _Alignas(NM_ALIGN) int32_t sums[NM_PANEL_ROWS];

    if (s->n_cut == 0) return;
    const nm_ternary_ops *ops = ops_of(&b, j);
    const nm_cut_panel   *panel = s->now->panels + j * n_panels(&s->cut[j].layer->w);
    for (size_t panel_end; begin < end; begin = panel_end) {
        const nm_cut_panel *p = panel + begin / NM_PANEL_ROWS;
        size_t              skipped = begin % COLLECT_ROWS, n_rows = 0;
        panel_end = nm_smaller(end, (begin / NM_PANEL_ROWS + 1) * NM_PANEL_ROWS);
        if (p->n_parts == 1) continue; /* nothing to be collected */
        for (size_t row = begin - skipped; row < panel_end; row += COLLECT_ROWS) {
            size_t n_added = add_parts(s, p, row % NM_PANEL_ROWS, (words *)(sums + n_rows));
            if (ops->finish) ops->finish(sums + n_rows, COLLECT_ROWS, n_added);
            n_rows += COLLECT_ROWS;
        }
        put_rows(&b, j, begin, panel_end, sums + skipped, 0);
    }
}

/* Threads start before the pool is stored; one that sees a `next` sees the pool, too. */
bool nm_bitlinear_idle(void *context, size_t thread)
{
    nm_bitlinear_scratch *s = context;
    const nm_bitlinear   *next = atomic_load_explicit(&s->next, memory_order_acquire);

    return next &&
           nm_ahead_fetch(&s->tables[thread].ahead, next, thread, nm_pool_threads(s->work->pool),
                          atomic_load_explicit(&s->next_extra, memory_order_relaxed));
}

/* ---- Many tokens ----------------------------------------------------------------------------- */

static size_t n_token_blocks(const bundle *b)
{
    return (b->n_tokens + GEMM_TOKENS - 1) / GEMM_TOKENS;
}

/* nm_gemm.next of a thread that has done items up to `end`; NULL with more than 64 tokens. */
static const uint8_t *next_of_all(const bundle *b, size_t end, size_t thread)
{
    const nm_bitlinear *first = b->jobs[b->n_jobs - 1].layer->next;

    return first && n_token_blocks(b) == 1 && ends_share(b, end, thread)
               ? nm_ahead_first(first, thread, nm_work_threads(b->s->work))
               : NULL;
}

/* Tiles [tile, tile_end) of the j-th job, in one panel, for a block of tokens; `next`: nm_gemm. */
static void gemm_tiles(const bundle *b, size_t j, size_t tile, size_t tile_end, size_t token,
                       const uint8_t *next, size_t thread)
{
    const nm_ternary *w = &b->jobs[j].layer->w;
    int32_t          *sums = b->s->sums + thread * b->s->sums_stride;
    const nm_gemm     product = {.w = w,
                                 .tile_begin = tile,
                                 .tile_end = tile_end,
                                 .y = sums,
                                 .y_stride = NM_PANEL_ROWS,
                                 .q = q_of(b, j, token),
                                 .q_stride = b->s->q_stride,
                                 .n_tokens = nm_smaller(GEMM_TOKENS, b->n_tokens - token),
                                 .next = next,
                                 .scratch = b->s->scratch + thread * b->s->scratch_stride};
    size_t            row = tile * NM_TILE_ROWS;
    size_t            n_rows = nm_smaller(tile_end * NM_TILE_ROWS, w->rows) - row;

    nm_product_gemm(ops_of(b, j), &product);
    for (size_t t = 0; t < product.n_tokens; t++)
        b->s->work->kernels->floats->dequantize(b->jobs[j].y + (token + t) * w->rows + row,
                                                sums + t * NM_PANEL_ROWS,
                                                w->scale / *q_scale_of(b, j, token + t), n_rows);
}

/*
 * Items [begin, end): a tile of a job for a block of tokens, in the order job, panel, block, tile.
 * Tiles side by side are done together, and share the tables of the tokens.
 */
static void gemm(void *context, size_t begin, size_t end, size_t thread)
{
    const bundle *b = context;
    size_t        n_blocks_of_tokens = n_token_blocks(b), base = 0, n_items;

    for (size_t j = 0; j < b->n_jobs && base < end; j++, base += n_items) {
        size_t n_tiles = b->jobs[j].layer->w.n_tiles, n = 0;
        n_items = n_tiles * n_blocks_of_tokens;
        for (size_t i = nm_larger(begin, base) - base; i < nm_smaller(end - base, n_items);
             i += n) {
            size_t first = i / (NM_PANEL_TILES * n_blocks_of_tokens) * NM_PANEL_TILES;
            size_t in_panel = nm_smaller(NM_PANEL_TILES, n_tiles - first);
            size_t item = i - first * n_blocks_of_tokens, tile = first + item % in_panel;
            n = nm_smaller(first + in_panel - tile, nm_smaller(end - base, n_items) - i);
            const uint8_t *next = base + i + n == end ? next_of_all(b, end, thread) : NULL;
            gemm_tiles(b, j, tile, tile + n, item / in_panel * GEMM_TOKENS, next, thread);
        }
    }
}

/* How n_jobs products of one shape are cut: where the parts begin, and which a panel has. */
static void plan_cut(nm_cut *c, const cutting *how)
{
    const nm_ternary *w = &how->jobs[0].layer->w;
    nm_cut_panel     *panel = c->panels;
    size_t            part = 0, step = 0;

    c->n_jobs = how->n_jobs, c->rows = w->rows, c->cols = w->cols;
    *c->lesson = (nm_lesson){.extra = how->extra};
    part_begins(c->begins, how, 0, how->n_parts + 1);
    for (size_t j = 0; j < how->n_jobs; j++) {
        for (size_t tile = 0; tile < w->n_tiles; tile += NM_PANEL_TILES, panel++) {
            size_t end = step + nm_smaller(NM_PANEL_TILES, w->n_tiles - tile) * w->n_triples;
            while (c->begins[part + 1] <= step) part++;
            *panel = (nm_cut_panel){part, 1, c->begins[part] < step};
            while (c->begins[part + panel->n_parts] < end) panel->n_parts++;
            step = end;
        }
    }
}

static bool is_cut_like(const nm_cut *c, const nm_ternary *w, size_t n_jobs)
{
    return c->n_jobs == n_jobs && c->rows == w->rows && c->cols == w->cols;
}

/* The cut of these products, or the one to become it.  More shapes than fit share the last. */
static nm_cut *find_cut(nm_bitlinear_scratch *s, const nm_ternary *w, size_t n_jobs)
{
    nm_cut *c = s->cuts;

    while (c < &s->cuts[NM_CUTS - 1] && c->n_jobs && !is_cut_like(c, w, n_jobs)) c++;
    return c;
}

#define LEARN_ROUNDS 16 /* from one lesson to the next */
#define LEARN_PARTS 32  /* a lesson moves at most so small a part of a thread's share */

/*
 * By how much thread 0's part is to be larger, from who was last in the rounds before.  A round of
 * N threads is shortest where each is last in an N-th of them; so one in which it was thread 0
 * counts N - 1 times.  That includes what no estimate knows and what changes while a machine runs:
 * when a thread sees a signal, how long its lines take, what else runs on its CPU.  Limits keep a
 * thread that seldom gets a CPU from making the parts useless.
 */
static int64_t learn_extra(const nm_lesson *l, const cutting *how)
{
    int64_t others = (int64_t)nm_larger(how->n_parts, 2) - 1, share = work_of(how) / (others + 1);
    int64_t extra = l->extra + l->waited * share / (others * LEARN_ROUNDS * LEARN_PARTS);

    return extra > share / 2 ? share / 2 : extra < -share / 4 ? -share / 4 : extra;
}

/* The products are to be computed in parts. */
static void cut(nm_bitlinear_scratch *s, const nm_bitlinear_job *jobs, size_t n_jobs)
{
    const nm_ternary *w = &jobs[0].layer->w;
    nm_cut           *c = find_cut(s, w, n_jobs);
    cutting           how = {jobs, n_jobs, nm_work_threads(s->work), 0};

    if (!is_cut_like(c, w, n_jobs)) {
        plan_cut(c, &how);
    } else if (c->lesson->n_rounds >= LEARN_ROUNDS) {
        how.extra = learn_extra(c->lesson, &how);
        plan_cut(c, &how);
    }
    s->now = c, s->n_cut = n_jobs;
    memcpy(s->cut, jobs, n_jobs * sizeof *jobs);
}

/* A round of parts, and who was last in it. */
static void run_parts(nm_bitlinear_scratch *s, bundle *b)
{
    size_t n_threads = nm_work_threads(s->work);

    cut(s, b->jobs, b->n_jobs);
    nm_lesson *l = s->now->lesson;
    int        last = nm_work_run(s->work, NM_PHASE_GEMV, gemv_parts, b, n_threads, 1);
    l->waited += last < 0 ? 1 - (int)n_threads : last;
    l->n_rounds++;
}

/* ---- A call ---------------------------------------------------------------------------------- */

/* Before a product of one token: the next ones are prefetched from now on. */
static void begin_token(nm_bitlinear_scratch *s, const nm_bitlinear *next)
{
    const nm_bitlinear *soon = next;

    s->n_forwarded++;
    /* The gains of the next matrices: small, but needed all at once. */
    for (size_t i = 0; next && i < next->n_together; i++, soon = soon->next)
        fetch(soon->gain, soon->w.cols * sizeof *soon->gain);
    if (nm_work_threads(s->work) == 1) next = NULL;
    if (next)
        atomic_store_explicit(&s->next_extra,
                              find_cut(s, &next->w, next->n_together)->lesson->extra,
                              memory_order_relaxed);
    atomic_store_explicit(&s->next, next, memory_order_release);
}

bool nm_bitlinear_in_one_round(nm_bitlinear_scratch *s, const nm_bitlinear_job *jobs, size_t n_jobs,
                               size_t n_tokens, const nm_around *around)
{
    size_t n_threads = nm_work_threads(s->work);
    bundle b = {s, jobs, n_jobs, 1, 0, run_tiles(jobs[0].layer, n_threads), true, around};

    if (n_tokens > 1 || !b.n_tiles) return false;
    s->n_cut = 0;
    begin_token(s, jobs[n_jobs - 1].layer->next);
    nm_work_run(s->work, NM_PHASE_GEMV, gemv_runs, &b, n_threads, 1);
    return true;
}

void nm_bitlinear_products(nm_bitlinear_scratch *s, const nm_bitlinear_job *jobs, size_t n_jobs,
                           size_t n_tokens)
{
    bundle              b = {.s = s, .jobs = jobs, .n_jobs = n_jobs, .n_tokens = n_tokens};
    const nm_bitlinear *next = jobs[n_jobs - 1].layer->next;
    size_t              n_threads = nm_work_threads(s->work), n_tiles = 0;

    for (size_t j = 0; j < n_jobs; j++) n_tiles += jobs[j].layer->w.n_tiles;
    b.n_tiles = n_tiles;
    b.each = n_tokens == 1 && jobs[0].layer->each_quantizes && is_cut(n_tiles, n_threads);
    if (!b.each)
        nm_work_run(s->work, NM_PHASE_QUANTIZE, quantize_rows, &b, n_jobs * n_tokens,
                    QUANTIZE_GRAIN);
    s->n_cut = 0;
    if (n_tokens < ops_of(&b, 0)->many->least_tokens) { /* one by one */
        /* Each thread's share, so that small matrices are shared too; a panel at most. */
        size_t grain = nm_smaller((n_tiles + n_threads - 1) / n_threads, NM_PANEL_TILES);
        for (b.token = 0; b.token < n_tokens; b.token++) {
            begin_token(s, next);
            if (n_tokens > 1 || !is_cut(n_tiles, n_threads)) {
                nm_work_run(s->work, NM_PHASE_GEMV, gemv, &b, n_tiles, grain);
            } else {
                run_parts(s, &b);
            }
        }
        return;
    }
    /*
     * Together.  A thread takes a panel at a time, or its whole share if that is up to two panels:
     * shares begin in the middle of one, and each part of a panel needs the tables of all tokens.
     */
    size_t n_items = n_tiles * n_token_blocks(&b), share = (n_items + n_threads - 1) / n_threads;
    atomic_store_explicit(&s->next, NULL, memory_order_relaxed);
    size_t grain = share <= 2 * NM_PANEL_TILES ? share : NM_PANEL_TILES;
    nm_work_run(s->work, NM_PHASE_GEMM, gemm, &b, n_items, grain);
}

/* Tiles [begin, end) of the first job. */
static void collect_tiles(void *scratch, size_t begin, size_t end, size_t thread)
{
    nm_bitlinear_scratch *s = scratch;

    (void)thread;
    nm_bitlinear_collect(s, 0, begin * NM_TILE_ROWS,
                         nm_smaller(end * NM_TILE_ROWS, s->cut[0].layer->w.rows));
}

void nm_bitlinear_forward(nm_bitlinear_scratch *s, const nm_bitlinear_job *jobs, size_t n_jobs,
                          size_t n_tokens)
{
    nm_bitlinear_products(s, jobs, n_jobs, n_tokens);
    for (size_t j = 1; j < s->n_cut; j++) nm_bitlinear_collect(s, j, 0, s->cut[j].layer->w.rows);
    if (!s->n_cut) return;
    /* Of two threads' parts there is one panel to collect: not worth a signal. */
    size_t n_tiles = jobs[0].layer->w.n_tiles;
    size_t grain = nm_work_threads(s->work) == 2 ? n_tiles : 2 * NM_PANEL_TILES;
    nm_work_run(s->work, NM_PHASE_GEMV, collect_tiles, s, n_tiles, grain);
}

nm_bitlinear_scratch nm_bitlinear_alone(const nm_bitlinear_scratch *all, const nm_work *alone,
                                        size_t token, size_t thread)
{
    return (nm_bitlinear_scratch){.work = alone,
                                  .n_rows = all->n_rows,
                                  .q = all->q + token * all->q_stride,
                                  .q_stride = all->q_stride,
                                  .q_scale = all->q_scale + token * (NM_ALIGN / sizeof(float)),
                                  .sums = all->sums + thread * all->sums_stride,
                                  .sums_stride = all->sums_stride,
                                  .scratch = all->scratch + thread * all->scratch_stride,
                                  .scratch_stride = all->scratch_stride};
}

void nm_bitlinear_place(nm_bitlinear_scratch *s, nm_arena *arena, nm_packing_id packing,
                        size_t max_rows, size_t max_cols, size_t n_threads)
{
    const nm_ternary_ops *ops = &s->work->kernels->ternary[packing];
    nm_ternary            widest;
    size_t                n_tokens = nm_smaller(s->n_batch, GEMM_TOKENS);

    nm_ternary_init(&widest, packing, NM_TILE_ROWS, max_cols);
    s->q_stride = nm_q_stride(max_cols);
    s->sums_stride =
        nm_larger(n_tokens, 2) * NM_PANEL_ROWS + APART / sizeof(int32_t); /* 2: gemv_parts */
    s->scratch_stride = nm_round_up(nm_product_scratch(ops, n_tokens), NM_ALIGN) + APART;
    s->n_rows = nm_larger(s->n_batch, n_threads);
    s->q = nm_arena_take(arena, NM_MAX_JOBS * s->n_rows, s->q_stride);
    s->q_scale = nm_arena_take(arena, NM_MAX_JOBS * s->n_rows, NM_ALIGN);
    s->tables = nm_arena_take(arena, n_threads, sizeof(nm_tables));
    for (size_t i = 0; i < n_threads; i++) {
        uint8_t *bytes = nm_arena_take(arena, widest.n_triples, ops->table_bytes);
        nm_arena_take(arena, 1, APART);
        if (s->tables) s->tables[i] = (nm_tables){.bytes = bytes};
    }
    s->sums = nm_arena_take(arena, n_threads * s->sums_stride, sizeof(int32_t));
    s->parts = nm_arena_take(arena, n_threads, sizeof(nm_gemv_part));
    size_t n_panels_cut = NM_MAX_JOBS * (max_rows / NM_PANEL_ROWS + 1);
    for (size_t i = 0; i < NM_CUTS; i++) {
        s->cuts[i] = (nm_cut){.begins = nm_arena_take(arena, n_threads + 1, sizeof(size_t)),
                              .panels = nm_arena_take(arena, n_panels_cut, sizeof(nm_cut_panel)),
                              .lesson = nm_arena_take(arena, 1, sizeof(nm_lesson))};
        if (s->cuts[i].lesson) *s->cuts[i].lesson = (nm_lesson){0};
    }
    s->scratch = nm_arena_take(arena, n_threads, s->scratch_stride);
}
