/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a product over K blocks, tiles and tokens, for all instruction sets.  It has the
 * address arithmetic, so that the files with the sums, ternary_*.c, can be checked for having no
 * multiplication at all.
 */
#include "kernels/product.h"

#include "base/bytes.h"

#include <string.h>

/*
 * A K block of a range of tiles.  After the last one n_triples is 0, and the rest is that of a
 * first block of this matrix: a guess at what the thread reads next, where that is not said.
 */
typedef struct block {
    const uint8_t *codes; /* of the first tile; the others follow */
    size_t         number, n_triples, tile_bytes;
} block;

static block block_of(const nm_ternary *w, size_t tile_begin, size_t tile_end, size_t number)
{
    size_t full = nm_packings[w->packing].block_triples, triple = number * full;
    block  b = {.number = number, .tile_bytes = nm_smaller(full, w->n_triples) * NM_STEP_BYTES};

    if (triple < w->n_triples) {
        b.n_triples = nm_smaller(full, w->n_triples - triple);
        b.tile_bytes = b.n_triples * NM_STEP_BYTES;
        b.codes = w->codes + nm_ternary_offset(w, tile_begin, triple * NM_TRIPLE_GROUPS);
    } else {
        b.codes = w->codes + nm_ternary_offset(w, tile_end, 0);
    }
    return b;
}

/* Where the codes of a tile begin; tiles past n_tiles are those of the next block. */
static const uint8_t *codes_of(const block *b, const block *next, size_t tile, size_t n_tiles)
{
    return tile < n_tiles ? b->codes + tile * b->tile_bytes
                          : next->codes + (tile - n_tiles) * next->tile_bytes;
}

/* ---- One token ------------------------------------------------------------------------------- */

void nm_product_gemv(const nm_ternary_ops *ops, int32_t *y, const nm_ternary *w, size_t tile_begin,
                     size_t tile_end, const uint8_t *tables, const uint8_t *after)
{
    size_t n_tiles = tile_end - tile_begin, n_rows = n_tiles * NM_TILE_ROWS;
    size_t n_ahead = nm_smaller(2, n_tiles); /* whole tiles, since K blocks may lie apart */
    block  b = block_of(w, tile_begin, tile_end, 0);

    memset(y, 0, n_rows * sizeof *y);
    for (block next; b.n_triples; b = next) {
        next = block_of(w, tile_begin, tile_end, b.number + 1);
        if (!next.n_triples && after) next.codes = after, next.tile_bytes = b.tile_bytes;
        for (size_t i = 0; i < n_tiles; i++)
            ops->add_tile(y + i * NM_TILE_ROWS, b.codes + i * b.tile_bytes, tables, b.n_triples,
                          codes_of(&b, &next, i + n_ahead, n_tiles));
        tables += b.n_triples * ops->table_bytes;
    }
    if (ops->finish) ops->finish(y, n_rows, b.number);
}

/* Codes are prefetched one and a half tiles ahead: README.md, "Codes past the caches". */
void nm_product_gemv_steps(const nm_ternary_ops *ops, int32_t *y, const nm_ternary *w, size_t tile,
                           size_t begin, size_t end, const uint8_t *tables,
                           uint16_t n_added[NM_PANEL_TILES], const uint8_t *next)
{
    size_t         n_tiles = nm_smaller(NM_PANEL_TILES, w->n_tiles - tile);
    size_t         full = nm_packings[w->packing].block_triples;
    const uint8_t *codes = w->codes + nm_ternary_offset(w, tile, 0) + begin * NM_STEP_BYTES;
    const uint8_t *codes_end = codes + (end - begin) * NM_STEP_BYTES;
    size_t         n_bytes = n_tiles * NM_TILE_ROWS * sizeof *y;

    memset(n_added, 0, NM_PANEL_TILES * sizeof *n_added);
    __asm__("" : "+r"(n_bytes)); /* of a size with a bound gcc makes `rep stos`, which is slower */
    memset(y, 0, n_bytes);
    for (size_t left = end - begin; left;) { /* a K block */
        size_t         triple = begin / (n_tiles * full) * full;
        size_t         n_triples = nm_smaller(full, w->n_triples - triple);
        size_t         i = (begin - triple * n_tiles) / n_triples;
        size_t         skipped = (begin - triple * n_tiles) % n_triples, n = n_triples - skipped;
        const uint8_t *whole = tables + triple * ops->table_bytes;
        const uint8_t *table = whole + skipped * ops->table_bytes;
        for (; i < n_tiles && left; i++, left -= n, table = whole, n = n_triples) {
            const uint8_t *ahead = codes + full * NM_STEP_BYTES * 3 / 2;
            n = nm_smaller(n, left);
            if (next && ahead >= codes_end) {
                ahead = next;
                next += n * NM_STEP_BYTES;
            }
            n_added[i]++;
            ops->add_tile(y + i * NM_TILE_ROWS, codes, table, n, ahead);
            codes += n * NM_STEP_BYTES;
        }
        begin = end - left;
    }
}

/* ---- Many tokens ----------------------------------------------------------------------------- */

/* Indices of a tile, or of a panel; then tables of the tokens. */
static size_t indices_bytes(const nm_many_ops *m)
{
    return m->index_bytes * (m->indices_per_triple ? NM_PANEL_TILES : 1);
}

size_t nm_product_scratch(const nm_ternary_ops *ops, size_t n_tokens)
{
    const nm_many_ops *m = ops->many;
    const nm_lane_ops *l = m->lanes;
    bool               interleaved = m->token_step < m->block_table_bytes, uses_lanes = false;

    if (l && n_tokens >= l->least_tokens) uses_lanes = true, n_tokens = l->least_tokens - 1;
    if (interleaved || n_tokens > m->most_tokens) n_tokens = m->most_tokens;
    size_t rest = indices_bytes(m) + n_tokens * m->block_table_bytes;
    return uses_lanes ? nm_larger(rest, l->index_bytes * NM_PANEL_TILES + l->scratch_bytes) : rest;
}

/* As many tokens as fit, or half of the rest where few would remain. */
static size_t next_tokens(const nm_many_ops *m, size_t left)
{
    size_t most = m->most_tokens;

    return left <= most ? left : left < 2 * most ? (left + 1) / 2 : most;
}

/*
 * Indices are made tile by tile, or for more tokens than have tables at a time, of a whole panel:
 * then the codes of the next block are prefetched meanwhile, so much of them for each index.
 */
typedef struct fetching {
    bool           by_panel;
    const uint8_t *ahead;
    size_t         step;
} fetching;

#define TILES_AHEAD 2 /* where indices are made tile by tile: 3 tokens go 18 % faster than with 1 */

/* The first n tokens of one K block in lanes. */
static void gemm_lanes(const nm_ternary_ops *ops, const nm_gemm *g, const block *b,
                       const block *next, size_t n)
{
    const nm_lane_ops *l = ops->many->lanes;
    size_t             n_tiles = g->tile_end - g->tile_begin;
    nm_lane_tiles      tiles = {.y = g->y,
                                .y_stride = g->y_stride,
                                .q = g->q + b->number * NM_BLOCK_COLS,
                                .q_stride = g->q_stride,
                                .indices = g->scratch,
                                .n_tiles = n_tiles,
                                .n_triples = b->n_triples,
                                .quad_cols = l->quad_cols,
                                .ahead = next->codes,
                                .ahead_step = next->tile_bytes,
                                .scratch = g->scratch + n_tiles * l->index_bytes};

    for (size_t i = 0; i < n_tiles; i++)
        l->make_indices(g->scratch + i * l->index_bytes, b->codes + i * b->tile_bytes,
                        b->n_triples);
    for (size_t left = n; left; left -= tiles.n_tokens) {
        tiles.n_tokens = nm_smaller(left, l->n_lanes);
        for (size_t t = 0; b->number == 0 && t < tiles.n_tokens; t++)
            memset(tiles.y + t * g->y_stride, 0, n_tiles * NM_TILE_ROWS * sizeof *tiles.y);
        l->add_tiles(&tiles);
        for (size_t t = 0; t < tiles.n_tokens; t++, tiles.y += g->y_stride)
            if (!next->n_triples && ops->finish)
                ops->finish(tiles.y, n_tiles * NM_TILE_ROWS, b->number + 1);
        tiles.q += tiles.n_tokens * g->q_stride;
    }
}

/* Tokens [token, token + n) of one K block, whose tables are made here. */
static void gemm_tokens(const nm_ternary_ops *ops, const nm_gemm *g, const block *b,
                        const block *next, size_t token, size_t n, fetching *f)
{
    const nm_many_ops *m = ops->many;
    size_t             n_tiles = g->tile_end - g->tile_begin;
    size_t             n_ahead = nm_smaller(TILES_AHEAD, n_tiles);
    uint8_t           *tables = g->scratch + indices_bytes(m);
    int32_t           *y = g->y + token * g->y_stride;
    const int8_t      *q = g->q + token * g->q_stride + b->number * NM_BLOCK_COLS;
    nm_many_tile       tile = {.y_stride = g->y_stride,
                               .n_tokens = m->together < n ? m->together : n,
                               .n_triples = b->n_triples,
                               .n_indices = m->indices_per_triple * b->n_triples,
                               .step = f->step};

    for (size_t t = 0; t < n; t++) {
        if (b->number == 0) memset(y + t * g->y_stride, 0, n_tiles * NM_TILE_ROWS * sizeof *y);
        m->make_tables(tables + t * m->token_step, q + t * g->q_stride, b->n_triples);
    }
    /* The columns of the next tokens: four or five lines each. */
    for (size_t t = n; f->by_panel && t < n + m->most_tokens && token + t < g->n_tokens; t++)
        for (size_t i = 0; i < NM_BLOCK_COLS + 64; i += 64)
            __builtin_prefetch(q + t * g->q_stride + i, 0, 3);

    for (size_t i = 0; i < n_tiles; i++, y += NM_TILE_ROWS) {
        const uint8_t *codes = b->codes + i * b->tile_bytes;
        uint8_t       *indices = g->scratch + (f->by_panel ? i * m->index_bytes : 0);

        if (m->index_bytes && !f->by_panel) m->make_indices(indices, codes, b->n_triples);
        tile.indices = m->index_bytes ? indices : codes;
        tile.ahead = f->by_panel ? f->ahead : codes_of(b, next, i + n_ahead, n_tiles);
        for (size_t t = 0; t < n; t += tile.n_tokens) {
            tile.y = y + t * g->y_stride;
            tile.tables = tables + t * m->token_step;
            m->add_tile(&tile);
        }
        f->ahead += tile.n_indices * f->step;
        for (size_t t = 0; t < n && !next->n_triples && ops->finish; t++)
            ops->finish(y + t * g->y_stride, NM_TILE_ROWS, b->number + 1);
    }
}

/* Of a K block for n_tokens; makes its indices, if those of a panel are made first. */
static fetching begin_block(const nm_many_ops *m, const nm_gemm *g, const block *b,
                            const block *next, size_t n_tokens)
{
    fetching f = {n_tokens > m->most_tokens && m->indices_per_triple, next->codes, 0};
    size_t   n_bytes = f.by_panel ? next->tile_bytes : b->tile_bytes;
    size_t   n_lookups = 0; /* of a tile, by all groups of tokens */

    for (size_t left = n_tokens; left; left -= next_tokens(m, left))
        n_lookups += m->indices_per_triple * b->n_triples;
    if (n_lookups) f.step = (n_bytes + n_lookups - 1) / n_lookups;
    for (size_t i = 0; f.by_panel && i < g->tile_end - g->tile_begin; i++)
        m->make_indices(g->scratch + i * m->index_bytes, b->codes + i * b->tile_bytes,
                        b->n_triples);
    return f;
}

void nm_product_gemm(const nm_ternary_ops *ops, const nm_gemm *g)
{
    const nm_many_ops *m = ops->many;
    const nm_lane_ops *lanes = m->lanes;
    size_t             rest = lanes ? g->n_tokens % lanes->n_lanes : g->n_tokens;
    /* The tokens that are worth lanes: full groups of them, and the rest if it is large. */
    size_t in_lanes = g->n_tokens - (lanes && rest >= lanes->least_tokens ? 0 : rest);
    block  b = block_of(g->w, g->tile_begin, g->tile_end, 0);

    for (block next; b.n_triples; b = next) {
        next = block_of(g->w, g->tile_begin, g->tile_end, b.number + 1);
        if (!next.n_triples && g->next) next.codes = g->next;
        if (in_lanes) gemm_lanes(ops, g, &b, &next, in_lanes);
        fetching f = begin_block(m, g, &b, &next, g->n_tokens - in_lanes);
        for (size_t token = in_lanes, n; token < g->n_tokens; token += n) {
            n = next_tokens(m, g->n_tokens - token);
            gemm_tokens(ops, g, &b, &next, token, n, &f);
        }
    }
}
