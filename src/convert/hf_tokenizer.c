/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First the pieces, of tokenizer.model or tokenizer.json; then the ids that begin and end a text,
 * on which up to five files have a say, with the precedence of the transformers library.
 */
#include "convert/hf_tokenizer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "convert/tokenizer_json.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define PAD_TEXT 16 /* "[PAD16777215]" */

/* ---- Side files ------------------------------------------------------------------------------ */

/* What a small JSON file says; its bytes stay mapped, as the nm_jsons point into them. */
typedef struct side_file {
    char       path[NM_HF_PATH];
    nm_filemap map;
    bool       add_bos, add_eos;
    nm_json    add_prefix_space;
    nm_json    bos_token, eos_token, unk_token; /* a string, or an object with its content */
    nm_json    added_tokens_decoder;
    nm_json    bos_token_id, eos_token_id;
} side_file;

#define F(name) offsetof(side_file, name)
static const nm_hf_field tokenizer_config_fields[] = {
    {"add_bos_token", NM_HF_BOOL, F(add_bos), true},
    {"add_eos_token", NM_HF_BOOL, F(add_eos), true},
    {"add_prefix_space", NM_HF_VALUE, F(add_prefix_space), true},
    {"bos_token", NM_HF_VALUE, F(bos_token), true},
    {"eos_token", NM_HF_VALUE, F(eos_token), true},
    {"unk_token", NM_HF_VALUE, F(unk_token), true},
    {"added_tokens_decoder", NM_HF_VALUE, F(added_tokens_decoder), true},
};

static const nm_hf_field special_tokens_fields[] = {
    {"bos_token", NM_HF_VALUE, F(bos_token), true},
    {"eos_token", NM_HF_VALUE, F(eos_token), true},
    {"unk_token", NM_HF_VALUE, F(unk_token), true},
};

static const nm_hf_field generation_fields[] = {
    {"bos_token_id", NM_HF_VALUE, F(bos_token_id), true},
    {"eos_token_id", NM_HF_VALUE, F(eos_token_id), true},
};
#undef F

enum { CONFIG, SPECIALS, GENERATION, N_SIDE_FILES };
static const struct {
    const char        *name;
    const nm_hf_field *fields;
    size_t             n_fields;
} side_files[N_SIDE_FILES] = {
    [CONFIG] = {"tokenizer_config.json", tokenizer_config_fields, COUNT(tokenizer_config_fields)},
    [SPECIALS] = {"special_tokens_map.json", special_tokens_fields, COUNT(special_tokens_fields)},
    [GENERATION] = {"generation_config.json", generation_fields, COUNT(generation_fields)},
};

/* A file that does not exist leaves the defaults. */
static bool open_side_files(side_file files[N_SIDE_FILES], const char *directory, nomul_error *err)
{
    for (size_t i = 0; i < N_SIDE_FILES; i++) {
        side_file *f = &files[i];
        if (!nm_hf_path(f->path, directory, side_files[i].name, err)) return false;
        if (!nm_file_exists(f->path)) continue;
        if (!nm_filemap_open(&f->map, f->path, true, NULL, err)) return false;
        if (!nm_hf_read_text((const char *)f->map.data, f->map.size, side_files[i].fields,
                             side_files[i].n_fields, f, err))
            return nm_fail_in(err, "%s", f->path);
    }
    return true;
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

/* The added tokens beside a tokenizer.model: an object whose keys are the ids, as strings. */
static bool read_added_tokens(nm_hf_tokenizer *t, const nm_json *value, nomul_error *err)
{
    nm_json json = *value;

    for (;;) {
        nm_hf_added added = {.id = 0};
        uint64_t    id;
        if (!nm_hf_next(&json, err)) return false;
        if (json.type == NM_JSON_OBJECT_END) return true;
        nm_json number = json;
        number.type = NM_JSON_NUMBER;
        if (!nm_json_u64(&number, &id))
            return nm_fail(err, NOMUL_E_FORMAT, "\"%.*s\" is not an id",
                           (int)(json.n_text < 64 ? json.n_text : 64), json.text);
        if (!nm_hf_next(&json, err) || !nm_hf_added_read(&added, &json, err)) return false;
        added.id = id;
        if (!nm_hf_added_place(t, &added, err)) return false;
    }
}

/* tokenizer.model, and the tokens that tokenizer_config.json adds to it. */
static bool read_model(nm_hf_tokenizer *t, const char *path, const side_file *config,
                       nomul_error *err)
{
    static const char key[] = "added_tokens_decoder";
    const nm_json    *added = &config->added_tokens_decoder;
    nm_sentencepiece  sp = {.pieces = NULL};

    if (!nm_filemap_open(&t->file, path, true, NULL, err)) return false;
    bool ok = nm_sentencepiece_open(&sp, t->file.data, t->file.size, err);
    if (ok && sp.n_pieces > t->capacity)
        ok = nm_fail(err, NOMUL_E_FORMAT, "has %zu pieces, expected at most vocab_size %zu",
                     sp.n_pieces, t->capacity);
    if (ok) {
        memcpy(t->pieces, sp.pieces, sp.n_pieces * sizeof *t->pieces);
        t->n_pieces = sp.n_pieces;
        t->unk_id = sp.unk_id, t->bos_id = sp.bos_id, t->eos_id = sp.eos_id;
        t->add_space_prefix = sp.add_dummy_prefix;
    }
    nm_sentencepiece_close(&sp);
    if (!ok) return nm_fail_in(err, "%s", path);
    if (nm_hf_given(added)) {
        t->text = t->text_end = nm_alloc(config->map.size);
        if (!t->text) return nm_fail_memory(err, config->map.size);
        if (!nm_hf_expect(added, key, NM_JSON_OBJECT, err))
            return nm_fail_in(err, "%s", config->path);
        if (!read_added_tokens(t, added, err)) return nm_fail_in(err, "%s: %s", config->path, key);
    }
    return nm_hf_tokenizer_index(t, err) || nm_fail_in(err, "%s", path);
}

static bool read_pieces(nm_hf_tokenizer *t, const char *directory, const side_file *config,
                        nomul_error *err)
{
    char       path[NM_HF_PATH];
    nm_filemap map = {0};

    if (!nm_hf_path(path, directory, "tokenizer.model", err)) return false;
    if (nm_file_exists(path)) return read_model(t, path, config, err);
    if (!nm_hf_path(path, directory, "tokenizer.json", err)) return false;
    if (!nm_file_exists(path))
        return nm_fail(err, NOMUL_E_IO,
                       "%s: has neither tokenizer.model nor tokenizer.json (--no-tokenizer "
                       "converts without one)",
                       directory);
    bool ok = nm_filemap_open(&map, path, true, NULL, err) &&
              (nm_tokenizer_json_read(t, (const char *)map.data, map.size, err) ||
               nm_fail_in(err, "%s", path));
    nm_filemap_close(&map);
    return ok;
}

/* Ids of the embedding that no piece has get names of their own, and are never produced. */
static bool pad(nm_hf_tokenizer *t, nomul_error *err)
{
    size_t n_pads = t->capacity - t->n_pieces;

    t->pad_text = nm_alloc(n_pads * PAD_TEXT);
    if (!t->pad_text) return nm_fail_memory(err, n_pads * PAD_TEXT);
    for (char *text = t->pad_text; t->n_pieces < t->capacity; text += PAD_TEXT, t->n_pieces++) {
        size_t n = (size_t)snprintf(text, PAD_TEXT, "[PAD%" PRIu32 "]", (uint32_t)t->n_pieces);
        size_t number;
        if (!nm_names_add(&t->names, text, n, &number, err)) return nm_fail_in(err, "tokenizer");
        if (number != t->n_pieces)
            return nm_fail(err, NOMUL_E_UNSUPPORTED,
                           "tokenizer: \"%s\" is a piece, and the name for the unused id %zu", text,
                           t->n_pieces);
        t->pieces[t->n_pieces] = (nm_sp_piece){text, n, 0, NOMUL_TOKEN_UNUSED};
    }
    return true;
}

/* ---- Special ids ----------------------------------------------------------------------------- */

/* The id of a token that a side file names by its text; *id is unchanged if it names none. */
static bool named_token(nm_hf_tokenizer *t, const side_file *file, const nm_json *value,
                        const char *key, nomul_token_type type, int32_t *id, nomul_error *err)
{
    static const nm_hf_field content[] = {{"content", NM_HF_TEXT, 0, false}};
    nm_json                  json = *value;
    nm_hf_text               text = {.given = false};

    if (!nm_hf_given(value)) return true;
    bool ok = json.type == NM_JSON_STRING
                  ? nm_hf_text_of(&json, key, &text, err)
                  : nm_hf_expect(&json, key, NM_JSON_OBJECT, err) &&
                        nm_hf_read_fields(&json, content, 1, &text, err) &&
                        (text.given || nm_fail(err, NOMUL_E_FORMAT, "%s has no content", key));
    if (!ok) return nm_fail_in(err, "%s", file->path);
    size_t found = nm_names_find(&t->names, text.data, text.size);
    if (found == NM_NO_NAME)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: %s is \"%s\", which is not in the vocabulary",
                       file->path, key, text.data);
    if (t->pieces[found].type == NOMUL_TOKEN_NORMAL) t->pieces[found].type = type;
    *id = (int32_t)found;
    return true;
}

/* Both ids, where they are known, belong to the vocabulary. */
static bool check_ids(const nm_hf_tokenizer *t, const char *place, const nm_hf_ids *ids,
                      nomul_error *err)
{
    int64_t wrong = ids->bos < (int64_t)t->capacity ? ids->eos : ids->bos;

    if (wrong < (int64_t)t->capacity) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "%s: %s is %" PRId64 ", expected less than vocab_size %zu",
                   place, wrong == ids->bos ? "bos_token_id" : "eos_token_id", wrong, t->capacity);
}

/* The authors' default id, unless that is an ordinary piece: then the vocabulary is not theirs. */
static void use_default(const nm_hf_tokenizer *t, int32_t *id, int64_t by_default)
{
    if (*id >= 0 || by_default < 0 || by_default >= (int64_t)t->capacity) return;
    if (t->pieces[by_default].type == NOMUL_TOKEN_CONTROL) *id = (int32_t)by_default;
}

/*
 * As in transformers: a prompt begins with the tokenizer's bos_token, and a text ends with the
 * model's eos_token_id.  Each stands in for the other where that is absent; the authors' defaults
 * stand in for both.  tokenizer_config.json overrides special_tokens_map.json, and both override
 * the tokenizer's own file.  Then the flags, which need the ids.
 */
static bool special_ids(nm_hf_tokenizer *t, const char *directory,
                        const side_file files[N_SIDE_FILES], nm_hf_ids ids, nomul_error *err)
{
    static const int order[] = {SPECIALS, CONFIG};
    const side_file *config = &files[CONFIG], *generation = &files[GENERATION];
    char             path[NM_HF_PATH];

    for (size_t i = 0; i < COUNT(order); i++) {
        const side_file *f = &files[order[i]];
        if (!named_token(t, f, &f->unk_token, "unk_token", NOMUL_TOKEN_UNKNOWN, &t->unk_id, err) ||
            !named_token(t, f, &f->bos_token, "bos_token", NOMUL_TOKEN_CONTROL, &t->bos_id, err) ||
            !named_token(t, f, &f->eos_token, "eos_token", NOMUL_TOKEN_CONTROL, &t->eos_id, err))
            return false;
    }
    /* The ids of generation_config.json or, where it has none, of config.json. */
    if (!nm_hf_path(path, directory, "config.json", err) || !check_ids(t, path, &ids, err))
        return false;
    if (!nm_hf_token_id(&generation->bos_token_id, "bos_token_id", &ids.bos, err) ||
        !nm_hf_token_id(&generation->eos_token_id, "eos_token_id", &ids.eos, err))
        return nm_fail_in(err, "%s", generation->path);
    if (!check_ids(t, generation->path, &ids, err)) return false;
    if (t->bos_id < 0) t->bos_id = (int32_t)ids.bos;
    if (ids.eos >= 0) t->eos_id = (int32_t)ids.eos;
    use_default(t, &t->bos_id, ids.default_bos);
    use_default(t, &t->eos_id, ids.default_eos);

    t->add_bos = config->add_bos && t->bos_id >= 0; /* true unless a file says otherwise */
    t->add_eos = config->add_eos;
    if (t->add_eos && t->eos_id < 0)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "%s: add_eos_token is true, and no file names the token", config->path);
    if (nm_hf_given(&config->add_prefix_space) &&
        !nm_hf_bool(&config->add_prefix_space, "add_prefix_space", &t->add_space_prefix, err))
        return nm_fail_in(err, "%s", config->path);
    return true;
}

/* ---- All of it ------------------------------------------------------------------------------- */

bool nm_hf_tokenizer_open(nm_hf_tokenizer *t, const char *directory, size_t n_vocab,
                          const nm_hf_ids *ids, nomul_error *err)
{
    side_file files[N_SIDE_FILES] = {[CONFIG] = {.add_bos = true}};
    size_t    n_bytes = n_vocab * sizeof *t->pieces;

    *t = (nm_hf_tokenizer){.capacity = n_vocab, .unk_id = -1, .bos_id = -1, .eos_id = -1};
    bool ok = open_side_files(files, directory, err);
    if (ok) {
        t->pieces = nm_alloc(n_bytes);
        ok = t->pieces || nm_fail_memory(err, n_bytes);
    }
    if (ok) memset(t->pieces, 0, n_bytes);
    ok = ok && read_pieces(t, directory, &files[CONFIG], err) && pad(t, err) &&
         special_ids(t, directory, files, *ids, err);
    for (size_t i = 0; i < N_SIDE_FILES; i++) nm_filemap_close(&files[i].map);
    return ok;
}

void nm_hf_tokenizer_close(nm_hf_tokenizer *t)
{
    nm_free(t->pieces);
    nm_free(t->text);
    nm_free(t->pad_text);
    nm_names_close(&t->names);
    nm_filemap_close(&t->file);
    *t = (nm_hf_tokenizer){0};
}
