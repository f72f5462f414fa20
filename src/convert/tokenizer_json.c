/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spaces, options, vocabulary, BOS and EOS, merges, in this order; what cannot be done the same way
 * is refused by name.  The merges decide whether scores can stand for them, as they can in files
 * that were made of a SentencePiece model; else the ranked pairs are kept.
 */
#include "convert/tokenizer_json.h"

#include "base/alloc.h"
#include "base/error.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIECE 1024 /* bytes; bounds the check of pairs to 1024 steps a byte */
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A length for "%.*s": no more of a text than a message has room for. */
#define SHOWN(n) (int)((n) < 64 ? (n) : 64)

/* ---- How spaces are written ------------------------------------------------------------------ */

/* A normalizer or pre_tokenizer of any type that is supported. */
typedef struct space_step {
    nm_hf_text type, prepend, content, replacement, prepend_scheme;
    bool       add_prefix_space, split;
    nm_json    normalizers, pattern;
} space_step;

#define F(name) offsetof(space_step, name)
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
    bool      prepend, replace;
    bool      split; /* no piece spans two words */
    nm_prefix prefix;
} spaces;

static bool read_step(space_step *s, nm_json *json, const char *key, nomul_error *err)
{
    *s = (space_step){.add_prefix_space = true, .split = true}; /* the library's defaults */
    if (!nm_hf_expect(json, key, NM_JSON_OBJECT, err)) return false;
    return nm_hf_read_fields(json, step_fields, COUNT(step_fields), s, err) ||
           nm_fail_in(err, "%s", key);
}

static bool add_normalizer(spaces *done, const space_step *s, nomul_error *err)
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
    space_step s;

    if (!nm_hf_given(&json)) return true;
    if (!read_step(&s, &json, "normalizer", err)) return false;
    if (!nm_hf_text_is(&s.type, "Sequence")) return add_normalizer(done, &s, err);

    json = s.normalizers;
    if (!nm_hf_expect(&json, "normalizers", NM_JSON_ARRAY, err)) return false;
    while (nm_hf_more(&json, err))
        if (!read_step(&s, &json, "normalizer", err) || !add_normalizer(done, &s, err))
            return false;
    return json.type != NM_JSON_ERROR;
}

/* Metaspace replaces spaces, too, and prepends one to a stretch that begins with none. */
static bool read_pre_tokenizer(spaces *done, nm_json json, nomul_error *err)
{
    space_step s;

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
    bool              first = nm_hf_text_is(scheme, "first");
    if (scheme->given && !never && !first && !nm_hf_text_is(scheme, "always"))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "pre_tokenizer: prepend_scheme is \"%s\": not supported (expected "
                       "\"first\", \"always\" or \"never\")",
                       scheme->data);
    if (done->prepend || done->replace)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "pre_tokenizer: Metaspace beside a normalizer: not supported");
    *done = (spaces){.prepend = !never,
                     .replace = true,
                     .split = s.split,
                     .prefix = first ? NM_PREFIX_METASPACE_FIRST : NM_PREFIX_METASPACE_ALWAYS};
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
    while (nm_hf_more(&json, err)) {
        uint64_t    id;
        size_t      n;
        bool        ok = false;
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
    return json.type != NM_JSON_ERROR;
}

/*
 * `beside`: a tokenizer.model has the pieces.  It says all of a token if it has another piece under
 * that id, or has it as a special piece.
 *
 * Without one the library gives a token that the vocabulary lacks the next free id, whatever the
 * file says.  The id of the file is that of the embedding's row: it is kept, and the caller hears
 * of it.
 */
static bool read_added_tokens(nm_hf_tokenizer *t, nm_json json, bool beside, nomul_error *err)
{
    uint64_t next = 0;

    if (!nm_hf_given(&json)) return true;
    if (!nm_hf_expect(&json, "added_tokens", NM_JSON_ARRAY, err)) return false;
    for (size_t id = 0; id < t->n_pieces; id++) next += t->pieces[id].text != NULL;
    while (nm_hf_more(&json, err)) {
        nm_hf_added added = {.id = UINT64_MAX};
        if (!nm_hf_added_read(&added, &json, err)) return nm_fail_in(err, "added_tokens");
        const nm_sp_piece *piece = added.id < t->capacity ? &t->pieces[added.id] : NULL;
        if (beside && piece && piece->text) {
            bool same = piece->n_text == added.content.size &&
                        memcmp(piece->text, added.content.data, piece->n_text) == 0;
            bool plain = added.special && !added.lstrip && !added.rstrip && !added.single_word;
            bool special = piece->type == NOMUL_TOKEN_CONTROL || piece->type == NOMUL_TOKEN_UNKNOWN;
            if (!same || (plain && special)) continue;
        } else if (!beside && piece && !piece->text) {
            if (added.id != next)
                nm_warn(t->warn.say, t->warn.context,
                        "tokenizer.json: added token \"%s\" has id %" PRIu64 ", which is kept; "
                        "Hugging Face's tokenizers gives it %" PRIu64,
                        added.content.data, added.id, next);
            next = (added.id > next ? added.id : next) + 1;
        }
        if (!nm_hf_added_place(t, &added, err)) return nm_fail_in(err, "added_tokens");
    }
    return json.type != NM_JSON_ERROR;
}

/* ---- BOS and EOS ----------------------------------------------------------------------------- */

/* A post_processor of any type that is supported. */
typedef struct processor {
    nm_hf_text type;
    nm_json    processors;             /* Sequence */
    nm_json    single, special_tokens; /* TemplateProcessing */
    nm_json    cls, sep;               /* BertProcessing, RobertaProcessing */
} processor;

#define F(name) offsetof(processor, name)
static const nm_hf_field processor_fields[] = {
    {"type", NM_HF_TEXT, F(type), false},
    {"processors", NM_HF_VALUE, F(processors), true},
    {"single", NM_HF_VALUE, F(single), true},
    {"special_tokens", NM_HF_VALUE, F(special_tokens), true},
    {"cls", NM_HF_VALUE, F(cls), true},
    {"sep", NM_HF_VALUE, F(sep), true},
};
#undef F

/* The ids before and after a text. */
typedef struct around {
    size_t   n[2];
    uint64_t id[2];
} around;

/* The ids of a special token: {"NAME": {"ids": [1]}, ...} */
static bool add_special(around *ids, size_t side, const processor *p, const nm_hf_text *name,
                        nomul_error *err)
{
    static const nm_hf_field field[] = {{"ids", NM_HF_VALUE, 0, false}};
    nm_json                  json = p->special_tokens, list = {0};

    if (!nm_hf_expect(&json, "special_tokens", NM_JSON_OBJECT, err)) return false;
    for (bool found = false; !found;) {
        if (!nm_hf_more(&json, err))
            return nm_fail(err, NOMUL_E_FORMAT, "special_tokens: \"%s\" is missing", name->data);
        found = nm_json_is(&json, name->data);
        nm_json_next(&json);
        if (!found) nm_json_skip(&json); /* the file is sound: it was read once */
    }
    if (!nm_hf_expect(&json, name->data, NM_JSON_OBJECT, err) ||
        !nm_hf_read_fields(&json, field, 1, &list, err) ||
        !nm_hf_expect(&list, "ids", NM_JSON_ARRAY, err))
        return nm_fail_in(err, "special_tokens");
    for (; nm_hf_more(&list, err); ids->n[side]++)
        if (!nm_hf_whole(&list, "an id", &ids->id[side], err)) return false;
    return list.type != NM_JSON_ERROR;
}

/* [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}, ...] */
static bool read_template(around *ids, const processor *p, nomul_error *err)
{
    static const nm_hf_field id_field[] = {{"id", NM_HF_TEXT, 0, false}};
    static const nm_hf_field item_fields[] = {
        {"SpecialToken", NM_HF_VALUE, 0, true},
        {"Sequence", NM_HF_VALUE, sizeof(nm_json), true},
    };
    nm_json json = p->single;
    size_t  n_sequences = 0;

    if (!nm_hf_expect(&json, "single", NM_JSON_ARRAY, err)) return false;
    while (nm_hf_more(&json, err)) {
        nm_json    item[2] = {{0}, {0}};
        nm_hf_text id = {.given = false};
        if (!nm_hf_expect(&json, "single", NM_JSON_OBJECT, err) ||
            !nm_hf_read_fields(&json, item_fields, 2, item, err))
            return false;
        bool     special = nm_hf_given(&item[0]);
        nm_json *value = &item[special ? 0 : 1];
        if (!nm_hf_expect(value, special ? "SpecialToken" : "Sequence", NM_JSON_OBJECT, err) ||
            !nm_hf_read_fields(value, id_field, 1, &id, err))
            return false;
        if (!special)
            n_sequences++;
        else if (!add_special(ids, n_sequences > 0, p, &id, err))
            return false;
    }
    return n_sequences == 1 || nm_fail(err, NOMUL_E_UNSUPPORTED,
                                       "single has the text %zu times: not supported", n_sequences);
}

/* ["<s>", 1] */
static bool read_named_id(around *ids, size_t side, nm_json json, const char *key, nomul_error *err)
{
    if (!nm_hf_expect(&json, key, NM_JSON_ARRAY, err) || !nm_hf_next(&json, err) ||
        !nm_hf_expect(&json, key, NM_JSON_STRING, err) || !nm_hf_next(&json, err))
        return false;
    ids->n[side]++;
    return nm_hf_whole(&json, key, &ids->id[side], err);
}

static bool read_processor(around *ids, nm_json json, int depth, nomul_error *err)
{
    processor p = {.type = {.given = false}};

    if (!nm_hf_expect(&json, "post_processor", NM_JSON_OBJECT, err) ||
        !nm_hf_read_fields(&json, processor_fields, COUNT(processor_fields), &p, err))
        return false;
    if (nm_hf_text_is(&p.type, "ByteLevel")) return true; /* changes offsets only */
    if (nm_hf_text_is(&p.type, "TemplateProcessing")) return read_template(ids, &p, err);
    if (nm_hf_text_is(&p.type, "BertProcessing") || nm_hf_text_is(&p.type, "RobertaProcessing"))
        return read_named_id(ids, 0, p.cls, "cls", err) && read_named_id(ids, 1, p.sep, "sep", err);
    if (!nm_hf_text_is(&p.type, "Sequence") || depth > 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "is %s: not supported (expected TemplateProcessing)", p.type.data);
    json = p.processors;
    if (!nm_hf_expect(&json, "processors", NM_JSON_ARRAY, err)) return false;
    while (nm_hf_more(&json, err)) {
        const nm_json value = json;
        nm_json_skip(&json);
        if (!read_processor(ids, value, depth + 1, err)) return false;
    }
    return json.type != NM_JSON_ERROR;
}

/* What is added before and after a text: at most one id each. */
static bool read_post_processor(nm_hf_tokenizer *t, const nm_json *json, nomul_error *err)
{
    static const char *const sides[] = {"before", "after"};
    around                   ids = {.n = {0, 0}};

    if (nm_hf_given(json) && !read_processor(&ids, *json, 0, err))
        return nm_fail_in(err, "post_processor");
    for (size_t side = 0; side < 2; side++) {
        if (ids.n[side] > 1)
            return nm_fail(err, NOMUL_E_UNSUPPORTED,
                           "post_processor: adds %zu ids %s a text: not supported (expected at "
                           "most one)",
                           ids.n[side], sides[side]);
        if (ids.n[side] && ids.id[side] >= t->capacity)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "post_processor: adds id %" PRIu64 ", expected less than vocab_size %zu",
                           ids.id[side], t->capacity);
    }
    t->add_bos = ids.n[0], t->add_eos = ids.n[1];
    if (t->add_bos) t->bos_id = (int32_t)ids.id[0];
    if (t->add_eos) t->eos_id = (int32_t)ids.id[1];
    return true;
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

/* Of a piece: how many merges make it, the first and last of them, the first that it is part of. */
typedef struct usage {
    uint32_t n_made, first, last, used;
} usage;

static bool find_merge(const nm_hf_tokenizer *t, const merge *m, nm_hf_merge *found,
                       nomul_error *err)
{
    const struct {
        const char *text;
        size_t      n;
        uint32_t   *id;
    } parts[] = {{m->text, m->n_left, &found->left},
                 {m->text + m->n_left, m->n_right, &found->right},
                 {m->text, m->n_left + m->n_right, &found->made}};

    for (size_t i = 0; i < COUNT(parts); i++) {
        size_t id = nm_names_find(&t->names, parts[i].text, parts[i].n);
        if (id == NM_NO_NAME)
            return nm_fail(err, NOMUL_E_FORMAT, "\"%.*s\" is not in the vocabulary",
                           SHOWN(parts[i].n), parts[i].text);
        if (t->pieces[id].type == NOMUL_TOKEN_BYTE)
            return nm_fail(err, NOMUL_E_UNSUPPORTED, "merges byte piece %.*s: not supported",
                           SHOWN(parts[i].n), parts[i].text);
        *parts[i].id = (uint32_t)id;
    }
    return true;
}

/*
 * Two walks over the list: the first counts the merges, to allocate them.  Where texts are split
 * into words before they are merged, a piece that has a space inside spans two and is never made.
 */
static bool read_merges(nm_hf_tokenizer *t, const nm_tokenizer_json *j, nomul_error *err)
{
    nm_json json = j->merges;
    size_t  n = 0, number = 0;

    for (; nm_hf_more(&json, err); n++) {
        if (n == NM_MAX_PAIRS)
            return nm_fail(err, NOMUL_E_UNSUPPORTED, "merges: more than %zu", NM_MAX_PAIRS);
        nm_json_skip(&json);
    }
    t->merges = nm_alloc(n * sizeof *t->merges);
    if (!t->merges) return nm_fail_memory(err, n * sizeof *t->merges);
    for (json = j->merges; nm_hf_more(&json, err); number++) {
        merge        m = {.text = t->text_end};
        nm_hf_merge *found = &t->merges[t->n_merges];
        bool         spans = false;
        if (!read_merge(&m, &json))
            return nm_fail(err, NOMUL_E_FORMAT,
                           "merges: merge %zu is not \"A B\" nor [\"A\", \"B\"]", number);
        if (!find_merge(t, &m, found, err)) return nm_fail_in(err, "merges: merge %zu", number);
        const nm_sp_piece *made = &t->pieces[found->made];
        for (size_t at = 1; j->splits && at + NM_BLANK_BYTES <= made->n_text; at++)
            spans |= memcmp(made->text + at, NM_BLANK, NM_BLANK_BYTES) == 0;
        t->n_merges += !spans;
    }
    return json.type != NM_JSON_ERROR;
}

/* Bytes of the first character of a valid text. */
static size_t first_char(const char *text)
{
    unsigned char c = (unsigned char)*text;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* Can merging make this piece, or begin with it? */
static bool may_merge(const nm_hf_tokenizer *t, size_t id)
{
    return id != NM_NO_NAME &&
           (t->pieces[id].type == NOMUL_TOKEN_NORMAL ? !(t->attr[id] & NM_ATTR_ADDED)
                                                     : t->attr[id] & NM_ATTR_MERGED);
}

/* ---- Ranks as scores ------------------------------------------------------------------------- */

/* A part of a piece that may be a neighbour: a piece, or a character that is none. */
static bool is_part(const nm_hf_tokenizer *t, const char *text, size_t n)
{
    return first_char(text) == n || may_merge(t, nm_names_find(&t->names, text, n));
}

/*
 * Do the merges of a piece say the same as one score?  All pairs that spell it must be there, their
 * ranks in a row, with nothing in between that the new piece could be merged in; and where two of
 * them overlap in a text, as A B and B C, the left one must go first, as it does with one score.
 */
static bool is_one_score(const nm_hf_tokenizer *t, size_t id, const usage *u)
{
    const nm_sp_piece *piece = &t->pieces[id];
    size_t             n_pairs = 0, n = piece->n_text;
    uint32_t           ranks[MAX_PIECE + 1]; /* by the length of the left part, + 1 */

    for (size_t at = first_char(piece->text); at < n; at += first_char(piece->text + at))
        n_pairs += is_part(t, piece->text, at) && is_part(t, piece->text + at, n - at);
    if (n_pairs != u->n_made) return false;
    if (n_pairs == 0) return true;
    if (n_pairs > 1 && u->used < u->last) return false;
    memset(ranks, 0, (n + 1) * sizeof *ranks);
    for (uint32_t rank = u->first; rank <= u->last; rank++) {
        size_t n_left = t->pieces[t->merges[rank].left].n_text;
        if (t->merges[rank].made != id || ranks[n_left]) return false;
        ranks[n_left] = rank + 1;
    }
    for (size_t at = 1; at < n; at++) /* A is text[0..at), B the rest, and the beginning of B C */
        if (ranks[at] && ranks[n - at] && ranks[at] > ranks[n - at] &&
            memcmp(piece->text, piece->text + at, n - at) == 0)
            return false;
    return true;
}

/* Scores for all pieces, if they say the same as the merges, which are then dropped. */
static void use_scores(nm_hf_tokenizer *t, const usage *usages)
{
    bool same = true;

    for (size_t id = 0; id < t->n_pieces; id++) {
        nm_sp_piece *piece = &t->pieces[id];
        if (piece->type == NOMUL_TOKEN_UNUSED) continue;
        piece->score = -(float)(usages[id].n_made ? usages[id].first : t->n_merges);
        if (may_merge(t, id))
            same = same && is_one_score(t, id, &usages[id]);
        else
            same = same && usages[id].n_made == 0;
    }
    if (!same) return;
    nm_free(t->merges);
    t->merges = NULL;
    t->n_merges = 0;
}

bool nm_tokenizer_json_merges(nm_hf_tokenizer *t, const nm_tokenizer_json *j, nomul_error *err)
{
    size_t n_bytes = t->n_pieces * sizeof(usage), n_byte_pieces = 0;

    if (j->unk_token.given) {
        size_t id = nm_names_find(&t->names, j->unk_token.data, j->unk_token.size);
        if (id == NM_NO_NAME)
            return nm_fail(err, NOMUL_E_FORMAT, "unk_token \"%s\" is not in the vocabulary",
                           j->unk_token.data);
        t->pieces[id].type = NOMUL_TOKEN_UNKNOWN;
        t->unk_id = (int32_t)id;
    }
    for (size_t id = 0; id < t->n_pieces; id++)
        n_byte_pieces += t->pieces[id].type == NOMUL_TOKEN_BYTE;
    if (n_byte_pieces != 256) /* no piece is there twice, so 256 are all */
        return nm_fail(err, NOMUL_E_FORMAT, "vocab has %zu byte pieces, expected <0x00> to <0xFF>",
                       n_byte_pieces);
    if (!read_merges(t, j, err)) return false;
    usage *usages = nm_alloc(n_bytes);
    if (!usages) return nm_fail_memory(err, n_bytes);
    for (size_t id = 0; id < t->n_pieces; id++) usages[id] = (usage){.used = UINT32_MAX};
    for (uint32_t rank = 0; rank < t->n_merges; rank++) {
        const nm_hf_merge *m = &t->merges[rank];
        usage             *made = &usages[m->made];
        if (made->n_made++ == 0) made->first = rank;
        made->last = rank;
        if (usages[m->left].used > rank) usages[m->left].used = rank;
        if (usages[m->right].used > rank) usages[m->right].used = rank;
    }
    /* A token that was added is merged, too, if the model's vocabulary and merges know it. */
    for (size_t id = 0; id < t->n_pieces; id++) {
        const nm_sp_piece *piece = &t->pieces[id];
        bool               known = usages[id].n_made > 0 || usages[id].used != UINT32_MAX ||
                     first_char(piece->text) == piece->n_text;
        if (!known) t->attr[id] &= (uint16_t)~NM_ATTR_MERGED;
    }
    use_scores(t, usages);
    nm_free(usages);
    return true;
}

/* ---- The file -------------------------------------------------------------------------------- */

typedef struct whole {
    nm_json added_tokens, normalizer, pre_tokenizer, post_processor, model;
} whole;

static const nm_hf_field whole_fields[] = {
    {"added_tokens", NM_HF_VALUE, offsetof(whole, added_tokens), true},
    {"normalizer", NM_HF_VALUE, offsetof(whole, normalizer), true},
    {"pre_tokenizer", NM_HF_VALUE, offsetof(whole, pre_tokenizer), true},
    {"post_processor", NM_HF_VALUE, offsetof(whole, post_processor), true},
    {"model", NM_HF_VALUE, offsetof(whole, model), false},
};

bool nm_tokenizer_json_read(nm_hf_tokenizer *t, nm_tokenizer_json *j, const char *text,
                            size_t n_text, nomul_error *err)
{
    whole  w = {.model = {0}};
    spaces done = {.prepend = false};
    model  m;

    if (!nm_hf_read_text(text, n_text, whole_fields, COUNT(whole_fields), &w, err) ||
        !read_normalizer(&done, w.normalizer, err) ||
        !read_pre_tokenizer(&done, w.pre_tokenizer, err))
        return false;
    if (!done.replace)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "normalizer: does not write spaces as \"" NM_BLANK "\": not supported");
    t->add_space_prefix = done.prepend;
    t->prefix = done.prefix;
    if (!nm_hf_expect(&w.model, "model", NM_JSON_OBJECT, err)) return false;
    if (!read_model(&m, &w.model, err)) return nm_fail_in(err, "model");
    *j = (nm_tokenizer_json){.merges = m.merges, .unk_token = m.unk_token, .splits = done.split};
    return read_vocab(t, m.vocab, err) && read_added_tokens(t, w.added_tokens, false, err) &&
           read_post_processor(t, &w.post_processor, err);
}

bool nm_tokenizer_json_added(nm_hf_tokenizer *t, const char *text, size_t n_text, nomul_error *err)
{
    whole w = {.model = {0}};

    return nm_hf_read_text(text, n_text, whole_fields, 1, &w, err) &&
           read_added_tokens(t, w.added_tokens, true, err);
}
