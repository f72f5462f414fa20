/* SPDX-License-Identifier: Apache-2.0 */
/* The reception of sessions: one text, many texts, and what a text leaves behind. */
#include "nomul_model.h"

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
        ours->n_batch = nm_engine_default_batch(&model->weights, model->kernels);
    return true;
}

size_t nomul_session_memory(const nomul_model *model, const nomul_session_options *options)
{
    nomul_session_options ours;

    if (!model || !take_session_options(&ours, options, model, NULL)) return 0;
    size_t engine = nm_engine_bytes(&model->weights, model->kernels, ours.n_threads, ours.n_batch);
    size_t text = nm_session_bytes(&model->weights);
    return text > SIZE_MAX - engine ? SIZE_MAX : text + engine;
}

/* With an engine of its own. */
static nomul_session *new_session(const nm_weights *weights, const nm_kernels *kernels,
                                  size_t n_threads, size_t n_batch, nomul_error *err)
{
    nm_engine *engine = nm_engine_new(weights, kernels, n_threads, n_batch, err);

    if (!engine) return NULL;
    nomul_session *session = nm_session_new(engine, false, err);
    if (!session) nm_engine_free(engine);
    return session;
}

nomul_session *nomul_session_new(const nomul_model *model, const nomul_session_options *options,
                                 nomul_error *err)
{
    nomul_session_options ours;

    if (!model) {
        nm_fail(err, NOMUL_E_ARG, "nomul_session_new: model is NULL");
        return NULL;
    }
    if (!take_session_options(&ours, options, model, err)) return NULL;
    return new_session(&model->weights, model->kernels, ours.n_threads, ours.n_batch, err);
}

void nomul_session_free(nomul_session *session)
{
    if (session) nm_session_free(session);
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
    return nm_pool_threads(session->engine->work.pool);
}

size_t nomul_session_n_batch(const nomul_session *session)
{
    return session->engine->n_batch;
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

/* ---- Many texts ------------------------------------------------------------------------------ */

nomul_session *nomul_session_share(nomul_session *host, nomul_error *err)
{
    if (!host) {
        nm_fail(err, NOMUL_E_ARG, "nomul_session_share: host is NULL");
        return NULL;
    }
    return nm_session_new(host->engine, true, err);
}

nomul_session *nomul_session_clone(const nomul_session *session, nomul_error *err)
{
    nomul_session *clone;

    if (!session) {
        nm_fail(err, NOMUL_E_ARG, "nomul_session_clone: session is NULL");
        return NULL;
    }
    nm_engine *engine = session->engine;
    if (session->shares)
        clone = nm_session_new(engine, true, err);
    else
        clone = new_session(engine->weights, engine->work.kernels,
                            nm_pool_threads(engine->work.pool), engine->n_batch, err);
    if (clone) nm_session_copy(clone, session);
    return clone;
}

/* Which of the feeds in front of the index-th has its session. */
static size_t find_twin(const nomul_feed *feeds, size_t index)
{
    size_t twin = 0;

    while (feeds[twin].session != feeds[index].session) twin++;
    return twin;
}

/* The sessions of a call are marked with its number: one that comes twice is known by it. */
static uint64_t next_call(const nomul_feed *feeds, size_t n_feeds)
{
    return n_feeds && feeds[0].session ? ++feeds[0].session->engine->n_calls : 0;
}

static bool check_feed(const nomul_feed *feeds, size_t index, uint64_t call, nomul_error *err)
{
    const nomul_feed *feed = &feeds[index];

    if (!feed->session) return nm_fail(err, NOMUL_E_ARG, "session is NULL");
    if (feed->session->engine != feeds[0].session->engine)
        return nm_fail(err, NOMUL_E_ARG, "session shares another host than that of feed 0");
    if (feed->session->call == call)
        return nm_fail(err, NOMUL_E_ARG, "session is that of feed %zu too",
                       find_twin(feeds, index));
    feed->session->call = call;
    if (feed->n_ids && !feed->ids) return nm_fail(err, NOMUL_E_ARG, "ids is NULL");
    if (!feed->n_ids && feed->logits)
        return nm_fail(err, NOMUL_E_ARG, "logits of its last id are wanted, it has no ids");
    return nm_session_check_ids(feed->session, feed->ids, feed->n_ids, err);
}

static bool check_feeds(const nomul_feed *feeds, size_t n_feeds, const float *logits,
                        nomul_error *err)
{
    uint64_t call = next_call(feeds, n_feeds);

    for (size_t i = 0; i < n_feeds; i++) {
        if (!check_feed(feeds, i, call, err)) return nm_fail_in(err, "feed %zu", i);
        if (feeds[i].logits && !logits)
            return nm_fail(err, NOMUL_E_ARG, "feed %zu: wants logits, which is NULL", i);
    }
    return true;
}

nomul_status nomul_session_feed_many(const nomul_feed *feeds, size_t n_feeds, float *logits,
                                     nomul_error *err)
{
    nomul_error local;

    if (!err) err = &local;
    if (n_feeds && !feeds) {
        nm_fail(err, NOMUL_E_ARG, "nomul_session_feed_many: feeds is NULL");
        return err->code;
    }
    if (!check_feeds(feeds, n_feeds, logits, err)) return err->code;
    nm_session_feed_many(feeds, n_feeds, logits);
    return NOMUL_OK;
}
