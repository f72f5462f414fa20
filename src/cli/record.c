/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats differ in what stands between fields, between a name and its value, and in how a
 * value is quoted and escaped.  Everything is printed at once, so the only state is whether a
 * separator is due: open brackets need no stack, because every field after a closed bracket
 * takes one.
 */
#include "cli/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What stands between fields, between a name and its value, and before a name. */
static const struct {
    const char *between, *colon, *indent;
} styles[] = {
    /* clang-format off */
    [NM_RECORD_LINES] = {"", "", ""},
    [NM_RECORD_JSON] = {",", ":", ""},
    [NM_RECORD_JSON_WIDE] = {", ", ": ", ""},
    [NM_RECORD_JSON_LINES] = {",\n", ": ", "    "},
    [NM_RECORD_CSV_NAMES] = {",", "", ""},
    [NM_RECORD_CSV] = {",", "", ""},
    /* clang-format on */
};

static bool is_json(const nm_record *r)
{
    return r->format >= NM_RECORD_JSON && r->format <= NM_RECORD_JSON_LINES;
}

/* Text of this file's own, where the record goes. */
static void emit(const nm_record *r, const char *text)
{
    if (r->to_stderr)
        fputs(text, stderr);
    else
        nm_output_write(text, strlen(text));
}

/* Everything before a value.  False if the format has no place for the value. */
static bool begin(nm_record *r, const char *name)
{
    if (r->more) emit(r, styles[r->format].between);
    r->more = true;
    if (r->format == NM_RECORD_LINES) {
        char label[41];
        snprintf(label, sizeof label, "%-*s", r->margin ? r->margin : NM_RECORD_MARGIN,
                 name ? name : "");
        for (char *c = label; *c; c++)
            if (*c == '_') *c = ' ';
        emit(r, label);
    } else if (is_json(r) && name) {
        nm_output_print("%s\"%s\"%s", styles[r->format].indent, name, styles[r->format].colon);
    } else if (r->format == NM_RECORD_CSV_NAMES) {
        emit(r, name ? name : "");
    }
    return r->format != NM_RECORD_CSV_NAMES;
}

/* Everything after it: in lines each value ends one. */
static void end(const nm_record *r)
{
    if (r->format == NM_RECORD_LINES) emit(r, "\n");
}

void nm_record_open(nm_record *r, const char *name, char bracket)
{
    if (!is_json(r)) return;
    begin(r, name);
    nm_output_print("%c", bracket);
    r->more = false;
}

void nm_record_close(nm_record *r, char bracket)
{
    if (!is_json(r)) return;
    nm_output_print("%c", bracket);
    r->more = true;
}

void nm_record_key(nm_record *r, const char *name, size_t n_bytes)
{
    begin(r, NULL);
    nm_output_json_string(name, n_bytes);
    nm_output_print("%s", styles[r->format].colon);
    r->more = false;
}

void nm_record_text(nm_record *r, const char *name, const char *text)
{
    nm_record_bytes(r, name, text, strlen(text));
}

void nm_record_bytes(nm_record *r, const char *name, const char *text, size_t n_bytes)
{
    if (!begin(r, name)) return;
    if (is_json(r)) {
        nm_output_json_string(text, n_bytes);
    } else if (r->format == NM_RECORD_CSV) {
        nm_output_print("\"");
        for (const char *quote; (quote = memchr(text, '"', n_bytes)) != NULL;) {
            size_t n = (size_t)(quote - text);
            nm_output_visible(text, n, false);
            nm_output_print("\"\"");
            text += n + 1, n_bytes -= n + 1;
        }
        nm_output_visible(text, n_bytes, false);
        nm_output_print("\"");
    } else {
        nm_output_visible(text, n_bytes, false);
    }
    end(r);
}

/* At most 255 bytes. */
void nm_record_number(nm_record *r, const char *name, const char *format, ...)
{
    char    value[256];
    va_list args;

    if (!begin(r, name)) return;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    if (r->format == NM_RECORD_CSV) emit(r, "\"");
    emit(r, is_json(r) && !*value ? "null" : value);
    if (r->format == NM_RECORD_CSV) emit(r, "\"");
    end(r);
}

void nm_record_hash(nm_record *r, const char *name, uint64_t hash)
{
    char digits[17];

    snprintf(digits, sizeof digits, "%016" PRIx64, hash);
    nm_record_text(r, name, digits);
}

void nm_record_count(nm_record *r, const char *name, uint64_t value)
{
    if (r->format == NM_RECORD_LINES)
        nm_record_number(r, name, "%s", nm_show_count(value).text);
    else
        nm_record_number(r, name, "%" PRIu64, value);
}

void nm_record_real(nm_record *r, const char *name, double value)
{
    if (r->format == NM_RECORD_LINES)
        nm_record_number(r, name, "%.4f", value);
    else if (isfinite(value))
        nm_record_number(r, name, "%.9g", value);
    else
        nm_record_number(r, name, "%s", "");
}

void nm_record_bool(nm_record *r, const char *name, bool value)
{
    nm_record_number(r, name, "%s", value ? "true" : "false");
}

void nm_record_ids(nm_record *r, const char *name, const int32_t *ids, size_t n_ids)
{
    nm_record_open(r, name, '[');
    for (size_t i = 0; i < n_ids; i++) nm_record_number(r, NULL, "%" PRId32, ids[i]);
    nm_record_close(r, ']');
}

void nm_record_spelled(nm_record *r, const char *name, const char *json, size_t n_bytes)
{
    if (begin(r, name)) nm_output_json_spelled(json, n_bytes);
}
