/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a vocabulary, and looking pieces up by their text in a hash table.  Each step of opening
 * relies on what the ones before have checked:
 *
 *     take_pieces     three arrays of the file -> pieces, by id; texts stay where they are
 *     build_index     text -> id; no text occurs twice
 *     get_specials    BOS, EOS, the unknown token, what ends a text, where spaces are added
 *     take_bytes      byte -> id of <0xNN>, or an unknown token in their place
 *     take_added      how added tokens are found
 *     take_merges     which pairs merge, where the text of a piece does not say it
 *     build_sets      tokens and user-defined pieces -> matchers
 *     build_joins     which bytes may be neighbours -> where a text may be cut
 */
#include "tokens/vocab.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"
#include "tokens/long_pieces.h"

#include <inttypes.h>
#include <math.h>
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
    return vocab->pieces[slot->id_plus_1 - 1].attr & NM_ATTR_MERGED ? (int32_t)slot->id_plus_1 - 1
                                                                    : -1;
}

static nm_symbol_key key_of(int32_t id, const char *text, size_t n_text)
{
    uint32_t code_point;

    if (id >= 0) return (nm_symbol_key)id;
    return nm_utf8_char(text, n_text, &code_point) ? NM_SYMBOL_CHAR | code_point : NM_SYMBOL_BYTE;
}

int32_t nm_vocab_merge(const nm_vocab *vocab, const char *text, size_t n_left, int32_t left,
                       size_t n_text, int32_t right, float *score)
{
    const nm_pair_slot *pair = NULL;
    int32_t             id;

    if (n_text > vocab->max_piece) return -1;
    if (!vocab->has_merges && n_text <= NM_LONG_PIECE) {
        id = nm_vocab_find(vocab, text, n_text);
        if (id >= 0) *score = vocab->pieces[id].score;
        return id;
    }
    if (!vocab->has_merges)
        pair = nm_pairs_find(&vocab->pairs, key_of(left, text, n_left),
                             key_of(right, text + n_left, n_text - n_left));
    else if (left >= 0 && right >= 0)
        pair = nm_pairs_find(&vocab->pairs, (nm_symbol_key)left, (nm_symbol_key)right);
    if (!pair) return -1;
    *score = pair->score;
    return (int32_t)pair->id_plus_1 - 1;
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
        bool merges = type == NOMUL_TOKEN_NORMAL || type == NOMUL_TOKEN_USER_DEFINED ||
                      type == NOMUL_TOKEN_UNUSED;
        vocab->pieces[id] = (nm_piece){.text = text.data,
                                       .n_text = (uint32_t)text.size,
                                       .score = score,
                                       .type = (uint8_t)type,
                                       .attr = merges ? NM_ATTR_MERGED : 0};
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

/* ---- Added tokens and merges ----------------------------------------------------------------- */

/* The tokens that are listed, and how each is found. */
static bool take_added(nm_vocab *vocab, const nm_gguf *gguf, nomul_error *err)
{
    static const char  ids_key[] = KEY "added_token_ids", attr_key[] = KEY "added_token_attr";
    const nm_gguf_key *ids, *attrs;

    if (!nm_gguf_get_array(gguf, ids_key, false, NOMUL_VALUE_U32, &ids, err)) return false;
    if (!ids) return true;
    if (!nm_gguf_get_array(gguf, attr_key, true, NOMUL_VALUE_U32, &attrs, err)) return false;
    if (attrs->n_elements != ids->n_elements)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "key %s: has %" PRIu64 " elements, expected %" PRIu64 " as %s", attr_key,
                       attrs->n_elements, ids->n_elements, ids_key);
    vocab->has_added = true;
    for (size_t i = 0; i < ids->n_elements; i++) {
        uint32_t id = nm_load_u32(ids->value + 4 * i), attr = nm_load_u32(attrs->value + 4 * i);
        if (id >= vocab->n_pieces || vocab->pieces[id].attr & NM_ATTR_ADDED)
            return nm_fail(err, NOMUL_E_FORMAT, "key %s[%zu]: is %" PRIu32 ", expected %s", ids_key,
                           i, id, id < vocab->n_pieces ? "each id once" : "an id");
        if (attr & ~(uint32_t)NM_ATTR_ALL)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "key %s[%zu]: is 0x%" PRIx32 ", expected bits of 0x%x", attr_key, i,
                           attr, (unsigned)NM_ATTR_ALL);
        vocab->pieces[id].attr = (uint16_t)(attr | NM_ATTR_ADDED);
        vocab->has_tokens |= !(attr & NM_ATTR_CONTROL);
    }
    return true;
}

/* The id of any piece, or -1. */
static int32_t id_of(const nm_vocab *vocab, const char *text, size_t n_text)
{
    const nm_vocab_slot *slot = find_slot(vocab, text, n_text, hash_text(text, n_text));

    return slot ? (int32_t)slot->id_plus_1 - 1 : -1;
}

/* Pair number `rank`, "LEFT RIGHT".  An unused piece is never made. */
static bool take_merge(nm_vocab *vocab, nm_gguf_text merge, size_t rank, nomul_error *err)
{
    char        both[NM_MAX_PIECE];
    const char *space = memchr(merge.data, ' ', merge.size);
    size_t      n_left = space ? (size_t)(space - merge.data) : 0;
    size_t      n_right = space ? merge.size - n_left - 1 : 0;

    if (n_left == 0 || n_right == 0 || memchr(space + 1, ' ', n_right))
        return nm_fail(err, NOMUL_E_FORMAT, "is not two pieces with a space between them");
    if (n_left > sizeof both || n_right > sizeof both - n_left)
        return nm_fail(err, NOMUL_E_FORMAT, "makes a piece of more than %d bytes", NM_MAX_PIECE);
    memcpy(both, merge.data, n_left);
    memcpy(both + n_left, space + 1, n_right);
    int32_t left = id_of(vocab, both, n_left), right = id_of(vocab, both + n_left, n_right);
    int32_t made = id_of(vocab, both, n_left + n_right);
    if (left < 0 || right < 0 || made < 0)
        return nm_fail(err, NOMUL_E_FORMAT, "\"%.*s\" is not in the vocabulary",
                       (int)(merge.size < 100 ? merge.size : 100), merge.data);
    if (vocab->pieces[made].type != NOMUL_TOKEN_UNUSED)
        nm_pairs_add(&vocab->pairs, (nm_symbol_key)left, (nm_symbol_key)right, made, -(float)rank);
    return true;
}

static bool take_merges(nm_vocab *vocab, const nm_gguf *gguf, nomul_error *err)
{
    static const char  name[] = KEY "merges";
    const nm_gguf_key *key;

    if (!nm_gguf_get_array(gguf, name, false, NOMUL_VALUE_STRING, &key, err)) return false;
    if (!key)
        return nm_long_pieces_open(&vocab->pairs, vocab->pieces, vocab->n_pieces, vocab->max_piece,
                                   err) ||
               nm_fail_in(err, "key " KEY "tokens");
    if (key->n_elements > NM_MAX_PAIRS)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "key %s: has %" PRIu64 " elements, expected at most %zu", name,
                       key->n_elements, NM_MAX_PAIRS);
    vocab->has_merges = true;
    if (!nm_pairs_open(&vocab->pairs, (size_t)key->n_elements, err)) return false;
    const uint8_t *at = key->value;
    for (size_t rank = 0; rank < key->n_elements; rank++)
        if (!take_merge(vocab, nm_gguf_next_string(&at), rank, err))
            return nm_fail_in(err, "key %s[%zu]", name, rank);
    return true;
}

/* ---- Where a text may be cut ----------------------------------------------------------------- */

static void join(nm_vocab *vocab, unsigned before, unsigned after)
{
    vocab->joins[before * 32 + after / 8] |= (uint8_t)(1 << after % 8);
}

/* No cut before or after this byte. */
static void join_all(nm_vocab *vocab, unsigned byte, bool before, bool after)
{
    for (unsigned other = 0; other < 256; other++) {
        if (before) join(vocab, other, byte);
        if (after) join(vocab, byte, other);
    }
}

/*
 * An added token is not cut, and what precedes and follows it must be seen with it: it may be
 * refused, strip white space, or begin a stretch.  First and last bytes of all white space are
 * listed for those that strip it.
 */
static void join_added(nm_vocab *vocab, const nm_piece *piece)
{
    static const uint8_t first[] = "\t\n\v\f\r\xC2\xE1\xE2\xE3";
    static const uint8_t last[] = "\t\n\v\f\r\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8A"
                                  "\x9F\xA0\xA8\xA9\xAF";
    const uint8_t       *text = (const uint8_t *)piece->text;
    uint8_t              before = 0;

    for (size_t i = 0; i < piece->n_text; i++) {
        const char *bytes = text[i] == ' ' ? NM_BLANK : (const char *)&text[i];
        for (size_t k = 0; k < (text[i] == ' ' ? NM_BLANK_BYTES : 1); k++) {
            if (i + k > 0) join(vocab, before, (uint8_t)bytes[k]);
            before = (uint8_t)bytes[k];
            if (i + k == 0) join_all(vocab, before, true, false);
        }
    }
    join_all(vocab, before, false, true);
    if (piece->attr & NM_ATTR_NORMALIZED) join_all(vocab, (uint8_t)NM_BLANK[0], true, false);
    if (!(piece->attr & (NM_ATTR_LSTRIP | NM_ATTR_RSTRIP))) return;
    for (size_t i = 0; i < sizeof first - 1; i++) join_all(vocab, first[i], true, false);
    for (size_t i = 0; i < sizeof last - 1; i++) join_all(vocab, last[i], false, true);
}

/* All pairs of bytes that a piece or an unknown symbol may hold as neighbours: cut.c says why. */
static void build_joins(nm_vocab *vocab)
{
    bool known[256] = {false}; /* ASCII characters that are pieces */
    bool has_bytes = vocab->bytes[0] >= 0;

    for (size_t id = 0; id < vocab->n_pieces; id++) {
        const nm_piece *piece = &vocab->pieces[id];
        const uint8_t  *bytes = (const uint8_t *)piece->text;

        if (piece->attr & NM_ATTR_ADDED && vocab->has_tokens) join_added(vocab, piece);
        if (!(piece->attr & NM_ATTR_MERGED)) continue;
        for (size_t i = 1; i < piece->n_text; i++) join(vocab, bytes[i - 1], bytes[i]);
        if (piece->n_text == 1 && bytes[0] < 0x80 && piece->type != NOMUL_TOKEN_UNUSED)
            known[bytes[0]] = true;
    }
    for (unsigned before = 0; before < 256; before++) {
        bool any = false;
        for (unsigned after = 0; after < 256; after++) {
            bool continues = before >= 0x80 && after >= 0x80 && after < 0xC0;
            if (continues || (!has_bytes && !known[before] && !known[after]))
                join(vocab, before, after);
            any |= nm_vocab_joins(vocab, (uint8_t)before, (uint8_t)after);
        }
        vocab->ends[before] = !any;
    }
}

/* ---- Tokens found in a text ------------------------------------------------------------------ */

enum { RAW, LATE, SYMBOLS, N_SETS };

bool nm_vocab_spells_first(const nm_vocab *vocab)
{
    return vocab->prefix == NM_PREFIX_ALWAYS || vocab->prefix == NM_PREFIX_FIRST;
}

static bool build_sets(nm_vocab *vocab, nomul_error *err)
{
    nm_matcher *sets[N_SETS] = {&vocab->raw, &vocab->late, &vocab->symbols};
    nm_pattern *patterns = nm_alloc(vocab->n_pieces * sizeof *patterns);
    bool        ok = patterns || nm_fail_memory(err, vocab->n_pieces * sizeof *patterns);
    bool        spells = nm_vocab_spells_first(vocab);

    for (int set = 0; ok && set < N_SETS; set++) {
        size_t n = 0;
        for (size_t id = 0; id < vocab->n_pieces; id++) {
            const nm_piece *piece = &vocab->pieces[id];
            int             its = N_SETS; /* found by none */
            if (piece->attr & NM_ATTR_ADDED)
                its = piece->attr & NM_ATTR_NORMALIZED ? LATE : RAW;
            else if (piece->type == NOMUL_TOKEN_USER_DEFINED)
                its = SYMBOLS;
            else if (piece->type == NOMUL_TOKEN_CONTROL && !vocab->has_added)
                its = RAW; /* without a list, control pieces are all special */
            if (its != set) continue;
            patterns[n++] = (nm_pattern){
                .text = piece->text,
                .n_text = piece->n_text,
                .id = (int32_t)id,
                .spelled = set == LATE && spells,
                .head = NM_BLANK,
                .n_head = set == LATE && spells && vocab->add_space_prefix ? NM_BLANK_BYTES : 0,
            };
        }
        ok = nm_matcher_open(sets[set], patterns, n, err) ||
             nm_fail_in(err, "key " KEY "tokens: special and user-defined");
    }
    nm_free(patterns);
    return ok;
}

/* ---- Special ids ----------------------------------------------------------------------------- */

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

/* The ids that end a text: those of the list or, without one, EOS. */
static bool get_ends(nm_vocab *vocab, const nm_gguf *gguf, nomul_error *err)
{
    static const char  name[] = KEY "eos_token_ids";
    const nm_gguf_key *key;

    if (!nm_gguf_get_array(gguf, name, false, NOMUL_VALUE_U32, &key, err)) return false;
    if (!key && vocab->eos_id >= 0) vocab->pieces[vocab->eos_id].ends_text = true;
    for (size_t i = 0; key && i < key->n_elements; i++) {
        uint32_t id = nm_load_u32(key->value + 4 * i);
        if (id >= vocab->n_pieces)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "key %s[%zu]: is %" PRIu32 ", expected less than %zu", name, i, id,
                           vocab->n_pieces);
        vocab->pieces[id].ends_text = true;
    }
    return true;
}

/*
 * Absent keys mean what they mean in llama.cpp: BOS first if there is one, no EOS, a leading space.
 */
static bool get_specials(nm_vocab *vocab, const nm_gguf *gguf, nomul_error *err)
{
    static const char *const prefixes[] = NM_PREFIX_NAMES;
    nm_gguf_text             pre = {"default", 7};
    size_t                   n = vocab->n_pieces;

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
    if (!get_ends(vocab, gguf, err) || !nm_gguf_get_string(gguf, KEY "pre", false, &pre, err))
        return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (nm_gguf_text_is(pre, prefixes[i])) return vocab->prefix = (nm_prefix)i, true;
    return nm_fail(err, NOMUL_E_UNSUPPORTED,
                   "key " KEY "pre: is \"%.*s\", expected default, first, metaspace or "
                   "metaspace-first",
                   (int)(pre.size < 100 ? pre.size : 100), pre.data);
}

bool nm_vocab_open(nm_vocab *vocab, const nm_gguf *gguf, size_t n_vocab, bool *present,
                   nomul_error *err)
{
    nm_gguf_text       model = {NULL, 0};
    const nm_gguf_key *keys[N_KEYS];

    *vocab = (nm_vocab){0};
    *present = false;
    if (!nm_gguf_get_string(gguf, KEY "model", true, &model, err)) return false;
    if (nm_gguf_text_is(model, "no_vocab")) return true;
    if (!nm_gguf_text_is(model, "llama"))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "key " KEY "model: is \"%.*s\", expected \"llama\" or \"no_vocab\"",
                       (int)(model.size < 100 ? model.size : 100), model.data);
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

    vocab->n_pieces = n_vocab;
    vocab->index_mask = 1;
    while (vocab->index_mask < 2 * n_vocab) vocab->index_mask = vocab->index_mask << 1 | 1;
    do {
        vocab->pieces = nm_arena_take(&vocab->arena, n_vocab, sizeof *vocab->pieces);
        vocab->index = nm_arena_take(&vocab->arena, vocab->index_mask + 1, sizeof *vocab->index);
    } while (!vocab->pieces && nm_arena_back(&vocab->arena, err));
    *present = vocab->pieces && take_pieces(vocab, keys, err) && build_index(vocab, err) &&
               get_specials(vocab, gguf, err) && take_bytes(vocab, err) &&
               take_added(vocab, gguf, err) && take_merges(vocab, gguf, err) &&
               build_sets(vocab, err);
    if (!*present) return nm_vocab_close(vocab), false;
    build_joins(vocab);
    return true;
}

void nm_vocab_close(nm_vocab *vocab)
{
    nm_matcher_close(&vocab->raw);
    nm_matcher_close(&vocab->late);
    nm_matcher_close(&vocab->symbols);
    nm_pairs_close(&vocab->pairs);
    nm_arena_free(&vocab->arena);
    *vocab = (nm_vocab){0};
}
