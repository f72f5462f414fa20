/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that share a product learn how to: whatever they learnt, the bits are the same. */
#include "test.h"

#include "model/session.h"
#include "nomul_bench.h"

#include <stdlib.h>
#include <string.h>

#define N_TOKENS 24
#define N_ROUNDS 1000 /* far more than there are between two lessons */

/* A token by all threads, not by one of them because that is faster. */
static void feed(nomul_session *session, int32_t id, float *logits)
{
    nomul_error err;

    session->engine->trials[1][0] = (nm_trial){.n = 2 * NM_TRIAL_EACH, .best = {1, 1}};
    CHECK_OK(nomul_session_feed(session, &id, 1, NOMUL_LOGITS_LAST, logits, &err) == NOMUL_OK, err);
}

/* Thread 0 waited in all rounds until now, or in none. */
static void say_who_waited(nm_bitlinear_scratch *s, bool thread_0)
{
    for (nm_cut *c = s->cuts; c < &s->cuts[NM_CUTS] && c->n_jobs; c++)
        c->n_rounds = N_ROUNDS, c->waited = thread_0 ? N_ROUNDS : -N_ROUNDS;
}

static void check_learning(nomul_model *model, nomul_session *alone, size_t n_threads,
                           float *logits, size_t n_logits)
{
    nomul_error           err;
    nomul_session_options options;

    nomul_session_options_init(&options), options.n_threads = n_threads;
    nomul_session *session = nomul_session_new(model, &options, &err);
    CHECK_OK(session != NULL, err);
    nomul_session_reset(alone);
    for (int32_t i = 0; session && i < N_TOKENS; i++) {
        nm_bitlinear_scratch *s = &session->engine->bitlinear;
        size_t                before = s->cuts->n_jobs ? s->cuts->begins[1] : 0;
        bool                  thread_0 = i < N_TOKENS / 2;
        say_who_waited(s, thread_0);
        feed(alone, i, logits);
        feed(session, i, logits + n_logits);
        CHECK(memcmp(logits, logits + n_logits, n_logits * sizeof *logits) == 0);
        size_t now = s->cuts->begins[1], end = s->cuts->begins[n_threads];
        CHECK(s->cuts->n_jobs > 0 && now > 0 && now < s->cuts->begins[2] + (n_threads == 2));
        CHECK(now < end);
        if (i == 1) CHECK(now > before);            /* it gets more at once */
        if (i == N_TOKENS / 2) CHECK(now < before); /* and less */
        if (i % (N_TOKENS / 2) == N_TOKENS / 2 - 1) CHECK_INT(now, before); /* up to a limit */
    }
    nomul_session_free(session);
}

void test_learn(void)
{
    static const char *const shapes[] = {"1,640,1664,300", "1,2304,256,300"};
    nomul_error              err;
    nomul_session_options    options;

    nomul_session_options_init(&options), options.n_threads = 1;
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
        size_t n_bytes = 0;
        void  *file =
            nomul_bench_synthesize(shapes[i / 2], i % 2 ? "t5" : "t4", NULL, NULL, &n_bytes, &err);
        nomul_model   *model = file ? nomul_model_open_memory(file, n_bytes, NULL, &err) : NULL;
        nomul_session *alone = model ? nomul_session_new(model, &options, &err) : NULL;
        test_case("parts of a product grow and shrink by who waited: the logits are the same");
        CHECK_OK(alone != NULL, err);
        if (alone) {
            size_t n_logits = nomul_model_get_info(model)->n_vocab;
            float *logits = malloc(2 * n_logits * sizeof *logits);
            for (size_t n = 2; n <= 5; n++) check_learning(model, alone, n, logits, n_logits);
            free(logits);
        }
        nomul_session_free(alone);
        nomul_model_close(model);
        nomul_bench_free(file);
    }
}
