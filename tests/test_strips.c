/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes of so many tokens that each thread takes strips of its own through the layers: the bits
 * are those of one thread, wherever the strips of a text begin, whoever computes them, and in
 * whatever order threads come.
 */
#include "checkpoints.h"
#include "test.h"

#include "base/rng.h"
#include "model/session.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_TEXTS 40
#define MOST_IDS 500 /* in a pass */
#define MOST_VOCAB 512

/* The last one has a state wider than its stream. */
static const char *const files[] = {"golden/small.gguf", "golden/small-t5.gguf",
                                    "../models/tiny.gguf", "wide-no-bound"};
#define N_FILES (sizeof files / sizeof *files)

/* Texts of a pass: how many ids each of them gets. */
typedef struct crowd {
    nomul_model *model;
    size_t       n_vocab, n_texts, n_ids[N_TEXTS];
    int32_t      ids[MOST_IDS];
} crowd;

/* n ids, of few or many texts. */
static void draw_crowd(crowd *c, nm_rng *rng, size_t n, size_t n_texts)
{
    c->n_texts = 0;
    for (size_t at = 0; at < n; c->n_texts++) {
        bool   last = c->n_texts + 1 == n_texts;
        size_t most = 2 * n / n_texts, length = last ? n - at : 1 + nm_rng_below(rng, most);
        c->n_ids[c->n_texts] = length < n - at ? length : n - at;
        at += c->n_ids[c->n_texts];
    }
    for (size_t i = 0; i < n; i++) c->ids[i] = (int32_t)nm_rng_below(rng, c->n_vocab);
}

/* Of a pass: its strips, and how many tokens each thread takes at least. */
typedef struct shared {
    size_t n_strips, least;
} shared;

/* Does a strip await another one exactly where it does not begin a text? */
static void check_awaited(const crowd *c, const nm_engine *e)
{
    for (size_t i = 0; i < e->n_strips; i++) {
        size_t begin = 0;
        for (size_t t = 0; begin < e->strips[i].token; t++) begin += c->n_ids[t];
        CHECK_INT(e->strips[i].slice.before != NULL, begin != e->strips[i].token);
    }
}

/*
 * Feeds all texts in one pass, then each one id more: the last logits of both, [2][n_texts][vocab],
 * freed by the caller.  The second ones show the states.
 */
static float *feed_crowd(const crowd *c, size_t n_threads, size_t n_batch, shared *first)
{
    nomul_session *sessions[N_TEXTS] = {test_session(c->model, n_threads, n_batch)};
    nomul_feed     feeds[N_TEXTS];
    nomul_error    err;
    float         *logits = calloc(2 * N_TEXTS * c->n_vocab, sizeof *logits);
    const int32_t *ids = c->ids;

    for (size_t t = 0; sessions[0] && t < c->n_texts; ids += c->n_ids[t++]) {
        if (t) sessions[t] = nomul_session_share(sessions[0], &err);
        feeds[t] = (nomul_feed){sessions[t], ids, c->n_ids[t], true};
    }
    for (size_t again = 0; sessions[0] && again < 2; again++) {
        float *rows = logits + again * c->n_texts * c->n_vocab;
        CHECK_OK(nomul_session_feed_many(feeds, c->n_texts, rows, &err) == NOMUL_OK, err);
        const nm_engine *e = sessions[0]->engine;
        if (!again) *first = (shared){e->n_strips, nm_engine_strip_least(e)};
        if (!again && n_batch == MOST_IDS) check_awaited(c, e);
        for (size_t t = 0; t < c->n_texts; t++) feeds[t].n_ids = 1;
    }
    for (size_t t = c->n_texts; t-- > 0;) nomul_session_free(sessions[t]);
    return logits;
}

/* In passes of n_batch; where one has all ids, we know whether it goes in strips. */
static void check_crowd(const crowd *c, size_t n, size_t n_threads, size_t n_batch,
                        const float *want)
{
    size_t n_bytes = 2 * c->n_texts * c->n_vocab * sizeof *want;
    shared s = {0};
    float *got = feed_crowd(c, n_threads, n_batch, &s);

    CHECK_THAT(s.least >= 8 && s.least <= NM_STRIP_LEAST, "strips of %zu", s.least);
    CHECK_THAT(n > n_batch ||
                   ((s.n_strips > 0) == (n >= s.least * n_threads) && s.n_strips % n_threads == 0),
               "%zu ids, %zu threads: %zu strips", n, n_threads, s.n_strips);
    CHECK_THAT(memcmp(got, want, n_bytes) == 0,
               "%zu ids of %zu texts, %zu threads, batches of %zu: other logits", n, c->n_texts,
               n_threads, n_batch);
    free(got);
}

static void test_crowds(crowd *c, const char *file)
{
    static const size_t sizes[] = {31, 32, 63, 64, 129, 384, MOST_IDS};
    static const size_t n_texts[] = {1, 3, N_TEXTS};
    nm_rng              rng;

    nm_rng_init(&rng, 11);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        test_case("%s: %zu ids of 1 to %d texts, 2 to 7 threads", file, sizes[i], N_TEXTS);
        for (size_t k = 0; k < sizeof n_texts / sizeof *n_texts; k++) {
            shared one = {0};
            draw_crowd(c, &rng, sizes[i], n_texts[k]);
            float *want = feed_crowd(c, 1, MOST_IDS, &one);
            CHECK_INT(one.n_strips, 0);
            /* What races does not show each time; all sizes several times would take too long. */
            for (int trial = test_trials(sizes[i] == 384 ? 4 : 1, 40); trial; trial--) {
                check_crowd(c, sizes[i], 2, MOST_IDS, want);
                check_crowd(c, sizes[i], 3, MOST_IDS, want);
                check_crowd(c, sizes[i], 7, MOST_IDS, want);
                check_crowd(c, sizes[i], 2, 150, want);
            }
            free(want);
        }
    }
}

/* In a forked child, the other threads never come: the first one does their strips, too. */
static void test_alone(crowd *c)
{
    nomul_error    err;
    nm_rng         rng;
    float          want[MOST_VOCAB], got[MOST_VOCAB];
    nomul_session *alone = test_session(c->model, 1, 0), *four = test_session(c->model, 4, 0);
    int            status = 1;

    test_case("strips of threads that never come are done by the others");
    nm_rng_init(&rng, 5);
    draw_crowd(c, &rng, 384, 1);
    nomul_session_feed(alone, c->ids, 384, NOMUL_LOGITS_LAST, want, &err);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        nomul_session_feed(four, c->ids, 384, NOMUL_LOGITS_LAST, got, &err);
        bool in_strips = four->engine->n_strips == 8;
        _exit(!in_strips || memcmp(got, want, c->n_vocab * sizeof *got) != 0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    nomul_session_free(alone), nomul_session_free(four);
}

static void test_least(void)
{
    static const size_t n_threads[] = {2, 3, 7, 9}, of_avx512[] = {16, 16, 28, 32};
    nomul_error         err;

    test_case("how many tokens each thread takes at least");
    for (size_t row = 0; nm_kernels_row(row); row++) {
        const nm_kernels *kernels = nm_kernels_row(row);
        bool              avx512 = strncmp(kernels->name, "avx512", 6) == 0;
        char              missing[64];
        if (!nm_kernels_runs(kernels, missing, sizeof missing)) continue;
        nomul_model_options o = {.size = sizeof o, .kernels = kernels->name};
        nomul_model        *model = nomul_model_open(test_path(files[0]), &o, &err);
        CHECK_OK(model != NULL, err);
        for (size_t i = 0; model && i < sizeof n_threads / sizeof *n_threads; i++) {
            nomul_session *session = test_session(model, n_threads[i], 0);
            if (!session) break;
            CHECK_INT(nm_engine_strip_least(session->engine), avx512 ? of_avx512[i] : 32);
            nomul_session_free(session);
        }
        nomul_model_close(model);
    }
}

void test_strips(void)
{
    nomul_error err;

    test_least();
    for (size_t i = 0; i < N_FILES; i++) {
        bool  tiny = i == N_FILES - 1;
        crowd c = {.model = tiny ? test_open_tiny(files[i])
                                 : nomul_model_open(test_path(files[i]), NULL, &err)};
        CHECK_OK(tiny || c.model != NULL, err);
        if (!c.model) continue;
        c.n_vocab = nomul_model_get_info(c.model)->n_vocab;
        CHECK(c.n_vocab <= MOST_VOCAB);
        test_crowds(&c, files[i]);
        if (i == 0) test_alone(&c);
        nomul_model_close(c.model);
    }
}
