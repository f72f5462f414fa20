/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to ids, in three steps.
 *
 *   1. Added tokens are found in the text, leftmost first and the longest of several, control
 *      tokens only with NOMUL_TOKENIZE_PARSE_SPECIAL.  The text between them is stretches.
 *   2. A stretch gets the vocabulary's space before it, and its spaces are spelled U+2581; tokens
 *      that are found in the spelled text split it once more.
 *   3. What is left is merged: a doubly linked list of symbols, at first its characters and
 *      user-defined pieces, and a heap of the pairs of neighbours that merge.  O(n log n), since
 *      every merge makes at most two new pairs, and none costs more than NM_LONG_PIECE bytes.
 */
#include "tokens/tokenizer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"
#include "tokens/word.h"

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

/* How an unused piece was put together. */
typedef struct split {
    uint32_t distance; /* of the slots of its halves: the characters of the left one */
    int32_t  left, right;
} split;

/* The scratch memory of one call: room for its longest stretch. */
typedef struct merger {
    const nm_vocab     *vocab;
    nm_arena            arena;
    size_t              raw_room, text_room, symbol_room;
    int32_t            *raw, *hidden; /* tokens at each byte of the text, or NULL */
    int32_t            *late, *user;  /* at each byte of a stretch, or NULL */
    char               *spelled;      /* a stretch, spaces as the vocabulary spells them */
    const char         *text;         /* the part of it that is merged */
    size_t              n_text;
    symbol             *symbols;
    size_t              n_symbols;
    pair               *heap;
    size_t              n_pairs;
    const nomul_cancel *cancel;
    size_t              n_work; /* symbols and merges since the last look at it */
    split              *splits; /* by id; see try_pair; NULL without unused pieces */
    unsigned            flags;
} merger;

/*
 * A stretch has at most n_bytes characters and the added space.  The heap holds n - 1 pairs at
 * first, and each of at most n - 1 merges takes one and adds two: 2n are enough.
 */
static void layout(merger *m)
{
    nm_arena       *a = &m->arena;
    const nm_vocab *v = m->vocab;
    bool            control = m->flags & NOMUL_TOKENIZE_PARSE_SPECIAL;
    bool            raw = v->raw.n_nodes && (control || v->has_tokens);

    m->spelled = nm_arena_take(a, m->text_room, 1);
    m->symbols = nm_arena_take(a, m->symbol_room, sizeof *m->symbols);
    m->heap = nm_arena_take(a, m->symbol_room, 2 * sizeof *m->heap);
    m->raw = raw ? nm_arena_take(a, m->raw_room, sizeof *m->raw) : NULL;
    m->hidden = raw && !v->has_added && v->symbols.n_nodes
                    ? nm_arena_take(a, m->raw_room, sizeof *m->hidden)
                    : NULL;
    m->late = v->late.n_nodes && (control || v->has_tokens)
                  ? nm_arena_take(a, m->text_room, sizeof *m->late)
                  : NULL;
    m->user = v->symbols.n_nodes ? nm_arena_take(a, m->text_room, sizeof *m->user) : NULL;
    m->splits = v->has_unused ? nm_arena_take(a, v->n_pieces, sizeof *m->splits) : NULL;
}

/* Looks at the cancel flag every few milliseconds. */
static bool is_cancelled(merger *m)
{
    if (++m->n_work % 65536 != 0) return false;
    return nomul_cancel_requested(m->cancel);
}

/*
 * Symbols: user-defined pieces, characters, and bytes that are in no valid character.  Pieces are
 * valid UTF-8, so none spells such a byte, alone or with others.
 */
static bool split_text(merger *m)
{
    const nm_vocab *vocab = m->vocab;

    m->n_symbols = 0;
    if (m->user && !nm_matcher_run(&vocab->symbols, m->text, m->n_text, false, m->cancel, m->user))
        return false;
    for (size_t at = 0; at < m->n_text;) {
        if (is_cancelled(m)) return false;
        int32_t     slot = (int32_t)m->n_symbols++;
        symbol     *s = &m->symbols[slot];
        const char *text = m->text + at;
        size_t      left = m->n_text - at;
        uint32_t    code_point;
        *s = (symbol){.start = (uint32_t)at, .prev = slot - 1, .next = slot + 1};
        size_t n = 0;
        if (m->user && m->user[at] >= 0) {
            s->id = m->user[at];
            n = vocab->pieces[s->id].n_text;
        } else {
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

/*
 * The heap is an array in which no pair comes before the one at (i - 1) / 2, so the first is at 0:
 *
 *     0 | 1 2 | 3 4 5 6 | ...        below 0: 1 and 2; below 1: 3 and 4; below 2: 5 and 6
 *
 * Two valid pairs never have the same left symbol, so one of them always comes before the other.
 */
static bool comes_before(const pair *a, const pair *b)
{
    return a->score > b->score || (a->score == b->score && a->left < b->left);
}

/* Takes the first pair; the last one sinks from there to its place. */
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

/* A user-defined piece, unless it is found as an added token. */
static bool never_merges(const merger *m, const symbol *s)
{
    const nm_piece *piece = &m->vocab->pieces[s->id < 0 ? 0 : s->id];

    return s->id >= 0 && piece->type == NOMUL_TOKEN_USER_DEFINED && !(piece->attr & NM_ATTR_ADDED);
}

/*
 * Puts the pair of two neighbours on the heap if a piece spells it.
 *
 * An unused piece may be merged further into a used one; if that does not happen, it is taken apart
 * again as it was put together.  That is always the same way: whatever surrounds a piece, the
 * merges inside it come in the order of their scores.  So one note for each piece is enough.
 */
static void try_pair(merger *m, int32_t left, int32_t right)
{
    if (left < 0 || right < 0) return;
    const symbol *a = &m->symbols[left], *b = &m->symbols[right];
    if (never_merges(m, a) || never_merges(m, b)) return;
    uint32_t n_text = a->n_text + b->n_text;
    float    score;
    int32_t  id =
        nm_vocab_merge(m->vocab, m->text + a->start, a->n_text, a->id, n_text, b->id, &score);
    if (id < 0) return;
    const pair p = {score, left, n_text, id};
    size_t     at = m->n_pairs++;
    assert(m->n_pairs <= 2 * m->symbol_room);
    for (; at > 0 && comes_before(&p, &m->heap[(at - 1) / 2]); at = (at - 1) / 2)
        m->heap[at] = m->heap[(at - 1) / 2];
    m->heap[at] = p;
    if (m->vocab->pieces[id].type == NOMUL_TOKEN_UNUSED)
        m->splits[id] = (split){(uint32_t)(right - left), a->id, b->id};
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
            pair    p = pop_pair(m);
            symbol *left = &m->symbols[p.left];
            symbol *right = left->next < 0 ? NULL : &m->symbols[left->next];
            if (left->n_text > 0 && right && left->n_text + right->n_text == p.n_text) {
                left->n_text = p.n_text;
                left->id = p.id;
                left->next = right->next;
                right->n_text = 0;
                if (left->next >= 0) m->symbols[left->next].prev = p.left;
                try_pair(m, left->prev, p.left);
                try_pair(m, p.left, left->next);
            } /* else the pair is stale */
            if (is_cancelled(m)) return false;
        }
    }
    return true;
}

static bool is_unused(const merger *m, const symbol *s)
{
    return s->id >= 0 && m->vocab->pieces[s->id].type == NOMUL_TOKEN_UNUSED;
}

/*
 * Merges and writes text, spelled as the vocabulary does.  An unused symbol of several characters
 * is taken apart first, as often as that is possible.  One that no piece spells, or is still
 * unused, is written byte by byte; without byte pieces it is unknown, and a run of unknown symbols
 * is one id.
 */
static bool put_spelled(merger *m, const char *text, size_t n_text, id_list *out)
{
    const nm_vocab *vocab = m->vocab;
    bool            after_unknown = false;

    if (n_text == 0) return true;
    m->text = text, m->n_text = n_text;
    if (!split_text(m) || !merge_all(m)) return false;
    for (int32_t slot = 0; slot >= 0; slot = m->symbols[slot].next) {
        symbol *s = &m->symbols[slot];
        while (is_unused(m, s) && m->splits[s->id].distance > 0) {
            const split *halves = &m->splits[s->id];
            int32_t      middle = slot + (int32_t)halves->distance;
            symbol      *right = &m->symbols[middle];
            uint32_t     n_left = right->start - s->start;
            right->n_text = s->n_text - n_left, s->n_text = n_left;
            right->id = halves->right, s->id = halves->left;
            right->next = s->next, s->next = middle;
        }
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
    return true;
}

static void spell_space(merger *m, size_t *n)
{
    memcpy(m->spelled + *n, NM_BLANK, NM_BLANK_BYTES);
    *n += NM_BLANK_BYTES;
}

/* Spells text into m->spelled, with a space before it if asked for; returns its length. */
static size_t spell(merger *m, const char *text, size_t n_bytes, bool prefix)
{
    size_t n = 0;

    if (prefix) spell_space(m, &n);
    for (size_t i = 0; i < n_bytes; i++) {
        if (text[i] == ' ')
            spell_space(m, &n);
        else
            m->spelled[n++] = text[i];
    }
    return n;
}

/* ---- Added tokens ---------------------------------------------------------------------------- */

/* An added token in a text; id -1: none, but the stretch before it ends here. */
typedef struct token {
    size_t  begin, end;
    int32_t id;
} token;

/* Text in which tokens are found: at[i] is the longest that begins at byte i, or -1. */
typedef struct searched {
    const char    *text;
    size_t         n_text;
    const int32_t *at, *hidden; /* a longer one here hides it; may be NULL */
    bool           late;
} searched;

/* The character before a place, or 0xFFFFFFFF. */
static uint32_t char_before(const searched *s, size_t at)
{
    uint32_t code_point = UINT32_MAX;

    for (size_t n = 1; n <= 4 && n <= at; n++)
        if (nm_utf8_char(s->text + at - n, n, &code_point) == n) return code_point;
    return UINT32_MAX;
}

/* The character at a place, and its length: 0 if there is none. */
static size_t char_at(const searched *s, size_t at, uint32_t *code_point)
{
    *code_point = UINT32_MAX;
    return nm_utf8_char(s->text + at, s->n_text - at, code_point);
}

/*
 * May a token of a single word be here?  If a neighbour other than a space forbids it, it is text
 * of the stretch to its left or, after a space, to its right, and the stretch ends beside it.
 */
static bool is_single(const searched *s, token *t, unsigned attr, bool *ends_stretch)
{
    uint32_t before = char_before(s, t->begin), after;

    char_at(s, t->end, &after);
    *ends_stretch = false;
    if (attr & NM_ATTR_SINGLE_WORD && (nm_word_has(before) || nm_word_has(after))) return false;
    if (!(attr & NM_ATTR_SPACED)) return true;
    bool left = t->begin > 0 && before != ' ', right = t->end < s->n_text && after != ' ';
    if (!left && !right) return true;
    *ends_stretch = true;
    t->begin = t->end = left ? t->end : t->begin;
    t->id = -1;
    return false;
}

/*
 * Takes the white space beside a token, back to `from` and no further.  Of a token that lies in the
 * white space that the one before it took nothing is left.
 */
static void strip(const searched *s, token *t, unsigned attr, size_t from)
{
    uint32_t code_point;
    char     bytes[4];

    while (attr & NM_ATTR_LSTRIP && t->begin > from) {
        code_point = char_before(s, t->begin);
        size_t n = nm_word_is_space(code_point) ? nm_utf8_put(code_point, bytes) : 0;
        if (n == 0 || n > t->begin - from) break;
        t->begin -= n;
    }
    while (attr & NM_ATTR_RSTRIP && t->end < s->n_text) {
        size_t n = char_at(s, t->end, &code_point);
        if (n == 0 || !nm_word_is_space(code_point)) break;
        t->end += n;
    }
    if (attr & NM_ATTR_LSTRIP && t->begin < from) t->begin = from;
    if (t->begin >= t->end) *t = (token){t->begin, t->begin, -1};
}

/* The next token at or after *at, which moves past it; `from`: where the stretch begins. */
static bool next_token(const merger *m, const searched *s, size_t *at, size_t from, token *t)
{
    while (s->at && *at < s->n_text) {
        int32_t         id = s->at[*at], hidden = s->hidden ? s->hidden[*at] : -1;
        const nm_piece *pieces = m->vocab->pieces;
        bool            ends_stretch;

        /* n: bytes of the text that the token covers, which may be spelled there. */
        size_t n = id < 0 ? 0 : pieces[id].n_text, n_hidden = 0;
        if (n && s->late && nm_vocab_spells_first(m->vocab))
            n = nm_spelled_bytes(pieces[id].text, n) +
                (m->vocab->add_space_prefix ? NM_BLANK_BYTES : 0);
        for (size_t i = 0; hidden >= 0 && i < pieces[hidden].n_text; n_hidden++)
            i += s->text[*at + n_hidden] == ' ' ? NM_BLANK_BYTES : 1; /* one byte in the text */
        if (n == 0 || n_hidden >= n) {
            *at += n_hidden ? n_hidden : 1;
            continue;
        }
        *t = (token){*at, *at + n, id};
        *at += n;
        if (pieces[id].attr & NM_ATTR_CONTROL && !(m->flags & NOMUL_TOKENIZE_PARSE_SPECIAL))
            continue; /* text, but no place for tokens that it holds */
        if (is_single(s, t, pieces[id].attr, &ends_stretch)) {
            strip(s, t, pieces[id].attr, from);
            return true;
        }
        if (ends_stretch && t->begin >= from) return true;
    }
    return false;
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* Does this stretch get a space before it?  `begins`: the whole text begins with it. */
static bool gets_prefix(const merger *m, bool begins, const char *text, size_t n_text)
{
    nm_prefix prefix = m->vocab->prefix;

    if (!m->vocab->add_space_prefix || (begins && m->flags & NOMUL_TOKENIZE_NO_PREFIX))
        return false;
    if (prefix == NM_PREFIX_ALWAYS) return true;
    if (prefix != NM_PREFIX_METASPACE_ALWAYS && !begins) return false;
    if (prefix == NM_PREFIX_FIRST) return true;
    return !(n_text > 0 && text[0] == ' ') &&
           !(n_text >= NM_BLANK_BYTES && memcmp(text, NM_BLANK, NM_BLANK_BYTES) == 0);
}

/* A stretch between tokens found in the text as given: steps 2 and 3. */
static bool put_stretch(merger *m, const char *text, size_t n_text, bool begins, id_list *out)
{
    const nm_vocab *vocab = m->vocab;
    bool            spelled = nm_vocab_spells_first(vocab);
    searched        s = {text, n_text, m->late, NULL, true};
    size_t          at = 0, from = 0;
    token           t;

    if (spelled) {
        s.n_text = spell(m, text, n_text, gets_prefix(m, begins, text, n_text));
        s.text = m->spelled;
    }
    if (m->late && !nm_matcher_run(&vocab->late, s.text, s.n_text, false, m->cancel, m->late))
        return false;
    for (bool more = true; more; from = t.end) {
        more = next_token(m, &s, &at, from, &t);
        if (!more) t = (token){s.n_text, s.n_text, -1};
        const char *part = s.text + from;
        size_t      n = t.begin > from ? t.begin - from : 0;
        if (!spelled && n > 0) {
            n = spell(m, part, n, gets_prefix(m, begins && from == 0, part, n));
            part = m->spelled;
        }
        if (!put_spelled(m, part, n, out)) return false;
        if (t.id >= 0) put_id(out, t.id);
    }
    return true;
}

static bool put_text(merger *m, const char *text, size_t n_bytes, id_list *out)
{
    const nm_vocab *vocab = m->vocab;
    searched        s = {text, n_bytes, m->raw, m->hidden, false};
    size_t          at = 0, from = 0;
    token           t;

    if (m->raw && !nm_matcher_run(&vocab->raw, text, n_bytes, false, m->cancel, m->raw))
        return false;
    if (m->hidden && !nm_matcher_run(&vocab->symbols, text, n_bytes, true, m->cancel, m->hidden))
        return false;
    for (bool more = true; more; from = t.end) {
        more = next_token(m, &s, &at, from, &t);
        if (!more) t = (token){n_bytes, n_bytes, -1};
        if (t.begin > from) {
            if (!put_stretch(m, text + from, t.begin - from, from == 0, out)) return false;
        } else if (from == 0 && t.id >= 0 && vocab->prefix == NM_PREFIX_FIRST && vocab->has_added &&
                   !(vocab->pieces[t.id].attr & NM_ATTR_NAMED) && gets_prefix(m, true, text, 0)) {
            if (!put_spelled(m, m->spelled, spell(m, text, 0, true), out)) return false;
        }
        if (t.id >= 0) put_id(out, t.id);
    }
    return true;
}

static bool encode(const nm_vocab *vocab, const char *text, size_t n_bytes, unsigned flags,
                   const nomul_cancel *cancel, id_list *out, nomul_error *err)
{
    merger m = {.vocab = vocab,
                .cancel = cancel,
                .arena.unset = true, /* of a large text it would take seconds, deaf to `cancel` */
                .raw_room = n_bytes,
                .symbol_room = n_bytes + 1,
                .flags = flags};

    if (n_bytes > MAX_TEXT)
        return nm_fail(err, NOMUL_E_ARG, "text: has %zu bytes, expected at most %zu", n_bytes,
                       MAX_TEXT);
    m.text_room = NM_BLANK_BYTES + nm_spelled_bytes(text, n_bytes);
    layout(&m);
    if (!nm_arena_back(&m.arena, err)) return false;
    layout(&m);
    if (m.splits) memset(m.splits, 0, vocab->n_pieces * sizeof *m.splits);
    if (vocab->add_bos && (flags & NOMUL_TOKENIZE_ADD_SPECIAL)) put_id(out, vocab->bos_id);
    bool ok = put_text(&m, text, n_bytes, out);
    if (vocab->add_eos && (flags & NOMUL_TOKENIZE_ADD_SPECIAL)) put_id(out, vocab->eos_id);
    nm_arena_free(&m.arena);
    return ok || nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

/*
 * With s bytes of added tokens and t of text: s ids of the first at most, 3t of the second (each
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

    err = nm_error_or(err, &own);
    if (!tokenizer || (!text && n_bytes) || (!ids && capacity) || !n_ids)
        return nm_fail_null(err, "nomul_tokenize");
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

bool nomul_token_ends_text(const nomul_tokenizer *tokenizer, int32_t id)
{
    if (!tokenizer || id < 0 || (size_t)id >= tokenizer->vocab.n_pieces) return false;
    return tokenizer->vocab.pieces[id].ends_text;
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
