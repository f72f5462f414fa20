/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a vocabulary and looking pieces up: by their whole text in a hash table, and the longest
 * piece of a type that a text begins with by binary search, byte by byte, in a sorted list.
 */
#include "tokens/vocab.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.ggml."
#define MAX_PROBES 256

/* ---- Looking up ------------------------------------------------------------------------------ */

/* FNV-1a (Fowler, Noll, Vo), its high bits folded down: the table uses the low ones. */
static uint32_t hash_text(const char *text, size_t n_text)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < n_text; i++) hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/*
 * The slot of this text, or the free one where it belongs; NULL if that is too far.  At least half
 * of the slots are free, and 16 million numbered pieces need at most 50 probes: only pieces made to
 * collide need more, and would cost the square of their number.
 */
static nm_vocab_slot *find_slot(const nm_vocab *vocab, const char *text, size_t n_text,
                                uint32_t hash)
{
    for (size_t i = 0; i < MAX_PROBES; i++) {
        nm_vocab_slot *slot = &vocab->index[(hash + i) & vocab->index_mask];
        if (slot->id_plus_1 == 0) return slot;
        const nm_piece *piece = &vocab->pieces[slot->id_plus_1 - 1];
        if (slot->hash == hash && piece->n_text == n_text && memcmp(piece->text, text, n_text) == 0)
            return slot;
    }
    return NULL;
}

int32_t nm_vocab_find(const nm_vocab *vocab, const char *text, size_t n_text)
{
    const nm_vocab_slot *slot = find_slot(vocab, text, n_text, hash_text(text, n_text));

    if (!slot || slot->id_plus_1 == 0) return -1;
    switch (vocab->pieces[slot->id_plus_1 - 1].type) {
    case NOMUL_TOKEN_NORMAL:
    case NOMUL_TOKEN_USER_DEFINED:
    case NOMUL_TOKEN_UNUSED: return (int32_t)(slot->id_plus_1 - 1);
    }
    return -1;
}

/* The pieces [first, end) of a set, which begin with the bytes read so far. */
typedef struct narrowed {
    size_t first, end;
    size_t depth; /* bytes read */
} narrowed;

/* The first piece of the range whose byte at depth is at least `least`; none is shorter. */
static size_t lower_bound(const nm_piece_set *set, const narrowed *range, unsigned least)
{
    size_t first = range->first, end = range->end;

    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if ((uint8_t)set->sorted[middle]->text[range->depth] < least)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static void narrow(const nm_piece_set *set, narrowed *range, uint8_t byte)
{
    /* The one piece that ends here comes first, being the prefix of the others. */
    if (range->first < range->end && set->sorted[range->first]->n_text == range->depth)
        range->first++;
    size_t first = lower_bound(set, range, byte);
    range->end = lower_bound(set, range, byte + 1u);
    range->first = first;
    range->depth++;
}

size_t nm_vocab_match(const nm_vocab *vocab, const nm_piece_set *set, const char *text,
                      size_t n_text, int32_t *id)
{
    narrowed range = {0, set->n_pieces, 0};
    size_t   n_matched = 0;

    if (n_text == 0 || !set->begins[(uint8_t)text[0]]) return 0;
    for (size_t i = 0; i < n_text && range.first < range.end; i++) {
        bool        space = set->spells_spaces && text[i] == ' ';
        const char *bytes = space ? NM_BLANK : &text[i];
        for (size_t k = 0; k < (space ? NM_BLANK_BYTES : 1); k++)
            narrow(set, &range, (uint8_t)bytes[k]);
        if (range.first == range.end || set->sorted[range.first]->n_text != range.depth) continue;
        n_matched = i + 1;
        *id = (int32_t)(set->sorted[range.first] - vocab->pieces);
    }
    return n_matched;
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* The three arrays of the file, by id. */
enum { TOKENS, SCORES, TYPES, N_KEYS };
static const struct {
    const char      *name;
    nomul_value_type type;
} key_rows[N_KEYS] = {
    [TOKENS] = {KEY "tokens", NOMUL_VALUE_STRING},
    [SCORES] = {KEY "scores", NOMUL_VALUE_F32},
    [TYPES] = {KEY "token_type", NOMUL_VALUE_I32},
};

static bool get_keys(const nm_gguf *gguf, size_t n_vocab, const nm_gguf_key *keys[N_KEYS],
                     nomul_error *err)
{
    if (n_vocab == 0 || n_vocab > INT32_MAX)
        return nm_fail(err, NOMUL_E_FORMAT, "key " KEY "tokens: a vocabulary of %zu pieces",
                       n_vocab);
    for (size_t i = 0; i < N_KEYS; i++) {
        const char *name = key_rows[i].name;
        if (!nm_gguf_get_array(gguf, name, true, key_rows[i].type, &keys[i], err)) return false;
        if (keys[i]->n_elements != n_vocab)
            return nm_fail(err, NOMUL_E_FORMAT, "key %s: has %" PRIu64 " elements, expected %zu",
                           name, keys[i]->n_elements, n_vocab);
    }
    return true;
}

/* A piece's text, shortened to what fits into a message. */
#define SPELL(piece) (int)((piece)->n_text < 100 ? (piece)->n_text : 100), (piece)->text

static bool take_pieces(nm_vocab *vocab, const nm_gguf_key *const keys[N_KEYS], nomul_error *err)
{
    const uint8_t *at = keys[TOKENS]->value;

    for (size_t id = 0; id < vocab->n_pieces; id++) {
        nm_gguf_text text = nm_gguf_next_string(&at);
        float        score = nm_load_f32(keys[SCORES]->value + 4 * id);
        int32_t      type = (int32_t)nm_load_u32(keys[TYPES]->value + 4 * id);

        if (text.size == 0)
            return nm_fail(err, NOMUL_E_FORMAT, "key " KEY "tokens[%zu]: is empty", id);
        if (text.size > NM_MAX_PIECE)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "key " KEY "tokens[%zu]: has %zu bytes, expected at most %d", id,
                           text.size, NM_MAX_PIECE);
        if (!nm_utf8_valid(text.data, text.size))
            return nm_fail(err, NOMUL_E_FORMAT, "key " KEY "tokens[%zu]: is not valid UTF-8", id);
        if (!isfinite(score))
            return nm_fail(err, NOMUL_E_FORMAT, "key " KEY "scores[%zu]: is not a finite number",
                           id);
        if (type < NOMUL_TOKEN_NORMAL || type > NOMUL_TOKEN_BYTE)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "key " KEY "token_type[%zu]: is %" PRId32 ", expected 1 to 6", id, type);
        vocab->pieces[id] = (nm_piece){text.data, (uint32_t)text.size, score, (uint8_t)type};
        if (text.size > vocab->max_piece) vocab->max_piece = text.size;
        vocab->has_unused |= type == NOMUL_TOKEN_UNUSED;
    }
    return true;
}

static bool build_index(nm_vocab *vocab, nomul_error *err)
{
    for (size_t id = 0; id < vocab->n_pieces; id++) {
        const nm_piece *piece = &vocab->pieces[id];
        uint32_t        hash = hash_text(piece->text, piece->n_text);
        nm_vocab_slot  *slot = find_slot(vocab, piece->text, piece->n_text, hash);
        if (!slot)
            return nm_fail(err, NOMUL_E_UNSUPPORTED,
                           "key " KEY "tokens[%zu]: \"%.*s\" collides with more than %d pieces", id,
                           SPELL(piece), MAX_PROBES);
        if (slot->id_plus_1)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "key " KEY "tokens[%zu]: \"%.*s\" is also tokens[%" PRIu32 "]", id,
                           SPELL(piece), slot->id_plus_1 - 1);
        *slot = (nm_vocab_slot){hash, (uint32_t)id + 1};
    }
    return true;
}

/* No text occurs twice, so there are at most 256 well-formed byte pieces. */
static bool take_bytes(nm_vocab *vocab, nomul_error *err)
{
    size_t n_bytes = 0;

    for (size_t i = 0; i < 256; i++) vocab->bytes[i] = -1;
    for (size_t id = 0; id < vocab->n_pieces; id++) {
        const nm_piece *piece = &vocab->pieces[id];
        if (piece->type != NOMUL_TOKEN_BYTE) continue;
        int byte = nm_sentencepiece_byte(piece->text, piece->n_text);
        if (byte < 0)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "key " KEY "tokens[%zu]: \"%.*s\" is of type byte, "
                           "expected <0x00> to <0xFF>",
                           id, SPELL(piece));
        vocab->bytes[byte] = (int32_t)id;
        n_bytes++;
    }
    if (n_bytes != 0 && n_bytes != 256)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "key " KEY "token_type: has %zu pieces of type byte, expected 256 or none",
                       n_bytes);
    if (n_bytes == 0 && vocab->unk_id < 0)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "key " KEY "unknown_token_id: is missing, and no pieces of "
                       "type byte are there instead");
    return true;
}

/* All pairs of bytes that a piece or an unknown symbol may hold as neighbours: cut.c says why. */
static void build_joins(nm_vocab *vocab)
{
    bool known[256] = {false}; /* ASCII characters that are pieces */
    bool has_bytes = vocab->bytes[0] >= 0;

    for (size_t id = 0; id < vocab->n_pieces; id++) {
        const nm_piece *piece = &vocab->pieces[id];
        const uint8_t  *bytes = (const uint8_t *)piece->text;

        if (piece->type != NOMUL_TOKEN_NORMAL && piece->type != NOMUL_TOKEN_USER_DEFINED &&
            piece->type != NOMUL_TOKEN_UNUSED)
            continue;
        for (size_t i = 1; i < piece->n_text; i++)
            vocab->joins[bytes[i - 1] * 32 + bytes[i] / 8] |= (uint8_t)(1 << bytes[i] % 8);
        if (piece->n_text == 1 && bytes[0] < 0x80 && piece->type != NOMUL_TOKEN_UNUSED)
            known[bytes[0]] = true;
    }
    for (size_t before = 0; before < 256; before++) {
        bool any = false;
        for (size_t after = 0; after < 256; after++) {
            bool continues = before >= 0x80 && after >= 0x80 && after < 0xC0;
            if (continues || (!has_bytes && !known[before] && !known[after]))
                vocab->joins[before * 32 + after / 8] |= (uint8_t)(1 << after % 8);
            any |= nm_vocab_joins(vocab, (uint8_t)before, (uint8_t)after);
        }
        vocab->ends[before] = !any;
    }
}

static int compare_pieces(const void *left, const void *right)
{
    const nm_piece *a = *(const nm_piece *const *)left, *b = *(const nm_piece *const *)right;
    size_t          n_both = a->n_text < b->n_text ? a->n_text : b->n_text;
    int             order = memcmp(a->text, b->text, n_both);

    if (order) return order;
    return a->n_text < b->n_text ? -1 : a->n_text > b->n_text;
}

/* set->sorted has room for all pieces of the type. */
static void build_set(const nm_vocab *vocab, nm_piece_set *set, nomul_token_type type,
                      bool spells_spaces)
{
    set->spells_spaces = spells_spaces;
    for (size_t id = 0; id < vocab->n_pieces; id++) {
        const nm_piece *piece = &vocab->pieces[id];
        if (piece->type != type) continue;
        set->sorted[set->n_pieces++] = piece;
        set->begins[(uint8_t)piece->text[0]] = true;
        if (spells_spaces && memcmp(piece->text, NM_BLANK, 1) == 0) set->begins[' '] = true;
    }
    qsort(set->sorted, set->n_pieces, sizeof *set->sorted, compare_pieces);
}

static bool get_id(const nm_gguf *gguf, const char *name, size_t n_vocab, int32_t *id,
                   nomul_error *err)
{
    uint32_t value = UINT32_MAX;

    *id = -1;
    if (!nm_gguf_find_key(gguf, name)) return true;
    if (!nm_gguf_get_u32(gguf, name, true, &value, err)) return false;
    if (value >= n_vocab)
        return nm_fail(err, NOMUL_E_FORMAT, "key %s: is %" PRIu32 ", expected 0 to %zu", name,
                       value, n_vocab - 1);
    *id = (int32_t)value;
    return true;
}

/*
 * Absent keys mean what they mean in llama.cpp: BOS first if there is one, no EOS, a leading space.
 */
static bool get_specials(nm_vocab *vocab, const nm_gguf *gguf, nomul_error *err)
{
    size_t n = vocab->n_pieces;

    if (!get_id(gguf, KEY "bos_token_id", n, &vocab->bos_id, err) ||
        !get_id(gguf, KEY "eos_token_id", n, &vocab->eos_id, err) ||
        !get_id(gguf, KEY "unknown_token_id", n, &vocab->unk_id, err))
        return false;
    vocab->add_bos = vocab->bos_id >= 0;
    vocab->add_space_prefix = true;
    if (!nm_gguf_get_bool(gguf, KEY "add_bos_token", false, &vocab->add_bos, err) ||
        !nm_gguf_get_bool(gguf, KEY "add_eos_token", false, &vocab->add_eos, err) ||
        !nm_gguf_get_bool(gguf, KEY "add_space_prefix", false, &vocab->add_space_prefix, err))
        return false;
    if (vocab->add_bos && vocab->bos_id < 0)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "key " KEY "add_bos_token: is true without a bos_token_id");
    if (vocab->add_eos && vocab->eos_id < 0)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "key " KEY "add_eos_token: is true without an eos_token_id");
    return true;
}

static void layout(nm_vocab *vocab)
{
    nm_arena *a = &vocab->arena;

    vocab->pieces = nm_arena_take(a, vocab->n_pieces, sizeof *vocab->pieces);
    vocab->index = nm_arena_take(a, vocab->index_mask + 1, sizeof *vocab->index);
    vocab->user_defined.sorted = nm_arena_take(a, vocab->n_pieces, sizeof(nm_piece *));
    vocab->control.sorted = nm_arena_take(a, vocab->n_pieces, sizeof(nm_piece *));
}

static bool is_named(nm_gguf_text text, const char *name)
{
    return text.size == strlen(name) && memcmp(text.data, name, text.size) == 0;
}

bool nm_vocab_open(nm_vocab *vocab, const nm_gguf *gguf, size_t n_vocab, bool *present,
                   nomul_error *err)
{
    nm_gguf_text       model;
    const nm_gguf_key *keys[N_KEYS];

    *vocab = (nm_vocab){0};
    *present = false;
    if (!nm_gguf_get_string(gguf, KEY "model", true, &model, err)) return false;
    if (is_named(model, "no_vocab")) return true;
    if (!is_named(model, "llama"))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "key " KEY "model: is \"%.*s\", expected \"llama\" or \"no_vocab\"",
                       (int)(model.size < 100 ? model.size : 100), model.data);
    if (!get_keys(gguf, n_vocab, keys, err)) return false;

    vocab->n_pieces = n_vocab;
    vocab->index_mask = 1;
    while (vocab->index_mask < 2 * n_vocab) vocab->index_mask = vocab->index_mask << 1 | 1;
    layout(vocab);
    *present = nm_arena_back(&vocab->arena, err);
    if (*present) {
        layout(vocab);
        *present = take_pieces(vocab, keys, err) && build_index(vocab, err) &&
                   get_specials(vocab, gguf, err) && take_bytes(vocab, err);
    }
    if (!*present) return nm_vocab_close(vocab), false;
    build_joins(vocab);
    build_set(vocab, &vocab->user_defined, NOMUL_TOKEN_USER_DEFINED, true);
    build_set(vocab, &vocab->control, NOMUL_TOKEN_CONTROL, false);
    return true;
}

void nm_vocab_close(nm_vocab *vocab)
{
    nm_arena_free(&vocab->arena);
    *vocab = (nm_vocab){0};
}
