/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First the pieces, of tokenizer.model or tokenizer.json, and the tokens that were added to them;
 * then the ids that begin and end a text, on which up to six files have a say, with the precedence
 * of the transformers library (4.46); then chat templates, and the keys of the model file.
 */
#include "convert/hf_tokenizer.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"
#include "convert/tokenizer_json.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define KEY "tokenizer.ggml."
#define CHAT_KEY "tokenizer.chat_template"
#define MAX_CHAT_NAME 60 /* a template with a longer name is left out */

/* ---- Side files ------------------------------------------------------------------------------ */

/* The tokens that a side file names. */
#define NAMED_TOKENS(ROW)                                                                          \
    ROW(UNK, "unk_token")                                                                          \
    ROW(BOS, "bos_token")                                                                          \
    ROW(EOS, "eos_token")                                                                          \
    ROW(PAD, "pad_token")                                                                          \
    ROW(SEP, "sep_token")                                                                          \
    ROW(CLS, "cls_token")                                                                          \
    ROW(MASK, "mask_token")
#define ID(name, key) name,
#define NAME(name, key) key,
#define NAMED_FIELD(name, key) {key, NM_HF_VALUE, F(named[name]), true},
enum { NAMED_TOKENS(ID) N_NAMED };
static const char *const named_keys[N_NAMED] = {NAMED_TOKENS(NAME)};

/* What a small JSON file says; its bytes stay mapped, as the nm_jsons point into them. */
typedef struct side_file {
    char       path[NM_HF_PATH];
    nm_filemap map;
    nm_json    add_bos, add_eos, add_prefix_space;
    nm_hf_text tokenizer_class;
    bool       legacy;
    nm_json    named[N_NAMED]; /* each a string, or an object with its content */
    nm_json    additional;     /* a list of such */
    nm_json    added_tokens_decoder;
    nm_json    chat_template;
    nm_json    bos_token_id, eos_token_id;
} side_file;

#define F(name) offsetof(side_file, name)
static const nm_hf_field tokenizer_config_fields[] = {
    {"add_bos_token", NM_HF_VALUE, F(add_bos), true},
    {"add_eos_token", NM_HF_VALUE, F(add_eos), true},
    {"add_prefix_space", NM_HF_VALUE, F(add_prefix_space), true},
    {"tokenizer_class", NM_HF_TEXT, F(tokenizer_class), true},
    {"legacy", NM_HF_BOOL, F(legacy), true},
    {"additional_special_tokens", NM_HF_VALUE, F(additional), true},
    {"added_tokens_decoder", NM_HF_VALUE, F(added_tokens_decoder), true},
    {"chat_template", NM_HF_VALUE, F(chat_template), true},
    NAMED_TOKENS(NAMED_FIELD)};

static const nm_hf_field special_tokens_fields[] = {
    {"additional_special_tokens", NM_HF_VALUE, F(additional), true}, NAMED_TOKENS(NAMED_FIELD)};

static const nm_hf_field generation_fields[] = {
    {"bos_token_id", NM_HF_VALUE, F(bos_token_id), true},
    {"eos_token_id", NM_HF_VALUE, F(eos_token_id), true},
};
#undef F

enum { CONFIG, SPECIALS, GENERATION, ADDED, N_SIDE_FILES };
static const struct {
    const char        *name;
    const nm_hf_field *fields;
    size_t             n_fields;
} side_files[N_SIDE_FILES] = {
    [CONFIG] = {"tokenizer_config.json", tokenizer_config_fields, COUNT(tokenizer_config_fields)},
    [SPECIALS] = {"special_tokens_map.json", special_tokens_fields, COUNT(special_tokens_fields)},
    [GENERATION] = {"generation_config.json", generation_fields, COUNT(generation_fields)},
    [ADDED] = {"added_tokens.json", NULL, 0}, /* {"TOKEN": id, ...} */
};

/* ---- Added tokens ---------------------------------------------------------------------------- */

/* The content of a token that a side file names: a string, or an object that has it. */
static bool read_named(nm_hf_added *added, const nm_json *value, const char *key, nomul_error *err)
{
    nm_json json = *value;

    *added = (nm_hf_added){.id = UINT64_MAX, .special = true};
    if (json.type == NM_JSON_STRING) return nm_hf_text_of(&json, key, &added->content, err);
    if (!nm_hf_expect(&json, key, NM_JSON_OBJECT, err) || !nm_hf_added_read(added, &json, err))
        return false;
    added->special = true;
    return added->content.given || nm_fail(err, NOMUL_E_FORMAT, "%s has no content", key);
}

/* Is this one of the tokens that the files name as special? */
static bool is_named(const nm_hf_text *content, const side_file files[N_SIDE_FILES])
{
    static const int from[] = {CONFIG, SPECIALS};
    nm_hf_added      added;
    nomul_error      ignored;

    for (size_t i = 0; i < COUNT(from); i++) {
        const side_file *f = &files[from[i]];
        nm_json          list = f->additional;
        for (size_t k = 0; k < N_NAMED; k++)
            if (nm_hf_given(&f->named[k]) && read_named(&added, &f->named[k], "", &ignored) &&
                nm_hf_text_is(&added.content, content->data))
                return true;
        if (list.type != NM_JSON_ARRAY) continue;
        while (nm_json_next(&list) == NM_JSON_STRING || list.type == NM_JSON_OBJECT) {
            if (read_named(&added, &list, "", &ignored) &&
                nm_hf_text_is(&added.content, content->data))
                return true;
            nm_json_skip(&list);
        }
    }
    return false;
}

/*
 * The tokens that one of two objects adds:
 *
 *     added_tokens_decoder of tokenizer_config.json    {"ID": {"content": "TOKEN", ...}, ...}
 *     or, without it, added_tokens.json                {"TOKEN": ID, ...}
 */
static bool read_added(nm_hf_tokenizer *t, const side_file files[N_SIDE_FILES], nomul_error *err)
{
    static const char key[] = "added_tokens_decoder";
    const side_file  *file = &files[CONFIG];
    nm_json           json = file->added_tokens_decoder, name;
    bool              decoder = nm_hf_given(&json);

    if (!decoder) {
        file = &files[ADDED];
        if (!file->map.data) return true;
        nm_json_init(&json, (const char *)file->map.data, file->map.size);
        json.python = true;
        nm_json_next(&json); /* the file is sound: it was read once */
    } else if (!nm_hf_expect(&json, key, NM_JSON_OBJECT, err)) {
        return nm_fail_in(err, "%s", file->path);
    }
    while (nm_hf_more(&json, err)) {
        nm_hf_added added = {.id = 0};
        uint64_t    id = 0;
        bool        ok;
        name = json;
        nm_json_next(&json);
        if (decoder) {
            name.type = NM_JSON_NUMBER;
            ok = nm_json_u64(&name, &id) ||
                 nm_fail(err, NOMUL_E_FORMAT, "\"%.*s\" is not an id",
                         (int)(name.n_text < 64 ? name.n_text : 64), name.text);
            ok = ok && nm_hf_added_read(&added, &json, err);
            added.id = id;
        } else {
            name.type = NM_JSON_STRING;
            ok = nm_hf_text_of(&name, "a token", &added.content, err) &&
                 nm_hf_whole(&json, added.content.data, &added.id, err);
            added.special = is_named(&added.content, files);
        }
        if (ok && nm_hf_added_place(t, &added, err)) continue;
        if (decoder) nm_fail_in(err, "%s", key);
        return nm_fail_in(err, "%s", file->path);
    }
    return json.type != NM_JSON_ERROR;
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

/* tokenizer.model, which t->file is. */
static bool read_model(nm_hf_tokenizer *t, nomul_error *err)
{
    nm_sentencepiece sp = {.pieces = NULL};

    bool ok = nm_sentencepiece_open(&sp, t->file.data, t->file.size, err);
    if (ok && sp.n_pieces > t->capacity)
        ok = nm_fail(err, NOMUL_E_FORMAT, "has %zu pieces, expected at most vocab_size %zu",
                     sp.n_pieces, t->capacity);
    if (ok) {
        memcpy(t->pieces, sp.pieces, sp.n_pieces * sizeof *t->pieces);
        t->n_pieces = sp.n_pieces;
        t->unk_id = sp.unk_id, t->bos_id = sp.bos_id, t->eos_id = sp.eos_id;
        t->add_space_prefix = sp.add_dummy_prefix;
        t->add_bos = true;
    }
    nm_sentencepiece_close(&sp);
    return ok;
}

/*
 * The vocabulary of tokenizer.model or, without it, of tokenizer.json; and the tokens that other
 * files add, the last of which is a tokenizer.json beside a tokenizer.model.
 */
static bool read_pieces(nm_hf_tokenizer *t, const char *directory,
                        const side_file files[N_SIDE_FILES], nomul_error *err)
{
    char              model_path[NM_HF_PATH], json_path[NM_HF_PATH];
    nm_filemap        json = {0};
    nm_tokenizer_json j;

    if (!nm_hf_find(model_path, &t->file, directory, "tokenizer.model", err)) return false;
    t->slow = t->file.data != NULL;
    t->prefix = t->slow && !files[CONFIG].legacy ? NM_PREFIX_FIRST : NM_PREFIX_ALWAYS;
    if (t->slow && !read_model(t, err)) return nm_fail_in(err, "%s", model_path);
    if (!nm_hf_find(json_path, &json, directory, "tokenizer.json", err)) return false;
    if (!t->slow && !json.data)
        return nm_fail(err, NOMUL_E_IO,
                       "%s: has neither tokenizer.model nor tokenizer.json (--no-tokenizer "
                       "converts without one)",
                       directory);

    /* Room for the texts of all files that the vocabulary is made of; all are in memory. */
    const char *text = (const char *)json.data, *path = t->slow ? model_path : json_path;
    size_t      n_text = json.size + files[CONFIG].map.size + files[ADDED].map.size;
    t->text = t->text_end = nm_alloc(n_text);
    bool ok = t->text || nm_fail_memory(err, n_text);
    if (ok && !t->slow)
        ok = nm_tokenizer_json_read(t, &j, text, json.size, err) || nm_fail_in(err, "%s", path);
    ok = ok && read_added(t, files, err);
    if (ok && t->slow && text)
        ok = nm_tokenizer_json_added(t, text, json.size, err) || nm_fail_in(err, "%s", json_path);
    ok = ok &&
         ((nm_hf_tokenizer_index(t, err) && (t->slow || nm_tokenizer_json_merges(t, &j, err))) ||
          nm_fail_in(err, "%s", path));
    nm_filemap_close(&json);
    return ok;
}

/* ---- Special ids ----------------------------------------------------------------------------- */

/* A special token that is no added one yet becomes one. */
static bool mark_special(nm_hf_tokenizer *t, size_t id, nm_hf_added *added, nomul_error *err)
{
    added->id = id;
    if (t->attr[id] & NM_ATTR_ADDED) {
        if (t->pieces[id].type == NOMUL_TOKEN_NORMAL) t->pieces[id].type = NOMUL_TOKEN_CONTROL;
    } else if (!nm_hf_added_place(t, added, err)) {
        return false;
    }
    if (t->prefix == NM_PREFIX_FIRST) t->attr[id] |= NM_ATTR_NAMED;
    return true;
}

/* The ids of the tokens that a side file names by their text; ids that it does not name stay. */
static bool named_tokens(nm_hf_tokenizer *t, const side_file *f, int32_t ids[N_NAMED],
                         nomul_error *err)
{
    nm_json list = f->additional;

    for (int i = 0; i < N_NAMED; i++) {
        nm_hf_added added;
        if (!nm_hf_given(&f->named[i])) continue;
        if (!read_named(&added, &f->named[i], named_keys[i], err)) return false;
        size_t id = nm_names_find(&t->names, added.content.data, added.content.size);
        if (id == NM_NO_NAME && i > EOS) continue; /* it only matters where it is in a text */
        if (id == NM_NO_NAME)
            return nm_fail(err, NOMUL_E_FORMAT, "%s is \"%s\", which is not in the vocabulary",
                           named_keys[i], added.content.data);
        if (i == UNK && t->pieces[id].type == NOMUL_TOKEN_NORMAL)
            t->pieces[id].type = NOMUL_TOKEN_UNKNOWN;
        if (!mark_special(t, id, &added, err)) return false;
        ids[i] = (int32_t)id;
    }
    if (list.type != NM_JSON_ARRAY) return true;
    while (nm_hf_more(&list, err)) {
        nm_hf_added added;
        if (!read_named(&added, &list, "additional_special_tokens", err)) return false;
        size_t id = nm_names_find(&t->names, added.content.data, added.content.size);
        if (id != NM_NO_NAME && !mark_special(t, id, &added, err)) return false;
        nm_json_skip(&list); /* the file is sound: it was read once */
    }
    return list.type != NM_JSON_ERROR;
}

/* Both ids, where they are known, belong to the vocabulary. */
static bool check_ids(const nm_hf_tokenizer *t, const char *place, const nm_hf_ids *ids,
                      nomul_error *err)
{
    int64_t     wrong = ids->eos, n = (int64_t)t->capacity;
    const char *key = "eos_token_id";

    for (size_t i = 0; i < ids->n_more && wrong < n; i++) wrong = ids->more_eos[i];
    if (wrong < n) wrong = ids->bos, key = "bos_token_id";
    if (wrong < n) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "%s: %s is %" PRId64 ", expected less than vocab_size %zu",
                   place, key, wrong, t->capacity);
}

/* The authors' default id, unless that is an ordinary piece: then the vocabulary is not theirs. */
static void use_default(const nm_hf_tokenizer *t, int32_t *id, int64_t by_default)
{
    if (*id >= 0 || by_default < 0 || by_default >= (int64_t)t->capacity) return;
    if (t->pieces[by_default].type == NOMUL_TOKEN_CONTROL) *id = (int32_t)by_default;
}

/* Adds an id that ends a text. */
static void add_end(nm_hf_tokenizer *t, int64_t id)
{
    if (id < 0) return;
    for (size_t i = 0; i < t->n_ends; i++)
        if (t->ends[i] == id) return;
    t->ends[t->n_ends++] = (int32_t)id;
}

/*
 * What ends a text: all ids of eos_token_id, of generation_config.json or else config.json; and the
 * tokenizer's eos_token, whose id may be another one.  Then the caller hears of both.
 */
static bool find_ends(nm_hf_tokenizer *t, const side_file files[N_SIDE_FILES], const nm_hf_ids *ids,
                      const char *ids_path, int32_t named_eos, nomul_error *err)
{
    bool differs = named_eos >= 0 && ids->eos >= 0 && named_eos != ids->eos;

    t->ends = nm_alloc((NM_HF_MAX_EOS + 2) * sizeof *t->ends);
    if (!t->ends) return nm_fail_memory(err, (NM_HF_MAX_EOS + 2) * sizeof *t->ends);
    for (size_t i = 0; i < ids->n_more; i++) differs = differs && named_eos != ids->more_eos[i];
    if (differs)
        nm_warn(t->warn.say, t->warn.context,
                "%s: eos_token is \"%.*s\", id %" PRId32 ", and %s: eos_token_id is %" PRId64
                ": both end a text",
                files[nm_hf_given(&files[CONFIG].named[EOS]) ? CONFIG : SPECIALS].path,
                (int)t->pieces[named_eos].n_text, t->pieces[named_eos].text, named_eos, ids_path,
                ids->eos);
    if (t->eos_id < 0) t->eos_id = (int32_t)ids->eos;
    use_default(t, &t->eos_id, ids->default_eos);
    if (ids->eos < 0 || named_eos >= 0) add_end(t, t->eos_id);
    add_end(t, ids->eos);
    for (size_t i = 0; i < ids->n_more; i++) add_end(t, ids->more_eos[i]);
    return true;
}

/* A flag of tokenizer_config.json; `out` stays if it is absent. */
static bool read_flag(const side_file *config, const nm_json *value, const char *key, bool *out,
                      nomul_error *err)
{
    return !nm_hf_given(value) || nm_hf_bool(value, key, out, err) ||
           nm_fail_in(err, "%s", config->path);
}

/* Classes of transformers that add BOS, whatever the post_processor of tokenizer.json says. */
static bool adds_bos(const nm_hf_text *name)
{
    static const char *const names[] = {
        "LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer", "CodeLlamaTokenizerFast",
        "GemmaTokenizer", "GemmaTokenizerFast", "CohereTokenizerFast"};

    for (size_t i = 0; i < COUNT(names); i++)
        if (nm_hf_text_is(name, names[i])) return true;
    return false;
}

/* Whether BOS, EOS and a leading space are added. */
static bool read_flags(nm_hf_tokenizer *t, const side_file *config, nomul_error *err)
{
    bool explicit_prefix = nm_hf_given(&config->add_prefix_space);

    if (adds_bos(&config->tokenizer_class)) t->add_bos = true, t->add_eos = false;
    if (!read_flag(config, &config->add_bos, "add_bos_token", &t->add_bos, err) ||
        !read_flag(config, &config->add_eos, "add_eos_token", &t->add_eos, err) ||
        !read_flag(config, &config->add_prefix_space, "add_prefix_space", &t->add_space_prefix,
                   err))
        return false;
    /* transformers' own space instead of the model's */
    if (t->prefix == NM_PREFIX_FIRST && !explicit_prefix) t->add_space_prefix = true;
    t->add_bos = t->add_bos && t->bos_id >= 0;
    if (t->add_eos && t->eos_id < 0)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "%s: add_eos_token is true, and no file names the token", config->path);
    return true;
}

/*
 * As in transformers: what is added to a text is what the post_processor says, or the tokenizer's
 * bos_token and eos_token; and a text ends with the model's eos_token_id.  Each stands in for the
 * other where that is absent; the authors' defaults stand in for both.  tokenizer_config.json
 * overrides special_tokens_map.json, and both override the tokenizer's own file.
 */
static bool special_ids(nm_hf_tokenizer *t, const char *directory,
                        const side_file files[N_SIDE_FILES], nm_hf_ids ids, nomul_error *err)
{
    static const int order[] = {SPECIALS, CONFIG};
    const side_file *generation = &files[GENERATION];
    int32_t          named[N_NAMED] = {-1, -1, -1, -1, -1, -1, -1};
    int32_t          first = t->add_bos ? t->bos_id : -1, last = t->add_eos ? t->eos_id : -1;
    char             path[NM_HF_PATH];

    for (size_t i = 0; i < COUNT(order); i++)
        if (!named_tokens(t, &files[order[i]], named, err))
            return nm_fail_in(err, "%s", files[order[i]].path);
    if (named[UNK] >= 0) t->unk_id = named[UNK];
    if (named[BOS] >= 0) t->bos_id = named[BOS];
    if (named[EOS] >= 0) t->eos_id = named[EOS];
    /* The ids of generation_config.json or, where it has none, of config.json. */
    if (!nm_hf_path(path, directory, "config.json", err) || !check_ids(t, path, &ids, err))
        return false;
    if (!nm_hf_token_id(&generation->bos_token_id, "bos_token_id", &ids.bos, err) ||
        !nm_hf_eos_ids(&generation->eos_token_id, &ids, err))
        return nm_fail_in(err, "%s", generation->path);
    if (!check_ids(t, generation->path, &ids, err)) return false;
    if (t->bos_id < 0) t->bos_id = (int32_t)ids.bos;
    use_default(t, &t->bos_id, ids.default_bos);
    bool ok =
        find_ends(t, files, &ids, nm_hf_given(&generation->eos_token_id) ? generation->path : path,
                  named[EOS], err) &&
        read_flags(t, &files[CONFIG], err);
    /* The post_processor's own ids, where it still decides. */
    bool rebuilt = adds_bos(&files[CONFIG].tokenizer_class);
    if (ok && !t->slow && !rebuilt && t->add_bos && first >= 0) t->bos_id = first;
    if (ok && !t->slow && !rebuilt && t->add_eos && last >= 0) t->eos_id = last;
    return ok;
}

/* ---- Chat templates -------------------------------------------------------------------------- */

static bool add_template(nm_hf_tokenizer *t, const nm_json *name, const nm_json *text,
                         nomul_error *err)
{
    nm_hf_template *to = &t->templates[t->n_templates];

    if (t->n_templates == NM_HF_MAX_TEMPLATES)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "chat_template: more than %d",
                       NM_HF_MAX_TEMPLATES);
    if (!nm_hf_expect(text, "chat_template", NM_JSON_STRING, err)) return false;
    *to = (nm_hf_template){.name = ""};
    if (name && !nm_json_is(name, "default"))
        to->name = nm_hf_take_string(name, &t->text_end, &to->n_name);
    to->text = nm_hf_take_string(text, &t->text_end, &to->n_text);
    t->n_templates++;
    return true;
}

/* One text, or [{"name": "tool_use", "template": "..."}, ...]; chat_template.jinja overrides. */
static bool read_templates(nm_hf_tokenizer *t, const char *directory, const side_file *config,
                           nomul_error *err)
{
    static const nm_hf_field fields[] = {{"name", NM_HF_VALUE, 0, false},
                                         {"template", NM_HF_VALUE, sizeof(nm_json), false}};
    nm_json                  json = config->chat_template;
    char                     path[NM_HF_PATH];

    if (!nm_hf_find(path, &t->template_file, directory, "chat_template.jinja", err)) return false;
    if (t->template_file.data) {
        const char *text = (const char *)t->template_file.data;
        size_t      n = t->template_file.size;
        if (!nm_utf8_valid(text, n))
            return nm_fail(err, NOMUL_E_FORMAT, "%s: is not valid UTF-8", path);
        t->templates[t->n_templates++] = (nm_hf_template){"", text, 0, n};
        return true;
    }
    if (!nm_hf_given(&json)) return true;
    if (json.type != NM_JSON_ARRAY)
        return add_template(t, NULL, &json, err) || nm_fail_in(err, "%s", config->path);
    while (nm_hf_more(&json, err)) {
        nm_json item[2] = {{0}, {0}};
        if (!nm_hf_expect(&json, "chat_template", NM_JSON_OBJECT, err) ||
            !nm_hf_read_fields(&json, fields, 2, item, err) ||
            !nm_hf_expect(&item[0], "name", NM_JSON_STRING, err) ||
            !add_template(t, &item[0], &item[1], err))
            return nm_fail_in(err, "%s", config->path);
    }
    return json.type != NM_JSON_ERROR;
}

/* ---- All of it ------------------------------------------------------------------------------- */

bool nm_hf_tokenizer_open(nm_hf_tokenizer *t, const char *directory, size_t n_vocab,
                          const nm_hf_ids *ids, nm_hf_warn warn, nomul_error *err)
{
    side_file files[N_SIDE_FILES] = {[CONFIG] = {.legacy = true}};
    size_t    n_bytes = n_vocab * sizeof *t->pieces;

    *t = (nm_hf_tokenizer){
        .capacity = n_vocab, .unk_id = -1, .bos_id = -1, .eos_id = -1, .warn = warn};
    bool ok = true;
    for (size_t i = 0; ok && i < N_SIDE_FILES; i++) { /* one that is absent leaves the defaults */
        side_file  *f = &files[i];
        const char *name = side_files[i].name;
        ok = nm_hf_find(f->path, &f->map, directory, name, err) &&
             (!f->map.data ||
              nm_hf_read_text((const char *)f->map.data, f->map.size, side_files[i].fields,
                              side_files[i].n_fields, f, err) ||
              nm_fail_in(err, "%s", f->path));
    }
    if (ok) {
        t->pieces = nm_alloc(n_bytes);
        t->attr = nm_alloc(n_vocab * sizeof *t->attr);
        ok = (t->pieces && t->attr) || nm_fail_memory(err, n_bytes);
    }
    if (ok) memset(t->pieces, 0, n_bytes), memset(t->attr, 0, n_vocab * sizeof *t->attr);
    ok = ok && read_pieces(t, directory, files, err) &&
         special_ids(t, directory, files, *ids, err) &&
         read_templates(t, directory, &files[CONFIG], err);
    /*
     * Types alone say which tokens are found in a text if all added ones are control tokens that
     * are found as they are spelled.  Else the file lists them; tokenizer.model's own are then
     * special tokens, too.
     */
    const int32_t  own[] = {t->unk_id, t->bos_id, t->eos_id};
    const uint16_t first = t->prefix == NM_PREFIX_FIRST ? NM_ATTR_NAMED : 0;
    const uint16_t plain = NM_ATTR_ADDED | NM_ATTR_CONTROL | first;
    for (size_t id = 0; ok && id < t->n_pieces; id++)
        if (t->attr[id] & NM_ATTR_ADDED)
            t->lists_added |= t->attr[id] != plain || t->pieces[id].type != NOMUL_TOKEN_CONTROL;
    for (size_t i = 0; t->slow && t->lists_added && i < COUNT(own); i++)
        if (own[i] >= 0 && t->pieces[own[i]].type != NOMUL_TOKEN_NORMAL)
            t->attr[own[i]] |= (t->attr[own[i]] & NM_ATTR_ADDED ? 0 : plain) | first;
    for (size_t i = 0; i < N_SIDE_FILES; i++) nm_filemap_close(&files[i].map);
    return ok;
}

void nm_hf_tokenizer_close(nm_hf_tokenizer *t)
{
    nm_free(t->pieces);
    nm_free(t->attr);
    nm_free(t->merges);
    nm_free(t->ends);
    nm_free(t->text);
    nm_free(t->pad_text);
    nm_names_close(&t->names);
    nm_filemap_close(&t->file);
    nm_filemap_close(&t->template_file);
    *t = (nm_hf_tokenizer){0};
}

/* ---- Keys of the model file ------------------------------------------------------------------ */

/* An element of an array of u32, i32 or f32. */
static void put_u32(nm_gguf_writer *w, uint32_t value)
{
    uint8_t bytes[4];

    nm_store_u32(bytes, value);
    nm_gguf_put_bytes(w, bytes, sizeof bytes);
}

/* Pairs in the order of their ranks.  One with a space in it is in no text. */
static void put_merges(const nm_hf_tokenizer *t, nm_gguf_writer *w)
{
    char   text[2 * NM_MAX_PIECE + 1];
    size_t n_kept = 0;

    for (int writing = 0; writing < 2; writing++) {
        if (writing) nm_gguf_put_array(w, KEY "merges", NOMUL_VALUE_STRING, n_kept);
        for (size_t i = 0; i < t->n_merges; i++) {
            const nm_sp_piece *a = &t->pieces[t->merges[i].left];
            const nm_sp_piece *b = &t->pieces[t->merges[i].right];
            if (memchr(a->text, ' ', a->n_text) || memchr(b->text, ' ', b->n_text)) continue;
            n_kept += !writing;
            if (!writing) continue;
            memcpy(text, a->text, a->n_text);
            text[a->n_text] = ' ';
            memcpy(text + a->n_text + 1, b->text, b->n_text);
            nm_gguf_put_element_string(w, text, a->n_text + 1 + b->n_text);
        }
    }
}

/* Keys that a file has only where they say something that the others do not. */
static void put_optional(const nm_hf_tokenizer *t, nm_gguf_writer *w)
{
    static const char *const prefixes[] = NM_PREFIX_NAMES;
    const char              *prefix = prefixes[t->prefix];
    size_t                   n_added = 0, n_named = 0;

    if (t->prefix != NM_PREFIX_ALWAYS) nm_gguf_put_string(w, KEY "pre", prefix, strlen(prefix));
    if (t->merges) put_merges(t, w);
    for (size_t id = 0; id < t->n_pieces; id++) n_added += (t->attr[id] & NM_ATTR_ADDED) != 0;
    for (int attr = 0; t->lists_added && attr < 2; attr++) { /* the ids, and how they are found */
        const char *key = attr ? KEY "added_token_attr" : KEY "added_token_ids";
        nm_gguf_put_array(w, key, NOMUL_VALUE_U32, n_added);
        for (size_t id = 0; id < t->n_pieces; id++)
            if (t->attr[id] & NM_ATTR_ADDED)
                put_u32(w, attr ? t->attr[id] & (uint32_t)NM_ATTR_ALL : (uint32_t)id);
    }
    if (t->n_ends != (t->eos_id >= 0) || (t->n_ends == 1 && t->ends[0] != t->eos_id)) {
        nm_gguf_put_array(w, KEY "eos_token_ids", NOMUL_VALUE_U32, t->n_ends);
        for (size_t i = 0; i < t->n_ends; i++) put_u32(w, (uint32_t)t->ends[i]);
    }
    /* The template without a name has a key of its own; the names of the others are listed. */
    for (size_t i = 0; i < t->n_templates; i++) {
        const nm_hf_template *chat = &t->templates[i];
        char                  key[sizeof CHAT_KEY + 1 + MAX_CHAT_NAME];
        if (chat->n_name > MAX_CHAT_NAME) continue;
        snprintf(key, sizeof key, CHAT_KEY "%s%s", chat->n_name ? "." : "", chat->name);
        nm_gguf_put_string(w, key, chat->text, chat->n_text);
        n_named += chat->n_name > 0;
    }
    if (n_named == 0) return;
    nm_gguf_put_array(w, CHAT_KEY "s", NOMUL_VALUE_STRING, n_named);
    for (size_t i = 0; i < t->n_templates; i++)
        if (t->templates[i].n_name > 0 && t->templates[i].n_name <= MAX_CHAT_NAME)
            nm_gguf_put_element_string(w, t->templates[i].name, t->templates[i].n_name);
}

void nm_hf_tokenizer_write(const nm_hf_tokenizer *t, nm_gguf_writer *w)
{
    nm_gguf_put_string(w, KEY "model", "llama", 5);
    nm_gguf_put_array(w, KEY "tokens", NOMUL_VALUE_STRING, t->n_pieces);
    for (size_t i = 0; i < t->n_pieces; i++)
        nm_gguf_put_element_string(w, t->pieces[i].text, t->pieces[i].n_text);
    nm_gguf_put_array(w, KEY "scores", NOMUL_VALUE_F32, t->n_pieces);
    for (size_t i = 0; i < t->n_pieces; i++) put_u32(w, nm_bits_of_float(t->pieces[i].score));
    nm_gguf_put_array(w, KEY "token_type", NOMUL_VALUE_I32, t->n_pieces);
    for (size_t i = 0; i < t->n_pieces; i++) put_u32(w, (uint32_t)t->pieces[i].type);
    /* A special id below 0 is none: the key is left out. */
    const struct {
        const char      *key;
        nomul_value_type type;
        int32_t          value;
    } rows[] = {
        {KEY "bos_token_id", NOMUL_VALUE_U32, t->bos_id},
        {KEY "eos_token_id", NOMUL_VALUE_U32, t->eos_id},
        {KEY "unknown_token_id", NOMUL_VALUE_U32, t->unk_id},
        {KEY "add_bos_token", NOMUL_VALUE_BOOL, t->add_bos},
        {KEY "add_eos_token", NOMUL_VALUE_BOOL, t->add_eos},
        {KEY "add_space_prefix", NOMUL_VALUE_BOOL, t->add_space_prefix},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].value >= 0)
            nm_gguf_put_bits(w, rows[i].key, rows[i].type, (uint32_t)rows[i].value);
    put_optional(t, w);
}
