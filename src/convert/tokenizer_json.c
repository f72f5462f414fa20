/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spaces, options, vocabulary and merges, in this order; whatever would tokenize differently from
 * SentencePiece's BPE is refused by name.
 */
#include "convert/tokenizer_json.h"

#include "base/alloc.h"
#include "base/error.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define MAX_PIECE 1024        /* bytes; bounds the check of pairs to 1024 steps a byte */
#define MAX_MERGES (1u << 24) /* ranks that binary32 holds exactly */
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A length for "%.*s": no more of a text than a message has room for. */
#define SHOWN(n) (int)((n) < 64 ? (n) : 64)

/* ---- How spaces are written ------------------------------------------------------------------ */

/* A normalizer or pre_tokenizer of any type that is supported. */
typedef struct step {
    nm_hf_text type, prepend, content, replacement, prepend_scheme;
    bool       add_prefix_space, split;
    nm_json    normalizers, pattern;
} step;

#define F(name) offsetof(step, name)
static const nm_hf_field step_fields[] = {
    {"type", NM_HF_TEXT, F(type), false},
    {"prepend", NM_HF_TEXT, F(prepend), false},
    {"content", NM_HF_TEXT, F(content), false},
    {"replacement", NM_HF_TEXT, F(replacement), false},
    {"prepend_scheme", NM_HF_TEXT, F(prepend_scheme), true},
    {"add_prefix_space", NM_HF_BOOL, F(add_prefix_space), true},
    {"split", NM_HF_BOOL, F(split), true},
    {"normalizers", NM_HF_VALUE, F(normalizers), false},
    {"pattern", NM_HF_VALUE, F(pattern), false},
};
#undef F

/* What is done to a text before BPE: a space is prepended, spaces are replaced by U+2581. */
typedef struct spaces {
    bool prepend, replace;
} spaces;

static bool read_step(step *s, nm_json *json, const char *key, nomul_error *err)
{
    *s = (step){.add_prefix_space = true, .split = true}; /* the library's defaults */
    if (!nm_hf_expect(json, key, NM_JSON_OBJECT, err)) return false;
    return nm_hf_read_fields(json, step_fields, COUNT(step_fields), s, err) ||
           nm_fail_in(err, "%s", key);
}

static bool add_normalizer(spaces *done, const step *s, nomul_error *err)
{
    nm_json pattern = s->pattern; /* {"String": " "} */
    bool    of_space = pattern.type == NM_JSON_OBJECT && nm_json_next(&pattern) == NM_JSON_KEY &&
                    nm_json_is(&pattern, "String") && nm_json_next(&pattern) == NM_JSON_STRING &&
                    nm_json_is(&pattern, " ") && nm_json_next(&pattern) == NM_JSON_OBJECT_END;
    bool prepend = nm_hf_text_is(&s->type, "Prepend") && nm_hf_text_is(&s->prepend, NM_BLANK);
    bool replace =
        nm_hf_text_is(&s->type, "Replace") && nm_hf_text_is(&s->content, NM_BLANK) && of_space;

    if ((!prepend && !replace) || (prepend && done->prepend) || (replace && done->replace))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "normalizer %s: not supported (expected Prepend \"" NM_BLANK
                       "\" and Replace \" \" by \"" NM_BLANK "\")",
                       s->type.data);
    done->prepend |= prepend;
    done->replace |= replace;
    return true;
}

static bool read_normalizer(spaces *done, nm_json json, nomul_error *err)
{
    step s;

    if (!nm_hf_given(&json)) return true;
    if (!read_step(&s, &json, "normalizer", err)) return false;
    if (!nm_hf_text_is(&s.type, "Sequence")) return add_normalizer(done, &s, err);

    json = s.normalizers;
    if (!nm_hf_expect(&json, "normalizers", NM_JSON_ARRAY, err)) return false;
    for (;;) {
        if (!nm_hf_next(&json, err)) return false;
        if (json.type == NM_JSON_ARRAY_END) return true;
        if (!read_step(&s, &json, "normalizer", err) || !add_normalizer(done, &s, err))
            return false;
    }
}

/*
 * Metaspace differs from the normalizers in one thing: it prepends no space to a text that begins
 * with one.  Files with it are made from SentencePiece models, which do prepend, so we do.
 */
static bool read_pre_tokenizer(spaces *done, nm_json json, nomul_error *err)
{
    step s;

    if (!nm_hf_given(&json)) return true;
    if (!read_step(&s, &json, "pre_tokenizer", err)) return false;
    if (!nm_hf_text_is(&s.type, "Metaspace"))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "pre_tokenizer is %s: not supported (expected none or Metaspace)",
                       s.type.data);
    if (s.replacement.given && !nm_hf_text_is(&s.replacement, NM_BLANK))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "pre_tokenizer: replacement is \"%s\": not supported (expected \"" NM_BLANK
                       "\")",
                       s.replacement.data);
    const nm_hf_text *scheme = &s.prepend_scheme;
    bool              never = scheme->given ? nm_hf_text_is(scheme, "never") : !s.add_prefix_space;
    if (scheme->given && !never && !nm_hf_text_is(scheme, "first") &&
        !nm_hf_text_is(scheme, "always"))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "pre_tokenizer: prepend_scheme is \"%s\": not supported (expected "
                       "\"first\", \"always\" or \"never\")",
                       scheme->data);
    if (s.split)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "pre_tokenizer: split is true: not supported (no piece could span words)");
    if (done->prepend || done->replace)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "pre_tokenizer: Metaspace beside a normalizer: not supported");
    *done = (spaces){.prepend = !never, .replace = true};
    return true;
}

/* ---- The model's options --------------------------------------------------------------------- */

typedef struct model {
    nm_hf_text type, unk_token, prefix, suffix;
    double     dropout;
    bool       byte_fallback, ignore_merges;
    nm_json    vocab, merges;
} model;

#define F(name) offsetof(model, name)
static const nm_hf_field model_fields[] = {
    {"type", NM_HF_TEXT, F(type), false},
    {"unk_token", NM_HF_TEXT, F(unk_token), true},
    {"continuing_subword_prefix", NM_HF_TEXT, F(prefix), true},
    {"end_of_word_suffix", NM_HF_TEXT, F(suffix), true},
    {"dropout", NM_HF_NUMBER, F(dropout), true},
    {"byte_fallback", NM_HF_BOOL, F(byte_fallback), false},
    {"ignore_merges", NM_HF_BOOL, F(ignore_merges), false},
    {"vocab", NM_HF_VALUE, F(vocab), false},
    {"merges", NM_HF_VALUE, F(merges), false},
};
#undef F

static bool read_model(model *m, const nm_json *value, nomul_error *err)
{
    static const nm_hf_field type[] = {{"type", NM_HF_TEXT, offsetof(model, type), false}};
    nm_json                  json = *value;

    *m = (model){.dropout = 0};
    /* The type first: another model's members may be of other types, which says less. */
    if (!nm_hf_read_fields(&json, type, 1, m, err)) return false;
    if (!nm_hf_text_is(&m->type, "BPE"))
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "type is \"%s\": not supported (expected \"BPE\")",
                       m->type.data);
    json = *value;
    if (!nm_hf_read_fields(&json, model_fields, COUNT(model_fields), m, err)) return false;
    const char *problem = m->dropout != 0      ? "dropout is not 0"
                          : m->prefix.size > 0 ? "continuing_subword_prefix is not empty"
                          : m->suffix.size > 0 ? "end_of_word_suffix is not empty"
                          : !m->byte_fallback  ? "byte_fallback is false"
                          : m->ignore_merges   ? "ignore_merges is true"
                                               : NULL;
    if (problem) return nm_fail(err, NOMUL_E_UNSUPPORTED, "%s: not supported", problem);
    return nm_hf_expect(&m->vocab, "vocab", NM_JSON_OBJECT, err) &&
           nm_hf_expect(&m->merges, "merges", NM_JSON_ARRAY, err);
}

/* ---- Vocabulary ------------------------------------------------------------------------------ */

/* Members "piece": id.  Ids are checked here; that each piece has one, by nm_hf_tokenizer_index. */
static bool read_vocab(nm_hf_tokenizer *t, nm_json json, nomul_error *err)
{
    for (;;) {
        uint64_t id;
        size_t   n;
        bool     ok = false;
        if (!nm_hf_next(&json, err)) return false;
        if (json.type == NM_JSON_OBJECT_END) return true;
        const char *text = nm_hf_take_string(&json, &t->text_end, &n);
        if (!nm_hf_next(&json, err) || !nm_hf_whole(&json, text, &id, err))
            ok = false;
        else if (n == 0 || n > MAX_PIECE)
            nm_fail(err, NOMUL_E_FORMAT, "piece %" PRIu64 " has %zu bytes, expected 1 to %d", id, n,
                    MAX_PIECE);
        else if (id >= t->capacity)
            nm_fail(err, NOMUL_E_FORMAT,
                    "\"%.*s\" has id %" PRIu64 ", expected less than vocab_size %zu", SHOWN(n),
                    text, id, t->capacity);
        else
            ok = !t->pieces[id].text ||
                 nm_fail(err, NOMUL_E_FORMAT, "id %" PRIu64 " occurs twice", id);
        if (!ok) return nm_fail_in(err, "vocab");
        t->pieces[id] = (nm_sp_piece){text, n, 0,
                                      nm_sentencepiece_byte(text, n) >= 0 ? NOMUL_TOKEN_BYTE
                                                                          : NOMUL_TOKEN_NORMAL};
        if (id >= t->n_pieces) t->n_pieces = (size_t)id + 1;
    }
}

static bool read_added_tokens(nm_hf_tokenizer *t, nm_json json, nomul_error *err)
{
    if (!nm_hf_given(&json)) return true;
    if (!nm_hf_expect(&json, "added_tokens", NM_JSON_ARRAY, err)) return false;
    for (;;) {
        nm_hf_added added = {.id = UINT64_MAX};
        if (!nm_hf_next(&json, err)) return false;
        if (json.type == NM_JSON_ARRAY_END) return true;
        if (!nm_hf_added_read(&added, &json, err) || !nm_hf_added_place(t, &added, err))
            return nm_fail_in(err, "added_tokens");
    }
}

/* Marks the unknown token; counts the byte pieces: no piece is there twice, so 256 are all. */
static bool check_pieces(nm_hf_tokenizer *t, const nm_hf_text *unknown, nomul_error *err)
{
    size_t n_bytes = 0;

    if (unknown->given) {
        size_t id = nm_names_find(&t->names, unknown->data, unknown->size);
        if (id == NM_NO_NAME)
            return nm_fail(err, NOMUL_E_FORMAT, "unk_token \"%s\" is not in the vocabulary",
                           unknown->data);
        t->pieces[id].type = NOMUL_TOKEN_UNKNOWN;
        t->unk_id = (int32_t)id;
    }
    for (size_t id = 0; id < t->n_pieces; id++) n_bytes += t->pieces[id].type == NOMUL_TOKEN_BYTE;
    return n_bytes == 256 ||
           nm_fail(err, NOMUL_E_FORMAT, "vocab has %zu byte pieces, expected <0x00> to <0xFF>",
                   n_bytes);
}

/* ---- Merges ---------------------------------------------------------------------------------- */

/* Two pieces that are merged, and the text of both together. */
typedef struct merge {
    char  *text;
    size_t n_left, n_right;
} merge;

/* Reads "A B" or ["A", "B"]; m->text has room for the rest of the file. */
static bool read_merge(merge *m, nm_json *json)
{
    if (json->type == NM_JSON_STRING) {
        size_t n = nm_json_string(json, m->text);
        char  *space = memchr(m->text, ' ', n);
        if (!space) return false;
        m->n_left = (size_t)(space - m->text);
        m->n_right = n - m->n_left - 1;
        memmove(space, space + 1, m->n_right);
        return !memchr(space, ' ', m->n_right);
    }
    if (json->type != NM_JSON_ARRAY || nm_json_next(json) != NM_JSON_STRING) return false;
    m->n_left = nm_json_string(json, m->text);
    if (nm_json_next(json) != NM_JSON_STRING) return false;
    m->n_right = nm_json_string(json, m->text + m->n_left);
    return nm_json_next(json) == NM_JSON_ARRAY_END;
}

/* The first merge that makes a piece gives it its score; n_made[id] counts them all. */
static bool apply_merge(nm_hf_tokenizer *t, uint32_t *n_made, const merge *m, size_t rank,
                        nomul_error *err)
{
    const struct {
        const char *text;
        size_t      n;
    } parts[] = {
        {m->text, m->n_left}, {m->text + m->n_left, m->n_right}, {m->text, m->n_left + m->n_right}};
    size_t id = 0;

    for (size_t i = 0; i < COUNT(parts); i++) {
        id = nm_names_find(&t->names, parts[i].text, parts[i].n);
        if (id == NM_NO_NAME)
            return nm_fail(err, NOMUL_E_FORMAT, "\"%.*s\" is not in the vocabulary",
                           SHOWN(parts[i].n), parts[i].text);
    }
    if (n_made[id]++ == 0) t->pieces[id].score = -(float)rank;
    return true;
}

static bool read_merges(nm_hf_tokenizer *t, uint32_t *n_made, nm_json json, size_t *n_merges,
                        nomul_error *err)
{
    for (size_t rank = 0;; rank++) {
        merge m = {.text = t->text_end};
        if (!nm_hf_next(&json, err)) return false;
        *n_merges = rank;
        if (json.type == NM_JSON_ARRAY_END) return true;
        if (rank == MAX_MERGES)
            return nm_fail(err, NOMUL_E_UNSUPPORTED, "merges: more than %u", MAX_MERGES);
        if (!read_merge(&m, &json))
            return nm_fail(err, NOMUL_E_FORMAT,
                           "merges: merge %zu is not \"A B\" nor [\"A\", \"B\"]", rank);
        if (!apply_merge(t, n_made, &m, rank, err))
            return nm_fail_in(err, "merges: merge %zu", rank);
    }
}

/* Pieces that no merge makes come last; the others must be made by every pair that spells them. */
static bool finish_scores(nm_hf_tokenizer *t, const uint32_t *n_made, size_t n_merges,
                          nomul_error *err)
{
    for (size_t id = 0; id < t->n_pieces; id++) {
        nm_sp_piece *piece = &t->pieces[id];
        size_t       n_pairs = 0;
        if (n_made[id] == 0) piece->score = -(float)n_merges;
        if (piece->type != NOMUL_TOKEN_NORMAL) continue;
        for (size_t at = 1; at < piece->n_text; at++) {
            if (((unsigned char)piece->text[at] & 0xC0) == 0x80) continue; /* inside a character */
            n_pairs += nm_names_find(&t->names, piece->text, at) != NM_NO_NAME &&
                       nm_names_find(&t->names, piece->text + at, piece->n_text - at) != NM_NO_NAME;
        }
        if (n_made[id] != n_pairs)
            return nm_fail(err, NOMUL_E_UNSUPPORTED,
                           "merges: %" PRIu32
                           " make \"%.*s\", which %zu pairs of pieces spell: not "
                           "supported (expected one merge for each)",
                           n_made[id], SHOWN(piece->n_text), piece->text, n_pairs);
    }
    return true;
}

/* ---- The file -------------------------------------------------------------------------------- */

typedef struct whole {
    nm_json added_tokens, normalizer, pre_tokenizer, model;
} whole;

static const nm_hf_field whole_fields[] = {
    {"added_tokens", NM_HF_VALUE, offsetof(whole, added_tokens), true},
    {"normalizer", NM_HF_VALUE, offsetof(whole, normalizer), true},
    {"pre_tokenizer", NM_HF_VALUE, offsetof(whole, pre_tokenizer), true},
    {"model", NM_HF_VALUE, offsetof(whole, model), false},
};

bool nm_tokenizer_json_read(nm_hf_tokenizer *t, const char *text, size_t n_text, nomul_error *err)
{
    whole  w = {.model = {0}};
    spaces done = {false, false};
    model  m;

    t->text = t->text_end = nm_alloc(n_text);
    if (!t->text) return nm_fail_memory(err, n_text);
    if (!nm_hf_read_text(text, n_text, whole_fields, COUNT(whole_fields), &w, err) ||
        !read_normalizer(&done, w.normalizer, err) ||
        !read_pre_tokenizer(&done, w.pre_tokenizer, err))
        return false;
    if (!done.replace)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "normalizer: does not write spaces as \"" NM_BLANK "\": not supported");
    t->add_space_prefix = done.prepend;
    if (!nm_hf_expect(&w.model, "model", NM_JSON_OBJECT, err)) return false;
    if (!read_model(&m, &w.model, err)) return nm_fail_in(err, "model");
    if (!read_vocab(t, m.vocab, err) || !read_added_tokens(t, w.added_tokens, err) ||
        !nm_hf_tokenizer_index(t, err) || !check_pieces(t, &m.unk_token, err))
        return false;
    size_t    n_merges, n_bytes = t->n_pieces * sizeof(uint32_t);
    uint32_t *n_made = nm_alloc(n_bytes); /* by id: merges that make the piece */
    if (!n_made) return nm_fail_memory(err, n_bytes);
    memset(n_made, 0, n_bytes);
    bool ok =
        read_merges(t, n_made, m.merges, &n_merges, err) && finish_scores(t, n_made, n_merges, err);
    nm_free(n_made);
    return ok;
}
