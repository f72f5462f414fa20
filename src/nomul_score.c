/* SPDX-License-Identifier: Apache-2.0 */
/* The reception of scoring: a text's ids to their log-probabilities. */
#include "nomul_model.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/pool.h"
#include "model/session.h"

#define LOGITS_BYTES ((size_t)16 << 20) /* what the rows of logits may take, but one there is */

typedef struct score_job {
    const float   *logits; /* [n][n_vocab] */
    size_t         n_vocab;
    const int32_t *next; /* [n]: what came */
    float         *logprobs;
} score_job;

static void score_rows(void *context, size_t begin, size_t end, size_t thread)
{
    const score_job *job = context;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        nomul_logprob of = {.id = job->next[i]};
        nomul_logprobs(job->logits + i * job->n_vocab, job->n_vocab, NULL, 0, &of);
        job->logprobs[i] = of.logprob;
    }
}

/* Tokens taken together: no more than a batch, as their logits don't outlive it. */
static size_t choose_rows(const nomul_session *session, size_t n_vocab, size_t n_scores)
{
    size_t n = LOGITS_BYTES / sizeof(float) / n_vocab;

    if (n == 0) n = 1;
    if (n > nomul_session_n_batch(session)) n = nomul_session_n_batch(session);
    return n < n_scores ? n : n_scores;
}

static bool check_arguments(const nomul_session *session, const int32_t *ids, size_t n_ids,
                            const float *logprobs, nomul_error *err)
{
    if (!session || !ids || !logprobs)
        return nm_fail(err, NOMUL_E_ARG, "nomul_session_score: an argument is NULL");
    if (n_ids < 2) return nm_fail(err, NOMUL_E_ARG, "n_ids: is %zu, expected at least 2", n_ids);
    return nm_session_check_ids(session, ids, n_ids, err);
}

nomul_status nomul_session_score(nomul_session *session, const int32_t *ids, size_t n_ids,
                                 float *logprobs, nomul_error *err)
{
    nomul_error local;

    if (!err) err = &local;
    if (!check_arguments(session, ids, n_ids, logprobs, err)) return err->code;

    size_t n_vocab = session->weights->config.vocab, n_scores = n_ids - 1;
    size_t n_rows = choose_rows(session, n_vocab, n_scores);
    float *logits = nm_alloc(n_rows * n_vocab * sizeof *logits);
    if (!logits) {
        nm_fail_memory(err, n_rows * n_vocab * sizeof *logits);
        return err->code;
    }
    for (size_t at = 0; at < n_scores; at += n_rows) {
        size_t    n = n_rows < n_scores - at ? n_rows : n_scores - at;
        score_job job = {logits, n_vocab, ids + at + 1, logprobs + at};

        nm_session_feed(session, ids + at, n, NOMUL_LOGITS_ALL, logits);
        nm_pool_run(session->engine->work.pool, score_rows, &job, n, 1);
    }
    nm_free(logits);
    return NOMUL_OK;
}
