/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text/generate.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/numbers.h"
#include "cli/output.h"

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

static void finish(nm_generation *g, nm_finish how)
{
    g->finish = how;
    g->done = true;
}

static bool emit(nm_generation *g, const char *bytes, size_t n_bytes, nomul_error *err)
{
    size_t from = g->text.n_bytes;

    if (!bytes || n_bytes == 0) return true;
    if (!nm_text_add(&g->text, bytes, n_bytes, err)) return false;
    g->cut = g->stops->n > 0 && cut_at_stop(g, from);
    if (g->cut) finish(g, NM_FINISH_STOP);
    if (!g->stream) return true;
    nm_output_write(g->text.data + from, g->text.n_bytes - from);
    if (!nm_output_flush()) finish(g, NM_FINISH_CLOSED);
    return true;
}

/* Bytes of a character that stayed unfinished. */
static bool flush(nm_generation *g, nomul_error *err)
{
    size_t      n_bytes = 0;
    const char *bytes = nomul_decoder_flush(g->decoder, &n_bytes);
    nm_finish   how = g->finish;

    if (g->cut || how == NM_FINISH_CLOSED) return true;
    bool ok = emit(g, bytes, n_bytes, err);
    if (!g->cut && g->finish != NM_FINISH_CLOSED) g->finish = how;
    return ok;
}

bool nm_generation_stop(nm_generation *g, nm_finish how, nomul_error *err)
{
    double *seconds = g->ids.n > 0 ? &g->seconds : &g->prompt_seconds;

    *seconds = nm_clock() - g->began;
    finish(g, how);
    return flush(g, err);
}

/* ---- Ids ------------------------------------------------------------------------------------- */

static bool keep(nm_generation *g, int32_t id, const float *logits, nomul_error *err)
{
    size_t n_bytes = (g->n_logprobs + 1) * sizeof *g->scores;

    if (!nm_ids_add(&g->ids, id, err)) return false;
    g->pending.n = g->n_fed = 0;
    if (!nm_ids_add(&g->pending, id, err)) return false;
    nomul_sampler_accept(g->sampler, id);
    if (g->n_logprobs == 0) return true;
    g->scores[0].id = id;
    nomul_logprobs(logits, g->n_vocab, g->scores + 1, g->n_logprobs, g->scores);
    return nm_text_add(&g->logprobs, (const char *)g->scores, n_bytes, err);
}

/* The first one ends the time of the prompt. */
static void count_draw(nm_generation *g)
{
    double now = nm_clock();

    if (g->ids.n == 0) {
        g->prompt_seconds = now - g->began;
        g->began = now;
    } else {
        g->n_steps++;
    }
}

/* Draws an id and says what it says. */
static bool draw(nm_generation *g, const float *logits, nomul_error *err)
{
    size_t n_bytes = 0;

    count_draw(g);
    int32_t id = nomul_sampler_sample(g->sampler, logits);
    if (!keep(g, id, logits, err)) return false;
    if (id == nomul_token_eos(g->tokenizer)) return nm_generation_stop(g, NM_FINISH_STOP, err);
    const char *bytes = nomul_decoder_push(g->decoder, id, &n_bytes);
    if (!emit(g, bytes, n_bytes, err)) return false;
    return !g->done || nm_generation_stop(g, g->finish, err);
}

static bool may_draw(const nm_generation *g)
{
    return g->n_predict < 0 || g->ids.n < (uint64_t)g->n_predict;
}

size_t nm_generation_next(nm_generation *g, size_t most, const int32_t **ids, bool *wanted)
{
    size_t left = g->pending.n - g->n_fed;
    bool   drawing = may_draw(g);
    size_t n = drawing ? left : left - 1; /* the last waits for who draws from it */

    if (g->done) n = 0;
    if (n > most) n = most;
    *ids = g->pending.at + g->n_fed;
    *wanted = drawing && n > 0 && n == left;
    return n;
}

bool nm_generation_fed(nm_generation *g, size_t n_ids, const float *logits, nomul_error *err)
{
    g->n_fed += n_ids;
    if (logits && !draw(g, logits, err)) return false;
    if (g->done || may_draw(g) || g->n_fed + 1 < g->pending.n) return true;
    return nm_generation_stop(g, NM_FINISH_LENGTH, err);
}

bool nm_generation_at_rest(const nm_generation *g)
{
    return g->n_fed + 1 == g->pending.n;
}

size_t nm_generation_n_read(const nm_generation *g)
{
    if (g->ids.n > 0 || nm_generation_at_rest(g)) return g->n_prompt_ids;
    return g->n_fed > g->n_carried ? g->n_fed - g->n_carried : 0;
}

/* ---- A whole text ---------------------------------------------------------------------------- */

void nm_generation_accept(nm_generation *g)
{
    for (size_t i = g->n_carried; i < g->pending.n; i++)
        nomul_sampler_accept(g->sampler, g->pending.at[i]);
}

bool nm_generation_begin(nm_generation *g, nomul_error *err)
{
    size_t n_scores = (g->n_logprobs + 1) * sizeof *g->scores;

    g->n_prompt_bytes = g->text.n_bytes;
    g->n_prompt_ids = g->pending.n - g->n_carried;
    g->scores = nm_alloc(n_scores);
    if (!g->scores) return nm_fail_memory(err, n_scores);
    g->decoder = nomul_decoder_new(g->tokenizer, g->decode_flags, err);
    if (!g->decoder) return false;
    g->began = nm_clock();
    if (g->stream && g->show_prompt) nm_output_write(g->text.data, g->text.n_bytes);
    if (!nm_output_flush()) return nm_generation_stop(g, NM_FINISH_CLOSED, err);
    return nm_generation_fed(g, 0, NULL, err);
}

static bool run(nm_generation *g, size_t n_piece, float *logits, nomul_error *err)
{
    const int32_t *ids;
    bool           wanted;
    size_t         step = n_piece;

    for (size_t n; (n = nm_generation_next(g, step, &ids, &wanted)) > 0;) {
        double began = nm_clock();

        if (nm_interrupted()) return nm_generation_stop(g, NM_FINISH_CANCELLED, err);
        if (nomul_session_feed(g->session, ids, n, wanted ? NOMUL_LOGITS_LAST : NOMUL_LOGITS_NONE,
                               logits, err) != NOMUL_OK)
            return false;
        step = nm_interrupt_pace(step, n, nm_clock() - began, n_piece);
        if (!nm_generation_fed(g, n, wanted ? logits : NULL, err)) return false;
    }
    return true;
}

bool nm_generate(nm_generation *g, size_t n_piece, nomul_error *err)
{
    size_t n_logits = g->n_vocab * sizeof(float);
    float *logits = nm_alloc(n_logits);

    if (!logits) return nm_fail_memory(err, n_logits);
    bool ok = nm_generation_begin(g, err) && run(g, n_piece, logits, err);
    nm_free(logits);
    return ok;
}

static void free_loop(nm_generation *g)
{
    nomul_decoder_free(g->decoder);
    nm_free(g->scores);
    nm_ids_free(&g->pending);
    g->decoder = NULL, g->scores = NULL;
}

/* Where there is no memory for less, it stays as it is. */
static void drop_prompt(nm_generation *g)
{
    nm_text made = {0};
    size_t  n = g->text.n_bytes - g->n_prompt_bytes;

    if (n > 0 && !nm_text_add(&made, g->text.data + g->n_prompt_bytes, n, NULL)) return;
    nm_text_free(&g->text);
    g->text = made;
    g->n_prompt_bytes = 0;
}

void nm_generation_close(nm_generation *g)
{
    size_t n_read = nm_generation_n_read(g);

    free_loop(g);
    drop_prompt(g);
    g->n_fed = n_read, g->n_carried = 0; /* nm_generation_n_read gives the same */
}

void nm_generation_free(nm_generation *g)
{
    free_loop(g);
    nm_text_free(&g->text);
    nm_text_free(&g->logprobs);
    nm_ids_free(&g->ids);
}

const nomul_logprob *nm_generation_logprobs(const nm_generation *g, size_t index)
{
    return (const nomul_logprob *)(const void *)g->logprobs.data + index * (g->n_logprobs + 1);
}
