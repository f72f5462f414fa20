/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch/batch_text.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/text/prompt.h"

static nomul_session *take_session(nm_batch *b, nomul_error *err)
{
    if (b->n_idle > 0) {
        nomul_session_reset(b->idle[--b->n_idle]);
        return b->idle[b->n_idle];
    }
    nomul_session *session = nomul_session_share(b->host, err);
    if (session) b->sessions[b->n_sessions++] = session;
    return session;
}

/* It knows the ids of the saved text; unless it has a seed of its own, its generator goes on. */
static bool resume_sampler(const nm_batch *b, nomul_sampler *sampler, bool anew, nomul_error *err)
{
    nomul_sampler_state fresh, state = b->saved->sampler_state;

    nomul_sampler_get_state(sampler, &fresh);
    if (anew) memcpy(state.rng, fresh.rng, sizeof state.rng);
    return nomul_sampler_set_state(sampler, &state, err) == NOMUL_OK;
}

static bool open_sampler(const nm_batch *b, nm_batch_text *text, nomul_error *err)
{
    nm_generation       *g = &text->generation;
    nm_batch_job        *job = text->job;
    const nm_text_args  *args = &job->line.args;
    nm_drawing           drawing;
    bool                 ok = nm_drawing_init(&drawing, args, NULL, args, NULL, b->model, err);

    bool goes_on = b->saved && args->seed < 0;
    if (ok && text->index == 0) job->seed = goes_on ? b->saved->sampler.seed : drawing.options.seed;
    drawing.options.seed = job->seed + text->index;
    if (ok) g->sampler = nomul_sampler_share(b->drawer, &drawing.options, err);
    nm_drawing_free(&drawing);
    if (!g->sampler) return false;
    if (b->saved && !resume_sampler(b, g->sampler, !goes_on || text->index > 0, err)) return false;
    nm_generation_accept(g);
    return true;
}

/* The last one to begin has the job's own; only then is there nothing more to copy. */
static bool take_prompt(nm_batch_text *text, nomul_error *err)
{
    nm_generation *g = &text->generation;
    nm_batch_job  *job = text->job;

    if (job->n_begun + 1 == job->n_texts) {
        g->pending = job->ids, g->text = job->line.prompt;
        job->ids = (nm_ids){0}, job->line.prompt = (nm_text){0};
        return true;
    }
    if (!nm_text_add(&g->text, job->line.prompt.data, job->line.prompt.n_bytes, err) ||
        !nm_ids_reserve(&g->pending, job->ids.n, err))
        return false;
    memcpy(g->pending.at, job->ids.at, job->ids.n * sizeof *job->ids.at);
    g->pending.n = job->ids.n;
    return true;
}

static bool restore(const nm_batch *b, nomul_session *session, const void *state, nomul_error *err)
{
    return nomul_session_restore(session, state, nomul_snapshot_bytes(b->model), err) == NOMUL_OK;
}

/* After the last one to begin nobody wants it any more. */
static bool take_state(const nm_batch *b, nm_batch_text *text, nomul_error *err)
{
    nm_generation *g = &text->generation;
    nm_batch_job  *job = text->job;

    g->n_carried = b->saved != NULL;
    if (text->index == 0) return !b->saved || restore(b, g->session, b->beginning, err);
    g->n_fed = g->pending.n - 1;
    if (!restore(b, g->session, job->snapshot, err)) return false;
    if (job->n_begun + 1 < job->n_texts) return true;
    nm_free(job->snapshot);
    job->snapshot = NULL;
    return true;
}

static void set_up(const nm_batch *b, nm_batch_text *text)
{
    nm_generation      *g = &text->generation;
    const nm_text_args *args = &text->job->line.args;

    g->tokenizer = b->tokenizer;
    g->n_vocab = nomul_model_get_info(b->model)->n_vocab;
    g->n_predict = args->n_predict;
    g->n_logprobs = b->n_logprobs < g->n_vocab ? b->n_logprobs : g->n_vocab;
    g->stops = &args->stops;
    g->decode_flags = args->special ? NOMUL_DECODE_SPECIAL : 0;
    if (text->job->line.prompt.n_bytes == 0 && !b->saved)
        g->decode_flags |= NOMUL_DECODE_STRIP_BLANK;
}

bool nm_batch_begin_text(nm_batch *b, nm_batch_text *text, nomul_error *err)
{
    nm_generation *g = &text->generation;

    set_up(b, text);
    g->session = take_session(b, err);
    if (!g->session) return false;
    b->running[b->n_running++] = text;
    if (!take_prompt(text, err) || !take_state(b, text, err) || !open_sampler(b, text, err) ||
        !nm_generation_begin(g, err))
        return false;
    text->job->n_begun++;
    return true;
}
