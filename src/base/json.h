/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pull parser for JSON (RFC 8259) in memory: no tree, no allocation, limited depth.  Strict: no
 * comments, no trailing commas, valid UTF-8 in strings, nothing after the value.  With `python` set
 * after nm_json_init it reads what Python's json module writes by default.  For writing there is
 * one function, which escapes a string.
 */
#ifndef NM_JSON_H
#define NM_JSON_H

#include "nomul.h"

#define NM_JSON_DEPTH 64

typedef enum nm_json_type {
    NM_JSON_ERROR, /* and so are all events after it */
    NM_JSON_END,   /* after the top-level value */
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
    nm_json_type type; /* of the current event */
    const char  *text; /* KEY, STRING: between the quotes, still escaped; NUMBER: as spelled */
    size_t       n_text;
    const char  *problem; /* after NM_JSON_ERROR: its text */
    unsigned     depth;
    uint8_t      in_object[NM_JSON_DEPTH]; /* of each open level: object or array? */
    uint8_t      expect;                   /* internal */
    bool         python; /* NaN, Infinity and -Infinity are numbers that have no value */
} nm_json;

void         nm_json_init(nm_json *json, const char *data, size_t size);
nm_json_type nm_json_next(nm_json *json);

/* After the first event of a value, goes to its last; false on an error inside. */
bool nm_json_skip(nm_json *json);

/* Is the current KEY or STRING, unescaped, equal to this? */
bool nm_json_is(const nm_json *json, const char *text);

/*
 * Unescapes the current KEY or STRING into out, at most n_text bytes without a NUL, and returns the
 * length.  A lone surrogate becomes U+FFFD.
 */
size_t nm_json_string(const nm_json *json, char *out);

/* The current NUMBER, if it is an integer from 0 to 2^64 - 1; or any number as double. */
bool nm_json_u64(const nm_json *json, uint64_t *value);
bool nm_json_double(const nm_json *json, double *value);

/* "an object", "a string", "true" ...; "missing" for what is no value. */
const char *nm_json_type_words(nm_json_type type);

/* Fills err with "line L: problem" and returns false.  Only after NM_JSON_ERROR. */
bool nm_json_fail(const nm_json *json, nomul_error *err);

/* The current line, from 1. */
size_t nm_json_line(const nm_json *json);

/*
 * Writes text[0..n_bytes) as the inside of a JSON string into out[6 * n_bytes]; invalid UTF-8
 * becomes U+FFFD, a control (base/visible.h) \uXXXX.  Returns the length.
 */
size_t nm_json_escape(const char *text, size_t n_bytes, char *out);
/* Of text that is JSON already: only the controls that JSON allows in a string, DEL and above. */
size_t nm_json_escape_controls(const char *text, size_t n_bytes, char *out);

#endif
