/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BitLinear for a pass: quantize the tokens, multiply by trits, scale back.
 *
 * One or two tokens go one by one through look-up tables made of their q (gemv), which reads the
 * weights once a token; more go together (gemm), which reads them once for all.  Threads share rows
 * and tokens; each output is computed by one thread alone.
 */
#include "model/bitlinear.h"

#include "base/bytes.h"
#include "kernels/product.h"

#include <string.h>

#define QUANTIZE_GRAIN 8  /* rows: fewer are done before another thread wakes up */
#define GEMM_TOKENS 48    /* tokens of one gemm: its sums stay in the second-level cache */
#define GEMM_TABLES 1     /* making the tables of a gemm takes as long as so many tiles */
#define GEMM_MIN_TOKENS 3 /* fewer are faster one by one */

#define AHEAD_STEP 4096 /* bytes: about what arrives while the tables of a K block are made */
#define AHEAD_MAX ((size_t)192 << 10) /* bytes: fits a second-level cache beside the tables */

/* The work of one call, shared out among the threads. */
typedef struct bundle {
    nm_bitlinear_scratch   *s;
    const nm_bitlinear_job *jobs;
    size_t                  n_jobs, n_tokens;
    size_t                  token;   /* gemv: the one computed now */
    size_t                  n_tiles; /* gemm: of an item of work */
} bundle;

static int8_t *q_of(const bundle *b, size_t job, size_t token)
{
    return b->s->q + (job * b->s->n_batch + token) * b->s->q_stride;
}

static float *q_scale_of(const bundle *b, size_t job, size_t token)
{
    return b->s->q_scale + job * b->s->n_batch + token;
}

static const nm_ternary_ops *ops_of(const bundle *b, size_t job)
{
    return &b->s->work->kernels->ternary[b->jobs[job].layer->w.packing];
}

/* q and a of rows [begin, end): the tokens of the first job, then those of the next. */
static void quantize_rows(void *context, size_t begin, size_t end, size_t thread)
{
    const bundle *b = context;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        size_t                  j = i / b->n_tokens, t = i % b->n_tokens;
        const nm_bitlinear_job *job = &b->jobs[j];
        size_t                  cols = job->layer->w.cols;
        int8_t                 *q = q_of(b, j, t);

        *q_scale_of(b, j, t) = b->s->work->kernels->floats->rmsnorm_quantize(
            q, job->x + t * cols, job->layer->gain, cols, NM_BITLINEAR_EPS);
        /* Zero the padding, which a wider layer may have left dirty. */
        memset(q + cols, 0, nm_q_stride(cols) - cols);
    }
}

/* ---- Look-ahead ------------------------------------------------------------------------------ */

static void fetch(const void *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 64) __builtin_prefetch((const char *)bytes + i, 0, 2);
}

bool nm_ahead_fetch(nm_ahead *a, const nm_bitlinear *first, size_t thread, size_t n_threads)
{
    if (a->first != first) { /* the share begins inside one matrix, and inside a panel of it */
        const nm_bitlinear *layer = first;
        size_t              n_all = 0;
        for (size_t i = 0; i < first->n_together; i++, layer = layer->next)
            n_all += layer->w.n_tiles;
        size_t tile = nm_pool_share(n_all, thread, n_threads);
        for (layer = first; tile >= layer->w.n_tiles; layer = layer->next) tile -= layer->w.n_tiles;
        size_t end = nm_smaller((tile / NM_PANEL_TILES + 1) * NM_PANEL_TILES, layer->w.n_tiles);
        *a = (nm_ahead){first, &layer->w, tile, end - tile, .left = AHEAD_MAX};
    }
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

/* ---- One token ------------------------------------------------------------------------------- */

/*
 * The look-up tables of the token's q.  Each thread makes its own when it comes to a job: sharing
 * them would cost a barrier and the transfer between caches, which is more.  They are made K block
 * by K block, between which the thread prefetches the weights it will read first.
 */
static const uint8_t *make_tables(const bundle *b, size_t j, size_t thread)
{
    const nm_bitlinear   *first = b->jobs[0].layer;
    const nm_ternary     *w = &b->jobs[j].layer->w;
    const nm_packing     *packing = &nm_packings[w->packing];
    const nm_ternary_ops *ops = ops_of(b, j);
    const int8_t         *q = q_of(b, j, b->token);
    nm_tables            *tables = &b->s->tables[thread];
    uint8_t              *to = tables->bytes;
    uint64_t              wanted = b->s->n_forwarded * NM_MAX_JOBS + j;

    if (tables->made == wanted) return tables->bytes;
    for (size_t left = w->n_triples, n; left; left -= n) {
        n = nm_smaller(left, packing->block_triples);
        ops->make_tables(to, q, n);
        to += n * ops->table_bytes, q += n * NM_TRIPLE_GROUPS * packing->group_cols;
        if (first->n_together)
            nm_ahead_fetch(&tables->ahead, first, thread, nm_pool_threads(b->s->work->pool));
    }
    tables->made = wanted;
    return tables->bytes;
}

/* Tiles [begin, end), those of all jobs counted one after the other; panel by panel. */
static void gemv(void *context, size_t begin, size_t end, size_t thread)
{
    const bundle *b = context;
    int32_t      *sums = b->s->sums + thread * b->s->sums_stride;
    size_t        base = 0; /* tiles of the jobs before this one */

    for (size_t j = 0; j < b->n_jobs && base < end; j++) {
        const nm_ternary *w = &b->jobs[j].layer->w;
        size_t            tile = begin > base ? begin - base : 0;
        size_t            tile_end = nm_smaller(end - base, w->n_tiles);

        base += w->n_tiles;
        if (tile >= tile_end) continue;
        const uint8_t *tables = make_tables(b, j, thread);
        for (size_t here; tile < tile_end; tile = here) {
            here = nm_smaller(tile_end, (tile / NM_PANEL_TILES + 1) * NM_PANEL_TILES);
            size_t row = tile * NM_TILE_ROWS, row_end = nm_smaller(here * NM_TILE_ROWS, w->rows);

            nm_product_gemv(ops_of(b, j), sums, w, tile, here, tables);
            b->s->work->kernels->floats->dequantize(b->jobs[j].y + b->token * w->rows + row, sums,
                                                    w->scale / *q_scale_of(b, j, b->token),
                                                    row_end - row);
        }
    }
}

/* Threads start before the pool is stored; one that sees a `next` sees the pool, too. */
bool nm_bitlinear_idle(void *context, size_t thread)
{
    nm_bitlinear_scratch *s = context;
    const nm_bitlinear   *next = atomic_load_explicit(&s->next, memory_order_acquire);

    return next &&
           nm_ahead_fetch(&s->tables[thread].ahead, next, thread, nm_pool_threads(s->work->pool));
}

/* ---- Many tokens ----------------------------------------------------------------------------- */

/* An item of work is (n_tiles tiles, GEMM_TOKENS tokens) of one job, tokens running fastest. */
static size_t n_token_blocks(const bundle *b)
{
    return (b->n_tokens + GEMM_TOKENS - 1) / GEMM_TOKENS;
}

static size_t n_items(const bundle *b, size_t job)
{
    return (b->jobs[job].layer->w.n_tiles + b->n_tiles - 1) / b->n_tiles * n_token_blocks(b);
}

/* Items [begin, end), those of all jobs counted one after the other.  None crosses a panel. */
static void gemm(void *context, size_t begin, size_t end, size_t thread)
{
    const bundle *b = context;
    int32_t      *sums = b->s->sums + thread * b->s->sums_stride;
    uint8_t      *scratch = b->s->scratch + thread * b->s->scratch_stride;

    for (size_t j = 0, base = 0; j < b->n_jobs && base < end; base += n_items(b, j), j++) {
        const nm_ternary *w = &b->jobs[j].layer->w;
        size_t            job_end = nm_smaller(end, base + n_items(b, j));

        for (size_t i = begin > base ? begin : base; i < job_end; i++) {
            size_t tile = (i - base) / n_token_blocks(b) * b->n_tiles;
            size_t tile_end = nm_smaller(tile + b->n_tiles, w->n_tiles);
            size_t row = tile * NM_TILE_ROWS,
                   row_end = nm_smaller(tile_end * NM_TILE_ROWS, w->rows);
            size_t token = (i - base) % n_token_blocks(b) * GEMM_TOKENS;
            size_t n_tokens = nm_smaller(GEMM_TOKENS, b->n_tokens - token);

            const nm_gemm product = {.w = w,
                                     .tile_begin = tile,
                                     .tile_end = tile_end,
                                     .y = sums,
                                     .y_stride = NM_PANEL_ROWS,
                                     .q = q_of(b, j, token),
                                     .q_stride = b->s->q_stride,
                                     .n_tokens = n_tokens,
                                     .scratch = scratch};
            nm_product_gemm(ops_of(b, j), &product);
            for (size_t t = 0; t < n_tokens; t++)
                b->s->work->kernels->floats->dequantize(
                    b->jobs[j].y + (token + t) * w->rows + row, sums + t * NM_PANEL_ROWS,
                    w->scale / *q_scale_of(b, j, token + t), row_end - row);
        }
    }
}

/* ---- A call ---------------------------------------------------------------------------------- */

void nm_bitlinear_forward(nm_bitlinear_scratch *s, const nm_bitlinear_job *jobs, size_t n_jobs,
                          size_t n_tokens)
{
    bundle              b = {.s = s, .jobs = jobs, .n_jobs = n_jobs, .n_tokens = n_tokens};
    const nm_bitlinear *next = jobs[n_jobs - 1].layer->next;
    size_t              n_threads = nm_pool_threads(s->work->pool), n_tiles = 0;
    size_t              best = NM_PANEL_TILES, best_items = 0, least = SIZE_MAX;

    nm_work_run(s->work, NM_PHASE_QUANTIZE, quantize_rows, &b, n_jobs * n_tokens, QUANTIZE_GRAIN);

    if (n_tokens < GEMM_MIN_TOKENS) { /* one by one */
        for (size_t j = 0; j < n_jobs; j++) n_tiles += jobs[j].layer->w.n_tiles;
        /* Each thread's share, so that small matrices are shared too; a panel at most. */
        size_t share = (n_tiles + n_threads - 1) / n_threads;
        size_t grain = share < NM_PANEL_TILES ? share : NM_PANEL_TILES;
        for (b.token = 0; b.token < n_tokens; b.token++) {
            s->n_forwarded++;
            /* The gains of the next few matrices: small, but needed all at once. */
            const nm_bitlinear *soon = next;
            for (size_t i = 0; i < NM_MAX_JOBS && soon; i++, soon = soon->next)
                fetch(soon->gain, soon->w.cols * sizeof *soon->gain);
            atomic_store_explicit(&s->next, next, memory_order_release);
            nm_work_run(s->work, NM_PHASE_GEMV, gemv, &b, n_tiles, grain);
        }
        return;
    }
    /*
     * Together.  Smaller items make more tables, larger ones keep threads waiting for the last: of
     * 16, 8, 4, 2 and 1 tiles an item that with the shortest time if all threads are equally fast.
     */
    for (b.n_tiles = NM_PANEL_TILES; b.n_tiles; b.n_tiles /= 2) {
        size_t items = 0;
        for (size_t j = 0; j < n_jobs; j++) items += n_items(&b, j);
        size_t time = (items + n_threads - 1) / n_threads * (b.n_tiles + GEMM_TABLES);
        if (time < least) least = time, best = b.n_tiles, best_items = items;
    }
    b.n_tiles = best;
    atomic_store_explicit(&s->next, NULL, memory_order_relaxed);
    nm_work_run(s->work, NM_PHASE_GEMM, gemm, &b, best_items, 1);
}

void nm_bitlinear_place(nm_bitlinear_scratch *s, nm_arena *arena, nm_packing_id packing,
                        size_t max_cols, size_t n_threads)
{
    const nm_ternary_ops *ops = &s->work->kernels->ternary[packing];
    nm_ternary            widest;
    size_t                n_tokens = nm_smaller(s->n_batch, GEMM_TOKENS);

    nm_ternary_init(&widest, packing, NM_TILE_ROWS, max_cols);
    s->q_stride = nm_q_stride(max_cols);
    s->sums_stride = n_tokens * NM_PANEL_ROWS;
    s->scratch_stride = nm_round_up(nm_product_scratch(ops, n_tokens), NM_ALIGN);
    s->q = nm_arena_take(arena, NM_MAX_JOBS * s->n_batch, s->q_stride);
    s->q_scale = nm_arena_take(arena, NM_MAX_JOBS * s->n_batch, sizeof(float));
    s->tables = nm_arena_take(arena, n_threads, sizeof(nm_tables));
    for (size_t i = 0; i < n_threads; i++) {
        uint8_t *bytes = nm_arena_take(arena, widest.n_triples, ops->table_bytes);
        if (s->tables) s->tables[i].bytes = bytes;
    }
    s->sums = nm_arena_take(arena, n_threads * s->sums_stride, sizeof(int32_t));
    s->scratch = nm_arena_take(arena, n_threads, s->scratch_stride);
}
