/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing can be seen of what is fetched but where it is and how much. */
#include "test.h"

#include "base/bytes.h"
#include "kernels/product.h"
#include "model/bitlinear.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_LAYERS 4
#define TOGETHER 3

/* Three products side by side, and one alone.  Of the codes none is read. */
static void link_layers(nm_bitlinear *layers, size_t rows, size_t cols)
{
    static const size_t together[N_LAYERS] = {TOGETHER, 0, 0, 1};

    static uint8_t codes[4096 * 4096 / 4];

    memset(layers, 0, N_LAYERS * sizeof *layers);
    for (size_t i = 0; i < N_LAYERS; i++) {
        nm_ternary_init(&layers[i].w, NM_T4, rows, cols);
        layers[i].w.codes = codes + i; /* each another */
        layers[i].next = i + 1 < N_LAYERS ? &layers[i + 1] : NULL;
        layers[i].n_together = together[i];
    }
}

static size_t fetch_all(nm_ahead *ahead, const nm_bitlinear *first, size_t thread, size_t n_threads)
{
    size_t n_steps = 0;

    while (nm_ahead_fetch(ahead, first, thread, n_threads, 0)) n_steps++;
    return n_steps;
}

static void test_share(void)
{
    nm_bitlinear layers[N_LAYERS];
    nm_ahead     ahead = {0};

    test_case("a thread fetches from where its share begins");
    link_layers(layers, 26 * NM_TILE_ROWS, 2560);
    for (size_t thread = 0; thread < 4; thread++) {
        size_t tile = nm_pool_share(TOGETHER * 26, thread, 4); /* of all three */
        nm_ahead_fetch(&ahead, layers, thread, 4, 0);
        ahead.first = NULL;
        CHECK(ahead.w == &layers[tile / 26].w);
        CHECK_INT(ahead.tile, tile % 26);
        CHECK_INT(ahead.n_tiles,
                  tile % 26 < NM_PANEL_TILES ? NM_PANEL_TILES - tile % 26 : 26 - tile % 26);
        CHECK(nm_ahead_first(layers, thread, 4) ==
              ahead.w->codes + nm_ternary_offset(ahead.w, ahead.tile, 0));
    }

    test_case("where a product is cut, it is the part's run of bytes");
    /*
     * 26 x 214 steps in two panels of 16 and 10 tiles, 11 K blocks each.  In halves of a step they
     * cost 11128, 286 for tiles and blocks, 168 for tables, 8 for the second panel, and thread 0
     * has done 196 before.  Thread 1 begins at half of these 11786, after eight K blocks, which
     * cost 656 each, and eight times tables, 385 into the ninth: with 320 * 385 / 656 of its steps.
     */
    nm_ahead_fetch(&ahead, &layers[TOGETHER], 1, 2, 0);
    CHECK(ahead.w == &layers[TOGETHER].w);
    CHECK_INT(ahead.at, 4096 + (8 * 320 + 187) * 384);
    CHECK_INT(ahead.end, 26 * 214 * 384);
    /*
     * With 656 more for thread 0 it has done -460 before, and half of 11130 are nine blocks, which
     * end at 5516, and 49 of the tenth; with 656 less, 852, and eight, which end at 6164, and 57.
     */
    ahead.first = NULL;
    nm_ahead_fetch(&ahead, &layers[TOGETHER], 1, 2, 656);
    CHECK_INT(ahead.at, 4096 + (9 * 320 + 49 * 320 / 656) * 384);
    ahead.first = NULL;
    nm_ahead_fetch(&ahead, &layers[TOGETHER], 1, 2, -656);
    CHECK_INT(ahead.at, 4096 + (8 * 320 + 57 * 320 / 656) * 384);
    nm_ahead_fetch(&ahead, layers, 1, 2, 0); /* two threads cut all, whatever the size */
    CHECK(ahead.w == &layers[1].w);
    CHECK_INT(ahead.n_tiles, 0);
    ahead.first = NULL;
    nm_ahead_fetch(&ahead, &layers[TOGETHER], 1, 4, 0); /* more than three tiles each: not cut */
    CHECK_INT(ahead.tile, 6);
}

static void test_runs(void)
{
    nm_bitlinear layers[N_LAYERS];
    nm_ahead     ahead = {0};

    test_case("where threads share rows of each run, it is rows of the first matrix");
    link_layers(layers, 8 * NM_TILE_ROWS, 512);
    layers[0].n_runs = TOGETHER;
    layers[TOGETHER].n_runs = 2; /* of four tiles each */
    for (size_t i = 0; i <= TOGETHER; i += TOGETHER) {
        nm_ahead_fetch(&ahead, &layers[i], 1, 2, 0);
        CHECK(ahead.w == &layers[i].w);
        CHECK_INT(ahead.tile, i ? 2 : 4);
        CHECK_INT(ahead.n_tiles, i ? 2 : 4);
    }

    test_case("not where runs have odd numbers of tiles or end inside one");
    for (size_t rows = 3 * NM_TILE_ROWS; rows > 2 * NM_TILE_ROWS; rows -= 64) {
        link_layers(layers, rows, 512);
        layers[0].n_runs = TOGETHER;
        ahead.first = NULL;
        nm_ahead_fetch(&ahead, layers, 1, 2, 0);
        CHECK_INT(ahead.n_tiles, 0); /* a run of bytes */
    }
}

static void test_end(void)
{
    nm_bitlinear layers[N_LAYERS];
    nm_ahead     ahead = {0};

    test_case("fetching comes to an end");
    link_layers(layers, 2 * NM_TILE_ROWS, 250); /* a K block, and three groups of the next */
    CHECK(fetch_all(&ahead, layers, 0, 1) > 0);
    CHECK_INT(ahead.group, 120);
    CHECK_INT(ahead.at, ahead.end);
    CHECK_INT(fetch_all(&ahead, layers, 0, 1), 0);
    CHECK(fetch_all(&ahead, &layers[TOGETHER], 0, 1) > 0);
}

static void test_more_threads(void)
{
    nm_bitlinear layers[N_LAYERS];
    nm_ahead     ahead = {0};

    test_case("a thread for whom nothing is left fetches nothing");
    link_layers(layers, 2 * NM_TILE_ROWS, 72); /* 12 steps, of which some get none */
    for (size_t thread = 0; thread < 6; thread++, ahead.first = NULL)
        CHECK_INT(fetch_all(&ahead, &layers[TOGETHER], thread, 16), thread >= 4);
}

static void test_limit(void)
{
    nm_bitlinear layers[N_LAYERS];
    nm_ahead     ahead = {0};

    test_case("no more is fetched than a cache holds");
    link_layers(layers, 4096, 4096);
    CHECK_INT(fetch_all(&ahead, layers, 0, 1) * 4096, 192 << 10);
}

/* ---- What the kernels are told to prefetch while they add a tile ----------------------------- */

/* Bytes of a panel, each with the number of the call that read it, and that prefetched it first. */
static struct {
    const uint8_t *codes;
    size_t         n_bytes;
    int            n_calls, *read, *fetched;
} seen;

static void note(int *of, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uintptr_t at = (uintptr_t)from + i - (uintptr_t)seen.codes;
        if (at < seen.n_bytes && !of[at]) of[at] = seen.n_calls;
    }
}

static void add_noted(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                      const uint8_t *ahead)
{
    (void)y, (void)tables;
    seen.n_calls++;
    note(seen.read, codes, n_triples * NM_STEP_BYTES);
    note(seen.fetched, ahead, n_triples * NM_STEP_BYTES);
}

#define GAP 16384 /* bytes after a matrix, and as many that are said to be read next */

/* How many bytes from `from` on are fetched, in one piece; -1 if others of GAP are. */
static long fetched_from(size_t from)
{
    size_t n = 0, n_all = 0;

    while (n < GAP && seen.fetched[from + n]) n++;
    for (size_t i = 0; i < GAP; i++) n_all += seen.fetched[from + i] != 0;
    return n == n_all ? (long)n : -1;
}

/*
 * Tiles [begin, end) of a panel, or all as a run of steps: which bytes nobody fetched, or too late?
 * And what comes next?
 */
static void check_fetched(nm_packing_id packing, size_t cols, size_t begin, size_t end, bool is_run)
{
    nm_ternary_ops ops = {.table_bytes = 64, .add_tile = add_noted};
    nm_ternary     w;
    static int32_t y[NM_PANEL_ROWS];
    uint16_t       n_added[NM_PANEL_TILES];
    size_t         n_tiles = end - begin, n_missed = 0, n_late = 0;
    size_t         tile = nm_packings[packing].block_triples * NM_STEP_BYTES;

    nm_ternary_init(&w, packing, NM_PANEL_ROWS, cols);
    size_t n_bytes = nm_ternary_bytes(&w), at_next = n_bytes + GAP;
    seen.n_bytes = n_bytes + 2 * GAP, seen.n_calls = 0;
    w.codes = seen.codes = calloc(seen.n_bytes, 1);
    seen.read = calloc(seen.n_bytes, sizeof(int)), seen.fetched = calloc(seen.n_bytes, sizeof(int));
    if (is_run)
        nm_product_gemv_steps(&ops, y, &w, 0, 0, n_tiles * w.n_triples, w.codes, n_added,
                              w.codes + at_next);
    else
        nm_product_gemv(&ops, y, &w, begin, end, w.codes, w.codes + at_next);
    for (size_t i = 0; i < n_bytes; i++) {
        n_missed += seen.read[i] && !seen.fetched[i];
        n_late += seen.fetched[i] && seen.read[i] && seen.fetched[i] >= seen.read[i];
    }
    CHECK_INT(n_late, 0);
    if (!is_run) { /* two tiles ahead, if there are so many */
        size_t last = (w.n_triples - 1) % nm_packings[packing].block_triples + 1;
        CHECK_INT(n_missed, nm_smaller(2, n_tiles) * tile);
        CHECK_INT(fetched_from(at_next), nm_smaller(2, n_tiles) * last * NM_STEP_BYTES);
        CHECK_INT(fetched_from(n_bytes), 0);
    } else { /* one and a half; of them a part of a tile of what follows in memory */
        CHECK_INT(n_missed, 3 * tile / 2);
        CHECK(fetched_from(at_next) >= (long)tile / 2);
        CHECK_INT(fetched_from(at_next) + fetched_from(n_bytes), 3 * tile / 2);
    }
    free((void *)w.codes), free(seen.read), free(seen.fetched);
}

static void test_tiles(void)
{
    test_case("all tiles of a share but the first are prefetched while earlier ones are added");
    for (int packing = 0; packing < NM_PACKINGS; packing++)
        for (size_t cols = 240; cols <= 1200; cols += 272) {
            for (size_t n_tiles = 1, begin; n_tiles <= NM_PANEL_TILES; n_tiles += 3) {
                begin = (NM_PANEL_TILES - n_tiles) / 2;
                check_fetched((nm_packing_id)packing, cols, begin, begin + n_tiles, false);
            }
            check_fetched((nm_packing_id)packing, cols, 0, NM_PANEL_TILES, true);
        }
}

/* ---- The same where tokens go together ------------------------------------------------------- */

static void index_noted(uint8_t *indices, const uint8_t *codes, size_t n_triples)
{
    (void)indices;
    seen.n_calls++;
    note(seen.read, codes, n_triples * NM_STEP_BYTES);
}

static void make_none(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    (void)tables, (void)q, (void)n_triples;
}

static nm_many_ops many_of(size_t most_tokens,
                           void (*make_indices)(uint8_t *, const uint8_t *, size_t),
                           void (*add_tile)(const nm_many_tile *))
{
    return (nm_many_ops){.least_tokens = 2,
                         .most_tokens = most_tokens,
                         .together = most_tokens,
                         .index_bytes = 64,
                         .block_table_bytes = 64,
                         .token_step = 64,
                         .make_indices = make_indices,
                         .make_tables = make_none,
                         .add_tile = add_tile};
}

/* For each index a step is prefetched; without indices, what the tile has in the K block. */
static void add_many_noted(const nm_many_tile *tile)
{
    size_t n_bytes = tile->n_triples * NM_STEP_BYTES;

    seen.n_calls++;
    note(seen.fetched, tile->ahead, tile->n_indices ? tile->n_indices * tile->step : n_bytes);
}

static void add_lanes_noted(const nm_lane_tiles *tiles)
{
    seen.n_calls++;
    for (size_t i = 0; i < tiles->n_tiles; i++)
        note(seen.fetched, tiles->ahead + i * tiles->ahead_step, tiles->n_triples * NM_STEP_BYTES);
}

/*
 * Tiles [0, n_tiles) of a panel, after which the thread reads on elsewhere.  Nobody prefetches the
 * first block of a panel whose indices are made first, or the first two tiles.
 */
static void check_together(const nm_many_ops *many, size_t n_tokens, size_t n_tiles, size_t cols,
                           size_t n_unknown)
{
    static int32_t y[16 * NM_PANEL_ROWS];
    static int8_t  q[16 * 2048];
    static uint8_t scratch[1 << 16];
    nm_ternary_ops ops = {.table_bytes = 64, .many = many};
    nm_ternary     w;
    size_t         n_missed = 0, n_late = 0, n_next = 0;

    nm_ternary_init(&w, NM_T4, 2 * NM_PANEL_ROWS, cols);
    seen.n_bytes = nm_ternary_bytes(&w), seen.n_calls = 0;
    w.codes = seen.codes = calloc(seen.n_bytes, 1);
    seen.read = calloc(seen.n_bytes, sizeof(int)), seen.fetched = calloc(seen.n_bytes, sizeof(int));
    CHECK(nm_product_scratch(&ops, n_tokens) <= sizeof scratch);
    size_t  block = w.n_triples < 20 ? w.n_triples : 20, last = (w.n_triples - 1) % 20 + 1;
    bool    by_panel = many->indices_per_triple && !many->lanes && n_tokens > many->most_tokens;
    size_t  next = nm_ternary_offset(&w, NM_PANEL_TILES + 5, 0);
    nm_gemm gemm = {.w = &w,
                    .tile_end = n_tiles,
                    .y = y,
                    .y_stride = NM_PANEL_ROWS,
                    .q = q,
                    .q_stride = 2048,
                    .n_tokens = n_tokens,
                    .next = w.codes + next,
                    .scratch = scratch};
    nm_product_gemm(&ops, &gemm);
    for (size_t i = 0; i < seen.n_bytes; i++) {
        n_missed += seen.read[i] && !seen.fetched[i];
        n_late += seen.fetched[i] && seen.read[i] && seen.fetched[i] >= seen.read[i];
        n_next += i >= nm_ternary_offset(&w, NM_PANEL_TILES, 0) && i < next && seen.fetched[i];
    }
    CHECK_INT(n_missed, (n_unknown < n_tiles ? n_unknown : n_tiles) * block * NM_STEP_BYTES);
    CHECK_INT(n_late, 0);
    CHECK(n_next < NM_BLOCK_COLS / 4 * NM_TILE_ROWS); /* not what follows in memory */
    CHECK(seen.fetched[next] && seen.fetched[next + (by_panel ? block : last) * NM_STEP_BYTES - 1]);
    free((void *)w.codes), free(seen.read), free(seen.fetched);
}

static void test_together(void)
{
    static const nm_lane_ops lanes = {.n_lanes = 16,
                                      .least_tokens = 11,
                                      .index_bytes = 64,
                                      .scratch_bytes = 64,
                                      .quad_cols = 16,
                                      .make_indices = index_noted,
                                      .add_tiles = add_lanes_noted};
    nm_many_ops              many = many_of(6, index_noted, add_many_noted);

    test_case("with several tokens, too, and what a thread reads afterwards");
    for (size_t n_tiles = 1; n_tiles <= NM_PANEL_TILES; n_tiles += 5) {
        for (size_t cols = 240; cols <= 1200; cols += 470) {
            many.lanes = NULL, many.indices_per_triple = 0;
            check_together(&many, 4, n_tiles, cols, 2);
            many.indices_per_triple = 4;
            check_together(&many, 4, n_tiles, cols, 2);
            check_together(&many, 16, n_tiles, cols, NM_PANEL_TILES);
            many.lanes = &lanes;
            check_together(&many, 16, n_tiles, cols, NM_PANEL_TILES);
        }
    }
}

/* ---- Where threads read on after a product --------------------------------------------------- */

/* What threads were told to prefetch.  They take their time, so that none does another's share. */
static struct {
    pthread_mutex_t lock;
    const uint8_t  *from[4096];
    size_t          n;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void add_told(const nm_many_tile *tile)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    pthread_mutex_lock(&told.lock);
    if (told.n < sizeof told.from / sizeof *told.from) told.from[told.n++] = tile->ahead;
    pthread_mutex_unlock(&told.lock);
}

static size_t times_told(const uint8_t *from)
{
    size_t n = 0;

    for (size_t i = 0; i < told.n; i++) n += told.from[i] == from;
    return n;
}

static void add_one_told(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                         const uint8_t *ahead)
{
    (void)y, (void)codes, (void)tables, (void)n_triples;
    add_told(&(nm_many_tile){.ahead = ahead});
}

/* Where a thread's share of the product begins that `first` begins. */
static const uint8_t *share_of(const nm_bitlinear *first, size_t thread, size_t n_threads)
{
    nm_ahead a = {0};

    nm_ahead_fetch(&a, first, thread, n_threads, 0);
    return a.w->codes + nm_ternary_offset(a.w, a.tile, a.group) + a.at - 4096;
}

static void index_none(uint8_t *indices, const uint8_t *codes, size_t n_triples)
{
    (void)indices, (void)codes, (void)n_triples;
}

/* layers[0], of 40 tiles and a K block, with n_tokens: where do threads read on? */
static void check_next(const nm_bitlinear *layers, size_t n_threads, size_t n_tokens)
{
    static float         x[100 * 240], y[100 * 40 * NM_TILE_ROWS];
    const nm_many_ops    many = many_of(100, index_none, add_told);
    const nm_ternary_ops ops[NM_PACKINGS] = {
        {.table_bytes = 64, .make_tables = make_none, .add_tile = add_one_told, .many = &many}};
    const nm_kernels kernels = {.ternary = ops, .floats = nm_kernels_row(0)->floats};
    nomul_error      err;
    nm_work          work = {.kernels = &kernels, .pool = nm_pool_new(n_threads, NULL, NULL, &err)};
    nm_bitlinear_scratch s = {.work = &work, .n_batch = n_tokens};
    nm_bitlinear_job     job = {.layer = layers, .y = y, .x = x};
    nm_arena             arena = {0};

    nm_bitlinear_place(&s, &arena, NM_T4, layers->w.rows, layers->w.cols, n_threads);
    CHECK_OK(nm_arena_back(&arena, &err), err);
    s = (nm_bitlinear_scratch){.work = &work, .n_batch = n_tokens};
    nm_bitlinear_place(&s, &arena, NM_T4, layers->w.rows, layers->w.cols, n_threads);
    size_t n_told = 0, wanted = n_tokens <= 64 ? n_threads : 0;
    for (int trial = 0; trial < 20 && (trial == 0 || n_told < wanted); trial++) {
        told.n = n_told = 0;
        nm_bitlinear_products(&s, &job, 1, n_tokens);
        for (size_t thread = 0; thread < n_threads; thread++)
            n_told += n_tokens > 1 ? times_told(nm_ahead_first(&layers[1], thread, n_threads))
                                   : times_told(share_of(&layers[1], thread, n_threads)) > 0;
    }
    CHECK_INT(n_told, wanted);
    if (n_tokens > 1)
        CHECK(times_told(layers->w.codes + nm_ternary_offset(&layers->w, NM_PANEL_TILES, 0)) > 0);
    nm_arena_free(&arena), nm_pool_free(work.pool);
}

static void test_next(void)
{
    static const float gain[240];
    nm_bitlinear       layers[N_LAYERS];

    test_case("after its last panel a thread reads its share of the next product");
    link_layers(layers, 40 * NM_TILE_ROWS, 240);
    for (size_t i = 0; i < N_LAYERS; i++) layers[i].n_together = 1, layers[i].gain = gain;
    for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
        check_next(layers, n_threads, 1);
        check_next(layers, n_threads, 16);
        check_next(layers, n_threads, 100);
    }
}

void test_ahead(void)
{
    test_next();
    test_tiles();
    test_together();
    test_share();
    test_runs();
    test_end();
    test_more_threads();
    test_limit();
}
