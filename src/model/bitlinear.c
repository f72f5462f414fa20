/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One token goes by look-up tables made of its q (gemv), more by the tiled product (gemm).  Threads
 * share out rows and tokens; each output is one thread's.
 */
#include "model/bitlinear.h"

#include "base/alloc.h"
#include "base/bytes.h"

#include <string.h>

#define QUANTIZE_GRAIN 8          /* rows: fewer are done sooner than a thread is called */
#define GEMV_GRAIN NM_PANEL_TILES /* fewer read more tables than codes */
#define GEMM_TOKENS 48            /* tokens of one gemm: its sums stay in the second-level cache */
#define GEMM_TABLES 1             /* tiles that take as long as making the tables of a gemm */
#define GEMM_MIN_TOKENS 3         /* fewer are faster one by one */

typedef struct bitlinear_job {
    nm_work          *work;
    const nm_product *products;
    size_t            n_products;
    size_t            n_tokens; /* in the batch */
    size_t            token;    /* gemv: which of them */
    size_t            n_tiles;  /* gemm: of an item */
} bitlinear_job;

static int8_t *q_of(const nm_work *work, size_t product, size_t token)
{
    return work->q + (product * work->n_batch + token) * work->q_stride;
}

static float *q_scale_of(const nm_work *work, size_t product, size_t token)
{
    return work->q_scale + product * work->n_batch + token;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Rows [begin, end) of all products' tokens: x to 8 bits, zero behind: a wider layer was here. */
static void quantize_rows(void *context, size_t begin, size_t end, size_t thread)
{
    const bitlinear_job *job = context;
    nm_work             *work = job->work;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        size_t            p = i / job->n_tokens, t = i % job->n_tokens;
        const nm_product *product = &job->products[p];
        size_t            cols = product->layer->w.cols;
        int8_t           *q = q_of(work, p, t);

        *q_scale_of(work, p, t) = work->kernels->floats->rmsnorm_quantize(
            q, product->x + t * cols, product->layer->gain, cols, NM_BITLINEAR_EPS);
        memset(q + cols, 0, nm_q_stride(cols) - cols);
    }
}

/*
 * Work that runs over several products, one behind the other: the part of [begin, end) that lies in
 * the one with `size` items from `base` on, counted from its own first.  False if there is none.
 */
static bool part_of(size_t begin, size_t end, size_t base, size_t size, size_t *from, size_t *to)
{
    *from = begin > base ? begin - base : 0;
    *to = end > base ? smaller(end - base, size) : 0;
    return *from < *to;
}

static const nm_ternary_ops *ops_of(const nm_work *work, const nm_product *product)
{
    return &work->kernels->ternary[product->layer->w.packing];
}

/*
 * Look-up tables of the token's q.  Each thread makes its own, when it comes to a product: that is
 * sooner done than sharing the work, waiting for the others and fetching what they made.  They are
 * made K block by K block, and the weights begin to come meanwhile.
 */
static void make_tables(const bitlinear_job *job, size_t p, size_t thread)
{
    nm_work              *work = job->work;
    const nm_bitlinear   *first = job->products[0].layer;
    const nm_ternary     *w = &job->products[p].layer->w;
    const nm_packing     *packing = &nm_packings[w->packing];
    const nm_ternary_ops *ops = ops_of(work, &job->products[p]);
    const int8_t         *q = q_of(work, p, job->token);
    uint8_t              *tables = work->tables[thread].bytes;

    for (size_t left = w->n_triples, n; left; left -= n) {
        n = smaller(left, packing->block_triples);
        ops->make_tables(tables, q, n);
        tables += n * ops->table_bytes, q += n * NM_TRIPLE_GROUPS * packing->group_cols;
        if (first->n_together)
            nm_ahead_fetch(&work->tables[thread].ahead, first, thread, nm_pool_threads(work->pool));
    }
}

static const uint8_t *tables_of(const bitlinear_job *job, size_t p, size_t thread)
{
    nm_tables *tables = &job->work->tables[thread];
    uint64_t   wanted = job->work->n_forwarded * NM_MAX_PRODUCTS + p;

    if (tables->made != wanted) make_tables(job, p, thread);
    tables->made = wanted;
    return tables->bytes;
}

/* y of n_tokens from row on = sums * s / a */
static void scale_sums(const bitlinear_job *job, size_t p, size_t row, size_t n_rows, size_t token,
                       size_t n_tokens, const int32_t *sums, size_t sums_stride)
{
    const nm_product *product = &job->products[p];
    const nm_ternary *w = &product->layer->w;

    for (size_t t = 0; t < n_tokens; t++)
        job->work->kernels->floats->dequantize(
            product->y + (token + t) * w->rows + row, sums + t * sums_stride,
            w->scale / *q_scale_of(job->work, p, token + t), n_rows);
}

/* Tiles [begin, end) of one product, panel by panel. */
static void add_tiles(const bitlinear_job *job, size_t p, size_t begin, size_t end, size_t thread)
{
    nm_work          *work = job->work;
    const nm_product *product = &job->products[p];
    const nm_ternary *w = &product->layer->w;
    const uint8_t    *tables = tables_of(job, p, thread);
    int32_t          *sums = work->sums + thread * work->sums_stride;

    while (begin < end) {
        size_t panel_end = (begin / NM_PANEL_TILES + 1) * NM_PANEL_TILES;
        size_t here = smaller(end, panel_end), row = begin * NM_TILE_ROWS;

        ops_of(work, product)->gemv(sums, w, begin, here, tables);
        scale_sums(job, p, row, smaller(here * NM_TILE_ROWS, w->rows) - row, job->token, 1, sums,
                   0);
        begin = here;
    }
}

static void gemv(void *context, size_t begin, size_t end, size_t thread)
{
    const bitlinear_job *job = context;
    size_t               base = 0, from, to;

    for (size_t p = 0; p < job->n_products; p++) {
        size_t n_tiles = job->products[p].layer->w.n_tiles;
        if (part_of(begin, end, base, n_tiles, &from, &to)) add_tiles(job, p, from, to, thread);
        base += n_tiles;
    }
}

static void forward_token(bitlinear_job *job, size_t token)
{
    nm_work            *work = job->work;
    const nm_bitlinear *next = job->products[job->n_products - 1].layer->next;
    size_t              tiles = 0;

    job->token = token;
    work->n_forwarded++;
    for (size_t p = 0; p < job->n_products; p++) tiles += job->products[p].layer->w.n_tiles;
    nm_ahead_fetch_gains(next);
    atomic_store_explicit(&work->next, next, memory_order_release);
    nm_pool_run(work->pool, gemv, job, tiles, GEMV_GRAIN);
    nm_work_done(work, NM_PHASE_GEMV);
}

/* Whoever sees a product to come sees the pool as well, which is made after its threads run. */
bool nm_bitlinear_idle(void *context, size_t thread)
{
    nm_work            *work = context;
    const nm_bitlinear *next = atomic_load_explicit(&work->next, memory_order_acquire);

    return next &&
           nm_ahead_fetch(&work->tables[thread].ahead, next, thread, nm_pool_threads(work->pool));
}

static size_t n_token_blocks(const bitlinear_job *job)
{
    return (job->n_tokens + GEMM_TOKENS - 1) / GEMM_TOKENS;
}

/* Items of gemm in a product: (rows, token block), the last running fastest. */
static size_t n_items(const bitlinear_job *job, size_t p)
{
    size_t n_tiles = job->products[p].layer->w.n_tiles;
    return (n_tiles + job->n_tiles - 1) / job->n_tiles * n_token_blocks(job);
}

/* Tiles from `tile` on of one product for one block of tokens; a panel is a multiple of n_tiles. */
static void add_item(const bitlinear_job *job, size_t p, size_t tile, size_t block, size_t thread)
{
    nm_work          *work = job->work;
    const nm_product *product = &job->products[p];
    const nm_ternary *w = &product->layer->w;
    int32_t          *sums = work->sums + thread * work->sums_stride;
    size_t            tile_end = smaller(tile + job->n_tiles, w->n_tiles);
    size_t row = tile * NM_TILE_ROWS, row_end = smaller(tile_end * NM_TILE_ROWS, w->rows);
    size_t token = block * GEMM_TOKENS;
    size_t n_tokens = smaller(GEMM_TOKENS, job->n_tokens - token);

    ops_of(work, product)
        ->gemm(sums, NM_PANEL_ROWS, w, tile, tile_end, q_of(work, p, token), work->q_stride,
               n_tokens, work->scratch + thread * work->scratch_stride);
    scale_sums(job, p, row, row_end - row, token, n_tokens, sums, NM_PANEL_ROWS);
}

static void gemm(void *context, size_t begin, size_t end, size_t thread)
{
    const bitlinear_job *job = context;
    size_t               base = 0, from, to, n_blocks = n_token_blocks(job);

    for (size_t p = 0; p < job->n_products; p++) {
        size_t size = n_items(job, p);
        if (part_of(begin, end, base, size, &from, &to))
            for (size_t i = from; i < to; i++)
                add_item(job, p, i / n_blocks * job->n_tiles, i % n_blocks, thread);
        base += size;
    }
}

static size_t all_items(const bitlinear_job *job)
{
    size_t n = 0;

    for (size_t p = 0; p < job->n_products; p++) n += n_items(job, p);
    return n;
}

/* How long it takes, in tiles, if all threads are equally fast. */
static size_t time_of_all(const bitlinear_job *job)
{
    size_t n_threads = nm_pool_threads(job->work->pool);
    return (all_items(job) + n_threads - 1) / n_threads * (job->n_tiles + GEMM_TABLES);
}

/* Smaller items make more tables, larger ones keep threads waiting for the last. */
static void choose_tiles(bitlinear_job *job)
{
    size_t best = NM_PANEL_TILES, least = SIZE_MAX;

    for (size_t n_tiles = NM_PANEL_TILES; n_tiles; n_tiles /= 2) {
        job->n_tiles = n_tiles;
        if (time_of_all(job) < least) best = n_tiles, least = time_of_all(job);
    }
    job->n_tiles = best;
}

static void forward_tokens(bitlinear_job *job)
{
    choose_tiles(job);
    atomic_store_explicit(&job->work->next, NULL, memory_order_relaxed);
    nm_pool_run(job->work->pool, gemm, job, all_items(job), 1);
    nm_work_done(job->work, NM_PHASE_GEMM);
}

void nm_bitlinear_forward(nm_work *work, const nm_product *products, size_t n_products,
                          size_t n_tokens)
{
    bitlinear_job job = {
        .work = work, .products = products, .n_products = n_products, .n_tokens = n_tokens};

    nm_pool_run(work->pool, quantize_rows, &job, n_products * n_tokens, QUANTIZE_GRAIN);
    nm_work_done(work, NM_PHASE_QUANTIZE);
    if (n_tokens >= GEMM_MIN_TOKENS)
        forward_tokens(&job);
    else
        for (size_t t = 0; t < n_tokens; t++) forward_token(&job, t);
}

void nm_bitlinear_place(nm_work *work, nm_arena *arena, nm_packing_id packing, size_t max_cols,
                        size_t n_threads)
{
    const nm_ternary_ops *ops = &work->kernels->ternary[packing];
    nm_ternary            widest;
    size_t                n_tokens = smaller(work->n_batch, GEMM_TOKENS);

    nm_ternary_init(&widest, packing, NM_TILE_ROWS, max_cols);
    work->q_stride = nm_q_stride(max_cols);
    work->sums_stride = n_tokens * NM_PANEL_ROWS;
    work->scratch_stride = nm_round_up(ops->gemm_scratch(n_tokens), NM_ALIGN);
    work->q = nm_arena_take(arena, NM_MAX_PRODUCTS * work->n_batch, work->q_stride);
    work->q_scale = nm_arena_take(arena, NM_MAX_PRODUCTS * work->n_batch, sizeof(float));
    work->tables = nm_arena_take(arena, n_threads, sizeof(nm_tables));
    for (size_t i = 0; i < n_threads; i++) {
        uint8_t *bytes = nm_arena_take(arena, widest.n_triples, ops->table_bytes);
        if (work->tables) work->tables[i].bytes = bytes;
    }
    work->sums = nm_arena_take(arena, n_threads * work->sums_stride, sizeof(int32_t));
    work->scratch = nm_arena_take(arena, n_threads, work->scratch_stride);
}
