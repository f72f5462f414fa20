/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/numbers.h"
#include "cli/output.h"

static double rate(uint64_t n, double seconds)
{
    return seconds > 0 ? (double)n / seconds : 0;
}

static const char *finish_word(nm_finish finish)
{
    static const char *const words[] = {"stop", "length", "cancelled", "cancelled"};

    return words[finish];
}

/* ---- For people ------------------------------------------------------------------------------ */

static void print_speed(const char *what, uint64_t n, uint64_t n_passes, double seconds)
{
    fprintf(stderr, "%-9s %s tokens in %s", what, nm_show_count(n).text,
            nm_show_seconds(seconds).text);
    if (n_passes > 0) fprintf(stderr, ", %.1f tokens/s", rate(n_passes, seconds));
    fprintf(stderr, "\n");
}

void nm_effort_add(nm_effort *effort, const nm_generation *g)
{
    effort->n_read += nm_generation_n_read(g);
    effort->n_made += g->ids.n;
    effort->n_steps += g->n_steps;
    effort->prompt_seconds += g->prompt_seconds;
    effort->seconds += g->seconds;
}

void nm_report_statistics(const nm_report *r)
{
    const nm_effort        *effort = &r->effort;
    const nomul_model_info *info = nomul_model_get_info(r->model);

    if (isatty(STDERR_FILENO)) fprintf(stderr, "\n");
    fprintf(stderr, "%-9s %s, %s in %s\n", "model", r->path, nm_show_bytes(info->file_bytes).text,
            nm_show_seconds(r->load_seconds).text);
    print_speed("prompt", effort->n_read, effort->n_read, effort->prompt_seconds);
    print_speed("generated", effort->n_made, effort->n_steps, effort->seconds);
    fprintf(stderr, "%-9s %s, of it %s of state, however long the text; %zu thread%s, kernels %s\n",
            "memory", nm_show_bytes(r->session_bytes).text, nm_show_bytes(info->state_bytes).text,
            r->n_threads, r->n_threads == 1 ? "" : "s", nomul_model_kernels(r->model));
    fprintf(stderr, "%-9s %" PRIu64 "\n", "seed", r->seed);
}

/* ---- For programs ---------------------------------------------------------------------------- */

static void print_timings(const nm_report *r)
{
    const nm_generation *g = r->generation;
    size_t               n_read = nm_generation_n_read(g);
    const struct {
        const char *name;
        double      value;
    } rows[] = {
        {"load_ms", 1000 * r->load_seconds},
        {"prompt_n", (double)n_read},
        {"prompt_ms", 1000 * g->prompt_seconds},
        {"prompt_per_second", rate(n_read, g->prompt_seconds)},
        {"predicted_n", (double)g->ids.n},
        {"predicted_ms", 1000 * g->seconds},
        {"predicted_per_second", rate(g->n_steps, g->seconds)},
    };

    nm_output_print(",\"timings\":{");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nm_output_print("%s\"%s\":", i ? "," : "", rows[i].name);
        nm_output_json_number(rows[i].value);
    }
    nm_output_print("}");
}

typedef struct speller {
    nomul_decoder *decoder;
    nm_text        bytes; /* of the id now */
} speller;

/* What an id says in the middle of a text, control tokens too, a character's part as raw bytes. */
static bool spell(speller *s, int32_t id, nomul_error *err)
{
    size_t      n_bytes = 0;
    const char *bytes = nomul_decoder_push(s->decoder, id, &n_bytes);

    s->bytes.n_bytes = 0;
    if (bytes && !nm_text_add(&s->bytes, bytes, n_bytes, err)) return false;
    bytes = nomul_decoder_flush(s->decoder, &n_bytes);
    return nm_text_add(&s->bytes, bytes, n_bytes, err);
}

/* Takes the memory for all that it will spell: an answer is written whole or not begun. */
static bool open_speller(speller *s, const nm_generation *g, nomul_error *err)
{
    s->decoder = nomul_decoder_new(g->tokenizer, NOMUL_DECODE_SPECIAL, err);
    if (!s->decoder) return false;
    for (size_t i = 0; i < g->ids.n; i++)
        for (size_t best = 0; best <= g->n_logprobs; best++)
            if (!spell(s, nm_generation_logprobs(g, i)[best].id, err)) return false;
    return true;
}

static void close_speller(speller *s)
{
    nomul_decoder_free(s->decoder);
    nm_text_free(&s->bytes);
}

/* {"id":..,"token":"..","logprob":..,"bytes":[..]}, the brace at the end left to the caller. */
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

static void print_position(speller *s, const nm_generation *g, size_t index)
{
    const nomul_logprob *scores = nm_generation_logprobs(g, index);

    print_token(s, scores);
    nm_output_print(",\"top_logprobs\":[");
    for (size_t i = 1; i <= g->n_logprobs; i++) {
        if (i > 1) nm_output_print(",");
        print_token(s, scores + i);
        nm_output_print("}");
    }
    nm_output_print("]}");
}

static void print_logprobs(speller *s, const nm_generation *g)
{
    nm_output_print(",\"logprobs\":[");
    for (size_t i = 0; i < g->ids.n; i++) {
        if (i > 0) nm_output_print(",");
        print_position(s, g, i);
    }
    nm_output_print("]");
}

static void print_all(const nm_report *r, speller *s)
{
    const nm_generation *g = r->generation;
    size_t               n_made = g->text.n_bytes - g->n_prompt_bytes;

    nm_output_print("{\"id\":");
    nm_output_write(r->id, r->n_id);
    if (r->has_index) nm_output_print(",\"index\":%zu", r->index);
    nm_output_print(",\"prompt_tokens\":%zu,\"text\":", g->n_prompt_ids);
    nm_output_json_string(n_made > 0 ? g->text.data + g->n_prompt_bytes : "", n_made);
    nm_output_print(",\"tokens\":");
    nm_output_json_ids(g->ids.at, g->ids.n);
    if (g->n_logprobs > 0) print_logprobs(s, g);
    nm_output_print(",\"finish_reason\":\"%s\",\"seed\":%" PRIu64, finish_word(g->finish),
                    r->seed);
    print_timings(r);
    nm_output_print("}\n");
}

bool nm_report_json(const nm_report *r, nomul_error *err)
{
    speller s = {.decoder = NULL};
    bool    ok = r->generation->n_logprobs == 0 || open_speller(&s, r->generation, err);

    if (ok) print_all(r, &s);
    close_speller(&s);
    return ok;
}
