/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as Python's str changes them; the expected ones are CPython's. */
#include "test.h"

#include "cli/text/pystr.h"

static nm_span span(const char *text)
{
    return (nm_span){text, strlen(text)};
}

static void check_span(nm_span got, const char *want)
{
    CHECK_INT(got.n_bytes, strlen(want));
    if (got.n_bytes && got.n_bytes == strlen(want)) CHECK_MEM(got.text, want, got.n_bytes, want);
}

static void check_buffer(nm_buffer *text, const char *want)
{
    check_span((nm_span){text->data, text->n_bytes}, want);
    nm_buffer_free(text);
}

static void test_strip(void)
{
    test_case("strip removes what Python calls white space");
    check_span(nm_pystr_strip(span(" \t\n\v\f\r\x1c\x1d\x1e\x1f a b \x1f\n")), "a b");
    check_span(nm_pystr_strip(span("\xc2\x85\xc2\xa0"
                                   "a\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x8a")),
               "a");
    check_span(nm_pystr_strip(span("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\x9f\xe3\x80\x80")),
               "");
    check_span(nm_pystr_strip(span("\x1b"
                                   "a\xe2\x80\x8b")),
               "\x1b"
               "a\xe2\x80\x8b");
    check_span(nm_pystr_rstrip(span("  a\xc3\xa9 \xe3\x80\x80 ")), "  a\xc3\xa9");
    check_span(nm_pystr_rstrip(span("")), "");

    test_case("length counts characters");
    CHECK_INT(nm_pystr_length(span("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")), 4);
    CHECK_INT(nm_pystr_length(span("")), 0);
}

static void capitalizes(const char *text, const char *want)
{
    nm_buffer   to = {0};
    nomul_error err;

    CHECK_OK(nm_pystr_capitalize(&to, span(text), &err), err);
    check_buffer(&to, want);
}

static void test_capitalize(void)
{
    test_case("capitalize: the first letter large, all others small");
    capitalizes("", "");
    capitalizes("the Dog AND I", "The dog and i");
    capitalizes(" the Dog", " the dog");
    capitalizes("1ST", "1st");
    capitalizes("\xc3\xa9"
                "COLE \xc3\x84PFEL \xc3\x97 \xc5\xb8 \xc5\x81", /* ecole, aepfel, x, y, l */
                "\xc3\x89"
                "cole \xc3\xa4pfel \xc3\x97 \xc3\xbf \xc5\x82");
    capitalizes("\xce\xb1\xce\x91 \xd0\xb1\xd0\x91\xd0\x81",
                "\xce\x91\xce\xb1 \xd0\xb1\xd0\xb1\xd1\x91");
    capitalizes("\xc3\x9f"
                "A",
                "Ssa");
    capitalizes("\xe2\x82\xac"
                "A\xff",
                "\xe2\x82\xac"
                "a\xff");
}

/* The text after two bytes that no function may touch. */
static nm_buffer behind(const char *text)
{
    nm_buffer   buffer = {0};
    nomul_error err;

    CHECK_OK(nm_buffer_add(&buffer, "  ", 2, &err) &&
                 nm_buffer_add(&buffer, text, strlen(text), &err),
             err);
    return buffer;
}

static void replaces(const char *text, const char *want)
{
    nm_buffer buffer = behind(text);

    nm_pystr_replace(&buffer, 2, "  ", " ");
    check_buffer(&buffer, want);
}

static void drops(const char *text, const char *want)
{
    nm_buffer buffer = behind(text);

    nm_pystr_drop_brackets(&buffer, 2);
    check_buffer(&buffer, want);
}

static void test_replace(void)
{
    test_case("replace goes once, from left to right");
    replaces("a  b   c    d", "  a b  c  d");
    replaces("  ", "   ");
    replaces("", "  ");

    test_case("brackets go with what is in them, inside one line");
    drops("a [b] c[d]", "  a  c");
    drops("[a [b] c]", "   c]");
    drops("]a[ [", "  ]a[ [");
    drops("[a\n] [b]\n[c", "  [a\n] \n[c");
    drops("[\n[]x]", "  [\nx]");
    drops("[]", "  ");
}

static void counts(const char *text, uint64_t want)
{
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        nm_words words = {0};

        nm_words_add(&words, text, cut);
        nm_words_add(&words, text + cut, strlen(text) - cut);
        CHECK_INT(words.n_gaps + 1, want);
    }
}

static void test_words(void)
{
    test_case("words as re.split counts them, wherever the text is cut");
    counts("", 1);
    counts("one", 1);
    counts("one two", 2);
    counts(" one \n\ttwo ", 4);
    counts("a\xe3\x80\x80"
           "b\xc2\xa0\xc2\xa0"
           "c\xc3\xa9 d",
           4);
    counts("a\xe2\x80 b", 2); /* not UTF-8, then a space */
}

void test_pystr(void)
{
    test_strip();
    test_capitalize();
    test_replace();
    test_words();
}
