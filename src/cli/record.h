/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One result with named fields, written to stdout in the format that the user chose: lines for
 * people, JSON or CSV.  A command states its fields once, in order, whatever the format.  Nothing
 * is kept in memory: a field is printed as it is added, so an object may be as large as a model's
 * list of tensors.
 *
 *   nm_record r = {.format = NM_RECORD_JSON};
 *   nm_record_open(&r, NULL, '{');
 *   nm_record_text(&r, "file", path);              {"file":"a.gguf","tokens":12}
 *   nm_record_count(&r, "tokens", 12);
 *   nm_record_close(&r, '}');
 */
#ifndef NM_RECORD_H
#define NM_RECORD_H

#include "cli/output.h"

typedef enum nm_record_format {
    NM_RECORD_LINES,      /* name in `margin` columns, '_' as a space; value */
    NM_RECORD_JSON,       /* {"a":1,"b":2} */
    NM_RECORD_JSON_WIDE,  /* {"a": 1, "b": 2} */
    NM_RECORD_JSON_LINES, /* the members of an object one a line, indented by 4 */
    NM_RECORD_CSV_NAMES,  /* a,b */
    NM_RECORD_CSV,        /* "1","2" */
} nm_record_format;

#define NM_RECORD_MARGIN 16 /* where none is given; at most 40 */

/* Begins as a format and zeros; owns nothing.  Failures of stdout are output.h's to report. */
typedef struct nm_record {
    nm_record_format format;
    int              margin;
    bool             to_stderr; /* lines of numbers and words only */
    bool             more;      /* a separator comes before the next field */
} nm_record;

/*
 * An object '{' or an array '[' and its end, in JSON alone; name: of the field that it is, NULL at
 * the top and inside arrays, as for all fields below.
 */
void nm_record_open(nm_record *record, const char *name, char bracket);
void nm_record_close(nm_record *record, char bracket);

/* The name of the next field, where it is not one of ours: n_bytes of any text.  JSON alone. */
void nm_record_key(nm_record *record, const char *name, size_t n_bytes);

/* Any bytes: escaped in JSON, in CSV with quotes doubled, in lines with control bytes visible. */
void nm_record_text(nm_record *record, const char *name, const char *text);
void nm_record_bytes(nm_record *record, const char *name, const char *text, size_t n_bytes);

/* 16 hexadecimal digits, as a string. */
void nm_record_hash(nm_record *record, const char *name, uint64_t hash);

/* A number as it is printed; an empty text is null. */
void nm_record_number(nm_record *record, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Lines: 1,234 and 0.1235; JSON: 1234 and 0.123456789, null if it is not finite. */
void nm_record_count(nm_record *record, const char *name, uint64_t value);
void nm_record_real(nm_record *record, const char *name, double value);
void nm_record_bool(nm_record *record, const char *name, bool value);

/* JSON alone: an array, and a value that is already spelled as JSON. */
void nm_record_ids(nm_record *record, const char *name, const int32_t *ids, size_t n_ids);
void nm_record_spelled(nm_record *record, const char *name, const char *json, size_t n_bytes);

#endif
