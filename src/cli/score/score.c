/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The difficulty of documents is to tokenize a text whose end has not arrived: BPE may merge across
 * almost any two bytes, so a part is tokenized only up to a cut that is safe whatever follows
 * (nomul_tokenize_cut), and a separator counts only when it is complete.  What is uncertain waits
 * in two buffers, and what is certain for company: short documents are scored side by side.
 */
#include "cli/score/score.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/documents.h"
#include "base/error.h"

#define SLICE 4096  /* bytes tokenized together, about a thousand tokens */
#define ENOUGH 1024 /* ids to be scored: the last of them fill a pass less well */

/* ---- Tally ----------------------------------------------------------------------------------- */

/* That of the mean, carried through exp by its derivative. */
bool nm_tally_uncertainty(const nm_tally *t, double *uncertainty, nomul_error *err)
{
    double n = (double)t->n_tokens, mean = t->nats / n, variance = t->squares / n - mean * mean;

    if (!(variance > 0))
        return nm_fail(err, NOMUL_E_ARG, "unexpected negative standard deviation of log(prob)");
    *uncertainty = sqrt(variance / (n - 1)) * exp(mean);
    return true;
}

/* Counts the log-probabilities of n ids, and prints them if that is wanted. */
static bool add_scored(nm_tally *t, const int32_t *ids, const float *logprobs, size_t n,
                       nomul_error *err)
{
    for (size_t i = 0; i < n; i++) {
        double logprob = (double)logprobs[i];
        t->nats -= logprob;
        t->squares += logprob * logprob;
        if (t->per_token) nm_output_print("%" PRId32 "\t%.9g\n", ids[i], logprob);
    }
    t->n_tokens += n;
    return !t->per_token || nm_output_flush() ||
           nm_fail(err, NOMUL_E_CANCELLED, "standard output is closed");
}

/* Feeds ids step by step.  scored: the last is not fed, and all but the first are scored. */
static bool feed(nm_tally *t, const int32_t *ids, size_t n_ids, bool scored, nomul_error *err)
{
    size_t n_fed = n_ids - scored, n;

    for (size_t at = 0; at < n_fed; at += n) {
        double began = nm_clock();

        n = n_fed - at < NM_SCORE_STEP ? n_fed - at : NM_SCORE_STEP;
        nomul_status status =
            scored ? nomul_session_score(t->session, ids + at, n + 1, t->logprobs, err)
                   : nomul_session_feed(t->session, ids + at, n, NOMUL_LOGITS_NONE, NULL, err);
        if (status != NOMUL_OK) return false;
        t->seconds += nm_clock() - began;
        if (scored && !add_scored(t, ids + at + 1, t->logprobs, n, err)) return false;
    }
    return true;
}

/* ---- Documents that wait --------------------------------------------------------------------- */

/*
 * Scores all that wait, up to NM_SCORE_STEP ids of them together, so that passes are as large as
 * those of one long text; in the order of the input, whatever the threads do.  What remains is the
 * last document, which may not have ended.
 *
 *     d->ids    BOS a b c EOS | BOS d EOS | BOS e f g        the last one scored of each, and those
 *     a step        a b c EOS       d EOS       e            to score: `at` moves with them
 */
static bool score_waiting(nm_documents *d, nomul_error *err)
{
    nm_tally   *t = &d->tally;
    nm_waiting *first = d->waiting, *last = first + d->n_waiting - 1;

    while (first < last || last->n > 1) {
        nomul_score calls[NM_SCORE_TOGETHER];
        size_t      n_calls = 0, n_rows = 0;
        for (nm_waiting *w = first; w <= last && w->n > 1 && n_rows < NM_SCORE_STEP; w++) {
            size_t n = w->n - 1, left = NM_SCORE_STEP - n_rows;
            if (n > left) n = left;
            calls[n_calls++] =
                (nomul_score){w->session, d->ids.at + w->at, n + 1, t->logprobs + n_rows};
            n_rows += n;
        }
        double began = nm_clock();
        if (nomul_session_score_many(calls, n_calls, err) != NOMUL_OK) return false;
        t->seconds += nm_clock() - began;
        for (size_t i = 0, n; i < n_calls; i++) {
            n = calls[i].n_ids - 1;
            if (!add_scored(t, calls[i].ids + 1, calls[i].logprobs, n, err)) return false;
            d->n_documents = first->number;
            first->at += n, first->n -= n;
            if (first->n > 1) break; /* the last call */
            if (first->ends_with_eos) d->eos_nats -= (double)calls[i].logprobs[n - 1];
            d->n_bytes += first->n_bytes;
            d->n_gaps = first->n_gaps;
            d->bytes_nats = t->nats;
            if (first < last) first++;
        }
        nm_progress_show(&t->bar, d->n_bytes, d->n_input);
    }
    nm_waiting rest = *last;
    *last = d->waiting[0]; /* its session is used again */
    d->waiting[0] = (nm_waiting){.session = rest.session, .n = 1, .number = rest.number};
    d->ids.at[0] = d->ids.at[rest.at];
    d->ids.n = d->n_waiting = 1;
    return true;
}

/* ---- One document ---------------------------------------------------------------------------- */

static bool begin(nm_documents *d, nomul_error *err)
{
    uint64_t number = d->n_waiting ? d->waiting[d->n_waiting - 1].number + 1 : 1;

    if (d->n_waiting == NM_SCORE_TOGETHER && !score_waiting(d, err)) return false;
    if (d->n_waiting == 1 && d->waiting[0].n == 1) d->n_waiting = d->ids.n = 0;
    nm_waiting *w = &d->waiting[d->n_waiting];
    if (!w->session && number == 1) w->session = d->tally.session;
    if (!w->session && !(w->session = nomul_session_share(d->tally.session, err))) return false;
    nomul_session_reset(w->session);
    *w = (nm_waiting){.session = w->session, .at = d->ids.n, .n = 1, .number = number};
    d->n_waiting++;
    d->begun = false;
    d->words = (nm_words){.n_gaps = d->words.n_gaps};
    d->text.n_bytes = d->n_held = 0;
    return nm_ids_add(&d->ids, nomul_token_bos(d->tokenizer), err);
}

/*
 * In slices, so that a signal never waits for long; ends: they are the last of the document.
 *
 *     d->text    held from before | slice              -> tokenized up to a cut that is safe
 *                                       ^ cut             whatever follows; the rest is held
 *
 * The end of a document is a cut too.
 */
static bool add(nm_documents *d, const char *bytes, size_t n_bytes, bool ends, nomul_error *err)
{
    if (n_bytes == 0 && !ends) return true;
    do {
        size_t n = n_bytes < SLICE ? n_bytes : SLICE;
        bool   last = ends && n == n_bytes, eos = last && d->separator;

        if (!nm_buffer_add(&d->text, bytes, n, err)) return false;
        nm_buffer part = d->text; /* up to the cut */
        if (!last)
            part.n_bytes = nomul_tokenize_cut(d->tokenizer, part.data, part.n_bytes, d->n_held);
        if (part.n_bytes > 0 || eos) {
            unsigned flags = d->begun ? NOMUL_TOKENIZE_NO_PREFIX : 0;
            if (part.n_bytes > 0 && !nm_prompt_tokenize(&d->ids, d->tokenizer, &part, flags, err))
                return false;
            if (eos && !nm_ids_add(&d->ids, nomul_token_eos(d->tokenizer), err)) return false;
            d->begun = true;
            nm_words_add(&d->words, part.data, part.n_bytes);
            nm_waiting *w = &d->waiting[d->n_waiting - 1];
            w->n = d->ids.n - w->at;
            w->n_bytes += part.n_bytes;
            w->n_gaps = d->words.n_gaps;
            w->ends_with_eos = eos;
            nm_buffer_drop(&d->text, part.n_bytes);
            if (d->ids.n > ENOUGH && !score_waiting(d, err)) return false;
        }
        d->n_held = d->text.n_bytes;
        bytes += n, n_bytes -= n;
    } while (n_bytes > 0);
    return true;
}

/* ---- All documents --------------------------------------------------------------------------- */

static bool is_empty(const nm_documents *d)
{
    return !d->begun && d->text.n_bytes == 0;
}

/* A document gets all input that cannot be the beginning of a separator. */
bool nm_score_documents(nm_documents *d, int fd, nomul_error *err)
{
    nm_buffer *rest = &d->input;
    size_t     n = 0;

    if (nomul_token_bos(d->tokenizer) < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "the model has no BOS to begin a text with");
    if (d->separator && nomul_token_eos(d->tokenizer) < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "the model has no EOS to end a document with");
    do
        if (!nm_buffer_read(rest, fd, &n, err)) return false;
    while (n > 0 && rest->n_bytes < 3); /* enough to see a byte order mark */
    nm_buffer_drop(rest, nm_buffer_mark(rest->data, rest->n_bytes));
    if (!begin(d, err)) return false;
    while (n > 0 || rest->n_bytes > 0) { /* n 0: no more is to come */
        size_t at = rest->n_bytes, n_end = 0;

        if (d->separator)
            at = nm_document_end(rest->data, at, d->separator, is_empty(d), n == 0, &n_end);
        bool drops = is_empty(d) && at == 0;
        if (!drops && !add(d, rest->data, at, n_end > 0, err)) return false;
        nm_buffer_drop(rest, at + n_end);
        if (n_end == 0 && n > 0) {
            if (!score_waiting(d, err) || !nm_buffer_read(rest, fd, &n, err)) return false;
        } else if (n_end > 0 && !drops && !begin(d, err)) {
            return false;
        }
    }
    if (!is_empty(d) && !add(d, "", 0, true, err)) return false;
    if (!score_waiting(d, err)) return false;
    return d->n_documents > 0 || nm_fail(err, NOMUL_E_ARG, "is empty: there is nothing to score");
}

void nm_score_documents_free(nm_documents *d)
{
    nm_buffer_free(&d->input);
    nm_buffer_free(&d->text);
    nm_ids_free(&d->ids);
    for (size_t i = 0; i < NM_SCORE_TOGETHER; i++)
        if (d->waiting[i].session != d->tally.session) nomul_session_free(d->waiting[i].session);
}

/* ---- Windows --------------------------------------------------------------------------------- */

bool nm_score_windows(nm_windows *w, const nomul_tokenizer *tokenizer, nm_ids *ids,
                      nomul_error *err)
{
    int32_t bos = nomul_token_bos(tokenizer);
    size_t  n_past = w->n_ctx / 2;
    bool    ok = true;

    if (ids->n / 2 < w->n_ctx)
        return nm_fail(err, NOMUL_E_ARG,
                       "you need at least %zu tokens to evaluate perplexity with a context of %zu; "
                       "it tokenizes to only %zu tokens",
                       2 * w->n_ctx, w->n_ctx, ids->n);
    bool adds_bos = ids->at[0] == bos; /* text alone never makes BOS */
    w->n_windows = ids->n / w->n_ctx;
    if (!w->quiet)
        fprintf(stderr,
                "perplexity: calculating perplexity over %zu chunks, n_ctx=%zu, "
                "batch_size=%zu, n_seq=1\n",
                w->n_windows, w->n_ctx, nomul_session_n_batch(w->tally.session));
    w->tally.bar.unit = "window";
    while (ok && w->n_done < w->n_windows) {
        int32_t *window = ids->at + w->n_done * w->n_ctx;
        double   began = nm_clock();

        nomul_session_reset(w->tally.session);
        if (adds_bos) window[0] = bos; /* it is never scored */
        ok = feed(&w->tally, window, n_past, false, err) &&
             feed(&w->tally, window + n_past, w->n_ctx - n_past, true, err);
        if (!ok) break;
        double seconds = nm_clock() - began;
        if (w->n_done == 0 && !w->quiet)
            fprintf(stderr, "perplexity: %.2f seconds per pass - ETA %.2f minutes\n", seconds,
                    seconds * (double)w->n_windows / 60);
        w->n_done++;
        nm_progress_show(&w->tally.bar, w->n_done, w->n_windows);
        if (!w->running) continue;
        nm_output_print("[%zu]%.4f,", w->n_done, exp(w->tally.nats / (double)w->tally.n_tokens));
        ok = nm_output_flush() || nm_fail(err, NOMUL_E_CANCELLED, "standard output is closed");
    }
    if (w->running && w->n_done > 0) nm_output_print("\n");
    return ok;
}
