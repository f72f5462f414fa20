/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of nomul batch: what they ask for, and the exact words for what is wrong with them. */
#include "test.h"

#include "cli/batch/batch_line.h"

static const char        *default_stops[] = {"END"};
static const nm_text_args defaults = {
    .n_predict = 256,
    .temp = 0.8,
    .top_k = 40,
    .top_p = 0.95,
    .min_p = 0.05,
    .seed = 7,
    .repeat_penalty = 1.1,
    .stops = {default_stops, 1},
    .special = true,
};

static bool read_bytes(nm_batch_line *line, const char *text, size_t n_bytes, nomul_error *err)
{
    *line = (nm_batch_line){.stops = NULL};
    return nm_batch_line_read(line, text, n_bytes, 12, &defaults, err);
}

static bool read_line(nm_batch_line *line, const char *text, nomul_error *err)
{
    return read_bytes(line, text, strlen(text), err);
}

static void check_text(const nm_buffer *text, const char *want)
{
    CHECK_INT(text->n_bytes, strlen(want));
    if (text->n_bytes == strlen(want) && *want) CHECK_MEM(text->data, want, text->n_bytes, want);
}

static void takes(const char *text, const char *prompt, const char *id)
{
    nm_batch_line line;
    nomul_error   err;

    CHECK_OK(read_line(&line, text, &err), err);
    check_text(&line.prompt, prompt);
    check_text(&line.id, id);
    nm_batch_line_free(&line);
}

static void refuses(const char *text, const char *id, const char *words)
{
    nm_batch_line line;
    nomul_error   err;

    CHECK_FAILS(read_line(&line, text, &err), err, words);
    check_text(&line.id, id);
    nm_batch_line_free(&line);
}

static void test_prompts(void)
{
    test_case("a line is a prompt, or an object that has one");
    takes("", "", "\"12\"");
    takes("Once", "Once", "\"12\"");
    takes(" {\"prompt\":1}", " {\"prompt\":1}", "\"12\"");
    takes("\"quoted\"", "\"quoted\"", "\"12\"");
    takes("{\"prompt\":\"\"}", "", "\"12\"");
    takes("{\"prompt\":\"a\\n\\u00e9\\\"\"}", "a\n\xc3\xa9\"", "\"12\"");
    takes("{\"\\u0070rompt\":\"a\"} \t\r", "a", "\"12\"");

    test_case("an id is given back as it is spelled");
    takes("{\"id\":5,\"prompt\":\"a\"}", "a", "5");
    takes("{\"id\":-1.50e+07,\"prompt\":\"a\"}", "a", "-1.50e+07");
    takes("{\"prompt\":\"a\",\"id\":\"\\u0041\\n\xc3\xa9\"}", "a", "\"\\u0041\\n\xc3\xa9\"");
    takes("{\"prompt\":\"a\",\"id\":\"\"}", "a", "\"\"");

    test_case("a plain line may hold any bytes");
    nm_batch_line line;
    nomul_error   err;
    CHECK_OK(read_bytes(&line, "a\0\xff", 3, &err), err);
    CHECK_INT(line.prompt.n_bytes, 3);
    CHECK_MEM(line.prompt.data, "a\0\xff", 3, "prompt");
    nm_batch_line_free(&line);
}

static void test_settings(void)
{
    nm_batch_line line;
    nomul_error   err;

    test_case("what a line does not say is as by default");
    CHECK_OK(read_line(&line, "{\"prompt\":\"a\"}", &err), err);
    CHECK_INT(line.args.n_predict, 256);
    CHECK_INT(line.args.seed, 7);
    CHECK(line.args.repeat_penalty == 1.1 && line.args.special);
    CHECK(line.args.stops.n == 1 && line.args.stops.at == default_stops);
    nm_batch_line_free(&line);

    test_case("what it says goes before");
    CHECK_OK(read_line(&line,
                       "{\"prompt\":\"a\",\"n_predict\":-1,\"temperature\":1.25,\"top_k\":0,"
                       "\"top_p\":1,\"min_p\":0.5,\"seed\":9007199254740991,\"stop\":\"x\"}",
                       &err),
             err);
    CHECK_INT(line.args.n_predict, -1);
    CHECK_INT(line.args.top_k, 0);
    CHECK_INT(line.args.seed, 9007199254740991);
    CHECK(line.args.temp == 1.25 && line.args.top_p == 1 && line.args.min_p == 0.5);
    CHECK_INT(line.args.stops.n, 1);
    CHECK_STR(line.args.stops.at[0], "x");
    nm_batch_line_free(&line);

    test_case("several stops, or none");
    CHECK_OK(read_line(&line, "{\"stop\":[\"a\\n\",\"\\u00e9\",\"end\"],\"prompt\":\"\"}", &err),
             err);
    CHECK_INT(line.args.stops.n, 3);
    if (line.args.stops.n == 3) {
        CHECK_STR(line.args.stops.at[0], "a\n");
        CHECK_STR(line.args.stops.at[1], "\xc3\xa9");
        CHECK_STR(line.args.stops.at[2], "end");
    }
    nm_batch_line_free(&line);
    CHECK_OK(read_line(&line, "{\"stop\":[],\"prompt\":\"a\"}", &err), err);
    CHECK_INT(line.args.stops.n, 0);
    nm_batch_line_free(&line);
}

#define P "{\"prompt\":\"a\","

static void test_wrong_values(void)
{
    test_case("wrong values");
    refuses("{}", "\"12\"", "prompt: is missing");
    refuses("{\"id\":3}", "3", "prompt: is missing");
    refuses("{\"prompt\":3}", "\"12\"", "prompt: is a number, expected a string");
    refuses("{\"prompt\":null}", "\"12\"", "prompt: is null, expected a string");
    refuses("{\"prompt\":[\"a\"]}", "\"12\"", "prompt: is an array, expected a string");
    refuses(P "\"prompt\":\"b\"}", "\"12\"", "prompt: occurs twice");
    refuses(P "\"id\":true}", "\"12\"", "id: is true, expected a string or a number");
    refuses(P "\"id\":{\"id\":[5]}}", "\"12\"", "id: is an object, expected a string or a number");
    refuses(P "\"n_predict\":\"5\"}", "\"12\"", "n_predict: is a string, expected a number");
    refuses(P "\"n_predict\":1.0}", "\"12\"", "n_predict: '1.0' is not a whole number");
    refuses(P "\"n_predict\":1e2}", "\"12\"", "n_predict: '1e2' is not a whole number");
    refuses(P "\"n_predict\":-2}", "\"12\"", "n_predict: -2 is out of range (-1 to 1000000000)");
    refuses(P "\"top_k\":-1}", "\"12\"", "top_k: -1 is out of range (0 to 1000000000)");
    refuses(P "\"top_p\":1.5}", "\"12\"", "top_p: 1.5 is out of range (0 to 1)");
    refuses(P "\"min_p\":-0.5}", "\"12\"", "min_p: -0.5 is out of range (0 to 1)");
    refuses(P "\"temperature\":-1e999}", "\"12\"",
            "temperature: -1e999 is out of range (0 and more)");
    refuses(P "\"temperature\":1e39}", "\"12\"", "temperature: 1e39 is too large");
    refuses(P "\"temperature\":false}", "\"12\"", "temperature: is false, expected a number");
    refuses(P "\"seed\":9007199254740992}", "\"12\"",
            "seed: 9007199254740992 is out of range (-1 to 9007199254740991)");
    refuses(P "\"seed\":123456789012345678901234567890123456789012345}", "\"12\"",
            "seed: 123456789012345678901234567890123456789012345 is out of range "
            "(-1 to 9007199254740991)");

    test_case("wrong stops");
    refuses(P "\"stop\":1}", "\"12\"", "stop: is a number, expected a string or an array");
    refuses(P "\"stop\":\"\"}", "\"12\"", "stop: a stop string cannot be empty");
    refuses(P "\"stop\":[\"a\",\"\"]}", "\"12\"", "stop: a stop string cannot be empty");
    refuses(P "\"stop\":[\"a\",[\"b\"]]}", "\"12\"", "stop: has an array in it, expected strings");
    refuses(P "\"stop\":\"a\\u0000\"}", "\"12\"", "stop: has a NUL in it");

    test_case("unknown keys");
    refuses(P "\"top_n\":1}", "\"12\"", "unknown key \"top_n\"");
    refuses(P "\"n-predict\":1}", "\"12\"", "unknown key \"n-predict\"");
    refuses(P "\"\":1}", "\"12\"", "unknown key \"\"");
    refuses(P "\"0123456789012345678901234567890123456789x\":1}", "\"12\"",
            "unknown key \"0123456789012345678901234567890123456789\"");
}

static void test_wrong_lines(void)
{
    static char text[2000];

    test_case("the first thing wrong is said, and an id behind it found");
    refuses("{\"prompt\":[{\"id\":1}],\"x\":2,\"id\":\"me\"}", "\"me\"",
            "prompt: is an array, expected a string");
    refuses("{\"x\":{\"id\":1},\"id\":\"me\"", "\"me\"", "unknown key \"x\"");
    refuses("{\"stop\":[1,{\"id\":3}],\"id\":7}", "7",
            "stop: has a number in it, expected strings");

    test_case("what is no JSON");
    refuses("{", "\"12\"", "byte 2: ends in the middle");
    refuses("{\"id\":4,prompt:3}", "4", "byte 9: a key in quotes expected");
    refuses(P "}", "\"12\"", "byte 15: a key in quotes expected");
    refuses(P "\"id\":1} x", "1", "byte 23: text after the value");
    refuses("{\"prompt\":\"a\xff\"}", "\"12\"", "byte 13: invalid UTF-8 in a string");
    refuses("{\"prompt\":\"a", "\"12\"", "byte 13: unterminated string");
    refuses(P "\"seed\":01}", "\"12\"", "byte 22: number with a leading zero");
    refuses(P "\"stop\":[\"a\"", "\"12\"", "byte 26: ends in the middle");

    test_case("an id may be long, not endless");
    int           n = snprintf(text, sizeof text, "{\"prompt\":\"a\",\"id\":\"%01024d\"}", 0);
    nm_batch_line line;
    nomul_error   err;
    CHECK_OK(read_bytes(&line, text, (size_t)n, &err), err);
    CHECK_INT(line.id.n_bytes, 1026);
    nm_batch_line_free(&line);
    snprintf(text, sizeof text, "{\"prompt\":\"a\",\"id\":\"%01025d\"}", 0);
    refuses(text, "\"12\"", "id: has 1025 bytes, 1024 at most");
}

void test_batch_line(void)
{
    test_prompts();
    test_settings();
    test_wrong_values();
    test_wrong_lines();
}
