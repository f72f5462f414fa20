/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making texts, their prompts, and what they say of themselves.
 *
 * A text is one block of memory, but for its pending ids, which grow with its prompts, and for its
 * session and sampler, which have blocks of their own.  After nomul_text_new a step allocates
 * nothing, unless a stop string ends inside a token, which is then tokenized again.
 */
#include "text/text_object.h"

#include "base/alloc.h"
#include "base/args.h"
#include "base/error.h"
#include "model/session.h"
#include "nomul_model.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void nomul_text_options_init(nomul_text_options *options)
{
    if (options) *options = (nomul_text_options){.size = sizeof *options, .n_predict = -1};
}

/* ---- The host -------------------------------------------------------------------------------- */

/* With the reference of the last text. */
static void free_host(void *owner)
{
    nm_text_host *host = owner;

    nomul_sampler_free(host->sampler);
    nm_free(host->logits);
    nm_free(host->feeds);
    nm_free(host->fed);
    nm_free(host);
}

/* Room for one text more in a pass, so that a step allocates nothing. */
static bool grow_host(nm_text_host *host, size_t n_batch, nomul_error *err)
{
    if (host->n_texts < host->n_rows || host->n_rows == n_batch) return true;
    size_t n = host->n_rows ? 2 * host->n_rows : 1;
    if (n > n_batch) n = n_batch;

    float       *logits = nm_alloc(n * host->n_vocab * sizeof *logits);
    nomul_feed  *feeds = nm_alloc(n * sizeof *feeds);
    nomul_text **fed = nm_alloc(n * sizeof *fed);
    if (!logits || !feeds || !fed) {
        nm_free(logits), nm_free(feeds), nm_free(fed);
        return nm_fail_memory(err, n * host->n_vocab * sizeof *logits);
    }
    nm_free(host->logits), nm_free(host->feeds), nm_free(host->fed);
    host->logits = logits, host->feeds = feeds, host->fed = fed, host->n_rows = n;
    return true;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* A text in a block of its own; it has copies of the options and their stop strings. */
static nomul_text *alloc_text(const nomul_text_options *o, const nm_vocab *vocab, nomul_error *err)
{
    nm_arena     arena = {0};
    nomul_text   t = {.options = *o, .finish = NOMUL_FINISH_LENGTH, .id = -1}, *at;
    size_t       n_piece = nm_decoder_max_bytes(vocab), n_stop_bytes = 0;
    const char **stops;
    char        *stop;

    for (size_t i = 0; i < o->n_stops; i++) {
        size_t n = strlen(o->stops[i]);
        if (n > t.longest_stop) t.longest_stop = n;
        n_stop_bytes += n + 1;
    }
    t.tail_room = t.longest_stop > NOMUL_SAVED_BYTES ? t.longest_stop : NOMUL_SAVED_BYTES;
    do { /* measures the arena, then takes the parts from it */
        at = nm_arena_take(&arena, 1, sizeof *at);
        stops = nm_arena_take(&arena, o->n_stops, sizeof *stops);
        stop = nm_arena_take(&arena, n_stop_bytes, 1);
        t.tail = nm_arena_take(&arena, t.tail_room + n_piece, 1);
        t.bytes = nm_arena_take(&arena, NM_TEXT_MAX_HELD + n_piece, 1);
        t.scores = nm_arena_take(&arena, o->n_logprobs + 1, sizeof *t.scores);
    } while (!at && nm_arena_back(&arena, err));
    if (!at) return NULL;
    for (size_t i = 0; i < o->n_stops; i++) {
        stops[i] = strcpy(stop, o->stops[i]);
        stop += strlen(stop) + 1;
    }
    t.options.stops = stops;
    t.options.sampler = NULL;
    t.arena = arena;
    *at = t;
    return at;
}

/* A sampler of these options that shares the host's scratch memory; ignore_eos are biases of it. */
static nomul_sampler *new_sampler(const nomul_text *text, const nomul_sampler_options *options,
                                  nomul_error *err)
{
    const nomul_model    *model = text->session->engine->model;
    const nm_vocab       *vocab = &text->tokenizer->vocab;
    nomul_sampler_options ours;
    nomul_logit_bias     *biases = NULL;
    size_t                n_ends = 0;

    nomul_sampler_options_init(&ours);
    nm_sampling_copy(&ours, &model->sampling, model->sampling_rows);
    if (!nm_args_options(&ours, options, sizeof ours, err)) return NULL;
    ours.size = sizeof ours; /* the caller's may be older */
    for (size_t id = 0; text->options.ignore_eos && id < vocab->n_pieces; id++)
        n_ends += vocab->pieces[id].ends_text;
    if (n_ends > 0) {
        size_t n = ours.logit_bias ? ours.n_logit_bias : 0;
        if (n >= SIZE_MAX / sizeof *biases - n_ends ||
            !(biases = nm_alloc((n + n_ends) * sizeof *biases)))
            return nm_fail_memory(err, SIZE_MAX), NULL;
        if (n) memcpy(biases, ours.logit_bias, n * sizeof *biases);
        for (size_t id = 0; id < vocab->n_pieces; id++)
            if (vocab->pieces[id].ends_text)
                biases[n++] = (nomul_logit_bias){(int32_t)id, -INFINITY};
        ours.logit_bias = biases, ours.n_logit_bias = n;
    }
    nomul_sampler *sampler = nm_sampler_new(text->host->n_vocab, &ours, text->host->sampler,
                                            text->session->engine->work.kernels->floats, err);
    nm_free(biases);
    return sampler;
}

nomul_text *nm_text_new(nm_text_host *host, const nomul_session *session,
                        const nomul_text_options *options, nomul_error *err)
{
    const nomul_tokenizer *tokenizer = &session->engine->model->tokenizer;
    nomul_text_options     ours;

    nomul_text_options_init(&ours);
    if (!nm_args_options(&ours, options, sizeof ours, err)) return NULL;
    if (ours.n_predict < -1)
        return nm_fail(err, NOMUL_E_ARG, "n_predict: is %lld, expected at least -1",
                       (long long)ours.n_predict),
               NULL;
    if (ours.n_stops && !ours.stops) return nm_fail(err, NOMUL_E_ARG, "stops: is NULL"), NULL;
    for (size_t i = 0; i < ours.n_stops; i++)
        if (!ours.stops[i] || !ours.stops[i][0])
            return nm_fail(err, NOMUL_E_ARG, "stops[%zu]: is empty, expected a string", i), NULL;
    if (ours.n_logprobs > host->n_vocab) ours.n_logprobs = host->n_vocab;
    if (!ours.cancel) ours.cancel = session->engine->cancel;
    if (!grow_host(host, session->engine->n_batch, err)) return NULL;
    nomul_text *text = alloc_text(&ours, &tokenizer->vocab, err);
    if (!text) return NULL;
    text->host = host;
    if (host->pace.step == 0 || (ours.cancel && !host->paced))
        host->pace = nm_engine_pace(session->engine, ours.cancel);
    host->paced |= ours.cancel != NULL;
    text->tokenizer = tokenizer;
    nm_refs_take(&host->refs);
    host->n_texts++;
    text->session = nm_session_new(session->engine, err);
    text->sampler = text->session ? new_sampler(text, ours.sampler, err) : NULL;
    if (text->sampler) return text;
    nomul_text_free(text);
    return NULL;
}

nomul_text *nomul_text_new(nomul_session *session, const nomul_text_options *options,
                           nomul_error *err)
{
    if (!session) return nm_fail_null(err, "nomul_text_new"), NULL;
    const nomul_model *model = session->engine->model;
    if (!model->has_tokenizer)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "the model has no tokenizer"), NULL;
    nm_text_host *host = nm_alloc(sizeof *host);
    if (!host) return nm_fail_memory(err, sizeof *host), NULL;
    *host = (nm_text_host){.n_vocab = session->weights->config.vocab};
    nm_refs_init(&host->refs, host, free_host);

    /* Made to keep all ids, the most that any sampler keeps: its scratch memory fits every text. */
    nomul_sampler_options all;
    nomul_sampler_options_init(&all);
    all.top_k = 0;
    host->sampler =
        nm_sampler_new(host->n_vocab, &all, NULL, session->engine->work.kernels->floats, err);
    nomul_text *text = host->sampler ? nm_text_new(host, session, options, err) : NULL;
    nm_refs_drop(&host->refs); /* the text has its own reference */
    return text;
}

void nomul_text_free(nomul_text *text)
{
    if (!text) return;
    nm_arena      arena = text->arena; /* the text lies in it */
    nm_text_host *host = text->host;

    nomul_sampler_free(text->sampler);
    if (text->session) nm_session_free(text->session);
    nm_free(text->pending.at);
    nm_arena_free(&arena);
    host->n_texts--;
    nm_refs_drop(&host->refs);
}

/* ---- Prompts --------------------------------------------------------------------------------- */

void nm_text_clear_output(nomul_text *text)
{
    text->id = -1;
    text->n_bytes = 0;
}

void nm_text_add_tail(nomul_text *text, const char *bytes, size_t n)
{
    nm_text_place *p = &text->place;
    size_t         n_new = n < text->tail_room ? n : text->tail_room;
    size_t n_old = text->tail_room - n_new < p->n_tail ? text->tail_room - n_new : p->n_tail;

    if (n == 0) return;
    memmove(text->tail, text->tail + p->n_tail - n_old, n_old);
    memcpy(text->tail + n_old, bytes + n - n_new, n_new);
    p->cut |= n_old + n_new < p->n_tail + n;
    p->n_tail = n_old + n_new;
}

uint64_t nm_text_token_room(const nomul_text *t)
{
    return nomul_tokenize_bound(t->tokenizer->vocab.max_piece);
}

/* Ids of the text, those that are not fed yet, too. */
static uint64_t count_tokens(const nomul_text *t)
{
    return t->session->n_tokens + t->pending.n - t->n_fed;
}

uint64_t nm_text_room(const nomul_text *t)
{
    uint64_t n_tokens = count_tokens(t);

    return n_tokens < NM_MAX_TOKENS ? NM_MAX_TOKENS - n_tokens : 0;
}

/* The ids of a prompt after the pending ones, BOS before them where a text begins. */
static bool append_prompt(nomul_text *text, const char *prompt, size_t n_bytes, nomul_error *err)
{
    nm_id_list *list = &text->pending;
    size_t      n_before = list->n;
    uint64_t    n_room = nm_text_room(text), n_kept = nm_text_token_room(text);
    int32_t     bos = nomul_token_bos(text->tokenizer);
    bool        begins = n_before == text->n_fed; /* no id is pending: the text has none */
    unsigned    flags = text->options.special ? NOMUL_TOKENIZE_PARSE_SPECIAL : 0;

    if (begins && n_bytes == 0 && bos < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "the prompt is empty and the model has no BOS");
    if (text->place.has_text) flags |= NOMUL_TOKENIZE_NO_PREFIX;
    if (!nm_id_list_reserve(list, 1, err)) return false;
    if (begins && (n_bytes == 0 || nomul_tokenizer_adds_bos(text->tokenizer)))
        list->at[list->n++] = bos;
    bool ok = !n_bytes || nm_tokenizer_append(text->tokenizer, prompt, n_bytes, flags,
                                              text->options.cancel, list, err);
    if (ok && (n_kept > n_room || list->n - n_before > n_room - n_kept))
        ok = nm_fail(err, NOMUL_E_ARG,
                     "the text is full: it has %" PRIu64 " tokens, 2^63 - 1 at most",
                     NM_MAX_TOKENS - n_room);
    if (!ok) list->n = n_before;
    return ok;
}

nomul_status nomul_text_prompt(nomul_text *text, const char *prompt, size_t n_bytes,
                               nomul_error *err)
{
    nomul_error own;

    err = nm_error_or(err, &own);
    if (!text || (n_bytes && !prompt)) return nm_fail_null(err, "nomul_text_prompt");
    nm_id_list    *list = &text->pending;
    nm_text_place *place = &text->place;
    size_t         n_before = list->n;

    if (!append_prompt(text, prompt, n_bytes, err)) return err->code;
    for (size_t i = n_before; i < list->n; i++) nomul_sampler_accept(text->sampler, list->at[i]);
    text->n_prompt = list->n - n_before;
    list->n -= text->n_fed; /* the ids not fed yet move to the beginning of the list */
    memmove(list->at, list->at + text->n_fed, list->n * sizeof *list->at);
    text->n_fed = 0;

    nm_text_clear_output(text);
    if (n_bytes) { /* held bytes will not be completed by generated ones: they are shown now */
        memcpy(text->bytes, text->tail + place->n_tail - place->n_held, place->n_held);
        text->n_bytes = place->n_held;
        place->n_held = 0;
        place->has_text = true;
    }
    nm_text_add_tail(text, prompt, n_bytes);
    text->n_generated = 0;
    text->finish = NOMUL_FINISH_NONE;
    return NOMUL_OK;
}

/* ---- Queries --------------------------------------------------------------------------------- */

nomul_finish nomul_text_finish(const nomul_text *text)
{
    return text ? text->finish : NOMUL_FINISH_NONE;
}

const char *nomul_text_bytes(const nomul_text *text, size_t *n_bytes)
{
    if (n_bytes) *n_bytes = text ? text->n_bytes : 0;
    return text ? text->bytes : NULL;
}

int32_t nomul_text_id(const nomul_text *text)
{
    return text ? text->id : -1;
}

/* They are the pending ones: the step has fed all others. */
const int32_t *nomul_text_ids(const nomul_text *text, size_t *n_ids)
{
    if (n_ids) *n_ids = nomul_text_id(text) >= 0 ? text->pending.n : 0;
    return text ? text->pending.at : NULL;
}

const nomul_logprob *nomul_text_logprobs(const nomul_text *text)
{
    return text && text->id >= 0 && text->options.n_logprobs ? text->scores : NULL;
}

nomul_status nomul_text_get_counts(const nomul_text *text, nomul_text_counts *counts,
                                   nomul_error *err)
{
    if (!text || !counts) return nm_fail_null(err, "nomul_text_get_counts");
    size_t            n_left = text->pending.n - text->n_fed;
    size_t            n_unread = n_left < text->n_prompt ? n_left : text->n_prompt;
    nomul_text_counts ours = {
        .n_tokens = count_tokens(text),
        .n_prompt = text->n_prompt,
        .n_read = text->n_prompt - n_unread,
        .n_generated = text->n_generated,
    };

    /* The last id of a prompt is read with the step that samples the first id: see nomul.h. */
    if (text->n_generated > 0 || n_left <= 1) ours.n_read = text->n_prompt;
    return nm_args_fill(counts, &ours, sizeof ours, "counts", err) ? NOMUL_OK : NOMUL_E_ARG;
}

/*
 * The text is inside a stop string that began before what is saved where more than
 * NOMUL_SAVED_BYTES of its first bytes, and not all of them, are the last ones of the text.
 */
unsigned nomul_text_unsaved(const nomul_text *text)
{
    unsigned losses = 0;

    if (!text) return 0;
    const nomul_sampler_options *o = nm_sampler_options(text->sampler);
    bool looks_back = o->repeat_last_n < 0 || o->repeat_last_n > NOMUL_SAVED_IDS;

    if (o->n_logit_bias) losses |= NOMUL_UNSAVED_BIAS;
    if (looks_back && nm_sampler_penalizes(o) && count_tokens(text) > NOMUL_SAVED_IDS)
        losses |= NOMUL_UNSAVED_WINDOW;
    for (size_t i = 0; i < text->options.n_stops; i++) {
        const char *stop = text->options.stops[i];
        size_t      n_stop = strlen(stop), n_tail = text->place.n_tail;

        for (size_t n = NOMUL_SAVED_BYTES + 1; n < n_stop && n <= n_tail; n++)
            if (memcmp(text->tail + n_tail - n, stop, n) == 0) losses |= NOMUL_UNSAVED_STOPS;
    }
    return losses;
}

/*
 * A stop string of n bytes may have begun before the tail where its bytes [at, at + n_tail) are the
 * tail; then at + n_tail < n, as it would have ended otherwise.
 */
unsigned nomul_text_missing(const nomul_text *text)
{
    unsigned losses = 0;

    if (!text) return 0;
    const nomul_sampler_options *o = nm_sampler_options(text->sampler);
    nm_sampler_history           history = nm_sampler_get_history(text->sampler, NULL);
    size_t                       n_tail = text->place.n_tail;
    uint64_t                     n_known = history.counts ? 0 : history.n_ids;

    for (size_t i = 0; history.counts && i < text->host->n_vocab; i++) n_known += history.counts[i];
    if (nm_sampler_penalizes(o) && n_known < count_tokens(text) &&
        (o->repeat_last_n < 0 || n_known < (uint64_t)o->repeat_last_n))
        losses |= NOMUL_UNSAVED_WINDOW;
    for (size_t i = 0; text->place.cut && i < text->options.n_stops; i++) {
        const char *stop = text->options.stops[i];
        size_t      n = strlen(stop), at = 1;

        while (at + n_tail < n && memcmp(stop + at, text->tail, n_tail) != 0) at++;
        if (at + n_tail < n) losses |= NOMUL_UNSAVED_STOPS;
    }
    return losses;
}
