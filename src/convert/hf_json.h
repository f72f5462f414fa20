/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the JSON files of a checkpoint: the members of an object go into the fields of a struct, by
 * a table.  Every error names the key, what was found and what was expected:
 *
 *     hidden_size is a string, expected a whole number from 0 up
 *
 * The caller adds the file.  Nothing is allocated.
 */
#ifndef NM_HF_JSON_H
#define NM_HF_JSON_H

#include "base/file.h"
#include "base/json.h"

#define NM_HF_PATH 4096

/* directory/name, or an error that names both if it is too long. */
bool nm_hf_path(char out[NM_HF_PATH], const char *directory, const char *name, nomul_error *err);

/*
 * The directory that holds config.json: this one; or, where it is a model's folder of the hub's
 * cache (models--ORG--NAME), the snapshot that its refs/main names, in `out`.  NULL with an error.
 */
const char *nm_hf_directory(char out[NM_HF_PATH], const char *directory, nomul_error *err);

/* Bytes of a file of text.  Far above any that is known: the largest tokenizer.json has 33 MB. */
#define NM_HF_MOST 100000000

/*
 * Reads directory/name into memory; `path` gets its path, for errors about what is in it.  find is
 * for a file that need not exist: then map->data is NULL.
 */
bool nm_hf_open(char path[NM_HF_PATH], nm_filemap *map, const char *directory, const char *name,
                nomul_error *err);
bool nm_hf_find(char path[NM_HF_PATH], nm_filemap *map, const char *directory, const char *name,
                nomul_error *err);

/* A short string, unescaped. */
typedef struct nm_hf_text {
    bool     given;
    uint32_t size;
    char     data[256]; /* NUL-terminated */
} nm_hf_text;

typedef enum nm_hf_type {
    NM_HF_WHOLE,  /* uint64_t */
    NM_HF_NUMBER, /* double */
    NM_HF_BOOL,   /* bool */
    NM_HF_TEXT,   /* nm_hf_text */
    NM_HF_VALUE,  /* nm_json: the reader at the first event of any value */
} nm_hf_type;

typedef struct nm_hf_field {
    const char *key;
    nm_hf_type  type;
    size_t      offset;  /* into the struct */
    bool        null_ok; /* null leaves the default, as an absent key does */
} nm_hf_field;

#define NM_HF_MAX_FIELDS 32

/*
 * Reads the object that begins at the current event, to its end.  Members without a field are
 * skipped; a member with a field may occur once.  `out` holds the defaults.
 */
bool nm_hf_read_fields(nm_json *json, const nm_hf_field *fields, size_t n_fields, void *out,
                       nomul_error *err);

/* The same for a whole file's text, which must outlive the NM_HF_VALUEs in `out`. */
bool nm_hf_read_text(const char *text, size_t n_text, const nm_hf_field *fields, size_t n_fields,
                     void *out, nomul_error *err);

/* Moves to the next event; false with an error for broken JSON. */
bool nm_hf_next(nm_json *json, nomul_error *err);

/*
 * Moves to the next element of the array or the next key of the object.  False at its end; and for
 * broken JSON, when json->type is NM_JSON_ERROR:
 *
 *     while (nm_hf_more(&json, err)) ...
 *     return json.type != NM_JSON_ERROR;
 */
bool nm_hf_more(nm_json *json, nomul_error *err);

/* The current value must be of this kind; `key` names it in the error. */
bool nm_hf_expect(const nm_json *json, const char *key, nm_json_type type, nomul_error *err);
bool nm_hf_whole(const nm_json *json, const char *key, uint64_t *value, nomul_error *err);
bool nm_hf_number(const nm_json *json, const char *key, double *value, nomul_error *err);
bool nm_hf_bool(const nm_json *json, const char *key, bool *value, nomul_error *err);
bool nm_hf_text_of(const nm_json *json, const char *key, nm_hf_text *text, nomul_error *err);

/* False for a text that is absent. */
bool nm_hf_text_is(const nm_hf_text *text, const char *word);

/*
 * Unescapes the current KEY or STRING to *at, adds a NUL and moves *at past it.  The NUL takes no
 * more than the quotes did, so all strings of a file fit into as many bytes as the file has.
 */
const char *nm_hf_take_string(const nm_json *json, char **at, size_t *n);

/* Is the member there, and not null? */
static inline bool nm_hf_given(const nm_json *value)
{
    return value->type != NM_JSON_ERROR && value->type != NM_JSON_NULL;
}

#endif
