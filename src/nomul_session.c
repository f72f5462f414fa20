/* SPDX-License-Identifier: Apache-2.0 */
/* The reception of sessions: one text, many texts, and what a text leaves behind. */
#include "nomul_model.h"

#include "base/alloc.h"
#include "base/args.h"
#include "base/error.h"
#include "base/pool.h"
#include "model/session.h"

void nomul_session_options_init(nomul_session_options *options)
{
    *options = (nomul_session_options){.size = sizeof *options};
}

static bool take_session_options(nomul_session_options *ours, const nomul_session_options *theirs,
                                 const nomul_model *model, nomul_error *err)
{
    nomul_session_options_init(ours);
    if (!nm_args_options(ours, theirs, sizeof *ours, err)) return false;
    if (ours->n_threads > NM_MAX_THREADS)
        return nm_fail(err, NOMUL_E_ARG, "n_threads: is %zu, expected up to %d", ours->n_threads,
                       NM_MAX_THREADS);
    if (ours->n_batch > NM_MAX_BATCH)
        return nm_fail(err, NOMUL_E_ARG, "n_batch: is %zu, expected up to %d", ours->n_batch,
                       NM_MAX_BATCH);
    if (ours->n_threads == 0) ours->n_threads = nm_pool_default_threads();
    if (ours->n_batch == 0)
        ours->n_batch = nm_session_default_batch(&model->weights, model->kernels);
    return true;
}

size_t nomul_session_memory(const nomul_model *model, const nomul_session_options *options)
{
    nomul_session_options ours;

    if (!model || !take_session_options(&ours, options, model, NULL)) return 0;
    return nm_session_bytes(&model->weights, model->kernels, ours.n_threads, ours.n_batch);
}

nomul_session *nomul_session_new(const nomul_model *model, const nomul_session_options *options,
                                 nomul_error *err)
{
    nomul_session_options ours;
    nomul_session        *session;

    if (!model) {
        nm_fail(err, NOMUL_E_ARG, "nomul_session_new: model is NULL");
        return NULL;
    }
    if (!take_session_options(&ours, options, model, err)) return NULL;
    session = nm_alloc(sizeof *session);
    if (!session) {
        nm_fail_memory(err, sizeof *session);
        return NULL;
    }
    if (!nm_session_init(session, &model->weights, model->kernels, ours.n_threads, ours.n_batch,
                         err)) {
        nomul_session_free(session);
        return NULL;
    }
    return session;
}

void nomul_session_free(nomul_session *session)
{
    if (!session) return;
    nm_session_close(session);
    nm_free(session);
}

void nomul_session_reset(nomul_session *session)
{
    nm_session_reset(session);
}

uint64_t nomul_session_n_tokens(const nomul_session *session)
{
    return session->n_tokens;
}

size_t nomul_session_n_threads(const nomul_session *session)
{
    return nm_pool_threads(session->work.pool);
}

size_t nomul_session_n_batch(const nomul_session *session)
{
    return session->n_batch;
}

bool nm_session_check_ids(const nomul_session *session, const int32_t *ids, size_t n_ids,
                          nomul_error *err)
{
    uint32_t n_vocab = session->weights->config.vocab;

    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= n_vocab)
            return nm_fail(err, NOMUL_E_ARG, "id %d at position %zu: outside the vocabulary of %u",
                           (int)ids[i], i, n_vocab);
    return true;
}

nomul_status nomul_session_feed(nomul_session *session, const int32_t *ids, size_t n_ids,
                                nomul_logits which, float *logits, nomul_error *err)
{
    nomul_error local;

    if (!err) err = &local;
    if (!session || (n_ids && !ids) || (which != NOMUL_LOGITS_NONE && !logits)) {
        nm_fail(err, NOMUL_E_ARG, "nomul_session_feed: an argument is NULL");
        return err->code;
    }
    if ((unsigned)which > NOMUL_LOGITS_ALL) {
        nm_fail(err, NOMUL_E_ARG, "logits: is %d, expected 0 to %d", (int)which, NOMUL_LOGITS_ALL);
        return err->code;
    }
    if (!nm_session_check_ids(session, ids, n_ids, err)) return err->code;
    nm_session_feed(session, ids, n_ids, which, logits);
    return NOMUL_OK;
}
