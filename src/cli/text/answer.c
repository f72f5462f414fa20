/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text/answer.h"

#include "base/clock.h"
#include "cli/output.h"

void nm_answer_begin(nm_answer *a)
{
    a->began = nm_clock();
}

/* The first id ends the time of the prompt. */
static void count(nm_answer *a, const nomul_text *text)
{
    nomul_text_counts counts = {.size = sizeof counts};
    double            now = nm_clock();
    bool              first = a->n_generated == 0;

    nomul_text_get_counts(text, &counts, NULL);
    a->n_prompt = counts.n_prompt, a->n_read = counts.n_read;
    a->n_generated = counts.n_generated;
    a->finish = nomul_text_finish(text);
    if (first)
        a->prompt_seconds = now - a->began;
    else
        a->seconds = now - a->began;
    if (first && a->n_generated > 0) a->began = now;
    if (!first && nomul_text_id(text) >= 0) a->n_steps++;
}

bool nm_answer_add(nm_answer *a, const nomul_text *text, nomul_error *err)
{
    size_t               n_bytes = 0, n_scores = (a->n_logprobs + 1) * sizeof(nomul_logprob);
    const char          *bytes = nomul_text_bytes(text, &n_bytes);
    const nomul_logprob *scores = nomul_text_logprobs(text);
    int32_t              id = nomul_text_id(text);

    count(a, text);
    if (!a->keep) return true;
    if (!nm_buffer_add(&a->bytes, bytes, n_bytes, err)) return false;
    if (id >= 0 && !nm_ids_add(&a->ids, id, err)) return false;
    return !scores || nm_buffer_add(&a->logprobs, (const char *)scores, n_scores, err);
}

void nm_answer_free(nm_answer *a)
{
    nm_buffer_free(&a->bytes);
    nm_buffer_free(&a->logprobs);
    nm_ids_free(&a->ids);
}

bool nm_answer_run(nm_answer *a, nomul_text *text, bool stream, nomul_error *err)
{
    nm_answer_begin(a);
    while (!a->closed && nomul_text_finish(text) == NOMUL_FINISH_NONE) {
        size_t n_bytes = 0;

        if (nomul_text_step(&text, 1, err) != NOMUL_OK || !nm_answer_add(a, text, err))
            return false;
        const char *bytes = nomul_text_bytes(text, &n_bytes);
        if (stream) nm_output_write(bytes, n_bytes);
        a->closed = !nm_output_flush();
    }
    return true;
}

const nomul_logprob *nm_answer_logprobs(const nm_answer *a, size_t index)
{
    return (const nomul_logprob *)(const void *)a->logprobs.data + index * (a->n_logprobs + 1);
}
