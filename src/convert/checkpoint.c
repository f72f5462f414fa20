/* SPDX-License-Identifier: Apache-2.0 */
#include "convert/checkpoint.h"

#include "base/alloc.h"
#include "base/error.h"
#include "convert/hf_json.h"

#include <inttypes.h>
#include <string.h>

#define SINGLE "model.safetensors"
#define INDEX "model.safetensors.index.json"

/* What the index says, while the shards are opened. */
typedef struct weight_map {
    nm_names  tensors;
    uint32_t *shard_of; /* by number of the tensor; owned */
    nm_names  shards;   /* file names */
} weight_map;

static void weight_map_close(weight_map *map)
{
    nm_names_close(&map->tensors);
    nm_names_close(&map->shards);
    nm_free(map->shard_of);
}

/* ---- The index ------------------------------------------------------------------------------- */

/* The weight_map object of the index's text, and how many members it has. */
static bool find_weight_map(const char *text, size_t n_text, nm_json *value, size_t *n_members,
                            nomul_error *err)
{
    static const nm_hf_field fields[] = {{"weight_map", NM_HF_VALUE, 0, false}};

    *value = (nm_json){0};
    if (!nm_hf_read_text(text, n_text, fields, 1, value, err) ||
        !nm_hf_expect(value, "weight_map", NM_JSON_OBJECT, err))
        return false;
    nm_json json = *value;
    for (*n_members = 0;; ++*n_members) {
        if (!nm_hf_next(&json, err)) return false;
        if (json.type == NM_JSON_OBJECT_END) return true;
        if (!nm_hf_next(&json, err) || !nm_hf_skip(&json, err)) return false;
    }
}

/* A name from the file must not lead out of the directory. */
static bool check_shard_name(const char *tensor, const char *shard, size_t n_shard,
                             nomul_error *err)
{
    bool plain = n_shard > 0 && !memchr(shard, '/', n_shard) && !memchr(shard, '\0', n_shard) &&
                 strcmp(shard, ".") != 0 && strcmp(shard, "..") != 0;

    if (plain) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "weight_map: %s is in \"%s\", expected a plain file name",
                   tensor, shard);
}

/* From the KEY now to the end of its value. */
static bool read_member(weight_map *map, nm_json *json, char **at, nomul_error *err)
{
    size_t      n_tensor, n_shard;
    const char *tensor = nm_hf_take_string(json, at, &n_tensor);

    if (!nm_hf_next(json, err)) return false;
    if (json->type != NM_JSON_STRING)
        return nm_hf_expect(json, tensor, NM_JSON_STRING, err) || nm_fail_in(err, "weight_map");
    const char *shard = nm_hf_take_string(json, at, &n_shard);
    if (!check_shard_name(tensor, shard, n_shard, err)) return false;

    size_t number, index, n_before = map->tensors.n_names;
    if (!nm_names_add(&map->shards, shard, n_shard, &number, err) ||
        !nm_names_add(&map->tensors, tensor, n_tensor, &index, err))
        return nm_fail_in(err, "weight_map");
    if (index != n_before)
        return nm_fail(err, NOMUL_E_FORMAT, "weight_map: %s is there twice", tensor);
    map->shard_of[index] = (uint32_t)number;
    return true;
}

/* *names gets the unescaped names; each is shorter by its quotes than what it was read from. */
static bool parse_index(weight_map *map, const char *text, size_t n_text, char **names,
                        nomul_error *err)
{
    nm_json json;
    size_t  n;

    if (!find_weight_map(text, n_text, &json, &n, err) || !nm_names_open(&map->tensors, n, err) ||
        !nm_names_open(&map->shards, n, err))
        return false;
    map->shard_of = nm_alloc(n * sizeof *map->shard_of);
    *names = nm_alloc(n_text);
    if (!map->shard_of || !*names) return nm_fail_memory(err, n_text);

    for (char *at = *names;;) {
        if (!nm_hf_next(&json, err)) return false;
        if (json.type == NM_JSON_OBJECT_END) return true;
        if (!read_member(map, &json, &at, err)) return false;
    }
}

static bool read_index(weight_map *map, nm_checkpoint *c, nomul_error *err)
{
    char       path[NM_HF_PATH];
    nm_filemap file = {0};

    bool ok = nm_hf_path(path, c->directory, INDEX, err) &&
              nm_filemap_open(&file, path, true, err) &&
              (parse_index(map, (const char *)file.data, file.size, &c->text, err) ||
               nm_fail_in(err, "%s", path));
    nm_filemap_close(&file);
    return ok;
}

/* ---- Shards ---------------------------------------------------------------------------------- */

static bool open_shards(nm_checkpoint *c, const nm_name *names, size_t n, nomul_error *err)
{
    char path[NM_HF_PATH];

    c->shards = nm_alloc(n * sizeof *c->shards);
    if (!c->shards) return nm_fail_memory(err, n * sizeof *c->shards);
    for (size_t i = 0; i < n; i++) {
        nm_shard *shard = &c->shards[c->n_shards++];
        *shard = (nm_shard){.name = names[i].text, .file.file = NM_FILE_CLOSED};
        if (!nm_hf_path(path, c->directory, shard->name, err) ||
            !nm_safetensors_open(&shard->file, path, err))
            return false;
    }
    return true;
}

/* Makes room for the tensors of all shards. */
static bool count_tensors(nm_checkpoint *c, nomul_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_shards; i++) n += c->shards[i].file.n_tensors;
    c->sources = nm_alloc(n * sizeof *c->sources);
    if (!c->sources) return nm_fail_memory(err, n * sizeof *c->sources);
    return nm_names_open(&c->names, n, err);
}

/* A tensor must be where the index says, and only there.  map is NULL without an index. */
static bool add_tensor(nm_checkpoint *c, const nm_shard *shard, const nm_safetensor *tensor,
                       const weight_map *map, nomul_error *err)
{
    size_t n_name = strlen(tensor->name), shard_number = (size_t)(shard - c->shards);

    if (map) {
        size_t found = nm_names_find(&map->tensors, tensor->name, n_name);
        if (found == NM_NO_NAME)
            return nm_fail(err, NOMUL_E_FORMAT, "%s/%s: tensor %s: not in weight_map of " INDEX,
                           c->directory, shard->name, tensor->name);
        if (map->shard_of[found] != shard_number)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "%s/%s: tensor %s: expected in %s by weight_map of " INDEX, c->directory,
                           shard->name, tensor->name, c->shards[map->shard_of[found]].name);
    }
    /* Names of one file are distinct, and no two files may hold what one entry of the map says. */
    size_t number;
    if (!nm_names_add(&c->names, tensor->name, n_name, &number, err))
        return nm_fail_in(err, "%s/%s", c->directory, shard->name);
    c->sources[number] = (nm_source){.tensor = tensor, .shard = shard};
    return true;
}

static bool add_tensors(nm_checkpoint *c, const weight_map *map, nomul_error *err)
{
    if (!count_tensors(c, err)) return false;
    for (size_t s = 0; s < c->n_shards; s++) {
        const nm_safetensors *file = &c->shards[s].file;
        for (size_t i = 0; i < file->n_tensors; i++)
            if (!add_tensor(c, &c->shards[s], &file->tensors[i], map, err)) return false;
    }
    return true;
}

static bool check_index(const nm_checkpoint *c, const weight_map *map, nomul_error *err)
{
    for (size_t i = 0; i < map->tensors.n_names; i++) {
        const nm_name *name = &map->tensors.names[i];
        if (nm_names_find(&c->names, name->text, name->n_text) == NM_NO_NAME)
            return nm_fail(err, NOMUL_E_FORMAT, "%s/" INDEX ": weight_map: %s is not in %s",
                           c->directory, name->text, c->shards[map->shard_of[i]].name);
    }
    return true;
}

static bool open_single(nm_checkpoint *c, nomul_error *err)
{
    static const nm_name name = {SINGLE, sizeof SINGLE - 1};
    return open_shards(c, &name, 1, err) && add_tensors(c, NULL, err);
}

static bool open_indexed(nm_checkpoint *c, nomul_error *err)
{
    weight_map map = {.shard_of = NULL};

    bool ok = read_index(&map, c, err) &&
              open_shards(c, map.shards.names, map.shards.n_names, err) &&
              add_tensors(c, &map, err) && check_index(c, &map, err);
    weight_map_close(&map);
    return ok;
}

/* ---- The directory --------------------------------------------------------------------------- */

static bool has_file(const nm_checkpoint *c, const char *name)
{
    char path[NM_HF_PATH];
    return nm_hf_path(path, c->directory, name, NULL) && nm_file_exists(path);
}

static bool fail_without_weights(const nm_checkpoint *c, nomul_error *err)
{
    const char *pickle = has_file(c, "pytorch_model.bin") ? "pytorch_model.bin"
                         : has_file(c, "pytorch_model.bin.index.json")
                             ? "pytorch_model.bin.index.json"
                             : NULL;

    if (pickle)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "%s/%s: not read, for a pickle runs code as it is loaded; to get "
                       "safetensors, load the model with transformers where you trust it and call "
                       "save_pretrained(DIR, safe_serialization=True)",
                       c->directory, pickle);
    return nm_fail(err, NOMUL_E_IO, "%s: has neither " SINGLE " nor " INDEX, c->directory);
}

/* If both are there the single file is read, as transformers does. */
bool nm_checkpoint_open(nm_checkpoint *c, const char *directory, nomul_error *err)
{
    *c = (nm_checkpoint){.directory = directory};
    bool ok = has_file(c, SINGLE)  ? open_single(c, err)
              : has_file(c, INDEX) ? open_indexed(c, err)
                                   : fail_without_weights(c, err);
    if (!ok) nm_checkpoint_close(c);
    return ok;
}

void nm_checkpoint_close(nm_checkpoint *c)
{
    for (size_t i = 0; i < c->n_shards; i++) nm_safetensors_close(&c->shards[i].file);
    nm_names_close(&c->names);
    nm_free(c->shards);
    nm_free(c->sources);
    nm_free(c->text);
    *c = (nm_checkpoint){0};
}

const nm_source *nm_checkpoint_find(nm_checkpoint *c, const char *name, nomul_error *err)
{
    size_t number = nm_names_find(&c->names, name, strlen(name));

    if (number == NM_NO_NAME) {
        nm_fail(err, NOMUL_E_FORMAT, "%s/%s: tensor %s: missing", c->directory,
                c->text ? INDEX : SINGLE, name);
        return NULL;
    }
    c->sources[number].wanted = true;
    return &c->sources[number];
}

bool nm_checkpoint_fail_in(const nm_checkpoint *c, const nm_source *source, nomul_error *err)
{
    return nm_fail_in(err, "%s/%s: tensor %s", c->directory, source->shard->name,
                      source->tensor->name);
}

static bool fail_unwanted(const nm_checkpoint *c, const nm_source *source, nomul_error *err)
{
    const char *name = source->tensor->name;

    /* attn.h_conv1d, or q_, f_ and i_conv1d where the kernel isn't shared */
    if (strstr(name, "_conv1d"))
        nm_fail(err, NOMUL_E_UNSUPPORTED,
                "a short convolution: not supported (no published model uses it)");
    else
        nm_fail(err, NOMUL_E_FORMAT, "not one of the model that config.json describes");
    return nm_checkpoint_fail_in(c, source, err);
}

bool nm_checkpoint_all_wanted(const nm_checkpoint *c, nomul_error *err)
{
    for (size_t i = 0; i < c->names.n_names; i++)
        if (!c->sources[i].wanted) return fail_unwanted(c, &c->sources[i], err);
    return true;
}

bool nm_checkpoint_read(const nm_checkpoint *c, const nm_source *source, uint64_t offset, void *to,
                        size_t n_bytes, nomul_error *err)
{
    return nm_file_read(&source->shard->file.file, source->tensor->offset + offset, to, n_bytes,
                        err) ||
           nm_checkpoint_fail_in(c, source, err);
}
