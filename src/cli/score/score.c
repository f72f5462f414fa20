/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The difficulty of documents is to tokenize a text whose end has not arrived: BPE may merge across
 * almost any two bytes, so a part is tokenized only up to a cut that is safe whatever follows
 * (nomul_tokenize_cut), and a separator counts only when it is complete.  What is uncertain waits
 * in two buffers.
 */
#include "cli/score/score.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define SLICE 4096 /* bytes tokenized together, about a thousand tokens */

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

/*
 * Feeds ids step by step.  scored: each of ids[1..n_ids) is scored after those before it, and the
 * last is not fed: it is the first of the next call.  Otherwise all are fed and none is scored.
 */
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
        if (!scored) continue;
        for (size_t i = 0; i < n; i++) {
            double logprob = (double)t->logprobs[i];
            t->nats -= logprob;
            t->squares += logprob * logprob;
            if (t->per_token) nm_output_print("%" PRId32 "\t%.9g\n", ids[at + 1 + i], logprob);
        }
        t->n_tokens += n;
        if (t->per_token && !nm_output_flush())
            return nm_fail(err, NOMUL_E_CANCELLED, "standard output is closed");
    }
    return true;
}

/* ---- One document ---------------------------------------------------------------------------- */

static bool begin(nm_documents *d, nomul_error *err)
{
    nomul_session_reset(d->tally.session);
    d->n_documents++;
    d->begun = false;
    d->words = (nm_words){.n_gaps = d->words.n_gaps};
    d->text.n_bytes = d->n_held = d->ids.n = 0;
    return nm_ids_add(&d->ids, nomul_token_bos(d->tokenizer), err);
}

/*
 * In slices, so that a signal never waits for long; ends: they are the last of the document.
 *
 *     d->text    held from before | slice              -> tokenized and scored up to a cut that is
 *                                       ^ cut             safe whatever follows; the rest is held
 *
 * The end of a document is a cut too.  EOS is scored with its last tokens, as a pass for one token
 * alone takes as long as one for several.
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
            if (!feed(&d->tally, d->ids.at, d->ids.n, true, err)) return false;
            if (eos) d->eos_nats -= (double)d->tally.logprobs[(d->ids.n - 2) % NM_SCORE_STEP];
            d->ids.at[0] = d->ids.at[d->ids.n - 1]; /* the next ids are scored after the last one */
            d->ids.n = 1;
            d->begun = true;
            d->n_bytes += part.n_bytes;
            nm_words_add(&d->words, part.data, part.n_bytes);
            d->bytes_nats = d->tally.nats;
            nm_buffer_drop(&d->text, part.n_bytes);
        }
        d->n_held = d->text.n_bytes;
        nm_progress_show(&d->tally.bar, d->n_bytes, d->n_input);
        bytes += n, n_bytes -= n;
    } while (n_bytes > 0);
    return true;
}

/* ---- All documents --------------------------------------------------------------------------- */

typedef enum found { NOTHING, A_BEGINNING, A_SEPARATOR } found;

/*
 * Where in the input the first separator is: a newline, its text and another newline, of which
 * either may be CR LF.  Its length is *n_bytes.  A_BEGINNING: what the input ends with may become
 * one.
 */
static size_t find(const nm_documents *d, size_t *n_bytes, found *what)
{
    const char *const parts[] = {"\n", d->separator, "\n"};
    const char       *text = d->input.data;
    size_t            n_text = d->input.n_bytes;

    for (size_t begin = 0; d->separator && begin < n_text; begin++) {
        if (text[begin] != '\n' && text[begin] != '\r') continue;
        size_t at = begin;
        *what = A_SEPARATOR;
        for (size_t i = 0; i < 3 && *what == A_SEPARATOR; i++) {
            size_t n = strlen(parts[i]);

            if (i != 1 && at < n_text && text[at] == '\r') at++;
            size_t left = n_text - at;
            if (memcmp(text + at, parts[i], n < left ? n : left) != 0)
                *what = NOTHING;
            else if (n > left || left == 0)
                *what = A_BEGINNING;
            at += n;
        }
        *n_bytes = at - begin;
        if (*what != NOTHING) return begin;
    }
    *what = NOTHING;
    return n_text;
}

/*
 * Documents get all input that cannot be the beginning of a separator.  A separator at the very end
 * is not one yet: its last newline may be the file's, which is dropped.
 */
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
    if (rest->n_bytes == 0) return nm_fail(err, NOMUL_E_ARG, "is empty: there is nothing to score");
    if (!begin(d, err)) return false;
    while (n > 0) {
        size_t n_bytes = 0;
        found  what;
        size_t at = find(d, &n_bytes, &what);

        bool ends = what == A_SEPARATOR && rest->n_bytes > at + n_bytes;

        if (!add(d, rest->data, at, ends, err)) return false;
        nm_buffer_drop(rest, ends ? at + n_bytes : at);
        if (ends ? !begin(d, err) : !nm_buffer_read(rest, fd, &n, err)) return false;
    }

    /* The file's last newline could have begun a separator, so it is still here. */
    if (d->separator && rest->n_bytes > 0)
        rest->n_bytes = nm_buffer_without_newline(rest->data, rest->n_bytes);
    return add(d, rest->data, rest->n_bytes, true, err);
}

void nm_score_documents_free(nm_documents *d)
{
    nm_buffer_free(&d->input);
    nm_buffer_free(&d->text);
    nm_ids_free(&d->ids);
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
