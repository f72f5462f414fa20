/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several threads on one model, each with a host session, sessions that share with it, samplers and
 * a file of its own: all draw, save, load, copy and score at once.  Each gets what one thread gets
 * that does the same alone.  Made for the thread sanitizer.
 */
#include "checkpoints.h"
#include "test.h"

#include <pthread.h>
#include <stdlib.h>

#define N_WORKERS 4
#define N_TEXTS 3
#define N_ROUNDS 5
#define N_DRAWN 6 /* ids of a text in one round */
#define N_IDS (N_ROUNDS * N_DRAWN)
#define MOST_VOCAB 300
#define STATE 64
#define SNAPSHOT (16 + STATE)

/* What a worker ends with. */
typedef struct result {
    int32_t       ids[N_TEXTS][N_IDS];
    float         logprobs[N_TEXTS][N_IDS];
    unsigned char snapshots[N_TEXTS][SNAPSHOT];
} result;

typedef struct worker {
    const nomul_model *model;
    uint64_t           seed;
    size_t             n_threads; /* of its host */
    char               path[600];
    nomul_session     *sessions[N_TEXTS]; /* the host, and those that share */
    nomul_sampler     *samplers[N_TEXTS];
    int32_t            next[N_TEXTS];
    result             result;
    nomul_error        err; /* of the first call that failed */
    pthread_t          handle;
} worker;

static bool open_all(worker *w)
{
    nomul_session_options options;
    nomul_sampler_options choice;

    nomul_session_options_init(&options);
    options.n_threads = w->n_threads, options.n_batch = 4;
    nomul_sampler_options_init(&choice);
    for (size_t t = 0; t < N_TEXTS; t++) {
        choice.seed = w->seed + t;
        w->next[t] = (int32_t)(1 + t);
        w->samplers[t] = nomul_sampler_new(MOST_VOCAB, &choice, &w->err);
        w->sessions[t] = t ? nomul_session_share(w->sessions[0], &w->err)
                           : nomul_session_new(w->model, &options, &w->err);
        if (!w->samplers[t] || !w->sessions[t]) return false;
        nomul_sampler_accept(w->samplers[t], w->next[t]);
    }
    return true;
}

static void close_all(worker *w)
{
    for (size_t t = N_TEXTS; t-- > 0;) {
        nomul_session_free(w->sessions[t]);
        nomul_sampler_free(w->samplers[t]);
    }
}

/* One id of every text, drawn together. */
static bool draw(worker *w, size_t at)
{
    static const size_t vocab = MOST_VOCAB;
    float               logits[N_TEXTS * MOST_VOCAB];
    nomul_feed          feeds[N_TEXTS];

    for (size_t t = 0; t < N_TEXTS; t++)
        feeds[t] = (nomul_feed){w->sessions[t], &w->next[t], 1, true};
    if (nomul_session_feed_many(feeds, N_TEXTS, logits, &w->err) != NOMUL_OK) return false;
    for (size_t t = 0; t < N_TEXTS; t++) {
        w->next[t] = nomul_sampler_sample(w->samplers[t], logits + t * vocab);
        nomul_sampler_accept(w->samplers[t], w->next[t]);
        w->result.ids[t][at] = w->next[t];
    }
    return true;
}

/* To the file and back, by way of a text that has nothing to do with it. */
static bool save_and_load(worker *w, size_t t)
{
    nomul_saved saved;

    if (nomul_session_save(w->sessions[t], w->next[t], w->samplers[t], w->path, &w->err))
        return false;
    nomul_session_reset(w->sessions[t]);
    nomul_sampler_accept(w->samplers[t], 7);
    if (nomul_session_load(w->sessions[t], w->path, &saved, &w->err) ||
        nomul_saved_read(w->path, &saved, &w->err) ||
        nomul_sampler_set_state(w->samplers[t], &saved.sampler_state, &w->err))
        return false;
    w->next[t] = saved.last_id;
    return true;
}

/* The drawn ids once more, scored by a copy; then the text's own state at its end. */
static bool score(worker *w, size_t t)
{
    nomul_session *copy = nomul_session_clone(w->sessions[t], &w->err);
    bool           ok = copy != NULL;

    if (ok) nomul_session_reset(copy);
    ok = ok && nomul_session_score(copy, w->result.ids[t], N_IDS, w->result.logprobs[t],
                                   &w->err) == NOMUL_OK;
    nomul_session_free(copy);
    return ok && nomul_session_snapshot(w->sessions[t], w->result.snapshots[t], SNAPSHOT,
                                        &w->err) == NOMUL_OK;
}

static bool work_all(worker *w)
{
    for (size_t r = 0; r < N_ROUNDS; r++) {
        for (size_t i = 0; i < N_DRAWN; i++)
            if (!draw(w, r * N_DRAWN + i)) return false;
        if (!save_and_load(w, r % N_TEXTS)) return false;
    }
    for (size_t t = 0; t < N_TEXTS; t++)
        if (!score(w, t)) return false;
    return true;
}

static void *work(void *context)
{
    worker *w = context;

    w->err = (nomul_error){.code = NOMUL_OK};
    memset(&w->result, 0, sizeof w->result);
    if (open_all(w)) work_all(w);
    close_all(w);
    return NULL;
}

static void set_up(worker *w, const nomul_model *model, uint64_t seed)
{
    char name[32];

    *w = (worker){.model = model, .seed = seed, .n_threads = 1 + seed % 2};
    snprintf(name, sizeof name, "crowd-%d.nms", (int)seed);
    snprintf(w->path, sizeof w->path, "%s", test_scratch(name));
}

void test_crowd(void)
{
    static worker workers[N_WORKERS];
    static result alone[N_WORKERS];
    nomul_error   err;

    test_case("each worker alone");
    nomul_model *model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err);
    CHECK_OK(model != NULL, err);
    if (!model) return;
    CHECK_INT(nomul_model_get_info(model)->n_vocab, MOST_VOCAB);
    for (size_t i = 0; i < N_WORKERS; i++) {
        set_up(&workers[i], model, 10 * i + i % 2);
        work(&workers[i]);
        CHECK_OK(workers[i].err.code == NOMUL_OK, workers[i].err);
        alone[i] = workers[i].result;
        CHECK(i == 0 || memcmp(alone[i].ids, alone[i - 1].ids, sizeof alone[i].ids) != 0);
    }

    test_case("%d workers at once, each as alone", N_WORKERS);
    for (size_t i = 0; i < N_WORKERS; i++) {
        set_up(&workers[i], model, 10 * i + i % 2);
        CHECK_INT(pthread_create(&workers[i].handle, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < N_WORKERS; i++) {
        pthread_join(workers[i].handle, NULL);
        CHECK_OK(workers[i].err.code == NOMUL_OK, workers[i].err);
        CHECK_MEM(&workers[i].result, &alone[i], sizeof alone[i], "a worker's result");
    }
    nomul_model_close(model);
}
