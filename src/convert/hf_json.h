/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON files of a checkpoint: members of an object into the fields of a struct, by a table.
 * Every message names the key, what it is and what was expected.
 */
#ifndef NM_HF_JSON_H
#define NM_HF_JSON_H

#include "base/file.h"
#include "base/json.h"

#define NM_HF_PATH 4096

/* directory/name, or an error that names both if it is too long. */
bool nm_hf_path(char out[NM_HF_PATH], const char *directory, const char *name, nomul_error *err);

/* A short string, unescaped. */
typedef struct nm_hf_text {
    bool     given;
    uint32_t size;
    char     data[256]; /* with a NUL behind it */
} nm_hf_text;

typedef enum nm_hf_type {
    NM_HF_WHOLE,  /* uint64_t */
    NM_HF_NUMBER, /* double */
    NM_HF_BOOL,   /* bool */
    NM_HF_TEXT,   /* nm_hf_text */
    NM_HF_VALUE,  /* nm_json: the reader, standing on the value's first event, whatever it is */
} nm_hf_type;

typedef struct nm_hf_field {
    const char *key;
    nm_hf_type  type;
    size_t      offset;  /* into the struct */
    bool        null_ok; /* null leaves the field alone, as an absent key does */
} nm_hf_field;

#define NM_HF_MAX_FIELDS 32

/*
 * Reads the object that begins with the event now, to its end.  Members without a field are
 * skipped; one with a field may be there once.  `out` begins with the defaults.
 */
bool nm_hf_read_fields(nm_json *json, const nm_hf_field *fields, size_t n_fields, void *out,
                       nomul_error *err);

/* The same for a whole text; out's NM_HF_VALUEs are good for as long as it is. */
bool nm_hf_read_text(const char *text, size_t n_text, const nm_hf_field *fields, size_t n_fields,
                     void *out, nomul_error *err);

/* The next event; false with an error if there is none. */
bool nm_hf_next(nm_json *json, nomul_error *err);
bool nm_hf_skip(nm_json *json, nomul_error *err);

/* The value now must be of this kind; `key` is what the message calls it. */
bool nm_hf_expect(const nm_json *json, const char *key, nm_json_type type, nomul_error *err);
bool nm_hf_whole(const nm_json *json, const char *key, uint64_t *value, nomul_error *err);
bool nm_hf_number(const nm_json *json, const char *key, double *value, nomul_error *err);
bool nm_hf_bool(const nm_json *json, const char *key, bool *value, nomul_error *err);
bool nm_hf_text_of(const nm_json *json, const char *key, nm_hf_text *text, nomul_error *err);

/* False for a text that was not given. */
bool nm_hf_text_is(const nm_hf_text *text, const char *word);

/*
 * The KEY or STRING now, unescaped to *at, which moves behind it and its NUL.  A string's quotes
 * make up for the NUL: all strings of a text fit into as many bytes as it has.
 */
const char *nm_hf_take_string(const nm_json *json, char **at, size_t *n);

/* Was there such a member at all, and not null? */
static inline bool nm_hf_given(const nm_json *value)
{
    return value->type != NM_JSON_ERROR && value->type != NM_JSON_NULL;
}

#endif
