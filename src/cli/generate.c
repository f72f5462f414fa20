/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/generate.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/numbers.h"
#include "cli/output.h"

/* What lives as long as the loop. */
typedef struct loop {
    nm_generation *g;
    nomul_decoder *decoder;
    float         *logits;
    nomul_logprob *scores; /* n_logprobs + 1 */
    bool           done;
    bool           cut; /* a reverse prompt has the last word: what is held back is past it */
} loop;

static bool finish(loop *l, nm_finish how)
{
    l->g->finish = how;
    l->done = true;
    return true;
}

/* ---- Text ------------------------------------------------------------------------------------ */

static bool ends_with_a_stop(const nm_generation *g, size_t n_bytes)
{
    for (size_t i = 0; i < g->stops->n; i++) {
        size_t n = strlen(g->stops->at[i]);
        if (n <= n_bytes && memcmp(g->text.data + n_bytes - n, g->stops->at[i], n) == 0)
            return true;
    }
    return false;
}

/* Drops what an id says past a reverse prompt: the text then ends with it, whatever the pieces. */
static bool cut_at_stop(nm_generation *g, size_t from)
{
    for (size_t n = from + 1; n <= g->text.n_bytes; n++) {
        if (!ends_with_a_stop(g, n)) continue;
        g->text.n_bytes = n;
        return true;
    }
    return false;
}

static bool emit(loop *l, const char *bytes, size_t n_bytes, nomul_error *err)
{
    nm_generation *g = l->g;
    size_t         from = g->text.n_bytes;

    if (!bytes || n_bytes == 0) return true;
    if (!nm_text_add(&g->text, bytes, n_bytes, err)) return false;
    l->cut = g->stops->n > 0 && cut_at_stop(g, from);
    if (l->cut) finish(l, NM_FINISH_STOP);
    if (!g->stream) return true;
    nm_output_write(g->text.data + from, g->text.n_bytes - from);
    return nm_output_flush() || finish(l, NM_FINISH_CLOSED);
}

/* ---- Ids ------------------------------------------------------------------------------------- */

static bool keep(loop *l, int32_t id, nomul_error *err)
{
    nm_generation *g = l->g;
    size_t         n_bytes = (g->n_logprobs + 1) * sizeof *l->scores;

    if (!nm_ids_add(&g->ids, id, err)) return false;
    if (g->n_logprobs == 0) return true;
    l->scores[0].id = id;
    nomul_logprobs(l->logits, g->n_vocab, l->scores + 1, g->n_logprobs, l->scores);
    return nm_text_add(&g->logprobs, (const char *)l->scores, n_bytes, err);
}

static bool feed(loop *l, const int32_t *ids, size_t n_ids, nomul_logits which, nomul_error *err)
{
    return nomul_session_feed(l->g->session, ids, n_ids, which, l->logits, err) == NOMUL_OK;
}

static bool read_prompt(loop *l, const nm_ids *prompt, nomul_error *err)
{
    nm_generation *g = l->g;
    size_t         n_piece = g->n_piece;

    while (g->n_read < prompt->n) {
        size_t left = prompt->n - g->n_read;
        bool   last = left <= n_piece;
        size_t n = last ? left : n_piece;
        double began = nm_clock();

        if (nm_interrupted()) return finish(l, NM_FINISH_CANCELLED);
        if (!feed(l, prompt->at + g->n_read, n, last ? NOMUL_LOGITS_LAST : NOMUL_LOGITS_NONE, err))
            return false;
        g->n_read += n;
        n_piece = nm_interrupt_pace(n, nm_clock() - began);
    }
    for (size_t i = 0; i < prompt->n; i++) nomul_sampler_accept(g->sampler, prompt->at[i]);
    return true;
}

/* Draws an id, says what it says, and takes it through the model unless it was the last. */
static bool step(loop *l, nomul_error *err)
{
    nm_generation *g = l->g;
    size_t         n_bytes = 0;

    if (nm_interrupted()) return finish(l, NM_FINISH_CANCELLED);
    if (g->n_predict >= 0 && g->ids.n >= (uint64_t)g->n_predict) return finish(l, NM_FINISH_LENGTH);

    int32_t id = nomul_sampler_sample(g->sampler, l->logits);
    if (!keep(l, id, err)) return false;
    if (id == nomul_token_eos(g->tokenizer)) return finish(l, NM_FINISH_STOP);
    nomul_sampler_accept(g->sampler, id);
    const char *bytes = nomul_decoder_push(l->decoder, id, &n_bytes);
    if (!emit(l, bytes, n_bytes, err)) return false;
    if (l->done || (uint64_t)g->n_predict == g->ids.n) return true;
    g->n_steps++;
    return feed(l, &id, 1, NOMUL_LOGITS_LAST, err);
}

/* Bytes of a character that stayed unfinished. */
static bool flush(loop *l, nomul_error *err)
{
    size_t      n_bytes = 0;
    const char *bytes = nomul_decoder_flush(l->decoder, &n_bytes);

    if (l->cut || l->g->finish == NM_FINISH_CLOSED) return true;
    return emit(l, bytes, n_bytes, err);
}

static bool run(loop *l, const nm_ids *prompt, nomul_error *err)
{
    nm_generation *g = l->g;
    double         began = nm_clock();

    if (g->stream && g->show_prompt) nm_output_write(g->text.data, g->text.n_bytes);
    if (!nm_output_flush()) finish(l, NM_FINISH_CLOSED);
    bool ok = l->done || read_prompt(l, prompt, err);
    g->prompt_seconds = nm_clock() - began;

    began = nm_clock();
    while (ok && !l->done) ok = step(l, err);
    g->seconds = nm_clock() - began;
    return ok && flush(l, err);
}

static bool take_memory(loop *l, nomul_error *err)
{
    const nm_generation *g = l->g;
    size_t               n_logits = g->n_vocab * sizeof *l->logits;
    size_t               n_scores = (g->n_logprobs + 1) * sizeof *l->scores;

    l->logits = nm_alloc(n_logits);
    if (!l->logits) return nm_fail_memory(err, n_logits);
    l->scores = nm_alloc(n_scores);
    if (!l->scores) return nm_fail_memory(err, n_scores);
    l->decoder = nomul_decoder_new(g->tokenizer, g->decode_flags, err);
    return l->decoder != NULL;
}

bool nm_generate(nm_generation *g, const nm_ids *prompt, nomul_error *err)
{
    loop l = {.g = g};

    g->n_prompt_bytes = g->text.n_bytes;
    g->n_prompt_ids = prompt->n;
    bool ok = take_memory(&l, err) && run(&l, prompt, err);
    nomul_decoder_free(l.decoder);
    nm_free(l.scores);
    nm_free(l.logits);
    return ok;
}

void nm_generation_free(nm_generation *g)
{
    nm_text_free(&g->text);
    nm_text_free(&g->logprobs);
    nm_ids_free(&g->ids);
}

const nomul_logprob *nm_generation_logprobs(const nm_generation *g, size_t index)
{
    return (const nomul_logprob *)(const void *)g->logprobs.data + index * (g->n_logprobs + 1);
}
