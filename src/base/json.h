/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pull reader of JSON (RFC 8259) over bytes in memory: no tree, no allocation, a depth limit.
 * Strict: no comments, no trailing commas, valid UTF-8 in strings, nothing behind the value.
 * And the one function that writes: a string, escaped.
 */
#ifndef NM_JSON_H
#define NM_JSON_H

#include "nomul.h"

#define NM_JSON_DEPTH 64

typedef enum nm_json_type {
    NM_JSON_ERROR, /* also every time after the first */
    NM_JSON_END,   /* after the one value */
    NM_JSON_OBJECT,
    NM_JSON_OBJECT_END,
    NM_JSON_ARRAY,
    NM_JSON_ARRAY_END,
    NM_JSON_KEY,
    NM_JSON_STRING,
    NM_JSON_NUMBER,
    NM_JSON_TRUE,
    NM_JSON_FALSE,
    NM_JSON_NULL,
} nm_json_type;

typedef struct nm_json {
    const char  *data;
    size_t       size, at;
    nm_json_type type; /* of the event now */
    const char  *text; /* KEY, STRING: between the quotes, still escaped; NUMBER: as spelled */
    size_t       n_text;
    const char  *problem; /* after NM_JSON_ERROR: what, as words */
    unsigned     depth;
    uint8_t      in_object[NM_JSON_DEPTH]; /* what each open level is */
    uint8_t      expect;                   /* the reader's own */
} nm_json;

void         nm_json_init(nm_json *json, const char *data, size_t size);
nm_json_type nm_json_next(nm_json *json);

/* Having just got the first event of a value, goes to its last; false on an error inside. */
bool nm_json_skip(nm_json *json);

/* Is the KEY or STRING now, unescaped, equal to this? */
bool nm_json_is(const nm_json *json, const char *text);

/*
 * Unescapes the KEY or STRING now into out[0..n_text] (never longer than n_text bytes, no NUL is
 * added) and gives its length.  A lone surrogate becomes U+FFFD.
 */
size_t nm_json_string(const nm_json *json, char *out);

/* The NUMBER now, if it is a whole one in range; or any as double. */
bool nm_json_u64(const nm_json *json, uint64_t *value);
bool nm_json_i64(const nm_json *json, int64_t *value);
bool nm_json_double(const nm_json *json, double *value);

/* Fills err with "line L: problem" and returns false.  Only after NM_JSON_ERROR. */
bool nm_json_fail(const nm_json *json, nomul_error *err);

/* The 1-based line on which the reader stands. */
size_t nm_json_line(const nm_json *json);

/*
 * Writes text[0..n_bytes) as a JSON string body (no quotes) into out, which has room for
 * 6 * n_bytes; invalid UTF-8 becomes U+FFFD.  Gives the length.
 */
size_t nm_json_escape(const char *text, size_t n_bytes, char *out);

#endif
