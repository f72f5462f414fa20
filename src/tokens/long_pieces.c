/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A long piece is spelled by a piece that it begins with and a piece that it ends with, of its
 * length together.  All pieces are sorted twice, by their text and by their text reversed: the
 * pieces that one begins with are a chain there, each the longest of those before it that the next
 * one begins with.  Looking every split up by its text would cost the square of a piece's length.
 */
#include "tokens/long_pieces.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* A piece in one of the two orders. */
typedef struct entry {
    const char *text;
    uint32_t    n_text, id;
    uint32_t    shorter; /* place of the longest piece that it begins with; UINT32_MAX: none */
} entry;

typedef struct order {
    entry    *entries;
    uint32_t *place; /* by id */
    size_t    n;
} order;

/* A part of a long piece: its length, and what it is as a neighbour. */
typedef struct part {
    size_t        n_text;
    nm_symbol_key key;
} part;

typedef struct finder {
    nm_pairs       *pairs;
    const nm_piece *pieces;
    size_t          n_pieces, max_piece;
    nm_arena        arena;
    char           *reversed; /* the text of all pieces */
    order           forward, backward;
    part           *heads, *tails; /* of one piece, shorter ones first */
    size_t          n_heads, n_tails;
} finder;

static int compare(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    int          by_text = memcmp(a->text, b->text, a->n_text < b->n_text ? a->n_text : b->n_text);

    if (by_text) return by_text;
    return a->n_text < b->n_text ? -1 : a->n_text > b->n_text;
}

/* Sorts, and links each entry to the longest shorter one.  None fails for two entries. */
static void sort(order *o)
{
    qsort(o->entries, o->n, sizeof *o->entries, compare);
    for (size_t i = 0; i < o->n; i++) {
        entry   *e = &o->entries[i];
        uint32_t at = i ? (uint32_t)i - 1 : UINT32_MAX;
        while (at != UINT32_MAX &&
               (o->entries[at].n_text > e->n_text ||
                memcmp(o->entries[at].text, e->text, o->entries[at].n_text) != 0))
            at = o->entries[at].shorter;
        e->shorter = at;
        o->place[e->id] = (uint32_t)i;
    }
}

/* The proper parts of a piece that are neighbours, shorter ones first; `at_end`: of its end. */
static size_t parts_of(const finder *f, uint32_t id, bool at_end, part *parts)
{
    const order    *o = at_end ? &f->backward : &f->forward;
    const nm_piece *piece = &f->pieces[id];
    size_t          n = 0, n_char = 1, shortest = 0;
    uint32_t        code_point;

    for (uint32_t at = o->entries[o->place[id]].shorter; at != UINT32_MAX;) {
        const entry    *e = &o->entries[at];
        const nm_piece *part_of = &f->pieces[e->id];
        bool symbol = part_of->type == NOMUL_TOKEN_USER_DEFINED && !(part_of->attr & NM_ATTR_ADDED);
        if (part_of->attr & NM_ATTR_MERGED && !symbol) parts[n++] = (part){e->n_text, e->id};
        shortest = e->n_text;
        at = e->shorter;
    }
    const char *first = piece->text;
    if (at_end)
        for (first += piece->n_text - 1; ((unsigned char)*first & 0xC0) == 0x80;) first--, n_char++;
    else
        n_char = nm_utf8_char(first, piece->n_text, &code_point);
    nm_utf8_char(first, n_char, &code_point);
    if (shortest != n_char) /* the character is no piece */
        parts[n++] = (part){n_char, NM_SYMBOL_CHAR | code_point};
    for (size_t i = 0; i < n / 2; i++) {
        part swapped = parts[i];
        parts[i] = parts[n - 1 - i];
        parts[n - 1 - i] = swapped;
    }
    return n;
}

/* Counts the pairs that spell a piece, and adds them once the table has room. */
static size_t find_pairs(finder *f, uint32_t id)
{
    const nm_piece *piece = &f->pieces[id];
    size_t          n_heads = parts_of(f, id, false, f->heads), n = 0;
    size_t          tail = parts_of(f, id, true, f->tails);

    for (size_t head = 0; head < n_heads; head++) {
        const part *h = &f->heads[head];
        while (tail > 0 && h->n_text + f->tails[tail - 1].n_text > piece->n_text) tail--;
        if (tail == 0) break;
        const part *t = &f->tails[tail - 1];
        if (h->n_text + t->n_text != piece->n_text) continue;
        n++;
        if (f->pairs->slots) nm_pairs_add(f->pairs, h->key, t->key, (int32_t)id, piece->score);
    }
    return n;
}

/* All pieces that merging may make, in both orders. */
static bool open_finder(finder *f, nomul_error *err)
{
    size_t n_bytes = 0, n = 0;

    for (size_t id = 0; id < f->n_pieces; id++) n_bytes += f->pieces[id].n_text;
    do {
        f->reversed = nm_arena_take(&f->arena, n_bytes, 1);
        f->forward.entries = nm_arena_take(&f->arena, f->n_pieces, sizeof(entry));
        f->backward.entries = nm_arena_take(&f->arena, f->n_pieces, sizeof(entry));
        f->forward.place = nm_arena_take(&f->arena, f->n_pieces, sizeof(uint32_t));
        f->backward.place = nm_arena_take(&f->arena, f->n_pieces, sizeof(uint32_t));
        f->heads = nm_arena_take(&f->arena, f->max_piece + 1, sizeof *f->heads);
        f->tails = nm_arena_take(&f->arena, f->max_piece + 1, sizeof *f->tails);
    } while (!f->reversed && nm_arena_back(&f->arena, err));
    if (!f->reversed) return false;
    char *at = f->reversed;
    for (size_t id = 0; id < f->n_pieces; id++) {
        const nm_piece *piece = &f->pieces[id];
        if (!(piece->attr & NM_ATTR_MERGED)) continue;
        for (size_t i = 0; i < piece->n_text; i++) at[i] = piece->text[piece->n_text - 1 - i];
        f->forward.entries[n] = (entry){piece->text, piece->n_text, (uint32_t)id, 0};
        f->backward.entries[n++] = (entry){at, piece->n_text, (uint32_t)id, 0};
        at += piece->n_text;
    }
    f->forward.n = f->backward.n = n;
    sort(&f->forward);
    sort(&f->backward);
    return true;
}

bool nm_long_pieces_open(nm_pairs *pairs, const nm_piece *pieces, size_t n_pieces, size_t max_piece,
                         nomul_error *err)
{
    finder f = {.pairs = pairs, .pieces = pieces, .n_pieces = n_pieces, .max_piece = max_piece};
    size_t n_pairs = 0;

    if (max_piece <= NM_LONG_PIECE) return true;
    if (!open_finder(&f, err)) return false;
    for (int adding = 0; adding < 2; adding++) {
        for (size_t i = 0; i < f.forward.n; i++)
            if (f.forward.entries[i].n_text > NM_LONG_PIECE) {
                size_t n = find_pairs(&f, f.forward.entries[i].id);
                if (!adding) n_pairs += n;
            }
        if (!adding && !nm_pairs_open(pairs, n_pairs, err)) break;
    }
    nm_arena_free(&f.arena);
    return pairs->slots != NULL;
}
