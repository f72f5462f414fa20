/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NULL rule of nomul.h: a required pointer that is NULL is NOMUL_E_ARG, or NULL, 0, -1 or false
 * of a function without a status; free functions accept it, and err may always be NULL.  Every
 * function of the header is called here, which the last case checks.
 */
#include "alloc.h"
#include "checkpoints.h"
#include "test.h"

#include <stdlib.h>

#define VOCAB 300

static nomul_error err;

/* A call that returns a status, with err and without. */
#define IS_ARG(function, ...)                                                                      \
    do {                                                                                           \
        test_case("%s(%s)", #function, #__VA_ARGS__);                                              \
        err = (nomul_error){.code = NOMUL_OK};                                                     \
        CHECK_INT(function(__VA_ARGS__, &err), NOMUL_E_ARG);                                       \
        CHECK_INT(err.code, NOMUL_E_ARG);                                                          \
        CHECK(err.text[0] && !strchr(err.text, '\n'));                                             \
        CHECK_INT(function(__VA_ARGS__, NULL), NOMUL_E_ARG);                                       \
    } while (0)

/* A call that returns an object. */
#define IS_NULL(function, ...)                                                                     \
    do {                                                                                           \
        test_case("%s(%s)", #function, #__VA_ARGS__);                                              \
        err = (nomul_error){.code = NOMUL_OK};                                                     \
        CHECK(!function(__VA_ARGS__, &err));                                                       \
        CHECK_INT(err.code, NOMUL_E_ARG);                                                          \
        CHECK(err.text[0] && !strchr(err.text, '\n'));                                             \
        CHECK(!function(__VA_ARGS__, NULL));                                                       \
    } while (0)

static void test_nothing(void)
{
    test_case("what is freed, initialized or requested may be NULL");
    nomul_model_close(NULL);
    nomul_session_free(NULL);
    nomul_decoder_free(NULL);
    nomul_sampler_free(NULL);
    nomul_text_free(NULL);
    nomul_mark_free(NULL);
    nomul_model_options_init(NULL);
    nomul_session_options_init(NULL);
    nomul_sampler_options_init(NULL);
    CHECK_INT(nomul_model_sampling(NULL, NULL), 0);
    nomul_text_options_init(NULL);
    nomul_convert_options_init(NULL);
    nomul_repack_options_init(NULL);
    nomul_cancel_request(NULL);
    nomul_cancel_clear(NULL);
    CHECK(!nomul_cancel_requested(NULL));
    CHECK(nomul_version() && nomul_kernels_name(0));
    CHECK(nomul_packing_name(0) && nomul_packing_option(1) && !nomul_packing_name(99));
    CHECK(!nomul_packing_option(SIZE_MAX));
}

static void test_queries(void)
{
    nomul_metadata metadata = {.size = sizeof metadata};
    nomul_tensor   tensor = {.size = sizeof tensor};
    float          logits[2] = {0};
    size_t         n = 1;

    test_case("queries of NULL");
    CHECK(!nomul_model_kernels(NULL) && !nomul_model_best_packing(NULL));
    CHECK(!nomul_model_get_info(NULL) && !nomul_model_tokenizer(NULL));
    CHECK(!nomul_model_metadata(NULL, 0, &metadata, NULL) &&
          !nomul_model_tensor(NULL, 0, &tensor, NULL));
    CHECK_INT(nomul_session_memory(NULL, NULL), 0);
    CHECK_INT(nomul_session_n_tokens(NULL), 0);
    CHECK_INT(nomul_session_n_threads(NULL), 0);
    CHECK_INT(nomul_session_n_batch(NULL), 0);
    CHECK(!nomul_session_model(NULL));
    CHECK_INT(nomul_snapshot_bytes(NULL), 0);
    CHECK_INT(nomul_tokenize_bound(0), 5);
    CHECK_INT(nomul_tokenize_cut(NULL, "a b", 3, 0), 0);
    CHECK(!nomul_tokenizer_adds_bos(NULL) && !nomul_tokenizer_adds_eos(NULL));
    CHECK_INT(nomul_token_count(NULL), 0);
    CHECK_INT(nomul_token_bos(NULL), -1);
    CHECK_INT(nomul_token_eos(NULL), -1);
    CHECK_INT(nomul_token_unk(NULL), -1);
    CHECK(!nomul_token_ends_text(NULL, 0));
    CHECK(!nomul_token_piece(NULL, 0, &n, NULL));
    CHECK(!nomul_decoder_push(NULL, 0, &n) && !nomul_decoder_flush(NULL, &n));
    CHECK_INT(nomul_sampler_next(NULL, logits), -1);
    CHECK_INT(nomul_sampler_sample(NULL, logits), -1);
    nomul_sampler_accept(NULL, 1);
    nomul_session_reset(NULL);
    nomul_logprobs(NULL, 2, NULL, 0, NULL);
    nomul_logprobs(logits, 2, NULL, 0, NULL);
    CHECK_INT(nomul_text_finish(NULL), NOMUL_FINISH_NONE);
    CHECK(!nomul_text_bytes(NULL, &n) && n == 0);
    CHECK_INT(nomul_text_id(NULL), -1);
    CHECK(!nomul_text_ids(NULL, &n) && n == 0 && !nomul_text_ids(NULL, NULL));
    CHECK(!nomul_text_logprobs(NULL));
    CHECK_INT(nomul_text_unsaved(NULL), 0);
    CHECK_INT(nomul_text_missing(NULL), 0);
    CHECK(!nomul_mark_get_info(NULL));
}

static void check_session(const nomul_model *model)
{
    const int32_t    ids[] = {1, 2};
    float            logits[2 * VOCAB];
    unsigned char    bytes[80];
    nomul_session   *s = test_session(model, 1, 4);
    const nomul_feed none = {NULL, ids, 2, true}, no_ids = {s, NULL, 2, true};
    const nomul_feed feed = {s, ids, 2, true};

    CHECK(!nomul_model_metadata(model, 0, NULL, NULL) && !nomul_model_tensor(model, 0, NULL, NULL));
    IS_NULL(nomul_model_open, NULL, NULL);
    IS_NULL(nomul_model_open_memory, NULL, 64, NULL);
    IS_NULL(nomul_session_new, NULL, NULL);
    IS_NULL(nomul_session_share, NULL);
    IS_NULL(nomul_session_clone, NULL);
    IS_ARG(nomul_session_feed, NULL, ids, 2, NOMUL_LOGITS_NONE, NULL);
    IS_ARG(nomul_session_feed, s, NULL, 2, NOMUL_LOGITS_NONE, NULL);
    IS_ARG(nomul_session_feed, s, ids, 2, NOMUL_LOGITS_LAST, NULL);
    IS_ARG(nomul_session_feed, s, ids, 2, NOMUL_LOGITS_ALL, NULL);
    IS_ARG(nomul_session_feed, s, ids, 0, NOMUL_LOGITS_LAST, logits);
    IS_ARG(nomul_session_feed, s, ids, 0, NOMUL_LOGITS_ALL, logits);
    IS_ARG(nomul_session_feed_many, NULL, 1, logits);
    IS_ARG(nomul_session_feed_many, &none, 1, logits);
    IS_ARG(nomul_session_feed_many, &no_ids, 1, logits);
    IS_ARG(nomul_session_feed_many, &feed, 1, NULL);
    IS_ARG(nomul_session_score, NULL, ids, 2, logits);
    IS_ARG(nomul_session_score, s, NULL, 2, logits);
    IS_ARG(nomul_session_score, s, ids, 2, NULL);
    IS_ARG(nomul_session_score_many, NULL, 1);
    IS_ARG(nomul_session_snapshot, NULL, bytes, sizeof bytes);
    IS_ARG(nomul_session_snapshot, s, NULL, sizeof bytes);
    IS_ARG(nomul_session_restore, NULL, bytes, sizeof bytes);
    IS_ARG(nomul_session_restore, s, NULL, sizeof bytes);
    CHECK_INT(nomul_session_n_tokens(s), 0);

    test_case("no ids may be NULL where there are none");
    CHECK_OK(nomul_session_feed(s, NULL, 0, NOMUL_LOGITS_NONE, NULL, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_session_feed_many(NULL, 0, NULL, &err) == NOMUL_OK, err);
    nomul_session_free(s);
}

static void test_tokens(const nomul_tokenizer *t)
{
    int32_t ids[16];
    float   logits[4] = {0, 1, 2, 3};
    size_t  n;

    IS_ARG(nomul_tokenize, NULL, "a", 1, 0, ids, 16, &n);
    IS_ARG(nomul_tokenize, t, NULL, 1, 0, ids, 16, &n);
    IS_ARG(nomul_tokenize, t, "a", 1, 0, NULL, 16, &n);
    IS_ARG(nomul_tokenize, t, "a", 1, 0, ids, 16, NULL);
    IS_NULL(nomul_decoder_new, NULL, 0);
    IS_NULL(nomul_sampler_new, 0, NULL);

    test_case("other pointers of tokenizer, decoder and sampler");
    CHECK_OK(nomul_tokenize(t, NULL, 0, 0, ids, 16, &n, &err) == NOMUL_OK && n == 0, err);
    CHECK_INT(nomul_tokenize(t, "a", 1, 0, NULL, 0, &n, &err), NOMUL_E_SPACE);
    CHECK(n > 0);
    CHECK_INT(nomul_tokenize_cut(t, NULL, 3, 0), 0);
    CHECK(nomul_token_piece(t, 1, NULL, NULL) != NULL);
    nomul_decoder *decoder = nomul_decoder_new(t, 0, NULL);
    nomul_sampler *sampler = nomul_sampler_new(4, NULL, NULL);
    CHECK(decoder && sampler);
    nomul_decoder_push(decoder, 290, NULL);
    nomul_decoder_flush(decoder, NULL);
    CHECK_INT(nomul_sampler_next(sampler, NULL), -1);
    CHECK_INT(nomul_sampler_sample(sampler, NULL), -1);
    CHECK(nomul_sampler_next(sampler, logits) >= 0);
    nomul_decoder_free(decoder);
    nomul_sampler_free(sampler);
}

static void check_text(const nomul_model *model)
{
    nomul_session     *session = test_session(model, 1, 4);
    nomul_text        *text = nomul_text_new(session, NULL, &err), *none = NULL;
    nomul_text        *some[] = {text, NULL};
    nomul_mark        *mark = nomul_text_mark(text, &err);
    nomul_text_counts  counts = {.size = sizeof counts};
    nomul_text_options o, no_string, empty;
    const char        *null[] = {NULL}, *nothing[] = {""};

    CHECK_OK(text && mark, err);
    nomul_text_options_init(&o);
    o.n_stops = 1;
    no_string = empty = o;
    no_string.stops = null;
    empty.stops = nothing;
    IS_NULL(nomul_text_new, NULL, NULL);
    IS_NULL(nomul_text_new, session, &o);
    IS_NULL(nomul_text_new, session, &no_string);
    IS_NULL(nomul_text_new, session, &empty);
    IS_NULL(nomul_text_fork, NULL, NULL);
    IS_NULL(nomul_text_fork, text, &o);
    IS_ARG(nomul_text_prompt, NULL, "a", 1);
    IS_ARG(nomul_text_prompt, text, NULL, 1);
    IS_ARG(nomul_text_read, NULL);
    IS_NULL(nomul_text_open, NULL, NULL);
    IS_ARG(nomul_text_step, NULL, 1);
    IS_ARG(nomul_text_step, &none, 1);
    IS_ARG(nomul_text_step, some, 2);
    IS_ARG(nomul_text_get_counts, NULL, &counts);
    IS_ARG(nomul_text_get_counts, text, NULL);
    IS_NULL(nomul_text_mark, NULL);
    IS_ARG(nomul_text_rewind, NULL, mark, 0);
    IS_ARG(nomul_text_rewind, text, NULL, 0);
    IS_ARG(nomul_text_save, NULL, "x");
    IS_ARG(nomul_text_save, text, NULL);
    IS_NULL(nomul_mark_load, NULL, model, NULL);
    IS_ARG(nomul_convert, NULL, "x", NULL);
    IS_ARG(nomul_convert, "x", NULL, NULL);
    IS_ARG(nomul_repack, NULL, "x", NULL);
    IS_ARG(nomul_repack, "x", NULL, NULL);

    test_case("no texts, no bytes");
    CHECK_OK(nomul_text_step(NULL, 0, &err) == NOMUL_OK, err);
    size_t n_next = 0;
    CHECK(!nomul_text_next(NULL, &n_next, NULL) && !nomul_text_next(text, NULL, NULL));
    CHECK_OK(nomul_text_prompt(text, NULL, 0, NULL) == NOMUL_OK, err);
    CHECK(nomul_text_bytes(text, NULL) != NULL);
    nomul_mark_free(mark);
    nomul_text_free(text);
    nomul_session_free(session);
}

/* Each name that is followed by a parenthesis in the header is in this file, too. */
static void test_complete(void)
{
    size_t n, n_names = 0;
    char  *header = test_read_file(test_path("../include/nomul.h"), &n);
    char  *here = test_read_file(test_path("test_null.c"), &n);

    test_case("every function of nomul.h is called here");
    for (char *at = header; at && (at = strstr(at, "nomul_")) != NULL;) {
        size_t n_name = strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789");
        char   name[100];
        bool   is_function = at[n_name] == '(' && at > header && (at[-1] == ' ' || at[-1] == '*');
        snprintf(name, sizeof name, "%.*s", (int)n_name, at);
        at += n_name;
        if (!is_function) continue;
        n_names++;
        CHECK_THAT(here && strstr(here, name) != NULL, "%s is not called", name);
    }
    CHECK_THAT(n_names > 70, "only %zu functions were found", n_names);
    free(header), free(here);
}

void test_null(void)
{
    size_t live = alloc_live();

    test_case("a model for the others");
    nomul_model *model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err);
    CHECK_OK(model != NULL, err);
    if (!model) return;
    test_nothing();
    test_queries();
    check_session(model);
    test_tokens(nomul_model_tokenizer(model));
    check_text(model);
    test_complete();
    nomul_model_close(model);
    CHECK_INT(alloc_live(), live);
}
