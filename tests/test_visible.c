/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal would obey becomes visible: in text for people, in errors and in JSON. */
#include "test.h"

#include "base/error.h"
#include "base/json.h"
#include "base/visible.h"

/* C1 controls are one byte in some terminals (0x9B) and two in UTF-8 (C2 9B). */
static const struct {
    const char *text, *shown, *json;
} rows[] = {
    {"plain \xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x98\x80", "plain \xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x98\x80",
     "plain \xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x98\x80"},
    {"a\nb\r\tc", "a\\nb\\r\\tc", "a\\nb\\r\\tc"},
    {"\033[2J\a", "\\x1B[2J\\x07", "\\u001b[2J\\u0007"},
    {"\177", "\\x7F", "\\u007f"},
    {"\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0", "\\xC2\\x80\\xC2\\x9B\\xC2\\x9F\xC2\xA0",
     "\\u0080\\u009b\\u009f\xC2\xA0"},
    {"\x9B"
     "1m",
     "\\x9B1m",
     "\xEF\xBF\xBD"
     "1m"},
    {"\xD8\x9C\xE2\x80\x8E\xE2\x80\x8F", "\\xD8\\x9C\\xE2\\x80\\x8E\\xE2\\x80\\x8F",
     "\\u061c\\u200e\\u200f"},
    {"\xE2\x80\xA8\xE2\x80\xAE\xE2\x80\xAF", "\\xE2\\x80\\xA8\\xE2\\x80\\xAE\xE2\x80\xAF",
     "\\u2028\\u202e\xE2\x80\xAF"},
    {"\xE2\x81\xA6\xE2\x81\xA9\xE2\x81\xAA", "\\xE2\\x81\\xA6\\xE2\\x81\\xA9\xE2\x81\xAA",
     "\\u2066\\u2069\xE2\x81\xAA"},
    {"\xE2\x80", "\\xE2\\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\"\\", "\"\\", "\\\"\\\\"},
};

void test_visible(void)
{
    nomul_error err;
    char        out[256];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = rows[i].text;
        test_case("visible: %s", rows[i].shown);
        CHECK_INT(nm_visible(out, sizeof out, text, strlen(text), false), strlen(rows[i].shown));
        CHECK_STR(out, rows[i].shown);
        nm_visible(out, sizeof out, rows[i].shown, strlen(rows[i].shown), false);
        CHECK_STR(out, rows[i].shown); /* again changes nothing */
        nm_fail(&err, NOMUL_E_IO, "%s", text);
        CHECK_STR(err.text, rows[i].shown);
        err.text[0] = '\0';
        nm_fail_in(&err, "%s", text);
        CHECK_THAT(strncmp(err.text, rows[i].shown, strlen(rows[i].shown)) == 0, "%s", err.text);
        out[nm_json_escape(text, strlen(text), out)] = '\0';
        CHECK_STR(out, rows[i].json);
    }

    test_case("quoted, quotes and backslashes are escaped too");
    nm_visible(out, sizeof out, "a\"\\\n", 4, true);
    CHECK_STR(out, "a\\\"\\\\\\n");

    test_case("what does not fit is left out whole");
    CHECK_INT(nm_visible(out, 8, "ab\xC2\x9B", 4, false), 2);
    CHECK_STR(out, "ab");
    CHECK_INT(nm_visible(out, 5, "\x9B", 1, false), 4);
    CHECK_INT(nm_visible(out, 4, "\x9B", 1, false), 0);

    test_case("an error that grows stays in its bounds");
    char many[sizeof err.text + 100];
    memset(many, '\x1B', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    nm_fail(&err, NOMUL_E_IO, "%s", many);
    CHECK(strlen(err.text) > sizeof err.text - 5 && strlen(err.text) < sizeof err.text);
    nm_fail(&err, NOMUL_E_IO, "cause");
    nm_fail_in(&err, "%s", many);
    CHECK(strlen(err.text) < sizeof err.text && strstr(err.text, ": cause"));

    test_case("in JSON of somebody else only controls change");
    static const char id[] = "\"a\\u0000\\/\xC2\x9B\xE2\x80\xAE\177\xC3\xA9\"";
    out[nm_json_escape_controls(id, sizeof id - 1, out)] = '\0';
    CHECK_STR(out, "\"a\\u0000\\/\\u009b\\u202e\\u007f\xC3\xA9\"");
}
