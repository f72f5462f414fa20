/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch/batch.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/batch/batch_jobs.h"
#include "cli/batch/batch_show.h"
#include "cli/batch/batch_text.h"
#include "cli/interrupt.h"
#include "cli/numbers.h"
#include "cli/text/prompt.h"

/* Below that, a pass of the tiled kernels is no faster for being shorter. */
#define LEAST_STEP 16

/* ---- A text's end ---------------------------------------------------------------------------- */

static bool end_text(nm_batch *b, size_t at, nomul_error *err)
{
    nm_batch_text *text = b->running[at];
    nm_generation *g = &text->generation;

    b->running[at] = b->running[--b->n_running];
    b->idle[b->n_idle++] = g->session;
    nomul_sampler_free(g->sampler);
    g->session = NULL, g->sampler = NULL;
    nm_generation_close(g);
    text->done = true;
    b->n_done++;
    return nm_batch_answer(b, text->job, err);
}

/* Its first text has read the prompt but for the last id: the others can begin. */
static bool hand_on(nm_batch *b, nm_batch_text *text, nomul_error *err)
{
    nm_batch_job *job = text->job;
    size_t        n_bytes = nomul_snapshot_bytes(b->model);

    job->is_read = true;
    job->snapshot = nm_alloc(n_bytes);
    if (!job->snapshot) return nm_fail_memory(err, n_bytes);
    if (b->first_read)
        b->last_read->next_read = job;
    else
        b->first_read = job;
    b->last_read = job;
    return nomul_session_snapshot(text->generation.session, job->snapshot, n_bytes, err) ==
           NOMUL_OK;
}

static bool may_hand_on(const nm_batch_text *text)
{
    return text->job->n_texts > 1 && !text->job->is_read;
}

/* A text that was begun or fed. */
static bool settle(nm_batch *b, size_t at, nomul_error *err)
{
    nm_batch_text *text = b->running[at];

    if (may_hand_on(text) && nm_generation_at_rest(&text->generation) && !hand_on(b, text, err))
        return false;
    return !text->generation.done || end_text(b, at, err);
}

static bool begin(nm_batch *b, nm_batch_text *text, nomul_error *err)
{
    return nm_batch_begin_text(b, text, err) && settle(b, b->n_running - 1, err);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* The line gets its error, and the batch goes on; unless there is no memory. */
static bool refuse(nm_batch *b, nm_batch_job *job, nomul_error *err)
{
    if (err->code == NOMUL_E_MEMORY) return false;
    b->n_wrong++;
    job->n_texts = 0;
    return nm_text_add(&job->problem, err->text, strlen(err->text), err) &&
           nm_batch_answer(b, job, err);
}

/* Their bound is far more than most texts need: they are kept in a block of their own size. */
static bool tokenize(const nm_batch *b, nm_batch_job *job, nomul_error *err)
{
    nm_ids ids = {0};
    const nm_text *prompt = &job->line.prompt;
    bool           special = job->line.args.special;
    bool           ok = b->saved ? nm_prompt_more_ids(&ids, b->tokenizer, b->saved->last_id, prompt,
                                            special, err)
                       : nm_prompt_ids(&ids, b->tokenizer, prompt, special, err);

    ok = ok && nm_ids_reserve(&job->ids, ids.n, err);
    if (ok) memcpy(job->ids.at, ids.at, ids.n * sizeof *ids.at);
    if (ok) job->ids.n = ids.n;
    nm_ids_free(&ids);
    return ok;
}

/* Its continuations take the seeds behind it. */
static bool check_seed(const nm_batch *b, const nm_batch_line *line, nomul_error *err)
{
    return line->args.seed <= (int64_t)NM_INT_MAX_EXACT - (int64_t)(b->n_best - 1) ||
           nm_fail(err, NOMUL_E_ARG, "seed: %" PRId64 " is too large for %zu in a row",
                   line->args.seed, b->n_best);
}

static bool take_line(nm_batch *b, const char *line, size_t n_bytes, nomul_error *err)
{
    nm_batch_job *job = nm_batch_add_job(b, err);

    if (!job) return false;
    if (!nm_batch_line_read(&job->line, line, n_bytes, b->n_lines++, b->defaults, err) ||
        !check_seed(b, &job->line, err))
        return refuse(b, job, err);
    if (b->escapes && n_bytes > 0 && line[0] != '{') nm_text_unescape(&job->line.prompt);
    if (!tokenize(b, job, err)) return refuse(b, job, err);
    return begin(b, &job->texts[0], err);
}

/* Reads and begins one if there is one; *later: there may be one yet. */
static bool next_line(nm_batch *b, bool *later, nomul_error *err)
{
    const char *line = NULL;
    size_t      n_bytes = 0;

    switch (nm_lines_next(&b->lines, b->n_running == 0, &line, &n_bytes, &b->end)) {
    case NM_LINE_READ: return take_line(b, line, n_bytes, err);
    case NM_LINE_LATER: *later = true; return true;
    case NM_LINE_END:
    case NM_LINE_FAILED: break;
    }
    b->ended = true;
    return true;
}

/* The next continuation of a prompt that has been read.  The job may be gone with its last one. */
static bool next_copy(nm_batch *b, nomul_error *err)
{
    nm_batch_job *job = b->first_read;

    if (job->n_begun + 1 == job->n_texts) b->first_read = job->next_read;
    return begin(b, &job->texts[job->n_begun], err);
}

/* Not while too many answers wait for one that takes long. */
static bool may_read(const nm_batch *b)
{
    return !b->ended && (b->n_running == 0 || b->n_jobs / NM_BATCH_WAITING < b->n_parallel);
}

static bool fill(nm_batch *b, nomul_error *err)
{
    bool later = false;

    while (b->n_running < b->n_parallel && !later && !nm_interrupted()) {
        if (!b->first_read && !may_read(b)) break;
        if (!(b->first_read ? next_copy(b, err) : next_line(b, &later, err))) return false;
        nm_batch_show(b);
    }
    return true;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

static bool is_reading(const nm_batch_text *text)
{
    const nm_generation *g = &text->generation;

    return g->ids.n == 0 && g->n_fed + 1 < g->pending.n;
}

/* Ids of each prompt in a pass: texts that go on feed one each, prompts share the rest. */
static size_t share(const nm_batch *b)
{
    size_t n_reading = 0;

    for (size_t i = 0; i < b->n_running; i++) n_reading += is_reading(b->running[i]);
    size_t n_going_on = b->n_running - n_reading;
    size_t room = b->n_step > n_going_on ? b->n_step - n_going_on : 0;
    return room > n_reading && n_reading > 0 ? room / n_reading : 1;
}

/* What a text feeds, at most `most` > 0 ids; a prompt that is handed on stops at its last one. */
static void gather_text(nm_batch_text *text, size_t most, nomul_feed *feed)
{
    nm_generation *g = &text->generation;

    if (may_hand_on(text) && most > g->pending.n - 1 - g->n_fed) most = g->pending.n - 1 - g->n_fed;
    feed->session = g->session;
    feed->n_ids = nm_generation_next(g, most, &feed->ids, &feed->logits);
}

/* Every text has its turn: where a pass can't hold all, the next one begins where it ended. */
static size_t gather(nm_batch *b)
{
    size_t n = 0, room = b->n_step, of_prompt = share(b);

    for (; n < b->n_running && n < b->n_rows && room > 0; n++) {
        nm_batch_text *text = b->running[(b->turn + n) % b->n_running];
        size_t         most = is_reading(text) && of_prompt < room ? of_prompt : room;

        gather_text(text, most, &b->feeds[n]);
        b->fed[n] = text;
        room -= b->feeds[n].n_ids;
    }
    b->turn = (b->turn + n) % b->n_running;
    return n;
}

static bool draw(nm_batch *b, size_t n_feeds, nomul_error *err)
{
    size_t       n_vocab = nomul_model_get_info(b->model)->n_vocab;
    const float *row = b->logits;

    for (size_t i = 0; i < n_feeds; i++) {
        const nomul_feed *feed = &b->feeds[i];
        nm_generation    *g = &b->fed[i]->generation;

        if (g->ids.n == 0) b->n_prompt_ids += feed->n_ids;
        if (!nm_generation_fed(g, feed->n_ids, feed->logits ? row : NULL, err)) return false;
        if (!feed->logits) continue;
        row += n_vocab;
        b->n_drawn++;
    }
    return true;
}

/* Where a pass takes long, the next is shorter: a signal is answered between two. */
static void pace(nm_batch *b, size_t n_feeds, double seconds)
{
    size_t n_ids = 0;

    for (size_t i = 0; i < n_feeds; i++) n_ids += b->feeds[i].n_ids;
    size_t next =
        nm_interrupt_pace(b->n_step, n_ids, seconds, nomul_session_n_batch(b->host));
    if (next >= LEAST_STEP) b->n_step = next;
}

static bool step(nm_batch *b, nomul_error *err)
{
    double began = nm_clock();
    size_t n_feeds = gather(b);

    if (nomul_session_feed_many(b->feeds, n_feeds, b->logits, err) != NOMUL_OK) return false;
    pace(b, n_feeds, nm_clock() - began);
    if (!draw(b, n_feeds, err)) return false;
    for (size_t i = b->n_running; i-- > 0;) /* one that ends is replaced by one behind it */
        if (!settle(b, i, err)) return false;
    b->seconds += nm_clock() - began;
    nm_batch_show(b);
    return true;
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* A signal: what runs ends where it stands, what has not begun never does. */
static bool cancel(nm_batch *b, nomul_error *err)
{
    while (b->n_running > 0) {
        nm_generation *g = &b->running[0]->generation;
        if (!nm_generation_stop(g, NM_FINISH_CANCELLED, err) || !end_text(b, 0, err)) return false;
    }
    return nm_batch_answer_all(b, err) && nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

static bool open_drawer(nm_batch *b, size_t n_vocab, nomul_error *err)
{
    nomul_sampler_options options;

    nomul_sampler_options_init(&options);
    options.top_k = 0;
    b->drawer = nomul_sampler_new(n_vocab, &options, err);
    return b->drawer != NULL;
}

/* Sessions are reset before they take a text, the host too. */
static bool keep_beginning(nm_batch *b, nomul_error *err)
{
    size_t n_bytes = nomul_snapshot_bytes(b->model);

    if (!b->saved) return true;
    b->beginning = nm_alloc(n_bytes);
    if (!b->beginning) return nm_fail_memory(err, n_bytes);
    return nomul_session_snapshot(b->host, b->beginning, n_bytes, err) == NOMUL_OK;
}

static bool take_memory(nm_batch *b, nomul_error *err)
{
    size_t n_vocab = nomul_model_get_info(b->model)->n_vocab, n = b->n_parallel;

    b->n_step = nomul_session_n_batch(b->host);
    b->n_rows = n < b->n_step ? n : b->n_step;
    b->running = nm_alloc(n * sizeof *b->running);
    b->sessions = nm_alloc(n * sizeof *b->sessions);
    b->idle = nm_alloc(n * sizeof *b->idle);
    b->feeds = nm_alloc(b->n_rows * sizeof *b->feeds);
    b->fed = nm_alloc(b->n_rows * sizeof *b->fed);
    b->logits = nm_alloc(b->n_rows * n_vocab * sizeof *b->logits);
    if (!b->running || !b->sessions || !b->idle || !b->feeds || !b->fed || !b->logits)
        return nm_fail_memory(err, b->n_rows * n_vocab * sizeof *b->logits);
    b->idle[b->n_idle++] = b->host;
    return keep_beginning(b, err) && open_drawer(b, n_vocab, err);
}

/* Up to a signal, or the end of the lines and of what runs. */
static bool run_texts(nm_batch *b, nomul_error *err)
{
    while (!nm_interrupted()) {
        if (!fill(b, err)) return false;
        if (b->n_running == 0 || nm_interrupted()) break;
        if (!step(b, err)) return false;
    }
    return true;
}

bool nm_batch_run(nm_batch *b, nomul_error *err)
{
    bool ok = take_memory(b, err) && run_texts(b, err);

    nm_batch_show_end(b);
    if (!ok) nm_batch_answer_all(b, NULL); /* what is done is not lost with what failed */
    if (!ok) return false;
    if (nm_interrupted()) return cancel(b, err);
    if (b->end.code == NOMUL_OK) return true;
    *err = b->end;
    return false;
}

void nm_batch_free(nm_batch *b)
{
    while (b->first) nm_batch_free_job(b, b->first);
    for (size_t i = 0; i < b->n_sessions; i++) nomul_session_free(b->sessions[i]);
    nomul_sampler_free(b->drawer);
    nm_free(b->beginning);
    nm_free(b->running);
    nm_free(b->sessions);
    nm_free(b->idle);
    nm_free(b->feeds);
    nm_free(b->fed);
    nm_free(b->logits);
    nm_lines_free(&b->lines);
}
