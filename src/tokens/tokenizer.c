/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to ids.  Without NOMUL_TOKENIZE_PARSE_SPECIAL the text is one stretch.  With it, the control
 * pieces found in the text as given, leftmost first and the longest of several, become their ids
 * and the text between them is stretches; a user-defined piece hides the control pieces inside it.
 * Every stretch that is not empty gets a space before it, as in llama.cpp, if the vocabulary asks
 * for that; NOMUL_TOKENIZE_NO_PREFIX omits it at the beginning of the text only.
 *
 * A stretch becomes a doubly linked list of symbols, at first its characters, and a heap of the
 * pairs of neighbours that a piece spells: O(n log n), since every merge makes at most two new
 * pairs.
 */
#include "tokens/tokenizer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

/*
 * A space takes 3 bytes, so at most 3 * MAX_TEXT + 3 bytes are in memory: they fit in an int32_t.
 */
#define MAX_TEXT ((size_t)1 << 29)

/* ---- Ids ------------------------------------------------------------------------------------- */

/* Keeps what fits and counts all. */
typedef struct id_list {
    int32_t *ids;
    size_t   capacity, n_ids;
} id_list;

static void put_id(id_list *list, int32_t id)
{
    if (list->n_ids < list->capacity) list->ids[list->n_ids] = id;
    list->n_ids++;
}

/* ---- Symbols --------------------------------------------------------------------------------- */

/*
 * A piece of the stretch.  It lives in the slot of its first character; start never changes.  What
 * is merged into its left neighbour is dead: n_text 0.
 */
typedef struct symbol {
    uint32_t start, n_text;
    int32_t  prev, next; /* slots, or -1 */
    int32_t  id;         /* of the piece that it spells, or -1 */
} symbol;

/*
 * A symbol and its right neighbour that together spell a piece.  It is stale once either of them
 * has changed; symbols only grow, so the sum of their lengths then differs from n_text.
 */
typedef struct pair {
    float    score;
    int32_t  left;
    uint32_t n_text;
    int32_t  id;
} pair;

/* The scratch memory of one call: room for its longest stretch. */
typedef struct merger {
    const nm_vocab     *vocab;
    nm_arena            arena;
    size_t              text_room, symbol_room;
    char               *text; /* the stretch, spaces as the vocabulary spells them */
    size_t              n_text;
    symbol             *symbols;
    size_t              n_symbols;
    pair               *heap;
    size_t              n_pairs;
    const nomul_cancel *cancel;
    size_t              n_work; /* symbols and merges since the last look at it */
    uint32_t           *splits; /* by id; see try_pair; NULL without unused pieces */
} merger;

/*
 * A stretch has at most n_bytes characters and the added space.  The heap holds n - 1 pairs at
 * first, and each of at most n - 1 merges takes one and adds two: 2n are enough.
 */
static void layout(merger *m)
{
    nm_arena *a = &m->arena;

    m->text = nm_arena_take(a, m->text_room, 1);
    m->symbols = nm_arena_take(a, m->symbol_room, sizeof *m->symbols);
    m->heap = nm_arena_take(a, m->symbol_room, 2 * sizeof *m->heap);
    m->splits = NULL;
    if (m->vocab->has_unused) m->splits = nm_arena_take(a, m->vocab->n_pieces, sizeof *m->splits);
}

/* Looks at the cancel flag every few milliseconds. */
static bool is_cancelled(merger *m)
{
    if (++m->n_work % 65536 != 0) return false;
    return nomul_cancel_requested(m->cancel);
}

static void put_space(merger *m)
{
    memcpy(m->text + m->n_text, NM_BLANK, NM_BLANK_BYTES);
    m->n_text += NM_BLANK_BYTES;
}

/*
 * Symbols: user-defined pieces, characters, and bytes that are in no valid character.  Pieces are
 * valid UTF-8, so none spells such a byte, alone or with others.
 */
static bool split_text(merger *m)
{
    const nm_vocab *vocab = m->vocab;

    m->n_symbols = 0;
    for (size_t at = 0; at < m->n_text;) {
        if (is_cancelled(m)) return false;
        int32_t     slot = (int32_t)m->n_symbols++;
        symbol     *s = &m->symbols[slot];
        const char *text = m->text + at;
        size_t      left = m->n_text - at;
        uint32_t    code_point;
        *s = (symbol){.start = (uint32_t)at, .prev = slot - 1, .next = slot + 1};
        size_t n = nm_vocab_match(vocab, &vocab->user_defined, text, left, &s->id);
        if (!n) {
            n = nm_utf8_char(text, left, &code_point);
            if (n == 0) n = 1;
            s->id = nm_vocab_find(vocab, text, n);
        }
        s->n_text = (uint32_t)n;
        at += n;
    }
    m->symbols[m->n_symbols - 1].next = -1;
    return true;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

/* Two valid pairs never have the same left symbol. */
static bool comes_before(const pair *a, const pair *b)
{
    return a->score > b->score || (a->score == b->score && a->left < b->left);
}

static void push_pair(merger *m, pair p)
{
    size_t at = m->n_pairs++;

    assert(m->n_pairs <= 2 * m->symbol_room);
    for (; at > 0 && comes_before(&p, &m->heap[(at - 1) / 2]); at = (at - 1) / 2)
        m->heap[at] = m->heap[(at - 1) / 2];
    m->heap[at] = p;
}

static pair pop_pair(merger *m)
{
    pair   top = m->heap[0], last = m->heap[--m->n_pairs];
    size_t at = 0;

    for (size_t child; (child = 2 * at + 1) < m->n_pairs; at = child) {
        if (child + 1 < m->n_pairs && comes_before(&m->heap[child + 1], &m->heap[child])) child++;
        if (!comes_before(&m->heap[child], &last)) break;
        m->heap[at] = m->heap[child];
    }
    m->heap[at] = last;
    return top;
}

/* ---- Merging --------------------------------------------------------------------------------- */

static bool never_merges(const merger *m, const symbol *s)
{
    return s->id >= 0 && m->vocab->pieces[s->id].type == NOMUL_TOKEN_USER_DEFINED;
}

/*
 * Pushes the pair of two neighbours if a piece spells it.
 *
 * An unused piece may be merged further into a used one; if that does not happen, it is taken apart
 * again as it was put together.  That is always the same way: whatever surrounds a piece, the
 * merges inside it come in the order of their scores.  So one note for each piece is enough: the
 * distance of the slots of its halves, that is, the characters of the left one.
 */
static void try_pair(merger *m, int32_t left, int32_t right)
{
    if (left < 0 || right < 0) return;
    const symbol *a = &m->symbols[left], *b = &m->symbols[right];
    if (never_merges(m, a) || never_merges(m, b)) return;
    uint32_t n_text = a->n_text + b->n_text;
    int32_t  id =
        n_text > m->vocab->max_piece ? -1 : nm_vocab_find(m->vocab, m->text + a->start, n_text);
    if (id < 0) return;
    push_pair(m, (pair){m->vocab->pieces[id].score, left, n_text, id});
    if (m->vocab->pieces[id].type == NOMUL_TOKEN_UNUSED) m->splits[id] = (uint32_t)(right - left);
}

static void merge(merger *m, const pair *p)
{
    symbol *left = &m->symbols[p->left], *right = &m->symbols[left->next];

    left->n_text = p->n_text;
    left->id = p->id;
    left->next = right->next;
    right->n_text = 0;
    if (left->next >= 0) m->symbols[left->next].prev = p->left;
    try_pair(m, left->prev, p->left);
    try_pair(m, p->left, left->next);
}

/*
 * Merges run by run: a run ends where no piece can span two symbols.  Most runs are words, so the
 * heap stays small and in the cache (1 MB of text: 0.1 s instead of 0.5).  False: cancelled.
 */
static bool merge_all(merger *m)
{
    m->n_pairs = 0;
    for (size_t begin = 0, end; begin < m->n_symbols; begin = end) {
        for (end = begin + 1; end < m->n_symbols; end++) {
            const char *text = m->text + m->symbols[end].start;
            if (!nm_vocab_joins(m->vocab, (uint8_t)text[-1], (uint8_t)text[0])) break;
        }
        for (size_t i = begin + 1; i < end; i++) {
            try_pair(m, (int32_t)i - 1, (int32_t)i);
            if (is_cancelled(m)) return false;
        }
        while (m->n_pairs > 0) {
            pair          p = pop_pair(m);
            const symbol *left = &m->symbols[p.left];
            bool          stale = left->n_text == 0 || left->next < 0 ||
                         left->n_text + m->symbols[left->next].n_text != p.n_text;
            if (!stale) merge(m, &p);
            if (is_cancelled(m)) return false;
        }
    }
    return true;
}

static bool is_unused(const merger *m, const symbol *s)
{
    return s->id >= 0 && m->vocab->pieces[s->id].type == NOMUL_TOKEN_UNUSED;
}

/* Takes an unused piece of several characters apart, once. */
static void unmerge(merger *m, int32_t slot)
{
    symbol  *left = &m->symbols[slot];
    int32_t  middle = slot + (int32_t)m->splits[left->id];
    symbol  *right = &m->symbols[middle];
    uint32_t n_left = right->start - left->start;

    right->n_text = left->n_text - n_left;
    right->id = nm_vocab_find(m->vocab, m->text + right->start, right->n_text);
    right->next = left->next;
    left->n_text = n_left;
    left->id = nm_vocab_find(m->vocab, m->text + left->start, n_left);
    left->next = middle;
}

/*
 * Writes the symbols.  One that no piece spells, or an unused one, is written byte by byte; without
 * byte pieces it is unknown, and a run of unknown symbols is one id.
 */
static void put_symbols(merger *m, id_list *out)
{
    const nm_vocab *vocab = m->vocab;
    bool            after_unknown = false;

    for (int32_t slot = 0; slot >= 0; slot = m->symbols[slot].next) {
        const symbol *s = &m->symbols[slot];
        while (is_unused(m, s) && m->splits[s->id] > 0) unmerge(m, slot);
        bool unknown = s->id < 0 || is_unused(m, s);
        if (!unknown) {
            put_id(out, s->id);
        } else if (vocab->bytes[0] >= 0) {
            for (uint32_t i = 0; i < s->n_text; i++)
                put_id(out, vocab->bytes[(uint8_t)m->text[s->start + i]]);
        } else if (!after_unknown) {
            put_id(out, vocab->unk_id);
        }
        after_unknown = unknown;
    }
}

/* Tokenizes a stretch: spells its spaces, splits it into symbols, merges and writes them. */
static bool put_stretch(merger *m, const char *text, size_t n_bytes, bool add_prefix, id_list *out)
{
    if (n_bytes == 0) return true;
    m->n_text = 0;
    if (add_prefix) put_space(m);
    for (size_t i = 0; i < n_bytes; i++) {
        if (text[i] == ' ')
            put_space(m);
        else
            m->text[m->n_text++] = text[i];
    }
    if (!split_text(m) || !merge_all(m)) return false;
    put_symbols(m, out);
    return true;
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* Finds the next control piece at or after *at; *at becomes its place, or n_bytes. */
static size_t next_control(const nm_vocab *vocab, const char *text, size_t n_bytes, size_t *at,
                           int32_t *id)
{
    while (*at < n_bytes) {
        int32_t hidden;
        size_t  left = n_bytes - *at;
        size_t  n_control = nm_vocab_match(vocab, &vocab->control, text + *at, left, id);
        size_t  n_user = nm_vocab_match(vocab, &vocab->user_defined, text + *at, left, &hidden);
        if (n_control > n_user) return n_control;
        *at += n_user ? n_user : 1;
    }
    return 0;
}

static bool put_text(merger *m, const char *text, size_t n_bytes, unsigned flags, id_list *out)
{
    bool add_prefix = m->vocab->add_space_prefix;
    bool first_prefix = add_prefix && !(flags & NOMUL_TOKENIZE_NO_PREFIX);

    if (!(flags & NOMUL_TOKENIZE_PARSE_SPECIAL))
        return put_stretch(m, text, n_bytes, first_prefix, out);
    for (size_t begin = 0; begin < n_bytes;) {
        int32_t id = -1;
        size_t  end = begin;
        size_t  n_control = next_control(m->vocab, text, n_bytes, &end, &id);
        bool    prefix = begin == 0 ? first_prefix : add_prefix;
        if (!put_stretch(m, text + begin, end - begin, prefix, out)) return false;
        if (n_control) put_id(out, id);
        begin = end + n_control;
    }
    return true;
}

static bool encode(const nm_vocab *vocab, const char *text, size_t n_bytes, unsigned flags,
                   const nomul_cancel *cancel, id_list *out, nomul_error *err)
{
    merger m = {.vocab = vocab, .cancel = cancel, .symbol_room = n_bytes + 1};

    if (n_bytes > MAX_TEXT)
        return nm_fail(err, NOMUL_E_ARG, "text: has %zu bytes, expected at most %zu", n_bytes,
                       MAX_TEXT);
    m.text_room = n_bytes + NM_BLANK_BYTES;
    for (size_t i = 0; i < n_bytes; i++) m.text_room += text[i] == ' ' ? NM_BLANK_BYTES - 1 : 0;
    layout(&m);
    if (!nm_arena_back(&m.arena, err)) return false;
    layout(&m);
    if (vocab->add_bos && (flags & NOMUL_TOKENIZE_ADD_SPECIAL)) put_id(out, vocab->bos_id);
    bool ok = put_text(&m, text, n_bytes, flags, out);
    if (vocab->add_eos && (flags & NOMUL_TOKENIZE_ADD_SPECIAL)) put_id(out, vocab->eos_id);
    nm_arena_free(&m.arena);
    return ok || nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

/*
 * With s bytes of control pieces and t of text: s ids of the first at most, 3t of the second (each
 * byte a space that is written byte by byte), 3 for the space before each of at most min(t, s + 1)
 * stretches, BOS and EOS.  At t = s + 1 that is largest: 3.5n + 4.5.
 */
size_t nomul_tokenize_bound(size_t n_bytes)
{
    return n_bytes > (SIZE_MAX - 5) / 4 ? SIZE_MAX : 4 * n_bytes + 5;
}

nomul_status nomul_tokenize(const nomul_tokenizer *tokenizer, const char *text, size_t n_bytes,
                            unsigned flags, int32_t *ids, size_t capacity, size_t *n_ids,
                            nomul_error *err)
{
    nomul_error own;
    id_list     out = {ids, capacity, 0};
    unsigned    unknown = flags & ~(unsigned)(NOMUL_TOKENIZE_ADD_SPECIAL |
                                           NOMUL_TOKENIZE_PARSE_SPECIAL | NOMUL_TOKENIZE_NO_PREFIX);
    const char *null = !tokenizer         ? "tokenizer"
                       : !text && n_bytes ? "text"
                       : !ids && capacity ? "ids"
                       : !n_ids           ? "n_ids"
                                          : NULL;

    if (!err) err = &own;
    if (null) return nm_fail(err, NOMUL_E_ARG, "%s: is NULL", null), err->code;
    if (unknown) return nm_fail(err, NOMUL_E_ARG, "flags: 0x%x is unknown", unknown), err->code;
    if (!encode(&tokenizer->vocab, text, n_bytes, flags, tokenizer->cancel, &out, err))
        return err->code;
    *n_ids = out.n_ids;
    if (out.n_ids > capacity)
        return nm_fail(err, NOMUL_E_SPACE, "ids: room for %zu, %zu needed", capacity, out.n_ids),
               err->code;
    return NOMUL_OK;
}

bool nm_id_list_reserve(nm_id_list *list, size_t n, nomul_error *err)
{
    if (n <= list->capacity - list->n) return true;
    if (n > SIZE_MAX / sizeof *list->at / 2 - list->capacity) return nm_fail_memory(err, SIZE_MAX);
    size_t   capacity = 2 * list->capacity + n;
    int32_t *at = nm_alloc(capacity * sizeof *at);
    if (!at) return nm_fail_memory(err, capacity * sizeof *at);
    if (list->n > 0) memcpy(at, list->at, list->n * sizeof *at);
    nm_free(list->at);
    list->at = at, list->capacity = capacity;
    return true;
}

bool nm_tokenizer_append(const nomul_tokenizer *tokenizer, const char *text, size_t n_bytes,
                         unsigned flags, const nomul_cancel *cancel, nm_id_list *list,
                         nomul_error *err)
{
    size_t  bound = nomul_tokenize_bound(n_bytes);
    id_list out = {0};

    if (!nm_id_list_reserve(list, bound, err)) return false;
    out.ids = list->at + list->n, out.capacity = bound;
    if (!encode(&tokenizer->vocab, text, n_bytes, flags, cancel, &out, err)) return false;
    list->n += out.n_ids;
    return true;
}

/* ---- The vocabulary, for callers ------------------------------------------------------------- */

size_t nomul_token_count(const nomul_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->vocab.n_pieces : 0;
}

bool nomul_tokenizer_adds_bos(const nomul_tokenizer *tokenizer)
{
    return tokenizer && tokenizer->vocab.add_bos;
}

bool nomul_tokenizer_adds_eos(const nomul_tokenizer *tokenizer)
{
    return tokenizer && tokenizer->vocab.add_eos;
}

int32_t nomul_token_bos(const nomul_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->vocab.bos_id : -1;
}

int32_t nomul_token_eos(const nomul_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->vocab.eos_id : -1;
}

int32_t nomul_token_unk(const nomul_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->vocab.unk_id : -1;
}

const char *nomul_token_piece(const nomul_tokenizer *tokenizer, int32_t id, size_t *n_bytes,
                              nomul_token_type *type)
{
    if (!tokenizer || id < 0 || (size_t)id >= tokenizer->vocab.n_pieces) return NULL;
    const nm_piece *piece = &tokenizer->vocab.pieces[id];
    if (n_bytes) *n_bytes = piece->n_text;
    if (type) *type = (nomul_token_type)piece->type;
    return piece->text;
}
