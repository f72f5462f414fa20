/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that is cut where nomul_tokenize_cut says, as it arrives, and tokenized part by part has the
 * ids of the whole.
 */
#include "test.h"

#include "base/rng.h"
#include "hf_directory.h"
#include "vocabulary.h"

#include <stdlib.h>

#define MAX_TEXT 400
#define MAX_PIECES 300

/* ---- Parts against the whole ----------------------------------------------------------------- */

/* A text that arrives in parts: how much of it is there, how much of that is tokenized. */
typedef struct stream {
    const vocabulary *v;
    const char       *text;
    size_t            begin, end; /* bytes not yet ids */
    int32_t          *ids;
    size_t            n_ids, n_held, max_held;
} stream;

static void take(stream *s, size_t n_bytes)
{
    size_t   n = 0;
    unsigned flags = s->begin > 0 ? NOMUL_TOKENIZE_NO_PREFIX : 0;
    int32_t *part = vocabulary_encode(s->v, s->text + s->begin, n_bytes, flags, &n);

    memcpy(s->ids + s->n_ids, part, n * sizeof *part);
    s->n_ids += n;
    s->begin += n_bytes;
    free(part);
}

static void arrive(stream *s, size_t n_bytes)
{
    s->end += n_bytes;
    size_t n =
        nomul_tokenize_cut(&s->v->tokenizer, s->text + s->begin, s->end - s->begin, s->n_held);
    if (n > 0) take(s, n);
    s->n_held = s->end - s->begin;
    if (s->n_held > s->max_held) s->max_held = s->n_held;
}

/* Up to max_step bytes arrive at once.  Returns the most bytes that were ever held back. */
static size_t check_parts(const vocabulary *v, const char *text, size_t n_bytes, size_t max_step,
                          nm_rng *rng)
{
    size_t   n_ids = 0, n = 0;
    int32_t *ids = vocabulary_encode(v, text, n_bytes, 0, &n_ids);
    int32_t *parts = malloc((nomul_tokenize_bound(n_bytes) + 1) * sizeof *parts);
    stream   s = {.v = v, .text = text, .ids = parts};

    while (s.end < n_bytes) {
        n = 1 + (size_t)nm_rng_below(rng, max_step);
        arrive(&s, n < n_bytes - s.end ? n : n_bytes - s.end);
    }
    if (s.begin < n_bytes) take(&s, n_bytes - s.begin);
    CHECK_INT(s.n_ids, n_ids);
    if (s.n_ids == n_ids) CHECK_MEM(parts, ids, n_ids * sizeof *ids, "the ids of the parts");
    free(parts);
    free(ids);
    return s.max_held;
}

/* Pieces as text has them, single bytes among them. */
static size_t random_text(const vocabulary *v, char *text, nm_rng *rng)
{
    size_t n_pieces = nomul_token_count(&v->tokenizer), n = 0, left = nm_rng_below(rng, 30);

    while (left-- > 0 && n + 40 < MAX_TEXT) {
        nomul_token_type type = NOMUL_TOKEN_NORMAL;
        size_t           n_piece = 0;
        int32_t          id = (int32_t)nm_rng_below(rng, n_pieces);
        const char      *piece = nomul_token_piece(&v->tokenizer, id, &n_piece, &type);

        if (nm_rng_below(rng, 4) == 0)
            text[n++] = " \n\xE2\x96\x81\x80\xC3xa"[nm_rng_below(rng, 8)];
        else if (nm_rng_below(rng, 8) == 0)
            text[n++] = (char)nm_rng_below(rng, 256);
        else if (type != NOMUL_TOKEN_BYTE && n_piece < 40) {
            memcpy(text + n, piece, n_piece);
            n += n_piece;
            /* A piece that ends in half a character. */
            if (n_piece > 1 && nm_rng_below(rng, 8) == 0) n--;
        }
    }
    return n;
}

static void check_random(const vocabulary *v, size_t n_texts)
{
    char   text[MAX_TEXT];
    nm_rng rng;

    nm_rng_init(&rng, 17);
    for (size_t i = 0; i < n_texts; i++) {
        size_t n = random_text(v, text, &rng);
        check_parts(v, text, n, 1, &rng);
        check_parts(v, text, n, 9, &rng);
    }
}

/* ---- Vocabularies ---------------------------------------------------------------------------- */

static const nm_sp_piece odd_pieces[] = {
    {NM_BLANK, 3, -9, NOMUL_TOKEN_NORMAL},
    {"a", 1, -9, NOMUL_TOKEN_NORMAL},
    {"b", 1, -9, NOMUL_TOKEN_NORMAL},
    {"c", 1, -9, NOMUL_TOKEN_UNUSED},
    {"\n", 1, -9, NOMUL_TOKEN_NORMAL},
    {"ab", 2, -2, NOMUL_TOKEN_NORMAL},
    {"bc", 2, -3, NOMUL_TOKEN_UNUSED},
    {"ba", 2, -1.5f, NOMUL_TOKEN_UNUSED},
    {"abca", 4, -1, NOMUL_TOKEN_NORMAL},
    {NM_BLANK "a", 4, -4, NOMUL_TOKEN_NORMAL},
    {NM_BLANK NM_BLANK, 6, -5, NOMUL_TOKEN_NORMAL},
    {"x" NM_BLANK "y", 5, 0, NOMUL_TOKEN_USER_DEFINED},
    {"yz", 2, 0, NOMUL_TOKEN_USER_DEFINED},
    {"x", 1, 0, NOMUL_TOKEN_USER_DEFINED},
    {"z\xC3\xA9", 3, 0, NOMUL_TOKEN_USER_DEFINED},
    {"\xC3\xA9", 2, -9, NOMUL_TOKEN_NORMAL},
    {"\xE6\x97\xA5", 3, -9, NOMUL_TOKEN_NORMAL},
    {"\xE6\x9C\xAC", 3, -9, NOMUL_TOKEN_UNUSED},
};

static void open_odd(vocabulary *v, bool with_bytes)
{
    static nm_sp_piece pieces[MAX_PIECES];
    size_t             n = with_bytes ? VOCABULARY_N_FIRST : 1;
    vocabulary_plan    plan;
    nomul_error        err;

    vocabulary_first_pieces(pieces); /* the unknown one is the first */
    memcpy(pieces + n, odd_pieces, sizeof odd_pieces);
    vocabulary_plan_init(&plan, pieces, n + sizeof odd_pieces / sizeof *odd_pieces);
    CHECK_OK(vocabulary_open(v, &plan, &err), err);
}

static void test_random(void)
{
    static const char *const models[] = {"plain", "small", "tokenizer-demo", "tokenizer-mixed"};
    vocabulary               v;
    char                     path[64];

    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        test_case("random texts in parts: %s", models[i]);
        snprintf(path, sizeof path, "golden/%s/tokenizer.model", models[i]);
        if (!vocabulary_open_model(&v, test_path(path))) continue;
        check_random(&v, (size_t)test_trials(600, 10000));
        vocabulary_close(&v);
    }
    for (int with_bytes = 0; with_bytes < 2; with_bytes++) {
        test_case("user-defined and unused pieces, %s byte pieces", with_bytes ? "with" : "no");
        open_odd(&v, with_bytes);
        check_random(&v, (size_t)test_trials(1500, 30000));
        vocabulary_close(&v);
    }
}

/* Added tokens that look at what is beside them, with every way to add a space. */
static void test_added_tokens(void)
{
    static const char *const schemes[] = {"\"first\"", "\"always\"", "\"never\"", NULL};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        char         pre[256];
        vocabulary   v = {.present = false};
        hf_directory d;
        nomul_error  err;

        test_case("added tokens in parts: prepend_scheme %s", schemes[i] ? schemes[i] : "none");
        snprintf(pre, sizeof pre,
                 "{\"type\": \"Metaspace\", \"prepend_scheme\": %s, \"split\": false}",
                 schemes[i] ? schemes[i] : "");
        hf_directory_init(&d, "cut");
        hf_directory_write_tokenizer(
            &d, &(hf_tokenizer_parts){
                    .added = "[{\"id\": 265, \"content\": \"<t>\", \"normalized\": false},"
                             "{\"id\": 266, \"content\": \"<l>\", \"lstrip\": true},"
                             "{\"id\": 267, \"content\": \"<r>\", \"rstrip\": true, "
                             "\"normalized\": false},"
                             "{\"id\": 268, \"content\": \"ab a\", \"single_word\": true},"
                             "{\"id\": 269, \"content\": \"<t>a\", \"special\": true}]",
                    .normalizer = schemes[i] ? "null" : NULL,
                    .pre_tokenizer = schemes[i] ? pre : NULL});
        CHECK_OK(vocabulary_open_directory(&v, d.path, HF_N_VOCAB, &hf_no_ids, &err), err);
        if (v.present) check_random(&v, 4000);
        vocabulary_close(&v);
        hf_directory_free(&d);
    }
}

/* ---- Places ---------------------------------------------------------------------------------- */

static void check_last(const vocabulary *v, const char *text, size_t want)
{
    size_t got = nomul_tokenize_cut(&v->tokenizer, text, strlen(text), 0);

    CHECK_THAT(got == want, "\"%s\" is cut at %zu, not %zu", text, got, want);
}

static void test_places(void)
{
    vocabulary v;

    test_case("a word is held back until the next begins, a line is not");
    if (!vocabulary_open_model(&v, test_path("golden/tokenizer-demo/tokenizer.model"))) return;
    check_last(&v, "", 0);
    check_last(&v, "Once", 0);
    check_last(&v, "Once upon a", 9);
    check_last(&v, "Once upon a ", 11);
    check_last(&v, "Once\n", 5);
    check_last(&v, "Once\n\n", 6);
    check_last(&v, "Once\nupon", 5);
    check_last(&v, "a\xC3", 1);
    CHECK_INT(nomul_tokenize_cut(&v.tokenizer, "Once upon", 9, 4), 4);
    CHECK_INT(nomul_tokenize_cut(&v.tokenizer, "Once upon", 9, 5), 0);

    test_case("nothing to cut");
    CHECK_INT(nomul_tokenize_cut(NULL, "a b", 3, 0), 0);
    CHECK_INT(nomul_tokenize_cut(&v.tokenizer, NULL, 3, 0), 0);
    CHECK_INT(nomul_tokenize_cut(&v.tokenizer, "a b", 0, 0), 0);
    vocabulary_close(&v);
}

static void test_whole_text(void)
{
    size_t     n = 0;
    char      *text = test_read_file(test_path("golden/text/text.txt"), &n);
    vocabulary v;
    nm_rng     rng;

    test_case("the held-out text in parts: the whole's ids, and little is ever held back");
    nm_rng_init(&rng, 5);
    if (vocabulary_open_model(&v, test_path("golden/tokenizer-demo/tokenizer.model"))) {
        size_t held = check_parts(&v, text, n, 1, &rng);
        CHECK_THAT(held < 64, "%zu bytes were held back", held);
        check_parts(&v, text, n, 5000, &rng);
        vocabulary_close(&v);
    }
    free(text);
}

void test_cut(void)
{
    test_random();
    test_added_tokens();
    test_places();
    test_whole_text();
}
