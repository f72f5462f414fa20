/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and separators, against a splitter that looks at whole lines. */
#include "test.h"

#include "base/documents.h"
#include "base/rng.h"

enum { MOST = 64 };

/* Documents, each with a '|' behind it. */
typedef struct split {
    char   text[2 * MOST];
    size_t n;
} split;

static void put(split *s, const char *text, size_t n)
{
    if (n == 0) return;
    memcpy(s->text + s->n, text, n);
    s->n += n;
    s->text[s->n++] = '|';
}

/* The rule in words: lines between lines that are the separator. */
static split split_lines(const char *text, size_t n, const char *separator)
{
    split  s = {.n = 0};
    size_t begin = 0, end = 0;

    for (size_t line = 0, next; line < n; line = next) {
        const char *newline = memchr(text + line, '\n', n - line);
        size_t      stop = newline ? (size_t)(newline - text) : n;
        next = newline ? stop + 1 : n;
        if (newline && stop > line && text[stop - 1] == '\r') stop--;
        if (stop - line == strlen(separator) && memcmp(text + line, separator, stop - line) == 0) {
            put(&s, text + begin, end > begin ? end - begin : 0);
            begin = end = next;
        } else {
            end = stop;
        }
    }
    put(&s, text + begin, end > begin ? end - begin : 0);
    return s;
}

/* As it arrives: what is certain is taken, and the rest is looked at again with the next bytes. */
static split split_stream(const char *text, size_t n, size_t piece, const char *separator)
{
    split  s = {.n = 0};
    char   document[MOST];
    size_t n_document = 0, at = 0, arrived = 0;

    while (arrived < n || at < n) {
        arrived = arrived + piece < n ? arrived + piece : n;
        for (size_t n_end = 1; n_end > 0 && at < arrived;) {
            size_t n_text = nm_document_end(text + at, arrived - at, separator, n_document == 0,
                                            arrived == n, &n_end);
            memcpy(document + n_document, text + at, n_text);
            n_document += n_text, at += n_text + n_end;
            if (n_end > 0) put(&s, document, n_document), n_document = 0;
        }
    }
    put(&s, document, n_document);
    return s;
}

static void check(const char *text, size_t n, const char *separator, const char *expected)
{
    split lines = split_lines(text, n, separator);

    if (expected) CHECK_MEM(lines.text, expected, strlen(expected), "the documents");
    for (size_t piece = 1; piece <= n; piece++) {
        split stream = split_stream(text, n, piece, separator);
        CHECK_INT(stream.n, lines.n);
        CHECK_MEM(stream.text, lines.text, lines.n, "the documents");
    }
}

void test_documents(void)
{
    static const char *const texts[][2] = {
        {"a\n==\nb", "a|b|"},
        {"a\n==\nb\n", "a|b|"},
        {"a\n==\nb\n\n", "a|b\n|"},
        {"==\na\n==\n", "a|"}, /* the first and the last line */
        {"a\n==", "a|"},
        {"a\n==\n==\n==\r\nb", "a|b|"},
        {"a\n==\n\n==\nb", "a|b|"}, /* an empty line between them is an empty document */
        {"a\n==\n\n\n==\nb", "a|\n|b|"},
        {"a\n===\n= =\n==x\n==\r", "a\n===\n= =\n==x\n==\r|"},
        {"a\r\n==\r\nb\r\n", "a|b|"},
        {"a\r\r\n==\nb\r", "a\r|b\r|"},
        {"==", ""},
        {"\n", ""},
        {"==\n\r\n==\n", ""},
    };
    static const char letters[] = "=\n\ra";
    nm_rng            rng;
    char              text[MOST];
    size_t            n_end;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        test_case("text %zu", i);
        check(texts[i][0], strlen(texts[i][0]), "==", texts[i][1]);
    }
    test_case("without a separator only the newline at the end is none of the document");
    CHECK_INT(nm_document_end("==\nb\n", 5, NULL, true, true, &n_end), 4);
    CHECK_INT(n_end, 1);
    CHECK_INT(nm_document_end("==\nb\n", 5, NULL, true, false, &n_end), 5);
    CHECK_INT(n_end, 0);

    test_case("random texts, in pieces of each length");
    nm_rng_init(&rng, 1);
    for (int i = 0, n_trials = test_trials(2000, 100000); i < n_trials; i++) {
        size_t n = nm_rng_below(&rng, 24);
        for (size_t k = 0; k < n; k++) text[k] = letters[nm_rng_below(&rng, 4)];
        check(text, n, i % 3 ? "=" : i % 2 ? "" : "==", NULL);
    }
}
