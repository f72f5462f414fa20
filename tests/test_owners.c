/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that need one another are freed in every order: those that are left can be used as
 * before, and with the last one all memory is free.  Made for the address sanitizer.
 */
#include "alloc.h"
#include "checkpoints.h"
#include "test.h"

#define VOCAB 300

/* What is made from what: a session shares an engine, a fork a host, a decoder is a tokenizer's. */
enum { MODEL, SESSION, SHARED, TEXT, FORK, DECODER, N_OBJECTS };

typedef struct family {
    nomul_model   *model;
    nomul_session *session, *shared;
    nomul_text    *text, *fork;
    nomul_decoder *decoder;
} family;

static nomul_error err;

static void open_all(family *f)
{
    f->model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err);
    f->session = test_session(f->model, 1, 4);
    f->shared = nomul_session_share(f->session, &err);
    f->text = nomul_text_new(f->shared, NULL, &err);
    CHECK_OK(f->text && nomul_text_prompt(f->text, "the fox", 7, &err) == NOMUL_OK, err);
    f->fork = nomul_text_fork(f->text, NULL, &err);
    f->decoder = nomul_decoder_new(nomul_model_tokenizer(f->model), 0, &err);
    CHECK_OK(f->session && f->shared && f->fork && f->decoder, err);
}

static void free_one(family *f, int which)
{
    switch (which) {
    case MODEL: nomul_model_close(f->model), f->model = NULL; break;
    case SESSION: nomul_session_free(f->session), f->session = NULL; break;
    case SHARED: nomul_session_free(f->shared), f->shared = NULL; break;
    case TEXT: nomul_text_free(f->text), f->text = NULL; break;
    case FORK: nomul_text_free(f->fork), f->fork = NULL; break;
    default: nomul_decoder_free(f->decoder), f->decoder = NULL; break;
    }
}

static void use_session(nomul_session *session)
{
    float         logits[VOCAB];
    const int32_t id = 7;

    if (!session) return;
    CHECK_OK(nomul_session_feed(session, &id, 1, NOMUL_LOGITS_LAST, logits, &err) == NOMUL_OK, err);
    CHECK_INT(nomul_model_get_info(nomul_session_model(session))->n_vocab, VOCAB);
}

static void use_text(nomul_text *text)
{
    if (!text) return;
    CHECK_OK(nomul_text_prompt(text, "a", 1, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_text_step(&text, 1, &err) == NOMUL_OK, err);
    nomul_mark *mark = nomul_text_mark(text, &err);
    CHECK_OK(mark && nomul_text_rewind(text, mark, 0, &err) == NOMUL_OK, err);
    nomul_mark_free(mark);
}

static void use_all(family *f)
{
    size_t n_bytes;

    if (f->model) CHECK_INT(nomul_token_count(nomul_model_tokenizer(f->model)), VOCAB);
    use_session(f->session);
    use_session(f->shared);
    use_text(f->text);
    use_text(f->fork);
    if (f->decoder) CHECK(nomul_decoder_push(f->decoder, 290, &n_bytes) != NULL);
}

/* order[0..n) are chosen; all ways to choose the rest. */
static void try_orders(int *order, int n)
{
    if (n == N_OBJECTS) {
        family f;
        size_t live = alloc_live();
        open_all(&f);
        for (int i = 0; i < N_OBJECTS; i++) {
            free_one(&f, order[i]);
            use_all(&f);
        }
        CHECK_INT(alloc_live(), live);
        return;
    }
    for (int which = 0; which < N_OBJECTS; which++) {
        bool used = false;
        for (int i = 0; i < n; i++) used = used || order[i] == which;
        order[n] = which;
        if (!used) try_orders(order, n + 1);
    }
}

/* What a text or a mark was made with may be gone: options and strings are copied. */
static void test_copied(void)
{
    nomul_sampler_options sampler;
    nomul_text_options    o;
    char                  stop[] = "moon";
    const char           *stops[] = {stop};
    nomul_logit_bias      bias[] = {{3, 1.0f}};

    test_case("options are copied; marks need nothing");
    nomul_model   *model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err);
    nomul_session *session = test_session(model, 1, 4);
    nomul_sampler_options_init(&sampler);
    sampler.logit_bias = bias, sampler.n_logit_bias = 1;
    nomul_text_options_init(&o);
    o.sampler = &sampler;
    o.stops = stops, o.n_stops = 1;
    nomul_text *text = nomul_text_new(session, &o, &err);
    CHECK_OK(text != NULL, err);
    memset(&sampler, 0xA5, sizeof sampler), memset(&o, 0xA5, sizeof o);
    memset(stop, 0xA5, sizeof stop), memset(stops, 0xA5, sizeof stops);
    memset(bias, 0xA5, sizeof bias);
    use_text(text);
    nomul_text *fork = nomul_text_fork(text, NULL, &err);
    CHECK_OK(fork != NULL, err);
    nomul_mark *mark = nomul_text_mark(text, &err);
    nomul_text_free(text);
    nomul_session_free(session);
    use_text(fork);
    CHECK_OK(nomul_text_rewind(fork, mark, 0, &err) == NOMUL_OK, err);
    nomul_text_free(fork);
    nomul_model_close(model);
    CHECK(nomul_mark_get_info(mark)->n_tokens > 0);
    nomul_mark_free(mark);
}

void test_owners(void)
{
    int order[N_OBJECTS];

    test_case("%d objects are freed in all orders", N_OBJECTS);
    try_orders(order, 0);
    test_copied();
}
