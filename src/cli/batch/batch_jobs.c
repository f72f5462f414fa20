/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch/batch_jobs.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/output.h"
#include "cli/text/report.h"

/* ---- Jobs ------------------------------------------------------------------------------------ */

nm_batch_job *nm_batch_add_job(nm_batch *b, nomul_error *err)
{
    size_t        n_bytes = sizeof(nm_batch_job) + b->options->n_best * sizeof(nm_batch_text);
    nm_batch_job *job = nm_alloc(n_bytes);

    if (!job) {
        nm_fail_memory(err, n_bytes);
        return NULL;
    }
    memset(job, 0, n_bytes);
    job->n_texts = b->options->n_best;
    job->reader = (nm_batch_text){.job = job, .index = NM_BATCH_READER};
    for (size_t i = 0; i < b->options->n_best; i++)
        job->texts[i].job = job, job->texts[i].index = i;
    job->previous = b->last;
    if (b->last)
        b->last->next = job;
    else
        b->first = job;
    b->last = job;
    b->n_jobs++;
    return job;
}

void nm_batch_free_job(nm_batch *b, nm_batch_job *job)
{
    if (job->previous)
        job->previous->next = job->next;
    else
        b->first = job->next;
    if (job->next)
        job->next->previous = job->previous;
    else
        b->last = job->previous;
    nomul_text_free(job->reader.text);
    nm_answer_free(&job->reader.answer);
    for (size_t i = 0; i < b->options->n_best; i++) {
        nomul_text_free(job->texts[i].text);
        nm_answer_free(&job->texts[i].answer);
    }
    nm_batch_line_free(&job->line);
    nm_text_free(&job->problem);
    nm_free(job);
    b->n_jobs--;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void write_problem(const nm_batch_job *job)
{
    nm_output_print("{\"id\":");
    nm_output_write(job->line.id.data, job->line.id.n_bytes);
    nm_output_print(",\"error\":");
    nm_output_json_string(job->problem.data, job->problem.n_bytes);
    nm_output_print("}\n");
}

static bool write_text(const nm_batch *b, nm_batch_text *text, nomul_error *err)
{
    nm_batch_job *job = text->job;
    nm_report     report = {
            .answer = &text->answer,
            .tokenizer = nomul_model_tokenizer(b->options->model),
            .id = job->line.id.data,
            .n_id = job->line.id.n_bytes,
            .has_index = b->options->indexed,
            .index = text->index,
            .n_prompt = job->n_prompt,
            .load_seconds = b->options->load_seconds,
            .seed = text->seed,
    };

    if (!nm_report_json(&report, err)) return false;
    nm_answer_free(&text->answer);
    text->answer = (nm_answer){0};
    text->written = true;
    job->n_written++;
    return true;
}

/* What can be written of it, whatever its place. */
static bool write_job(nm_batch *b, nm_batch_job *job, nomul_error *err)
{
    if (job->problem.n_bytes > 0) write_problem(job);
    for (size_t i = 0; i < job->n_texts; i++)
        if (job->texts[i].done && !job->texts[i].written && !write_text(b, &job->texts[i], err))
            return false;
    return true;
}

static bool flush(nomul_error *err)
{
    return nm_output_flush() || nm_fail(err, NOMUL_E_CANCELLED, "standard output is closed");
}

/* In order of the lines: the first job's texts, as far as they are done; then the next one's. */
static bool write_in_order(nm_batch *b, nomul_error *err)
{
    for (nm_batch_job *job; (job = b->first) != NULL; nm_batch_free_job(b, job)) {
        if (job->problem.n_bytes > 0) write_problem(job);
        while (job->n_written < job->n_texts) {
            nm_batch_text *text = &job->texts[job->n_written];
            if (!text->done) return flush(err);
            if (!write_text(b, text, err)) return false;
        }
    }
    return flush(err);
}

bool nm_batch_answer(nm_batch *b, nm_batch_job *job, nomul_error *err)
{
    if (!b->options->as_ready) return write_in_order(b, err);
    if (!write_job(b, job, err)) return false;
    if (job->n_written == job->n_texts) nm_batch_free_job(b, job);
    return flush(err);
}

bool nm_batch_answer_all(nm_batch *b, nomul_error *err)
{
    for (nm_batch_job *job = b->first; job; job = job->next)
        if (!write_job(b, job, err)) return false;
    return flush(err);
}
