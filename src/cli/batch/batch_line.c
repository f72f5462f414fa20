/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a JSON object member by member, so memory is that of the line.  The first mistake is the
 * one reported; the rest of the object is still read, because its id may follow.  Numbers go
 * through the rows of the options (options.h), so JSON and the command line have the same ranges.
 */
#include "cli/batch/batch_line.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/xxh64.h"

/* How much of a key goes into a message. */
#define SHOWN 40

/* Numbers and their ranges are those of the options; a key is the name of a row. */
#define F(field) offsetof(nm_text_settings, field)
static const nm_option rows[] = {
    {0, "n_predict", NM_OPT_INT, F(text.n_predict), NULL, "N", NULL, -1, 1e9, NM_NO_FILE},
    NOMUL_SAMPLER_FIELDS(NM_SAMPLER_ROW) /* ends with a comma */
    NM_END,
};

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

static bool wrong_type(const reader *r, const char *expected, nomul_error *err)
{
    return nm_fail(err, NOMUL_E_FORMAT, "%s: is %s, expected %s", r->key,
                   nm_json_type_words(r->json.type), expected);
}

/* Appends the present string, unescaped. */
static bool add_string(nm_buffer *text, const nm_json *json, nomul_error *err)
{
    size_t n_bytes = json->n_text; /* unescaped it is not longer */
    char  *bytes = nm_alloc(n_bytes);

    if (!bytes) return nm_fail_memory(err, n_bytes);
    bool ok = nm_buffer_add(text, bytes, nm_json_string(json, bytes), err);
    nm_free(bytes);
    return ok;
}

/* A string or an array of strings: first the bytes, each string with its NUL, then pointers. */
static bool take_stops(reader *r, nomul_error *err)
{
    nm_json       *json = &r->json;
    nm_batch_line *line = r->line;
    nm_strings    *stops = &line->args.stops;
    nm_buffer     *bytes = &line->stop_bytes;
    bool           is_array = json->type == NM_JSON_ARRAY;

    *stops = (nm_strings){0};
    if (!is_array && json->type != NM_JSON_STRING)
        return wrong_type(r, "a string or an array", err);
    if (is_array) nm_json_next(json);
    while (json->type == NM_JSON_STRING) {
        size_t from = bytes->n_bytes;

        if (!add_string(bytes, json, err)) return false;
        if (bytes->n_bytes == from)
            return nm_fail(err, NOMUL_E_FORMAT, "stop: a stop string cannot be empty");
        if (memchr(bytes->data + from, '\0', bytes->n_bytes - from))
            return nm_fail(err, NOMUL_E_FORMAT, "stop: has a NUL in it");
        if (!nm_buffer_add(bytes, "", 1, err)) return false;
        stops->n++;
        if (!is_array) break;
        nm_json_next(json);
    }
    if (json->type == NM_JSON_ERROR) return false;
    if (is_array && json->type != NM_JSON_ARRAY_END)
        return nm_fail(err, NOMUL_E_FORMAT, "stop: has %s in it, expected strings",
                       nm_json_type_words(json->type));
    stops->at = line->stops = nm_alloc(stops->n * sizeof *line->stops);
    if (!line->stops) return nm_fail_memory(err, stops->n * sizeof *line->stops);
    const char *at = bytes->data; /* the bytes do not move any more */
    for (size_t i = 0; i < stops->n; i++, at += strlen(at) + 1) line->stops[i] = at;
    return true;
}

/* A number in the range of its option. */
static bool take_number(reader *r, const nm_option *row, nomul_error *err)
{
    nm_buffer text = {0};

    if (r->json.type != NM_JSON_NUMBER) return wrong_type(r, "a number", err);
    bool ok =
        nm_buffer_add(&text, r->json.text, r->json.n_text, err) &&
        nm_buffer_add(&text, "", 1, err) &&
        (nm_option_number(row, text.data, &r->line->args, err) || nm_fail_in(err, "%s", r->key));
    nm_buffer_free(&text);
    return ok;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* A key and its value.  False too if the JSON itself is wrong: *err is then as it was. */
static bool take_member(reader *r, nomul_error *err)
{
    size_t           key = 0, quotes;
    const nm_option *row = NULL;
    const nm_json   *json = &r->json;
    nm_buffer       *id = &r->line->id;

    while (key < N_KEYS && !nm_json_is(&r->json, keys[key])) key++;
    if (key < N_KEYS) {
        r->key = keys[key];
    } else {
        row = rows;
        while (row->kind != NM_OPT_END && (row->help || !nm_json_is(&r->json, row->name))) row++;
        size_t n = json->n_text < SHOWN ? json->n_text : SHOWN;
        if (n < json->n_text) n -= nm_utf8_unfinished(json->text, n);
        if (row->kind == NM_OPT_END)
            return nm_fail(err, NOMUL_E_FORMAT, "unknown key \"%.*s\"", (int)n, json->text);
        key += (size_t)(row - rows);
        r->key = row->name;
    }
    if (r->seen >> key & 1) return nm_fail(err, NOMUL_E_FORMAT, "%s: occurs twice", r->key);
    r->seen |= UINT64_C(1) << key;
    if (nm_json_next(&r->json) == NM_JSON_ERROR) return false;
    switch (key) {
    case KEY_PROMPT:
        if (r->json.type != NM_JSON_STRING) return wrong_type(r, "a string", err);
        return add_string(&r->line->prompt, &r->json, err);
    case KEY_ID: /* kept as it is spelled, escapes and all: it is a JSON value already */
        if (json->type != NM_JSON_STRING && json->type != NM_JSON_NUMBER)
            return wrong_type(r, "a string or a number", err);
        if (json->n_text > NM_BATCH_ID_BYTES)
            return nm_fail(err, NOMUL_E_FORMAT, "id: has %zu bytes, %d at most", json->n_text,
                           NM_BATCH_ID_BYTES);
        id->n_bytes = 0;
        quotes = json->type == NM_JSON_STRING; /* one before and one after the text */
        return nm_buffer_add(id, json->text - quotes, json->n_text + 2 * quotes, err);
    case KEY_STOP: return take_stops(r, err);
    default: assert(row); return take_number(r, row, err);
    }
}

bool nm_batch_line_read(nm_batch_line *line, const char *text, size_t n_bytes, uint64_t number,
                        const nm_text_args *defaults, nomul_error *err)
{
    reader   r = {.line = line};
    nm_json *json = &r.json;
    bool     ok = true;
    char     id[32];

    line->args = *defaults;
    size_t n_id = (size_t)snprintf(id, sizeof id, "\"%" PRIu64 "\"", number);
    if (!nm_buffer_add(&line->id, id, n_id, err)) return false;
    if (n_bytes == 0 || text[0] != '{') return nm_buffer_add(&line->prompt, text, n_bytes, err);

    nm_json_init(json, text, n_bytes);
    nm_json_next(json); /* the brace */
    while (nm_json_next(json) == NM_JSON_KEY) {
        nomul_error problem = {.code = NOMUL_OK};

        if (take_member(&r, &problem)) continue;
        if (json->type == NM_JSON_KEY) nm_json_next(json); /* to the end of the wrong member */
        while (json->type != NM_JSON_ERROR && json->depth > 1) nm_json_next(json);
        if (json->type == NM_JSON_ERROR) break;
        if (ok || problem.code == NOMUL_E_MEMORY) *err = problem;
        if (problem.code == NOMUL_E_MEMORY) return false;
        ok = false;
    }
    if (json->type != NM_JSON_ERROR) nm_json_next(json); /* nothing follows */
    if (!ok) return false;
    if (json->type == NM_JSON_ERROR)
        return nm_fail(err, NOMUL_E_FORMAT, "byte %zu: %s", json->at + 1, json->problem);
    if (!(r.seen >> KEY_PROMPT & 1)) return nm_fail(err, NOMUL_E_FORMAT, "prompt: is missing");
    return true;
}

void nm_batch_line_free(nm_batch_line *line)
{
    nm_buffer_free(&line->prompt);
    nm_buffer_free(&line->id);
    nm_buffer_free(&line->stop_bytes);
    nm_free(line->stops);
    line->stops = NULL;
}

/* ---- Answers of an earlier run --------------------------------------------------------------- */

/* A sorted list of hashes: 8 bytes an answer, however long the texts are. */
static const uint64_t *hashes_of(const nm_batch_done *done, size_t *n)
{
    *n = done->hashes.n_bytes / sizeof(uint64_t);
    return (const uint64_t *)(const void *)done->hashes.data;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/*
 * An answer is an object with an id and a reason to finish or an error.  One that counts is not
 * cancelled; any other line is passed over: a program that was killed may have left half of one.
 * But where no line is an answer, nor could be half of one, the file is none of ours.
 */
bool nm_batch_done_read(nm_batch_done *done, const char *path, nomul_error *err)
{
    nm_lines    lines = {0};
    nm_line     read;
    const char *line;
    size_t      n_bytes, n;
    bool        ours = false, others = false;

    if (!nm_file_exists(path)) return true;
    lines.fd = nm_buffer_open(path, err);
    if (lines.fd < 0) return false;
    while ((read = nm_lines_next(&lines, true, &line, &n_bytes, err)) == NM_LINE_READ) {
        nm_json  json;
        bool     has_id = false, ended = false, cancelled = false;
        uint64_t hash = 0;

        nm_json_init(&json, line, n_bytes);
        bool ok = nm_json_next(&json) == NM_JSON_OBJECT;
        while (ok && nm_json_next(&json) == NM_JSON_KEY) {
            bool id = nm_json_is(&json, "id"), finish = nm_json_is(&json, "finish_reason");
            bool error = nm_json_is(&json, "error");

            nm_json_next(&json);
            size_t quotes = json.type == NM_JSON_STRING; /* an id is compared as it is spelled */
            if (id && (quotes || json.type == NM_JSON_NUMBER)) {
                hash = nm_xxh64_of(json.text - quotes, json.n_text + 2 * quotes);
                has_id = true;
            }
            ended |= finish || error;
            if (finish && quotes) cancelled = nm_json_is(&json, "cancelled");
            ok = nm_json_skip(&json);
        }
        ok = ok && json.type == NM_JSON_OBJECT_END && nm_json_next(&json) == NM_JSON_END;
        bool answers = ok && has_id && ended;
        if (answers || (!ok && n_bytes && !memcmp(line, "{\"id\":", n_bytes < 6 ? n_bytes : 6)))
            ours = true;
        else
            others = others || n_bytes; /* an empty line says nothing */
        if (!answers || cancelled) continue;
        if (!nm_buffer_add(&done->hashes, (const char *)&hash, sizeof hash, err)) break;
    }
    nm_buffer_close(lines.fd);
    nm_buffer_free(&lines.buffer);
    if (read != NM_LINE_END) return nm_fail_in(err, "%s", path);
    if (others && !ours)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "%s: has no answer in it, expected the output of nomul batch", path);
    hashes_of(done, &n);
    if (n > 0) qsort(done->hashes.data, n, sizeof(uint64_t), compare);
    return true;
}

bool nm_batch_done_has(const nm_batch_done *done, const nm_buffer *id, size_t n_answers)
{
    uint64_t        hash = nm_xxh64_of(id->data, id->n_bytes);
    size_t          n, first = 0, end;
    const uint64_t *hashes = hashes_of(done, &n);

    for (end = n; first < end;) { /* the first that is not smaller: equal ones may be many */
        size_t middle = first + (end - first) / 2;
        if (hashes[middle] < hash)
            first = middle + 1;
        else
            end = middle;
    }
    return n - first >= n_answers && (n_answers == 0 || hashes[first + n_answers - 1] == hash);
}

void nm_batch_done_free(nm_batch_done *done)
{
    nm_buffer_free(&done->hashes);
}
