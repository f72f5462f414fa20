/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of a session's state: a restored session continues bit for bit, with another packing
 * and in another session too; what is no snapshot of this model is refused and changes nothing.
 */
#include "checkpoints.h"
#include "test.h"

#include "base/bytes.h"
#include "tokens/sampler.h"

#include <stdlib.h>

#define VOCAB 300
#define STATE 64
#define PREFIX 37 /* ids before the snapshot, the last one not fed */
#define REST 40

static nomul_error err;

static nomul_sampler *new_sampler(void)
{
    nomul_sampler_options o;

    nomul_sampler_options_init(&o);
    o.temp = 1.25f;
    o.repeat_penalty = 1.2f;
    o.seed = 11;
    nomul_sampler *sampler = nomul_sampler_new(VOCAB, &o, &err);
    CHECK_OK(sampler != NULL, err);
    return sampler;
}

/* A session that was fed the first PREFIX - 1 ids, and a sampler that knows the last one too. */
static void begin_text(const nomul_model *model, nomul_session **session, nomul_sampler **sampler)
{
    *session = test_session(model, 1, 5);
    *sampler = new_sampler();
    for (size_t i = 0; i < PREFIX; i++) {
        int32_t id = (int32_t)(i * 83 + 1) % VOCAB;
        nomul_sampler_accept(*sampler, id);
        if (i + 1 < PREFIX)
            CHECK_OK(nomul_session_feed(*session, &id, 1, NOMUL_LOGITS_NONE, NULL, &err) ==
                         NOMUL_OK,
                     err);
    }
}

/* REST ids sampled after `id`, their logits into logits[REST][VOCAB]. */
static void sample_rest(nomul_session *session, nomul_sampler *sampler, int32_t id, float *logits)
{
    for (size_t i = 0; i < REST; i++, logits += VOCAB) {
        CHECK_OK(nomul_session_feed(session, &id, 1, NOMUL_LOGITS_LAST, logits, &err) == NOMUL_OK,
                 err);
        id = nomul_sampler_next(sampler, logits);
    }
}

static void test_restored(const nomul_model *model)
{
    size_t         n_logits = REST * VOCAB * sizeof(float), n = nomul_snapshot_bytes(model);
    float         *want = malloc(n_logits), *got = malloc(n_logits);
    unsigned char *bytes = malloc(n + 1), *at = bytes + 1; /* of any alignment */
    nomul_model   *t5 = nomul_model_open(test_path("golden/small-t5.gguf"), NULL, &err);
    nomul_session *session, *other = test_session(t5, 2, 9);
    nomul_sampler *sampler, *second = new_sampler();
    int32_t        kept[NOMUL_SAVED_IDS];

    test_case("a snapshot restored: the same logits, in another session too");
    CHECK_INT(n, 16 + STATE);
    CHECK_INT(nomul_snapshot_bytes(t5), n);
    CHECK_INT(nomul_snapshot_bytes(NULL), 0);
    begin_text(model, &session, &sampler);
    nm_sampler_history history = nm_sampler_get_history(sampler, kept);
    CHECK_OK(nomul_session_snapshot(session, at, n, &err) == NOMUL_OK, err);
    sample_rest(session, sampler, 3, want);
    nomul_session *sessions[] = {session, other};
    for (size_t i = 0; i < 2; i++) {
        CHECK_OK(nomul_session_restore(sessions[i], at, n, &err) == NOMUL_OK, err);
        nm_sampler_set_history(second, &history, false);
        CHECK_INT(nomul_session_n_tokens(sessions[i]), PREFIX - 1);
        sample_rest(sessions[i], second, 3, got);
        CHECK_MEM(got, want, n_logits, "a logit");
    }
    nomul_sampler_free(sampler), nomul_sampler_free(second);
    nomul_session_free(session), nomul_session_free(other);
    nomul_model_close(t5);
    free(want), free(got), free(bytes);
}

static void check_not_restored(nomul_session *session, const void *snapshot, size_t n,
                               const char *words)
{
    unsigned char before[16 + STATE], after[16 + STATE];

    CHECK(nomul_session_snapshot(session, before, sizeof before, NULL) == NOMUL_OK);
    CHECK_FAILS(nomul_session_restore(session, snapshot, n, &err) == NOMUL_OK, err, words);
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_INT(nomul_session_restore(session, snapshot, n, NULL), NOMUL_E_ARG);
    CHECK(nomul_session_snapshot(session, after, sizeof after, NULL) == NOMUL_OK);
    CHECK_MEM(before, after, sizeof before, "the session");
}

static void test_no_snapshot(const nomul_model *model)
{
    unsigned char  bytes[16 + STATE + 1] = {0};
    nomul_session *session;
    nomul_sampler *sampler;

    test_case("what is no snapshot of this model changes nothing");
    begin_text(model, &session, &sampler);
    CHECK(nomul_session_snapshot(session, bytes, 16 + STATE, NULL) == NOMUL_OK);
    check_not_restored(session, bytes, 16 + STATE + 1, "snapshot: has 81 bytes, expected 80");
    check_not_restored(session, bytes, 0, "snapshot: has 0 bytes, expected 80");
    check_not_restored(session, NULL, 16 + STATE, "nomul_session_restore: an argument is NULL");
    bytes[0] ^= 1;
    check_not_restored(session, bytes, 16 + STATE,
                       "snapshot: is of model ba89c1472870a26e, this is model ba89c1472870a26f");
    bytes[0] ^= 1;
    nm_store_u64(bytes + 8, INT64_MAX);
    check_not_restored(session, bytes, 16 + STATE,
                       "snapshot: is of 9223372036854775807 tokens, expected fewer");
    CHECK_FAILS(nomul_session_restore(NULL, bytes, 80, &err) == NOMUL_OK, err,
                "nomul_session_restore: an argument is NULL");
    CHECK_FAILS(nomul_session_snapshot(session, bytes, 79, &err) == NOMUL_OK, err,
                "snapshot: has 79 bytes, expected 80");
    CHECK_INT(err.code, NOMUL_E_SPACE);
    CHECK_FAILS(nomul_session_snapshot(session, bytes, 81, &err) == NOMUL_OK, err,
                "snapshot: has 81 bytes, expected 80");
    CHECK_INT(err.code, NOMUL_E_ARG); /* there is space enough */
    CHECK_FAILS(nomul_session_snapshot(session, NULL, 80, &err) == NOMUL_OK, err,
                "nomul_session_snapshot: an argument is NULL");
    CHECK_FAILS(nomul_session_snapshot(NULL, bytes, 80, &err) == NOMUL_OK, err,
                "nomul_session_snapshot: an argument is NULL");
    nomul_sampler_free(sampler);
    nomul_session_free(session);
}

void test_snapshot(void)
{
    test_case("the model opens");
    nomul_model *model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err);

    CHECK_OK(model != NULL, err);
    if (!model) return;
    test_restored(model);
    test_no_snapshot(model);
    nomul_model_close(model);
}
