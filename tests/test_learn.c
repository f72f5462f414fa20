/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that share a product learn how large their parts are best; the bits stay the same. */
#include "test.h"

#include "model/session.h"
#include "nomul_bench.h"

#include <stdlib.h>
#include <string.h>

#define N_TOKENS 24
#define N_ROUNDS 16 /* from one lesson to the next */

/* A token by all threads, whether or not one of them is faster: the bits are those of one. */
static void feed(nomul_session *session, nomul_session *alone, int32_t id, float *logits, size_t n)
{
    nomul_error err;

    session->engine->trials[1][0] = (nm_trial){.n = 2 * NM_TRIAL_EACH, .best = {1, 1}};
    CHECK_OK(nomul_session_feed(alone, &id, 1, NOMUL_LOGITS_LAST, logits, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_session_feed(session, &id, 1, NOMUL_LOGITS_LAST, logits + n, &err) == NOMUL_OK,
             err);
    CHECK(memcmp(logits, logits + n, n * sizeof *logits) == 0);
}

/* All cuts: what the last 16 rounds or more have shown. */
static void show(nm_bitlinear_scratch *s, int waited)
{
    for (nm_cut *c = s->cuts; c < &s->cuts[NM_CUTS] && c->n_jobs; c++)
        c->lesson->n_rounds = N_ROUNDS, c->lesson->waited = waited;
}

/* Thread 0 waits in all rounds, then never: its part grows at once, shrinks at once, has limits. */
static void check_limits(nomul_session *session, nomul_session *alone, size_t n_threads,
                         float *logits, size_t n)
{
    const nm_cut *c = session->engine->bitlinear.cuts;

    for (int32_t i = 0; i < N_TOKENS; i++) {
        size_t before = i ? c->begins[1] : 0;
        show(&session->engine->bitlinear, i < N_TOKENS / 2 ? 100000 : -100000);
        feed(session, alone, i, logits, n);
        size_t now = c->begins[1];
        CHECK(now > 0 && now < c->begins[n_threads]);
        for (size_t part = 1; part < n_threads; part++)
            CHECK(c->begins[part] <= c->begins[part + 1]);
        if (i == 1) CHECK(now > before);
        if (i == N_TOKENS / 2) CHECK(now < before);
        if (i % (N_TOKENS / 2) == N_TOKENS / 2 - 1) CHECK_INT(now, before);
    }
}

/* If thread 0 always waited, a lesson is a 32nd of a share; it is added to those before. */
static void check_lessons(nomul_session *session, nomul_session *alone, size_t n_threads,
                          float *logits, size_t n)
{
    nm_lesson *l = session->engine->bitlinear.cuts->lesson;
    int        others = (int)n_threads - 1;

    show(&session->engine->bitlinear, 100000);
    feed(session, alone, 1, logits, n);
    int64_t share = 2 * l->extra; /* the limit is half of one */
    CHECK(share > 0);
    l->extra = 0;
    for (int32_t i = 1; i <= 3; i++) {
        show(&session->engine->bitlinear, N_ROUNDS * others);
        feed(session, alone, i, logits, n);
        CHECK_THAT(labs((long)(32 * l->extra - i * share)) <= 32 * (i + 1), "%ld, %ld",
                   (long)l->extra, (long)share);
        CHECK_INT(l->n_rounds, 1); /* of one layer */
        CHECK(l->waited == 1 || l->waited == 0 || l->waited == -others);
    }
    for (int32_t i = 0; i < 3 * N_ROUNDS; i++) {
        feed(session, alone, i, logits, n);
        CHECK_INT(l->n_rounds, (i + 1) % N_ROUNDS + 1);
    }
}

static void check_model(nomul_model *model, size_t n_threads, float *logits, size_t n)
{
    nomul_error           err;
    nomul_session_options options;

    nomul_session_options_init(&options), options.n_threads = 1;
    nomul_session *alone = nomul_session_new(model, &options, &err);
    CHECK_OK(alone != NULL, err);
    options.n_threads = n_threads;
    nomul_session *session = nomul_session_new(model, &options, &err);
    CHECK_OK(session != NULL, err);
    if (alone && session) {
        check_limits(session, alone, n_threads, logits, n);
        check_lessons(session, alone, n_threads, logits, n);
    }
    nomul_session_free(session);
    nomul_session_free(alone);
}

void test_learn(void)
{
    static const char *const shapes[] = {"1,640,1664,300", "1,2304,256,300"};
    nomul_error              err;

    for (size_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
        size_t      n_bytes = 0;
        const char *packing = i % 2 ? "t5" : "t4";
        void *file = nomul_bench_synthesize(shapes[i / 2], packing, NULL, NULL, &n_bytes, &err);
        nomul_model *model = file ? nomul_model_open_memory(file, n_bytes, NULL, &err) : NULL;
        test_case("%s, %s: parts of a product follow who was last, with the same bits",
                  shapes[i / 2], packing);
        CHECK_OK(model != NULL, err);
        if (model) {
            size_t n = nomul_model_get_info(model)->n_vocab;
            float *logits = malloc(2 * n * sizeof *logits);
            for (size_t n_threads = 2; n_threads <= 5; n_threads++)
                check_model(model, n_threads, logits, n);
            free(logits);
        }
        nomul_model_close(model);
        nomul_bench_free(file);
    }
}
