/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loss and the sample are the engine's, from the bytes that would be in the file: what is
 * reported here is what nomul perplexity and nomul run will give.  The model is opened in memory
 * and closed again, so training pays for it only when it measures.
 */
#include "train/validation.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"
#include "base/visible.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PIECE 1024 /* ids scored at once */

/* Documents begin at a BOS and are scored one by one, in pieces; all ids after the first count. */
static bool score(const nm_token_cache *c, nomul_session *session, int32_t bos,
                  nm_validation_loss *result, nomul_error *err)
{
    int32_t ids[PIECE];
    float   logprobs[PIECE];
    double  nats = 0;

    for (size_t begin = 0, end; begin < c->n_ids; begin = end) {
        for (end = begin + 1; end < c->n_ids && nm_token_cache_get(c, end) != bos;) end++;
        nomul_session_reset(session);
        /* The last id of a piece is the first of the next: it is fed there, and scored here. */
        for (size_t at = begin, n; at + 1 < end; at += n - 1) {
            n = nm_smaller(PIECE, end - at);
            for (size_t i = 0; i < n; i++) ids[i] = nm_token_cache_get(c, at + i);
            if (nomul_session_score(session, ids, n, logprobs, err) != NOMUL_OK) return false;
            for (size_t i = 0; i + 1 < n; i++) nats -= (double)logprobs[i];
        }
        result->n_tokens += end - begin - 1;
    }
    result->nats = nats / (double)nm_larger(result->n_tokens, 1);
    result->bits_per_byte = nats / log(2) / (double)nm_larger((size_t)c->text_bytes, 1);
    return true;
}

/* Visible text is all that a terminal gets, and newlines.  The bytes end between characters. */
static void show(const char *bytes, size_t n_bytes)
{
    char visible[NM_VISIBLE_BYTES * 256 + 1];

    for (size_t n; n_bytes > 0; bytes += n, n_bytes -= n) {
        const char *newline = memchr(bytes, '\n', n_bytes);
        n = nm_smaller(newline ? (size_t)(newline - bytes) : n_bytes, 256);
        if (n == 256) n -= nm_utf8_unfinished(bytes, n);
        nm_visible(visible, sizeof visible, bytes, n, false);
        fputs(visible, stderr);
        if (n == 0) fputc('\n', stderr), n = 1;
    }
}

static bool sample(const nm_train_options *o, nomul_session *session, nomul_error *err)
{
    nomul_text_options options;
    const char        *bytes;
    size_t             n_bytes;

    nomul_session_reset(session);
    nomul_text_options_init(&options);
    options.n_predict = (int64_t)o->sample_tokens;
    nomul_text *text = nomul_text_new(session, &options, err);
    bool        ok = text && nomul_text_prompt(text, o->sample, strlen(o->sample), err) == NOMUL_OK;
    if (ok) fputs("    ", stderr), show(o->sample, strlen(o->sample));
    while (ok && (bytes = nomul_text_next(text, &n_bytes, err)) != NULL) show(bytes, n_bytes);
    ok = ok && nomul_text_finish(text) != NOMUL_FINISH_NONE;
    if (ok) fprintf(stderr, "\n");
    nomul_text_free(text);
    return ok;
}

/*
 * latent -> bytes of a model file -> model -> session: the engine of the API, at the trainer's
 * number of threads, and freed again: between measurements its memory is the training's.
 */
bool nm_validation_run(const nm_validation *v, nm_validation_loss *result, nomul_error *err)
{
    nomul_model_options   model_options;
    nomul_session_options options;
    void                 *bytes = NULL;
    size_t                n_bytes = 0;
    bool                  samples = !v->options->quiet && v->options->sample_tokens > 0;

    *result = (nm_validation_loss){.n_tokens = 0};
    if (!v->valid->n_ids && !samples) return true;
    nomul_model_options_init(&model_options);
    model_options.kernels = v->kernels;
    nomul_session_options_init(&options);
    options.n_threads = v->n_threads;
    if (!nm_export_memory(v->latent, v->tokenizer, &bytes, &n_bytes, err)) return false;
    nomul_model   *model = nomul_model_open_memory(bytes, n_bytes, &model_options, err);
    nomul_session *session = model ? nomul_session_new(model, &options, err) : NULL;
    bool           ok = session != NULL;
    if (ok && v->valid->n_ids) ok = score(v->valid, session, v->tokenizer->bos_id, result, err);
    if (ok && samples) ok = sample(v->options, session, err);
    nomul_session_free(session);
    nomul_model_close(model);
    nm_free(bytes);
    return ok;
}
