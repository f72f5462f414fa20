/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is read in one walk over its events (base/json.h): no tree is built.  What is an array or
 * needs a walk of its own is kept as a reader at its first event, NM_HF_VALUE, and walked later.
 * The wording of all errors about types is here: KEY is FOUND, expected EXPECTED.
 */
#include "convert/hf_json.h"

#include "base/error.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool nm_hf_path(char out[NM_HF_PATH], const char *directory, const char *name, nomul_error *err)
{
    int n = snprintf(out, NM_HF_PATH, "%s/%s", directory, name);

    if (*directory == '\0') return nm_fail(err, NOMUL_E_IO, "the directory name is empty");
    if (n >= 0 && n < NM_HF_PATH) return true;
    return nm_fail(err, NOMUL_E_ARG, "%s/%s: path is longer than %d bytes", directory, name,
                   NM_HF_PATH - 1);
}

const char *nm_hf_directory(char out[NM_HF_PATH], const char *directory, nomul_error *err)
{
    char       path[NM_HF_PATH], snapshot[80] = "snapshots/";
    nm_filemap map = {0};
    size_t     n = 0, at = strlen(snapshot);

    if (!nm_hf_path(path, directory, "config.json", err)) return NULL;
    if (nm_file_exists(path)) return directory;
    if (!nm_hf_path(path, directory, "snapshots", err)) return NULL;
    bool is_hub = nm_file_is_directory(path);
    if (!nm_hf_find(path, &map, directory, "refs/main", err)) return NULL;
    if (!map.data && is_hub)
        return nm_fail(err, NOMUL_E_IO, "%s: missing; name a folder in %s/snapshots", path,
                       directory),
               NULL;
    if (!map.data) return directory;
    while (n < map.size && n < 64 && isalnum(map.data[n])) n++; /* a hash of git, and a newline */
    memcpy(snapshot + at, map.data, n);
    snapshot[at + n] = '\0';
    nm_filemap_close(&map);
    if (n == 0) return nm_fail(err, NOMUL_E_FORMAT, "%s: names no snapshot", path), NULL;
    return nm_hf_path(out, directory, snapshot, err) ? out : NULL;
}

bool nm_hf_open(char path[NM_HF_PATH], nm_filemap *map, const char *directory, const char *name,
                nomul_error *err)
{
    nm_file file;

    *map = (nm_filemap){0};
    if (!nm_hf_path(path, directory, name, err) || !nm_file_open(&file, path, err)) return false;
    uint64_t size = file.size;
    nm_file_close(&file);
    if (size > NM_HF_MOST)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "%s: has %" PRIu64 " bytes, at most %d are read",
                       path, size, NM_HF_MOST);
    return nm_filemap_open(map, path, true, NULL, err);
}

bool nm_hf_find(char path[NM_HF_PATH], nm_filemap *map, const char *directory, const char *name,
                nomul_error *err)
{
    *map = (nm_filemap){0};
    if (!nm_hf_path(path, directory, name, err)) return false;
    return !nm_file_exists(path) || nm_hf_open(path, map, directory, name, err);
}

bool nm_hf_next(nm_json *json, nomul_error *err)
{
    return nm_json_next(json) != NM_JSON_ERROR || nm_json_fail(json, err);
}

bool nm_hf_more(nm_json *json, nomul_error *err)
{
    return nm_hf_next(json, err) && json->type != NM_JSON_ARRAY_END &&
           json->type != NM_JSON_OBJECT_END;
}

/* ---- One value ------------------------------------------------------------------------------- */

/* A number is shown as it is written, up to 40 bytes of it; of other values their kind. */
static bool fail_type(const nm_json *json, const char *key, const char *expected, nomul_error *err)
{
    if (json->type == NM_JSON_NUMBER)
        return nm_fail(err, NOMUL_E_FORMAT, "%s is %.*s, expected %s", key,
                       (int)(json->n_text < 40 ? json->n_text : 40), json->text, expected);
    return nm_fail(err, NOMUL_E_FORMAT, "%s is %s, expected %s", key,
                   nm_json_type_words(json->type), expected);
}

bool nm_hf_expect(const nm_json *json, const char *key, nm_json_type type, nomul_error *err)
{
    return json->type == type || fail_type(json, key, nm_json_type_words(type), err);
}

bool nm_hf_whole(const nm_json *json, const char *key, uint64_t *value, nomul_error *err)
{
    return nm_json_u64(json, value) || fail_type(json, key, "a whole number from 0 up", err);
}

bool nm_hf_number(const nm_json *json, const char *key, double *value, nomul_error *err)
{
    return nm_json_double(json, value) || fail_type(json, key, "a number", err);
}

bool nm_hf_bool(const nm_json *json, const char *key, bool *value, nomul_error *err)
{
    if (json->type != NM_JSON_TRUE && json->type != NM_JSON_FALSE)
        return fail_type(json, key, "true or false", err);
    *value = json->type == NM_JSON_TRUE;
    return true;
}

bool nm_hf_text_of(const nm_json *json, const char *key, nm_hf_text *text, nomul_error *err)
{
    char bytes[6 * sizeof text->data]; /* an escape is at most six bytes for one */

    if (!nm_hf_expect(json, key, NM_JSON_STRING, err)) return false;
    size_t size = json->n_text > sizeof bytes ? sizeof bytes : nm_json_string(json, bytes);
    if (size >= sizeof text->data)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "%s is longer than %zu bytes", key,
                       sizeof text->data - 1);
    memcpy(text->data, bytes, size);
    text->data[size] = '\0';
    text->size = (uint32_t)size;
    text->given = true;
    return true;
}

bool nm_hf_text_is(const nm_hf_text *text, const char *word)
{
    return text->given && text->size == strlen(word) && memcmp(text->data, word, text->size) == 0;
}

const char *nm_hf_take_string(const nm_json *json, char **at, size_t *n)
{
    char *text = *at;

    *n = nm_json_string(json, text);
    text[*n] = '\0';
    *at += *n + 1;
    return text;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

bool nm_hf_read_fields(nm_json *json, const nm_hf_field *fields, size_t n_fields, void *out,
                       nomul_error *err)
{
    bool seen[NM_HF_MAX_FIELDS] = {false}, ok = true;

    assert(n_fields <= NM_HF_MAX_FIELDS);
    while (ok) {
        size_t i = 0;
        if (!nm_hf_next(json, err)) return false;
        if (json->type == NM_JSON_OBJECT_END) return true;
        while (i < n_fields && !nm_json_is(json, fields[i].key)) i++;
        if (i < n_fields && seen[i])
            return nm_fail(err, NOMUL_E_FORMAT, "line %zu: %s occurs twice", nm_json_line(json),
                           fields[i].key);
        if (!nm_hf_next(json, err)) return false;
        if (i == n_fields) {
            ok = nm_json_skip(json) || nm_json_fail(json, err);
            continue;
        }
        const nm_hf_field *field = &fields[i];
        void              *to = (char *)out + field->offset;
        seen[i] = true;
        if (json->type == NM_JSON_NULL && field->null_ok) continue;
        switch (field->type) {
        case NM_HF_WHOLE: ok = nm_hf_whole(json, field->key, to, err); break;
        case NM_HF_BOOL: ok = nm_hf_bool(json, field->key, to, err); break;
        case NM_HF_TEXT: ok = nm_hf_text_of(json, field->key, to, err); break;
        case NM_HF_NUMBER: ok = nm_hf_number(json, field->key, to, err); break;
        case NM_HF_VALUE:
            *(nm_json *)to = *json;
            ok = nm_json_skip(json) || nm_json_fail(json, err);
        }
    }
    return false;
}

bool nm_hf_read_text(const char *text, size_t n_text, const nm_hf_field *fields, size_t n_fields,
                     void *out, nomul_error *err)
{
    nm_json json;

    nm_json_init(&json, text, n_text);
    json.python = true;
    if (!nm_hf_next(&json, err) || !nm_hf_expect(&json, "the whole", NM_JSON_OBJECT, err) ||
        !nm_hf_read_fields(&json, fields, n_fields, out, err))
        return false;
    return nm_hf_next(&json, err); /* the end, or an error for text after it */
}
