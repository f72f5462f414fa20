/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON: events nest, texts lie inside, unescaped strings are valid and escape back. */
#include "fuzz/fuzz.h"

#include "base/json.h"
#include "base/utf8.h"

#include <string.h>

static void check_utf8(const char *text, size_t size)
{
    for (size_t at = 0, n; at < size; at += n) {
        uint32_t code_point;
        n = nm_utf8_char(text + at, size - at, &code_point);
        MUST(n > 0);
    }
}

/* What was unescaped, escaped and read again, is the same. */
static void check_round_trip(const char *text, size_t size)
{
    char *escaped = malloc(6 * size + 2), *back = malloc(6 * size + 1);

    MUST(escaped && back);
    size_t n = nm_json_escape(text, size, escaped + 1);
    MUST(n <= 6 * size);
    escaped[0] = escaped[n + 1] = '"';
    nm_json json;
    nm_json_init(&json, escaped, n + 2);
    MUST(nm_json_next(&json) == NM_JSON_STRING && json.n_text == n);
    MUST(nm_json_string(&json, back) == size && memcmp(back, text, size) == 0);
    MUST(nm_json_next(&json) == NM_JSON_END);
    free(escaped);
    free(back);
}

static void check_string(const nm_json *json)
{
    char *out = malloc(json->n_text + 1);

    MUST(out);
    size_t n = nm_json_string(json, out);
    MUST(n <= json->n_text);
    check_utf8(out, n);
    check_round_trip(out, n);
    out[n] = '\0';
    if (!memchr(out, '\0', n)) MUST(nm_json_is(json, out));
    free(out);
}

static void check_number(const nm_json *json)
{
    uint64_t u = 0;
    double   d = 0;

    if (nm_json_u64(json, &u)) MUST(nm_json_double(json, &d) && d == (double)u);
}

static void walk(const uint8_t *data, size_t size)
{
    nm_json  json;
    unsigned depth = 0;
    size_t   n_events = 0;

    nm_json_init(&json, (const char *)data, size);
    for (;;) {
        nm_json_type type = nm_json_next(&json);
        MUST(type == json.type && json.at <= size && ++n_events <= size + 1);
        if (type == NM_JSON_OBJECT || type == NM_JSON_ARRAY) depth++;
        if (type == NM_JSON_OBJECT_END || type == NM_JSON_ARRAY_END) depth--;
        MUST(type == NM_JSON_ERROR || json.depth == depth);
        MUST(depth <= NM_JSON_DEPTH);
        if (type == NM_JSON_KEY || type == NM_JSON_STRING || type == NM_JSON_NUMBER)
            fuzz_touch(json.text, json.n_text);
        if (type == NM_JSON_KEY || type == NM_JSON_STRING) check_string(&json);
        if (type == NM_JSON_NUMBER) check_number(&json);
        if (type == NM_JSON_ERROR || type == NM_JSON_END) break;
    }
    if (json.type == NM_JSON_END) {
        MUST(depth == 0);
        return;
    }
    nomul_error err;
    MUST(!nm_json_fail(&json, &err) && strncmp(err.text, "line ", 5) == 0);
    MUST(nm_json_next(&json) == NM_JSON_ERROR);
}

/* Skipping a whole value and walking it agree on whether it is sound. */
static void skip(const uint8_t *data, size_t size)
{
    nm_json walked, skipped;

    nm_json_init(&walked, (const char *)data, size);
    while (nm_json_next(&walked) != NM_JSON_ERROR && walked.type != NM_JSON_END) {
    }
    nm_json_init(&skipped, (const char *)data, size);
    bool sound = nm_json_next(&skipped) != NM_JSON_ERROR && nm_json_skip(&skipped) &&
                 nm_json_next(&skipped) == NM_JSON_END;
    MUST(sound == (walked.type == NM_JSON_END));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    walk(data, size);
    skip(data, size);
    return 0;
}
