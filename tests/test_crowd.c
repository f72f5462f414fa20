/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several threads on one model, each with a session, texts that are stepped together and a file of
 * its own: all generate, save, load, rewind, copy and score at once.  Each gets what one thread
 * gets that does the same alone.  Made for the thread sanitizer.
 */
#include "checkpoints.h"
#include "test.h"

#include <pthread.h>
#include <stdlib.h>

#define N_WORKERS 4
#define N_TEXTS 3
#define N_ROUNDS 5
#define N_STEPS 6 /* of a text in one round */
#define N_IDS (N_ROUNDS * N_STEPS)
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
    size_t             n_threads; /* of its session */
    char               path[600];
    nomul_session     *session;
    nomul_text        *texts[N_TEXTS];
    result             result;
    nomul_error        err; /* of the first call that failed */
    pthread_t          handle;
} worker;

static bool open_all(worker *w)
{
    nomul_session_options options;
    nomul_sampler_options choice;
    nomul_text_options    how;

    nomul_session_options_init(&options);
    options.n_threads = w->n_threads, options.n_batch = 4;
    nomul_sampler_options_init(&choice);
    nomul_text_options_init(&how);
    how.sampler = &choice;
    how.ignore_eos = true;
    w->session = nomul_session_new(w->model, &options, &w->err);
    if (!w->session) return false;
    for (size_t t = 0; t < N_TEXTS; t++) {
        choice.seed = w->seed + t;
        w->texts[t] = t ? nomul_text_fork(w->texts[0], &how, &w->err)
                        : nomul_text_new(w->session, &how, &w->err);
        if (!w->texts[t]) return false;
    }
    for (size_t t = 0; t < N_TEXTS; t++)
        if (nomul_text_prompt(w->texts[t], "Once upon", 5 + 2 * t, &w->err)) return false;
    return true;
}

static void close_all(worker *w)
{
    for (size_t t = 0; t < N_TEXTS; t++) nomul_text_free(w->texts[t]);
    nomul_session_free(w->session);
}

/* One id of every text, stepped together until each has one: prompts are read first. */
static bool generate(worker *w, size_t at)
{
    bool all;

    do {
        if (nomul_text_step(w->texts, N_TEXTS, &w->err) != NOMUL_OK) return false;
        all = true;
        for (size_t t = 0; t < N_TEXTS; t++) {
            int32_t id = nomul_text_id(w->texts[t]);
            all = all && id >= 0;
            if (id >= 0) w->result.ids[t][at] = id;
        }
    } while (!all && at == 0);
    return true;
}

/* To the file and back, with another text of the same session in between. */
static bool save_and_load(worker *w, size_t t)
{
    nomul_mark *mark = NULL, *queried = NULL;

    if (nomul_text_save(w->texts[t], w->path, &w->err) ||
        nomul_text_prompt(w->texts[t], "the fox", 7, &w->err) ||
        nomul_text_read(w->texts[t], &w->err))
        return false;
    mark = nomul_mark_load(w->path, w->model, NULL, &w->err);
    queried = nomul_mark_load(w->path, NULL, NULL, &w->err);
    bool ok = mark && queried && nomul_text_rewind(w->texts[t], mark, 0, &w->err) == NOMUL_OK &&
              nomul_text_prompt(w->texts[t], NULL, 0, &w->err) == NOMUL_OK;
    nomul_mark_free(mark);
    nomul_mark_free(queried);
    return ok;
}

/* The generated ids scored by the session, which is then left at their end. */
static bool score(worker *w, size_t t)
{
    nomul_session *copy = nomul_session_clone(w->session, &w->err);
    bool           ok = copy != NULL;

    if (ok) nomul_session_reset(copy);
    ok = ok && nomul_session_score(copy, w->result.ids[t], N_IDS, w->result.logprobs[t], &w->err) ==
                   NOMUL_OK;
    ok = ok && nomul_session_snapshot(copy, w->result.snapshots[t], SNAPSHOT, &w->err) == NOMUL_OK;
    nomul_session_free(copy);
    return ok;
}

static bool work_all(worker *w)
{
    for (size_t r = 0; r < N_ROUNDS; r++) {
        for (size_t i = 0; i < N_STEPS; i++)
            if (!generate(w, r * N_STEPS + i)) return false;
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
    CHECK_INT(nomul_model_get_info(model)->state_bytes, STATE);
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
