/* SPDX-License-Identifier: Apache-2.0 */
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

/* What the small JSON files say; their bytes stay, for the nm_jsons read them. */
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

/* A file that is not there leaves the defaults. */
static bool side_file_open(side_file *file, const char *directory, const char *name,
                           const nm_hf_field *fields, size_t n_fields, nomul_error *err)
{
    *file = (side_file){.add_bos = true};
    if (!nm_hf_path(file->path, directory, name, err)) return false;
    if (!nm_file_exists(file->path)) return true;
    if (!nm_filemap_open(&file->map, file->path, true, err)) return false;
    return nm_hf_read_text((const char *)file->map.data, file->map.size, fields, n_fields, file,
                           err) ||
           nm_fail_in(err, "%s", file->path);
}

typedef struct side_files {
    side_file config, specials, generation;
} side_files;

static bool side_files_open(side_files *files, const char *directory, nomul_error *err)
{
    return side_file_open(&files->config, directory, "tokenizer_config.json",
                          tokenizer_config_fields, COUNT(tokenizer_config_fields), err) &&
           side_file_open(&files->specials, directory, "special_tokens_map.json",
                          special_tokens_fields, COUNT(special_tokens_fields), err) &&
           side_file_open(&files->generation, directory, "generation_config.json",
                          generation_fields, COUNT(generation_fields), err);
}

static void side_files_close(side_files *files)
{
    nm_filemap_close(&files->config.map);
    nm_filemap_close(&files->specials.map);
    nm_filemap_close(&files->generation.map);
}

/* ---- Added tokens ---------------------------------------------------------------------------- */

/* The object's keys are the ids, as strings. */
static bool read_decoder(nm_hf_tokenizer *t, nm_json json, nomul_error *err)
{
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

/* tokenizer.json has these itself; beside a tokenizer.model they are in tokenizer_config.json. */
static bool add_tokens(nm_hf_tokenizer *t, const side_file *config, nomul_error *err)
{
    static const char key[] = "added_tokens_decoder";
    const nm_json    *value = &config->added_tokens_decoder;

    if (!nm_hf_given(value)) return true;
    t->text = t->text_end = nm_alloc(config->map.size);
    if (!t->text) return nm_fail_memory(err, config->map.size);
    if (!nm_hf_expect(value, key, NM_JSON_OBJECT, err)) return nm_fail_in(err, "%s", config->path);
    return read_decoder(t, *value, err) || nm_fail_in(err, "%s: %s", config->path, key);
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

static bool take_sentencepiece(nm_hf_tokenizer *t, const nm_sentencepiece *sp, nomul_error *err)
{
    if (sp->n_pieces > t->capacity)
        return nm_fail(err, NOMUL_E_FORMAT, "has %zu pieces, expected at most vocab_size %zu",
                       sp->n_pieces, t->capacity);
    memcpy(t->pieces, sp->pieces, sp->n_pieces * sizeof *t->pieces);
    t->n_pieces = sp->n_pieces;
    t->unk_id = sp->unk_id, t->bos_id = sp->bos_id, t->eos_id = sp->eos_id;
    t->add_space_prefix = sp->add_dummy_prefix;
    return true;
}

static bool read_model(nm_hf_tokenizer *t, const char *path, const side_file *config,
                       nomul_error *err)
{
    nm_sentencepiece sp = {.pieces = NULL};

    if (!nm_filemap_open(&t->file, path, true, err)) return false;
    bool ok = (nm_sentencepiece_open(&sp, t->file.data, t->file.size, err) &&
               take_sentencepiece(t, &sp, err)) ||
              nm_fail_in(err, "%s", path);
    nm_sentencepiece_close(&sp);
    return ok && add_tokens(t, config, err) &&
           (nm_hf_tokenizer_index(t, err) || nm_fail_in(err, "%s", path));
}

static bool read_json(nm_hf_tokenizer *t, const char *path, nomul_error *err)
{
    nm_filemap map = {0};

    bool ok = nm_filemap_open(&map, path, true, err) &&
              (nm_tokenizer_json_read(t, (const char *)map.data, map.size, err) ||
               nm_fail_in(err, "%s", path));
    nm_filemap_close(&map);
    return ok;
}

static bool read_pieces(nm_hf_tokenizer *t, const char *directory, const side_file *config,
                        nomul_error *err)
{
    char path[NM_HF_PATH];

    if (!nm_hf_path(path, directory, "tokenizer.model", err)) return false;
    if (nm_file_exists(path)) return read_model(t, path, config, err);
    if (!nm_hf_path(path, directory, "tokenizer.json", err)) return false;
    if (nm_file_exists(path)) return read_json(t, path, err);
    return nm_fail(err, NOMUL_E_IO,
                   "%s: has neither tokenizer.model nor tokenizer.json (--no-tokenizer converts "
                   "without one)",
                   directory);
}

/* Rows of the embedding that no piece names: they get names of their own, and are never made. */
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

/* The text of a bos_token or the like. */
static bool token_text(const nm_json *value, const char *key, nm_hf_text *text, nomul_error *err)
{
    static const nm_hf_field content[] = {{"content", NM_HF_TEXT, 0, false}};
    nm_json                  json = *value;

    *text = (nm_hf_text){.given = false};
    if (json.type == NM_JSON_STRING) return nm_hf_text_of(&json, key, text, err);
    if (!nm_hf_expect(&json, key, NM_JSON_OBJECT, err) ||
        !nm_hf_read_fields(&json, content, 1, text, err))
        return false;
    return text->given || nm_fail(err, NOMUL_E_FORMAT, "%s has no content", key);
}

/* The id of the token that a side file names; *id stays where it names none. */
static bool named_token(nm_hf_tokenizer *t, const side_file *file, const nm_json *value,
                        const char *key, nomul_token_type type, int32_t *id, nomul_error *err)
{
    nm_hf_text text;

    if (!nm_hf_given(value)) return true;
    if (!token_text(value, key, &text, err)) return nm_fail_in(err, "%s", file->path);
    size_t found = nm_names_find(&t->names, text.data, text.size);
    if (found == NM_NO_NAME)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: %s is \"%s\", which is not in the vocabulary",
                       file->path, key, text.data);
    if (t->pieces[found].type == NOMUL_TOKEN_NORMAL) t->pieces[found].type = type;
    *id = (int32_t)found;
    return true;
}

static bool check_id(const nm_hf_tokenizer *t, const char *place, const char *key, int64_t id,
                     nomul_error *err)
{
    if (id < (int64_t)t->capacity) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "%s: %s is %" PRId64 ", expected less than vocab_size %zu",
                   place, key, id, t->capacity);
}

/* generation_config.json where it says something, else config.json. */
static bool model_ids(const nm_hf_tokenizer *t, const char *directory, const side_file *generation,
                      nm_hf_ids *ids, nomul_error *err)
{
    char path[NM_HF_PATH];

    if (!nm_hf_path(path, directory, "config.json", err) ||
        !check_id(t, path, "bos_token_id", ids->bos, err) ||
        !check_id(t, path, "eos_token_id", ids->eos, err))
        return false;
    if (!nm_hf_token_id(&generation->bos_token_id, "bos_token_id", &ids->bos, err) ||
        !nm_hf_token_id(&generation->eos_token_id, "eos_token_id", &ids->eos, err))
        return nm_fail_in(err, "%s", generation->path);
    return check_id(t, generation->path, "bos_token_id", ids->bos, err) &&
           check_id(t, generation->path, "eos_token_id", ids->eos, err);
}

/* tokenizer_config.json wins over special_tokens_map.json, and both over the tokenizer's file. */
static bool named_tokens(nm_hf_tokenizer *t, const side_files *files, nomul_error *err)
{
    const side_file *const order[] = {&files->specials, &files->config};

    for (size_t i = 0; i < COUNT(order); i++) {
        const side_file *f = order[i];
        if (!named_token(t, f, &f->unk_token, "unk_token", NOMUL_TOKEN_UNKNOWN, &t->unk_id, err) ||
            !named_token(t, f, &f->bos_token, "bos_token", NOMUL_TOKEN_CONTROL, &t->bos_id, err) ||
            !named_token(t, f, &f->eos_token, "eos_token", NOMUL_TOKEN_CONTROL, &t->eos_id, err))
            return false;
    }
    return true;
}

/* Not where it is an ordinary piece: then the vocabulary is none that the authors thought of. */
static void use_default(const nm_hf_tokenizer *t, int32_t *id, int64_t by_default)
{
    if (*id >= 0 || by_default < 0 || by_default >= (int64_t)t->capacity) return;
    if (t->pieces[by_default].type == NOMUL_TOKEN_CONTROL) *id = (int32_t)by_default;
}

/*
 * As in transformers: what stands in front of a prompt is the tokenizer's bos_token; what ends a
 * text is the model's eos_token_id (generation_config.json's, the first if it is a list, else
 * config.json's).  Each stands in where the other says nothing, and the authors' defaults where
 * nobody does.
 */
static bool special_ids(nm_hf_tokenizer *t, const char *directory, const side_files *files,
                        const nm_hf_ids *config_ids, nomul_error *err)
{
    nm_hf_ids ids = *config_ids;

    if (!named_tokens(t, files, err) || !model_ids(t, directory, &files->generation, &ids, err))
        return false;
    if (t->bos_id < 0) t->bos_id = (int32_t)ids.bos;
    if (ids.eos >= 0) t->eos_id = (int32_t)ids.eos;
    use_default(t, &t->bos_id, ids.default_bos);
    use_default(t, &t->eos_id, ids.default_eos);
    t->add_bos = t->add_bos && t->bos_id >= 0; /* it is true unless a file says otherwise */
    if (t->add_eos && t->eos_id < 0)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "%s: add_eos_token is true, and no file names the token",
                       files->config.path);
    return true;
}

static bool take_flags(nm_hf_tokenizer *t, const side_file *config, nomul_error *err)
{
    const nm_json *prefix = &config->add_prefix_space;

    t->add_bos = config->add_bos;
    t->add_eos = config->add_eos;
    if (!nm_hf_given(prefix)) return true;
    if (prefix->type != NM_JSON_TRUE &&
        !nm_hf_expect(prefix, "add_prefix_space", NM_JSON_FALSE, err))
        return nm_fail_in(err, "%s", config->path);
    t->add_space_prefix = prefix->type == NM_JSON_TRUE;
    return true;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static bool open_with(nm_hf_tokenizer *t, const char *directory, const side_files *files,
                      const nm_hf_ids *ids, nomul_error *err)
{
    size_t n_bytes = t->capacity * sizeof *t->pieces;

    t->pieces = nm_alloc(n_bytes);
    if (!t->pieces) return nm_fail_memory(err, n_bytes);
    memset(t->pieces, 0, n_bytes);
    return read_pieces(t, directory, &files->config, err) && pad(t, err) &&
           take_flags(t, &files->config, err) && special_ids(t, directory, files, ids, err);
}

bool nm_hf_tokenizer_open(nm_hf_tokenizer *t, const char *directory, size_t n_vocab,
                          const nm_hf_ids *ids, nomul_error *err)
{
    side_files files = {.config = {.add_bos = true}};

    *t = (nm_hf_tokenizer){.capacity = n_vocab, .unk_id = -1, .bos_id = -1, .eos_id = -1};
    bool ok = side_files_open(&files, directory, err) && open_with(t, directory, &files, ids, err);
    side_files_close(&files);
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
