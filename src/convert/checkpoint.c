/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tensor is in which file: with an index, weight_map says so, and each file must hold exactly
 * its tensors.
 *
 *     model.safetensors.index.json     {"metadata": ..., "weight_map": {"TENSOR": "FILE", ...}}
 *
 *     weight_map:  tensors --shard_of--> shards      numbered as the index names them
 *     checkpoint:  names --sources--> tensor in a header, and its shard
 *
 * All names of the index and the headers are in memory, no values.
 */
#include "convert/checkpoint.h"

#include "base/alloc.h"
#include "base/error.h"
#include "convert/hf_json.h"

#include <inttypes.h>
#include <string.h>

#define SINGLE "model.safetensors"
#define INDEX "model.safetensors.index.json"

/* The index while the shards are opened: tensor names, file names, and which is in which. */
typedef struct weight_map {
    nm_names  tensors, shards;
    uint32_t *shard_of; /* by number of the tensor; owned */
} weight_map;

/* ---- The index ------------------------------------------------------------------------------- */

/*
 * Reads the index in two passes, the first of which counts the members of weight_map.  *names gets
 * the unescaped names; each is shorter by its quotes than in the file, so n_text bytes suffice.
 */
static bool parse_index(weight_map *map, const char *text, size_t n_text, char **names,
                        nomul_error *err)
{
    static const nm_hf_field fields[] = {{"weight_map", NM_HF_VALUE, 0, false}};
    nm_json                  start = {0}, json;
    size_t                   n = 0;

    if (!nm_hf_read_text(text, n_text, fields, 1, &start, err) ||
        !nm_hf_expect(&start, "weight_map", NM_JSON_OBJECT, err))
        return false;
    for (json = start; nm_json_next(&json) == NM_JSON_KEY; n++) {
        nm_json_next(&json);
        nm_json_skip(&json); /* the JSON is sound: read_text has been through it */
    }
    if (!nm_names_open(&map->tensors, n, err) || !nm_names_open(&map->shards, n, err)) return false;
    map->shard_of = nm_alloc(n * sizeof *map->shard_of);
    *names = nm_alloc(n_text);
    if (!map->shard_of || !*names) return nm_fail_memory(err, n_text);

    char *at = *names;
    for (json = start; nm_json_next(&json) == NM_JSON_KEY;) {
        size_t      n_tensor, n_shard, number, index, n_before = map->tensors.n_names;
        const char *tensor = nm_hf_take_string(&json, &at, &n_tensor);
        if (!nm_hf_next(&json, err)) return false;
        if (!nm_hf_expect(&json, tensor, NM_JSON_STRING, err)) return nm_fail_in(err, "weight_map");
        const char *shard = nm_hf_take_string(&json, &at, &n_shard);
        /* A name from the file must not lead out of the directory. */
        if (n_shard == 0 || memchr(shard, '/', n_shard) || memchr(shard, '\0', n_shard) ||
            strcmp(shard, ".") == 0 || strcmp(shard, "..") == 0)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "weight_map: %s is in \"%s\", expected a plain file name", tensor,
                           shard);
        if (!nm_names_add(&map->shards, shard, n_shard, &number, err) ||
            !nm_names_add(&map->tensors, tensor, n_tensor, &index, err))
            return nm_fail_in(err, "weight_map");
        if (index != n_before)
            return nm_fail(err, NOMUL_E_FORMAT, "weight_map: %s occurs twice", tensor);
        map->shard_of[index] = (uint32_t)number;
    }
    return true;
}

/* ---- Shards ---------------------------------------------------------------------------------- */

/* Opens the files and allocates what add_tensors fills. */
static bool open_shards(nm_checkpoint *c, const nm_name *names, size_t n, nomul_error *err)
{
    char   path[NM_HF_PATH];
    size_t n_tensors = 0;

    c->shards = nm_alloc(n * sizeof *c->shards);
    if (!c->shards) return nm_fail_memory(err, n * sizeof *c->shards);
    for (size_t i = 0; i < n; i++) {
        nm_shard *shard = &c->shards[c->n_shards++];
        *shard = (nm_shard){.name = names[i].text, .file.file = NM_FILE_CLOSED};
        if (!nm_hf_path(path, c->directory, shard->name, err) ||
            !nm_safetensors_open(&shard->file, path, err))
            return false;
        n_tensors += shard->file.n_tensors;
    }
    c->sources = nm_alloc(n_tensors * sizeof *c->sources);
    if (!c->sources) return nm_fail_memory(err, n_tensors * sizeof *c->sources);
    return nm_names_open(&c->names, n_tensors, err);
}

/* The tensors of all shards.  With an index (map is not NULL) each must be where the index says. */
static bool add_tensors(nm_checkpoint *c, const weight_map *map, nomul_error *err)
{
    size_t number;

    for (const nm_shard *shard = c->shards; shard < c->shards + c->n_shards; shard++)
        for (size_t i = 0; i < shard->file.n_tensors; i++) {
            const nm_safetensor *tensor = &shard->file.tensors[i];
            const char          *name = tensor->name;
            number = map ? nm_names_find(&map->tensors, name, strlen(name)) : 0;
            if (number == NM_NO_NAME)
                return nm_fail(err, NOMUL_E_FORMAT, "%s/%s: tensor %s: not in weight_map of " INDEX,
                               c->directory, shard->name, name);
            const nm_shard *expected = map ? &c->shards[map->shard_of[number]] : shard;
            if (shard != expected)
                return nm_fail(err, NOMUL_E_FORMAT,
                               "%s/%s: tensor %s: expected in %s by weight_map of " INDEX,
                               c->directory, shard->name, name, expected->name);
            /* No name comes twice: not in one file, nor in two, as the index names one of them. */
            if (!nm_names_add(&c->names, name, strlen(name), &number, err))
                return nm_fail_in(err, "%s/%s", c->directory, shard->name);
            c->sources[number] = (nm_source){.tensor = tensor, .shard = shard};
        }
    for (size_t i = 0; map && i < map->tensors.n_names; i++) {
        const nm_name *name = &map->tensors.names[i];
        if (nm_names_find(&c->names, name->text, name->n_text) == NM_NO_NAME)
            return nm_fail(err, NOMUL_E_FORMAT, "%s/" INDEX ": weight_map: %s is not in %s",
                           c->directory, name->text, c->shards[map->shard_of[i]].name);
    }
    return true;
}

/* ---- The directory --------------------------------------------------------------------------- */

/* A path that is too long names no file. */
static bool has_file(const nm_checkpoint *c, const char *name)
{
    char path[NM_HF_PATH];
    return nm_hf_path(path, c->directory, name, NULL) && nm_file_exists(path);
}

bool nm_checkpoint_open(nm_checkpoint *c, const char *directory, nomul_error *err)
{
    static const nm_name single = {SINGLE, sizeof SINGLE - 1};
    const char          *pickle = NULL;
    weight_map           map = {.shard_of = NULL};
    char                 path[NM_HF_PATH];
    nm_filemap           file = {0};
    bool                 ok;

    *c = (nm_checkpoint){.directory = directory};
    if (has_file(c, SINGLE)) /* with or without an index, as in transformers */
        ok = open_shards(c, &single, 1, err) && add_tensors(c, NULL, err);
    else if (has_file(c, INDEX))
        ok = nm_hf_open(path, &file, directory, INDEX, err) &&
             (parse_index(&map, (const char *)file.data, file.size, &c->text, err) ||
              nm_fail_in(err, "%s", path)) &&
             open_shards(c, map.shards.names, map.shards.n_names, err) && add_tensors(c, &map, err);
    else if (has_file(c, pickle = "pytorch_model.bin") ||
             has_file(c, pickle = "pytorch_model.bin.index.json"))
        ok = nm_fail(err, NOMUL_E_UNSUPPORTED,
                     "%s/%s: not read, as loading a pickle runs code from it; to get safetensors, "
                     "load the model with transformers where you trust it and call "
                     "save_pretrained(DIR, safe_serialization=True)",
                     directory, pickle);
    else
        ok = nm_fail(err, NOMUL_E_IO, "%s: has neither " SINGLE " nor " INDEX, directory);
    nm_filemap_close(&file);
    nm_names_close(&map.tensors);
    nm_names_close(&map.shards);
    nm_free(map.shard_of);
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

    if (number == NM_NO_NAME)
        return nm_fail(err, NOMUL_E_FORMAT, "%s/%s: tensor %s: missing", c->directory,
                       c->text ? INDEX : SINGLE, name),
               NULL;
    c->sources[number].wanted = true;
    return &c->sources[number];
}

bool nm_checkpoint_fail_in(const nm_checkpoint *c, const nm_source *source, nomul_error *err)
{
    return nm_fail_in(err, "%s/%s: tensor %s", c->directory, source->shard->name,
                      source->tensor->name);
}

bool nm_checkpoint_all_wanted(const nm_checkpoint *c, nomul_error *err)
{
    for (size_t i = 0; i < c->names.n_names; i++) {
        const nm_source *source = &c->sources[i];
        if (source->wanted) continue;
        /* attn.h_conv1d; q_, f_ and i_conv1d where the kernel is not shared */
        if (strstr(source->tensor->name, "_conv1d"))
            nm_fail(err, NOMUL_E_UNSUPPORTED,
                    "a short convolution: not supported (no published model uses it)");
        else
            nm_fail(err, NOMUL_E_FORMAT, "not part of the model that config.json describes");
        return nm_checkpoint_fail_in(c, source, err);
    }
    return true;
}

bool nm_checkpoint_read(const nm_checkpoint *c, const nm_source *source, uint64_t offset, void *to,
                        size_t n_bytes, nomul_error *err)
{
    return nm_file_read(&source->shard->file.file, source->tensor->offset + offset, to, n_bytes,
                        err) ||
           nm_checkpoint_fail_in(c, source, err);
}
