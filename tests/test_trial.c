/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "model/session.h"
#include "model/trial.h"
#include "nomul_bench.h"

#include <stdlib.h>

/*
 * A period in which the ways take these times: at the beginning of a turn, when threads wake up,
 * much longer, and all of the first turns, too, when nothing is in the caches.
 */
static size_t count_second_way(nm_trial *t, double first, double second, size_t period)
{
    size_t n = 0, i = 0;

    do {
        size_t way = nm_trial_way(t);
        bool   slow = i < 2 * NM_TRIAL_TURN || i % NM_TRIAL_TURN == 0;
        n += way, i++;
        nm_trial_took(t, (way ? second : first) * (slow ? 100 : 1));
    } while (t->n);
    CHECK_INT(i, period);
    return n;
}

/* n ids of a prompt, with their last logits. */
static void feed(nomul_session *session, size_t n, float *logits)
{
    static const int32_t ids[NM_TRIAL_TOKENS + 1] = {1, 2, 3};
    nomul_error          err;

    CHECK_OK(nomul_session_feed(session, ids, n, NOMUL_LOGITS_LAST, logits, &err) == NOMUL_OK, err);
}

static void test_passes(void)
{
    size_t                n_bytes = 0;
    nomul_error           err;
    nomul_session_options options;
    void                 *file = nomul_bench_synthesize("tiny", "t4", NULL, NULL, &n_bytes, &err);
    nomul_model          *model = nomul_model_open_memory(file, n_bytes, NULL, &err);

    test_case("short prompts of small models are timed, too, those of each length apart");
    nomul_session_options_init(&options);
    options.n_threads = 2;
    nomul_session *session = model ? nomul_session_new(model, &options, &err) : NULL;
    CHECK_OK(session != NULL, err);
    if (session) {
        nm_engine *e = session->engine;
        float     *logits = malloc(nomul_model_get_info(model)->n_vocab * sizeof *logits);
        for (size_t n = 1; n <= NM_TRIAL_TOKENS + 1; n++) feed(session, n, logits);
        CHECK_INT(e->trials[1][0].n, 1);
        for (size_t n = 2; n <= NM_TRIAL_TOKENS; n++) CHECK_INT(e->trials[0][n - 1].n, 1);

        test_case("where one thread was faster, the others do nothing");
        for (size_t n = 1; n <= 2; n++)
            e->trials[n == 1][n - 1] = (nm_trial){.n = 2 * NM_TRIAL_EACH, .best = {1, 0.5}};
        e->bitlinear.tables[1].made = 0; /* of tokens that go one by one */
        for (size_t i = 0; i < 100; i++) feed(session, 1 + i % 2, logits);
        CHECK(e->bitlinear.tables[1].made == 0);
        free(logits);
    }
    nomul_session_free(session);
    nomul_model_close(model);
    nomul_bench_free(file);
}

void test_trial(void)
{
    nm_trial t = {0};

    test_case("the faster way is kept, after both were tried");
    CHECK_INT(count_second_way(&t, 1.0, 2.0, NM_TRIAL_FIRST), NM_TRIAL_EACH);
    test_case("each period tries again, and is twice as long");
    CHECK_INT(count_second_way(&t, 2.0, 1.0, 2 * NM_TRIAL_FIRST),
              2 * NM_TRIAL_FIRST - NM_TRIAL_EACH);
    CHECK_INT(count_second_way(&t, 1.0, 2.0, 4 * NM_TRIAL_FIRST), NM_TRIAL_EACH);
    test_case("a small difference is none");
    CHECK_INT(count_second_way(&t, 1.0, 0.98, 8 * NM_TRIAL_FIRST), NM_TRIAL_EACH);
    test_case("up to a limit");
    CHECK_INT(count_second_way(&t, 1.0, 2.0, NM_TRIAL_PERIOD), NM_TRIAL_EACH);
    CHECK_INT(count_second_way(&t, 1.0, 2.0, NM_TRIAL_PERIOD), NM_TRIAL_EACH);
    test_passes();
}
