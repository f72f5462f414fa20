/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs form a list in the order of their lines.  Without --as-ready only the first one is written,
 * so an answer that takes long keeps those after it in memory; batch.c bounds their number.
 */
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
    nm_buffer_free(&job->problem);
    nm_free(job);
    b->n_jobs--;
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* Writes the answers of this job that are done; in_order: up to the first that is not. */
static bool write_job(const nm_batch *b, nm_batch_job *job, bool in_order, nomul_error *err)
{
    if (job->problem.n_bytes > 0) {
        nm_output_print("{\"id\":");
        nm_output_write(job->line.id.data, job->line.id.n_bytes);
        nm_output_print(",\"error\":");
        nm_output_json_string(job->problem.data, job->problem.n_bytes);
        nm_output_print("}\n");
    }
    for (size_t i = 0; i < job->n_texts; i++) {
        nm_batch_text *text = &job->texts[i];
        nm_report      report = {
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

bool nm_batch_answer(nm_batch *b, nm_batch_job *job, nomul_error *err)
{
    bool as_ready = b->options->as_ready;

    for (job = as_ready ? job : b->first; job; job = as_ready ? NULL : b->first) {
        if (!write_job(b, job, !as_ready, err)) return false;
        if (job->n_written < job->n_texts) break;
        nm_batch_free_job(b, job);
    }
    return true;
}

bool nm_batch_answer_all(nm_batch *b, nomul_error *err)
{
    for (nm_batch_job *job = b->first; job; job = job->next)
        if (!write_job(b, job, false, err)) return false;
    return true;
}
