/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a batch: fill the free places with continuations of prompts that were read, then with
 * new lines; step all running texts together; write the answers of those that finished.  Room is
 * given in that order so that a prompt's continuations follow it before another prompt is read.
 * Jobs form a list in the order of their lines.  Without --as-ready only the first is written, so
 * an answer that takes long keeps those after it in memory: fill bounds their number.
 */
#include "cli/batch/batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/xxh64.h"
#include "cli/record.h"

/* A line of progress on a terminal, replaced a few times a second. */
static void show(nm_batch *b)
{
    const nm_batch_counts *c = &b->counts;
    uint64_t               n = c->n_prompt_ids + c->n_generated;
    char                   line[160];
    double                 share = 0; /* done, of the lines' bytes */

    if (!nm_progress_due(&b->bar)) return;
    snprintf(line, sizeof line, "%s done, %zu running, %s, %.1f tokens/s",
             nm_show_count(c->n_done).text, b->n_running, nm_show_amount(n, "token").text,
             nm_rate(n, c->seconds));
    if (b->options->n_input > 0 && c->n_done > 0)
        share = (double)b->n_taken / (double)b->options->n_input * (double)c->n_done /
                (double)(c->n_lines * b->options->n_best);
    size_t used = strlen(line);
    if (share > 0)
        snprintf(line + used, sizeof line - used, ", %s left",
                 nm_show_duration(c->seconds / share - c->seconds).text);
    nm_progress_draw(&b->bar, line);
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

/* Takes it out of the list; its texts and answers go with it. */
static void free_job(nm_batch *b, nm_batch_job *job)
{
    *(job->previous ? &job->previous->next : &b->first) = job->next;
    *(job->next ? &job->next->previous : &b->last) = job->previous;
    nomul_text_free(job->reader.text);
    nm_answer_free(&job->reader.answer);
    for (size_t i = 0; i < b->options->n_best; i++) {
        nomul_text_free(job->texts[i].text);
        nm_answer_free(&job->texts[i].answer);
    }
    nm_batch_line_free(&job->line);
    nm_buffer_free(&job->problem);
    nm_free(job);
    b->n_jobs--;
}

/* ---- Answers --------------------------------------------------------------------------------- */

/*
 * Writes the answers of this job that are done; in_order: up to the first that is not.  A batch
 * that can be resumed writes all of them together, as a line is only done with its last one.
 */
static bool write_job(const nm_batch *b, nm_batch_job *job, bool in_order, nomul_error *err)
{
    if (b->options->done && job->n_done < job->n_texts) return true;
    if (job->problem.n_bytes > 0) {
        nm_record f = {.format = NM_RECORD_JSON};

        nm_record_open(&f, NULL, '{');
        nm_record_spelled(&f, "id", job->line.id.data, job->line.id.n_bytes);
        nm_record_bytes(&f, "error", job->problem.data, job->problem.n_bytes);
        nm_record_close(&f, '}');
        nm_output_print("\n");
    }
    for (size_t i = 0; i < job->n_texts; i++) {
        nm_batch_text *text = &job->texts[i];
        nm_report      report = {
                 .answer = &text->answer,
                 .tokenizer = nomul_model_tokenizer(b->options->model),
                 .id = job->line.id.data,
                 .n_id = job->line.id.n_bytes,
                 .has_index = b->options->args->n_best > 0,
                 .index = text->index,
                 .n_prompt = job->n_prompt,
                 .load_seconds = b->options->load_seconds,
                 .seed = text->seed,
                 .no_timings = b->options->args->no_timings,
        };

        if (text->written) continue;
        if (!text->done && in_order) break;
        if (!text->done) continue;
        if (!nm_report_json(&report, err)) return false;
        nm_answer_free(&text->answer);
        text->answer = (nm_answer){0};
        text->written = true;
        job->n_written++;
    }
    return nm_output_flush() || nm_fail(err, NOMUL_E_CANCELLED, "standard output is closed");
}

/* Something of this job is done: writes what may be written now, frees jobs that are done. */
static bool write_answers(nm_batch *b, nm_batch_job *job, nomul_error *err)
{
    bool as_ready = b->options->args->as_ready;

    for (job = as_ready ? job : b->first; job; job = as_ready ? NULL : b->first) {
        if (!write_job(b, job, !as_ready, err)) return false;
        if (job->n_written < job->n_texts) break;
        free_job(b, job);
    }
    return true;
}

/*
 * Nothing more will come: writes everything that is done, whatever its place.  A batch that can be
 * resumed leaves that to the next run: together they write what an undisturbed one does.
 */
static bool write_all(const nm_batch *b, nomul_error *err)
{
    for (nm_batch_job *job = b->options->done ? NULL : b->first; job; job = job->next)
        if (!write_job(b, job, false, err)) return false;
    return true;
}

/* ---- Texts ----------------------------------------------------------------------------------- */

/*
 * The options of a continuation: the line's, with the seed of its place.  The generator of a saved
 * text continues in the first continuation, unless the line has a seed.
 */
static nomul_text *fork_text(nm_batch *b, nm_batch_text *text, const nomul_text *from,
                             nomul_error *err)
{
    const nm_batch_options *o = b->options;
    const nm_text_args     *args = &text->job->line.args;
    bool        continues = args->seed == NM_SEED_SAVED, reads = text->index == NM_BATCH_READER;
    nm_sampling sampling;
    nomul_text *fork = NULL;
    nomul_mark *mark = NULL;

    if (!nm_sampling_init(&sampling, args, NULL, NULL, o->model, err)) {
        nm_sampling_free(&sampling);
        return NULL;
    }
    if (continues) sampling.options.seed = nomul_mark_get_info(o->saved)->sampler->seed;
    if (!reads && text->index > 0) sampling.options.seed = text->job->texts[0].seed + text->index;
    text->seed = sampling.options.seed;
    nomul_text_options options = nm_text_args_options(args, &sampling, NULL);
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
    if (fork && o->saved && !o->args->quiet) nm_text_note_missing(fork, &b->noted, &b->bar);
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
    text->answer.began = nm_clock();
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
            if (reads || (b->options->done && text->answer.finish == NOMUL_FINISH_CANCELLED))
                continue; /* no answer */
            text->done = true;
            job->n_done++;
            b->counts.n_done++;
            ok = write_answers(b, job, err); /* may free the job */
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
           write_answers(b, job, err);
}

/* A job, after all others, of a line: its first text begins, or it is refused. */
static bool take_line(nm_batch *b, const char *line, size_t n_bytes, nomul_error *err)
{
    const nm_batch_options *o = b->options;
    size_t                  size = sizeof(nm_batch_job) + o->n_best * sizeof(nm_batch_text);
    nm_batch_job           *job = nm_alloc(size);
    uint64_t                number = b->counts.n_lines++;

    if (o->args->stable_ids) number = nm_xxh64_of(line, n_bytes);

    if (!job) return nm_fail_memory(err, size);
    memset(job, 0, size);
    job->n_texts = o->n_best;
    job->reader = (nm_batch_text){.job = job, .index = NM_BATCH_READER};
    for (size_t i = 0; i < o->n_best; i++) job->texts[i].job = job, job->texts[i].index = i;
    job->previous = b->last;
    *(b->last ? &b->last->next : &b->first) = job;
    b->last = job;
    b->n_jobs++;

    bool ok = nm_batch_line_read(&job->line, line, n_bytes, number, o->defaults, err);
    if (o->done && nm_batch_done_has(o->done, &job->line.id, ok ? o->n_best : 1)) {
        b->counts.n_skipped++;
        free_job(b, job);
        return true;
    }
    if (!ok) return refuse(b, job, err);
    if (job->line.args.seed > (int64_t)NM_INT_MAX_EXACT - (int64_t)(o->n_best - 1)) {
        nm_fail(err, NOMUL_E_ARG, "seed: %" PRId64 " is too large for %zu in a row",
                job->line.args.seed, o->n_best);
        return refuse(b, job, err);
    }
    int64_t most = o->args->max_predict, *n_predict = &job->line.args.n_predict;
    if (most >= 0 && (*n_predict < 0 || *n_predict > most)) *n_predict = most;
    if (o->args->escapes && n_bytes > 0 && line[0] != '{') nm_buffer_unescape(&job->line.prompt);
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
        if (read == NM_LINE_FAILED && b->end.code == NOMUL_E_ARG)
            nm_fail_in(&b->end, "line %" PRIu64, b->counts.n_lines + 1);
        if (read == NM_LINE_READ) b->n_taken += n_bytes + 1;
        if (read == NM_LINE_READ && !take_line(b, line, n_bytes, err)) return false;
        b->ended = read != NM_LINE_READ;
    }
    return true;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* All running texts by a token or by their share of a prompt; those that finished are answered. */
static bool step(nm_batch *b, nomul_error *err)
{
    double began = nm_clock();

    for (size_t i = 0; i < b->n_running; i++) b->texts[i] = b->running[i]->text;
    if (nomul_text_step(b->texts, b->n_running, err) != NOMUL_OK) return false;
    for (size_t i = 0; i < b->n_running; i++) {
        nm_batch_text *text = b->running[i];
        uint64_t       n_read = text->answer.effort.n_read;

        if (!nm_answer_add(&text->answer, text->text, err)) return false;
        b->counts.n_prompt_ids += text->answer.effort.n_read - n_read;
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
    nm_progress_erase(&b->bar);
    if (nm_interrupted() && (ok || err->code == NOMUL_E_CANCELLED)) {
        /* A step finishes what runs as cancelled; it is answered as far as it got. */
        if (b->n_running > 0 && !step(b, err)) return false;
        return write_all(b, err) && nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
    }
    if (!ok) write_all(b, NULL); /* what is done is not lost */
    if (ok && b->end.code != NOMUL_OK) *err = b->end;
    return ok && b->end.code == NOMUL_OK;
}

void nm_batch_free(nm_batch *b)
{
    while (b->first) free_job(b, b->first);
    nm_free(b->running);
    nm_free(b->texts);
    nm_buffer_free(&b->lines.buffer);
}
