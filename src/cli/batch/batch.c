/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch/batch.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/batch/batch_jobs.h"
#include "cli/batch/batch_show.h"
#include "cli/interrupt.h"
#include "cli/numbers.h"

/* ---- Texts ----------------------------------------------------------------------------------- */

/* It runs from now on. */
static void add_running(nm_batch *b, nm_batch_text *text)
{
    text->answer.keep = true;
    text->answer.n_logprobs = b->options->n_logprobs;
    nm_answer_begin(&text->answer);
    b->running[b->n_running++] = text;
    if (b->n_running > b->counts.most_texts) b->counts.most_texts = b->n_running;
}

/*
 * The options of a continuation: the line's, with the seed of its place.  The generator of a saved
 * text continues in the first continuation, unless the line has a seed.
 */
static nomul_text *fork_text(const nm_batch *b, nm_batch_text *text, const nomul_text *from,
                             nomul_error *err)
{
    const nm_batch_options *o = b->options;
    const nm_text_args     *args = &text->job->line.args;
    bool        continues = o->saved && args->seed < 0, reads = text->index == NM_BATCH_READER;
    nm_sampling sampling;
    nomul_text *fork = NULL;
    nomul_mark *mark = NULL;

    if (!nm_sampling_init(&sampling, args, NULL, args, NULL, o->model, err)) {
        nm_sampling_free(&sampling);
        return NULL;
    }
    if (continues) sampling.options.seed = nomul_mark_get_info(o->saved)->sampler->seed;
    if (!reads && text->index > 0) sampling.options.seed = text->job->texts[0].seed + text->index;
    text->seed = sampling.options.seed;
    nomul_text_options options = nm_text_args_options(args, &sampling);
    options.n_logprobs = o->n_logprobs;
    if (reads) options.n_predict = 0;
    fork = nomul_text_fork(from, &options, err);
    if (fork && continues && (reads || text->index == 0)) {
        mark = nomul_text_mark(from, err);
        if (!mark || nomul_text_rewind(fork, mark, 0, err) != NOMUL_OK) {
            nomul_text_free(fork);
            fork = NULL;
        }
        nomul_mark_free(mark);
    }
    nm_sampling_free(&sampling);
    return fork;
}

/* The text of a line: it reads the prompt, and continues it if it is the only one. */
static bool begin_line(nm_batch *b, nm_batch_job *job, nomul_error *err)
{
    nm_batch_text    *text = job->n_texts > 1 ? &job->reader : &job->texts[0];
    nm_text          *prompt = &job->line.prompt;
    nomul_text_counts counts = {.size = sizeof counts};

    text->text = fork_text(b, text, b->base, err);
    if (!text->text ||
        nomul_text_prompt(text->text, prompt->data, prompt->n_bytes, err) != NOMUL_OK)
        return false;
    nomul_text_get_counts(text->text, &counts, NULL);
    job->n_prompt = counts.n_prompt;
    nm_text_free(prompt);
    if (text != &job->reader) job->n_begun = 1;
    add_running(b, text);
    return true;
}

/* The next continuation of a prompt that was read; after the last one the reader is not needed. */
static bool begin_copy(nm_batch *b, nomul_error *err)
{
    nm_batch_job  *job = b->first_read;
    nm_batch_text *text = &job->texts[job->n_begun];

    text->text = fork_text(b, text, job->reader.text, err);
    if (!text->text || nomul_text_prompt(text->text, NULL, 0, err) != NOMUL_OK) return false;
    if (++job->n_begun == job->n_texts) {
        b->first_read = job->next_read;
        nomul_text_free(job->reader.text);
        job->reader.text = NULL;
    }
    add_running(b, text);
    return true;
}

/* Its continuations can begin. */
static void end_reader(nm_batch *b, nm_batch_job *job)
{
    job->next_read = NULL;
    if (b->first_read)
        b->last_read->next_read = job;
    else
        b->first_read = job;
    b->last_read = job;
}

/* A text that finished is answered; the job may be freed with it. */
static bool end_text(nm_batch *b, nm_batch_text *text, nomul_error *err)
{
    nm_batch_job *job = text->job;

    if (text == &job->reader && text->answer.finish == NOMUL_FINISH_LENGTH) {
        end_reader(b, job);
        return true;
    }
    nomul_text_free(text->text);
    text->text = NULL;
    if (text == &job->reader) return true; /* cancelled */
    text->done = true;
    b->counts.n_done++;
    return nm_batch_answer(b, job, err);
}

/* Texts that finished leave, earlier ones first: their continuations begin in that order too. */
static bool end_finished(nm_batch *b, nomul_error *err)
{
    size_t n_kept = 0;
    bool   ok = true;

    for (size_t i = 0; i < b->n_running; i++) {
        nm_batch_text *text = b->running[i];
        if (ok && text->answer.finish != NOMUL_FINISH_NONE)
            ok = end_text(b, text, err);
        else
            b->running[n_kept++] = text;
    }
    b->n_running = n_kept;
    return ok;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* The line gets its error and the batch continues, unless there is no memory or a signal came. */
static bool refuse(nm_batch *b, nm_batch_job *job, nomul_error *err)
{
    if (err->code == NOMUL_E_MEMORY || err->code == NOMUL_E_CANCELLED) return false;
    b->counts.n_wrong++;
    job->n_texts = 0;
    return nm_text_add(&job->problem, err->text, strlen(err->text), err) &&
           nm_batch_answer(b, job, err);
}

static bool take_line(nm_batch *b, const char *line, size_t n_bytes, nomul_error *err)
{
    const nm_batch_options *o = b->options;
    nm_batch_job           *job = nm_batch_add_job(b, err);
    uint64_t                number = b->counts.n_lines++;

    if (!job) return false;
    if (!nm_batch_line_read(&job->line, line, n_bytes, number, o->defaults, err))
        return refuse(b, job, err);
    if (job->line.args.seed > (int64_t)NM_INT_MAX_EXACT - (int64_t)(o->n_best - 1)) {
        nm_fail(err, NOMUL_E_ARG, "seed: %" PRId64 " is too large for %zu in a row",
                job->line.args.seed, o->n_best);
        return refuse(b, job, err);
    }
    if (o->escapes && n_bytes > 0 && line[0] != '{') nm_text_unescape(&job->line.prompt);
    return begin_line(b, job, err) || refuse(b, job, err);
}

/* Not while too many answers wait for one that takes long. */
static bool may_read(const nm_batch *b)
{
    if (b->ended) return false;
    return b->n_running == 0 || b->n_jobs / NM_BATCH_WAITING < b->options->n_parallel;
}

/* Begins texts while there is room for them: copies first, then lines, as far as they have come. */
static bool fill(nm_batch *b, nomul_error *err)
{
    while (b->n_running < b->options->n_parallel && !nm_interrupted()) {
        const char *line = NULL;
        size_t      n_bytes = 0;

        nm_batch_show(b);
        if (b->first_read) {
            if (!begin_copy(b, err)) return false;
            continue;
        }
        if (!may_read(b)) break;
        nm_line read = nm_lines_next(&b->lines, b->n_running == 0, &line, &n_bytes, &b->end);
        if (read == NM_LINE_LATER) break;
        if (read == NM_LINE_READ) {
            if (!take_line(b, line, n_bytes, err)) return false;
        } else {
            b->ended = true;
        }
    }
    return true;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static bool step(nm_batch *b, nomul_error *err)
{
    double began = nm_clock();

    for (size_t i = 0; i < b->n_running; i++) b->texts[i] = b->running[i]->text;
    if (nomul_text_step(b->texts, b->n_running, err) != NOMUL_OK) return false;
    for (size_t i = 0; i < b->n_running; i++) {
        nm_batch_text *text = b->running[i];
        uint64_t       n_read = text->answer.n_read;

        if (!nm_answer_add(&text->answer, text->text, err)) return false;
        b->counts.n_prompt_ids += text->answer.n_read - n_read;
        b->counts.n_generated += nomul_text_id(text->text) >= 0;
    }
    if (!end_finished(b, err)) return false;
    b->counts.seconds += nm_clock() - began;
    nm_batch_show(b);
    return true;
}

/* A signal: what runs is answered as far as it got; a step has finished it as cancelled. */
static bool cancel(nm_batch *b, nomul_error *err)
{
    if (b->n_running > 0 && !step(b, err)) return false;
    return nm_batch_answer_all(b, err) && nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

bool nm_batch_run(nm_batch *b, nomul_error *err)
{
    size_t n = b->options->n_parallel;
    bool   ok = true;

    b->running = nm_alloc(n * sizeof *b->running);
    b->texts = nm_alloc(n * sizeof *b->texts);
    if (!b->running || !b->texts) return nm_fail_memory(err, n * sizeof *b->texts);
    while (ok && !nm_interrupted()) {
        ok = fill(b, err);
        if (!ok || b->n_running == 0 || nm_interrupted()) break;
        ok = step(b, err);
    }
    nm_batch_show_end(b);
    if (nm_interrupted() && (ok || err->code == NOMUL_E_CANCELLED)) return cancel(b, err);
    if (!ok) nm_batch_answer_all(b, NULL); /* what is done is not lost */
    if (!ok) return false;
    if (b->end.code == NOMUL_OK) return true;
    *err = b->end;
    return false;
}

void nm_batch_free(nm_batch *b)
{
    while (b->first) nm_batch_free_job(b, b->first);
    nm_free(b->running);
    nm_free(b->texts);
    nm_lines_free(&b->lines);
}
