/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch/batch_line.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cli/options.h"

/* How much of a number or a key goes into a message. */
#define SHOWN 40

/* Numbers and their ranges are those of the options; a key is the name of a row. */
typedef struct number_args {
    nm_text_args text;
} number_args;

#define F(field) offsetof(number_args, field)
static const nm_option rows[] = {
    {0, "n_predict", NM_OPT_INT, F(text.n_predict), NULL, "N", NULL, -1, 1e9},
    NOMUL_SAMPLER_FIELDS(NM_SAMPLER_ROW) /* ends with a comma */
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

/* Keys that are not numbers; the bit of `seen` for a row comes after theirs. */
enum { KEY_PROMPT, KEY_ID, KEY_STOP, N_KEYS };
static const char *const keys[N_KEYS] = {"prompt", "id", "stop"};

typedef struct reader {
    nm_json        json;
    nm_batch_line *line;
    const char    *key;  /* the present key */
    uint64_t       seen; /* a bit for each key */
} reader;

/* ---- Values ---------------------------------------------------------------------------------- */

static int shown(const nm_json *json)
{
    if (json->n_text <= SHOWN) return (int)json->n_text;
    return SHOWN - (int)nm_utf8_unfinished(json->text, SHOWN);
}

static const char *type_words(const nm_json *json)
{
    static const char *const words[] = {
        [NM_JSON_OBJECT] = "an object", [NM_JSON_ARRAY] = "an array", [NM_JSON_STRING] = "a string",
        [NM_JSON_NUMBER] = "a number",  [NM_JSON_TRUE] = "true",      [NM_JSON_FALSE] = "false",
        [NM_JSON_NULL] = "null",
    };

    return words[json->type];
}

static bool wrong_type(const reader *r, const char *expected, nomul_error *err)
{
    return nm_fail(err, NOMUL_E_FORMAT, "%s: is %s, expected %s", r->key, type_words(&r->json),
                   expected);
}

/* Adds the string now, unescaped. */
static bool add_string(nm_text *text, const nm_json *json, nomul_error *err)
{
    size_t n_bytes = json->n_text;
    char  *bytes = nm_alloc(n_bytes);

    if (!bytes) return nm_fail_memory(err, n_bytes);
    bool ok = nm_text_add(text, bytes, nm_json_string(json, bytes), err);
    nm_free(bytes);
    return ok;
}

static bool take_prompt(reader *r, nomul_error *err)
{
    if (r->json.type != NM_JSON_STRING) return wrong_type(r, "a string", err);
    return add_string(&r->line->prompt, &r->json, err);
}

/* As it is spelled, escapes and all: it is a JSON value already. */
static bool take_id(reader *r, nomul_error *err)
{
    const nm_json *json = &r->json;
    nm_text       *id = &r->line->id;
    const char    *quote = json->type == NM_JSON_STRING ? "\"" : "";

    if (json->type != NM_JSON_STRING && json->type != NM_JSON_NUMBER)
        return wrong_type(r, "a string or a number", err);
    if (json->n_text > NM_BATCH_ID_BYTES)
        return nm_fail(err, NOMUL_E_FORMAT, "id: has %zu bytes, %d at most", json->n_text,
                       NM_BATCH_ID_BYTES);
    id->n_bytes = 0;
    return nm_text_add(id, quote, strlen(quote), err) &&
           nm_text_add(id, json->text, json->n_text, err) &&
           nm_text_add(id, quote, strlen(quote), err);
}

static bool add_stop(reader *r, nomul_error *err)
{
    nm_text *bytes = &r->line->stop_bytes;
    size_t   from = bytes->n_bytes;

    if (!add_string(bytes, &r->json, err)) return false;
    if (bytes->n_bytes == from)
        return nm_fail(err, NOMUL_E_FORMAT, "stop: every text ends with an empty one");
    if (memchr(bytes->data + from, '\0', bytes->n_bytes - from))
        return nm_fail(err, NOMUL_E_FORMAT, "stop: has a NUL in it");
    r->line->args.stops.n++;
    return nm_text_add(bytes, "", 1, err);
}

/* The bytes stay where they are from now on. */
static bool point_at_stops(nm_batch_line *line, nomul_error *err)
{
    nm_strings *stops = &line->args.stops;
    const char *at = line->stop_bytes.data;

    line->stops = nm_alloc(stops->n * sizeof *line->stops);
    if (!line->stops) return nm_fail_memory(err, stops->n * sizeof *line->stops);
    for (size_t i = 0; i < stops->n; i++) {
        line->stops[i] = at;
        at += strlen(at) + 1;
    }
    stops->at = line->stops;
    return true;
}

static bool take_stops(reader *r, nomul_error *err)
{
    nm_json *json = &r->json;

    r->line->args.stops = (nm_strings){0};
    if (json->type == NM_JSON_STRING) return add_stop(r, err) && point_at_stops(r->line, err);
    if (json->type != NM_JSON_ARRAY) return wrong_type(r, "a string or an array", err);
    while (nm_json_next(json) == NM_JSON_STRING)
        if (!add_stop(r, err)) return false;
    if (json->type == NM_JSON_ARRAY_END) return point_at_stops(r->line, err);
    if (json->type == NM_JSON_ERROR) return false;
    return nm_fail(err, NOMUL_E_FORMAT, "stop: has %s in it, expected strings", type_words(json));
}

/* ---- Numbers, with the ranges of the options ------------------------------------------------- */

static bool wrong_range(const reader *r, const nm_option *row, nomul_error *err)
{
    char range[80];

    nm_options_range(row, range, sizeof range);
    return nm_fail(err, NOMUL_E_FORMAT, "%s: %.*s is out of range (%s)", r->key, shown(&r->json),
                   r->json.text, range);
}

static bool is_whole(const nm_json *json)
{
    size_t sign = json->text[0] == '-';

    for (size_t i = sign; i < json->n_text; i++)
        if (json->text[i] < '0' || json->text[i] > '9') return false;
    return true;
}

static bool take_int(const reader *r, const nm_option *row, int64_t *field, nomul_error *err)
{
    int64_t value = 0;

    if (!is_whole(&r->json))
        return nm_fail(err, NOMUL_E_FORMAT, "%s: %.*s is not a whole number", r->key,
                       shown(&r->json), r->json.text);
    if (!nm_json_i64(&r->json, &value) || (double)value < row->min || (double)value > row->max)
        return wrong_range(r, row, err);
    *field = value;
    return true;
}

static bool take_float(const reader *r, const nm_option *row, double *field, nomul_error *err)
{
    double value = 0;
    bool   fits = nm_json_double(&r->json, &value) && value <= (double)FLT_MAX;

    if (fits ? value < row->min || value > row->max : r->json.text[0] == '-')
        return wrong_range(r, row, err);
    if (!fits)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: %.*s is too large", r->key, shown(&r->json),
                       r->json.text);
    *field = value;
    return true;
}

static bool take_number(reader *r, const nm_option *row, nomul_error *err)
{
    void *field = (char *)&r->line->args + row->field;

    if (r->json.type != NM_JSON_NUMBER) return wrong_type(r, "a number", err);
    return row->kind == NM_OPT_INT ? take_int(r, row, field, err) : take_float(r, row, field, err);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* A key and its value.  False too if the JSON itself breaks off: *err is then as it was. */
static bool take_member(reader *r, nomul_error *err)
{
    size_t           key = 0;
    const nm_option *row = NULL;

    while (key < N_KEYS && !nm_json_is(&r->json, keys[key])) key++;
    if (key < N_KEYS) {
        r->key = keys[key];
    } else {
        row = rows;
        while (row->kind != NM_OPT_END && (row->help || !nm_json_is(&r->json, row->name))) row++;
        if (row->kind == NM_OPT_END)
            return nm_fail(err, NOMUL_E_FORMAT, "unknown key \"%.*s\"", shown(&r->json),
                           r->json.text);
        key += (size_t)(row - rows);
        r->key = row->name;
    }
    if (r->seen >> key & 1) return nm_fail(err, NOMUL_E_FORMAT, "%s: occurs twice", r->key);
    r->seen |= UINT64_C(1) << key;
    if (nm_json_next(&r->json) == NM_JSON_ERROR) return false;
    switch (key) {
    case KEY_PROMPT: return take_prompt(r, err);
    case KEY_ID: return take_id(r, err);
    case KEY_STOP: return take_stops(r, err);
    default: assert(row); return take_number(r, row, err);
    }
}

/* To the end of a member that was wrong. */
static bool leave_member(nm_json *json)
{
    if (json->type == NM_JSON_KEY) nm_json_next(json);
    while (json->depth > 1)
        if (nm_json_next(json) == NM_JSON_ERROR) break;
    return json->type != NM_JSON_ERROR;
}

static bool wrong_json(const nm_json *json, nomul_error *err)
{
    return nm_fail(err, NOMUL_E_FORMAT, "byte %zu: %s", json->at + 1, json->problem);
}

/* The first thing that is wrong counts; what follows is read on for the id. */
static bool read_object(reader *r, nomul_error *err)
{
    bool ok = true;

    while (nm_json_next(&r->json) == NM_JSON_KEY) {
        nomul_error problem = {.code = NOMUL_OK};

        if (take_member(r, &problem)) continue;
        if (!leave_member(&r->json)) break;
        if (ok || problem.code == NOMUL_E_MEMORY) *err = problem;
        if (problem.code == NOMUL_E_MEMORY) return false;
        ok = false;
    }
    if (r->json.type != NM_JSON_ERROR) nm_json_next(&r->json); /* nothing follows */
    if (!ok) return false;
    if (r->json.type == NM_JSON_ERROR) return wrong_json(&r->json, err);
    if (!(r->seen >> KEY_PROMPT & 1)) return nm_fail(err, NOMUL_E_FORMAT, "prompt: is missing");
    return true;
}

bool nm_batch_line_read(nm_batch_line *line, const char *text, size_t n_bytes, uint64_t number,
                        const nm_text_args *defaults, nomul_error *err)
{
    reader r = {.line = line};
    char   id[32];

    line->args = *defaults;
    size_t n_id = (size_t)snprintf(id, sizeof id, "\"%" PRIu64 "\"", number);
    if (!nm_text_add(&line->id, id, n_id, err)) return false;
    if (n_bytes == 0 || text[0] != '{') return nm_text_add(&line->prompt, text, n_bytes, err);
    nm_json_init(&r.json, text, n_bytes);
    nm_json_next(&r.json); /* the brace */
    return read_object(&r, err);
}

void nm_batch_line_free(nm_batch_line *line)
{
    nm_text_free(&line->prompt);
    nm_text_free(&line->id);
    nm_text_free(&line->stop_bytes);
    nm_free(line->stops);
    line->stops = NULL;
}
