/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public API of sessions: checks arguments, then feeds, scores, copies and restores.
 *
 * Everything that could make a kernel read outside its memory is checked here, once: that ids are
 * inside the vocabulary, that sessions of one call share an engine and differ.  What is below
 * (model/session.h) relies on it and cannot fail.  A call that fails has fed nothing, except one
 * that was cancelled: it has fed the pieces before.
 *
 * Sessions that share an engine share its scratch memory and threads, so they take turns: only one
 * thread at a time may be in a call with any of them.
 */
#include "nomul_model.h"

#include "base/alloc.h"
#include "base/args.h"
#include "base/bytes.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/os.h"
#include "base/pool.h"
#include "model/session.h"
#include "tokens/logprobs.h"

#include <inttypes.h>
#include <string.h>

/*
 * A snapshot:  u64 model_id | u64 n_tokens | f32 state[n_layers][state_dim]
 *
 * Little-endian, without a checksum: it is for the memory of one process, or for a store that has
 * its own.  nomul_text_save writes files that are checked.
 */
#define SNAPSHOT_HEADER 16             /* bytes before the state */
#define SCORE_BYTES ((size_t)16 << 20) /* of logits at a time, but at least one row */

/* ---- Making sessions ------------------------------------------------------------------------- */

void nomul_session_options_init(nomul_session_options *options)
{
    if (options) *options = (nomul_session_options){.size = sizeof *options};
}

/* The caller's options, checked, with a value for what it leaves to us. */
static bool take_options(nomul_session_options *ours, const nomul_session_options *theirs,
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
    if (ours->n_threads == 0) ours->n_threads = nm_os_processors();
    if (ours->n_batch == 0)
        ours->n_batch = nm_engine_default_batch(&model->weights, model->kernels);
    if (!ours->cancel) ours->cancel = model->cancel;
    return true;
}

/* 0 for wrong options, SIZE_MAX for more than the address space. */
size_t nomul_session_memory(const nomul_model *model, const nomul_session_options *options)
{
    nomul_session_options ours;

    if (!model || !take_options(&ours, options, model, NULL)) return 0;
    size_t engine = nm_engine_bytes(&model->weights, model->kernels, ours.n_threads, ours.n_batch);
    size_t state = nm_session_bytes(&model->weights);
    return state > SIZE_MAX - engine ? SIZE_MAX : state + engine;
}

nomul_session *nomul_session_new(const nomul_model *model, const nomul_session_options *options,
                                 nomul_error *err)
{
    nomul_session_options ours;

    if (!model) return nm_fail_null(err, "nomul_session_new"), NULL;
    if (!take_options(&ours, options, model, err)) return NULL;

    /* The engine knows weights and kernels; what it needs of the API's objects is set here. */
    nm_engine *engine =
        nm_engine_new(&model->weights, model->kernels, ours.n_threads, ours.n_batch, err);
    if (!engine) return NULL;
    engine->model = model;
    engine->model_refs = nm_refs_take((nm_refs *)&model->refs); /* the count alone changes */
    engine->cancel = ours.cancel;
    engine->pace = nm_engine_pace(engine, ours.cancel);
    nomul_session *session = nm_session_new(engine, err);
    nm_refs_drop(&engine->refs); /* the session has its own */
    return session;
}

/*
 * Another sequence in the same engine: from its beginning, or as a clone, which is where the first
 * one is.  Neither needs scratch memory or threads of its own.
 */
nomul_session *nomul_session_share(nomul_session *session, nomul_error *err)
{
    if (!session) return nm_fail_null(err, "nomul_session_share"), NULL;
    return nm_session_new(session->engine, err);
}

nomul_session *nomul_session_clone(nomul_session *session, nomul_error *err)
{
    if (!session) return nm_fail_null(err, "nomul_session_clone"), NULL;
    nomul_session *clone = nm_session_new(session->engine, err);
    if (!clone) return NULL;
    memcpy(clone->state, session->state, nm_config_state_bytes(&session->weights->config));
    clone->n_tokens = session->n_tokens;
    return clone;
}

void nomul_session_free(nomul_session *session)
{
    if (session) nm_session_free(session);
}

void nomul_session_reset(nomul_session *session)
{
    if (!session) return;
    memset(session->state, 0, nm_config_state_bytes(&session->weights->config));
    session->n_tokens = 0;
}

uint64_t nomul_session_n_tokens(const nomul_session *session)
{
    return session ? session->n_tokens : 0;
}

size_t nomul_session_n_threads(const nomul_session *session)
{
    return session ? nm_pool_threads(session->engine->work.pool) : 0;
}

size_t nomul_session_n_batch(const nomul_session *session)
{
    return session ? session->engine->n_batch : 0;
}

const nomul_model *nomul_session_model(const nomul_session *session)
{
    return session ? session->engine->model : NULL;
}

/* ---- Feeding --------------------------------------------------------------------------------- */

bool nm_session_check_ids(const nomul_session *session, const int32_t *ids, size_t n_ids,
                          nomul_error *err)
{
    uint32_t n_vocab = session->weights->config.vocab;

    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= n_vocab)
            return nm_fail(err, NOMUL_E_ARG, "id %d at position %zu: outside the vocabulary of %u",
                           (int)ids[i], i, n_vocab);
    /* Less than the maximum is fed: the last id of a saved text is not. */
    if (n_ids >= NM_MAX_TOKENS - session->n_tokens)
        return nm_fail(err, NOMUL_E_ARG, "%zu ids after %" PRIu64 ": a sequence has 2^63 - 1",
                       n_ids, session->n_tokens);
    return true;
}

/*
 * All ids of all feeds, one after the other; those that ask for logits get `which`.  In pieces,
 * between which the cancel flag is looked at; without one it is all a single piece.  The pace makes
 * them as long as the speed of this machine allows (base/cancel.h).
 */
static nomul_status feed_all(const nomul_feed *feeds, size_t n_feeds, nomul_logits which,
                             float *logits, nomul_error *err)
{
    nm_engine *engine = feeds[0].session->engine;
    size_t     feed = 0, at = 0; /* the next id is ids[at] of this one */

    while (feed < n_feeds) {
        size_t room = engine->cancel ? engine->pace.step : SIZE_MAX, left = room;
        double began = nm_clock();

        if (nomul_cancel_requested(engine->cancel))
            return nm_fail(err, NOMUL_E_CANCELLED, "cancelled"), err->code;
        while (feed < n_feeds && left > 0) {
            const nomul_feed *f = &feeds[feed];
            size_t            n = nm_smaller(f->n_ids - at, left);
            bool              ends = at + n == f->n_ids;
            bool              wanted = f->logits && (ends || which == NOMUL_LOGITS_ALL);

            if (n > 0)
                logits = nm_session_append(f->session, f->ids + at, n,
                                           wanted ? which : NOMUL_LOGITS_NONE, logits);
            at += n, left -= n;
            if (ends) feed++, at = 0;
        }
        logits = nm_engine_forward(engine, logits);
        nm_pace_update(&engine->pace, room - left, nm_clock() - began);
    }
    return NOMUL_OK;
}

nomul_status nomul_session_feed(nomul_session *session, const int32_t *ids, size_t n_ids,
                                nomul_logits which, float *logits, nomul_error *err)
{
    nomul_error own;

    err = nm_error_or(err, &own);
    if (!session || (n_ids && !ids) || (which != NOMUL_LOGITS_NONE && !logits))
        return nm_fail_null(err, "nomul_session_feed");
    if ((unsigned)which > NOMUL_LOGITS_ALL)
        return nm_fail(err, NOMUL_E_ARG, "logits: is %d, expected 0 to %d", (int)which,
                       NOMUL_LOGITS_ALL),
               err->code;
    if (n_ids == 0 && which != NOMUL_LOGITS_NONE)
        return nm_fail(err, NOMUL_E_ARG,
                       "n_ids: is 0, expected at least 1 where logits are asked for"),
               err->code;
    if (!nm_session_check_ids(session, ids, n_ids, err)) return err->code;

    const nomul_feed feed = {session, ids, n_ids, which != NOMUL_LOGITS_NONE};
    return feed_all(&feed, 1, which, logits, err);
}

/*
 * The sessions of a call are marked with its number, so that one which occurs twice is found
 * without comparing each with each.
 */
nomul_status nomul_session_feed_many(const nomul_feed *feeds, size_t n_feeds, float *logits,
                                     nomul_error *err)
{
    nomul_error own;

    err = nm_error_or(err, &own);
    if (n_feeds && !feeds) return nm_fail_null(err, "nomul_session_feed_many");
    if (n_feeds == 0) return NOMUL_OK;
    uint64_t call = feeds[0].session ? ++feeds[0].session->engine->n_calls : 0;
    for (size_t i = 0; i < n_feeds; i++) {
        const nomul_feed *f = &feeds[i];
        size_t            twin = 0;
        bool              ok = false;
        if (!f->session) {
            nm_fail(err, NOMUL_E_ARG, "session is NULL");
        } else if (f->session->engine != feeds[0].session->engine) {
            nm_fail(err, NOMUL_E_ARG, "session shares another engine than that of feed 0");
        } else if (f->session->call == call) {
            while (feeds[twin].session != f->session) twin++;
            nm_fail(err, NOMUL_E_ARG, "session is that of feed %zu too", twin);
        } else if (f->n_ids && !f->ids) {
            nm_fail(err, NOMUL_E_ARG, "ids is NULL");
        } else if (f->logits && (!f->n_ids || !logits)) {
            nm_fail(err, NOMUL_E_ARG, "asks for logits, but %s",
                    logits ? "has no ids" : "logits is NULL");
        } else {
            f->session->call = call;
            ok = nm_session_check_ids(f->session, f->ids, f->n_ids, err);
        }
        if (!ok) return nm_fail_in(err, "feed %zu", i), err->code;
    }
    return feed_all(feeds, n_feeds, NOMUL_LOGITS_LAST, logits, err);
}

/* ---- Scoring --------------------------------------------------------------------------------- */

/* A token whose logits are wanted: what the id after it is, and where its log-probability goes. */
typedef struct score_row {
    int32_t next;
    float  *logprob;
} score_row;

typedef struct score_job {
    const nm_float_ops *floats;

    size_t     n_vocab;
    float     *logits; /* [n_rows][n_vocab] */
    score_row *rows;   /* [n_rows], in the order of the logits */
    size_t     n_rows; /* that there is room for */
} score_job;

/* nm_pool_job: rows [begin, end). */
static void score_rows(void *context, size_t begin, size_t end, size_t thread)
{
    const score_job *job = context;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        nomul_logprob of = {.id = job->rows[i].next};
        nm_logprobs(job->floats, job->logits + i * job->n_vocab, job->n_vocab, NULL, 0, &of);
        *job->rows[i].logprob = of.logprob;
    }
}

/*
 * The tokens of all sequences, one after the other, in passes of up to n_rows.  The logits of a
 * token are needed only for the id that follows it, so they are made, used and overwritten pass by
 * pass.  The last id of a sequence is not fed, as nothing follows it:
 *
 *     sequences    a b c d | e f          a pass of 4 rows
 *     fed          a b c     e            one row of logits each
 *     next         b c d     f            whose log-probabilities go to logprobs[0..3), [0..1)
 */
static nomul_status score_all(const nomul_score *scores, size_t n_scores, const score_job *job,
                              nomul_error *err)
{
    nm_engine *engine = scores[0].session->engine;
    size_t     score = 0, at = 0; /* the next token is ids[at] of this one */

    while (score < n_scores) {
        size_t room = job->n_rows, n_rows = 0, n;
        double began = nm_clock();

        if (engine->cancel && room > engine->pace.step) room = engine->pace.step;
        if (nomul_cancel_requested(engine->cancel))
            return nm_fail(err, NOMUL_E_CANCELLED, "cancelled"), err->code;
        for (; score < n_scores && n_rows < room; at += n) {
            const nomul_score *s = &scores[score];

            n = s->n_ids - 1 - at < room - n_rows ? s->n_ids - 1 - at : room - n_rows;
            nm_engine_append(engine, s->session->state, s->ids + at, n, n);
            s->session->n_tokens += n;
            for (size_t i = at; i < at + n; i++)
                job->rows[n_rows++] = (score_row){s->ids[i + 1], &s->logprobs[i]};
            if (at + n == s->n_ids - 1) score++, at = 0, n = 0;
        }
        nm_engine_forward(engine, job->logits);
        nm_pool_run(engine->work.pool, score_rows, (void *)job, n_rows, 1);
        nm_pace_update(&engine->pace, n_rows, nm_clock() - began);
    }
    return NOMUL_OK;
}

/*
 * Checked as the feeds of nomul_session_feed_many are.  Each row of logits is a whole vocabulary of
 * floats, so there is memory for a few rows only, SCORE_BYTES, whatever the length of the texts.
 */
nomul_status nomul_session_score_many(const nomul_score *scores, size_t n_scores, nomul_error *err)
{
    nomul_error own;

    err = nm_error_or(err, &own);
    if (n_scores && !scores) return nm_fail_null(err, "nomul_session_score_many");
    if (n_scores == 0) return NOMUL_OK;
    uint64_t call = scores[0].session ? ++scores[0].session->engine->n_calls : 0;
    for (size_t i = 0; i < n_scores; i++) {
        const nomul_score *s = &scores[i];
        bool               ok = false;
        if (!s->session || !s->ids || !s->logprobs) {
            nm_fail_null(err, "nomul_session_score");
        } else if (s->n_ids < 2) {
            nm_fail(err, NOMUL_E_ARG, "n_ids: is %zu, expected at least 2", s->n_ids);
        } else if (s->session->engine != scores[0].session->engine) {
            nm_fail(err, NOMUL_E_ARG, "session shares another engine than that of sequence 0");
        } else if (s->session->call == call) {
            nm_fail(err, NOMUL_E_ARG, "session is that of an earlier sequence too");
        } else {
            s->session->call = call;
            ok = nm_session_check_ids(s->session, s->ids, s->n_ids, err);
        }
        if (!ok) return n_scores > 1 ? nm_fail_in(err, "sequence %zu", i) : false, err->code;
    }
    nm_engine *engine = scores[0].session->engine;
    score_job  job = {.floats = engine->work.kernels->floats,
                      .n_vocab = engine->weights->config.vocab};
    size_t     n_tokens = 0, row_bytes = job.n_vocab * sizeof *job.logits;
    for (size_t i = 0; i < n_scores && n_tokens < engine->n_batch; i++)
        n_tokens += scores[i].n_ids - 1;
    job.n_rows = nm_larger(SCORE_BYTES / row_bytes, 1);
    job.n_rows = nm_smaller(job.n_rows, nm_smaller(engine->n_batch, n_tokens));
    job.logits = nm_alloc(job.n_rows * row_bytes);
    job.rows = nm_alloc(job.n_rows * sizeof *job.rows);
    nomul_status status = NOMUL_OK;
    if (job.logits && job.rows)
        status = score_all(scores, n_scores, &job, err);
    else
        nm_fail_memory(err, job.n_rows * row_bytes), status = err->code;
    nm_free(job.logits), nm_free(job.rows);
    return status;
}

nomul_status nomul_session_score(nomul_session *session, const int32_t *ids, size_t n_ids,
                                 float *logprobs, nomul_error *err)
{
    return nomul_session_score_many(&(nomul_score){session, ids, n_ids, logprobs}, 1, err);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

/* The same for every session of a model, however many tokens it has seen. */
size_t nomul_snapshot_bytes(const nomul_model *model)
{
    return model ? SNAPSHOT_HEADER + (size_t)model->info.state_bytes : 0;
}

static nomul_status check_snapshot_size(const nomul_session *session, size_t n_bytes,
                                        nomul_status too_few, nomul_error *err)
{
    size_t expected = SNAPSHOT_HEADER + nm_config_state_bytes(&session->weights->config);

    nomul_status code = n_bytes < expected ? too_few : NOMUL_E_ARG;

    if (n_bytes == expected) return NOMUL_OK;
    nm_fail(err, code, "snapshot: has %zu bytes, expected %zu", n_bytes, expected);
    return code;
}

/* n_bytes is asked for, so that a buffer made for another model is refused, not overrun. */
nomul_status nomul_session_snapshot(const nomul_session *session, void *snapshot, size_t n_bytes,
                                    nomul_error *err)
{
    uint8_t *to = snapshot;

    if (!session || !snapshot) return nm_fail_null(err, "nomul_session_snapshot");
    nomul_status status = check_snapshot_size(session, n_bytes, NOMUL_E_SPACE, err);
    if (status) return status;
    nm_store_u64(to, session->weights->model_id);
    nm_store_u64(to + 8, session->n_tokens);
    memcpy(to + SNAPSHOT_HEADER, session->state, n_bytes - SNAPSHOT_HEADER);
    return NOMUL_OK;
}

nomul_status nomul_session_restore(nomul_session *session, const void *snapshot, size_t n_bytes,
                                   nomul_error *err)
{
    const uint8_t *from = snapshot;

    if (!session || !snapshot) return nm_fail_null(err, "nomul_session_restore");
    if (check_snapshot_size(session, n_bytes, NOMUL_E_ARG, err)) return NOMUL_E_ARG;

    /* Any floats are a state: one that a kernel cannot compute with does not exist. */
    uint64_t ours = session->weights->model_id, n_tokens = nm_load_u64(from + 8);
    if (nm_load_u64(from) != ours)
        return nm_fail(err, NOMUL_E_ARG,
                       "snapshot: is of model %016" PRIx64 ", this is model %016" PRIx64,
                       nm_load_u64(from), ours),
               NOMUL_E_ARG;
    if (n_tokens >= NM_MAX_TOKENS)
        return nm_fail(err, NOMUL_E_ARG, "snapshot: is of %" PRIu64 " tokens, expected fewer",
                       n_tokens),
               NOMUL_E_ARG;
    session->n_tokens = n_tokens;
    memcpy(session->state, from + SNAPSHOT_HEADER, n_bytes - SNAPSHOT_HEADER);
    return NOMUL_OK;
}
