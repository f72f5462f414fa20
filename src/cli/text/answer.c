/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two clocks: the first generated id ends the time of the prompt, in which it is sampled, and
 * starts that of generation.  So `seconds` measures n_steps = n_generated - 1 tokens.
 * The JSON object is written whole or not at all: what needs memory comes before its first byte.
 */
#include "cli/text/answer.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/os.h"
#include "cli/record.h"

bool nm_answer_add(nm_answer *a, const nomul_text *text, nomul_error *err)
{
    nm_effort           *e = &a->effort;
    size_t               n_bytes = 0, n_scores = (a->n_logprobs + 1) * sizeof(nomul_logprob);
    const char          *bytes = nomul_text_bytes(text, &n_bytes);
    const nomul_logprob *scores = nomul_text_logprobs(text);
    size_t               n_ids = 0;
    const int32_t       *ids = nomul_text_ids(text, &n_ids);
    bool                 first = e->n_generated == 0;
    nomul_text_counts    counts = {.size = sizeof counts};
    double               now = nm_clock();

    nomul_text_get_counts(text, &counts, NULL);
    a->n_prompt = counts.n_prompt;
    e->n_read = counts.n_read;
    e->n_generated = counts.n_generated;
    a->finish = nomul_text_finish(text);
    *(first ? &e->prompt_seconds : &e->seconds) = now - a->began;
    if (first && e->n_generated > 0) a->began = now;
    if (!first && n_ids > 0) e->n_steps++;
    if (!a->keep) return true;
    return nm_buffer_add(&a->bytes, bytes, n_bytes, err) &&
           nm_buffer_add(&a->ids, (const char *)ids, n_ids * sizeof *ids, err) &&
           (!scores || nm_buffer_add(&a->logprobs, (const char *)scores, n_scores, err));
}

void nm_answer_free(nm_answer *a)
{
    nm_buffer_free(&a->bytes);
    nm_buffer_free(&a->logprobs);
    nm_buffer_free(&a->ids);
}

bool nm_answer_run(nm_answer *a, nomul_text *text, bool stream, nomul_error *err)
{
    if (a->began == 0) a->began = nm_clock();
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

/* ---- For people ------------------------------------------------------------------------------ */

void nm_effort_add(nm_effort *sum, const nm_effort *effort)
{
    sum->n_read += effort->n_read;
    sum->n_generated += effort->n_generated;
    sum->n_steps += effort->n_steps;
    sum->prompt_seconds += effort->prompt_seconds;
    sum->seconds += effort->seconds;
}

void nm_effort_begin(const nm_opened *o)
{
    if (nm_os_is_terminal(NM_OS_STDERR)) fprintf(stderr, "\n");
    nm_output_say("%-9s %s, %s in %s", "model", o->path,
                  nm_show_bytes(nomul_model_get_info(o->model)->file_bytes).text,
                  nm_show_seconds(o->load_seconds).text);
}

void nm_effort_end(const nm_opened *o, uint64_t n_bytes, const char *whose)
{
    fprintf(stderr, "%-9s %s, %s of it the state of %s; %s, kernels %s\n", "memory",
            nm_show_bytes(n_bytes).text,
            nm_show_bytes(nomul_model_get_info(o->model)->state_bytes).text, whose,
            nm_show_amount(nomul_session_n_threads(o->session), "thread").text,
            nomul_model_kernels(o->model));
}

void nm_effort_print(const nm_effort *e, const nm_opened *o, uint64_t seed)
{
    nm_effort_begin(o);
    nm_output_speed("prompt", e->n_read, e->n_read, e->prompt_seconds);
    nm_output_speed("generated", e->n_generated, e->n_steps, e->seconds);
    nm_effort_end(o, o->session_bytes, "the text");
    fprintf(stderr, "%-9s %" PRIu64 "\n", "seed", seed);
}

/* ---- For programs ---------------------------------------------------------------------------- */

typedef struct speller {
    nomul_decoder *decoder;
    nm_buffer      bytes; /* of the present id */
} speller;

/* The bytes of an id in the middle of a text, control tokens and parts of characters too. */
static bool spell(speller *s, int32_t id, nomul_error *err)
{
    size_t      n_bytes = 0;
    const char *bytes = nomul_decoder_push(s->decoder, id, &n_bytes);

    s->bytes.n_bytes = 0;
    if (bytes && !nm_buffer_add(&s->bytes, bytes, n_bytes, err)) return false;
    bytes = nomul_decoder_flush(s->decoder, &n_bytes);
    return nm_buffer_add(&s->bytes, bytes, n_bytes, err);
}

/* {"id":..,"token":"..","logprob":..,"bytes":[..], without the closing brace. */
static void print_token(nm_record *f, speller *s, const nomul_logprob *token)
{
    spell(s, token->id, NULL); /* there is room for it */
    nm_record_open(f, NULL, '{');
    nm_record_number(f, "id", "%" PRId32, token->id);
    nm_record_bytes(f, "token", s->bytes.data, s->bytes.n_bytes);
    nm_record_real(f, "logprob", (double)token->logprob);
    nm_record_open(f, "bytes", '[');
    for (size_t i = 0; i < s->bytes.n_bytes; i++)
        nm_record_count(f, NULL, (unsigned char)s->bytes.data[i]);
    nm_record_close(f, ']');
}

static void print_logprobs(nm_record *f, speller *s, const nm_answer *a)
{
    nm_record_open(f, "logprobs", '[');
    for (size_t i = 0; i < a->effort.n_generated; i++) {
        const nomul_logprob *scores = nm_answer_logprobs(a, i);

        print_token(f, s, scores);
        nm_record_open(f, "top_logprobs", '[');
        for (size_t best = 1; best <= a->n_logprobs; best++) {
            print_token(f, s, scores + best);
            nm_record_close(f, '}');
        }
        nm_record_close(f, ']');
        nm_record_close(f, '}');
    }
    nm_record_close(f, ']');
}

/* By the reason; a text that has not finished was stopped. */
static const char *const reasons[] = {
    [NOMUL_FINISH_NONE] = "cancelled",      [NOMUL_FINISH_EOS] = "stop",
    [NOMUL_FINISH_STOP] = "stop",           [NOMUL_FINISH_LENGTH] = "length",
    [NOMUL_FINISH_CANCELLED] = "cancelled",
};

bool nm_report_json(const nm_report *r, nomul_error *err)
{
    const nm_answer *a = r->answer;
    const nm_effort *e = &a->effort;
    nm_record        record = {.format = NM_RECORD_JSON}, *f = &record;
    speller          s = {.decoder = NULL};
    size_t n_spelled = a->n_logprobs > 0 ? (size_t)a->effort.n_generated * (a->n_logprobs + 1) : 0;

    if (n_spelled > 0) s.decoder = nomul_decoder_new(r->tokenizer, NOMUL_DECODE_SPECIAL, err);
    bool ok = n_spelled == 0 || s.decoder;
    for (size_t i = 0; ok && i < n_spelled; i++) /* allocates the memory of the longest */
        ok = spell(&s, nm_answer_logprobs(a, 0)[i].id, err);
    if (ok) {
        nm_record_open(f, NULL, '{');
        nm_record_spelled(f, "id", r->id, r->n_id);
        if (r->has_index) nm_record_count(f, "index", r->index);
        nm_record_count(f, "prompt_tokens", r->n_prompt);
        nm_record_bytes(f, "text", a->bytes.data, a->bytes.n_bytes);
        nm_record_ids(f, "tokens", (const int32_t *)(const void *)a->ids.data,
                      a->ids.n_bytes / sizeof(int32_t));
        if (a->n_logprobs > 0) print_logprobs(f, &s, a);
        nm_record_text(f, "finish_reason", reasons[a->finish]);
        nm_record_count(f, "seed", r->seed);
        if (!r->no_timings) {
            nm_record_open(f, "timings", '{');
            nm_record_real(f, "load_ms", 1000 * r->load_seconds);
            nm_record_count(f, "prompt_n", e->n_read);
            nm_record_real(f, "prompt_ms", 1000 * e->prompt_seconds);
            nm_record_real(f, "prompt_per_second", nm_rate(e->n_read, e->prompt_seconds));
            nm_record_count(f, "predicted_n", e->n_generated);
            nm_record_real(f, "predicted_ms", 1000 * e->seconds);
            nm_record_real(f, "predicted_per_second", nm_rate(e->n_steps, e->seconds));
            nm_record_close(f, '}');
        }
        nm_record_close(f, '}');
        nm_output_print("\n");
    }
    nomul_decoder_free(s.decoder);
    nm_buffer_free(&s.bytes);
    return ok;
}
