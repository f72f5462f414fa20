/* SPDX-License-Identifier: Apache-2.0 */
/* Many texts at once: each has the bits that it has alone, whatever goes with it. */
#include "checkpoints.h"
#include "test.h"

#include "base/rng.h"
#include "model/session.h"

#include <pthread.h>
#include <stdlib.h>

#define N_TEXTS 9
#define N_ROUNDS 6
#define MOST_IDS 24 /* of a text in one round */
#define MOST_VOCAB 512
#define ROW (MOST_VOCAB * sizeof(float)) /* models with fewer use the beginning of a row */

static const char *const files[] = {"golden/small.gguf", "golden/small-t5.gguf",
                                    "../models/tiny.gguf"};

/* What one text takes in one round, and what comes of it alone. */
typedef struct step {
    int32_t ids[MOST_IDS];
    size_t  n_ids;
    bool    logits;
    float   want[MOST_VOCAB]; /* where n_ids > 0 */
} step;

typedef struct script {
    nomul_model *model;
    size_t       n_vocab;
    step         steps[N_TEXTS][N_ROUNDS];
} script;

/* Mostly one token, sometimes a piece of a prompt, sometimes none. */
static size_t draw_length(nm_rng *rng)
{
    uint64_t kind = nm_rng_below(rng, 8);

    if (kind == 0) return 0;
    return kind < 5 ? 1 : 1 + nm_rng_below(rng, MOST_IDS);
}

static void draw_step(step *s, nm_rng *rng, size_t n_vocab)
{
    s->n_ids = draw_length(rng);
    s->logits = s->n_ids && nm_rng_below(rng, 4) != 0;
    for (size_t i = 0; i < s->n_ids; i++) s->ids[i] = (int32_t)nm_rng_below(rng, n_vocab);
}

/* Logits of the last id, if there is one. */
static nomul_logits last_of(const step *s)
{
    return s->n_ids ? NOMUL_LOGITS_LAST : NOMUL_LOGITS_NONE;
}

/* Every text goes its way alone, in a session of its own. */
static void run_alone(script *s, size_t text)
{
    nomul_error    err;
    nomul_session *session = test_session(s->model, 1, 5);

    for (size_t r = 0; session && r < N_ROUNDS; r++) {
        step *now = &s->steps[text][r];
        CHECK_OK(nomul_session_feed(session, now->ids, now->n_ids, last_of(now), now->want, &err) ==
                     NOMUL_OK,
                 err);
    }
    nomul_session_free(session);
}

/* NULL with the case failed. */
static script *new_script(const char *file)
{
    nomul_error err;
    nm_rng      rng;
    script     *s = calloc(1, sizeof *s);

    s->model = nomul_model_open(test_path(file), NULL, &err);
    CHECK_OK(s->model != NULL, err);
    if (!s->model) {
        free(s);
        return NULL;
    }
    s->n_vocab = nomul_model_get_info(s->model)->n_vocab;
    CHECK(s->n_vocab <= MOST_VOCAB);
    nm_rng_init(&rng, 7);
    for (size_t t = 0; t < N_TEXTS; t++) {
        for (size_t r = 0; r < N_ROUNDS; r++) draw_step(&s->steps[t][r], &rng, s->n_vocab);
        run_alone(s, t);
    }
    return s;
}

static void free_script(script *s)
{
    nomul_model_close(s->model);
    free(s);
}

/* The host and those that share with it, which may share by one another. */
static void open_all(const script *s, nomul_session *sessions[N_TEXTS], size_t n_threads,
                     size_t n_batch)
{
    nomul_error err;

    sessions[0] = test_session(s->model, n_threads, n_batch);
    for (size_t t = 1; t < N_TEXTS; t++) {
        sessions[t] = nomul_session_share(sessions[t / 2], &err);
        CHECK_OK(sessions[t] != NULL, err);
    }
}

static void free_all(nomul_session *sessions[N_TEXTS])
{
    for (size_t t = N_TEXTS; t-- > 0;) nomul_session_free(sessions[t]);
}

/* One round of all texts; those wanted must be those that came alone. */
static void run_round(const script *s, nomul_session *sessions[N_TEXTS], size_t round)
{
    nomul_feed  feeds[N_TEXTS];
    nomul_error err;
    float      *logits = malloc(N_TEXTS * ROW), *row = logits;

    for (size_t t = 0; t < N_TEXTS; t++) {
        const step *now = &s->steps[t][round];
        feeds[t] = (nomul_feed){sessions[t], now->ids, now->n_ids, now->logits};
    }
    CHECK_OK(nomul_session_feed_many(feeds, N_TEXTS, logits, &err) == NOMUL_OK, err);
    for (size_t t = 0; t < N_TEXTS; t++) {
        const step *now = &s->steps[t][round];
        if (!now->logits) continue;
        CHECK_THAT(memcmp(row, now->want, s->n_vocab * sizeof *row) == 0,
                   "round %zu, text %zu: other logits than alone", round, t);
        row += s->n_vocab;
    }
    free(logits);
}

static uint64_t n_fed(const script *s, size_t text)
{
    uint64_t n = 0;

    for (size_t r = 0; r < N_ROUNDS; r++) n += s->steps[text][r].n_ids;
    return n;
}

static void test_rounds(const script *s, const char *file)
{
    static const size_t n_threads[] = {1, 2, 4};
    nomul_session      *sessions[N_TEXTS];

    for (size_t i = 0; i < sizeof n_threads / sizeof n_threads[0]; i++) {
        test_case("%s: %d texts, %zu threads, batches of 1 to %d and 100", file, N_TEXTS,
                  n_threads[i], N_TEXTS);
        for (size_t b = 1; b <= N_TEXTS + 1; b++) {
            open_all(s, sessions, n_threads[i], b <= N_TEXTS ? b : 100);
            for (size_t r = 0; r < N_ROUNDS; r++) run_round(s, sessions, r);
            for (size_t t = 0; t < N_TEXTS; t++)
                CHECK_INT(nomul_session_n_tokens(sessions[t]), n_fed(s, t));
            free_all(sessions);
        }
    }
}

/* A round together, a round each on its own, and so on: the states are the same ones. */
static void test_turns(const script *s, const char *file)
{
    nomul_session *sessions[N_TEXTS];
    nomul_error    err;
    float          logits[MOST_VOCAB];

    test_case("%s: together and alone in turns", file);
    open_all(s, sessions, 2, 6);
    for (size_t r = 0; r < N_ROUNDS; r++) {
        if (r % 2 == 0) run_round(s, sessions, r);
        for (size_t t = 0; r % 2 == 1 && t < N_TEXTS; t++) {
            const step *now = &s->steps[t][r];
            nomul_session_feed(sessions[t], now->ids, now->n_ids, last_of(now), logits, &err);
            if (now->n_ids) CHECK_MEM(logits, now->want, s->n_vocab * sizeof *logits, "a text");
        }
    }
    free_all(sessions);
}

/* ---- Copies, and the order in which they go -------------------------------------------------- */

/* Feeds what the text takes in a round; the logits must be those that came alone. */
static void check_step(const script *s, nomul_session *session, size_t text, size_t round)
{
    const step *now = &s->steps[text][round];
    float       logits[MOST_VOCAB];
    nomul_error err;

    CHECK_OK(nomul_session_feed(session, now->ids, now->n_ids, last_of(now), logits, &err) ==
                 NOMUL_OK,
             err);
    if (now->n_ids)
        CHECK_MEM(logits, now->want, s->n_vocab * sizeof *logits, "the logits of a text");
}

static void test_clone(const script *s)
{
    nomul_session *host = test_session(s->model, 2, 4);
    nomul_error    err;

    test_case("a clone goes on from the same place, and on its own");
    nomul_session *shared = nomul_session_share(host, &err);
    CHECK_OK(shared != NULL, err);
    check_step(s, host, 0, 0), check_step(s, shared, 1, 0);
    nomul_session *own = nomul_session_clone(host, &err);
    nomul_session *beside = nomul_session_clone(shared, &err);
    CHECK_OK(own && beside, err);
    CHECK(own->engine == host->engine && beside->engine == host->engine);
    CHECK_INT(nomul_session_n_threads(own), 2);
    CHECK_INT(nomul_session_n_batch(own), 4);
    CHECK_INT(nomul_session_n_tokens(beside), s->steps[1][0].n_ids);
    for (size_t r = 1; r < N_ROUNDS; r++) check_step(s, host, 0, r), check_step(s, beside, 1, r);
    nomul_session_free(beside);
    check_step(s, shared, 1, 1);
    nomul_session_free(shared);
    nomul_session_free(host);
    for (size_t r = 1; r < N_ROUNDS; r++) check_step(s, own, 0, r);
    nomul_session_free(own);
}

static void test_orders(const script *s)
{
    nomul_session *sessions[N_TEXTS];

    test_case("those that share are freed in any order, a reset is of one text");
    open_all(s, sessions, 2, 4);
    run_round(s, sessions, 0);
    for (size_t t = 1; t < N_TEXTS; t += 2) nomul_session_free(sessions[t]);
    for (size_t t = 0; t < N_TEXTS; t += 2) check_step(s, sessions[t], t, 1);
    nomul_session_reset(sessions[2]);
    CHECK_INT(nomul_session_n_tokens(sessions[2]), 0);
    check_step(s, sessions[2], 2, 0);
    check_step(s, sessions[4], 4, 2);
    for (size_t t = 2; t < N_TEXTS; t += 2) nomul_session_free(sessions[t]);
    check_step(s, sessions[0], 0, 2);
    nomul_session_free(sessions[0]);
}

static void test_memory(const script *s)
{
    test_case("a session that shares takes its state and less than 1 KiB");
    nomul_session *host = test_session(s->model, 1, 4);
    size_t         n_bytes = nm_session_bytes(host->weights);
    uint64_t       state_bytes = nomul_model_get_info(s->model)->state_bytes;
    CHECK_THAT(n_bytes > state_bytes && n_bytes < state_bytes + 1024, "%zu bytes", n_bytes);
    nomul_session_free(host);
}

/* ---- Wrong arguments ------------------------------------------------------------------------- */

static void check_refused(const nomul_feed *feeds, size_t n_feeds, float *logits, const char *words)
{
    nomul_error err;

    CHECK_FAILS(nomul_session_feed_many(feeds, n_feeds, logits, &err) == NOMUL_OK, err, words);
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_INT(nomul_session_feed_many(feeds, n_feeds, logits, NULL), NOMUL_E_ARG);
}

static void refuse_all(nomul_session *a, nomul_session *b, nomul_session *stranger)
{
    static const int32_t ids[] = {1, 2, 300, -7};
    static float         logits[3 * MOST_VOCAB];
    nomul_feed           none[] = {{a, ids, 2, false}, {NULL, ids, 2, false}};
    nomul_feed other[] = {{a, ids, 2, false}, {b, ids, 1, true}, {stranger, ids, 1, true}};
    nomul_feed twice[] = {{a, ids, 2, false}, {b, ids, 2, false}, {b, NULL, 0, false}};
    nomul_feed null[] = {{a, ids, 2, true}, {b, NULL, 2, false}};
    nomul_feed empty[] = {{a, ids, 2, true}, {b, ids, 0, true}};
    nomul_feed outside[] = {{a, ids, 2, true}, {b, ids, 4, true}};
    nomul_feed below[] = {{a, ids + 3, 1, true}, {b, ids, 4, true}};

    check_refused(NULL, 1, logits, "nomul_session_feed_many: an argument is NULL");
    check_refused(none, 2, logits, "feed 1: session is NULL");
    check_refused(none + 1, 1, logits, "feed 0: session is NULL");
    check_refused(other, 3, logits, "feed 2: session shares another engine than that of feed 0");
    check_refused(twice, 3, logits, "feed 2: session is that of feed 1 too");
    check_refused(null, 2, logits, "feed 1: ids is NULL");
    check_refused(empty, 2, logits, "feed 1: asks for logits, but has no ids");
    check_refused(outside, 2, logits,
                  "feed 1: id 300 at position 2: outside the vocabulary of 300");
    check_refused(below, 2, logits, "feed 0: id -7 at position 0: outside the vocabulary of 300");
    check_refused(other, 2, NULL, "feed 1: asks for logits, but logits is NULL");
}

static void test_wrong(const script *s)
{
    nomul_error    err;
    nomul_session *a = test_session(s->model, 1, 4), *stranger = test_session(s->model, 1, 4);

    test_case("wrong arguments are told apart and change nothing");
    CHECK_FAILS(nomul_session_share(NULL, &err), err, "nomul_session_share: an argument is NULL");
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_FAILS(nomul_session_clone(NULL, &err), err, "nomul_session_clone: an argument is NULL");
    CHECK_INT(err.code, NOMUL_E_ARG);
    nomul_session *b = nomul_session_share(a, &err);
    CHECK_OK(b != NULL, err);
    check_step(s, a, 0, 0), check_step(s, b, 1, 0);
    uint64_t n_a = nomul_session_n_tokens(a), n_b = nomul_session_n_tokens(b);
    refuse_all(a, b, stranger);
    CHECK_INT(nomul_session_n_tokens(a), n_a);
    CHECK_INT(nomul_session_n_tokens(b), n_b);
    CHECK_INT(nomul_session_n_tokens(stranger), 0);
    CHECK(nomul_session_feed_many(NULL, 0, NULL, &err) == NOMUL_OK);
    for (size_t r = 1; r < N_ROUNDS; r++) check_step(s, a, 0, r), check_step(s, b, 1, r);
    nomul_session_free(b);
    nomul_session_free(a);
    nomul_session_free(stranger);
}

/* ---- Many threads on one model --------------------------------------------------------------- */

typedef struct walker {
    const script *script;
    size_t        n_threads; /* of its host */
    size_t        n_wrong;
    pthread_t     handle;
} walker;

/* As run_round, without the harness, which is one thread's. */
static size_t count_wrong(const script *s, nomul_session *sessions[N_TEXTS], size_t round,
                          float *logits)
{
    nomul_feed feeds[N_TEXTS];
    size_t     n_wrong = 0;

    for (size_t t = 0; t < N_TEXTS; t++) {
        const step *now = &s->steps[t][round];
        feeds[t] = (nomul_feed){sessions[t], now->ids, now->n_ids, now->logits};
    }
    if (nomul_session_feed_many(feeds, N_TEXTS, logits, NULL) != NOMUL_OK) return N_TEXTS;
    for (size_t t = 0; t < N_TEXTS; t++) {
        if (!feeds[t].logits) continue;
        n_wrong += memcmp(logits, s->steps[t][round].want, s->n_vocab * sizeof *logits) != 0;
        logits += s->n_vocab;
    }
    return n_wrong;
}

static bool open_quietly(const walker *w, nomul_session *sessions[N_TEXTS])
{
    nomul_session_options options;

    nomul_session_options_init(&options);
    options.n_threads = w->n_threads, options.n_batch = 6;
    sessions[0] = nomul_session_new(w->script->model, &options, NULL);
    for (size_t t = 1; t < N_TEXTS; t++) {
        if (sessions[0]) sessions[t] = nomul_session_share(sessions[0], NULL);
        if (!sessions[t]) return false;
    }
    return true;
}

static void *walk(void *context)
{
    walker        *w = context;
    nomul_session *sessions[N_TEXTS] = {NULL};
    float         *logits = malloc(N_TEXTS * ROW);

    if (!open_quietly(w, sessions)) w->n_wrong++;
    for (size_t r = 0; w->n_wrong == 0 && r < N_ROUNDS; r++)
        w->n_wrong += count_wrong(w->script, sessions, r, logits);
    free_all(sessions);
    free(logits);
    return NULL;
}

static void test_threads(const script *s)
{
    enum { WALKERS = 4 };
    walker walkers[WALKERS];

    test_case("%d threads, each with %d sessions, on one model", WALKERS, N_TEXTS);
    for (size_t i = 0; i < WALKERS; i++) {
        walkers[i] = (walker){.script = s, .n_threads = 1 + i % 2};
        CHECK_INT(pthread_create(&walkers[i].handle, NULL, walk, &walkers[i]), 0);
    }
    for (size_t i = 0; i < WALKERS; i++) {
        pthread_join(walkers[i].handle, NULL);
        CHECK_INT(walkers[i].n_wrong, 0);
    }
}

void test_many(void)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        test_case("%s: every text alone", files[i]);
        script *s = new_script(files[i]);
        if (!s) continue;
        test_rounds(s, files[i]);
        test_turns(s, files[i]);
        if (i == 0) {
            test_clone(s);
            test_orders(s);
            test_memory(s);
            test_wrong(s);
            test_threads(s);
        }
        free_script(s);
    }
}
