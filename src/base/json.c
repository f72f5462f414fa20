/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser is a state machine: what may come next, and a stack of open levels, one bool each.
 * What is read is not copied: an event points into the text.
 *
 *     expected          what may come                                         then
 *     VALUE             a scalar; '[' or '{' opens a level                    COMMA_OR_END, or
 *     FIRST_OR_END      in an array a value or ']', in an object              NOTHING where no
 *                       key ':' value or '}'                                  level is open
 *     COMMA_OR_END      ',' and one more of these; or the end of the level
 *     NOTHING           space
 *
 * A string is checked once, when its event is read; the functions that unescape it rely on that.
 */
#include "base/json.h"

#include "base/error.h"
#include "base/utf8.h"
#include "base/visible.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may come next. */
enum {
    EXPECT_VALUE,        /* at the start and after a colon */
    EXPECT_FIRST_OR_END, /* after '[' a value, after '{' a key */
    EXPECT_COMMA_OR_END, /* after a value in an array or object */
    EXPECT_NOTHING,      /* after the top-level value */
    EXPECT_FAILED,
};

void nm_json_init(nm_json *json, const char *data, size_t size)
{
    *json = (nm_json){.data = data, .size = size, .expect = EXPECT_VALUE};
}

static nm_json_type fail(nm_json *json, const char *problem)
{
    json->problem = problem;
    json->expect = EXPECT_FAILED;
    return json->type = NM_JSON_ERROR;
}

/* The byte `ahead` bytes further, or -1 past the end. */
static int peek(const nm_json *json, size_t ahead)
{
    return ahead < json->size - json->at ? (unsigned char)json->data[json->at + ahead] : -1;
}

static void skip_space(nm_json *json)
{
    for (int c = peek(json, 0); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(json, 0))
        json->at++;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(int c)
{
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* After a value: what may follow depends on what it is part of. */
static nm_json_type end_value(nm_json *json, nm_json_type type)
{
    json->expect = json->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
    return json->type = type;
}

/* From the opening quote past the closing one.  The text is checked, and stays escaped. */
static bool read_string(nm_json *json)
{
    size_t begin = ++json->at;

    for (int c = peek(json, 0); c != '"'; c = peek(json, 0)) {
        uint32_t code_point;
        size_t   length = 1;
        if (c < 0) return fail(json, "unterminated string");
        if (c < 0x20) return fail(json, "control character in a string");
        if (c == '\\') {
            int letter = peek(json, 1);
            length = letter == 'u' ? 6 : 2; /* \uXXXX, \n */
            for (size_t i = 2; i < length; i++)
                if (hex_digit(peek(json, i)) < 0) letter = 0;
            if (letter <= 0 || !strchr("\"\\/bfnrtu", letter))
                return fail(json, "invalid escape in a string");
        } else if (c >= 0x80) {
            length = nm_utf8_char(json->data + json->at, json->size - json->at, &code_point);
            if (length == 0) return fail(json, "invalid UTF-8 in a string");
        }
        json->at += length;
    }
    json->text = json->data + begin;
    json->n_text = json->at - begin;
    json->at++;
    return true;
}

static bool read_digits(nm_json *json)
{
    if (!is_digit(peek(json, 0))) return fail(json, "invalid number");
    while (is_digit(peek(json, 0))) json->at++;
    return true;
}

static nm_json_type read_number(nm_json *json)
{
    size_t begin = json->at;

    if (peek(json, 0) == '-') json->at++;
    if (peek(json, 0) == '0' && is_digit(peek(json, 1)))
        return fail(json, "number with a leading zero");
    if (!read_digits(json)) return NM_JSON_ERROR;
    if (peek(json, 0) == '.') {
        json->at++;
        if (!read_digits(json)) return NM_JSON_ERROR;
    }
    if (peek(json, 0) == 'e' || peek(json, 0) == 'E') {
        json->at++;
        if (peek(json, 0) == '+' || peek(json, 0) == '-') json->at++;
        if (!read_digits(json)) return NM_JSON_ERROR;
    }
    json->text = json->data + begin;
    json->n_text = json->at - begin;
    return end_value(json, NM_JSON_NUMBER);
}

_Static_assert(NM_JSON_DEPTH == 64, "the message below says 64");

static nm_json_type read_value(nm_json *json)
{
    static const struct {
        const char  *text;
        nm_json_type type;
    } words[] = {{"true", NM_JSON_TRUE},       {"false", NM_JSON_FALSE},
                 {"null", NM_JSON_NULL},       {"NaN", NM_JSON_NUMBER},
                 {"Infinity", NM_JSON_NUMBER}, {"-Infinity", NM_JSON_NUMBER}};
    int    c = peek(json, 0);
    size_t n_words = sizeof words / sizeof *words - (json->python ? 0 : 3);

    if (c == '{' || c == '[') {
        bool object = c == '{';
        if (json->depth == NM_JSON_DEPTH) return fail(json, "nested deeper than 64 levels");
        json->in_object[json->depth++] = object;
        json->at++;
        json->expect = EXPECT_FIRST_OR_END;
        return json->type = object ? NM_JSON_OBJECT : NM_JSON_ARRAY;
    }
    if (c == '"') return read_string(json) ? end_value(json, NM_JSON_STRING) : NM_JSON_ERROR;
    if (is_digit(c) || (c == '-' && !(json->python && peek(json, 1) == 'I')))
        return read_number(json);
    for (size_t i = 0; i < n_words; i++) {
        size_t n = strlen(words[i].text);
        if (n > json->size - json->at || memcmp(json->data + json->at, words[i].text, n) != 0)
            continue;
        json->text = json->data + json->at;
        json->n_text = n;
        json->at += n;
        return end_value(json, words[i].type);
    }
    return fail(json, "a value expected");
}

nm_json_type nm_json_next(nm_json *json)
{
    if (json->expect == EXPECT_FAILED) return json->type;
    skip_space(json);
    int c = peek(json, 0);
    if (json->expect == EXPECT_NOTHING)
        return c < 0 ? (json->type = NM_JSON_END) : fail(json, "text after the value");
    if (c < 0) return fail(json, json->depth ? "ends in the middle" : "empty");
    if (json->expect == EXPECT_VALUE) return read_value(json);

    bool object = json->in_object[json->depth - 1];
    if (c == (object ? '}' : ']')) {
        json->depth--;
        json->at++;
        return end_value(json, object ? NM_JSON_OBJECT_END : NM_JSON_ARRAY_END);
    }
    if (json->expect == EXPECT_COMMA_OR_END) {
        if (c != ',') return fail(json, object ? "',' or '}' expected" : "',' or ']' expected");
        json->at++;
        skip_space(json);
        if (peek(json, 0) < 0) return fail(json, "ends in the middle");
    }
    if (!object) return read_value(json);

    /* A key and its colon. */
    if (peek(json, 0) != '"') return fail(json, "a key in quotes expected");
    if (!read_string(json)) return NM_JSON_ERROR;
    skip_space(json);
    if (peek(json, 0) != ':') return fail(json, "':' expected");
    json->at++;
    json->expect = EXPECT_VALUE;
    return json->type = NM_JSON_KEY;
}

bool nm_json_skip(nm_json *json)
{
    if (json->type == NM_JSON_OBJECT || json->type == NM_JSON_ARRAY) {
        unsigned outside = json->depth - 1;
        while (json->depth > outside)
            if (nm_json_next(json) == NM_JSON_ERROR) return false;
    }
    return json->type != NM_JSON_ERROR;
}

/* ---- Strings --------------------------------------------------------------------------------- */

static uint32_t hex4(const char *digits)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value = value << 4 | (uint32_t)hex_digit((unsigned char)digits[i]);
    return value;
}

/* One byte or escape of a checked string: *taken bytes in, 1 to 4 bytes out. */
static size_t unescape(const char *text, size_t n, size_t *taken, char out[4])
{
    static const char escapes[] = "bfnrt", bytes[] = "\b\f\n\r\t";

    *taken = 1;
    out[0] = text[0];
    if (text[0] != '\\') return 1;
    if (text[1] != 'u') {
        const char *found = strchr(escapes, text[1]);
        *taken = 2;
        out[0] = found ? bytes[found - escapes] : text[1];
        return 1;
    }
    /* UTF-16: a code point from U+10000 on is a pair of surrogates, \uD8xx to \uDBxx first. */
    uint32_t code_point = hex4(text + 2), low = 0;
    *taken = 6;
    if (code_point < 0xD800 || code_point > 0xDFFF) return nm_utf8_put(code_point, out);
    if (code_point < 0xDC00 && n >= 12 && text[6] == '\\' && text[7] == 'u') low = hex4(text + 8);
    if (low < 0xDC00 || low > 0xDFFF) return nm_utf8_put(0xFFFD, out);
    *taken = 12;
    return nm_utf8_put(0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00), out);
}

bool nm_json_is(const nm_json *json, const char *text)
{
    size_t left = strlen(text);

    for (size_t at = 0, taken; at < json->n_text; at += taken) {
        char   bytes[4];
        size_t n = unescape(json->text + at, json->n_text - at, &taken, bytes);
        if (n > left || memcmp(text, bytes, n) != 0) return false;
        text += n, left -= n;
    }
    return left == 0;
}

size_t nm_json_string(const nm_json *json, char *out)
{
    size_t n_out = 0;

    for (size_t at = 0, taken; at < json->n_text; at += taken) {
        char   bytes[4];
        size_t n = unescape(json->text + at, json->n_text - at, &taken, bytes);
        memcpy(out + n_out, bytes, n);
        n_out += n;
    }
    return n_out;
}

/* A character of `length` bytes; all controls are in the plane of four digits. */
static size_t escape_char(uint32_t c, const char *text, size_t length, char out[6])
{
    static const char bytes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    static const char hex[] = "0123456789abcdef";
    const char       *found = c && c < 0x80 ? strchr(bytes, (int)c) : NULL;

    if (!found && !nm_is_control(c)) {
        memcpy(out, text, length);
        return length;
    }
    out[0] = '\\', out[1] = found ? letters[found - bytes] : 'u';
    if (found) return 2;
    for (int i = 0; i < 4; i++) out[2 + i] = hex[c >> (12 - 4 * i) & 15];
    return 6;
}

size_t nm_json_escape(const char *text, size_t n_bytes, char *out)
{
    size_t n_out = 0;

    for (size_t at = 0, length; at < n_bytes; at += length) {
        uint32_t code_point = 0;
        length = nm_utf8_char(text + at, n_bytes - at, &code_point);
        if (length > 0)
            n_out += escape_char(code_point, text + at, length, out + n_out);
        else
            n_out += nm_utf8_put(0xFFFD, out + n_out), length = 1;
    }
    return n_out;
}

size_t nm_json_escape_controls(const char *text, size_t n_bytes, char *out)
{
    size_t n_out = 0;

    for (size_t at = 0, length; at < n_bytes; at += length) {
        uint32_t code_point = 0;
        length = nm_utf8_char(text + at, n_bytes - at, &code_point);
        if (length > 0 && code_point >= 0x7F)
            n_out += escape_char(code_point, text + at, length, out + n_out);
        else
            out[n_out++] = text[at], length = 1;
    }
    return n_out;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

bool nm_json_u64(const nm_json *json, uint64_t *value)
{
    uint64_t sum = 0;

    if (json->type != NM_JSON_NUMBER) return false;
    for (size_t i = 0; i < json->n_text; i++) {
        if (!is_digit(json->text[i])) return false;
        uint64_t digit = (uint64_t)(json->text[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return json->n_text > 0;
}

#define MAX_DIGITS 768
#define MAX_EXPONENT 1000000000000000 /* no text has enough digits to compensate for it */

/*
 * strtod rounds correctly, but its decimal point depends on the locale.  So it gets none: the
 * digits as an integer and a decimal exponent.  A binary64, and the midpoint of two, have at most
 * 768 significant digits; of further ones only matters whether all are zero, so a '1' stands for
 * them.
 */
bool nm_json_double(const nm_json *json, double *value)
{
    char        digits[MAX_DIGITS + 32]; /* room for the '1', and for "e-9999" */
    const char *text = json->text, *end = text + json->n_text;
    size_t      n_digits = 0;
    int64_t     exponent = 0, written = 0; /* of ten; written: after the 'e' */
    bool        fraction = false, rest = false;

    if (json->type != NM_JSON_NUMBER) return false;
    bool minus = *text == '-';
    if (!is_digit(text[minus])) return false; /* NaN or Infinity */
    for (text += minus; text < end && *text != 'e' && *text != 'E'; text++) {
        bool leading = n_digits == 0 && *text == '0', fits = n_digits < MAX_DIGITS;
        if (*text == '.') {
            fraction = true;
            continue;
        }
        if (!leading && fits) digits[n_digits++] = *text;
        if (!fits) rest |= *text != '0';
        exponent += !fits - fraction;
    }
    if (rest) digits[n_digits++] = '1', exponent--;
    bool below_1 = end - text > 1 && text[1] == '-';
    for (; text < end; text++)
        if (is_digit(*text) && written < MAX_EXPONENT) written = written * 10 + (*text - '0');
    exponent += below_1 ? -written : written;

    /* Beyond these limits the value is 0 or infinite, whatever the digits. */
    exponent = exponent < -9999 ? -9999 : exponent > 9999 ? 9999 : exponent;
    snprintf(digits + n_digits, sizeof digits - n_digits, "e%d", (int)exponent);
    double size = n_digits ? strtod(digits, NULL) : 0;
    if (isfinite(size)) *value = minus ? -size : size;
    return isfinite(size);
}

/* ---- Errors ---------------------------------------------------------------------------------- */

size_t nm_json_line(const nm_json *json)
{
    size_t line = 1;
    for (size_t i = 0; i < json->at; i++) line += json->data[i] == '\n';
    return line;
}

const char *nm_json_type_words(nm_json_type type)
{
    switch (type) {
    case NM_JSON_OBJECT: return "an object";
    case NM_JSON_ARRAY: return "an array";
    case NM_JSON_STRING: return "a string";
    case NM_JSON_NUMBER: return "a number";
    case NM_JSON_TRUE: return "true";
    case NM_JSON_FALSE: return "false";
    case NM_JSON_NULL: return "null";
    default: return "missing";
    }
}

bool nm_json_fail(const nm_json *json, nomul_error *err)
{
    return nm_fail(err, NOMUL_E_FORMAT, "line %zu: %s", nm_json_line(json), json->problem);
}
