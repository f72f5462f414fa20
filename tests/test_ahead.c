/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing can be seen of what is fetched but where it is and how much. */
#include "test.h"

#include "model/bitlinear.h"

#include <string.h>

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
        layers[i].w.codes = codes;
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

void test_ahead(void)
{
    test_share();
    test_runs();
    test_end();
    test_more_threads();
    test_limit();
}
