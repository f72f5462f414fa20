/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that must pass, documents that must not and why, strings, numbers. */
#include "test.h"

#include "base/error.h"
#include "base/json.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

/* A document as a letter for each event: {}[]ksntf0, then '.' for its end or '!' for an error. */
static void read_events(nm_json *json, char *out, size_t room)
{
    static const char letters[] = "!.{}[]ksntf0";
    nm_json_type      type;
    do {
        type = nm_json_next(json);
        if (room-- > 1) *out++ = letters[type];
    } while (type != NM_JSON_ERROR && type != NM_JSON_END);
    *out = '\0';
}

static void test_valid(void)
{
    static const struct {
        const char *text, *events;
    } rows[] = {
        {"{}", "{}."},
        {"[]", "[]."},
        {" \t\r\n[ ] \n", "[]."},
        {"0", "n."},
        {"-0", "n."},
        {"-0.0e-0", "n."},
        {"10.25E+7", "n."},
        {"1e5", "n."},
        {"\"\"", "s."},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"", "s."},
        {"\"\xC3\xA9\xF0\x9F\x98\x80\x7F\"", "s."},
        {"true", "t."},
        {"false", "f."},
        {"null", "0."},
        {"[1,[2,{}],\"x\"]", "[n[n{}]s]."},
        {"{\"a\":1 , \"a\" : [ true,false ,null]}", "{knk[tf0]}."},
        {"{\"a\":{\"b\":{}}}", "{k{k{}}}."},
        {"{\"\":\"\"}", "{ks}."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nm_json json;
        char    events[64];
        test_case("valid: %s", rows[i].text);
        nm_json_init(&json, rows[i].text, strlen(rows[i].text));
        read_events(&json, events, sizeof events);
        CHECK_STR(events, rows[i].events);
        CHECK_INT(nm_json_next(&json), NM_JSON_END);
    }
}

static void test_invalid(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "line 1: empty"},
        {" \n\n", "line 3: empty"},
        {"\xEF\xBB\xBF{}", "line 1: a value expected"},
        {"{", "line 1: ends in the middle"},
        {"[", "line 1: ends in the middle"},
        {"[1", "line 1: ends in the middle"},
        {"[1,", "line 1: ends in the middle"},
        {"{\"a\"", "line 1: ':' expected"},
        {"{\"a\":", "line 1: ends in the middle"},
        {"{\"a\":1", "line 1: ends in the middle"},
        {"{\"a\":1,", "line 1: ends in the middle"},
        {"}", "line 1: a value expected"},
        {"]", "line 1: a value expected"},
        {"{]", "line 1: a key in quotes expected"},
        {"[}", "line 1: a value expected"},
        {"[1}", "line 1: ',' or ']' expected"},
        {"{\"a\":1]", "line 1: ',' or '}' expected"},
        {"[1 2]", "line 1: ',' or ']' expected"},
        {"{\"a\":1 \"b\":2}", "line 1: ',' or '}' expected"},
        {"[1,]", "line 1: a value expected"},
        {"[,1]", "line 1: a value expected"},
        {"{\"a\":1,}", "line 1: a key in quotes expected"},
        {"{,}", "line 1: a key in quotes expected"},
        {"{a:1}", "line 1: a key in quotes expected"},
        {"{1:1}", "line 1: a key in quotes expected"},
        {"{\"a\" 1}", "line 1: ':' expected"},
        {"{\"a\",1}", "line 1: ':' expected"},
        {"1 1", "line 1: text after the value"},
        {"{} x", "line 1: text after the value"},
        {"[]]", "line 1: text after the value"},
        {"// note\n1", "line 1: a value expected"},
        {"[1, // note\n2]", "line 1: a value expected"},
        {"'a'", "line 1: a value expected"},
        {"True", "line 1: a value expected"},
        {"tru", "line 1: a value expected"},
        {"truth", "line 1: a value expected"},
        {"trues", "line 1: text after the value"},
        {"nul", "line 1: a value expected"},
        {"NaN", "line 1: a value expected"},
        {"Infinity", "line 1: a value expected"},
        {"01", "line 1: number with a leading zero"},
        {"-01", "line 1: number with a leading zero"},
        {"-", "line 1: invalid number"},
        {"-x", "line 1: invalid number"},
        {"+1", "line 1: a value expected"},
        {".5", "line 1: a value expected"},
        {"1.", "line 1: invalid number"},
        {"1.e5", "line 1: invalid number"},
        {"1e", "line 1: invalid number"},
        {"1e+", "line 1: invalid number"},
        {"1,5", "line 1: text after the value"},
        {"0x10", "line 1: text after the value"},
        {"1_000", "line 1: text after the value"},
        {"\"", "line 1: unterminated string"},
        {"\"abc", "line 1: unterminated string"},
        {"\"\\\"", "line 1: unterminated string"},
        {"\"a\nb\"", "line 1: control character in a string"},
        {"\"a\tb\"", "line 1: control character in a string"},
        {"\"\x1F\"", "line 1: control character in a string"},
        {"\"\\x41\"", "line 1: invalid escape in a string"},
        {"\"\\'\"", "line 1: invalid escape in a string"},
        {"\"\\", "line 1: invalid escape in a string"},
        {"\"\\u12\"", "line 1: invalid escape in a string"},
        {"\"\\u12G4\"", "line 1: invalid escape in a string"},
        {"\"\\U0041\"", "line 1: invalid escape in a string"},
        {"\"\x80\"", "line 1: invalid UTF-8 in a string"},
        {"\"\xC3\"", "line 1: invalid UTF-8 in a string"},
        {"\"\xC0\x80\"", "line 1: invalid UTF-8 in a string"},
        {"\"\xED\xA0\x80\"", "line 1: invalid UTF-8 in a string"},
        {"\"\xF4\x90\x80\x80\"", "line 1: invalid UTF-8 in a string"},
        {"\x80", "line 1: a value expected"},
        {"{\n\"a\": 1,\n\"b\": x}\n", "line 3: a value expected"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nm_json     json;
        nomul_error err;
        char        events[64];
        /* A copy of its own size, so that a read past the end is seen. */
        size_t n = strlen(rows[i].text);
        char  *copy = malloc(n + !n);
        memcpy(copy, rows[i].text, n);
        test_case("invalid: %s", rows[i].text);
        nm_json_init(&json, copy, n);
        read_events(&json, events, sizeof events);
        CHECK_INT(json.type, NM_JSON_ERROR);
        if (json.type == NM_JSON_ERROR) CHECK_FAILS(nm_json_fail(&json, &err), err, rows[i].says);
        CHECK_INT(nm_json_next(&json), NM_JSON_ERROR);
        free(copy);
    }
    test_case("invalid: a NUL byte");
    nm_json json;
    char    events[8];
    nm_json_init(&json, "[\0]", 3);
    read_events(&json, events, sizeof events);
    CHECK_STR(events, "[!");
    nm_json_init(&json, "\"\\\0\"", 4);
    read_events(&json, events, sizeof events);
    CHECK_STR(events, "!");
    nm_json_init(&json, NULL, 0);
    CHECK_INT(nm_json_next(&json), NM_JSON_ERROR);
}

static void test_prefixes(void)
{
    static const char text[] =
        "{\"a\": [1.5e3, true, {\"b\\n\": null}], \"c\": \"\\u0041\xC3\xA9\"}";
    test_case("no prefix of a document is one");
    for (size_t n = 0; n < sizeof text - 1; n++) {
        nm_json json;
        char    events[64], *copy = malloc(n + !n);
        memcpy(copy, text, n);
        nm_json_init(&json, copy, n);
        read_events(&json, events, sizeof events);
        CHECK_INT(json.type, NM_JSON_ERROR);
        free(copy);
    }
}

static void test_depth(void)
{
    char        text[2 * NM_JSON_DEPTH + 3];
    nm_json     json;
    nomul_error err;
    char        events[2 * NM_JSON_DEPTH + 3];

    test_case("64 levels are read, 65 are not");
    memset(text, '[', NM_JSON_DEPTH + 1);
    memset(text + NM_JSON_DEPTH + 1, ']', NM_JSON_DEPTH + 1);
    nm_json_init(&json, text + 1, 2 * NM_JSON_DEPTH);
    read_events(&json, events, sizeof events);
    CHECK_INT(json.type, NM_JSON_END);
    nm_json_init(&json, text, 2 * NM_JSON_DEPTH + 2);
    read_events(&json, events, sizeof events);
    CHECK_INT(json.type, NM_JSON_ERROR);
    CHECK_FAILS(nm_json_fail(&json, &err), err, "line 1: nested deeper than 64 levels");
}

static void test_skipping(void)
{
    static const char text[] = "{\"a\":[[1],{\"x\":[]}],\"b\":{},\"c\":3}";
    nm_json           json;

    test_case("skipping goes to the end of a value");
    nm_json_init(&json, text, sizeof text - 1);
    nm_json_next(&json);
    for (const char *key = "abc"; *key; key++) {
        char name[2] = {*key, '\0'};
        CHECK_INT(nm_json_next(&json), NM_JSON_KEY);
        CHECK(nm_json_is(&json, name));
        nm_json_next(&json);
        CHECK(nm_json_skip(&json));
    }
    CHECK_INT(nm_json_next(&json), NM_JSON_OBJECT_END);
    CHECK_INT(nm_json_next(&json), NM_JSON_END);

    test_case("skipping finds what is broken inside");
    nm_json_init(&json, "[[1,[}]]", 8);
    nm_json_next(&json);
    CHECK(!nm_json_skip(&json));
    CHECK(!nm_json_skip(&json));
}

static void test_strings(void)
{
    static const struct {
        const char *text, *bytes;
    } rows[] = {
        {"\"\"", ""},
        {"\"abc\"", "abc"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\"", "A\xC3\xA9\xE2\x82\xAC"},
        {"\"x\\uD83D\\uDE00y\"", "x\xF0\x9F\x98\x80y"},
        {"\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
        {"\"\\uD800\"", "\xEF\xBF\xBD"},
        {"\"\\uDC00\"", "\xEF\xBF\xBD"},
        {"\"\\uD800x\"", "\xEF\xBF\xBDx"},
        {"\"\\uD800\\n\"", "\xEF\xBF\xBD\n"},
        {"\"\\uD800\\u0041\"", "\xEF\xBF\xBD\x41"},
        {"\"\\uD800\\uE000\"", "\xEF\xBF\xBD\xEE\x80\x80"},
        {"\"\\uD800\\uD800\\uDC00\"", "\xEF\xBF\xBD\xF0\x90\x80\x80"},
        {"\"\\\\u0041\"", "\\u0041"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nm_json json;
        char    out[64];
        test_case("unescaped: %s", rows[i].text);
        nm_json_init(&json, rows[i].text, strlen(rows[i].text));
        CHECK_INT(nm_json_next(&json), NM_JSON_STRING);
        size_t n = nm_json_string(&json, out);
        CHECK(n <= json.n_text);
        out[n] = '\0';
        CHECK_STR(out, rows[i].bytes);
        CHECK(nm_json_is(&json, rows[i].bytes));
        out[n] = 'x', out[n + 1] = '\0';
        CHECK(!nm_json_is(&json, out));
        if (n) out[n - 1] = '\0';
        CHECK(n == 0 || !nm_json_is(&json, out));
    }
    test_case("a NUL in a string ends no comparison");
    nm_json json;
    char    out[8];
    nm_json_init(&json, "\"a\\u0000b\"", 10);
    nm_json_next(&json);
    CHECK(!nm_json_is(&json, "a"));
    CHECK_INT(nm_json_string(&json, out), 3);
    CHECK_MEM(out, "a\0b", 3, "string");
}

static void read_number(nm_json *json, const char *text)
{
    nm_json_init(json, text, strlen(text));
    CHECK_INT(nm_json_next(json), NM_JSON_NUMBER);
}

static void test_whole_numbers(void)
{
    static const struct {
        const char *text;
        bool        is_u64;
        uint64_t    u;
    } rows[] = {
        {"0", true, 0},
        {"7", true, 7},
        {"-7", false, 0},
        {"-0", false, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", true, (uint64_t)INT64_MAX + 1},
        {"-9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999", false, 0},
        {"184467440737095516150", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nm_json  json;
        uint64_t u = 0;
        test_case("whole number %s", rows[i].text);
        read_number(&json, rows[i].text);
        CHECK_INT(nm_json_u64(&json, &u), rows[i].is_u64);
        CHECK(u == rows[i].u);
    }
    test_case("what is no number has no value");
    nm_json  json;
    uint64_t u;
    double   d;
    nm_json_init(&json, "\"1\"", 3);
    nm_json_next(&json);
    CHECK(!nm_json_u64(&json, &u) && !nm_json_double(&json, &d));
}

static void check_double(const char *text, double want)
{
    nm_json json;
    double  got = 0;
    read_number(&json, text);
    CHECK(nm_json_double(&json, &got));
    CHECK_THAT(memcmp(&got, &want, sizeof got) == 0, "%.40s is %a, not %a", text, got, want);
}

static void test_doubles(void)
{
    /* clang-format off */
    static const char *const texts[] = {
        "0", "-0", "0.0e99999999999999999999", "1", "-1.5", "1e-6", "0.000001", "1e-5", "123.456",
        "0.1", "0.30000000000000004", "9007199254740993", "9007199254740992.9999999999999999999",
        "1.7976931348623157e308", "4.9406564584124654e-324", "2.4703282292062327e-324",
        "2.4703282292062328e-324", "2.2250738585072011e-308", "1e23", "8.5e22",
        "123456789012345678901234567890", "1e-400", "1e-99999999999999999999", "5e-324", "1E+2",
        "100000000000000000000000000000000000000000000000000e-50",
        "0.00000000000000000000000000000000000000000000000000001e53",
    };
    /* clang-format on */
    test_case("doubles are the nearest ones");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_double(texts[i], strtod(texts[i], NULL));

    test_case("too large for a double");
    nm_json json;
    double  value;
    read_number(&json, "1e309");
    CHECK(!nm_json_double(&json, &value));
    read_number(&json, "-1e99999999999999999999");
    CHECK(!nm_json_double(&json, &value));
}

/* 1 + 2^-53 is half-way to the next double and rounds down to 1; anything behind it rounds up. */
static void test_long_doubles(void)
{
    static const char half[] = "1.00000000000000011102230246251565404236316680908203125";
    char              text[3000];

    test_case("a digit far behind a tie decides");
    memset(text, '0', sizeof text);
    memcpy(text, half, sizeof half - 1);
    text[2500] = '\0';
    check_double(text, 1.0);
    text[2499] = '1';
    check_double(text, 0x1.0000000000001p0);

    test_case("many digits and an exponent that makes up for them");
    memset(text, '0', sizeof text);
    memcpy(text, "125", 3);
    strcpy(text + 2003, "e-2001");
    check_double(text, 12.5);
    memset(text, '0', sizeof text);
    text[1] = '.';
    strcpy(text + 2000, "125e2000");
    check_double(text, 12.5);
}

static void test_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
    test_case("another decimal point in the locale");
    const char *found = NULL;
    for (size_t i = 0; !found && i < sizeof names / sizeof names[0]; i++)
        found = setlocale(LC_NUMERIC, names[i]);
    if (!found) {
        test_skip("no German or French locale here");
        return;
    }
    check_double("1.5", 1.5);
    check_double("1234.5e-2", 12.345);
    setlocale(LC_NUMERIC, "C");
}

static void test_escape(void)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {
        {"", ""},
        {"plain /", "plain /"},
        {"\"\\\b\f\n\r\t", "\\\"\\\\\\b\\f\\n\\r\\t"},
        {"\x01\x1F\x7F", "\\u0001\\u001f\\u007f"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"a\xFFz", "a\xEF\xBF\xBDz"},
        {"\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    char out[128];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_case("escaped: %s", rows[i].text);
        size_t n = nm_json_escape(rows[i].bytes, strlen(rows[i].bytes), out);
        CHECK(n <= 6 * strlen(rows[i].bytes));
        out[n] = '\0';
        CHECK_STR(out, rows[i].text);
    }
    test_case("a NUL is escaped too");
    CHECK_INT(nm_json_escape("", 1, out), 6);
    CHECK_MEM(out, "\\u0000", 6, "escape");

    test_case("every byte survives escaping and reading, if it is ASCII");
    for (int c = 0; c < 128; c++) {
        char    byte = (char)c, back[8];
        nm_json json;
        out[0] = '"';
        size_t n = 1 + nm_json_escape(&byte, 1, out + 1);
        out[n++] = '"';
        nm_json_init(&json, out, n);
        CHECK_INT(nm_json_next(&json), NM_JSON_STRING);
        CHECK_INT(nm_json_string(&json, back), 1);
        CHECK_INT(back[0], c);
    }
}

/* What Python's json module writes for floats that JSON has no words for. */
static void test_python(void)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    static const char *const others[] = {"nan", "Inf", "-Inf", "-NaN", "+Infinity", "Infinit"};
    char                     events[8], text[32];
    nm_json                  json;
    double                   number = 3;
    uint64_t                 whole;

    test_case("NaN and Infinity are numbers without a value, where that is asked for");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (int python = 0; python < 2; python++) {
            nm_json_init(&json, words[i], strlen(words[i]));
            json.python = python;
            CHECK_INT(nm_json_next(&json), python ? NM_JSON_NUMBER : NM_JSON_ERROR);
        }
        CHECK(json.n_text == strlen(words[i]) && memcmp(json.text, words[i], json.n_text) == 0);
        CHECK(!nm_json_double(&json, &number) && number == 3);
        CHECK(!nm_json_u64(&json, &whole));
        CHECK_INT(nm_json_next(&json), NM_JSON_END);
        snprintf(text, sizeof text, "[-1,%s,{}]", words[i]);
        nm_json_init(&json, text, strlen(text));
        json.python = true;
        read_events(&json, events, sizeof events);
        CHECK_STR(events, "[nn{}].");
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        nm_json_init(&json, others[i], strlen(others[i]));
        json.python = true;
        read_events(&json, events, sizeof events);
        CHECK_THAT(strchr(events, '!') != NULL, "%s", others[i]);
    }
}

void test_json(void)
{
    test_valid();
    test_invalid();
    test_prefixes();
    test_depth();
    test_skipping();
    test_strings();
    test_whole_numbers();
    test_doubles();
    test_long_doubles();
    test_locale();
    test_python();
    test_escape();
}
