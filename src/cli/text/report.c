/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/os.h"
#include "cli/numbers.h"
#include "cli/output.h"

static double rate(uint64_t n, double seconds)
{
    return seconds > 0 ? (double)n / seconds : 0;
}

/* ---- For people ------------------------------------------------------------------------------ */

void nm_effort_add(nm_effort *effort, const nm_answer *a)
{
    effort->n_read += a->n_read;
    effort->n_generated += a->n_generated;
    effort->n_steps += a->n_steps;
    effort->prompt_seconds += a->prompt_seconds;
    effort->seconds += a->seconds;
}

static void print_speed(const char *what, uint64_t n, uint64_t n_passes, double seconds)
{
    fprintf(stderr, "%-9s %s tokens in %s", what, nm_show_count(n).text,
            nm_show_seconds(seconds).text);
    if (n_passes > 0) fprintf(stderr, ", %.1f tokens/s", rate(n_passes, seconds));
    fprintf(stderr, "\n");
}

void nm_statistics_print(const nm_statistics *s)
{
    const nm_effort        *e = &s->effort;
    const nomul_model_info *info = nomul_model_get_info(s->model);

    if (nm_os_is_terminal(NM_OS_STDERR)) fprintf(stderr, "\n");
    fprintf(stderr, "%-9s %s, %s in %s\n", "model", s->path, nm_show_bytes(info->file_bytes).text,
            nm_show_seconds(s->load_seconds).text);
    print_speed("prompt", e->n_read, e->n_read, e->prompt_seconds);
    print_speed("generated", e->n_generated, e->n_steps, e->seconds);
    fprintf(stderr, "%-9s %s, %s of it the state of the text; %zu thread%s, kernels %s\n", "memory",
            nm_show_bytes(s->session_bytes).text, nm_show_bytes(info->state_bytes).text,
            s->n_threads, s->n_threads == 1 ? "" : "s", nomul_model_kernels(s->model));
    fprintf(stderr, "%-9s %" PRIu64 "\n", "seed", s->seed);
}

/* ---- For programs ---------------------------------------------------------------------------- */

typedef struct speller {
    nomul_decoder *decoder;
    nm_text        bytes; /* of the present id */
} speller;

/* The bytes of an id in the middle of a text, control tokens and parts of characters too. */
static bool spell(speller *s, int32_t id, nomul_error *err)
{
    size_t      n_bytes = 0;
    const char *bytes = nomul_decoder_push(s->decoder, id, &n_bytes);

    s->bytes.n_bytes = 0;
    if (bytes && !nm_text_add(&s->bytes, bytes, n_bytes, err)) return false;
    bytes = nomul_decoder_flush(s->decoder, &n_bytes);
    return nm_text_add(&s->bytes, bytes, n_bytes, err);
}

/* Allocates the memory for everything it will spell: an answer is written whole or not at all. */
static bool open_speller(speller *s, const nm_report *r, nomul_error *err)
{
    s->decoder = nomul_decoder_new(r->tokenizer, NOMUL_DECODE_SPECIAL, err);
    if (!s->decoder) return false;
    for (size_t i = 0; i < r->answer->ids.n; i++)
        for (size_t best = 0; best <= r->answer->n_logprobs; best++)
            if (!spell(s, nm_answer_logprobs(r->answer, i)[best].id, err)) return false;
    return true;
}

/* {"id":..,"token":"..","logprob":..,"bytes":[..]}, without the closing brace. */
static void print_token(speller *s, const nomul_logprob *token)
{
    spell(s, token->id, NULL); /* there is room for it */
    nm_output_print("{\"id\":%" PRId32 ",\"token\":", token->id);
    nm_output_json_string(s->bytes.data, s->bytes.n_bytes);
    nm_output_print(",\"logprob\":");
    nm_output_json_number((double)token->logprob);
    nm_output_print(",\"bytes\":");
    nm_output_json_bytes(s->bytes.data, s->bytes.n_bytes);
}

static void print_logprobs(speller *s, const nm_answer *a)
{
    nm_output_print(",\"logprobs\":[");
    for (size_t i = 0; i < a->ids.n; i++) {
        const nomul_logprob *scores = nm_answer_logprobs(a, i);
        nm_output_print(i > 0 ? "," : "");
        print_token(s, scores);
        nm_output_print(",\"top_logprobs\":[");
        for (size_t best = 1; best <= a->n_logprobs; best++) {
            nm_output_print(best > 1 ? "," : "");
            print_token(s, scores + best);
            nm_output_print("}");
        }
        nm_output_print("]}");
    }
    nm_output_print("]");
}

static void print_timings(const nm_report *r)
{
    const nm_answer *a = r->answer;
    const struct {
        const char *name;
        double      value;
    } rows[] = {
        {"load_ms", 1000 * r->load_seconds},
        {"prompt_n", (double)a->n_read},
        {"prompt_ms", 1000 * a->prompt_seconds},
        {"prompt_per_second", rate(a->n_read, a->prompt_seconds)},
        {"predicted_n", (double)a->n_generated},
        {"predicted_ms", 1000 * a->seconds},
        {"predicted_per_second", rate(a->n_steps, a->seconds)},
    };

    nm_output_print(",\"timings\":{");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nm_output_print("%s\"%s\":", i ? "," : "", rows[i].name);
        nm_output_json_number(rows[i].value);
    }
    nm_output_print("}");
}

bool nm_report_json(const nm_report *r, nomul_error *err)
{
    static const char *const reasons[] = {
        [NOMUL_FINISH_NONE] = "cancelled",      [NOMUL_FINISH_EOS] = "stop",
        [NOMUL_FINISH_STOP] = "stop",           [NOMUL_FINISH_LENGTH] = "length",
        [NOMUL_FINISH_CANCELLED] = "cancelled",
    };
    const nm_answer *a = r->answer;
    speller          s = {.decoder = NULL};
    bool             ok = a->n_logprobs == 0 || open_speller(&s, r, err);

    if (ok) {
        nm_output_print("{\"id\":");
        nm_output_write(r->id, r->n_id);
        if (r->has_index) nm_output_print(",\"index\":%zu", r->index);
        nm_output_print(",\"prompt_tokens\":%" PRIu64 ",\"text\":", r->n_prompt);
        nm_output_json_string(a->bytes.n_bytes > 0 ? a->bytes.data : "", a->bytes.n_bytes);
        nm_output_print(",\"tokens\":");
        nm_output_json_ids(a->ids.at, a->ids.n);
        if (a->n_logprobs > 0) print_logprobs(&s, a);
        nm_output_print(",\"finish_reason\":\"%s\",\"seed\":%" PRIu64, reasons[a->finish], r->seed);
        print_timings(r);
        nm_output_print("}\n");
    }
    nomul_decoder_free(s.decoder);
    nm_text_free(&s.bytes);
    return ok;
}
