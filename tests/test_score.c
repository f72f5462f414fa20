/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of a text against feeding its ids one by one: the same bits however they are made. */
#include "checkpoints.h"
#include "test.h"

#include "alloc.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

#define MAX_IDS 640

static void fill_ids(int32_t *ids, size_t n_ids, size_t n_vocab, uint64_t seed)
{
    nm_rng rng;

    nm_rng_init(&rng, seed);
    for (size_t i = 0; i < n_ids; i++) ids[i] = (int32_t)nm_rng_below(&rng, n_vocab);
}

/* What nomul_session_score promises, in the plainest way. */
static void score_plainly(const nomul_model *model, const int32_t *ids, size_t n_ids,
                          size_t n_together, float *logprobs)
{
    size_t         n_vocab = nomul_model_get_info(model)->n_vocab;
    nomul_session *session = test_session(model, 1, n_together);
    float         *logits = malloc(n_together * n_vocab * sizeof *logits);
    nomul_error    err;

    for (size_t at = 0, n; session && at + 1 < n_ids; at += n) {
        n = n_together < n_ids - 1 - at ? n_together : n_ids - 1 - at;
        CHECK_OK(nomul_session_feed(session, ids + at, n, NOMUL_LOGITS_ALL, logits, &err) ==
                     NOMUL_OK,
                 err);
        for (size_t t = 0; t < n; t++) {
            nomul_logprob of = {.id = ids[at + t + 1]};
            nomul_logprobs(logits + t * n_vocab, n_vocab, NULL, 0, &of);
            logprobs[at + t] = of.logprob;
        }
    }
    nomul_session_free(session);
    free(logits);
}

/* In parts of at least two ids, the last of one the first of the next. */
static void score_in_parts(nomul_session *session, const int32_t *ids, size_t n_ids, size_t n_part,
                           float *logprobs)
{
    nomul_error err;

    nomul_session_reset(session);
    for (size_t at = 0, n; at + 1 < n_ids; at += n) {
        n = n_part < n_ids - 1 - at ? n_part : n_ids - 1 - at;
        CHECK_OK(nomul_session_score(session, ids + at, n + 1, logprobs + at, &err) == NOMUL_OK,
                 err);
    }
    CHECK_INT(nomul_session_n_tokens(session), n_ids - 1);
}

static void test_bits(const nomul_model *model)
{
    static const size_t threads[] = {1, 2, 3}, batches[] = {1, 5, 48}, parts[] = {1, 2, 7, 100};
    int32_t             ids[60];
    float               want[59], got[59];
    const size_t        n = 60;

    fill_ids(ids, n, nomul_model_get_info(model)->n_vocab, 8);
    score_plainly(model, ids, n, 1, want);
    test_case("scores are logarithms of probabilities");
    for (size_t i = 0; i + 1 < n; i++) CHECK(want[i] < 0 && isfinite(want[i]));
    for (size_t t = 0; t < 3; t++)
        for (size_t b = 0; b < 3; b++) {
            test_case("the same bits: %zu threads, batches of %zu", threads[t], batches[b]);
            nomul_session *session = test_session(model, threads[t], batches[b]);
            for (size_t p = 0; session && p < 4; p++) {
                memset(got, 0, sizeof got);
                score_in_parts(session, ids, n, parts[p], got);
                CHECK_MEM(got, want, sizeof want, "a score");
            }
            nomul_session_free(session);
        }
}

/* A batch whose logits would take more than the scratch memory: it is fed in several. */
static void test_large_batch(void)
{
    nomul_model *model = test_open_stories("14m");
    float       *want = malloc(MAX_IDS * sizeof *want), *got = malloc(MAX_IDS * sizeof *got);
    int32_t      ids[MAX_IDS];
    size_t       n_vocab = model ? nomul_model_get_info(model)->n_vocab : 0;

    test_case("a batch larger than its logits may be");
    CHECK(n_vocab * 4 * (MAX_IDS - 1) > (size_t)16 << 20);
    nomul_session *session = model ? test_session(model, 2, 1024) : NULL;
    if (session) {
        fill_ids(ids, MAX_IDS, n_vocab, 9);
        score_plainly(model, ids, MAX_IDS, 100, want);
        score_in_parts(session, ids, MAX_IDS, MAX_IDS, got);
        CHECK_MEM(got, want, (MAX_IDS - 1) * sizeof *want, "a score");
    }
    nomul_session_free(session);
    nomul_model_close(model);
    free(want), free(got);
}

/* Sequences of 2 to 30 ids, in sessions that have read different beginnings. */
static void test_many_scores(const nomul_model *model)
{
    enum { N = 9, MOST = 30 };
    int32_t ids[N][MOST];
    float   want[N][MOST], got[N][MOST];
    size_t  lengths[N] = {2, 30, 2, 7, 13, 2, 25, 3, 16}, batches[] = {1, 5, 48};

    for (size_t b = 0; b < 3; b++) {
        nomul_session *first = test_session(model, 1 + b % 2, batches[b]), *sessions[N] = {NULL};
        nomul_score    scores[N];
        nomul_error    err;

        test_case("sequences scored together have the bits of each alone: batches of %zu",
                  batches[b]);
        memset(got, 0, sizeof got);
        memset(want, 0, sizeof want);
        for (size_t i = 0; first && i < N; i++) {
            fill_ids(ids[i], MOST, nomul_model_get_info(model)->n_vocab, 20 + i);
            nomul_session_feed(first, ids[i], 1, NOMUL_LOGITS_NONE, NULL, NULL);
            sessions[i] = nomul_session_clone(first, &err);
            scores[i] = (nomul_score){sessions[i], ids[i], lengths[i], got[i]};
            nomul_session *alone = nomul_session_clone(first, &err);
            CHECK_OK(nomul_session_score(alone, ids[i], lengths[i], want[i], &err) == NOMUL_OK,
                     err);
            nomul_session_free(alone);
        }
        if (first) CHECK_OK(nomul_session_score_many(scores, N, &err) == NOMUL_OK, err);
        CHECK_MEM(got, want, sizeof want, "a score");
        for (size_t i = 0; i < N; i++) {
            CHECK_INT(nomul_session_n_tokens(sessions[i]), i + lengths[i]);
            nomul_session_free(sessions[i]);
        }
        nomul_session_free(first);
    }
}

static void test_wrong_many(const nomul_model *model)
{
    const int32_t  ids[] = {1, 2};
    float          logprobs[2] = {7, 7};
    nomul_session *session = test_session(model, 1, 4), *other = test_session(model, 1, 4);
    nomul_score    scores[2] = {{session, ids, 2, logprobs}, {session, ids, 2, logprobs + 1}};
    nomul_error    err;

    test_case("wrong arguments of nomul_session_score_many change nothing");
    CHECK_FAILS(nomul_session_score_many(scores, 2, &err) == NOMUL_OK, err,
                "sequence 1: session is that of an earlier sequence too");
    scores[1].session = other;
    CHECK_FAILS(nomul_session_score_many(scores, 2, &err) == NOMUL_OK, err,
                "sequence 1: session shares another engine than that of sequence 0");
    scores[1] = (nomul_score){NULL, ids, 2, logprobs};
    CHECK_FAILS(nomul_session_score_many(scores, 2, &err) == NOMUL_OK, err,
                "sequence 1: nomul_session_score: an argument is NULL");
    CHECK_INT(nomul_session_n_tokens(session), 0);
    CHECK(logprobs[0] == 7 && logprobs[1] == 7);
    CHECK_OK(nomul_session_score_many(NULL, 0, &err) == NOMUL_OK, err);
    nomul_session_free(session);
    nomul_session_free(other);
}

static void test_wrong(const nomul_model *model)
{
    const int32_t  ids[] = {1, 2, 512}, negative[] = {1, -1};
    float          logprobs[2] = {7, 7};
    nomul_session *session = test_session(model, 1, 4);
    nomul_error    err;

    test_case("wrong arguments of nomul_session_score change nothing");
    if (!session) return;
    CHECK_FAILS(nomul_session_score(NULL, ids, 2, logprobs, &err) == NOMUL_OK, err,
                "nomul_session_score: an argument is NULL");
    CHECK_FAILS(nomul_session_score(session, NULL, 2, logprobs, &err) == NOMUL_OK, err,
                "nomul_session_score: an argument is NULL");
    CHECK_FAILS(nomul_session_score(session, ids, 2, NULL, &err) == NOMUL_OK, err,
                "nomul_session_score: an argument is NULL");
    CHECK_FAILS(nomul_session_score(session, ids, 1, logprobs, &err) == NOMUL_OK, err,
                "n_ids: is 1, expected at least 2");
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_INT(nomul_session_score(session, ids, 0, logprobs, NULL), NOMUL_E_ARG);
    CHECK_FAILS(nomul_session_score(session, ids, 3, logprobs, &err) == NOMUL_OK, err,
                "id 512 at position 2: outside the vocabulary of 512");
    CHECK_FAILS(nomul_session_score(session, negative, 2, logprobs, &err) == NOMUL_OK, err,
                "id -1 at position 1: outside the vocabulary of 512");

    test_case("no memory for logits: an error, and the text is where it was");
    size_t live = alloc_live();
    alloc_fail_at(1);
    CHECK_INT(nomul_session_score(session, ids, 2, logprobs, &err), NOMUL_E_MEMORY);
    CHECK(alloc_failed());
    alloc_fail_at(0);
    CHECK_INT(nomul_session_n_tokens(session), 0);
    CHECK(logprobs[0] == 7 && logprobs[1] == 7);

    test_case("it gives its memory back");
    CHECK_OK(nomul_session_score(session, ids, 2, logprobs, &err) == NOMUL_OK, err);
    CHECK_INT(alloc_live(), live);
    CHECK(logprobs[0] < 0 && logprobs[1] == 7);
    nomul_session_free(session);
}

void test_score(void)
{
    nomul_error  err;
    nomul_model *model = nomul_model_open(test_path("../models/tiny.gguf"), NULL, &err);

    test_case("the tiny model opens");
    CHECK_OK(model != NULL, err);
    if (!model) return;
    test_bits(model);
    test_many_scores(model);
    test_wrong(model);
    test_wrong_many(model);
    nomul_model_close(model);
    test_large_batch();
}
