/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a batch: fill the free places with continuations of prompts that were read, then with
 * new lines; step all running texts together; write the answers of those that finished.  Room is
 * given in that order so that a prompt's continuations follow it before another prompt is read.
 */
#include "cli/batch/batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/batch/batch_jobs.h"
#include "cli/interrupt.h"
#include "cli/numbers.h"

/* A line of progress on a terminal, replaced a few times a second. */
static void show(nm_batch *b)
{
    const nm_batch_counts *c = &b->counts;
    uint64_t               n = c->n_prompt_ids + c->n_generated;
    double                 now = nm_clock();
    char                   line[128];

    if (!b->options->show || now - b->shown < 0.2) return;
    snprintf(line, sizeof line, "%s done, %zu running, %s tokens, %.1f tokens/s",
             nm_show_count(c->n_done).text, b->n_running, nm_show_count(n).text,
             nm_rate(n, c->seconds));
    fprintf(stderr, "\r%-78.78s", line);
    b->shown = now;
}

/* ---- Texts ----------------------------------------------------------------------------------- */

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

/*
 * A text runs from now on: from the base, it reads its line's prompt; from its job's reader, which
 * has read the prompt, it continues it.
 */
static bool begin(nm_batch *b, nm_batch_text *text, const nomul_text *from, nomul_error *err)
{
    nm_batch_job     *job = text->job;
    nm_buffer        *prompt = &job->line.prompt; /* empty once it was read */
    nomul_text_counts counts = {.size = sizeof counts};

    text->text = fork_text(b, text, from, err);
    if (!text->text ||
        nomul_text_prompt(text->text, prompt->data, prompt->n_bytes, err) != NOMUL_OK)
        return false;
    if (from == b->base) {
        nomul_text_get_counts(text->text, &counts, NULL);
        job->n_prompt = counts.n_prompt;
        nm_buffer_free(prompt);
    }
    if (text != &job->reader) job->n_begun++;
    text->answer.keep = true;
    text->answer.n_logprobs = b->options->n_logprobs;
    nm_answer_begin(&text->answer);
    b->running[b->n_running++] = text;
    if (b->n_running > b->counts.most_texts) b->counts.most_texts = b->n_running;
    return true;
}

/* Texts that finished leave, earlier ones first: their continuations begin in that order too. */
static bool end_finished(nm_batch *b, nomul_error *err)
{
    size_t n_kept = 0;
    bool   ok = true;

    for (size_t i = 0; i < b->n_running; i++) {
        nm_batch_text *text = b->running[i];
        nm_batch_job  *job = text->job;
        bool           reads = text == &job->reader;

        if (!ok || text->answer.finish == NOMUL_FINISH_NONE) {
            b->running[n_kept++] = text;
        } else if (reads && text->answer.finish == NOMUL_FINISH_LENGTH) {
            job->next_read = NULL; /* the prompt is read: its continuations can begin */
            *(b->first_read ? &b->last_read->next_read : &b->first_read) = job;
            b->last_read = job;
        } else {
            nomul_text_free(text->text);
            text->text = NULL;
            if (reads) continue; /* cancelled */
            text->done = true;
            b->counts.n_done++;
            ok = nm_batch_answer(b, job, err); /* may free the job */
        }
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
    return nm_buffer_add(&job->problem, err->text, strlen(err->text), err) &&
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
    if (o->escapes && n_bytes > 0 && line[0] != '{') nm_buffer_unescape(&job->line.prompt);
    return begin(b, job->n_texts > 1 ? &job->reader : &job->texts[0], b->base, err) ||
           refuse(b, job, err);
}

/*
 * Begins texts while there is room for them.  No line is read while NM_BATCH_WAITING answers for
 * each of n_parallel wait for one that takes long; nor, while texts run, one that has not arrived.
 */
static bool fill(nm_batch *b, nomul_error *err)
{
    const nm_batch_options *o = b->options;

    while (b->n_running < o->n_parallel && !nm_interrupted()) {
        const char   *line = NULL;
        size_t        n_bytes = 0;
        nm_batch_job *job = b->first_read;

        show(b);
        if (job) {
            if (!begin(b, &job->texts[job->n_begun], job->reader.text, err)) return false;
            if (job->n_begun < job->n_texts) continue;
            b->first_read = job->next_read; /* that was the last: the reader is not needed */
            nomul_text_free(job->reader.text);
            job->reader.text = NULL;
            continue;
        }
        if (b->ended || (b->n_running > 0 && b->n_jobs / NM_BATCH_WAITING >= o->n_parallel)) break;
        nm_line read = nm_lines_next(&b->lines, b->n_running == 0, &line, &n_bytes, &b->end);
        if (read == NM_LINE_LATER) break;
        if (read == NM_LINE_READ && !take_line(b, line, n_bytes, err)) return false;
        b->ended = read != NM_LINE_READ;
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
    show(b);
    return true;
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
    if (b->options->show && b->shown > 0) fprintf(stderr, "\r%78s\r", "");
    if (nm_interrupted() && (ok || err->code == NOMUL_E_CANCELLED)) {
        /* A step finishes what runs as cancelled; it is answered as far as it got. */
        if (b->n_running > 0 && !step(b, err)) return false;
        return nm_batch_answer_all(b, err) && nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
    }
    if (!ok) nm_batch_answer_all(b, NULL); /* what is done is not lost */
    if (ok && b->end.code != NOMUL_OK) *err = b->end;
    return ok && b->end.code == NOMUL_OK;
}

void nm_batch_free(nm_batch *b)
{
    while (b->first) nm_batch_free_job(b, b->first);
    nm_free(b->running);
    nm_free(b->texts);
    nm_lines_free(&b->lines);
}
