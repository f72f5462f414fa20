/* SPDX-License-Identifier: Apache-2.0 */
/* Prefetching the weights that a thread will read first, step by step and K block by K block. */
#include "model/ahead.h"

#include "model/bitlinear.h"

#define STEP 4096 /* bytes: about what arrives while the tables of a K block are made */
#define MAX_BYTES ((size_t)192 << 10) /* fits a second-level cache beside the tables */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void fetch(const void *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 64) __builtin_prefetch((const char *)bytes + i, 0, 2);
}

/* The share of the thread begins inside one matrix, and inside a panel of it. */
static void find_share(nm_ahead *a, const nm_bitlinear *first, size_t thread, size_t n_threads)
{
    const nm_bitlinear *layer = first;
    size_t              n_tiles = 0;

    for (size_t i = 0; i < first->n_together; i++, layer = layer->next) n_tiles += layer->w.n_tiles;
    size_t tile = nm_pool_share(n_tiles, thread, n_threads);
    for (layer = first; tile >= layer->w.n_tiles; layer = layer->next) tile -= layer->w.n_tiles;
    size_t panel_end = smaller((tile / NM_PANEL_TILES + 1) * NM_PANEL_TILES, layer->w.n_tiles);
    *a = (nm_ahead){.first = first,
                    .w = &layer->w,
                    .tile = tile,
                    .n_tiles = panel_end - tile,
                    .left = MAX_BYTES};
}

bool nm_ahead_fetch(nm_ahead *a, const nm_bitlinear *first, size_t thread, size_t n_threads)
{
    if (a->first != first) find_share(a, first, thread, n_threads);
    if (a->left && a->at == a->end) { /* to the next K block, if there is one */
        size_t block_groups = nm_packings[a->w->packing].block_groups;
        if (a->end) a->group += block_groups;
        if (a->group >= a->w->n_groups) return a->left = 0, false;
        a->at = 0;
        a->end = a->n_tiles * NM_TILE_ROWS * smaller(block_groups, a->w->n_groups - a->group);
    }
    size_t n = smaller(STEP, smaller(a->left, a->end - a->at));
    if (!n) return false;
    fetch(a->w->codes + nm_ternary_offset(a->w, a->tile, a->group) + a->at, n);
    a->at += n, a->left -= n;
    return true;
}

void nm_ahead_fetch_gains(const nm_bitlinear *next)
{
    for (size_t i = 0; i < NM_MAX_JOBS && next; i++, next = next->next)
        fetch(next->gain, next->w.cols * sizeof *next->gain);
}
