/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of many texts.  In each pass every text that generates feeds its one pending id, and
 * texts that read a prompt share the rest of the batch.  Where one pass cannot hold all texts,
 * several do.
 *
 *     gather        texts -> feeds: ids of each that go through the network together
 *     feed_many     the pass; logits of the texts whose pending ids it has fed to the last
 *     sample        logits -> id -> bytes; stop strings, the end
 *
 * A pass reads the weights once for all its tokens, so n texts that generate side by side cost
 * little more than one, as long as reading weights is what takes the time.
 */
#include "text/text_object.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "model/session.h"
#include "tokens/logprobs.h"

#include <string.h>

#define MANY_STEP 16 /* tokens of a pass of many texts at least: shorter tiles are not faster */

/* Has it ids left to generate?  With n_predict = 0 a prompt is read, and its last id stays. */
static bool may_sample(const nomul_text *t)
{
    if (nm_text_room(t) < nm_text_token_room(t)) return false;
    return t->options.n_predict < 0 || t->n_generated < (uint64_t)t->options.n_predict;
}

/* Is more of its prompt to be fed than the last id, with which it begins to generate? */
static bool is_reading(const nomul_text *t)
{
    return t->n_generated == 0 && t->n_fed + 1 < t->pending.n;
}

/* All bytes are shown now, those held back too. */
static void finish(nomul_text *t, nomul_finish how)
{
    nm_text_place *p = &t->place;

    if (t->id < 0) { /* else they lie in bytes already */
        memcpy(t->bytes, t->tail + p->n_tail - p->n_held, p->n_held);
        t->n_bytes = p->n_held;
    }
    p->n_held = 0;
    t->finish = how;
}

/* ---- Sampling -------------------------------------------------------------------------------- */

/*
 * How many of the n bytes of a piece belong to the text: those up to the first place where the text
 * ends with a stop string.  tail[0..n_tail) is the text before them, tail[n_tail..n_tail + n) are
 * they.
 */
static size_t find_stop(const nomul_text *t, size_t n, bool *found)
{
    *found = false;
    if (t->longest_stop == 0) return n;
    for (size_t k = 1; k <= n; k++) {
        const char *end = t->tail + t->place.n_tail + k;
        for (size_t i = 0; i < t->options.n_stops; i++) {
            size_t n_stop = strlen(t->options.stops[i]);
            *found = n_stop <= t->place.n_tail + k &&
                     memcmp(end - n_stop, t->options.stops[i], n_stop) == 0;
            if (*found) return k;
        }
    }
    return n;
}

/*
 * The stop string ended inside the token: what was shown of it, bytes[n], takes its place, so that
 * the state will be that of the shown text.  With the stop string "x.", say:
 *
 *     sampled   "x.\n"     one id: pending, not fed yet
 *     shown     "x."
 *     pending   "x" "."    what the tokenizer makes of the shown bytes
 *
 * At the start of a text the token's leading space was not shown, but is part of it.  On failure
 * the token stays whole.
 */
static bool replace_token(nomul_text *t, const char *bytes, size_t n, nomul_error *err)
{
    nm_id_list     *list = &t->pending;
    const nm_vocab *vocab = &t->tokenizer->vocab;
    int32_t         whole = list->at[0];
    const nm_piece *piece = &vocab->pieces[whole];
    bool            prefix = vocab->add_space_prefix && !t->place.has_text &&
                  piece->n_text >= NM_BLANK_BYTES &&
                  memcmp(piece->text, NM_BLANK, NM_BLANK_BYTES) == 0;

    list->n = 0;
    if (nm_tokenizer_append(t->tokenizer, bytes, n, prefix ? 0 : NOMUL_TOKENIZE_NO_PREFIX, NULL,
                            list, err))
        return true;
    list->at[0] = whole;
    list->n = 1;
    return false;
}

/* Samples an id, which becomes the pending one, and adds its bytes. */
static bool sample(nomul_text *t, const float *logits, nomul_error *err)
{
    const nm_vocab *vocab = &t->tokenizer->vocab;
    nm_text_place  *p = &t->place;
    bool            at_start = !p->has_text, stopped = false, ok = true;
    char           *fresh = t->tail + p->n_tail; /* tail has room for one piece */
    int32_t         id = nomul_sampler_sample(t->sampler, logits);

    t->id = id;
    t->n_generated++;
    t->pending.at[0] = id;
    t->pending.n = 1, t->n_fed = 0;
    memcpy(t->bytes, fresh - p->n_held, p->n_held);
    t->n_bytes = p->n_held;
    if (vocab->pieces[id].ends_text) {
        nomul_sampler_accept(t->sampler, id);
        finish(t, NOMUL_FINISH_EOS);
        return true;
    }

    size_t n_piece = nm_decoder_write(vocab, id, t->options.special, &at_start, fresh);
    size_t n = find_stop(t, n_piece, &stopped);
    memcpy(t->bytes + t->n_bytes, fresh, n);
    t->n_bytes += n;
    if (n < n_piece) ok = replace_token(t, fresh, n, err);
    for (size_t i = 0; i < t->pending.n; i++) nomul_sampler_accept(t->sampler, t->pending.at[i]);
    p->has_text = !at_start || n > 0 || p->has_text;
    nm_text_add_tail(t, t->bytes + p->n_held, n); /* bytes: fresh lies in the tail itself */
    if (stopped) {
        finish(t, NOMUL_FINISH_STOP);
    } else if (!may_sample(t)) {
        finish(t, NOMUL_FINISH_LENGTH);
    } else {
        p->n_held = nm_utf8_unfinished(t->bytes, t->n_bytes);
        t->n_bytes -= p->n_held;
    }
    return ok;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/*
 * nm_pool_job: log-probabilities of feeds [begin, end).  Sampling takes turns with one scratch
 * memory; this needs none, so threads share the texts.
 */
static void score_texts(void *context, size_t begin, size_t end, size_t thread)
{
    const nm_text_host *host = context;
    const float        *row = host->logits;

    (void)thread;
    for (size_t i = 0; i < end; i++) {
        nomul_text *t = host->fed[i];
        if (!host->feeds[i].logits) continue;
        if (i >= begin && t->options.n_logprobs) {
            t->scores[0].id = t->id;
            nm_logprobs(t->session->engine->work.kernels->floats, row, host->n_vocab, t->scores + 1,
                        t->options.n_logprobs, t->scores);
        }
        row += host->n_vocab;
    }
}

/*
 * Takes texts until the batch is full: their feeds, and how many.  Finishes those that have nothing
 * to feed.  *n_taken: texts looked at.
 *
 * Room for 48 tokens, 8 texts that generate, 2 that read: 8 tokens are kept for the former, and
 * each prompt gets 40 / 2 = 20.  So a long prompt does not hold up the others, and it is not read
 * token by token either.
 */
static size_t gather(nm_text_host *host, nomul_text *const *texts, size_t n_texts, size_t room,
                     size_t *n_taken)
{
    size_t n_feeds = 0, n_reading = 0, n_generating = 0, i = 0;

    for (size_t k = 0; k < n_texts; k++) {
        n_reading += !texts[k]->finish && is_reading(texts[k]);
        n_generating += !texts[k]->finish && !is_reading(texts[k]);
    }
    size_t rest = room > n_generating ? room - n_generating : 0;
    size_t share = n_reading && rest > n_reading ? rest / n_reading : 1; /* of each prompt */

    for (; i < n_texts && n_feeds < host->n_rows && room > 0; i++) {
        nomul_text *t = texts[i];
        if (t->finish) continue;
        bool   sampling = may_sample(t);
        size_t left = t->pending.n - t->n_fed, n = sampling ? left : left - 1;
        size_t most = is_reading(t) && share < room ? share : room;

        if (n > most) n = most;
        if (n == 0) {
            finish(t, NOMUL_FINISH_LENGTH);
            continue;
        }
        host->fed[n_feeds] = t;
        host->feeds[n_feeds++] = (nomul_feed){
            .session = t->session,
            .ids = t->pending.at + t->n_fed,
            .n_ids = n,
            .logits = sampling && n == left,
        };
        room -= n;
    }
    *n_taken = i;
    return n_feeds;
}

static bool check_texts(nomul_text *const *texts, size_t n_texts, nomul_error *err)
{
    if (!texts || !texts[0]) return nm_fail_null(err, "nomul_text_step"), false;
    uint64_t step = ++texts[0]->host->n_steps;
    for (size_t i = 0; i < n_texts; i++) {
        if (!texts[i]) return nm_fail(err, NOMUL_E_ARG, "text %zu is NULL", i);
        if (texts[i]->host != texts[0]->host)
            return nm_fail(err, NOMUL_E_ARG, "text %zu is not a fork of text 0", i);
        if (texts[i]->step == step) return nm_fail(err, NOMUL_E_ARG, "text %zu occurs twice", i);
        texts[i]->step = step;
    }
    return true;
}

nomul_status nomul_text_step(nomul_text *const *texts, size_t n_texts, nomul_error *err)
{
    nomul_error own;
    bool        ok = true;

    err = nm_error_or(err, &own);
    if (n_texts == 0) return NOMUL_OK;
    if (!check_texts(texts, n_texts, err)) return err->code;
    nm_text_host *host = texts[0]->host;
    for (size_t i = 0; i < n_texts; i++) nm_text_clear_output(texts[i]);

    for (size_t at = 0, n_taken; at < n_texts; at += n_taken) {
        double began = nm_clock();
        size_t room = host->pace.step, n_ids = 0;

        for (size_t i = at; i < n_texts; i++)
            if (!texts[i]->finish && nomul_cancel_requested(texts[i]->options.cancel))
                finish(texts[i], NOMUL_FINISH_CANCELLED);
        if (n_texts > 1 && room < MANY_STEP && host->pace.most >= MANY_STEP) room = MANY_STEP;
        size_t n_feeds = gather(host, texts + at, n_texts - at, room, &n_taken);
        nm_session_feed_many(host->feeds, n_feeds, host->logits);
        for (size_t i = 0; i < n_feeds; i++) n_ids += host->feeds[i].n_ids;
        nm_pace_update(&host->pace, n_ids, nm_clock() - began);

        const float *row = host->logits;
        bool         scored = false;
        for (size_t i = 0; i < n_feeds; i++) {
            nomul_text *t = host->fed[i];
            t->n_fed += host->feeds[i].n_ids;
            if (host->feeds[i].logits) {
                if (!sample(t, row, err)) ok = false;
                scored |= t->options.n_logprobs > 0;
                row += host->n_vocab;
            } else if (!may_sample(t) && t->n_fed + 1 >= t->pending.n) {
                finish(t, NOMUL_FINISH_LENGTH);
            }
        }
        if (scored)
            nm_pool_run(texts[0]->session->engine->work.pool, score_texts, host, n_feeds, 1);
    }
    return ok ? NOMUL_OK : err->code;
}

const char *nomul_text_next(nomul_text *text, size_t *n_bytes, nomul_error *err)
{
    if (!text || text->finish) return NULL;
    if (!n_bytes) return nm_fail_null(err, "nomul_text_next"), NULL;
    if (nomul_text_step(&text, 1, err) != NOMUL_OK) return NULL;
    return nomul_text_bytes(text, n_bytes);
}

bool nm_text_settle(nomul_text *t, nomul_error *err)
{
    /* NM_PACE_FIRST ids are fed in any case: a short prompt is not worth being interrupted in. */
    while (t->n_fed + 1 < t->pending.n) {
        size_t left = t->pending.n - 1 - t->n_fed, n = t->host->pace.step;
        double began = nm_clock();

        if (n > left) n = left;
        bool stopped = nomul_cancel_requested(t->options.cancel) ||
                       (t->options.progress && !t->options.progress(t->options.progress_context,
                                                                    t->n_fed, t->n_fed + left));
        if (left > NM_PACE_FIRST && stopped)
            return nm_fail(err, NOMUL_E_CANCELLED, "the prompt was not read to its end");
        nm_session_feed(t->session, t->pending.at + t->n_fed, n, NOMUL_LOGITS_NONE, NULL);
        t->n_fed += n;
        nm_pace_update(&t->host->pace, n, nm_clock() - began);
    }
    return true;
}

nomul_status nomul_text_read(nomul_text *text, nomul_error *err)
{
    nomul_error own;

    err = nm_error_or(err, &own);
    if (!text) return nm_fail_null(err, "nomul_text_read");
    return nm_text_settle(text, err) ? NOMUL_OK : err->code;
}
